//! Where an input begins: the samples of this repository, and public records beside it.

use std::fs;
use std::path::{Path, PathBuf};

/// All samples in `events`, and all public records in `../shared/events` if they are there; JSON, in the order of their paths.
pub fn samples() -> Vec<Vec<u8>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    for folder in [repository.join("events"), repository.join("../shared/events")] {
        collect(&folder, &mut paths);
    }
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(inside) = fs::read_dir(folder) else { return };
    let mut inside: Vec<PathBuf> = inside.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    inside.sort();
    for path in inside {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}
