//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::Kind;
use super::detect::{Change, Credential, Finding, RootCredential};
use super::plan::{Action, Status, plan};
use super::sessions::{AssumedRoles, LastUse, POLICY_NAME, Use, denies_older_sessions, written};
use crate::alert::{Outcome, Report, Severity, Step, TRIES_AGAIN, allow_actor};
use crate::event::Event;
use crate::settings::{Mode, Rollout, Settings};
use crate::text::quote;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// It is the root user's: there is nothing that snapback can do.
    Root,
    /// The account could not be read, and nothing was tried.
    NotRead {
        /// Why.
        problem: String,
    },
    /// It works, and was left so: the mode is `alert`, or the rollout `observe`.
    Withheld {
        /// Whether it was used.
        last_use: LastUse,
    },
    /// It didn't work any more when snapback looked.
    Gone {
        /// Whether it is still there, inactive.
        is_there: bool,
    },
    /// Something was done, or tried.
    Handled(Box<Handled>),
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
    /// Those issued before this time are denied everything.
    Denied(DateTime<Utc>),
    /// The user is gone, and so are they.
    UserGone,
    /// They could not be denied.
    NotDenied,
}

impl Handled {
    /// How it stands. Only what was seen shut off counts.
    fn outcome(&self, credential: &Credential, mode: Mode) -> Outcome {
        let deletes = plan(credential, mode).contains(&Action::Delete);
        let closed_by_us = self.carried_out.iter().any(|action| *action != Action::RevokeSessions);
        match self.seen {
            Seen::NotRead(_) | Seen::There(Status::Active) => Outcome::Failed,
            _ if self.sessions == Sessions::NotDenied => Outcome::Failed,
            Seen::Absent | Seen::There(Status::Inactive) if !closed_by_us => Outcome::Alert,
            Seen::There(Status::Inactive) if deletes => Outcome::Contained,
            _ if mode == Mode::Quarantine || self.is_use_unknown() => Outcome::Contained,
            Seen::Absent | Seen::There(Status::Inactive) => Outcome::Reverted,
        }
    }

    /// Whether AWS should have told if the key was used, and did not. What is deleted can't be asked about any more.
    fn is_use_unknown(&self) -> bool {
        matches!(self.last_use, LastUse::Unknown(_)) && self.seen == Seen::There(Status::Inactive)
    }

    /// What went wrong, if it has to be tried again: something may still be open, or something that was to be done is not.
    fn problem(&self, credential: &Credential, mode: Mode) -> Option<String> {
        let cause = match &self.seen {
            Seen::NotRead(problem) => format!("it could not be read again: {problem}"),
            Seen::There(Status::Active) => "it was active when it was read again".to_owned(),
            _ if self.sessions == Sessions::NotDenied => "the user's sessions could not be revoked".to_owned(),
            _ if self.is_use_unknown() => "whether it was used is not known".to_owned(),
            Seen::There(Status::Inactive) if plan(credential, mode).contains(&Action::Delete) => {
                "it is inactive, and was to be deleted".to_owned()
            }
            Seen::Absent | Seen::There(Status::Inactive) => return None,
        };
        Some(self.failures.iter().cloned().chain([cause]).collect::<Vec<_>>().join("; "))
    }
}

/// Puts together what a person is told.
pub fn report(event: &Event, finding: &Finding, settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let mut report = match finding {
        Finding::OfRoot(credential) => of_root(event, credential),
        Finding::OfUser(credential) => of_user(event, credential, settings, course),
    };
    report.steps = steps;
    report
}

fn of_root(event: &Event, credential: &RootCredential) -> Report {
    let (kind, adjective) = (credential.kind.words(), credential.change.adjective());
    let mut report = Report::new(Outcome::Alert, format!("{adjective} {kind} of the root user"));
    report.severity = Some(Severity::Critical);
    let id = credential.id.as_deref().map_or_else(|| "of an id that is not in the event".to_owned(), quote);
    report.happened = vec![
        format!("{} {} {kind} {id} of the root user.", quote(&event.name), verb(credential.change)),
        "Whoever holds it can do everything in the account, and no policy in the account stops them.".to_owned(),
    ];
    report.done.push(
        "Nothing: no role can take back a credential of the root user. Only the root user can, or the".to_owned(),
    );
    report.done.push("organization's management account.".to_owned());
    let option = credential.kind.command().1;
    let named = credential.id.as_deref().filter(|id| is_id(id));
    let named = named.map_or_else(|| format!("{option} THE-ID"), |id| format!("{option} {id}"));
    let noun = credential.kind.command().0;
    report.left = vec![
        "Remove it now, also if it was made on purpose: nothing needs credentials of the root user.".to_owned(),
        "As the root user:".to_owned(),
        "  1. Sign in to the console as the root user.".to_owned(),
        "  2. Open the account menu at the top right, then Security credentials.".to_owned(),
        format!("  3. Find {id}. Deactivate it, then delete it."),
        "Or from the organization's management account, where central root access is enabled in IAM:".to_owned(),
    ];
    let account = event.account.as_deref().filter(|account| is_account(account)).unwrap_or("THE-ACCOUNT-ID");
    report.left.extend([
        format!("  aws sts assume-root --region us-east-1 --target-principal {account} \\"),
        "    --task-policy-arn arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials".to_owned(),
        "  and then, with the credentials that this answers in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and".to_owned(),
        "  AWS_SESSION_TOKEN:".to_owned(),
        format!("  aws iam delete-{noun} {named}"),
        "If it was not you: change the root user's password and MFA, check the account's email address, and".to_owned(),
        "open a case with AWS Support.".to_owned(),
    ]);
    report.left.extend(look_at_use(credential.kind, credential.id.as_deref()));
    report.to_allow.push("No setting allows this.".to_owned());
    report
}

fn of_user(event: &Event, credential: &Credential, settings: &Settings, course: &Course) -> Report {
    let Credential { kind, change, user, .. } = credential;
    let mode = settings.access_key_mode;
    let short = format!("{} {} of {user}", change.adjective(), kind.words());
    let mut report = Report::new(Outcome::Alert, short.clone());
    report.happened = happened(event, credential);
    report.to_allow.push(allow_actor(event).unwrap_or_else(|| "No setting allows just this.".to_owned()));
    let words = kind.words();
    match course {
        Course::Root => {}
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("may work: {short}");
            report.problem = Some(format!("The account could not be read, so nothing was changed: {problem}"));
            report.done.push("Nothing: the account could not be read.".to_owned());
            report.left.push(format!("Look at the {words} now, and take it back by hand:"));
            report.left.extend(ByHand::new(credential, user).all(credential, mode));
            report.left.push(TRIES_AGAIN.to_owned());
        }
        Course::Withheld { last_use } => {
            let setting = if settings.rollout == Rollout::Observe {
                report.headline = format!("would have reverted: {short}");
                "Rollout is `observe`. With `enforce`"
            } else {
                "AccessKeyMode is `alert`. With `revert`"
            };
            report.done.push(format!("Nothing was changed, because {setting} it would have:"));
            let planned = plan(credential, mode);
            report.done.extend(planned.iter().map(|action| format!("  - {}", would(*action, credential))));
            report.actions = planned.iter().map(|action| would(*action, credential)).collect();
            report.happened.extend(used(last_use, event));
            report.left.push("It still works. Take it back, or allow it:".to_owned());
            report.left.extend(ByHand::new(credential, user).all(credential, mode));
            report.left.extend(look_at_use(*kind, Some(&credential.id)));
        }
        Course::Gone { is_there } => {
            let (headline, line) = if *is_there {
                (
                    "already inactive",
                    format!("Nothing was changed: the {words} was inactive already when snapback looked."),
                )
            } else {
                ("already gone", format!("Nothing was changed: the {words} was gone already when snapback looked,"))
            };
            report.headline = format!("{headline}: {short}");
            report.done.push(line);
            if *is_there {
                report.left.push("If nobody needs it, delete it:".to_owned());
                report.left.push(ByHand::new(credential, user).delete);
            } else {
                report.done.push("or its user was.".to_owned());
            }
            report.left.push("See whether it was used: it worked from the change until it was taken back.".to_owned());
            report.left.extend(look_at_use(*kind, Some(&credential.id)));
        }
        Course::Handled(handled) => {
            say_handled(&mut report, event, credential, mode, handled);
        }
    }
    report
}

fn say_handled(report: &mut Report, event: &Event, credential: &Credential, mode: Mode, handled: &Handled) {
    let Credential { kind, .. } = credential;
    let words = kind.words();
    let user = handled.renamed_to.as_ref().unwrap_or(&credential.user);
    let short = report.headline.clone();
    report.outcome = handled.outcome(credential, mode);
    let is_inactive = handled.seen == Seen::There(Status::Inactive);
    let was_inactive = report.outcome == Outcome::Alert && is_inactive && handled.failures.is_empty();
    report.problem = handled.problem(credential, mode);
    report.actions = plan(credential, mode).iter().map(|action| would(*action, credential)).collect();
    if handled.renamed_to.is_some() {
        report.happened.push(format!("The user is named {} now.", quote(user)));
    }
    report.happened.extend(used(&handled.last_use, event));
    report.done.extend(handled.carried_out.iter().filter_map(|action| past(*action, words)));
    report.done.extend(handled.failures.iter().map(|failure| format!("This failed: {}", quote(failure))));
    match &handled.seen {
        _ if was_inactive => {}
        Seen::Absent => report.done.push("It was read again afterwards: it is gone.".to_owned()),
        Seen::There(Status::Inactive) => report.done.push("It was read again afterwards: it is inactive.".to_owned()),
        Seen::There(Status::Active) => report.done.push("It was read again afterwards: it is ACTIVE.".to_owned()),
        Seen::NotRead(_) => {
            report.done.push("It could not be read again, so whether it works is not known.".to_owned())
        }
    }
    if let Sessions::Denied(time) = handled.sessions {
        report.done.push(format!(
            "Put the inline policy {POLICY_NAME} on user {}. It denies everything to the user's",
            quote(user)
        ));
        report.done.push(format!(
            "temporary credentials issued before {}, console sessions too. Other access keys of the user work on.",
            written(time)
        ));
    }
    let is_shut = matches!(handled.seen, Seen::Absent | Seen::There(Status::Inactive));
    match report.outcome {
        Outcome::Failed if is_shut => report.headline = format!("sessions live on: {short}"),
        Outcome::Failed => {
            report.headline = format!("may work: {short}");
            report.left.push(format!("Take the {words} back by hand now:"));
            report.left.extend(ByHand::new(credential, user).all(credential, mode));
        }
        Outcome::Alert => {
            report.headline = format!("{}: {short}", if was_inactive { "already inactive" } else { "closed" });
            report.done.push(if was_inactive {
                format!("The {words} was inactive already when snapback looked.")
            } else {
                "It is shut off all the same, by a call that ended in an error or by somebody else.".to_owned()
            });
        }
        Outcome::Reverted | Outcome::Contained => {
            if matches!(&handled.last_use, LastUse::Shown(last) if !is_before(last, event)) {
                report.headline = format!("already used: {short}");
            }
        }
    }
    if is_shut && report.outcome != Outcome::Alert {
        report.closed_at = handled.at;
    }
    if let Seen::There(Status::Inactive) = handled.seen {
        report.left.push(match credential.change {
            Change::Made => format!("The {words} is inactive, and still there. Delete it:"),
            Change::Activated => {
                format!("The {words} is inactive, as before the change. If nobody needs it, delete it:")
            }
            Change::Reset => format!("The {words} is inactive, with its new secret. If nobody needs it, delete it:"),
        });
        report.left.push(ByHand::new(credential, user).delete);
    }
    if is_shut && report.problem.is_none() && !handled.failures.is_empty() {
        report.left.push("Find out why a call of snapback's failed: the next time it may matter.".to_owned());
    }
    say_sessions(report, credential, user, handled);
    if report.problem.is_some() {
        report.left.push(TRIES_AGAIN.to_owned());
    }
}

/// What may be left that was got with an access key.
fn say_sessions(report: &mut Report, credential: &Credential, user: &str, handled: &Handled) {
    if credential.kind != Kind::AccessKey {
        return;
    }
    let document = denies_older_sessions(handled.now);
    let safe_user = Some(user).filter(|user| is_name(user));
    match handled.sessions {
        Sessions::Denied(_) => {
            report
                .left
                .push("Take that policy off once the temporary credentials have ended, 36 hours from now:".to_owned());
            report
                .left
                .extend(safe_user.map(|user| {
                    format!("  aws iam delete-user-policy --user-name {user} --policy-name {POLICY_NAME}")
                }));
        }
        Sessions::NotDenied | Sessions::LeftAlone if handled.seen != Seen::There(Status::Active) => {
            let why = if handled.sessions == Sessions::NotDenied {
                "Temporary credentials that were got with the key work on. End them now:"
            } else {
                "Temporary credentials that were got with the key would work on. If it turns out to have been used, end them:"
            };
            report.left.push(why.to_owned());
            report.left.push(match safe_user {
                Some(user) => {
                    format!("  aws iam put-user-policy --user-name {user} --policy-name {POLICY_NAME} --policy-document '{document}'")
                }
                None => format!("  put this inline policy on user {}: {document}", quote(user)),
            });
        }
        Sessions::NotDenied | Sessions::LeftAlone | Sessions::UserGone => {}
    }
    if let Some(roles) = &handled.roles {
        say_roles(report, roles, &document.to_string());
    }
    report.left.extend(look_at_use(credential.kind, Some(&credential.id)));
}

fn say_roles(report: &mut Report, roles: &AssumedRoles, document: &str) {
    if !roles.regions.is_empty() {
        let regions: Vec<String> = roles.regions.iter().map(|region| quote(region)).collect();
        let found = if roles.arns.is_empty() { "no role" } else { "these roles" };
        report.left.push(
            format!(
                "As far as CloudTrail shows it by now in {}, {found} was assumed with the key.",
                regions.join(", ")
            )
            .replace("these roles was", "these roles were"),
        );
        report
            .left
            .push("Events appear there minutes late, and each region shows only its own: look again later.".to_owned());
    }
    for arn in &roles.arns {
        let name = arn.rsplit('/').next().filter(|name| is_name(name) && arn.contains(":role/"));
        report.left.push(format!("  - {}: its sessions work on. End them, in the role's account:", quote(arn)));
        report.left.push(match name {
            Some(name) => format!(
                "    aws iam put-role-policy --role-name {name} --policy-name AWSRevokeOlderSessions --policy-document '{document}'"
            ),
            None => format!("    put this inline policy on the role: {document}"),
        });
    }
    report.left.extend(
        roles
            .problems
            .iter()
            .map(|problem| format!("Which roles were assumed with the key is not known: {}", quote(problem))),
    );
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

/// Whether a use was before the change, so that it is not the change's doing.
fn is_before(last: &Use, event: &Event) -> bool {
    event.time.is_some_and(|time| last.at < time)
}

/// Whether an access key was used.
fn used(last_use: &LastUse, event: &Event) -> Option<String> {
    match last_use {
        LastUse::NotAsked => None,
        LastUse::Unknown(problem) => Some(format!("Whether the key was used is not known: {}", quote(problem))),
        LastUse::NoneShown => Some(
            "AWS shows no use of the key so far. It records use with a delay, so it may have been used.".to_owned(),
        ),
        LastUse::Shown(last) => {
            let word = if is_before(last, event) { "was used before the change" } else { "WAS ALREADY USED" };
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

/// The commands by which a person deactivates a credential, and deletes it; where a name or an id is not of the form that AWS gives
/// them, the way through the console.
struct ByHand {
    deactivate: String,
    delete: String,
}

impl ByHand {
    fn new(credential: &Credential, user: &str) -> Self {
        let (noun, option) = credential.kind.command();
        let id = &credential.id;
        if is_id(id) && is_name(user) {
            let named = format!("--user-name {user} {option} {id}");
            return Self {
                deactivate: format!("  aws iam update-{noun} {named} --status Inactive"),
                delete: format!("  aws iam delete-{noun} {named}"),
            };
        }
        let place = format!("  In the console under IAM, Users, {}, Security credentials", quote(user));
        let id = quote(id);
        Self { deactivate: format!("{place}: deactivate {id}"), delete: format!("{place}: delete {id}") }
    }

    /// What the mode would have done.
    fn all(self, credential: &Credential, mode: Mode) -> Vec<String> {
        let delete = plan(credential, mode).contains(&Action::Delete).then_some(self.delete);
        std::iter::once(self.deactivate).chain(delete).collect()
    }
}

/// Where to see what was done with a credential.
fn look_at_use(kind: Kind, id: Option<&str>) -> Vec<String> {
    if kind != Kind::AccessKey {
        return Vec::new();
    }
    let mut lines = vec![
        "See in CloudTrail, in every region that may be used, what was done with the key: event history, look up by"
            .to_owned(),
        "AWS access key.".to_owned(),
    ];
    lines.extend(id.filter(|id| is_id(id)).map(|id| {
        format!("  aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue={id}")
    }));
    lines
}

/// Whether an id has the form that AWS gives it, so that a command may hold it.
fn is_id(id: &str) -> bool {
    (16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether the name of a user or role has the form that IAM allows, and can't be taken for an option, so that a command may hold it
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
}

fn is_account(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}
