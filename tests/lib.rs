//! What the end-to-end tests of all functions share, and in [`cloudformation`] what those of the templates do.
//!
//! [`Stage`] is one test's view of a stand-in account: its own access keys and mailbox, so that tests can run side by side in one
//! stand-in. [`Process`] is one process of a function, as Lambda keeps it from event to event. [`event`] is what CloudTrail makes
//! of a call.
//!
//! Each call of a function is judged against the function's role in template.yaml, when [`Stage::run`] is done or the stage ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

pub mod authorization;
pub mod cloudformation;
pub mod evaluator;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use authorization::Judge;
use aws_config::{AppName, SdkConfig};
use aws_sdk_config::types::{ConfigRule, Owner, Source};
use chrono::{SecondsFormat, TimeDelta, Utc};
use rules::{Outcome, Settings};
use runtime::handle::{Clock, HandleError};
use runtime::{Guardrail, Handled, Notifier, Runtime, Verdict};
use sandbox::{Call, Fault, Mail, Mailbox, StandIn, local_config};
use serde_json::{Value, json};

/// The number of the stand-in's account.
pub const ACCOUNT: &str = "123456789012";

/// Who makes the calls that [`event`] tells of.
pub const DEVELOPER: &str = "arn:aws:iam::123456789012:user/developer";

/// How long a function of a test may take, unless the test is about time.
pub const TIME: Duration = Duration::from_secs(60);

/// What begins the name by which a process's calls are known in their `User-Agent`.
const PROCESS: &str = "process-";

/// The stand-in that all tests of a binary share. It ends with the binary's process.
pub fn stand_in() -> &'static StandIn {
    static STAND_IN: OnceLock<StandIn> = OnceLock::new();
    STAND_IN.get_or_init(|| StandIn::start(&mut |_| {}).unwrap())
}

/// A number that no other caller in this process gets.
pub fn unique() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(1);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// One test's view of a stand-in account.
pub struct Stage {
    endpoint: String,
    /// For the test's own calls, which are not the function's.
    pub admin: SdkConfig,
    function: SdkConfig,
    function_key: String,
    mailbox: Mailbox,
    /// The number of the last call that a test has asked for.
    calls_seen: AtomicU64,
    /// The number of a key's last call that has been judged.
    calls_judged: Mutex<BTreeMap<String, u64>>,
    /// Of each process, by the number that its calls tell.
    judges: Mutex<Vec<Judge>>,
}

impl Stage {
    /// In the stand-in that all tests share.
    pub async fn new() -> Self {
        Self::on(stand_in()).await
    }

    /// In a stand-in of the test's own.
    pub async fn on(stand_in: &StandIn) -> Self {
        let endpoint = stand_in.endpoint().to_owned();
        let number = unique();
        let function_key = format!("AKIAFUNCTION{number:08}");
        let admin = local_config(&endpoint, &format!("AKIAADMIN{number:011}")).await;
        let function = local_config(&endpoint, &function_key).await;
        let mailbox = Mailbox::create(&admin, &format!("alerts-{number}")).await.unwrap();
        Self {
            endpoint,
            admin,
            function,
            function_key,
            mailbox,
            calls_seen: AtomicU64::new(0),
            calls_judged: Mutex::default(),
            judges: Mutex::default(),
        }
    }

    /// A new process of a function, with settings by environment variable and a clock that is right.
    pub fn process<G: Guardrail>(&self, new: impl FnOnce(SdkConfig) -> G, settings: &[(&str, &str)]) -> Process<G> {
        self.process_ahead(new, settings, TimeDelta::zero())
    }

    /// A new process whose clock is ahead, so that what just happened looks old to it.
    pub fn process_ahead<G: Guardrail>(
        &self,
        new: impl FnOnce(SdkConfig) -> G,
        settings: &[(&str, &str)],
        ahead: TimeDelta,
    ) -> Process<G> {
        self.process_by(new, settings, Arc::new(move || Utc::now() + ahead))
    }

    /// A new process with a clock of the test's own, which may move as the test says.
    pub fn process_by<G: Guardrail>(
        &self,
        new: impl FnOnce(SdkConfig) -> G,
        settings: &[(&str, &str)],
        clock: Clock,
    ) -> Process<G> {
        let variable = |name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let valid = Settings::from_variables(variable).unwrap();
        let number = self.judges.lock().unwrap().len();
        let function = in_process(&self.function, number);
        let mut notifier = Notifier::new(&function, self.mailbox.topic_arn()).unwrap();
        if let Some(chat) = &valid.chat_topic_arn {
            notifier = notifier.and_chat(&function, chat).unwrap();
        }
        let guardrail = new(function);
        self.judge(&self.function_key, guardrail.name(), settings);
        Process { runtime: Runtime::new(valid, Some(notifier), clock), guardrail }
    }

    /// The configuration of a process of a function that is no guardrail, as the holder of an access key of its own; `settings` by
    /// environment variable.
    pub async fn config_of(&self, function: &str, key: &str, settings: &[(&str, &str)]) -> SdkConfig {
        let config = in_process(&local_config(&self.endpoint, key).await, self.judges.lock().unwrap().len());
        self.judge(key, function, settings);
        config
    }

    fn judge(&self, key: &str, function: &str, settings: &[(&str, &str)]) {
        self.calls_judged.lock().unwrap().entry(key.to_owned()).or_default();
        self.judges.lock().unwrap().push(Judge::new(function, settings, self.mailbox.topic_arn()));
    }

    /// Hands an event to a process and sees what comes of it.
    pub async fn run<G: Guardrail>(&self, process: &Process<G>, event: &Value) -> Ran {
        self.run_within(process, event, TIME).await
    }

    /// As [`Stage::run`], with so much time until Lambda would end the function.
    pub async fn run_within<G: Guardrail>(&self, process: &Process<G>, event: &Value, time: Duration) -> Ran {
        let start = Instant::now();
        let handled = process.runtime.handle(&process.guardrail, event, time).await;
        let took = start.elapsed();
        let mails = self.mails().await;
        if let Some(sent) = &handled.mail {
            let is_there = mails.iter().any(|mail| (&mail.subject, &mail.body) == (&sent.subject, &sent.body));
            assert!(is_there, "counted as sent and not received: {sent:?}, but {mails:?}");
        }
        let calls = self.new_calls();
        self.judge_calls();
        Ran { handled, calls, mails, took }
    }

    /// Expects of the calls that have arrived since they were last judged that the function's role allows them, and that
    /// tests/privileges/calls.tsv knows of such calls.
    fn judge_calls(&self) {
        let mut calls = Vec::new();
        for (key, judged) in self.calls_judged.lock().unwrap().iter_mut() {
            let new = after(*judged, sandbox::calls(&self.endpoint, key).unwrap());
            *judged = new.last().map_or(*judged, |call| call.number);
            calls.extend(new);
        }
        let judges = self.judges.lock().unwrap();
        let (mut kinds, mut problems) = (BTreeSet::new(), BTreeSet::new());
        for call in &calls {
            let process =
                call.user_agent.split_whitespace().find_map(|word| word.strip_prefix("app/")?.strip_prefix(PROCESS));
            let judge = process.and_then(|number| judges.get(number.parse::<usize>().ok()?));
            match judge.unwrap_or_else(|| panic!("of no process: {call:?}")).judge(call) {
                Err(problem) => drop(problems.insert(problem)),
                Ok(judged) => {
                    problems.extend(judged.iter().filter_map(|judged| judged.denied.clone()));
                    kinds.extend(judged.into_iter().map(|judged| judged.kind));
                }
            }
        }
        let unknown = authorization::recorded(&kinds);
        let all: Vec<String> = problems.into_iter().collect();
        assert!(all.is_empty(), "AWS would refuse what template.yaml does not allow:\n{}", all.join("\n"));
        assert!(
            unknown.is_empty(),
            "not in tests/privileges/calls.tsv, which scripts/renew-privileges writes:\n{}",
            unknown.join("\n")
        );
    }

    /// Where the stand-in is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes the function's next calls of an action fail, or wait.
    pub fn inject(&self, fault: Fault) {
        let fault = Fault { access_key_id: self.function_key.clone(), ..fault };
        sandbox::inject(&self.endpoint, &fault).unwrap();
    }

    /// The function's calls that have arrived since they were last asked for.
    fn new_calls(&self) -> Vec<Call> {
        let seen = self.calls_seen.load(Ordering::Relaxed);
        let calls = after(seen, self.all_calls());
        self.calls_seen.store(calls.last().map_or(seen, |call| call.number), Ordering::Relaxed);
        calls
    }

    /// All the function's calls that have arrived so far.
    pub fn all_calls(&self) -> Vec<Call> {
        sandbox::calls(&self.endpoint, &self.function_key).unwrap()
    }

    /// Makes a rule of AWS Config in us-east-1, of that managed identifier, with its parameters as they are written.
    pub async fn config_rule(&self, name: &str, identifier: &str, parameters: Option<&str>) {
        let source = Source::builder().owner(Owner::Aws).source_identifier(identifier).build().unwrap();
        let rule = ConfigRule::builder().config_rule_name(name).source(source);
        let rule = rule.set_input_parameters(parameters.map(str::to_owned)).build();
        let config = aws_sdk_config::Client::new(&self.admin);
        config.put_config_rule().config_rule(rule).send().await.unwrap();
    }

    /// Takes the mails out of the mailbox. What was published is in it already: the stand-in delivers before it answers.
    pub async fn mails(&self) -> Vec<Mail> {
        let mails = self.mailbox.receive(Duration::ZERO).await.unwrap();
        for mail in &mails {
            assert!(
                mail.subject.len() <= 100 && mail.subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "SNS would refuse the subject {:?}",
                mail.subject
            );
        }
        mails
    }
}

/// The calls after that number. They are not told by their position: the stand-in forgets the oldest ones.
fn after(number: u64, mut calls: Vec<Call>) -> Vec<Call> {
    calls.retain(|call| call.number > number);
    calls
}

/// The same configuration for a process, whose number its calls tell.
fn in_process(config: &SdkConfig, number: usize) -> SdkConfig {
    config.to_builder().app_name(AppName::new(format!("{PROCESS}{number}")).unwrap()).build()
}

/// What was handled without [`Stage::run`] is judged here, so that no test can leave it out.
impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.judge_calls();
        }
    }
}

/// One process of a function, which Lambda keeps from event to event.
pub struct Process<G> {
    runtime: Runtime,
    guardrail: G,
}

impl<G: Guardrail> Process<G> {
    /// Handles an event, and looks at nothing but what the function says.
    pub async fn handle(&self, event: &Value) -> Handled {
        self.runtime.handle(&self.guardrail, event, TIME).await
    }
}

/// What came of an event.
#[derive(Debug)]
pub struct Ran {
    /// What the function says of it.
    pub handled: Handled,
    /// The function's calls, as the stand-in saw them, in order.
    pub calls: Vec<Call>,
    /// The mails that arrived.
    pub mails: Vec<Mail>,
    /// How long the function took.
    pub took: Duration,
}

impl Ran {
    /// Compares the verdict, the outcome words of the mails, and the calls in the form of [`told`], and expects that the invocation
    /// succeeded. Reads that stand next to each other may come in any order.
    #[track_caller]
    pub fn is(&self, verdict: Verdict, mails: &[Outcome], calls: &[String]) {
        assert_eq!(self.handled.error, None, "{self:#?}");
        self.compare(verdict, mails, calls);
    }

    /// As [`Ran::is`], but expects an error, so that Lambda tries again: because the alert could not be sent if no mail is
    /// expected, and else because the change could not be taken back.
    #[track_caller]
    pub fn is_error(&self, verdict: Verdict, mails: &[Outcome], calls: &[String]) {
        match &self.handled.error {
            Some(HandleError::Notify(_)) => assert!(mails.is_empty(), "{self:#?}"),
            Some(HandleError::Remedy(_)) => assert!(!mails.is_empty(), "{self:#?}"),
            None => panic!("no error: {self:#?}"),
        }
        self.compare(verdict, mails, calls);
    }

    #[track_caller]
    fn compare(&self, verdict: Verdict, mails: &[Outcome], calls: &[String]) {
        let received: Vec<&str> = self.mails.iter().map(|mail| mail.subject.split(": ").next().unwrap()).collect();
        let expected: Vec<&str> = mails.iter().map(|outcome| outcome.words()).collect();
        assert_eq!((self.handled.verdict, received), (verdict, expected), "{:#?}", self.mails);
        assert_eq!(with_reads_sorted(self.told()), with_reads_sorted(calls.to_vec()));
    }

    /// As [`Ran::is`], with the calls in rounds: those of a round are made at the same time, in any order.
    #[track_caller]
    pub fn is_in_rounds(&self, verdict: Verdict, mails: &[Outcome], rounds: &[Vec<String>]) {
        let mut calls = self.told();
        let mut rest = calls.as_mut_slice();
        for round in rounds {
            let (these, others) = rest.split_at_mut(round.len().min(rest.len()));
            these.sort();
            rest = others;
        }
        let expected = rounds.iter().flat_map(|round| {
            let mut round = round.clone();
            round.sort();
            round
        });
        assert_eq!(calls, expected.collect::<Vec<_>>());
        self.is(verdict, mails, &self.told());
    }

    /// The calls in the form of [`told`].
    pub fn told(&self) -> Vec<String> {
        self.calls.iter().map(told).collect()
    }

    /// The only mail.
    #[track_caller]
    pub fn mail(&self) -> &Mail {
        let [mail] = self.mails.as_slice() else { panic!("one mail expected: {:#?}", self.mails) };
        mail
    }

    /// Expects that the only mail says all this.
    #[track_caller]
    pub fn mail_says(&self, texts: &[&str]) {
        let mail = self.mail();
        let whole = format!("{}\n\n{}", mail.subject, mail.body);
        for text in texts {
            assert!(whole.contains(text), "`{text}` is not in\n{whole}");
        }
    }

    /// Expects that the only mail says nothing of this.
    #[track_caller]
    pub fn mail_does_not_say(&self, texts: &[&str]) {
        let mail = self.mail();
        let whole = format!("{}\n\n{}", mail.subject, mail.body);
        for text in texts {
            assert!(!whole.contains(text), "`{text}` is in\n{whole}");
        }
    }
}

/// A call on one line: the action, the parameters, and the status if the call did not succeed. `Publish` stands alone: its
/// parameters are the mail.
pub fn told(call: &Call) -> String {
    let mut words = vec![call.action.clone()];
    if call.action != "Publish" {
        words.extend(call.parameters.iter().map(|(name, value)| format!("{name}={value}")));
    }
    if !(200..300).contains(&call.status) {
        words.push(format!("-> {}", call.status));
    }
    words.join(" ")
}

/// The same form for a call that a test expects: the parameters in the order of their names.
pub fn expected(action: &str, parameters: &[(&str, &str)]) -> String {
    let sorted: BTreeMap<&str, &str> = parameters.iter().copied().collect();
    let parameters = sorted.into_iter().map(|(name, value)| format!(" {name}={value}"));
    format!("{action}{}", parameters.collect::<String>())
}

/// The mail.
pub fn publish() -> String {
    expected("Publish", &[])
}

/// The same call, answered with an error.
pub fn refused(call: String, status: u16) -> String {
    format!("{call} -> {status}")
}

fn with_reads_sorted(mut calls: Vec<String>) -> Vec<String> {
    let is_read = |call: &String| ["Describe", "Get", "List"].iter().any(|verb| call.starts_with(verb));
    calls.chunk_by_mut(|one, next| is_read(one) && is_read(next)).for_each(<[String]>::sort);
    calls
}

/// What AWS Config has just found non-compliant in us-east-1, as EventBridge delivers it.
pub fn config_finding(rule: &str, resource_type: &str, resource_id: &str) -> Value {
    let number = unique();
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "version": "0",
        "id": format!("{number:08x}-dddd-4ddd-8ddd-dddddddddddd"),
        "detail-type": "Config Rules Compliance Change",
        "source": "aws.config",
        "account": ACCOUNT,
        "time": time,
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "resourceId": resource_id,
            "awsRegion": "us-east-1",
            "awsAccountId": ACCOUNT,
            "configRuleName": rule,
            "recordVersion": "1.0",
            "configRuleARN": format!("arn:aws:config:us-east-1:{ACCOUNT}:config-rule/config-rule-x{number:05}"),
            "messageType": "ComplianceChangeNotification",
            "newEvaluationResult": {
                "evaluationResultIdentifier": {
                    "evaluationResultQualifier": {
                        "configRuleName": rule,
                        "resourceType": resource_type,
                        "resourceId": resource_id,
                        "evaluationMode": "DETECTIVE",
                    },
                    "orderingTimestamp": time,
                },
                "complianceType": "NON_COMPLIANT",
                "resultRecordedTime": time,
                "configRuleInvokedTime": time,
            },
            "notificationCreationTime": time,
            "resourceType": resource_type,
        },
    })
}

/// What IAM Access Analyzer has just found to be reachable from outside, as EventBridge delivers it.
pub fn access_finding(resource_type: &str, arn: &str, principal: Value) -> Value {
    let number = unique();
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "version": "0",
        "id": format!("{number:08x}-ffff-4fff-8fff-ffffffffffff"),
        "detail-type": "Access Analyzer Finding",
        "source": "aws.access-analyzer",
        "account": ACCOUNT,
        "time": time,
        "region": "us-east-1",
        "resources": [format!("arn:aws:access-analyzer:us-east-1:{ACCOUNT}:analyzer/account")],
        "detail": {
            "version": "1.0",
            "id": format!("{number:08x}-9999-4999-8999-999999999999"),
            "status": "ACTIVE",
            "resourceType": resource_type,
            "resource": arn,
            "createdAt": "2026-02-27T18:40:12Z",
            "analyzedAt": time,
            "updatedAt": time,
            "accountId": ACCOUNT,
            "region": "us-east-1",
            "principal": principal,
            "action": ["sts:AssumeRole"],
            "condition": {},
            "isDeleted": false,
            "isPublic": false,
        },
    })
}

/// The function's question for what is behind the name of a rule of AWS Config.
pub fn config_rule_asked(name: &str) -> String {
    expected("DescribeConfigRules", &[("ConfigRuleNames", &json!([name]).to_string())])
}

/// An event as EventBridge delivers it: [`DEVELOPER`] has just made a call, which succeeded, in us-east-1. `service` is such as `ec2`.
pub fn event(service: &str, name: &str, request: Value, response: Value) -> Value {
    let number = unique();
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "version": "0",
        "id": format!("{number:08x}-eeee-4eee-8eee-eeeeeeeeeeee"),
        "detail-type": "AWS API Call via CloudTrail",
        "source": format!("aws.{service}"),
        "account": ACCOUNT,
        "time": time,
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.10",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": "AIDAQRSTUVWXYZEXAMPLE",
                "arn": DEVELOPER,
                "accountId": ACCOUNT,
                "accessKeyId": "AKIAQRSTUVWXYZEXAMPL",
                "userName": "developer",
                "sessionContext": {"attributes": {"creationDate": time, "mfaAuthenticated": "false"}},
            },
            "eventTime": time,
            "eventSource": format!("{service}.amazonaws.com"),
            "eventName": name,
            "awsRegion": "us-east-1",
            "sourceIPAddress": "198.51.100.77",
            "userAgent": "aws-cli/2.31.0",
            "requestParameters": request,
            "responseElements": response,
            "requestID": format!("{number:08x}-aaaa-4aaa-8aaa-aaaaaaaaaaaa"),
            "eventID": format!("{number:08x}-cccc-4ccc-8ccc-cccccccccccc"),
            "readOnly": false,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        },
    })
}

/// The sample files in the folder of a function, without those in folders of their own settings: each file's name and its events.
pub fn samples(function: &str) -> Vec<(String, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events").join(function);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files
        .map(|path| {
            let events = match serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap() {
                Value::Array(events) => events,
                event => vec![event],
            };
            (path.file_name().unwrap().to_string_lossy().into_owned(), events)
        })
        .collect()
}
