//! The guardrails of all functions.

use aws_config::SdkConfig;
use root_activity::RootActivity;
use runtime::AnyGuardrail;
use security_group::SecurityGroup;

/// All guardrails, as the functions have them.
pub(crate) fn all(config: &SdkConfig) -> Vec<Box<dyn AnyGuardrail>> {
    vec![Box::new(SecurityGroup::new(config.clone())), Box::new(RootActivity::default())]
}
