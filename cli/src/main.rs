//! The `snapback` command: the guardrails' own code, on a laptop.

mod check;
mod guardrails;
mod input;
mod judge;
mod rehearse;
mod replay;
mod settings;
mod show;
mod stand_in;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Takes back what opens an AWS sandbox account to the world; here, on events of your choice.
#[derive(Parser)]
#[command(name = "snapback", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Re-enact events in a stand-in account, run the guardrail on each, and show what it did and mailed
    Replay(replay::Arguments),
    /// Read CloudTrail's history and say what each function would have done about it; needs no account and changes nothing
    Check(check::Arguments),
    /// Deploy the template into a stand-in for AWS, send the samples through it, and show what came of them
    Rehearse(rehearse::Arguments),
    /// Keep a stand-in account running, to run the Lambda itself against it
    StandIn(stand_in::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Rehearse(arguments) => rehearse::run(&arguments),
        Command::StandIn(arguments) => stand_in::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        anstream::eprintln!("snapback: {error:#}");
        ExitCode::from(2)
    })
}
