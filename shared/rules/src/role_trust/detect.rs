//! From an event to whom it lets in.

use serde_json::Value;

use super::judge::{Circle, Organization, Standing, strangers};
use crate::access_analyzer::ExternalAccess;
use crate::command::{is_account_id, is_iam_name};
use crate::decision::Decision;
use crate::event::{Event, Origin};
use crate::json::{field, text};
use crate::language::Localized;
use crate::policy;
use crate::policy::texts;
use crate::settings::Settings;
use crate::{localized, say};

/// What an event let in or found to be let in, with all that its revert needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A role's trust policy was written, or found open to somebody outside.
    Trust(Trust),
    /// An identity provider was made or changed.
    Provider(Provider),
}

/// A role's trust policy, as the event wrote it or as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Trust {
    /// The role's name, which may be of another role later.
    pub role_name: String,
    /// The role's id (`AROA…`), where the event tells it.
    pub role_id: Option<String>,
    /// The role's ARN, where the event tells it. A finding does always.
    pub role_arn: Option<String>,
    /// The account that the role is in.
    pub account: String,
    /// The whole trust policy that the event wrote. `None` of a finding: whatever is in the role's policy by now is what was found.
    pub document: Option<Value>,
}

/// An identity provider, as the event tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// SAML or OpenID Connect.
    pub kind: ProviderKind,
    /// Its ARN, else its name or URL; `None` if the event has none of them.
    pub name: Option<String>,
    /// What more the event tells, by name: the issuer, the audiences, thumbprints.
    pub details: Vec<(Localized, String)>,
}

/// How a provider vouches for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// SAML 2.0.
    Saml,
    /// OpenID Connect.
    OpenIdConnect,
}

/// Decides on one of the rule's events that succeeded. What depends on the account's organization is a candidate.
pub fn detect(event: &Event, settings: &Settings) -> Decision<Finding> {
    if let Origin::AccessAnalyzer(access) = &event.origin {
        return found(event, access)
            .map_or_else(Decision::Unreadable, |trust| Decision::Candidate(Finding::Trust(trust)));
    }
    let Some(name) = document_field(event) else { return provider(event) };
    let (account, document) = match written(event, name) {
        Ok(written) => written,
        Err(missing) => return Decision::Unreadable(missing),
    };
    let circle =
        Circle { account: &account, trusted: &settings.trusted_accounts, organization: &Organization::Unknown };
    let strangers = strangers(&document, &circle);
    if strangers.is_empty() {
        return Decision::Ignore("the trust policy lets in nobody from outside".to_owned());
    }
    let is_candidate = strangers.iter().all(|stranger| stranger.standing == Standing::OfOrganization);
    match trust(event, account, document) {
        Err(missing) => Decision::Unreadable(missing),
        Ok(trust) if is_candidate => Decision::Candidate(Finding::Trust(trust)),
        Ok(trust) => Decision::Violation(Finding::Trust(trust)),
    }
}

/// The role that IAM Access Analyzer found open.
fn found(event: &Event, access: &ExternalAccess) -> Result<Trust, Localized> {
    event.not_of_this_account().map_or(Ok(()), Err)?;
    let account = event.account.clone().filter(|account| is_account_id(account));
    let account =
        account.ok_or_else(|| localized!("no `accountId` in `detail`", "`detail` に `accountId` がありません"))?;
    let parts: Vec<&str> = access.resource.splitn(6, ':').collect();
    let name = match parts.as_slice() {
        ["arn", _, "iam", "", owner, role] if *owner == account => role.strip_prefix("role/"),
        _ => None,
    };
    // The path is no part of the name.
    let name = name.and_then(|role| role.rsplit('/').next()).filter(|name| is_iam_name(name));
    let role_name = name.ok_or_else(|| {
        localized!(
            "`resource` in `detail` is not the ARN of a role of this account",
            "`detail` の `resource` がこのアカウントのロールの ARN ではありません"
        )
    })?;
    Ok(Trust {
        role_name: role_name.to_owned(),
        role_id: None,
        role_arn: Some(access.resource.clone()),
        account,
        document: None,
    })
}

fn provider(event: &Event) -> Decision<Finding> {
    match read(event) {
        Err(missing) => Decision::Unreadable(missing),
        Ok(Finding::Provider(provider)) if provider.kind == ProviderKind::Saml && is_identity_center(event) => {
            Decision::Ignore("IAM Identity Center keeps its own provider with its service-linked role".to_owned())
        }
        Ok(finding) => Decision::Violation(finding),
    }
}

/// Reads what an event wrote, without judging it.
///
/// # Errors
/// Says what was missing or not understood, and where.
pub fn read(event: &Event) -> Result<Finding, Localized> {
    if let Some(name) = document_field(event) {
        let (account, document) = written(event, name)?;
        return trust(event, account, document).map(Finding::Trust);
    }
    match event.name.as_str() {
        "CreateSAMLProvider" | "UpdateSAMLProvider" => Ok(Finding::Provider(saml_provider(event))),
        "CreateOpenIDConnectProvider"
        | "AddClientIDToOpenIDConnectProvider"
        | "UpdateOpenIDConnectProviderThumbprint" => Ok(Finding::Provider(oidc_provider(event))),
        other => Err(localized!("`{other}` changes no trust", "`{other}` は信頼を変更する呼び出しではありません")),
    }
}

/// Under which name the request holds a trust policy; `None` if the call writes none.
fn document_field(event: &Event) -> Option<&'static str> {
    match event.name.as_str() {
        "CreateRole" => Some("assumeRolePolicyDocument"),
        "UpdateAssumeRolePolicy" => Some("policyDocument"),
        _ => None,
    }
}

fn trust(event: &Event, account: String, document: Value) -> Result<Trust, Localized> {
    let role = field(&event.response, "role");
    let role_name = text(&event.request, "roleName").or_else(|| text(role, "roleName"));
    Ok(Trust {
        role_name: role_name
            .ok_or_else(|| localized!("no `roleName` in the request", "リクエストに `roleName` がありません"))?,
        role_id: text(role, "roleId"),
        role_arn: text(role, "arn"),
        account,
        document: Some(document),
    })
}

/// The account, and the trust policy that an event wrote in it.
fn written(event: &Event, name: &str) -> Result<(String, Value), Localized> {
    let account = event.account.clone().filter(|account| is_account_id(account));
    let account = account.ok_or_else(|| localized!("no `recipientAccountId`", "`recipientAccountId` がありません"))?;
    let document = policy::parse(field(&event.request, name));
    document.map(|document| (account, document)).map_err(|problem| {
        Localized::new(|language| {
            let problem = problem.of(language);
            say!(
                language,
                "the policy document `{name}` in the request {problem}",
                "リクエストのポリシードキュメント `{name}` {problem}"
            )
        })
    })
}

fn saml_provider(event: &Event) -> Provider {
    let arn = text(&event.response, "sAMLProviderArn").or_else(|| text(&event.request, "sAMLProviderArn"));
    let entity = text(&event.request, "sAMLMetadataDocument").and_then(|metadata| entity_id(&metadata));
    Provider {
        kind: ProviderKind::Saml,
        name: arn.or_else(|| text(&event.request, "name")),
        details: entity
            .map(|entity| (localized!("Identity provider (entityID)", "ID プロバイダー (entityID)"), entity))
            .into_iter()
            .collect(),
    }
}

/// The value of the first `entityID` in SAML metadata: who vouches.
fn entity_id(metadata: &str) -> Option<String> {
    let (_, rest) = metadata.split_once("entityID")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest.get(1..)?.split_once(quote).map(|(entity, _)| entity.to_owned())
}

fn oidc_provider(event: &Event) -> Provider {
    let arn = text(&event.response, "openIDConnectProviderArn");
    let arn = arn.or_else(|| text(&event.request, "openIDConnectProviderArn"));
    let url = text(&event.request, "url");
    let lists = [
        (localized!("Issuer", "発行者"), url.clone().into_iter().collect()),
        (localized!("Audiences", "対象者 (audience)"), texts(&event.request, "clientIDList")),
        (localized!("Audience added", "追加された対象者 (audience)"), texts(&event.request, "clientID")),
        (localized!("Certificate thumbprints", "証明書のサムプリント"), texts(&event.request, "thumbprintList")),
    ];
    let details = lists.into_iter().filter(|(_, values)| !values.is_empty());
    let details = details.map(|(name, values): (_, Vec<String>)| (name, values.join(", "))).collect();
    Provider { kind: ProviderKind::OpenIdConnect, name: arn.or(url), details }
}

/// Whether IAM Identity Center did it, which makes and renews a SAML provider in each account that it has assignments in. Nobody else can
/// be its role: IAM lets nobody make a role under this path, or change whom one trusts
/// (<https://docs.aws.amazon.com/singlesignon/latest/userguide/using-service-linked-roles.html>).
fn is_identity_center(event: &Event) -> bool {
    let Some((role, account)) = event.actor.principal_arn().zip(event.account.as_deref()) else { return false };
    let role = role.split_once(":iam::").map(|(_, role)| role);
    role == Some(&format!("{account}:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"))
}
