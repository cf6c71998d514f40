//! Inflating what is compressed. This is the only place that knows how: it takes bytes as they are stored and gives them as they were.

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use libdeflater::Decompressor;
use memchr::memmem;

use crate::split::Records;

/// How much is read of a file at a time.
const READ: usize = 128 * 1024;

/// The largest window of a zstd frame, as a power of two of bytes: 16 MiB, twice what its strongest ordinary level uses. What wants more would
/// decide for us how much memory we take.
const ZSTD_WINDOW: u32 = 24;

/// What gzip begins with: its magic number, and the only method that there is (RFC 1952).
const GZIP: &[u8] = b"\x1f\x8b\x08";

/// How much smaller something may be in gzip.
const SMALLEST: usize = 4;

/// Bytes that are no longer compressed.
pub type Inflated = Box<dyn Read>;

/// Memory for reading one file after the other.
pub struct Memory {
    decompressor: Decompressor,
    /// How many bytes a file may have, inflated, to be inflated at once.
    most: usize,
    stored: Vec<u8>,
    inflated: Vec<u8>,
}

impl Memory {
    /// `most` is how many bytes of a file may be held.
    pub fn new(most: usize) -> Self {
        Self { decompressor: Decompressor::new(), most, stored: Vec::new(), inflated: Vec::new() }
    }

    /// Lets the next file have the memory of one that has been read.
    pub fn take_back(&mut self, records: Records<Inflated>) {
        self.inflated = records.into_buffer();
    }

    /// The records of a file, which is read in whole now if it is small.
    pub(crate) fn records(&mut self, mut stored: impl Read + 'static) -> io::Result<Records<Inflated>> {
        self.stored.clear();
        // What can't be read on now can't be read on later either, and is told then.
        let most = u64::try_from(self.most / SMALLEST).unwrap_or(u64::MAX);
        let read = stored.by_ref().take(most).read_to_end(&mut self.stored);
        if read.is_ok_and(|length| length < self.most / SMALLEST)
            && let Some(length) = self.inflate()
        {
            return Ok(Records::whole(Box::new(io::empty()), std::mem::take(&mut self.inflated), length));
        }
        inflate(Cursor::new(std::mem::take(&mut self.stored)).chain(stored)).map(Records::new)
    }

    /// Inflates what is stored, if that is one member of gzip and nothing else: how much there is of it.
    fn inflate(&mut self) -> Option<usize> {
        let inside = self.stored.strip_prefix(GZIP)?;
        // Another member would begin with these bytes.
        if memmem::find(inside, GZIP).is_some() {
            return None;
        }
        let length = usize::try_from(u32::from_le_bytes(*self.stored.last_chunk()?)).ok()?;
        if length > self.most {
            return None;
        }
        if self.inflated.len() < length {
            self.inflated.resize(length, 0);
        }
        let inflated = self.decompressor.gzip_decompress(&self.stored, self.inflated.get_mut(..length)?).ok()?;
        (inflated == length).then_some(length)
    }
}

/// How something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Gzip,
    Zstd,
}

/// Tells by the first bytes how something is stored, and inflates it: plain, gzip (also several members one after the other), or zstd.
pub(crate) fn inflate(mut stored: impl Read + 'static) -> io::Result<Inflated> {
    let mut first = Vec::with_capacity(4);
    stored.by_ref().take(4).read_to_end(&mut first)?;
    let form = form(&first);
    let stored: BufReader<Chain<Cursor<Vec<u8>>, _>> = BufReader::with_capacity(READ, Cursor::new(first).chain(stored));
    Ok(match form {
        Form::Plain => Box::new(stored),
        Form::Gzip => Box::new(Members { decoder: Some(GzDecoder::new(stored)) }),
        Form::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(stored)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
    })
}

/// The magic numbers of RFC 1952 and RFC 8878, the latter's skippable frames included.
fn form(first: &[u8]) -> Form {
    match first {
        [0x1f, 0x8b, ..] => Form::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Form::Zstd,
        _ => Form::Plain,
    }
}

/// The members of a gzip file, one after the other. Zeros behind the last of them fill up a block of a disk or tape, and mean nothing: gzip itself
/// ignores them, too.
struct Members<R> {
    /// `None` behind the last one.
    decoder: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let length = decoder.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.decoder = match self.decoder.take() {
                Some(decoder) => behind(decoder.into_inner())?.map(GzDecoder::new),
                None => None,
            };
        }
        Ok(0)
    }
}

/// What is behind a member, if there is another one.
fn behind<R: BufRead>(mut stored: R) -> io::Result<Option<R>> {
    let mut has_zeros = false;
    loop {
        let bytes = stored.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        match bytes.get(zeros) {
            Some(_) if has_zeros || zeros > 0 || bytes.first() != Some(&0x1f) => {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    "what stands behind the compressed data is not gzip",
                ));
            }
            Some(_) => return Ok(Some(stored)),
            None if bytes.is_empty() => return Ok(None),
            None => has_zeros = true,
        }
        stored.consume(zeros);
    }
}
