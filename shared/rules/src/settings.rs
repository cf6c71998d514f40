//! The settings of all functions, read once and validated into one type.
//!
//! A setting is known by its parameter in template.yaml (`SecurityGroupMode`); the environment variable is the same in upper snake
//! case (`SECURITY_GROUP_MODE`), the command's flag the same in kebab case. Whoever reads them hands in text; this module says what it means.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::command::{is_account_id, is_bucket_name};
use crate::event::{Event, Origin};
use crate::language::Language;
use crate::public::WidestPublic;
use crate::security_group::traffic::{Protocol, Traffic};

/// One setting, as users see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The parameter's name in template.yaml.
    pub parameter: &'static str,
    /// The value if nothing is set.
    pub default: &'static str,
    /// What it takes, for error messages and help.
    pub takes: &'static str,
}

/// All settings that a user has.
pub const DEFINITIONS: &[Definition] = &[
    Definition { parameter: "IamUserMode", default: "revert", takes: "`revert`, `alert` or `off`" },
    Definition { parameter: "AccessKeyMode", default: "revert", takes: "`revert`, `quarantine`, `alert` or `off`" },
    Definition { parameter: "S3PublicMode", default: "revert", takes: "`revert`, `alert` or `off`" },
    Definition { parameter: "S3CrossAccountMode", default: "alert", takes: "`revert`, `alert` or `off`" },
    Definition { parameter: "SecurityGroupMode", default: "revert", takes: "`revert`, `alert` or `off`" },
    Definition { parameter: "RoleTrustMode", default: "alert", takes: "`revert`, `alert` or `off`" },
    Definition { parameter: "RootActivityMode", default: "alert", takes: "`alert` or `off`" },
    Definition { parameter: "Rollout", default: "enforce", takes: "`enforce` or `observe`" },
    Definition {
        parameter: "TrustedActors",
        default: "",
        takes: "ARNs of IAM roles and users, comma-separated; `*` only after `role/aws-reserved/sso.amazonaws.com/`",
    },
    Definition { parameter: "ConfigFindings", default: "alert", takes: "`alert` or `revert`" },
    Definition { parameter: "TrustedAccounts", default: "", takes: "account ids of 12 digits, comma-separated" },
    Definition { parameter: "PublicBuckets", default: "", takes: "names of S3 buckets, comma-separated" },
    Definition {
        parameter: "AllowedPublicPorts",
        default: "",
        takes: "ports such as `tcp/443,udp/51820,tcp/8000-8010,icmp`, comma-separated",
    },
    Definition { parameter: "WidestPublicIpv4Prefix", default: "8", takes: "a prefix length from 1 to 32" },
    Definition { parameter: "WidestPublicIpv6Prefix", default: "32", takes: "a prefix length from 4 to 128" },
    Definition { parameter: "AlertLanguage", default: "en", takes: "`en` or `ja`" },
    Definition { parameter: "AlertTopicArn", default: "", takes: "the ARN of an SNS topic" },
    Definition { parameter: "ChatTopicArn", default: "", takes: "the ARN of an SNS topic" },
];

/// What template.yaml fills in by itself: a function reads it as it reads a setting, and there is no parameter for it.
pub const FILLED_IN: &[Definition] = &[
    Definition { parameter: "CanaryRoleArn", default: "", takes: "the ARN of the canary's IAM role" },
    Definition { parameter: "CanaryVpcId", default: "", takes: "the id of the canary's VPC" },
];

/// The settings, and what template.yaml fills in.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    DEFINITIONS.iter().chain(FILLED_IN)
}

/// The reserved path under which IAM Identity Center keeps its roles; nobody in the account can create one there.
const IDENTITY_CENTER_PATH: &str = "role/aws-reserved/sso.amazonaws.com/";

/// Settings, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What to do about IAM users, console passwords, and permissions put on a user.
    pub iam_user_mode: Mode,
    /// What to do about long-term credentials.
    pub access_key_mode: Mode,
    /// What to do about public access to S3.
    pub s3_public_mode: Mode,
    /// What to do about bucket policies that give another account access.
    pub s3_cross_account_mode: Mode,
    /// What to do about security groups open to the world.
    pub security_group_mode: Mode,
    /// What to do about roles that trust somebody outside.
    pub role_trust_mode: Mode,
    /// Whether root's doings and sign-ins without MFA are told.
    pub root_activity_mode: Mode,
    /// Whether anything is changed at all.
    pub rollout: Rollout,
    /// Whether what AWS Config and IAM Access Analyzer found is taken back as the modes say, or only told: they don't say who did it.
    pub config_findings: Mode,
    /// ARNs, possibly ending in or holding `*`.
    trusted_actors: Vec<String>,
    /// Ids of other accounts that roles may trust and buckets may let in.
    pub trusted_accounts: BTreeSet<String>,
    /// Names of buckets that may be public.
    pub public_buckets: BTreeSet<String>,
    /// What may be open to the world.
    pub allowed_public_ports: Vec<Traffic>,
    /// How wide sources may be.
    pub widest_public: WidestPublic,
    /// The language of the alerts.
    pub alert_language: Language,
    /// Where alerts go; a Lambda needs it, a dry run does not.
    pub alert_topic_arn: Option<String>,
    /// The role of the canary, whose mails are held back; none where no canary runs.
    pub canary_role_arn: Option<String>,
    /// The VPC in which the canary makes its groups.
    pub canary_vpc_id: Option<String>,
    /// Where each alert goes in the format of AWS's chat integration as well.
    pub chat_topic_arn: Option<String>,
}

/// What a rule does about a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Take the change back, and tell.
    Revert,
    /// Shut it off without deleting it, and tell.
    Quarantine,
    /// Tell, change nothing.
    Alert,
    /// Neither.
    Off,
}

/// Whether the deployment acts yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// Act as the modes say.
    Enforce,
    /// Decide, tell what would have been done, change nothing.
    Observe,
}

/// A setting with a value that it does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is `{value}`: {problem}; it takes {takes}")]
pub struct SettingError {
    /// The name it was given by: an environment variable, a parameter in a file.
    pub name: String,
    /// The value given.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
    /// What it takes.
    pub takes: &'static str,
}

impl Definition {
    /// The environment variable: `SecurityGroupMode` is `SECURITY_GROUP_MODE`.
    pub fn variable(&self) -> String {
        self.separated('_').to_ascii_uppercase()
    }

    /// The command's flag, without dashes in front: `SecurityGroupMode` is `security-group-mode`.
    pub fn flag(&self) -> String {
        self.separated('-')
    }

    fn separated(&self, separator: char) -> String {
        let mut name = String::new();
        for (position, character) in self.parameter.char_indices() {
            if position > 0 && character.is_ascii_uppercase() {
                name.push(separator);
            }
            name.push(character.to_ascii_lowercase());
        }
        name
    }
}

impl Settings {
    /// Reads all settings from environment variables that `variable` looks up. A blank value is no value.
    ///
    /// # Errors
    /// [`SettingError`] for the first variable with a value that it does not take.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let given = definitions().filter_map(|definition| {
            let name = definition.variable();
            variable(&name).map(|value| (definition.parameter, Given { name, value }))
        });
        Self::from_given(&given.collect())
    }

    /// Validates values by parameter name, each with the name that the user gave it by.
    ///
    /// # Errors
    /// [`SettingError`] for the first with a value that it does not take.
    pub fn from_given(given: &BTreeMap<&'static str, Given>) -> Result<Self, SettingError> {
        Ok(Self {
            iam_user_mode: read(given, "IamUserMode", |text| mode(text, &["revert", "alert", "off"]))?,
            access_key_mode: read(given, "AccessKeyMode", |text| {
                mode(text, &["revert", "quarantine", "alert", "off"])
            })?,
            s3_public_mode: read(given, "S3PublicMode", |text| mode(text, &["revert", "alert", "off"]))?,
            s3_cross_account_mode: read(given, "S3CrossAccountMode", |text| mode(text, &["revert", "alert", "off"]))?,
            security_group_mode: read(given, "SecurityGroupMode", |text| mode(text, &["revert", "alert", "off"]))?,
            role_trust_mode: read(given, "RoleTrustMode", |text| mode(text, &["revert", "alert", "off"]))?,
            root_activity_mode: read(given, "RootActivityMode", |text| mode(text, &["alert", "off"]))?,
            rollout: read(given, "Rollout", str::parse)?,
            config_findings: read(given, "ConfigFindings", |text| mode(text, &["alert", "revert"]))?,
            trusted_actors: read(given, "TrustedActors", |text| list(text).map(trusted_actor).collect())?,
            trusted_accounts: read(given, "TrustedAccounts", |text| list(text).map(account_id).collect())?,
            public_buckets: read(given, "PublicBuckets", |text| list(text).map(bucket_name).collect())?,
            allowed_public_ports: read(given, "AllowedPublicPorts", |text| {
                let ports: Result<Vec<_>, _> = list(text).map(allowed_ports).collect();
                Ok(ports?.concat())
            })?,
            widest_public: WidestPublic {
                ipv4_prefix: read(given, "WidestPublicIpv4Prefix", |text| prefix_length(text, 1..=32))?,
                ipv6_prefix: read(given, "WidestPublicIpv6Prefix", |text| prefix_length(text, 4..=128))?,
            },
            alert_language: read(given, "AlertLanguage", str::parse)?,
            alert_topic_arn: read(given, "AlertTopicArn", topic_arn)?,
            canary_role_arn: read(given, "CanaryRoleArn", role_arn)?,
            canary_vpc_id: read(given, "CanaryVpcId", vpc_id)?,
            chat_topic_arn: read(given, "ChatTopicArn", topic_arn)?,
        })
    }

    /// Whether the principal with this ARN (a role's or user's, never a session's) is one of `TrustedActors`.
    pub fn trusts(&self, principal_arn: &str) -> bool {
        self.trusted_actors.iter().any(|pattern| matches(pattern, principal_arn))
    }

    /// Whether anything is done about a violation of a rule in this mode.
    pub fn acts(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Revert | Mode::Quarantine) && self.rollout == Rollout::Enforce
    }

    /// The settings as they are for an event: where findings are only told, no rule has a mode that acts on one.
    pub fn on(&self, event: &Event) -> Cow<'_, Self> {
        if event.origin == Origin::CloudTrail || self.config_findings == Mode::Revert {
            return Cow::Borrowed(self);
        }
        let told = |mode: Mode| if mode == Mode::Off { Mode::Off } else { Mode::Alert };
        Cow::Owned(Self {
            iam_user_mode: told(self.iam_user_mode),
            access_key_mode: told(self.access_key_mode),
            s3_public_mode: told(self.s3_public_mode),
            s3_cross_account_mode: told(self.s3_cross_account_mode),
            security_group_mode: told(self.security_group_mode),
            role_trust_mode: told(self.role_trust_mode),
            ..self.clone()
        })
    }
}

impl Default for Settings {
    /// The defaults of [`DEFINITIONS`], which a test holds to be valid.
    #[expect(clippy::expect_used, reason = "the defaults are constants, and a test reads them")]
    fn default() -> Self {
        Self::from_given(&BTreeMap::new()).expect("valid defaults")
    }
}

/// A value and the name under which the user gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// An environment variable, a flag, or a parameter in a file.
    pub name: String,
    /// The text given.
    pub value: String,
}

fn read<T>(
    given: &BTreeMap<&'static str, Given>,
    parameter: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, SettingError> {
    let definition = definitions().find(|definition| definition.parameter == parameter);
    let (default, takes) = definition.map_or(("", ""), |definition| (definition.default, definition.takes));
    let given = given.get(parameter).filter(|given| !given.value.trim().is_empty());
    let text = given.map_or(default, |given| given.value.trim());
    parse(text).map_err(|problem| SettingError {
        name: given.map_or(parameter, |given| &given.name).to_owned(),
        value: text.to_owned(),
        problem,
        takes,
    })
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// One of the modes that a setting takes.
fn mode(text: &str, taken: &[&str]) -> Result<Mode, String> {
    match text {
        _ if !taken.contains(&text) => Err("no such mode".to_owned()),
        "revert" => Ok(Mode::Revert),
        "quarantine" => Ok(Mode::Quarantine),
        "alert" => Ok(Mode::Alert),
        "off" => Ok(Mode::Off),
        _ => Err("no such mode".to_owned()),
    }
}

impl FromStr for Rollout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "enforce" => Ok(Self::Enforce),
            "observe" => Ok(Self::Observe),
            _ => Err("no such rollout".to_owned()),
        }
    }
}

fn account_id(text: &str) -> Result<String, String> {
    if is_account_id(text) { Ok(text.to_owned()) } else { Err(format!("`{text}` is not an account id of 12 digits")) }
}

fn bucket_name(name: &str) -> Result<String, String> {
    if is_bucket_name(name) { Ok(name.to_owned()) } else { Err(format!("`{name}` is not the name of a bucket")) }
}

pub(crate) fn trusted_actor(arn: &str) -> Result<String, String> {
    let problem = |what: &str| Err(format!("`{arn}` {what}"));
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts.as_slice() else {
        return problem("is not an ARN");
    };
    if *prefix != "arn" || partition.is_empty() || *service != "iam" || !region.is_empty() {
        return problem("is not the ARN of an IAM role or user");
    }
    if account_id(account).is_err() {
        return problem("has no account id of 12 digits");
    }
    let named = ["role/", "user/"].iter().any(|kind| resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
    if !named {
        return problem("is not the ARN of an IAM role or user");
    }
    let fixed = resource.strip_prefix(IDENTITY_CENTER_PATH).map_or(*resource, |_| IDENTITY_CENTER_PATH);
    if partition.contains('*') || fixed.contains('*') || resource.contains('?') {
        return problem("has a wildcard where anyone could create a matching name");
    }
    Ok(arn.to_owned())
}

/// Whether `text` is `pattern`, in which each `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices()
                .map(|(position, _)| position)
                .chain([tail.len()])
                .any(|position| tail.get(position..).is_some_and(|tail| matches(rest, tail)))
        }),
    }
}

/// `tcp/443`, `udp/8000-8010` or `icmp`, the last for both ICMP and ICMPv6.
fn allowed_ports(text: &str) -> Result<Vec<Traffic>, String> {
    if text == "icmp" {
        return Ok(vec![Traffic::all(Protocol::Icmp), Traffic::all(Protocol::Icmpv6)]);
    }
    let problem = || format!("`{text}` is not a port");
    let (protocol, ports) = text.split_once('/').ok_or_else(problem)?;
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return Err(format!("`{text}` is of a protocol that has no ports here")),
    };
    let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
    let port = |text: &str| text.parse::<u16>().map_err(|_| problem());
    let (from, to) = (port(from)?, port(to)?);
    if from > to {
        return Err(format!("`{text}` ends before it begins"));
    }
    Ok(vec![Traffic { protocol, from, to }])
}

fn prefix_length(text: &str, range: std::ops::RangeInclusive<u8>) -> Result<u8, String> {
    let length: u8 = text.parse().map_err(|_| "not a prefix length".to_owned())?;
    if range.contains(&length) { Ok(length) } else { Err("out of range".to_owned()) }
}

fn topic_arn(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "sns", _, _, name] if name.ends_with(".fifo") => {
            Err("a FIFO topic, to which neither mail nor chat can be subscribed".to_owned())
        }
        ["arn", _, "sns", region, account, name] if ![region, account, name].iter().any(|part| part.is_empty()) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err("not the ARN of an SNS topic".to_owned()),
    }
}

/// One role's ARN: a pattern would be a pattern for strangers, too.
fn role_arn(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_role = text.splitn(6, ':').nth(5).is_some_and(|resource| resource.starts_with("role/"));
    if !is_role || text.contains(['*', ',']) {
        return Err("not the ARN of one IAM role".to_owned());
    }
    trusted_actor(text).map(Some)
}

fn vpc_id(text: &str) -> Result<Option<String>, String> {
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("vpc-") {
        Some(id) if is_id(id) => Ok(Some(text.to_owned())),
        None if text.is_empty() => Ok(None),
        _ => Err("not the id of a VPC".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variable: &str, value: &str) -> Result<Settings, SettingError> {
        assert!(definitions().any(|definition| definition.variable() == variable), "{variable} is a setting");
        Settings::from_variables(|name| (name == variable).then(|| value.to_owned()))
    }

    #[test]
    fn the_defaults_are_valid() {
        let settings = Settings::default();
        assert!(settings.acts(settings.security_group_mode));
        assert_eq!(settings.widest_public, WidestPublic { ipv4_prefix: 8, ipv6_prefix: 32 });
    }

    #[test]
    fn a_bad_value_is_named_with_what_it_takes() {
        for (variable, value) in [
            ("SECURITY_GROUP_MODE", "Revert"),
            ("IAM_USER_MODE", "quarantine"),
            ("ACCESS_KEY_MODE", "delete"),
            ("ROOT_ACTIVITY_MODE", "revert"),
            ("TRUSTED_ACCOUNTS", "12345678901"),
            ("TRUSTED_ACCOUNTS", "111122223333 444455556666"),
            ("ROLLOUT", "on"),
            ("ALERT_LANGUAGE", "JA"),
            ("TRUSTED_ACTORS", "admin"),
            ("TRUSTED_ACTORS", "arn:aws:iam::111122223333:root"),
            ("TRUSTED_ACTORS", "arn:aws:sts::111122223333:assumed-role/Admin/me"),
            ("TRUSTED_ACTORS", "arn:aws:iam::111122223333:role/*"),
            ("TRUSTED_ACTORS", "arn:aws:iam::111122223333:role/Admin*"),
            ("TRUSTED_ACTORS", "arn:aws:iam::*:role/Admin"),
            ("TRUSTED_ACTORS", "arn:aws:iam::111122223333:role/aws-reserved/*"),
            ("ALLOWED_PUBLIC_PORTS", "443"),
            ("ALLOWED_PUBLIC_PORTS", "tcp/70000"),
            ("ALLOWED_PUBLIC_PORTS", "tcp/20-10"),
            ("ALLOWED_PUBLIC_PORTS", "icmp/8"),
            ("WIDEST_PUBLIC_IPV4_PREFIX", "0"),
            ("WIDEST_PUBLIC_IPV4_PREFIX", "33"),
            ("WIDEST_PUBLIC_IPV6_PREFIX", "3"),
            ("ALLOWED_PUBLIC_PORTS", "TCP/443"),
            ("TRUSTED_ACTORS", "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_?"),
            ("ALERT_TOPIC_ARN", "my-topic"),
            ("CANARY_ROLE_ARN", "snapback-CanaryRole-1F"),
            ("CANARY_ROLE_ARN", "arn:aws:iam::111122223333:user/canary"),
            ("CANARY_ROLE_ARN", "arn:aws:sts::111122223333:assumed-role/canary/canary"),
            ("CANARY_ROLE_ARN", "arn:aws:iam::111122223333:role/a,arn:aws:iam::111122223333:role/b"),
            ("CANARY_ROLE_ARN", "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*"),
            ("CANARY_VPC_ID", "default"),
            ("CANARY_VPC_ID", "vpc-"),
            ("CHAT_TOPIC_ARN", "https://hooks.slack.com/services/T0/B0/x"),
            ("ALERT_TOPIC_ARN", "arn:aws:sns:eu-west-1:111122223333:alerts.fifo"),
        ] {
            let error = with(variable, value).expect_err(value).to_string();
            assert!(
                error.starts_with(&format!("`{variable}` is `{value}`: ")) && error.contains("it takes "),
                "{error}"
            );
        }
    }

    #[test]
    fn trusted_actors_match_exactly_or_under_the_reserved_path() {
        let settings = with(
            "TRUSTED_ACTORS",
            "arn:aws:iam::111122223333:role/Admin, arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Net_*",
        )
        .unwrap();
        assert!(settings.trusts("arn:aws:iam::111122223333:role/Admin"));
        assert!(settings.trusts(
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Net_0123456789abcdef"
        ));
        for stranger in [
            "arn:aws:iam::111122223333:role/Admin2",
            "arn:aws:iam::111122223333:role/x/Admin",
            "arn:aws:iam::444455556666:role/Admin",
            "arn:aws:iam::111122223333:role/AWSReservedSSO_Net_0123456789abcdef",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0",
        ] {
            assert!(!settings.trusts(stranger), "{stranger}");
        }
    }

    #[test]
    fn names_follow_from_the_parameter() {
        let names: Vec<_> = DEFINITIONS.iter().map(|definition| (definition.variable(), definition.flag())).collect();
        assert!(names.contains(&("WIDEST_PUBLIC_IPV4_PREFIX".to_owned(), "widest-public-ipv4-prefix".to_owned())));
    }
}
