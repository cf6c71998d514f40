//! Tells of what AWS Config and IAM Access Analyzer found, where no guardrail has a repair for it.
//!
//! The rules are in `rules::findings`. Nothing of the account is changed; what is read of it is what is behind the names of AWS Config's
//! rules. Of a rule of which nothing is known only the first finding is mailed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use rules::findings::detect::{self, Finding};
use rules::findings::report::report;
use rules::findings::{NAME, SUBSCRIPTIONS};
use rules::settings::Mode;
use rules::{Decision, Event, Origin, Settings, Subscription};
use runtime::{ConfigRules, Guardrail, Invocation, Remedied};

/// How many rules are remembered. An account may have 1,000 of them in a region.
const MOST_RULES: usize = 1_000;

/// The guardrail, with what it remembers of rules.
pub struct Findings {
    config_rules: ConfigRules,
    openers: Mutex<VecDeque<Opener>>,
}

/// The finding of a rule that was given to be mailed.
struct Opener {
    region: Option<String>,
    rule_name: String,
    /// The event's identity.
    event: String,
}

impl Findings {
    /// Clients are made from `config` as regions are needed.
    pub fn new(config: SdkConfig) -> Self {
        Self { config_rules: ConfigRules::new(config), openers: Mutex::default() }
    }

    /// Whether this process has mailed another finding of the event's rule. If not, this one is to be mailed: what SNS did not take counts
    /// for nothing, and the next is mailed instead. What an event without an id found is always mailed, because a repeat of it could not be
    /// recognised.
    fn is_told_of_rule(&self, event: &Event, is_told: impl Fn(&str) -> bool) -> bool {
        let (Origin::Config(change), Some(identity)) = (&event.origin, &event.identity) else { return false };
        let mut openers = self.openers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of_rule = |opener: &Opener| opener.rule_name == change.rule_name && opener.region == event.region;
        if let Some(opener) = openers.iter().find(|opener| is_of_rule(opener))
            && is_told(&opener.event)
        {
            // Of a repeat of the very event that was mailed, the runtime sees that it is told.
            return opener.event != *identity;
        }
        openers.retain(|opener| !is_of_rule(opener));
        if openers.len() >= MOST_RULES {
            openers.pop_front();
        }
        let (region, rule_name) = (event.region.clone(), change.rule_name.clone());
        openers.push_back(Opener { region, rule_name, event: identity.clone() });
        false
    }
}

impl Guardrail for Findings {
    type Finding = Finding;

    fn name(&self) -> &'static str {
        NAME
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        SUBSCRIPTIONS
    }

    fn mode(&self, _settings: &Settings) -> Mode {
        Mode::Alert
    }

    fn config_rules(&self) -> Option<&ConfigRules> {
        Some(&self.config_rules)
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        if finding.folds() && self.is_told_of_rule(event, |identity| invocation.has_told(identity)) {
            return Remedied::Folded("another finding of this rule was mailed before".to_owned());
        }
        Remedied::Report(Box::new(report(event, *finding, invocation.settings.alert_language)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::event;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let findings = Findings::new(SdkConfig::builder().build());
        let told = |rule: usize, id: &str| {
            let raw = json!({"detail-type": "Config Rules Compliance Change", "id": id, "region": "eu-west-1", "detail": {
                "configRuleName": format!("rule-{rule}"), "resourceType": "t", "resourceId": "r",
                "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}});
            findings.is_told_of_rule(&event::parse(&raw).unwrap(), |_| true)
        };
        for rule in 0..MOST_RULES {
            assert!(!told(rule, "first"));
        }
        assert!(told(0, "second") && told(MOST_RULES - 1, "second"));
        assert!(!told(MOST_RULES, "first"));
        assert_eq!(findings.openers.lock().unwrap().len(), MOST_RULES);
        assert!(!told(0, "third") && told(2, "third"));
    }
}
