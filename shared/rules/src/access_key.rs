//! Rule `access-key`: long-term credentials of IAM users, new, re-activated or reset, and access keys that AWS Config finds too old.
//!
//! Access keys, service-specific credentials (also the API keys of Bedrock), SSH public keys and signing certificates: [`Kind`] is
//! where they differ. The way through the modules: [`detect`] reads the event, [`plan`] says what to do about it, the function does
//! it, [`sessions`] is about what was got with a key and outlives it, [`report`] tells what came
//! of it, and `by_hand` what a person can do. [`old`] is about keys that are too old.

mod by_hand;
pub mod detect;
pub mod foresee;
pub mod old;
pub mod plan;
pub mod report;
pub mod sessions;

use crate::decision::{ResourceTypes, Subscription};
use crate::language::Language;

/// The rule's and the function's name.
pub const NAME: &str = "access-key";

/// The calls that make a credential, or make one work that did not, or give it a new secret; and what AWS Config finds of users, of which the age
/// of their keys is for this rule.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription::calls(
        "aws.iam",
        "iam.amazonaws.com",
        &[
            "CreateAccessKey",
            "UpdateAccessKey",
            "CreateServiceSpecificCredential",
            "UpdateServiceSpecificCredential",
            "ResetServiceSpecificCredential",
            "UploadSSHPublicKey",
            "UpdateSSHPublicKey",
            "UploadSigningCertificate",
            "UpdateSigningCertificate",
        ],
    ),
    Subscription::config(ResourceTypes::Only(&["AWS::IAM::User"])),
];

/// A kind of long-term credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An access key, for the API.
    AccessKey,
    /// A user name and password, or an API key, for one service: CodeCommit, Keyspaces, Bedrock, CloudWatch Logs.
    ServiceSpecificCredential,
    /// An SSH public key, for CodeCommit.
    SshPublicKey,
    /// An X.509 certificate, for the oldest APIs.
    SigningCertificate,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::AccessKey, Self::ServiceSpecificCredential, Self::SshPublicKey, Self::SigningCertificate];

    /// What people call it. In Japanese it begins a line or follows 、 or 。, since one of them begins with ASCII and would need a space otherwise.
    pub fn words(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::English, Self::AccessKey) => "access key",
            (Language::English, Self::ServiceSpecificCredential) => "service-specific credential",
            (Language::English, Self::SshPublicKey) => "SSH public key",
            (Language::English, Self::SigningCertificate) => "signing certificate",
            (Language::Japanese, Self::AccessKey) => "アクセスキー",
            (Language::Japanese, Self::ServiceSpecificCredential) => "サービス固有の認証情報",
            (Language::Japanese, Self::SshPublicKey) => "SSH パブリックキー",
            (Language::Japanese, Self::SigningCertificate) => "署名証明書",
        }
    }

    /// As the names of the API's calls spell it, such as in `DeleteAccessKey`.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::AccessKey => "AccessKey",
            Self::ServiceSpecificCredential => "ServiceSpecificCredential",
            Self::SshPublicKey => "SSHPublicKey",
            Self::SigningCertificate => "SigningCertificate",
        }
    }

    /// The object in `responseElements` that holds a new one, and the name of its id, there and in `requestParameters`.
    /// Records spell SSH's as `sSHPublicKey`; letter case does not matter where they are read.
    fn fields(self) -> (&'static str, &'static str) {
        match self {
            Self::AccessKey => ("accessKey", "accessKeyId"),
            Self::ServiceSpecificCredential => ("serviceSpecificCredential", "serviceSpecificCredentialId"),
            Self::SshPublicKey => ("sSHPublicKey", "sSHPublicKeyId"),
            Self::SigningCertificate => ("certificate", "certificateId"),
        }
    }
}
