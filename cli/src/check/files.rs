//! All files, several at a time, and what comes of them in the order of the files.

use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use history::{Find, Input, Memory, Reason};
use indicatif::ProgressBar;

use super::decide::{Decided, Decider, Read};
use super::tally::Counts;

/// How many verdicts or problems of a file are handed on together, and how many such parts of a file may wait for their turn.
const PART: usize = 64;
const PARTS_WAITING: usize = 4;

/// With how much text of verdicts a part is handed on, however few they are, in bytes.
const PART_TEXT: usize = 64 * 1024;

/// How many files may wait for their turn, for each thread.
const FILES_WAITING: usize = 8;

/// How many records of one file are named that could not be read.
const MOST_NAMED: u64 = 10;

/// From which size on records are decided on one at a time, in bytes: the largest that EventBridge takes. In memory, a value may take fifty times what its text
/// does, and with many threads that adds up.
const LARGE: usize = 256 * 1024;

/// Up to which size, inflated, a file is held in memory as a whole, in bytes; and how much of files is held by all threads together.
const HELD_AT_ONCE: usize = 16 << 20;
const HELD: usize = 64 << 20;

/// A part of what came of a file.
#[derive(Default)]
pub(super) struct Part {
    pub(super) decided: Vec<Decided>,
    /// What could not be read, each with its file and place.
    pub(super) problems: Vec<String>,
    pub(super) counts: Counts,
}

/// The files that nobody reads yet, and where what comes of them is waited for.
struct Queue {
    find: Find,
    waiting: SyncSender<Receiver<Part>>,
}

/// Decides on all records of all files, with as many threads as there are processors, and hands on what comes of it in the order of the
/// files, until `take` breaks off. However much there is, little of it is in memory: whoever is ahead waits.
pub(super) fn decide(
    paths: &[PathBuf],
    decider: &Decider,
    progress: &ProgressBar,
    mut take: impl FnMut(Part) -> ControlFlow<()>,
) {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (waiting, files) = sync_channel(threads * FILES_WAITING);
    let large = Mutex::new(());
    let queue = Mutex::new(Some(Queue { find: history::find(paths.to_vec()), waiting }));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut memory = Memory::new(HELD_AT_ONCE.min(HELD / threads));
                while let Some((found, hand_on)) = next(&queue) {
                    let (memory, part) = (&mut memory, Part::default());
                    let file = File { decider, progress, large: &large, memory, part, text: 0, hand_on };
                    if file.read(found).is_break() {
                        break;
                    }
                }
            });
        }
        // Moved in, so that the threads notice when nobody waits any more.
        let files = files;
        for part in files.iter().flatten() {
            if take(part).is_break() {
                break;
            }
        }
    });
}

/// The next file, and where to put what comes of it; `None` if there is no more, or nobody waits for it.
fn next(queue: &Mutex<Option<Queue>>) -> Option<(io::Result<Input>, SyncSender<Part>)> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let Queue { find, waiting } = queue.as_mut()?;
    let found = find.next();
    let (hand_on, parts) = sync_channel(PARTS_WAITING);
    match found {
        Some(found) if waiting.send(parts).is_ok() => Some((found, hand_on)),
        _ => {
            *queue = None;
            None
        }
    }
}

/// One file on its way.
struct File<'a> {
    decider: &'a Decider,
    progress: &'a ProgressBar,
    /// Whoever has a large record in hand holds it.
    large: &'a Mutex<()>,
    memory: &'a mut Memory,
    part: Part,
    /// How much text the part's verdicts hold, in bytes.
    text: usize,
    hand_on: SyncSender<Part>,
}

impl File<'_> {
    /// Breaks off if nobody takes what comes of it.
    fn read(mut self, found: io::Result<Input>) -> ControlFlow<()> {
        match found {
            Ok(input) => self.records(&input)?,
            Err(problem) => {
                self.part.counts.not_read += 1;
                self.part.problems.push(problem.to_string());
            }
        }
        self.hand_on()
    }

    /// Hands on what there is; breaks off if nobody takes it.
    fn hand_on(&mut self) -> ControlFlow<()> {
        self.text = 0;
        match self.hand_on.send(std::mem::take(&mut self.part)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn records(&mut self, input: &Input) -> ControlFlow<()> {
        let mut records = match input.records_in(self.memory, |stored| self.progress.wrap_read(stored)) {
            Ok(records) => records,
            Err(problem) => {
                self.part.counts.not_read += 1;
                self.part.problems.push(format!("{}: {problem}", input.shown()));
                return ControlFlow::Continue(());
            }
        };
        let (mut has_records, mut not_read) = (false, 0);
        while let Some(record) = records.next() {
            let record = match record {
                Ok(record) => record,
                Err(problem) if matches!(problem.reason, Reason::Empty | Reason::NotJson(_)) && !input.is_meant() => {
                    self.part.counts.passed_over += 1;
                    return ControlFlow::Continue(());
                }
                Err(problem) => {
                    self.part.problems.push(format!("{}: {problem}", input.shown()));
                    not_read += 1;
                    break;
                }
            };
            has_records = true;
            let is_large = record.bytes.len() > LARGE;
            let alone = is_large.then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
            let read = self.decider.record(&record);
            drop(alone);
            match read {
                Read::Record { decided, ignored } => {
                    self.part.counts.records += 1;
                    self.part.counts.ignored += ignored;
                    self.text += decided.iter().map(Decided::size).sum::<usize>();
                    self.part.decided.extend(decided);
                }
                Read::LeftOut => self.part.counts.left_out += 1,
                Read::Other(other) => *self.part.counts.others.entry(other).or_default() += 1,
                Read::Unreadable(reason) => {
                    not_read += 1;
                    if not_read <= MOST_NAMED {
                        let place =
                            if reason.ends_with(')') { String::new() } else { format!(" ({})", record.position) };
                        self.part.problems.push(format!("{}: {reason}{place}", input.shown()));
                    }
                }
            }
            if is_large || self.part.decided.len() >= PART || self.text >= PART_TEXT {
                self.hand_on()?;
            }
        }
        if not_read > MOST_NAMED {
            let more = not_read - MOST_NAMED;
            self.part.problems.push(format!("{}: and {more} more records that could not be read", input.shown()));
        }
        self.part.counts.not_read += not_read;
        self.memory.take_back(records);
        self.part.counts.files += 1;
        self.part.counts.without_records += u64::from(!has_records && not_read == 0);
        ControlFlow::Continue(())
    }
}
