//! Rule `security-group`: inbound rules of EC2 security groups that are open to the world.
//!
//! Open to the world means: for some protocol and port, the union of a group's inbound sources, prefix lists included, holds more
//! public addresses than [`crate::public::WidestPublic`] allows. The way through the modules: [`detect`] reads the event, the
//! function reads the account into [`plan::Live`], [`plan::plan`] says what to take away, [`report`] says what came of it.

pub mod canary;
pub mod detect;
pub mod exposure;
pub mod foresee;
pub mod plan;
pub mod report;
pub mod traffic;

use crate::decision::{ResourceTypes, Subscription};

/// The rule's and the function's name.
pub const NAME: &str = "security-group";

/// The calls that can open a group to the world, and what AWS Config finds of groups.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription::calls(
        "aws.ec2",
        "ec2.amazonaws.com",
        &[
            "AuthorizeSecurityGroupIngress",
            "ModifySecurityGroupRules",
            "ModifyManagedPrefixList",
            "RestoreManagedPrefixListVersion",
        ],
    ),
    Subscription::config(ResourceTypes::Only(&["AWS::EC2::SecurityGroup"])),
];
