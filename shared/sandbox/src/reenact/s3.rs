//! Re-enacting calls of S3: the public access blocks of account and buckets, policies, access control lists, access points.
//!
//! Names stay as the events have them. In an account that is not a stand-in nothing is touched that is there already, and its own public
//! access block, which is for all of its buckets, never.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types as s3;
use aws_sdk_s3control::Client as Control;
use aws_sdk_s3control::types as control;
use rules::command::is_account_id;
use rules::event::Event;
use rules::json::{field, items, text};
use rules::policy;
use rules::s3_public::acl::{Grant, Grantee, requested};
use rules::s3_public::block::Block;
use rules::text::quote;
use runtime::CallError;
use runtime::clients::in_region;
use serde_json::{Value, json};

use super::{ReenactError, not_enough, record_mut};

/// The calls that can be made again. Those of multi-Region access points can't: they are carried out later, in other regions.
const CALLS: &[&str] = &[
    "CreateAccessPoint",
    "CreateBucket",
    "DeleteAccountPublicAccessBlock",
    "DeleteBucketOwnershipControls",
    "DeleteBucketPublicAccessBlock",
    "DeletePublicAccessBlock",
    "PutAccessPointPolicy",
    "PutAccountPublicAccessBlock",
    "PutBucketAcl",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutObjectAcl",
    "PutPublicAccessBlock",
];

/// The calls that are not made again, but handed over as they are.
const NOT_AGAIN: &[&str] = &["CreateMultiRegionAccessPoint", "PutMultiRegionAccessPointPolicy"];

/// The account that a stand-in is.
const STAND_IN_ACCOUNT: &str = "123456789012";

/// An object in every bucket that is made here, to see who can read it.
const MARKER: &str = "snapback-replay.txt";

/// What stands for the list of a bucket's objects among what anybody can read.
pub const LISTING: &str = "the list of objects";

/// What the buckets and access points of a re-enactment are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The account's block, without one all switches off; `None` if no event is about it, or the account is no stand-in.
    pub account_block: Option<Block>,
    /// By name.
    pub buckets: BTreeMap<String, Bucket>,
    /// By name.
    pub access_points: BTreeMap<String, AccessPoint>,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// Its own block, without one all switches off.
    pub block: Block,
    /// Its policy.
    pub policy: Option<Value>,
    /// Whether AWS calls the policy public (`GetBucketPolicyStatus`); `None` without a policy.
    pub is_policy_public: Option<bool>,
    /// The owner's canonical user id.
    pub owner: String,
    /// The grants of its access control list.
    pub grants: BTreeSet<Grant>,
    /// Its object ownership, if it is set.
    pub ownership: Option<String>,
    /// The grants of the objects that events are about: of the newest version by key, and of those that events name, see [`version_of`].
    pub objects: BTreeMap<String, BTreeSet<Grant>>,
    /// What anybody can read without signing in: keys of objects, [`LISTING`]. Looked at in a stand-in only.
    pub read_by_anybody: BTreeSet<String>,
}

/// An access point.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessPoint {
    /// The bucket behind it.
    pub bucket: String,
    /// Its block, which can't be changed.
    pub block: Block,
    /// Whether it can be reached only from inside a VPC, so that nothing of it is public.
    pub is_in_vpc: bool,
    /// Its policy.
    pub policy: Option<Value>,
    /// Whether AWS calls the policy public (`GetAccessPointPolicyStatus`); `None` without a policy.
    pub is_policy_public: Option<bool>,
}

/// How a version of an object is called in [`Bucket::objects`].
pub fn version_of(key: &str, version: &str) -> String {
    format!("{key} in version {version}")
}

impl State {
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.account_block.iter().map(|block| format!("account: {}", block_words(*block))).collect();
        for (name, bucket) in &self.buckets {
            let name = format!("bucket {}", quote(name));
            lines.push(format!("{name}: {}", block_words(bucket.block)));
            lines.extend(policy_lines(&name, bucket.policy.as_ref(), bucket.is_policy_public));
            lines.extend(bucket.grants.iter().map(|grant| format!("{name} grants {}", quote(&grant.to_string()))));
            lines.extend(bucket.ownership.iter().map(|owner| format!("{name} has object ownership {}", quote(owner))));
            for (key, grants) in &bucket.objects {
                let grants = grants.iter().map(|grant| quote(&grant.to_string()));
                lines.extend(grants.map(|grant| format!("{name} object {} grants {grant}", quote(key))));
            }
            lines.extend(bucket.read_by_anybody.iter().map(|what| format!("{name}: anybody reads {}", quote(what))));
        }
        for (name, point) in &self.access_points {
            let name = format!("access point {} of bucket {}", quote(name), quote(&point.bucket));
            lines.push(format!("{name}: {}", block_words(point.block)));
            lines.extend(policy_lines(&name, point.policy.as_ref(), point.is_policy_public));
        }
        lines
    }
}

fn block_words(block: Block) -> String {
    match block.off().as_slice() {
        [] => "public access block with all four switches on".to_owned(),
        [_, _, _, _] => "no public access block".to_owned(),
        off => format!("public access block without {}", off.join(", ")),
    }
}

/// A line for each statement, so that the loss of one shows.
fn policy_lines(name: &str, document: Option<&Value>, is_public: Option<bool>) -> Vec<String> {
    let Some(document) = document else { return Vec::new() };
    let statements = policy::statements(document).into_iter();
    let mut lines: Vec<String> =
        statements.map(|statement| format!("{name} has statement {}", quote(&statement.to_string()))).collect();
    lines.extend((is_public == Some(true)).then(|| format!("{name} has a policy that AWS calls public")));
    lines
}

/// Whether the call behind an event can be made here.
pub(super) fn can_be_made(event: &Event) -> bool {
    CALLS.contains(&event.name.as_str())
}

/// Whether an event is handed over as it is.
pub(super) fn is_not_made_again(event: &Event) -> bool {
    NOT_AGAIN.contains(&event.name.as_str())
}

/// The buckets and access points of one scenario.
pub(super) struct S3 {
    config: SdkConfig,
    /// By region.
    clients: Mutex<BTreeMap<String, Clients>>,
    prefix: String,
    may_use_existing: bool,
    /// The number of an account that is no stand-in, once it was asked for.
    number: Option<String>,
    /// Recorded ids, and the account's.
    ids: BTreeMap<String, String>,
    /// The account, and what its block was when it was first looked at.
    account: Option<(String, Option<Block>)>,
    /// What the events are about: buckets with their regions, keys of objects and versions that events name, access points with their
    /// accounts and regions. Only what is in `made` is ours.
    buckets: BTreeMap<String, String>,
    objects: BTreeSet<(String, String, Option<String>)>,
    access_points: BTreeMap<String, (String, String)>,
    /// What was created, in order.
    made: Vec<Made>,
}

/// The clients for one region.
#[derive(Clone)]
struct Clients {
    s3: Client,
    control: Control,
    /// Signs nothing.
    anybody: Client,
}

/// The owner of a bucket, the grants of its list, and those of its objects' lists by key.
type Acls = (String, BTreeSet<Grant>, BTreeMap<String, BTreeSet<Grant>>);

/// Something that was created, and is deleted at the end if it is still there.
#[derive(PartialEq)]
enum Made {
    Bucket(String),
    Object { bucket: String, key: String, version: Option<String> },
    AccessPoint(String),
}

impl S3 {
    pub(super) fn new(config: SdkConfig, prefix: &str, may_use_existing: bool) -> Self {
        Self {
            config,
            clients: Mutex::new(BTreeMap::new()),
            prefix: prefix.to_owned(),
            may_use_existing,
            number: None,
            ids: BTreeMap::new(),
            account: None,
            buckets: BTreeMap::new(),
            objects: BTreeSet::new(),
            access_points: BTreeMap::new(),
            made: Vec::new(),
        }
    }

    /// The event as if it were of this account, and what was changed for that. S3 control takes calls for the own account only, so that
    /// in a stand-in the number of the recorded one becomes its own, but in the actor.
    pub(super) fn in_this_account(&self, event: &Event, raw: &Value) -> Option<(Value, String)> {
        let recorded = event.account.as_deref().unwrap_or_default();
        if !self.may_use_existing || recorded == STAND_IN_ACCOUNT {
            return None;
        }
        let mut mapped = raw.clone();
        for part in ["requestParameters", "responseElements"] {
            if let Some(part) = record_mut(&mut mapped).get_mut(part).filter(|_| is_account_id(recorded)) {
                replace_text(part, recorded, STAND_IN_ACCOUNT);
            }
        }
        if let Some(envelope) = mapped.as_object_mut().filter(|envelope| envelope.contains_key("account")) {
            envelope.insert("account".to_owned(), json!(STAND_IN_ACCOUNT));
        }
        if let Some(record) = record_mut(&mut mapped).as_object_mut() {
            record.retain(|name, _| !name.eq_ignore_ascii_case("recipientAccountId"));
            record.insert("recipientAccountId".to_owned(), json!(STAND_IN_ACCOUNT));
        }
        Some((mapped, format!("account `{}` of the event is the stand-in's {STAND_IN_ACCOUNT} here", quote(recorded))))
    }

    /// Creates what the call needs, so that it succeeds as it did.
    pub(super) async fn prepare(&mut self, event: &Event, region: &str) -> Result<(), ReenactError> {
        let request = &event.request;
        if !self.may_use_existing {
            self.check_account(event).await?;
        }
        if self.may_use_existing && self.account.is_none() {
            let block = Box::pin(self.account_block(STAND_IN_ACCOUNT, region)).await?;
            self.account = Some((STAND_IN_ACCOUNT.to_owned(), block));
        }
        let is_of_bucket = text(request, "bucketName").is_some();
        match event.name.as_str() {
            "CreateBucket" => {
                let name = bucket_name(request)?;
                let place = location(request).unwrap_or_else(|| region.to_owned());
                if self.is_there(&name, &place).await? && !self.is_ours(&name) && !self.may_use_existing {
                    return Err(there_already(&format!("a bucket named `{name}`")));
                }
                self.buckets.insert(name, place);
                Ok(())
            }
            name if name.ends_with("PublicAccessBlock") && !is_of_bucket => {
                if !self.may_use_existing {
                    return Err(not_enough(
                        "the public access block of an account that is no stand-in is left alone, because it is for all of its buckets",
                    ));
                }
                let account = account_of(event)?;
                let before = (!asked_block(event).is_on()).then_some(Block::ON);
                Box::pin(self.write_account_block(&account, region, before)).await
            }
            name if name.ends_with("PublicAccessBlock") => {
                let bucket = self.ensure_bucket(request, region).await?;
                let before = if asked_block(event).is_on() { Block::OFF } else { Block::ON };
                Box::pin(self.write_block(&bucket, before)).await
            }
            "PutBucketPolicy" => {
                let bucket = self.ensure_bucket(request, region).await?;
                if names_everybody(&bucket_policy(request)?) {
                    Box::pin(self.lift_blocks(&bucket, region)).await?;
                }
                Ok(())
            }
            "PutBucketAcl" => {
                let bucket = self.ensure_bucket(request, region).await?;
                Box::pin(self.take_acls(&bucket, request, region)).await
            }
            "PutObjectAcl" => {
                let bucket = self.ensure_bucket(request, region).await?;
                Box::pin(self.take_acls(&bucket, request, region)).await?;
                let key = text(request, "key").ok_or_else(|| not_enough("no `key` in `requestParameters`"))?;
                Box::pin(self.ensure_object(&bucket, key, event)).await
            }
            "CreateAccessPoint" => {
                let name = access_point_name(request)?;
                let bucket = text(part_of(request, "Bucket"), "Bucket").or_else(|| text(request, "bucketName"));
                let bucket = bucket.ok_or_else(|| not_enough("no `Bucket` in `requestParameters`"))?;
                let account = account_of(event)?;
                let found = Box::pin(self.access_point(&name, &account, region)).await?;
                if found.is_some() && !self.may_use_existing {
                    return Err(there_already(&format!("an access point named `{name}`")));
                }
                self.ensure_bucket(&json!({ "bucketName": bucket }), region).await?;
                self.access_points.insert(name, (account, region.to_owned()));
                match access_point_block(request).is_on() {
                    true => Ok(()),
                    false => Box::pin(self.lift_blocks(&bucket, region)).await,
                }
            }
            "PutAccessPointPolicy" => Box::pin(self.prepare_access_point_policy(event, region)).await,
            _ => {
                let bucket = self.ensure_bucket(request, region).await?;
                let enforced = s3::ObjectOwnership::BucketOwnerEnforced;
                Box::pin(self.write_ownership(&bucket, enforced)).await
            }
        }
    }

    /// An event of another account would make something public here that the function, which keeps to the event's account, can't close.
    async fn check_account(&mut self, event: &Event) -> Result<(), ReenactError> {
        let recorded = account_of(event)?;
        if self.number.is_none() {
            // Whoever asks may have the answer (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>).
            let call = Box::pin(aws_sdk_sts::Client::new(&self.config).get_caller_identity().send()).await;
            self.number = call.map_err(|error| CallError::new("GetCallerIdentity", &error))?.account;
        }
        let own = self.number.as_deref().unwrap_or_default();
        match own == recorded {
            true => Ok(()),
            false => Err(not_enough(&format!(
                "the event is of account `{recorded}`, and this is account `{own}`: what it made public could not be closed here"
            ))),
        }
    }

    async fn prepare_access_point_policy(&mut self, event: &Event, region: &str) -> Result<(), ReenactError> {
        let request = &event.request;
        let name = access_point_name(request)?;
        let account = account_of(event)?;
        let found = Box::pin(self.access_point(&name, &account, region)).await?;
        let bucket = match found {
            Some(point) if self.may_use_existing || self.made.contains(&Made::AccessPoint(name.clone())) => {
                point.bucket
            }
            Some(_) => return Err(there_already(&format!("an access point named `{name}`"))),
            None => {
                let bucket = format!("{}-bucket", self.prefix);
                self.ensure_bucket(&json!({ "bucketName": bucket }), region).await?;
                // Whatever its policy says, it took it.
                self.make_access_point(&name, &bucket, &account, region, Some(Block::OFF), None).await?;
                bucket
            }
        };
        self.access_points.insert(name, (account, region.to_owned()));
        match names_everybody(&access_point_policy(request)?) {
            true => Box::pin(self.lift_blocks(&bucket, region)).await,
            false => Ok(()),
        }
    }

    /// Makes the call itself. Gives what had to be done differently, if anything.
    pub(super) async fn make(&mut self, event: &Event, region: &str) -> Result<Option<String>, ReenactError> {
        let request = &event.request;
        let bucket = text(request, "bucketName");
        let name = event.name.as_str();
        match (name, bucket) {
            ("CreateAccessPoint", _) => {
                let (name, account) = (access_point_name(request)?, account_of(event)?);
                let bucket = text(part_of(request, "Bucket"), "Bucket").or_else(|| text(request, "bucketName"));
                let vpc = text(field(part_of(request, "VpcConfiguration"), "VpcConfiguration"), "VpcId");
                let block = field(part_of(request, "PublicAccessBlockConfiguration"), "PublicAccessBlockConfiguration");
                let block = block.is_object().then(|| Block::read(block));
                let bucket = bucket.unwrap_or_default();
                self.make_access_point(&name, &bucket, &account, region, block, vpc).await?;
            }
            ("PutAccessPointPolicy", _) => {
                let call = self.control(region)?.put_access_point_policy().account_id(account_of(event)?);
                let call = call.name(access_point_name(request)?).policy(access_point_policy(request)?.to_string());
                Box::pin(call.send()).await.map_err(|error| CallError::new("PutAccessPointPolicy", &error))?;
            }
            (name, None) if name.ends_with("PublicAccessBlock") => {
                let block = name.starts_with("Put").then(|| asked_block(event));
                Box::pin(self.write_account_block(&account_of(event)?, region, block)).await?;
            }
            (_, None) => return Err(not_enough("no `bucketName` in `requestParameters`")),
            ("CreateBucket", Some(bucket)) => return Box::pin(self.create_as_recorded(&bucket, event)).await,
            ("PutBucketPolicy", Some(bucket)) => {
                let call = self.client_of(&bucket)?.put_bucket_policy().bucket(&bucket);
                let call = call.policy(bucket_policy(request)?.to_string());
                Box::pin(call.send()).await.map_err(|error| CallError::new("PutBucketPolicy", &error))?;
            }
            ("PutBucketAcl", Some(bucket)) => {
                let call = self.client_of(&bucket)?.put_bucket_acl().bucket(&bucket);
                let call = match canned(request) {
                    Some(name) => call.acl(name.as_str().into()),
                    None => call.access_control_policy(self.acl(request, &bucket).await?),
                };
                Box::pin(call.send()).await.map_err(|error| CallError::new("PutBucketAcl", &error))?;
            }
            ("PutObjectAcl", Some(bucket)) => {
                let call = self.client_of(&bucket)?.put_object_acl().bucket(&bucket);
                let call = call.set_key(text(request, "key"));
                let version = text(request, "versionId");
                let call = call.set_version_id(version.map(|version| self.live(&version)));
                let call = match canned(request) {
                    Some(name) => call.acl(name.as_str().into()),
                    None => call.access_control_policy(self.acl(request, &bucket).await?),
                };
                Box::pin(call.send()).await.map_err(|error| CallError::new("PutObjectAcl", &error))?;
            }
            ("PutBucketOwnershipControls", Some(bucket)) => {
                let rules = items(field(request, "OwnershipControls"), "Rule");
                let ownership = rules.into_iter().find_map(|rule| text(rule, "ObjectOwnership"));
                let ownership = ownership.ok_or_else(|| not_enough("no `ObjectOwnership` in `requestParameters`"))?;
                Box::pin(self.write_ownership(&bucket, ownership.as_str().into())).await?;
            }
            ("DeleteBucketOwnershipControls", Some(bucket)) => {
                let call = self.client_of(&bucket)?.delete_bucket_ownership_controls().bucket(&bucket);
                Box::pin(call.send()).await.map_err(|error| CallError::new("DeleteBucketOwnershipControls", &error))?;
            }
            (name, Some(bucket)) if name.starts_with("Put") => {
                Box::pin(self.put_block(&bucket, asked_block(event))).await?;
            }
            (_, Some(bucket)) => Box::pin(self.delete_block(&bucket)).await?,
        }
        Ok(None)
    }

    /// What the scenario's buckets and access points are now.
    pub(super) async fn state(&self) -> Result<State, ReenactError> {
        let mut state = State::default();
        let mut account_block = None;
        if let Some((account, _)) = &self.account {
            account_block = Box::pin(self.account_block(account, super::REGION_INSTEAD)).await?;
            state.account_block = Some(account_block.unwrap_or(Block::OFF));
        }
        for name in self.buckets.keys() {
            if let Some(bucket) = Box::pin(self.bucket(name, account_block)).await? {
                state.buckets.insert(name.clone(), bucket);
            }
        }
        for (name, (account, region)) in &self.access_points {
            if let Some(point) = Box::pin(self.access_point(name, account, region)).await? {
                state.access_points.insert(name.clone(), point);
            }
        }
        Ok(state)
    }

    /// Deletes what was created and is still there, sets the account's block back, and says what could not be done.
    pub(super) async fn clean_up(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        // A policy may deny the rest.
        for made in &self.made {
            if let Made::Bucket(name) = made
                && let Err(problem) = Box::pin(self.delete_policy(name)).await
            {
                left.push(problem.to_string());
            }
        }
        for made in std::mem::take(&mut self.made).into_iter().rev() {
            if let Err(problem) = Box::pin(self.delete(&made)).await {
                left.push(problem.to_string());
            }
        }
        if let Some((account, before)) = self.account.take() {
            let now = Box::pin(self.account_block(&account, super::REGION_INSTEAD)).await;
            let is_changed = now.is_ok_and(|now| now != before);
            if is_changed
                && let Err(problem) = Box::pin(self.write_account_block(&account, super::REGION_INSTEAD, before)).await
            {
                left.push(problem.to_string());
            }
        }
        left
    }

    async fn delete_policy(&self, bucket: &str) -> Result<(), ReenactError> {
        let call = Box::pin(self.client_of(bucket)?.delete_bucket_policy().bucket(bucket).send()).await;
        unless_missing("DeleteBucketPolicy", call)?;
        Ok(())
    }

    async fn delete(&self, made: &Made) -> Result<(), ReenactError> {
        match made {
            Made::Bucket(name) => {
                let call = self.client_of(name)?.delete_bucket().bucket(name).send();
                unless_missing("DeleteBucket", Box::pin(call).await)?;
            }
            Made::Object { bucket, key, version } => {
                let call = self.client_of(bucket)?.delete_object().bucket(bucket).key(key);
                let call = call.set_version_id(version.clone()).send();
                unless_missing("DeleteObject", Box::pin(call).await)?;
            }
            Made::AccessPoint(name) => {
                let Some((account, region)) = self.access_points.get(name) else { return Ok(()) };
                let call = self.control(region)?.delete_access_point().account_id(account).name(name).send();
                unless_missing("DeleteAccessPoint", Box::pin(call).await)?;
            }
        }
        Ok(())
    }

    /// A bucket with all that says who can reach it; `None` if there is none of that name.
    async fn bucket(&self, name: &str, account_block: Option<Block>) -> Result<Option<Bucket>, ReenactError> {
        let client = self.client_of(name)?;
        let Some(block) = Box::pin(self.own_block(name)).await? else { return Ok(None) };
        let acls = Box::pin(self.acls(name, block, account_block)).await?;
        let Some((owner, grants, objects)) = acls else { return Ok(None) };
        let document = Box::pin(client.get_bucket_policy().bucket(name).send()).await;
        let document = unless_missing("GetBucketPolicy", document)?.and_then(|found| found.policy);
        let is_policy_public = match &document {
            None => None,
            Some(_) => {
                let status = Box::pin(client.get_bucket_policy_status().bucket(name).send()).await;
                let status = unless_missing("GetBucketPolicyStatus", status)?;
                status.and_then(|found| found.policy_status()?.is_public())
            }
        };
        Ok(Some(Bucket {
            block: block.unwrap_or(Block::OFF),
            policy: document.map(|document| parsed(&document)),
            is_policy_public,
            owner,
            grants,
            ownership: Box::pin(self.ownership(name)).await?,
            objects,
            read_by_anybody: Box::pin(self.read_by_anybody(name)).await?,
        }))
    }

    async fn ownership(&self, bucket: &str) -> Result<Option<String>, ReenactError> {
        let found = Box::pin(self.client_of(bucket)?.get_bucket_ownership_controls().bucket(bucket).send()).await;
        let found = unless_missing("GetBucketOwnershipControls", found)?;
        let rule = found.as_ref().and_then(|found| found.ownership_controls()?.rules().first());
        Ok(rule.map(|rule| rule.object_ownership().as_str().to_owned()))
    }

    /// A bucket's own block, if it has one; `None` if there is no such bucket.
    async fn own_block(&self, bucket: &str) -> Result<Option<Option<Block>>, ReenactError> {
        let found = Box::pin(self.client_of(bucket)?.get_public_access_block().bucket(bucket).send()).await;
        match found.map_err(|error| CallError::new("GetPublicAccessBlock", &error)) {
            Ok(found) => {
                let block = found.public_access_block_configuration().map(|block| Block {
                    block_public_acls: block.block_public_acls() == Some(true),
                    ignore_public_acls: block.ignore_public_acls() == Some(true),
                    block_public_policy: block.block_public_policy() == Some(true),
                    restrict_public_buckets: block.restrict_public_buckets() == Some(true),
                });
                Ok(Some(block))
            }
            Err(error) => match error.code.as_deref() {
                Some("NoSuchBucket") => Ok(None),
                Some("NoSuchPublicAccessBlockConfiguration") => Ok(Some(None)),
                _ => Err(error.into()),
            },
        }
    }

    /// A bucket's owner, the grants of its list, and those of the lists of the objects that events are about.
    ///
    /// Where a block has S3 ignore public grants, S3 doesn't show them either (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>). In a stand-in, the
    /// blocks are taken away for that look, since what waits behind them matters.
    async fn acls(
        &self,
        bucket: &str,
        block: Option<Block>,
        account: Option<Block>,
    ) -> Result<Option<Acls>, ReenactError> {
        let is_hiding = [block, account].iter().flatten().any(|block| block.ignore_public_acls);
        let lifts = is_hiding && self.may_use_existing;
        if lifts {
            Box::pin(self.lift_blocks(bucket, super::REGION_INSTEAD)).await?;
        }
        let found = Box::pin(self.shown_acls(bucket)).await;
        if lifts {
            if let Some(block) = block {
                Box::pin(self.put_block(bucket, block)).await?;
            }
            if let (Some((name, _)), Some(block)) = (&self.account, account) {
                Box::pin(self.write_account_block(name, super::REGION_INSTEAD, Some(block))).await?;
            }
        }
        found
    }

    async fn shown_acls(&self, bucket: &str) -> Result<Option<Acls>, ReenactError> {
        let client = self.client_of(bucket)?;
        let acl = Box::pin(client.get_bucket_acl().bucket(bucket).send()).await;
        let Some(acl) = unless_missing("GetBucketAcl", acl)? else { return Ok(None) };
        let mut objects = BTreeMap::new();
        for (_, key, version) in self.objects.iter().filter(|(of, ..)| of == bucket) {
            let call = client.get_object_acl().bucket(bucket).key(key).set_version_id(version.clone());
            if let Some(acl) = unless_missing("GetObjectAcl", Box::pin(call.send()).await)? {
                let name = version.as_ref().map_or_else(|| key.clone(), |version| version_of(key, version));
                objects.insert(name, acl.grants().iter().map(grant).collect());
            }
        }
        let owner = acl.owner().and_then(|owner| owner.id()).unwrap_or_default().to_owned();
        Ok(Some((owner, acl.grants().iter().map(grant).collect(), objects)))
    }

    /// What can be read of a bucket without a signature.
    async fn read_by_anybody(&self, bucket: &str) -> Result<BTreeSet<String>, ReenactError> {
        let mut found = BTreeSet::new();
        if !self.may_use_existing {
            return Ok(found);
        }
        let Clients { anybody, .. } = self.clients(self.region_of(bucket))?;
        let named =
            self.objects.iter().filter(|(of, ..)| of == bucket).map(|(_, key, version)| (key.as_str(), version));
        for (key, version) in named.chain([(MARKER, &None)]) {
            let call = anybody.get_object().bucket(bucket).key(key).set_version_id(version.clone());
            if unless_refused("GetObject", Box::pin(call.send()).await)?.is_some() {
                found.insert(version.as_ref().map_or_else(|| key.to_owned(), |version| version_of(key, version)));
            }
        }
        let answer = Box::pin(anybody.list_objects_v2().bucket(bucket).max_keys(1).send()).await;
        if unless_refused("ListObjectsV2", answer)?.is_some() {
            found.insert(LISTING.to_owned());
        }
        Ok(found)
    }

    async fn access_point(&self, name: &str, account: &str, region: &str) -> Result<Option<AccessPoint>, ReenactError> {
        let client = self.control(region)?;
        let found = Box::pin(client.get_access_point().account_id(account).name(name).send()).await;
        let Some(found) = unless_missing("GetAccessPoint", found)? else { return Ok(None) };
        let document = Box::pin(client.get_access_point_policy().account_id(account).name(name).send()).await;
        let document = unless_missing("GetAccessPointPolicy", document)?.and_then(|found| found.policy);
        let is_policy_public = match &document {
            None => None,
            Some(_) => {
                let status = client.get_access_point_policy_status().account_id(account).name(name).send();
                let status = unless_missing("GetAccessPointPolicyStatus", Box::pin(status).await)?;
                status.and_then(|found| found.policy_status().map(|status| status.is_public()))
            }
        };
        Ok(Some(AccessPoint {
            bucket: found.bucket().unwrap_or_default().to_owned(),
            block: found.public_access_block_configuration().map_or(Block::OFF, control_block),
            is_in_vpc: found.vpc_configuration().is_some(),
            policy: document.map(|document| parsed(&document)),
            is_policy_public,
        }))
    }

    async fn account_block(&self, account: &str, region: &str) -> Result<Option<Block>, ReenactError> {
        let found = Box::pin(self.control(region)?.get_public_access_block().account_id(account).send()).await;
        let found = unless_missing("GetPublicAccessBlock", found)?;
        Ok(found.as_ref().and_then(|found| found.public_access_block_configuration()).map(control_block))
    }

    /// Sets the account's block, or deletes it.
    async fn write_account_block(&self, account: &str, region: &str, block: Option<Block>) -> Result<(), ReenactError> {
        let client = self.control(region)?;
        match block {
            Some(block) => {
                let call = client.put_public_access_block().account_id(account);
                let call = call.public_access_block_configuration(control_configuration(block));
                Box::pin(call.send()).await.map_err(|error| CallError::new("PutPublicAccessBlock", &error))?;
            }
            None => {
                let call = Box::pin(client.delete_public_access_block().account_id(account).send()).await;
                unless_missing("DeletePublicAccessBlock", call)?;
            }
        }
        Ok(())
    }

    /// A bucket's block as it is to be before the call; without one where all switches are off.
    async fn write_block(&self, bucket: &str, block: Block) -> Result<(), ReenactError> {
        match block {
            Block::OFF => Box::pin(self.delete_block(bucket)).await,
            block => Box::pin(self.put_block(bucket, block)).await,
        }
    }

    async fn put_block(&self, bucket: &str, block: Block) -> Result<(), ReenactError> {
        let configuration = s3::PublicAccessBlockConfiguration::builder()
            .block_public_acls(block.block_public_acls)
            .ignore_public_acls(block.ignore_public_acls)
            .block_public_policy(block.block_public_policy)
            .restrict_public_buckets(block.restrict_public_buckets)
            .build();
        let call = self.client_of(bucket)?.put_public_access_block().bucket(bucket);
        let call = Box::pin(call.public_access_block_configuration(configuration).send()).await;
        call.map_err(|error| CallError::new("PutPublicAccessBlock", &error))?;
        Ok(())
    }

    async fn delete_block(&self, bucket: &str) -> Result<(), ReenactError> {
        let call = Box::pin(self.client_of(bucket)?.delete_public_access_block().bucket(bucket).send()).await;
        unless_missing("DeletePublicAccessBlock", call)?;
        Ok(())
    }

    /// Takes away what would have S3 refuse something public: the bucket's block, and a stand-in's own.
    async fn lift_blocks(&self, bucket: &str, region: &str) -> Result<(), ReenactError> {
        Box::pin(self.delete_block(bucket)).await?;
        match &self.account {
            Some((account, _)) => Box::pin(self.write_account_block(account, region, None)).await,
            None => Ok(()),
        }
    }

    async fn write_ownership(&self, bucket: &str, ownership: s3::ObjectOwnership) -> Result<(), ReenactError> {
        let rule = s3::OwnershipControlsRule::builder().object_ownership(ownership).build();
        let rule = rule.map_err(|problem| not_enough(&problem.to_string()))?;
        let controls = s3::OwnershipControls::builder().rules(rule).build();
        let controls = controls.map_err(|problem| not_enough(&problem.to_string()))?;
        let call = self.client_of(bucket)?.put_bucket_ownership_controls().bucket(bucket);
        let call = Box::pin(call.ownership_controls(controls).send()).await;
        call.map_err(|error| CallError::new("PutBucketOwnershipControls", &error))?;
        Ok(())
    }

    /// Has a bucket take the access control list of a request: new buckets take none, and their block no public one
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>).
    async fn take_acls(&self, bucket: &str, request: &Value, region: &str) -> Result<(), ReenactError> {
        let found = Box::pin(self.ownership(bucket)).await?;
        if found.is_none_or(|ownership| ownership == "BucketOwnerEnforced") {
            Box::pin(self.write_ownership(bucket, s3::ObjectOwnership::ObjectWriter)).await?;
        }
        let is_public = |grant: &Grant| matches!(grant.grantee, Grantee::Group(_));
        match requested(request).is_some_and(|grants| grants.iter().any(is_public)) {
            true => Box::pin(self.lift_blocks(bucket, region)).await,
            false => Ok(()),
        }
    }

    /// The list that a request writes, with the bucket's owner in place of the recorded one.
    async fn acl(&mut self, request: &Value, bucket: &str) -> Result<s3::AccessControlPolicy, ReenactError> {
        let grants = requested(request).ok_or_else(|| not_enough("the event does not say what the list was set to"))?;
        let found = Box::pin(self.client_of(bucket)?.get_bucket_acl().bucket(bucket).send()).await;
        let found = found.map_err(|error| CallError::new("GetBucketAcl", &error))?;
        let owner = found.owner().and_then(|owner| owner.id()).unwrap_or_default().to_owned();
        if let Some(recorded) = text(field(field(request, "AccessControlPolicy"), "Owner"), "ID") {
            self.ids.insert(recorded, owner.clone());
        }
        let mut policy = s3::AccessControlPolicy::builder().owner(s3::Owner::builder().id(owner).build());
        for Grant { grantee, permission } in grants {
            let builder = s3::Grantee::builder();
            let builder = match grantee {
                Grantee::Group(uri) => builder.r#type(s3::Type::Group).uri(uri),
                Grantee::User(id) => builder.r#type(s3::Type::CanonicalUser).id(self.live(&id)),
                Grantee::Other(address) => builder.r#type(s3::Type::AmazonCustomerByEmail).email_address(address),
            };
            let grantee = builder.build().map_err(|problem| not_enough(&problem.to_string()))?;
            let grant = s3::Grant::builder().grantee(grantee).permission(permission.as_str().into()).build();
            policy = policy.grants(grant);
        }
        Ok(policy.build())
    }

    /// The bucket that a request is about, made if it is the first time.
    async fn ensure_bucket(&mut self, request: &Value, region: &str) -> Result<String, ReenactError> {
        let name = bucket_name(request)?;
        if self.buckets.contains_key(&name) && self.is_ours(&name) {
            return Ok(name);
        }
        if self.is_there(&name, region).await? {
            if !self.may_use_existing {
                return Err(there_already(&format!("a bucket named `{name}`")));
            }
            self.buckets.insert(name.clone(), region.to_owned());
            return Ok(name);
        }
        self.buckets.insert(name.clone(), region.to_owned());
        let call = self.create(&name, region, None)?.send();
        Box::pin(call).await.map_err(|error| CallError::new("CreateBucket", &error))?;
        self.made.push(Made::Bucket(name.clone()));
        self.put_object(&name, MARKER.to_owned()).await?;
        Ok(name)
    }

    /// A new bucket with what the request wants of it. Since 2023 S3 refuses a public list in that call
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>), so that it may take several.
    async fn create_as_recorded(&mut self, bucket: &str, event: &Event) -> Result<Option<String>, ReenactError> {
        let request = &event.request;
        let region = self.buckets.get(bucket).cloned().unwrap_or_default();
        let ownership = ["x-amz-object-ownership", "x_amz_object_ownership"].into_iter();
        let ownership = ownership.flat_map(|name| policy::texts(request, name)).next();
        let grants = requested(request).unwrap_or_default();
        let has_public = grants.iter().any(|grant| matches!(grant.grantee, Grantee::Group(_)));
        let call = self.create(bucket, &region, ownership.as_deref())?;
        Box::pin(call.send()).await.map_err(|error| CallError::new("CreateBucket", &error))?;
        self.made.push(Made::Bucket(bucket.to_owned()));
        self.put_object(bucket, MARKER.to_owned()).await?;
        if grants.is_empty() {
            return Ok(None);
        }
        Box::pin(self.take_acls(bucket, request, &region)).await?;
        let call = self.client_of(bucket)?.put_bucket_acl().bucket(bucket);
        let call = match canned(request) {
            Some(name) => call.acl(name.as_str().into()),
            None => call.access_control_policy(self.acl(request, bucket).await?),
        };
        Box::pin(call.send()).await.map_err(|error| CallError::new("PutBucketAcl", &error))?;
        let note = "S3 takes no public list with this call any more, so the list was written after it";
        Ok(has_public.then(|| note.to_owned()))
    }

    fn create(
        &self,
        bucket: &str,
        region: &str,
        ownership: Option<&str>,
    ) -> Result<aws_sdk_s3::operation::create_bucket::builders::CreateBucketFluentBuilder, ReenactError> {
        let call = self.client_of(bucket)?.create_bucket().bucket(bucket);
        let call = call.set_object_ownership(ownership.map(Into::into));
        // us-east-1 is where buckets are if nothing is said, and must not be.
        Ok(match region {
            "us-east-1" => call,
            region => call.create_bucket_configuration(
                s3::CreateBucketConfiguration::builder().location_constraint(region.into()).build(),
            ),
        })
    }

    /// The object that an event is about. If the event names a version, that one, with a newer one on top: what is done to the newest
    /// one alone doesn't reach the one that is meant.
    async fn ensure_object(&mut self, bucket: &str, key: String, event: &Event) -> Result<(), ReenactError> {
        let recorded = text(&event.request, "versionId").or_else(|| text(&event.response, "x-amz-version-id"));
        let is_new = self.objects.insert((bucket.to_owned(), key.clone(), None));
        let Some(recorded) = recorded else {
            return match is_new {
                true => self.put_object(bucket, key).await.map(drop),
                false => Ok(()),
            };
        };
        if self.ids.contains_key(&recorded) {
            return Ok(());
        }
        let enabled = s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Enabled).build();
        let call = self.client_of(bucket)?.put_bucket_versioning().bucket(bucket).versioning_configuration(enabled);
        Box::pin(call.send()).await.map_err(|error| CallError::new("PutBucketVersioning", &error))?;
        // In a bucket with versions, what was there before has this one
        // (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>).
        for made in &mut self.made {
            if let Made::Object { bucket: of, version: version @ None, .. } = made
                && of == bucket
            {
                *version = Some("null".to_owned());
            }
        }
        let version = self.put_object(bucket, key.clone()).await?;
        self.ids.insert(recorded, version.clone().unwrap_or_default());
        self.objects.insert((bucket.to_owned(), key.clone(), version));
        self.put_object(bucket, key).await.map(drop)
    }

    /// Puts an object, and gives its version if there is one.
    async fn put_object(&mut self, bucket: &str, key: String) -> Result<Option<String>, ReenactError> {
        let body = ByteStream::from_static(b"made by snapback replay\n");
        let call = self.client_of(bucket)?.put_object().bucket(bucket).key(&key).body(body).send();
        let made = Box::pin(call).await.map_err(|error| CallError::new("PutObject", &error))?;
        let version = made.version_id().map(str::to_owned);
        self.made.push(Made::Object { bucket: bucket.to_owned(), key, version: version.clone() });
        Ok(version)
    }

    async fn make_access_point(
        &mut self,
        name: &str,
        bucket: &str,
        account: &str,
        region: &str,
        block: Option<Block>,
        vpc: Option<String>,
    ) -> Result<(), ReenactError> {
        let call = self.control(region)?.create_access_point().account_id(account).name(name).bucket(bucket);
        let call = call.set_public_access_block_configuration(block.map(control_configuration));
        let vpc = vpc.map(|vpc| control::VpcConfiguration::builder().vpc_id(vpc).build()).transpose();
        let call = call.set_vpc_configuration(vpc.map_err(|problem| not_enough(&problem.to_string()))?);
        Box::pin(call.send()).await.map_err(|error| CallError::new("CreateAccessPoint", &error))?;
        self.access_points.insert(name.to_owned(), (account.to_owned(), region.to_owned()));
        self.made.push(Made::AccessPoint(name.to_owned()));
        Ok(())
    }

    /// Whether there is a bucket of that name, in this account or in another.
    async fn is_there(&self, bucket: &str, region: &str) -> Result<bool, ReenactError> {
        match Box::pin(self.clients(region)?.s3.head_bucket().bucket(bucket).send()).await {
            Ok(_) => Ok(true),
            // An answer without a body: all there is to go by is the status. A redirect leads to the bucket's region.
            Err(error) => match error.raw_response().map(|answer| answer.status().as_u16()) {
                Some(404) => Ok(false),
                Some(301 | 403) => Ok(true),
                _ => Err(CallError::new("HeadBucket", &error).into()),
            },
        }
    }

    fn is_ours(&self, bucket: &str) -> bool {
        self.made.iter().any(|made| matches!(made, Made::Bucket(name) if name == bucket))
    }

    fn region_of(&self, bucket: &str) -> &str {
        self.buckets.get(bucket).map_or(super::REGION_INSTEAD, String::as_str)
    }

    fn clients(&self, region: &str) -> Result<Clients, ReenactError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(region) {
            return Ok(known.clone());
        }
        let config = in_region(&self.config, region).map_err(|bad| not_enough(&bad.to_string()))?;
        let mut unsigned = config.to_builder();
        unsigned.set_credentials_provider(None);
        let unsigned = aws_sdk_s3::config::Builder::from(&unsigned.build()).allow_no_auth().build();
        let (s3, control) = (Client::new(&config), Control::new(&config));
        let new = Clients { s3, control, anybody: Client::from_conf(unsigned) };
        clients.insert(region.to_owned(), new.clone());
        Ok(new)
    }

    /// A client for the bucket's region.
    fn client_of(&self, bucket: &str) -> Result<Client, ReenactError> {
        Ok(self.clients(self.region_of(bucket))?.s3)
    }

    fn control(&self, region: &str) -> Result<Control, ReenactError> {
        Ok(self.clients(region)?.control)
    }

    /// The account's id for a recorded one.
    fn live(&self, recorded: &str) -> String {
        self.ids.get(recorded).cloned().unwrap_or_else(|| recorded.to_owned())
    }

    /// Puts the account's ids in place of the recorded ones, where ids of their kind are: in a published record, all sorts of values may be
    /// blanked out alike.
    pub(super) fn map_ids(&self, part: &mut Value) {
        for place in ["AccessControlPolicy", "versionId", "x-amz-version-id"] {
            let Some(place) = part.get_mut(place) else { continue };
            for (recorded, live) in &self.ids {
                replace_whole(place, recorded, live);
            }
        }
    }
}

/// The switches that an event of a block sets.
fn asked_block(event: &Event) -> Block {
    match event.name.starts_with("Put") {
        true => {
            let name = "PublicAccessBlockConfiguration";
            Block::read(field(part_of(&event.request, name), name))
        }
        false => Block::OFF,
    }
}

/// The switches of a new access point: all on, unless the request says otherwise.
fn access_point_block(request: &Value) -> Block {
    let name = "PublicAccessBlockConfiguration";
    let configuration = field(part_of(request, name), name);
    if configuration.is_object() { Block::read(configuration) } else { Block::ON }
}

/// The object in a request that has a field of that name: the request, or one in it that is named after the call
/// (`CreateAccessPointRequest`).
fn part_of<'a>(request: &'a Value, name: &str) -> &'a Value {
    let inner = request.as_object().into_iter().flatten();
    let inner = inner.filter(|(key, _)| key.ends_with("Request")).map(|(_, value)| value);
    std::iter::once(request).chain(inner).find(|place| !field(place, name).is_null()).unwrap_or(&Value::Null)
}

fn account_of(event: &Event) -> Result<String, ReenactError> {
    let account = event.account.clone().filter(|account| is_account_id(account));
    account.ok_or_else(|| not_enough("the event does not say which account it is of"))
}

/// The bucket's name in a request, if it can be one
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
fn bucket_name(request: &Value) -> Result<String, ReenactError> {
    let name = text(request, "bucketName").ok_or_else(|| not_enough("no `bucketName` in `requestParameters`"))?;
    let is_letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = (3..=63).contains(&name.len())
        && name.bytes().all(|byte| is_letter_or_digit(byte) || byte == b'-' || byte == b'.')
        && name.bytes().next().is_some_and(is_letter_or_digit)
        && name.bytes().next_back().is_some_and(is_letter_or_digit);
    if is_name { Ok(name) } else { Err(not_enough(&format!("`{}` is not the name of a bucket", quote(&name)))) }
}

fn access_point_name(request: &Value) -> Result<String, ReenactError> {
    let name = text(request, "name").or_else(|| text(request, "accessPointName"));
    let name = name.or_else(|| text(part_of(request, "Name"), "Name"));
    name.ok_or_else(|| not_enough("no `name` of an access point in `requestParameters`"))
}

fn bucket_policy(request: &Value) -> Result<Value, ReenactError> {
    let written = ["bucketPolicy", "policy"].map(|name| policy::parse(field(request, name)));
    let [bucket_policy, policy] = written;
    bucket_policy.or_else(|problem| policy.map_err(|_| not_enough(&format!("the policy document {problem}"))))
}

fn access_point_policy(request: &Value) -> Result<Value, ReenactError> {
    let written = field(part_of(request, "Policy"), "Policy");
    policy::parse(written).map_err(|problem| not_enough(&format!("the policy document {problem}")))
}

/// Whether a block could have S3 refuse a policy: something in it allows everybody, whatever the conditions.
fn names_everybody(document: &Value) -> bool {
    let statements = policy::statements(document);
    statements.into_iter().filter(|statement| policy::allows(statement)).any(|statement| {
        field(statement, "Principal").to_string().contains('*') || !field(statement, "NotPrincipal").is_null()
    })
}

/// The canned list that a request names.
fn canned(request: &Value) -> Option<String> {
    let places = [request, field(request, "AccessControlList")];
    let names = ["x-amz-acl", "x_amz_acl"];
    let found = places.into_iter().flat_map(|place| names.map(|name| policy::texts(place, name)));
    found.flatten().find(|name| !name.is_empty())
}

/// The region that a new bucket was put in, if the request says so; `EU` is the old name of eu-west-1
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html>).
fn location(request: &Value) -> Option<String> {
    let location = text(field(request, "CreateBucketConfiguration"), "LocationConstraint")?;
    Some(if location == "EU" { "eu-west-1".to_owned() } else { location })
}

fn grant(grant: &s3::Grant) -> Grant {
    let grantee = grant.grantee();
    let uri = grantee.and_then(|grantee| grantee.uri()).map(str::to_owned);
    let id = grantee.and_then(|grantee| grantee.id()).map(str::to_owned);
    let grantee = match (uri, id) {
        (Some(uri), _) => Grantee::Group(uri),
        (None, Some(id)) => Grantee::User(id),
        (None, None) => Grantee::Other(format!("{grantee:?}")),
    };
    Grant { grantee, permission: grant.permission().map(|found| found.as_str().to_owned()).unwrap_or_default() }
}

fn control_block(block: &control::PublicAccessBlockConfiguration) -> Block {
    Block {
        block_public_acls: block.block_public_acls() == Some(true),
        ignore_public_acls: block.ignore_public_acls() == Some(true),
        block_public_policy: block.block_public_policy() == Some(true),
        restrict_public_buckets: block.restrict_public_buckets() == Some(true),
    }
}

fn control_configuration(block: Block) -> control::PublicAccessBlockConfiguration {
    control::PublicAccessBlockConfiguration::builder()
        .block_public_acls(block.block_public_acls)
        .ignore_public_acls(block.ignore_public_acls)
        .block_public_policy(block.block_public_policy)
        .restrict_public_buckets(block.restrict_public_buckets)
        .build()
}

fn parsed(document: &str) -> Value {
    policy::parse(&json!(document)).unwrap_or_else(|_| json!(document))
}

/// Puts `new` in place of `old` inside all texts of a value.
fn replace_text(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) => *text = text.replace(old, new),
        Value::Array(list) => list.iter_mut().for_each(|value| replace_text(value, old, new)),
        Value::Object(object) => object.values_mut().for_each(|value| replace_text(value, old, new)),
        _ => {}
    }
}

/// Puts `new` in place of all texts of a value that are `old`.
fn replace_whole(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(list) => list.iter_mut().for_each(|value| replace_whole(value, old, new)),
        Value::Object(object) => object.values_mut().for_each(|value| replace_whole(value, old, new)),
        _ => {}
    }
}

fn there_already(what: &str) -> ReenactError {
    not_enough(&format!("{what} is there already, and is left alone"))
}

/// The answer, or `None` if there is no such thing. S3 has a code for each thing that can be missing
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>).
fn unless_missing<T, E, R>(call: &'static str, result: Result<T, SdkError<E, R>>) -> Result<Option<T>, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match result.map_err(|error| CallError::new(call, &error)) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.code.as_deref() {
            Some(code) if code.starts_with("NoSuch") || code == "OwnershipControlsNotFoundError" => Ok(None),
            _ => Err(error),
        },
    }
}

/// The answer, or `None` if whoever asked may not have it.
fn unless_refused<T, E, R>(call: &'static str, result: Result<T, SdkError<E, R>>) -> Result<Option<T>, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match unless_missing(call, result) {
        Err(error) if error.code.as_deref() == Some("AccessDenied") => Ok(None),
        other => other,
    }
}
