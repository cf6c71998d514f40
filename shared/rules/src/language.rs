//! The language that a mail is written in.
//!
//! Every sentence stands once, in all languages side by side ([`say!`](crate::say)), so that none can be forgotten. Where it is made
//! of parts, it is written whole in each language, since the order of words differs. Subjects, the log and names of AWS's own (calls,
//! states, error messages) are English in every language.
//!
//! The Japanese is です・ます, short, in the words of AWS's console and documentation. There is a space between Japanese and ASCII
//! (`IAM ユーザー alice を削除しました。`), none beside 、。「」; colons and parentheses are ASCII, with a space outside. A label is
//! followed by a colon and its value, and nothing is aligned: mail clients have no fixed widths.

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
