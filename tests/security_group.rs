//! The function `security-group` from end to end: events built from what the stand-in account answered, the function's own code
//! against it over the wire, and then the account, the calls and the mails.
//!
//! Rules are written as `tcp/22 10.0.0.0/8 office`: traffic, source (a range or a prefix list), description.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    AddPrefixListEntry, Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, RemovePrefixListEntry,
    SecurityGroupRule, SecurityGroupRuleRequest, SecurityGroupRuleUpdate, UserIdGroupPair,
};
use chrono::TimeDelta;
use rules::Outcome::{Alert, Contained, Failed, Reverted};
use runtime::Verdict::{Exempt, Ignored, Resent, Unreadable, Violation};
use runtime::clients::in_region;
use sandbox::{Fault, StandIn, StandInOptions};
use security_group::SecurityGroup;
use serde_json::{Value, json};
use tests::{
    ACCOUNT, DEVELOPER, Process, Ran, Stage, config_finding, config_rule_asked, event, expected, publish, refused,
    unique,
};
use tokio::time::sleep;

// ---------------------------------------------------------------------------------------------------------
// The account and the events

/// A group in a stand-in account, and the function.
struct Scene {
    stage: Stage,
    group: Group,
}

/// A security group, as its owner sees it.
#[derive(Clone)]
struct Group {
    ec2: Client,
    id: String,
    name: String,
}

/// A managed prefix list, as its owner sees it.
#[derive(Clone)]
struct List {
    ec2: Client,
    id: String,
}

/// A call that its owner made: its event, and the ids of the rules that it added.
struct Added {
    event: Value,
    ids: Vec<String>,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Stage::new().await).await
    }

    async fn of(stage: Stage) -> Self {
        let group = Group::new(Client::new(&stage.admin)).await;
        Self { stage, group }
    }

    async fn another_group(&self) -> Group {
        Group::new(self.group.ec2.clone()).await
    }

    async fn list(&self, entries: &[&str]) -> List {
        List::new(self.group.ec2.clone(), entries).await
    }

    /// A new process of the function.
    fn process(&self, settings: &[(&str, &str)]) -> Process<SecurityGroup> {
        self.stage.process(SecurityGroup::new, settings)
    }

    /// A process that gets what happens now an hour later: it waits for nothing to become visible.
    fn late_process(&self) -> Process<SecurityGroup> {
        self.stage.process_ahead(SecurityGroup::new, &[], TimeDelta::try_hours(1).unwrap())
    }

    /// Hands an event to a new process with the usual settings.
    async fn run(&self, event: &Value) -> Ran {
        self.stage.run(&self.process(&[]), event).await
    }

    async fn run_late(&self, event: &Value) -> Ran {
        self.stage.run(&self.late_process(), event).await
    }

    /// The function's next call of that action is refused, and not carried out.
    fn deny(&self, action: &str) {
        let denied = Fault::new("", action, "UnauthorizedOperation");
        self.stage.inject(Fault { status: 403, ..denied });
    }

    /// The function's next calls of that action wait; `times` at most.
    fn slow(&self, action: &str, times: u32, seconds: f64) {
        self.stage.inject(Fault { code: None, times, delay_seconds: seconds, ..Fault::new("", action, "") });
    }
}

impl Group {
    async fn new(ec2: Client) -> Self {
        let name = format!("group-{}", unique());
        let made = ec2.create_security_group().group_name(&name).description("for a test");
        let id = made.send().await.unwrap().group_id.unwrap();
        Self { ec2, id, name }
    }

    /// Adds rules in one call: those of the same traffic are one permission.
    async fn add(&self, rules: &[&str]) -> Added {
        let request = self.request(rules);
        let permissions = request["ipPermissions"]["items"].as_array().unwrap();
        let answered = self
            .ec2
            .authorize_security_group_ingress()
            .group_id(&self.id)
            .set_ip_permissions(Some(permissions.iter().map(permission).collect()))
            .send()
            .await
            .unwrap();
        let answered = answered.security_group_rules();
        assert_eq!(answered.len(), rules.len());
        let items: Vec<Value> = answered.iter().map(in_response).collect();
        let response = json!({"requestId": "x", "_return": true, "securityGroupRuleSet": {"items": items}});
        Added {
            event: event("ec2", "AuthorizeSecurityGroupIngress", request, response),
            ids: rules.iter().map(|rule| id_of(rule, answered)).collect(),
        }
    }

    /// The `requestParameters` that add rules, in today's form.
    fn request(&self, rules: &[&str]) -> Value {
        let mut permissions: Vec<Value> = Vec::new();
        for rule in rules {
            let (traffic, source, description) = parts(rule);
            let (protocol, from, to) = ports(traffic);
            let mut permission =
                json!({"ipProtocol": protocol, "groups": {}, "ipRanges": {}, "ipv6Ranges": {}, "prefixListIds": {}});
            if let (Some(from), Some(to)) = (from, to) {
                permission["fromPort"] = json!(from);
                permission["toPort"] = json!(to);
            }
            let same = |known: &&mut Value| {
                ["ipProtocol", "fromPort", "toPort"].iter().all(|field| known.get(field) == permission.get(field))
            };
            let place = match permissions.iter().position(|known| same(&&mut known.clone())) {
                Some(place) => place,
                None => {
                    permissions.push(permission);
                    permissions.len() - 1
                }
            };
            let (collection, field) = match source {
                list if list.starts_with("pl-") => ("prefixListIds", "prefixListId"),
                range if range.contains(':') => ("ipv6Ranges", "cidrIpv6"),
                _ => ("ipRanges", "cidrIp"),
            };
            let mut item = json!({field: source});
            if !description.is_empty() {
                item["description"] = json!(description);
            }
            let collection = &mut permissions[place][collection];
            match collection.get_mut("items").and_then(Value::as_array_mut) {
                Some(items) => items.push(item),
                None => *collection = json!({"items": [item]}),
            }
        }
        json!({"groupId": self.id, "ipPermissions": {"items": permissions}})
    }

    /// Changes a rule, inbound or outbound.
    async fn modify(&self, rule_id: &str, to: &str) -> Value {
        let (traffic, source, _) = parts(to);
        let (protocol, from, to) = ports(traffic);
        let rule = SecurityGroupRuleRequest::builder()
            .ip_protocol(protocol)
            .set_from_port(from)
            .set_to_port(to)
            .cidr_ipv4(source)
            .build();
        let update =
            SecurityGroupRuleUpdate::builder().security_group_rule_id(rule_id).security_group_rule(rule).build();
        let call = self.ec2.modify_security_group_rules().group_id(&self.id);
        call.security_group_rules(update).send().await.unwrap();
        let rule = json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to, "CidrIpv4": source});
        let request = json!({"ModifySecurityGroupRulesRequest": {"GroupId": self.id,
            "SecurityGroupRule": {"SecurityGroupRuleId": rule_id, "tag": 1, "SecurityGroupRule": rule}}});
        let response = json!({"ModifySecurityGroupRulesResponse": {"requestId": "x", "return": true}});
        event("ec2", "ModifySecurityGroupRules", request, response)
    }

    async fn revoke(&self, rule_ids: &[String]) {
        let call = self.ec2.revoke_security_group_ingress().group_id(&self.id);
        call.set_security_group_rule_ids(Some(rule_ids.to_vec())).send().await.unwrap();
    }

    async fn live(&self, is_egress: bool) -> Vec<SecurityGroupRule> {
        let filter = Filter::builder().name("group-id").values(&self.id).build();
        let pages = self.ec2.describe_security_group_rules().filters(filter);
        let rules = pages.into_paginator().items().send().try_collect().await.unwrap();
        rules.into_iter().filter(|rule| rule.is_egress == Some(is_egress)).collect()
    }

    /// The inbound rules now, in the order of their making.
    async fn rules(&self) -> Vec<String> {
        self.live(false).await.iter().map(in_words).collect()
    }

    /// The ids of the inbound rules now.
    async fn ids(&self) -> Vec<String> {
        self.live(false).await.iter().map(rule_id).collect()
    }

    /// The function's read of the group's rules.
    fn read(&self) -> String {
        read(&[self])
    }

    /// The function's revoke of rules.
    fn revoked(&self, rule_ids: &[String]) -> String {
        let names: Vec<String> = (1..=rule_ids.len()).map(|number| format!("SecurityGroupRuleId.{number}")).collect();
        let ids = names.iter().zip(rule_ids).map(|(name, id)| (name.as_str(), id.as_str()));
        let parameters: Vec<(&str, &str)> = ids.chain([("GroupId", self.id.as_str())]).collect();
        expected("RevokeSecurityGroupIngress", &parameters)
    }
}

impl List {
    async fn new(ec2: Client, entries: &[&str]) -> Self {
        let call = ec2.create_managed_prefix_list().prefix_list_name(format!("list-{}", unique()));
        let made = call.address_family("IPv4").max_entries(20);
        let made = made.set_entries(Some(to_add(entries))).send().await.unwrap();
        let id = made.prefix_list.unwrap().prefix_list_id.unwrap();
        Self { ec2, id }
    }

    /// Adds entries, based on a version.
    async fn add(&self, version: i64, entries: &[&str]) -> Value {
        let call = self.ec2.modify_managed_prefix_list().prefix_list_id(&self.id);
        let call = call.current_version(version).set_add_entries(Some(to_add(entries))).send();
        call.await.unwrap();
        let mut added: Vec<Value> =
            entries.iter().zip(1..).map(|(cidr, tag)| json!({"tag": tag.to_string(), "cidr": cidr})).collect();
        let added = match added.as_mut_slice() {
            [one] => one.take(),
            _ => json!(added),
        };
        let request = json!({"ModifyManagedPrefixListRequest": {"PrefixListId": self.id, "CurrentVersion": version, "AddEntry": added}});
        self.event("ModifyManagedPrefixList", request)
    }

    async fn remove(&self, entries: &[&str]) -> Value {
        let gone = entries.iter().map(|cidr| RemovePrefixListEntry::builder().cidr(*cidr).build()).collect();
        let call = self.ec2.modify_managed_prefix_list().prefix_list_id(&self.id);
        call.set_remove_entries(Some(gone)).send().await.unwrap();
        let request = json!({"ModifyManagedPrefixListRequest": {"PrefixListId": self.id,
            "RemoveEntry": {"tag": "1", "cidr": entries[0]}}});
        self.event("ModifyManagedPrefixList", request)
    }

    /// Brings an old version back.
    async fn restore(&self, version: i64, old: i64) -> Value {
        let call = self.ec2.restore_managed_prefix_list_version().prefix_list_id(&self.id);
        call.current_version(version).previous_version(old).send().await.unwrap();
        let request = json!({"RestoreManagedPrefixListVersionRequest": {"PrefixListId": self.id,
            "CurrentVersion": version, "PreviousVersion": old}});
        self.event("RestoreManagedPrefixListVersion", request)
    }

    fn event(&self, name: &str, request: Value) -> Value {
        let response = json!({format!("{name}Response"): {"requestId": "x", "prefixList": {"prefixListId": self.id}}});
        event("ec2", name, request, response)
    }

    async fn entries(&self) -> Vec<String> {
        let pages = self.ec2.get_managed_prefix_list_entries().prefix_list_id(&self.id);
        let entries = pages.into_paginator().items().send().try_collect().await.unwrap();
        let mut entries: Vec<String> = entries.into_iter().map(|entry| entry.cidr.unwrap()).collect();
        entries.sort();
        entries
    }

    /// The function's reads of the list, at the version before the event too, and of the groups that name it.
    fn looks(&self, before: i64, groups: &[&Group]) -> Vec<String> {
        let filter = [("Filter.1.Name", "ip-permission.prefix-list-id"), ("Filter.1.Value.1", self.id.as_str())];
        let before = before.to_string();
        let mut looks = vec![
            expected("DescribeSecurityGroups", &filter),
            expected("DescribeManagedPrefixLists", &[("PrefixListId.1", &self.id)]),
            expected("GetManagedPrefixListEntries", &[("PrefixListId", &self.id)]),
            expected("GetManagedPrefixListEntries", &[("PrefixListId", &self.id), ("TargetVersion", &before)]),
        ];
        if !groups.is_empty() {
            looks.push(read(groups));
        }
        looks
    }

    /// The function's removal of an entry.
    fn taken_out(&self, version: i64, entry: &str) -> String {
        let version = version.to_string();
        let parameters =
            [("PrefixListId", self.id.as_str()), ("CurrentVersion", version.as_str()), ("RemoveEntry.1.Cidr", entry)];
        expected("ModifyManagedPrefixList", &parameters)
    }
}

/// The function's read of the rules of groups.
fn read(groups: &[&Group]) -> String {
    let names: Vec<String> = (1..=groups.len()).map(|number| format!("Filter.1.Value.{number}")).collect();
    let values = names.iter().zip(groups).map(|(name, group)| (name.as_str(), group.id.as_str()));
    let parameters: Vec<(&str, &str)> = values.chain([("Filter.1.Name", "group-id")]).collect();
    expected("DescribeSecurityGroupRules", &parameters)
}

fn parts(rule: &str) -> (&str, &str, &str) {
    let mut parts = rule.splitn(3, ' ');
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default())
}

fn ports(traffic: &str) -> (&str, Option<i32>, Option<i32>) {
    match traffic.split_once('/') {
        Some((protocol, ports)) => {
            let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
            (protocol, Some(from.parse().unwrap()), Some(to.parse().unwrap()))
        }
        None => (traffic, None, None),
    }
}

/// From `requestParameters` to what the SDK sends.
fn permission(item: &Value) -> IpPermission {
    let port = |name: &str| item.get(name).map(|port| i32::try_from(port.as_i64().unwrap()).unwrap());
    let texts = |collection: &str, name: &str| -> Vec<(String, Option<String>)> {
        let items = item[collection]["items"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        items.iter().map(|item| (text(&item[name]).unwrap(), text(&item["description"]))).collect()
    };
    let v4 = texts("ipRanges", "cidrIp");
    let v6 = texts("ipv6Ranges", "cidrIpv6");
    let lists = texts("prefixListIds", "prefixListId");
    let v4 = v4.into_iter().map(|(range, text)| IpRange::builder().cidr_ip(range).set_description(text).build());
    let v6 = v6.into_iter().map(|(range, text)| Ipv6Range::builder().cidr_ipv6(range).set_description(text).build());
    let lists =
        lists.into_iter().map(|(id, text)| PrefixListId::builder().prefix_list_id(id).set_description(text).build());
    IpPermission::builder()
        .ip_protocol(item["ipProtocol"].as_str().unwrap())
        .set_from_port(port("fromPort"))
        .set_to_port(port("toPort"))
        .set_ip_ranges(Some(v4.collect()))
        .set_ipv6_ranges(Some(v6.collect()))
        .set_prefix_list_ids(Some(lists.collect()))
        .build()
}

/// A rule in `responseElements`.
fn in_response(rule: &SecurityGroupRule) -> Value {
    let mut item = json!({
        "groupOwnerId": ACCOUNT,
        "groupId": rule.group_id(),
        "securityGroupRuleId": rule.security_group_rule_id(),
        "isEgress": rule.is_egress(),
        "ipProtocol": rule.ip_protocol(),
        "fromPort": rule.from_port().unwrap_or(-1),
        "toPort": rule.to_port().unwrap_or(-1),
    });
    for (name, value) in [
        ("cidrIpv4", rule.cidr_ipv4()),
        ("cidrIpv6", rule.cidr_ipv6()),
        ("prefixListId", rule.prefix_list_id()),
        ("description", rule.description()),
    ] {
        if let Some(value) = value {
            item[name] = json!(value);
        }
    }
    item
}

fn in_words(rule: &SecurityGroupRule) -> String {
    let protocol = rule.ip_protocol().unwrap();
    let traffic = match (rule.from_port(), rule.to_port()) {
        (Some(from), Some(to)) if from == to && from != -1 => format!("{protocol}/{from}"),
        (Some(from), Some(to)) if from != -1 => format!("{protocol}/{from}-{to}"),
        _ => protocol.to_owned(),
    };
    let source = rule.cidr_ipv4().or(rule.cidr_ipv6()).or(rule.prefix_list_id()).unwrap();
    let description = rule.description().unwrap_or_default();
    format!("{traffic} {source} {description}").trim_end().to_owned()
}

/// The id that a rule was given. AWS answers in its own order, and tells ranges in their canonical form.
fn id_of(rule: &str, answered: &[SecurityGroupRule]) -> String {
    let same = answered.iter().find(|answer| in_words(answer) == rule);
    match (same, answered) {
        (Some(answer), _) | (None, [answer]) => rule_id(answer),
        _ => panic!("`{rule}` was not answered: {answered:?}"),
    }
}

fn rule_id(rule: &SecurityGroupRule) -> String {
    rule.security_group_rule_id().unwrap().to_owned()
}

fn to_add(entries: &[&str]) -> Vec<AddPrefixListEntry> {
    entries.iter().map(|cidr| AddPrefixListEntry::builder().cidr(*cidr).build()).collect()
}

/// The event as it was before 2021: the response tells no rules.
fn without_ids(mut event: Value) -> Value {
    event["detail"]["responseElements"] = json!({"requestId": "x", "_return": true});
    event
}

fn request(event: &mut Value) -> &mut Value {
    &mut event["detail"]["requestParameters"]
}

// ---------------------------------------------------------------------------------------------------------
// What goes and what stays

#[tokio::test]
async fn only_the_open_range_of_a_permission_goes() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0 world", "tcp/22 10.0.0.0/8 office"]).await;
    let open = &added.ids[..1];

    let ran = scene.run(&added.event).await;
    ran.is(Violation, &[Reverted], &[group.read(), group.revoked(open), group.read(), publish()]);
    assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8 office"]);
    assert_eq!(group.ids().await, added.ids[1..]);
    let event_id = added.event["detail"]["eventID"].as_str().unwrap();
    ran.mail_says(&[
        &group.id,
        &open[0],
        event_id,
        DEVELOPER,
        "198.51.100.77",
        "RevokeSecurityGroupIngress",
        "seconds after the change",
    ]);
    ran.mail_does_not_say(&["Still open"]);
}

/// No word of a call's target or result is English.
#[tokio::test]
async fn a_mail_in_japanese_tells_what_the_calls_gave() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0 world", "tcp/22 10.0.0.0/8 office"]).await;
    let ran = scene.stage.run(&scene.process(&[("ALERT_LANGUAGE", "ja")]), &added.event).await;
    let (id, open) = (&group.id, &added.ids[0]);
    ran.mail_says(&[
        &format!(
            "AuthorizeSecurityGroupIngress により、セキュリティグループ {id} にインバウンドルールが追加されました:\n"
        ),
        &format!("  - tcp/22、ソース: 0.0.0.0/0 (ルール {open})\n"),
        &format!("{id} のインバウンドルールを削除しました: {open} (tcp/22、ソース: 0.0.0.0/0)\n"),
        &format!(". DescribeSecurityGroupRules {id}: ルール "),
        &format!(". RevokeSecurityGroupIngress {id} {open}: 成功 ("),
        "解消日時: ",
    ]);
    assert!(ran.handled.reason.is_ascii(), "{ran:#?}");
}

#[tokio::test]
async fn a_group_known_by_name_takes_one_more_call() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/22 10.0.0.0/8 office"]).await;
    let mut event = without_ids(added.event);
    *request(&mut event) = json!({"groupName": group.name, "ipPermissions": request(&mut event)["ipPermissions"]});

    let look_up = expected("DescribeSecurityGroups", &[("GroupName.1", &group.name)]);
    let calls = [look_up, group.read(), group.revoked(&added.ids[..1]), group.read(), publish()];
    scene.run(&event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8 office"]);
}

#[tokio::test]
async fn both_families_go_in_one_call() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/3389 0.0.0.0/0", "tcp/3389 ::/0", "tcp/3389 2001:db8::/32 lab"]).await;

    let calls = [group.read(), group.revoked(&added.ids[..2]), group.read(), publish()];
    scene.run(&added.event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/3389 2001:db8::/32 lab"]);
}

#[tokio::test]
async fn an_answer_without_rule_ids_is_enough() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/22 10.0.0.0/8", "-1 ::/0", "udp/53 8.8.8.8/32 dns"]).await;
    let open = [added.ids[0].clone(), added.ids[2].clone()];

    let calls = [group.read(), group.revoked(&open), group.read(), publish()];
    scene.run(&without_ids(added.event)).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8", "udp/53 8.8.8.8/32 dns"]);
}

#[tokio::test]
async fn the_flat_form_with_a_range_that_is_not_canonical() {
    let scene = Scene::new().await;
    let group = &scene.group;
    group.add(&["tcp/22 10.0.0.0/8 office"]).await;
    let added = group.add(&["tcp/22 208.236.235.254/0"]).await;
    let mut event = without_ids(added.event);
    *request(&mut event) = json!({"groupId": group.id, "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": "22",
        "toPort": "22", "cidrIp": "208.236.235.254/0"});

    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    scene.run(&event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8 office"]);
}

#[tokio::test]
async fn through_cloudformation_the_group_is_in_the_response() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let mut added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    request(&mut added.event).as_object_mut().unwrap().remove("groupId");
    let detail = &mut added.event["detail"];
    detail["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
    detail["sourceIPAddress"] = json!("cloudformation.amazonaws.com");

    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    let ran = scene.run(&added.event).await;
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&["cloudformation.amazonaws.com", &group.id]);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn an_older_open_rule_stays_and_is_named() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let older = group.add(&["tcp/443 0.0.0.0/0 web", "tcp/8080 8.8.8.0/24 partner"]).await;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;

    let ran = scene.run(&added.event).await;
    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    ran.is(Violation, &[Alert], &calls);
    ran.mail_says(&["reverted", "Still open to the world", &older.ids[0], "Revoked"]);
    ran.mail_does_not_say(&[&older.ids[1]]);
    assert_eq!(group.rules().await, ["tcp/443 0.0.0.0/0 web", "tcp/8080 8.8.8.0/24 partner"]);
}

#[tokio::test]
async fn where_an_older_rule_is_open_on_the_same_port_narrow_new_ones_stay() {
    let scene = Scene::new().await;
    let group = &scene.group;
    group.add(&["tcp/20-30 0.0.0.0/0 old"]).await;
    let narrow = group.add(&["tcp/22 8.8.8.8/32"]).await;
    scene.run(&narrow.event).await.is(Ignored, &[], &[group.read()]);
    let wide = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let calls = [group.read(), group.revoked(&wide.ids), group.read(), publish()];
    scene.run(&wide.event).await.is(Violation, &[Alert], &calls);
    assert_eq!(group.rules().await, ["tcp/20-30 0.0.0.0/0 old", "tcp/22 8.8.8.8/32"]);
}

#[tokio::test]
async fn ranges_that_are_wide_only_together() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let first = group.add(&["tcp/22 11.0.0.0/8 one"]).await;
    scene.run(&first.event).await.is(Ignored, &[], &[group.read()]);
    assert_eq!(group.rules().await, ["tcp/22 11.0.0.0/8 one"]);

    let second = group.add(&["tcp/22 12.0.0.0/8 two"]).await;
    let calls = [group.read(), group.revoked(&second.ids), group.read(), publish()];
    scene.run(&second.event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/22 11.0.0.0/8 one"]);
}

#[tokio::test]
async fn two_halves_in_one_call() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/1", "tcp/22 128.0.0.0/1", "tcp/80 8.8.8.0/24"]).await;
    let calls = [group.read(), group.revoked(&added.ids[..2]), group.read(), publish()];
    scene.run(&added.event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/80 8.8.8.0/24"]);
}

#[tokio::test]
async fn a_rule_that_was_widened_is_removed() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let rules = group.add(&["tcp/443 10.0.0.0/8", "tcp/22 10.0.0.0/8 office"]).await;
    let event = group.modify(&rules.ids[0], "tcp/443 0.0.0.0/0").await;

    let ran = scene.run(&event).await;
    let calls = [group.read(), group.revoked(&rules.ids[..1]), group.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&["removed, not set back"]);
    assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8 office"]);
}

#[tokio::test]
async fn outbound_rules_are_nobodys_business() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let outbound = group.live(true).await;
    let [all] = outbound.as_slice() else { panic!("one outbound rule expected: {outbound:?}") };
    let event = group.modify(&rule_id(all), "tcp/443 0.0.0.0/0").await;

    scene.run(&event).await.is(Ignored, &[], &[group.read()]);
    let after: Vec<String> = group.live(true).await.iter().map(in_words).collect();
    assert_eq!(after, ["tcp/443 0.0.0.0/0"]);
}

#[tokio::test]
async fn allowed_ports_are_left_alone_and_a_wider_range_is_not() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let process = scene.process(&[("ALLOWED_PUBLIC_PORTS", "tcp/443,udp/51820")]);
    let allowed = group.add(&["tcp/443 0.0.0.0/0 web", "udp/51820 ::/0 vpn"]).await;
    scene.stage.run(&process, &allowed.event).await.is(Ignored, &[], &[]);

    let wider = group.add(&["tcp/442-443 0.0.0.0/0", "tcp/443 ::/0 web"]).await;
    let calls = [group.read(), group.revoked(&wider.ids[..1]), group.read(), publish()];
    scene.stage.run(&process, &wider.event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/443 0.0.0.0/0 web", "udp/51820 ::/0 vpn", "tcp/443 ::/0 web"]);
}

#[tokio::test]
async fn private_ranges_cost_no_call() {
    let scene = Scene::new().await;
    let added = scene.group.add(&["-1 10.0.0.0/8", "-1 fd00::/8"]).await;
    scene.run(&added.event).await.is(Ignored, &[], &[]);
    assert_eq!(scene.group.rules().await, ["-1 10.0.0.0/8", "-1 fd00::/8"]);
}

#[tokio::test]
async fn a_trusted_actor_may() {
    let scene = Scene::new().await;
    let process = scene.process(&[("TRUSTED_ACTORS", DEVELOPER)]);
    let added = scene.group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.stage.run(&process, &added.event).await.is(Exempt, &[], &[]);
    assert_eq!(scene.group.rules().await, ["tcp/22 0.0.0.0/0"]);

    let mut other = added.event.clone();
    other["detail"]["userIdentity"]["arn"] = json!(format!("{DEVELOPER}2"));
    let ran = scene.stage.run(&process, &other).await;
    assert_eq!((ran.handled.verdict, scene.group.rules().await.len()), (Violation, 0));
}

#[tokio::test]
async fn calls_that_were_denied_changed_nothing() {
    let scene = Scene::new().await;
    // The same rule is there by an older call: only the error tells that this event didn't open it.
    let mut added = scene.group.add(&["tcp/22 0.0.0.0/0"]).await;
    for code in ["Client.UnauthorizedOperation", "Client.DryRunOperation"] {
        added.event["detail"]["errorCode"] = json!(code);
        scene.run(&added.event).await.is(Ignored, &[], &[]);
    }
    assert_eq!(scene.group.ids().await, added.ids);
}

#[tokio::test]
async fn what_the_function_does_itself_is_no_violation() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let ran = scene.stage.run(&process, &added.event).await;
    assert_eq!(ran.mails.len(), 1);

    let ids = json!({"items": [{"securityGroupRuleId": added.ids[0]}]});
    let revoke = event(
        "ec2",
        "RevokeSecurityGroupIngress",
        json!({"groupId": group.id, "ipPermissions": {}, "securityGroupRuleIds": ids}),
        json!({"requestId": "x", "_return": true, "unknownIpPermissionSet": {}}),
    );
    scene.stage.run(&process, &revoke).await.is(Ignored, &[], &[]);
    scene.run(&revoke).await.is(Ignored, &[], &[]);

    let list = scene.list(&["10.0.0.0/8", "0.0.0.0/0"]).await;
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    let removal = list.remove(&["10.0.0.0/8"]).await;
    scene.stage.run(&process, &removal).await.is(Ignored, &[], &[]);
}

#[tokio::test]
async fn a_bare_record_without_envelope_will_do() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    scene.run(&added.event["detail"]).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, [""; 0]);
}

// ---------------------------------------------------------------------------------------------------------
// Prefix lists

#[tokio::test]
async fn a_list_that_is_widened_later_loses_the_entries() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    let referencing = format!("tcp/22 {} office", list.id);
    let reference = group.add(&[&referencing]).await;
    let look = expected("GetManagedPrefixListEntries", &[("PrefixListId", &list.id)]);
    scene.run(&reference.event).await.is(Ignored, &[], &[group.read(), look]);

    let event = list.add(1, &["0.0.0.0/0", "8.8.8.0/24"]).await;
    let ran = scene.run(&event).await;
    let looks = list.looks(1, &[group]);
    let calls = [&looks, &[list.taken_out(2, "0.0.0.0/0")][..], &looks, &[publish()]].concat();
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&[&list.id, "Took out of"]);
    assert_eq!(list.entries().await, ["10.0.0.0/8", "8.8.8.0/24"]);
    assert_eq!(group.rules().await, [referencing]);
}

#[tokio::test]
async fn a_list_that_no_group_names_is_left_alone() {
    let scene = Scene::new().await;
    let list = scene.list(&["10.0.0.0/8"]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.run(&event).await.is(Ignored, &[], &list.looks(1, &[]));
    assert_eq!(list.entries().await, ["0.0.0.0/0", "10.0.0.0/8"]);
}

#[tokio::test]
async fn a_rule_that_names_a_wide_list_goes_and_the_list_stays() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["0.0.0.0/1", "128.0.0.0/1"]).await);
    let added = group.add(&[&format!("tcp/22 {}", list.id), "tcp/22 8.8.8.8/32"]).await;
    let look = expected("GetManagedPrefixListEntries", &[("PrefixListId", &list.id)]);
    let calls = [group.read(), look.clone(), group.revoked(&added.ids[..1]), group.read(), look, publish()];
    scene.run(&added.event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/22 8.8.8.8/32"]);
    assert_eq!(list.entries().await, ["0.0.0.0/1", "128.0.0.0/1"]);
}

#[tokio::test]
async fn an_old_version_of_a_list_is_brought_back() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["0.0.0.0/0", "8.8.8.0/24"]).await);
    list.remove(&["0.0.0.0/0"]).await;
    let referencing = format!("tcp/22 {}", list.id);
    group.add(&[&referencing]).await;
    let event = list.restore(2, 1).await;
    assert_eq!(list.entries().await, ["0.0.0.0/0", "8.8.8.0/24"]);

    let mut looks = list.looks(2, &[group]);
    let restored = [("PrefixListId", list.id.as_str()), ("TargetVersion", "1")];
    looks.push(expected("GetManagedPrefixListEntries", &restored));
    let calls = [&looks, &[list.taken_out(3, "0.0.0.0/0")][..], &looks, &[publish()]].concat();
    scene.run(&event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(list.entries().await, ["8.8.8.0/24"]);
    assert_eq!(group.rules().await, [referencing]);
}

#[tokio::test]
async fn entries_that_cannot_be_taken_out_are_shut_off_by_their_rules() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    let rules = group.add(&[&format!("tcp/22 {}", list.id), "tcp/22 8.8.8.8/32 office"]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.deny("ModifyManagedPrefixList");

    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    let looks = list.looks(1, &[group]);
    let denied = refused(list.taken_out(2, "0.0.0.0/0"), 403);
    let calls = [&looks, &[denied][..], &looks, &[group.revoked(&rules.ids[..1])], &list.looks(1, &[]), &[publish()]];
    ran.is_error(Violation, &[Contained], &calls.concat());
    ran.mail_says(&["UnauthorizedOperation", "Take the entries out of the prefix list"]);
    assert_eq!(group.rules().await, ["tcp/22 8.8.8.8/32 office"]);
    assert_eq!(list.entries().await, ["0.0.0.0/0", "10.0.0.0/8"]);

    // Lambda tries again: nothing is open any more.
    let again = scene.stage.run(&process, &event).await;
    again.is(Ignored, &[], &list.looks(1, &[]));
    assert_eq!(group.rules().await, ["tcp/22 8.8.8.8/32 office"]);
}

/// The mail that says so is not lost, and sending it is not all that the next try does.
#[tokio::test]
async fn what_is_unfinished_is_told_and_tried_again_where_the_mail_failed_too() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.deny("ModifyManagedPrefixList");
    scene.deny("Publish");
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    assert!(ran.handled.error.is_some() && ran.mails.is_empty(), "{ran:#?}");
    assert_eq!(group.rules().await, [""; 0]);

    let again = scene.stage.run(&process, &event).await;
    again.is(Ignored, &[Contained], &[vec![publish()], list.looks(1, &[])].concat());
}

#[tokio::test]
async fn two_groups_that_name_a_list_are_closed_by_one_removal() {
    let scene = Scene::new().await;
    let (one, two, list) = (&scene.group, scene.another_group().await, scene.list(&["10.0.0.0/8"]).await);
    let referencing = format!("tcp/22 {}", list.id);
    one.add(&[&referencing]).await;
    two.add(&[&referencing]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;

    let looks = list.looks(1, &[one, &two]);
    let calls = [&looks, &[list.taken_out(2, "0.0.0.0/0")][..], &looks, &[publish()]].concat();
    scene.run(&event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(list.entries().await, ["10.0.0.0/8"]);
    assert_eq!([one.rules().await, two.rules().await].concat(), [&*referencing; 2]);
}

#[tokio::test]
async fn two_groups_that_name_a_list_are_both_shut_off_where_it_cannot_be_changed() {
    let scene = Scene::new().await;
    let (one, two, list) = (&scene.group, scene.another_group().await, scene.list(&["10.0.0.0/8"]).await);
    one.add(&[&format!("tcp/22 {}", list.id)]).await;
    two.add(&[&format!("tcp/80 {}", list.id), "tcp/80 10.0.0.0/8 office"]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.deny("ModifyManagedPrefixList");

    let ran = scene.run(&event).await;
    assert_eq!(ran.mail().subject.split(':').next(), Some("CONTAINED"));
    assert!(ran.handled.error.is_some());
    ran.mail_says(&[&one.id, &two.id]);
    assert_eq!([one.rules().await, two.rules().await].concat(), ["tcp/80 10.0.0.0/8 office"]);
}

#[tokio::test]
async fn where_one_of_two_groups_cannot_be_shut_off_the_other_is() {
    let scene = Scene::new().await;
    let (one, two, list) = (&scene.group, scene.another_group().await, scene.list(&["10.0.0.0/8"]).await);
    let referencing = format!("tcp/22 {}", list.id);
    let ids = [one.add(&[&referencing]).await.ids, two.add(&[&referencing]).await.ids];
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.deny("ModifyManagedPrefixList");
    scene.deny("RevokeSecurityGroupIngress");
    // The next revoke, of the other group, goes well; the next try of the first one doesn't.
    scene.slow("RevokeSecurityGroupIngress", 1, 0.0);
    scene.deny("RevokeSecurityGroupIngress");

    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    assert_eq!(ran.mail().subject.split(':').next(), Some("FAILED - ACT NOW"));
    assert!(ran.handled.error.is_some());
    let open = if one.rules().await.is_empty() { (&two, &ids[1]) } else { (one, &ids[0]) };
    assert_eq!([one.rules().await, two.rules().await].concat(), [&*referencing]);
    ran.mail_says(&["UnauthorizedOperation", &open.0.id, &open.1[0]]);

    // Lambda tries again, and nothing is refused any more.
    scene.stage.run(&process, &event).await;
    let is_wide = list.entries().await.contains(&"0.0.0.0/0".to_owned());
    assert!(!is_wide || [one.rules().await, two.rules().await].concat().is_empty());
}

#[tokio::test]
async fn several_entries_and_no_version_in_the_event() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    let mut event = list.add(1, &["0.0.0.0/1", "128.0.0.0/1", "10.1.0.0/16"]).await;
    let told = &mut request(&mut event)["ModifyManagedPrefixListRequest"];
    told.as_object_mut().unwrap().remove("CurrentVersion");

    let ran = scene.run(&event).await;
    ran.mail_says(&["REVERTED: ", "0.0.0.0/1", "128.0.0.0/1"]);
    assert_eq!(ran.handled.error, None);
    assert!(ran.calls.iter().all(|call| !call.parameters.contains_key("TargetVersion")), "{:?}", ran.told());
    assert_eq!(list.entries().await, ["10.0.0.0/8", "10.1.0.0/16"]);
}

#[tokio::test]
async fn an_entry_that_was_there_before_the_event_stays() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["0.0.0.0/0"]).await);
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    // Adding an entry again changes its description.
    let entry = AddPrefixListEntry::builder().cidr("0.0.0.0/0").description("everyone").build();
    let call = list.ec2.modify_managed_prefix_list().prefix_list_id(&list.id).current_version(1);
    call.add_entries(entry).send().await.unwrap();
    let request = json!({"ModifyManagedPrefixListRequest": {"PrefixListId": list.id, "CurrentVersion": 1,
        "AddEntry": {"tag": "1", "cidr": "0.0.0.0/0", "description": "everyone"}}});
    let event = list.event("ModifyManagedPrefixList", request);

    scene.run(&event).await.is(Ignored, &[], &list.looks(1, &[group]));
    assert_eq!(list.entries().await, ["0.0.0.0/0"]);
    assert_eq!(group.rules().await.len(), 1);
}

// ---------------------------------------------------------------------------------------------------------
// More than once

#[tokio::test]
async fn twice_in_one_process_is_one_revert_and_one_mail() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/80 10.0.0.0/8"]).await;
    let calls = [group.read(), group.revoked(&added.ids[..1]), group.read(), publish()];
    scene.stage.run(&process, &added.event).await.is(Violation, &[Reverted], &calls);

    let again = scene.stage.run(&process, &added.event).await;
    again.is(Violation, &[], &[group.read()]);
    assert!(again.took < Duration::from_secs(5), "{:?}", again.took);
    assert_eq!(group.rules().await, ["tcp/80 10.0.0.0/8"]);
}

#[tokio::test]
async fn a_list_twice_in_one_process_is_one_removal_and_one_mail() {
    let scene = Scene::new().await;
    let (process, group, list) = (scene.process(&[]), &scene.group, scene.list(&["10.0.0.0/8"]).await);
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    let first = scene.stage.run(&process, &event).await;
    assert_eq!(first.mail().subject.split(':').next(), Some("REVERTED"));
    let again = scene.stage.run(&process, &event).await;
    again.is(Violation, &[], &list.looks(1, &[group]));
    assert_eq!(list.entries().await, ["10.0.0.0/8"]);
}

#[tokio::test]
async fn in_a_second_process_it_is_already_gone() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.run(&added.event).await;
    // The same rule, of another call: it must not be taken for the one of the first event.
    group.add(&["tcp/80 8.8.8.8/32"]).await;

    let ran = scene.run_late(&added.event).await;
    ran.is(Violation, &[Alert], &[group.read(), publish()]);
    ran.mail_says(&["already gone", "Nothing was changed"]);
    assert_eq!(group.rules().await, ["tcp/80 8.8.8.8/32"]);
}

#[tokio::test]
async fn two_processes_at_once_end_closed_and_both_tell() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/80 10.0.0.0/8"]).await;
    let (one, two) = (scene.late_process(), scene.late_process());
    let (one, two) = tokio::join!(one.handle(&added.event), two.handle(&added.event));
    assert_eq!((one.error, two.error), (None, None));
    let mut outcomes = [one.report.unwrap().outcome, two.report.unwrap().outcome];
    outcomes.sort();
    // The slower one's revoke finds the rule gone, or its first look does.
    assert!(outcomes == [Reverted, Alert] || outcomes == [Reverted, Reverted], "{outcomes:?}");
    assert_eq!(scene.stage.mails().await.len(), 2);
    assert_eq!(group.rules().await, ["tcp/80 10.0.0.0/8"]);
}

#[tokio::test]
async fn an_alert_that_could_not_be_sent_goes_out_with_the_retry() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.stage.inject(Fault { times: 3, ..Fault::new("", "Publish", "InternalError") });

    let ran = scene.stage.run(&process, &added.event).await;
    let failed = refused(publish(), 500);
    let calls = [group.read(), group.revoked(&added.ids), group.read(), failed.clone(), failed.clone(), failed];
    ran.is_error(Violation, &[], &calls);
    assert_eq!(group.rules().await, [""; 0]);

    let retry = scene.stage.run(&process, &added.event).await;
    retry.is(Resent, &[Reverted], &[publish()]);
    retry.mail_says(&[&added.ids[0], "seconds after the change"]);
    scene.stage.run(&process, &added.event).await.is(Violation, &[], &[group.read()]);
}

#[tokio::test]
async fn where_nothing_was_closed_the_retry_looks_again_before_it_tells() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[("SECURITY_GROUP_MODE", "alert")]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.stage.inject(Fault { status: 403, ..Fault::new("", "Publish", "AuthorizationError") });
    let ran = scene.stage.run(&process, &added.event).await;
    ran.is_error(Violation, &[], &[group.read(), refused(publish(), 403)]);
    scene.stage.run(&process, &added.event).await.is(Violation, &[Alert], &[group.read(), publish()]);
    assert_eq!(group.rules().await, ["tcp/22 0.0.0.0/0"]);
}

#[tokio::test]
async fn of_several_groups_one_that_is_missing_does_not_hide_the_others() {
    let scene = Scene::new().await;
    let (group, other, list) = (&scene.group, scene.another_group().await, scene.list(&["10.0.0.0/8"]).await);
    let reference = format!("tcp/22 {}", list.id);
    group.add(&[&reference]).await;
    other.add(&[&reference]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    let missing = Fault::new("", "DescribeSecurityGroupRules", "InvalidGroup.NotFound");
    scene.stage.inject(Fault { status: 400, ..missing });
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: ", "InvalidGroup.NotFound"]);
    scene.stage.run(&process, &event).await.mail_says(&["REVERTED: "]);
    assert_eq!(list.entries().await, ["10.0.0.0/8"]);
}

#[tokio::test]
async fn an_alert_that_could_not_be_sent_is_told_anew_by_another_process() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.stage.inject(Fault { status: 403, ..Fault::new("", "Publish", "AuthorizationError") });
    let calls = [group.read(), group.revoked(&added.ids), group.read(), refused(publish(), 403)];
    scene.run(&added.event).await.is_error(Violation, &[], &calls);

    let retry = scene.run_late(&added.event).await;
    retry.is(Violation, &[Alert], &[group.read(), publish()]);
    retry.mail_says(&["already gone"]);
}

#[tokio::test]
async fn a_rule_added_again_by_another_call_is_closed_by_that_calls_event() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    for _ in 0..2 {
        let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
        let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
        scene.stage.run(&process, &added.event).await.is(Violation, &[Reverted], &calls);
    }
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn without_an_id_no_two_events_are_the_same() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    let mut added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    added.event["detail"].as_object_mut().unwrap().remove("eventID");
    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    scene.stage.run(&process, &added.event).await.is(Violation, &[Reverted], &calls);
    // What this process closed is remembered by event, so that without an id it is looked for once more.
    let again = scene.stage.run(&process, &added.event).await;
    assert_eq!((again.handled.verdict, again.handled.error.is_none()), (Violation, true));
    again.mail_says(&["already gone"]);
}

// ---------------------------------------------------------------------------------------------------------
// What AWS refuses

#[tokio::test]
async fn a_refused_revoke_is_told_and_tried_again() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0 world"]).await;
    scene.deny("RevokeSecurityGroupIngress");

    let ran = scene.stage.run(&process, &added.event).await;
    let denied = refused(group.revoked(&added.ids), 403);
    ran.is_error(Violation, &[Failed], &[group.read(), denied, group.read(), publish()]);
    ran.mail_says(&["FAILED - ACT NOW: ", "UnauthorizedOperation", &added.ids[0], &group.id]);
    assert!(ran.mail().body.starts_with("A STEP FAILED\n"), "{}", ran.mail().body);
    assert_eq!(group.rules().await, ["tcp/22 0.0.0.0/0 world"]);

    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    scene.stage.run(&process, &added.event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn a_refused_read_is_told_and_tried_again() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.deny("DescribeSecurityGroupRules");

    let ran = scene.stage.run(&process, &added.event).await;
    ran.is_error(Violation, &[Failed], &[refused(group.read(), 403), publish()]);
    ran.mail_says(&["UnauthorizedOperation", "could not be read", &group.id]);
    assert_eq!(group.ids().await, added.ids);

    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    scene.stage.run(&process, &added.event).await.is(Violation, &[Reverted], &calls);
}

#[tokio::test]
async fn where_revoke_and_mail_fail_both_are_tried_again() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.deny("RevokeSecurityGroupIngress");
    scene.deny("Publish");
    let denied = refused(group.revoked(&added.ids), 403);
    let calls = [group.read(), denied, group.read(), refused(publish(), 403)];
    scene.stage.run(&process, &added.event).await.is_error(Violation, &[], &calls);
    assert_eq!(group.ids().await, added.ids);

    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    scene.stage.run(&process, &added.event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn a_refused_verification_is_never_called_reverted() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    // The first read goes well.
    scene.slow("DescribeSecurityGroupRules", 1, 0.0);
    scene.deny("DescribeSecurityGroupRules");
    let calls = [group.read(), group.revoked(&added.ids), refused(group.read(), 403), publish()];
    scene.run(&added.event).await.is_error(Violation, &[Failed], &calls);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_does_not_keep_an_open_range_from_going() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    let reference = format!("tcp/22 {}", list.id);
    group.add(&[&reference]).await;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let denied = Fault::new("", "GetManagedPrefixListEntries", "UnauthorizedOperation");
    scene.stage.inject(Fault { status: 403, times: 2, ..denied });

    let ran = scene.run(&added.event).await;
    let look = refused(expected("GetManagedPrefixListEntries", &[("PrefixListId", &list.id)]), 403);
    let calls = [group.read(), look.clone(), group.revoked(&added.ids), group.read(), look, publish()];
    ran.is_error(Violation, &[Failed], &calls);
    ran.mail_says(&[&list.id, "could not be read"]);
    assert_eq!(group.rules().await, [reference]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_does_not_matter_on_other_ports() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    let reference = format!("tcp/5432 {}", list.id);
    group.add(&[&reference]).await;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let denied = Fault::new("", "GetManagedPrefixListEntries", "UnauthorizedOperation");
    scene.stage.inject(Fault { status: 403, times: 2, ..denied });
    let ran = scene.run(&added.event).await;
    assert_eq!(ran.handled.error, None);
    ran.mail_says(&["REVERTED: "]);
    assert_eq!(group.rules().await, [reference]);
}

#[tokio::test]
async fn a_named_list_that_is_said_not_to_exist_is_never_called_gone() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["0.0.0.0/0"]).await);
    let reference = format!("tcp/22 {}", list.id);
    let added = group.add(&[&reference]).await;
    let missing = Fault::new("", "GetManagedPrefixListEntries", "InvalidPrefixListID.NotFound");
    scene.stage.inject(Fault { status: 400, ..missing });
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &added.event).await;
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: ", &list.id]);
    scene.stage.run(&process, &added.event).await.mail_says(&["REVERTED: "]);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn a_list_that_aws_is_still_changing_is_never_called_gone() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    // The version that the event is about to make isn't there yet.
    let mut event = list.add(1, &["0.0.0.0/0"]).await;
    list.remove(&["0.0.0.0/0"]).await;
    request(&mut event)["ModifyManagedPrefixListRequest"]["CurrentVersion"] = json!(3);
    let ran = scene.run_late(&event).await;
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: ", "still changing the prefix list"]);
}

#[tokio::test]
async fn where_rules_are_revoked_for_a_list_older_openings_are_named_too() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    let older = group.add(&["tcp/80 0.0.0.0/0"]).await;
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.deny("ModifyManagedPrefixList");
    let ran = scene.run(&event).await;
    ran.mail_says(&["CONTAINED: ", &older.ids[0], "Still open to the world by rules that are not this event's"]);
    assert_eq!(group.rules().await, ["tcp/80 0.0.0.0/0"]);
}

#[tokio::test]
async fn a_revoke_whose_answer_is_lost_ends_closed_and_told() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let lost = Fault::new("", "RevokeSecurityGroupIngress", "InternalError");
    scene.stage.inject(Fault { after: true, times: 3, ..lost });

    let ran = scene.run(&added.event).await;
    let revoke = refused(group.revoked(&added.ids), 500);
    let calls = [group.read(), revoke.clone(), revoke.clone(), revoke, group.read(), publish()];
    assert_eq!(ran.told(), calls);
    assert_eq!(ran.mails.len(), 1);
    ran.mail_says(&["RevokeSecurityGroupIngress", "InternalError"]);
    ran.mail_does_not_say(&["Nothing was changed"]);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn a_revoke_whose_first_answer_is_lost_ends_closed_and_told() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let lost = Fault::new("", "RevokeSecurityGroupIngress", "InternalError");
    scene.stage.inject(Fault { after: true, ..lost });

    let ran = scene.run(&added.event).await;
    let revoke = group.revoked(&added.ids);
    let calls = [group.read(), refused(revoke.clone(), 500), refused(revoke, 400), group.read(), publish()];
    assert_eq!(ran.told(), calls);
    ran.mail_does_not_say(&["Nothing was changed"]);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn a_short_hiccup_is_tried_again_within_the_call() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    for action in ["DescribeSecurityGroupRules", "RevokeSecurityGroupIngress", "Publish"] {
        scene.stage.inject(Fault { status: 503, ..Fault::new("", action, "RequestLimitExceeded") });
    }
    let revoke = group.revoked(&added.ids);
    let calls = [
        refused(group.read(), 503),
        group.read(),
        refused(revoke.clone(), 503),
        revoke,
        group.read(),
        refused(publish(), 503),
        publish(),
    ];
    let ran = scene.run(&added.event).await;
    assert_eq!(ran.told(), calls);
    assert_eq!((ran.handled.error, ran.mails.len()), (None, 1));
}

// ---------------------------------------------------------------------------------------------------------
// What others do meanwhile

#[tokio::test]
async fn what_its_owner_took_back_already_is_told_and_nothing_else() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/22 10.0.0.0/8"]).await;
    group.revoke(&added.ids[..1]).await;
    let ran = scene.run_late(&added.event).await;
    ran.is(Violation, &[Alert], &[group.read(), publish()]);
    ran.mail_says(&["already gone", DEVELOPER]);
    assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8"]);
}

#[tokio::test]
async fn what_a_young_event_made_is_looked_for_before_it_counts_as_gone() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    group.revoke(&added.ids).await;
    let ran = scene.run(&added.event).await;
    let seconds = ran.took.as_secs();
    assert!((14..20).contains(&seconds), "{seconds} seconds");
    let (last, looks) = ran.calls.split_last().unwrap();
    assert_eq!(last.action, "Publish");
    assert!(looks.len() > 2 && looks.iter().all(|call| call.action == "DescribeSecurityGroupRules"), "{looks:?}");
    ran.mail_says(&["ALERT: ", "already gone"]);
}

#[tokio::test]
async fn a_rule_that_becomes_visible_late_is_found() {
    let scene = Scene::new().await;
    let group = scene.group.clone();
    let request = group.request(&["tcp/22 0.0.0.0/0"]);
    let event = event("ec2", "AuthorizeSecurityGroupIngress", request, json!({"_return": true}));
    let late = tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        group.add(&["tcp/22 0.0.0.0/0"]).await.ids
    });

    let ran = scene.run(&event).await;
    let ids = late.await.unwrap();
    let group = &scene.group;
    assert_eq!(scene.group.rules().await, [""; 0]);
    assert_eq!(ran.handled.error, None);
    ran.mail_says(&["REVERTED: ", &ids[0]]);
    let calls = ran.told();
    let looks = calls.iter().take_while(|call| **call == group.read()).count();
    assert!(looks >= 3, "{calls:?}");
    assert_eq!(calls[looks..], [group.revoked(&ids), group.read(), publish()]);
}

/// The request names the other group by name, the live rule by id.
#[tokio::test]
async fn a_rule_that_names_a_group_by_name_is_not_waited_for() {
    let scene = Scene::new().await;
    let (group, friend) = (&scene.group, scene.another_group().await);
    let pair = UserIdGroupPair::builder().group_id(&friend.id).build();
    let range = IpRange::builder().cidr_ip("0.0.0.0/0").build();
    let permission = IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22).ip_ranges(range);
    let call = group.ec2.authorize_security_group_ingress().group_id(&group.id);
    call.ip_permissions(permission.user_id_group_pairs(pair).build()).send().await.unwrap();
    let mut request = group.request(&["tcp/22 0.0.0.0/0"]);
    request["ipPermissions"]["items"][0]["groups"] = json!({"items": [{"userId": ACCOUNT, "groupName": friend.name}]});
    let event = event("ec2", "AuthorizeSecurityGroupIngress", request, json!({"_return": true}));

    let ran = scene.run(&event).await;
    ran.mail_says(&["REVERTED: "]);
    let left = group.live(false).await;
    let named: Vec<_> = left.iter().filter_map(|rule| rule.referenced_group_info()?.group_id()).collect();
    assert_eq!((left.len(), named), (1, vec![friend.id.as_str()]));
    assert!(ran.took < Duration::from_secs(5), "{:?}, {} calls", ran.took, ran.calls.len());
}

#[tokio::test]
async fn a_group_that_was_deleted_meanwhile() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    group.ec2.delete_security_group().group_id(&group.id).send().await.unwrap();
    let ran = scene.run_late(&added.event).await;
    ran.is(Violation, &[Alert], &[group.read(), publish()]);
    ran.mail_says(&["already gone", &group.id]);

    let mut by_name = without_ids(added.event);
    let permissions = request(&mut by_name)["ipPermissions"].take();
    *request(&mut by_name) = json!({"groupName": group.name, "ipPermissions": permissions});
    let look_up = expected("DescribeSecurityGroups", &[("GroupName.1", &group.name)]);
    let ran = scene.run_late(&by_name).await;
    ran.is(Violation, &[Alert], &[refused(look_up, 400), publish()]);
    ran.mail_says(&["already gone", &group.name]);
}

#[tokio::test]
async fn a_list_that_was_deleted_meanwhile() {
    let scene = Scene::new().await;
    let list = scene.list(&["10.0.0.0/8"]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    let gone = list.ec2.delete_managed_prefix_list().prefix_list_id(&list.id).send();
    gone.await.unwrap();
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.verdict, ran.handled.error), (Ignored, None));
    assert_eq!(ran.mails.len(), 0);
}

#[tokio::test]
async fn a_wide_list_that_nobody_names_is_told_of_when_it_may_have_been_named() {
    let scene = Scene::new().await;
    let list = scene.list(&["10.0.0.0/8"]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.run(&event).await.is(Ignored, &[], &list.looks(1, &[]));
    let late = scene.run_late(&event).await;
    late.is(Violation, &[Alert], &[&list.looks(1, &[])[..], &[publish()]].concat());
    late.mail_says(&["no group names it", &list.id]);
    assert_eq!(list.entries().await, ["0.0.0.0/0", "10.0.0.0/8"]);
}

#[tokio::test]
async fn a_rule_that_named_a_list_and_is_gone_is_told_of() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["0.0.0.0/1", "128.0.0.0/1"]).await);
    let added = group.add(&[&format!("tcp/22 {}", list.id)]).await;
    scene.stage.inject(Fault { status: 403, ..Fault::new("", "Publish", "AuthorizationError") });
    assert_eq!(scene.run(&added.event).await.mails.len(), 0);
    let retry = scene.run_late(&added.event).await;
    assert_eq!(retry.handled.error, None);
    retry.mail_says(&["already gone", &group.id]);
}

#[tokio::test]
async fn a_change_that_becomes_visible_late_is_found() {
    let scene = Scene::new().await;
    let group = scene.group.clone();
    let rules = group.add(&["tcp/22 10.0.0.0/8 office"]).await;
    let event = group.modify(&rules.ids[0], "tcp/22 0.0.0.0/0").await;
    group.modify(&rules.ids[0], "tcp/22 10.0.0.0/8").await;
    let id = rules.ids[0].clone();
    let late = tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        group.modify(&id, "tcp/22 0.0.0.0/0").await;
    });
    let ran = scene.run(&event).await;
    late.await.unwrap();
    ran.mail_says(&["REVERTED: ", &rules.ids[0]]);
    assert_eq!(scene.group.rules().await, [""; 0]);
}

#[tokio::test]
async fn a_rule_put_back_while_the_function_works_goes_too() {
    let scene = Scene::new().await;
    let group = scene.group.clone();
    let first = group.add(&["tcp/22 0.0.0.0/0"]).await;
    // The second read, which is to verify, waits: time for the other call.
    scene.slow("DescribeSecurityGroupRules", 1, 0.0);
    scene.slow("DescribeSecurityGroupRules", 1, 2.0);
    let rival = tokio::spawn(async move {
        while !group.ids().await.is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
        group.add(&["tcp/22 0.0.0.0/0"]).await.ids
    });

    let ran = scene.run(&without_ids(first.event)).await;
    let second = rival.await.unwrap();
    let group = &scene.group;
    let calls =
        [group.read(), group.revoked(&first.ids), group.read(), group.revoked(&second), group.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn an_entry_put_back_while_the_function_works_goes_too() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    let process = scene.process(&[]);
    scene.slow("DescribeManagedPrefixLists", 1, 0.0);
    scene.slow("DescribeManagedPrefixLists", 1, 2.0);
    scene.slow("GetManagedPrefixListEntries", 2, 0.0);
    scene.slow("GetManagedPrefixListEntries", 2, 2.0);
    let rivals = list.clone();
    let rival = tokio::spawn(async move {
        while rivals.entries().await.len() > 1 {
            sleep(Duration::from_millis(50)).await;
        }
        rivals.add(3, &["0.0.0.0/0"]).await;
    });

    let first = scene.stage.run(&process, &event).await;
    rival.await.unwrap();
    if first.handled.error.is_some() {
        // Lambda tries again.
        let ran = scene.stage.run(&process, &event).await;
        ran.mail_says(&["REVERTED: "]);
    }
    assert_eq!(list.entries().await, ["10.0.0.0/8"]);
}

#[tokio::test]
async fn an_owner_who_takes_one_of_two_rules_back_does_not_shield_the_other() {
    let scene = Scene::new().await;
    let group = scene.group.clone();
    let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/22 ::/0", "tcp/22 10.0.0.0/8"]).await;
    scene.slow("RevokeSecurityGroupIngress", 1, 2.0);
    let first = added.ids[..1].to_vec();
    let owner = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        group.revoke(&first).await;
    });

    let ran = scene.run(&added.event).await;
    owner.await.unwrap();
    let group = &scene.group;
    let calls = [
        group.read(),
        refused(group.revoked(&added.ids[..2]), 400),
        group.read(),
        group.revoked(&added.ids[1..2]),
        group.read(),
        publish(),
    ];
    ran.is(Violation, &[Reverted], &calls);
    assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8"]);
}

#[tokio::test]
async fn a_list_that_changes_while_the_function_works_ends_closed() {
    let scene = Scene::new().await;
    let (group, list) = (&scene.group, scene.list(&["10.0.0.0/8"]).await);
    group.add(&[&format!("tcp/22 {}", list.id)]).await;
    let event = list.add(1, &["0.0.0.0/0"]).await;
    scene.slow("ModifyManagedPrefixList", 1, 2.0);
    let owners = list.clone();
    let owner = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        owners.add(2, &["192.168.0.0/16"]).await;
    });

    let ran = scene.run(&event).await;
    owner.await.unwrap();
    let calls = ran.told();
    assert!(calls.contains(&refused(list.taken_out(2, "0.0.0.0/0"), 400)), "{calls:?}");
    let is_wide = list.entries().await.contains(&"0.0.0.0/0".to_owned());
    assert!(!is_wide || group.rules().await.is_empty());
    assert_eq!(ran.mails.len(), 1);
}

// ---------------------------------------------------------------------------------------------------------
// Modes, odd events

#[tokio::test]
async fn mode_alert_tells_and_changes_nothing() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[("SECURITY_GROUP_MODE", "alert")]), &scene.group);
    let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/22 10.0.0.0/8"]).await;
    let ran = scene.stage.run(&process, &added.event).await;
    ran.is(Violation, &[Alert], &[group.read(), publish()]);
    ran.mail_says(&["Nothing was changed, because SecurityGroupMode is `alert`", "still open", &added.ids[0]]);
    assert_eq!(group.ids().await, added.ids);
    // A second delivery is no news.
    scene.stage.run(&process, &added.event).await.is(Violation, &[], &[group.read()]);
}

#[tokio::test]
async fn rollout_observe_tells_what_it_would_have_done() {
    let scene = Scene::new().await;
    let (process, group) = (scene.process(&[("ROLLOUT", "observe")]), &scene.group);
    let list = scene.list(&["10.0.0.0/8"]).await;
    let added = group.add(&["tcp/22 0.0.0.0/0", &format!("tcp/80 {}", list.id)]).await;
    let look = expected("GetManagedPrefixListEntries", &[("PrefixListId", &list.id)]);
    let ran = scene.stage.run(&process, &added.event).await;
    ran.is(Violation, &[Alert], &[group.read(), look, publish()]);
    ran.mail_says(&["would have reverted", "Rollout is `observe`", &added.ids[0]]);

    let event = list.add(1, &["0.0.0.0/0"]).await;
    let ran = scene.stage.run(&process, &event).await;
    ran.is(Violation, &[Alert], &[list.looks(1, &[group]), vec![publish()]].concat());
    ran.mail_says(&["would have reverted", "take out of"]);
    assert_eq!(group.ids().await, added.ids);
    assert_eq!(list.entries().await, ["0.0.0.0/0", "10.0.0.0/8"]);
}

#[tokio::test]
async fn mode_off_is_silent() {
    let scene = Scene::new().await;
    let process = scene.process(&[("SECURITY_GROUP_MODE", "off")]);
    let added = scene.group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.stage.run(&process, &added.event).await.is(Ignored, &[], &[]);
    assert_eq!(scene.group.ids().await, added.ids);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_once() {
    let scene = Scene::new().await;
    let process = scene.process(&[]);
    let mut added = scene.group.add(&["tcp/22 0.0.0.0/0"]).await;
    added.event["detail"]["responseElements"] = Value::Null;
    request(&mut added.event).as_object_mut().unwrap().remove("groupId");

    let ran = scene.stage.run(&process, &added.event).await;
    ran.is(Unreadable, &[Alert], &[publish()]);
    ran.mail_says(&["could not be read", "groupId", added.event["detail"]["eventID"].as_str().unwrap()]);
    scene.stage.run(&process, &added.event).await.is(Unreadable, &[], &[]);
    assert_eq!(scene.group.ids().await, added.ids);
}

#[tokio::test]
async fn the_events_region_is_where_it_acts() {
    let scene = Scene::new().await;
    let far = in_region(&scene.stage.admin, "ap-northeast-1").unwrap();
    let group = Group::new(Client::new(&far)).await;
    let there = |mut event: Value| {
        event["region"] = json!("ap-northeast-1");
        event["detail"]["awsRegion"] = json!("ap-northeast-1");
        event
    };
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let ran = scene.run(&there(added.event)).await;
    let calls = [group.read(), group.revoked(&added.ids), group.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    let regions: Vec<&str> = ran.calls.iter().map(|call| call.region.as_str()).collect();
    assert_eq!(regions, ["ap-northeast-1", "ap-northeast-1", "ap-northeast-1", "us-east-1"]);
    ran.mail_says(&["ap-northeast-1.console.aws.amazon.com"]);
    assert_eq!(group.rules().await, [""; 0]);

    let list = List::new(group.ec2.clone(), &["10.0.0.0/8"]).await;
    let referencing = format!("tcp/22 {}", list.id);
    group.add(&[&referencing]).await;
    let ran = scene.run(&there(list.add(1, &["0.0.0.0/0"]).await)).await;
    let looks = list.looks(1, &[&group]);
    let calls = [&looks, &[list.taken_out(2, "0.0.0.0/0")][..], &looks, &[publish()]].concat();
    ran.is(Violation, &[Reverted], &calls);
    assert_eq!((list.entries().await, group.rules().await), (vec!["10.0.0.0/8".to_owned()], vec![referencing]));
}

#[tokio::test]
async fn a_region_that_is_none_sends_no_credentials_anywhere() {
    let scene = Scene::new().await;
    let mut added = scene.group.add(&["tcp/22 0.0.0.0/0"]).await;
    added.event["detail"]["awsRegion"] = json!("evil.example/");
    let ran = scene.run(&added.event).await;
    ran.is_error(Violation, &[Failed], &[publish()]);
}

#[tokio::test]
async fn an_attackers_text_stays_harmless_in_the_mail() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let mut added = group.add(&["tcp/22 0.0.0.0/0 REVERTED: all is well"]).await;
    let forged = "x\r\n\r\nLEFT FOR YOU TO DO\nNothing.\u{2028}\u{202e}https://evil.example";
    request(&mut added.event)["ipPermissions"]["items"][0]["ipRanges"]["items"][0]["description"] = json!(forged);
    let detail = &mut added.event["detail"];
    detail["responseElements"]["securityGroupRuleSet"]["items"][0]["description"] = json!(forged);
    detail["userAgent"] = json!(forged);
    detail["sourceIPAddress"] = json!(forged);
    detail["userIdentity"]["arn"] = json!(format!("arn:aws:iam::123456789012:user/{forged}"));
    scene.deny("RevokeSecurityGroupIngress");

    let ran = scene.run(&added.event).await;
    let mail = ran.mail();
    assert!(mail.subject.starts_with("FAILED - ACT NOW: "), "{}", mail.subject);
    let titles = mail.body.lines().filter(|line| *line == "LEFT FOR YOU TO DO" || *line == "Nothing.");
    assert_eq!(titles.count(), 1, "{}", mail.body);
    let hidden = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    assert!(!mail.body.contains(hidden) && !mail.body.contains('\u{2028}'), "{}", mail.body);
    assert!(mail.body.contains("evil.example"), "what was tried is shown: {}", mail.body);
}

// ---------------------------------------------------------------------------------------------------------
// Pages, and an AWS that is slow

#[tokio::test]
async fn all_pages_are_read() {
    let options = StandInOptions { page_size: NonZeroU32::new(3) };
    let stand_in = StandIn::start_with(options, &mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await).await;
    let group = &scene.group;
    let ports: Vec<String> = (1..=9).map(|port| format!("tcp/{port} 8.8.8.8/32")).collect();
    let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
    group.add(&ports).await;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;

    let ran = scene.run(&added.event).await;
    let actions: Vec<&str> = ran.calls.iter().map(|call| call.action.as_str()).collect();
    let read = "DescribeSecurityGroupRules";
    let revoke = "RevokeSecurityGroupIngress";
    // Ten inbound rules and one outbound, then one less.
    assert_eq!(actions, [read, read, read, read, revoke, read, read, read, read, "Publish"]);
    assert!(ran.told().contains(&group.revoked(&added.ids)), "{:?}", ran.told());
    ran.mail_says(&["REVERTED: "]);
    assert_eq!(group.rules().await, ports);

    let list = scene.list(&["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]).await;
    let mut groups = Vec::new();
    for _ in 0..4 {
        let group = scene.another_group().await;
        group.add(&[&format!("tcp/22 {}", list.id)]).await;
        groups.push(group);
    }
    // Wide only together with a rule of the last group, whose entry is on the last page.
    groups[3].add(&["tcp/22 11.0.0.0/8"]).await;
    let event = list.add(1, &["12.0.0.0/8"]).await;
    let ran = scene.run(&event).await;
    ran.mail_says(&["REVERTED: ", "12.0.0.0/8"]);
    assert_eq!(list.entries().await, ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]);
    assert_eq!(groups[3].rules().await.len(), 2);
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_told_in_time() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.slow("DescribeSecurityGroupRules", 9, 8.0);
    let time = Duration::from_secs(15);
    let ran = scene.stage.run_within(&scene.process(&[]), &added.event, time).await;
    assert!(ran.took < time, "{:?}", ran.took);
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: ", "time", &group.id]);
    assert_eq!(group.ids().await, added.ids);
}

#[tokio::test]
async fn a_revoke_that_takes_too_long_is_told_in_time_and_as_what_it_is() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.slow("RevokeSecurityGroupIngress", 9, 8.0);
    let time = Duration::from_secs(15);
    let ran = scene.stage.run_within(&scene.process(&[]), &added.event, time).await;
    assert!(ran.took < time, "{:?}", ran.took);
    assert!(ran.handled.error.is_some());
    // The account was read, and the call was made: it may yet be carried out.
    ran.mail_says(&["FAILED - ACT NOW: ", "time", &added.ids[0]]);
    ran.mail_does_not_say(&["nothing was changed", "could not be read"]);
}

#[tokio::test]
async fn where_everything_is_slow_it_still_ends_in_time() {
    let scene = Scene::new().await;
    let added = scene.group.add(&["tcp/22 0.0.0.0/0"]).await;
    scene.slow("DescribeSecurityGroupRules", 9, 30.0);
    scene.slow("Publish", 9, 30.0);
    let time = Duration::from_secs(15);
    let ran = scene.stage.run_within(&scene.process(&[]), &added.event, time).await;
    assert!(ran.took < time, "{:?}", ran.took);
    assert!(ran.handled.error.is_some() && ran.handled.mail.is_none(), "{:?}", ran.handled);
}

// ---------------------------------------------------------------------------------------------------------
// Anything at all

/// Ranges of whole /8 blocks, so that an oracle can count by hand: a port is open too wide if two public blocks or more get in.
#[tokio::test]
async fn random_rules_end_within_the_width_and_no_more_goes_than_must() {
    let mut random = Random(20_260_101);
    let mut gone_and_kept = BTreeSet::new();
    for round in 0..20 {
        let scene = Scene::new().await;
        let group = &scene.group;
        let mut taken = BTreeSet::new();
        let before = random.rules(3, &mut taken);
        let own = random.rules(4, &mut taken);
        let older = if before.is_empty() {
            Vec::new()
        } else {
            group.add(&before.iter().map(String::as_str).collect::<Vec<_>>()).await.ids
        };
        if own.is_empty() {
            continue;
        }
        let added = group.add(&own.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let event = if random.below(2) == 0 { added.event } else { without_ids(added.event) };

        let ran = scene.run(&event).await;
        let context = format!("round {round}: {before:?}, then {own:?}: {:?}", ran.told());
        let left = group.live(false).await;
        let left_ids: BTreeSet<String> = left.iter().map(rule_id).collect();
        assert!(older.iter().all(|id| left_ids.contains(id)), "{context}");
        let kept: Vec<&String> = group_of(&own, &added.ids, |id| left_ids.contains(id));
        let gone: Vec<&String> = group_of(&own, &added.ids, |id| !left_ids.contains(id));
        assert!(!is_too_wide(&kept, &before), "too wide: {context}");
        for back in &gone {
            let with: Vec<&String> = kept.iter().chain([back]).copied().collect();
            assert!(is_too_wide(&with, &before), "`{back}` went for nothing: {context}");
        }
        gone_and_kept.insert((!gone.is_empty(), !kept.is_empty(), !older.is_empty()));
        assert_eq!(ran.handled.error, None, "{context}");
        assert_eq!(ran.mails.len(), usize::from(!gone.is_empty()), "{context}");
        let writes = ran.calls.iter().filter(|call| call.action.starts_with("Revoke")).count();
        assert_eq!(writes, usize::from(!gone.is_empty()), "{context}");
    }
    // All sorts came up.
    assert!(gone_and_kept.len() >= 5, "{gone_and_kept:?}");
}

fn group_of<'a>(rules: &'a [String], ids: &[String], wanted: impl Fn(&String) -> bool) -> Vec<&'a String> {
    rules.iter().zip(ids).filter(|(_, id)| wanted(id)).map(|(rule, _)| rule).collect()
}

/// Whether a port is open too wide by `own` together with `others`, or, where these alone are too wide already, by `own` alone.
fn is_too_wide(own: &[&String], others: &[String]) -> bool {
    let blocks = |rules: &mut dyn Iterator<Item = &String>, port: i32| -> usize {
        let covering = rules.filter_map(|rule| {
            let (traffic, range, _) = parts(rule);
            let (_, from, to) = ports(traffic);
            (from.unwrap() <= port && port <= to.unwrap()).then_some(range)
        });
        let blocks: BTreeSet<u32> = covering
            .flat_map(|range| {
                let (first, prefix) = range.split_once(".0.0.0/").unwrap();
                let first: u32 = first.parse().unwrap();
                first..first + (1 << (8 - prefix.parse::<u32>().unwrap()))
            })
            .filter(|block| ![0, 10, 127].contains(block) && *block < 224)
            .collect();
        blocks.len()
    };
    (20..30).any(|port| {
        let others_alone = blocks(&mut others.iter(), port);
        if others_alone >= 2 {
            blocks(&mut own.iter().copied(), port) >= 2
        } else {
            blocks(&mut own.iter().copied().chain(others), port) >= 2
        }
    })
}

/// A linear congruential generator: the same scenarios every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % end
    }

    /// Up to so many rules that are not in `taken`, those of the same traffic next to each other, as in permissions.
    fn rules(&mut self, most: u32, taken: &mut BTreeSet<String>) -> Vec<String> {
        let mut rules = Vec::new();
        for _ in 0..self.below(most + 1) {
            let from = 20 + self.below(4);
            let to = from + self.below(3);
            let prefix = [8, 8, 8, 7, 1, 0][self.below(6) as usize];
            let block = self.below(256) >> (8 - prefix) << (8 - prefix);
            let block = if self.below(4) == 0 && prefix == 8 { 10 } else { block };
            let ports = if from == to { from.to_string() } else { format!("{from}-{to}") };
            let rule = format!("tcp/{ports} {block}.0.0.0/{prefix}");
            if taken.insert(rule.clone()) {
                rules.push(rule);
            }
        }
        rules.sort();
        rules
    }
}

// ---------------------------------------------------------------------------------------------------------
// What AWS Config finds

/// The type of a group, as AWS Config has it.
const GROUP: &str = "AWS::EC2::SecurityGroup";

impl Scene {
    /// A rule of AWS Config, of a name of its own, and the finding that it makes of the scene's group.
    async fn found_by(&self, identifier: &str) -> (String, Value) {
        let name = format!("securityhub-{}-{}", identifier.to_lowercase(), unique());
        self.stage.config_rule(&name, identifier, None).await;
        let finding = config_finding(&name, GROUP, &self.group.id);
        (name, finding)
    }

    /// Where findings are taken back too.
    fn reverting(&self) -> Process<SecurityGroup> {
        self.process(&[("CONFIG_FINDINGS", "revert"), ("ALLOWED_PUBLIC_PORTS", "tcp/443")])
    }
}

#[tokio::test]
async fn all_open_rules_of_a_found_group_go_and_no_others() {
    for identifier in ["INCOMING_SSH_DISABLED", "RESTRICTED_INCOMING_TRAFFIC", "VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS"] {
        let scene = Scene::new().await;
        let group = &scene.group;
        let first = group.add(&["tcp/22 0.0.0.0/0 world", "tcp/22 10.0.0.0/8 office", "tcp/443 0.0.0.0/0"]).await;
        let second =
            group.add(&["tcp/3389 ::/0", "udp/53 0.0.0.0/1", "udp/53 128.0.0.0/1", "tcp/22 52.94.76.10/32"]).await;
        let other = scene.another_group().await;
        other.add(&["tcp/22 0.0.0.0/0"]).await;
        let open = [&first.ids[..1], &second.ids[..3]].concat();
        let (name, finding) = scene.found_by(identifier).await;

        let ran = scene.stage.run(&scene.reverting(), &finding).await;
        let calls = [config_rule_asked(&name), group.read(), group.revoked(&open), group.read(), publish()];
        ran.is(Violation, &[Reverted], &calls);
        assert_eq!(group.rules().await, ["tcp/22 10.0.0.0/8 office", "tcp/443 0.0.0.0/0", "tcp/22 52.94.76.10/32"]);
        assert_eq!(other.rules().await, ["tcp/22 0.0.0.0/0"]);
        ran.mail_says(&[&group.id, &name, identifier, "AWS CONFIG", "non-compliant", "seconds after it was found"]);
        for id in &open {
            ran.mail_says(&[id]);
        }
        ran.mail_does_not_say(&["event opened", "this event", "Who did it", &first.ids[1], "TrustedActors"]);
    }
}

#[tokio::test]
async fn rules_that_name_a_list_are_revoked_and_the_list_stays() {
    let scene = Scene::new().await;
    let list = scene.list(&["0.0.0.0/1", "128.0.0.0/1"]).await;
    let narrow = scene.list(&["52.94.76.10/32"]).await;
    let group = &scene.group;
    let added = group.add(&[&format!("tcp/22 {}", list.id), &format!("tcp/22 {}", narrow.id)]).await;
    let (name, finding) = scene.found_by("INCOMING_SSH_DISABLED").await;

    let ran = scene.stage.run(&scene.reverting(), &finding).await;
    let entries = |list: &List| expected("GetManagedPrefixListEntries", &[("PrefixListId", &list.id)]);
    let calls = [
        config_rule_asked(&name),
        group.read(),
        entries(&list),
        entries(&narrow),
        group.revoked(&added.ids[..1]),
        group.read(),
        entries(&narrow),
        publish(),
    ];
    ran.is(Violation, &[Reverted], &calls);
    assert_eq!(group.ids().await, added.ids[1..]);
    assert_eq!(list.entries().await, ["0.0.0.0/1", "128.0.0.0/1"]);
}

#[tokio::test]
async fn a_finding_is_only_told_unless_findings_and_the_mode_are_to_revert() {
    for (settings, says) in [
        (&[][..], "because ConfigFindings is `alert`. With `revert` there and in SecurityGroupMode"),
        (&[("CONFIG_FINDINGS", "revert"), ("SECURITY_GROUP_MODE", "alert")], "because SecurityGroupMode is `alert`"),
        (&[("CONFIG_FINDINGS", "revert"), ("ROLLOUT", "observe")], "because Rollout is `observe`"),
    ] {
        let scene = Scene::new().await;
        let group = &scene.group;
        let added = group.add(&["tcp/22 0.0.0.0/0", "tcp/22 10.0.0.0/8"]).await;
        let (name, finding) = scene.found_by("INCOMING_SSH_DISABLED").await;
        let ran = scene.stage.run(&scene.process(settings), &finding).await;
        ran.is(Violation, &[Alert], &[config_rule_asked(&name), group.read(), publish()]);
        assert_eq!(group.ids().await, added.ids);
        ran.mail_says(&[says, &format!("revoke from {}: {}", group.id, added.ids[0]), "AllowedPublicPorts: tcp/22"]);
        ran.mail_does_not_say(&[&added.ids[1]]);
    }
}

#[tokio::test]
async fn what_is_closed_already_or_may_be_open_is_logged_and_not_mailed() {
    for (rules, reason) in [
        (&[][..], "no inbound rule of it holds a public address"),
        (&["tcp/22 10.0.0.0/8"], "no inbound rule of it holds a public address"),
        (&["tcp/443 0.0.0.0/0", "tcp/22 192.168.0.0/16"], "among AllowedPublicPorts"),
        (&["tcp/22 52.94.76.10/32", "tcp/443 ::/0"], "WidestPublicIpv4Prefix"),
    ] {
        let scene = Scene::new().await;
        let group = &scene.group;
        if !rules.is_empty() {
            group.add(rules).await;
        }
        let (name, finding) = scene.found_by("VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS").await;
        let ran = scene.stage.run(&scene.reverting(), &finding).await;
        ran.is(Ignored, &[], &[config_rule_asked(&name), group.read()]);
        assert!(ran.handled.reason.contains(reason), "{}", ran.handled.reason);
        assert_eq!(group.rules().await, rules);
        assert!(ran.took < Duration::from_secs(5), "waited for something: {:?}", ran.took);
    }
}

#[tokio::test]
async fn a_found_group_that_is_gone_is_logged() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let (name, finding) = scene.found_by("INCOMING_SSH_DISABLED").await;
    group.ec2.delete_security_group().group_id(&group.id).send().await.unwrap();
    let ran = scene.stage.run(&scene.reverting(), &finding).await;
    assert_eq!((ran.handled.verdict, ran.mails.len(), ran.handled.error.is_none()), (Ignored, 0, true), "{ran:#?}");
    let told: Vec<String> = ran.calls.iter().map(|call| call.action.clone()).collect();
    assert_eq!(told, ["DescribeConfigRules", "DescribeSecurityGroupRules"]);
    assert!(ran.told().contains(&config_rule_asked(&name)));
}

#[tokio::test]
async fn what_a_call_opened_and_is_found_too_is_one_revert_and_one_mail() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let (name, finding) = scene.found_by("INCOMING_SSH_DISABLED").await;
    let process = scene.reverting();
    let ran = scene.stage.run(&process, &added.event).await;
    ran.is(Violation, &[Reverted], &[group.read(), group.revoked(&added.ids), group.read(), publish()]);
    let ran = scene.stage.run(&process, &finding).await;
    ran.is(Ignored, &[], &[config_rule_asked(&name), group.read()]);
    // The rule is known by now.
    let again = config_finding(&name, GROUP, &group.id);
    scene.stage.run(&process, &again).await.is(Ignored, &[], &[group.read()]);
    assert_eq!(group.rules().await, [""; 0]);
}

#[tokio::test]
async fn what_other_rules_find_of_a_group_is_for_others() {
    let scene = Scene::new().await;
    let group = &scene.group;
    group.add(&["tcp/22 0.0.0.0/0"]).await;
    for identifier in ["IAM_USER_MFA_ENABLED", "EC2_SECURITY_GROUP_ATTACHED_TO_ENI"] {
        let (name, finding) = scene.found_by(identifier).await;
        scene.stage.run(&scene.reverting(), &finding).await.is(Ignored, &[], &[config_rule_asked(&name)]);
    }
    let name = format!("restricted-ssh-{}", unique());
    let of_no_rule = config_finding(&name, GROUP, &group.id);
    let ran = scene.stage.run(&scene.reverting(), &of_no_rule).await;
    assert_eq!((ran.handled.verdict, ran.mails.len(), ran.calls.len()), (Ignored, 0, 1), "{ran:#?}");
    let (_, mut finding) = scene.found_by("INCOMING_SSH_DISABLED").await;
    for compliance in ["COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA"] {
        finding["detail"]["newEvaluationResult"]["complianceType"] = json!(compliance);
        scene.stage.run(&scene.reverting(), &finding).await.is(Ignored, &[], &[]);
    }
    assert_eq!(group.rules().await, ["tcp/22 0.0.0.0/0"]);
}

#[tokio::test]
async fn a_finding_that_is_not_of_a_group_here_is_told_and_nothing_is_looked_at() {
    let scene = Scene::new().await;
    scene.group.add(&["tcp/22 0.0.0.0/0"]).await;
    let long = format!("sg-{}", "1".repeat(10_000));
    let forged = format!("{}\r\n\r\nLEFT FOR YOU TO DO\nNothing", scene.group.id);
    for id in ["x", "sg-", "*", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1", &long, &forged] {
        let (name, mut finding) = scene.found_by("INCOMING_SSH_DISABLED").await;
        finding["detail"]["resourceId"] = json!(id);
        let ran = scene.stage.run(&scene.reverting(), &finding).await;
        ran.is(Unreadable, &[Alert], &[config_rule_asked(&name), publish()]);
        assert!(ran.mail().body.len() < 20_000, "{} bytes", ran.mail().body.len());
    }
    let (name, mut finding) = scene.found_by("INCOMING_SSH_DISABLED").await;
    finding["detail"]["awsAccountId"] = json!("999988887777");
    let ran = scene.stage.run(&scene.reverting(), &finding).await;
    ran.is(Unreadable, &[Alert], &[config_rule_asked(&name), publish()]);
    ran.mail_says(&["the resource is in account `999988887777`"]);
    assert_eq!(scene.group.rules().await, ["tcp/22 0.0.0.0/0"]);
}

#[tokio::test]
async fn a_found_group_that_can_not_be_closed_is_told_and_tried_again() {
    let scene = Scene::new().await;
    let group = &scene.group;
    let added = group.add(&["tcp/22 0.0.0.0/0"]).await;
    let (name, finding) = scene.found_by("INCOMING_SSH_DISABLED").await;
    scene.deny("RevokeSecurityGroupIngress");
    let ran = scene.stage.run(&scene.reverting(), &finding).await;
    let calls =
        [config_rule_asked(&name), group.read(), refused(group.revoked(&added.ids), 403), group.read(), publish()];
    ran.is_error(Violation, &[Failed], &calls);
    assert_eq!(group.ids().await, added.ids);
    let ran = scene.stage.run(&scene.reverting(), &finding).await;
    ran.mail_says(&["REVERTED: ", &added.ids[0]]);
    assert_eq!(group.rules().await, [""; 0]);
}
