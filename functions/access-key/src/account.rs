//! What the function reads and writes in an account.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_sdk_iam::types::StatusType;
use chrono::{DateTime, Utc};
use rules::access_key::Kind;
use rules::access_key::plan::Status;
use rules::access_key::sessions::{LastUse, POLICY_NAME, Use, assumed_role, denies_older_sessions};
use runtime::clients::in_region;
use runtime::{CallError, Calls};

/// The most pages of events that are read of one region: LookupEvents takes two calls a second, with 50 events at most in an answer
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>).
const MOST_PAGES: usize = 6;

/// An account, with a record of the calls made on it.
pub struct Account<'a> {
    /// For IAM.
    pub iam: &'a aws_sdk_iam::Client,
    /// For CloudTrail, in whatever region.
    pub config: &'a SdkConfig,
    /// Where the calls are recorded.
    pub calls: &'a Calls,
}

/// A user's credential, as the account has it.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: &'a str,
    /// The user's name.
    pub user: String,
}

impl Held<'_> {
    fn target(&self) -> String {
        format!("{} of {}", self.id, self.user)
    }
}

/// The marker of a list's next page, if there is one.
fn next(is_truncated: bool, marker: Option<&str>) -> Option<String> {
    marker.filter(|marker| is_truncated && !marker.is_empty()).map(str::to_owned)
}

/// The status of the credential with that id.
fn status_of<'a>(items: impl IntoIterator<Item = (&'a str, &'a StatusType)>, id: &str) -> Option<Status> {
    let (_, status) = items.into_iter().find(|(known, _)| *known == id)?;
    Some(match status {
        StatusType::Inactive | StatusType::Expired => Status::Inactive,
        // What AWS may add one day is taken for what it may be at worst.
        _ => Status::Active,
    })
}

fn ok<T>(_: &T) -> String {
    "ok".to_owned()
}

impl Account<'_> {
    /// Sets a credential to `Inactive`.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn deactivate(&self, held: &Held<'_>) -> Result<(), CallError> {
        let (target, off) = (held.target(), StatusType::Inactive);
        match held.kind {
            Kind::AccessKey => {
                let request = self.iam.update_access_key().user_name(&held.user).access_key_id(held.id).status(off);
                self.calls.make("UpdateAccessKey", &target, request.send(), ok).await.map(drop)
            }
            Kind::ServiceSpecificCredential => {
                let request = self.iam.update_service_specific_credential().user_name(&held.user);
                let request = request.service_specific_credential_id(held.id).status(off).send();
                self.calls.make("UpdateServiceSpecificCredential", &target, request, ok).await.map(drop)
            }
            Kind::SshPublicKey => {
                let request = self.iam.update_ssh_public_key().user_name(&held.user);
                let request = request.ssh_public_key_id(held.id).status(off).send();
                self.calls.make("UpdateSSHPublicKey", &target, request, ok).await.map(drop)
            }
            Kind::SigningCertificate => {
                let request = self.iam.update_signing_certificate().user_name(&held.user);
                let request = request.certificate_id(held.id).status(off).send();
                self.calls.make("UpdateSigningCertificate", &target, request, ok).await.map(drop)
            }
        }
    }

    /// Deletes a credential.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn delete(&self, held: &Held<'_>) -> Result<(), CallError> {
        let target = held.target();
        match held.kind {
            Kind::AccessKey => {
                let request = self.iam.delete_access_key().user_name(&held.user).access_key_id(held.id).send();
                self.calls.make("DeleteAccessKey", &target, request, ok).await.map(drop)
            }
            Kind::ServiceSpecificCredential => {
                let request = self.iam.delete_service_specific_credential().user_name(&held.user);
                let request = request.service_specific_credential_id(held.id).send();
                self.calls.make("DeleteServiceSpecificCredential", &target, request, ok).await.map(drop)
            }
            Kind::SshPublicKey => {
                let request = self.iam.delete_ssh_public_key().user_name(&held.user).ssh_public_key_id(held.id).send();
                self.calls.make("DeleteSSHPublicKey", &target, request, ok).await.map(drop)
            }
            Kind::SigningCertificate => {
                let request =
                    self.iam.delete_signing_certificate().user_name(&held.user).certificate_id(held.id).send();
                self.calls.make("DeleteSigningCertificate", &target, request, ok).await.map(drop)
            }
        }
    }

    /// Reads the status of a credential; `None` if the user, whose credentials are all looked through, has none of that id,
    /// or if there is no such user.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn status(&self, held: &Held<'_>) -> Result<Option<Status>, CallError> {
        let mut marker = None;
        loop {
            let (found, next) = match self.page(held, marker.take()).await {
                Err(error) if error.is_not_found() => return Ok(None),
                page => page?,
            };
            if found.is_some() || next.is_none() {
                return Ok(found);
            }
            marker = next;
        }
    }

    /// One page of a user's credentials: the status of the one looked for, if it is there, and where the next page begins.
    async fn page(
        &self,
        held: &Held<'_>,
        marker: Option<String>,
    ) -> Result<(Option<Status>, Option<String>), CallError> {
        let Held { kind, id, user } = held;
        match kind {
            Kind::AccessKey => {
                let request = self.iam.list_access_keys().user_name(user).set_marker(marker).send();
                let summary = |page: &aws_sdk_iam::operation::list_access_keys::ListAccessKeysOutput| {
                    count(page.access_key_metadata().len())
                };
                let page = self.calls.make("ListAccessKeys", user, request, summary).await?;
                let items = page.access_key_metadata().iter().filter_map(|key| key.access_key_id().zip(key.status()));
                Ok((status_of(items, id), next(page.is_truncated(), page.marker())))
            }
            Kind::ServiceSpecificCredential => {
                let request = self.iam.list_service_specific_credentials().user_name(user).set_marker(marker).send();
                let summary = |page: &aws_sdk_iam::operation::list_service_specific_credentials::ListServiceSpecificCredentialsOutput| {
                    count(page.service_specific_credentials().len())
                };
                let page = self.calls.make("ListServiceSpecificCredentials", user, request, summary).await?;
                let items = page.service_specific_credentials().iter();
                let items = items.map(|credential| (credential.service_specific_credential_id(), credential.status()));
                Ok((status_of(items, id), next(page.is_truncated(), page.marker())))
            }
            Kind::SshPublicKey => {
                let request = self.iam.list_ssh_public_keys().user_name(user).set_marker(marker).send();
                let summary = |page: &aws_sdk_iam::operation::list_ssh_public_keys::ListSshPublicKeysOutput| {
                    count(page.ssh_public_keys().len())
                };
                let page = self.calls.make("ListSSHPublicKeys", user, request, summary).await?;
                let items = page.ssh_public_keys().iter().map(|key| (key.ssh_public_key_id(), key.status()));
                Ok((status_of(items, id), next(page.is_truncated(), page.marker())))
            }
            Kind::SigningCertificate => {
                let request = self.iam.list_signing_certificates().user_name(user).set_marker(marker).send();
                let summary =
                    |page: &aws_sdk_iam::operation::list_signing_certificates::ListSigningCertificatesOutput| {
                        count(page.certificates().len())
                    };
                let page = self.calls.make("ListSigningCertificates", user, request, summary).await?;
                let items = page.certificates().iter().map(|known| (known.certificate_id(), known.status()));
                Ok((status_of(items, id), next(page.is_truncated(), page.marker())))
            }
        }
    }

    /// Whose an access key is, and when it was used last.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer; it also refuses to speak of a key that there is not.
    pub async fn last_use(&self, id: &str) -> Result<(Option<String>, LastUse), CallError> {
        let request = self.iam.get_access_key_last_used().access_key_id(id).send();
        let summary = |found: &aws_sdk_iam::operation::get_access_key_last_used::GetAccessKeyLastUsedOutput| match used(
            found.access_key_last_used(),
        ) {
            LastUse::Shown(last) => format!("used for {} in {}", last.service, last.region),
            _ => "no use so far".to_owned(),
        };
        let found = self.calls.make("GetAccessKeyLastUsed", id, request, summary).await?;
        Ok((found.user_name().map(str::to_owned), used(found.access_key_last_used())))
    }

    /// Denies everything to the temporary credentials of a user that were issued before `time`.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn deny_older_sessions(&self, user: &str, time: DateTime<Utc>) -> Result<(), CallError> {
        let request = self.iam.put_user_policy().user_name(user).policy_name(POLICY_NAME);
        let request = request.policy_document(denies_older_sessions(time)).send();
        self.calls.make("PutUserPolicy", &format!("{POLICY_NAME} on {user}"), request, ok).await.map(drop)
    }

    /// The ARNs of the roles that were assumed with an access key since then, as far as a region's event history shows it by now.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn assumed_roles(
        &self,
        id: &str,
        region: &str,
        since: DateTime<Utc>,
        found: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let config = in_region(self.config, region).map_err(|error| error.to_string())?;
        let client = aws_sdk_cloudtrail::Client::new(&config);
        let by_key = LookupAttribute::builder().attribute_key(LookupAttributeKey::AccessKeyId).attribute_value(id);
        let by_key = by_key.build().map_err(|error| error.to_string())?;
        let target = format!("{id} in {region}");
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let request = client.lookup_events().lookup_attributes(by_key.clone()).set_next_token(token.take());
            let request = request.start_time(aws_smithy_types::DateTime::from_secs(since.timestamp())).send();
            let summary = |page: &aws_sdk_cloudtrail::operation::lookup_events::LookupEventsOutput| {
                format!("{} events", page.events().len())
            };
            let page = self.calls.make("LookupEvents", &target, request, summary).await;
            let page = page.map_err(|error| error.to_string())?;
            found.extend(page.events().iter().filter_map(|event| event.cloud_trail_event()).filter_map(assumed_role));
            token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
        Err(format!("there are more events of the key in {region} than snapback reads"))
    }
}

fn used(last_used: Option<&aws_sdk_iam::types::AccessKeyLastUsed>) -> LastUse {
    let shown = last_used.and_then(|last| last.last_used_date().map(|date| (last, date)));
    let Some((last, date)) = shown else { return LastUse::NoneShown };
    let at = DateTime::from_timestamp(date.secs(), 0).unwrap_or_default();
    LastUse::Shown(Use { at, service: last.service_name().to_owned(), region: last.region().to_owned() })
}

fn count(number: usize) -> String {
    format!("{number} listed")
}
