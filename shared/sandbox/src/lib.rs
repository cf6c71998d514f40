//! A stand-in AWS account on this machine.
//!
//! [`StandIn`] runs a moto server on 127.0.0.1 for as long as it lives. The first start downloads moto into a folder
//! of its own in the user's cache; nothing else on the machine changes. What AWS does and moto does not is added by
//! the Python program in `launcher`. [`Mailbox`] is a topic with a reader, so that alerts can be read back. [`calls`]
//! tells which calls reached the stand-in, [`inject`] makes some of them fail, and [`anonymous_get`] shows whether an object in S3 is
//! open to everybody.
//!
//! For the command and for tests. No Lambda depends on this crate.

mod mailbox;
mod ministack;
mod recorder;
pub mod reenact;
mod server;
mod stand_in;
mod venv;

pub use mailbox::{Mail, Mailbox, MailboxError};
pub use ministack::{AwsError, MiniStack};
pub use recorder::{Call, Fault, RecorderError, anonymous_get, calls, inject};
pub use server::StandInError;
pub use stand_in::{StandIn, StandInOptions, local_config};
pub use venv::VenvError;

/// An X.509 certificate whose private key nobody has, in PEM, for `UploadSigningCertificate`.
pub const CERTIFICATE: &str = include_str!("certificate.pem");
