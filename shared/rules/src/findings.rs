//! Rules `config-finding` and `external-access`: what AWS Config and IAM Access Analyzer found, where no guardrail has a repair for it.
//!
//! Nothing is changed, so there is no plan.

use crate::decision::{ResourceTypes, Subscription};

/// The function's name.
pub const NAME: &str = "findings";

/// What AWS Config finds of any resource, and IAM Access Analyzer of all that no guardrail repairs.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription::config(ResourceTypes::All),
    Subscription::access_analyzer(ResourceTypes::AllBut(&["AWS::S3::Bucket", "AWS::IAM::Role"])),
];
