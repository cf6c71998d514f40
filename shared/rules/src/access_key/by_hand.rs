//! What a person can run where snapback could not, or should not.
//!
//! A command holds names and ids only if they are fit for it ([`crate::command`]); otherwise the way through the console is told.

use chrono::{DateTime, Utc};

use super::Kind;
use super::detect::Credential;
use super::plan::{Action, plan};
use super::sessions::{POLICY_NAME, denies_older_sessions};
use crate::command::{is_credential_id, is_iam_name};
use crate::language::Language;
use crate::say;
use crate::settings::Mode;
use crate::text::quote;

/// The command line's noun for a kind, as in `aws iam delete-access-key`, and its option for the id.
pub(super) fn command(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::AccessKey => ("access-key", "--access-key-id"),
        Kind::ServiceSpecificCredential => ("service-specific-credential", "--service-specific-credential-id"),
        Kind::SshPublicKey => ("ssh-public-key", "--ssh-public-key-id"),
        Kind::SigningCertificate => ("signing-certificate", "--certificate-id"),
    }
}

/// What the mode would have done to a credential.
pub(super) fn take_back(credential: &Credential, user: &str, mode: Mode, language: Language) -> Vec<String> {
    let deletes = plan(credential, mode).contains(&Action::Delete);
    std::iter::once(deactivate(credential, user, language))
        .chain(deletes.then(|| delete(credential, user, language)))
        .collect()
}

/// Makes a credential work no more.
pub(super) fn deactivate(credential: &Credential, user: &str, language: Language) -> String {
    set_status(credential, user, "Inactive", language)
}

/// Makes a credential work again.
pub(super) fn activate(credential: &Credential, user: &str, language: Language) -> String {
    set_status(credential, user, "Active", language)
}

fn set_status(credential: &Credential, user: &str, status: &str, language: Language) -> String {
    let (noun, _) = command(credential.kind);
    match named(credential, user, language) {
        Ok(named) => format!("  aws iam update-{noun} {named} --status {status}"),
        Err(place) => {
            let id = quote(&credential.id);
            say!(
                language,
                "  In the console under {place}: make {id} {status}",
                "  コンソールの {place} で {id} を {status} にしてください"
            )
        }
    }
}

/// Deletes a credential.
pub(super) fn delete(credential: &Credential, user: &str, language: Language) -> String {
    let (noun, _) = command(credential.kind);
    match named(credential, user, language) {
        Ok(named) => format!("  aws iam delete-{noun} {named}"),
        Err(place) => {
            let id = quote(&credential.id);
            say!(
                language,
                "  In the console under {place}: delete {id}",
                "  コンソールの {place} で {id} を削除してください"
            )
        }
    }
}

/// The options that name a credential, or else its place in the console.
fn named(credential: &Credential, user: &str, language: Language) -> Result<String, String> {
    if is_credential_id(&credential.id) && is_iam_name(user) {
        let (_, option) = command(credential.kind);
        Ok(format!("--user-name {user} {option} {}", credential.id))
    } else {
        let user = quote(user);
        Err(say!(
            language,
            "IAM, Users, {user}, Security credentials",
            "[IAM] > [ユーザー] > {user} > [セキュリティ認証情報]"
        ))
    }
}

/// Ends the temporary credentials that a user has got so far.
pub(super) fn end_sessions(user: &str, now: DateTime<Utc>, language: Language) -> String {
    let document = denies_older_sessions(now);
    if is_iam_name(user) {
        format!(
            "  aws iam put-user-policy --user-name {user} --policy-name {POLICY_NAME} --policy-document '{document}'"
        )
    } else {
        let user = quote(user);
        say!(
            language,
            "  In the console, put this inline policy on user {user}: {document}",
            "  コンソールで次のインラインポリシーをユーザー {user} に追加してください: {document}"
        )
    }
}

/// Takes back what [`end_sessions`] does.
pub(super) fn allow_sessions(user: &str, language: Language) -> String {
    if is_iam_name(user) {
        format!("  aws iam delete-user-policy --user-name {user} --policy-name {POLICY_NAME}")
    } else {
        let user = quote(user);
        say!(
            language,
            "  In the console under IAM, Users, {user}, Permissions",
            "  コンソールの [IAM] > [ユーザー] > {user} > [許可]"
        )
    }
}

/// Ends the sessions that a role has given out so far, as the console does by its button "Revoke active sessions".
pub(super) fn end_role_sessions(arn: &str, now: DateTime<Utc>, language: Language) -> String {
    const NAME: &str = "AWSRevokeOlderSessions";
    let document = denies_older_sessions(now);
    let role = arn.split_once(":role/").and_then(|(_, path_and_name)| path_and_name.rsplit('/').next());
    match role.filter(|role| is_iam_name(role)) {
        Some(role) => {
            format!("  aws iam put-role-policy --role-name {role} --policy-name {NAME} --policy-document '{document}'")
        }
        None => say!(
            language,
            "  In the console, put this inline policy on the role: {document}",
            "  コンソールで次のインラインポリシーをロールに追加してください: {document}"
        ),
    }
}

/// Shows what was done with an access key.
pub(super) fn look_at_use(kind: Kind, id: Option<&str>, language: Language) -> Vec<String> {
    if kind != Kind::AccessKey {
        return Vec::new();
    }
    let lines = say!(
        language,
        "See what was done with the key in CloudTrail's event history, region by region (look up by AWS access key):",
        "このキーで行われた操作を、CloudTrail のイベント履歴でリージョンごとに確認してください (ルックアップ属性: AWS アクセスキー):"
    );
    let command = id.filter(|id| is_credential_id(id)).map(|id| {
        format!("  aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue={id} --region us-east-1")
    });
    std::iter::once(lines).chain(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_in_a_command_only_by_its_name() {
        let now = DateTime::UNIX_EPOCH;
        let command = |arn| end_role_sessions(arn, now, Language::English);
        assert!(command("arn:aws:iam::123456789012:role/team/Deploy").contains("--role-name Deploy "));
        for arn in ["arn:aws:iam::123456789012:role/x;y", "arn:aws:iam::123456789012:user/Deploy", "Deploy"] {
            assert!(!command(arn).contains("aws iam"), "{arn}");
        }
    }
}
