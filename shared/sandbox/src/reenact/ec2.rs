//! Re-enacting calls on security groups and prefix lists.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    AddPrefixListEntry, Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule,
    SecurityGroupRuleRequest, SecurityGroupRuleUpdate, UserIdGroupPair,
};
use ipnet::IpNet;
use rules::event::{self, Event};
use rules::json::{field, items, number, text};
use rules::security_group::detect::{Finding, GroupRef, read, single_rule};
use rules::security_group::exposure::Opening;
use rules::security_group::plan::LiveRule;
use rules::security_group::traffic::Source;
use rules::text::quote;
use runtime::CallError;
use runtime::clients::in_region;
use security_group::account::live_rule;
use serde_json::{Value, json};

use super::{ReenactError, not_enough, record_mut};

/// How many entries a prefix list made for a re-enactment has room for.
const ROOM_FOR_ENTRIES: i32 = 60;

/// The calls that can be made again.
pub(super) const CALLS: &[&str] = &[
    "AuthorizeSecurityGroupIngress",
    "RevokeSecurityGroupIngress",
    "ModifySecurityGroupRules",
    "ModifyManagedPrefixList",
    "RestoreManagedPrefixListVersion",
];

/// What the groups and prefix lists of a re-enactment hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Inbound rules by id, each with its description.
    pub rules: BTreeMap<String, (LiveRule, Option<String>)>,
    /// The entries of each prefix list.
    pub prefix_lists: BTreeMap<String, BTreeSet<IpNet>>,
}

impl State {
    /// A line for each rule and entry.
    pub fn lines(&self) -> BTreeSet<String> {
        let rules = self.rules.values().map(|(rule, description)| {
            let description = description.as_ref().map_or_else(String::new, |text| format!(" \"{}\"", quote(text)));
            format!("{} {} {} from {}{description}", rule.group_id, rule.id, rule.traffic, rule.source)
        });
        let entries = self
            .prefix_lists
            .iter()
            .flat_map(|(list, entries)| entries.iter().map(move |entry| format!("{list} {entry}")));
        rules.chain(entries).collect()
    }

    /// The rules as openings, prefix lists being expanded.
    pub fn openings(&self) -> Vec<Opening> {
        let opening = |(rule, _): &(LiveRule, Option<String>)| {
            let ranges = match &rule.source {
                Source::Range(range) => vec![*range],
                Source::PrefixList(list) => self.prefix_lists.get(list).into_iter().flatten().copied().collect(),
                Source::Group(_) => Vec::new(),
            };
            Opening::new(&rule.id, &rule.group_id, rule.traffic.clone(), ranges)
        };
        self.rules.values().map(opening).collect()
    }
}

/// The security groups and prefix lists of one scenario.
pub(super) struct Ec2 {
    config: SdkConfig,
    scenario: Vec<Value>,
    prefix: String,
    /// Recorded ids and the account's.
    ids: BTreeMap<String, String>,
    /// Recorded versions of prefix lists, by the account's list, and the account's versions.
    versions: BTreeMap<(String, i64), i64>,
    groups: Vec<Group>,
    prefix_lists: Vec<(String, String)>,
    may_use_existing: bool,
}

/// A group that a scenario uses.
struct Group {
    region: String,
    id: String,
    /// Whether it was there before, so that it stays.
    is_existing: bool,
}

impl Ec2 {
    pub(super) fn new(config: SdkConfig, scenario: &[Value], prefix: &str, may_use_existing: bool) -> Self {
        Self {
            config,
            scenario: scenario.to_vec(),
            prefix: prefix.to_owned(),
            ids: BTreeMap::new(),
            versions: BTreeMap::new(),
            groups: Vec::new(),
            prefix_lists: Vec::new(),
            may_use_existing,
        }
    }

    /// Creates what the call needs.
    pub(super) async fn prepare(&mut self, event: &Event, region: &str) -> Result<Prepared, ReenactError> {
        let client = self.client(region)?;
        match event.name.as_str() {
            "AuthorizeSecurityGroupIngress" => self.prepare_authorize(&client, region, event).await,
            "RevokeSecurityGroupIngress" => self.prepare_revoke(&client, region, event).await,
            "ModifySecurityGroupRules" => self.prepare_modify_rules(&client, region, event).await,
            "ModifyManagedPrefixList" => self.prepare_modify_list(&client, region, event).await,
            _ => self.prepare_restore(&client, region, event).await,
        }
    }

    /// What the scenario's groups and prefix lists hold now.
    pub(super) async fn state(&self) -> Result<State, ReenactError> {
        let mut state = State::default();
        for Group { region, id, .. } in &self.groups {
            for rule in self.rules(&self.client(region)?, id).await? {
                let live = live_rule(&rule).map_err(|problem| not_enough(&problem.to_string()))?;
                state.rules.insert(live.id.clone(), (live, rule.description));
            }
        }
        for (region, list) in &self.prefix_lists {
            let entries = self.entries(&self.client(region)?, list).await?;
            let ranges = entries.iter().filter_map(|entry| entry.parse().ok());
            state.prefix_lists.insert(list.clone(), ranges.collect());
        }
        Ok(state)
    }

    /// Deletes what was created, and says what could not be.
    pub(super) async fn clean_up(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        // Groups may name each other, so a second round may succeed where the first did not.
        for last in [false, true] {
            let mut kept = Vec::new();
            for group in std::mem::take(&mut self.groups).into_iter().filter(|group| !group.is_existing) {
                let Ok(client) = self.client(&group.region) else { continue };
                match client.delete_security_group().group_id(&group.id).send().await {
                    Ok(_) => {}
                    Err(error) if last => {
                        let error = CallError::new("DeleteSecurityGroup", &error);
                        left.push(format!("{} in {}: {error}", group.id, group.region));
                    }
                    Err(_) => kept.push(group),
                }
            }
            self.groups = kept;
        }
        for (region, list) in std::mem::take(&mut self.prefix_lists) {
            let Ok(client) = self.client(&region) else { continue };
            if let Err(error) = client.delete_managed_prefix_list().prefix_list_id(&list).send().await {
                left.push(format!("{list} in {region}: {}", CallError::new("DeleteManagedPrefixList", &error)));
            }
        }
        self.ids.clear();
        left
    }

    async fn prepare_authorize(
        &mut self,
        client: &Client,
        region: &str,
        event: &Event,
    ) -> Result<Prepared, ReenactError> {
        let Finding::Rules(opened) = read(event).map_err(|problem| not_enough(&problem.to_string()))? else {
            return Err(not_enough("the event adds no rules"));
        };
        let group = match &opened.group {
            GroupRef::Id(id) => self.ensure_group(client, region, id, None).await?,
            GroupRef::Name(name) => self.ensure_group(client, region, name, Some(name)).await?,
        };
        self.ensure_named(client, region, &event.request).await?;
        Ok(Prepared { group, rules: Vec::new() })
    }

    async fn prepare_revoke(&mut self, client: &Client, region: &str, event: &Event) -> Result<Prepared, ReenactError> {
        let id = text(&event.request, "groupId").ok_or_else(|| not_enough("no `groupId` in `requestParameters`"))?;
        let group = self.ensure_group(client, region, &id, None).await?;
        self.ensure_named(client, region, &event.request).await?;
        self.ensure_named(client, region, &event.response).await?;
        let recorded: Vec<String> = items(&event.request, "securityGroupRuleIds")
            .iter()
            .filter_map(|item| text(item, "securityGroupRuleId"))
            .collect();
        let revoked = items(&event.response, "revokedSecurityGroupRuleSet");
        let mut rules = Vec::new();
        for id in &recorded {
            if let Some(known) = self.ids.get(id) {
                rules.push(known.clone());
                continue;
            }
            let revoked = revoked.iter().find(|rule| text(rule, "securityGroupRuleId").as_ref() == Some(id));
            let revoked = revoked.ok_or_else(|| not_enough(&format!("the event does not say what rule `{id}` was")))?;
            let mut permission = (*revoked).clone();
            self.map_ids(&mut permission);
            let made = self.authorize(client, &group, vec![single_permission(&permission)?]).await?;
            let made = made.first().and_then(|rule| rule.security_group_rule_id()).unwrap_or_default().to_owned();
            self.ids.insert(id.clone(), made.clone());
            rules.push(made);
        }
        if recorded.is_empty() {
            let made = self.authorize(client, &group, self.permissions(&event.request)?).await?;
            rules.extend(made.iter().filter_map(|rule| rule.security_group_rule_id().map(str::to_owned)));
        }
        Ok(Prepared { group, rules })
    }

    async fn prepare_modify_rules(
        &mut self,
        client: &Client,
        region: &str,
        event: &Event,
    ) -> Result<Prepared, ReenactError> {
        let request = field(&event.request, "ModifySecurityGroupRulesRequest").clone();
        let id =
            text(&request, "GroupId").ok_or_else(|| not_enough("no `GroupId` in `ModifySecurityGroupRulesRequest`"))?;
        let group = self.ensure_group(client, region, &id, None).await?;
        self.ensure_named(client, region, &request).await?;
        let mut rules = Vec::new();
        for (index, change) in items(&request, "SecurityGroupRule").into_iter().enumerate() {
            let id = text(change, "SecurityGroupRuleId")
                .ok_or_else(|| not_enough("a change has no `SecurityGroupRuleId`"))?;
            if !self.ids.contains_key(&id) {
                let made = self
                    .authorize(client, &group, vec![self.rule_before(field(change, "SecurityGroupRule"), index)?])
                    .await?;
                let made = made.first().and_then(|rule| rule.security_group_rule_id()).unwrap_or_default();
                self.ids.insert(id.clone(), made.to_owned());
            }
            rules.extend(self.ids.get(&id).cloned());
        }
        Ok(Prepared { group, rules })
    }

    /// A rule that the recorded change can turn into what it became: the event does not hold what it was.
    fn rule_before(&self, change: &Value, index: usize) -> Result<IpPermission, ReenactError> {
        const DESCRIPTION: &str = "what the event changed";
        let mut before = change.clone();
        self.map_ids(&mut before);
        if let Some(before) = before.as_object_mut() {
            let documentation_address = match change.get("CidrIpv6").or_else(|| change.get("cidrIpv6")) {
                Some(_) => ("CidrIpv6", format!("2001:db8::{:x}/128", index + 1)),
                None => ("CidrIpv4", format!("192.0.2.{}/32", index % 250 + 1)),
            };
            let is_range = |name: &str| name.eq_ignore_ascii_case("CidrIpv4") || name.eq_ignore_ascii_case("CidrIpv6");
            if before.keys().any(|name| is_range(name)) {
                before.retain(|name, _| !is_range(name));
                before.insert(documentation_address.0.to_owned(), json!(documentation_address.1));
            }
            before.insert("description".to_owned(), json!(DESCRIPTION));
        }
        single_permission(&before)
    }

    async fn prepare_modify_list(
        &mut self,
        client: &Client,
        region: &str,
        event: &Event,
    ) -> Result<Prepared, ReenactError> {
        let request = field(&event.request, "ModifyManagedPrefixListRequest");
        let id = text(request, "PrefixListId").ok_or_else(|| not_enough("no `PrefixListId` in the request"))?;
        let list = self.ensure_prefix_list(client, region, &id).await?;
        let there = self.entries(client, &list).await?;
        let removed = entry_ranges(request, ["RemoveEntry", "RemoveEntries"]);
        let missing: Vec<String> = removed.into_iter().filter(|range| !there.contains(range)).collect();
        if !missing.is_empty() {
            self.modify_list(client, &list, &missing, &[]).await?;
        }
        Ok(Prepared { group: list, rules: Vec::new() })
    }

    async fn prepare_restore(
        &mut self,
        client: &Client,
        region: &str,
        event: &Event,
    ) -> Result<Prepared, ReenactError> {
        let request = field(&event.request, "RestoreManagedPrefixListVersionRequest");
        let id = text(request, "PrefixListId").ok_or_else(|| not_enough("no `PrefixListId` in the request"))?;
        let list = self.ensure_prefix_list(client, region, &id).await?;
        Ok(Prepared { group: list, rules: Vec::new() })
    }

    /// Makes the call itself and notes in `mapped` what the account answered.
    pub(super) async fn make(
        &mut self,
        event: &Event,
        region: &str,
        prepared: Prepared,
        mapped: &mut Value,
    ) -> Result<(), ReenactError> {
        let Prepared { group: object, rules } = prepared;
        let client = &self.client(region)?;
        match event.name.as_str() {
            "AuthorizeSecurityGroupIngress" => {
                let made = self.authorize(client, &object, self.permissions(&event.request)?).await?;
                for recorded in items(&event.response, "securityGroupRuleSet") {
                    let Some(id) = text(recorded, "securityGroupRuleId") else {
                        continue;
                    };
                    let mut recorded = recorded.clone();
                    self.map_ids(&mut recorded);
                    let told = single_rule(&recorded, None).map_err(|problem| not_enough(&problem.to_string()))?;
                    let same = made.iter().filter_map(|rule| live_rule(rule).ok()).find(|rule| told.is(rule));
                    let same =
                        same.ok_or_else(|| not_enough(&format!("rule `{id}` of the response is not in the request")))?;
                    self.ids.insert(id, same.id);
                }
            }
            "RevokeSecurityGroupIngress" => {
                let request =
                    client.revoke_security_group_ingress().group_id(&object).set_security_group_rule_ids(Some(rules));
                request.send().await.map_err(|error| CallError::new("RevokeSecurityGroupIngress", &error))?;
            }
            "ModifySecurityGroupRules" => {
                let request = field(&event.request, "ModifySecurityGroupRulesRequest");
                let mut call = client.modify_security_group_rules().group_id(&object);
                for (change, id) in items(request, "SecurityGroupRule").into_iter().zip(rules) {
                    let mut change = field(change, "SecurityGroupRule").clone();
                    self.map_ids(&mut change);
                    let rule = SecurityGroupRuleRequest::builder()
                        .set_ip_protocol(text(&change, "IpProtocol"))
                        .set_from_port(port(&change, "FromPort")?)
                        .set_to_port(port(&change, "ToPort")?)
                        .set_cidr_ipv4(text(&change, "CidrIpv4"))
                        .set_cidr_ipv6(text(&change, "CidrIpv6"))
                        .set_prefix_list_id(text(&change, "PrefixListId"))
                        .set_referenced_group_id(text(&change, "ReferencedGroupId"))
                        .set_description(text(&change, "Description"));
                    let update =
                        SecurityGroupRuleUpdate::builder().security_group_rule_id(id).security_group_rule(rule.build());
                    call = call.security_group_rules(update.build());
                }
                call.send().await.map_err(|error| CallError::new("ModifySecurityGroupRules", &error))?;
            }
            "ModifyManagedPrefixList" => {
                let request = field(&event.request, "ModifyManagedPrefixListRequest");
                let added = entry_ranges(request, ["AddEntry", "AddEntries"]);
                let removed = entry_ranges(request, ["RemoveEntry", "RemoveEntries"]);
                let recorded = number(request, "CurrentVersion").map_err(|problem| not_enough(&problem.to_string()))?;
                let (before, after) = self.modify_list(client, &object, &added, &removed).await?;
                if let Some(recorded) = recorded {
                    self.versions.insert((object.clone(), recorded), before);
                    self.versions.insert((object, recorded + 1), after);
                    set_number(record_mut(mapped), "ModifyManagedPrefixListRequest", "CurrentVersion", before);
                }
            }
            _ => {
                let request = field(&event.request, "RestoreManagedPrefixListVersionRequest");
                let recorded = |name: &str| {
                    let version = number(request, name).map_err(|problem| not_enough(&problem.to_string()))?;
                    let version = version.ok_or_else(|| not_enough(&format!("no `{name}` in the request")))?;
                    let known = self.versions.get(&(object.clone(), version)).copied();
                    known.ok_or_else(|| {
                        not_enough(&format!("the event does not say what version {version} of the list held"))
                    })
                };
                let (previous, current) = (recorded("PreviousVersion")?, recorded("CurrentVersion")?);
                let call = client.restore_managed_prefix_list_version().prefix_list_id(&object);
                let call = call.previous_version(previous).current_version(current).send().await;
                call.map_err(|error| CallError::new("RestoreManagedPrefixListVersion", &error))?;
                let record = record_mut(mapped);
                set_number(record, "RestoreManagedPrefixListVersionRequest", "PreviousVersion", previous);
                set_number(record, "RestoreManagedPrefixListVersionRequest", "CurrentVersion", current);
            }
        }
        Ok(())
    }

    /// The account's group for a recorded one, created if it is the first time; of that name, if the event names it so.
    async fn ensure_group(
        &mut self,
        client: &Client,
        region: &str,
        recorded: &str,
        name: Option<&str>,
    ) -> Result<String, ReenactError> {
        if let Some(known) = self.ids.get(recorded) {
            return Ok(known.clone());
        }
        let own_name = format!("{}-{}", self.prefix, self.ids.len());
        let call = client.create_security_group().group_name(name.unwrap_or(&own_name));
        let made = call.description("made by snapback replay").send().await;
        let (id, is_existing) = match made {
            Ok(made) => (made.group_id().unwrap_or_default().to_owned(), false),
            Err(error) => {
                let error = CallError::new("CreateSecurityGroup", &error);
                let name = name.filter(|_| error.code.as_deref() == Some("InvalidGroup.Duplicate"));
                let Some(name) = name else { return Err(error.into()) };
                if !self.may_use_existing {
                    let problem = format!("a group named `{name}` is in that account already, and is left alone");
                    return Err(ReenactError::NotEnough(problem));
                }
                let found = client.describe_security_groups().group_names(name).send().await;
                let found = found.map_err(|error| CallError::new("DescribeSecurityGroups", &error))?;
                let id = found.security_groups().first().and_then(|group| group.group_id());
                (id.unwrap_or_default().to_owned(), true)
            }
        };
        if !self.groups.iter().any(|group| group.id == id) {
            self.groups.push(Group { region: region.to_owned(), id: id.clone(), is_existing });
        }
        // A name stays a name in the event.
        if name.is_none() {
            self.ids.insert(recorded.to_owned(), id.clone());
        }
        Ok(id)
    }

    async fn ensure_prefix_list(
        &mut self,
        client: &Client,
        region: &str,
        recorded: &str,
    ) -> Result<String, ReenactError> {
        if let Some(known) = self.ids.get(recorded) {
            return Ok(known.clone());
        }
        let is_ipv6 = self.scenario.iter().any(|raw| {
            let Ok(event) = event::parse(raw) else { return false };
            let request = field(&event.request, "ModifyManagedPrefixListRequest");
            text(request, "PrefixListId").as_deref() == Some(recorded)
                && entry_ranges(request, ["AddEntry", "AddEntries"]).iter().any(|range| range.contains(':'))
        });
        let call = client.create_managed_prefix_list().prefix_list_name(format!("{}-{}", self.prefix, self.ids.len()));
        let call = call.max_entries(ROOM_FOR_ENTRIES).address_family(if is_ipv6 { "IPv6" } else { "IPv4" });
        let made = call.send().await.map_err(|error| CallError::new("CreateManagedPrefixList", &error))?;
        let id = made.prefix_list().and_then(|list| list.prefix_list_id()).unwrap_or_default().to_owned();
        self.prefix_lists.push((region.to_owned(), id.clone()));
        self.ids.insert(recorded.to_owned(), id.clone());
        Ok(id)
    }

    /// Creates every group and prefix list that a request names by id.
    async fn ensure_named(&mut self, client: &Client, region: &str, request: &Value) -> Result<(), ReenactError> {
        let mut named = BTreeSet::new();
        strings(request, &mut named);
        for name in named {
            if name.starts_with("sg-") {
                self.ensure_group(client, region, &name, None).await?;
            } else if name.starts_with("pl-") {
                self.ensure_prefix_list(client, region, &name).await?;
            }
        }
        Ok(())
    }

    async fn authorize(
        &self,
        client: &Client,
        group: &str,
        permissions: Vec<IpPermission>,
    ) -> Result<Vec<SecurityGroupRule>, ReenactError> {
        let call = client.authorize_security_group_ingress().group_id(group).set_ip_permissions(Some(permissions));
        let made = call.send().await.map_err(|error| CallError::new("AuthorizeSecurityGroupIngress", &error))?;
        Ok(made.security_group_rules().to_vec())
    }

    /// Adds and removes entries; gives the version before and after.
    async fn modify_list(
        &self,
        client: &Client,
        list: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<(i64, i64), ReenactError> {
        const CALL: &str = "ModifyManagedPrefixList";
        let described = client.describe_managed_prefix_lists().prefix_list_ids(list).send().await;
        let described = described.map_err(|error| CallError::new("DescribeManagedPrefixLists", &error))?;
        let before = described.prefix_lists().first().and_then(|list| list.version()).unwrap_or(1);
        let mut call = client.modify_managed_prefix_list().prefix_list_id(list).current_version(before);
        for range in add {
            call = call.add_entries(AddPrefixListEntry::builder().cidr(range).build());
        }
        for range in remove {
            call = call.remove_entries(aws_sdk_ec2::types::RemovePrefixListEntry::builder().cidr(range).build());
        }
        call.send().await.map_err(|error| CallError::new(CALL, &error))?;
        Ok((before, before + 1))
    }

    async fn rules(&self, client: &Client, group: &str) -> Result<Vec<SecurityGroupRule>, ReenactError> {
        let filter = Filter::builder().name("group-id").values(group).build();
        let pages = client.describe_security_group_rules().filters(filter).into_paginator().items().send();
        let rules = pages.collect::<Result<Vec<_>, _>>().await;
        let rules = rules.map_err(|error| CallError::new("DescribeSecurityGroupRules", &error))?;
        Ok(rules.into_iter().filter(|rule| rule.is_egress() != Some(true)).collect())
    }

    async fn entries(&self, client: &Client, list: &str) -> Result<Vec<String>, ReenactError> {
        let pages = client.get_managed_prefix_list_entries().prefix_list_id(list).into_paginator().items().send();
        let entries = pages.collect::<Result<Vec<_>, _>>().await;
        let entries = entries.map_err(|error| CallError::new("GetManagedPrefixListEntries", &error))?;
        Ok(entries.into_iter().filter_map(|entry| entry.cidr).collect())
    }

    fn client(&self, region: &str) -> Result<Client, ReenactError> {
        let config = in_region(&self.config, region).map_err(|problem| ReenactError::NotEnough(problem.to_string()))?;
        Ok(Client::new(&config))
    }

    /// The permissions of a request, in today's form or the flat one, with the account's ids.
    fn permissions(&self, request: &Value) -> Result<Vec<IpPermission>, ReenactError> {
        let mut request = request.clone();
        self.map_ids(&mut request);
        let permissions: Vec<IpPermission> =
            items(&request, "ipPermissions").into_iter().map(listed_permission).collect::<Result<_, _>>()?;
        if permissions.is_empty() { Ok(vec![single_permission(&request)?]) } else { Ok(permissions) }
    }

    /// Puts the account's ids in place of the recorded ones.
    pub(super) fn map_ids(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(id) = self.ids.get(text) {
                    id.clone_into(text);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.map_ids(value)),
            Value::Object(object) => {
                let values = object.iter_mut().filter(|(name, _)| !name.eq_ignore_ascii_case("description"));
                values.for_each(|(_, value)| self.map_ids(value));
            }
            _ => {}
        }
    }
}

/// What a call is about: the group or prefix list, and the rules that it changes.
pub(super) struct Prepared {
    group: String,
    rules: Vec<String>,
}

fn set_number(record: &mut Value, request: &str, name: &str, value: i64) {
    let request = record.get_mut("requestParameters").and_then(|parameters| parameters.get_mut(request));
    if let Some(object) = request.and_then(Value::as_object_mut) {
        for (known, number) in object.iter_mut() {
            if known.eq_ignore_ascii_case(name) {
                *number = json!(value);
            }
        }
    }
}

fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|value| strings(value, found)),
        Value::Object(object) => object.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

fn entry_ranges(request: &Value, names: [&str; 2]) -> Vec<String> {
    names.iter().flat_map(|name| items(request, name)).filter_map(|entry| text(entry, "Cidr")).collect()
}

fn port(rule: &Value, name: &str) -> Result<Option<i32>, ReenactError> {
    let port = number(rule, name).map_err(|problem| not_enough(&problem.to_string()))?;
    port.map(i32::try_from).transpose().map_err(|_| not_enough(&format!("`{name}` is out of range")))
}

fn permission(rule: &Value) -> Result<aws_sdk_ec2::types::builders::IpPermissionBuilder, ReenactError> {
    Ok(IpPermission::builder()
        .set_ip_protocol(text(rule, "ipProtocol"))
        .set_from_port(port(rule, "fromPort")?)
        .set_to_port(port(rule, "toPort")?))
}

/// A permission of `ipPermissions`, with lists of sources.
fn listed_permission(rule: &Value) -> Result<IpPermission, ReenactError> {
    let mut made = permission(rule)?;
    for range in items(rule, "ipRanges") {
        let range = IpRange::builder().set_cidr_ip(text(range, "cidrIp")).set_description(text(range, "description"));
        made = made.ip_ranges(range.build());
    }
    for range in items(rule, "ipv6Ranges") {
        let range =
            Ipv6Range::builder().set_cidr_ipv6(text(range, "cidrIpv6")).set_description(text(range, "description"));
        made = made.ipv6_ranges(range.build());
    }
    for list in items(rule, "prefixListIds") {
        let list = PrefixListId::builder()
            .set_prefix_list_id(text(list, "prefixListId"))
            .set_description(text(list, "description"));
        made = made.prefix_list_ids(list.build());
    }
    for group in items(rule, "groups") {
        let group =
            UserIdGroupPair::builder().set_group_id(text(group, "groupId")).set_description(text(group, "description"));
        made = made.user_id_group_pairs(group.build());
    }
    Ok(made.build())
}

/// A rule with one source: the flat form, a response's, or that of `ModifySecurityGroupRules`.
fn single_permission(rule: &Value) -> Result<IpPermission, ReenactError> {
    let made = permission(rule)?;
    let description = text(rule, "description");
    let ipv4 = text(rule, "cidrIpv4").or_else(|| text(rule, "cidrIp"));
    let made = if let Some(range) = ipv4 {
        made.ip_ranges(IpRange::builder().cidr_ip(range).set_description(description).build())
    } else if let Some(range) = text(rule, "cidrIpv6") {
        made.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).set_description(description).build())
    } else if let Some(list) = text(rule, "prefixListId") {
        made.prefix_list_ids(PrefixListId::builder().prefix_list_id(list).set_description(description).build())
    } else if let Some(group) =
        text(rule, "referencedGroupId").or_else(|| text(field(rule, "referencedGroupInfo"), "groupId"))
    {
        made.user_id_group_pairs(UserIdGroupPair::builder().group_id(group).set_description(description).build())
    } else {
        return Err(not_enough("a rule has no source that could be used again"));
    };
    Ok(made.build())
}
