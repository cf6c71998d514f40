//! What would be done about a finding, going by the record alone.

use super::NAME;
use super::detect::{Added, AddedEntries, EventRule, Finding, GroupRef, OpenedRules, read};
use super::exposure::{Limits, Opening, to_take_away};
use super::traffic::{Protocol, Traffic};
use crate::event::{Event, Origin};
use crate::foresee::{Foreseen, Word};
use crate::settings::Settings;

/// What the function would do about a finding.
pub fn foresee(finding: &Finding, event: &Event, settings: &Settings) -> Foreseen {
    match finding {
        Finding::Rules(opened) => rules(opened, settings),
        Finding::Entries(entries) => self::entries(entries),
        Finding::Group(group) => found(group, event),
    }
}

/// What an event opened in a group, by the group's id; `None` if it names none, or opened nothing by ranges of its own.
pub fn opened(event: &Event) -> Option<(String, Vec<Opening>)> {
    let Ok(Finding::Rules(OpenedRules { group: GroupRef::Id(group), rules, .. })) = read(event) else { return None };
    let openings = rules.iter().map(|rule| rule.opening(&group)).filter(|opening| !opening.ranges.is_empty());
    let openings: Vec<Opening> = openings.collect();
    (!openings.is_empty()).then_some((group, openings))
}

fn rules(opened: &OpenedRules, settings: &Settings) -> Foreseen {
    let limits = Limits { widest: settings.widest_public, allowed: &settings.allowed_public_ports };
    let openings: Vec<Opening> = opened.rules.iter().map(|rule| rule.opening("")).collect();
    let wide: Vec<&EventRule> =
        to_take_away(&openings, &[], limits).into_iter().filter_map(|index| opened.rules.get(index)).collect();
    let is_wide = !wide.is_empty();
    let may_be_public =
        || opened.rules.iter().filter(|rule| rule.source.may_be_public() && !limits.allow(&rule.traffic)).collect();
    let told: Vec<&EventRule> = if is_wide { wide } else { may_be_public() };
    let word = match (is_wide, opened.changed) {
        (true, false) => Word::by_mode("SecurityGroupMode", settings.security_group_mode, settings),
        (true, true) => Word::depends("whether these are inbound rules, which the record does not tell"),
        (false, _) if told.iter().any(|rule| rule.source.prefix_list().is_some()) => {
            Word::depends("the prefix list's entries, and the group's other rules")
        }
        (false, _) => Word::depends("the group's other rules: by itself it is not wide"),
    };
    let (GroupRef::Id(group) | GroupRef::Name(group)) = &opened.group;
    let each: Vec<String> = told.iter().map(|rule| format!("{} from {}", rule.traffic, rule.source)).collect();
    let mut ports: Vec<Option<String>> = told.iter().map(|rule| setting(&rule.traffic)).collect();
    ports.sort();
    ports.dedup();
    // Half of it allowed would not do.
    let ports: Vec<String> = ports.into_iter().collect::<Option<_>>().unwrap_or_default();
    let what = format!("{group} opened: {}", each.join(", "));
    Foreseen::new(NAME, group, what, word).exempted_by("AllowedPublicPorts", &ports)
}

fn entries(AddedEntries { prefix_list_id, added, .. }: &AddedEntries) -> Foreseen {
    let what = match added {
        Added::Ranges(ranges) => {
            let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
            format!("added to prefix list {prefix_list_id}: {}", ranges.join(", "))
        }
        Added::Restored(version) => format!("version {version} of prefix list {prefix_list_id} restored"),
    };
    let word = Word::depends("which groups name the list, and their other rules");
    Foreseen::new(NAME, prefix_list_id, what, word)
}

fn found(group: &str, event: &Event) -> Foreseen {
    let rule = match &event.origin {
        Origin::Config(change) => change.rule_name.as_str(),
        Origin::CloudTrail | Origin::AccessAnalyzer(_) => "",
    };
    let word = Word::depends(format!("which managed rule is behind `{rule}`, and on what the account shows"));
    Foreseen::new(NAME, group, format!("AWS Config found {group} non-compliant"), word)
}

/// How `AllowedPublicPorts` writes it; `None` for what it can't hold.
fn setting(traffic: &Traffic) -> Option<String> {
    let protocol = match traffic.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp | Protocol::Icmpv6 => return Some("icmp".to_owned()),
        Protocol::All | Protocol::Other(_) => return None,
    };
    Some(match (traffic.from, traffic.to) {
        (from, to) if from == to => format!("{protocol}/{from}"),
        (from, to) => format!("{protocol}/{from}-{to}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use crate::foresee::{Exemption, Verdict};
    use crate::security_group::traffic::Source;
    use serde_json::json;

    fn rule(written: &str) -> EventRule {
        let (protocol, port, source) = {
            let mut words = written.split_whitespace();
            (words.next().unwrap(), words.next().unwrap().parse().ok(), words.next().unwrap())
        };
        let source = match source.strip_prefix("pl-") {
            Some(_) => Source::PrefixList(source.to_owned()),
            None => Source::range(source).unwrap(),
        };
        EventRule { id: None, traffic: Traffic::new(protocol, port, port).unwrap(), source }
    }

    fn foreseen(written: &[&str], changed: bool, variable: (&str, &str)) -> Foreseen {
        let event = parse(&json!({"eventName": "x", "eventSource": "ec2.amazonaws.com"})).unwrap();
        let settings = Settings::from_variables(|name| (name == variable.0).then(|| variable.1.to_owned())).unwrap();
        let rules = written.iter().map(|written| rule(written)).collect();
        let finding = Finding::Rules(OpenedRules { group: GroupRef::Id("sg-1".to_owned()), rules, changed });
        foresee(&finding, &event, &settings)
    }

    #[test]
    fn what_is_wide_by_itself_is_decided_and_nothing_else() {
        use Verdict::{Alert, Depends, Revert};
        let none = ("", "");
        for (rules, changed, variable, verdict) in [
            (&["tcp 22 0.0.0.0/0", "tcp 22 10.0.0.0/8"][..], false, none, Revert),
            (&["tcp 22 0.0.0.0/1", "tcp 22 128.0.0.0/1"], false, none, Revert),
            (&["tcp 22 0.0.0.0/0"], false, ("SECURITY_GROUP_MODE", "alert"), Alert),
            (&["tcp 22 0.0.0.0/0"], false, ("ROLLOUT", "observe"), Alert),
            (&["tcp 22 0.0.0.0/0"], true, none, Depends),
            (&["tcp 22 11.0.0.0/8"], false, none, Depends),
            (&["tcp 22 pl-1"], false, none, Depends),
        ] {
            let foreseen = foreseen(rules, changed, variable);
            assert_eq!(foreseen.verdict, verdict, "{rules:?}: {}", foreseen.reason());
        }
        let wide = foreseen(&["tcp 22 0.0.0.0/0", "tcp 22 10.0.0.0/8", "udp 53 ::/0"], false, none);
        assert_eq!(wide.reason(), "sg-1 opened: tcp/22 from 0.0.0.0/0, udp/53 from ::/0");
        let ports = Exemption { setting: "AllowedPublicPorts", value: "tcp/22,udp/53".to_owned() };
        assert_eq!(wide.exempted_by, [ports]);
        assert!(foreseen(&["-1 x 0.0.0.0/0", "tcp 22 ::/0"], false, none).exempted_by.is_empty());
    }

    #[test]
    fn entries_depend_on_who_names_the_list() {
        let event = parse(&json!({"eventName": "x", "eventSource": "ec2.amazonaws.com"})).unwrap();
        for (added, what) in [
            (Added::Ranges(vec!["0.0.0.0/1".parse().unwrap()]), "added to prefix list pl-1: 0.0.0.0/1"),
            (Added::Restored(3), "version 3 of prefix list pl-1 restored"),
        ] {
            let entries = AddedEntries { prefix_list_id: "pl-1".to_owned(), added, version_before: None };
            let foreseen = foresee(&Finding::Entries(entries), &event, &Settings::default());
            assert_eq!((foreseen.verdict, foreseen.what.as_str()), (Verdict::Depends, what));
        }
    }
}
