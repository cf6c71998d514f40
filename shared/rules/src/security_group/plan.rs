//! From what an event opened and what the account is now to what to take away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::IpNet;

use super::detect::{Added, AddedEntries, EventRule, Finding, OpenedRules};
use super::exposure::{Limits, Opening, to_take_away};
use super::traffic::{Source, Traffic};
use crate::language::Language;
use crate::public::{Family, public_addresses};
use crate::say;
use crate::settings::Settings;

/// How many entries one call removes (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedPrefixList.html>).
const MOST_REMOVED: usize = 100;

/// What the account holds, as far as a plan needs it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Inbound rules: of the event's or finding's group, or of every group that names the event's prefix list.
    pub rules: Vec<LiveRule>,
    /// The ids of outbound rules: `ModifySecurityGroupRules` changes both kinds and does not say which.
    pub outbound: BTreeSet<String>,
    /// The prefix lists that those rules name, and the event's own, by id.
    pub prefix_lists: BTreeMap<String, LivePrefixList>,
}

/// An inbound rule as `DescribeSecurityGroupRules` tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRule {
    /// `sgr-…`
    pub id: String,
    /// The group it belongs to.
    pub group_id: String,
    /// What it lets in.
    pub traffic: Traffic,
    /// From where.
    pub source: Source,
}

/// A managed prefix list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LivePrefixList {
    /// The entries now.
    pub entries: Vec<IpNet>,
    /// The version now; AWS's own lists have none.
    pub version: Option<i64>,
    /// Whether this account owns it, so that its entries can be taken out.
    pub is_own: bool,
    /// Whether AWS is still carrying out a change of it, so that its entries may be those from before the event.
    pub is_changing: bool,
    /// The entries before the event, where that version could be read.
    pub entries_before: Option<Vec<IpNet>>,
    /// The entries of the version that the event restored, if it did.
    pub entries_restored: Option<Vec<IpNet>>,
}

/// One change to the account.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `RevokeSecurityGroupIngress` by rule ids: touches these rules and no others.
    RevokeRules {
        /// The group.
        group_id: String,
        /// Its rules, never none.
        rules: Vec<LiveRule>,
    },
    /// `ModifyManagedPrefixList` with `RemoveEntries`.
    RemoveEntries {
        /// The list.
        prefix_list_id: String,
        /// The version that the removal is based on: if the list has changed since, AWS refuses.
        version: Option<i64>,
        /// The entries, never none.
        entries: Vec<IpNet>,
    },
}

/// What is to be done, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How the account stands.
    pub situation: Situation,
    /// The changes to make; empty unless the situation is [`Situation::Open`].
    pub actions: Vec<Action>,
    /// Rules that name the event's prefix list: what its entries open.
    pub naming: Vec<LiveRule>,
    /// Rules that expose a group of this finding and aren't the event's: they stay.
    pub older: Vec<LiveRule>,
}

/// How the account stands towards an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// What the event opened is open to the world.
    Open,
    /// It was, going by the event, and no longer is.
    Gone,
    /// It neither is nor was.
    NotOpen,
    /// A prefix list with entries of the event is wider than a group may be, and no group names it, so that nothing is open.
    /// It may have been, if the rules were revoked since.
    Unnamed,
}

/// Whether entries of a prefix list are taken out, or the rules that name it are revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Take out the entries that the event added.
    TakeOutEntries,
    /// Revoke rules that name the list: where its entries can't be taken out.
    RevokeRules,
}

/// Plans for one finding. The same inputs give the same plan, and nothing is left to plan once it is carried out, but for entries
/// beyond the number that one call removes.
pub fn plan(finding: &Finding, live: &Live, settings: &Settings, remedy: Remedy) -> Plan {
    let limits = Limits { widest: settings.widest_public, allowed: &settings.allowed_public_ports };
    match finding {
        Finding::Rules(opened) => plan_rules(opened, live, limits),
        Finding::Entries(entries) => plan_entries(entries, live, limits, remedy),
        Finding::Group(_) => plan_group(live, limits),
    }
}

/// All rules of the group are what was found.
fn plan_group(live: &Live, limits: Limits<'_>) -> Plan {
    let taken = exposing(live.rules.iter(), &[], live, limits);
    let situation = if taken.is_empty() { Situation::NotOpen } else { Situation::Open };
    Plan { situation, actions: revocations(taken), naming: Vec::new(), older: Vec::new() }
}

/// Why there is nothing to take away from a group that AWS Config found open, for the log.
pub fn why_not_open(live: &Live, settings: &Settings) -> String {
    let from_public = live
        .rules
        .iter()
        .filter(|rule| Family::BOTH.iter().any(|family| public_addresses(*family, &live.ranges(&rule.source)) > 0));
    let from_public: Vec<&LiveRule> = from_public.collect();
    let limits = Limits { widest: settings.widest_public, allowed: &settings.allowed_public_ports };
    if from_public.is_empty() {
        "the group is gone, or no inbound rule of it holds a public address".to_owned()
    } else if from_public.iter().all(|rule| limits.allow(&rule.traffic)) {
        "what it lets in from public addresses is among AllowedPublicPorts".to_owned()
    } else {
        "the public addresses that it lets in are no more than WidestPublicIpv4Prefix and WidestPublicIpv6Prefix allow, \
         but for AllowedPublicPorts"
            .to_owned()
    }
}

fn plan_rules(opened: &OpenedRules, live: &Live, limits: Limits<'_>) -> Plan {
    let is_own = |rule: &LiveRule| opened.rules.iter().any(|told| told.is(rule));
    let is_outbound = |told: &EventRule| told.id.as_ref().is_some_and(|id| live.outbound.contains(id));
    let (own, others): (Vec<&LiveRule>, Vec<&LiveRule>) = live.rules.iter().partition(|rule| is_own(rule));
    let own_openings: Vec<Opening> = own.iter().map(|rule| live.opening(rule)).collect();
    let other_openings: Vec<Opening> = others.iter().map(|rule| live.opening(rule)).collect();
    let taken: Vec<LiveRule> = to_take_away(&own_openings, &other_openings, limits)
        .into_iter()
        .filter_map(|index| own.get(index).map(|rule| (*rule).clone()))
        .collect();

    let was_open = || {
        let group = live.rules.first().map_or("", |rule| &rule.group_id);
        let told = opened.rules.iter().filter(|rule| !is_outbound(rule));
        let told: Vec<&EventRule> = told.collect();
        // What a list held that is gone by now is not to be known. In doubt it was open.
        let names_lost_list = told.iter().any(|rule| {
            let is_lost = |id| !live.prefix_lists.contains_key(id) && !limits.allow(&rule.traffic);
            rule.source.prefix_list().is_some_and(is_lost)
        });
        let told: Vec<Opening> = told.into_iter().map(|rule| live.told_opening(rule, group)).collect();
        names_lost_list || !to_take_away(&told, &other_openings, limits).is_empty()
    };
    let situation = match taken.is_empty() {
        false => Situation::Open,
        true if was_open() => Situation::Gone,
        true => Situation::NotOpen,
    };
    let kept: Vec<Opening> = own.iter().filter(|rule| !taken.contains(rule)).map(|rule| live.opening(rule)).collect();
    let older = exposing(others.into_iter(), &kept, live, limits);
    Plan { situation, actions: revocations(taken), naming: Vec::new(), older }
}

fn plan_entries(entries: &AddedEntries, live: &Live, limits: Limits<'_>, remedy: Remedy) -> Plan {
    let id = &entries.prefix_list_id;
    let names_list = |rule: &&LiveRule| rule.source.prefix_list() == Some(id);
    let Some(list) = live.prefix_lists.get(id) else {
        let (actions, naming, older) = Default::default();
        return Plan { situation: Situation::NotOpen, actions, naming, older };
    };
    let (naming, others): (Vec<&LiveRule>, Vec<&LiveRule>) = live.rules.iter().partition(names_list);
    let plan = |situation, actions, older| {
        let naming = naming.iter().map(|rule| (*rule).clone()).collect();
        Plan { situation, actions, naming, older }
    };
    let others: Vec<Opening> = others.into_iter().map(|rule| live.opening(rule)).collect();
    let before = list.entries_before.as_deref().unwrap_or_default();
    let added: Vec<IpNet> = match &entries.added {
        Added::Ranges(ranges) => ranges.iter().filter(|range| !before.contains(range)).copied().collect(),
        Added::Restored(_) => {
            let restored = list.entries_restored.as_deref().unwrap_or_default();
            restored.iter().filter(|range| !before.contains(range)).copied().collect()
        }
    };
    let mut opens: BTreeMap<String, Vec<Traffic>> = BTreeMap::new();
    for rule in &naming {
        opens.entry(rule.group_id.clone()).or_default().push(rule.traffic.clone());
    }
    let entry_opening = |range: &IpNet| Opening { id: range.to_string(), opens: opens.clone(), ranges: vec![*range] };
    let (own_entries, other_entries): (Vec<IpNet>, Vec<IpNet>) =
        list.entries.iter().partition(|range| added.contains(range));
    let beside: Vec<Opening> = others.iter().cloned().chain(other_entries.iter().map(entry_opening)).collect();

    let own: Vec<Opening> = own_entries.iter().map(entry_opening).collect();
    let taken = to_take_away(&own, &beside, limits).into_iter();
    let mut taken: Vec<IpNet> = taken.filter_map(|index| own_entries.get(index).copied()).collect();
    // Shorter prefixes first; what is left over is the next plan's.
    taken.sort_by_key(|range| (range.prefix_len(), *range));
    taken.truncate(MOST_REMOVED);
    if taken.is_empty() {
        let told: Vec<Opening> = added.iter().map(entry_opening).collect();
        let was_open = !to_take_away(&told, &beside, limits).is_empty();
        let is_wide = Family::BOTH.iter().any(|family| {
            public_addresses(*family, &own_entries) > 0 && limits.widest.is_exceeded_by(*family, &list.entries)
        });
        let situation = match was_open {
            true => Situation::Gone,
            false if naming.is_empty() && is_wide => Situation::Unnamed,
            false => Situation::NotOpen,
        };
        let older = if was_open { exposing(live.rules.iter(), &[], live, limits) } else { Vec::new() };
        return plan(situation, Vec::new(), older);
    }

    if remedy == Remedy::RevokeRules || !list.is_own {
        let naming_openings: Vec<Opening> = naming.iter().map(|rule| live.opening(rule)).collect();
        let revoked: Vec<LiveRule> = to_take_away(&naming_openings, &others, limits)
            .into_iter()
            .filter_map(|index| naming.get(index).map(|rule| (*rule).clone()))
            .collect();
        let left = live.rules.iter().filter(|rule| !revoked.contains(rule));
        let older = exposing(left, &[], live, limits);
        return plan(Situation::Open, revocations(revoked), older);
    }
    let mut afterwards = live.clone();
    if let Some(list) = afterwards.prefix_lists.get_mut(id) {
        list.entries.retain(|range| !taken.contains(range));
    }
    let action = Action::RemoveEntries { prefix_list_id: id.clone(), version: list.version, entries: taken };
    let older = exposing(live.rules.iter(), &[], &afterwards, limits);
    plan(Situation::Open, vec![action], older)
}

/// One action per group.
fn revocations(rules: Vec<LiveRule>) -> Vec<Action> {
    let mut by_group: BTreeMap<String, Vec<LiveRule>> = BTreeMap::new();
    for rule in rules {
        by_group.entry(rule.group_id.clone()).or_default().push(rule);
    }
    by_group.into_iter().map(|(group_id, rules)| Action::RevokeRules { group_id, rules }).collect()
}

/// Which of `rules` would have to go for their groups not to be open to the world, `beside` staying.
fn exposing<'a>(
    rules: impl Iterator<Item = &'a LiveRule>,
    beside: &[Opening],
    live: &Live,
    limits: Limits<'_>,
) -> Vec<LiveRule> {
    let rules: Vec<&LiveRule> = rules.collect();
    let openings: Vec<Opening> = rules.iter().map(|rule| live.opening(rule)).collect();
    let taken = to_take_away(&openings, beside, limits).into_iter();
    taken.filter_map(|index| rules.get(index).map(|rule| (*rule).clone())).collect()
}

impl EventRule {
    /// Whether this is the live rule, as the event left it: the same content, and the same id where the event has ids. AWS refuses
    /// a second rule of the same content, so that content names one rule only. A rule whose content is another by now was
    /// changed by somebody else, whose event is judged by itself, or is still shown as it was before.
    pub fn is(&self, rule: &LiveRule) -> bool {
        let same_id = self.id.as_ref().is_none_or(|id| *id == rule.id);
        same_id && self.traffic == rule.traffic && self.source == rule.source
    }
}

impl Live {
    fn opening(&self, rule: &LiveRule) -> Opening {
        Opening::new(&rule.id, &rule.group_id, rule.traffic.clone(), self.ranges(&rule.source))
    }

    /// A rule as the event tells it, prefix lists being as they are now.
    fn told_opening(&self, rule: &EventRule, group: &str) -> Opening {
        Opening { ranges: self.ranges(&rule.source), ..rule.opening(group) }
    }

    fn ranges(&self, source: &Source) -> Vec<IpNet> {
        match source {
            Source::Range(range) => vec![*range],
            Source::PrefixList(id) => self.prefix_lists.get(id).map(|list| list.entries.clone()).unwrap_or_default(),
            Source::Group(_) => Vec::new(),
        }
    }

    /// Whether a rule names the prefix list.
    pub fn names(&self, prefix_list_id: &str) -> bool {
        self.rules.iter().any(|rule| rule.source.prefix_list() == Some(prefix_list_id))
    }

    /// The prefix lists that the rules name.
    pub fn named_prefix_lists(&self) -> BTreeSet<String> {
        let lists = self.rules.iter().filter_map(|rule| rule.source.prefix_list().map(str::to_owned));
        lists.collect()
    }
}

impl Action {
    /// A line for each rule or entry that it takes away.
    pub fn lines(&self, language: Language) -> Vec<String> {
        match self {
            Self::RevokeRules { group_id, rules } => {
                let line = |rule: &LiveRule| {
                    let rule = rule.of(language);
                    say!(language, "  - revoke from {group_id}: {rule}", "  - {group_id} のルールを削除する: {rule}")
                };
                rules.iter().map(line).collect()
            }
            Self::RemoveEntries { prefix_list_id, entries, .. } => {
                let line = |range: &IpNet| {
                    say!(
                        language,
                        "  - take out of {prefix_list_id}: {range}",
                        "  - {prefix_list_id} からエントリを削除する: {range}"
                    )
                };
                entries.iter().map(line).collect()
            }
        }
    }

    /// What was done, in the past tense.
    pub fn past(&self, language: Language) -> String {
        match self {
            Self::RevokeRules { group_id, rules } => {
                let rules = rules.iter().map(|rule| rule.of(language)).collect::<Vec<_>>().join("; ");
                say!(
                    language,
                    "Revoked from {group_id}: {rules}.",
                    "{group_id} のインバウンドルールを削除しました: {rules}"
                )
            }
            Self::RemoveEntries { prefix_list_id, entries, .. } => {
                let entries = entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                say!(
                    language,
                    "Took out of {prefix_list_id}: {entries}.",
                    "{prefix_list_id} からエントリを削除しました: {entries}"
                )
            }
        }
    }

    /// The IAM action that it needs.
    pub fn permission(&self) -> &'static str {
        match self {
            Self::RevokeRules { .. } => "ec2:RevokeSecurityGroupIngress",
            Self::RemoveEntries { .. } => "ec2:ModifyManagedPrefixList",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RevokeRules { group_id, rules } => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                write!(formatter, "revoke from {group_id}: {}", rules.join("; "))
            }
            Self::RemoveEntries { prefix_list_id, entries, .. } => {
                let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
                write!(formatter, "take out of {prefix_list_id}: {}", entries.join(", "))
            }
        }
    }
}

impl LiveRule {
    /// What it is, in a mail's language.
    pub fn of(&self, language: Language) -> String {
        let (id, traffic, source) = (&self.id, self.traffic.of(language), self.source.of(language));
        say!(language, "{id} ({traffic} from {source})", "{id} ({traffic}、ソース: {source})")
    }
}

impl fmt::Display for LiveRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(Language::English))
    }
}
