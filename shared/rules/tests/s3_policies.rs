//! Which S3 policies are public, with a pointer to where AWS documents it; whom of another account they let in; what is left of them.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use rules::policy::is_the_same;
use rules::s3_public::judge::{
    Circle, Outsider, may_be_kept_private, outsiders, public_statements, public_statements_of_access_point, without,
};
use serde_json::{Value, json};

const OWN: &str = "123456789012";
const TRUSTED: &str = "111122223333";
const FOREIGN: &str = "999999999999";
const OWNER_ID: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
const OTHER_ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const USER_ID: &str = "AIDAJQABLZS4A3QDU576Q";
const POINTS: &str = "arn:aws:s3:us-west-2:123456789012:accesspoint/*";

/// How a verdict follows from the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// The page says it of this policy, or of one with other names in it.
    Example,
    /// It follows from a rule on the page.
    Rule,
}
use Basis::{Example, Rule};

macro_rules! s3 {
    ($section:literal) => {
        concat!(
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#",
            $section
        )
    };
}
macro_rules! iam {
    ($page:literal) => {
        concat!("https://docs.aws.amazon.com/IAM/latest/UserGuide/", $page)
    };
}

const MEANING: &str = s3!("public-bucket-policies");
const MIXED: &str = s3!("access-control-block-public-access-policy-example");
const ACCESS_POINTS: &str = s3!("access-control-block-public-access-policy-status-access-points");
const ACTIONS: &str = s3!("access-analyzer-public-info");
/// An earlier edition of the page, as AWS published it on GitHub: the example with Facebook has since gone from it.
const FORMERLY: &str = "https://github.com/awsdocs/amazon-s3-userguide/blob/main/doc_source/access-control-block-public-access.md#bucket-policies";
const ANONYMOUS: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html#s3-anonymous-permissions";
const CANONICAL: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html#s3-aws-account-permissions";
const OAI: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-cloudfront";
const IPV6: &str = "https://github.com/awsdocs/amazon-s3-userguide/blob/main/doc_source/example-bucket-policies.md#allowing-ipv4-and-ipv6-addresses";
const REFERER: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS";
const GLOBAL_KEYS: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-global-condition-keys";
const WEBSITE: &str =
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteAccessPermissionsReqd.html#bucket-policy-static-site";
const DELEGATION: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html#access-points-delegating-control";
const PRINCIPALS: &str = iam!("reference_policies_elements_principal.html#principal-accounts");
const EVERYONE: &str = iam!("reference_policies_elements_principal.html#principal-anonymous");
const UNIQUE_IDS: &str = iam!("reference_identifiers.html#identifiers-unique-ids");
const ALL_BUT: &str = iam!("reference_policies_elements_notprincipal.html#specifying-notprincipal-allow");
const EFFECT: &str = iam!("reference_policies_elements_effect.html");
const KEYS: &str = iam!("reference_policies_condition-keys.html");
const SOURCE_IP: &str = iam!("reference_policies_condition-keys.html#condition-keys-sourceip");
const PRINCIPAL_ACCOUNT: &str = iam!("reference_policies_condition-keys.html#condition-keys-principalaccount");
const NEGATED: &str = iam!("reference_policies_elements_condition_operators.html#Conditions_String");
const NULL: &str = iam!("reference_policies_elements_condition_operators.html#Conditions_Null");
const IF_EXISTS: &str = iam!("reference_policies_elements_condition_operators.html#Conditions_IfExists");
const SETS: &str = iam!("reference_policies_condition-single-vs-multi-valued-context-keys.html");
const LOGIC: &str = iam!("reference_policies_condition-logic-multiple-context-keys-or-values.html");

fn allow(principal: &Value, condition: &Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*"});
    if *condition != json!({}) {
        statement["Condition"] = condition.clone();
    }
    statement
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Id": "policy", "Statement": statements})
}

/// A policy of one statement: whom it is for, its condition, whether AWS calls it public.
type Row = (Value, Value, bool, Basis, &'static str);

/// Principal, condition, whether it is public, how that follows, from which page.
fn table() -> Vec<Row> {
    let everyone = || json!("*");
    let none = || json!({});
    let aws = |text: &str| json!({ "AWS": text });
    let equals = |key: &str, value: Value| json!({"StringEquals": {key: value}});
    let like = |key: &str, value: Value| json!({"StringLike": {key: value}});
    let ip = |ranges: Value| json!({"IpAddress": {"aws:SourceIp": ranges}});
    let vpc = || json!("vpc-91237329");
    let slash_eights: Vec<String> = (0..256).map(|first| format!("{first}.0.0.0/8")).collect();
    vec![
        // Principals.
        (everyone(), none(), true, Example, MEANING),
        (aws("*"), none(), true, Example, ANONYMOUS),
        (json!({"AWS": ["*"]}), none(), true, Rule, EVERYONE),
        (json!({"AWS": ["arn:aws:iam::123456789012:root", "*"]}), none(), true, Rule, MEANING),
        (json!({"AWS": "*", "Service": "cloudtrail.amazonaws.com"}), none(), true, Rule, MEANING),
        (json!({"Federated": "graph.facebook.com"}), none(), true, Example, FORMERLY),
        (json!({"Federated": "accounts.google.com"}), none(), true, Rule, FORMERLY),
        (
            json!({"Federated": "graph.facebook.com"}),
            equals("graph.facebook.com:app_id", json!("1")),
            true,
            Rule,
            FORMERLY,
        ),
        (json!({"Federated": "graph.facebook.com"}), equals("aws:SourceVpc", vpc()), false, Rule, FORMERLY),
        (json!({"Federated": "*"}), none(), true, Rule, MEANING),
        (json!({"Federated": "arn:aws:iam::123456789012:saml-provider/Okta"}), none(), false, Rule, MEANING),
        (json!({"Federated": "login.example.com"}), none(), true, Rule, MEANING),
        (json!({"Service": "cloudtrail.amazonaws.com"}), none(), false, Example, MIXED),
        (json!({"Service": "*"}), none(), true, Rule, MEANING),
        (aws("arn:aws:iam::999999999999:root"), none(), false, Example, MIXED),
        (aws("999999999999"), none(), false, Rule, PRINCIPALS),
        (aws("arn:aws:iam::123456789012:user/Alice"), none(), false, Rule, MEANING),
        (aws("arn:aws:iam::123456789012:role/team/R"), none(), false, Rule, MEANING),
        (aws("arn:aws:sts::123456789012:assumed-role/R/session"), none(), false, Rule, MEANING),
        (aws("arn:aws:sts::123456789012:assumed-role/R/*"), none(), true, Rule, MEANING),
        (aws("arn:aws:iam::123456789012:user/*"), none(), true, Rule, MEANING),
        (aws("arn:aws:iam::*:root"), none(), true, Rule, MEANING),
        (aws("arn:aws:iam::123456789012:user/${aws:username}"), none(), true, Rule, MEANING),
        (aws(USER_ID), none(), false, Rule, UNIQUE_IDS),
        (aws("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"), none(), false, Rule, OAI),
        (json!({ "CanonicalUser": OTHER_ID }), none(), false, Rule, CANONICAL),
        (json!({"CanonicalUser": "*"}), none(), true, Rule, MEANING),
        (json!({"CanonicalUser": "65a011a29cdf8ec533ec3d1ccaae921c"}), none(), true, Rule, CANONICAL),
        (json!({"Everybody": "yes"}), none(), true, Rule, MEANING),
        // Keys of which a fixed value narrows.
        (everyone(), equals("aws:SourceVpc", vpc()), false, Example, MEANING),
        (everyone(), like("aws:SourceVpc", json!("vpc-*")), true, Example, MEANING),
        (everyone(), like("aws:SourceVpc", vpc()), false, Rule, MEANING),
        (everyone(), equals("aws:SourceVpc", json!("vpc-*")), true, Rule, MEANING),
        (everyone(), equals("aws:SourceVpc", json!("vpc-9123732?")), true, Rule, MEANING),
        (everyone(), equals("aws:SourceVpc", json!("${aws:PrincipalTag/vpc}")), true, Rule, MEANING),
        (everyone(), equals("aws:SourceVpc", json!([vpc(), "vpc-1a2b3c4d"])), false, Rule, LOGIC),
        (everyone(), like("aws:SourceVpc", json!([vpc(), "vpc-*"])), true, Rule, LOGIC),
        (everyone(), json!({"stringequals": {"AWS:sourcevpc": vpc()}}), false, Rule, MEANING),
        (aws("*"), equals("aws:SourceVpc", vpc()), false, Rule, MEANING),
        (everyone(), equals("aws:SourceVpce", json!("vpce-1a2b3c4d")), false, Rule, MEANING),
        (everyone(), equals("aws:SourceOwner", json!(OWN)), false, Rule, MEANING),
        (everyone(), equals("aws:SourceAccount", json!(FOREIGN)), false, Rule, MEANING),
        (everyone(), like("aws:SourceAccount", json!("1234567890*")), true, Rule, MEANING),
        (
            everyone(),
            json!({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:topic"}}),
            false,
            Rule,
            MEANING,
        ),
        (everyone(), json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}), false, Rule, MEANING),
        (everyone(), json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}}), true, Rule, MEANING),
        (everyone(), equals("aws:PrincipalOrgID", json!("o-abcdefghij")), false, Rule, MEANING),
        (aws("*"), equals("aws:PrincipalOrgID", json!(["o-aa111bb222"])), false, Rule, GLOBAL_KEYS),
        (everyone(), like("aws:PrincipalOrgID", json!("o-*")), true, Rule, MEANING),
        (
            everyone(),
            json!({"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-abcdefghij/r-ab12/ou-ab12-11111111/"}}),
            false,
            Rule,
            MEANING,
        ),
        (
            everyone(),
            json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/*"}}),
            true,
            Rule,
            MEANING,
        ),
        (everyone(), equals("aws:PrincipalAccount", json!(OWN)), false, Rule, MEANING),
        (
            everyone(),
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/R"}}),
            false,
            Rule,
            MEANING,
        ),
        (everyone(), json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:*"}}), true, Rule, MEANING),
        (everyone(), equals("aws:PrincipalServiceName", json!("s3.amazonaws.com")), false, Rule, MEANING),
        (everyone(), equals("aws:userid", json!(USER_ID)), false, Rule, MEANING),
        (everyone(), equals("aws:userid", json!("anonymous")), true, Rule, MEANING),
        (everyone(), equals("aws:PrincipalAccount", json!("anonymous")), true, Rule, MEANING),
        (everyone(), equals("aws:PrincipalAccount", json!([OWN, "Anonymous"])), true, Rule, MEANING),
        (everyone(), json!({"StringEqualsIfExists": {"aws:PrincipalAccount": "anonymous"}}), true, Rule, MEANING),
        (everyone(), json!({"Bool": {"aws:PrincipalAccount": "false"}}), true, Rule, MEANING),
        (everyone(), equals("aws:SourceAccount", json!("*")), true, Rule, MEANING),
        (everyone(), like("aws:userid", json!("AROADBQP57FF2AEXAMPLE:*")), true, Rule, MEANING),
        (everyone(), equals("aws:userid", json!("AROADBQP57FF2AEXAMPLE:session")), true, Rule, MEANING),
        (everyone(), like("aws:userid", json!("AIDA*")), true, Rule, MEANING),
        // Once in the list, gone from it today.
        (
            everyone(),
            equals("s3:x-amz-server-side-encryption-aws-kms-key-id", json!("arn:aws:kms:us-east-1:123456789012:key/1")),
            true,
            Rule,
            MEANING,
        ),
        // Access points.
        (everyone(), like("s3:DataAccessPointArn", json!(POINTS)), false, Example, MEANING),
        (
            everyone(),
            equals("s3:DataAccessPointArn", json!("arn:aws:s3:us-west-2:123456789012:accesspoint/a")),
            false,
            Rule,
            MEANING,
        ),
        (everyone(), like("s3:DataAccessPointArn", json!("arn:aws:s3:us-west-2:*:accesspoint/*")), true, Rule, MEANING),
        (everyone(), like("s3:DataAccessPointArn", json!("*")), true, Rule, MEANING),
        (
            everyone(),
            like("s3:DataAccessPointArn", json!([POINTS, "arn:aws:s3:*:12345678901*:accesspoint/*"])),
            true,
            Rule,
            MEANING,
        ),
        (aws("*"), equals("s3:DataAccessPointAccount", json!(OWN)), false, Rule, DELEGATION),
        (everyone(), like("s3:DataAccessPointAccount", json!("*")), true, Rule, MEANING),
        (everyone(), equals("s3:AccessPointNetworkOrigin", json!("VPC")), true, Rule, MEANING),
        // Ranges.
        (everyone(), ip(json!("0.0.0.0/1")), true, Example, MEANING),
        (everyone(), ip(json!("0.0.0.0/0")), true, Rule, MEANING),
        (everyone(), ip(json!(["0.0.0.0/1", "128.0.0.0/1"])), true, Rule, MEANING),
        (everyone(), ip(json!("10.0.0.0/7")), true, Rule, MEANING),
        (everyone(), ip(json!("12.0.0.0/8")), false, Rule, MEANING),
        (everyone(), ip(json!("10.0.0.0/8")), false, Rule, MEANING),
        (everyone(), ip(json!(["172.16.0.0/12", "192.168.0.0/16"])), false, Rule, MEANING),
        (everyone(), ip(json!("203.0.113.7")), false, Rule, MEANING),
        (everyone(), ip(json!("208.236.235.254/0")), true, Rule, MEANING),
        (everyone(), ip(json!(["203.0.113.0/24", "0.0.0.0/0"])), true, Rule, LOGIC),
        (everyone(), ip(json!("2600::/31")), true, Rule, MEANING),
        (everyone(), ip(json!("2600::/32")), false, Rule, MEANING),
        (everyone(), ip(json!("::/0")), true, Rule, MEANING),
        (everyone(), ip(json!(slash_eights)), true, Rule, MEANING),
        (everyone(), ip(json!("203.0.113.*")), true, Rule, MEANING),
        (everyone(), json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), true, Rule, MEANING),
        (everyone(), json!({"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}}), true, Rule, SOURCE_IP),
        (
            everyone(),
            json!({"IpAddress": {"aws:SourceIp": ["54.240.143.0/24", "2001:DB8:1234:5678::/64"]},
                "NotIpAddress": {"aws:SourceIp": ["54.240.143.128/30", "2001:DB8:1234:5678:ABCD::/80"]}}),
            false,
            Rule,
            IPV6,
        ),
        (everyone(), json!({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}), true, Rule, MEANING),
        // Keys that narrow nothing.
        (everyone(), json!({"Bool": {"aws:SecureTransport": "true"}}), true, Rule, MEANING),
        (everyone(), json!({"Bool": {"aws:SecureTransport": true}}), true, Rule, MEANING),
        (
            everyone(),
            like("aws:Referer", json!(["http://www.example.com/*", "http://example.com/*"])),
            true,
            Rule,
            REFERER,
        ),
        (everyone(), equals("aws:Referer", json!("https://example.com/")), true, Rule, MEANING),
        (everyone(), equals("aws:UserAgent", json!("secret")), true, Rule, MEANING),
        (everyone(), equals("s3:ExistingObjectTag/public", json!("true")), true, Rule, MEANING),
        (everyone(), equals("aws:PrincipalTag/team", json!("red")), true, Rule, MEANING),
        (everyone(), equals("aws:PrincipalType", json!("User")), true, Rule, MEANING),
        (everyone(), json!({"NumericLessThan": {"s3:signatureAge": "600000"}}), true, Rule, MEANING),
        (everyone(), json!({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}), true, Rule, MEANING),
        (everyone(), json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), true, Rule, MEANING),
        // Operators that demand nothing.
        (everyone(), json!({"StringNotEquals": {"aws:SourceVpc": vpc()}}), true, Rule, NEGATED),
        (everyone(), json!({"StringNotLike": {"aws:PrincipalOrgID": "o-abcdefghij"}}), true, Rule, NEGATED),
        (everyone(), json!({"Null": {"aws:SourceVpc": "false"}}), true, Rule, NULL),
        (everyone(), json!({"Null": {"aws:PrincipalAccount": "true"}}), true, Rule, NULL),
        (everyone(), json!({"StringEqualsIfExists": {"aws:SourceVpc": vpc()}}), true, Rule, IF_EXISTS),
        (everyone(), json!({"StringEqualsIfExists": {"aws:PrincipalAccount": OWN}}), false, Rule, PRINCIPAL_ACCOUNT),
        (everyone(), json!({"ForAllValues:StringEquals": {"aws:SourceVpc": vpc()}}), true, Rule, SETS),
        (everyone(), json!({"ForAnyValue:StringEquals": {"aws:SourceVpc": vpc()}}), false, Rule, SETS),
        // All conditions have to hold: one that narrows is enough.
        (
            everyone(),
            json!({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceVpc": vpc()}}),
            false,
            Rule,
            LOGIC,
        ),
        (
            everyone(),
            json!({"StringEquals": {"aws:Referer": "x", "aws:PrincipalOrgID": "o-abcdefghij"}}),
            false,
            Rule,
            LOGIC,
        ),
        (
            everyone(),
            json!({"StringLike": {"aws:SourceVpc": "vpc-*"}, "Bool": {"aws:SecureTransport": "true"}}),
            true,
            Rule,
            LOGIC,
        ),
        // A fixed principal is enough, whatever the condition.
        (aws("arn:aws:iam::999999999999:root"), like("aws:SourceVpc", json!("vpc-*")), false, Rule, MEANING),
    ]
}

fn indexes(document: &Value) -> Vec<usize> {
    public_statements(document).into_iter().map(|public| public.index).collect()
}

#[test]
fn each_verdict_is_the_documented_one() {
    let table = table();
    for (principal, condition, is_public, basis, page) in &table {
        assert!(page.starts_with("https://"), "{page}");
        let alone = document(&[allow(principal, condition)]);
        let expected: &[usize] = if *is_public { &[0] } else { &[] };
        assert_eq!(indexes(&alone), expected, "{basis:?}: {alone}\n{page}");
        let action = |name: &str| {
            let mut alone = alone.clone();
            let statement = alone["Statement"][0].as_object_mut().unwrap();
            let action = statement.remove("Action").unwrap();
            statement.insert(name.to_owned(), action);
            alone
        };
        assert_eq!(indexes(&action("NotAction")), expected, "{alone}");
    }
    let distinct: BTreeSet<String> = table.iter().map(|row| format!("{} {}", row.0, row.1)).collect();
    assert_eq!(distinct.len(), table.len());
    let examples = table.iter().filter(|row| row.3 == Example).count();
    assert!(table.len() >= 60 && examples >= 9, "{} rows, {examples} of them examples", table.len());
    assert!(table.iter().filter(|row| row.2).count() > 40 && table.iter().filter(|row| !row.2).count() > 25);
}

/// Whole policies: which of their statements are public, how that follows, from which page.
#[test]
fn each_statement_is_judged_by_itself() {
    let cloudtrail = allow(&json!({"Service": "cloudtrail.amazonaws.com"}), &json!({}));
    let account = allow(&json!({"AWS": "arn:aws:iam::999999999999:root"}), &json!({}));
    let everyone = allow(&json!("*"), &json!({}));
    let with = |name: &str, value: Value| {
        let mut statement = everyone.clone();
        statement[name] = value;
        statement
    };
    let all_but = json!({"Effect": "Allow", "NotPrincipal": {"AWS": OWN}, "Action": "s3:*", "Resource": "*"});
    let mut all_but_in_vpc = all_but.clone();
    all_but_in_vpc["Condition"] = json!({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}});
    let mut both = account.clone();
    both["NotPrincipal"] = json!({"AWS": OWN});
    for (statements, expected, basis, page) in [
        (vec![cloudtrail.clone(), account.clone(), everyone.clone()], &[2][..], Example, MIXED),
        (vec![cloudtrail.clone(), account.clone()], &[], Example, MIXED),
        (
            vec![json!({"Sid": "PublicReadGetObject", "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"],
                "Resource": ["arn:aws:s3:::amzn-s3-demo-bucket/*"]})],
            &[0],
            Example,
            WEBSITE,
        ),
        (vec![with("Action", json!("s3:NotASupportedAction"))], &[0], Example, ACTIONS),
        (vec![everyone.clone(), account.clone(), everyone.clone()], &[0, 2], Rule, MIXED),
        (vec![with("Effect", json!("Deny"))], &[], Rule, EFFECT),
        (vec![with("Effect", json!("DENY")), everyone.clone()], &[1], Rule, EFFECT),
        (vec![with("Effect", json!("allow"))], &[0], Rule, EFFECT),
        (vec![all_but.clone()], &[0], Rule, ALL_BUT),
        (vec![all_but_in_vpc.clone()], &[], Rule, ALL_BUT),
        (vec![both.clone()], &[0], Rule, ALL_BUT),
    ] {
        let whole = document(&statements);
        assert_eq!(indexes(&whole), expected, "{basis:?}: {whole}\n{page}");
    }
}

#[test]
fn in_an_access_points_policy_its_arn_narrows_nothing() {
    let with = |condition: Value| document(&[allow(&json!("*"), &condition)]);
    for (condition, of_bucket, of_point, basis) in [
        (json!({"StringLike": {"s3:DataAccessPointArn": POINTS}}), 0, 1, Example),
        (
            json!({"StringEquals": {"s3:DataAccessPointArn": "arn:aws:s3:us-west-2:123456789012:accesspoint/a"}}),
            0,
            1,
            Rule,
        ),
        (json!({"StringEquals": {"s3:DataAccessPointAccount": OWN}}), 0, 0, Rule),
        (json!({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}), 0, 0, Rule),
        (json!({"StringLike": {"aws:SourceVpc": "vpc-*"}}), 1, 1, Rule),
    ] {
        let document = with(condition);
        let found = (public_statements(&document).len(), public_statements_of_access_point(&document).len());
        assert_eq!(found, (of_bucket, of_point), "{basis:?}: {document}\n{ACCESS_POINTS}");
    }
}

/// They are in no list of what AWS calls public, but say as much as those that are.
#[test]
fn younger_keys_of_account_organization_and_vpc_narrow() {
    for (key, fixed, open) in [
        ("aws:SourceOrgID", "o-abcdefghij", "o-*"),
        ("aws:SourceOrgPaths", "o-abcdefghij/r-ab12/", "o-abcdefghij/*"),
        ("aws:SourceVpcArn", "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-91237329", "arn:aws:ec2:*:*:vpc/*"),
        ("aws:VpceAccount", OWN, "*"),
        ("aws:VpceOrgID", "o-abcdefghij", "o-*"),
        ("aws:VpceOrgPaths", "o-abcdefghij/r-ab12/", "*"),
        ("aws:PrincipalIsAWSService", "true", "*"),
        ("aws:PrincipalServiceNamesList", "s3.amazonaws.com", "*.amazonaws.com"),
    ] {
        let with = |value: &str| document(&[allow(&json!("*"), &json!({"ForAnyValue:StringLike": {key: value}}))]);
        assert_eq!((indexes(&with(fixed)), indexes(&with(open))), (vec![], vec![0]), "{key}, {KEYS}");
    }
    let services =
        |truth: &str| document(&[allow(&json!("*"), &json!({"Bool": {"aws:PrincipalIsAWSService": truth}}))]);
    assert_eq!((indexes(&services("true")), indexes(&services("false"))), (vec![], vec![0]));
}

#[test]
fn what_cannot_be_understood_is_public() {
    let everyone = allow(&json!("*"), &json!({}));
    let with_condition = |condition: Value| {
        let mut statement = everyone.clone();
        statement["Condition"] = condition;
        statement
    };
    for odd in [
        json!({}),
        json!("x"),
        json!(7),
        json!(null),
        json!([]),
        json!({"Effect": "Allow"}),
        json!({"Principal": "*"}),
        json!({"Effect": ["Deny"], "Principal": "*"}),
        json!({"Effect": "Denied", "Principal": "*"}),
        json!({"Effect": "Allow", "Principal": {}}),
        json!({"Effect": "Allow", "Principal": []}),
        json!({"Effect": "Allow", "Principal": null}),
        json!({"Effect": "Allow", "Principal": {"AWS": []}}),
        json!({"Effect": "Allow", "Principal": {"AWS": [OWN, null]}}),
        json!({"Effect": "Allow", "Principal": {"AWS": {"x": OWN}}}),
        json!({"Effect": "Allow", "Principal": {"Service": " "}}),
        json!({"Effect": "Allow", "NotPrincipal": []}),
        with_condition(json!("x")),
        with_condition(json!([{"StringEquals": {"aws:SourceVpc": "vpc-1"}}])),
        with_condition(json!({"StringEquals": "vpc-1"})),
        with_condition(json!({"StringEquals": {"aws:SourceVpc": []}})),
        with_condition(json!({"StringEquals": {"aws:SourceVpc": null}})),
        with_condition(json!({"StringEquals": {"aws:SourceVpc": ["vpc-1", {}]}})),
        with_condition(json!({"StringEquals": {"aws:SourceVpc": ["vpc-1", ["*"]]}})),
        with_condition(json!({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", null]}})),
        with_condition(json!({"Whatever": {"aws:SourceVpc": "vpc-1"}})),
        with_condition(json!({"ForNoValue:StringEquals": {"aws:SourceVpc": "vpc-1"}})),
    ] {
        assert_eq!(indexes(&document(std::slice::from_ref(&odd))), [0], "{odd}");
    }
    assert_eq!(indexes(&json!({"Statement": everyone})), [0], "a statement without a list");
    assert_eq!(indexes(&json!({"statement": ["x", everyone]})), [0, 1]);
    assert!(indexes(&json!({})).is_empty() && indexes(&json!("x")).is_empty());
}

#[test]
fn a_public_statement_is_told_as_it_is_written_and_why() {
    let tls = allow(&json!("*"), &json!({"Bool": {"aws:SecureTransport": "true"}}));
    for (statement, reason) in [
        (allow(&json!({"AWS": "*"}), &json!({})), "it is for everyone"),
        (tls, "it is for everyone, and no condition demands a fixed caller or source"),
        (
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": OWN}}),
            "it is for everyone but the principals that it names",
        ),
        (
            allow(&json!({"Federated": "graph.facebook.com"}), &json!({})),
            "it is for everyone who has an account at graph.facebook.com",
        ),
        (
            allow(&json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"}), &json!({})),
            "it is for everyone who has an account at gitlab.com",
        ),
        (
            allow(&json!({"AWS": "arn:aws:iam::123456789012:user/\u{202e}*"}), &json!({})),
            "it is for arn:aws:iam::123456789012:user/\\u{202e}*, which holds a wildcard or a policy variable",
        ),
        (json!({"Effect": "Allow"}), "it does not say in a known form whom it is for"),
    ] {
        let found = public_statements(&document(std::slice::from_ref(&statement))).remove(0);
        assert_eq!((found.index, &found.statement, found.reason.to_string().as_str()), (0, &statement, reason));
    }
}

#[test]
fn only_a_denial_of_all_but_a_few_may_keep_a_policy_private() {
    let deny = |principal: Value, condition: Value| json!({"Effect": "deny", "Principal": principal, "Action": "s3:*", "Resource": "*", "Condition": condition});
    let everyone = || json!("*");
    for (denial, expected) in [
        (deny(everyone(), json!({})), true),
        (deny(json!({"AWS": "*"}), json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}})), true),
        (deny(everyone(), json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})), true),
        (deny(everyone(), json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-abcdefghij"}})), true),
        (deny(everyone(), json!({"Null": {"aws:SourceVpc": "true"}})), true),
        (json!({"Effect": "Deny", "NotPrincipal": {"AWS": OWN}, "Action": "s3:*", "Resource": "*"}), true),
        (deny(everyone(), json!({"Bool": {"aws:SecureTransport": "false"}})), false),
        (deny(everyone(), json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}})), false),
        (deny(everyone(), json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})), false),
        (deny(json!({ "AWS": FOREIGN }), json!({})), false),
        (allow(&everyone(), &json!({})), false),
    ] {
        assert_eq!(
            may_be_kept_private(&document(&[allow(&everyone(), &json!({})), denial.clone()])),
            expected,
            "{denial}"
        );
    }
    assert!(!may_be_kept_private(&json!({})));
}

// ---------------------------------------------------------------------------------------------------------
// Others

fn found(document: &Value) -> Vec<Outsider> {
    let trusted = BTreeSet::from([TRUSTED.to_owned()]);
    outsiders(document, &Circle { account: OWN, trusted: &trusted, owner_id: Some(OWNER_ID) })
}

/// What is said of a principal: nothing, that these accounts are others, or that it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Nobodys,
    Of(&'static [&'static str]),
    /// Others, in words that let in the own account too.
    WithOwn(&'static [&'static str]),
    Unknown,
}
use Is::{Nobodys, Of, Unknown, WithOwn};

#[test]
fn principals_of_other_accounts_are_told() {
    let (none, foreign, everyone) = (json!({}), json!({ "AWS": FOREIGN }), json!("*"));
    let equals = |key: &str, value: Value| json!({"StringEquals": {key: value}});
    let both = json!([OWN, FOREIGN]);
    for (principal, condition, expected) in [
        (json!({ "AWS": OWN }), none.clone(), Nobodys),
        (json!({"AWS": "arn:aws:iam::123456789012:role/R"}), none.clone(), Nobodys),
        (json!({"AWS": "arn:aws:iam::111122223333:root"}), none.clone(), Nobodys),
        (foreign.clone(), none.clone(), Of(&[FOREIGN])),
        (json!({"AWS": "arn:aws:iam::999999999999:user/u"}), none.clone(), Of(&[FOREIGN])),
        (json!({"AWS": "arn:aws:sts::999999999999:assumed-role/R/s"}), none.clone(), Of(&[FOREIGN])),
        (json!({"Federated": "arn:aws:iam::999999999999:saml-provider/P"}), none.clone(), Of(&[FOREIGN])),
        (json!({"Federated": "arn:aws:iam::123456789012:saml-provider/P"}), none.clone(), Nobodys),
        // Conditions that keep it inside, or don't.
        (foreign.clone(), equals("aws:PrincipalAccount", json!(OWN)), Nobodys),
        (foreign.clone(), equals("aws:PrincipalOrgID", json!("o-abcdefghij")), Of(&[FOREIGN])),
        (foreign.clone(), equals("aws:SourceVpc", json!("vpc-1")), Of(&[FOREIGN])),
        (foreign.clone(), equals("s3:DataAccessPointAccount", json!(OWN)), Of(&[FOREIGN])),
        // Everyone, narrowed.
        (everyone.clone(), equals("aws:PrincipalAccount", json!(OWN)), Nobodys),
        (everyone.clone(), equals("aws:PrincipalAccount", json!([OWN, TRUSTED])), Nobodys),
        (everyone.clone(), equals("aws:PrincipalAccount", both.clone()), WithOwn(&[FOREIGN])),
        (
            everyone.clone(),
            equals("aws:PrincipalAccount", json!([FOREIGN, "888888888888"])),
            Of(&["888888888888", FOREIGN]),
        ),
        (
            everyone.clone(),
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::999999999999:role/R"}}),
            Of(&[FOREIGN]),
        ),
        (everyone.clone(), equals("aws:SourceAccount", json!(FOREIGN)), Of(&[FOREIGN])),
        (everyone.clone(), equals("aws:PrincipalOrgID", json!("o-zyxwvutsrq")), Nobodys),
        (everyone.clone(), equals("aws:SourceVpc", json!("vpc-1")), Nobodys),
        (everyone.clone(), json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), Nobodys),
        (everyone.clone(), equals("s3:DataAccessPointAccount", json!(OWN)), Nobodys),
        (everyone.clone(), equals("s3:DataAccessPointAccount", both), WithOwn(&[FOREIGN])),
        (everyone.clone(), json!({"StringLike": {"s3:DataAccessPointArn": POINTS}}), Nobodys),
        (
            everyone.clone(),
            json!({"StringLike": {"s3:DataAccessPointArn": POINTS.replace(OWN, FOREIGN)}}),
            Of(&[FOREIGN]),
        ),
        (
            everyone.clone(),
            json!({"StringEquals": {"s3:DataAccessPointAccount": OWN, "aws:PrincipalAccount": FOREIGN}}),
            Of(&[FOREIGN]),
        ),
        (everyone.clone(), equals("aws:VpceAccount", json!(FOREIGN)), Of(&[FOREIGN])),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:VpceAccount": FOREIGN, "s3:DataAccessPointAccount": OWN}}),
            Nobodys,
        ),
        (everyone.clone(), equals("aws:userid", json!(OWN)), Nobodys),
        (everyone.clone(), equals("aws:userid", json!(FOREIGN)), Of(&[FOREIGN])),
        (everyone.clone(), equals("aws:userid", json!(USER_ID)), Unknown),
        (json!({"Federated": "graph.facebook.com"}), equals("aws:SourceVpc", json!("vpc-1")), Nobodys),
        // Services.
        (json!({"Service": "logging.s3.amazonaws.com"}), none.clone(), Nobodys),
        (json!({"Service": "logging.s3.amazonaws.com"}), equals("aws:SourceAccount", json!(OWN)), Nobodys),
        (json!({"Service": "logging.s3.amazonaws.com"}), equals("aws:SourceAccount", json!(FOREIGN)), Of(&[FOREIGN])),
        (
            json!({"Service": "cloudtrail.amazonaws.com"}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:999999999999:trail/t"}}),
            Of(&[FOREIGN]),
        ),
        (json!({"Service": "cloudtrail.amazonaws.com"}), equals("aws:SourceOrgID", json!("o-zyxwvutsrq")), Nobodys),
        // Nobody can tell.
        (json!({ "CanonicalUser": OWNER_ID }), none.clone(), Nobodys),
        (json!({ "CanonicalUser": OTHER_ID }), none.clone(), Unknown),
        (json!({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}), none.clone(), Unknown),
        (json!({ "AWS": USER_ID }), none.clone(), Unknown),
        (json!({ "AWS": USER_ID }), equals("aws:PrincipalAccount", json!(OWN)), Nobodys),
        (json!({"AWS": "somebody"}), none.clone(), Unknown),
        // Public statements are left out.
        (everyone.clone(), none.clone(), Nobodys),
        (json!({"AWS": ["*", FOREIGN]}), none.clone(), Nobodys),
        (json!({"Everybody": "yes"}), none, Nobodys),
    ] {
        let document = document(&[allow(&principal, &condition)]);
        let expected = match expected {
            Nobodys => vec![],
            Of(accounts) => vec![(0, accounts.to_vec(), true)],
            WithOwn(accounts) => vec![(0, accounts.to_vec(), false)],
            Unknown => vec![(0, vec![], false)],
        };
        let outsiders = found(&document);
        let said: Vec<_> = outsiders
            .iter()
            .map(|outsider| {
                (outsider.index, outsider.accounts.iter().map(String::as_str).collect::<Vec<_>>(), outsider.is_certain)
            })
            .collect();
        assert_eq!(said, expected, "{document}");
        assert!(outsiders.iter().all(|outsider| !outsider.reason.to_string().is_empty()));
    }
}

#[test]
fn each_principal_is_told_by_itself() {
    let denied = json!({"Effect": "Deny", "Principal": {"AWS": FOREIGN}, "Action": "s3:*", "Resource": "*"});
    let mixed = json!({"AWS": [OWN, FOREIGN, USER_ID], "Service": "s3.amazonaws.com", "CanonicalUser": [OWNER_ID]});
    let told: Vec<_> = found(&document(&[denied, allow(&mixed, &json!({}))]))
        .into_iter()
        .map(|outsider| (outsider.index, outsider.principal.to_string(), outsider.reason.to_string()))
        .collect();
    let foreign = "account 999999999999 is neither this account nor one of TrustedAccounts";
    let id = "it is an id, which does not tell the account; if its owner has been deleted, it lets nobody in";
    let expected = [(1, FOREIGN, foreign), (1, USER_ID, id)];
    assert_eq!(told, expected.map(|(index, principal, reason)| (index, principal.to_owned(), reason.to_owned())));
    let oai = json!({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"});
    assert_eq!(
        found(&document(&[allow(&oai, &json!({}))])).remove(0).reason.to_string(),
        "an origin access identity of CloudFront does not tell whose distributions use it"
    );
    let trusted = BTreeSet::new();
    let unknown_owner = Circle { account: OWN, trusted: &trusted, owner_id: None };
    let of_owner = document(&[allow(&json!({"CanonicalUser": OWNER_ID}), &json!({}))]);
    assert_eq!(outsiders(&of_owner, &unknown_owner).len(), 1);
}

// ---------------------------------------------------------------------------------------------------------
// What is left

fn cleaned(document: &Value) -> Option<Value> {
    without(document, &public_statements(document), &found(document))
}

#[test]
fn exactly_what_is_public_or_outside_goes() {
    let everyone = allow(&json!("*"), &json!({}));
    let in_vpc = allow(&json!("*"), &json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}}));
    let own =
        json!({"Sid": "own", "Effect": "Allow", "Principal": {"AWS": OWN}, "Action": ["s3:*"], "Resource": ["b", "a"]});
    let denied = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    let list = |accounts: &[&str]| allow(&json!({ "AWS": accounts }), &json!({}));
    for (before, after) in [
        (vec![own.clone(), everyone.clone(), in_vpc.clone()], Some(vec![own.clone(), in_vpc.clone()])),
        (vec![everyone.clone(), own.clone(), everyone.clone()], Some(vec![own.clone()])),
        (vec![everyone.clone(), denied.clone()], Some(vec![denied.clone()])),
        (vec![list(&["*", OWN]), own.clone()], Some(vec![own.clone()])),
        (vec![list(&[OWN, FOREIGN]), own.clone()], Some(vec![list(&[OWN]), own.clone()])),
        (vec![list(&[FOREIGN]), own.clone()], Some(vec![own.clone()])),
        (
            vec![allow(&json!({"AWS": FOREIGN, "Service": "s3.amazonaws.com"}), &json!({}))],
            Some(vec![allow(&json!({"Service": "s3.amazonaws.com"}), &json!({}))]),
        ),
        (vec![everyone.clone()], None),
        (vec![list(&[FOREIGN]), everyone.clone()], None),
        (
            vec![own.clone(), denied, in_vpc.clone()],
            Some(vec![
                own.clone(),
                json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}),
                in_vpc,
            ]),
        ),
    ] {
        let before = document(&before);
        assert_eq!(cleaned(&before), after.map(|after| document(&after)), "{before}");
    }
    // The same principal in another statement stays, and what is not asked for.
    let twice = document(&[list(&[OWN, FOREIGN]), list(&[FOREIGN, TRUSTED]), everyone.clone()]);
    let first: Vec<Outsider> = found(&twice).into_iter().filter(|outsider| outsider.index == 0).collect();
    let expected = document(&[list(&[OWN]), list(&[FOREIGN, TRUSTED]), everyone]);
    assert_eq!(without(&twice, &[], &first), Some(expected));
    assert_eq!(without(&twice, &[], &[]), Some(twice.clone()));
    let alone = json!({"Version": "2008-10-17", "Statement": own});
    assert_eq!(cleaned(&alone), Some(alone.clone()));
}

#[test]
fn what_s3_gives_back_is_compared_by_what_it_says() {
    let written =
        document(&[allow(&json!({"AWS": [OWN, TRUSTED]}), &json!({"StringEquals": {"aws:SourceVpc": ["vpc-1"]}}))]);
    let shown = json!({"Version": "2012-10-17", "Id": "policy", "Statement": {"Effect": "Allow", "Resource": ["*"],
        "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::123456789012:root"]}, "Action": ["s3:GetObject"],
        "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}});
    assert!(is_the_same(&written, &shown));
    assert!(!is_the_same(&written, &document(&[allow(&json!({ "AWS": OWN }), &json!({}))])));
}

fn any_principal() -> impl Strategy<Value = Value> {
    prop::sample::select(table().into_iter().map(|row| row.0).collect::<Vec<_>>())
}

fn any_condition() -> impl Strategy<Value = Value> {
    prop::sample::select(table().into_iter().map(|row| row.1).collect::<Vec<_>>())
}

fn any_statement() -> impl Strategy<Value = Value> {
    let named =
        (any_principal(), any_condition(), prop::sample::select(vec!["Allow", "Allow", "Allow", "Deny", "allow"]));
    let named = named.prop_map(|(principal, condition, effect)| {
        let mut statement = allow(&principal, &condition);
        statement["Effect"] = json!(effect);
        statement
    });
    let lists = prop::collection::vec(prop::sample::select(vec![OWN, TRUSTED, FOREIGN, USER_ID, "*"]), 0..4);
    let lists = (lists, any_condition()).prop_map(|(list, condition)| allow(&json!({ "AWS": list }), &condition));
    let all_but = any_condition()
        .prop_map(|condition| json!({"Effect": "Allow", "NotPrincipal": {"AWS": OWN}, "Condition": condition}));
    prop_oneof![6 => named, 3 => lists, 1 => all_but, 1 => any_json()]
}

fn any_document() -> impl Strategy<Value = Value> {
    prop::collection::vec(any_statement(), 0..5).prop_map(|statements| document(&statements))
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = vec![
        "Statement",
        "Effect",
        "Allow",
        "Deny",
        "Principal",
        "NotPrincipal",
        "AWS",
        "Federated",
        "CanonicalUser",
        "*",
        OWN,
        "",
        "Condition",
        "StringEquals",
        "IpAddress",
        "aws:SourceIp",
        "aws:SourceVpc",
        "0.0.0.0/0",
        "${",
        "arn:::::",
        "items",
        "s3:DataAccessPointArn",
    ];
    let word = prop::sample::select(words).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        let keys = prop_oneof![3 => word.clone(), 1 => any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_further_condition_never_makes_a_policy_more_public(before in any_document(), further in any_condition()) {
        let mut after = before.clone();
        for statement in after["Statement"].as_array_mut().unwrap().iter_mut().filter_map(Value::as_object_mut) {
            let Some(condition) = statement.entry("Condition").or_insert_with(|| json!({})).as_object_mut() else { continue };
            for (operator, keys) in further.as_object().unwrap() {
                // Under another operator, so that it replaces none that was there.
                condition.entry(operator).or_insert_with(|| keys.clone());
            }
        }
        let public = indexes(&before);
        prop_assert!(indexes(&after).iter().all(|index| public.contains(index)), "{before} {after}");
    }

    #[test]
    fn what_is_left_is_not_public_and_stays(before in any_document()) {
        let public = public_statements(&before);
        let left = without(&before, &public, &[]);
        let kept: Vec<Value> = before["Statement"].as_array().unwrap().iter().enumerate()
            .filter(|(index, _)| !public.iter().any(|public| public.index == *index))
            .map(|(_, statement)| statement.clone())
            .collect();
        prop_assert_eq!(&left, &(!kept.is_empty()).then(|| document(&kept)));
        if let Some(left) = left {
            prop_assert_eq!(indexes(&left), Vec::<usize>::new());
        }
    }

    #[test]
    fn a_second_time_nothing_changes(before in any_document()) {
        if let Some(once) = cleaned(&before) {
            prop_assert_eq!(public_statements(&once), vec![]);
            prop_assert_eq!(found(&once), vec![]);
            prop_assert_eq!(cleaned(&once), Some(once));
        }
    }

    #[test]
    fn nothing_panics_and_nothing_is_passed_over(document in any_json(), member in any_json()) {
        for document in [document, json!({"Statement": [member.clone()]}), json!({ "Statement": member })] {
            let public = public_statements(&document);
            public_statements_of_access_point(&document);
            let outsiders = found(&document);
            without(&document, &public, &outsiders);
            may_be_kept_private(&document);
            for (index, statement) in rules::policy::statements(&document).into_iter().enumerate() {
                // Only a denial, a fixed principal or a condition keeps a statement from being public.
                let is_known = statement.is_object() || public.iter().any(|public| public.index == index);
                prop_assert!(is_known, "{statement}");
            }
        }
    }
}
