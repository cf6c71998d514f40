//! Mails in every language, and how they are compared with snapshots/.

use rules::alert::{LONGEST_SUBJECT, render};
use rules::{Alert, Event, Language, Report, Settings};

/// Compares a mail with the ones in snapshots/: `name` is the English one, `name_ja` the Japanese one. `$report` gives the report by the
/// settings that it is called with: `$settings` with each language.
macro_rules! compare {
    ($name:expr, $event:expr, $settings:expr, $report:expr) => {{
        let name: &str = $name;
        let [english, japanese] = crate::mail::mails($event, $settings, $report);
        for (name, mail) in [(name.to_owned(), english), (format!("{name}_ja"), japanese)] {
            insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", mail.subject, mail.body));
        }
    }};
}
pub(crate) use compare;

/// AWS's words, as the tests have them answer: they are not translated.
const WORDS_OF_AWS: [&str; 9] = [
    // An event's, whose caller forges a line.
    "left for you to do",
    "cannot be modified while login profile is being created.",
    "no such key",
    "Cannot delete entity, must delete access keys first.",
    "is not authorized",
    "You are not authorized to perform this operation.",
    "We encountered an internal error. Please try again.",
    "The user with name eve cannot be found.",
    "with an explicit deny in a service control policy",
];

/// A mail in English and in Japanese.
pub(crate) fn mails(event: &Event, settings: &Settings, report: impl Fn(&Settings) -> Report) -> [Alert; 2] {
    let [english, japanese] = [Language::English, Language::Japanese].map(|language| {
        let mut settings = settings.clone();
        settings.alert_language = language;
        render(&report(&settings), event)
    });
    assert_eq!(english.subject, japanese.subject);
    assert!(english.subject.is_ascii() && english.subject.len() <= LONGEST_SUBJECT, "{}", english.subject);
    for mail in [&english, &japanese] {
        for line in mail.body.lines() {
            assert!(!line.chars().any(|character| character.is_control() || character == '\u{202e}'), "{line:?}");
        }
        let headings = mail.body.lines().filter(|line| ["LEFT FOR YOU TO DO", "【残っている作業】"].contains(line));
        assert_eq!(headings.count(), 1, "{}", mail.body);
    }
    if let Some(line) = japanese.body.lines().find(|line| is_english(line)) {
        panic!("English in a Japanese mail: {line}\n\n{}", japanese.body);
    }
    [english, japanese]
}

/// Whether three English words follow one another, other than in a command, in AWS's words, or in what a call gave, which the tests
/// make up.
fn is_english(line: &str) -> bool {
    let is_command = ["aws ", "--"].iter().any(|start| line.trim_start().starts_with(start));
    let is_call = line.starts_with("  ") && (line.ends_with(" ms)") || line.ends_with(" ミリ秒)"));
    if is_command || is_call {
        return false;
    }
    let ours = WORDS_OF_AWS.iter().fold(line.to_owned(), |line, words| line.replace(words, "…"));
    let is_word = |word: &&str| {
        let word = word.trim_end_matches([',', '.', ':', ';']);
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'')
    };
    let words: Vec<&str> = ours.split_whitespace().collect();
    words.windows(3).any(|words| words.iter().all(&is_word))
}
