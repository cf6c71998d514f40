//! The findings that the page's table holds: all, as long as they are few.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rules::foresee::Verdict;

use super::super::decide::Decided;

/// How many rows a page has at most: a browser sorts as many at once.
const MOST_ROWS: usize = 5_000;

/// How much text the rows hold at most, in bytes. A page is at most six times as large, if all of it has to be escaped.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The newest findings of each verdict and rule. If there is no room for all, those of which there are the most give way: a flood of
/// one kind does not wash away the few of another.
#[derive(Default)]
pub(super) struct Rows {
    groups: BTreeMap<(Verdict, &'static str), Group>,
    kept: usize,
    bytes: usize,
    found: u64,
}

/// The findings of one verdict and rule.
#[derive(Default)]
struct Group {
    /// By their time, and by the order in which they came.
    kept: BTreeMap<Key, Decided>,
    bytes: usize,
}

/// What has no time counts as older than everything.
type Key = (Option<DateTime<Utc>>, u64);

impl Rows {
    /// Keeps it, if it is new enough. What is ignored is no finding.
    pub(super) fn add(&mut self, decided: &Decided) {
        if decided.verdict == Verdict::Ignore {
            return;
        }
        self.found += 1;
        let kind = (decided.verdict, decided.rule);
        let key = (decided.time, self.found);
        // Only a short cut: it would be the first to go.
        if self.kept >= MOST_ROWS
            && self.largest() == Some(kind)
            && self
                .groups
                .get(&kind)
                .and_then(|group| group.kept.first_key_value())
                .is_some_and(|(oldest, _)| key < *oldest)
        {
            return;
        }
        let size = decided.size();
        let group = self.groups.entry(kind).or_default();
        group.kept.insert(key, decided.clone());
        group.bytes += size;
        self.kept += 1;
        self.bytes += size;
        while self.kept > MOST_ROWS || self.bytes > MOST_BYTES {
            if self.drop_oldest_of_largest().is_none() {
                break;
            }
        }
    }

    /// How many findings there were.
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// Those that were kept: the weightiest verdict first, of each the newest first.
    pub(super) fn sorted(&self) -> Vec<&Decided> {
        let all = self.groups.iter().flat_map(|((verdict, _), group)| {
            group
                .kept
                .iter()
                .map(move |((time, number), decided)| ((*verdict, std::cmp::Reverse(*time), *number), decided))
        });
        all.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The kind that has more than its share, of rows or else of text.
    fn largest(&self) -> Option<(Verdict, &'static str)> {
        let share = |group: &Group| if self.bytes > MOST_BYTES { group.bytes } else { group.kept.len() };
        self.groups.iter().max_by_key(|(_, group)| share(group)).map(|(kind, _)| *kind)
    }

    fn drop_oldest_of_largest(&mut self) -> Option<()> {
        let group = self.groups.get_mut(&self.largest()?)?;
        let (_, dropped) = group.kept.pop_first()?;
        let size = dropped.size();
        group.bytes -= size;
        self.bytes -= size;
        self.kept -= 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, rule: &'static str, reason: &str, time: Option<DateTime<Utc>>) -> Decided {
        Decided {
            event_id: None,
            time,
            event_time: None,
            event_name: String::new(),
            account: None,
            region: None,
            actor: None,
            source_ip: None,
            function: rule,
            rule,
            verdict,
            reason: reason.to_owned(),
            resource: None,
            exempted_by: Vec::new(),
            opened: None,
        }
    }

    fn second(number: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(number, 0)
    }

    #[test]
    fn the_few_stay_and_of_the_many_the_newest() {
        let mut rows = Rows::default();
        rows.add(&finding(Verdict::Depends, "few", "no time", None));
        rows.add(&finding(Verdict::Revert, "few", "first", second(0)));
        rows.add(&finding(Verdict::Ignore, "many", "", second(0)));
        // In no order: 7 has no divisor with 20,000 in common.
        for number in 0..20_000 {
            let time = number * 7 % 20_000;
            rows.add(&finding(Verdict::Alert, "many", &time.to_string(), second(time)));
        }
        for number in 0..100 {
            rows.add(&finding(Verdict::Alert, "some", &number.to_string(), second(number)));
        }
        assert_eq!(rows.found(), 20_102);
        let rows = rows.sorted();
        assert_eq!(rows.len(), MOST_ROWS);
        let reasons = |rule: &str| -> Vec<&str> {
            rows.iter().filter(|row| row.rule == rule).map(|row| row.reason.as_str()).collect()
        };
        assert_eq!(reasons("few"), ["first", "no time"]);
        assert_eq!(reasons("some").len(), 100);
        let newest: Vec<String> = (20_000 - (MOST_ROWS - 102)..20_000).rev().map(|number| number.to_string()).collect();
        assert_eq!(reasons("many"), newest);
        assert!(rows.is_sorted_by_key(|row| row.verdict));
    }

    #[test]
    fn long_texts_take_the_place_of_their_like_only() {
        let mut rows = Rows::default();
        for number in 0..1_000 {
            rows.add(&finding(Verdict::Alert, "short", "x", second(number)));
            rows.add(&finding(Verdict::Alert, "long", &"x".repeat(20_000), second(number)));
        }
        let kept = rows.sorted();
        assert_eq!(kept.iter().filter(|row| row.rule == "short").count(), 1_000);
        let bytes: usize = kept.iter().map(|row| row.reason.len()).sum();
        assert!(bytes <= MOST_BYTES && bytes > MOST_BYTES - 20_000, "{bytes}");
    }
}
