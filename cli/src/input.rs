//! Reading events from files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Events that belong together: they are replayed in order in the same groups.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Where they come from.
    pub(crate) path: PathBuf,
    /// The events, at least one.
    pub(crate) events: Vec<Value>,
}

/// The JSON files among `paths`, folders being searched to the bottom, in order of name.
pub(crate) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries =
                std::fs::read_dir(path).with_context(|| format!("failed to list the folder `{}`", path.display()))?;
            let mut inside = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
            inside.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "json"));
            inside.sort();
            files.extend(self::files(&inside)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// A path as it is shown: relative to the current folder where it is below it.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

/// The folder of sample events: `events` here or in a folder above.
pub(crate) fn samples() -> Result<PathBuf> {
    let here = std::env::current_dir().context("failed to tell the current folder")?;
    let found =
        here.ancestors().map(|folder| folder.join("events")).find(|events| events.join("security-group").is_dir());
    found.with_context(|| {
        format!("no events given, and no folder `events` with samples in or above `{}`", here.display())
    })
}

/// The events of a file: one event, a list of them, `{"Records": […]}`, or several JSON documents one after the other.
pub(crate) fn read(path: &Path) -> Result<Scenario> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let mut events = Vec::new();
    for document in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        match document.with_context(|| format!("`{}` is not JSON", path.display()))? {
            Value::Array(list) => events.extend(list),
            Value::Object(mut object) if object.get("Records").is_some_and(Value::is_array) => {
                events.extend(
                    object.remove("Records").and_then(|records| records.as_array().cloned()).unwrap_or_default(),
                );
            }
            event => events.push(event),
        }
    }
    if let Some(position) = events.iter().position(|event| !event.is_object()) {
        bail!(
            "`{}` holds something at position {} that is no event: an event is a JSON object",
            path.display(),
            position + 1
        );
    }
    if events.is_empty() {
        bail!("`{}` holds no event", path.display());
    }
    Ok(Scenario { path: path.to_owned(), events })
}
