//! A guardrail behind Lambda.

use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use chrono::Utc;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use rules::Settings;
use serde_json::Value;

use crate::clients::loader;
use crate::handle::{Guardrail, Runtime, Verdict};
use crate::metrics;
use crate::notify::Notifier;

/// How long an invocation has if its deadline is in the past, which only `cargo lambda watch` says: template.yaml's timeout.
const USUAL_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs a guardrail as a Lambda function until the process is ended: logs, settings and clients once, then event after event.
///
/// # Errors
/// At once if a setting is not valid or `ALERT_TOPIC_ARN` is missing, with a message that names the variable.
pub async fn run<G: Guardrail + Sync>(new: impl FnOnce(SdkConfig) -> G) -> Result<(), Error> {
    log_as_json();
    let settings = Settings::from_variables(|name| std::env::var(name).ok())?;
    let topic =
        settings.alert_topic_arn.clone().ok_or("`ALERT_TOPIC_ARN` is not set; it takes the ARN of an SNS topic")?;
    let config = loader().load().await;
    let mut notifier = Notifier::new(&config, &topic)?;
    if let Some(chat) = &settings.chat_topic_arn {
        notifier = notifier.and_chat(&config, chat)?;
    }
    let runtime = Runtime::new(settings, Some(notifier), Arc::new(Utc::now));
    let guardrail = new(config);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let (runtime, guardrail) = (&runtime, &guardrail);
        async move {
            let deadline = event.context.deadline();
            let time = deadline.duration_since(SystemTime::now()).unwrap_or(USUAL_TIMEOUT);
            let handled = runtime.handle(guardrail, &event.payload, time).await;
            if handled.verdict == Verdict::Folded {
                count(("function", guardrail.name()), metrics::FOLDED);
            }
            if handled.chat_error.is_some() {
                count(("topic", "chat"), metrics::UNSENT);
            }
            match handled.error {
                Some(error) => Err(Error::from(error)),
                None => Ok(format!("{:?}: {}", handled.verdict, handled.reason)),
            }
        }
    }))
    .await
}

fn count(dimension: (&str, &str), metric: &str) {
    // Nothing can be done, and nothing is lost, if stdout is closed: the decision has been logged.
    drop(writeln!(stdout(), "{}", metrics::one(dimension, metric, Utc::now())));
}

/// JSON lines on stdout, which Lambda hands to CloudWatch Logs as they are.
fn log_as_json() {
    let level = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(level)
        .init();
}
