//! The canary: a function that opens a group of its own to the world, to see that it is closed again.
//!
//! What it opens is taken back as anybody's. Only the mail is held back, where everything is as the canary does it and ended as it
//! should: whatever else the canary's role does, and whatever does not end well, is told.

use super::detect::{EventRule, Finding, GroupRef, OpenedRules};
use super::traffic::{Protocol, Source, Traffic};
use crate::alert::{Outcome, Report};
use crate::event::Event;
use crate::settings::Settings;

/// What the canary opens: the discard service, which nothing listens on.
pub const TRAFFIC: Traffic = Traffic { protocol: Protocol::Tcp, from: 9, to: 9 };

/// From where.
pub const SOURCE: &str = "0.0.0.0/0";

/// The group of which nobody needs to be told if no network interface has it: the canary opened it, nothing else with it, and it was
/// reverted, with no other rule that leaves it open. `None` if a mail is due whatever the interfaces.
pub fn group_to_ask_for<'a>(
    event: &Event,
    finding: &'a Finding,
    settings: &Settings,
    report: &Report,
) -> Option<&'a str> {
    let role = settings.canary_role_arn.as_deref()?;
    let Finding::Rules(OpenedRules { group: GroupRef::Id(group), rules, changed: false }) = finding else {
        return None;
    };
    let is_its_doing =
        event.actor.principal_arn() == Some(role) && matches!(rules.as_slice(), [rule] if is_opening(rule));
    (is_its_doing && report.outcome == Outcome::Reverted).then_some(group)
}

/// Whether a rule is the one that the canary adds.
fn is_opening(rule: &EventRule) -> bool {
    rule.traffic == TRAFFIC && Source::range(SOURCE).is_ok_and(|source| rule.source == source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::language::Localized;
    use crate::security_group::detect::read;
    use crate::security_group::plan::{Live, LiveRule, Remedy, plan};
    use crate::security_group::report::{Course, report};
    use crate::settings::Given;
    use chrono::DateTime;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    const ROLE: &str = "arn:aws:iam::111122223333:role/snapback-CanaryRole-1F";
    const GROUP: &str = "sg-0a1b2c3d4e5f60718";

    /// What the canary does, in JSON, and what became of it; each row of the table changes something.
    struct Case {
        record: Value,
        role: Option<&'static str>,
        /// Rules that somebody else had added, by port.
        older: Vec<u16>,
        course: fn(Course) -> Course,
    }

    impl Case {
        fn group(&self) -> Option<String> {
            let event = event::parse(&self.record).unwrap();
            let finding = read(&event).unwrap();
            let given = self.role.map(|role| {
                let name = "CanaryRoleArn";
                (name, Given { name: name.to_owned(), value: role.to_owned() })
            });
            let settings = Settings::from_given(&given.into_iter().collect::<BTreeMap<_, _>>()).unwrap();
            let live = |id: &str, traffic: &Traffic, source: &Source| LiveRule {
                id: id.to_owned(),
                group_id: GROUP.to_owned(),
                traffic: traffic.clone(),
                source: source.clone(),
            };
            let world = Source::range(SOURCE).unwrap();
            let older: Vec<LiveRule> = self
                .older
                .iter()
                .map(|port| live("sgr-0", &Traffic { protocol: Protocol::Tcp, from: *port, to: *port }, &world))
                .collect();
            let own = match &finding {
                Finding::Rules(opened) => opened.rules.iter(),
                Finding::Entries(_) | Finding::Group(_) => panic!("no rules"),
            };
            let own = own.map(|rule| live(rule.id.as_deref().unwrap_or("sgr-1"), &rule.traffic, &rule.source));
            let rules = own.chain(older.clone()).collect();
            let plan = plan(&finding, &Live { rules, ..Live::default() }, &settings, Remedy::TakeOutEntries);
            let carried_out = plan.actions.clone();
            let course = Course::Closed { carried_out, at: DateTime::UNIX_EPOCH, older, entries_left: None, plan };
            let course = (self.course)(course);
            let report = report(&event, &finding, &settings, &course, Vec::new());
            group_to_ask_for(&event, &finding, &settings, &report).map(str::to_owned)
        }
    }

    fn rule(protocol: &str, ports: (u16, u16), range: &str) -> Value {
        json!({"groupId": GROUP, "securityGroupRuleId": format!("sgr-{protocol}{}{}", ports.0, range.len()), "isEgress": false,
            "ipProtocol": protocol, "fromPort": ports.0, "toPort": ports.1,
            if range.contains(':') { "cidrIpv6" } else { "cidrIpv4" }: range})
    }

    fn of(rules: &[Value]) -> Case {
        let record = json!({
            "eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com",
            "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/snapback-CanaryRole-1F/canary",
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}}},
            "requestParameters": {"groupId": GROUP, "ipPermissions": {"items": rules.iter().map(|rule| json!({
                "ipProtocol": rule["ipProtocol"], "fromPort": rule["fromPort"], "toPort": rule["toPort"],
                "ipRanges": {"items": rule.get("cidrIpv4").map(|range| json!({"cidrIp": range})).into_iter().collect::<Vec<_>>()},
                "ipv6Ranges": {"items": rule.get("cidrIpv6").map(|range| json!({"cidrIpv6": range})).into_iter().collect::<Vec<_>>()},
            })).collect::<Vec<_>>()}},
            "responseElements": {"securityGroupRuleSet": {"items": rules}},
        });
        Case { record, role: Some(ROLE), older: Vec::new(), course: |course| course }
    }

    fn canary() -> Case {
        of(&[rule("tcp", (9, 9), "0.0.0.0/0")])
    }

    /// The canary's event with one thing changed, by its JSON pointer.
    fn with(pointer: &str, value: Value) -> Case {
        let mut case = canary();
        *case.record.pointer_mut(pointer).unwrap() = value;
        case
    }

    /// A finding does not tell who did it, so the canary's role is no excuse.
    #[test]
    fn what_was_found_is_told_whatever_the_group() {
        let mut event = event::parse(&canary().record).unwrap();
        let given = Given { name: "CanaryRoleArn".to_owned(), value: ROLE.to_owned() };
        let settings = Settings::from_given(&BTreeMap::from([("CanaryRoleArn", given)])).unwrap();
        let finding = Finding::Group(GROUP.to_owned());
        let live = LiveRule {
            id: "sgr-1".to_owned(),
            group_id: GROUP.to_owned(),
            traffic: TRAFFIC,
            source: Source::range(SOURCE).unwrap(),
        };
        let plan = plan(&finding, &Live { rules: vec![live], ..Live::default() }, &settings, Remedy::TakeOutEntries);
        let (carried_out, at) = (plan.actions.clone(), DateTime::UNIX_EPOCH);
        let course = Course::Closed { carried_out, at, older: Vec::new(), entries_left: None, plan };
        let report = report(&event, &finding, &settings, &course, Vec::new());
        assert_eq!(report.outcome, Outcome::Reverted);
        assert_eq!(group_to_ask_for(&event, &finding, &settings, &report), None);
        event.actor = event::Actor::default();
        assert_eq!(group_to_ask_for(&event, &finding, &settings, &report), None);
    }

    #[test]
    fn only_the_canarys_own_opening_once_it_is_closed() {
        const ISSUER: &str = "/userIdentity/sessionContext/sessionIssuer/arn";
        let nine = || rule("tcp", (9, 9), "0.0.0.0/0");
        let mut modified = canary();
        modified.record["eventName"] = json!("ModifySecurityGroupRules");
        modified.record["requestParameters"] = json!({"ModifySecurityGroupRulesRequest": {"GroupId": GROUP, "SecurityGroupRule":
            {"SecurityGroupRuleId": "sgr-1", "SecurityGroupRule":
                {"IpProtocol": "tcp", "FromPort": 9, "ToPort": 9, "CidrIpv4": "0.0.0.0/0"}}}});
        let mut by_name = canary();
        by_name.record["requestParameters"] = json!({"groupName": "canary", "ipProtocol": "tcp", "fromPort": 9, "toPort": 9,
            "cidrIp": "0.0.0.0/0"});
        by_name.record["responseElements"] = Value::Null;
        let failed: fn(Course) -> Course = |course| match course {
            Course::Closed { plan, carried_out, .. } => {
                Course::Failed { plan, carried_out, remaining: None, problem: Localized::verbatim("x") }
            }
            other => other,
        };
        let gone: fn(Course) -> Course = |course| match course {
            Course::Closed { plan, .. } => Course::Gone(plan),
            other => other,
        };
        let by_somebody: fn(Course) -> Course = |course| match course {
            Course::Closed { plan, at, older, entries_left, .. } => {
                Course::Closed { plan, carried_out: Vec::new(), at, older, entries_left }
            }
            other => other,
        };
        for (what, case, expected) in [
            ("the canary", canary(), true),
            ("in other words", of(&[rule("6", (9, 9), "1.2.3.4/0")]), true),
            ("no canary is known", Case { role: None, ..canary() }, false),
            (
                "another is",
                Case { role: Some("arn:aws:iam::111122223333:role/snapback-CanaryRole-2"), ..canary() },
                false,
            ),
            ("another role", with(ISSUER, json!("arn:aws:iam::111122223333:role/Developer")), false),
            (
                "a role of that name on a path",
                with(ISSUER, json!("arn:aws:iam::111122223333:role/x/snapback-CanaryRole-1F")),
                false,
            ),
            ("a session without an issuer", with("/userIdentity/sessionContext", json!({})), false),
            ("a user with the role's ARN as session", with("/userIdentity/type", json!("FederatedUser")), false),
            ("another port", of(&[rule("tcp", (22, 22), "0.0.0.0/0")]), false),
            ("more ports", of(&[rule("tcp", (9, 10), "0.0.0.0/0")]), false),
            ("another protocol", of(&[rule("udp", (9, 9), "0.0.0.0/0")]), false),
            ("IPv6", of(&[rule("tcp", (9, 9), "::/0")]), false),
            ("half of it", of(&[rule("tcp", (9, 9), "0.0.0.0/1")]), false),
            ("a second range", of(&[nine(), rule("tcp", (9, 9), "::/0")]), false),
            ("a private range beside it", of(&[nine(), rule("tcp", (9, 9), "10.0.0.0/8")]), false),
            ("a second port", of(&[nine(), rule("tcp", (22, 22), "0.0.0.0/0")]), false),
            ("a rule that was changed", modified, false),
            ("a group of the default VPC, by name", by_name, false),
            ("an older opening remains", Case { older: vec![22], ..canary() }, false),
            ("it could not be closed", Case { course: failed, ..canary() }, false),
            ("it was closed already", Case { course: gone, ..canary() }, false),
            ("somebody else may have closed it", Case { course: by_somebody, ..canary() }, false),
        ] {
            assert_eq!(case.group().as_deref(), expected.then_some(GROUP), "{what}");
        }
    }
}
