//! Finds and reads CloudTrail's history.
//!
//! [`find`] goes through files and folders, [`Input::records`] opens what it finds, and [`Records`] gives one record after the other, whatever
//! they are wrapped in: EventBridge events, bare records, `{"Records":[…]}`, `{"Events":[…]}`, JSON Lines, arrays; plain, in gzip or in zstd. Never more than one
//! record is in memory, or a small file, so that a file may be of any size. Whatever the bytes are, there is no panic: what can't be read is a [`Problem`] that
//! says why and where, after all that was whole before it.
//!
//! Nothing here knows what a record means, but for [`Other`], what CloudTrail puts beside its history, for [`looked_up`], what its command prints, and
//! for [`Plain`]: what most records are about, which is seen in passing and much faster than they are parsed.

mod find;
mod inflate;
mod looked_up;
mod other;
mod plain;
mod split;

pub use find::{Find, Input, find};
pub use inflate::{Inflated, Memory};
pub use looked_up::looked_up;
pub use other::Other;
pub use plain::Plain;
pub use split::{LARGEST_RECORD, Position, Problem, Reason, Record, Records};
