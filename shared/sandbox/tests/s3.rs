//! S3, S3 control and anonymous access in the stand-in, over the wire: what the launcher adds to moto.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_bucket_ownership_controls::{
    PutBucketOwnershipControlsError, PutBucketOwnershipControlsOutput,
};
use aws_sdk_s3::types::{
    AccessControlPolicy, BucketCannedAcl, BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    Grant, Grantee, ObjectCannedAcl, ObjectOwnership, Owner, OwnershipControls, OwnershipControlsRule, Permission,
    PublicAccessBlockConfiguration, Type, VersioningConfiguration,
};
use aws_sdk_s3control::types::{
    CreateMultiRegionAccessPointInput, NetworkOrigin, PublicAccessBlockConfiguration as ControlBlock,
    PutMultiRegionAccessPointPolicyInput, Region, VpcConfiguration,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use sandbox::{Fault, StandIn, anonymous_get, calls, inject, local_config};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

// A static is never dropped: the server ends when this process does.
fn stand_in() -> &'static StandIn {
    static STAND_IN: OnceLock<StandIn> = OnceLock::new();
    STAND_IN.get_or_init(|| StandIn::start(&mut |_| {}).unwrap())
}

fn unique() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// An access key id of the test's own.
fn new_key() -> String {
    format!("AKIASTORAGE{:09}", unique())
}

async fn config_of(key: &str) -> SdkConfig {
    local_config(stand_in().endpoint(), key).await
}

async fn s3() -> Client {
    Client::new(&config_of(&new_key()).await)
}

async fn new_bucket(s3: &Client) -> String {
    let name = format!("bucket-{}", unique());
    s3.create_bucket().bucket(&name).send().await.unwrap();
    name
}

/// Settings and the key of an account that no other test uses.
async fn new_account() -> (String, SdkConfig) {
    let account = format!("2{:011}", unique());
    let config = config_of(&format!("AKIA{account}0001")).await;
    (account, config)
}

/// A bucket whose block is off and whose ACLs count.
async fn open_bucket(s3: &Client) -> String {
    let bucket = new_bucket(s3).await;
    set_block(s3, &bucket, switches(false, false, false, false)).await;
    set_ownership(s3, &bucket, ObjectOwnership::ObjectWriter).await.unwrap();
    bucket
}

async fn set_block(s3: &Client, bucket: &str, block: PublicAccessBlockConfiguration) {
    s3.put_public_access_block().bucket(bucket).public_access_block_configuration(block).send().await.unwrap();
}

async fn set_ownership(
    s3: &Client,
    bucket: &str,
    ownership: ObjectOwnership,
) -> Result<PutBucketOwnershipControlsOutput, SdkError<PutBucketOwnershipControlsError, HttpResponse>> {
    let rule = OwnershipControlsRule::builder().object_ownership(ownership).build().unwrap();
    let controls = OwnershipControls::builder().rules(rule).build().unwrap();
    s3.put_bucket_ownership_controls().bucket(bucket).ownership_controls(controls).send().await
}

async fn put_object(s3: &Client, bucket: &str, key: &str) {
    s3.put_object().bucket(bucket).key(key).body(b"text".to_vec().into()).send().await.unwrap();
}

async fn set_policy(s3: &Client, bucket: &str, statements: Value) {
    s3.put_bucket_policy().bucket(bucket).policy(policy(statements)).send().await.unwrap();
}

fn policy(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn read_by(principal: Value, bucket: &str) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*")})
}

fn with(mut statement: Value, element: &str, value: Value) -> Value {
    statement.as_object_mut().unwrap().insert(element.to_owned(), value);
    statement
}

fn anybody(bucket: &str, key: &str) -> u16 {
    anonymous_get(stand_in().endpoint(), bucket, key).unwrap()
}

fn switches(acls: bool, ignore: bool, policy: bool, restrict: bool) -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(acls)
        .ignore_public_acls(ignore)
        .block_public_policy(policy)
        .restrict_public_buckets(restrict)
        .build()
}

/// The error's code and the HTTP status.
#[track_caller]
fn refused<T: Debug, E: ProvideErrorMetadata + Debug>(result: Result<T, SdkError<E, HttpResponse>>) -> (String, u16) {
    let error = result.unwrap_err();
    (error.code().unwrap().to_owned(), error.raw_response().unwrap().status().as_u16())
}

#[track_caller]
fn is_refused<T: Debug, E: ProvideErrorMetadata + Debug>(
    result: Result<T, SdkError<E, HttpResponse>>,
    code: &str,
    status: u16,
) {
    assert_eq!(refused(result), (code.to_owned(), status));
}

// ---------------------------------------------------------------------------------------------------------
// Clients

#[tokio::test]
async fn every_spelling_of_the_endpoint_serves_every_bucket_and_s3_control() {
    let endpoint = stand_in().endpoint();
    let port = endpoint.rsplit(':').next().unwrap();
    for (number, host) in ["127.0.0.1", "localhost"].into_iter().enumerate() {
        let config = local_config(&format!("http://{host}:{port}"), &new_key()).await;
        let s3 = Client::new(&config);
        for name in [format!("plain-{number}"), format!("with.dots.{number}")] {
            s3.create_bucket().bucket(&name).send().await.unwrap();
            s3.put_object().bucket(&name).key("a/b c+d").body(b"text".to_vec().into()).send().await.unwrap();
            let object = s3.get_object().bucket(&name).key("a/b c+d").send().await.unwrap();
            assert_eq!(object.body.collect().await.unwrap().to_vec(), b"text", "{host} {name}");
            let listed = s3.list_objects_v2().bucket(&name).send().await.unwrap();
            assert_eq!(listed.contents().len(), 1, "{host} {name}");
        }
        let control = aws_sdk_s3control::Client::new(&config);
        control.list_access_points().account_id(ACCOUNT).send().await.unwrap();
    }
}

// ---------------------------------------------------------------------------------------------------------
// The record of calls

#[tokio::test]
async fn calls_are_recorded_by_the_names_of_the_api() {
    let key = new_key();
    let config = config_of(&key).await;
    let (s3, control) = (Client::new(&config), aws_sdk_s3control::Client::new(&config));
    let bucket = new_bucket(&s3).await;
    let name = bucket.as_str();
    s3.put_public_access_block()
        .bucket(name)
        .public_access_block_configuration(switches(false, false, false, true))
        .send()
        .await
        .unwrap();
    s3.get_bucket_policy_status().bucket(name).send().await.unwrap_err();
    let policy = format!(
        r#"{{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "{ACCOUNT}"}}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::{name}/*"}}]}}"#
    );
    s3.put_bucket_policy().bucket(name).policy(&policy).expected_bucket_owner(ACCOUNT).send().await.unwrap();
    s3.get_bucket_acl().bucket(name).send().await.unwrap();
    s3.put_object().bucket(name).key("a/key").body(b"text".to_vec().into()).send().await.unwrap();
    s3.get_object_acl().bucket(name).key("a/key").version_id("null").send().await.unwrap();
    s3.delete_bucket_policy().bucket(name).send().await.unwrap();
    s3.list_objects_v2().bucket(name).send().await.unwrap();
    s3.head_bucket().bucket(name).send().await.unwrap();
    s3.get_bucket_ownership_controls().bucket(name).send().await.ok();
    control.get_access_point().account_id(ACCOUNT).name("nobodys").send().await.unwrap_err();
    control.put_access_point_policy().account_id(ACCOUNT).name("nobodys").policy("{}").send().await.unwrap_err();

    let told: Vec<String> = calls(stand_in().endpoint(), &key)
        .unwrap()
        .iter()
        .map(|call| {
            let parameters: Vec<String> =
                call.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{}:{} {}", call.service, call.action, parameters.join(" "))
        })
        .collect();
    let block = r#"{"BlockPublicAcls":"false","BlockPublicPolicy":"false","IgnorePublicAcls":"false","RestrictPublicBuckets":"true"}"#;
    let expected = [
        format!("s3:CreateBucket Bucket={name}"),
        format!("s3:PutPublicAccessBlock Bucket={name} PublicAccessBlockConfiguration={block}"),
        format!("s3:GetBucketPolicyStatus Bucket={name}"),
        format!("s3:PutBucketPolicy Bucket={name} ExpectedBucketOwner={ACCOUNT} Policy={policy}"),
        format!("s3:GetBucketAcl Bucket={name}"),
        format!("s3:PutObject Bucket={name} Key=a/key"),
        format!("s3:GetObjectAcl Bucket={name} Key=a/key VersionId=null"),
        format!("s3:DeleteBucketPolicy Bucket={name}"),
        format!("s3:ListObjectsV2 Bucket={name}"),
        format!("s3:HeadBucket Bucket={name}"),
        format!("s3:GetBucketOwnershipControls Bucket={name}"),
        format!("s3control:GetAccessPoint AccountId={ACCOUNT} Name=nobodys"),
        format!("s3control:PutAccessPointPolicy AccountId={ACCOUNT} Name=nobodys Policy={{}}"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn faults_reach_the_calls_of_s3_and_of_s3_control() {
    let key = new_key();
    let config = config_of(&key).await;
    for action in ["GetBucketPolicy", "GetPublicAccessBlock"] {
        inject(stand_in().endpoint(), &Fault { status: 403, ..Fault::new(&key, action, "AccessDenied") }).unwrap();
    }
    is_refused(Client::new(&config).get_bucket_policy().bucket("nobodys").send().await, "AccessDenied", 403);
    let control = aws_sdk_s3control::Client::new(&config);
    is_refused(control.get_public_access_block().account_id(ACCOUNT).send().await, "AccessDenied", 403);
}

// ---------------------------------------------------------------------------------------------------------
// Blocks of public access, ownership and ACLs

#[tokio::test]
async fn new_buckets_are_closed_and_without_acls() {
    let s3 = s3().await;
    let bucket = new_bucket(&s3).await;
    let block = s3.get_public_access_block().bucket(&bucket).send().await.unwrap();
    assert_eq!(block.public_access_block_configuration, Some(switches(true, true, true, true)));
    let controls = s3.get_bucket_ownership_controls().bucket(&bucket).send().await.unwrap().ownership_controls.unwrap();
    assert_eq!(controls.rules()[0].object_ownership(), &ObjectOwnership::BucketOwnerEnforced);

    s3.delete_public_access_block().bucket(&bucket).send().await.unwrap();
    let code = "NoSuchPublicAccessBlockConfiguration";
    is_refused(s3.get_public_access_block().bucket(&bucket).send().await, code, 404);
    s3.delete_bucket_ownership_controls().bucket(&bucket).send().await.unwrap();
    let none = s3.get_bucket_ownership_controls().bucket(&bucket).send().await;
    is_refused(none, "OwnershipControlsNotFoundError", 404);
    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::PublicRead).send().await.unwrap();
}

#[tokio::test]
async fn no_bucket_is_created_with_a_public_acl() {
    let s3 = s3().await;
    let create = || s3.create_bucket().bucket(format!("never-{}", unique())).acl(BucketCannedAcl::PublicRead);
    is_refused(create().send().await, "InvalidBucketAclWithObjectOwnership", 400);
    let of_writer = create().object_ownership(ObjectOwnership::ObjectWriter).send().await;
    is_refused(of_writer, "InvalidBucketAclWithBlockPublicAccessError", 400);

    let (account, config) = new_account().await;
    set_account_block(&config, &account, (true, false, false, false)).await;
    let s3 = Client::new(&config);
    let create = s3.create_bucket().bucket(format!("never-{}", unique())).acl(BucketCannedAcl::PublicRead);
    is_refused(create.object_ownership(ObjectOwnership::ObjectWriter).send().await, "AccessDenied", 403);
}

#[tokio::test]
async fn where_acls_are_disabled_they_are_refused_and_count_for_nothing() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    put_object(&s3, &bucket, "key").await;
    let opened = || s3.put_object_acl().bucket(&bucket).key("key").acl(ObjectCannedAcl::PublicRead);
    opened().send().await.unwrap();
    assert_eq!(anybody(&bucket, "key"), 200);

    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::PublicRead).send().await.unwrap();
    let refused = set_ownership(&s3, &bucket, ObjectOwnership::BucketOwnerEnforced).await;
    is_refused(refused, "InvalidBucketAclWithObjectOwnership", 400);
    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::Private).send().await.unwrap();
    set_ownership(&s3, &bucket, ObjectOwnership::BucketOwnerEnforced).await.unwrap();

    assert_eq!(anybody(&bucket, "key"), 403);
    let shown = s3.get_object_acl().bucket(&bucket).key("key").send().await.unwrap();
    assert_eq!(shown.grants().len(), 1);
    let code = "AccessControlListNotSupported";
    is_refused(opened().send().await, code, 400);
    let put = || s3.put_object().bucket(&bucket).key("key").body(b"text".to_vec().into());
    is_refused(put().acl(ObjectCannedAcl::PublicRead).send().await, code, 400);
    put().acl(ObjectCannedAcl::BucketOwnerFullControl).send().await.unwrap();
    is_refused(s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::PublicRead).send().await, code, 400);
    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::Private).send().await.unwrap();
}

#[tokio::test]
async fn the_acls_of_objects_come_back_with_the_bucket_s_acls() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    put_object(&s3, &bucket, "key").await;
    s3.put_object_acl().bucket(&bucket).key("key").acl(ObjectCannedAcl::PublicRead).send().await.unwrap();
    set_ownership(&s3, &bucket, ObjectOwnership::BucketOwnerEnforced).await.unwrap();
    assert_eq!(anybody(&bucket, "key"), 403);
    s3.delete_bucket_ownership_controls().bucket(&bucket).send().await.unwrap();
    assert_eq!(anybody(&bucket, "key"), 200);
}

#[tokio::test]
async fn public_acls_are_refused_under_a_block() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    put_object(&s3, &bucket, "key").await;
    set_block(&s3, &bucket, switches(true, false, false, false)).await;
    let denied = ("AccessDenied".to_owned(), 403);
    for acl in [BucketCannedAcl::PublicRead, BucketCannedAcl::PublicReadWrite, BucketCannedAcl::AuthenticatedRead] {
        assert_eq!(refused(s3.put_bucket_acl().bucket(&bucket).acl(acl).send().await), denied);
    }
    let group = "uri=http://acs.amazonaws.com/groups/global/AllUsers";
    assert_eq!(refused(s3.put_bucket_acl().bucket(&bucket).grant_read_acp(group).send().await), denied);
    let body = owner_and(&[(group.trim_start_matches("uri="), Permission::Write)]);
    assert_eq!(refused(s3.put_bucket_acl().bucket(&bucket).access_control_policy(body.clone()).send().await), denied);
    let of_object = s3.put_object_acl().bucket(&bucket).key("key").access_control_policy(body).send().await;
    assert_eq!(refused(of_object), denied);
    let new = s3.put_object().bucket(&bucket).key("new").acl(ObjectCannedAcl::PublicRead).body(b"text".to_vec().into());
    assert_eq!(refused(new.send().await), denied);

    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::Private).send().await.unwrap();
    s3.put_bucket_acl().bucket(&bucket).grant_read(r#"id="0123456789abcdef""#).send().await.unwrap();
}

#[tokio::test]
async fn acls_are_kept_grant_by_grant() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    let (all, partner) = ("http://acs.amazonaws.com/groups/global/AllUsers", "0123456789abcdef");
    let shown = async || {
        let acl = s3.get_bucket_acl().bucket(&bucket).send().await.unwrap();
        let grants = acl.grants().iter().map(|grant| {
            let grantee = grant.grantee().unwrap();
            let who = grantee.uri().or(grantee.id()).unwrap().to_owned();
            (if who == OWNER { "owner".to_owned() } else { who }, grant.permission().unwrap().as_str().to_owned())
        });
        grants.collect::<Vec<_>>()
    };
    let expected =
        |grants: &[(&str, &str)]| grants.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>();

    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::PublicReadWrite).send().await.unwrap();
    assert_eq!(shown().await, expected(&[("owner", "FULL_CONTROL"), (all, "READ"), (all, "WRITE")]));
    let body = owner_and(&[(all, Permission::Read), (partner, Permission::WriteAcp)]);
    s3.put_bucket_acl().bucket(&bucket).access_control_policy(body).send().await.unwrap();
    let both = expected(&[("owner", "FULL_CONTROL"), (all, "READ"), (partner, "WRITE_ACP")]);
    assert_eq!(shown().await, both);

    // What is shown is what counts; what is stored stays.
    set_block(&s3, &bucket, switches(false, true, false, false)).await;
    assert_eq!(shown().await, expected(&[("owner", "FULL_CONTROL"), (partner, "WRITE_ACP")]));
    s3.delete_public_access_block().bucket(&bucket).send().await.unwrap();
    assert_eq!(shown().await, both);

    let nobody = AccessControlPolicy::builder().owner(Owner::builder().id(OWNER).build()).set_grants(Some(Vec::new()));
    s3.put_bucket_acl().bucket(&bucket).access_control_policy(nobody.build()).send().await.unwrap();
    assert_eq!(shown().await, []);
    let headers = format!("uri={all}, id=\"{partner}\"");
    s3.put_bucket_acl().bucket(&bucket).grant_read(headers).send().await.unwrap();
    assert_eq!(shown().await, expected(&[(all, "READ"), (partner, "READ")]));
}

const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";

/// An ACL with the owner's full control, and a permission for each group, by its URI, or account, by its canonical id.
fn owner_and(grants: &[(&str, Permission)]) -> AccessControlPolicy {
    let all = [(OWNER, Permission::FullControl)].into_iter().chain(grants.iter().cloned()).map(|(who, permission)| {
        let grantee = if who.starts_with("http") {
            Grantee::builder().r#type(Type::Group).uri(who)
        } else {
            Grantee::builder().r#type(Type::CanonicalUser).id(who)
        };
        Grant::builder().grantee(grantee.build().unwrap()).permission(permission).build()
    });
    AccessControlPolicy::builder().owner(Owner::builder().id(OWNER).build()).set_grants(Some(all.collect())).build()
}

async fn set_account_block(
    config: &SdkConfig,
    account: &str,
    (acls, ignore, policy, restrict): (bool, bool, bool, bool),
) {
    let block = ControlBlock::builder()
        .block_public_acls(acls)
        .ignore_public_acls(ignore)
        .block_public_policy(policy)
        .restrict_public_buckets(restrict);
    let control = aws_sdk_s3control::Client::new(config);
    let put = control.put_public_access_block().account_id(account).public_access_block_configuration(block.build());
    put.send().await.unwrap();
}

#[tokio::test]
async fn public_policies_are_refused_under_a_block_of_any_level() {
    let (account, config) = new_account().await;
    let s3 = Client::new(&config);
    let bucket = open_bucket(&s3).await;
    let public = policy(json!([read_by(json!("*"), &bucket)]));
    let put = || s3.put_bucket_policy().bucket(&bucket).policy(&public).send();
    put().await.unwrap();

    set_block(&s3, &bucket, switches(false, false, true, false)).await;
    is_refused(put().await, "AccessDenied", 403);
    assert_eq!(s3.get_bucket_policy().bucket(&bucket).send().await.unwrap().policy.unwrap(), public);
    set_policy(&s3, &bucket, json!([read_by(json!({"AWS": "111122223333"}), &bucket)])).await;

    set_block(&s3, &bucket, switches(false, false, false, false)).await;
    put().await.unwrap();
    set_account_block(&config, &account, (false, false, true, false)).await;
    is_refused(put().await, "AccessDenied", 403);
    let control = aws_sdk_s3control::Client::new(&config);
    control.delete_public_access_block().account_id(&account).send().await.unwrap();
    put().await.unwrap();
}

#[tokio::test]
async fn an_account_s_block_is_there_once_it_was_put() {
    let (account, config) = new_account().await;
    let control = aws_sdk_s3control::Client::new(&config);
    let get = || control.get_public_access_block().account_id(&account).send();
    is_refused(get().await, "NoSuchPublicAccessBlockConfiguration", 404);
    set_account_block(&config, &account, (true, false, false, true)).await;
    let block = get().await.unwrap().public_access_block_configuration.unwrap();
    assert_eq!((block.block_public_acls(), block.restrict_public_buckets()), (Some(true), Some(true)));
    assert_eq!((block.ignore_public_acls(), block.block_public_policy()), (Some(false), Some(false)));
    control.delete_public_access_block().account_id(&account).send().await.unwrap();
    is_refused(get().await, "NoSuchPublicAccessBlockConfiguration", 404);
    is_refused(control.get_public_access_block().account_id(ACCOUNT).send().await, "AccessDenied", 403);
}

#[tokio::test]
async fn an_s3_policy_of_the_organization_decides_on_the_account_s_block() {
    let (account, config) = new_account().await;
    let s3 = Client::new(&config);
    let bucket = open_bucket(&s3).await;
    let organizations = aws_sdk_organizations::Client::new(&config);
    organizations.create_organization().send().await.unwrap();
    let created = organizations
        .create_policy()
        .name("closed")
        .description("all on")
        .r#type(aws_sdk_organizations::types::PolicyType::S3Policy)
        .content(r#"{"s3_attributes": {"public_access_block_configuration": {"@@assign": "all"}}}"#)
        .send()
        .await
        .unwrap();
    let id = created.policy.unwrap().policy_summary.unwrap().id.unwrap();
    organizations.attach_policy().policy_id(&id).target_id(&account).send().await.unwrap();

    let control = aws_sdk_s3control::Client::new(&config);
    let block = control.get_public_access_block().account_id(&account).send().await.unwrap();
    let block = block.public_access_block_configuration.unwrap();
    assert_eq!((block.ignore_public_acls(), block.block_public_policy()), (Some(true), Some(true)));
    is_refused(control.delete_public_access_block().account_id(&account).send().await, "AccessDenied", 403);
    let put = control.put_public_access_block().account_id(&account);
    let put = put.public_access_block_configuration(ControlBlock::builder().block_public_acls(true).build());
    is_refused(put.send().await, "AccessDenied", 403);
    let public = policy(json!([read_by(json!("*"), &bucket)]));
    is_refused(s3.put_bucket_policy().bucket(&bucket).policy(public).send().await, "AccessDenied", 403);

    organizations.detach_policy().policy_id(&id).target_id(&account).send().await.unwrap();
    set_account_block(&config, &account, (false, false, false, false)).await;
}

// ---------------------------------------------------------------------------------------------------------
// What is public

#[tokio::test]
async fn a_policy_is_public_as_documented() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    let read = |principal: Value| read_by(principal, &bucket);
    let when = |condition: Value| with(read(json!("*")), "Condition", condition);
    let public = [
        read(json!("*")),
        read(json!({"AWS": "*"})),
        read(json!({"AWS": ["111122223333", "*"]})),
        with(read(json!("*")), "Action", json!("s3:NotASupportedAction")),
        json!({"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:GetObject",
               "Resource": format!("arn:aws:s3:::{bucket}/*")}),
        when(json!({"Bool": {"aws:SecureTransport": "true"}})),
        when(json!({"StringLike": {"aws:Referer": "https://example.com/*"}})),
        when(json!({"StringEquals": {"aws:UserAgent": "secret"}})),
        when(json!({"StringLike": {"aws:SourceVpc": "vpc-*"}})),
        when(json!({"StringEquals": {"aws:SourceVpc": ["vpc-91237329", "vpc-${aws:username}"]}})),
        when(json!({"StringNotEquals": {"aws:SourceVpc": "vpc-91237329"}})),
        when(json!({"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}})),
        when(json!({"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/"}})),
        when(json!({"Null": {"aws:PrincipalOrgID": "false"}})),
        when(json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}})),
        when(json!({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "64.0.0.0/7"]}})),
        when(json!({"IpAddress": {"aws:SourceIp": "2001:db8::/31"}})),
        when(json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
        when(json!({"StringLike": {"aws:userid": "AROAEXAMPLEID:*"}})),
        when(json!({"ArnLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:*:accesspoint/*"}})),
        when(json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}})),
    ];
    let private = [
        read(json!({"AWS": "111122223333"})),
        read(json!({"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/name"]})),
        read(json!({"Service": "cloudtrail.amazonaws.com"})),
        with(read(json!("*")), "Effect", json!("Deny")),
        when(json!({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}})),
        when(json!({"StringEquals": {"AWS:sourcevpce": ["vpce-1a2b3c4d", "vpce-5e6f7a8b"]}})),
        when(json!({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})),
        when(json!({"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/"}})),
        when(json!({"StringEquals": {"aws:SourceAccount": "111122223333"}})),
        when(json!({"StringEquals": {"aws:SourceOwner": "111122223333"}})),
        when(json!({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:111122223333:topic"}})),
        when(json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/name"}})),
        when(json!({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "12.0.0.0/8"]}})),
        when(json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32"]}})),
        when(json!({"StringEquals": {"aws:userid": "AIDAEXAMPLEID"}})),
        when(json!({"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:123456789012:accesspoint/*"}})),
        when(json!({"StringEquals": {"s3:DataAccessPointAccount": "123456789012"}})),
    ];
    let is_public = async |statements: Value| {
        set_policy(&s3, &bucket, statements).await;
        let status = s3.get_bucket_policy_status().bucket(&bucket).send().await.unwrap();
        status.policy_status.unwrap().is_public
    };
    for statement in public {
        assert_eq!(is_public(json!([statement])).await, Some(true), "{statement:#}");
        let all = json!([private[0], statement]);
        assert_eq!(is_public(all).await, Some(true), "{statement:#}");
    }
    for statement in &private {
        assert_eq!(is_public(json!(statement)).await, Some(false), "{statement:#}");
    }
    assert_eq!(is_public(json!(private)).await, Some(false));
}

#[tokio::test]
async fn malformed_policies_are_refused() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    let good = read_by(json!({"AWS": "111122223333"}), &bucket);
    let without = |element: &str| {
        let mut statement = good.clone();
        statement.as_object_mut().unwrap().remove(element);
        policy(json!([statement]))
    };
    let bad = [
        "{".to_owned(),
        r#""text""#.to_owned(),
        policy(json!([])),
        without("Effect"),
        without("Principal"),
        without("Action"),
        without("Resource"),
        policy(json!([with(good.clone(), "Principal", json!({"AWS": "arn:aws:iam::111122223333:user/*"}))])),
        policy(json!([with(good.clone(), "Principal", json!({"AWS": "somebody"}))])),
        policy(json!([with(good.clone(), "Action", json!("ec2:RunInstances"))])),
        policy(json!([with(good.clone(), "Resource", json!("arn:aws:s3:::another/*"))])),
    ];
    for document in bad {
        let refused = refused(s3.put_bucket_policy().bucket(&bucket).policy(&document).send().await);
        assert_eq!(refused, ("MalformedPolicy".to_owned(), 400), "{document}");
    }
    set_policy(&s3, &bucket, good).await;
}

#[tokio::test]
async fn what_is_not_there_is_told_as_in_s3() {
    let s3 = s3().await;
    let bucket = new_bucket(&s3).await;
    is_refused(s3.get_bucket_policy().bucket("nobodys-bucket").send().await, "NoSuchBucket", 404);
    is_refused(s3.get_public_access_block().bucket("nobodys-bucket").send().await, "NoSuchBucket", 404);
    is_refused(s3.get_bucket_policy().bucket(&bucket).send().await, "NoSuchBucketPolicy", 404);
    is_refused(s3.get_bucket_policy_status().bucket(&bucket).send().await, "NoSuchBucketPolicy", 404);
    is_refused(s3.get_object().bucket(&bucket).key("key").send().await, "NoSuchKey", 404);
    is_refused(s3.get_object_acl().bucket(&bucket).key("key").send().await, "NoSuchKey", 404);
    s3.delete_bucket_policy().bucket(&bucket).send().await.unwrap();
    assert_eq!(anybody("nobodys-bucket", "key"), 404);
}

#[tokio::test]
async fn a_bucket_is_in_one_region_and_of_one_owner() {
    let config = config_of(&new_key()).await;
    let s3 = Client::new(&config);
    let there = Client::new(&runtime::clients::in_region(&config, "eu-west-1").unwrap());
    let bucket = format!("european-{}", unique());
    let location = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
    there.create_bucket().bucket(&bucket).create_bucket_configuration(location).send().await.unwrap();
    there.get_bucket_acl().bucket(&bucket).send().await.unwrap();
    let elsewhere = s3.get_bucket_acl().bucket(&bucket).send().await.unwrap_err();
    let raw = elsewhere.raw_response().unwrap();
    assert_eq!((elsewhere.code(), raw.status().as_u16()), (Some("PermanentRedirect"), 301));
    assert_eq!(raw.headers().get("x-amz-bucket-region"), Some("eu-west-1"));

    let owner = |account: &str| there.get_bucket_acl().bucket(&bucket).expected_bucket_owner(account).send();
    owner(ACCOUNT).await.unwrap();
    is_refused(owner("111122223333").await, "AccessDenied", 403);
}

// ---------------------------------------------------------------------------------------------------------
// Who may do what

#[tokio::test]
async fn nobody_in_particular_reads_what_a_policy_opens_until_it_is_restricted() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    put_object(&s3, &bucket, "key").await;
    put_object(&s3, &bucket, "private/key").await;
    assert_eq!((anybody(&bucket, "key"), anybody(&bucket, "")), (403, 403));
    let list = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{bucket}")});
    let deny = with(
        with(read_by(json!("*"), &bucket), "Effect", json!("Deny")),
        "Resource",
        json!(format!("arn:aws:s3:::{bucket}/private/*")),
    );
    set_policy(&s3, &bucket, json!([read_by(json!("*"), &bucket), deny])).await;
    assert_eq!((anybody(&bucket, "key"), anybody(&bucket, "private/key"), anybody(&bucket, "")), (200, 403, 403));
    assert_eq!(anybody(&bucket, "missing"), 403);
    set_policy(&s3, &bucket, json!([read_by(json!("*"), &bucket), list])).await;
    assert_eq!((anybody(&bucket, "key"), anybody(&bucket, ""), anybody(&bucket, "missing")), (200, 200, 404));

    set_block(&s3, &bucket, switches(false, false, false, true)).await;
    assert_eq!((anybody(&bucket, "key"), anybody(&bucket, "")), (403, 403));
    s3.get_object().bucket(&bucket).key("key").send().await.unwrap();
    set_block(&s3, &bucket, switches(true, true, true, false)).await;
    assert_eq!(anybody(&bucket, "key"), 200);
    s3.delete_bucket_policy().bucket(&bucket).send().await.unwrap();
    assert_eq!(anybody(&bucket, "key"), 403);
}

#[tokio::test]
async fn conditions_hold_for_nobody_in_particular_too() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    put_object(&s3, &bucket, "key").await;
    for (condition, status) in [
        (json!({"Bool": {"aws:SecureTransport": "false"}}), 200),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), 403),
        (json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), 200),
        (json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), 403),
        (json!({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), 403),
        (json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}), 403),
        (json!({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}), 403),
    ] {
        set_policy(&s3, &bucket, json!([with(read_by(json!("*"), &bucket), "Condition", condition.clone())])).await;
        assert_eq!(anybody(&bucket, "key"), status, "{condition}");
    }
}

#[tokio::test]
async fn nobody_in_particular_reads_what_an_acl_opens_until_it_is_ignored() {
    let (account, config) = new_account().await;
    let s3 = Client::new(&config);
    let bucket = open_bucket(&s3).await;
    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::PublicRead).send().await.unwrap();
    put_object(&s3, &bucket, "key").await;
    // The list is the bucket's, the object is not.
    assert_eq!((anybody(&bucket, ""), anybody(&bucket, "key")), (200, 403));
    let opened = s3.put_object_acl().bucket(&bucket).key("key");
    opened.acl(ObjectCannedAcl::PublicRead).send().await.unwrap();
    assert_eq!((anybody(&bucket, ""), anybody(&bucket, "key")), (200, 200));

    set_block(&s3, &bucket, switches(true, false, true, true)).await;
    assert_eq!((anybody(&bucket, ""), anybody(&bucket, "key")), (200, 200));
    set_account_block(&config, &account, (false, true, false, false)).await;
    assert_eq!((anybody(&bucket, ""), anybody(&bucket, "key")), (403, 403));
    set_account_block(&config, &account, (false, false, false, false)).await;
    assert_eq!((anybody(&bucket, ""), anybody(&bucket, "key")), (200, 200));
    set_block(&s3, &bucket, switches(false, true, false, false)).await;
    assert_eq!((anybody(&bucket, ""), anybody(&bucket, "key")), (403, 403));
}

#[tokio::test]
async fn nobody_in_particular_writes_only_where_that_is_open() {
    let s3 = s3().await;
    let loader = runtime::clients::loader().region(aws_config::Region::from_static("us-east-1")).no_credentials();
    let nobody = Client::new(&loader.endpoint_url(stand_in().endpoint()).load().await);
    let bucket = open_bucket(&s3).await;
    let put = || nobody.put_object().bucket(&bucket).key("key").body(b"text".to_vec().into()).send();
    is_refused(put().await, "AccessDenied", 403);
    is_refused(nobody.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::Private).send().await, "AccessDenied", 403);
    is_refused(nobody.create_bucket().bucket("never-anybodys").send().await, "AccessDenied", 403);
    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::PublicReadWrite).send().await.unwrap();
    put().await.unwrap();
    set_ownership(&s3, &bucket, ObjectOwnership::BucketOwnerEnforced).await.unwrap_err();
    s3.put_bucket_acl().bucket(&bucket).acl(BucketCannedAcl::Private).send().await.unwrap();
    is_refused(put().await, "AccessDenied", 403);
    set_policy(&s3, &bucket, json!([with(read_by(json!("*"), &bucket), "Action", json!("s3:Put*"))])).await;
    put().await.unwrap();

    // A presigned URL is its signer's.
    let signer = "X-Amz-Credential=AKIASIGNER0000000001/20260101/us-east-1/s3/aws4_request&X-Amz-Signature=0";
    assert_eq!((anybody(&bucket, "key"), anybody(&bucket, &format!("key?{signer}"))), (403, 200));
}

#[tokio::test]
async fn another_account_reads_what_a_policy_allows_unless_the_bucket_is_restricted() {
    let s3 = s3().await;
    let (account, config) = new_account().await;
    let other = Client::new(&config);
    let bucket = open_bucket(&s3).await;
    put_object(&s3, &bucket, "key").await;
    let get = || other.get_object().bucket(&bucket).key("key").send();
    is_refused(get().await, "AccessDenied", 403);
    let partner = read_by(json!({"AWS": format!("arn:aws:iam::{account}:root")}), &bucket);
    set_policy(&s3, &bucket, json!([partner])).await;
    get().await.unwrap();
    is_refused(other.get_bucket_policy().bucket(&bucket).send().await, "AccessDenied", 403);

    // One public statement makes the whole policy public.
    set_policy(&s3, &bucket, json!([partner, read_by(json!("*"), &bucket)])).await;
    set_block(&s3, &bucket, switches(false, false, false, true)).await;
    is_refused(get().await, "AccessDenied", 403);
    set_policy(&s3, &bucket, json!([partner])).await;
    get().await.unwrap();
}

#[tokio::test]
async fn a_policy_may_deny_what_the_account_itself_may_do() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    let arn = format!("arn:aws:s3:::{bucket}");
    let deny = json!({"Effect": "Deny", "Principal": "*", "Resource": arn,
        "Action": ["s3:GetBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:*BucketAcl"]});
    set_policy(&s3, &bucket, json!([deny])).await;
    let denied = ("AccessDenied".to_owned(), 403);
    assert_eq!(refused(s3.get_bucket_policy().bucket(&bucket).send().await), denied);
    let block = s3.put_public_access_block().bucket(&bucket);
    assert_eq!(refused(block.public_access_block_configuration(switches(true, true, true, true)).send().await), denied);
    assert_eq!(refused(s3.delete_public_access_block().bucket(&bucket).send().await), denied);
    assert_eq!(refused(s3.get_bucket_acl().bucket(&bucket).send().await), denied);
    s3.get_bucket_policy_status().bucket(&bucket).send().await.unwrap();

    // With a condition, for another account.
    let deny = with(deny, "Principal", json!({"AWS": "111122223333"}));
    set_policy(&s3, &bucket, json!([deny])).await;
    s3.get_bucket_policy().bucket(&bucket).send().await.unwrap();
    let deny = with(deny, "Principal", json!({"AWS": ACCOUNT}));
    let elsewhere = json!({"NotIpAddress": {"aws:SourceIp": "127.0.0.1"}});
    set_policy(&s3, &bucket, json!([with(deny.clone(), "Condition", elsewhere)])).await;
    s3.get_bucket_policy().bucket(&bucket).send().await.unwrap();
    set_policy(&s3, &bucket, json!([with(deny, "Condition", json!({"Bool": {"aws:SecureTransport": "false"}}))])).await;
    assert_eq!(refused(s3.get_bucket_policy().bucket(&bucket).send().await), denied);
    s3.delete_bucket_policy().bucket(&bucket).send().await.unwrap();
}

// ---------------------------------------------------------------------------------------------------------
// Access points

#[tokio::test]
async fn access_points_have_a_block_of_their_own() {
    let config = runtime::clients::in_region(&config_of(&new_key()).await, "us-east-1").unwrap();
    let (s3, control) = (Client::new(&config), aws_sdk_s3control::Client::new(&config));
    let bucket = open_bucket(&s3).await;
    let create = |name: &str| control.create_access_point().account_id(ACCOUNT).name(name).bucket(&bucket);
    let off = ControlBlock::builder()
        .block_public_acls(false)
        .ignore_public_acls(false)
        .block_public_policy(false)
        .restrict_public_buckets(false)
        .build();
    let (closed, open, vpc) =
        (format!("closed-{}", unique()), format!("open-{}", unique()), format!("vpc-{}", unique()));
    create(&closed).send().await.unwrap();
    let created = create(&open).public_access_block_configuration(off.clone()).send().await.unwrap();
    let arn = format!("arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/{open}");
    assert_eq!(created.access_point_arn(), Some(arn.as_str()));
    let network = VpcConfiguration::builder().vpc_id("vpc-1a2b3c4d").build().unwrap();
    create(&vpc).vpc_configuration(network).send().await.unwrap();
    is_refused(create(&open).send().await, "AccessPointAlreadyOwnedByYou", 409);

    let get = |name: &str| control.get_access_point().account_id(ACCOUNT).name(name).send();
    let found = get(&closed).await.unwrap();
    assert_eq!((found.bucket(), found.bucket_account_id()), (Some(bucket.as_str()), Some(ACCOUNT)));
    assert_eq!(found.network_origin(), Some(&NetworkOrigin::Internet));
    assert_eq!(found.public_access_block_configuration().unwrap().block_public_policy(), Some(true));
    assert_eq!(get(&open).await.unwrap().public_access_block_configuration, Some(off));
    assert_eq!(get(&vpc).await.unwrap().network_origin, Some(NetworkOrigin::Vpc));

    let public = |name: &str| {
        let arn = format!("arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/{name}");
        policy(json!([with(read_by(json!("*"), &bucket), "Resource", json!(format!("{arn}/object/*")))]))
    };
    let put = |name: &str| control.put_access_point_policy().account_id(ACCOUNT).name(name).policy(public(name)).send();
    let status = |name: &str| control.get_access_point_policy_status().account_id(ACCOUNT).name(name).send();
    is_refused(put(&closed).await, "AccessDenied", 403);
    put(&vpc).await.unwrap();
    assert!(!status(&vpc).await.unwrap().policy_status.unwrap().is_public);
    put(&open).await.unwrap();
    assert!(status(&open).await.unwrap().policy_status.unwrap().is_public);
    let read = control.get_access_point_policy().account_id(ACCOUNT).name(&open).send().await.unwrap();
    assert_eq!(read.policy, Some(public(&open)));

    // The block of the bucket holds for its access points too.
    set_block(&s3, &bucket, switches(false, false, true, false)).await;
    is_refused(put(&open).await, "AccessDenied", 403);
    assert!(status(&open).await.unwrap().policy_status.unwrap().is_public);
    control.delete_access_point_policy().account_id(ACCOUNT).name(&open).send().await.unwrap();
    is_refused(status(&open).await, "NoSuchAccessPointPolicy", 404);
    let delete = || control.delete_access_point().account_id(ACCOUNT).name(&open).send();
    delete().await.unwrap();
    is_refused(delete().await, "NoSuchAccessPoint", 404);
    is_refused(get(&open).await, "NoSuchAccessPoint", 404);
}

#[tokio::test]
async fn a_set_of_access_points_narrows_a_bucket_s_policy_alone() {
    let config = config_of(&new_key()).await;
    let (s3, control) = (Client::new(&config), aws_sdk_s3control::Client::new(&config));
    let bucket = open_bucket(&s3).await;
    let name = format!("set-{}", unique());
    let off = ControlBlock::builder().block_public_policy(false).build();
    let create = control.create_access_point().account_id(ACCOUNT).name(&name).bucket(&bucket);
    create.public_access_block_configuration(off).send().await.unwrap();
    let set = json!({"StringLike": {"s3:DataAccessPointArn": format!("arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/*")}});
    let document = policy(json!([with(read_by(json!("*"), &bucket), "Condition", set)]));
    control.put_access_point_policy().account_id(ACCOUNT).name(&name).policy(&document).send().await.unwrap();
    let status = control.get_access_point_policy_status().account_id(ACCOUNT).name(&name).send().await.unwrap();
    assert!(status.policy_status.unwrap().is_public);
}

#[tokio::test]
async fn multi_region_access_points_are_created_with_a_policy() {
    let (account, config) = new_account().await;
    let (s3, control) = (Client::new(&config), aws_sdk_s3control::Client::new(&config));
    let bucket = new_bucket(&s3).await;
    let details = CreateMultiRegionAccessPointInput::builder()
        .name("world")
        .regions(Region::builder().bucket(&bucket).build().unwrap())
        .build()
        .unwrap();
    let create = control.create_multi_region_access_point().account_id(&account).client_token("token");
    create.details(details).send().await.unwrap();
    let document = policy(json!([read_by(json!({"AWS": account}), &bucket)]));
    let details = PutMultiRegionAccessPointPolicyInput::builder().name("world").policy(&document).build().unwrap();
    let put = control.put_multi_region_access_point_policy().account_id(&account).client_token("token");
    put.details(details).send().await.unwrap();
    let read = control.get_multi_region_access_point_policy().account_id(&account).name("world").send().await.unwrap();
    assert_eq!(read.policy.unwrap().established.unwrap().policy, Some(document));
}

#[tokio::test]
async fn a_version_of_an_object_has_a_list_of_its_own() {
    let s3 = s3().await;
    let bucket = open_bucket(&s3).await;
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    assert_eq!(s3.get_bucket_versioning().bucket(&bucket).send().await.unwrap().status, None);
    s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioning).send().await.unwrap();
    let status = s3.get_bucket_versioning().bucket(&bucket).send().await.unwrap().status;
    assert_eq!(status, Some(BucketVersioningStatus::Enabled));
    let mut versions = Vec::new();
    for _ in 0..2 {
        let put = s3.put_object().bucket(&bucket).key("key").body(b"text".to_vec().into()).send().await.unwrap();
        versions.push(put.version_id.unwrap());
    }
    let put = s3.put_object_acl().bucket(&bucket).key("key").acl(ObjectCannedAcl::PublicRead);
    put.clone().version_id(versions.first().unwrap()).send().await.unwrap();
    let mut grants = Vec::new();
    for version in &versions {
        let acl = s3.get_object_acl().bucket(&bucket).key("key").version_id(version).send().await.unwrap();
        grants.push(acl.grants().len());
    }
    assert_eq!(grants, [2, 1]);
    is_refused(put.version_id("nobodys").send().await, "NoSuchVersion", 404);
}
