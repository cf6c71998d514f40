//! What every function does around its rule.
//!
//! A function brings a [`Guardrail`]: its rule's `detect`, and the reads and writes that its remedy needs. [`Runtime::handle`] takes
//! an event all the way: parse, decide, remedy, report, notify. [`lambda::run`] puts that behind Lambda; the command and the tests call
//! it directly.

pub mod calls;
pub mod clients;
pub mod config_rules;
pub mod handle;
pub mod lambda;
mod memory;
pub mod metrics;
pub mod notify;
pub mod pause;
pub mod users;

pub use calls::{CallError, Calls, ObserveError};
pub use config_rules::ConfigRules;
pub use handle::{AnyGuardrail, Guardrail, Handled, Invocation, Remedied, Runtime, Verdict};
pub use notify::Notifier;
pub use pause::{LOOK_FOR, Pause, SETTLE};
