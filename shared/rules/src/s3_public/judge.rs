//! What of a bucket's or an access point's policy is public, and who of another account it gives access.
//!
//! Public is what AWS calls so
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#public-bucket-policies>): every
//! statement that allows something, unless it is for fixed principals or a condition demands fixed values of certain keys. What is
//! fixed holds no wildcard and no policy variable. Actions and resources don't matter: an action that S3 doesn't know yet counts, too
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-analyzer-public-info>).
//! What cannot be understood is public.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::Value;

use crate::command::is_account_id;
use crate::language::Localized;
use crate::policy::condition::{Callers, Condition, callers, conditions, is_own_or_trusted};
use crate::policy::federation::keys_of_issuer;
use crate::policy::principal::{Principal, Who, principals, retain};
use crate::policy::{allows, statements, with_statements};
use crate::public::{Family, WidestPublic};
use crate::text::quote;
use crate::{localized, say};

/// Keys of which a fixed value narrows. AWS's list names "an AWS principal, user, role, or service principal" with `aws:PrincipalOrgID` as
/// an example; the other keys that say who calls are of that kind.
const NARROWING: &[&str] = &[
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    // Not in the list, and younger than it: they name an account, an organization or a VPC as those above do
    // (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpcarn",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
];

/// The same for keys whose values are accounts: nothing else is one, least of all `anonymous`.
const ACCOUNTS: &[&str] =
    &["aws:principalaccount", "aws:sourceaccount", "aws:sourceowner", "aws:vpceaccount", "s3:dataaccesspointaccount"];

/// The widest ranges of `aws:SourceIp` that are not public, as prefix lengths of IPv4 and IPv6. No private range of RFC 1918 is wider.
const WIDEST: (u8, u8) = (8, 32);

/// The range that AWS gives as an example of a very broad one, `0.0.0.0/1`: narrow ranges that together hold more are the world in pieces.
const VERY_BROAD: WidestPublic = WidestPublic { ipv4_prefix: 1, ipv6_prefix: 3 };

/// A statement by which a policy is public.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicStatement {
    /// Which statement of the document, counted from 0.
    pub index: usize,
    /// As it is written.
    pub statement: Value,
    /// Why, in words that follow "it is public: ".
    pub reason: Localized,
}

/// Whose access to a bucket is not another account's.
#[derive(Clone, Copy, Debug)]
pub struct Circle<'a> {
    /// The bucket's account.
    pub account: &'a str,
    /// `TrustedAccounts`.
    pub trusted: &'a BTreeSet<String>,
    /// The canonical user id of the bucket's owner, where it is known.
    pub owner_id: Option<&'a str>,
}

/// A principal of another account to which a statement that is not public gives access, or one of whom that cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outsider {
    /// Which statement of the document names it, counted from 0.
    pub index: usize,
    /// Who it is.
    pub principal: Principal,
    /// The other accounts; empty if they are not known.
    pub accounts: Vec<String>,
    /// Whether it is known to be of another account, and nobody of this one is let in by the same words.
    pub is_certain: bool,
    /// Why.
    pub reason: Localized,
}

/// What a policy belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Bucket,
    AccessPoint,
}

/// The statements by which AWS calls a bucket's policy public, and an access point's, but for
/// [`public_statements_of_access_point`]. Denials don't count ([`may_be_kept_private`]).
pub fn public_statements(document: &Value) -> Vec<PublicStatement> {
    public(document, Owner::Bucket)
}

/// The same for an access point that is open to the internet: `s3:DataAccessPointArn` narrows nothing in its policy. One with a VPC as its
/// origin is never public, whatever its policy says
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status-access-points>).
pub fn public_statements_of_access_point(document: &Value) -> Vec<PublicStatement> {
    public(document, Owner::AccessPoint)
}

fn public(document: &Value, owner: Owner) -> Vec<PublicStatement> {
    let allowing = statements(document).into_iter().enumerate().filter(|(_, statement)| allows(statement));
    let public = allowing.filter_map(|(index, statement)| {
        let reason = why_public(statement, owner)?;
        Some(PublicStatement { index, statement: statement.clone(), reason })
    });
    public.collect()
}

/// Why a statement that allows something is public; `None` if it is not. All its conditions have to hold, so one that narrows is enough.
fn why_public(statement: &Value, owner: Owner) -> Option<Localized> {
    let reason = principals(statement).iter().find_map(why_open)?;
    let conditions = conditions(statement);
    if conditions.iter().any(|condition| narrows(condition, owner)) {
        return None;
    }
    Some(match conditions.is_empty() {
        true => reason,
        false => Localized::new(|language| {
            let reason = reason.of(language);
            say!(
                language,
                "{reason}, and no condition demands a fixed caller or source",
                "{reason}。呼び出し元や送信元を固定する条件もありません"
            )
        }),
    })
}

/// Why a principal is not fixed, or may be anybody; `None` if it is fixed.
fn why_open(principal: &Principal) -> Option<Localized> {
    let unclear = || {
        Some(localized!(
            "it does not say in a known form whom it is for",
            "誰を対象としているのか、認識できる形式で書かれていません"
        ))
    };
    let (kind, text) = match principal {
        Principal::AllBut(_) => {
            return Some(localized!(
                "it is for everyone but the principals that it names",
                "指定されたプリンシパル以外の全員が対象です"
            ));
        }
        Principal::Odd(_) => return unclear(),
        Principal::Named { kind, text } => (kind, text),
    };
    let anybody_at = |issuer: &str| {
        let issuer = quote(issuer);
        Some(localized!(
            "it is for everyone who has an account at {issuer}",
            "{issuer} にアカウントを持つ全員が対象です"
        ))
    };
    match principal.who() {
        Who::Everyone => Some(localized!("it is for everyone", "全員が対象です")),
        _ if !is_fixed(text) => {
            let text = quote(text);
            Some(localized!(
                "it is for {text}, which holds a wildcard or a policy variable",
                "対象の {text} にワイルドカードまたはポリシー変数が含まれています"
            ))
        }
        // AWS's former example of a public policy:
        // https://github.com/awsdocs/amazon-s3-userguide/blob/main/doc_source/access-control-block-public-access.md#bucket-policies
        Who::PublicProvider(name) => anybody_at(&name),
        Who::Provider { issuer: Some(issuer), .. } if !keys_of_issuer(&issuer).is_empty() => anybody_at(&issuer),
        Who::Account(_) | Who::Provider { .. } | Who::Service | Who::UniqueId => None,
        Who::Unclear if kind.eq_ignore_ascii_case("AWS") || is_canonical_user(principal) => None,
        Who::Unclear => unclear(),
    }
}

/// Whether a condition demands fixed values of a key that AWS counts. Any of the values may fit, so each has to be fixed.
fn narrows(condition: &Condition, owner: Owner) -> bool {
    let key = condition.key.to_ascii_lowercase();
    if key == "aws:sourceip" {
        return condition.ranges().is_some_and(|ranges| is_narrow(&ranges));
    }
    condition.demands_a_value() && values_narrow(condition, &key, owner)
}

/// Whether all values of a condition are fixed ones of a key that AWS counts.
fn values_narrow(condition: &Condition, key: &str, owner: Owner) -> bool {
    let all = |is_right: fn(&str) -> bool| condition.values.iter().all(|value| is_right(value));
    let is_of_service = key == "aws:principalisawsservice";
    // A truth says nothing of who calls, but for this key.
    if condition.operator.to_ascii_lowercase().contains("bool") && !is_of_service {
        return false;
    }
    match key {
        "s3:dataaccesspointarn" => owner == Owner::Bucket && all(|arn| is_fixed(arn) || is_of_one_account(arn)),
        "aws:userid" => all(|id| is_fixed(id) && !is_role_session(id) && !is_anonymous(id)),
        _ if is_of_service => all(|value| value.eq_ignore_ascii_case("true")),
        key if ACCOUNTS.contains(&key) => all(is_account_id),
        key => NARROWING.contains(&key) && all(is_fixed),
    }
}

/// Whether this is how requests without a signature are named, in `aws:userid` and `aws:PrincipalAccount`, which they have too.
fn is_anonymous(id: &str) -> bool {
    id.eq_ignore_ascii_case("anonymous")
}

/// Whether a statement denies everybody but those whom conditions on the keys that AWS counts leave out: what allows everybody something may
/// then be private all the same.
fn may_keep_private(denial: &Value) -> bool {
    let is_for_everyone = principals(denial).iter().any(|principal| match principal {
        Principal::AllBut(_) => true,
        Principal::Named { .. } | Principal::Odd(_) => principal.who() == Who::Everyone,
    });
    let leaves_out = |condition: &Condition| {
        let operator = condition.operator.to_ascii_lowercase();
        let key = condition.key.to_ascii_lowercase();
        let is_counted = key == "aws:sourceip" || key == "s3:dataaccesspointarn" || key == "aws:userid";
        let is_counted = is_counted || ACCOUNTS.contains(&key.as_str()) || NARROWING.contains(&key.as_str());
        let is_of_service = key == "aws:principalisawsservice" && operator.starts_with("bool");
        is_counted && (operator.contains("not") || operator == "null") || is_of_service
    };
    is_for_everyone && conditions(denial).iter().all(leaves_out)
}

/// Whether a value holds no wildcard and no policy variable. To some operators a wildcard is a character like others; AWS makes no
/// difference.
fn is_fixed(value: &str) -> bool {
    !value.contains(['*', '?']) && !value.contains("${")
}

fn is_narrow(ranges: &[IpNet]) -> bool {
    let is_narrow = |range: &IpNet| match range {
        IpNet::V4(range) => range.prefix_len() >= WIDEST.0,
        IpNet::V6(range) => range.prefix_len() >= WIDEST.1,
    };
    ranges.iter().all(is_narrow) && !Family::BOTH.iter().any(|family| VERY_BROAD.is_exceeded_by(*family, ranges))
}

/// Whether an ARN, which may hold wildcards in the name alone, is of access points of one account.
fn is_of_one_account(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [start @ .., account, name] = parts.as_slice() else { return false };
    matches!(start, ["arn", partition, "s3", region] if is_fixed(partition) && is_fixed(region))
        && is_account_id(account)
        && name.starts_with("accesspoint/")
        && !name.contains("${")
}

/// Whether an `aws:userid` is of the pattern that AWS leaves out, `AROLEID:*`: a role's id and the name of a session
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>).
fn is_role_session(id: &str) -> bool {
    id.starts_with("ARO") && id.contains(':')
}

/// Whether this is a canonical user id, of 64 letters and digits
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html>). That of
/// unsigned requests is shorter.
fn is_canonical_user(principal: &Principal) -> bool {
    matches!(principal, Principal::Named { kind, text } if kind.eq_ignore_ascii_case("CanonicalUser")
        && text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The principals of other accounts to which the statements that are not public give access. Whom a condition keeps inside, or limits to a
/// source that says nothing of the account, is not told.
pub fn outsiders(document: &Value, circle: &Circle<'_>) -> Vec<Outsider> {
    let public: BTreeSet<usize> = public_statements(document).into_iter().map(|public| public.index).collect();
    let statements = statements(document).into_iter().enumerate();
    let private = statements.filter(|(index, statement)| allows(statement) && !public.contains(index));
    let outsiders = private.flat_map(|(index, statement)| {
        let conditions = conditions(statement);
        let outsiders = principals(statement).into_iter().filter_map(move |principal| {
            let (accounts, reason) = outside(&principal, &conditions, circle)?;
            // Who is named by conditions alone can't be taken out without those whom they name besides.
            let lets_in_own = principal.who() == Who::Everyone && named_by(&conditions).iter().any(|id| circle.has(id));
            let is_certain = !accounts.is_empty() && !lets_in_own;
            Some(Outsider { index, principal, is_certain, accounts, reason })
        });
        outsiders.collect::<Vec<_>>()
    });
    outsiders.collect()
}

/// The accounts to which conditions limit everyone: by who calls, or else by the way the call takes.
fn named_by(conditions: &[Condition]) -> BTreeSet<String> {
    let callers = callers(conditions).into_iter().find_map(|callers| match callers {
        Callers::Accounts(accounts) => Some(accounts),
        Callers::Organizations(_) | Callers::Services => None,
    });
    callers.or_else(|| conditions.iter().find_map(Condition::through)).unwrap_or_default()
}

/// The accounts that a principal is of, none if they are not known, and why it is outside; `None` if it is not.
fn outside(principal: &Principal, conditions: &[Condition], circle: &Circle<'_>) -> Option<(Vec<String>, Localized)> {
    let callers = callers(conditions).into_iter().filter_map(|callers| match callers {
        Callers::Accounts(accounts) => Some(accounts),
        Callers::Organizations(_) | Callers::Services => None,
    });
    let callers: Vec<BTreeSet<String>> = callers.collect();
    if callers.iter().any(|accounts| circle.has_all(accounts)) {
        return None;
    }
    let unknown = |reason: Localized| Some((Vec::new(), reason));
    match principal.who() {
        Who::Account(account) => circle.others([account].iter()),
        Who::Provider { account, .. } if !circle.has(&account) => circle.others([account].iter()),
        Who::Service => circle.others(callers.first()?.iter()),
        Who::Everyone | Who::PublicProvider(_) | Who::Provider { .. } => {
            if let Some(accounts) = callers.first() {
                return circle.others(accounts.iter());
            }
            let through: Vec<BTreeSet<String>> = conditions.iter().filter_map(Condition::through).collect();
            if through.iter().any(|accounts| circle.has_all(accounts)) {
                return None;
            }
            if let Some(accounts) = through.first() {
                return circle.others(accounts.iter());
            }
            let is_by_id = |condition: &Condition| condition.key.eq_ignore_ascii_case("aws:userid");
            match conditions.iter().any(|condition| is_by_id(condition) && narrows(condition, Owner::Bucket)) {
                true => unknown(localized!(
                    "its conditions let through only certain callers, but do not tell of which account",
                    "条件で特定の呼び出し元に限定されていますが、どのアカウントのものかわかりません"
                )),
                false => None,
            }
        }
        who @ (Who::UniqueId | Who::Unclear) => match principal {
            Principal::Named { text, .. } if is_canonical_user(principal) => {
                let is_owner = circle.owner_id.is_some_and(|owner| owner.eq_ignore_ascii_case(text));
                if is_owner {
                    return None;
                }
                unknown(localized!(
                    "a canonical user id does not tell the account",
                    "正規ユーザー ID からはアカウントがわかりません"
                ))
            }
            Principal::Named { text, .. } if text.split(':').nth(4) == Some("cloudfront") => unknown(localized!(
                "an origin access identity of CloudFront does not tell whose distributions use it",
                "CloudFront のオリジンアクセスアイデンティティからは、誰のディストリビューションが使用しているのかわかりません"
            )),
            _ => unknown(who.why_unclear().unwrap_or_default()),
        },
    }
}

impl Circle<'_> {
    fn has(&self, account: &str) -> bool {
        is_own_or_trusted(account, self.account, self.trusted)
    }

    fn has_all(&self, accounts: &BTreeSet<String>) -> bool {
        accounts.iter().all(|account| self.has(account))
    }

    /// Those of the accounts that are outside, and why; `None` if none is.
    fn others<'b>(&self, accounts: impl Iterator<Item = &'b String>) -> Option<(Vec<String>, Localized)> {
        let others: Vec<String> = accounts.filter(|account| !self.has(account)).cloned().collect();
        let reason = match others.as_slice() {
            [] => return None,
            [one] => localized!(
                "account {one} is neither this account nor one of TrustedAccounts",
                "アカウント {one} は、このアカウントでも TrustedAccounts のアカウントでもありません"
            ),
            several => Localized::new(|language| {
                let several = several.join(say!(language, " and ", "、").as_str());
                say!(
                    language,
                    "accounts {several} are neither this account nor in TrustedAccounts",
                    "アカウント {several} は、いずれもこのアカウントでも TrustedAccounts のアカウントでもありません"
                )
            }),
        };
        Some((others, reason))
    }
}

/// The policy without these of its statements and without these of its principals; nothing else in it changes. A statement that names nobody
/// any more goes. `None` if none is left.
pub fn without(document: &Value, public: &[PublicStatement], outsiders: &[Outsider]) -> Option<Value> {
    let is_public = |index: usize| public.iter().any(|public| public.index == index);
    let is_outside = |index: usize, principal: &Principal| {
        outsiders.iter().any(|outsider| outsider.index == index && outsider.principal == *principal)
    };
    let statements = statements(document).into_iter().enumerate();
    let left: Vec<Value> = statements
        .filter(|(index, _)| !is_public(*index))
        .filter_map(|(index, statement)| retain(statement, |principal| !is_outside(index, principal)))
        .collect();
    (!left.is_empty()).then(|| with_statements(document, left))
}

/// Whether a `Deny` may keep out all but a few, so that AWS calls a policy private though a statement of it is for everyone. One that only
/// demands TLS, say, does not.
pub fn may_be_kept_private(document: &Value) -> bool {
    statements(document).into_iter().any(|statement| !allows(statement) && may_keep_private(statement))
}
