//! S3, S3 control and anonymous access in the stand-in, over the wire: what the launcher adds to moto.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use sandbox::{Fault, StandIn, calls, inject, local_config};

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
