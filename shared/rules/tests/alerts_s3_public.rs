//! The mails of `s3-public`, word for word. `INSTA_UPDATE=always cargo test -p rules` writes them anew: read what changed before it is
//! committed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

mod common;
#[path = "common/mail.rs"]
mod mail;
#[path = "common/s3.rs"]
mod s3;

use std::collections::BTreeMap;

use rules::alert::{Step, call_failed, unreadable};
use rules::config::Behind;
use rules::s3_public::block::Block;
use rules::s3_public::detect::{Finding, Opened, detect, read};
use rules::s3_public::plan::{
    Action, LiveAccessPoint, LiveBucket, Plan, Wanted, of_access_point, of_account, of_bucket,
};
use rules::s3_public::report::{Course, report};
use rules::settings::Given;
use rules::{Decision, Event, Origin, Settings, event, localized};
use serde_json::{Value, json};

use common::Scene;
use mail::{compare, mails};
use s3::{BUCKET, EVERYBODY, acl, document, everybody_reads, foreign, narrow, private, role_writes, tls_only, website};

const SCENE: Scene =
    Scene { account: "123456789012", region: "eu-west-1", time: "2026-03-02T09:14:05Z", service: "s3" };

const REFUSED: &str = "AccessDenied: Access Denied";

// ---------------------------------------------------------------------------------------------------------
// Taken back

#[test]
fn policy_reverted() {
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": mixed()}));
    let live = LiveBucket { policy: Ok(Some(mixed())), is_public: Ok(Some(true)), ..private() };
    let rest = LiveBucket { policy: Ok(Some(narrow())), is_public: Ok(Some(false)), ..blocked() };
    let course = taken_back(&event, &live, Some(&rest), &settings(&[]), &[]);
    check("policy_reverted", &event, &settings(&[]), course);
}

#[test]
fn policy_reverted_with_all_else_that_was_public() {
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": website()}));
    let acl = Ok(acl(&[(EVERYBODY, "READ")]));
    let live = LiveBucket { policy: Ok(Some(website())), is_public: Ok(Some(true)), acl, ..private() };
    let course = taken_back(&event, &live, Some(&blocked()), &settings(&[]), &[]);
    check("policy_reverted_with_all_else_that_was_public", &event, &settings(&[]), course);
}

#[test]
fn acl_reverted() {
    let request = json!({"bucketName": BUCKET, "x-amz-acl": ["public-read-write"], "acl": [""]});
    let event = of("PutBucketAcl", request);
    let acl = Ok(acl(&[(EVERYBODY, "READ"), (EVERYBODY, "WRITE")]));
    let live = LiveBucket { acl, ..private() };
    let course = taken_back(&event, &live, Some(&blocked()), &settings(&[]), &[]);
    check("acl_reverted", &event, &settings(&[]), course);
}

#[test]
fn object_acl_reverted() {
    let request =
        json!({"bucketName": BUCKET, "key": "2026/q1.csv", "x-amz-acl": ["public-read"], "versionId": "3HL4k"});
    let event = of("PutObjectAcl", request);
    let object_acl = Some(Ok(Some(acl(&[(EVERYBODY, "READ")]))));
    let live = LiveBucket { object_acl, ..private() };
    let rest = LiveBucket { object_acl: Some(Ok(Some(acl(&[])))), ..blocked() };
    let course = taken_back(&event, &live, Some(&rest), &settings(&[]), &[]);
    check("object_acl_reverted", &event, &settings(&[]), course);
}

#[test]
fn bucket_block_reverted() {
    let event = of("DeleteBucketPublicAccessBlock", json!({"bucketName": BUCKET}));
    let course = taken_back(&event, &private(), Some(&blocked()), &settings(&[]), &[]);
    check("bucket_block_reverted", &event, &settings(&[]), course);
}

#[test]
fn account_block_reverted() {
    let block = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": false});
    let event = of("PutAccountPublicAccessBlock", json!({"PublicAccessBlockConfiguration": block}));
    let settings = settings(&[]);
    let before = of_account(SCENE.account, Some(Block::read(&block)), &settings);
    let now = of_account(SCENE.account, Some(Block::ON), &settings);
    check("account_block_reverted", &event, &settings, ended(before, Some(now), &[]));
}

#[test]
fn access_point_policy_reverted() {
    let event = of(
        "PutAccessPointPolicy",
        json!({"name": "share", "PutAccessPointPolicyRequest": {"Policy": website().to_string()}}),
    );
    let live = access_point(Block::OFF, Some(website()), None);
    let rest = access_point(Block::OFF, None, Some(Block::ON));
    let course = of_point(&event, &live, Some(&rest));
    check("access_point_policy_reverted", &event, &settings(&[]), course);
}

// ---------------------------------------------------------------------------------------------------------
// Found

#[test]
fn found_and_reverted() {
    let event = by_config("S3_BUCKET_PUBLIC_READ_PROHIBITED", "AWS::S3::Bucket", BUCKET);
    let settings = settings(&[("ConfigFindings", "revert")]);
    let acl = Ok(acl(&[(EVERYBODY, "READ")]));
    let live = LiveBucket { policy: Ok(Some(mixed())), is_public: Ok(Some(true)), acl, ..private() };
    let rest = LiveBucket { policy: Ok(Some(narrow())), is_public: Ok(Some(false)), ..blocked() };
    let course = taken_back(&event, &live, Some(&rest), &settings, &[]);
    check("found_and_reverted", &event, &settings, course);
}

#[test]
fn found_and_only_told() {
    let event = by_config("S3_BUCKET_PUBLIC_WRITE_PROHIBITED", "AWS::S3::Bucket", BUCKET);
    let live = LiveBucket { policy: Ok(Some(mixed())), is_public: Ok(Some(true)), ..private() };
    let (settings, course) = only_told(&event, &live);
    check("found_and_only_told", &event, &settings, course);
}

#[test]
fn found_without_a_block() {
    let event = by_config("S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", "AWS::S3::Bucket", BUCKET);
    let (settings, course) = only_told(&event, &private());
    check("found_without_a_block", &event, &settings, course);
}

#[test]
fn found_without_a_block_of_the_account() {
    let event = by_config("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC", "AWS::::Account", SCENE.account);
    let settings = settings(&[("ConfigFindings", "revert")]);
    let (before, now) =
        (of_account(SCENE.account, None, &settings), of_account(SCENE.account, Some(Block::ON), &settings));
    check("found_without_a_block_of_the_account", &event, &settings, ended(before, Some(now), &[]));
}

#[test]
fn found_open_to_another_account() {
    let event = by_analyzer("999988887777", "POLICY");
    let live = LiveBucket { policy: Ok(Some(foreign())), is_public: Ok(Some(false)), ..private() };
    let (settings, course) = only_told(&event, &live);
    check("found_open_to_another_account", &event, &settings, course);
}

#[test]
fn found_open_through_an_access_point() {
    let event = by_analyzer("*", "S3_ACCESS_POINT");
    check("found_open_through_an_access_point", &event, &settings(&[]), Course::Told);
}

#[test]
fn found_open_by_what_is_not_told() {
    let mut event = by_analyzer("*", "POLICY");
    if let Origin::AccessAnalyzer(access) = &mut event.origin {
        access.sources.clear();
    }
    check("found_open_by_what_is_not_told", &event, &settings(&[]), Course::Told);
}

#[test]
fn found_and_not_read() {
    let event = by_config("S3_BUCKET_PUBLIC_READ_PROHIBITED", "AWS::S3::Bucket", BUCKET);
    let problem = call_failed("GetBucketAcl", REFUSED);
    check("found_and_not_read", &event, &settings(&[("ConfigFindings", "revert")]), Course::NotRead { problem });
}

// ---------------------------------------------------------------------------------------------------------
// Shut, and something is left

#[test]
fn access_point_created_weak() {
    let block = json!({"BlockPublicAcls": false, "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": true});
    let request = json!({"name": "share", "CreateAccessPointRequest": {"Bucket": BUCKET, "PublicAccessBlockConfiguration": block}});
    let event = of("CreateAccessPoint", request);
    let live = access_point(Block::read(&block), None, Some(Block::OFF));
    let rest = access_point(Block::read(&block), None, Some(Block::ON));
    check("access_point_created_weak", &event, &settings(&[]), of_point(&event, &live, Some(&rest)));
}

#[test]
fn aws_says_public_and_nothing_was_found() {
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": narrow()}));
    let live = LiveBucket { policy: Ok(Some(narrow())), is_public: Ok(Some(true)), ..private() };
    let rest = LiveBucket { policy: Ok(Some(narrow())), is_public: Ok(Some(true)), ..blocked() };
    let course = taken_back(&event, &live, Some(&rest), &settings(&[]), &[]);
    check("aws_says_public_and_nothing_was_found", &event, &settings(&[]), course);
}

#[test]
fn contained_and_the_policy_could_not_be_written() {
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": mixed()}));
    let live = LiveBucket { policy: Ok(Some(mixed())), is_public: Ok(Some(true)), ..private() };
    let rest = LiveBucket { policy: Ok(Some(mixed())), is_public: Ok(Some(true)), ..blocked() };
    let course = taken_back(&event, &live, Some(&rest), &settings(&[]), &["PutBucketPolicy"]);
    check("contained_and_the_policy_could_not_be_written", &event, &settings(&[]), course);
}

// ---------------------------------------------------------------------------------------------------------
// Failed

#[test]
fn the_block_is_refused() {
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": website()}));
    let live = LiveBucket { policy: Ok(Some(website())), is_public: Ok(Some(true)), ..private() };
    let course = taken_back(&event, &live, Some(&live), &settings(&[]), &["PutPublicAccessBlock"]);
    check("the_block_is_refused", &event, &settings(&[]), course);
}

#[test]
fn the_accounts_block_is_refused() {
    let event =
        of("DeleteAccountPublicAccessBlock", json!({"host": ["123456789012.s3-control.eu-west-1.amazonaws.com"]}));
    let settings = settings(&[]);
    let before = of_account(SCENE.account, None, &settings);
    check(
        "the_accounts_block_is_refused",
        &event,
        &settings,
        ended(before.clone(), Some(before), &["PutPublicAccessBlock"]),
    );
}

#[test]
fn a_harmless_policy_could_not_be_read() {
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": narrow()}));
    let problem = localized!(
        "the policy's status: `GetBucketPolicyStatus` failed: {REFUSED}",
        "ポリシーのステータス: `GetBucketPolicyStatus` が失敗しました: {REFUSED}"
    );
    check("a_harmless_policy_could_not_be_read", &event, &settings(&[]), Course::NotRead { problem });
}

#[test]
fn nothing_could_be_read() {
    let event = of("PutBucketAcl", json!({"bucketName": BUCKET, "acl": [""]}));
    let problem = call_failed("GetBucketAcl", "ServiceUnavailable: Please try again");
    check("nothing_could_be_read", &event, &settings(&[]), Course::NotRead { problem });
}

// ---------------------------------------------------------------------------------------------------------
// Told

#[test]
fn withheld_by_mode() {
    let settings = settings(&[("S3PublicMode", "alert")]);
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": website()}));
    let live = LiveBucket { policy: Ok(Some(website())), is_public: Ok(Some(true)), ..private() };
    check("withheld_by_mode", &event, &settings, left(&event, &live, &settings));
}

#[test]
fn withheld_by_rollout() {
    let settings = settings(&[("Rollout", "observe")]);
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": mixed()}));
    let live = LiveBucket { policy: Ok(Some(mixed())), is_public: Ok(Some(true)), ..private() };
    check("withheld_by_rollout", &event, &settings, left(&event, &live, &settings));
}

#[test]
fn withheld_because_of_public_buckets() {
    let settings = settings(&[("PublicBuckets", "www.example.com")]);
    let event =
        of("DeleteAccountPublicAccessBlock", json!({"host": "123456789012.s3-control.eu-west-1.amazonaws.com"}));
    let plan = Box::new(of_account(SCENE.account, None, &settings));
    check("withheld_because_of_public_buckets", &event, &settings, Course::Left { plan });
}

#[test]
fn aws_does_not_call_it_public() {
    let mut denying = website();
    let denied = json!({"Sid": "OnlyHere", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::team-reports/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}});
    denying["Statement"].as_array_mut().unwrap().push(denied);
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": denying}));
    let live = LiveBucket { policy: Ok(Some(denying)), is_public: Ok(Some(false)), ..private() };
    let rest = LiveBucket { block: Ok(Some(Block::ON)), ..live.clone() };
    let course = taken_back(&event, &live, Some(&rest), &settings(&[]), &[]);
    check("aws_does_not_call_it_public", &event, &settings(&[]), course);
}

#[test]
fn another_account_is_let_in() {
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": foreign()}));
    let live = LiveBucket { policy: Ok(Some(foreign())), is_public: Ok(Some(false)), ..private() };
    check("another_account_is_let_in", &event, &settings(&[]), left(&event, &live, &settings(&[])));
}

#[test]
fn another_account_is_taken_out() {
    let settings = settings(&[("S3CrossAccountMode", "revert")]);
    let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": foreign()}));
    let live = LiveBucket { policy: Ok(Some(foreign())), is_public: Ok(Some(false)), ..private() };
    let course = taken_back(&event, &live, Some(&private()), &settings, &[]);
    check("another_account_is_taken_out", &event, &settings, course);
}

#[test]
fn an_acl_lets_in_another_account() {
    let event = of("PutBucketAcl", json!({"bucketName": BUCKET, "x-amz-grant-read": ["id=\"b1c2d3\""]}));
    let live = LiveBucket { acl: Ok(acl(&[("b1c2d3", "READ")])), ..private() };
    check("an_acl_lets_in_another_account", &event, &settings(&[]), left(&event, &live, &settings(&[])));
}

#[test]
fn a_multi_region_access_point() {
    let details = json!({"Name": "worldwide", "Policy": website().to_string()});
    let event =
        of("PutMultiRegionAccessPointPolicy", json!({"PutMultiRegionAccessPointPolicyRequest": {"Details": details}}));
    check("a_multi_region_access_point", &event, &settings(&[]), Course::Told);
}

#[test]
fn acls_count_again() {
    let rule = json!({"OwnershipControls": {"Rule": {"ObjectOwnership": "ObjectWriter"}}, "bucketName": BUCKET});
    let event = of("PutBucketOwnershipControls", rule);
    check("acls_count_again", &event, &settings(&[]), Course::Told);
}

#[test]
fn already_gone() {
    let event = of("PutBucketAcl", json!({"bucketName": BUCKET, "x-amz-acl": ["public-read"]}));
    let plan = Box::new(planned(&event, &private(), &settings(&[]), false));
    check("already_gone", &event, &settings(&[]), Course::Gone(Some(plan)));
}

#[test]
fn the_bucket_is_gone() {
    let event = of("PutBucketAcl", json!({"bucketName": BUCKET, "x-amz-acl": ["public-read"]}));
    check("the_bucket_is_gone", &event, &settings(&[]), Course::Gone(None));
}

#[test]
fn names_of_the_attackers_choosing() {
    let bucket = "x; rm -rf ~\nREVERTED";
    let event = of("PutBucketAcl", json!({"bucketName": bucket, "x-amz-acl": ["public-read"]}));
    let course = Course::NotRead { problem: localized!("no answer", "応答なし") };
    check("names_of_the_attackers_choosing", &event, &settings(&[]), course);
}

/// What cannot be read, why a statement is public and who is let in by the others: none of it is told in English alone.
#[test]
fn every_reason_is_told_in_both_languages() {
    let with = |principal: Value, condition: Value| {
        let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::team-reports/*"});
        if condition.is_object() {
            statement["Condition"] = condition;
        }
        document(&[statement])
    };
    let from = |key: &str, value: &str| json!({"StringEquals": {key: value}});
    for written in [
        with(json!("*"), from("aws:Referer", "x")),
        with(json!({"AWS": "arn:aws:iam::*:root"}), Value::Null),
        with(json!({"AWS": "arn:aws:iam::999988887777:user/${aws:username}"}), Value::Null),
        with(json!({"Federated": "cognito-identity.amazonaws.com"}), Value::Null),
        with(json!({"X": "y"}), Value::Null),
        with(json!({}), Value::Null),
        json!({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "Action": "s3:*", "Resource": "*"}]}),
        with(json!({"AWS": ["999988887777", "AROADBQP57FF2AEXAMPLE"]}), Value::Null),
        with(json!({"CanonicalUser": "0a1b".repeat(16)}), Value::Null),
        with(json!({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}), Value::Null),
        with(json!("*"), from("aws:userid", "AIDAJQABLZS4A3QDU576Q")),
        with(json!("*"), json!({"StringEquals": {"aws:PrincipalAccount": ["999988887777", "888877776666"]}})),
    ] {
        let event = of("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": written}));
        let live = LiveBucket { policy: Ok(Some(written.clone())), is_public: Ok(Some(false)), ..private() };
        let found = mails(&event, &settings(&[]), |settings| {
            report(&event, &found(&event), settings, &left(&event, &live, settings), Vec::new())
        });
        assert!(found.iter().all(|mail| mail.body.lines().any(|line| line.starts_with("  - "))), "{written}");
    }
    let details = |details: Value| json!({"CreateMultiRegionAccessPointRequest": {"Details": details}});
    for request in [details(Value::Null), details(json!({"PublicAccessBlock": {"BlockPublicAcls": false}}))] {
        let event = of("CreateMultiRegionAccessPoint", request);
        mails(&event, &settings(&[]), |settings| report(&event, &found(&event), settings, &Course::Told, Vec::new()));
    }
    for (name, request) in [
        ("PutBucketPolicy", json!({})),
        ("PutPublicAccessBlock", json!({})),
        ("PutObjectAcl", json!({"bucketName": BUCKET})),
        ("PutAccessPointPolicy", json!({})),
        ("GetObject", json!({})),
    ] {
        let event = of(name, request);
        let lost = rules::Unreadable { missing: read(&event).unwrap_err(), event: Box::new(event.clone()) };
        mails(&event, &settings(&[]), |settings| unreadable(&lost, settings.alert_language));
    }
}

/// All that may be left unread or hidden, at once.
#[test]
fn what_could_not_be_read_is_told_in_both_languages() {
    let event = of("PutObjectAcl", json!({"bucketName": BUCKET, "key": "k", "x-amz-acl": ["public-read"]}));
    let refused = || call_failed("GetX", REFUSED);
    let live = LiveBucket {
        block: Err(refused()),
        policy: Err(refused()),
        is_public: Err(refused()),
        acl: Err(refused()),
        object_acl: Some(Err(refused())),
        is_versioned: Some(Err(refused())),
    };
    let unseen = LiveBucket {
        block: Ok(Some(Block::ON)),
        object_acl: Some(Ok(Some(acl(&[])))),
        is_versioned: Some(Ok(true)),
        ..private()
    };
    for (live, rest) in [(&live, &live), (&live, &unseen), (&unseen, &unseen)] {
        let course = taken_back(&event, live, Some(rest), &settings(&[]), &[]);
        mails(&event, &settings(&[]), |settings| report(&event, &found(&event), settings, &course, Vec::new()));
    }
    let made = json!({"name": "share", "PutAccessPointPolicyRequest": {"Policy": website().to_string()}});
    let event = of("PutAccessPointPolicy", made);
    let point = LiveAccessPoint {
        policy: Err(refused()),
        is_public: Err(refused()),
        bucket_block: Some(Err(refused())),
        ..access_point(Block::OFF, None, None)
    };
    let elsewhere = LiveAccessPoint {
        bucket_account: "999988887777".to_owned(),
        ..access_point(Block::OFF, Some(website()), None)
    };
    for live in [&point, &elsewhere] {
        let course = of_point(&event, live, Some(live));
        mails(&event, &settings(&[]), |settings| report(&event, &found(&event), settings, &course, Vec::new()));
        let Opened::AccessPoint { name, change, .. } = found(&event).opened else { panic!("not of an access point") };
        let settings = settings(&[("S3PublicMode", "alert")]);
        let wanted = Wanted::of(&settings, SCENE.account, Some(BUCKET));
        let course = Course::Left { plan: Box::new(of_access_point(&name, &change, live, wanted, false)) };
        mails(&event, &settings, |settings| report(&event, &found(&event), settings, &course, Vec::new()));
    }
}

// ---------------------------------------------------------------------------------------------------------

fn check(name: &str, event: &Event, settings: &Settings, course: Course) {
    let finding = found(event);
    let steps = match course {
        Course::Told => Vec::new(),
        _ => vec![Step {
            call: "GetPublicAccessBlock",
            target: BUCKET.to_owned(),
            result: Ok("ok".to_owned()),
            millis: 41,
        }],
    };
    insta::with_settings!({snapshot_path => "snapshots/s3_public", prepend_module_to_snapshot => false, omit_expression => true}, {
        compare!(name, event, settings, |settings| report(event, &finding, settings, &course, steps.clone()));
    });
}

fn of(name: &str, request: Value) -> Event {
    event::parse(&SCENE.record(name, &request, &Value::Null)).unwrap()
}

fn found(event: &Event) -> Finding {
    if event.origin == Origin::CloudTrail {
        return read(event).unwrap().unwrap();
    }
    let Decision::Candidate(finding) = detect(event, &settings(&[])) else { panic!("no finding of ours") };
    finding
}

/// What a rule of AWS Config found, with the managed rule behind its name.
fn by_config(identifier: &str, kind: &str, id: &str) -> Event {
    let event = json!({"id": "0f7c6a39-4b52-4d0e-8a31-6b1f2c3d4e5f", "detail-type": "Config Rules Compliance Change", "source": "aws.config",
        "account": SCENE.account, "region": SCENE.region, "detail": {"configRuleName": "securityhub-s3-baa2cf8c", "resourceType": kind,
        "resourceId": id, "newEvaluationResult": {"complianceType": "NON_COMPLIANT", "resultRecordedTime": SCENE.time}}});
    let mut event = event::parse(&event).unwrap();
    let Origin::Config(change) = &mut event.origin else { panic!("not of AWS Config") };
    change.behind = Some(Behind::Managed { identifier: identifier.to_owned(), parameters: Value::Null });
    event
}

/// What IAM Access Analyzer found.
fn by_analyzer(principal: &str, source: &str) -> Event {
    let event = json!({"id": "7b1c2d3e-4f50-4a61-9b72-8c93a4b5c6d7", "detail-type": "Access Analyzer Finding", "source": "aws.access-analyzer",
        "account": SCENE.account, "region": SCENE.region, "detail": {"id": "0e1d2c3b-4a59-4687-a6b5-c4d3e2f10a1b", "status": "ACTIVE",
        "resourceType": "AWS::S3::Bucket", "resource": format!("arn:aws:s3:::{BUCKET}"), "principal": {"AWS": principal},
        "action": ["s3:GetObject"], "condition": {}, "isPublic": principal == "*", "sources": [{"type": source}],
        "createdAt": "2026-03-02T09:01:44Z", "updatedAt": SCENE.time}});
    event::parse(&event).unwrap()
}

/// The settings by which findings are only told, and what would be done by them.
fn only_told(event: &Event, live: &LiveBucket) -> (Settings, Course) {
    let settings = settings(&[]).on(event).into_owned();
    let Opened::Bucket { bucket, change } = found(event).opened else { panic!("not of a bucket") };
    let wanted = Wanted::of(&settings, SCENE.account, Some(&bucket)).with_all_taken();
    let plan = Box::new(of_bucket(&bucket, &change, live, wanted, false));
    (settings, Course::Left { plan })
}

fn settings(given: &[(&'static str, &str)]) -> Settings {
    let given =
        given.iter().map(|(name, value)| (*name, Given { name: (*name).to_owned(), value: (*value).to_owned() }));
    Settings::from_given(&given.collect::<BTreeMap<_, _>>()).unwrap()
}

fn planned(event: &Event, live: &LiveBucket, settings: &Settings, is_begun: bool) -> Plan {
    let Opened::Bucket { bucket, change } = found(event).opened else { panic!("not of a bucket") };
    of_bucket(&bucket, &change, live, Wanted::of(settings, SCENE.account, Some(&bucket)), is_begun)
}

fn left(event: &Event, live: &LiveBucket, settings: &Settings) -> Course {
    Course::Left { plan: Box::new(planned(event, live, settings, false)) }
}

/// What comes of a plan whose actions are carried out, but for the calls in `refused`.
fn taken_back(
    event: &Event,
    live: &LiveBucket,
    rest: Option<&LiveBucket>,
    settings: &Settings,
    refused: &[&str],
) -> Course {
    let before = planned(event, live, settings, false);
    let is_begun = before.contain.is_some();
    ended(before, rest.map(|rest| planned(event, rest, settings, is_begun)), refused)
}

fn of_point(event: &Event, live: &LiveAccessPoint, rest: Option<&LiveAccessPoint>) -> Course {
    let settings = settings(&[]);
    let Opened::AccessPoint { name, change, .. } = found(event).opened else { panic!("not of an access point") };
    let wanted = Wanted::of(&settings, SCENE.account, Some(BUCKET));
    let before = of_access_point(&name, &change, live, wanted, false);
    ended(before, rest.map(|rest| of_access_point(&name, &change, rest, wanted, true)), &[])
}

fn ended(before: Plan, now: Option<Plan>, refused: &[&str]) -> Course {
    let failed = |action: &Action| refused.contains(&action.call());
    let carried_out = before.actions().filter(|action| !failed(action)).cloned().collect();
    let is_shut = now.as_ref().is_none_or(|now| !now.is_open());
    Course::Done {
        carried_out,
        problems: refused.iter().map(|call| call_failed(call, REFUSED)).collect(),
        shut_at: is_shut.then(|| "2026-03-02T09:14:11Z".parse().unwrap()),
        before: Box::new(before),
        now: now.map(Box::new),
    }
}

fn blocked() -> LiveBucket {
    LiveBucket { block: Ok(Some(Block::ON)), ..private() }
}

fn access_point(block: Block, policy: Option<Value>, bucket_block: Option<Block>) -> LiveAccessPoint {
    LiveAccessPoint {
        bucket: BUCKET.to_owned(),
        bucket_account: SCENE.account.to_owned(),
        is_in_vpc: false,
        block,
        is_public: Ok(policy.as_ref().map(|_| true)),
        policy: Ok(policy),
        bucket_block: bucket_block.map(|block| Ok(Some(block))),
    }
}

fn mixed() -> Value {
    document(&[role_writes(), everybody_reads(), tls_only()])
}
