//! Tells of roles that trust somebody outside the account, and takes them out of the trust policy if the settings say so.
//!
//! The rule is in `rules::role_trust`; here are its reads and writes ([`account`]) and the course of a remedy: ask which organization is
//! the account's own where that matters, look, take out, look again.

pub mod account;

use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rules::alert::time_ran_out;
use rules::role_trust::detect::{self, Finding, Trust};
use rules::role_trust::judge::{Circle, Organization, Stranger, strangers, undecided_accounts};
use rules::role_trust::plan::{Action, LiveRole, Plan, Situation, plan};
use rules::role_trust::report::{Course, report};
use rules::role_trust::{NAME, SUBSCRIPTIONS};
use rules::settings::Mode;
use rules::{Decision, Event, Localized, Settings, Subscription, localized};
use runtime::{CallError, Guardrail, Invocation, LOOK_FOR, Pause, Remedied, SETTLE};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use account::Account;

/// The name by which it is remembered that a role's trust policy was closed; an event writes one only.
const TRUST_POLICY: &str = "trust policy";

/// The guardrail, and the account's organization once it is known: an account leaves one rarely, and a process lives for hours. That it is
/// in none, and which accounts are members, is asked anew: it may be otherwise for the next event.
pub struct RoleTrust {
    iam: aws_sdk_iam::Client,
    organizations: aws_sdk_organizations::Client,
    organization: Mutex<Organization>,
}

impl RoleTrust {
    /// Both services are global: the clients find them from any region.
    pub fn new(config: SdkConfig) -> Self {
        Self {
            iam: aws_sdk_iam::Client::new(&config),
            organizations: aws_sdk_organizations::Client::new(&config),
            organization: Mutex::new(Organization::Unknown),
        }
    }

    fn known_organization(&self) -> Organization {
        self.organization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, organization: &Organization) {
        if *organization == Organization::None {
            return;
        }
        *self.organization.lock().unwrap_or_else(PoisonError::into_inner) = organization.clone();
    }
}

impl Guardrail for RoleTrust {
    type Finding = Finding;

    fn name(&self) -> &'static str {
        NAME
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        SUBSCRIPTIONS
    }

    fn mode(&self, settings: &Settings) -> Mode {
        settings.role_trust_mode
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let settings = invocation.settings;
        let trust = match finding {
            Finding::Trust(trust) => trust,
            Finding::Provider(_) => {
                return Remedied::Report(Box::new(report(
                    event,
                    finding,
                    &[],
                    settings,
                    &Course::Provider,
                    Vec::new(),
                )));
            }
        };
        let account = Account { iam: &self.iam, organizations: &self.organizations, calls: invocation.calls };
        let organization = self.known_organization();
        let mut work = Work {
            account,
            guardrail: self,
            event,
            trust,
            invocation,
            organization,
            not_told: None,
            is_told_of_members: true,
            done: Done::default(),
        };
        let course = match timeout_at(invocation.deadline, work.run()).await {
            Ok(course) => course,
            Err(_) => Some(work.failed(&time_ran_out())),
        };
        let course = match (course, trust.document.is_some()) {
            (Some(Course::Gone(plan)), false) => return Remedied::Nothing(why_not_open(&plan).to_owned()),
            (Some(course), _) => course,
            (None, _) => {
                let reason = "whom the trust policy lets in is of the account's own organization";
                return Remedied::Nothing(reason.to_owned());
            }
        };
        let strangers = work.strangers();
        let steps = invocation.calls.steps();
        Remedied::Report(Box::new(report(event, finding, &strangers, settings, &course, steps)))
    }
}

/// One remedy on its way.
struct Work<'a> {
    account: Account<'a>,
    guardrail: &'a RoleTrust,
    event: &'a Event,
    trust: &'a Trust,
    invocation: &'a Invocation<'a>,
    organization: Organization,
    /// Why the organization or its accounts are not known, if they were asked for.
    not_told: Option<Localized>,
    /// Whether this account is told which others are of its organization, as far as is known.
    is_told_of_members: bool,
    done: Done,
}

/// Why there is nothing to take out of a role that was found open, for the log.
fn why_not_open(plan: &Plan) -> &'static str {
    match plan.situation {
        Situation::NoRole => "the role is gone",
        Situation::AnotherRole => "the role is gone: the one of its name has another ARN",
        Situation::Open | Situation::Closed => "the trust policy lets in nobody from outside",
    }
}

/// What has been done so far.
#[derive(Default)]
struct Done {
    /// The trust policy of a role that was found open, as it was read first.
    found: Option<Value>,
    /// The role as it was read before the plan was tried.
    seen: Option<LiveRole>,
    /// The plan whose action was tried.
    tried: Option<Plan>,
    /// The action, if it succeeded.
    carried_out: Option<Action>,
    /// When the call had returned.
    at: Option<(Instant, DateTime<Utc>)>,
    /// What went wrong with it.
    problem: Option<Problem>,
    /// The last plan.
    last: Option<Plan>,
}

/// Why a call failed, and whether AWS may have carried it out all the same.
struct Problem {
    text: Localized,
    has_no_answer: bool,
}

impl Work<'_> {
    /// Looks, acts and looks again until none of those whom the event let in, or who were found, is in the role's trust policy. `None` if they
    /// are inside.
    async fn run(&mut self) -> Option<Course> {
        if let Some(document) = &self.trust.document
            && self.strangers().iter().any(Stranger::depends_on_organization)
        {
            self.learn_organization(document).await;
            if self.strangers().is_empty() {
                return None;
            }
        }
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let role = match Box::pin(self.account.role(&self.trust.role_name)).await {
                Ok(role) => role,
                Err(error) => return Some(self.failed(&(&error).into())),
            };
            let plan = self.plan(role.as_ref()).await;
            self.done.last = Some(plan.clone());
            if self.trust.document.is_none() && self.done.found.is_none() {
                self.done.found = role.map(|role| role.document);
            }
            let is_in = plan.situation == Situation::Open && (!plan.outsiders.is_empty() || self.done.tried.is_none());
            if !is_in {
                let is_expected = self.done.tried.is_some() || self.invocation.has_closed(self.event, TRUST_POLICY);
                if !is_expected && self.is_young() && start.elapsed() < LOOK_FOR {
                    pause.wait().await;
                    continue;
                }
                return Some(self.closed(plan));
            }
            let acts = self.invocation.settings.acts(self.invocation.settings.role_trust_mode);
            match &plan.action {
                // A young change is not to be seen everywhere: what is written back has to be what two reads gave.
                Some(_) if acts && self.done.tried.is_none() && self.is_to_be_confirmed(&plan, start) => {}
                Some(action) if acts && self.done.tried.is_none() => {
                    let action = action.clone();
                    self.act(plan, &action).await;
                    pause.reset();
                }
                Some(_) if acts => {
                    let is_settling = self.done.at.is_some_and(|(at, _)| at.elapsed() < SETTLE);
                    let is_refused = self.done.problem.as_ref().is_some_and(|problem| !problem.has_no_answer);
                    if is_refused || !is_settling {
                        return Some(self.failed(&localized!(
                            "they were still in the trust policy when it was read again",
                            "再確認した時点でも信頼ポリシーに残っていました"
                        )));
                    }
                    pause.wait().await;
                }
                // Some of them may be outside, and only the organization can tell.
                _ if acts && self.not_told.is_some() && plan.in_it().any(Stranger::depends_on_organization) => {
                    return Some(self.failed(&self.not_told.clone().unwrap_or_default()));
                }
                _ => return Some(Course::Left { plan, not_told: self.not_told.clone() }),
            }
        }
    }

    /// Whether the role has to be read once more before its trust policy is written, as the last read gave another than the one before.
    fn is_to_be_confirmed(&mut self, plan: &Plan, start: Instant) -> bool {
        let is_other = self.done.seen != plan.live;
        self.done.seen.clone_from(&plan.live);
        is_other && self.is_young() && start.elapsed() < LOOK_FOR
    }

    /// Whether what the event wrote may not be seen everywhere yet. A finding wrote nothing.
    fn is_young(&self) -> bool {
        self.trust.document.is_some() && self.invocation.is_young(self.event)
    }

    fn circle(&self) -> Circle<'_> {
        let trusted = &self.invocation.settings.trusted_accounts;
        Circle { account: &self.trust.account, trusted, organization: &self.organization }
    }

    /// Whom the event let in, or who was found.
    fn strangers(&self) -> Vec<Stranger> {
        let document = self.trust.document.as_ref().or(self.done.found.as_ref());
        document.map(|document| strangers(document, &self.circle())).unwrap_or_default()
    }

    /// The plan, for which the organization is asked for if the live trust policy makes it matter.
    async fn plan(&mut self, role: Option<&LiveRole>) -> Plan {
        let plan_now = plan(self.trust, role, &self.circle());
        let is_undecided = plan_now.in_it().chain(&plan_now.others).any(Stranger::depends_on_organization);
        let Some(live) = role.filter(|_| is_undecided && self.not_told.is_none()) else { return plan_now };
        self.learn_organization(&live.document).await;
        plan(self.trust, role, &self.circle())
    }

    /// Asks for the account's organization, and whether the accounts that a trust policy names are of it.
    async fn learn_organization(&mut self, document: &Value) {
        if self.organization == Organization::Unknown {
            match Box::pin(self.account.organization()).await {
                Ok(organization) => {
                    self.guardrail.remember(&organization);
                    self.organization = organization;
                }
                Err(error) => self.not_told = Some((&error).into()),
            }
        }
        if !strangers(document, &self.circle()).iter().any(Stranger::depends_on_organization) {
            return;
        }
        let accounts = undecided_accounts(document, &self.circle());
        let Organization::Own { accounts: known, .. } = &mut self.organization else { return };
        if !self.is_told_of_members {
            return;
        }
        let account = &self.account;
        let answers = join_all(accounts.iter().map(|id| Box::pin(account.is_member(id)))).await;
        for (id, answer) in accounts.into_iter().zip(answers) {
            match answer {
                Ok(Some(is_member)) => drop(known.insert(id, is_member)),
                Ok(None) => self.is_told_of_members = false,
                Err(error) => self.not_told = Some((&error).into()),
            }
        }
    }

    /// Carries out a plan. What fails is kept for the next look, which shows whether it mattered.
    async fn act(&mut self, plan: Plan, action: &Action) {
        self.done.tried = Some(plan);
        let mut action = action.clone();
        let mut result = Box::pin(self.account.apply(&action)).await;
        let is_malformed = |error: &CallError| error.code.as_deref() == Some("MalformedPolicyDocument");
        if result.as_ref().is_err_and(is_malformed)
            && let Some(smaller) = action.without_deleted()
        {
            action = smaller;
            result = Box::pin(self.account.apply(&action)).await;
        }
        self.done.at = Some((Instant::now(), self.invocation.now()));
        match result {
            Ok(()) => {
                self.done.carried_out = Some(action);
                self.invocation.closed(self.event, TRUST_POLICY);
            }
            Err(error) => {
                self.done.problem = Some(Problem { text: (&error).into(), has_no_answer: error.code.is_none() });
            }
        }
    }

    /// How it ended, once the account shows none of the outsiders in the trust policy.
    fn closed(&mut self, now: Plan) -> Course {
        if now.in_it().any(Stranger::depends_on_organization)
            && let Some(problem) = self.not_told.clone()
        {
            return self.failed(&problem);
        }
        match self.done.tried.take() {
            None => Course::Gone(now),
            Some(plan) => {
                let at = self.done.at.map_or_else(|| self.invocation.now(), |(_, at)| at);
                Course::Closed { plan, carried_out: self.done.carried_out.take(), at, now: Box::new(now) }
            }
        }
    }

    fn failed(&self, problem: &Localized) -> Course {
        let problem = match &self.done.problem {
            Some(cause) => Localized::join(&[cause.text.clone(), problem.clone()]),
            None => problem.clone(),
        };
        match &self.done.last {
            Some(plan) => Course::Failed { plan: plan.clone(), carried_out: self.done.carried_out.clone(), problem },
            None => Course::NotRead { problem },
        }
    }
}
