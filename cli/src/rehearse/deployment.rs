//! The stack in MiniStack, deployed as docs/deploy.md says, and read back.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sandbox::MiniStack;
use serde_json::{Value, json};

use super::build::Built;

/// The stack's name.
const STACK: &str = "snapback";

/// A stack with what of it the rehearsal deals with.
pub(super) struct Deployment {
    pub(super) rules: Vec<Rule>,
    /// By name, such as `iam-user`.
    pub(super) functions: BTreeMap<String, Function>,
    pub(super) topic_arn: String,
    pub(super) failed_events_url: String,
}

/// A rule that takes events.
pub(super) struct Rule {
    pub(super) name: String,
    /// As EventBridge has it.
    pub(super) pattern: String,
    /// The function that is its target.
    pub(super) function: String,
}

/// A function as Lambda has it.
pub(super) struct Function {
    /// Its name in Lambda.
    pub(super) name: String,
    pub(super) log_group: String,
    pub(super) role: String,
    pub(super) description: String,
}

/// What to say to `sam`, and to whoever goes on with `--keep`.
pub(super) fn variables(account: &MiniStack) -> [(&'static str, String); 5] {
    [
        ("AWS_ENDPOINT_URL", account.endpoint().to_owned()),
        ("AWS_ACCESS_KEY_ID", account.account().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
    ]
}

/// Runs `sam deploy` with these parameters, and reads back what came of it.
pub(super) async fn deploy(
    tools: &Path,
    account: &MiniStack,
    built: &Built,
    parameters: &BTreeMap<&'static str, String>,
) -> Result<Deployment> {
    sam_deploy(tools, account, built, parameters)?;
    read(account).await
}

fn sam_deploy(
    tools: &Path,
    account: &MiniStack,
    built: &Built,
    parameters: &BTreeMap<&'static str, String>,
) -> Result<()> {
    let log = account.log().with_file_name("deploy.log");
    let output = File::create(&log).with_context(|| format!("failed to write `{}`", log.display()))?;
    let deployed = Command::new(tools.join("sam"))
        .args(["deploy", "--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-progressbar"])
        .arg("--template-file")
        .arg(&built.template)
        .arg("--parameter-overrides")
        .args(["AlertEmail=alerts@example.com".to_owned(), format!("Architecture={}", built.architecture)])
        .args(parameters.iter().map(|(name, value)| format!("{name}={value}")))
        .envs(variables(account))
        // No report to AWS of every run, and nothing of the user's own accounts.
        .env("SAM_CLI_TELEMETRY", "0")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .stdin(Stdio::null())
        .stderr(output.try_clone().context("failed to deploy")?)
        .stdout(output)
        .status()
        .context("failed to run `sam deploy`")?;
    if !deployed.success() {
        bail!("`sam deploy` ended in an error: see `{}`", log.display());
    }
    Ok(())
}

async fn read(account: &MiniStack) -> Result<Deployment> {
    let stacks = account.call("cloudformation", "describe_stacks", json!({"StackName": STACK})).await?;
    let stack = stacks.pointer("/Stacks/0").unwrap_or(&Value::Null);
    let status = text(stack, "StackStatus");
    if status != "CREATE_COMPLETE" {
        bail!("the stack ended as {status}, not as CREATE_COMPLETE");
    }
    let output = |name: &str| {
        let found = items(stack, "Outputs").find(|output| text(output, "OutputKey") == name);
        found.map(|output| text(output, "OutputValue")).with_context(|| format!("the stack has no output `{name}`"))
    };
    let listed = account.call("lambda", "list_functions", json!({})).await?;
    let prefix = format!("/aws/lambda/{STACK}-");
    let functions: BTreeMap<String, Function> = items(&listed, "Functions")
        .filter_map(|function| {
            let log_group = text(function.get("LoggingConfig")?, "LogGroup");
            let role = text(function, "Role").rsplit('/').next()?.to_owned();
            let description = text(function, "Description");
            let own =
                Function { name: text(function, "FunctionName"), log_group: log_group.clone(), role, description };
            Some((log_group.strip_prefix(&prefix)?.to_owned(), own))
        })
        .collect();
    let listed = account.call("events", "list_rules", json!({})).await?;
    let mut rules = Vec::new();
    for rule in items(&listed, "Rules") {
        let name = text(rule, "Name");
        // Those by the clock take no events.
        let Some(pattern) = rule.get("EventPattern").and_then(Value::as_str) else { continue };
        let targets = account.call("events", "list_targets_by_rule", json!({"Rule": name})).await?;
        for target in items(&targets, "Targets") {
            let arn = text(target, "Arn");
            let function =
                functions.iter().find(|(_, function)| arn.ends_with(&format!(":function:{}", function.name)));
            let (function, _) =
                function.with_context(|| format!("rule `{name}` has the target `{arn}`, no function"))?;
            rules.push(Rule { name: name.clone(), pattern: pattern.to_owned(), function: function.clone() });
        }
    }
    Ok(Deployment {
        rules,
        topic_arn: output("AlertTopicArn")?,
        failed_events_url: output("FailedEventsUrl")?,
        functions,
    })
}

/// The items of a list in an answer; none if it is not there.
pub(super) fn items<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    value.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// A text in an answer; empty if it is not there.
pub(super) fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
