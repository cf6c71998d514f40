//! Rule `role-trust`: roles that somebody outside the account may assume, and identity providers, which vouch for such people.
//!
//! Outside is whoever is not of this account, of `TrustedAccounts` or of this account's organization, and no AWS service. The way
//! through the modules: [`detect`] reads the event, [`judge`] says who of a trust policy is outside, the function reads the role's trust
//! policy as it is, [`plan::plan`] says what to take out of it, [`report`] says what came of it.

pub mod detect;
pub mod foresee;
pub mod judge;
pub mod plan;
pub mod report;

use crate::decision::{ResourceTypes, Subscription};

/// The rule's and the function's name.
pub const NAME: &str = "role-trust";

/// The calls that can let somebody outside assume a role, or vouch for those who do, and the roles that IAM Access Analyzer finds open to
/// somebody outside.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription::calls(
        "aws.iam",
        "iam.amazonaws.com",
        &[
            "CreateRole",
            "UpdateAssumeRolePolicy",
            "CreateSAMLProvider",
            "UpdateSAMLProvider",
            "CreateOpenIDConnectProvider",
            "AddClientIDToOpenIDConnectProvider",
            "UpdateOpenIDConnectProviderThumbprint",
        ],
    ),
    Subscription::access_analyzer(ResourceTypes::Only(&["AWS::IAM::Role"])),
];
