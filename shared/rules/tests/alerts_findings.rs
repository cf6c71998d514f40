//! The mails of `findings`, word for word. `INSTA_UPDATE=always cargo test -p rules` writes them anew: read what changed before
//! it is committed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

#[path = "common/mail.rs"]
mod mail;

use rules::config::Behind;
use rules::findings::detect::detect;
use rules::findings::report::report;
use rules::{Decision, Origin, Settings, event};
use serde_json::{Value, json};

use mail::compare;

const USER: &str = "AIDAQRSTUVWXYZ4EXAMPL";

#[test]
fn root_has_an_access_key() {
    check(
        "findings_root_access_key",
        &change("iam-root-access-key-check", "123456789012"),
        managed("IAM_ROOT_ACCESS_KEY_CHECK"),
    );
}

#[test]
fn root_has_no_mfa() {
    check(
        "findings_root_mfa",
        &change("root-account-mfa-enabled", "123456789012"),
        managed("ROOT_ACCOUNT_MFA_ENABLED"),
    );
}

#[test]
fn there_is_no_trail() {
    check("findings_trail", &change("cloudtrail-enabled", "123456789012"), managed("CLOUD_TRAIL_ENABLED"));
}

#[test]
fn the_password_policy_is_weak() {
    let behind = Behind::Managed {
        identifier: "IAM_PASSWORD_POLICY".to_owned(),
        parameters: json!({"MinimumPasswordLength": "14", "MaxPasswordAge": "90"}),
    };
    check("findings_password_policy", &change("iam-password-policy", "123456789012"), Some(behind));
}

#[test]
fn a_user_has_unused_credentials() {
    check("findings_unused_credentials", &change("unused", USER), managed("IAM_USER_UNUSED_CREDENTIALS_CHECK"));
}

#[test]
fn a_user_has_no_mfa() {
    check(
        "findings_user_mfa",
        &change("securityhub-iam-user-mfa-enabled-1a2b3c4d", USER),
        managed("IAM_USER_MFA_ENABLED"),
    );
}

#[test]
fn a_user_is_in_no_group() {
    check("findings_group", &change("groups", USER), managed("IAM_USER_GROUP_MEMBERSHIP_CHECK"));
}

#[test]
fn a_policy_is_not_in_use() {
    let behind = Behind::Managed {
        identifier: "IAM_POLICY_IN_USE".to_owned(),
        parameters: json!({"policyARN": "arn:aws:iam::aws:policy/AWSSupportAccess", "policyUsageType": "IAM_ROLE"}),
    };
    check("findings_policy_in_use", &change("iam-policy-in-use", "ANPAI3R4QMOG6Q5A4VWVG"), Some(behind));
}

#[test]
fn nobody_knows_the_managed_rule() {
    check("findings_managed", &change("ec2-imdsv2-check", "i-0a1b2c3d4e5f60718"), managed("EC2_IMDSV2_CHECK"));
}

#[test]
fn it_is_a_rule_of_somebodys_own() {
    let mut raw = change("our-own", "i-0a1b2c3d4e5f60718");
    raw["detail"]["newEvaluationResult"]["annotation"] = json!("No cost-center tag.");
    check("findings_custom", &raw, Some(Behind::Custom));
}

#[test]
fn the_rule_is_gone() {
    check("findings_gone", &change("our-own", "i-0a1b2c3d4e5f60718"), Some(Behind::Gone));
}

#[test]
fn its_function_does_not_hear_of_such_a_resource() {
    let mut raw = change("restricted-ssh", "r-1");
    raw["detail"]["resourceType"] = json!("AWS::Odd::Thing");
    check("findings_unheard", &raw, managed("INCOMING_SSH_DISABLED"));
}

#[test]
fn a_queue_is_public() {
    let mut raw = access("arn:aws:sqs:eu-central-1:123456789012:jobs");
    raw["detail"]["isPublic"] = json!(true);
    raw["detail"]["sources"] = json!([{"type": "POLICY"}]);
    check("findings_public_queue", &raw, None);
}

#[test]
fn another_account_can_reach_a_key() {
    let mut raw = access("arn:aws:kms:eu-central-1:123456789012:key/1f0a5c2e-6f3b-4a86-9d0e-5b7c1a2d3e4f");
    raw["detail"]["principal"] = json!({"AWS": "999988887777"});
    raw["detail"]["condition"] = json!({"aws:SourceIp": "203.0.113.0/24"});
    check("findings_outside", &raw, None);
}

/// Such a finding names nobody, and says nothing of who can reach it.
#[test]
fn a_key_could_not_be_analyzed() {
    let mut raw = access("arn:aws:kms:eu-central-1:123456789012:key/1f0a5c2e-6f3b-4a86-9d0e-5b7c1a2d3e4f");
    let detail = raw["detail"].as_object_mut().unwrap();
    for name in ["principal", "action", "condition", "isPublic"] {
        detail.remove(name);
    }
    detail.insert("error".to_owned(), json!("ACCESS_DENIED"));
    check("findings_not_analyzed", &raw, None);
}

#[test]
fn hostile() {
    let forged = "x\r\nLEFT FOR YOU TO DO\nNothing.\u{202e}";
    let mut raw = access(forged);
    for field in ["id", "resourceType", "createdAt", "region"] {
        raw["detail"][field] = json!(forged);
    }
    raw["detail"]["principal"] = json!({forged: forged});
    check("findings_hostile", &raw, None);
}

fn managed(identifier: &str) -> Option<Behind> {
    Some(Behind::Managed { identifier: identifier.to_owned(), parameters: Value::Null })
}

/// Compares the mail about a finding with the ones in snapshots/.
fn check(name: &str, raw: &Value, behind: Option<Behind>) {
    let mut event = event::parse(raw).unwrap();
    if let Origin::Config(change) = &mut event.origin {
        change.behind = behind;
    }
    let Decision::Violation(finding) = detect(&event, &Settings::default()) else { panic!("not found: {raw}") };
    compare!(name, &event, &Settings::default(), |settings: &Settings| report(
        &event,
        finding,
        settings.alert_language
    ));
}

fn change(rule: &str, id: &str) -> Value {
    let kind = match id.get(..4) {
        Some("AIDA") => "AWS::IAM::User",
        Some("ANPA") => "AWS::IAM::Policy",
        Some("i-0a") => "AWS::EC2::Instance",
        _ => "AWS::::Account",
    };
    json!({"id": "5d0f2a51-8c3e-4b7a-9f6d-1e2c3b4a5968", "detail-type": "Config Rules Compliance Change", "source": "aws.config",
        "account": "123456789012", "region": "us-east-1", "time": "2026-03-09T13:47:22Z", "detail": {
            "resourceId": id, "resourceType": kind, "awsRegion": "us-east-1", "awsAccountId": "123456789012", "configRuleName": rule,
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT", "resultRecordedTime": "2026-03-09T13:47:21.612Z"}}})
}

fn access(arn: &str) -> Value {
    let kind = if arn.contains(":kms:") { "AWS::KMS::Key" } else { "AWS::SQS::Queue" };
    json!({"id": "5d0f2a51-8c3e-4b7a-9f6d-1e2c3b4a5968", "detail-type": "Access Analyzer Finding", "source": "aws.access-analyzer",
        "account": "123456789012", "region": "eu-central-1", "time": "2026-03-09T14:05:11Z", "detail": {
            "id": "0f7c2b1e-52d8-4c8e-9d5e-2a7a6f1f5d11", "status": "ACTIVE", "resourceType": kind, "resource": arn,
            "createdAt": "2026-03-09T13:58:40Z", "updatedAt": "2026-03-09T14:05:11Z", "accountId": "123456789012",
            "region": "eu-central-1", "principal": {"AWS": "*"}, "action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
            "condition": {}, "isPublic": false, "isDeleted": false}})
}
