//! Taking back one thing that was given to a user: a console password, or a policy.

use chrono::{DateTime, TimeDelta, Utc};
use rules::Event;
use rules::iam_user::detect::Finding;
use rules::iam_user::plan::{Action, Hanging};
use rules::iam_user::report::{Course, Gone};
use rules::policy;
use runtime::{CallError, Invocation, LOOK_FOR, Pause, SETTLE};
use tokio::time::{Instant, timeout_at};

use crate::account::{Account, Applied, is_for_now};

/// How far apart the dates of one password may be: what the event says, and what the account does.
const SAME_DATE: TimeDelta = TimeDelta::seconds(5);

/// One thing on its way out.
pub(crate) struct TakeBack<'a> {
    account: Account<'a>,
    event: &'a Event,
    finding: &'a Finding,
    invocation: &'a Invocation<'a>,
    /// Whether the attached policy has been read, and allows something.
    is_judged: bool,
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
    /// Something else has its place; `may_be_older` if that may have been there before the event.
    Another { may_be_older: bool },
    /// It does no harm; the reason in words.
    Harmless(String),
}

impl<'a> TakeBack<'a> {
    pub(crate) fn new(
        account: Account<'a>,
        event: &'a Event,
        finding: &'a Finding,
        invocation: &'a Invocation<'a>,
    ) -> Self {
        Self { account, event, finding, invocation, is_judged: false, tried: None }
    }

    /// Looks, takes back and looks again until it is seen to be gone. An error is the reason why there is nothing to tell.
    pub(crate) async fn run(mut self) -> Result<Course, String> {
        match timeout_at(self.invocation.deadline, self.look_and_act()).await {
            Ok(course) => course,
            Err(_) => Ok(self.failed("the time for it ran out")),
        }
    }

    async fn look_and_act(&mut self) -> Result<Course, String> {
        let start = Instant::now();
        let mut pause = Pause::default();
        loop {
            let look = match self.look().await {
                Ok(look) => look,
                Err(error) => return Ok(self.failed(&error.to_string())),
            };
            let is_known = self.invocation.has_closed(self.event, self.object());
            let may_lag = self.invocation.is_young(self.event) && !is_known && start.elapsed() < LOOK_FOR;
            match (look, &self.tried) {
                (Look::Harmless(reason), _) => return Err(reason),
                (Look::There, _) if !self.invocation.settings.acts(self.invocation.settings.iam_user_mode) => {
                    let actions = self.action().into_iter().collect();
                    return Ok(Course::Withheld { actions, hanging: Hanging::default(), name: None });
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
                    _ => return Ok(self.failed("it was still there when it was read again")),
                },
                (Look::Missing | Look::Another { .. }, Some(tried)) => {
                    let is_ours = matches!(tried.result, Ok(Applied::Done));
                    let action = is_ours.then(|| tried.action.clone());
                    return Ok(Course::TakenBack { action, at: tried.time });
                }
                (Look::Missing | Look::Another { may_be_older: true }, None) if may_lag => pause.wait().await,
                (Look::Missing, None) => return Ok(Course::Gone(Gone::Nothing)),
                (Look::Another { .. }, None) => return Ok(Course::Gone(Gone::Retaken)),
            }
        }
    }

    async fn look(&mut self) -> Result<Look, CallError> {
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
            Finding::PolicyAttached { user, policy } => self.attached(user, policy).await,
            Finding::PolicyPut { user, policy, document } => {
                let live = Box::pin(self.account.inline_policy(user, policy)).await?;
                Ok(match live {
                    None => Look::Missing,
                    Some(live) if live == *document => Look::There,
                    // Put since, which is another event, or before.
                    Some(_) => Look::Another { may_be_older: true },
                })
            }
            _ => Ok(Look::Harmless("there is nothing to take back".to_owned())),
        }
    }

    /// Whether a policy is attached, and, the first time, whether it allows anything.
    async fn attached(&mut self, user: &str, arn: &str) -> Result<Look, CallError> {
        let attached = async {
            match Box::pin(self.account.attached_policies(user)).await {
                Ok(policies) => Ok(policies.iter().any(|policy| policy == arn)),
                Err(error) if error.is_not_found() => Ok(false),
                Err(error) => Err(error),
            }
        };
        if self.is_judged {
            return attached.await.map(|is_attached| if is_attached { Look::There } else { Look::Missing });
        }
        let (attached, version) = tokio::join!(attached, Box::pin(self.account.default_version(arn)));
        let is_attached = attached?;
        let document = match version {
            Ok(Some(version)) => Box::pin(self.account.version(arn, &version)).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match document {
            Ok(Some(document)) if policy::only_denies(&document) => {
                Ok(Look::Harmless("the policy only denies".to_owned()))
            }
            // What is not attached, or isn't there, gives nothing.
            _ if !is_attached => Ok(Look::Missing),
            Ok(Some(_)) => {
                self.is_judged = true;
                Ok(Look::There)
            }
            Ok(None) => Err(CallError {
                call: "GetPolicyVersion",
                code: None,
                detail: "the policy is attached, and its default version was not there".to_owned(),
            }),
            Err(error) => Err(error),
        }
    }

    async fn act(&mut self) {
        let Some((user, action)) = self.user().zip(self.action()) else { return };
        // Until there is an answer, the change may have been made or not.
        let unanswered =
            CallError { call: action.call(), code: None, detail: "no answer when the time ran out".to_owned() };
        self.tried = Some(self.tried_now(&action, Err(unanswered)));
        let result = self.account.applied(user, &action).await;
        if result.is_ok() {
            self.invocation.closed(self.event, self.object());
        }
        self.tried = Some(self.tried_now(&action, result));
    }

    fn tried_now(&self, action: &Action, result: Result<Applied, CallError>) -> Tried {
        Tried { action: action.clone(), result, at: Instant::now(), time: self.invocation.now() }
    }

    fn failed(&self, problem: &str) -> Course {
        match &self.tried {
            Some(Tried { action, result: Err(cause), .. }) => {
                Course::NotTakenBack { action: action.clone(), problem: format!("{cause}; {problem}") }
            }
            Some(tried) => Course::NotTakenBack { action: tried.action.clone(), problem: problem.to_owned() },
            None => Course::NotRead { problem: problem.to_owned() },
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
            Finding::PolicyAttached { policy, .. } => Some(Action::DetachPolicy(policy.clone())),
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
