//! What must hold of the readers whatever bytes they get.
//!
//! Each of [`TARGETS`] takes bytes and panics if something does not hold of them. `fuzz/run` searches for such bytes with libFuzzer, which also
//! watches memory and time; the tests replay what it found once (`fuzz/regressions`) and, for a few seconds, mutations of the samples.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "to panic is how a property fails")]

mod amplify;
mod decide;
mod inflate;
mod mutate;
mod records;
mod samples;

pub use mutate::{Random, mutated, words};
pub use samples::samples;

/// Something to be fuzzed.
pub struct Target {
    /// Its name: that of the folder with its regressions, and of libFuzzer's program.
    pub name: &'static str,
    /// Panics if something does not hold.
    pub check: fn(&[u8]),
    /// What makes an input for it of a sample's text.
    pub seed: fn(&[u8]) -> Vec<u8>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "records", check: records::check, seed: records::seed },
    Target { name: "inflate", check: inflate::check, seed: inflate::seed },
    Target { name: "decide", check: decide::check, seed: <[u8]>::to_vec },
    Target { name: "amplify", check: amplify::check, seed: amplify::seed },
    Target { name: "settings", check: decide::settings, seed: decide::settings_seed },
];

/// The target of that name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> &'static Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("there is no target `{name}`"))
}
