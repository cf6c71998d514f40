//! Takes back long-term credentials of IAM users that are new, re-activated or reset.
//!
//! The rule is in `rules::access_key`; here are its reads and writes ([`account`]) and the course of a remedy: shut off, see whether it was
//! used, shut off what was got with it, delete, look again.

pub mod account;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use chrono::TimeDelta;
use rules::access_key::detect::{self, Change, Credential, Finding};
use rules::access_key::plan::{Action, Status, plan};
use rules::access_key::report::{Course, Handled, Seen, Sessions, report};
use rules::access_key::sessions::{AssumedRoles, LastUse};
use rules::access_key::{Kind, NAME, SUBSCRIPTIONS};
use rules::settings::Mode;
use rules::{Decision, Event, Settings, Subscription};
use runtime::{CallError, Guardrail, Invocation, LOOK_FOR, Pause, Remedied, SETTLE};
use tokio::time::{Instant, timeout_at};

use account::{Account, Held};

/// How far ahead of now the sessions are denied: for a moment after it was deactivated, a key may still work in places.
const SPREADING: TimeDelta = TimeDelta::minutes(1);

/// How long before now role sessions of interest may have begun: none lives longer than 12 hours, and the credentials that they
/// were got with no longer than 36.
const SESSIONS_SINCE: TimeDelta = TimeDelta::hours(48);

/// How long the event history may be looked through.
const LOOKUP_TIME: Duration = Duration::from_secs(12);

/// The guardrail.
pub struct AccessKey {
    config: SdkConfig,
    iam: aws_sdk_iam::Client,
}

impl AccessKey {
    /// IAM is one for all regions; clients for CloudTrail are made from `config` as regions are needed.
    pub fn new(config: SdkConfig) -> Self {
        let iam = aws_sdk_iam::Client::new(&config);
        Self { config, iam }
    }
}

impl Guardrail for AccessKey {
    type Finding = Finding;

    fn name(&self) -> &'static str {
        NAME
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        SUBSCRIPTIONS
    }

    fn mode(&self, settings: &Settings) -> Mode {
        settings.access_key_mode
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let course = match finding {
            Finding::OfRoot(_) => Course::Root,
            Finding::OfUser(credential) => {
                let account = Account { iam: &self.iam, config: &self.config, calls: invocation.calls };
                Work::new(account, event, credential, invocation).run().await
            }
        };
        let steps = invocation.calls.steps();
        Remedied::Report(Box::new(report(event, finding, invocation.settings, &course, steps)))
    }
}

/// One remedy on its way.
struct Work<'a> {
    account: Account<'a>,
    event: &'a Event,
    credential: &'a Credential,
    invocation: &'a Invocation<'a>,
    held: Held<'a>,
    plan: Vec<Action>,
    /// What has been done so far; `None` before anything was tried.
    handled: Option<Handled>,
}

/// What the first look, or the first blow, found.
enum First {
    /// It is there, and was found so by reading.
    Shown(Status),
    /// It was to be deactivated: done, or refused.
    Struck(Result<(), CallError>),
    /// It is not there.
    Absent,
}

impl<'a> Work<'a> {
    fn new(account: Account<'a>, event: &'a Event, credential: &'a Credential, invocation: &'a Invocation<'a>) -> Self {
        let held = Held { kind: credential.kind, id: &credential.id, user: credential.user.clone() };
        let plan = plan(credential, invocation.settings.access_key_mode);
        Self { account, event, credential, invocation, held, plan, handled: None }
    }

    async fn run(mut self) -> Course {
        let ended = timeout_at(self.invocation.deadline, Box::pin(self.look_and_act())).await;
        let problem = match ended {
            Ok(Ok(Some(course))) => return course,
            Ok(Ok(None)) => None,
            Ok(Err(problem)) => Some(problem),
            Err(_) => Some("the time for it ran out".to_owned()),
        };
        let renamed_to = self.renamed_to();
        let Some(mut handled) = self.handled else {
            return Course::NotRead { problem: problem.unwrap_or_default() };
        };
        if let (Seen::NotRead(unread), Some(problem)) = (&mut handled.seen, problem) {
            *unread = problem;
        }
        handled.renamed_to = renamed_to;
        Course::Handled(Box::new(handled))
    }

    /// How it ended, if nothing was tried; `None` if something was, which then is in `handled`.
    async fn look_and_act(&mut self) -> Result<Option<Course>, String> {
        let acts = self.invocation.settings.acts(self.invocation.settings.access_key_mode);
        // What is new is struck at once. What this process has dealt with, and what was there before, is looked at first.
        let strikes = acts && self.credential.change == Change::Made && !self.has_closed();
        let (start, mut pause) = (Instant::now(), Pause::default());
        loop {
            let first = if strikes { self.strike().await } else { self.look().await? };
            let is_late = !self.invocation.is_young(self.event) || self.has_closed() || start.elapsed() >= LOOK_FOR;
            match first {
                First::Struck(result) => {
                    self.note(Action::Deactivate, result);
                    self.finish().await;
                    return Ok(None);
                }
                First::Shown(Status::Active) if acts => {
                    self.handled();
                    let result = self.account.deactivate(&self.held).await;
                    self.note(Action::Deactivate, result);
                    self.finish().await;
                    return Ok(None);
                }
                First::Shown(Status::Active) => {
                    let last_use = match self.held.kind {
                        Kind::AccessKey => self.last_use().await,
                        _ => LastUse::NotAsked,
                    };
                    return Ok(Some(Course::Withheld { renamed_to: self.renamed_to(), last_use }));
                }
                // A reset leaves the status as it is; what was activated is seen to be active sooner or later.
                First::Shown(Status::Inactive) if is_late || self.credential.change == Change::Reset => {
                    if acts && self.held.kind == Kind::AccessKey && !self.has_closed() && self.has_left_sessions().await
                    {
                        return Ok(None);
                    }
                    return Ok(Some(Course::Gone { is_there: true, now: self.invocation.now() }));
                }
                First::Shown(Status::Inactive) => pause.wait().await,
                First::Absent => match self.owner().await? {
                    Some(owner) if owner != self.held.user => {
                        if self.held.user != self.credential.user {
                            pause.wait().await;
                        }
                        self.held.user = owner;
                    }
                    Some(_) if is_late => return Err("AWS shows the key to some calls and not to others".to_owned()),
                    None if is_late => return Ok(Some(Course::Gone { is_there: false, now: self.invocation.now() })),
                    Some(_) | None => pause.wait().await,
                },
            }
        }
    }

    fn renamed_to(&self) -> Option<String> {
        (self.held.user != self.credential.user).then(|| self.held.user.clone())
    }

    fn has_closed(&self) -> bool {
        self.invocation.has_closed(self.event, &self.credential.id)
    }

    async fn strike(&mut self) -> First {
        // Noted before the answer: if the time runs out meanwhile, it may have been carried out all the same.
        self.handled();
        match self.account.deactivate(&self.held).await {
            Err(error) if error.is_not_found() => First::Absent,
            result => First::Struck(result),
        }
    }

    async fn look(&self) -> Result<First, String> {
        let status = self.account.status(&self.held).await.map_err(|error| error.to_string())?;
        Ok(status.map_or(First::Absent, First::Shown))
    }

    /// Whose an access key is that the event's user hasn't got: users can be renamed. `None` if it is nobody's, and for the other
    /// kinds, of which AWS does not tell it.
    async fn owner(&self) -> Result<Option<String>, String> {
        if self.held.kind != Kind::AccessKey || self.has_closed() {
            return Ok(None);
        }
        match self.account.last_use(self.held.id).await {
            Ok((owner, _)) => Ok(owner),
            // Of a key that there is not, AWS can't tell whether the caller may ask.
            Err(error) if error.is_not_found() || is_denied(&error) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a call found nothing because the user was renamed meanwhile; the new name counts from here on.
    async fn is_renamed(&mut self, result: &Result<(), CallError>) -> bool {
        if !result.as_ref().is_err_and(CallError::is_not_found) {
            return false;
        }
        match self.owner().await {
            Ok(Some(owner)) if owner != self.held.user => {
                self.held.user = owner;
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Deals with what was got with a key that is inactive by now, by somebody's doing or by an earlier try of ours; whether
    /// there is anything to tell of it.
    async fn has_left_sessions(&mut self) -> bool {
        let last_use = self.last_use().await;
        let is_since = match &last_use {
            LastUse::Shown(last) => last.is_since(self.event, self.credential.change),
            LastUse::Unknown(_) => true,
            LastUse::NoneShown | LastUse::NotAsked => false,
        };
        if !is_since {
            return false;
        }
        self.handled().last_use = last_use;
        self.handled().seen = Seen::There(Status::Inactive);
        self.revoke_sessions().await;
        if self.sessions_are_dealt_with() {
            self.invocation.closed(self.event, &self.credential.id);
        }
        self.look_for_roles().await;
        true
    }

    /// What has been done, beginning now if nothing was.
    fn handled(&mut self) -> &mut Handled {
        let now = self.invocation.now();
        self.handled.get_or_insert_with(|| Handled {
            renamed_to: None,
            carried_out: Vec::new(),
            failures: Vec::new(),
            seen: Seen::NotRead(String::new()),
            at: None,
            last_use: LastUse::NotAsked,
            sessions: Sessions::LeftAlone,
            roles: None,
            now,
        })
    }

    /// Notes how a write went. What is gone needs no further writing.
    fn note(&mut self, action: Action, result: Result<(), CallError>) -> bool {
        let now = self.invocation.now();
        let handled = self.handled();
        match result {
            Ok(()) => {
                handled.carried_out.push(action);
                handled.at.get_or_insert(now);
                true
            }
            Err(error) if error.is_not_found() => true,
            Err(error) => {
                handled.failures.push(error.to_string());
                false
            }
        }
    }

    fn has_done(&mut self, action: Action) -> bool {
        self.handled().carried_out.contains(&action)
    }

    /// After the deactivation, or what became of it: sees whether the key was used, shuts off what was got with it, deletes it, and looks
    /// again.
    async fn finish(&mut self) {
        let is_deactivated = self.has_done(Action::Deactivate);
        let is_key = self.held.kind == Kind::AccessKey;
        if is_key && is_deactivated {
            self.handled().last_use = self.last_use().await;
            self.revoke_sessions().await;
        }
        // A deleted key can't be asked about. If something is left to be done about its sessions, it stays for the next try, inactive.
        let may_go = !is_deactivated || self.sessions_are_dealt_with();
        let deletes = self.plan.contains(&Action::Delete);
        let is_closed = if deletes && may_go {
            let mut result = self.account.delete(&self.held).await;
            if self.is_renamed(&result).await {
                result = self.account.delete(&self.held).await;
            }
            self.note(Action::Delete, result)
        } else {
            !deletes && is_deactivated && may_go
        };
        if is_closed {
            self.invocation.closed(self.event, &self.credential.id);
        }
        self.look_again().await;
        if is_key && !is_deactivated {
            self.handled().last_use = match self.account.last_use(self.held.id).await {
                Ok((_, last_use)) => last_use,
                Err(error) => LastUse::Unknown(error.to_string()),
            };
        }
        self.look_for_roles().await;
    }

    fn sessions_are_dealt_with(&mut self) -> bool {
        let handled = self.handled();
        handled.sessions != Sessions::NotDenied && !matches!(handled.last_use, LastUse::Unknown(_))
    }

    /// When the key was used last. A young key may not be known everywhere yet.
    async fn last_use(&self) -> LastUse {
        let (start, mut pause) = (Instant::now(), Pause::default());
        loop {
            let error = match self.account.last_use(self.held.id).await {
                Ok((_, last_use)) => return last_use,
                Err(error) => error,
            };
            let is_unknown_yet = error.is_not_found() || is_denied(&error);
            if !is_unknown_yet || !self.invocation.is_young(self.event) || start.elapsed() >= SETTLE {
                return LastUse::Unknown(error.to_string());
            }
            pause.wait().await;
        }
    }

    /// Denies everything to the user's temporary credentials, if some may have been got with the key.
    async fn revoke_sessions(&mut self) {
        let now = self.invocation.now();
        if !matches!(&self.handled().last_use, LastUse::Shown(last) if last.may_have_left_sessions(now)) {
            return;
        }
        let before = now + SPREADING;
        let mut result = self.account.deny_older_sessions(&self.held.user, before).await;
        if self.is_renamed(&result).await {
            result = self.account.deny_older_sessions(&self.held.user, before).await;
        }
        let is_gone = result.as_ref().is_err_and(CallError::is_not_found);
        let is_done = self.note(Action::RevokeSessions, result);
        self.handled().sessions = match (is_gone, is_done) {
            (true, _) => Sessions::UserGone,
            (false, true) => Sessions::Denied(before),
            (false, false) => Sessions::NotDenied,
        };
    }

    /// Reads the credential until it shows what was done, for as long as that may take.
    async fn look_again(&mut self) {
        let (start, mut pause) = (Instant::now(), Pause::default());
        let (is_deactivated, is_deleted) = (self.has_done(Action::Deactivate), self.has_done(Action::Delete));
        loop {
            let status = self.account.status(&self.held).await;
            let is_settled = match status {
                Ok(None) | Err(_) => true,
                Ok(Some(Status::Inactive)) => !is_deleted,
                Ok(Some(Status::Active)) => !is_deactivated && !is_deleted,
            };
            self.handled().seen = match status {
                Ok(None) => Seen::Absent,
                Ok(Some(status)) => Seen::There(status),
                Err(error) => Seen::NotRead(error.to_string()),
            };
            if is_settled || start.elapsed() >= SETTLE {
                return;
            }
            pause.wait().await;
        }
    }

    /// Finds the roles that were assumed with the key, in the regions where that may be recorded: the function's, the event's, and that of
    /// the key's last use. What fails is told and no more.
    async fn look_for_roles(&mut self) {
        let now = self.invocation.now();
        let last_region = match &self.handled().last_use {
            LastUse::Shown(last) if last.may_have_left_sessions(now) => last.region.clone(),
            _ => return,
        };
        let own = self.account.config.region().map(ToString::to_string);
        let regions: BTreeSet<String> =
            [own, self.event.region.clone(), Some(last_region)].into_iter().flatten().collect();
        let since = now - SESSIONS_SINCE;
        // Shorter than what is left, so that all the rest is told whatever comes of this.
        let margin = Duration::from_secs(1);
        let deadline = (Instant::now() + LOOKUP_TIME).min(self.invocation.deadline - margin);
        let mut roles = AssumedRoles::default();
        for region in regions {
            let looked = self.account.assumed_roles(self.held.id, &region, since, &mut roles.arns);
            match timeout_at(deadline, Box::pin(looked)).await {
                Ok(Ok(())) => drop(roles.regions.insert(region)),
                Ok(Err(problem)) => roles.problems.push(problem),
                Err(_) => roles.problems.push(format!("the time for CloudTrail in {region} ran out")),
            }
        }
        self.handled().roles = Some(roles);
    }
}

/// Whether AWS refused a call because the caller may not make it.
fn is_denied(error: &CallError) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("AccessDenied"))
}
