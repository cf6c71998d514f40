//! Records to verdicts, as `snapback check` does it; and settings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use history::{Other, Records, looked_up};
use rules::foresee::{FUNCTIONS, Foreseen, Verdict};
use rules::settings::{Given, definitions};
use rules::{Settings, event, security_group};
use serde_json::{Value, json};

/// Settings that take different ways.
static SETTINGS: LazyLock<Vec<Settings>> = LazyLock::new(|| {
    let kim = "arn:aws:iam::123456789012:user/kim,arn:aws:iam::111122223333:role/Developer";
    let all: [&[(&str, &str)]; 3] = [
        &[],
        &[
            ("ROLLOUT", "observe"),
            ("TRUSTED_ACTORS", kim),
            ("TRUSTED_ACCOUNTS", "123456789012,111122223333"),
            ("ALLOWED_PUBLIC_PORTS", "tcp/443,udp/1-1024,icmp"),
            ("PUBLIC_BUCKETS", "public-bucket"),
        ],
        &[
            ("ACCESS_KEY_MODE", "quarantine"),
            ("ROLE_TRUST_MODE", "revert"),
            ("S3_CROSS_ACCOUNT_MODE", "revert"),
            ("SECURITY_GROUP_MODE", "off"),
            ("WIDEST_PUBLIC_IPV4_PREFIX", "32"),
            ("WIDEST_PUBLIC_IPV6_PREFIX", "128"),
            ("CANARY_ROLE_ARN", "arn:aws:iam::123456789012:role/snapback-CanaryRole-1"),
        ],
    ];
    let settings = |given: &[(&str, &str)]| {
        let variable =
            |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::from_variables(variable).unwrap_or_else(|problem| panic!("{problem}"))
    };
    all.map(settings).to_vec()
});

/// What all functions that get a record say of it.
pub(crate) fn foreseen(raw: &Value, settings: &Settings) -> Vec<Foreseen> {
    let Ok(event) = event::parse(raw) else { return Vec::new() };
    let functions = FUNCTIONS.iter().filter(|function| function.gets(&event));
    functions
        .map(|function| {
            let foreseen = function.foresee(&event, settings);
            assert!(function.rules.contains(&foreseen.rule), "{} says {}", function.name, foreseen.rule);
            assert!(!foreseen.reason().trim().is_empty(), "{} gives no reason", function.name);
            let is_told = foreseen.verdict != Verdict::Exempt && foreseen.verdict != Verdict::Ignore;
            assert!(is_told || foreseen.exempted_by.is_empty(), "{} names exemptions of nothing", function.name);
            if function.name == security_group::NAME {
                let _ = security_group::foresee::opened(&event);
            }
            foreseen
        })
        .collect()
}

pub(crate) fn check(input: &[u8]) {
    let mut records = Records::new(input);
    while let Some(Ok(record)) = records.next() {
        let Ok(raw) = record.parse() else { continue };
        let raw = match looked_up(&raw) {
            None => raw,
            Some(Ok(record)) => record,
            Some(Err(_)) => continue,
        };
        if !raw.is_object() || Other::of(&raw).is_some() {
            continue;
        }
        for settings in SETTINGS.iter() {
            let bare = foreseen(&raw, settings);
            // A bare record and the same in an envelope are one thing.
            if raw.get("detail").is_none()
                && !raw.as_object().is_some_and(|raw| raw.keys().any(|key| key.eq_ignore_ascii_case("detail")))
            {
                let enveloped = json!({"detail": raw});
                assert_eq!(foreseen(&enveloped, settings), bare, "in an envelope it is decided otherwise");
            }
        }
    }
}

pub(crate) fn settings_seed(_: &[u8]) -> Vec<u8> {
    let value = |parameter: &str| match parameter {
        "TrustedActors" => "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*".to_owned(),
        "TrustedAccounts" => "123456789012".to_owned(),
        "AllowedPublicPorts" => "tcp/443,tcp/8000-8010,icmp".to_owned(),
        parameter => definitions()
            .find(|definition| definition.parameter == parameter)
            .map(|definition| definition.default.to_owned())
            .unwrap_or_default(),
    };
    definitions()
        .map(|definition| format!("{} = \"{}\"\n", definition.parameter, value(definition.parameter)))
        .collect::<String>()
        .into_bytes()
}

/// A settings file: TOML to settings, which decide without a panic.
pub(crate) fn settings(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(table) = text.parse::<toml::Table>() else { return };
    let mut given = BTreeMap::new();
    for definition in definitions() {
        if let Some(value) = table.get(definition.parameter) {
            let number = || value.as_integer().unwrap_or_default().to_string();
            let value = value.as_str().map_or_else(number, str::to_owned);
            given.insert(definition.parameter, Given { name: definition.parameter.to_owned(), value });
        }
    }
    let Ok(settings) = Settings::from_given(&given) else { return };
    let opened = json!({"eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/kim"},
        "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 9000, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}, {"cidrIp": "::/0"}]}}]}}});
    foreseen(&opened, &settings);
}
