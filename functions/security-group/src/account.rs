//! The reads and writes of the account.

use aws_sdk_ec2::types::{Filter, SecurityGroupRule};
use ipnet::IpNet;
use rules::security_group::detect::{Added, AddedEntries, EventRule, Finding, GroupRef};
use rules::security_group::plan::{Action, Live, LivePrefixList, LiveRule};
use rules::security_group::traffic::{Source, Traffic};
use rules::{Language, Localized, localized, say};
use runtime::{CallError, Calls, ObserveError};

/// How many values a filter takes (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>).
const MOST_FILTER_VALUES: usize = 200;

/// The account in one region, with a record of the calls made to it.
pub struct Account<'a> {
    /// The client for the event's region.
    pub client: &'a aws_sdk_ec2::Client,
    /// Where the calls are recorded.
    pub calls: &'a Calls,
}

/// What the account holds.
#[derive(Default)]
pub struct Observed {
    /// What could be read.
    pub live: Live,
    /// What could not, and why: something may be open that is not in `live`.
    pub not_read: Option<Localized>,
}

impl Account<'_> {
    /// Reads what a plan for `finding` needs. A group known by name only is looked up once; its id is kept in `group_id`.
    ///
    /// # Errors
    /// [`ObserveError`] if the rules, or the prefix list that the finding is about, could not be read.
    pub async fn observe(&self, finding: &Finding, group_id: &mut Option<String>) -> Result<Observed, ObserveError> {
        let mut observed = Observed::default();
        match finding {
            Finding::Rules(opened) => {
                if group_id.is_none() {
                    *group_id = match &opened.group {
                        GroupRef::Id(id) => Some(id.clone()),
                        GroupRef::Name(name) => self.group_named(name).await?,
                    };
                }
                if let Some(id) = group_id.as_ref() {
                    self.read_rules(std::slice::from_ref(id), &mut observed).await?;
                }
            }
            Finding::Group(id) => self.read_rules(std::slice::from_ref(id), &mut observed).await?,
            Finding::Entries(entries) => {
                let id = &entries.prefix_list_id;
                let (groups, list) =
                    tokio::try_join!(Box::pin(self.groups_naming(id)), Box::pin(self.changed_prefix_list(entries)))?;
                if let Some((mut list, owner)) = list {
                    list.is_own = groups.iter().any(|(_, group_owner)| *group_owner == owner);
                    observed.live.prefix_lists.insert(id.clone(), list);
                }
                let groups: Vec<String> = groups.into_iter().map(|(group, _)| group).collect();
                for groups in groups.chunks(MOST_FILTER_VALUES) {
                    self.read_rules(groups, &mut observed).await?;
                }
            }
        }
        // Lists that rules name now, and those that the event's rules named, which may be gone.
        let told: &[EventRule] = match finding {
            Finding::Rules(opened) => &opened.rules,
            Finding::Entries(_) | Finding::Group(_) => &[],
        };
        // The traffic that may be open by the event: a list that is named for other traffic has no part in it.
        let opened: Vec<Traffic> = match finding {
            Finding::Rules(opened) => opened.rules.iter().map(|rule| rule.traffic.clone()).collect(),
            Finding::Entries(entries) => {
                let naming = observed.live.rules.iter();
                let naming = naming.filter(|rule| rule.source.prefix_list() == Some(&entries.prefix_list_id));
                naming.map(|rule| rule.traffic.clone()).collect()
            }
            Finding::Group(_) => observed.live.rules.iter().map(|rule| rule.traffic.clone()).collect(),
        };
        let mut lists = observed.live.named_prefix_lists();
        lists.extend(told.iter().filter_map(|rule| rule.source.prefix_list().map(str::to_owned)));
        for id in lists {
            if observed.live.prefix_lists.contains_key(&id) {
                continue;
            }
            match self.entries(&id, None).await {
                Ok(entries) => {
                    let list = LivePrefixList { entries, ..LivePrefixList::default() };
                    observed.live.prefix_lists.insert(id, list);
                }
                // A list that no rule names any more may be gone; one that a rule names exists, whatever the read says.
                Err(ObserveError::Call(error)) if error.is_not_found() && !observed.live.names(&id) => {}
                // A list that can't be read must not keep the rules that can be judged without it from being closed, and it
                // matters only where it may have a part in what the event opened.
                Err(error) => {
                    let naming = observed.live.rules.iter().filter(|rule| rule.source.prefix_list() == Some(&id));
                    let told_naming = told.iter().filter(|rule| rule.source.prefix_list() == Some(&id));
                    let mut naming = naming.map(|rule| &rule.traffic).chain(told_naming.map(|rule| &rule.traffic));
                    let matters = naming.any(|traffic| opened.iter().any(|opened| opened.overlaps(traffic)));
                    if matters {
                        let error = Localized::from(&error);
                        observed.not_read = Some(Localized::new(|language| {
                            let error = error.of(language);
                            say!(
                                language,
                                "the entries of prefix list {id} could not be read: {error}",
                                "プレフィックスリスト {id} のエントリを読み取れませんでした: {error}"
                            )
                        }));
                    }
                }
            }
        }
        Ok(observed)
    }

    /// Carries out one action.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer; then nothing, or all of it, was done.
    pub async fn apply(&self, action: &Action) -> Result<(), CallError> {
        match action {
            Action::RevokeRules { group_id, rules } => {
                let ids: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
                let target = format!("{group_id} {}", ids.join(" "));
                let request = self.client.revoke_security_group_ingress().group_id(group_id);
                let request = request.set_security_group_rule_ids(Some(ids)).send();
                self.calls.make("RevokeSecurityGroupIngress", &target, request, self.calls.ok()).await?;
            }
            Action::RemoveEntries { prefix_list_id, version, entries } => {
                let shown: Vec<String> = entries.iter().map(ToString::to_string).collect();
                let mut request = self.client.modify_managed_prefix_list().prefix_list_id(prefix_list_id);
                request = request.set_current_version(*version);
                for range in &shown {
                    request = request
                        .remove_entries(aws_sdk_ec2::types::RemovePrefixListEntry::builder().cidr(range).build());
                }
                let target = format!("{prefix_list_id} {}", shown.join(" "));
                self.calls.make("ModifyManagedPrefixList", &target, request.send(), self.calls.ok()).await?;
            }
        }
        Ok(())
    }

    /// Whether any network interface has the group.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn has_interfaces(&self, group_id: &str) -> Result<bool, CallError> {
        let filter = Filter::builder().name("group-id").values(group_id).build();
        let request = self.client.describe_network_interfaces().filters(filter).send();
        let summary = |page: &aws_sdk_ec2::operation::describe_network_interfaces::DescribeNetworkInterfacesOutput| {
            let number = page.network_interfaces().len();
            say!(self.calls.language(), "{number} interfaces", "ネットワークインターフェイス {number} 件")
        };
        let page = self.calls.make("DescribeNetworkInterfaces", group_id, request, summary).await?;
        // An empty page with more to come says nothing yet.
        Ok(!page.network_interfaces().is_empty() || page.next_token().is_some_and(|token| !token.is_empty()))
    }

    /// The id of the group of that name in the default VPC, which is what a name alone means to EC2.
    async fn group_named(&self, name: &str) -> Result<Option<String>, ObserveError> {
        const CALL: &str = "DescribeSecurityGroups";
        let request = self.client.describe_security_groups().group_names(name).send();
        let language = self.calls.language();
        let found = self
            .calls
            .make(CALL, name, request, |found| groups_in_words(found.security_groups().len(), language))
            .await;
        match found {
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
            Ok(found) => match found.security_groups() {
                [] => Ok(None),
                [group] => Ok(group.group_id().map(str::to_owned)),
                several => {
                    let number = several.len();
                    let problem = localized!(
                        "{number} groups are named `{name}`",
                        "`{name}` という名前のセキュリティグループが {number} 個あります"
                    );
                    Err(ObserveError::Answer { call: CALL, problem })
                }
            },
        }
    }

    /// The groups with an inbound rule that names a prefix list, each with its owner.
    async fn groups_naming(&self, prefix_list_id: &str) -> Result<Vec<(String, String)>, ObserveError> {
        let filter = Filter::builder().name("ip-permission.prefix-list-id").values(prefix_list_id).build();
        let mut groups = Vec::new();
        let mut token = None;
        loop {
            let request =
                self.client.describe_security_groups().filters(filter.clone()).set_next_token(token.take()).send();
            let summary = |page: &aws_sdk_ec2::operation::describe_security_groups::DescribeSecurityGroupsOutput| {
                groups_in_words(page.security_groups().len(), self.calls.language())
            };
            let page = self.calls.make("DescribeSecurityGroups", prefix_list_id, request, summary).await?;
            for group in page.security_groups() {
                let owner = group.owner_id().unwrap_or_default().to_owned();
                groups.extend(group.group_id().map(|id| (id.to_owned(), owner)));
            }
            token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(groups);
            }
        }
    }

    /// The rules of groups. A group that isn't there has none; of several, one that is said to be missing says nothing of the others.
    async fn read_rules(&self, group_ids: &[String], observed: &mut Observed) -> Result<(), ObserveError> {
        const CALL: &str = "DescribeSecurityGroupRules";
        let filter = Filter::builder().name("group-id").set_values(Some(group_ids.to_vec())).build();
        let target = group_ids.join(" ");
        let mut token = None;
        loop {
            let request =
                self.client.describe_security_group_rules().filters(filter.clone()).set_next_token(token.take());
            let summary =
                |page: &aws_sdk_ec2::operation::describe_security_group_rules::DescribeSecurityGroupRulesOutput| {
                    rules_in_words(page.security_group_rules().len(), self.calls.language())
                };
            let page = match self.calls.make(CALL, &target, request.send(), summary).await {
                Err(error) if error.is_not_found() && group_ids.len() == 1 => return Ok(()),
                page => page?,
            };
            for rule in page.security_group_rules() {
                if rule.is_egress() == Some(true) {
                    observed.live.outbound.extend(rule.security_group_rule_id().map(str::to_owned));
                    continue;
                }
                match live_rule(rule) {
                    Ok(rule) => observed.live.rules.push(rule),
                    // One odd rule must not keep the others from being closed.
                    Err(problem) => {
                        observed.not_read = Some((&ObserveError::Answer { call: CALL, problem }).into());
                    }
                }
            }
            token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// The prefix list that an event changed, and its owner: now, and before the event. `None` if there is no such list any more.
    async fn changed_prefix_list(
        &self,
        changed: &AddedEntries,
    ) -> Result<Option<(LivePrefixList, String)>, ObserveError> {
        let id = &changed.prefix_list_id;
        let describe = self.client.describe_managed_prefix_lists().prefix_list_ids(id).send();
        let summary =
            |found: &aws_sdk_ec2::operation::describe_managed_prefix_lists::DescribeManagedPrefixListsOutput| {
                let versions = found.prefix_lists().iter().filter_map(|list| list.version());
                let language = self.calls.language();
                versions.map(|version| say!(language, "version {version}", "バージョン {version}")).collect()
            };
        let described = self.calls.make("DescribeManagedPrefixLists", id, describe, summary);
        let restored = match changed.added {
            Added::Restored(version) => Some(version),
            Added::Ranges(_) => None,
        };
        // Boxed, because the SDK's futures are large, and four of them inside one another overflow a small stack.
        let (described, entries, before, restored) = tokio::join!(
            Box::pin(described),
            Box::pin(self.entries(id, None)),
            Box::pin(self.entries_of(id, changed.version_before)),
            Box::pin(self.entries_of(id, restored))
        );
        let (described, entries) = match (described, entries) {
            (Err(error), _) if error.is_not_found() => return Ok(None),
            (_, Err(ObserveError::Call(error))) if error.is_not_found() => return Ok(None),
            (described, entries) => (described?, entries?),
        };
        let list = described.prefix_lists().first();
        let version = list.and_then(|list| list.version());
        let owner = list.and_then(|list| list.owner_id()).unwrap_or_default().to_owned();
        let state = list.and_then(|list| list.state()).map(|state| state.as_str().to_owned()).unwrap_or_default();
        let is_old = version.is_some() && version <= changed.version_before;
        let is_changing = is_old || state.ends_with("-in-progress");
        Ok(Some((
            LivePrefixList {
                entries,
                version,
                is_own: false,
                is_changing,
                entries_before: before?,
                entries_restored: restored?,
            },
            owner,
        )))
    }

    async fn entries_of(&self, id: &str, version: Option<i64>) -> Result<Option<Vec<IpNet>>, ObserveError> {
        match version {
            Some(version) => self.entries(id, Some(version)).await.map(Some),
            None => Ok(None),
        }
    }

    /// The entries of a prefix list, now or in an older version.
    async fn entries(&self, prefix_list_id: &str, version: Option<i64>) -> Result<Vec<IpNet>, ObserveError> {
        const CALL: &str = "GetManagedPrefixListEntries";
        let target =
            version.map_or_else(|| prefix_list_id.to_owned(), |version| format!("{prefix_list_id} version {version}"));
        let mut entries = Vec::new();
        let mut token = None;
        loop {
            let request = self.client.get_managed_prefix_list_entries().prefix_list_id(prefix_list_id);
            let request = request.set_target_version(version).set_next_token(token.take()).send();
            let summary =
                |page: &aws_sdk_ec2::operation::get_managed_prefix_list_entries::GetManagedPrefixListEntriesOutput| {
                    entries_in_words(page.entries().len(), self.calls.language())
                };
            let page = self.calls.make(CALL, &target, request, summary).await?;
            for entry in page.entries() {
                match Source::range(entry.cidr().unwrap_or_default()) {
                    Ok(Source::Range(range)) => entries.push(range),
                    Ok(_) => {}
                    Err(problem) => return Err(ObserveError::Answer { call: CALL, problem }),
                }
            }
            token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(entries);
            }
        }
    }
}

/// A rule in the form that decisions are made on.
///
/// # Errors
/// Says what AWS's answer lacks.
pub fn live_rule(rule: &SecurityGroupRule) -> Result<LiveRule, Localized> {
    let source = if let Some(range) = rule.cidr_ipv4().or(rule.cidr_ipv6()) {
        Source::range(range)?
    } else if let Some(list) = rule.prefix_list_id() {
        Source::PrefixList(list.to_owned())
    } else if let Some(group) = rule.referenced_group_info() {
        Source::Group(group.group_id().unwrap_or_default().to_owned())
    } else {
        let id = rule.security_group_rule_id().unwrap_or_default();
        return Err(localized!("rule `{id}` has no source", "ルール `{id}` にソースがありません"));
    };
    let protocol =
        rule.ip_protocol().ok_or_else(|| localized!("a rule has no protocol", "プロトコルのないルールがあります"))?;
    let id = rule.security_group_rule_id();
    let group_id = rule.group_id();
    Ok(LiveRule {
        id: id.ok_or_else(|| localized!("a rule has no id", "ID のないルールがあります"))?.to_owned(),
        group_id: group_id
            .ok_or_else(|| localized!("a rule has no group", "セキュリティグループのないルールがあります"))?
            .to_owned(),
        traffic: Traffic::new(protocol, rule.from_port().map(i64::from), rule.to_port().map(i64::from))?,
        source,
    })
}

fn groups_in_words(number: usize, language: Language) -> String {
    let groups = if number == 1 { "group" } else { "groups" };
    say!(language, "{number} {groups}", "グループ {number} 個")
}

fn rules_in_words(number: usize, language: Language) -> String {
    let rules = if number == 1 { "rule" } else { "rules" };
    say!(language, "{number} {rules}", "ルール {number} 件")
}

fn entries_in_words(number: usize, language: Language) -> String {
    let entries = if number == 1 { "entry" } else { "entries" };
    say!(language, "{number} {entries}", "エントリ {number} 件")
}
