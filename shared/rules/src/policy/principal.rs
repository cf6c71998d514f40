//! Whom a policy statement names.
//!
//! The forms: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.

use std::fmt;

use serde_json::{Map, Value};

use crate::command::is_account_id;
use crate::json::{field, scalar};
use crate::language::{Language, Localized};
use crate::{localized, say};

/// What begins the unique id of a principal
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes>).
const UNIQUE_ID_PREFIXES: &[&str] = &["AIDA", "AROA", "AGPA", "AIPA", "ANPA", "ANVA", "ASIA"];

/// One principal that a statement names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// A member of `Principal`: the kind, such as `AWS` or `Federated`, and the text. `"*"` alone is of the kind `AWS`.
    Named {
        /// Under which it stands.
        kind: String,
        /// As it is written.
        text: String,
    },
    /// Everybody but those that `NotPrincipal` names
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>).
    AllBut(String),
    /// Something that is no principal, in words.
    Odd(Localized),
}

/// Who a principal is, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, in whatever account.
    Everyone,
    /// An account, or a principal in it.
    Account(String),
    /// Whoever an identity provider vouches for. The provider is in an account's IAM.
    Provider {
        /// The account that the provider is in.
        account: String,
        /// The issuer of an OpenID Connect provider; `None` for SAML.
        issuer: Option<String>,
    },
    /// Whoever one of the public identity providers vouches for, which AWS knows by name.
    PublicProvider(String),
    /// An AWS service.
    Service,
    /// The unique id of a principal. IAM takes those of principals that are there, shows their ARNs afterwards, and the id again once
    /// the principal has been deleted.
    UniqueId,
    /// Cannot be told from the text.
    Unclear,
}

impl Who {
    /// Why it cannot be told from a principal's text whose it is, in words; `None` if it can.
    pub fn why_unclear(&self) -> Option<Localized> {
        match self {
            Self::UniqueId => Some(localized!(
                "it is an id, which does not tell the account; if its owner has been deleted, it lets nobody in",
                "ID からは、どのアカウントのものかわかりません。ID の持ち主が削除済みであれば、誰も許可されません"
            )),
            Self::Unclear => Some(localized!(
                "snapback does not know this form of a principal",
                "snapback が認識できない形式のプリンシパルです"
            )),
            _ => None,
        }
    }
}

impl Principal {
    /// A named principal.
    pub fn named(kind: &str, text: &str) -> Self {
        Self::Named { kind: kind.to_owned(), text: text.to_owned() }
    }

    /// Who it is.
    pub fn who(&self) -> Who {
        let (kind, text) = match self {
            Self::Named { kind, text } => (kind.to_ascii_lowercase(), text.as_str()),
            Self::AllBut(_) => return Who::Everyone,
            Self::Odd(_) => return Who::Unclear,
        };
        match kind.as_str() {
            "service" => Who::Service,
            "aws" => aws(text),
            "federated" => federated(text),
            _ if text == "*" => Who::Everyone,
            _ => Who::Unclear,
        }
    }

    /// The principal in a mail's language, in which it is not harmless yet.
    pub fn of(&self, language: Language) -> String {
        match self {
            Self::Named { kind, text } if kind.eq_ignore_ascii_case("aws") => text.clone(),
            Self::Named { kind, text } => format!("{kind} {text}"),
            Self::AllBut(text) => say!(language, "everyone but {text}", "{text} 以外の全員"),
            Self::Odd(text) => text.of(language).to_owned(),
        }
    }

    /// Whether it stands for a whole account.
    pub fn is_account(&self) -> bool {
        matches!(self.canonical(), Self::Named { text, .. } if is_account_id(&text))
    }

    /// The same principal in the one form that IAM gives it when it saves a policy: an account's id becomes its root's ARN.
    pub fn canonical(&self) -> Self {
        match self {
            Self::Named { kind, text } => {
                let kind = kind.to_ascii_lowercase();
                let text = match text.strip_suffix(":root").and_then(|start| start.rsplit(':').next()) {
                    Some(account) if kind == "aws" && is_account_id(account) => account.to_owned(),
                    _ => text.clone(),
                };
                Self::Named { kind, text }
            }
            // What it excepts may be written otherwise; there is one in a statement.
            Self::AllBut(_) => Self::AllBut(String::new()),
            Self::Odd(text) => Self::Odd(text.clone()),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(Language::English))
    }
}

fn aws(text: &str) -> Who {
    if text == "*" {
        return Who::Everyone;
    }
    if is_account_id(text) {
        return Who::Account(text.to_owned());
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam" | "sts", "", account, _] if is_account_id(account) => Who::Account((*account).to_owned()),
        // IAM takes no such thing; if it ever does, it is everybody.
        ["arn", _, _, _, account, _] if account.contains(['*', '?']) => Who::Everyone,
        _ if is_unique_id(text) => Who::UniqueId,
        _ => Who::Unclear,
    }
}

fn federated(text: &str) -> Who {
    if text == "*" {
        return Who::Everyone;
    }
    if super::federation::is_known_to_aws(text) {
        return Who::PublicProvider(text.to_ascii_lowercase());
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, resource] if is_account_id(account) => {
            let issuer = resource.strip_prefix("oidc-provider/").map(str::to_owned);
            match issuer.is_some() || resource.starts_with("saml-provider/") {
                true => Who::Provider { account: (*account).to_owned(), issuer },
                false => Who::Unclear,
            }
        }
        _ => Who::Unclear,
    }
}

/// Whether the text is the unique id of a user or a role.
pub(super) fn is_unique_id(text: &str) -> bool {
    UNIQUE_ID_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        && (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The principals that a statement names. What is no principal is an odd one: it is never passed over.
pub fn principals(statement: &Value) -> Vec<Principal> {
    let mut found = Vec::new();
    visit(statement, &mut |principal| {
        found.push(principal.clone());
        true
    });
    found
}

/// The statement without the principals that `stays` says no to. `None` if that leaves it without any.
pub fn retain(statement: &Value, mut stays: impl FnMut(&Principal) -> bool) -> Option<Value> {
    visit(statement, &mut stays)
}

/// Shows all principals of a statement to `stays`, and gives the statement with those that do.
fn visit(statement: &Value, stays: &mut dyn FnMut(&Principal) -> bool) -> Option<Value> {
    let Some(object) = statement.as_object() else {
        return stays(&Principal::Odd(localized!(
            "a statement that is no object",
            "オブジェクトではないステートメント"
        )))
        .then(|| statement.clone());
    };
    let excepted = field(statement, "NotPrincipal");
    if !excepted.is_null() && !stays(&Principal::AllBut(short(excepted))) {
        return None;
    }
    let Some(name) = name_of(object, "Principal") else {
        let is_odd = excepted.is_null()
            && !stays(&Principal::Odd(localized!("a statement without principal", "プリンシパルのないステートメント")));
        return (!is_odd).then(|| statement.clone());
    };
    let left = match field(statement, "Principal") {
        Value::Object(kinds) if !kinds.is_empty() => {
            let kinds: Map<String, Value> = kinds
                .iter()
                .filter_map(|(kind, members)| Some((kind.clone(), visit_members(kind, members, stays)?)))
                .collect();
            (!kinds.is_empty()).then_some(Value::Object(kinds))
        }
        whole => member("AWS", whole, stays),
    };
    let mut statement = object.clone();
    statement.insert(name, left?);
    Some(Value::Object(statement))
}

fn visit_members(kind: &str, members: &Value, stays: &mut dyn FnMut(&Principal) -> bool) -> Option<Value> {
    match members {
        Value::Array(list) if !list.is_empty() => {
            let left: Vec<Value> = list.iter().filter_map(|one| member(kind, one, stays)).collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        single => member(kind, single, stays),
    }
}

fn member(kind: &str, written: &Value, stays: &mut dyn FnMut(&Principal) -> bool) -> Option<Value> {
    let principal = match scalar(written) {
        Some(text) => Principal::Named { kind: kind.to_owned(), text },
        None => Principal::Odd(Localized::verbatim(format!("{kind} {}", short(written)))),
    };
    stays(&principal).then(|| written.clone())
}

/// The name of a field as it is spelled, found as [`field`] finds it.
pub(crate) fn name_of(object: &Map<String, Value>, name: &str) -> Option<String> {
    let exact = object.contains_key(name).then_some(name);
    let other = object.keys().map(String::as_str).find(|key| key.eq_ignore_ascii_case(name));
    exact.or(other).map(str::to_owned)
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn principals_are_told_apart() {
        let account = |id: &str| Who::Account(id.to_owned());
        let provider = |issuer: Option<&str>| Who::Provider {
            account: "123456789012".to_owned(),
            issuer: issuer.map(str::to_owned),
        };
        for (kind, text, expected) in [
            ("AWS", "*", Who::Everyone),
            ("aws", "999999999999", account("999999999999")),
            ("AWS", "arn:aws:iam::999999999999:root", account("999999999999")),
            ("AWS", "arn:aws-cn:iam::999999999999:role/a/b", account("999999999999")),
            ("AWS", "arn:aws:sts::999999999999:assumed-role/R/s", account("999999999999")),
            ("AWS", "arn:aws:sts::999999999999:federated-user/f", account("999999999999")),
            ("AWS", "arn:aws:iam::*:root", Who::Everyone),
            ("AWS", "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1", Who::Unclear),
            ("AWS", "AROADBQP57FF2AEXAMPLE", Who::UniqueId),
            ("AWS", "AIDAJQABLZS4A3QDU576Q", Who::UniqueId),
            ("AWS", "99999999999", Who::Unclear),
            ("Service", "ec2.amazonaws.com", Who::Service),
            (
                "Federated",
                "cognito-identity.amazonaws.com",
                Who::PublicProvider("cognito-identity.amazonaws.com".into()),
            ),
            ("Federated", "arn:aws:iam::123456789012:saml-provider/P", provider(None)),
            ("Federated", "arn:aws:iam::123456789012:oidc-provider/gitlab.com", provider(Some("gitlab.com"))),
            ("Federated", "arn:aws:iam::123456789012:role/R", Who::Unclear),
            ("Federated", "login.example.com", Who::Unclear),
            ("Federated", "*", Who::Everyone),
            ("CanonicalUser", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", Who::Unclear),
            ("CanonicalUser", "*", Who::Everyone),
        ] {
            assert_eq!(Principal::named(kind, text).who(), expected, "{kind} {text}");
        }
    }

    #[test]
    fn an_account_is_the_same_in_both_its_forms() {
        let canonical = |text: &str| Principal::named("AWS", text).canonical();
        assert_eq!(canonical("999999999999"), canonical("arn:aws:iam::999999999999:root"));
        assert_ne!(canonical("arn:aws:iam::999999999999:role/root"), canonical("999999999999"));
    }

    #[test]
    fn only_what_has_to_go_goes() {
        let keep = |statement: Value, gone: &str| {
            retain(&statement, |principal| principal.to_string() != gone)
                .map(|statement| statement["Principal"].clone())
        };
        let two = json!({"Principal": {"AWS": ["1", "2"], "Service": "s"}});
        assert_eq!(keep(two.clone(), "1"), Some(json!({"AWS": ["2"], "Service": "s"})));
        assert_eq!(keep(two, "Service s"), Some(json!({"AWS": ["1", "2"]})));
        assert_eq!(keep(json!({"Principal": {"AWS": ["1"], "Service": ["s"]}}), "1"), Some(json!({"Service": ["s"]})));
        assert_eq!(keep(json!({"Principal": {"AWS": "1"}}), "1"), None);
        assert_eq!(keep(json!({"Principal": "*"}), "*"), None);
        assert_eq!(keep(json!({"principal": "*", "Sid": "x"}), "*"), None);
        assert_eq!(retain(&json!({"NotPrincipal": {"AWS": "1"}}), |_| false), None);
    }

    #[test]
    fn what_is_no_principal_is_not_passed_over() {
        for odd in [
            json!({}),
            json!({"Principal": {}}),
            json!({"Principal": {"AWS": []}}),
            json!({"Principal": {"AWS": {}}}),
            json!({"Principal": null}),
            json!("x"),
            json!({"Principal": {"AWS": [null]}}),
            json!({"Principal": ""}),
        ] {
            assert!(matches!(principals(&odd).as_slice(), [Principal::Odd(_)]), "{odd}: {:?}", principals(&odd));
            assert_eq!(retain(&odd, |_| true), Some(odd.clone()));
        }
    }
}
