//! How a check looks on a terminal.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use rules::foresee::Verdict;
use rules::text::{LONGEST_QUOTE, is_harmful, quote};

use unicode_width::UnicodeWidthStr;

use super::decide::Decided;
use super::tally::{ByVerdict, Counts, Tally};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// How many actors are shown.
const MOST_ACTORS: usize = 30;

/// The verdicts that have a column, if there are any.
pub(super) const COLUMNS: [Verdict; 5] =
    [Verdict::Revert, Verdict::Quarantine, Verdict::Alert, Verdict::Depends, Verdict::Exempt];

/// The narrowest that a line is made for.
const NARROWEST: usize = 60;

/// All that there is to say.
pub(super) fn summary(tally: &Tally) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let width = width();
    list(&mut out, tally, Verdict::Revert, "would have been taken back or shut off", width)?;
    list(&mut out, tally, Verdict::Depends, "depend on what was in the account", width)?;
    if !tally.by_rule.is_empty() {
        let rows = tally.by_rule.iter().map(|(rule, verdicts)| ((*rule).to_owned(), verdicts)).collect();
        let columns: Vec<Verdict> = COLUMNS.into_iter().filter(|verdict| tally.number(*verdict) > 0).collect();
        table(&mut out, "rule", rows, &columns, width)?;
        let mut actors: Vec<(String, &ByVerdict)> =
            tally.by_actor.by_name.iter().map(|(actor, verdicts)| (quote(actor), verdicts)).collect();
        actors.sort_by_key(|(_, verdicts)| std::cmp::Reverse(weight(verdicts)));
        let more = actors.len().saturating_sub(MOST_ACTORS);
        actors.truncate(MOST_ACTORS);
        table(&mut out, "actor", actors, &columns, width)?;
        if more > 0 {
            writeln!(out, "{DIM}and {more} more actors{DIM:#}")?;
        }
    }
    candidates(&mut out, tally)?;
    writeln!(out, "\n{BOLD}{}{BOLD:#}", counts(&tally.counts))?;
    out.flush()
}

/// By what those are sorted that did something: the weightiest verdict counts first.
pub(super) fn weight(verdicts: &ByVerdict) -> [u64; COLUMNS.len()] {
    COLUMNS.map(|verdict| verdicts.get(&verdict).copied().unwrap_or_default())
}

/// Those of a verdict, two lines each and one more for the settings that would have left it alone.
fn list(out: &mut impl Write, tally: &Tally, verdict: Verdict, what: &str, width: usize) -> io::Result<()> {
    let number = match verdict {
        Verdict::Revert => tally.number(Verdict::Revert) + tally.number(Verdict::Quarantine),
        verdict => tally.number(verdict),
    };
    let Some(listed) = tally.listed.get(&verdict) else { return Ok(()) };
    writeln!(out, "\n{BOLD}{number} {what}{BOLD:#}")?;
    for decided in &listed.kept {
        entry(out, decided, width)?;
    }
    let more = number.saturating_sub(listed.kept.len() as u64);
    if more > 0 {
        writeln!(out, "{DIM}and {more} more: --json gives all{DIM:#}")?;
    }
    Ok(())
}

fn entry(out: &mut impl Write, decided: &Decided, width: usize) -> io::Result<()> {
    let or = |text: &Option<String>, other: &str| text.as_deref().map_or(other.to_owned(), quote);
    let (time, account) = (or(&decided.event_time, "no time"), or(&decided.account, "no account"));
    let (region, actor) = (or(&decided.region, "no region"), or(&decided.actor, "nobody named"));
    writeln!(out, "{}", cut(&format!("{time}  {account}  {region}  {actor}"), width))?;
    let resource = decided.resource.as_deref().map(|resource| format!(" {}", quote(resource))).unwrap_or_default();
    let style = if decided.verdict == Verdict::Depends { YELLOW } else { RED };
    let word = decided.verdict.word();
    let rest = cut(&format!("{resource}: {}", quote(&decided.reason)), width.saturating_sub(word.len() + 2));
    writeln!(out, "  {style}{word}{style:#}{rest}")?;
    let settings: Vec<String> = decided
        .exempted_by
        .iter()
        .map(|exemption| format!("{}={}", exemption.setting, quote(&exemption.value)))
        .collect();
    if !settings.is_empty() {
        let line = cut(&format!("  unless {}", settings.join(" or ")), width);
        writeln!(out, "{DIM}{line}{DIM:#}")?;
    }
    Ok(())
}

fn table(
    out: &mut impl Write,
    title: &str,
    rows: Vec<(String, &ByVerdict)>,
    columns: &[Verdict],
    width: usize,
) -> io::Result<()> {
    let headings: Vec<String> = columns.iter().map(|verdict| format!("{:>12}", verdict.word())).collect();
    let room = width.saturating_sub(headings.concat().len());
    let longest = rows.iter().map(|(name, _)| name.width()).max().unwrap_or_default().max(title.len());
    let first = longest.min(room);
    writeln!(out, "\n{BOLD}{title:<first$}{}{BOLD:#}", headings.concat())?;
    for (name, verdicts) in rows {
        let numbers = columns.iter().map(|verdict| match verdicts.get(verdict) {
            None => format!("{:>12}", "-"),
            Some(number) => format!("{number:>12}"),
        });
        let numbers: String = numbers.collect();
        let name = cut(&name, first);
        let space = " ".repeat(first.saturating_sub(name.width()));
        writeln!(out, "{name}{space}{numbers}")?;
    }
    Ok(())
}

/// The actors that could be trusted, as the setting takes them.
fn candidates(out: &mut impl Write, tally: &Tally) -> io::Result<()> {
    if tally.trust.by_name.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{BOLD}candidates for TrustedActors{BOLD:#}, if they are to do this, and nobody else can be them; an attacker's would be listed, too:"
    )?;
    let mut actors: Vec<(&String, &u64)> = tally.trust.by_name.iter().collect();
    actors.sort_by_key(|(actor, number)| (std::cmp::Reverse(**number), (*actor).clone()));
    let more = actors.len().saturating_sub(MOST_ACTORS);
    for (actor, number) in actors.into_iter().take(MOST_ACTORS) {
        writeln!(out, "  TrustedActors = \"{}\"  {DIM}# leaves {number} alone{DIM:#}", quote(actor))?;
    }
    if more > 0 {
        writeln!(out, "{DIM}and {more} more actors{DIM:#}")?;
    }
    Ok(())
}

/// How much was read, in one line.
pub(super) fn counts(counts: &Counts) -> String {
    let mut parts = vec![format!("{} records in {} files", counts.records, counts.files)];
    let mut more = |number: u64, words: &str| {
        if number > 0 {
            parts.push(format!("{number} {words}"));
        }
    };
    more(counts.left_out, "records left out");
    for (other, number) in &counts.others {
        more(*number, &format!("{} skipped", other.words()));
    }
    more(counts.without_records, "files without a record");
    more(counts.passed_over, "other files passed over");
    more(counts.not_read, "could not be read");
    parts.join(", ")
}

/// Text of any length on one line, nothing of it cut off: what is wrong with a file stands behind its path.
pub(super) fn in_full(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(LONGEST_QUOTE).map(|piece| quote(&piece.iter().collect::<String>())).collect()
}

/// A line of JSON with escapes for what would play tricks on a terminal. That stands only in its strings.
pub(super) fn harmless(line: &str) -> String {
    let mut harmless = String::with_capacity(line.len());
    for character in line.chars() {
        if is_harmful(character) {
            let units =
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            harmless.push_str(&units);
        } else {
            harmless.push(character);
        }
    }
    harmless
}

/// As wide as the terminal; without one, as wide as it takes.
fn width() -> usize {
    let size = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    size.map_or(usize::MAX, |(width, _)| usize::from(width.0).max(NARROWEST))
}

/// The text, or as much of it as there is room for. A character may take no column, one, or two, as Chinese and Japanese ones do.
fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    for character in text.chars() {
        cut.push(character);
        if cut.width() >= room {
            cut.pop();
            break;
        }
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_and_shows_no_tricks() {
        let text = "a\u{9b}31m\u{202e}\u{e0041}ä\n開";
        let line = harmless(&serde_json::json!({"reason": text}).to_string());
        assert_eq!(line, r#"{"reason":"a\u009b31m\u202e\udb40\udc41ä\n開"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["reason"], text);
        assert_eq!(in_full(&"x\u{1b}".repeat(400)), "x\\u{1b}".repeat(400));
    }

    #[test]
    fn a_line_is_as_wide_as_there_is_room() {
        assert_eq!(
            (cut("abc", 3).as_str(), cut("äbcd", 3).as_str(), cut("a", usize::MAX).as_str()),
            ("abc", "äb…", "a")
        );
        assert_eq!((cut("開発者", 6).as_str(), cut("開発者", 5).as_str()), ("開発者", "開発…"));
        assert_eq!((cut("開発者", 4).as_str(), cut("e\u{301}tat", 3).as_str()), ("開…", "e\u{301}t…"));
    }

    #[test]
    fn columns_stand_below_each_other_in_any_script() {
        let verdicts = ByVerdict::from([(Verdict::Revert, 7)]);
        let names = ["role/開発者", "role/kim", "role/日本語の名前がとても長い役割"];
        for width in [usize::MAX, 40] {
            let rows = names.iter().map(|name| ((*name).to_owned(), &verdicts)).collect();
            let mut out = Vec::new();
            table(&mut out, "actor", rows, &[Verdict::Revert], width).unwrap();
            let shown = String::from_utf8(out).unwrap();
            let columns: Vec<usize> = shown.lines().skip(2).map(|line| line.trim_end().width()).collect();
            assert!(columns.iter().all(|column| *column == columns[0]), "{columns:?}\n{shown}");
            assert!(columns[0] <= width, "{shown}");
        }
    }
}
