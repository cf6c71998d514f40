//! A guardrail behind Lambda, or another function of ours.

use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use chrono::Utc;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use rules::Settings;
use rules::settings::SettingError;
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
    let (settings, config) = start().await?;
    let topic =
        settings.alert_topic_arn.clone().ok_or("`ALERT_TOPIC_ARN` is not set; it takes the ARN of an SNS topic")?;
    let mut notifier = Notifier::new(&config, &topic)?;
    if let Some(chat) = &settings.chat_topic_arn {
        notifier = notifier.and_chat(&config, chat)?;
    }
    let runtime = Runtime::new(settings, Some(notifier), Arc::new(Utc::now));
    let guardrail = new(config);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let (runtime, guardrail) = (&runtime, &guardrail);
        async move {
            let handled = runtime.handle(guardrail, &event.payload, time_left(&event.context)).await;
            let counted = match handled.verdict {
                Verdict::Folded => Some(metrics::FOLDED),
                Verdict::HeldBack => Some(metrics::HELD_BACK),
                _ => None,
            };
            if let Some(metric) = counted {
                publish(&metrics::one(("function", guardrail.name()), metric, Utc::now()));
            }
            if handled.chat_error.is_some() {
                publish(&metrics::one(("topic", "chat"), metrics::UNSENT, Utc::now()));
            }
            match handled.error {
                Some(error) => Err(Error::from(error)),
                None => Ok(format!("{:?}: {}", handled.verdict, handled.reason)),
            }
        }
    }))
    .await
}

/// What every function begins with: logs, the settings of its environment, and the configuration of its AWS clients.
///
/// # Errors
/// If a setting is not valid, with a message that names the variable.
pub async fn start() -> Result<(Settings, SdkConfig), SettingError> {
    log_as_json();
    let settings = Settings::from_variables(|name| std::env::var(name).ok())?;
    Ok((settings, loader().load().await))
}

/// How long an invocation still has.
pub fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or(USUAL_TIMEOUT)
}

/// Publishes a metric, by its log line.
pub fn publish(metric: &Value) {
    // Nothing can be done, and nothing is lost, if stdout is closed: what it tells has been logged.
    drop(writeln!(stdout(), "{metric}"));
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
