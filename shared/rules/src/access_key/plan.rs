//! What to do about a credential.

use super::Kind;
use super::detect::{Change, Credential};
use crate::settings::Mode;

/// A change to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Set the credential's status to `Inactive`.
    Deactivate,
    /// Deny everything to the user's temporary credentials issued so far.
    RevokeSessions,
    /// Delete the credential.
    Delete,
}

impl Action {
    /// The IAM permission that it needs.
    pub fn permission(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Deactivate, Kind::AccessKey) => "iam:UpdateAccessKey",
            (Self::Deactivate, Kind::ServiceSpecificCredential) => "iam:UpdateServiceSpecificCredential",
            (Self::Deactivate, Kind::SshPublicKey) => "iam:UpdateSSHPublicKey",
            (Self::Deactivate, Kind::SigningCertificate) => "iam:UpdateSigningCertificate",
            (Self::RevokeSessions, _) => "iam:PutUserPolicy",
            (Self::Delete, Kind::AccessKey) => "iam:DeleteAccessKey",
            (Self::Delete, Kind::ServiceSpecificCredential) => "iam:DeleteServiceSpecificCredential",
            (Self::Delete, Kind::SshPublicKey) => "iam:DeleteSSHPublicKey",
            (Self::Delete, Kind::SigningCertificate) => "iam:DeleteSigningCertificate",
        }
    }
}

/// Whether a credential works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Active,
    /// It does not.
    Inactive,
}

/// What to do, in this order: contain first. Only what is new is deleted, and only if the mode is not `quarantine`: what was
/// re-activated or reset was there before. That the user's sessions are revoked depends on whether an access key was used.
pub fn plan(credential: &Credential, mode: Mode) -> Vec<Action> {
    let mut actions = vec![Action::Deactivate];
    if credential.kind == Kind::AccessKey {
        actions.push(Action::RevokeSessions);
    }
    if credential.change == Change::Made && mode != Mode::Quarantine {
        actions.push(Action::Delete);
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Deactivate, Delete, RevokeSessions};

    #[test]
    fn only_what_is_new_is_deleted_and_not_in_quarantine() {
        let planned = |kind, change, mode| {
            let credential = Credential { kind, id: String::new(), user: String::new(), change, service: None };
            plan(&credential, mode)
        };
        let (key, ssh) = (Kind::AccessKey, Kind::SshPublicKey);
        assert_eq!(planned(key, Change::Made, Mode::Revert), [Deactivate, RevokeSessions, Delete]);
        assert_eq!(planned(key, Change::Made, Mode::Alert), [Deactivate, RevokeSessions, Delete]);
        assert_eq!(planned(key, Change::Made, Mode::Quarantine), [Deactivate, RevokeSessions]);
        assert_eq!(planned(key, Change::Activated, Mode::Revert), [Deactivate, RevokeSessions]);
        assert_eq!(planned(ssh, Change::Made, Mode::Revert), [Deactivate, Delete]);
        assert_eq!(planned(ssh, Change::Made, Mode::Quarantine), [Deactivate]);
        assert_eq!(planned(Kind::ServiceSpecificCredential, Change::Reset, Mode::Revert), [Deactivate]);
    }
}
