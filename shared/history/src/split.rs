//! Cutting a stream of bytes into JSON values, without holding more than one of them.

use std::fmt;
use std::io::{ErrorKind, Read};

use memchr::{memchr_iter, memchr2};
use serde_json::Value;

use crate::plain::{Found, Plain};

/// The largest record, in bytes. EventBridge takes 256 KB; what CloudTrail stores may be of a size that is called large
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventConfiguration.html>) and said to be 1 MB.
pub const LARGEST_RECORD: usize = 3 << 19;

/// How much is asked for at a time.
const READ: usize = 128 * 1024;

/// How deeply brackets may be nested for their kinds to be compared. `serde_json` refuses what is nested as deeply.
const KNOWN_KINDS: u32 = 128;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where something is in a file, once that is inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// How many bytes are in front of it.
    pub byte: u64,
    /// Its line, counted from 1.
    pub line: u64,
}

/// What could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({position})")]
pub struct Problem {
    /// Why.
    pub reason: Reason,
    /// Where.
    pub position: Position,
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There is nothing but space in it.
    #[error("it is empty")]
    Empty,
    /// It begins neither with an object nor with a list.
    #[error("it does not begin like history in JSON, but with {0}")]
    NotJson(String),
    /// It is in UTF-16.
    #[error("it is in UTF-16, and JSON is read in UTF-8 only")]
    Utf16,
    /// Something else should be here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What.
        expected: &'static str,
        /// What is here instead.
        found: String,
    },
    /// It ends in the middle of something.
    #[error("it ends too early: what begins at byte {begun} is not complete")]
    Truncated {
        /// Where that begins, in bytes.
        begun: u64,
    },
    /// A record, or what stands between two of them, is larger than [`LARGEST_RECORD`]. The rest is not read: who knows how much there is of it.
    #[error("what begins here is larger than {LARGEST_RECORD} bytes, which no record is; the rest of it is not read")]
    TooLarge,
    /// A record is no JSON, though its brackets are.
    #[error("the record is not JSON: {0}")]
    Record(String),
    /// The bytes could not be had, or not be inflated.
    #[error("{0}")]
    Read(String),
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "byte {}, line {}", self.byte, self.line)
    }
}

/// One value: a record, if all is well.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its JSON, which has matching brackets, and may be wrong otherwise.
    pub bytes: &'a [u8],
    /// Where it begins.
    pub position: Position,
    /// What it is about, if that was seen in passing. Then it is JSON, too.
    pub plain: Option<Plain<'a>>,
}

impl Record<'_> {
    /// The value.
    ///
    /// # Errors
    /// [`Reason::Record`] if it is no JSON, is nested too deeply, or holds text that is not UTF-8.
    pub fn parse(&self) -> Result<Value, Problem> {
        serde_json::from_slice(self.bytes).map_err(|error| {
            let line = u64::try_from(error.line()).unwrap_or(u64::MAX).max(1);
            let lines_before = error.line().saturating_sub(2);
            let line_start = match error.line() {
                0 | 1 => 0,
                _ => memchr_iter(b'\n', self.bytes).nth(lines_before).map_or(0, |newline| newline + 1),
            };
            let inside = u64::try_from(line_start + error.column().saturating_sub(1)).unwrap_or(u64::MAX);
            let position = Position { byte: self.position.byte + inside, line: self.position.line + line - 1 };
            let text = error.to_string();
            let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
            Problem { reason: Reason::Record(reason.to_owned()), position }
        })
    }
}

/// The records of a stream, one at a time.
///
/// A list at the top gives its elements, and so does the list `Records` (of CloudTrail's files) or `Events` (of `aws cloudtrail lookup-events`) of
/// an object at the top or in a list at the top, wherever in it that stands; every other object there gives itself. Whatever else such an object
/// has is passed over.
pub struct Records<R> {
    input: R,
    /// The bytes at hand are those from `next` to `filled`.
    buffer: Vec<u8>,
    next: usize,
    filled: usize,
    /// Where `next` is.
    position: Position,
    /// What the caller was given and has not been passed over yet.
    given: Option<Whole>,
    place: Place,
    has_begun: bool,
    has_ended: bool,
}

/// Where in the structure `next` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between values at the top.
    Top,
    /// In a list.
    List { expected: Expected, of: List },
    /// In an object, behind its list of records; `in_list` if it stands in one.
    Object { in_list: bool },
    /// There is no more to be had.
    Over,
}

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    /// One at the top.
    Top,
    /// The list of records of an object; `in_list` if that stands in one.
    Records { in_list: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    ElementOrEnd,
    Element,
    CommaOrEnd,
}

/// A value at hand.
struct Whole {
    /// In bytes.
    length: usize,
    /// What it is about, if it is a plain record.
    found: Option<Found>,
}

impl Place {
    /// At the beginning of an object's list of records.
    fn records(in_list: bool) -> Self {
        Self::List { expected: Expected::ElementOrEnd, of: List::Records { in_list } }
    }
}

/// How far a look at a value has come.
enum Seen {
    /// The value goes on behind the bytes at hand.
    More,
    /// It is so many bytes long.
    Whole(usize),
    /// After so many bytes its list of records begins.
    Records(usize),
    /// The byte at this place does not fit.
    Wrong(usize, &'static str),
}

impl<R: Read> Records<R> {
    /// Of bytes that are no longer compressed.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            next: 0,
            filled: 0,
            position: Position { byte: 0, line: 1 },
            given: None,
            place: Place::Top,
            has_begun: false,
            has_ended: false,
        }
    }

    /// Of bytes that are all there: the first `filled` of `buffer`.
    pub(crate) fn whole(input: R, buffer: Vec<u8>, filled: usize) -> Self {
        Self { buffer, filled, has_ended: true, ..Self::new(input) }
    }

    /// The memory that it took.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The next record. After a problem there is no other: what follows can't be told apart any more.
    ///
    /// # Errors
    /// Says what is wrong, and where.
    #[expect(clippy::should_implement_trait, reason = "the record is borrowed from here, which no iterator can say")]
    pub fn next(&mut self) -> Option<Result<Record<'_>, Problem>> {
        match self.given.take() {
            // There is no line break in a plain record.
            Some(Whole { length, found: Some(_) }) => self.step(length),
            Some(Whole { length, found: None }) => self.pass(length),
            None => {}
        }
        match self.advance() {
            Ok(None) => {
                self.place = Place::Over;
                None
            }
            Ok(Some(whole)) => {
                let Whole { length, found } = self.given.insert(whole);
                let bytes =
                    self.buffer.get(self.next..self.filled).and_then(|bytes| bytes.get(..*length)).unwrap_or_default();
                let plain = found.as_ref().and_then(|found| found.read(bytes));
                Some(Ok(Record { bytes, position: self.position, plain }))
            }
            Err(problem) => {
                self.place = Place::Over;
                Some(Err(problem))
            }
        }
    }

    /// Goes on to the next value.
    fn advance(&mut self) -> Result<Option<Whole>, Problem> {
        loop {
            match self.place {
                Place::Over => return Ok(None),
                Place::Top => {
                    let Some(first) = self.first_byte(true)? else {
                        return if self.has_begun { Ok(None) } else { Err(self.problem(Reason::Empty)) };
                    };
                    let has_begun = std::mem::replace(&mut self.has_begun, true);
                    match first {
                        b'{' => {
                            if let Some(plain) = self.plain() {
                                return Ok(Some(plain));
                            }
                            match self.value(Scan::of_object())? {
                                Looked::Whole(length) => return Ok(Some(Whole { length, found: None })),
                                Looked::Records => self.place = Place::records(false),
                            }
                        }
                        b'[' => {
                            self.pass(1);
                            self.place = Place::List { expected: Expected::ElementOrEnd, of: List::Top };
                        }
                        0xff | 0xfe if !has_begun => return Err(self.problem(Reason::Utf16)),
                        _ if !has_begun => return Err(self.problem(Reason::NotJson(self.shown()))),
                        _ => return Err(self.unexpected("`{` or `[`")),
                    }
                }
                Place::List { expected, of } => {
                    let Some(first) = self.first_byte(false)? else {
                        return Err(self.problem(Reason::Truncated { begun: self.position.byte }));
                    };
                    let list = |expected| Place::List { expected, of };
                    match (first, expected) {
                        (b']', Expected::ElementOrEnd | Expected::CommaOrEnd) => {
                            self.pass(1);
                            self.place = match of {
                                List::Top => Place::Top,
                                List::Records { in_list } => Place::Object { in_list },
                            };
                        }
                        (b',', Expected::CommaOrEnd) => {
                            self.pass(1);
                            self.place = list(Expected::Element);
                        }
                        (_, Expected::CommaOrEnd) => return Err(self.unexpected("`,` or `]` behind an element")),
                        (b']', Expected::Element) => return Err(self.unexpected("an element behind `,`")),
                        (first, Expected::ElementOrEnd | Expected::Element) => {
                            self.place = list(Expected::CommaOrEnd);
                            if let Some(plain) = self.plain() {
                                return Ok(Some(plain));
                            }
                            match self.element(first, of)? {
                                Looked::Whole(length) => return Ok(Some(Whole { length, found: None })),
                                Looked::Records => self.place = Place::records(true),
                            }
                        }
                    }
                }
                Place::Object { in_list } => {
                    self.place = match self.value(Scan::in_object())? {
                        Looked::Records => Place::records(in_list),
                        Looked::Whole(length) => {
                            self.pass(length);
                            match in_list {
                                true => Place::List { expected: Expected::CommaOrEnd, of: List::Top },
                                false => Place::Top,
                            }
                        }
                    };
                }
            }
        }
    }

    /// The plain record at hand, if all of it is.
    fn plain(&self) -> Option<Whole> {
        let found = Found::in_front(self.at_hand()).filter(|found| found.length <= LARGEST_RECORD)?;
        Some(Whole { length: found.length, found: Some(found) })
    }

    /// Looks at an element of a list.
    fn element(&mut self, first: u8, of: List) -> Result<Looked, Problem> {
        let scan = match first {
            b'{' if of == List::Top => Scan::of_object(),
            b'{' | b'[' | b'"' => Scan::of_value(),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Scan::of_word(),
            _ => return Err(self.unexpected("an element")),
        };
        self.value(scan)
    }

    /// Looks at a value until its end, reading as much as that takes.
    fn value(&mut self, mut scan: Scan) -> Result<Looked, Problem> {
        let begun = self.position;
        loop {
            let seen = scan.run(self.at_hand());
            let end = match seen {
                Seen::Whole(end) | Seen::Records(end) | Seen::Wrong(end, _) => end,
                Seen::More => scan.at,
            };
            if is_too_large(begun, self.position, end) {
                return Err(Problem { reason: Reason::TooLarge, position: begun });
            }
            match seen {
                Seen::Whole(length) => return Ok(Looked::Whole(length)),
                Seen::Records(length) => {
                    self.pass(length);
                    return Ok(Looked::Records);
                }
                Seen::Wrong(at, expected) => {
                    self.pass(at);
                    return Err(self.unexpected(expected));
                }
                Seen::More => {}
            }
            // What is passed over need not be kept.
            if scan.passes_over() {
                self.pass(scan.at);
                scan.at = 0;
            }
            if !self.fill()? {
                if scan.is_word && scan.at > 0 {
                    return Ok(Looked::Whole(scan.at));
                }
                self.pass(self.at_hand().len());
                return Err(self.problem(Reason::Truncated { begun: begun.byte }));
            }
        }
    }

    /// The first byte that is no space, which is passed over; `None` at the end.
    fn first_byte(&mut self, is_top: bool) -> Result<Option<u8>, Problem> {
        let begun = self.position;
        loop {
            let bytes = self.at_hand();
            let spaces = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
            self.pass(spaces);
            if is_too_large(begun, self.position, 0) {
                return Err(Problem { reason: Reason::TooLarge, position: begun });
            }
            let bytes = self.at_hand();
            let is_mark = bytes.starts_with(BYTE_ORDER_MARK);
            let may_be_mark = !bytes.is_empty() && BYTE_ORDER_MARK.starts_with(bytes);
            match bytes.first().copied() {
                // Each of several files that were written one behind the other may have one.
                Some(_) if is_mark && is_top => self.pass(BYTE_ORDER_MARK.len()),
                Some(first) if !may_be_mark || !is_top => return Ok(Some(first)),
                first => {
                    if !self.fill()? {
                        return Ok(first);
                    }
                }
            }
        }
    }

    fn at_hand(&self) -> &[u8] {
        self.buffer.get(self.next..self.filled).unwrap_or_default()
    }

    fn pass(&mut self, length: usize) {
        let passed = self.at_hand().get(..length).unwrap_or_default();
        let lines = memchr_iter(b'\n', passed).count();
        self.position.line += u64::try_from(lines).unwrap_or(u64::MAX);
        self.step(length);
    }

    /// Passes over what holds no line break.
    fn step(&mut self, length: usize) {
        self.position.byte += u64::try_from(length).unwrap_or(u64::MAX);
        self.next += length;
    }

    /// Reads more behind the bytes at hand; whether there was any.
    fn fill(&mut self) -> Result<bool, Problem> {
        if self.has_ended {
            return Ok(false);
        }
        if self.next > 0 {
            self.buffer.copy_within(self.next..self.filled, 0);
            self.filled -= self.next;
            self.next = 0;
        }
        if self.buffer.len() < self.filled + READ {
            self.buffer.resize((self.filled + READ).max(self.buffer.len()), 0);
        }
        loop {
            match self.input.read(self.buffer.get_mut(self.filled..).unwrap_or_default()) {
                Ok(0) => {
                    self.has_ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.filled += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.has_begun = true;
                    self.pass(self.at_hand().len());
                    let reason = match error.kind() {
                        ErrorKind::UnexpectedEof => "the compressed data ends too early".to_owned(),
                        _ => error.to_string(),
                    };
                    return Err(self.problem(Reason::Read(reason)));
                }
            }
        }
    }

    fn problem(&self, reason: Reason) -> Problem {
        Problem { reason, position: self.position }
    }

    fn unexpected(&self, expected: &'static str) -> Problem {
        self.problem(Reason::Unexpected { expected, found: self.shown() })
    }

    /// The next byte, for an error message.
    fn shown(&self) -> String {
        match self.at_hand().first() {
            Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(*byte)),
            Some(byte) => format!("the byte 0x{byte:02x}"),
            None => "the end".to_owned(),
        }
    }
}

/// What came of looking at a value.
enum Looked {
    /// It is at hand, and so many bytes long.
    Whole(usize),
    /// Its list of records is next.
    Records,
}

/// A look at a value, which can stop and go on anywhere.
struct Scan {
    /// How much has been looked at.
    at: usize,
    /// How many brackets are open.
    depth: u32,
    /// Their kinds, the innermost last, a set bit for an object.
    kinds: u128,
    /// Whether there were too many to know their kinds.
    is_deep: bool,
    is_in_text: bool,
    /// Whether it is a number, `true`, `false` or `null`.
    is_word: bool,
    /// Whether it is the rest of an object whose list of records has been seen.
    is_rest: bool,
    /// For an object at the top: where in its outermost members we are.
    member: Option<Member>,
}

/// Where in an object's member something is.
#[derive(Clone, Copy)]
enum Member {
    /// In front of the name.
    Before,
    /// In the name, which begins there.
    Name(usize),
    /// Behind the name, which is from there to there, quotation marks included.
    Named(usize, usize),
    /// Behind the colon.
    Colon(usize, usize),
    /// In the value.
    Value,
}

impl Scan {
    const START: Self = Self {
        at: 0,
        depth: 0,
        kinds: 0,
        is_deep: false,
        is_in_text: false,
        is_word: false,
        is_rest: false,
        member: None,
    };

    fn of_value() -> Self {
        Self::START
    }

    fn of_word() -> Self {
        Self { is_word: true, ..Self::START }
    }

    fn of_object() -> Self {
        Self { member: Some(Member::Before), ..Self::START }
    }

    /// From behind the list of records.
    fn in_object() -> Self {
        Self { depth: 1, kinds: 1, is_rest: true, member: Some(Member::Value), ..Self::START }
    }

    /// Whether what has been looked at is of no more use.
    fn passes_over(&self) -> bool {
        self.is_rest && matches!(self.member, Some(Member::Before | Member::Value))
    }

    fn run(&mut self, bytes: &[u8]) -> Seen {
        while let Some(byte) = bytes.get(self.at).copied() {
            if self.is_word {
                if !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'-' | b'.') {
                    return Seen::Whole(self.at);
                }
                self.at += 1;
                continue;
            }
            if self.is_in_text {
                let rest = bytes.get(self.at..).unwrap_or_default();
                match memchr2(b'"', b'\\', rest) {
                    None => self.at = bytes.len(),
                    Some(length) if rest.get(length) == Some(&b'\\') => {
                        self.at += length;
                        if bytes.get(self.at + 1).is_none() {
                            return Seen::More;
                        }
                        self.at += 2;
                    }
                    Some(length) => {
                        self.at += length + 1;
                        self.is_in_text = false;
                        if let Some(Member::Name(start)) = self.member {
                            self.member = Some(Member::Named(start, self.at));
                        }
                        if self.depth == 0 {
                            return Seen::Whole(self.at);
                        }
                    }
                }
                continue;
            }
            let member = self.member.filter(|_| self.depth == 1);
            let in_value = member.map(|_| Member::Value);
            match (byte, member) {
                (b' ' | b'\t' | b'\r' | b'\n', _) => {}
                (b'"', Some(Member::Before)) => {
                    self.is_in_text = true;
                    self.member = Some(Member::Name(self.at));
                }
                (b':', Some(Member::Named(start, end))) => self.member = Some(Member::Colon(start, end)),
                (b'[', Some(Member::Colon(start, end))) if is_records(bytes.get(start..end).unwrap_or_default()) => {
                    return Seen::Records(self.at + 1);
                }
                (b',', Some(_)) => self.member = Some(Member::Before),
                (b'"', _) => {
                    self.is_in_text = true;
                    self.member = in_value.or(self.member);
                }
                (b'{' | b'[', _) => {
                    self.member = in_value.or(self.member);
                    self.depth = self.depth.saturating_add(1);
                    self.is_deep |= self.depth > KNOWN_KINDS;
                    self.kinds = self.kinds << 1 | u128::from(byte == b'{');
                }
                (b'}' | b']', _) => {
                    if !self.is_deep && (self.kinds & 1 == 1) != (byte == b'}') {
                        return Seen::Wrong(self.at, if byte == b'}' { "`]`" } else { "`}`" });
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.kinds >>= 1;
                    if self.depth == 0 {
                        self.at += 1;
                        return Seen::Whole(self.at);
                    }
                }
                _ => self.member = in_value.or(self.member),
            }
            self.at += 1;
        }
        Seen::More
    }
}

/// Whether there are more bytes from a place on than a record may have: those up to another place, and some.
fn is_too_large(begun: Position, passed: Position, and: usize) -> bool {
    passed.byte - begun.byte + u64::try_from(and).unwrap_or(u64::MAX) > LARGEST_RECORD as u64
}

/// Whether a name, in its quotation marks, is that of a list of records, also if it is spelled with escapes.
fn is_records(name: &[u8]) -> bool {
    let is = |name: String| name == "Records" || name == "Events";
    name == b"\"Records\""
        || name == b"\"Events\""
        || name.contains(&b'\\') && serde_json::from_slice::<String>(name).is_ok_and(is)
}
