//! What `s3-public` decides on an event, and what it plans about what the account shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

#[path = "common/s3.rs"]
mod s3;

use std::collections::BTreeMap;

use rules::config::Behind;
use rules::foresee::{FUNCTIONS, Verdict};
use rules::s3_public::Scope;
use rules::s3_public::acl::{Grant, Grantee};
use rules::s3_public::block::Block;
use rules::s3_public::detect::{
    AccessPointChange, AccountChange, BucketChange, Finding, Ground, Opened, Told, detect, read,
};
use rules::s3_public::plan::{
    Action, Doubt, LiveAccessPoint, LiveBucket, Plan, PolicyOf, Wanted, is_left_to_access_points, of_access_point,
    of_account, of_bucket,
};
use rules::s3_public::report::{Course, report};
use rules::settings::Given;
use rules::{Decision, Event, Localized, Origin, Outcome, Settings, event};
use serde_json::{Value, json};

use s3::{
    BUCKET, EVERYBODY, acl, document, everybody_reads, foreign, foreign_reads, narrow, private, role_writes, tls_only,
    website,
};

const ACCOUNT: &str = "123456789012";

// ---------------------------------------------------------------------------------------------------------
// Decisions

#[derive(Debug, PartialEq)]
enum Word {
    Ignored,
    Violation,
    Candidate,
    Unreadable,
}

fn word(event: &Event, settings: &Settings) -> Word {
    match detect(event, settings) {
        Decision::Ignore(_) | Decision::Exempt(_) => Word::Ignored,
        Decision::Violation(_) | Decision::Incident(_) => Word::Violation,
        Decision::Candidate(_) => Word::Candidate,
        Decision::Unreadable(_) => Word::Unreadable,
    }
}

#[test]
fn each_call_is_judged_by_what_it_sets() {
    let on = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true});
    let weak = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": true});
    let host = json!([format!("{ACCOUNT}.s3-control.eu-west-1.amazonaws.com")]);
    for (name, request, expected) in [
        ("PutAccountPublicAccessBlock", json!({"PublicAccessBlockConfiguration": weak, "host": host}), Word::Violation),
        ("PutAccountPublicAccessBlock", json!({"PublicAccessBlockConfiguration": on}), Word::Ignored),
        ("PutAccountPublicAccessBlock", json!({}), Word::Violation),
        ("DeleteAccountPublicAccessBlock", json!({"host": host}), Word::Violation),
        (
            "PutBucketPublicAccessBlock",
            json!({"bucketName": BUCKET, "PublicAccessBlockConfiguration": weak}),
            Word::Violation,
        ),
        (
            "PutBucketPublicAccessBlock",
            json!({"bucketName": BUCKET, "PublicAccessBlockConfiguration": on}),
            Word::Ignored,
        ),
        ("PutBucketPublicAccessBlock", json!({"PublicAccessBlockConfiguration": weak}), Word::Unreadable),
        ("DeleteBucketPublicAccessBlock", json!({"bucketName": BUCKET}), Word::Violation),
        (
            "PutPublicAccessBlock",
            json!({"bucketName": BUCKET, "PublicAccessBlockConfiguration": weak}),
            Word::Violation,
        ),
        ("PutPublicAccessBlock", json!({"host": host, "PublicAccessBlockConfiguration": weak}), Word::Violation),
        ("DeletePublicAccessBlock", json!({"host": host[0]}), Word::Violation),
        ("DeletePublicAccessBlock", json!({"host": ["s3.amazonaws.com"]}), Word::Unreadable),
        ("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": website()}), Word::Violation),
        ("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": website().to_string()}), Word::Violation),
        ("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": foreign()}), Word::Violation),
        ("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": narrow()}), Word::Candidate),
        ("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": "no policy"}), Word::Candidate),
        ("PutBucketPolicy", json!({"bucketName": BUCKET}), Word::Candidate),
        ("PutBucketPolicy", json!({"bucketPolicy": website()}), Word::Unreadable),
        ("PutBucketPolicy", json!({"bucketName": BUCKET, "bucketPolicy": document(&[tls_only()])}), Word::Ignored),
        ("PutBucketAcl", json!({"bucketName": BUCKET, "x-amz-acl": ["public-read"]}), Word::Violation),
        ("PutBucketAcl", json!({"bucketName": BUCKET, "x-amz-acl": ["private"]}), Word::Ignored),
        ("PutBucketAcl", json!({"bucketName": BUCKET, "x-amz-grant-read": "id=abc"}), Word::Candidate),
        ("PutBucketAcl", json!({"bucketName": BUCKET, "acl": [""]}), Word::Candidate),
        (
            "PutObjectAcl",
            json!({"bucketName": BUCKET, "key": "k", "AccessControlList": {"x_amz_acl": "public-read"}}),
            Word::Violation,
        ),
        ("PutObjectAcl", json!({"bucketName": BUCKET, "x-amz-acl": "public-read"}), Word::Unreadable),
        ("CreateBucket", json!({"bucketName": BUCKET, "x-amz-acl": "public-read"}), Word::Violation),
        ("CreateBucket", json!({"bucketName": BUCKET}), Word::Ignored),
        ("CreateBucket", json!({"bucketName": BUCKET, "x-amz-object-ownership": ["ObjectWriter"]}), Word::Violation),
        (
            "CreateBucket",
            json!({"bucketName": BUCKET, "x-amz-object-ownership": "ObjectWriter", "x-amz-grant-read": "id=abc"}),
            Word::Candidate,
        ),
        ("CreateAccessPoint", json!({"name": "ap", "CreateAccessPointRequest": {"Bucket": BUCKET}}), Word::Ignored),
        (
            "CreateAccessPoint",
            json!({"name": "ap", "CreateAccessPointRequest": {"Bucket": BUCKET, "PublicAccessBlockConfiguration": on}}),
            Word::Ignored,
        ),
        (
            "CreateAccessPoint",
            json!({"name": "ap", "CreateAccessPointRequest": {"Bucket": BUCKET, "PublicAccessBlockConfiguration": weak}}),
            Word::Violation,
        ),
        (
            "CreateAccessPoint",
            json!({"name": "ap", "CreateAccessPointRequest": {"Bucket": BUCKET, "PublicAccessBlockConfiguration": weak,
            "VpcConfiguration": {"VpcId": "vpc-1a2b3c4d"}}}),
            Word::Ignored,
        ),
        (
            "PutAccessPointPolicy",
            json!({"name": "ap", "PutAccessPointPolicyRequest": {"Policy": website().to_string()}}),
            Word::Violation,
        ),
        (
            "PutAccessPointPolicy",
            json!({"name": "ap", "PutAccessPointPolicyRequest": {"Policy": narrow().to_string()}}),
            Word::Candidate,
        ),
        (
            "PutAccessPointPolicy",
            json!({"PutAccessPointPolicyRequest": {"Policy": website().to_string()}}),
            Word::Unreadable,
        ),
        (
            "CreateMultiRegionAccessPoint",
            json!({"CreateMultiRegionAccessPointRequest": {"Details": {"Name": "w", "PublicAccessBlock": weak}}}),
            Word::Violation,
        ),
        (
            "CreateMultiRegionAccessPoint",
            json!({"CreateMultiRegionAccessPointRequest": {"Details": {"Name": "w"}}}),
            Word::Ignored,
        ),
        ("CreateMultiRegionAccessPoint", json!({}), Word::Violation),
        (
            "PutMultiRegionAccessPointPolicy",
            json!({"PutMultiRegionAccessPointPolicyRequest": {"Details": {"Name": "w", "Policy": website().to_string()}}}),
            Word::Violation,
        ),
        (
            "PutMultiRegionAccessPointPolicy",
            json!({"PutMultiRegionAccessPointPolicyRequest": {"Details": {"Name": "w", "Policy": narrow().to_string()}}}),
            Word::Ignored,
        ),
        ("PutMultiRegionAccessPointPolicy", json!({}), Word::Violation),
        (
            "PutBucketOwnershipControls",
            json!({"bucketName": BUCKET, "OwnershipControls": {"Rule": {"ObjectOwnership": "ObjectWriter"}}}),
            Word::Violation,
        ),
        (
            "PutBucketOwnershipControls",
            json!({"bucketName": BUCKET, "OwnershipControls": {"Rule": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}),
            Word::Ignored,
        ),
        ("DeleteBucketOwnershipControls", json!({"bucketName": BUCKET}), Word::Violation),
    ] {
        assert_eq!(word(&of(name, &request), &settings(&[])), expected, "{name} {request}");
    }
}

#[test]
fn a_bucket_that_may_be_public_is_left_but_not_to_another_account() {
    let settings = settings(&[("PublicBuckets", "team-reports, www.example.com")]);
    let policy = |document: Value| of("PutBucketPolicy", &json!({"bucketName": BUCKET, "bucketPolicy": document}));
    for event in [
        of("DeleteBucketPublicAccessBlock", &json!({"bucketName": BUCKET})),
        of("PutBucketAcl", &json!({"bucketName": BUCKET, "x-amz-acl": "public-read"})),
        of(
            "PutBucketOwnershipControls",
            &json!({"bucketName": BUCKET, "OwnershipControls": {"Rule": {"ObjectOwnership": "ObjectWriter"}}}),
        ),
    ] {
        assert_eq!(word(&event, &settings), Word::Ignored, "{}", event.name);
    }
    assert_eq!(word(&policy(website()), &settings), Word::Candidate);
    assert_eq!(word(&policy(foreign()), &settings), Word::Violation);
    let other = of("PutBucketAcl", &json!({"bucketName": "team-reports2", "x-amz-acl": "public-read"}));
    assert_eq!(word(&other, &settings), Word::Violation);
}

#[test]
fn each_rule_can_be_off_by_itself() {
    let policy = |document: Value| of("PutBucketPolicy", &json!({"bucketName": BUCKET, "bucketPolicy": document}));
    let only_cross = settings(&[("S3PublicMode", "off")]);
    assert_eq!(rules::s3_public::mode(&only_cross), rules::settings::Mode::Alert);
    assert_eq!(word(&of("DeleteBucketPublicAccessBlock", &json!({"bucketName": BUCKET})), &only_cross), Word::Ignored);
    assert_eq!(word(&policy(foreign()), &only_cross), Word::Violation);
    let only_public = settings(&[("S3CrossAccountMode", "off")]);
    assert_eq!(word(&policy(foreign()), &only_public), Word::Candidate);
    assert_eq!(word(&policy(website()), &only_public), Word::Violation);
    let trusting = settings(&[("TrustedAccounts", "999988887777")]);
    assert_eq!(word(&policy(foreign()), &trusting), Word::Candidate);
}

#[test]
fn an_account_is_known_by_the_event_or_by_the_host() {
    let mut record =
        record("DeleteAccountPublicAccessBlock", &json!({"host": ["210987654321.s3-control.eu-west-1.amazonaws.com"]}));
    record.as_object_mut().unwrap().remove("recipientAccountId");
    let finding = read(&event::parse(&record).unwrap()).unwrap().unwrap();
    assert_eq!(
        finding,
        Finding { account: "210987654321".to_owned(), region: None, opened: Opened::Account(AccountChange::Deleted) }
    );
    record["requestParameters"] = json!({});
    assert!(read(&event::parse(&record).unwrap()).is_err());
}

#[test]
fn a_bucket_of_another_account_is_that_accounts_matter() {
    let mut record = record("PutBucketPolicy", &json!({"bucketName": BUCKET, "bucketPolicy": website()}));
    let owned_by = |account: &str| {
        json!([{"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::team-reports/"},
            {"accountId": account, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::team-reports"}])
    };
    for (account, expected) in [(ACCOUNT, Word::Violation), ("999988887777", Word::Ignored), ("", Word::Violation)] {
        record["resources"] = owned_by(account);
        assert_eq!(word(&event::parse(&record).unwrap(), &settings(&[])), expected, "{account}");
    }
}

/// What is found is decided by the managed rule, never by its name; without that nothing is, but by the account.
#[test]
fn a_finding_is_for_the_account_to_confirm() {
    let (bucket, account) = ("AWS::S3::Bucket", "AWS::::Account");
    let word_on = |identifier: &str, kind: &str, id: &str, given: &[(&'static str, &str)]| {
        let raw = json!({"id": "f", "detail-type": "Config Rules Compliance Change", "source": "aws.config", "account": ACCOUNT,
            "region": "eu-west-1", "detail": {"configRuleName": "s3-bucket-public-read-prohibited", "resourceType": kind,
            "resourceId": id, "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}});
        let mut event = event::parse(&raw).unwrap();
        if let Origin::Config(change) = &mut event.origin
            && !identifier.is_empty()
        {
            change.behind = Some(Behind::Managed { identifier: identifier.to_owned(), parameters: Value::Null });
        }
        let settings = settings(given);
        let foreseen =
            FUNCTIONS.iter().find(|function| function.name == "s3-public").unwrap().foresee(&event, &settings);
        (word(&event, &settings), foreseen.verdict)
    };
    let (read, level) = ("S3_BUCKET_PUBLIC_READ_PROHIBITED", "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED");
    let (blocks, periodic) =
        ("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS", "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC");
    let may = [("PublicBuckets", BUCKET)];
    let (depends, ignored, unreadable) =
        ((Word::Candidate, Verdict::Depends), (Word::Ignored, Verdict::Ignore), (Word::Unreadable, Verdict::Alert));
    for (identifier, kind, id, given, expected) in [
        (read, bucket, BUCKET, &[][..], &depends),
        ("S3_BUCKET_PUBLIC_WRITE_PROHIBITED", bucket, BUCKET, &[], &depends),
        (level, bucket, BUCKET, &[("ConfigFindings", "revert")], &depends),
        (periodic, account, ACCOUNT, &[], &depends),
        (periodic, account, ACCOUNT, &may, &depends),
        (blocks, "AWS::S3::AccountPublicAccessBlock", ACCOUNT, &[], &depends),
        ("", bucket, BUCKET, &[], &depends),
        ("", account, ACCOUNT, &[], &depends),
        (read, bucket, BUCKET, &may, &ignored),
        (level, bucket, BUCKET, &may, &ignored),
        (read, bucket, BUCKET, &[("S3PublicMode", "off")], &ignored),
        (periodic, account, ACCOUNT, &[("S3PublicMode", "off")], &ignored),
        ("ROOT_ACCOUNT_MFA_ENABLED", account, ACCOUNT, &[], &ignored),
        ("S3_BUCKET_LOGGING_ENABLED", bucket, BUCKET, &[], &ignored),
        (read, bucket, "x/../", &[], &unreadable),
        (read, account, ACCOUNT, &[], &unreadable),
        (blocks, bucket, BUCKET, &[], &unreadable),
        (blocks, account, "999988887777", &[], &unreadable),
    ] {
        assert_eq!(&word_on(identifier, kind, id, given), expected, "{identifier} {kind} {id} {given:?}");
    }
}

#[test]
fn a_new_bucket_is_where_it_was_put() {
    let request = json!({"bucketName": BUCKET, "x-amz-acl": "public-read",
        "CreateBucketConfiguration": {"LocationConstraint": "EU", "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}});
    assert_eq!(read(&of("CreateBucket", &request)).unwrap().unwrap().region.as_deref(), Some("eu-west-1"));
}

#[test]
fn what_is_only_told_says_what_it_is() {
    let weak = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": true});
    let request = json!({"CreateMultiRegionAccessPointRequest": {"Details": {"Name": "w", "PublicAccessBlock": weak}}});
    let Opened::Told(Told::MultiRegion { name, reasons }) =
        read(&of("CreateMultiRegionAccessPoint", &request)).unwrap().unwrap().opened
    else {
        panic!("not told");
    };
    assert_eq!(name.as_deref(), Some("w"));
    assert!(matches!(reasons.as_slice(), [reason] if reason.to_string().contains("BlockPublicPolicy")), "{reasons:?}");
}

// ---------------------------------------------------------------------------------------------------------
// Plans

/// AWS's example of such an event has no `sources`.
#[test]
fn what_is_public_by_what_is_not_told_may_be_so_through_an_access_point() {
    let ground = |is_public: bool, sources: Value| {
        let raw = json!({"detail-type": "Access Analyzer Finding", "source": "aws.access-analyzer", "account": "123456789012",
            "detail": {"id": "f", "status": "ACTIVE", "resourceType": "AWS::S3::Bucket", "resource": format!("arn:aws:s3:::{BUCKET}"),
                "isPublic": is_public, "sources": sources}});
        match detect(&event::parse(&raw).unwrap(), &Settings::default()) {
            Decision::Candidate(Finding {
                opened:
                    Opened::Bucket {
                        change: BucketChange::Found(Ground::Outside { is_public: public, is_through_point }),
                        ..
                    },
                ..
            }) if public == is_public => is_through_point,
            other => panic!("{other:?}"),
        }
    };
    for (is_public, sources, expected) in [
        (true, Value::Null, true),
        (true, json!(["POLICY"]), false),
        (true, json!([{"type": "S3_ACCESS_POINT"}]), true),
        (false, json!([{"type": "S3_ACCESS_POINT"}]), true),
        // Whom a policy let in is taken out of it without the block: that nobody is in it any more is the rule.
        (false, Value::Null, false),
    ] {
        assert_eq!(ground(is_public, sources.clone()), expected, "{is_public} {sources}");
    }
}

#[test]
fn of_a_bucket_that_was_found_all_counts_and_nothing_unread() {
    let (public, block) = (BucketChange::Found(Ground::Public), BucketChange::Found(Ground::Block));
    let outside = |is_public, is_through_point| BucketChange::Found(Ground::Outside { is_public, is_through_point });
    let by_list = LiveBucket { acl: Ok(acl(&[(EVERYBODY, "READ")])), ..private() };
    let by_policy = LiveBucket { policy: Ok(Some(website())), is_public: Ok(Some(true)), ..private() };
    for change in [&public, &block, &outside(true, false)] {
        for live in [&by_list, &by_policy] {
            let plan = planned(change, live, &[]);
            assert_eq!((plan.contain.is_some(), plan.repair.len()), (true, 1), "{change:?}");
        }
        assert!(planned(change, &by_policy, &[("PublicBuckets", BUCKET)]).is_empty());
    }
    assert!(planned(&public, &private(), &[]).is_empty());
    assert_eq!(planned(&block, &private(), &[]).switches_off.len(), 4);

    let unread = Err(Localized::new(|_| "no".to_owned()));
    let live = LiveBucket { block: Err(Localized::new(|_| "no".to_owned())), acl: unread, ..private() };
    for change in [&public, &block, &outside(true, false)] {
        let plan = planned(change, &live, &[]);
        assert!(plan.is_empty() && plan.not_read.len() == 2, "{change:?}: {plan:?}");
    }

    let shared = LiveBucket { policy: Ok(Some(foreign())), is_public: Ok(Some(false)), ..private() };
    let takes = [("S3CrossAccountMode", "revert")];
    assert!(planned(&public, &shared, &takes).is_empty());
    let plan = planned(&outside(false, false), &shared, &takes);
    assert_eq!((plan.contain, plan.repair.len()), (None, 1));

    let scope = |public| Scope { public, cross_account: true };
    let nothing = Plan::default();
    for (change, expected) in [
        (outside(true, true), true),
        (outside(false, true), true),
        (outside(true, false), false),
        (public.clone(), false),
    ] {
        assert_eq!(is_left_to_access_points(&change, &nothing, scope(true)), expected, "{change:?}");
    }
    assert!(!is_left_to_access_points(&outside(true, true), &nothing, scope(false)));
    let blocked = Plan { is_blocked: true, ..Plan::default() };
    assert!(!is_left_to_access_points(&outside(true, true), &blocked, scope(true)));
    assert!(is_left_to_access_points(&outside(false, true), &blocked, scope(true)));
    // What could not be read may be what lets them in.
    let unread = planned(&outside(true, true), &live, &[]);
    assert!(unread.is_empty() && !is_left_to_access_points(&outside(true, true), &unread, scope(true)));
    assert!(!is_left_to_access_points(&outside(false, true), &unread, scope(true)));
}

#[test]
fn the_door_is_shut_first_and_then_all_of_the_bucket_is_put_right() {
    let live = LiveBucket {
        policy: Ok(Some(document(&[role_writes(), everybody_reads(), tls_only()]))),
        is_public: Ok(Some(true)),
        acl: Ok(acl(&[(EVERYBODY, "READ"), ("abc", "READ")])),
        ..private()
    };
    for change in [BucketChange::Policy(Some(website())), BucketChange::Acl(None), BucketChange::Block(None)] {
        let plan = planned(&change, &live, &[]);
        assert_eq!(plan.contain, Some(Action::BlockBucket { bucket: BUCKET.to_owned() }), "{change:?}");
        let [
            Action::WritePolicy { of, document: left, public, .. },
            Action::WriteAcl { acl: left_acl, object: None, .. },
        ] = plan.repair.as_slice()
        else {
            panic!("{:?}", plan.repair);
        };
        assert_eq!(*of, PolicyOf::Bucket(BUCKET.to_owned()));
        assert_eq!(*left, Some(document(&[role_writes(), tls_only()])));
        assert_eq!(public.iter().map(|statement| statement.index).collect::<Vec<_>>(), [1]);
        assert_eq!(*left_acl, acl(&[("abc", "READ")]));
    }
}

#[test]
fn a_policy_of_which_nothing_is_left_is_deleted() {
    let live = LiveBucket { policy: Ok(Some(website())), is_public: Ok(Some(true)), ..private() };
    let plan = planned(&BucketChange::Policy(Some(website())), &live, &[]);
    assert!(matches!(plan.repair.as_slice(), [Action::WritePolicy { document: None, .. }]), "{:?}", plan.repair);
    assert_eq!(plan.repair.first().unwrap().permission(), "s3:DeleteBucketPolicy");
}

#[test]
fn what_the_event_did_not_open_is_no_ground_to_shut_anything() {
    let old_acl = LiveBucket { acl: Ok(acl(&[(EVERYBODY, "READ")])), ..private() };
    let benign = LiveBucket { policy: Ok(Some(narrow())), is_public: Ok(Some(false)), ..old_acl.clone() };
    assert!(planned(&BucketChange::Policy(Some(narrow())), &benign, &[]).is_empty());
    let old_policy = LiveBucket { policy: Ok(Some(website())), is_public: Ok(Some(true)), ..private() };
    assert!(planned(&BucketChange::Acl(Some(Vec::new())), &old_policy, &[]).is_empty());
    let of_object = BucketChange::ObjectAcl { key: "k".to_owned(), version_id: None, grants: None };
    let private = LiveBucket { object_acl: Some(Ok(Some(acl(&[])))), ..old_acl };
    assert!(planned(&of_object, &private, &[]).is_empty());
}

#[test]
fn once_the_door_is_shut_the_rest_is_still_put_right() {
    let live = LiveBucket { block: Ok(Some(Block::ON)), acl: Ok(acl(&[(EVERYBODY, "READ")])), ..private() };
    let change = BucketChange::Policy(Some(website()));
    assert!(planned(&change, &live, &[]).is_empty());
    let settings = settings(&[]);
    let plan = of_bucket(BUCKET, &change, &live, Wanted::of(&settings, ACCOUNT, Some(BUCKET)), true);
    assert!(plan.contain.is_none() && !plan.is_open() && plan.repair.len() == 1, "{plan:?}");
    // A lifted block opens whatever lies there, also if it was put on again since.
    assert_eq!(planned(&BucketChange::Block(None), &live, &[]).repair.len(), 1);
}

#[test]
fn where_aws_says_public_and_nothing_was_found_the_block_goes_on_and_the_policy_stays() {
    let live = LiveBucket { policy: Ok(Some(narrow())), is_public: Ok(Some(true)), ..private() };
    let plan = planned(&BucketChange::Policy(Some(narrow())), &live, &[]);
    assert_eq!(plan.doubt, Some(Doubt::OnlyAws));
    assert!(plan.contain.is_some() && plan.repair.is_empty() && plan.is_open());
}

#[test]
fn where_aws_says_private_and_a_denial_may_be_why_the_door_is_shut_and_the_policy_stays() {
    let change = BucketChange::Policy(Some(website()));
    let mut denying = website();
    let denied = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::team-reports/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}});
    denying["Statement"].as_array_mut().unwrap().push(denied);
    let live = LiveBucket { policy: Ok(Some(denying)), is_public: Ok(Some(false)), ..private() };
    let plan = planned(&change, &live, &[]);
    assert_eq!(plan.doubt, Some(Doubt::OnlySnapback));
    assert!(plan.contain.is_some() && plan.repair.is_empty() && plan.is_open(), "{plan:?}");
    // Where AWS says public, or nothing, the denial changes nothing.
    for says in [Ok(Some(true)), Err(Localized::verbatim("AccessDenied"))] {
        let plan = planned(&change, &LiveBucket { is_public: says, ..live.clone() }, &[]);
        assert!(plan.doubt.is_none() && plan.contain.is_some() && plan.repair.len() == 1, "{plan:?}");
    }
    // Nor is a late word of AWS's a ground to leave anything, beside a denial that only demands TLS.
    for document in [website(), document(&[everybody_reads(), tls_only()])] {
        let late = LiveBucket { policy: Ok(Some(document)), is_public: Ok(Some(false)), ..private() };
        let plan = planned(&change, &late, &[]);
        assert!(plan.doubt.is_none() && plan.contain.is_some() && plan.repair.len() == 1, "{plan:?}");
    }
    // A list is not what AWS's word is about.
    let live = LiveBucket { acl: Ok(acl(&[(EVERYBODY, "READ")])), ..live };
    let plan = planned(&BucketChange::Acl(None), &live, &[]);
    assert!(plan.contain.is_some() && matches!(plan.repair.as_slice(), [Action::WriteAcl { .. }]), "{plan:?}");
}

#[test]
fn what_cannot_be_read_is_shut_by_the_events_word() {
    let unread = || Err(Localized::verbatim("AccessDenied"));
    let live = LiveBucket { policy: unread(), is_public: Err(Localized::verbatim("AccessDenied")), ..private() };
    let plan = planned(&BucketChange::Policy(Some(website())), &live, &[]);
    assert!(plan.contain.is_some() && plan.repair.is_empty() && plan.not_read.len() == 2, "{plan:?}");
    assert!(planned(&BucketChange::Policy(Some(narrow())), &live, &[]).contain.is_none());
    // AWS knows what snapback may not read.
    let live = LiveBucket { is_public: Ok(Some(true)), ..live };
    let plan = planned(&BucketChange::Policy(Some(narrow())), &live, &[]);
    assert!(plan.contain.is_some() && plan.doubt == Some(Doubt::OnlyAws), "{plan:?}");
    let live = LiveBucket { acl: Err(Localized::verbatim("AccessDenied")), ..private() };
    assert!(planned(&BucketChange::Policy(Some(narrow())), &live, &[]).not_read.is_empty());
    let grants = vec![Grant { grantee: Grantee::Group(EVERYBODY.to_owned()), permission: "READ".to_owned() }];
    assert!(planned(&BucketChange::Acl(Some(grants)), &live, &[]).contain.is_some());
    let live = LiveBucket { block: Err(Localized::verbatim("AccessDenied")), ..private() };
    assert!(planned(&BucketChange::Block(None), &live, &[]).contain.is_some());
}

#[test]
fn modes_say_what_is_planned() {
    let live = LiveBucket {
        policy: Ok(Some(document(&[everybody_reads(), foreign_reads()]))),
        is_public: Ok(Some(true)),
        ..private()
    };
    let change = BucketChange::Policy(None);
    let removed = |given: &[(&'static str, &str)]| {
        let plan = planned(&change, &live, given);
        let counts = plan.repair.iter().map(|action| match action {
            Action::WritePolicy { public, outsiders, .. } => (public.len(), outsiders.len()),
            _ => panic!("{action:?}"),
        });
        (plan.contain.is_some(), counts.collect::<Vec<_>>(), plan.outsiders.len())
    };
    assert_eq!(removed(&[]), (true, vec![(1, 0)], 1));
    assert_eq!(removed(&[("S3PublicMode", "alert")]), (false, vec![], 1));
    assert_eq!(removed(&[("S3CrossAccountMode", "revert")]), (true, vec![(1, 1)], 1));
    assert_eq!(removed(&[("S3PublicMode", "off"), ("S3CrossAccountMode", "revert")]), (false, vec![(0, 1)], 1));
    assert_eq!(removed(&[("S3CrossAccountMode", "off")]), (true, vec![(1, 0)], 0));
    assert_eq!(removed(&[("PublicBuckets", BUCKET)]), (false, vec![], 1));
}

#[test]
fn a_version_that_can_t_be_told_is_shut_in() {
    let everybody = vec![Grant { grantee: Grantee::Group(EVERYBODY.to_owned()), permission: "READ".to_owned() }];
    let change =
        |grants: Vec<Grant>| BucketChange::ObjectAcl { key: "k".to_owned(), version_id: None, grants: Some(grants) };
    let live = |is_versioned, object_acl| LiveBucket {
        is_versioned: Some(is_versioned),
        object_acl: Some(Ok(object_acl)),
        ..private()
    };
    for (is_versioned, object_acl, expected) in [
        (Ok(true), Some(acl(&[])), true),
        (Ok(true), None, true),
        (unread(), Some(acl(&[])), true),
        (Ok(true), Some(acl(&[(EVERYBODY, "READ")])), false),
        (Ok(false), Some(acl(&[])), false),
    ] {
        let plan = planned(&change(everybody.clone()), &live(is_versioned.clone(), object_acl.clone()), &[]);
        assert_eq!(plan.is_version_unknown, expected, "{is_versioned:?} {object_acl:?}");
        assert_eq!(plan.contain.is_some(), expected || !plan.grants.is_empty());
        // Once begun, it is still not known.
        let settings = settings(&[]);
        let live = live(is_versioned, object_acl);
        let wanted = Wanted::of(&settings, ACCOUNT, Some(BUCKET));
        assert_eq!(of_bucket(BUCKET, &change(everybody.clone()), &live, wanted, true).is_version_unknown, expected);
        assert!(!planned(&change(Vec::new()), &live, &[]).is_version_unknown);
    }
}

#[test]
fn a_block_hides_what_lists_hold() {
    let only_ignores = Block { ignore_public_acls: true, ..Block::OFF };
    let hides =
        |block, acl| planned(&BucketChange::Acl(None), &LiveBucket { block, acl, ..private() }, &[]).hides_grants;
    assert!(hides(Ok(Some(only_ignores)), Ok(acl(&[]))) && hides(Ok(Some(Block::ON)), Ok(acl(&[]))));
    assert!(
        !hides(Ok(None), Ok(acl(&[])))
            && !hides(Ok(Some(Block { ignore_public_acls: false, ..Block::ON })), Ok(acl(&[])))
    );
}

#[test]
fn lists_of_other_accounts_are_only_told() {
    let live = LiveBucket { acl: Ok(acl(&[("abc", "READ")])), ..private() };
    let plan = planned(&BucketChange::Acl(None), &live, &[("S3CrossAccountMode", "revert")]);
    assert!(plan.actions().next().is_none() && plan.foreign_grants.len() == 1);
    assert!(planned(&BucketChange::Policy(None), &live, &[]).is_empty());
}

#[test]
fn an_account_is_shut_unless_buckets_may_be_public() {
    let weak = Block { block_public_acls: false, ..Block::ON };
    let plan = of_account(ACCOUNT, Some(weak), &settings(&[]));
    assert!(plan.contain.is_some() && plan.is_open() && plan.switches_off == ["BlockPublicAcls"]);
    assert!(of_account(ACCOUNT, None, &settings(&[])).contain.is_some());
    assert!(of_account(ACCOUNT, Some(Block::ON), &settings(&[])).is_empty());
    for given in [("PublicBuckets", "www.example.com"), ("S3PublicMode", "alert")] {
        let plan = of_account(ACCOUNT, None, &settings(&[given]));
        assert!(plan.contain.is_none() && plan.is_open(), "{given:?}");
    }
}

#[test]
fn an_access_point_is_shut_by_its_buckets_block() {
    let block_bucket = Some(Action::BlockBucket { bucket: BUCKET.to_owned() });
    let policy = AccessPointChange::Policy(Some(website()));
    let created = AccessPointChange::Created(Block::OFF);
    let public = LiveAccessPoint { policy: Ok(Some(website())), is_public: Ok(Some(true)), ..access_point() };
    let plan = planned_point(&policy, &public);
    assert_eq!(plan.contain, block_bucket);
    let [action @ Action::WritePolicy { of: PolicyOf::AccessPoint(_), document: None, .. }] = plan.repair.as_slice()
    else {
        panic!("{:?}", plan.repair);
    };
    assert_eq!(action.permission(), "s3:DeleteAccessPointPolicy");
    assert_eq!(planned_point(&created, &access_point()).contain, block_bucket);

    let shut = LiveAccessPoint { bucket_block: Some(Ok(Some(Block::ON))), ..public.clone() };
    let plan = planned_point(&policy, &shut);
    assert!(plan.contain.is_none() && !plan.is_open() && plan.repair.len() == 1);

    let elsewhere = LiveAccessPoint { bucket_account: "999988887777".to_owned(), ..public.clone() };
    let plan = planned_point(&policy, &elsewhere);
    assert!(plan.contain.is_none() && plan.other_account.is_some() && plan.repair.len() == 1);

    let in_vpc = LiveAccessPoint { is_in_vpc: true, ..public };
    assert!(planned_point(&policy, &in_vpc).is_empty());
}

// ---------------------------------------------------------------------------------------------------------
// How it ended

#[test]
fn the_outcome_is_what_was_seen() {
    let policy = BucketChange::Policy(Some(website()));
    let public = LiveBucket { policy: Ok(Some(website())), is_public: Ok(Some(true)), ..private() };
    let blocked = LiveBucket { block: Ok(Some(Block::ON)), ..private() };
    let mixed = document(&[everybody_reads(), foreign_reads()]);
    let with_foreign = LiveBucket { policy: Ok(Some(foreign())), is_public: Ok(Some(false)), ..private() };
    let only_cross = [("S3PublicMode", "alert"), ("S3CrossAccountMode", "revert")];
    let cross = [("S3CrossAccountMode", "revert")];
    let still_public = LiveBucket { block: Ok(Some(Block::ON)), ..public.clone() };
    let none: &[&str] = &[];
    let refused: &[&str] = &["`PutPublicAccessBlock` failed: AccessDenied"];
    for (name, before, now, given, problems, expected, retries) in [
        ("shut and put right", &public, &blocked, &[][..], none, Outcome::Reverted, false),
        ("an error, and done", &public, &blocked, &[], refused, Outcome::Alert, false),
        ("shut, not put right", &public, &still_public, &[], none, Outcome::Contained, true),
        ("put right, not shut", &public, &private(), &[], refused, Outcome::Contained, false),
        ("neither", &public, &public, &[], refused, Outcome::Failed, true),
        (
            "shut, not all read",
            &public,
            &LiveBucket { acl: unread(), ..blocked.clone() },
            &[],
            none,
            Outcome::Contained,
            false,
        ),
        (
            "block not read",
            &public,
            &LiveBucket { block: unread(), ..blocked.clone() },
            &[],
            none,
            Outcome::Failed,
            true,
        ),
        (
            "policy never read",
            &LiveBucket { policy: unread(), is_public: unread(), ..private() },
            &LiveBucket { policy: unread(), is_public: unread(), ..blocked.clone() },
            &[],
            none,
            Outcome::Contained,
            false,
        ),
        (
            "policy read late",
            &LiveBucket { policy: unread(), ..public.clone() },
            &still_public,
            &[],
            none,
            Outcome::Contained,
            true,
        ),
        (
            "other accounts out, public left by mode",
            &LiveBucket { policy: Ok(Some(mixed)), ..public.clone() },
            &public,
            &only_cross,
            none,
            Outcome::Alert,
            false,
        ),
        ("other accounts out", &with_foreign, &private(), &cross, none, Outcome::Reverted, false),
        (
            "other accounts out, list not read",
            &with_foreign,
            &LiveBucket { acl: unread(), ..private() },
            &cross,
            none,
            Outcome::Reverted,
            false,
        ),
        ("other accounts still in", &with_foreign, &with_foreign, &cross, none, Outcome::Failed, true),
        (
            "other accounts still in, under a block",
            &with_foreign,
            &LiveBucket { block: Ok(Some(Block::ON)), ..with_foreign.clone() },
            &cross,
            none,
            Outcome::Failed,
            true,
        ),
        (
            "other accounts, not seen out",
            &with_foreign,
            &LiveBucket { policy: unread(), ..blocked.clone() },
            &cross,
            none,
            Outcome::Failed,
            true,
        ),
    ] {
        let settings = settings(given);
        let wanted = || Wanted::of(&settings, ACCOUNT, Some(BUCKET));
        let before = of_bucket(BUCKET, &policy, before, wanted(), false);
        let is_begun = before.contain.is_some();
        let now = of_bucket(BUCKET, &policy, now, wanted(), is_begun);
        let course = Course::Done {
            carried_out: before.actions().cloned().collect(),
            before: Box::new(before),
            problems: problems.iter().copied().map(Localized::verbatim).collect(),
            now: Some(Box::new(now)),
            shut_at: None,
        };
        let event = of("PutBucketPolicy", &json!({"bucketName": BUCKET, "bucketPolicy": website()}));
        let finding = read(&event).unwrap().unwrap();
        let report = report(&event, &finding, &settings, &course, Vec::new());
        assert_eq!((report.outcome, report.problem.is_some()), (expected, retries), "{name}: {report:#?}");
    }
}

#[test]
fn what_can_t_be_read_is_bad_only_if_the_event_is() {
    let told = |document: Value| {
        let event = of("PutBucketPolicy", &json!({"bucketName": BUCKET, "bucketPolicy": document}));
        let finding = read(&event).unwrap().unwrap();
        let course = Course::NotRead { problem: Localized::verbatim("AccessDenied") };
        let report = report(&event, &finding, &settings(&[]), &course, Vec::new());
        (report.outcome, report.problem.is_some())
    };
    assert_eq!(told(narrow()), (Outcome::Alert, false));
    assert_eq!(told(website()), (Outcome::Failed, true));
    assert_eq!(told(json!("no policy")), (Outcome::Failed, true));
}

// ---------------------------------------------------------------------------------------------------------

fn record(name: &str, request: &Value) -> Value {
    json!({"eventName": name, "eventSource": "s3.amazonaws.com", "eventID": "e-1", "recipientAccountId": ACCOUNT,
        "awsRegion": "eu-west-1", "eventTime": "2026-03-02T09:14:05Z", "requestParameters": request})
}

fn of(name: &str, request: &Value) -> Event {
    event::parse(&record(name, request)).unwrap()
}

fn settings(given: &[(&'static str, &str)]) -> Settings {
    let given =
        given.iter().map(|(name, value)| (*name, Given { name: (*name).to_owned(), value: (*value).to_owned() }));
    Settings::from_given(&given.collect::<BTreeMap<_, _>>()).unwrap()
}

fn planned(change: &BucketChange, live: &LiveBucket, given: &[(&'static str, &str)]) -> Plan {
    let settings = settings(given);
    of_bucket(BUCKET, change, live, Wanted::of(&settings, ACCOUNT, Some(BUCKET)), false)
}

fn planned_point(change: &AccessPointChange, live: &LiveAccessPoint) -> Plan {
    let settings = settings(&[]);
    of_access_point("share", change, live, Wanted::of(&settings, ACCOUNT, Some(BUCKET)), false)
}

fn unread<T>() -> Result<T, Localized> {
    Err(Localized::verbatim("AccessDenied"))
}

fn access_point() -> LiveAccessPoint {
    LiveAccessPoint {
        bucket: BUCKET.to_owned(),
        bucket_account: ACCOUNT.to_owned(),
        is_in_vpc: false,
        block: Block::OFF,
        policy: Ok(None),
        is_public: Ok(None),
        bucket_block: None,
    }
}
