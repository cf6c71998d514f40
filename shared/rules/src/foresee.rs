//! What a function would do about an event, going by the record alone: for a look at history, where no account can be asked.
//!
//! Each rule has a `foresee` of its own: a finding to a [`Foreseen`]. Here is what they share, and [`FUNCTIONS`], which has all functions. What only
//! the live account could tell is [`Verdict::Depends`], and never guessed.

use crate::access_analyzer::ACCESS_FINDING;
use crate::config::COMPLIANCE_CHANGE;
use crate::decision::{API_CALL, CONSOLE_ACTION, Decision, SIGN_IN, Subscription, decide};
use crate::event::{Event, Origin};
use crate::settings::{Mode, Rollout, Settings, trusted_actor};
use crate::text::quote;
use crate::{access_key, findings, iam_user, role_trust, root_activity, s3_public, security_group};

/// What a function would have done about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It would have taken the change back.
    Revert,
    /// It would have shut it off without deleting it.
    Quarantine,
    /// It would have told, and changed nothing.
    Alert,
    /// The record does not tell: it depends on something in the account.
    Depends,
    /// Nothing: whoever did it may.
    Exempt,
    /// Nothing.
    Ignore,
}

impl Verdict {
    /// All of them, the weightiest first.
    pub const ALL: [Self; 6] = [Self::Revert, Self::Quarantine, Self::Alert, Self::Depends, Self::Exempt, Self::Ignore];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Revert => "revert",
            Self::Quarantine => "quarantine",
            Self::Alert => "alert",
            Self::Depends => "depends",
            Self::Exempt => "exempt",
            Self::Ignore => "ignore",
        }
    }

    /// Whether somebody would have been told, or may have been.
    pub fn is_finding(self) -> bool {
        !matches!(self, Self::Exempt | Self::Ignore)
    }
}

/// What a function would have done about an event, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// What it would have done.
    pub verdict: Verdict,
    /// The rule, which may be one of several of the function.
    pub rule: &'static str,
    /// What happened, or why there is nothing to do. It holds text of the event's as it is: see [`crate::text::quote`].
    pub what: String,
    /// Why the verdict is no other, or on what it depends; `None` if it needs no reason.
    pub because: Option<String>,
    /// What it happened to, as the event names it.
    pub resource: Option<String>,
    /// Settings by each of which this would have been left alone.
    pub exempted_by: Vec<Exemption>,
}

/// A setting that would leave something alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The setting's name, such as `TrustedActors`.
    pub setting: &'static str,
    /// What to add to it.
    pub value: String,
}

impl Foreseen {
    /// Of something that happened to a resource.
    pub fn new(rule: &'static str, resource: impl Into<String>, what: impl Into<String>, word: Word) -> Self {
        Self {
            verdict: word.verdict,
            rule,
            what: what.into(),
            because: word.because,
            resource: Some(resource.into()).filter(|resource| !resource.is_empty()),
            exempted_by: Vec::new(),
        }
    }

    /// The same with a further setting that would leave it alone; nothing without values.
    pub(crate) fn exempted_by(mut self, setting: &'static str, values: &[String]) -> Self {
        if !values.is_empty() {
            self.exempted_by.push(Exemption { setting, value: values.join(",") });
        }
        self
    }

    /// What happened and why that is the verdict, in one line.
    pub fn reason(&self) -> String {
        match &self.because {
            Some(because) => format!("{}; {because}", self.what),
            None => self.what.clone(),
        }
    }

    fn none(rule: &'static str, verdict: Verdict, reason: String) -> Self {
        Self { verdict, rule, what: reason, because: None, resource: None, exempted_by: Vec::new() }
    }
}

/// A verdict with its reason, if it needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    verdict: Verdict,
    because: Option<String>,
}

impl Word {
    /// What a mode makes of something that can be taken back. `setting` is the mode's name.
    pub(crate) fn by_mode(setting: &str, mode: Mode, settings: &Settings) -> Self {
        let told = |why: &str| Self { verdict: Verdict::Alert, because: Some(format!("only told, since {why}")) };
        match (mode, settings.rollout) {
            (Mode::Alert | Mode::Off, _) => told(&format!("{setting} is `alert`")),
            (Mode::Revert | Mode::Quarantine, Rollout::Observe) => told("Rollout is `observe`"),
            (Mode::Revert, Rollout::Enforce) => Self { verdict: Verdict::Revert, because: None },
            (Mode::Quarantine, Rollout::Enforce) => Self { verdict: Verdict::Quarantine, because: None },
        }
    }

    /// Only told, whatever the mode.
    pub(crate) fn told(because: impl Into<String>) -> Self {
        Self { verdict: Verdict::Alert, because: Some(because.into()) }
    }

    /// Depends `on` something: "whether …", "what …".
    pub(crate) fn depends(on: impl AsRef<str>) -> Self {
        Self { verdict: Verdict::Depends, because: Some(format!("it depends on {}", on.as_ref())) }
    }

    /// Nothing would have been done or told.
    pub(crate) fn nothing(because: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ignore, because: Some(because.into()) }
    }

    /// Whether the account would have been changed.
    pub(crate) fn acts(&self) -> bool {
        matches!(self.verdict, Verdict::Revert | Verdict::Quarantine)
    }
}

/// A function as far as it decides.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The names of its rules.
    pub rules: &'static [&'static str],
    /// The events that it wants.
    pub subscriptions: &'static [Subscription],
    /// What it would do about an event that a subscription covers.
    decide: fn(&Event, &Settings) -> Foreseen,
}

/// All functions.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: iam_user::NAME,
        rules: &[iam_user::NAME],
        subscriptions: iam_user::SUBSCRIPTIONS,
        decide: |event, settings| {
            let rule =
                Rule { name: iam_user::NAME, subscriptions: iam_user::SUBSCRIPTIONS, mode: settings.iam_user_mode };
            rule.foresee(event, settings, iam_user::detect::detect, iam_user::foresee::foresee)
        },
    },
    Function {
        name: access_key::NAME,
        rules: &[access_key::NAME],
        subscriptions: access_key::SUBSCRIPTIONS,
        decide: |event, settings| {
            let rule = Rule {
                name: access_key::NAME,
                subscriptions: access_key::SUBSCRIPTIONS,
                mode: settings.access_key_mode,
            };
            rule.foresee(event, settings, access_key::detect::detect, access_key::foresee::foresee)
        },
    },
    Function {
        name: s3_public::NAME,
        rules: &[s3_public::NAME, s3_public::foresee::CROSS_ACCOUNT],
        subscriptions: s3_public::SUBSCRIPTIONS,
        decide: |event, settings| {
            let mode = s3_public::mode(settings);
            let rule = Rule { name: s3_public::NAME, subscriptions: s3_public::SUBSCRIPTIONS, mode };
            rule.foresee(event, settings, s3_public::detect::detect, s3_public::foresee::foresee)
        },
    },
    Function {
        name: security_group::NAME,
        rules: &[security_group::NAME],
        subscriptions: security_group::SUBSCRIPTIONS,
        decide: |event, settings| {
            let mode = settings.security_group_mode;
            let rule = Rule { name: security_group::NAME, subscriptions: security_group::SUBSCRIPTIONS, mode };
            rule.foresee(event, settings, security_group::detect::detect, security_group::foresee::foresee)
        },
    },
    Function {
        name: role_trust::NAME,
        rules: &[role_trust::NAME],
        subscriptions: role_trust::SUBSCRIPTIONS,
        decide: |event, settings| {
            let rule = Rule {
                name: role_trust::NAME,
                subscriptions: role_trust::SUBSCRIPTIONS,
                mode: settings.role_trust_mode,
            };
            rule.foresee(event, settings, role_trust::detect::detect, role_trust::foresee::foresee)
        },
    },
    Function {
        name: root_activity::NAME,
        rules: &[root_activity::NAME],
        subscriptions: root_activity::SUBSCRIPTIONS,
        decide: |event, settings| {
            let mode = settings.root_activity_mode;
            let rule = Rule { name: root_activity::NAME, subscriptions: root_activity::SUBSCRIPTIONS, mode };
            rule.foresee(event, settings, root_activity::detect::detect, root_activity::foresee::foresee)
        },
    },
    Function {
        name: findings::NAME,
        rules: &[findings::CONFIG_FINDING, findings::EXTERNAL_ACCESS],
        subscriptions: findings::SUBSCRIPTIONS,
        decide: |event, settings| {
            let name = match event.origin {
                Origin::AccessAnalyzer(_) => findings::EXTERNAL_ACCESS,
                Origin::CloudTrail | Origin::Config(_) => findings::CONFIG_FINDING,
            };
            let rule = Rule { name, subscriptions: findings::SUBSCRIPTIONS, mode: Mode::Alert };
            rule.foresee(event, settings, findings::detect::detect, findings::foresee::foresee)
        },
    },
];

impl Function {
    /// Whether the function would have got the event, as far as the record tells.
    pub fn gets(&self, event: &Event) -> bool {
        self.subscriptions.iter().any(|subscription| subscription.covers(event))
    }

    /// Whether the function would have got a record with these: see [`Subscription::asks_for`].
    pub fn asks_for(&self, event_source: &str, event_name: &str, actor_kind: &str) -> bool {
        self.subscriptions.iter().any(|subscription| subscription.asks_for(event_source, event_name, actor_kind))
    }

    /// What the function would have done about an event, by the same code that decides in Lambda.
    pub fn foresee(&self, event: &Event, settings: &Settings) -> Foreseen {
        let settings = &settings.on(event);
        let wanted = self.subscriptions.iter().filter(|subscription| subscription.covers(event));
        let delivered = delivered_as(event);
        if wanted.into_iter().all(|subscription| !subscription.detail_types.contains(&delivered)) {
            let reason = format!("EventBridge delivers it as `{delivered}`, which the function does not get");
            return Foreseen::none(self.name, Verdict::Ignore, reason);
        }
        (self.decide)(event, settings)
    }
}

/// The `detail-type` under which EventBridge delivers a record. A record that does not say what it is, as in published samples, is a call, or
/// a sign-in if it is of the sign-in pages.
fn delivered_as(event: &Event) -> &'static str {
    match &event.origin {
        Origin::Config(_) => return COMPLIANCE_CHANGE,
        Origin::AccessAnalyzer(_) => return ACCESS_FINDING,
        Origin::CloudTrail => {}
    }
    match event.kind.as_str() {
        "AwsServiceEvent" => "AWS Service Event via CloudTrail",
        "AwsVpceEvent" | "AwsVpceEvents" => "AWS VPC Endpoint Event via CloudTrail",
        "AwsConsoleAction" => CONSOLE_ACTION,
        "AwsConsoleSignIn" => SIGN_IN,
        _ if event.name == "ConsoleLogin" => SIGN_IN,
        _ => API_CALL,
    }
}

/// What decides on the events of a function.
struct Rule {
    name: &'static str,
    subscriptions: &'static [Subscription],
    mode: Mode,
}

impl Rule {
    fn foresee<F>(
        &self,
        event: &Event,
        settings: &Settings,
        detect: fn(&Event, &Settings) -> Decision<F>,
        foresee: fn(&F, &Event, &Settings) -> Foreseen,
    ) -> Foreseen {
        match decide(event, settings, self.subscriptions, self.mode, detect) {
            Decision::Ignore(reason) => Foreseen::none(self.name, Verdict::Ignore, reason),
            Decision::Unreadable(missing) => {
                let because = Some("it is told, and nothing else".to_owned());
                let what = format!("the record could not be read: {missing}");
                Foreseen { because, ..Foreseen::none(self.name, Verdict::Alert, what) }
            }
            Decision::Exempt(reason) => match detect(event, settings) {
                Decision::Violation(finding) | Decision::Candidate(finding) | Decision::Incident(finding) => {
                    let found = foresee(&finding, event, settings);
                    Foreseen { verdict: Verdict::Exempt, because: Some(reason), exempted_by: Vec::new(), ..found }
                }
                _ => Foreseen::none(self.name, Verdict::Exempt, reason),
            },
            Decision::Incident(finding) => foresee(&finding, event, settings),
            Decision::Violation(finding) | Decision::Candidate(finding) => {
                let found = foresee(&finding, event, settings);
                if found.verdict == Verdict::Ignore {
                    return found;
                }
                let actor =
                    event.actor.principal_arn().filter(|arn| is_candidate(arn, event, settings)).map(str::to_owned);
                found.exempted_by("TrustedActors", actor.as_slice())
            }
        }
    }
}

/// Whether somebody may be offered as one to trust: of the event's own account, if that is known, and not the canary, which is there to be
/// taken back.
fn is_candidate(arn: &str, event: &Event, settings: &Settings) -> bool {
    let is_of_account = event.account.as_deref().is_none_or(|account| arn.split(':').nth(4) == Some(account));
    is_of_account && settings.canary_role_arn.as_deref() != Some(arn) && is_trustable(arn)
}

/// Whether `TrustedActors` takes an ARN, as that of one actor and not as a pattern, and it can be shown in full.
fn is_trustable(arn: &str) -> bool {
    !arn.contains([',', '*']) && arn.trim() == arn && quote(arn) == arn && trusted_actor(arn).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use serde_json::{Value, json};

    fn foreseen(function: &str, raw: Value, settings: &[(&str, &str)]) -> Foreseen {
        let variable =
            |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let function = FUNCTIONS.iter().find(|known| known.name == function).unwrap();
        function.foresee(&parse(&raw).unwrap(), &Settings::from_variables(variable).unwrap())
    }

    fn new_key(kind: &str) -> Value {
        json!({"eventName": "CreateAccessKey", "eventSource": "iam.amazonaws.com", "eventType": kind,
            "userIdentity": {"type": "IAMUser", "userName": "kim", "arn": "arn:aws:iam::123456789012:user/kim"},
            "responseElements": {"accessKey": {"accessKeyId": "AKIA1", "userName": "eve"}}})
    }

    #[test]
    fn a_trusted_actor_is_exempt_and_the_finding_is_still_told() {
        let violation = foreseen("access-key", new_key("AwsApiCall"), &[]);
        let actor = "arn:aws:iam::123456789012:user/kim";
        assert_eq!(violation.verdict, Verdict::Revert);
        assert_eq!(violation.exempted_by, [Exemption { setting: "TrustedActors", value: actor.to_owned() }]);
        let exempt = foreseen("access-key", new_key("AwsApiCall"), &[("TRUSTED_ACTORS", actor)]);
        assert_eq!((exempt.verdict, exempt.resource.as_deref()), (Verdict::Exempt, Some("AKIA1")));
        assert_eq!(exempt.reason(), format!("{}; `{actor}` is one of TrustedActors", violation.what));
    }

    #[test]
    fn what_is_left_alone_anyway_needs_no_setting() {
        let raw = json!({"eventName": "AttachUserPolicy", "eventSource": "iam.amazonaws.com",
            "userIdentity": {"type": "IAMUser", "userName": "kim", "arn": "arn:aws:iam::123456789012:user/kim"},
            "requestParameters": {"userName": "eve", "policyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}});
        let foreseen = foreseen("iam-user", raw, &[]);
        assert_eq!((foreseen.verdict, foreseen.exempted_by.len()), (Verdict::Ignore, 0), "{}", foreseen.reason());
    }

    #[test]
    fn what_is_delivered_otherwise_is_not_got() {
        for kind in ["AwsServiceEvent", "AwsVpceEvents"] {
            assert_eq!(foreseen("access-key", new_key(kind), &[]).verdict, Verdict::Ignore, "{kind}");
        }
        assert_eq!(foreseen("access-key", new_key(""), &[]).verdict, Verdict::Revert);
    }

    #[test]
    fn neither_strangers_nor_the_canary_are_offered() {
        let role = "arn:aws:iam::123456789012:role/snapback-CanaryRole-1";
        let offered = |account: &str, canary: &str| {
            let mut raw = new_key("AwsApiCall");
            raw["recipientAccountId"] = json!(account);
            raw["userIdentity"] =
                json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}}});
            foreseen("access-key", raw, &[("CANARY_ROLE_ARN", canary)]).exempted_by.len()
        };
        assert_eq!(offered("123456789012", ""), 1);
        assert_eq!(offered("111122223333", ""), 0);
        assert_eq!(offered("123456789012", role), 0);
    }

    #[test]
    fn nobody_is_offered_who_cannot_be_trusted() {
        for (arn, is) in [
            ("arn:aws:iam::123456789012:role/Admin", true),
            ("arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0", true),
            ("arn:aws:iam::1234:user/kim", false),
            ("arn:aws:iam::123456789012:user/kim,arn:aws:iam::123456789012:user/eve", false),
            ("arn:aws:iam::123456789012:root", false),
            ("arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*", false),
            (&format!("arn:aws:iam::123456789012:role/{}", "x/".repeat(150)), false),
            ("kim", false),
            (" arn:aws:iam::123456789012:role/Admin", false),
            ("arn:aws:iam::123456789012:role/Admin ", false),
            ("", false),
        ] {
            assert_eq!(is_trustable(arn), is, "{arn}");
        }
    }
}
