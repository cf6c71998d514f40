//! Tells of what the root user does, and of console sign-ins of IAM users without MFA.
//!
//! The rule is in `rules::root_activity`. Nothing of the account is read or changed here; what there is to do is to mail a session's
//! first call and to count the rest: [`sessions`].

pub mod sessions;

use rules::root_activity::detect::{self, Finding};
use rules::root_activity::report::report;
use rules::root_activity::{NAME, SUBSCRIPTIONS};
use rules::settings::Mode;
use rules::{Decision, Event, Settings, Subscription};
use runtime::{Guardrail, Invocation, Remedied};

use sessions::{Sessions, Word};

/// The guardrail, with what it remembers of root's sessions.
#[derive(Debug, Default)]
pub struct RootActivity {
    sessions: Sessions,
}

impl Guardrail for RootActivity {
    type Finding = Finding;

    fn name(&self) -> &'static str {
        NAME
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        SUBSCRIPTIONS
    }

    fn mode(&self, settings: &Settings) -> Mode {
        settings.root_activity_mode
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let is_told = |identity: &str| invocation.has_told(identity);
        match self.sessions.word_on(event, finding, invocation.now(), is_told) {
            Word::Mail(folded) => Remedied::Report(Box::new(report(event, finding, folded, invocation.settings.alert_language))),
            Word::Count => Remedied::Folded(
                "a call like this of the same session was mailed less than 10 minutes ago; the next mail gives the number".to_owned(),
            ),
            Word::Counted => Remedied::Nothing("this call was counted before".to_owned()),
        }
    }
}
