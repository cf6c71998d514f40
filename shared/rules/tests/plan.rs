//! From a finding and the live account to what is taken away.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeMap;

use ipnet::IpNet;
use rules::Settings;
use rules::security_group::detect::{Added, AddedEntries, EventRule, Finding, GroupRef, OpenedRules};
use rules::security_group::plan::{Action, Live, LivePrefixList, LiveRule, Plan, Remedy, Situation, plan};
use rules::security_group::traffic::{Source, Traffic};
use rules::settings::Given;

#[test]
fn of_a_found_group_every_rule_is_judged_with_the_others() {
    let found = Finding::Group("sg-1".to_owned());
    let live = group(&[
        "sgr-1 tcp/22 0.0.0.0/0",
        "sgr-2 tcp/22 52.94.76.10/32",
        "sgr-3 udp/53 0.0.0.0/1",
        "sgr-4 udp/53 128.0.0.0/1",
        "sgr-5 tcp/25 pl-1",
    ]);
    let live = list(live, "pl-1", own(&["0.0.0.0/0"]));
    let rules = "sgr-1 (tcp/22 from 0.0.0.0/0); sgr-3 (udp/53 from 0.0.0.0/1); sgr-4 (udp/53 from 128.0.0.0/1); sgr-5 (tcp/25 from prefix list pl-1)";
    check(&found, live, &["open", &format!("revoke from sg-1: {rules}")]);
    check(&found, group(&["sgr-2 tcp/22 52.94.76.10/32"]), &["not open"]);
    check(&found, group(&[]), &["not open"]);
}

#[test]
fn own_rules_are_known_by_id() {
    let event = added(&["sgr-1 tcp/22 0.0.0.0/0", "sgr-2 tcp/22 10.0.0.0/8"]);
    let live = group(&["sgr-1 tcp/22 0.0.0.0/0", "sgr-2 tcp/22 10.0.0.0/8", "sgr-3 tcp/443 52.94.76.10/32"]);
    check(&event, live, &["open", "revoke from sg-1: sgr-1 (tcp/22 from 0.0.0.0/0)"]);
}

#[test]
fn own_rules_without_ids_are_known_by_content() {
    let event = added(&["? tcp/22 0.0.0.0/0", "? tcp/22 10.0.0.0/8"]);
    let live = group(&["sgr-7 tcp/22 0.0.0.0/0", "sgr-8 tcp/22 10.0.0.0/8", "sgr-9 tcp/22 52.94.76.10/32"]);
    check(&event, live, &["open", "revoke from sg-1: sgr-7 (tcp/22 from 0.0.0.0/0)"]);

    let live = group(&["sgr-7 udp/22 0.0.0.0/0", "sgr-8 tcp/22 10.0.0.0/8"]);
    check(&event, live, &["gone", "older: sgr-7"]);
}

#[test]
fn the_same_content_under_another_id_is_not_the_events() {
    let event = added(&["sgr-1 tcp/22 0.0.0.0/0"]);
    let live = group(&["sgr-5 tcp/22 0.0.0.0/0"]);
    check(&event, live, &["gone", "older: sgr-5"]);
}

#[test]
fn an_older_wide_rule_stays_and_is_named() {
    let event = added(&["sgr-2 tcp/22 0.0.0.0/0"]);
    let live = group(&["sgr-1 tcp/20-25 0.0.0.0/0", "sgr-2 tcp/22 0.0.0.0/0", "sgr-3 tcp/80 52.94.76.10/32"]);
    check(&event, live, &["open", "revoke from sg-1: sgr-2 (tcp/22 from 0.0.0.0/0)", "older: sgr-1"]);
}

#[test]
fn beside_an_older_wide_rule_narrow_ones_of_the_event_stay() {
    let event = added(&["sgr-2 tcp/22 52.94.76.10/32", "sgr-3 tcp/22 12.0.0.0/8", "sgr-4 tcp/22 13.0.0.0/9"]);
    let live = group(&[
        "sgr-1 tcp/22 0.0.0.0/0",
        "sgr-2 tcp/22 52.94.76.10/32",
        "sgr-3 tcp/22 12.0.0.0/8",
        "sgr-4 tcp/22 13.0.0.0/9",
    ]);
    let revoked = "revoke from sg-1: sgr-3 (tcp/22 from 12.0.0.0/8)";
    check(&event, live, &["open", revoked, "older: sgr-1"]);
}

#[test]
fn wide_only_together_with_older_rules() {
    let event = added(&["sgr-2 tcp/22 12.0.0.0/8"]);
    check(&event, group(&["sgr-2 tcp/22 12.0.0.0/8"]), &["not open"]);

    let live = group(&["sgr-1 tcp/22 11.0.0.0/8", "sgr-2 tcp/22 12.0.0.0/8"]);
    check(&event, live, &["open", "revoke from sg-1: sgr-2 (tcp/22 from 12.0.0.0/8)"]);
}

#[test]
fn the_widest_go_first_and_then_by_id() {
    let event = added(&["sgr-1 tcp/22 12.0.0.0/9", "sgr-2 tcp/22 11.0.0.0/8", "sgr-3 tcp/22 13.0.0.0/9"]);
    let live = group(&["sgr-1 tcp/22 12.0.0.0/9", "sgr-2 tcp/22 11.0.0.0/8", "sgr-3 tcp/22 13.0.0.0/9"]);
    check(&event, live, &["open", "revoke from sg-1: sgr-2 (tcp/22 from 11.0.0.0/8)"]);

    let event = added(&["sgr-4 tcp/22 12.0.0.0/8", "sgr-5 tcp/22 11.0.0.0/8"]);
    let live = group(&["sgr-5 tcp/22 11.0.0.0/8", "sgr-4 tcp/22 12.0.0.0/8"]);
    check(&event, live, &["open", "revoke from sg-1: sgr-4 (tcp/22 from 12.0.0.0/8)"]);
}

#[test]
fn both_families_go() {
    let event = added(&["sgr-1 tcp/22 0.0.0.0/0", "sgr-2 tcp/22 ::/0"]);
    let live = group(&["sgr-1 tcp/22 0.0.0.0/0", "sgr-2 tcp/22 ::/0"]);
    let revoked = "revoke from sg-1: sgr-1 (tcp/22 from 0.0.0.0/0); sgr-2 (tcp/22 from ::/0)";
    check(&event, live, &["open", revoked]);
}

#[test]
fn allowed_ports_stay() {
    let event = added(&["sgr-1 tcp/443 0.0.0.0/0", "sgr-2 tcp/440-443 0.0.0.0/0"]);
    let live = group(&["sgr-1 tcp/443 0.0.0.0/0", "sgr-2 tcp/440-443 0.0.0.0/0"]);
    let revoked = "revoke from sg-1: sgr-2 (tcp/440-443 from 0.0.0.0/0)";
    check(&event, live, &["open", revoked]);
}

#[test]
fn what_was_taken_back_meanwhile_is_gone() {
    let event = added(&["sgr-1 tcp/22 0.0.0.0/0"]);
    check(&event, group(&[]), &["gone"]);
    check(&event, group(&["sgr-2 tcp/22 52.94.76.10/32"]), &["gone"]);
    // Narrowed instead of removed.
    check(&event, group(&["sgr-1 tcp/22 52.94.76.10/32"]), &["gone"]);
}

#[test]
fn a_changed_rule_is_removed_and_one_that_was_changed_since_is_not() {
    let event = changed(&["sgr-1 tcp/22 0.0.0.0/0"]);
    let live = group(&["sgr-1 tcp/22 0.0.0.0/0", "sgr-2 tcp/22 10.0.0.0/8"]);
    check(&event, live, &["open", "revoke from sg-1: sgr-1 (tcp/22 from 0.0.0.0/0)"]);

    // Whoever made it tcp/8443 has an event of their own, and may be trusted.
    let live = group(&["sgr-1 tcp/8443 0.0.0.0/0", "sgr-2 tcp/22 10.0.0.0/8"]);
    check(&event, live, &["gone", "older: sgr-1"]);
}

#[test]
fn a_rule_that_named_a_list_was_open_if_the_list_is_wide_or_lost() {
    let event = added(&["sgr-1 tcp/22 pl-1"]);
    check(&event, list(group(&[]), "pl-1", own(&["0.0.0.0/1"])), &["gone"]);
    check(&event, list(group(&[]), "pl-1", own(&["10.0.0.0/8"])), &["not open"]);
    check(&event, group(&[]), &["gone"]);
}

#[test]
fn no_more_entries_are_removed_than_a_call_takes() {
    let entries: Vec<String> =
        (0..=255).map(|second| format!("11.{second}.0.0/16")).chain(["0.0.0.0/1".to_owned()]).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let event = self::entries(&entries);
    let live = list(group(&["sgr-1 tcp/22 pl-1", "sgr-2 tcp/22 12.0.0.0/8"]), "pl-1", own(&entries));
    let planned = plan(&event, &live, &settings(), Remedy::TakeOutEntries);
    let [Action::RemoveEntries { entries, .. }] = planned.actions.as_slice() else { panic!("{planned:?}") };
    assert_eq!((entries.len(), entries[0].to_string().as_str()), (100, "0.0.0.0/1"));
}

#[test]
fn an_outbound_rule_that_was_changed_opens_nothing() {
    let event = changed(&["sgr-1 tcp/22 0.0.0.0/0"]);
    check(&event, outbound(group(&[]), "sgr-1"), &["not open"]);

    let event = changed(&["sgr-1 tcp/22 0.0.0.0/0", "sgr-2 tcp/22 0.0.0.0/0"]);
    let live = outbound(group(&["sgr-2 tcp/22 0.0.0.0/0"]), "sgr-1");
    check(&event, live, &["open", "revoke from sg-1: sgr-2 (tcp/22 from 0.0.0.0/0)"]);
}

#[test]
fn a_rule_that_names_a_wide_list_is_revoked_and_the_list_stays() {
    let event = added(&["sgr-1 tcp/22 pl-1"]);
    let live = list(group(&["sgr-1 tcp/22 pl-1"]), "pl-1", own(&["0.0.0.0/1", "128.0.0.0/1"]));
    check(&event, live, &["open", "revoke from sg-1: sgr-1 (tcp/22 from prefix list pl-1)"]);

    let live = list(group(&["sgr-1 tcp/22 pl-1"]), "pl-1", own(&["52.94.76.0/24"]));
    check(&event, live, &["not open"]);
}

#[test]
fn entries_of_an_own_list_are_taken_out() {
    let event = entries(&["0.0.0.0/1", "128.0.0.0/1", "52.94.76.0/24"]);
    let now = own(&["52.94.76.0/24", "0.0.0.0/1", "128.0.0.0/1"]);
    let live = list(group(&["sgr-1 tcp/22 pl-1", "sgr-2 tcp/22 10.0.0.0/8"]), "pl-1", now);
    let planned = check(&event, live, &["open", "take out of pl-1: 0.0.0.0/1, 128.0.0.0/1"]);
    // Based on the version that was read, so that AWS refuses if the list has changed since.
    assert!(matches!(planned.actions.as_slice(), [Action::RemoveEntries { version: Some(7), .. }]));
}

#[test]
fn entries_count_together_with_the_rules_beside_the_list() {
    let event = entries(&["12.0.0.0/8"]);
    let live = |port| {
        let rules = group(&["sgr-1 tcp/22 pl-1", &format!("sgr-2 tcp/{port} 11.0.0.0/8")]);
        list(rules, "pl-1", own(&["12.0.0.0/8"]))
    };
    check(&event, live(22), &["open", "take out of pl-1: 12.0.0.0/8"]);
    check(&event, live(80), &["not open"]);
}

#[test]
fn a_list_of_another_account_keeps_its_entries_and_loses_its_rules() {
    let event = entries(&["0.0.0.0/1"]);
    let rules =
        group(&["sgr-1 tcp/22 pl-1", "sgr-2 tcp/80 10.0.0.0/8", "sg-2 sgr-3 tcp/80 pl-1", "sg-3 sgr-4 tcp/443 pl-1"]);
    let foreign = LivePrefixList { is_own: false, ..own(&["0.0.0.0/1"]) };
    let first = "revoke from sg-1: sgr-1 (tcp/22 from prefix list pl-1)";
    let second = "revoke from sg-2: sgr-3 (tcp/80 from prefix list pl-1)";
    check(&event, list(rules, "pl-1", foreign), &["open", first, second]);
}

#[test]
fn where_entries_cannot_be_taken_out_the_rules_go() {
    let event = entries(&["0.0.0.0/1"]);
    let live = list(group(&["sgr-1 tcp/22 pl-1", "sgr-2 tcp/22 10.0.0.0/8"]), "pl-1", own(&["0.0.0.0/1"]));
    let planned = plan(&event, &live, &settings(), Remedy::RevokeRules);
    assert_eq!(told(&planned), ["open", "revoke from sg-1: sgr-1 (tcp/22 from prefix list pl-1)"]);
}

#[test]
fn entries_from_before_the_event_stay() {
    // The request names both, but one was there already.
    let event = entries(&["0.0.0.0/1", "128.0.0.0/1"]);
    let before = Some(ranges(&["128.0.0.0/1"]));
    let now = LivePrefixList { entries_before: before, ..own(&["128.0.0.0/1", "0.0.0.0/1"]) };
    let live = list(group(&["sgr-1 tcp/22 pl-1"]), "pl-1", now);
    check(&event, live, &["open", "take out of pl-1: 0.0.0.0/1", "older: sgr-1"]);
}

#[test]
fn restored_entries_are_those_that_the_version_before_lacked() {
    let event = restored();
    let before = Some(ranges(&["52.94.76.0/24", "11.0.0.0/9"]));
    let now = LivePrefixList {
        entries_before: before,
        entries_restored: Some(ranges(&["52.94.76.0/24", "0.0.0.0/1", "192.168.0.0/16"])),
        ..own(&["52.94.76.0/24", "11.0.0.0/9", "0.0.0.0/1", "192.168.0.0/16"])
    };
    let live = list(group(&["sgr-1 tcp/22 pl-1"]), "pl-1", now.clone());
    check(&event, live, &["open", "take out of pl-1: 0.0.0.0/1"]);

    // 128.0.0.0/1 came by a later event, which is judged by itself.
    let later = LivePrefixList { entries: ranges(&["52.94.76.0/24", "0.0.0.0/1", "128.0.0.0/1"]), ..now };
    let live = list(group(&["sgr-1 tcp/22 pl-1"]), "pl-1", later);
    check(&event, live, &["open", "take out of pl-1: 0.0.0.0/1", "older: sgr-1"]);

    let wide = Some(ranges(&["0.0.0.0/1"]));
    let same = LivePrefixList { entries_before: wide.clone(), entries_restored: wide, ..own(&["0.0.0.0/1"]) };
    let live = list(group(&["sgr-1 tcp/22 pl-1"]), "pl-1", same);
    check(&event, live, &["not open"]);
}

#[test]
fn entries_that_are_out_again_are_gone() {
    let event = entries(&["0.0.0.0/1"]);
    let rules = || group(&["sgr-1 tcp/22 pl-1"]);
    check(&event, list(rules(), "pl-1", own(&["52.94.76.0/24"])), &["gone"]);
    check(&event, list(group(&[]), "pl-1", own(&["0.0.0.0/1"])), &["unnamed"]);
    check(&event, list(group(&[]), "pl-1", own(&["52.94.76.0/24"])), &["not open"]);
    check(&event, rules(), &["not open"]);
}

/// Plans, compares with what was expected (the situation, the actions, the older rules), and sees that the plan, once carried out,
/// leaves nothing to plan.
fn check(finding: &Finding, live: Live, expected: &[&str]) -> Plan {
    let planned = plan(finding, &live, &settings(), Remedy::TakeOutEntries);
    assert_eq!(told(&planned), expected);
    let afterwards = plan(finding, &carried_out(live, &planned.actions), &settings(), Remedy::TakeOutEntries);
    assert_ne!(afterwards.situation, Situation::Open, "once the plan is carried out");
    planned
}

fn told(plan: &Plan) -> Vec<String> {
    let situation = match plan.situation {
        Situation::Open => "open",
        Situation::Gone => "gone",
        Situation::NotOpen => "not open",
        Situation::Unnamed => "unnamed",
    };
    let mut lines = vec![situation.to_owned()];
    lines.extend(plan.actions.iter().map(ToString::to_string));
    let older: Vec<&str> = plan.older.iter().map(|rule| rule.id.as_str()).collect();
    if !older.is_empty() {
        lines.push(format!("older: {}", older.join(", ")));
    }
    lines
}

fn carried_out(mut live: Live, actions: &[Action]) -> Live {
    for action in actions {
        match action {
            Action::RevokeRules { group_id, rules } => {
                assert!(!rules.is_empty() && rules.iter().all(|rule| rule.group_id == *group_id));
                live.rules.retain(|rule| !rules.contains(rule));
            }
            Action::RemoveEntries { prefix_list_id, entries, .. } => {
                let list = live.prefix_lists.get_mut(prefix_list_id).unwrap();
                assert!(!entries.is_empty() && entries.iter().all(|range| list.entries.contains(range)));
                list.entries.retain(|range| !entries.contains(range));
            }
        }
    }
    live
}

fn settings() -> Settings {
    let name = "AllowedPublicPorts";
    let value = Given { name: name.to_owned(), value: "tcp/443".to_owned() };
    Settings::from_given(&BTreeMap::from([(name, value)])).unwrap()
}

/// `AuthorizeSecurityGroupIngress`: a rule is `ID TRAFFIC SOURCE`, with `?` for an id that the event doesn't tell.
fn added(rules: &[&str]) -> Finding {
    let rules = rules.iter().map(|rule| {
        let LiveRule { id, traffic, source, .. } = live_rule(rule);
        EventRule { id: (id != "?").then_some(id), traffic, source }
    });
    Finding::Rules(OpenedRules { group: GroupRef::Id("sg-1".to_owned()), rules: rules.collect(), changed: false })
}

/// `ModifySecurityGroupRules`
fn changed(rules: &[&str]) -> Finding {
    match added(rules) {
        Finding::Rules(opened) => Finding::Rules(OpenedRules { changed: true, ..opened }),
        Finding::Entries(_) | Finding::Group(_) => panic!("not of rules"),
    }
}

/// `ModifyManagedPrefixList` of `pl-1`
fn entries(added: &[&str]) -> Finding {
    let prefix_list_id = "pl-1".to_owned();
    Finding::Entries(AddedEntries { prefix_list_id, added: Added::Ranges(ranges(added)), version_before: None })
}

/// `RestoreManagedPrefixListVersion` of `pl-1`
fn restored() -> Finding {
    let prefix_list_id = "pl-1".to_owned();
    Finding::Entries(AddedEntries { prefix_list_id, added: Added::Restored(5), version_before: Some(6) })
}

/// Rules of `sg-1`, or of another group where that stands in front.
fn group(rules: &[&str]) -> Live {
    Live { rules: rules.iter().map(|rule| live_rule(rule)).collect(), ..Live::default() }
}

fn outbound(mut live: Live, id: &str) -> Live {
    live.outbound.insert(id.to_owned());
    live
}

fn list(mut live: Live, id: &str, list: LivePrefixList) -> Live {
    live.prefix_lists.insert(id.to_owned(), list);
    live
}

fn own(entries: &[&str]) -> LivePrefixList {
    LivePrefixList {
        entries: ranges(entries),
        version: Some(7),
        is_own: true,
        is_changing: false,
        entries_before: None,
        entries_restored: None,
    }
}

fn ranges(written: &[&str]) -> Vec<IpNet> {
    written.iter().map(|range| range.parse().unwrap()).collect()
}

fn live_rule(written: &str) -> LiveRule {
    let words: Vec<&str> = written.split(' ').collect();
    let (group, id, traffic, source) = match words.as_slice() {
        [id, traffic, source] => ("sg-1", id, traffic, source),
        [group, id, traffic, source] => (*group, id, traffic, source),
        _ => panic!("`{written}` is no rule"),
    };
    let (protocol, ports) = traffic.split_once('/').unwrap();
    let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
    let source = if source.starts_with("pl-") {
        Source::PrefixList((*source).to_owned())
    } else {
        Source::range(source).unwrap()
    };
    let traffic = Traffic::new(protocol, from.parse().ok(), to.parse().ok()).unwrap();
    LiveRule { id: (*id).to_owned(), group_id: group.to_owned(), traffic, source }
}
