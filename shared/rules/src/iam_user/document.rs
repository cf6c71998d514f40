//! Policy documents as a mail holds them: harmless, and whole, so that one that is gone can be put back.
//!
//! The inline policies of a user are no longer than 2,048 characters altogether, white space not counted
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).

use serde_json::Value;

use crate::text::is_harmful;

/// How long a line grows before it is broken at the next comma between two parts, in characters.
const LONG_LINE: usize = 1_000;

/// The most lines of one document.
const MOST_LINES: usize = 12;

/// A document as JSON that says the same and can stand between single quotes in a shell: what nobody sees, or ends the quotes, is
/// escaped. All of that is within strings, since it is nothing that JSON is made of.
pub(crate) fn written(document: &Value) -> String {
    let mut written = String::new();
    for character in document.to_string().chars() {
        if is_harmful(character) || character == '\'' {
            let units = &mut [0; 2];
            for unit in character.encode_utf16(units) {
                written.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            written.push(character);
        }
    }
    written
}

/// A document in lines, which are one document again when they are put together.
pub(crate) fn lines(document: &Value) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut is_text, mut is_escaped) = (false, false);
    for character in written(document).chars() {
        let is_long = lines.last().is_some_and(|line| line.chars().count() >= LONG_LINE);
        if let Some(line) = lines.last_mut() {
            line.push(character);
        }
        match character {
            '"' if !is_escaped => is_text = !is_text,
            ',' if !is_text && is_long => lines.push(String::new()),
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES);
        lines.push("…".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_ends_the_quotes_or_hides_and_it_says_the_same() {
        let document = json!({"Statement": [{"Sid": "a'; rm -rf ~; '\u{202e}\u{e0041}\n,\"", "Effect": "Allow"}]});
        let written = written(&document);
        assert!(!written.contains(['\'', '\u{202e}', '\u{e0041}', '\n']), "{written}");
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), document);
        assert_eq!(lines(&document), [written]);
    }

    #[test]
    fn what_is_long_is_broken_between_its_parts_and_not_longer_than_a_mail_takes() {
        let statement = |sid: String| json!({"Sid": sid, "Effect": "Allow", "Action": "s3:*", "Resource": "*"});
        let document = json!({"Statement": (0..40).map(|n| statement(format!("a,{n}"))).collect::<Vec<_>>()});
        let broken = lines(&document);
        assert!(broken.len() > 1 && broken.iter().all(|line| line.len() < 1_100), "{broken:#?}");
        assert_eq!(serde_json::from_str::<Value>(&broken.join("\n")).unwrap(), document);
        let document = json!({"Statement": (0..4_000).map(|n| statement(n.to_string())).collect::<Vec<_>>()});
        assert_eq!(lines(&document).len(), MOST_LINES + 1);
    }
}
