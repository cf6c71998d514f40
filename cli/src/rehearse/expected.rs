//! What `snapback replay` decides on the same samples, in the account of moto's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::deployment::{items, text};
use crate::input;

/// What a function makes of an event: its verdict, and how that ended if anything was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) verdict: String,
    pub(super) outcome: Option<String>,
}

/// By file and position in it, and by function.
pub(super) type Decisions = BTreeMap<(PathBuf, usize), BTreeMap<String, Decision>>;

/// A replay under way.
pub(super) struct Replay(Child);

impl Replay {
    /// Starts this very program on the files.
    pub(super) fn start(files: &[PathBuf]) -> Result<Self> {
        let program = std::env::current_exe().context("failed to find this program")?;
        let child = Command::new(program)
            .args(["replay", "--json"])
            .args(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start the replay")?;
        Ok(Self(child))
    }

    /// Waits for its end. What could not be replayed is missing.
    pub(super) fn decisions(self, files: &[PathBuf]) -> Result<Decisions> {
        let output = self.0.wait_with_output().context("failed to read what the replay decided")?;
        let known: BTreeMap<String, &Path> = files.iter().map(|file| (input::shown(file), file.as_path())).collect();
        let mut decisions = Decisions::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let line: Value = serde_json::from_str(line).context("failed to read what the replay decided")?;
            let Some(file) = known.get(&text(&line, "file")).filter(|_| line.get("not_done").is_none()) else {
                continue;
            };
            let position = line.get("position").and_then(Value::as_u64).unwrap_or_default();
            let decided = items(&line, "functions").map(|function| {
                let outcome = function.get("outcome").and_then(Value::as_str).map(str::to_owned);
                // The functions' log writes the words of a verdict as one.
                let verdict = text(function, "verdict").replace('-', "");
                (text(function, "function"), Decision { verdict, outcome })
            });
            let position = usize::try_from(position).unwrap_or_default();
            decisions.insert(((*file).to_owned(), position), decided.collect());
        }
        Ok(decisions)
    }
}
