//! One event: a CloudTrail record, bare or in an EventBridge envelope, or what AWS Config or IAM Access Analyzer found.
//!
//! Lenient about what AWS leaves out or spells two ways, strict about what a decision needs. The record's fields are described in
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>.

use std::hash::{DefaultHasher, Hash, Hasher};

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use crate::access_analyzer::{ACCESS_FINDING, ACTIVE, ExternalAccess};
use crate::config::{self, COMPLIANCE_CHANGE, ComplianceChange, NON_COMPLIANT};
use crate::json::{at, field, scalar, text};
use crate::language::Localized;
use crate::{localized, say};

/// An event: one API call or one sign-in as CloudTrail recorded it, or a finding. Of a finding nobody tells who brought it about.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Who tells of it.
    pub origin: Origin,
    /// `eventID`, unique in real trails; missing or repeated in published samples. Of a finding the envelope's `id`.
    pub id: Option<String>,
    /// `eventName`, such as `AuthorizeSecurityGroupIngress`; of a finding the envelope's `detail-type`.
    pub name: String,
    /// `eventSource`, such as `ec2.amazonaws.com`; of a finding the envelope's `source`.
    pub source: String,
    /// `eventType`: `AwsApiCall`, `AwsConsoleSignIn`, `AwsServiceEvent`, …; empty if absent.
    pub kind: String,
    /// `readOnly`: whether the call changes nothing; `None` if the record does not say.
    pub read_only: Option<bool>,
    /// `eventTime`, where it could be understood; of a finding when that was made.
    pub time: Option<DateTime<Utc>>,
    /// `eventTime` as it was written; empty if absent.
    pub time_text: String,
    /// The account that the event happened in (`recipientAccountId`, else the envelope's).
    pub account: Option<String>,
    /// Of a finding, the account that the resource is in, if that is another than the one that the finding was handed to: an organization's
    /// analyzer tells of all its accounts.
    pub foreign_account: Option<String>,
    /// `awsRegion`, else the envelope's.
    pub region: Option<String>,
    /// Who did it.
    pub actor: Actor,
    /// Why AWS refused the call; `None` for a call that was carried out.
    pub error: Option<ApiError>,
    /// `requestParameters`; `null` if absent.
    pub request: Value,
    /// `responseElements`; `null` if absent.
    pub response: Value,
    /// `additionalEventData`; `null` if absent.
    pub additional: Value,
    /// `resources`: what the call was made on, with the accounts that own it; `null` if absent.
    pub resources: Value,
    /// `sourceIPAddress`: an address, or the name of the AWS service that made the call.
    pub source_ip: Option<String>,
    /// `userAgent`: free text of the caller's choosing.
    pub user_agent: Option<String>,
    /// What two deliveries of the same event have in common: the id, and a hash of the whole record. `None` without an id.
    pub identity: Option<String>,
}

/// Who tells of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// CloudTrail.
    CloudTrail,
    /// AWS Config.
    Config(ComplianceChange),
    /// IAM Access Analyzer.
    AccessAnalyzer(ExternalAccess),
}

impl Origin {
    /// Whether a finding says that something is wrong: only then is it delivered. Of a call it is always so.
    pub fn says_wrong(&self) -> bool {
        match self {
            Self::CloudTrail => true,
            Self::Config(change) => change.compliance == NON_COMPLIANT,
            Self::AccessAnalyzer(access) => access.status == ACTIVE,
        }
    }

    /// The type of the resource that a finding is about, such as `AWS::S3::Bucket`; `None` of CloudTrail.
    pub fn resource_type(&self) -> Option<&str> {
        match self {
            Self::CloudTrail => None,
            Self::Config(change) => Some(&change.resource_type),
            Self::AccessAnalyzer(access) => Some(&access.resource_type),
        }
    }

    /// The name of the rule of AWS Config that found it; `None` if no such rule did.
    pub fn config_rule(&self) -> Option<&str> {
        match self {
            Self::Config(change) => Some(&change.rule_name),
            Self::CloudTrail | Self::AccessAnalyzer(_) => None,
        }
    }
}

/// Who made a call (`userIdentity`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Actor {
    /// `type`: `Root`, `IAMUser`, `AssumedRole`, …; empty if absent.
    pub kind: String,
    /// `userName`: of an IAM user; in sign-ins also what was typed.
    pub user_name: Option<String>,
    /// `arn`: for an assumed role, the session's.
    pub arn: Option<String>,
    /// The role behind an assumed-role session: `sessionContext.sessionIssuer.arn`.
    pub role_arn: Option<String>,
    /// `accessKeyId`.
    pub access_key_id: Option<String>,
    /// `mfaAuthenticated` of the session, or `MFAUsed` of a sign-in; `None` if the record does not say.
    pub mfa: Option<bool>,
    /// `invokedBy`: the AWS service that made the call for the actor.
    pub invoked_by: Option<String>,
}

/// Why AWS refused a call.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// `errorCode`, such as `AccessDenied` or `Client.DryRunOperation`.
    pub code: String,
    /// `errorMessage`, if any.
    pub message: Option<String>,
}

/// An event that lacks what is needed to decide on it, with what is known of it all the same.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the event could not be read: {missing}")]
pub struct Unreadable {
    /// What was missing or not understood, and where it was looked for.
    pub missing: Localized,
    /// The event as far as it goes: fields that were not found are empty.
    pub event: Box<Event>,
}

impl Actor {
    /// The ARN by which an actor can be trusted: the role behind an assumed-role session, or the IAM user.
    /// The session's own ARN is left out on purpose: whoever assumes a role chooses the session's name.
    pub fn principal_arn(&self) -> Option<&str> {
        match self.kind.as_str() {
            "AssumedRole" => self.role_arn.as_deref(),
            "IAMUser" => self.arn.as_deref(),
            _ => None,
        }
    }

    fn from_record(record: &Value) -> Self {
        let mut actor = Self::from_identity(field(record, "userIdentity"));
        let of_sign_in = text(field(record, "additionalEventData"), "MFAUsed");
        actor.mfa = actor.mfa.or(of_sign_in.as_deref().and_then(yes_or_no));
        actor
    }

    fn from_identity(identity: &Value) -> Self {
        let session = field(identity, "sessionContext");
        let issuer = field(session, "sessionIssuer");
        let issuer_is_role = text(issuer, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("Role"));
        Self {
            kind: text(identity, "type").unwrap_or_default(),
            user_name: text(identity, "userName"),
            arn: text(identity, "arn"),
            role_arn: issuer_is_role.then(|| text(issuer, "arn")).flatten(),
            access_key_id: text(identity, "accessKeyId"),
            mfa: text(field(session, "attributes"), "mfaAuthenticated").map(|mfa| mfa.eq_ignore_ascii_case("true")),
            invoked_by: text(identity, "invokedBy"),
        }
    }
}

/// Reads an event. Never panics, whatever the JSON holds.
///
/// # Errors
/// [`Unreadable`] if `eventName` or `eventSource` is missing, since nothing can be decided without them.
pub fn parse(raw: &Value) -> Result<Event, Unreadable> {
    match text(raw, "detail-type").as_deref() {
        Some(COMPLIANCE_CHANGE) => return finding(raw, |detail| ComplianceChange::read(detail).map(Origin::Config)),
        Some(ACCESS_FINDING) => return finding(raw, |detail| ExternalAccess::read(detail).map(Origin::AccessAnalyzer)),
        _ => {}
    }
    let (envelope, record) = envelope(raw);
    let id = text(record, "eventID");
    let event = Event {
        origin: Origin::CloudTrail,
        identity: id.as_ref().map(|id| identity(id, record)),
        id,
        name: text(record, "eventName").unwrap_or_default(),
        source: text(record, "eventSource").unwrap_or_default(),
        kind: text(record, "eventType").unwrap_or_default(),
        read_only: text(record, "readOnly").map(|read_only| read_only.eq_ignore_ascii_case("true")),
        time: text(record, "eventTime").and_then(|written| parse_time(&written)).or(envelope.time),
        time_text: text(record, "eventTime").unwrap_or_default(),
        account: text(record, "recipientAccountId")
            .or(envelope.account)
            .or_else(|| scalar(at(record, &["userIdentity", "accountId"]))),
        foreign_account: None,
        region: text(record, "awsRegion").or(envelope.region),
        actor: Actor::from_record(record),
        error: api_error(record),
        request: field(record, "requestParameters").clone(),
        response: field(record, "responseElements").clone(),
        additional: field(record, "additionalEventData").clone(),
        resources: field(record, "resources").clone(),
        source_ip: text(record, "sourceIPAddress"),
        user_agent: text(record, "userAgent"),
    };
    let missing = match (event.name.is_empty(), event.source.is_empty()) {
        (false, false) => return Ok(event),
        (true, true) => Localized::new(|language| {
            say!(
                language,
                "no `eventName` and no `eventSource`: neither a CloudTrail record nor an EventBridge event with one",
                "`eventName` も `eventSource` もなく、CloudTrail のレコードでも、それを含む EventBridge のイベントでもありません"
            )
        }),
        (true, false) => absent("eventName"),
        (false, true) => absent("eventSource"),
    };
    Err(Unreadable { missing, event: Box::new(event) })
}

/// Reads a finding, which stands in an envelope always.
fn finding(raw: &Value, read: impl FnOnce(&Value) -> Result<Origin, Localized>) -> Result<Event, Unreadable> {
    let detail = field(raw, "detail");
    let told = |names: [&str; 2]| names.iter().find_map(|name| text(detail, name));
    let id = text(raw, "id");
    let (account, own) = (told(["awsAccountId", "accountId"]), text(raw, "account"));
    let time = config::recorded_at(detail).or_else(|| told(["updatedAt", "analyzedAt"])).or_else(|| text(raw, "time"));
    let origin = read(detail);
    let mut event = Event {
        origin: Origin::CloudTrail,
        identity: id.as_ref().map(|id| identity(id, detail)),
        id,
        name: text(raw, "detail-type").unwrap_or_default(),
        source: text(raw, "source").unwrap_or_default(),
        kind: String::new(),
        read_only: None,
        time: time.as_deref().and_then(parse_time),
        time_text: time.unwrap_or_default(),
        foreign_account: account.clone().filter(|account| own.as_ref().is_some_and(|own| own != account)),
        account: account.or(own),
        region: told(["awsRegion", "region"]).or_else(|| text(raw, "region")),
        actor: Actor::default(),
        error: None,
        request: Value::Null,
        response: Value::Null,
        additional: Value::Null,
        resources: Value::Null,
        source_ip: None,
        user_agent: None,
    };
    match origin {
        Ok(origin) => {
            event.origin = origin;
            Ok(event)
        }
        Err(missing) => Err(Unreadable { missing, event: Box::new(event) }),
    }
}

impl Event {
    /// Why nothing is looked at, where a finding is about another account than this one: whatever has the resource's name here is not it.
    pub(crate) fn not_of_this_account(&self) -> Option<Localized> {
        self.foreign_account.as_ref().map(|account| {
            localized!(
                "the resource is in account `{account}`, not in the one that was told of it",
                "リソースは、検出結果が届いたアカウントではなく `{account}` にあります"
            )
        })
    }
}

fn absent(name: &str) -> Localized {
    Localized::new(|language| say!(language, "no `{name}` in the record", "レコードに `{name}` がありません"))
}

fn identity(id: &str, record: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    record.to_string().hash(&mut hasher);
    format!("{id} {:016x}", hasher.finish())
}

/// The envelope around a record, without what is in it, and the record. A bare record gets an empty one; an envelope that the typed form refuses
/// (published samples have numbers for text and words for times) is read field by field.
fn envelope(raw: &Value) -> (EventBridgeEvent<Value>, &Value) {
    let detail = field(raw, "detail");
    let (true, Some(members)) = (detail.is_object(), raw.as_object()) else {
        return (EventBridgeEvent::default(), raw);
    };
    let around =
        members.iter().map(|(name, value)| (name.clone(), if name == "detail" { Value::Null } else { value.clone() }));
    let envelope = serde_json::from_value(Value::Object(around.collect())).unwrap_or_else(|_| {
        let mut lenient = EventBridgeEvent::<Value>::default();
        lenient.account = text(raw, "account");
        lenient.region = text(raw, "region");
        lenient.time = text(raw, "time").and_then(|written| parse_time(&written));
        lenient
    });
    (envelope, detail)
}

/// Why the call failed. A failed console sign-in has no `errorCode`, only a message and `"ConsoleLogin": "Failure"`.
fn api_error(record: &Value) -> Option<ApiError> {
    let message = text(record, "errorMessage");
    let code = text(record, "errorCode").or_else(|| {
        let login = text(field(record, "responseElements"), "ConsoleLogin");
        (login.as_deref() == Some("Failure")).then(|| "Failure".to_owned())
    });
    match (code, message) {
        (None, None) => None,
        (Some(code), message) => Some(ApiError { code, message }),
        (None, Some(message)) => Some(ApiError { code: message, message: None }),
    }
}

/// What `MFAUsed` of a sign-in says: `"Yes"`, `"No"`, or something that is neither.
pub(crate) fn yes_or_no(written: &str) -> Option<bool> {
    match written.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// RFC 3339, or the same without `T` and zone as log tools write it.
fn parse_time(written: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(written).map(|time| time.with_timezone(&Utc));
    zoned.or_else(|_| NaiveDateTime::parse_from_str(written, "%Y-%m-%d %H:%M:%S%.f").map(|time| time.and_utc())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record() -> Value {
        json!({"eventName": "RunInstances", "eventSource": "ec2.amazonaws.com", "eventID": "e-1", "awsRegion": "eu-west-1",
            "eventTime": "2026-01-02T03:04:05Z", "recipientAccountId": "111122223333"})
    }

    #[test]
    fn an_envelope_and_a_bare_record_read_alike() {
        let bare = parse(&record()).unwrap();
        let enveloped = json!({"version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2",
            "account": "111122223333", "time": "2026-01-02T03:04:05Z", "region": "eu-west-1", "resources": [], "detail": record()});
        assert_eq!(parse(&enveloped).unwrap(), bare);
        let odd = json!({"account": 12345, "region": "...", "time": "...", "source": "...", "detail": record()});
        assert_eq!(parse(&odd).unwrap(), bare);
    }

    #[test]
    fn without_a_name_it_is_unreadable_and_keeps_what_is_known() {
        let unreadable = parse(&json!({"detail": {"eventID": "e-2", "eventSource": "ec2.amazonaws.com"}})).unwrap_err();
        assert_eq!(unreadable.event.id.as_deref(), Some("e-2"));
        assert!(unreadable.missing.to_string().contains("eventName"));
        for odd in [json!(null), json!([1]), json!("x"), json!({}), json!({"detail": 3})] {
            assert!(parse(&odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn only_the_issuing_role_or_the_user_can_be_trusted() {
        let actor = |identity: Value| Actor::from_identity(&identity);
        let role = json!({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/R/S",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::1:role/R"}}});
        assert_eq!(actor(role).principal_arn(), Some("arn:aws:iam::1:role/R"));
        for identity in [
            json!({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/R/S", "sessionContext": {"sessionIssuer": {}}}),
            json!({"type": "AssumedRole", "arn": "arn:aws:iam::1:role/R"}),
            json!({"type": "Root", "arn": "arn:aws:iam::1:root"}),
            json!({"type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/x",
                "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/x"}}}),
            json!({}),
        ] {
            assert_eq!(actor(identity.clone()).principal_arn(), None, "{identity}");
        }
    }

    #[test]
    fn a_sign_in_says_by_itself_whether_mfa_was_used() {
        let mfa = |session: Value, used: Value| {
            let identity = json!({"sessionContext": {"attributes": {"mfaAuthenticated": session}}});
            Actor::from_record(&json!({"userIdentity": identity, "additionalEventData": {"MFAUsed": used}})).mfa
        };
        assert_eq!(mfa(Value::Null, json!("Yes")), Some(true));
        assert_eq!(mfa(Value::Null, json!("No")), Some(false));
        assert_eq!(mfa(Value::Null, json!("?")), None);
        assert_eq!(mfa(json!("true"), json!("No")), Some(true));
    }

    #[test]
    fn failures_are_seen_in_all_their_forms() {
        let failed = |extra: Value| {
            let mut record = record();
            record.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            parse(&record).unwrap().error.map(|error| error.code)
        };
        assert_eq!(failed(json!({})), None);
        assert_eq!(failed(json!({"errorCode": "Client.DryRunOperation"})).as_deref(), Some("Client.DryRunOperation"));
        assert_eq!(failed(json!({"errorMessage": "Failed authentication"})).as_deref(), Some("Failed authentication"));
        assert_eq!(failed(json!({"responseElements": {"ConsoleLogin": "Failure"}})).as_deref(), Some("Failure"));
    }

    #[test]
    fn a_repeat_is_known_by_id_and_content_and_never_without_an_id() {
        let mut other = record();
        other["awsRegion"] = json!("eu-west-2");
        assert_eq!(parse(&record()).unwrap().identity, parse(&record()).unwrap().identity);
        assert_ne!(parse(&record()).unwrap().identity, parse(&other).unwrap().identity);
        other.as_object_mut().unwrap().remove("eventID");
        assert_eq!(parse(&other).unwrap().identity, None);
    }
}
