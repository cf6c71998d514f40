//! What there is to say at the end. It stays small whatever was read: counts, and the first of those that are listed.

use std::collections::BTreeMap;

use history::Other;
use rules::foresee::Verdict;

use super::decide::Decided;
use super::files::Part;

/// How many verdicts of a list are kept. The others are counted, and `--json` gives them all.
const MOST_LISTED: usize = 1_000;

/// How much text a list keeps, in bytes.
const MOST_TEXT: usize = 8 * 1024 * 1024;

/// How many actors are counted by name, and how many accounts. Those beyond are counted together.
const MOST_COUNTED: usize = 20_000;
/// How much text those names hold at most, in bytes.
const MOST_NAMES: usize = 16 * 1024 * 1024;
pub(super) const OTHERS: &str = "others";

/// What is longer is no account's id. Such are counted together, too.
const LONGEST_ACCOUNT: usize = 100;

/// Where a record names no actor, or no account.
pub(super) const NOBODY: &str = "nobody named";
pub(super) const NO_ACCOUNT: &str = "no account";

/// How much was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Files that were opened.
    pub(super) files: u64,
    /// Those that hold no record, and are whole.
    pub(super) without_records: u64,
    /// Files in folders that are no history, and are not meant to be.
    pub(super) passed_over: u64,
    /// Records that were decided on.
    pub(super) records: u64,
    /// Records that the filter kept out.
    pub(super) left_out: u64,
    /// What else CloudTrail writes.
    pub(super) others: BTreeMap<Other, u64>,
    /// Verdicts `ignore` that are not told.
    pub(super) ignored: u64,
    /// Files and records that could not be read.
    pub(super) not_read: u64,
}

/// Verdicts by their number.
pub(super) type ByVerdict = BTreeMap<Verdict, u64>;

/// What is counted by names that come from records.
#[derive(Default)]
pub(super) struct Numbers<T> {
    pub(super) by_name: BTreeMap<String, T>,
    /// How much text the names hold, in bytes.
    size: usize,
}

/// The first of a list.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) kept: Vec<Decided>,
    /// How much text they hold, in bytes.
    size: usize,
}

/// Everything.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) by_rule: BTreeMap<&'static str, ByVerdict>,
    pub(super) by_account: Numbers<ByVerdict>,
    pub(super) by_actor: Numbers<ByVerdict>,
    /// By actor, how many findings the actor's trust would have left alone.
    pub(super) trust: Numbers<u64>,
    /// What would have been taken back or shut off, and what depends; the first of each.
    pub(super) listed: BTreeMap<Verdict, Listed>,
}

impl Tally {
    pub(super) fn add(&mut self, Part { decided, counts, .. }: Part) {
        self.counts.add(counts);
        for decided in decided.into_iter().filter(|decided| decided.verdict != Verdict::Ignore) {
            *self.by_rule.entry(decided.rule).or_default().entry(decided.verdict).or_default() += 1;
            let account = match decided.account.as_deref() {
                None => NO_ACCOUNT,
                Some(account) if account.len() > LONGEST_ACCOUNT => OTHERS,
                Some(account) => account,
            };
            *self.by_account.of_or_others(account).entry(decided.verdict).or_default() += 1;
            let actor = decided.actor.as_deref().unwrap_or(NOBODY);
            *self.by_actor.of_or_others(actor).entry(decided.verdict).or_default() += 1;
            for exemption in decided.exempted_by.iter().filter(|exemption| exemption.setting == "TrustedActors") {
                if let Some(number) = self.trust.of(&exemption.value) {
                    *number += 1;
                }
            }
            let list = match decided.verdict {
                Verdict::Revert | Verdict::Quarantine => Verdict::Revert,
                Verdict::Depends => Verdict::Depends,
                Verdict::Alert | Verdict::Exempt | Verdict::Ignore => continue,
            };
            let list = self.listed.entry(list).or_default();
            if list.kept.len() < MOST_LISTED && list.size < MOST_TEXT {
                list.size += decided.size();
                list.kept.push(decided);
            }
        }
    }

    /// How many verdicts there are of a kind.
    pub(super) fn number(&self, verdict: Verdict) -> u64 {
        self.by_rule.values().filter_map(|verdicts| verdicts.get(&verdict)).sum()
    }

    /// Whether somebody would have been told of anything.
    pub(super) fn has_findings(&self) -> bool {
        Verdict::ALL.iter().any(|verdict| verdict.is_finding() && self.number(*verdict) > 0)
    }
}

impl<T: Default> Numbers<T> {
    /// What is counted of the name; `None` if it is new and there is no more room.
    fn of(&mut self, name: &str) -> Option<&mut T> {
        if !self.by_name.contains_key(name) {
            if self.by_name.len() >= MOST_COUNTED || self.size + name.len() > MOST_NAMES {
                return None;
            }
            self.size += name.len();
        }
        Some(self.by_name.entry(name.to_owned()).or_default())
    }

    /// What is counted of the name, or of all for which there is no more room.
    fn of_or_others(&mut self, name: &str) -> &mut T {
        let name = if self.of(name).is_some() { name } else { OTHERS };
        self.by_name.entry(name.to_owned()).or_default()
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.without_records += other.without_records;
        self.passed_over += other.passed_over;
        self.records += other.records;
        self.left_out += other.left_out;
        self.ignored += other.ignored;
        self.not_read += other.not_read;
        for (kind, number) in other.others {
            *self.others.entry(kind).or_default() += number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_by_their_number_and_by_their_text() {
        let mut short = Numbers::<u64>::default();
        let mut long = Numbers::<u64>::default();
        for index in 0..30_000 {
            *short.of_or_others(&index.to_string()) += 1;
            *long.of_or_others(&format!("{index}{}", "開".repeat(1_000))) += 1;
        }
        assert_eq!((short.by_name.len(), short.by_name.get(OTHERS)), (MOST_COUNTED + 1, Some(&10_000)));
        let size: usize = long.by_name.keys().map(String::len).sum();
        assert!(size <= MOST_NAMES + OTHERS.len() && size > MOST_NAMES - 5_000, "{size}");
        assert_eq!(long.by_name.values().sum::<u64>(), 30_000);
        // Those that are known go on being counted.
        assert_eq!(short.of("7"), Some(&mut 1));
        assert_eq!(short.of("30000"), None);
    }
}
