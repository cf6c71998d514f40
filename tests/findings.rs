//! The function `findings` from end to end: events of AWS Config and IAM Access Analyzer as EventBridge delivers them, and then the mails in the
//! topic and the calls made. Nothing of the account is ever changed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_config::Client;
use aws_sdk_config::types::{ConfigRule, Owner, Source};
use findings::Findings;
use rules::Outcome::{Alert, Failed};
use rules::config::{Behind, ComplianceChange, MANAGED_RULES, ManagedRule, May};
use rules::findings::NAME;
use rules::{Language, Origin, event, foresee};
use runtime::Verdict::{self, Folded, Ignored, Unreadable, Violation};
use runtime::{Calls, ConfigRules};
use sandbox::Fault;
use sandbox::reenact::config::required_parameters;
use serde_json::{Value, json};
use tests::{ACCOUNT, Process, Ran, Stage, expected, publish, refused, samples, unique};

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
    async fn rule(&self, name: &str, identifier: &str) {
        let source = Source::builder().owner(Owner::Aws).source_identifier(identifier).build().unwrap();
        let rule = ConfigRule::builder().config_rule_name(name).source(source);
        let rule = rule.set_input_parameters(required_parameters(identifier).map(str::to_owned)).build();
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
            scene.rule(&name, identifier).await;
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
    scene.rule(&name, "EC2_IMDSV2_CHECK").await;
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
    scene.rule(&name, "ROOT_ACCOUNT_MFA_ENABLED").await;
    let event = change(&name, "AWS::::Account", ACCOUNT);
    scene.stage.inject(Fault { status: 400, ..Fault::new("", "DescribeConfigRules", "AccessDeniedException") });
    let ran = scene.run(&event).await;
    ran.is_error(Violation, &[Failed], &[refused(describe(&name), 400), publish()]);
    ran.mail_says(&["A STEP FAILED", "AccessDenied", "tries again"]);
    // The failure was told, not what was found.
    scene.run(&event).await.is(Violation, &[Alert], &[describe(&name), publish()]);
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
// Many of all kinds

/// The function that a finding is for; `None` of a rule that nobody knows.
type Whose = Option<(&'static str, May)>;

/// Rules: identifier and name, the type of what they find, and whose that is.
const RULES: &[(&str, &str, &str, Whose)] = &[
    ("IAM_USER_NO_POLICIES_CHECK", "iam-user-no-policies-check", "AWS::IAM::User", Some(("iam-user", May::Repair))),
    ("ACCESS_KEYS_ROTATED", "access-keys-rotated", "AWS::IAM::User", Some(("access-key", May::ShutOff))),
    ("INCOMING_SSH_DISABLED", "restricted-ssh", "AWS::EC2::SecurityGroup", Some(("security-group", May::Repair))),
    (
        "RESTRICTED_INCOMING_TRAFFIC",
        "restricted-common-ports",
        "AWS::EC2::SecurityGroup",
        Some(("security-group", May::Repair)),
    ),
    (
        "VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS",
        "vpc-sg-open-only-to-authorized-ports",
        "AWS::EC2::SecurityGroup",
        Some(("security-group", May::Repair)),
    ),
    (
        "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC",
        "s3-account-level-public-access-blocks-periodic",
        "AWS::::Account",
        Some(("s3-public", May::Repair)),
    ),
    (
        "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS",
        "s3-account-level-public-access-blocks",
        "AWS::S3::AccountPublicAccessBlock",
        Some(("s3-public", May::Repair)),
    ),
    (
        "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED",
        "s3-bucket-level-public-access-prohibited",
        "AWS::S3::Bucket",
        Some(("s3-public", May::Repair)),
    ),
    (
        "S3_BUCKET_PUBLIC_READ_PROHIBITED",
        "s3-bucket-public-read-prohibited",
        "AWS::S3::Bucket",
        Some(("s3-public", May::Repair)),
    ),
    (
        "S3_BUCKET_PUBLIC_WRITE_PROHIBITED",
        "s3-bucket-public-write-prohibited",
        "AWS::S3::Bucket",
        Some(("s3-public", May::Repair)),
    ),
    (
        "IAM_USER_GROUP_MEMBERSHIP_CHECK",
        "iam-user-group-membership-check",
        "AWS::IAM::User",
        Some(("findings", May::Tell)),
    ),
    ("IAM_USER_MFA_ENABLED", "iam-user-mfa-enabled", "AWS::IAM::User", Some(("findings", May::Tell))),
    (
        "IAM_USER_UNUSED_CREDENTIALS_CHECK",
        "iam-user-unused-credentials-check",
        "AWS::IAM::User",
        Some(("findings", May::Tell)),
    ),
    ("IAM_POLICY_IN_USE", "iam-policy-in-use", "AWS::IAM::Policy", Some(("findings", May::Tell))),
    ("IAM_PASSWORD_POLICY", "iam-password-policy", "AWS::::Account", Some(("findings", May::Tell))),
    ("IAM_ROOT_ACCESS_KEY_CHECK", "iam-root-access-key-check", "AWS::::Account", Some(("findings", May::Tell))),
    ("ROOT_ACCOUNT_MFA_ENABLED", "root-account-mfa-enabled", "AWS::::Account", Some(("findings", May::Tell))),
    ("CLOUD_TRAIL_ENABLED", "cloudtrail-enabled", "AWS::::Account", Some(("findings", May::Tell))),
    ("EC2_IMDSV2_CHECK", "ec2-imdsv2-check", "AWS::EC2::Instance", None),
    // Not what its name says.
    ("ENCRYPTED_VOLUMES", "restricted-ssh-of-our-own", "AWS::EC2::Volume", None),
    // Never there.
    ("", "root-account-mfa-enabled-once", "AWS::::Account", None),
];

/// A rule's name as the account's owner, Security Hub, a conformance pack and an organization give it.
fn in_form(name: &str, form: usize, number: u32) -> String {
    match form % 4 {
        0 => format!("{name}-{number}"),
        1 => format!("securityhub-{name}-{number:08x}"),
        2 => format!("{name}-conformance-pack-{number:09x}"),
        _ => format!("OrgConfigRule-{name}-{number:08x}"),
    }
}

#[tokio::test]
async fn two_hundred_findings_go_where_the_table_says() {
    const COMPLIANCE: [&str; 7] = [
        "NON_COMPLIANT",
        "NON_COMPLIANT",
        "COMPLIANT",
        "NON_COMPLIANT",
        "NOT_APPLICABLE",
        "NON_COMPLIANT",
        "INSUFFICIENT_DATA",
    ];
    let known: BTreeSet<&str> = RULES.iter().filter(|rule| rule.3.is_some()).map(|rule| rule.0).collect();
    assert_eq!(known, MANAGED_RULES.iter().map(|rule| rule.identifier).collect::<BTreeSet<_>>());

    let scene = Scene::new().await;
    let number = unique();
    let mut rules = Vec::new();
    for (identifier, name, kind, whose) in RULES {
        for form in 0..4 {
            let name = in_form(name, form, number);
            if !identifier.is_empty() {
                scene.rule(&name, identifier).await;
            }
            rules.push((name, *identifier, *kind, *whose));
        }
    }
    let config_rules = ConfigRules::new(scene.stage.admin.clone());
    let calls = Calls::new(Language::English);
    let (mut asked, mut mailed, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for index in 0..200 {
        let (name, identifier, kind, whose) = &rules[index * 5 % rules.len()];
        let compliance = COMPLIANCE[(index + index / rules.len()) % COMPLIANCE.len()];
        let mut raw = change(name, kind, &format!("resource-{index}"));
        raw["detail"]["newEvaluationResult"]["complianceType"] = json!(compliance);
        let what = format!("{index}: {compliance} by {name}");

        // The functions, by what they subscribe to and by the table.
        let mut event = event::parse(&raw).unwrap();
        let Origin::Config(found) = &event.origin else { panic!("{what}") };
        let behind = config_rules.behind(found, event.region.as_deref(), &calls).await.unwrap();
        match identifier {
            &"" => assert_eq!(behind, Behind::Gone, "{what}"),
            identifier => {
                assert!(
                    matches!(&behind, Behind::Managed { identifier: is, .. } if is == identifier),
                    "{what}: {behind:?}"
                );
            }
        }
        let found = ComplianceChange { behind: Some(behind), ..found.clone() };
        event.origin = Origin::Config(found.clone());
        let asks: Vec<(&str, May)> = foresee::FUNCTIONS
            .iter()
            .filter_map(|function| Some((function.name, found.asks_of(function.name).ok()?)))
            .collect();
        assert_eq!(asks, Vec::from_iter(*whose), "{what}");
        let is_heard =
            |name: &str| foresee::FUNCTIONS.iter().any(|function| function.name == name && function.gets(&event));
        assert!(is_heard(NAME), "{what}");

        // This function, through the runtime.
        let ran = scene.run(&raw).await;
        assert_eq!(ran.handled.error, None, "{what}");
        let expected = match whose {
            _ if compliance != "NON_COMPLIANT" => Ignored,
            Some((function, _)) if *function != NAME && is_heard(function) => Ignored,
            Some(_) => Violation,
            None if mailed.insert(name.clone()) => Violation,
            None => Folded,
        };
        assert_eq!(
            (ran.handled.verdict, ran.mails.len()),
            (expected, usize::from(expected == Violation)),
            "{what}: {ran:#?}"
        );
        let described = ran.calls.iter().filter(|call| call.action == "DescribeConfigRules").count();
        assert_eq!(ran.calls.len(), described + ran.mails.len(), "{what}: {:?}", ran.told());
        // A rule that is there is asked for once, one that is not each time, and what is well is not asked about.
        let is_asked = compliance == "NON_COMPLIANT" && (identifier.is_empty() || asked.insert(name.clone()));
        assert_eq!(described, usize::from(is_asked), "{what}: {:?}", ran.told());
        *taken.entry((compliance, format!("{expected:?}"))).or_insert(0) += 1;
    }
    // Each came to pass more than once.
    assert!(
        taken.values().all(|times| *times > 1) && taken.len() >= 5 && asked.len() > 50,
        "{taken:?}, {}",
        asked.len()
    );
    // Each of the 200 was asked for, and each rule that is there once.
    let names: BTreeSet<usize> = (0..200).map(|index| index * 5 % rules.len()).collect();
    let gone = (0..200).filter(|index| rules[index * 5 % rules.len()].1.is_empty()).count();
    let present = names.iter().filter(|index| !rules[**index].1.is_empty()).count();
    assert_eq!(calls.steps().len(), present + gone);
}

// ---------------------------------------------------------------------------------------------------------
// The samples

/// Each sample in a process of its own; what a file holds is one scenario.
#[tokio::test]
async fn samples_are_told_or_not_as_their_names_say() {
    let mut tried = 0;
    for (name, events) in samples("findings") {
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
