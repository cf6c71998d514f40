//! `snapback stand-in`: a stand-in account that stays, for running the Lambda itself against it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Utc;
use sandbox::reenact::Reenactor;
use sandbox::{Mailbox, StandIn, local_config};

use crate::{input, show};

/// The key that signs the calls of whoever makes the change.
const ACTOR_KEY: &str = "AKIASTANDINACTOR0000";

/// Arguments of `snapback stand-in`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// An event to re-enact in the account; with several in a file, all of them, in order
    #[arg(value_name = "EVENT")]
    event: Option<PathBuf>,
    /// Where to write the event with the account's own ids; of several, the last
    #[arg(long, value_name = "FILE", default_value = "target/event.json")]
    output: PathBuf,
}

/// Runs the command until Ctrl-C.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let scenario = arguments.event.as_deref().map(input::read).transpose()?;
    let stand_in = StandIn::start(&mut |progress| anstream::eprintln!("{progress}"));
    let stand_in = stand_in.context("failed to start the stand-in account")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    runtime.block_on(async {
        let actor = local_config(stand_in.endpoint(), ACTOR_KEY).await;
        let mailbox = Mailbox::create(&actor, "alerts").await.context("failed to make a topic for the alerts")?;
        anstream::println!("export AWS_ENDPOINT_URL={}", stand_in.endpoint());
        anstream::println!("export AWS_ACCESS_KEY_ID=AKIALAMBDA AWS_SECRET_ACCESS_KEY=x AWS_REGION=us-east-1");
        anstream::println!("export ALERT_TOPIC_ARN={}", mailbox.topic_arn());
        if let Some(scenario) = scenario {
            let mut reenactor = Reenactor::new(actor, &scenario.events, "snapback-stand-in", true);
            for event in &scenario.events {
                let reenacted = reenactor.reenact(event, Utc::now).await.context("failed to re-enact the event")?;
                let text = serde_json::to_string_pretty(&reenacted.event).context("failed to write the event")?;
                if let Some(folder) = arguments.output.parent() {
                    std::fs::create_dir_all(folder)
                        .with_context(|| format!("failed to make `{}`", folder.display()))?;
                }
                std::fs::write(&arguments.output, text)
                    .with_context(|| format!("failed to write `{}`", arguments.output.display()))?;
            }
            anstream::eprintln!("the event, with the account's ids: {}", input::shown(&arguments.output));
        }
        anstream::eprintln!("mails are shown as they come; Ctrl-C ends the account");
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            tokio::select! {
                _ = &mut interrupt => return Ok(ExitCode::SUCCESS),
                mails = mailbox.receive(Duration::from_secs(1)) => {
                    for mail in mails.context("failed to read the mails")? {
                        show::mail(&rules::Alert { subject: mail.subject, body: mail.body, link: None }, false);
                    }
                }
            }
        }
    })
}
