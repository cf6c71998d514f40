//! What the tests here ask of a policy, and the proof that the evaluator knows AWS's rules as far as our policies use them.

use iam_rs::Decision;
use serde_json::{Value as Json, json};
use tests::evaluator::{Call, NONE, judge};

/// The `Sid`s of the statements that deny a call.
pub(crate) fn denying(policy: &Json, call: &Call<'_>) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .filter(|statement| {
            let alone = json!({"Version": policy["Version"], "Statement": [statement]});
            judge(&alone, call) == Decision::Deny
        })
        .map(|statement| statement["Sid"].as_str().unwrap().to_owned())
        .collect()
}

/// Statements, action, resource, condition keys, and what AWS says.
type Row<'a> = (Json, &'a str, &'a str, &'a [(&'a str, &'a str)], Decision);

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>.
#[test]
fn the_evaluator_knows_the_rules_that_our_policies_rely_on() {
    use Decision::{Allow, Deny, NotApplicable as Nothing};
    let role = "arn:aws:iam::111122223333:role/A";
    let me = [("aws:PrincipalArn", role)];
    let all = |effect: &str| json!({"Effect": effect, "Action": "*", "Resource": "*"});
    let on = |resource: &str| json!({"Effect": "Deny", "Action": "*", "Resource": resource});
    let only = |action: &str| json!({"Effect": "Deny", "Action": action, "Resource": "*"});
    let but = |actions: &[&str]| json!({"Effect": "Deny", "NotAction": actions, "Resource": "*"});
    let when = |condition: Json| json!([{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}]);
    let like = |patterns: &[&str]| when(json!({"ArnNotLike": {"aws:PrincipalArn": patterns}}));
    let one = |statement: Json| json!([statement]);
    let own = "arn:aws:iam::111122223333:role/snapback-A-1";
    let table: &[Row<'_>] = &[
        // An explicit deny beats an allow, in any order; what no statement names is denied by nobody and allowed by nobody.
        (json!([all("Allow"), all("Deny")]), "iam:GetRole", own, &[], Deny),
        (json!([all("Deny"), all("Allow")]), "iam:GetRole", own, &[], Deny),
        (one(all("Allow")), "iam:GetRole", own, &[], Allow),
        (json!([all("Allow"), only("iam:GetUser")]), "iam:GetRole", own, &[], Allow),
        (one(only("iam:GetUser")), "iam:GetRole", own, &[], Nothing),
        // Actions: wildcards, no difference between cases, NotAction.
        (one(only("iam:Create*")), "iam:CreateUser", own, &[], Deny),
        (one(only("iam:Create*")), "iam:PassRole", own, &[], Nothing),
        (one(only("IAM:createuser")), "iam:CreateUser", own, &[], Deny),
        (one(only("iam:*")), "iamx:CreateUser", NONE, &[], Nothing),
        (one(but(&["iam:Get*", "sts:*"])), "iam:GetRole", own, &[], Nothing),
        (one(but(&["iam:Get*", "sts:*"])), "sts:AssumeRole", own, &[], Nothing),
        (one(but(&["iam:Get*", "sts:*"])), "iam:PassRole", own, &[], Deny),
        // Resources: wildcards, parts that may hold anything, cases matter, and no resource matches nothing but *.
        (one(on("arn:aws:iam::*:role/snapback-*")), "iam:PassRole", own, &[], Deny),
        (
            one(on("arn:aws:iam::*:role/snapback-*")),
            "iam:PassRole",
            "arn:aws:iam::111122223333:role/x/snapback-A-1",
            &[],
            Nothing,
        ),
        (one(on("arn:aws:iam::*:role/Snapback-*")), "iam:PassRole", own, &[], Nothing),
        (one(on("arn:aws:iam::*:role/snapback-?-1")), "iam:PassRole", own, &[], Deny),
        (
            one(on("arn:aws:sns:*:*:snapback-*")),
            "sns:Unsubscribe",
            "arn:aws:sns:eu-west-1:111122223333:snapback-A:1f",
            &[],
            Deny,
        ),
        (one(on("arn:aws:sns:*:*:snapback-*")), "sns:Unsubscribe", NONE, &[], Nothing),
        (one(on("*")), "sns:Unsubscribe", NONE, &[], Deny),
        // In the ARNs of AWS's own the account is "aws".
        (one(on("arn:aws:iam::aws:policy/*")), "iam:GetPolicy", "arn:aws:iam::aws:policy/ReadOnlyAccess", &[], Deny),
        (one(on("arn:aws:iam::111122223333:policy/*")), "iam:GetPolicy", "arn:aws:iam::aws:policy/x", &[], Nothing),
        (
            one(on("arn:aws:ec2:*:*:prefix-list/*")),
            "ec2:GetManagedPrefixListEntries",
            "arn:aws:ec2:eu-west-1:aws:prefix-list/pl-1",
            &[],
            Deny,
        ),
        (
            one(on("arn:aws:ec2:*:111122223333:prefix-list/*")),
            "ec2:GetManagedPrefixListEntries",
            "arn:aws:ec2:eu-west-1:aws:prefix-list/pl-1",
            &[],
            Nothing,
        ),
        // A negated operator with several values holds if none of them matches, and if the key is absent.
        (like(&["arn:aws:iam::*:role/A", "arn:aws:iam::*:role/B"]), "iam:GetRole", own, &me, Nothing),
        (like(&["arn:aws:iam::*:role/B", "arn:aws:iam::*:role/C"]), "iam:GetRole", own, &me, Deny),
        (like(&["arn:aws:iam::*:role/a"]), "iam:GetRole", own, &me, Deny),
        (like(&["arn:aws:iam::*:role/A"]), "iam:GetRole", own, &[], Deny),
        (like(&["arn:aws:iam::*:role/A"]), "iam:GetRole", own, &[("AWS:principalARN", role)], Nothing),
        // All operators and keys have to hold.
        (
            when(json!({"ArnNotLike": {"aws:PrincipalArn": "*B"}, "StringNotLike": {"aws:PrincipalArn": ["*A"]}})),
            "iam:GetRole",
            own,
            &me,
            Nothing,
        ),
        (
            when(json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1", "aws:PrincipalAccount": ["1", "2"]}})),
            "sts:AssumeRole",
            own,
            &[("aws:PrincipalOrgID", "o-9"), ("aws:PrincipalAccount", "2")],
            Nothing,
        ),
        (
            when(json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1", "aws:PrincipalAccount": ["1", "2"]}})),
            "sts:AssumeRole",
            own,
            &[("aws:PrincipalAccount", "3")],
            Deny,
        ),
        // IfExists holds if the key is absent, Bool alone doesn't; Null asks for just that.
        (when(json!({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}})), "sts:AssumeRole", own, &[], Deny),
        (when(json!({"Bool": {"aws:PrincipalIsAWSService": "false"}})), "sts:AssumeRole", own, &[], Nothing),
        (
            when(json!({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}})),
            "sts:AssumeRole",
            own,
            &[("aws:PrincipalIsAWSService", "true")],
            Nothing,
        ),
        (when(json!({"Null": {"aws:SourceAccount": "true"}})), "sts:AssumeRole", own, &[], Deny),
        (
            when(json!({"Null": {"aws:SourceAccount": "true"}})),
            "sts:AssumeRole",
            own,
            &[("aws:SourceAccount", "1")],
            Nothing,
        ),
        (when(json!({"StringEquals": {"aws:SourceAccount": "1"}})), "sts:AssumeRole", own, &[], Nothing),
    ];
    let mut wrong = Vec::new();
    for (statements, action, resource, context, expected) in table {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        let verdict = judge(&policy, &Call { who: role, action, resource, context });
        if verdict != *expected {
            wrong.push(format!("{action} on {resource} with {context:?}: {verdict}, not {expected}, by {statements}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
