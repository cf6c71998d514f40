//! Parts of what `snapback check` does, alone: what bench/check holds it to. `inflate LIBRARY FOLDER` inflates files of gzip and prints how many bytes
//! there were; libraries are `libdeflate` and `zlib-rs`. `inflate records FOLDER` cuts them into records, too, as `check` does, and prints how many
//! there were. As many threads as there are processors take the next file each, with memory that they keep.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use flate2::bufread::MultiGzDecoder;
use history::{Input, Memory, find};
use libdeflater::Decompressor;

type Anything = Box<dyn Error + Send + Sync>;
type Work = fn(&Input, &mut Held) -> Result<u64, Anything>;

/// As much of a file as `check` inflates at once.
const AT_ONCE: usize = 16 * 1024 * 1024;

/// The memory of a thread.
struct Held {
    stored: Vec<u8>,
    inflated: Vec<u8>,
    memory: Memory,
}

fn main() -> Result<(), Anything> {
    let mut arguments = std::env::args().skip(1);
    let (Some(library), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("it takes a library, or `records`, and a folder".into());
    };
    let work: Work = match library.as_str() {
        "libdeflate" => libdeflate,
        "zlib-rs" => zlib_rs,
        "records" => records,
        _ => return Err(format!("no library `{library}`").into()),
    };
    let files = Mutex::new(find(vec![PathBuf::from(folder)]));
    let next = || files.lock().ok().and_then(|mut files| files.next());
    let thread = || -> Result<u64, Anything> {
        let (stored, inflated, memory) = (Vec::new(), vec![0; 128 * 1024], Memory::new(AT_ONCE));
        let (mut held, mut number) = (Held { stored, inflated, memory }, 0);
        while let Some(input) = next() {
            number += work(&input?, &mut held)?;
        }
        Ok(number)
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let number = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(thread)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a thread panicked".into())))
            .sum::<Result<u64, _>>()
    })?;
    #[expect(clippy::print_stdout, reason = "it is what the program is for")]
    {
        println!("{number}");
    }
    Ok(())
}

fn read<'a>(input: &Input, stored: &'a mut Vec<u8>) -> Result<&'a [u8], Anything> {
    stored.clear();
    if let Input::File { path, .. } = input {
        fs::File::open(path)?.read_to_end(stored)?;
    }
    Ok(stored)
}

fn libdeflate(input: &Input, Held { stored, inflated, .. }: &mut Held) -> Result<u64, Anything> {
    let stored = read(input, stored)?;
    let length = stored.last_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    let length = usize::try_from(length)?;
    inflated.resize(length.max(inflated.len()), 0);
    let bytes = Decompressor::new().gzip_decompress(stored, inflated)?;
    Ok(u64::try_from(bytes)?)
}

fn zlib_rs(input: &Input, Held { stored, inflated, .. }: &mut Held) -> Result<u64, Anything> {
    let (mut decoder, mut bytes) = (MultiGzDecoder::new(read(input, stored)?), 0);
    loop {
        match decoder.read(inflated)? {
            0 => return Ok(bytes),
            length => bytes += u64::try_from(length)?,
        }
    }
}

fn records(input: &Input, Held { memory, .. }: &mut Held) -> Result<u64, Anything> {
    let mut records = input.records_in(memory, |stored| stored)?;
    let mut number = 0;
    while let Some(record) = records.next() {
        // So that what a record is about is looked at, as by whoever decides on it.
        number += u64::from(record?.plain.is_none_or(|plain| !plain.event_name.is_empty()));
    }
    memory.take_back(records);
    Ok(number)
}
