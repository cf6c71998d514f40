//! The function `findings` from end to end: events of AWS Config and IAM Access Analyzer as EventBridge delivers them, and then the mails in the
//! topic and the calls made. Nothing of the account is ever changed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aws_sdk_config::Client;
use aws_sdk_config::types::{ConfigRule, Owner, Source};
use findings::Findings;
use rules::Outcome::Alert;
use rules::config::{MANAGED_RULES, ManagedRule};
use rules::findings::NAME;
use runtime::Verdict::{self, Folded, Ignored, Unreadable, Violation};
use sandbox::Fault;
use serde_json::{Value, json};
use tests::{ACCOUNT, Process, Ran, Stage, expected, publish, refused, unique};

// ---------------------------------------------------------------------------------------------------------
// The process, the rules and the events

/// A mailbox, AWS Config's rules, and a process of the function.
struct Scene {
    stage: Stage,
    process: Process<Findings>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let stage = Stage::new().await;
        let process = stage.process(Findings::new, settings);
        Self { stage, process }
    }

    async fn run(&self, event: &Value) -> Ran {
        self.stage.run(&self.process, event).await
    }

    /// Makes a managed rule.
    async fn rule(&self, name: &str, identifier: &str, parameters: Value) {
        let source = Source::builder().owner(Owner::Aws).source_identifier(identifier).build().unwrap();
        let rule = ConfigRule::builder().config_rule_name(name).source(source);
        let rule = rule.set_input_parameters((!parameters.is_null()).then(|| parameters.to_string())).build();
        Client::new(&self.stage.admin).put_config_rule().config_rule(rule).send().await.unwrap();
    }

    /// Expects one mail with this subject after `ALERT: `, without the account and region at its end.
    async fn mails(&self, event: &Value, subject: &str, calls: &[String]) -> Ran {
        let ran = self.run(event).await;
        ran.is(Violation, &[Alert], calls);
        let place = format!(" ({ACCOUNT}, us-east-1)");
        let found = ran.mail().subject.strip_suffix(&place);
        assert_eq!(found, Some(format!("ALERT: {subject}").as_str()), "{:?}", ran.mail().subject);
        ran
    }

    /// Expects that nobody is told.
    async fn is_silent(&self, event: &Value, verdict: Verdict, calls: &[String], reason: &str) {
        let ran = self.run(event).await;
        ran.is(verdict, &[], calls);
        assert!(ran.handled.reason.contains(reason), "`{reason}` is not in `{}`", ran.handled.reason);
    }
}

/// The only call that the function makes but for the mail's.
fn describe(rule: &str) -> String {
    expected("DescribeConfigRules", &[("ConfigRuleNames", &json!([rule]).to_string())])
}

/// A name for a rule that no other test has.
fn named(name: &str) -> String {
    format!("{name}-{}", unique())
}

fn uuid() -> String {
    format!("{:08x}-eeee-4eee-8eee-eeeeeeeeeeee", unique())
}

fn change(rule: &str, kind: &str, id: &str) -> Value {
    let time = "2026-03-09T13:47:21.612Z";
    json!({"version": "0", "id": uuid(), "detail-type": "Config Rules Compliance Change", "source": "aws.config",
        "account": ACCOUNT, "time": time, "region": "us-east-1", "resources": [], "detail": {
            "resourceId": id, "awsRegion": "us-east-1", "awsAccountId": ACCOUNT, "configRuleName": rule, "recordVersion": "1.0",
            "messageType": "ComplianceChangeNotification", "resourceType": kind, "notificationCreationTime": time,
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT", "resultRecordedTime": time}}})
}

fn access(kind: &str, arn: &str, is_public: bool) -> Value {
    let time = "2026-03-09T14:05:11Z";
    json!({"version": "0", "id": uuid(), "detail-type": "Access Analyzer Finding", "source": "aws.access-analyzer",
        "account": ACCOUNT, "time": time, "region": "us-east-1", "resources": [], "detail": {
            "version": "1.0", "id": uuid(), "status": "ACTIVE", "resourceType": kind, "resource": arn, "createdAt": time,
            "updatedAt": time, "accountId": ACCOUNT, "region": "us-east-1", "action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
            "principal": if is_public { json!({"AWS": "*"}) } else { json!({"AWS": "999988887777"}) },
            "condition": {"aws:SourceIp": "203.0.113.0/24"}, "isPublic": is_public, "isDeleted": false,
            "sources": [{"type": "POLICY"}]}})
}

/// The same in a new event, as if it had been found again.
fn again(event: &Value) -> Value {
    let mut event = event.clone();
    event["id"] = json!(uuid());
    event
}

fn rules_told_here() -> impl Iterator<Item = &'static ManagedRule> {
    MANAGED_RULES.iter().filter(|rule| rule.function == NAME)
}

/// What a rule has to be given.
fn parameters_of(identifier: &str) -> Value {
    match identifier {
        "IAM_POLICY_IN_USE" => json!({"policyARN": "arn:aws:iam::aws:policy/AWSSupportAccess"}),
        "ACCESS_KEYS_ROTATED" => json!({"maxAccessKeyAge": "90"}),
        "IAM_USER_UNUSED_CREDENTIALS_CHECK" => json!({"maxCredentialUsageAge": "90"}),
        _ => Value::Null,
    }
}

// ---------------------------------------------------------------------------------------------------------
// AWS Config

/// What each rule's mail says: its subject, and a step.
const TOLD: &[(&str, &str, &str)] = &[
    ("IAM_ROOT_ACCESS_KEY_CHECK", "CRITICAL: root has an access key", "Access keys: deactivate it, then delete it"),
    ("ROOT_ACCOUNT_MFA_ENABLED", "HIGH: root has no MFA", "Multi-factor authentication: assign a device"),
    ("CLOUD_TRAIL_ENABLED", "HIGH: no trail of CloudTrail as it should be", "aws cloudtrail start-logging --name"),
    ("IAM_PASSWORD_POLICY", "LOW: the password policy is weaker than it should be", "update-account-password-policy"),
    (
        "IAM_USER_UNUSED_CREDENTIALS_CHECK",
        "MEDIUM: IAM user AIDAQRSTUVWXYZ4EXAMPL has unused credentials",
        "Users[?UserId=='AIDAQRSTUVWXYZ4EXAMPL'].UserName",
    ),
    (
        "IAM_USER_MFA_ENABLED",
        "MEDIUM: IAM user AIDAQRSTUVWXYZ4EXAMPL has no MFA",
        "Users[?UserId=='AIDAQRSTUVWXYZ4EXAMPL'].UserName",
    ),
    (
        "IAM_USER_GROUP_MEMBERSHIP_CHECK",
        "LOW: IAM user AIDAQRSTUVWXYZ4EXAMPL is not in its group",
        "aws iam list-groups-for-user",
    ),
    (
        "IAM_POLICY_IN_USE",
        "LOW: a policy is not in use where it should be",
        "list-entities-for-policy --policy-arn arn:aws:iam::aws:policy/AWSSupportAccess",
    ),
];

#[tokio::test]
async fn each_rule_is_told_with_what_to_do() {
    let told: BTreeSet<&str> = TOLD.iter().map(|(identifier, ..)| *identifier).collect();
    assert_eq!(told, rules_told_here().map(|rule| rule.identifier).collect::<BTreeSet<_>>());
    // Nothing is taken back, whatever the setting.
    for setting in ["alert", "revert"] {
        let scene = Scene::with(&[("CONFIG_FINDINGS", setting)]).await;
        for (identifier, subject, step) in TOLD {
            let name = named("rule");
            scene.rule(&name, identifier, parameters_of(identifier)).await;
            let event = change(&name, "AWS::IAM::User", "AIDAQRSTUVWXYZ4EXAMPL");
            let ran = scene.mails(&event, subject, &[describe(&name), publish()]).await;
            ran.mail_says(&[step, identifier, &name, "Nothing was changed", "Not known: the finding does not tell"]);
            // Each finding is told, and what is behind the rule is asked once; an event that comes twice is told once.
            scene.mails(&again(&event), subject, &[publish()]).await;
            let repeat = scene.run(&event).await;
            repeat.is(Violation, &[], &[]);
            assert!(repeat.handled.is_told_before);
        }
    }
}

#[tokio::test]
async fn of_a_rule_that_nobody_knows_the_first_finding_is_mailed() {
    let scene = Scene::new().await;
    let name = named("imdsv2");
    scene.rule(&name, "EC2_IMDSV2_CHECK", Value::Null).await;
    let event = change(&name, "AWS::EC2::Instance", "i-0a1b2c3d4e5f60718");
    let subject = format!("MEDIUM: rule {name}: AWS::EC2::Instance is non-compliant");
    let ran = scene.mails(&event, &subject, &[describe(&name), publish()]).await;
    ran.mail_says(&[
        "none that snapback knows",
        "EC2_IMDSV2_CHECK",
        "only counted and logged",
        "get-compliance-details",
    ]);
    for _ in 0..3 {
        scene.is_silent(&again(&event), Folded, &[], "another finding of this rule was mailed before").await;
    }
    let repeat = scene.run(&event).await;
    repeat.is(Violation, &[], &[]);
    assert!(repeat.handled.is_told_before);
    // In another region it is another rule, and another process tells once more.
    let mut elsewhere = again(&event);
    elsewhere["region"] = json!("eu-west-1");
    elsewhere["detail"]["awsRegion"] = json!("eu-west-1");
    let ran = scene.run(&elsewhere).await;
    assert_eq!((ran.handled.verdict, ran.mails.len()), (Violation, 1), "{ran:#?}");
    let other = scene.stage.process(Findings::new, &[]);
    let ran = scene.stage.run(&other, &again(&event)).await;
    ran.is(Violation, &[Alert], &[describe(&name), publish()]);
}

#[tokio::test]
async fn what_sns_did_not_take_is_told_by_the_next() {
    let scene = Scene::new().await;
    let name = named("gone");
    let event = change(&name, "AWS::EC2::Instance", "i-0a1b2c3d4e5f60718");
    let fault = || Fault { status: 403, ..Fault::new("", "Publish", "AuthorizationError") };
    let gone = || refused(describe(&name), 400);
    for event in [&event, &event, &again(&event)] {
        scene.stage.inject(fault());
        scene.run(event).await.is_error(Violation, &[], &[gone(), refused(publish(), 403)]);
    }
    let last = again(&event);
    let ran = scene.run(&last).await;
    ran.is(Violation, &[Alert], &[gone(), publish()]);
    ran.mail_says(&["There is no rule of that name any more"]);
    // The first one, tried again, is one of those that are counted then.
    scene.is_silent(&event, Folded, &[gone()], "was mailed before").await;
}

#[tokio::test]
async fn what_could_not_be_asked_is_told_and_tried_again() {
    let scene = Scene::new().await;
    let name = named("denied");
    scene.rule(&name, "ROOT_ACCOUNT_MFA_ENABLED", Value::Null).await;
    let event = change(&name, "AWS::::Account", ACCOUNT);
    scene.stage.inject(Fault { status: 400, ..Fault::new("", "DescribeConfigRules", "AccessDeniedException") });
    let ran = scene.run(&event).await;
    ran.is_error(Violation, &[Alert], &[refused(describe(&name), 400), publish()]);
    ran.mail_says(&["A STEP FAILED", "AccessDenied", "tries again"]);
    scene.run(&event).await.is(Violation, &[], &[describe(&name)]);
}

#[tokio::test]
async fn what_is_well_is_not_asked_about() {
    let scene = Scene::new().await;
    for compliance in ["COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA"] {
        let mut event = change("root-account-mfa-enabled", "AWS::::Account", ACCOUNT);
        event["detail"]["newEvaluationResult"]["complianceType"] = json!(compliance);
        scene.is_silent(&event, Ignored, &[], compliance).await;
    }
}

#[tokio::test]
async fn an_event_without_a_rule_is_told_as_it_is() {
    let scene = Scene::new().await;
    let mut event = change("x", "AWS::::Account", ACCOUNT);
    event["detail"]["configRuleName"] = Value::Null;
    scene.run(&event).await.is(Unreadable, &[Alert], &[publish()]);
}

#[tokio::test]
async fn hostile_text_stays_on_its_line() {
    let scene = Scene::new().await;
    let forged = "x\r\nLEFT FOR YOU TO DO\nNothing.\u{202e}'; reboot";
    let mut queue = access("AWS::SQS::Queue", forged, false);
    queue["detail"]["id"] = json!(forged);
    queue["detail"]["principal"] = json!({"AWS": forged});
    queue["detail"]["action"] = json!([forged, "x".repeat(100_000)]);
    for event in [change(forged, forged, forged), queue] {
        let ran = scene.run(&event).await;
        assert_eq!(ran.handled.verdict, Violation, "{ran:#?}");
        let lines = |heading: &str| ran.mail().body.lines().filter(|line| line.starts_with(heading)).count();
        assert_eq!((lines("LEFT FOR YOU TO DO"), lines("Nothing.")), (1, 0), "{:#?}", ran.mail());
        assert!(!ran.mail().body.lines().any(|line| line.contains("aws ") && line.contains("reboot")));
    }
}

// ---------------------------------------------------------------------------------------------------------
// IAM Access Analyzer

#[tokio::test]
async fn access_from_outside_is_told_with_who_and_how() {
    let scene = Scene::new().await;
    let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q");
    let event = access("AWS::SQS::Queue", &arn, false);
    let ran = scene.mails(&event, "MEDIUM: somebody outside can reach sqs q", &[publish()]).await;
    ran.mail_says(&[
        "Who can reach it: AWS: 999988887777",
        "What they may do: sqs:SendMessage, sqs:ReceiveMessage",
        "On condition:     aws:SourceIp: 203.0.113.0/24",
        "By its:           POLICY",
        "Found first:      2026-03-09T14:05:11Z",
        "--status ARCHIVED --ids ",
    ]);
    let public = access("AWS::SQS::Queue", &arn, true);
    let ran = scene.mails(&public, "HIGH: everybody can reach sqs q", &[publish()]).await;
    ran.mail_says(&["Who can reach it: everybody"]);
    for status in ["ARCHIVED", "RESOLVED"] {
        let mut event = again(&public);
        event["detail"]["status"] = json!(status);
        scene.is_silent(&event, Ignored, &[], status).await;
    }
    let mut deleted = again(&public);
    deleted["detail"]["isDeleted"] = json!(true);
    scene.is_silent(&deleted, Ignored, &[], "deleted").await;
    for kind in ["AWS::S3::Bucket", "AWS::IAM::Role"] {
        scene.is_silent(&access(kind, &arn, true), Ignored, &[], "not a call that this rule watches").await;
    }
}

// ---------------------------------------------------------------------------------------------------------
// The samples

/// Each sample in a process of its own; what a file holds is one scenario.
#[tokio::test]
async fn samples_are_told_or_not_as_their_names_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events/findings");
    let mut tried = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        let events = match serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap() {
            Value::Array(events) => events,
            event => vec![event],
        };
        let scene = Scene::new().await;
        let mut subjects = Vec::new();
        for event in &events {
            let ran = scene.run(event).await;
            assert_eq!(ran.handled.error, None, "{name}");
            let changed =
                ran.calls.iter().find(|call| !["DescribeConfigRules", "Publish"].contains(&call.action.as_str()));
            assert_eq!(changed.map(|call| &call.action), None, "{name}");
            subjects.extend(ran.mails.into_iter().map(|mail| mail.subject));
        }
        tried += 1;
        assert_eq!(subjects.len(), usize::from(name.starts_with("violates-")), "{name}: {subjects:#?}");
    }
    assert!(tried > 15, "{tried}");
}
