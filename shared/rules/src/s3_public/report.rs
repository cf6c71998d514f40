//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::detect::Finding;
use super::plan::{Action, Plan};
use crate::alert::{Outcome, Report, Step};
use crate::event::Event;
use crate::settings::Settings;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// Only told: snapback takes nothing of the kind back.
    Told,
    /// It could not be read whether anything is open, and nothing was changed.
    NotRead {
        /// Why.
        problem: String,
    },
    /// Nothing was changed: by mode, by rollout, because the account's block would close PublicBuckets, because AWS does not call it
    /// public, or because it is only told.
    Left {
        /// What is open, and what would have been done.
        plan: Box<Plan>,
    },
    /// Nothing of it was there any more; `None` if the bucket, the object or the access point is gone.
    Gone(Option<Box<Plan>>),
    /// Something was changed, or tried.
    Done {
        /// What was open.
        before: Box<Plan>,
        /// What was carried out, in order.
        carried_out: Vec<Action>,
        /// What went wrong; a call that failed although its effect was seen is among it.
        problems: Vec<String>,
        /// What is open now, as it was read at the end; `None` if the bucket or the access point is gone.
        now: Option<Box<Plan>>,
        /// When the door had been shut, if it was seen shut.
        shut_at: Option<DateTime<Utc>>,
    },
}

/// Puts together what a person is told.
pub fn report(_event: &Event, _finding: &Finding, _settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let mut report = Report::new(Outcome::Alert, "S3");
    if let Course::Done { now, problems, .. } = course {
        report.outcome = match now {
            Some(now) if now.is_open() => Outcome::Failed,
            Some(now) if now.is_public() || !problems.is_empty() => Outcome::Contained,
            _ => Outcome::Reverted,
        };
        report.problem = problems.first().cloned();
    }
    report.steps = steps;
    report
}
