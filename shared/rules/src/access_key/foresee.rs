//! What would be done about a finding, going by the record alone.

use super::NAME;
use super::detect::{Finding, RootCredential};
use crate::event::Event;
use crate::foresee::{Foreseen, Word};
use crate::language::Language;
use crate::settings::Settings;

/// What the function would do about a finding.
pub fn foresee(finding: &Finding, event: &Event, settings: &Settings) -> Foreseen {
    match finding {
        Finding::OfUser(credential) => {
            let (adjective, kind) = (credential.change.adjective(), credential.kind.words(Language::English));
            let what = format!("{adjective} {kind} {} of user {}", credential.id, credential.user);
            let word = Word::by_mode("AccessKeyMode", settings.access_key_mode, settings);
            Foreseen::new(NAME, &credential.id, what, word)
        }
        Finding::OldKeys { id, .. } => {
            let rule = event.origin.config_rule().unwrap_or_default();
            let on = format!("which managed rule is behind `{rule}`, and on what keys the user has in the account");
            Foreseen::new(NAME, id, format!("AWS Config found IAM user {id} non-compliant"), Word::depends(on))
        }
        Finding::OfRoot(RootCredential { kind, id, change }) => {
            let id = id.as_deref().unwrap_or("root");
            let what = format!("{} {} {id} of the root user", change.adjective(), kind.words(Language::English));
            Foreseen::new(NAME, id, what, Word::told("no role can take back what is root's"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_key::Kind;
    use crate::access_key::detect::{Change, Credential};
    use crate::event::parse;
    use crate::foresee::Verdict;
    use serde_json::json;

    #[test]
    fn the_mode_decides_but_for_root() {
        let event = parse(&json!({"eventName": "CreateAccessKey", "eventSource": "iam.amazonaws.com"})).unwrap();
        let (id, user) = ("AKIA1".to_owned(), "eve".to_owned());
        let (kind, change, service) = (Kind::AccessKey, Change::Activated, None);
        let of_user = Finding::OfUser(Credential { kind, id, user, change, service });
        let of_root = Finding::OfRoot(RootCredential { kind, id: None, change: Change::Made });
        for (mode, rollout, verdict) in [
            ("revert", "enforce", Verdict::Revert),
            ("quarantine", "enforce", Verdict::Quarantine),
            ("alert", "enforce", Verdict::Alert),
            ("revert", "observe", Verdict::Alert),
            ("quarantine", "observe", Verdict::Alert),
        ] {
            let settings = Settings::from_variables(|name| match name {
                "ACCESS_KEY_MODE" => Some(mode.to_owned()),
                "ROLLOUT" => Some(rollout.to_owned()),
                _ => None,
            })
            .unwrap();
            let foreseen = foresee(&of_user, &event, &settings);
            assert_eq!(
                (foreseen.verdict, foreseen.what.as_str()),
                (verdict, "re-activated access key AKIA1 of user eve")
            );
            assert_eq!(foresee(&of_root, &event, &settings).verdict, Verdict::Alert);
        }
    }
}
