//! Only inflates files of gzip, as fast as a library can: what bench/check holds `snapback check` to. `inflate LIBRARY FOLDER` prints how many bytes there
//! were; libraries are `libdeflate` and `zlib-rs`. As many threads as there are processors take the next file each, with memory that they keep.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use flate2::bufread::MultiGzDecoder;
use history::{Input, find};
use libdeflater::Decompressor;

type Anything = Box<dyn Error + Send + Sync>;
type Inflate = fn(&[u8], &mut Vec<u8>) -> Result<u64, Anything>;

fn main() -> Result<(), Anything> {
    let mut arguments = std::env::args().skip(1);
    let (Some(library), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("it takes a library and a folder".into());
    };
    let inflate: Inflate = match library.as_str() {
        "libdeflate" => libdeflate,
        "zlib-rs" => |stored, inflated| zlib_rs(stored, inflated),
        _ => return Err(format!("no library `{library}`").into()),
    };
    let files = Mutex::new(find(vec![PathBuf::from(folder)]));
    let next = || files.lock().ok().and_then(|mut files| files.next());
    let work = || -> Result<u64, Anything> {
        let (mut stored, mut inflated, mut bytes) = (Vec::new(), vec![0; 128 * 1024], 0);
        while let Some(input) = next() {
            let Input::File { path, .. } = input? else { continue };
            stored.clear();
            fs::File::open(path)?.read_to_end(&mut stored)?;
            bytes += inflate(&stored, &mut inflated)?;
        }
        Ok(bytes)
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let bytes = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a thread panicked".into())))
            .sum::<Result<u64, _>>()
    })?;
    #[expect(clippy::print_stdout, reason = "it is what the program is for")]
    {
        println!("{bytes}");
    }
    Ok(())
}

fn libdeflate(stored: &[u8], inflated: &mut Vec<u8>) -> Result<u64, Anything> {
    let length = stored.last_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    let length = usize::try_from(length)?;
    inflated.resize(length.max(inflated.len()), 0);
    let bytes = Decompressor::new().gzip_decompress(stored, inflated)?;
    Ok(u64::try_from(bytes)?)
}

fn zlib_rs(stored: &[u8], inflated: &mut [u8]) -> Result<u64, Anything> {
    let (mut decoder, mut bytes) = (MultiGzDecoder::new(stored), 0);
    loop {
        match decoder.read(inflated)? {
            0 => return Ok(bytes),
            length => bytes += u64::try_from(length)?,
        }
    }
}
