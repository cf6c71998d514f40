//! What there is to say at the end. It stays small whatever was read: counts, and the first of those that are listed.

use std::collections::BTreeMap;

use history::Other;
use rules::foresee::Verdict;

use super::decide::Decided;
use super::files::Part;

/// How many verdicts of a list are kept. The others are counted, and `--json` gives them all.
pub(super) const MOST_LISTED: usize = 1_000;

/// How many actors are counted by name, and how many accounts. Those beyond are counted together.
const MOST_COUNTED: usize = 20_000;
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

/// Everything.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) by_rule: BTreeMap<&'static str, ByVerdict>,
    pub(super) by_account: BTreeMap<String, ByVerdict>,
    pub(super) by_actor: BTreeMap<String, ByVerdict>,
    /// By actor, how many findings the actor's trust would have left alone.
    pub(super) trust: BTreeMap<String, u64>,
    /// What would have been taken back or shut off, and what depends; the first of each.
    pub(super) listed: BTreeMap<Verdict, Vec<Decided>>,
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
            count(&mut self.by_account, account, decided.verdict);
            count(&mut self.by_actor, decided.actor.as_deref().unwrap_or(NOBODY), decided.verdict);
            for exemption in decided.exempted_by.iter().filter(|exemption| exemption.setting == "TrustedActors") {
                if self.trust.len() < MOST_COUNTED || self.trust.contains_key(&exemption.value) {
                    *self.trust.entry(exemption.value.clone()).or_default() += 1;
                }
            }
            let list = match decided.verdict {
                Verdict::Revert | Verdict::Quarantine => Verdict::Revert,
                Verdict::Depends => Verdict::Depends,
                Verdict::Alert | Verdict::Exempt | Verdict::Ignore => continue,
            };
            let list = self.listed.entry(list).or_default();
            if list.len() < MOST_LISTED {
                list.push(decided);
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

fn count(numbers: &mut BTreeMap<String, ByVerdict>, name: &str, verdict: Verdict) {
    let is_counted = numbers.len() < MOST_COUNTED || numbers.contains_key(name);
    let name = if is_counted { name } else { OTHERS };
    *numbers.entry(name.to_owned()).or_default().entry(verdict).or_default() += 1;
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
