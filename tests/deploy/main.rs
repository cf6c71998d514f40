//! The templates in deploy/ agree with the rules and with template.yaml, and their policies deny what they should and nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers"
)]

mod alerts;
mod evaluator;
mod organization;
mod region;
