//! One record, from JSON to the verdicts of the functions that would have got it.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use history::{Other, Plain, Record};
use rules::foresee::{Exemption, FUNCTIONS, Foreseen, Verdict};
use rules::security_group;
use rules::security_group::exposure::Opening;
use rules::{Event, Language, Settings, event};
use serde_json::{Value, json};

/// What decides.
pub(super) struct Decider {
    /// The functions' settings.
    pub(super) settings: Settings,
    /// What is looked at.
    pub(super) filter: Filter,
    /// Whether what is ignored is wanted, too.
    pub(super) with_ignored: bool,
}

/// What is looked at. What a record does not tell does not keep it out, but for its account.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
    /// Account ids; none for all.
    pub(super) accounts: BTreeSet<String>,
    /// Names of rules; none for all.
    pub(super) rules: BTreeSet<String>,
}

/// What a value of a file is.
#[derive(Debug)]
pub(super) enum Read {
    /// A record with what is to be told of it, and how many verdicts are not.
    Record {
        /// Those to be told.
        decided: Vec<Decided>,
        /// How many were `ignore` and are not told.
        ignored: u64,
    },
    /// A record that the filter keeps out.
    LeftOut,
    /// Something else of CloudTrail's.
    Other(Other),
    /// No record; why.
    Unreadable(String),
}

/// One function's verdict on a record.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) event_id: Option<String>,
    /// When it happened, as the filter reads it, if the record tells that in a form that can be compared.
    pub(super) time: Option<DateTime<Utc>>,
    /// When it happened, as the record has it.
    pub(super) event_time: Option<String>,
    pub(super) event_name: String,
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    /// The role behind a session, or else whoever it was.
    pub(super) actor: Option<String>,
    pub(super) source_ip: Option<String>,
    pub(super) function: &'static str,
    pub(super) rule: &'static str,
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) resource: Option<String>,
    /// Settings that would have left it alone.
    pub(super) exempted_by: Vec<Exemption>,
    /// What it opened in a security group, if it depends on the group's other rules.
    pub(super) opened: Option<Opened>,
}

/// The longest text that is kept of a record, in characters: more than AWS's own limits let there be of a name or an ARN.
const LONGEST: usize = 1_000;

/// The longest reason that is kept.
pub(super) const LONGEST_REASON: usize = 4_000;

/// How many openings of a record are kept: as many as a group may have rules
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>).
const MOST_OPENINGS: usize = 1_000;

/// What a record opened in a security group.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// The group's id.
    pub(super) group: String,
    pub(super) openings: Vec<Opening>,
}

impl Decider {
    /// Decides on one record of a file. Most are calls that nobody asks for, which is seen without parsing them.
    pub(super) fn record(&self, record: &Record<'_>) -> Read {
        match record.plain {
            Some(plain) if self.is_for_nobody(plain) => Read::Record { decided: Vec::new(), ignored: 0 },
            _ => self.in_full(record),
        }
    }

    /// The same, with all that is in the record.
    pub(super) fn in_full(&self, record: &Record<'_>) -> Read {
        match record.parse() {
            Ok(value) => self.read(&value),
            Err(problem) => Read::Unreadable(problem.to_string()),
        }
    }

    /// Whether a record is counted, and no function gets it.
    pub(super) fn is_for_nobody(&self, plain: Plain<'_>) -> bool {
        let Plain { event_source, event_name, actor_kind } = plain;
        self.filter.lets_all_through()
            && !FUNCTIONS.iter().any(|function| function.asks_for(event_source, event_name, actor_kind))
    }

    /// Decides on one value of a file.
    pub(super) fn read(&self, raw: &Value) -> Read {
        match history::looked_up(raw) {
            None => self.read_record(raw),
            Some(Ok(record)) => self.read_record(&record),
            Some(Err(problem)) => Read::Unreadable(problem),
        }
    }

    fn read_record(&self, raw: &Value) -> Read {
        if !raw.is_object() {
            return Read::Unreadable("it is no event: an event is a JSON object".to_owned());
        }
        if let Some(other) = Other::of(raw) {
            return Read::Other(other);
        }
        let event = match event::parse(raw) {
            Ok(event) => event,
            Err(unreadable) => return Read::Unreadable(unreadable.missing.of(Language::English).to_owned()),
        };
        if !self.filter.lets_through(&event) {
            return Read::LeftOut;
        }
        let (mut told, mut ignored) = (Vec::new(), 0);
        for function in FUNCTIONS.iter().filter(|function| function.gets(&event)) {
            let foreseen = function.foresee(&event, &self.settings);
            if !self.filter.rules.is_empty() && !self.filter.rules.contains(foreseen.rule) {
                continue;
            }
            if foreseen.verdict == Verdict::Ignore && !self.with_ignored {
                ignored += 1;
            } else {
                told.push(Decided::new(function.name, &event, foreseen));
            }
        }
        Read::Record { decided: told, ignored }
    }
}

impl Filter {
    /// Whether it keeps no record out.
    fn lets_all_through(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.accounts.is_empty()
    }

    fn lets_through(&self, event: &Event) -> bool {
        let is_late_enough = self.since.zip(event.time).is_none_or(|(since, time)| time >= since);
        let is_early_enough = self.until.zip(event.time).is_none_or(|(until, time)| time <= until);
        let is_of_account =
            self.accounts.is_empty() || event.account.as_ref().is_some_and(|account| self.accounts.contains(account));
        is_late_enough && is_early_enough && is_of_account
    }
}

impl Decided {
    fn new(function: &'static str, event: &Event, foreseen: Foreseen) -> Self {
        let written = Some(event.time_text.clone()).filter(|time| !time.is_empty());
        let depends_on_group = function == security_group::NAME && foreseen.verdict == Verdict::Depends;
        let opened = depends_on_group.then(|| security_group::foresee::opened(event)).flatten();
        let opened = opened.filter(|(group, openings)| group.len() <= LONGEST && openings.len() <= MOST_OPENINGS);
        let kept = |text: &Option<String>| text.as_deref().map(|text| shortened(text, LONGEST));
        let of_envelope = || event.time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
        let exempted_by = foreseen.exempted_by.clone().into_iter();
        Self {
            event_id: kept(&event.id),
            time: event.time,
            event_time: kept(&written.or_else(of_envelope)),
            event_name: shortened(&event.name, LONGEST),
            account: kept(&event.account),
            region: kept(&event.region),
            actor: event.actor.principal_arn().or(event.actor.arn.as_deref()).map(|arn| shortened(arn, LONGEST)),
            source_ip: kept(&event.source_ip),
            function,
            rule: foreseen.rule,
            verdict: foreseen.verdict,
            reason: shortened(&foreseen.reason(), LONGEST_REASON),
            resource: kept(&foreseen.resource),
            exempted_by: exempted_by.filter(|exemption| exemption.value.len() <= LONGEST).collect(),
            opened: opened.map(|(group, openings)| Opened { group, openings }),
        }
    }

    /// How much text it holds, in bytes.
    pub(super) fn size(&self) -> usize {
        let texts = [
            &self.event_id,
            &self.event_time,
            &self.account,
            &self.region,
            &self.actor,
            &self.source_ip,
            &self.resource,
        ];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let exemptions: usize = self.exempted_by.iter().map(|exemption| exemption.value.len()).sum();
        texts + exemptions + self.event_name.len() + self.reason.len()
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "event_id": self.event_id,
            "event_time": self.event_time,
            "event_name": self.event_name,
            "account": self.account,
            "region": self.region,
            "actor": self.actor,
            "source_ip": self.source_ip,
            "function": self.function,
            "rule": self.rule,
            "verdict": self.verdict.word(),
            "reason": self.reason,
            "resource": self.resource,
        })
    }
}

/// The text, or its beginning and how much there is of it.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({longest}/{})", text.get(..end).unwrap_or_default(), text.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_a_record_holds_little_of_it_is_kept() {
        let mut raw = new_key();
        let long = "ü".repeat(100_000);
        raw["responseElements"]["accessKey"] = json!({"accessKeyId": long, "userName": long});
        for name in ["eventID", "awsRegion", "sourceIPAddress"] {
            raw[name] = json!(long);
        }
        raw["userIdentity"]["arn"] = json!(long);
        let Read::Record { decided, .. } = decider(Filter::default()).read(&raw) else { panic!("no record") };
        let size = decided.iter().map(|decided| decided.to_json().to_string().len()).max();
        assert!(size.is_some_and(|size| size < 30_000), "{size:?}");
        assert!(decided[0].resource.as_ref().unwrap().ends_with("… (1000/100000)"));
    }

    fn decider(filter: Filter) -> Decider {
        Decider { settings: Settings::default(), filter, with_ignored: true }
    }

    fn new_key() -> Value {
        json!({"eventID": "e-1", "eventName": "CreateAccessKey", "eventSource": "iam.amazonaws.com", "recipientAccountId": "123456789012",
            "eventTime": "2026-01-02T03:04:05Z", "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
            "userIdentity": {"type": "Root", "arn": "arn:aws:iam::123456789012:root"},
            "requestParameters": {"userName": "eve"}, "responseElements": {"accessKey": {"accessKeyId": "AKIA1", "userName": "eve"}}})
    }

    #[test]
    fn every_function_that_gets_it_decides() {
        let enveloped = json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.iam", "detail": new_key()});
        for raw in [new_key(), enveloped] {
            let Read::Record { decided, .. } = decider(Filter::default()).read(&raw) else { panic!("no record") };
            let lines: Vec<Value> = decided.iter().map(Decided::to_json).collect();
            let root = "arn:aws:iam::123456789012:root";
            let line = |function: &str, verdict: &str, reason: &str, resource: &str| {
                json!({"event_id": "e-1", "event_time": "2026-01-02T03:04:05Z", "event_name": "CreateAccessKey",
                    "account": "123456789012", "region": "us-east-1", "actor": root, "source_ip": "198.51.100.7",
                    "function": function, "rule": function, "verdict": verdict, "reason": reason, "resource": resource})
            };
            let told = "root called CreateAccessKey of iam.amazonaws.com; only told: it can't be taken back";
            let expected = [
                line("access-key", "revert", "new access key AKIA1 of user eve", "AKIA1"),
                line("root-activity", "alert", told, root),
            ];
            assert_eq!(lines, expected);
        }
    }

    #[test]
    fn only_what_is_asked_for_is_looked_at() {
        let count = |filter: Filter| match decider(filter).read(&new_key()) {
            Read::Record { decided, .. } => Some(decided.len()),
            _ => None,
        };
        let time = |text: &str| text.parse().ok();
        let set = |text: &str| BTreeSet::from([text.to_owned()]);
        assert_eq!(count(Filter { since: time("2026-01-02T03:04:05Z"), ..Filter::default() }), Some(2));
        assert_eq!(count(Filter { since: time("2026-01-02T03:04:06Z"), ..Filter::default() }), None);
        assert_eq!(count(Filter { until: time("2026-01-02T03:04:05Z"), ..Filter::default() }), Some(2));
        assert_eq!(count(Filter { until: time("2026-01-02T03:04:04Z"), ..Filter::default() }), None);
        assert_eq!(count(Filter { accounts: set("123456789012"), ..Filter::default() }), Some(2));
        assert_eq!(count(Filter { accounts: set("111122223333"), ..Filter::default() }), None);
        assert_eq!(count(Filter { rules: set("access-key"), ..Filter::default() }), Some(1));
        assert_eq!(count(Filter { rules: set("s3-public"), ..Filter::default() }), Some(0));
    }

    #[test]
    fn what_is_no_record_is_said_to_be_none() {
        let read = |raw: Value| decider(Filter::default()).read(&raw);
        assert!(matches!(read(json!(3)), Read::Unreadable(reason) if reason.contains("JSON object")));
        assert!(matches!(read(json!({})), Read::Unreadable(reason) if reason.contains("`eventName`")));
        let insight = json!({"eventType": "AwsCloudTrailInsight", "eventName": "x", "eventSource": "y"});
        assert!(matches!(read(insight), Read::Other(Other::Insight)));
    }
}
