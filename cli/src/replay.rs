//! `snapback replay`: events re-enacted in an account, and the guardrail run on each.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use aws_config::{Region, SdkConfig};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use rules::settings::Rollout;
use rules::{Alert, Origin, Settings, event};
use runtime::handle::Clock;
use runtime::{AnyGuardrail, Notifier, Runtime};
use sandbox::reenact::{Reenacted, Reenactor, State};
use sandbox::{Mailbox, StandIn, local_config};
use serde_json::Value;

use crate::guardrails;
use crate::input::{self, Scenario};
use crate::judge::{Course, Decided};
use crate::settings::SettingFlags;
use crate::show::{self, Replayed};

/// How long a function has, as in template.yaml.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(60);

/// How old access keys may be by the rule that is made of a finding's.
const LONGEST_AGE: TimeDelta = TimeDelta::days(90);

/// How long a mail may take in an account that is not our stand-in.
const MAIL_WAIT: Duration = Duration::from_secs(10);

/// How long to look for a mail that must not come, in an account that is not our stand-in.
const NO_MAIL_WAIT: Duration = Duration::from_secs(2);

/// The keys that sign the calls of whoever makes the change, and the function's, in a stand-in account.
const ACTOR_KEY: &str = "AKIAREPLAYACTOR00000";
const FUNCTION_KEY: &str = "AKIAREPLAYSNAPBACK00";

/// How many files make a further stand-in account worth its start, and how many accounts there are at most.
const FILES_PER_ACCOUNT: usize = 30;
const MOST_ACCOUNTS: usize = 4;

/// The exit code after Ctrl-C, as shells give it.
const INTERRUPTED: u8 = 130;

/// Arguments of `snapback replay`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Event files, or folders of them; a file with several events is one scenario [default: the samples in events/]
    #[arg(value_name = "EVENT")]
    events: Vec<PathBuf>,
    /// Use the account behind this endpoint instead of a stand-in; `aws` is AWS itself, with the credentials of the environment
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Do not ask before changing an account that is not on this machine
    #[arg(long)]
    yes: bool,
    /// Show what would be done and mailed, and change nothing; with --endpoint, nothing is re-enacted either
    #[arg(long)]
    dry_run: bool,
    /// One JSON object per event and line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

/// How often what happened.
#[derive(Default)]
struct Count {
    events: usize,
    not_as_required: usize,
    not_done: usize,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let paths = if arguments.events.is_empty() { vec![input::samples()?] } else { arguments.events.clone() };
    let files = input::files(&paths)?;
    if files.is_empty() {
        bail!(
            "no event files in {}",
            paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
        );
    }
    let places = Place::open(arguments, files.len())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    runtime.block_on(async {
        let mut accounts = Vec::new();
        for place in &places {
            accounts.push(place.account().await?);
        }
        replay_all(arguments, &accounts, &files).await
    })
}

/// Where events are replayed.
enum Place {
    /// Our own stand-in account.
    StandIn(StandIn),
    /// An endpoint on this machine.
    Local(String),
    /// AWS, or an endpoint elsewhere.
    Remote(Option<String>),
}

/// The account, as whoever makes the changes and as the function.
struct Account {
    actor: SdkConfig,
    function: SdkConfig,
    is_stand_in: bool,
}

impl Place {
    /// One place, or several stand-in accounts of our own: many files are replayed in as many at the same time as there are processors.
    fn open(arguments: &Arguments, files: usize) -> Result<Vec<Self>> {
        if let Some(endpoint) = &arguments.endpoint {
            return Ok(vec![Self::at(endpoint, arguments)?]);
        }
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let accounts = files.div_ceil(FILES_PER_ACCOUNT).min(processors).min(MOST_ACCOUNTS);
        let start = || StandIn::start(&mut |progress| anstream::eprintln!("{progress}")).map(Self::StandIn);
        let started = thread::scope(|scope| {
            let further: Vec<_> = (1..accounts).map(|_| scope.spawn(start)).collect();
            let first = start();
            // The one that installs moto tells what went wrong.
            let further = further.into_iter().filter_map(|started| started.join().ok()).collect::<Vec<_>>();
            std::iter::once(first).chain(further).collect::<Result<Vec<_>, _>>()
        });
        started.context("failed to start the stand-in account")
    }

    fn at(endpoint: &str, arguments: &Arguments) -> Result<Self> {
        if endpoint == "aws" {
            confirm("AWS, with the credentials of the environment", arguments)?;
            return Ok(Self::Remote(None));
        }
        let Some((scheme @ ("http" | "https"), rest)) = endpoint.split_once("://") else {
            bail!("`{endpoint}` is not an endpoint; it takes a URL such as `http://127.0.0.1:5000`, or `aws`");
        };
        let host = rest.split('/').next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if name.ends_with("amazonaws.com") || name.ends_with("amazonaws.com.cn") {
            bail!("`{endpoint}` serves one service of AWS; for all that a replay needs, give `--endpoint aws`");
        }
        if scheme == "http" && ["localhost", "127.0.0.1", "[::1]"].contains(&name) {
            return Ok(Self::Local(endpoint.to_owned()));
        }
        confirm(&format!("the account behind {endpoint}"), arguments)?;
        Ok(Self::Remote(Some(endpoint.to_owned())))
    }

    async fn account(&self) -> Result<Account> {
        let (endpoint, is_stand_in) = match self {
            Self::StandIn(stand_in) => (stand_in.endpoint(), true),
            Self::Local(endpoint) => (endpoint.as_str(), false),
            Self::Remote(endpoint) => {
                let mut loader = runtime::clients::loader();
                if let Some(endpoint) = endpoint {
                    loader = loader.endpoint_url(endpoint);
                }
                let mut config = loader.load().await;
                if config.region().is_none() {
                    config = config.to_builder().region(Region::from_static("us-east-1")).build();
                }
                return Ok(Account { actor: config.clone(), function: config, is_stand_in: false });
            }
        };
        let actor = local_config(endpoint, ACTOR_KEY).await;
        let function = local_config(endpoint, FUNCTION_KEY).await;
        Ok(Account { actor, function, is_stand_in })
    }
}

/// Asks before an account that may be a real one is changed.
fn confirm(account: &str, arguments: &Arguments) -> Result<()> {
    if arguments.yes || arguments.dry_run {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "a replay changes {account}: it makes the changes that the events tell of; give `--yes` if that is meant"
        );
    }
    anstream::eprint!(
        "A replay makes the changes that the events tell of in {account}: users with keys, groups open to the world. It touches nothing \
         that is there already, and deletes what it made. Go on? [y/N] "
    );
    std::io::stderr().flush().context("failed to ask")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("failed to read the answer")?;
    if !answer.trim().eq_ignore_ascii_case("y") {
        bail!("not confirmed, nothing was changed");
    }
    Ok(())
}

async fn replay_all(arguments: &Arguments, accounts: &[Account], files: &[PathBuf]) -> Result<ExitCode> {
    // Names of what is created differ from run to run, in case an earlier one could not clean up.
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let run = Run {
        arguments,
        files,
        prefix: format!("snapback-replay-{started}"),
        next: Cell::new(0),
        interrupted: Cell::new(false),
        screen: RefCell::default(),
        count: RefCell::default(),
    };
    // One listener for the whole run: a signal between two scenarios counts too.
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let mut replayed = std::pin::pin!(join_all(accounts.iter().map(|account| run.files_in(account))));
    let ended = loop {
        // The events under way are finished, so that nothing that they create is lost sight of.
        tokio::select! {
            ended = &mut replayed => break ended,
            _ = &mut interrupt, if !run.interrupted.get() => {
                run.interrupted.set(true);
                anstream::eprintln!("snapback: interrupted; this event is finished and what was created is deleted");
            }
        }
    };
    ended.into_iter().collect::<Result<()>>()?;
    if run.interrupted.get() {
        run.screen.take().flush();
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let count = run.count.take();
    if !arguments.json {
        show::summary(count.events, count.not_as_required, count.not_done);
    }
    Ok(match count {
        Count { not_done: 1.., .. } => ExitCode::from(2),
        Count { not_as_required: 1.., .. } => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// What is shown, in the order of the files whatever the order in which they are replayed.
#[derive(Default)]
struct Screen {
    /// The file that is shown as it is replayed.
    turn: usize,
    /// What is kept of later ones.
    kept: BTreeMap<usize, Vec<Box<dyn FnOnce()>>>,
    ended: BTreeSet<usize>,
}

impl Screen {
    fn show(&mut self, file: usize, part: impl FnOnce() + 'static) {
        if file == self.turn {
            part();
        } else {
            self.kept.entry(file).or_default().push(Box::new(part));
        }
    }

    /// Nothing more comes of a file.
    fn end(&mut self, file: usize) {
        self.ended.insert(file);
        while self.ended.remove(&self.turn) {
            self.turn += 1;
            self.kept.remove(&self.turn).into_iter().flatten().for_each(|part| part());
        }
    }

    /// Shows all that is kept.
    fn flush(self) {
        self.kept.into_values().flatten().for_each(|part| part());
    }
}

/// The replay of all files, in one account or in several.
struct Run<'a> {
    arguments: &'a Arguments,
    files: &'a [PathBuf],
    prefix: String,
    next: Cell<usize>,
    interrupted: Cell<bool>,
    screen: RefCell<Screen>,
    count: RefCell<Count>,
}

impl Run<'_> {
    /// Replays files in an account until none are left.
    async fn files_in(&self, account: &Account) -> Result<()> {
        let mailbox = match self.arguments.dry_run {
            true => None,
            false => {
                let mailbox = Mailbox::create(&account.actor, &self.prefix).await;
                Some(mailbox.context("failed to make a topic for the alerts")?)
            }
        };
        let notifier =
            mailbox.as_ref().map(|mailbox| Notifier::new(&account.function, mailbox.topic_arn())).transpose()?;
        while !self.interrupted.get() {
            let index = self.next.get();
            let Some(path) = self.files.get(index) else { break };
            self.next.set(index + 1);
            self.file(index, path, account, mailbox.as_ref(), notifier.clone()).await;
            self.screen.borrow_mut().end(index);
        }
        if let Some(mailbox) = mailbox
            && let Err(problem) = mailbox.remove().await
        {
            anstream::eprintln!(
                "snapback: the topic and queue `{}` could not be deleted: {:#}",
                self.prefix,
                anyhow::Error::new(problem)
            );
            self.count.borrow_mut().not_done += 1;
        }
        Ok(())
    }

    async fn file(
        &self,
        index: usize,
        path: &Path,
        account: &Account,
        mailbox: Option<&Mailbox>,
        notifier: Option<Notifier>,
    ) {
        let arguments = self.arguments;
        let scenario = input::read(path);
        let folder = path.parent().unwrap_or(Path::new("."));
        let prepared = scenario.and_then(|scenario| Ok((scenario, arguments.settings.load(folder)?)));
        let (scenario, (settings, file)) = match prepared {
            Ok(prepared) => prepared,
            Err(problem) => {
                let mut count = self.count.borrow_mut();
                count.not_done += 1;
                count.events += 1;
                anstream::eprintln!("snapback: {problem:#}");
                if arguments.json {
                    let line = show::not_done_to_json(&input::shown(path), None, &format!("{problem:#}"));
                    self.screen.borrow_mut().show(index, move || show::json(&line));
                }
                return;
            }
        };
        if index == 0
            && let Some(file) = file.filter(|_| !arguments.json)
        {
            anstream::eprintln!("settings from {}", input::shown(&file));
        }
        let prefix = format!("{}-{index}", self.prefix);
        let mut reenactor = Reenactor::new(account.actor.clone(), &scenario.events, &prefix, account.is_stand_in);
        let ahead = Arc::default();
        let replay = Replay { run: self, index, account, mailbox, notifier, settings, ahead };
        replay.scenario(&scenario, &mut reenactor).await;
        for left in reenactor.clean_up().await {
            anstream::eprintln!("snapback: could not be deleted: {left}");
            self.count.borrow_mut().not_done += 1;
        }
    }
}

/// One function's process.
struct Function {
    guardrail: Box<dyn AnyGuardrail>,
    runtime: Runtime,
}

/// The replay of one scenario.
struct Replay<'a> {
    run: &'a Run<'a>,
    index: usize,
    account: &'a Account,
    mailbox: Option<&'a Mailbox>,
    notifier: Option<Notifier>,
    settings: Settings,
    /// How many seconds the functions' clocks are ahead.
    ahead: Arc<AtomicI64>,
}

impl Replay<'_> {
    async fn scenario(&self, scenario: &Scenario, reenactor: &mut Reenactor) {
        let (is_json, is_dry_run) = (self.run.arguments.json, self.run.arguments.dry_run);
        let path = input::shown(&scenario.path);
        if !is_json {
            let path = path.clone();
            self.show(move || show::scenario(&path));
        }
        let mut settings = self.settings.clone();
        if is_dry_run {
            settings.rollout = Rollout::Observe;
        }
        // A process of its own for each function, as in Lambda.
        let functions: Vec<Function> = guardrails::all(&self.account.function)
            .into_iter()
            .map(|guardrail| Function {
                guardrail,
                runtime: Runtime::new(settings.clone(), self.notifier.clone(), self.clock()),
            })
            .collect();
        let mut first: Option<DateTime<Utc>> = None;
        for (index, raw) in scenario.events.iter().enumerate() {
            if self.run.interrupted.get() {
                return;
            }
            self.run.count.borrow_mut().events += 1;
            // What a finding is about may have to be days old: it comes as long after the first event as it was recorded.
            let event = event::parse(raw).ok();
            let time = event.as_ref().and_then(|event| event.time);
            first = first.or(time);
            let is_late = self.account.is_stand_in && event.is_some_and(|event| event.origin != Origin::CloudTrail);
            let gap = time.zip(first).map(|(time, first)| time - first).filter(|gap| is_late && gap.num_days() > 0);
            self.ahead.store(gap.map_or(0, |gap| gap.num_seconds()), Ordering::Relaxed);
            match self.event(&functions, &settings, raw, reenactor).await {
                Ok(replayed) => {
                    self.run.count.borrow_mut().not_as_required += usize::from(replayed.problem.is_some());
                    if is_json {
                        let line = show::to_json(&path, index, &replayed);
                        self.show(move || show::json(&line));
                    } else {
                        self.show(move || show::replayed(&replayed, is_dry_run));
                    }
                }
                Err(problem) => {
                    self.run.count.borrow_mut().not_done += 1;
                    let problem = format!("{problem:#}");
                    if is_json {
                        let line = show::not_done_to_json(&path, Some(index), &problem);
                        self.show(move || show::json(&line));
                    } else {
                        self.show(move || show::not_done(&problem));
                    }
                }
            }
        }
    }

    /// The time, as far ahead as the scenario has come.
    fn clock(&self) -> Clock {
        let ahead = Arc::clone(&self.ahead);
        Arc::new(move || Utc::now() + TimeDelta::seconds(ahead.load(Ordering::Relaxed)))
    }

    fn show(&self, part: impl FnOnce() + 'static) {
        self.run.screen.borrow_mut().show(self.index, part);
    }

    async fn event(
        &self,
        functions: &[Function],
        settings: &Settings,
        raw: &Value,
        reenactor: &mut Reenactor,
    ) -> Result<Replayed> {
        let is_ours = self.account.is_stand_in || !self.run.arguments.dry_run;
        let Reenacted { event: reenacted, before, after, note } = if is_ours {
            reenactor.reenact(raw, &*self.clock()).await.context("failed to re-enact the event")?
        } else {
            Reenacted { event: raw.clone(), before: State::default(), after: State::default(), note: None }
        };
        let event = match event::parse(&reenacted) {
            Ok(event) => event,
            Err(unreadable) => *unreadable.event,
        };
        let settings = &*settings.on(&event);
        let mut decided = Vec::new();
        for Function { guardrail, runtime } in functions {
            if guardrail.subscriptions().iter().any(|subscription| subscription.covers(&event)) {
                let handled = guardrail.handle(runtime, &reenacted, FUNCTION_TIMEOUT).await;
                decided.push(Decided { function: guardrail.name(), mode: guardrail.mode(settings), handled });
            }
        }
        let now = if is_ours {
            reenactor.state().await.context("failed to read the state afterwards")?
        } else {
            after.clone()
        };
        let due = decided.iter().filter(|decided| decided.handled.mail.is_some()).count();
        let mails = self.mails(due).await?;
        let problem = Course {
            event: &event,
            settings,
            is_stand_in: self.account.is_stand_in,
            are_old: self.ahead.load(Ordering::Relaxed) > LONGEST_AGE.num_seconds(),
            decided: &decided,
            before: &before,
            after: &after,
            now: &now,
        };
        let problem = problem.judge(self.mailbox.is_some().then_some(mails.as_slice())).err();
        Ok(Replayed { event, note, before, after, now, decided, problem })
    }

    /// What a subscriber of the topic has received since the last event.
    async fn mails(&self, due: usize) -> Result<Vec<Alert>> {
        let Some(mailbox) = self.mailbox else { return Ok(Vec::new()) };
        let mut mails = Vec::new();
        while mails.len() < due {
            let received = mailbox.receive(MAIL_WAIT).await.context("failed to read the mails")?;
            if received.is_empty() {
                break;
            }
            mails.extend(received);
        }
        // One too many would come late, too.
        let more = if self.account.is_stand_in { Duration::ZERO } else { NO_MAIL_WAIT };
        mails.extend(mailbox.receive(more).await.context("failed to read the mails")?);
        Ok(mails.into_iter().map(|mail| Alert { subject: mail.subject, body: mail.body, link: None }).collect())
    }
}
