//! Which calls of root are mailed, and which are only counted.
//!
//! The first call of a session is mailed, and opens a window of 10 minutes in which the calls like it are counted. The next mail of the
//! session, about whatever, gives their number. All of it is one process's memory: another process mails once more.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use rules::Event;
use rules::root_activity::detect::{Alike, Finding};
use rules::root_activity::report::{FOLDED_MINUTES, Folded};

/// How many sessions are remembered.
const MOST_SESSIONS: usize = 100;

/// How many counted calls of a session are remembered, so that one that is delivered twice is counted once.
const MOST_COUNTED: usize = 1_000;

/// Root's sessions, the oldest first.
#[derive(Debug, Default)]
pub struct Sessions {
    sessions: Mutex<VecDeque<Session>>,
}

/// What is to be done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Mail it, with what was counted of its session since the last mail.
    Mail(Folded),
    /// Count it.
    Count,
    /// Nothing: it has been counted already.
    Counted,
}

#[derive(Debug)]
struct Session {
    key: String,
    windows: Vec<Window>,
    /// What was counted since the last mail.
    untold: Folded,
    /// The event last given to be mailed, and the numbers in its mail, until it is known whether the mail was taken.
    in_mail: Option<(String, Folded)>,
    /// The events that were counted.
    counted: VecDeque<String>,
}

#[derive(Debug)]
struct Window {
    alike: Alike,
    /// The event whose mail opened it.
    opener: String,
    opened_at: DateTime<Utc>,
}

impl Sessions {
    /// What is to be done about a finding. `is_told` says whether this process has mailed the event of an identity: a window begins
    /// with a mail, so a mail that SNS did not take opens none, and the event's next try, or the next event, is mailed instead.
    /// An event without an id is always mailed, because a repeat of it could not be recognised.
    pub fn word_on(
        &self,
        event: &Event,
        finding: &Finding,
        now: DateTime<Utc>,
        is_told: impl Fn(&str) -> bool,
    ) -> Word {
        let (Some(key), Some(identity)) = (finding.session(event), &event.identity) else {
            return Word::Mail(Folded::default());
        };
        // A repeat: the runtime sees that it is told.
        if is_told(identity) {
            return Word::Mail(Folded::default());
        }
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session = take(&mut sessions, &key).unwrap_or_else(|| Session::new(key));
        let word = session.word_on(identity, finding.folds(), now, is_told);
        push(&mut sessions, session, MOST_SESSIONS);
        word
    }
}

impl Session {
    fn new(key: String) -> Self {
        Self { key, windows: Vec::new(), untold: Folded::default(), in_mail: None, counted: VecDeque::new() }
    }

    fn word_on(
        &mut self,
        identity: &str,
        folds: Option<Alike>,
        now: DateTime<Utc>,
        is_told: impl Fn(&str) -> bool,
    ) -> Word {
        if self.counted.iter().any(|known| known == identity) {
            return Word::Counted;
        }
        if let Some(alike) = folds {
            let window = self.windows.iter().find(|window| window.alike == alike);
            let is_open = |window: &Window| {
                is_told(&window.opener) && now - window.opened_at < TimeDelta::minutes(FOLDED_MINUTES)
            };
            if window.is_some_and(is_open) {
                let count = if alike.is_change { &mut self.untold.changes } else { &mut self.untold.reads };
                *count += 1;
                push(&mut self.counted, identity.to_owned(), MOST_COUNTED);
                return Word::Count;
            }
            self.windows.retain(|window| window.alike != alike);
            self.windows.push(Window { alike, opener: identity.to_owned(), opened_at: now });
        }
        // The numbers in a mail that was not taken are still to be told.
        if let Some((event, folded)) = self.in_mail.take()
            && !is_told(&event)
        {
            self.untold.reads += folded.reads;
            self.untold.changes += folded.changes;
        }
        let folded = std::mem::take(&mut self.untold);
        self.in_mail = Some((identity.to_owned(), folded));
        Word::Mail(folded)
    }
}

/// Takes out the session with this key, so that it can be put back as the one used last.
fn take(sessions: &mut VecDeque<Session>, key: &str) -> Option<Session> {
    let position = sessions.iter().position(|session| session.key == key)?;
    sessions.remove(position)
}

fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::event;
    use rules::root_activity::detect::{Attempt, Effect};
    use serde_json::json;

    /// A process: its sessions, what it mailed, and its clock, in seconds.
    #[derive(Default)]
    struct Process {
        sessions: Sessions,
        mailed: Vec<String>,
        second: i64,
        sns_fails: bool,
    }

    impl Process {
        /// Handles a call; `id` is `r…` for one that reads and `w…` for one that changes something, in capitals if it fails.
        fn call_in(&mut self, session: &str, id: &str) -> Word {
            let raw = json!({"eventName": "X", "eventSource": "s3.amazonaws.com", "eventID": id,
                "userIdentity": {"type": "Root", "accessKeyId": session}});
            let event = event::parse(&raw).unwrap();
            let effect = if id.to_ascii_lowercase().starts_with('r') { Effect::Read } else { Effect::Change };
            let is_failed = id.starts_with(|letter: char| letter.is_ascii_uppercase());
            let attempt = if is_failed { Attempt::Failed("AccessDenied".to_owned()) } else { Attempt::Succeeded };
            self.word_on(&event, &Finding::RootCall { effect, attempt })
        }

        fn word_on(&mut self, event: &Event, finding: &Finding) -> Word {
            let now = DateTime::from_timestamp(self.second, 0).unwrap();
            let is_told = |identity: &str| self.mailed.iter().any(|known| known == identity);
            let word = self.sessions.word_on(event, finding, now, is_told);
            if let (Word::Mail(_), Some(identity), false) = (word, &event.identity, self.sns_fails) {
                self.mailed.push(identity.clone());
            }
            word
        }

        fn call(&mut self, id: &str) -> Word {
            self.call_in("ASIAONE", id)
        }
    }

    fn mail(reads: u64, changes: u64) -> Word {
        Word::Mail(Folded { reads, changes })
    }

    #[test]
    fn the_first_is_mailed_and_the_next_mail_counts_the_rest() {
        let mut process = Process::default();
        assert_eq!(process.call("r1"), mail(0, 0));
        process.second = 599;
        assert_eq!(process.call("r2"), Word::Count);
        assert_eq!(process.call("r3"), Word::Count);
        process.second = 600;
        assert_eq!(process.call("r4"), mail(2, 0));
        assert_eq!(process.call("r5"), Word::Count);
        process.second = 5_000;
        assert_eq!(process.call("r6"), mail(1, 0));
    }

    #[test]
    fn reads_changes_and_failures_are_told_apart() {
        let mut process = Process::default();
        assert_eq!(process.call("R1"), mail(0, 0));
        assert_eq!(process.call("R2"), Word::Count);
        assert_eq!(process.call("r1"), mail(1, 0));
        assert_eq!(process.call("r2"), Word::Count);
        assert_eq!(process.call("w1"), mail(1, 0));
        assert_eq!(process.call("w2"), Word::Count);
        assert_eq!(process.call("W1"), mail(0, 1));
    }

    #[test]
    fn sessions_are_told_apart() {
        let mut process = Process::default();
        assert_eq!(process.call("r1"), mail(0, 0));
        assert_eq!(process.call("r2"), Word::Count);
        assert_eq!(process.call_in("ASIATWO", "r3"), mail(0, 0));
        assert_eq!(process.call_in("ASIATWO", "r4"), Word::Count);
    }

    #[test]
    fn a_call_that_is_always_mailed_gives_the_numbers_and_opens_nothing() {
        let mut process = Process::default();
        assert_eq!(process.call("r1"), mail(0, 0));
        assert_eq!(process.call("r2"), Word::Count);
        let raw = json!({"eventName": "CreateAccessKey", "eventSource": "iam.amazonaws.com", "eventID": "k1",
            "userIdentity": {"type": "Root", "accessKeyId": "ASIAONE"}});
        let finding = Finding::RootCall { effect: Effect::Credentials(None), attempt: Attempt::Succeeded };
        assert_eq!(process.word_on(&event::parse(&raw).unwrap(), &finding), mail(1, 0));
        assert_eq!(process.call("w1"), mail(0, 0));
        assert_eq!(process.call("r3"), Word::Count);
    }

    #[test]
    fn what_comes_twice_is_counted_once() {
        let mut process = Process::default();
        assert_eq!(process.call("r1"), mail(0, 0));
        assert_eq!(process.call("r2"), Word::Count);
        assert_eq!(process.call("r2"), Word::Counted);
        // The runtime sees that it is told.
        assert_eq!(process.call("r1"), mail(0, 0));
        process.second = 700;
        assert_eq!(process.call("r2"), Word::Counted);
        assert_eq!(process.call("r3"), mail(1, 0));
        assert_eq!(process.call("r1"), mail(0, 0));
    }

    #[test]
    fn a_mail_that_was_not_taken_opens_no_window_and_loses_no_number() {
        let mut process = Process { sns_fails: true, ..Process::default() };
        assert_eq!(process.call("r1"), mail(0, 0));
        assert_eq!(process.call("r1"), mail(0, 0));
        // Another call of the session is mailed in its place; the retry is one of those that are counted then.
        process.sns_fails = false;
        assert_eq!(process.call("r2"), mail(0, 0));
        assert_eq!(process.call("r1"), Word::Count);
        process.second = 700;
        process.sns_fails = true;
        assert_eq!(process.call("r3"), mail(1, 0));
        process.sns_fails = false;
        process.second = 900;
        assert_eq!(process.call("r3"), mail(1, 0));
        // The window begins with the mail that was taken.
        process.second = 1_499;
        assert_eq!(process.call("r4"), Word::Count);
        process.second = 1_500;
        assert_eq!(process.call("r5"), mail(1, 0));
    }

    #[test]
    fn without_an_id_it_is_always_mailed() {
        let raw =
            json!({"eventName": "X", "eventSource": "y", "userIdentity": {"type": "Root", "accessKeyId": "ASIAONE"}});
        let finding = Finding::RootCall { effect: Effect::Read, attempt: Attempt::Succeeded };
        let mut process = Process::default();
        assert_eq!(process.call("r1"), mail(0, 0));
        assert_eq!(process.word_on(&event::parse(&raw).unwrap(), &finding), mail(0, 0));
        assert_eq!(process.word_on(&event::parse(&raw).unwrap(), &finding), mail(0, 0));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_least_used_goes_first() {
        let mut process = Process::default();
        for number in 0..MOST_SESSIONS * 3 {
            process.call_in(&format!("ASIA{number}"), &format!("r{number}"));
            process.call_in("ASIAKEPT", &format!("r-kept-{number}"));
        }
        assert_eq!(process.sessions.sessions.lock().unwrap().len(), MOST_SESSIONS);
        for number in 0..MOST_COUNTED {
            process.call_in("ASIAKEPT", &format!("r-more-{number}"));
        }
        let counted: Vec<usize> =
            process.sessions.sessions.lock().unwrap().iter().map(|session| session.counted.len()).collect();
        assert_eq!(counted.iter().max(), Some(&MOST_COUNTED));
        process.second = 600;
        let all = u64::try_from(MOST_SESSIONS * 3 - 1 + MOST_COUNTED).unwrap();
        assert_eq!(process.call_in("ASIAKEPT", "r-last"), mail(all, 0));
    }
}
