//! The reads and writes of the account.

use std::time::Duration;

use aws_sdk_iam::types::StatusType;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use rules::iam_user::plan::{AccessKey, Action, Hanging};
use rules::iam_user::{CONTAINMENT, DENY_EVERYTHING, DENY_IN_SHORT};
use rules::{Localized, policy, say};
use runtime::{CallError, Calls, users};
use serde_json::Value;
use tokio::time::sleep;

/// The pauses before a change is tried again that AWS refused because another one of the same user was under way.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html#API_DeleteUserPolicy_Errors>
const PAUSES: [Duration; 3] = [Duration::from_millis(150), Duration::from_millis(400), Duration::from_millis(1_000)];

/// The account, with a record of the calls made to it.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// The client.
    pub client: &'a aws_sdk_iam::Client,
    /// Where the calls are recorded.
    pub calls: &'a Calls,
}

/// A user that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveUser {
    /// `AIDA…`
    pub id: String,
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
}

/// What hangs on a user, as far as it could be read.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What was read. A password that could not be read may be there.
    pub hanging: Hanging,
    /// What was not, and why.
    pub not_read: Vec<CallError>,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was made.
    Done,
    /// There was nothing to change any more.
    NotThere,
}

/// All pages of one of IAM's lists about a user. `$text` makes an item of what is listed.
macro_rules! list {
    ($account:expr, $user:expr, $call:literal, $operation:ident, $items:ident, $text:expr) => {{
        let account = $account;
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let request = account.client.$operation().user_name($user).set_marker(marker.take()).send();
            let page = account.calls.make($call, $user, request, |page| page.$items().len().to_string()).await?;
            found.extend(page.$items().iter().filter_map($text));
            marker = page.marker().filter(|marker| page.is_truncated() && !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                break Ok::<_, CallError>(found);
            }
        }
    }};
}

impl<'a> Account<'a> {
    /// The user of that name; `None` if there is none.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn user(self, name: &str) -> Result<Option<LiveUser>, CallError> {
        let (request, language) = (self.client.get_user().user_name(name).send(), self.calls.language());
        let summary = |found: &aws_sdk_iam::operation::get_user::GetUserOutput| {
            found.user().map_or_else(|| say!(language, "no user", "ユーザーなし"), |user| user.user_id().to_owned())
        };
        let found = unless_missing(self.calls.make("GetUser", name, request, summary).await)?;
        let live = |user: &aws_sdk_iam::types::User| LiveUser {
            id: user.user_id().to_owned(),
            created: time(user.create_date()),
        };
        Ok(found.and_then(|found| found.user().map(live)))
    }

    /// The name of the user with that id, which may have been renamed; `None` if there is no such user.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn name_of(self, id: &str) -> Result<Option<String>, CallError> {
        unless_missing(users::name_of(self.client, id, self.calls).await).map(Option::flatten)
    }

    /// When the user's console password was made; `None` if it has none, or if there is no such user.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn password(self, user: &str) -> Result<Option<Password>, CallError> {
        let request = self.client.get_login_profile().user_name(user).send();
        let found = unless_missing(self.calls.make("GetLoginProfile", user, request, self.there()).await)?;
        let password = |found: aws_sdk_iam::operation::get_login_profile::GetLoginProfileOutput| Password {
            created: found.login_profile().and_then(|profile| time(profile.create_date())),
        };
        Ok(found.map(password))
    }

    /// The summary of a read that found something.
    fn there<T>(self) -> impl FnOnce(&T) -> String + use<T> {
        let language = self.calls.language();
        move |_| say!(language, "there", "存在")
    }

    /// Everything that hangs on a user, read at the same time.
    pub async fn hanging(self, user: &str) -> Observed {
        let keys = async {
            let key = |key: &aws_sdk_iam::types::AccessKeyMetadata| {
                let is_active = key.status() != Some(&StatusType::Inactive);
                key.access_key_id().map(|id| AccessKey { id: id.to_owned(), is_active })
            };
            list!(self, user, "ListAccessKeys", list_access_keys, access_key_metadata, key)
        };
        let devices = async {
            list!(self, user, "ListMFADevices", list_mfa_devices, mfa_devices, |device| {
                Some(device.serial_number().to_owned())
            })
        };
        let ssh_keys = async {
            list!(self, user, "ListSSHPublicKeys", list_ssh_public_keys, ssh_public_keys, |key| {
                Some(key.ssh_public_key_id().to_owned())
            })
        };
        let certificates = async {
            list!(self, user, "ListSigningCertificates", list_signing_certificates, certificates, |certificate| {
                Some(certificate.certificate_id().to_owned())
            })
        };
        let credentials = async {
            list!(
                self,
                user,
                "ListServiceSpecificCredentials",
                list_service_specific_credentials,
                service_specific_credentials,
                |credential| Some(credential.service_specific_credential_id().to_owned())
            )
        };
        let groups = async {
            list!(self, user, "ListGroupsForUser", list_groups_for_user, groups, |group| {
                Some(group.group_name().to_owned())
            })
        };
        // Boxed, because the SDK's futures are large, and all of them inside one another overflow a small stack.
        let (password, keys, devices, ssh_keys, certificates, credentials, attached, inline, groups) = tokio::join!(
            Box::pin(self.password(user)),
            Box::pin(keys),
            Box::pin(devices),
            Box::pin(ssh_keys),
            Box::pin(certificates),
            Box::pin(credentials),
            Box::pin(self.attached_policies(user)),
            Box::pin(self.inline_policies(user)),
            Box::pin(groups)
        );
        let mut not_read = Vec::new();
        let password = password.map(|password| password.is_some()).unwrap_or_else(|error| {
            not_read.push(error);
            true
        });
        let hanging = Hanging {
            password,
            access_keys: or_none(keys, &mut not_read),
            mfa_devices: or_none(devices, &mut not_read),
            ssh_keys: or_none(ssh_keys, &mut not_read),
            certificates: or_none(certificates, &mut not_read),
            service_credentials: or_none(credentials, &mut not_read),
            attached_policies: or_none(attached, &mut not_read),
            inline_policies: or_none(inline, &mut not_read),
            groups: or_none(groups, &mut not_read),
        };
        Observed { hanging, not_read }
    }

    /// The ARNs of the policies attached to a user.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer; also if there is no such user.
    pub async fn attached_policies(self, user: &str) -> Result<Vec<String>, CallError> {
        list!(self, user, "ListAttachedUserPolicies", list_attached_user_policies, attached_policies, |policy| {
            policy.policy_arn().map(str::to_owned)
        })
    }

    /// The names of a user's inline policies.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer; also if there is no such user.
    pub async fn inline_policies(self, user: &str) -> Result<Vec<String>, CallError> {
        list!(self, user, "ListUserPolicies", list_user_policies, policy_names, |name: &String| Some(name.clone()))
    }

    /// The default version of a managed policy; `None` if there is no such policy.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn default_version(self, policy: &str) -> Result<Option<String>, CallError> {
        let (request, language) = (self.client.get_policy().policy_arn(policy).send(), self.calls.language());
        let summary = |found: &aws_sdk_iam::operation::get_policy::GetPolicyOutput| {
            let version = found.policy().and_then(|policy| policy.default_version_id());
            version.map_or_else(|| say!(language, "no version", "バージョンなし"), str::to_owned)
        };
        let found = unless_missing(self.calls.make("GetPolicy", policy, request, summary).await)?;
        Ok(found.and_then(|found| found.policy()?.default_version_id().map(str::to_owned)))
    }

    /// The versions of a managed policy; none if there is no such policy.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn versions(self, policy: &str) -> Result<Vec<String>, CallError> {
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let request = self.client.list_policy_versions().policy_arn(policy).set_marker(marker.take()).send();
            let summary = |page: &aws_sdk_iam::operation::list_policy_versions::ListPolicyVersionsOutput| {
                page.versions().len().to_string()
            };
            let page = self.calls.make("ListPolicyVersions", policy, request, summary).await;
            let Some(page) = unless_missing(page)? else { return Ok(Vec::new()) };
            found.extend(page.versions().iter().filter_map(|version| version.version_id().map(str::to_owned)));
            marker = page.marker().filter(|marker| page.is_truncated() && !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// What a version of a managed policy says; `None` if there is no such version.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer, or if the answer is no policy document.
    pub async fn version(self, policy: &str, version: &str) -> Result<Option<Value>, CallError> {
        const CALL: &str = "GetPolicyVersion";
        let request = self.client.get_policy_version().policy_arn(policy).version_id(version).send();
        let (target, language) = (format!("{policy} {version}"), self.calls.language());
        let found =
            unless_missing(self.calls.make(CALL, &target, request, |_| say!(language, "read", "読み取り済み")).await)?;
        let written = |found: aws_sdk_iam::operation::get_policy_version::GetPolicyVersionOutput| {
            found.policy_version().and_then(|version| version.document()).unwrap_or_default().to_owned()
        };
        found.map(|found| document(CALL, &written(found))).transpose()
    }

    /// What an inline policy of a user says; `None` if there is none of that name, or no such user.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer, or if the answer is no policy document.
    pub async fn inline_policy(self, user: &str, policy: &str) -> Result<Option<Value>, CallError> {
        const CALL: &str = "GetUserPolicy";
        let request = self.client.get_user_policy().user_name(user).policy_name(policy).send();
        let target = format!("{user} {policy}");
        let found = unless_missing(self.calls.make(CALL, &target, request, self.there()).await)?;
        found.map(|found| document(CALL, found.policy_document())).transpose()
    }

    /// Makes a change. One that AWS refuses because another change of the user is under way is tried again.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer.
    pub async fn apply(self, user: &str, action: &Action) -> Result<Applied, CallError> {
        for pause in PAUSES {
            match self.change(user, action).await {
                Err(error) if is_concurrent(&error) => sleep(pause).await,
                result => return or_not_there(action, result),
            }
        }
        or_not_there(action, self.change(user, action).await)
    }

    /// As [`Account::apply`], boxed for being joined with others.
    pub fn applied(self, user: &'a str, action: &'a Action) -> BoxFuture<'a, Result<Applied, CallError>> {
        Box::pin(self.apply(user, action))
    }

    async fn change(self, user: &str, action: &Action) -> Result<(), CallError> {
        let target = format!("{user} {}", action.object());
        let target = target.trim();
        macro_rules! make {
            ($request:expr) => {
                self.calls.make(action.call(), target, $request.send(), self.calls.ok()).await.map(drop)
            };
        }
        let client = self.client;
        match action {
            Action::DenyEverything => {
                let request = client.put_user_policy().user_name(user).policy_name(CONTAINMENT);
                make!(request.policy_document(DENY_EVERYTHING))
            }
            Action::OverwriteInlinePolicy(name) => {
                make!(client.put_user_policy().user_name(user).policy_name(name).policy_document(DENY_IN_SHORT))
            }
            Action::LiftDenial => make!(client.delete_user_policy().user_name(user).policy_name(CONTAINMENT)),
            Action::DeletePassword => make!(client.delete_login_profile().user_name(user)),
            Action::DeactivateKey(id) => {
                let request = client.update_access_key().user_name(user).access_key_id(id);
                make!(request.status(StatusType::Inactive))
            }
            Action::DeleteKey(id) => make!(client.delete_access_key().user_name(user).access_key_id(id)),
            Action::DeactivateMfa(serial) => {
                make!(client.deactivate_mfa_device().user_name(user).serial_number(serial))
            }
            Action::DeleteSshKey(id) => make!(client.delete_ssh_public_key().user_name(user).ssh_public_key_id(id)),
            Action::DeleteCertificate(id) => {
                make!(client.delete_signing_certificate().user_name(user).certificate_id(id))
            }
            Action::DeleteServiceCredential(id) => {
                let request = client.delete_service_specific_credential().user_name(user);
                make!(request.service_specific_credential_id(id))
            }
            Action::DetachPolicy(arn) => make!(client.detach_user_policy().user_name(user).policy_arn(arn)),
            Action::DeleteInlinePolicy(name) => make!(client.delete_user_policy().user_name(user).policy_name(name)),
            Action::LeaveGroup(name) => make!(client.remove_user_from_group().user_name(user).group_name(name)),
            Action::DeleteVirtualMfa(serial) => make!(client.delete_virtual_mfa_device().serial_number(serial)),
            Action::DeleteUser => make!(client.delete_user().user_name(user)),
        }
    }
}

/// A console password that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Password {
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
}

/// Whether a change failed only for now: AWS is still making what is to be changed, or is asked too much.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html#API_DeleteLoginProfile_Errors>
pub fn is_for_now(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    code.is_empty()
        || code.starts_with("EntityTemporarilyUnmodifiable")
        || code.starts_with("Throttling")
        || code == "ServiceFailure"
        || code == "InternalError"
        || is_concurrent(error)
}

fn is_concurrent(error: &CallError) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("ConcurrentModification"))
}

/// What is to be taken away and is not there is reached; a user that is not there can be given nothing.
fn or_not_there(action: &Action, result: Result<(), CallError>) -> Result<Applied, CallError> {
    match result {
        Ok(()) => Ok(Applied::Done),
        Err(error) if error.is_not_found() && *action != Action::DenyEverything => Ok(Applied::NotThere),
        Err(error) => Err(error),
    }
}

fn unless_missing<T>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Err(error) if error.is_not_found() => Ok(None),
        result => result.map(Some),
    }
}

/// What could be listed. A user that is not there has nothing.
fn or_none<T>(listed: Result<Vec<T>, CallError>, not_read: &mut Vec<CallError>) -> Vec<T> {
    unless_missing(listed)
        .unwrap_or_else(|error| {
            not_read.push(error);
            None
        })
        .unwrap_or_default()
}

fn document(call: &'static str, written: &str) -> Result<Value, CallError> {
    policy::parse(&Value::String(written.to_owned())).map_err(|problem| {
        let detail = Localized::new(|language| {
            let problem = problem.of(language);
            say!(language, "the policy document of the answer {problem}", "応答のポリシードキュメント{problem}")
        });
        CallError { call, code: None, detail }
    })
}

fn time(time: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}
