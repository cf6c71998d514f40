//! A page of what a check found, for a browser: one file that loads nothing else.
//!
//! Whatever comes from a record goes into it as text, by way of `maud`, which escapes it. The page's policy lets no other script or style run than the
//! two beside this file, by their hashes, and lets nothing be loaded.

mod rows;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rules::foresee::Verdict;
use rules::settings::{Given, definitions};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::decide::{Decided, Filter};
use super::files::Part;
use super::show;
use super::tally::{self, ByVerdict, Tally};
use rows::Rows;
use timeline::{Drawn, Timeline};

const STYLE: &str = include_str!("report/report.css");
const SCRIPT: &str = include_str!("report/report.js");

/// Where the table's rows go. Text of a record is escaped, so it is nowhere else.
const ROWS: &str = "<!-- rows -->";

/// What a page calls its maker.
const GENERATOR: &str = "snapback check";
/// How a page begins. A file that begins otherwise is not overwritten.
const BEGINNING: &str =
    r#"<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="generator" content="snapback check">"#;

/// How many accounts or actors are listed.
const MOST_LISTED: usize = 50;
/// How many of the problems are listed.
const MOST_PROBLEMS: usize = 200;

/// How high a lane of the timeline is in its own units. A bar is ten wide.
const HIGH: u64 = 100;
/// The least that a bar is high: one finding is to be seen among thousands.
const LOWEST: u64 = 5;

/// What goes into the page, as it comes.
pub(super) struct Report {
    file: PathBuf,
    rows: Rows,
    timeline: Timeline,
    problems: Vec<String>,
}

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) paths: &'a [PathBuf],
    pub(super) filter: &'a Filter,
    /// Settings by parameter, as far as they were given.
    pub(super) given: &'a BTreeMap<&'static str, Given>,
}

impl Report {
    /// A page to be written to `file`. It is found out at once whether that can be done.
    ///
    /// # Errors
    /// If the file is there and is no page of ours, or if nothing can be written beside it.
    pub(super) fn to(file: &Path) -> Result<Self> {
        let failed = || format!("failed to write the report to `{}`", show::in_full(&file.display().to_string()));
        // Where it is a link, the page goes to where that leads.
        let file = match fs::canonicalize(file) {
            Ok(real) => real,
            Err(problem) if problem.kind() == ErrorKind::NotFound => file.to_owned(),
            Err(problem) => return Err(problem).with_context(failed),
        };
        may_be_replaced(&file).with_context(failed)?;
        temporary(&file).with_context(failed)?;
        Ok(Self { file, rows: Rows::default(), timeline: Timeline::default(), problems: Vec::new() })
    }

    pub(super) fn add(&mut self, part: &Part) {
        let room = MOST_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(part.problems.iter().take(room).cloned());
        for decided in part.decided.iter().filter(|decided| decided.verdict != Verdict::Ignore) {
            self.timeline.add(decided.verdict, decided.time);
            self.rows.add(decided);
        }
    }

    /// Writes the page: whole, or not at all.
    pub(super) fn write(&self, tally: &Tally, asked: &Asked) -> Result<()> {
        let rows = self.rows.sorted();
        let page = self.page(tally, asked, rows.len(), DateTime::from(SystemTime::now())).into_string();
        // The rows go in one by one: all of them as one text would be the largest thing in memory.
        let (before, after) = page.split_once(ROWS).unwrap_or((&page, ""));
        let write = || -> Result<()> {
            let mut out = BufWriter::new(temporary(&self.file)?);
            out.write_all(before.as_bytes())?;
            for row in rows {
                out.write_all(finding(row).into_string().as_bytes())?;
            }
            out.write_all(after.as_bytes())?;
            may_be_replaced(&self.file)?;
            out.into_inner()?.persist(&self.file)?;
            Ok(())
        };
        let shown = show::in_full(&self.file.display().to_string());
        write().with_context(|| format!("failed to write the report to `{shown}`"))
    }

    /// The page with [`ROWS`] where its rows go.
    fn page(&self, tally: &Tally, asked: &Asked, rows: usize, now: DateTime<Utc>) -> Markup {
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        let verdicts: Vec<Verdict> = show::COLUMNS.into_iter().filter(|verdict| tally.number(*verdict) > 0).collect();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="generator" content=(GENERATOR);
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { "What snapback would have done" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.header(tally, now))
                    main {
                        @if verdicts.is_empty() {
                            p.nothing { strong { "Nothing was found." } " No function would have done or told anything about what was read." }
                        } @else {
                            (tiles(tally, &verdicts))
                            @if let Some(drawn) = self.timeline.drawn() {
                                (picture(&drawn, &verdicts, self.timeline.without_time()))
                            }
                            section {
                                h2 { "How many, of what, by whom" }
                                div.counts {
                                    (counts("rule", "Rule", tally.by_rule.iter().map(|(rule, by)| (*rule, by)), &verdicts))
                                    (counts("account", "Account", tally.by_account.by_name.iter().map(|(account, by)| (account.as_str(), by)), &verdicts))
                                    (counts("actor", "Actor", tally.by_actor.by_name.iter().map(|(actor, by)| (actor.as_str(), by)), &verdicts))
                                }
                            }
                            (table(rows as u64, self.rows.found()))
                        }
                        (self.about(tally, asked))
                    }
                    footer { p { "Times are UTC. What was taken away meanwhile by somebody else is not known: a verdict is what the function would have done at once." } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    }

    fn header(&self, tally: &Tally, now: DateTime<Utc>) -> Markup {
        html! {
            header {
                h1 { "What snapback would have done" }
                p {
                    (several(self.rows.found(), "verdict")) " on " (several(tally.counts.records, "record"))
                    @if let Some((first, last)) = self.timeline.span() {
                        ", from " (moment(first)) " to " (moment(last))
                    }
                    ". Made " (moment(now)) " by snapback " (env!("CARGO_PKG_VERSION")) "."
                }
                @if tally.counts.not_read > 0 {
                    p.warning role="note" {
                        strong { "Not complete: " }
                        (grouped(tally.counts.not_read)) " files or records could not be read. "
                        a href="#problems" { "Which, and why" }
                    }
                }
            }
        }
    }

    fn about(&self, tally: &Tally, asked: &Asked) -> Markup {
        let filter = asked.filter;
        let given = definitions().filter_map(|definition| {
            let given = asked.given.get(definition.parameter)?;
            let value = given.value.trim();
            (!value.is_empty() && value != definition.default).then_some((definition.parameter, value, &given.name))
        });
        let given: Vec<(&str, &str, &String)> = given.collect();
        html! {
            section.about {
                h2 { "What was read" }
                dl {
                    dt { "Input" }
                    @for path in asked.paths {
                        dd { @if path.as_os_str() == "-" { "standard input" } @else { (code(&path.display().to_string())) } }
                    }
                    dt { "How much" }
                    dd { (show::counts(&tally.counts)) }
                    @if let Some(since) = filter.since { dt { "Only since" } dd { (exact(since)) } }
                    @if let Some(until) = filter.until { dt { "Only until" } dd { (exact(until)) } }
                    @if !filter.accounts.is_empty() { dt { "Only in accounts" } dd { (listed(&filter.accounts)) } }
                    @if !filter.rules.is_empty() { dt { "Only rules" } dd { (listed(&filter.rules)) } }
                    dt { "Settings" }
                    @for (parameter, value, name) in &given {
                        dd {
                            (code(&format!("{parameter} = {value}")))
                            @if name != parameter { ", given as " (code(name)) }
                        }
                    }
                    dd { @if given.is_empty() { "all by default" } @else { "all others by default" } }
                }
            }
            @if !self.problems.is_empty() {
                section.about {
                    h2 #problems { "What could not be read" }
                    ul { @for problem in &self.problems { li { (show::in_full(problem)) } } }
                    @if self.problems.len() >= MOST_PROBLEMS {
                        p.note { "There may be more: the first " (MOST_PROBLEMS) " are listed. The command names all." }
                    }
                }
            }
        }
    }
}

/// One for each verdict: how many, and what it means. With the script they choose the rows of the table.
fn tiles(tally: &Tally, verdicts: &[Verdict]) -> Markup {
    let means = |verdict: Verdict| match verdict {
        Verdict::Revert => "would have been taken back",
        Verdict::Quarantine => "would have been shut off, not deleted",
        Verdict::Alert => "would have been told, and nothing changed",
        Verdict::Depends => "the record alone does not tell",
        Verdict::Exempt => "done by a trusted actor",
        Verdict::Ignore => "nothing",
    };
    html! {
        div.tiles role="group" aria-label="Verdicts" {
            @for verdict in verdicts {
                button.tile.(verdict.word()) type="button" disabled data-kind="verdict" data-value=(verdict.word()) {
                    span.number { (grouped(tally.number(*verdict))) }
                    (badge(*verdict))
                    span.means { (means(*verdict)) }
                }
            }
        }
    }
}

/// A lane for each verdict, each with a scale of its own: so no verdict hides another, and none is known by its colour alone.
fn picture(drawn: &Drawn, verdicts: &[Verdict], without_time: u64) -> Markup {
    let at =
        |time: DateTime<Utc>| time.format(if drawn.is_in_days { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" }).to_string();
    let (start, middle) = (drawn.bars.first().map(|(begin, _)| *begin), drawn.bars.get(drawn.bars.len() / 2));
    let width = drawn.bars.len() * 10;
    html! {
        section.timeline {
            h2 { "When" }
            p.note {
                "Each bar is " @if drawn.step.starts_with(|first: char| first.is_ascii_digit()) { (drawn.step) } @else { "one " (drawn.step) }
                ". Each verdict has a scale of its own."
                @if without_time > 0 { " Not drawn, since they tell no time: " (grouped(without_time)) "." }
            }
            @for verdict in verdicts {
                @let numbers: Vec<u64> = drawn.bars.iter().map(|(_, by)| by.get(verdict).copied().unwrap_or_default()).collect();
                @let most = numbers.iter().copied().max().unwrap_or_default();
                @let busiest = drawn.bars.iter().zip(&numbers).find(|(_, number)| **number == most).map(|((begin, _), _)| at(*begin));
                div.lane.(verdict.word()) {
                    div.name { (badge(*verdict)) }
                    svg viewBox=(format!("0 0 {width} {HIGH}")) preserveAspectRatio="none" role="img"
                        aria-label=(format!("{}: {} in all, most from {}: {most}", verdict.word(), numbers.iter().sum::<u64>(), busiest.unwrap_or_default())) {
                        @for (index, ((begin, _), number)) in drawn.bars.iter().zip(&numbers).enumerate() {
                            @if *number > 0 {
                                @let height = (HIGH * number / most).max(LOWEST);
                                rect x=(index * 10 + 1) y=(HIGH - height) width="8" height=(height) {
                                    title { (at(*begin)) ": " (grouped(*number)) " " (verdict.word()) }
                                }
                            }
                        }
                    }
                    div.most { "most: " (grouped(most)) }
                }
            }
            div.axis aria-hidden="true" {
                @if let Some(start) = start { span { (at(start)) } }
                @if let Some((middle, _)) = middle { span.middle { (at(*middle)) } }
                span { (at(drawn.end)) }
            }
        }
    }
}

/// How many verdicts there are by rule, account or actor. With the script, the names choose the rows of the table.
fn counts<'a>(
    kind: &str,
    title: &str,
    numbers: impl Iterator<Item = (&'a str, &'a ByVerdict)>,
    verdicts: &[Verdict],
) -> Markup {
    let mut numbers: Vec<(&str, &ByVerdict)> = numbers.collect();
    numbers.sort_by_key(|(_, by)| std::cmp::Reverse(show::weight(by)));
    let more = numbers.len().saturating_sub(MOST_LISTED);
    numbers.truncate(MOST_LISTED);
    html! {
        div.list tabindex="0" role="group" aria-label=(format!("By {kind}")) {
            table {
                thead {
                    tr {
                        th scope="col" { (title) }
                        @for verdict in verdicts { th.number scope="col" { (badge(*verdict)) } }
                    }
                }
                tbody {
                    @for (name, by) in numbers {
                        @let name = show::in_full(name);
                        tr {
                            th scope="row" {
                                @if name == tally::OTHERS { (name) } @else {
                                    button type="button" disabled data-kind=(kind) data-value=(name) { (breakable(&name)) }
                                }
                            }
                            @for verdict in verdicts {
                                td.number { @if let Some(number) = by.get(verdict) { (grouped(*number)) } @else { span.none { "–" } } }
                            }
                        }
                    }
                }
            }
            @if more > 0 { p.note { "and " (grouped(more as u64)) " more" } }
        }
    }
}

/// The findings. With the script they can be sorted and searched.
fn table(rows: u64, found: u64) -> Markup {
    let columns = [
        "Time",
        "Verdict",
        "Rule",
        "Account",
        "Region",
        "Actor",
        "Source address",
        "Resource",
        "Reason",
        "Left alone with",
    ];
    let left_out = found.saturating_sub(rows);
    html! {
        section {
            h2 #each { "One by one" }
            @if left_out > 0 {
                p.warning role="note" {
                    strong { (grouped(rows)) " of " (grouped(found)) " are in this table, " (grouped(left_out)) " are not: " }
                    "of each verdict and rule the newest. The numbers and the picture above are of all, and "
                    code { "snapback check --json" } " lists all."
                }
            }
            div.controls hidden {
                label for="text" { "Search" }
                input #text type="search" autocomplete="off" spellcheck="false" placeholder="any text of a row";
                div #chosen {}
                button #all type="button" hidden { "Show all" }
                output #shown aria-live="polite" {}
            }
            table #findings aria-labelledby="each" {
                caption { "Sorted by verdict, the weightiest first, and of each the newest first." }
                colgroup { @for number in 0..columns.len() { col.{ "c" (number) }; } }
                thead {
                    tr {
                        @for column in columns { th scope="col" { button type="button" disabled { (column) } } }
                    }
                }
                tbody { (PreEscaped(ROWS)) }
            }
            p #nothing hidden { "No row of the table is like that." }
            noscript { p.note { "Sorting and searching need JavaScript." } }
        }
    }
}

fn finding(decided: &Decided) -> Markup {
    let written = |text: &Option<String>, other: &str| show::in_full(text.as_deref().unwrap_or(other));
    html! {
        tr {
            td {
                @if let Some(time) = decided.time {
                    time datetime=(time.to_rfc3339_opts(SecondsFormat::Secs, true)) { (time.format("%Y-%m-%d %H:%M:%S")) }
                } @else {
                    (written(&decided.event_time, "no time"))
                }
            }
            td { (badge(decided.verdict)) }
            td { span { (decided.rule) } @if decided.rule != decided.function { small { "of " (decided.function) } } }
            td { (written(&decided.account, tally::NO_ACCOUNT)) }
            td { (written(&decided.region, "no region")) }
            td { (breakable(&written(&decided.actor, tally::NOBODY))) }
            td { (breakable(&written(&decided.source_ip, "none"))) }
            td { (breakable(&written(&decided.resource, "none"))) }
            td {
                (breakable(&show::in_full(&decided.reason)))
                small { (show::in_full(&decided.event_name)) @if decided.event_id.is_some() { ", event " (written(&decided.event_id, "")) } }
            }
            td {
                @for (index, exemption) in decided.exempted_by.iter().enumerate() {
                    @if index > 0 { " or " }
                    (code(&format!("{}={}", exemption.setting, exemption.value)))
                }
            }
        }
    }
}

/// A verdict's word, with the sign that the style sets before it.
fn badge(verdict: Verdict) -> Markup {
    html! { span.badge.(verdict.word()) { span { (verdict.word()) } } }
}

fn code(text: &str) -> Markup {
    html! { code { (breakable(&show::in_full(text))) } }
}

/// Text that may go on in the next line where an ARN has its parts.
fn breakable(text: &str) -> Markup {
    html! { span { @for part in text.split_inclusive([':', '/', '=']) { (part) wbr; } } }
}

fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

fn exact(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn listed(values: &BTreeSet<String>) -> String {
    values.iter().cloned().collect::<Vec<_>>().join(", ")
}

fn several(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// With a comma after each thousand.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// What the page's policy knows a script or style by (<https://www.w3.org/TR/CSP3/#grammardef-hash-source>).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// Whether nothing is lost if the file is written.
fn may_be_replaced(file: &Path) -> Result<()> {
    // A link that leads somewhere was followed before.
    let metadata = match fs::symlink_metadata(file) {
        Ok(metadata) => metadata,
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(()),
        Err(problem) => return Err(problem.into()),
    };
    if !metadata.is_file() {
        bail!("it is there, and no file");
    }
    let mut beginning = Vec::new();
    File::open(file)?.take(BEGINNING.len() as u64).read_to_end(&mut beginning)?;
    if beginning != BEGINNING.as_bytes() && !beginning.is_empty() {
        bail!("it is there, and no report: only a report is replaced");
    }
    Ok(())
}

/// A file beside, which takes the other's place when it is whole, and otherwise goes.
fn temporary(file: &Path) -> io::Result<NamedTempFile> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".snapback-").suffix(".html");
    // As any new file: it is the user's mask that says who may read it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    /// The hash of the empty text is published in many places.
    #[test]
    fn a_hash_is_as_the_policy_takes_it() {
        assert_eq!(hash(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    /// Nothing in them ends the element that they stand in.
    #[test]
    fn style_and_script_stay_where_they_are() {
        assert!([STYLE, SCRIPT].iter().all(|text| !text.contains("</") && !text.contains("<!--")));
    }
}
