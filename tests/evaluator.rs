//! What judges policies: the crate iam-rs. `tests/deploy/evaluator.rs` proves that it knows AWS's rules as far as ours use them.

use iam_rs::{Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policy};
use serde_json::Value as Json;

/// Stands for "no resource in particular", as in calls that AWS knows no resource for: only `*` matches it.
pub const NONE: &str = "arn:aws:none:::none";

/// One call, with what AWS knows of it when it judges.
pub struct Call<'a> {
    /// ARN of the user, role or root user; the account's number for somebody else.
    pub who: &'a str,
    /// The IAM action, which is not always the API's.
    pub action: &'a str,
    /// ARN of what it is about; `*` if that is no resource in particular.
    pub resource: &'a str,
    /// Condition keys with their values.
    pub context: &'a [(&'a str, &'a str)],
}

/// A policy's word on a call.
pub fn judge(policy: &Json, call: &Call<'_>) -> Decision {
    let policy = numbered_in(policy.clone());
    let policy = IAMPolicy::from_json(&policy.to_string()).unwrap_or_else(|error| panic!("{error}: {policy}"));
    let mut context = Context::new();
    for (key, value) in call.context {
        let value = match *value {
            "true" => ContextValue::Boolean(true),
            "false" => ContextValue::Boolean(false),
            text => ContextValue::String(text.to_owned()),
        };
        context.insert((*key).to_owned(), value);
    }
    let resource = if call.resource == "*" { NONE } else { call.resource };
    let resource = numbered(resource);
    let resource = Arn::parse(&resource).unwrap_or_else(|error| panic!("{resource}: {error}"));
    let id = PrincipalId::String(call.who.to_owned());
    let who = if call.who.ends_with(".amazonaws.com") { Principal::Service(id) } else { Principal::Aws(id) };
    let request = IAMRequest::new_with_context(who, call.action, resource, context);
    evaluate_policy(&policy, &request).unwrap_or_else(|error| panic!("{}: {error}", call.action))
}

/// An ARN of what is AWS's own, in which the account is `aws`, with a number instead: the evaluator takes nothing else.
fn numbered(arn: &str) -> String {
    let mut parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.get_mut(4) {
        Some(account) if *account == "aws" => *account = "000000000000",
        _ => {}
    }
    parts.join(":")
}

/// A policy with [`numbered`] resources.
fn numbered_in(mut policy: Json) -> Json {
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        for resources in ["Resource", "NotResource"] {
            match statement.get_mut(resources) {
                Some(Json::String(arn)) => *arn = numbered(arn),
                Some(Json::Array(arns)) => {
                    arns.iter_mut().for_each(|arn| *arn = numbered(arn.as_str().unwrap()).into())
                }
                _ => {}
            }
        }
    }
    policy
}
