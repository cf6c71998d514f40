//! What MiniStack 1.5.33 can't model, so that a sample ends otherwise there than in the replay.
//!
//! The rehearsal fails if a sample of this list ends as in the replay after all.

/// Why samples end otherwise, and which: their paths below `events`.
pub(super) const UNMODELLED: &[(&str, &[&str])] = &[];

/// The reason for a sample, if it is in the list.
pub(super) fn reason(sample: &str) -> Option<&'static str> {
    UNMODELLED.iter().find(|(_, samples)| samples.contains(&sample)).map(|(reason, _)| *reason)
}
