//! The stand-in over the wire: what the launcher adds to moto, the recorder, faults, and the mailbox.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

use std::fmt::Debug;
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::authorize_security_group_ingress::AuthorizeSecurityGroupIngressOutput;
use aws_sdk_ec2::types::builders::IpPermissionBuilder;
use aws_sdk_ec2::types::{
    AddPrefixListEntry, Filter, IpPermission, IpRange, Ipv6Range, PrefixListEntry, PrefixListId, RemovePrefixListEntry,
    SecurityGroup, SecurityGroupRule, SecurityGroupRuleRequest, SecurityGroupRuleUpdate, UserIdGroupPair,
};
use aws_smithy_http_client::Builder;
use sandbox::{Fault, Mailbox, StandIn, StandInOptions, calls, inject};

// A static is never dropped: the server ends when this process does.
fn stand_in() -> &'static StandIn {
    static STAND_IN: OnceLock<StandIn> = OnceLock::new();
    STAND_IN.get_or_init(|| StandIn::start(&mut |_| {}).unwrap())
}

fn unique() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// An access key id of the test's own.
fn new_key() -> String {
    format!("AKIASTANDIN{:09}", unique())
}

fn config(endpoint: &str, key: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(key, "secret", None, None, "test")))
        .http_client(Builder::new().build_http())
        .build()
}

fn ec2() -> Client {
    Client::new(&config(stand_in().endpoint(), &new_key()))
}

fn refused<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug>(result: Result<T, SdkError<E, R>>) -> String {
    result.unwrap_err().code().unwrap().to_owned()
}

async fn new_group(ec2: &Client) -> String {
    let name = format!("group-{}", unique());
    ec2.create_security_group().group_name(name).description("for a test").send().await.unwrap().group_id.unwrap()
}

async fn new_list(ec2: &Client, cidrs: &[&str]) -> String {
    let entries = cidrs.iter().map(|cidr| AddPrefixListEntry::builder().cidr(*cidr).build()).collect();
    let output = ec2
        .create_managed_prefix_list()
        .prefix_list_name(format!("list-{}", unique()))
        .address_family("IPv4")
        .max_entries(5)
        .set_entries(Some(entries))
        .send()
        .await
        .unwrap();
    output.prefix_list.unwrap().prefix_list_id.unwrap()
}

fn tcp(port: i32) -> IpPermissionBuilder {
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port)
}

fn ipv4(cidr: &str) -> IpRange {
    IpRange::builder().cidr_ip(cidr).build()
}

fn ipv6(cidr: &str) -> Ipv6Range {
    Ipv6Range::builder().cidr_ipv6(cidr).build()
}

async fn authorize(ec2: &Client, group: &str, permissions: Vec<IpPermission>) -> Vec<SecurityGroupRule> {
    let output = try_authorize(ec2, group, permissions).await.unwrap();
    output.security_group_rules.unwrap()
}

async fn try_authorize(
    ec2: &Client,
    group: &str,
    permissions: Vec<IpPermission>,
) -> Result<AuthorizeSecurityGroupIngressOutput, impl ProvideErrorMetadata + Debug> {
    ec2.authorize_security_group_ingress()
        .group_id(group)
        .set_ip_permissions(Some(permissions))
        .send()
        .await
        .map_err(SdkError::into_service_error)
}

/// The inbound rules of a group.
async fn inbound(ec2: &Client, group: &str) -> Vec<SecurityGroupRule> {
    let filter = Filter::builder().name("group-id").values(group).build();
    let output = ec2.describe_security_group_rules().filters(filter).send().await.unwrap();
    output.security_group_rules.unwrap().into_iter().filter(|rule| rule.is_egress == Some(false)).collect()
}

async fn one_inbound(ec2: &Client, group: &str) -> SecurityGroupRule {
    let rules = inbound(ec2, group).await;
    let [rule] = rules.as_slice() else { panic!("one rule expected: {rules:?}") };
    rule.clone()
}

fn id(rule: &SecurityGroupRule) -> &str {
    rule.security_group_rule_id().unwrap()
}

fn group_ids(groups: &[SecurityGroup]) -> Vec<&str> {
    groups.iter().filter_map(SecurityGroup::group_id).collect()
}

#[tokio::test]
async fn groups_are_found_by_prefix_list() {
    let ec2 = ec2();
    let (group, _other) = (new_group(&ec2).await, new_group(&ec2).await);
    let list = new_list(&ec2, &["10.0.0.0/8"]).await;
    let source = PrefixListId::builder().prefix_list_id(&list).build();
    authorize(&ec2, &group, vec![tcp(22).prefix_list_ids(source).build()]).await;

    let filter = Filter::builder().name("ip-permission.prefix-list-id").values(&list).build();
    let output = ec2.describe_security_groups().filters(filter).send().await.unwrap();
    assert_eq!(group_ids(output.security_groups()), [group.as_str()]);
}

#[tokio::test]
async fn groups_are_found_by_ipv6_range() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    authorize(&ec2, &group, vec![tcp(22).ipv6_ranges(ipv6("2001:db8:17::/48")).build()]).await;

    let filter = Filter::builder().name("ip-permission.ipv6-cidr").values("2001:db8:17::/48").build();
    let output = ec2.describe_security_groups().filters(filter).send().await.unwrap();
    assert_eq!(group_ids(output.security_groups()), [group.as_str()]);
}

#[tokio::test]
async fn names_are_of_groups_in_the_default_vpc() {
    let ec2 = ec2();
    let vpc = ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let (here, elsewhere) = (format!("here-{}", unique()), format!("elsewhere-{}", unique()));
    let create = |name: &str| ec2.create_security_group().group_name(name).description("for a test");
    create(&here).send().await.unwrap();
    create(&elsewhere).vpc_id(vpc).send().await.unwrap();

    let found = ec2.describe_security_groups().group_names(&here).send().await.unwrap();
    assert_eq!(found.security_groups().len(), 1);
    let missing = ec2.describe_security_groups().group_names(&elsewhere).send().await;
    assert_eq!(refused(missing), "InvalidGroup.NotFound");
    let authorized = ec2
        .authorize_security_group_ingress()
        .group_name(&elsewhere)
        .ip_permissions(tcp(22).ip_ranges(ipv4("10.0.0.0/8")).build())
        .send()
        .await;
    assert_eq!(refused(authorized), "InvalidGroup.NotFound");
}

#[tokio::test]
async fn all_authorized_rules_are_answered() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    let permissions = vec![
        tcp(22).ip_ranges(ipv4("10.0.0.0/8")).ipv6_ranges(ipv6("2001:db8::/32")).build(),
        tcp(443).ip_ranges(ipv4("10.0.0.0/8")).build(),
    ];
    let answered = authorize(&ec2, &group, permissions).await;
    let there = inbound(&ec2, &group).await;
    assert_eq!(answered.iter().map(id).collect::<Vec<_>>(), there.iter().map(id).collect::<Vec<_>>());
    assert_eq!(there.len(), 3);
}

#[tokio::test]
async fn a_refused_authorization_adds_nothing() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    authorize(&ec2, &group, vec![tcp(22).ip_ranges(ipv4("10.0.0.0/8")).build()]).await;

    let again = vec![
        tcp(443).ip_ranges(ipv4("10.0.0.0/8")).build(),
        tcp(22).ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").description("new").build()).build(),
    ];
    assert_eq!(try_authorize(&ec2, &group, again).await.unwrap_err().code(), Some("InvalidPermission.Duplicate"));
    let bad = vec![
        tcp(443).ip_ranges(ipv4("10.0.0.0/8")).build(),
        tcp(80).ip_ranges(ipv4("10.0.0.0/8")).ip_ranges(ipv4("10.0.0.0/33")).build(),
    ];
    assert_eq!(try_authorize(&ec2, &group, bad).await.unwrap_err().code(), Some("InvalidParameterValue"));
    let no_ports = vec![IpPermission::builder().ip_protocol("tcp").ip_ranges(ipv4("10.0.0.0/8")).build()];
    assert_eq!(try_authorize(&ec2, &group, no_ports).await.unwrap_err().code(), Some("InvalidParameterValue"));
    assert_eq!(one_inbound(&ec2, &group).await.from_port, Some(22));
}

#[tokio::test]
async fn every_kind_of_rule_can_be_modified() {
    let ec2 = ec2();
    let (group, friend) = (new_group(&ec2).await, new_group(&ec2).await);
    let (list, other_list) = (new_list(&ec2, &[]).await, new_list(&ec2, &[]).await);
    let pair = |group: &str| UserIdGroupPair::builder().group_id(group).build();
    let permission = tcp(22)
        .ip_ranges(ipv4("10.0.0.0/8"))
        .ipv6_ranges(ipv6("2001:db8::/32"))
        .user_id_group_pairs(pair(&group))
        .prefix_list_ids(PrefixListId::builder().prefix_list_id(&list).build());
    let rules = authorize(&ec2, &group, vec![permission.build()]).await;

    let changed =
        || SecurityGroupRuleRequest::builder().ip_protocol("udp").from_port(100).to_port(200).description("changed");
    let new = [
        changed().cidr_ipv4("0.0.0.0/0"),
        changed().cidr_ipv6("::/0"),
        changed().referenced_group_id(&friend),
        changed().prefix_list_id(&other_list),
    ];
    let updates = rules
        .iter()
        .zip(new)
        .map(|(rule, new)| {
            SecurityGroupRuleUpdate::builder().security_group_rule_id(id(rule)).security_group_rule(new.build()).build()
        })
        .collect();
    ec2.modify_security_group_rules().group_id(&group).set_security_group_rules(Some(updates)).send().await.unwrap();

    let after = inbound(&ec2, &group).await;
    assert_eq!(after.iter().map(id).collect::<Vec<_>>(), rules.iter().map(id).collect::<Vec<_>>());
    for rule in &after {
        assert_eq!((rule.ip_protocol(), rule.from_port, rule.to_port), (Some("udp"), Some(100), Some(200)));
        assert_eq!(rule.description(), Some("changed"));
    }
    let [v4, v6, referenced, listed] = after.as_slice() else { panic!("four rules expected: {after:?}") };
    assert_eq!(v4.cidr_ipv4(), Some("0.0.0.0/0"));
    assert_eq!(v6.cidr_ipv6(), Some("::/0"));
    assert_eq!(referenced.referenced_group_info().unwrap().group_id(), Some(friend.as_str()));
    assert_eq!(listed.prefix_list_id(), Some(other_list.as_str()));
}

#[tokio::test]
async fn a_rule_can_be_modified_to_all_traffic() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    authorize(&ec2, &group, vec![tcp(22).ip_ranges(ipv4("10.0.0.0/8")).build()]).await;
    let rule = one_inbound(&ec2, &group).await;

    modify(&ec2, &group, &rule, SecurityGroupRuleRequest::builder().ip_protocol("-1").cidr_ipv4("0.0.0.0/0").build())
        .await
        .unwrap();
    let after = one_inbound(&ec2, &group).await;
    assert_eq!((after.ip_protocol(), after.from_port, after.to_port), (Some("-1"), Some(-1), Some(-1)));
    assert_eq!(after.cidr_ipv4(), Some("0.0.0.0/0"));
}

#[tokio::test]
async fn a_refused_modification_changes_nothing() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    let source = || tcp(22).ip_ranges(ipv4("10.0.0.0/8"));
    let rules = authorize(&ec2, &group, vec![source().ip_ranges(ipv4("192.0.2.0/24")).build()]).await;
    let rule = rules.first().unwrap();

    let to = SecurityGroupRuleRequest::builder().ip_protocol("tcp").from_port(22).to_port(22);
    let duplicate = modify(&ec2, &group, rule, to.clone().cidr_ipv4("192.0.2.0/24").build()).await;
    assert_eq!(duplicate.unwrap_err(), "InvalidPermission.Duplicate");
    let other_kind = modify(&ec2, &group, rule, to.clone().cidr_ipv6("::/0").build()).await;
    assert_eq!(other_kind.unwrap_err(), "InvalidParameterValue");
    let unknown = SecurityGroupRule::builder().security_group_rule_id("sgr-00000000000000000").build();
    let missing = modify(&ec2, &group, &unknown, to.cidr_ipv4("0.0.0.0/0").build()).await;
    assert_eq!(missing.unwrap_err(), "InvalidSecurityGroupRuleId.NotFound");
    assert_eq!(inbound(&ec2, &group).await, rules);
}

async fn modify(
    ec2: &Client,
    group: &str,
    rule: &SecurityGroupRule,
    to: SecurityGroupRuleRequest,
) -> Result<(), String> {
    let update = SecurityGroupRuleUpdate::builder().security_group_rule_id(id(rule)).security_group_rule(to).build();
    let result = ec2.modify_security_group_rules().group_id(group).security_group_rules(update).send().await;
    result.map(drop).map_err(|error| error.code().unwrap().to_owned())
}

#[tokio::test]
async fn every_kind_of_rule_shows_its_description() {
    let ec2 = ec2();
    let (group, list) = (new_group(&ec2).await, new_list(&ec2, &[]).await);
    let permission = tcp(22)
        .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").description("v4").build())
        .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("2001:db8::/32").description("v6").build())
        .user_id_group_pairs(UserIdGroupPair::builder().group_id(&group).description("group").build())
        .prefix_list_ids(PrefixListId::builder().prefix_list_id(&list).description("list").build());
    authorize(&ec2, &group, vec![permission.build()]).await;

    let rules = inbound(&ec2, &group).await;
    let descriptions: Vec<_> = rules.iter().map(|rule| rule.description().unwrap()).collect();
    assert_eq!(descriptions, ["v4", "v6", "group", "list"]);
    let groups = ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
    let permissions = groups.security_groups().first().unwrap().ip_permissions();
    let listed = permissions.first().unwrap().prefix_list_ids();
    assert_eq!(listed.first().unwrap().description(), Some("list"));
}

#[tokio::test]
async fn ranges_are_stored_in_canonical_form() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    let permission = tcp(22).ip_ranges(ipv4("1.2.3.4/0")).ipv6_ranges(ipv6("2001:DB8:0:0::1/32")).build();
    authorize(&ec2, &group, vec![permission]).await;
    let rules = inbound(&ec2, &group).await;
    let ranges: Vec<_> = rules.iter().filter_map(|rule| rule.cidr_ipv4().or(rule.cidr_ipv6())).collect();
    assert_eq!(ranges, ["0.0.0.0/0", "2001:db8::/32"]);
}

#[tokio::test]
async fn protocol_numbers_become_names() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    let protocol = |protocol: &str| IpPermission::builder().ip_protocol(protocol);
    authorize(
        &ec2,
        &group,
        vec![
            protocol("58").ipv6_ranges(ipv6("2001:db8::/32")).build(),
            protocol("icmpv6").from_port(-1).to_port(-1).ipv6_ranges(ipv6("::/0")).build(),
            protocol("50").ip_ranges(ipv4("10.0.0.0/8")).build(),
        ],
    )
    .await;
    let rules = inbound(&ec2, &group).await;
    let protocols: Vec<_> = rules.iter().filter_map(|rule| rule.ip_protocol()).collect();
    assert_eq!(protocols, ["icmpv6", "icmpv6", "50"]);
    assert!(rules.iter().all(|rule| (rule.from_port, rule.to_port) == (Some(-1), Some(-1))));
}

#[tokio::test]
async fn an_unknown_rule_id_revokes_nothing() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    authorize(&ec2, &group, vec![tcp(22).ip_ranges(ipv4("10.0.0.0/8")).build()]).await;
    let rule = one_inbound(&ec2, &group).await;

    let revoke = || ec2.revoke_security_group_ingress().group_id(&group).security_group_rule_ids(id(&rule));
    let unknown = revoke().security_group_rule_ids("sgr-00000000000000000").send().await;
    assert_eq!(refused(unknown), "InvalidSecurityGroupRuleId.NotFound");
    assert_eq!(inbound(&ec2, &group).await.len(), 1);

    let output = revoke().send().await.unwrap();
    let revoked = output.revoked_security_group_rules().first().unwrap();
    assert_eq!(revoked.security_group_rule_id(), Some(id(&rule)));
    assert_eq!(revoked.cidr_ipv4(), Some("10.0.0.0/8"));
    assert_eq!(inbound(&ec2, &group).await, []);
}

#[tokio::test]
async fn a_permission_is_revoked_whatever_its_description() {
    let ec2 = ec2();
    let (group, friend) = (new_group(&ec2).await, new_group(&ec2).await);
    let pair = UserIdGroupPair::builder().group_id(&friend);
    let described = tcp(22).user_id_group_pairs(pair.clone().description("office").build()).build();
    authorize(&ec2, &group, vec![described]).await;

    let revoke = |port: i32| {
        let permission = tcp(port).user_id_group_pairs(pair.clone().build()).build();
        ec2.revoke_security_group_ingress().group_id(&group).ip_permissions(permission).send()
    };
    assert_eq!(refused(revoke(23).await), "InvalidPermission.NotFound");
    revoke(22).await.unwrap();
    assert_eq!(inbound(&ec2, &group).await, []);
}

/// The list's entries as "CIDR description", at that version or the latest.
async fn entries(ec2: &Client, list: &str, version: Option<i64>) -> Vec<String> {
    let output =
        ec2.get_managed_prefix_list_entries().prefix_list_id(list).set_target_version(version).send().await.unwrap();
    let text = |entry: &PrefixListEntry| {
        let text = format!("{} {}", entry.cidr().unwrap_or_default(), entry.description().unwrap_or_default());
        text.trim_end().to_owned()
    };
    output.entries().iter().map(text).collect()
}

#[tokio::test]
async fn a_prefix_list_keeps_its_versions_and_restores_them() {
    let ec2 = ec2();
    let list = new_list(&ec2, &["10.0.0.0/8"]).await;
    let opened = AddPrefixListEntry::builder().cidr("1.2.3.4/0").build();
    ec2.modify_managed_prefix_list().prefix_list_id(&list).current_version(1).add_entries(opened).send().await.unwrap();
    assert_eq!(entries(&ec2, &list, None).await, ["10.0.0.0/8", "0.0.0.0/0"]);
    assert_eq!(entries(&ec2, &list, Some(1)).await, ["10.0.0.0/8"]);

    let restore = || ec2.restore_managed_prefix_list_version().prefix_list_id(&list).previous_version(1);
    let wrong = restore().current_version(1).send().await;
    assert_eq!(refused(wrong), "PrefixListVersionMismatch");
    let restored = restore().current_version(2).send().await.unwrap().prefix_list.unwrap();
    assert_eq!(restored.version, Some(3));
    assert_eq!(entries(&ec2, &list, None).await, ["10.0.0.0/8"]);
    assert_eq!(entries(&ec2, &list, Some(2)).await, ["10.0.0.0/8", "0.0.0.0/0"]);
}

#[tokio::test]
async fn modifying_a_prefix_list_needs_its_current_version() {
    let ec2 = ec2();
    let list = new_list(&ec2, &[]).await;
    let modify = |version: i64| {
        let entry = AddPrefixListEntry::builder().cidr("10.0.0.0/8").build();
        ec2.modify_managed_prefix_list().prefix_list_id(&list).current_version(version).add_entries(entry).send()
    };
    assert_eq!(refused(modify(2).await), "PrefixListVersionMismatch");
    let modified = modify(1).await.unwrap().prefix_list.unwrap();
    assert_eq!(modified.version, Some(2));
    assert!(modified.prefix_list_name().unwrap().starts_with("list-"));
    assert_eq!(entries(&ec2, &list, Some(1)).await, [""; 0]);
}

#[tokio::test]
async fn adding_an_entry_again_changes_its_description() {
    let ec2 = ec2();
    let list = new_list(&ec2, &["10.0.0.0/8"]).await;
    let add = || {
        let entry = AddPrefixListEntry::builder().cidr("10.0.0.0/8").description("office").build();
        ec2.modify_managed_prefix_list().prefix_list_id(&list).add_entries(entry).send()
    };
    add().await.unwrap();
    assert_eq!(entries(&ec2, &list, None).await, ["10.0.0.0/8 office"]);
    assert_eq!(refused(add().await), "InvalidPrefixListModification");
}

#[tokio::test]
async fn only_entries_that_are_there_can_be_removed() {
    let ec2 = ec2();
    let list = new_list(&ec2, &["10.0.0.0/8", "192.0.2.0/24"]).await;
    let remove = |cidr: &str| {
        let entry = RemovePrefixListEntry::builder().cidr(cidr).build();
        ec2.modify_managed_prefix_list().prefix_list_id(&list).remove_entries(entry).send()
    };
    assert_eq!(refused(remove("10.0.0.0/9").await), "InvalidPrefixListModification");
    remove("10.0.0.0/8").await.unwrap();
    assert_eq!(entries(&ec2, &list, None).await, ["192.0.2.0/24"]);
}

#[tokio::test]
async fn an_unknown_prefix_list_is_an_error() {
    let ec2 = ec2();
    let (group, list) = (new_group(&ec2).await, "pl-00000000000000000");
    let described = ec2.describe_managed_prefix_lists().prefix_list_ids(list).send().await;
    assert_eq!(refused(described), "InvalidPrefixListID.NotFound");
    let read = ec2.get_managed_prefix_list_entries().prefix_list_id(list).send().await;
    assert_eq!(refused(read), "InvalidPrefixListID.NotFound");
    let source = PrefixListId::builder().prefix_list_id(list).build();
    let authorized = try_authorize(&ec2, &group, vec![tcp(22).prefix_list_ids(source).build()]).await;
    assert_eq!(authorized.unwrap_err().code(), Some("InvalidPrefixListID.NotFound"));
}

#[tokio::test]
async fn answers_come_in_pages_where_the_caller_asks_for_them() {
    let ec2 = ec2();
    let group = new_group(&ec2).await;
    let ports = (1..=7).map(|port| tcp(port).ip_ranges(ipv4("10.0.0.0/8")).build()).collect();
    authorize(&ec2, &group, ports).await;
    let filter = Filter::builder().name("group-id").values(&group).build();
    let describe = || ec2.describe_security_group_rules().filters(filter.clone()).max_results(5);

    let first = describe().send().await.unwrap();
    let second = describe().set_next_token(first.next_token().map(str::to_owned)).send().await.unwrap();
    // The eighth is the rule that allows all outbound traffic.
    assert_eq!((first.security_group_rules().len(), second.security_group_rules().len()), (5, 3));
    assert_eq!(second.next_token(), None);
    assert_eq!(refused(describe().next_token("?").send().await), "InvalidPaginationToken");
}

#[tokio::test]
async fn a_stand_in_with_a_page_size_pages_every_answer() {
    let options = StandInOptions { page_size: NonZeroU32::new(1) };
    let stand_in = StandIn::start_with(options, &mut |_| {}).unwrap();
    let ec2 = Client::new(&config(stand_in.endpoint(), &new_key()));
    new_group(&ec2).await;
    let list = new_list(&ec2, &["10.0.0.0/8", "192.0.2.0/24"]).await;

    let groups = ec2.describe_security_groups().send().await.unwrap();
    assert_eq!(groups.security_groups().len(), 1);
    assert!(groups.next_token().is_some());
    let rules = ec2.describe_security_group_rules().send().await.unwrap();
    assert_eq!(rules.security_group_rules().len(), 1);
    assert!(rules.next_token().is_some());
    assert_eq!(entries(&ec2, &list, None).await, ["10.0.0.0/8"]);
    let all = ec2.get_managed_prefix_list_entries().prefix_list_id(&list).into_paginator().items().send();
    assert_eq!(all.try_collect().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_action_that_is_lacking_is_refused_once() {
    let key = new_key();
    let ec2 = Client::new(&config(stand_in().endpoint(), &key));
    assert_eq!(refused(ec2.describe_bundle_tasks().send().await), "InvalidAction");
    assert_eq!(calls(stand_in().endpoint(), &key).unwrap().len(), 1);
}

#[tokio::test]
async fn calls_are_recorded_by_access_key() {
    let endpoint = stand_in().endpoint();
    let (key, other) = (new_key(), new_key());
    let ec2 = Client::new(&config(endpoint, &key));
    let group = new_group(&ec2).await;
    ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
    let missing = ec2.describe_security_groups().group_ids("sg-00000000000000000").send().await;
    assert_eq!(refused(missing), "InvalidGroup.NotFound");
    let sqs = aws_sdk_sqs::Client::new(&config(endpoint, &key));
    sqs.list_queues().max_results(3).send().await.unwrap();

    let recorded = calls(endpoint, &key).unwrap();
    let summary: Vec<_> = recorded.iter().map(|call| (call.action.as_str(), call.status)).collect();
    assert_eq!(
        summary,
        [
            ("CreateSecurityGroup", 200),
            ("DescribeSecurityGroups", 200),
            ("DescribeSecurityGroups", 400),
            ("ListQueues", 200)
        ]
    );
    let [_, described, _, listed] = recorded.as_slice() else { panic!("four calls expected: {recorded:?}") };
    // Other tests' calls are between them.
    assert!(recorded.is_sorted_by(|call, next| 0 < call.number && call.number < next.number), "{recorded:?}");
    assert_eq!((described.service.as_str(), described.region.as_str()), ("ec2", "us-east-1"));
    assert_eq!(described.access_key_id, key);
    assert_eq!(described.parameters.get("GroupId.1"), Some(&group));
    assert_eq!((listed.service.as_str(), listed.parameters.get("MaxResults").unwrap().as_str()), ("sqs", "3"));
    assert_eq!(calls(endpoint, &other).unwrap(), []);
}

#[tokio::test]
async fn a_fault_keeps_a_call_from_being_carried_out() {
    let (endpoint, key) = (stand_in().endpoint(), new_key());
    let ec2 = Client::new(&config(endpoint, &key));
    let group = new_group(&ec2).await;
    let fault = Fault { status: 400, ..Fault::new(&key, "DeleteSecurityGroup", "DependencyViolation") };
    inject(endpoint, &fault).unwrap();

    assert_eq!(refused(ec2.delete_security_group().group_id(&group).send().await), "DependencyViolation");
    ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
    ec2.delete_security_group().group_id(&group).send().await.unwrap();
}

#[tokio::test]
async fn a_fault_afterwards_loses_only_the_answer() {
    let (endpoint, key) = (stand_in().endpoint(), new_key());
    let ec2 = Client::new(&config(endpoint, &key));
    let group = new_group(&ec2).await;
    let fault = Fault { after: true, ..Fault::new(&key, "DeleteSecurityGroup", "InternalError") };
    inject(endpoint, &fault).unwrap();

    // The SDK tries again, and then the group is gone.
    assert_eq!(refused(ec2.delete_security_group().group_id(&group).send().await), "InvalidGroup.NotFound");
    let statuses: Vec<_> = calls(endpoint, &key).unwrap().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [200, 500, 400]);
}

#[tokio::test]
async fn faults_speak_the_protocol_of_each_service() {
    let (endpoint, key) = (stand_in().endpoint(), new_key());
    let config = config(endpoint, &key);
    for action in ["ListTopics", "ListQueues"] {
        let fault = Fault { status: 403, message: "no <entry>".into(), ..Fault::new(&key, action, "AccessDenied") };
        inject(endpoint, &fault).unwrap();
    }
    let sns = aws_sdk_sns::Client::new(&config).list_topics().send().await.unwrap_err();
    assert_eq!((sns.code(), sns.message()), (Some("AccessDenied"), Some("no <entry>")));
    let sqs = aws_sdk_sqs::Client::new(&config).list_queues().send().await.unwrap_err();
    assert_eq!((sqs.code(), sqs.message()), (Some("AccessDenied"), Some("no <entry>")));
}

#[tokio::test]
async fn a_fault_without_a_code_only_delays() {
    let (endpoint, key) = (stand_in().endpoint(), new_key());
    let ec2 = Client::new(&config(endpoint, &key));
    inject(endpoint, &Fault { code: None, delay_seconds: 0.3, ..Fault::new(&key, "DescribeVpcs", "") }).unwrap();
    let begin = Instant::now();
    ec2.describe_vpcs().send().await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_mailbox_returns_what_was_published() {
    let config = config(stand_in().endpoint(), &new_key());
    let mailbox = Mailbox::create(&config, &format!("alerts-{}", unique())).await.unwrap();
    assert_eq!(mailbox.receive(Duration::ZERO).await.unwrap(), []);

    let sns = aws_sdk_sns::Client::new(&config);
    for subject in ["first", "second"] {
        sns.publish().topic_arn(mailbox.topic_arn()).subject(subject).message("two\nlines").send().await.unwrap();
    }
    let mut mails = mailbox.receive(Duration::from_secs(5)).await.unwrap();
    mails.sort_by(|a, b| a.subject.cmp(&b.subject));
    let texts: Vec<_> = mails.iter().map(|mail| (mail.subject.as_str(), mail.body.as_str())).collect();
    assert_eq!(texts, [("first", "two\nlines"), ("second", "two\nlines")]);
    assert_eq!(mailbox.receive(Duration::ZERO).await.unwrap(), []);

    let topic = mailbox.topic_arn().to_owned();
    mailbox.remove().await.unwrap();
    let topics = sns.list_topics().send().await.unwrap();
    assert!(topics.topics().iter().all(|other| other.topic_arn() != Some(&topic)));
}

#[test]
fn the_server_ends_with_the_stand_in() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let address = stand_in.endpoint().trim_start_matches("http://").to_owned();
    TcpStream::connect(&address).unwrap();
    let begin = Instant::now();
    drop(stand_in);
    assert!(begin.elapsed() < Duration::from_secs(2));
    TcpStream::connect(&address).unwrap_err();
}
