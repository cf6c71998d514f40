//! What would be done about a finding, going by the event alone.

use super::detect::{Finding, Other};
use super::{CONFIG_FINDING, EXTERNAL_ACCESS};
use crate::config::reads_like;
use crate::event::{Event, Origin};
use crate::foresee::{Foreseen, Word};
use crate::settings::Settings;

/// What the function would do about a finding: it tells, if it is the one to tell.
pub fn foresee(finding: &Finding, event: &Event, _settings: &Settings) -> Foreseen {
    match &event.origin {
        Origin::AccessAnalyzer(access) => {
            let who = if access.is_public { "everybody" } else { "somebody outside" };
            let (kind, resource) = (&access.resource_type, &access.resource);
            let what = match access.error {
                Some(_) => format!("it is not known who can reach {kind} {resource}: it could not be analyzed"),
                None => format!("{who} can reach {kind} {resource}"),
            };
            let word = Word::told("only told: snapback changes nothing of such a resource");
            Foreseen::new(EXTERNAL_ACCESS, access.resource.clone(), what, word)
        }
        Origin::Config(change) => {
            let (rule, kind) = (&change.rule_name, &change.resource_type);
            let what = format!("the rule {rule} of AWS Config found it non-compliant ({kind})");
            let word = match finding {
                Finding::Known(_) => Word::told("only told: it takes a person"),
                Finding::Unheard(known) => {
                    Word::told(format!("only told: `{}` does not hear of such a resource", known.function))
                }
                Finding::Other(Other::Unasked) => {
                    let name = reads_like(rule).map_or_else(String::new, |known| {
                        format!(", which is like that of `{}` for `{}`", known.identifier, known.function)
                    });
                    Word::depends(format!("which managed rule is behind that name{name}"))
                }
                Finding::Other(_) | Finding::ExternalAccess => {
                    Word::told("only told, and only the first that the rule finds")
                }
            };
            Foreseen::new(CONFIG_FINDING, change.resource_id.clone(), what, word)
        }
        Origin::CloudTrail => Foreseen::new(CONFIG_FINDING, "", "a call", Word::nothing("a call is no finding")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use crate::findings::detect::detect;
    use crate::foresee::Verdict;
    use crate::{Decision, config};
    use serde_json::json;

    #[test]
    fn without_an_account_a_rules_name_is_not_believed() {
        let raw = json!({"detail-type": "Config Rules Compliance Change", "source": "aws.config", "detail": {
            "configRuleName": "securityhub-iam-user-mfa-enabled-1234", "resourceType": "AWS::IAM::User", "resourceId": "AIDA",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}});
        let mut event = parse(&raw).unwrap();
        let foreseen = |event: &Event| match detect(event, &Settings::default()) {
            Decision::Violation(finding) | Decision::Candidate(finding) => {
                foresee(&finding, event, &Settings::default())
            }
            other => panic!("{other:?}"),
        };
        let without = foreseen(&event);
        assert_eq!((without.verdict, without.rule), (Verdict::Depends, CONFIG_FINDING));
        assert!(
            without.reason().contains("behind that name, which is like that of `IAM_USER_MFA_ENABLED` for `findings`")
        );
        let Origin::Config(change) = &mut event.origin else { unreachable!() };
        let identifier = "IAM_USER_MFA_ENABLED".to_owned();
        change.behind = Some(config::Behind::Managed { identifier, parameters: serde_json::Value::Null });
        assert_eq!(foreseen(&event).verdict, Verdict::Alert);
    }

    #[test]
    fn access_from_outside_is_told() {
        let raw = json!({"detail-type": "Access Analyzer Finding", "source": "aws.access-analyzer", "detail": {
            "id": "f", "status": "ACTIVE", "resourceType": "AWS::SQS::Queue", "resource": "arn:aws:sqs:us-east-1:1:q", "isPublic": true}});
        let foreseen = foresee(&Finding::ExternalAccess, &parse(&raw).unwrap(), &Settings::default());
        assert_eq!((foreseen.verdict, foreseen.rule), (Verdict::Alert, EXTERNAL_ACCESS));
        assert!(foreseen.reason().starts_with("everybody can reach AWS::SQS::Queue"), "{}", foreseen.reason());
    }
}
