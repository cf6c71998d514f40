//! Takes back long-term credentials of IAM users that are new, re-activated or reset.
//!
//! The rule is in `rules::access_key`; here are its reads and writes ([`account`]) and the course of a remedy: shut off, see whether it was
//! used, shut off what was got with it, delete, look again.

pub mod account;
mod old_keys;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use chrono::TimeDelta;
use rules::access_key::detect::{self, Change, Credential, Finding};
use rules::access_key::old;
use rules::access_key::plan::{Action, Status, plan};
use rules::access_key::report::{Course, Found, Handled, Seen, Sessions, of_root, of_user};
use rules::access_key::sessions::{AssumedRoles, LastUse, Use};
use rules::access_key::{Kind, NAME, SUBSCRIPTIONS};
use rules::alert::time_ran_out;
use rules::settings::Mode;
use rules::{Decision, Event, Localized, Outcome, Settings, Subscription, say};
use runtime::{CallError, ConfigRules, Guardrail, Invocation, LOOK_FOR, Pause, Remedied, SETTLE};
use tokio::time::{Instant, timeout_at};

use account::{Account, Held, is_denied};
use old_keys::Deactivation;

/// How far ahead of now the sessions are denied: for a moment after it was deactivated, a key may still work in places.
const SPREADING: TimeDelta = TimeDelta::minutes(1);

/// How long before now role sessions of interest may have begun: none lives longer than 12 hours, and the credentials that they
/// were got with no longer than 36.
const SESSIONS_SINCE: TimeDelta = TimeDelta::hours(48);

/// How long the event history may be looked through.
const LOOKUP_TIME: Duration = Duration::from_secs(12);

/// Why a credential can't be dealt with that AWS shows to some calls and not to others.
fn contradiction() -> Localized {
    Localized::new(|language| {
        say!(
            language,
            "AWS shows it to some calls and not to others",
            "AWS の応答が呼び出しによって異なり、存在するかどうかが一致しません"
        )
    })
}

/// The guardrail.
pub struct AccessKey {
    config: SdkConfig,
    iam: aws_sdk_iam::Client,
    config_rules: ConfigRules,
}

impl AccessKey {
    /// IAM is one for all regions; clients for CloudTrail are made from `config` as regions are needed.
    pub fn new(config: SdkConfig) -> Self {
        let iam = aws_sdk_iam::Client::new(&config);
        Self { config_rules: ConfigRules::new(config.clone()), config, iam }
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

    fn config_rules(&self) -> Option<&ConfigRules> {
        Some(&self.config_rules)
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let account = Account { iam: &self.iam, config: &self.config, calls: invocation.calls };
        let report = match finding {
            Finding::OfRoot(credential) => of_root(event, credential, invocation.settings.alert_language),
            Finding::OldKeys { id, days } => {
                match Box::pin(Deactivation::new(account, invocation, id, *days).run()).await {
                    Ok(course) => {
                        let steps = invocation.calls.steps();
                        old::report(event, (id, *days), invocation.settings, &course, invocation.now(), steps)
                    }
                    Err(reason) => return Remedied::Nothing(reason),
                }
            }
            Finding::OfUser(credential) => {
                let course = Work::new(account, event, credential, invocation).run().await;
                of_user(event, credential, invocation.settings, &course, invocation.calls.steps())
            }
        };
        Remedied::Report(Box::new(report))
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
            Err(_) => Some(time_ran_out()),
        };
        let renamed_to = self.renamed_to();
        let Some(mut handled) = self.handled else {
            return Course::NotRead { problem: problem.unwrap_or_default() };
        };
        match (&mut handled.seen, problem) {
            (Seen::NotRead(unread), Some(problem)) => *unread = problem,
            (_, problem) => handled.failures.extend(problem),
        }
        handled.renamed_to = renamed_to;
        Course::Handled(Box::new(handled))
    }

    /// How it ended, if nothing was tried; `None` if something was, which then is in `handled`.
    async fn look_and_act(&mut self) -> Result<Option<Course>, Localized> {
        let acts = self.invocation.settings.acts(self.invocation.settings.access_key_mode);
        // What is new is struck at once. What this process has dealt with, and what was there before, is looked at first.
        let strikes = acts && self.credential.change == Change::Made && !self.has_closed();
        let (start, mut pause) = (Instant::now(), Pause::default());
        // The name that it was last not found under.
        let mut missed: Option<String> = None;
        loop {
            let first = match if strikes { First::Shown(Status::Active) } else { self.look().await? } {
                First::Shown(Status::Active) if acts && !self.has_closed() => self.strike().await,
                first => first,
            };
            let is_late = !self.invocation.is_young(self.event) || self.has_closed() || start.elapsed() >= LOOK_FOR;
            match first {
                First::Struck(result) => {
                    self.note(Action::Deactivate, result);
                    self.finish().await;
                    return Ok(None);
                }
                First::Shown(Status::Active) if self.has_closed() => {
                    return Ok(Some(self.settled(Found::ActivatedSince)));
                }
                First::Shown(Status::Active) => {
                    let last_use = match self.held.kind {
                        Kind::AccessKey => self.last_use(SETTLE).await,
                        _ => LastUse::NotAsked,
                    };
                    return Ok(Some(Course::Withheld { renamed_to: self.renamed_to(), last_use }));
                }
                // A reset leaves the status as it is; what was activated is seen to be active sooner or later.
                First::Shown(Status::Inactive) if is_late || self.credential.change == Change::Reset => {
                    if acts && self.deals_with_sessions().await {
                        return Ok(None);
                    }
                    return Ok(Some(self.settled(Found::Inactive)));
                }
                First::Absent if self.has_closed() => return Ok(Some(self.settled(Found::Absent))),
                // It is searched for once under each name, and once more before it is given up.
                First::Absent if is_late || missed.as_ref() != Some(&self.held.user) => {
                    // Renamed once more: the pause comes before the question, so that none is between the answer and the blow.
                    if missed.as_ref().is_some_and(|missed| *missed != self.held.user) {
                        pause.wait().await;
                    }
                    missed = Some(self.held.user.clone());
                    match self.account.holder(&self.held).await.map_err(|error| Localized::from(&error))? {
                        Some(holder) if holder != self.held.user => self.held.user = holder,
                        None if is_late => return Ok(Some(self.settled(Found::Absent))),
                        Some(_) if is_late => return Err(contradiction()),
                        Some(_) | None => pause.wait().await,
                    }
                }
                First::Shown(Status::Inactive) | First::Absent => pause.wait().await,
            }
        }
    }

    fn settled(&self, found: Found) -> Course {
        let (is_ours, renamed_to, now) = (self.has_closed(), self.renamed_to(), self.invocation.now());
        Course::Settled { found, is_ours, renamed_to, now }
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

    async fn look(&self) -> Result<First, Localized> {
        let status = self.account.status(&self.held).await.map_err(|error| Localized::from(&error))?;
        Ok(status.map_or(First::Absent, First::Shown))
    }

    /// Deals with what was got with a key that is inactive by now, by somebody's doing or by an earlier try of ours; whether
    /// there is anything to tell of it that was not told.
    async fn deals_with_sessions(&mut self) -> bool {
        let is_told = self.event.identity.as_deref().is_some_and(|identity| self.invocation.has_told(identity));
        if self.held.kind != Kind::AccessKey || is_told {
            return false;
        }
        let last_use = self.last_use(SETTLE).await;
        if !matches!(last_use, LastUse::Unknown(_)) && self.left_sessions(&last_use).is_none() {
            return false;
        }
        self.handled().seen = Seen::There(Status::Inactive);
        self.handled().last_use = last_use;
        self.revoke_sessions(SETTLE).await;
        self.look_for_roles().await;
        true
    }

    /// The use of the key that may have left temporary credentials which are still valid.
    fn left_sessions<'b>(&self, last_use: &'b LastUse) -> Option<&'b Use> {
        last_use.with_sessions(self.event, self.credential.change, self.invocation.now())
    }

    /// What has been done, beginning now if nothing was.
    fn handled(&mut self) -> &mut Handled {
        let now = self.invocation.now();
        self.handled.get_or_insert_with(|| Handled {
            renamed_to: None,
            carried_out: Vec::new(),
            failures: Vec::new(),
            seen: Seen::NotRead(Localized::default()),
            at: None,
            last_use: LastUse::NotAsked,
            sessions: Sessions::LeftAlone,
            strays: BTreeSet::new(),
            roles: None,
            now,
        })
    }

    /// Notes how a write on the credential went. What is gone needs no further writing.
    fn note(&mut self, action: Action, result: Result<(), CallError>) {
        let now = self.invocation.now();
        let handled = self.handled();
        match result {
            Ok(()) => {
                handled.carried_out.push(action);
                handled.at.get_or_insert(now);
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => handled.failures.push((&error).into()),
        }
    }

    fn has_done(&mut self, action: Action) -> bool {
        self.handled().carried_out.contains(&action)
    }

    /// After the deactivation, or what became of it: sees whether the key was used, shuts off what was got with it, deletes it, and looks
    /// again.
    async fn finish(&mut self) {
        let is_deactivated = self.has_done(Action::Deactivate);
        // A deleted key can't be asked about. What works still does not wait for an answer.
        if self.held.kind == Kind::AccessKey {
            let patience = if is_deactivated { SETTLE } else { Duration::ZERO };
            self.handled().last_use = self.last_use(patience).await;
            self.revoke_sessions(patience).await;
        }
        // If something is left to be done about its sessions, it stays for the next try, if it is inactive.
        if self.plan.contains(&Action::Delete) && (!is_deactivated || self.sessions_are_dealt_with()) {
            let mut result = self.account.delete(&self.held).await;
            if self.is_renamed(&result).await {
                result = self.account.delete(&self.held).await;
            }
            self.note(Action::Delete, result);
        }
        self.look_again().await;
        let (credential, mode) = (self.credential, self.invocation.settings.access_key_mode);
        let (outcome, problem) = self.handled().standing(credential, mode);
        if problem.is_none() && outcome != Outcome::Alert {
            self.invocation.closed(self.event, &self.credential.id);
        }
        self.look_for_roles().await;
    }

    fn sessions_are_dealt_with(&mut self) -> bool {
        let handled = self.handled();
        handled.sessions != Sessions::NotDenied && !matches!(handled.last_use, LastUse::Unknown(_))
    }

    /// Whether a call found nothing because the user was renamed meanwhile; the new name counts from here on.
    async fn is_renamed(&mut self, result: &Result<(), CallError>) -> bool {
        if !result.as_ref().is_err_and(CallError::is_not_found) {
            return false;
        }
        match self.account.holder(&self.held).await {
            Ok(Some(holder)) if holder != self.held.user => {
                self.held.user = holder;
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// When the key was used last, and whose it is. A young key may not be known everywhere yet.
    async fn last_use(&mut self, patience: Duration) -> LastUse {
        let (start, mut pause) = (Instant::now(), Pause::default());
        loop {
            let error = match self.account.last_use(self.held.id).await {
                Ok((owner, last_use)) => {
                    self.held.user = owner.unwrap_or_else(|| self.held.user.clone());
                    return last_use;
                }
                Err(error) => error,
            };
            let is_unknown_yet = error.is_not_found() || is_denied(&error);
            if !is_unknown_yet || !self.invocation.is_young(self.event) || start.elapsed() >= patience {
                return LastUse::Unknown((&error).into());
            }
            pause.wait().await;
        }
    }

    /// Denies everything to the user's temporary credentials, if some may have been got with the key. A policy is put on by the user's
    /// name, so the key's user is asked for again afterwards.
    async fn revoke_sessions(&mut self, patience: Duration) {
        let last_use = self.handled().last_use.clone();
        if self.left_sessions(&last_use).is_none() {
            return;
        }
        // Until it is known to be otherwise, also if the time runs out meanwhile.
        self.handled().sessions = Sessions::NotDenied;
        let before = self.invocation.now() + SPREADING;
        let (start, mut pause) = (Instant::now(), Pause::default());
        loop {
            let put = self.account.deny_older_sessions(&self.held.user, before).await;
            if let Err(error) = &put
                && !error.is_not_found()
            {
                return self.handled().failures.push(error.into());
            }
            let holder = self.account.holder(&self.held).await;
            let is_late = start.elapsed() >= patience;
            match (put, holder) {
                (put, Ok(Some(holder))) if holder != self.held.user => {
                    let old = std::mem::replace(&mut self.held.user, holder);
                    if put.is_ok() {
                        self.handled().strays.insert(old);
                    }
                    if is_late {
                        return;
                    }
                }
                (Ok(()), holder) => {
                    let handled = self.handled();
                    handled.failures.extend(holder.err().map(|error| Localized::from(&error)));
                    handled.carried_out.push(Action::RevokeSessions);
                    handled.sessions = Sessions::Denied(before);
                    return;
                }
                (Err(_), Ok(None)) => {
                    self.handled().sessions = Sessions::UserGone;
                    return;
                }
                (Err(error), _) if is_late => return self.handled().failures.push((&error).into()),
                (Err(_), _) => pause.wait().await,
            }
        }
    }

    /// Reads the credential until it shows what was done, for as long as that may take.
    async fn look_again(&mut self) {
        let (start, mut pause) = (Instant::now(), Pause::default());
        let (is_deactivated, is_deleted) = (self.has_done(Action::Deactivate), self.has_done(Action::Delete));
        loop {
            let (seen, is_settled) = match self.read_again(is_deleted).await {
                Ok(Some(seen @ Seen::There(Status::Inactive))) => (seen, !is_deleted),
                Ok(Some(seen @ Seen::There(Status::Active))) => (seen, !is_deactivated && !is_deleted),
                Ok(Some(seen)) => (seen, true),
                Ok(None) => (Seen::NotRead(contradiction()), false),
                Err(error) => (Seen::NotRead((&error).into()), true),
            };
            self.handled().seen = seen;
            if is_settled || start.elapsed() >= SETTLE {
                return;
            }
            pause.wait().await;
        }
    }

    /// Reads the credential once; `None` if somebody has it, but not who had it before: the new name counts from here on. That the user is
    /// not there does not mean that the credential is gone, unless we deleted it.
    async fn read_again(&mut self, is_deleted: bool) -> Result<Option<Seen>, CallError> {
        if let Some(status) = self.account.status(&self.held).await? {
            return Ok(Some(Seen::There(status)));
        }
        let holder = if is_deleted { None } else { self.account.holder(&self.held).await? };
        let Some(holder) = holder else { return Ok(Some(Seen::Absent)) };
        self.held.user = holder;
        Ok(None)
    }

    /// Finds the roles that were assumed with the key, or with sessions got by it, in the regions where that may be recorded: the
    /// function's, the event's, and that of the key's last use. What fails is told and no more.
    async fn look_for_roles(&mut self) {
        let last_use = self.handled().last_use.clone();
        let Some(last_region) = self.left_sessions(&last_use).map(|last| last.region.clone()) else { return };
        let own = self.account.config.region().map(ToString::to_string);
        let regions: BTreeSet<String> =
            [own, self.event.region.clone(), Some(last_region)].into_iter().flatten().collect();
        let since = self.invocation.now() - SESSIONS_SINCE;
        // Shorter than what is left, so that all the rest is told whatever comes of this.
        let margin = Duration::from_secs(1);
        let deadline = (Instant::now() + LOOKUP_TIME).min(self.invocation.deadline - margin);
        let mut roles = AssumedRoles::default();
        let looked = self.account.assumed_roles(self.held.id, &regions, since, &mut roles);
        if timeout_at(deadline, Box::pin(looked)).await.is_err() {
            roles.problems.push(Localized::new(|language| {
                say!(language, "the time for CloudTrail ran out", "CloudTrail の調査が制限時間を超えました")
            }));
        }
        self.handled().roles = Some(roles);
    }
}
