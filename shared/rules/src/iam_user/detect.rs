//! From an event to what it made, gave or took away.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::NAME;
use crate::config;
use crate::decision::Decision;
use crate::event::{Event, Origin};
use crate::json::{at, text};
use crate::language::Localized;
use crate::policy;
use crate::say;
use crate::settings::Settings;

/// What the names of AWS's quarantine policies begin with: the managed ones, of which there are several versions.
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCompromisedKeyQuarantineV3.html>
const QUARANTINE: &str = "AWSCompromisedKeyQuarantine";

/// The name of the inline policy that AWS put on users before there were managed ones.
const INLINE_QUARANTINE: &str = "AWSExposedCredentialPolicy_DO_NOT_REMOVE";

/// How CloudTrail names the root user where an IAM user's name stands otherwise.
const ROOT: &str = "AWS ROOT USER";

/// The name of the virtual device that the root user gets in the console.
const ROOT_DEVICE: &str = ":mfa/root-account-mfa-device";

/// What an event did, with all that its revert needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// `CreateUser`
    UserCreated {
        /// The user's name.
        user: String,
        /// Its id, `AIDA…`, which no other user ever gets; published samples lack it.
        id: Option<String>,
        /// When AWS made it.
        at: Option<DateTime<Utc>>,
    },
    /// `CreateLoginProfile`
    PasswordCreated {
        /// The user's name.
        user: String,
        /// When AWS made it.
        at: Option<DateTime<Utc>>,
    },
    /// `UpdateLoginProfile` by somebody other than the user.
    PasswordChanged {
        /// The user's name.
        user: String,
    },
    /// `AttachUserPolicy`
    PolicyAttached {
        /// The user's name.
        user: String,
        /// The policy's ARN.
        policy: String,
    },
    /// `PutUserPolicy` with a document that allows something.
    PolicyPut {
        /// The user's name.
        user: String,
        /// The inline policy's name.
        policy: String,
        /// What it says; `None` if the event does not tell: CloudTrail leaves out what is too long.
        document: Option<Value>,
    },
    /// AWS's quarantine was put on a user.
    Quarantined {
        /// The user's name.
        user: String,
        /// The policy's ARN, or name if it is an inline one.
        policy: String,
    },
    /// `AddUserToGroup`
    AddedToGroup {
        /// The user's name.
        user: String,
        /// The group's name.
        group: String,
    },
    /// `DeactivateMFADevice`
    MfaDeactivated {
        /// The user's name; `None` is the root user.
        user: Option<String>,
        /// The device's serial number, or ARN if it is a virtual one.
        serial: String,
    },
    /// `DeleteVirtualMFADevice`
    MfaDeleted {
        /// The device's ARN.
        serial: String,
    },
    /// `DeleteUserPermissionsBoundary`
    BoundaryDeleted {
        /// The user's name.
        user: String,
    },
    /// `DeleteAccountPasswordPolicy`
    PasswordPolicyDeleted,
    /// AWS Config found that a user has policies of its own.
    OwnPolicies {
        /// The user's id.
        id: String,
    },
}

/// Decides on one of the rule's events that succeeded.
pub fn detect(event: &Event, _settings: &Settings) -> Decision<Finding> {
    if let Origin::Config(change) = &event.origin {
        return config::of_user(event, change, NAME, |id| Ok(Finding::OwnPolicies { id: id.to_owned() }));
    }
    match read(event) {
        Err(missing) => Decision::Unreadable(missing),
        Ok(Read::Harmless(reason)) => Decision::Ignore(reason),
        Ok(Read::Found(finding)) => match finding {
            // Only the account has the document, and knows whether the user has been deleted since.
            Finding::PolicyAttached { .. }
            | Finding::PolicyPut { document: None, .. }
            | Finding::MfaDeactivated { user: Some(_), .. } => Decision::Candidate(finding),
            Finding::Quarantined { .. } => Decision::Incident(finding),
            _ => Decision::Violation(finding),
        },
    }
}

/// An event that could be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// Something to look at.
    Found(Finding),
    /// Nothing to look at, with the reason in words.
    Harmless(String),
}

/// Reads what an event did.
///
/// # Errors
/// Says what was missing or not understood, and where.
pub fn read(event: &Event) -> Result<Read, Localized> {
    let found = match event.name.as_str() {
        "CreateUser" => {
            let made = at(&event.response, &["user"]);
            Finding::UserCreated {
                user: text(made, "userName").map_or_else(|| required(event, "userName"), Ok)?,
                id: text(made, "userId"),
                at: text(made, "createDate").and_then(|written| parse_date(&written)).or(event.time),
            }
        }
        "CreateLoginProfile" => {
            let made = at(&event.response, &["loginProfile"]);
            Finding::PasswordCreated {
                user: text(made, "userName").map_or_else(|| required(event, "userName"), Ok)?,
                at: text(made, "createDate").and_then(|written| parse_date(&written)).or(event.time),
            }
        }
        "UpdateLoginProfile" => {
            let user = required(event, "userName")?;
            if is_by(event, &user) {
                return Ok(Read::Harmless("the user changed its own password".to_owned()));
            }
            Finding::PasswordChanged { user }
        }
        "AttachUserPolicy" => {
            let (user, policy) = (required(event, "userName")?, required(event, "policyArn")?);
            if !policy.starts_with("arn:") || !policy.contains(":policy/") {
                return Err(Localized::new(|language| {
                    say!(
                        language,
                        "`policyArn` in `requestParameters` is not the ARN of a policy",
                        "`requestParameters` の `policyArn` がポリシーの ARN ではありません"
                    )
                }));
            }
            if is_managed_quarantine(&policy) {
                Finding::Quarantined { user, policy }
            } else {
                Finding::PolicyAttached { user, policy }
            }
        }
        "PutUserPolicy" => return policy_put(event),
        "AddUserToGroup" => {
            Finding::AddedToGroup { user: required(event, "userName")?, group: required(event, "groupName")? }
        }
        "DeactivateMFADevice" => mfa_deactivated(event)?,
        "DeleteVirtualMFADevice" => Finding::MfaDeleted { serial: required(event, "serialNumber")? },
        "DeleteUserPermissionsBoundary" => Finding::BoundaryDeleted { user: required(event, "userName")? },
        "DeleteAccountPasswordPolicy" => Finding::PasswordPolicyDeleted,
        other => {
            return Err(Localized::new(|language| {
                say!(
                    language,
                    "`{other}` is not a call that this rule reads",
                    "`{other}` はこのルールの対象の呼び出しではありません"
                )
            }));
        }
    };
    Ok(Read::Found(found))
}

fn policy_put(event: &Event) -> Result<Read, Localized> {
    let (user, policy) = (required(event, "userName")?, required(event, "policyName")?);
    let document = policy::parse(at(&event.request, &["policyDocument"])).ok();
    if !document.as_ref().is_some_and(policy::only_denies) {
        return Ok(Read::Found(Finding::PolicyPut { user, policy, document }));
    }
    if policy.starts_with(QUARANTINE) || policy.starts_with(INLINE_QUARANTINE) {
        return Ok(Read::Found(Finding::Quarantined { user, policy }));
    }
    Ok(Read::Harmless("the policy only denies".to_owned()))
}

/// The user's name may be left out: then whoever calls means itself.
fn mfa_deactivated(event: &Event) -> Result<Finding, Localized> {
    let serial = required(event, "serialNumber")?;
    let named = text(&event.request, "userName");
    let is_roots = serial.ends_with(ROOT_DEVICE)
        || named.as_deref() == Some(ROOT)
        || (named.is_none() && event.actor.kind == "Root");
    let own_name = || event.actor.user_name.clone().filter(|_| event.actor.kind == "IAMUser");
    let user = match named.or_else(own_name) {
        _ if is_roots => None,
        Some(user) => Some(user),
        None => return Err(absent("userName")),
    };
    Ok(Finding::MfaDeactivated { user, serial })
}

fn required(event: &Event, name: &str) -> Result<String, Localized> {
    text(&event.request, name).ok_or_else(|| absent(name))
}

fn absent(name: &str) -> Localized {
    Localized::new(|language| {
        say!(language, "no `{name}` in `requestParameters`", "`requestParameters` に `{name}` がありません")
    })
}

/// Whether the event's actor is the IAM user of that name in the event's account. Somebody in a role never is, whatever the
/// session's name says.
fn is_by(event: &Event, user: &str) -> bool {
    let parts: Vec<&str> = event.actor.arn.as_deref().unwrap_or_default().splitn(6, ':').collect();
    let ["arn", _, "iam", _, account, resource] = parts.as_slice() else { return false };
    let name = resource.strip_prefix("user/").and_then(|path| path.rsplit('/').next());
    event.actor.kind == "IAMUser"
        && event.actor.user_name.as_deref() == Some(user)
        && name == Some(user)
        && event.account.as_deref() == Some(*account)
}

/// Whether it is one of AWS's own policies: only AWS makes any in the account that is called `aws`.
pub fn is_of_aws(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", partition, "iam", "", "aws", _] if partition.starts_with("aws"))
}

/// Whether it is one of AWS's managed quarantine policies, which are left where they are.
pub fn is_managed_quarantine(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let Some(resource) = parts.last().filter(|_| is_of_aws(arn)) else { return false };
    let name = resource.strip_prefix("policy/").and_then(|path| path.rsplit('/').next());
    name.is_some_and(|name| name.starts_with(QUARANTINE))
}

/// `Nov 22, 2026 2:02:40 PM`, as CloudTrail writes dates in IAM's answers, sometimes with a narrow space before `PM`.
fn parse_date(written: &str) -> Option<DateTime<Utc>> {
    let plain: String = written.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter }).collect();
    let told = NaiveDateTime::parse_from_str(plain.trim(), "%b %d, %Y %I:%M:%S %p").map(|time| time.and_utc());
    told.or_else(|_| DateTime::parse_from_rfc3339(plain.trim()).map(|time| time.with_timezone(&Utc))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use serde_json::json;

    fn called(name: &str, request: Value, response: Value) -> Event {
        called_by(
            name,
            request,
            response,
            json!({"type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::123456789012:user/team/bob"}),
        )
    }

    fn called_by(name: &str, request: Value, response: Value, actor: Value) -> Event {
        parse(&json!({"eventName": name, "eventSource": "iam.amazonaws.com", "eventTime": "2026-11-22T14:02:40Z",
            "recipientAccountId": "123456789012", "userIdentity": actor,
            "requestParameters": request, "responseElements": response}))
        .unwrap()
    }

    fn decided(event: &Event) -> Decision<Finding> {
        detect(event, &Settings::default())
    }

    fn user(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn a_user_is_known_by_its_id() {
        let made = json!({"user": {"userName": "eve", "userId": "AIDAEVE", "createDate": "Nov 22, 2026 2:02:40 PM"}});
        let at = "2026-11-22T14:02:40Z".parse().ok();
        let found = |id: Option<&str>| {
            Decision::Violation(Finding::UserCreated { user: user("eve"), id: id.map(str::to_owned), at })
        };
        assert_eq!(decided(&called("CreateUser", json!({"userName": "eve"}), made.clone())), found(Some("AIDAEVE")));
        assert_eq!(decided(&called("CreateUser", Value::Null, made)), found(Some("AIDAEVE")));
        assert_eq!(decided(&called("CreateUser", json!({"userName": "eve"}), Value::Null)), found(None));
        assert!(matches!(decided(&called("CreateUser", Value::Null, Value::Null)), Decision::Unreadable(_)));
    }

    #[test]
    fn a_finding_is_of_a_user_by_its_id_and_only_of_the_rule_for_policies() {
        let found = |resource: &str, behind: Option<&str>| {
            let raw = json!({"id": "e-1", "detail-type": "Config Rules Compliance Change", "source": "aws.config",
                "detail": {"configRuleName": "our-users", "resourceType": "AWS::IAM::User", "resourceId": resource,
                    "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}});
            let mut event = parse(&raw).unwrap();
            if let Origin::Config(change) = &mut event.origin {
                change.behind = behind.map(|identifier| config::Behind::Managed {
                    identifier: identifier.to_owned(),
                    parameters: Value::Null,
                });
            }
            decided(&event)
        };
        let (id, ours) = ("AIDAQRSTUVWXYZEXAMPLE", Some("IAM_USER_NO_POLICIES_CHECK"));
        let candidate = Decision::Candidate(Finding::OwnPolicies { id: id.to_owned() });
        assert_eq!(found(id, ours), candidate);
        // Nobody has asked yet.
        assert_eq!(found(id, None), candidate);
        for other in ["ACCESS_KEYS_ROTATED", "IAM_USER_MFA_ENABLED", "OTHER"] {
            assert!(matches!(found(id, Some(other)), Decision::Ignore(_)), "{other}");
            assert!(matches!(found("eve", Some(other)), Decision::Ignore(_)), "{other}");
        }
        for resource in ["eve", "AIDA", "AROAQRSTUVWXYZEXAMPLE", "AIDAQRSTUVWXYZ\r\nREVERTED", &"AIDA".repeat(2_500)] {
            assert!(matches!(found(resource, ours), Decision::Unreadable(_)), "{resource}");
        }
    }

    #[test]
    fn dates_are_read_as_cloudtrail_writes_them() {
        for (written, time) in [
            ("Nov 22, 2026 2:02:40 PM", "2026-11-22T14:02:40Z"),
            ("Aug 1, 2024 12:00:01 AM", "2024-08-01T00:00:01Z"),
            ("Aug 1, 2024, 1:33:28 PM", ""),
            ("Aug 1, 2024 1:33:28\u{202f}PM", "2024-08-01T13:33:28Z"),
            ("2024-08-01T13:33:28Z", "2024-08-01T13:33:28Z"),
            ("yesterday", ""),
            ("", ""),
        ] {
            assert_eq!(parse_date(written), time.parse::<DateTime<Utc>>().ok(), "{written}");
        }
    }

    #[test]
    fn only_the_user_itself_may_change_its_password() {
        let change = |name: &str, actor: Value| {
            decided(&called_by("UpdateLoginProfile", json!({"userName": name}), Value::Null, actor))
        };
        let bob = |arn: &str| json!({"type": "IAMUser", "userName": "bob", "arn": arn});
        for arn in ["arn:aws:iam::123456789012:user/bob", "arn:aws-cn:iam::123456789012:user/team/bob"] {
            assert!(matches!(change("bob", bob(arn)), Decision::Ignore(_)), "{arn}");
        }
        for (name, actor) in [
            ("Bob", bob("arn:aws:iam::123456789012:user/bob")),
            ("eve", bob("arn:aws:iam::123456789012:user/bob")),
            ("bob", bob("arn:aws:iam::999999999999:user/bob")),
            ("bob", bob("arn:aws:iam::123456789012:user/eve")),
            ("bob", json!({"type": "IAMUser", "userName": "bob"})),
            (
                "bob",
                json!({"type": "AssumedRole", "userName": "bob", "arn": "arn:aws:sts::123456789012:assumed-role/r/bob"}),
            ),
            ("bob", json!({"type": "Root", "userName": "bob", "arn": "arn:aws:iam::123456789012:user/bob"})),
            ("bob", Value::Null),
        ] {
            let decision = change(name, actor.clone());
            assert_eq!(decision, Decision::Violation(Finding::PasswordChanged { user: user(name) }), "{actor}");
        }
        assert!(matches!(decided(&called("UpdateLoginProfile", Value::Null, Value::Null)), Decision::Unreadable(_)));
    }

    #[test]
    fn an_inline_policy_is_judged_by_its_document() {
        let put = |name: &str, document: Value| {
            let request = json!({"userName": "eve", "policyName": name, "policyDocument": document});
            decided(&called("PutUserPolicy", request, Value::Null))
        };
        let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"a:*","Resource":"*"},
            {"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}"#;
        let deny = crate::iam_user::DENY_EVERYTHING;
        assert!(matches!(put("p", json!(allow)), Decision::Violation(Finding::PolicyPut { .. })));
        assert!(matches!(
            put("AWSCompromisedKeyQuarantineV3", json!(allow)),
            Decision::Violation(Finding::PolicyPut { .. })
        ));
        assert!(matches!(
            put(crate::iam_user::CONTAINMENT, json!(allow)),
            Decision::Violation(Finding::PolicyPut { .. })
        ));
        assert!(matches!(put("p", json!(deny)), Decision::Ignore(_)));
        for name in ["AWSExposedCredentialPolicy_DO_NOT_REMOVE", "AWSCompromisedKeyQuarantineV3"] {
            assert!(matches!(put(name, json!(deny)), Decision::Incident(Finding::Quarantined { .. })), "{name}");
        }
        for odd in [json!(null), json!(""), json!("x"), json!({}), json!(7), json!("{\"Statement\": []}")] {
            // What is too long for CloudTrail is in the account.
            let found = Finding::PolicyPut { user: user("eve"), policy: user("p"), document: None };
            assert_eq!(put("p", odd.clone()), Decision::Candidate(found), "{odd}");
        }
        assert!(matches!(decided(&called("PutUserPolicy", Value::Null, Value::Null)), Decision::Unreadable(_)));
    }

    #[test]
    fn only_awss_own_policy_is_a_quarantine() {
        let attach =
            |arn: &str| decided(&called("AttachUserPolicy", json!({"userName": "eve", "policyArn": arn}), Value::Null));
        for arn in [
            "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine",
            "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2",
            "arn:aws-us-gov:iam::aws:policy/AWSCompromisedKeyQuarantineV3",
        ] {
            assert!(matches!(attach(arn), Decision::Incident(Finding::Quarantined { .. })), "{arn}");
        }
        for arn in [
            "arn:aws:iam::123456789012:policy/AWSCompromisedKeyQuarantineV2",
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:iam::aws:policy/XAWSCompromisedKeyQuarantine",
        ] {
            assert!(matches!(attach(arn), Decision::Candidate(Finding::PolicyAttached { .. })), "{arn}");
        }
        assert!(matches!(attach("AWSCompromisedKeyQuarantine"), Decision::Unreadable(_)));
        let lacking = called("AttachUserPolicy", json!({"userName": "eve"}), Value::Null);
        assert!(matches!(decided(&lacking), Decision::Unreadable(_)));
    }

    #[test]
    fn a_device_without_a_user_is_the_callers() {
        let serial = "arn:aws:iam::123456789012:mfa/phone";
        let off =
            |request: Value, actor: Value| decided(&called_by("DeactivateMFADevice", request, Value::Null, actor));
        let found = |name: Option<&str>, serial: &str| {
            let finding = Finding::MfaDeactivated { user: name.map(str::to_owned), serial: serial.to_owned() };
            if name.is_some() { Decision::Candidate(finding) } else { Decision::Violation(finding) }
        };
        let bob = json!({"type": "IAMUser", "userName": "bob"});
        let root = json!({"type": "Root", "arn": "arn:aws:iam::123456789012:root"});
        let named = json!({"userName": "eve", "serialNumber": serial});
        assert_eq!(off(named.clone(), bob.clone()), found(Some("eve"), serial));
        assert_eq!(off(named, root.clone()), found(Some("eve"), serial));
        assert_eq!(off(json!({"serialNumber": serial}), bob.clone()), found(Some("bob"), serial));
        assert_eq!(off(json!({"serialNumber": serial}), root.clone()), found(None, serial));
        assert_eq!(off(json!({"serialNumber": serial, "userName": ROOT}), root), found(None, serial));
        let roots = "arn:aws:iam::123456789012:mfa/root-account-mfa-device";
        assert_eq!(off(json!({"serialNumber": roots, "userName": "x"}), bob), found(None, roots));
        let role = json!({"type": "AssumedRole", "userName": "bob"});
        assert!(matches!(off(json!({"serialNumber": serial}), role), Decision::Unreadable(_)));
        assert!(matches!(off(json!({"userName": "eve"}), Value::Null), Decision::Unreadable(_)));
    }

    #[test]
    fn what_else_is_told() {
        let name = json!({"userName": "eve"});
        let serial = user("arn:aws:iam::123456789012:mfa/phone");
        for (call, request, finding) in [
            (
                "CreateLoginProfile",
                name.clone(),
                Finding::PasswordCreated { user: user("eve"), at: "2026-11-22T14:02:40Z".parse().ok() },
            ),
            (
                "AddUserToGroup",
                json!({"userName": "eve", "groupName": "admins"}),
                Finding::AddedToGroup { user: user("eve"), group: user("admins") },
            ),
            ("DeleteVirtualMFADevice", json!({"serialNumber": serial}), Finding::MfaDeleted { serial }),
            ("DeleteUserPermissionsBoundary", name, Finding::BoundaryDeleted { user: user("eve") }),
            ("DeleteAccountPasswordPolicy", Value::Null, Finding::PasswordPolicyDeleted),
        ] {
            assert_eq!(decided(&called(call, request, Value::Null)), Decision::Violation(finding), "{call}");
            if call != "DeleteAccountPasswordPolicy" {
                assert!(matches!(decided(&called(call, Value::Null, Value::Null)), Decision::Unreadable(_)), "{call}");
            }
        }
    }

    #[test]
    fn other_services_users_are_other_things() {
        let raw = json!({"eventName": "CreateUser", "eventSource": "transfer.amazonaws.com", "requestParameters": {"userName": "x"}});
        let event = parse(&raw).unwrap();
        assert!(!crate::iam_user::SUBSCRIPTIONS.iter().any(|subscription| subscription.covers(&event)));
    }
}
