//! The canary: proves that reverting works, by needing it.
//!
//! Each round makes a security group in a VPC that has nothing in it, opens the group to the world, waits until somebody has taken
//! that back, and removes the group. What the function `security-group` does about it is what it does about everybody; only the mail is
//! held back (`rules::security_group::canary`).

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, ResourceType, SecurityGroupRule, Tag, TagSpecification};
use chrono::{DateTime, TimeDelta, Utc};
use rules::language::Localized;
use rules::security_group::canary::{SOURCE, TRAFFIC};
use rules::settings::Mode;
use rules::{Language, Settings, Step};
use runtime::metrics::{SECONDS_TO_REVERT, seconds};
use runtime::{CallError, Calls, LOOK_FOR, ObserveError, Pause, lambda};
use tokio::time::{Instant, sleep};

/// The function's name.
pub const NAME: &str = "canary";

/// The tag of every group that the canary makes. Its role may touch no group without it.
pub const TAG: (&str, &str) = ("snapback", "canary");

/// What the names of its groups begin with; the time of their making follows, in milliseconds since 1970.
pub const PREFIX: &str = "snapback-canary-";

/// What is kept of an invocation's time for closing and removing the group: three calls, each with its retries.
const CLEANING_UP: Duration = Duration::from_secs(45);

/// How long a rule that was seen has to be missing: AWS does not show a change everywhere at once.
const SETTLED: Duration = Duration::from_secs(2);

/// The shortest and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// Lambda lets no invocation live longer, so that an older group is of one that is over.
const LONGEST_ROUND: TimeDelta = TimeDelta::minutes(15);

/// The canary in one region.
pub struct Canary {
    client: Client,
    vpc_id: String,
}

/// What came of one round.
#[derive(Debug)]
pub struct Round {
    /// The time from the call that opened the group until the rule was gone; none if it was not taken back.
    pub seconds: Option<f64>,
    /// What went wrong; the invocation has to end in an error then, also if the rule was taken back.
    pub problems: Vec<CanaryError>,
    /// The AWS calls, but for the looks at the rule.
    pub steps: Vec<Step>,
}

/// Why a round did not go as it should, or can't.
#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    /// With these settings nothing would be reverted.
    #[error("the canary would not be reverted: {0}; set the parameter `Canary` to `off`, or change that")]
    Settings(&'static str),
    /// AWS refused, did not answer, or answered what makes no sense.
    #[error(transparent)]
    Call(#[from] ObserveError),
    /// The time ran out.
    #[error(
        "nobody took back the rule that opened {group_id} within {seconds} s{}: look at the trail, the EventBridge rule and the log of security-group",
        .unread.as_ref().map_or_else(String::new, |error| format!(", as far as it could be read ({error})"))
    )]
    NotReverted {
        /// The canary's group.
        group_id: String,
        /// How long it waited.
        seconds: u64,
        /// Why the last look failed, if it did.
        unread: Option<ObserveError>,
    },
}

impl From<CallError> for CanaryError {
    fn from(error: CallError) -> Self {
        Self::Call(error.into())
    }
}

impl Round {
    /// What is published: nothing if nothing was taken back, so that silence is what the alarm hears.
    pub fn metric(&self, now: DateTime<Utc>) -> Option<serde_json::Value> {
        self.seconds.map(|time| seconds(NAME, SECONDS_TO_REVERT, time, now))
    }
}

impl Canary {
    /// For the region of `config`.
    ///
    /// # Errors
    /// [`CanaryError::Settings`] if, by the settings, nobody would revert what the canary opens, or it has no VPC.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Result<Self, CanaryError> {
        if settings.security_group_mode != Mode::Revert {
            return Err(CanaryError::Settings("`SECURITY_GROUP_MODE` is not `revert`"));
        }
        if !settings.acts(settings.security_group_mode) {
            return Err(CanaryError::Settings("`ROLLOUT` is not `enforce`"));
        }
        if settings.allowed_public_ports.iter().any(|allowed| allowed.covers(&TRAFFIC)) {
            return Err(CanaryError::Settings("`ALLOWED_PUBLIC_PORTS` holds tcp/9, which is what it opens"));
        }
        let vpc_id = settings.canary_vpc_id.clone();
        let vpc_id = vpc_id.ok_or(CanaryError::Settings("`CANARY_VPC_ID` is not set, so that it has no VPC"))?;
        Ok(Self { client: Client::new(config), vpc_id })
    }

    /// One round within an invocation that has so much time left: with its metric, and a log line.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub async fn invoke(&self, time: Duration) -> Result<String, CanaryError> {
        let round = self.run(time).await;
        if let Some(metric) = round.metric(Utc::now()) {
            lambda::publish(&metric);
        }
        let Round { seconds, problems, steps } = round;
        let steps: Vec<String> =
            steps.iter().map(|step| format!("{} {} {:?}", step.call, step.target, step.result)).collect();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if told.is_empty() {
            tracing::info!(function = NAME, seconds, steps = steps.join("; "), "reverted");
        } else {
            tracing::error!(function = NAME, seconds, steps = steps.join("; "), error = told.join("; "), "failed");
        }
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(format!("reverted after {:.1} s", seconds.unwrap_or_default())),
        }
    }

    /// One round, which ends within about `time`.
    pub async fn run(&self, time: Duration) -> Round {
        let give_up = Instant::now() + time.saturating_sub(CLEANING_UP);
        let calls = Calls::new(Language::English);
        let mut problems = Vec::new();
        // What is left of another round must not keep this one from being made.
        if let Err(error) = self.remove_leftovers(&calls).await {
            problems.push(error);
        }
        let mut seconds = None;
        match self.make_group(&calls).await {
            Err(error) => problems.push(error),
            Ok(group_id) => {
                match self.open_and_wait(&calls, &group_id, give_up).await {
                    Ok(waited) => seconds = Some(waited),
                    Err(error) => problems.push(error),
                }
                if let Err(error) = self.delete(&calls, &group_id).await {
                    problems.push(error);
                }
            }
        }
        Round { seconds, problems, steps: calls.steps() }
    }

    /// Opens a group and waits until that was taken back; then gives the seconds from the call to the first look that did not show it.
    async fn open_and_wait(&self, calls: &Calls, group_id: &str, give_up: Instant) -> Result<f64, CanaryError> {
        let start = Instant::now();
        let rule_id = self.open(calls, group_id).await?;
        let reverted = self.wait(group_id, &rule_id, start, give_up).await;
        if reverted.is_err() {
            self.close(calls, group_id, vec![rule_id]).await?;
        }
        reverted
    }

    async fn wait(&self, group_id: &str, rule_id: &str, start: Instant, give_up: Instant) -> Result<f64, CanaryError> {
        // Not among the calls that are logged, because there may be a hundred of them.
        let looks = Calls::new(Language::English);
        let (mut is_seen, mut gone_since, mut unread) = (false, None, None);
        loop {
            match self.inbound_rules(&looks, group_id).await {
                Ok(rules) if rules.iter().any(|id| id == rule_id) => {
                    (is_seen, gone_since, unread) = (true, None, None);
                }
                Ok(_) => {
                    let since = *gone_since.get_or_insert_with(Instant::now);
                    // What was never seen may only not be shown yet.
                    if since.elapsed() >= if is_seen { SETTLED } else { LOOK_FOR } {
                        return Ok((since - start).as_secs_f64());
                    }
                }
                Err(error) => unread = Some(error),
            }
            // A twentieth of the time so far: it is told to within five per cent, by about a hundred looks at most.
            let pause = if gone_since.is_some() { PAUSES.0 } else { (start.elapsed() / 20).clamp(PAUSES.0, PAUSES.1) };
            if gone_since.is_none() && Instant::now() + pause > give_up {
                let seconds = start.elapsed().as_secs();
                return Err(CanaryError::NotReverted { group_id: group_id.to_owned(), seconds, unread });
            }
            sleep(pause).await;
        }
    }

    /// Removes the groups of rounds that died.
    async fn remove_leftovers(&self, calls: &Calls) -> Result<(), CanaryError> {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let filters = [filter("vpc-id", &self.vpc_id), filter(&format!("tag:{}", TAG.0), TAG.1)];
        let mut token = None;
        loop {
            let request = self.client.describe_security_groups().set_filters(Some(filters.to_vec()));
            let request = request.set_next_token(token.take()).send();
            let summary = |page: &aws_sdk_ec2::operation::describe_security_groups::DescribeSecurityGroupsOutput| {
                format!("{} of the canary's", page.security_groups().len())
            };
            let page = calls.make("DescribeSecurityGroups", &self.vpc_id, request, summary).await?;
            for group in page.security_groups() {
                if let Some(id) = group.group_id().filter(|_| is_leftover(group.group_name(), Utc::now())) {
                    let rules = self.inbound_rules(calls, id).await?;
                    self.close(calls, id, rules).await?;
                    self.delete(calls, id).await?;
                }
            }
            token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
    }

    async fn make_group(&self, calls: &Calls) -> Result<String, CanaryError> {
        const CALL: &str = "CreateSecurityGroup";
        let name = format!("{PREFIX}{}", Utc::now().timestamp_millis());
        let tag = Tag::builder().key(TAG.0).value(TAG.1).build();
        let tags = TagSpecification::builder().resource_type(ResourceType::SecurityGroup).tags(tag).build();
        let request =
            self.client.create_security_group().vpc_id(&self.vpc_id).group_name(&name).tag_specifications(tags);
        let request = request
            .description("Canary of snapback: open to the world for a moment, on purpose. Nothing can be in it.");
        let made = calls.make(CALL, &name, request.send(), |_| "ok".to_owned()).await?;
        made.group_id.ok_or_else(|| lacks(CALL, "no `groupId`"))
    }

    /// Opens a group, and gives the id of the rule.
    async fn open(&self, calls: &Calls, group_id: &str) -> Result<String, CanaryError> {
        const CALL: &str = "AuthorizeSecurityGroupIngress";
        let range = IpRange::builder().cidr_ip(SOURCE).description("Canary of snapback").build();
        let permission = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(TRAFFIC.from.into())
            .to_port(TRAFFIC.to.into())
            .ip_ranges(range)
            .build();
        let (start, mut pause) = (Instant::now(), Pause::default());
        loop {
            let request = self.client.authorize_security_group_ingress().group_id(group_id);
            let request = request.ip_permissions(permission.clone()).send();
            match calls.make(CALL, group_id, request, |_| "ok".to_owned()).await {
                // A new group is not known everywhere at once.
                Err(error) if error.is_not_found() && start.elapsed() < LOOK_FOR => pause.wait().await,
                opened => {
                    let opened = opened?;
                    let rule =
                        opened.security_group_rules().first().and_then(SecurityGroupRule::security_group_rule_id);
                    return rule.map(str::to_owned).ok_or_else(|| lacks(CALL, "no `securityGroupRuleId`"));
                }
            }
        }
    }

    /// The ids of a group's inbound rules, of which there are a few at most. A group that is not there has none.
    async fn inbound_rules(&self, calls: &Calls, group_id: &str) -> Result<Vec<String>, ObserveError> {
        let filter = Filter::builder().name("group-id").values(group_id).build();
        let request = self.client.describe_security_group_rules().filters(filter).send();
        let summary =
            |page: &aws_sdk_ec2::operation::describe_security_group_rules::DescribeSecurityGroupRulesOutput| {
                format!("{} rules", page.security_group_rules().len())
            };
        let page = calls.make("DescribeSecurityGroupRules", group_id, request, summary).await?;
        let inbound = page.security_group_rules().iter().filter(|rule| rule.is_egress() != Some(true));
        Ok(inbound.filter_map(|rule| rule.security_group_rule_id().map(str::to_owned)).collect())
    }

    async fn close(&self, calls: &Calls, group_id: &str, rule_ids: Vec<String>) -> Result<(), CanaryError> {
        if rule_ids.is_empty() {
            return Ok(());
        }
        let request = self.client.revoke_security_group_ingress().group_id(group_id);
        let request = request.set_security_group_rule_ids(Some(rule_ids)).send();
        gone(calls.make("RevokeSecurityGroupIngress", group_id, request, |_| "ok".to_owned()).await)
    }

    async fn delete(&self, calls: &Calls, group_id: &str) -> Result<(), CanaryError> {
        let request = self.client.delete_security_group().group_id(group_id).send();
        gone(calls.make("DeleteSecurityGroup", group_id, request, |_| "ok".to_owned()).await)
    }
}

/// What was to go and isn't there is gone.
fn gone<T>(removed: Result<T, CallError>) -> Result<(), CanaryError> {
    match removed {
        Err(error) if !error.is_not_found() => Err(error.into()),
        _ => Ok(()),
    }
}

fn lacks(call: &'static str, problem: &str) -> CanaryError {
    ObserveError::Answer { call, problem: Localized::verbatim(problem) }.into()
}

/// Whether a group with the canary's tag is of a round that is over. One that is younger may be of another invocation, which waits for it
/// to be closed and would take our removing it for that.
fn is_leftover(name: Option<&str>, now: DateTime<Utc>) -> bool {
    let made = name.and_then(|name| name.strip_prefix(PREFIX)?.parse().ok()).and_then(DateTime::from_timestamp_millis);
    made.is_some_and(|made| now - made > LONGEST_ROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_rounds_that_are_over_are_leftovers() {
        let now = DateTime::from_timestamp_millis(1_800_000_000_000).unwrap();
        for (name, expected) in [
            (Some("snapback-canary-1799999000000"), true),
            (Some("snapback-canary-1799999100000"), false),
            (Some("snapback-canary-1799999900000"), false),
            (Some("snapback-canary-1800000000001"), false),
            (Some("snapback-canary-"), false),
            (Some("snapback-canary-mine"), false),
            (Some("canary"), false),
            (None, false),
        ] {
            assert_eq!(is_leftover(name, now), expected, "{name:?}");
        }
    }
}
