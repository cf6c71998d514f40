//! The moto server as a child process.

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::num::NonZeroU32;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

use crate::venv::{self, Venv, VenvError};

const START_LIMIT: Duration = Duration::from_secs(60);
/// How long the server may take to end by itself.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// How much of the end of the server's standard error is kept, in lines.
const KEPT_LINES: usize = 20;

/// How a stand-in differs from the usual one.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandInOptions {
    /// The most items that one answer of a paginated call holds; without it, as many as the caller asks for.
    pub page_size: Option<NonZeroU32>,
}

/// Why the stand-in did not start. Each message finishes the sentence "failed to …".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StandInError {
    /// There is no Python environment for it.
    #[error(transparent)]
    Venv(#[from] VenvError),
    /// Its process could not be created.
    #[error("run `{program}`")]
    Spawn {
        /// The Python interpreter.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It ended before it listened, or printed something else than its port.
    #[error("start the stand-in account: it ended with its last words\n{stderr}")]
    Died {
        /// The last lines of its standard error.
        stderr: String,
    },
    /// It did not listen in time.
    #[error("start the stand-in account within {} seconds", limit.as_secs())]
    TimedOut {
        /// The time it was given.
        limit: Duration,
    },
}

/// A stand-in AWS account: a moto server on 127.0.0.1, which ends when this is dropped or this process dies.
///
/// It accepts any credentials; only the access keys of users that were created in it have the permissions of their users, and die
/// with the key. The account's number is 123456789012, and its state is gone with it. Another account is that of access keys named
/// `AKIA`, its number, and four more digits.
#[derive(Debug)]
pub struct StandIn {
    child: Child,
    // Closing it is the server's sign to end.
    stdin: Option<ChildStdin>,
    endpoint: String,
}

impl StandIn {
    /// Starts a stand-in. Blocks until it listens: seconds, or a minute when moto has to be downloaded first.
    ///
    /// `progress` is told what is going on where it takes time.
    ///
    /// # Errors
    /// When moto cannot be installed, or does not listen within 60 seconds.
    pub fn start(progress: &mut dyn FnMut(&str)) -> Result<Self, StandInError> {
        Self::start_with(StandInOptions::default(), progress)
    }

    /// Like [`StandIn::start`], with options.
    ///
    /// # Errors
    /// As [`StandIn::start`].
    pub fn start_with(options: StandInOptions, progress: &mut dyn FnMut(&str)) -> Result<Self, StandInError> {
        let venv = venv::prepare(progress)?;
        let mut child = command(&venv, options)
            .spawn()
            .map_err(|source| StandInError::Spawn { program: venv.python.display().to_string(), source })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut stand_in = Self { child, stdin, endpoint: String::new() };
        let last_words = stderr.map(keep_last_lines);
        match port(stdout) {
            Ok(port) => stand_in.endpoint = format!("http://127.0.0.1:{port}"),
            Err(RecvTimeoutError::Timeout) => return Err(StandInError::TimedOut { limit: START_LIMIT }),
            Err(RecvTimeoutError::Disconnected) => {
                stand_in.stop();
                let stderr = last_words.and_then(|thread| thread.join().ok()).unwrap_or_default();
                return Err(StandInError::Died { stderr });
            }
        }
        Ok(stand_in)
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn stop(&mut self) {
        self.stdin = None;
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
        // Errors mean that it has ended after all.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(venv: &Venv, options: StandInOptions) -> Command {
    let mut command = Command::new(&venv.python);
    // -I: no Python settings of the user's, -B: nothing is written into the shared folder.
    command.args(["-I", "-B"]).arg(&venv.launcher);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("MOTO_") || text.starts_with("SANDBOX_") || text == "INITIAL_NO_AUTH_ACTION_COUNT" {
            command.env_remove(&name);
        }
    }
    if let Some(size) = options.page_size {
        command.env("SANDBOX_PAGE_SIZE", size.to_string());
    }
    command
}

/// The port from the first line of the server's standard output. Disconnected: it ended, or the line is no port.
fn port(stdout: Option<ChildStdout>) -> Result<u16, RecvTimeoutError> {
    #[derive(Deserialize)]
    struct Started {
        port: u16,
    }

    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        if let Some(stdout) = stdout
            && BufReader::new(stdout).read_line(&mut line).is_ok()
            && let Ok(started) = serde_json::from_str::<Started>(&line)
        {
            // Nobody listens any more if the time is up.
            let _ = sender.send(started.port);
        }
    });
    receiver.recv_timeout(START_LIMIT)
}

/// Reads standard error to its end, so that the server never waits for a reader, and returns the last lines.
fn keep_last_lines(stderr: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut kept = VecDeque::new();
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
        Vec::from(kept).join("\n")
    })
}

/// The configuration of clients for an account on this machine, as the holder of that access key id. Region us-east-1, unless a
/// client is made for another.
pub async fn local_config(endpoint: &str, access_key_id: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key_id, "stand-in", None, None, "stand-in");
    let loader = runtime::clients::loader().region(Region::from_static("us-east-1"));
    loader.endpoint_url(endpoint).credentials_provider(credentials).load().await
}
