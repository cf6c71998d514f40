//! Deletes new IAM users and console passwords, and takes permissions from users.
//!
//! The rule is in `rules::iam_user`; here are its reads and writes ([`account`]), the deletion of a user ([`removal`]), and taking back
//! one thing that was given to a user ([`take_back`]).

pub mod account;
mod removal;
mod take_back;

use aws_config::SdkConfig;
use rules::iam_user::detect::{self, Finding};
use rules::iam_user::report::{Course, report};
use rules::iam_user::{NAME, SUBSCRIPTIONS};
use rules::settings::Mode;
use rules::{Decision, Event, Settings, Subscription};
use runtime::{Guardrail, Invocation, Remedied};
use tokio::time::timeout_at;

use account::Account;
use removal::Removal;
use take_back::TakeBack;

/// The guardrail. IAM is the same in all regions, so one client is enough.
pub struct IamUser {
    client: aws_sdk_iam::Client,
}

impl IamUser {
    /// With a client made from `config`.
    pub fn new(config: SdkConfig) -> Self {
        Self { client: aws_sdk_iam::Client::new(&config) }
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

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let account = Account { client: &self.client, calls: invocation.calls };
        let course = match finding {
            Finding::UserCreated { id: None, .. } => Ok(Course::Unidentified),
            Finding::UserCreated { user, id: Some(id), at } => {
                Ok(Box::pin(Removal::new(account, event, invocation, user, id, *at).run()).await)
            }
            Finding::PasswordCreated { .. } | Finding::PolicyAttached { .. } | Finding::PolicyPut { .. } => {
                Box::pin(TakeBack::new(account, event, finding, invocation).run()).await
            }
            Finding::MfaDeactivated { user: Some(user), serial } => {
                mfa_deactivated(account, invocation, user, serial).await
            }
            Finding::MfaDeleted { serial } if invocation.has_done(&mfa_deleted_deed(serial)) => {
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

/// Taking the device from a user is part of deleting the user, by us or by anybody: then there is nothing to tell.
async fn mfa_deactivated(
    account: Account<'_>,
    invocation: &Invocation<'_>,
    user: &str,
    serial: &str,
) -> Result<Course, String> {
    if invocation.has_done(&mfa_deactivated_deed(user, serial)) {
        return Err("this process took it from the user itself, to delete the user".to_owned());
    }
    match timeout_at(invocation.deadline, Box::pin(account.user(user))).await {
        Ok(Ok(None)) => Err("the user is gone by now".to_owned()),
        // If it can't be read, it is told: the read is among the calls.
        _ => Ok(Course::Told),
    }
}

/// What a process remembers of having taken an MFA device from a user.
fn mfa_deactivated_deed(user: &str, serial: &str) -> String {
    format!("DeactivateMFADevice {user} {serial}")
}

/// What a process remembers of having deleted a virtual MFA device.
fn mfa_deleted_deed(serial: &str) -> String {
    format!("DeleteVirtualMFADevice {serial}")
}
