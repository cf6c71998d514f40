//! Re-enacting calls of IAM: users, their credentials and permissions, roles and identity providers.
//!
//! Names stay as the events have them. In an account that is not a stand-in nothing is touched that is there already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::StatusType;
use chrono::{DateTime, Utc};
use rules::event::Event;
use rules::json::{field, text};
use rules::policy;
use rules::text::quote;
use runtime::CallError;
use serde_json::{Value, json};

use super::{ReenactError, not_enough};
use crate::CERTIFICATE;

/// The calls that can be made again.
const CALLS: &[&str] = &[
    "AddClientIDToOpenIDConnectProvider",
    "AddUserToGroup",
    "AttachUserPolicy",
    "CreateAccessKey",
    "CreateLoginProfile",
    "CreateOpenIDConnectProvider",
    "CreateRole",
    "CreateSAMLProvider",
    "CreateServiceSpecificCredential",
    "CreateUser",
    "DeactivateMFADevice",
    "DeleteAccountPasswordPolicy",
    "DeleteUser",
    "DeleteUserPermissionsBoundary",
    "DeleteVirtualMFADevice",
    "PutUserPolicy",
    "ResetServiceSpecificCredential",
    "UpdateAccessKey",
    "UpdateAssumeRolePolicy",
    "UpdateLoginProfile",
    "UpdateOpenIDConnectProviderThumbprint",
    "UpdateSAMLProvider",
    "UpdateServiceSpecificCredential",
    "UpdateSigningCertificate",
    "UpdateSSHPublicKey",
    "UploadSigningCertificate",
    "UploadSSHPublicKey",
];

/// A policy of AWS's that stands for a permissions boundary.
const BOUNDARY: &str = "arn:aws:iam::aws:policy/PowerUserAccess";

/// What stands for a policy whose document the event does not hold.
const SOME_POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;

/// What a role trusts before the event changes it.
const TRUST_BEFORE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

const SSH_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7vbqajDhA replay";
const ANOTHER_THUMBPRINT: &str = "0123456789abcdef0123456789abcdef01234567";
const THUMBPRINT: &str = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";

/// A kind of long-term credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An access key.
    AccessKey,
    /// A service-specific credential.
    ServiceSpecific,
    /// An SSH public key.
    SshKey,
    /// An X.509 signing certificate.
    Certificate,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::AccessKey => "access key",
            Self::ServiceSpecific => "service-specific credential",
            Self::SshKey => "SSH public key",
            Self::Certificate => "signing certificate",
        }
    }

    /// Of the call that changes one, or makes one.
    fn of(event_name: &str) -> Option<Self> {
        [
            ("AccessKey", Self::AccessKey),
            ("ServiceSpecificCredential", Self::ServiceSpecific),
            ("SSHPublicKey", Self::SshKey),
            ("SigningCertificate", Self::Certificate),
        ]
        .into_iter()
        .find_map(|(ending, kind)| event_name.ends_with(ending).then_some(kind))
    }

    /// The field of a request or response that holds its id.
    fn id_field(self) -> &'static str {
        match self {
            Self::AccessKey => "accessKeyId",
            Self::ServiceSpecific => "serviceSpecificCredentialId",
            Self::SshKey => "sSHPublicKeyId",
            Self::Certificate => "certificateId",
        }
    }

    /// The field of a response that holds the whole credential.
    fn field(self) -> &'static str {
        match self {
            Self::AccessKey => "accessKey",
            Self::ServiceSpecific => "serviceSpecificCredential",
            Self::SshKey => "sSHPublicKey",
            Self::Certificate => "certificate",
        }
    }
}

/// What the users, roles and providers of a re-enactment are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// By name.
    pub users: BTreeMap<String, User>,
    /// By name.
    pub roles: BTreeMap<String, Role>,
    /// What identity providers are told by, by ARN: client ids and thumbprints, or metadata.
    pub providers: BTreeMap<String, String>,
    /// Virtual MFA devices that nobody has, by serial number.
    pub unassigned_mfa_devices: BTreeSet<String>,
    /// Whether there is an account password policy; `None` if no event is about it.
    pub password_policy: Option<bool>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// `AIDA…`.
    pub id: String,
    /// Whether it can sign in with a password.
    pub has_login_profile: bool,
    /// Whether each long-term credential is active.
    pub credentials: BTreeMap<(Kind, String), bool>,
    /// Serial numbers.
    pub mfa_devices: BTreeSet<String>,
    /// Documents of inline policies, by name.
    pub inline: BTreeMap<String, Value>,
    /// Documents of attached policies, by ARN.
    pub attached: BTreeMap<String, Value>,
    /// Names.
    pub groups: BTreeSet<String>,
    /// The ARN of the policy that bounds it.
    pub boundary: Option<String>,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// `AROA…`.
    pub id: String,
    /// The trust policy.
    pub trust: Value,
}

impl State {
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, user) in &self.users {
            let name = quote(name);
            lines.push(format!("user {name} ({})", user.id));
            lines.extend(user.has_login_profile.then(|| format!("user {name} has a password for the console")));
            for ((kind, id), is_active) in &user.credentials {
                let status = if *is_active { "Active" } else { "Inactive" };
                lines.push(format!("user {name} has {} {} {status}", kind.words(), quote(id)));
            }
            lines.extend(user.mfa_devices.iter().map(|serial| format!("user {name} has MFA device {}", quote(serial))));
            lines.extend(
                user.inline
                    .iter()
                    .map(|(policy, document)| format!("user {name} has policy {} {document}", quote(policy))),
            );
            lines.extend(user.attached.keys().map(|arn| format!("user {name} has policy {}", quote(arn))));
            lines.extend(user.groups.iter().map(|group| format!("user {name} is in group {}", quote(group))));
            lines.extend(user.boundary.iter().map(|arn| format!("user {name} is bounded by {}", quote(arn))));
        }
        let roles =
            self.roles.iter().map(|(name, role)| format!("role {} ({}) trusts {}", quote(name), role.id, role.trust));
        lines.extend(roles);
        lines.extend(
            self.providers.iter().map(|(arn, told)| format!("identity provider {} {}", quote(arn), quote(told))),
        );
        lines
            .extend(self.unassigned_mfa_devices.iter().map(|serial| format!("MFA device {} of nobody", quote(serial))));
        lines.extend((self.password_policy == Some(true)).then(|| "account password policy".to_owned()));
        lines
    }
}

/// Whether the call behind an event can be made here. Root's own credentials can't: nobody but root makes them.
pub(super) fn can_be_made(event: &Event) -> bool {
    // Of its own MFA device, root's name is told with blanks, which no user's has.
    let is_of_nobody = user_of(event).is_none_or(|name| name.contains(' '));
    let is_of_somebody = Kind::of(&event.name).is_some() || event.name == "DeactivateMFADevice";
    let is_of_roots_own = event.actor.kind == "Root" && is_of_somebody && is_of_nobody;
    CALLS.contains(&event.name.as_str()) && !is_of_roots_own
}

/// Whether what a call needs is there.
pub(super) enum Prepared {
    Ready,
    /// It can't be made any more, because of what was taken back earlier; the reason in words.
    Impossible(String),
}

/// The users, roles and providers of one scenario.
pub(super) struct Iam {
    client: Client,
    prefix: String,
    may_use_existing: bool,
    /// Recorded ids and ARNs, and the account's.
    ids: BTreeMap<String, String>,
    /// What the events are about, by name, ARN or serial number. Only what is in `made` is ours.
    users: BTreeSet<String>,
    roles: BTreeSet<String>,
    providers: BTreeSet<String>,
    mfa_devices: BTreeSet<String>,
    is_about_password_policy: bool,
    /// Documents of policies that can be attached, by ARN.
    documents: Mutex<BTreeMap<String, Value>>,
    /// What was created, in order.
    made: Vec<Made>,
}

/// Something that was created, and is deleted at the end if it is still there.
enum Made {
    User { name: String, id: String },
    Group(String),
    Policy(String),
    Role { name: String, id: String },
    Provider(String),
    MfaDevice(String),
}

impl Iam {
    pub(super) fn new(config: &SdkConfig, prefix: &str, may_use_existing: bool) -> Self {
        Self {
            client: Client::new(config),
            prefix: prefix.to_owned(),
            may_use_existing,
            ids: BTreeMap::new(),
            users: BTreeSet::new(),
            roles: BTreeSet::new(),
            providers: BTreeSet::new(),
            mfa_devices: BTreeSet::new(),
            is_about_password_policy: false,
            documents: Mutex::default(),
            made: Vec::new(),
        }
    }

    /// Creates what the call needs.
    pub(super) async fn prepare(&mut self, event: &Event) -> Result<Prepared, ReenactError> {
        let request = &event.request;
        let wanted =
            |name: &str| text(request, name).ok_or_else(|| not_enough(&format!("no `{name}` in `requestParameters`")));
        match event.name.as_str() {
            "CreateUser" => {
                self.users.insert(wanted("userName")?);
                return Ok(Prepared::Ready);
            }
            "CreateRole" => {
                self.roles.insert(wanted("roleName")?);
                return Ok(Prepared::Ready);
            }
            "CreateSAMLProvider" | "CreateOpenIDConnectProvider" => return Ok(Prepared::Ready),
            "UpdateAssumeRolePolicy" => return self.ensure_role(&wanted("roleName")?).await,
            "UpdateSAMLProvider" => return self.ensure_saml_provider(&wanted("sAMLProviderArn")?).await,
            "AddClientIDToOpenIDConnectProvider" | "UpdateOpenIDConnectProviderThumbprint" => {
                return self.ensure_oidc_provider(&wanted("openIDConnectProviderArn")?).await;
            }
            "DeleteAccountPasswordPolicy" => return self.ensure_password_policy().await,
            "DeleteVirtualMFADevice" => {
                self.ensure_mfa_device(&wanted("serialNumber")?).await?;
                return Ok(Prepared::Ready);
            }
            _ => {}
        }
        let user = user_of(event).ok_or_else(|| not_enough("the event does not say whose it is"))?;
        if let Prepared::Impossible(reason) = self.ensure_user(&user).await? {
            return Ok(Prepared::Impossible(reason));
        }
        let client = &self.client;
        match event.name.as_str() {
            "UpdateLoginProfile" => {
                let call = client.create_login_profile().user_name(&user).password(self.password());
                unless_there("CreateLoginProfile", call.send().await.map(drop))?;
            }
            "AttachUserPolicy" => {
                let arn = wanted("policyArn")?;
                self.ensure_policy(&arn).await?;
            }
            "AddUserToGroup" => {
                let name = wanted("groupName")?;
                let is_ours = |made: &Made| matches!(made, Made::Group(known) if *known == name);
                if unless_there("CreateGroup", client.create_group().group_name(&name).send().await.map(drop))? {
                    self.made.push(Made::Group(name));
                } else if !self.may_use_existing && !self.made.iter().any(is_ours) {
                    return Err(there_already(&format!("a group named `{name}`")));
                }
            }
            "DeactivateMFADevice" => {
                let serial = self.ensure_mfa_device(&wanted("serialNumber")?).await?;
                let call = self.client.enable_mfa_device().user_name(&user).serial_number(&serial);
                let call = call.authentication_code1("123456").authentication_code2("654321").send().await;
                unless_there("EnableMFADevice", call.map(drop))?;
            }
            "DeleteUserPermissionsBoundary" => {
                let call = client.put_user_permissions_boundary().user_name(&user).permissions_boundary(BOUNDARY);
                call.send().await.map_err(|error| CallError::new("PutUserPermissionsBoundary", &error))?;
            }
            name if name.starts_with("Update") || name.starts_with("Reset") => {
                let Some(kind) = Kind::of(name) else { return Ok(Prepared::Ready) };
                let recorded = wanted(kind.id_field())?;
                if !self.ids.contains_key(&recorded) {
                    let made = self.make_credential(kind, &user, event).await?;
                    // What it was before: the other of the two statuses.
                    let before = if is_to_active(event) { StatusType::Inactive } else { StatusType::Active };
                    self.set_status(kind, &user, &made, before).await?;
                    self.ids.insert(recorded, made);
                }
            }
            _ => {}
        }
        Ok(Prepared::Ready)
    }

    /// Makes the call itself. Gives what had to be done differently, if anything.
    pub(super) async fn make(&mut self, event: &Event) -> Result<Option<String>, ReenactError> {
        let request = &event.request;
        let client = self.client.clone();
        let wanted =
            |name: &str| text(request, name).ok_or_else(|| not_enough(&format!("no `{name}` in `requestParameters`")));
        let user = user_of(event).unwrap_or_default();
        match event.name.as_str() {
            "CreateUser" => {
                let call = client.create_user().user_name(&user).set_path(text(request, "path"));
                let call = call.set_permissions_boundary(text(request, "permissionsBoundary"));
                let made = call.send().await.map_err(|error| CallError::new("CreateUser", &error))?;
                let id = made.user().map(|user| user.user_id().to_owned()).unwrap_or_default();
                if let Some(recorded) = text(field(&event.response, "user"), "userId") {
                    self.ids.insert(recorded, id.clone());
                }
                self.made.push(Made::User { name: user, id });
            }
            "CreateLoginProfile" => {
                let call = client.create_login_profile().user_name(&user).password(self.password());
                call.send().await.map_err(|error| CallError::new("CreateLoginProfile", &error))?;
            }
            "UpdateLoginProfile" => {
                let call = client.update_login_profile().user_name(&user).password(format!("{}x", self.password()));
                call.send().await.map_err(|error| CallError::new("UpdateLoginProfile", &error))?;
            }
            "AttachUserPolicy" => {
                let arn = self.live(&wanted("policyArn")?);
                let call = client.attach_user_policy().user_name(&user).policy_arn(&arn).send().await;
                call.map_err(|error| CallError::new("AttachUserPolicy", &error))?;
                let is_made = self.made.iter().any(|made| matches!(made, Made::Policy(known) if *known == arn));
                let note = "the event does not hold the policy's document, so one that allows something stands for it";
                return Ok(is_made.then(|| note.to_owned()));
            }
            "PutUserPolicy" => {
                let call = client.put_user_policy().user_name(&user).policy_name(wanted("policyName")?);
                let call = call.policy_document(wanted("policyDocument")?).send().await;
                call.map_err(|error| CallError::new("PutUserPolicy", &error))?;
            }
            "AddUserToGroup" => {
                let call = client.add_user_to_group().user_name(&user).group_name(wanted("groupName")?).send().await;
                call.map_err(|error| CallError::new("AddUserToGroup", &error))?;
            }
            "DeactivateMFADevice" => {
                let serial = self.live(&wanted("serialNumber")?);
                let call = client.deactivate_mfa_device().user_name(&user).serial_number(serial).send().await;
                call.map_err(|error| CallError::new("DeactivateMFADevice", &error))?;
            }
            "DeleteVirtualMFADevice" => {
                let serial = self.live(&wanted("serialNumber")?);
                let call = client.delete_virtual_mfa_device().serial_number(serial).send().await;
                call.map_err(|error| CallError::new("DeleteVirtualMFADevice", &error))?;
            }
            "DeleteUser" => {
                let call = client.delete_user().user_name(&user).send().await;
                call.map_err(|error| CallError::new("DeleteUser", &error))?;
            }
            "DeleteUserPermissionsBoundary" => {
                let call = client.delete_user_permissions_boundary().user_name(&user).send().await;
                call.map_err(|error| CallError::new("DeleteUserPermissionsBoundary", &error))?;
            }
            "DeleteAccountPasswordPolicy" => {
                let call = client.delete_account_password_policy().send().await;
                call.map_err(|error| CallError::new("DeleteAccountPasswordPolicy", &error))?;
            }
            "CreateRole" => {
                let name = wanted("roleName")?;
                let call = client.create_role().role_name(&name).set_path(text(request, "path"));
                let call = call.assume_role_policy_document(wanted("assumeRolePolicyDocument")?).send().await;
                let made = call.map_err(|error| CallError::new("CreateRole", &error))?;
                let id = made.role().map(|role| role.role_id().to_owned()).unwrap_or_default();
                if let Some(recorded) = text(field(&event.response, "role"), "roleId") {
                    self.ids.insert(recorded, id.clone());
                }
                self.made.push(Made::Role { name, id });
            }
            "UpdateAssumeRolePolicy" => {
                let call = client.update_assume_role_policy().role_name(wanted("roleName")?);
                let call = call.policy_document(wanted("policyDocument")?).send().await;
                call.map_err(|error| CallError::new("UpdateAssumeRolePolicy", &error))?;
            }
            "CreateSAMLProvider" => {
                let made = self.make_saml_provider(&wanted("name")?).await?;
                if let Some(recorded) = text(&event.response, "sAMLProviderArn") {
                    self.ids.insert(recorded, made);
                }
            }
            "UpdateSAMLProvider" => {
                let arn = self.live(&wanted("sAMLProviderArn")?);
                let call =
                    client.update_saml_provider().saml_provider_arn(arn).saml_metadata_document(metadata("another"));
                call.send().await.map_err(|error| CallError::new("UpdateSAMLProvider", &error))?;
            }
            "CreateOpenIDConnectProvider" => {
                let clients = policy::texts(request, "clientIDList");
                let made = self.make_oidc_provider(&wanted("url")?, clients).await?;
                if let Some(recorded) = text(&event.response, "openIDConnectProviderArn") {
                    self.ids.insert(recorded, made);
                }
            }
            "AddClientIDToOpenIDConnectProvider" => {
                let call = client.add_client_id_to_open_id_connect_provider();
                let call = call.open_id_connect_provider_arn(self.live(&wanted("openIDConnectProviderArn")?));
                let call = call.client_id(wanted("clientID")?).send().await;
                call.map_err(|error| CallError::new("AddClientIDToOpenIDConnectProvider", &error))?;
            }
            "UpdateOpenIDConnectProviderThumbprint" => {
                let call = client.update_open_id_connect_provider_thumbprint();
                let call = call.open_id_connect_provider_arn(self.live(&wanted("openIDConnectProviderArn")?));
                let call = call.thumbprint_list(ANOTHER_THUMBPRINT).send().await;
                call.map_err(|error| CallError::new("UpdateOpenIDConnectProviderThumbprint", &error))?;
            }
            name => {
                let kind = Kind::of(name).ok_or_else(|| not_enough(&format!("`{name}` can't be made again here")))?;
                if name.starts_with("Update") {
                    let status = if is_to_active(event) { StatusType::Active } else { StatusType::Inactive };
                    self.set_status(kind, &user, &self.live(&wanted(kind.id_field())?), status).await?;
                } else if name.starts_with("Reset") {
                    let call = client.reset_service_specific_credential().user_name(&user);
                    let call = call.service_specific_credential_id(self.live(&wanted(kind.id_field())?)).send().await;
                    call.map_err(|error| CallError::new("ResetServiceSpecificCredential", &error))?;
                } else {
                    let made = self.make_credential(kind, &user, event).await?;
                    if let Some(recorded) = text(field(&event.response, kind.field()), kind.id_field()) {
                        self.ids.insert(recorded, made);
                    }
                }
            }
        }
        Ok(None)
    }

    /// What the scenario's users, roles and providers are now.
    pub(super) async fn state(&self) -> Result<State, ReenactError> {
        let mut state = State::default();
        for name in &self.users {
            if let Some(user) = Box::pin(self.user(name)).await? {
                state.users.insert(name.clone(), user);
            }
        }
        for name in &self.roles {
            if let Some(role) = Box::pin(self.role(name)).await? {
                state.roles.insert(name.clone(), role);
            }
        }
        for arn in &self.providers {
            let told = if arn.contains(":saml-provider/") {
                let found = self.client.get_saml_provider().saml_provider_arn(arn).send().await;
                let found = if_there("GetSAMLProvider", found)?;
                found.map(|found| {
                    format!("metadata {}", found.saml_metadata_document().unwrap_or_default().replace('x', ""))
                })
            } else {
                let found = self.client.get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
                let found = if_there("GetOpenIDConnectProvider", found)?;
                found.map(|found| {
                    let (clients, thumbprints) = (found.client_id_list().join(" "), found.thumbprint_list().join(" "));
                    format!("client ids {clients}, thumbprints {thumbprints}")
                })
            };
            if let Some(told) = told {
                state.providers.insert(arn.clone(), told);
            }
        }
        if !self.mfa_devices.is_empty() {
            let unassigned = aws_sdk_iam::types::AssignmentStatusType::Unassigned;
            let devices = self.client.list_virtual_mfa_devices().assignment_status(unassigned).into_paginator().items();
            let devices = devices.send().collect::<Result<Vec<_>, _>>().await;
            let devices = devices.map_err(|error| CallError::new("ListVirtualMFADevices", &error))?;
            let serials = devices.into_iter().map(|device| device.serial_number);
            state.unassigned_mfa_devices = serials.filter(|serial| self.mfa_devices.contains(serial)).collect();
        }
        if self.is_about_password_policy {
            let found = self.client.get_account_password_policy().send().await;
            state.password_policy = Some(if_there("GetAccountPasswordPolicy", found)?.is_some());
        }
        Ok(state)
    }

    /// A user with all that hangs on it; `None` if there is none of that name.
    async fn user(&self, name: &str) -> Result<Option<User>, ReenactError> {
        let client = &self.client;
        let Some(found) = if_there("GetUser", client.get_user().user_name(name).send().await)? else { return Ok(None) };
        let Some(found) = found.user() else { return Ok(None) };
        let mut user = User {
            id: found.user_id().to_owned(),
            boundary: found
                .permissions_boundary()
                .and_then(|bound| bound.permissions_boundary_arn())
                .map(str::to_owned),
            ..User::default()
        };
        let (profile, credentials, hanging, policies) = tokio::join!(
            Box::pin(client.get_login_profile().user_name(name).send()),
            Box::pin(self.credentials(name)),
            Box::pin(self.devices_and_groups(name)),
            Box::pin(self.policies(name)),
        );
        user.has_login_profile = if_there("GetLoginProfile", profile)?.is_some();
        user.credentials = credentials?;
        (user.mfa_devices, user.groups) = hanging?;
        (user.inline, user.attached) = policies?;
        Ok(Some(user))
    }

    /// The long-term credentials of a user, and whether each is active.
    async fn credentials(&self, name: &str) -> Result<BTreeMap<(Kind, String), bool>, ReenactError> {
        let client = &self.client;
        let is_active = |status: &StatusType| *status == StatusType::Active;
        let mut credentials = BTreeMap::new();
        let keys = client.list_access_keys().user_name(name).into_paginator().items().send();
        let keys = keys.collect::<Result<Vec<_>, _>>().await;
        for key in keys.map_err(|error| CallError::new("ListAccessKeys", &error))? {
            let id = key.access_key_id().unwrap_or_default().to_owned();
            credentials.insert((Kind::AccessKey, id), key.status().is_some_and(is_active));
        }
        let keys = client.list_ssh_public_keys().user_name(name).into_paginator().items().send();
        let keys = keys.collect::<Result<Vec<_>, _>>().await;
        for key in keys.map_err(|error| CallError::new("ListSSHPublicKeys", &error))? {
            credentials.insert((Kind::SshKey, key.ssh_public_key_id().to_owned()), is_active(key.status()));
        }
        let certificates = client.list_signing_certificates().user_name(name).into_paginator().items().send();
        let certificates = certificates.collect::<Result<Vec<_>, _>>().await;
        for one in certificates.map_err(|error| CallError::new("ListSigningCertificates", &error))? {
            credentials.insert((Kind::Certificate, one.certificate_id().to_owned()), is_active(one.status()));
        }
        let mut marker = None;
        loop {
            let page = client.list_service_specific_credentials().user_name(name).set_marker(marker).send().await;
            let page = page.map_err(|error| CallError::new("ListServiceSpecificCredentials", &error))?;
            for one in page.service_specific_credentials() {
                let id = one.service_specific_credential_id().to_owned();
                credentials.insert((Kind::ServiceSpecific, id), is_active(one.status()));
            }
            marker = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
            if marker.is_none() {
                return Ok(credentials);
            }
        }
    }

    /// The serial numbers of a user's MFA devices, and the names of its groups.
    async fn devices_and_groups(&self, name: &str) -> Result<(BTreeSet<String>, BTreeSet<String>), ReenactError> {
        let devices = self.client.list_mfa_devices().user_name(name).into_paginator().items().send();
        let devices = devices.collect::<Result<Vec<_>, _>>().await;
        let devices = devices.map_err(|error| CallError::new("ListMFADevices", &error))?;
        let groups = self.client.list_groups_for_user().user_name(name).into_paginator().items().send();
        let groups = groups.collect::<Result<Vec<_>, _>>().await;
        let groups = groups.map_err(|error| CallError::new("ListGroupsForUser", &error))?;
        let devices = devices.into_iter().map(|device| device.serial_number);
        Ok((devices.collect(), groups.into_iter().map(|group| group.group_name).collect()))
    }

    /// The documents of a user's inline policies, by name, and of the attached ones, by ARN.
    async fn policies(&self, name: &str) -> Result<(BTreeMap<String, Value>, BTreeMap<String, Value>), ReenactError> {
        let client = &self.client;
        let (mut inline, mut attached) = (BTreeMap::new(), BTreeMap::new());
        let names = client.list_user_policies().user_name(name).into_paginator().items().send();
        let names = names.collect::<Result<Vec<_>, _>>().await;
        for policy_name in names.map_err(|error| CallError::new("ListUserPolicies", &error))? {
            let found = client.get_user_policy().user_name(name).policy_name(&policy_name).send().await;
            let found = found.map_err(|error| CallError::new("GetUserPolicy", &error))?;
            let document = json!(found.policy_document());
            inline.insert(policy_name, policy::parse(&document).unwrap_or(document));
        }
        let policies = client.list_attached_user_policies().user_name(name).into_paginator().items().send();
        let policies = policies.collect::<Result<Vec<_>, _>>().await;
        for one in policies.map_err(|error| CallError::new("ListAttachedUserPolicies", &error))? {
            let arn = one.policy_arn().unwrap_or_default();
            attached.insert(arn.to_owned(), Box::pin(self.document(arn)).await?);
        }
        Ok((inline, attached))
    }

    /// The document of a policy that can be attached. Read once: nothing here changes one.
    async fn document(&self, arn: &str) -> Result<Value, ReenactError> {
        if let Some(known) = self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(arn) {
            return Ok(known.clone());
        }
        let found = self.client.get_policy().policy_arn(arn).send().await;
        let found = found.map_err(|error| CallError::new("GetPolicy", &error))?;
        let version = found.policy().and_then(|policy| policy.default_version_id()).unwrap_or("v1");
        let found = self.client.get_policy_version().policy_arn(arn).version_id(version).send().await;
        let found = found.map_err(|error| CallError::new("GetPolicyVersion", &error))?;
        let document = json!(found.policy_version().and_then(|version| version.document()).unwrap_or_default());
        let document = policy::parse(&document).unwrap_or(document);
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).insert(arn.to_owned(), document.clone());
        Ok(document)
    }

    /// Deletes what was created and is still there, and says what could not be deleted.
    pub(super) async fn clean_up(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        let made: Vec<Made> = std::mem::take(&mut self.made).into_iter().rev().collect();
        // Users first: they hang on groups, policies and devices.
        let (users, others): (Vec<Made>, Vec<Made>) =
            made.into_iter().partition(|made| matches!(made, Made::User { .. }));
        for made in users.iter().chain(&others) {
            if let Err(problem) = Box::pin(self.delete(made)).await {
                left.push(problem.to_string());
            }
        }
        left
    }

    async fn delete(&self, made: &Made) -> Result<(), ReenactError> {
        let client = &self.client;
        match made {
            Made::User { name, id } => {
                // Somebody else's by the same name stays.
                match Box::pin(self.user(name)).await? {
                    Some(user) if user.id == *id => Box::pin(self.delete_user(name, &user)).await?,
                    _ => {}
                }
            }
            Made::Group(name) => {
                if_there("DeleteGroup", client.delete_group().group_name(name).send().await.map(drop))?;
            }
            Made::Policy(arn) => {
                if_there("DeletePolicy", client.delete_policy().policy_arn(arn).send().await.map(drop))?;
            }
            Made::Role { name, id } => {
                if Box::pin(self.role(name)).await?.is_some_and(|role| role.id == *id) {
                    if_there("DeleteRole", client.delete_role().role_name(name).send().await.map(drop))?;
                }
            }
            Made::Provider(arn) if arn.contains(":saml-provider/") => {
                let call = client.delete_saml_provider().saml_provider_arn(arn).send().await;
                if_there("DeleteSAMLProvider", call.map(drop))?;
            }
            Made::Provider(arn) => {
                let call = client.delete_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
                if_there("DeleteOpenIDConnectProvider", call.map(drop))?;
            }
            Made::MfaDevice(serial) => {
                let call = client.delete_virtual_mfa_device().serial_number(serial).send().await;
                if_there("DeleteVirtualMFADevice", call.map(drop))?;
            }
        }
        Ok(())
    }

    async fn delete_user(&self, name: &str, user: &User) -> Result<(), ReenactError> {
        let client = &self.client;
        if user.has_login_profile {
            if_there("DeleteLoginProfile", client.delete_login_profile().user_name(name).send().await.map(drop))?;
        }
        for (kind, id) in user.credentials.keys() {
            match kind {
                Kind::AccessKey => {
                    let call = client.delete_access_key().user_name(name).access_key_id(id).send().await;
                    if_there("DeleteAccessKey", call.map(drop))?;
                }
                Kind::ServiceSpecific => {
                    let call = client.delete_service_specific_credential().user_name(name);
                    let call = call.service_specific_credential_id(id).send().await;
                    if_there("DeleteServiceSpecificCredential", call.map(drop))?;
                }
                Kind::SshKey => {
                    let call = client.delete_ssh_public_key().user_name(name).ssh_public_key_id(id).send().await;
                    if_there("DeleteSSHPublicKey", call.map(drop))?;
                }
                Kind::Certificate => {
                    let call = client.delete_signing_certificate().user_name(name).certificate_id(id).send().await;
                    if_there("DeleteSigningCertificate", call.map(drop))?;
                }
            }
        }
        for serial in &user.mfa_devices {
            let call = client.deactivate_mfa_device().user_name(name).serial_number(serial).send().await;
            if_there("DeactivateMFADevice", call.map(drop))?;
        }
        for policy in user.inline.keys() {
            let call = client.delete_user_policy().user_name(name).policy_name(policy).send().await;
            if_there("DeleteUserPolicy", call.map(drop))?;
        }
        for arn in user.attached.keys() {
            let call = client.detach_user_policy().user_name(name).policy_arn(arn).send().await;
            if_there("DetachUserPolicy", call.map(drop))?;
        }
        for group in &user.groups {
            let call = client.remove_user_from_group().user_name(name).group_name(group).send().await;
            if_there("RemoveUserFromGroup", call.map(drop))?;
        }
        if_there("DeleteUser", client.delete_user().user_name(name).send().await.map(drop))?;
        Ok(())
    }

    /// A user of ours by that name, made if it is the first time.
    async fn ensure_user(&mut self, name: &str) -> Result<Prepared, ReenactError> {
        let found = if_there("GetUser", self.client.get_user().user_name(name).send().await)?;
        let found = found.and_then(|found| found.user().map(|user| user.user_id().to_owned()));
        let is_of_name = |made: &&Made| matches!(made, Made::User { name: known, .. } if known == name);
        let is_ours =
            |id: &String| self.made.iter().any(|made| matches!(made, Made::User { id: known, .. } if known == id));
        match found {
            Some(id) if self.may_use_existing || is_ours(&id) => {}
            Some(_) => return Err(there_already(&format!("a user named `{name}`"))),
            None if self.made.iter().any(|made| is_of_name(&made)) => {
                let reason = format!(
                    "user {} was taken away after an earlier event, so this is not done again: the event comes late",
                    quote(name)
                );
                return Ok(Prepared::Impossible(reason));
            }
            None => {
                let made = self.client.create_user().user_name(name).send().await;
                let made = made.map_err(|error| CallError::new("CreateUser", &error))?;
                let id = made.user().map(|user| user.user_id().to_owned()).unwrap_or_default();
                self.made.push(Made::User { name: name.to_owned(), id });
            }
        }
        self.users.insert(name.to_owned());
        Ok(Prepared::Ready)
    }

    /// A role of ours by that name, made if it is the first time.
    async fn ensure_role(&mut self, name: &str) -> Result<Prepared, ReenactError> {
        let is_ours =
            |id: &str| self.made.iter().any(|made| matches!(made, Made::Role { id: known, .. } if known == id));
        match self.role(name).await? {
            Some(role) if self.may_use_existing || is_ours(&role.id) => {}
            Some(_) => return Err(there_already(&format!("a role named `{name}`"))),
            None => {
                let call = self.client.create_role().role_name(name).assume_role_policy_document(TRUST_BEFORE);
                let made = call.send().await.map_err(|error| CallError::new("CreateRole", &error))?;
                let id = made.role().map(|role| role.role_id().to_owned()).unwrap_or_default();
                self.made.push(Made::Role { name: name.to_owned(), id });
            }
        }
        self.roles.insert(name.to_owned());
        Ok(Prepared::Ready)
    }

    async fn role(&self, name: &str) -> Result<Option<Role>, ReenactError> {
        let found = if_there("GetRole", self.client.get_role().role_name(name).send().await)?;
        let role = found.and_then(|found| found.role);
        Ok(role.map(|role| {
            let trust = json!(role.assume_role_policy_document().unwrap_or_default());
            Role { id: role.role_id().to_owned(), trust: policy::parse(&trust).unwrap_or(trust) }
        }))
    }

    async fn ensure_policy(&mut self, recorded: &str) -> Result<(), ReenactError> {
        if recorded.contains(":iam::aws:policy/") || self.ids.contains_key(recorded) {
            return Ok(());
        }
        let (_, path_and_name) = recorded
            .split_once(":policy/")
            .ok_or_else(|| not_enough(&format!("`{recorded}` is not the ARN of a policy")))?;
        let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
        let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
        let call = self.client.create_policy().policy_name(name).path(path).policy_document(SOME_POLICY).send().await;
        let made = call.map_err(|error| CallError::new("CreatePolicy", &error))?;
        let arn = made.policy().and_then(|policy| policy.arn()).unwrap_or_default().to_owned();
        self.made.push(Made::Policy(arn.clone()));
        self.ids.insert(recorded.to_owned(), arn);
        Ok(())
    }

    async fn ensure_mfa_device(&mut self, recorded: &str) -> Result<String, ReenactError> {
        if let Some(known) = self.ids.get(recorded) {
            return Ok(known.clone());
        }
        let name = recorded.rsplit('/').next().unwrap_or_default();
        let call = self.client.create_virtual_mfa_device().virtual_mfa_device_name(name).send().await;
        let made = call.map_err(|error| CallError::new("CreateVirtualMFADevice", &error))?;
        let serial = made.virtual_mfa_device().map(|device| device.serial_number().to_owned()).unwrap_or_default();
        self.made.push(Made::MfaDevice(serial.clone()));
        self.mfa_devices.insert(serial.clone());
        self.ids.insert(recorded.to_owned(), serial.clone());
        Ok(serial)
    }

    async fn ensure_saml_provider(&mut self, recorded: &str) -> Result<Prepared, ReenactError> {
        if !self.ids.contains_key(recorded) {
            let made = self.make_saml_provider(recorded.rsplit('/').next().unwrap_or_default()).await?;
            self.ids.insert(recorded.to_owned(), made);
        }
        Ok(Prepared::Ready)
    }

    async fn ensure_oidc_provider(&mut self, recorded: &str) -> Result<Prepared, ReenactError> {
        if !self.ids.contains_key(recorded) {
            let (_, host) = recorded.split_once(":oidc-provider/").unwrap_or(("", recorded));
            let made = self.make_oidc_provider(&format!("https://{host}"), Vec::new()).await?;
            self.ids.insert(recorded.to_owned(), made);
        }
        Ok(Prepared::Ready)
    }

    async fn make_saml_provider(&mut self, name: &str) -> Result<String, ReenactError> {
        let call = self.client.create_saml_provider().name(name).saml_metadata_document(metadata("idp")).send().await;
        let made = call.map_err(|error| CallError::new("CreateSAMLProvider", &error))?;
        let arn = made.saml_provider_arn().unwrap_or_default().to_owned();
        self.providers.insert(arn.clone());
        self.made.push(Made::Provider(arn.clone()));
        Ok(arn)
    }

    async fn make_oidc_provider(&mut self, url: &str, clients: Vec<String>) -> Result<String, ReenactError> {
        // CloudTrail may leave out what the API demands.
        let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        let call = self.client.create_open_id_connect_provider().url(url).set_client_id_list(Some(clients));
        let made = call.thumbprint_list(THUMBPRINT).send().await;
        let made = made.map_err(|error| CallError::new("CreateOpenIDConnectProvider", &error))?;
        let arn = made.open_id_connect_provider_arn().unwrap_or_default().to_owned();
        self.providers.insert(arn.clone());
        self.made.push(Made::Provider(arn.clone()));
        Ok(arn)
    }

    async fn ensure_password_policy(&mut self) -> Result<Prepared, ReenactError> {
        if !self.may_use_existing {
            return Err(not_enough("the password policy of an account that is no stand-in is left alone"));
        }
        let call = self.client.update_account_password_policy().minimum_password_length(14).send().await;
        call.map_err(|error| CallError::new("UpdateAccountPasswordPolicy", &error))?;
        self.is_about_password_policy = true;
        Ok(Prepared::Ready)
    }

    async fn make_credential(&self, kind: Kind, user: &str, event: &Event) -> Result<String, ReenactError> {
        let client = &self.client;
        let request = &event.request;
        Ok(match kind {
            Kind::AccessKey => {
                let made = client.create_access_key().user_name(user).send().await;
                let made = made.map_err(|error| CallError::new("CreateAccessKey", &error))?;
                made.access_key().map(|key| key.access_key_id().to_owned()).unwrap_or_default()
            }
            Kind::ServiceSpecific => {
                let service = text(request, "serviceName");
                let service = service.or_else(|| text(field(&event.response, kind.field()), "serviceName"));
                let call = client.create_service_specific_credential().user_name(user);
                let call = call.service_name(service.unwrap_or_else(|| "codecommit.amazonaws.com".to_owned()));
                let made = call.send().await;
                let made = made.map_err(|error| CallError::new("CreateServiceSpecificCredential", &error))?;
                let made = made.service_specific_credential();
                made.map(|made| made.service_specific_credential_id().to_owned()).unwrap_or_default()
            }
            Kind::SshKey => {
                let body = text(request, "sSHPublicKeyBody").unwrap_or_else(|| SSH_KEY.to_owned());
                let made = client.upload_ssh_public_key().user_name(user).ssh_public_key_body(body).send().await;
                let made = made.map_err(|error| CallError::new("UploadSSHPublicKey", &error))?;
                made.ssh_public_key().map(|key| key.ssh_public_key_id().to_owned()).unwrap_or_default()
            }
            Kind::Certificate => {
                let made =
                    client.upload_signing_certificate().user_name(user).certificate_body(CERTIFICATE).send().await;
                let made = made.map_err(|error| CallError::new("UploadSigningCertificate", &error))?;
                made.certificate().map(|made| made.certificate_id().to_owned()).unwrap_or_default()
            }
        })
    }

    async fn set_status(&self, kind: Kind, user: &str, id: &str, status: StatusType) -> Result<(), ReenactError> {
        let client = &self.client;
        match kind {
            Kind::AccessKey => {
                let call = client.update_access_key().user_name(user).access_key_id(id).status(status).send().await;
                call.map_err(|error| CallError::new("UpdateAccessKey", &error))?;
            }
            Kind::ServiceSpecific => {
                let call = client.update_service_specific_credential().user_name(user).status(status);
                let call = call.service_specific_credential_id(id).send().await;
                call.map_err(|error| CallError::new("UpdateServiceSpecificCredential", &error))?;
            }
            Kind::SshKey => {
                let call = client.update_ssh_public_key().user_name(user).ssh_public_key_id(id).status(status);
                call.send().await.map_err(|error| CallError::new("UpdateSSHPublicKey", &error))?;
            }
            Kind::Certificate => {
                let call = client.update_signing_certificate().user_name(user).certificate_id(id).status(status);
                call.send().await.map_err(|error| CallError::new("UpdateSigningCertificate", &error))?;
            }
        }
        Ok(())
    }

    /// The account's id or ARN for a recorded one.
    fn live(&self, recorded: &str) -> String {
        self.ids.get(recorded).cloned().unwrap_or_else(|| recorded.to_owned())
    }

    /// A password that AWS takes and nobody else knows before it is gone.
    fn password(&self) -> String {
        format!("{}-{:?}-Aa1!", self.prefix, std::time::Instant::now())
    }

    /// Puts the account's ids in place of the recorded ones.
    pub(super) fn map_ids(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(id) = self.ids.get(text) {
                    id.clone_into(text);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.map_ids(value)),
            Value::Object(object) => object.values_mut().for_each(|value| self.map_ids(value)),
            _ => {}
        }
    }
}

/// Whose credentials, password or permissions a call is about: the user that is named, or the caller.
fn user_of(event: &Event) -> Option<String> {
    let named = text(&event.request, "userName");
    let answered = || {
        let response = event.response.as_object()?;
        response.values().find_map(|part| text(part, "userName"))
    };
    let caller = || {
        let actor = Some(&event.actor).filter(|actor| actor.kind == "IAMUser")?;
        let by_arn = actor.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned);
        actor.user_name.clone().or(by_arn)
    };
    named.or_else(answered).or_else(caller)
}

fn is_to_active(event: &Event) -> bool {
    text(&event.request, "status").is_some_and(|status| status.eq_ignore_ascii_case("Active"))
}

/// Sets the dates in an answer to now, as IAM writes them into CloudTrail: `Nov 22, 2026 2:02:40 PM`.
pub(super) fn renew_dates(value: &mut Value, now: DateTime<Utc>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| renew_dates(value, now)),
        Value::Object(object) => {
            for (name, value) in object {
                if name.ends_with("Date") && value.is_string() {
                    *value = json!(now.format("%b %-d, %Y %-I:%M:%S %p").to_string());
                } else {
                    renew_dates(value, now);
                }
            }
        }
        _ => {}
    }
}

/// SAML metadata of the least length that IAM takes.
fn metadata(name: &str) -> String {
    let padding = "x".repeat(1_000);
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://{name}.example.com"><!-- {padding} --></EntityDescriptor>"#
    )
}

fn there_already(what: &str) -> ReenactError {
    not_enough(&format!("{what} is in that account already, and is left alone"))
}

/// The answer, or `None` if there is no such thing.
fn if_there<T, E, R>(call: &'static str, result: Result<T, SdkError<E, R>>) -> Result<Option<T>, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match result.map_err(|error| CallError::new(call, &error)) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether something was created, and not there already.
fn unless_there<E, R>(call: &'static str, result: Result<(), SdkError<E, R>>) -> Result<bool, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match result.map_err(|error| CallError::new(call, &error)) {
        Ok(()) => Ok(true),
        Err(error) if error.code.as_deref() == Some("EntityAlreadyExists") => Ok(false),
        Err(error) => Err(error),
    }
}
