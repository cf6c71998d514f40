//! One record blown up to what EventBridge takes, since whoever makes a call decides how long its lists are. It is for time and memory, which
//! libFuzzer's program measures: work that grows with the square of a list is not seen in a small one.

use history::{Other, Records};
use rules::Settings;
use serde_json::Value;

use crate::decide::foreseen;

/// The largest event that EventBridge takes, in bytes
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>).
const LARGEST_EVENT: usize = 256 * 1024;

pub(crate) fn seed(sample: &[u8]) -> Vec<u8> {
    [&[0, 1][..], sample].concat()
}

/// Which list or object is blown up, and how its copies differ; then the record.
pub(crate) fn check(input: &[u8]) {
    let [which, how, text @ ..] = input else { return };
    let Some(mut raw) = first(text) else { return };
    let room = LARGEST_EVENT.saturating_sub(raw.to_string().len());
    let containers = count(&raw);
    let mut place = usize::from(*which) % containers.max(1);
    if blow_up_at(&mut raw, &mut place, room, *how) {
        foreseen(&raw, &Settings::default());
    }
}

fn first(text: &[u8]) -> Option<Value> {
    let mut records = Records::new(text);
    let raw = records.next()?.ok()?.parse().ok()?;
    (raw.is_object() && Other::of(&raw).is_none()).then_some(raw)
}

/// How many lists and objects there are.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(count).sum::<usize>(),
        Value::Object(object) => 1 + object.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Blows up the list or object at a place, counted from the outermost inwards; `place` is what is left to count. Whether it was there.
fn blow_up_at(value: &mut Value, place: &mut usize, room: usize, how: u8) -> bool {
    if !value.is_array() && !value.is_object() {
        return false;
    }
    if *place == 0 {
        blow_up(value, room, how);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|item| blow_up_at(item, place, room, how)),
        Value::Object(object) => object.values_mut().any(|item| blow_up_at(item, place, room, how)),
        _ => false,
    }
}

/// Fills a list with variations of its members, or an object with more members.
fn blow_up(container: &mut Value, room: usize, how: u8) {
    match container {
        Value::Array(list) if !list.is_empty() => {
            let originals = list.clone();
            let (mut used, mut number) = (0, 0);
            for original in originals.iter().cycle() {
                number += 1;
                let copy = varied(original, number, how);
                used += copy.to_string().len() + 1;
                if used > room {
                    break;
                }
                list.push(copy);
            }
        }
        Value::Object(object) if !object.is_empty() => {
            let originals: Vec<(String, Value)> =
                object.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let (mut used, mut number) = (0, 0);
            for (name, value) in originals.iter().cycle() {
                number += 1;
                let (name, value) = (format!("{name}{number}"), varied(value, number, how));
                used += name.len() + value.to_string().len() + 4;
                if used > room {
                    break;
                }
                object.insert(name, value);
            }
        }
        _ => {}
    }
}

/// A copy with other numbers, addresses and names.
fn varied(value: &Value, number: u32, how: u8) -> Value {
    match value {
        Value::Number(_) if how & 1 == 1 => Value::from(number % 65_536),
        Value::String(text) if how & 2 == 2 && text.contains('/') && text.contains('.') && !text.contains(':') => {
            let [a, b, c, _] = (number.wrapping_mul(2_654_435_761)).to_be_bytes();
            Value::from(format!("{a}.{b}.{c}.0/{}", 8 + number % 17))
        }
        Value::String(text) if how & 2 == 2 && text.contains("::/") => {
            Value::from(format!("2{:03x}:{:x}::/32", number % 4096, number % 65_521))
        }
        Value::String(text) if how & 4 == 4 && text.bytes().any(|byte| byte.is_ascii_digit()) => {
            Value::from(format!("{}{number}", text.trim_end_matches(|last: char| last.is_ascii_digit())))
        }
        Value::String(text) if how & 8 == 8 => Value::from(format!("{text}{number}")),
        Value::Array(list) => list.iter().map(|item| varied(item, number, how)).collect(),
        Value::Object(object) => object.iter().map(|(name, item)| (name.clone(), varied(item, number, how))).collect(),
        value => value.clone(),
    }
}
