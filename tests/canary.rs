//! The canary from end to end: its own code and that of `security-group`, against the same stand-in account. CloudTrail's part is played here: the
//! call that the canary made is handed over as an event.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, ResourceType, SecurityGroup as Group, Tag, TagSpecification};
use canary::{Canary, PREFIX, Round, TAG};
use chrono::Utc;
use rules::Outcome::{Alert, Reverted};
use rules::Settings;
use runtime::Verdict::{HeldBack, Violation};
use sandbox::{Call, Fault, StandIn, calls, inject, local_config};
use security_group::SecurityGroup;
use serde_json::{Value, json};
use tests::{ACCOUNT, Process, Ran, Stage, event, expected, publish, stand_in, told, unique};
use tokio::time::sleep;

const ROLE: &str = "arn:aws:iam::123456789012:role/snapback-CanaryRole-1F";

/// The canary keeps 45 s of its time for cleaning up.
const TIME: Duration = Duration::from_secs(45 + 30);

/// So long that it looks twice.
const SHORT: Duration = Duration::from_secs(45 + 3);

/// The canary, its VPC, and the function that reverts it.
struct Scene {
    stage: Stage,
    ec2: Client,
    vpc_id: String,
    key: String,
    config: SdkConfig,
}

impl Scene {
    async fn new() -> Self {
        Self::on(stand_in()).await
    }

    async fn on(stand_in: &StandIn) -> Self {
        let stage = Stage::on(stand_in).await;
        let ec2 = Client::new(&stage.admin);
        let vpc = ec2.create_vpc().cidr_block("192.168.255.240/28").send().await.unwrap().vpc.unwrap();
        let key = format!("AKIACANARY{:010}", unique());
        let vpc_id = vpc.vpc_id.unwrap();
        let config = stage.config_of(canary::NAME, &key, &[("CANARY_VPC_ID", &vpc_id)]).await;
        Self { stage, ec2, vpc_id, key, config }
    }

    fn canary(&self) -> Canary {
        Canary::new(&self.config, &settings(&[("CANARY_VPC_ID", &self.vpc_id)])).unwrap()
    }

    /// A new process of `security-group` that knows the canary.
    fn guard(&self) -> Process<SecurityGroup> {
        self.stage.process(SecurityGroup::new, &[("CANARY_ROLE_ARN", ROLE)])
    }

    /// The canary's calls.
    fn calls(&self) -> Vec<Call> {
        calls(self.stage.endpoint(), &self.key).unwrap()
    }

    /// The same, each on a line, but for the looks at the rule.
    fn told(&self) -> Vec<String> {
        self.calls().iter().filter(|call| call.action != "DescribeSecurityGroupRules").map(told).collect()
    }

    /// Waits until the canary has opened its group, and tells of it as CloudTrail does.
    async fn opened(&self) -> Opened {
        let start = Instant::now();
        loop {
            let calls = self.calls();
            // Answered, and the rule was seen.
            let opening =
                calls.iter().find(|call| call.action == "AuthorizeSecurityGroupIngress" && call.status == 200);
            let looks = calls.iter().filter(|call| call.action == "DescribeSecurityGroupRules" && call.status == 200);
            match opening {
                Some(call) if looks.count() > 0 => return Opened::of(call, &self.ec2).await,
                _ => assert!(start.elapsed() < Duration::from_secs(20), "not opened: {calls:#?}"),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The groups of the canary's VPC, but for the default one.
    async fn groups(&self) -> Vec<Group> {
        let filter = Filter::builder().name("vpc-id").values(&self.vpc_id).build();
        let found = self.ec2.describe_security_groups().filters(filter).send().await.unwrap();
        found.security_groups.unwrap().into_iter().filter(|group| group.group_name() != Some("default")).collect()
    }

    async fn is_there(&self, group_id: &str) -> bool {
        let filter = Filter::builder().name("group-id").values(group_id).build();
        let found = self.ec2.describe_security_groups().filters(filter).send().await.unwrap();
        !found.security_groups().is_empty()
    }

    /// A group that somebody made, open to the world.
    async fn group(&self, vpc_id: Option<&str>, name: &str, tag: Option<(&str, &str)>) -> String {
        let tags = tag.map(|(key, value)| {
            let tag = Tag::builder().key(key).value(value).build();
            TagSpecification::builder().resource_type(ResourceType::SecurityGroup).tags(tag).build()
        });
        let call = self.ec2.create_security_group().group_name(name).description("for a test");
        let call = call.set_vpc_id(vpc_id.map(str::to_owned)).set_tag_specifications(tags.map(|tags| vec![tags]));
        let id = call.send().await.unwrap().group_id.unwrap();
        self.open(&id, 9, &["0.0.0.0/0"]).await;
        id
    }

    /// Adds rules to a group; gives their ids.
    async fn open(&self, group_id: &str, port: i32, ranges: &[&str]) -> Vec<String> {
        let ranges = ranges.iter().map(|range| IpRange::builder().cidr_ip(*range).build()).collect();
        let permission = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
        let permission = permission.set_ip_ranges(Some(ranges)).build();
        let call = self.ec2.authorize_security_group_ingress().group_id(group_id).ip_permissions(permission);
        let rules = call.send().await.unwrap().security_group_rules.unwrap();
        rules.into_iter().map(|rule| rule.security_group_rule_id.unwrap()).collect()
    }

    /// Hands an event to a new process of `security-group`.
    async fn guarded(&self, event: &Value) -> Ran {
        self.stage.run(&self.guard(), event).await
    }
}

/// A call that opened a group.
struct Opened {
    event: Value,
    group_id: String,
    rule_ids: Vec<String>,
}

impl Opened {
    /// From the canary's own call, as the stand-in recorded it.
    async fn of(call: &Call, ec2: &Client) -> Self {
        let parameter = |name: &str| call.parameters[name].clone();
        let group_id = parameter("GroupId");
        let filter = Filter::builder().name("group-id").values(&group_id).build();
        let rules = ec2.describe_security_group_rules().filters(filter).send().await.unwrap();
        let rules = rules.security_group_rules().iter().filter(|rule| rule.is_egress() == Some(false));
        let rule_ids: Vec<String> = rules.map(|rule| rule.security_group_rule_id().unwrap().to_owned()).collect();
        let port = |name: &str| parameter(name).parse::<i32>().unwrap();
        let permission = json!({
            "ipProtocol": parameter("IpPermissions.1.IpProtocol"),
            "fromPort": port("IpPermissions.1.FromPort"),
            "toPort": port("IpPermissions.1.ToPort"),
            "groups": {}, "ipv6Ranges": {}, "prefixListIds": {},
            "ipRanges": {"items": [{
                "cidrIp": parameter("IpPermissions.1.IpRanges.1.CidrIp"),
                "description": parameter("IpPermissions.1.IpRanges.1.Description"),
            }]},
        });
        assert_eq!(call.parameters.len(), 6, "one rule: {call:?}");
        Self::new(&group_id, &rule_ids, vec![permission])
    }

    fn new(group_id: &str, rule_ids: &[String], permissions: Vec<Value>) -> Self {
        let of_rule = permissions.iter().flat_map(|permission| {
            let ranges = permission["ipRanges"]["items"].as_array().unwrap().iter();
            ranges.map(move |range| (permission, range["cidrIp"].clone()))
        });
        let items: Vec<Value> = of_rule
            .zip(rule_ids)
            .map(|((permission, range), id)| {
                json!({"groupOwnerId": ACCOUNT, "groupId": group_id, "securityGroupRuleId": id, "isEgress": false,
                    "ipProtocol": permission["ipProtocol"], "fromPort": permission["fromPort"], "toPort": permission["toPort"],
                    "cidrIpv4": range})
            })
            .collect();
        assert_eq!(items.len(), rule_ids.len());
        let request = json!({"groupId": group_id, "ipPermissions": {"items": permissions}});
        let response = json!({"requestId": "x", "_return": true, "securityGroupRuleSet": {"items": items}});
        let mut event = event("ec2", "AuthorizeSecurityGroupIngress", request, response);
        event["detail"]["userIdentity"] = session_of(ROLE, "snapback-CanaryFunction-1F");
        Self { event, group_id: group_id.to_owned(), rule_ids: rule_ids.to_vec() }
    }

    /// A call by which the canary's role opened a port of a group.
    async fn made(scene: &Scene, group_id: &str, ports: &[(i32, &[&str])]) -> Self {
        let (mut rule_ids, mut permissions) = (Vec::new(), Vec::new());
        for (port, ranges) in ports {
            rule_ids.extend(scene.open(group_id, *port, ranges).await);
            let items: Vec<Value> = ranges.iter().map(|range| json!({"cidrIp": range})).collect();
            permissions.push(json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port, "groups": {},
                "ipv6Ranges": {}, "prefixListIds": {}, "ipRanges": {"items": items}}));
        }
        Self::new(group_id, &rule_ids, permissions)
    }

    fn read(&self) -> String {
        expected("DescribeSecurityGroupRules", &[("Filter.1.Name", "group-id"), ("Filter.1.Value.1", &self.group_id)])
    }

    fn revoked(&self, rule_id: &str) -> String {
        let parameters = [("GroupId", self.group_id.as_str()), ("SecurityGroupRuleId.1", rule_id)];
        expected("RevokeSecurityGroupIngress", &parameters)
    }

    fn interfaces(&self) -> String {
        expected("DescribeNetworkInterfaces", &[("Filter.1.Name", "group-id"), ("Filter.1.Value.1", &self.group_id)])
    }
}

/// A session of a role.
fn session_of(role_arn: &str, session: &str) -> Value {
    let role = role_arn.rsplit('/').next().unwrap();
    json!({
        "type": "AssumedRole",
        "principalId": format!("AROAQRSTUVWXYZEXAMPLE:{session}"),
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"),
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAQRSTUVWXYZEXAMPL",
        "sessionContext": {"sessionIssuer":
            {"type": "Role", "principalId": "AROAQRSTUVWXYZEXAMPLE", "arn": role_arn, "accountId": ACCOUNT, "userName": role}},
    })
}

fn settings(given: &[(&str, &str)]) -> Settings {
    let variable = |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Settings::from_variables(variable).unwrap()
}

/// The canary's look for leftovers.
fn looked(scene: &Scene) -> String {
    let parameters = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", scene.vpc_id.as_str()),
        ("Filter.2.Name", "tag:snapback"),
        ("Filter.2.Value.1", "canary"),
    ];
    expected("DescribeSecurityGroups", &parameters)
}

fn deleted(group_id: &str) -> String {
    expected("DeleteSecurityGroup", &[("GroupId", group_id)])
}

// ---------------------------------------------------------------------------------------------------------
// Rounds

#[tokio::test]
async fn a_round_ends_with_the_revert_and_without_a_mail() {
    let scene = Scene::new().await;
    let canary = scene.canary();
    let guarding = async {
        let opened = scene.opened().await;
        let group = scene.groups().await.pop().unwrap();
        let ran = scene.guarded(&opened.event).await;
        (opened, group, ran)
    };
    let start = Instant::now();
    let (round, (opened, group, ran)) = tokio::join!(canary.run(TIME), guarding);
    let took = start.elapsed().as_secs_f64();

    let revoked = opened.revoked(&opened.rule_ids[0]);
    ran.is(HeldBack, &[], &[opened.read(), revoked, opened.read(), opened.interfaces()]);
    assert_eq!(ran.handled.report.as_ref().unwrap().outcome, Reverted);
    assert!(ran.handled.reason.contains("canary"), "{}", ran.handled.reason);

    assert!(round.problems.is_empty(), "{round:?}");
    let seconds = round.seconds.unwrap();
    assert!(seconds > 0.05 && seconds < took, "{seconds} of {took} s");
    let metric = round.metric(Utc::now()).unwrap();
    assert_eq!((metric["SecondsToRevert"].as_f64(), &metric["function"]), (Some(seconds), &json!("canary")));

    assert_eq!((group.vpc_id(), group.tags()), (Some(scene.vpc_id.as_str()), [tag()].as_slice()));
    assert!(group.group_name().unwrap().starts_with(PREFIX), "{group:?}");
    let told = scene.told();
    assert_eq!(told.len(), 4, "{told:#?}");
    assert_eq!(told[0], looked(&scene));
    assert!(
        told[1].starts_with("CreateSecurityGroup ") && told[1].contains(&format!("VpcId={}", scene.vpc_id)),
        "{told:?}"
    );
    assert!(told[2].starts_with("AuthorizeSecurityGroupIngress "), "{told:?}");
    assert_eq!(told[3], deleted(&opened.group_id));
    assert!(scene.groups().await.is_empty());
}

fn tag() -> Tag {
    Tag::builder().key(TAG.0).value(TAG.1).build()
}

/// CloudTrail delivers at least once; another process does not know of the first time and tells, as it does of anybody.
#[tokio::test]
async fn the_same_event_again_is_not_mailed_either() {
    let scene = Scene::new().await;
    let group_id = scene.ec2_group().await;
    let opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
    let guard = scene.guard();
    let first = scene.stage.run(&guard, &opened.event).await;
    assert_eq!((first.handled.verdict, first.mails.len()), (HeldBack, 0), "{first:#?}");
    let second = scene.stage.run(&guard, &opened.event).await;
    second.is(Violation, &[], &[opened.read()]);
    assert!(second.handled.is_told_before);
}

#[tokio::test]
async fn what_nobody_takes_back_the_canary_closes_itself() {
    let scene = Scene::new().await;
    let round = scene.canary().run(SHORT).await;
    let Round { seconds: None, problems, .. } = &round else { panic!("{round:?}") };
    let [problem] = problems.as_slice() else { panic!("{round:?}") };
    let problem = problem.to_string();
    let told = scene.told();
    assert_eq!(told.len(), 5, "{told:#?}");
    assert!(told[3].starts_with("RevokeSecurityGroupIngress "), "{told:?}");
    let group_id = told[4].strip_prefix("DeleteSecurityGroup GroupId=").unwrap();
    assert!(problem.contains(group_id) && problem.contains("nobody took back"), "{problem}");
    assert!(problem.contains("log of security-group"), "{problem}");
    assert_eq!(round.metric(Utc::now()), None);
    assert!(scene.groups().await.is_empty());
}

/// The event that comes after that is told: the canary was not reverted.
#[tokio::test]
async fn an_event_that_comes_too_late_is_mailed() {
    let scene = Scene::new().await;
    let group_id = scene.ec2_group().await;
    let opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
    let call = scene.ec2.revoke_security_group_ingress().group_id(&group_id);
    call.set_security_group_rule_ids(Some(opened.rule_ids.clone())).send().await.unwrap();
    let ahead = chrono::TimeDelta::minutes(20);
    let late = scene.stage.process_ahead(SecurityGroup::new, &[("CANARY_ROLE_ARN", ROLE)], ahead);
    scene.stage.run(&late, &opened.event).await.is(Violation, &[Alert], &[opened.read(), publish()]);
}

/// It goes on looking, and counts no look that failed as one that saw nothing.
#[tokio::test]
async fn a_look_that_fails_is_no_revert() {
    let scene = Scene::new().await;
    let denied = Fault {
        status: 403,
        times: 2,
        ..Fault::new(&scene.key, "DescribeSecurityGroupRules", "UnauthorizedOperation")
    };
    inject(scene.stage.endpoint(), &denied).unwrap();
    let canary = scene.canary();
    let guarding = async {
        let opened = scene.opened().await;
        scene.guarded(&opened.event).await
    };
    let (round, ran) = tokio::join!(canary.run(TIME), guarding);
    assert_eq!(ran.handled.verdict, HeldBack);
    assert!(round.problems.is_empty() && round.seconds.is_some_and(|seconds| seconds >= 2.0), "{round:?}");
}

#[tokio::test]
async fn a_group_that_cannot_be_opened_is_removed() {
    let scene = Scene::new().await;
    let denied =
        Fault { status: 403, ..Fault::new(&scene.key, "AuthorizeSecurityGroupIngress", "UnauthorizedOperation") };
    inject(scene.stage.endpoint(), &denied).unwrap();
    let round = scene.canary().run(SHORT).await;
    assert_eq!(round.seconds, None);
    assert!(round.problems[0].to_string().contains("UnauthorizedOperation"), "{round:?}");
    assert!(scene.groups().await.is_empty() && scene.told().last().unwrap().starts_with("DeleteSecurityGroup "));
}

/// The revert is told of, and so is what went wrong after it.
#[tokio::test]
async fn a_group_that_cannot_be_removed_is_an_error_beside_the_seconds() {
    let scene = Scene::new().await;
    let denied = Fault { status: 403, ..Fault::new(&scene.key, "DeleteSecurityGroup", "UnauthorizedOperation") };
    inject(scene.stage.endpoint(), &denied).unwrap();
    let canary = scene.canary();
    let guarding = async { scene.guarded(&scene.opened().await.event).await };
    let (round, _) = tokio::join!(canary.run(TIME), guarding);
    assert!(round.seconds.is_some() && round.metric(Utc::now()).is_some(), "{round:?}");
    let [problem] = round.problems.as_slice() else { panic!("{round:?}") };
    assert!(problem.to_string().contains("DeleteSecurityGroup"), "{problem}");
    assert_eq!(scene.groups().await.len(), 1);
}

// ---------------------------------------------------------------------------------------------------------
// Leftovers

#[tokio::test]
async fn leftovers_are_removed_and_nothing_else_is() {
    let scene = Scene::new().await;
    let (vpc, number) = (Some(scene.vpc_id.as_str()), unique());
    let long_ago = |minutes: i64| (Utc::now() - chrono::TimeDelta::minutes(minutes)).timestamp_millis();
    let old = format!("{PREFIX}{}", long_ago(60));
    let leftover = scene.group(vpc, &old, Some(TAG)).await;
    let running = scene.group(vpc, &format!("{PREFIX}{}", long_ago(5)), Some(TAG)).await;
    let untagged = scene.group(vpc, &format!("{PREFIX}{}", long_ago(61)), None).await;
    let otherwise_tagged = scene.group(vpc, &format!("{PREFIX}{}", long_ago(62)), Some((TAG.0, "mine"))).await;
    let otherwise_named = scene.group(vpc, &format!("web-{number}"), Some(TAG)).await;
    let another_vpc = scene.group(None, &old, Some(TAG)).await;

    let round = scene.canary().run(SHORT).await;
    assert_eq!(round.problems.len(), 1, "{round:?}");
    assert!(!scene.is_there(&leftover).await);
    for kept in [&running, &untagged, &otherwise_tagged, &otherwise_named, &another_vpc] {
        assert!(scene.is_there(kept).await, "{kept}");
        let touched = scene.calls().into_iter().filter(|call| call.parameters.values().any(|value| value == kept));
        assert_eq!(touched.count(), 0, "{kept}");
    }
    // Closed before it is removed: another group may name it, and then it can't be.
    let calls: Vec<String> = scene.calls().iter().map(told).collect();
    assert_eq!(calls[0], looked(&scene));
    let read =
        expected("DescribeSecurityGroupRules", &[("Filter.1.Name", "group-id"), ("Filter.1.Value.1", &leftover)]);
    assert_eq!(calls[1], read);
    assert!(calls[2].starts_with(&format!("RevokeSecurityGroupIngress GroupId={leftover} ")), "{calls:#?}");
    assert_eq!(calls[3], deleted(&leftover));
}

/// A round is made all the same, and told.
#[tokio::test]
async fn a_leftover_that_cannot_be_removed_is_an_error_after_the_round() {
    let scene = Scene::new().await;
    let name = format!("{PREFIX}{}", (Utc::now() - chrono::TimeDelta::hours(1)).timestamp_millis());
    let leftover = scene.group(Some(&scene.vpc_id), &name, Some(TAG)).await;
    let denied = Fault { status: 403, ..Fault::new(&scene.key, "DeleteSecurityGroup", "DependencyViolation") };
    inject(scene.stage.endpoint(), &denied).unwrap();
    let canary = scene.canary();
    let guarding = async { scene.guarded(&scene.opened().await.event).await };
    let (round, ran) = tokio::join!(canary.run(TIME), guarding);
    assert_eq!(ran.handled.verdict, HeldBack, "{ran:#?}");
    assert!(round.seconds.is_some(), "{round:?}");
    assert!(round.problems[0].to_string().contains("DependencyViolation"), "{round:?}");
    let left: Vec<String> = scene.groups().await.into_iter().map(|group| group.group_id.unwrap()).collect();
    assert_eq!(left, [leftover]);
}

// ---------------------------------------------------------------------------------------------------------
// What the canary's role does otherwise, and others do as the canary

#[tokio::test]
async fn whatever_differs_from_the_canarys_opening_is_mailed() {
    let scene = Scene::new().await;
    let nine: (i32, &[&str]) = (9, &["0.0.0.0/0"]);
    for (what, ports) in [
        ("another port", vec![(22, ["0.0.0.0/0"].as_slice())]),
        ("half of it", vec![(9, &["0.0.0.0/1"])]),
        ("a port more", vec![nine, (22, &["0.0.0.0/0"])]),
        ("a harmless range more", vec![(9, &["0.0.0.0/0", "10.0.0.0/8"])]),
    ] {
        let group_id = scene.ec2_group().await;
        let opened = Opened::made(&scene, &group_id, &ports).await;
        let ran = scene.guarded(&opened.event).await;
        let outcome = ran.mail().subject.split(':').next().unwrap().to_owned();
        assert_eq!((ran.handled.verdict, outcome.as_str()), (Violation, "REVERTED"), "{what}: {ran:#?}");
        assert!(!ran.told().contains(&opened.interfaces()), "{what}: {ran:#?}");
    }
}

#[tokio::test]
async fn whoever_is_not_the_canarys_role_is_mailed_of() {
    let scene = Scene::new().await;
    for (role, session) in [
        ("arn:aws:iam::123456789012:role/Developer", "snapback-CanaryRole-1F"),
        ("arn:aws:iam::123456789012:role/x/snapback-CanaryRole-1F", "snapback-CanaryFunction-1F"),
        ("arn:aws:iam::999988887777:role/snapback-CanaryRole-1F", "snapback-CanaryFunction-1F"),
        ("arn:aws:iam::123456789012:role/snapback-CanaryRole-1", "snapback-CanaryFunction-1F"),
    ] {
        let group_id = scene.ec2_group().await;
        let mut opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
        opened.event["detail"]["userIdentity"] = session_of(role, session);
        let ran = scene.guarded(&opened.event).await;
        let revoked = opened.revoked(&opened.rule_ids[0]);
        ran.is(Violation, &[Reverted], &[opened.read(), revoked, opened.read(), publish()]);
    }
}

/// Where no canary is deployed, none is known.
#[tokio::test]
async fn without_a_canary_everything_is_mailed() {
    let scene = Scene::new().await;
    let group_id = scene.ec2_group().await;
    let opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
    let ran =
        scene.stage.run(&scene.stage.process(SecurityGroup::new, &[("CANARY_ROLE_ARN", "")]), &opened.event).await;
    let revoked = opened.revoked(&opened.rule_ids[0]);
    ran.is(Violation, &[Reverted], &[opened.read(), revoked, opened.read(), publish()]);
}

#[tokio::test]
async fn a_group_with_an_interface_is_mailed() {
    let scene = Scene::new().await;
    let group_id = scene.ec2_group().await;
    let subnet = scene.ec2.create_subnet().vpc_id(&scene.vpc_id).cidr_block("192.168.255.240/28").send().await.unwrap();
    let subnet = subnet.subnet.unwrap().subnet_id.unwrap();
    scene.ec2.create_network_interface().subnet_id(subnet).groups(&group_id).send().await.unwrap();
    let opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
    let revoked = opened.revoked(&opened.rule_ids[0]);
    let calls = [opened.read(), revoked, opened.read(), opened.interfaces(), publish()];
    scene.guarded(&opened.event).await.is(Violation, &[Reverted], &calls);
}

/// In doubt, mail.
#[tokio::test]
async fn where_the_interfaces_cannot_be_read_it_is_mailed() {
    let scene = Scene::new().await;
    let group_id = scene.ec2_group().await;
    let opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
    scene.stage.inject(Fault { status: 403, ..Fault::new("", "DescribeNetworkInterfaces", "UnauthorizedOperation") });
    let revoked = opened.revoked(&opened.rule_ids[0]);
    let interfaces = tests::refused(opened.interfaces(), 403);
    let ran = scene.guarded(&opened.event).await;
    ran.is(Violation, &[Reverted], &[opened.read(), revoked, opened.read(), interfaces, publish()]);
    ran.mail_says(&["DescribeNetworkInterfaces", "UnauthorizedOperation"]);
}

#[tokio::test]
async fn a_group_that_an_older_rule_keeps_open_is_mailed() {
    let scene = Scene::new().await;
    let group_id = scene.ec2_group().await;
    scene.open(&group_id, 22, &["0.0.0.0/0"]).await;
    let opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
    let revoked = opened.revoked(&opened.rule_ids[0]);
    scene.guarded(&opened.event).await.is(Violation, &[Alert], &[opened.read(), revoked, opened.read(), publish()]);
}

#[tokio::test]
async fn what_could_not_be_reverted_is_mailed() {
    let scene = Scene::new().await;
    let group_id = scene.ec2_group().await;
    let opened = Opened::made(&scene, &group_id, &[(9, &["0.0.0.0/0"])]).await;
    scene.stage.inject(Fault {
        status: 403,
        times: 9,
        ..Fault::new("", "RevokeSecurityGroupIngress", "UnauthorizedOperation")
    });
    let ran = scene.guarded(&opened.event).await;
    assert!(ran.handled.error.is_some() && ran.mail().subject.starts_with("FAILED"), "{ran:#?}");
}

#[tokio::test]
async fn where_nothing_would_be_reverted_the_canary_does_not_begin() {
    let config = local_config("http://127.0.0.1:9", "AKIANOBODY").await;
    let vpc = ("CANARY_VPC_ID", "vpc-0123456789abcdef0");
    for (given, named) in [
        (vec![vpc, ("SECURITY_GROUP_MODE", "alert")], "`SECURITY_GROUP_MODE`"),
        (vec![vpc, ("SECURITY_GROUP_MODE", "off")], "`SECURITY_GROUP_MODE`"),
        (vec![vpc, ("ROLLOUT", "observe")], "`ROLLOUT`"),
        (vec![vpc, ("ALLOWED_PUBLIC_PORTS", "tcp/443,tcp/1-100")], "`ALLOWED_PUBLIC_PORTS`"),
        (vec![], "`CANARY_VPC_ID`"),
    ] {
        let problem = Canary::new(&config, &settings(&given)).err().unwrap().to_string();
        assert!(problem.contains(named) && problem.contains("`Canary`"), "{given:?}: {problem}");
    }
    let fits = [vpc, ("ALLOWED_PUBLIC_PORTS", "tcp/10-65535,udp/9,icmp"), ("WIDEST_PUBLIC_IPV4_PREFIX", "1")];
    assert!(Canary::new(&config, &settings(&fits)).is_ok());
}

impl Scene {
    /// A group in the canary's VPC that nobody has opened.
    async fn ec2_group(&self) -> String {
        let name = format!("{PREFIX}{}", unique());
        let call = self.ec2.create_security_group().vpc_id(&self.vpc_id).group_name(name).description("for a test");
        call.send().await.unwrap().group_id.unwrap()
    }
}
