//! The way of one event: parse, decide, remedy, report, notify.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rules::config::{ComplianceChange, NON_COMPLIANT};
use rules::decision::decide;
use rules::settings::Mode;
use rules::{
    Alert, Decision, Event, Localized, Origin, Outcome, Report, Settings, Step, Subscription, Unreadable, alert, event,
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::calls::{CallError, Calls};
use crate::config_rules::ConfigRules;
use crate::memory::{Memory, Unsent};
use crate::notify::Notifier;

/// Tells the time; injected so that tests can say how old an event is.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// One function's rule, with the reads and writes that its remedy takes.
pub trait Guardrail {
    /// What its `detect` finds.
    type Finding;

    /// The function's name.
    fn name(&self) -> &'static str;

    /// The events that it wants.
    fn subscriptions(&self) -> &'static [Subscription];

    /// Its mode.
    fn mode(&self, settings: &Settings) -> Mode;

    /// What it asks for what is behind the name of a rule of AWS Config, before [`Self::detect`]. A guardrail that subscribes to AWS Config has it.
    fn config_rules(&self) -> Option<&ConfigRules> {
        None
    }

    /// Decides on an event that the subscriptions cover, without looking at the account.
    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Self::Finding>;

    /// Looks at the account, takes back what is open if the settings say so, and looks again. Ends by the invocation's deadline.
    fn remedy(
        &self,
        event: &Event,
        finding: &Self::Finding,
        invocation: &Invocation<'_>,
    ) -> impl Future<Output = Remedied> + Send;
}

/// A guardrail of whatever kind, for those who hold several.
pub trait AnyGuardrail {
    /// [`Guardrail::name`].
    fn name(&self) -> &'static str;

    /// [`Guardrail::subscriptions`].
    fn subscriptions(&self) -> &'static [Subscription];

    /// [`Guardrail::mode`].
    fn mode(&self, settings: &Settings) -> Mode;

    /// [`Runtime::handle`] with this guardrail.
    fn handle<'a>(
        &'a self,
        runtime: &'a Runtime,
        raw: &'a Value,
        time: Duration,
    ) -> Pin<Box<dyn Future<Output = Handled> + 'a>>;
}

impl<G: Guardrail> AnyGuardrail for G {
    fn name(&self) -> &'static str {
        Guardrail::name(self)
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        Guardrail::subscriptions(self)
    }

    fn mode(&self, settings: &Settings) -> Mode {
        Guardrail::mode(self, settings)
    }

    fn handle<'a>(
        &'a self,
        runtime: &'a Runtime,
        raw: &'a Value,
        time: Duration,
    ) -> Pin<Box<dyn Future<Output = Handled> + 'a>> {
        Box::pin(runtime.handle(self, raw, time))
    }
}

/// What a remedy came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Remedied {
    /// The account shows no violation; the reason in words.
    Nothing(String),
    /// It goes with what was told shortly before, and is only counted; the reason in words.
    Folded(String),
    /// There is something to tell.
    Report(Box<Report>),
    /// Taken back like anything else, and nobody is to be mailed; the reason in words.
    HeldBack(String, Box<Report>),
}

/// What a remedy may use.
pub struct Invocation<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// By when the remedy must have ended.
    pub deadline: Instant,
    /// Where its AWS calls are recorded.
    pub calls: &'a Calls,
    runtime: &'a Runtime,
}

impl Invocation<'_> {
    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.runtime.clock)()
    }

    /// Whether the event is so young that what it made may not be readable everywhere yet. An event without a time counts as old.
    pub fn is_young(&self, event: &Event) -> bool {
        event.time.is_some_and(|time| (self.now() - time).num_seconds() < 60)
    }

    /// Remembers that this process closed something that an event opened, so that its absence surprises nobody when the event is
    /// delivered again. Nothing is remembered of an event without an id.
    pub fn closed(&self, event: &Event, object: &str) {
        if let Some(identity) = &event.identity {
            self.runtime.memory.closed(identity, object);
        }
    }

    /// Whether this process closed what this event opened.
    pub fn has_closed(&self, event: &Event, object: &str) -> bool {
        event.identity.as_ref().is_some_and(|identity| self.runtime.memory.has_closed(identity, object))
    }

    /// Whether this process mailed an alert of the event with this identity ([`Event::identity`]), and SNS took it.
    pub fn has_told(&self, identity: &str) -> bool {
        self.runtime.memory.is_told(identity)
    }

    /// Remembers a change that this process made and that is an event of its own, which is not to be told.
    pub fn did(&self, deed: &str) {
        self.runtime.memory.did(deed);
    }

    /// Whether this process made that change.
    pub fn has_done(&self, deed: &str) -> bool {
        self.runtime.memory.has_done(deed)
    }
}

/// What all events of a process share.
pub struct Runtime {
    settings: Settings,
    notifier: Option<Notifier>,
    clock: Clock,
    memory: Memory,
}

/// What was decided in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No violation.
    Ignored,
    /// A violation by a trusted actor.
    Exempt,
    /// A violation.
    Violation,
    /// One of our calls that could not be read.
    Unreadable,
    /// A violation that goes with one told shortly before, and is only counted.
    Folded,
    /// A violation that was taken back, and that nobody is mailed of because it was made to be.
    HeldBack,
    /// A repeat of an event whose report had not been sent.
    Resent,
}

/// How an event was handled.
#[derive(Clone, Debug)]
pub struct Handled {
    /// What was decided.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// What there was to tell.
    pub report: Option<Report>,
    /// The mail: accepted by SNS, or, without a notifier, as it would be.
    pub mail: Option<Alert>,
    /// Whether there was no mail because this process had told the same before.
    pub is_told_before: bool,
    /// Why the chat did not get what was mailed. It is not tried again, since that would mean to mail again.
    pub chat_error: Option<CallError>,
    /// The AWS calls made, but for the mail's.
    pub steps: Vec<Step>,
    /// Why the invocation has to end in an error, so that Lambda tries again.
    pub error: Option<HandleError>,
}

/// Why the same event is to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// A step failed; the alert went out.
    #[error("failed to take the change back: {0}")]
    Remedy(String),
    /// What there was to tell was not taken.
    #[error("failed to send the alert: {0}")]
    Notify(#[from] CallError),
}

impl Runtime {
    /// For these settings. Without a notifier, mails are made and not sent.
    pub fn new(settings: Settings, notifier: Option<Notifier>, clock: Clock) -> Self {
        Self { settings, notifier, clock, memory: Memory::default() }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes one event all the way, within about `time`, and writes one log line about it.
    pub async fn handle<G: Guardrail>(&self, guardrail: &G, raw: &Value, time: Duration) -> Handled {
        let start = Instant::now();
        // What is left for the mail once the remedy's time is over.
        let deadline = start + time.saturating_sub(Duration::from_secs(12)).min(Duration::from_secs(45));
        let calls = Calls::new(self.settings.alert_language);
        let parsed = event::parse(raw);
        let event = match &parsed {
            Ok(event) => event,
            Err(unreadable) => &unreadable.event,
        };
        let unsent = event.identity.as_deref().and_then(|identity| self.memory.unsent(identity));
        let is_unfinished = unsent.as_ref().is_none_or(|unsent| unsent.is_unfinished);
        let resent = match unsent {
            Some(unsent) => Some(self.resend(event, unsent).await),
            None => None,
        };
        let mut handled = match resent {
            // What could not be finished is tried again once it has been told.
            Some(resent) if resent.error.is_some() || !is_unfinished => resent,
            _ => {
                let settings = self.settings.on(event);
                let invocation = Invocation { settings: &settings, deadline, calls: &calls, runtime: self };
                match self.identified(guardrail, event, &invocation).await {
                    Ok(identified) => {
                        let parsed = identified.as_ref().map_or(parsed.as_ref(), Ok);
                        let (verdict, remedied) = self.decide_and_remedy(guardrail, parsed, &invocation).await;
                        self.tell(parsed.unwrap_or(event), verdict, remedied).await
                    }
                    Err(problem) => {
                        let report = alert::rule_not_known(event, &problem, settings.alert_language, calls.steps());
                        self.tell(event, Verdict::Violation, Remedied::Report(Box::new(report))).await
                    }
                }
            }
        };
        handled.steps = calls.steps();
        log(guardrail.name(), event, &handled, start.elapsed());
        handled
    }

    async fn decide_and_remedy<G: Guardrail>(
        &self,
        guardrail: &G,
        parsed: Result<&Event, &Unreadable>,
        invocation: &Invocation<'_>,
    ) -> (Verdict, Remedied) {
        let unreadable = |unreadable: &Unreadable| {
            (
                Verdict::Unreadable,
                Remedied::Report(Box::new(alert::unreadable(unreadable, self.settings.alert_language))),
            )
        };
        let event = match parsed {
            Ok(event) => event,
            Err(problem) => return unreadable(problem),
        };
        let settings = invocation.settings;
        let mode = guardrail.mode(settings);
        let detect = |event: &Event, settings: &Settings| guardrail.detect(event, settings);
        match decide(event, settings, guardrail.subscriptions(), mode, detect) {
            Decision::Ignore(reason) => (Verdict::Ignored, Remedied::Nothing(reason)),
            Decision::Exempt(reason) => (Verdict::Exempt, Remedied::Nothing(reason)),
            Decision::Unreadable(missing) => unreadable(&Unreadable { missing, event: Box::new(event.clone()) }),
            // Alike from here on: what the account shows decides on all of them.
            Decision::Violation(finding) | Decision::Candidate(finding) | Decision::Incident(finding) => {
                let remedied = guardrail.remedy(event, &finding, invocation).await;
                let verdict = match remedied {
                    Remedied::Nothing(_) => Verdict::Ignored,
                    Remedied::Folded(_) => Verdict::Folded,
                    Remedied::Report(_) => Verdict::Violation,
                    Remedied::HeldBack(..) => Verdict::HeldBack,
                };
                (verdict, remedied)
            }
        }
    }

    /// The event with what is behind the name of the rule of AWS Config that it tells of; `None` if there is nothing to ask for.
    async fn identified<G: Guardrail>(
        &self,
        guardrail: &G,
        event: &Event,
        invocation: &Invocation<'_>,
    ) -> Result<Option<Event>, Localized> {
        let (Origin::Config(change), Some(config_rules)) = (&event.origin, guardrail.config_rules()) else {
            return Ok(None);
        };
        if guardrail.mode(invocation.settings) == Mode::Off || change.compliance != NON_COMPLIANT {
            return Ok(None);
        }
        let asked = config_rules.behind(change, event.region.as_deref(), invocation.calls);
        let behind = timeout_at(invocation.deadline, asked).await.map_err(|_| alert::time_ran_out()).flatten()?;
        let origin = Origin::Config(ComplianceChange { behind: Some(behind), ..change.clone() });
        Ok(Some(Event { origin, ..event.clone() }))
    }

    /// Mails what there is to tell, unless this process has already told it and changed nothing since.
    async fn tell(&self, event: &Event, verdict: Verdict, remedied: Remedied) -> Handled {
        let mut handled = Handled {
            verdict,
            reason: String::new(),
            report: None,
            mail: None,
            is_told_before: false,
            chat_error: None,
            steps: Vec::new(),
            error: None,
        };
        let report = match remedied {
            Remedied::Nothing(reason) | Remedied::Folded(reason) => {
                handled.reason = reason;
                return handled;
            }
            Remedied::HeldBack(reason, report) => {
                handled.reason = reason;
                // So that the same event, should it come again, is not told as something that was gone already.
                if let Some(identity) = &event.identity {
                    self.memory.accepted(identity, report.outcome);
                }
                handled.report = Some(*report);
                return handled;
            }
            Remedied::Report(report) => report,
        };
        let problem = report.problem.as_ref().map(ToString::to_string);
        handled.reason = problem.clone().unwrap_or_else(|| report.headline.clone());
        handled.error = problem.map(HandleError::Remedy);
        let identity = event.identity.as_deref().unwrap_or_default();
        let is_told = !identity.is_empty() && self.memory.is_told(identity);
        if is_told && report.closed_at.is_none() && report.outcome != Outcome::Failed {
            handled.reason = format!("{}; told before", handled.reason);
            handled.is_told_before = true;
            handled.report = Some(*report);
            return handled;
        }
        let mail = alert::render(&report, event);
        match self.publish(&mail).await {
            Ok(()) => {
                if !identity.is_empty() {
                    self.memory.accepted(identity, report.outcome);
                }
                handled.chat_error = self.chat(&mail).await.err();
            }
            Err(error) => {
                // Only what we closed can't be found again. Everything else is looked at anew, and told as it is by then.
                if report.closed_at.is_some() && !identity.is_empty() {
                    self.memory.keep_unsent(Unsent {
                        event: identity.to_owned(),
                        outcome: report.outcome,
                        is_unfinished: report.problem.is_some(),
                        alert: mail.clone(),
                    });
                }
                handled.error = Some(HandleError::Notify(error));
            }
        }
        handled.mail =
            handled.error.as_ref().is_none_or(|error| matches!(error, HandleError::Remedy(_))).then_some(mail);
        handled.report = Some(*report);
        handled
    }

    async fn resend(&self, event: &Event, Unsent { outcome, alert: mail, .. }: Unsent) -> Handled {
        let sent = self.publish(&mail).await;
        let mut chat_error = None;
        if let (Ok(()), Some(identity)) = (&sent, &event.identity) {
            self.memory.accepted(identity, outcome);
            chat_error = self.chat(&mail).await.err();
        }
        Handled {
            verdict: Verdict::Resent,
            reason: "handled before, only the mail was missing".to_owned(),
            report: None,
            mail: sent.is_ok().then_some(mail),
            is_told_before: false,
            chat_error,
            steps: Vec::new(),
            error: sent.err().map(HandleError::Notify),
        }
    }

    async fn publish(&self, mail: &Alert) -> Result<(), CallError> {
        match &self.notifier {
            Some(notifier) => notifier.publish(mail).await,
            None => Ok(()),
        }
    }

    /// Only after the mail: whatever becomes of it, the mail is out and remembered.
    async fn chat(&self, mail: &Alert) -> Result<(), CallError> {
        match &self.notifier {
            Some(notifier) => notifier.chat(mail).await,
            None => Ok(()),
        }
    }
}

/// The most AWS calls that a log line names.
const MOST_LOGGED_STEPS: usize = 200;

/// One line per decision: who, what, why, how long. Never the event itself.
fn log(function: &str, event: &Event, handled: &Handled, took: Duration) {
    let left_out = handled.steps.len().saturating_sub(MOST_LOGGED_STEPS);
    let mut steps: Vec<String> = handled
        .steps
        .iter()
        .take(MOST_LOGGED_STEPS)
        .map(|step| {
            let result = if step.result.is_ok() { "ok" } else { "failed" };
            format!("{} {} {result} {} ms", step.call, step.target, step.millis)
        })
        .collect();
    steps.extend((left_out > 0).then(|| format!("and {left_out} more")));
    let outcome = handled.report.as_ref().map(|report| report.outcome.words());
    let severity = handled.report.as_ref().and_then(|report| report.severity).map(rules::Severity::word);
    let actions = handled.report.as_ref().map(|report| report.actions.join("; "));
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                function,
                event_id = event.id.as_deref(),
                event_name = event.name,
                event_time = event.time_text,
                account = event.account.as_deref(),
                region = event.region.as_deref(),
                actor = event.actor.principal_arn().or(event.actor.arn.as_deref()),
                verdict = ?handled.verdict,
                reason = handled.reason,
                outcome,
                severity,
                actions,
                steps = steps.join("; "),
                mailed = handled.mail.is_some(),
                error = handled.error.as_ref().map(tracing::field::display),
                chat_error = handled.chat_error.as_ref().map(tracing::field::display),
                duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "decided"
            )
        };
    }
    if handled.error.is_some() || handled.chat_error.is_some() {
        line!(error);
    } else {
        line!(info);
    }
}
