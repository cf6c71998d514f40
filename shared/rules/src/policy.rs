//! IAM policy documents.
//!
//! Requests in CloudTrail hold them as JSON in a string, answers of the API URL-encoded, S3's requests as an object. The grammar:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

pub mod condition;
pub mod federation;
pub mod principal;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::json::{field, items, text};
use crate::language::Localized;
use crate::say;
use principal::{Principal, name_of};

/// Reads a document: an object, or its text, plain or URL-encoded.
///
/// # Errors
/// What is wrong with it, in words that follow "the policy document", and in Japanese "ポリシードキュメント".
pub fn parse(written: &Value) -> Result<Value, Localized> {
    let problem = |english: &str, japanese: &str| Localized::new(|language| say!(language, "{english}", "{japanese}"));
    let document = match written {
        Value::Object(_) => written.clone(),
        Value::String(written) if !written.trim().is_empty() => {
            let plain = if written.trim_start().starts_with('{') {
                written.into()
            } else {
                percent_decode_str(written)
                    .decode_utf8()
                    .map_err(|_| problem("is no UTF-8", "が UTF-8 ではありません"))?
            };
            serde_json::from_str(&plain).map_err(|error| {
                problem(&format!("is no JSON: {error}"), &format!("が JSON ではありません: {error}"))
            })?
        }
        _ => return Err(problem("is missing", "がありません")),
    };
    let statements = statements(&document);
    if statements.is_empty() {
        return Err(problem("has no `Statement`", "に `Statement` がありません"));
    }
    match statements.iter().find(|statement| text(statement, "Effect").is_none()) {
        Some(_) => Err(problem("has a statement without `Effect`", "に `Effect` のないステートメントがあります")),
        None => Ok(document),
    }
}

/// The statements of a document; one may stand without a list.
pub fn statements(document: &Value) -> Vec<&Value> {
    items(document, "Statement")
}

/// Whether a statement allows something. Only `Deny` denies: what is neither is taken for what it may be at worst.
pub fn allows(statement: &Value) -> bool {
    text(statement, "Effect").is_none_or(|effect| !effect.eq_ignore_ascii_case("Deny"))
}

/// Whether no statement of the document allows anything.
pub fn only_denies(document: &Value) -> bool {
    !statements(document).into_iter().any(allows)
}

/// Whether a statement is of that action (`sts:AssumeRole`), by `Action` or by `NotAction`; letter case is ignored, and `*` and `?` are
/// wildcards (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>). One without either is of all.
pub fn is_of_action(statement: &Value, action: &str) -> bool {
    let names = |field: &str| texts(statement, field).iter().any(|pattern| fits(pattern, action));
    match (field(statement, "Action"), field(statement, "NotAction")) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) => !names("NotAction"),
        _ => names("Action"),
    }
}

/// The document with these statements in place of its own; nothing else in it changes. One that was not in a list stays so.
pub fn with_statements(document: &Value, mut statements: Vec<Value>) -> Value {
    let mut object = document.as_object().cloned().unwrap_or_default();
    let name = name_of(&object, "Statement").unwrap_or_else(|| "Statement".to_owned());
    let was_alone = object.get(&name).is_some_and(Value::is_object);
    let statements = match (was_alone, statements.len()) {
        (true, 1) => statements.remove(0),
        _ => Value::Array(statements),
    };
    object.insert(name, statements);
    Value::Object(object)
}

/// Whether two documents say the same: IAM and S3 may write a list of one as its only member and an account as its
/// root's ARN, and order lists anew.
pub fn is_the_same(one: &Value, other: &Value) -> bool {
    plain(one) == plain(other)
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(plain).collect();
            list.sort_by_key(Value::to_string);
            if list.len() == 1 { list.remove(0) } else { Value::Array(list) }
        }
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        Value::String(text) => match Principal::named("AWS", text).canonical() {
            Principal::Named { text, .. } => Value::String(text),
            Principal::AllBut(_) | Principal::Odd(_) => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Takes time by the product of the lengths at most, whatever the pattern.
fn fits(pattern: &str, text: &str) -> bool {
    // After how many characters of the text each start of the pattern can end.
    let mut ends: Vec<bool> = std::iter::once(true).chain(text.chars().map(|_| false)).collect();
    for wanted in pattern.chars() {
        let mut has_end = false;
        ends = match wanted {
            '*' => ends
                .into_iter()
                .map(|is_end| {
                    has_end |= is_end;
                    has_end
                })
                .collect(),
            _ => {
                let fits = |found: char| wanted == '?' || wanted.eq_ignore_ascii_case(&found);
                let longer = ends.into_iter().zip(text.chars()).map(|(is_end, found)| is_end && fits(found));
                std::iter::once(false).chain(longer).collect()
            }
        };
    }
    ends.last() == Some(&true)
}

/// The texts of a field that holds one or several: `Action`, `Resource`, the values of a principal or of a condition.
pub fn texts(value: &Value, name: &str) -> Vec<String> {
    match field(value, name) {
        Value::Array(list) => list.iter().filter_map(crate::json::scalar).collect(),
        single => crate::json::scalar(single).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_reads_alike_in_all_its_forms() {
        let document =
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "a:B+C", "Resource": "*"}});
        let plain = document.to_string();
        let encoded = percent_encoding::utf8_percent_encode(&plain, percent_encoding::NON_ALPHANUMERIC).to_string();
        for written in [document.clone(), json!(plain), json!(format!("\n {plain}")), json!(encoded)] {
            assert_eq!(parse(&written), Ok(document.clone()), "{written}");
        }
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for written in [
            json!(null),
            json!(""),
            json!(7),
            json!("{"),
            json!("%FF"),
            json!({}),
            json!("{\"Statement\": []}"),
            json!({"Statement": [{"Action": "*"}]}),
            json!({"Statement": ["x"]}),
        ] {
            assert!(parse(&written).is_err(), "{written}");
        }
    }

    #[test]
    fn a_document_denies_only_if_all_its_statements_do() {
        let with = |effects: &[&str]| {
            let statements: Vec<Value> = effects.iter().map(|effect| json!({"Effect": effect})).collect();
            json!({ "Statement": statements })
        };
        assert!(only_denies(&with(&["Deny", "Deny"])));
        assert!(!only_denies(&with(&["Deny", "Allow"])));
        assert!(!only_denies(&with(&["allow"])));
        assert!(only_denies(&json!({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})));
    }

    #[test]
    fn a_statement_is_of_the_actions_that_its_patterns_fit() {
        for (statement, expected) in [
            (json!({"Action": "STS:assumerole"}), true),
            (json!({"Action": ["a:B", "sts:Assume*"]}), true),
            (json!({"Action": "sts:Assume?ole"}), true),
            (json!({"Action": "*:*Role"}), true),
            (json!({"Action": "sts:AssumeRole?"}), false),
            (json!({"Action": "sts:AssumeRoleWith*"}), false),
            (json!({"Action": format!("{}x", "*".repeat(5_000))}), false),
            (json!({"NotAction": "sts:Tag*"}), true),
            (json!({"NotAction": "sts:*"}), false),
            (json!({"Action": []}), false),
            (json!({}), true),
        ] {
            assert_eq!(is_of_action(&statement, "sts:AssumeRole"), expected, "{statement}");
        }
    }

    #[test]
    fn one_text_or_several() {
        assert_eq!(texts(&json!({"Action": "a"}), "Action"), ["a"]);
        assert_eq!(texts(&json!({"Action": ["a", "b"]}), "Action"), ["a", "b"]);
        assert!(texts(&json!({}), "Action").is_empty());
    }
}
