//! Who of a trust policy is outside.
//!
//! Whom a `Deny` keeps out is a stranger all the same, and told: only a person can say whether it will stay. It is left to that person,
//! too ([`Stranger::is_denied`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::command::is_account_id;
use crate::json::field;
use crate::language::{Language, Localized};
use crate::policy::condition::{
    Callers, Condition, OWN_ACCOUNT, OWN_ORGANIZATION, callers, conditions, is_own_or_trusted,
};
use crate::policy::federation::{demand_one, keys_of_issuer, keys_of_known};
use crate::policy::principal::{Principal, Who, principals};
use crate::policy::{allows, is_of_action, statements, texts};
use crate::{localized, say};

/// Actions that let nobody assume a role: they go with the call that does
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html>).
const ASSUMES_NOTHING: &[&str] = &["sts:tagsession", "sts:setsourceidentity", "sts:setcontext"];

/// Actions that let somebody assume a role.
const ASSUMES: &[&str] = &["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];

/// What is known of the organization that the account is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Organization {
    /// Nothing: AWS wasn't asked, or did not say.
    Unknown,
    /// The account is in none.
    None,
    /// This one.
    Own {
        /// `o-…`
        id: String,
        /// The account that manages it, which is the only other one that every account is told of.
        management_account: Option<String>,
        /// Whether further accounts are of it, as far as AWS said.
        accounts: BTreeMap<String, bool>,
    },
}

/// Who is inside.
#[derive(Clone, Debug)]
pub struct Circle<'a> {
    /// The account that the role is in.
    pub account: &'a str,
    /// `TrustedAccounts`.
    pub trusted: &'a BTreeSet<String>,
    /// Its organization.
    pub organization: &'a Organization,
}

/// A principal that is not known to be inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// Which statement of the document names it, counted from 0.
    pub statement: usize,
    /// Who it is.
    pub principal: Principal,
    /// Where it stands.
    pub standing: Standing,
    /// Why.
    pub reason: Localized,
    /// The statement's conditions, which do not keep it inside.
    pub conditions: Vec<Condition>,
    /// What the statement lets it do and on which conditions, however that is spelled.
    pub terms: BTreeSet<String>,
    /// Whether a `Deny` lets it assume the role no more, or only those inside; `None` if that depends on the organization.
    pub is_denied: Option<bool>,
}

/// Where a principal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Outside.
    Outside,
    /// Inside if it is of the account's organization, and outside if not.
    OfOrganization,
    /// Cannot be told.
    Unclear,
}

impl Stranger {
    /// Whether this one of the event's trust policy is, in the live one, that one: on the same terms, and the same account or principal.
    ///
    /// IAM may show another text than was written: the ARN for the id of a principal that is there, whosever it is, and the new ARN of one
    /// that was renamed (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles>).
    pub fn is_now(&self, live: &Self) -> bool {
        let is_the_same = match (self.principal.who(), live.principal.who()) {
            (Who::Account(told), Who::Account(live)) => told == live,
            (Who::UniqueId, who) => matches!(who, Who::UniqueId | Who::Account(_)),
            _ => self.principal.canonical() == live.principal.canonical(),
        };
        is_the_same && self.terms == live.terms
    }

    /// Whether mode `revert` takes it out: it is surely outside, and no `Deny` keeps it out for now.
    pub fn has_to_go(&self) -> bool {
        self.standing == Standing::Outside && self.is_denied == Some(false)
    }

    /// Whether to know the account's organization would say more.
    pub fn depends_on_organization(&self) -> bool {
        self.standing == Standing::OfOrganization || self.is_denied.is_none()
    }

    /// Who that is in a few words: accounts, organizations, or everyone.
    pub fn whom(&self) -> Vec<String> {
        match self.principal.who() {
            Who::Account(account) => vec![account],
            Who::Everyone => self.limits().unwrap_or_else(|| match self.standing {
                Standing::Unclear => vec!["somebody unknown".to_owned()],
                Standing::Outside | Standing::OfOrganization => vec!["everyone".to_owned()],
            }),
            Who::PublicProvider(name) => vec![self.at(&name)],
            Who::Provider { account, issuer } => match issuer.filter(|issuer| !keys_of_issuer(issuer).is_empty()) {
                Some(issuer) => vec![self.at(&issuer)],
                None => vec![account],
            },
            Who::Service => self.limits().unwrap_or_default(),
            Who::UniqueId | Who::Unclear => vec!["somebody unknown".to_owned()],
        }
    }

    fn at(&self, issuer: &str) -> String {
        let who = if self.standing == Standing::Unclear { "somebody" } else { "everyone" };
        format!("{who} at {issuer}")
    }

    /// Whether an identity provider vouches for it that vouches for everybody.
    pub fn is_of_shared_provider(&self) -> bool {
        self.whom().iter().any(|whom| whom.contains(" at "))
    }

    /// Whether it is in no way limited to certain accounts.
    pub fn is_anybody(&self) -> bool {
        self.standing == Standing::Outside && self.whom().iter().any(|whom| whom.starts_with("everyone"))
    }

    /// The accounts that it is limited to: were they trusted, it would be inside.
    pub fn accounts(&self) -> Vec<String> {
        self.whom().into_iter().filter(|whom| is_account_id(whom)).collect()
    }

    /// The accounts or organizations that the conditions limit it to.
    fn limits(&self) -> Option<Vec<String>> {
        callers(&self.conditions).into_iter().find_map(|callers| match callers {
            Callers::Accounts(ids) | Callers::Organizations(ids) => {
                Some(ids.into_iter().filter(|id| id != OWN_ACCOUNT && id != OWN_ORGANIZATION).collect())
            }
            Callers::Services => None,
        })
    }
}

/// The principals that a trust policy's statements let in, other than those inside.
pub fn strangers(document: &Value, circle: &Circle<'_>) -> Vec<Stranger> {
    let statements = statements(document);
    let (allowing, denying): (Vec<_>, Vec<_>) =
        statements.into_iter().enumerate().partition(|(_, statement)| allows(statement));
    let letting_in = allowing.into_iter().filter(|(_, statement)| lets_assume(statement));
    let denying: Vec<&Value> = denying.into_iter().map(|(_, statement)| statement).collect();
    let strangers = letting_in.flat_map(|(index, statement)| {
        let denying: Vec<&Value> = denying.iter().copied().filter(|denial| denies_all_of(denial, statement)).collect();
        let conditions = conditions(statement);
        let terms = terms(statement, &conditions);
        let strangers = principals(statement).into_iter().filter_map(move |principal| {
            let (standing, reason) = standing(&principal, &conditions, circle)?;
            let (conditions, terms) = (conditions.clone(), terms.clone());
            let is_denied = any(denying.iter().map(|denial| keeps_out(denial, &principal, circle)));
            Some(Stranger { statement: index, principal, standing, reason, conditions, terms, is_denied })
        });
        strangers.collect::<Vec<_>>()
    });
    strangers.collect()
}

/// The accounts that a trust policy names of which it is not known whether they are inside.
pub fn undecided_accounts(document: &Value, circle: &Circle<'_>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for statement in statements(document) {
        for principal in principals(statement) {
            if let Who::Account(account) = principal.who() {
                named.insert(account);
            }
        }
        for condition in conditions(statement) {
            if let Some(Callers::Accounts(accounts)) = condition.callers().or_else(|| condition.excepted()) {
                named.extend(accounts);
            }
        }
    }
    named.retain(|account| circle.has_account(account).is_none());
    named
}

/// Actions, operators and keys are not case-sensitive, and the order of values says nothing.
fn terms(statement: &Value, conditions: &[Condition]) -> BTreeSet<String> {
    let actions = ["Action", "NotAction"].into_iter().flat_map(|name| {
        texts(statement, name).into_iter().map(move |action| format!("{name} {}", action.to_ascii_lowercase()))
    });
    let conditions = conditions.iter().map(|condition| {
        let values: BTreeSet<&String> = condition.values.iter().collect();
        format!("{} {values:?}", format!("{} {}", condition.operator, condition.key).to_ascii_lowercase())
    });
    actions.chain(conditions).collect()
}

/// Whether a statement has an action that assumes the role.
fn lets_assume(statement: &Value) -> bool {
    let actions = texts(statement, "Action");
    actions.is_empty() || !actions.iter().all(|action| ASSUMES_NOTHING.contains(&action.to_ascii_lowercase().as_str()))
}

/// Whether a denial is of each action by which a statement lets somebody assume the role.
fn denies_all_of(denial: &Value, statement: &Value) -> bool {
    let is_of = |statement: &Value, action: &&&str| is_of_action(statement, action);
    ASSUMES.iter().filter(|action| is_of(statement, action)).all(|action| is_of(denial, &action))
}

/// Whether a denial keeps a principal out, or all of it that is not inside; `None` if that depends on the organization.
fn keeps_out(denial: &Value, principal: &Principal, circle: &Circle<'_>) -> Option<bool> {
    let excepted = conditions(denial).iter().map(Condition::excepted).collect::<Option<Vec<Callers>>>();
    let names_it = principals(denial).iter().any(|denied| match (denied, denied.who(), principal.who()) {
        (Principal::AllBut(_), ..) => excepts_only_inside(field(denial, "NotPrincipal"), circle),
        (Principal::Named { kind, .. }, Who::Everyone, _) if kind.eq_ignore_ascii_case("AWS") => true,
        // To deny an account is to deny all that is in it.
        (_, Who::Account(denied_account), Who::Account(account)) => {
            denied.is_account() && denied_account == account || *denied == *principal
        }
        _ => denied.canonical() == principal.canonical(),
    });
    match excepted {
        Some(excepted) if names_it => all(excepted.iter().map(|callers| circle.has(callers))),
        _ => Some(false),
    }
}

/// Whether all that a `NotPrincipal` names is inside, by its own text.
fn excepts_only_inside(excepted: &Value, circle: &Circle<'_>) -> bool {
    principals(&json!({ "Principal": excepted })).iter().all(|principal| match principal.who() {
        Who::Service => true,
        Who::Account(account) => circle.knows(&account),
        _ => false,
    })
}

/// Whether one of them is; `None` if that depends on the organization.
fn any(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(each.map(|one| one.map(|is| !is))).map(|none| !none)
}

/// Whether all of them are; `None` if that depends on the organization.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for one in each {
        match one {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

/// Where a principal stands, and why; `None` if it is inside.
fn standing(principal: &Principal, conditions: &[Condition], circle: &Circle<'_>) -> Option<(Standing, Localized)> {
    let outside = |reason: Localized| Some((Standing::Outside, reason));
    let unclear = |reason: Localized| Some((Standing::Unclear, reason));
    let vouched = || {
        localized!(
            "its conditions say who of its issuer's users, but not whether these are yours",
            "条件で発行者のどのユーザーかは限定されていますが、自社のユーザーかどうかはわかりません"
        )
    };
    let or = |keys: &[String], language| keys.join(say!(language, " or ", " または ").as_str());
    match principal.who() {
        Who::Service => of_service(conditions, circle),
        who @ (Who::UniqueId | Who::Unclear) => unclear(who.why_unclear().unwrap_or_default()),
        Who::PublicProvider(name) => {
            let keys = keys_of_known(&name);
            if demand_one(conditions, &keys) {
                return unclear(vouched());
            }
            outside(Localized::new(|language| {
                let keys = or(&keys, language);
                say!(
                    language,
                    "everybody has an account there, and no condition fixes {keys}",
                    "誰でもアカウントを持てるプロバイダーで、{keys} を固定する条件がありません"
                )
            }))
        }
        Who::Provider { account, issuer } => {
            if !circle.knows(&account) {
                return outside(localized!(
                    "the identity provider is in account {account}",
                    "ID プロバイダーはアカウント {account} にあります"
                ));
            }
            let keys = issuer.map(|issuer| keys_of_issuer(&issuer)).unwrap_or_default();
            if keys.is_empty() {
                return None;
            }
            if demand_one(conditions, &keys) {
                return unclear(vouched());
            }
            outside(Localized::new(|language| {
                let keys = or(&keys, language);
                say!(
                    language,
                    "its issuer serves everybody, and no condition fixes {keys}",
                    "発行者は誰でも利用でき、{keys} を固定する条件がありません"
                )
            }))
        }
        Who::Everyone => {
            let everybody = localized!("it is everybody, in every account", "あらゆるアカウントの全員です");
            let found = by_conditions(Some(false), conditions, circle, everybody)?;
            match conditions.iter().any(Condition::names_somebody_unknown) && found.0 == Standing::Outside {
                true => unclear(localized!(
                    "its conditions let through only certain callers, but do not tell of which account",
                    "条件で特定の呼び出し元に限定されていますが、どのアカウントのものかわかりません"
                )),
                false => Some(found),
            }
        }
        Who::Account(account) => {
            let reason = localized!(
                "account {account} is neither this account nor one of TrustedAccounts",
                "アカウント {account} は、このアカウントでも TrustedAccounts のアカウントでもありません"
            );
            by_conditions(circle.has_account(&account), conditions, circle, reason)
        }
    }
}

/// A service is outside only if it acts for somebody who is; of that nothing is certain but what the conditions say.
fn of_service(conditions: &[Condition], circle: &Circle<'_>) -> Option<(Standing, Localized)> {
    let callers = callers(conditions);
    let is_inside = any(callers.iter().map(|callers| circle.has(callers)));
    if callers.is_empty() || is_inside == Some(true) {
        return None;
    }
    let standing = if is_inside.is_none() { Standing::OfOrganization } else { Standing::Unclear };
    let reason = Localized::new(|language| {
        let limits = limits(&callers, language);
        say!(language, "it acts only for {limits}", "次の対象のためにのみ動作します: {limits}")
    });
    Some((standing, reason))
}

/// A principal that is inside by itself or by one of the conditions; `None` stands for "only if it is of the organization".
fn by_conditions(
    itself: Option<bool>,
    conditions: &[Condition],
    circle: &Circle<'_>,
    reason: Localized,
) -> Option<(Standing, Localized)> {
    let callers = callers(conditions);
    let mut grounds = vec![itself];
    grounds.extend(callers.iter().map(|callers| circle.has(callers)));
    if grounds.contains(&Some(true)) {
        return None;
    }
    let reason = match callers.is_empty() {
        true => reason,
        false => Localized::new(|language| {
            let (reason, limits) = (reason.of(language), limits(&callers, language));
            say!(language, "{reason}; its conditions let through {limits}", "{reason}。条件で許可される対象: {limits}")
        }),
    };
    let standing = if grounds.contains(&None) { Standing::OfOrganization } else { Standing::Outside };
    Some((standing, reason))
}

/// Whom all of these let through.
fn limits(callers: &[Callers], language: Language) -> String {
    let limits: Vec<String> = callers.iter().map(|callers| limit(callers, language)).collect();
    limits.join(say!(language, " and ", " かつ ").as_str())
}

fn limit(callers: &Callers, language: Language) -> String {
    let list = |ids: &BTreeSet<String>| {
        let ids: Vec<String> = ids.iter().cloned().collect();
        ids.join(say!(language, " or ", " または ").as_str())
    };
    match callers {
        Callers::Accounts(ids) => {
            let ids = list(ids);
            say!(language, "account {ids}", "アカウント {ids}")
        }
        Callers::Organizations(ids) => {
            let ids = list(ids);
            say!(language, "organization {ids}", "組織 {ids}")
        }
        Callers::Services => say!(language, "AWS services", "AWS のサービス"),
    }
}

impl Circle<'_> {
    /// Whether an account is inside whatever the organization is.
    fn knows(&self, account: &str) -> bool {
        is_own_or_trusted(account, self.account, self.trusted)
    }

    /// Whether an account is inside; `None` if that depends on the organization.
    fn has_account(&self, account: &str) -> Option<bool> {
        match self.organization {
            _ if self.knows(account) => Some(true),
            Organization::Unknown => None,
            Organization::None => Some(false),
            Organization::Own { management_account, .. } if management_account.as_deref() == Some(account) => {
                Some(true)
            }
            Organization::Own { accounts, .. } => accounts.get(account).copied(),
        }
    }

    fn has_organization(&self, wanted: &str) -> Option<bool> {
        match self.organization {
            _ if wanted == OWN_ORGANIZATION => Some(true),
            Organization::Unknown => None,
            Organization::None => Some(false),
            Organization::Own { id, .. } => Some(id == wanted),
        }
    }

    /// Whether all that a condition lets through is inside; `None` if that depends on the organization.
    fn has(&self, callers: &Callers) -> Option<bool> {
        match callers {
            Callers::Services => Some(true),
            Callers::Accounts(ids) => all(ids.iter().map(|id| self.has_account(id))),
            Callers::Organizations(ids) => all(ids.iter().map(|id| self.has_organization(id))),
        }
    }
}
