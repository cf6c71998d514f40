//! Rule `iam-user`: new IAM users, new console passwords, and permissions put directly on a user, also those that AWS Config finds there.
//!
//! The way through the modules: [`detect`] reads the event, the function reads the account into [`plan::Hanging`] where a user is to be
//! deleted, [`plan`] says in which order what is taken away, [`report`] says what came of it, and [`found`] what came of a finding of AWS Config.

pub mod detect;
mod document;
pub mod foresee;
pub mod found;
pub mod plan;
pub mod report;

use crate::decision::{ResourceTypes, Subscription};

/// The rule's and the function's name.
pub const NAME: &str = "iam-user";

/// The calls that make a user, let somebody in as one, give one more, or take a safeguard away; only IAM's: Transfer Family and the
/// identity store have a `CreateUser` too. And what AWS Config finds of users, of which the policies of their own are for this rule.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription::calls(
        "aws.iam",
        "iam.amazonaws.com",
        &[
            "CreateUser",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "AttachUserPolicy",
            "PutUserPolicy",
            "AddUserToGroup",
            "DeactivateMFADevice",
            "DeleteVirtualMFADevice",
            "DeleteUserPermissionsBoundary",
            "DeleteAccountPasswordPolicy",
        ],
    ),
    Subscription::config(ResourceTypes::Only(&["AWS::IAM::User"])),
];

/// The inline policy that shuts a user off while it is being deleted.
pub const CONTAINMENT: &str = "snapback-contain";

/// What [`CONTAINMENT`] says. It also holds for sessions that were made of the user's keys or sign-ins.
pub const DENY_EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

/// The same in the shortest form that a policy can have, so that it fits in the place of any other.
pub const DENY_IN_SHORT: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
