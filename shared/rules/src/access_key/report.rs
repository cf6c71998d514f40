//! What came of a finding, for the mail.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Kind;
use super::by_hand;
use super::detect::{Change, Credential, RootCredential};
use super::plan::{Action, Status, plan};
use super::sessions::{AssumedRoles, LastUse, POLICY_NAME, written};
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, tries_again};
use crate::command::{is_account_id, is_credential_id};
use crate::event::Event;
use crate::language::{Language, Localized};
use crate::settings::{Mode, Rollout, Settings};
use crate::text::quote;

/// Said where AWS shows no use of an access key.
const USE_IS_SHOWN_LATE: &str =
    "AWS shows the use of a key late: that none is shown is no proof. Look again in an hour.";

/// What came of a user's credential.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// The account could not be read, and nothing was tried.
    NotRead {
        /// Why.
        problem: String,
    },
    /// It works, and was left so: the mode is `alert`, or the rollout `observe`.
    Withheld {
        /// Whose it was found to be, if not the event's user's.
        renamed_to: Option<String>,
        /// Whether it was used.
        last_use: LastUse,
    },
    /// There was nothing to do when snapback looked.
    Settled {
        /// What snapback found.
        found: Found,
        /// Whether snapback had shut it off itself, in an earlier try.
        is_ours: bool,
        /// Whose it was found to be, if not the event's user's.
        renamed_to: Option<String>,
        /// When snapback looked.
        now: DateTime<Utc>,
    },
    /// Something was done, or tried.
    Handled(Box<Handled>),
}

/// Why there was nothing to do about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there, and does not work.
    Inactive,
    /// It works again, after snapback had shut it off for this event: that has an event of its own.
    ActivatedSince,
    /// Nobody has it.
    Absent,
}

/// What was done about a credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Handled {
    /// Whose the credential was found to be, if not the event's user's: users can be renamed.
    pub renamed_to: Option<String>,
    /// What succeeded.
    pub carried_out: Vec<Action>,
    /// Calls that failed, in words.
    pub failures: Vec<String>,
    /// What it was when it was read again.
    pub seen: Seen,
    /// When the call that shut it off had returned.
    pub at: Option<DateTime<Utc>>,
    /// Whether an access key was used.
    pub last_use: LastUse,
    /// What became of temporary credentials got with it.
    pub sessions: Sessions,
    /// Names that the policy against them was put on, and that turned out not to be the user's by then.
    pub strays: BTreeSet<String>,
    /// The roles that were assumed with it; `None` if there was no reason to look.
    pub roles: Option<AssumedRoles>,
    /// When all that was done, for commands that a person may run.
    pub now: DateTime<Utc>,
}

/// What was seen of a credential in the end.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// It is gone.
    Absent,
    /// It is there.
    There(Status),
    /// Nothing: it could not be read; why.
    NotRead(String),
}

/// What became of the temporary credentials of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Nothing: as far as is known, there are none.
    LeftAlone,
    /// A policy that denies everything to those issued before this time was put on.
    Denied(DateTime<Utc>),
    /// There is no user of that name any more, nor any user with the key.
    UserGone,
    /// They could not be denied.
    NotDenied,
}

impl Handled {
    /// How it stands, and what went wrong if it has to be tried again: because something may still be open, or because something that
    /// was to be done is not. Only what was seen shut off counts.
    pub fn standing(&self, credential: &Credential, mode: Mode) -> (Outcome, Option<String>) {
        let is_closed_by_us = self.carried_out.iter().any(|action| *action != Action::RevokeSessions);
        let shut = if is_closed_by_us { Outcome::Contained } else { Outcome::Alert };
        let (outcome, cause) = match &self.seen {
            Seen::NotRead(problem) => (Outcome::Failed, format!("it could not be read again: {problem}")),
            Seen::There(Status::Active) => (Outcome::Failed, "it was active when it was read again".to_owned()),
            _ if self.sessions == Sessions::NotDenied => {
                (Outcome::Failed, "the user's sessions could not be revoked".to_owned())
            }
            // What is deleted can't be asked about any more.
            Seen::There(Status::Inactive) if matches!(self.last_use, LastUse::Unknown(_)) => {
                (shut, "whether it was used is not known".to_owned())
            }
            Seen::There(Status::Inactive) if plan(credential, mode).contains(&Action::Delete) => {
                (shut, "it is inactive, and was to be deleted".to_owned())
            }
            _ if is_closed_by_us && mode != Mode::Quarantine => return (Outcome::Reverted, None),
            _ => return (shut, None),
        };
        (outcome, Some(self.failures.iter().cloned().chain([cause]).collect::<Vec<_>>().join("; ")))
    }
}

/// Puts together what a person is told of a credential of the root user: there is nothing that snapback can do.
pub fn of_root(event: &Event, credential: &RootCredential, language: Language) -> Report {
    let (kind, adjective) = (credential.kind.words(), credential.change.adjective());
    let mut report = Report::new(language, Outcome::Alert, format!("{adjective} {kind} of the root user"));
    report.severity = Some(Severity::Critical);
    let verb = verb(credential.change);
    let (what, find) = match &credential.id {
        Some(id) => {
            (format!("{kind} {}", quote(id)), format!("Find {kind} {}. Deactivate it, then delete it.", quote(id)))
        }
        None => (
            format!("a {kind}, whose id is not in the event,"),
            format!("Find the {kind} of the time below. Deactivate it, then delete it."),
        ),
    };
    report.happened = vec![
        format!("{} {verb} {what} of the root user.", quote(&event.name)),
        "Whoever holds it can do everything in the account, and no policy in the account stops them.".to_owned(),
    ];
    report.done.push(
        "Nothing: no role can take back a credential of the root user. The root user can, or the organization's management account."
            .to_owned(),
    );
    let (noun, option) = by_hand::command(credential.kind);
    let named = credential.id.as_deref().filter(|id| is_credential_id(id));
    let named = named.map_or_else(|| format!("{option} THE-ID"), |id| format!("{option} {id}"));
    report.left = vec![
        "Remove it now, also if it was made on purpose: nothing needs credentials of the root user.".to_owned(),
        "As the root user:".to_owned(),
        "  1. Sign in to the console as the root user.".to_owned(),
        "  2. Open the account menu at the top right, then Security credentials.".to_owned(),
        format!("  3. {find}"),
        "Or from the organization's management account, where central root access is enabled in IAM:".to_owned(),
    ];
    let account = event.account.as_deref().filter(|account| is_account_id(account)).unwrap_or("THE-ACCOUNT-ID");
    report.left.extend([
        format!("  aws sts assume-root --region us-west-2 --target-principal {account} \\"),
        "    --task-policy-arn arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials".to_owned(),
        "  and then, with what this answers in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN:".to_owned(),
        format!("  aws iam delete-{noun} {named}"),
        "If it was not you: change the root user's password and MFA, check the account's email address, and open a case with AWS Support."
            .to_owned(),
    ]);
    report.left.extend(by_hand::look_at_use(credential.kind, credential.id.as_deref()));
    report.to_allow.push("No setting allows this.".to_owned());
    report
}

/// Puts together what a person is told of a user's credential.
pub fn of_user(
    event: &Event,
    credential: &Credential,
    settings: &Settings,
    course: &Course,
    steps: Vec<Step>,
) -> Report {
    let Credential { kind, change, user, .. } = credential;
    let mode = settings.access_key_mode;
    let short = format!("{} {} of {user}", change.adjective(), kind.words());
    let mut report = Report::new(settings.alert_language, Outcome::Alert, short.clone());
    report.steps = steps;
    report.happened = happened(event, credential);
    report
        .to_allow
        .push(allow_actor(event, report.language).unwrap_or_else(|| "No setting allows just this.".to_owned()));
    let words = kind.words();
    match course {
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("may work: {short}");
            report.problem =
                Some(Localized::verbatim(format!("The account could not be read, so nothing was changed: {problem}")));
            report.done.push("Nothing: the account could not be read.".to_owned());
            report.left.push(format!("Look at the {words} now, and take it back by hand:"));
            report.left.extend(by_hand::take_back(credential, user, mode));
            report.left.push(tries_again(report.language));
        }
        Course::Withheld { renamed_to, last_use } => {
            let user = say_renamed(&mut report, credential, renamed_to.as_ref());
            if last_use.is_since(event, *change) {
                report.headline = format!("already used: {short}");
            }
            let setting = if settings.rollout == Rollout::Observe {
                report.headline = format!("would have reverted: {}", report.headline);
                "Rollout is `observe`. With `enforce`"
            } else {
                "AccessKeyMode is `alert`. With `revert`"
            };
            report.done.push(format!("Nothing was changed, because {setting} it would have:"));
            report.actions = plan(credential, mode).iter().map(|action| would(*action, credential)).collect();
            report.done.extend(report.actions.iter().map(|action| format!("  - {action}")));
            report.happened.extend(used(last_use, event, *change));
            report.left.push("It still works. Take it back, or allow it:".to_owned());
            report.left.extend(by_hand::take_back(credential, user, mode));
            report.left.extend(by_hand::look_at_use(*kind, Some(&credential.id)));
        }
        Course::Settled { found, is_ours, renamed_to, now } => {
            let user = say_renamed(&mut report, credential, renamed_to.as_ref());
            let state = match found {
                Found::Inactive => "inactive",
                Found::ActivatedSince => "active again",
                Found::Absent => "gone",
            };
            report.headline = format!("already {state}: {short}");
            report.done.push(match (found, is_ours) {
                (Found::ActivatedSince, _) => format!(
                    "Nothing was changed: an earlier try of snapback's shut the {words} off, and it was activated since."
                ),
                (_, true) => {
                    format!("Nothing more: an earlier try of snapback's shut the {words} off. It is {state}.")
                }
                (Found::Inactive, false) => {
                    format!("Nothing was changed: the {words} was inactive already when snapback looked.")
                }
                (Found::Absent, false) => {
                    format!("Nothing was changed: no user had the {words} any more when snapback looked.")
                }
            });
            match found {
                Found::Inactive => {
                    report.left.push("If nobody needs it, delete it:".to_owned());
                    report.left.push(by_hand::delete(credential, user));
                }
                Found::ActivatedSince => report.left.push(
                    "Look at that activation, which is an event of its own: it has a mail, unless a trusted actor did it."
                        .to_owned(),
                ),
                Found::Absent => {}
            }
            report.left.push("See whether it was used: it worked from the change until it was taken back.".to_owned());
            if *kind == Kind::AccessKey {
                report.left.push(USE_IS_SHOWN_LATE.to_owned());
            }
            report.left.extend(by_hand::look_at_use(*kind, Some(&credential.id)));
            if *kind == Kind::AccessKey {
                report.left.push("If it was used, and the user is still there, end what was got with it:".to_owned());
                report.left.push(by_hand::end_sessions(user, *now));
            }
        }
        Course::Handled(handled) => say_handled(&mut report, event, credential, mode, handled),
    }
    report
}

/// Says it if the user has another name than in the event; gives the name.
fn say_renamed<'a>(report: &mut Report, credential: &'a Credential, renamed_to: Option<&'a String>) -> &'a str {
    let Some(user) = renamed_to else { return &credential.user };
    report.happened.push(format!("The user was renamed meanwhile, to {}.", quote(user)));
    user
}

fn say_handled(report: &mut Report, event: &Event, credential: &Credential, mode: Mode, handled: &Handled) {
    let words = credential.kind.words();
    let short = report.headline.clone();
    let user = say_renamed(report, credential, handled.renamed_to.as_ref());
    let (outcome, problem) = handled.standing(credential, mode);
    (report.outcome, report.problem) = (outcome, problem.map(Localized::verbatim));
    report.actions = plan(credential, mode).iter().map(|action| would(*action, credential)).collect();
    report.happened.extend(used(&handled.last_use, event, credential.change));

    report.done.extend(handled.carried_out.iter().filter_map(|action| past(*action, words)));
    if report.problem.is_none() {
        report.done.extend(handled.failures.iter().map(|failure| format!("This failed: {}", quote(failure))));
    }
    let is_inactive = handled.seen == Seen::There(Status::Inactive);
    let is_shut = is_inactive || handled.seen == Seen::Absent;
    let was_inactive = report.outcome == Outcome::Alert && is_inactive && handled.failures.is_empty();
    report.done.push(match &handled.seen {
        _ if was_inactive => format!("The {words} was inactive already when snapback looked."),
        Seen::Absent => "It was read again afterwards: it is gone.".to_owned(),
        Seen::There(Status::Inactive) => "It was read again afterwards: it is inactive.".to_owned(),
        Seen::There(Status::Active) => "It was read again afterwards: it is ACTIVE.".to_owned(),
        Seen::NotRead(_) => "It could not be read again, so whether it works is not known.".to_owned(),
    });
    if let Sessions::Denied(time) = handled.sessions {
        report
            .done
            .push(format!("Put the inline policy {POLICY_NAME} on user {}. It denies everything to", quote(user)));
        report.done.push(format!(
            "the user's temporary credentials issued before {}, console sessions too. Other access keys work on.",
            written(time)
        ));
    }

    match report.outcome {
        Outcome::Failed if is_shut => report.headline = format!("sessions live on: {short}"),
        Outcome::Failed => {
            report.headline = format!("may work: {short}");
            report.left.push(format!("Take the {words} back by hand now:"));
            report.left.extend(by_hand::take_back(credential, user, mode));
        }
        Outcome::Alert if was_inactive => report.headline = format!("already inactive: {short}"),
        Outcome::Alert => {
            report.headline = format!("closed: {short}");
            report
                .done
                .push("It is shut off all the same, by a call that ended in an error or by somebody else.".to_owned());
        }
        Outcome::Reverted | Outcome::Contained => {
            if handled.last_use.is_since(event, credential.change) {
                report.headline = format!("already used: {short}");
            }
        }
    }
    if is_shut {
        report.closed_at = handled.at;
    }
    if handled.sessions == Sessions::NotDenied {
        report.left.push("Temporary credentials that were got with the key work on. End them now:".to_owned());
        report.left.push(by_hand::end_sessions(user, handled.now));
    }
    if is_inactive {
        if credential.change == Change::Activated {
            report.left.push(format!(
                "The {words} is inactive; the event does not say what it was before. If it is needed, a trusted actor can switch it on:"
            ));
            report.left.push(by_hand::activate(credential, user));
        }
        report.left.push(match credential.change {
            Change::Made => format!("The {words} is inactive, and still there. Delete it:"),
            Change::Activated => "If nobody needs it, delete it:".to_owned(),
            Change::Reset => format!("The {words} is inactive, with its new secret. If nobody needs it, delete it:"),
        });
        report.left.push(by_hand::delete(credential, user));
    }
    if is_shut && report.problem.is_none() && !handled.failures.is_empty() {
        report.left.push("Find out why a call of snapback's failed: the next time it may matter.".to_owned());
    }
    if credential.kind == Kind::AccessKey {
        say_use(report, credential, user, handled);
    }
    if report.problem.is_some() {
        report.left.push(tries_again(report.language));
    }
}

/// What there is to do about what an access key was used for.
fn say_use(report: &mut Report, credential: &Credential, user: &str, handled: &Handled) {
    if let Some(roles) = &handled.roles {
        say_roles(report, roles, handled.now);
    }
    if handled.last_use == LastUse::NoneShown {
        report.left.push(USE_IS_SHOWN_LATE.to_owned());
    }
    report.left.extend(by_hand::look_at_use(credential.kind, Some(&credential.id)));
    match handled.sessions {
        Sessions::Denied(_) => {
            report.left.push(format!(
                "In 36 hours, when the temporary credentials have ended, take {POLICY_NAME} off the user:"
            ));
            report.left.push(by_hand::allow_sessions(user));
        }
        Sessions::LeftAlone if handled.seen != Seen::There(Status::Active) => {
            let since = if credential.change == Change::Made { "" } else { " since the change" };
            report.left.push(format!(
                "If it turns out to have been used{since}, end the temporary credentials that were got with it:"
            ));
            report.left.push(by_hand::end_sessions(user, handled.now));
        }
        Sessions::UserGone => {
            report.left.push(format!(
                "There is no user {} any more. If it was not deleted but renamed, its temporary credentials work on. End them:",
                quote(user)
            ));
            report.left.push(by_hand::end_sessions("THE-NEW-NAME", handled.now));
        }
        Sessions::LeftAlone | Sessions::NotDenied => {}
    }
    for stray in &handled.strays {
        report.left.push(format!(
            "{POLICY_NAME} was put on user {} too, a name that the key's user had just lost. If somebody else has it, take it off:",
            quote(stray)
        ));
        report.left.push(by_hand::allow_sessions(stray));
    }
}

fn say_roles(report: &mut Report, roles: &AssumedRoles, now: DateTime<Utc>) {
    let regions: Vec<String> = roles.regions.iter().map(|region| quote(region)).collect();
    if !regions.is_empty() {
        let found = if roles.arns.is_empty() { "no role" } else { "these roles" };
        report.left.push(format!(
            "In {}, CloudTrail shows {found} assumed so far with the key or a session got by it. There may be more:",
            regions.join(" and ")
        ));
        report
            .left
            .push("events appear there minutes late, and each region shows only its own. Look again later.".to_owned());
    }
    for arn in &roles.arns {
        report
            .left
            .push(format!("Sessions of {} got with the key work on. End them, in the role's account:", quote(arn)));
        report.left.push(by_hand::end_role_sessions(arn, now));
    }
    report
        .left
        .extend(roles.problems.iter().map(|problem| format!("Not all assumed roles may be known: {}", quote(problem))));
}

fn happened(event: &Event, credential: &Credential) -> Vec<String> {
    let Credential { kind, id, user, change, service } = credential;
    let service = service.as_deref().map_or_else(String::new, |service| format!(", for {}", quote(service)));
    let verb = verb(*change);
    vec![format!("{} {verb} {} {} of user {}{service}.", quote(&event.name), kind.words(), quote(id), quote(user))]
}

fn verb(change: Change) -> &'static str {
    match change {
        Change::Made => "made",
        Change::Activated => "activated",
        Change::Reset => "gave a new secret to",
    }
}

/// Whether an access key was used.
fn used(last_use: &LastUse, event: &Event, change: Change) -> Option<String> {
    match last_use {
        LastUse::NotAsked => None,
        LastUse::Unknown(problem) => Some(format!("Whether the key was used is not known: {}", quote(problem))),
        LastUse::NoneShown => Some(
            "AWS shows no use of the key so far. It records use with a delay, so it may have been used.".to_owned(),
        ),
        LastUse::Shown(last) => {
            let word = if last_use.is_since(event, change) { "WAS ALREADY USED" } else { "was used before the change" };
            Some(format!(
                "The key {word}: AWS shows its last use, for {} in {} at {}.",
                quote(&last.service),
                quote(&last.region),
                written(last.at)
            ))
        }
    }
}

/// What is to be done, in a few words.
fn would(action: Action, credential: &Credential) -> String {
    let (words, id) = (credential.kind.words(), quote(&credential.id));
    match action {
        Action::Deactivate => format!("deactivate {words} {id} of {}", quote(&credential.user)),
        Action::RevokeSessions => {
            format!(
                "if it was used, deny everything to temporary credentials of {} issued so far",
                quote(&credential.user)
            )
        }
        Action::Delete => format!("delete {words} {id} of {}", quote(&credential.user)),
    }
}

/// What was done, but for the sessions, which have a line of their own.
fn past(action: Action, words: &str) -> Option<String> {
    match action {
        Action::Deactivate => Some(format!("Set the {words} to Inactive.")),
        Action::Delete => Some(format!("Deleted the {words}.")),
        Action::RevokeSessions => None,
    }
}
