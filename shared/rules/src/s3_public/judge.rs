//! placeholder until the branch s3-judge is merged
use crate::policy::principal::{Principal, Who, principals};
use crate::policy::{allows, statements};
use serde_json::Value;
use std::collections::BTreeSet;
/// x
#[derive(Clone, Debug, PartialEq)]
pub struct PublicStatement {
    /// x
    pub index: usize,
    /// x
    pub statement: Value,
    /// x
    pub reason: String,
}
/// x
pub fn public_statements(document: &Value) -> Vec<PublicStatement> {
    statements(document)
        .into_iter()
        .enumerate()
        .filter(|(_, s)| {
            allows(s)
                && crate::json::field(s, "Condition").is_null()
                && principals(s).iter().any(|p| p.who() == Who::Everyone)
        })
        .map(|(index, s)| PublicStatement {
            index,
            statement: s.clone(),
            reason: "its principal is everybody".to_owned(),
        })
        .collect()
}
/// x
pub struct Circle<'a> {
    /// x
    pub account: &'a str,
    /// x
    pub trusted: &'a BTreeSet<String>,
    /// x
    pub owner_id: Option<&'a str>,
}
/// x
#[derive(Clone, Debug, PartialEq)]
pub struct Outsider {
    /// x
    pub index: usize,
    /// x
    pub principal: Principal,
    /// x
    pub accounts: Vec<String>,
    /// x
    pub is_certain: bool,
    /// x
    pub reason: String,
}
/// x
pub fn outsiders(document: &Value, circle: &Circle<'_>) -> Vec<Outsider> {
    let mut found = Vec::new();
    for (index, s) in statements(document).into_iter().enumerate().filter(|(_, s)| allows(s)) {
        for principal in principals(s) {
            if let Who::Account(account) = principal.who()
                && account != circle.account
                && !circle.trusted.contains(&account)
            {
                found.push(Outsider {
                    index,
                    principal,
                    accounts: vec![account],
                    is_certain: true,
                    reason: "account".to_owned(),
                });
            }
        }
    }
    found
}
/// x
pub fn without(document: &Value, public: &[PublicStatement], _outsiders: &[Outsider]) -> Option<Value> {
    let left: Vec<Value> = statements(document)
        .into_iter()
        .enumerate()
        .filter(|(i, _)| !public.iter().any(|p| p.index == *i))
        .map(|(_, s)| s.clone())
        .collect();
    if left.is_empty() {
        return None;
    }
    let mut d = document.clone();
    d["Statement"] = Value::Array(left);
    Some(d)
}
/// x
pub fn has_denial(document: &Value) -> bool {
    statements(document).into_iter().any(|s| !allows(s))
}
