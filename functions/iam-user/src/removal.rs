//! Deleting a user with everything that hangs on it, while somebody may be adding to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rules::alert::time_ran_out;
use rules::iam_user::plan::{Action, Hanging};
use rules::iam_user::report::{Course, Deletion, Denial, Gone, Standing};
use rules::iam_user::{CONTAINMENT, DENY_EVERYTHING};
use rules::{Event, Localized, say};
use runtime::{CallError, Invocation, LOOK_FOR, Pause, SETTLE};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::account::{Account, Applied, LiveUser, Observed, is_for_now};
use crate::{mfa_deactivated_deed, mfa_deleted_deed, still_there};

/// How often it is tried to delete a user.
const MOST_ROUNDS: usize = 5;

/// What of the invocation's time is kept for putting the denial back on and for seeing how it stands.
const RESERVE: Duration = Duration::from_secs(8);

/// How long the denial is left to take effect before the second, third, … further look: AWS needs seconds to enforce it everywhere.
const PAUSES: [Duration; 4] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// After how long something is tried again that AWS will not do yet, such as deleting a password that it is still making.
const LATER: Duration = Duration::from_secs(3);

/// The name by which the user is remembered once it is deleted.
const OBJECT: &str = "user";

/// A user on its way out.
pub(crate) struct Removal<'a> {
    account: Account<'a>,
    event: &'a Event,
    invocation: &'a Invocation<'a>,
    /// The user's name by now.
    user: String,
    id: &'a str,
    /// When the event's user was made.
    made: Option<DateTime<Utc>>,
    done: Done,
}

/// What has been done so far.
#[derive(Default)]
struct Done {
    deletion: Deletion,
    denial: Denial,
    /// Whether anything was changed, or may have been.
    has_begun: bool,
    /// Whether the user may have been deleted by us.
    has_sent_delete: bool,
    /// What went wrong in the last round.
    failures: Vec<CallError>,
    /// Another user that the denial is on, or may be, and why it could not be taken off again.
    other_denied: Option<(String, CallError)>,
}

/// Where the event's user is.
enum Place {
    /// Where it was.
    Here,
    /// It has been renamed. The policies on it, and so the denial, went along. `is_taken` if another user has the name that it had.
    Moved { from: String, is_taken: bool },
    /// It is gone, and another user has its name.
    Retaken(LiveUser),
    /// By one read another user has its name, by the other it still has it: one of them is old.
    Disputed,
    /// It is gone.
    Nowhere,
}

impl Place {
    /// Another user that has the name under which the event's user was looked up.
    fn other(&self, user: &str) -> Option<String> {
        match self {
            Self::Moved { from, is_taken: true } => Some(from.clone()),
            Self::Retaken(_) => Some(user.to_owned()),
            _ => None,
        }
    }
}

/// What a further look shows.
enum Again {
    /// The user is there, with this.
    There(Observed),
    /// It is over.
    Over(Box<Course>),
    /// It could not be read.
    NotRead(CallError),
}

/// How an attempt to delete the user ended.
enum Attempt {
    /// It is not there any more.
    Over(Box<Course>),
    /// It could not be deleted.
    Failed(Vec<CallError>),
}

impl<'a> Removal<'a> {
    pub(crate) fn new(
        account: Account<'a>,
        event: &'a Event,
        invocation: &'a Invocation<'a>,
        user: &'a str,
        id: &'a str,
        made: Option<DateTime<Utc>>,
    ) -> Self {
        Self { account, event, invocation, user: user.to_owned(), id, made, done: Done::default() }
    }

    /// Shuts the user off, takes everything from it, deletes it, and sees that it is gone.
    pub(crate) async fn run(mut self) -> Course {
        let course = self.run_in_time().await;
        match self.done.other_denied {
            Some((user, error)) => Course::OtherDenied { user, problem: (&error).into(), course: Box::new(course) },
            None => course,
        }
    }

    async fn run_in_time(&mut self) -> Course {
        let deadline = self.invocation.deadline;
        let reserve = RESERVE.min(deadline.saturating_duration_since(Instant::now()) / 3);
        if let Ok(course) = timeout_at(deadline - reserve, Box::pin(self.work())).await {
            return course;
        }
        if !self.done.has_begun {
            return self.not_read(time_ran_out());
        }
        match timeout_at(deadline, Box::pin(self.stand(time_ran_out()))).await {
            Ok(course) => course,
            Err(_) => self.unfinished(None, time_ran_out()),
        }
    }

    async fn work(&mut self) -> Course {
        let mut observed = match self.find().await {
            Ok(observed) => observed,
            Err(course) => return course,
        };
        if !self.invocation.settings.acts(self.invocation.settings.iam_user_mode) {
            let (actions, name) = (observed.hanging.all(), self.done.deletion.name.take());
            let not_read = observed.not_read.iter().map(Localized::from).collect();
            return Course::Withheld { actions, hanging: Box::new(observed.hanging), not_read, name };
        }
        self.done.has_begun = true;
        loop {
            self.done.deletion.rounds += 1;
            self.done.deletion.hung.add(&observed.hanging);
            let mut failures = std::mem::take(&mut observed.not_read);
            failures.extend(self.contain(&observed.hanging).await);
            failures.extend(self.tidy(&observed.hanging).await);
            // With something left, AWS would refuse to delete the user, and the denial would be off for nothing.
            if failures.is_empty() {
                match self.delete(&observed.hanging).await {
                    Attempt::Over(course) => return *course,
                    Attempt::Failed(errors) => failures = errors,
                }
            }
            let is_refused = failures.iter().all(is_refused);
            let is_for_now = failures.iter().any(is_for_now);
            self.done.failures = failures;
            if is_refused || self.done.deletion.rounds == MOST_ROUNDS {
                break;
            }
            let wait =
                if is_for_now { LATER } else { PAUSES.get(self.done.deletion.rounds - 1).copied().unwrap_or_default() };
            observed = match self.look_again(wait).await {
                Again::There(observed) => observed,
                Again::Over(course) => return *course,
                Again::NotRead(error) => {
                    self.done.failures.push(error);
                    break;
                }
            };
        }
        let problem = Localized::new(|language| say!(language, "the user is still there", "ユーザーはまだ存在します"));
        self.stand(problem).await
    }

    /// The first look: the user and all that hangs on it at the same time. What a young event made may not show yet.
    async fn find(&mut self) -> Result<Observed, Course> {
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let (found, observed) =
                tokio::join!(Box::pin(self.account.user(&self.user)), Box::pin(self.account.hanging(&self.user)));
            let is_known = self.invocation.has_closed(self.event, OBJECT);
            let is_over = start.elapsed() >= LOOK_FOR;
            let may_lag = self.invocation.is_young(self.event) && !is_known && !is_over;
            let was_moved = self.done.deletion.name.is_some();
            match self.locate(found).await {
                Err(error) => return Err(self.not_read((&error).into())),
                Ok(Place::Here) => return Ok(observed),
                // The new name is looked up at once.
                Ok(Place::Moved { .. }) if !was_moved => {}
                Ok(Place::Moved { .. } | Place::Disputed) if is_over => return Err(self.not_read((&lost()).into())),
                Ok(Place::Nowhere) if !may_lag => return Err(Course::Gone(Gone::Nothing)),
                Ok(Place::Retaken(other)) if !may_lag || self.is_newer(&other) => {
                    return Err(Course::Gone(Gone::Retaken));
                }
                Ok(_) => pause.wait().await,
            }
        }
    }

    fn not_read(&mut self, problem: Localized) -> Course {
        Course::NotRead { problem, name: self.done.deletion.name.take() }
    }

    /// Where the event's user is, after its name was looked up: whoever renames it must not be rid of us.
    async fn locate(&mut self, found: Result<Option<LiveUser>, CallError>) -> Result<Place, CallError> {
        let other = match found? {
            Some(user) if user.id == self.id => return Ok(Place::Here),
            other => other,
        };
        Ok(match (Box::pin(self.account.name_of(self.id)).await?, other) {
            (Some(name), None) if name == self.user => Place::Here,
            (Some(name), Some(_)) if name == self.user => Place::Disputed,
            (Some(name), other) => {
                self.done.deletion.name = Some(name.clone());
                Place::Moved { from: std::mem::replace(&mut self.user, name), is_taken: other.is_some() }
            }
            (None, Some(other)) => Place::Retaken(other),
            (None, None) => Place::Nowhere,
        })
    }

    /// Whether another user of the name was made after the event's. One made before it was deleted before, too: then the read is stale.
    fn is_newer(&self, other: &LiveUser) -> bool {
        other.created.zip(self.made).is_none_or(|(other, own)| other > own)
    }

    /// Shuts the user off; gives what failed of what AWS wants gone.
    async fn contain(&mut self, hanging: &Hanging) -> Vec<CallError> {
        let is_denied = matches!(self.done.denial, Denial::PutOn | Denial::Seen);
        let others: Vec<Action> =
            hanging.contain().into_iter().filter(|action| *action != Action::DenyEverything).collect();
        let account = self.account;
        let user = self.user.as_str();
        let denied = async {
            if !is_denied {
                deny_with_room(account, user, &hanging.inline_policies, self.invocation, &mut self.done).await;
            }
        };
        let ((), others) =
            tokio::join!(Box::pin(denied), join_all(others.iter().map(|action| account.applied(user, action))));
        let failed = others.into_iter().filter_map(Result::err);
        // A key that could not be set inactive is deleted in the next step all the same.
        failed.filter(|error| error.call == Action::DeletePassword.call()).collect()
    }

    /// Takes away everything else but the denial; gives what failed. One that fails keeps no other from going.
    async fn tidy(&self, hanging: &Hanging) -> Vec<CallError> {
        let actions = hanging.tidy();
        let applied = join_all(actions.iter().map(|action| self.account.applied(&self.user, action))).await;
        let mut failed = Vec::new();
        for (action, applied) in actions.iter().zip(applied) {
            match (action, applied) {
                (_, Err(error)) => failed.push(error),
                (Action::DeactivateMfa(serial), Ok(Applied::Done)) => {
                    self.invocation.did(&mfa_deactivated_deed(&self.user, serial, self.invocation.now()));
                }
                (_, Ok(_)) => {}
            }
        }
        failed
    }

    /// Takes the denial off, makes sure that it is still the event's user, deletes it, and sees that it is gone.
    async fn delete(&mut self, seen: &Hanging) -> Attempt {
        // It may also be there from an earlier try.
        let is_seen = seen.inline_policies.iter().any(|name| name == CONTAINMENT);
        let was_on = std::mem::replace(&mut self.done.denial, Denial::Unknown) != Denial::Off || is_seen;
        self.done.deletion.devices_left = self.done.deletion.hung.virtual_mfa_devices().cloned().collect();
        let account = self.account;
        let user = self.user.as_str();
        let lifted = async { if was_on { account.applied(user, &Action::LiftDenial).await.map(drop) } else { Ok(()) } };
        let (lifted, devices_left, found) =
            tokio::join!(lifted, Box::pin(self.delete_devices()), Box::pin(account.user(user)));
        self.done.deletion.devices_left = devices_left;
        if lifted.is_ok() {
            self.done.denial = Denial::Off;
        }
        match (lifted, self.locate(found).await) {
            (Ok(()), Ok(Place::Here)) => {}
            (lifted, Ok(place)) => {
                if let (Err(_), Some(other)) = (&lifted, place.other(&self.user)) {
                    self.clear(other).await;
                }
                // The further look decides: it makes a change, and a change does not lag.
                let is_here = matches!(place, Place::Here);
                return Attempt::Failed(if is_here { lifted.err().into_iter().collect() } else { vec![lost()] });
            }
            (lifted, Err(error)) => return Attempt::Failed(lifted.err().into_iter().chain([error]).collect()),
        }
        self.done.has_sent_delete = true;
        match account.applied(&self.user, &Action::DeleteUser).await {
            Ok(Applied::Done) => self.done.deletion.deleted_at = Some(self.invocation.now()),
            Ok(Applied::NotThere) => {}
            Err(error) => return Attempt::Failed(vec![error]),
        }
        self.verify().await
    }

    /// Deletes the virtual devices that the user had, and that are left; gives those that stay.
    async fn delete_devices(&self) -> Vec<String> {
        let devices: Vec<Action> =
            self.done.deletion.devices_left.iter().cloned().map(Action::DeleteVirtualMfa).collect();
        let deleted = join_all(devices.iter().map(|action| self.account.applied("", action))).await;
        let mut left = Vec::new();
        for (action, deleted) in devices.iter().zip(deleted) {
            let serial = action.object();
            match deleted {
                Ok(Applied::Done) => self.invocation.did(&mfa_deleted_deed(serial, self.invocation.now())),
                Ok(Applied::NotThere) => {}
                Err(_) => left.push(serial.to_owned()),
            }
        }
        left
    }

    /// Sees that the user is gone. AWS deletes by name: between the last read and the call, another user may have got it.
    async fn verify(&mut self) -> Attempt {
        let start = Instant::now();
        let mut pause = Pause::default();
        let sent_to = self.user.clone();
        loop {
            let found = Box::pin(self.account.user(&self.user)).await;
            let failure = match self.locate(found).await {
                Ok(Place::Nowhere | Place::Retaken(_)) => {
                    // AWS may not have known yet that they were free.
                    self.done.deletion.devices_left = self.delete_devices().await;
                    return Attempt::Over(Box::new(self.gone(Gone::Nothing)));
                }
                Ok(Place::Here) if self.user != sent_to => {
                    if self.done.deletion.deleted_at.take().is_some() {
                        self.done.deletion.others_deleted.push(sent_to);
                    }
                    return Attempt::Failed(vec![lost()]);
                }
                Ok(Place::Here) => failed_delete(still_there()),
                Ok(_) => lost(),
                Err(error) => error,
            };
            if start.elapsed() >= SETTLE {
                return Attempt::Failed(vec![failure]);
            }
            pause.wait().await;
        }
    }

    /// A further look. The denial goes back on first, so that whoever it shuts out adds nothing to what is seen then, and because AWS
    /// says at once whether there is a user to put it on, while reads may lag.
    async fn look_again(&mut self, wait: Duration) -> Again {
        let account = self.account;
        let start = Instant::now();
        let mut pause = Pause::default();
        let mut is_second = false;
        loop {
            let denied = deny(account, &self.user, self.invocation, &mut self.done).await;
            if is_second {
                pause.wait().await;
            } else {
                sleep(wait).await;
            }
            let (found, observed) =
                tokio::join!(Box::pin(account.user(&self.user)), Box::pin(account.hanging(&self.user)));
            let place = match self.locate(found).await {
                Ok(place) => place,
                Err(error) => return Again::NotRead(error),
            };
            // The denial was meant for the one who had the name before.
            if let Some(other) = place.other(&self.user).filter(|_| self.done.denial != Denial::Off) {
                self.clear(other).await;
            }
            match (place, denied) {
                (Place::Here, _) => return Again::There(observed),
                (Place::Retaken(_), _) => return Again::Over(Box::new(self.gone(Gone::Retaken))),
                (Place::Nowhere, Err(error)) if is_second || error.is_not_found() => {
                    return Again::Over(Box::new(self.gone(Gone::Nothing)));
                }
                _ if start.elapsed() >= LOOK_FOR => return Again::NotRead(lost()),
                _ => is_second = true,
            }
        }
    }

    /// Takes the denial off a user that it was not meant for.
    async fn clear(&mut self, other: String) {
        self.done.denial = match self.account.applied(&other, &Action::LiftDenial).await {
            Ok(_) => Denial::Off,
            Err(error) => {
                self.done.other_denied = Some((other, error));
                Denial::Unknown
            }
        };
    }

    /// Shuts the user off once more, and sees how it stands.
    async fn stand(&mut self, problem: Localized) -> Course {
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let observed = match self.look_again(Duration::ZERO).await {
                Again::There(observed) => observed,
                Again::Over(course) => return *course,
                Again::NotRead(error) => {
                    return self.unfinished(None, Localized::join(&[problem, (&error).into()]));
                }
            };
            self.done.deletion.hung.add(&observed.hanging);
            let failed = self.contain(&observed.hanging).await;
            let (denial, seen) = tokio::join!(
                Box::pin(self.account.inline_policy(&self.user, CONTAINMENT)),
                Box::pin(self.account.hanging(&self.user))
            );
            let is_denial = |document: &Value| {
                serde_json::from_str::<Value>(DENY_EVERYTHING).is_ok_and(|denial| denial == *document)
            };
            match denial {
                Ok(Some(document)) if is_denial(&document) => self.done.denial = Denial::Seen,
                // Not yet to be seen, or taken off, or overwritten.
                Ok(_) => self.done.denial = Denial::Off,
                Err(_) => {}
            }
            let hanging = seen.not_read.is_empty().then_some(seen.hanging);
            let course = self.unfinished(hanging, problem.clone());
            let is_shut_off = matches!(&course, Course::Unfinished { standing, .. } if standing.is_shut_off());
            if is_shut_off || !failed.is_empty() || !seen.not_read.is_empty() || start.elapsed() >= SETTLE {
                return course;
            }
            pause.wait().await;
        }
    }

    /// What is told once the user is not there.
    fn gone(&mut self, how: Gone) -> Course {
        if !self.done.has_sent_delete {
            return Course::Gone(how);
        }
        self.invocation.closed(self.event, OBJECT);
        Course::Deleted(Box::new(std::mem::take(&mut self.done.deletion)))
    }

    fn unfinished(&self, hanging: Option<Hanging>, problem: Localized) -> Course {
        let causes = self.done.failures.iter().map(Localized::from);
        let problems: Vec<Localized> = causes.chain([problem]).collect();
        let standing = Box::new(Standing { denial: self.done.denial, hanging });
        Course::Unfinished {
            deletion: Box::new(self.done.deletion.clone()),
            standing,
            problem: Localized::join(&problems),
        }
    }
}

/// Puts the denial on.
async fn deny(account: Account<'_>, user: &str, invocation: &Invocation<'_>, done: &mut Done) -> Result<(), CallError> {
    // Until there is an answer it may be on or not.
    let before = std::mem::replace(&mut done.denial, Denial::Unknown);
    match account.applied(user, &Action::DenyEverything).await {
        Ok(_) => {
            done.denial = Denial::PutOn;
            done.deletion.shut_off_at.get_or_insert_with(|| invocation.now());
            Ok(())
        }
        Err(error) => {
            if error.code.is_some() && before == Denial::Off {
                done.denial = Denial::Off;
            }
            Err(error)
        }
    }
}

/// Puts the denial on. Where the user's inline policies leave no room for it, a denial first takes the place of each of them: they
/// are to go anyway.
async fn deny_with_room(
    account: Account<'_>,
    user: &str,
    inline_policies: &[String],
    invocation: &Invocation<'_>,
    done: &mut Done,
) {
    let is_full = |error: &CallError| error.code.as_deref().is_some_and(|code| code.starts_with("LimitExceeded"));
    if deny(account, user, invocation, done).await.is_err_and(|error| is_full(&error)) {
        let others = inline_policies.iter().filter(|name| *name != CONTAINMENT);
        let overwrite: Vec<Action> = others.cloned().map(Action::OverwriteInlinePolicy).collect();
        join_all(overwrite.iter().map(|action| account.applied(user, action))).await;
        // If it fails once more, the user's other policies deny by now.
        drop(deny(account, user, invocation, done).await);
    }
}

/// Why a user can't be deleted under the name that it had: it was renamed meanwhile, or the reads contradict each other.
fn lost() -> CallError {
    failed_delete(Localized::new(|language| {
        say!(
            language,
            "the user was not to be found under one name: it was renamed meanwhile, or AWS's answers lag",
            "ユーザーを一つの名前で特定できませんでした。その間に名前が変更されたか、AWS の応答が遅れています"
        )
    }))
}

fn failed_delete(detail: Localized) -> CallError {
    CallError { call: Action::DeleteUser.call(), code: Some("NoSuchEntity".to_owned()), detail }
}

/// Whether AWS said that we may not: trying again at once changes nothing.
fn is_refused(error: &CallError) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("AccessDenied"))
}
