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
use rules::config::{MANAGED_RULES, May, reads_like};
use rules::decision::Subscription;
use rules::security_group::plan::Action;
use rules::settings::{DEFINITIONS, FILLED_IN, Given, Mode, definitions};
use rules::{Settings, settings::Definition};
use rules::{access_key, findings, iam_user, role_trust, root_activity, s3_public, security_group};
use sandbox::reenact::config::required_parameters;
use serde_yaml_ng::Value;
use tests::authorization::{self, Grant, Role};
use tests::cloudformation::{
    Stack, conditions, function_folders, references, repository, resources, set, text, texts, wanted,
};

/// What the code says of a function.
struct Function {
    name: &'static str,
    subscriptions: &'static [Subscription],
    /// The permissions of its plans' actions.
    permissions: fn() -> Vec<&'static str>,
}

const FUNCTIONS: &[Function] = &[
    Function {
        name: security_group::NAME,
        subscriptions: security_group::SUBSCRIPTIONS,
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
        permissions: Vec::new,
    },
    Function {
        name: findings::NAME,
        subscriptions: findings::SUBSCRIPTIONS,
        // It only mails.
        permissions: Vec::new,
    },
    Function {
        name: access_key::NAME,
        subscriptions: access_key::SUBSCRIPTIONS,
        permissions: || {
            use access_key::plan::Action::{Deactivate, Delete, RevokeSessions};
            let actions = [Deactivate, RevokeSessions, Delete].into_iter();
            actions.flat_map(|action| access_key::Kind::ALL.map(|kind| action.permission(kind))).collect()
        },
    },
    Function {
        name: role_trust::NAME,
        subscriptions: role_trust::SUBSCRIPTIONS,
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
        parameter: "ConfigFindings",
        taken: &["alert", "revert"],
        refused_at_start: &[],
        refused: &["Revert", "off", "quarantine", "true"],
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
    for function in names() {
        let (_, properties) = function_block(function);
        for (variable, value) in properties["Environment"]["Variables"].as_mapping().unwrap() {
            let definition = definitions()
                .find(|definition| definition.variable() == text(variable))
                .unwrap_or_else(|| panic!("{function}: {} is no setting's variable", text(variable)));
            // What is filled in is an attribute of a resource, whose name the setting's begins with.
            let source = match definition.parameter {
                "CanaryRoleArn" => "CanaryRole",
                "CanaryVpcId" => "CanaryVpc",
                parameter => parameter,
            };
            assert!(references(value).contains(source), "{function}: {} is not filled from {source}", text(variable));
            reaching.insert(definition.parameter, function);
        }
    }
    for definition in FILLED_IN {
        assert!(reaching.contains_key(definition.parameter), "no function gets {}", definition.parameter);
        assert!(template["Parameters"].get(definition.parameter).is_none(), "{} is a parameter", definition.parameter);
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

/// What plans say that they need. What a role may do besides is for `tests/privileges` to judge.
#[test]
fn roles_allow_what_plans_need() {
    for function in FUNCTIONS {
        let role = Role::of(&authorization::stack(&[]), function.name);
        let granted: BTreeSet<String> = role.grants.iter().flat_map(Grant::actions).collect();
        for permission in (function.permissions)() {
            assert!(granted.contains(permission), "{} may not {permission}", function.name);
        }
    }
}

/// A role may change things under exactly those settings under which the code does.
#[test]
fn conditions_hold_where_the_code_acts() {
    for rollout in ["enforce", "observe"] {
        for mode in ["revert", "quarantine", "alert", "off"] {
            for buckets in ["", "website"] {
                let values = |parameter: &str| match parameter {
                    "Rollout" => rollout,
                    "PublicBuckets" => buckets,
                    // The others don't know `quarantine`; that is for `VALUES` to judge.
                    "AccessKeyMode" => mode,
                    "S3CrossAccountMode" if mode == "alert" => "revert",
                    "S3CrossAccountMode" if mode == "quarantine" => "off",
                    "RootActivityMode" if mode != "off" => "alert",
                    _ if mode == "quarantine" => "revert",
                    _ => mode,
                };
                let names = DEFINITIONS.iter().map(|definition| definition.parameter);
                let names = names.filter(|name| name.ends_with("Mode") || ["Rollout", "PublicBuckets"].contains(name));
                let given: Vec<(&str, &str)> = names.map(|name| (name, values(name))).collect();
                let settings =
                    given.iter().map(|(name, value)| (*name, Given { name: (*name).into(), value: (*value).into() }));
                let settings = Settings::from_given(&settings.collect()).unwrap();
                let stack = authorization::stack(&given);
                let acts = |mode: Mode| settings.acts(mode);
                let writes_public = acts(settings.s3_public_mode);
                let writes_other = acts(settings.s3_cross_account_mode);
                for (condition, holds) in [
                    ("RevertsIamUsers", acts(settings.iam_user_mode)),
                    ("DeactivatesAccessKeys", acts(settings.access_key_mode)),
                    ("DeletesAccessKeys", acts(settings.access_key_mode) && settings.access_key_mode == Mode::Revert),
                    ("RevertsSecurityGroups", acts(settings.security_group_mode)),
                    ("RevertsRoleTrust", acts(settings.role_trust_mode)),
                    ("RevertsS3Public", writes_public),
                    ("RevertsS3CrossAccount", writes_other),
                    ("WritesS3Policies", writes_public || writes_other),
                    ("BlocksS3Account", writes_public && settings.public_buckets.is_empty()),
                ] {
                    assert_eq!(stack.holds(condition), holds, "{condition} with {given:?}");
                }
            }
        }
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
        let parts = properties["Metrics"].as_sequence().unwrap().iter().map(unconditional);
        let (sums, counted): (Vec<&Value>, Vec<&Value>) = parts.partition(|part| part.get("Expression").is_some());
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

/// It would only raise alarms where nothing is reverted.
#[test]
fn the_canary_is_deployed_where_it_is_reverted() {
    let parts = [
        "CanaryFunction",
        "CanaryLogGroup",
        "CanaryRole",
        "CanarySchedule",
        "CanarySchedulePermission",
        "CanarySilentAlarm",
        "CanarySlowAlarm",
        "CanaryVpc",
    ];
    let made = |given: &[(&str, &str)]| {
        Stack::new("template.yaml", &[&[("AlertEmail", "a@example.com")], given].concat()).made()
    };
    let (with, without) = (made(&[]), made(&[("Canary", "off")]));
    assert_eq!(with.difference(&without).cloned().collect::<BTreeSet<_>>(), set(parts));
    for given in [("SecurityGroupMode", "alert"), ("SecurityGroupMode", "off"), ("Rollout", "observe")] {
        assert_eq!(made(&[given]), without, "{given:?}");
    }
    for (given, expected) in [(("Canary", "hourly"), true), (("Canary", "daily"), true), (("Canary", "off"), false)] {
        let stack = Stack::new("template.yaml", &[("AlertEmail", "a@example.com"), given]);
        let variables = &stack.properties("SecurityGroupFunction").unwrap()["Environment"]["Variables"];
        assert_eq!(variables["CANARY_ROLE_ARN"], if expected { "<CanaryRole.Arn>" } else { "" });
        let role = stack.properties("SecurityGroupRole").unwrap().to_string();
        assert_eq!(role.contains("ec2:DescribeNetworkInterfaces"), expected, "{given:?}");
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>: periods shorter than an hour may cover a day together,
/// longer ones seven days.
#[test]
fn the_canarys_alarms_fit_its_rounds() {
    const HOUR: u64 = 3600;
    for (canary, round) in [("hourly", HOUR), ("daily", 24 * HOUR)] {
        let stack = Stack::new("template.yaml", &[("AlertEmail", "a@example.com"), ("Canary", canary)]);
        let schedule = stack.properties("CanarySchedule").unwrap();
        let every = if round == HOUR { "rate(1 hour)" } else { "rate(1 day)" };
        assert_eq!(schedule["ScheduleExpression"], every);
        let [silent, slow] = ["CanarySilentAlarm", "CanarySlowAlarm"].map(|alarm| stack.properties(alarm).unwrap());
        for alarm in [&silent, &slow] {
            let (period, periods) = (number(&alarm["Period"]), number(&alarm["EvaluationPeriods"]));
            let most = if period < HOUR { 24 * HOUR } else { 7 * 24 * HOUR };
            assert!(period % 60 == 0 && period * periods <= most, "{alarm}");
            let line =
                runtime::metrics::seconds(canary::NAME, runtime::metrics::SECONDS_TO_REVERT, 1.0, Default::default());
            let published = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(alarm["Namespace"], published["Namespace"]);
            assert_eq!(alarm["MetricName"], published["Metrics"][0]["Name"]);
            let dimension = &alarm["Dimensions"][0];
            assert_eq!(dimension["Name"], published["Dimensions"][0][0]);
            assert_eq!(dimension["Value"], line[dimension["Name"].as_str().unwrap()]);
        }
        // Two rounds, the longest that a round takes, and no third.
        let window = number(&silent["Period"]) * number(&silent["EvaluationPeriods"]);
        assert!((2 * round + 900..3 * round).contains(&window), "{canary}: {window} s");
        // A point may be as late as it takes CloudWatch to look for one in a few further periods.
        assert!(number(&silent["Period"]) * 6 <= round);
        assert_eq!(number(&slow["Period"]), round);
        assert_eq!((number(&slow["DatapointsToAlarm"]), number(&slow["EvaluationPeriods"])), (2, 3));
    }
    let template = template();
    let actions = |alarm: &str, actions: &str| references(&template["Resources"][alarm]["Properties"][actions]);
    let topics = set(["AlertTopic", "AlertTopicArn", "ChatTopicArn", "AWS::NoValue"]);
    // Also of a canary that was never heard of: no data is ALARM from the start, and OK, which is mailed too, is the proof that it works.
    assert_eq!(text(&template["Resources"]["CanarySilentAlarm"]["Properties"]["TreatMissingData"]), "breaching");
    for told in ["AlarmActions", "OKActions"] {
        assert_eq!(actions("CanarySilentAlarm", told), topics, "{told}");
    }
    assert_eq!(actions("CanarySlowAlarm", "AlarmActions"), topics);
    // It does not wait longer than Lambda lets it, nor is slow what it can't live to see.
    let timeout = number(&Stack::new("template.yaml", &[]).properties("CanaryFunction").unwrap()["Timeout"]);
    let slowest = text(&template["Parameters"]["CanarySlowSeconds"]["MaxValue"]).parse::<u64>().unwrap();
    assert!(timeout == 900 && slowest < timeout - 45);
}

fn number(value: &serde_json::Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
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

/// A finding of each can be understood, and each that can be is made: by choice, under names that say whose they are.
#[test]
fn the_rules_of_aws_config_are_those_that_a_function_knows() {
    let made = |given: &[(&str, &str)]| {
        let stack = Stack::new(
            "template.yaml",
            &[&[("AlertEmail", "a@example.com"), ("AWS::StackName", "guard")], given].concat(),
        );
        let rules = resources(&stack.template, "AWS::Config::ConfigRule").map(|(name, _)| name);
        rules.filter_map(|name| stack.properties(&name)).collect::<Vec<_>>()
    };
    assert!(made(&[]).is_empty());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let rules = made(&[("CreateConfigRules", "yes")]);
    let named: Vec<(String, String)> =
        rules.iter().map(|rule| (text(&rule["Source"]["SourceIdentifier"]), text(&rule["ConfigRuleName"]))).collect();
    let known = MANAGED_RULES.iter().map(|rule| (rule.identifier.to_owned(), format!("guard-{}", rule.default_name)));
    assert_eq!(named, known.collect::<Vec<_>>());
    for (rule, known) in rules.iter().zip(MANAGED_RULES) {
        assert_eq!(rule["Source"]["Owner"], "AWS");
        assert!(text(&rule["Description"]).ends_with(&format!("function {}.", known.function)), "{rule}");
        let parameters =
            required_parameters(known.identifier).map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert_eq!(rule.get("InputParameters"), parameters.as_ref(), "{rule}");
        // What the replay takes it for by its name is what it is.
        assert_eq!(reads_like(&text(&rule["ConfigRuleName"])), Some(known));
        // A rule that looks at a resource when it changes looks at nothing that its function does not hear of.
        for kind in rule["Scope"]["ComplianceResourceTypes"].as_array().into_iter().flatten() {
            let change = serde_json::json!({"detail-type": "Config Rules Compliance Change", "source": "aws.config",
                "detail": {"configRuleName": "r", "resourceType": kind, "resourceId": "i",
                    "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}});
            let event = rules::event::parse(&change).unwrap();
            let function = FUNCTIONS.iter().find(|function| function.name == known.function).unwrap();
            assert!(function.subscriptions.iter().any(|subscription| subscription.covers(&event)), "{rule}");
        }
    }
}

/// docs/config.md has the table of the code, row for row.
#[test]
fn the_documented_rules_of_aws_config_are_those_of_the_code() {
    let document = fs::read_to_string(repository().join("docs/config.md")).unwrap();
    let (_, table) = document.split_once("| --- | --- | --- | --- |\n").unwrap();
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    let known = MANAGED_RULES.iter().map(|rule| {
        let may = match rule.may {
            May::Repair => "repairs",
            May::ShutOff => "shuts off, deletes nothing",
            May::Tell => "tells",
        };
        format!("| `{}` | `{}` | `{}` | {may} |", rule.identifier, rule.default_name, rule.function)
    });
    assert_eq!(rows, known.collect::<Vec<_>>());
}

/// Types that take tags (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html, and each type's page).
const TAKES_TAGS: &[(&str, bool)] = &[
    ("AWS::CloudFormation::WaitConditionHandle", false),
    ("AWS::CloudTrail::Trail", true),
    ("AWS::CloudWatch::Alarm", true),
    ("AWS::Config::ConfigRule", false),
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
    let known = set(self::names());
    assert_eq!(names, known, "the folders of functions/ and FUNCTIONS in this file");
    let template = template();
    let binaries: BTreeSet<String> = resources(&template, "AWS::Serverless::Function")
        .map(|(_, resource)| text(&resource["Metadata"]["BuildProperties"]["Binary"]))
        .collect();
    assert_eq!(binaries, known, "the functions of template.yaml and FUNCTIONS in this file");
    for name in names {
        let (_, properties) = function_block(&name);
        assert_eq!(text(&properties["CodeUri"]), format!("functions/{name}"));
        if name == canary::NAME {
            // No event is handed to it.
            continue;
        }
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

/// The names of all functions, those without a rule too.
fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name).chain([canary::NAME])
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

/// What stands there if a condition holds, where it hangs on one.
fn unconditional(part: &Value) -> &Value {
    match part {
        Value::Tagged(tagged) if tagged.tag == "If" => &tagged.value[1],
        part => part,
    }
}
