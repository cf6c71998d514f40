//! Whose a finding is.

use super::NAME;
use crate::config::{Behind, ManagedRule};
use crate::decision::Decision;
use crate::event::{Event, Origin};
use crate::foresee;
use crate::settings::Settings;

/// Something that a person is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// What a managed rule looks for that is known and that nothing is done about.
    Known(&'static ManagedRule),
    /// A managed rule found it of which another function takes care, but not for resources of this type: it does not hear of them.
    Unheard(&'static ManagedRule),
    /// A rule found it of which nothing is known.
    Other(Other),
    /// Somebody outside can reach a resource.
    ExternalAccess,
}

/// A rule of AWS Config of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// One of AWS's that is not in [`crate::config::MANAGED_RULES`].
    Managed,
    /// One of somebody's own.
    Custom,
    /// One that is gone, or was never there.
    Gone,
    /// It was not asked what is behind its name.
    Unasked,
}

impl Finding {
    /// Whether only the first that a rule finds is mailed: what the rule looks for is somebody else's to know, and it may look at anything.
    pub fn folds(self) -> bool {
        matches!(self, Self::Other(_))
    }
}

/// Says whose a finding is.
pub fn detect(event: &Event, _settings: &Settings) -> Decision<Finding> {
    let change = match &event.origin {
        Origin::CloudTrail => return Decision::Ignore("a call is no finding".to_owned()),
        Origin::AccessAnalyzer(_) => return Decision::Violation(Finding::ExternalAccess),
        Origin::Config(change) => change,
    };
    if let Some(known) = change.managed_rule() {
        return match change.asks_of(NAME) {
            Ok(_) => Decision::Violation(Finding::Known(known)),
            Err(reason) if is_heard_by(known.function, event) => Decision::Ignore(reason),
            Err(_) => Decision::Violation(Finding::Unheard(known)),
        };
    }
    match &change.behind {
        Some(Behind::Managed { .. }) => Decision::Violation(Finding::Other(Other::Managed)),
        Some(Behind::Custom) => Decision::Violation(Finding::Other(Other::Custom)),
        Some(Behind::Gone) => Decision::Violation(Finding::Other(Other::Gone)),
        None => Decision::Candidate(Finding::Other(Other::Unasked)),
    }
}

/// Whether a function gets the event: what is left to one that does not would be told by nobody.
fn is_heard_by(function: &str, event: &Event) -> bool {
    foresee::FUNCTIONS.iter().any(|known| known.name == function && known.gets(event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MANAGED_RULES, May};
    use crate::event::parse;
    use serde_json::{Value, json};

    fn found(behind: Option<Behind>, resource_type: &str) -> Decision<Finding> {
        let raw = json!({"detail-type": "Config Rules Compliance Change", "source": "aws.config", "detail": {
            "configRuleName": "r", "resourceType": resource_type, "resourceId": "i",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}});
        let mut event = parse(&raw).unwrap();
        let Origin::Config(change) = &mut event.origin else { unreachable!() };
        change.behind = behind;
        detect(&event, &Settings::default())
    }

    fn managed(identifier: &str) -> Option<Behind> {
        Some(Behind::Managed { identifier: identifier.to_owned(), parameters: Value::Null })
    }

    #[test]
    fn what_is_told_here_is_told_whatever_resource_it_is_about() {
        for rule in MANAGED_RULES.iter().filter(|rule| rule.function == NAME) {
            assert_eq!(rule.may, May::Tell, "{rule:?}");
            for kind in ["AWS::::Account", "AWS::IAM::User", "odd"] {
                assert_eq!(found(managed(rule.identifier), kind), Decision::Violation(Finding::Known(rule)));
            }
        }
    }

    /// Nothing hears of a type that there is not: whoever else a rule is for, it is told.
    #[test]
    fn what_the_function_of_a_rule_does_not_hear_is_told() {
        for rule in MANAGED_RULES.iter().filter(|rule| rule.function != NAME) {
            assert_eq!(found(managed(rule.identifier), "odd"), Decision::Violation(Finding::Unheard(rule)));
        }
    }

    #[test]
    fn a_rule_of_which_nothing_is_known_is_told() {
        for (behind, other) in [
            (managed("EC2_EBS_ENCRYPTION_BY_DEFAULT"), Other::Managed),
            (Some(Behind::Custom), Other::Custom),
            (Some(Behind::Gone), Other::Gone),
        ] {
            assert_eq!(found(behind, "AWS::::Account"), Decision::Violation(Finding::Other(other)));
        }
        assert_eq!(found(None, "AWS::::Account"), Decision::Candidate(Finding::Other(Other::Unasked)));
    }
}
