//! Lenient access to the JSON that CloudTrail writes.
//!
//! Records spell one field in several ways: a collection is `{}`, `{"items": […]}`, a list or a single object, a number may be
//! text, and copies that went through other tools have their field names in lower case. This module hides that, and nothing
//! else: what a missing field means is for the caller to say.

use serde_json::Value;

use crate::language::Localized;
use crate::localized;

/// What an absent field reads as.
static NULL: Value = Value::Null;

/// The field `name` of an object, in whatever letter case; `null` if it is absent or `value` is no object.
/// The exact spelling wins over others.
pub fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let Some(object) = value.as_object() else { return &NULL };
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
        .unwrap_or(&NULL)
}

/// The field at the end of a path of names, each as in [`field`].
pub fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, name| field(value, name))
}

/// The text of a field. Numbers and booleans count as their text; blank text counts as absent.
pub fn text(value: &Value, name: &str) -> Option<String> {
    scalar(field(value, name))
}

/// The text of a scalar, as in [`text`].
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A whole number, written as a number or as text. `Ok(None)` if the field is absent, null or blank;
/// an error names the field when it holds something else.
pub fn number(value: &Value, name: &str) -> Result<Option<i64>, Localized> {
    let no_number = || localized!("`{name}` is not a number", "`{name}` が数値ではありません");
    match scalar(field(value, name)) {
        None if field(value, name).is_object() || field(value, name).is_array() => Err(no_number()),
        None => Ok(None),
        Some(text) => text.trim().parse().map(Some).map_err(|_| no_number()),
    }
}

/// The members of a collection field: `{"items": […]}`, `{"items": {…}}`, a list, or one object standing for itself.
/// An absent field, `null`, blank text and `{}` are the empty collection.
pub fn items<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    let collection = field(value, name);
    let members = match field(collection, "items") {
        Value::Null => collection,
        items => items,
    };
    match members {
        Value::Array(list) => list.iter().collect(),
        Value::Object(object) if object.is_empty() => Vec::new(),
        Value::Null => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        // Something odd is still something: whoever reads it finds that it lacks what it should have.
        _ => vec![members],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_collection_has_many_spellings() {
        for (written, length) in [
            (json!({}), 0),
            (json!({"c": null}), 0),
            (json!({"c": {}}), 0),
            (json!({"c": {"items": []}}), 0),
            (json!({"c": {"items": [1, 2]}}), 2),
            (json!({"c": {"items": {"a": 1}}}), 1),
            (json!({"C": [1]}), 1),
            (json!({"c": ""}), 0),
            (json!({"c": "x"}), 1),
            (json!({"c": {"a": 1}}), 1),
        ] {
            assert_eq!(items(&written, "c").len(), length, "{written}");
        }
    }

    #[test]
    fn numbers_may_be_text_and_nothing_else() {
        assert_eq!(number(&json!({"n": "443"}), "n"), Ok(Some(443)));
        assert_eq!(number(&json!({"n": -1}), "n"), Ok(Some(-1)));
        assert_eq!(number(&json!({}), "n"), Ok(None));
        assert!(number(&json!({"n": "ssh"}), "n").is_err());
        assert!(number(&json!({"n": {"a": 1}}), "n").is_err());
    }

    #[test]
    fn the_exact_spelling_wins() {
        assert_eq!(text(&json!({"arn": "lower", "Arn": "upper"}), "Arn").as_deref(), Some("upper"));
        assert_eq!(text(&json!({"accesskeyid": "AKIA"}), "accessKeyId").as_deref(), Some("AKIA"));
    }
}
