//! In which order what is taken away, so that the door is shut before anything is tidied up.

use std::fmt;

use serde_json::Value;

use super::CONTAINMENT;
use crate::language::Language;
use crate::say;
use crate::text::quote;

/// What hangs on a user. AWS deletes none that has any of it:
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hanging {
    /// Whether it has a console password, or may have one.
    pub password: bool,
    /// Its access keys.
    pub access_keys: Vec<AccessKey>,
    /// The serial numbers of its MFA devices.
    pub mfa_devices: Vec<String>,
    /// The ids of its SSH public keys.
    pub ssh_keys: Vec<String>,
    /// The ids of its signing certificates.
    pub certificates: Vec<String>,
    /// The ids of its service-specific credentials.
    pub service_credentials: Vec<String>,
    /// The ARNs of the policies attached to it.
    pub attached_policies: Vec<String>,
    /// The names of its inline policies.
    pub inline_policies: Vec<String>,
    /// The names of its groups.
    pub groups: Vec<String>,
}

/// An access key of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// Whether it can be used.
    pub is_active: bool,
}

/// A policy that a user has by itself, not by a group.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnPolicy {
    /// A managed policy that is attached to the user: its ARN.
    Attached(String),
    /// An inline policy.
    Inline {
        /// Its name.
        name: String,
        /// What it says.
        document: Value,
    },
}

impl OwnPolicy {
    /// What takes it off the user.
    pub fn action(&self) -> Action {
        match self {
            Self::Attached(arn) => Action::DetachPolicy(arn.clone()),
            Self::Inline { name, .. } => Action::DeleteInlinePolicy(name.clone()),
        }
    }
}

/// A change of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put [`CONTAINMENT`] on the user.
    DenyEverything,
    /// Put a denial of everything in the place of an inline policy.
    OverwriteInlinePolicy(String),
    /// Delete the console password.
    DeletePassword,
    /// Set an access key inactive.
    DeactivateKey(String),
    /// Delete an access key.
    DeleteKey(String),
    /// Take an MFA device from the user.
    DeactivateMfa(String),
    /// Delete an SSH public key.
    DeleteSshKey(String),
    /// Delete a signing certificate.
    DeleteCertificate(String),
    /// Delete a service-specific credential.
    DeleteServiceCredential(String),
    /// Detach a policy, which stays in the account.
    DetachPolicy(String),
    /// Delete an inline policy.
    DeleteInlinePolicy(String),
    /// Take the user out of a group.
    LeaveGroup(String),
    /// Take [`CONTAINMENT`] off: AWS deletes no user that has a policy.
    LiftDenial,
    /// Delete a virtual MFA device that nobody has any more.
    DeleteVirtualMfa(String),
    /// Delete the user.
    DeleteUser,
}

impl Action {
    /// The permission that it takes.
    pub fn permission(&self) -> &'static str {
        match self {
            Self::DenyEverything | Self::OverwriteInlinePolicy(_) => "iam:PutUserPolicy",
            Self::DeletePassword => "iam:DeleteLoginProfile",
            Self::DeactivateKey(_) => "iam:UpdateAccessKey",
            Self::DeleteKey(_) => "iam:DeleteAccessKey",
            Self::DeactivateMfa(_) => "iam:DeactivateMFADevice",
            Self::DeleteSshKey(_) => "iam:DeleteSSHPublicKey",
            Self::DeleteCertificate(_) => "iam:DeleteSigningCertificate",
            Self::DeleteServiceCredential(_) => "iam:DeleteServiceSpecificCredential",
            Self::DetachPolicy(_) => "iam:DetachUserPolicy",
            Self::DeleteInlinePolicy(_) | Self::LiftDenial => "iam:DeleteUserPolicy",
            Self::LeaveGroup(_) => "iam:RemoveUserFromGroup",
            Self::DeleteVirtualMfa(_) => "iam:DeleteVirtualMFADevice",
            Self::DeleteUser => "iam:DeleteUser",
        }
    }

    /// The API's name for the call.
    pub fn call(&self) -> &'static str {
        self.permission().split_once(':').map_or("", |(_, call)| call)
    }

    /// What it is about, beside the user.
    pub fn object(&self) -> &str {
        match self {
            Self::DenyEverything | Self::LiftDenial => CONTAINMENT,
            Self::DeletePassword | Self::DeleteUser => "",
            Self::DeactivateKey(object)
            | Self::DeleteKey(object)
            | Self::DeactivateMfa(object)
            | Self::DeleteSshKey(object)
            | Self::DeleteCertificate(object)
            | Self::DeleteServiceCredential(object)
            | Self::DetachPolicy(object)
            | Self::DeleteInlinePolicy(object)
            | Self::OverwriteInlinePolicy(object)
            | Self::LeaveGroup(object)
            | Self::DeleteVirtualMfa(object) => object,
        }
    }

    /// What is done in English, in the infinitive and in the past tense, and to what.
    fn words(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::DenyEverything => ("put on", "put on", "the inline policy that denies everything,"),
            Self::OverwriteInlinePolicy(_) => ("overwrite", "overwrote", "inline policy"),
            Self::DeletePassword => ("delete", "deleted", "the console password"),
            Self::DeactivateKey(_) => ("set inactive", "set inactive", "access key"),
            Self::DeleteKey(_) => ("delete", "deleted", "access key"),
            Self::DeactivateMfa(_) => ("deactivate", "deactivated", "MFA device"),
            Self::DeleteSshKey(_) => ("delete", "deleted", "SSH public key"),
            Self::DeleteCertificate(_) => ("delete", "deleted", "signing certificate"),
            Self::DeleteServiceCredential(_) => ("delete", "deleted", "service-specific credential"),
            Self::DetachPolicy(_) => ("detach", "detached", "policy"),
            Self::DeleteInlinePolicy(_) => ("delete", "deleted", "inline policy"),
            Self::LeaveGroup(_) => ("take out of", "took out of", "group"),
            Self::LiftDenial => ("take off", "took off", "the inline policy that denies everything,"),
            Self::DeleteVirtualMfa(_) => ("delete", "deleted", "virtual MFA device"),
            Self::DeleteUser => ("delete", "deleted", "the user"),
        }
    }

    /// What is done in Japanese, up to the noun that する makes a verb of.
    fn japanese(&self) -> String {
        let object = quote(self.object());
        match self {
            Self::DenyEverything => format!("すべてを拒否するインラインポリシー {object} を追加"),
            Self::OverwriteInlinePolicy(_) => format!("インラインポリシー {object} を上書き"),
            Self::DeletePassword => "コンソールパスワードを削除".to_owned(),
            Self::DeactivateKey(_) => format!("アクセスキー {object} を無効化"),
            Self::DeleteKey(_) => format!("アクセスキー {object} を削除"),
            Self::DeactivateMfa(_) => format!("MFA デバイス {object} を無効化"),
            Self::DeleteSshKey(_) => format!("SSH パブリックキー {object} を削除"),
            Self::DeleteCertificate(_) => format!("署名証明書 {object} を削除"),
            Self::DeleteServiceCredential(_) => format!("サービス固有の認証情報 {object} を削除"),
            Self::DetachPolicy(_) => format!("ポリシー {object} をデタッチ"),
            Self::DeleteInlinePolicy(_) | Self::LiftDenial => format!("インラインポリシー {object} を削除"),
            Self::LeaveGroup(_) => format!("グループ {object} からユーザーを削除"),
            Self::DeleteVirtualMfa(_) => format!("仮想 MFA デバイス {object} を削除"),
            Self::DeleteUser => "ユーザーを削除".to_owned(),
        }
    }

    /// What is to be done, as a part of a sentence.
    pub fn to_do(&self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::Japanese => format!("{}する", self.japanese()),
        }
    }

    /// What was done, as a sentence.
    pub fn done(&self, language: Language) -> String {
        match language {
            Language::English => {
                let (_, past, kind) = self.words();
                let sentence = format!("{past} {kind} {}", quote(self.object()));
                let mut letters = sentence.trim_end().chars();
                let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
                format!("{first}{}.", letters.as_str())
            }
            Language::Japanese => format!("{}しました。", self.japanese()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (infinitive, _, kind) = self.words();
        formatter.write_str(format!("{infinitive} {kind} {}", quote(self.object())).trim_end())
    }
}

impl Hanging {
    /// What lets somebody in, or gives those who are in something to do, is shut first. All of it at the same time.
    pub fn contain(&self) -> Vec<Action> {
        let password = self.password.then_some(Action::DeletePassword);
        let active = self.access_keys.iter().filter(|key| key.is_active);
        let keys = active.map(|key| Action::DeactivateKey(key.id.clone()));
        [Action::DenyEverything].into_iter().chain(password).chain(keys).collect()
    }

    /// Everything else that keeps AWS from deleting the user, but for the denial. All of it at the same time.
    pub fn tidy(&self) -> Vec<Action> {
        let each = |objects: &[String], action: fn(String) -> Action| -> Vec<Action> {
            objects.iter().cloned().map(action).collect()
        };
        let keys = self.access_keys.iter().map(|key| Action::DeleteKey(key.id.clone()));
        let inline = self.inline_policies.iter().filter(|name| *name != CONTAINMENT).cloned();
        keys.chain(each(&self.mfa_devices, Action::DeactivateMfa))
            .chain(each(&self.ssh_keys, Action::DeleteSshKey))
            .chain(each(&self.certificates, Action::DeleteCertificate))
            .chain(each(&self.service_credentials, Action::DeleteServiceCredential))
            .chain(each(&self.attached_policies, Action::DetachPolicy))
            .chain(inline.map(Action::DeleteInlinePolicy))
            .chain(each(&self.groups, Action::LeaveGroup))
            .collect()
    }

    /// All that deleting the user takes, in order.
    pub fn all(&self) -> Vec<Action> {
        let devices = self.virtual_mfa_devices().map(|serial| Action::DeleteVirtualMfa(serial.clone()));
        let rest = [Action::LiftDenial].into_iter().chain(devices).chain([Action::DeleteUser]);
        self.contain().into_iter().chain(self.tidy()).chain(rest).collect()
    }

    /// The devices that are things of their own and stay in the account when they are taken from the user: their serial numbers are ARNs
    /// of this form, while a passkey's says `u2f`.
    pub fn virtual_mfa_devices(&self) -> impl Iterator<Item = &String> {
        self.mfa_devices.iter().filter(|serial| serial.starts_with("arn:") && serial.contains(":mfa/"))
    }

    /// Whether somebody can come in with what there is: a password, or an active key.
    pub fn lets_in(&self) -> bool {
        self.password || self.access_keys.iter().any(|key| key.is_active)
    }

    /// Whether there is anything by which somebody can have been in.
    pub fn let_in(&self) -> bool {
        self.password || !self.access_keys.is_empty() || !self.service_credentials.is_empty()
    }

    /// A line for each kind of thing, and none for what there is none of.
    pub fn lines(&self, language: Language) -> Vec<String> {
        let key = |key: &AccessKey| match (&key.id, key.is_active) {
            (id, true) => id.clone(),
            (id, false) => say!(language, "{id} (inactive)", "{id} (無効)"),
        };
        let keys: Vec<String> = self.access_keys.iter().map(key).collect();
        let password = self.password.then(|| say!(language, "  - a console password", "  - コンソールパスワード"));
        let kinds = [
            (say!(language, "access keys", "アクセスキー"), &keys),
            (say!(language, "MFA devices", "MFA デバイス"), &self.mfa_devices),
            (say!(language, "SSH public keys", "SSH パブリックキー"), &self.ssh_keys),
            (say!(language, "signing certificates", "署名証明書"), &self.certificates),
            (say!(language, "service-specific credentials", "サービス固有の認証情報"), &self.service_credentials),
            (say!(language, "attached policies", "アタッチされたポリシー"), &self.attached_policies),
            (say!(language, "inline policies", "インラインポリシー"), &self.inline_policies),
            (say!(language, "groups", "グループ"), &self.groups),
        ];
        let listed = |objects: &Vec<String>| objects.iter().map(|object| quote(object)).collect::<Vec<_>>().join(", ");
        let some = kinds.into_iter().filter(|(_, objects)| !objects.is_empty());
        password.into_iter().chain(some.map(|(kind, objects)| format!("  - {kind}: {}", listed(objects)))).collect()
    }

    /// Adds what hung on the user at another look.
    pub fn add(&mut self, other: &Self) {
        self.password |= other.password;
        for key in &other.access_keys {
            if !self.access_keys.iter().any(|known| known.id == key.id) {
                self.access_keys.push(key.clone());
            }
        }
        let lists = [
            (&mut self.mfa_devices, &other.mfa_devices),
            (&mut self.ssh_keys, &other.ssh_keys),
            (&mut self.certificates, &other.certificates),
            (&mut self.service_credentials, &other.service_credentials),
            (&mut self.attached_policies, &other.attached_policies),
            (&mut self.inline_policies, &other.inline_policies),
            (&mut self.groups, &other.groups),
        ];
        for (known, more) in lists {
            for object in more.iter().filter(|object| *object != CONTAINMENT) {
                if !known.contains(object) {
                    known.push(object.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn everything() -> Hanging {
        let key = |id: &str, is_active| AccessKey { id: id.to_owned(), is_active };
        Hanging {
            password: true,
            access_keys: vec![key("AKIA1", true), key("AKIA2", false)],
            mfa_devices: texts(&["arn:aws:iam::1:mfa/phone", "arn:aws:iam::1:u2f/user/eve/key", "GAHT12345678"]),
            ssh_keys: texts(&["APKA1"]),
            certificates: texts(&["CERT1"]),
            service_credentials: texts(&["ACCA1"]),
            attached_policies: texts(&["arn:aws:iam::aws:policy/AdministratorAccess"]),
            inline_policies: texts(&["p", CONTAINMENT]),
            groups: texts(&["admins"]),
        }
    }

    fn calls(actions: &[Action]) -> Vec<String> {
        actions.iter().map(|action| format!("{} {}", action.call(), action.object()).trim_end().to_owned()).collect()
    }

    #[test]
    fn the_door_is_shut_first() {
        let contain = ["PutUserPolicy snapback-contain", "DeleteLoginProfile", "UpdateAccessKey AKIA1"];
        assert_eq!(calls(&everything().contain()), contain);
        assert_eq!(calls(&Hanging::default().contain()), ["PutUserPolicy snapback-contain"]);
    }

    #[test]
    fn everything_goes_and_the_denial_last() {
        assert_eq!(
            calls(&everything().all()),
            [
                "PutUserPolicy snapback-contain",
                "DeleteLoginProfile",
                "UpdateAccessKey AKIA1",
                "DeleteAccessKey AKIA1",
                "DeleteAccessKey AKIA2",
                "DeactivateMFADevice arn:aws:iam::1:mfa/phone",
                "DeactivateMFADevice arn:aws:iam::1:u2f/user/eve/key",
                "DeactivateMFADevice GAHT12345678",
                "DeleteSSHPublicKey APKA1",
                "DeleteSigningCertificate CERT1",
                "DeleteServiceSpecificCredential ACCA1",
                "DetachUserPolicy arn:aws:iam::aws:policy/AdministratorAccess",
                "DeleteUserPolicy p",
                "RemoveUserFromGroup admins",
                "DeleteUserPolicy snapback-contain",
                "DeleteVirtualMFADevice arn:aws:iam::1:mfa/phone",
                "DeleteUser",
            ]
        );
    }

    #[test]
    fn only_a_password_or_an_active_key_lets_in() {
        let with = |is_active| Hanging {
            access_keys: vec![AccessKey { id: "AKIA1".to_owned(), is_active }],
            ..Hanging::default()
        };
        assert!(with(true).lets_in() && !with(false).lets_in());
        assert!(Hanging { password: true, ..Hanging::default() }.lets_in());
        assert!(!Hanging { attached_policies: texts(&["a"]), ..Hanging::default() }.lets_in());
    }

    #[test]
    fn looks_add_up() {
        let mut seen = Hanging { inline_policies: texts(&["p"]), ..Hanging::default() };
        seen.add(&everything());
        seen.add(&everything());
        assert_eq!(seen, Hanging { inline_policies: texts(&["p"]), ..everything() });
    }
}
