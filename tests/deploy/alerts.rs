//! deploy/security-account.yaml: the functions and alarms of the watched accounts reach the topic and its key, and nobody else does.

use iam_rs::Decision;
use serde_json::Value as Json;
use tests::cloudformation::{Stack, references, resources};

use crate::organization::each_with_something_less;
use tests::evaluator::{Call, judge};

const ORGANIZATION: &str = "o-a1b2c3d4e5";
const TOPIC: &str = "arn:aws:sns:eu-west-1:999988887777:snapback-alerts-AlertTopic-1F";
const KEY: &str = "arn:aws:kms:eu-west-1:999988887777:key/0f7c2b1e-52d8-4c8e-9d5e-2a7a6f1f5d11";

type Context = &'static [(&'static str, &'static str)];

const MEMBER: Context =
    &[("aws:PrincipalOrgID", ORGANIZATION), ("aws:PrincipalAccount", "111122223333"), ("aws:SecureTransport", "true")];
const STRANGER: Context = &[
    ("aws:PrincipalOrgID", "o-9z8y7x6w5v"),
    ("aws:PrincipalAccount", "666677778888"),
    ("aws:SecureTransport", "true"),
];
/// Of no organization at all.
const LONER: Context = &[("aws:PrincipalAccount", "666677778888"), ("aws:SecureTransport", "true")];
const ALARM: Context = &[
    ("aws:SourceOrgID", ORGANIZATION),
    ("aws:SourceAccount", "111122223333"),
    ("aws:SourceArn", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:snapback-FailedEventsAlarm-1F"),
    ("aws:SecureTransport", "true"),
];
const ALARM_OF_SET: Context = &[
    ("aws:SourceOrgID", ORGANIZATION),
    ("aws:SourceAccount", "111122223333"),
    ("aws:SourceArn", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:StackSet-snapback-1f-FailedEventsAlarm-1F"),
    ("aws:SecureTransport", "true"),
];
const OTHER_ALARM: Context = &[
    ("aws:SourceOrgID", ORGANIZATION),
    ("aws:SourceAccount", "111122223333"),
    ("aws:SourceArn", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:billing"),
    ("aws:SecureTransport", "true"),
];
const STRANGERS_ALARM: Context = &[
    ("aws:SourceOrgID", "o-9z8y7x6w5v"),
    ("aws:SourceAccount", "666677778888"),
    ("aws:SourceArn", "arn:aws:cloudwatch:eu-west-1:666677778888:alarm:snapback-FailedEventsAlarm-1F"),
    ("aws:SecureTransport", "true"),
];
const FUNCTION: &str = "arn:aws:iam::111122223333:role/snapback-IamUserRole-1F";
const FUNCTION_OF_SET: &str = "arn:aws:iam::111122223333:role/StackSet-snapback-1f-IamUserRole-1F";
const ADMIN: &str = "arn:aws:iam::111122223333:role/Admin";
const IMPOSTOR: &str = "arn:aws:iam::111122223333:role/x/snapback-IamUserRole-1F";
const USER: &str = "arn:aws:iam::111122223333:user/snapback-user";
const STRANGERS_ROLE: &str = "arn:aws:iam::666677778888:role/snapback-IamUserRole-1F";
const CLOUDWATCH: &str = "cloudwatch.amazonaws.com";

/// Who asks, what AWS knows of them, and whether they may.
const CALLERS: &[(&str, Context, bool)] = &[
    (FUNCTION, MEMBER, true),
    (FUNCTION_OF_SET, MEMBER, true),
    (ADMIN, MEMBER, false),
    (IMPOSTOR, MEMBER, false),
    (USER, MEMBER, false),
    ("arn:aws:iam::111122223333:root", MEMBER, false),
    (STRANGERS_ROLE, STRANGER, false),
    (STRANGERS_ROLE, LONER, false),
    (CLOUDWATCH, ALARM, true),
    (CLOUDWATCH, ALARM_OF_SET, true),
    (CLOUDWATCH, OTHER_ALARM, false),
    (CLOUDWATCH, STRANGERS_ALARM, false),
    ("events.amazonaws.com", ALARM, false),
];

const OF_ORGANIZATION: &[(&str, &str)] = &[("OrganizationId", ORGANIZATION)];
const OF_ACCOUNTS: &[(&str, &str)] = &[("MemberAccounts", "444455556666,111122223333")];

fn policies(given: &[(&str, &str)]) -> [Json; 2] {
    let fixed = [("AWS::Region", "eu-west-1"), ("AWS::AccountId", "999988887777"), ("AWS::Partition", "aws")];
    let fixed = [fixed.as_slice(), &[("AWS::URLSuffix", "amazonaws.com"), ("AlertTopic", TOPIC)]].concat();
    let stack = Stack::new("deploy/security-account.yaml", &[fixed.as_slice(), given].concat());
    [
        stack.properties("AlertTopicPolicy").unwrap()["PolicyDocument"].clone(),
        stack.properties("AlertKey").unwrap()["KeyPolicy"].clone(),
    ]
}

/// Who calls what, what AWS knows of it, and whether they may.
type Row = (&'static str, &'static str, Vec<(&'static str, &'static str)>, bool);

/// Every call that anybody makes on topic and key.
fn calls() -> Vec<Row> {
    let mut calls = Vec::new();
    for &(who, context, may) in CALLERS {
        let with = |more: Context| {
            let principal = (!who.ends_with(".amazonaws.com")).then_some(("aws:PrincipalArn", who));
            principal.into_iter().chain(context.iter().chain(more).copied()).collect::<Vec<_>>()
        };
        calls.push((who, "sns:Publish", with(&[]), may));
        let mut in_clear = with(&[]);
        in_clear.retain(|(key, _)| *key != "aws:SecureTransport");
        in_clear.push(("aws:SecureTransport", "false"));
        calls.push((who, "sns:Publish", in_clear, false));
        for action in ["sns:Subscribe", "sns:SetTopicAttributes", "sns:DeleteTopic", "sns:AddPermission"] {
            calls.push((who, action, with(&[]), false));
        }
        for action in ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"] {
            calls.push((who, action, with(&[("kms:ViaService", "sns.eu-west-1.amazonaws.com")]), may));
            // A service has no service between itself and the key.
            let is_service = who == CLOUDWATCH && may;
            calls.push((who, action, with(&[]), is_service));
            let elsewhere = with(&[("kms:ViaService", "sqs.eu-west-1.amazonaws.com")]);
            calls.push((who, action, elsewhere, is_service));
        }
        for action in ["kms:Encrypt", "kms:PutKeyPolicy", "kms:DisableKey", "kms:CreateGrant"] {
            calls.push((who, action, with(&[("kms:ViaService", "sns.eu-west-1.amazonaws.com")]), false));
        }
    }
    calls
}

fn is_allowed([topic, key]: &[Json; 2], who: &str, action: &str, context: &[(&str, &str)]) -> bool {
    let (policy, resource) = if action.starts_with("sns:") { (topic, TOPIC) } else { (key, KEY) };
    judge(policy, &Call { who, action, resource, context }) == Decision::Allow
}

#[test]
fn the_topic_and_its_key_are_for_functions_and_alarms_only() {
    for given in [OF_ORGANIZATION, OF_ACCOUNTS] {
        let policies = policies(given);
        for (who, action, context, expected) in calls() {
            let is_allowed = is_allowed(&policies, who, action, &context);
            assert_eq!(is_allowed, expected, "{action} by {who} with {context:?}, {given:?}");
        }
    }
    // Another account of the organization is in by its organization, and out where accounts are named.
    let colleague = [("aws:PrincipalOrgID", ORGANIZATION), ("aws:PrincipalAccount", "222233334444")];
    let who = "arn:aws:iam::222233334444:role/snapback-IamUserRole-1F";
    let context = [colleague.as_slice(), &[("aws:PrincipalArn", who)]].concat();
    assert!(is_allowed(&policies(OF_ORGANIZATION), who, "sns:Publish", &context));
    assert!(!is_allowed(&policies(OF_ACCOUNTS), who, "sns:Publish", &context));
}

/// The topic's own account administers the key, and nobody else is its owner.
#[test]
fn nothing_is_in_the_policies_that_no_call_needs() {
    let mut administered = calls();
    let root = "arn:aws:iam::999988887777:root";
    administered.push((root, "kms:PutKeyPolicy", vec![("aws:PrincipalArn", root)], true));
    let whole = policies(OF_ORGANIZATION);
    for (which, policy) in whole.iter().enumerate() {
        for (what, less) in each_with_something_less(policy) {
            let mut changed = whole.clone();
            changed[which] = less;
            let is_needed = administered
                .iter()
                .any(|(who, action, context, expected)| is_allowed(&changed, who, action, context) != *expected);
            assert!(is_needed, "no call needs {what}");
        }
    }
}

/// With the key, every function may use it, only through SNS; without, none has anything to do with KMS.
#[test]
fn functions_use_the_key_of_the_topic_through_sns_only() {
    let given = [("AlertTopicArn", TOPIC), ("AWS::Region", "eu-west-1"), ("AWS::URLSuffix", "amazonaws.com")];
    assert!(Stack::new("template.yaml", &given).properties("AlertTopicKeyPolicy").is_none());
    let stack = Stack::new("template.yaml", &[given.as_slice(), &[("AlertTopicKeyArn", KEY)]].concat());
    let policy = &stack.properties("AlertTopicKeyPolicy").unwrap()["PolicyDocument"];
    let may = |action, resource, context| judge(policy, &Call { who: FUNCTION, action, resource, context });
    let through_sns: Context = &[("kms:ViaService", "sns.eu-west-1.amazonaws.com")];
    for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
        assert_eq!(may(action, KEY, through_sns), Decision::Allow);
        for elsewhere in [&[][..], &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")]] {
            assert_eq!(may(action, KEY, elsewhere), Decision::NotApplicable, "{action} {elsewhere:?}");
        }
        let other = "arn:aws:kms:eu-west-1:111122223333:key/another";
        assert_eq!(may(action, other, through_sns), Decision::NotApplicable);
    }
    assert_eq!(may("kms:DisableKey", KEY, through_sns), Decision::NotApplicable);
}

#[test]
fn every_role_that_mails_has_the_key() {
    let stack = Stack::new("template.yaml", &[]);
    let mailing = resources(&stack.template, "AWS::IAM::Role")
        .filter(|(name, _)| stack.properties(name).is_some_and(|role| role.to_string().contains("sns:Publish")));
    let named = references(&stack.template["Resources"]["AlertTopicKeyPolicy"]["Properties"]["Roles"]);
    assert_eq!(named, mailing.map(|(name, _)| name).collect());
}

/// The alarms tell the chat, too, but for the one that tells that the chat is not told.
#[test]
fn alarms_go_to_mail_and_chat() {
    let chat = "arn:aws:sns:eu-west-1:111122223333:chat";
    let with = Stack::new("template.yaml", &[("AlertTopicArn", TOPIC), ("ChatTopicArn", chat)]);
    let without = Stack::new("template.yaml", &[("AlertTopicArn", TOPIC)]);
    let names: Vec<String> = resources(&with.template, "AWS::CloudWatch::Alarm").map(|(name, _)| name).collect();
    assert!(names.len() > 3, "{names:?}");
    for name in names {
        // Of silence, there being no data is what is told.
        let told = if name == "CanarySilentAlarm" { "InsufficientDataActions" } else { "AlarmActions" };
        let actions = |stack: &Stack| stack.properties(&name).map(|alarm| alarm[told].clone());
        let expected = if name == "ChatAlarm" { vec![TOPIC] } else { vec![TOPIC, chat] };
        assert_eq!(actions(&with), Some(expected.into()), "{name}");
        assert_eq!(actions(&without), (name != "ChatAlarm").then(|| vec![TOPIC].into()), "{name}");
    }
    let alarm = with.properties("ChatAlarm").unwrap();
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&"snapback".into(), &"UnsentAlerts".into()));
    assert_eq!(runtime::metrics::UNSENT, "UnsentAlerts");
    let written = runtime::metrics::one(("topic", "chat"), runtime::metrics::UNSENT, chrono::DateTime::UNIX_EPOCH);
    assert_eq!(alarm["Dimensions"][0]["Name"], "topic");
    assert_eq!(written["topic"], alarm["Dimensions"][0]["Value"]);
}
