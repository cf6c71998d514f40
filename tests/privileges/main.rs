//! The roles of template.yaml allow what the functions call, and nothing else.
//!
//! What they call is in calls.tsv: the end-to-end tests wrote it, and fail if they make other calls (`tests::authorization`). What AWS's services
//! do as the roles is in by-others.tsv, and what AWS says of the actions in reference.tsv. scripts/renew-privileges renews these.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

mod document;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use serde_yaml_ng::Value;
use tests::ACCOUNT;
use tests::authorization::{Grant, HOME, Kind, OTHER, Role, arn, example, pairs, stack, table};
use tests::cloudformation::{Stack, references, resources, text, texts};

/// Of the alerts.
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:AlertTopicArn";

/// What a role has to allow.
struct Need {
    /// Who makes the call: an operation of our own, or a service of AWS's.
    by: String,
    when: BTreeSet<String>,
    action: String,
    /// ARNs, with names in braces for what differs from call to call.
    resources: Vec<String>,
    context: Vec<(String, String)>,
}

/// What AWS says of an action.
struct Reference {
    access: String,
    /// What it can be allowed on; nothing if only on `*`.
    resources: Vec<String>,
}

/// template.yaml with ARNs for the parameters that are one.
fn template_stack() -> Stack {
    let template = tests::cloudformation::template("template.yaml");
    let parameters = template["Parameters"].as_mapping().unwrap().keys().map(text);
    let arns: Vec<(String, String)> = parameters
        .filter(|parameter| parameter.ends_with("Arn"))
        .map(|parameter| {
            let kind = if parameter.ends_with("KeyArn") {
                "kms:us-east-1:123456789012:key/"
            } else {
                "sns:us-east-1:123456789012:"
            };
            let arn = format!("arn:aws:{kind}{parameter}");
            (parameter, arn)
        })
        .collect();
    stack(&arns.iter().map(|(name, arn)| (name.as_str(), arn.as_str())).collect::<Vec<_>>())
}

/// An ARN with a parameter's value for its name, where that is all of it.
fn with_parameters(stack: &Stack, resource: &str) -> String {
    match resource.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(parameter) => stack.substituted(&format!("${{{parameter}}}")),
        None => resource.to_owned(),
    }
}

/// The functions of the template, by their binaries' names, with their resources' names.
fn functions(stack: &Stack) -> BTreeMap<String, String> {
    let functions = resources(&stack.template, "AWS::Serverless::Function");
    functions.map(|(name, block)| (text(&block["Metadata"]["BuildProperties"]["Binary"]), name)).collect()
}

fn references_of_aws() -> BTreeMap<String, Reference> {
    let lines = table::<3>("reference.tsv").into_iter();
    let split = |resources: String| resources.split_whitespace().map(str::to_owned).collect();
    lines.map(|[action, access, resources]| (action, Reference { access, resources: split(resources) })).collect()
}

/// What a function's role has to allow: for its own calls, and for what others do as it.
fn needs(stack: &Stack, function: &str) -> Vec<Need> {
    let kinds = table("calls.tsv").into_iter().map(Kind::of_line).filter(|kind| kind.function == function);
    let own = kinds.map(|kind| Need {
        resources: kind.resources().iter().map(|resource| with_parameters(stack, resource)).collect(),
        context: kind.context(),
        by: kind.call,
        when: kind.when,
        action: kind.action,
    });
    let block = &stack.template["Resources"][functions(stack)[function].as_str()]["Properties"];
    let log_group = references(&block["LoggingConfig"]["LogGroup"]).into_iter().next().unwrap();
    let others = table("by-others.tsv").into_iter();
    let others = others.filter(|[of, ..]: &[String; 7]| of == "*" || of.split(' ').any(|name| name == function));
    let others = others.map(|[_, when, action, resource, context, by, _]| {
        let named = resource.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap();
        let resource = match named.strip_suffix(".Arn") {
            Some("LogGroup") => arn(stack, &log_group),
            Some(name) => arn(stack, name),
            None => stack.substituted(&resource),
        };
        let when = when.split_whitespace().map(str::to_owned).collect();
        Need { by, when, action, resources: vec![resource], context: pairs(&stack.substituted(&context)) }
    });
    own.chain(others).collect()
}

/// What a role does not allow although it is needed.
fn missing(role: &Role, needs: &[Need]) -> Vec<String> {
    let mut problems = BTreeSet::new();
    for need in needs {
        for resource in &need.resources {
            let refused = role.allows(&need.when, &need.action, &example(resource), &need.context);
            problems.extend(refused.err().map(|problem| format!("{}: {problem}", need.by)));
        }
    }
    problems.into_iter().collect()
}

/// What a role allows although nothing needs it, and what is wider than what needs it.
fn needless(role: &Role, needs: &[Need], aws: &BTreeMap<String, Reference>, stack: &Stack) -> Vec<String> {
    let mut conditions = role.conditions();
    conditions.extend(needs.iter().flat_map(|need| need.when.clone()));
    let possible = possible(stack, &conditions);
    let mut problems = Vec::new();
    for grant in &role.grants {
        for action in grant.actions() {
            let what = format!("{}: {} allows {action}", role.name, grant.sid());
            for resource in grant.resources() {
                let alone = Grant { statement: of_one(&grant.statement, "Resource", &resource), ..grant.clone() };
                let mut using = Vec::new();
                for need in needs.iter().filter(|need| need.action == action && grant.conditions.is_subset(&need.when))
                {
                    let covered = need.resources.iter();
                    let covered = covered.filter(|needed| alone.allows(&action, &example(needed), &need.context));
                    using.extend(covered.map(|needed| (need, needed.as_str())));
                }
                if using.is_empty() {
                    problems.push(format!("{what} on {resource}, which no call needs"));
                    continue;
                }
                if let Err(narrower) = as_narrow_as_can_be(&resource, &using, aws.get(&action)) {
                    problems.push(format!("{what} on {resource}, and {narrower}"));
                }
                for condition in conditions.difference(&grant.conditions) {
                    let mut held = possible.iter().filter(|held| grant.conditions.is_subset(held));
                    if using.iter().all(|(need, _)| need.when.contains(condition))
                        && !held.all(|held| held.contains(condition))
                    {
                        problems.push(format!("{what} always, and it is needed only when {condition} holds"));
                    }
                }
                for (key, value) in shared_by_all(&using) {
                    if !has_condition_on(&grant.statement, key) {
                        problems.push(format!(
                            "{what} on {resource} without a condition on {key}, which is {value} in each call"
                        ));
                    }
                }
                // The ARN of a bucket or an object has no account.
                let owner =
                    grant.statement.get("Condition").map(|condition| &condition["StringEquals"]["aws:ResourceAccount"]);
                if resource.split(':').nth(4) == Some("") && owner != Some(&json!(ACCOUNT)) {
                    problems.push(format!(
                        "{what} on {resource} of any account: it takes a condition on aws:ResourceAccount"
                    ));
                }
            }
        }
    }
    problems
}

/// The condition keys that have the same value in all calls.
fn shared_by_all<'a>(using: &[(&'a Need, &str)]) -> Vec<&'a (String, String)> {
    let Some(((first, _), rest)) = using.split_first() else { return Vec::new() };
    first.context.iter().filter(|pair| rest.iter().all(|(need, _)| need.context.contains(pair))).collect()
}

fn has_condition_on(statement: &Json, key: &str) -> bool {
    let operators = statement.get("Condition").and_then(Json::as_object);
    operators.is_some_and(|operators| operators.values().any(|keys| keys.get(key).is_some()))
}

/// Whether a resource has wildcards only where the ARNs that it is needed for differ.
fn as_narrow_as_can_be(granted: &str, using: &[(&Need, &str)], aws: Option<&Reference>) -> Result<(), String> {
    if granted == "*" {
        let supported = aws.map(|reference| reference.resources.join(", ")).unwrap_or_default();
        return if supported.is_empty() { Ok(()) } else { Err(format!("AWS takes {supported}")) };
    }
    let needed: Vec<Vec<String>> =
        using.iter().map(|(_, arn)| general(arn).splitn(6, ':').map(str::to_owned).collect()).collect();
    let part = |index: usize| {
        let values: BTreeSet<&str> = needed.iter().map(|parts| parts[index].as_str()).collect();
        match values.len() {
            1 => values.into_iter().collect(),
            // Nobody knows in advance which regions there will be, nor which other accounts.
            _ if index == 3 || index == 4 && values.contains(OTHER) => "*".to_owned(),
            _ => values.into_iter().collect::<Vec<_>>().join(" or "),
        }
    };
    let narrowest = (0..6).map(part).collect::<Vec<_>>().join(":");
    if narrowest == granted { Ok(()) } else { Err(format!("{narrowest} would do")) }
}

/// An ARN with `*` for each name in braces.
fn general(arn: &str) -> String {
    let mut parts = arn.split('{');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |whole, part| whole + "*" + part.split_once('}').unwrap().1)
}

/// A statement with a single value in one of its fields.
fn of_one(statement: &Json, field: &str, value: &str) -> Json {
    let mut statement = statement.clone();
    statement[field] = json!(value);
    statement
}

/// Which of the conditions can hold together: all that the values of the parameters make of them.
fn possible(stack: &Stack, conditions: &BTreeSet<String>) -> BTreeSet<BTreeSet<String>> {
    let template = &stack.template;
    let mut parameters = BTreeSet::new();
    let mut open: Vec<String> = conditions.iter().cloned().collect();
    while let Some(condition) = open.pop() {
        read_condition(&template["Conditions"][condition.as_str()], &mut parameters, &mut open);
    }
    let mut all = vec![Vec::new()];
    for parameter in parameters {
        let allowed = template["Parameters"][parameter.as_str()].get("AllowedValues");
        let values = allowed.map_or_else(|| tests::cloudformation::set(["", "something"]), texts);
        all = all
            .into_iter()
            .flat_map(|given: Vec<(String, String)>| {
                let parameter = &parameter;
                values
                    .iter()
                    .map(move |value| [given.clone(), vec![(parameter.clone(), value.clone())]].concat())
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    let held = all.iter().map(|given| {
        let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let stack = tests::authorization::stack(&given);
        conditions.iter().filter(|condition| stack.holds(condition)).cloned().collect()
    });
    held.collect()
}

/// The parameters and the other conditions that a condition names.
fn read_condition(value: &Value, parameters: &mut BTreeSet<String>, conditions: &mut Vec<String>) {
    match value {
        Value::Tagged(tagged) if tagged.tag == "Condition" => conditions.push(text(&tagged.value)),
        Value::Tagged(tagged) if tagged.tag == "Ref" => drop(parameters.insert(text(&tagged.value))),
        Value::Tagged(tagged) => read_condition(&tagged.value, parameters, conditions),
        Value::Sequence(list) => list.iter().for_each(|item| read_condition(item, parameters, conditions)),
        _ => {}
    }
}

#[test]
fn roles_allow_what_is_called() {
    let stack = template_stack();
    for function in functions(&stack).keys() {
        let needs = needs(&stack, function);
        // Their own calls have the service's name and the operation's.
        assert!(
            needs.iter().any(|need| need.by.contains(' ')),
            "no end-to-end test shows what {function} calls: run scripts/renew-privileges when there is one"
        );
        let problems = missing(&Role::of(&stack, function), &needs);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[test]
fn roles_allow_nothing_that_is_not_called() {
    let (stack, aws) = (template_stack(), references_of_aws());
    let roles = functions(&stack).into_keys().map(|function| (Role::of(&stack, &function), needs(&stack, &function)));
    let problems: Vec<String> = roles.flat_map(|(role, needs)| needless(&role, &needs, &aws, &stack)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The two tests above, of each role with one thing changed: they notice it, and say what it is.
#[test]
fn any_change_of_a_role_is_noticed() {
    const UNUSED: &str = "ec2:RunInstances";
    let (stack, aws) = (template_stack(), references_of_aws());
    let mut unnoticed = Vec::new();
    for function in functions(&stack).keys() {
        let (role, needs) = (Role::of(&stack, function), needs(&stack, function));
        for (index, grant) in role.grants.iter().enumerate() {
            let changed = |field: &str, value: Json| {
                let mut role = role.clone();
                role.grants[index].statement[field] = value;
                role
            };
            let mut notice = |problems: Vec<String>, what: &str, named: &str| {
                if !problems.iter().any(|problem| problem.contains(named)) {
                    unnoticed.push(format!("{}, {}: {what} {named}", role.name, grant.sid()));
                }
            };
            for action in grant.actions() {
                let rest: Vec<String> = grant.actions().into_iter().filter(|other| *other != action).collect();
                notice(missing(&changed("Action", json!(rest)), &needs), "without", &action);
                let widened = needless(&changed("Resource", json!("*")), &needs, &aws, &stack);
                if grant.resources() != ["*"] {
                    notice(widened, "on everything", &action);
                }
                if grant.statement.get("Condition").is_some() {
                    notice(
                        needless(&changed("Condition", json!({})), &needs, &aws, &stack),
                        "without a condition",
                        &action,
                    );
                }
            }
            let more = [grant.actions(), vec![UNUSED.to_owned()]].concat();
            notice(needless(&changed("Action", json!(more)), &needs, &aws, &stack), "with", UNUSED);
            for resource in grant.resources().iter().filter(|resource| resource.as_str() != "*") {
                for (part, was) in
                    resource.split(':').enumerate().filter(|(part, was)| *part >= 3 && *was != "*" && !was.is_empty())
                {
                    let mut parts: Vec<&str> = resource.splitn(6, ':').collect();
                    let wider = if part == 5 { format!("{was}*") } else { "*".to_owned() };
                    // A log group's own ARN ends in a part more, and ends in a wildcard.
                    if part > 5 || was.ends_with('*') {
                        continue;
                    }
                    parts[part] = &wider;
                    let wider = changed("Resource", json!(parts.join(":")));
                    notice(needless(&wider, &needs, &aws, &stack), "on more than", &grant.actions()[0]);
                }
            }
            if !grant.conditions.is_empty() {
                let mut always = role.clone();
                always.grants[index].conditions.clear();
                notice(needless(&always, &needs, &aws, &stack), "always", grant.sid());
            }
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

/// Where nothing is taken back, nothing can be changed.
#[test]
fn functions_that_only_tell_may_only_read_and_mail() {
    let aws = references_of_aws();
    let observing = stack(&[("AlertTopicArn", TOPIC), ("Rollout", "observe")]);
    let modes = observing.template["Parameters"].as_mapping().unwrap().keys().map(text);
    let modes: Vec<String> = modes.filter(|parameter| parameter.ends_with("Mode")).collect();
    let alerting: Vec<(&str, &str)> = modes.iter().map(|mode| (mode.as_str(), "alert")).collect();
    let alerting = stack(&[&[("AlertTopicArn", TOPIC)], alerting.as_slice()].concat());
    for stack in [observing, alerting] {
        for (function, resource) in functions(&stack) {
            let condition = stack.template["Resources"][resource.as_str()].get("Condition").map(text);
            if condition.is_some_and(|condition| !stack.holds(&condition)) {
                continue;
            }
            let role = Role::of(&stack, &function);
            let held = role.conditions().into_iter().filter(|condition| stack.holds(condition)).collect();
            let others: Vec<String> =
                table("by-others.tsv").into_iter().map(|[_, _, action, ..]: [String; 7]| action).collect();
            let actions = role.grants_when(&held).into_iter().flat_map(Grant::actions);
            let actions = actions.filter(|action| action != "sns:Publish" && !others.contains(action));
            let writing: Vec<String> =
                actions.filter(|action| !["List", "Read"].contains(&aws[action].access.as_str())).collect();
            assert_eq!(writing, [""; 0], "{} when {held:?}", role.name);
        }
    }
}

/// The tables say of what an action is allowed on as AWS does.
#[test]
fn resources_are_of_the_types_that_aws_names() {
    let aws = references_of_aws();
    for kind in table("calls.tsv").into_iter().map(Kind::of_line) {
        let supported = &aws[&kind.action].resources;
        for resource in kind.resources().iter().filter(|resource| !resource.starts_with('{')) {
            // What only the deployment knows is any name to AWS.
            let resource = general(&resource.replace('<', "{").replace('>', "}"));
            let shape = |of: &String| {
                let (of, is): (Vec<&str>, Vec<&str>) = (of.splitn(6, ':').collect(), resource.splitn(6, ':').collect());
                of.len() == is.len()
                    && (0..6).all(|part| of[part] == is[part] || (part < 5 && of[part] == "*" && !is[part].is_empty()))
            };
            let fits = if resource == "*" { supported.is_empty() } else { supported.iter().any(shape) };
            assert!(fits, "authorization.tsv: {} on {resource}, but AWS says {supported:?}", kind.action);
        }
    }
}

#[test]
fn every_statement_says_why() {
    let stack = template_stack();
    for function in functions(&stack).keys() {
        let role = Role::of(&stack, function);
        let mut sids: Vec<&str> = role.grants.iter().map(Grant::sid).collect();
        sids.sort_unstable();
        assert_eq!(role.why.keys().collect::<Vec<_>>(), sids, "Metadata.Why of {}, and its statements", role.name);
        for (sid, why) in &role.why {
            assert!(
                why.len() > 25 && why.ends_with('.') && !why.contains(['|', '\n']),
                "{}, {sid}: `{why}`",
                role.name
            );
        }
    }
    assert_eq!(HOME, TOPIC.split(':').nth(3).unwrap());
}
