//! What the conditions of a policy statement say of who calls.
//!
//! All conditions of a statement have to hold, of the values of one condition any
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>).
//! So what one condition demands is certain, whatever the others say, if each of its values demands it.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use ipnet::IpNet;

use super::principal::is_unique_id;
use super::texts;
use crate::command::is_account_id;
use crate::json::field;
use crate::public::range;

/// Keys that are in every request, so that an operator that lets an absent key pass lets nothing pass
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalaccount>).
const ALWAYS_PRESENT: &[&str] = &["aws:principalaccount"];

/// The policy variables that stand for the account and the organization that the role is in
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount>).
pub const OWN_ACCOUNT: &str = "${aws:ResourceAccount}";
/// As before.
pub const OWN_ORGANIZATION: &str = "${aws:ResourceOrgID}";

/// One test in a statement's `Condition`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Such as `StringEquals` or `ForAnyValue:StringLike`.
    pub operator: String,
    /// Such as `aws:PrincipalOrgID`; keys are not case-sensitive.
    pub key: String,
    /// One of which has to fit.
    pub values: Vec<String>,
}

/// Whom a condition lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Only principals of these accounts, or AWS services that act for them.
    Accounts(BTreeSet<String>),
    /// Only principals of these organizations, or AWS services that act for them.
    Organizations(BTreeSet<String>),
    /// Only AWS services.
    Services,
}

/// How an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// Character by character.
    Exact,
    /// `*` and `?` stand for any characters, colons too.
    Wildcards,
    /// As before, but each part of an ARN by itself.
    Arns,
}

/// Whether an account is the own one, by its id or its policy variable, or a trusted one.
pub fn is_own_or_trusted(account: &str, own: &str, trusted: &BTreeSet<String>) -> bool {
    account == own || account == OWN_ACCOUNT || trusted.contains(account)
}

/// The conditions of a statement. One that holds something else than texts among its values has none: it demands nothing.
pub fn conditions(statement: &Value) -> Vec<Condition> {
    let operators = field(statement, "Condition").as_object().into_iter().flatten();
    let tests = operators.flat_map(|(operator, tests)| {
        let keys = tests.as_object().into_iter().flat_map(|keys| keys.keys());
        keys.map(|key| {
            let is_odd = |value: &Value| matches!(value, Value::Null | Value::Object(_) | Value::Array(_));
            let has_odd = field(tests, key).as_array().is_some_and(|values| values.iter().any(is_odd));
            let values = if has_odd { Vec::new() } else { texts(tests, key) };
            Condition { operator: operator.clone(), key: key.clone(), values }
        })
    });
    tests.collect()
}

/// What the conditions say of who calls: all of it holds.
pub fn callers(conditions: &[Condition]) -> Vec<Callers> {
    conditions.iter().filter_map(Condition::callers).collect()
}

impl Condition {
    /// Whom this condition alone lets through; `None` if it may be anybody.
    ///
    /// Only what demands that the key is there and equals a value says anything: `ForAllValues` and `…IfExists` are true of a key that
    /// is absent, negations of nearly everybody
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>,
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists>).
    pub fn callers(&self) -> Option<Callers> {
        let comparison = self.comparison()?;
        let all = |read: fn(&str, Comparison) -> Option<String>| {
            self.values.iter().map(|value| read(value, comparison)).collect::<Option<BTreeSet<String>>>()
        };
        // What each key means: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        match self.key.to_ascii_lowercase().as_str() {
            "aws:principalaccount" | "aws:sourceaccount" | "aws:sourceowner" => all(account).map(Callers::Accounts),
            // A root user's is the id of its account:
            // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
            "aws:userid" => all(account).map(Callers::Accounts),
            "aws:principalarn" | "aws:sourcearn" => all(account_of_arn).map(Callers::Accounts),
            "aws:principalorgid" | "aws:sourceorgid" => all(organization).map(Callers::Organizations),
            "aws:principalorgpaths" | "aws:sourceorgpaths" => all(organization_of_path).map(Callers::Organizations),
            "aws:principalisawsservice" => {
                self.values.iter().all(|value| value.eq_ignore_ascii_case("true")).then_some(Callers::Services)
            }
            // Present only if a service calls: whatever it has to equal, a service it is.
            "aws:principalservicename" | "aws:principalservicenameslist" => Some(Callers::Services),
            _ => None,
        }
    }

    /// The accounts through whose access points or VPC endpoints alone a request may come; `None` if it may come otherwise
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html#access-points-condition-keys>,
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-vpceaccount>).
    pub fn through(&self) -> Option<BTreeSet<String>> {
        let comparison = self.comparison()?;
        let read = match self.key.to_ascii_lowercase().as_str() {
            "s3:dataaccesspointaccount" | "aws:vpceaccount" => account,
            "s3:dataaccesspointarn" => account_of_arn,
            _ => return None,
        };
        self.values.iter().map(|value| read(value, comparison)).collect()
    }

    /// The ranges of which the key's address has to be in one; `None` if the condition does not demand that
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IPAddress>).
    pub fn ranges(&self) -> Option<Vec<IpNet>> {
        (self.demanding_operator()? == "ipaddress").then(|| self.values.iter().map(|value| range(value)).collect())?
    }

    /// Whether the condition demands that the key is there and equals one of the values, which may hold wildcards and policy variables.
    pub fn demands_a_value(&self) -> bool {
        self.comparison().is_some()
    }

    /// Whom a condition of a `Deny` leaves out of it, so that it denies everybody else; `None` if that cannot be said. An absent key does not
    /// help: negations are true of it.
    pub fn excepted(&self) -> Option<Callers> {
        let operator = self.operator.to_ascii_lowercase();
        let operator = match operator.strip_suffix("ifexists").unwrap_or(&operator) {
            "stringnotequals" => "StringEquals",
            "stringnotlike" => "StringLike",
            "arnnotequals" | "arnnotlike" => "ArnLike",
            _ => return None,
        };
        let is_of_caller = ["aws:PrincipalOrgID", "aws:PrincipalAccount", "aws:PrincipalArn"];
        let is_of_caller = is_of_caller.iter().any(|key| self.key.eq_ignore_ascii_case(key));
        is_of_caller.then(|| Self { operator: operator.to_owned(), ..self.clone() }.callers()).flatten()
    }

    /// Whether the condition demands that the key, such as a claim of an identity provider, names somebody: a value that is not just
    /// wildcards, and whose wildcards begin only after the first name in it. `repo:octo-org/*` and `organization:acme:*` do,
    /// `repo:*` and `repo:octo*` do not: anybody can register such a name.
    pub fn names_somebody(&self) -> bool {
        let Some(comparison) = self.comparison() else { return false };
        !self.values.is_empty()
            && self.values.iter().all(|value| {
                let has_text = value.chars().any(|character| !matches!(character, '*' | '?'));
                let fixed = fixed_start(value, comparison);
                let name = fixed.split_once(':').map_or(fixed, |(_, name)| name);
                let has_name = name.find(['/', ':']).is_some_and(|end| end > 0);
                has_text && (fixed.len() == value.len() || has_name)
            })
    }

    /// Whether the condition demands that the key names somebody by `start`, a name and a slash, as `repo:octo-org/…` does.
    pub fn names_after(&self, start: &str) -> bool {
        self.comparison().is_some_and(|comparison| {
            self.values.iter().all(|value| {
                let name = fixed_start(value, comparison).strip_prefix(start);
                name.and_then(|name| name.find('/')).is_some_and(|end| end > 0)
            })
        })
    }

    /// Whether the condition lets only certain callers through of whom it cannot be told whose they are: those of an id, or services.
    pub fn names_somebody_unknown(&self) -> bool {
        let is_key = |key: &str| self.key.eq_ignore_ascii_case(key);
        let is_id = |value: &String| is_unique_id(value.split_once(':').map_or(value, |(id, _)| id));
        let has_name = self.operator.eq_ignore_ascii_case("Null") && self.values == ["false"];
        is_key("aws:userid") && self.comparison().is_some() && self.values.iter().all(is_id)
            || is_key("aws:PrincipalServiceName") && has_name
    }

    /// How the values are compared; `None` if the operator does not demand that the key is there and equals one of them.
    fn comparison(&self) -> Option<Comparison> {
        match self.demanding_operator()?.as_str() {
            "stringequals" | "stringequalsignorecase" | "bool" => Some(Comparison::Exact),
            "stringlike" => Some(Comparison::Wildcards),
            "arnequals" | "arnlike" => Some(Comparison::Arns),
            _ => None,
        }
    }

    /// The operator in lower case without what is around it; `None` if it lets a request pass that lacks the key.
    fn demanding_operator(&self) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let written = self.operator.to_ascii_lowercase();
        let (set, operator) = written.split_once(':').unwrap_or(("", &written));
        let (operator, passes_absent) = match operator.strip_suffix("ifexists") {
            Some(operator) => (operator, true),
            None => (operator, set == "forallvalues"),
        };
        if !matches!(set, "" | "foranyvalue" | "forallvalues") {
            return None;
        }
        if passes_absent && !ALWAYS_PRESENT.iter().any(|key| self.key.eq_ignore_ascii_case(key)) {
            return None;
        }
        Some(operator.to_owned())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.operator, self.key, self.values.join(", "))
    }
}

/// The text up to the first wildcard or policy variable.
fn fixed_start(value: &str, comparison: Comparison) -> &str {
    let wildcard = match comparison {
        Comparison::Exact => None,
        Comparison::Wildcards | Comparison::Arns => value.find(['*', '?']),
    };
    let end = wildcard.into_iter().chain(value.find("${")).min();
    end.and_then(|end| value.get(..end)).unwrap_or(value)
}

fn account(value: &str, _: Comparison) -> Option<String> {
    if value.eq_ignore_ascii_case(OWN_ACCOUNT) {
        return Some(OWN_ACCOUNT.to_owned());
    }
    is_account_id(value).then(|| value.to_owned())
}

/// The account of an ARN that may hold wildcards elsewhere. To a string operator, a wildcard in front of the account could stand for
/// another account and more
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>).
fn account_of_arn(value: &str, comparison: Comparison) -> Option<String> {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, _] = parts.as_slice() else { return None };
    let start = [prefix, partition, service, region];
    let has = |characters: &[char]| start.iter().any(|part| part.contains(characters));
    let is_fixed = !has(&['$']) && (comparison == Comparison::Arns || !has(&['*', '?']));
    (is_fixed && is_account_id(account)).then(|| (*account).to_owned())
}

fn organization(value: &str, _: Comparison) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if value.eq_ignore_ascii_case(OWN_ORGANIZATION) {
        return Some(OWN_ORGANIZATION.to_owned());
    }
    let name = value.strip_prefix("o-")?;
    (!name.is_empty() && name.bytes().all(is_plain)).then(|| value.to_owned())
}

/// The organization of `o-…/r-…/ou-…/`. Without the slash, a wildcard could be part of its name.
fn organization_of_path(value: &str, comparison: Comparison) -> Option<String> {
    value.split_once('/').and_then(|(first, _)| organization(first, comparison))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn condition(operator: &str, key: &str, values: &[&str]) -> Condition {
        let statement = json!({"Condition": {operator: {key: values}}});
        conditions(&statement).remove(0)
    }

    fn accounts(ids: &[&str]) -> Option<Callers> {
        Some(Callers::Accounts(ids.iter().map(|id| (*id).to_owned()).collect()))
    }

    fn organizations(ids: &[&str]) -> Option<Callers> {
        Some(Callers::Organizations(ids.iter().map(|id| (*id).to_owned()).collect()))
    }

    #[test]
    fn a_condition_says_who_calls_only_if_it_fixes_it() {
        let own = "123456789012";
        let role = "arn:aws:iam::123456789012:role/R";
        for (operator, key, values, expected) in [
            ("StringEquals", "aws:PrincipalAccount", &[own][..], accounts(&[own])),
            ("stringequals", "AWS:principalACCOUNT", &[own, "999999999999"], accounts(&[own, "999999999999"])),
            ("StringLike", "aws:PrincipalAccount", &["12345678901?"], None),
            ("StringEquals", "aws:PrincipalAccount", &[own, "*"], None),
            ("StringNotEquals", "aws:PrincipalAccount", &[own], None),
            ("StringEqualsIfExists", "aws:PrincipalAccount", &[own], accounts(&[own])),
            ("ForAllValues:StringEquals", "aws:PrincipalAccount", &[own], accounts(&[own])),
            ("StringEqualsIfExists", "aws:SourceAccount", &[own], None),
            ("NumericEquals", "aws:PrincipalAccount", &[own], None),
            ("Null", "aws:PrincipalAccount", &["false"], None),
            ("ArnEquals", "aws:PrincipalArn", &[role], accounts(&[own])),
            ("ArnLike", "aws:PrincipalArn", &["arn:*:iam::123456789012:role/*"], accounts(&[own])),
            ("StringLike", "aws:PrincipalArn", &["arn:aws:iam::123456789012:role/*"], accounts(&[own])),
            ("StringLike", "aws:PrincipalArn", &["arn:aws:iam:*:123456789012:role/R"], None),
            ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::*:role/R"], None),
            ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::12345678901?:role/R"], None),
            ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::${aws:PrincipalAccount}:role/R"], None),
            ("ArnLike", "aws:PrincipalArn", &["*"], None),
            ("ArnLike", "aws:SourceArn", &["arn:aws:s3:::bucket"], None),
            ("StringEquals", "aws:PrincipalOrgID", &["o-abcdefghij"], organizations(&["o-abcdefghij"])),
            ("StringLike", "aws:PrincipalOrgID", &["o-*"], None),
            ("StringEqualsIfExists", "aws:PrincipalOrgID", &["o-abcdefghij"], None),
            ("ForAllValues:StringEquals", "aws:PrincipalOrgID", &["o-abcdefghij"], None),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", &["o-abcdefghij/*"], organizations(&["o-abcdefghij"])),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", &["o-abcdefghij*"], None),
            ("ForAllValues:StringLike", "aws:PrincipalOrgPaths", &["o-abcdefghij/*"], None),
            ("ForNoValue:StringLike", "aws:PrincipalOrgPaths", &["o-abcdefghij/*"], None),
            ("Bool", "aws:PrincipalIsAWSService", &["true"], Some(Callers::Services)),
            ("Bool", "aws:PrincipalIsAWSService", &["true", "false"], None),
            ("BoolIfExists", "aws:PrincipalIsAWSService", &["true"], None),
            ("StringLike", "aws:PrincipalServiceName", &["*"], Some(Callers::Services)),
            ("StringEquals", "aws:userid", &[own], accounts(&[own])),
            ("StringEquals", "aws:userid", &[own, "AIDAJQABLZS4A3QDU576Q"], None),
            ("StringEquals", "sts:ExternalId", &["x"], None),
            ("IpAddress", "aws:SourceIp", &["10.0.0.0/8"], None),
        ] {
            assert_eq!(condition(operator, key, values).callers(), expected, "{operator} {key} {values:?}");
        }
    }

    #[test]
    fn a_condition_says_where_a_request_comes_through_only_if_it_fixes_it() {
        let own = "123456789012";
        let points = "arn:aws:s3:us-west-2:123456789012:accesspoint/*";
        for (operator, key, values, is_fixed) in [
            ("StringEquals", "s3:DataAccessPointAccount", &[own][..], true),
            ("StringEquals", "aws:VpceAccount", &[own], true),
            ("StringLike", "s3:DataAccessPointArn", &[points], true),
            ("ArnLike", "s3:DataAccessPointArn", &["arn:aws:s3:*:123456789012:accesspoint/*"], true),
            ("StringLike", "s3:DataAccessPointArn", &["arn:aws:s3:us-west-2:*:accesspoint/*"], false),
            ("StringLike", "s3:DataAccessPointArn", &[points, "*"], false),
            ("StringEqualsIfExists", "s3:DataAccessPointAccount", &[own], false),
            ("StringNotEquals", "s3:DataAccessPointAccount", &[own], false),
            ("StringEquals", "aws:PrincipalAccount", &[own], false),
        ] {
            let expected = is_fixed.then(|| BTreeSet::from([own.to_owned()]));
            assert_eq!(condition(operator, key, values).through(), expected, "{operator} {key} {values:?}");
        }
    }

    #[test]
    fn ranges_are_only_those_that_an_address_has_to_be_in() {
        for (operator, values, expected) in [
            ("IpAddress", &["203.0.113.0/24", "2001:db8::1"][..], Some(2)),
            ("ipaddress", &["203.0.113.7"], Some(1)),
            ("ForAnyValue:IpAddress", &["203.0.113.7"], Some(1)),
            ("IpAddress", &["203.0.113.0/24", "anywhere"], None),
            ("IpAddress", &["203.0.113.*"], None),
            ("IpAddress", &[], None),
            ("NotIpAddress", &["203.0.113.0/24"], None),
            ("IpAddressIfExists", &["203.0.113.0/24"], None),
            ("ForAllValues:IpAddress", &["203.0.113.0/24"], None),
            ("StringEquals", &["203.0.113.7"], None),
        ] {
            let found = condition(operator, "aws:SourceIp", values).ranges().map(|ranges| ranges.len());
            assert_eq!(found, expected, "{operator} {values:?}");
        }
    }

    #[test]
    fn a_claim_names_somebody_only_if_its_first_name_is_fixed() {
        for (operator, value, expected) in [
            ("StringEquals", "repo:octo-org/octo-repo:ref:refs/heads/main", true),
            ("StringEquals", "us-east-1:12345678-dead-beef-cafe-123456790ab", true),
            ("StringLike", "repo:octo-org/*", true),
            ("StringLike", "repo:octo-org/octo-repo:*", true),
            ("StringLike", "repo:octo-org@12345/octo-repo@678:*", true),
            ("StringLike", "organization:acme:project:*", true),
            ("StringLike", "project_path:group/*:ref_type:branch:ref:main", true),
            ("StringLike", "octo-org/octo-repo/.github/workflows/*", true),
            ("StringLike", "repo:octo-org/octo-repo:environment:prod", true),
            ("StringLike", "*", false),
            ("StringEquals", "*", false),
            ("StringLike", "repo:*", false),
            ("StringLike", "repo:*/*", false),
            ("StringLike", "repo:octo*", false),
            ("StringLike", "repo:octo-or?/x", false),
            ("StringLike", "repo:/*", false),
            ("StringLike", "*:ref:refs/heads/main", false),
            ("StringLike", "us-east-1:*", false),
            ("StringEquals", "repo:${aws:PrincipalTag/org}", false),
            ("StringEqualsIfExists", "repo:octo-org/octo-repo:ref:refs/heads/main", false),
            ("ForAllValues:StringLike", "repo:octo-org/*", false),
            ("StringNotEquals", "repo:octo-org/octo-repo:ref:refs/heads/main", false),
        ] {
            assert_eq!(condition(operator, "x:sub", &[value]).names_somebody(), expected, "{operator} {value}");
        }
        assert!(!condition("StringLike", "x:sub", &["repo:octo-org/*", "repo:*"]).names_somebody());
        assert!(!condition("StringLike", "x:sub", &[]).names_somebody());
    }

    #[test]
    fn odd_conditions_say_nothing() {
        for odd in [
            json!("x"),
            json!([1]),
            json!({"StringEquals": "x"}),
            json!({"StringEquals": {"aws:PrincipalAccount": {}}}),
            json!({"StringEquals": {"aws:PrincipalAccount": ["123456789012", {}]}}),
            json!({"StringEquals": {"aws:PrincipalAccount": ["123456789012", null]}}),
            json!({"StringEquals": {"aws:PrincipalAccount": ["123456789012", ["999999999999"]]}}),
        ] {
            assert_eq!(callers(&conditions(&json!({"Condition": odd}))), [], "{odd}");
        }
    }
}
