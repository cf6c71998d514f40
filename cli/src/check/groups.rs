//! What several records opened in one security group.
//!
//! A rule that is not wide by itself may be wide together with the group's others, which only the account has. History has those of them that
//! were added in it. Whether they were still there is not to be told from it, since records come in no certain order and may be missing: so the
//! verdict stays `depends`, and the reason names them.

use std::cell::Cell;
use std::collections::HashMap;

use rules::Settings;
use rules::security_group::exposure::{Limits, Opening, to_take_away};

use super::decide::{Decided, LONGEST_REASON, shortened};

/// How many openings are remembered, in all groups and in one of them. Those beyond are not looked at together.
const MOST_REMEMBERED: usize = 50_000;
const MOST_IN_GROUP: usize = 100;

/// How many pairs of openings are compared in all. Who fills a history with openings that all overlap gets fewer reasons in full, not a check
/// without an end.
const MOST_COMPARED: usize = 1_000_000_000;

/// How much text of records is remembered at most, in bytes: of such as AWS writes them, it is enough for all.
const MOST_TEXT: usize = 16 * 1024 * 1024;

/// What was opened so far, by account, region and group.
#[derive(Default)]
pub(super) struct Groups {
    known: HashMap<(Option<String>, Option<String>, String), Vec<Known>>,
    number: usize,
    compared: usize,
    text: usize,
}

/// What one record opened.
struct Known {
    event_id: Option<String>,
    event_time: Option<String>,
    openings: Vec<Opening>,
}

impl Groups {
    /// Remembers what a record opened in a group, and adds to its reason what opened the world together with it.
    pub(super) fn note(&mut self, decided: &mut Decided, settings: &Settings) {
        let Some(opened) = decided.opened.take() else { return };
        let limits = Limits { widest: settings.widest_public, allowed: &settings.allowed_public_ports };
        let group = (decided.account.clone(), decided.region.clone(), opened.group);
        let none = Vec::new();
        let known = self.known.get(&group).unwrap_or(&none);
        // The same record may be in two files.
        if decided.event_id.is_some() && known.iter().any(|known| known.event_id == decided.event_id) {
            return;
        }
        let in_group: usize = known.iter().map(|known| known.openings.len()).sum();
        let number = in_group + opened.openings.len();
        if number > MOST_IN_GROUP || self.compared > MOST_COMPARED {
            return;
        }
        let compared = Cell::new(self.compared);
        let is_wide_with = |others: &[Opening]| {
            compared.set(compared.get().saturating_add(number * number));
            !to_take_away(&opened.openings, others, limits).is_empty()
        };
        if !is_wide_with(&[])
            && let Some(with) = wide_with(known, is_wide_with)
        {
            let with: Vec<String> = with.into_iter().map(Known::shown).collect();
            let with = shortened(&with.join(" and "), LONGEST_REASON);
            decided.reason += &format!(", and with what was opened by {with} it is, if that was still there");
        }
        self.compared = compared.get();
        if self.number < MOST_REMEMBERED && self.text < MOST_TEXT {
            self.number += opened.openings.len();
            let (account, region, id) = &group;
            let texts = [account, region, &decided.event_id, &decided.event_time];
            self.text += id.len() * (1 + opened.openings.len());
            self.text += texts.into_iter().flatten().map(String::len).sum::<usize>();
            self.known.entry(group).or_default().push(Known {
                event_id: decided.event_id.clone(),
                event_time: decided.event_time.clone(),
                openings: opened.openings,
            });
        }
    }
}

/// The fewest of the latest that are wide together with what is asked about, without those that don't matter; `None` if all are not.
fn wide_with(known: &[Known], is_wide_with: impl Fn(&[Opening]) -> bool) -> Option<Vec<&Known>> {
    let openings = |known: &[&Known]| known.iter().flat_map(|known| known.openings.clone()).collect::<Vec<_>>();
    let mut with: Vec<&Known> = known.iter().collect();
    if !is_wide_with(&openings(&with)) {
        return None;
    }
    // The oldest go first: the latest are the likeliest to be there still.
    for one in known {
        let without: Vec<&Known> = with.iter().copied().filter(|other| !std::ptr::eq(*other, one)).collect();
        if is_wide_with(&openings(&without)) {
            with = without;
        }
    }
    Some(with)
}

impl Known {
    fn shown(&self) -> String {
        let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
        format!("event {} at {}", or(&self.event_id, "without id"), or(&self.event_time, "no time"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::decide::{Decider, Filter, Read};
    use super::*;
    use serde_json::json;

    #[test]
    fn halves_are_seen_together_and_the_verdict_stays() {
        let decider = Decider { settings: Settings::default(), filter: Filter::default(), with_ignored: false };
        let mut groups = Groups::default();
        let mut reason = |id: &str, group: &str, ranges: &[&str]| {
            let ranges: Vec<_> = ranges.iter().map(|range| json!({"cidrIp": range})).collect();
            let permission = json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": ranges}});
            let raw = json!({"eventID": id, "eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com",
                "eventTime": format!("time of {id}"), "recipientAccountId": "123456789012", "awsRegion": "eu-west-1",
                "requestParameters": {"groupId": group, "ipPermissions": {"items": [permission]}}});
            let Read::Record { mut decided, .. } = decider.read(&raw) else { panic!("no record") };
            let [decided] = decided.as_mut_slice() else { panic!("{decided:?}") };
            assert_eq!(decided.verdict.word(), "depends");
            groups.note(decided, &decider.settings);
            decided.reason.split_once(", and with what was opened by ").map(|(_, with)| with.to_owned())
        };
        let with = |events: &str| Some(format!("{events} it is, if that was still there"));
        assert_eq!(reason("a", "sg-1", &["9.9.9.9/32"]), None);
        assert_eq!(reason("b", "sg-1", &["11.0.0.0/9"]), None);
        assert_eq!(reason("b", "sg-1", &["11.0.0.0/9"]), None);
        assert_eq!(reason("c", "sg-2", &["12.0.0.0/8"]), None);
        assert_eq!(reason("d", "sg-1", &["12.0.0.0/8"]), with("event b at time of b"));
        assert_eq!(reason("e", "sg-2", &["14.0.0.0/9"]), with("event c at time of c"));
    }

    #[test]
    fn however_much_is_opened_little_of_it_is_compared() {
        let settings = Settings::default();
        let mut groups = Groups::default();
        let decided = |id: usize, openings: usize| {
            let ranges: Vec<_> =
                (0..openings).map(|number| json!({"cidrIp": format!("11.{id}.{number}.0/24")})).collect();
            let raw = json!({"eventID": format!("e-{id}"), "eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com",
                "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "-1", "ipRanges": {"items": ranges}}]}}});
            let decider = Decider { settings: Settings::default(), filter: Filter::default(), with_ignored: false };
            let Read::Record { mut decided, .. } = decider.read(&raw) else { panic!("no record") };
            decided.remove(0)
        };
        for id in 0..50 {
            groups.note(&mut decided(id, 30), &settings);
        }
        assert_eq!(groups.number, 90);
        // Each of the three was compared with none and with all that was known, and no further, since together they are not wide.
        assert_eq!(groups.compared, 2 * (30 * 30 + 60 * 60 + 90 * 90));
        groups.note(&mut decided(50, MOST_IN_GROUP + 1), &settings);
        assert_eq!(groups.number, 90);
        groups.compared = MOST_COMPARED + 1;
        groups.note(&mut decided(51, 1), &settings);
        assert_eq!(groups.number, 90);
    }

    #[test]
    fn a_reason_stays_short_whatever_belongs_together() {
        let decider = Decider { settings: Settings::default(), filter: Filter::default(), with_ignored: false };
        let mut groups = Groups::default();
        let long = "開".repeat(900);
        let sizes = (0..150).map(|index| {
            let ranges = json!([{"cidrIp": format!("{}.{}.0.0/14", 20 + index / 64, index % 64 * 4)}]);
            let permission = json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": ranges}});
            let raw = json!({"eventID": format!("{index}{long}"), "eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com",
                "eventTime": long, "recipientAccountId": "123456789012", "awsRegion": "eu-west-1",
                "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [permission]}}});
            let Read::Record { mut decided, .. } = decider.read(&raw) else { panic!("no record") };
            let [decided] = decided.as_mut_slice() else { panic!("{decided:?}") };
            groups.note(decided, &decider.settings);
            (decided.reason.chars().count(), decided.reason.ends_with("it is, if that was still there"))
        });
        let sizes: Vec<(usize, bool)> = sizes.collect();
        assert!(sizes.iter().any(|(_, is_wide)| *is_wide), "{sizes:?}");
        assert!(sizes.iter().all(|(size, _)| *size < 2 * LONGEST_REASON), "{sizes:?}");
    }
}
