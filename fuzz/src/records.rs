//! Bytes to records: whatever pieces the bytes come in, the records are the same, stand where they are said to stand, and are JSON where
//! `serde_json` says so.

use std::io::{self, Read};

use history::{Problem, Reason, Records};
use serde_json::Value;

/// A record's place, its line and its bytes.
pub(crate) type Found = (u64, u64, Vec<u8>);

/// Gives its bytes in pieces whose lengths are taken from a list, over and over.
pub(crate) struct Pieces {
    bytes: io::Cursor<Vec<u8>>,
    lengths: Vec<usize>,
    next: usize,
}

impl Pieces {
    /// None for all at once.
    pub(crate) fn new(bytes: &[u8], lengths: &[u8]) -> Self {
        let lengths = lengths.iter().map(|length| usize::from(*length) + 1).collect();
        Self { bytes: io::Cursor::new(bytes.to_vec()), lengths, next: 0 }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths.get(self.next).copied().unwrap_or(buffer.len()).min(buffer.len());
        self.next = if self.next + 1 < self.lengths.len() { self.next + 1 } else { 0 };
        self.bytes.read(&mut buffer[..length])
    }
}

/// All records, and the problem at the end.
pub(crate) fn all<R: Read>(mut records: Records<R>) -> (Vec<Found>, Option<Problem>) {
    let mut found = Vec::new();
    while let Some(record) = records.next() {
        match record {
            Ok(record) => found.push((record.position.byte, record.position.line, record.bytes.to_vec())),
            Err(problem) => {
                assert!(records.next().is_none(), "there is something behind a problem");
                return (found, Some(problem));
            }
        }
    }
    assert!(records.next().is_none(), "there is something behind the end");
    (found, None)
}

/// The first byte says how many of the next ones are lengths of pieces; the rest is the text.
pub(crate) fn parted(input: &[u8]) -> (&[u8], &[u8]) {
    let Some((count, rest)) = input.split_first() else { return (&[], &[]) };
    rest.split_at(usize::from(count % 4).min(rest.len()))
}

pub(crate) fn seed(sample: &[u8]) -> Vec<u8> {
    [&[2, 0, 30][..], sample].concat()
}

pub(crate) fn check(input: &[u8]) {
    let (lengths, text) = parted(input);
    let (found, problem) = all(Records::new(text));
    assert_eq!(
        all(Records::new(Pieces::new(text, lengths))),
        (found.clone(), problem.clone()),
        "in pieces {lengths:?}"
    );

    let line = |byte: usize| 1 + text[..byte].iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut end = 0;
    for (byte, at_line, bytes) in &found {
        let start = usize::try_from(*byte).unwrap_or(usize::MAX);
        assert!(start >= end, "a record at {start} begins in the one before, which ends at {end}");
        assert!(text[start..].starts_with(bytes), "the record at {start} is not what stands there");
        assert_eq!(*at_line, line(start), "the line of byte {start}");
        assert!(bytes.len() <= history::LARGEST_RECORD);
        end = start + bytes.len();
        check_record(bytes);
    }
    if let Some(problem) = &problem {
        let byte = usize::try_from(problem.position.byte).unwrap_or(usize::MAX);
        assert!((end..=text.len()).contains(&byte), "{problem} is not behind the records, which end at {end}");
        assert_eq!(problem.position.line, line(byte), "{problem}");
        assert!(!matches!(problem.reason, Reason::Record(_)), "{problem}");
    }
    compare(text, &found, problem.as_ref());
}

/// A record alone is found again as itself, and `parse` says of it what `serde_json` says.
fn check_record(bytes: &[u8]) {
    // In a list at the top, an object with a list of records would stand for these.
    let wrapped = [&b"{\"Records\":["[..], bytes, b"]}"].concat();
    let mut records = Records::new(wrapped.as_slice());
    let Some(Ok(record)) = records.next() else { panic!("it is not found again in a list") };
    assert!(record.bytes == bytes, "in a list it is another");
    let parsed = record.parse();
    match parsed {
        Ok(_) => assert!(serde_json::from_slice::<Value>(bytes).is_ok(), "`serde_json` refuses it"),
        Err(problem) => {
            let last = 12 + bytes.len() as u64;
            assert!((12..=last).contains(&problem.position.byte), "{problem} is not in the record");
        }
    }
    assert!(matches!(records.next(), None | Some(Err(_))), "there is more than one");
}

/// Where all of the text is JSON and nothing in it is a list of records by its name, the records are the objects, and the elements of the lists.
fn compare(text: &[u8], found: &[Found], problem: Option<&Problem>) {
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(text).into_iter().collect();
    let Ok(values) = values else {
        let is_noticed = problem.is_some()
            || found.iter().any(|(_, _, bytes)| serde_json::from_slice::<Value>(bytes).is_err())
            || text.windows(3).any(|window| window == b"\xef\xbb\xbf")
            // What stands beside a list of records is not looked at closely.
            || has_list(text);
        assert!(is_noticed, "it is not JSON, and nobody says so");
        return;
    };
    if values.is_empty() || !values.iter().all(|value| value.is_object() || value.is_array()) || has_list(text) {
        return;
    }
    let expected: Vec<Value> = values
        .into_iter()
        .flat_map(|value| match value {
            Value::Array(list) => list,
            value => vec![value],
        })
        .collect();
    let is_deep = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_err();
    if problem.is_none() && found.iter().any(|(_, _, bytes)| is_deep(bytes)) {
        return;
    }
    let read: Vec<Value> = found.iter().filter_map(|(_, _, bytes)| serde_json::from_slice(bytes).ok()).collect();
    assert!(read == expected, "other records than `serde_json` finds");
    assert_eq!(problem, None, "`serde_json` finds none");
}

/// Whether there may be a member that is a list of records.
fn has_list(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("Records\"") || text.contains("Events\"") || text.contains('\\')
}
