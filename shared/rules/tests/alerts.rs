//! The mails, word for word. `INSTA_UPDATE=always cargo test -p rules` writes them anew: read what changed before it is committed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

mod common;
#[path = "common/mail.rs"]
mod mail;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rules::alert::{self, Step, call_failed};
use rules::config::Behind;
use rules::security_group::detect::{Finding, detect, read};
use rules::security_group::plan::{Live, LivePrefixList, LiveRule, Plan, Remedy, plan};
use rules::security_group::report::{Course, report};
use rules::security_group::traffic::{Source, Traffic};
use rules::settings::{Given, Mode};
use rules::{Decision, Event, Localized, Origin, Report, Settings, event, localized};
use serde_json::{Value, json};

use common::Scene;
use mail::{compare, mails};

const SCENE: Scene =
    Scene { account: "111122223333", region: "eu-central-1", time: "2026-03-02T09:14:05Z", service: "ec2" };

const GROUP: &str = "sg-0a1b2c3d4e5f60718";
const LIST: &str = "pl-0f9e8d7c6b5a40312";

/// The rules that most of the mails are about: two of the event, and one that was there before.
const SSH_FROM_ANYWHERE: &str = "sgr-01c54a9be2f06d813 tcp 22 22 0.0.0.0/0";
const SSH_FROM_OFFICE: &str = "sgr-02d65bacf3017e924 tcp 22 22 10.0.0.0/8";
const OLDER_WIDE_RULE: &str = "sgr-0fe9d8c7b6a504132 tcp 20 25 0.0.0.0/0";
const NAMES_THE_LIST: &str = "sgr-03e76cbd04128fa35 tcp 22 22 pl-0f9e8d7c6b5a40312";

#[test]
fn not_read() {
    let refused = "RequestLimitExceeded: Request limit exceeded.";
    let course = Course::NotRead { problem: call_failed("DescribeSecurityGroupRules", refused) };
    let steps = vec![failed("DescribeSecurityGroupRules", GROUP, refused)];
    check("not_read", &authorized(), &Settings::default(), &course, steps);
}

#[test]
fn withheld_by_mode() {
    let event = authorized();
    let settings = with("SecurityGroupMode", "alert");
    let course = Course::Withheld(planned(&event, &settings, group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE])));
    check("withheld_by_mode", &event, &settings, &course, vec![rules_read("2 rules")]);
}

#[test]
fn withheld_by_rollout() {
    let event = authorized();
    let settings = with("Rollout", "observe");
    let course = Course::Withheld(planned(&event, &settings, group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE])));
    check("withheld_by_rollout", &event, &settings, &course, vec![rules_read("2 rules")]);
}

#[test]
fn gone() {
    let event = authorized();
    let settings = Settings::default();
    let course = Course::Gone(planned(&event, &settings, group(&[SSH_FROM_OFFICE])));
    check("gone", &event, &settings, &course, vec![rules_read("1 rule")]);
}

#[test]
fn closed() {
    let event = authorized();
    let settings = Settings::default();
    let course = closed_by(planned(&event, &settings, group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE])), &[]);
    check("closed", &event, &settings, &course, vec![rules_read("2 rules"), revoked(), rules_read("1 rule")]);
}

#[test]
fn closed_beside_older_rules() {
    let event = authorized();
    let settings = Settings::default();
    let live = group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE, OLDER_WIDE_RULE]);
    let course = closed_by(planned(&event, &settings, live), &[OLDER_WIDE_RULE]);
    let steps = vec![rules_read("3 rules"), revoked(), rules_read("2 rules")];
    check("closed_beside_older_rules", &event, &settings, &course, steps);
}

#[test]
fn closed_a_changed_rule() {
    let change = json!({"SecurityGroupRuleId": "sgr-01c54a9be2f06d813", "tag": 1, "SecurityGroupRule":
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}});
    let request = json!({"ModifySecurityGroupRulesRequest": {"GroupId": GROUP, "SecurityGroupRule": change}});
    let event = called("ModifySecurityGroupRules", &request, &Value::Null);
    let settings = Settings::default();
    let course = closed_by(planned(&event, &settings, group(&[SSH_FROM_ANYWHERE])), &[]);
    let steps = vec![rules_read("1 rule"), revoked(), rules_read("0 rules")];
    check("closed_a_changed_rule", &event, &settings, &course, steps);
}

#[test]
fn closed_a_prefix_list() {
    let event = list_widened();
    let settings = Settings::default();
    let course = closed_by(planned(&event, &settings, group_with_list(true)), &[]);
    let steps = vec![made("ModifyManagedPrefixList", "pl-0f9e8d7c6b5a40312 0.0.0.0/1 128.0.0.0/1", "ok")];
    check("closed_a_prefix_list", &event, &settings, &course, steps);
}

#[test]
fn closed_a_prefix_list_of_another_account() {
    let event = list_widened();
    let settings = Settings::default();
    let course = closed_by(planned(&event, &settings, group_with_list(false)), &[]);
    let target = "sg-0a1b2c3d4e5f60718 sgr-03e76cbd04128fa35";
    let steps = vec![made("RevokeSecurityGroupIngress", target, "ok")];
    check("closed_a_prefix_list_of_another_account", &event, &settings, &course, steps);
}

#[test]
fn closed_with_entries_left() {
    let event = list_widened();
    let settings = Settings::default();
    let finding = read(&event).unwrap();
    let refused = "UnauthorizedOperation: You are not authorized to perform this operation.";
    let first = plan(&finding, &group_with_list(true), &settings, Remedy::TakeOutEntries);
    let second = plan(&finding, &group_with_list(true), &settings, Remedy::RevokeRules);
    let Course::Closed { at, older, .. } = closed_by(first.clone(), &[]) else { panic!("not closed") };
    let course = Course::Closed {
        plan: first,
        carried_out: second.actions,
        at,
        older,
        entries_left: Some(call_failed("ModifyManagedPrefixList", refused)),
    };
    let steps = vec![
        failed("ModifyManagedPrefixList", "pl-0f9e8d7c6b5a40312 0.0.0.0/1 128.0.0.0/1", refused),
        made("RevokeSecurityGroupIngress", "sg-0a1b2c3d4e5f60718 sgr-03e76cbd04128fa35", "ok"),
    ];
    check("closed_with_entries_left", &event, &settings, &course, steps);
}

#[test]
fn closed_a_restored_prefix_list() {
    let request = json!({"RestoreManagedPrefixListVersionRequest":
        {"PrefixListId": LIST, "PreviousVersion": 2, "CurrentVersion": 3}});
    let event = called("RestoreManagedPrefixListVersion", &request, &Value::Null);
    let settings = Settings::default();
    let course = closed_by(planned(&event, &settings, group_with_list(true)), &[]);
    check("closed_a_restored_prefix_list", &event, &settings, &course, Vec::new());
}

#[test]
fn failed_to_close() {
    let event = authorized();
    let settings = Settings::default();
    let refused = "UnauthorizedOperation: You are not authorized to perform this operation.";
    let course = Course::Failed {
        plan: planned(&event, &settings, group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE, OLDER_WIDE_RULE])),
        carried_out: Vec::new(),
        remaining: None,
        problem: Localized::join(&[
            call_failed("RevokeSecurityGroupIngress", refused),
            localized!("it was still open when it was read again", "再確認した時点でも開放されたままでした"),
        ]),
    };
    let target = "sg-0a1b2c3d4e5f60718 sgr-01c54a9be2f06d813";
    let steps =
        vec![rules_read("3 rules"), failed("RevokeSecurityGroupIngress", target, refused), rules_read("3 rules")];
    check("failed_to_close", &event, &settings, &course, steps);
}

#[test]
fn found_closed() {
    let (event, finding) = found_event();
    let settings = with("ConfigFindings", "revert");
    let live = group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE, NAMES_THE_LIST]);
    let course = closed_by(plan(&finding, &live, &settings, Remedy::TakeOutEntries), &[]);
    let steps = vec![rules_read("3 rules"), revoked(), rules_read("2 rules")];
    compare!("found_closed", &event, &settings, |settings| report(&event, &finding, settings, &course, steps.clone()));
}

#[test]
fn found_withheld() {
    let (event, finding) = found_event();
    let mut observed = with("Rollout", "observe");
    observed.config_findings = Mode::Revert;
    for (name, settings) in [
        ("found_withheld", Settings::default()),
        ("found_withheld_by_rollout", observed),
        ("found_withheld_by_both", with("Rollout", "observe")),
    ] {
        let live = group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE]);
        let course = Course::Withheld(plan(&finding, &live, &settings, Remedy::TakeOutEntries));
        let steps = vec![rules_read("2 rules")];
        compare!(name, &event, &settings, |settings| report(&event, &finding, settings, &course, steps.clone()));
    }
}

#[test]
fn found_and_not_closed() {
    let (event, finding) = found_event();
    let settings = with("ConfigFindings", "revert");
    let refused = "UnauthorizedOperation: You are not authorized to perform this operation.";
    let problem = call_failed("RevokeSecurityGroupIngress", refused);
    let live = group(&[SSH_FROM_ANYWHERE, SSH_FROM_OFFICE]);
    let plan = plan(&finding, &live, &settings, Remedy::TakeOutEntries);
    for (name, remaining) in [("found_failed", None), ("found_failed_in_part", Some(Vec::new()))] {
        let (plan, problem) = (plan.clone(), problem.clone());
        let course = Course::Failed { plan, carried_out: Vec::new(), remaining, problem };
        let steps = vec![rules_read("2 rules"), failed("RevokeSecurityGroupIngress", GROUP, refused)];
        compare!(name, &event, &settings, |settings| report(&event, &finding, settings, &course, steps.clone()));
    }
    let refused = "RequestLimitExceeded: Request limit exceeded.";
    let course = Course::NotRead { problem: call_failed("DescribeSecurityGroupRules", refused) };
    let steps = vec![failed("DescribeSecurityGroupRules", GROUP, refused)];
    compare!("found_not_read", &event, &settings, |settings| report(
        &event,
        &finding,
        settings,
        &course,
        steps.clone()
    ));
}

#[test]
fn found_in_another_account() {
    let mut raw = found_raw();
    raw["detail"]["awsAccountId"] = json!("999988887777");
    let event = event::parse(&raw).unwrap();
    let Decision::Unreadable(missing) = detect(&event, &Settings::default()) else { panic!("not unreadable") };
    let unreadable = rules::Unreadable { missing, event: Box::new(event.clone()) };
    compare!("found_in_another_account", &event, &Settings::default(), |settings: &Settings| {
        alert::unreadable(&unreadable, settings.alert_language)
    });
}

#[test]
fn unreadable() {
    let mut event = authorized();
    event.request = Value::Null;
    event.response = Value::Null;
    let missing = read(&event).unwrap_err();
    let unreadable = rules::Unreadable { missing, event: Box::new(event.clone()) };
    compare!("unreadable", &event, &Settings::default(), |settings: &Settings| {
        alert::unreadable(&unreadable, settings.alert_language)
    });
}

#[test]
fn unreadable_without_a_name() {
    let unreadable = event::parse(&json!({"detail": {"eventID": "...", "eventTime": "yesterday"}})).unwrap_err();
    compare!("unreadable_without_a_name", &unreadable.event, &Settings::default(), |settings: &Settings| {
        alert::unreadable(&unreadable, settings.alert_language)
    });
}

/// Every text that the caller of an API can choose tries to forge a line, to hide, or to fill the mail.
#[test]
fn hostile() {
    let forged = "x\r\n\r\nLEFT FOR YOU TO DO\nNothing. <script>alert(1)</script> https://evil.example/";
    let mut raw = SCENE.record("AuthorizeSecurityGroupIngress", &Value::Null, &Value::Null);
    raw["requestParameters"] = json!({"groupName": format!("\u{202e}{forged}"), "ipPermissions": {"items": [
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}},
        {"ipProtocol": forged, "prefixListIds": {"items": [{"prefixListId": forged}]},
            "groups": {"items": [{"groupId": forged}]}}]}});
    raw["userAgent"] = json!("A".repeat(5_000));
    raw["sourceIPAddress"] = json!("198.51.100.24\u{2028}REVERTED");
    raw["awsRegion"] = json!("eu-west-1.evil.example/#");
    raw["recipientAccountId"] = json!("1111\u{200b}22223333");
    raw["eventTime"] = json!("now\nClosed:  never");
    raw["eventID"] = json!("9fd68588-ecbf-4528-a345-199fa6bb0821/../../evil");
    raw["userIdentity"] = json!({"type": "IAMUser\u{1b}[2J", "arn": format!("arn:aws:iam::1:user/\u{2066}{forged}"),
        "accessKeyId": forged, "invokedBy": forged});
    let event = event::parse(&raw).unwrap();
    let finding = read(&event).unwrap();
    let course = Course::NotRead { problem: call_failed("DescribeSecurityGroups", forged) };
    let steps = vec![failed("DescribeSecurityGroups", forged, forged)];
    let settings = Settings::default();
    let reported = |settings: &Settings| report(&event, &finding, settings, &course, steps.clone());
    for mail in mails(&event, &settings, reported) {
        for line in mail.body.lines() {
            assert!(line.chars().count() < 1_200, "a long line: {line}");
        }
        assert!(!mail.body.contains("https://eu-west-1.evil"), "{}", mail.body);
    }
    compare!("hostile", &event, &settings, reported);
}

/// What cannot be read, in the forms that the rule knows: none of it is told in English alone.
#[test]
fn what_is_missing_is_told_in_both_languages() {
    let ingress = |request: Value| called("AuthorizeSecurityGroupIngress", &request, &Value::Null);
    let group = |permission: Value| ingress(json!({"groupId": GROUP, "ipPermissions": {"items": [permission]}}));
    let odd = |name: &str, request: Value| called(name, &json!({format!("{name}Request"): request}), &Value::Null);
    for event in [
        ingress(json!({})),
        group(json!({})),
        group(json!({"ipProtocol": "tcp"})),
        group(json!({"ipProtocol": "tcp", "fromPort": "ssh"})),
        group(json!({"ipProtocol": "tcp", "fromPort": 70_000})),
        group(json!({"ipProtocol": "tcp", "fromPort": 23, "toPort": 22})),
        group(json!({"ipProtocol": "icmp", "fromPort": 300})),
        group(json!({"ipProtocol": "tcp", "ipRanges": {"items": [{}]}})),
        group(json!({"ipProtocol": "tcp", "ipRanges": {"items": [{"cidrIp": "anywhere"}]}})),
        group(json!({"ipProtocol": "tcp", "prefixListIds": {"items": [{}]}})),
        odd("ModifySecurityGroupRules", json!({})),
        odd("ModifySecurityGroupRules", json!({"GroupId": GROUP})),
        odd("ModifySecurityGroupRules", json!({"GroupId": GROUP, "SecurityGroupRule": {"tag": 1}})),
        odd(
            "ModifySecurityGroupRules",
            json!({"GroupId": GROUP, "SecurityGroupRule": {"SecurityGroupRuleId": "sgr-1"}}),
        ),
        odd("ModifyManagedPrefixList", json!({})),
        odd("ModifyManagedPrefixList", json!({"PrefixListId": LIST})),
        odd("ModifyManagedPrefixList", json!({"PrefixListId": LIST, "AddEntry": {"tag": 1}})),
        odd("RestoreManagedPrefixListVersion", json!({"PrefixListId": LIST})),
        called("RunInstances", &Value::Null, &Value::Null),
    ] {
        let unreadable = rules::Unreadable { missing: read(&event).unwrap_err(), event: Box::new(event.clone()) };
        mails(&event, &Settings::default(), |settings| alert::unreadable(&unreadable, settings.alert_language));
    }
}

/// Renders what came of an event and compares it with the mails in snapshots/.
fn check(name: &str, event: &Event, settings: &Settings, course: &Course, steps: Vec<Step>) {
    compare!(name, event, settings, |settings| reported(event, settings, course, &steps));
}

fn reported(event: &Event, settings: &Settings, course: &Course, steps: &[Step]) -> Report {
    report(event, &read(event).unwrap(), settings, course, steps.to_vec())
}

fn planned(event: &Event, settings: &Settings, live: Live) -> Plan {
    plan(&read(event).unwrap(), &live, settings, Remedy::TakeOutEntries)
}

/// Closed 14 seconds after the change, by all of the plan.
fn closed_by(plan: Plan, older: &[&str]) -> Course {
    Course::Closed {
        carried_out: plan.actions.clone(),
        plan,
        at: "2026-03-02T09:14:19Z".parse::<DateTime<Utc>>().unwrap(),
        older: older.iter().map(|rule| live_rule(rule)).collect(),
        entries_left: None,
    }
}

fn with(parameter: &'static str, value: &str) -> Settings {
    let given = Given { name: parameter.to_owned(), value: value.to_owned() };
    Settings::from_given(&BTreeMap::from([(parameter, given)])).unwrap()
}

/// What AWS Config found of the group.
fn found_raw() -> Value {
    json!({"version": "0", "id": "7f3c0f1e-2b6d-4c55-9f04-8f0a5f6f6d21", "detail-type": "Config Rules Compliance Change",
        "source": "aws.config", "account": "111122223333", "time": "2026-03-02T09:14:05Z", "region": "eu-central-1", "detail": {
            "resourceId": GROUP, "resourceType": "AWS::EC2::SecurityGroup", "awsRegion": "eu-central-1",
            "awsAccountId": "111122223333", "configRuleName": "securityhub-restricted-ssh-baa2cf8c",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT", "resultRecordedTime": "2026-03-02T09:14:05.000Z"}}})
}

/// The same with what is behind the rule's name, and the finding.
fn found_event() -> (Event, Finding) {
    let mut event = event::parse(&found_raw()).unwrap();
    if let Origin::Config(change) = &mut event.origin {
        let identifier = "INCOMING_SSH_DISABLED".to_owned();
        change.behind = Some(Behind::Managed { identifier, parameters: Value::Null });
    }
    let Decision::Candidate(finding) = detect(&event, &Settings::default()) else { panic!("not a candidate") };
    (event, finding)
}

/// Today's form: the world and an office, in one permission.
fn authorized() -> Event {
    let ranges = json!([{"cidrIp": "0.0.0.0/0"}, {"cidrIp": "10.0.0.0/8", "description": "office"}]);
    let permission = json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
        "ipRanges": {"items": ranges}, "ipv6Ranges": {}, "prefixListIds": {}});
    let answer = |id: &str, range: &str| {
        json!({"groupOwnerId": "111122223333", "groupId": GROUP, "securityGroupRuleId": id, "isEgress": false,
            "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": range})
    };
    let answers = [answer("sgr-01c54a9be2f06d813", "0.0.0.0/0"), answer("sgr-02d65bacf3017e924", "10.0.0.0/8")];
    called(
        "AuthorizeSecurityGroupIngress",
        &json!({"groupId": GROUP, "ipPermissions": {"items": [permission]}}),
        &json!({"_return": true, "securityGroupRuleSet": {"items": answers}}),
    )
}

fn list_widened() -> Event {
    let added = json!([{"tag": 1, "Cidr": "0.0.0.0/1"}, {"tag": 2, "Cidr": "128.0.0.0/1"}]);
    let request = json!({"ModifyManagedPrefixListRequest":
        {"PrefixListId": LIST, "CurrentVersion": 3, "AddEntry": added}});
    called("ModifyManagedPrefixList", &request, &Value::Null)
}

fn called(name: &str, request: &Value, response: &Value) -> Event {
    event::parse(&SCENE.record(name, request, response)).unwrap()
}

fn group(rules: &[&str]) -> Live {
    Live { rules: rules.iter().map(|rule| live_rule(rule)).collect(), ..Live::default() }
}

/// A group with a rule that names the list, after the list was widened.
fn group_with_list(is_own: bool) -> Live {
    let mut live = group(&[NAMES_THE_LIST, SSH_FROM_OFFICE]);
    let ranges = |written: &[&str]| written.iter().map(|range| range.parse().unwrap()).collect();
    let list = LivePrefixList {
        entries: ranges(&["52.94.76.0/24", "0.0.0.0/1", "128.0.0.0/1"]),
        version: Some(4),
        is_own,
        is_changing: false,
        entries_before: Some(ranges(&["52.94.76.0/24"])),
        entries_restored: Some(ranges(&["0.0.0.0/1", "128.0.0.0/1"])),
    };
    live.prefix_lists.insert(LIST.to_owned(), list);
    live
}

fn live_rule(written: &str) -> LiveRule {
    let words: Vec<&str> = written.split(' ').collect();
    let [id, protocol, from, to, source] = words.as_slice() else { panic!("`{written}` is no rule") };
    let source = if source.starts_with("pl-") {
        Source::PrefixList((*source).to_owned())
    } else {
        Source::range(source).unwrap()
    };
    LiveRule {
        id: (*id).to_owned(),
        group_id: GROUP.to_owned(),
        traffic: Traffic::new(protocol, from.parse().ok(), to.parse().ok()).unwrap(),
        source,
    }
}

fn rules_read(found: &str) -> Step {
    made("DescribeSecurityGroupRules", GROUP, found)
}

fn revoked() -> Step {
    made("RevokeSecurityGroupIngress", "sg-0a1b2c3d4e5f60718 sgr-01c54a9be2f06d813", "ok")
}

fn made(call: &'static str, target: &str, result: &str) -> Step {
    Step { call, target: target.to_owned(), result: Ok(result.to_owned()), millis: 120 }
}

fn failed(call: &'static str, target: &str, error: &str) -> Step {
    Step { call, target: target.to_owned(), result: Err(error.to_owned()), millis: 95 }
}
