//! Whom trust policies let in, with a pointer to where AWS documents it, and what the plan takes out of them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rules::decision::decide;
use rules::policy::is_the_same;
use rules::policy::principal::Who;
use rules::role_trust::detect::{Finding, Trust, detect};
use rules::role_trust::judge::{Circle, Organization, Standing, Stranger, strangers, undecided_accounts};
use rules::role_trust::plan::{Action, LiveRole, Situation, plan, without};
use rules::role_trust::{NAME, SUBSCRIPTIONS};
use rules::settings::Given;
use rules::{Decision, Event, Settings, event, policy};
use serde_json::{Value, json};

const OWN: &str = "123456789012";
const TRUSTED: &str = "111122223333";
const FOREIGN: &str = "999999999999";
const MANAGEMENT: &str = "444455556666";
const MEMBER: &str = "777766665555";
const OWN_ORGANIZATION: &str = "o-abcdefghij";

/// What the table says of a principal. `Ours` is inside because of the account's organization, and undecided until that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Inside,
    Ours,
    Outside,
    Unclear,
}
use Is::{Inside, Ours, Outside, Unclear};

/// Pages of <https://docs.aws.amazon.com/IAM/latest/UserGuide/> (`page.html#section`).
const ACCOUNTS: &str = "reference_policies_elements_principal.html#principal-accounts";
const ROLES: &str = "reference_policies_elements_principal.html#principal-roles";
const USERS: &str = "reference_policies_elements_principal.html#principal-users";
const SESSIONS: &str = "reference_policies_elements_principal.html#principal-role-session";
const FEDERATED_USERS: &str = "reference_policies_elements_principal.html#sts-session-principals";
const WEB: &str = "reference_policies_elements_principal.html#principal-federated-web-identity";
const SAML: &str = "reference_policies_elements_principal.html#principal-saml";
const SERVICES: &str = "reference_policies_elements_principal.html#principal-services";
const EVERYONE: &str = "reference_policies_elements_principal.html#principal-anonymous";
const ALL_BUT: &str = "reference_policies_elements_notprincipal.html";
const UNIQUE_IDS: &str = "reference_identifiers.html#identifiers-unique-ids";
const ORG_ID: &str = "reference_policies_condition-keys.html#condition-keys-principalorgid";
const ORG_PATHS: &str = "reference_policies_condition-keys.html#condition-keys-principalorgpaths";
const PRINCIPAL_ACCOUNT: &str = "reference_policies_condition-keys.html#condition-keys-principalaccount";
const PRINCIPAL_ARN: &str = "reference_policies_condition-keys.html#condition-keys-principalarn";
const SOURCE_ACCOUNT: &str = "reference_policies_condition-keys.html#condition-keys-sourceaccount";
const SOURCE_ARN: &str = "reference_policies_condition-keys.html#condition-keys-sourcearn";
const SOURCE_ORG: &str = "reference_policies_condition-keys.html#condition-keys-sourceorgid";
const SOURCE_IP: &str = "reference_policies_condition-keys.html#condition-keys-sourceip";
const SOURCE_VPCE: &str = "reference_policies_condition-keys.html#condition-keys-sourcevpce";
const IS_SERVICE: &str = "reference_policies_condition-keys.html#condition-keys-principalisawsservice";
const SERVICE_NAME: &str = "reference_policies_condition-keys.html#condition-keys-principalservicename";
const MFA: &str = "reference_policies_condition-keys.html#condition-keys-multifactorauthpresent";
const TAG: &str = "reference_policies_condition-keys.html#condition-keys-principaltag";
const USER_ID: &str = "reference_policies_condition-keys.html#condition-keys-userid";
const VIA: &str = "reference_policies_condition-keys.html#condition-keys-viaawsservice";
const VARIABLES: &str = "reference_policies_variables.html";
const EXTERNAL_ID: &str = "id_roles_common-scenarios_third-party.html";
const STS_KEYS: &str = "reference_policies_iam-condition-keys.html#condition-keys-sts";
const WIF_KEYS: &str = "reference_policies_iam-condition-keys.html#condition-keys-wif";
const SETS: &str = "reference_policies_condition-single-vs-multi-valued-context-keys.html";
const IF_EXISTS: &str = "reference_policies_elements_condition_operators.html#Conditions_IfExists";
const NEGATED: &str = "reference_policies_elements_condition_operators.html#Conditions_String";
const ARN_OPERATORS: &str = "reference_policies_elements_condition_operators.html#Conditions_ARN";
const LOGIC: &str = "reference_policies_condition-logic-multiple-context-keys-or-values.html";
const GITHUB: &str = "id_roles_create_for-idp_oidc.html#idp_oidc_Create_GitHub";
const SHARED: &str = "id_roles_providers_oidc_secure-by-default.html";
const OIDC: &str = "id_roles_create_for-idp_oidc.html";
const ROOT_OF_ORGANIZATION: &str = "id_roles_compare-resource-policies.html";

fn own_provider(issuer: &str) -> Value {
    json!({"Federated": format!("arn:aws:iam::{OWN}:oidc-provider/{issuer}")})
}

/// Principal, condition, verdict, where AWS documents it.
fn table() -> Vec<(Value, Value, Is, &'static str)> {
    let everyone = json!("*");
    let none = json!({});
    let github = own_provider("token.actions.githubusercontent.com");
    let github_if = |operator: &str, sub: Value| {
        json!({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
            operator: {"token.actions.githubusercontent.com:sub": sub}})
    };
    let aws = |text: &str| json!({ "AWS": text });
    vec![
        // Everyone.
        (everyone.clone(), none.clone(), Outside, EVERYONE),
        (aws("*"), none.clone(), Outside, EVERYONE),
        (json!({"AWS": ["*"]}), none.clone(), Outside, EVERYONE),
        (json!({"Federated": "*"}), none.clone(), Outside, EVERYONE),
        // Accounts.
        (aws(OWN), none.clone(), Inside, ACCOUNTS),
        (aws("arn:aws:iam::123456789012:root"), none.clone(), Inside, ACCOUNTS),
        (aws("arn:aws-us-gov:iam::123456789012:root"), none.clone(), Inside, ACCOUNTS),
        (aws(TRUSTED), none.clone(), Inside, ACCOUNTS),
        (aws("arn:aws:iam::111122223333:root"), none.clone(), Inside, ACCOUNTS),
        (aws(FOREIGN), none.clone(), Outside, ACCOUNTS),
        (aws("arn:aws:iam::999999999999:root"), none.clone(), Outside, ACCOUNTS),
        (json!({"AWS": [OWN, FOREIGN]}), none.clone(), Outside, ACCOUNTS),
        (json!({"AWS": FOREIGN, "Service": "ec2.amazonaws.com"}), none.clone(), Outside, ACCOUNTS),
        (aws(MANAGEMENT), none.clone(), Ours, ROOT_OF_ORGANIZATION),
        (aws("arn:aws:iam::777766665555:role/R"), none.clone(), Ours, ROOT_OF_ORGANIZATION),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalAccount": [OWN, MEMBER]}}),
            Ours,
            ROOT_OF_ORGANIZATION,
        ),
        (aws("arn:aws:iam::444455556666:role/Admin"), none.clone(), Ours, ROOT_OF_ORGANIZATION),
        // Roles, users, sessions.
        (aws("arn:aws:iam::123456789012:role/path/R"), none.clone(), Inside, ROLES),
        (aws("arn:aws:iam::999999999999:role/path/R"), none.clone(), Outside, ROLES),
        (aws("arn:aws:iam::111122223333:role/R"), none.clone(), Inside, ROLES),
        (aws("arn:aws:iam::123456789012:user/u"), none.clone(), Inside, USERS),
        (aws("arn:aws:iam::999999999999:user/u"), none.clone(), Outside, USERS),
        (aws("arn:aws:sts::123456789012:assumed-role/R/s"), none.clone(), Inside, SESSIONS),
        (aws("arn:aws:sts::999999999999:assumed-role/R/s"), none.clone(), Outside, SESSIONS),
        (aws("arn:aws:sts::123456789012:federated-user/f"), none.clone(), Inside, FEDERATED_USERS),
        (aws("arn:aws:sts::999999999999:federated-user/f"), none.clone(), Outside, FEDERATED_USERS),
        (aws("AROADBQP57FF2AEXAMPLE"), none.clone(), Unclear, UNIQUE_IDS),
        (aws("AIDAJQABLZS4A3QDU576Q"), none.clone(), Unclear, UNIQUE_IDS),
        (aws("no-principal"), none.clone(), Unclear, ACCOUNTS),
        // Services.
        (json!({"Service": "lambda.amazonaws.com"}), none.clone(), Inside, SERVICES),
        (json!({"Service": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]}), none.clone(), Inside, SERVICES),
        (everyone.clone(), json!({"Bool": {"aws:PrincipalIsAWSService": "true"}}), Inside, IS_SERVICE),
        (everyone.clone(), json!({"Bool": {"aws:PrincipalIsAWSService": true}}), Inside, IS_SERVICE),
        (everyone.clone(), json!({"BoolIfExists": {"aws:PrincipalIsAWSService": "true"}}), Outside, IF_EXISTS),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalServiceName": "s3.amazonaws.com"}}),
            Inside,
            SERVICE_NAME,
        ),
        (everyone.clone(), json!({"StringEquals": {"aws:SourceAccount": OWN}}), Inside, SOURCE_ACCOUNT),
        (everyone.clone(), json!({"StringEquals": {"aws:SourceAccount": FOREIGN}}), Outside, SOURCE_ACCOUNT),
        (everyone.clone(), json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}}), Inside, SOURCE_ARN),
        (everyone.clone(), json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}), Outside, SOURCE_ARN),
        (everyone.clone(), json!({"StringEquals": {"aws:SourceOrgID": OWN_ORGANIZATION}}), Ours, SOURCE_ORG),
        (everyone.clone(), json!({"Bool": {"aws:ViaAWSService": "true"}}), Outside, VIA),
        // Everyone but some.
        (json!({"NotPrincipal": {"AWS": OWN}}), none.clone(), Outside, ALL_BUT),
        // Accounts by condition.
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalAccount": OWN}}), Inside, PRINCIPAL_ACCOUNT),
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalAccount": [OWN, TRUSTED]}}), Inside, LOGIC),
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalAccount": [OWN, FOREIGN]}}), Outside, LOGIC),
        (everyone.clone(), json!({"StringEqualsIfExists": {"aws:PrincipalAccount": OWN}}), Inside, PRINCIPAL_ACCOUNT),
        (everyone.clone(), json!({"StringLike": {"aws:PrincipalAccount": "*"}}), Outside, PRINCIPAL_ACCOUNT),
        (everyone.clone(), json!({"StringNotEquals": {"aws:PrincipalAccount": OWN}}), Outside, NEGATED),
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalAccount": MANAGEMENT}}), Ours, ROOT_OF_ORGANIZATION),
        (
            everyone.clone(),
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/x-*"}}),
            Inside,
            PRINCIPAL_ARN,
        ),
        (
            everyone.clone(),
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::999999999999:role/R"}}),
            Outside,
            PRINCIPAL_ARN,
        ),
        (everyone.clone(), json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/R"}}), Outside, PRINCIPAL_ARN),
        (
            everyone.clone(),
            json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}),
            Inside,
            PRINCIPAL_ARN,
        ),
        (
            everyone.clone(),
            json!({"StringLike": {"aws:PrincipalArn": "arn:*:123456789012:role/*"}}),
            Outside,
            ARN_OPERATORS,
        ),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalAccount": OWN, "sts:ExternalId": "x"}}),
            Inside,
            LOGIC,
        ),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalAccount": FOREIGN}, "Bool": {"aws:PrincipalIsAWSService": "true"}}),
            Inside,
            LOGIC,
        ),
        // The organization.
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalOrgID": OWN_ORGANIZATION}}), Ours, ORG_ID),
        (everyone.clone(), json!({"StringLike": {"aws:PrincipalOrgID": [OWN_ORGANIZATION]}}), Ours, ORG_ID),
        (everyone.clone(), json!({"StringEquals": {"aws:principalorgid": OWN_ORGANIZATION}}), Ours, ORG_ID),
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalOrgID": "o-zyxwvutsrq"}}), Outside, ORG_ID),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalOrgID": [OWN_ORGANIZATION, "o-zyxwvutsrq"]}}),
            Outside,
            LOGIC,
        ),
        (everyone.clone(), json!({"StringLike": {"aws:PrincipalOrgID": "o-*"}}), Outside, ORG_ID),
        (
            everyone.clone(),
            json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": OWN_ORGANIZATION}}),
            Outside,
            IF_EXISTS,
        ),
        (
            everyone.clone(),
            json!({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": OWN_ORGANIZATION}}),
            Outside,
            SETS,
        ),
        (
            everyone.clone(),
            json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": format!("{OWN_ORGANIZATION}/*")}}),
            Ours,
            ORG_PATHS,
        ),
        (
            everyone.clone(),
            json!({"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": [format!("{OWN_ORGANIZATION}/r-ab12/ou-ab12-11111111/")]}}),
            Ours,
            ORG_PATHS,
        ),
        (
            everyone.clone(),
            json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-ab12/*"}}),
            Outside,
            ORG_PATHS,
        ),
        (
            everyone.clone(),
            json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": format!("{OWN_ORGANIZATION}/*")}}),
            Outside,
            SETS,
        ),
        (aws(FOREIGN), json!({"StringEquals": {"aws:PrincipalOrgID": OWN_ORGANIZATION}}), Ours, ORG_ID),
        (
            aws("arn:aws:iam::999999999999:root"),
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-zyxwvutsrq"}}),
            Outside,
            ORG_ID,
        ),
        // What does not tell who.
        (everyone.clone(), json!({"StringEquals": {"sts:ExternalId": "12345"}}), Outside, EXTERNAL_ID),
        (aws(FOREIGN), json!({"StringEquals": {"sts:ExternalId": "12345"}}), Outside, EXTERNAL_ID),
        (everyone.clone(), json!({"IpAddress": {"aws:SourceIp": "203.0.113.7/32"}}), Outside, SOURCE_IP),
        (everyone.clone(), json!({"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}), Outside, SOURCE_VPCE),
        (everyone.clone(), json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), Outside, MFA),
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalTag/team": "red"}}), Outside, TAG),
        (everyone.clone(), json!({"StringLike": {"aws:userid": "AROADBQP57FF2AEXAMPLE:*"}}), Unclear, USER_ID),
        (everyone.clone(), json!({"StringLike": {"aws:userid": "AROA*:*"}}), Outside, USER_ID),
        (everyone.clone(), json!({"StringNotLike": {"aws:userid": "AROADBQP57FF2AEXAMPLE:*"}}), Outside, USER_ID),
        (everyone.clone(), json!({"Null": {"aws:PrincipalServiceName": "false"}}), Unclear, SERVICE_NAME),
        (everyone.clone(), json!({"Null": {"aws:PrincipalServiceName": "true"}}), Outside, SERVICE_NAME),
        (aws(FOREIGN), json!({"StringLike": {"aws:userid": "AROADBQP57FF2AEXAMPLE:*"}}), Outside, USER_ID),
        // Own by a policy variable.
        (everyone.clone(), json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}), Inside, ORG_ID),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}),
            Inside,
            VARIABLES,
        ),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}),
            Outside,
            VARIABLES,
        ),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalAccount": ["${aws:ResourceAccount}", FOREIGN]}}),
            Outside,
            VARIABLES,
        ),
        // Services that act for an account.
        (
            json!({"Service": "sns.amazonaws.com"}),
            json!({"StringEquals": {"aws:SourceAccount": OWN}}),
            Inside,
            SOURCE_ACCOUNT,
        ),
        (
            json!({"Service": "sns.amazonaws.com"}),
            json!({"StringEquals": {"aws:SourceAccount": FOREIGN}}),
            Unclear,
            SOURCE_ACCOUNT,
        ),
        (
            json!({"Service": "sns.amazonaws.com"}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:999999999999:*"}}),
            Unclear,
            SOURCE_ARN,
        ),
        (
            json!({"Service": "s3.amazonaws.com"}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}),
            Inside,
            SOURCE_ARN,
        ),
        (everyone.clone(), json!({"StringLike": {"sts:RoleSessionName": "ci"}}), Outside, STS_KEYS),
        (everyone.clone(), json!({"Null": {"aws:PrincipalOrgID": "false"}}), Outside, ORG_ID),
        // SAML.
        (
            json!({"Federated": "arn:aws:iam::123456789012:saml-provider/Okta"}),
            json!({"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}),
            Inside,
            SAML,
        ),
        (json!({"Federated": "arn:aws:iam::999999999999:saml-provider/Okta"}), none.clone(), Outside, SAML),
        // The public identity providers.
        (json!({"Federated": "cognito-identity.amazonaws.com"}), none.clone(), Outside, WEB),
        (
            json!({"Federated": "cognito-identity.amazonaws.com"}),
            json!({"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}}),
            Outside,
            WIF_KEYS,
        ),
        (
            json!({"Federated": "cognito-identity.amazonaws.com"}),
            json!({"StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:12345678-dead-beef-cafe-123456790ab"}}),
            Unclear,
            WIF_KEYS,
        ),
        (
            json!({"Federated": "cognito-identity.amazonaws.com"}),
            json!({"StringLike": {"cognito-identity.amazonaws.com:aud": "us-east-1:*"}}),
            Outside,
            WIF_KEYS,
        ),
        (json!({"Federated": "accounts.google.com"}), none.clone(), Outside, WEB),
        (
            json!({"Federated": "accounts.google.com"}),
            json!({"StringEquals": {"accounts.google.com:aud": "66677788899900pro0"}}),
            Unclear,
            WIF_KEYS,
        ),
        (
            json!({"Federated": "graph.facebook.com"}),
            json!({"StringEquals": {"graph.facebook.com:app_id": "111222333444555"}}),
            Unclear,
            WIF_KEYS,
        ),
        (
            json!({"Federated": "graph.facebook.com"}),
            json!({"StringEquals": {"www.amazon.com:app_id": "amzn1.application-oa2-123456"}}),
            Outside,
            WIF_KEYS,
        ),
        (
            json!({"Federated": "www.amazon.com"}),
            json!({"StringEquals": {"www.amazon.com:app_id": "amzn1.application-oa2-123456"}}),
            Unclear,
            WIF_KEYS,
        ),
        (
            json!({"Federated": "www.amazon.com"}),
            json!({"StringEqualsIfExists": {"www.amazon.com:app_id": "amzn1.application-oa2-123456"}}),
            Outside,
            IF_EXISTS,
        ),
        (json!({"Federated": "login.example.com"}), none.clone(), Unclear, WEB),
        // OpenID Connect providers.
        (
            own_provider("oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"),
            none.clone(),
            Inside,
            OIDC,
        ),
        (json!({"Federated": "arn:aws:iam::999999999999:oidc-provider/example.com"}), none.clone(), Outside, OIDC),
        (github.clone(), none.clone(), Outside, SHARED),
        (
            github.clone(),
            json!({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}),
            Outside,
            GITHUB,
        ),
        (github.clone(), github_if("StringLike", json!("repo:octo-org/*")), Unclear, GITHUB),
        (github.clone(), github_if("ForAnyValue:StringLike", json!(["repo:octo-org/octo-repo:*"])), Unclear, GITHUB),
        (github.clone(), github_if("StringLike", json!("*")), Outside, GITHUB),
        (github.clone(), github_if("StringLike", json!("repo:*")), Outside, GITHUB),
        (github.clone(), github_if("StringLike", json!(["repo:octo-org/*", "*"])), Outside, LOGIC),
        (github.clone(), github_if("StringEquals", json!("ref:refs/heads/main")), Outside, GITHUB),
        (github.clone(), github_if("StringLike", json!("repo:octo*/x")), Outside, GITHUB),
        (
            github.clone(),
            json!({"StringEquals": {"token.actions.githubusercontent.com:job_workflow_ref": "o/r/.github/workflows/w.yml@main"}}),
            Outside,
            GITHUB,
        ),
        (github.clone(), github_if("StringNotLike", json!("repo:octo-org/*")), Outside, NEGATED),
        (github.clone(), github_if("ForAllValues:StringLike", json!("repo:octo-org/*")), Outside, SETS),
        (
            own_provider("gitlab.com"),
            json!({"StringEquals": {"gitlab.com:aud": "https://gitlab.com"}}),
            Outside,
            SHARED,
        ),
        (own_provider("gitlab.com"), json!({"StringLike": {"gitlab.com:sub": "project_path:acme/*"}}), Unclear, SHARED),
        (
            own_provider("app.terraform.io"),
            json!({"StringLike": {"app.terraform.io:sub": "organization:*"}}),
            Outside,
            SHARED,
        ),
        (
            own_provider("app.terraform.io"),
            json!({"StringLike": {"app.terraform.io:sub": "organization:acme:project:*"}}),
            Unclear,
            SHARED,
        ),
    ]
}

fn statement(principal: &Value, condition: &Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole"});
    match principal.get("NotPrincipal") {
        Some(excepted) => statement["NotPrincipal"] = excepted.clone(),
        None => statement["Principal"] = principal.clone(),
    }
    if condition != &json!({}) {
        statement["Condition"] = condition.clone();
    }
    statement
}

fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn own_organization() -> Organization {
    organization_of(&[(MEMBER, true), (FOREIGN, false)])
}

/// The own organization, with what AWS said of some accounts.
fn organization_of(accounts: &[(&str, bool)]) -> Organization {
    let accounts = accounts.iter().map(|(account, is_member)| ((*account).to_owned(), *is_member)).collect();
    Organization::Own { id: OWN_ORGANIZATION.to_owned(), management_account: Some(MANAGEMENT.to_owned()), accounts }
}

fn judged(document: &Value, organization: &Organization) -> Vec<Stranger> {
    let trusted = BTreeSet::from([TRUSTED.to_owned()]);
    strangers(document, &Circle { account: OWN, trusted: &trusted, organization })
}

/// Where the worst of them stands; `None` if nobody is a stranger.
fn worst(document: &Value, organization: &Organization) -> Option<Standing> {
    judged(document, organization).iter().map(|stranger| stranger.standing).min()
}

#[test]
fn trust_policies_are_judged_as_aws_documents_them() {
    let table = table();
    let mut problems = Vec::new();
    for (principal, condition, is, page) in table {
        let document = document(vec![statement(&principal, &condition)]);
        let expected = match is {
            Inside => [None, None, None],
            Outside => [Some(Standing::Outside); 3],
            Unclear => [Some(Standing::Unclear); 3],
            Ours => [None, Some(Standing::Outside), Some(Standing::OfOrganization)],
        };
        let organizations = [own_organization(), Organization::None, Organization::Unknown];
        for (organization, expected) in organizations.iter().zip(expected) {
            let found = worst(&document, organization);
            // Until the organization is known, an account or an organization may be its own.
            let may_be = *organization == Organization::Unknown
                && matches!(is, Outside | Unclear)
                && found == Some(Standing::OfOrganization);
            if found != expected && !may_be {
                problems.push(format!(
                    "{principal} {condition} {organization:?}: {found:?} instead of {expected:?} ({page})"
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_assumes_nothing_lets_nobody_in() {
    for (action, lets_in) in [
        (json!("sts:TagSession"), false),
        (json!(["sts:TagSession", "sts:SetSourceIdentity"]), false),
        (json!(["sts:TagSession", "sts:AssumeRole"]), true),
        (json!("sts:*"), true),
        (json!("sts:Assume*"), true),
        (json!(null), true),
    ] {
        let document = document(vec![json!({"Effect": "Allow", "Principal": "*", "Action": action})]);
        assert_eq!(worst(&document, &Organization::None).is_some(), lets_in, "{action}");
    }
    let with_other_actions =
        document(vec![json!({"Effect": "Allow", "Principal": "*", "NotAction": "sts:TagSession"})]);
    assert_eq!(worst(&with_other_actions, &Organization::None), Some(Standing::Outside));
    let deny = document(vec![json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"})]);
    assert_eq!(worst(&deny, &Organization::None), None);
    let odd_effect = document(vec![json!({"Effect": "allow", "Principal": "*", "Action": "sts:AssumeRole"})]);
    assert_eq!(worst(&odd_effect, &Organization::None), Some(Standing::Outside));
}

// ---------------------------------------------------------------------------------------------------------
// From the event

fn settings() -> Settings {
    let given = Given { name: "TrustedAccounts".to_owned(), value: TRUSTED.to_owned() };
    Settings::from_given(&BTreeMap::from([("TrustedAccounts", given)])).unwrap()
}

fn called(name: &str, request: Value, response: Value) -> Event {
    let record = json!({"eventName": name, "eventSource": "iam.amazonaws.com", "recipientAccountId": OWN,
        "requestParameters": request, "responseElements": response,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/developer"}});
    event::parse(&record).unwrap()
}

fn decided(event: &Event) -> Decision<Finding> {
    let settings = settings();
    decide(event, &settings, SUBSCRIPTIONS, settings.role_trust_mode, detect)
}

fn created(document: &Value) -> Event {
    called("CreateRole", json!({"roleName": "r", "assumeRolePolicyDocument": document.to_string()}), Value::Null)
}

#[test]
fn an_event_is_decided_by_its_trust_policy() {
    assert_eq!(NAME, "role-trust");
    let with = |principal: Value| decided(&created(&document(vec![statement(&principal, &json!({}))])));
    assert!(matches!(with(json!({"Service": "ec2.amazonaws.com"})), Decision::Ignore(_)));
    assert!(matches!(with(json!({"AWS": TRUSTED})), Decision::Ignore(_)));
    assert!(matches!(with(json!("*")), Decision::Violation(_)));
    // It may be the account that manages the organization.
    assert!(matches!(with(json!({"AWS": FOREIGN})), Decision::Candidate(_)));
    assert!(matches!(with(json!({"AWS": "AROADBQP57FF2AEXAMPLE"})), Decision::Violation(_)));
    let encoded = json!({"roleName": "r", "policyDocument": "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%22%2A%22%7D%7D"});
    assert!(matches!(decided(&called("UpdateAssumeRolePolicy", encoded, Value::Null)), Decision::Violation(_)));
}

#[test]
fn what_lacks_something_is_unreadable() {
    let document = document(vec![statement(&json!("*"), &json!({}))]).to_string();
    for (name, request) in [
        ("CreateRole", json!({"roleName": "r"})),
        ("CreateRole", json!({"assumeRolePolicyDocument": document})),
        ("CreateRole", json!({"roleName": "r", "assumeRolePolicyDocument": "{"})),
        ("CreateRole", json!({"roleName": "r", "policyDocument": document})),
        ("UpdateAssumeRolePolicy", json!({})),
        ("UpdateAssumeRolePolicy", Value::Null),
        ("UpdateAssumeRolePolicy", json!({"roleName": "r", "policyDocument": "{\"Statement\":[]}"})),
    ] {
        let decision = decided(&called(name, request.clone(), Value::Null));
        assert!(matches!(decision, Decision::Unreadable(_)), "{name} {request}: {decision:?}");
    }
}

#[test]
fn identity_providers_are_told_whatever_the_event_holds() {
    for name in SUBSCRIPTIONS[0].event_names.iter().filter(|name| name.contains("Provider")) {
        for request in [Value::Null, json!({}), json!({"name": {"x": 1}})] {
            assert!(matches!(decided(&called(name, request, Value::Null)), Decision::Violation(Finding::Provider(_))));
        }
    }
}

#[test]
fn only_identity_centers_own_role_may_keep_its_provider() {
    let by = |role: &str, name: &str| {
        let record = json!({"eventName": name, "eventSource": "iam.amazonaws.com", "recipientAccountId": OWN,
            "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}}}});
        matches!(decided(&event::parse(&record).unwrap()), Decision::Ignore(_))
    };
    let own = "arn:aws:iam::123456789012:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO";
    assert!(by(own, "CreateSAMLProvider") && by(own, "UpdateSAMLProvider"));
    assert!(!by(own, "CreateOpenIDConnectProvider"));
    for other in [
        "arn:aws:iam::999999999999:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO",
        "arn:aws:iam::123456789012:role/AWSServiceRoleForSSO",
        "arn:aws:iam::123456789012:role/x:iam::123456789012:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO",
    ] {
        assert!(!by(other, "CreateSAMLProvider"), "{other}");
    }
}

// ---------------------------------------------------------------------------------------------------------
// The plan

fn trust(document: &Value, role_id: Option<&str>) -> Trust {
    Trust {
        role_name: "r".to_owned(),
        role_id: role_id.map(str::to_owned),
        role_arn: None,
        account: OWN.to_owned(),
        document: Some(document.clone()),
    }
}

fn live(document: &Value) -> LiveRole {
    LiveRole { id: "AROA1".to_owned(), arn: "arn:aws:iam::123456789012:role/r".to_owned(), document: document.clone() }
}

/// What the plan for an event's document makes of the live one; `None` if it leaves it.
fn written(told: &Value, now: &Value) -> Option<Value> {
    let trusted = BTreeSet::from([TRUSTED.to_owned()]);
    let circle = Circle { account: OWN, trusted: &trusted, organization: &Organization::None };
    let plan = plan(&trust(told, None), Some(&live(now)), &circle);
    plan.action.map(|Action::WriteTrustPolicy { document, .. }| document)
}

#[test]
fn only_outsiders_are_taken_out() {
    let condition = json!({"StringEquals": {"sts:ExternalId": "x"}});
    let kept = statement(&json!({"Service": "ec2.amazonaws.com"}), &json!({}));
    let denied = json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"});
    for (before, after) in [
        (
            vec![statement(&json!({"AWS": [OWN, FOREIGN]}), &condition)],
            vec![statement(&json!({"AWS": [OWN]}), &condition)],
        ),
        (vec![kept.clone(), statement(&json!({"AWS": FOREIGN}), &condition)], vec![kept.clone()]),
        (
            vec![statement(&json!({"AWS": "*", "Service": "ec2.amazonaws.com"}), &condition)],
            vec![statement(&json!({"Service": "ec2.amazonaws.com"}), &condition)],
        ),
        (vec![statement(&json!("*"), &condition)], vec![denied.clone()]),
        (vec![kept.clone(), statement(&json!({"NotPrincipal": {"AWS": OWN}}), &condition)], vec![kept.clone()]),
        (
            vec![statement(&json!({"AWS": [FOREIGN, "AROADBQP57FF2AEXAMPLE"]}), &condition)],
            vec![statement(&json!({"AWS": ["AROADBQP57FF2AEXAMPLE"]}), &condition)],
        ),
        // The same principal where it is inside stays.
        (
            vec![
                statement(&json!("*"), &json!({})),
                statement(&json!("*"), &json!({"StringEquals": {"aws:PrincipalAccount": OWN}})),
            ],
            vec![statement(&json!("*"), &json!({"StringEquals": {"aws:PrincipalAccount": OWN}}))],
        ),
    ] {
        let (before, after) = (document(before), document(after));
        assert_eq!(written(&before, &before), Some(after.clone()), "{before}");
        assert_eq!(written(&before, &after), None, "carried out, nothing is left to plan: {after}");
    }
    let alone = json!({"Version": "2012-10-17", "Id": "x", "Statement": statement(&json!("*"), &json!({}))});
    assert_eq!(written(&alone, &alone), Some(json!({"Version": "2012-10-17", "Id": "x", "Statement": denied})));
}

#[test]
fn only_what_the_event_let_in_is_taken_out() {
    let of = |accounts: &[&str]| document(vec![statement(&json!({ "AWS": accounts }), &json!({}))]);
    let told = of(&[OWN, "arn:aws:iam::999999999999:root"]);
    // IAM writes an account's id as its root's ARN, and the other way round.
    assert_eq!(written(&told, &of(&[OWN, FOREIGN])), Some(of(&[OWN])));
    assert_eq!(written(&told, &of(&[FOREIGN, "888888888888"])), Some(of(&["888888888888"])));
    assert_eq!(written(&told, &of(&["888888888888"])), None);
}

#[test]
fn who_was_named_by_an_id_or_renamed_since_is_taken_out() {
    let of = |principals: &[&str]| document(vec![statement(&json!({ "AWS": principals }), &json!({}))]);
    let (id, role) = ("AROADBQP57FF2AEXAMPLE", "arn:aws:iam::999999999999:role/evil");
    // IAM takes the id of a principal that is there, and shows its ARN.
    assert_eq!(written(&of(&[OWN, id]), &of(&[OWN, role])), Some(of(&[OWN])));
    assert_eq!(written(&of(&[OWN, id]), &of(&[OWN, TRUSTED])), None, "it was of a trusted account");
    let renamed = ["arn:aws:iam::999999999999:user/a", "arn:aws:iam::999999999999:user/b"].map(|user| of(&[OWN, user]));
    assert_eq!(written(&renamed[0], &renamed[1]), Some(of(&[OWN])));
    // The id says nothing of other statements.
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let other = document(vec![statement(&json!({"AWS": role}), &mfa)]);
    assert_eq!(written(&of(&[id]), &other), None);
}

#[test]
fn ids_of_deleted_principals_can_go_too() {
    let (user, role) = ("AIDAJQABLZS4A3QDU576Q", "AROADBQP57FF2AEXAMPLE");
    let deny = |principal: Value| json!({"Effect": "Deny", "Principal": principal, "Action": "sts:AssumeRole"});
    let open = document(vec![
        statement(&json!({"AWS": ["*", user, OWN]}), &json!({})),
        statement(&json!({"AWS": user}), &json!({})),
        deny(json!({"AWS": [role, "888888888888"]})),
    ]);
    let trusted = BTreeSet::new();
    let circle = Circle { account: OWN, trusted: &trusted, organization: &Organization::None };
    let action = plan(&trust(&open, None), Some(&live(&open)), &circle).action.unwrap();
    let Some(Action::WriteTrustPolicy { document: left, without, deleted, .. }) = action.without_deleted() else {
        panic!()
    };
    let kept = vec![statement(&json!({"AWS": [OWN]}), &json!({})), deny(json!({"AWS": ["888888888888"]}))];
    assert_eq!(left, document(kept));
    assert_eq!((without.len(), deleted), (1, vec![user.to_owned(), role.to_owned()]));
    let clean = document(vec![statement(&json!({"AWS": ["*", OWN]}), &json!({}))]);
    let action = plan(&trust(&clean, None), Some(&live(&clean)), &circle).action.unwrap();
    assert_eq!(action.without_deleted(), None);
}

#[test]
fn what_is_read_back_is_compared_as_iam_writes_it() {
    let written = statement(&json!({"AWS": [OWN, TRUSTED], "Service": ["ec2.amazonaws.com"]}), &json!({}));
    let shown = json!({"Action": ["sts:AssumeRole"], "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::123456789012:root"], "Service": "ec2.amazonaws.com"}});
    assert!(is_the_same(&document(vec![written.clone()]), &document(vec![shown.clone()])));
    assert!(is_the_same(&document(vec![written.clone()]), &json!({"Version": "2012-10-17", "Statement": shown})));
    let mut other = shown.clone();
    other["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    assert!(!is_the_same(&document(vec![written]), &document(vec![other])));
}

#[test]
fn what_was_written_otherwise_since_has_its_own_event() {
    let foreign = json!({"AWS": FOREIGN});
    let told = document(vec![statement(&foreign, &json!({}))]);
    let external = json!({"StringEquals": {"sts:ExternalId": ["x"]}});
    let narrowed = document(vec![statement(&foreign, &external)]);
    assert_eq!(written(&told, &narrowed), None);
    let mut others_action = told.clone();
    others_action["Statement"][0]["Action"] = json!(["sts:AssumeRole", "sts:TagSession"]);
    assert_eq!(written(&told, &others_action), None);
    let trusted = BTreeSet::new();
    let circle = Circle { account: OWN, trusted: &trusted, organization: &Organization::None };
    let plan = plan(&trust(&told, None), Some(&live(&narrowed)), &circle);
    assert_eq!((plan.situation, plan.others.len()), (Situation::Closed, 1));
    // IAM writes a list of one as its only member, and keys are not case-sensitive.
    let mut same = narrowed.clone();
    same["Statement"][0]["Condition"] = json!({"stringequals": {"STS:externalid": "x"}});
    same["Statement"][0]["Action"] = json!(["STS:AssumeRole"]);
    assert!(written(&narrowed, &same).is_some());
}

/// Under a `Deny`, in an account of the own organization: whether the wildcard and the foreign account beside it stay.
#[test]
fn only_a_denial_that_keeps_them_out_holds_it_back() {
    let negated = |operator: &str, key: &str, value: Value| json!({ operator: { key: value } });
    let own_role = "arn:aws:iam::123456789012:role/x-*";
    for (denial, everyone, foreign) in [
        (json!({}), true, true),
        (json!({"Action": "sts:*"}), true, true),
        (json!({"Action": "sts:Assume*"}), true, true),
        (json!({"Action": null, "NotAction": "sts:TagSession"}), true, true),
        (json!({"Action": "sts:TagSession"}), false, false),
        (json!({"Action": "sts:AssumeRoleWithSAML"}), false, false),
        (json!({"Action": null, "NotAction": "sts:assumerole"}), false, false),
        (json!({"Principal": {"AWS": "*"}}), true, true),
        (json!({"Principal": {"Service": "ec2.amazonaws.com"}}), false, false),
        (json!({"Principal": {"Federated": "*"}}), false, false),
        (json!({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}), false, true),
        (json!({"Principal": {"AWS": "arn:aws:iam::999999999999:role/R"}}), false, false),
        (json!({"Principal": {"AWS": "888888888888"}}), false, false),
        (json!({"Principal": null, "NotPrincipal": {"AWS": [OWN, TRUSTED]}}), true, true),
        (json!({"Principal": null, "NotPrincipal": {"AWS": [OWN, "888888888888"]}}), false, false),
        (json!({"Condition": negated("StringNotEquals", "aws:PrincipalOrgID", json!(OWN_ORGANIZATION))}), true, true),
        (
            json!({"Condition": negated("StringNotLikeIfExists", "aws:PrincipalOrgID", json!([OWN_ORGANIZATION]))}),
            true,
            true,
        ),
        (json!({"Condition": negated("StringNotEquals", "aws:PrincipalOrgID", json!("o-zyxwvutsrq"))}), false, false),
        (json!({"Condition": negated("StringNotEquals", "aws:PrincipalAccount", json!([OWN, TRUSTED]))}), true, true),
        (json!({"Condition": negated("StringNotEquals", "aws:PrincipalAccount", json!([OWN, FOREIGN]))}), false, false),
        (json!({"Condition": negated("ArnNotLike", "aws:PrincipalArn", json!(own_role))}), true, true),
        (
            json!({"Condition": negated("ArnNotEquals", "aws:PrincipalArn", json!("arn:aws:iam::*:role/x"))}),
            false,
            false,
        ),
        (
            json!({"Condition": negated("ForAllValues:StringNotEquals", "aws:PrincipalAccount", json!(OWN))}),
            false,
            false,
        ),
        (json!({"Condition": negated("StringEquals", "aws:PrincipalAccount", json!(FOREIGN))}), false, false),
        (json!({"Condition": negated("Bool", "aws:MultiFactorAuthPresent", json!("false"))}), false, false),
        (json!({"Condition": negated("StringNotEquals", "sts:ExternalId", json!("x"))}), false, false),
        (json!({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": OWN, "sts:ExternalId": "x"}}}), false, false),
    ] {
        let mut deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"});
        for (name, value) in denial.as_object().unwrap() {
            match value {
                Value::Null => drop(deny.as_object_mut().unwrap().remove(name)),
                value => deny[name] = value.clone(),
            }
        }
        let document = document(vec![statement(&json!({"AWS": ["*", FOREIGN, OWN]}), &json!({})), deny]);
        let trusted = BTreeSet::from([TRUSTED.to_owned()]);
        let organization = own_organization();
        let circle = Circle { account: OWN, trusted: &trusted, organization: &organization };
        let plan = plan(&trust(&document, None), Some(&live(&document)), &circle);
        let left: Vec<String> = match plan.action {
            Some(Action::WriteTrustPolicy { document, .. }) => {
                policy::principal::principals(&document["Statement"][0]).iter().map(ToString::to_string).collect()
            }
            None => vec!["*".to_owned(), FOREIGN.to_owned(), OWN.to_owned()],
        };
        let expected: Vec<&str> = [("*", everyone), (FOREIGN, foreign), (OWN, true)]
            .iter()
            .filter(|(_, stays)| *stays)
            .map(|(who, _)| *who)
            .collect();
        assert_eq!(left, expected, "{denial}");
    }
}

#[test]
fn who_may_be_a_member_of_the_organization_is_not_taken_out() {
    let by_account = json!({"StringEquals": {"aws:PrincipalAccount": ["666666666666", OWN]}});
    let document = document(vec![
        statement(&json!({"AWS": [FOREIGN, MEMBER, "*", MANAGEMENT]}), &json!({})),
        statement(&json!("*"), &by_account),
    ]);
    let trusted = BTreeSet::new();
    let take_out = |organization: &Organization| {
        let circle = Circle { account: OWN, trusted: &trusted, organization };
        let plan = plan(&trust(&document, None), Some(&live(&document)), &circle);
        let names = |strangers: &[Stranger]| -> Vec<String> {
            strangers.iter().map(|stranger| stranger.principal.to_string()).collect()
        };
        let undecided: Vec<String> = undecided_accounts(&document, &circle).into_iter().collect();
        (names(&plan.outsiders).join(" "), names(&plan.unclear).join(" "), undecided.join(" "))
    };
    let is = |outsiders: &str, unclear: &str, undecided: &str| {
        (outsiders.to_owned(), unclear.to_owned(), undecided.to_owned())
    };
    let of = |accounts: &[(&str, bool)]| take_out(&organization_of(accounts));
    assert_eq!(of(&[]), is("*", "999999999999 777766665555 *", "666666666666 777766665555 999999999999"));
    let (known, all) =
        ([(MEMBER, true), (FOREIGN, false)], [(MEMBER, true), (FOREIGN, false), ("666666666666", false)]);
    assert_eq!(of(&known), is("999999999999 *", "*", "666666666666"));
    assert_eq!(of(&all), is("999999999999 * *", "", ""));
}

#[test]
fn a_denial_that_excepts_an_organization_waits_for_it() {
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*",
        "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-zyxwvutsrq"}}});
    let document = document(vec![statement(&json!("*"), &json!({})), deny]);
    let depends = |organization: &Organization| judged(&document, organization)[0].depends_on_organization();
    assert!(depends(&Organization::Unknown));
    assert!(!depends(&own_organization()) && !depends(&Organization::None));
}

#[test]
fn another_role_of_that_name_is_not_touched() {
    let document = document(vec![statement(&json!("*"), &json!({}))]);
    let trusted = BTreeSet::new();
    let circle = Circle { account: OWN, trusted: &trusted, organization: &Organization::None };
    let situation = |id: Option<&str>, now: Option<&LiveRole>| plan(&trust(&document, id), now, &circle).situation;
    assert_eq!(situation(Some("AROA2"), Some(&live(&document))), Situation::AnotherRole);
    assert_eq!(situation(Some("AROA1"), Some(&live(&document))), Situation::Open);
    assert_eq!(situation(None, Some(&live(&document))), Situation::Open);
    assert_eq!(situation(None, None), Situation::NoRole);
}

// ---------------------------------------------------------------------------------------------------------
// Whatever the policy

fn any_principal() -> impl Strategy<Value = Value> {
    let rows: Vec<Value> = table().into_iter().map(|(principal, ..)| principal).collect();
    let lists = prop::collection::vec(
        prop::sample::select(vec![
            "*",
            OWN,
            FOREIGN,
            TRUSTED,
            "arn:aws:iam::999999999999:role/R",
            "AROADBQP57FF2AEXAMPLE",
            "odd",
        ]),
        1..4,
    );
    prop_oneof![prop::sample::select(rows), lists.prop_map(|list| json!({"AWS": list, "Service": "ec2.amazonaws.com"}))]
}

fn any_condition() -> impl Strategy<Value = Value> {
    let rows: Vec<Value> = table().into_iter().map(|(_, condition, ..)| condition).collect();
    prop::sample::select(rows)
}

fn any_document() -> impl Strategy<Value = Value> {
    let statements = prop::collection::vec((any_principal(), any_condition()), 1..4);
    statements
        .prop_map(|rows| document(rows.iter().map(|(principal, condition)| statement(principal, condition)).collect()))
}

fn any_organization() -> impl Strategy<Value = Organization> {
    prop_oneof![Just(own_organization()), Just(Organization::None), Just(Organization::Unknown)]
}

/// JSON that is somewhat like a policy.
fn any_json() -> impl Strategy<Value = Value> {
    let words = vec![
        "Statement",
        "Effect",
        "Allow",
        "Principal",
        "NotPrincipal",
        "AWS",
        "*",
        "Condition",
        "StringLike",
        "aws:PrincipalArn",
        "arn:aws:iam::1:é",
        "Federated",
        "token.actions.githubusercontent.com",
        "Action",
        OWN,
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(words.clone()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let key = prop_oneof![prop::sample::select(words.clone()).prop_map(str::to_owned), ".{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_further_condition_lets_nobody_more_in(principal in any_principal(), one in any_condition(), other in any_condition(), organization in any_organization()) {
        // Conditions under other operators, so that none replaces one that was there.
        let mut both = one.clone();
        for (operator, keys) in other.as_object().unwrap() {
            if both.get(operator).is_none() {
                both[operator] = keys.clone();
            }
        }
        let rank = |standing: Option<Standing>| match standing {
            None => 0,
            Some(Standing::OfOrganization) => 1,
            Some(Standing::Unclear) => 2,
            Some(Standing::Outside) => 3,
        };
        let each = |condition: &Value| {
            let document = document(vec![statement(&principal, condition)]);
            // Services are strangers only if a condition says that they act for somebody outside.
            let strangers = judged(&document, &organization).into_iter().filter(|stranger| stranger.principal.who() != Who::Service);
            strangers.map(|stranger| (stranger.principal, stranger.standing)).collect::<BTreeMap<_, _>>()
        };
        let narrow = each(&one);
        for (principal, standing) in each(&both) {
            prop_assert!(rank(Some(standing)) <= rank(narrow.get(&principal).copied()), "{principal} {one} {both}");
        }
    }

    #[test]
    fn nobody_is_left_outside(document in any_document(), organization in any_organization()) {
        let outside: Vec<Stranger> = judged(&document, &organization).into_iter().filter(|stranger| stranger.standing == Standing::Outside).collect();
        let left = without(&document, &outside);
        prop_assert!(judged(&left, &organization).iter().all(|stranger| stranger.standing != Standing::Outside), "{left}");
        // It is a policy that IAM takes.
        prop_assert!(policy::parse(&left).is_ok());
        // Taking out again changes nothing.
        prop_assert_eq!(without(&left, &[]), left);
    }

    #[test]
    fn nothing_but_outsiders_goes(document in any_document(), organization in any_organization()) {
        let all = judged(&document, &organization);
        let outside: Vec<Stranger> = all.iter().filter(|stranger| stranger.standing == Standing::Outside).cloned().collect();
        let left = without(&document, &outside);
        let named = |document: &Value| -> Vec<String> {
            let statements = policy::statements(document).into_iter().filter(|statement| policy::allows(statement));
            statements.flat_map(|statement| {
                let rest: Vec<String> = ["Action", "Condition", "Sid"].iter().map(|field| statement.get(field).map(Value::to_string).unwrap_or_default()).collect();
                policy::principal::principals(statement).into_iter().map(move |principal| format!("{principal:?} {rest:?}")).collect::<Vec<_>>()
            }).collect()
        };
        let mut expected = named(&document);
        for stranger in &outside {
            let statement = policy::statements(&document)[stranger.statement];
            let rest: Vec<String> = ["Action", "Condition", "Sid"].iter().map(|field| statement.get(field).map(Value::to_string).unwrap_or_default()).collect();
            let gone = format!("{:?} {rest:?}", stranger.principal);
            let place = expected.iter().position(|named| *named == gone).unwrap();
            expected.remove(place);
        }
        prop_assert_eq!(named(&left), expected);
        prop_assert_eq!(left.get("Version"), document.get("Version"));
    }

    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(told in any_document(), now in any_document(), organization in any_organization()) {
        let trusted = BTreeSet::from([TRUSTED.to_owned()]);
        let circle = Circle { account: OWN, trusted: &trusted, organization: &organization };
        let first = plan(&trust(&told, None), Some(&live(&now)), &circle);
        if let Some(Action::WriteTrustPolicy { document, .. }) = first.action {
            let second = plan(&trust(&told, None), Some(&live(&document)), &circle);
            prop_assert!(second.action.is_none() && second.outsiders.is_empty(), "{:?}", second);
            prop_assert_eq!(second.others.len(), first.others.len());
            // What snapback writes is an event too: it brings no further change.
            let own = decided(&called("UpdateAssumeRolePolicy", json!({"roleName": "r", "policyDocument": document.to_string()}), Value::Null));
            if judged(&document, &Organization::None).is_empty() {
                prop_assert!(matches!(own, Decision::Ignore(_)), "{:?}", own);
            }
        }
    }

    #[test]
    fn no_json_makes_it_panic(document in any_json(), now in any_json(), organization in any_organization()) {
        let all = judged(&document, &organization);
        let left = without(&document, &all);
        judged(&left, &organization);
        for name in SUBSCRIPTIONS[0].event_names {
            decided(&called(name, document.clone(), now.clone()));
            decided(&called(name, json!({"roleName": "r", "assumeRolePolicyDocument": document.to_string(), "policyDocument": document}), now.clone()));
        }
        let trusted = BTreeSet::new();
        let circle = Circle { account: OWN, trusted: &trusted, organization: &organization };
        plan(&trust(&document, None), Some(&live(&now)), &circle);
    }
}

#[test]
fn the_events_strangers_are_named_in_order() {
    let document =
        document(vec![statement(&json!({"AWS": [FOREIGN, "*"], "Federated": "accounts.google.com"}), &json!({}))]);
    let names: Vec<String> =
        judged(&document, &Organization::None).iter().map(|stranger| stranger.principal.to_string()).collect();
    let [one, other, third] = names.as_slice() else { panic!("{names:?}") };
    assert_eq!((one.as_str(), other.as_str(), third.as_str()), (FOREIGN, "*", "Federated accounts.google.com"));
}

#[test]
fn of_a_found_role_everybody_outside_is_what_was_found() {
    let outside = json!({"AWS": ["arn:aws:iam::999988887777:root", "arn:aws:iam::123456789012:root"]});
    let document = document(vec![
        statement(&outside, &json!({})),
        statement(&json!({"Service": "ec2.amazonaws.com"}), &json!({})),
    ]);
    let arn = "arn:aws:iam::123456789012:role/r";
    let found = |arn: &str| Trust { role_arn: Some(arn.to_owned()), document: None, ..trust(&document, None) };
    let none = Organization::None;
    let trusted = BTreeSet::new();
    let circle = Circle { account: OWN, trusted: &trusted, organization: &none };
    let open = plan(&found(arn), Some(&live(&document)), &circle);
    assert_eq!((open.situation, open.outsiders.len(), open.others.len()), (Situation::Open, 1, 0));
    let Some(Action::WriteTrustPolicy { document: written, .. }) = open.action else { panic!("nothing to do") };
    assert_eq!(plan(&found(arn), Some(&live(&written)), &circle).situation, Situation::Closed);
    let on_a_path = found("arn:aws:iam::123456789012:role/team/r");
    assert_eq!(plan(&on_a_path, Some(&live(&document)), &circle).situation, Situation::AnotherRole);
    assert_eq!(plan(&found(arn), None, &circle).situation, Situation::NoRole);
}

#[test]
fn a_finding_names_a_role_of_this_account_or_is_unreadable() {
    let decided = |account: &str, resource: &str| {
        let raw = json!({"id": "x", "detail-type": "Access Analyzer Finding", "source": "aws.access-analyzer", "account": OWN,
            "detail": {"id": "f", "status": "ACTIVE", "resourceType": "AWS::IAM::Role", "resource": resource, "accountId": account}});
        detect(&event::parse(&raw).unwrap(), &Settings::default())
    };
    for (arn, name) in [
        ("arn:aws:iam::123456789012:role/r", "r"),
        ("arn:aws:iam::123456789012:role/team/x/r", "r"),
        ("arn:aws-us-gov:iam::123456789012:role/a.b+c=d,e@f_g-h", "a.b+c=d,e@f_g-h"),
    ] {
        let Decision::Candidate(Finding::Trust(trust)) = decided(OWN, arn) else { panic!("{arn}") };
        assert_eq!((trust.role_name.as_str(), trust.role_arn.as_deref(), trust.document), (name, Some(arn), None));
    }
    let long = format!("arn:aws:iam::123456789012:role/{}", "r".repeat(10_000));
    for (account, arn) in [
        (OWN, ""),
        (OWN, "r"),
        (OWN, "arn:aws:iam::123456789012:role/"),
        (OWN, "arn:aws:iam::123456789012:user/r"),
        (OWN, "arn:aws:iam::999988887777:role/r"),
        (OWN, "arn:aws:s3::123456789012:role/r"),
        (OWN, "arn:aws:iam::123456789012:role/r\nx"),
        (OWN, "arn:aws:iam::123456789012:role/a b"),
        (OWN, long.as_str()),
        ("999988887777", "arn:aws:iam::999988887777:role/r"),
        ("999988887777", "arn:aws:iam::123456789012:role/r"),
        ("x", "arn:aws:iam::x:role/r"),
    ] {
        // An empty field is as none: the event can't be parsed then.
        if !arn.is_empty() {
            assert!(matches!(decided(account, arn), Decision::Unreadable(_)), "{account} {arn}");
        }
    }
}
