//! From an event to what it opened, or found open.

use ipnet::IpNet;
use serde_json::Value;

use super::NAME;
use super::exposure::{Limits, Opening, to_take_away};
use super::traffic::{Source, Traffic};
use crate::command::is_group_id;
use crate::config::ComplianceChange;
use crate::decision::Decision;
use crate::event::{Event, Origin};
use crate::json::{field, items, number, scalar, text};
use crate::language::Localized;
use crate::public::{Family, public_addresses};
use crate::settings::Settings;
use crate::{localized, say};

/// How many rules or entries an event may tell of: AWS lets no group have more rules, in whatever quota, and no list more entries
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>). To compare all with all takes time that somebody else must not decide
/// on, so more than these are told, and not looked at one by one.
pub const MOST: usize = 1_000;

/// What an event opened or found open, with all that its revert needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Rules were added to a group, or changed in it.
    Rules(OpenedRules),
    /// Entries were added to a prefix list.
    Entries(AddedEntries),
    /// AWS Config found the group of this id (`sg-…`) open; by which of its rules is not told.
    Group(String),
}

/// Rules that an event added or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedRules {
    /// The group.
    pub group: GroupRef,
    /// Its rules, as the event tells them. Never empty.
    pub rules: Vec<EventRule>,
    /// Whether the rules were there before and were changed (`ModifySecurityGroupRules`).
    pub changed: bool,
}

/// How an event names a group.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRef {
    /// `sg-…`
    Id(String),
    /// A name, which means the group of that name in the default VPC.
    Name(String),
}

/// A rule as an event tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRule {
    /// `sgr-…`; responses before 2021 don't have it.
    pub id: Option<String>,
    /// What it lets in.
    pub traffic: Traffic,
    /// From where.
    pub source: Source,
}

/// Entries that an event added to a prefix list.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedEntries {
    /// `pl-…`
    pub prefix_list_id: String,
    /// Which entries.
    pub added: Added,
    /// The list's version before the event, if the event tells it.
    pub version_before: Option<i64>,
}

/// Which entries an event added.
#[derive(Clone, Debug, PartialEq)]
pub enum Added {
    /// These (`ModifyManagedPrefixList`). Never empty.
    Ranges(Vec<IpNet>),
    /// Those of this older version that the version before the event lacked (`RestoreManagedPrefixListVersion`).
    Restored(i64),
}

/// Decides on one of the rule's events that succeeded.
pub fn detect(event: &Event, settings: &Settings) -> Decision<Finding> {
    if let Origin::Config(change) = &event.origin {
        return found(event, change);
    }
    match read(event) {
        Ok(found @ Finding::Group(_)) => Decision::Candidate(found),
        Ok(Finding::Rules(opened)) => judge(opened, settings),
        Ok(Finding::Entries(entries)) => match &entries.added {
            Added::Ranges(ranges) if ranges.is_empty() => Decision::Ignore("no entry was added to the list".to_owned()),
            Added::Ranges(ranges) if !any_public(ranges) => {
                Decision::Ignore("the added entries hold no public address".to_owned())
            }
            _ => Decision::Candidate(Finding::Entries(entries)),
        },
        Err(missing) => Decision::Unreadable(missing),
    }
}

/// Decides on what a rule of AWS Config found.
fn found(event: &Event, change: &ComplianceChange) -> Decision<Finding> {
    if let Some(reason) = change.not_for(NAME) {
        return Decision::Ignore(reason);
    }
    if let Some(problem) = event.not_of_this_account() {
        return Decision::Unreadable(problem);
    }
    if !is_group_id(&change.resource_id) {
        return Decision::Unreadable(localized!(
            "`resourceId` in `detail` is not the id of a security group",
            "`detail` の `resourceId` がセキュリティグループの ID ではありません"
        ));
    }
    Decision::Candidate(Finding::Group(change.resource_id.clone()))
}

/// Reads what a call changed, without judging it.
///
/// # Errors
/// Says what was missing or not understood, and where.
pub fn read(event: &Event) -> Result<Finding, Localized> {
    match event.name.as_str() {
        "AuthorizeSecurityGroupIngress" => authorized(event),
        "ModifySecurityGroupRules" => modified(event),
        "ModifyManagedPrefixList" => entries_added(event),
        "RestoreManagedPrefixListVersion" => version_restored(event),
        other => Err(localized!(
            "`{other}` opens no security group",
            "`{other}` はセキュリティグループを開放する呼び出しではありません"
        )),
    }
}

/// Whether the event's rules are wide by themselves, or could be together with others.
fn judge(opened: OpenedRules, settings: &Settings) -> Decision<Finding> {
    let limits = Limits { widest: settings.widest_public, allowed: &settings.allowed_public_ports };
    if opened.rules.iter().all(|rule| matches!(rule.source, Source::Group(_))) {
        return Decision::Ignore("the rules name only other security groups".to_owned());
    }
    let from_public: Vec<&EventRule> = opened.rules.iter().filter(|rule| rule.source.may_be_public()).collect();
    if from_public.is_empty() {
        return Decision::Ignore("the sources hold no public address".to_owned());
    }
    if from_public.iter().all(|rule| limits.allow(&rule.traffic)) {
        return Decision::Ignore("the ports are among AllowedPublicPorts".to_owned());
    }
    let openings: Vec<Opening> = opened.rules.iter().map(|rule| rule.opening("")).collect();
    if to_take_away(&openings, &[], limits).is_empty() {
        Decision::Candidate(Finding::Rules(opened))
    } else {
        Decision::Violation(Finding::Rules(opened))
    }
}

fn any_public(ranges: &[IpNet]) -> bool {
    Family::BOTH.iter().any(|family| public_addresses(*family, ranges) > 0)
}

impl EventRule {
    /// The rule as an opening of `group`, with the ranges that the event itself tells.
    pub fn opening(&self, group: &str) -> Opening {
        let ranges = match &self.source {
            Source::Range(range) => vec![*range],
            Source::PrefixList(_) | Source::Group(_) => Vec::new(),
        };
        let id = self.id.clone().unwrap_or_else(|| format!("{} from {}", self.traffic, self.source));
        Opening::new(&id, group, self.traffic.clone(), ranges)
    }
}

/// `AuthorizeSecurityGroupIngress`: the rules of the response, which have ids, and those of the request that it lacks.
fn authorized(event: &Event) -> Result<Finding, Localized> {
    let answered = items(&event.response, "securityGroupRuleSet");
    let group = text(&event.request, "groupId")
        .or_else(|| answered.iter().find_map(|rule| text(rule, "groupId")))
        .map(GroupRef::Id)
        .or_else(|| text(&event.request, "groupName").map(GroupRef::Name))
        .ok_or_else(|| {
            localized!(
                "no `groupId` and no `groupName` in `requestParameters` or `responseElements`",
                "`requestParameters` にも `responseElements` にも `groupId` または `groupName` がありません"
            )
        })?;
    let number_answered = answered.len();
    not_too_many(number_answered, "responseElements.securityGroupRuleSet")?;
    let mut problem = None;
    let mut rules = Vec::new();
    for answer in answered.into_iter().filter(|rule| text(rule, "isEgress").as_deref() != Some("true")) {
        match single_rule(answer, text(answer, "securityGroupRuleId")) {
            Ok(rule) => rules.push(rule),
            Err(unclear) => problem = Some(placed(&unclear, "responseElements.securityGroupRuleSet")),
        }
    }
    let requested = requested_rules(&event.request);
    not_too_many(requested.as_ref().map_or(0, Vec::len), "requestParameters")?;
    match requested {
        // The request can stand in for what is unclear in the response only if it tells of as many rules.
        Ok(requested) if problem.is_some() && requested.len() < number_answered => problem.map_or(Ok(()), Err)?,
        Ok(requested) => {
            for rule in requested {
                if !rules.iter().any(|known| known.traffic == rule.traffic && known.source == rule.source) {
                    rules.push(rule);
                }
            }
        }
        Err(unclear) if rules.is_empty() => return Err(unclear),
        // The response tells all rules by itself, unless it was unclear too.
        Err(_) => problem.map_or(Ok(()), Err)?,
    }
    Ok(Finding::Rules(OpenedRules { group, rules, changed: false }))
}

/// The rules of a request, in today's form (`ipPermissions`) or the flat one.
fn requested_rules(request: &Value) -> Result<Vec<EventRule>, Localized> {
    let mut rules = Vec::new();
    let mut permissions = items(request, "ipPermissions");
    let is_flat = text(request, "ipProtocol").is_some() || text(request, "cidrIp").is_some();
    if permissions.is_empty() || is_flat {
        permissions.push(request);
    }
    for permission in permissions {
        let traffic = traffic(permission).map_err(|problem| placed(&problem, "requestParameters"))?;
        let before = rules.len();
        let mut sources: Vec<Result<Source, Localized>> = Vec::new();
        for (collection, name) in [("ipRanges", "cidrIp"), ("ipv6Ranges", "cidrIpv6")] {
            for range in items(permission, collection) {
                sources.push(
                    text(range, name).ok_or_else(|| absent(name, collection)).and_then(|text| Source::range(&text)),
                );
            }
        }
        for list in items(permission, "prefixListIds") {
            sources.push(
                text(list, "prefixListId")
                    .map(Source::PrefixList)
                    .ok_or_else(|| absent("prefixListId", "prefixListIds")),
            );
        }
        for group in items(permission, "groups") {
            let named =
                text(group, "groupId").or_else(|| text(group, "groupName")).unwrap_or_else(|| "without id".to_owned());
            sources.push(Ok(Source::Group(named)));
        }
        for name in ["cidrIp", "cidrIpv6"] {
            sources.extend(text(permission, name).map(|range| Source::range(&range)));
        }
        sources.extend(text(permission, "sourceSecurityGroupName").map(|name| Ok(Source::Group(name))));
        for source in sources {
            rules.push(EventRule {
                id: None,
                traffic: traffic.clone(),
                source: source.map_err(|problem| placed(&problem, "requestParameters"))?,
            });
        }
        if rules.len() == before {
            return Err(localized!(
                "no source of addresses in a permission of `requestParameters`",
                "`requestParameters` のアクセス許可にアドレスのソースがありません"
            ));
        }
    }
    Ok(rules)
}

/// `ModifySecurityGroupRules`: one rule is an object, several are a list.
fn modified(event: &Event) -> Result<Finding, Localized> {
    const CALL: &str = "ModifySecurityGroupRulesRequest";
    let request = field(&event.request, CALL);
    let group = text(request, "GroupId").ok_or_else(|| absent("GroupId", CALL))?;
    let mut rules = Vec::new();
    let changes = items(request, "SecurityGroupRule");
    not_too_many(changes.len(), CALL)?;
    for change in changes {
        let id = text(change, "SecurityGroupRuleId").ok_or_else(|| absent("SecurityGroupRuleId", CALL))?;
        let rule =
            single_rule(field(change, "SecurityGroupRule"), Some(id)).map_err(|problem| placed(&problem, CALL))?;
        rules.push(rule);
    }
    if rules.is_empty() {
        return Err(absent("SecurityGroupRule", CALL));
    }
    Ok(Finding::Rules(OpenedRules { group: GroupRef::Id(group), rules, changed: true }))
}

/// `ModifyManagedPrefixList`: one entry is an object, several are a list. An event that only removes or renames adds nothing.
fn entries_added(event: &Event) -> Result<Finding, Localized> {
    const CALL: &str = "ModifyManagedPrefixListRequest";
    let request = field(&event.request, CALL);
    let prefix_list_id = text(request, "PrefixListId").ok_or_else(|| absent("PrefixListId", CALL))?;
    let mut ranges = Vec::new();
    let entries = [items(request, "AddEntry"), items(request, "AddEntries")].concat();
    not_too_many(entries.len(), CALL)?;
    for entry in entries {
        let range = text(entry, "Cidr").ok_or_else(|| absent("Cidr", "AddEntry"))?;
        match Source::range(&range)? {
            Source::Range(range) if !ranges.contains(&range) => ranges.push(range),
            _ => {}
        }
    }
    const KNOWN: [&str; 4] = ["AddEntr", "RemoveEntr", "MaxEntries", "PrefixListName"];
    let names = request.as_object().into_iter().flat_map(|request| request.keys());
    let is_known = |name: &String| {
        KNOWN.iter().any(|known| name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known)))
    };
    if !names.into_iter().any(is_known) {
        return Err(localized!(
            "neither `AddEntry` nor another change in `{CALL}`",
            "`{CALL}` に `AddEntry` もほかの変更もありません"
        ));
    }
    let version_before = number(request, "CurrentVersion")?;
    Ok(Finding::Entries(AddedEntries { prefix_list_id, added: Added::Ranges(ranges), version_before }))
}

/// `RestoreManagedPrefixListVersion`: what it added is the difference between two versions.
fn version_restored(event: &Event) -> Result<Finding, Localized> {
    const CALL: &str = "RestoreManagedPrefixListVersionRequest";
    let request = field(&event.request, CALL);
    let prefix_list_id = text(request, "PrefixListId").ok_or_else(|| absent("PrefixListId", CALL))?;
    let version = |name: &str| number(request, name)?.ok_or_else(|| absent(name, CALL));
    let (added, version_before) = (Added::Restored(version("PreviousVersion")?), Some(version("CurrentVersion")?));
    Ok(Finding::Entries(AddedEntries { prefix_list_id, added, version_before }))
}

/// A rule with one source, as responses and `ModifySecurityGroupRules` tell it.
///
/// # Errors
/// Says what was missing or not understood.
pub fn single_rule(rule: &Value, id: Option<String>) -> Result<EventRule, Localized> {
    let range = text(rule, "cidrIpv4").or_else(|| text(rule, "cidrIpv6"));
    let group = field(rule, "referencedGroupInfo");
    let source = if let Some(range) = range {
        Source::range(&range)?
    } else if let Some(list) = text(rule, "prefixListId") {
        Source::PrefixList(list)
    } else if let Some(group) =
        text(rule, "referencedGroupId").or_else(|| text(group, "groupId")).or_else(|| scalar(group))
    {
        Source::Group(group)
    } else {
        return Err(localized!("no source of addresses in a rule", "ルールにアドレスのソースがありません"));
    };
    Ok(EventRule { id, traffic: traffic(rule)?, source })
}

fn traffic(rule: &Value) -> Result<Traffic, Localized> {
    let protocol =
        text(rule, "ipProtocol").ok_or_else(|| localized!("no `ipProtocol`", "`ipProtocol` がありません"))?;
    Traffic::new(&protocol, number(rule, "fromPort")?, number(rule, "toPort")?)
}

fn not_too_many(number: usize, place: &str) -> Result<(), Localized> {
    match number {
        ..=MOST => Ok(()),
        _ => Err(localized!(
            "`{place}` names {number} rules or entries, and AWS lets there be {MOST}",
            "`{place}` に {number} 件のルールまたはエントリがあり、AWS の上限 {MOST} 件を超えています"
        )),
    }
}

fn absent(name: &str, place: &str) -> Localized {
    localized!("no `{name}` in `{place}`", "`{place}` に `{name}` がありません")
}

/// A problem, and where it is.
fn placed(problem: &Localized, place: &str) -> Localized {
    Localized::new(|language| {
        let problem = problem.of(language);
        say!(language, "{problem} (in `{place}`)", "{problem} (`{place}` 内)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use serde_json::json;

    /// The more an event tells, the safer it must be to decide on it: at its largest it is not compared at all, and told.
    #[test]
    fn more_than_there_can_be_is_told_and_not_looked_at() {
        let ranges = |number: usize| -> Vec<Value> {
            let range = |number: usize| format!("11.{}.{}.{}/32", number >> 16, number >> 8 & 255, number & 255);
            (0..number).map(|number| json!({"cidrIp": range(number), "Cidr": range(number)})).collect()
        };
        let rules = |number: usize| -> Vec<Value> {
            let rule = |port: usize| {
                json!({"securityGroupRuleId": format!("sgr-{port}"), "ipProtocol": "tcp", "fromPort": port % 65_536,
                "toPort": 65_535, "cidrIpv4": "0.0.0.0/0", "SecurityGroupRuleId": "sgr-1", "SecurityGroupRule": {"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}})
            };
            (0..number).map(rule).collect()
        };
        let answered = |number: usize| -> Vec<Value> {
            let mut rules = rules(number - 1);
            rules.push(json!({"groupId": "sg-1", "securityGroupRuleId": "sgr-0", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0"}));
            rules
        };
        let decided = |name: &str, request: Value, response: Value| {
            let event = parse(
                &json!({"eventName": name, "eventSource": "ec2.amazonaws.com", "requestParameters": request, "responseElements": response}),
            );
            detect(&event.unwrap(), &Settings::default())
        };
        for number in [MOST, MOST + 1, 60_000] {
            let permission =
                json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": ranges(number)}});
            let one = json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0"});
            let decisions = [
                decided(
                    "AuthorizeSecurityGroupIngress",
                    json!({"groupId": "sg-1", "ipPermissions": {"items": [permission]}}),
                    json!(null),
                ),
                decided(
                    "AuthorizeSecurityGroupIngress",
                    one,
                    json!({"securityGroupRuleSet": {"items": answered(number)}}),
                ),
                decided(
                    "ModifySecurityGroupRules",
                    json!({"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1", "SecurityGroupRule": rules(number)}}),
                    json!(null),
                ),
                decided(
                    "ModifyManagedPrefixList",
                    json!({"ModifyManagedPrefixListRequest": {"PrefixListId": "pl-1", "AddEntry": ranges(number)}}),
                    json!(null),
                ),
            ];
            for decision in decisions {
                match decision {
                    Decision::Unreadable(missing) if number > MOST => {
                        assert!(missing.to_string().contains(&number.to_string()), "{missing}")
                    }
                    Decision::Violation(_) | Decision::Candidate(_) if number == MOST => {}
                    other => panic!("{number}: {other:?}"),
                }
            }
        }
    }
}
