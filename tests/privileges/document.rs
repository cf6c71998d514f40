//! docs/privileges.md: the roles of template.yaml as tables, with what each statement is for.

use std::fmt::Write as _;
use std::fs;

use serde_yaml_ng::Value;
use tests::ACCOUNT;
use tests::authorization::{Grant, HOME, Role};
use tests::cloudformation::{Stack, repository, text};

use crate::{Need, TOPIC, functions, needs, template_stack};

const PATH: &str = "docs/privileges.md";

/// Set to write the document instead of comparing it.
const RENEW: &str = "SNAPBACK_RENEW_PRIVILEGES";

const HEAD: &str = "# What each function may do, and why

<!-- Written by scripts/renew-privileges from template.yaml and from the calls of the end-to-end tests; not edited by hand. -->

Each function has a role of its own, and this is all that is in it. The tests judge every AWS call that the functions make in them against these roles:
a call that a role does not allow fails, and so does a permission that no call needs, or that reaches further than the calls do.

*When* names the settings under which the role has the statement at all; nothing there means always. ACCOUNT and REGION are those of the deployment.
*For* names the API's operations where they are called otherwise than the permission, and the AWS service where one needs it as the function's role.
";

#[test]
fn the_document_is_current() {
    let stack = template_stack();
    let mut document = HEAD.to_owned();
    for function in functions(&stack).keys() {
        let (role, needs) = (Role::of(&stack, function), needs(&stack, function));
        write!(
            document,
            "\n## {function}\n\n| statement | allows | on | when | for | why |\n| --- | --- | --- | --- | --- | --- |\n"
        )
        .unwrap();
        for grant in &role.grants {
            let why = role.why.get(grant.sid()).map(String::as_str).unwrap_or_default();
            let cells = [
                grant.sid().to_owned(),
                actions(grant),
                on(grant),
                when(&stack, grant),
                used_for(grant, &needs),
                why.to_owned(),
            ];
            writeln!(document, "| {} |", cells.join(" | ")).unwrap();
        }
    }
    let path = repository().join(PATH);
    if std::env::var_os(RENEW).is_some() {
        fs::write(&path, document).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let lines = written.lines().zip(document.lines());
    let first =
        lines.filter(|(is, should)| is != should).map(|(is, should)| format!("is      {is}\nshould  {should}")).next();
    assert!(written == document, "{PATH} is not current: run scripts/renew-privileges\n{}", first.unwrap_or_default());
}

fn actions(grant: &Grant) -> String {
    grant.actions().iter().map(|action| format!("`{action}`")).collect::<Vec<_>>().join("<br>")
}

/// The resources, and the statement's condition.
fn on(grant: &Grant) -> String {
    let named = |arn: &String| match arn.as_str() {
        TOPIC => "the topic of the alerts".to_owned(),
        arn => match arn.rsplit([':', '/']).next().filter(|last| last.ends_with("Arn")) {
            Some(parameter) => format!("`{parameter}`"),
            None => format!("`{}`", arn.replace(ACCOUNT, "ACCOUNT").replace(HOME, "REGION")),
        },
    };
    let resources = grant.resources().iter().map(named).collect::<Vec<_>>().join("<br>");
    let condition = grant.statement.get("Condition");
    let condition =
        condition.map(|condition| format!("<br>if `{}`", condition.to_string().replace(ACCOUNT, "ACCOUNT")));
    resources + &condition.unwrap_or_default()
}

fn when(stack: &Stack, grant: &Grant) -> String {
    let conditions = grant.conditions.iter();
    let conditions =
        conditions.map(|condition| in_words(stack, &stack.template["Conditions"][condition.as_str()], true));
    conditions.collect::<Vec<_>>().join(", ")
}

/// A condition of the template. `outer`: not part of another one.
fn in_words(stack: &Stack, condition: &Value, outer: bool) -> String {
    let Value::Tagged(tagged) = condition else { panic!("{condition:?} is no condition") };
    let joined = |word: &str| {
        let parts = tagged.value.as_sequence().unwrap().iter().map(|part| in_words(stack, part, false));
        let parts = parts.collect::<Vec<_>>().join(word);
        if outer { parts } else { format!("({parts})") }
    };
    match tagged.tag.to_string().trim_start_matches('!') {
        "Condition" => in_words(stack, &stack.template["Conditions"][text(&tagged.value).as_str()], outer),
        "Not" => format!("not {}", in_words(stack, &tagged.value[0], false)),
        "And" => joined(" and "),
        "Or" => joined(" or "),
        "Equals" => {
            let parameter = match &tagged.value[0] {
                Value::Tagged(reference) if reference.tag == "Ref" => text(&reference.value),
                other => panic!("{other:?} is not known here"),
            };
            let value = text(&tagged.value[1]);
            if value.is_empty() { format!("no `{parameter}`") } else { format!("`{parameter}={value}`") }
        }
        other => panic!("{other} is not known here"),
    }
}

fn used_for(grant: &Grant, needs: &[Need]) -> String {
    let granted = grant.actions();
    let needs = needs.iter().filter(|need| granted.contains(&need.action) && grant.conditions.is_subset(&need.when));
    let mut calls: Vec<String> = needs
        .filter_map(|need| match need.by.split_once(' ') {
            Some((service, operation)) if need.action == format!("{service}:{operation}") => None,
            Some((service, operation)) => Some(format!("`{operation}` of {service}")),
            None => Some(need.by.clone()),
        })
        .collect();
    calls.sort();
    calls.dedup();
    calls.join("<br>")
}
