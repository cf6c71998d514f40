//! What a person is told of root and of sign-ins.

use super::detect::{AccessChange, Attempt, Effect, Finding};
use crate::alert::{Outcome, Report, Severity, nothing_allows};
use crate::command::is_account_id;
use crate::event::Event;
use crate::language::Language;
use crate::say;
use crate::text::quote;

/// Calls of one session that were counted and not mailed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Calls that only read.
    pub reads: u64,
    /// Calls that change something, or tried to.
    pub changes: u64,
}

/// For how long after a mail the alike calls of its session are only counted, in minutes.
pub const FOLDED_MINUTES: i64 = 10;

/// Puts together what a person is told. `folded` is what was counted of the session since its last mail.
pub fn report(event: &Event, finding: &Finding, folded: Folded, language: Language) -> Report {
    let mut report = Report::new(language, Outcome::Alert, headline(event, finding));
    report.severity = Some(severity(finding));
    report.happened = happened(event, finding, language);
    if folded != Folded::default() {
        report.happened.push(counted(folded, language));
    }
    report.done.push(match finding {
        Finding::UserSignIn { .. } => say!(
            language,
            "Nothing was changed: snapback only tells of sign-ins.",
            "何も変更していません。サインインについては、snapback は通知だけを行います。"
        ),
        Finding::RootSignIn { attempt: Attempt::Failed(_), .. }
        | Finding::RootAccess { attempt: Attempt::Failed(_), .. }
        | Finding::RootCall { attempt: Attempt::Failed(_), .. } => say!(
            language,
            "Nothing: what was refused needs no taking back.",
            "何もしていません。拒否されたものは取り消す必要がありません。"
        ),
        _ => say!(
            language,
            "Nothing was changed: nobody in an account can take back what root does. snapback only tells.",
            "何も変更していません。ルートユーザーの操作は、アカウント内の誰にも取り消せません。snapback は通知だけを行います。"
        ),
    });
    if let Some(alike) = finding.folds() {
        report.done.push(match (alike.is_failed, alike.is_change) {
            (true, true) => say!(
                language,
                "For {FOLDED_MINUTES} minutes, more refused calls that change something of this session are counted, not mailed.",
                "今後 {FOLDED_MINUTES} 分間、このセッションで拒否された変更系の呼び出しは、件数のみを集計し、メールでは通知しません。"
            ),
            (true, false) => say!(
                language,
                "For {FOLDED_MINUTES} minutes, more refused calls that only read of this session are counted, not mailed.",
                "今後 {FOLDED_MINUTES} 分間、このセッションで拒否された読み取りのみの呼び出しは、件数のみを集計し、メールでは通知しません。"
            ),
            (false, true) => say!(
                language,
                "For {FOLDED_MINUTES} minutes, more calls that change something of this session are counted, not mailed.",
                "今後 {FOLDED_MINUTES} 分間、このセッションによる変更系の呼び出しは、件数のみを集計し、メールでは通知しません。"
            ),
            (false, false) => say!(
                language,
                "For {FOLDED_MINUTES} minutes, more calls that only read of this session are counted, not mailed.",
                "今後 {FOLDED_MINUTES} 分間、このセッションによる読み取りのみの呼び出しは、件数のみを集計し、メールでは通知しません。"
            ),
        });
        report.done.push(say!(
            language,
            "The next mail about the session says how many; CloudTrail has them all.",
            "件数はこのセッションに関する次のメールに記載します。すべての呼び出しは CloudTrail にあります。"
        ));
    }
    report.left = left(event, finding, language);
    report.to_allow = vec![
        nothing_allows(language),
        say!(
            language,
            "RootActivityMode `off` silences all about root and about sign-ins without MFA.",
            "RootActivityMode を `off` にすると、ルートユーザーと MFA なしのサインインに関する通知がすべて止まります。"
        ),
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

fn happened(event: &Event, finding: &Finding, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    match finding {
        Finding::RootSignIn { attempt, mfa } => {
            lines.push(root_signed_in(attempt, *mfa, language));
            if mfa.is_none() && !matches!(attempt, Attempt::Failed(_)) {
                lines.push(mfa_unknown(language));
            }
        }
        Finding::RootAccess { change, attempt } => {
            let done = *attempt == Attempt::Succeeded;
            lines.push(match change {
                AccessChange::RecoveryRequested => say!(
                    language,
                    "Somebody chose `Forgot password` for the root user. AWS mails a link to root's email address.",
                    "ルートユーザーについて [パスワードをお忘れですか?] が選択されました。AWS はルートユーザーの E メールアドレスにリンクを送信します。"
                ),
                AccessChange::RecoveryCompleted if done => say!(
                    language,
                    "Somebody used the link that AWS mailed to root's email address: root has a new password.",
                    "AWS がルートユーザーの E メールアドレスに送信したリンクが使用され、ルートユーザーに新しいパスワードが設定されました。"
                ),
                AccessChange::RecoveryCompleted => say!(
                    language,
                    "Somebody used the link that AWS mailed to root's email address.",
                    "AWS がルートユーザーの E メールアドレスに送信したリンクが使用されました。"
                ),
                AccessChange::Password if done => say!(
                    language,
                    "The password of the root user was changed.",
                    "ルートユーザーのパスワードが変更されました。"
                ),
                AccessChange::Password => say!(
                    language,
                    "Somebody tried to change the password of the root user.",
                    "ルートユーザーのパスワードの変更が試みられました。"
                ),
                AccessChange::Email if done => say!(
                    language,
                    "The email address of the root user was changed.",
                    "ルートユーザーの E メールアドレスが変更されました。"
                ),
                AccessChange::Email => say!(
                    language,
                    "Somebody tried to change the email address of the root user.",
                    "ルートユーザーの E メールアドレスの変更が試みられました。"
                ),
            });
        }
        Finding::RootCall { effect, .. } => {
            lines.extend(root_called(event, effect, language));
            if event.actor.invoked_by.as_deref() == Some("signin.amazonaws.com") {
                lines.push(say!(language, "It was made in the console.", "コンソールから呼び出されました。"));
            }
        }
        Finding::UserSignIn { user, attempt, mfa } => {
            lines.push(user_signed_in(user, attempt, *mfa, language));
            if mfa.is_none() {
                lines.push(mfa_unknown(language));
            }
        }
    }
    match finding {
        Finding::RootSignIn { attempt, .. }
        | Finding::RootAccess { attempt, .. }
        | Finding::RootCall { attempt, .. }
        | Finding::UserSignIn { attempt, .. } => match attempt {
            Attempt::Succeeded => {}
            Attempt::Failed(why) => {
                let why = quote(why);
                lines.push(say!(language, "AWS refused it: {why}", "AWS により拒否されました: {why}"));
            }
            Attempt::Unknown(written) if written.is_empty() => lines.push(say!(
                language,
                "The event does not say how it ended. Take it that it was done.",
                "結果はイベントに記録されていません。成功したものとして扱ってください。"
            )),
            Attempt::Unknown(written) => {
                let written = quote(written);
                lines.push(say!(
                    language,
                    "How it ended is not clear: the event says `{written}`. Take it that it was done.",
                    "結果は不明です。イベントの記録は `{written}` です。成功したものとして扱ってください。"
                ));
            }
        },
    }
    lines
}

fn mfa_unknown(language: Language) -> String {
    say!(
        language,
        "The event does not say whether MFA was used. Take it that it was not.",
        "MFA が使用されたかどうかはイベントに記録されていません。使用されていないものとして扱ってください。"
    )
}

fn root_signed_in(attempt: &Attempt, mfa: Option<bool>, language: Language) -> String {
    match (attempt, mfa) {
        (Attempt::Failed(_), _) => say!(
            language,
            "The root user failed to sign in to the console.",
            "ルートユーザーとしてのコンソールへのサインインが失敗しました。"
        ),
        (Attempt::Succeeded, Some(true)) => say!(
            language,
            "The root user signed in to the console with MFA.",
            "ルートユーザーが MFA を使用してコンソールにサインインしました。"
        ),
        (Attempt::Succeeded, Some(false)) => say!(
            language,
            "The root user signed in to the console without MFA.",
            "ルートユーザーが MFA なしでコンソールにサインインしました。"
        ),
        (Attempt::Succeeded, None) => say!(
            language,
            "The root user signed in to the console.",
            "ルートユーザーがコンソールにサインインしました。"
        ),
        (Attempt::Unknown(_), Some(true)) => say!(
            language,
            "The root user may have signed in to the console with MFA.",
            "ルートユーザーが MFA を使用してコンソールにサインインした可能性があります。"
        ),
        (Attempt::Unknown(_), Some(false)) => say!(
            language,
            "The root user may have signed in to the console without MFA.",
            "ルートユーザーが MFA なしでコンソールにサインインした可能性があります。"
        ),
        (Attempt::Unknown(_), None) => say!(
            language,
            "The root user may have signed in to the console.",
            "ルートユーザーがコンソールにサインインした可能性があります。"
        ),
    }
}

fn user_signed_in(user: &str, attempt: &Attempt, mfa: Option<bool>, language: Language) -> String {
    let user = match user {
        "" => say!(language, "An IAM user", "名前のわからない IAM ユーザー"),
        user => {
            let user = quote(user);
            say!(language, "IAM user {user}", "IAM ユーザー {user} ")
        }
    };
    match (attempt, mfa) {
        (Attempt::Succeeded, Some(false)) => say!(
            language,
            "{user} signed in to the console without MFA: the password alone is enough.",
            "{user}が MFA なしでコンソールにサインインしました。パスワードだけでサインインできる状態です。"
        ),
        (Attempt::Succeeded, _) => {
            say!(language, "{user} signed in to the console.", "{user}がコンソールにサインインしました。")
        }
        (Attempt::Failed(_) | Attempt::Unknown(_), Some(false)) => say!(
            language,
            "{user} may have signed in to the console without MFA: the password alone is enough.",
            "{user}が MFA なしでコンソールにサインインした可能性があります。パスワードだけでサインインできる状態です。"
        ),
        (Attempt::Failed(_) | Attempt::Unknown(_), _) => say!(
            language,
            "{user} may have signed in to the console.",
            "{user}がコンソールにサインインした可能性があります。"
        ),
    }
}

fn root_called(event: &Event, effect: &Effect, language: Language) -> Vec<String> {
    let (name, source) = (quote(&event.name), quote(&event.source));
    let called = match effect {
        Effect::Read => say!(
            language,
            "The root user called {name} of {source}, which only reads.",
            "ルートユーザーが {source} の {name} を呼び出しました。読み取りのみの呼び出しです。"
        ),
        _ => say!(
            language,
            "The root user called {name} of {source}.",
            "ルートユーザーが {source} の {name} を呼び出しました。"
        ),
    };
    let about = match effect {
        Effect::Read | Effect::Change => None,
        Effect::Mfa(None) => Some(say!(
            language,
            "It is about the MFA of the root user, or about a device that root can be given.",
            "ルートユーザーの MFA、またはルートユーザーに割り当てられるデバイスに関する呼び出しです。"
        )),
        Effect::Mfa(Some(user)) => {
            let user = quote(user);
            Some(say!(
                language,
                "It is about the MFA of IAM user {user}.",
                "IAM ユーザー {user} の MFA に関する呼び出しです。"
            ))
        }
        Effect::Credentials(None) => Some(say!(
            language,
            "It is about credentials of the root user, which go on working when the password is changed.",
            "ルートユーザーの認証情報に関する呼び出しです。これらはパスワードを変更しても有効なままです。"
        )),
        Effect::Credentials(Some(user)) => {
            let user = quote(user);
            Some(say!(
                language,
                "It is about credentials of IAM user {user}.",
                "IAM ユーザー {user} の認証情報に関する呼び出しです。"
            ))
        }
        Effect::Account => Some(say!(
            language,
            "With it, an account leaves its organization, is closed, or gets another owner's address.",
            "アカウントを組織から離脱させる、閉鎖する、または所有者の E メールアドレスを変更する呼び出しです。"
        )),
        Effect::Blinding => Some(say!(
            language,
            "With it, recording or alerts can be switched off. This may be the last mail about the account.",
            "記録やアラートを停止できる呼び出しです。このアカウントに関するメールはこれが最後になるかもしれません。"
        )),
    };
    [called].into_iter().chain(about).collect()
}

/// How many calls were counted and not mailed.
fn counted(Folded { reads, changes }: Folded, language: Language) -> String {
    let were = if reads + changes == 1 { "was" } else { "were" };
    let reads = match (reads, language) {
        (0, _) => None,
        (1, Language::English) => Some("1 more call that only reads".to_owned()),
        (_, Language::English) => Some(format!("{reads} more calls that only read")),
        (_, Language::Japanese) => Some(format!("読み取りのみの呼び出しが {reads} 件")),
    };
    let changes = match (changes, language) {
        (0, _) => None,
        (1, Language::English) => Some("1 more call that changes something".to_owned()),
        (_, Language::English) => Some(format!("{changes} more calls that change something")),
        (_, Language::Japanese) => Some(format!("変更系の呼び出しが {changes} 件")),
    };
    let calls = reads.into_iter().chain(changes).collect::<Vec<_>>().join(&say!(language, " and ", "、"));
    say!(
        language,
        "Since the last mail about this session it made {calls}, which {were} counted and not mailed.",
        "このセッションに関する前回のメール以降、さらに{calls}ありました。件数のみを集計し、メールでは通知していません。"
    )
}

fn left(event: &Event, finding: &Finding, language: Language) -> Vec<String> {
    if let Finding::UserSignIn { .. } = finding {
        return of_user(language);
    }
    let mut lines = vec![say!(
        language,
        "If this was you, or somebody who told you:",
        "自分の操作、または事前に聞いていた操作であれば:"
    )];
    lines.push(if_it_was_you(finding, language));
    if let Finding::RootCall { .. } = finding {
        lines.push(say!(
            language,
            "  (A task of your organization's central root access is recorded as root too, after an AssumeRoot in its management account.)",
            "  (組織のルートアクセスの一元管理によるタスクも、管理アカウントでの AssumeRoot の後、ルートユーザーの操作として記録されます。)"
        ));
    }
    if let Finding::RootSignIn { attempt: Attempt::Failed(_), .. }
    | Finding::RootAccess { change: AccessChange::RecoveryRequested, .. } = finding
    {
        lines.extend(trying_to_get_in(language));
        return lines;
    }
    lines.push(say!(
        language,
        "If it was not, somebody else is root in this account. Do this now, in this order:",
        "そうでなければ、第三者がこのアカウントをルートユーザーとして操作しています。今すぐ次の順に対応してください:"
    ));
    if let Finding::RootAccess { .. } = finding {
        lines.push(say!(
            language,
            "  0. Can't sign in any more? Use `Forgot password`, or https://support.aws.amazon.com/#/contacts/aws-account-support",
            "  0. サインインできなくなっている場合は、[パスワードをお忘れですか?] か https://support.aws.amazon.com/#/contacts/aws-account-support を利用します。"
        ));
    }
    lines.extend(take_root_back(finding, language));
    let account = account(event);
    lines.extend([
        say!(
            language,
            "From the organization, without root's password, where root access is managed centrally:",
            "ルートアクセスを一元管理している場合は、ルートユーザーのパスワードなしで組織から対応できます:"
        ),
        say!(
            language,
            "  management account, IAM, Root access management, the account: delete root user credentials. Or:",
            "  管理アカウントの [IAM] > [ルートアクセス管理] で、このアカウントのルートユーザーの認証情報を削除します。または:"
        ),
        format!(
            "  aws sts assume-root --region us-west-2 --target-principal {account} --task-policy-arn \
             arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"
        ),
        say!(
            language,
            "  gives credentials with which delete-login-profile, delete-access-key and deactivate-mfa-device of aws iam work on root.",
            "  で得られる認証情報を使うと、aws iam の delete-login-profile、delete-access-key、deactivate-mfa-device をルートユーザーに対して実行できます。"
        ),
    ]);
    lines
}

/// What to do about a sign-in of an IAM user.
fn of_user(language: Language) -> Vec<String> {
    let lines = match language {
        Language::English => [
            "Ask the user whether it was them.",
            "If it was: have them add an MFA device (console, their name at the top right, Security credentials). Better, take the",
            "  console password away and let them sign in through IAM Identity Center.",
            "If it was not, or you can't reach them, do this now:",
            "  1. IAM, Users, the user, Security credentials: disable console access, and deactivate the access keys.",
            "  2. The same page, Permissions: add an inline policy that denies * on *. It also stops sessions that are open.",
            "  3. CloudTrail, Event history, User name: see what the user did since, and what it made that outlives the user.",
        ],
        Language::Japanese => [
            "本人のサインインかどうかをユーザーに確認してください。",
            "本人であれば、MFA デバイスを追加してもらってください (コンソール右上のユーザー名 > [セキュリティ認証情報])。",
            "  できればコンソールパスワードを削除し、IAM Identity Center からサインインしてもらってください。",
            "本人でない場合、または連絡がつかない場合は、今すぐ次の対応をしてください:",
            "  1. [IAM] > [ユーザー] > 該当のユーザー > [セキュリティ認証情報]: コンソールアクセスとアクセスキーを無効化します。",
            "  2. 同じページの [許可]: すべてのリソース (*) に対するすべてのアクション (*) を拒否するインラインポリシーを追加します。開いているセッションも使えなくなります。",
            "  3. CloudTrail の [イベント履歴] をユーザー名で検索し、その後の操作と、ユーザーを消しても残るものを作っていないかを確認します。",
        ],
    };
    lines.map(str::to_owned).to_vec()
}

fn if_it_was_you(finding: &Finding, language: Language) -> String {
    match finding {
        Finding::RootSignIn { attempt: Attempt::Failed(_), .. } => {
            say!(language, "  nothing else is to be done.", "  ほかに必要な作業はありません。")
        }
        Finding::RootSignIn { mfa: None | Some(false), .. } => say!(
            language,
            "  give root an MFA device today (Security credentials). Next time use a role; few tasks need root.",
            "  今日中にルートユーザーに MFA デバイスを設定してください ([セキュリティ認証情報])。次回からはロールを使ってください。ルートユーザーが必要な作業はわずかです。"
        ),
        Finding::RootAccess { .. } | Finding::RootCall { effect: Effect::Mfa(None), .. } => say!(
            language,
            "  check that root has an MFA device of yours. Nothing else is to be done.",
            "  ルートユーザーに自分の MFA デバイスがあることを確認してください。ほかに必要な作業はありません。"
        ),
        Finding::RootCall { effect: Effect::Credentials(None), .. } => say!(
            language,
            "  delete what was made (Security credentials). Use a role instead: credentials of root can't be limited.",
            "  作成したものを削除してください ([セキュリティ認証情報])。代わりにロールを使ってください。ルートユーザーの認証情報は権限を制限できません。"
        ),
        Finding::RootCall { effect: Effect::Blinding, .. } => say!(
            language,
            "  switch on again what was switched off, as long as snapback is to watch this account.",
            "  snapback でこのアカウントの監視を続けるのであれば、停止したものを再び有効にしてください。"
        ),
        Finding::RootSignIn { mfa: Some(true), .. } | Finding::RootCall { .. } | Finding::UserSignIn { .. } => say!(
            language,
            "  nothing else is to be done. Next time use a role; few tasks need root.",
            "  ほかに必要な作業はありません。次回からはロールを使ってください。ルートユーザーが必要な作業はわずかです。"
        ),
    }
}

/// What to do if somebody else knocks at root's door.
fn trying_to_get_in(language: Language) -> [String; 4] {
    let lines = match language {
        Language::English => [
            "If it was not, somebody who knows root's email address is trying to get in:",
            "  1. Change the password of that mailbox, and see that it has MFA and forwards nothing.",
            "  2. Sign in as root. See that MFA is on, and change the password if others may know it.",
            "  3. Watch for the next mails about root. One that says `signed in` or `recovered` means that they are in.",
        ],
        Language::Japanese => [
            "そうでなければ、ルートユーザーの E メールアドレスを知る何者かが侵入を試みています:",
            "  1. そのメールボックスのパスワードを変更し、MFA が有効で、転送が設定されていないことを確認します。",
            "  2. ルートユーザーとしてサインインし、MFA が有効なことを確認します。他人に知られている可能性があればパスワードを変更します。",
            "  3. ルートユーザーに関する次のメールに注意します。件名に `signed in` または `recovered` とあれば、侵入されています。",
        ],
    };
    lines.map(str::to_owned)
}

/// What to do if somebody else is root.
fn take_root_back(finding: &Finding, language: Language) -> Vec<String> {
    let first = match language {
        Language::English => [
            "  1. Sign in as root. The account's name at the top right, Security credentials: change the password.",
            "  2. The same page: delete every access key and signing certificate of root, and every MFA device that is not",
            "     yours. Add one of yours.",
            "  3. The account's name, Account: see that email address, phone number and alternate contacts are yours. Change the",
            "     password of that mailbox too.",
            "  4. Sessions that are open live on. An account in an organization: from the management account, attach a service",
            "     control policy that denies * on * where aws:PrincipalArn is like arn:*:iam::*:root. Otherwise ask AWS Support.",
        ],
        Language::Japanese => [
            "  1. ルートユーザーとしてサインインし、右上のアカウント名 > [セキュリティ認証情報] でパスワードを変更します。",
            "  2. 同じページで、ルートユーザーのすべてのアクセスキーと署名証明書、自分のものでないすべての MFA デバイスを削除します。",
            "     自分の MFA デバイスを追加します。",
            "  3. アカウント名 > [アカウント] で、E メールアドレス、電話番号、代替連絡先が自分のものであることを確認します。",
            "     そのメールボックスのパスワードも変更します。",
            "  4. 開いているセッションは引き続き有効です。組織のアカウントであれば、管理アカウントから、aws:PrincipalArn が arn:*:iam::*:root に",
            "     一致する場合にすべてのリソース (*) に対するすべてのアクション (*) を拒否するサービスコントロールポリシー (SCP) をアタッチします。それ以外の場合は AWS サポートに依頼します。",
        ],
    };
    let fifth = match finding {
        Finding::RootCall { effect: Effect::Change, attempt: Attempt::Succeeded | Attempt::Unknown(_) } => say!(
            language,
            "  5. CloudTrail, Event history, User name root: take back what this call and others changed, first of all new users,",
            "  5. CloudTrail の [イベント履歴] をユーザー名 root で検索し、この呼び出しとほかの呼び出しによる変更を元に戻します。最優先で取り除くか元に戻すもの: 新しいユーザー、"
        ),
        Finding::RootCall { effect: Effect::Blinding, .. } => say!(
            language,
            "  5. Switch recording and alerts on again. CloudTrail, Event history, User name root: take back new users,",
            "  5. 記録とアラートを再び有効にします。CloudTrail の [イベント履歴] をユーザー名 root で検索し、次のものを取り除くか元に戻します: 新しいユーザー、"
        ),
        _ => say!(
            language,
            "  5. CloudTrail, Event history, User name root: see what it did, and take back what it made: new users,",
            "  5. CloudTrail の [イベント履歴] をユーザー名 root で検索して操作を確認し、次のものを取り除くか元に戻します: 新しいユーザー、"
        ),
    };
    let rest = [
        fifth,
        say!(
            language,
            "     roles that trust strangers, access keys, trails that were stopped.",
            "     第三者を信頼するロール、アクセスキー、停止された証跡など。"
        ),
        say!(
            language,
            "  6. Tell AWS Support that the account was taken over (Support Center, Account and billing).",
            "  6. アカウントが乗っ取られたことを AWS サポートに連絡します (サポートセンターの [アカウントと請求])。"
        ),
    ];
    first.into_iter().map(str::to_owned).chain(rest).collect()
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
        let counted = |reads, changes, language| counted(Folded { reads, changes }, language);
        assert!(counted(1, 0, Language::English).contains(" 1 more call that only reads, which was counted "));
        assert!(
            counted(12, 3, Language::English)
                .contains(" 12 more calls that only read and 3 more calls that change something, which were counted ")
        );
        assert!(
            counted(12, 3, Language::Japanese)
                .contains("読み取りのみの呼び出しが 12 件、変更系の呼び出しが 3 件ありました")
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
