//! `snapback check`: what the functions would have done about CloudTrail's history.

mod decide;
mod files;
mod groups;
mod report;
#[cfg(test)]
mod same;
mod show;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::builder::PossibleValuesParser;
use history::Input;
use indicatif::{ProgressBar, ProgressStyle};
use rules::Settings;
use rules::command::is_account_id;
use rules::foresee::FUNCTIONS;
use rules::settings::Given;

use crate::input;
use crate::settings::SettingFlags;
use decide::{Decider, Filter};
use groups::Groups;
use report::{Asked, Report};
use tally::Tally;

/// Arguments of `snapback check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files, folders, or `-` for standard input: EventBridge events or CloudTrail records, alone or several, plain, in gzip or in zstd
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// One JSON object per line for each record and function that decides on it
    #[arg(long)]
    json: bool,
    /// With --json, what is ignored too
    #[arg(long, requires = "json")]
    all: bool,
    /// Write a page of what was found, for a browser; it replaces an older report, and nothing else
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Only what happened then or later: a date, or a time such as 2026-01-31T12:00:00Z; UTC
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<DateTime<Utc>>,
    /// Only what happened then or earlier; a date counts to its end
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<DateTime<Utc>>,
    /// Only what happened in these accounts, comma-separated
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = account)]
    account: Vec<String>,
    /// Only these rules, comma-separated
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = PossibleValuesParser::new(FUNCTIONS.iter().flat_map(|function| function.rules)))]
    rule: Vec<String>,
    #[command(flatten)]
    settings: SettingFlags,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let (Some(since), Some(until)) = (arguments.since, arguments.until)
        && since > until
    {
        bail!("nothing is in between: --since is later than --until");
    }
    let (settings, given) = settings(arguments)?;
    let mut report = arguments.report.as_deref().map(Report::to).transpose()?;
    let decider = Decider {
        settings,
        filter: Filter {
            since: arguments.since,
            until: arguments.until,
            accounts: arguments.account.iter().cloned().collect(),
            rules: arguments.rule.iter().cloned().collect(),
        },
        with_ignored: arguments.all,
    };
    let progress = progress(&arguments.paths);
    let mut tally = Tally::default();
    let mut groups = Groups::default();
    let mut output = Output { is_json: arguments.json, is_closed: false, problem: None };
    files::decide(&arguments.paths, &decider, &progress, |mut part| {
        part.decided.iter_mut().for_each(|decided| groups.note(decided, &decider.settings));
        for problem in &part.problems {
            progress.suspend(|| anstream::eprintln!("snapback: {}", show::in_full(problem)));
        }
        if arguments.json {
            for decided in &part.decided {
                output.line(&show::harmless(&decided.to_json().to_string()));
            }
        }
        if let Some(report) = &mut report {
            report.add(&part);
        }
        tally.add(part);
        // A report is of all, whether or not somebody reads the lines.
        if output.is_closed && report.is_none() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish_and_clear();
    if tally.counts.files == 0 && tally.counts.not_read == 0 && !output.is_closed {
        let paths: Vec<String> = arguments.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        bail!("no history in {}", paths.join(", "));
    }
    // Written even if what follows can't be: it may have taken long to read.
    let asked = Asked { paths: &arguments.paths, filter: &decider.filter, given: &given };
    let reported = report.map_or(Ok(()), |report| report.write(&tally, &asked));
    if let Some(problem) = output.problem {
        return Err(problem).context("failed to write");
    }
    if output.is_closed {
        // Whoever read it knows enough.
    } else if arguments.json {
        anstream::eprintln!("snapback: {}", show::counts(&tally.counts));
    } else {
        match show::summary(&tally) {
            Err(problem) if problem.kind() != ErrorKind::BrokenPipe => return Err(problem).context("failed to write"),
            _ => {}
        }
    }
    reported?;
    Ok(match (tally.counts.not_read, tally.has_findings()) {
        (1.., _) => ExitCode::from(2),
        (0, true) => ExitCode::FAILURE,
        (0, false) => ExitCode::SUCCESS,
    })
}

/// Where lines of JSON go, until nobody reads them any more.
struct Output {
    is_json: bool,
    is_closed: bool,
    problem: Option<io::Error>,
}

impl Output {
    fn line(&mut self, line: &str) {
        if self.is_closed || !self.is_json {
            return;
        }
        if let Err(problem) = writeln!(io::stdout(), "{line}") {
            self.is_closed = true;
            self.problem = Some(problem).filter(|problem| problem.kind() != ErrorKind::BrokenPipe);
        }
    }
}

/// The settings, of the file given, else of the one `settings.toml` beside the history; and what of them was given anywhere.
fn settings(arguments: &Arguments) -> Result<(Settings, BTreeMap<&'static str, Given>)> {
    let folder = |path: &PathBuf| match path {
        path if path.is_dir() => path.clone(),
        path => path.parent().unwrap_or(Path::new("")).to_owned(),
    };
    let real = arguments.paths.iter().filter(|path| path.as_os_str() != "-");
    let folders: BTreeSet<PathBuf> = real.map(folder).filter(|folder| folder.join("settings.toml").is_file()).collect();
    if folders.len() > 1 && !arguments.settings.has_file() {
        let files: Vec<String> =
            folders.iter().map(|folder| format!("`{}`", folder.join("settings.toml").display())).collect();
        bail!("there are {}: choose one by --settings", files.join(" and "));
    }
    // Without one, a folder in which there is none.
    let folder = folders.first().cloned().unwrap_or_else(|| PathBuf::from("-"));
    let (given, file) = arguments.settings.given(&folder)?;
    let settings = Settings::from_given(&given)?;
    if let Some(file) = file {
        anstream::eprintln!("settings from {}", input::shown(&file));
    }
    Ok((settings, given))
}

/// A bar on a terminal, with the rate and the time left if it is known how much there is to read.
fn progress(paths: &[PathBuf]) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let mut total = Some(0);
    for found in history::find(paths.to_vec()).flatten() {
        total = match (total, found) {
            (Some(total), Input::File { path, .. }) => path.metadata().ok().map(|file| total + file.len()),
            _ => None,
        };
        if total.is_none() {
            break;
        }
    }
    let (progress, template) = match total {
        Some(total) => (ProgressBar::new(total), "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {bytes_per_sec}"),
    };
    progress.enable_steady_tick(Duration::from_millis(200));
    match ProgressStyle::with_template(template) {
        Ok(style) => progress.with_style(style),
        Err(_) => progress,
    }
}

fn since(text: &str) -> Result<DateTime<Utc>, String> {
    moment(text, TimeDelta::zero())
}

fn until(text: &str) -> Result<DateTime<Utc>, String> {
    moment(text, TimeDelta::days(1) - TimeDelta::nanoseconds(1))
}

/// A time, or a date and what is added to its beginning.
fn moment(text: &str, of_day: TimeDelta) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc() + of_day);
    }
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    time.map_err(|_| "it takes a date such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z".to_owned())
}

fn account(text: &str) -> Result<String, String> {
    if is_account_id(text) { Ok(text.to_owned()) } else { Err("it takes account ids of 12 digits".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_day() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(since("2026-01-31"), Ok(time("2026-01-31T00:00:00Z")));
        assert_eq!(until("2026-01-31"), Ok(time("2026-01-31T23:59:59.999999999Z")));
        assert_eq!(until("2026-01-31T12:00:00+01:00"), Ok(time("2026-01-31T11:00:00Z")));
        for text in ["", "yesterday", "2026-02-30", "2026-01-31 12:00", "20260131"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
