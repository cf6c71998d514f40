//! Rule `root-activity`: what the root user does, and console sign-ins of IAM users without MFA.
//!
//! Nothing of it can be taken back, so there is no plan: [`detect`] says what an event is, [`report`] tells it. Of the calls of one
//! session only the first is worth a mail of its own; [`detect::Finding::folds`] says which may be counted instead, and the function
//! remembers them.

pub mod detect;
pub mod foresee;
pub mod report;

use crate::decision::{API_CALL, CONSOLE_ACTION, SIGN_IN, Subscription};

/// The rule's and the function's name.
pub const NAME: &str = "root-activity";

/// All that root does, reading and failing included, and sign-ins of IAM users.
///
/// Recovering and changing root's password or email address is recorded as done by `Root`, also before anybody has signed in, so
/// that it needs no subscription of its own. No event is covered by both.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription {
        source: None,
        detail_types: &[API_CALL, SIGN_IN, CONSOLE_ACTION],
        event_source: None,
        event_names: &[],
        actor_kind: Some("Root"),
        includes_reads: true,
        includes_failures: true,
        findings: None,
    },
    Subscription {
        source: Some("aws.signin"),
        detail_types: &[SIGN_IN],
        event_source: Some("signin.amazonaws.com"),
        event_names: &["ConsoleLogin"],
        actor_kind: Some("IAMUser"),
        includes_reads: false,
        includes_failures: true,
        findings: None,
    },
];
