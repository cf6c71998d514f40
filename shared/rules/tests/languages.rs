//! That each text says the same in every language, as far as a machine can tell: it tells the same facts, and is written by the rules of
//! `rules::language`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

#[path = "common/answers.rs"]
mod answers;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Texts whose variables differ, by the beginning of the English, and why.
const DIFFERENT: [(&str, &str); 10] = [
    (
        "{call} {verb} {kind} {id} of the root user.",
        "`verb` and `became` are the verb, which each language has its own of",
    ),
    ("{call} {verb} a {kind}, whose id is not in the event, of the root user.", "as above"),
    ("{call} {verb} {kind} {id} of user {user}, for {service}.", "as above"),
    ("{call} {verb} {kind} {id} of user {user}.", "as above"),
    ("{english}", "the two languages of one text"),
    ("{number} {groups}", "`groups` is the noun, singular or plural"),
    ("{number} {rules}", "as above"),
    ("{number} {entries}", "as above"),
    ("{number} {grants}", "as above"),
    (
        "Since the last mail about this session it made {calls}, which {were} counted and not mailed.",
        "`were` is the verb, singular or plural",
    ),
];

/// A text as it stands in the source: a format string per language.
struct Text {
    place: String,
    english: String,
    japanese: String,
}

#[test]
fn both_languages_tell_the_same_facts() {
    let mut used = BTreeSet::new();
    for Text { place, english, japanese } in texts() {
        let [in_english, in_japanese] = [&english, &japanese].map(|text| variables(text));
        if in_english == in_japanese {
            continue;
        }
        match DIFFERENT.iter().find(|(known, _)| *known == english) {
            Some((known, _)) => _ = used.insert(*known),
            None => panic!("{place}: {in_english:?} in English, {in_japanese:?} in Japanese:\n{english}\n{japanese}"),
        }
    }
    let unused: Vec<_> = DIFFERENT.iter().filter(|(known, _)| !used.contains(known)).collect();
    assert!(unused.is_empty(), "these do not differ any more, or are gone: {unused:?}");
}

/// The mails in snapshots/ show what the functions say.
#[test]
fn made_up_answers_are_the_functions() {
    let texts = texts();
    for (english, japanese) in answers::ANSWERS {
        let is_there = texts.iter().any(|text| text.english == english && text.japanese == japanese);
        assert!(is_there, "no function says `{english}` and `{japanese}`");
    }
}

#[test]
fn japanese_is_spaced_alike() {
    for Text { place, japanese, .. } in texts() {
        if let Some(fault) = fault(&japanese) {
            panic!("{place}: {fault}: {japanese}");
        }
    }
    for (odd, fault_of_it) in [
        ("IAMユーザー", Some("no space between Japanese and ASCII")),
        ("ユーザー`x`", Some("no space between Japanese and ASCII")),
        ("ロール(x)", Some("no space between Japanese and ASCII")),
        ("ロール：", Some("a wide sign that is ASCII elsewhere")),
        ("ロール 、", Some("a space beside a mark")),
        ("はい。 いいえ", Some("a space beside a mark")),
        ("はい。いいえ: {x} と `y`、[z] も", None),
    ] {
        assert_eq!(fault(odd), fault_of_it, "{odd}");
    }
}

#[test]
fn variables_are_what_format_takes() {
    let names = |text| variables(text).into_iter().collect::<Vec<_>>();
    assert_eq!(names("{a} {{b}} {c:?} {a}"), ["a", "c"]);
    assert_eq!(names("{{{a}}}"), ["a"]);
    assert!(names("none").is_empty());
}

/// The names in a format string.
fn variables(text: &str) -> BTreeSet<String> {
    let plain = text.replace("{{", "");
    let inside = plain.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next());
    inside.map(str::to_owned).collect()
}

/// What is wrong with how a Japanese text is written.
fn fault(text: &str) -> Option<&'static str> {
    let is_japanese = |character: char| matches!(character, 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー' | '々' | '一'..='鿿');
    let wants_space = |character: char| character.is_ascii_alphanumeric() || "`([".contains(character);
    let ends_in = |character: char| character.is_ascii_alphanumeric() || "`)]".contains(character);
    if text.contains(['，', '．', '：', '；', '（', '）', '！', '？', '［', '］', '\u{3000}']) {
        return Some("a wide sign that is ASCII elsewhere");
    }
    text.chars().zip(text.chars().skip(1)).find_map(|(left, right)| match () {
        () if is_japanese(left) && wants_space(right) || ends_in(left) && is_japanese(right) => {
            Some("no space between Japanese and ASCII")
        }
        () if left == ' ' && "、。」".contains(right) || "、。「".contains(left) && right == ' ' => {
            Some("a space beside a mark")
        }
        () => None,
    })
}

/// Every text of the rules, the functions and what they share.
fn texts() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    for folder in ["functions", "shared", "cli/src"] {
        for path in sources(&root.join(folder)) {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let source: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
            // The macros themselves, which have no text yet.
            if name != "shared/rules/src/language.rs" {
                collect(source, &name, &mut texts);
            }
        }
    }
    assert!(texts.len() > 500, "only {} texts found", texts.len());
    texts
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let inside = folders.iter().filter(|path| !path.ends_with("target")).flat_map(|path| sources(path));
    files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).chain(inside).collect()
}

/// Finds `say!(…)` and `localized!(…)`, also inside other macros.
fn collect(tokens: TokenStream, name: &str, texts: &mut Vec<Text>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is_macro = |back: usize, is: &dyn Fn(&TokenTree) -> bool| {
            index.checked_sub(back).and_then(|before| tokens.get(before)).is_some_and(is)
        };
        let is_bang = |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == '!');
        let is_name =
            |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if *ident == "say" || *ident == "localized");
        if group.delimiter() == Delimiter::Parenthesis && is_macro(1, &is_bang) && is_macro(2, &is_name) {
            let literals: Vec<String> = group.stream().into_iter().filter_map(text_of).collect();
            let [english, japanese] = literals.as_slice() else {
                panic!("{name}: a text in {} languages: {literals:?}", literals.len());
            };
            let place = format!("{name}:{}", group.span_open().start().line);
            texts.push(Text { place, english: english.clone(), japanese: japanese.clone() });
        }
        collect(group.stream(), name, texts);
    }
}

/// What a string literal says; escapes stay as they are written.
fn text_of(token: TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    Some(literal.to_string().strip_prefix('"')?.strip_suffix('"')?.to_owned())
}
