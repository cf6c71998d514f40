//! The language that a mail is written in.
//!
//! Every sentence stands once, in all languages side by side ([`say!`](crate::say)), so that none can be forgotten. Subjects, the log and names of AWS's
//! own (calls, states, error messages) are English in every language.

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

/// A text in every language: one that the log needs too, or that is put together before it is known who reads it. It is shown in English.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Words {
    english: String,
    japanese: String,
}

impl Words {
    /// Puts a text together in each language.
    pub fn new(put: impl Fn(Language) -> String) -> Self {
        Self { english: put(Language::English), japanese: put(Language::Japanese) }
    }

    /// The text in one language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::Japanese => &self.japanese,
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.english)
    }
}

/// What is not ours, such as AWS's error messages, is the same in every language.
impl From<String> for Words {
    fn from(text: String) -> Self {
        Self { japanese: text.clone(), english: text }
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// [`Words`]: `words!("no answer from {service}", "{service} から応答がありません")`, as [`say!`](crate::say).
#[macro_export]
macro_rules! words {
    ($english:literal, $japanese:literal $(,)?) => {
        $crate::language::Words::new(|language| $crate::say!(language, $english, $japanese))
    };
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
