//! deploy/region.yaml hands over what the rules want, once, and from nowhere but its own region.

use std::collections::{BTreeMap, BTreeSet};

use rules::decision::{ResourceTypes, Subscription};
use rules::{access_key, findings, iam_user, role_trust, root_activity, s3_public, security_group};
use tests::cloudformation::{Stack, conditions, function_folders, references, resources, set, text, wanted};

const PATH: &str = "deploy/region.yaml";

const HOME: &str = "eu-central-1";

/// Where IAM's events are delivered.
const IAM_REGION: &str = "us-east-1";

const RULES: &[(&str, &[Subscription])] = &[
    (access_key::NAME, access_key::SUBSCRIPTIONS),
    // It works at home, on a schedule.
    (canary::NAME, &[]),
    (findings::NAME, findings::SUBSCRIPTIONS),
    (iam_user::NAME, iam_user::SUBSCRIPTIONS),
    (role_trust::NAME, role_trust::SUBSCRIPTIONS),
    (root_activity::NAME, root_activity::SUBSCRIPTIONS),
    (s3_public::NAME, s3_public::SUBSCRIPTIONS),
    (security_group::NAME, security_group::SUBSCRIPTIONS),
];

type Wanted = BTreeMap<String, BTreeSet<String>>;

fn stack(region: &str) -> Stack {
    Stack::new(PATH, &[("HomeRegion", HOME), ("AWS::Region", region)])
}

/// The events that a region hands over: for each alternative of a pattern what it asks for, and whether reading calls come too.
fn handed_over(region: &str) -> Vec<(Wanted, bool)> {
    let stack = stack(region);
    let made = stack.made();
    let mut alternatives = Vec::new();
    for (_, rule) in resources(&stack.template, "AWS::Events::Rule").filter(|(name, _)| made.contains(name)) {
        let properties = &rule["Properties"];
        let includes_reads =
            properties.get("State").is_some_and(|state| text(state) == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
        let mut pattern = properties["EventPattern"].as_mapping().unwrap().clone();
        // Nobody else's events, and none that came from another region: otherwise two regions could play ball.
        assert_eq!(stack.value(&pattern.remove("account").unwrap()).unwrap(), serde_json::json!(["111122223333"]));
        assert_eq!(stack.value(&pattern.remove("region").unwrap()).unwrap(), serde_json::json!([region]));
        match pattern.remove("$or") {
            Some(either) => {
                assert!(pattern.is_empty(), "asked for beside `$or`: {pattern:?}");
                let either = either.as_sequence().unwrap().iter().map(|alternative| conditions(alternative, ""));
                alternatives.extend(either.map(|alternative| (alternative, includes_reads)));
            }
            None => alternatives.push((conditions(&pattern.into(), ""), includes_reads)),
        }
    }
    alternatives
}

/// Those that differ in nothing but the calls' names, as one.
fn merged(all: impl IntoIterator<Item = Wanted>) -> BTreeMap<Wanted, BTreeSet<String>> {
    let mut merged: BTreeMap<Wanted, BTreeSet<String>> = BTreeMap::new();
    for mut wanted in all {
        let names = wanted.remove("detail.eventName").unwrap_or_default();
        merged.entry(wanted).or_default().extend(names);
    }
    merged
}

/// What a function wants of a region. Findings are handed over of whatever resource: together the functions want all.
fn wanted_of_region(subscription: &Subscription) -> Wanted {
    let mut wanted = wanted(subscription);
    if subscription.findings.is_some() {
        wanted.remove("detail.resourceType");
    }
    wanted
}

#[test]
fn findings_of_every_resource_are_wanted_by_somebody() {
    for source in ["aws.config", "aws.access-analyzer"] {
        let subscriptions = RULES.iter().flat_map(|(_, subscriptions)| *subscriptions);
        let wanted: Vec<ResourceTypes> = subscriptions
            .filter(|subscription| subscription.source == Some(source))
            .filter_map(|subscription| subscription.findings)
            .collect();
        let is_wanted = |kind: &str| wanted.iter().any(|types| types.contain(kind));
        assert!(is_wanted("AWS::Some::Thing"), "{source}");
        for kind in wanted.iter().flat_map(|types| match types {
            ResourceTypes::AllBut(types) => *types,
            ResourceTypes::All | ResourceTypes::Only(_) => &[],
        }) {
            assert!(is_wanted(kind), "{source}: {kind}");
        }
    }
}

#[test]
fn every_function_is_considered() {
    assert_eq!(
        set(RULES.iter().map(|(name, _)| *name)),
        function_folders(),
        "the folders of functions/ and RULES in this file"
    );
}

#[test]
fn each_region_hands_over_what_the_rules_want_of_it() {
    for region in ["eu-west-1", "ap-southeast-2", IAM_REGION] {
        let subscriptions = RULES.iter().flat_map(|(_, subscriptions)| *subscriptions);
        let of_region: Vec<&Subscription> = subscriptions
            .filter(|subscription| region == IAM_REGION || subscription.source != Some("aws.iam"))
            .collect();
        let handed_over = handed_over(region);
        let declared = merged(of_region.iter().map(|subscription| wanted_of_region(subscription)));
        assert_eq!(merged(handed_over.iter().map(|(wanted, _)| wanted.clone())), declared, "{region}");
        assert_eq!(handed_over.len(), declared.len(), "{region} asks twice for the same");
        for subscription in of_region.iter().filter(|subscription| subscription.includes_reads) {
            let asked = wanted(subscription);
            let includes_reads = handed_over.iter().any(|(wanted, reads)| *reads && *wanted == asked);
            assert!(includes_reads, "{region} keeps what {asked:?} only reads");
        }
    }
}

#[test]
fn nothing_is_made_at_home() {
    for home in [HOME, IAM_REGION] {
        let stack = Stack::new(PATH, &[("HomeRegion", home), ("AWS::Region", home), ("AlertEmail", "a@example.com")]);
        // A stack has to have a resource.
        assert_eq!(stack.made(), set(["Nothing"]), "{home}");
    }
    let elsewhere = stack("eu-west-1").made();
    assert!(!elsewhere.contains("ForwardedIamEvents") && !elsewhere.contains("AlertTopic"), "{elsewhere:?}");
    assert!(stack(IAM_REGION).made().contains("ForwardedIamEvents"));
}

#[test]
fn events_go_to_the_home_bus_unchanged_and_are_kept_where_that_fails() {
    let bus = "arn:aws:events:eu-central-1:111122223333:event-bus/default";
    let stack = stack(IAM_REGION);
    let role = stack.properties("ForwardingRole").unwrap();
    let statements = role["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 1);
    assert_eq!((&statements[0]["Action"], &statements[0]["Resource"]), (&"events:PutEvents".into(), &bus.into()));
    let keeps = &stack.template["Resources"]["FailedEventsPolicy"]["Properties"]["PolicyDocument"];
    for (name, _) in resources(&stack.template, "AWS::Events::Rule") {
        let targets = stack.properties(&name).unwrap()["Targets"].clone();
        let [target] = targets.as_array().unwrap().as_slice() else { panic!("{name} has not one target") };
        assert_eq!(target["Arn"], bus, "{name}");
        assert_eq!(target["RoleArn"], "<ForwardingRole.Arn>", "{name}");
        assert_eq!(target["DeadLetterConfig"]["Arn"], "<FailedEvents.Arn>", "{name}");
        for change in ["Input", "InputPath", "InputTransformer"] {
            assert!(target.get(change).is_none(), "{name} changes the event");
        }
        assert!(references(keeps).contains(&name), "{name} may not write to the queue");
    }
}

/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
#[test]
fn patterns_are_not_longer_than_aws_takes() {
    let stack = stack(IAM_REGION);
    for (name, _) in resources(&stack.template, "AWS::Events::Rule") {
        let pattern = stack.properties(&name).unwrap()["EventPattern"].to_string();
        assert!(pattern.len() <= 2048, "the pattern of {name} has {} characters", pattern.len());
    }
}
