//! The quick look at records changes no answer: on samples, on public records, and on copies of both in which anything may be wrong, it comes to
//! what reading them in full does.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use history::{Problem, Record, Records};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rules::Settings;
use serde_json::{Value, json};

use super::decide::{Decider, Filter, Read};

/// Names and values that count, spelled right, wrong, and with escapes; and what is JSON only almost. Put in behind a bracket or a comma, those of
/// the first kind make other records.
const MEMBERS: &[&str] = &[
    r#""eventName":"CreateUser","#,
    r#""EventName":"CreateUser","#,
    r#""eventname":"CreateUser","#,
    r#""event\u004eame":"CreateUser","#,
    r#""eventName":"Create\u0055ser","#,
    r#""eventName":"Create\/User","#,
    r#""eventName":"","#,
    r#""eventName":" ","#,
    r#""eventName":null,"#,
    r#""eventName":["CreateUser"],"#,
    r#""eventName":{"CreateUser":1},"#,
    r#""eventName":"é","#,
    r#""eventSource":"iam.amazonaws.com","#,
    r#""EVENTSOURCE":"iam.amazonaws.com","#,
    r#""eventSource":7,"#,
    r#""eventType":"AwsCloudTrailInsight","#,
    r#""EventType":"AwsCloudTrailInsight","#,
    r#""eventType":{},"#,
    r#""eventCategory":"Insight","#,
    r#""userIdentity":{"type":"Root"},"#,
    r#""useridentity":{"type":"Root"},"#,
    r#""user\u0049dentity":{"type":"Root"},"#,
    r#""userIdentity":null,"#,
    r#""userIdentity":{},"#,
    r#""userIdentity":["userIdentity",{"type":"Root"}],"#,
    r#""userIdentity":"Root","#,
    r#""x\"userIdentity":{"type":"Root"},"#,
    r#""type":"Root","#,
    r#""Type":"Root","#,
    r#""t\u0079pe":"Root","#,
    r#""type":true,"#,
    r#""type":{"type":"Root"},"#,
    r#""detail":{},"#,
    r#""Detail":{"eventName":"CreateUser","eventSource":"iam.amazonaws.com"},"#,
    r#""detail":"x","#,
    r#""detail-type":"Config Rules Compliance Change","#,
    r#""Records":[],"#,
    r#""Records":[{"eventName":"CreateUser"}],"#,
    r#""Events":[],"#,
    r#""Events":[{"eventName":"CreateUser"}],"#,
    r#""\u0052ecords":[],"#,
    r#""digestStartTime":"x","digestS3Object":"y","logFiles":[],"#,
    r#""x":{"eventName":"CreateUser","userIdentity":{"type":"Root"}},"#,
    r#""x":"{\"eventName\":\"CreateUser\",\"userIdentity\":{\"type\":\"Root\"}}","#,
    r#""x":"\ud83d\ude00 \n\t\b\f\r\\","#,
    r#""x":1e999,"#,
    r#""x":-0,"#,
    r#""x":[0,-1,1.5,2E+3,999999999999999999,9999999999999999999,99999999999999999999999],"#,
    r#""x":"é 開 😀","#,
    r#""":"","#,
    r#" "x" : [ true , false , null ] , "#,
];
const PIECES: &[&str] = &[
    "\"", "\\", "\\\\", "\\\"", "\\u", "\\u00", "\\ud800", "\\udc00", "\\x", "{", "}", "[", "]", ",", ":", " ", "\t",
    "\n", "\r\n", "\u{0}", "\u{1f}", "\u{7f}", "é", "{}", "[]", "[{}]", "null", "true", "tru", "nulll", "-", "-0",
    "01", "1", "1.", "1e5", "1e999", "0x1", "+1", "NaN", "//", "\"\"", "\"a\"", "\"a\":", "\"a\":1", "a", "Y", "_",
    "\u{feff}", "}{", "},{", "]}", ",,", "::",
];

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    /// A member behind a bracket or a comma.
    Member(Index, &'static str),
    /// Something anywhere.
    Piece(Index, &'static str),
    /// Another byte.
    Byte(Index, u8),
    /// Something is missing.
    Cut(Index, usize),
    /// There is no more.
    End(Index),
    /// Something stands there again.
    Again(Index, Index, usize),
    /// It is nested.
    Nested(Index, usize, bool),
    /// Letters are capitals, and the other way round.
    Case(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        8 => (place(), select(MEMBERS)).prop_map(|(at, text)| Change::Member(at, text)),
        3 => (place(), select(PIECES)).prop_map(|(at, text)| Change::Piece(at, text)),
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => (place(), 1..20_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        1 => place().prop_map(Change::End),
        1 => (place(), place(), 1..80_usize).prop_map(|(from, to, length)| Change::Again(from, to, length)),
        1 => (place(), 1..140_usize, any::<bool>()).prop_map(|(at, depth, is_list)| Change::Nested(at, depth, is_list)),
        1 => (place(), 1..12_usize).prop_map(|(at, length)| Change::Case(at, length)),
    ]
}

impl Change {
    fn make(&self, text: &mut Vec<u8>) {
        let length = text.len();
        if length == 0 {
            return;
        }
        let range = |at: &Index, much: usize| {
            let at = at.index(length);
            at..(at + much).min(length)
        };
        let put = |text: &mut Vec<u8>, at: usize, put: &[u8]| drop(text.splice(at..at, put.iter().copied()));
        match self {
            Self::Member(at, member) => {
                let places: Vec<usize> = (1..=length).filter(|place| matches!(text[place - 1], b'{' | b',')).collect();
                if !places.is_empty() {
                    put(text, *at.get(&places), member.as_bytes());
                }
            }
            Self::Piece(at, piece) => put(text, at.index(length), piece.as_bytes()),
            Self::Byte(at, byte) => text[at.index(length)] = *byte,
            Self::Cut(at, much) => drop(text.drain(range(at, *much))),
            Self::End(at) => text.truncate(at.index(length)),
            Self::Again(from, to, much) => {
                let again = text[range(from, *much)].to_vec();
                put(text, to.index(length), &again);
            }
            Self::Nested(at, depth, is_list) => {
                let places: Vec<usize> = (1..=length).filter(|place| text[place - 1] == b':').collect();
                if places.is_empty() {
                    return;
                }
                let (open, close) = if *is_list { ("[", "]") } else { (r#"{"a":"#, "}") };
                let nested = [&open.repeat(*depth), "1", &close.repeat(*depth), ",\"b\":"].concat();
                put(text, *at.get(&places), nested.as_bytes());
            }
            Self::Case(at, much) => {
                for byte in &mut text[range(at, *much)] {
                    *byte ^= if byte.is_ascii_alphabetic() { 0x20 } else { 0 };
                }
            }
        }
    }
}

/// Gives a byte at a time, so that no record is ever at hand as a whole and looked at quickly.
struct Bytes<'a>(&'a [u8]);

impl io::Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(buffer.get_mut(..length).unwrap_or_default())
    }
}

/// What becomes of each record, and with what it ends; how many of them are for nobody by the quick look.
fn all(
    mut records: Records<impl io::Read>,
    read: impl Fn(&Record<'_>) -> Read,
) -> (Vec<String>, Option<Problem>, usize) {
    let (mut shown, mut quick) = (Vec::new(), 0);
    loop {
        match records.next() {
            None => return (shown, None, quick),
            Some(Err(problem)) => return (shown, Some(problem), quick),
            Some(Ok(record)) => {
                quick += usize::from(record.plain.is_some_and(|plain| decider().is_for_nobody(plain)));
                shown.push(format!(
                    "{} {:?} {:?}",
                    record.position,
                    String::from_utf8_lossy(record.bytes),
                    read(&record)
                ));
            }
        }
    }
}

fn decider() -> Decider {
    Decider { settings: Settings::default(), filter: Filter::default(), with_ignored: true }
}

/// Expects the same of both ways, and tells how many records were for nobody by the quick look.
fn compare(text: &[u8]) -> usize {
    let decider = decider();
    let (slowly, problem, none) = all(Records::new(Bytes(text)), |record| decider.in_full(record));
    assert_eq!(none, 0, "the slow way is not slow");
    let (quickly, same_problem, quick) = all(Records::new(text), |record| decider.record(record));
    assert_eq!((quickly, same_problem), (slowly, problem), "{}", String::from_utf8_lossy(text));
    quick
}

/// The samples, and the public records where there are any.
fn records() -> Vec<Value> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let public = repository.parent().unwrap().join("shared/events");
    assert!(public.is_dir() || env::var_os("SNAPBACK_REQUIRE_SHARED").is_none(), "{} is missing", public.display());
    let mut folders = vec![repository.join("events"), public];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let (inner, more): (Vec<PathBuf>, _) =
            entries.map(|entry| entry.unwrap().path()).partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(more.into_iter().filter(|file| file.extension().is_some_and(|name| name == "json")));
    }
    files.sort();
    let mut records = Vec::new();
    for file in files {
        let text = fs::read(&file).unwrap();
        compare(&text);
        let mut all = Records::new(text.as_slice());
        while let Some(record) = all.next() {
            let value = record.unwrap().parse().unwrap();
            let record = if value["detail"].is_object() { value["detail"].clone() } else { value };
            // Findings are no records.
            if record["eventName"].is_string() {
                records.push(record);
            }
        }
    }
    assert!(records.len() > 200);
    records
}

/// The same call, but one that only reads and that nobody asks for.
fn of_nobody(record: &Value) -> Value {
    let mut record = record.clone();
    record["eventName"] = json!("DescribeMore");
    record["eventType"] = json!("AwsApiCall");
    if record["userIdentity"]["type"] == "Root" {
        record["userIdentity"]["type"] = json!("IAMUser");
    }
    record
}

#[test]
fn all_records_as_they_are() {
    let records = records();
    let mut quick = 0;
    for record in &records {
        compare(record.to_string().as_bytes());
        quick += compare(of_nobody(record).to_string().as_bytes());
        compare(json!({"Records": [record, of_nobody(record), record]}).to_string().as_bytes());
        compare(json!({"detail-type": "x", "detail": of_nobody(record)}).to_string().as_bytes());
        compare(serde_json::to_string_pretty(record).unwrap().as_bytes());
    }
    // What is left: texts with `\u`, and what CloudTrail never writes.
    assert!(quick * 10 > records.len() * 9, "{quick} of {}", records.len());
}

#[test]
fn all_records_with_anything_wrong() {
    let records = records();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let quick = std::cell::Cell::new(0);
    let input = (any::<Index>(), any::<bool>(), any::<bool>(), prop::collection::vec(change(), 1..4));
    let result = runner.run(&input, |(record, is_of_nobody, is_in_list, changes)| {
        let record = record.get(&records);
        let record = if is_of_nobody { of_nobody(record) } else { record.clone() };
        let mut text = record.to_string().into_bytes();
        changes.iter().for_each(|change| change.make(&mut text));
        if is_in_list {
            let around = of_nobody(&json!({"eventSource": "ec2.amazonaws.com"})).to_string();
            text = [br#"{"Records":["#, around.as_bytes(), b",", &text, b",", around.as_bytes(), b"]}"].concat();
        }
        quick.set(quick.get() + compare(&text));
        Ok(())
    });
    result.unwrap();
    assert!(quick.get() > 1_000, "{} were looked at quickly", quick.get());
}
