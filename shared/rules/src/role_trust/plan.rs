//! What to take out of a role's trust policy.

use std::fmt;

use serde_json::{Value, json};

use super::detect::Trust;
use super::judge::{Circle, Standing, Stranger, strangers};
use crate::policy::principal::{Principal, name_of, retain};
use crate::policy::statements;
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
    /// Those outside who are in it by another change.
    pub others: Vec<Stranger>,
    /// The role's ARN.
    pub role_arn: Option<String>,
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
    /// The role of that name is another one, which has its own event.
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

    /// Who is taken out, a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::WriteTrustPolicy { without, .. } => without
                .iter()
                .map(|stranger| format!("  - take {} out of the trust policy", quote(&stranger.principal.to_string())))
                .collect(),
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

/// What to do about a role whose trust policy an event wrote. `live` is the role of that name now.
pub fn plan(trust: &Trust, live: Option<&LiveRole>, circle: &Circle<'_>) -> Plan {
    let mut plan = Plan {
        situation: Situation::NoRole,
        action: None,
        outsiders: Vec::new(),
        denied: Vec::new(),
        unclear: Vec::new(),
        others: Vec::new(),
        role_arn: None,
    };
    let Some(live) = live else { return plan };
    if trust.role_id.as_ref().is_some_and(|id| *id != live.id) {
        plan.situation = Situation::AnotherRole;
        return plan;
    }
    // Those inside by the event's conditions are not its doing, also if the live conditions let them in.
    let told = strangers(&trust.document, circle);
    for stranger in strangers(&live.document, circle) {
        let is_told = told.iter().any(|told| told.is_now(&stranger));
        match (is_told, stranger.standing) {
            (true, Standing::Outside) if stranger.is_denied == Some(false) => plan.outsiders.push(stranger),
            (true, Standing::Outside) => plan.denied.push(stranger),
            (true, Standing::OfOrganization | Standing::Unclear) => plan.unclear.push(stranger),
            (false, Standing::Outside) => plan.others.push(stranger),
            (false, Standing::OfOrganization | Standing::Unclear) => {}
        }
    }
    plan.role_arn = Some(live.arn.clone());
    let is_open = plan.in_it().next().is_some();
    plan.situation = if is_open { Situation::Open } else { Situation::Closed };
    if !plan.outsiders.is_empty() {
        plan.action = Some(Action::WriteTrustPolicy {
            role_name: trust.role_name.clone(),
            document: without(&live.document, &plan.outsiders),
            without: plan.outsiders.clone(),
        });
    }
    plan
}

/// The trust policy without these principals; nothing else in it changes. A statement that names nobody any more goes. IAM refuses a
/// policy without statements: then one that lets nobody in takes their place.
pub fn without(document: &Value, strangers: &[Stranger]) -> Value {
    let is_out = |index: usize, principal: &Principal| {
        strangers.iter().any(|stranger| stranger.statement == index && stranger.principal == *principal)
    };
    let statements = statements(document).into_iter().enumerate();
    let mut left: Vec<Value> =
        statements.filter_map(|(index, statement)| retain(statement, |principal| !is_out(index, principal))).collect();
    if left.is_empty() {
        left.push(json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}));
    }
    let mut object = document.as_object().cloned().unwrap_or_default();
    let name = name_of(&object, "Statement").unwrap_or_else(|| "Statement".to_owned());
    let was_alone = object.get(&name).is_some_and(Value::is_object);
    let statements = match (was_alone, left.len()) {
        (true, 1) => left.remove(0),
        _ => Value::Array(left),
    };
    object.insert(name, statements);
    Value::Object(object)
}
