//! `snapback check` as a user runs it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in its helpers, and says what it left out"
)]

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rules::foresee::{FUNCTIONS, Foreseen, Verdict};
use rules::settings::{Given, definitions};
use rules::{Settings, event};
use serde_json::{Value, json};
use tempfile::TempDir;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapback"));
    command.args(arguments).current_dir(repository()).stdin(Stdio::null());
    for definition in definitions() {
        command.env_remove(definition.variable());
    }
    command
}

/// The exit code, standard output and standard error.
fn check(arguments: &[&str]) -> (i32, String, String) {
    finished(command(&[&["check"], arguments].concat()).output().unwrap())
}

fn finished(Output { status, stdout, stderr }: Output) -> (i32, String, String) {
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Expects that nothing is wrong with the input.
fn lines(arguments: &[&str]) -> (i32, Vec<Value>) {
    let (code, stdout, stderr) = check(&[&["--json"], arguments].concat());
    let said = stderr.lines().filter(|line| !line.starts_with("settings from "));
    assert_eq!(said.count(), 1, "{stderr}");
    (code, stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn text(line: &Value, name: &str) -> String {
    line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}

/// The public records; `None` where somebody has only the repository.
fn public_records() -> Option<PathBuf> {
    let folder = repository().parent().unwrap().join("shared/events");
    if !folder.is_dir() {
        assert!(std::env::var_os("SNAPBACK_REQUIRE_SHARED").is_none(), "{} is missing", folder.display());
        eprintln!("not tested: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let inside = |path: PathBuf| match path.is_dir() {
        true => json_files(&path),
        false => vec![path],
    };
    entries.into_iter().flat_map(inside).filter(|path| path.extension().is_some_and(|name| name == "json")).collect()
}

/// Each verdict on each record is in the reviewed table beside this file, and fits what the functions' tables say of the record.
#[test]
fn public_records_are_decided_as_the_reviewed_table_says() {
    let Some(folder) = public_records() else { return };
    let (code, stdout, stderr) = check(&[folder.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
    assert!(stdout.ends_with("170 records in 170 files, 1 other files passed over\n"), "{stdout}");

    let mut found = String::from("file\tfunction\tverdict\treason\n");
    let mut verdicts: BTreeMap<(String, String), Verdict> = BTreeMap::new();
    for path in json_files(&folder) {
        let file = path.strip_prefix(&folder).unwrap().display().to_string();
        for line in lines(&["--all", path.to_str().unwrap()]).1 {
            let (function, verdict) = (text(&line, "function"), text(&line, "verdict"));
            found += &format!("{file}\t{function}\t{verdict}\t{}\n", text(&line, "reason"));
            let verdict = Verdict::ALL.into_iter().find(|known| known.word() == verdict).unwrap();
            assert_eq!(verdicts.insert((function, file.clone()), verdict), None, "{file}");
        }
    }
    let table = repository().join("cli/tests/public-records.tsv");
    if std::env::var_os("UPDATE_TABLE").is_some() {
        fs::write(&table, &found).unwrap();
    }
    assert_eq!(
        found,
        fs::read_to_string(&table).unwrap_or_default(),
        "UPDATE_TABLE=1 writes it anew: read the difference"
    );

    for function in FUNCTIONS {
        let table = repository().join("tests/public-records").join(format!("{}.tsv", function.name));
        for row in fs::read_to_string(&table).unwrap().lines().skip(1) {
            let columns: Vec<&str> = row.split('\t').collect();
            let foreseen = verdicts.remove(&(function.name.to_owned(), columns[0].to_owned()));
            use Verdict::{Alert, Depends, Ignore, Quarantine, Revert};
            let fits: &[Verdict] = match columns[1] {
                "violation" => &[Revert, Quarantine, Alert, Depends],
                "candidate" => &[Revert, Quarantine, Alert, Depends],
                "incident" | "unreadable" => &[Alert],
                "ignore" => &[Ignore],
                other => panic!("{other}"),
            };
            assert!(
                foreseen.is_some_and(|foreseen| fits.contains(&foreseen)),
                "{}: {row}: {foreseen:?}",
                function.name
            );
        }
    }
    assert!(verdicts.is_empty(), "not in the functions' tables: {verdicts:?}");
}

fn settings(folder: &Path) -> Settings {
    let table: BTreeMap<String, String> =
        toml::from_str(&fs::read_to_string(folder.join("settings.toml")).unwrap()).unwrap();
    let given = table.into_iter().map(|(name, value)| {
        let definition = definitions().find(|definition| definition.parameter == name).unwrap();
        (definition.parameter, Given { name, value })
    });
    Settings::from_given(&given.collect()).unwrap()
}

fn foreseen(function: &str, raw: &Value, settings: &Settings) -> Foreseen {
    let function = FUNCTIONS.iter().find(|known| known.name == function).unwrap();
    let event = event::parse(raw).unwrap();
    assert!(function.gets(&event), "{} would not have got {raw}", function.name);
    function.foresee(&event, settings)
}

fn read_events(path: &Path) -> Vec<Value> {
    match serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap() {
        Value::Array(events) => events,
        event => vec![event],
    }
}

/// What is foreseen of a sample is what the functions do about it in a stand-in account.
#[test]
fn what_is_foreseen_is_what_happens() {
    let output = command(&["replay", "--json", "events"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut problems = Vec::new();
    let mut compared = BTreeMap::<String, usize>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let path = repository().join(text(&line, "file"));
        let events = read_events(&path);
        let raw = &events[usize::try_from(line["position"].as_u64().unwrap()).unwrap() - 1];
        let settings = settings(path.parent().unwrap());
        for done in line["functions"].as_array().unwrap() {
            let function = text(done, "function");
            let foreseen = foreseen(&function, raw, &settings);
            let is_write = |call: &&Value| {
                !["Describe", "Get", "List", "Lookup"].iter().any(|read| text(call, "call").starts_with(read))
            };
            let changes = done["calls"].as_array().unwrap().iter().any(|call| is_write(&call));
            let outcome = done["outcome"].as_str().unwrap_or_default();
            use Verdict::{Alert, Depends, Exempt, Ignore, Quarantine, Revert};
            let fits: &[Verdict] = match (text(done, "verdict").as_str(), outcome) {
                ("violation", "REVERTED") => &[Revert, Depends],
                ("violation", "CONTAINED") => &[Revert, Quarantine, Depends],
                ("violation", "ALERT") if changes => &[Revert, Quarantine, Depends],
                // It was gone with what an event before it had made.
                ("violation", "ALERT") if events.len() > 1 => &[Revert, Alert, Depends],
                ("violation", "ALERT") => &[Alert, Depends],
                // Taken back, and no mail of it: the canary's own opening.
                ("held-back", _) => &[Revert, Depends],
                ("unreadable", _) => &[Alert],
                ("folded", _) => &[Alert, Depends],
                ("exempt", _) => &[Exempt],
                ("ignored", _) => &[Ignore, Depends],
                other => panic!("{other:?} in {line}"),
            };
            if !fits.contains(&foreseen.verdict) {
                let reason = format!("{}: {outcome} {}", text(done, "verdict"), text(done, "reason"));
                problems.push(format!("{} {function}: {foreseen:?}, but {reason}", text(&line, "file")));
            }
            *compared.entry(function).or_default() += 1;
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let functions: BTreeSet<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
    assert!(compared.keys().all(|function| functions.contains(function.as_str())) && compared.len() == functions.len());
    assert!(compared.values().sum::<usize>() > 250, "{compared:?}");
}

/// Whatever setting is said to leave something alone, does.
#[test]
fn settings_that_would_exempt_do() {
    let mut tried = BTreeSet::new();
    for path in json_files(&repository().join("events")) {
        let base = fs::read_to_string(path.parent().unwrap().join("settings.toml")).unwrap();
        let base: BTreeMap<String, String> = toml::from_str(&base).unwrap();
        for raw in read_events(&path) {
            let event = event::parse(&raw).unwrap();
            for function in FUNCTIONS.iter().filter(|function| function.gets(&event)) {
                let foreseen = function.foresee(&event, &settings(path.parent().unwrap()));
                for exemption in &foreseen.exempted_by {
                    let mut given = base.clone();
                    let value = given.entry(exemption.setting.to_owned()).or_default();
                    *value = format!("{value},{}", exemption.value);
                    let variable = |name: &str| {
                        definitions()
                            .find(|definition| definition.variable() == name)
                            .and_then(|definition| given.get(definition.parameter).cloned())
                    };
                    let settings = Settings::from_variables(variable).unwrap();
                    let verdict = function.foresee(&event, &settings).verdict;
                    assert!(
                        !verdict.is_finding(),
                        "{}: {exemption:?} leaves it at {verdict:?}: {foreseen:?}",
                        path.display()
                    );
                    tried.insert(exemption.setting);
                }
            }
        }
    }
    let all = ["AllowedPublicPorts", "PublicBuckets", "TrustedAccounts", "TrustedActors"];
    assert_eq!(tried, BTreeSet::from(all));
}

/// Whatever a record lacks, something is foreseen.
#[test]
fn damaged_records_are_no_panic() {
    let mut tried = 0;
    for path in json_files(&repository().join("events")) {
        for raw in read_events(&path) {
            let record = raw["detail"].as_object().unwrap();
            for (name, inner) in record {
                let mut damages = vec![json!(null), json!("x"), json!([1]), json!({})];
                for inside in inner.as_object().into_iter().flat_map(|object| object.keys()) {
                    let mut without = inner.clone();
                    without[inside] = json!({"x": [null]});
                    damages.push(without);
                }
                for damage in damages {
                    let mut record = record.clone();
                    record.insert(name.clone(), damage);
                    let Ok(event) = event::parse(&Value::Object(record)) else { continue };
                    for function in FUNCTIONS.iter().filter(|function| function.gets(&event)) {
                        assert!(!function.foresee(&event, &Settings::default()).reason().is_empty());
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
}

/// The functions that check knows are those that replay runs.
#[test]
fn every_function_of_the_samples_is_known() {
    let folders: BTreeSet<String> = fs::read_dir(repository().join("events"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, FUNCTIONS.iter().map(|function| function.name.to_owned()).collect());
}

const NEW_KEY: &str = "events/access-key/violates-new-access-key.json";
const IGNORED: &str = "events/access-key/passes-denied.json";

fn new_key() -> Value {
    serde_json::from_str(&fs::read_to_string(repository().join(NEW_KEY)).unwrap()).unwrap()
}

/// A folder with files of these names and contents.
fn folder(files: &[(&str, &[u8])]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let path = folder.path().to_str().unwrap().to_owned();
    (folder, path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_line_has_the_fields_that_programs_count_on() {
    let (code, lines) = lines(&[NEW_KEY]);
    assert_eq!(code, 1);
    let names = [
        "account",
        "actor",
        "event_id",
        "event_name",
        "event_time",
        "function",
        "reason",
        "region",
        "resource",
        "rule",
        "source_ip",
        "verdict",
    ];
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), names);
    assert_eq!((text(line, "function"), text(line, "verdict")), ("access-key".to_owned(), "revert".to_owned()));
    assert_eq!(line["event_id"], new_key()["detail"]["eventID"]);
}

#[test]
fn the_exit_code_tells_what_was_found() {
    assert_eq!(lines(&[IGNORED]), (0, Vec::new()));
    assert_eq!(lines(&["--all", IGNORED]).1.len(), 1);
    assert_eq!(lines(&[NEW_KEY]).0, 1);
    for (setting, verdict) in
        [("revert", "revert"), ("quarantine", "quarantine"), ("alert", "alert"), ("off", "ignore")]
    {
        let (code, lines) = lines(&["--all", "--access-key-mode", setting, NEW_KEY]);
        assert_eq!((code, text(&lines[0], "verdict").as_str()), (i32::from(setting != "off"), verdict));
    }
    let (_kept, empty) = folder(&[]);
    for (arguments, complaint) in [
        (&["missing"][..], "`missing`: No such file"),
        (&[empty.as_str()], "no history in `"),
        (&["--since", "now", NEW_KEY], "it takes a date such as"),
        (&["--since", "2026-01-02", "--until", "2026-01-01", NEW_KEY], "--since is later than --until"),
        (&["--account", "12", NEW_KEY], "account ids of 12 digits"),
        (&["--rule", "x", NEW_KEY], "s3-cross-account"),
        (&["--all", NEW_KEY], "--json"),
        (&["--rollout", "x", NEW_KEY], "`--rollout` is `x`"),
        (&[], "PATH"),
    ] {
        let (code, _, stderr) = check(arguments);
        assert!(code == 2 && stderr.contains(complaint), "{arguments:?}: {code} {stderr}");
    }
}

#[test]
fn broken_files_are_named_and_the_rest_goes_on() {
    let event = new_key();
    let record = event["detail"].to_string();
    let records = format!(r#"{{"Records":[{record},{record}]}}"#);
    let cut = gzip(records.as_bytes());
    let digest =
        json!({"awsAccountId": "1", "digestStartTime": "x", "digestS3Object": "x", "logFiles": []}).to_string();
    let insight = json!({"Records": [{"eventType": "AwsCloudTrailInsight"}]}).to_string();
    let (_kept, path) = folder(&[
        ("AWSLogs/1/CloudTrail/us-east-1/2026/01/02/a.json.gz", &gzip(records.as_bytes())),
        ("AWSLogs/1/CloudTrail/us-east-1/2026/01/02/b.json.gz", &cut[..cut.len() - 6]),
        ("AWSLogs/1/CloudTrail-Digest/us-east-1/2026/01/02/c.json.gz", &gzip(digest.as_bytes())),
        ("AWSLogs/1/CloudTrail-Insight/us-east-1/2026/01/02/d.json.gz", &gzip(insight.as_bytes())),
        ("e.json", b""),
        ("f.json", br#"{"Records":[]}"#),
        ("g.json", b"[1,{}]"),
        ("h.txt", b"not history"),
        ("i.jsonl", format!("{event}\n{{\"a\": x}}\n{event}\n").as_bytes()),
        ("j.json", format!("{record}\n{}", &record[..100]).as_bytes()),
    ]);
    let (code, stdout, stderr) = check(&["--json", &path]);
    assert_eq!(code, 2, "{stderr}");
    // Of the truncated gzip file both records are whole, but for its checksum.
    assert_eq!(stdout.lines().count(), 2 + 2 + 2 + 1, "{stdout}");
    let beginning = format!("snapback: {path}/");
    let told: Vec<&str> = stderr.lines().map(|line| line.strip_prefix(&beginning).unwrap_or(line)).collect();
    let expected = [
        "b.json.gz: the compressed data ends too early (byte ",
        "e.json: it is empty (byte 0, line 1)",
        "g.json: it is no event: an event is a JSON object (byte 1, line 1)",
        "g.json: no `eventName` and no `eventSource`",
        "i.jsonl: the record is not JSON: expected value (byte ",
        "j.json: it ends too early: what begins at byte ",
        "snapback: 7 records in 9 files, 1 digests skipped, 1 Insights events skipped, 1 files without a record, 1 other files passed over, 6 could not be read",
    ];
    assert_eq!(told.len(), expected.len(), "{stderr}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected), "{told}\n{expected}");
    }
    let (again, same, _) = check(&["--json", &path]);
    assert_eq!((again, same), (code, stdout), "whatever the threads do");
}

#[test]
fn standard_input_is_read_in_any_form() {
    let event = new_key().to_string();
    for bytes in [event.clone().into_bytes(), gzip(event.as_bytes()), format!("[{event}]").into_bytes()] {
        let mut child = command(&["check", "--json", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let (code, stdout, _) = finished(child.wait_with_output().unwrap());
        assert_eq!((code, stdout.lines().count()), (1, 1));
    }
}

/// What `aws cloudtrail lookup-events` prints, and what people make of it and of CloudTrail's files with jq.
#[test]
fn what_the_command_line_prints_is_read() {
    let event = json!({"EventId": "e-1", "EventName": "CreateAccessKey", "ReadOnly": "false", "EventTime": "2026-01-02T04:04:05+01:00",
        "EventSource": "iam.amazonaws.com", "Username": "kim", "Resources": [], "CloudTrailEvent": new_key().to_string()});
    let other = json!({"EventId": "e-2", "EventName": "ListUsers", "CloudTrailEvent": "{\"eventName\":\"ListUsers\",\"eventSource\":\"iam.amazonaws.com\"}"});
    let whole = json!({"Events": [other, event], "NextToken": "x"});
    let texts = json!([event["CloudTrailEvent"]]);
    let slurped = json!([{"Records": [new_key()]}, {"Records": []}, {"Records": [{"eventName": "ListUsers", "eventSource": "iam.amazonaws.com"}]}]);
    let plain = folder(&[("plain.json", new_key().to_string().as_bytes())]);
    let expected = lines(&[&plain.1]).1;
    assert_eq!(expected.len(), 1);
    for (what, text) in [
        ("whole", whole.to_string()),
        ("indented", format!("{whole:#}")),
        ("twice", format!("{{\"Events\":[]}}\n{whole}")),
        ("lines", format!("{other}\n{event}\n")),
        ("texts", texts.to_string()),
        ("slurped", slurped.to_string()),
        ("slurped lookups", json!([whole]).to_string()),
    ] {
        let (_folder, path) = folder(&[("x.json", text.as_bytes())]);
        assert_eq!(lines(&[&path]), (1, expected.clone()), "{what}");
    }

    let mut broken = event.clone();
    broken["CloudTrailEvent"] = json!("{\"eventName\":");
    let text = format!("{{\"Events\":[\n{other},\n{broken}]}}");
    let (_folder, path) = folder(&[("x.json", text.as_bytes())]);
    let (code, _, stderr) = check(&[&path]);
    assert_eq!(code, 2);
    let byte = text.rfind("{\"CloudTrailEvent").unwrap();
    let said = format!(
        "the record in `CloudTrailEvent` is not JSON: EOF while parsing a value at line 1 column 13 (byte {byte}, line 3)"
    );
    assert!(stderr.contains(&said), "{stderr}");
}

/// Ten gigabytes, packed: the members of gzip and the frames of zstd follow each other, and so are cheap to make.
#[test]
fn bombs_end_at_the_limit_of_a_record_and_take_little_memory() {
    const MEMBER: usize = 4 << 20;
    const MEMBERS: usize = 2_560;
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let too_large = "larger than 1572864 bytes, which no record is; the rest of it is not read";
    for (what, begin, filling, said) in [
        ("a text", r#"[{"a":1},{"a":""#, "x", too_large),
        ("brackets", "[[", "[", too_large),
        ("a number", "[1", "1", too_large),
        ("space", "{}", " ", too_large),
        ("beside the records", r#"{"Records":[],"x":[""#, "x", too_large),
        ("a name beside the records", r#"{"Records":[],""#, "x", too_large),
        ("members beside the records", r#"{"Records":[]"#, ",\"\":0", too_large),
        ("zeros", "", "\0", "it does not begin like history in JSON, but with the byte 0x00"),
    ] {
        let filling = filling.repeat(MEMBER / filling.len());
        for (form, begin, filling) in [
            ("gzip", gzip(begin.as_bytes()), gzip(filling.as_bytes())),
            ("zstd", zstd(begin.as_bytes()), zstd(filling.as_bytes())),
        ] {
            let bomb = [begin, filling.repeat(MEMBERS)].concat();
            let (stderr, most) = check_measured(&bomb);
            assert!(stderr.contains(said), "{what} in {form}: {stderr}");
            assert!(most < 64 << 20, "{what} in {form}: {most} bytes");
        }
    }
    let wrapped = gzip(&gzip(&gzip(b"{}")));
    assert!(check_measured(&wrapped).0.contains("it does not begin like history in JSON, but with the byte 0x1f"));
    // What is no bomb, but many: records, and members without any bytes.
    for many in [
        gzip(b"{}\n").repeat(50_000),
        gzip(b"[0,{\"eventName\":\"x\"}]\n".repeat(50_000).as_slice()),
        gzip(b"").repeat(50_000),
    ] {
        let (stderr, most) = check_measured(&many);
        assert!(stderr.lines().count() < 20 && most < 64 << 20, "{most} bytes: {stderr}");
    }
}

/// Checks a file: what is said about it, and how much memory that took at most, in bytes.
fn check_measured(bytes: &[u8]) -> (String, u64) {
    let (_folder, path) = folder(&[("x.json.gz", bytes)]);
    let script = "import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(done.returncode, most if sys.platform == 'darwin' else most * 1024)
sys.stdout.flush()
sys.stderr.buffer.write(done.stderr)";
    let mut python = Command::new("python3");
    python.args(["-c", script, env!("CARGO_BIN_EXE_snapback"), "check", &path]);
    let (code, stdout, stderr) = finished(python.output().unwrap());
    assert_eq!(code, 0, "{stderr}");
    let (code, most) = stdout.trim().split_once(' ').unwrap();
    assert_eq!(code, "2", "{stderr}");
    (stderr, most.parse().unwrap())
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let many = format!("{}\n", new_key()).repeat(5_000);
    let (_kept, path) = folder(&[("many.jsonl", many.as_bytes())]);
    let mut child = command(&["check", "--json", &path]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let (code, _, stderr) = finished(child.wait_with_output().unwrap());
    assert!(first.starts_with('{'));
    assert_eq!((code, stderr.as_str()), (1, ""));
}

#[test]
fn only_what_is_asked_for_is_shown() {
    let (early, mut late) = (new_key()["detail"].clone(), new_key()["detail"].clone());
    late["eventTime"] = json!("2031-05-06T07:08:09Z");
    late["recipientAccountId"] = json!("999999999999");
    let (_kept, path) = folder(&[("x.json", json!([early, late]).to_string().as_bytes())]);
    let times = |arguments: &[&str]| -> Vec<String> {
        lines(&[arguments, &[path.as_str()]].concat()).1.iter().map(|line| text(line, "event_time")).collect()
    };
    let (early, late) = (text(&early, "eventTime"), text(&late, "eventTime"));
    assert_eq!(times(&[]), [early.as_str(), late.as_str()]);
    assert_eq!(times(&["--since", "2031-05-06"]), [late.as_str()]);
    assert_eq!(times(&["--until", "2031-05-05"]), [early.as_str()]);
    assert_eq!(times(&["--until", "2031-05-06", "--since", "2031-05-06T07:08:09Z"]), [late.as_str()]);
    assert_eq!(times(&["--account", "999999999999"]), [late.as_str()]);
    assert_eq!(times(&["--rule", "security-group"]), [""; 0]);
    assert_eq!(times(&["--rule", "security-group,access-key", "--account", "999999999999"]), [late.as_str()]);
}

#[test]
fn what_an_attacker_names_cannot_forge_a_line() {
    let mut raw = new_key();
    raw["detail"]["userIdentity"]["arn"] = json!("arn:aws:iam::1:user/x\n0 would have been taken back\u{1b}[2J");
    raw["detail"]["userIdentity"]["type"] = json!("IAMUser");
    raw["detail"]["responseElements"]["accessKey"]["userName"] = json!("eve\u{202e}\r\n");
    let (_kept, path) = folder(&[("x\u{1b}[2J.json", raw.to_string().as_bytes()), ("y\u{1b}.json", b"x")]);
    let (code, stdout, stderr) = check(&[&path]);
    assert_eq!(code, 2);
    let shown = stdout + &stderr;
    assert!(
        shown.contains(r"user/x\u{a}0 would have been taken back\u{1b}[2J") && shown.contains(r"eve\u{202e}\u{d}\u{a}"),
        "{shown}"
    );
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\r']), "{shown}");
    let (_, lines, _) = check(&["--json", &path]);
    assert!(lines.contains(r"eve\u202e\r\n") && !lines.contains(['\u{1b}', '\u{202e}', '\r']), "{lines}");
}

#[test]
fn the_table_names_who_did_it_and_what_would_exempt_it() {
    let (code, stdout, stderr) = check(&["events/security-group"]);
    assert_eq!((code, stderr.as_str()), (1, "settings from events/security-group/settings.toml\n"));
    for line in [
        "  unless AllowedPublicPorts=tcp/22 or TrustedActors=arn:aws:iam::111122223333:role/Developer",
        "security-group",
        "candidates for TrustedActors",
        "  TrustedActors = \"arn:aws:iam::111122223333:role/Developer\"  # leaves ",
    ] {
        assert!(stdout.contains(line), "{line}\n{stdout}");
    }
    let (_, other, _) = check(&["--settings", "events/role-trust/settings.toml", "events/security-group"]);
    assert_ne!(other, stdout);
    let (code, _, stderr) = check(&["events/security-group", "events/s3-public"]);
    assert!(code == 2 && stderr.contains("choose one by --settings"), "{stderr}");
}
