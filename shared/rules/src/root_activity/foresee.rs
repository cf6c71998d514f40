//! What would be done about a finding, going by the record alone.

use super::NAME;
use super::detect::{AccessChange, Attempt, Finding};
use crate::event::Event;
use crate::foresee::{Foreseen, Word};
use crate::settings::Settings;

/// What the function would do about a finding: it tells.
pub fn foresee(finding: &Finding, event: &Event, _settings: &Settings) -> Foreseen {
    let mfa = |mfa: &Option<bool>| match mfa {
        Some(true) => "with MFA",
        Some(false) => "without MFA",
        None => "and the record does not say whether with MFA",
    };
    let root = || event.actor.arn.clone().unwrap_or_else(|| "root".to_owned());
    let (resource, what, attempt) = match finding {
        Finding::RootSignIn { attempt, mfa: used } => {
            (root(), format!("sign-in of root to the console, {}", mfa(used)), attempt)
        }
        Finding::RootAccess { change, attempt } => {
            let what = match change {
                AccessChange::RecoveryRequested => "request of a new password for root",
                AccessChange::RecoveryCompleted => "recovery of root's password",
                AccessChange::Password => "change of root's password",
                AccessChange::Email => "change of root's email address",
            };
            (root(), what.to_owned(), attempt)
        }
        Finding::RootCall { attempt, .. } => {
            (root(), format!("root called {} of {}", event.name, event.source), attempt)
        }
        Finding::UserSignIn { user, attempt, mfa: used } => {
            (user.clone(), format!("sign-in of user {user} to the console, {}", mfa(used)), attempt)
        }
    };
    let what = match attempt {
        Attempt::Succeeded => what,
        Attempt::Failed(why) => format!("{what}; it failed: {why}"),
        Attempt::Unknown(_) => format!("{what}; the record does not say whether it succeeded"),
    };
    let word = match finding.folds() {
        Some(_) => "only told: of calls that are alike, one in ten minutes is mailed and the others are counted",
        None => "only told: it can't be taken back",
    };
    Foreseen::new(NAME, resource, what, Word::told(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use crate::foresee::Verdict;
    use crate::root_activity::detect::Effect;
    use serde_json::json;

    #[test]
    fn everything_is_told_and_calls_are_folded() {
        let raw = json!({"eventName": "RunInstances", "eventSource": "ec2.amazonaws.com",
            "userIdentity": {"type": "Root", "arn": "arn:aws:iam::123456789012:root"}});
        let event = parse(&raw).unwrap();
        let (succeeded, failed) = (Attempt::Succeeded, Attempt::Failed("Denied".to_owned()));
        let user = "kim".to_owned();
        for (finding, what, is_folded) in [
            (Finding::RootSignIn { attempt: succeeded.clone(), mfa: None }, "whether with MFA", false),
            (Finding::RootAccess { change: AccessChange::Email, attempt: failed.clone() }, "it failed: Denied", false),
            (Finding::RootCall { effect: Effect::Read, attempt: failed }, "root called RunInstances of ec2", true),
            (Finding::RootCall { effect: Effect::Blinding, attempt: succeeded.clone() }, "root called", false),
            (
                Finding::UserSignIn { user, attempt: succeeded, mfa: Some(false) },
                "user kim to the console, without",
                false,
            ),
        ] {
            let foreseen = foresee(&finding, &event, &Settings::default());
            assert_eq!(foreseen.verdict, Verdict::Alert);
            assert!(foreseen.what.contains(what), "{}", foreseen.what);
            assert_eq!(foreseen.reason().contains("ten minutes"), is_folded, "{finding:?}");
        }
    }
}
