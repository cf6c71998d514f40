//! What is behind the names of AWS Config's rules.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_config::error::SdkError;
use aws_sdk_config::operation::describe_config_rules::DescribeConfigRulesError;
use aws_sdk_config::types::Owner;
use rules::config::{Behind, ComplianceChange};
use rules::{Localized, localized, say};
use serde_json::Value;
use tokio::time::Instant;

use crate::calls::{Calls, ObserveError};
use crate::clients::PerRegion;

/// How many rules are remembered. An account may have 1,000 of them in a region.
const MOST_KNOWN: usize = 1_000;

/// How long it is remembered what is behind a name: a rule may be replaced by another of the same name.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// AWS Config's rules, each asked for once an hour.
pub struct ConfigRules {
    clients: PerRegion<aws_sdk_config::Client>,
    known: Mutex<Vec<Known>>,
}

/// What was learned of a rule.
struct Known {
    region: String,
    name: String,
    behind: Behind,
    at: Instant,
}

impl ConfigRules {
    /// Clients are made from `config` as regions are needed.
    pub fn new(config: SdkConfig) -> Self {
        Self { clients: PerRegion::new(config, aws_sdk_config::Client::new), known: Mutex::default() }
    }

    /// What is behind the rule that a change names, in the region of the change. A rule that is gone is asked for again, since it may have been
    /// renewed.
    ///
    /// # Errors
    /// [`Localized`], in words, if AWS could not be asked or its answer made no sense.
    pub async fn behind(
        &self,
        change: &ComplianceChange,
        region: Option<&str>,
        calls: &Calls,
    ) -> Result<Behind, Localized> {
        let region =
            region.ok_or_else(|| localized!("the event has no `awsRegion`", "イベントに `awsRegion` がありません"))?;
        if let Some(behind) = self.remembered(region, &change.rule_name) {
            return Ok(behind);
        }
        let client = self.clients.get(region).map_err(|problem| Localized::from(&problem))?;
        let behind = ask(&client, &change.rule_name, calls).await.map_err(|error| Localized::from(&error))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if behind != Behind::Gone && known.len() < MOST_KNOWN {
            let (region, name) = (region.to_owned(), change.rule_name.clone());
            known.push(Known { region, name, behind: behind.clone(), at: Instant::now() });
        }
        Ok(behind)
    }

    /// What was learned before.
    fn remembered(&self, region: &str, name: &str) -> Option<Behind> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.at.elapsed() < REMEMBERED);
        known.iter().find(|known| known.region == region && known.name == name).map(|known| known.behind.clone())
    }
}

async fn ask(client: &aws_sdk_config::Client, name: &str, calls: &Calls) -> Result<Behind, ObserveError> {
    let call = "DescribeConfigRules";
    let request = async {
        match client.describe_config_rules().config_rule_names(name).send().await {
            Err(error) if is_gone(&error) => Ok(None),
            answer => answer.map(Some),
        }
    };
    let language = calls.language();
    let told = |answer: &Option<_>| match answer {
        Some(_) => say!(language, "ok", "成功"),
        None => say!(language, "no such rule", "ルールなし"),
    };
    let Some(answer) = calls.make(call, name, request, told).await? else { return Ok(Behind::Gone) };
    let problem = |problem: Localized| ObserveError::Answer { call, problem };
    let Some(rule) = answer.config_rules.unwrap_or_default().into_iter().next() else { return Ok(Behind::Gone) };
    let source = rule.source.ok_or_else(|| problem(localized!("no `Source`", "`Source` がありません")))?;
    if source.owner != Owner::Aws {
        return Ok(Behind::Custom);
    }
    let identifier = source
        .source_identifier
        .ok_or_else(|| problem(localized!("no `SourceIdentifier`", "`SourceIdentifier` がありません")))?;
    let parameters = rule.input_parameters.map_or(Value::Null, |text| {
        // What is no JSON is not the same as none.
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    });
    Ok(Behind::Managed { identifier, parameters })
}

fn is_gone<R>(error: &SdkError<DescribeConfigRulesError, R>) -> bool {
    error.as_service_error().is_some_and(DescribeConfigRulesError::is_no_such_config_rule_exception)
}
