//! What to take out of a role's trust policy.

use std::fmt;

use serde_json::{Value, json};

use super::detect::Trust;
use super::judge::{Circle, Standing, Stranger, strangers};
use crate::language::Language;
use crate::policy::principal::{Principal, Who, retain};
use crate::policy::{statements, with_statements};
use crate::say;
use crate::text::quote;

/// A role as the account shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRole {
    /// `AROA…`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its trust policy.
    pub document: Value,
}

/// A change to the account.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Writes a trust policy.
    WriteTrustPolicy {
        /// The role.
        role_name: String,
        /// The whole policy.
        document: Value,
        /// Who is no longer in it.
        without: Vec<Stranger>,
        /// Ids of deleted principals, which let nobody in, that are no longer in it either.
        deleted: Vec<String>,
    },
}

/// What the account shows of what the event wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How it stands.
    pub situation: Situation,
    /// What to do; `None` if nothing is to be done.
    pub action: Option<Action>,
    /// Those whom the event let in and the role still does, outside.
    pub outsiders: Vec<Stranger>,
    /// Likewise, but a `Deny` keeps them out for now: that is a person's to judge.
    pub denied: Vec<Stranger>,
    /// Those whom the event let in and the role still does, of whom it cannot be told.
    pub unclear: Vec<Stranger>,
    /// Those outside, or of whom only the organization can tell, who are in it by another change.
    pub others: Vec<Stranger>,
    /// The role that this is of.
    pub live: Option<LiveRole>,
}

/// How it stands with what an event wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// The role lets in somebody from outside, or somebody of whom it cannot be told.
    Open,
    /// The role is there, and lets none of them in any more.
    Closed,
    /// There is no role of that name.
    NoRole,
    /// The role of that name is another one, which has its own event. That of a finding has another ARN.
    AnotherRole,
}

impl Plan {
    /// All whom the event let in and the role still does.
    pub fn in_it(&self) -> impl Iterator<Item = &Stranger> {
        self.outsiders.iter().chain(&self.denied).chain(&self.unclear)
    }
}

impl Action {
    /// The permission that it takes.
    pub fn permission(&self) -> &'static str {
        match self {
            Self::WriteTrustPolicy { .. } => "iam:UpdateAssumeRolePolicy",
        }
    }

    /// The same without the ids of deleted principals, anywhere in the policy: IAM shows them, but refuses to save them again. `None` if
    /// there are none.
    pub fn without_deleted(&self) -> Option<Self> {
        let Self::WriteTrustPolicy { role_name, document, without, .. } = self;
        let mut deleted = Vec::new();
        let document = keep(document, |_, principal| {
            let is_id = principal.who() == Who::UniqueId;
            if is_id && !deleted.contains(&principal.to_string()) {
                deleted.push(principal.to_string());
            }
            !is_id
        });
        let action = || Self::WriteTrustPolicy {
            role_name: role_name.clone(),
            document,
            without: without.clone(),
            deleted: deleted.clone(),
        };
        (!deleted.is_empty()).then(action)
    }

    /// Who is taken out, a line each.
    pub fn lines(&self, language: Language) -> Vec<String> {
        let line = |stranger: &Stranger| {
            let whom = quote(&stranger.principal.of(language));
            say!(language, "  - take {whom} out of the trust policy", "  - 信頼ポリシーから {whom} を削除する")
        };
        match self {
            Self::WriteTrustPolicy { without, .. } => without.iter().map(line).collect(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteTrustPolicy { role_name, without, .. } => {
                let names: Vec<String> =
                    without.iter().map(|stranger| quote(&stranger.principal.to_string())).collect();
                write!(formatter, "take {} out of the trust policy of role {}", names.join(" and "), quote(role_name))
            }
        }
    }
}

/// What to do about a role whose trust policy an event wrote, or which was found open. `live` is the role of that name now.
pub fn plan(trust: &Trust, live: Option<&LiveRole>, circle: &Circle<'_>) -> Plan {
    let mut plan = Plan {
        situation: Situation::NoRole,
        action: None,
        outsiders: Vec::new(),
        denied: Vec::new(),
        unclear: Vec::new(),
        others: Vec::new(),
        live: None,
    };
    let Some(live) = live else { return plan };
    let is_found_by_arn = trust.document.is_none();
    let is_another = trust.role_id.as_ref().is_some_and(|id| *id != live.id)
        || is_found_by_arn && trust.role_arn.as_ref().is_some_and(|arn| *arn != live.arn);
    if is_another {
        plan.situation = Situation::AnotherRole;
        return plan;
    }
    // Those inside by the event's conditions are not its doing, also if the live conditions let them in.
    let told = trust.document.as_ref().map(|document| strangers(document, circle));
    for stranger in strangers(&live.document, circle) {
        let is_told = told.as_ref().is_none_or(|told| told.iter().any(|told| told.is_now(&stranger)));
        match (is_told, stranger.standing) {
            (true, Standing::Outside) if stranger.has_to_go() => plan.outsiders.push(stranger),
            (true, Standing::Outside) => plan.denied.push(stranger),
            (true, Standing::OfOrganization | Standing::Unclear) => plan.unclear.push(stranger),
            (false, Standing::Outside | Standing::OfOrganization) => plan.others.push(stranger),
            (false, Standing::Unclear) => {}
        }
    }
    plan.live = Some(live.clone());
    let is_open = plan.in_it().next().is_some();
    plan.situation = if is_open { Situation::Open } else { Situation::Closed };
    if !plan.outsiders.is_empty() {
        plan.action = Some(Action::WriteTrustPolicy {
            role_name: trust.role_name.clone(),
            document: without(&live.document, &plan.outsiders),
            without: plan.outsiders.clone(),
            deleted: Vec::new(),
        });
    }
    plan
}

/// The trust policy without these principals; nothing else in it changes. A statement that names nobody any more goes. IAM refuses a
/// policy without statements: then one that lets nobody in takes their place.
pub fn without(document: &Value, strangers: &[Stranger]) -> Value {
    keep(document, |index, principal| {
        !strangers.iter().any(|stranger| stranger.statement == index && stranger.principal == *principal)
    })
}

/// The document with the principals that `stays` says yes to, by the statement's number.
fn keep(document: &Value, mut stays: impl FnMut(usize, &Principal) -> bool) -> Value {
    let statements = statements(document).into_iter().enumerate();
    let mut left: Vec<Value> =
        statements.filter_map(|(index, statement)| retain(statement, |principal| stays(index, principal))).collect();
    if left.is_empty() {
        left.push(json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}));
    }
    with_statements(document, left)
}
