//! Making the rules of AWS Config that findings name.

use aws_config::SdkConfig;
use aws_sdk_config::Client;
use aws_sdk_config::types::{ConfigRule, Owner, Source};
use rules::config::{ComplianceChange, reads_like};
use runtime::CallError;
use runtime::clients::in_region;

use super::{ReenactError, not_enough};

/// What a managed rule has to be given (`InputParameters`), if anything.
/// <https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html>
pub fn required_parameters(identifier: &str) -> Option<&'static str> {
    match identifier {
        "ACCESS_KEYS_ROTATED" => Some(r#"{"maxAccessKeyAge":"90"}"#),
        "IAM_POLICY_IN_USE" => Some(r#"{"policyARN":"arn:aws:iam::aws:policy/AWSSupportAccess"}"#),
        "IAM_USER_UNUSED_CREDENTIALS_CHECK" => Some(r#"{"maxCredentialUsageAge":"90"}"#),
        _ => None,
    }
}

/// Makes rules in one account, and deletes them again.
pub(super) struct Config {
    config: SdkConfig,
    /// Region and name of those made.
    made: Vec<(String, String)>,
}

impl Config {
    pub(super) fn new(config: SdkConfig) -> Self {
        Self { config, made: Vec::new() }
    }

    fn client(&self, region: &str) -> Result<Client, ReenactError> {
        in_region(&self.config, region).map(|config| Client::new(&config)).map_err(|bad| not_enough(&bad.to_string()))
    }

    /// Makes the managed rule that the name reads like, unless a rule of that name is there. Says so if there is none to make: the finding
    /// is then that of a rule which is gone.
    pub(super) async fn make_rule(
        &mut self,
        change: &ComplianceChange,
        region: &str,
    ) -> Result<Option<String>, ReenactError> {
        let client = self.client(region)?;
        let name = &change.rule_name;
        let found = client.describe_config_rules().config_rule_names(name).send().await;
        if found.is_ok_and(|found| !found.config_rules().is_empty()) {
            return Ok(None);
        }
        let Some(known) = reads_like(name) else {
            return Ok(Some(format!("no managed rule is known by the name of `{name}`, so there is no such rule")));
        };
        let source = Source::builder().owner(Owner::Aws).source_identifier(known.identifier).build();
        let source = source.map_err(|error| not_enough(&error.to_string()))?;
        let rule = ConfigRule::builder().config_rule_name(name).source(source);
        let rule = rule.set_input_parameters(required_parameters(known.identifier).map(str::to_owned)).build();
        let made = client.put_config_rule().config_rule(rule).send().await;
        made.map_err(|error| CallError::new("PutConfigRule", &error))?;
        self.made.push((region.to_owned(), name.clone()));
        Ok(None)
    }

    /// Deletes what was made, and says what could not be.
    pub(super) async fn clean_up(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        for (region, name) in std::mem::take(&mut self.made) {
            let Ok(client) = self.client(&region) else { continue };
            if let Err(error) = client.delete_config_rule().config_rule_name(&name).send().await {
                left.push(format!("{name} in {region}: {}", CallError::new("DeleteConfigRule", &error)));
            }
        }
        left
    }
}
