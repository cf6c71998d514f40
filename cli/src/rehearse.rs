//! `snapback rehearse`: the built template deployed into MiniStack, and the samples sent through it.
//!
//! For each folder of samples with settings of its own there is an account of its own, deployed with these settings.

mod build;
mod deployment;
mod expected;
mod stage;
mod unmodelled;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sandbox::{Mailbox, MiniStack, local_config};

use crate::settings::SettingFlags;
use crate::{guardrails, input};
use build::Built;
use deployment::deploy;
use expected::{Decisions, Replay};
use stage::{ENFORCED, Results, Stage, Theatre};

/// How many accounts there are at the same time. More than processors: much of the time is waiting.
const ACCOUNTS: usize = 4;

/// Arguments of `snapback rehearse`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Event files, or folders of them [default: the samples in events/]
    #[arg(value_name = "EVENT")]
    events: Vec<PathBuf>,
    /// Deploy the executables in this folder, such as target/debug, instead of building them
    #[arg(long, value_name = "FOLDER", conflicts_with = "built")]
    binaries: Option<PathBuf>,
    /// Deploy what `sam build` has left in this folder, such as .aws-sam/build, instead of building it
    #[arg(long, value_name = "FOLDER")]
    built: Option<PathBuf>,
    /// Keep an account with the stack running afterwards, and print how to use it; Ctrl-C ends it
    #[arg(long)]
    keep: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let samples = input::samples()?;
    let root = samples.parent().context("the samples are in no folder")?;
    let is_all = arguments.events.is_empty();
    let paths = if is_all { vec![samples.clone()] } else { arguments.events.clone() };
    let files = paths.iter().map(std::path::absolute).collect::<Result<Vec<_>, _>>();
    let files = input::files(&files.context("failed to tell the current folder")?)?;
    let stages = stages(&samples, &files)?;
    let work = root.join("target/rehearsal");
    let built = match (&arguments.built, &arguments.binaries) {
        (Some(folder), _) => build::folder(folder)?,
        (None, Some(binaries)) => build::from_binaries(root, binaries, &work.join("built"))?,
        (None, None) => build::release(root)?,
    };
    anstream::eprintln!("deploying {} times, and replaying {} files meanwhile", stages.len(), files.len());
    let tools = tools(root)?;
    let replay = Replay::start(&files)?;
    let rehearsal = Rehearsal {
        stages: &stages,
        samples: &samples,
        work: &work,
        tools: &tools,
        built: &built,
        expected: OnceLock::new(),
        keeps: arguments.keep,
    };
    let (all, kept) = rehearsal.run(replay, &files);
    let code = summary(&all, is_all);
    if let Some(account) = kept {
        keep(&account);
    }
    Ok(code)
}

/// The files by the settings that they are meant for, and by account.
fn stages(samples: &Path, files: &[PathBuf]) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for file in files {
        let folder = file.parent().unwrap_or(Path::new("."));
        let (given, _) = SettingFlags::default().given(folder)?;
        let parameters: BTreeMap<_, _> = given.into_iter().map(|(name, given)| (name, given.value)).collect();
        let scenario = input::read(file)?;
        let account = scenario.events.first().map(|event| deployment::text(event, "account")).unwrap_or_default();
        if account.len() != 12 {
            bail!("`{}` holds no EventBridge event: it has no account", file.display());
        }
        let is_same = |stage: &&mut Stage| stage.account == account && stage.parameters == parameters;
        match stages.iter_mut().find(is_same) {
            Some(stage) => stage.files.push(file.clone()),
            None => {
                let name = folder.strip_prefix(samples).unwrap_or(folder).display().to_string();
                stages.push(Stage { name, account, parameters, files: vec![file.clone()] });
            }
        }
    }
    // The longest first, so that none is left at the end alone.
    stages.sort_by_key(|stage| std::cmp::Reverse(stage.files.len()));
    Ok(stages)
}

/// The folder with `sam`.
fn tools(root: &Path) -> Result<PathBuf> {
    let output = Command::new(root.join("scripts/python-tools")).stderr(std::process::Stdio::inherit()).output();
    let output = output.context("failed to run scripts/python-tools")?;
    if !output.status.success() {
        bail!("scripts/python-tools ended in an error");
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// What all stages share.
struct Rehearsal<'a> {
    stages: &'a [Stage],
    samples: &'a Path,
    work: &'a Path,
    tools: &'a Path,
    built: &'a Built,
    /// Nothing if the replay could not be read.
    expected: OnceLock<Option<Decisions>>,
    /// Whether the first account is kept.
    keeps: bool,
}

impl Rehearsal<'_> {
    /// Runs all stages, some at the same time. Also gives back the account that is kept.
    fn run(&self, replay: Replay, files: &[PathBuf]) -> (Vec<(&Stage, Results)>, Option<MiniStack>) {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        thread::scope(|scope| {
            // Meanwhile the stacks are deployed.
            scope.spawn(|| {
                let decisions = replay.decisions(files);
                let decisions = decisions.inspect_err(|problem| anstream::eprintln!("snapback: {problem:#}"));
                // Nobody else sets it.
                let _ = self.expected.set(decisions.ok());
            });
            for _ in 0..ACCOUNTS.min(self.stages.len()) {
                scope.spawn(|| {
                    while let Some(stage) = self.stages.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let ended = self.stage(stage);
                        show(stage, &ended.0);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((stage, ended));
                    }
                });
            }
        });
        let mut all = Vec::new();
        let mut kept = None;
        for (stage, (results, account)) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
            all.push((stage, results));
            kept = kept.or(account);
        }
        (all, kept)
    }

    fn stage(&self, stage: &Stage) -> (Results, Option<MiniStack>) {
        let mut results = Results::default();
        let started = Instant::now();
        let folder = self.work.join(stage.name.replace(['/', '\\'], "-"));
        let ran = MiniStack::start(&folder, &stage.account, &mut |progress| anstream::eprintln!("{progress}"))
            .context("failed to start MiniStack")
            .and_then(|account| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let ended = runtime.context("failed to start")?.block_on(self.on(stage, &account, started))?;
                Ok((ended, account))
            });
        match ran {
            Ok((results, account)) => {
                let is_first = self.stages.first().is_some_and(|first| std::ptr::eq(first, stage));
                (results, Some(account).filter(|_| self.keeps && is_first))
            }
            Err(problem) => {
                results.not_done.push(format!("{}: {problem:#}", stage.name));
                (results, None)
            }
        }
    }

    async fn on(&self, stage: &Stage, account: &MiniStack, started: Instant) -> Result<Results> {
        let deployment = deploy(self.tools, account, self.built, &stage.parameters).await?;
        anstream::eprintln!("{}: deployed after {} s", stage.name, started.elapsed().as_secs());
        let config = local_config(account.endpoint(), account.account()).await;
        let mailbox = Mailbox::subscribe(&config, &deployment.topic_arn, "rehearsal").await;
        let theatre = Theatre {
            account,
            deployment: &deployment,
            mailbox: mailbox.context("failed to subscribe to the alerts")?,
            guardrails: guardrails::all(&config),
            config,
            expected: self.expected.wait().as_ref().context("failed to replay the samples")?,
            samples: self.samples,
        };
        let results = theatre.run(stage).await;
        anstream::eprintln!("{}: {} events after {} s", stage.name, results.events, started.elapsed().as_secs());
        Ok(results)
    }
}

/// Shows what came of a stage.
fn show(stage: &Stage, results: &Results) {
    let parameters: Vec<String> = stage.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // In one piece: several stages may end at the same time.
    anstream::println!(
        "\n== {} in account {} with {}\n{}",
        stage.name,
        stage.account,
        parameters.join(" "),
        results.lines.join("\n")
    );
}

fn summary(all: &[(&Stage, Results)], is_all: bool) -> ExitCode {
    let mut total = Results::default();
    for (_, results) in all {
        total.events += results.events;
        total.routed += results.routed;
        total.as_replayed += results.as_replayed;
        total.problems.extend(results.problems.iter().cloned());
        total.not_done.extend(results.not_done.iter().cloned());
        for (reason, samples) in &results.unmodelled {
            total.unmodelled.entry(reason).or_default().extend(samples.iter().cloned());
        }
        for (function, files) in &results.put_back {
            total.put_back.entry(function.clone()).or_default().extend(files.iter().cloned());
        }
        total.enforced.extend(results.enforced.iter().map(|(function, action)| (function.clone(), *action)));
    }
    if is_all {
        for (function, action) in ENFORCED {
            if !total.put_back.contains_key(*function) {
                total.problems.push(format!("{function} was not seen to put anything back"));
            } else if !total.enforced.contains_key(*function) {
                total.problems.push(format!("{function} was not seen to fail without {action}"));
            }
        }
    }
    anstream::println!(
        "\n{} deployments, each CREATE_COMPLETE",
        all.iter().filter(|(_, results)| results.events > 0).count()
    );
    anstream::println!(
        "{} events, {} of them to exactly the functions that subscribe to them",
        total.events,
        total.routed
    );
    anstream::println!("{} decided as in the replay", total.as_replayed);
    for (function, files) in &total.put_back {
        anstream::println!("{function}: {} times seen to leave nothing of an event, under its own role", files.len());
    }
    for (function, action) in &total.enforced {
        anstream::println!("{function}: refused without {action}, and the event kept in the queue of failed events");
    }
    for (reason, samples) in &total.unmodelled {
        anstream::println!("{} samples end otherwise, because {reason}: {}", samples.len(), samples.join(", "));
    }
    for problem in &total.problems {
        anstream::println!("NOT AS WANTED {problem}");
    }
    for problem in &total.not_done {
        anstream::println!("NOT DONE {problem}");
    }
    match (total.problems.is_empty(), total.not_done.is_empty()) {
        (_, false) => ExitCode::from(2),
        (false, true) => ExitCode::FAILURE,
        (true, true) => ExitCode::SUCCESS,
    }
}

/// Tells how to use an account, until Ctrl-C.
fn keep(account: &MiniStack) {
    for (name, value) in deployment::variables(account) {
        anstream::println!("export {name}={value}");
    }
    anstream::eprintln!("the account stays until Ctrl-C; its log is `{}`", account.log().display());
    loop {
        thread::park();
    }
}
