//! Files in all forms, whole and broken.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use history::{Input, LARGEST_RECORD, Reason, Records, find};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Gives its bytes in pieces of a few each.
struct Pieces<'a> {
    bytes: &'a [u8],
    lengths: Vec<usize>,
    count: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = self.lengths.get(self.count % self.lengths.len().max(1)).copied().unwrap_or(usize::MAX);
        self.count += 1;
        let length = wanted.max(1).min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.bytes = later;
        Ok(length)
    }
}

/// The values of a text, and what went wrong at the end.
fn read_pieces(bytes: &[u8], lengths: &[usize]) -> (Vec<Value>, Option<String>) {
    read_all(Records::new(Pieces { bytes, lengths: lengths.to_vec(), count: 0 }))
}

fn read_all<R: Read>(mut records: Records<R>) -> (Vec<Value>, Option<String>) {
    let mut values = Vec::new();
    let mut problem = None;
    while let Some(record) = records.next() {
        assert_eq!(problem, None, "nothing comes after a problem");
        match record.and_then(|record| record.parse()) {
            Ok(value) => values.push(value),
            Err(wrong) if matches!(wrong.reason, Reason::Record(_)) => values.push(json!(wrong.to_string())),
            Err(wrong) => problem = Some(wrong.to_string()),
        }
    }
    (values, problem)
}

fn check(text: &[u8], values: Value, problem: Option<&str>) {
    for lengths in [&[1][..], &[3], &[usize::MAX]] {
        let (found, wrong) = read_pieces(text, lengths);
        let shown = String::from_utf8_lossy(text);
        assert_eq!((json!(found), wrong.as_deref()), (values.clone(), problem), "{shown}");
    }
}

#[test]
fn all_layouts_give_their_records() {
    let two = || json!([{"a": 1}, {"b": [2]}]);
    check(br#"{"a":1}{"b":[2]}"#, two(), None);
    check(b"{\"a\":1}\n{\"b\":[2]}\n", two(), None);
    check(b"\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"b\":[2]}\r\n", two(), None);
    check(b"{\"a\":1}\n\xef\xbb\xbf{\"b\":[2]}", two(), None);
    check(br#"[{"a":1}, {"b":[2]}]"#, two(), None);
    check(br#"[{"a":1}] [{"b":[2]}]"#, two(), None);
    check(br#"{"Records":[{"a":1},{"b":[2]}]}"#, two(), None);
    check(br#"{"Records":[{"a":1}]}{"Records":[{"b":[2]}]}"#, two(), None);
    check(br#"{"x": {"Records":[3]}, "y" : "}", "Records" : [{"a":1},{"b":[2]}], "z":[{"Records":[4]}]}"#, two(), None);
    check(br#"{"\u0052ecords":[{"a":1},{"b":[2]}]}"#, two(), None);
    check(br#"{"Records":[]}"#, json!([]), None);
    check(br#"{"Events":[{"a":1},{"b":[2]}],"NextToken":"x"}"#, two(), None);
    check(br#"[{"Records":[{"a":1}]}, {"x":[0],"Records":[{"b":[2]}],"y":{}}]"#, two(), None);
    check(br#"[{"Records":[]},{"a":1},{"Events":[{"b":[2]}]}] "#, two(), None);
    check(b" [ ] ", json!([]), None);
}

#[test]
fn what_only_looks_like_a_list_of_records_is_a_record() {
    for record in [
        json!({"Records": {}}),
        json!({"Records": "["}),
        json!({"x": "Records", "y": ["Records", [1]], "records": [1]}),
        json!({"detail": {"Records": [1]}}),
        json!({"Events": {"Records": [1]}}),
        json!({"\"Records\":[": "\\\"", "b": "\\"}),
    ] {
        check(record.to_string().as_bytes(), json!([record]), None);
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let one = || json!([{"a": 1}]);
    check(b"", json!([]), Some("it is empty (byte 0, line 1)"));
    check(b" \r\n\n", json!([]), Some("it is empty (byte 4, line 3)"));
    check(b"hello", json!([]), Some("it does not begin like history in JSON, but with `h` (byte 0, line 1)"));
    check(
        b"\n\x00",
        json!([]),
        Some("it does not begin like history in JSON, but with the byte 0x00 (byte 1, line 2)"),
    );
    check(b"\xff\xfe{\x00", json!([]), Some("it is in UTF-16, and JSON is read in UTF-8 only (byte 0, line 1)"));
    check(b"{\"a\":1}\n}", one(), Some("expected `{` or `[`, found `}` (byte 8, line 2)"));
    check(b"{\"a\":1},\n{}", one(), Some("expected `{` or `[`, found `,` (byte 7, line 1)"));
    check(
        b"{\"a\":1}\n{\"b\":",
        one(),
        Some("it ends too early: what begins at byte 8 is not complete (byte 13, line 2)"),
    );
    check(b"[{\"a\":1}", one(), Some("it ends too early: what begins at byte 8 is not complete (byte 8, line 1)"));
    check(b"[{\"a\":1},]", one(), Some("expected an element behind `,`, found `]` (byte 9, line 1)"));
    check(b"[{\"a\":1}{}]", one(), Some("expected `,` or `]` behind an element, found `{` (byte 8, line 1)"));
    check(b"[{\"a\":1},,{}]", one(), Some("expected an element, found `,` (byte 9, line 1)"));
    check(b"[{\"a\":1},{\"b\":[}]", one(), Some("expected `]`, found `}` (byte 15, line 1)"));
    check(
        br#"{"Records":[{"a":1}]"#,
        one(),
        Some("it ends too early: what begins at byte 20 is not complete (byte 20, line 1)"),
    );
    check(
        br#"[{"Records":[{"a":1}]}}"#,
        one(),
        Some("expected `,` or `]` behind an element, found `}` (byte 22, line 1)"),
    );
    check(br#"{"Records":[{"a":1}]]"#, one(), Some("expected `}`, found `]` (byte 20, line 1)"));
    // Within matching brackets the rest goes on.
    check(
        b"{\"a\":1}\n{\"a\":\"\xc3\"}\n{\"a\" 1}\n{\"a\":1}",
        json!([{"a": 1}, "the record is not JSON: invalid unicode code point (byte 14, line 2)",
            "the record is not JSON: expected `:` (byte 23, line 3)", {"a": 1}]),
        None,
    );
}

#[test]
fn what_is_nested_too_deeply_is_refused_and_the_rest_goes_on() {
    for depth in [127, 128, 129, 500, 300_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let (values, problem) = read_pieces(format!(r#"[{{"a":1}},{deep},{{"b":2}}]"#).as_bytes(), &[usize::MAX]);
        assert_eq!((values.len(), problem), (3, None), "{depth}");
        assert_eq!(values[2], json!({"b": 2}));
        assert_eq!(values[1].is_string(), depth > 127, "{depth}");
    }
    let (values, problem) = read_pieces("[".repeat(300_000).as_bytes(), &[usize::MAX]);
    assert!(values.is_empty() && problem.is_some());
}

#[test]
fn a_record_has_a_limit() {
    let sized = |size: usize| format!(r#"["{}"]"#, "x".repeat(size - 2));
    let (values, problem) = read_pieces(sized(LARGEST_RECORD).as_bytes(), &[50_000]);
    assert_eq!((values.len(), problem), (1, None));
    for text in [sized(LARGEST_RECORD + 1), sized(LARGEST_RECORD * 2), format!(r#"{{"x":{}"#, sized(LARGEST_RECORD))] {
        let (values, problem) = read_pieces(text.as_bytes(), &[50_000]);
        assert!(values.is_empty() && problem.is_some_and(|problem| problem.contains("larger than 1572864 bytes")));
    }
    // So has what stands between two records.
    let spaces = |size: usize| " ".repeat(size);
    for (inside, between) in [
        (sized(LARGEST_RECORD - 100), String::new()),
        (sized(LARGEST_RECORD * 2), String::new()),
        (String::from("0"), spaces(LARGEST_RECORD - 100)),
        (String::from("0"), spaces(LARGEST_RECORD * 2)),
    ] {
        let text = format!(r#"{{"Records":[{{}}],"x":{inside}}}{between}{{"Records":[{{}}]}}"#);
        let (values, problem) = read_pieces(text.as_bytes(), &[50_000]);
        if text.len() < LARGEST_RECORD {
            assert_eq!((values.len(), problem), (2, None));
        } else {
            let place = if between.is_empty() { "(byte 15, line 1)" } else { "(byte 22, line 1)" };
            assert_eq!(values.len(), 1);
            assert!(problem.is_some_and(|problem| problem.contains("larger than") && problem.ends_with(place)));
        }
    }
    // Where the limit lies does not depend on the pieces that the bytes come in.
    for size in [LARGEST_RECORD, LARGEST_RECORD + 1] {
        let wide = "x".repeat(size - 8);
        let texts = [
            format!(r#"["{wide}....""#),
            format!(r#"{{"x":"{wide}"}}"#),
            format!(r#"{{"Records":[],"":"{}"}}"#, &wide[..size - 11]),
            format!("{}{{}}", " ".repeat(size)),
        ];
        for text in texts {
            let whole = read_pieces(text.as_bytes(), &[usize::MAX]);
            assert_eq!(read_pieces(text.as_bytes(), &[1_000]), whole);
            assert_eq!(read_pieces(text.as_bytes(), &[100_003]), whole);
        }
    }
    // A record may follow at once.
    let text = format!("{}{}", sized(LARGEST_RECORD), sized(LARGEST_RECORD));
    let (values, problem) = read_pieces(text.as_bytes(), &[50_000]);
    assert_eq!((values.len(), problem), (2, None));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// As zstd's own command writes it.
fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn open(path: &Path) -> Records<history::Inflated> {
    Input::File { path: path.to_owned(), is_named: true }.records(|stored| stored).unwrap()
}

#[test]
fn compression_is_told_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let text = br#"{"Records":[{"a":1},{"a":2}]}"#;
    let both = [gzip(br#"{"Records":[{"a":1},"#), gzip(br#"{"a":2}]}"#)].concat();
    let zstd = zstd::encode_all(&text[..], 3).unwrap();
    let skippable = [&[0x51, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9][..], &zstd, &zstd].concat();
    let twice = json!([{"a": 1}, {"a": 2}, {"a": 1}, {"a": 2}]);
    let once = json!([{"a": 1}, {"a": 2}]);
    for (bytes, values) in
        [(text.to_vec(), &once), (gzip(text), &once), (both, &once), (zstd, &once), (skippable, &twice)]
    {
        let path = folder.path().join("x.txt");
        fs::write(&path, bytes).unwrap();
        assert_eq!(read_all(open(&path)), (values.as_array().unwrap().clone(), None));
    }
}

#[test]
fn zeros_behind_gzip_mean_nothing_and_anything_else_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gz");
    let read = |behind: &[u8]| {
        fs::write(&path, [&gzip(b"{\"a\":1}"), behind].concat()).unwrap();
        let (values, problem) = read_all(open(&path));
        assert_eq!(values, [json!({"a": 1})]);
        problem
    };
    for zeros in [1, 512, 300_000] {
        assert_eq!(read(&vec![0; zeros]), None);
    }
    let other = gzip(b"{}");
    for behind in [b"garbage", &b"\0\0\0garbage"[..], &[&[0; 512][..], &other].concat()] {
        let problem = read(behind);
        assert_eq!(problem.as_deref(), Some("what stands behind the compressed data is not gzip (byte 7, line 1)"));
    }
}

#[test]
fn what_was_whole_before_the_damage_is_still_given() {
    let folder = tempfile::tempdir().unwrap();
    let lines: String =
        (0..20_000).map(|number| format!("{{\"number\":{number},\"square\":{}}}\n", number * number)).collect();
    let inflated = u64::try_from(lines.len()).unwrap();
    let (gzipped, zstd) = (gzip(lines.as_bytes()), with_checksum(lines.as_bytes()));
    for (name, whole) in [("gzip", gzipped), ("zstd", zstd)] {
        let path = folder.path().join(name);
        let cut = &whole[..whole.len() * 3 / 4];
        let mut damaged = whole.clone();
        damaged[whole.len() * 3 / 4] ^= 0xff;
        for (damage, bytes) in [("cut", cut), ("damaged", &damaged)] {
            fs::write(&path, bytes).unwrap();
            let (values, problem) = read_all(open(&path));
            let problem = problem.unwrap_or_else(|| panic!("{name} {damage}: no problem"));
            // Behind the damage it may go on with something else until the checksum does not fit.
            let is_right = |(number, value): &(usize, &Value)| value["number"] == *number;
            let right = values.iter().enumerate().take_while(is_right).count();
            assert!((1_000..20_000).contains(&right), "{name} {damage}: {right}");
            let byte: u64 = problem.split("(byte ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
            assert!((10_000..=inflated + 1_000).contains(&byte), "{name} {damage}: {problem}");
            assert!(right == values.len() || damage == "damaged", "{name} {damage}");
        }
    }
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb");
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
    encoder.write_all(br#"{"Records":[{"a":""#).unwrap();
    let zeros = vec![b'0'; 1 << 20];
    (0..8).for_each(|_| encoder.write_all(&zeros).unwrap());
    encoder.finish().unwrap();
    let (values, problem) = read_all(open(&path));
    assert!(values.is_empty() && problem.unwrap().contains("larger than"));
}

#[test]
fn files_are_found_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let day = folder.path().join("AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/02");
    fs::create_dir_all(&day).unwrap();
    for name in ["b.json.gz", "a.json.gz", "README", "d.json.xz"] {
        fs::write(day.join(name), "{}").unwrap();
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    std::os::unix::fs::symlink(folder.path(), day.join("circle")).unwrap();
    let missing = folder.path().join("missing");
    let found: Vec<_> =
        find(vec![day.join("b.json.gz"), missing, folder.path().to_owned(), PathBuf::from("-")]).collect();
    let file = |name: &str, is_named| Input::File { path: day.join(name), is_named };
    let [named, Err(missing), readme, first, second, Err(circle), packed, stdin] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(named.as_ref().unwrap(), &file("b.json.gz", true));
    assert!(missing.to_string().contains("missing`: No such file"), "{missing}");
    assert!(circle.to_string().contains("circle`: it is a link to a folder, which is not followed"), "{circle}");
    for (found, name, is_meant) in [
        (readme, "README", false),
        (first, "a.json.gz", true),
        (second, "b.json.gz", true),
        (packed, "d.json.xz", true),
    ] {
        let input = found.as_ref().unwrap();
        assert_eq!((input, input.is_meant()), (&file(name, false), is_meant));
    }
    assert_eq!(stdin.as_ref().unwrap(), &Input::Stdin);
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[a-z\"\\\\{}\\[\\],:]{0,12}", Just("Records".to_owned())];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\{}]{0,5}|records|Record", inner, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    Lines,
    Concatenated,
    List,
    Records,
    Pretty,
}

fn written(values: &[Value], layout: Layout, beside: &Value) -> String {
    let each = values.iter().map(Value::to_string);
    match layout {
        Layout::Lines => each.map(|line| line + "\r\n").collect(),
        Layout::Concatenated => each.collect(),
        Layout::List => json!(values).to_string(),
        Layout::Records => {
            format!("{{\"a\":{beside},\"Records\" : {},\n\"z\":{beside}}}", json!(values))
        }
        Layout::Pretty => values.iter().map(|value| format!("{value:#}\n")).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_is_written_is_read(
        values in prop::collection::vec(any_json(), 1..6),
        beside in any_json(),
        layout in prop::sample::select(vec![Layout::Lines, Layout::Concatenated, Layout::List, Layout::Records, Layout::Pretty]),
        lengths in prop::collection::vec(1usize..40, 1..4),
    ) {
        let in_list = matches!(layout, Layout::List | Layout::Records);
        // At the top, a list stands for its elements, and what is no object is no history.
        let values: Vec<Value> =
            values.into_iter().map(|value| if in_list || value.is_object() { value } else { json!({ "x": value }) }).collect();
        let text = written(&values, layout, &beside);
        prop_assert_eq!(read_pieces(text.as_bytes(), &lengths), (values, None), "{}", text);
    }

    /// Whatever serde_json reads as one object or list after the other is read alike; whatever it doesn't is a problem.
    #[test]
    fn damage_is_noticed(
        values in prop::collection::vec(any_json(), 1..4),
        layout in prop::sample::select(vec![Layout::Lines, Layout::List, Layout::Records]),
        at in any::<prop::sample::Index>(),
        damage in prop::option::of(any::<u8>()),
        lengths in prop::collection::vec(1usize..40, 1..4),
    ) {
        let mut text = written(&values, layout, &json!({"x": "]"})).into_bytes();
        let at = at.index(text.len());
        match damage {
            Some(byte) => text[at] = byte,
            None => text.truncate(at),
        }
        let reference: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&text).into_iter::<Value>().collect();
        let (found, problem) = read_pieces(&text, &lengths);
        if let Some(reference) = reference.ok().and_then(|values| expected(&values)) {
            prop_assert_eq!((found, problem), (reference, None));
        } else {
            let is_noticed = problem.is_some() || found.iter().any(|value| value.as_str().is_some_and(|text| text.contains("not JSON")));
            // What stands beside the records is not looked at closely.
            prop_assert!(is_noticed || matches!(layout, Layout::Records), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), lengths in prop::collection::vec(1usize..40, 1..4)) {
        read_pieces(&bytes, &lengths);
    }

    #[test]
    fn no_brackets_make_it_panic(text in "[{}\\[\\]\",:\\\\ RecordsA0n\n]{0,200}", lengths in prop::collection::vec(1usize..40, 1..4)) {
        prop_assert_eq!(read_pieces(text.as_bytes(), &lengths), read_pieces(text.as_bytes(), &[usize::MAX]));
    }
}

/// What the values of a text stand for; `None` if they are no history.
fn expected(values: &[Value]) -> Option<Vec<Value>> {
    let stand_for = |value: &Value| match value {
        Value::Array(list) => Some(list.clone()),
        Value::Object(object) if object.get("Records").is_some_and(Value::is_array) => {
            object["Records"].as_array().cloned()
        }
        Value::Object(_) => Some(vec![value.clone()]),
        _ => None,
    };
    let all: Option<Vec<Vec<Value>>> = values.iter().map(stand_for).collect();
    all.filter(|all| !all.is_empty()).map(|all| all.concat())
}
