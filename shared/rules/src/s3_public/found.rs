//! What AWS Config and IAM Access Analyzer found, as far as they tell: that something is open, and of what, but neither what nor by whom.

use super::detect::{AccountChange, BucketChange, Finding, Ground, Opened, not_looked_for};
use super::{NAME, Scope};
use crate::access_analyzer::ExternalAccess;
use crate::command::{is_account_id, is_bucket_name};
use crate::config::ComplianceChange;
use crate::decision::Decision;
use crate::event::Event;
use crate::language::Localized;
use crate::localized;
use crate::settings::{Mode, Settings};

/// The types under which AWS Config has an account's public access block. The first is also that of rules on other matters of the account.
const ACCOUNT: [&str; 2] = ["AWS::::Account", "AWS::S3::AccountPublicAccessBlock"];

/// The managed rule that is about a bucket's block alone, whether or not anything in the bucket is public
/// (<https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-level-public-access-prohibited.html>).
const OF_BUCKETS_BLOCK: &str = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED";

/// What begins the identifiers of the managed rules that are about the account's block.
const OF_ACCOUNTS_BLOCK: &str = "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS";

/// Decides on what a rule of AWS Config found. The rules on buckets don't look at the lists of objects, nor at access points.
pub(super) fn by_config(event: &Event, change: &ComplianceChange, settings: &Settings) -> Decision<Finding> {
    if let Some(reason) = change.not_for(NAME) {
        return Decision::Ignore(reason);
    }
    let identifier = change.managed_rule().map(|rule| rule.identifier);
    let is_of_account = identifier.is_some_and(|identifier| identifier.starts_with(OF_ACCOUNTS_BLOCK));
    let account = match account_of(event) {
        Ok(account) => account,
        Err(problem) => return Decision::Unreadable(problem),
    };
    let is_account = ACCOUNT.contains(&change.resource_type.as_str());
    if identifier.is_some() && is_account != is_of_account {
        return Decision::Unreadable(localized!(
            "the rule is not one on a resource of this `resourceType`",
            "このルールは、この `resourceType` のリソースを対象とするものではありません"
        ));
    }
    let opened = if is_account {
        if change.resource_id != account {
            return Decision::Unreadable(localized!(
                "`resourceId` is not the account's id",
                "`resourceId` がこのアカウントの ID ではありません"
            ));
        }
        if settings.s3_public_mode == Mode::Off {
            return not_looked_for(settings);
        }
        Opened::Account(AccountChange::Found)
    } else {
        let bucket = change.resource_id.clone();
        if !is_bucket_name(&bucket) {
            return Decision::Unreadable(localized!(
                "`resourceId` is not the name of a bucket",
                "`resourceId` がバケット名ではありません"
            ));
        }
        if !Scope::of(settings, Some(&bucket)).public {
            return not_looked_for(settings);
        }
        let ground = if identifier == Some(OF_BUCKETS_BLOCK) { Ground::Block } else { Ground::Public };
        Opened::Bucket { bucket, change: BucketChange::Found(ground) }
    };
    Decision::Candidate(Finding { account, region: None, opened })
}

/// Decides on what IAM Access Analyzer found.
pub(super) fn by_access_analyzer(event: &Event, access: &ExternalAccess, settings: &Settings) -> Decision<Finding> {
    let account = match account_of(event) {
        Ok(account) => account,
        Err(problem) => return Decision::Unreadable(problem),
    };
    let Some(bucket) = bucket_of_arn(&access.resource) else {
        return Decision::Unreadable(localized!(
            "`resource` is not the ARN of a bucket",
            "`resource` がバケットの ARN ではありません"
        ));
    };
    let scope = Scope::of(settings, Some(bucket));
    if !scope.public && !scope.cross_account {
        return not_looked_for(settings);
    }
    // https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_FindingSource.html
    let is_through_point = match access.sources.as_slice() {
        // What is public and not told by what may be so through one. What lets in another account is not told apart from what was closed.
        [] => access.is_public,
        sources => sources.iter().any(|source| source.contains("ACCESS_POINT")),
    };
    let ground = Ground::Outside { is_public: access.is_public, is_through_point };
    let opened = Opened::Bucket { bucket: bucket.to_owned(), change: BucketChange::Found(ground) };
    Decision::Candidate(Finding { account, region: None, opened })
}

/// The name in a bucket's ARN: `arn:aws:s3:::name`.
fn bucket_of_arn(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "s3", "", "", name] if partition.starts_with("aws") => {
            Some(*name).filter(|name| is_bucket_name(name))
        }
        _ => None,
    }
}

/// The account that it is in, which has to be the one that was told.
fn account_of(event: &Event) -> Result<String, Localized> {
    match (event.not_of_this_account(), &event.account) {
        (Some(problem), _) => Err(problem),
        (None, Some(account)) if is_account_id(account) => Ok(account.clone()),
        (None, _) => {
            Err(localized!("the event does not say of which account it is", "イベントからアカウントがわかりません"))
        }
    }
}
