//! Rules `config-finding` and `external-access`: what AWS Config and IAM Access Analyzer found, where no guardrail has a repair for it.
//!
//! Nothing is changed, so there is no plan: [`detect`] says whose a finding is, [`report`] tells those that are nobody else's. What a rule
//! finds of which nothing is known is mailed once; [`detect::Finding::folds`] says so, and the function remembers it.

pub mod detect;
pub mod foresee;
pub mod report;

use crate::decision::{ResourceTypes, Subscription};

/// The function's name.
pub const NAME: &str = "findings";

/// The rule on what AWS Config found.
pub const CONFIG_FINDING: &str = "config-finding";

/// The rule on what IAM Access Analyzer found.
pub const EXTERNAL_ACCESS: &str = "external-access";

/// What AWS Config finds of any resource, and IAM Access Analyzer of all that no guardrail repairs.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription::config(ResourceTypes::All),
    Subscription::access_analyzer(ResourceTypes::AllBut(&["AWS::S3::Bucket", "AWS::IAM::Role"])),
];
