//! What was got with an access key and outlives it: temporary credentials of the user, and sessions of roles.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::detect::Change;
use crate::event::{self, Event};
use crate::json::{field, text};
use crate::language::Localized;

/// The name of the inline policy that [`denies_older_sessions`] is put on a user under. One of that name that is there already is ours.
pub const POLICY_NAME: &str = "snapback-revoke-older-sessions";

/// The longest life of temporary credentials that a user gets with an access key, in hours
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>).
const LONGEST_SESSION_HOURS: i64 = 36;

/// What AWS says of a key's last use.
#[derive(Clone, Debug, PartialEq)]
pub enum LastUse {
    /// It was not asked.
    NotAsked,
    /// It did not say; why.
    Unknown(Localized),
    /// It shows none, which means none so far: use is recorded with a delay.
    NoneShown,
    /// This.
    Shown(Use),
}

/// A use of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// When.
    pub at: DateTime<Utc>,
    /// For which service, such as `s3`.
    pub service: String,
    /// In which region.
    pub region: String,
}

/// How much earlier than the use itself AWS may date it: its examples are rounded
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html>).
const ROUNDING: TimeDelta = TimeDelta::minutes(15);

impl LastUse {
    /// Whether AWS shows that the key was used after what the event did to it.
    pub fn is_since(&self, event: &Event, change: Change) -> bool {
        matches!(self, Self::Shown(last) if last.is_since(event, change))
    }

    /// The use that was after what the event did to the key, if temporary credentials got by it may still be valid.
    pub fn with_sessions(&self, event: &Event, change: Change, now: DateTime<Utc>) -> Option<&Use> {
        match self {
            Self::Shown(last) if last.is_since(event, change) && last.may_have_left_sessions(now) => Some(last),
            _ => None,
        }
    }
}

impl Use {
    /// Whether it was after what the event did to the key. A new key has no other use; an event without a time has none before it.
    fn is_since(&self, event: &Event, change: Change) -> bool {
        change == Change::Made || event.time.is_none_or(|time| self.at + ROUNDING >= time)
    }

    /// Whether temporary credentials that were got by it may still be valid.
    fn may_have_left_sessions(&self, now: DateTime<Utc>) -> bool {
        now - self.at <= TimeDelta::hours(LONGEST_SESSION_HOURS)
    }
}

/// Roles whose sessions were got with a key, as far as CloudTrail shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssumedRoles {
    /// The regions whose events were looked through.
    pub regions: BTreeSet<String>,
    /// The roles' ARNs.
    pub arns: BTreeSet<String>,
    /// What could not be looked through, and why.
    pub problems: Vec<Localized>,
}

/// A policy that denies everything to temporary credentials issued before `time`, and nothing to long-term ones: they have no
/// time of issue, and what a request lacks meets no condition without `IfExists`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>).
pub fn denies_older_sessions(time: DateTime<Utc>) -> String {
    let condition = format!(r#"{{"DateLessThan":{{"aws:TokenIssueTime":"{}"}}}}"#, written(time));
    let statement = format!(r#"{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{condition}}}"#);
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

/// A time as policies write it.
pub fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Temporary credentials that were given out.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The ARN of the role, if it is a role's session.
    pub role: Option<String>,
    /// Its access key, with which further sessions may have been got.
    pub key: Option<String>,
}

/// The session that a CloudTrail record says was given out; `None` if the record says something else.
pub fn given_out(record: &str) -> Option<Session> {
    let event = event::parse(&serde_json::from_str(record).ok()?).ok()?;
    let gives = ["AssumeRole", "GetSessionToken", "GetFederationToken"];
    let is_it = event.source == "sts.amazonaws.com" && gives.contains(&&*event.name) && event.error.is_none();
    let key = || text(field(&event.response, "credentials"), "accessKeyId");
    is_it.then(|| Session { role: text(&event.request, "roleArn"), key: key() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{only_denies, parse};
    use serde_json::{Value, json};

    #[test]
    fn only_a_session_that_was_given_out_counts() {
        let record = |name: &str, request: Value, error: Value| {
            json!({"eventName": name, "eventSource": "sts.amazonaws.com", "errorCode": error, "requestParameters": request,
                "responseElements": {"credentials": {"accessKeyId": "ASIA1", "sessionToken": "x"}}})
            .to_string()
        };
        let role = "arn:aws:iam::123456789012:role/Admin";
        let admin = json!({"roleArn": role, "roleSessionName": "x"});
        let session =
            |role: Option<&str>| Some(Session { role: role.map(str::to_owned), key: Some("ASIA1".to_owned()) });
        assert_eq!(given_out(&record("AssumeRole", admin.clone(), Value::Null)), session(Some(role)));
        assert_eq!(given_out(&record("GetSessionToken", Value::Null, Value::Null)), session(None));
        assert_eq!(given_out(&record("GetFederationToken", json!({"name": "x"}), Value::Null)), session(None));
        for other in [
            record("AssumeRole", admin, json!("AccessDenied")),
            record("GetCallerIdentity", Value::Null, Value::Null),
            "{".to_owned(),
        ] {
            assert_eq!(given_out(&other), None, "{other}");
        }
    }

    #[test]
    fn what_was_used_long_ago_has_left_no_session() {
        let now = "2026-03-02T09:14:05Z".parse::<DateTime<Utc>>().unwrap();
        let used = |hours: i64| {
            let at = now - TimeDelta::hours(hours);
            Use { at, service: "s3".to_owned(), region: "us-east-1".to_owned() }.may_have_left_sessions(now)
        };
        assert!(used(0) && used(36) && !used(37));
    }

    #[test]
    fn a_use_long_before_an_activation_is_not_its_doing() {
        let raw = json!({"eventName": "UpdateAccessKey", "eventSource": "iam.amazonaws.com",
            "eventTime": "2026-03-02T09:14:05Z"});
        let event = event::parse(&raw).unwrap();
        let used = |at: &str, change| {
            let at = at.parse().unwrap();
            Use { at, service: "s3".to_owned(), region: "us-east-1".to_owned() }.is_since(&event, change)
        };
        assert!(used("2026-03-02T09:14:00Z", Change::Activated) && used("2026-03-02T09:20:00Z", Change::Activated));
        assert!(!used("2026-03-02T08:14:00Z", Change::Activated) && used("2026-03-02T08:14:00Z", Change::Made));
    }

    #[test]
    fn the_policy_only_denies() {
        let written = denies_older_sessions("2026-03-02T09:14:05.7Z".parse().unwrap());
        let policy = parse(&json!(written)).unwrap();
        assert!(only_denies(&policy));
        let condition = &policy["Statement"][0]["Condition"];
        assert_eq!(condition["DateLessThan"]["aws:TokenIssueTime"], "2026-03-02T09:14:05Z");
    }
}
