//! What the function reads and writes in an account.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_sdk_iam::types::StatusType;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rules::access_key::Kind;
use rules::access_key::plan::Status;
use rules::access_key::sessions::{AssumedRoles, LastUse, POLICY_NAME, Session, Use, denies_older_sessions, given_out};
use rules::{Localized, localized, say};
use runtime::clients::in_region;
use runtime::{CallError, Calls, users};

/// The most pages of events that are read of one region: LookupEvents takes two calls a second, with 50 events at most in an answer
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>).
const MOST_PAGES: usize = 6;

/// The most access keys that are looked up: the credential itself, and sessions got by it.
const MOST_KEYS: usize = 8;

/// How many users are searched at the same time, for IAM's sake, which slows down an account that calls too often.
const SEARCHED_AT_ONCE: usize = 8;

/// How often all users are searched, if some are renamed or deleted meanwhile.
const MOST_SEARCHES: usize = 3;

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
        format!("{} {}", self.user, self.id)
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
                self.calls.make("UpdateAccessKey", &target, request.send(), self.calls.ok()).await.map(drop)
            }
            Kind::ServiceSpecificCredential => {
                let request = self.iam.update_service_specific_credential().user_name(&held.user);
                let request = request.service_specific_credential_id(held.id).status(off).send();
                self.calls.make("UpdateServiceSpecificCredential", &target, request, self.calls.ok()).await.map(drop)
            }
            Kind::SshPublicKey => {
                let request = self.iam.update_ssh_public_key().user_name(&held.user);
                let request = request.ssh_public_key_id(held.id).status(off).send();
                self.calls.make("UpdateSSHPublicKey", &target, request, self.calls.ok()).await.map(drop)
            }
            Kind::SigningCertificate => {
                let request = self.iam.update_signing_certificate().user_name(&held.user);
                let request = request.certificate_id(held.id).status(off).send();
                self.calls.make("UpdateSigningCertificate", &target, request, self.calls.ok()).await.map(drop)
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
                self.calls.make("DeleteAccessKey", &target, request, self.calls.ok()).await.map(drop)
            }
            Kind::ServiceSpecificCredential => {
                let request = self.iam.delete_service_specific_credential().user_name(&held.user);
                let request = request.service_specific_credential_id(held.id).send();
                self.calls.make("DeleteServiceSpecificCredential", &target, request, self.calls.ok()).await.map(drop)
            }
            Kind::SshPublicKey => {
                let request = self.iam.delete_ssh_public_key().user_name(&held.user).ssh_public_key_id(held.id).send();
                self.calls.make("DeleteSSHPublicKey", &target, request, self.calls.ok()).await.map(drop)
            }
            Kind::SigningCertificate => {
                let request =
                    self.iam.delete_signing_certificate().user_name(&held.user).certificate_id(held.id).send();
                self.calls.make("DeleteSigningCertificate", &target, request, self.calls.ok()).await.map(drop)
            }
        }
    }

    /// All access keys of a user, with their status and the time when each was made.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer, or left out what it says otherwise; also if there is no such user.
    pub async fn keys(&self, user: &str) -> Result<Vec<(String, Status, DateTime<Utc>)>, CallError> {
        const CALL: &str = "ListAccessKeys";
        let (mut keys, mut marker) = (Vec::new(), None);
        loop {
            let request = self.iam.list_access_keys().user_name(user).set_marker(marker.take()).send();
            let summary = |page: &aws_sdk_iam::operation::list_access_keys::ListAccessKeysOutput| {
                self.count(page.access_key_metadata().len())
            };
            let page = self.calls.make(CALL, user, request, summary).await?;
            for key in page.access_key_metadata() {
                let created = key.create_date().and_then(|date| DateTime::from_timestamp(date.secs(), 0));
                let told = key.access_key_id().zip(key.status()).zip(created);
                let Some(((id, status), created)) = told else {
                    let detail = localized!(
                        "a key without its id, status or date in the answer",
                        "応答に、ID、ステータス、日付のいずれかがないキーがあります"
                    );
                    return Err(CallError { call: CALL, code: None, detail });
                };
                let status = status_of([(id, status)], id).unwrap_or(Status::Active);
                keys.push((id.to_owned(), status, created));
            }
            marker = next(page.is_truncated(), page.marker());
            if marker.is_none() {
                return Ok(keys);
            }
        }
    }

    /// The status of a credential; `None` if the user has none of that id, or if there is no such user.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn status(&self, held: &Held<'_>) -> Result<Option<Status>, CallError> {
        match self.listed(held).await {
            Err(error) if error.is_not_found() => Ok(None),
            listed => listed,
        }
    }

    /// The status of a credential; `None` if the user, whose credentials are all looked through, has none of that id.
    async fn listed(&self, held: &Held<'_>) -> Result<Option<Status>, CallError> {
        let mut marker = None;
        loop {
            let (found, next) = self.page(held, marker.take()).await?;
            if found.is_some() || next.is_none() {
                return Ok(found);
            }
            marker = next;
        }
    }

    /// Who has a credential, also if it is not the one that it was thought to be: users can be renamed, and others made under their
    /// old names. `None` if nobody has it.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer, or if users came and went so that nothing can be said.
    pub async fn holder(&self, held: &Held<'_>) -> Result<Option<String>, CallError> {
        if held.kind == Kind::AccessKey {
            match self.last_use(held.id).await {
                Ok((owner, _)) => return Ok(owner),
                Err(error) if error.is_not_found() => return Ok(None),
                // Of a key that there is not, AWS can't tell whether the caller may ask.
                Err(error) if is_denied(&error) => match self.listed(held).await {
                    Err(error) if error.is_not_found() => {}
                    listed => return Ok(listed?.map(|_| held.user.clone())),
                },
                Err(error) => return Err(error),
            }
        }
        for _ in 0..MOST_SEARCHES {
            if let Some(holder) = self.search(held).await? {
                return Ok(holder);
            }
        }
        let detail = Localized::new(|language| {
            let id = held.id;
            say!(
                language,
                "users were renamed or deleted while {id} was looked for",
                "{id} を探している間に、ユーザーの名前が変更されたか削除されました"
            )
        });
        Err(CallError { call: "ListUsers", code: None, detail })
    }

    /// Looks for a credential at all users there are; `None` if some went meanwhile, so that they may have it under other names.
    async fn search(&self, held: &Held<'_>) -> Result<Option<Option<String>>, CallError> {
        let mut has_all = true;
        for names in users::names(self.iam, self.calls).await?.chunks(SEARCHED_AT_ONCE) {
            let held = names.iter().map(|user| Held { user: user.clone(), ..held.clone() }).collect::<Vec<_>>();
            let listed = join_all(held.iter().map(|held| Box::pin(self.listed(held)))).await;
            for (held, listed) in held.into_iter().zip(listed) {
                match listed {
                    Ok(Some(_)) => return Ok(Some(Some(held.user))),
                    Ok(None) => {}
                    Err(error) if error.is_not_found() => has_all = false,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(has_all.then_some(None))
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
                    self.count(page.access_key_metadata().len())
                };
                let page = self.calls.make("ListAccessKeys", user, request, summary).await?;
                let items = page.access_key_metadata().iter().filter_map(|key| key.access_key_id().zip(key.status()));
                Ok((status_of(items, id), next(page.is_truncated(), page.marker())))
            }
            Kind::ServiceSpecificCredential => {
                let request = self.iam.list_service_specific_credentials().user_name(user).set_marker(marker).send();
                let summary = |page: &aws_sdk_iam::operation::list_service_specific_credentials::ListServiceSpecificCredentialsOutput| {
                    self.count(page.service_specific_credentials().len())
                };
                let page = self.calls.make("ListServiceSpecificCredentials", user, request, summary).await?;
                let items = page.service_specific_credentials().iter();
                let items = items.map(|credential| (credential.service_specific_credential_id(), credential.status()));
                Ok((status_of(items, id), next(page.is_truncated(), page.marker())))
            }
            Kind::SshPublicKey => {
                let request = self.iam.list_ssh_public_keys().user_name(user).set_marker(marker).send();
                let summary = |page: &aws_sdk_iam::operation::list_ssh_public_keys::ListSshPublicKeysOutput| {
                    self.count(page.ssh_public_keys().len())
                };
                let page = self.calls.make("ListSSHPublicKeys", user, request, summary).await?;
                let items = page.ssh_public_keys().iter().map(|key| (key.ssh_public_key_id(), key.status()));
                Ok((status_of(items, id), next(page.is_truncated(), page.marker())))
            }
            Kind::SigningCertificate => {
                let request = self.iam.list_signing_certificates().user_name(user).set_marker(marker).send();
                let summary =
                    |page: &aws_sdk_iam::operation::list_signing_certificates::ListSigningCertificatesOutput| {
                        self.count(page.certificates().len())
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
        let language = self.calls.language();
        let summary = |found: &aws_sdk_iam::operation::get_access_key_last_used::GetAccessKeyLastUsedOutput| match used(
            found.access_key_last_used(),
        ) {
            LastUse::Shown(Use { service, region, .. }) => {
                say!(language, "used for {service} in {region}", "{region} の {service} で使用")
            }
            _ => say!(language, "no use so far", "今のところ使用なし"),
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
        self.calls.make("PutUserPolicy", &format!("{user} {POLICY_NAME}"), request, self.calls.ok()).await.map(drop)
    }

    fn count(&self, number: usize) -> String {
        say!(self.calls.language(), "{number} listed", "{number} 件")
    }

    /// Finds the roles that were assumed since then with an access key, or with sessions got by it, as far as the event history of these
    /// regions shows it by now.
    pub async fn assumed_roles(
        &self,
        id: &str,
        regions: &BTreeSet<String>,
        since: DateTime<Utc>,
        found: &mut AssumedRoles,
    ) {
        let mut keys = vec![id.to_owned()];
        let mut position = 0;
        while let Some(key) = keys.get(position).cloned() {
            if position == MOST_KEYS {
                found.problems.push(Localized::new(|language| {
                    say!(
                        language,
                        "there are more than {MOST_KEYS} sessions, which are not all looked at",
                        "セッションが {MOST_KEYS} 個を超えるため、一部は調べていません"
                    )
                }));
                return;
            }
            for region in regions {
                let mut sessions = Vec::new();
                match self.sessions(&key, region, since, &mut sessions).await {
                    Ok(()) => drop(found.regions.insert(region.clone())),
                    Err(problem) => found.problems.push(problem),
                }
                for session in sessions {
                    found.arns.extend(session.role);
                    keys.extend(session.key.filter(|key| !keys.contains(key)));
                }
            }
            position += 1;
        }
    }

    /// The sessions that were given out to an access key, by the event history of a region.
    async fn sessions(
        &self,
        id: &str,
        region: &str,
        since: DateTime<Utc>,
        found: &mut Vec<Session>,
    ) -> Result<(), Localized> {
        let config = in_region(self.config, region).map_err(|error| Localized::from(&error))?;
        let client = aws_sdk_cloudtrail::Client::new(&config);
        let by_key = LookupAttribute::builder().attribute_key(LookupAttributeKey::AccessKeyId).attribute_value(id);
        let by_key = by_key.build().map_err(|error| Localized::verbatim(error.to_string()))?;
        let (target, language) = (format!("{region} {id}"), self.calls.language());
        let mut token = None;
        for _ in 0..MOST_PAGES {
            let request = client.lookup_events().lookup_attributes(by_key.clone()).set_next_token(token.take());
            let request = request.start_time(aws_smithy_types::DateTime::from_secs(since.timestamp())).send();
            let summary = |page: &aws_sdk_cloudtrail::operation::lookup_events::LookupEventsOutput| {
                let number = page.events().len();
                say!(language, "{number} events", "イベント {number} 件")
            };
            let page = self.calls.make("LookupEvents", &target, request, summary).await;
            let page = page.map_err(|error| Localized::from(&error))?;
            found.extend(page.events().iter().filter_map(|event| event.cloud_trail_event()).filter_map(given_out));
            token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
        Err(Localized::new(|language| {
            say!(
                language,
                "there are more events of {id} in {region} than snapback reads",
                "{region} の {id} のイベントが、snapback が読み取る上限を超えています"
            )
        }))
    }
}

fn used(last_used: Option<&aws_sdk_iam::types::AccessKeyLastUsed>) -> LastUse {
    let shown = last_used.and_then(|last| last.last_used_date().map(|date| (last, date)));
    let Some((last, date)) = shown else { return LastUse::NoneShown };
    let at = DateTime::from_timestamp(date.secs(), 0).unwrap_or_default();
    LastUse::Shown(Use { at, service: last.service_name().to_owned(), region: last.region().to_owned() })
}

/// Whether AWS refused a call because the caller may not make it.
pub fn is_denied(error: &CallError) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("AccessDenied"))
}
