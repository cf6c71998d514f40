//! What came of a finding, for the mail.

use chrono::{DateTime, SecondsFormat, Utc};

use super::detect::{Finding, is_of_aws};
use super::document;
use super::plan::{Action, Hanging};
use super::{CONTAINMENT, DENY_EVERYTHING};
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, found, nothing_allows, tries_again};
use crate::command::is_argument;
use crate::event::Event;
use crate::language::{Language, Localized};
use crate::say;
use crate::settings::Settings;
use crate::text::quote;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// snapback takes nothing of this back; it is told.
    Told,
    /// The account could not be read, so nothing was changed.
    NotRead {
        /// Why.
        problem: Localized,
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
        not_read: Vec<Localized>,
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
        problem: Localized,
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
        problem: Localized,
    },
    /// The policy that denies everything is on another user, or may be, who got the name while it was put on.
    OtherDenied {
        /// That user's name.
        user: String,
        /// Why it could not be taken off.
        problem: Localized,
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
    let language = settings.alert_language;
    let about = About::of(finding, language);
    let mut report = Report::new(language, Outcome::Alert, about.headline(""));
    report.happened = happened(event, finding, language);
    report.steps = steps;
    // No setting keeps an incident from being told.
    if !matches!(finding, Finding::Quarantined { .. }) {
        report.to_allow = vec![allow_actor(event, language).unwrap_or_else(|| nothing_allows(language))];
    }
    match course {
        Course::Told => {
            report.severity = Some(severity(finding));
            report.done.push(say!(
                language,
                "Nothing was changed: snapback only tells of this.",
                "何も変更していません。この変更については、snapback は通知だけを行います。"
            ));
            report.left = to_look_at(finding, language);
        }
        Course::NotRead { problem, name } => {
            report.outcome = Outcome::Failed;
            report.headline = about.headline(" could not be read");
            report.say_not_read(problem);
            say_renamed(&mut report, name.as_deref());
            match name {
                Some(name) => {
                    let user = quote(name);
                    report.left.push(say!(
                        language,
                        "Look at IAM user {user} now. Another user may have the old name by now: leave that one alone.",
                        "IAM ユーザー {user} を今すぐ確認してください。元の名前は別のユーザーのものになっている可能性があります。そのユーザーは変更しないでください。"
                    ));
                    report.left.push(delete_by_hand(name, language));
                }
                None => {
                    let what = &about.in_full;
                    report.left.push(say!(language, "Look at {what} now.", "{what} を今すぐ確認してください。"));
                    report.left.extend(by_hand(finding, language));
                }
            }
            report.left.push(tries_again(language));
        }
        Course::Unidentified => {
            report.severity = Some(Severity::High);
            report.headline = about.headline(", no id in the event");
            report.done.push(say!(
                language,
                "Nothing was changed: the event does not hold the user's id, and the user who has the name now may be another one.",
                "何も変更していません。イベントにユーザーの ID がなく、現在その名前を持つのは別のユーザーかもしれません。"
            ));
            report.left.push(say!(
                language,
                "See whether it is the user that the event made; if it is, delete it:",
                "イベントで作成されたユーザーかどうかを確認し、そうであれば削除してください:"
            ));
            report.left.extend(by_hand(finding, language));
        }
        Course::Withheld { actions, hanging, not_read, name } => {
            say_renamed(&mut report, name.as_deref());
            report.say_withheld(event, settings, "IamUserMode");
            report.done.extend(lines(actions, language));
            report.actions = actions.iter().map(ToString::to_string).collect();
            report.left.push(say!(
                language,
                "It is still there. Take it back, or allow it:",
                "現在も残っています。取り消すか、許可してください:"
            ));
            report.left.extend(match name {
                Some(name) => vec![delete_by_hand(name, language)],
                None => by_hand(finding, language),
            });
            say_hanging(&mut report.left, hanging, language);
            report.left.extend(not_read.iter().map(|problem| {
                let problem = quote(problem.of(language));
                say!(language, "Not all of it could be read: {problem}.", "一部を読み取れませんでした: {problem}。")
            }));
        }
        Course::Gone(Gone::NoUser) => no_user(finding, &about, &mut report),
        Course::Gone(gone) => {
            let how = match gone {
                Gone::Nothing => {
                    report.done.push(say!(
                        language,
                        "There is nothing to take back: it was gone already.",
                        "取り消すものはありません。すでに存在しませんでした。"
                    ));
                    ", already gone"
                }
                Gone::OtherUser => {
                    report.done.push(say!(
                        language,
                        "The user of that name was made after this: the event was about another user, and that one is gone or renamed.",
                        "この名前のユーザーはイベントの後に作成されたものです。イベントの対象は別のユーザーで、削除されたか名前が変更されています。"
                    ));
                    ", another user has the name"
                }
                Gone::Retaken | Gone::NoUser => {
                    let (how, words) = retaken(finding, language);
                    report.done.push(words);
                    how
                }
            };
            report.headline = about.headline(how);
            report.done.push(if has_written(&report.steps) {
                say!(
                    language,
                    "Before that was seen, the calls below that are no reads were made.",
                    "それが判明する前に、下記のうち読み取り以外の呼び出しを行いました。"
                )
            } else {
                say!(language, "Nothing was changed.", "何も変更していません。")
            });
            report.left.extend(used_meanwhile(finding, *gone, language));
        }
        Course::TakenBack { action, at } => {
            report.outcome = if action.is_some() { Outcome::Reverted } else { Outcome::Alert };
            report.closed_at = Some(*at);
            report.headline = about.headline(about.taken_back);
            match action {
                Some(action) => {
                    report.done.push(action.done(language));
                    report.actions.push(action.to_string());
                }
                None => report.done.push(say!(
                    language,
                    "The call ended in an error, and what it was to take away is gone all the same, by that call or by somebody else.",
                    "呼び出しはエラーで終わりましたが、取り消す対象はすでになくなっています。その呼び出しか、ほかの誰かが取り消したものです。"
                )),
            }
            report.done.push(say!(
                language,
                "It was read again afterwards: it is not there any more.",
                "その後に再確認したところ、存在しませんでした。"
            ));
            report.left = after_taking_back(finding, language);
        }
        Course::NotTakenBack { action, problem } => {
            report.outcome = Outcome::Failed;
            report.headline = about.headline(" may still be there");
            report.problem = Some(problem.clone());
            report.done.push(say!(
                language,
                "This was to be done, and is not, or was not seen to be:",
                "次の操作を行うはずでしたが、完了していないか、完了を確認できていません:"
            ));
            report.done.extend(lines(std::slice::from_ref(action), language));
            report.actions.push(action.to_string());
            let what = &about.in_full;
            report.left.push(say!(
                language,
                "Look at {what} now, and take it back by hand if it is still there:",
                "{what} を今すぐ確認し、残っていれば手動で取り消してください:"
            ));
            report.left.extend(by_hand(finding, language));
            report.left.push(tries_again(language));
        }
        Course::Deleted(deletion) => deleted(event, &about, deletion, &mut report),
        Course::Unfinished { deletion, standing, problem } => {
            report.problem = Some(problem.clone());
            unfinished(event, &about, deletion, standing, &mut report);
        }
        Course::OtherDenied { user, problem, course } => {
            report = self::report(event, finding, settings, course, report.steps);
            report.outcome = Outcome::Failed;
            report.headline = about.headline(": another user is shut off");
            let problems: Vec<Localized> = [problem.clone()].into_iter().chain(report.problem.take()).collect();
            report.problem = Some(Localized::join(&problems));
            let name = quote(user);
            report.done.push(say!(
                language,
                "{CONTAINMENT}, which denies everything, was put on another user, who had got the name {name} meanwhile, and could not be taken off.",
                "すべてを拒否する {CONTAINMENT} が、その間に {name} という名前になった別のユーザーに追加され、そのユーザーから削除できませんでした。"
            ));
            let lift = user_command(
                language,
                "delete-user-policy",
                user,
                &[("--policy-name", CONTAINMENT)],
                &say!(
                    language,
                    "delete that inline policy of the user",
                    "ユーザーからこのインラインポリシーを削除してください"
                ),
            );
            let first = say!(
                language,
                "Let that user work again, unless it is an intruder's:",
                "侵入者のものでなければ、このユーザーを再び使えるようにしてください:"
            );
            report.left.splice(0..0, [first, lift]);
        }
    }
    report
}

/// Nobody can say by then whether it is gone.
fn no_user(finding: &Finding, about: &About, report: &mut Report) {
    let language = report.language;
    report.headline = about.headline(", and no user of that name");
    report.done.push(say!(
        language,
        "Nothing was taken back: there is no user of that name. It was deleted, or renamed.",
        "何も取り消していません。その名前のユーザーは存在しません。削除されたか、名前が変更されています。"
    ));
    let renamed = match finding {
        Finding::MfaDeactivated { .. } => {
            report.severity = Some(Severity::Low);
            say!(
                language,
                "If it was renamed, the user of the new name has no such MFA device any more.",
                "名前の変更であれば、新しい名前のユーザーにこの MFA デバイスはもうありません。"
            )
        }
        _ => {
            report.severity = Some(Severity::High);
            say!(
                language,
                "If it was renamed, the user of the new name still has it. Take it away there.",
                "名前の変更であれば、新しい名前のユーザーに残っています。そのユーザーから取り除いてください。"
            )
        }
    };
    let user = quote(about.user);
    report.left = vec![
        say!(
            language,
            "If another mail says that snapback deleted this user, nothing is left to do.",
            "snapback がこのユーザーを削除したというメールが別に届いていれば、残っている作業はありません。"
        ),
        say!(
            language,
            "Otherwise look in CloudTrail for UpdateUser and DeleteUser with the user name {user}.",
            "届いていなければ、CloudTrail でユーザー名 {user} の UpdateUser と DeleteUser を調べてください。"
        ),
        renamed,
    ];
}

fn deleted(event: &Event, about: &About, deletion: &Deletion, report: &mut Report) {
    let language = report.language;
    report.outcome = Outcome::Reverted;
    report.headline = about.headline(about.taken_back);
    report.closed_at = deletion.deleted_at.or(deletion.shut_off_at);
    say_renamed(report, deletion.name.as_deref());
    report.actions = deletion.hung.all().iter().map(ToString::to_string).collect();
    say_shut_off(event, deletion, report);
    if deletion.deleted_at.is_some() {
        report.done.push(say!(
            language,
            "Deleted the user, and everything that hung on it:",
            "ユーザーと、それに付随する次のものをすべて削除しました:"
        ));
    } else {
        report.outcome = Outcome::Alert;
        report.done.push(say!(
            language,
            "The call that was to delete the user ended in an error, and the user is gone all the same, by",
            "ユーザーを削除する呼び出しはエラーで終わりましたが、ユーザーはすでに存在しません。"
        ));
        report.done.push(say!(
            language,
            "that call or by somebody else, with everything that hung on it:",
            "その呼び出しかほかの誰かにより、付随する次のものもすべて削除されています:"
        ));
    }
    let hung = deletion.hung.lines(language);
    report.done.extend(if hung.is_empty() {
        vec![say!(language, "  - nothing hung on it", "  - 付随するものはありませんでした")]
    } else {
        hung
    });
    if deletion.rounds > 1 {
        let rounds = deletion.rounds;
        report.done.push(say!(
            language,
            "It took {rounds} rounds: something was added or refused meanwhile.",
            "{rounds} 回かかりました。その間に何かが追加されたか、拒否されました。"
        ));
    }
    report.done.push(say!(
        language,
        "It was read again afterwards: the user is not there any more.",
        "その後に再確認したところ、ユーザーは存在しませんでした。"
    ));
    report.left.extend(used_until(&deletion.hung, language));
    say_others_deleted(deletion, report);
    if !deletion.others_deleted.is_empty() {
        report.headline = about.headline(" deleted, and another user too");
    }
    if !deletion.devices_left.is_empty() {
        report.outcome = Outcome::Contained;
        report.headline = about.headline(" deleted, an MFA device is left");
        report.left.push(say!(
            language,
            "These virtual MFA devices could not be deleted. They belong to nobody any more; delete them:",
            "次の仮想 MFA デバイスを削除できませんでした。もう誰のものでもないので、削除してください:"
        ));
        for serial in &deletion.devices_left {
            let command = cli("delete-virtual-mfa-device", &[("--serial-number", serial)]);
            report.left.push(command.unwrap_or_else(|| format!("  - {}", quote(serial))));
        }
    }
}

fn unfinished(event: &Event, about: &About, deletion: &Deletion, standing: &Standing, report: &mut Report) {
    let language = report.language;
    let user = deletion.name.as_deref().unwrap_or(about.user);
    say_renamed(report, deletion.name.as_deref());
    report.actions = deletion.hung.all().iter().map(ToString::to_string).collect();
    say_shut_off(event, deletion, report);
    report.done.push(match standing.denial {
        Denial::Seen => say!(
            language,
            "The inline policy {CONTAINMENT}, which denies everything, is on the user: it was read again.",
            "すべてを拒否するインラインポリシー {CONTAINMENT} がユーザーに追加されていることを、再確認しました。"
        ),
        Denial::PutOn => say!(
            language,
            "The inline policy {CONTAINMENT}, which denies everything, was put on the user; it could not be read again.",
            "すべてを拒否するインラインポリシー {CONTAINMENT} をユーザーに追加しましたが、再確認はできていません。"
        ),
        Denial::Off => say!(
            language,
            "The inline policy {CONTAINMENT}, which denies everything, is NOT on the user.",
            "警告: すべてを拒否するインラインポリシー {CONTAINMENT} は、ユーザーに追加されていません。"
        ),
        Denial::Unknown => say!(
            language,
            "The inline policy {CONTAINMENT}, which denies everything, may or may not be on the user: the call did not come to an end.",
            "呼び出しが完了しなかったため、すべてを拒否するインラインポリシー {CONTAINMENT} がユーザーに追加されているかどうかは不明です。"
        ),
    });
    match deletion.rounds {
        0 => {}
        1 => report.done.push(say!(
            language,
            "Tried once to take everything away and to delete the user. It was not seen to be gone.",
            "付随するものをすべて取り除き、ユーザーを削除しようと 1 回試みましたが、削除されたことを確認できていません。"
        )),
        rounds => report.done.push(say!(
            language,
            "Tried {rounds} times to take everything away and to delete the user. It was not seen to be gone.",
            "付随するものをすべて取り除き、ユーザーを削除しようと {rounds} 回試みましたが、削除されたことを確認できていません。"
        )),
    }
    if standing.is_shut_off() {
        report.outcome = Outcome::Contained;
        report.headline = about.headline(" shut off, not deleted");
        report.left.push(say!(
            language,
            "The user can't do anything any more. Find out from the failed calls what keeps it from being deleted,",
            "このユーザーはもう何も操作できません。失敗した呼び出しから、削除できない原因を調べてください。"
        ));
        report.left.push(say!(language, "then delete it.", "その後、ユーザーを削除してください。"));
    } else {
        report.outcome = Outcome::Failed;
        report.headline = about.headline(" may still be usable");
        report.left.push(say!(language, "Shut the user off now:", "今すぐこのユーザーを使えないようにしてください:"));
        if standing.denial != Denial::Seen {
            report.left.push(deny_by_hand(user, language));
        }
        if standing.hanging.as_ref().is_none_or(|hanging| hanging.password) {
            let instead = say!(language, "delete its console password", "コンソールパスワードを削除してください");
            report.left.push(user_command(language, "delete-login-profile", user, &[], &instead));
        }
        for key in standing.hanging.iter().flat_map(|hanging| &hanging.access_keys).filter(|key| key.is_active) {
            let rest = [("--access-key-id", key.id.as_str()), ("--status", "Inactive")];
            let id = quote(&key.id);
            let instead = say!(language, "set its access key {id} inactive", "アクセスキー {id} を無効化してください");
            report.left.push(user_command(language, "update-access-key", user, &rest, &instead));
        }
        report.left.push(say!(
            language,
            "Then find out who adds to it, or what keeps it from being deleted, and delete it.",
            "次に、誰が追加を続けているのか、または何が削除を妨げているのかを調べ、ユーザーを削除してください。"
        ));
    }
    report.left.push(delete_by_hand(user, language));
    match &standing.hanging {
        Some(hanging) => say_hanging(&mut report.left, hanging, language),
        None => report.left.push(say!(
            language,
            "What still hangs on it could not be read completely.",
            "ユーザーにまだ付随しているものを、すべては読み取れませんでした。"
        )),
    }
    report.left.extend(used_until(&deletion.hung, language));
    say_others_deleted(deletion, report);
    report.left.push(tries_again(language));
}

fn say_others_deleted(deletion: &Deletion, report: &mut Report) {
    let language = report.language;
    for name in &deletion.others_deleted {
        let name = quote(name);
        report.done.push(say!(
            language,
            "A call deleted another user, who had got the name {name} between the last look and the call.",
            "snapback の呼び出しにより、最後の確認から呼び出しまでの間に {name} という名前になった別のユーザーが削除されました。"
        ));
        report.left.push(say!(
            language,
            "See in CloudTrail who that other user {name} was (CreateUser, UpdateUser), and make it again if it was needed.",
            "その別のユーザー {name} がどのようなユーザーだったのかを CloudTrail で確認し (CreateUser、UpdateUser)、必要であれば作り直してください。"
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
    fn of(finding: &'a Finding, language: Language) -> Self {
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
            Finding::OwnPolicies { id } => ("IAM user with policies of its own", "", id.as_str(), None),
        };
        // Of an ARN, what comes last says most.
        let more =
            more.map(|more| if more.starts_with("arn:") { more.rsplit('/').next().unwrap_or(more) } else { more });
        let names: Vec<&str> = [user].into_iter().filter(|user| !user.is_empty()).chain(more).collect();
        let names = names.join(", ");
        let name = quote(user);
        let in_full = match finding {
            Finding::UserCreated { .. } => say!(language, "IAM user {name}", "IAM ユーザー {name}"),
            Finding::PasswordCreated { .. } => {
                say!(language, "the console password of IAM user {name}", "コンソールパスワード (IAM ユーザー {name})")
            }
            Finding::PolicyAttached { policy, .. } => {
                let policy = quote(policy);
                say!(language, "policy {policy} on IAM user {name}", "ポリシー {policy} (IAM ユーザー {name})")
            }
            Finding::PolicyPut { policy, .. } => {
                let policy = quote(policy);
                say!(
                    language,
                    "inline policy {policy} of IAM user {name}",
                    "インラインポリシー {policy} (IAM ユーザー {name})"
                )
            }
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

fn happened(event: &Event, finding: &Finding, language: Language) -> Vec<String> {
    let call = quote(&event.name);
    match finding {
        Finding::UserCreated { user, id, .. } => {
            let user = quote(user);
            let id = id
                .as_deref()
                .map_or_else(|| say!(language, "without an id in the event", "ID はイベントに記録なし"), quote);
            vec![say!(
                language,
                "{call} made the IAM user {user} ({id}).",
                "{call} により、IAM ユーザー {user} ({id}) が作成されました。"
            )]
        }
        Finding::PasswordCreated { user, .. } => {
            let user = quote(user);
            vec![say!(
                language,
                "{call} gave IAM user {user} a console password.",
                "{call} により、IAM ユーザー {user} にコンソールパスワードが設定されました。"
            )]
        }
        Finding::PasswordChanged { user } => {
            let user = quote(user);
            vec![
                say!(
                    language,
                    "{call} changed the console password of IAM user {user}.",
                    "{call} により、IAM ユーザー {user} のコンソールパスワードが変更されました。"
                ),
                say!(
                    language,
                    "It was not the user itself who changed it: whoever did can sign in as that user now.",
                    "変更したのはユーザー本人ではありません。変更した者は現在、このユーザーとしてサインインできます。"
                ),
            ]
        }
        Finding::PolicyAttached { user, policy } => {
            let user = quote(user);
            vec![
                say!(
                    language,
                    "{call} attached a policy to IAM user {user}:",
                    "{call} により、IAM ユーザー {user} に次のポリシーがアタッチされました:"
                ),
                format!("  - {}", quote(policy)),
            ]
        }
        Finding::PolicyPut { user, policy, document: Some(document) } => {
            let (user, policy) = (quote(user), quote(policy));
            vec![say!(
                language,
                "{call} put the inline policy {policy}, which allows something, on IAM user {user}:",
                "{call} により、許可を含むインラインポリシー {policy} が IAM ユーザー {user} に追加されました:"
            )]
            .into_iter()
            .chain(document::lines(document).into_iter().map(|line| format!("  {line}")))
            .collect()
        }
        Finding::PolicyPut { user, policy, document: None } => {
            let (user, policy) = (quote(user), quote(policy));
            vec![
                say!(
                    language,
                    "{call} put the inline policy {policy} on IAM user {user}.",
                    "{call} により、インラインポリシー {policy} が IAM ユーザー {user} に追加されました。"
                ),
                say!(
                    language,
                    "The event does not hold what it says; CloudTrail leaves out what is too long. The account was asked.",
                    "ポリシーの内容はイベントにありません。CloudTrail は長すぎるものを省略します。内容はアカウントに問い合わせました。"
                ),
            ]
        }
        Finding::Quarantined { user, policy } => {
            let (user, policy) = (quote(user), quote(policy));
            vec![
                say!(
                    language,
                    "AWS's quarantine policy {policy} was put on IAM user {user}.",
                    "AWS の隔離ポリシー {policy} が IAM ユーザー {user} に追加されました。"
                ),
                say!(
                    language,
                    "AWS does that when it has found an access key of the user in public, such as in a repository.",
                    "AWS は、ユーザーのアクセスキーがリポジトリなどで公開されているのを見つけるとこれを行います。"
                ),
                say!(
                    language,
                    "The policy blocks only some of what a thief would do: everything else still works with that key.",
                    "このポリシーが防ぐのは、盗んだ者が行いそうなことの一部だけです。それ以外は今もそのキーで操作できます。"
                ),
            ]
        }
        Finding::AddedToGroup { user, group } => {
            let (user, group) = (quote(user), quote(group));
            vec![say!(
                language,
                "{call} added IAM user {user} to the group {group}.",
                "{call} により、IAM ユーザー {user} がグループ {group} に追加されました。"
            )]
        }
        Finding::MfaDeactivated { user: Some(user), serial } => {
            let (user, serial) = (quote(user), quote(serial));
            vec![say!(
                language,
                "{call} took the MFA device {serial} from IAM user {user}.",
                "{call} により、IAM ユーザー {user} の MFA デバイス {serial} が無効化されました。"
            )]
        }
        Finding::MfaDeactivated { user: None, serial } => {
            let serial = quote(serial);
            vec![say!(
                language,
                "{call} took the MFA device {serial} from the root user.",
                "{call} により、ルートユーザーの MFA デバイス {serial} が無効化されました。"
            )]
        }
        Finding::MfaDeleted { serial } => {
            let serial = quote(serial);
            vec![
                say!(
                    language,
                    "{call} deleted the virtual MFA device {serial}.",
                    "{call} により、仮想 MFA デバイス {serial} が削除されました。"
                ),
                say!(
                    language,
                    "A device has to be taken from its user first, unless nobody had it.",
                    "使用中のデバイスは、削除の前にユーザーから外す必要があります。"
                ),
            ]
        }
        Finding::BoundaryDeleted { user } => {
            let user = quote(user);
            vec![
                say!(
                    language,
                    "{call} removed the permissions boundary of IAM user {user}.",
                    "{call} により、IAM ユーザー {user} のアクセス許可の境界が削除されました。"
                ),
                say!(
                    language,
                    "All that the user's policies allow holds now without that limit.",
                    "ユーザーのポリシーが許可する操作は、この制限なしにすべて可能になっています。"
                ),
            ]
        }
        Finding::OwnPolicies { .. } => found(event, language).into_iter().collect(),
        Finding::PasswordPolicyDeleted => vec![
            say!(
                language,
                "{call} deleted the account's password policy.",
                "{call} により、アカウントのパスワードポリシーが削除されました。"
            ),
            say!(
                language,
                "AWS's default holds now: 8 characters, no expiry, no rule against using a password again.",
                "現在は AWS のデフォルトが適用されています: 8 文字以上、有効期限なし、再利用の制限なし。"
            ),
        ],
    }
}

/// What a person should do about what is only told.
fn to_look_at(finding: &Finding, language: Language) -> Vec<String> {
    match finding {
        Finding::PasswordChanged { user } => vec![
            say!(
                language,
                "Ask the user and the actor. If it was not meant to be, take the password away:",
                "ユーザーと実行者に確認してください。意図した変更でなければ、パスワードを削除してください:"
            ),
            delete_password(user, language),
            say!(
                language,
                "See in CloudTrail whether a ConsoleLogin of that user followed. Such a session lives up to 12 hours; to cut it:",
                "その後このユーザーの ConsoleLogin がないか、CloudTrail で確認してください。セッションは最長 12 時間有効です。取り消すには:"
            ),
            cut_sessions(user, language),
        ],
        Finding::Quarantined { user, .. } => vec![
            say!(language, "Do this in this order:", "次の順に対応してください:"),
            say!(language, "1. Look which keys the user has:", "1. ユーザーのアクセスキーを確認します:"),
            user_command(
                language,
                "list-access-keys",
                user,
                &[],
                &say!(language, "list the user's access keys", "ユーザーのアクセスキーを一覧表示してください"),
            ),
            say!(
                language,
                "2. Set the leaked one inactive, make a new one if something needs it, then delete the leaked one.",
                "2. 漏えいしたキーを無効化し、必要な場合は新しいキーを作成してから、漏えいしたキーを削除します。"
            ),
            say!(
                language,
                "   AWS names the key in a mail to the account's owner, in AWS Health and in a support case.",
                "   どのキーかは、アカウント所有者宛ての AWS からのメール、AWS Health、サポートケースに記載されています。"
            ),
            say!(
                language,
                "3. Look in CloudTrail, in all regions, for what was done with that key: new users, roles, instances, functions.",
                "3. そのキーで行われた操作を、CloudTrail ですべてのリージョンについて調べます: 新しいユーザー、ロール、インスタンス、関数など。"
            ),
            say!(language, "   Undo what was not yours.", "   自分たちの操作でないものは元に戻します。"),
            say!(
                language,
                "4. Answer AWS's support case. Detach the quarantine policy last, when the leaked key is deleted.",
                "4. AWS のサポートケースに回答します。隔離ポリシーは、漏えいしたキーを削除した後、最後にデタッチします。"
            ),
            say!(
                language,
                "Anybody who may change users can put this policy on one: if it was you, nothing has leaked.",
                "このポリシーは、ユーザーを変更できる人なら誰でも追加できます。自分で追加したのであれば、何も漏えいしていません。"
            ),
        ],
        Finding::AddedToGroup { user, group } => vec![
            say!(
                language,
                "See what the group allows. If the user is not to have that, take it out:",
                "グループで許可されている操作を確認してください。ユーザーに与えるべきでなければ、グループから削除してください:"
            ),
            user_command(
                language,
                "remove-user-from-group",
                user,
                &[("--group-name", group)],
                &say!(
                    language,
                    "take the user out of the group in the IAM console",
                    "IAM コンソールで、グループからユーザーを削除してください"
                ),
            ),
        ],
        Finding::MfaDeactivated { user: Some(user), .. } => vec![
            say!(
                language,
                "Ask the user. Without MFA, the password alone lets in. If it was not the user, take the password away until",
                "ユーザーに確認してください。MFA がなければ、パスワードだけでサインインできます。"
            ),
            say!(
                language,
                "it is clear, and look at what the user and the actor did:",
                "本人でなければ、状況がわかるまでパスワードを削除し、ユーザーと実行者の操作を調べてください:"
            ),
            delete_password(user, language),
        ],
        Finding::MfaDeactivated { user: None, .. } => vec![
            say!(
                language,
                "If it was not you: sign in as the root user at once, change its password, register an MFA device again, and delete",
                "心当たりがない場合は、ただちにルートユーザーとしてサインインし、パスワードを変更し、MFA デバイスを再登録し、"
            ),
            say!(
                language,
                "access keys that it has. If you can't sign in, ask AWS Support to recover the account.",
                "アクセスキーがあれば削除してください。サインインできない場合は、AWS サポートにアカウントの復旧を依頼してください。"
            ),
        ],
        Finding::MfaDeleted { serial } => {
            let serial = quote(serial);
            vec![say!(
                language,
                "See whose device it was ({serial}), and whether that user has another one.",
                "誰のデバイスだったか ({serial})、そのユーザーに別のデバイスがあるかを確認してください。"
            )]
        }
        Finding::BoundaryDeleted { user } => vec![
            say!(
                language,
                "See what the user's policies allow now, and put the boundary on again if it was not meant to be:",
                "ユーザーのポリシーが現在許可している操作を確認し、意図した変更でなければ境界を設定し直してください:"
            ),
            user_command(
                language,
                "put-user-permissions-boundary",
                user,
                &[("--permissions-boundary", "POLICY_ARN")],
                &say!(
                    language,
                    "put the boundary on in the IAM console",
                    "IAM コンソールでアクセス許可の境界を設定してください"
                ),
            ),
            say!(
                language,
                "The event does not say which policy it was: look for PutUserPermissionsBoundary or CreateUser in CloudTrail.",
                "どのポリシーだったかはイベントに記録されていません。CloudTrail で PutUserPermissionsBoundary または CreateUser を調べてください。"
            ),
        ],
        Finding::PasswordPolicyDeleted => vec![say!(
            language,
            "Set the password policy again: IAM console, Account settings, or `aws iam update-account-password-policy`.",
            "パスワードポリシーを設定し直してください: IAM コンソールの [アカウント設定]、または `aws iam update-account-password-policy`。"
        )],
        Finding::UserCreated { .. }
        | Finding::PasswordCreated { .. }
        | Finding::PolicyAttached { .. }
        | Finding::PolicyPut { .. }
        | Finding::OwnPolicies { .. } => by_hand(finding, language),
    }
}

/// How a person takes it back.
fn by_hand(finding: &Finding, language: Language) -> Vec<String> {
    match finding {
        Finding::UserCreated { user, .. } => vec![delete_by_hand(user, language)],
        Finding::PasswordCreated { user, .. } => vec![delete_password(user, language)],
        Finding::PolicyAttached { user, policy } => vec![user_command(
            language,
            "detach-user-policy",
            user,
            &[("--policy-arn", policy)],
            &say!(
                language,
                "detach the policy from the user in the IAM console",
                "IAM コンソールで、ユーザーからポリシーをデタッチしてください"
            ),
        )],
        Finding::PolicyPut { user, policy, .. } => vec![user_command(
            language,
            "delete-user-policy",
            user,
            &[("--policy-name", policy)],
            &say!(
                language,
                "delete the user's inline policy in the IAM console",
                "IAM コンソールで、ユーザーのインラインポリシーを削除してください"
            ),
        )],
        _ => Vec::new(),
    }
}

fn delete_password(user: &str, language: Language) -> String {
    let instead =
        say!(language, "delete the user's console password", "ユーザーのコンソールパスワードを削除してください");
    user_command(language, "delete-login-profile", user, &[], &instead)
}

fn delete_by_hand(user: &str, language: Language) -> String {
    let user = quote(user);
    say!(
        language,
        "  - IAM console: Users, {user}, Delete. The console takes along everything that hangs on it.",
        "  - IAM コンソール: [ユーザー] > {user} > [削除]。付随するものもすべて一緒に削除されます。"
    )
}

/// What has taken the place of what the event made: for the subject, and in full.
fn retaken(finding: &Finding, language: Language) -> (&'static str, String) {
    match finding {
        Finding::UserCreated { .. } => (
            ", already gone, name taken again",
            say!(
                language,
                "The user is gone, and another user, with another id, has its name. That one has an event of its own.",
                "このユーザーはすでに存在せず、ID の異なる別のユーザーが同じ名前になっています。そちらは別のイベントの対象です。"
            ),
        ),
        Finding::PasswordCreated { .. } => (
            ", already gone, made again",
            say!(
                language,
                "That password is gone, and the user has one that was made at another time. That one has an event of its own.",
                "このパスワードはすでに存在せず、ユーザーには別の時刻に作成されたパスワードがあります。そちらは別のイベントの対象です。"
            ),
        ),
        _ => (
            ", overwritten since",
            say!(
                language,
                "A policy of that name is there, and says something else than the event's. That has an event of its own.",
                "同じ名前のポリシーがありますが、内容はイベントのものと異なります。そちらは別のイベントの対象です。"
            ),
        ),
    }
}

/// What is left once it is gone, by whoever: it could be used in between.
fn used_meanwhile(finding: &Finding, gone: Gone, language: Language) -> Option<String> {
    let look = match finding {
        Finding::UserCreated { .. } => say!(
            language,
            "See in CloudTrail what was done with it until it was gone, unless you were told of its being taken back before.",
            "取り消しを知らせるメールがすでに届いている場合を除き、なくなるまでにこのユーザーで行われた操作を CloudTrail で確認してください。"
        ),
        Finding::PasswordCreated { .. } => say!(
            language,
            "See in CloudTrail whether the user signed in (ConsoleLogin) until it was gone, unless you were told of its being taken back before.",
            "取り消しを知らせるメールがすでに届いている場合を除き、なくなるまでにユーザーがサインイン (ConsoleLogin) していないかを CloudTrail で確認してください。"
        ),
        Finding::PolicyAttached { .. } | Finding::PolicyPut { .. } => say!(
            language,
            "See in CloudTrail what the user did until it was gone, unless you were told of its being taken back before.",
            "取り消しを知らせるメールがすでに届いている場合を除き、なくなるまでにユーザーが行った操作を CloudTrail で確認してください。"
        ),
        _ => return None,
    };
    // The event tells the user's name only, not its id.
    let renamed = match (finding, gone) {
        (Finding::UserCreated { .. }, _) | (_, Gone::Retaken) => String::new(),
        _ => say!(
            language,
            " See also whether the user was renamed (UpdateUser): then the user of the new name has it.",
            "ユーザー名が変更 (UpdateUser) されていないかも確認してください。変更されていれば、新しい名前のユーザーに残っています。"
        ),
    };
    Some(format!("{look}{renamed}"))
}

fn after_taking_back(finding: &Finding, language: Language) -> Vec<String> {
    let look = || {
        say!(
            language,
            "See in CloudTrail what the user did meanwhile.",
            "その間にユーザーが行った操作を CloudTrail で確認してください。"
        )
    };
    match finding {
        Finding::PasswordCreated { user, .. } => vec![
            say!(
                language,
                "See in CloudTrail whether the user signed in meanwhile (ConsoleLogin). Such a session lives up to 12 hours; to cut it:",
                "その間にユーザーがサインイン (ConsoleLogin) していないか、CloudTrail で確認してください。セッションは最長 12 時間有効です。取り消すには:"
            ),
            cut_sessions(user, language),
        ],
        Finding::PolicyAttached { user, policy } => {
            let arn = quote(policy);
            let mut lines = vec![
                look(),
                say!(
                    language,
                    "Only the attachment was taken away: the policy {arn} is still in the account.",
                    "デタッチしただけで、ポリシー {arn} はまだアカウントにあります。"
                ),
            ];
            if !is_of_aws(policy) {
                lines.push(say!(
                    language,
                    "All versions of such a policy count, because any can be made the default. Look at each of them.",
                    "このようなポリシーは、どのバージョンもデフォルトにできるため、すべてのバージョンが問題になります。一つずつ確認してください。"
                ));
            }
            lines.push(say!(
                language,
                "The event does not tell whether the policy was attached before, with a right to be. If so, attach it again:",
                "以前から正当にアタッチされていたかどうかは、イベントからはわかりません。そうであれば、アタッチし直してください:"
            ));
            lines.push(user_command(
                language,
                "attach-user-policy",
                user,
                &[("--policy-arn", policy)],
                &say!(
                    language,
                    "attach the policy to the user in the IAM console",
                    "IAM コンソールで、ユーザーにポリシーをアタッチしてください"
                ),
            ));
            lines
        }
        Finding::PolicyPut { policy, .. } => {
            let policy = quote(policy);
            vec![
                look(),
                say!(
                    language,
                    "If the user had an inline policy {policy} before, it is lost: the event does not hold it, so that it could not be put back.",
                    "ユーザーに以前からインラインポリシー {policy} があった場合、その内容は失われています。イベントに含まれないため、元に戻せませんでした。"
                ),
            ]
        }
        _ => Vec::new(),
    }
}

/// What is left to look at after a user was deleted: what it was used for before that.
fn used_until(hung: &Hanging, language: Language) -> Vec<String> {
    if !hung.let_in() {
        return Vec::new();
    }
    let mut lines = vec![say!(
        language,
        "See in CloudTrail what was done with the user until it was shut off, and which roles it assumed:",
        "使えなくなるまでにこのユーザーで行われた操作と、引き受けられたロールを CloudTrail で確認してください:"
    )];
    lines.extend(hung.access_keys.iter().map(|key| {
        let id = quote(&key.id);
        say!(language, "  - with access key {id}", "  - アクセスキー {id} によるもの")
    }));
    lines.extend(hung.password.then(|| {
        say!(
            language,
            "  - signed in to the console (ConsoleLogin)",
            "  - コンソールへのサインイン (ConsoleLogin) によるもの"
        )
    }));
    lines.extend(hung.service_credentials.iter().map(|id| {
        let id = quote(id);
        say!(language, "  - with service-specific credential {id}", "  - サービス固有の認証情報 {id} によるもの")
    }));
    lines.push(say!(
        language,
        "Sessions of roles that it assumed live on.",
        "このユーザーが引き受けたロールのセッションは引き続き有効です。"
    ));
    lines
}

fn say_shut_off(event: &Event, deletion: &Deletion, report: &mut Report) {
    let Some(at) = deletion.shut_off_at else { return };
    let seconds = event.time.map(|time| (at - time).num_seconds().max(0));
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    report.done.push(match seconds {
        Some(seconds) => say!(
            report.language,
            "Shut the user off at {at}, {seconds} seconds after the change.",
            "{at} (変更の {seconds} 秒後) にユーザーを使えないようにしました。"
        ),
        None => say!(report.language, "Shut the user off at {at}.", "{at} にユーザーを使えないようにしました。"),
    });
}

fn say_renamed(report: &mut Report, name: Option<&str>) {
    report.happened.extend(name.map(|name| {
        let name = quote(name);
        say!(
            report.language,
            "It has been renamed since: it is called {name} now.",
            "その後、ユーザー名は {name} に変更されています。"
        )
    }));
}

fn say_hanging(lines: &mut Vec<String>, hanging: &Hanging, language: Language) {
    let hanging = hanging.lines(language);
    if !hanging.is_empty() {
        lines.push(say!(language, "What hangs on the user:", "ユーザーに付随しているもの:"));
        lines.extend(hanging);
    }
}

fn has_written(steps: &[Step]) -> bool {
    steps.iter().any(|step| !step.call.starts_with("Get") && !step.call.starts_with("List"))
}

pub(super) fn lines(actions: &[Action], language: Language) -> Vec<String> {
    actions.iter().map(|action| format!("  - {}", action.to_do(language))).collect()
}

/// A command about a user, or, where a name does not belong into one, what to do in words.
pub(super) fn user_command(
    language: Language,
    operation: &str,
    user: &str,
    rest: &[(&str, &str)],
    instead: &str,
) -> String {
    let arguments: Vec<(&str, &str)> = [("--user-name", user)].into_iter().chain(rest.iter().copied()).collect();
    cli(operation, &arguments).unwrap_or_else(|| {
        say!(
            language,
            "  - {instead} (the names hold characters unfit for a command)",
            "  - {instead} (名前にコマンドでは使えない文字が含まれています)"
        )
    })
}

pub(super) fn cli(operation: &str, arguments: &[(&str, &str)]) -> Option<String> {
    let fit = arguments.iter().all(|(_, value)| is_argument(value));
    let written: Vec<String> = arguments.iter().map(|(name, value)| format!("{name} {value}")).collect();
    fit.then(|| format!("  aws iam {operation} {}", written.join(" ")))
}

fn deny_by_hand(user: &str, language: Language) -> String {
    put_policy(user, CONTAINMENT, DENY_EVERYTHING, language)
}

/// Denies everything to sessions that began before the command is run: the shell puts the time in.
fn cut_sessions(user: &str, language: Language) -> String {
    const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"NOW"}}}]}"#;
    put_policy(user, "cut-sessions", DOCUMENT, language)
}

/// `NOW` in `document`, which is of our making, is the time; a shell puts it in by itself.
fn put_policy(user: &str, policy: &str, document: &str, language: Language) -> String {
    match cli("put-user-policy", &[("--user-name", user), ("--policy-name", policy)]) {
        Some(command) => {
            format!("{command} --policy-document '{}'", document.replace("NOW", "'$(date -u +%FT%TZ)'"))
        }
        None => {
            let now =
                say!(language, "the time now, such as 2026-01-31T12:00:00Z", "現在の時刻 (例: 2026-01-31T12:00:00Z)");
            let document = document.replace("NOW", &now);
            say!(
                language,
                "  - put the inline policy {policy} on the user in the IAM console: {document}",
                "  - IAM コンソールで、インラインポリシー {policy} をユーザーに追加してください: {document}"
            )
        }
    }
}
