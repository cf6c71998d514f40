//! Making text from an event harmless before a person reads it.
//!
//! Nearly every value in a CloudTrail record was chosen by whoever made the call: names, descriptions, user agents. In a mail
//! such text could forge further lines, hide itself, or turn the reading direction.

/// The longest piece of quoted text in a mail, in characters.
pub const LONGEST_QUOTE: usize = 300;

/// `text` on one line: control characters, line and paragraph separators, direction marks and other invisible characters become
/// `\u{…}` escapes, and what is over [`LONGEST_QUOTE`] characters is cut and says how many are shown of how many: `… (300/5000)`, without a
/// word, since it stands in mails of any language.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let length = text.chars().count();
    for character in text.chars().take(LONGEST_QUOTE) {
        if is_harmful(character) {
            quoted.extend(character.escape_unicode());
        } else {
            quoted.push(character);
        }
    }
    if length > LONGEST_QUOTE {
        quoted.push_str(&format!("… ({LONGEST_QUOTE}/{length})"));
    }
    quoted
}

/// `text` for a mail's subject: printable ASCII only (anything else becomes `?`), at most `longest` characters.
pub fn ascii(text: &str, longest: usize) -> String {
    let printable = |character: char| {
        if character == ' ' || character.is_ascii_graphic() { character } else { '?' }
    };
    if text.chars().count() <= longest {
        return text.chars().map(printable).collect();
    }
    text.chars().map(printable).take(longest.saturating_sub(3)).chain("...".chars()).collect()
}

/// Control characters, separators, and the format characters of Unicode (category Cf and its like) that are seen by nobody.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_forges_a_line_or_hides() {
        assert_eq!(quote("a\r\nREVERTED: all is well"), "a\\u{d}\\u{a}REVERTED: all is well");
        assert_eq!(quote("abc\u{202e}gpj.exe"), "abc\\u{202e}gpj.exe");
        assert_eq!(quote("a\u{200b}b\u{2028}c\u{1b}[31m"), "a\\u{200b}b\\u{2028}c\\u{1b}[31m");
        assert_eq!(quote("開発者 – ümlaut"), "開発者 – ümlaut");
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let quoted = quote(&"x".repeat(5_000));
        assert!(quoted.ends_with("… (300/5000)"), "{quoted}");
        assert!(quoted.chars().count() < LONGEST_QUOTE + 40);
    }

    #[test]
    fn subjects_are_ascii_and_short() {
        assert_eq!(ascii("sg é\nx", 100), "sg ??x");
        assert_eq!(ascii(&"y".repeat(200), 100).len(), 100);
    }
}
