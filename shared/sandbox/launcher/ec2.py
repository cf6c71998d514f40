"""What EC2 does and moto does not.

API is https://docs.aws.amazon.com/AWSEC2/latest/APIReference
"""

import ipaddress

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.managed_prefixes import ManagedPrefixList
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.responses import EC2Response

from common import page, replaces


def canonical_cidr(cidr):
    """The network that the CIDR stands for: `1.2.3.4/0` is `0.0.0.0/0`."""
    try:
        return str(ipaddress.ip_network(cidr, strict=False))
    except ValueError:
        raise EC2ClientError("InvalidParameterValue", f"CIDR block {cidr} is malformed") from None


def page_of_request(response, items):
    """The part of `items` that the caller asked for, and the token for the next part, if there is one.

    API/Query-Requests.html#api-pagination
    """
    try:
        return page(items, response._get_param("NextToken"), response._get_param("MaxResults"))
    except ValueError:
        raise EC2ClientError("InvalidPaginationToken", "The pagination token is invalid") from None


# API/API_IpPermission.html: protocols by name or number, and only tcp, udp, icmp and icmpv6 have ports.
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


def protocol_and_ports(protocol, from_port, to_port):
    if not protocol:
        raise EC2ClientError(
            "InvalidParameterValue",
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
        )
    protocol = str(protocol).lower()
    protocol = PROTOCOLS.get(protocol, protocol)
    if protocol in ("tcp", "udp") and (from_port is None or to_port is None):
        raise EC2ClientError(
            "InvalidParameterValue",
            "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
        )
    if protocol in ("icmp", "icmpv6"):
        from_port = -1 if from_port is None else from_port
        to_port = -1 if to_port is None else to_port
    elif protocol not in ("tcp", "udp"):
        return protocol, None, None
    return protocol, int(from_port), int(to_port)


moto_rule_init = SecurityGroupRule.__init__


# API/API_AuthorizeSecurityGroupIngress.html, API/API_PrefixListId.html
@replaces(SecurityGroupRule, "__init__")
def rule_init(
    self, ec2_backend, ip_protocol, group_id, from_port, to_port, ip_range,
    source_group=None, prefix_list_id=None, is_egress=True, tags=None,
):
    protocol, from_port, to_port = protocol_and_ports(ip_protocol, from_port, to_port)
    ip_range = dict(ip_range or {})
    for key in ("CidrIp", "CidrIpv6"):
        if ip_range.get(key):
            ip_range[key] = canonical_cidr(ip_range[key])
    if prefix_list_id:
        prefix_list(ec2_backend, prefix_list_id["PrefixListId"])
    moto_rule_init(
        self, ec2_backend, "-1", group_id, None, None, ip_range,
        dict(source_group or {}), prefix_list_id, is_egress, tags,
    )
    self.ip_protocol, self.from_port, self.to_port = protocol, from_port, to_port
    self.prefix_list_description = (prefix_list_id or {}).get("Description")


# API/API_SecurityGroupRule.html: every kind of rule has a description.
def rule_description(self):
    ranges = (self.ip_range, self.source_group)
    return self.prefix_list_description or next((r["Description"] for r in ranges if r.get("Description")), None)


SecurityGroupRule.description = property(rule_description)


def rule_identity(rule):
    return (
        rule.ip_protocol,
        rule.from_port,
        rule.to_port,
        rule.ip_range.get("CidrIp"),
        rule.ip_range.get("CidrIpv6"),
        rule.source_group.get("GroupId"),
        rule.prefix_list_id,
    )


# API/API_AuthorizeSecurityGroupIngress.html: what makes two rules the same; the description is no part of it.
@replaces(SecurityGroupRule, "__eq__")
def rule_eq(self, other):
    return rule_identity(self) == rule_identity(other)


moto_flattened_rules = SecurityGroup._flattened_rules


# API/API_PrefixListId.html: DescribeSecurityGroups shows the descriptions of prefix lists.
@replaces(SecurityGroup, "_flattened_rules")
def flattened_rules(self, rules):
    views = moto_flattened_rules(self, rules)
    for view in views:
        ports = (view.ip_protocol, view.from_port, view.to_port)
        same = [r for r in rules if (r.ip_protocol, r.from_port, r.to_port) == ports and r.prefix_list_id]
        view.prefix_list_ids = [
            {"PrefixListId": r.prefix_list_id, "Description": r.prefix_list_description} for r in same
        ]
    return views


# API/API_DescribeSecurityGroups.html: the filters on the rules of a group.
def rule_filter(rules_of, value_of):
    def matches(self, wanted):
        return any(value_of(rule) in wanted for rule in rules_of(self))

    return matches


for prefix, rules_of in (("", lambda group: group.ingress_rules), ("egress__", lambda group: group.egress_rules)):
    name = f"filter_{prefix}ip_permission__"
    setattr(SecurityGroup, name + "prefix_list_id", rule_filter(rules_of, lambda rule: rule.prefix_list_id))
    setattr(SecurityGroup, name + "ipv6_cidr", rule_filter(rules_of, lambda rule: rule.ip_range.get("CidrIpv6")))


def group_by_name(backend, name):
    """A group of the default VPC: other VPCs' groups have to be named by id."""
    vpc_id = backend.default_vpc.id if backend.default_vpc else None
    group = backend.get_security_group_from_name(name, vpc_id) if vpc_id else None
    if group is None:
        raise EC2ClientError(
            "InvalidGroup.NotFound", f"The security group '{name}' does not exist in default VPC '{vpc_id}'"
        )
    return group


def group_of_request(self):
    group_id, name = self._get_param("GroupId"), self._get_param("GroupName")
    if not group_id and not name:
        raise EC2ClientError(
            "MissingParameter", "The request must contain the parameter groupName or groupId"
        )
    group = self.ec2_backend.get_security_group_from_id(group_id) if group_id else None
    if group_id and group is None:
        raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    return group or group_by_name(self.ec2_backend, name)


# API/API_DescribeSecurityGroups.html: "[Default VPC] The names of the security groups."
@replaces(EC2Response)
def describe_security_groups(self):
    ids = list(self._get_param("GroupIds", []))
    ids += [group_by_name(self.ec2_backend, name).id for name in self._get_param("GroupNames", [])]
    groups = self.ec2_backend.describe_security_groups(
        group_ids=ids, groupnames=None, filters=self._filters_from_querystring()
    )
    groups, token = page_of_request(self, groups)
    return ActionResult({"SecurityGroups": groups, "NextToken": token})


# API/API_DescribeSecurityGroupRules.html
@replaces(EC2Response)
def describe_security_group_rules(self):
    self.error_on_dryrun()
    rules = self.ec2_backend.describe_security_group_rules(
        self._get_param("SecurityGroupRuleIds", []), self._filters_from_querystring()
    )
    rules, token = page_of_request(self, rules)
    return ActionResult({"SecurityGroupRules": rules, "NextToken": token})


# API/API_AuthorizeSecurityGroupIngress.html: all of the call's rules are answered, and a refused call adds none.
def authorize(self, rules, add):
    self.error_on_dryrun()
    group = group_of_request(self)
    before, added = list(rules(group)), []
    try:
        for permission in self._process_rules_from_querystring():
            added += add(**{**permission, "group_name_or_id": group.id})[0]
    except Exception:
        rules(group)[:] = before
        raise
    return ActionResult({"Return": True, "SecurityGroupRules": added})


@replaces(EC2Response)
def authorize_security_group_ingress(self):
    return authorize(self, lambda group: group.ingress_rules, self.ec2_backend.authorize_security_group_ingress)


@replaces(EC2Response)
def authorize_security_group_egress(self):
    return authorize(self, lambda group: group.egress_rules, self.ec2_backend.authorize_security_group_egress)


def rules_named_by_request(self, group, rules, is_egress):
    """The group's rules that the request names, by id or by permission; an error if it lacks any of them."""
    ids = self._get_param("SecurityGroupRuleIds", [])
    if ids:
        by_id = {rule.id: rule for rule in rules}
        for rule_id in ids:
            if rule_id not in by_id:
                raise EC2ClientError(
                    "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
                )
        return [by_id[rule_id] for rule_id in ids]
    named = []
    for permission in self._process_rules_from_querystring():
        sources = self.ec2_backend._add_source_group(permission["source_groups"], None)
        for wanted in self.ec2_backend._iterate_security_rules(
            permission["ip_protocol"],
            group.id,
            permission["from_port"],
            permission["to_port"],
            permission["ip_ranges"],
            sources,
            permission["prefix_list_ids"],
            is_egress=is_egress,
        ):
            if wanted not in rules:
                raise EC2ClientError(
                    "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
                )
            named.append(rules[rules.index(wanted)])
    return named


# API/API_RevokeSecurityGroupIngress.html, API/API_RevokedSecurityGroupRule.html: all named rules or none.
def revoke(self, rules, is_egress):
    self.error_on_dryrun()
    group = group_of_request(self)
    gone = rules_named_by_request(self, group, rules(group), is_egress)
    gone_ids = {rule.id for rule in gone}
    rules(group)[:] = [rule for rule in rules(group) if rule.id not in gone_ids]
    revoked = [
        {
            "SecurityGroupRuleId": rule.id,
            "GroupId": group.id,
            "IsEgress": is_egress,
            "IpProtocol": rule.ip_protocol,
            "FromPort": -1 if rule.from_port is None else rule.from_port,
            "ToPort": -1 if rule.to_port is None else rule.to_port,
            "CidrIpv4": rule.cidr_ipv4,
            "CidrIpv6": rule.cidr_ipv6,
            "PrefixListId": rule.prefix_list_id,
            "ReferencedGroupId": rule.source_group.get("GroupId"),
            "Description": rule.description,
        }
        for rule in gone
    ]
    return ActionResult({"Return": True, "RevokedSecurityGroupRules": revoked})


@replaces(EC2Response)
def revoke_security_group_ingress(self):
    return revoke(self, lambda group: group.ingress_rules, is_egress=False)


@replaces(EC2Response)
def revoke_security_group_egress(self):
    return revoke(self, lambda group: group.egress_rules, is_egress=True)


# The source in a SecurityGroupRuleRequest, and the constructor's arguments for it.
RULE_SOURCES = {
    "CidrIpv4": lambda value: {"ip_range": {"CidrIp": value}},
    "CidrIpv6": lambda value: {"ip_range": {"CidrIpv6": value}},
    "PrefixListId": lambda value: {"ip_range": None, "prefix_list_id": {"PrefixListId": value}},
    "ReferencedGroupId": lambda value: {"ip_range": None, "source_group": {"GroupId": value}},
}


def source_kind(rule):
    values = (rule.cidr_ipv4, rule.cidr_ipv6, rule.prefix_list_id, rule.source_group)
    return next((kind for kind, value in zip(RULE_SOURCES, values) if value), None)


def modified_rule(backend, old, request):
    """The rule that `old` becomes. Its kind of source stays, and so does its description unless a new one is given."""
    given = [kind for kind in RULE_SOURCES if request.get(kind)]
    if len(given) != 1:
        code = "InvalidParameterCombination" if given else "MissingParameter"
        raise EC2ClientError(code, f"Exactly one of {', '.join(RULE_SOURCES)} must be specified")
    kind = given[0]
    if kind != source_kind(old):
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Invalid rule type for security group rule '{old.id}'. You may not specify {kind} "
            f"for an existing {source_kind(old)} rule.",
        )
    source = RULE_SOURCES[kind](request[kind])
    if kind == "ReferencedGroupId":
        source["source_group"] = backend._add_source_group([source["source_group"]], None)[0]
    new = SecurityGroupRule(
        backend,
        request.get("IpProtocol"),
        old.group_id,
        request.get("FromPort"),
        request.get("ToPort"),
        is_egress=old.is_egress,
        **source,
    )
    description = request.get("Description", old.description)
    if kind == "PrefixListId":
        new.prefix_list_description = description
    elif description is not None:
        (new.source_group if kind == "ReferencedGroupId" else new.ip_range)["Description"] = description
    return new


# API/API_ModifySecurityGroupRules.html, API/API_SecurityGroupRuleRequest.html
@replaces(EC2Response)
def modify_security_group_rules(self):
    self.error_on_dryrun()
    group = group_of_request(self)
    changes = []
    for update in self._get_param("SecurityGroupRules", []):
        rule_id = update["SecurityGroupRuleId"]
        old = group.get_rule(rule_id)
        if old is None:
            raise EC2ClientError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
            )
        changes.append((old, modified_rule(self.ec2_backend, old, update.get("SecurityGroupRule", {}))))

    changed_ids = {old.id for old, _ in changes}
    kept = [rule for rule in group.ingress_rules + group.egress_rules if rule.id not in changed_ids]
    outcome = [(rule.is_egress, rule_identity(rule)) for rule in kept + [new for _, new in changes]]
    if len(set(outcome)) < len(outcome):
        raise EC2ClientError("InvalidPermission.Duplicate", "The specified rule already exists")

    for old, new in changes:
        for field in (
            "ip_protocol", "from_port", "to_port", "ip_range",
            "source_group", "prefix_list_id", "prefix_list_description",
        ):
            setattr(old, field, getattr(new, field))
    return ActionResult({"Return": True})


def prefix_list(backend, list_id):
    found = backend.managed_prefix_lists.get(list_id)
    if found is None:
        raise EC2ClientError("InvalidPrefixListID.NotFound", f"The prefix list ID '{list_id}' does not exist")
    return found


def canonical_entry(entry):
    return {**entry, "Cidr": canonical_cidr(entry["Cidr"])}


moto_prefix_list_init = ManagedPrefixList.__init__


# API/API_CreateManagedPrefixList.html: a list without entries is at version 1, too.
@replaces(ManagedPrefixList, "__init__")
def prefix_list_init(self, *args, entry=None, **kwargs):
    moto_prefix_list_init(self, *args, entry=entry, **kwargs)
    self.entries = {1: [canonical_entry(e) for e in entry or []]}


def entries_of_version(a_list, version):
    """The list's entries at that version, by default the latest. AWS's own lists have no version number."""
    version = int(version or a_list.version or 1)
    if version not in a_list.entries:
        raise EC2ClientError("InvalidParameterValue", f"The specified value for version ({version}) is not valid")
    return a_list.entries[version]


# API/API_GetManagedPrefixListEntries.html
@replaces(EC2Response)
def get_managed_prefix_list_entries(self):
    a_list = prefix_list(self.ec2_backend, self._get_param("PrefixListId"))
    entries, token = page_of_request(self, entries_of_version(a_list, self._get_param("TargetVersion")))
    return ActionResult({"Entries": entries, "NextToken": token})


def list_to_change(self):
    """The request's list, if it may be changed and is at the version that the caller believes.

    API/API_ModifyManagedPrefixList.html, https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
    """
    a_list = prefix_list(self.ec2_backend, self._get_param("PrefixListId"))
    if a_list.version is None:
        raise EC2ClientError("UnsupportedOperation", f"The prefix list '{a_list.id}' is managed by AWS")
    believed = self._get_param("CurrentVersion")
    if believed is not None and int(believed) != a_list.version:
        raise EC2ClientError("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")
    return a_list


def entries_after(before, added, removed):
    """What entries a change leaves: removals go first, and adding a CIDR that is there changes its description."""
    after = {entry["Cidr"]: entry for entry in before}
    for entry in map(canonical_entry, removed):
        if after.pop(entry["Cidr"], None) is None:
            raise EC2ClientError(
                "InvalidPrefixListModification", f"An entry with the CIDR ({entry['Cidr']}) does not exist."
            )
    for entry in map(canonical_entry, added):
        there = after.get(entry["Cidr"])
        if there and there.get("Description") == entry.get("Description"):
            raise EC2ClientError(
                "InvalidPrefixListModification",
                f"An entry with the CIDR ({entry['Cidr']}) and description "
                f"({entry.get('Description')}) already exists.",
            )
        after[entry["Cidr"]] = entry
    return list(after.values())


# API/API_ModifyManagedPrefixList.html: only a change of the entries makes a new version.
@replaces(EC2Response)
def modify_managed_prefix_list(self):
    self.error_on_dryrun()
    a_list = list_to_change(self)
    added, removed = self._get_param("AddEntries", []), self._get_param("RemoveEntries", [])
    most = self._get_param("MaxEntries")
    if most and (added or removed):
        raise EC2ClientError(
            "InvalidParameterCombination",
            "You cannot modify the entries and the maximum entries for the prefix list in the same request.",
        )
    entries = entries_after(a_list.entries[a_list.version], added, removed)
    if len(entries) > int(most or a_list.max_entries):
        raise EC2ClientError(
            "PrefixListMaxEntriesExceeded",
            "You've reached the maximum number of entries for the prefix list.",
        )
    a_list.max_entries = most or a_list.max_entries
    a_list.prefix_list_name = self._get_param("PrefixListName") or a_list.prefix_list_name
    if added or removed:
        a_list.version += 1
        a_list.entries[a_list.version] = entries
    a_list.state = "modify-complete"
    return ActionResult({"PrefixList": a_list})


# API/API_RestoreManagedPrefixListVersion.html: the old entries become a new version.
@replaces(EC2Response)
def restore_managed_prefix_list_version(self):
    self.error_on_dryrun()
    a_list = list_to_change(self)
    entries = list(entries_of_version(a_list, self._get_param("PreviousVersion")))
    a_list.version += 1
    a_list.entries[a_list.version] = entries
    a_list.state = "restore-complete"
    return ActionResult({"PrefixList": a_list})


# API/API_DescribeManagedPrefixLists.html: an unknown id is an error.
moto_describe_managed_prefix_lists = EC2Response.describe_managed_prefix_lists


@replaces(EC2Response)
def describe_managed_prefix_lists(self):
    for list_id in self._get_param("PrefixListIds", []):
        prefix_list(self.ec2_backend, list_id)
    return moto_describe_managed_prefix_lists(self)
