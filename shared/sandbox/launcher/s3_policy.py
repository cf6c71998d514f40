"""Policies of buckets and access points: which of them are public, what they decide on a request, and which are malformed.

GUIDE is https://docs.aws.amazon.com/AmazonS3/latest/userguide, IAM is https://docs.aws.amazon.com/IAM/latest/UserGuide
"""

import ipaddress
import json
import re

from identity import as_list, is_met, matches

PRIVATE_RANGES = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
WIDEST_PREFIX = {4: 8, 6: 32}

# GUIDE/access-control-block-public-access.html#access-control-block-public-access-policy-status: an AWS principal, of which the
# page names the organization alone, and the keys that it lists.
PRINCIPAL_KEYS = (
    "aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths", "aws:principalservicename",
)
SOURCE_KEYS = ("aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount")
POSITIVE_OPERATORS = ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike")


def statements(document):
    found = as_list(json.loads(document).get("Statement", []))
    return [statement for statement in found if isinstance(statement, dict)]


# GUIDE/access-control-block-public-access.html#access-control-block-public-access-policy-status: public unless each grant is to
# fixed values alone. What is denied does not count, nor which actions and resources are granted.
def is_public(document, of_access_point=False):
    return any(
        statement.get("Effect") == "Allow"
        and is_for_anyone(statement)
        and not any(
            is_narrowing(operator.lower(), key.lower(), [str(value) for value in as_list(values)], of_access_point)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
        for statement in statements(document)
    )


# IAM/reference_policies_elements_notprincipal.html: with Allow, everybody but those named, anonymous users included.
def is_for_anyone(statement):
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal", {})
    named = principal.values() if isinstance(principal, dict) else [principal]
    return any(not is_fixed(str(text)) for texts in named for text in as_list(texts))


def is_fixed(text):
    return not any(sign in text for sign in ("*", "?", "${"))


# IAM/reference_policies_condition-single-vs-multi-valued-context-keys.html: ForAllValues and IfExists are met where there is
# no such key in the request, so that they narrow nothing.
def is_narrowing(operator, key, values, of_access_point):
    operator = operator.removeprefix("foranyvalue:")
    if not values:
        return False
    if key == "aws:sourceip":
        return operator == "ipaddress" and all(is_narrow_range(value) for value in values)
    if operator not in POSITIVE_OPERATORS:
        return False
    if key == "s3:dataaccesspointarn":
        return all(is_fixed(value) or (not of_access_point and is_of_fixed_account(value)) for value in values)
    if key == "aws:userid":
        return all(is_fixed(value) and not re.match("AROA[^:]*:", value) for value in values)
    return key in (*PRINCIPAL_KEYS, *SOURCE_KEYS, "s3:dataaccesspointaccount") and all(map(is_fixed, values))


def is_narrow_range(text):
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    is_private = network.version == 4 and any(network.subnet_of(private) for private in PRIVATE_RANGES)
    return is_private or network.prefixlen >= WIDEST_PREFIX[network.version]


def is_of_fixed_account(arn):
    """An ARN of access points with a wildcard in the name alone."""
    parts = arn.split(":", 5)
    return (
        len(parts) == 6
        and all(is_fixed(part) for part in parts[:5])
        and re.fullmatch("[0-9]{12}", parts[4])
        and parts[5].startswith("accesspoint/")
    )


# ---------------------------------------------------------------------------------------------------------
# Decisions


# IAM/reference_policies_evaluation-logic.html: an explicit deny wins.
def decision(document, caller, action, resource, context):
    """Deny, Allow or None. `caller` is None for an anonymous request."""
    effects = {
        statement.get("Effect")
        for statement in statements(document or "{}")
        if is_of_caller(statement, caller)
        and covers(statement, "Action", action)
        and covers(statement, "Resource", resource)
        and all(
            condition_is_met(operator, values, context.get(key.lower()))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    }
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else None


def covers(statement, element, value):
    if f"Not{element}" in statement:
        return not matches(statement[f"Not{element}"], value)
    return matches(statement.get(element, []), value)


# IAM/reference_policies_elements_principal.html: an account's id or root stands for all in the account, a role for its sessions.
def is_of_caller(statement, caller):
    negated = "NotPrincipal" in statement
    principal = statement.get("NotPrincipal" if negated else "Principal", {})
    texts = as_list(principal.get("AWS", [])) if isinstance(principal, dict) else [principal]
    names = {"*"}
    if caller:
        account = caller["accountId"]
        issuer = caller.get("sessionContext", {}).get("sessionIssuer", {})
        names |= {account, f"arn:aws:iam::{account}:root", caller.get("arn"), issuer.get("arn")}
    return any(text in names for text in texts) != negated


# IAM/reference_policies_elements_condition_operators.html#Conditions_IPAddress
def condition_is_met(operator, wanted, value):
    if value is None or not operator.removesuffix("IfExists").endswith("IpAddress"):
        return is_met(operator, wanted, value)
    address = ipaddress.ip_address(value)
    return any(address in network(text) for text in as_list(wanted)) != ("Not" in operator)


def network(text):
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ()


# ---------------------------------------------------------------------------------------------------------
# Malformed policies


# IAM/reference_policies_grammar.html, GUIDE/security_iam_service-with-iam.html
def fault_of(document, bucket):
    """What is wrong with a bucket's policy, or None. Whether the named users and roles are there is not looked at."""
    try:
        policy = json.loads(document)
    except ValueError:
        return "Policies must be valid JSON and the first byte must be '{'"
    if not isinstance(policy, dict):
        return "Policies must be valid JSON and the first byte must be '{'"
    if not policy.get("Statement"):
        return "Missing required field Statement"
    for statement in as_list(policy["Statement"]):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            return "Missing required field Effect"
        for element in ("Principal", "Action", "Resource"):
            if element not in statement and f"Not{element}" not in statement:
                return f"Missing required field {element}"
        principal = statement.get("Principal", statement.get("NotPrincipal"))
        if not all(map(is_principal, named_in(principal))):
            return "Invalid principal in policy"
        if not all(re.match(r"(?i)s3:|\*$", str(action)) for action in as_list(statement.get("Action", "*"))):
            return "Policy has invalid action"
        resources = as_list(statement.get("Resource", statement.get("NotResource")))
        if not all(is_within(str(resource), bucket) for resource in resources):
            return "Policy has invalid resource"
    return None


def named_in(principal):
    if isinstance(principal, dict):
        return as_list(principal.get("AWS", []))
    return [principal]


# IAM/reference_policies_elements_principal.html: no wildcards within an ARN.
def is_principal(text):
    text = str(text)
    return text == "*" or bool(re.fullmatch(r"[0-9]{12}|arn:[\w-]+:(iam|sts)::[0-9]{12}:[^*?]+|A(RO|ID)A\w+", text))


def is_within(resource, bucket):
    """Whether a resource is this bucket, or in it. A pattern may reach beyond its name."""
    if resource == "*":
        return True
    name = resource.removeprefix("arn:aws:s3:::")
    return name != resource and matches(name.partition("/")[0], bucket)
