//! Inflating what is compressed. This is the only place that knows how: it takes bytes as they are stored and gives them as they were.

use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// How much is read of a file at a time.
const READ: usize = 128 * 1024;

/// The largest window of a zstd frame, as a power of two of bytes: 16 MiB, twice what its strongest ordinary level uses. What wants more would
/// decide for us how much memory we take.
const ZSTD_WINDOW: u32 = 24;

/// Bytes that are no longer compressed.
pub type Inflated = Box<dyn Read>;

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
        Form::Gzip => Box::new(MultiGzDecoder::new(stored)),
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
