//! What a process remembers from one event to the next.
//!
//! Lambda keeps a process for many events and hands a retry to the same one more often than not. Nothing here is needed for being
//! right: another process finds the account as it is and sends a mail too many rather than none.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rules::{Alert, Outcome};

/// How many events and closed objects are remembered.
const MOST: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// Events whose alert was accepted by SNS, with its outcome.
    accepted: VecDeque<(String, Outcome)>,
    /// Alerts that SNS did not take.
    unsent: VecDeque<Unsent>,
    /// What this process closed itself, by the event that had opened it.
    closed: VecDeque<(String, String)>,
    /// What this process did, whatever event it was for.
    deeds: VecDeque<String>,
}

/// An alert that SNS did not take.
#[derive(Clone, Debug)]
pub(crate) struct Unsent {
    /// The event's identity.
    pub(crate) event: String,
    /// What the alert says.
    pub(crate) outcome: Outcome,
    /// Whether there is more to do than to send it.
    pub(crate) is_unfinished: bool,
    /// The mail.
    pub(crate) alert: Alert,
}

impl Memory {
    fn with<T>(&self, act: impl FnOnce(&mut Remembered) -> T) -> T {
        act(&mut self.remembered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether an alert of this event, other than of a failure, was accepted.
    pub(crate) fn is_told(&self, event: &str) -> bool {
        self.with(|remembered| {
            remembered.accepted.iter().any(|(known, outcome)| known == event && *outcome != Outcome::Failed)
        })
    }

    pub(crate) fn accepted(&self, event: &str, outcome: Outcome) {
        self.with(|remembered| {
            remembered.unsent.retain(|unsent| unsent.event != event);
            push(&mut remembered.accepted, (event.to_owned(), outcome));
        });
    }

    pub(crate) fn unsent(&self, event: &str) -> Option<Unsent> {
        self.with(|remembered| remembered.unsent.iter().find(|unsent| unsent.event == event).cloned())
    }

    pub(crate) fn keep_unsent(&self, unsent: Unsent) {
        self.with(|remembered| {
            remembered.unsent.retain(|known| known.event != unsent.event);
            push(&mut remembered.unsent, unsent);
        });
    }

    pub(crate) fn closed(&self, event: &str, object: &str) {
        self.with(|remembered| push(&mut remembered.closed, (event.to_owned(), object.to_owned())));
    }

    pub(crate) fn has_closed(&self, event: &str, object: &str) -> bool {
        self.with(|remembered| remembered.closed.iter().any(|(opened, known)| opened == event && known == object))
    }

    pub(crate) fn did(&self, deed: &str) {
        self.with(|remembered| push(&mut remembered.deeds, deed.to_owned()));
    }

    pub(crate) fn has_done(&self, deed: &str) -> bool {
        self.with(|remembered| remembered.deeds.iter().any(|known| known == deed))
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() >= MOST {
        queue.pop_front();
    }
    queue.push_back(item);
}
