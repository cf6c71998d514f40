//! The moto server as a child process.

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use std::num::NonZeroU32;
use std::process::Command;

use crate::server::{Server, StandInError};
use crate::venv::{self, Venv};

/// How a stand-in differs from the usual one.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandInOptions {
    /// The most items that one answer of a paginated call holds; without it, as many as the caller asks for.
    pub page_size: Option<NonZeroU32>,
}

/// A stand-in AWS account: a moto server on 127.0.0.1, which ends when this is dropped or this process dies.
///
/// It accepts any credentials; only the access keys of users that were created in it have the permissions of their users, and die
/// with the key. The account's number is 123456789012, and its state is gone with it. Another account is that of access keys named
/// `AKIA`, its number, and four more digits.
#[derive(Debug)]
pub struct StandIn(Server);

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
        let venv = venv::prepare(&venv::MOTO, progress)?;
        Ok(Self(Server::start(command(&venv, options), None)?))
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.0.endpoint()
    }
}

fn command(venv: &Venv, options: StandInOptions) -> Command {
    let mut command = Command::new(&venv.python);
    // -I: no Python settings of the user's, -B: nothing is written into the shared folder.
    command.args(["-I", "-B"]).arg(&venv.launcher);
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

/// The configuration of clients for an account on this machine, as the holder of that access key id. Region us-east-1, unless a
/// client is made for another.
pub async fn local_config(endpoint: &str, access_key_id: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key_id, "test", None, None, "stand-in");
    let loader = runtime::clients::loader().region(Region::from_static("us-east-1"));
    loader.endpoint_url(endpoint).credentials_provider(credentials).load().await
}
