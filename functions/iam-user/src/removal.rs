//! Deleting a user with everything that hangs on it, while somebody may be adding to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rules::Event;
use rules::iam_user::plan::{Action, Hanging};
use rules::iam_user::report::{Course, Deletion, Denial, Gone, Standing};
use rules::iam_user::{CONTAINMENT, DENY_EVERYTHING};
use runtime::{CallError, Invocation, LOOK_FOR, Pause, SETTLE};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::account::{Account, Applied, LiveUser, Observed, is_for_now};
use crate::{mfa_deactivated_deed, mfa_deleted_deed};

/// How often it is tried to delete a user.
const MOST_ROUNDS: usize = 5;

/// What of the invocation's time is kept for putting the denial back on and for seeing how it stands.
const RESERVE: Duration = Duration::from_secs(8);

/// How long the denial is left to take effect before the second, third, … further look: AWS needs seconds to enforce it everywhere.
const PAUSES: [Duration; 4] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// After how long it is looked once more for a user that was there and then was not.
const GLIMPSE: Duration = Duration::from_secs(1);

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
}

/// Where the event's user is.
enum Place {
    /// Where it was.
    Here,
    /// It has been renamed. The policies on it, and so the denial, went along.
    Moved,
    /// It is gone, and another user has its name.
    Retaken(LiveUser),
    /// It is gone.
    Nowhere,
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
    /// AWS said so, or said that there is no such user.
    Deleted,
    /// There was nothing to delete any more.
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
        let deadline = self.invocation.deadline;
        let reserve = RESERVE.min(deadline.saturating_duration_since(Instant::now()) / 3);
        if let Ok(course) = timeout_at(deadline - reserve, Box::pin(self.work())).await {
            return course;
        }
        const PROBLEM: &str = "the time for it ran out";
        if !self.done.has_begun {
            return Course::NotRead { problem: PROBLEM.to_owned() };
        }
        match timeout_at(deadline, Box::pin(self.stand(PROBLEM))).await {
            Ok(course) => course,
            Err(_) => self.unfinished(None, PROBLEM),
        }
    }

    async fn work(&mut self) -> Course {
        let mut observed = match self.find().await {
            Ok(observed) => observed,
            Err(course) => return course,
        };
        if !self.invocation.settings.acts(self.invocation.settings.iam_user_mode) {
            let (actions, name) = (observed.hanging.all(), self.done.deletion.name.take());
            return Course::Withheld { actions, hanging: observed.hanging, name };
        }
        self.done.has_begun = true;
        loop {
            self.done.deletion.rounds += 1;
            self.done.deletion.hung.add(&observed.hanging);
            let is_first = self.done.deletion.rounds == 1;
            let mut failures = std::mem::take(&mut observed.not_read);
            failures.extend(self.contain(&observed.hanging, is_first).await);
            failures.extend(self.tidy(&observed.hanging).await);
            // With something left, AWS would refuse to delete the user, and the denial would be off for nothing.
            if failures.is_empty() {
                match self.delete(&observed.hanging).await {
                    Attempt::Deleted => return self.verify().await,
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
        self.stand("the user is still there").await
    }

    /// The first look: the user and all that hangs on it at the same time. What a young event made may not show yet.
    async fn find(&mut self) -> Result<Observed, Course> {
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let (found, observed) =
                tokio::join!(Box::pin(self.account.user(&self.user)), Box::pin(self.account.hanging(&self.user)));
            let is_known = self.invocation.has_closed(self.event, OBJECT);
            let may_lag = self.invocation.is_young(self.event) && !is_known && start.elapsed() < LOOK_FOR;
            match self.locate(found).await {
                Err(error) => return Err(Course::NotRead { problem: error.to_string() }),
                Ok(Place::Here) => return Ok(observed),
                Ok(Place::Moved) => {}
                Ok(Place::Nowhere) if !may_lag => return Err(Course::Gone(Gone::Nothing)),
                Ok(Place::Retaken(other)) if !may_lag || self.is_newer(&other) => {
                    return Err(Course::Gone(Gone::Retaken));
                }
                Ok(_) => pause.wait().await,
            }
        }
    }

    /// Where the event's user is, after its name was looked up: whoever renames it must not be rid of us.
    async fn locate(&mut self, found: Result<Option<LiveUser>, CallError>) -> Result<Place, CallError> {
        let other = match found? {
            Some(user) if user.id == self.id => return Ok(Place::Here),
            other => other,
        };
        match Box::pin(self.account.name_of(self.id)).await? {
            Some(name) if name == self.user => Ok(Place::Here),
            Some(name) => {
                self.done.deletion.name = Some(name.clone());
                self.user = name;
                Ok(Place::Moved)
            }
            None => Ok(other.map_or(Place::Nowhere, Place::Retaken)),
        }
    }

    /// The same for a user that was there a moment ago, and may only be missing in the copy of the account that was read.
    async fn locate_again(&mut self, found: Result<Option<LiveUser>, CallError>) -> Result<Place, CallError> {
        match self.locate(found).await {
            Ok(Place::Nowhere) => {
                sleep(GLIMPSE).await;
                let found = Box::pin(self.account.user(&self.user)).await;
                self.locate(found).await
            }
            place => place,
        }
    }

    /// Whether another user of the name was made after the event's. One made before it was deleted before, too: then the read is stale.
    fn is_newer(&self, other: &LiveUser) -> bool {
        other.created.zip(self.made).is_none_or(|(other, own)| other > own)
    }

    /// Shuts the user off; gives what failed of what AWS wants gone.
    async fn contain(&mut self, hanging: &Hanging, denies: bool) -> Vec<CallError> {
        let (denials, others): (Vec<Action>, Vec<Action>) =
            hanging.contain().into_iter().partition(|action| *action == Action::DenyEverything);
        let account = self.account;
        let user = self.user.as_str();
        let others = join_all(others.iter().map(|action| account.applied(user, action)));
        let others_applied = if denies && !denials.is_empty() {
            let ((), others) = tokio::join!(deny(account, user, self.invocation, &mut self.done), others);
            others
        } else {
            others.await
        };
        let failed = others_applied.into_iter().filter_map(Result::err);
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
                (Action::DeactivateMfa(serial), Ok(_)) => {
                    self.invocation.did(&mfa_deactivated_deed(&self.user, serial));
                }
                (_, Ok(_)) => {}
            }
        }
        failed
    }

    /// Takes the denial off, makes sure that it is still the event's user, and deletes it.
    async fn delete(&mut self, seen: &Hanging) -> Attempt {
        let devices: Vec<Action> =
            self.done.deletion.hung.virtual_mfa_devices().cloned().map(Action::DeleteVirtualMfa).collect();
        // It may also be there from an earlier try.
        let is_seen = seen.inline_policies.iter().any(|name| name == CONTAINMENT);
        let was_on = std::mem::replace(&mut self.done.denial, Denial::Unknown) != Denial::Off || is_seen;
        let account = self.account;
        let user = self.user.as_str();
        let lifted = async { if was_on { account.applied(user, &Action::LiftDenial).await.map(drop) } else { Ok(()) } };
        let deleted = join_all(devices.iter().map(|action| account.applied(user, action)));
        let (lifted, deleted, found) = tokio::join!(lifted, deleted, Box::pin(account.user(user)));
        if lifted.is_ok() {
            self.done.denial = Denial::Off;
        }
        self.done.deletion.devices_left.clear();
        for (action, deleted) in devices.iter().zip(deleted) {
            let serial = action.object();
            match deleted {
                Ok(_) => self.invocation.did(&mfa_deleted_deed(serial)),
                Err(_) => self.done.deletion.devices_left.push(serial.to_owned()),
            }
        }
        match (lifted, self.locate_again(found).await) {
            (_, Ok(Place::Nowhere)) => return Attempt::Over(Box::new(self.gone())),
            (_, Ok(Place::Retaken(_))) => return Attempt::Over(Box::new(Course::Gone(Gone::Retaken))),
            (_, Ok(Place::Moved)) => return Attempt::Failed(vec![renamed()]),
            (Ok(()), Ok(Place::Here)) => {}
            (lifted, place) => return Attempt::Failed(lifted.err().into_iter().chain(place.err()).collect()),
        }
        self.done.has_sent_delete = true;
        match account.applied(&self.user, &Action::DeleteUser).await {
            Ok(Applied::Done) => {
                self.done.deletion.deleted_at = Some(self.invocation.now());
                self.invocation.closed(self.event, OBJECT);
                Attempt::Deleted
            }
            Ok(Applied::NotThere) => match self.locate(Ok(None)).await {
                Ok(Place::Here | Place::Moved) => Attempt::Failed(vec![renamed()]),
                Ok(Place::Nowhere | Place::Retaken(_)) => Attempt::Deleted,
                Err(error) => Attempt::Failed(vec![error]),
            },
            Err(error) => Attempt::Failed(vec![error]),
        }
    }

    /// Sees that the user is gone.
    async fn verify(&mut self) -> Course {
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let problem = match Box::pin(self.account.user(&self.user)).await {
                Ok(None) => return self.gone(),
                // The name is free, and somebody took it.
                Ok(Some(user)) if user.id != self.id => return self.gone(),
                Ok(Some(_)) => "it was still there when it was read again".to_owned(),
                Err(error) => format!("{error}; it could not be read again"),
            };
            if start.elapsed() >= SETTLE {
                return self.unfinished(None, &problem);
            }
            pause.wait().await;
        }
    }

    /// A further look. The denial goes back on first, so that whoever it shuts out adds nothing to what is seen then.
    async fn look_again(&mut self, wait: Duration) -> Again {
        let account = self.account;
        loop {
            deny(account, &self.user, self.invocation, &mut self.done).await;
            sleep(wait).await;
            let (found, observed) =
                tokio::join!(Box::pin(account.user(&self.user)), Box::pin(account.hanging(&self.user)));
            match self.locate_again(found).await {
                Ok(Place::Here) => return Again::There(observed),
                Ok(Place::Moved) => {}
                Ok(Place::Retaken(_)) => {
                    // The denial was meant for the one who had the name before.
                    if self.done.denial != Denial::Off && account.applied(&self.user, &Action::LiftDenial).await.is_ok()
                    {
                        self.done.denial = Denial::Off;
                    }
                    return Again::Over(Box::new(Course::Gone(Gone::Retaken)));
                }
                Ok(Place::Nowhere) => return Again::Over(Box::new(self.gone())),
                Err(error) => return Again::NotRead(error),
            }
        }
    }

    /// Shuts the user off once more, and sees how it stands.
    async fn stand(&mut self, problem: &str) -> Course {
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let observed = match self.look_again(Duration::ZERO).await {
                Again::There(observed) => observed,
                Again::Over(course) => return *course,
                Again::NotRead(error) => return self.unfinished(None, &format!("{problem}; {error}")),
            };
            self.done.deletion.hung.add(&observed.hanging);
            let failed = self.contain(&observed.hanging, false).await;
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
            let course = self.unfinished(hanging, problem);
            let is_shut_off = matches!(&course, Course::Unfinished { standing, .. } if standing.is_shut_off());
            if is_shut_off || !failed.is_empty() || !seen.not_read.is_empty() || start.elapsed() >= SETTLE {
                return course;
            }
            pause.wait().await;
        }
    }

    /// What is told once the user is not there.
    fn gone(&mut self) -> Course {
        if self.done.has_sent_delete {
            Course::Deleted(Box::new(std::mem::take(&mut self.done.deletion)))
        } else {
            Course::Gone(Gone::Nothing)
        }
    }

    fn unfinished(&self, hanging: Option<Hanging>, problem: &str) -> Course {
        let causes = self.done.failures.iter().map(ToString::to_string);
        let problem: Vec<String> = causes.chain([problem.to_owned()]).collect();
        let standing = Box::new(Standing { denial: self.done.denial, hanging });
        Course::Unfinished { deletion: Box::new(self.done.deletion.clone()), standing, problem: problem.join("; ") }
    }
}

/// Puts the denial on.
async fn deny(account: Account<'_>, user: &str, invocation: &Invocation<'_>, done: &mut Done) {
    // Whatever it was, until there is an answer it may be the one or the other.
    if done.denial == Denial::Off {
        done.denial = Denial::Unknown;
    }
    match account.applied(user, &Action::DenyEverything).await {
        Ok(_) => {
            done.denial = Denial::PutOn;
            done.deletion.shut_off_at.get_or_insert_with(|| invocation.now());
        }
        // AWS has said no.
        Err(error) if error.code.is_some() && done.denial == Denial::Unknown => done.denial = Denial::Off,
        Err(_) => {}
    }
}

/// Why a user can't be deleted under the name that it had.
fn renamed() -> CallError {
    CallError {
        call: Action::DeleteUser.call(),
        code: Some("NoSuchEntity".to_owned()),
        detail: "the user was renamed meanwhile".to_owned(),
    }
}

/// Whether AWS said that we may not: trying again at once changes nothing.
fn is_refused(error: &CallError) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("AccessDenied"))
}
