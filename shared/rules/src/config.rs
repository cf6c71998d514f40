//! What AWS Config tells: that a rule of it found a resource non-compliant.
//!
//! The event names the rule as somebody named it; what the rule looks for is its managed rule's identifier, which only `DescribeConfigRules`
//! tells. [`MANAGED_RULES`] says which function has to do with which identifier.
//! <https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html>

use serde_json::Value;

use crate::command::is_user_id;
use crate::decision::Decision;
use crate::event::Event;
use crate::json::{at, scalar, text};
use crate::language::Localized;
use crate::{access_key, findings, iam_user, localized, s3_public, security_group};

/// The `detail-type` of its events.
pub const COMPLIANCE_CHANGE: &str = "Config Rules Compliance Change";

/// The `complianceType` that there is something to do about.
pub const NON_COMPLIANT: &str = "NON_COMPLIANT";

/// A resource as a rule of AWS Config judged it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComplianceChange {
    /// `configRuleName`: what the rule is called in the account. A conformance pack and Security Hub add to it.
    pub rule_name: String,
    /// `resourceType`, such as `AWS::EC2::SecurityGroup`.
    pub resource_type: String,
    /// `resourceId`: of an IAM user its id (`AIDA…`), of a bucket its name, of the account its number.
    pub resource_id: String,
    /// `complianceType`: `COMPLIANT`, [`NON_COMPLIANT`], `NOT_APPLICABLE` or `INSUFFICIENT_DATA`.
    pub compliance: String,
    /// `annotation`: the rule's own words on it, if any.
    pub annotation: Option<String>,
    /// What is behind the rule's name; `None` until it was asked for.
    pub behind: Option<Behind>,
}

/// What is behind the name of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Behind {
    /// One of AWS's managed rules.
    Managed {
        /// `Source.SourceIdentifier`, such as `INCOMING_SSH_DISABLED`.
        identifier: String,
        /// `InputParameters`; `null` if there are none, their text if they are no JSON.
        parameters: Value,
    },
    /// A rule of somebody's own.
    Custom,
    /// No rule of that name is there any more.
    Gone,
}

/// What a function may do about what a managed rule found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// What its mode says, if `ConfigFindings` is `revert`.
    Repair,
    /// The same, but nothing is deleted that can't be put back: it is only shut off.
    ShutOff,
    /// Tell.
    Tell,
}

/// A managed rule and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagedRule {
    /// `Source.SourceIdentifier`.
    pub identifier: &'static str,
    /// The name that AWS suggests for it.
    pub default_name: &'static str,
    /// The function that has to do with it.
    pub function: &'static str,
    /// What that may do.
    pub may: May,
}

const fn rule(identifier: &'static str, default_name: &'static str, function: &'static str, may: May) -> ManagedRule {
    ManagedRule { identifier, default_name, function, may }
}

/// The managed rules that a function knows. Of any other the function [`findings`] tells, once.
/// <https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html>
#[rustfmt::skip]
pub const MANAGED_RULES: &[ManagedRule] = &[
    rule("IAM_USER_NO_POLICIES_CHECK", "iam-user-no-policies-check", iam_user::NAME, May::Repair),
    rule("ACCESS_KEYS_ROTATED", "access-keys-rotated", access_key::NAME, May::ShutOff),
    rule("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC", "s3-account-level-public-access-blocks-periodic", s3_public::NAME, May::Repair),
    rule("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS", "s3-account-level-public-access-blocks", s3_public::NAME, May::Repair),
    rule("S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", "s3-bucket-level-public-access-prohibited", s3_public::NAME, May::Repair),
    rule("S3_BUCKET_PUBLIC_READ_PROHIBITED", "s3-bucket-public-read-prohibited", s3_public::NAME, May::Repair),
    rule("S3_BUCKET_PUBLIC_WRITE_PROHIBITED", "s3-bucket-public-write-prohibited", s3_public::NAME, May::Repair),
    rule("INCOMING_SSH_DISABLED", "restricted-ssh", security_group::NAME, May::Repair),
    rule("RESTRICTED_INCOMING_TRAFFIC", "restricted-common-ports", security_group::NAME, May::Repair),
    rule("VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS", "vpc-sg-open-only-to-authorized-ports", security_group::NAME, May::Repair),
    rule("IAM_USER_GROUP_MEMBERSHIP_CHECK", "iam-user-group-membership-check", findings::NAME, May::Tell),
    rule("IAM_USER_MFA_ENABLED", "iam-user-mfa-enabled", findings::NAME, May::Tell),
    rule("IAM_USER_UNUSED_CREDENTIALS_CHECK", "iam-user-unused-credentials-check", findings::NAME, May::Tell),
    rule("IAM_POLICY_IN_USE", "iam-policy-in-use", findings::NAME, May::Tell),
    rule("IAM_PASSWORD_POLICY", "iam-password-policy", findings::NAME, May::Tell),
    rule("IAM_ROOT_ACCESS_KEY_CHECK", "iam-root-access-key-check", findings::NAME, May::Tell),
    rule("ROOT_ACCOUNT_MFA_ENABLED", "root-account-mfa-enabled", findings::NAME, May::Tell),
    rule("CLOUD_TRAIL_ENABLED", "cloudtrail-enabled", findings::NAME, May::Tell),
];

impl ComplianceChange {
    /// Reads `detail` of an event.
    ///
    /// # Errors
    /// Says what was missing.
    pub(crate) fn read(detail: &Value) -> Result<Self, Localized> {
        let absent = |name: &str| localized!("no `{name}` in `detail`", "`detail` に `{name}` がありません");
        let result = at(detail, &["newEvaluationResult"]);
        let qualifier = at(result, &["evaluationResultIdentifier", "evaluationResultQualifier"]);
        let told = |name: &str| text(detail, name).or_else(|| text(qualifier, name)).ok_or_else(|| absent(name));
        Ok(Self {
            rule_name: told("configRuleName")?,
            resource_type: told("resourceType")?,
            resource_id: told("resourceId")?,
            compliance: text(result, "complianceType").ok_or_else(|| absent("newEvaluationResult.complianceType"))?,
            annotation: text(result, "annotation"),
            behind: None,
        })
    }

    /// The managed rule behind it, if it is one that a function knows.
    pub fn managed_rule(&self) -> Option<&'static ManagedRule> {
        match &self.behind {
            Some(Behind::Managed { identifier, .. }) => {
                MANAGED_RULES.iter().find(|known| known.identifier == identifier)
            }
            _ => None,
        }
    }

    /// What a function may do about it; else why it is not for it.
    ///
    /// # Errors
    /// The reason in words, for the log.
    pub fn asks_of(&self, function: &str) -> Result<May, String> {
        match self.managed_rule() {
            Some(known) if known.function == function => Ok(known.may),
            Some(known) => Err(format!("what `{}` finds is for `{}`", known.identifier, known.function)),
            None => Err(format!("the rule `{}` is none that this function knows", self.rule_name)),
        }
    }

    /// Why it is not for a function, in words, for the log. As long as nobody has asked what is behind the rule's name, it may be for any.
    pub(crate) fn not_for(&self, function: &str) -> Option<String> {
        self.behind.as_ref().and_then(|_| self.asks_of(function).err())
    }
}

/// Decides on what a rule found about an IAM user, whose id `finding` gets; it may say what it did not understand.
pub(crate) fn of_user<F>(
    event: &Event,
    change: &ComplianceChange,
    function: &str,
    finding: impl FnOnce(&str) -> Result<F, Localized>,
) -> Decision<F> {
    if let Some(reason) = change.not_for(function) {
        return Decision::Ignore(reason);
    }
    if let Some(problem) = event.not_of_this_account() {
        return Decision::Unreadable(problem);
    }
    if is_user_id(&change.resource_id) {
        return finding(&change.resource_id).map_or_else(Decision::Unreadable, Decision::Candidate);
    }
    Decision::Unreadable(localized!(
        "`resourceId` in `detail` is not the id of an IAM user",
        "`detail` の `resourceId` が IAM ユーザーの ID ではありません"
    ))
}

/// The managed rule that a rule's name reads like: with something in front or behind, as a conformance pack and Security Hub add it. A name
/// proves nothing, so nothing is decided by it.
pub fn reads_like(rule_name: &str) -> Option<&'static ManagedRule> {
    let fitting = MANAGED_RULES.iter().filter(|known| rule_name.contains(known.default_name));
    fitting.max_by_key(|known| known.default_name.len())
}

/// When AWS Config recorded it.
pub(crate) fn recorded_at(detail: &Value) -> Option<String> {
    scalar(at(detail, &["newEvaluationResult", "resultRecordedTime"]))
        .or_else(|| text(detail, "notificationCreationTime"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Origin, parse};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn each_identifier_is_there_once() {
        let identifiers: BTreeSet<&str> = MANAGED_RULES.iter().map(|known| known.identifier).collect();
        let names: BTreeSet<&str> = MANAGED_RULES.iter().map(|known| known.default_name).collect();
        assert_eq!((identifiers.len(), names.len()), (MANAGED_RULES.len(), MANAGED_RULES.len()));
    }

    /// An id is looked for in this account only, so a user of another would seem to be gone.
    #[test]
    fn a_user_of_another_account_is_told_and_not_looked_for() {
        let decided = |account: &str| {
            let raw = json!({"detail-type": COMPLIANCE_CHANGE, "account": "123456789012", "detail": {"awsAccountId": account,
                "configRuleName": "r", "resourceType": "AWS::IAM::User", "resourceId": "AIDAQ3C7TN4YKEXAMPLE",
                "newEvaluationResult": {"complianceType": NON_COMPLIANT}}});
            let event = parse(&raw).unwrap();
            let Origin::Config(change) = &event.origin else { unreachable!() };
            of_user(&event, change, iam_user::NAME, |id| Ok(id.to_owned()))
        };
        assert_eq!(decided("123456789012"), Decision::Candidate("AIDAQ3C7TN4YKEXAMPLE".to_owned()));
        assert!(matches!(decided("111122223333"), Decision::Unreadable(_)));
    }

    #[test]
    fn what_is_added_to_a_name_does_not_hide_it() {
        let like = |name: &str| reads_like(name).map(|known| known.identifier);
        assert_eq!(like("restricted-ssh"), Some("INCOMING_SSH_DISABLED"));
        assert_eq!(like("securityhub-restricted-ssh-baa2cf8c"), Some("INCOMING_SSH_DISABLED"));
        assert_eq!(
            like("s3-account-level-public-access-blocks-periodic-conformance-pack-abc123"),
            Some("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC")
        );
        assert_eq!(like("our-own"), None);
    }
}
