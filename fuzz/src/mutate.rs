//! Changes that know JSON: what is read as a tree is changed as a tree, so that the change gets as far as the rules. Everything else is for
//! libFuzzer's own mutations.

use std::sync::LazyLock;

use rules::foresee::FUNCTIONS;
use serde_json::{Map, Value, json};

use crate::samples::samples;

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or_default()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}

/// Pieces that are put in: every value of the samples, and oddities.
static PIECES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut pieces = vec![
        json!(null),
        json!(true),
        json!(""),
        json!(" "),
        json!(0),
        json!(-1),
        json!(65_536),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!([]),
        json!({}),
        json!([[]]),
        json!({"items": []}),
        json!({"items": {}}),
        json!("0.0.0.0/0"),
        json!("::/0"),
        json!("0.0.0.0/33"),
        json!("::ffff:0.0.0.0/96"),
        json!("255.255.255.255/32"),
        json!("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"),
        json!("*"),
        json!("arn:::::"),
        json!("é\u{202e}\u{0}"),
        json!("%7B%22Statement%22%3A%5B%5D%7D"),
        json!("%"),
        json!("%E9%"),
        json!("{\"Statement\":{}}"),
        json!("[[[["),
        json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}),
        json!({"AWS": ["*", "123456789012", "AIDA1"]}),
        json!({"StringEquals": {"aws:PrincipalAccount": "123456789012"}}),
        json!({"NumericLessThan": {"s3:max-keys": "10"}}),
        json!({"ForAllValues:StringLikeIfExists": {"aws:PrincipalArn": ["arn:aws:iam::*:role/*"]}}),
        json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
    ];
    for sample in samples() {
        if let Ok(value) = serde_json::from_slice::<Value>(&sample) {
            gather(&value, &mut pieces);
        }
    }
    pieces.truncate(20_000);
    pieces
});

/// Names of members.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: Vec<String> = Vec::new();
    for piece in PIECES.iter() {
        names.extend(piece.as_object().into_iter().flat_map(Map::keys).cloned());
    }
    names.sort();
    names.dedup();
    names
});

fn gather(value: &Value, pieces: &mut Vec<Value>) {
    pieces.push(value.clone());
    match value {
        Value::Array(list) => list.iter().for_each(|item| gather(item, pieces)),
        Value::Object(object) => object.values().for_each(|item| gather(item, pieces)),
        _ => {}
    }
}

/// Words for libFuzzer's dictionary: names of members and of calls, and what JSON is made of.
pub fn words() -> Vec<String> {
    let calls =
        FUNCTIONS.iter().flat_map(|function| function.subscriptions).flat_map(|subscription| subscription.event_names);
    let mut words: Vec<String> = calls.map(|name| format!("\"{name}\"")).collect();
    words.extend(NAMES.iter().filter(|name| name.len() < 40).map(|name| format!("\"{name}\":")));
    words.extend(
        [
            "{\"Records\":[",
            "{\"Events\":[",
            "\"CloudTrailEvent\":\"",
            "]}",
            "},{",
            "\\\"",
            "\\u0052",
            "\u{feff}",
            "\r\n",
        ]
        .map(str::to_owned),
    );
    words.sort();
    words.dedup();
    words
}

/// A text of JSON with a few changes; `None` if it is no JSON.
pub fn mutated(text: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    for _ in 0..=random.below(3) {
        let places = count(&value);
        let mut place = random.below(places);
        change(&mut value, &mut place, random);
    }
    match random.below(30) {
        0 => value = json!({"Records": [value, value]}),
        1 => value = json!([{"Events": [{"CloudTrailEvent": value.to_string()}]}, value]),
        _ => {}
    }
    Some(value.to_string().into_bytes())
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(object) => object.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value at a place, counted from the outermost inwards; `place` is what is left to count.
fn change(value: &mut Value, place: &mut usize, random: &mut Random) -> bool {
    if *place == 0 {
        change_here(value, random);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|item| change(item, place, random)),
        Value::Object(object) => object.values_mut().any(|item| change(item, place, random)),
        _ => false,
    }
}

fn change_here(value: &mut Value, random: &mut Random) {
    let piece = random.of(&PIECES).cloned().unwrap_or_default();
    match (random.below(6), &mut *value) {
        (0 | 1, Value::Array(list)) => list.push(piece),
        (2, Value::Array(list)) if !list.is_empty() => {
            let at = random.below(list.len());
            let item = list[at].clone();
            for _ in 0..=random.below(4) {
                list.push(item.clone());
            }
        }
        (3, Value::Array(list)) if !list.is_empty() => drop(list.swap_remove(random.below(list.len()))),
        (0 | 1, Value::Object(object)) => {
            if let Some(name) = random.of(&NAMES) {
                object.insert(name.clone(), piece);
            }
        }
        (2, Value::Object(object)) if !object.is_empty() => {
            let name = object.keys().nth(random.below(object.len())).cloned().unwrap_or_default();
            let taken = object.remove(&name).unwrap_or_default();
            if let (0, Some(other)) = (random.below(2), random.of(&NAMES)) {
                object.insert(other.clone(), taken);
            }
        }
        // A policy may stand in a record as text, percent-encoded or not.
        (3, Value::Object(_)) => *value = Value::from(value.to_string()),
        (0..=2, Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(mut inside) if !inside.is_string() => {
                let mut place = random.below(count(&inside));
                change(&mut inside, &mut place, random);
                *text = inside.to_string();
            }
            _ => {
                let cut = text.char_indices().nth(random.below(text.chars().count())).map_or(0, |(at, _)| at);
                match random.below(3) {
                    0 => text.truncate(cut),
                    1 => text.insert(cut, ['*', ':', '/', ',', '0', 'é', '\u{0}', '%'][random.below(8)]),
                    _ => *text = text.repeat(2),
                }
            }
        },
        (3, _) => *value = json!([value.take()]),
        (4, _) => *value = json!({"items": [value.take()]}),
        _ => *value = piece,
    }
}
