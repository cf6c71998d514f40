//! A quick look at a record, for what it is about.
//!
//! Most of history are calls that nobody asks for. To tell so takes three texts of a record, and the certainty that it is whole. [`Found::in_front`]
//! gives both in one pass over records as CloudTrail writes them, 64 bytes at a time: a mask has a bit for each byte, and what may follow what is
//! a few operations on masks. Whatever is written in another way is not *plain*, and left to those who read JSON in full. So what is plain is a
//! part of what `serde_json` takes, never more:
//!
//! - no space outside of texts, no number but whole ones of at most [`MOST_DIGITS`] digits, no escape of the form `\u0000`;
//! - brackets nested at most [`DEEPEST`] deep;
//! - outermost, `eventName`, `eventSource` and `eventType` once each, as text, and `userIdentity` at most once, as an object with at most one
//!   `type`, which is text: none of these with escapes or blank, nor a second time in other letter cases;
//! - no `detail` and no `detail-type`, as an envelope of EventBridge has, no list `Records` or `Events`, and no Insights event.

use std::ops::Range;

use memchr::memchr2;
use wide::u8x16;

use crate::other::INSIGHT;

/// How many bytes are looked at at a time: a bit of a mask for each.
const BLOCK: usize = 64;

/// How deeply brackets may be nested.
const DEEPEST: u32 = 64;

/// How many digits a number may have.
const MOST_DIGITS: usize = 18;

/// What stands in front of an object that tells who made a call.
const IDENTITY: &[u8] = b"\"userIdentity\":";

/// What a plain record is about. The record is whole and is JSON, and is no digest, Insights event or envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// `eventName`.
    pub event_name: &'a str,
    /// `eventSource`.
    pub event_source: &'a str,
    /// `type` of the `userIdentity`, such as `Root`; empty if absent.
    pub actor_kind: &'a str,
}

/// Where in some bytes a plain record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// How many bytes it has.
    pub(crate) length: usize,
    name: Range<usize>,
    source: Range<usize>,
    kind: Range<usize>,
}

impl Found {
    /// The plain record that the bytes begin with; `None` if there is none, or not all of it.
    pub(crate) fn in_front(bytes: &[u8]) -> Option<Self> {
        if bytes.first() != Some(&b'{') {
            return None;
        }
        let (mut look, mut members) = (Look::default(), Members::default());
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut at = 0;
        for block in blocks {
            if let Some(end) = look.block(block, at, bytes, &mut members)? {
                return members.found(bytes, end, look.has_wide);
            }
            at += BLOCK;
        }
        // What is behind the bytes fits nowhere, so that nothing ends there.
        let mut last = [b' '; BLOCK];
        last.get_mut(..rest.len())?.copy_from_slice(rest);
        let end = look.block(&last, at, bytes, &mut members)??;
        members.found(bytes, end, look.has_wide)
    }

    /// What the record is about. `bytes` are those that it was found in.
    pub(crate) fn read<'a>(&self, bytes: &'a [u8]) -> Option<Plain<'a>> {
        let text = |range: &Range<usize>| std::str::from_utf8(bytes.get(range.clone())?).ok();
        Some(Plain { event_name: text(&self.name)?, event_source: text(&self.source)?, actor_kind: text(&self.kind)? })
    }
}

/// Which bytes have one of a kind directly in front of them.
#[derive(Default)]
struct Behind {
    /// Whether the last byte of the block before was one: 0 or 1.
    last: u64,
}

impl Behind {
    #[inline(always)]
    fn of(&mut self, mask: u64) -> u64 {
        let behind = mask << 1 | self.last;
        self.last = mask >> (BLOCK - 1);
        behind
    }
}

/// What is known of a record at the end of a block. A mask of all bits or none is carried on to the next.
#[derive(Default)]
struct Look {
    /// Whether a text goes on, as a mask.
    in_text: u64,
    /// Whether the next byte is escaped: 0 or 1.
    is_escaped: u64,
    /// Whether a name goes on: 0 or 1.
    in_name: u64,
    /// Whether there was anything but ASCII.
    has_wide: bool,
    /// How many brackets are open.
    depth: u32,
    /// Their kinds, the innermost last, a set bit for an object.
    kinds: u64,
    /// Whether the innermost bracket is an object's; whether it is the record's; whether it is that of `userIdentity`. As masks.
    in_object: u64,
    in_record: u64,
    in_identity: u64,
    /// Whether `userIdentity` is open.
    is_identity: bool,
    behind_object: Behind,
    behind_list: Behind,
    behind_comma: Behind,
    behind_value_wanted: Behind,
    behind_value: Behind,
    behind_word: Behind,
    behind_name: Behind,
}

/// What comes of the brackets of a block, as masks.
struct Brackets {
    object: u64,
    list: u64,
    close: u64,
    in_object: u64,
    in_record: u64,
    in_identity: u64,
    /// Where the record ends.
    end: Option<usize>,
}

impl Look {
    /// Looks at the block that begins at `at`. `None` if the record is not plain; else where it ends, if that is in the block.
    #[inline(always)]
    fn block(&mut self, block: &[u8; BLOCK], at: usize, bytes: &[u8], members: &mut Members) -> Option<Option<usize>> {
        let masks = Masks::of(block);
        let (mut quote, mut wrong) = (masks.quote, 0);
        if masks.odd != 0 || self.is_escaped != 0 {
            let odd = self.odd(block)?;
            quote &= !odd.escaped;
            wrong = odd.control;
        }
        // Of a text, all but its last quotation mark.
        let text = prefix_xor(quote) ^ self.in_text;
        self.in_text = spread(text >> (BLOCK - 1));
        wrong &= text;
        let outside = !(text | quote);
        let brackets = self.brackets(masks.bracket & outside, block, at, bytes, members)?;
        let here = brackets.end.map_or(!0, |end| !0 >> (BLOCK - 1 - end));

        let Brackets { object, list, close, in_object, .. } = brackets;
        let comma = masks.comma & outside;
        let colon = masks.colon & outside;
        let word = outside & !(object | list | close | comma | colon);
        let (open_quote, close_quote) = (quote & text, quote & !text);
        let object_comma = comma & in_object;
        let behind_object = self.behind_object.of(object);
        let behind_object_comma = self.behind_comma.of(object_comma);
        // A name begins behind `{`, and behind `,` in an object. One bit added to where a text begins runs to its last quotation mark.
        let name = open_quote & (behind_object | behind_object_comma);
        let (sum, over) = text.overflowing_add(name);
        let (sum, over_too) = sum.overflowing_add(self.in_name);
        self.in_name = u64::from(over | over_too);
        let name_end = sum & close_quote;

        // What may follow what. Whatever is outside of texts is one of these kinds, so that each byte is held to the one in front of it. What
        // follows a word is looked at with it.
        let value = open_quote | object | list | word;
        let stop = comma | close;
        wrong |= behind_object & !(open_quote | close);
        wrong |= behind_object_comma & !open_quote;
        wrong |= self.behind_list.of(list) & !(value | close);
        wrong |= self.behind_value_wanted.of(colon | comma & !in_object) & !value;
        wrong |= self.behind_value.of(close_quote | close) & !(stop | colon);
        wrong |= colon ^ self.behind_name.of(name_end);
        if wrong & here != 0 {
            return None;
        }
        for place in places(word & !self.behind_word.of(word) & here) {
            if !is_word(bytes.get(at + place..)?) {
                return None;
            }
        }
        for place in places(name & brackets.in_record & here) {
            members.outermost(bytes, at + place)?;
        }
        for place in places(name & brackets.in_identity & here) {
            members.of_identity(bytes, at + place)?;
        }
        Some(brackets.end.map(|end| at + end + 1))
    }

    /// Goes through the brackets of a block.
    #[inline(always)]
    fn brackets(
        &mut self,
        mask: u64,
        block: &[u8; BLOCK],
        at: usize,
        bytes: &[u8],
        members: &mut Members,
    ) -> Option<Brackets> {
        let mut brackets = Brackets {
            object: 0,
            list: 0,
            close: 0,
            in_object: self.in_object,
            in_record: self.in_record,
            in_identity: self.in_identity,
            end: None,
        };
        for place in places(mask) {
            let bit = 1 << place;
            match block.get(place)? {
                b'{' => {
                    brackets.object |= bit;
                    self.open(1)?;
                    if self.depth == 2 && bytes.get(..at + place)?.ends_with(IDENTITY) {
                        self.is_identity = true;
                        members.identity_value.set(at + place)?;
                    }
                }
                b'[' => {
                    brackets.list |= bit;
                    self.open(0)?;
                }
                b'}' => {
                    brackets.close |= bit;
                    self.close(1)?;
                }
                b']' => {
                    brackets.close |= bit;
                    self.close(0)?;
                }
                _ => return None,
            }
            let before = bit - 1;
            self.in_object = spread(self.kinds & 1);
            self.in_record = spread(u64::from(self.depth == 1));
            self.in_identity = spread(u64::from(self.depth == 2 && self.is_identity));
            brackets.in_object = brackets.in_object & before | self.in_object & !before;
            brackets.in_record = brackets.in_record & before | self.in_record & !before;
            brackets.in_identity = brackets.in_identity & before | self.in_identity & !before;
            if self.depth == 0 {
                brackets.end = Some(place);
                break;
            }
        }
        Some(brackets)
    }

    fn open(&mut self, kind: u64) -> Option<()> {
        self.depth += 1;
        self.kinds = self.kinds << 1 | kind;
        (self.depth <= DEEPEST).then_some(())
    }

    fn close(&mut self, kind: u64) -> Option<()> {
        let fits = self.kinds & 1 == kind;
        self.depth = self.depth.checked_sub(1)?;
        self.kinds >>= 1;
        self.is_identity &= self.depth >= 2;
        fits.then_some(())
    }

    /// Looks at the bytes of a block that may need to be looked at one by one.
    #[cold]
    fn odd(&mut self, block: &[u8; BLOCK]) -> Option<Odd> {
        let mut odd = Odd { escaped: 0, control: 0 };
        for (place, byte) in block.iter().enumerate() {
            if self.is_escaped == 1 {
                self.is_escaped = 0;
                odd.escaped |= 1 << place;
                if !matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') {
                    return None;
                }
            } else if *byte == b'\\' {
                self.is_escaped = 1;
            }
            odd.control |= u64::from(*byte < 0x20) << place;
            self.has_wide |= !byte.is_ascii();
        }
        Some(odd)
    }
}

/// What is odd about the bytes of a block, as masks.
struct Odd {
    escaped: u64,
    control: u64,
}

/// Which bytes of a block are of which kind.
struct Masks {
    quote: u64,
    /// `{`, `}`, `[` and `]`, and some letters.
    bracket: u64,
    comma: u64,
    colon: u64,
    /// Backslashes, control characters, and all that is not ASCII.
    odd: u64,
}

impl Masks {
    #[inline(always)]
    fn of(block: &[u8; BLOCK]) -> Self {
        let mut masks = Self { quote: 0, bracket: 0, comma: 0, colon: 0, odd: 0 };
        for (number, bytes) in block.as_chunks().0.iter().enumerate() {
            let bytes = u8x16::new(*bytes);
            let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
            let is_control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
            let mask = |bytes: u8x16| u64::from(bytes.to_bitmask()) << (number * 16);
            masks.quote |= mask(is(b'"'));
            masks.comma |= mask(is(b','));
            masks.colon |= mask(is(b':'));
            // The four differ in these bits only.
            masks.bracket |= mask((bytes | u8x16::splat(0x26)).simd_eq(u8x16::splat(0x7f)));
            // What is not ASCII has the highest bit set, which is the one that counts.
            masks.odd |= mask(is(b'\\') | is_control | bytes);
        }
        masks
    }
}

/// Each bit becomes the parity of those up to it.
#[inline(always)]
fn prefix_xor(mut mask: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        mask ^= mask << shift;
    }
    mask
}

/// All bits for 1, none for 0.
#[inline(always)]
fn spread(bit: u64) -> u64 {
    0_u64.wrapping_sub(bit)
}

/// The places of a mask's bits, the lowest first.
#[inline(always)]
fn places(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = mask.trailing_zeros() as usize;
        let is_one = mask != 0;
        mask &= mask.wrapping_sub(1);
        is_one.then_some(place)
    })
}

/// Whether the bytes begin with `true`, `false`, `null` or a whole number, and that ends there.
fn is_word(bytes: &[u8]) -> bool {
    let length = bytes.iter().take(MOST_DIGITS + 2).take_while(|byte| !matches!(byte, b',' | b'}' | b']')).count();
    let word = bytes.get(..length).unwrap_or_default();
    match word.strip_prefix(b"-").unwrap_or(word) {
        b"true" | b"false" | b"null" => word.first() != Some(&b'-'),
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < MOST_DIGITS && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A place, if there is one.
#[derive(Default)]
struct Once(Option<usize>);

impl Once {
    /// `None` if there is one already.
    fn set(&mut self, place: usize) -> Option<()> {
        self.0.replace(place).is_none().then_some(())
    }
}

/// Where the members are that count.
#[derive(Default)]
struct Members {
    /// Where their values begin.
    name: Once,
    source: Once,
    event_type: Once,
    identity: Once,
    kind: Once,
    /// Where an object begins that looks like that of `userIdentity`.
    identity_value: Once,
}

impl Members {
    /// Looks at the name of an outermost member, whose first quotation mark is there.
    #[inline(always)]
    fn outermost(&mut self, bytes: &[u8], at: usize) -> Option<()> {
        match &lower(bytes, at)? {
            b"eventnam" => member(bytes, at, "eventName", &mut self.name),
            b"eventsou" => member(bytes, at, "eventSource", &mut self.source),
            b"eventtyp" => member(bytes, at, "eventType", &mut self.event_type),
            b"useriden" => member(bytes, at, "userIdentity", &mut self.identity),
            [b'd', b'e', b't', b'a', b'i', b'l', b'"', _]
            | [b'e', b'v', b'e', b'n', b't', b's', b'"', _]
            | b"detail-t"
            | b"records\"" => None,
            _ => Some(()),
        }
    }

    /// The same in `userIdentity`.
    #[inline(always)]
    fn of_identity(&mut self, bytes: &[u8], at: usize) -> Option<()> {
        match &lower(bytes, at)? {
            [b't', b'y', b'p', b'e', b'"', ..] => member(bytes, at, "type", &mut self.kind),
            _ => Some(()),
        }
    }

    /// The record, once all of it has been seen.
    fn found(&self, bytes: &[u8], length: usize, has_wide: bool) -> Option<Found> {
        if has_wide {
            std::str::from_utf8(bytes.get(..length)?).ok()?;
        }
        if self.identity.0 != self.identity_value.0 {
            return None;
        }
        let event_type = text(bytes, self.event_type.0?)?;
        if bytes.get(event_type)? == INSIGHT.as_bytes() {
            return None;
        }
        let kind = match self.kind.0 {
            Some(at) => text(bytes, at)?,
            None => 0..0,
        };
        Some(Found { length, name: text(bytes, self.name.0?)?, source: text(bytes, self.source.0?)?, kind })
    }
}

/// The first eight bytes of a name whose first quotation mark is there, in lower case if they are letters.
#[inline(always)]
fn lower(bytes: &[u8], at: usize) -> Option<[u8; 8]> {
    let first: [u8; 8] = bytes.get(at + 1..at + 9)?.try_into().ok()?;
    Some((u64::from_ne_bytes(first) | u64::from_ne_bytes([0x20; 8])).to_ne_bytes())
}

/// Notes where the value begins if a member has this name; `None` if it has the name in other letter cases, or again.
fn member(bytes: &[u8], at: usize, name: &str, place: &mut Once) -> Option<()> {
    let end = at + 1 + name.len();
    let found = bytes.get(at + 1..end)?;
    if bytes.get(end) != Some(&b'"') || !found.eq_ignore_ascii_case(name.as_bytes()) {
        return Some(());
    }
    (found == name.as_bytes()).then_some(())?;
    place.set(end + 2)
}

/// Where the text is that begins there with a quotation mark; `None` if there is none, or it is blank or has escapes.
fn text(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let inside = bytes.get(at..)?.strip_prefix(b"\"")?;
    let length = memchr2(b'"', b'\\', inside).filter(|end| inside.get(*end) == Some(&b'"'))?;
    let is_blank = !inside.get(..length)?.iter().any(u8::is_ascii_graphic);
    (!is_blank).then_some(at + 1..at + 1 + length)
}
