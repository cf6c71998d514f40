//! What is to be done about an event, before anything of the account has been read.

use crate::access_analyzer::ACCESS_FINDING;
use crate::config::COMPLIANCE_CHANGE;
use crate::event::{Event, Origin};
use crate::language::Localized;
use crate::settings::{Mode, Settings};

/// `detail-type` of an API call's event.
pub const API_CALL: &str = "AWS API Call via CloudTrail";

/// `detail-type` of a sign-in's event.
pub const SIGN_IN: &str = "AWS Console Sign In via CloudTrail";

/// `detail-type` of what somebody did in the console without an API call
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>).
pub const CONSOLE_ACTION: &str = "AWS Console Action via CloudTrail";

/// The events that a rule wants, as an EventBridge rule names them. template.yaml is tested against this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `source` of the envelope: `aws.` and the service. `None` stands for all.
    pub source: Option<&'static str>,
    /// `detail-type`s of the envelope.
    pub detail_types: &'static [&'static str],
    /// `eventSource` of the record. `None` stands for all.
    pub event_source: Option<&'static str>,
    /// `eventName`s of the record. None stand for all.
    pub event_names: &'static [&'static str],
    /// `userIdentity.type` of the record. `None` stands for all.
    pub actor_kind: Option<&'static str>,
    /// Whether calls that only read are wanted too: EventBridge has to be asked for them.
    pub includes_reads: bool,
    /// Whether what AWS refused is wanted too.
    pub includes_failures: bool,
    /// The resources whose findings are wanted; of calls `None`.
    pub findings: Option<ResourceTypes>,
}

/// Which types of resources (`resourceType` of the detail).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceTypes {
    /// All.
    All,
    /// Only these.
    Only(&'static [&'static str]),
    /// All but these.
    AllBut(&'static [&'static str]),
}

impl ResourceTypes {
    /// Whether a type is one of them.
    pub fn contain(self, resource_type: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(types) => types.contains(&resource_type),
            Self::AllBut(types) => !types.contains(&resource_type),
        }
    }
}

impl Subscription {
    /// Calls of one service that change something, if they succeeded, whoever made them.
    pub const fn calls(source: &'static str, event_source: &'static str, event_names: &'static [&'static str]) -> Self {
        Self {
            source: Some(source),
            detail_types: &[API_CALL],
            event_source: Some(event_source),
            event_names,
            actor_kind: None,
            includes_reads: false,
            includes_failures: false,
            findings: None,
        }
    }

    /// What AWS Config finds non-compliant among resources.
    pub const fn config(resources: ResourceTypes) -> Self {
        Self::findings("aws.config", &[COMPLIANCE_CHANGE], resources)
    }

    /// What IAM Access Analyzer finds to be reachable from outside among resources.
    pub const fn access_analyzer(resources: ResourceTypes) -> Self {
        Self::findings("aws.access-analyzer", &[ACCESS_FINDING], resources)
    }

    const fn findings(source: &'static str, detail_types: &'static [&'static str], resources: ResourceTypes) -> Self {
        Self {
            source: Some(source),
            detail_types,
            event_source: None,
            event_names: &[],
            actor_kind: None,
            includes_reads: false,
            includes_failures: false,
            findings: Some(resources),
        }
    }

    /// Whether this is one of the events asked for, as far as the record tells.
    pub fn covers(&self, event: &Event) -> bool {
        match (self.findings, event.origin.resource_type()) {
            (None, None) => self.asks_for(&event.source, &event.name, &event.actor.kind),
            (Some(wanted), Some(found)) => self.detail_types.contains(&event.name.as_str()) && wanted.contain(found),
            _ => false,
        }
    }

    /// Whether a call is asked for: an `eventSource`, an `eventName`, and a `userIdentity.type`, empty if there is none.
    pub fn asks_for(&self, event_source: &str, event_name: &str, actor_kind: &str) -> bool {
        self.findings.is_none()
            && self.event_source.is_none_or(|source| source == event_source)
            && (self.event_names.is_empty() || self.event_names.contains(&event_name))
            && self.actor_kind.is_none_or(|kind| kind == actor_kind)
    }
}

/// A rule's word on one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<F> {
    /// Nothing to do, with the reason in words.
    Ignore(String),
    /// A violation by someone who may, with the reason in words.
    Exempt(String),
    /// A violation, whatever else is in the account.
    Violation(F),
    /// A violation only together with what else is in the account.
    Candidate(F),
    /// Something that no setting exempts anybody from: it is told whoever did it.
    Incident(F),
    /// One of our API calls in a form that could not be understood; says what was missing.
    Unreadable(Localized),
}

/// Decides on an event: what AWS refused is ignored unless the rule asked for it, and so is what is switched off; everything else is
/// for the rule's `detect`, and what it finds is exempt if a trusted actor did it.
pub fn decide<F>(
    event: &Event,
    settings: &Settings,
    subscriptions: &[Subscription],
    mode: Mode,
    detect: impl FnOnce(&Event, &Settings) -> Decision<F>,
) -> Decision<F> {
    let mut wanted = subscriptions.iter().filter(|subscription| subscription.covers(event)).peekable();
    if wanted.peek().is_none() {
        return Decision::Ignore(format!(
            "`{}` of `{}` is not a call that this rule watches",
            event.name, event.source
        ));
    }
    if let Some(error) = &event.error
        && !wanted.any(|subscription| subscription.includes_failures)
    {
        return Decision::Ignore(format!("the call failed with `{}`: nothing was changed", error.code));
    }
    match &event.origin {
        Origin::Config(change) if !event.origin.says_wrong() => {
            return Decision::Ignore(format!("AWS Config says that it is `{}`", change.compliance));
        }
        Origin::AccessAnalyzer(access) if !event.origin.says_wrong() => {
            return Decision::Ignore(format!("the finding is `{}`", access.status));
        }
        Origin::AccessAnalyzer(access) if access.is_deleted => {
            return Decision::Ignore("the finding was deleted".to_owned());
        }
        _ => {}
    }
    if mode == Mode::Off {
        return Decision::Ignore("the rule's mode is `off`".to_owned());
    }
    let decision = detect(event, settings);
    if let (Decision::Violation(_) | Decision::Candidate(_), Some(arn)) = (&decision, event.actor.principal_arn())
        && settings.trusts(arn)
    {
        return Decision::Exempt(format!("`{arn}` is one of TrustedActors"));
    }
    decision
}
