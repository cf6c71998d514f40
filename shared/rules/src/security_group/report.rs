//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::detect::{Added, AddedEntries, Finding, GroupRef, OpenedRules};
use super::plan::{Action, LiveRule, Plan};
use super::traffic::Traffic;
use crate::alert::{Outcome, Report, Step, allow_actor, tries_again};
use crate::event::Event;
use crate::language::{Language, Localized};
use crate::settings::{Rollout, Settings};
use crate::text::quote;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// The account could not be read, so it is not known whether the group is open.
    NotRead {
        /// Why.
        problem: String,
    },
    /// Open, and left so: the mode is `alert`, or the rollout `observe`.
    Withheld(Plan),
    /// What the event opened was closed already.
    Gone(Plan),
    /// A prefix list is wide by the event, and no group names it any more, or yet.
    Unnamed,
    /// Closed, and seen to be.
    Closed {
        /// The first plan.
        plan: Plan,
        /// The actions that succeeded, of this plan and of others that followed. None if a call ended in an error and what it was
        /// to close is closed all the same.
        carried_out: Vec<Action>,
        /// When the call that closed it had returned.
        at: DateTime<Utc>,
        /// Rules that aren't the event's and still let the world in.
        older: Vec<LiveRule>,
        /// Why a prefix list still holds the entries, where rules were revoked instead.
        entries_left: Option<String>,
    },
    /// It may still be open.
    Failed {
        /// The first plan.
        plan: Plan,
        /// The actions that succeeded.
        carried_out: Vec<Action>,
        /// What was left to do when the account was read last; `None` if it wasn't read again.
        remaining: Option<Vec<Action>>,
        /// What went wrong.
        problem: String,
    },
}

/// Puts together what a person is told.
pub fn report(event: &Event, finding: &Finding, settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let object = object(finding);
    let short = short(finding);
    let (open, was_open) = match finding {
        Finding::Rules(_) => (format!("{short} open to the world"), format!("{short} was open to the world")),
        Finding::Entries(_) => {
            (format!("{short} opens groups to the world"), format!("{short} opened groups to the world"))
        }
    };
    let mut report = Report::new(settings.alert_language, Outcome::Alert, open.clone());
    report.happened = happened(event, finding);
    report.steps = steps;
    report.to_allow = to_allow(event, finding, course, report.language);
    report.actions = planned(course);
    match course {
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("{short} could not be read");
            report.problem =
                Some(Localized::verbatim(format!("The account could not be read, so nothing was changed: {problem}")));
            report.done.push("Nothing: the account could not be read.".to_owned());
            report.left.push(format!("Look at {object} now and take out what is open to everyone."));
            report.left.push(tries_again(report.language));
        }
        Course::Withheld(plan) => {
            say_naming(&mut report, plan);
            if settings.rollout == Rollout::Observe {
                report.headline = format!("would have reverted: {open}");
                report.done.push(
                    "Nothing was changed, because Rollout is `observe`. With `enforce` it would have:".to_owned(),
                );
            } else {
                report.done.push(
                    "Nothing was changed, because SecurityGroupMode is `alert`. With `revert` it would have:"
                        .to_owned(),
                );
            }
            report.done.extend(plan.actions.iter().flat_map(Action::lines));
            report.left.push("It is still open. Close it, or allow it:".to_owned());
            report.left.extend(plan.actions.iter().flat_map(Action::lines));
            say_older(&mut report, short, &plan.older);
        }
        Course::Gone(plan) => {
            say_naming(&mut report, plan);
            report.headline = format!("{was_open}, already gone");
            report
                .done
                .push("Nothing was changed: what the event opened was closed already when snapback looked.".to_owned());
            report.left.push(
                "See whether the time that it was open was used: it was open from the change until it was taken back."
                    .to_owned(),
            );
            say_older(&mut report, short, &plan.older);
        }
        Course::Unnamed => {
            report.headline = format!("{short} is wide, no group names it");
            report.done.push(
                "Nothing was changed: no security group names the list, so that it opens nothing now.".to_owned(),
            );
            report.left.push(
                "See whether groups named it since the change, and take the entries out if they aren't needed."
                    .to_owned(),
            );
        }
        Course::Closed { plan, carried_out, at, older, entries_left } => {
            say_naming(&mut report, plan);
            report.closed_at = Some(*at);
            report.outcome = Outcome::Reverted;
            report.headline = was_open;
            if carried_out.is_empty() {
                report.outcome = Outcome::Alert;
                report.headline.push_str(", closed");
                report
                    .done
                    .push("The call ended in an error, and what it was to close is closed all the same,".to_owned());
                report.done.push("by that call or by somebody else:".to_owned());
                report.done.extend(plan.actions.iter().flat_map(Action::lines));
            }
            report.done.extend(carried_out.iter().map(|action| format!("{}.", past(action))));
            report
                .done
                .push("It was read again afterwards: what the event opened no longer lets the world in.".to_owned());
            if let Finding::Rules(OpenedRules { changed: true, .. }) = finding {
                report
                    .done
                    .push("The rule was removed, not set back: the event does not hold what it was before.".to_owned());
                report.left.push("If the rule was needed as it was before, add it again.".to_owned());
            }
            if let Some(problem) = entries_left {
                report.problem =
                    Some(Localized::verbatim(format!("The entries could not be taken out of the list: {problem}")));
            }
            let revokes_rules = |action: &Action| matches!(action, Action::RevokeRules { .. });
            if matches!(finding, Finding::Entries(_)) && carried_out.iter().any(revokes_rules) {
                report.outcome = Outcome::Contained;
                report
                    .done
                    .push("The rules that name the list were revoked instead of taking its entries out.".to_owned());
                report.left.push(
                    "Take the entries out of the prefix list, then add the rules again where they are needed."
                        .to_owned(),
                );
            }
            say_older(&mut report, short, older);
        }
        Course::Failed { plan, carried_out, remaining, problem } => {
            say_naming(&mut report, plan);
            report.headline = format!("{short} may still be open");
            report.outcome = Outcome::Failed;
            report.problem = Some(Localized::verbatim(problem));
            report.done.extend(carried_out.iter().map(|action| format!("{}.", past(action))));
            let remaining = remaining.as_ref().unwrap_or(&plan.actions);
            if remaining.is_empty() {
                report.done.push("As far as the account could be read, what the event opened is closed.".to_owned());
                report.left.push(format!("Look at {object} now: what could not be read may be open."));
            } else {
                report.done.push("This was to be done, and is not, or was not seen to be:".to_owned());
                report.done.extend(remaining.iter().flat_map(Action::lines));
                report.left.push(format!("Look at {object} now, and close by hand what is still open:"));
                report.left.extend(remaining.iter().flat_map(Action::lines));
            }
            report.left.push(tries_again(report.language));
            say_older(&mut report, short, &plan.older);
        }
    }
    report
}

/// The changes that were planned, for the log.
fn planned(course: &Course) -> Vec<String> {
    match course {
        Course::Withheld(plan) | Course::Closed { plan, .. } | Course::Failed { plan, .. } => {
            plan.actions.iter().map(ToString::to_string).collect()
        }
        Course::NotRead { .. } | Course::Gone(_) | Course::Unnamed => Vec::new(),
    }
}

/// What the finding is about, as a subject has room for.
fn short(finding: &Finding) -> &str {
    match finding {
        Finding::Rules(OpenedRules { group: GroupRef::Id(name) | GroupRef::Name(name), .. }) => name,
        Finding::Entries(AddedEntries { prefix_list_id, .. }) => prefix_list_id,
    }
}

/// The same in full, harmless.
fn object(finding: &Finding) -> String {
    let kind = match finding {
        Finding::Rules(OpenedRules { group: GroupRef::Id(_), .. }) => "security group",
        Finding::Rules(OpenedRules { group: GroupRef::Name(_), .. }) => "the security group named",
        Finding::Entries(_) => "prefix list",
    };
    format!("{kind} {}", quote(short(finding)))
}

fn happened(event: &Event, finding: &Finding) -> Vec<String> {
    let object = object(finding);
    match finding {
        Finding::Rules(opened) => {
            let verb = if opened.changed { "changed" } else { "added" };
            let mut lines = vec![format!("{} {verb} inbound rules of {object}:", quote(&event.name))];
            lines.extend(opened.rules.iter().map(|rule| {
                let id = rule.id.as_deref().map_or_else(String::new, |id| format!(" (rule {})", quote(id)));
                format!("  - {} from {}{id}", quote(&rule.traffic.to_string()), quote(&rule.source.to_string()))
            }));
            lines
        }
        Finding::Entries(AddedEntries { added: Added::Ranges(ranges), .. }) => {
            let mut lines = vec![format!("{} added entries to {object}:", quote(&event.name))];
            lines.extend(ranges.iter().map(|range| format!("  - {range}")));
            lines
        }
        Finding::Entries(AddedEntries { added: Added::Restored(_), .. }) => {
            vec![format!("{} brought entries back into {object}.", quote(&event.name))]
        }
    }
}

/// What was done, in the past tense.
fn past(action: &Action) -> String {
    match action {
        Action::RevokeRules { .. } => format!("Revoked{}", action.to_string().trim_start_matches("revoke")),
        Action::RemoveEntries { .. } => format!("Took{}", action.to_string().trim_start_matches("take")),
    }
}

/// The groups that a prefix list's entries reach.
fn say_naming(report: &mut Report, plan: &Plan) {
    report.happened.extend(plan.naming.iter().map(|rule| format!("  named by {}: {rule}", rule.group_id)));
}

fn say_older(report: &mut Report, name: &str, older: &[LiveRule]) {
    if older.is_empty() {
        return;
    }
    if report.outcome == Outcome::Reverted {
        report.outcome = Outcome::Alert;
        report.headline = format!("{name} reverted, older rules still open");
    }
    report.left.push(
        "Still open to the world by rules that are not this event's, which snapback left as they are:".to_owned(),
    );
    report.left.extend(older.iter().map(|rule| format!("  - {}: {rule}", rule.group_id)));
}

fn to_allow(event: &Event, finding: &Finding, course: &Course, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    let mut ports: Vec<String> = offending(finding, course).into_iter().filter_map(allowed_port).collect();
    ports.sort();
    ports.dedup();
    if !ports.is_empty() {
        lines.push(format!("For everyone, add to the setting AllowedPublicPorts: {}", ports.join(",")));
    }
    lines.extend(allow_actor(event, language));
    if lines.is_empty() {
        lines.push("No setting allows just this.".to_owned());
    }
    lines
}

/// The traffic that would have to be allowed: that of the rules to revoke, or, without a plan, of the event's rules from public sources.
fn offending<'a>(finding: &'a Finding, course: &'a Course) -> Vec<&'a Traffic> {
    let plan = match course {
        Course::Withheld(plan) | Course::Closed { plan, .. } | Course::Failed { plan, .. } => Some(plan),
        Course::NotRead { .. } | Course::Gone(_) | Course::Unnamed => None,
    };
    let planned = plan.into_iter().flat_map(|plan| &plan.actions).flat_map(|action| match action {
        Action::RevokeRules { rules, .. } => rules.as_slice(),
        Action::RemoveEntries { .. } => &[],
    });
    match (finding, plan) {
        (_, Some(_)) => planned.map(|rule| &rule.traffic).collect(),
        (Finding::Rules(opened), None) => {
            let from_public = opened.rules.iter().filter(|rule| rule.source.may_be_public());
            from_public.map(|rule| &rule.traffic).collect()
        }
        (Finding::Entries(_), None) => Vec::new(),
    }
}

/// How AllowedPublicPorts writes it; nothing for what it can't hold.
fn allowed_port(traffic: &Traffic) -> Option<String> {
    use super::traffic::Protocol;
    let protocol = match traffic.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp | Protocol::Icmpv6 => return Some("icmp".to_owned()),
        Protocol::All | Protocol::Other(_) => return None,
    };
    Some(if traffic.from == traffic.to {
        format!("{protocol}/{}", traffic.from)
    } else {
        format!("{protocol}/{}-{}", traffic.from, traffic.to)
    })
}
