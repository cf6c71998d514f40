//! What would be done about a finding, going by the record alone.

use super::NAME;
use super::detect::{Finding, is_of_aws};
use crate::event::Event;
use crate::foresee::{Foreseen, Word};
use crate::settings::Settings;

/// Policies of AWS's that allow something, as their names promise for good; of others only the account has the document
/// (<https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html>).
const ALLOWING: &[&str] = &[
    "policy/AdministratorAccess",
    "policy/PowerUserAccess",
    "policy/ReadOnlyAccess",
    "policy/IAMFullAccess",
    "policy/SecurityAudit",
    "policy/job-function/ViewOnlyAccess",
    "policy/AmazonEC2FullAccess",
    "policy/AmazonS3FullAccess",
];

/// The one that denies everything.
const DENYING: &str = "policy/AWSDenyAll";

/// What the function would do about a finding.
pub fn foresee(finding: &Finding, event: &Event, settings: &Settings) -> Foreseen {
    let by_mode = || Word::by_mode("IamUserMode", settings.iam_user_mode, settings);
    let told = || Word::told("only told: it can't be taken back, or nobody knows what was there before");
    let of = |resource: &str, what: String, word: Word| Foreseen::new(NAME, resource, what, word);
    match finding {
        Finding::UserCreated { user, id: Some(_), .. } => of(user, format!("new IAM user {user}"), by_mode()),
        Finding::UserCreated { user, id: None, .. } => {
            let word = Word::told("only told: the record lacks the user's id, and names are used again");
            of(user, format!("new IAM user {user}"), word)
        }
        Finding::PasswordCreated { user, .. } => of(user, format!("new console password of user {user}"), by_mode()),
        Finding::PasswordChanged { user } => {
            of(user, format!("console password of user {user} changed by somebody else"), told())
        }
        Finding::PolicyAttached { user, policy } => {
            let word = match known(policy) {
                Some(true) => by_mode(),
                Some(false) => Word::nothing("it only denies"),
                None => Word::depends("whether the policy allows anything, which the record does not tell"),
            };
            of(user, format!("policy {policy} attached to user {user}"), word)
        }
        Finding::PolicyPut { user, policy, document } => {
            let word = match document {
                Some(_) => by_mode(),
                None => Word::depends("whether the policy allows anything: the record does not hold it"),
            };
            of(user, format!("inline policy {policy} put on user {user}"), word)
        }
        Finding::Quarantined { user, policy } => {
            let what = format!("AWS's quarantine {policy} put on user {user}: a key of it leaked");
            of(user, what, Word::told("only told: it is meant to stay"))
        }
        Finding::AddedToGroup { user, group } => of(user, format!("user {user} added to group {group}"), told()),
        Finding::MfaDeactivated { user, serial } => {
            let user = user.as_deref().unwrap_or("root");
            of(user, format!("MFA device {serial} of {user} deactivated"), told())
        }
        Finding::MfaDeleted { serial } => of(serial, format!("virtual MFA device {serial} deleted"), told()),
        Finding::BoundaryDeleted { user } => of(user, format!("permissions boundary of user {user} deleted"), told()),
        Finding::OwnPolicies { id } => {
            let rule = event.origin.config_rule().unwrap_or_default();
            let on = format!("which managed rule is behind `{rule}`, and on what policies the user has in the account");
            of(id, format!("AWS Config found IAM user {id} non-compliant"), Word::depends(on))
        }
        Finding::PasswordPolicyDeleted => of("", "the account's password policy deleted".to_owned(), told()),
    }
}

/// Whether a policy allows something; `None` if only its document tells.
fn known(arn: &str) -> Option<bool> {
    let name = arn.splitn(6, ':').nth(5).filter(|_| is_of_aws(arn))?;
    match name {
        DENYING => Some(false),
        name => ALLOWING.contains(&name).then_some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use crate::foresee::Verdict;
    use serde_json::json;

    fn settings(mode: &str) -> Settings {
        Settings::from_variables(|name| (name == "IAM_USER_MODE").then(|| mode.to_owned())).unwrap()
    }

    #[test]
    fn only_what_the_record_tells_is_decided() {
        let event = parse(&json!({"eventName": "x", "eventSource": "iam.amazonaws.com"})).unwrap();
        let eve = || "eve".to_owned();
        let attached = |policy: &str| Finding::PolicyAttached { user: eve(), policy: policy.to_owned() };
        let put = |document| Finding::PolicyPut { user: eve(), policy: "p".to_owned(), document };
        use Verdict::{Alert, Depends, Ignore, Revert};
        for (finding, in_revert, in_alert) in [
            (Finding::UserCreated { user: eve(), id: Some("AIDA".to_owned()), at: None }, Revert, Alert),
            (Finding::UserCreated { user: eve(), id: None, at: None }, Alert, Alert),
            (Finding::PasswordCreated { user: eve(), at: None }, Revert, Alert),
            (Finding::PasswordChanged { user: eve() }, Alert, Alert),
            (attached("arn:aws:iam::aws:policy/AdministratorAccess"), Revert, Alert),
            (attached("arn:aws-cn:iam::aws:policy/ReadOnlyAccess"), Revert, Alert),
            (attached("arn:aws:iam::aws:policy/AWSDenyAll"), Ignore, Ignore),
            (attached("arn:aws:iam::aws:policy/AmazonSESFullAccess"), Depends, Depends),
            (attached("arn:aws:iam::123456789012:policy/AdministratorAccess"), Depends, Depends),
            (put(Some(json!({}))), Revert, Alert),
            (put(None), Depends, Depends),
            (Finding::Quarantined { user: eve(), policy: "p".to_owned() }, Alert, Alert),
            (Finding::AddedToGroup { user: eve(), group: "g".to_owned() }, Alert, Alert),
            (Finding::MfaDeactivated { user: None, serial: "s".to_owned() }, Alert, Alert),
            (Finding::MfaDeactivated { user: Some(eve()), serial: "s".to_owned() }, Alert, Alert),
            (Finding::MfaDeleted { serial: "s".to_owned() }, Alert, Alert),
            (Finding::BoundaryDeleted { user: eve() }, Alert, Alert),
            (Finding::PasswordPolicyDeleted, Alert, Alert),
            (Finding::OwnPolicies { id: "AIDA1".to_owned() }, Depends, Depends),
        ] {
            let verdict = |mode: &str| foresee(&finding, &event, &settings(mode)).verdict;
            assert_eq!((verdict("revert"), verdict("alert")), (in_revert, in_alert), "{finding:?}");
        }
    }
}
