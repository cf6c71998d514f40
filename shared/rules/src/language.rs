//! The language that a mail is written in.
//!
//! Every sentence stands once, in all languages side by side ([`say!`](crate::say)), so that none can be forgotten. Where it is made
//! of parts, it is written whole in each language, since the order of words differs. Subjects, the log and names of AWS's own (calls,
//! states, error messages) are English in every language.
//!
//! The Japanese is です・ます, short, in the words of AWS's console and documentation. There is a space between Japanese and ASCII
//! (`IAM ユーザー alice を削除しました。`), none beside 、。「」; colons and parentheses are ASCII, with a space outside. A label is
//! followed by a colon and its value, and nothing is aligned: mail clients have no fixed widths. What the console shows is in brackets, with
//! ` > ` from one to the next: `[IAM] > [ロール]`. Two sentences are joined by 。, not by a colon: `何も変更していません。`.
//!
//! One word per thing, in all rules:
//!
//! | English | Japanese |
//! | --- | --- |
//! | actor (in a sentence; the field of a record is `プリンシパル`) | 実行者 |
//! | to take back (a change, a key, a session), to revoke or to end (sessions) | 取り消す |
//! | to revoke (a rule), to take out (an entry, a statement, a principal) | 削除する: a rule that is 取り消された may as well be the old one, back |
//! | to close (what is open) | 閉じる for groups, 解消する for what a mail is about |
//! | open to the world | インターネット全体に開放 |
//! | public access block; its four switches; on, off | ブロックパブリックアクセス; 4 つの設定; 有効, 無効 |
//! | public (S3) | パブリック; 公開 where a person means it |
//! | to write (a policy, a list) | 設定する |
//! | to let in; to keep out | 許可する; 拒否する |
//! | everybody | 全員; `誰も` only with what is denied to all but the account |
//! | to deactivate, inactive; to activate | 無効化する, 無効; 有効化する |
//! | to shut off (a user, a key, whatever the means) | 使えないようにする |
//! | to hang on (a user) | 付随する |
//! | left (not taken out); left to do | 残す; 残っている |
//! | to read again | 再確認する |
//! | it cannot be told; is not known | 判断できない, わからない; 不明 |
//! | not in the event | イベントに含まれていない, イベントに記録なし |
//! | by hand | 手動で |
//! | stranger, somebody else | 第三者; ほかの誰か where they may be a colleague |
//! | temporary credentials | 一時的な認証情報 |
//! | root user; central root access | ルートユーザー; ルートアクセスの一元管理 |
//! | provider's audience, thumbprint | 対象者 (audience), サムプリント |

use std::fmt;
use std::str::FromStr;

/// What [`crate::Settings::alert_language`] chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// `en`.
    #[default]
    English,
    /// `ja`.
    Japanese,
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "en" => Ok(Self::English),
            "ja" => Ok(Self::Japanese),
            _ => Err("no such language".to_owned()),
        }
    }
}

/// A text in every language: for what stands in the log, which is English, as well as in a mail. Its `Display` is the log's.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Localized {
    english: String,
    japanese: String,
}

impl Localized {
    /// Asks for the text in each language.
    pub fn new(text: impl Fn(Language) -> String) -> Self {
        Self { english: text(Language::English), japanese: text(Language::Japanese) }
    }

    /// A text that is the same in every language: AWS's own words.
    pub fn verbatim(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { english: text.clone(), japanese: text }
    }

    /// Several, one after the other.
    pub fn join(texts: &[Self]) -> Self {
        Self::new(|language| texts.iter().map(|text| text.of(language)).collect::<Vec<_>>().join("; "))
    }

    /// The text in one language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::Japanese => &self.japanese,
        }
    }
}

impl fmt::Display for Localized {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.of(Language::English))
    }
}

/// A `String` in the given [`Language`]: `say!(language, "Delete {name}.", "{name} を削除してください。")`. Both are formatted as by
/// [`format!`], and each may use what it needs of the variables in scope.
#[macro_export]
macro_rules! say {
    ($language:expr, $english:literal, $japanese:literal $(,)?) => {
        match $language {
            $crate::language::Language::English => format!($english),
            $crate::language::Language::Japanese => format!($japanese),
        }
    };
}

/// The same in every language, as a [`Localized`]: `localized!("no answer from {name}", "{name} から応答がありません")`.
#[macro_export]
macro_rules! localized {
    ($english:literal, $japanese:literal $(,)?) => {
        $crate::language::Localized::new(|language| $crate::say!(language, $english, $japanese))
    };
}
