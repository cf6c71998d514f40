//! Mails in every language, and how they are compared with snapshots/.

#[path = "answers.rs"]
mod answers;

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
const WORDS_OF_AWS: [&str; 10] = [
    // An event's, whose caller forges a line.
    "left for you to do",
    "cannot be modified while login profile is being created.",
    "no such key",
    "Invalid principal in policy",
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
        let mut report = report(&settings);
        if language == Language::Japanese {
            report.steps.iter_mut().filter_map(|step| step.result.as_mut().ok()).for_each(put_into_japanese);
        }
        render(&report, event)
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

/// The tests make steps up once, in English; a function has what a call gave in the mail's language.
fn put_into_japanese(result: &mut String) {
    if let Some((_, japanese)) = answers::ANSWERS.iter().find(|(english, _)| english == result) {
        *result = (*japanese).to_owned();
    } else if let Some(number) = result.strip_suffix(" rules").or_else(|| result.strip_suffix(" rule")) {
        *result = format!("ルール {number} 件");
    } else if let Some(number) = result.strip_suffix(" listed") {
        *result = format!("{number} 件");
    }
}

/// Whether three English words follow one another, other than in a command or in AWS's words.
fn is_english(line: &str) -> bool {
    let is_command = ["aws ", "--"].iter().any(|start| line.trim_start().starts_with(start));
    if is_command {
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
