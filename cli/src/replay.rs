//! `snapback replay`: events re-enacted in an account, and the guardrail run on each.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use aws_config::{Region, SdkConfig};
use chrono::Utc;
use rules::settings::Rollout;
use rules::{Alert, Settings, event};
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

/// How long a mail may take in an account that is not our stand-in.
const MAIL_WAIT: Duration = Duration::from_secs(10);

/// How long to look for a mail that must not come, in an account that is not our stand-in.
const NO_MAIL_WAIT: Duration = Duration::from_secs(2);

/// The keys that sign the calls of whoever makes the change, and the function's, in a stand-in account.
const ACTOR_KEY: &str = "AKIAREPLAYACTOR00000";
const FUNCTION_KEY: &str = "AKIAREPLAYSNAPBACK00";

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
    let place = Place::open(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    runtime.block_on(async {
        let account = place.account().await?;
        replay_all(arguments, &account, &files).await
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
    fn open(arguments: &Arguments) -> Result<Self> {
        let Some(endpoint) = &arguments.endpoint else {
            let stand_in = StandIn::start(&mut |progress| anstream::eprintln!("{progress}"));
            return stand_in.map(Self::StandIn).context("failed to start the stand-in account");
        };
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
            return Ok(Self::Local(endpoint.clone()));
        }
        confirm(&format!("the account behind {endpoint}"), arguments)?;
        Ok(Self::Remote(Some(endpoint.clone())))
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

async fn replay_all(arguments: &Arguments, account: &Account, files: &[PathBuf]) -> Result<ExitCode> {
    // Names of what is created differ from run to run, in case an earlier one could not clean up.
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let prefix = format!("snapback-replay-{started}");
    let mailbox = match arguments.dry_run {
        true => None,
        false => Some(Mailbox::create(&account.actor, &prefix).await.context("failed to make a topic for the alerts")?),
    };
    let notifier = mailbox.as_ref().map(|mailbox| Notifier::new(&account.function, mailbox.topic_arn())).transpose()?;
    // One listener for the whole run: a signal between two scenarios counts too.
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let mut count = Count::default();
    let interrupted = Cell::new(false);
    for (index, path) in files.iter().enumerate() {
        let scenario = input::read(path);
        let folder = path.parent().unwrap_or(Path::new("."));
        let prepared = scenario.and_then(|scenario| Ok((scenario, arguments.settings.load(folder)?)));
        let (scenario, (settings, file)) = match prepared {
            Ok(prepared) => prepared,
            Err(problem) => {
                count.not_done += 1;
                count.events += 1;
                anstream::eprintln!("snapback: {problem:#}");
                if arguments.json {
                    anstream::println!(
                        "{}",
                        show::not_done_to_json(&input::shown(path), None, &format!("{problem:#}"))
                    );
                }
                continue;
            }
        };
        if index == 0
            && let Some(file) = file.filter(|_| !arguments.json)
        {
            anstream::eprintln!("settings from {}", input::shown(&file));
        }
        let mut reenactor =
            Reenactor::new(account.actor.clone(), &scenario.events, &format!("{prefix}-{index}"), account.is_stand_in);
        let replay = Replay { arguments, account, mailbox: mailbox.as_ref(), notifier: notifier.clone(), settings };
        {
            // The event under way is finished, so that nothing that it creates is lost sight of.
            let mut replayed = std::pin::pin!(replay.scenario(&scenario, &mut reenactor, &mut count, &interrupted));
            loop {
                tokio::select! {
                    () = &mut replayed => break,
                    _ = &mut interrupt, if !interrupted.get() => {
                        interrupted.set(true);
                        anstream::eprintln!("snapback: interrupted; this event is finished and what was created is deleted");
                    }
                }
            }
        }
        for left in reenactor.clean_up().await {
            anstream::eprintln!("snapback: could not be deleted: {left}");
            count.not_done += 1;
        }
        if interrupted.get() {
            break;
        }
    }
    if let Some(mailbox) = mailbox
        && let Err(problem) = mailbox.remove().await
    {
        anstream::eprintln!(
            "snapback: the topic and queue `{prefix}` could not be deleted: {:#}",
            anyhow::Error::new(problem)
        );
        count.not_done += 1;
    }
    if interrupted.get() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if !arguments.json {
        show::summary(count.events, count.not_as_required, count.not_done);
    }
    Ok(match count {
        Count { not_done: 1.., .. } => ExitCode::from(2),
        Count { not_as_required: 1.., .. } => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// One function's process.
struct Function {
    guardrail: Box<dyn AnyGuardrail>,
    runtime: Runtime,
}

/// The replay of one scenario.
struct Replay<'a> {
    arguments: &'a Arguments,
    account: &'a Account,
    mailbox: Option<&'a Mailbox>,
    notifier: Option<Notifier>,
    settings: Settings,
}

impl Replay<'_> {
    async fn scenario(
        &self,
        scenario: &Scenario,
        reenactor: &mut Reenactor,
        count: &mut Count,
        interrupted: &Cell<bool>,
    ) {
        let path = input::shown(&scenario.path);
        if !self.arguments.json {
            show::scenario(&path);
        }
        let mut settings = self.settings.clone();
        if self.arguments.dry_run {
            settings.rollout = Rollout::Observe;
        }
        // A process of its own for each function, as in Lambda.
        let functions: Vec<Function> = guardrails::all(&self.account.function)
            .into_iter()
            .map(|guardrail| Function {
                guardrail,
                runtime: Runtime::new(settings.clone(), self.notifier.clone(), Arc::new(Utc::now)),
            })
            .collect();
        for (index, raw) in scenario.events.iter().enumerate() {
            if interrupted.get() {
                return;
            }
            count.events += 1;
            match self.event(&functions, &settings, raw, reenactor).await {
                Ok(replayed) => {
                    count.not_as_required += usize::from(replayed.problem.is_some());
                    if self.arguments.json {
                        show::json(&show::to_json(&path, index, &replayed));
                    } else {
                        show::replayed(&replayed, self.arguments.dry_run);
                    }
                }
                Err(problem) => {
                    count.not_done += 1;
                    let problem = format!("{problem:#}");
                    if self.arguments.json {
                        show::json(&show::not_done_to_json(&path, Some(index), &problem));
                    } else {
                        show::not_done(&problem);
                    }
                }
            }
        }
    }

    async fn event(
        &self,
        functions: &[Function],
        settings: &Settings,
        raw: &Value,
        reenactor: &mut Reenactor,
    ) -> Result<Replayed> {
        let is_ours = self.account.is_stand_in || !self.arguments.dry_run;
        let Reenacted { event: reenacted, before, after, note } = if is_ours {
            reenactor.reenact(raw, Utc::now).await.context("failed to re-enact the event")?
        } else {
            Reenacted { event: raw.clone(), before: State::default(), after: State::default(), note: None }
        };
        let event = match event::parse(&reenacted) {
            Ok(event) => event,
            Err(unreadable) => *unreadable.event,
        };
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
        Ok(mails.into_iter().map(|mail| Alert { subject: mail.subject, body: mail.body }).collect())
    }
}
