//! Re-enacting S3's calls: forms, and what is left alone in an account that is not ours alone.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use aws_sdk_s3::Client;
use aws_sdk_s3control::Client as Control;
use chrono::Utc;
use rules::s3_public::block::Block;
use sandbox::reenact::s3::{Bucket, LISTING, State, version_of};
use sandbox::reenact::{Reenacted, Reenactor};
use sandbox::{StandIn, calls, local_config};
use serde_json::{Value, json};

const ALL: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const ACCOUNT: &str = "123456789012";

fn event_of(account: &str, name: &str, request: Value) -> Value {
    json!({"eventName": name, "eventSource": "s3.amazonaws.com", "awsRegion": "eu-central-1", "eventID": name,
        "eventTime": "2026-11-22T10:00:00Z", "recipientAccountId": account, "requestParameters": request,
        "responseElements": null, "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/me"),
        "userName": "me", "accountId": account}})
}

fn event(name: &str, request: Value) -> Value {
    event_of(ACCOUNT, name, request)
}

fn public_policy(bucket: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{bucket}/*")}]})
}

async fn reenact(stand_in: &StandIn, events: &[Value]) -> (Vec<Reenacted>, State, Vec<String>) {
    let config = local_config(stand_in.endpoint(), "AKIAREENACT000000000").await;
    let mut reenactor = Reenactor::new(config, events, "test", true);
    let mut made = Vec::new();
    for event in events {
        made.push(reenactor.reenact(event, Utc::now).await.unwrap());
    }
    let state = reenactor.state().await.unwrap().s3;
    let left = reenactor.clean_up().await;
    (made, state, left)
}

fn open_by(made: &Reenacted, bucket: &str) -> (Bucket, Bucket) {
    (made.before.s3.buckets[bucket].clone(), made.after.s3.buckets[bucket].clone())
}

#[tokio::test]
async fn a_list_is_public_in_whatever_form_it_is_written() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let list = json!({"AccessControlPolicy": {"AccessControlList": {"Grant": [
        {"Grantee": {"ID": "recorded-owner"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"URI": ALL}, "permission": "READ"}]}, "Owner": {"ID": "recorded-owner"}}});
    let forms = [
        list,
        json!({"x-amz-acl": ["public-read"], "acl": [""]}),
        json!({"x-amz-acl": "public-read"}),
        json!({"x-amz-grant-read": [format!("uri=\"{ALL}\"")]}),
        json!({"AccessControlList": {"x_amz_grant_read": format!("uri={ALL}")}}),
    ];
    for form in forms {
        let mut request = form.clone();
        request["bucketName"] = json!("in-some-form");
        let (made, _, left) = reenact(&stand_in, &[event("PutBucketAcl", request.clone())]).await;
        let (before, after) = open_by(&made[0], "in-some-form");
        assert!(before.read_by_anybody.is_empty(), "{form}");
        assert!(after.read_by_anybody.contains(LISTING), "{form}: {after:?}");
        assert!(!made[0].event.to_string().contains("recorded-owner"), "the owner is the bucket's own: {form}");
        assert_eq!(left, Vec::<String>::new(), "{form}");

        request["key"] = json!("a/b c.txt");
        let (made, _, left) = reenact(&stand_in, &[event("PutObjectAcl", request)]).await;
        let (before, after) = open_by(&made[0], "in-some-form");
        assert!(before.read_by_anybody.is_empty(), "{form}");
        assert!(after.read_by_anybody.contains("a/b c.txt"), "{form}: {after:?}");
        assert_eq!(left, Vec::<String>::new(), "{form}");
    }
}

/// Published records have values blanked out, all of them alike.
#[tokio::test]
async fn a_blanked_owner_is_not_taken_for_a_key() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let request = json!({"bucketName": "blanked", "key": "...", "AccessControlPolicy": {"Owner": {"ID": "..."},
        "AccessControlList": {"Grant": {"Grantee": {"ID": "..."}, "Permission": "FULL_CONTROL"}}}});
    let (made, _, _) = reenact(&stand_in, &[event("PutObjectAcl", request)]).await;
    let request = &made[0].event["requestParameters"];
    assert_eq!(request["key"], "...");
    assert_eq!(request["AccessControlPolicy"]["Owner"]["ID"], *made[0].after.s3.buckets["blanked"].owner);
}

/// The list that waits behind a block is shown, and the blocks are as they were after the look.
#[tokio::test]
async fn what_a_block_hides_is_in_the_state() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let opened = event("PutBucketAcl", json!({"bucketName": "hidden", "x-amz-acl": "public-read"}));
    let on = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true});
    let closed =
        event("PutBucketPublicAccessBlock", json!({"bucketName": "hidden", "PublicAccessBlockConfiguration": on}));
    let (_, state, left) = reenact(&stand_in, &[opened, closed]).await;
    let bucket = &state.buckets["hidden"];
    assert_eq!(bucket.block, Block::ON);
    assert!(bucket.grants.iter().any(|grant| grant.grantee.is_public()), "{bucket:?}");
    assert!(bucket.read_by_anybody.is_empty(), "{bucket:?}");
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn the_account_of_a_record_is_the_stand_ins_and_its_block_is_set_back() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let host = json!({"host": ["111122223333.s3-control.eu-central-1.amazonaws.com"]});
    let (made, _, left) = reenact(&stand_in, &[event_of("111122223333", "DeleteAccountPublicAccessBlock", host)]).await;
    assert_eq!(made[0].before.s3.account_block, Some(Block::ON));
    assert_eq!(made[0].after.s3.account_block, Some(Block::OFF));
    assert_eq!(made[0].event["recipientAccountId"], ACCOUNT);
    assert_eq!(
        made[0].event["requestParameters"]["host"][0],
        format!("{ACCOUNT}.s3-control.eu-central-1.amazonaws.com")
    );
    assert!(made[0].note.as_ref().unwrap().contains("111122223333"));
    assert_eq!(left, Vec::<String>::new());
    let on = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true});
    let turned_on = event("PutAccountPublicAccessBlock", json!({"PublicAccessBlockConfiguration": on}));
    reenact(&stand_in, &[turned_on]).await;
    let config = local_config(stand_in.endpoint(), "AKIAREENACT000000000").await;
    let found = Control::new(&config).get_public_access_block().account_id(ACCOUNT).send().await;
    assert!(found.is_err(), "there was no block before: {found:?}");
}

#[tokio::test]
async fn what_is_there_already_is_neither_changed_nor_deleted() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let config = local_config(stand_in.endpoint(), "AKIAREENACT000000000").await;
    let (s3, control) = (Client::new(&config), Control::new(&config));
    s3.create_bucket().bucket("mine").send().await.unwrap();
    control.create_access_point().account_id(ACCOUNT).name("mine").bucket("mine").send().await.unwrap();
    let policy = public_policy("mine");
    let on_mine = [
        ("PutBucketPolicy", json!({"bucketName": "mine", "bucketPolicy": policy})),
        ("PutBucketAcl", json!({"bucketName": "mine", "x-amz-acl": "public-read"})),
        ("PutObjectAcl", json!({"bucketName": "mine", "key": "k", "x-amz-acl": "public-read"})),
        ("DeleteBucketPublicAccessBlock", json!({"bucketName": "mine"})),
        (
            "PutBucketOwnershipControls",
            json!({"bucketName": "mine", "OwnershipControls": {"Rule": {"ObjectOwnership": "ObjectWriter"}}}),
        ),
        ("DeleteBucketOwnershipControls", json!({"bucketName": "mine"})),
        ("CreateBucket", json!({"bucketName": "mine"})),
        ("CreateAccessPoint", json!({"name": "new", "CreateAccessPointRequest": {"Bucket": "mine"}})),
        ("CreateAccessPoint", json!({"name": "mine", "CreateAccessPointRequest": {"Bucket": "another"}})),
        (
            "PutAccessPointPolicy",
            json!({"name": "mine", "PutAccessPointPolicyRequest": {"Policy": policy.to_string()}}),
        ),
        ("DeleteAccountPublicAccessBlock", json!({"host": format!("{ACCOUNT}.s3-control.eu-central-1.amazonaws.com")})),
    ];
    for (name, request) in on_mine {
        let mut event = event(name, request);
        event["awsRegion"] = json!("us-east-1");
        let mut reenactor = Reenactor::new(config.clone(), &[event.clone()], "test", false);
        let problem = reenactor.reenact(&event, Utc::now).await.unwrap_err().to_string();
        assert!(problem.contains("left alone"), "{name}: {problem}");
        assert_eq!(reenactor.clean_up().await, Vec::<String>::new(), "{name}");
    }
    assert!(s3.get_bucket_policy().bucket("mine").send().await.is_err());
    let block = s3.get_public_access_block().bucket("mine").send().await.unwrap();
    assert_eq!(block.public_access_block_configuration().unwrap().restrict_public_buckets(), Some(true));
    assert!(control.get_access_point_policy().account_id(ACCOUNT).name("mine").send().await.is_err());
    assert!(control.get_public_access_block().account_id(ACCOUNT).send().await.is_err());
    assert!(s3.list_objects_v2().bucket("mine").send().await.unwrap().contents().is_empty());
    // What is not there is made, and deleted.
    let event =
        event("PutBucketPolicy", json!({"bucketName": "brand-new", "bucketPolicy": public_policy("brand-new")}));
    let mut reenactor = Reenactor::new(config, std::slice::from_ref(&event), "test", false);
    let made = reenactor.reenact(&event, Utc::now).await.unwrap();
    assert_eq!(made.after.s3.buckets["brand-new"].is_policy_public, Some(true));
    assert_eq!(reenactor.clean_up().await, Vec::<String>::new());
    let left = s3.list_buckets().send().await.unwrap();
    assert_eq!(left.buckets().iter().filter_map(|bucket| bucket.name()).collect::<Vec<_>>(), ["mine"]);
}

/// The function keeps to the event's account: what is made public in another one stays so.
#[tokio::test]
async fn an_event_of_another_account_is_not_re_enacted_where_that_is_no_stand_in() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let config = local_config(stand_in.endpoint(), "AKIAREENACT000000000").await;
    let others = "111122223333";
    let policy = json!({"bucketName": "brand-new", "bucketPolicy": public_policy("brand-new")});
    let point = json!({"name": "new", "CreateAccessPointRequest": {"Bucket": "brand-new"}});
    for (event, reason) in [
        (event_of(others, "PutBucketPolicy", policy), "of account `111122223333`, and this is account `123456789012`"),
        (event_of(others, "CreateAccessPoint", point), "of account `111122223333`"),
        (event_of(others, "CreateBucket", json!({"bucketName": "brand-new"})), "of account `111122223333`"),
    ] {
        let mut reenactor = Reenactor::new(config.clone(), std::slice::from_ref(&event), "test", false);
        let problem = reenactor.reenact(&event, Utc::now).await.unwrap_err().to_string();
        assert!(problem.contains(reason), "{problem}");
        assert_eq!(reenactor.clean_up().await, Vec::<String>::new());
    }
    let made = calls(stand_in.endpoint(), "AKIAREENACT000000000").unwrap();
    let made: Vec<&str> = made.iter().map(|call| call.action.as_str()).collect();
    assert_eq!(made, ["GetCallerIdentity"; 3], "nothing else is asked for, and nothing is made");
}

/// The version that the event names is public, and a newer one is not.
#[tokio::test]
async fn a_version_has_a_newer_one_on_top() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let request = json!({"bucketName": "versions", "key": "k", "versionId": "recorded", "x-amz-acl": "public-read"});
    let (made, _, left) = reenact(&stand_in, &[event("PutObjectAcl", request)]).await;
    let (before, after) = open_by(&made[0], "versions");
    let version = version_of("k", made[0].event["requestParameters"]["versionId"].as_str().unwrap());
    assert_eq!(after.objects.keys().collect::<Vec<_>>(), ["k", version.as_str()]);
    let is_public = |bucket: &Bucket, name: &str| bucket.objects[name].iter().any(|grant| grant.grantee.is_public());
    assert!(!is_public(&before, &version) && is_public(&after, &version), "{after:?}");
    assert!(!is_public(&after, "k"), "{after:?}");
    assert_eq!(after.read_by_anybody.iter().collect::<Vec<_>>(), [&version]);
    assert_eq!(left, Vec::<String>::new());
}
