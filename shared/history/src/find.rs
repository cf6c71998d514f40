//! Which files there are.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use crate::inflate::{Inflated, Memory, inflate};
use crate::split::Records;

/// What stands for standard input.
const STDIN: &str = "-";

/// What stands behind a dot in the names of files that are meant to hold history, also in forms that are not read.
const MEANT: &[&str] = &[
    "json", "jsonl", "ndjson", "log", "gz", "gzip", "tgz", "zst", "zstd", "bz2", "xz", "lz4", "snappy", "br", "zip",
    "7z", "tar", "parquet",
];

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File {
        /// Where it is.
        path: PathBuf,
        /// Whether it was asked for by its own name, and not found in a folder.
        is_named: bool,
    },
}

impl Input {
    /// Whether it has to hold history: it was asked for by name, or its name says so. Any other file in a folder (`README.md`) may be passed
    /// over if it holds no JSON.
    pub fn is_meant(&self) -> bool {
        match self {
            Self::Stdin | Self::File { is_named: true, .. } => true,
            Self::File { path, .. } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.split('.').skip(1).any(|part| MEANT.iter().any(|meant| part.eq_ignore_ascii_case(meant)))
            }
        }
    }

    /// How it is shown.
    pub fn shown(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// Opens it. `wrap` gets the bytes as they are stored, before they are inflated: to count them, for example.
    ///
    /// # Errors
    /// If it can't be opened, or its first bytes can't be read.
    pub fn records<R: Read + 'static>(&self, wrap: impl FnOnce(Box<dyn Read>) -> R) -> io::Result<Records<Inflated>> {
        let stored: Box<dyn Read> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File { path, .. } => Box::new(File::open(path)?),
        };
        inflate(wrap(stored)).map(Records::new)
    }

    /// The same, faster for small files in gzip: they are inflated at once, in memory that serves for the next file, too. Give it back by
    /// [`Memory::take_back`].
    ///
    /// # Errors
    /// As [`Input::records`].
    pub fn records_in<R: Read + 'static>(
        &self,
        memory: &mut Memory,
        wrap: impl FnOnce(Box<dyn Read>) -> R,
    ) -> io::Result<Records<Inflated>> {
        match self {
            // Whoever writes into a pipe may take his time, and waits for an answer to what he has written.
            Self::File { path, .. } if fs::metadata(path)?.is_file() => {
                memory.records(wrap(Box::new(File::open(path)?)))
            }
            _ => self.records(wrap),
        }
    }
}

/// All that is to be read of `paths`, in order; the files of a folder and of those in it in the order of their names. `-` is standard input.
/// Links to folders inside a folder are not followed, since they may lead in a circle, and pipes in it are not read, since there may never be
/// anything in them: each is an error that says so.
pub fn find(paths: Vec<PathBuf>) -> Find {
    Find { named: paths.into_iter(), folders: Vec::new() }
}

/// The files of a search, one at a time. What can't be listed is an error that names it, and the rest goes on.
#[derive(Debug)]
pub struct Find {
    named: IntoIter<PathBuf>,
    /// What is left of the folders on the way down.
    folders: Vec<IntoIter<PathBuf>>,
}

impl Iterator for Find {
    type Item = io::Result<Input>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (path, is_named) = match self.folders.last_mut() {
                Some(folder) => match folder.next() {
                    Some(path) => (path, false),
                    None => {
                        self.folders.pop();
                        continue;
                    }
                },
                None => (self.named.next()?, true),
            };
            if is_named && path.as_os_str() == STDIN {
                return Some(Ok(Input::Stdin));
            }
            match self.enter(path, is_named) {
                Ok(None) => {}
                Ok(Some(input)) => return Some(Ok(input)),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}

impl Find {
    /// The file, or `None` for a folder, which is gone through next.
    fn enter(&mut self, path: PathBuf, is_named: bool) -> io::Result<Option<Input>> {
        let named = |error| named(&path, &error);
        let kind = fs::metadata(&path).map_err(named)?;
        if kind.is_dir() {
            let is_link = fs::symlink_metadata(&path).map_err(named)?.is_symlink();
            if is_link && !is_named {
                return Err(named(io::Error::other(
                    "it is a link to a folder, which is not followed: name it to have it read",
                )));
            }
            self.folders.push(listed(&path).map_err(named)?.into_iter());
            return Ok(None);
        }
        if !is_named && !kind.is_file() {
            return Err(named(io::Error::other("it is neither a file nor a folder: name it to have it read")));
        }
        Ok(Some(Input::File { path, is_named }))
    }
}

fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut inside =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    inside.sort();
    Ok(inside)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
