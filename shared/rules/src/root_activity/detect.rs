//! What an event by root, or a sign-in, is.
//!
//! The forms of the records are in
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html>.

use crate::decision::Decision;
use crate::event::{ApiError, Event, yes_or_no};
use crate::json::text;
use crate::settings::Settings;
use crate::text::quote;

/// Something that a person is told of.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Root signed in to the console, or tried to.
    RootSignIn {
        /// How it ended.
        attempt: Attempt,
        /// Whether MFA was used; `None` if the record does not say.
        mfa: Option<bool>,
    },
    /// Root's password or email address, by way of the sign-in pages.
    RootAccess {
        /// What was done.
        change: AccessChange,
        /// How it ended.
        attempt: Attempt,
    },
    /// A call by root.
    RootCall {
        /// What it does.
        effect: Effect,
        /// How it ended.
        attempt: Attempt,
    },
    /// An IAM user signed in to the console without MFA, or may have.
    UserSignIn {
        /// The user's name; empty if the record has none.
        user: String,
        /// How it ended: never failed.
        attempt: Attempt,
        /// `Some(false)`, or `None` if the record does not say.
        mfa: Option<bool>,
    },
}

/// How a sign-in or a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was done.
    Succeeded,
    /// AWS refused it, or it failed; why, as the record says it.
    Failed(String),
    /// The record says neither; what it says instead, empty for nothing.
    Unknown(String),
}

/// What the sign-in pages change for root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessChange {
    /// `PasswordRecoveryRequested`: somebody asked AWS to mail a link for a new password to root's address.
    RecoveryRequested,
    /// `PasswordRecoveryCompleted`: that link was used, and the password is a new one.
    RecoveryCompleted,
    /// `PasswordUpdated`.
    Password,
    /// `EmailUpdated`.
    Email,
}

/// What a call by root does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reads.
    Read,
    /// It changes something that none of the others names.
    Change,
    /// It changes the MFA of root, or of the IAM user with this name.
    Mfa(Option<String>),
    /// It makes credentials for root, or for the IAM user with this name.
    Credentials(Option<String>),
    /// It takes the account out of its owner's hands, or closes it.
    Account,
    /// It blinds the account: from then on nobody may hear of what happens in it.
    Blinding,
}

/// Calls that may be counted together: those of one session that are alike in this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// Whether they change something.
    pub is_change: bool,
    /// Whether they failed. A call that succeeded is worth a mail also after one that was refused.
    pub is_failed: bool,
}

/// The effect of a call on an IAM user of that name, or on root itself.
type EffectOn = fn(Option<String>) -> Effect;

/// The calls that are never only counted, because they are how somebody with root takes over an account or blinds it.
const OF_THEIR_OWN: &[(&str, &str, EffectOn)] = &[
    ("iam.amazonaws.com", "EnableMFADevice", Effect::Mfa),
    ("iam.amazonaws.com", "DeactivateMFADevice", Effect::Mfa),
    ("iam.amazonaws.com", "CreateVirtualMFADevice", Effect::Mfa),
    ("iam.amazonaws.com", "DeleteVirtualMFADevice", Effect::Mfa),
    ("iam.amazonaws.com", "ResyncMFADevice", Effect::Mfa),
    // What lets somebody come back after the password has been changed.
    ("iam.amazonaws.com", "CreateAccessKey", Effect::Credentials),
    ("iam.amazonaws.com", "UpdateAccessKey", Effect::Credentials),
    ("iam.amazonaws.com", "UploadSigningCertificate", Effect::Credentials),
    ("iam.amazonaws.com", "UpdateSigningCertificate", Effect::Credentials),
    ("iam.amazonaws.com", "CreateLoginProfile", Effect::Credentials),
    ("iam.amazonaws.com", "UpdateLoginProfile", Effect::Credentials),
    ("iam.amazonaws.com", "ChangePassword", Effect::Credentials),
    ("sts.amazonaws.com", "GetSessionToken", Effect::Credentials),
    ("sts.amazonaws.com", "GetFederationToken", Effect::Credentials),
    // Out of the organization no policy of it holds any more; whoever has root's email address gets the password.
    ("organizations.amazonaws.com", "LeaveOrganization", |_| Effect::Account),
    ("organizations.amazonaws.com", "CloseAccount", |_| Effect::Account),
    ("account.amazonaws.com", "CloseAccount", |_| Effect::Account),
    ("account.amazonaws.com", "StartPrimaryEmailUpdate", |_| Effect::Account),
    ("account.amazonaws.com", "AcceptPrimaryEmailUpdate", |_| Effect::Account),
    // The way of an alert: recorded by CloudTrail, handed on by EventBridge, judged by a Lambda function under a role, mailed by SNS.
    ("cloudtrail.amazonaws.com", "StopLogging", |_| Effect::Blinding),
    ("cloudtrail.amazonaws.com", "DeleteTrail", |_| Effect::Blinding),
    ("cloudtrail.amazonaws.com", "UpdateTrail", |_| Effect::Blinding),
    ("cloudtrail.amazonaws.com", "PutEventSelectors", |_| Effect::Blinding),
    ("events.amazonaws.com", "DisableRule", |_| Effect::Blinding),
    ("events.amazonaws.com", "DeleteRule", |_| Effect::Blinding),
    ("events.amazonaws.com", "PutRule", |_| Effect::Blinding),
    ("events.amazonaws.com", "RemoveTargets", |_| Effect::Blinding),
    ("lambda.amazonaws.com", "DeleteFunction", |_| Effect::Blinding),
    ("lambda.amazonaws.com", "PutFunctionConcurrency", |_| Effect::Blinding),
    ("lambda.amazonaws.com", "RemovePermission", |_| Effect::Blinding),
    ("lambda.amazonaws.com", "UpdateFunctionCode", |_| Effect::Blinding),
    ("lambda.amazonaws.com", "UpdateFunctionConfiguration", |_| Effect::Blinding),
    ("iam.amazonaws.com", "DeleteRole", |_| Effect::Blinding),
    ("iam.amazonaws.com", "DeleteRolePolicy", |_| Effect::Blinding),
    ("iam.amazonaws.com", "PutRolePermissionsBoundary", |_| Effect::Blinding),
    ("iam.amazonaws.com", "PutRolePolicy", |_| Effect::Blinding),
    ("sns.amazonaws.com", "DeleteTopic", |_| Effect::Blinding),
    ("sns.amazonaws.com", "SetSubscriptionAttributes", |_| Effect::Blinding),
    ("sns.amazonaws.com", "SetTopicAttributes", |_| Effect::Blinding),
    ("sns.amazonaws.com", "Unsubscribe", |_| Effect::Blinding),
    ("cloudformation.amazonaws.com", "DeleteStack", |_| Effect::Blinding),
    ("cloudformation.amazonaws.com", "UpdateStack", |_| Effect::Blinding),
];

/// `invokedBy` of root at the console, which is no service that acts for root.
const CONSOLE: &str = "signin.amazonaws.com";

impl Finding {
    /// With which other calls of its session it may be counted instead of being mailed; `None` if it is always mailed.
    pub fn folds(&self) -> Option<Alike> {
        let Self::RootCall { effect: effect @ (Effect::Read | Effect::Change), attempt } = self else { return None };
        Some(Alike { is_change: *effect == Effect::Change, is_failed: matches!(attempt, Attempt::Failed(_)) })
    }

    /// The session of a call by root: its access key id, or else where root called from. `None` for all that is no call, and for a
    /// call without either.
    pub fn session(&self, event: &Event) -> Option<String> {
        let Self::RootCall { .. } = self else { return None };
        let place = || Some(format!("{} {}", event.actor.arn.as_ref()?, event.source_ip.as_ref()?));
        event.actor.access_key_id.clone().or_else(place)
    }
}

/// Decides on an event by root, or on a console sign-in of an IAM user.
pub fn detect(event: &Event, _: &Settings) -> Decision<Finding> {
    if event.actor.kind == "Root" { by_root(event) } else { user_sign_in(event) }
}

fn by_root(event: &Event) -> Decision<Finding> {
    if event.kind == "AwsServiceEvent" {
        return Decision::Ignore("a service's own event, which root did not cause by a call".to_owned());
    }
    if let Some(service) = acting_service(event) {
        return Decision::Ignore(format!("`{}` acted for root, not root itself", quote(service)));
    }
    let result = text(&event.response, &event.name);
    // Whoever fails to sign in to an external directory is recorded as `Root` without an ARN. An absent ARN alone says nothing.
    if event.name == "ExternalIdPDirectoryLogin" && event.actor.arn.is_none() && result.as_deref() == Some("Failure") {
        return Decision::Ignore("a failed sign-in to an external directory, which is not root's".to_owned());
    }
    let is_sign_in = event.source == "signin.amazonaws.com" || event.kind.eq_ignore_ascii_case("AwsConsoleSignIn");
    let change = match event.name.as_str() {
        "ConsoleLogin" => {
            return Decision::Incident(Finding::RootSignIn { attempt: attempt(event), mfa: mfa_used(event) });
        }
        "PasswordRecoveryRequested" if is_sign_in => Some(AccessChange::RecoveryRequested),
        "PasswordRecoveryCompleted" if is_sign_in => Some(AccessChange::RecoveryCompleted),
        "PasswordUpdated" if is_sign_in => Some(AccessChange::Password),
        "EmailUpdated" if is_sign_in => Some(AccessChange::Email),
        _ => None,
    };
    if let Some(change) = change {
        return Decision::Incident(Finding::RootAccess { change, attempt: attempt(event) });
    }
    let attempt = match (&event.error, result.as_deref()) {
        (Some(error), _) => Attempt::Failed(words(error)),
        (None, Some("Failure")) => Attempt::Failed("Failure".to_owned()),
        (None, _) => Attempt::Succeeded,
    };
    Decision::Incident(Finding::RootCall { effect: effect(event), attempt })
}

fn user_sign_in(event: &Event) -> Decision<Finding> {
    let attempt = attempt(event);
    let mfa = mfa_used(event);
    if let Attempt::Failed(_) = attempt {
        return Decision::Ignore("the sign-in failed: nobody got in".to_owned());
    }
    if mfa == Some(true) {
        return Decision::Ignore("the IAM user signed in with MFA".to_owned());
    }
    if text(&event.additional, "SamlProviderArn").is_some() {
        return Decision::Ignore("the sign-in came through a SAML provider, where its MFA is".to_owned());
    }
    let user = event.actor.user_name.clone().or_else(|| event.actor.arn.clone()).unwrap_or_default();
    Decision::Incident(Finding::UserSignIn { user, attempt, mfa })
}

/// The service that made the call for root. What does not look like a service is none.
fn acting_service(event: &Event) -> Option<&str> {
    let invoked_by = event.actor.invoked_by.as_deref()?;
    let is_service = invoked_by.ends_with(".amazonaws.com")
        || invoked_by.ends_with(".amazonaws.com.cn")
        || invoked_by.eq_ignore_ascii_case("AWS Internal");
    (is_service && invoked_by != CONSOLE).then_some(invoked_by)
}

/// `additionalEventData.MFAUsed`.
fn mfa_used(event: &Event) -> Option<bool> {
    yes_or_no(&text(&event.additional, "MFAUsed")?)
}

/// How an event of the sign-in pages ended: it says so in a response element of its own name.
fn attempt(event: &Event) -> Attempt {
    match (text(&event.response, &event.name), &event.error) {
        (Some(result), _) if result == "Success" => Attempt::Succeeded,
        (_, Some(error)) => Attempt::Failed(words(error)),
        (Some(result), None) if result == "Failure" => Attempt::Failed(result),
        (result, None) => Attempt::Unknown(result.unwrap_or_default()),
    }
}

fn words(error: &ApiError) -> String {
    match &error.message {
        Some(message) => format!("{}: {message}", error.code),
        None => error.code.clone(),
    }
}

fn effect(event: &Event) -> Effect {
    // Lambda's calls are recorded with the version of its API: `UpdateFunctionCode20150331v2`.
    let version = |character: char| character.is_ascii_digit() || character == 'v';
    let name = match event.source.as_str() {
        "lambda.amazonaws.com" => event.name.trim_end_matches(version),
        _ => &event.name,
    };
    let known = OF_THEIR_OWN.iter().find(|(source, known, _)| *source == event.source && *known == name);
    // These two also switch off, and that is what whoever cleans up does.
    let switches_off = ["UpdateAccessKey", "UpdateSigningCertificate"].contains(&event.name.as_str())
        && text(&event.request, "status").as_deref() == Some("Inactive");
    match known.filter(|_| !switches_off) {
        Some((_, _, effect)) => effect(other_user(event)),
        // A record that does not say that it only reads may be a change.
        None if event.read_only == Some(true) => Effect::Read,
        None => Effect::Change,
    }
}

/// The IAM user that a call is about; `None` stands for root itself, which IAM calls by no name, or by this one.
fn other_user(event: &Event) -> Option<String> {
    text(&event.request, "userName").filter(|name| name != "AWS ROOT USER")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::decide;
    use crate::event::parse;
    use crate::root_activity::SUBSCRIPTIONS;
    use crate::settings::Mode;
    use serde_json::{Value, json};

    const ROOT: &str = "arn:aws:iam::123456789012:root";

    fn with(mut record: Value, more: Value) -> Value {
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    }

    fn sign_in(kind: &str, more: Value) -> Value {
        let arn = if kind == "Root" { ROOT } else { "arn:aws:iam::123456789012:user/kim" };
        let record = json!({"eventName": "ConsoleLogin", "eventSource": "signin.amazonaws.com", "eventType": "AwsConsoleSignIn",
            "userIdentity": {"type": kind, "arn": arn, "userName": "kim", "accessKeyId": ""}});
        with(record, more)
    }

    fn call(source: &str, name: &str, more: Value) -> Value {
        let record = json!({"eventName": name, "eventSource": source, "eventType": "AwsApiCall", "readOnly": false,
            "userIdentity": {"type": "Root", "arn": ROOT, "accessKeyId": "ASIAEXAMPLE"}});
        with(record, more)
    }

    fn result(name: &str, result: &str) -> Value {
        json!({"responseElements": {name: result}})
    }

    fn login(written: &str, mfa: &str) -> Value {
        json!({"responseElements": {"ConsoleLogin": written}, "additionalEventData": {"MFAUsed": mfa}})
    }

    fn decided(record: &Value) -> Decision<Finding> {
        decide(&parse(record).unwrap(), &Settings::default(), SUBSCRIPTIONS, Mode::Alert, detect)
    }

    fn found(record: &Value) -> Finding {
        match decided(record) {
            Decision::Incident(finding) => finding,
            other => panic!("{record}: {other:?}"),
        }
    }

    fn ignored(record: &Value) -> String {
        match decided(record) {
            Decision::Ignore(reason) => reason,
            other => panic!("{record}: {other:?}"),
        }
    }

    fn failed(why: &str) -> Attempt {
        Attempt::Failed(why.to_owned())
    }

    fn unknown(written: &str) -> Attempt {
        Attempt::Unknown(written.to_owned())
    }

    #[test]
    fn root_sign_ins_are_told_however_they_ended() {
        let failure = json!({"errorMessage": "Failed authentication", "responseElements": {"ConsoleLogin": "Failure"}});
        for (more, attempt, mfa) in [
            (login("Success", "Yes"), Attempt::Succeeded, Some(true)),
            (login("Success", "No"), Attempt::Succeeded, Some(false)),
            (login("Success", "Perhaps"), Attempt::Succeeded, None),
            (result("ConsoleLogin", "Success"), Attempt::Succeeded, None),
            (login("Failure", "Yes"), failed("Failure"), Some(true)),
            (failure, failed("Failure: Failed authentication"), None),
            (json!({"errorMessage": "Failed authentication"}), failed("Failed authentication"), None),
            (login("...", "Yes"), unknown("..."), Some(true)),
            (json!({}), unknown(""), None),
            (json!({"additionalEventData": {"MFAUsed": true}}), unknown(""), Some(true)),
        ] {
            let record = sign_in("Root", more);
            assert_eq!(found(&record), Finding::RootSignIn { attempt, mfa }, "{record}");
        }
    }

    #[test]
    fn root_without_an_arn_is_root_but_in_an_external_directory() {
        let nobody = json!({"userIdentity": {"type": "Root", "arn": "", "accessKeyId": ""}});
        assert!(matches!(found(&sign_in("Root", nobody.clone())), Finding::RootSignIn { .. }));
        let directory = |arn: &Value, written: &str| {
            let record = with(sign_in("Root", arn.clone()), json!({"eventName": "ExternalIdPDirectoryLogin"}));
            with(record, result("ExternalIdPDirectoryLogin", written))
        };
        assert!(ignored(&directory(&nobody, "Failure")).contains("external directory"));
        assert!(matches!(found(&directory(&json!({}), "Failure")), Finding::RootCall { .. }));
        assert!(matches!(found(&directory(&nobody, "Success")), Finding::RootCall { .. }));
    }

    #[test]
    fn password_and_email_changes_are_told() {
        for (name, change) in [
            ("PasswordRecoveryRequested", AccessChange::RecoveryRequested),
            ("PasswordRecoveryCompleted", AccessChange::RecoveryCompleted),
            ("PasswordUpdated", AccessChange::Password),
            ("EmailUpdated", AccessChange::Email),
        ] {
            let named = |more: Value| with(sign_in("Root", json!({"eventName": name})), more);
            for (record, attempt) in [
                (named(result(name, "Success")), Attempt::Succeeded),
                (named(result(name, "Failure")), failed("Failure")),
                (named(json!({})), unknown("")),
            ] {
                let finding = found(&record);
                assert_eq!(finding, Finding::RootAccess { change, attempt }, "{record}");
                assert_eq!(finding.folds(), None, "{record}");
            }
        }
        let elsewhere = found(&call("cognito-idp.amazonaws.com", "PasswordUpdated", json!({})));
        assert!(matches!(elsewhere, Finding::RootCall { .. }));
    }

    #[test]
    fn a_service_that_acts_for_root_is_not_root() {
        let by = |service: &str| {
            let identity = json!({"type": "Root", "arn": ROOT, "invokedBy": service});
            call("ec2.amazonaws.com", "RunInstances", json!({"userIdentity": identity}))
        };
        for service in ["autoscaling.amazonaws.com", "AWS Internal", "cloudformation.amazonaws.com.cn"] {
            assert!(ignored(&by(service)).contains("acted for root"), "{service}");
        }
        for console in ["signin.amazonaws.com", "", "evil.example", "amazonaws.com.evil.example"] {
            found(&by(console));
        }
        let service_event = json!({"eventType": "AwsServiceEvent"});
        ignored(&call("kms.amazonaws.com", "RotateKey", service_event));
    }

    #[test]
    fn calls_are_told_apart_by_what_they_do() {
        let iam = "iam.amazonaws.com";
        let user = |name: &str| json!({"requestParameters": {"userName": name}});
        for (record, effect) in [
            (call("s3.amazonaws.com", "ListBuckets", json!({"readOnly": true})), Effect::Read),
            (call("s3.amazonaws.com", "ListBuckets", json!({"readOnly": "true"})), Effect::Read),
            (call("s3.amazonaws.com", "ListBuckets", json!({"readOnly": null})), Effect::Change),
            (call("s3.amazonaws.com", "CreateBucket", json!({})), Effect::Change),
            (call(iam, "EnableMFADevice", user("AWS ROOT USER")), Effect::Mfa(None)),
            (call(iam, "CreateVirtualMFADevice", json!({})), Effect::Mfa(None)),
            (call(iam, "DeactivateMFADevice", user("kim")), Effect::Mfa(Some("kim".to_owned()))),
            (call(iam, "CreateAccessKey", json!({"requestParameters": null})), Effect::Credentials(None)),
            (call(iam, "CreateAccessKey", user("kim")), Effect::Credentials(Some("kim".to_owned()))),
            (
                call(iam, "UpdateAccessKey", json!({"requestParameters": {"status": "Active"}})),
                Effect::Credentials(None),
            ),
            (call(iam, "UpdateAccessKey", json!({"requestParameters": {"status": "Inactive"}})), Effect::Change),
            (call("sts.amazonaws.com", "GetSessionToken", json!({"readOnly": true})), Effect::Credentials(None)),
            (call("organizations.amazonaws.com", "LeaveOrganization", json!({})), Effect::Account),
            (call("cloudtrail.amazonaws.com", "StopLogging", json!({})), Effect::Blinding),
            (call("lambda.amazonaws.com", "UpdateFunctionCode20150331v2", json!({})), Effect::Blinding),
            (call("lambda.amazonaws.com", "PutFunctionConcurrency20171031", json!({})), Effect::Blinding),
            (call("kinesis.amazonaws.com", "StopLogging", json!({})), Effect::Change),
            (sign_in("Root", json!({"eventName": "CheckMfa", "readOnly": false})), Effect::Change),
        ] {
            let finding = found(&record);
            let is_folded = matches!(effect, Effect::Read | Effect::Change);
            assert_eq!(finding.folds().is_some(), is_folded, "{record}");
            assert_eq!(finding, Finding::RootCall { effect, attempt: Attempt::Succeeded }, "{record}");
        }
    }

    #[test]
    fn failed_calls_are_told_and_folded_by_themselves() {
        let refused = json!({"errorCode": "AccessDenied", "errorMessage": "no"});
        let finding = found(&call("s3.amazonaws.com", "CreateBucket", refused));
        assert_eq!(finding, Finding::RootCall { effect: Effect::Change, attempt: failed("AccessDenied: no") });
        assert_eq!(finding.folds(), Some(Alike { is_change: true, is_failed: true }));
    }

    #[test]
    fn a_session_is_a_key_or_a_place() {
        let session = |identity: Value, address: Value| {
            let more = json!({"userIdentity": identity, "sourceIPAddress": address});
            let event = parse(&call("s3.amazonaws.com", "CreateBucket", more)).unwrap();
            Finding::RootCall { effect: Effect::Change, attempt: Attempt::Succeeded }.session(&event)
        };
        let key = json!({"type": "Root", "arn": ROOT, "accessKeyId": "ASIAEXAMPLE"});
        let place = json!({"type": "Root", "arn": ROOT, "accessKeyId": ""});
        assert_eq!(session(key, json!("192.0.2.1")).as_deref(), Some("ASIAEXAMPLE"));
        assert_eq!(session(place.clone(), json!("192.0.2.1")), Some(format!("{ROOT} 192.0.2.1")));
        assert_eq!(session(place, Value::Null), None);
    }

    #[test]
    fn users_are_told_of_when_they_signed_in_without_mfa() {
        for (more, attempt, mfa) in [
            (login("Success", "No"), Attempt::Succeeded, Some(false)),
            (login("Success", ""), Attempt::Succeeded, None),
            (login("...", "No"), unknown("..."), Some(false)),
            (json!({}), unknown(""), None),
        ] {
            let record = sign_in("IAMUser", more);
            assert_eq!(found(&record), Finding::UserSignIn { user: "kim".to_owned(), attempt, mfa }, "{record}");
        }
        let saml = json!({"responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "No",
            "SamlProviderArn": "arn:aws:iam::123456789012:saml-provider/Okta"}});
        for (more, reason) in [
            (login("Success", "Yes"), "with MFA"),
            (login("Failure", "No"), "failed"),
            (json!({"errorMessage": "No username found in supplied account"}), "failed"),
            (saml, "SAML"),
        ] {
            assert!(ignored(&sign_in("IAMUser", more)).contains(reason), "{reason}");
        }
        ignored(&sign_in("AssumedRole", login("Success", "No")));
    }

    #[test]
    fn no_setting_but_the_mode_silences() {
        let record = sign_in("Root", login("Success", "Yes"));
        let off = decide(&parse(&record).unwrap(), &Settings::default(), SUBSCRIPTIONS, Mode::Off, detect);
        assert!(matches!(off, Decision::Ignore(_)));
    }

    #[test]
    fn no_event_is_covered_twice() {
        for kind in ["Root", "IAMUser"] {
            let event = parse(&sign_in(kind, json!({}))).unwrap();
            assert_eq!(SUBSCRIPTIONS.iter().filter(|subscription| subscription.covers(&event)).count(), 1, "{kind}");
        }
    }
}
