//! Deletes new IAM users and console passwords, and takes permissions from users.
//!
//! The rule is in `rules::iam_user`; here are its reads and writes ([`account`]), the deletion of a user ([`removal`]), taking back
//! one thing that was given to a user ([`take_back`]), and taking off the policies that AWS Config found ([`own_policies`]).

pub mod account;
mod own_policies;
mod removal;
mod take_back;

use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use rules::iam_user::detect::{self, Finding};
use rules::iam_user::found;
use rules::iam_user::report::{Course, Gone, report};
use rules::iam_user::{NAME, SUBSCRIPTIONS};
use rules::settings::Mode;
use rules::{Decision, Event, Localized, Settings, Subscription, say};
use runtime::{ConfigRules, Guardrail, Invocation, Remedied};
use tokio::time::timeout_at;

use account::Account;
use own_policies::TakeOff;
use removal::Removal;
use take_back::TakeBack;

/// The guardrail. IAM is the same in all regions, so one client is enough.
pub struct IamUser {
    client: aws_sdk_iam::Client,
    config_rules: ConfigRules,
}

impl IamUser {
    /// With a client made from `config`.
    pub fn new(config: SdkConfig) -> Self {
        Self { client: aws_sdk_iam::Client::new(&config), config_rules: ConfigRules::new(config) }
    }
}

impl Guardrail for IamUser {
    type Finding = Finding;

    fn name(&self) -> &'static str {
        NAME
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        SUBSCRIPTIONS
    }

    fn mode(&self, settings: &Settings) -> Mode {
        settings.iam_user_mode
    }

    fn config_rules(&self) -> Option<&ConfigRules> {
        Some(&self.config_rules)
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let account = Account { client: &self.client, calls: invocation.calls };
        if let Finding::OwnPolicies { id } = finding {
            return match Box::pin(TakeOff::new(account, id, invocation).run()).await {
                Ok(course) => {
                    let steps = invocation.calls.steps();
                    Remedied::Report(Box::new(found::report(event, id, invocation.settings, &course, steps)))
                }
                Err(reason) => Remedied::Nothing(reason),
            };
        }
        let course = match finding {
            Finding::UserCreated { id: None, .. } => Ok(Course::Unidentified),
            Finding::UserCreated { user, id: Some(id), at } => {
                Ok(Box::pin(Removal::new(account, event, invocation, user, id, *at).run()).await)
            }
            Finding::PasswordCreated { .. } | Finding::PolicyAttached { .. } | Finding::PolicyPut { .. } => {
                Box::pin(TakeBack::new(account, event, finding, invocation).run()).await
            }
            Finding::MfaDeactivated { user: Some(user), serial } => {
                mfa_deactivated(account, event, invocation, user, serial).await
            }
            Finding::MfaDeleted { serial } if is_own(event, invocation, |at| mfa_deleted_deed(serial, at)) => {
                Err("this process deleted it itself, with its user".to_owned())
            }
            _ => Ok(Course::Told),
        };
        match course {
            Ok(course) => {
                let steps = invocation.calls.steps();
                Remedied::Report(Box::new(report(event, finding, invocation.settings, &course, steps)))
            }
            Err(reason) => Remedied::Nothing(reason),
        }
    }
}

/// Taking the device from a user is part of deleting the user. Whether somebody has deleted the user since, or renamed it, is not to be
/// seen: both are told.
async fn mfa_deactivated(
    account: Account<'_>,
    event: &Event,
    invocation: &Invocation<'_>,
    user: &str,
    serial: &str,
) -> Result<Course, String> {
    if is_own(event, invocation, |at| mfa_deactivated_deed(user, serial, at)) {
        return Err("this process took it from the user itself, to delete the user".to_owned());
    }
    match timeout_at(invocation.deadline, Box::pin(account.user(user))).await {
        Ok(Ok(None)) => Ok(Course::Gone(Gone::NoUser)),
        // If it can't be read, it is told: the read is among the calls.
        _ => Ok(Course::Told),
    }
}

/// Whether this process made the event's change itself, a minute before or after the event's time at most.
fn is_own(event: &Event, invocation: &Invocation<'_>, deed: impl Fn(DateTime<Utc>) -> String) -> bool {
    let minutes = [-1, 0, 1].into_iter().filter_map(TimeDelta::try_minutes);
    let times = event.time.into_iter().flat_map(|time| minutes.clone().map(move |minutes| time + minutes));
    times.map(deed).any(|deed| invocation.has_done(&deed))
}

/// Why something was not taken back, though no call failed.
fn still_there() -> Localized {
    Localized::new(|language| {
        say!(language, "it was still there when it was read again", "再確認した時点でまだ存在していました")
    })
}

/// What a process remembers of having taken an MFA device from a user.
fn mfa_deactivated_deed(user: &str, serial: &str, at: DateTime<Utc>) -> String {
    format!("{} DeactivateMFADevice {user} {serial}", at.format("%FT%R"))
}

/// What a process remembers of having deleted a virtual MFA device.
fn mfa_deleted_deed(serial: &str, at: DateTime<Utc>) -> String {
    format!("{} DeleteVirtualMFADevice {serial}", at.format("%FT%R"))
}
