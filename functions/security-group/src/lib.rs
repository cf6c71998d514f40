//! Takes back inbound security-group rules that are open to the world.
//!
//! The rule is in `rules::security_group`; here are its reads ([`account`]) and the course of a remedy: look, take away, look again.

pub mod account;

use std::collections::HashSet;
use std::time::Duration;

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use rules::alert::time_ran_out;
use rules::security_group::canary;
use rules::security_group::detect::{self, Added, Finding};
use rules::security_group::plan::{Action, Live, LiveRule, Plan, Remedy, Situation, plan, why_not_open};
use rules::security_group::report::{Course, report};
use rules::security_group::traffic::Source;
use rules::security_group::{NAME, SUBSCRIPTIONS};
use rules::settings::Mode;
use rules::{Decision, Event, Localized, Settings, Subscription, localized};
use runtime::clients::PerRegion;
use runtime::{CallError, ConfigRules, Guardrail, Invocation, LOOK_FOR, Pause, Remedied, SETTLE};
use tokio::time::{Instant, timeout_at};

use account::{Account, Observed};

/// [`SETTLE`] for a prefix list, which AWS changes in the background (state `modify-in-progress`).
const LIST_SETTLE: Duration = Duration::from_secs(15);

/// The guardrail, with an EC2 client per region, and AWS Config's rules.
pub struct SecurityGroup {
    config_rules: ConfigRules,
    clients: PerRegion<aws_sdk_ec2::Client>,
}

impl SecurityGroup {
    /// Clients are made from `config` as regions are needed.
    pub fn new(config: SdkConfig) -> Self {
        Self {
            config_rules: ConfigRules::new(config.clone()),
            clients: PerRegion::new(config, aws_sdk_ec2::Client::new),
        }
    }
}

impl SecurityGroup {
    /// Whether it is certain that no network interface has the group.
    async fn has_no_interface(&self, region: &str, group_id: &str, invocation: &Invocation<'_>) -> bool {
        let Ok(client) = self.clients.get(region) else { return false };
        let account = Account { client: &client, calls: invocation.calls };
        let read = timeout_at(invocation.deadline, account.has_interfaces(group_id)).await;
        matches!(read, Ok(Ok(false)))
    }
}

impl Guardrail for SecurityGroup {
    type Finding = Finding;

    fn name(&self) -> &'static str {
        NAME
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        SUBSCRIPTIONS
    }

    fn mode(&self, settings: &Settings) -> Mode {
        settings.security_group_mode
    }

    fn config_rules(&self) -> Option<&ConfigRules> {
        Some(&self.config_rules)
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let course = match event.region.as_deref().map(|region| self.clients.get(region)) {
            None => Err(Course::NotRead {
                problem: localized!("the event has no `awsRegion`", "イベントに `awsRegion` がありません"),
            }),
            Some(Err(problem)) => Err(Course::NotRead { problem: (&problem).into() }),
            Some(Ok(client)) => {
                let account = Account { client: &client, calls: invocation.calls };
                Work { account, event, finding, invocation, done: Done::default() }.run().await
            }
        };
        let course = match course {
            Ok(Ended::Nothing(reason)) => return Remedied::Nothing(reason),
            Ok(Ended::Told(course)) | Err(course) => course,
        };
        let told = |steps| Box::new(report(event, finding, invocation.settings, &course, steps));
        let before = told(invocation.calls.steps());
        let asked = canary::group_to_ask_for(event, finding, invocation.settings, &before);
        let (Some(group), Some(region)) = (asked, event.region.as_deref()) else { return Remedied::Report(before) };
        if self.has_no_interface(region, group, invocation).await {
            let reason = "the canary's own opening of a group without interfaces, reverted: no mail".to_owned();
            return Remedied::HeldBack(reason, told(invocation.calls.steps()));
        }
        Remedied::Report(told(invocation.calls.steps()))
    }
}

/// One remedy on its way.
struct Work<'a> {
    account: Account<'a>,
    event: &'a Event,
    finding: &'a Finding,
    invocation: &'a Invocation<'a>,
    done: Done,
}

/// How a remedy ended.
enum Ended {
    /// So that somebody is told.
    Told(Course),
    /// Nothing is open or was; why, for the log.
    Nothing(String),
}

/// What has been done so far.
#[derive(Default)]
struct Done {
    /// The first plan that there was something to do in.
    plan: Option<Plan>,
    /// What the last look after acting showed to be left to do.
    remaining: Option<Vec<Action>>,
    /// The actions that succeeded.
    carried_out: Vec<Action>,
    /// The actions tried last.
    tried: Vec<Action>,
    /// When the last action that succeeded had returned.
    at: Option<(Instant, DateTime<Utc>)>,
    /// What went wrong with the last actions.
    problem: Option<Localized>,
    /// The older rules that the last plan with something to do left.
    older: Vec<LiveRule>,
    /// Why entries of a prefix list could not be taken out.
    entries_left: Option<Localized>,
    /// Since when the prefix list is being changed by somebody else, or in the background.
    busy_since: Option<Instant>,
}

impl Work<'_> {
    /// Looks, acts and looks again until what the event opened or found open is seen to be closed.
    async fn run(mut self) -> Result<Ended, Course> {
        match timeout_at(self.invocation.deadline, self.look_and_act()).await {
            Ok(course) => course,
            Err(_) => Err(self.failed(&time_ran_out())),
        }
    }

    async fn look_and_act(&mut self) -> Result<Ended, Course> {
        let start = Instant::now();
        let mut pause = Pause::default();
        let mut seen = HashSet::new();
        let mut group_id = None;
        let mut remedy = Remedy::TakeOutEntries;
        loop {
            let observed = Box::pin(self.account.observe(self.finding, &mut group_id)).await;
            let Observed { live, not_read } = observed.map_err(|error| self.failed(&(&error).into()))?;
            let plan = plan(self.finding, &live, self.invocation.settings, remedy);
            seen.extend(self.visible(&live));
            if plan.situation == Situation::Open {
                if !self.invocation.settings.acts(self.invocation.settings.security_group_mode) {
                    return Ok(Ended::Told(Course::Withheld(plan)));
                }
                self.done.remaining = self.done.plan.as_ref().map(|_| plan.actions.clone());
                if self.has_tried(&plan.actions) {
                    let changes_list = plan.actions.iter().any(|action| matches!(action, Action::RemoveEntries { .. }));
                    let settle = if changes_list { LIST_SETTLE } else { SETTLE };
                    let is_settling = self.done.at.is_some_and(|(at, _)| at.elapsed() < settle);
                    if self.done.problem.is_some() || !is_settling {
                        return Err(self.failed(&localized!(
                            "it was still open when it was read again",
                            "再確認した時点でも開放されたままでした"
                        )));
                    }
                    pause.wait().await;
                } else {
                    self.act(plan, &mut remedy).await;
                    if self.done.tried.is_empty() {
                        pause.wait().await;
                    } else {
                        pause.reset();
                    }
                }
                continue;
            }
            self.done.remaining = self.done.plan.as_ref().map(|_| Vec::new());
            let is_missing = self
                .expected()
                .iter()
                .any(|object| !seen.contains(object) && !self.invocation.has_closed(self.event, object));
            if is_missing && self.invocation.is_young(self.event) && start.elapsed() < LOOK_FOR {
                pause.wait().await;
                continue;
            }
            if self.is_changing(&live) {
                if start.elapsed() < LOOK_FOR {
                    pause.wait().await;
                    continue;
                }
                return Err(self.failed(&localized!(
                    "AWS is still changing the prefix list, so that its entries can't be judged",
                    "AWS がプレフィックスリストをまだ変更中のため、エントリを判定できません"
                )));
            }
            if let Some(problem) = not_read {
                return Err(self.failed(&problem));
            }
            return Ok(self.closed(plan, &live));
        }
    }

    /// Whether these are the actions tried last, so that there is nothing to do but to wait for their effect. A prefix list that
    /// has moved on beyond the version which our change made was opened again by somebody.
    fn has_tried(&self, actions: &[Action]) -> bool {
        let version = |actions: &[Action]| {
            actions.iter().find_map(|action| match action {
                Action::RemoveEntries { version, .. } => *version,
                Action::RevokeRules { .. } => None,
            })
        };
        let told = |actions: &[Action]| actions.iter().map(ToString::to_string).collect::<Vec<_>>();
        let has_moved_on = version(actions) > version(&self.done.tried).map(|tried| tried + 1);
        told(actions) == told(&self.done.tried) && !has_moved_on
    }

    /// Carries out a plan. What fails is kept for the next look, which shows whether it mattered.
    async fn act(&mut self, plan: Plan, remedy: &mut Remedy) {
        self.done.problem = None;
        self.done.tried.clone_from(&plan.actions);
        self.done.plan.get_or_insert_with(|| plan.clone());
        self.done.older.clone_from(&plan.older);
        for action in &plan.actions {
            match Box::pin(self.account.apply(action)).await {
                Ok(()) => {
                    self.done.at = Some((Instant::now(), self.invocation.now()));
                    self.done.carried_out.push(action.clone());
                    closed_objects(action).iter().for_each(|object| self.invocation.closed(self.event, object));
                }
                // Tried again with the list's new version, for as long as AWS may take to change a list.
                Err(error) if is_busy(&error) && self.busy_for() < LIST_SETTLE => self.done.tried.clear(),
                // Without an answer it may have been carried out: the next looks show it.
                Err(error) if error.code.is_none() && matches!(action, Action::RemoveEntries { .. }) => {
                    self.done.at = Some((Instant::now(), self.invocation.now()));
                }
                Err(error) => {
                    if matches!(action, Action::RemoveEntries { .. }) {
                        *remedy = Remedy::RevokeRules;
                        self.done.entries_left = Some((&error).into());
                    }
                    self.done.problem = Some((&error).into());
                }
            }
        }
    }

    /// Whether the event's prefix list may still show its entries from before the event. Once we have acted, our own change counts.
    fn is_changing(&self, live: &Live) -> bool {
        match self.finding {
            Finding::Entries(entries) if self.done.plan.is_none() => {
                live.prefix_lists.get(&entries.prefix_list_id).is_some_and(|list| list.is_changing)
            }
            Finding::Entries(_) | Finding::Rules(_) | Finding::Group(_) => false,
        }
    }

    fn busy_for(&mut self) -> Duration {
        self.done.busy_since.get_or_insert_with(Instant::now).elapsed()
    }

    /// How it ended, once the account shows that what the event opened or found open is closed.
    fn closed(&mut self, now: Plan, live: &Live) -> Ended {
        let Some(plan) = self.done.plan.take() else {
            return match now.situation {
                Situation::Gone => Ended::Told(Course::Gone(now)),
                // A list that nobody names is nobody's concern, unless this may be a second try after the rules were revoked.
                Situation::Unnamed if !self.invocation.is_young(self.event) => Ended::Told(Course::Unnamed),
                Situation::Unnamed | Situation::NotOpen | Situation::Open => Ended::Nothing(match self.finding {
                    Finding::Group(_) => why_not_open(live, self.invocation.settings),
                    Finding::Rules(_) | Finding::Entries(_) => {
                        "together with the account's other rules it is not open to the world".to_owned()
                    }
                }),
            };
        };
        let carried_out = std::mem::take(&mut self.done.carried_out);
        let at = self.done.at.map_or_else(|| self.invocation.now(), |(_, at)| at);
        let entries_left = self.done.entries_left.take().filter(|_| !carried_out.is_empty());
        // Once the rules that named a list are revoked, the list no longer leads to their groups, which therefore weren't read.
        let is_led_there = now.naming.is_empty() && matches!(self.finding, Finding::Entries(_));
        let older = if is_led_there { std::mem::take(&mut self.done.older) } else { now.older };
        Ended::Told(Course::Closed { plan, carried_out, at, older, entries_left })
    }

    fn failed(&self, problem: &Localized) -> Course {
        let problem = match &self.done.problem {
            Some(cause) => Localized::join(&[cause.clone(), problem.clone()]),
            None => problem.clone(),
        };
        match &self.done.plan {
            Some(plan) => Course::Failed {
                plan: plan.clone(),
                carried_out: self.done.carried_out.clone(),
                remaining: self.done.remaining.clone(),
                problem,
            },
            None => Course::NotRead { problem },
        }
    }

    /// What the event says must be there, unless it has been taken away since. A finding may be old, and is not waited for.
    fn expected(&self) -> Vec<String> {
        match self.finding {
            // A group as a source is never public, and the event may name it where the account gives its id.
            Finding::Rules(opened) => {
                let from_addresses = opened.rules.iter().filter(|rule| !matches!(rule.source, Source::Group(_)));
                from_addresses.map(|rule| rule.opening("").id).collect()
            }
            Finding::Entries(entries) => match &entries.added {
                Added::Ranges(ranges) => ranges.iter().map(|range| entry(&entries.prefix_list_id, range)).collect(),
                Added::Restored(_) => vec![entries.prefix_list_id.clone()],
            },
            Finding::Group(_) => Vec::new(),
        }
    }

    /// Which of it the account shows.
    fn visible(&self, live: &Live) -> Vec<String> {
        match self.finding {
            Finding::Rules(opened) => {
                let is_shown = |told: &&detect::EventRule| {
                    let is_outbound = told.id.as_ref().is_some_and(|id| live.outbound.contains(id));
                    is_outbound || live.rules.iter().any(|rule| told.is(rule))
                };
                let shown = opened.rules.iter().filter(is_shown);
                shown.map(|told| told.opening("").id).collect()
            }
            Finding::Entries(entries) => {
                let id = &entries.prefix_list_id;
                let list = live.prefix_lists.get(id);
                let ranges = list.into_iter().flat_map(|list| &list.entries).map(|range| entry(id, range));
                let restored = list.filter(|list| list.version > entries.version_before).map(|_| id.clone());
                ranges.chain(restored).collect()
            }
            Finding::Group(_) => Vec::new(),
        }
    }
}

/// Whether a prefix list could not be changed only because somebody else is changing it.
fn is_busy(error: &CallError) -> bool {
    matches!(error.code.as_deref(), Some("PrefixListVersionMismatch" | "IncorrectState"))
}

/// The name by which an entry of a prefix list is remembered.
fn entry(prefix_list_id: &str, range: &ipnet::IpNet) -> String {
    format!("{prefix_list_id} {range}")
}

/// What an action closes, by the names that [`Work::expected`] gives.
fn closed_objects(action: &Action) -> Vec<String> {
    match action {
        Action::RevokeRules { rules, .. } => {
            rules.iter().flat_map(|rule| [rule.id.clone(), format!("{} from {}", rule.traffic, rule.source)]).collect()
        }
        Action::RemoveEntries { prefix_list_id, entries, .. } => {
            entries.iter().map(|range| entry(prefix_list_id, range)).chain([prefix_list_id.clone()]).collect()
        }
    }
}
