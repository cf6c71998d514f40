//! The canary: a function that opens a group of its own to the world, to see that it is closed again.
//!
//! What it opens is taken back as anybody's. Only the mail is held back, where everything is as the canary does it and ended as it
//! should: whatever else the canary's role does, and whatever does not end well, is told.

use super::detect::{EventRule, Finding, GroupRef, OpenedRules};
use super::plan::Action;
use super::report::Course;
use super::traffic::{Protocol, Source, Traffic};
use crate::alert::{Outcome, Report};
use crate::event::Event;
use crate::settings::Settings;

/// What the canary opens: the discard service, which nothing listens on.
pub const TRAFFIC: Traffic = Traffic { protocol: Protocol::Tcp, from: 9, to: 9 };

/// From where.
pub const SOURCE: &str = "0.0.0.0/0";

/// The group of which nobody needs to be told if no network interface has it: the canary opened it, nothing else with it, it was
/// closed, and no other rule leaves it open. `None` if a mail is due whatever the interfaces.
pub fn group_to_ask_for<'a>(
    event: &Event,
    finding: &'a Finding,
    settings: &Settings,
    course: &Course,
    report: &Report,
) -> Option<&'a str> {
    let is_by_canary =
        settings.canary_role_arn.is_some() && event.actor.principal_arn() == settings.canary_role_arn.as_deref();
    let Finding::Rules(OpenedRules { group: GroupRef::Id(group), rules, changed: false }) = finding else {
        return None;
    };
    let [rule] = rules.as_slice() else { return None };
    let Course::Closed { carried_out, .. } = course else { return None };
    let [Action::RevokeRules { group_id, rules: revoked }] = carried_out.as_slice() else { return None };
    let is_seen = report.outcome == Outcome::Reverted && report.problem.is_none();
    let is_all = is_opening(rule) && group_id == group && revoked.len() == 1;
    (is_by_canary && is_seen && is_all).then_some(group)
}

/// Whether a rule is the one that the canary adds.
pub fn is_opening(rule: &EventRule) -> bool {
    rule.traffic == TRAFFIC && Source::range(SOURCE).is_ok_and(|source| rule.source == source)
}
