//! The language that a mail is written in.
//!
//! Every sentence stands once, in all languages side by side ([`say!`](crate::say)), so that none can be forgotten. Subjects, the log and names of AWS's
//! own (calls, states, error messages) are English in every language.

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
