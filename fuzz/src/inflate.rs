//! What is compressed reads like what was compressed, in all forms; what is damaged is noticed.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use history::{Input, Problem, Reason, Records};

use crate::records::{Found, Pieces, all};

/// Opens bytes as if they were a file.
fn open(stored: &[u8], lengths: &[u8]) -> (Vec<Found>, Option<Problem>) {
    let pieces = Pieces::new(stored, lengths);
    let nothing = Input::File { path: PathBuf::from("/dev/null"), is_named: true };
    match nothing.records(|_| pieces) {
        Ok(records) => all(records),
        Err(problem) => panic!("it could not be opened: {problem}"),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_else(|problem| panic!("{problem}"))
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let encoder = zstd::Encoder::new(Vec::new(), 1).and_then(|mut encoder| {
        encoder.include_checksum(true)?;
        encoder.write_all(bytes)?;
        encoder.finish()
    });
    encoder.unwrap_or_else(|problem| panic!("{problem}"))
}

pub(crate) fn seed(sample: &[u8]) -> Vec<u8> {
    [&[1, 7, 200, 40][..], sample].concat()
}

/// How it is packed, the length of the pieces in which it is read, where it is parted or damaged; then the text.
pub(crate) fn check(input: &[u8]) {
    let [form, length, at, damage, text @ ..] = input else { return };
    let lengths = [*length];
    let part = text.len() * usize::from(*at) / 256;
    let packed = match form % 8 {
        0 => {
            let found = open(text, &[]);
            assert_alike(&open(text, &lengths), &found);
            return;
        }
        1 => gzip(text),
        2 => [gzip(&text[..part]), gzip(b""), gzip(&text[part..])].concat(),
        3 => [gzip(text), vec![0; usize::from(*damage) * 10]].concat(),
        4 => zstd(text),
        5 => [&[0x52, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9][..], &zstd(&text[..part]), &zstd(&text[part..])].concat(),
        form => {
            let whole = if form == 6 { gzip(text) } else { zstd(text) };
            return check_damaged(&whole, text, *at, *damage, &lengths);
        }
    };
    let (read, plain) = (open(&packed, &lengths), all(Records::new(text)));
    assert!(read.0 == plain.0, "form {}: other records", form % 8);
    assert_eq!(read.1, plain.1, "form {}", form % 8);
}

/// A byte changed, or the rest cut off: it is noticed, unless the change is of no consequence.
fn check_damaged(whole: &[u8], text: &[u8], at: u8, damage: u8, lengths: &[u8]) {
    let place = whole.len() * usize::from(at) / 256;
    let mut damaged = whole.to_vec();
    match damage {
        0 => damaged.truncate(place),
        _ => damaged[place] ^= damage,
    }
    let read = open(&damaged, lengths);
    assert_alike(&open(&damaged, &[]), &read);
    // A gzip header has bytes that mean nothing, and what stands behind the top's end is not read.
    let undamaged = all(Records::new(text));
    assert!(read.1.is_some() || read == undamaged, "damage at {place} is not noticed");
}

/// In whatever pieces it comes, the records are the same. How many of them a decoder still gives in front of damage depends on how much it was asked
/// for at a time.
fn assert_alike(one: &(Vec<Found>, Option<Problem>), other: &(Vec<Found>, Option<Problem>)) {
    let is_damaged = |problem: &Option<Problem>| matches!(problem, Some(Problem { reason: Reason::Read(_), .. }));
    let is_one_damaged = is_damaged(&one.1) || is_damaged(&other.1);
    if is_one_damaged && one.1.is_some() && other.1.is_some() {
        assert!(one.0.starts_with(&other.0) || other.0.starts_with(&one.0), "other records in front of the damage");
    } else {
        assert!(one.0 == other.0, "other records in pieces");
        assert_eq!(one.1, other.1, "in pieces");
    }
}
