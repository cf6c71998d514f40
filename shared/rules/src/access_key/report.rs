//! What came of a finding, for the mail.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Kind;
use super::by_hand;
use super::detect::{Change, Credential, RootCredential};
use super::plan::{Action, Status, plan};
use super::sessions::{AssumedRoles, LastUse, POLICY_NAME, written};
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, nothing_allows, tries_again};
use crate::command::{is_account_id, is_credential_id};
use crate::event::Event;
use crate::language::{Language, Localized};
use crate::say;
use crate::settings::{Mode, Settings};
use crate::text::quote;

/// What came of a user's credential.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// The account could not be read, and nothing was tried.
    NotRead {
        /// Why.
        problem: Localized,
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
    pub failures: Vec<Localized>,
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
    NotRead(Localized),
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
    pub fn standing(&self, credential: &Credential, mode: Mode) -> (Outcome, Option<Localized>) {
        let is_closed_by_us = self.carried_out.iter().any(|action| *action != Action::RevokeSessions);
        let shut = if is_closed_by_us { Outcome::Contained } else { Outcome::Alert };
        let (outcome, cause) = match &self.seen {
            Seen::NotRead(problem) => (
                Outcome::Failed,
                Localized::new(|language| {
                    let problem = problem.of(language);
                    say!(language, "it could not be read again: {problem}", "再確認できませんでした: {problem}")
                }),
            ),
            Seen::There(Status::Active) => (
                Outcome::Failed,
                Localized::new(|language| {
                    say!(language, "it was active when it was read again", "再確認した時点で有効でした")
                }),
            ),
            _ if self.sessions == Sessions::NotDenied => (
                Outcome::Failed,
                Localized::new(|language| {
                    say!(
                        language,
                        "the user's sessions could not be revoked",
                        "ユーザーのセッションを取り消せませんでした"
                    )
                }),
            ),
            // What is deleted can't be asked about any more.
            Seen::There(Status::Inactive) if matches!(self.last_use, LastUse::Unknown(_)) => (
                shut,
                Localized::new(|language| {
                    say!(language, "whether it was used is not known", "使用されたかどうかは不明です")
                }),
            ),
            Seen::There(Status::Inactive) if plan(credential, mode).contains(&Action::Delete) => (
                shut,
                Localized::new(|language| {
                    say!(
                        language,
                        "it is inactive, and was to be deleted",
                        "無効になっていますが、削除は完了していません"
                    )
                }),
            ),
            _ if is_closed_by_us && mode != Mode::Quarantine => return (Outcome::Reverted, None),
            _ => return (shut, None),
        };
        let causes: Vec<Localized> = self.failures.iter().cloned().chain([cause]).collect();
        (outcome, Some(Localized::join(&causes)))
    }
}

/// Puts together what a person is told of a credential of the root user: there is nothing that snapback can do.
pub fn of_root(event: &Event, credential: &RootCredential, language: Language) -> Report {
    let (kind, adjective) = (credential.kind.words(Language::English), credential.change.adjective());
    let mut report = Report::new(language, Outcome::Alert, format!("{adjective} {kind} of the root user"));
    report.severity = Some(Severity::Critical);
    let (kind, call) = (credential.kind.words(language), quote(&event.name));
    let (verb, became) = verb(credential.change);
    let id = credential.id.as_deref().map(quote);
    report.happened = vec![
        match &id {
            Some(id) => say!(
                language,
                "{call} {verb} {kind} {id} of the root user.",
                "{call} により、ルートユーザーの認証情報 ({kind} {id}) {became}。"
            ),
            None => say!(
                language,
                "{call} {verb} a {kind}, whose id is not in the event, of the root user.",
                "{call} により、ルートユーザーの認証情報 ({kind}、ID はイベントに記録なし) {became}。"
            ),
        },
        say!(
            language,
            "Whoever holds it can do everything in the account, and no policy in the account stops them.",
            "これを持つ者はアカウント内のすべてを操作でき、アカウント内のどのポリシーでも止められません。"
        ),
    ];
    report.done.push(say!(
        language,
        "Nothing: no role can take back a credential of the root user. The root user can, or the organization's management account.",
        "何もしていません。ルートユーザーの認証情報は、どのロールでも取り消せません。取り消せるのはルートユーザーか、組織の管理アカウントです。"
    ));
    let (noun, option) = by_hand::command(credential.kind);
    let named = credential.id.as_deref().filter(|id| is_credential_id(id));
    let named = named.map_or_else(|| format!("{option} THE-ID"), |id| format!("{option} {id}"));
    report.left = vec![
        say!(
            language,
            "Remove it now, also if it was made on purpose: nothing needs credentials of the root user.",
            "意図して作成したものでも、今すぐ削除してください。ルートユーザーの認証情報が必要な用途はありません。"
        ),
        say!(language, "As the root user:", "ルートユーザーで削除する場合:"),
        say!(
            language,
            "  1. Sign in to the console as the root user.",
            "  1. ルートユーザーとしてコンソールにサインインします。"
        ),
        say!(
            language,
            "  2. Open the account menu at the top right, then Security credentials.",
            "  2. 右上のアカウントメニューから [セキュリティ認証情報] を開きます。"
        ),
        match &id {
            Some(id) => say!(
                language,
                "  3. Find {kind} {id}. Deactivate it, then delete it.",
                "  3. {kind} {id} を探し、無効化してから削除します。"
            ),
            None => say!(
                language,
                "  3. Find the {kind} of the time below. Deactivate it, then delete it.",
                "  3. {kind}のうち下記の日時のものを探し、無効化してから削除します。"
            ),
        },
        say!(
            language,
            "Or from the organization's management account, where central root access is enabled in IAM:",
            "または、IAM でルートアクセスの一元管理を有効にしている場合は、組織の管理アカウントから:"
        ),
    ];
    let account = event.account.as_deref().filter(|account| is_account_id(account)).unwrap_or("THE-ACCOUNT-ID");
    report.left.extend([
        format!("  aws sts assume-root --region us-west-2 --target-principal {account} \\"),
        "    --task-policy-arn arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials".to_owned(),
        say!(
            language,
            "  and then, with what this answers in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN:",
            "  続けて、その応答の値を AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY、AWS_SESSION_TOKEN に設定して実行します:"
        ),
        format!("  aws iam delete-{noun} {named}"),
        say!(
            language,
            "If it was not you: change the root user's password and MFA, check the account's email address, and open a case with AWS Support.",
            "心当たりがない場合は、ルートユーザーのパスワードと MFA を変更し、アカウントの E メールアドレスを確認して、AWS サポートにケースを作成してください。"
        ),
    ]);
    report.left.extend(by_hand::look_at_use(credential.kind, credential.id.as_deref(), language));
    report.to_allow.push(say!(language, "No setting allows this.", "これを許可する設定はありません。"));
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
    let (mode, language) = (settings.access_key_mode, settings.alert_language);
    let short = format!("{} {} of {user}", change.adjective(), kind.words(Language::English));
    let mut report = Report::new(language, Outcome::Alert, short.clone());
    report.steps = steps;
    report.happened = happened(event, credential, language);
    report.to_allow.push(allow_actor(event, language).unwrap_or_else(|| nothing_allows(language)));
    let words = kind.words(language);
    match course {
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("may work: {short}");
            report.say_not_read(problem);
            report.left.push(say!(
                language,
                "Look at the {words} now, and take it back by hand:",
                "{words}を今すぐ確認し、手動で取り消してください:"
            ));
            report.left.extend(by_hand::take_back(credential, user, mode, language));
            report.left.push(tries_again(language));
        }
        Course::Withheld { renamed_to, last_use } => {
            let user = say_renamed(&mut report, credential, renamed_to.as_ref());
            if last_use.is_since(event, *change) {
                report.headline = format!("already used: {short}");
            }
            report.say_withheld(event, settings, "AccessKeyMode");
            let actions = plan(credential, mode);
            let would = |language| actions.iter().map(move |action| would(*action, credential, language));
            report.actions = would(Language::English).collect();
            report.done.extend(would(language).map(|action| format!("  - {action}")));
            report.happened.extend(used(last_use, event, *change, language));
            report.left.push(say!(
                language,
                "It still works. Take it back, or allow it:",
                "現在も有効です。取り消すか、許可してください:"
            ));
            report.left.extend(by_hand::take_back(credential, user, mode, language));
            report.left.extend(by_hand::look_at_use(*kind, Some(&credential.id), language));
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
                (Found::ActivatedSince, _) => say!(
                    language,
                    "Nothing was changed: an earlier try of snapback's shut the {words} off, and it was activated since.",
                    "何も変更していません。{words}は snapback が以前の試行で無効化しましたが、その後に有効化されています。"
                ),
                (Found::Inactive, true) => say!(
                    language,
                    "Nothing more: an earlier try of snapback's shut the {words} off. It is inactive.",
                    "追加の操作は行っていません。{words}は snapback が以前の試行で使えないようにしており、現在は無効です。"
                ),
                (Found::Absent, true) => say!(
                    language,
                    "Nothing more: an earlier try of snapback's shut the {words} off. It is gone.",
                    "追加の操作は行っていません。{words}は snapback が以前の試行で使えないようにしており、現在は存在しません。"
                ),
                (Found::Inactive, false) => say!(
                    language,
                    "Nothing was changed: the {words} was inactive already when snapback looked.",
                    "何も変更していません。{words}は snapback が確認した時点ですでに無効でした。"
                ),
                (Found::Absent, false) => say!(
                    language,
                    "Nothing was changed: no user had the {words} any more when snapback looked.",
                    "何も変更していません。{words}は snapback が確認した時点でどのユーザーにもありませんでした。"
                ),
            });
            match found {
                Found::Inactive => {
                    report.left.push(if_nobody_needs_it(language));
                    report.left.push(by_hand::delete(credential, user, language));
                }
                Found::ActivatedSince => report.left.push(say!(
                    language,
                    "Look at that activation, which is an event of its own: it has a mail, unless a trusted actor did it.",
                    "その有効化を確認してください。別のイベントなので、信頼された実行者によるものでない限り、別のメールで通知されています。"
                )),
                Found::Absent => {}
            }
            report.left.push(say!(
                language,
                "See whether it was used: it worked from the change until it was taken back.",
                "使用されていないか確認してください。変更されてから取り消されるまでの間は有効でした。"
            ));
            if *kind == Kind::AccessKey {
                report.left.push(use_is_shown_late(language));
            }
            report.left.extend(by_hand::look_at_use(*kind, Some(&credential.id), language));
            if *kind == Kind::AccessKey {
                report.left.push(say!(
                    language,
                    "If it was used, and the user is still there, end what was got with it:",
                    "使用されていて、ユーザーがまだ存在する場合は、このキーで取得された一時的な認証情報を取り消してください:"
                ));
                report.left.push(by_hand::end_sessions(user, *now, language));
            }
        }
        Course::Handled(handled) => say_handled(&mut report, event, credential, mode, handled),
    }
    report
}

/// Said where AWS shows no use of an access key.
fn use_is_shown_late(language: Language) -> String {
    say!(
        language,
        "AWS shows the use of a key late: that none is shown is no proof. Look again in an hour.",
        "AWS にキーの使用が表示されるまでには時間がかかります。表示されていなくても、使用されていないとは言い切れません。1 時間後にもう一度確認してください。"
    )
}

fn if_nobody_needs_it(language: Language) -> String {
    say!(language, "If nobody needs it, delete it:", "不要であれば削除してください:")
}

/// Says it if the user has another name than in the event; gives the name.
fn say_renamed<'a>(report: &mut Report, credential: &'a Credential, renamed_to: Option<&'a String>) -> &'a str {
    let Some(user) = renamed_to else { return &credential.user };
    let name = quote(user);
    report.happened.push(say!(
        report.language,
        "The user was renamed meanwhile, to {name}.",
        "その後、ユーザー名は {name} に変更されています。"
    ));
    user
}

fn say_handled(report: &mut Report, event: &Event, credential: &Credential, mode: Mode, handled: &Handled) {
    let language = report.language;
    let words = credential.kind.words(language);
    let short = report.headline.clone();
    let user = say_renamed(report, credential, handled.renamed_to.as_ref());
    (report.outcome, report.problem) = handled.standing(credential, mode);
    let actions = plan(credential, mode);
    report.actions = actions.iter().map(|action| would(*action, credential, Language::English)).collect();
    report.happened.extend(used(&handled.last_use, event, credential.change, language));

    report.done.extend(handled.carried_out.iter().filter_map(|action| past(*action, words, language)));
    if report.problem.is_none() {
        report.done.extend(handled.failures.iter().map(|failure| {
            let failure = quote(failure.of(language));
            say!(language, "This failed: {failure}", "失敗した操作: {failure}")
        }));
    }
    let is_inactive = handled.seen == Seen::There(Status::Inactive);
    let is_shut = is_inactive || handled.seen == Seen::Absent;
    let was_inactive = report.outcome == Outcome::Alert && is_inactive && handled.failures.is_empty();
    report.done.push(match &handled.seen {
        _ if was_inactive => say!(
            language,
            "The {words} was inactive already when snapback looked.",
            "{words}は snapback が確認した時点ですでに無効でした。"
        ),
        Seen::Absent => say!(
            language,
            "It was read again afterwards: it is gone.",
            "その後に再確認したところ、存在しませんでした。"
        ),
        Seen::There(Status::Inactive) => {
            say!(language, "It was read again afterwards: it is inactive.", "その後に再確認したところ、無効でした。")
        }
        Seen::There(Status::Active) => say!(
            language,
            "It was read again afterwards: it is ACTIVE.",
            "その後に再確認したところ、有効 (ACTIVE) でした。"
        ),
        Seen::NotRead(_) => say!(
            language,
            "It could not be read again, so whether it works is not known.",
            "再確認できなかったため、有効かどうかは不明です。"
        ),
    });
    if let Sessions::Denied(time) = handled.sessions {
        let (user, time) = (quote(user), written(time));
        report.done.push(say!(
            language,
            "Put the inline policy {POLICY_NAME} on user {user}. It denies everything to",
            "インラインポリシー {POLICY_NAME} をユーザー {user} に追加しました。"
        ));
        report.done.push(say!(
            language,
            "the user's temporary credentials issued before {time}, console sessions too. Other access keys work on.",
            "このユーザーに {time} より前に発行された一時的な認証情報 (コンソールのセッションを含む) からの操作は、すべて拒否されます。ほかのアクセスキーは引き続き有効です。"
        ));
    }

    match report.outcome {
        Outcome::Failed if is_shut => report.headline = format!("sessions live on: {short}"),
        Outcome::Failed => {
            report.headline = format!("may work: {short}");
            report.left.push(say!(
                language,
                "Take the {words} back by hand now:",
                "{words}を今すぐ手動で取り消してください:"
            ));
            report.left.extend(by_hand::take_back(credential, user, mode, language));
        }
        Outcome::Alert if was_inactive => report.headline = format!("already inactive: {short}"),
        Outcome::Alert => {
            report.headline = format!("closed: {short}");
            report.done.push(say!(
                language,
                "It is shut off all the same, by a call that ended in an error or by somebody else.",
                "それでも、使えない状態になっています。エラーで終わった呼び出しか、ほかの誰かによるものです。"
            ));
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
        report.left.push(say!(
            language,
            "Temporary credentials that were got with the key work on. End them now:",
            "このキーで取得された一時的な認証情報は引き続き有効です。今すぐ取り消してください:"
        ));
        report.left.push(by_hand::end_sessions(user, handled.now, language));
    }
    if is_inactive {
        if credential.change == Change::Activated {
            report.left.push(say!(
                language,
                "The {words} is inactive; the event does not say what it was before. If it is needed, a trusted actor can switch it on:",
                "{words}は無効です。変更前の状態はイベントに記録されていません。必要な場合は、信頼された実行者が有効化できます:"
            ));
            report.left.push(by_hand::activate(credential, user, language));
        }
        report.left.push(match credential.change {
            Change::Made => say!(
                language,
                "The {words} is inactive, and still there. Delete it:",
                "{words}は無効ですが、まだ存在します。削除してください:"
            ),
            Change::Activated => if_nobody_needs_it(language),
            Change::Reset => say!(
                language,
                "The {words} is inactive, with its new secret. If nobody needs it, delete it:",
                "{words}は新しいシークレットのまま無効になっています。不要であれば削除してください:"
            ),
        });
        report.left.push(by_hand::delete(credential, user, language));
    }
    if is_shut && report.problem.is_none() && !handled.failures.is_empty() {
        report.left.push(say!(
            language,
            "Find out why a call of snapback's failed: the next time it may matter.",
            "snapback の呼び出しが失敗した原因を調べてください。次回は影響が出る可能性があります。"
        ));
    }
    if credential.kind == Kind::AccessKey {
        say_use(report, credential, user, handled);
    }
    if report.problem.is_some() {
        report.left.push(tries_again(language));
    }
}

/// What there is to do about what an access key was used for.
fn say_use(report: &mut Report, credential: &Credential, user: &str, handled: &Handled) {
    let language = report.language;
    if let Some(roles) = &handled.roles {
        say_roles(report, roles, handled.now);
    }
    if handled.last_use == LastUse::NoneShown {
        report.left.push(use_is_shown_late(language));
    }
    report.left.extend(by_hand::look_at_use(credential.kind, Some(&credential.id), language));
    match handled.sessions {
        Sessions::Denied(_) => {
            report.left.push(say!(
                language,
                "In 36 hours, when the temporary credentials have ended, take {POLICY_NAME} off the user:",
                "36 時間後、一時的な認証情報の有効期限が切れたら、ユーザーから {POLICY_NAME} を削除してください:"
            ));
            report.left.push(by_hand::allow_sessions(user, language));
        }
        Sessions::LeftAlone if handled.seen != Seen::There(Status::Active) => {
            report.left.push(match credential.change {
                Change::Made => say!(
                    language,
                    "If it turns out to have been used, end the temporary credentials that were got with it:",
                    "使用されていたと判明した場合は、このキーで取得された一時的な認証情報を取り消してください:"
                ),
                Change::Activated | Change::Reset => say!(
                    language,
                    "If it turns out to have been used since the change, end the temporary credentials that were got with it:",
                    "変更後に使用されていたと判明した場合は、このキーで取得された一時的な認証情報を取り消してください:"
                ),
            });
            report.left.push(by_hand::end_sessions(user, handled.now, language));
        }
        Sessions::UserGone => {
            let user = quote(user);
            report.left.push(say!(
                language,
                "There is no user {user} any more. If it was not deleted but renamed, its temporary credentials work on. End them:",
                "ユーザー {user} はもう存在しません。削除ではなく名前が変更された場合、その一時的な認証情報は引き続き有効です。取り消してください:"
            ));
            report.left.push(by_hand::end_sessions("THE-NEW-NAME", handled.now, language));
        }
        Sessions::LeftAlone | Sessions::NotDenied => {}
    }
    for stray in &handled.strays {
        let name = quote(stray);
        report.left.push(say!(
            language,
            "{POLICY_NAME} was put on user {name} too, a name that the key's user had just lost. If somebody else has it, take it off:",
            "{POLICY_NAME} はユーザー {name} にも追加されました。キーのユーザーが直前まで使っていた名前です。現在この名前が別のユーザーのものであれば、このポリシーをそのユーザーから削除してください:"
        ));
        report.left.push(by_hand::allow_sessions(stray, language));
    }
}

fn say_roles(report: &mut Report, roles: &AssumedRoles, now: DateTime<Utc>) {
    let language = report.language;
    let regions: Vec<String> = roles.regions.iter().map(|region| quote(region)).collect();
    if !regions.is_empty() {
        let regions = regions.join(&say!(language, " and ", "、"));
        report.left.push(if roles.arns.is_empty() {
            say!(
                language,
                "In {regions}, CloudTrail shows no role assumed so far with the key or a session got by it. There may be more:",
                "{regions} の CloudTrail には、このキーやこのキーで取得されたセッションで引き受けられたロールは、今のところ記録されていません。ただし、まだ表示されていないものがある可能性があります。"
            )
        } else {
            say!(
                language,
                "In {regions}, CloudTrail shows these roles assumed so far with the key or a session got by it. There may be more:",
                "{regions} の CloudTrail には、このキーやこのキーで取得されたセッションで、これまでに以下のロールが引き受けられたことが記録されています。ほかにもある可能性があります。"
            )
        });
        report.left.push(say!(
            language,
            "events appear there minutes late, and each region shows only its own. Look again later.",
            "イベントは数分遅れて表示され、各リージョンにはそのリージョンのものだけが表示されます。後でもう一度確認してください。"
        ));
    }
    for arn in &roles.arns {
        let role = quote(arn);
        report.left.push(say!(
            language,
            "Sessions of {role} got with the key work on. End them, in the role's account:",
            "このキーで取得された {role} のセッションは引き続き有効です。ロールのアカウントで取り消してください:"
        ));
        report.left.push(by_hand::end_role_sessions(arn, now, language));
    }
    report.left.extend(roles.problems.iter().map(|problem| {
        let problem = quote(problem.of(language));
        say!(
            language,
            "Not all assumed roles may be known: {problem}",
            "引き受けられたロールをすべて把握できていない可能性があります: {problem}"
        )
    }));
}

fn happened(event: &Event, credential: &Credential, language: Language) -> Vec<String> {
    let Credential { kind, id, user, change, service } = credential;
    let (verb, became) = verb(*change);
    let (call, kind, id, user) = (quote(&event.name), kind.words(language), quote(id), quote(user));
    vec![match service.as_deref().map(quote) {
        Some(service) => say!(
            language,
            "{call} {verb} {kind} {id} of user {user}, for {service}.",
            "{call} により、{kind} {id} (IAM ユーザー {user}、対象サービス {service}) {became}。"
        ),
        None => say!(
            language,
            "{call} {verb} {kind} {id} of user {user}.",
            "{call} により、{kind} {id} (IAM ユーザー {user}) {became}。"
        ),
    }]
}

/// What a call did to a credential, in English, and what happened to it, in Japanese.
fn verb(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Made => ("made", "が作成されました"),
        Change::Activated => ("activated", "が有効化されました"),
        Change::Reset => ("gave a new secret to", "に新しいシークレットが発行されました"),
    }
}

/// Whether an access key was used.
fn used(last_use: &LastUse, event: &Event, change: Change, language: Language) -> Option<String> {
    match last_use {
        LastUse::NotAsked => None,
        LastUse::Unknown(problem) => {
            let problem = quote(problem.of(language));
            Some(say!(
                language,
                "Whether the key was used is not known: {problem}",
                "キーが使用されたかどうかは不明です: {problem}"
            ))
        }
        LastUse::NoneShown => Some(say!(
            language,
            "AWS shows no use of the key so far. It records use with a delay, so it may have been used.",
            "AWS の記録では、今のところキーは使用されていません。記録には遅れがあるため、使用された可能性があります。"
        )),
        LastUse::Shown(last) => {
            let (service, region, at) = (quote(&last.service), quote(&last.region), written(last.at));
            Some(if last_use.is_since(event, change) {
                say!(
                    language,
                    "The key WAS ALREADY USED: AWS shows its last use, for {service} in {region} at {at}.",
                    "警告: キーはすでに使用されています。AWS の記録による最後の使用: {at}、サービス {service}、リージョン {region}。"
                )
            } else {
                say!(
                    language,
                    "The key was used before the change: AWS shows its last use, for {service} in {region} at {at}.",
                    "キーは変更前に使用されていました。AWS の記録による最後の使用: {at}、サービス {service}、リージョン {region}。"
                )
            })
        }
    }
}

/// What is to be done, in a few words.
fn would(action: Action, credential: &Credential, language: Language) -> String {
    let (words, id) = (credential.kind.words(language), quote(&credential.id));
    let user = quote(&credential.user);
    match action {
        Action::Deactivate => {
            say!(language, "deactivate {words} {id} of {user}", "{words} {id} (IAM ユーザー {user}) を無効化する")
        }
        Action::RevokeSessions => say!(
            language,
            "if it was used, deny everything to temporary credentials of {user} issued so far",
            "使用されていた場合、IAM ユーザー {user} に発行済みの一時的な認証情報からの操作をすべて拒否する"
        ),
        Action::Delete => {
            say!(language, "delete {words} {id} of {user}", "{words} {id} (IAM ユーザー {user}) を削除する")
        }
    }
}

/// What was done, but for the sessions, which have a line of their own.
fn past(action: Action, words: &str, language: Language) -> Option<String> {
    match action {
        Action::Deactivate => {
            Some(say!(language, "Set the {words} to Inactive.", "{words}を無効 (Inactive) にしました。"))
        }
        Action::Delete => Some(say!(language, "Deleted the {words}.", "{words}を削除しました。")),
        Action::RevokeSessions => None,
    }
}
