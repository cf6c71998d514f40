//! The reads and writes of the account.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types as s3;
use aws_sdk_s3control::types as control;
use futures_util::future::OptionFuture;
use rules::policy;
use rules::s3_public::acl::{Acl, Grant, Grantee};
use rules::s3_public::block::Block;
use rules::s3_public::plan::{Action, LiveAccessPoint, LiveBucket, PolicyOf, Read};
use rules::{Language, Localized, localized, say};
use runtime::{CallError, Calls, ObserveError, Pause};
use serde_json::Value;
use tokio::join;

/// How often a write is tried that S3 could not carry out just then.
const TRIES: usize = 6;

/// What S3 answers when it could not carry out a call just then
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>). The SDK's own tries are over within a second.
const JUST_THEN: &[&str] = &[
    // Another change of the same kind is under way.
    "OperationAborted",
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
];

/// The account in one region, with a record of the calls made to it.
pub struct Account<'a> {
    /// The client for buckets and objects.
    pub s3: &'a aws_sdk_s3::Client,
    /// The client for the account's block and for access points.
    pub control: &'a aws_sdk_s3control::Client,
    /// The account's id. S3 refuses every call on a bucket that is not this account's
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>).
    pub id: &'a str,
    /// Where the calls are recorded.
    pub calls: &'a Calls,
}

/// What a read found.
enum Found<T> {
    /// It.
    There(T),
    /// The bucket or the access point has none of it, or the object is gone.
    None,
    /// The bucket or the access point itself is gone.
    Gone,
}

impl Account<'_> {
    /// The account's own block; `None` if it has none.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn block(&self) -> Result<Option<Block>, CallError> {
        let call = self.control.get_public_access_block().account_id(self.id).send();
        let request = async {
            let answer = call.await.map(|answer| block_of_control(answer.public_access_block_configuration));
            found(answer, "NoSuchPublicAccessBlockConfiguration", "")
        };
        let language = self.calls.language();
        let told = |found: &Found<Block>| told(found, language, |block| block.of(language));
        Ok(self.calls.make("GetPublicAccessBlock", self.id, request, told).await?.there())
    }

    /// The bucket, and the access control list of an object in it (key and version) if one is asked for; `None` if the bucket is gone.
    /// What could not be read is in it as an error.
    pub async fn bucket(&self, bucket: &str, object: Option<(&str, Option<&str>)>) -> Option<LiveBucket> {
        let is_of_some_version = matches!(object, Some((_, None)));
        let versioning = is_of_some_version.then(|| Box::pin(self.bucket_is_versioned(bucket)));
        let object = object.map(|(key, version)| Box::pin(self.object_acl(bucket, key, version)));
        let (block, policy, is_public, acl, object_acl, versioning) = join!(
            Box::pin(self.bucket_block(bucket)),
            Box::pin(self.bucket_policy(bucket)),
            Box::pin(self.bucket_policy_status(bucket)),
            Box::pin(self.bucket_acl(bucket)),
            OptionFuture::from(object),
            OptionFuture::from(versioning),
        );
        let is_versioned = match versioning {
            Some(found) => Some(read(found)?.map(Option::unwrap_or_default)),
            None => None,
        };
        let acl = match read(acl)? {
            Ok(Some(acl)) => Ok(acl),
            Ok(None) => Err(localized!("there is none", "ACL がありません")),
            Err(problem) => Err(problem),
        };
        let object_acl = match object_acl {
            Some(found) => Some(read(found)?),
            None => None,
        };
        let (block, policy, is_public) = (read(block)?, read(policy)?, read(is_public)?);
        Some(LiveBucket { block, policy, is_public, acl, object_acl, is_versioned })
    }

    /// The access point, with the block of its bucket if `bucket` is known; `None` if the access point is gone.
    ///
    /// # Errors
    /// [`ObserveError`] if the access point itself could not be read. What else could not is in it as an error.
    pub async fn access_point(
        &self,
        name: &str,
        bucket: Option<&str>,
    ) -> Result<Option<LiveAccessPoint>, ObserveError> {
        let bucket_block = bucket.map(|bucket| Box::pin(self.bucket_block(bucket)));
        let (point, policy, is_public, bucket_block) = join!(
            Box::pin(self.access_point_alone(name)),
            Box::pin(self.access_point_policy(name)),
            Box::pin(self.access_point_policy_status(name)),
            OptionFuture::from(bucket_block),
        );
        let Found::There(mut point) = point? else { return Ok(None) };
        let (Some(policy), Some(is_public)) = (read(policy), read(is_public)) else { return Ok(None) };
        (point.policy, point.is_public) = (policy, is_public);
        let is_its = point.bucket_account == self.id && bucket == Some(point.bucket.as_str());
        point.bucket_block = bucket_block.filter(|_| is_its).map(|block| match block {
            Ok(Found::There(block)) => Ok(Some(block)),
            Ok(Found::None) => Ok(None),
            Ok(Found::Gone) => Err(localized!("the bucket is gone", "バケットがなくなっています")),
            Err(error) => Err((&error).into()),
        });
        Ok(Some(point))
    }

    /// An access point that could not be read, as the event that made it tells it. If its bucket is another account's, no call on that succeeds.
    pub async fn untold(&self, bucket: &str, block: Block, problem: &Localized) -> LiveAccessPoint {
        let bucket_block = match Box::pin(self.bucket_block(bucket)).await {
            Ok(found) => Ok(found.there()),
            Err(error) => Err((&error).into()),
        };
        LiveAccessPoint {
            bucket: bucket.to_owned(),
            bucket_account: self.id.to_owned(),
            is_in_vpc: false,
            block,
            policy: Err(problem.clone()),
            is_public: Err(problem.clone()),
            bucket_block: Some(bucket_block),
        }
    }

    async fn bucket_block(&self, bucket: &str) -> Result<Found<Block>, CallError> {
        let call = self.s3.get_public_access_block().bucket(bucket).expected_bucket_owner(self.id).send();
        let request = async {
            let answer = call.await.map(|answer| block_of_s3(answer.public_access_block_configuration));
            found(answer, "NoSuchPublicAccessBlockConfiguration", "NoSuchBucket")
        };
        let language = self.calls.language();
        let told = |found: &Found<Block>| told(found, language, |block| block.of(language));
        self.calls.make("GetPublicAccessBlock", bucket, request, told).await
    }

    async fn bucket_policy(&self, bucket: &str) -> Result<Found<Value>, ObserveError> {
        let call = self.s3.get_bucket_policy().bucket(bucket).expected_bucket_owner(self.id).send();
        let request = async { found(call.await.map(|answer| answer.policy), "NoSuchBucketPolicy", "NoSuchBucket") };
        document(
            "GetBucketPolicy",
            self.calls
                .make("GetBucketPolicy", bucket, request, |found| told(found, self.calls.language(), self.calls.ok()))
                .await?,
        )
    }

    async fn bucket_policy_status(&self, bucket: &str) -> Result<Found<bool>, ObserveError> {
        let call = self.s3.get_bucket_policy_status().bucket(bucket).expected_bucket_owner(self.id).send();
        let request = async {
            let answer = call.await.map(|answer| answer.policy_status.and_then(|status| status.is_public));
            found(answer, "NoSuchBucketPolicy", "NoSuchBucket")
        };
        let language = self.calls.language();
        let told = |found: &Found<Option<bool>>| told(found, language, |status| status_in_words(*status, language));
        match self.calls.make("GetBucketPolicyStatus", bucket, request, told).await? {
            Found::There(Some(is_public)) => Ok(Found::There(is_public)),
            Found::There(None) => Err(absent("GetBucketPolicyStatus", "IsPublic")),
            Found::None => Ok(Found::None),
            Found::Gone => Ok(Found::Gone),
        }
    }

    async fn bucket_acl(&self, bucket: &str) -> Result<Found<Acl>, ObserveError> {
        let call = self.s3.get_bucket_acl().bucket(bucket).expected_bucket_owner(self.id).send();
        let request = async { found(call.await, "", "NoSuchBucket") };
        let language = self.calls.language();
        let told = |found: &Found<_>| {
            told(found, language, |answer: &aws_sdk_s3::operation::get_bucket_acl::GetBucketAclOutput| {
                grants_in_words(answer.grants().len(), language)
            })
        };
        let found = self.calls.make("GetBucketAcl", bucket, request, told).await?;
        found.map(|answer| acl("GetBucketAcl", answer.owner, answer.grants.unwrap_or_default()))
    }

    /// Whether versioning is or was on, so that an object may have several versions.
    async fn bucket_is_versioned(&self, bucket: &str) -> Result<Found<bool>, CallError> {
        let call = self.s3.get_bucket_versioning().bucket(bucket).expected_bucket_owner(self.id).send();
        let request = async {
            let is_or_was_on = |status: &s3::BucketVersioningStatus| {
                matches!(status, s3::BucketVersioningStatus::Enabled | s3::BucketVersioningStatus::Suspended)
            };
            found(call.await.map(|answer| answer.status.as_ref().is_some_and(is_or_was_on)), "", "NoSuchBucket")
        };
        let language = self.calls.language();
        let told = |found: &Found<bool>| {
            told(found, language, |is_versioned| match is_versioned {
                true => say!(language, "versioned", "バージョニングあり"),
                false => say!(language, "not versioned", "バージョニングなし"),
            })
        };
        self.calls.make("GetBucketVersioning", bucket, request, told).await
    }

    async fn object_acl(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Found<Acl>, ObserveError> {
        let call = self.s3.get_object_acl().bucket(bucket).key(key).set_version_id(version.map(str::to_owned));
        let call = call.expected_bucket_owner(self.id).send();
        let request = async {
            match call.await {
                Err(error) if error.code() == Some("NoSuchVersion") => Ok(Found::None),
                answer => found(answer, "NoSuchKey", "NoSuchBucket"),
            }
        };
        let language = self.calls.language();
        let told = |found: &Found<_>| {
            told(found, language, |answer: &aws_sdk_s3::operation::get_object_acl::GetObjectAclOutput| {
                grants_in_words(answer.grants().len(), language)
            })
        };
        let found = self.calls.make("GetObjectAcl", &format!("{bucket}/{key}"), request, told).await?;
        found.map(|answer| acl("GetObjectAcl", answer.owner, answer.grants.unwrap_or_default()))
    }

    async fn access_point_alone(&self, name: &str) -> Result<Found<LiveAccessPoint>, ObserveError> {
        let call = self.control.get_access_point().account_id(self.id).name(name).send();
        let request = async { found(call.await, "", "NoSuchAccessPoint") };
        let found = self
            .calls
            .make("GetAccessPoint", name, request, |found| told(found, self.calls.language(), self.calls.ok()))
            .await?;
        found.map(|point| {
            let bucket = point.bucket.ok_or_else(|| absent("GetAccessPoint", "Bucket"))?;
            Ok(LiveAccessPoint {
                bucket,
                bucket_account: point.bucket_account_id.unwrap_or_else(|| self.id.to_owned()),
                is_in_vpc: point.network_origin == Some(control::NetworkOrigin::Vpc),
                block: block_of_control(point.public_access_block_configuration),
                policy: Ok(None),
                is_public: Ok(None),
                bucket_block: None,
            })
        })
    }

    async fn access_point_policy(&self, name: &str) -> Result<Found<Value>, ObserveError> {
        let call = self.control.get_access_point_policy().account_id(self.id).name(name).send();
        let request =
            async { found(call.await.map(|answer| answer.policy), "NoSuchAccessPointPolicy", "NoSuchAccessPoint") };
        let found = self
            .calls
            .make("GetAccessPointPolicy", name, request, |found| told(found, self.calls.language(), self.calls.ok()))
            .await?;
        document("GetAccessPointPolicy", found)
    }

    async fn access_point_policy_status(&self, name: &str) -> Result<Found<bool>, ObserveError> {
        let call = self.control.get_access_point_policy_status().account_id(self.id).name(name).send();
        let request = async {
            let answer = call.await.map(|answer| answer.policy_status.map(|status| status.is_public));
            found(answer, "NoSuchAccessPointPolicy", "NoSuchAccessPoint")
        };
        let language = self.calls.language();
        let told = |found: &Found<Option<bool>>| told(found, language, |status| status_in_words(*status, language));
        let found = self.calls.make("GetAccessPointPolicyStatus", name, request, told).await?;
        found.map(|status| status.ok_or_else(|| absent("GetAccessPointPolicyStatus", "PolicyStatus")))
    }

    /// Carries out one action. A block is written again, for a while, if S3 could not do that just then; a policy or a list is not ([`is_passing`]),
    /// for what is in it may no longer be what there is.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer; in the second case it may have been done.
    pub async fn apply(&self, action: &Action) -> Result<(), CallError> {
        let is_block = matches!(action, Action::BlockAccount { .. } | Action::BlockBucket { .. });
        let mut pause = Pause::default();
        for _ in 1..TRIES {
            match Box::pin(self.try_to_apply(action)).await {
                Err(error) if is_block && is_passing(&error) => pause.wait().await,
                result => return result,
            }
        }
        Box::pin(self.try_to_apply(action)).await
    }

    async fn try_to_apply(&self, action: &Action) -> Result<(), CallError> {
        match action {
            Action::BlockAccount { account } => {
                let on = control::PublicAccessBlockConfiguration::builder()
                    .block_public_acls(true)
                    .ignore_public_acls(true)
                    .block_public_policy(true)
                    .restrict_public_buckets(true)
                    .build();
                let request = self.control.put_public_access_block().account_id(account);
                let request = request.public_access_block_configuration(on).send();
                self.calls.make(action.call(), account, request, self.calls.ok()).await?;
            }
            Action::BlockBucket { bucket } => {
                let on = s3::PublicAccessBlockConfiguration::builder()
                    .block_public_acls(true)
                    .ignore_public_acls(true)
                    .block_public_policy(true)
                    .restrict_public_buckets(true)
                    .build();
                let request = self.s3.put_public_access_block().bucket(bucket).expected_bucket_owner(self.id);
                let request = request.public_access_block_configuration(on).send();
                self.calls.make(action.call(), bucket, request, self.calls.ok()).await?;
            }
            Action::WritePolicy { of: PolicyOf::Bucket(bucket), document: Some(document), .. } => {
                let request = self.s3.put_bucket_policy().bucket(bucket).expected_bucket_owner(self.id);
                let request = request.policy(document.to_string()).send();
                self.calls.make(action.call(), bucket, request, self.calls.ok()).await?;
            }
            Action::WritePolicy { of: PolicyOf::Bucket(bucket), document: None, .. } => {
                let request = self.s3.delete_bucket_policy().bucket(bucket).expected_bucket_owner(self.id).send();
                self.calls.make(action.call(), bucket, request, self.calls.ok()).await?;
            }
            Action::WritePolicy { of: PolicyOf::AccessPoint(name), document: Some(document), .. } => {
                let request = self.control.put_access_point_policy().account_id(self.id).name(name);
                let request = request.policy(document.to_string()).send();
                self.calls.make(action.call(), name, request, self.calls.ok()).await?;
            }
            Action::WritePolicy { of: PolicyOf::AccessPoint(name), document: None, .. } => {
                let request = self.control.delete_access_point_policy().account_id(self.id).name(name).send();
                self.calls.make(action.call(), name, request, self.calls.ok()).await?;
            }
            Action::WriteAcl { bucket, object: None, acl, .. } => {
                let request = self.s3.put_bucket_acl().bucket(bucket).expected_bucket_owner(self.id);
                let request = request.access_control_policy(written(acl)).send();
                self.calls.make(action.call(), bucket, request, self.calls.ok()).await?;
            }
            Action::WriteAcl { bucket, object: Some((key, version)), acl, .. } => {
                let request = self.s3.put_object_acl().bucket(bucket).key(key).set_version_id(version.clone());
                let request = request.expected_bucket_owner(self.id).access_control_policy(written(acl)).send();
                self.calls.make(action.call(), &format!("{bucket}/{key}"), request, self.calls.ok()).await?;
            }
        }
        Ok(())
    }
}

/// Whether S3 could not carry out a call just then, so that another try may do.
pub fn is_passing(error: &CallError) -> bool {
    error.code.as_deref().is_some_and(|code| JUST_THEN.contains(&code))
}

impl<T> Found<T> {
    fn there(self) -> Option<T> {
        match self {
            Self::There(value) => Some(value),
            Self::None | Self::Gone => None,
        }
    }

    fn map<U, E>(self, make: impl FnOnce(T) -> Result<U, E>) -> Result<Found<U>, E> {
        Ok(match self {
            Self::There(value) => Found::There(make(value)?),
            Self::None => Found::None,
            Self::Gone => Found::Gone,
        })
    }
}

/// An answer, or one of the two errors that say that there is nothing
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>).
fn found<T, E, R>(answer: Result<T, SdkError<E, R>>, none: &str, gone: &str) -> Result<Found<T>, SdkError<E, R>>
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    match answer {
        Ok(answer) => Ok(Found::There(answer)),
        Err(error) if error.code() == Some(none) => Ok(Found::None),
        Err(error) if error.code() == Some(gone) => Ok(Found::Gone),
        Err(error) => Err(error),
    }
}

/// For a plan: what was read, or why not; `None` if the bucket or the access point is gone.
fn read<T, E>(found: Result<Found<T>, E>) -> Option<Read<Option<T>>>
where
    for<'a> &'a E: Into<Localized>,
{
    match found {
        Ok(Found::There(value)) => Some(Ok(Some(value))),
        Ok(Found::None) => Some(Ok(None)),
        Ok(Found::Gone) => None,
        Err(error) => Some(Err((&error).into())),
    }
}

fn absent(call: &'static str, name: &str) -> ObserveError {
    ObserveError::Answer { call, problem: localized!("no `{name}`", "`{name}` がありません") }
}

fn document(call: &'static str, found: Found<Option<String>>) -> Result<Found<Value>, ObserveError> {
    found.map(|written| {
        let written = Value::from(written.unwrap_or_default());
        policy::parse(&written).map_err(|problem| {
            let problem = Localized::new(|language| {
                let problem = problem.of(language);
                say!(language, "the policy document {problem}", "ポリシードキュメント{problem}")
            });
            ObserveError::Answer { call, problem }
        })
    })
}

/// A switch that is not in the answer is off
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PublicAccessBlockConfiguration.html>).
fn block_of_s3(block: Option<s3::PublicAccessBlockConfiguration>) -> Block {
    block.map_or(Block::OFF, |block| Block {
        block_public_acls: block.block_public_acls.unwrap_or_default(),
        ignore_public_acls: block.ignore_public_acls.unwrap_or_default(),
        block_public_policy: block.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: block.restrict_public_buckets.unwrap_or_default(),
    })
}

fn block_of_control(block: Option<control::PublicAccessBlockConfiguration>) -> Block {
    block.map_or(Block::OFF, |block| Block {
        block_public_acls: block.block_public_acls.unwrap_or_default(),
        ignore_public_acls: block.ignore_public_acls.unwrap_or_default(),
        block_public_policy: block.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: block.restrict_public_buckets.unwrap_or_default(),
    })
}

/// A list as the account shows it. It is written back later: what is not understood is an error, so that nothing is lost.
fn acl(call: &'static str, owner: Option<s3::Owner>, grants: Vec<s3::Grant>) -> Result<Acl, ObserveError> {
    let owner_id = owner.and_then(|owner| owner.id).ok_or_else(|| absent(call, "Owner"))?;
    let odd = |problem: Localized| ObserveError::Answer { call, problem };
    let grant = |grant: s3::Grant| {
        let is_of = |kind: &s3::Grantee, wanted: s3::Type| kind.r#type == wanted;
        let grantee = match grant.grantee {
            Some(s3::Grantee { uri: Some(uri), .. }) => Grantee::Group(uri),
            Some(grantee) if is_of(&grantee, s3::Type::CanonicalUser) => Grantee::User(
                grantee.id.ok_or_else(|| odd(localized!("a grantee has no `ID`", "`ID` のない被付与者があります")))?,
            ),
            other => {
                return Err(odd(localized!(
                    "a grantee of an unknown kind: {other:?}",
                    "未知の種類の被付与者があります: {other:?}"
                )));
            }
        };
        let permission = grant
            .permission
            .ok_or_else(|| odd(localized!("a grant has no `Permission`", "`Permission` のない許可があります")))?;
        Ok(Grant { grantee, permission: permission.as_str().to_owned() })
    };
    Ok(Acl { owner_id, grants: grants.into_iter().map(grant).collect::<Result<_, _>>()? })
}

/// A list as a request has it.
fn written(acl: &Acl) -> s3::AccessControlPolicy {
    let grants = acl.grants.iter().map(|grant| {
        let builder = s3::Grantee::builder();
        let (kind, builder) = match &grant.grantee {
            Grantee::Group(uri) => (s3::Type::Group, builder.uri(uri)),
            Grantee::User(id) => (s3::Type::CanonicalUser, builder.id(id)),
            Grantee::Other(address) => (s3::Type::AmazonCustomerByEmail, builder.email_address(address)),
        };
        // The type is all that a grantee has to have.
        let grantee = builder.r#type(kind).build().ok();
        s3::Grant::builder().set_grantee(grantee).permission(grant.permission.as_str().into()).build()
    });
    let owner = s3::Owner::builder().id(&acl.owner_id).build();
    s3::AccessControlPolicy::builder().owner(owner).set_grants(Some(grants.collect())).build()
}

fn told<T>(found: &Found<T>, language: Language, tell: impl FnOnce(&T) -> String) -> String {
    match found {
        Found::There(value) => tell(value),
        Found::None => say!(language, "none", "なし"),
        Found::Gone => say!(language, "gone", "存在しない"),
    }
}

fn status_in_words(is_public: Option<bool>, language: Language) -> String {
    match is_public {
        Some(true) => say!(language, "public", "パブリック"),
        Some(false) => say!(language, "not public", "非パブリック"),
        None => say!(language, "no answer in it", "応答に判定なし"),
    }
}

fn grants_in_words(number: usize, language: Language) -> String {
    let grants = if number == 1 { "grant" } else { "grants" };
    say!(language, "{number} {grants}", "許可 {number} 件")
}
