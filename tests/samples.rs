//! The samples in events/ and the public records beside the repository: each is read, decided on, and survives being damaged.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rules::decision::{Decision, Subscription, decide};
use rules::settings::{Given, Mode, definitions};
use rules::{
    Event, Origin, Settings, access_key, event, findings, iam_user, role_trust, root_activity, s3_public,
    security_group,
};
use serde_json::{Value, json};

/// What the samples of a function are tried on.
struct Function {
    name: &'static str,
    subscriptions: &'static [Subscription],
    /// Calls that only the function itself makes: its samples may hold them, to show that it leaves its own doing alone.
    own_calls: &'static [&'static str],
    decide: fn(&Event, &Settings) -> (Verdict, String),
}

const FUNCTIONS: &[Function] = &[
    Function {
        name: security_group::NAME,
        subscriptions: security_group::SUBSCRIPTIONS,
        own_calls: &["RevokeSecurityGroupIngress"],
        decide: |event, settings| {
            let mode = settings.security_group_mode;
            let detect = security_group::detect::detect;
            Verdict::of(decide(event, settings, security_group::SUBSCRIPTIONS, mode, detect))
        },
    },
    Function {
        name: root_activity::NAME,
        subscriptions: root_activity::SUBSCRIPTIONS,
        own_calls: &[],
        decide: |event, settings| {
            let mode = settings.root_activity_mode;
            let detect = root_activity::detect::detect;
            Verdict::of(decide(event, settings, root_activity::SUBSCRIPTIONS, mode, detect))
        },
    },
    Function {
        name: findings::NAME,
        subscriptions: findings::SUBSCRIPTIONS,
        own_calls: &[],
        decide: |event, settings| {
            Verdict::of(decide(event, settings, findings::SUBSCRIPTIONS, Mode::Alert, findings::detect::detect))
        },
    },
    Function {
        name: access_key::NAME,
        subscriptions: access_key::SUBSCRIPTIONS,
        own_calls: &["PutUserPolicy"],
        decide: |event, settings| {
            let mode = settings.access_key_mode;
            let detect = access_key::detect::detect;
            Verdict::of(decide(event, settings, access_key::SUBSCRIPTIONS, mode, detect))
        },
    },
    Function {
        name: role_trust::NAME,
        subscriptions: role_trust::SUBSCRIPTIONS,
        own_calls: &[],
        decide: |event, settings| {
            let mode = settings.role_trust_mode;
            let detect = role_trust::detect::detect;
            Verdict::of(decide(event, settings, role_trust::SUBSCRIPTIONS, mode, detect))
        },
    },
    Function {
        name: s3_public::NAME,
        subscriptions: s3_public::SUBSCRIPTIONS,
        own_calls: &[],
        decide: |event, settings| {
            let mode = s3_public::mode(settings);
            let detect = s3_public::detect::detect;
            Verdict::of(decide(event, settings, s3_public::SUBSCRIPTIONS, mode, detect))
        },
    },
    Function {
        name: iam_user::NAME,
        subscriptions: iam_user::SUBSCRIPTIONS,
        own_calls: &["DeleteUser"],
        decide: |event, settings| {
            let mode = settings.iam_user_mode;
            let detect = iam_user::detect::detect;
            Verdict::of(decide(event, settings, iam_user::SUBSCRIPTIONS, mode, detect))
        },
    },
];

/// A decision without what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ignore,
    Exempt,
    Violation,
    Candidate,
    Incident,
    Unreadable,
}

impl Verdict {
    /// The verdict, and the reason where the decision has one.
    fn of<F>(decision: Decision<F>) -> (Self, String) {
        match decision {
            Decision::Ignore(reason) => (Self::Ignore, reason),
            Decision::Exempt(reason) => (Self::Exempt, reason),
            Decision::Violation(_) => (Self::Violation, String::new()),
            Decision::Candidate(_) => (Self::Candidate, String::new()),
            Decision::Incident(_) => (Self::Incident, String::new()),
            Decision::Unreadable(missing) => (Self::Unreadable, missing.to_string()),
        }
    }

    fn word(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn is_found(self) -> bool {
        matches!(self, Self::Violation | Self::Candidate | Self::Incident)
    }

    /// Whether nobody hears of the event.
    fn is_silent(self) -> bool {
        matches!(self, Self::Ignore | Self::Exempt)
    }
}

impl Function {
    fn verdict(&self, raw: &Value, settings: &Settings) -> (Verdict, String) {
        match event::parse(raw) {
            Ok(event) => (self.decide)(&event, settings),
            Err(unreadable) => (Verdict::Unreadable, unreadable.missing.to_string()),
        }
    }

    /// The sample files, those in folders with settings of their own too.
    fn samples(&self) -> Vec<Sample> {
        let folder = repository().join("events").join(self.name);
        let inside = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        let folders: Vec<PathBuf> = inside.chain([folder]).collect();
        let in_folder = |folder: &PathBuf| {
            let settings = settings(folder);
            let sample = |path: PathBuf| {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                let events = match read_json(&path) {
                    Value::Array(events) => events,
                    event => vec![event],
                };
                Sample { name, settings: settings.clone(), events }
            };
            json_files(folder).into_iter().map(sample).collect::<Vec<_>>()
        };
        folders.iter().flat_map(in_folder).collect()
    }
}

/// A sample file.
struct Sample {
    /// The file's name without `.json`.
    name: String,
    /// What the settings beside it say.
    settings: Settings,
    events: Vec<Value>,
}

/// The settings of a folder of samples.
fn settings(folder: &Path) -> Settings {
    let path = folder.join("settings.toml");
    let table: BTreeMap<String, String> = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let given = table.into_iter().map(|(parameter, value)| {
        let definition = definitions()
            .find(|definition| definition.parameter == parameter)
            .unwrap_or_else(|| panic!("`{parameter}` is no setting"));
        let name = parameter;
        (definition.parameter, Given { name, value })
    });
    Settings::from_given(&given.collect()).unwrap()
}

#[test]
fn samples_are_decided_as_their_names_say() {
    let mut problems = Vec::new();
    let mut event_ids = BTreeSet::new();
    for function in FUNCTIONS {
        for Sample { name, settings, events } in function.samples() {
            let mut verdicts = Vec::new();
            // What is found was made by calls before, which need not be the function's.
            let has_finding =
                events.iter().any(|raw| event::parse(raw).is_ok_and(|event| event.origin != Origin::CloudTrail));
            for raw in &events {
                let Ok(event) = event::parse(raw) else {
                    problems.push(format!("{name}: an event can't be parsed"));
                    continue;
                };
                problems.extend(
                    wrong_in_sample(function, raw, &event, has_finding)
                        .into_iter()
                        .map(|problem| format!("{name}: {problem}")),
                );
                if !event_ids.insert(event.id.clone().unwrap_or_default()) {
                    problems.push(format!("{name}: the eventID is missing or used before"));
                }
                verdicts.push((function.decide)(&event, &settings));
            }
            let fits = if name.starts_with("violates-") {
                verdicts.iter().any(|(verdict, _)| verdict.is_found())
            } else if name.starts_with("passes-") {
                // Whether a candidate opens anything is for the account to say.
                let harmless = |verdict: Verdict| verdict.is_silent() || verdict == Verdict::Candidate;
                verdicts.iter().all(|(verdict, _)| harmless(*verdict))
            } else {
                problems.push(format!("{name}: the name begins with neither `violates-` nor `passes-`"));
                continue;
            };
            if !fits || events.is_empty() {
                problems.push(format!("{name}: decided as {verdicts:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What keeps an event from being one that EventBridge would have delivered to the function.
fn wrong_in_sample(function: &Function, raw: &Value, event: &Event, has_finding: bool) -> Vec<String> {
    let mut problems = Vec::new();
    let text = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let is_wanted = |subscription: &Subscription| {
        subscription.source.is_none_or(|source| source == text("/source"))
            && subscription.detail_types.contains(&text("/detail-type"))
            && subscription.event_source.is_none_or(|source| source == event.source)
            && (subscription.covers(event) || function.own_calls.contains(&event.name.as_str()))
    };
    let may_be_others = has_finding && event.origin == Origin::CloudTrail;
    if !may_be_others && !function.subscriptions.iter().any(is_wanted) {
        problems.push(format!("`{}` of `{}` is not for the function", event.name, event.source));
    }
    let (account, time) = match event.origin {
        Origin::CloudTrail => ("/detail/recipientAccountId", "/detail/eventTime"),
        Origin::Config(_) => ("/detail/awsAccountId", "/detail/notificationCreationTime"),
        Origin::AccessAnalyzer(_) => ("/detail/accountId", "/detail/updatedAt"),
    };
    let region = if matches!(event.origin, Origin::AccessAnalyzer(_)) { "/detail/region" } else { "/detail/awsRegion" };
    for (envelope, record) in [("/account", account), ("/region", region), ("/time", time)] {
        if text(envelope).is_empty() || text(envelope) != text(record) {
            problems.push(format!("`{envelope}` is not `{record}`"));
        }
    }
    problems
}

#[test]
fn every_function_is_tried() {
    let folders: BTreeSet<String> = fs::read_dir(repository().join("events"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let tried: BTreeSet<String> = FUNCTIONS.iter().map(|function| function.name.to_owned()).collect();
    assert_eq!(folders, tried, "the folders of events/ and FUNCTIONS in this file");
}

/// The verdicts are in public-records/, a table for each function with the records that its subscriptions cover, and one with those
/// that nobody's do: a row for each record, with the reason why its verdict is right.
#[test]
fn public_records_are_decided_as_their_content_calls_for() {
    let Some(records) = public_records() else {
        eprintln!("not tested: {} is not there", public_folder().display());
        return;
    };
    let mut problems = Vec::new();
    let mut watched = BTreeSet::new();
    for function in FUNCTIONS {
        let mut expected = table(function.name, &mut problems);
        for (file, raw) in &records {
            let (verdict, reason) = function.verdict(raw, &Settings::default());
            let is_covered = event::parse(raw)
                .is_ok_and(|event| function.subscriptions.iter().any(|subscription| subscription.covers(&event)));
            if !is_covered {
                continue;
            }
            watched.insert(file.clone());
            let found = format!("{}: {file}: {} ({reason})", function.name, verdict.word());
            match expected.remove(file) {
                Some(expected) if expected == verdict.word() => {}
                Some(expected) => problems.push(format!("{found}, expected {expected}")),
                None => problems.push(format!("{found}, and no row")),
            }
        }
        problems.extend(expected.keys().map(|file| format!("{}: {file}: a row, and no such record", function.name)));
    }
    let mut unwatched = table("nobody", &mut problems);
    for (file, _) in records.iter().filter(|(file, _)| !watched.contains(file)) {
        if unwatched.remove(file).as_deref() != Some("ignore") {
            problems.push(format!("{file}: nobody watches it, and no row in nobody.tsv says `ignore`"));
        }
    }
    problems.extend(unwatched.keys().map(|file| format!("nobody.tsv: {file}: a row, and no such record")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A table of public-records/: verdicts by file.
fn table(name: &str, problems: &mut Vec<String>) -> BTreeMap<String, String> {
    let path = repository().join("tests/public-records").join(format!("{name}.tsv"));
    let table = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut verdicts = BTreeMap::new();
    for row in table.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [file, verdict, reason] = columns.as_slice() else {
            problems.push(format!("{name}.tsv: not three columns: {row}"));
            continue;
        };
        if reason.trim().is_empty() {
            problems.push(format!("{name}.tsv: {file}: no reason"));
        }
        if verdicts.insert((*file).to_owned(), (*verdict).to_owned()).is_some() {
            problems.push(format!("{name}.tsv: {file}: two rows"));
        }
    }
    verdicts
}

/// Each field in turn is taken out or replaced; whatever comes of it, it is a decision.
#[test]
fn damaged_events_are_decided_without_a_panic() {
    let values = [json!(null), json!(""), json!([]), json!({}), json!(12345), json!("x")];
    let samples = FUNCTIONS.iter().flat_map(Function::samples);
    let samples = samples.flat_map(|sample| sample.events);
    let public = public_records().unwrap_or_default().into_iter().map(|(_, raw)| raw);
    let settings = Settings::default();
    let mut tried = 0;
    for mut raw in samples.chain(public) {
        let mut paths = Vec::new();
        fields(&raw, &mut Vec::new(), &mut paths);
        for path in paths {
            for damage in std::iter::once(None).chain(values.iter().map(Some)) {
                let original = replace(&mut raw, &path, damage.cloned());
                // What can't be read is the same to all functions.
                if let Ok(event) = event::parse(&raw) {
                    for function in FUNCTIONS {
                        (function.decide)(&event, &settings);
                    }
                }
                tried += 1;
                replace(&mut raw, &path, Some(original));
            }
        }
    }
    assert!(tried > 10_000, "only {tried} damaged events");
}

/// Fields whose loss makes a finding pass in silence, and why that is right.
const MAY_SILENCE: &[(&str, &str)] = &[
    (
        "detail.requestParameters.ModifyManagedPrefixListRequest.AddEntry",
        "a change that only removes entries, or renames the list, has none",
    ),
    (
        "detail.requestParameters.policyName",
        "an inline policy that only denies is told of if it has the name of AWS's quarantine, and else does no harm",
    ),
    (
        "detail.requestParameters.x-amz-object-ownership",
        "without it, the access control lists of a new bucket don't count",
    ),
    (
        "detail.requestParameters.CreateAccessPointRequest.PublicAccessBlockConfiguration",
        "without it, all switches of an access point are on",
    ),
    (
        "detail.requestParameters.CreateMultiRegionAccessPointRequest.Details",
        "without anything said, all switches of a multi-Region access point are on",
    ),
    (
        "detail.requestParameters.CreateMultiRegionAccessPointRequest.Details.PublicAccessBlock",
        "without it, all switches of a multi-Region access point are on",
    ),
];
/// Whatever a finding's event lacks, or holds in another form: somebody hears of it.
#[test]
fn a_damaged_finding_is_not_passed_over() {
    let lost = [None, Some(json!(null)), Some(json!("")), Some(json!([])), Some(json!({}))];
    // An `eventName` of `x` is another call; a rule of `x` is ours, and not understood.
    let odd = [json!(12345), json!("x"), json!(["x"]), json!({"x": "y"})].map(Some);
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for function in FUNCTIONS {
        for Sample { name, settings, events } in function.samples() {
            for mut raw in events {
                if !function.verdict(&raw, &settings).0.is_found() {
                    continue;
                }
                let mut paths = Vec::new();
                fields(&raw, &mut Vec::new(), &mut paths);
                for path in paths {
                    let written = written(&path);
                    // Where every subscription names a kind of actor, an event without one is nothing that EventBridge delivers.
                    let is_by_actor =
                        function.subscriptions.iter().all(|subscription| subscription.actor_kind.is_some());
                    if is_by_actor && ["detail.userIdentity", "detail.userIdentity.type"].contains(&written.as_str()) {
                        continue;
                    }
                    let is_of_the_call = ["detail.requestParameters", "detail.responseElements"]
                        .iter()
                        .any(|part| written.starts_with(part));
                    for damage in lost.iter().chain(odd.iter().filter(|_| is_of_the_call)) {
                        let original = replace(&mut raw, &path, damage.clone());
                        let (verdict, reason) = function.verdict(&raw, &settings);
                        replace(&mut raw, &path, Some(original));
                        if !verdict.is_silent() {
                            continue;
                        }
                        let may = MAY_SILENCE.iter().position(|(field, _)| written == *field);
                        match may {
                            Some(index) => drop(used.insert(index)),
                            None => problems.push(format!("{name}: `{written}` replaced by {damage:?}: {reason}")),
                        }
                    }
                }
            }
        }
    }
    let unused = (0..MAY_SILENCE.len()).filter(|index| !used.contains(index));
    problems.extend(unused.map(|index| format!("silences nothing: {:?}", MAY_SILENCE[index])));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// One step from a JSON value to a part of it.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Field(String),
    Item(usize),
}

/// The ways to all fields and items in `value`.
fn fields(value: &Value, way: &mut Vec<Part>, found: &mut Vec<Vec<Part>>) {
    let parts: Vec<(Part, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(name, value)| (Part::Field(name.clone()), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (Part::Item(index), value)).collect(),
        _ => Vec::new(),
    };
    for (part, value) in parts {
        way.push(part);
        found.push(way.clone());
        fields(value, way, found);
        way.pop();
    }
}

/// Puts `new` at the end of `way`, or takes out what is there; gives what was there. To be put back it has to be done at once.
fn replace(value: &mut Value, way: &[Part], new: Option<Value>) -> Value {
    let Some((last, way)) = way.split_last() else { panic!("a way of no steps") };
    let holder = way.iter().fold(value, |value, part| match part {
        Part::Field(name) => value.get_mut(name).unwrap(),
        Part::Item(index) => value.get_mut(index).unwrap(),
    });
    match (last, holder, new) {
        (Part::Field(name), Value::Object(object), Some(new)) => object.insert(name.clone(), new).unwrap_or_default(),
        (Part::Field(name), Value::Object(object), None) => object.remove(name).unwrap(),
        // A list keeps its length: an item is null instead of gone.
        (Part::Item(index), holder, new) => std::mem::replace(holder.get_mut(index).unwrap(), new.unwrap_or_default()),
        (part, holder, _) => panic!("{part:?} of {holder}"),
    }
}

/// The names on the way, without the places in lists.
fn written(way: &[Part]) -> String {
    let names = way.iter().filter_map(|part| match part {
        Part::Field(name) => Some(name.as_str()),
        Part::Item(_) => None,
    });
    names.collect::<Vec<_>>().join(".")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn public_folder() -> PathBuf {
    repository().parent().unwrap().join("shared/events")
}

/// The public records by file name; `None` if they aren't beside the repository.
fn public_records() -> Option<Vec<(String, Value)>> {
    let folder = public_folder();
    if !folder.is_dir() {
        let is_required = std::env::var_os("SNAPBACK_REQUIRE_SHARED").is_some();
        assert!(!is_required, "{} is not there", folder.display());
        return None;
    }
    let mut records = Vec::new();
    for source in fs::read_dir(&folder).unwrap() {
        let source = source.unwrap().path();
        if source.is_dir() {
            records.extend(json_files(&source).into_iter().map(|path| {
                let file = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
                (file, read_json(&path))
            }));
        }
    }
    assert!(!records.is_empty(), "{} holds no records", folder.display());
    Some(records)
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    files.sort();
    files
}

fn read_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
