//! deploy/org/: each policy denies what it is there for, and leaves everyday work, the platform and AWS's services alone.

use std::collections::BTreeMap;
use std::fs;

use iam_rs::Decision;
use serde_json::{Value as Json, json};
use tests::cloudformation::{Stack, all_resources, repository, text};
use tests::evaluator::{Call, judge};

use crate::evaluator::denying;

const POLICIES: &str = "deploy/org/template.yaml";

const ORGANIZATION: &str = "o-a1b2c3d4e5";

/// A member account of the organization.
const MEMBER: &str = "111122223333";

/// The service control policies.
const SCPS: &[&str] = &["CredentialsPolicy", "TamperingPolicy"];

/// Who calls, in calls.tsv, by the ARN that AWS has in `aws:PrincipalArn`.
const CALLERS: &[(&str, &str)] = &[
    ("admin", "arn:aws:iam::111122223333:role/Admin"),
    (
        "sso-admin",
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
    ),
    ("root", "arn:aws:iam::111122223333:root"),
    ("user", "arn:aws:iam::111122223333:user/kim"),
    // A role that an admin can make, named nearly as the platform's.
    ("impostor", "arn:aws:iam::111122223333:role/x/stacksets-exec-1f"),
    ("platform", "arn:aws:iam::111122223333:role/OrganizationAccountAccessRole"),
    ("stack-sets", "arn:aws:iam::111122223333:role/stacksets-exec-0123456789abcdef0123456789abcdef"),
    ("snapback", "arn:aws:iam::111122223333:role/snapback-IamUserRole-1F"),
    ("snapback-set", "arn:aws:iam::111122223333:role/StackSet-snapback-1f-IamUserRole-1F"),
];

fn stack(given: &[(&str, &str)]) -> Stack {
    let given =
        [&[("Targets", "ou-ab12-cd34ef56"), ("OrganizationId", ORGANIZATION), ("OpenIngress", "prevent")], given]
            .concat();
    Stack::new(POLICIES, &given)
}

/// The text of a policy.
fn content(stack: &Stack, name: &str) -> Json {
    stack.properties(name).unwrap_or_else(|| panic!("{name} is not made"))["Content"].clone()
}

fn scps() -> Vec<Json> {
    let stack = stack(&[]);
    SCPS.iter().map(|name| content(&stack, name)).collect()
}

/// One line of calls.tsv.
struct Row {
    line: usize,
    who: &'static str,
    action: String,
    resource: String,
    verdict: String,
    /// The name of the stack in the resource's tags; empty if there is none.
    stack: String,
}

impl Row {
    fn all() -> Vec<Self> {
        let text = fs::read_to_string(repository().join("tests/deploy/calls.tsv")).unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|(number, line)| {
                let line_number = number + 1;
                let cells: Vec<&str> = line.split('\t').collect();
                let (who, action, resource, verdict, stack) = match cells.as_slice() {
                    [who, action, resource, verdict] => (who, action, resource, verdict, ""),
                    [who, action, resource, verdict, stack] => (who, action, resource, verdict, *stack),
                    _ => panic!("line {line_number} has neither four cells nor five"),
                };
                let caller = CALLERS.iter().find(|(name, _)| name == who);
                let (_, who) = caller.unwrap_or_else(|| panic!("line {line_number}: who is {who}?"));
                let [action, resource, verdict] = [action, resource, verdict].map(|cell| (*cell).to_owned());
                Self { line: line_number, who, action, resource, verdict, stack: stack.to_owned() }
            })
            .collect()
    }

    /// `allowed`, or the statements of all the policies that deny.
    fn judged(&self, policies: &[Json]) -> String {
        let denying =
            policies.iter().flat_map(|policy| denied_by(policy, self.who, &self.action, &self.resource, &self.stack));
        let denying: Vec<String> = denying.collect();
        if denying.is_empty() { "allowed".to_owned() } else { denying.join(", ") }
    }
}

fn denied_by(policy: &Json, who: &str, action: &str, resource: &str, stack: &str) -> Vec<String> {
    let mut context =
        vec![("aws:PrincipalArn", who), ("aws:PrincipalAccount", MEMBER), ("aws:PrincipalOrgID", ORGANIZATION)];
    if !stack.is_empty() {
        context.push(("aws:ResourceTag/aws:cloudformation:stack-name", stack));
    }
    denying(policy, &Call { who, action, resource, context: &context })
}

#[test]
fn calls_are_denied_and_left_alone_as_the_table_says() {
    let policies = scps();
    let rows = Row::all();
    assert!(rows.len() > 100);
    let mut wrong = Vec::new();
    for row in &rows {
        let verdict = row.judged(&policies);
        if verdict != row.verdict {
            wrong.push(format!("line {}: {} on {} by {}: {verdict}", row.line, row.action, row.resource, row.who));
        }
    }
    assert!(wrong.is_empty(), "not as calls.tsv says:\n{}", wrong.join("\n"));
}

/// Nothing is in a policy without a call in the table that needs it: every action, resource, exempt role and condition.
#[test]
fn whatever_is_taken_out_of_a_policy_changes_a_verdict() {
    let rows = Row::all();
    let policies = scps();
    let mut unneeded = Vec::new();
    for (number, policy) in policies.iter().enumerate() {
        let whole: Vec<String> = rows.iter().map(|row| row.judged(std::slice::from_ref(policy))).collect();
        for (what, less) in each_with_something_less(policy) {
            let is_needed =
                rows.iter().zip(&whole).any(|(row, verdict)| row.judged(std::slice::from_ref(&less)) != *verdict);
            if !is_needed {
                unneeded.push(format!("{}: {what}", SCPS[number]));
            }
        }
    }
    assert!(unneeded.is_empty(), "no call needs:\n{}", unneeded.join("\n"));
}

/// A policy without one of its statements, actions, resources, conditions or their values, once for each.
pub(crate) fn each_with_something_less(policy: &Json) -> Vec<(String, Json)> {
    let mut all = Vec::new();
    let mut paths = Vec::new();
    collect_lists(policy, String::new(), &mut paths);
    for path in paths {
        let length = policy.pointer(&path).unwrap().as_array().unwrap().len();
        for index in 0..length {
            let mut less = policy.clone();
            let removed = less.pointer_mut(&path).unwrap().as_array_mut().unwrap().remove(index);
            all.push((format!("{path}/{index} {removed}"), less));
        }
    }
    for index in 0..policy["Statement"].as_array().unwrap().len() {
        let operators = policy["Statement"][index]["Condition"].as_object();
        for operator in operators.into_iter().flat_map(|operators| operators.keys()) {
            let mut less = policy.clone();
            less["Statement"][index]["Condition"].as_object_mut().unwrap().remove(operator);
            all.push((format!("{operator} of statement {index}"), less));
        }
    }
    all
}

/// The JSON pointers of all lists.
fn collect_lists(value: &Json, path: String, found: &mut Vec<String>) {
    match value {
        Json::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                collect_lists(item, format!("{path}/{index}"), found);
            }
            found.push(path);
        }
        Json::Object(object) => {
            for (name, item) in object {
                collect_lists(item, format!("{path}/{}", name.replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

/// What an admin would do to a resource of a type to disarm it: the action, and the resource's ARN up to its name.
const DISARMING: &[(&str, &str, &str)] = &[
    ("AWS::CloudTrail::Trail", "cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-west-1:111122223333:trail/"),
    // Its ARN has an id of its own in it, and it takes no tags.
    ("AWS::Config::ConfigRule", "config:DeleteConfigRule", "arn:aws:config:eu-west-1:111122223333:config-rule/"),
    ("AWS::CloudWatch::Alarm", "cloudwatch:DisableAlarmActions", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"),
    // Its ARN has no name in it: the tag with the stack's name tells.
    ("AWS::EC2::VPC", "ec2:DeleteVpc", "arn:aws:ec2:eu-west-1:111122223333:vpc/"),
    ("AWS::Events::Rule", "events:DisableRule", "arn:aws:events:eu-west-1:111122223333:rule/"),
    ("AWS::IAM::Policy", "iam:DeleteRolePolicy", "arn:aws:iam::111122223333:role/"),
    ("AWS::IAM::Role", "iam:UpdateAssumeRolePolicy", "arn:aws:iam::111122223333:role/"),
    ("AWS::Lambda::Permission", "lambda:RemovePermission", "arn:aws:lambda:eu-west-1:111122223333:function:"),
    ("AWS::Logs::LogGroup", "logs:DeleteLogGroup", "arn:aws:logs:eu-west-1:111122223333:log-group:"),
    ("AWS::S3::Bucket", "s3:DeleteBucket", "arn:aws:s3:::"),
    ("AWS::S3::BucketPolicy", "s3:PutBucketPolicy", "arn:aws:s3:::"),
    ("AWS::SNS::Subscription", "sns:Unsubscribe", "*"),
    ("AWS::SNS::Topic", "sns:DeleteTopic", "arn:aws:sns:eu-west-1:111122223333:"),
    ("AWS::SNS::TopicPolicy", "sns:SetTopicAttributes", "arn:aws:sns:eu-west-1:111122223333:"),
    ("AWS::SQS::Queue", "sqs:DeleteQueue", "arn:aws:sqs:eu-west-1:111122223333:"),
    ("AWS::SQS::QueuePolicy", "sqs:SetQueueAttributes", "arn:aws:sqs:eu-west-1:111122223333:"),
    ("AWS::Serverless::Function", "lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:111122223333:function:"),
];

/// A new resource of template.yaml or region.yaml has to be protected, too, under the names that it gets in a stack and in a stack set.
#[test]
fn everything_that_is_deployed_in_an_account_is_protected() {
    let policies = scps();
    for (path, stack_name) in [
        ("template.yaml", "snapback"),
        ("template.yaml", "StackSet-snapback-0123abcd"),
        ("deploy/region.yaml", "snapback-region"),
        ("deploy/region.yaml", "StackSet-snapback-region-0123abcd"),
    ] {
        let given = [("AWS::StackName", stack_name), ("HomeRegion", "eu-central-1")];
        let deployed = Stack::new(path, &given);
        for (name, resource) in all_resources(&deployed.template).filter(|(name, _)| name != "Nothing") {
            let kind = text(&resource["Type"]);
            let row = DISARMING.iter().find(|(known, _, _)| *known == kind);
            let (_, action, arn) = row.unwrap_or_else(|| panic!("{path}: how is the {kind} {name} disarmed?"));
            let properties = &resource["Properties"];
            for own_name in ["Name", "RoleName", "FunctionName", "TopicName", "QueueName", "AlarmName", "BucketName"] {
                let names_another = kind == "AWS::Lambda::Permission" && own_name == "FunctionName";
                assert!(names_another || properties.get(own_name).is_none(), "{path}: {name} has a name of its own");
            }
            let called = match properties.get("LogGroupName") {
                Some(group) => deployed.value(group).unwrap().as_str().unwrap().to_owned(),
                None if kind.starts_with("AWS::S3") => format!("{stack_name}-{name}-1f").to_lowercase(),
                None => format!("{stack_name}-{name}-1F"),
            };
            let arn = if *arn == "*" { "*".to_owned() } else { format!("{arn}{called}") };
            let denying: Vec<String> =
                policies.iter().flat_map(|policy| denied_by(policy, CALLERS[0].1, action, &arn, stack_name)).collect();
            assert_eq!(denying.len(), 1, "{path}: {action} on {arn}");
        }
    }
}

/// What can become longer than any default: the names, and the platform's roles.
const LONG: &[(&str, &str)] = &[
    ("StackName", "fifteen-letters"),
    ("AWS::Partition", "aws-us-gov"),
    (
        "PlatformRoles",
        "arn:aws:iam::*:role/stacksets-exec-*,arn:aws:iam::*:role/OrganizationAccountAccessRole,\
         arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_PlatformEngineering_*,\
         arn:aws:iam::*:role/AWSControlTowerExecution",
    ),
    ("TrustedAccounts", "444455556666,555566667777,666677778888"),
];

/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>: 5,120 characters, 10,000 for declarative policies.
#[test]
fn policies_are_not_longer_than_aws_takes() {
    for given in [&[], LONG] {
        let stack = stack(given);
        for (name, resource) in all_resources(&stack.template) {
            let most = match text(&resource["Properties"]["Type"]).as_str() {
                "SERVICE_CONTROL_POLICY" | "RESOURCE_CONTROL_POLICY" => 5120,
                _ => 10_000,
            };
            let length = content(&stack, &name).to_string().chars().count();
            println!("{name}: {length} of {most} characters");
            assert!(length <= most, "{name} has {length} characters");
        }
    }
}

#[test]
fn each_policy_can_be_switched_off() {
    for (parameter, policy) in [
        ("Credentials", "CredentialsPolicy"),
        ("Tampering", "TamperingPolicy"),
        ("PublicS3", "PublicS3Policy"),
        ("OutsideTrust", "OutsideTrustPolicy"),
        ("OpenIngress", "OpenIngressPolicy"),
    ] {
        let with = stack(&[]).made();
        let mut without = stack(&[(parameter, "off")]).made();
        assert!(without.insert(policy.to_owned()), "{parameter} does not switch {policy} off");
        assert_eq!(with, without);
    }
    let by_default = Stack::new(POLICIES, &[("Targets", "ou-ab12-cd34ef56"), ("OrganizationId", ORGANIZATION)]);
    assert!(!by_default.made().contains("OpenIngressPolicy"), "it cuts off what is public on purpose");
}

/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_s3_syntax.html>,
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_declarative_syntax.html>
#[test]
fn declarative_policies_are_as_documented() {
    let stack = stack(&[]);
    let s3 = stack.properties("PublicS3Policy").unwrap();
    assert_eq!(s3["Type"], "S3_POLICY");
    assert_eq!(s3["Content"], json!({"s3_attributes": {"public_access_block_configuration": {"@@assign": "all"}}}));
    let ingress = stack.properties("OpenIngressPolicy").unwrap();
    assert_eq!(ingress["Type"], "DECLARATIVE_POLICY_EC2");
    let block = json!({"mode": {"@@assign": "block_ingress"}, "exclusions_allowed": {"@@assign": "disabled"}});
    assert_eq!(
        ingress["Content"]["ec2_attributes"]["vpc_block_public_access"],
        json!({"internet_gateway_block": block})
    );
}

#[test]
fn roles_are_assumed_only_from_inside_by_services_and_by_named_accounts() {
    type Context = &'static [(&'static str, &'static str)];
    let inside: Context = &[("aws:PrincipalOrgID", ORGANIZATION), ("aws:PrincipalAccount", MEMBER)];
    let colleague: Context = &[("aws:PrincipalOrgID", ORGANIZATION), ("aws:PrincipalAccount", "222233334444")];
    let other_organization: Context =
        &[("aws:PrincipalOrgID", "o-9z8y7x6w5v"), ("aws:PrincipalAccount", "999988887777")];
    let alone: Context = &[("aws:PrincipalAccount", "999988887777")];
    let partner: Context = &[("aws:PrincipalAccount", "444455556666"), ("aws:PrincipalOrgID", "o-9z8y7x6w5v")];
    let partner_alone: Context = &[("aws:PrincipalAccount", "444455556666")];
    let service: Context = &[("aws:PrincipalIsAWSService", "true")];
    let person: Context = &[("aws:PrincipalIsAWSService", "false"), ("aws:PrincipalAccount", "999988887777")];
    // The caller, whether it is shut out, and whether it is where 444455556666 is one of TrustedAccounts.
    let table = [
        (inside, false, false),
        (colleague, false, false),
        (service, false, false),
        (other_organization, true, true),
        (alone, true, true),
        (person, true, true),
        (&[], true, true),
        (partner, true, false),
        (partner_alone, true, false),
    ];
    let bare = content(&stack(&[]), "OutsideTrustPolicy");
    let trusting = content(&stack(&[("TrustedAccounts", "555566667777, 444455556666")]), "OutsideTrustPolicy");
    for (context, shut_out, shut_out_when_trusted) in table {
        for (policy, expected) in [(&bare, shut_out), (&trusting, shut_out_when_trusted)] {
            let resource = "arn:aws:iam::111122223333:role/app";
            let denied = |action| !denying(policy, &Call { who: "999988887777", action, resource, context }).is_empty();
            assert_eq!(denied("sts:AssumeRole"), expected, "{context:?} by {policy}");
            // Federation is not touched: it brings no account.
            assert!(!denied("sts:AssumeRoleWithSAML") && !denied("sts:AssumeRoleWithWebIdentity"));
        }
    }
}

#[test]
fn without_mfa_a_user_can_only_set_it_up() {
    let stack = Stack::new("deploy/org/mfa.yaml", &[]);
    let documents =
        ["DenyWithoutMfa", "MfaSelfService"].map(|name| stack.properties(name).unwrap()["PolicyDocument"].clone());
    let [deny, self_service] = &documents;
    // Only such a policy is never taken off a user by iam-user.
    assert!(deny["Statement"].as_array().unwrap().iter().all(|statement| statement["Effect"] == "Deny"));
    let who = "arn:aws:iam::111122223333:user/kim";
    let (device, other) = ("arn:aws:iam::111122223333:mfa/phone", "arn:aws:iam::111122223333:user/lee");
    let name = ("aws:username", "kim");
    let (with, without, by_key) = (
        vec![name, ("aws:MultiFactorAuthPresent", "true")],
        vec![name, ("aws:MultiFactorAuthPresent", "false")],
        vec![name],
    );
    use Decision::{Allow, Deny, NotApplicable as Nothing};
    // What the two policies say together: with MFA, without, and with a long-term access key alone.
    let table = [
        ("ec2:RunInstances", "*", Nothing, Deny, Deny),
        ("s3:GetObject", "arn:aws:s3:::app/file", Nothing, Deny, Deny),
        ("sts:AssumeRole", "arn:aws:iam::111122223333:role/app", Nothing, Deny, Deny),
        ("iam:CreateAccessKey", who, Nothing, Deny, Deny),
        ("iam:DeactivateMFADevice", who, Allow, Deny, Deny),
        ("iam:DeleteVirtualMFADevice", device, Nothing, Deny, Deny),
        ("iam:CreateVirtualMFADevice", device, Allow, Allow, Allow),
        ("iam:EnableMFADevice", who, Allow, Allow, Allow),
        ("iam:ListMFADevices", who, Allow, Allow, Allow),
        ("iam:GetMFADevice", who, Allow, Allow, Allow),
        ("iam:ResyncMFADevice", who, Allow, Allow, Allow),
        ("iam:GetUser", who, Allow, Allow, Allow),
        ("iam:ChangePassword", who, Allow, Allow, Allow),
        ("iam:ListVirtualMFADevices", "*", Allow, Allow, Allow),
        ("iam:GetAccountPasswordPolicy", "*", Allow, Allow, Allow),
        ("iam:EnableMFADevice", other, Nothing, Nothing, Nothing),
        ("iam:DeactivateMFADevice", other, Nothing, Deny, Deny),
        ("iam:ChangePassword", other, Nothing, Nothing, Nothing),
        // Needs no permission, but must not be denied: it is how an access key's session gets its MFA.
        ("sts:GetSessionToken", "*", Nothing, Nothing, Nothing),
    ];
    for (action, resource, verdict_with, verdict_without, verdict_by_key) in table {
        for (context, expected) in [(&with, verdict_with), (&without, verdict_without), (&by_key, verdict_by_key)] {
            let verdicts = [deny, self_service].map(|policy| judge(policy, &Call { who, action, resource, context }));
            let verdict = if verdicts.contains(&Deny) {
                Deny
            } else if verdicts.contains(&Allow) {
                Allow
            } else {
                Nothing
            };
            assert_eq!(verdict, expected, "{action} on {resource} with {context:?}");
        }
    }
}

#[test]
fn the_trail_covers_everything_and_its_bucket_is_shut() {
    let stack =
        Stack::new("deploy/org/logging.yaml", &[("OrganizationId", ORGANIZATION), ("AWS::AccountId", "999988887777")]);
    let trail = stack.properties("OrganizationTrail").unwrap();
    let switches = [
        "EnableLogFileValidation",
        "IncludeGlobalServiceEvents",
        "IsLogging",
        "IsMultiRegionTrail",
        "IsOrganizationTrail",
    ];
    for switch in switches {
        assert_eq!(trail[switch], true, "{switch}");
    }
    let block = stack.properties("TrailBucket").unwrap()["PublicAccessBlockConfiguration"].clone();
    let block: BTreeMap<String, bool> = serde_json::from_value(block).unwrap();
    assert!(block.len() == 4 && block.values().all(|on| *on), "{block:?}");
    let written: Vec<String> =
        stack.properties("TrailBucketPolicy").unwrap()["PolicyDocument"]["Statement"][1]["Resource"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| resource.as_str().unwrap().to_owned())
            .collect();
    let bucket = "<TrailBucket.Arn>";
    assert_eq!(written, [format!("{bucket}/AWSLogs/999988887777/*"), format!("{bucket}/AWSLogs/{ORGANIZATION}/*")]);
    for (parameter, kept) in [("Trail", "Aggregator"), ("ConfigAggregator", "OrganizationTrail")] {
        let made =
            Stack::new("deploy/org/logging.yaml", &[("OrganizationId", ORGANIZATION), (parameter, "off")]).made();
        assert!(made.contains(kept) && made.len() < 5, "{made:?}");
    }
}
