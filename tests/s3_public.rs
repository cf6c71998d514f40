//! The function `s3-public` from end to end: buckets and access points opened in the stand-in account, the function's own code against it
//! over the wire, and then the state, the calls, the mails, and what somebody without an account can read.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_organizations::types::PolicyType;
use aws_sdk_s3::Client;
use aws_sdk_s3::types as s3;
use aws_sdk_s3control::Client as Control;
use aws_sdk_s3control::types as control;
use chrono::TimeDelta;
use rules::Outcome::{self, Alert, Contained, Failed, Reverted};
use rules::s3_public::block::Block;
use runtime::Verdict::{self, Exempt, Ignored, Resent, Unreadable, Violation};
use s3_public::S3Public;
use sandbox::{Fault, StandIn, anonymous_get};
use serde_json::{Value, json};
use tests::{ACCOUNT, DEVELOPER, Process, Ran, Stage, access_finding, config_finding, event, stand_in, unique};
use tokio::time::sleep;

const FOREIGN: &str = "999988887777";
const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const FOREIGN_ID: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

/// A look at a bucket.
const LOOK: &[&str] = &["GetBucketAcl", "GetBucketPolicy", "GetBucketPolicyStatus", "GetPublicAccessBlock"];
/// A look at a bucket and at the list of an object in it.
const LOOK_AT_VERSION: &[&str] =
    &["GetBucketAcl", "GetBucketPolicy", "GetBucketPolicyStatus", "GetObjectAcl", "GetPublicAccessBlock"];
/// With whether there may be other versions, which matters if the event does not name one.
const LOOK_AT_OBJECT: &[&str] = &[
    "GetBucketAcl",
    "GetBucketPolicy",
    "GetBucketPolicyStatus",
    "GetBucketVersioning",
    "GetObjectAcl",
    "GetPublicAccessBlock",
];
/// A look at an access point, before its bucket is known.
const FIRST_LOOK_AT_POINT: &[&str] = &["GetAccessPoint", "GetAccessPointPolicy", "GetAccessPointPolicyStatus"];
/// A look at an access point and at the block of its bucket.
const LOOK_AT_POINT: &[&str] =
    &["GetAccessPoint", "GetAccessPointPolicy", "GetAccessPointPolicyStatus", "GetPublicAccessBlock"];
const BLOCK: &[&str] = &["PutPublicAccessBlock"];
const PUBLISH: &[&str] = &["Publish"];

/// All that taking a bucket's policy back takes.
const POLICY_REVERTED: &[&[&str]] = &[LOOK, BLOCK, LOOK, &["PutBucketPolicy"], LOOK, PUBLISH];
const POLICY_DELETED: &[&[&str]] = &[LOOK, BLOCK, LOOK, &["DeleteBucketPolicy"], LOOK, PUBLISH];

// ---------------------------------------------------------------------------------------------------------
// The account and the events

/// A bucket in a stand-in account, whose block is off and whose lists count, with an object `key` in it, and the function.
struct Scene {
    stage: Stage,
    s3: Client,
    control: Control,
    bucket: String,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Stage::new().await).await
    }

    /// With a bucket in eu-west-1.
    async fn in_another_region() -> Self {
        let stage = Stage::new().await;
        let config = runtime::clients::in_region(&stage.admin, "eu-west-1").unwrap();
        let (s3, control) = (Client::new(&config), Control::new(&config));
        let scene = Self { stage, s3, control, bucket: format!("bucket-{}", unique()) };
        let place = s3::CreateBucketConfiguration::builder().location_constraint("eu-west-1".into()).build();
        let create = scene.s3.create_bucket().bucket(&scene.bucket);
        create.create_bucket_configuration(place).send().await.unwrap();
        scene
    }

    async fn of(stage: Stage) -> Self {
        let (s3, control) = (Client::new(&stage.admin), Control::new(&stage.admin));
        let scene = Self { stage, s3, control, bucket: format!("bucket-{}", unique()) };
        scene.s3.create_bucket().bucket(&scene.bucket).send().await.unwrap();
        scene.open(&scene.bucket).await;
        scene.set_block(OFF).await;
        scene.put_object().await;
        scene
    }

    /// Lets the lists of a bucket count.
    async fn open(&self, bucket: &str) {
        let rule = s3::OwnershipControlsRule::builder().object_ownership(s3::ObjectOwnership::ObjectWriter).build();
        let controls = s3::OwnershipControls::builder().rules(rule.unwrap()).build().unwrap();
        self.s3.put_bucket_ownership_controls().bucket(bucket).ownership_controls(controls).send().await.unwrap();
    }

    fn process(&self, settings: &[(&str, &str)]) -> Process<S3Public> {
        self.stage.process(S3Public::new, settings)
    }

    async fn run(&self, settings: &[(&str, &str)], event: &Value) -> Ran {
        self.stage.run(&self.process(settings), event).await
    }

    /// By a process that gets what happens now an hour later: it waits for nothing to become visible.
    async fn run_late(&self, settings: &[(&str, &str)], event: &Value) -> Ran {
        let process = self.stage.process_ahead(S3Public::new, settings, TimeDelta::try_hours(1).unwrap());
        self.stage.run(&process, event).await
    }

    async fn put_object(&self) -> Option<String> {
        let put = self.s3.put_object().bucket(&self.bucket).key("key").body(b"text".to_vec().into());
        put.send().await.unwrap().version_id
    }

    /// An event about the bucket.
    fn event(&self, name: &str, mut request: Value) -> Value {
        request["bucketName"] = json!(self.bucket);
        event("s3", name, request, Value::Null)
    }

    async fn set_block(&self, block: Block) {
        let block = s3::PublicAccessBlockConfiguration::builder()
            .block_public_acls(block.block_public_acls)
            .ignore_public_acls(block.ignore_public_acls)
            .block_public_policy(block.block_public_policy)
            .restrict_public_buckets(block.restrict_public_buckets)
            .build();
        let call = self.s3.put_public_access_block().bucket(&self.bucket);
        call.public_access_block_configuration(block).send().await.unwrap();
    }

    /// Sets the block, by an event of that name.
    async fn put_block(&self, name: &str, block: Block) -> Value {
        self.set_block(block).await;
        self.event(name, json!({"publicAccessBlock": "", "PublicAccessBlockConfiguration": configuration(block)}))
    }

    async fn put_policy(&self, statements: &[Value]) -> Value {
        let document = document(statements);
        let call = self.s3.put_bucket_policy().bucket(&self.bucket).policy(document.to_string());
        call.send().await.unwrap();
        self.event("PutBucketPolicy", json!({"policy": "", "bucketPolicy": document}))
    }

    async fn put_acl(&self, acl: s3::BucketCannedAcl) -> Value {
        self.s3.put_bucket_acl().bucket(&self.bucket).acl(acl.clone()).send().await.unwrap();
        self.event("PutBucketAcl", json!({"acl": [""], "x-amz-acl": [acl.as_str()]}))
    }

    /// Writes a list with these grants beside the owner's.
    async fn put_grants(&self, grants: &[(s3::Grantee, &str)]) -> Value {
        let owner = self.owner().await;
        let mut all = vec![(user(&owner), "FULL_CONTROL")];
        all.extend(grants.iter().cloned());
        let written = |(grantee, permission): &(s3::Grantee, &str)| {
            s3::Grant::builder().grantee(grantee.clone()).permission((*permission).into()).build()
        };
        let list = s3::AccessControlPolicy::builder()
            .owner(s3::Owner::builder().id(&owner).build())
            .set_grants(Some(all.iter().map(written).collect()))
            .build();
        self.s3.put_bucket_acl().bucket(&self.bucket).access_control_policy(list).send().await.unwrap();
        let told = |(grantee, permission): &(s3::Grantee, &str)| match grantee.uri() {
            Some(uri) => json!({"Grantee": {"xsi:type": "Group", "URI": uri}, "Permission": permission}),
            None => json!({"Grantee": {"xsi:type": "CanonicalUser", "ID": grantee.id()}, "Permission": permission}),
        };
        let told: Vec<Value> = all.iter().map(told).collect();
        let list = json!({"AccessControlList": {"Grant": told}, "Owner": {"ID": owner}});
        self.event("PutBucketAcl", json!({"acl": [""], "AccessControlPolicy": list}))
    }

    /// What a rule of AWS Config, somehow named, finds of the bucket.
    async fn found(&self, identifier: &str) -> Value {
        self.found_of(identifier, "AWS::S3::Bucket", &self.bucket).await
    }

    async fn found_of(&self, identifier: &str, kind: &str, id: &str) -> Value {
        let rule = format!("securityhub-rule-{}", unique());
        self.stage.config_rule(&rule, identifier, None).await;
        config_finding(&rule, kind, id)
    }

    /// What IAM Access Analyzer finds of the bucket.
    fn reachable(&self, principal: &str, sources: Value) -> Value {
        bucket_found(&format!("arn:aws:s3:::{}", self.bucket), principal, sources)
    }

    async fn owner(&self) -> String {
        self.s3.get_bucket_acl().bucket(&self.bucket).send().await.unwrap().owner.unwrap().id.unwrap()
    }

    /// A statement by which everybody reads the bucket's objects.
    fn public(&self) -> Value {
        self.read_by(json!("*"))
    }

    fn read_by(&self, principal: Value) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": self.objects()})
    }

    fn read_if(&self, condition: Value) -> Value {
        let mut statement = self.public();
        statement["Condition"] = condition;
        statement
    }

    fn objects(&self) -> String {
        format!("arn:aws:s3:::{}/*", self.bucket)
    }

    async fn block(&self) -> Block {
        match self.s3.get_public_access_block().bucket(&self.bucket).send().await {
            Ok(answer) => answer.public_access_block_configuration.map_or(OFF, |block| Block {
                block_public_acls: block.block_public_acls == Some(true),
                ignore_public_acls: block.ignore_public_acls == Some(true),
                block_public_policy: block.block_public_policy == Some(true),
                restrict_public_buckets: block.restrict_public_buckets == Some(true),
            }),
            Err(_) => OFF,
        }
    }

    async fn policy(&self) -> Option<Value> {
        let answer = self.s3.get_bucket_policy().bucket(&self.bucket).send().await.ok()?;
        Some(serde_json::from_str(&answer.policy.unwrap()).unwrap())
    }

    /// What the bucket's list holds, without the owner's own. S3 shows it whole only without a block.
    async fn grants(&self) -> BTreeSet<String> {
        let block = self.block().await;
        self.set_block(OFF).await;
        let answer = self.s3.get_bucket_acl().bucket(&self.bucket).send().await.unwrap();
        self.set_block(block).await;
        let owner = answer.owner().unwrap().id.clone();
        assert!(answer.grants().iter().any(|grant| grant.grantee().unwrap().id == owner), "{answer:?}");
        told_grants(answer.grants(), owner.as_deref())
    }

    /// The same of a version of the object.
    async fn grants_of_object(&self, version: Option<&str>) -> BTreeSet<String> {
        let block = self.block().await;
        self.set_block(OFF).await;
        let call = self.s3.get_object_acl().bucket(&self.bucket).key("key");
        let answer = call.set_version_id(version.map(str::to_owned)).send().await.unwrap();
        self.set_block(block).await;
        told_grants(answer.grants(), answer.owner().unwrap().id())
    }

    /// The HTTP status that somebody without an account gets for the object.
    fn anybody(&self) -> u16 {
        anonymous_get(self.stage.endpoint(), &self.bucket, "key").unwrap()
    }

    /// The HTTP status that they get for the list of objects.
    fn anybody_lists(&self) -> u16 {
        anonymous_get(self.stage.endpoint(), &self.bucket, "").unwrap()
    }

    /// The function's next calls of that action are refused, and not carried out.
    fn deny(&self, action: &str, times: u32) {
        self.stage.inject(Fault { status: 403, times, ..Fault::new("", action, "AccessDenied") });
    }

    /// Makes an access point without a VPC, with this block.
    async fn create_point(&self, block: Block) -> (String, Value) {
        let name = format!("point-{}", unique());
        let written = control::PublicAccessBlockConfiguration::builder()
            .block_public_acls(block.block_public_acls)
            .ignore_public_acls(block.ignore_public_acls)
            .block_public_policy(block.block_public_policy)
            .restrict_public_buckets(block.restrict_public_buckets)
            .build();
        let call = self.control.create_access_point().account_id(ACCOUNT).name(&name).bucket(&self.bucket);
        call.public_access_block_configuration(written).send().await.unwrap();
        let request =
            json!({"Bucket": self.bucket, "PublicAccessBlockConfiguration": configuration(block), "xmlns": "x"});
        let request = json!({"name": name, "bucketName": self.bucket, "CreateAccessPointRequest": request});
        (name, event("s3", "CreateAccessPoint", request, Value::Null))
    }

    async fn put_point_policy(&self, name: &str, principals: &[Value]) -> Value {
        let arn = format!("arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/{name}");
        let statement = |principal: &Value| {
            json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
                "Resource": format!("{arn}/object/*")})
        };
        let document = document(&principals.iter().map(statement).collect::<Vec<_>>()).to_string();
        let call = self.control.put_access_point_policy().account_id(ACCOUNT).name(name).policy(&document);
        call.send().await.unwrap();
        let request = json!({"name": name, "PutAccessPointPolicyRequest": {"Policy": document}});
        event("s3", "PutAccessPointPolicy", request, Value::Null)
    }

    async fn point_policy(&self, name: &str) -> Option<Value> {
        let answer = self.control.get_access_point_policy().account_id(ACCOUNT).name(name).send().await.ok()?;
        Some(serde_json::from_str(&answer.policy.unwrap()).unwrap())
    }

    async fn set_account_block(&self, block: Block) {
        let written = control::PublicAccessBlockConfiguration::builder()
            .block_public_acls(block.block_public_acls)
            .ignore_public_acls(block.ignore_public_acls)
            .block_public_policy(block.block_public_policy)
            .restrict_public_buckets(block.restrict_public_buckets)
            .build();
        let call = self.control.put_public_access_block().account_id(ACCOUNT);
        call.public_access_block_configuration(written).send().await.unwrap();
    }

    async fn account_block(&self) -> Block {
        match self.control.get_public_access_block().account_id(ACCOUNT).send().await {
            Ok(answer) => answer.public_access_block_configuration.map_or(OFF, |block| Block {
                block_public_acls: block.block_public_acls == Some(true),
                ignore_public_acls: block.ignore_public_acls == Some(true),
                block_public_policy: block.block_public_policy == Some(true),
                restrict_public_buckets: block.restrict_public_buckets == Some(true),
            }),
            Err(_) => OFF,
        }
    }

    /// Expects that the invocation succeeded with that verdict, those mails about the bucket, and calls in those rounds: the calls of a
    /// round are made at the same time. `403` and the like behind a call stands for the status of a refusal; that something is not there is none.
    #[track_caller]
    fn is(&self, ran: &Ran, verdict: Verdict, mails: &[Outcome], rounds: &[&[&str]]) {
        assert_eq!(ran.handled.error, None, "{ran:#?}");
        self.compare(ran, verdict, mails, rounds);
    }

    /// The same for an invocation that ended in an error, so that Lambda tries again.
    #[track_caller]
    fn is_error(&self, ran: &Ran, verdict: Verdict, mails: &[Outcome], rounds: &[&[&str]]) {
        assert!(ran.handled.error.is_some(), "{ran:#?}");
        self.compare(ran, verdict, mails, rounds);
    }

    #[track_caller]
    fn compare(&self, ran: &Ran, verdict: Verdict, mails: &[Outcome], rounds: &[&[&str]]) {
        let received: Vec<&str> = ran.mails.iter().map(|mail| mail.subject.split(": ").next().unwrap()).collect();
        let expected: Vec<&str> = mails.iter().map(|outcome| outcome.words()).collect();
        assert_eq!((ran.handled.verdict, received), (verdict, expected), "{ran:#?}");
        let mut calls: Vec<String> = Vec::new();
        for call in &ran.calls {
            if call.service == "s3" {
                assert_eq!(call.parameters["Bucket"], self.bucket, "{call:?}");
                assert_eq!(call.parameters["ExpectedBucketOwner"], ACCOUNT, "{call:?}");
            }
            let is_refused = !(200..300).contains(&call.status) && call.status != 404;
            let status = if is_refused { format!(" {}", call.status) } else { String::new() };
            calls.push(format!("{}{status}", call.action));
        }
        let mut rest = calls.as_mut_slice();
        for round in rounds {
            let (these, others) = rest.split_at_mut(round.len().min(rest.len()));
            these.sort();
            rest = others;
        }
        assert_eq!(calls, rounds.concat(), "{ran:#?}");
    }
}

const OFF: Block = Block::OFF;
const ON: Block = Block::ON;
/// A block that keeps nobody out of what is there already.
const WEAK: Block = Block {
    block_public_acls: true,
    ignore_public_acls: false,
    block_public_policy: true,
    restrict_public_buckets: false,
};

fn configuration(block: Block) -> Value {
    json!({"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "BlockPublicAcls": block.block_public_acls,
        "IgnorePublicAcls": block.ignore_public_acls, "BlockPublicPolicy": block.block_public_policy,
        "RestrictPublicBuckets": block.restrict_public_buckets})
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Id": "as it was", "Statement": statements})
}

fn everybody() -> s3::Grantee {
    s3::Grantee::builder().r#type(s3::Type::Group).uri(ALL_USERS).build().unwrap()
}

fn user(id: &str) -> s3::Grantee {
    s3::Grantee::builder().r#type(s3::Type::CanonicalUser).id(id).build().unwrap()
}

fn told_grants(grants: &[s3::Grant], owner: Option<&str>) -> BTreeSet<String> {
    let others = grants.iter().filter(|grant| grant.grantee().unwrap().id() != owner);
    others
        .map(|grant| {
            let grantee = grant.grantee().unwrap();
            let who = grantee.uri().or(grantee.id()).unwrap();
            format!("{} {who}", grant.permission().unwrap().as_str())
        })
        .collect()
}

fn account_event(name: &str, block: Option<Block>) -> Value {
    let mut request = json!({"host": [format!("{ACCOUNT}.s3-control.us-east-1.amazonaws.com")]});
    if let Some(block) = block {
        request["PublicAccessBlockConfiguration"] = configuration(block);
    }
    event("s3", name, request, Value::Null)
}

/// What IAM Access Analyzer has just found of a bucket.
fn bucket_found(resource: &str, principal: &str, sources: Value) -> Value {
    let mut finding = access_finding("AWS::S3::Bucket", resource, json!({"AWS": principal}));
    finding["detail"]["action"] = json!(["s3:GetObject"]);
    finding["detail"]["isPublic"] = json!(principal == "*");
    finding["detail"]["sources"] = sources;
    finding
}

// ---------------------------------------------------------------------------------------------------------
// Policies of buckets

#[tokio::test]
async fn a_public_policy_is_closed_and_then_deleted() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    assert_eq!(scene.anybody(), 200);
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Reverted], POLICY_DELETED);
    ran.mail_says(&[&scene.bucket]);
    assert_eq!((scene.anybody(), scene.policy().await, scene.block().await), (403, None, ON));
    // The policy does not lie in wait for the day the block is lifted.
    scene.set_block(OFF).await;
    assert_eq!(scene.anybody(), 403);
}

#[tokio::test]
async fn of_three_statements_the_two_private_ones_stay_as_they_were() {
    let scene = Scene::new().await;
    let own = json!({"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": [ACCOUNT]}, "Action": ["s3:*"],
        "Resource": [scene.objects(), format!("arn:aws:s3:::{}", scene.bucket)]});
    let logs = json!({"Sid": "Logs", "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject", "Resource": scene.objects(),
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}});
    let event = scene.put_policy(&[own.clone(), scene.public(), logs.clone()]).await;
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Reverted], POLICY_REVERTED);
    assert_eq!(scene.policy().await, Some(document(&[own, logs])));
    assert_eq!((scene.anybody(), scene.block().await), (403, ON));
}

#[tokio::test]
async fn every_spelling_of_everybody_goes() {
    let scene = Scene::new().await;
    let not_principal = json!({"Effect": "Allow", "NotPrincipal": {"AWS": FOREIGN}, "Action": "s3:GetObject",
        "Resource": scene.objects()});
    for statement in [
        scene.read_by(json!({"AWS": "*"})),
        scene.read_by(json!({"AWS": [ACCOUNT, "*"]})),
        scene.read_if(json!({"Bool": {"aws:SecureTransport": "false"}})),
        scene.read_if(json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}})),
        not_principal,
    ] {
        scene.set_block(OFF).await;
        let event = scene.put_policy(std::slice::from_ref(&statement)).await;
        let ran = scene.run(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await;
        scene.is(&ran, Violation, &[Reverted], POLICY_DELETED);
        assert_eq!((scene.anybody(), scene.policy().await), (403, None), "{statement}");
    }
}

#[tokio::test]
async fn what_is_narrowed_is_no_violation() {
    let scene = Scene::new().await;
    for condition in [
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}),
        json!({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}),
        json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
    ] {
        let statements = [scene.read_if(condition)];
        let event = scene.put_policy(&statements).await;
        // Whose the organization is, is for s3-cross-account to say.
        let ran = scene.run(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await;
        scene.is(&ran, Ignored, &[], &[LOOK]);
        assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), OFF));
    }
}

#[tokio::test]
async fn at_most_two_rounds_until_the_bucket_is_closed() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    // Each of the calls of a round takes a quarter of a second, which shows in which order they were made.
    for action in LOOK {
        scene.stage.inject(Fault { code: None, delay_seconds: 0.25, ..Fault::new("", action, "") });
    }
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Reverted], POLICY_DELETED);
    assert!(ran.took < Duration::from_millis(1_000), "one after the other: {:?}", ran.took);
}

// ---------------------------------------------------------------------------------------------------------
// The block of a bucket

#[tokio::test]
async fn a_bucket_s_block_is_turned_on_again_under_both_names_of_the_call() {
    let scene = Scene::new().await;
    let rounds: &[&[&str]] = &[LOOK, BLOCK, LOOK, PUBLISH];
    for name in ["PutBucketPublicAccessBlock", "PutPublicAccessBlock"] {
        let event = scene.put_block(name, WEAK).await;
        let ran = scene.run(&[], &event).await;
        scene.is(&ran, Violation, &[Reverted], rounds);
        assert_eq!(scene.block().await, ON);
    }
    for name in ["DeleteBucketPublicAccessBlock", "DeletePublicAccessBlock"] {
        scene.s3.delete_public_access_block().bucket(&scene.bucket).send().await.unwrap();
        let ran = scene.run(&[], &scene.event(name, json!({}))).await;
        scene.is(&ran, Violation, &[Reverted], rounds);
        assert_eq!(scene.block().await, ON);
    }
    let event = scene.put_block("PutBucketPublicAccessBlock", ON).await;
    scene.is(&scene.run(&[], &event).await, Ignored, &[], &[]);
}

#[tokio::test]
async fn what_lay_under_a_lifted_block_goes_too() {
    let scene = Scene::new().await;
    scene.put_policy(&[scene.public(), scene.read_by(json!({"AWS": ACCOUNT}))]).await;
    scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
    scene.set_block(ON).await;
    assert_eq!((scene.anybody(), scene.anybody_lists()), (403, 403));
    let event = scene.put_block("PutBucketPublicAccessBlock", OFF).await;
    assert_eq!((scene.anybody(), scene.anybody_lists()), (200, 200));
    let ran = scene.run(&[], &event).await;
    let rounds: &[&[&str]] = &[LOOK, BLOCK, LOOK, &["PutBucketAcl", "PutBucketPolicy"], LOOK, PUBLISH];
    scene.is(&ran, Violation, &[Reverted], rounds);
    assert_eq!(scene.policy().await, Some(document(&[scene.read_by(json!({"AWS": ACCOUNT}))])));
    assert_eq!((scene.grants().await, scene.block().await), (BTreeSet::new(), ON));
}

// ---------------------------------------------------------------------------------------------------------
// Access control lists

#[tokio::test]
async fn of_a_bucket_s_list_only_the_public_grants_go() {
    let scene = Scene::new().await;
    let event = scene.put_grants(&[(everybody(), "READ"), (user(FOREIGN_ID), "READ_ACP")]).await;
    assert_eq!(scene.anybody_lists(), 200);
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Reverted], &[LOOK, BLOCK, LOOK, &["PutBucketAcl"], LOOK, PUBLISH]);
    ran.mail_says(&[&scene.bucket, FOREIGN_ID]);
    assert_eq!((scene.anybody_lists(), scene.block().await), (403, ON));
    // S3 hides the public grants of a list under a block: without it, the list itself shows.
    assert_eq!(scene.grants().await, BTreeSet::from([format!("READ_ACP {FOREIGN_ID}")]));
}

#[tokio::test]
async fn canned_lists_that_are_public_go() {
    for acl in [s3::BucketCannedAcl::PublicReadWrite, s3::BucketCannedAcl::AuthenticatedRead] {
        let scene = Scene::new().await;
        let event = scene.put_acl(acl).await;
        let ran = scene.run(&[], &event).await;
        scene.is(&ran, Violation, &[Reverted], &[LOOK, BLOCK, LOOK, &["PutBucketAcl"], LOOK, PUBLISH]);
        assert_eq!(scene.grants().await, BTreeSet::new());
    }
}

#[tokio::test]
async fn of_an_object_the_version_that_was_opened_is_closed() {
    let scene = Scene::new().await;
    let versioning = s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Enabled).build();
    let call = scene.s3.put_bucket_versioning().bucket(&scene.bucket);
    call.versioning_configuration(versioning).send().await.unwrap();
    let (opened, other) = (scene.put_object().await.unwrap(), scene.put_object().await.unwrap());
    for version in [&opened, &other] {
        let call = scene.s3.put_object_acl().bucket(&scene.bucket).key("key").version_id(version);
        call.acl(s3::ObjectCannedAcl::PublicRead).send().await.unwrap();
    }
    let request = json!({"key": "key", "acl": [""], "x-amz-acl": ["public-read"], "versionId": opened});
    let ran = scene.run(&[], &scene.event("PutObjectAcl", request)).await;
    let rounds: &[&[&str]] = &[LOOK_AT_VERSION, BLOCK, LOOK_AT_VERSION, &["PutObjectAcl"], LOOK_AT_VERSION, PUBLISH];
    scene.is(&ran, Violation, &[Reverted], rounds);
    assert_eq!((scene.anybody(), scene.block().await), (403, ON));
    assert_eq!(scene.grants_of_object(Some(&opened)).await, BTreeSet::new());
    assert_eq!(scene.grants_of_object(Some(&other)).await, BTreeSet::from([format!("READ {ALL_USERS}")]));
}

#[tokio::test]
async fn an_older_version_that_the_event_does_not_name_is_shut_in() {
    for is_deleted in [false, true] {
        let scene = Scene::new().await;
        let versioning = s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Enabled).build();
        let call = scene.s3.put_bucket_versioning().bucket(&scene.bucket);
        call.versioning_configuration(versioning).send().await.unwrap();
        scene.put_object().await.unwrap();
        let opened = scene.s3.put_object_acl().bucket(&scene.bucket).key("key");
        opened.acl(s3::ObjectCannedAcl::PublicRead).send().await.unwrap();
        match is_deleted {
            true => drop(scene.s3.delete_object().bucket(&scene.bucket).key("key").send().await.unwrap()),
            false => drop(scene.put_object().await.unwrap()),
        }
        let request = json!({"key": "key", "acl": [""], "x-amz-acl": ["public-read"]});
        let ran = scene.run_late(&[], &scene.event("PutObjectAcl", request)).await;
        // The newest version's list is written as it is shown, in case the block hides something in it.
        let rounds: &[&[&str]] = match is_deleted {
            true => &[LOOK_AT_OBJECT, BLOCK, LOOK_AT_OBJECT, PUBLISH],
            false => &[LOOK_AT_OBJECT, BLOCK, LOOK_AT_OBJECT, &["PutObjectAcl"], LOOK_AT_OBJECT, PUBLISH],
        };
        scene.is(&ran, Violation, &[Contained], rounds);
        ran.mail_says(&["which version", "list-object-versions"]);
        assert_eq!(scene.block().await, ON);
    }
}

#[tokio::test]
async fn grants_that_a_block_hides_go_whoever_put_it_there() {
    let only_ignores = Block { ignore_public_acls: true, ..OFF };
    for block in [ON, only_ignores] {
        let scene = Scene::new().await;
        let event = scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
        scene.set_block(block).await;
        let ran = scene.run_late(&[], &event).await;
        scene.is(&ran, Violation, &[Reverted], &[LOOK, &["PutBucketAcl"], LOOK, PUBLISH]);
        assert_eq!(scene.block().await, block);
        scene.set_block(OFF).await;
        assert_eq!(scene.grants().await, BTreeSet::new());
    }
}

#[tokio::test]
async fn grants_that_the_accounts_block_hides_go_too() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await).await;
    let event = scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
    scene.set_account_block(ON).await;
    let ran = scene.run_late(&[], &event).await;
    ran.mail_says(&["REVERTED: ", &scene.bucket]);
    scene.set_account_block(OFF).await;
    assert_eq!(scene.grants().await, BTreeSet::new());
}

#[tokio::test]
async fn a_list_that_the_event_does_not_hold_goes_under_our_own_block() {
    for name in ["PutBucketAcl", "PutBucketPolicy"] {
        let scene = Scene::new().await;
        scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
        if name == "PutBucketPolicy" {
            scene.put_policy(&[scene.public()]).await;
        }
        let ran = scene.run(&[], &scene.event(name, json!({}))).await;
        ran.mail_says(&["REVERTED: ", &scene.bucket]);
        scene.set_block(OFF).await;
        assert_eq!((scene.grants().await, scene.policy().await), (BTreeSet::new(), None), "{name}");
    }
}

#[tokio::test]
async fn the_newest_version_s_hidden_list_is_written() {
    let scene = Scene::new().await;
    let versioning = s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Enabled).build();
    let call = scene.s3.put_bucket_versioning().bucket(&scene.bucket);
    call.versioning_configuration(versioning).send().await.unwrap();
    let version = scene.put_object().await.unwrap();
    let opened = scene.s3.put_object_acl().bucket(&scene.bucket).key("key");
    opened.acl(s3::ObjectCannedAcl::PublicRead).send().await.unwrap();
    scene.set_block(ON).await;
    let request = json!({"key": "key", "acl": [""], "x-amz-acl": ["public-read"]});
    let ran = scene.run_late(&[], &scene.event("PutObjectAcl", request)).await;
    scene.is(&ran, Violation, &[Contained], &[LOOK_AT_OBJECT, &["PutObjectAcl"], LOOK_AT_OBJECT, PUBLISH]);
    scene.set_block(OFF).await;
    assert_eq!(scene.grants_of_object(Some(&version)).await, BTreeSet::new());
}

#[tokio::test]
async fn an_access_point_that_can_t_be_read_is_not_asked_for_without_end() {
    let scene = Scene::new().await;
    let (_, event) = scene.create_point(WEAK).await;
    scene.deny("GetAccessPoint", 1_000);
    for settings in [("S3_PUBLIC_MODE", "alert"), ("ROLLOUT", "observe")] {
        let ran = scene.run(&[settings], &event).await;
        assert!(ran.calls.len() < 40, "{} calls", ran.calls.len());
        ran.mail_says(&["ALERT: "]);
        assert_eq!(scene.block().await, OFF);
    }
}

#[tokio::test]
async fn an_access_point_in_a_shut_bucket_is_told_as_it_is() {
    let scene = Scene::new().await;
    let (name, event) = scene.create_point(WEAK).await;
    scene.set_block(ON).await;
    let ran = scene.run_late(&[], &event).await;
    ran.mail_says(&["ALERT: LOW: ", "keeps everybody out", "delete-access-point", &name]);
    assert!(ran.mails.iter().all(|mail| !mail.body.contains("already gone")), "{ran:#?}");
}

#[tokio::test]
async fn a_list_that_one_process_could_not_write_is_written_by_another() {
    let scene = Scene::new().await;
    let event = scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
    scene.deny("PutBucketAcl", 1);
    let ran = scene.run(&[], &event).await;
    assert!(ran.handled.error.is_some(), "{ran:#?}");
    let ran = scene.run_late(&[], &event).await;
    scene.is(&ran, Violation, &[Reverted], &[LOOK, &["PutBucketAcl"], LOOK, PUBLISH]);
    scene.set_block(OFF).await;
    assert_eq!(scene.grants().await, BTreeSet::new());
}

#[tokio::test]
async fn what_a_weak_block_hid_before_is_said() {
    let scene = Scene::new().await;
    scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
    let event = scene.put_block("PutBucketPublicAccessBlock", Block { ignore_public_acls: true, ..OFF }).await;
    let ran = scene.run(&[], &event).await;
    ran.mail_says(&["REVERTED: ", "hides what grants to everybody"]);
    assert!(ran.mails.iter().all(|mail| !mail.body.contains("nothing under it is public")), "{ran:#?}");
    assert_eq!(scene.block().await, ON);
}

#[tokio::test]
async fn the_call_that_closes_is_repeated_while_s3_is_busy() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    scene.stage.inject(Fault { status: 503, times: 5, ..Fault::new("", "PutPublicAccessBlock", "SlowDown") });
    let ran = scene.run(&[], &event).await;
    ran.mail_says(&["REVERTED: "]);
    assert_eq!((scene.anybody(), scene.block().await), (403, ON));
}

#[tokio::test]
async fn what_somebody_writes_meanwhile_is_not_overwritten_after_a_collision() {
    let scene = Scene::new().await;
    let own = scene.read_by(json!({"AWS": ACCOUNT}));
    let event = scene.put_policy(&[scene.public(), own.clone()]).await;
    let later = json!({"Sid": "New", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": scene.objects()});
    scene.set_block(ON).await;
    scene.stage.inject(Fault {
        status: 409,
        delay_seconds: 1.5,
        ..Fault::new("", "PutBucketPolicy", "OperationAborted")
    });
    let process = scene.process(&[]);
    let meanwhile = async {
        sleep(Duration::from_millis(900)).await;
        scene.put_policy(&[own.clone(), later.clone()]).await;
    };
    let (ran, ()) = tokio::join!(scene.stage.run(&process, &event), meanwhile);
    assert_eq!(scene.policy().await, Some(document(&[own.clone(), later])), "{ran:#?}");
}

#[tokio::test]
async fn an_access_point_that_can_t_be_read_is_shut_by_the_event_s_word() {
    let scene = Scene::new().await;
    let (_, event) = scene.create_point(WEAK).await;
    scene.deny("GetAccessPoint", 10);
    let ran = scene.run(&[], &event).await;
    ran.mail_says(&["GetAccessPoint"]);
    assert!(ran.mails.iter().all(|mail| !mail.subject.starts_with("REVERTED")), "{ran:#?}");
    assert_eq!(scene.block().await, ON);
}

#[tokio::test]
async fn a_policy_that_the_event_does_not_hold_is_waited_for() {
    let scene = Scene::new().await;
    let only_aws = [scene.read_if(json!({"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}}))];
    for (request, statements) in [
        (json!({"policy": ""}), vec![scene.public()]),
        (json!({"policy": "", "bucketPolicy": document(&only_aws)}), only_aws.to_vec()),
    ] {
        let scene = Scene::new().await;
        let statements: Vec<Value> = statements
            .into_iter()
            .map(|mut statement| {
                statement["Resource"] = json!(scene.objects());
                statement
            })
            .collect();
        let mut request = request;
        if request.get("bucketPolicy").is_some() {
            request["bucketPolicy"] = document(&statements);
        }
        let event = scene.event("PutBucketPolicy", request);
        let process = scene.process(&[("S3_CROSS_ACCOUNT_MODE", "off")]);
        let later = async {
            sleep(Duration::from_millis(700)).await;
            scene.put_policy(&statements).await;
        };
        let (ran, ()) = tokio::join!(scene.stage.run(&process, &event), later);
        assert_eq!(scene.block().await, ON, "{ran:#?}");
    }
}

#[tokio::test]
async fn a_redelivery_does_not_take_back_what_came_later() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    let process = scene.process(&[]);
    scene.stage.run(&process, &event).await.mail_says(&["REVERTED: "]);
    // By somebody who may: the events are exempt.
    scene.set_block(OFF).await;
    scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
    scene.stage.run(&process, &event).await;
    assert_eq!(scene.block().await, OFF);
}

#[tokio::test]
async fn an_object_that_is_gone_costs_one_look() {
    let scene = Scene::new().await;
    scene.s3.delete_object().bucket(&scene.bucket).key("key").send().await.unwrap();
    let request = json!({"key": "key", "x-amz-acl": ["public-read"]});
    let ran = scene.run_late(&[], &scene.event("PutObjectAcl", request)).await;
    scene.is(&ran, Violation, &[Alert], &[LOOK_AT_OBJECT, PUBLISH]);
    assert_eq!(scene.block().await, OFF);
}

#[tokio::test]
async fn a_list_that_could_not_be_written_is_not_forgotten_under_the_block() {
    let scene = Scene::new().await;
    let event = scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
    scene.deny("PutBucketAcl", 1);
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    scene.is_error(&ran, Violation, &[Contained], &[LOOK, BLOCK, LOOK, &["PutBucketAcl 403"], LOOK, PUBLISH]);
    assert_eq!((scene.anybody_lists(), scene.block().await), (403, ON));
    assert_eq!(scene.grants().await, BTreeSet::from([format!("READ {ALL_USERS}")]));
    // Lambda's next try, which S3 doesn't show the grant.
    let ran = scene.stage.run(&process, &event).await;
    scene.is(&ran, Violation, &[Reverted], &[LOOK, LOOK, &["PutBucketAcl"], LOOK, PUBLISH]);
    assert_eq!(scene.grants().await, BTreeSet::new());
    scene.is(&scene.stage.run(&process, &event).await, Violation, &[], &[LOOK]);
}

#[tokio::test]
async fn an_account_in_a_list_is_told_and_left() {
    let scene = Scene::new().await;
    let event = scene.put_grants(&[(user(FOREIGN_ID), "READ")]).await;
    let ran = scene.run(&[("S3_CROSS_ACCOUNT_MODE", "revert")], &event).await;
    scene.is(&ran, Violation, &[Alert], &[LOOK, PUBLISH]);
    ran.mail_says(&[&scene.bucket, FOREIGN_ID]);
    assert_eq!(scene.grants().await, BTreeSet::from([format!("READ {FOREIGN_ID}")]));
    let event = scene.put_grants(&[]).await;
    scene.is(&scene.run(&[], &event).await, Ignored, &[], &[LOOK]);
}

#[tokio::test]
async fn a_new_bucket_in_another_region_is_found_there() {
    let scene = Scene::in_another_region().await;
    scene.open(&scene.bucket).await;
    scene.set_block(OFF).await;
    scene.put_acl(s3::BucketCannedAcl::PublicRead).await;
    let rounds: &[&[&str]] = &[LOOK, BLOCK, LOOK, &["PutBucketAcl"], LOOK, PUBLISH];
    // CreateBucket is recorded where it was called.
    let request = json!({"x-amz-acl": ["public-read"], "x-amz-object-ownership": ["ObjectWriter"],
        "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}});
    let ran = scene.run(&[], &scene.event("CreateBucket", request)).await;
    scene.is(&ran, Violation, &[Reverted], rounds);
    assert_eq!(scene.block().await, ON);

    // All else is recorded in the bucket's region.
    scene.set_block(OFF).await;
    let mut event = scene.put_policy(&[scene.public()]).await;
    event["region"] = json!("eu-west-1");
    event["detail"]["awsRegion"] = json!("eu-west-1");
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Reverted], POLICY_DELETED);
    assert!(ran.calls.iter().filter(|call| call.service == "s3").all(|call| call.region == "eu-west-1"));

    event["detail"]["awsRegion"] = json!("eu-west-1.example.com/");
    let ran = scene.run(&[], &event).await;
    scene.is_error(&ran, Violation, &[Failed], &[PUBLISH]);
}

// ---------------------------------------------------------------------------------------------------------
// Access points

#[tokio::test]
async fn a_weak_access_point_is_closed_by_its_bucket_s_block() {
    let scene = Scene::new().await;
    let (name, event) = scene.create_point(WEAK).await;
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Contained], &[LOOK_AT_POINT, BLOCK, LOOK_AT_POINT, PUBLISH]);
    ran.mail_says(&[&scene.bucket, &name]);
    assert_eq!(scene.block().await, ON);

    // Closed already.
    let (_, event) = scene.create_point(WEAK).await;
    let ran = scene.run_late(&[], &event).await;
    assert!(ran.handled.error.is_none() && !ran.told().iter().any(|call| call.starts_with("Put")), "{ran:#?}");
    let (_, event) = scene.create_point(ON).await;
    scene.is(&scene.run(&[], &event).await, Ignored, &[], &[]);
}

#[tokio::test]
async fn an_access_point_s_policy_loses_what_is_public() {
    let scene = Scene::new().await;
    let (name, _) = scene.create_point(OFF).await;
    let own = json!({"AWS": ACCOUNT});
    let event = scene.put_point_policy(&name, &[json!("*"), own.clone()]).await;
    let ran = scene.run(&[], &event).await;
    let put = &["PutAccessPointPolicy"];
    let rounds: &[&[&str]] = &[FIRST_LOOK_AT_POINT, BLOCK, LOOK_AT_POINT, put, LOOK_AT_POINT, PUBLISH];
    scene.is(&ran, Violation, &[Reverted], rounds);
    ran.mail_says(&[&name]);
    let left = scene.point_policy(&name).await.unwrap();
    assert_eq!(left["Statement"].as_array().unwrap().len(), 1);
    assert_eq!((&left["Statement"][0]["Principal"], &left["Id"]), (&own, &json!("as it was")));
    assert_eq!(scene.block().await, ON);

    scene.set_block(OFF).await;
    let event = scene.put_point_policy(&name, &[json!({"AWS": "*"})]).await;
    let ran = scene.run(&[], &event).await;
    let delete = &["DeleteAccessPointPolicy"];
    let rounds: &[&[&str]] = &[FIRST_LOOK_AT_POINT, BLOCK, LOOK_AT_POINT, delete, LOOK_AT_POINT, PUBLISH];
    scene.is(&ran, Violation, &[Reverted], rounds);
    assert_eq!((scene.point_policy(&name).await, scene.block().await), (None, ON));
}

/// An access point is in its bucket's region, and its ARN names that.
#[tokio::test]
async fn an_access_point_in_another_region_is_closed_there() {
    let scene = Scene::in_another_region().await;
    let (name, _) = scene.create_point(OFF).await;
    for (principals, written) in [(vec![json!("*"), json!({"AWS": ACCOUNT})], "Put"), (vec![json!("*")], "Delete")] {
        scene.set_block(OFF).await;
        let mut event = scene.put_point_policy(&name, &principals).await;
        event["region"] = json!("eu-west-1");
        event["detail"]["awsRegion"] = json!("eu-west-1");
        let ran = scene.run(&[], &event).await;
        let write = format!("{written}AccessPointPolicy");
        let rounds: &[&[&str]] = &[FIRST_LOOK_AT_POINT, BLOCK, LOOK_AT_POINT, &[&write], LOOK_AT_POINT, PUBLISH];
        scene.is(&ran, Violation, &[Reverted], rounds);
        assert!(ran.calls.iter().all(|call| call.service == "sns" || call.region == "eu-west-1"), "{:?}", ran.calls);
        assert_eq!(scene.block().await, ON);
    }
}

#[tokio::test]
async fn an_access_point_of_a_bucket_that_may_be_public_is_left() {
    let scene = Scene::new().await;
    let (name, created) = scene.create_point(OFF).await;
    let event = scene.put_point_policy(&name, &[json!("*")]).await;
    let settings = [("PUBLIC_BUCKETS", scene.bucket.as_str()), ("S3_CROSS_ACCOUNT_MODE", "off")];
    scene.is(&scene.run(&settings, &event).await, Ignored, &[], &[FIRST_LOOK_AT_POINT]);
    scene.is(&scene.run(&settings[..1], &event).await, Ignored, &[], &[FIRST_LOOK_AT_POINT]);
    scene.is(&scene.run(&settings, &created).await, Ignored, &[], &[]);
    assert!(scene.point_policy(&name).await.is_some());
    assert_eq!(scene.block().await, OFF);
}

#[tokio::test]
async fn an_access_point_is_told_of_with_the_block_of_its_bucket() {
    let scene = Scene::new().await;
    let (name, _) = scene.create_point(OFF).await;
    let event = scene.put_point_policy(&name, &[json!("*")]).await;
    for settings in [("S3_PUBLIC_MODE", "alert"), ("ROLLOUT", "observe")] {
        let ran = scene.run(&[settings], &event).await;
        scene.is(&ran, Violation, &[Alert], &[FIRST_LOOK_AT_POINT, LOOK_AT_POINT, PUBLISH]);
        ran.mail_says(&["ALERT: HIGH: "]);
    }
    scene.set_block(ON).await;
    let ran = scene.run(&[("S3_PUBLIC_MODE", "alert")], &event).await;
    scene.is(&ran, Violation, &[Alert], &[FIRST_LOOK_AT_POINT, LOOK_AT_POINT, PUBLISH]);
    ran.mail_does_not_say(&["HIGH"]);
}

#[tokio::test]
async fn an_access_point_inside_a_vpc_is_never_public() {
    let scene = Scene::new().await;
    let name = format!("point-{}", unique());
    let network = control::VpcConfiguration::builder().vpc_id("vpc-1a2b3c4d").build().unwrap();
    let call = scene.control.create_access_point().account_id(ACCOUNT).name(&name).bucket(&scene.bucket);
    call.vpc_configuration(network).send().await.unwrap();
    let event = scene.put_point_policy(&name, &[json!("*")]).await;
    let ran = scene.run_late(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await;
    assert_eq!(ran.handled.error, None);
    assert!(!ran.told().iter().any(|call| !call.starts_with("Get") && call != "Publish"), "{ran:#?}");
    assert!(scene.point_policy(&name).await.is_some());
    assert_eq!(scene.block().await, OFF);
}

#[tokio::test]
async fn an_access_point_that_is_gone_is_told() {
    let scene = Scene::new().await;
    let (name, created) = scene.create_point(OFF).await;
    let event = scene.put_point_policy(&name, &[json!("*")]).await;
    scene.control.delete_access_point().account_id(ACCOUNT).name(&name).send().await.unwrap();
    scene.is(&scene.run_late(&[], &event).await, Violation, &[Alert], &[FIRST_LOOK_AT_POINT, PUBLISH]);
    scene.is(&scene.run_late(&[], &created).await, Violation, &[Alert], &[LOOK_AT_POINT, PUBLISH]);
    assert_eq!(scene.block().await, OFF);
}

// ---------------------------------------------------------------------------------------------------------
// The account

#[tokio::test]
async fn the_account_s_block_is_turned_on_again() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await).await;
    scene.put_policy(&[scene.public()]).await;
    let look: &[&str] = &["GetPublicAccessBlock"];
    let rounds: &[&[&str]] = &[look, BLOCK, look, PUBLISH];
    for name in ["PutAccountPublicAccessBlock", "PutPublicAccessBlock"] {
        scene.set_account_block(WEAK).await;
        assert_eq!(scene.anybody(), 200);
        let ran = scene.run(&[], &account_event(name, Some(WEAK))).await;
        scene.is(&ran, Violation, &[Reverted], rounds);
        assert_eq!((scene.account_block().await, scene.anybody()), (ON, 403));
    }
    for name in ["DeleteAccountPublicAccessBlock", "DeletePublicAccessBlock"] {
        scene.control.delete_public_access_block().account_id(ACCOUNT).send().await.unwrap();
        let ran = scene.run(&[], &account_event(name, None)).await;
        scene.is(&ran, Violation, &[Reverted], rounds);
        assert_eq!(scene.account_block().await, ON);
    }
    let event = account_event("PutAccountPublicAccessBlock", Some(ON));
    scene.is(&scene.run(&[], &event).await, Ignored, &[], &[]);

    // Turned on again by somebody.
    let event = account_event("DeleteAccountPublicAccessBlock", None);
    scene.is(&scene.run_late(&[], &event).await, Violation, &[Alert], &[look, PUBLISH]);

    // It would close the buckets that may be public.
    scene.set_account_block(WEAK).await;
    let event = account_event("PutAccountPublicAccessBlock", Some(WEAK));
    for settings in [("PUBLIC_BUCKETS", "website"), ("S3_PUBLIC_MODE", "alert"), ("ROLLOUT", "observe")] {
        scene.is(&scene.run(&[settings], &event).await, Violation, &[Alert], &[look, PUBLISH]);
        assert_eq!((scene.account_block().await, scene.anybody()), (WEAK, 200));
    }

    // Unread, it is turned on all the same; unread afterwards, that is not said to have worked.
    scene.deny("GetPublicAccessBlock", 50);
    let ran = scene.run(&[], &event).await;
    assert!(ran.handled.error.is_some());
    assert_eq!(scene.account_block().await, ON);
    ran.mail_says(&["FAILED - ACT NOW: "]);
}

#[tokio::test]
async fn a_block_that_the_organization_enforces_is_contained() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await).await;
    let look: &[&str] = &["GetPublicAccessBlock"];
    scene.set_account_block(WEAK).await;
    let event = account_event("PutAccountPublicAccessBlock", Some(WEAK));
    // As if the policy were attached between the first look and the call.
    scene.stage.inject(Fault { status: 403, after: true, ..Fault::new("", "PutPublicAccessBlock", "AccessDenied") });
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Contained], &[look, &["PutPublicAccessBlock 403"], look, PUBLISH]);

    scene.set_account_block(WEAK).await;
    let organizations = aws_sdk_organizations::Client::new(&scene.stage.admin);
    organizations.create_organization().send().await.unwrap();
    let policy = organizations.create_policy().name("closed").description("all on").r#type(PolicyType::S3Policy);
    let policy = policy.content(r#"{"s3_attributes": {"public_access_block_configuration": {"@@assign": "all"}}}"#);
    let id = policy.send().await.unwrap().policy.unwrap().policy_summary.unwrap().id.unwrap();
    organizations.attach_policy().policy_id(&id).target_id(ACCOUNT).send().await.unwrap();
    scene.is(&scene.run_late(&[], &event).await, Violation, &[Alert], &[look, PUBLISH]);
}

#[tokio::test]
async fn an_account_s_block_that_is_refused_is_a_failure() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await).await;
    let look: &[&str] = &["GetPublicAccessBlock"];
    scene.deny("PutPublicAccessBlock", 1);
    let ran = scene.run(&[], &account_event("DeleteAccountPublicAccessBlock", None)).await;
    scene.is_error(&ran, Violation, &[Failed], &[look, &["PutPublicAccessBlock 403"], look, PUBLISH]);
    assert_eq!(scene.account_block().await, OFF);
}

// ---------------------------------------------------------------------------------------------------------
// What snapback is to leave alone

#[tokio::test]
async fn a_neighbour_that_may_be_public_stays_reachable() {
    let (scene, website) = (Scene::new().await, Scene::new().await);
    let settings = [("PUBLIC_BUCKETS", website.bucket.as_str())];
    let event = website.put_policy(&[website.public()]).await;
    website.is(&website.run(&settings, &event).await, Ignored, &[], &[LOOK]);
    let event = website.put_block("PutBucketPublicAccessBlock", OFF).await;
    website.is(&website.run(&settings, &event).await, Ignored, &[], &[]);
    let event = scene.put_policy(&[scene.public()]).await;
    scene.is(&scene.run(&settings, &event).await, Violation, &[Reverted], POLICY_DELETED);
    assert_eq!((scene.anybody(), website.anybody()), (403, 200));
    assert_eq!((scene.block().await, website.block().await), (ON, OFF));
}

#[tokio::test]
async fn modes_rollout_and_trust_decide_whether_anything_is_changed() {
    let scene = Scene::new().await;
    let statements = [scene.public()];
    let event = scene.put_policy(&statements).await;
    let both_off = [("S3_PUBLIC_MODE", "off"), ("S3_CROSS_ACCOUNT_MODE", "off")];
    scene.is(&scene.run(&both_off, &event).await, Ignored, &[], &[]);
    scene.is(&scene.run(&both_off[..1], &event).await, Ignored, &[], &[LOOK]);
    scene.is(&scene.run(&[("TRUSTED_ACTORS", DEVELOPER)], &event).await, Exempt, &[], &[]);
    for settings in [("S3_PUBLIC_MODE", "alert"), ("ROLLOUT", "observe")] {
        let ran = scene.run(&[settings], &event).await;
        scene.is(&ran, Violation, &[Alert], &[LOOK, PUBLISH]);
        ran.mail_says(&[&scene.bucket]);
    }
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), OFF));
    let mut refused = event.clone();
    refused["detail"]["errorCode"] = json!("AccessDenied");
    scene.is(&scene.run(&[], &refused).await, Ignored, &[], &[]);
}

#[tokio::test]
async fn what_is_only_told_costs_no_call() {
    let scene = Scene::new().await;
    let rule = json!({"OwnershipControls": {"Rule": {"ObjectOwnership": "ObjectWriter"}}});
    let details = json!({"CreateMultiRegionAccessPointRequest": {"Details": {"Name": "wide", "PublicAccessBlock":
        configuration(OFF), "Regions": {"Region": {"Bucket": scene.bucket}}}}});
    for (event, text) in [
        (scene.event("PutBucketOwnershipControls", rule), scene.bucket.as_str()),
        (scene.event("DeleteBucketOwnershipControls", json!({})), scene.bucket.as_str()),
        (event("s3", "CreateMultiRegionAccessPoint", details, Value::Null), "wide"),
    ] {
        let ran = scene.run(&[], &event).await;
        scene.is(&ran, Violation, &[Alert], &[PUBLISH]);
        ran.mail_says(&[text]);
    }
    let broken = event("s3", "PutBucketPolicy", json!({"bucketPolicy": {}}), Value::Null);
    let ran = scene.run(&[], &broken).await;
    scene.is(&ran, Unreadable, &[Alert], &[PUBLISH]);
}

#[tokio::test]
async fn what_snapback_does_itself_is_no_violation() {
    let scene = Scene::new().await;
    let own = scene.read_by(json!({"AWS": ACCOUNT}));
    scene.put_grants(&[(everybody(), "READ"), (user(FOREIGN_ID), "READ")]).await;
    let event = scene.put_policy(&[scene.public(), own, scene.read_by(json!({"AWS": FOREIGN}))]).await;
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    let both: &[&str] = &["PutBucketAcl", "PutBucketPolicy"];
    scene.is(&ran, Violation, &[Reverted], &[LOOK, BLOCK, LOOK, both, LOOK, PUBLISH]);
    ran.mail_says(&[FOREIGN]);

    let block = json!({"publicAccessBlock": "", "PublicAccessBlockConfiguration": configuration(ON)});
    let list = json!({"AccessControlList": {"Grant": [
        {"Grantee": {"xsi:type": "CanonicalUser", "ID": scene.owner().await}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"xsi:type": "CanonicalUser", "ID": FOREIGN_ID}, "Permission": "READ"}]}});
    let block = scene.event("PutBucketPublicAccessBlock", block);
    let policy = scene.event("PutBucketPolicy", json!({"bucketPolicy": scene.policy().await}));
    let list = scene.event("PutBucketAcl", json!({"acl": [""], "AccessControlPolicy": list}));
    scene.is(&scene.stage.run(&process, &block).await, Ignored, &[], &[]);
    scene.is(&scene.stage.run(&process, &policy).await, Ignored, &[], &[LOOK]);
    scene.is(&scene.stage.run(&process, &list).await, Ignored, &[], &[LOOK]);
    // Another process does not know that it has been told of the other account.
    for event in [policy, list] {
        scene.is(&scene.run(&[], &event).await, Violation, &[Alert], &[LOOK, PUBLISH]);
    }
}

// ---------------------------------------------------------------------------------------------------------
// Other accounts

#[tokio::test]
async fn another_account_is_told_and_taken_out_by_choice() {
    let scene = Scene::new().await;
    let principal = json!({"AWS": [ACCOUNT, format!("arn:aws:iam::{FOREIGN}:root")]});
    let statements = [scene.read_by(principal)];
    let event = scene.put_policy(&statements).await;
    let ran = scene.run(&[], &event).await;
    scene.is(&ran, Violation, &[Alert], &[LOOK, PUBLISH]);
    ran.mail_says(&[&scene.bucket, FOREIGN]);
    scene.is(&scene.run(&[("TRUSTED_ACCOUNTS", FOREIGN)], &event).await, Ignored, &[], &[LOOK]);
    scene.is(&scene.run(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await, Ignored, &[], &[LOOK]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), OFF));

    // Read twice before it is written back, since it is young.
    let ran = scene.run(&[("S3_CROSS_ACCOUNT_MODE", "revert")], &event).await;
    scene.is(&ran, Violation, &[Reverted], &[LOOK, LOOK, &["PutBucketPolicy"], LOOK, PUBLISH]);
    let left = scene.policy().await.unwrap();
    assert!(left.to_string().contains(ACCOUNT) && !left.to_string().contains(FOREIGN), "{left}");
    assert_eq!(scene.block().await, OFF);
}

#[tokio::test]
async fn a_bucket_that_may_be_public_still_keeps_other_accounts_out() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public(), scene.read_by(json!({"AWS": FOREIGN}))]).await;
    let settings = [("PUBLIC_BUCKETS", scene.bucket.as_str()), ("S3_CROSS_ACCOUNT_MODE", "revert")];
    let ran = scene.run_late(&settings, &event).await;
    scene.is(&ran, Violation, &[Reverted], &[LOOK, &["PutBucketPolicy"], LOOK, PUBLISH]);
    assert_eq!(scene.policy().await, Some(document(&[scene.public()])));
    assert_eq!((scene.anybody(), scene.block().await), (200, OFF));
}

#[tokio::test]
async fn somebody_unknown_is_told_and_left() {
    let scene = Scene::new().await;
    let statements = [scene.read_by(json!({"CanonicalUser": FOREIGN_ID}))];
    let event = scene.put_policy(&statements).await;
    let ran = scene.run(&[("S3_CROSS_ACCOUNT_MODE", "revert")], &event).await;
    scene.is(&ran, Violation, &[Alert], &[LOOK, PUBLISH]);
    ran.mail_says(&[FOREIGN_ID]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), OFF));
    // The bucket's owner.
    let event = scene.put_policy(&[scene.read_by(json!({"CanonicalUser": scene.owner().await}))]).await;
    scene.is(&scene.run(&[], &event).await, Ignored, &[], &[LOOK]);
}

#[tokio::test]
async fn what_two_modes_ask_for_is_done_side_by_side() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public(), scene.read_by(json!({"AWS": FOREIGN}))]).await;
    let ran = scene.run_late(&[("S3_PUBLIC_MODE", "alert"), ("S3_CROSS_ACCOUNT_MODE", "revert")], &event).await;
    let names: Vec<&str> =
        ran.calls.iter().map(|call| call.action.as_str()).filter(|call| !call.starts_with("Get")).collect();
    assert_eq!(names, ["PutBucketPolicy", "Publish"]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&[scene.public()])), OFF));

    let event = scene.put_policy(&[scene.public(), scene.read_by(json!({"AWS": FOREIGN}))]).await;
    let ran = scene.run_late(&[("S3_CROSS_ACCOUNT_MODE", "revert")], &event).await;
    scene.is(&ran, Violation, &[Reverted], POLICY_DELETED);
    assert_eq!((scene.anybody(), scene.policy().await), (403, None));
}

#[tokio::test]
async fn other_accounts_go_where_the_public_is_only_told_of() {
    let settings = [("S3_PUBLIC_MODE", "alert"), ("S3_CROSS_ACCOUNT_MODE", "revert")];
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.read_by(json!({"AWS": FOREIGN}))]).await;
    scene.is(
        &scene.run_late(&settings, &event).await,
        Violation,
        &[Reverted],
        &[LOOK, &["DeleteBucketPolicy"], LOOK, PUBLISH],
    );
    let (name, _) = scene.create_point(OFF).await;
    for (principals, left) in
        [(vec![json!({"AWS": FOREIGN}), json!({"AWS": ACCOUNT})], true), (vec![json!({"AWS": FOREIGN})], false)]
    {
        let event = scene.put_point_policy(&name, &principals).await;
        let ran = scene.run_late(&settings, &event).await;
        ran.mail_says(&["REVERTED: ", FOREIGN]);
        assert_eq!(scene.point_policy(&name).await.is_some(), left);
    }
    assert_eq!((scene.policy().await, scene.block().await), (None, OFF));
}

/// Beside a bucket that may be public the others are closed as ever, and where it is only told of, nothing is changed.
#[tokio::test]
async fn what_is_public_is_dealt_with_as_the_mode_says() {
    for (settings, outcome) in [(("PUBLIC_BUCKETS", "website"), "REVERTED: "), (("S3_PUBLIC_MODE", "alert"), "ALERT: ")]
    {
        let scene = Scene::new().await;
        let versioning = s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Enabled).build();
        let call = scene.s3.put_bucket_versioning().bucket(&scene.bucket);
        call.versioning_configuration(versioning).send().await.unwrap();
        let version = scene.put_object().await.unwrap();
        let (name, _) = scene.create_point(OFF).await;
        let whole = json!({"key": "key", "acl": [""], "x-amz-acl": ["public-read"]});
        let mut of_version = whole.clone();
        of_version["versionId"] = json!(version);
        for opening in 0..5 {
            scene.set_block(OFF).await;
            let object =
                || scene.s3.put_object_acl().bucket(&scene.bucket).key("key").acl(s3::ObjectCannedAcl::PublicRead);
            let event = match opening {
                0 => {
                    object().send().await.unwrap();
                    scene.event("PutObjectAcl", whole.clone())
                }
                1 => {
                    object().version_id(&version).send().await.unwrap();
                    scene.event("PutObjectAcl", of_version.clone())
                }
                2 => scene.put_acl(s3::BucketCannedAcl::PublicRead).await,
                3 => scene.put_point_policy(&name, &[json!("*"), json!({"AWS": ACCOUNT})]).await,
                _ => scene.put_point_policy(&name, &[json!("*")]).await,
            };
            let ran = scene.run(&[settings], &event).await;
            ran.mail_says(&[outcome]);
            assert_eq!(scene.block().await, if outcome == "ALERT: " { OFF } else { ON }, "{ran:#?}");
        }
    }
}

// ---------------------------------------------------------------------------------------------------------
// Where AWS says otherwise

#[tokio::test]
async fn where_only_aws_says_public_the_block_stays() {
    let scene = Scene::new().await;
    // The stand-in goes by AWS's list to the letter, snapback knows a key that is younger.
    let statements = [scene.read_if(json!({"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}}))];
    let event = scene.put_policy(&statements).await;
    let ran = scene.run_late(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await;
    scene.is(&ran, Violation, &[Contained], &[LOOK, BLOCK, LOOK, PUBLISH]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), ON));
}

#[tokio::test]
async fn a_word_of_aws_alone_that_may_be_late_is_asked_for_again() {
    let scene = Scene::new().await;
    let statements = [scene.read_if(json!({"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}}))];
    let event = scene.put_policy(&statements).await;
    let ran = scene.run(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await;
    assert!(ran.took > Duration::from_secs(4), "{ran:#?}");
    ran.mail_says(&["CONTAINED: ", &scene.bucket]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), ON));
}

#[tokio::test]
async fn where_aws_says_private_the_policy_stays_if_a_denial_may_be_why() {
    let scene = Scene::new().await;
    // The stand-in takes an identity provider for fixed; AWS's own word needs no such help.
    let everybody = scene.read_by(json!({"Federated": "graph.facebook.com"}));
    let denial = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{}/*", scene.bucket),
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}});
    let statements = [everybody, denial];
    let event = scene.put_policy(&statements).await;
    let ran = scene.run_late(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await;
    scene.is(&ran, Violation, &[Contained], &[LOOK, BLOCK, LOOK, PUBLISH]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), ON));

    // Without one, the word is late.
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.read_by(json!({"Federated": "graph.facebook.com"}))]).await;
    let ran = scene.run_late(&[("S3_CROSS_ACCOUNT_MODE", "off")], &event).await;
    scene.is(&ran, Violation, &[Reverted], POLICY_DELETED);
    assert_eq!((scene.policy().await, scene.block().await), (None, ON));
}

// ---------------------------------------------------------------------------------------------------------
// What fails

#[tokio::test]
async fn a_block_that_is_refused_does_not_keep_the_policy_from_going() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    scene.deny("PutPublicAccessBlock", 1);
    let ran = scene.run(&[], &event).await;
    let rounds: &[&[&str]] = &[LOOK, &["PutPublicAccessBlock 403"], LOOK, &["DeleteBucketPolicy"], LOOK, PUBLISH];
    scene.is(&ran, Violation, &[Contained], rounds);
    assert_eq!((scene.anybody(), scene.policy().await, scene.block().await), (403, None, OFF));
}

#[tokio::test]
async fn a_block_that_is_refused_for_good_is_a_failure() {
    let scene = Scene::new().await;
    let event = scene.put_block("PutBucketPublicAccessBlock", WEAK).await;
    scene.deny("PutPublicAccessBlock", 1);
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    scene.is_error(&ran, Violation, &[Failed], &[LOOK, &["PutPublicAccessBlock 403"], LOOK, PUBLISH]);
    assert_eq!(scene.block().await, WEAK);
    // Lambda's next try.
    scene.is(&scene.stage.run(&process, &event).await, Violation, &[Reverted], &[LOOK, BLOCK, LOOK, PUBLISH]);
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_shut_in() {
    let scene = Scene::new().await;
    let statements = [scene.public()];
    let event = scene.put_policy(&statements).await;
    scene.deny("GetBucketPolicy", 10);
    let ran = scene.run(&[], &event).await;
    let unread: &[&str] = &["GetBucketAcl", "GetBucketPolicy 403", "GetBucketPolicyStatus", "GetPublicAccessBlock"];
    scene.compare(&ran, Violation, &[Contained], &[unread, BLOCK, unread, PUBLISH]);
    assert_eq!((scene.anybody(), scene.block().await), (403, ON));
    assert_eq!(scene.policy().await, Some(document(&statements)));
}

#[tokio::test]
async fn a_policy_that_its_own_denial_hides_is_shut_in() {
    let scene = Scene::new().await;
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": ["s3:GetBucketPolicy", "s3:DeleteBucketPolicy"],
        "Resource": format!("arn:aws:s3:::{}", scene.bucket)});
    let event = scene.put_policy(&[scene.public(), deny]).await;
    assert_eq!(scene.anybody(), 200);
    let ran = scene.run(&[], &event).await;
    let unread: &[&str] = &["GetBucketAcl", "GetBucketPolicy 403", "GetBucketPolicyStatus", "GetPublicAccessBlock"];
    scene.compare(&ran, Violation, &[Contained], &[unread, BLOCK, unread, PUBLISH]);
    assert_eq!((scene.anybody(), scene.block().await), (403, ON));
}

#[tokio::test]
async fn what_can_t_be_read_of_an_innocent_policy_is_told() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.read_by(json!({"AWS": ACCOUNT}))]).await;
    scene.deny("GetBucketPolicyStatus", 1);
    let ran = scene.run(&[], &event).await;
    let unread: &[&str] = &["GetBucketAcl", "GetBucketPolicy", "GetBucketPolicyStatus 403", "GetPublicAccessBlock"];
    scene.is(&ran, Violation, &[Alert], &[unread, PUBLISH]);
    assert_eq!(scene.block().await, OFF);
}

#[tokio::test]
async fn a_change_that_collides_with_another_is_tried_again() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    scene.stage.inject(Fault { status: 409, ..Fault::new("", "PutPublicAccessBlock", "OperationAborted") });
    let ran = scene.run(&[], &event).await;
    let again: &[&str] = &["PutPublicAccessBlock 409"];
    let rounds: &[&[&str]] = &[LOOK, again, BLOCK, LOOK, &["DeleteBucketPolicy"], LOOK, PUBLISH];
    scene.is(&ran, Violation, &[Reverted], rounds);
    assert_eq!(scene.anybody(), 403);
}

#[tokio::test]
async fn a_lost_answer_is_made_up_for_by_looking() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    let lost = Fault { after: true, ..Fault::new("", "DeleteBucketPolicy", "InternalError") };
    scene.stage.inject(lost);
    let ran = scene.run(&[], &event).await;
    assert_eq!(ran.handled.error, None, "{ran:#?}");
    assert_eq!((scene.anybody(), scene.policy().await), (403, None));
}

#[tokio::test]
async fn when_the_time_runs_out_what_is_not_seen_closed_is_a_failure() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    scene.stage.inject(Fault { code: None, delay_seconds: 3.0, ..Fault::new("", "PutPublicAccessBlock", "") });
    let ran = scene.stage.run_within(&scene.process(&[]), &event, Duration::from_millis(13_500)).await;
    assert!(ran.handled.error.is_some() && ran.took < Duration::from_secs(3), "{ran:#?}");
    ran.mail_says(&["FAILED - ACT NOW: ", &scene.bucket]);
}

#[tokio::test]
async fn a_mail_that_sns_did_not_take_is_sent_by_the_next_try() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    scene.stage.inject(Fault { times: 3, ..Fault::new("", "Publish", "InternalError") });
    let process = scene.process(&[]);
    let ran = scene.stage.run(&process, &event).await;
    let refused: &[&str] = &["Publish 500", "Publish 500", "Publish 500"];
    scene.is_error(&ran, Violation, &[], &[LOOK, BLOCK, LOOK, &["DeleteBucketPolicy"], LOOK, refused]);
    assert_eq!(scene.anybody(), 403);
    scene.is(&scene.stage.run(&process, &event).await, Resent, &[Reverted], &[PUBLISH]);
}

// ---------------------------------------------------------------------------------------------------------
// Twice, late, and not any more

#[tokio::test]
async fn an_event_that_comes_twice_is_reverted_once() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    let process = scene.process(&[]);
    scene.is(&scene.stage.run(&process, &event).await, Violation, &[Reverted], POLICY_DELETED);
    let again = scene.stage.run(&process, &event).await;
    scene.is(&again, Violation, &[], &[LOOK]);
    assert!(again.handled.is_told_before);
    let ran = scene.run_late(&[], &event).await;
    scene.is(&ran, Violation, &[Alert], &[LOOK, PUBLISH]);
    ran.mail_says(&["already gone"]);
}

#[tokio::test]
async fn what_somebody_has_fixed_is_only_told() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    let statements = [scene.read_by(json!({"AWS": ACCOUNT}))];
    scene.put_policy(&statements).await;
    scene.is(&scene.run_late(&[], &event).await, Violation, &[Alert], &[LOOK, PUBLISH]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), OFF));

    let event = scene.put_block("PutBucketPublicAccessBlock", OFF).await;
    scene.set_block(ON).await;
    scene.is(&scene.run_late(&[], &event).await, Violation, &[Alert], &[LOOK, PUBLISH]);
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_told() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    scene.s3.delete_object().bucket(&scene.bucket).key("key").send().await.unwrap();
    scene.s3.delete_bucket().bucket(&scene.bucket).send().await.unwrap();
    scene.is(&scene.run_late(&[], &event).await, Violation, &[Alert], &[LOOK, PUBLISH]);
    let innocent = json!({"bucketPolicy": document(&[scene.read_by(json!({"AWS": ACCOUNT}))])});
    scene.is(&scene.run_late(&[], &scene.event("PutBucketPolicy", innocent)).await, Ignored, &[], &[LOOK]);
}

#[tokio::test]
async fn a_bucket_of_the_same_name_in_another_account_is_not_touched() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    scene.s3.delete_object().bucket(&scene.bucket).key("key").send().await.unwrap();
    scene.s3.delete_bucket().bucket(&scene.bucket).send().await.unwrap();
    let key = format!("AKIA{FOREIGN}0001");
    let config = sandbox::local_config(scene.stage.endpoint(), &key).await;
    let other = Scene {
        stage: Stage::new().await,
        s3: Client::new(&config),
        control: Control::new(&config),
        bucket: scene.bucket.clone(),
    };
    other.s3.create_bucket().bucket(&other.bucket).send().await.unwrap();
    other.open(&other.bucket).await;
    other.set_block(OFF).await;
    let everything = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*",
        "Resource": [other.objects(), format!("arn:aws:s3:::{}", other.bucket)]});
    other.put_policy(std::slice::from_ref(&everything)).await;
    let ran = scene.run_late(&[], &event).await;
    ran.mail_says(&["FAILED - ACT NOW: "]);
    assert!(ran.calls.iter().filter(|call| call.action != "Publish").all(|call| call.status == 403), "{ran:#?}");
    assert_eq!((other.policy().await, other.block().await), (Some(document(&[everything])), OFF));
}

#[tokio::test]
async fn what_a_young_event_opened_is_waited_for() {
    let scene = Scene::new().await;
    let request = json!({"policy": "", "bucketPolicy": document(&[scene.public()])});
    let event = scene.event("PutBucketPolicy", request);
    let process = scene.process(&[]);
    let later = async {
        sleep(Duration::from_secs(1)).await;
        scene.put_policy(&[scene.public()]).await;
    };
    let (ran, ()) = tokio::join!(scene.stage.run(&process, &event), later);
    ran.mail_says(&["REVERTED: ", &scene.bucket]);
    assert_eq!((scene.anybody(), scene.policy().await, scene.block().await), (403, None, ON));
}

#[tokio::test]
async fn what_a_young_event_opened_is_not_waited_for_without_end() {
    let scene = Scene::new().await;
    let request = json!({"policy": "", "bucketPolicy": document(&[scene.public()])});
    let ran = scene.run(&[], &scene.event("PutBucketPolicy", request)).await;
    assert!(ran.took > Duration::from_secs(14) && ran.took < Duration::from_secs(20), "{:?}", ran.took);
    ran.mail_says(&["ALERT: ", "already gone"]);
    assert_eq!(scene.block().await, OFF);
}

#[tokio::test]
async fn two_buckets_at_once_do_not_mix() {
    let (one, two) = (Scene::new().await, Scene::new().await);
    let events = (one.put_policy(&[one.public()]).await, two.put_acl(s3::BucketCannedAcl::PublicRead).await);
    let (first, second) = tokio::join!(one.run(&[], &events.0), two.run(&[], &events.1));
    one.is(&first, Violation, &[Reverted], POLICY_DELETED);
    two.is(&second, Violation, &[Reverted], &[LOOK, BLOCK, LOOK, &["PutBucketAcl"], LOOK, PUBLISH]);
    assert_eq!((one.anybody(), two.anybody_lists(), stand_in().endpoint()), (403, 403, one.stage.endpoint()));
}

// ---------------------------------------------------------------------------------------------------------
// In Japanese

const IN_JAPANESE: &[(&str, &str)] = &[("ALERT_LANGUAGE", "ja")];

#[tokio::test]
async fn a_mail_in_japanese_arrives_as_it_was_written() {
    let scene = Scene::new().await;
    let event = scene.put_policy(&[scene.public()]).await;
    let ran = scene.run(IN_JAPANESE, &event).await;
    scene.is(&ran, Violation, &[Reverted], POLICY_DELETED);
    let bucket = &scene.bucket;
    ran.mail_says(&[
        &format!("REVERTED: public policy on bucket {bucket}"),
        &format!("【発生した事象】\nPutBucketPolicy により、バケット {bucket} のバケットポリシーが設定されました。\n"),
        "  - ステートメント 1 はパブリックです: 全員が対象です\n",
        "  - ステートメントが残らないため、ポリシーを削除する\n",
        &format!("GetPublicAccessBlock {bucket}: 無効: BlockPublicAcls, IgnorePublicAcls, "),
        &format!("GetBucketPolicyStatus {bucket}: パブリック ("),
        &format!("GetBucketAcl {bucket}: 許可 1 件 ("),
        &format!("PutPublicAccessBlock {bucket}: 成功 ("),
        &format!("GetPublicAccessBlock {bucket}: 4 つの設定すべてが有効 ("),
        &format!("GetBucketPolicy {bucket}: なし ("),
    ]);
    assert_eq!(ran.handled.reason, format!("public policy on bucket {bucket}"));
}

#[tokio::test]
async fn what_failed_is_told_in_japanese_and_logged_in_english() {
    let scene = Scene::new().await;
    let event = scene.put_block("PutBucketPublicAccessBlock", WEAK).await;
    scene.deny("PutPublicAccessBlock", 1);
    let ran = scene.run(IN_JAPANESE, &event).await;
    scene.is_error(&ran, Violation, &[Failed], &[LOOK, &["PutPublicAccessBlock 403"], LOOK, PUBLISH]);
    ran.mail_says(&[
        "【失敗した処理】\n`PutPublicAccessBlock` が失敗しました: AccessDenied: ",
        &format!("PutPublicAccessBlock {}: 失敗: AccessDenied: ", scene.bucket),
        "その後に再確認しましたが、解消されたことは確認できませんでした。\n",
    ]);
    assert!(ran.handled.reason.starts_with("`PutPublicAccessBlock` failed: AccessDenied: "), "{ran:#?}");
    assert!(ran.handled.error.is_some_and(|error| error.to_string().is_ascii()));
}

// ---------------------------------------------------------------------------------------------------------
// What AWS Config and IAM Access Analyzer find

/// What makes findings be acted on.
const REVERT: (&str, &str) = ("CONFIG_FINDINGS", "revert");
/// What is behind a rule's name is asked for first.
const RULE: &[&str] = &["DescribeConfigRules"];
const ACCOUNT_LOOK: &[&str] = &["GetPublicAccessBlock"];

const READ: &str = "S3_BUCKET_PUBLIC_READ_PROHIBITED";
const WRITE: &str = "S3_BUCKET_PUBLIC_WRITE_PROHIBITED";
const LEVEL: &str = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED";

#[tokio::test]
async fn all_that_is_public_goes_by_a_finding_alone_and_nothing_else() {
    for identifier in [READ, WRITE, LEVEL, ""] {
        let scene = Scene::new().await;
        let own = scene.read_by(json!({"AWS": ACCOUNT}));
        scene.put_policy(&[own.clone(), scene.public()]).await;
        scene.put_grants(&[(everybody(), "READ"), (user(FOREIGN_ID), "READ")]).await;
        assert_eq!((scene.anybody(), scene.anybody_lists()), (200, 200));
        let (finding, asked): (Value, &[&[&str]]) = match identifier {
            "" => (scene.reachable("*", json!([{"type": "BUCKET_ACL"}])), &[]),
            identifier => (scene.found(identifier).await, &[RULE]),
        };
        let ran = scene.run(&[REVERT], &finding).await;
        let repair: &[&str] = &["PutBucketAcl", "PutBucketPolicy"];
        let rounds = [asked, &[LOOK, BLOCK, LOOK, repair, LOOK, PUBLISH]].concat();
        scene.is(&ran, Violation, &[Reverted], &rounds);
        ran.mail_says(&[
            &scene.bucket,
            "REVERTED: public bucket",
            if identifier.is_empty() { "Access Analyzer" } else { "AWS Config" },
        ]);
        ran.mail_does_not_say(&["this event", "CloudTrail's history"]);
        assert_eq!((scene.anybody(), scene.anybody_lists()), (403, 403));
        assert_eq!((scene.block().await, scene.policy().await), (ON, Some(document(&[own]))));
        assert_eq!(scene.grants().await, BTreeSet::from([format!("READ {FOREIGN_ID}")]));
    }
}

#[tokio::test]
async fn a_finding_is_only_told_unless_it_is_to_be_acted_on() {
    let scene = Scene::new().await;
    let statements = [scene.public()];
    scene.put_policy(&statements).await;
    let finding = scene.found(READ).await;
    let would = "turn on all four switches";
    for (settings, says) in [
        (&[][..], &["ConfigFindings is `alert`", would][..]),
        (&[("CONFIG_FINDINGS", "alert"), ("ROLLOUT", "observe")], &["Rollout is `observe`", would]),
        (&[REVERT, ("ROLLOUT", "observe")], &["Rollout is `observe`", would]),
        (&[REVERT, ("S3_PUBLIC_MODE", "alert")], &["S3PublicMode is `alert`"]),
    ] {
        let ran = scene.run(settings, &finding).await;
        scene.is(&ran, Violation, &[Alert], &[RULE, LOOK, PUBLISH]);
        ran.mail_says(says);
        assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), OFF));
        assert_eq!(scene.anybody(), 200);
    }
    let off = [REVERT, ("S3_PUBLIC_MODE", "off"), ("S3_CROSS_ACCOUNT_MODE", "off")];
    scene.is(&scene.run(&off, &finding).await, Ignored, &[], &[]);
}

#[tokio::test]
async fn what_is_closed_or_allowed_when_it_is_looked_at_is_only_logged() {
    let scene = Scene::new().await;
    let (read, level) = (scene.found(READ).await, scene.found(LEVEL).await);
    scene.is(&scene.run(&[REVERT], &read).await, Ignored, &[], &[RULE, LOOK]);
    scene.put_policy(&[scene.public()]).await;
    let may = ("PUBLIC_BUCKETS", scene.bucket.as_str());
    for finding in [&read, &level] {
        scene.is(&scene.run(&[REVERT, may], finding).await, Ignored, &[], &[RULE]);
    }
    let public = scene.reachable("*", json!(["POLICY"]));
    scene.is(&scene.run(&[REVERT, may], &public).await, Ignored, &[], &[LOOK]);
    assert_eq!((scene.anybody(), scene.block().await), (200, OFF));

    // Neither a rule of another function's, nor one that is gone, nor one that is content.
    let password = scene.found_of("IAM_PASSWORD_POLICY", "AWS::::Account", ACCOUNT).await;
    let gone = config_finding("s3-bucket-public-read-prohibited-gone", "AWS::S3::Bucket", &scene.bucket);
    scene.is(&scene.run(&[REVERT], &password).await, Ignored, &[], &[RULE]);
    scene.is(&scene.run(&[REVERT], &gone).await, Ignored, &[], &[&["DescribeConfigRules 400"]]);
    let mut compliant = read.clone();
    compliant["detail"]["newEvaluationResult"]["complianceType"] = json!("COMPLIANT");
    let mut archived = public.clone();
    archived["detail"]["status"] = json!("ARCHIVED");
    for content in [&compliant, &archived] {
        scene.is(&scene.run(&[REVERT], content).await, Ignored, &[], &[]);
    }
    assert_eq!(scene.anybody(), 200);

    scene.s3.delete_object().bucket(&scene.bucket).key("key").send().await.unwrap();
    scene.s3.delete_bucket().bucket(&scene.bucket).send().await.unwrap();
    scene.is(&scene.run(&[REVERT], &read).await, Ignored, &[], &[RULE, LOOK]);
    scene.is(&scene.run(&[REVERT], &public).await, Ignored, &[], &[LOOK]);
}

#[tokio::test]
async fn what_three_tell_is_taken_back_once() {
    let scene = Scene::new().await;
    let process = scene.process(&[REVERT]);
    let event = scene.put_policy(&[scene.public()]).await;
    let (config, analyzer) = (scene.found(READ).await, scene.reachable("*", json!(["POLICY"])));
    scene.is(&scene.stage.run(&process, &event).await, Violation, &[Reverted], POLICY_DELETED);
    scene.is(&scene.stage.run(&process, &config).await, Ignored, &[], &[RULE, LOOK]);
    scene.is(&scene.stage.run(&process, &analyzer).await, Ignored, &[], &[LOOK]);
    // What is behind the name is known by now.
    scene.is(&scene.stage.run(&process, &config).await, Ignored, &[], &[LOOK]);
    assert_eq!((scene.anybody(), scene.block().await, scene.policy().await), (403, ON, None));
}

#[tokio::test]
async fn a_block_that_is_off_is_a_matter_of_the_rule_on_blocks_alone() {
    let scene = Scene::new().await;
    let statements = [scene.read_by(json!({"AWS": ACCOUNT}))];
    scene.put_policy(&statements).await;
    scene.set_block(WEAK).await;
    scene.is(&scene.run(&[REVERT], &scene.found(WRITE).await).await, Ignored, &[], &[RULE, LOOK]);
    let finding = scene.found(LEVEL).await;
    let told = scene.run(&[], &finding).await;
    scene.is(&told, Violation, &[Alert], &[RULE, LOOK, PUBLISH]);
    told.mail_says(&["IgnorePublicAcls, RestrictPublicBuckets"]);
    assert_eq!(scene.block().await, WEAK);
    let ran = scene.run(&[REVERT], &finding).await;
    scene.is(&ran, Violation, &[Reverted], &[RULE, LOOK, BLOCK, LOOK, PUBLISH]);
    assert_eq!((scene.block().await, scene.policy().await), (ON, Some(document(&statements))));
    scene.is(&scene.run(&[REVERT], &finding).await, Ignored, &[], &[RULE, LOOK]);
}

#[tokio::test]
async fn other_accounts_that_are_found_are_dealt_with_as_their_mode_says() {
    let scene = Scene::new().await;
    let own = scene.read_by(json!({"AWS": ACCOUNT}));
    let statements = [own.clone(), scene.read_by(json!({"AWS": format!("arn:aws:iam::{FOREIGN}:root")}))];
    scene.put_policy(&statements).await;
    let finding = scene.reachable(FOREIGN, json!([{"type": "POLICY"}]));
    let (takes, off) = (("S3_CROSS_ACCOUNT_MODE", "revert"), ("S3_CROSS_ACCOUNT_MODE", "off"));
    for (settings, says) in [
        (&[][..], "ConfigFindings is `alert`. With `revert` there and in S3CrossAccountMode it would"),
        (&[takes], "ConfigFindings is `alert`"),
        (&[REVERT], "S3CrossAccountMode is `alert`"),
    ] {
        let ran = scene.run(settings, &finding).await;
        scene.is(&ran, Violation, &[Alert], &[LOOK, PUBLISH]);
        ran.mail_says(&[FOREIGN, says]);
        assert_eq!((scene.policy().await, scene.block().await), (Some(document(&statements)), OFF));
    }
    for settings in [("TRUSTED_ACCOUNTS", FOREIGN), off] {
        scene.is(&scene.run(&[REVERT, settings], &finding).await, Ignored, &[], &[LOOK]);
    }
    // To the rules of AWS Config it is no matter.
    scene.is(&scene.run(&[REVERT, takes], &scene.found(READ).await).await, Ignored, &[], &[RULE, LOOK]);
    let ran = scene.run(&[REVERT, takes], &finding).await;
    scene.is(&ran, Violation, &[Reverted], &[LOOK, &["PutBucketPolicy"], LOOK, PUBLISH]);
    assert_eq!((scene.policy().await, scene.block().await), (Some(document(&[own])), OFF));
    scene.is(&scene.run(&[REVERT, takes], &finding).await, Ignored, &[], &[LOOK]);
}

#[tokio::test]
async fn a_way_in_through_an_access_point_is_told() {
    let scene = Scene::new().await;
    let of_point =
        json!([{"type": "S3_ACCESS_POINT", "detail": {"accessPointArn": "arn:aws:s3:us-east-1:1:accesspoint/a"}}]);
    let (public, foreign) = (scene.reachable("*", of_point.clone()), scene.reachable(FOREIGN, of_point));
    for finding in [&public, &foreign] {
        let ran = scene.run(&[REVERT], finding).await;
        scene.is(&ran, Violation, &[Alert], &[LOOK, PUBLISH]);
        ran.mail_says(&["through an access point", "list-access-points", &scene.bucket]);
    }
    let may = ("PUBLIC_BUCKETS", scene.bucket.as_str());
    scene.is(&scene.run(&[REVERT, may], &public).await, Ignored, &[], &[LOOK]);
    scene.set_block(ON).await;
    scene.is(&scene.run(&[REVERT], &public).await, Ignored, &[], &[LOOK]);
}

#[tokio::test]
async fn the_account_s_block_that_is_found_off_is_turned_on() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await).await;
    scene.put_policy(&[scene.public()]).await;
    for (identifier, kind) in [
        ("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC", "AWS::::Account"),
        ("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS", "AWS::S3::AccountPublicAccessBlock"),
    ] {
        scene.set_account_block(WEAK).await;
        let finding = scene.found_of(identifier, kind, ACCOUNT).await;
        for (settings, says) in [
            (&[][..], &["ConfigFindings is `alert`", "turn on all four switches of the account's"][..]),
            (&[REVERT, ("PUBLIC_BUCKETS", "website")], &["would also close the buckets in PublicBuckets"]),
            (&[("PUBLIC_BUCKETS", "website")], &["would also close the buckets in PublicBuckets"]),
            (&[REVERT, ("S3_PUBLIC_MODE", "alert")], &["S3PublicMode is `alert`"]),
        ] {
            let ran = scene.run(settings, &finding).await;
            scene.is(&ran, Violation, &[Alert], &[RULE, ACCOUNT_LOOK, PUBLISH]);
            ran.mail_says(says);
            assert_eq!((scene.account_block().await, scene.anybody()), (WEAK, 200));
        }
        // What can't be read may have been closed since.
        scene.deny("GetPublicAccessBlock", 1);
        let unread = scene.run(&[REVERT], &finding).await;
        scene.is_error(&unread, Violation, &[Failed], &[RULE, &["GetPublicAccessBlock 403"], PUBLISH]);
        assert_eq!(scene.account_block().await, WEAK);

        let ran = scene.run(&[REVERT], &finding).await;
        scene.is(&ran, Violation, &[Reverted], &[RULE, ACCOUNT_LOOK, BLOCK, ACCOUNT_LOOK, PUBLISH]);
        assert_eq!((scene.account_block().await, scene.anybody()), (ON, 403));
        scene.is(&scene.run(&[REVERT], &finding).await, Ignored, &[], &[RULE, ACCOUNT_LOOK]);
    }
}

#[tokio::test]
async fn a_finding_in_another_region_is_dealt_with_there() {
    let scene = Scene::in_another_region().await;
    scene.set_block(OFF).await;
    scene.put_policy(&[scene.public()]).await;
    let mut finding = scene.reachable("*", json!(["POLICY"]));
    (finding["region"], finding["detail"]["region"]) = (json!("eu-west-1"), json!("eu-west-1"));
    scene.is(&scene.run(&[REVERT], &finding).await, Violation, &[Reverted], POLICY_DELETED);
    assert_eq!((scene.block().await, scene.policy().await), (ON, None));
}

#[tokio::test]
async fn a_bucket_that_is_another_s_or_can_t_be_read_is_left_and_told() {
    let scene = Scene::new().await;
    let statements = [scene.public()];
    scene.put_policy(&statements).await;
    let finding = scene.found(READ).await;
    for action in LOOK {
        scene.deny(action, 1);
    }
    let ran = scene.run(&[REVERT], &finding).await;
    let refused: Vec<String> = LOOK.iter().map(|action| format!("{action} 403")).collect();
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    scene.is_error(&ran, Violation, &[Failed], &[RULE, &refused, PUBLISH]);
    assert_eq!((scene.block().await, scene.policy().await), (OFF, Some(document(&statements))));
    // The next try finds it.
    scene.is(&scene.run(&[REVERT], &finding).await, Violation, &[Reverted], &[&[RULE], POLICY_DELETED].concat());
}

#[tokio::test]
async fn names_of_nobodys_choosing_reach_no_call() {
    let scene = Scene::new().await;
    let long = "x".repeat(10_000);
    for id in ["../", "a b", "x/../y", "-x-", "arn:aws:s3:::bucket", long.as_str(), "b\nLEFT FOR YOU TO DO"] {
        let ran = scene.run(&[REVERT], &scene.found_of(READ, "AWS::S3::Bucket", id).await).await;
        scene.is(&ran, Unreadable, &[Alert], &[RULE, PUBLISH]);
    }
    for arn in [
        "arn:aws:s3:::x/../",
        "arn:aws:s3:::",
        "arn:aws:s3:::bucket/key",
        "arn:aws:s3:us-east-1:123456789012:accesspoint/a",
        "arn:aws:iam:::bucket",
        "bucket",
        &format!("arn:aws:s3:::{long}"),
    ] {
        scene.is(&scene.run(&[REVERT], &bucket_found(arn, "*", json!([]))).await, Unreadable, &[Alert], &[PUBLISH]);
    }
    // Another account's, as an analyzer of an organization finds it.
    let mut finding = scene.reachable("*", json!(["POLICY"]));
    finding["detail"]["accountId"] = json!(FOREIGN);
    scene.is(&scene.run(&[REVERT], &finding).await, Unreadable, &[Alert], &[PUBLISH]);
    for (identifier, kind, id) in [
        ("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC", "AWS::::Account", FOREIGN),
        ("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS", "AWS::S3::Bucket", "bucket"),
        (READ, "AWS::::Account", ACCOUNT),
    ] {
        let ran = scene.run(&[REVERT], &scene.found_of(identifier, kind, id).await).await;
        scene.is(&ran, Unreadable, &[Alert], &[RULE, PUBLISH]);
    }
}
