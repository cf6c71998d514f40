//! What a person is told of root and of sign-ins.

use super::detect::{AccessChange, Attempt, Effect, Finding};
use crate::alert::{Outcome, Report, Severity};
use crate::command::is_account_id;
use crate::event::Event;
use crate::language::Language;
use crate::text::quote;

/// Calls of one session that were counted and not mailed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Calls that only read.
    pub reads: u64,
    /// Calls that change something, or tried to.
    pub changes: u64,
}

const MFA_UNKNOWN: &str = "The event does not say whether MFA was used. Take it that it was not.";

/// For how long after a mail the alike calls of its session are only counted, in minutes.
pub const FOLDED_MINUTES: i64 = 10;

/// Puts together what a person is told. `folded` is what was counted of the session since its last mail.
pub fn report(event: &Event, finding: &Finding, folded: Folded, language: Language) -> Report {
    let mut report = Report::new(language, Outcome::Alert, headline(event, finding));
    report.severity = Some(severity(finding));
    report.happened = happened(event, finding);
    if folded != Folded::default() {
        report.happened.push(format!(
            "Since the last mail about this session it made {}, which {} counted and not mailed.",
            calls(folded),
            if folded.reads + folded.changes == 1 { "was" } else { "were" }
        ));
    }
    report.done.push(
        match finding {
            Finding::UserSignIn { .. } => "Nothing was changed: snapback only tells of sign-ins.",
            Finding::RootSignIn { attempt: Attempt::Failed(_), .. }
            | Finding::RootAccess { attempt: Attempt::Failed(_), .. }
            | Finding::RootCall { attempt: Attempt::Failed(_), .. } => {
                "Nothing: what was refused needs no taking back."
            }
            _ => "Nothing was changed: nobody in an account can take back what root does. snapback only tells.",
        }
        .to_owned(),
    );
    if let Some(alike) = finding.folds() {
        let failed = if alike.is_failed { "refused " } else { "" };
        let kind = if alike.is_change { "calls that change something" } else { "calls that only read" };
        report.done.push(format!(
            "For {FOLDED_MINUTES} minutes, more {failed}{kind} of this session are counted, not mailed."
        ));
        report.done.push("The next mail about the session says how many; CloudTrail has them all.".to_owned());
    }
    report.left = left(event, finding);
    report.to_allow = vec![
        "No setting allows just this.".to_owned(),
        "RootActivityMode `off` silences all about root and about sign-ins without MFA.".to_owned(),
    ];
    report
}

/// What is not known is told as what it may be: MFA that is not in the record as missing, an unknown result as a success.
fn severity(finding: &Finding) -> Severity {
    let is_failed = |attempt: &Attempt| matches!(attempt, Attempt::Failed(_));
    match finding {
        Finding::RootSignIn { attempt, .. } if is_failed(attempt) => Severity::Medium,
        // With MFA it takes a device as well, so it is most likely the owner, who may.
        Finding::RootSignIn { mfa: Some(true), .. } => Severity::Medium,
        // A stolen password looks like this, and nothing in the account limits root.
        Finding::RootSignIn { .. } => Severity::Critical,
        Finding::RootAccess { change: AccessChange::RecoveryRequested, attempt } if is_failed(attempt) => {
            Severity::Medium
        }
        // Anybody who knows the address can ask; it takes the mailbox to go on.
        Finding::RootAccess { change: AccessChange::RecoveryRequested, .. } => Severity::High,
        Finding::RootAccess { attempt, .. } if is_failed(attempt) => Severity::High,
        Finding::RootAccess { .. } => Severity::Critical,
        Finding::RootCall { effect: Effect::Read, .. } => Severity::Medium,
        Finding::RootCall { effect: Effect::Change, attempt } if is_failed(attempt) => Severity::Medium,
        Finding::RootCall { effect: Effect::Change, .. } => Severity::High,
        Finding::RootCall { attempt, .. } if is_failed(attempt) => Severity::High,
        Finding::RootCall { effect: Effect::Mfa(Some(_)) | Effect::Credentials(Some(_)), .. } => Severity::High,
        Finding::RootCall { .. } => Severity::Critical,
        Finding::UserSignIn { .. } => Severity::High,
    }
}

/// The subject after the severity. It is made ASCII and cut where the mail is put together.
fn headline(event: &Event, finding: &Finding) -> String {
    match finding {
        Finding::RootSignIn { attempt: Attempt::Failed(_), .. } => "root sign-in failed".to_owned(),
        Finding::RootSignIn { attempt: Attempt::Unknown(_), .. } => "root sign-in, result unknown".to_owned(),
        Finding::RootSignIn { attempt: Attempt::Succeeded, mfa } => format!("root signed in{}", with_mfa(*mfa)),
        Finding::RootAccess { change, attempt } => {
            let is_refused = matches!(attempt, Attempt::Failed(_));
            let what = match change {
                AccessChange::RecoveryRequested => "recovery of root's password requested",
                AccessChange::RecoveryCompleted if is_refused => "recovery of root's password",
                AccessChange::RecoveryCompleted => "root's password recovered",
                AccessChange::Password if is_refused => "change of root's password",
                AccessChange::Password => "root's password changed",
                AccessChange::Email if is_refused => "change of root's email address",
                AccessChange::Email => "root's email address changed",
            };
            format!("{what}{}", ended(attempt))
        }
        Finding::RootCall { effect, attempt } => {
            let call = format!("{} {}", service(event), event.name);
            let what = match effect {
                Effect::Read => format!("root read: {call}"),
                Effect::Change => format!("root called {call}"),
                Effect::Mfa(None) => format!("root's MFA changed: {call}"),
                Effect::Mfa(Some(_)) => format!("root changed a user's MFA: {call}"),
                Effect::Credentials(None) => format!("credentials for root: {call}"),
                Effect::Credentials(Some(_)) => format!("root changed a user's credentials: {call}"),
                Effect::Account => format!("account may leave or close: {call}"),
                Effect::Blinding => format!("root may blind the account: {call}"),
            };
            format!("{what}{}", ended(attempt))
        }
        Finding::UserSignIn { user, attempt, mfa } => {
            let user = if user.is_empty() { "an IAM user" } else { user };
            match attempt {
                Attempt::Succeeded => format!("{user} signed in{}", with_mfa(*mfa)),
                Attempt::Failed(_) | Attempt::Unknown(_) => format!("sign-in of {user}, result unknown"),
            }
        }
    }
}

fn with_mfa(mfa: Option<bool>) -> &'static str {
    match mfa {
        Some(true) => " with MFA",
        Some(false) => " without MFA",
        None => ", MFA unknown",
    }
}

fn ended(attempt: &Attempt) -> &'static str {
    match attempt {
        Attempt::Succeeded => "",
        Attempt::Failed(_) => ", refused",
        Attempt::Unknown(_) => ", result unknown",
    }
}

/// `iam` for `iam.amazonaws.com`.
fn service(event: &Event) -> &str {
    event.source.split('.').next().unwrap_or_default()
}

fn happened(event: &Event, finding: &Finding) -> Vec<String> {
    let mut lines = Vec::new();
    match finding {
        Finding::RootSignIn { attempt, mfa } => {
            let (did, with) = match attempt {
                Attempt::Succeeded => ("signed in to the console", *mfa),
                Attempt::Failed(_) => ("failed to sign in to the console", None),
                Attempt::Unknown(_) => ("may have signed in to the console", *mfa),
            };
            let with = if with.is_some() { with_mfa(with) } else { "" };
            lines.push(format!("The root user {did}{with}."));
            if mfa.is_none() && !matches!(attempt, Attempt::Failed(_)) {
                lines.push(MFA_UNKNOWN.to_owned());
            }
        }
        Finding::RootAccess { change, attempt } => {
            let done = *attempt == Attempt::Succeeded;
            lines.push(
                match change {
                    AccessChange::RecoveryRequested => {
                        "Somebody chose `Forgot password` for the root user. AWS mails a link to root's email address."
                    }
                    AccessChange::RecoveryCompleted if done => {
                        "Somebody used the link that AWS mailed to root's email address: root has a new password."
                    }
                    AccessChange::RecoveryCompleted => {
                        "Somebody used the link that AWS mailed to root's email address."
                    }
                    AccessChange::Password if done => "The password of the root user was changed.",
                    AccessChange::Password => "Somebody tried to change the password of the root user.",
                    AccessChange::Email if done => "The email address of the root user was changed.",
                    AccessChange::Email => "Somebody tried to change the email address of the root user.",
                }
                .to_owned(),
            );
        }
        Finding::RootCall { effect, .. } => {
            let (name, source) = (quote(&event.name), quote(&event.source));
            let reads = if *effect == Effect::Read { ", which only reads" } else { "" };
            lines.push(format!("The root user called {name} of {source}{reads}."));
            lines.extend(match effect {
                Effect::Read | Effect::Change => None,
                Effect::Mfa(None) => {
                    Some("It is about the MFA of the root user, or about a device that root can be given.".to_owned())
                }
                Effect::Mfa(Some(user)) => Some(format!("It is about the MFA of IAM user {}.", quote(user))),
                Effect::Credentials(None) => Some(
                    "It is about credentials of the root user, which go on working when the password is changed."
                        .to_owned(),
                ),
                Effect::Credentials(Some(user)) => {
                    Some(format!("It is about credentials of IAM user {}.", quote(user)))
                }
                Effect::Account => Some(
                    "With it, an account leaves its organization, is closed, or gets another owner's address."
                        .to_owned(),
                ),
                Effect::Blinding => Some(
                    "With it, recording or alerts can be switched off. This may be the last mail about the account."
                        .to_owned(),
                ),
            });
            if event.actor.invoked_by.as_deref() == Some("signin.amazonaws.com") {
                lines.push("It was made in the console.".to_owned());
            }
        }
        Finding::UserSignIn { user, attempt, mfa } => {
            let user = if user.is_empty() { "An IAM user".to_owned() } else { format!("IAM user {}", quote(user)) };
            let how = match mfa {
                Some(false) => " without MFA: the password alone is enough",
                _ => "",
            };
            let did = match attempt {
                Attempt::Succeeded => "signed in to the console",
                Attempt::Failed(_) | Attempt::Unknown(_) => "may have signed in to the console",
            };
            lines.push(format!("{user} {did}{how}."));
            if mfa.is_none() {
                lines.push(MFA_UNKNOWN.to_owned());
            }
        }
    }
    match finding {
        Finding::RootSignIn { attempt, .. }
        | Finding::RootAccess { attempt, .. }
        | Finding::RootCall { attempt, .. }
        | Finding::UserSignIn { attempt, .. } => match attempt {
            Attempt::Succeeded => {}
            Attempt::Failed(why) => lines.push(format!("AWS refused it: {}", quote(why))),
            Attempt::Unknown(written) if written.is_empty() => {
                lines.push("The event does not say how it ended. Take it that it was done.".to_owned());
            }
            Attempt::Unknown(written) => {
                lines.push(format!(
                    "How it ended is not clear: the event says `{}`. Take it that it was done.",
                    quote(written)
                ));
            }
        },
    }
    lines
}

fn calls(folded: Folded) -> String {
    let count = |number: u64, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {many}")),
    };
    let reads = count(folded.reads, "more call that only reads", "more calls that only read");
    let changes = count(folded.changes, "more call that changes something", "more calls that change something");
    reads.into_iter().chain(changes).collect::<Vec<_>>().join(" and ")
}

fn left(event: &Event, finding: &Finding) -> Vec<String> {
    if let Finding::UserSignIn { .. } = finding {
        return [
            "Ask the user whether it was them.",
            "If it was: have them add an MFA device (console, their name at the top right, Security credentials). Better, take the",
            "  console password away and let them sign in through IAM Identity Center.",
            "If it was not, or you can't reach them, do this now:",
            "  1. IAM, Users, the user, Security credentials: disable console access, and deactivate the access keys.",
            "  2. The same page, Permissions: add an inline policy that denies * on *. It also stops sessions that are open.",
            "  3. CloudTrail, Event history, User name: see what the user did since, and what it made that outlives the user.",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    let mut lines = vec!["If this was you, or somebody who told you:".to_owned()];
    lines.push(
        match finding {
            Finding::RootSignIn { attempt: Attempt::Failed(_), .. } => "  nothing else is to be done.",
            Finding::RootSignIn { mfa: Some(true), .. } => {
                "  nothing else is to be done. Next time use a role; few tasks need root."
            }
            Finding::RootSignIn { .. } => {
                "  give root an MFA device today (Security credentials). Next time use a role; few tasks need root."
            }
            Finding::RootAccess { .. } | Finding::RootCall { effect: Effect::Mfa(None), .. } => {
                "  check that root has an MFA device of yours. Nothing else is to be done."
            }
            Finding::RootCall { effect: Effect::Credentials(None), .. } => {
                "  delete what was made (Security credentials). Use a role instead: credentials of root can't be limited."
            }
            Finding::RootCall { effect: Effect::Blinding, .. } => {
                "  switch on again what was switched off, as long as snapback is to watch this account."
            }
            Finding::RootCall { .. } | Finding::UserSignIn { .. } => {
                "  nothing else is to be done. Next time use a role; few tasks need root."
            }
        }
        .to_owned(),
    );
    if let Finding::RootCall { .. } = finding {
        lines.push(
            "  (A task of your organization's central root access is recorded as root too, after an AssumeRoot in its management account.)"
                .to_owned(),
        );
    }
    if let Finding::RootSignIn { attempt: Attempt::Failed(_), .. }
    | Finding::RootAccess { change: AccessChange::RecoveryRequested, .. } = finding
    {
        lines.extend(
            [
                "If it was not, somebody who knows root's email address is trying to get in:",
                "  1. Change the password of that mailbox, and see that it has MFA and forwards nothing.",
                "  2. Sign in as root. See that MFA is on, and change the password if others may know it.",
                "  3. Watch for the next mails about root. One that says `signed in` or `recovered` means that they are in.",
            ]
            .map(str::to_owned),
        );
        return lines;
    }
    lines.push("If it was not, somebody else is root in this account. Do this now, in this order:".to_owned());
    if let Finding::RootAccess { .. } = finding {
        lines.push(
            "  0. Can't sign in any more? Use `Forgot password`, or https://support.aws.amazon.com/#/contacts/aws-account-support"
                .to_owned(),
        );
    }
    lines.extend(
        [
            "  1. Sign in as root. The account's name at the top right, Security credentials: change the password.",
            "  2. The same page: delete every access key and signing certificate of root, and every MFA device that is not",
            "     yours. Add one of yours.",
            "  3. The account's name, Account: see that email address, phone number and alternate contacts are yours. Change the",
            "     password of that mailbox too.",
            "  4. Sessions that are open live on. An account in an organization: from the management account, attach a service",
            "     control policy that denies * on * where aws:PrincipalArn is like arn:*:iam::*:root. Otherwise ask AWS Support.",
        ]
        .map(str::to_owned),
    );
    lines.push(match finding {
        Finding::RootCall { effect: Effect::Change, attempt: Attempt::Succeeded | Attempt::Unknown(_) } => {
            "  5. CloudTrail, Event history, User name root: take back what this call and others changed, first of all new users,"
                .to_owned()
        }
        Finding::RootCall { effect: Effect::Blinding, .. } => {
            "  5. Switch recording and alerts on again. CloudTrail, Event history, User name root: take back new users,".to_owned()
        }
        _ => "  5. CloudTrail, Event history, User name root: see what it did, and take back what it made: new users,".to_owned(),
    });
    lines.push("     roles that trust strangers, access keys, trails that were stopped.".to_owned());
    lines.push(
        "  6. Tell AWS Support that the account was taken over (Support Center, Account and billing).".to_owned(),
    );
    lines.push("From the organization, without root's password, where root access is managed centrally:".to_owned());
    lines.push(
        "  management account, IAM, Root access management, the account: delete root user credentials. Or:".to_owned(),
    );
    lines.push(format!(
        "  aws sts assume-root --region us-west-2 --target-principal {} --task-policy-arn \
         arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials",
        account(event)
    ));
    lines.push(
        "  gives credentials with which delete-login-profile, delete-access-key and deactivate-mfa-device of aws iam work on root."
            .to_owned(),
    );
    lines
}

/// The account's id for a command: only if it is one.
fn account(event: &Event) -> &str {
    event.account.as_deref().filter(|id| is_account_id(id)).unwrap_or("ACCOUNT_ID")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use serde_json::json;

    #[test]
    fn a_command_holds_an_account_id_or_a_word_for_it() {
        let account_of = |id: &str| {
            let event = parse(&json!({"eventName": "X", "eventSource": "y", "recipientAccountId": id})).unwrap();
            account(&event).to_owned()
        };
        assert_eq!(account_of("123456789012"), "123456789012");
        for odd in ["12345678901", "1234567890123", "12345678901;", "$(reboot)…", ""] {
            assert_eq!(account_of(odd), "ACCOUNT_ID", "{odd}");
        }
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(calls(Folded { reads: 1, changes: 0 }), "1 more call that only reads");
        assert_eq!(
            calls(Folded { reads: 12, changes: 3 }),
            "12 more calls that only read and 3 more calls that change something"
        );
    }

    #[test]
    fn what_is_not_known_is_as_bad_as_it_may_be() {
        let sign_in = |attempt: Attempt, mfa| severity(&Finding::RootSignIn { attempt, mfa });
        let unknown = || Attempt::Unknown(String::new());
        assert_eq!(sign_in(Attempt::Succeeded, Some(true)), Severity::Medium);
        assert_eq!(sign_in(Attempt::Succeeded, Some(false)), Severity::Critical);
        assert_eq!(sign_in(Attempt::Succeeded, None), Severity::Critical);
        assert_eq!(sign_in(unknown(), None), Severity::Critical);
        assert_eq!(sign_in(unknown(), Some(true)), Severity::Medium);
        assert_eq!(sign_in(Attempt::Failed(String::new()), Some(false)), Severity::Medium);
    }
}
