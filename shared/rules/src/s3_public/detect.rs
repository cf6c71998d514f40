//! What an event opened, as far as the event tells.

use serde_json::Value;

use super::acl::{Grant, Grantee, requested};
use super::block::Block;
use super::judge::{Circle, outsiders, public_statements, public_statements_of_access_point};
use super::{Scope, found};
use crate::command::is_account_id;
use crate::decision::Decision;
use crate::event::{Event, Origin};
use crate::json::{field, items, text};
use crate::language::Localized;
use crate::policy;
use crate::settings::{Mode, Settings};
use crate::{localized, say};

/// What an event opened, or may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The account that it is in.
    pub account: String,
    /// Where the bucket is, if the event's own region does not say so.
    pub region: Option<String>,
    /// What.
    pub opened: Opened,
}

/// What was changed, and how.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// The account's block. What it was before is not in the event.
    Account(AccountChange),
    /// A bucket.
    Bucket {
        /// Its name.
        bucket: String,
        /// What of it.
        change: BucketChange,
    },
    /// An access point.
    AccessPoint {
        /// Its name.
        name: String,
        /// Its bucket, if the event says so.
        bucket: Option<String>,
        /// What of it.
        change: AccessPointChange,
    },
    /// What is only told.
    Told(Told),
}

/// What became of the account's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// It was set to this.
    Set(Block),
    /// It was deleted.
    Deleted,
    /// It was found not to be wholly on.
    Found,
}

impl AccountChange {
    /// What it is by the event; `None` if only the account can tell.
    pub fn told(self) -> Option<Block> {
        match self {
            Self::Set(block) => Some(block),
            Self::Deleted => Some(Block::OFF),
            Self::Found => None,
        }
    }
}

/// What of a bucket was changed.
#[derive(Clone, Debug, PartialEq)]
pub enum BucketChange {
    /// Its block: what it was set to, or `None` if it was deleted.
    Block(Option<Block>),
    /// Its policy; `None` if the event does not hold it in a form that can be read.
    Policy(Option<Value>),
    /// Its access control list; `None` if the event does not hold it. Also that of a new bucket.
    Acl(Option<Vec<Grant>>),
    /// The access control list of an object in it.
    ObjectAcl {
        /// The object's key.
        key: String,
        /// Its version, if the call named one.
        version_id: Option<String>,
        /// The grants; `None` if the event does not hold them.
        grants: Option<Vec<Grant>>,
    },
    /// Nobody knows what: it was found open. So all of the bucket counts, its block, its policy and its access control list.
    Found(Ground),
}

/// What was found of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// That everybody can read it or write to it.
    Public,
    /// That its block is not wholly on.
    Block,
    /// That somebody outside the account can reach it.
    Outside {
        /// Whether that is everybody.
        is_public: bool,
        /// Whether it is, or may be, through an access point, also one of several.
        is_through_point: bool,
    },
}

/// What of an access point was changed.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessPointChange {
    /// It was made, with this block, which can't be changed any more.
    Created(Block),
    /// Its policy; `None` if the event does not hold it in a form that can be read.
    Policy(Option<Value>),
}

/// What snapback does not take back.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A multi-Region access point that may be public.
    MultiRegion {
        /// Its name, if the event says so.
        name: Option<String>,
        /// What of it is public, or may be.
        reasons: Vec<Localized>,
    },
    /// A bucket whose access control lists count from now on.
    AclsEnabled {
        /// The bucket.
        bucket: String,
        /// Its object ownership; `None` if the setting was deleted.
        ownership: Option<String>,
    },
}

/// What of an event is certain by its own content, and looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opens {
    /// Something public.
    pub public: bool,
    /// A policy that lets in another account.
    pub outsiders: bool,
}

/// Decides on one of S3's calls, or on what was found.
pub fn detect(event: &Event, settings: &Settings) -> Decision<Finding> {
    match &event.origin {
        Origin::CloudTrail => by_call(event, settings),
        Origin::Config(change) => found::by_config(event, change, settings),
        Origin::AccessAnalyzer(access) => found::by_access_analyzer(event, access, settings),
    }
}

fn by_call(event: &Event, settings: &Settings) -> Decision<Finding> {
    let finding = match read(event) {
        Ok(Some(finding)) => finding,
        Ok(None) => return ignore("it sets nothing that could be public"),
        Err(missing) => return Decision::Unreadable(missing),
    };
    // An access point is of the account that made it, whosever its bucket is.
    let is_of_bucket = matches!(finding.opened, Opened::Bucket { .. } | Opened::Told(Told::AclsEnabled { .. }));
    if let Some(owner) = other_owner(event).filter(|_| is_of_bucket) {
        return Decision::Ignore(format!("the bucket is account {owner}'s, which has an event of its own"));
    }
    let scope = Scope::of(settings, finding.bucket());
    match finding.document() {
        // A policy that only denies is no matter of ours. Of any other AWS is asked whether it is public, also where nothing was found.
        Some(_) if !scope.public && !scope.cross_account => {
            return ignore("the bucket is one of PublicBuckets, and S3CrossAccountMode is `off`");
        }
        Some(Some(document)) if policy::only_denies(document) => return ignore("the policy only denies"),
        Some(_) => {}
        None => match finding.grants() {
            // Whose a canonical user id is, only the account can tell, which shows its own in the list.
            Some(grants) => {
                if let Some(reason) = reason_to_ignore_list(event, grants, scope) {
                    return ignore(reason);
                }
            }
            None if !scope.public => return not_looked_for(settings),
            None => {}
        },
    }
    match opens(&finding, settings, finding.bucket()) {
        Opens { public: false, outsiders: false } => match &finding.opened {
            Opened::Account(_) | Opened::Bucket { change: BucketChange::Block(_), .. } => {
                ignore("all four switches are on")
            }
            Opened::AccessPoint { change: AccessPointChange::Created(_), .. } => {
                ignore("all four switches of the access point are on")
            }
            Opened::Told(_) => ignore("the multi-Region access point is not public"),
            Opened::Bucket { .. } | Opened::AccessPoint { .. } => Decision::Candidate(finding),
        },
        _ => Decision::Violation(finding),
    }
}

/// What a finding opens for certain, in a bucket of that name: the event does not always have it.
pub fn opens(finding: &Finding, settings: &Settings, bucket: Option<&str>) -> Opens {
    let scope = Scope::of(settings, bucket);
    let document = finding.document().flatten();
    let is_public = match &finding.opened {
        Opened::Account(change) => change.told().is_some_and(|block| !block.is_on()),
        Opened::Bucket { change: BucketChange::Block(block), .. } => !block.is_some_and(Block::is_on),
        // It was open, but need not be any more.
        Opened::Bucket { change: BucketChange::Found(_), .. } => false,
        Opened::AccessPoint { change: AccessPointChange::Created(block), .. } => !block.is_on(),
        Opened::Told(Told::MultiRegion { reasons, .. }) => !reasons.is_empty(),
        Opened::Told(Told::AclsEnabled { .. }) => true,
        Opened::AccessPoint { change: AccessPointChange::Policy(_), .. } => {
            document.is_some_and(|document| !public_statements_of_access_point(document).is_empty())
        }
        Opened::Bucket { change: BucketChange::Policy(_), .. } => {
            document.is_some_and(|document| !public_statements(document).is_empty())
        }
        Opened::Bucket { change: BucketChange::Acl(grants) | BucketChange::ObjectAcl { grants, .. }, .. } => {
            grants.iter().flatten().any(|grant| grant.grantee.is_public())
        }
    };
    let circle = Circle { account: &finding.account, trusted: &settings.trusted_accounts, owner_id: None };
    let lets_in = |document| outsiders(document, &circle).iter().any(|outsider| outsider.is_certain);
    Opens { public: scope.public && is_public, outsiders: scope.cross_account && document.is_some_and(lets_in) }
}

impl BucketChange {
    /// The policy, if one was written and the event holds it.
    pub fn document(&self) -> Option<&Value> {
        match self {
            Self::Policy(document) => document.as_ref(),
            Self::Block(_) | Self::Acl(_) | Self::ObjectAcl { .. } | Self::Found(_) => None,
        }
    }
}

impl AccessPointChange {
    /// The policy, if one was written and the event holds it.
    pub fn document(&self) -> Option<&Value> {
        match self {
            Self::Policy(document) => document.as_ref(),
            Self::Created(_) => None,
        }
    }
}

impl Finding {
    /// Whether the event holds all of what was written.
    pub fn is_told_in_full(&self) -> bool {
        self.document() != Some(None) && self.grants() != Some(None) && !self.is_found()
    }

    /// Whether it was found, and nobody knows what opened it.
    pub(super) fn is_found(&self) -> bool {
        matches!(
            self.opened,
            Opened::Account(AccountChange::Found) | Opened::Bucket { change: BucketChange::Found(_), .. }
        )
    }

    /// The bucket, as far as the event names it.
    pub(super) fn bucket(&self) -> Option<&str> {
        match &self.opened {
            Opened::Bucket { bucket, .. } | Opened::Told(Told::AclsEnabled { bucket, .. }) => Some(bucket.as_str()),
            Opened::AccessPoint { bucket, .. } => bucket.as_deref(),
            Opened::Account(_) | Opened::Told(Told::MultiRegion { .. }) => None,
        }
    }

    /// The policy, if one was written; `None` in it if the event does not hold it.
    pub(super) fn document(&self) -> Option<Option<&Value>> {
        match &self.opened {
            Opened::Bucket { change: change @ BucketChange::Policy(_), .. } => Some(change.document()),
            Opened::AccessPoint { change: change @ AccessPointChange::Policy(_), .. } => Some(change.document()),
            _ => None,
        }
    }

    /// The grants, if a list was written; `None` in it if the event does not hold them.
    pub(super) fn grants(&self) -> Option<Option<&[Grant]>> {
        match &self.opened {
            Opened::Bucket { change: BucketChange::Acl(grants) | BucketChange::ObjectAcl { grants, .. }, .. } => {
                Some(grants.as_deref())
            }
            _ => None,
        }
    }
}

/// The account that the bucket is of, if the event says that it is not the event's
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html>).
fn other_owner(event: &Event) -> Option<String> {
    let buckets = event.resources.as_array().into_iter().flatten();
    let mut buckets = buckets.filter(|resource| text(resource, "type").as_deref() == Some("AWS::S3::Bucket"));
    let owner = text(buckets.next()?, "accountId").filter(|owner| is_account_id(owner))?;
    let account = event.account.as_deref().filter(|account| is_account_id(account))?;
    (owner != account).then_some(owner)
}

pub(super) fn not_looked_for(settings: &Settings) -> Decision<Finding> {
    match settings.s3_public_mode {
        Mode::Off => ignore("S3PublicMode is `off`"),
        _ => ignore("the bucket is one of PublicBuckets"),
    }
}

fn reason_to_ignore_list(event: &Event, grants: Option<&[Grant]>, scope: Scope) -> Option<&'static str> {
    let Some(grants) = grants else {
        return match event.name.as_str() {
            "CreateBucket" => Some("a bucket without grants is private"),
            _ if !scope.public && !scope.cross_account => Some("neither rule looks at this bucket"),
            _ => None,
        };
    };
    let matters = |grant: &Grant| match grant.grantee {
        Grantee::Group(_) => scope.public && grant.grantee.is_public(),
        Grantee::User(_) => scope.cross_account,
        // Not understood, or named by an address: the account tells.
        Grantee::Other(_) => scope.public || scope.cross_account,
    };
    (!grants.iter().any(matters)).then_some("no grant is for everybody, unless in a bucket that may be public")
}

fn ignore(reason: &str) -> Decision<Finding> {
    Decision::Ignore(reason.to_owned())
}

/// Reads what an event changed, without judging it; `None` if that can't be public.
///
/// # Errors
/// Says what was missing, and where.
pub fn read(event: &Event) -> Result<Option<Finding>, Localized> {
    let request = &event.request;
    let account = event.account.clone().or_else(|| account_of_host(request)).filter(|account| is_account_id(account));
    let bucket = || text(request, "bucketName").ok_or_else(|| absent("bucketName"));
    let bucket_change = |change| bucket().map(|bucket| Opened::Bucket { bucket, change });
    let block = || Block::read(part(request, "PublicAccessBlockConfiguration"));
    let opened = match event.name.as_str() {
        "PutAccountPublicAccessBlock" => Opened::Account(AccountChange::Set(block())),
        "DeleteAccountPublicAccessBlock" => Opened::Account(AccountChange::Deleted),
        "PutBucketPublicAccessBlock" => bucket_change(BucketChange::Block(Some(block())))?,
        "DeleteBucketPublicAccessBlock" => bucket_change(BucketChange::Block(None))?,
        // The API's own names are the same for both levels.
        "PutPublicAccessBlock" if bucket().is_ok() => bucket_change(BucketChange::Block(Some(block())))?,
        "DeletePublicAccessBlock" if bucket().is_ok() => bucket_change(BucketChange::Block(None))?,
        "PutPublicAccessBlock" if account_of_host(request).is_some() => Opened::Account(AccountChange::Set(block())),
        "DeletePublicAccessBlock" if account_of_host(request).is_some() => Opened::Account(AccountChange::Deleted),
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => {
            return Err(localized!(
                "neither `bucketName` nor an account's `host` in the request",
                "リクエストに `bucketName` もアカウントの `host` もありません"
            ));
        }
        "PutBucketPolicy" => {
            let written = [field(request, "bucketPolicy"), field(request, "policy")];
            let document = written.into_iter().find_map(|written| policy::parse(written).ok());
            bucket_change(BucketChange::Policy(document))?
        }
        "PutBucketAcl" => bucket_change(BucketChange::Acl(requested(request)))?,
        "CreateBucket" => created(request, bucket()?),
        "PutObjectAcl" => {
            let key = text(request, "key").ok_or_else(|| absent("key"))?;
            let version_id = text(request, "versionId").or_else(|| text(&event.response, "x-amz-version-id"));
            bucket_change(BucketChange::ObjectAcl { key, version_id, grants: requested(request) })?
        }
        "CreateAccessPoint" => match access_point_block(request) {
            Some(block) => access_point(event, AccessPointChange::Created(block))?,
            None => return Ok(None),
        },
        "PutAccessPointPolicy" => {
            let document = policy::parse(part(request, "Policy")).ok();
            access_point(event, AccessPointChange::Policy(document))?
        }
        "CreateMultiRegionAccessPoint" | "PutMultiRegionAccessPointPolicy" => Opened::Told(multi_region(event)),
        "DeleteBucketOwnershipControls" => Opened::Told(Told::AclsEnabled { bucket: bucket()?, ownership: None }),
        "PutBucketOwnershipControls" => match ownership(request) {
            Some(ownership) if ownership == "BucketOwnerEnforced" => return Ok(None),
            ownership => Opened::Told(Told::AclsEnabled { bucket: bucket()?, ownership }),
        },
        other => {
            return Err(localized!(
                "`{other}` makes nothing public",
                "`{other}` は何かをパブリックにする呼び出しではありません"
            ));
        }
    };
    let account = account.ok_or_else(|| localized!("no `recipientAccountId`", "`recipientAccountId` がありません"))?;
    let region = (event.name == "CreateBucket").then(|| location(request)).flatten();
    Ok(Some(Finding { account, region, opened }))
}

/// A new bucket: with its grants, or told if its access control lists count.
fn created(request: &Value, bucket: String) -> Opened {
    let grants = requested(request);
    let is_for_somebody = |grant: &Grant| !matches!(grant.grantee, Grantee::Group(_)) || grant.grantee.is_public();
    let is_given = grants.as_ref().is_some_and(|grants| grants.iter().any(is_for_somebody));
    let ownership = ["x-amz-object-ownership", "x_amz_object_ownership"].into_iter();
    let ownership = ownership.flat_map(|name| policy::texts(request, name)).next();
    match ownership {
        Some(ownership) if ownership != "BucketOwnerEnforced" && !is_given => {
            Opened::Told(Told::AclsEnabled { bucket, ownership: Some(ownership) })
        }
        _ => Opened::Bucket { bucket, change: BucketChange::Acl(grants) },
    }
}

/// The region that a new bucket was put in, if the request says so; `EU` is the old name of eu-west-1
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html>).
fn location(request: &Value) -> Option<String> {
    let location = text(field(request, "CreateBucketConfiguration"), "LocationConstraint")?;
    Some(if location == "EU" { "eu-west-1".to_owned() } else { location })
}

/// The block of a new access point, which has all switches on unless the request says otherwise; `None` if the access point can be
/// reached only from inside a VPC, and so is never public
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status>).
fn access_point_block(request: &Value) -> Option<Block> {
    if text(part(request, "VpcConfiguration"), "VpcId").is_some() {
        return None;
    }
    let configuration = part(request, "PublicAccessBlockConfiguration");
    // A request that does not even hold the bucket is in a form that is not known: the account tells.
    let is_readable = text(request, "bucketName").is_some() || part(request, "Bucket").is_string();
    Some(if configuration.is_null() && is_readable { Block::ON } else { Block::read(configuration) })
}

fn access_point(event: &Event, change: AccessPointChange) -> Result<Opened, Localized> {
    let request = &event.request;
    let name = text(request, "name").or_else(|| text(request, "accessPointName"));
    let name = name.or_else(|| part(request, "Name").as_str().map(str::to_owned));
    // Only the call that makes an access point names its bucket; what else says so is anybody's text.
    let is_made = matches!(change, AccessPointChange::Created(_));
    let bucket = text(request, "bucketName").or_else(|| part(request, "Bucket").as_str().map(str::to_owned));
    let bucket = bucket.filter(|_| is_made);
    let name = name.ok_or_else(|| {
        localized!("no `name` of an access point in the request", "リクエストにアクセスポイントの `name` がありません")
    })?;
    Ok(Opened::AccessPoint { name, bucket, change })
}

/// A multi-Region access point, whose changes are carried out later and elsewhere: only what the request says is known.
fn multi_region(event: &Event) -> Told {
    let details = part(&event.request, "Details");
    let mut reasons = Vec::new();
    if event.name == "CreateMultiRegionAccessPoint" {
        let block = field(details, "PublicAccessBlock");
        if !details.is_object() {
            reasons.push(localized!(
                "the event does not hold its public access block",
                "ブロックパブリックアクセスの設定がイベントに含まれていません"
            ));
        } else if !block.is_null() && !Block::read(block).is_on() {
            let off = Block::read(block).off().join(", ");
            reasons.push(localized!(
                "its public access block, which can't be changed later, is without {off}",
                "ブロックパブリックアクセスの {off} が無効で、後から変更できません"
            ));
        }
    } else {
        match policy::parse(field(details, "Policy")) {
            Ok(document) => {
                let statements = public_statements_of_access_point(&document).into_iter();
                reasons.extend(statements.map(|statement| {
                    Localized::new(|language| {
                        let reason = statement.reason.of(language);
                        say!(language, "its policy is public: {reason}", "ポリシーがパブリックです: {reason}")
                    })
                }));
            }
            Err(problem) => reasons.push(Localized::new(|language| {
                let problem = problem.of(language);
                say!(language, "its policy in the event {problem}", "イベント内のポリシードキュメント{problem}")
            })),
        }
    }
    Told::MultiRegion { name: text(details, "Name"), reasons }
}

fn ownership(request: &Value) -> Option<String> {
    items(field(request, "OwnershipControls"), "Rule").into_iter().find_map(|rule| text(rule, "ObjectOwnership"))
}

/// A part of a request: S3 control's calls have theirs in an object named after the call, such as `CreateAccessPointRequest`.
fn part<'a>(request: &'a Value, name: &str) -> &'a Value {
    let inner = request.as_object().into_iter().flatten().filter(|(key, _)| key.ends_with("Request"));
    let places = std::iter::once(request).chain(inner.map(|(_, value)| value));
    places.map(|place| field(place, name)).find(|part| !part.is_null()).unwrap_or(&Value::Null)
}

/// The account in S3 control's host name: `123456789012.s3-control.us-east-1.amazonaws.com`.
fn account_of_host(request: &Value) -> Option<String> {
    let host = policy::texts(request, "host").into_iter().next()?;
    let (account, rest) = host.split_once('.')?;
    (is_account_id(account) && rest.starts_with("s3-control")).then(|| account.to_owned())
}

fn absent(name: &str) -> Localized {
    localized!("no `{name}` in the request", "リクエストに `{name}` がありません")
}
