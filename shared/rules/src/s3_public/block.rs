//! Public access blocks: four switches, at the level of an account, a bucket or an access point
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>).

use std::fmt;

use serde_json::Value;

use crate::json::text;
use crate::language::Language;
use crate::say;

/// The four switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// `BlockPublicAcls`: refuses new public ACLs.
    pub block_public_acls: bool,
    /// `IgnorePublicAcls`: existing public ACLs count for nothing.
    pub ignore_public_acls: bool,
    /// `BlockPublicPolicy`: refuses new public policies.
    pub block_public_policy: bool,
    /// `RestrictPublicBuckets`: an existing public policy lets in the account itself and AWS services only.
    pub restrict_public_buckets: bool,
}

impl Block {
    /// All switches on.
    pub const ON: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };

    /// All switches off, as where there is no block.
    pub const OFF: Self = Self {
        block_public_acls: false,
        ignore_public_acls: false,
        block_public_policy: false,
        restrict_public_buckets: false,
    };

    /// Reads a `PublicAccessBlockConfiguration`. A switch that is not there is off, as S3 takes it
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PublicAccessBlockConfiguration.html>).
    pub fn read(configuration: &Value) -> Self {
        let is_on = |name| text(configuration, name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Self {
            block_public_acls: is_on("BlockPublicAcls"),
            ignore_public_acls: is_on("IgnorePublicAcls"),
            block_public_policy: is_on("BlockPublicPolicy"),
            restrict_public_buckets: is_on("RestrictPublicBuckets"),
        }
    }

    /// Whether all four are on.
    pub fn is_on(self) -> bool {
        self == Self::ON
    }

    /// Which are on, in a mail's language.
    pub fn of(self, language: Language) -> String {
        match self.off().join(", ") {
            off if off.is_empty() => say!(language, "all four switches on", "4 つの設定すべてが有効"),
            off => say!(language, "off: {off}", "無効: {off}"),
        }
    }

    /// The names of those that are off.
    pub fn off(self) -> Vec<&'static str> {
        let switches = [
            (self.block_public_acls, "BlockPublicAcls"),
            (self.ignore_public_acls, "IgnorePublicAcls"),
            (self.block_public_policy, "BlockPublicPolicy"),
            (self.restrict_public_buckets, "RestrictPublicBuckets"),
        ];
        switches.into_iter().filter(|(is_on, _)| !is_on).map(|(_, name)| name).collect()
    }
}

impl fmt::Display for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_switch_is_on_only_if_it_says_so() {
        let all = json!({"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "BlockPublicAcls": true, "IgnorePublicAcls": "true",
            "BlockPublicPolicy": "TRUE", "restrictPublicBuckets": true});
        assert!(Block::read(&all).is_on());
        let mut one_off = all.clone();
        one_off["BlockPublicPolicy"] = json!(false);
        assert_eq!(Block::read(&one_off).off(), ["BlockPublicPolicy"]);
        for nothing in [json!({}), json!(null), json!(""), json!({"BlockPublicAcls": "yes"})] {
            assert_eq!(Block::read(&nothing), Block::OFF, "{nothing}");
        }
    }
}
