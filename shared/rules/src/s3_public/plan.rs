//! What to close, and what to put right.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::Scope;
use super::acl::{Acl, Grant};
use super::block::Block;
use super::detect::{AccessPointChange, BucketChange, Ground};
use super::judge::{
    Circle, Outsider, PublicStatement, may_be_kept_private, outsiders, public_statements,
    public_statements_of_access_point, without,
};
use crate::language::{Language, Localized};
use crate::settings::{Mode, Settings};
use crate::text::quote;
use crate::{localized, say};

/// What a read gave, or why it failed.
pub type Read<T> = Result<T, Localized>;

/// A bucket as the account shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveBucket {
    /// Its own block; `None` if it has none.
    pub block: Read<Option<Block>>,
    /// Its policy; `None` if it has none.
    pub policy: Read<Option<Value>>,
    /// Whether AWS calls the policy public (`GetBucketPolicyStatus`); `None` if there is no policy.
    pub is_public: Read<Option<bool>>,
    /// Its access control list.
    pub acl: Read<Acl>,
    /// The access control list of the object that the event is about, if it is about one; `None` in it if the object is gone.
    pub object_acl: Option<Read<Option<Acl>>>,
    /// Whether the bucket may hold several versions of an object, if the event is about an object and does not say which version.
    pub is_versioned: Option<Read<bool>>,
}

/// An access point as the account shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveAccessPoint {
    /// Its bucket.
    pub bucket: String,
    /// The account of its bucket.
    pub bucket_account: String,
    /// Whether it can be reached only from inside a VPC.
    pub is_in_vpc: bool,
    /// Its own block, which can't be changed.
    pub block: Block,
    /// Its policy; `None` if it has none.
    pub policy: Read<Option<Value>>,
    /// Whether AWS calls the policy public (`GetAccessPointPolicyStatus`); `None` if there is no policy.
    pub is_public: Read<Option<bool>>,
    /// The block of its bucket, if that has been read: the first look is spared the wait for it.
    pub bucket_block: Option<Read<Option<Block>>>,
}

/// A change to the account.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Turns on all four switches of the account's block.
    BlockAccount {
        /// The account.
        account: String,
    },
    /// Turns on all four switches of a bucket's block.
    BlockBucket {
        /// The bucket.
        bucket: String,
    },
    /// Writes a policy, or deletes it.
    WritePolicy {
        /// Whose.
        of: PolicyOf,
        /// What is left of it; `None` if nothing is, and it is deleted.
        document: Option<Value>,
        /// The statements that go.
        public: Vec<PublicStatement>,
        /// The principals of others that go.
        outsiders: Vec<Outsider>,
    },
    /// Writes an access control list.
    WriteAcl {
        /// The bucket.
        bucket: String,
        /// Key and version of the object in it; `None` for the bucket's own.
        object: Option<(String, Option<String>)>,
        /// What is left of it.
        acl: Acl,
        /// The grants that go.
        without: Vec<Grant>,
    },
}

/// What a policy is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyOf {
    /// The bucket of that name.
    Bucket(String),
    /// The access point of that name.
    AccessPoint(String),
}

/// What is open and what is to be done about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What shuts the door, to be done first; `None` if it is shut, or nothing is open.
    pub contain: Option<Action>,
    /// What puts right what the door hides.
    pub repair: Vec<Action>,
    /// The switches of a block that are off, if the event was about that block.
    pub switches_off: Vec<&'static str>,
    /// Whether a block with all switches on was seen that closes all of it.
    pub is_blocked: bool,
    /// The public statements of the policy.
    pub statements: Vec<PublicStatement>,
    /// What AWS says of the policy, where it says otherwise than snapback.
    pub doubt: Option<Doubt>,
    /// The grants to everybody, in the list of the bucket and in that of the event's object.
    pub grants: Vec<Grant>,
    /// Those of other accounts whom the policy lets in, if the event was about the policy.
    pub outsiders: Vec<Outsider>,
    /// Whether S3 hides what grants to everybody the lists hold, as it does while `IgnorePublicAcls` is on
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-options>).
    pub hides_grants: bool,
    /// Whether the event made a version of an object public, and which one could not be told.
    pub is_version_unknown: bool,
    /// Grants to other accounts, if the event was about a list: they are only told.
    pub foreign_grants: Vec<Grant>,
    /// What could not be read of what matters here, and why.
    pub not_read: Vec<Localized>,
    /// Whether the policy is among that.
    pub is_policy_unread: bool,
    /// Where the block that would have to be turned on is another account's: that account.
    pub other_account: Option<String>,
}

/// Where AWS and snapback disagree on a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// AWS calls it public, and no public statement was found.
    OnlyAws,
    /// Public statements were found, and AWS does not call it public.
    OnlySnapback,
}

/// What to look for and what to change.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The account whose bucket or access point it is.
    pub account: &'a str,
    /// `TrustedAccounts`.
    pub trusted: &'a BTreeSet<String>,
    /// What is looked for.
    pub scope: Scope,
    /// Whether public access is to be taken away: the mode of s3-public is `revert`.
    pub takes_public: bool,
    /// Whether other accounts are to be taken out: the mode of s3-cross-account is `revert`.
    pub takes_outsiders: bool,
}

impl<'a> Wanted<'a> {
    /// What the settings want of a bucket or of an access point to it; the bucket's name is not always known at once.
    pub fn of(settings: &'a Settings, account: &'a str, bucket: Option<&str>) -> Self {
        Self {
            account,
            trusted: &settings.trusted_accounts,
            scope: Scope::of(settings, bucket),
            takes_public: settings.s3_public_mode == Mode::Revert,
            takes_outsiders: settings.s3_cross_account_mode == Mode::Revert,
        }
    }

    /// The same where all that is looked for were to be taken away.
    pub fn with_all_taken(self) -> Self {
        Self { takes_public: true, takes_outsiders: true, ..self }
    }
}

impl Plan {
    /// Whether a policy or a list is public, whether or not a block hides it. Where AWS and snapback disagree it counts as public.
    pub fn is_public(&self) -> bool {
        !self.grants.is_empty() || !self.statements.is_empty() || self.doubt.is_some()
    }

    /// Whether everybody may get in.
    pub fn is_open(&self) -> bool {
        !self.is_blocked && (self.is_public() || !self.switches_off.is_empty() || self.is_version_unknown)
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        !self.is_public()
            && !self.is_open()
            && !self.is_version_unknown
            && self.switches_off.is_empty()
            && self.repair.is_empty()
            && self.outsiders.is_empty()
            && self.foreign_grants.is_empty()
    }

    /// All that is to be done, in order.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.contain.iter().chain(&self.repair)
    }
}

/// What to do about the account's block, as it is now. `PublicBuckets` would be closed by it too, so that it is left where there are any.
pub fn of_account(account: &str, block: Option<Block>, settings: &Settings) -> Plan {
    let block = block.unwrap_or(Block::OFF);
    let takes = settings.s3_public_mode == Mode::Revert && settings.public_buckets.is_empty();
    let contain = (!block.is_on() && takes).then(|| Action::BlockAccount { account: account.to_owned() });
    Plan { contain, switches_off: block.off(), is_blocked: block.is_on(), ..Plan::default() }
}

/// What to do about a bucket in which an event changed something. Nothing, if what the event changed is not public now, unless
/// `is_begun`: the door has been shut for this event. Of a bucket that was found open, all of it counts.
///
/// The bucket's block closes all that is public in the bucket, whoever made it so. What it closes is put right too, so that nothing public
/// waits for the day the block is lifted.
pub fn of_bucket(bucket: &str, change: &BucketChange, live: &LiveBucket, wanted: Wanted<'_>, is_begun: bool) -> Plan {
    let block = live.block.as_ref().ok().map(|block| block.unwrap_or(Block::OFF));
    let policy = live.policy.as_ref().ok().and_then(Option::as_ref);
    let says = live.is_public.as_ref().ok().copied().flatten();
    let acl = live.acl.as_ref().ok();
    let object_acl = live.object_acl.as_ref().and_then(|acl| acl.as_ref().ok()?.as_ref());
    let owner_id = acl.map(|acl| acl.owner_id.as_str());
    let mut plan = Plan { is_blocked: block.is_some_and(Block::is_on), ..Plan::default() };

    let has_weak_block = block.is_some_and(|block| !block.is_on());
    let mut is_opened = false;
    if wanted.scope.public {
        plan.judge(policy, public_statements, says);
        let (of_bucket, of_object) = (public_grants(acl), public_grants(object_acl));
        let is_shown = match change {
            BucketChange::Block(_) => true,
            // What can't be read is as the event tells it.
            BucketChange::Policy(told) => {
                let is_told = told.as_ref().is_some_and(|told| !public_statements(told).is_empty());
                plan.is_public() || live.policy.is_err() && is_told
            }
            BucketChange::Acl(told) => !of_bucket.is_empty() || live.acl.is_err() && has_public(told),
            BucketChange::ObjectAcl { grants: told, .. } => {
                let is_unread = live.object_acl.as_ref().is_some_and(Result::is_err);
                // What was read may be of a newer version than the event's.
                let may_be_another = live.is_versioned.as_ref().is_some_and(|is| !matches!(is, Ok(false)));
                plan.is_version_unknown = may_be_another && has_public(told) && of_object.is_empty();
                !of_object.is_empty() || plan.is_version_unknown || is_unread && has_public(told)
            }
            // It may be long ago: what can't be read is not taken for open.
            BucketChange::Found(Ground::Block) => plan.is_public() || !of_bucket.is_empty() || has_weak_block,
            BucketChange::Found(Ground::Public | Ground::Outside { .. }) => plan.is_public() || !of_bucket.is_empty(),
        };
        is_opened = is_begun || is_shown;
        let is_ignoring = block.is_some_and(|block| block.ignore_public_acls);
        plan.hides_grants = is_ignoring && of_bucket.is_empty() && of_object.is_empty();
        if is_opened {
            plan.grants = [of_bucket, of_object].concat();
            if matches!(change, BucketChange::Block(_) | BucketChange::Found(Ground::Block)) {
                plan.switches_off = block.map(Block::off).unwrap_or_default();
            }
            if wanted.takes_public && !plan.is_blocked {
                plan.contain = Some(Action::BlockBucket { bucket: bucket.to_owned() });
            }
        } else {
            plan.statements.clear();
            plan.doubt = None;
        }
    }
    match change {
        BucketChange::Policy(_) => plan.look_for_outsiders(policy, wanted, owner_id),
        BucketChange::Found(Ground::Outside { .. }) => {
            plan.look_for_outsiders(policy, wanted, owner_id);
            plan.look_for_foreign_grants(acl, wanted, owner_id);
        }
        BucketChange::Acl(_) => plan.look_for_foreign_grants(acl, wanted, owner_id),
        BucketChange::ObjectAcl { .. } => plan.look_for_foreign_grants(object_acl, wanted, owner_id),
        BucketChange::Block(_) | BucketChange::Found(Ground::Public | Ground::Block) => {}
    }
    // Of what the event did not open, only what it is about has to be known.
    let is_found = matches!(change, BucketChange::Found(_));
    if is_opened || is_found && wanted.scope.public {
        plan.note(&localized!("the public access block", "ブロックパブリックアクセス"), &live.block);
    }
    if is_opened || is_found || matches!(change, BucketChange::Policy(_)) {
        plan.is_policy_unread = live.policy.is_err();
        plan.note(&localized!("the policy", "ポリシー"), &live.policy);
    }
    if is_opened || (is_found || matches!(change, BucketChange::Policy(_))) && wanted.scope.public {
        plan.note(&localized!("the policy's status", "ポリシーのステータス"), &live.is_public);
    }
    if is_opened || is_found || matches!(change, BucketChange::Acl(_)) {
        plan.note(&localized!("the access control list", "アクセスコントロールリスト (ACL)"), &live.acl);
    }
    if let Some(acl) = &live.object_acl {
        plan.note(&localized!("the object's access control list", "オブジェクトの ACL"), acl);
    }
    if let Some(is_versioned) = live.is_versioned.as_ref().filter(|_| is_opened) {
        plan.note(&localized!("whether there are versions", "バージョニングの状態"), is_versioned);
    }

    plan.repair_policy(PolicyOf::Bucket(bucket.to_owned()), policy, wanted);
    if wanted.takes_public && !plan.grants.is_empty() {
        let object = match change {
            BucketChange::ObjectAcl { key, version_id, .. } => Some((key.clone(), version_id.clone())),
            _ => None,
        };
        for (of, acl) in [(None, acl), (object, object_acl)] {
            let Some(acl) = acl.filter(|acl| !acl.public().is_empty()) else { continue };
            let (without, acl) = (acl.public(), acl.without_public());
            plan.repair.push(Action::WriteAcl { bucket: bucket.to_owned(), object: of, acl, without });
        }
    }
    plan
}

/// What to do about an access point in which an event changed something, or which it made; as [`of_bucket`]. Its own block can't be changed,
/// so that the bucket's has to shut the door.
pub fn of_access_point(
    name: &str,
    change: &AccessPointChange,
    live: &LiveAccessPoint,
    wanted: Wanted<'_>,
    is_begun: bool,
) -> Plan {
    let policy = live.policy.as_ref().ok().and_then(Option::as_ref);
    let says = live.is_public.as_ref().ok().copied().flatten();
    let bucket_block = live.bucket_block.as_ref().and_then(|block| *block.as_ref().ok()?);
    let is_blocked = live.block.is_on() || bucket_block.is_some_and(Block::is_on);
    let mut plan = Plan { is_blocked, is_policy_unread: live.policy.is_err(), ..Plan::default() };
    plan.note(&localized!("the access point's policy", "アクセスポイントのポリシー"), &live.policy);
    // One that can be reached only from inside a VPC is never public, whatever its policy says.
    if wanted.scope.public && !live.is_in_vpc {
        plan.judge(policy, public_statements_of_access_point, says);
        let is_opened = is_begun
            || match change {
                AccessPointChange::Created(_) => !live.block.is_on(),
                AccessPointChange::Policy(told) => {
                    let is_told = told.as_ref().is_some_and(|told| !public_statements_of_access_point(told).is_empty());
                    plan.is_public() || live.policy.is_err() && is_told
                }
            };
        plan.note(&localized!("the policy's status", "ポリシーのステータス"), &live.is_public);
        if let Some(block) = &live.bucket_block {
            plan.note(&localized!("the bucket's public access block", "バケットのブロックパブリックアクセス"), block);
        }
        if !is_opened {
            plan.statements.clear();
            plan.doubt = None;
        } else {
            if matches!(change, AccessPointChange::Created(_)) {
                plan.switches_off = live.block.off();
            }
            if live.bucket_account != wanted.account {
                plan.other_account = Some(live.bucket_account.clone());
            } else if wanted.takes_public && !plan.is_blocked {
                plan.contain = Some(Action::BlockBucket { bucket: live.bucket.clone() });
            }
        }
    }
    plan.look_for_outsiders(policy, wanted, None);
    plan.repair_policy(PolicyOf::AccessPoint(name.to_owned()), policy, wanted);
    plan
}

/// Whether IAM Access Analyzer tells of an access point, while nothing of the bucket itself lets anybody in who should not be: access points are
/// not looked at then. What is public through one is shut by the bucket's block. Of a bucket that could not be read wholly nobody can say so.
pub fn is_left_to_access_points(change: &BucketChange, plan: &Plan, scope: Scope) -> bool {
    match change {
        BucketChange::Found(Ground::Outside { is_public, is_through_point: true })
            if plan.is_empty() && plan.not_read.is_empty() =>
        {
            if *is_public {
                scope.public && !plan.is_blocked
            } else {
                scope.cross_account
            }
        }
        _ => false,
    }
}

impl Plan {
    /// Notes a read that failed.
    fn note<T>(&mut self, what: &Localized, read: &Read<T>) {
        if let Err(problem) = read {
            self.not_read.push(Localized::new(|language| format!("{}: {}", what.of(language), problem.of(language))));
        }
    }

    /// Judges a policy by snapback's and by AWS's word. AWS's "not public" counts only where something in the policy may be the ground for it;
    /// otherwise it is late.
    fn judge(&mut self, policy: Option<&Value>, public: fn(&Value) -> Vec<PublicStatement>, says: Option<bool>) {
        self.statements = policy.map(public).unwrap_or_default();
        self.doubt = match (self.statements.is_empty(), says) {
            (true, Some(true)) => Some(Doubt::OnlyAws),
            (false, Some(false)) if policy.is_some_and(may_be_kept_private) => Some(Doubt::OnlySnapback),
            _ => None,
        };
    }

    fn look_for_outsiders(&mut self, policy: Option<&Value>, wanted: Wanted<'_>, owner_id: Option<&str>) {
        if let Some(policy) = policy.filter(|_| wanted.scope.cross_account) {
            let circle = Circle { account: wanted.account, trusted: wanted.trusted, owner_id };
            self.outsiders = outsiders(policy, &circle);
        }
    }

    fn look_for_foreign_grants(&mut self, acl: Option<&Acl>, wanted: Wanted<'_>, owner_id: Option<&str>) {
        if let Some(acl) = acl.filter(|_| wanted.scope.cross_account) {
            self.foreign_grants = acl.foreign(owner_id);
        }
    }

    fn repair_policy(&mut self, of: PolicyOf, policy: Option<&Value>, wanted: Wanted<'_>) {
        let Some(policy) = policy else { return };
        let takes_public = wanted.takes_public && self.doubt.is_none();
        let public = if takes_public { self.statements.clone() } else { Vec::new() };
        let is_taken_out = |outsider: &&Outsider| wanted.takes_outsiders && outsider.is_certain;
        let outsiders: Vec<Outsider> = self.outsiders.iter().filter(is_taken_out).cloned().collect();
        if public.is_empty() && outsiders.is_empty() {
            return;
        }
        let document = without(policy, &public, &outsiders);
        self.repair.push(Action::WritePolicy { of, document, public, outsiders });
    }
}

fn public_grants(acl: Option<&Acl>) -> Vec<Grant> {
    acl.map(Acl::public).unwrap_or_default()
}

fn has_public(grants: &Option<Vec<Grant>>) -> bool {
    grants.as_ref().is_some_and(|grants| grants.iter().any(|grant| grant.grantee.is_public()))
}

impl Action {
    /// The API's name for the call.
    pub fn call(&self) -> &'static str {
        match self {
            Self::BlockAccount { .. } | Self::BlockBucket { .. } => "PutPublicAccessBlock",
            Self::WritePolicy { of: PolicyOf::Bucket(_), document: Some(_), .. } => "PutBucketPolicy",
            Self::WritePolicy { of: PolicyOf::Bucket(_), document: None, .. } => "DeleteBucketPolicy",
            Self::WritePolicy { of: PolicyOf::AccessPoint(_), document: Some(_), .. } => "PutAccessPointPolicy",
            Self::WritePolicy { of: PolicyOf::AccessPoint(_), document: None, .. } => "DeleteAccessPointPolicy",
            Self::WriteAcl { object: None, .. } => "PutBucketAcl",
            Self::WriteAcl { object: Some(_), .. } => "PutObjectAcl",
        }
    }

    /// Whether it takes other accounts out of a policy.
    pub fn takes_others_out(&self) -> bool {
        matches!(self, Self::WritePolicy { outsiders, .. } if !outsiders.is_empty())
    }

    /// The permission that it takes
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>).
    pub fn permission(&self) -> &'static str {
        match self {
            Self::BlockAccount { .. } => "s3:PutAccountPublicAccessBlock",
            Self::BlockBucket { .. } => "s3:PutBucketPublicAccessBlock",
            Self::WritePolicy { of: PolicyOf::Bucket(_), document: Some(_), .. } => "s3:PutBucketPolicy",
            Self::WritePolicy { of: PolicyOf::Bucket(_), document: None, .. } => "s3:DeleteBucketPolicy",
            Self::WritePolicy { of: PolicyOf::AccessPoint(_), document: Some(_), .. } => "s3:PutAccessPointPolicy",
            Self::WritePolicy { of: PolicyOf::AccessPoint(_), document: None, .. } => "s3:DeleteAccessPointPolicy",
            Self::WriteAcl { object: None, .. } => "s3:PutBucketAcl",
            Self::WriteAcl { object: Some((_, None)), .. } => "s3:PutObjectAcl",
            Self::WriteAcl { object: Some((_, Some(_))), .. } => "s3:PutObjectVersionAcl",
        }
    }

    /// What it does, in a few words for a list.
    pub fn lines(&self, language: Language) -> Vec<String> {
        match self {
            Self::BlockAccount { .. } => vec![say!(
                language,
                "  - turn on all four switches of the account's public access block",
                "  - アカウントのブロックパブリックアクセスの 4 つの設定をすべて有効にする"
            )],
            Self::BlockBucket { bucket } => {
                let bucket = quote(bucket);
                vec![say!(
                    language,
                    "  - turn on all four switches of the public access block of bucket {bucket}",
                    "  - バケット {bucket} のブロックパブリックアクセスの 4 つの設定をすべて有効にする"
                )]
            }
            Self::WritePolicy { document, public, outsiders, .. } => {
                let statements = public.iter().map(|statement| {
                    let statement = quote(&statement.statement.to_string());
                    say!(
                        language,
                        "  - take this statement out of the policy: {statement}",
                        "  - ポリシーから次のステートメントを削除する: {statement}"
                    )
                });
                let principals = outsiders.iter().map(|outsider| {
                    let principal = quote(&outsider.principal.of(language));
                    say!(language, "  - take {principal} out of the policy", "  - ポリシーから {principal} を削除する")
                });
                let gone = document.is_none().then(|| {
                    say!(
                        language,
                        "  - delete the policy, of which nothing is left",
                        "  - ステートメントが残らないため、ポリシーを削除する"
                    )
                });
                statements.chain(principals).chain(gone).collect()
            }
            Self::WriteAcl { object, without, .. } => {
                let line = |grant: &Grant| {
                    let grant = quote(&grant.of(language));
                    match object {
                        Some(_) => say!(
                            language,
                            "  - take {grant} out of the object's access control list",
                            "  - オブジェクトの ACL から次の許可を削除する: {grant}"
                        ),
                        None => say!(
                            language,
                            "  - take {grant} out of the bucket's access control list",
                            "  - バケットの ACL から次の許可を削除する: {grant}"
                        ),
                    }
                };
                without.iter().map(line).collect()
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlockAccount { account } => write!(formatter, "turn on the public access block of account {account}"),
            Self::BlockBucket { bucket } => {
                write!(formatter, "turn on the public access block of bucket {}", quote(bucket))
            }
            Self::WritePolicy { of, document, .. } => {
                let verb = if document.is_some() { "shorten" } else { "delete" };
                write!(formatter, "{verb} the policy of {of}")
            }
            Self::WriteAcl { bucket, object: None, .. } => {
                write!(formatter, "shorten the access control list of bucket {}", quote(bucket))
            }
            Self::WriteAcl { bucket, object: Some((key, _)), .. } => {
                write!(
                    formatter,
                    "shorten the access control list of object {} in bucket {}",
                    quote(key),
                    quote(bucket)
                )
            }
        }
    }
}

impl fmt::Display for PolicyOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket(name) => write!(formatter, "bucket {}", quote(name)),
            Self::AccessPoint(name) => write!(formatter, "access point {}", quote(name)),
        }
    }
}
