//! One deployment, and the samples that are meant for its settings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use aws_config::SdkConfig;
use chrono::Utc;
use rules::command::is_account_id;
use rules::event;
use runtime::AnyGuardrail;
use sandbox::reenact::{Reenacted, Reenactor, State};
use sandbox::{Mailbox, MiniStack};
use serde_json::{Value, json};

use super::deployment::{Deployment, Function, items, text};
use super::expected::{Decision, Decisions};
use super::unmodelled;
use crate::input::{self, Scenario};

/// How long an invocation may take, with all its tries.
const INVOCATION: Duration = Duration::from_secs(240);
/// The pause between two looks at a log.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a mail may take once it was published.
const MAIL_WAIT: Duration = Duration::from_secs(5);
/// The setting that names the canary's role, and the canary.
const CANARY: &str = "CanaryRoleArn";
const CANARY_FUNCTION: &str = "canary";
/// How often Lambda tries an asynchronous invocation, by template.yaml.
const TRIES: usize = 3;

/// Files that are meant for the same settings.
pub(super) struct Stage {
    /// What to call it: the samples' folder.
    pub(super) name: String,
    /// The samples' account.
    pub(super) account: String,
    /// By template.yaml's names.
    pub(super) parameters: BTreeMap<&'static str, String>,
    pub(super) files: Vec<PathBuf>,
}

/// What came of a stage.
#[derive(Default)]
pub(super) struct Results {
    /// What to show, line by line.
    pub(super) lines: Vec<String>,
    pub(super) events: usize,
    /// Events that went to exactly the functions that subscribe to them.
    pub(super) routed: usize,
    /// Events that were decided as in the replay.
    pub(super) as_replayed: usize,
    /// By reason, the samples that MiniStack can't model.
    pub(super) unmodelled: BTreeMap<&'static str, Vec<String>>,
    /// What is not as wanted.
    pub(super) problems: Vec<String>,
    /// What could not be done.
    pub(super) not_done: Vec<String>,
    /// By function, the samples of which nothing was left, each with the function's calls.
    pub(super) put_back: BTreeMap<String, Vec<(PathBuf, String)>>,
    /// By function, the call that its role was seen to be needed for.
    pub(super) enforced: BTreeMap<String, &'static str>,
}

/// The account of a stage, with the stack in it.
pub(super) struct Theatre<'a> {
    pub(super) account: &'a MiniStack,
    pub(super) deployment: &'a Deployment,
    pub(super) config: SdkConfig,
    pub(super) mailbox: Mailbox,
    pub(super) guardrails: Vec<Box<dyn AnyGuardrail>>,
    pub(super) expected: &'a Decisions,
    /// The folder with all samples.
    pub(super) samples: &'a Path,
}

/// What a function's log says of an invocation.
#[derive(Debug)]
struct Told {
    decision: Decision,
    reason: String,
    steps: String,
    mailed: usize,
    error: Option<String>,
}

impl Theatre<'_> {
    /// Sends all samples of the stage through the deployment.
    pub(super) async fn run(&self, stage: &Stage) -> Results {
        let mut results = Results::default();
        for (index, file) in stage.files.iter().enumerate() {
            match input::read(file).and_then(|scenario| self.of_own_canary(stage, scenario)) {
                Ok(scenario) => self.file(&mut results, &scenario, index).await,
                Err(problem) => results.not_done.push(format!("{problem:#}")),
            }
        }
        if let Err(problem) = self.nothing_else_failed(&mut results).await {
            results.not_done.push(format!("{}: {problem:#}", stage.name));
        }
        for (function, action) in ENFORCED {
            // Alone in its file, so that nothing else is needed for it to be a violation.
            let is_alone = |file: &Path| input::read(file).is_ok_and(|scenario| scenario.events.len() == 1);
            let fits = |(file, steps): &&(PathBuf, String)| has_call(steps, call(action), "ok") && is_alone(file);
            let sample = results.put_back.get(*function).and_then(|samples| samples.iter().find(fits));
            let Some(sample) = sample.map(|(file, _)| file.clone()) else { continue };
            match self.without(function, action, &sample).await {
                Ok(Ok(line)) => {
                    results.lines.push(line);
                    results.enforced.insert((*function).to_owned(), action);
                }
                Ok(Err(problem)) => results.problems.push(format!("{function} without {action}: {problem}")),
                Err(problem) => results.not_done.push(format!("{function} without {action}: {problem:#}")),
            }
        }
        results
    }

    /// The events of the canary that the settings name are made the deployment's own canary's.
    fn of_own_canary(&self, stage: &Stage, mut scenario: Scenario) -> Result<Scenario> {
        if let Some((_, name)) = stage.parameters.get(CANARY).and_then(|arn| arn.rsplit_once('/')) {
            let own = &self.function(CANARY_FUNCTION)?.role;
            let events = Value::from(scenario.events).to_string().replace(name, own);
            scenario.events =
                serde_json::from_str(&events).context("failed to put the canary's role into the events")?;
        }
        Ok(scenario)
    }

    async fn file(&self, results: &mut Results, scenario: &Scenario, index: usize) {
        let sample = scenario.path.strip_prefix(self.samples).unwrap_or(&scenario.path).display().to_string();
        let mut reenactor =
            Reenactor::new(self.config.clone(), &scenario.events, &format!("snapback-rehearsal-{index}"), true);
        let mut used = BTreeSet::new();
        // Of the whole file: what comes after an event that can't be modelled can't be relied on either.
        let mut otherwise = Vec::new();
        for (position, raw) in scenario.events.iter().enumerate() {
            results.events += 1;
            let name = if scenario.events.len() == 1 { sample.clone() } else { format!("{sample} ({})", position + 1) };
            let functions = match self.routed(raw).await {
                Ok(Ok(functions)) => {
                    results.routed += 1;
                    functions
                }
                Ok(Err(problem)) => {
                    results.problems.push(format!("{name}: {problem}"));
                    continue;
                }
                Err(problem) => {
                    results.not_done.push(format!("{name}: {problem:#}"));
                    continue;
                }
            };
            let expected = self.expected.get(&(scenario.path.clone(), position + 1));
            match self.event(raw, &functions, expected, &mut reenactor, &mut used).await {
                Ok(shown) => {
                    results.lines.push(format!("{name}\n{}", shown.lines.join("\n")));
                    if shown.problems.is_empty() {
                        results.as_replayed += 1;
                        for (function, steps) in shown.put_back {
                            results.put_back.entry(function).or_default().push((scenario.path.clone(), steps));
                        }
                    }
                    otherwise.extend(shown.problems.iter().map(|problem| format!("{name}: {problem}")));
                }
                Err(problem) => {
                    results.lines.push(format!("{name}\n  not done  {problem:#}"));
                    otherwise.push(format!("{name}: {problem:#}"));
                }
            }
        }
        for left in reenactor.clean_up().await {
            otherwise.push(format!("{sample}: could not be deleted: {left}"));
        }
        match (unmodelled::reason(&sample), otherwise.is_empty()) {
            (None, _) => results.problems.extend(otherwise),
            (Some(reason), false) => results.unmodelled.entry(reason).or_default().push(sample),
            (Some(_), true) => results
                .problems
                .push(format!("{sample}: is in the list of what MiniStack can't model, and ended as in the replay")),
        }
    }

    /// The functions that the deployed rules hand an event to, or how these differ from the functions that subscribe to it.
    async fn routed(&self, raw: &Value) -> Result<Result<Vec<String>, String>> {
        let event = match event::parse(raw) {
            Ok(event) => event,
            Err(unreadable) => *unreadable.event,
        };
        // EventBridge has a few fields that the samples, as records of what matters, lack.
        let mut whole = raw.clone();
        if let Some(envelope) = whole.as_object_mut() {
            envelope.entry("resources").or_insert_with(|| json!([]));
        }
        let whole = whole.to_string();
        let mut taken = Vec::new();
        for rule in &self.deployment.rules {
            let parameters = json!({"EventPattern": rule.pattern, "Event": whole});
            let answer = self.account.call("events", "test_event_pattern", parameters).await?;
            if answer.get("Result").and_then(Value::as_bool) == Some(true) {
                taken.push((rule.name.as_str(), rule.function.as_str()));
            }
        }
        let subscribed: BTreeSet<&str> = self
            .guardrails
            .iter()
            .filter(|_| event.origin.says_wrong())
            .filter(|guardrail| guardrail.subscriptions().iter().any(|subscription| subscription.covers(&event)))
            .map(|guardrail| guardrail.name())
            .collect();
        let functions: BTreeSet<&str> = taken.iter().map(|(_, function)| *function).collect();
        if functions != subscribed {
            return Ok(Err(format!("goes to {functions:?}, and {subscribed:?} subscribe to it")));
        }
        if functions.len() != taken.len() {
            return Ok(Err(format!("goes to the same function by several rules: {taken:?}")));
        }
        // In the order of the replay, since one may undo what another is about.
        Ok(Ok(self
            .guardrails
            .iter()
            .map(|guardrail| guardrail.name())
            .filter(|name| functions.contains(name))
            .map(str::to_owned)
            .collect()))
    }

    async fn event(
        &self,
        raw: &Value,
        functions: &[String],
        expected: Option<&BTreeMap<String, Decision>>,
        reenactor: &mut Reenactor,
        used: &mut BTreeSet<String>,
    ) -> Result<Shown> {
        let reenacted = Box::pin(reenactor.reenact(raw, Utc::now)).await;
        let Reenacted { event, before, after, .. } = reenacted.context("failed to re-enact the event")?;
        let mut shown = Shown::default();
        let (mut decided, mut reverted, mut mailed) = (BTreeMap::new(), Vec::new(), 0);
        for name in functions {
            let function = self.function(name)?;
            let told = self.invoke(function, &event, used.insert(name.clone())).await?;
            let outcome = told.decision.outcome.as_deref().unwrap_or("nothing told");
            shown.lines.push(format!(
                "  {name}: {}, {outcome}: {}",
                told.decision.verdict,
                rules::text::quote(&told.reason)
            ));
            if let Some(error) = &told.error {
                shown.problems.push(format!("{name} failed: {}", rules::text::quote(error)));
            }
            mailed += told.mailed;
            if told.decision.outcome.as_deref() == Some(rules::Outcome::Reverted.words()) {
                reverted.push((name.clone(), told.steps));
            }
            decided.insert(name.clone(), told.decision);
        }
        let mails = self.mails(mailed).await?;
        shown.lines.extend(mails.iter().map(|subject| format!("  mail: {}", rules::text::quote(subject))));
        if mails.len() != mailed {
            shown.problems.push(format!("mails sent: {mailed}, received: {}", mails.len()));
        }
        // The replay hands over what says that all is well, and the functions ignore it; EventBridge hands it to nobody.
        let mut expected = expected.cloned();
        if decided.is_empty()
            && let Some(expected) = &mut expected
        {
            expected.retain(|_, decision| decision.verdict != "ignored");
        }
        match expected {
            None => shown.problems.push("the replay did not come to it".to_owned()),
            Some(expected) if expected != decided => {
                shown.problems.push(format!("decided as {decided:?}, in the replay as {expected:?}"));
            }
            Some(_) => {}
        }
        let now = Box::pin(reenactor.state()).await.context("failed to read the state afterwards")?;
        if is_undone(&before, &after, &now) {
            shown.put_back = reverted;
            shown.lines.push("  state: nothing of the event is left, and nothing else is gone".to_owned());
        }
        Ok(shown)
    }

    fn function(&self, name: &str) -> Result<&Function> {
        self.deployment.functions.get(name).with_context(|| format!("there is no function `{name}`"))
    }

    async fn mails(&self, due: usize) -> Result<Vec<String>> {
        let mut subjects = Vec::new();
        let mut wait = if due > 0 { MAIL_WAIT } else { Duration::ZERO };
        loop {
            let received = self.mailbox.receive(wait).await.context("failed to read the mails")?;
            if received.is_empty() {
                return Ok(subjects);
            }
            subjects.extend(received.into_iter().map(|mail| mail.subject));
            wait = if subjects.len() < due { MAIL_WAIT } else { Duration::ZERO };
        }
    }

    /// Hands an event over as EventBridge does, in a new process if `is_first` of its file, and waits for what the function logs of it:
    /// once if that went well, and else as often as Lambda tries.
    async fn invoke(&self, function: &Function, event: &Value, is_first: bool) -> Result<Told> {
        if is_first {
            // Lambda never hands on to a process that was started with another configuration.
            let started = Utc::now().timestamp_micros();
            let description = format!("{} {started}", function.description);
            let parameters = json!({"FunctionName": function.name, "Description": description});
            self.account.call("lambda", "update_function_configuration", parameters).await?;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let parameters =
            json!({"FunctionName": function.name, "InvocationType": "Event", "Payload": event.to_string()});
        self.account.call("lambda", "invoke", parameters).await?;
        let deadline = Instant::now() + INVOCATION;
        let since = u64::try_from(since.as_millis()).unwrap_or_default();
        loop {
            let parameters = json!({"logGroupName": function.log_group, "startTime": since});
            let logged = self.account.call("logs", "filter_log_events", parameters).await?;
            let lines: Vec<String> = items(&logged, "events").map(|event| text(event, "message")).collect();
            let ended = lines.iter().filter(|line| line.starts_with("REPORT")).count();
            let decided: Vec<Value> = lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .filter(|line| text(line, "message") == "decided")
                .collect();
            if let Some(last) = decided.last()
                && ended >= 1
                && (last.get("error").is_none() || ended >= TRIES)
            {
                return Ok(told(last, &decided));
            }
            if ended >= TRIES {
                bail!("the function did not decide: {}", lines.join("\n"));
            }
            if Instant::now() > deadline {
                bail!("the function did not end within {} seconds", INVOCATION.as_secs());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Expects that no event is in the queue of the failed ones but of samples that MiniStack can't model.
    async fn nothing_else_failed(&self, results: &mut Results) -> Result<()> {
        let failed = self.failed_events().await?;
        if !failed.is_empty() && results.unmodelled.is_empty() && results.problems.is_empty() {
            let ids: Vec<&Value> = failed.iter().filter_map(|event| event.pointer("/detail/eventID")).collect();
            results.problems.push(format!("the queue of failed events holds {ids:?}"));
        }
        Ok(())
    }

    /// Takes out the events that Lambda put into the queue after the last try.
    async fn failed_events(&self) -> Result<Vec<Value>> {
        let url = &self.deployment.failed_events_url;
        let mut events = Vec::new();
        loop {
            let parameters = json!({"QueueUrl": url, "MaxNumberOfMessages": 10});
            let received = self.account.call("sqs", "receive_message", parameters).await?;
            let messages: Vec<&Value> = items(&received, "Messages").collect();
            if messages.is_empty() {
                return Ok(events);
            }
            for message in messages {
                let record: Value =
                    serde_json::from_str(&text(message, "Body")).context("failed to read a failed event")?;
                events.push(record.get("requestPayload").cloned().unwrap_or_default());
                let parameters = json!({"QueueUrl": url, "ReceiptHandle": text(message, "ReceiptHandle")});
                self.account.call("sqs", "delete_message", parameters).await?;
            }
        }
    }

    /// Takes an action from the function's role, and hands it a sample that was put back before: now AWS must refuse the call, the mail must
    /// say that it failed, and the event must end up in the queue. Then gives the action back.
    async fn without(&self, name: &str, action: &'static str, sample: &Path) -> Result<Result<String, String>> {
        let function = self.function(name)?;
        let mut kept = Vec::new();
        let listed = self.account.call("iam", "list_role_policies", json!({"RoleName": function.role})).await?;
        for policy in items(&listed, "PolicyNames") {
            let parameters = json!({"RoleName": function.role, "PolicyName": policy});
            let read = self.account.call("iam", "get_role_policy", parameters.clone()).await?;
            let document = read.get("PolicyDocument").cloned().unwrap_or_default();
            let narrowed = take_out(document.clone(), action);
            if narrowed != document {
                if items(&narrowed, "Statement").next().is_some() {
                    self.put_policy(function, policy, &narrowed).await?;
                } else {
                    self.account.call("iam", "delete_role_policy", parameters).await?;
                }
                kept.push((policy.clone(), document));
            }
        }
        if kept.is_empty() {
            return Ok(Err("its role does not have it".to_owned()));
        }
        let seen = self.seen_without(name, function, action, sample).await;
        for (policy, document) in kept {
            self.put_policy(function, &policy, &document).await?;
        }
        seen
    }

    async fn put_policy(&self, function: &Function, policy: &Value, document: &Value) -> Result<()> {
        let parameters =
            json!({"RoleName": function.role, "PolicyName": policy, "PolicyDocument": document.to_string()});
        self.account.call("iam", "put_role_policy", parameters).await?;
        Ok(())
    }

    async fn seen_without(
        &self,
        name: &str,
        function: &Function,
        action: &'static str,
        sample: &Path,
    ) -> Result<Result<String, String>> {
        let scenario = input::read(sample)?;
        let raw = scenario.events.first().context("the sample holds no event")?;
        let mut reenactor = Reenactor::new(self.config.clone(), &scenario.events, "snapback-rehearsal-without", true);
        let reenacted = Box::pin(reenactor.reenact(raw, Utc::now)).await;
        let Reenacted { event, before, after, .. } = reenacted.context("failed to re-enact the event")?;
        let told = self.invoke(function, &event, true).await?;
        let now = Box::pin(reenactor.state()).await.context("failed to read the state afterwards")?;
        let subjects = self.mails(told.mailed).await?;
        let failed = self.failed_events().await?;
        if let Some(left) = reenactor.clean_up().await.first() {
            bail!("could not be deleted: {left}");
        }
        let call = call(action);
        if !has_call(&told.steps, call, "failed") {
            return Ok(Err(format!("{call} was not refused: {}", told.steps)));
        }
        if is_undone(&before, &after, &now) {
            return Ok(Err("nothing of the event is left all the same".to_owned()));
        }
        if subjects.is_empty() || subjects.iter().any(|subject| subject.starts_with(rules::Outcome::Reverted.words())) {
            return Ok(Err(format!("the mails should not say that it was reverted: {subjects:?}")));
        }
        if failed != [event] {
            return Ok(Err(format!("the queue of failed events should hold this one, and holds {}", failed.len())));
        }
        let sample = sample.strip_prefix(self.samples).unwrap_or(sample).display();
        Ok(Ok(format!(
            "{sample}, {action} taken from the role\n  {name}: {}\n  mail: {}\n  the event is in the queue of failed events",
            rules::text::quote(&told.reason),
            subjects.first().map_or("", String::as_str)
        )))
    }
}

/// For each function that reverts, an action without which it can't.
pub(super) const ENFORCED: &[(&str, &str)] = &[
    ("iam-user", "iam:DeleteUser"),
    ("access-key", "iam:UpdateAccessKey"),
    ("s3-public", "s3:PutBucketPublicAccessBlock"),
    ("security-group", "ec2:RevokeSecurityGroupIngress"),
    ("role-trust", "iam:UpdateAssumeRolePolicy"),
];

/// What to show of an event.
#[derive(Default)]
struct Shown {
    lines: Vec<String>,
    problems: Vec<String>,
    /// The functions that reverted, each with its calls, if nothing of the event is left.
    put_back: Vec<(String, String)>,
}

/// Whether something changed, nothing that was new then is there now, and all that was there before is.
fn is_undone(before: &State, after: &State, now: &State) -> bool {
    let (before, after, now) = (before.lines(), after.lines(), now.lines());
    before != after && after.difference(&before).all(|line| !now.contains(line)) && before.is_subset(&now)
}

/// The name by which the functions log the call behind an action.
fn call(action: &'static str) -> &'static str {
    match action {
        "s3:PutBucketPublicAccessBlock" => "PutPublicAccessBlock",
        _ => action.rsplit(':').next().unwrap_or(action),
    }
}

/// Whether a function's log names a call with that result.
fn has_call(steps: &str, call: &str, result: &str) -> bool {
    let is_it = |step: &str| {
        let mut words = step.split(' ');
        // Of the account is another action.
        words.next() == Some(call) && !words.next().is_some_and(is_account_id) && words.any(|word| word == result)
    };
    steps.split("; ").any(is_it)
}

fn told(last: &Value, decided: &[Value]) -> Told {
    let optional = |name: &str| last.get(name).and_then(Value::as_str).map(str::to_owned);
    Told {
        decision: Decision { verdict: text(last, "verdict").to_lowercase(), outcome: optional("outcome") },
        reason: text(last, "reason"),
        steps: text(last, "steps"),
        mailed: decided.iter().filter(|line| line.get("mailed").and_then(Value::as_bool) == Some(true)).count(),
        error: optional("error"),
    }
}

/// A policy without an action.
fn take_out(mut document: Value, action: &str) -> Value {
    for statement in document.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(actions) = statement.get_mut("Action").and_then(Value::as_array_mut) {
            actions.retain(|granted| granted.as_str() != Some(action));
        }
    }
    if let Some(statements) = document.get_mut("Statement").and_then(Value::as_array_mut) {
        let is_left = |statement: &Value| {
            let granted = statement.get("Action");
            granted.and_then(Value::as_str) != Some(action) && granted.and_then(Value::as_array) != Some(&Vec::new())
        };
        statements.retain(is_left);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_taken_out_of_a_policy_and_nothing_else() {
        let with = |statements: Value| json!({"Version": "2012-10-17", "Statement": statements});
        let keep = json!({"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"});
        let policy = with(json!([
            {"Effect": "Allow", "Action": ["iam:GetUser", "iam:DeleteUser"], "Resource": "*"},
            {"Effect": "Allow", "Action": ["iam:DeleteUser"], "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:DeleteUser", "Resource": "*"},
            keep,
        ]));
        let expected = with(json!([{"Effect": "Allow", "Action": ["iam:GetUser"], "Resource": "*"}, keep]));
        assert_eq!(take_out(policy, "iam:DeleteUser"), expected);
    }
}
