//! `snapback replay` as a user runs it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sandbox::{Fault, StandIn, calls, inject};
use serde_json::{Value, json};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sample(name: &str) -> String {
    format!("events/security-group/{name}.json")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapback"));
    command.arg("replay").args(arguments).current_dir(repository()).stdin(Stdio::null());
    for definition in rules::settings::DEFINITIONS {
        command.env_remove(definition.variable());
    }
    command
}

fn replay(arguments: &[&str]) -> (i32, Vec<Value>, String) {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    let lines = String::from_utf8(stdout).unwrap();
    let lines =
        lines.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    (status.code().unwrap(), lines, String::from_utf8(stderr).unwrap())
}

/// What the only function that got the event says of it.
fn word(line: &Value) -> &Value {
    let functions = line["functions"].as_array().unwrap();
    assert_eq!(functions.len(), 1, "{line}");
    &functions[0]
}

fn subject(line: &Value) -> &str {
    word(line)["mail"]["subject"].as_str().unwrap_or_default()
}

/// The JSON files in a folder and in those inside it, by their paths from it.
fn json_files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name().into_string().unwrap())).unwrap();
        if path.is_dir() {
            files.extend(json_files(&path).into_iter().map(|inside| format!("{name}/{inside}")));
        } else if name.ends_with(".json") {
            files.push(name);
        }
    }
    files
}

/// The one sample of what is reverted and not mailed, in the folder of its function.
const CANARY: &str = "with-canary/violates-opened-by-the-canary.json";

/// The tool judges each event by itself, from the account and the mailbox; this looks at who was told.
#[test]
fn all_samples_end_as_their_names_say() {
    let (exit, lines, stderr) = replay(&["--json"]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(lines.iter().all(|line| line["ended_as_required"] == true), "{lines:?}");
    let mut samples = BTreeSet::new();
    for folder in std::fs::read_dir(repository().join("events")).unwrap() {
        let folder = folder.unwrap().file_name().into_string().unwrap();
        samples.extend(
            json_files(&repository().join("events").join(&folder)).into_iter().map(|name| (folder.clone(), name)),
        );
    }
    let mut replayed = BTreeSet::new();
    for (function, name) in &samples {
        let file = format!("events/{function}/{name}");
        let events: Vec<&Value> = lines.iter().filter(|line| line["file"] == *file).collect();
        replayed.extend(events.iter().map(|_| (function.clone(), name.clone())));
        let words = events.iter().flat_map(|event| event["functions"].as_array().unwrap());
        let mails = words.filter(|word| word["function"] == *function && !word["mail"].is_null()).count();
        let is_mailed = name.contains("violates-") && name != CANARY;
        assert_eq!(mails > 0, is_mailed, "{file}: {mails} mails by {function}");
    }
    assert_eq!(replayed, samples);
    let reverted = |line: &&Value| line["file"].as_str().unwrap().contains("/security-group/violates-");
    let reverted = lines
        .iter()
        .filter(reverted)
        .filter(|line| line["functions"].as_array().unwrap().iter().any(|word| word["outcome"] == "REVERTED"));
    let samples =
        samples.iter().filter(|(function, name)| function == "security-group" && name.starts_with("violates-"));
    assert_eq!(reverted.count(), samples.count(), "each sample of an open group is reverted once");
}

#[test]
fn only_the_violation_is_taken_away() {
    let (exit, lines, _) = replay(&["--json", &sample("violates-ssh-beside-private-range")]);
    assert_eq!(exit, 0);
    let texts = |name: &str| -> BTreeSet<String> {
        lines[0][name].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let (after, now) = (texts("state_after_change"), texts("state_now"));
    let gone: Vec<&String> = after.difference(&now).collect();
    assert!(gone.len() == 1 && gone[0].ends_with("tcp/22 from 0.0.0.0/0"), "{gone:?}");
    assert!(now.is_subset(&after));
    assert!(now.iter().any(|line| line.ends_with("tcp/22 from 10.0.0.0/8 \"office\"")), "{now:?}");
}

fn texts(line: &Value, name: &str) -> BTreeSet<String> {
    line[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn only_what_is_public_of_a_bucket_is_taken_away() {
    let sample = |name: &str| format!("events/s3-public/{name}.json");
    let (exit, lines, stderr) = replay(&[
        "--json",
        &sample("violates-policy-one-of-three-statements"),
        &sample("violates-acl-beside-an-account"),
        &sample("violates-account-block-deleted"),
        &sample("with-public-buckets/violates-neighbour-of-a-public-bucket"),
    ]);
    assert_eq!((exit, lines.len()), (0, 5), "{stderr}");
    let gone = |line: &Value| -> Vec<String> {
        texts(line, "state_after_change").difference(&texts(line, "state_now")).cloned().collect()
    };
    let left = |line: &Value, part: &str| texts(line, "state_now").iter().filter(|text| text.contains(part)).count();

    let policy = &lines[0];
    let statements = gone(policy);
    let statements: Vec<&String> = statements.iter().filter(|text| text.contains(" has statement ")).collect();
    assert!(statements.len() == 1 && statements[0].contains("Everybody"), "{statements:?}");
    assert_eq!(left(policy, "bucket reports-archive has statement "), 2);
    assert!(gone(policy).iter().any(|text| text.contains("anybody reads")), "{policy}");
    assert_eq!(left(policy, "anybody reads"), 0);
    assert_eq!(left(policy, "bucket reports-archive: public access block with all four switches on"), 1);

    let acl = &lines[1];
    let grants = gone(acl);
    let grants: Vec<&String> = grants.iter().filter(|text| text.contains(" grants ")).collect();
    assert!(grants.len() == 1 && grants[0].ends_with("READ for everybody (AllUsers)"), "{grants:?}");
    assert_eq!(left(acl, "bucket shared-imports grants "), 2, "the owner and the other account");

    assert_eq!(gone(&lines[2]), ["account: no public access block"]);
    assert_eq!(left(&lines[2], "account: public access block with all four switches on"), 1);

    let (public, neighbour) = (&lines[3], &lines[4]);
    assert!(gone(public).is_empty() && word(public)["mail"].is_null(), "{public}");
    assert!(gone(neighbour).iter().any(|text| text.starts_with("bucket press-drafts: anybody reads")), "{neighbour}");
    assert_eq!(left(neighbour, "bucket press-drafts: anybody reads"), 0);
    assert_eq!(left(neighbour, "bucket press-kit: anybody reads"), 1);
}

#[test]
fn a_terminal_sees_the_timeline_and_the_mail() {
    let output = command(&[&sample("violates-flat-form")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "change ",
        "+ sg-",
        "decision  security-group: violation",
        "RevokeSecurityGroupIngress",
        "- sg-",
        "│ REVERTED: ",
        "ended as the settings require",
    ] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would() {
    let (exit, lines, stderr) =
        replay(&["--json", "--dry-run", &sample("violates-flat-form"), &sample("passes-allowed-port")]);
    assert_eq!((exit, lines.len()), (0, 2), "{stderr}");
    assert!(subject(&lines[0]).starts_with("ALERT: would have reverted: "), "{}", lines[0]);
    assert_eq!(lines[0]["state_now"], lines[0]["state_after_change"]);
    assert!(
        word(&lines[0])["calls"].as_array().unwrap().iter().all(|call| call["call"] != "RevokeSecurityGroupIngress")
    );
    assert_eq!(word(&lines[1])["mail"], Value::Null);
}

#[test]
fn the_canary_is_reverted_and_not_mailed() {
    let (exit, lines, stderr) = replay(&["--json", &format!("events/security-group/{CANARY}")]);
    assert_eq!(exit, 0, "{stderr}");
    let word = word(&lines[0]);
    assert_eq!(
        (&word["verdict"], &word["outcome"], &word["mail"]),
        (&json!("held-back"), &json!("REVERTED"), &Value::Null)
    );
    let calls = word["calls"].as_array().unwrap().iter().map(|call| call["call"].as_str().unwrap());
    let calls: Vec<&str> = calls.collect();
    let looks = "DescribeSecurityGroupRules";
    assert_eq!(calls, [looks, "RevokeSecurityGroupIngress", looks, "DescribeNetworkInterfaces"]);
}

#[test]
fn in_mode_alert_the_rule_stays_and_a_mail_comes() {
    let (exit, lines, _) = replay(&["--json", "--security-group-mode", "alert", &sample("violates-flat-form")]);
    assert_eq!(exit, 0);
    assert!(subject(&lines[0]).starts_with("ALERT: sg-"), "{}", lines[0]);
    assert_eq!(lines[0]["state_now"], lines[0]["state_after_change"]);
}

#[test]
fn flags_beat_variables_and_variables_beat_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    std::fs::copy(repository().join(sample("violates-flat-form")), &event).unwrap();
    std::fs::write(folder.path().join("settings.toml"), "SecurityGroupMode = \"alert\"\n").unwrap();
    let event = event.to_str().unwrap();
    let outcome = |flags: &[&str], variable: Option<&str>| {
        let mut command = command(&["--json", event]);
        command.args(flags);
        if let Some(value) = variable {
            command.env("SECURITY_GROUP_MODE", value);
        }
        let output = command.output().unwrap();
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        word(&line)["outcome"].as_str().map(str::to_owned)
    };
    assert_eq!(outcome(&[], None).as_deref(), Some("ALERT"));
    assert_eq!(outcome(&[], Some("off")), None);
    assert_eq!(outcome(&["--security-group-mode", "revert"], Some("off")).as_deref(), Some("REVERTED"));
}

#[test]
fn bad_input_is_named_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let broken = write("broken.json", "{\n  \"detail\": {,\n}");
    let number = write("number.json", "[1]");
    let other = write(
        "other.json",
        r#"{"eventName": "RunInstances", "eventSource": "ec2.amazonaws.com", "awsRegion": "eu-west-1"}"#,
    );
    let vague = write(
        "vague.json",
        r#"{"eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com", "awsRegion": "eu-west-1"}"#,
    );
    let missing = folder.path().join("missing.json").to_str().unwrap().to_owned();
    let (exit, lines, stderr) =
        replay(&["--json", &broken, &number, &other, &vague, &missing, &sample("violates-flat-form")]);
    assert_eq!(exit, 2);
    let problems: Vec<&str> = lines.iter().filter_map(|line| line["not_done"].as_str()).collect();
    assert_eq!(problems.len(), 5, "{lines:?}");
    for (problem, expected) in problems.iter().zip([
        "broken.json` is not JSON: key must be a string at line 2 column 14",
        "position 1 that is no event",
        "`RunInstances` of `ec2.amazonaws.com` is not a call that can be made again here",
        "no `groupId` and no `groupName`",
        "missing.json`",
    ]) {
        assert!(problem.contains(expected), "`{problem}` does not say `{expected}`");
    }
    assert!(stderr.contains("broken.json"));
    assert_eq!(word(lines.last().unwrap())["outcome"], "REVERTED");
}

#[test]
fn bad_settings_are_named() {
    let (exit, _, stderr) = replay(&["--allowed-public-ports", "443", &sample("violates-flat-form")]);
    assert_eq!(exit, 2);
    assert!(
        stderr.contains("`--allowed-public-ports` is `443`") && stderr.contains("it takes ports such as"),
        "{stderr}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    std::fs::write(&file, "SecurityGroupMod = \"alert\"\n").unwrap();
    let (exit, _, stderr) = replay(&["--settings", file.to_str().unwrap(), &sample("violates-flat-form")]);
    assert_eq!(exit, 2);
    assert!(stderr.contains("`SecurityGroupMod` is not a setting"), "{stderr}");
}

#[test]
fn an_account_elsewhere_is_asked_about_first() {
    for endpoint in ["aws", "https://sandbox.example.com:4566"] {
        let (exit, _, stderr) = replay(&["--endpoint", endpoint, &sample("violates-flat-form")]);
        assert_eq!(exit, 2);
        assert!(stderr.contains("give `--yes` if that is meant"), "{stderr}");
    }
    let (exit, _, stderr) =
        replay(&["--endpoint", "https://ec2.eu-west-1.amazonaws.com", &sample("violates-flat-form")]);
    assert_eq!(exit, 2);
    assert!(stderr.contains("--endpoint aws"), "{stderr}");
}

#[test]
fn another_endpoint_is_left_as_it_was_found() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let (exit, lines, stderr) = replay(&[
        "--json",
        "--endpoint",
        stand_in.endpoint(),
        &sample("violates-flat-form"),
        &sample("violates-prefix-list-widened-later"),
    ]);
    assert_eq!(exit, 0, "{stderr}");
    assert_eq!(lines.len(), 3);
    let count = |action: &str| {
        calls(stand_in.endpoint(), "AKIAREPLAYACTOR00000").unwrap().iter().filter(|call| call.action == action).count()
    };
    assert_eq!(count("CreateSecurityGroup"), count("DeleteSecurityGroup"));
    assert_eq!(count("CreateManagedPrefixList"), count("DeleteManagedPrefixList"));
    assert_eq!((count("CreateTopic"), count("DeleteTopic"), count("CreateQueue"), count("DeleteQueue")), (1, 1, 1, 1));
}

#[test]
fn a_group_that_is_there_already_is_used_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    let text = std::fs::read_to_string(repository().join(sample("violates-group-by-name"))).unwrap();
    let name = serde_json::from_str::<Value>(&text).unwrap()["detail"]["requestParameters"]["groupName"].clone();
    std::fs::write(&event, text.replace(name.as_str().unwrap(), "default")).unwrap();
    let event = event.to_str().unwrap();
    let (exit, lines, stderr) = replay(&["--json", event, event]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(lines.iter().all(|line| word(line)["outcome"] == "REVERTED"), "{lines:?}");
}

#[test]
fn a_revert_that_fails_makes_the_replay_fail() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let fault = Fault {
        status: 403,
        times: 99,
        ..Fault::new("AKIAREPLAYSNAPBACK00", "RevokeSecurityGroupIngress", "UnauthorizedOperation")
    };
    inject(stand_in.endpoint(), &fault).unwrap();
    let (exit, lines, _) = replay(&["--json", "--endpoint", stand_in.endpoint(), &sample("violates-flat-form")]);
    assert_eq!(exit, 1);
    assert!(subject(&lines[0]).starts_with("FAILED - ACT NOW: "), "{}", lines[0]);
    assert_eq!(lines[0]["ended_as_required"], false);
    assert!(lines[0]["problem"].as_str().unwrap().contains("UnauthorizedOperation"));
}

#[test]
fn ctrl_c_cleans_up() {
    let stand_in = StandIn::start(&mut |_| {}).unwrap();
    let mut child = command(&["--json", "--endpoint", stand_in.endpoint()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let rest = lines.count();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(rest < 30, "{rest} events were replayed all the same");
    let calls = calls(stand_in.endpoint(), "AKIAREPLAYACTOR00000").unwrap();
    let count = |action: &str| calls.iter().filter(|call| call.action == action && call.status == 200).count();
    assert_eq!(count("CreateSecurityGroup"), count("DeleteSecurityGroup"));
    assert_eq!((count("CreateTopic"), count("DeleteTopic")), (1, 1));
}
