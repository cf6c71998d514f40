//! The quick ways: what they take, and that they come to what the slow ones do. `snapback check` has more, with its verdicts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use history::{Input, Memory, Plain, Records};

const CALL: &str = r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","sessionContext":{"sessionIssuer":{"type":"Role"}}},"eventSource":"ec2.amazonaws.com","eventName":"DescribeVpcs","requestParameters":{"a":[1,-20,null,{"type":"Root"}],"b":"{\"eventName\":\"é\\\"}"},"responseElements":null,"eventType":"AwsApiCall","readOnly":true}"#;

/// What is seen of a text's only record.
fn plain(text: &str) -> Option<(String, String, String)> {
    let mut records = Records::new(text.as_bytes());
    let record = records.next()?.ok()?;
    let words = |Plain { event_source, event_name, actor_kind }: Plain<'_>| {
        [event_source, event_name, actor_kind].map(str::to_owned).into()
    };
    record.plain.map(words)
}

fn with(old: &str, new: &str) -> Option<(String, String, String)> {
    assert!(CALL.contains(old), "{old}");
    plain(&CALL.replacen(old, new, 1))
}

#[test]
fn a_record_as_cloudtrail_writes_it_is_plain() {
    let words = |kind: &str| Some(["ec2.amazonaws.com", "DescribeVpcs", kind].map(str::to_owned).into());
    assert_eq!(plain(CALL), words("IAMUser"));
    assert_eq!(plain(&format!(r#"{{"Records":[{CALL},{CALL}]}}"#)), words("IAMUser"));
    assert_eq!(with(r#""type":"IAMUser","#, ""), words(""));
    assert_eq!(
        with(r#""userIdentity":{"type":"IAMUser","sessionContext":{"sessionIssuer":{"type":"Role"}}},"#, ""),
        words("")
    );
    assert_eq!(with(r#""type":"IAMUser""#, r#""type":"Root""#), words("Root"));
    // Wherever in the blocks of 64 bytes everything is.
    for length in 0..200 {
        assert_eq!(with("1.11", &"x".repeat(length)), words("IAMUser"), "{length}");
        assert_eq!(with("1.11", &r#"\""#.repeat(length)), words("IAMUser"), "{length}");
        assert_eq!(with("[1,", &format!("[{}", "1,".repeat(length))), words("IAMUser"), "{length}");
    }
}

#[test]
fn what_is_odd_is_not_plain() {
    for (old, new) in [
        (r#""eventName""#, r#""EventName""#),
        (r#""eventName":"#, r#""detail-type":"x","eventName":"#),
        (r#""eventName":"#, r#""Records":[],"eventName":"#),
        (r#""eventName":"#, r#""Events":[],"eventName":"#),
        (r#""eventName":"#, r#""eventName":"CreateUser","eventName":"#),
        (r#""eventName":"#, r#""eventname":"CreateUser","eventName":"#),
        ("DescribeVpcs", r"Describe\/Vpcs"),
        ("DescribeVpcs", r"Describe\u0056pcs"),
        ("DescribeVpcs", " "),
        (r#""eventName":"DescribeVpcs","#, ""),
        (r#""eventType":"AwsApiCall","#, ""),
        ("AwsApiCall", "AwsCloudTrailInsight"),
        (r#""type":"IAMUser""#, r#""type":"IAMUser","Type":"Root""#),
        (r#""type":"IAMUser""#, r#""type":7"#),
        (r#""userIdentity":"#, r#""userIdentity":null,"userIdentity":"#),
        (r#""userIdentity":"#, r#""x\"userIdentity":"#),
        (r#""userIdentity":{"#, r#""userIdentity":[{"type":"Root"}],"x":{"#),
        (r#""eventVersion""#, r#""detail":{},"eventVersion""#),
        (r#""eventVersion":"#, r#""eventVersion": "#),
        ("null", "nul"),
        ("null", "Null"),
        ("-20", "-020"),
        ("-20", "1e999"),
        ("-20", "9999999999999999999"),
        ("-20,", "-20,,"),
        ("-20,", "-20 "),
        ("[1,", "[,1,"),
        ("[1,", "[1"),
        ("[1,", "[1\"a\","),
        ("[1,", "[1[2],"),
        ("[1,", "[{1},"),
        ("[1,", "[{[]},"),
        ("[1,", "[{{}},"),
        ("[1,", "[{\"a\":1],"),
        ("[1,", "[[1},"),
        ("[1,", "[]1,"),
        ("[1,", "[1:"),
        ("true}", "true,}"),
        ("true}", "\"true\":}"),
        ("true}", "\"a\":1}"),
        (r#":"1.11","#, r#":"1.11":"1","#),
        (r#":"1.11","#, r#":"1.11""1","#),
        (r#":"1.11","#, ","),
        (r#":"1.11","#, r#""1.11","#),
        ("1.11", "\t"),
        ("1.11", r"\x"),
        ("1.11", r"\ud800"),
    ] {
        assert_eq!(with(old, new), None, "{old} as {new}");
    }
    for depth in [50, 100, 200] {
        let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(with("null", &nested).is_some(), depth == 50, "{depth}");
    }
    let mut wrong = CALL.as_bytes().to_vec();
    wrong[20] = 0xff;
    assert!(Records::new(wrong.as_slice()).next().unwrap().unwrap().plain.is_none());
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn all<R: Read>(records: &mut Records<R>) -> Vec<String> {
    let mut shown = Vec::new();
    while let Some(record) = records.next() {
        shown.push(match record {
            Ok(record) => format!("{}: {}", record.position, String::from_utf8_lossy(record.bytes)),
            Err(problem) => problem.to_string(),
        });
    }
    shown
}

/// The same memory serves for whatever comes, whole or broken, small or not.
#[test]
fn a_file_inflated_at_once_reads_as_one_inflated_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let lines = |number: usize| format!("{CALL}\n{{\"a\": [\n{number}]}}\n").repeat(number);
    let (one, two) = (gzip(&lines(40)), gzip(&lines(3)));
    let changed = |place: usize| {
        let mut changed = one.clone();
        changed[place] ^= 0x40;
        changed
    };
    let end = one.len();
    let files = [
        one.clone(),
        [one.clone(), two.clone()].concat(),
        [two.clone(), two.clone()].concat(),
        [two.clone(), gzip(&format!("{{\"x\":1}}\n{}", lines(3)))].concat(),
        [one.clone(), vec![0; 512]].concat(),
        [one.clone(), b"rest".to_vec()].concat(),
        [one.clone(), two[..20].to_vec()].concat(),
        one[..end - 1].to_vec(),
        one[..end / 2].to_vec(),
        one[..2].to_vec(),
        changed(end - 1),
        changed(end - 6),
        changed(end / 2),
        changed(3),
        gzip(""),
        gzip(&lines(4_000)),
        lines(2).into_bytes(),
        Vec::new(),
        two.clone(),
    ];
    for most in [0, 4_000, 1 << 20] {
        let mut memory = Memory::new(most);
        for (number, file) in files.iter().enumerate() {
            let path = folder.path().join("x.json.gz");
            fs::write(&path, file).unwrap();
            let input = Input::File { path, is_named: true };
            let slowly =
                input.records(|stored| stored).map(|mut records| all(&mut records)).map_err(|error| error.to_string());
            let quickly = input.records_in(&mut memory, |stored| stored).map(|mut records| {
                let shown = all(&mut records);
                memory.take_back(records);
                shown
            });
            assert_eq!(quickly.map_err(|error| error.to_string()), slowly, "{most}: file {number}");
        }
    }
}
