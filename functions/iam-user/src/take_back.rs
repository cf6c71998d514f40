//! Taking back one thing that was given to a user: a console password, or a policy.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use rules::alert::time_ran_out;
use rules::iam_user::detect::{Finding, is_of_aws};
use rules::iam_user::plan::Action;
use rules::iam_user::report::{Course, Gone};
use rules::{Event, Localized, policy, say};
use runtime::{CallError, Invocation, LOOK_FOR, Pause, SETTLE};
use tokio::time::{Instant, timeout_at};

use crate::account::{Account, Applied, LiveUser, is_for_now};
use crate::still_there;

/// How far apart the dates of one password may be: what the event says, and what the account does.
const SAME_DATE: TimeDelta = TimeDelta::seconds(5);

/// Why a policy is left alone.
const ONLY_DENIES: &str = "the policy only denies";

/// One thing on its way out.
pub(crate) struct TakeBack<'a> {
    account: Account<'a>,
    event: &'a Event,
    finding: &'a Finding,
    invocation: &'a Invocation<'a>,
    /// Whether the attached policy has been read, and allows something.
    is_judged: bool,
    /// The attached policy's ARN as the account spells it.
    attached: Option<String>,
    tried: Option<Tried>,
}

/// A change that was tried.
struct Tried {
    action: Action,
    result: Result<Applied, CallError>,
    at: Instant,
    time: DateTime<Utc>,
}

/// What the account shows of it.
enum Look {
    /// It is there.
    There,
    /// It is not.
    Missing,
    /// There is no user of that name.
    NoUser,
    /// The user of that name was made after the event.
    AnotherUser,
    /// Something else has its place; `may_be_older` if that may have been there before the event.
    Another { may_be_older: bool },
    /// It does no harm; the reason in words, and whether it may be what was there before the event.
    Harmless { reason: &'static str, may_be_older: bool },
}

impl<'a> TakeBack<'a> {
    pub(crate) fn new(
        account: Account<'a>,
        event: &'a Event,
        finding: &'a Finding,
        invocation: &'a Invocation<'a>,
    ) -> Self {
        Self { account, event, finding, invocation, is_judged: false, attached: None, tried: None }
    }

    /// Looks, takes back and looks again until it is seen to be gone. An error is the reason why there is nothing to tell.
    pub(crate) async fn run(mut self) -> Result<Course, String> {
        match timeout_at(self.invocation.deadline, self.look_and_act()).await {
            Ok(course) => course,
            Err(_) => Ok(self.failed(time_ran_out())),
        }
    }

    async fn look_and_act(&mut self) -> Result<Course, String> {
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let look = match self.look().await {
                Ok(look) => look,
                Err(error) => return Ok(self.failed((&error).into())),
            };
            let is_known = self.invocation.has_closed(self.event, self.object());
            let may_lag = self.invocation.is_young(self.event) && !is_known && start.elapsed() < LOOK_FOR;
            match (look, &self.tried) {
                (Look::Harmless { may_be_older: true, .. }, None) if may_lag => pause.wait().await,
                (Look::Harmless { reason, .. }, _) => return Err(reason.to_owned()),
                (Look::There, _) if !self.invocation.settings.acts(self.invocation.settings.iam_user_mode) => {
                    let actions = self.action().into_iter().collect();
                    return Ok(Course::Withheld { actions, hanging: Box::default(), not_read: Vec::new(), name: None });
                }
                (Look::There, None) => {
                    self.act().await;
                    pause.reset();
                }
                (Look::There, Some(tried)) => match &tried.result {
                    // Such as a password that AWS is still making: that may take longer than all our other waits.
                    Err(error) if is_for_now(error) => {
                        pause.wait().await;
                        self.act().await;
                    }
                    Ok(_) if tried.at.elapsed() < SETTLE => pause.wait().await,
                    _ => return Ok(self.failed(still_there())),
                },
                // Nobody knows whether the user had it when it was renamed or deleted, unless we took it away before that.
                (Look::NoUser, Some(tried)) if !matches!(tried.result, Ok(Applied::Done)) => {
                    return Ok(Course::Gone(Gone::NoUser));
                }
                (_, Some(tried)) => {
                    let is_ours = matches!(tried.result, Ok(Applied::Done));
                    let action = is_ours.then(|| tried.action.clone());
                    return Ok(Course::TakenBack { action, at: tried.time });
                }
                (Look::Missing | Look::NoUser | Look::Another { may_be_older: true }, None) if may_lag => {
                    pause.wait().await;
                }
                (Look::Missing, None) => return Ok(Course::Gone(Gone::Nothing)),
                (Look::NoUser, None) => return Ok(Course::Gone(Gone::NoUser)),
                (Look::AnotherUser, None) => return Ok(Course::Gone(Gone::OtherUser)),
                (Look::Another { .. }, None) => return Ok(Course::Gone(Gone::Retaken)),
            }
        }
    }

    /// Looks for it, and for the user, at the same time.
    async fn look(&mut self) -> Result<Look, CallError> {
        let account = self.account;
        let name = self.user().unwrap_or_default();
        let (user, look) = tokio::join!(Box::pin(account.user(name)), Box::pin(self.look_at_it()));
        Ok(match (look?, user) {
            (_, Ok(Some(user))) if self.is_later(&user) => Look::AnotherUser,
            (Look::Missing, Ok(None)) => Look::NoUser,
            (Look::Missing, Err(error)) => return Err(error),
            (look, _) => look,
        })
    }

    /// Whether the user was made after the event, so that the event was about another one.
    fn is_later(&self, user: &LiveUser) -> bool {
        user.created.zip(self.event.time).is_some_and(|(created, time)| created - time > SAME_DATE)
    }

    async fn look_at_it(&mut self) -> Result<Look, CallError> {
        match self.finding {
            Finding::PasswordCreated { user, at } => {
                let password = Box::pin(self.account.password(user)).await?;
                Ok(password.map_or(Look::Missing, |password| match (password.created, at) {
                    (Some(live), Some(told)) if (live - *told).abs() > SAME_DATE => {
                        Look::Another { may_be_older: live < *told }
                    }
                    _ => Look::There,
                }))
            }
            Finding::PolicyAttached { user, policy } => self.look_at_attached(user, policy).await,
            Finding::PolicyPut { user, policy, document } => {
                let live = Box::pin(self.account.inline_policy(user, policy)).await?;
                Ok(match (live, document) {
                    (None, _) => Look::Missing,
                    (Some(live), None) if policy::only_denies(&live) => {
                        Look::Harmless { reason: ONLY_DENIES, may_be_older: true }
                    }
                    (Some(_), None) => Look::There,
                    (Some(live), Some(document)) if live == *document => Look::There,
                    // Put since, which is another event, or before.
                    (Some(_), Some(_)) => Look::Another { may_be_older: true },
                })
            }
            _ => Ok(Look::Harmless { reason: "there is nothing to take back", may_be_older: false }),
        }
    }

    /// Whether a policy is attached, and, the first time, whether it allows anything.
    async fn look_at_attached(&mut self, user: &str, arn: &str) -> Result<Look, CallError> {
        let account = self.account;
        let is_judged = self.is_judged;
        let judged = async { if is_judged { Ok(true) } else { allows(account, arn).await } };
        let (attached, judged) = tokio::join!(Box::pin(account.attached_policies(user)), Box::pin(judged));
        self.attached = match attached {
            // AWS takes an ARN in other letters, too.
            Ok(policies) => policies.into_iter().find(|policy| policy.eq_ignore_ascii_case(arn)),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let judged = match &self.attached {
            Some(listed) if listed != arn && judged.is_err() => allows(account, listed).await,
            _ => judged,
        };
        match judged {
            Ok(false) => Ok(Look::Harmless { reason: ONLY_DENIES, may_be_older: false }),
            // What is not attached, or isn't there, gives nothing.
            _ if self.attached.is_none() => Ok(Look::Missing),
            Ok(true) => {
                self.is_judged = true;
                Ok(Look::There)
            }
            Err(error) => Err(error),
        }
    }

    async fn act(&mut self) {
        let Some((user, action)) = self.user().zip(self.action()) else { return };
        // Until there is an answer, the change may have been made or not.
        self.tried = Some(self.tried_now(&action, Err(CallError::unanswered(action.call()))));
        let result = self.account.applied(user, &action).await;
        if result.is_ok() {
            self.invocation.closed(self.event, self.object());
        }
        self.tried = Some(self.tried_now(&action, result));
    }

    fn tried_now(&self, action: &Action, result: Result<Applied, CallError>) -> Tried {
        Tried { action: action.clone(), result, at: Instant::now(), time: self.invocation.now() }
    }

    fn failed(&self, problem: Localized) -> Course {
        match &self.tried {
            Some(Tried { action, result: Err(cause), .. }) => {
                Course::NotTakenBack { action: action.clone(), problem: Localized::join(&[cause.into(), problem]) }
            }
            Some(tried) => Course::NotTakenBack { action: tried.action.clone(), problem },
            None => Course::NotRead { problem, name: None },
        }
    }

    fn user(&self) -> Option<&'a str> {
        match self.finding {
            Finding::PasswordCreated { user, .. }
            | Finding::PolicyAttached { user, .. }
            | Finding::PolicyPut { user, .. } => Some(user),
            _ => None,
        }
    }

    fn action(&self) -> Option<Action> {
        match self.finding {
            Finding::PasswordCreated { .. } => Some(Action::DeletePassword),
            Finding::PolicyAttached { policy, .. } => {
                Some(Action::DetachPolicy(self.attached.as_ref().unwrap_or(policy).clone()))
            }
            Finding::PolicyPut { policy, .. } => Some(Action::DeleteInlinePolicy(policy.clone())),
            _ => None,
        }
    }

    /// The name by which what the event made is remembered once it is taken back. An event makes one thing.
    fn object(&self) -> &'static str {
        match self.finding {
            Finding::PasswordCreated { .. } => "password",
            _ => "policy",
        }
    }
}

/// Whether a policy allows something. Of the account's own policies all versions count: whoever may attach one can make another
/// version the default, later or only for as long as it takes to look.
pub(crate) async fn allows(account: Account<'_>, arn: &str) -> Result<bool, CallError> {
    let versions = if is_of_aws(arn) {
        Box::pin(account.default_version(arn)).await?.into_iter().collect()
    } else {
        Box::pin(account.versions(arn)).await?
    };
    let documents = join_all(versions.iter().map(|version| Box::pin(account.version(arn, version)))).await;
    // A version that is gone by now allows nothing.
    let documents = documents.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
    if documents.is_empty() {
        let detail = Localized::new(|language| {
            say!(language, "none of the policy's versions was there", "ポリシーのどのバージョンも存在しませんでした")
        });
        return Err(CallError { call: "GetPolicyVersion", code: None, detail });
    }
    Ok(!documents.iter().all(policy::only_denies))
}
