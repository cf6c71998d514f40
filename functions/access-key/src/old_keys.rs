//! Deactivating the access keys of a user that are older than a rule of AWS Config allows.

use futures_util::future::join_all;
use rules::Localized;
use rules::access_key::Kind;
use rules::access_key::old::{Course, OldKey, is_old};
use rules::access_key::plan::Status;
use rules::access_key::sessions::LastUse;
use rules::alert::time_ran_out;
use rules::localized;
use runtime::{CallError, Invocation, Pause, SETTLE, users};
use tokio::time::{Instant, timeout_at};

use crate::account::{Account, Held};

fn renamed() -> Localized {
    localized!(
        "the user was renamed or deleted while its keys were looked at",
        "キーを確認している間に、ユーザーの名前が変更されたか、ユーザーが削除されました"
    )
}

/// Keys on their way to inactivity.
pub(crate) struct Deactivation<'a> {
    account: Account<'a>,
    invocation: &'a Invocation<'a>,
    /// The user's id.
    id: &'a str,
    /// How old a key may be.
    days: i64,
    /// The user's name.
    user: String,
    /// The old keys that were found active.
    keys: Vec<OldKey>,
    failures: Vec<Localized>,
}

impl<'a> Deactivation<'a> {
    pub(crate) fn new(account: Account<'a>, invocation: &'a Invocation<'a>, id: &'a str, days: i64) -> Self {
        let (user, keys, failures) = (String::new(), Vec::new(), Vec::new());
        Self { account, invocation, id, days, user, keys, failures }
    }

    /// Looks, deactivates, and looks again. An error is the reason why there is nothing to tell.
    pub(crate) async fn run(mut self) -> Result<Course, String> {
        match timeout_at(self.invocation.deadline, Box::pin(self.look_and_act())).await {
            Ok(Ok(course)) => course,
            Ok(Err(error)) => Ok(self.failed((&error).into())),
            Err(_) => Ok(self.failed(time_ran_out())),
        }
    }

    async fn look_and_act(&mut self) -> Result<Result<Course, String>, CallError> {
        let Some(user) = users::name_of(self.account.iam, self.id, self.account.calls).await? else {
            return Ok(Err("there is no user with that id any more".to_owned()));
        };
        self.user = user;
        let keys = self.active().await?;
        if keys.is_empty() {
            return Ok(Err(format!("the user has no active access key that is older than {} days", self.days)));
        }
        let last_uses = join_all(keys.iter().map(|(id, _)| Box::pin(self.account.last_use(id)))).await;
        for ((id, created), last_use) in keys.into_iter().zip(last_uses) {
            let last_use = last_use.map_or_else(|error| LastUse::Unknown((&error).into()), |(_, last_use)| last_use);
            self.keys.push(OldKey { id, created, last_use });
        }
        // The name may have come to somebody else between the two reads: then the keys are another's.
        if users::name_of(self.account.iam, self.id, self.account.calls).await?.as_ref() != Some(&self.user) {
            self.keys.clear();
            return Ok(Ok(self.failed(renamed())));
        }
        let settings = self.invocation.settings;
        if !settings.acts(settings.access_key_mode) {
            return Ok(Ok(Course::Withheld { user: self.user.clone(), keys: self.keys.clone() }));
        }
        let held = self.keys.iter().map(|key| Held { kind: Kind::AccessKey, id: &key.id, user: self.user.clone() });
        let held: Vec<Held<'_>> = held.collect();
        let results = join_all(held.iter().map(|held| Box::pin(self.account.deactivate(held)))).await;
        let at = self.invocation.now();
        let refused = || results.iter().filter_map(|result| result.as_ref().err());
        // It is gone, or the user has another name, under which the key still works.
        let is_missing = refused().any(CallError::is_not_found);
        self.failures = refused().map(Localized::from).collect();
        let (start, mut pause) = (Instant::now(), Pause::default());
        loop {
            let left = self.active().await?;
            let is_left = left.iter().any(|(id, _)| self.keys.iter().any(|key| key.id == *id));
            if !is_left && is_missing {
                return Ok(Ok(self.failed(renamed())));
            }
            if !is_left {
                let (user, keys) = (self.user.clone(), self.keys.clone());
                return Ok(Ok(Course::Deactivated { user, keys, at }));
            }
            if !self.failures.is_empty() || start.elapsed() >= SETTLE {
                return Ok(Ok(
                    self.failed(localized!("it was active when it was read again", "再確認した時点で有効でした"))
                ));
            }
            pause.wait().await;
        }
    }

    /// The user's active keys that are too old, with the times when they were made.
    async fn active(&self) -> Result<Vec<(String, chrono::DateTime<chrono::Utc>)>, CallError> {
        let now = self.invocation.now();
        let keys = self.account.keys(&self.user).await?.into_iter();
        let active = keys.filter(|(_, status, created)| *status == Status::Active && is_old(*created, self.days, now));
        Ok(active.map(|(id, _, created)| (id, created)).collect())
    }

    fn failed(&self, problem: Localized) -> Course {
        if self.keys.is_empty() {
            return Course::NotRead { problem };
        }
        let problems: Vec<Localized> = self.failures.iter().cloned().chain([problem]).collect();
        Course::NotDeactivated { user: self.user.clone(), keys: self.keys.clone(), problem: Localized::join(&problems) }
    }
}
