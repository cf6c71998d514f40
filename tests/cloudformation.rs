//! Reading CloudFormation templates: as they are written, and as CloudFormation resolves them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rules::access_analyzer::ACTIVE;
use rules::config::NON_COMPLIANT;
use rules::decision::{ResourceTypes, Subscription};
use serde_json::{Map, Value as Json};
use serde_yaml_ng::Value;

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A template, by its path in the repository.
pub fn template(path: &str) -> Value {
    let text = fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the folders in functions/.
pub fn function_folders() -> BTreeSet<String> {
    let entries = fs::read_dir(repository().join("functions")).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// A template's resources of a type, with their names.
pub fn resources<'a>(template: &'a Value, kind: &str) -> impl Iterator<Item = (String, &'a Value)> {
    all_resources(template).filter(move |(_, resource)| text(&resource["Type"]) == kind)
}

/// All resources of a template, with their names.
pub fn all_resources(template: &Value) -> impl Iterator<Item = (String, &Value)> {
    let resources = template["Resources"].as_mapping().unwrap().iter();
    resources.map(|(name, resource)| (text(name), resource))
}

/// Stands before a value that [`conditions`] is not to have: `anything-but`.
const NOT: &str = "not ";

/// What a subscription asks for, as [`conditions`] has it.
pub fn wanted(subscription: &Subscription) -> BTreeMap<String, BTreeSet<String>> {
    let wanted = [
        ("source", subscription.source.as_slice()),
        ("detail-type", subscription.detail_types),
        ("detail.eventSource", subscription.event_source.as_slice()),
        ("detail.eventName", subscription.event_names),
        ("detail.userIdentity.type", subscription.actor_kind.as_slice()),
    ];
    let wanted = wanted.into_iter().filter(|(_, values)| !values.is_empty());
    let mut wanted: BTreeMap<_, _> =
        wanted.map(|(path, values)| (path.to_owned(), set(values.iter().copied()))).collect();
    if let Some(resources) = subscription.findings {
        let (status, there_is_something) = match subscription.source {
            Some("aws.config") => ("detail.newEvaluationResult.complianceType", NON_COMPLIANT),
            _ => ("detail.status", ACTIVE),
        };
        wanted.insert(status.to_owned(), set([there_is_something]));
        match resources {
            ResourceTypes::All => {}
            ResourceTypes::Only(types) => {
                wanted.insert("detail.resourceType".to_owned(), set(types.iter().copied()));
            }
            ResourceTypes::AllBut(types) => {
                let types = types.iter().map(|kind| format!("{NOT}{kind}")).collect();
                wanted.insert("detail.resourceType".to_owned(), types);
            }
        }
    }
    wanted
}

/// What an event pattern asks for, by path: lists of values, without the account.
pub fn conditions(pattern: &Value, path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (name, wanted) in pattern.as_mapping().unwrap() {
        let path = if path.is_empty() { text(name) } else { format!("{path}.{}", text(name)) };
        match wanted {
            Value::Mapping(_) => found.extend(conditions(wanted, &path)),
            _ if path == "account" => {}
            Value::Sequence(list) if list.iter().any(|one| one.get("anything-but").is_some()) => {
                let left_out = list.iter().flat_map(|one| texts(&one["anything-but"]));
                found.insert(path, left_out.map(|value| format!("{NOT}{value}")).collect());
            }
            _ => drop(found.insert(path, texts(wanted))),
        }
    }
    found
}

/// The names that `!Ref`, `!GetAtt` and `!If` in a value name.
pub fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Tagged(tagged) if tagged.tag == "GetAtt" => {
            let named = text(&tagged.value);
            set(named.split('.').take(1))
        }
        Value::Tagged(tagged) if tagged.tag == "Ref" => set([text(&tagged.value).as_str()]),
        Value::Tagged(tagged) => references(&tagged.value),
        Value::Sequence(list) => list.iter().flat_map(references).collect(),
        Value::Mapping(mapping) => mapping.values().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// The text of a scalar; numbers as they are written.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("{other:?} is no text"),
    }
}

/// The texts of a list, or of a single value that stands for a list.
pub fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Sequence(list) => list.iter().map(text).collect(),
        single => set([text(single).as_str()]),
    }
}

/// A set of texts of one's own.
pub fn set<'a>(items: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

/// A template with values for its parameters: what CloudFormation would make of it.
pub struct Stack {
    /// The template as it is written.
    pub template: Value,
    given: BTreeMap<String, String>,
}

impl Stack {
    /// A template by its path in the repository. Parameters and pseudo parameters that are not given have their defaults.
    pub fn new(path: &str, given: &[(&str, &str)]) -> Self {
        Self::of(template(path), given)
    }

    /// As [`Stack::new`], of a template that was read already.
    pub fn of(template: Value, given: &[(&str, &str)]) -> Self {
        let pseudo = [("AWS::AccountId", "111122223333"), ("AWS::Partition", "aws"), ("AWS::Region", "eu-west-1")];
        let given = pseudo.iter().chain(given).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { template, given }
    }

    /// The properties of a resource, resolved; none if its condition keeps it from being made.
    pub fn properties(&self, name: &str) -> Option<Json> {
        let resource = &self.template["Resources"][name];
        let is_made = resource.get("Condition").is_none_or(|condition| self.holds(&text(condition)));
        is_made.then(|| resource.get("Properties").and_then(|properties| self.value(properties)).unwrap_or_default())
    }

    /// The names of the resources that are made.
    pub fn made(&self) -> BTreeSet<String> {
        all_resources(&self.template).map(|(name, _)| name).filter(|name| self.properties(name).is_some()).collect()
    }

    /// Whether a condition holds.
    pub fn holds(&self, condition: &str) -> bool {
        let condition =
            self.template["Conditions"].get(condition).unwrap_or_else(|| panic!("no condition {condition}"));
        self.is_true(condition)
    }

    fn is_true(&self, condition: &Value) -> bool {
        let Value::Tagged(tagged) = condition else { panic!("{condition:?} is no condition") };
        let arguments = || tagged.value.as_sequence().unwrap();
        match tagged.tag.to_string().trim_start_matches('!') {
            "Condition" => self.holds(&text(&tagged.value)),
            "Equals" => self.value(&arguments()[0]) == self.value(&arguments()[1]),
            "Not" => !self.is_true(&arguments()[0]),
            "And" => arguments().iter().all(|condition| self.is_true(condition)),
            "Or" => arguments().iter().any(|condition| self.is_true(condition)),
            other => panic!("{other} is not known here"),
        }
    }

    /// A value with its functions resolved; none for `AWS::NoValue`.
    pub fn value(&self, value: &Value) -> Option<Json> {
        Some(match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(_) | Value::String(_) => Json::String(text(value)),
            Value::Sequence(list) => list.iter().filter_map(|item| self.value(item)).collect(),
            Value::Mapping(mapping) => {
                let entries = mapping.iter().filter_map(|(name, item)| Some((text(name), self.value(item)?)));
                Json::Object(entries.collect::<Map<_, _>>())
            }
            Value::Tagged(tagged) => {
                let argument = &tagged.value;
                match tagged.tag.to_string().trim_start_matches('!') {
                    "Ref" if text(argument) == "AWS::NoValue" => return None,
                    "Ref" => self.reference(&text(argument)),
                    "GetAtt" => Json::String(attribute(&text(argument))),
                    "Sub" => Json::String(self.substituted(&text(argument))),
                    "If" => return self.value(&argument[if self.holds(&text(&argument[0])) { 1 } else { 2 }]),
                    "FindInMap" => {
                        let keys = argument.as_sequence().unwrap().iter();
                        let keys: Vec<Json> = keys.map(|key| self.value(key).unwrap()).collect();
                        let keys = keys.iter().map(|key| key.as_str().unwrap());
                        let found = keys.fold(&self.template["Mappings"], |found, key| &found[key]);
                        return self.value(found);
                    }
                    "Split" => {
                        let whole = self.value(&argument[1]).unwrap();
                        whole.as_str().unwrap().split(&text(&argument[0])).map(Json::from).collect()
                    }
                    "Join" => {
                        let parts = self.value(&argument[1]).unwrap();
                        let parts: Vec<&str> =
                            parts.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
                        Json::String(parts.join(&text(&argument[0])))
                    }
                    other => panic!("{other} is not known here"),
                }
            }
        })
    }

    fn reference(&self, name: &str) -> Json {
        let Some(parameter) = self.template["Parameters"].get(name) else {
            return Json::String(self.given.get(name).cloned().unwrap_or_else(|| attribute(name)));
        };
        let default = || parameter.get("Default").map(text).unwrap_or_else(|| panic!("{name} has no value"));
        let value = self.given.get(name).cloned().unwrap_or_else(default);
        if text(&parameter["Type"]) != "CommaDelimitedList" {
            return Json::String(value);
        }
        value.split(',').map(|item| Json::String(item.trim().to_owned())).collect()
    }

    /// What `!Sub` makes of a pattern: `${Name}` replaced, and `${!Name}` written as `${Name}`.
    pub fn substituted(&self, pattern: &str) -> String {
        let mut parts = pattern.split("${");
        let mut result = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            match name.strip_prefix('!') {
                Some(literal) => result.push_str(&format!("${{{literal}}}")),
                None if name.contains('.') => result.push_str(&attribute(name)),
                None => result.push_str(self.reference(name).as_str().unwrap()),
            }
            result.push_str(rest);
        }
        result
    }
}

/// What stands for a resource's attribute, which only AWS knows.
fn attribute(name: &str) -> String {
    format!("<{name}>")
}
