//! What is a violation, and what to do about it.
//!
//! Everything in this crate is a plain function over data: no AWS client, no async runtime, no clock, no environment.
//! One event goes through it like this, and the crates `runtime` and `functions/*` do the reading and writing between:
//!
//! 1. [`event::parse`]: JSON to [`event::Event`], or [`event::Unreadable`]
//! 2. [`decision::decide`]: event and settings to a [`decision::Decision`], with the rule's own `detect`
//! 3. the rule's `plan`: finding and live state to a list of actions
//! 4. [`alert::render`]: what happened and what was done to the text of a mail

pub mod access_analyzer;
pub mod access_key;
pub mod alert;
pub mod chat;
pub mod command;
pub mod config;
pub mod decision;
pub mod event;
pub mod findings;
pub mod foresee;
pub mod iam_user;
pub mod json;
pub mod language;
pub mod policy;
pub mod public;
pub mod role_trust;
pub mod root_activity;
pub mod s3_public;
pub mod security_group;
pub mod settings;
pub mod text;

pub use alert::{Alert, Outcome, Report, Severity, Step};
pub use decision::{Decision, Subscription};
pub use event::{Event, Origin, Unreadable};
pub use language::{Language, Localized};
pub use settings::Settings;
