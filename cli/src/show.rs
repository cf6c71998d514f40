//! How a replay looks on a terminal, and as JSON.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rules::text::quote;
use rules::{Alert, Event, Outcome};
use runtime::{Handled, Verdict};
use sandbox::reenact::State;
use serde_json::{Value, json};

use crate::judge::Decided;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Writes a line to stdout. Whoever reads may have gone (`| head`): the replay still has to clean up after itself.
macro_rules! line {
    ($($text:tt)*) => {
        drop(writeln!(anstream::stdout(), $($text)*))
    };
}

/// One event, from the change to the mail.
pub(crate) struct Replayed {
    pub(crate) event: Event,
    pub(crate) note: Option<String>,
    pub(crate) before: State,
    pub(crate) after: State,
    pub(crate) now: State,
    /// What each function made of it that got the event.
    pub(crate) decided: Vec<Decided>,
    /// Why it did not end as the settings require.
    pub(crate) problem: Option<String>,
}

/// The file that the next events are from.
pub(crate) fn scenario(path: &str) {
    line!("\n{BOLD}{path}{BOLD:#}");
}

/// A part of the timeline: `style` for its name, then lines.
fn part(name: &str, style: Style, lines: impl IntoIterator<Item = String>) {
    for (index, line) in lines.into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        line!("  {style}{name:<9}{style:#} {line}");
    }
}

/// What could not be re-enacted.
pub(crate) fn not_done(problem: &str) {
    part("not done", RED, [quote(problem)]);
}

pub(crate) fn replayed(replayed: &Replayed, dry_run: bool) {
    let Replayed { event, note, before, after, now, decided, problem } = replayed;
    let actor = event.actor.arn.as_deref().unwrap_or("somebody");
    let region = event.region.as_deref().unwrap_or("?");
    let made = match &event.error {
        Some(error) => format!(
            "{} by {} in {}, refused by AWS: {}",
            quote(&event.name),
            quote(actor),
            quote(region),
            quote(&error.code)
        ),
        None => format!("{} by {} in {}", quote(&event.name), quote(actor), quote(region)),
    };
    part("change", BOLD, [made].into_iter().chain(changes(before, after)));
    part("note", BOLD, note.iter().map(|note| quote(note)));
    if decided.is_empty() {
        part("decision", BOLD, [format!("{DIM}left alone{DIM:#}: no function watches for this")]);
    }
    for Decided { function, handled, .. } in decided {
        self::handled(function, handled);
    }
    let undone: Vec<String> = changes(after, now).collect();
    if undone.is_empty() {
        part("state", BOLD, ["unchanged".to_owned()]);
    } else {
        let kept = now.lines().into_iter().map(|line| format!("{DIM}  {line}{DIM:#}"));
        part("state", BOLD, undone.into_iter().chain(kept));
    }
    let mut mails = decided.iter().filter_map(|decided| decided.handled.mail.as_ref()).peekable();
    if mails.peek().is_none() {
        part("mail", BOLD, [format!("{DIM}none{DIM:#}")]);
    }
    mails.for_each(|mail| self::mail(mail, dry_run));
    match problem {
        None => part("result", BOLD, [format!("{GREEN}ended as the settings require{GREEN:#}")]),
        Some(problem) => part("result", BOLD, [format!("{RED}{}{RED:#}", quote(problem))]),
    }
}

/// One function's decision and calls.
fn handled(function: &str, handled: &Handled) {
    let (style, verdict) = match handled.verdict {
        Verdict::Ignored => (DIM, "left alone"),
        Verdict::Exempt => (DIM, "exempt"),
        Verdict::Violation => (YELLOW, "violation"),
        Verdict::Unreadable => (YELLOW, "could not be read"),
        Verdict::Folded => (DIM, "told shortly before, counted"),
        Verdict::HeldBack => (YELLOW, "violation by the canary, not mailed"),
        Verdict::Resent => (DIM, "mailed again"),
    };
    part("decision", BOLD, [format!("{function}: {style}{verdict}{style:#}: {}", quote(&handled.reason))]);
    part(
        "calls",
        BOLD,
        handled.steps.iter().map(|step| {
            let (style, result) = match &step.result {
                Ok(result) => (GREEN, result.clone()),
                Err(error) => (RED, quote(error)),
            };
            format!("{} {} {style}{result}{style:#} {DIM}{} ms{DIM:#}", step.call, quote(&step.target), step.millis)
        }),
    );
}

fn changes(before: &State, after: &State) -> impl Iterator<Item = String> {
    let (before, after) = (before.lines(), after.lines());
    let gone: Vec<String> = before.difference(&after).map(|line| format!("{RED}- {line}{RED:#}")).collect();
    let new: Vec<String> = after.difference(&before).map(|line| format!("{CYAN}+ {line}{CYAN:#}")).collect();
    gone.into_iter().chain(new)
}

pub(crate) fn mail(mail: &Alert, dry_run: bool) {
    let title = if dry_run { "would be mailed" } else { "mail" };
    let style = match () {
        () if mail.subject.starts_with(Outcome::Reverted.words()) => GREEN,
        () if mail.subject.starts_with(Outcome::Failed.words()) => RED,
        () => YELLOW,
    };
    let line = "─".repeat(100usize.saturating_sub(title.chars().count() + 4));
    line!("  {DIM}╭─ {title} {line}{DIM:#}");
    line!("  {DIM}│{DIM:#} {style}{}{style:#}", mail.subject);
    line!("  {DIM}│{DIM:#}");
    for line in mail.body.lines() {
        line!("  {DIM}│{DIM:#} {line}");
    }
    line!("  {DIM}╰{}{DIM:#}", "─".repeat(102));
}

/// One line of JSON.
pub(crate) fn json(value: &Value) {
    line!("{value}");
}

/// The last lines: how many events, and how they ended.
pub(crate) fn summary(events: usize, not_as_required: usize, not_done: usize) {
    let style = if not_as_required + not_done == 0 { GREEN } else { RED };
    line!(
        "\n{style}{events} events: {} ended as the settings require, {not_as_required} did not, {not_done} could not be replayed{style:#}",
        events - not_as_required - not_done
    );
}

/// An event that was replayed, for programs.
pub(crate) fn to_json(path: &str, index: usize, replayed: &Replayed) -> Value {
    let Replayed { event, note, before, after, now, decided, problem } = replayed;
    let functions: Vec<Value> = decided.iter().map(decided_to_json).collect();
    json!({
        "file": path,
        "position": index + 1,
        "event_id": event.id,
        "event_name": event.name,
        "account": event.account,
        "region": event.region,
        "actor": event.actor.arn,
        "note": note,
        "functions": functions,
        "state_before": before.lines(),
        "state_after_change": after.lines(),
        "state_now": now.lines(),
        "ended_as_required": problem.is_none(),
        "problem": problem,
    })
}

fn decided_to_json(decided: &Decided) -> Value {
    let handled = &decided.handled;
    let steps: Vec<Value> = handled
        .steps
        .iter()
        .map(|step| {
            let (result, error) = (step.result.as_ref().ok(), step.result.as_ref().err());
            json!({"call": step.call, "target": step.target, "result": result, "error": error, "milliseconds": step.millis})
        })
        .collect();
    json!({
        "function": decided.function,
        "verdict": verdict_word(handled.verdict),
        "reason": handled.reason,
        "outcome": handled.report.as_ref().map(|report| report.outcome.words()),
        "calls": steps,
        "mail": handled.mail.as_ref().map(|mail| json!({"subject": mail.subject, "body": mail.body})),
    })
}

/// An event that was not, for programs.
pub(crate) fn not_done_to_json(path: &str, index: Option<usize>, problem: &str) -> Value {
    json!({"file": path, "position": index.map(|index| index + 1), "not_done": problem})
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ignored => "ignored",
        Verdict::Exempt => "exempt",
        Verdict::Violation => "violation",
        Verdict::Unreadable => "unreadable",
        Verdict::Folded => "folded",
        Verdict::HeldBack => "held-back",
        Verdict::Resent => "resent",
    }
}
