//! Rules `s3-public` and `s3-cross-account`: buckets and access points that everybody can reach, or another account.
//!
//! The way through the modules: [`detect`] reads the event, with [`block`], [`acl`] and [`judge`] saying what in it is public, or the finding; the function reads the bucket as it is; [`plan`] says what to close and what to put right; [`report`] says what came of it.

pub mod acl;
pub mod block;
pub mod detect;
pub mod foresee;
mod found;
pub mod judge;
pub mod plan;
pub mod report;

use crate::decision::{ResourceTypes, Subscription};
use crate::settings::{Mode, Settings};

/// The function's name, and its first rule's.
pub const NAME: &str = "s3-public";

/// The calls that can make something in S3 public, or give another account access to it, and what is found of that. S3 control's calls have the
/// same source.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription::calls(
        "aws.s3",
        "s3.amazonaws.com",
        &[
            "PutAccountPublicAccessBlock",
            "DeleteAccountPublicAccessBlock",
            "PutBucketPublicAccessBlock",
            "DeleteBucketPublicAccessBlock",
            "PutPublicAccessBlock",
            "DeletePublicAccessBlock",
            "PutBucketPolicy",
            "PutBucketAcl",
            "PutObjectAcl",
            "CreateBucket",
            "CreateAccessPoint",
            "PutAccessPointPolicy",
            "CreateMultiRegionAccessPoint",
            "PutMultiRegionAccessPointPolicy",
            "PutBucketOwnershipControls",
            "DeleteBucketOwnershipControls",
        ],
    ),
    Subscription::config(ResourceTypes::Only(&[
        "AWS::S3::Bucket",
        "AWS::S3::AccountPublicAccessBlock",
        "AWS::::Account",
    ])),
    Subscription::access_analyzer(ResourceTypes::Only(&["AWS::S3::Bucket"])),
];

/// The mode of the function: `off` only if both of its rules are.
pub fn mode(settings: &Settings) -> Mode {
    match settings.s3_public_mode {
        Mode::Off => settings.s3_cross_account_mode,
        mode => mode,
    }
}

/// What is looked for in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Public access.
    pub public: bool,
    /// Another account's access.
    pub cross_account: bool,
}

impl Scope {
    /// What the settings want of a bucket, whose name is not always known at once.
    pub fn of(settings: &Settings, bucket: Option<&str>) -> Self {
        let may_be_public = bucket.is_some_and(|bucket| settings.public_buckets.contains(bucket));
        Self {
            public: settings.s3_public_mode != Mode::Off && !may_be_public,
            cross_account: settings.s3_cross_account_mode != Mode::Off,
        }
    }
}
