//! MiniStack as a child process: an account that takes deployments and runs the functions.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::server::{Server, StandInError};
use crate::venv::{self, Venv};

/// What of this process's environment MiniStack, and thereby the functions that it runs, get to see.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "LANG", "SYSTEMROOT"];

/// Why an AWS call failed. Each message finishes the sentence "failed to …".
#[derive(Clone, Debug, Error)]
#[error("make the call `{service} {operation}`: {problem}")]
pub struct AwsError {
    service: &'static str,
    operation: &'static str,
    problem: String,
}

/// An AWS account in MiniStack on 127.0.0.1, with IAM enforced, which ends when this is dropped or this process dies.
///
/// Whoever signs with an access key named like an account's number, and the secret `test`, is that account's administrator.
#[derive(Debug)]
pub struct MiniStack {
    calls: Calls,
    server: Server,
    account: String,
    log: PathBuf,
}

impl MiniStack {
    /// Starts one whose account has that number. Blocks until it listens: seconds, or a minute when it has to be downloaded first. In `folder`
    /// are its state and its log; what was there before goes.
    ///
    /// # Errors
    /// When MiniStack cannot be installed, or does not listen within 60 seconds, or the folder cannot be used.
    pub fn start(folder: &Path, account: &str, progress: &mut dyn FnMut(&str)) -> Result<Self, StandInError> {
        let venv = venv::prepare(&venv::MINISTACK, progress)?;
        let at = |source| StandInError::Folder { path: folder.display().to_string(), source };
        let folder = std::path::absolute(folder).map_err(at)?;
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(error)),
            _ => fs::create_dir_all(&folder).map_err(at)?,
        }
        let log = folder.join("ministack.log");
        let mut command = python(&venv, "__main__.py");
        command.env("MINISTACK_ACCOUNT_ID", account).current_dir(&folder);
        let server = Server::start(command, Some(&log))?;
        let mut command = python(&venv, "calls.py");
        command.args([server.endpoint(), account]);
        let calls = Calls::start(command)?;
        Ok(Self { calls, server, account: account.to_owned(), log })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// The account's number, which is also its administrator's access key id.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Where its log is, the functions' output among it.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Makes an AWS call as the account's administrator, in us-east-1, by the names that boto3 has for services, operations and parameters.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses it or it can't be made.
    pub async fn call(
        &self,
        service: &'static str,
        operation: &'static str,
        parameters: Value,
    ) -> Result<Value, AwsError> {
        let failed = |problem| AwsError { service, operation, problem };
        let id = self.calls.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        lock(&self.calls.waiting).insert(id, sender);
        let request = json!({"id": id, "service": service, "operation": operation, "parameters": parameters});
        writeln!(lock(&self.calls.stdin), "{request}").map_err(|error| failed(error.to_string()))?;
        let answer = receiver.await.map_err(|_| failed("nobody answers any more".to_owned()))?;
        match (answer.answer, answer.error) {
            (Some(answer), _) => Ok(answer),
            (None, error) => Err(failed(error.unwrap_or_default())),
        }
    }
}

fn python(venv: &Venv, file: &str) -> Command {
    let mut command = Command::new(&venv.python);
    // -I: no Python settings of the user's, -B: nothing is written into the shared folder.
    command.args(["-I", "-B"]).arg(venv.launcher.join(file)).env_clear();
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

/// A process that makes AWS calls: the SDK's clients for services that nothing else here needs would be built for minutes.
#[derive(Debug)]
struct Calls {
    child: Child,
    stdin: Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Answer>>>>;

#[derive(Debug, Deserialize)]
struct Answer {
    id: u64,
    answer: Option<Value>,
    error: Option<String>,
}

impl Calls {
    fn start(mut command: Command) -> Result<Self, StandInError> {
        let spawn = |source| StandInError::Spawn { program: "calls.py".to_owned(), source };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(spawn)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| spawn(io::Error::other("it has no pipes")))?;
        let waiting = Waiting::default();
        let answers = Arc::clone(&waiting);
        thread::spawn(move || read(stdout, &answers));
        Ok(Self { child, stdin: Mutex::new(stdin), waiting, next: AtomicU64::new(0) })
    }
}

/// Hands each answer to whoever waits for it, until there are no more.
fn read(stdout: ChildStdout, waiting: &Waiting) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Ok(answer) = serde_json::from_str::<Answer>(&line)
            && let Some(sender) = lock(waiting).remove(&answer.id)
        {
            // Nobody listens any more if the call was given up.
            let _ = sender.send(answer);
        }
    }
    // Those who still wait learn that no answer comes.
    lock(waiting).clear();
}

impl Drop for Calls {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
