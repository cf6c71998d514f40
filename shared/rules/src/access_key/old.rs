//! Access keys that are older than a rule of AWS Config allows: which they are, and what came of them, for the mail.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::Kind;
use super::by_hand;
use super::detect::{Change, Credential};
use super::sessions::{LastUse, written};
use crate::alert::{Outcome, Report, Step, found, nothing_allows, tries_again};
use crate::event::Event;
use crate::json::{field, scalar};
use crate::language::{Language, Localized};
use crate::settings::Settings;
use crate::text::quote;
use crate::{localized, say};

/// How old a key may be if the rule does not say otherwise, in days
/// (<https://docs.aws.amazon.com/config/latest/developerguide/access-keys-rotated.html>).
pub const DEFAULT_DAYS: i64 = 90;

/// More days than that are no age.
const MOST_DAYS: i64 = 100_000;

/// How old a key may be by a rule's parameters, in days.
///
/// # Errors
/// Says that they can't be understood.
pub fn longest_age(parameters: &Value) -> Result<i64, Localized> {
    let told = field(parameters, "maxAccessKeyAge");
    let is_told = !parameters.is_null() && (!parameters.is_object() || !told.is_null());
    if !is_told {
        return Ok(DEFAULT_DAYS);
    }
    let days = scalar(told).and_then(|days| days.trim().parse::<i64>().ok());
    days.filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
        localized!(
            "`maxAccessKeyAge` of the rule is no number of days",
            "ルールの `maxAccessKeyAge` が日数ではありません"
        )
    })
}

/// Whether a key is older than that many days.
pub fn is_old(created: DateTime<Utc>, days: i64, now: DateTime<Utc>) -> bool {
    TimeDelta::try_days(days).is_some_and(|longest| now - created > longest)
}

/// An active access key that is too old.
#[derive(Clone, Debug, PartialEq)]
pub struct OldKey {
    /// `AKIA…`
    pub id: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When and for what it was used last.
    pub last_use: LastUse,
}

/// What came of a user's old keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// The account could not be read, so nothing was changed.
    NotRead {
        /// Why.
        problem: Localized,
    },
    /// They work, and were left so: by a mode, or the rollout.
    Withheld {
        /// The user's name.
        user: String,
        /// The keys.
        keys: Vec<OldKey>,
    },
    /// Set inactive, and seen to be.
    Deactivated {
        /// The user's name.
        user: String,
        /// The keys.
        keys: Vec<OldKey>,
        /// When the last call had returned.
        at: DateTime<Utc>,
    },
    /// Some may still work.
    NotDeactivated {
        /// The user's name.
        user: String,
        /// The keys.
        keys: Vec<OldKey>,
        /// What went wrong.
        problem: Localized,
    },
}

/// Puts together what a person is told of the keys of the user with that id; `days` is how old they may be.
pub fn report(
    event: &Event,
    (id, days): (&str, i64),
    settings: &Settings,
    course: &Course,
    now: DateTime<Utc>,
    steps: Vec<Step>,
) -> Report {
    let language = settings.alert_language;
    let mut report = Report::new(language, Outcome::Alert, "");
    report.steps = steps;
    report.happened.extend(found(event, language));
    report.to_allow = vec![nothing_allows(language)];
    match course {
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("access keys of an IAM user could not be read: {id}");
            report.say_not_read(problem);
            let id = quote(id);
            report.left.push(say!(
                language,
                "Look at the access keys of the IAM user with the id {id}.",
                "ID が {id} の IAM ユーザーのアクセスキーを確認してください。"
            ));
            report.left.push(tries_again(language));
        }
        Course::Withheld { user, keys } => {
            report.headline = format!("old access keys of {user}");
            say_keys(&mut report, user, keys, days, now);
            report.say_withheld(event, settings, "AccessKeyMode");
            say_actions(&mut report, user, keys);
            report.left.push(say!(
                language,
                "They still work. Give what uses them a role or a new key, and deactivate them; what that breaks, activating mends:",
                "これらは現在も有効です。使用しているものにロールか新しいキーを与えてから、無効化してください。問題が起きた場合は有効化すれば元に戻せます:"
            ));
            for key in keys {
                report.left.push(by_hand::deactivate(&credential(user, key), user, language));
                report.left.push(by_hand::activate(&credential(user, key), user, language));
            }
            report.left.push(say!(language, "Then delete them:", "その後、削除してください:"));
            report.left.extend(keys.iter().map(|key| by_hand::delete(&credential(user, key), user, language)));
        }
        Course::Deactivated { user, keys, at } => {
            report.outcome = Outcome::Contained;
            report.closed_at = Some(*at);
            report.headline = format!("old access keys of {user} deactivated");
            say_keys(&mut report, user, keys, days, now);
            say_actions(&mut report, user, keys);
            report.done.push(say!(
                language,
                "Set them to Inactive, and read them again afterwards: they are. None was deleted.",
                "無効 (Inactive) にし、その後に再確認したところ無効でした。削除はしていません。"
            ));
            report.left.push(say!(
                language,
                "Give what used them a role or a new key, then delete them:",
                "使用していたものにロールか新しいキーを与えてから、削除してください:"
            ));
            report.left.extend(keys.iter().map(|key| by_hand::delete(&credential(user, key), user, language)));
            report.left.push(say!(
                language,
                "If something needs one until then, one of TrustedActors can activate it; of others, snapback takes that back:",
                "それまでに必要な場合は、TrustedActors のいずれかが有効化できます。ほかの実行者による有効化は snapback が取り消します:"
            ));
            report.left.extend(keys.iter().map(|key| by_hand::activate(&credential(user, key), user, language)));
        }
        Course::NotDeactivated { user, keys, problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("old access keys of {user} may still work");
            report.problem = Some(problem.clone());
            say_keys(&mut report, user, keys, days, now);
            report.done.push(say!(
                language,
                "This was to be done, and is not, or was not seen to be:",
                "次の操作を行うはずでしたが、完了していないか、完了を確認できていません:"
            ));
            say_actions(&mut report, user, keys);
            report.left.push(say!(
                language,
                "Look at the keys, and deactivate those that are still active:",
                "キーを確認し、まだ有効なものを無効化してください:"
            ));
            report.left.extend(keys.iter().map(|key| by_hand::deactivate(&credential(user, key), user, language)));
            report.left.push(tries_again(language));
        }
    }
    report
}

fn credential(user: &str, key: &OldKey) -> Credential {
    let (kind, change) = (Kind::AccessKey, Change::Activated);
    Credential { kind, id: key.id.clone(), user: user.to_owned(), change, service: None }
}

fn say_keys(report: &mut Report, user: &str, keys: &[OldKey], days: i64, now: DateTime<Utc>) {
    let (language, user) = (report.language, quote(user));
    report.happened.push(say!(
        language,
        "IAM user {user} has these active access keys that are older than {days} days:",
        "IAM ユーザー {user} に、{days} 日より古い有効なアクセスキーがあります:"
    ));
    report.happened.extend(keys.iter().map(|key| {
        let (id, age) = (quote(&key.id), (now - key.created).num_days());
        let last_use = last_use(&key.last_use, language);
        say!(language, "  - {id}: {age} days old; {last_use}", "  - {id}: 作成から {age} 日、{last_use}")
    }));
}

fn last_use(last_use: &LastUse, language: Language) -> String {
    match last_use {
        LastUse::Shown(last) => {
            let (service, region, at) = (quote(&last.service), quote(&last.region), written(last.at));
            say!(
                language,
                "last used for {service} in {region} at {at}",
                "最後の使用: {at}、サービス {service}、リージョン {region}"
            )
        }
        LastUse::NoneShown => say!(language, "AWS shows no use", "AWS の記録に使用なし"),
        LastUse::NotAsked => say!(language, "last use not known", "最後の使用は不明"),
        LastUse::Unknown(problem) => {
            let problem = quote(problem.of(language));
            say!(language, "last use not known: {problem}", "最後の使用は不明: {problem}")
        }
    }
}

fn say_actions(report: &mut Report, user: &str, keys: &[OldKey]) {
    let user = quote(user);
    let to_do = |language: Language| {
        let user = user.clone();
        keys.iter().map(move |key| {
            let id = quote(&key.id);
            say!(
                language,
                "deactivate access key {id} of {user}",
                "アクセスキー {id} (IAM ユーザー {user}) を無効化する"
            )
        })
    };
    report.actions = to_do(Language::English).collect();
    report.done.extend(to_do(report.language).map(|action| format!("  - {action}")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_age_is_text_or_a_number_or_the_default() {
        for (parameters, days) in [
            (Value::Null, Some(90)),
            (json!({}), Some(90)),
            (json!({"maxAccessKeyAge": null}), Some(90)),
            (json!({"maxAccessKeyAge": "30"}), Some(30)),
            (json!({"maxAccessKeyAge": 45}), Some(45)),
            (json!({"maxAccessKeyAge": " 7 "}), Some(7)),
            (json!({"maxAccessKeyAge": "0"}), None),
            (json!({"maxAccessKeyAge": -1}), None),
            (json!({"maxAccessKeyAge": 1.5}), None),
            (json!({"maxAccessKeyAge": ""}), None),
            (json!({"maxAccessKeyAge": "ninety"}), None),
            (json!({"maxAccessKeyAge": [90]}), None),
            (json!({"maxAccessKeyAge": "9223372036854775807"}), None),
            (json!("not JSON"), None),
            (json!([]), None),
        ] {
            assert_eq!(longest_age(&parameters).ok(), days, "{parameters}");
        }
    }

    #[test]
    fn only_what_is_older_is_old() {
        let now = "2026-11-23T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let made = |hours: i64| now - TimeDelta::hours(hours);
        assert!(is_old(made(90 * 24 + 1), 90, now) && !is_old(made(90 * 24), 90, now) && !is_old(made(-5), 90, now));
    }
}
