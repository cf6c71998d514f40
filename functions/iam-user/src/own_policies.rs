//! Taking off a user the policies of its own that AWS Config found: all that allow something.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rules::alert::time_ran_out;
use rules::iam_user::detect::is_managed_quarantine;
use rules::iam_user::found::Course;
use rules::iam_user::plan::{Action, OwnPolicy};
use rules::{Localized, localized, policy};
use runtime::{CallError, Invocation, Pause, SETTLE};
use tokio::time::{Instant, timeout_at};

use crate::account::{Account, Applied, is_for_now};
use crate::still_there;
use crate::take_back::allows;

/// How often the user is looked for, if it is renamed between two reads.
const MOST_LOOKS: usize = 3;

/// Policies on their way out.
pub(crate) struct TakeOff<'a> {
    account: Account<'a>,
    id: &'a str,
    invocation: &'a Invocation<'a>,
    /// The user's name, as it was last found.
    name: String,
    /// All that was found so far.
    found: Vec<OwnPolicy>,
    tried: Vec<Tried>,
}

/// A change that was tried.
struct Tried {
    action: Action,
    result: Result<Applied, CallError>,
    at: Instant,
    time: DateTime<Utc>,
}

impl<'a> TakeOff<'a> {
    pub(crate) fn new(account: Account<'a>, id: &'a str, invocation: &'a Invocation<'a>) -> Self {
        Self { account, id, invocation, name: String::new(), found: Vec::new(), tried: Vec::new() }
    }

    /// Looks, takes off, and looks again until it is seen to be gone. An error is the reason why there is nothing to tell.
    pub(crate) async fn run(mut self) -> Result<Course, String> {
        match timeout_at(self.invocation.deadline, Box::pin(self.look_and_act())).await {
            Ok(course) => course,
            Err(_) => Ok(self.failed(time_ran_out())),
        }
    }

    async fn look_and_act(&mut self) -> Result<Course, String> {
        let mut pause = Pause::default();
        loop {
            let open = match self.look().await {
                Ok(Some(open)) => open,
                Ok(None) if self.found.is_empty() => return Err("there is no user with that id any more".to_owned()),
                // With the user, all of it is gone.
                Ok(None) => Vec::new(),
                Err(problem) => return Ok(self.failed(problem)),
            };
            if open.is_empty() && self.found.is_empty() {
                return Err("the user has no policy of its own that allows anything".to_owned());
            }
            if open.is_empty() {
                return Ok(self.taken_off());
            }
            for policy in &open {
                if !self.found.contains(policy) {
                    self.found.push(policy.clone());
                }
            }
            if !self.invocation.settings.acts(self.invocation.settings.iam_user_mode) {
                return Ok(Course::Withheld { user: self.name.clone(), policies: open });
            }
            let actions: Vec<Action> = open.iter().map(OwnPolicy::action).collect();
            let tried = |action: &Action| self.tried.iter().rev().find(|tried| tried.action == *action);
            let is_open = |action: &&Action| match tried(action) {
                Some(Tried { result: Err(error), .. }) => is_for_now(error),
                Some(_) => false,
                None => true,
            };
            let to_do: Vec<Action> = actions.iter().filter(is_open).cloned().collect();
            let last = self.tried.iter().map(|tried| tried.at).max();
            let refused = actions.iter().filter_map(tried).any(|tried| tried.result.is_err());
            match last {
                _ if !to_do.is_empty() => {
                    if refused {
                        pause.wait().await;
                    }
                    self.act(to_do).await;
                }
                Some(last) if !refused && last.elapsed() < SETTLE => pause.wait().await,
                _ => return Ok(self.failed(still_there())),
            }
        }
    }

    /// The user's own policies that allow something; `None` if there is no such user.
    async fn look(&mut self) -> Result<Option<Vec<OwnPolicy>>, Localized> {
        let account = self.account;
        let mut is_known = !self.name.is_empty();
        for _ in 0..MOST_LOOKS {
            if !is_known {
                match account.name_of(self.id).await.map_err(|error| Localized::from(&error))? {
                    Some(name) => self.name = name,
                    None => return Ok(None),
                }
            }
            let name = self.name.clone();
            let (user, attached, inline) = tokio::join!(
                Box::pin(account.user(&name)),
                Box::pin(account.attached_policies(&name)),
                Box::pin(account.inline_policies(&name))
            );
            match user.map_err(|error| Localized::from(&error))? {
                Some(user) if user.id == self.id => {}
                // Renamed meanwhile, or deleted: the name is nobody's, or another's.
                _ => {
                    is_known = false;
                    continue;
                }
            }
            let attached = attached.map_err(|error| Localized::from(&error))?;
            let inline = inline.map_err(|error| Localized::from(&error))?;
            return self.allowing(&name, attached, inline).await.map(Some).map_err(|error| Localized::from(&error));
        }
        Err(localized!(
            "the user was renamed again and again while it was looked for",
            "ユーザーを探している間に、名前が繰り返し変更されました"
        ))
    }

    /// Those that allow something, and are not AWS's quarantine, as for a call that attaches or puts one.
    async fn allowing(
        &self,
        name: &str,
        attached: Vec<String>,
        inline: Vec<String>,
    ) -> Result<Vec<OwnPolicy>, CallError> {
        let account = self.account;
        let attached = attached.into_iter().filter(|arn| !is_managed_quarantine(arn)).map(|arn| {
            Box::pin(
                async move { allows(account, &arn).await.map(|allows| allows.then_some(OwnPolicy::Attached(arn))) },
            )
        });
        let inline = inline.into_iter().map(|policy| {
            Box::pin(async move {
                let document = account.inline_policy(name, &policy).await?;
                let document = document.filter(|document| !policy::only_denies(document));
                Ok(document.map(|document| OwnPolicy::Inline { name: policy, document }))
            })
        });
        let (attached, inline) = tokio::join!(join_all(attached), join_all(inline));
        attached.into_iter().chain(inline).filter_map(Result::transpose).collect()
    }

    /// All at the same time.
    async fn act(&mut self, actions: Vec<Action>) {
        // Until there is an answer, a change may have been made or not.
        let first = self.tried.len();
        let unanswered = actions.iter().map(|action| (action.clone(), Err(CallError::unanswered(action.call()))));
        let (at, time) = (Instant::now(), self.invocation.now());
        self.tried.extend(unanswered.map(|(action, result)| Tried { action, result, at, time }));
        let name = self.name.clone();
        let results = join_all(actions.iter().map(|action| self.account.applied(&name, action))).await;
        let (at, time) = (Instant::now(), self.invocation.now());
        for (tried, result) in self.tried.iter_mut().skip(first).zip(results) {
            *tried = Tried { action: tried.action.clone(), result, at, time };
        }
    }

    /// What we did, each thing once.
    fn done(&self) -> Vec<Action> {
        let mut done: Vec<Action> = Vec::new();
        for tried in self.tried.iter().filter(|tried| matches!(tried.result, Ok(Applied::Done))) {
            if !done.contains(&tried.action) {
                done.push(tried.action.clone());
            }
        }
        done
    }

    fn taken_off(&self) -> Course {
        let at = self.tried.iter().map(|tried| tried.time).max().unwrap_or_else(|| self.invocation.now());
        Course::TakenOff { user: self.name.clone(), policies: self.found.clone(), actions: self.done(), at }
    }

    fn failed(&self, problem: Localized) -> Course {
        if self.found.is_empty() {
            return Course::NotRead { problem };
        }
        let refused = self.tried.iter().filter_map(|tried| tried.result.as_ref().err());
        let mut problems: Vec<Localized> = refused.map(Localized::from).collect();
        problems.push(problem);
        Course::NotTakenOff {
            user: self.name.clone(),
            policies: self.found.clone(),
            actions: self.done(),
            problem: Localized::join(&problems),
        }
    }
}
