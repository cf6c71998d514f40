//! What is to be done about an event, before anything of the account has been read.

use crate::event::Event;
use crate::settings::{Mode, Settings};

/// The events that a rule wants, as an EventBridge rule names them. template.yaml is tested against this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `source` of the envelope: `aws.` and the service.
    pub source: &'static str,
    /// `detail-type` of the envelope.
    pub detail_type: &'static str,
    /// `eventSource` of the record.
    pub event_source: &'static str,
    /// `eventName`s of the record.
    pub event_names: &'static [&'static str],
}

impl Subscription {
    /// Whether this is one of the API calls asked for.
    pub fn covers(&self, event: &Event) -> bool {
        event.source == self.event_source && self.event_names.contains(&event.name.as_str())
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
    /// One of our API calls in a form that could not be understood; says what was missing.
    Unreadable(String),
}

/// Decides on an event: what AWS refused and what is switched off is ignored, everything else is for the rule's `detect`,
/// and what it finds is exempt if a trusted actor did it.
pub fn decide<F>(
    event: &Event,
    settings: &Settings,
    subscriptions: &[Subscription],
    mode: Mode,
    detect: impl FnOnce(&Event, &Settings) -> Decision<F>,
) -> Decision<F> {
    if !subscriptions.iter().any(|subscription| subscription.covers(event)) {
        return Decision::Ignore(format!(
            "`{}` of `{}` is not a call that this rule watches",
            event.name, event.source
        ));
    }
    if let Some(error) = &event.error {
        return Decision::Ignore(format!("the call failed with `{}`: nothing was changed", error.code));
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
