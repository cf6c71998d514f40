//! What came of a finding of AWS Config about a user's own policies, for the mail.

use chrono::{DateTime, Utc};

use super::document;
use super::plan::{Action, OwnPolicy};
use super::report::{cli, lines, user_command};
use crate::alert::{Outcome, Report, Step, found, nothing_allows, tries_again};
use crate::event::Event;
use crate::language::{Language, Localized};
use crate::say;
use crate::settings::Settings;
use crate::text::quote;

/// The longest command that is one line of a mail, in characters.
const LONGEST_COMMAND: usize = 1_900;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// The account could not be read, so nothing was changed.
    NotRead {
        /// Why.
        problem: Localized,
    },
    /// There, and left so: by a mode, or the rollout.
    Withheld {
        /// The user's name.
        user: String,
        /// The policies that would have been taken off.
        policies: Vec<OwnPolicy>,
    },
    /// Taken off, and seen to be gone.
    TakenOff {
        /// The user's name.
        user: String,
        /// All that was found.
        policies: Vec<OwnPolicy>,
        /// What was done.
        actions: Vec<Action>,
        /// When the last call had returned.
        at: DateTime<Utc>,
    },
    /// Some may still be there.
    NotTakenOff {
        /// The user's name.
        user: String,
        /// All that was found.
        policies: Vec<OwnPolicy>,
        /// What was done.
        actions: Vec<Action>,
        /// What went wrong.
        problem: Localized,
    },
}

/// Puts together what a person is told; `id` is the user's.
pub fn report(event: &Event, id: &str, settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let language = settings.alert_language;
    let mut report = Report::new(language, Outcome::Alert, "");
    report.steps = steps;
    report.happened.extend(found(event, language));
    report.to_allow = vec![nothing_allows(language)];
    match course {
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("policies of an IAM user could not be read: {id}");
            report.say_not_read(problem);
            let id = quote(id);
            report.left.push(say!(
                language,
                "Look at the policies of the IAM user with the id {id} now.",
                "ID が {id} の IAM ユーザーのポリシーを今すぐ確認してください。"
            ));
            report.left.push(tries_again(language));
        }
        Course::Withheld { user, policies } => {
            report.headline = format!("IAM user with policies of its own: {user}");
            say_policies(&mut report, user, policies);
            report.say_withheld(event, settings, "IamUserMode");
            let actions: Vec<Action> = policies.iter().map(OwnPolicy::action).collect();
            report.done.extend(lines(&actions, language));
            report.actions = actions.iter().map(ToString::to_string).collect();
            report.left.push(say!(
                language,
                "Give the user what it needs by a group or, better, a role, and take these off:",
                "必要な権限はグループ、できればロールで与え、次のポリシーをユーザーから取り除いてください:"
            ));
            report.left.extend(policies.iter().map(|policy| take_off(user, policy, language)));
        }
        Course::TakenOff { user, policies, actions, at } => {
            report.outcome = Outcome::Reverted;
            report.closed_at = Some(*at);
            report.headline = format!("policies taken off IAM user: {user}");
            say_policies(&mut report, user, policies);
            say_actions(&mut report, actions);
            report.done.push(say!(
                language,
                "It was read again afterwards: the user has no policy of its own any more that allows anything.",
                "その後に再確認したところ、許可を含むユーザー自身のポリシーは残っていませんでした。"
            ));
            report.done.push(say!(
                language,
                "The user, its groups and its permissions boundary were left as they are.",
                "ユーザー、グループ、アクセス許可の境界は変更していません。"
            ));
            say_put_back(&mut report, user, policies);
            log_documents(&mut report, policies, actions);
        }
        Course::NotTakenOff { user, policies, actions, problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("policies may still be on IAM user: {user}");
            report.problem = Some(problem.clone());
            say_policies(&mut report, user, policies);
            if actions.is_empty() {
                report.done.push(say!(
                    language,
                    "Nothing was seen to be taken off.",
                    "取り除かれたことを確認できたものはありません。"
                ));
            }
            say_actions(&mut report, actions);
            report.left.push(say!(
                language,
                "Look at the user's policies now, and take off by hand what is still there:",
                "ユーザーのポリシーを今すぐ確認し、残っているものを手動で取り除いてください:"
            ));
            report.left.extend(policies.iter().map(|policy| take_off(user, policy, language)));
            say_put_back(&mut report, user, policies);
            log_documents(&mut report, policies, actions);
            report.left.push(tries_again(language));
        }
    }
    report
}

fn say_policies(report: &mut Report, user: &str, policies: &[OwnPolicy]) {
    let (language, user) = (report.language, quote(user));
    report.happened.push(say!(
        language,
        "IAM user {user} has these policies of its own that allow something:",
        "IAM ユーザー {user} 自身に、許可を含む次のポリシーがあります:"
    ));
    report.happened.extend(policies.iter().map(|policy| match policy {
        OwnPolicy::Attached(arn) => {
            let arn = quote(arn);
            say!(language, "  - attached: {arn}", "  - アタッチ: {arn}")
        }
        OwnPolicy::Inline { name, .. } => {
            let name = quote(name);
            say!(language, "  - inline: {name}", "  - インライン: {name}")
        }
    }));
}

fn say_actions(report: &mut Report, actions: &[Action]) {
    report.done.extend(actions.iter().map(|action| action.done(report.language)));
    report.actions = actions.iter().map(ToString::to_string).collect();
}

/// Adds to the log what was deleted, since it is nowhere else: a mail may get lost, and whoever tries again finds nothing.
fn log_documents(report: &mut Report, policies: &[OwnPolicy], actions: &[Action]) {
    report.actions.extend(policies.iter().filter(|policy| actions.contains(&policy.action())).filter_map(|policy| {
        match policy {
            OwnPolicy::Attached(_) => None,
            OwnPolicy::Inline { name, document } => Some(format!("{name} was {}", document::written(document))),
        }
    }));
}

/// How a person gives the user back what was taken: inline policies first, since what they say is nowhere else.
fn say_put_back(report: &mut Report, user: &str, policies: &[OwnPolicy]) {
    let language = report.language;
    report.left.push(say!(
        language,
        "If the user needs something of it, give it by a group or, better, a role. To put it back as it was:",
        "必要な権限があれば、グループ、できればロールで与えてください。元に戻すには:"
    ));
    for policy in policies {
        if let OwnPolicy::Inline { name, document } = policy {
            report.left.extend(put(user, name, document, language));
        }
    }
    let attached = policies.iter().filter_map(|policy| match policy {
        OwnPolicy::Attached(arn) => Some(arn),
        OwnPolicy::Inline { .. } => None,
    });
    report.left.extend(attached.map(|arn| {
        let arn_quoted = quote(arn);
        let instead = say!(
            language,
            "attach {arn_quoted} to the user in the IAM console",
            "IAM コンソールで、ユーザーに {arn_quoted} をアタッチしてください"
        );
        user_command(language, "attach-user-policy", user, &[("--policy-arn", arn)], &instead)
    }));
}

/// Puts an inline policy on the user again.
fn put(user: &str, name: &str, document: &serde_json::Value, language: Language) -> Vec<String> {
    let command = cli("put-user-policy", &[("--user-name", user), ("--policy-name", name)]);
    let whole = command
        .as_ref()
        .map(|command| format!("{command} --policy-document '{}'", document::written(document)))
        .filter(|whole| whole.chars().count() <= LONGEST_COMMAND);
    if let Some(whole) = whole {
        return vec![whole];
    }
    let first = match command {
        Some(command) => say!(
            language,
            "{command} --policy-document file://policy.json, where policy.json is:",
            "{command} --policy-document file://policy.json (policy.json の内容は次のとおり):"
        ),
        None => {
            let name = quote(name);
            say!(
                language,
                "  - put the inline policy {name} on the user in the IAM console:",
                "  - IAM コンソールで、次の内容のインラインポリシー {name} をユーザーに追加してください:"
            )
        }
    };
    std::iter::once(first).chain(document::lines(document).into_iter().map(|line| format!("  {line}"))).collect()
}

fn take_off(user: &str, policy: &OwnPolicy, language: Language) -> String {
    match policy {
        OwnPolicy::Attached(arn) => {
            let quoted = quote(arn);
            let instead = say!(
                language,
                "detach {quoted} from the user in the IAM console",
                "IAM コンソールで、ユーザーから {quoted} をデタッチしてください"
            );
            user_command(language, "detach-user-policy", user, &[("--policy-arn", arn)], &instead)
        }
        OwnPolicy::Inline { name, .. } => {
            let quoted = quote(name);
            let instead = say!(
                language,
                "delete the user's inline policy {quoted} in the IAM console",
                "IAM コンソールで、ユーザーのインラインポリシー {quoted} を削除してください"
            );
            user_command(language, "delete-user-policy", user, &[("--policy-name", name)], &instead)
        }
    }
}
