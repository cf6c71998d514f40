//! The guardrails of all functions.

use access_key::AccessKey;
use aws_config::SdkConfig;
use findings::Findings;
use iam_user::IamUser;
use role_trust::RoleTrust;
use root_activity::RootActivity;
use runtime::AnyGuardrail;
use s3_public::S3Public;
use security_group::SecurityGroup;

/// All guardrails, as the functions have them.
pub(crate) fn all(config: &SdkConfig) -> Vec<Box<dyn AnyGuardrail>> {
    vec![
        Box::new(IamUser::new(config.clone())),
        Box::new(AccessKey::new(config.clone())),
        Box::new(S3Public::new(config.clone())),
        Box::new(SecurityGroup::new(config.clone())),
        Box::new(RoleTrust::new(config.clone())),
        Box::new(RootActivity::default()),
        Box::new(Findings::new(config.clone())),
    ]
}
