//! What came of a finding, for the mail.

use chrono::{DateTime, SecondsFormat, Utc};

use super::detect::{Finding, is_of_aws};
use super::plan::{Action, Hanging};
use super::{CONTAINMENT, DENY_EVERYTHING};
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, tries_again};
use crate::command::is_argument;
use crate::event::Event;
use crate::language::Localized;
use crate::settings::{Rollout, Settings};
use crate::text::quote;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// snapback takes nothing of this back; it is told.
    Told,
    /// The account could not be read, so nothing was changed.
    NotRead {
        /// Why.
        problem: String,
        /// The user's name by now, if it has been renamed.
        name: Option<String>,
    },
    /// A user was made, and the event does not hold its id: that of the name may be another one.
    Unidentified,
    /// There, and left so: the mode is `alert`, or the rollout `observe`.
    Withheld {
        /// What else would have been done.
        actions: Vec<Action>,
        /// What hangs on the user, where it would have been deleted.
        hanging: Box<Hanging>,
        /// What of that could not be read, and why.
        not_read: Vec<String>,
        /// The user's name by now, if it has been renamed.
        name: Option<String>,
    },
    /// What the event made is not there any more, and it was not this handling of the event that took it away.
    Gone(Gone),
    /// Taken away, and seen to be gone.
    TakenBack {
        /// What was done. `None` if the call ended in an error and what it was to take away is gone all the same.
        action: Option<Action>,
        /// When the call had returned.
        at: DateTime<Utc>,
    },
    /// It may still be there.
    NotTakenBack {
        /// What was to be done.
        action: Action,
        /// What went wrong.
        problem: String,
    },
    /// The user is gone with everything that hung on it.
    Deleted(Box<Deletion>),
    /// The user is still there, or may be.
    Unfinished {
        /// What was done so far.
        deletion: Box<Deletion>,
        /// How it stands.
        standing: Box<Standing>,
        /// What went wrong.
        problem: String,
    },
    /// The policy that denies everything is on another user, or may be, who got the name while it was put on.
    OtherDenied {
        /// That user's name.
        user: String,
        /// Why it could not be taken off.
        problem: String,
        /// What came of the finding beside that.
        course: Box<Course>,
    },
}

/// How something can be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// There is nothing of the name.
    Nothing,
    /// The name is taken by something else, made later, which has an event of its own.
    Retaken,
    /// The user of the name was made after the event: what the event made was another user's.
    OtherUser,
    /// There is no user of the name: it was deleted with everything it had, or renamed and has it still.
    NoUser,
}

/// How far the deletion of a user came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deletion {
    /// The user's name by now, if it has been renamed.
    pub name: Option<String>,
    /// All that was seen hanging on the user.
    pub hung: Hanging,
    /// When the policy that denies everything was first put on.
    pub shut_off_at: Option<DateTime<Utc>>,
    /// When `DeleteUser` had succeeded.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Names under which `DeleteUser` hit another user, who had got the name between the last look and the call.
    pub others_deleted: Vec<String>,
    /// Virtual MFA devices that could not be deleted: they belong to nobody.
    pub devices_left: Vec<String>,
    /// How many times it was tried to delete the user.
    pub rounds: usize,
}

/// How it stands with a user that was not deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Whether the policy that denies everything is on the user.
    pub denial: Denial,
    /// What still hangs on the user; `None` if not all of it could be read.
    pub hanging: Option<Hanging>,
}

/// Whether the policy that denies everything is on the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Denial {
    /// It was seen there.
    Seen,
    /// The call that put it on succeeded, and it was not read again.
    PutOn,
    /// It is not on.
    #[default]
    Off,
    /// A call that was to put it on, or to take it off, did not come to an end.
    Unknown,
}

impl Standing {
    /// Whether nobody can use the user, as far as was seen.
    pub fn is_shut_off(&self) -> bool {
        self.denial == Denial::Seen && self.hanging.as_ref().is_some_and(|hanging| !hanging.lets_in())
    }
}

/// Puts together what a person is told.
pub fn report(event: &Event, finding: &Finding, settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let about = About::of(finding);
    let mut report = Report::new(settings.alert_language, Outcome::Alert, about.headline(""));
    report.happened = happened(event, finding);
    report.steps = steps;
    // No setting keeps an incident from being told.
    if !matches!(finding, Finding::Quarantined { .. }) {
        report.to_allow =
            vec![allow_actor(event, report.language).unwrap_or_else(|| "No setting allows just this.".to_owned())];
    }
    match course {
        Course::Told => {
            report.severity = Some(severity(finding));
            report.done.push("Nothing was changed: snapback only tells of this.".to_owned());
            report.left = to_look_at(finding);
        }
        Course::NotRead { problem, name } => {
            report.outcome = Outcome::Failed;
            report.headline = about.headline(" could not be read");
            report.problem =
                Some(Localized::verbatim(format!("The account could not be read, so nothing was changed: {problem}")));
            report.done.push("Nothing: the account could not be read.".to_owned());
            say_renamed(&mut report, name.as_deref());
            report.left.extend(match name {
                Some(name) => vec![
                    format!(
                        "Look at IAM user {} now. Another user may have the old name by now: leave that one alone.",
                        quote(name)
                    ),
                    delete_by_hand(name),
                ],
                None => {
                    let look = format!("Look at {} now.", about.in_full);
                    [look].into_iter().chain(by_hand(finding)).collect()
                }
            });
            report.left.push(tries_again(report.language));
        }
        Course::Unidentified => {
            report.severity = Some(Severity::High);
            report.headline = about.headline(", no id in the event");
            report.done.push(
                "Nothing was changed: the event does not hold the user's id, and the user who has the name now may be another one."
                    .to_owned(),
            );
            report.left.push("See whether it is the user that the event made; if it is, delete it:".to_owned());
            report.left.extend(by_hand(finding));
        }
        Course::Withheld { actions, hanging, not_read, name } => {
            say_renamed(&mut report, name.as_deref());
            let why = if settings.rollout == Rollout::Observe {
                report.headline = format!("would have reverted: {}", report.headline);
                "Nothing was changed, because Rollout is `observe`. With `enforce` it would have:"
            } else {
                "Nothing was changed, because IamUserMode is `alert`. With `revert` it would have:"
            };
            report.done.push(why.to_owned());
            report.done.extend(lines(actions));
            report.actions = actions.iter().map(ToString::to_string).collect();
            report.left.push("It is still there. Take it back, or allow it:".to_owned());
            report.left.extend(match name {
                Some(name) => vec![delete_by_hand(name)],
                None => by_hand(finding),
            });
            say_hanging(&mut report.left, hanging);
            report
                .left
                .extend(not_read.iter().map(|problem| format!("Not all of it could be read: {}.", quote(problem))));
        }
        Course::Gone(Gone::NoUser) => no_user(finding, &about, &mut report),
        Course::Gone(gone) => {
            let how = match gone {
                Gone::Nothing => {
                    report.done.push("There is nothing to take back: it was gone already.".to_owned());
                    ", already gone"
                }
                Gone::OtherUser => {
                    report.done.push(
                        "The user of that name was made after this: the event was about another user, and that one is gone or renamed."
                            .to_owned(),
                    );
                    ", another user has the name"
                }
                Gone::Retaken | Gone::NoUser => {
                    let (how, words) = retaken(finding);
                    report.done.push(words.to_owned());
                    how
                }
            };
            report.headline = about.headline(how);
            let written = if has_written(&report.steps) {
                "Before that was seen, the calls below that are no reads were made."
            } else {
                "Nothing was changed."
            };
            report.done.push(written.to_owned());
            report.left.extend(used_meanwhile(finding, *gone));
        }
        Course::TakenBack { action, at } => {
            report.outcome = if action.is_some() { Outcome::Reverted } else { Outcome::Alert };
            report.closed_at = Some(*at);
            report.headline = about.headline(about.taken_back);
            match action {
                Some(action) => {
                    report.done.push(format!("{}.", capital(&action.past())));
                    report.actions.push(action.to_string());
                }
                None => report.done.push(
                    "The call ended in an error, and what it was to take away is gone all the same, by that call or by somebody else."
                        .to_owned(),
                ),
            }
            report.done.push("It was read again afterwards: it is not there any more.".to_owned());
            report.left = after_taking_back(finding);
        }
        Course::NotTakenBack { action, problem } => {
            report.outcome = Outcome::Failed;
            report.headline = about.headline(" may still be there");
            report.problem = Some(Localized::verbatim(problem));
            report.done.push("This was to be done, and is not, or was not seen to be:".to_owned());
            report.done.extend(lines(std::slice::from_ref(action)));
            report.actions.push(action.to_string());
            report.left.push(format!("Look at {} now, and take it back by hand if it is still there:", about.in_full));
            report.left.extend(by_hand(finding));
            report.left.push(tries_again(report.language));
        }
        Course::Deleted(deletion) => deleted(event, &about, deletion, &mut report),
        Course::Unfinished { deletion, standing, problem } => {
            report.problem = Some(Localized::verbatim(problem));
            unfinished(event, &about, deletion, standing, &mut report);
        }
        Course::OtherDenied { user, problem, course } => {
            report = self::report(event, finding, settings, course, report.steps);
            report.outcome = Outcome::Failed;
            report.headline = about.headline(": another user is shut off");
            let also = report.problem.take().map(|problem| format!("; {problem}")).unwrap_or_default();
            report.problem = Some(Localized::verbatim(format!("{problem}{also}")));
            report.done.push(format!(
                "{CONTAINMENT}, which denies everything, was put on another user, who had got the name {} meanwhile, and could not be taken off.",
                quote(user)
            ));
            let lift = user_command(
                "delete-user-policy",
                user,
                &[("--policy-name", CONTAINMENT)],
                "delete that inline policy of the user",
            );
            report.left.splice(0..0, ["Let that user work again, unless it is an intruder's:".to_owned(), lift]);
        }
    }
    report
}

/// Nobody can say by then whether it is gone.
fn no_user(finding: &Finding, about: &About, report: &mut Report) {
    report.headline = about.headline(", and no user of that name");
    report.done.push("Nothing was taken back: there is no user of that name. It was deleted, or renamed.".to_owned());
    let renamed = match finding {
        Finding::MfaDeactivated { .. } => {
            report.severity = Some(Severity::Low);
            "If it was renamed, the user of the new name has no such MFA device any more."
        }
        _ => {
            report.severity = Some(Severity::High);
            "If it was renamed, the user of the new name still has it. Take it away there."
        }
    };
    report.left = vec![
        "If another mail says that snapback deleted this user, nothing is left to do.".to_owned(),
        format!("Otherwise look in CloudTrail for UpdateUser and DeleteUser with the user name {}.", quote(about.user)),
        renamed.to_owned(),
    ];
}

fn deleted(event: &Event, about: &About, deletion: &Deletion, report: &mut Report) {
    report.outcome = Outcome::Reverted;
    report.headline = about.headline(about.taken_back);
    report.closed_at = deletion.deleted_at.or(deletion.shut_off_at);
    say_renamed(report, deletion.name.as_deref());
    report.actions = deletion.hung.all().iter().map(ToString::to_string).collect();
    say_shut_off(event, deletion, report);
    if deletion.deleted_at.is_some() {
        report.done.push("Deleted the user, and everything that hung on it:".to_owned());
    } else {
        report.outcome = Outcome::Alert;
        report.done.push(
            "The call that was to delete the user ended in an error, and the user is gone all the same, by".to_owned(),
        );
        report.done.push("that call or by somebody else, with everything that hung on it:".to_owned());
    }
    let hung = deletion.hung.lines();
    report.done.extend(if hung.is_empty() { vec!["  - nothing hung on it".to_owned()] } else { hung });
    if deletion.rounds > 1 {
        report.done.push(format!("It took {} rounds: something was added or refused meanwhile.", deletion.rounds));
    }
    report.done.push("It was read again afterwards: the user is not there any more.".to_owned());
    report.left.extend(used_until(&deletion.hung));
    say_others_deleted(deletion, report);
    if !deletion.others_deleted.is_empty() {
        report.headline = about.headline(" deleted, and another user too");
    }
    if !deletion.devices_left.is_empty() {
        report.outcome = Outcome::Contained;
        report.headline = about.headline(" deleted, an MFA device is left");
        report.left.push(
            "These virtual MFA devices could not be deleted. They belong to nobody any more; delete them:".to_owned(),
        );
        for serial in &deletion.devices_left {
            let command = cli("delete-virtual-mfa-device", &[("--serial-number", serial)]);
            report.left.push(command.unwrap_or_else(|| format!("  - {}", quote(serial))));
        }
    }
}

fn unfinished(event: &Event, about: &About, deletion: &Deletion, standing: &Standing, report: &mut Report) {
    let user = deletion.name.as_deref().unwrap_or(about.user);
    say_renamed(report, deletion.name.as_deref());
    report.actions = deletion.hung.all().iter().map(ToString::to_string).collect();
    say_shut_off(event, deletion, report);
    let denial = match standing.denial {
        Denial::Seen => "is on the user: it was read again.",
        Denial::PutOn => "was put on the user; it could not be read again.",
        Denial::Off => "is NOT on the user.",
        Denial::Unknown => "may or may not be on the user: the call did not come to an end.",
    };
    report.done.push(format!("The inline policy {CONTAINMENT}, which denies everything, {denial}"));
    if deletion.rounds > 0 {
        let times = if deletion.rounds == 1 { "once".to_owned() } else { format!("{} times", deletion.rounds) };
        report
            .done
            .push(format!("Tried {times} to take everything away and to delete the user. It was not seen to be gone."));
    }
    if standing.is_shut_off() {
        report.outcome = Outcome::Contained;
        report.headline = about.headline(" shut off, not deleted");
        report.left.push(
            "The user can't do anything any more. Find out from the failed calls what keeps it from being deleted,"
                .to_owned(),
        );
        report.left.push("then delete it.".to_owned());
    } else {
        report.outcome = Outcome::Failed;
        report.headline = about.headline(" may still be usable");
        report.left.push("Shut the user off now:".to_owned());
        if standing.denial != Denial::Seen {
            report.left.push(deny_by_hand(user));
        }
        if standing.hanging.as_ref().is_none_or(|hanging| hanging.password) {
            report.left.push(user_command("delete-login-profile", user, &[], "delete its console password"));
        }
        for key in standing.hanging.iter().flat_map(|hanging| &hanging.access_keys).filter(|key| key.is_active) {
            let rest = [("--access-key-id", key.id.as_str()), ("--status", "Inactive")];
            let instead = format!("set its access key {} inactive", quote(&key.id));
            report.left.push(user_command("update-access-key", user, &rest, &instead));
        }
        report
            .left
            .push("Then find out who adds to it, or what keeps it from being deleted, and delete it.".to_owned());
    }
    report.left.push(delete_by_hand(user));
    match &standing.hanging {
        Some(hanging) => say_hanging(&mut report.left, hanging),
        None => report.left.push("What still hangs on it could not be read completely.".to_owned()),
    }
    report.left.extend(used_until(&deletion.hung));
    say_others_deleted(deletion, report);
    report.left.push(tries_again(report.language));
}

fn say_others_deleted(deletion: &Deletion, report: &mut Report) {
    for name in &deletion.others_deleted {
        report.done.push(format!(
            "A call deleted another user, who had got the name {} between the last look and the call.",
            quote(name)
        ));
        report.left.push(format!(
            "See in CloudTrail who that other user {} was (CreateUser, UpdateUser), and make it again if it was needed.",
            quote(name)
        ));
    }
}

/// What a finding is about.
struct About<'a> {
    /// What it is, as a subject has room for.
    kind: &'static str,
    /// What is said of it in the subject once it is taken back.
    taken_back: &'static str,
    /// Its names, raw.
    names: String,
    /// What it is and its names, harmless.
    in_full: String,
    /// The user's name, raw; empty if it is about none.
    user: &'a str,
}

impl<'a> About<'a> {
    fn of(finding: &'a Finding) -> Self {
        let (kind, taken_back, user, more) = match finding {
            Finding::UserCreated { user, .. } => ("new IAM user", " deleted", user.as_str(), None),
            Finding::PasswordCreated { user, .. } => ("new console password", " deleted", user.as_str(), None),
            Finding::PasswordChanged { user } => ("password changed by somebody else", "", user.as_str(), None),
            Finding::PolicyAttached { user, policy } => {
                ("policy on IAM user", " detached", user.as_str(), Some(policy))
            }
            Finding::PolicyPut { user, policy, .. } => {
                ("inline policy on IAM user", " deleted", user.as_str(), Some(policy))
            }
            Finding::Quarantined { user, .. } => ("AWS says a key leaked", "", user.as_str(), None),
            Finding::AddedToGroup { user, group } => ("IAM user added to a group", "", user.as_str(), Some(group)),
            Finding::MfaDeactivated { user: Some(user), .. } => ("MFA device deactivated", "", user.as_str(), None),
            Finding::MfaDeactivated { user: None, .. } => ("MFA device of the root user deactivated", "", "", None),
            Finding::MfaDeleted { serial } => ("virtual MFA device deleted", "", "", Some(serial)),
            Finding::BoundaryDeleted { user } => ("permissions boundary removed", "", user.as_str(), None),
            Finding::PasswordPolicyDeleted => ("account password policy deleted", "", "", None),
        };
        // Of an ARN, what comes last says most.
        let more =
            more.map(|more| if more.starts_with("arn:") { more.rsplit('/').next().unwrap_or(more) } else { more });
        let names: Vec<&str> = [user].into_iter().filter(|user| !user.is_empty()).chain(more).collect();
        let names = names.join(", ");
        let in_full = match finding {
            Finding::UserCreated { .. } => format!("IAM user {}", quote(user)),
            Finding::PasswordCreated { .. } => format!("the console password of IAM user {}", quote(user)),
            Finding::PolicyAttached { policy, .. } => format!("policy {} on IAM user {}", quote(policy), quote(user)),
            Finding::PolicyPut { policy, .. } => format!("inline policy {} of IAM user {}", quote(policy), quote(user)),
            _ => quote(&names),
        };
        Self { kind, taken_back, names, in_full, user }
    }

    fn headline(&self, state: &str) -> String {
        let names = if self.names.is_empty() { String::new() } else { format!(": {}", self.names) };
        format!("{}{state}{names}", self.kind)
    }
}

fn severity(finding: &Finding) -> Severity {
    match finding {
        Finding::Quarantined { .. } | Finding::MfaDeactivated { user: None, .. } => Severity::Critical,
        Finding::MfaDeleted { .. } | Finding::PasswordPolicyDeleted => Severity::Medium,
        _ => Severity::High,
    }
}

fn happened(event: &Event, finding: &Finding) -> Vec<String> {
    let call = quote(&event.name);
    match finding {
        Finding::UserCreated { user, id, .. } => {
            let id = id.as_deref().map_or_else(|| "without an id in the event".to_owned(), quote);
            vec![format!("{call} made the IAM user {} ({id}).", quote(user))]
        }
        Finding::PasswordCreated { user, .. } => {
            vec![format!("{call} gave IAM user {} a console password.", quote(user))]
        }
        Finding::PasswordChanged { user } => vec![
            format!("{call} changed the console password of IAM user {}.", quote(user)),
            "It was not the user itself who changed it: whoever did can sign in as that user now.".to_owned(),
        ],
        Finding::PolicyAttached { user, policy } => {
            vec![format!("{call} attached a policy to IAM user {}:", quote(user)), format!("  - {}", quote(policy))]
        }
        Finding::PolicyPut { user, policy, document: Some(document) } => vec![
            format!(
                "{call} put the inline policy {}, which allows something, on IAM user {}:",
                quote(policy),
                quote(user)
            ),
            format!("  {}", quote(&document.to_string())),
        ],
        Finding::PolicyPut { user, policy, document: None } => vec![
            format!("{call} put the inline policy {} on IAM user {}.", quote(policy), quote(user)),
            "The event does not hold what it says; CloudTrail leaves out what is too long. The account was asked."
                .to_owned(),
        ],
        Finding::Quarantined { user, policy } => vec![
            format!("AWS's quarantine policy {} was put on IAM user {}.", quote(policy), quote(user)),
            "AWS does that when it has found an access key of the user in public, such as in a repository.".to_owned(),
            "The policy blocks only some of what a thief would do: everything else still works with that key."
                .to_owned(),
        ],
        Finding::AddedToGroup { user, group } => {
            vec![format!("{call} added IAM user {} to the group {}.", quote(user), quote(group))]
        }
        Finding::MfaDeactivated { user, serial } => {
            let whose =
                user.as_deref().map_or_else(|| "the root user".to_owned(), |user| format!("IAM user {}", quote(user)));
            vec![format!("{call} took the MFA device {} from {whose}.", quote(serial))]
        }
        Finding::MfaDeleted { serial } => vec![
            format!("{call} deleted the virtual MFA device {}.", quote(serial)),
            "A device has to be taken from its user first, unless nobody had it.".to_owned(),
        ],
        Finding::BoundaryDeleted { user } => vec![
            format!("{call} removed the permissions boundary of IAM user {}.", quote(user)),
            "All that the user's policies allow holds now without that limit.".to_owned(),
        ],
        Finding::PasswordPolicyDeleted => vec![
            format!("{call} deleted the account's password policy."),
            "AWS's default holds now: 8 characters, no expiry, no rule against using a password again.".to_owned(),
        ],
    }
}

/// What a person should do about what is only told.
fn to_look_at(finding: &Finding) -> Vec<String> {
    match finding {
        Finding::PasswordChanged { user } => vec![
            "Ask the user and the actor. If it was not meant to be, take the password away:".to_owned(),
            user_command("delete-login-profile", user, &[], "delete the user's console password"),
            "See in CloudTrail whether a ConsoleLogin of that user followed. Such a session lives up to 12 hours; to cut it:"
                .to_owned(),
            cut_sessions(user),
        ],
        Finding::Quarantined { user, .. } => vec![
            "Do this in this order:".to_owned(),
            "1. Look which keys the user has:".to_owned(),
            user_command("list-access-keys", user, &[], "list the user's access keys"),
            "2. Set the leaked one inactive, make a new one if something needs it, then delete the leaked one.".to_owned(),
            "   AWS names the key in a mail to the account's owner, in AWS Health and in a support case.".to_owned(),
            "3. Look in CloudTrail, in all regions, for what was done with that key: new users, roles, instances, functions.".to_owned(),
            "   Undo what was not yours.".to_owned(),
            "4. Answer AWS's support case. Detach the quarantine policy last, when the leaked key is deleted.".to_owned(),
            "Anybody who may change users can put this policy on one: if it was you, nothing has leaked.".to_owned(),
        ],
        Finding::AddedToGroup { user, group } => vec![
            "See what the group allows. If the user is not to have that, take it out:".to_owned(),
            user_command(
                "remove-user-from-group",
                user,
                &[("--group-name", group)],
                "take the user out of the group in the IAM console",
            ),
        ],
        Finding::MfaDeactivated { user: Some(user), .. } => vec![
            "Ask the user. Without MFA, the password alone lets in. If it was not the user, take the password away until".to_owned(),
            "it is clear, and look at what the user and the actor did:".to_owned(),
            user_command("delete-login-profile", user, &[], "delete the user's console password"),
        ],
        Finding::MfaDeactivated { user: None, .. } => vec![
            "If it was not you: sign in as the root user at once, change its password, register an MFA device again, and delete".to_owned(),
            "access keys that it has. If you can't sign in, ask AWS Support to recover the account.".to_owned(),
        ],
        Finding::MfaDeleted { serial } => vec![
            format!("See whose device it was ({}), and whether that user has another one.", quote(serial)),
        ],
        Finding::BoundaryDeleted { user } => vec![
            "See what the user's policies allow now, and put the boundary on again if it was not meant to be:".to_owned(),
            user_command(
                "put-user-permissions-boundary",
                user,
                &[("--permissions-boundary", "POLICY_ARN")],
                "put the boundary on in the IAM console",
            ),
            "The event does not say which policy it was: look for PutUserPermissionsBoundary or CreateUser in CloudTrail.".to_owned(),
        ],
        Finding::PasswordPolicyDeleted => vec![
            "Set the password policy again: IAM console, Account settings, or `aws iam update-account-password-policy`.".to_owned(),
        ],
        Finding::UserCreated { .. }
        | Finding::PasswordCreated { .. }
        | Finding::PolicyAttached { .. }
        | Finding::PolicyPut { .. } => by_hand(finding),
    }
}

/// How a person takes it back.
fn by_hand(finding: &Finding) -> Vec<String> {
    match finding {
        Finding::UserCreated { user, .. } => vec![delete_by_hand(user)],
        Finding::PasswordCreated { user, .. } => {
            vec![user_command("delete-login-profile", user, &[], "delete the user's console password")]
        }
        Finding::PolicyAttached { user, policy } => vec![user_command(
            "detach-user-policy",
            user,
            &[("--policy-arn", policy)],
            "detach the policy from the user in the IAM console",
        )],
        Finding::PolicyPut { user, policy, .. } => vec![user_command(
            "delete-user-policy",
            user,
            &[("--policy-name", policy)],
            "delete the user's inline policy in the IAM console",
        )],
        _ => Vec::new(),
    }
}

fn delete_by_hand(user: &str) -> String {
    format!("  - IAM console: Users, {}, Delete. The console takes along everything that hangs on it.", quote(user))
}

/// What has taken the place of what the event made: for the subject, and in full.
fn retaken(finding: &Finding) -> (&'static str, &'static str) {
    match finding {
        Finding::UserCreated { .. } => (
            ", already gone, name taken again",
            "The user is gone, and another user, with another id, has its name. That one has an event of its own.",
        ),
        Finding::PasswordCreated { .. } => (
            ", already gone, made again",
            "That password is gone, and the user has one that was made at another time. That one has an event of its own.",
        ),
        _ => (
            ", overwritten since",
            "A policy of that name is there, and says something else than the event's. That has an event of its own.",
        ),
    }
}

/// What is left once it is gone, by whoever: it could be used in between.
fn used_meanwhile(finding: &Finding, gone: Gone) -> Option<String> {
    let what = match finding {
        Finding::UserCreated { .. } => "what was done with it until it was gone",
        Finding::PasswordCreated { .. } => "whether the user signed in (ConsoleLogin) until it was gone",
        Finding::PolicyAttached { .. } | Finding::PolicyPut { .. } => "what the user did until it was gone",
        _ => return None,
    };
    // The event tells the user's name only, not its id.
    let renamed = match (finding, gone) {
        (Finding::UserCreated { .. }, _) | (_, Gone::Retaken) => "",
        _ => " See also whether the user was renamed (UpdateUser): then the user of the new name has it.",
    };
    Some(format!("See in CloudTrail {what}, unless you were told of its being taken back before.{renamed}"))
}

fn after_taking_back(finding: &Finding) -> Vec<String> {
    match finding {
        Finding::PasswordCreated { user, .. } => vec![
            "See in CloudTrail whether the user signed in meanwhile (ConsoleLogin). Such a session lives up to 12 hours; to cut it:".to_owned(),
            cut_sessions(user),
        ],
        Finding::PolicyAttached { user, policy } => {
            let mut lines = vec![
                "See in CloudTrail what the user did meanwhile.".to_owned(),
                format!("Only the attachment was taken away: the policy {} is still in the account.", quote(policy)),
            ];
            if !is_of_aws(policy) {
                lines.push(
                    "All versions of such a policy count, because any can be made the default. Look at each of them.".to_owned(),
                );
            }
            lines.push(
                "The event does not tell whether the policy was attached before, with a right to be. If so, attach it again:"
                    .to_owned(),
            );
            lines.push(user_command(
                "attach-user-policy",
                user,
                &[("--policy-arn", policy)],
                "attach the policy to the user in the IAM console",
            ));
            lines
        }
        Finding::PolicyPut { policy, .. } => vec![
            "See in CloudTrail what the user did meanwhile.".to_owned(),
            format!(
                "If the user had an inline policy {} before, it is lost: the event does not hold it, so that it could not be put back.",
                quote(policy)
            ),
        ],
        _ => Vec::new(),
    }
}

/// What is left to look at after a user was deleted: what it was used for before that.
fn used_until(hung: &Hanging) -> Vec<String> {
    if !hung.let_in() {
        return Vec::new();
    }
    let mut lines = vec![
        "See in CloudTrail what was done with the user until it was shut off, and which roles it assumed:".to_owned(),
    ];
    lines.extend(hung.access_keys.iter().map(|key| format!("  - with access key {}", quote(&key.id))));
    lines.extend(hung.password.then(|| "  - signed in to the console (ConsoleLogin)".to_owned()));
    let services = hung.service_credentials.iter();
    lines.extend(services.map(|id| format!("  - with service-specific credential {}", quote(id))));
    lines.push("Sessions of roles that it assumed live on.".to_owned());
    lines
}

fn say_shut_off(event: &Event, deletion: &Deletion, report: &mut Report) {
    let Some(at) = deletion.shut_off_at else { return };
    let after = event
        .time
        .map_or_else(String::new, |time| format!(", {} seconds after the change", (at - time).num_seconds().max(0)));
    report.done.push(format!("Shut the user off at {}{after}.", at.to_rfc3339_opts(SecondsFormat::Secs, true)));
}

fn say_renamed(report: &mut Report, name: Option<&str>) {
    report.happened.extend(name.map(|name| format!("It has been renamed since: it is called {} now.", quote(name))));
}

fn say_hanging(lines: &mut Vec<String>, hanging: &Hanging) {
    let hanging = hanging.lines();
    if !hanging.is_empty() {
        lines.push("What hangs on the user:".to_owned());
        lines.extend(hanging);
    }
}

fn has_written(steps: &[Step]) -> bool {
    steps.iter().any(|step| !step.call.starts_with("Get") && !step.call.starts_with("List"))
}

fn lines(actions: &[Action]) -> Vec<String> {
    actions.iter().map(|action| format!("  - {action}")).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A command about a user, or, where a name does not belong into one, what to do in words.
fn user_command(operation: &str, user: &str, rest: &[(&str, &str)], instead: &str) -> String {
    let arguments: Vec<(&str, &str)> = [("--user-name", user)].into_iter().chain(rest.iter().copied()).collect();
    cli(operation, &arguments)
        .unwrap_or_else(|| format!("  - {instead} (the names hold characters unfit for a command)"))
}

fn cli(operation: &str, arguments: &[(&str, &str)]) -> Option<String> {
    let fit = arguments.iter().all(|(_, value)| is_argument(value));
    let written: Vec<String> = arguments.iter().map(|(name, value)| format!("{name} {value}")).collect();
    fit.then(|| format!("  aws iam {operation} {}", written.join(" ")))
}

fn deny_by_hand(user: &str) -> String {
    put_policy(user, CONTAINMENT, DENY_EVERYTHING)
}

/// Denies everything to sessions that began before the command is run: the shell puts the time in.
fn cut_sessions(user: &str) -> String {
    const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"NOW"}}}]}"#;
    put_policy(user, "cut-sessions", DOCUMENT)
}

/// `NOW` in `document`, which is of our making, is the time; a shell puts it in by itself.
fn put_policy(user: &str, policy: &str, document: &str) -> String {
    match cli("put-user-policy", &[("--user-name", user), ("--policy-name", policy)]) {
        Some(command) => {
            format!("{command} --policy-document '{}'", document.replace("NOW", "'$(date -u +%FT%TZ)'"))
        }
        None => {
            let document = document.replace("NOW", "the time now, such as 2026-01-31T12:00:00Z");
            format!("  - put the inline policy {policy} on the user in the IAM console: {document}")
        }
    }
}
