//! From an event to the credential that it made, activated or reset.

use super::old::{DEFAULT_DAYS, longest_age};
use super::{Kind, NAME};
use crate::config::{self, Behind};
use crate::decision::Decision;
use crate::event::{Event, Origin};
use crate::json::{field, text};
use crate::language::Localized;
use crate::say;
use crate::settings::Settings;

/// What an event did.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// To a user's credential.
    OfUser(Credential),
    /// To one of the root user's, which no role can take back.
    OfRoot(RootCredential),
    /// AWS Config found that a user has access keys that are too old.
    OldKeys {
        /// The user's id.
        id: String,
        /// How old a key may be, in days.
        days: i64,
    },
}

/// A user's credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Its kind.
    pub kind: Kind,
    /// Its id, such as `AKIA…`.
    pub id: String,
    /// Whose it is: the user's name as the event has it.
    pub user: String,
    /// What was done to it.
    pub change: Change,
    /// The service that a service-specific credential is for.
    pub service: Option<String>,
}

/// A credential of the root user.
#[derive(Clone, Debug, PartialEq)]
pub struct RootCredential {
    /// Its kind.
    pub kind: Kind,
    /// Its id, if the event has it.
    pub id: Option<String>,
    /// What was done to it.
    pub change: Change,
}

/// What was done to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Made,
    /// Its status was set to `Active`.
    Activated,
    /// It got a new secret.
    Reset,
}

impl Change {
    /// The word in front of the credential's kind.
    pub fn adjective(self) -> &'static str {
        match self {
            Self::Made => "new",
            Self::Activated => "re-activated",
            Self::Reset => "reset",
        }
    }
}

/// Decides on one of the rule's events that succeeded.
pub fn detect(event: &Event, _settings: &Settings) -> Decision<Finding> {
    if let Origin::Config(change) = &event.origin {
        return config::of_user(event, change, NAME, |id| {
            let days = match &change.behind {
                Some(Behind::Managed { parameters, .. }) => longest_age(parameters)?,
                _ => DEFAULT_DAYS,
            };
            Ok(Finding::OldKeys { id: id.to_owned(), days })
        });
    }
    match read(event) {
        Ok(Some(finding @ (Finding::OfUser(_) | Finding::OldKeys { .. }))) => Decision::Violation(finding),
        Ok(Some(finding @ Finding::OfRoot(_))) => Decision::Incident(finding),
        Ok(None) => Decision::Ignore("the credential was deactivated".to_owned()),
        Err(missing) => Decision::Unreadable(missing),
    }
}

/// Reads what an event did; `None` if it deactivated a credential.
///
/// # Errors
/// Says what was missing or not understood.
pub fn read(event: &Event) -> Result<Option<Finding>, Localized> {
    let (kind, change) = call(&event.name).ok_or_else(|| {
        let name = &event.name;
        Localized::new(|language| {
            say!(language, "`{name}` is no call of this rule", "`{name}` はこのルールの対象の呼び出しではありません")
        })
    })?;
    if change == Change::Activated {
        match text(&event.request, "status") {
            Some(status) if status.eq_ignore_ascii_case("Active") => {}
            Some(status) if status.eq_ignore_ascii_case("Inactive") => return Ok(None),
            Some(_) => {
                return Err(Localized::new(|language| {
                    say!(
                        language,
                        "`status` in `requestParameters` is neither `Active` nor `Inactive`",
                        "`requestParameters` の `status` が `Active` でも `Inactive` でもありません"
                    )
                }));
            }
            None => return Err(absent("status", "requestParameters")),
        }
    }
    let (object, id_field) = kind.fields();
    let made = field(&event.response, object);
    let id = text(made, id_field).or_else(|| text(&event.request, id_field));
    let named = named_user(event, object, change)?;
    if named.is_none() && event.actor.kind == "Root" {
        return Ok(Some(Finding::OfRoot(RootCredential { kind, id, change })));
    }
    let user = named.or_else(|| own_name(event)).ok_or_else(|| {
        Localized::new(|language| {
            say!(
                language,
                "no `userName` in `requestParameters` or in `{object}` of `responseElements`, and no IAM user as actor",
                "`requestParameters` にも `responseElements` の `{object}` にも `userName` がなく、実行者も IAM ユーザーではありません"
            )
        })
    })?;
    let id = id.ok_or_else(|| {
        absent(id_field, if change == Change::Made { "responseElements" } else { "requestParameters" })
    })?;
    let service = text(made, "serviceName").or_else(|| text(&event.request, "serviceName"));
    Ok(Some(Finding::OfUser(Credential { kind, id, user, change, service })))
}

fn absent(name: &str, place: &str) -> Localized {
    Localized::new(|language| say!(language, "no `{name}` in `{place}`", "`{place}` に `{name}` がありません"))
}

/// What a call does to which kind.
fn call(name: &str) -> Option<(Kind, Change)> {
    Kind::ALL.into_iter().find_map(|kind| {
        let change = match name.strip_suffix(kind.api_name())? {
            "Create" | "Upload" => Change::Made,
            "Update" => Change::Activated,
            "Reset" => Change::Reset,
            _ => return None,
        };
        Some((kind, change))
    })
}

/// The user that the event names, as IAM spells it where it answers with the credential. A name that can't be read is not the same
/// as none: without one, the caller's own is meant.
fn named_user(event: &Event, object: &str, change: Change) -> Result<Option<String>, Localized> {
    let in_request = field(&event.request, "userName");
    if in_request.is_object() || in_request.is_array() {
        return Err(Localized::new(|language| {
            say!(
                language,
                "`userName` in `requestParameters` is no text",
                "`requestParameters` の `userName` が文字列ではありません"
            )
        }));
    }
    let answered = (change != Change::Activated).then(|| text(field(&event.response, object), "userName")).flatten();
    Ok(answered.or_else(|| text(&event.request, "userName")))
}

/// The name of the IAM user who made the call.
fn own_name(event: &Event) -> Option<String> {
    if event.actor.kind != "IAMUser" {
        return None;
    }
    let from_arn = || {
        let (_, path_and_name) = event.actor.arn.as_deref()?.split_once(":user/")?;
        path_and_name.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    event.actor.user_name.clone().or_else(from_arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use serde_json::{Value, json};

    fn user(name: &str) -> Value {
        json!({"type": "IAMUser", "arn": format!("arn:aws:iam::123456789012:user/team/{name}"), "userName": name})
    }

    fn role() -> Value {
        json!({"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/Admin/x", "userName": "never this",
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "Admin"}}})
    }

    fn root() -> Value {
        json!({"type": "Root", "arn": "arn:aws:iam::123456789012:root", "invokedBy": "signin.amazonaws.com"})
    }

    fn decided(name: &str, actor: Value, request: Value, response: Value) -> Decision<Finding> {
        let raw = json!({"eventName": name, "eventSource": "iam.amazonaws.com", "userIdentity": actor,
            "requestParameters": request, "responseElements": response});
        detect(&parse(&raw).unwrap(), &Settings::default())
    }

    fn violation(kind: Kind, id: &str, user: &str, change: Change) -> Decision<Finding> {
        let (id, user) = (id.to_owned(), user.to_owned());
        Decision::Violation(Finding::OfUser(Credential { kind, id, user, change, service: None }))
    }

    #[test]
    fn every_call_of_the_subscription_is_understood() {
        for name in super::super::SUBSCRIPTIONS[0].event_names {
            assert!(call(name).is_some(), "{name}");
        }
        for name in ["DeleteAccessKey", "CreateUser", "GetSSHPublicKey", "AccessKey", ""] {
            assert_eq!(call(name), None, "{name}");
        }
    }

    #[test]
    fn a_finding_on_old_keys_tells_how_old_they_may_be() {
        let found = |resource: &str, identifier: &str, parameters: Value| {
            let raw = json!({"id": "e-1", "detail-type": "Config Rules Compliance Change", "source": "aws.config",
                "detail": {"configRuleName": "our-keys", "resourceType": "AWS::IAM::User", "resourceId": resource,
                    "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}});
            let mut event = parse(&raw).unwrap();
            if let Origin::Config(change) = &mut event.origin {
                change.behind = Some(Behind::Managed { identifier: identifier.to_owned(), parameters });
            }
            detect(&event, &Settings::default())
        };
        let (id, ours) = ("AIDAQRSTUVWXYZEXAMPLE", "ACCESS_KEYS_ROTATED");
        let old = |days| Decision::Candidate(Finding::OldKeys { id: id.to_owned(), days });
        assert_eq!(found(id, ours, json!({"maxAccessKeyAge": "30"})), old(30));
        assert_eq!(found(id, ours, Value::Null), old(90));
        assert!(matches!(found(id, ours, json!({"maxAccessKeyAge": "soon"})), Decision::Unreadable(_)));
        assert!(matches!(found("eve", ours, Value::Null), Decision::Unreadable(_)));
        assert!(matches!(found(id, "IAM_USER_NO_POLICIES_CHECK", Value::Null), Decision::Ignore(_)));
    }

    #[test]
    fn what_is_new_is_read_from_the_response() {
        let key = json!({"accessKey": {"accessKeyId": "AKIA1", "status": "Active", "userName": "bob",
            "createDate": "Nov 22, 2026 2:02:40 PM"}});
        let bobs = violation(Kind::AccessKey, "AKIA1", "bob", Change::Made);
        assert_eq!(decided("CreateAccessKey", role(), json!({"userName": "bob"}), key.clone()), bobs);
        assert_eq!(decided("CreateAccessKey", user("bob"), Value::Null, key.clone()), bobs);
        assert_eq!(decided("CreateAccessKey", root(), json!({"userName": "bob"}), key.clone()), bobs);
        // Letter case does not matter in requests. IAM answers with the name as it is.
        assert_eq!(decided("CreateAccessKey", role(), json!({"userName": "BOB"}), key), bobs);
        for (object, id) in [("sSHPublicKey", "sSHPublicKeyId"), ("sshPublicKey", "sshPublicKeyId")] {
            let response = json!({object: {id: "APKA1", "userName": "bob", "status": "Active"}});
            let request = json!({"userName": "bob", "sSHPublicKeyBody": "ssh-rsa AAAA"});
            let found = decided("UploadSSHPublicKey", role(), request, response);
            assert_eq!(found, violation(Kind::SshPublicKey, "APKA1", "bob", Change::Made));
        }
        let response = json!({"certificate": {"certificateId": "CERT1", "userName": "bob"}});
        let found = decided("UploadSigningCertificate", role(), json!({"userName": "bob"}), response);
        assert_eq!(found, violation(Kind::SigningCertificate, "CERT1", "bob", Change::Made));
    }

    #[test]
    fn service_specific_credentials_tell_their_service() {
        let response = json!({"serviceSpecificCredential": {"serviceSpecificCredentialId": "ACCA1", "userName": "bob",
            "serviceName": "bedrock.amazonaws.com", "status": "Active"}});
        let request = json!({"userName": "bob", "serviceName": "bedrock.amazonaws.com"});
        for (name, change) in
            [("CreateServiceSpecificCredential", Change::Made), ("ResetServiceSpecificCredential", Change::Reset)]
        {
            let Decision::Violation(Finding::OfUser(found)) = decided(name, role(), request.clone(), response.clone())
            else {
                panic!("{name}: no violation");
            };
            assert_eq!((found.change, found.service.as_deref()), (change, Some("bedrock.amazonaws.com")));
        }
    }

    #[test]
    fn activating_is_a_violation_and_deactivating_is_not() {
        let request = |status: &str| json!({"accessKeyId": "AKIA1", "status": status, "userName": "bob"});
        let found = decided("UpdateAccessKey", role(), request("Active"), Value::Null);
        assert_eq!(found, violation(Kind::AccessKey, "AKIA1", "bob", Change::Activated));
        let ignored = decided("UpdateAccessKey", role(), request("Inactive"), Value::Null);
        assert!(matches!(ignored, Decision::Ignore(_)), "{ignored:?}");
        for status in [json!("x"), json!(null), json!(""), json!({"x": "y"}), json!(12345)] {
            let mut request = request("Active");
            request["status"] = status;
            let found = decided("UpdateAccessKey", role(), request.clone(), Value::Null);
            assert!(matches!(found, Decision::Unreadable(_)), "{request}");
        }
    }

    #[test]
    fn without_a_name_it_is_the_callers_own() {
        let request = json!({"accessKeyId": "AKIA1", "status": "Active"});
        let own = violation(Kind::AccessKey, "AKIA1", "alice", Change::Activated);
        assert_eq!(decided("UpdateAccessKey", user("alice"), request.clone(), Value::Null), own);
        let by_arn = json!({"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/team/alice"});
        assert_eq!(decided("UpdateAccessKey", by_arn, request.clone(), Value::Null), own);
        for actor in [role(), json!({"type": "IAMUser"}), json!({"type": "IAMUser", "arn": "alice"}), json!({})] {
            let found = decided("UpdateAccessKey", actor.clone(), request.clone(), Value::Null);
            assert!(matches!(found, Decision::Unreadable(_)), "{actor}");
        }
        let odd = json!({"accessKeyId": "AKIA1", "status": "Active", "userName": {"x": "y"}});
        for actor in [user("alice"), root()] {
            let found = decided("UpdateAccessKey", actor, odd.clone(), Value::Null);
            assert!(matches!(found, Decision::Unreadable(_)), "{found:?}");
        }
    }

    #[test]
    fn roots_own_is_an_incident_with_or_without_its_id() {
        let key = json!({"accessKey": {"accessKeyId": "AKIA1", "status": "Active"}});
        let update = json!({"accessKeyId": "AKIA1", "status": "Active"});
        for (name, request, response, id, change) in [
            ("CreateAccessKey", Value::Null, key, Some("AKIA1"), Change::Made),
            ("CreateAccessKey", Value::Null, Value::Null, None, Change::Made),
            ("UpdateAccessKey", update, Value::Null, Some("AKIA1"), Change::Activated),
        ] {
            let id = id.map(str::to_owned);
            let incident = Finding::OfRoot(RootCredential { kind: Kind::AccessKey, id, change });
            assert_eq!(decided(name, root(), request, response), Decision::Incident(incident));
        }
        let off = json!({"accessKeyId": "AKIA1", "status": "Inactive"});
        assert!(matches!(decided("UpdateAccessKey", root(), off, Value::Null), Decision::Ignore(_)));
    }

    #[test]
    fn what_lacks_its_id_is_unreadable() {
        for response in [json!(null), json!("x"), json!({"accessKey": null}), json!({"accessKey": {"userName": "bob"}})]
        {
            let found = decided("CreateAccessKey", role(), json!({"userName": "bob"}), response.clone());
            assert!(matches!(found, Decision::Unreadable(_)), "{response}");
        }
    }
}
