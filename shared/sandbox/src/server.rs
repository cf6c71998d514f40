//! A stand-in as a child process.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

use crate::venv::VenvError;

const START_LIMIT: Duration = Duration::from_secs(60);
/// How long the server may take to end by itself.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// How much of the end of the server's standard error is kept, in lines.
const KEPT_LINES: usize = 20;

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
    /// Its folder could not be made or written.
    #[error("use `{path}`")]
    Folder {
        /// The folder or file.
        path: String,
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

/// A program that prints its port as JSON when it listens on 127.0.0.1, and ends when its standard input does. It ends when this is
/// dropped or this process dies.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    // Closing it is the server's sign to end.
    stdin: Option<ChildStdin>,
    endpoint: String,
}

impl Server {
    /// Starts it and blocks until it listens. Its standard error goes into the file `log`; without one, only the last lines are kept, and
    /// told if it does not start.
    pub(crate) fn start(mut command: Command, log: Option<&Path>) -> Result<Self, StandInError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(log) = log {
            let file =
                File::create(log).map_err(|source| StandInError::Folder { path: log.display().to_string(), source })?;
            command.stderr(file);
        }
        let mut child = command.spawn().map_err(|source| StandInError::Spawn {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut server = Self { child, stdin, endpoint: String::new() };
        let last_words = stderr.map(keep_last_lines);
        match port(stdout) {
            Ok(port) => server.endpoint = format!("http://127.0.0.1:{port}"),
            Err(RecvTimeoutError::Timeout) => return Err(StandInError::TimedOut { limit: START_LIMIT }),
            Err(RecvTimeoutError::Disconnected) => {
                server.stop();
                let stderr = last_words.and_then(|thread| thread.join().ok());
                let stderr = stderr.or_else(|| log.map(|log| format!("in `{}`", log.display()))).unwrap_or_default();
                return Err(StandInError::Died { stderr });
            }
        }
        Ok(server)
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
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

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
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
