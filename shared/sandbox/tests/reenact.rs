//! Re-enacting in an account that is not ours alone: what is there already stays as it is.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use aws_sdk_iam::Client;
use chrono::Utc;
use sandbox::reenact::Reenactor;
use sandbox::{StandIn, local_config};
use serde_json::{Value, json};

const OWN_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const OPEN_TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;

fn event(name: &str, request: Value) -> Value {
    json!({"eventName": name, "eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1", "eventID": name,
        "eventTime": "2026-11-22T10:00:00Z", "requestParameters": request, "responseElements": null,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/somebody", "userName": "somebody"}})
}

fn refused(mut event: Value) -> Value {
    event["errorCode"] = json!("EntityAlreadyExists");
    event
}

#[tokio::test]
async fn what_is_there_already_is_neither_changed_nor_deleted() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let config = local_config(stand_in.endpoint(), "AKIAREENACT000000000").await;
    let iam = Client::new(&config);
    for name in ["me", "me2", "me3"] {
        iam.create_user().user_name(name).send().await.unwrap();
    }
    iam.create_role().role_name("mine").assume_role_policy_document(OWN_TRUST).send().await.unwrap();
    iam.create_group().group_name("ours").send().await.unwrap();

    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let scenarios = [
        vec![
            event("CreateRole", json!({"roleName": "mine", "assumeRolePolicyDocument": OPEN_TRUST})),
            event("UpdateAssumeRolePolicy", json!({"roleName": "mine", "policyDocument": OPEN_TRUST})),
        ],
        vec![
            event("CreateUser", json!({"userName": "me"})),
            event("CreateAccessKey", json!({"userName": "me"})),
            event("CreateLoginProfile", json!({"userName": "me"})),
        ],
        vec![
            refused(event("CreateUser", json!({"userName": "me2"}))),
            event("AttachUserPolicy", json!({"userName": "me2", "policyArn": administrator})),
        ],
        vec![event("PutUserPolicy", json!({"userName": "me3", "policyName": "p", "policyDocument": OPEN_TRUST}))],
        vec![event("AddUserToGroup", json!({"userName": "somebody-new", "groupName": "ours"}))],
        vec![event("DeleteAccountPasswordPolicy", json!(null))],
    ];
    for scenario in &scenarios {
        let mut reenactor = Reenactor::new(config.clone(), scenario, "test", false);
        for event in scenario {
            let is_refused = event.get("errorCode").is_some();
            let made = reenactor.reenact(event, Utc::now).await;
            assert_eq!(made.is_ok(), is_refused, "{event}: {made:?}");
        }
        assert_eq!(reenactor.clean_up().await, Vec::<String>::new());
    }

    for name in ["me", "me2", "me3"] {
        let keys = iam.list_access_keys().user_name(name).send().await.unwrap();
        assert!(keys.access_key_metadata().is_empty(), "{name}");
        let attached = iam.list_attached_user_policies().user_name(name).send().await.unwrap();
        assert!(attached.attached_policies().is_empty(), "{name}");
        assert!(iam.list_user_policies().user_name(name).send().await.unwrap().policy_names().is_empty(), "{name}");
        assert!(iam.get_login_profile().user_name(name).send().await.is_err(), "{name}");
    }
    let role = iam.get_role().role_name("mine").send().await.unwrap();
    assert!(!role.role().unwrap().assume_role_policy_document().unwrap().contains("%22%2A%22"), "the role is open now");
    assert!(iam.get_group().group_name("ours").send().await.unwrap().users().is_empty());
    assert!(iam.get_user().user_name("somebody-new").send().await.is_err(), "what was made is deleted");
}
