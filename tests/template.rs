//! template.yaml agrees with the code: what the rules watch, what the settings take, what the roles may do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex::Regex;
use rules::decision::Subscription;
use rules::security_group::plan::Action;
use rules::settings::{DEFINITIONS, Given};
use rules::{Settings, settings::Definition};
use rules::{access_key, iam_user, role_trust, root_activity, s3_public, security_group};
use serde_yaml_ng::Value;
use tests::cloudformation::{
    Stack, conditions, function_folders, references, repository, resources, set, text, texts, wanted,
};

/// What the code says of a function.
struct Function {
    name: &'static str,
    subscriptions: &'static [Subscription],
    /// The calls that it makes on the account, as permissions.
    calls: &'static [&'static str],
    /// The permissions of its plans' actions.
    permissions: fn() -> Vec<&'static str>,
}

const FUNCTIONS: &[Function] = &[
    Function {
        name: security_group::NAME,
        subscriptions: security_group::SUBSCRIPTIONS,
        calls: &[
            "ec2:DescribeManagedPrefixLists",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups",
            "ec2:GetManagedPrefixListEntries",
            "ec2:ModifyManagedPrefixList",
            "ec2:RevokeSecurityGroupIngress",
        ],
        permissions: || {
            let (group_id, prefix_list_id) = (String::new(), String::new());
            let (rules, entries) = (Vec::new(), Vec::new());
            let version = None;
            [Action::RevokeRules { group_id, rules }, Action::RemoveEntries { prefix_list_id, version, entries }]
                .map(|action| action.permission())
                .to_vec()
        },
    },
    Function {
        name: root_activity::NAME,
        subscriptions: root_activity::SUBSCRIPTIONS,
        // It only mails.
        calls: &[],
        permissions: Vec::new,
    },
    Function {
        name: access_key::NAME,
        subscriptions: access_key::SUBSCRIPTIONS,
        calls: &[
            "cloudtrail:LookupEvents",
            "iam:DeleteAccessKey",
            "iam:DeleteSSHPublicKey",
            "iam:DeleteServiceSpecificCredential",
            "iam:DeleteSigningCertificate",
            "iam:GetAccessKeyLastUsed",
            "iam:ListAccessKeys",
            "iam:ListSSHPublicKeys",
            "iam:ListServiceSpecificCredentials",
            "iam:ListSigningCertificates",
            "iam:ListUsers",
            "iam:PutUserPolicy",
            "iam:UpdateAccessKey",
            "iam:UpdateSSHPublicKey",
            "iam:UpdateServiceSpecificCredential",
            "iam:UpdateSigningCertificate",
        ],
        permissions: || {
            use access_key::plan::Action::{Deactivate, Delete, RevokeSessions};
            let actions = [Deactivate, RevokeSessions, Delete].into_iter();
            actions.flat_map(|action| access_key::Kind::ALL.map(|kind| action.permission(kind))).collect()
        },
    },
    Function {
        name: role_trust::NAME,
        subscriptions: role_trust::SUBSCRIPTIONS,
        calls: &[
            "iam:GetRole",
            "iam:UpdateAssumeRolePolicy",
            "organizations:DescribeAccount",
            "organizations:DescribeOrganization",
        ],
        permissions: || {
            let (role_name, document) = (String::new(), serde_json::Value::Null);
            let (without, deleted) = (Vec::new(), Vec::new());
            vec![role_trust::plan::Action::WriteTrustPolicy { role_name, document, without, deleted }.permission()]
        },
    },
    IAM_USER,
    S3_PUBLIC,
];

const S3_PUBLIC: Function = Function {
    name: s3_public::NAME,
    subscriptions: s3_public::SUBSCRIPTIONS,
    calls: &[
        "s3:DeleteAccessPointPolicy",
        "s3:DeleteBucketPolicy",
        "s3:GetAccessPoint",
        "s3:GetAccessPointPolicy",
        "s3:GetAccessPointPolicyStatus",
        "s3:GetAccountPublicAccessBlock",
        "s3:GetBucketAcl",
        "s3:GetBucketPolicy",
        "s3:GetBucketPolicyStatus",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketVersioning",
        "s3:GetObjectAcl",
        "s3:GetObjectVersionAcl",
        "s3:PutAccessPointPolicy",
        "s3:PutAccountPublicAccessBlock",
        "s3:PutBucketAcl",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutObjectAcl",
        "s3:PutObjectVersionAcl",
    ],
    permissions: || {
        use rules::s3_public::acl::Acl;
        use rules::s3_public::plan::{Action, PolicyOf};
        let (account, bucket) = (String::new(), String::new());
        let mut actions = vec![Action::BlockAccount { account }, Action::BlockBucket { bucket }];
        for of in [PolicyOf::Bucket(String::new()), PolicyOf::AccessPoint(String::new())] {
            for document in [None, Some(serde_json::Value::Null)] {
                let (public, outsiders) = (Vec::new(), Vec::new());
                actions.push(Action::WritePolicy { of: of.clone(), document, public, outsiders });
            }
        }
        for object in [None, Some((String::new(), None)), Some((String::new(), Some(String::new())))] {
            let acl = Acl { owner_id: String::new(), grants: Vec::new() };
            actions.push(Action::WriteAcl { bucket: String::new(), object, acl, without: Vec::new() });
        }
        actions.iter().map(Action::permission).collect()
    },
};

const IAM_USER: Function = Function {
    name: iam_user::NAME,
    subscriptions: iam_user::SUBSCRIPTIONS,
    calls: &[
        "iam:DeactivateMFADevice",
        "iam:DeleteAccessKey",
        "iam:DeleteLoginProfile",
        "iam:DeleteSSHPublicKey",
        "iam:DeleteServiceSpecificCredential",
        "iam:DeleteSigningCertificate",
        "iam:DeleteUser",
        "iam:DeleteUserPolicy",
        "iam:DeleteVirtualMFADevice",
        "iam:DetachUserPolicy",
        "iam:GetLoginProfile",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "iam:ListAttachedUserPolicies",
        "iam:ListGroupsForUser",
        "iam:ListMFADevices",
        "iam:ListPolicyVersions",
        "iam:ListSSHPublicKeys",
        "iam:ListServiceSpecificCredentials",
        "iam:ListSigningCertificates",
        "iam:ListUserPolicies",
        "iam:ListUsers",
        "iam:PutUserPolicy",
        "iam:RemoveUserFromGroup",
        "iam:UpdateAccessKey",
    ],
    permissions: || {
        use rules::iam_user::plan::{AccessKey, Action, Hanging};
        let one = || vec!["arn:aws:iam::123456789012:mfa/x".to_owned()];
        let everything = Hanging {
            password: true,
            access_keys: vec![AccessKey { id: String::new(), is_active: true }],
            mfa_devices: one(),
            ssh_keys: one(),
            certificates: one(),
            service_credentials: one(),
            attached_policies: one(),
            inline_policies: one(),
            groups: one(),
        };
        everything.all().iter().map(Action::permission).collect()
    },
};

/// Services whose permissions a role has for the function's own work; everything else it may do is for its account's sake.
const OF_EVERY_FUNCTION: &[&str] = &["logs:", "sns:", "sqs:"];

/// A setting's values.
struct Values {
    parameter: &'static str,
    /// Taken by the function and by the template.
    taken: &'static [&'static str],
    /// Refused by the function when it starts; the template's pattern does not see it.
    refused_at_start: &'static [&'static str],
    /// Refused by both.
    refused: &'static [&'static str],
}

const VALUES: &[Values] = &[
    Values {
        parameter: "IamUserMode",
        taken: &["revert", "alert", "off"],
        refused_at_start: &[],
        refused: &["Revert", "quarantine", "true"],
    },
    Values {
        parameter: "AccessKeyMode",
        taken: &["revert", "quarantine", "alert", "off"],
        refused_at_start: &[],
        refused: &["Quarantine", "delete", "false"],
    },
    Values {
        parameter: "S3PublicMode",
        taken: &["revert", "alert", "off"],
        refused_at_start: &[],
        refused: &["Revert", "quarantine", "true"],
    },
    Values {
        parameter: "S3CrossAccountMode",
        taken: &["revert", "alert", "off"],
        refused_at_start: &[],
        refused: &["OFF", "quarantine", "false"],
    },
    Values {
        parameter: "PublicBuckets",
        taken: &["", "website", "my.bucket-1,Old_Bucket", "a-b , c.d"],
        refused_at_start: &[],
        refused: &["ab", "*", "-rf", "arn:aws:s3:::website", "website/*", "one two", "one;two"],
    },
    Values {
        parameter: "RoleTrustMode",
        taken: &["revert", "alert", "off"],
        refused_at_start: &[],
        refused: &["Revert", "quarantine", "true"],
    },
    Values {
        parameter: "RootActivityMode",
        taken: &["alert", "off"],
        refused_at_start: &[],
        refused: &["revert", "quarantine", "OFF", "false"],
    },
    Values {
        parameter: "TrustedAccounts",
        taken: &["", "111122223333", "111122223333,444455556666", "111122223333 , 444455556666"],
        refused_at_start: &[],
        refused: &[
            "11112222333",
            "1111222233334",
            "o-abcdefghij",
            "*",
            "111122223333 444455556666",
            "111122223333;444455556666",
        ],
    },
    Values {
        parameter: "SecurityGroupMode",
        taken: &["revert", "alert", "off"],
        refused_at_start: &[],
        refused: &["Revert", "OFF", "quarantine", "true", "false"],
    },
    Values {
        parameter: "Rollout",
        taken: &["enforce", "observe"],
        refused_at_start: &[],
        refused: &["Observe", "off", "revert"],
    },
    Values {
        parameter: "TrustedActors",
        taken: &[
            "",
            "arn:aws:iam::111122223333:role/NetworkAdmin",
            "arn:aws:iam::111122223333:user/team/a.b+c=d@e_f-g",
            "arn:aws:iam::111122223333:role/a/b/C,arn:aws:iam::444455556666:user/d",
            "arn:aws:iam::111122223333:role/a , arn:aws:iam::111122223333:role/b",
            "arn:aws-cn:iam::111122223333:role/a",
            "arn:aws-us-gov:iam::111122223333:role/a",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Net_*",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Net_0123456789abcdef",
        ],
        refused_at_start: &[],
        refused: &[
            "admin",
            "*",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::111122223333:role/Admin*",
            "arn:aws:iam::111122223333:role/Admi?",
            "arn:aws:iam::111122223333:role/aws-reserved/*",
            "arn:aws:iam::111122223333:role/aws-reserved/sso*amazonaws.com/x",
            "arn:aws:iam::111122223333:user/aws-reserved/sso.amazonaws.com/*",
            "arn:aws:iam::*:role/Admin",
            "arn:aws:iam::11112222333:role/Admin",
            "arn:*:iam::111122223333:role/Admin",
            "arn:aws:sts::111122223333:assumed-role/Admin/me",
            "arn:aws:iam::111122223333:role/a;arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::111122223333:role/a,arn:aws:iam::111122223333:role/*",
        ],
    },
    Values {
        parameter: "AllowedPublicPorts",
        taken: &[
            "",
            "tcp/443",
            "udp/51820",
            "icmp",
            "tcp/0-65535",
            "tcp/443,udp/51820,tcp/8000-8010,icmp",
            "tcp/443, icmp , udp/53",
        ],
        refused_at_start: &["tcp/70000", "tcp/20-10"],
        refused: &["443", "tcp", "tcp/", "tcp/ssh", "icmp/8", "all", "-1", "tcp/443 udp/53", "tcp/1-2-3", "tcp/*"],
    },
    Values {
        parameter: "WidestPublicIpv4Prefix",
        taken: &["1", "8", "16", "32"],
        refused_at_start: &["8.0"],
        refused: &["0", "33", "-1", "/8", "eight"],
    },
    Values {
        parameter: "WidestPublicIpv6Prefix",
        taken: &["4", "32", "64", "128"],
        refused_at_start: &["32.5"],
        refused: &["0", "3", "129", "/32"],
    },
    Values { parameter: "AlertLanguage", taken: &["en", "ja"], refused_at_start: &[], refused: &["EN", "jp", "de"] },
    Values {
        parameter: "AlertTopicArn",
        taken: &[
            "",
            "arn:aws:sns:eu-west-1:111122223333:alerts",
            "arn:aws-us-gov:sns:us-gov-west-1:111122223333:My_Alerts-1",
        ],
        refused_at_start: &[],
        refused: &[
            "alerts",
            "arn:aws:sqs:eu-west-1:111122223333:alerts",
            "arn:aws:sns:eu-west-1:111122223333:",
            "arn:aws:sns:eu-west-1:111122223333:alerts:0f7c2b1e-52d8-4c8e-9d5e-2a7a6f1f5d11",
            "https://sns.eu-west-1.amazonaws.com",
        ],
    },
    Values {
        parameter: "ChatTopicArn",
        taken: &["", "arn:aws:sns:eu-west-1:111122223333:chat"],
        refused_at_start: &[],
        refused: &[
            "chat",
            "arn:aws:chatbot::111122223333:chat-configuration/slack-channel/alerts",
            "https://hooks.slack.com/services/T0/B0/x",
        ],
    },
];

#[test]
fn each_function_gets_the_events_that_its_rule_declares() {
    for function in FUNCTIONS {
        let mut patterns = Vec::new();
        for (_, rule) in event_rules(&function_block(function.name).0) {
            assert!(
                rule.get("State").is_none_or(|state| text(state).starts_with("ENABLED")),
                "an event rule of {} is switched off",
                function.name
            );
            let pattern = &rule["EventPattern"];
            // What another account forwards to this bus is not this function's business.
            assert_eq!(serde_yaml_ng::to_string(&pattern["account"]).unwrap().trim(), "- !Ref AWS::AccountId");
            let includes_reads =
                rule.get("State").is_some_and(|state| state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
            patterns.push((conditions(pattern, ""), includes_reads));
        }
        let mut declared: Vec<(BTreeMap<String, BTreeSet<String>>, bool)> = function
            .subscriptions
            .iter()
            .map(|subscription| (wanted(subscription), subscription.includes_reads))
            .collect();
        patterns.sort();
        declared.sort();
        assert_eq!(patterns, declared, "the event rules of {} and its subscriptions", function.name);
    }
}

#[test]
fn every_setting_is_a_documented_parameter_that_reaches_a_function() {
    let template = template();
    let mut reaching = BTreeMap::new();
    for function in FUNCTIONS {
        let (_, properties) = function_block(function.name);
        for (variable, value) in properties["Environment"]["Variables"].as_mapping().unwrap() {
            let definition = DEFINITIONS
                .iter()
                .find(|definition| definition.variable() == text(variable))
                .unwrap_or_else(|| panic!("{}: {} is no setting's variable", function.name, text(variable)));
            assert!(
                references(value).contains(definition.parameter),
                "{}: {} is not filled from {}",
                function.name,
                text(variable),
                definition.parameter
            );
            reaching.insert(definition.parameter, function.name);
        }
    }
    for definition in DEFINITIONS {
        let parameter = parameter(&template, definition.parameter);
        assert_eq!(text(&parameter["Default"]), definition.default, "default of {}", definition.parameter);
        let description = parameter.get("Description").map(text).unwrap_or_default();
        assert!(description.len() > 20, "{} has no description", definition.parameter);
        assert!(reaching.contains_key(definition.parameter), "no function gets {}", definition.parameter);
    }
}

#[test]
fn parameters_take_what_the_settings_take() {
    let template = template();
    let known: BTreeSet<&str> = DEFINITIONS.iter().map(|definition| definition.parameter).collect();
    let listed: BTreeSet<&str> = VALUES.iter().map(|values| values.parameter).collect();
    assert_eq!(listed, known, "the table of values in this file");
    let mut problems = Vec::new();
    for values in VALUES {
        let definition = DEFINITIONS.iter().find(|known| known.parameter == values.parameter);
        let parameter = parameter(&template, values.parameter);
        let rows = [(values.taken, true, true), (values.refused_at_start, false, true), (values.refused, false, false)];
        for (written, function_takes, template_takes) in rows {
            for value in written {
                if settings_take(definition.unwrap(), value) != function_takes {
                    problems.push(format!("{}: `{value}`, the function", values.parameter));
                }
                if parameter_takes(parameter, value) != template_takes {
                    problems.push(format!("{}: `{value}`, the template", values.parameter));
                }
            }
        }
    }
    assert!(problems.is_empty(), "not as the table says:\n{}", problems.join("\n"));
}

/// CloudFormation's own word on a value: `AllowedPattern` has to match all of it.
fn parameter_takes(parameter: &Value, value: &str) -> bool {
    let bound = |name: &str| parameter.get(name).map(|bound| text(bound).parse::<f64>().unwrap());
    let number = value.parse::<f64>();
    let is_number = text(&parameter["Type"]) != "Number" || number.is_ok();
    let in_bounds = number.is_ok_and(|number| {
        bound("MinValue").is_none_or(|least| number >= least) && bound("MaxValue").is_none_or(|most| number <= most)
    });
    let is_bounded = parameter.get("MinValue").is_some() || parameter.get("MaxValue").is_some();
    let length = value.chars().count() as f64;
    let is_listed = parameter.get("AllowedValues").is_none_or(|allowed| texts(allowed).contains(value));
    let matches = parameter.get("AllowedPattern").is_none_or(|pattern| {
        let pattern = format!("^(?:{})$", text(pattern));
        Regex::new(&pattern).unwrap().is_match(value)
    });
    is_number
        && (!is_bounded || in_bounds)
        && bound("MaxLength").is_none_or(|most| length <= most)
        && is_listed
        && matches
}

fn settings_take(definition: &Definition, value: &str) -> bool {
    let given = Given { name: definition.parameter.to_owned(), value: value.to_owned() };
    Settings::from_given(&BTreeMap::from([(definition.parameter, given)])).is_ok()
}

#[test]
fn roles_allow_what_the_code_calls_and_no_more() {
    for function in FUNCTIONS {
        let (_, properties) = function_block(function.name);
        let granted = granted(&role_of(&properties));
        let of_account: BTreeSet<String> = granted
            .iter()
            .filter(|action| !OF_EVERY_FUNCTION.iter().any(|service| action.starts_with(service)))
            .cloned()
            .collect();
        let called = set(function.calls.iter().copied());
        assert_eq!(of_account, called, "what the role of {} may do, and what its code calls", function.name);
        for permission in (function.permissions)() {
            assert!(granted.contains(permission), "{} may not {permission}", function.name);
        }
        assert!(granted.contains("sns:Publish"), "{} may not alert", function.name);
        assert!(!granted.iter().any(|action| action.contains('*')), "{} may do too much", function.name);
    }
}

/// Who may write any trust policy may become any role.
#[test]
fn trust_policies_may_be_written_only_where_they_are_reverted() {
    let role = role_of(&function_block(role_trust::NAME).1);
    let by_default = allowed(&role, |policy| policy);
    assert!(by_default.contains("iam:GetRole") && !by_default.contains("iam:UpdateAssumeRolePolicy"), "{by_default:?}");
    assert_eq!(conditions_of(&role), ["RevertsRoleTrust"]);
    condition_names("RevertsRoleTrust", &["RoleTrustMode", "revert", "Rollout", "enforce"]);
}

/// Who may write any bucket's policy may read any bucket.
#[test]
fn s3_may_be_changed_only_where_it_is_reverted() {
    let role = role_of(&function_block(s3_public::NAME).1);
    let by_default = allowed(&role, |policy| policy);
    let changes = |action: &&String| action.starts_with("s3:") && !action.starts_with("s3:Get");
    assert_eq!(by_default.iter().find(changes), None);
    assert_eq!(conditions_of(&role), ["RevertsS3Public", "WritesS3Policies", "BlocksS3Account"]);
    condition_names("RevertsS3Public", &["S3PublicMode", "revert", "Rollout", "enforce"]);
    condition_names("RevertsS3CrossAccount", &["S3CrossAccountMode", "revert", "Rollout", "enforce"]);
    condition_names("WritesS3Policies", &["!Or", "RevertsS3Public", "RevertsS3CrossAccount"]);
    condition_names("BlocksS3Account", &["!And", "RevertsS3Public", "PublicBuckets"]);
}

/// A bucket's ARN does not say whose the bucket is.
#[test]
fn only_buckets_of_the_account_are_in_reach() {
    let role = role_of(&function_block(s3_public::NAME).1);
    let policies = role["Policies"].as_sequence().unwrap().iter().map(unconditional);
    let mut seen = 0;
    for statement in policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().unwrap()) {
        let written = serde_yaml_ng::to_string(&statement["Resource"]).unwrap();
        if written.contains(":s3:::") {
            let condition = serde_yaml_ng::to_string(&statement["Condition"]["StringEquals"]["aws:ResourceAccount"]);
            assert_eq!(condition.unwrap().trim(), "!Ref AWS::AccountId", "{statement:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 5);
}

/// The conditions under which a role has some of its policies.
fn conditions_of(role: &Value) -> Vec<String> {
    let policies = role["Policies"].as_sequence().unwrap().iter();
    policies
        .filter_map(|policy| match policy {
            Value::Tagged(tagged) => Some(text(&tagged.value[0])),
            _ => None,
        })
        .collect()
}

#[track_caller]
fn condition_names(condition: &str, parts: &[&str]) {
    let written = serde_yaml_ng::to_string(&template()["Conditions"][condition]).unwrap();
    for part in parts {
        assert!(written.contains(part), "{written}");
    }
}

/// New accounts often have a quota of 10: reserving makes the deployment fail.
#[test]
fn no_function_reserves_concurrency() {
    let template = template();
    for (name, resource) in resources(&template, "AWS::Serverless::Function") {
        let properties = &resource["Properties"];
        assert!(properties.get("ReservedConcurrentExecutions").is_none(), "{name} reserves concurrency");
    }
    let globals = template.get("Globals").and_then(|globals| globals.get("Function"));
    assert!(globals.is_none_or(|globals| globals.get("ReservedConcurrentExecutions").is_none()));
}

/// What goes wrong in any function is told: its errors and its throttles, beside the queue of failed events.
#[test]
fn alarms_watch_every_function() {
    let stack = Stack::new("template.yaml", &[("AlertEmail", "a@example.com")]);
    let functions: BTreeSet<String> =
        resources(&stack.template, "AWS::Serverless::Function").map(|(name, _)| name).collect();
    for (alarm, metric) in [("FunctionErrorsAlarm", "Errors"), ("FunctionThrottlesAlarm", "Throttles")] {
        let properties = &stack.template["Resources"][alarm]["Properties"];
        let parts = properties["Metrics"].as_sequence().unwrap();
        let (sums, counted): (Vec<&Value>, Vec<&Value>) =
            parts.iter().partition(|part| part.get("Expression").is_some());
        assert_eq!(sums.iter().map(|sum| text(&sum["Expression"])).collect::<Vec<_>>(), ["SUM(METRICS())"]);
        let mut watched = BTreeSet::new();
        for part in counted {
            let metric_of = &part["MetricStat"]["Metric"];
            assert_eq!(
                (text(&metric_of["Namespace"]), text(&metric_of["MetricName"])),
                ("AWS/Lambda".into(), metric.into())
            );
            assert_eq!(part["ReturnData"], Value::Bool(false), "{alarm}");
            watched.extend(references(&metric_of["Dimensions"]));
        }
        assert_eq!(watched, functions, "{alarm}");
        assert_eq!(
            references(&properties["AlarmActions"]),
            set(["AlertTopic", "AlertTopicArn", "ChatTopicArn", "AWS::NoValue"]),
            "{alarm}"
        );
    }
}

/// The trail is made where it is asked for, and nowhere else; what it writes is as closed as what it guards.
#[test]
fn a_trail_is_made_by_choice() {
    let parts = ["Trail", "TrailBucket", "TrailBucketPolicy"];
    let without = Stack::new("template.yaml", &[("AlertEmail", "a@example.com")]);
    assert!(parts.iter().all(|part| without.properties(part).is_none()));
    let stack = Stack::new("template.yaml", &[("AlertEmail", "a@example.com"), ("CreateTrail", "yes")]);
    let trail = stack.properties("Trail").unwrap();
    for on in ["IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"] {
        assert_eq!(trail[on], true, "{on}");
    }
    let bucket = stack.properties("TrailBucket").unwrap();
    let block = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert!(block.len() == 4 && block.values().all(|switch| *switch == true), "{block:?}");
    let policy = &stack.properties("TrailBucketPolicy").unwrap()["PolicyDocument"];
    assert!(s3_public::judge::public_statements(policy).is_empty(), "{policy}");
}

/// Types that take tags (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html, and each type's page).
const TAKES_TAGS: &[(&str, bool)] = &[
    ("AWS::CloudFormation::WaitConditionHandle", false),
    ("AWS::CloudTrail::Trail", true),
    ("AWS::CloudWatch::Alarm", true),
    ("AWS::Config::ConfigurationAggregator", true),
    ("AWS::EC2::VPC", true),
    ("AWS::Events::Rule", true),
    ("AWS::IAM::ManagedPolicy", false),
    ("AWS::IAM::Policy", false),
    ("AWS::IAM::Role", true),
    ("AWS::KMS::Key", true),
    ("AWS::Lambda::Permission", false),
    ("AWS::Logs::LogGroup", true),
    ("AWS::Organizations::Policy", true),
    ("AWS::S3::Bucket", true),
    ("AWS::S3::BucketPolicy", false),
    ("AWS::SNS::Subscription", false),
    ("AWS::SNS::Topic", true),
    ("AWS::SNS::TopicPolicy", false),
    ("AWS::SQS::Queue", true),
    ("AWS::SQS::QueuePolicy", false),
];

/// Whoever cleans up an account has to know what is snapback's.
#[test]
fn whatever_takes_tags_is_tagged() {
    let tagged = "- Key: snapback\n  Value: !Ref AWS::StackName";
    let folders = ["deploy", "deploy/org"].map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    let templates = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let templates = templates.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let templates: Vec<_> = templates.chain([repository().join("template.yaml")]).collect();
    assert!(templates.len() > 5, "{templates:?}");
    for path in templates {
        let path = path.strip_prefix(repository()).unwrap().to_string_lossy().into_owned();
        let template = tests::cloudformation::template(&path);
        for (name, resource) in tests::cloudformation::all_resources(&template) {
            let kind = text(&resource["Type"]);
            let tags = resource.get("Properties").and_then(|properties| properties.get("Tags"));
            if kind == "AWS::Serverless::Function" {
                assert!(tags.is_none(), "{path}: {name} has tags of its own beside those of Globals");
                let tags = serde_yaml_ng::to_string(&template["Globals"]["Function"]["Tags"]).unwrap();
                assert_eq!(tags.trim(), "snapback: !Ref AWS::StackName");
                continue;
            }
            let row = TAKES_TAGS.iter().find(|(known, _)| *known == kind);
            let (_, takes_tags) = row.unwrap_or_else(|| panic!("{path}: does {kind} take tags?"));
            let tags = tags.map(|tags| serde_yaml_ng::to_string(tags).unwrap());
            assert_eq!(tags.as_deref().map(str::trim), takes_tags.then_some(tagged), "{path}: {name}");
        }
    }
}

/// A folder in functions/ is a function of the template, with a rule in the code and samples in events/.
#[test]
fn every_function_is_complete() {
    let names = function_folders();
    let known = set(FUNCTIONS.iter().map(|function| function.name));
    assert_eq!(names, known, "the folders of functions/ and FUNCTIONS in this file");
    let template = template();
    let binaries: BTreeSet<String> = resources(&template, "AWS::Serverless::Function")
        .map(|(_, resource)| text(&resource["Metadata"]["BuildProperties"]["Binary"]))
        .collect();
    assert_eq!(binaries, known, "the functions of template.yaml and FUNCTIONS in this file");
    for name in names {
        let (_, properties) = function_block(&name);
        assert_eq!(text(&properties["CodeUri"]), format!("functions/{name}"));
        let samples: Vec<String> = fs::read_dir(repository().join("events").join(&name))
            .unwrap_or_else(|error| panic!("events/{name}: {error}"))
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|file| file.ends_with(".json"))
            .collect();
        for kind in ["violates-", "passes-"] {
            assert!(samples.iter().any(|file| file.starts_with(kind)), "events/{name} has no {kind} sample");
        }
    }
}

fn template() -> Value {
    tests::cloudformation::template("template.yaml")
}

fn parameter<'a>(template: &'a Value, name: &str) -> &'a Value {
    let parameter = template["Parameters"].get(name);
    parameter.unwrap_or_else(|| panic!("{name} is no parameter of template.yaml"))
}

/// The resource's name and the properties of a function, found by the binary that it is built from.
fn function_block(binary: &str) -> (String, Value) {
    let template = template();
    let mut found = resources(&template, "AWS::Serverless::Function")
        .filter(|(_, resource)| text(&resource["Metadata"]["BuildProperties"]["Binary"]) == binary);
    let (name, resource) =
        found.next().unwrap_or_else(|| panic!("template.yaml has no function with the binary {binary}"));
    assert!(found.next().is_none(), "template.yaml has two functions with the binary {binary}");
    (name, resource["Properties"].clone())
}

/// The event rules that hand events to a function.
fn event_rules(function: &str) -> Vec<(String, Value)> {
    let template = template();
    let rules = resources(&template, "AWS::Events::Rule").map(|(name, rule)| (name, rule["Properties"].clone()));
    let rules: Vec<(String, Value)> = rules
        .filter(|(_, rule)| {
            let targets = rule["Targets"].as_sequence().unwrap();
            targets.iter().any(|target| references(&target["Arn"]).contains(function))
        })
        .collect();
    assert!(!rules.is_empty(), "no event rule hands events to {function}");
    rules
}

fn role_of(function: &Value) -> Value {
    let template = template();
    let named = references(&function["Role"]);
    let (_, role) = resources(&template, "AWS::IAM::Role")
        .find(|(name, _)| named.contains(name))
        .unwrap_or_else(|| panic!("the function has no role of the template: {named:?}"));
    role["Properties"].clone()
}

/// The actions that a role's own policies allow, those under a condition too.
fn granted(role: &Value) -> BTreeSet<String> {
    allowed(role, unconditional)
}

/// A role's policy, also if the role has it only under a condition.
fn unconditional(policy: &Value) -> &Value {
    match policy {
        Value::Tagged(tagged) if tagged.tag == "If" => &tagged.value[1],
        policy => policy,
    }
}

/// The actions that the policies of a role allow, each as `choose` gives it.
fn allowed(role: &Value, choose: fn(&Value) -> &Value) -> BTreeSet<String> {
    assert!(role.get("ManagedPolicyArns").is_none(), "a managed policy says nothing of what it allows");
    let policies = role["Policies"].as_sequence().unwrap().iter().map(choose).filter(|policy| policy.is_mapping());
    let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().unwrap());
    statements
        .flat_map(|statement| {
            assert_eq!(text(&statement["Effect"]), "Allow");
            assert!(statement.get("NotAction").is_none(), "NotAction allows what nobody has listed");
            texts(&statement["Action"])
        })
        .collect()
}
