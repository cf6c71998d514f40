//! What MiniStack 1.5.33 can't model, so that a sample ends otherwise there than in the replay.
//!
//! The rehearsal fails if a sample of this list ends as in the replay after all.

/// Why samples end otherwise, and which: their paths below `events`.
pub(super) const UNMODELLED: &[(&str, &[&str])] = &[];

/// The reason for a sample, if it is in the list.
pub(super) fn reason(sample: &str) -> Option<&'static str> {
    UNMODELLED.iter().find(|(_, samples)| samples.contains(&sample)).map(|(reason, _)| *reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_names_samples_that_there_are_and_each_once() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
        let mut seen = BTreeSet::new();
        for sample in UNMODELLED.iter().flat_map(|(_, samples)| *samples) {
            assert!(samples.join(sample).is_file(), "{sample}");
            assert!(seen.insert(sample), "{sample} is there twice");
        }
    }
}
