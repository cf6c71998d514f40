//! IAM, STS, CloudTrail and Organizations in the stand-in, over the wire: what the launcher adds to moto.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use aws_sdk_iam::Client;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::enable_mfa_device::{EnableMFADeviceError, EnableMfaDeviceOutput};
use aws_sdk_iam::types::{AccessKey, ServiceSpecificCredential, StatusType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use sandbox::{CERTIFICATE, StandIn, StandInOptions, local_config};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ALLOW_ALL: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
const DENY_ALL: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}"#;
const TRUST_ACCOUNT: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}}"#;
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const CODE_COMMIT: &str = "codecommit.amazonaws.com";
const BEDROCK: &str = "bedrock.amazonaws.com";

// A static is never dropped: the server ends when this process does.
fn stand_in() -> &'static StandIn {
    static STAND_IN: OnceLock<StandIn> = OnceLock::new();
    STAND_IN.get_or_init(|| StandIn::start(&mut |_| {}).unwrap())
}

fn unique() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

async fn config_of(key: &str) -> SdkConfig {
    local_config(stand_in().endpoint(), key).await
}

/// A client that may do everything.
async fn admin() -> Client {
    Client::new(&config_of("AKIAIDENTITYADMIN001").await)
}

async fn iam_of(key: &AccessKey) -> Client {
    Client::new(&config_of(key.access_key_id()).await)
}

async fn new_user(iam: &Client) -> String {
    let name = format!("user-{}", unique());
    iam.create_user().user_name(&name).send().await.unwrap();
    name
}

async fn new_key(iam: &Client, user: &str) -> AccessKey {
    iam.create_access_key().user_name(user).send().await.unwrap().access_key.unwrap()
}

/// A user who may do everything, by an inline policy, and a key of that user.
async fn new_power(iam: &Client) -> (String, AccessKey) {
    let user = new_user(iam).await;
    put_policy(iam, &user, "allow", ALLOW_ALL).await;
    let key = new_key(iam, &user).await;
    (user, key)
}

async fn put_policy(iam: &Client, user: &str, name: &str, document: &str) {
    iam.put_user_policy().user_name(user).policy_name(name).policy_document(document).send().await.unwrap();
}

async fn new_role(iam: &Client) -> (String, String) {
    let name = format!("role-{}", unique());
    let output = iam.create_role().role_name(&name).assume_role_policy_document(TRUST_ACCOUNT).send().await.unwrap();
    (name, output.role.unwrap().arn)
}

async fn new_credential(iam: &Client, user: &str, service: &str) -> ServiceSpecificCredential {
    let output = iam.create_service_specific_credential().user_name(user).service_name(service).send().await.unwrap();
    output.service_specific_credential.unwrap()
}

fn refused<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug>(result: Result<T, SdkError<E, R>>) -> String {
    result.unwrap_err().code().unwrap().to_owned()
}

/// The error's code and the HTTP status.
fn refused_with<T: Debug, E: ProvideErrorMetadata + Debug>(
    result: Result<T, SdkError<E, HttpResponse>>,
) -> (String, u16) {
    let error = result.unwrap_err();
    (error.code().unwrap().to_owned(), error.raw_response().unwrap().status().as_u16())
}

#[tokio::test]
async fn a_user_is_deleted_only_without_anything_that_belongs_to_it() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let name = user.as_str();
    let delete = async || {
        let error = iam.delete_user().user_name(name).send().await.unwrap_err();
        assert_eq!((error.code(), error.raw_response().unwrap().status().as_u16()), (Some("DeleteConflict"), 409));
        error.message().unwrap().to_owned()
    };

    let key = new_key(&iam, name).await;
    assert_eq!(delete().await, "Cannot delete entity, must delete access keys first.");
    iam.delete_access_key().user_name(name).access_key_id(key.access_key_id).send().await.unwrap();

    iam.create_login_profile().user_name(name).password("Pass-word-1").send().await.unwrap();
    assert_eq!(delete().await, "Cannot delete entity, must delete login profile first.");
    iam.delete_login_profile().user_name(name).send().await.unwrap();

    let serial = new_device(&iam).await;
    enable(&iam, name, &serial).await.unwrap();
    assert_eq!(delete().await, "Cannot delete entity, must delete MFA device first.");
    iam.deactivate_mfa_device().user_name(name).serial_number(serial).send().await.unwrap();

    let referenced = "Cannot delete entity, must remove referenced objects first.";
    let ssh = iam.upload_ssh_public_key().user_name(name).ssh_public_key_body("ssh-rsa A").send().await.unwrap();
    assert_eq!(delete().await, referenced);
    let ssh = ssh.ssh_public_key.unwrap().ssh_public_key_id;
    iam.delete_ssh_public_key().user_name(name).ssh_public_key_id(ssh).send().await.unwrap();

    let uploaded = iam.upload_signing_certificate().user_name(name).certificate_body(CERTIFICATE).send().await.unwrap();
    assert_eq!(delete().await, referenced);
    let certificate = uploaded.certificate.unwrap().certificate_id;
    iam.delete_signing_certificate().user_name(name).certificate_id(certificate).send().await.unwrap();

    let credential = new_credential(&iam, name, CODE_COMMIT).await.service_specific_credential_id;
    assert_eq!(delete().await, referenced);
    let gone = iam.delete_service_specific_credential().service_specific_credential_id(credential);
    gone.user_name(name).send().await.unwrap();

    iam.attach_user_policy().user_name(name).policy_arn(ADMINISTRATOR).send().await.unwrap();
    assert_eq!(delete().await, "Cannot delete entity, must detach all policies first.");
    iam.detach_user_policy().user_name(name).policy_arn(ADMINISTRATOR).send().await.unwrap();

    put_policy(&iam, name, "allow", ALLOW_ALL).await;
    assert_eq!(delete().await, "Cannot delete entity, must delete policies first.");
    iam.delete_user_policy().user_name(name).policy_name("allow").send().await.unwrap();

    let group = format!("group-{}", unique());
    iam.create_group().group_name(&group).send().await.unwrap();
    iam.add_user_to_group().group_name(&group).user_name(name).send().await.unwrap();
    assert_eq!(delete().await, "Cannot delete entity, must remove users from group first.");
    iam.remove_user_from_group().group_name(&group).user_name(name).send().await.unwrap();

    iam.delete_user().user_name(name).send().await.unwrap();
    assert_eq!(refused_with(iam.get_user().user_name(name).send().await), ("NoSuchEntity".to_owned(), 404));
}

#[tokio::test]
async fn a_user_created_again_has_another_id() {
    let iam = admin().await;
    let name = format!("again-{}", unique());
    let mut ids = Vec::new();
    for _ in 0..2 {
        let user = iam.create_user().user_name(&name).send().await.unwrap().user.unwrap();
        let read = iam.get_user().user_name(&name).send().await.unwrap().user.unwrap();
        assert_eq!((read.user_id(), read.create_date()), (user.user_id(), user.create_date()));
        let age = SystemTime::now().duration_since(SystemTime::try_from(read.create_date).unwrap()).unwrap();
        assert!(age.as_secs() < 60, "{age:?}");
        iam.delete_user().user_name(&name).send().await.unwrap();
        ids.push(read.user_id);
    }
    let [first, second] = ids.as_slice() else { panic!("two ids expected: {ids:?}") };
    assert_ne!(first, second);
    assert!(first.starts_with("AIDA") && first.len() == 21, "{first}");
}

#[tokio::test]
async fn a_renamed_user_keeps_what_it_has() {
    let iam = admin().await;
    let (user, key) = new_power(&iam).await;
    let other = new_user(&iam).await;
    let taken = iam.update_user().user_name(&user).new_user_name(&other).send().await;
    assert_eq!(refused(taken), "EntityAlreadyExists");

    let new_name = format!("{user}-renamed");
    iam.update_user().user_name(&user).new_user_name(&new_name).send().await.unwrap();
    let keys = iam.list_access_keys().user_name(&new_name).send().await.unwrap().access_key_metadata;
    assert_eq!(keys.first().unwrap().user_name(), Some(new_name.as_str()));
    let own = iam_of(&key).await.get_user().send().await.unwrap().user.unwrap();
    assert_eq!(own.user_name(), new_name);
    iam.delete_access_key().user_name(&new_name).access_key_id(key.access_key_id).send().await.unwrap();
    let keys = iam.list_access_keys().user_name(&new_name).send().await.unwrap().access_key_metadata;
    assert_eq!(keys, []);
}

#[tokio::test]
async fn a_key_that_is_inactive_or_deleted_signs_no_calls() {
    let iam = admin().await;
    let (user, key) = new_power(&iam).await;
    let own = iam_of(&key).await;
    own.list_users().send().await.unwrap();

    let set =
        |status| iam.update_access_key().user_name(&user).access_key_id(key.access_key_id()).status(status).send();
    set(StatusType::Inactive).await.unwrap();
    let error = own.list_users().send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidClientTokenId"));
    assert_eq!(error.message(), Some("The security token included in the request is invalid."));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    let sts = aws_sdk_sts::Client::new(&config_of(key.access_key_id()).await);
    assert_eq!(refused(sts.get_caller_identity().send().await), "InvalidClientTokenId");
    let ec2 = aws_sdk_ec2::Client::new(&config_of(key.access_key_id()).await);
    assert_eq!(refused(ec2.describe_vpcs().send().await), "AuthFailure");
    let sqs = aws_sdk_sqs::Client::new(&config_of(key.access_key_id()).await);
    assert_eq!(refused(sqs.list_queues().send().await), "UnrecognizedClientException");

    set(StatusType::Active).await.unwrap();
    own.list_users().send().await.unwrap();
    iam.delete_access_key().user_name(&user).access_key_id(key.access_key_id()).send().await.unwrap();
    assert_eq!(refused(own.list_users().send().await), "InvalidClientTokenId");
    let found = events("AKIAIDENTITYADMIN001", LookupAttributeKey::AccessKeyId, key.access_key_id()).await;
    assert_eq!(found.len(), 2, "{found:?}");
}

#[tokio::test]
async fn a_users_key_may_do_what_the_policies_allow() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let key = new_key(&iam, &user).await;
    let config = config_of(key.access_key_id()).await;
    let (own, ec2) = (Client::new(&config), aws_sdk_ec2::Client::new(&config));
    let sts = aws_sdk_sts::Client::new(&config);

    assert_eq!(refused_with(own.list_users().send().await), ("AccessDenied".to_owned(), 403));
    assert_eq!(refused_with(ec2.describe_vpcs().send().await), ("UnauthorizedOperation".to_owned(), 403));
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some(format!("arn:aws:iam::123456789012:user/{user}").as_str()));

    // Inline, attached and of a group: each of them allows.
    let list =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "IAM:list*", "Resource": "*"}]}"#;
    put_policy(&iam, &user, "list", list).await;
    own.list_users().send().await.unwrap();
    assert_eq!(refused(own.get_user().send().await), "AccessDenied");
    iam.delete_user_policy().user_name(&user).policy_name("list").send().await.unwrap();
    assert_eq!(refused(own.list_users().send().await), "AccessDenied");

    iam.attach_user_policy().user_name(&user).policy_arn(ADMINISTRATOR).send().await.unwrap();
    own.list_users().send().await.unwrap();
    ec2.describe_vpcs().send().await.unwrap();
    iam.detach_user_policy().user_name(&user).policy_arn(ADMINISTRATOR).send().await.unwrap();

    let group = format!("group-{}", unique());
    iam.create_group().group_name(&group).send().await.unwrap();
    iam.attach_group_policy().group_name(&group).policy_arn(ADMINISTRATOR).send().await.unwrap();
    iam.add_user_to_group().group_name(&group).user_name(&user).send().await.unwrap();
    own.list_users().send().await.unwrap();
}

#[tokio::test]
async fn an_explicit_deny_wins_at_once() {
    let iam = admin().await;
    let (user, key) = new_power(&iam).await;
    let own = iam_of(&key).await;
    own.list_users().send().await.unwrap();
    put_policy(&iam, &user, "deny", DENY_ALL).await;
    let error = own.list_users().send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"));
    assert!(error.message().unwrap().ends_with("with an explicit deny in an identity-based policy"), "{error:?}");
    iam.delete_user_policy().user_name(&user).policy_name("deny").send().await.unwrap();
    own.list_users().send().await.unwrap();

    let quarantine = "arn:aws:iam::aws:policy/AWSDenyAll";
    iam.attach_user_policy().user_name(&user).policy_arn(quarantine).send().await.unwrap();
    assert_eq!(refused(own.list_users().send().await), "AccessDenied");
}

#[tokio::test]
async fn a_deny_applies_only_if_its_conditions_are_met() {
    let iam = admin().await;
    let (user, key) = new_power(&iam).await;
    let own = iam_of(&key).await;
    for (condition, denies) in [
        (json!({"DateLessThan": {"aws:TokenIssueTime": "2100-01-01T00:00:00Z"}}), false),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), false),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}), true),
        (json!({"Null": {"aws:TokenIssueTime": "true"}}), true),
        (json!({"StringEquals": {"aws:username": user}}), true),
        (json!({"StringNotEquals": {"aws:username": user}}), false),
        (json!({"StringLike": {"aws:username": ["other", "user-*"]}, "Bool": {"aws:ViaAWSService": "true"}}), false),
        (json!({"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}), true),
    ] {
        let statement = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]});
        put_policy(&iam, &user, "deny", &document.to_string()).await;
        assert_eq!(own.list_users().send().await.is_err(), denies, "{condition}");
    }
}

#[tokio::test]
async fn the_last_use_of_a_key_is_known() {
    let iam = admin().await;
    let (user, key) = new_power(&iam).await;
    let last_used = async || {
        let output = iam.get_access_key_last_used().access_key_id(key.access_key_id()).send().await.unwrap();
        assert_eq!(output.user_name(), Some(user.as_str()));
        output.access_key_last_used.unwrap()
    };
    let never = last_used().await;
    assert_eq!(never.last_used_date(), None);
    assert_eq!((never.service_name(), never.region()), ("N/A", "N/A"));

    iam_of(&key).await.list_users().send().await.unwrap();
    let used = last_used().await;
    assert!(used.last_used_date().is_some());
    assert_eq!((used.service_name(), used.region()), ("iam", "us-east-1"));

    let config = config_of(key.access_key_id()).await;
    let region = aws_sdk_ec2::config::Region::from_static("eu-west-1");
    let elsewhere = aws_sdk_ec2::config::Builder::from(&config).region(region).build();
    aws_sdk_ec2::Client::from_conf(elsewhere).describe_vpcs().send().await.unwrap();
    let used = last_used().await;
    assert_eq!((used.service_name(), used.region()), ("ec2", "eu-west-1"));
    let unknown = iam.get_access_key_last_used().access_key_id("AKIAUNKNOWN000000001").send().await;
    assert_eq!(refused(unknown), "NoSuchEntity");
}

#[tokio::test]
async fn inline_policies_of_a_user_have_room_for_2048_characters_together() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let put = |name: &str, document: &str| {
        iam.put_user_policy().user_name(&user).policy_name(name).policy_document(document).send()
    };
    // White space does not count.
    let compact: String = DENY_ALL.split_whitespace().collect();
    let fit = 2_048 / compact.len();
    for number in 0..fit {
        put(&format!("policy-{number}"), &format!("{DENY_ALL}{}", " ".repeat(100))).await.unwrap();
    }
    assert_eq!(refused_with(put("one-more", DENY_ALL).await), ("LimitExceeded".to_owned(), 409));
    // What is in the place of another does.
    put("policy-0", &compact).await.unwrap();
}

#[tokio::test]
async fn a_user_has_at_most_two_keys() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    for _ in 0..2 {
        new_key(&iam, &user).await;
    }
    let third = iam.create_access_key().user_name(&user).send().await;
    assert_eq!(refused_with(third), ("LimitExceeded".to_owned(), 409));
}

#[tokio::test]
async fn calls_at_the_same_time_come_one_after_the_other() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let mut tries = JoinSet::new();
    for _ in 0..8 {
        tries.spawn(iam.create_access_key().user_name(&user).send());
    }
    let made = tries.join_all().await.into_iter().filter(Result::is_ok).count();
    let there = iam.list_access_keys().user_name(&user).send().await.unwrap().access_key_metadata;
    assert_eq!((made, there.len()), (2, 2));
}

#[tokio::test]
async fn service_specific_credentials_live_and_die() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let list = async |service: Option<&str>| {
        let request = iam.list_service_specific_credentials().user_name(&user);
        let output = request.set_service_name(service.map(str::to_owned)).send().await.unwrap();
        output.service_specific_credentials.unwrap()
    };
    let code = new_credential(&iam, &user, CODE_COMMIT).await;
    assert_eq!(
        (code.user_name(), code.service_name(), code.status()),
        (user.as_str(), CODE_COMMIT, &StatusType::Active)
    );
    let password = code.service_password();
    let bedrock = new_credential(&iam, &user, BEDROCK).await;
    assert!(bedrock.service_credential_secret().is_some());
    assert_eq!((list(None).await.len(), list(Some(BEDROCK)).await.len()), (2, 1));

    new_credential(&iam, &user, CODE_COMMIT).await;
    let create = |service: &str| iam.create_service_specific_credential().user_name(&user).service_name(service).send();
    assert_eq!(refused_with(create(CODE_COMMIT).await), ("LimitExceeded".to_owned(), 409));
    assert_eq!(refused_with(create("ec2.amazonaws.com").await), ("NotSupportedService".to_owned(), 404));

    let id = code.service_specific_credential_id();
    let update = |id: &str| {
        let request = iam.update_service_specific_credential().user_name(&user).service_specific_credential_id(id);
        request.status(StatusType::Inactive).send()
    };
    update(id).await.unwrap();
    let shown = list(Some(CODE_COMMIT)).await.into_iter().find(|found| found.service_specific_credential_id() == id);
    assert_eq!(shown.unwrap().status(), &StatusType::Inactive);

    let reset = iam.reset_service_specific_credential().user_name(&user).service_specific_credential_id(id);
    let after = reset.send().await.unwrap().service_specific_credential.unwrap();
    assert_ne!(after.service_password(), password);
    assert_eq!(after.status(), &StatusType::Inactive);

    let delete = || iam.delete_service_specific_credential().user_name(&user).service_specific_credential_id(id).send();
    delete().await.unwrap();
    assert_eq!(refused_with(delete().await), ("NoSuchEntity".to_owned(), 404));
    assert_eq!(refused(update(id).await), "NoSuchEntity");
    let reset = iam.reset_service_specific_credential().user_name(&user).service_specific_credential_id(id);
    assert_eq!(refused(reset.send().await), "NoSuchEntity");
    assert_eq!(list(None).await.len(), 2);
}

#[tokio::test]
async fn where_the_name_is_left_out_the_user_is_the_caller() {
    let iam = admin().await;
    let (user, key) = new_power(&iam).await;
    let own = iam_of(&key).await;
    assert_eq!(own.get_user().send().await.unwrap().user.unwrap().user_name(), user);
    let created = own.create_service_specific_credential().service_name(CODE_COMMIT).send().await.unwrap();
    let credential = created.service_specific_credential.unwrap();
    assert_eq!(credential.user_name(), user);
    let id = credential.service_specific_credential_id();
    own.delete_service_specific_credential().service_specific_credential_id(id).send().await.unwrap();
    let second = own.create_access_key().send().await.unwrap().access_key.unwrap();
    assert_eq!(second.user_name(), user);
    assert_eq!(own.list_access_keys().send().await.unwrap().access_key_metadata.len(), 2);
    assert_eq!(own.list_mfa_devices().send().await.unwrap().mfa_devices, []);
    own.delete_access_key().access_key_id(second.access_key_id()).send().await.unwrap();
    assert_eq!(refused(iam.list_access_keys().send().await), "ValidationError");
}

#[tokio::test]
async fn a_user_has_a_permissions_boundary() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let shown = async |user: &str| {
        let user = iam.get_user().user_name(user).send().await.unwrap().user.unwrap();
        user.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn)
    };
    assert_eq!(shown(&user).await, None);
    let put =
        |user: &str, arn: &str| iam.put_user_permissions_boundary().user_name(user).permissions_boundary(arn).send();
    put(&user, ADMINISTRATOR).await.unwrap();
    assert_eq!(shown(&user).await.as_deref(), Some(ADMINISTRATOR));
    iam.delete_user_permissions_boundary().user_name(&user).send().await.unwrap();
    assert_eq!(shown(&user).await, None);

    assert_eq!(refused(put("nobody", ADMINISTRATOR).await), "NoSuchEntity");
    assert_eq!(refused(put(&user, "arn:aws:iam::aws:policy/NoSuchPolicy").await), "NoSuchEntity");
    assert_eq!(refused(iam.delete_user_permissions_boundary().user_name("nobody").send().await), "NoSuchEntity");
    let bounded = format!("user-{}", unique());
    iam.create_user().user_name(&bounded).permissions_boundary(ADMINISTRATOR).send().await.unwrap();
    assert_eq!(shown(&bounded).await.as_deref(), Some(ADMINISTRATOR));
}

#[tokio::test]
async fn what_is_not_there_is_no_such_entity() {
    let iam = admin().await;
    let there = new_user(&iam).await;
    let group = format!("group-{}", unique());
    iam.create_group().group_name(&group).send().await.unwrap();
    for user in [there.as_str(), "nobody"] {
        let inactive = StatusType::Inactive;
        let key = "AKIAUNKNOWN000000001";
        let serial = "arn:aws:iam::123456789012:mfa/missing";
        let update_key = iam.update_access_key().user_name(user).access_key_id(key).status(inactive.clone());
        let delete_key = iam.delete_access_key().user_name(user).access_key_id(key);
        let ssh = "APKAUNKNOWN000000001";
        let update_ssh = iam.update_ssh_public_key().user_name(user).ssh_public_key_id(ssh).status(inactive.clone());
        let delete_ssh = iam.delete_ssh_public_key().user_name(user).ssh_public_key_id(ssh);
        let certificate = "UNKNOWNCERTIFICATE0000000000";
        let update_certificate = iam.update_signing_certificate().user_name(user).certificate_id(certificate);
        let delete_certificate = iam.delete_signing_certificate().user_name(user).certificate_id(certificate);
        let deactivate = iam.deactivate_mfa_device().user_name(user).serial_number(serial);
        let update_profile = iam.update_login_profile().user_name(user).password("Pass-word-1");
        let detach = iam.detach_user_policy().user_name(user).policy_arn(ADMINISTRATOR);
        let delete_policy = iam.delete_user_policy().user_name(user).policy_name("missing");
        let leave = iam.remove_user_from_group().user_name(user).group_name(&group);
        for (action, answer) in [
            ("UpdateAccessKey", refused_with(update_key.send().await)),
            ("DeleteAccessKey", refused_with(delete_key.send().await)),
            ("UpdateSSHPublicKey", refused_with(update_ssh.send().await)),
            ("DeleteSSHPublicKey", refused_with(delete_ssh.send().await)),
            ("UpdateSigningCertificate", refused_with(update_certificate.status(inactive).send().await)),
            ("DeleteSigningCertificate", refused_with(delete_certificate.send().await)),
            ("EnableMFADevice", refused_with(enable(&iam, user, serial).await)),
            ("DeactivateMFADevice", refused_with(deactivate.send().await)),
            (
                "DeleteVirtualMFADevice",
                refused_with(iam.delete_virtual_mfa_device().serial_number(serial).send().await),
            ),
            ("GetLoginProfile", refused_with(iam.get_login_profile().user_name(user).send().await)),
            ("UpdateLoginProfile", refused_with(update_profile.send().await)),
            ("DeleteLoginProfile", refused_with(iam.delete_login_profile().user_name(user).send().await)),
            ("DetachUserPolicy", refused_with(detach.send().await)),
            ("DeleteUserPolicy", refused_with(delete_policy.send().await)),
            ("RemoveUserFromGroup", refused_with(leave.send().await)),
        ] {
            assert_eq!(answer, ("NoSuchEntity".to_owned(), 404), "{action} for {user}");
        }
    }
    let put = iam.put_user_policy().user_name("nobody").policy_name("allow").policy_document(ALLOW_ALL).send().await;
    assert_eq!(refused_with(put), ("NoSuchEntity".to_owned(), 404));
    let leave = iam.remove_user_from_group().user_name(&there).group_name("nothing").send().await;
    assert_eq!(refused(leave), "NoSuchEntity");
    assert_eq!(refused(iam.delete_user().user_name("nobody").send().await), "NoSuchEntity");
}

async fn new_device(iam: &Client) -> String {
    let device = iam.create_virtual_mfa_device().virtual_mfa_device_name(format!("device-{}", unique()));
    device.send().await.unwrap().virtual_mfa_device.unwrap().serial_number
}

async fn enable(
    iam: &Client,
    user: &str,
    serial: &str,
) -> Result<EnableMfaDeviceOutput, SdkError<EnableMFADeviceError, HttpResponse>> {
    let request = iam.enable_mfa_device().user_name(user).serial_number(serial);
    request.authentication_code1("123456").authentication_code2("654321").send().await
}

#[tokio::test]
async fn a_device_in_use_is_kept() {
    let iam = admin().await;
    let (user, other) = (new_user(&iam).await, new_user(&iam).await);
    let serial = new_device(&iam).await;
    enable(&iam, &user, &serial).await.unwrap();
    assert_eq!(refused(enable(&iam, &other, &serial).await), "EntityAlreadyExists");
    let devices = iam.list_mfa_devices().user_name(&user).send().await.unwrap().mfa_devices;
    assert_eq!(devices.first().unwrap().serial_number(), serial);

    let delete = || iam.delete_virtual_mfa_device().serial_number(&serial).send();
    assert_eq!(refused_with(delete().await), ("DeleteConflict".to_owned(), 409));
    iam.deactivate_mfa_device().user_name(&user).serial_number(&serial).send().await.unwrap();
    delete().await.unwrap();
}

#[tokio::test]
async fn a_user_has_one_login_profile() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let create = || iam.create_login_profile().user_name(&user).password("Pass-word-1").password_reset_required(true);
    let created = create().send().await.unwrap().login_profile.unwrap();
    assert!(created.password_reset_required());
    assert_eq!(refused_with(create().send().await), ("EntityAlreadyExists".to_owned(), 409));
    iam.update_login_profile().user_name(&user).password_reset_required(false).send().await.unwrap();
    let read = iam.get_login_profile().user_name(&user).send().await.unwrap().login_profile.unwrap();
    assert!(!read.password_reset_required());
    assert_eq!(read.create_date(), created.create_date());
}

#[tokio::test]
async fn the_status_of_ssh_keys_and_certificates_is_kept() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let uploaded = iam.upload_ssh_public_key().user_name(&user).ssh_public_key_body("ssh-rsa A").send().await.unwrap();
    let id = uploaded.ssh_public_key.unwrap().ssh_public_key_id;
    let update = iam.update_ssh_public_key().user_name(&user).ssh_public_key_id(id).status(StatusType::Inactive);
    update.send().await.unwrap();
    let keys = iam.list_ssh_public_keys().user_name(&user).send().await.unwrap().ssh_public_keys.unwrap();
    assert_eq!(keys.first().unwrap().status(), &StatusType::Inactive);

    let upload = iam.upload_signing_certificate().user_name(&user).certificate_body(CERTIFICATE);
    let id = upload.send().await.unwrap().certificate.unwrap().certificate_id;
    let update = iam.update_signing_certificate().user_name(&user).certificate_id(id).status(StatusType::Inactive);
    update.send().await.unwrap();
    let certificates = iam.list_signing_certificates().user_name(&user).send().await.unwrap().certificates;
    assert_eq!(certificates.first().unwrap().status(), &StatusType::Inactive);
}

#[tokio::test]
async fn an_openid_connect_provider_gets_further_audiences() {
    let iam = admin().await;
    let made = iam.create_open_id_connect_provider().url("https://audiences.example").client_id_list("a");
    let made = made.thumbprint_list("9e99a48a9960b14926bb7f3b02e22da2b0ab7280").send().await.unwrap();
    let arn = made.open_id_connect_provider_arn.unwrap();
    for audience in ["b", "a"] {
        let call = iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn);
        call.client_id(audience).send().await.unwrap();
    }
    let provider = iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.unwrap();
    assert_eq!(provider.client_id_list(), ["a", "b"]);
}

#[tokio::test]
async fn trust_policies_are_read() {
    let iam = admin().await;
    let (role, role_arn) = new_role(&iam).await;
    let statement =
        |principal: Value, action: &str| json!({"Effect": "Allow", "Principal": principal, "Action": action});
    let assume = |principal: Value| statement(principal, "sts:AssumeRole");
    let mut conditional = assume(json!({"AWS": "*"}));
    conditional["Condition"] = json!({
        "StringEquals": {"sts:ExternalId": "1", "aws:PrincipalOrgID": ["o-1234567890"]},
        "Bool": {"aws:MultiFactorAuthPresent": true},
        "NumericLessThan": {"aws:MultiFactorAuthAge": 3600},
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a"},
    });
    let identity = "sts:AssumeRoleWithWebIdentity";
    for accepted in [
        assume(json!("*")),
        assume(json!({"AWS": "*"})),
        assume(json!({"AWS": ["111122223333", "arn:aws:iam::444455556666:root"]})),
        assume(json!({"AWS": role_arn})),
        statement(json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/a.example"}), identity),
        statement(json!({"Federated": "cognito-identity.amazonaws.com"}), identity),
        assume(json!({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]})),
        conditional,
        json!({"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}),
        json!({"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole", "sts:TagSession"]}),
    ] {
        for version in ["2012-10-17", "2008-10-17"] {
            let document = json!({"Version": version, "Statement": [&accepted]}).to_string();
            let update = iam.update_assume_role_policy().role_name(&role).policy_document(&document).send().await;
            update.unwrap_or_else(|error| panic!("{document}: {error:?}"));
            let name = format!("role-{}", unique());
            iam.create_role().role_name(name).assume_role_policy_document(&document).send().await.unwrap();
        }
    }

    for malformed in [
        "{".to_owned(),
        ALLOW_ALL.to_owned(),
        json!({"Version": "2012-10-17", "Statement": [assume(json!("*")), {"Effect": "Maybe"}]}).to_string(),
        json!({"Version": "2012-10-17", "Statement": statement(json!("*"), "s3:GetObject")}).to_string(),
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}).to_string(),
    ] {
        let update = iam.update_assume_role_policy().role_name(&role).policy_document(&malformed).send().await;
        assert_eq!(refused_with(update), ("MalformedPolicyDocument".to_owned(), 400), "{malformed}");
        let create = iam.create_role().role_name("malformed").assume_role_policy_document(&malformed).send().await;
        assert_eq!(refused(create), "MalformedPolicyDocument", "{malformed}");
    }
}

#[tokio::test]
async fn trust_policies_are_shown_by_arns_and_deleted_principals_by_their_ids() {
    let iam = admin().await;
    let (role, _) = new_role(&iam).await;
    let user = new_user(&iam).await;
    let made = iam.get_user().user_name(&user).send().await.unwrap().user.unwrap();
    let trust = |principals: &[&str]| {
        json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"}})
    };
    let write = async |document: &Value| {
        iam.update_assume_role_policy().role_name(&role).policy_document(document.to_string()).send().await
    };
    let shown = async || {
        let found = iam.get_role().role_name(&role).send().await.unwrap().role.unwrap();
        let plain = decoded(found.assume_role_policy_document()?);
        serde_json::from_str::<Value>(&plain).ok()
    };
    let root = "arn:aws:iam::111122223333:root";
    write(&trust(&["111122223333", &made.user_id, "*"])).await.unwrap();
    assert_eq!(shown().await, Some(trust(&[root, &made.arn, "*"])));

    let renamed = format!("{user}-renamed");
    iam.update_user().user_name(&user).new_user_name(&renamed).send().await.unwrap();
    assert_eq!(shown().await, Some(trust(&[root, &format!("{}-renamed", made.arn), "*"])));

    iam.delete_user().user_name(&renamed).send().await.unwrap();
    let left = trust(&[root, &made.user_id, "*"]);
    assert_eq!(shown().await, Some(left.clone()));
    assert_eq!(refused(write(&left).await), "MalformedPolicyDocument");
    for unknown in ["99", "AROADBQP57FF2AEXAMPLE", "someone"] {
        assert_eq!(refused(write(&trust(&[unknown])).await), "MalformedPolicyDocument", "{unknown}");
    }
}

#[tokio::test]
async fn a_malformed_user_policy_is_refused() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    for malformed in ["", "{", "{}", r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*"}]}"#] {
        let put = iam.put_user_policy().user_name(&user).policy_name("bad").policy_document(malformed).send().await;
        assert_eq!(refused(put), "MalformedPolicyDocument", "{malformed}");
    }
}

#[tokio::test]
async fn some_of_the_policies_of_aws_exist() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    for name in [
        "AdministratorAccess",
        "ReadOnlyAccess",
        "PowerUserAccess",
        "IAMUserChangePassword",
        "AWSDenyAll",
        "AWSCompromisedKeyQuarantine",
        "AWSCompromisedKeyQuarantineV2",
        "AWSCompromisedKeyQuarantineV3",
    ] {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        let policy = iam.get_policy().policy_arn(&arn).send().await.unwrap().policy.unwrap();
        let version = iam.get_policy_version().policy_arn(&arn).version_id(policy.default_version_id().unwrap());
        let document = version.send().await.unwrap().policy_version.unwrap().document.unwrap();
        let document: Value = serde_json::from_str(&decoded(&document)).unwrap();
        let statements = document.get("Statement").unwrap().as_array().unwrap();
        let denies = name.contains("Quarantine") || name == "AWSDenyAll";
        let effect = if denies { "Deny" } else { "Allow" };
        assert!(statements.iter().all(|statement| statement.get("Effect").unwrap() == effect), "{document}");
        iam.attach_user_policy().user_name(&user).policy_arn(&arn).send().await.unwrap();
    }
    let attached = iam.list_attached_user_policies().user_name(&user).send().await.unwrap();
    assert_eq!(attached.attached_policies().len(), 8);
}

/// Policy documents are percent-encoded in answers.
fn decoded(document: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = document.bytes();
    while let Some(byte) = rest.next() {
        let digits = (byte == b'%').then(|| [rest.next().unwrap(), rest.next().unwrap()]);
        let escaped = digits.map(|digits| u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
        bytes.push(escaped.unwrap_or(byte));
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn an_attached_policy_is_not_deleted() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    let create = iam.create_policy().policy_name(format!("policy-{}", unique())).policy_document(ALLOW_ALL);
    let arn = create.send().await.unwrap().policy.unwrap().arn.unwrap();
    // Twice is as good as once.
    for _ in 0..2 {
        iam.attach_user_policy().user_name(&user).policy_arn(&arn).send().await.unwrap();
    }
    assert_eq!(refused(iam.delete_policy().policy_arn(&arn).send().await), "DeleteConflict");
    iam.detach_user_policy().user_name(&user).policy_arn(&arn).send().await.unwrap();
    iam.delete_policy().policy_arn(&arn).send().await.unwrap();
}

/// Makes two of everything that IAM lists of a user in pages.
async fn two_of_everything(iam: &Client, user: &str) {
    for _ in 0..2 {
        new_key(iam, user).await;
        let serial = new_device(iam).await;
        enable(iam, user, &serial).await.unwrap();
        iam.upload_ssh_public_key().user_name(user).ssh_public_key_body("ssh-rsa A").send().await.unwrap();
        iam.upload_signing_certificate().user_name(user).certificate_body(CERTIFICATE).send().await.unwrap();
        new_credential(iam, user, CODE_COMMIT).await;
        put_policy(iam, user, &format!("policy-{}", unique()), ALLOW_ALL).await;
        let group = format!("group-{}", unique());
        iam.create_group().group_name(&group).send().await.unwrap();
        iam.add_user_to_group().group_name(&group).user_name(user).send().await.unwrap();
    }
    for name in ["AdministratorAccess", "ReadOnlyAccess"] {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        iam.attach_user_policy().user_name(user).policy_arn(arn).send().await.unwrap();
    }
}

/// Reads a list in pages of one and returns how many pages there are.
macro_rules! pages {
    ($request:expr, $items:ident) => {{
        let (mut pages, mut marker) = (0, None);
        loop {
            let output = $request.set_marker(marker).send().await.unwrap();
            assert_eq!(output.$items().len(), 1);
            pages += 1;
            marker = output.marker().map(str::to_owned);
            assert_eq!(output.is_truncated(), marker.is_some());
            if marker.is_none() {
                break pages;
            }
        }
    }};
}

#[tokio::test]
async fn lists_come_in_pages_of_the_size_that_is_asked_for() {
    let iam = admin().await;
    let user = new_user(&iam).await;
    two_of_everything(&iam, &user).await;
    assert_eq!(pages!(iam.list_access_keys().user_name(&user).max_items(1), access_key_metadata), 2);
    assert_eq!(pages!(iam.list_mfa_devices().user_name(&user).max_items(1), mfa_devices), 2);
    assert_eq!(pages!(iam.list_attached_user_policies().user_name(&user).max_items(1), attached_policies), 2);
    let whole = iam.list_attached_user_policies().user_name(&user).max_items(2).send().await.unwrap();
    assert_eq!((whole.attached_policies().len(), whole.is_truncated(), whole.marker()), (2, false, None));
    assert_eq!(refused(iam.list_access_keys().user_name(&user).marker("?").send().await), "ValidationError");
}

#[tokio::test]
async fn a_stand_in_with_a_page_size_pages_every_list() {
    let options = StandInOptions { page_size: NonZeroU32::new(1) };
    let stand_in = StandIn::start_with(options, &mut |_| {}).unwrap();
    let config = local_config(stand_in.endpoint(), "AKIAIDENTITYADMIN001").await;
    let iam = Client::new(&config);
    let user = new_user(&iam).await;
    new_user(&iam).await;
    two_of_everything(&iam, &user).await;
    for (list, pages) in [
        ("ListAccessKeys", pages!(iam.list_access_keys().user_name(&user), access_key_metadata)),
        ("ListMFADevices", pages!(iam.list_mfa_devices().user_name(&user), mfa_devices)),
        ("ListSSHPublicKeys", pages!(iam.list_ssh_public_keys().user_name(&user), ssh_public_keys)),
        ("ListSigningCertificates", pages!(iam.list_signing_certificates().user_name(&user), certificates)),
        ("ListAttachedUserPolicies", pages!(iam.list_attached_user_policies().user_name(&user), attached_policies)),
        ("ListUserPolicies", pages!(iam.list_user_policies().user_name(&user), policy_names)),
        ("ListGroupsForUser", pages!(iam.list_groups_for_user().user_name(&user), groups)),
        ("ListUsers", pages!(iam.list_users(), users)),
        ("ListVirtualMFADevices", pages!(iam.list_virtual_mfa_devices(), virtual_mfa_devices)),
        (
            "ListServiceSpecificCredentials",
            pages!(iam.list_service_specific_credentials().user_name(&user), service_specific_credentials),
        ),
    ] {
        assert_eq!(pages, 2, "{list}");
    }
    let cloudtrail = aws_sdk_cloudtrail::Client::new(&config);
    let first = cloudtrail.lookup_events().send().await.unwrap();
    assert_eq!(first.events().len(), 1);
    let second = cloudtrail.lookup_events().set_next_token(first.next_token).send().await.unwrap();
    assert_ne!(second.events.unwrap(), first.events.unwrap());
}

async fn events(key: &str, attribute: LookupAttributeKey, value: &str) -> Vec<Event> {
    let cloudtrail = aws_sdk_cloudtrail::Client::new(&config_of(key).await);
    let attribute = LookupAttribute::builder().attribute_key(attribute).attribute_value(value).build().unwrap();
    cloudtrail.lookup_events().lookup_attributes(attribute).send().await.unwrap().events.unwrap()
}

fn record(event: &Event) -> Value {
    serde_json::from_str(event.cloud_trail_event().unwrap()).unwrap()
}

#[tokio::test]
async fn a_role_is_assumed_and_the_event_history_tells_of_it() {
    let iam = admin().await;
    let (user, key) = new_power(&iam).await;
    let (_, role_arn) = new_role(&iam).await;
    let sts = aws_sdk_sts::Client::new(&config_of(key.access_key_id()).await);
    let assume = |arn: &str| sts.assume_role().role_arn(arn).role_session_name("night").send();
    let session = assume(&role_arn).await.unwrap().credentials.unwrap();
    assert!(session.access_key_id().starts_with("ASIA"), "{session:?}");
    let missing = assume("arn:aws:iam::123456789012:role/missing").await;
    assert_eq!(refused_with(missing), ("AccessDenied".to_owned(), 403));
    assert_eq!(refused(assume("arn:aws:iam::999999999999:role/elsewhere").await), "AccessDenied");
    Client::new(&config_of(session.access_key_id()).await).list_users().send().await.unwrap();

    let found = events("AKIAIDENTITYADMIN001", LookupAttributeKey::AccessKeyId, key.access_key_id()).await;
    let [_, _, assumed] = found.as_slice() else { panic!("three events expected: {found:?}") };
    assert_eq!((assumed.event_name(), assumed.username()), (Some("AssumeRole"), Some(user.as_str())));
    assert_eq!(assumed.event_source(), Some("sts.amazonaws.com"));
    assert_eq!(assumed.access_key_id(), Some(key.access_key_id()));
    assert!(assumed.event_time().is_some());
    let told = record(assumed);
    assert_eq!(told["requestParameters"], json!({"roleArn": role_arn, "roleSessionName": "night"}));
    assert_eq!(told["recipientAccountId"], "123456789012");
    assert_eq!(told["userIdentity"]["userName"], user);
    assert_eq!(told["eventID"], assumed.event_id().unwrap());
    assert_eq!(told.get("errorCode"), None);
    assert_eq!(record(found.first().unwrap())["errorCode"], "AccessDenied");

    let of_session = events("AKIAIDENTITYADMIN001", LookupAttributeKey::AccessKeyId, session.access_key_id()).await;
    let told = record(of_session.first().unwrap());
    assert_eq!(told["userIdentity"]["type"], "AssumedRole");
    assert_eq!(told["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"], role_arn);
    let by_name = events("AKIAIDENTITYADMIN001", LookupAttributeKey::Username, &user).await;
    assert_eq!(by_name, found);
}

#[tokio::test]
async fn each_session_has_a_key_of_its_own_and_the_event_history_tells_it() {
    let iam = admin().await;
    let (_, key) = new_power(&iam).await;
    let sts = aws_sdk_sts::Client::new(&config_of(key.access_key_id()).await);
    let (_, role_arn) = new_role(&iam).await;
    let assumed = sts.assume_role().role_arn(&role_arn).role_session_name("night").send().await.unwrap();
    let token = sts.get_session_token().send().await.unwrap();
    let federated = sts.get_federation_token().name("guest").send().await.unwrap();
    let given = [federated.credentials, token.credentials, assumed.credentials].map(|given| given.unwrap());
    assert!(given.iter().all(|given| given.access_key_id().starts_with("ASIA")), "{given:?}");

    let found = events("AKIAIDENTITYADMIN001", LookupAttributeKey::AccessKeyId, key.access_key_id()).await;
    let told = found.iter().map(|event| record(event)["responseElements"]["credentials"]["accessKeyId"].clone());
    assert_eq!(told.collect::<Vec<_>>(), given.map(|given| json!(given.access_key_id())));
}

#[tokio::test]
async fn the_event_history_is_searched_by_time_and_in_pages() {
    let own_key = "AKIAIDENTITYPAGES001";
    let config = config_of(own_key).await;
    let (iam, cloudtrail) = (Client::new(&config), aws_sdk_cloudtrail::Client::new(&config));
    let user = new_user(&iam).await;
    iam.create_login_profile().user_name(&user).password("Pass-word-1").send().await.unwrap();
    let missing = iam.delete_user_policy().user_name(&user).policy_name("missing").send().await;
    assert_eq!(refused(missing), "NoSuchEntity");

    let attribute = |key, value| LookupAttribute::builder().attribute_key(key).attribute_value(value).build().unwrap();
    let of_key = || attribute(LookupAttributeKey::AccessKeyId, own_key);
    let lookup = || cloudtrail.lookup_events().lookup_attributes(of_key()).max_results(2);
    let first = lookup().send().await.unwrap();
    let second = lookup().set_next_token(first.next_token.clone()).send().await.unwrap();
    let found = [first.events(), second.events()].concat();
    let names: Vec<_> = found.iter().filter_map(Event::event_name).collect();
    assert_eq!(names, ["DeleteUserPolicy", "CreateLoginProfile", "CreateUser"]);
    assert_eq!(second.next_token(), None);
    let records: Vec<_> = found.iter().map(record).collect();
    let [failed, password, _] = records.as_slice() else { panic!("three records expected: {records:?}") };
    assert_eq!(failed["errorCode"], "NoSuchEntity");
    assert_eq!(password["requestParameters"], json!({"userName": user}));

    let now = DateTime::from(SystemTime::now());
    assert_eq!(lookup().start_time(DateTime::from_secs(now.secs() + 60)).send().await.unwrap().events(), []);
    let recent =
        lookup().start_time(DateTime::from_secs(now.secs() - 60)).end_time(DateTime::from_secs(now.secs() + 1));
    assert_eq!(recent.send().await.unwrap().events().len(), 2);
    let reversed = lookup().start_time(now).end_time(DateTime::from_secs(0)).send().await;
    assert_eq!(refused(reversed), "InvalidTimeRangeException");
    assert_eq!(refused(lookup().next_token("?").send().await), "InvalidNextTokenException");
    let two = lookup().lookup_attributes(attribute(LookupAttributeKey::EventName, "CreateUser")).send().await;
    assert_eq!(refused(two), "InvalidLookupAttributesException");

    let region = aws_sdk_cloudtrail::config::Region::from_static("eu-west-1");
    let elsewhere = aws_sdk_cloudtrail::config::Builder::from(&config).region(region).build();
    let elsewhere = aws_sdk_cloudtrail::Client::from_conf(elsewhere).lookup_events().lookup_attributes(of_key());
    assert_eq!(elsewhere.send().await.unwrap().events(), []);
}

// The only test that has an organization.
#[tokio::test]
async fn an_account_is_told_of_its_organization() {
    let organizations = aws_sdk_organizations::Client::new(&config_of("AKIAIDENTITYADMIN001").await);
    let before = organizations.describe_organization().send().await;
    assert_eq!(refused(before), "AWSOrganizationsNotInUseException");
    organizations.create_organization().send().await.unwrap();
    let organization = organizations.describe_organization().send().await.unwrap().organization.unwrap();
    assert_eq!(organization.master_account_id(), Some("123456789012"));
}
