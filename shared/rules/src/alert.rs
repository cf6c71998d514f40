//! The mail that a person gets.
//!
//! Plain text. The subject leads with the outcome; the body answers what happened, what was done, what is left to do, who, when,
//! where, and how to allow it. Whatever comes from the event goes through [`crate::text::quote`], and no link is built from it but
//! the one to CloudTrail, from an event id of the form that AWS gives and a region's name.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::config::Behind;
use crate::event::{Event, Origin, Unreadable};
use crate::language::{Language, Localized};
use crate::say;
use crate::settings::{Mode, Rollout, Settings};
use crate::text::{ascii, quote};

/// The longest subject that SNS takes, in characters (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).
pub const LONGEST_SUBJECT: usize = 100;

/// How much of a subject account and region may take.
const LONGEST_PLACE: usize = 40;

/// The most AWS calls that a body shows.
const MOST_STEPS: usize = 30;

/// The most lines that one part of a body shows of a list.
const MOST_LINES: usize = 40;

/// The longest line of a body, in characters.
const LONGEST_LINE: usize = 2_000;

/// The longest body, in bytes: SNS takes 256 KiB, the subject and its own fields included.
const LONGEST_BODY: usize = 200 * 1024;

/// How it stands, in the first word of the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Every planned effect was seen afterwards.
    Reverted,
    /// The exposure is shut, which was seen, but tidying up isn't finished.
    Contained,
    /// The exposure may still be there.
    Failed,
    /// Nothing was changed, or older openings than this event's remain.
    Alert,
}

impl Outcome {
    /// The words that a subject begins with.
    pub fn words(self) -> &'static str {
        match self {
            Self::Reverted => "REVERTED",
            Self::Contained => "CONTAINED",
            Self::Failed => "FAILED - ACT NOW",
            Self::Alert => "ALERT",
        }
    }
}

/// How bad it is, where the outcome does not say it: what snapback can't take back is an `ALERT` in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing, and often right.
    Low,
    /// Worth looking at today.
    Medium,
    /// Worth looking at now.
    High,
    /// The account itself may be in other hands.
    Critical,
}

impl Severity {
    /// The word in the subject.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// One AWS call that was made, and how it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The API's name for it, such as `RevokeSecurityGroupIngress`.
    pub call: &'static str,
    /// What it was about: names and ids, the wider thing first, such as a group's and a rule's. No words, since it stands in a mail of any
    /// language. Empty for the account itself, or for all there are.
    pub target: String,
    /// What it gave, in the mail's language, or the error with its causes.
    pub result: Result<String, String>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// What happened and what was done about it, ready to be put into words.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The language of its lines, but for the headline, which is English.
    pub language: Language,
    /// How it stands.
    pub outcome: Outcome,
    /// How bad it is, where the outcome does not say it.
    pub severity: Option<Severity>,
    /// The rest of the subject: what, where.
    pub headline: String,
    /// What went wrong, if a step failed: the body says it first, and the log.
    pub problem: Option<Localized>,
    /// What happened, to what.
    pub happened: Vec<String>,
    /// What was done about it, or why nothing.
    pub done: Vec<String>,
    /// The AWS calls, in order.
    pub steps: Vec<Step>,
    /// What is left for a person to do; empty if nothing is.
    pub left: Vec<String>,
    /// How to allow this the next time.
    pub to_allow: Vec<String>,
    /// The changes that were planned, for the log: a line each.
    pub actions: Vec<String>,
    /// When the exposure was closed, if we closed it.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Said where the invocation ends in an error.
pub fn tries_again(language: Language) -> String {
    say!(
        language,
        "Unless this was the third try, Lambda tries again; what then is still open is mailed again.",
        "今回が 3 回目の試行でなければ Lambda が再試行し、その時点でまだ残っているものを改めてメールで通知します。"
    )
}

impl Report {
    /// A report with nothing but an outcome and the rest of the subject.
    pub fn new(language: Language, outcome: Outcome, headline: impl Into<String>) -> Self {
        Self {
            language,
            outcome,
            severity: None,
            headline: headline.into(),
            problem: None,
            happened: Vec::new(),
            done: Vec::new(),
            steps: Vec::new(),
            left: Vec::new(),
            to_allow: Vec::new(),
            actions: Vec::new(),
            closed_at: None,
        }
    }

    /// Says that nothing was changed, by which setting, and begins to tell what would have been: the lines behind it are the caller's.
    /// `parameter` is the mode's.
    pub(crate) fn say_withheld(&mut self, event: &Event, settings: &Settings, parameter: &str) {
        let language = self.language;
        let only_finds = event.origin != Origin::CloudTrail && settings.config_findings == Mode::Alert;
        let is_observed = settings.rollout == Rollout::Observe;
        self.done.push(if only_finds && is_observed {
            say!(
                language,
                "Nothing was changed, because ConfigFindings is `alert` and Rollout is `observe`. With `revert` there and in {parameter}, and with \
                 `enforce`, it would have:",
                "ConfigFindings が `alert`、Rollout が `observe` のため、何も変更していません。ConfigFindings と {parameter} がともに `revert` で、\
                 Rollout が `enforce` であれば次の操作を行っていました:"
            )
        } else if is_observed {
            self.headline = format!("would have reverted: {}", self.headline);
            say!(
                language,
                "Nothing was changed, because Rollout is `observe`. With `enforce` it would have:",
                "Rollout が `observe` のため、何も変更していません。`enforce` であれば次の操作を行っていました:"
            )
        } else if only_finds {
            say!(
                language,
                "Nothing was changed, because ConfigFindings is `alert`. With `revert` there and in {parameter} it would have:",
                "ConfigFindings が `alert` のため、何も変更していません。ConfigFindings と {parameter} がともに `revert` であれば次の操作を行っていました:"
            )
        } else {
            say!(
                language,
                "Nothing was changed, because {parameter} is `alert`. With `revert` it would have:",
                "{parameter} が `alert` のため、何も変更していません。`revert` であれば次の操作を行っていました:"
            )
        });
    }

    /// Says that the account could not be read, and why, so that nothing was done.
    pub(crate) fn say_not_read(&mut self, problem: &Localized) {
        self.problem = Some(Localized::new(|language| {
            let problem = problem.of(language);
            say!(
                language,
                "The account could not be read, so nothing was changed: {problem}",
                "アカウントを読み取れなかったため、何も変更していません: {problem}"
            )
        }));
        self.done.push(say!(
            self.language,
            "Nothing: the account could not be read.",
            "アカウントを読み取れなかったため、何もしていません。"
        ));
    }
}

/// The setting that allows an actor everything, for `to_allow`; `None` for an actor who can't be trusted.
pub fn allow_actor(event: &Event, language: Language) -> Option<String> {
    let arn = event.actor.principal_arn().filter(|arn| arn.starts_with("arn:"))?;
    let arn = quote(arn);
    Some(say!(
        language,
        "For this actor, add to the setting TrustedActors: {arn}",
        "この実行者を許可するには、設定 TrustedActors に次の ARN を追加してください: {arn}"
    ))
}

/// For `to_allow`, where nothing narrower than switching the rule off would help.
pub fn nothing_allows(language: Language) -> String {
    say!(language, "No setting allows just this.", "これだけを許可する設定はありません。")
}

/// That an AWS call failed, with AWS's code and message.
pub fn call_failed(call: &str, detail: &str) -> Localized {
    Localized::new(|language| say!(language, "`{call}` failed: {detail}", "`{call}` が失敗しました: {detail}"))
}

/// That a remedy's time was over before it was.
pub fn time_ran_out() -> Localized {
    Localized::new(|language| say!(language, "the time for it ran out", "制限時間を超えました"))
}

/// A mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// ASCII, at most [`LONGEST_SUBJECT`] characters.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// The one link in it, to the event in CloudTrail's event history.
    pub link: Option<String>,
}

/// The report on an event that could not be understood.
pub fn unreadable(unreadable: &Unreadable, language: Language) -> Report {
    let event = &unreadable.event;
    let name = if event.name.is_empty() { "an event" } else { &event.name };
    let mut report = Report::new(language, Outcome::Alert, format!("{name} could not be read"));
    let missing = quote(unreadable.missing.of(language));
    report.happened = vec![
        say!(
            language,
            "An event came that snapback watches for, in a form that it could not read: {missing}.",
            "snapback の監視対象のイベントが届きましたが、読み取れない形式でした: {missing}。"
        ),
        say!(
            language,
            "Whether it opened anything is not known.",
            "このイベントで何かが開放されたかどうかはわかりません。"
        ),
    ];
    report.happened.splice(0..0, found(event, language));
    report.done.push(say!(
        language,
        "Nothing was changed, because the event could not be read.",
        "イベントを読み取れなかったため、何も変更していません。"
    ));
    report.left.push(if event.origin != Origin::CloudTrail {
        say!(language, "Look at the resource and judge it by hand.", "リソースを確認し、手動で判断してください。")
    } else {
        say!(
            language,
            "Look the event up in CloudTrail and judge it by hand.",
            "CloudTrail でこのイベントを確認し、手動で判断してください。"
        )
    });
    report
}

/// The report on what a rule of AWS Config found of which it could not be learned what it looks for.
pub fn rule_not_known(event: &Event, problem: &Localized, language: Language, steps: Vec<Step>) -> Report {
    let mut report = Report::new(language, Outcome::Failed, "a finding of AWS Config could not be looked at");
    report.happened.extend(found(event, language));
    report.say_not_read(problem);
    report.left.push(say!(language, "Look at the resource by hand.", "リソースを手動で確認してください。"));
    report.left.push(tries_again(language));
    report.steps = steps;
    report
}

/// What a finding says, in a line, for `happened`; `None` of a call.
pub fn found(event: &Event, language: Language) -> Option<String> {
    match &event.origin {
        Origin::CloudTrail => None,
        Origin::Config(change) => {
            let (rule, kind) = (quote(&change.rule_name), quote(&change.resource_type));
            let resource = quote(&change.resource_id);
            Some(say!(
                language,
                "The rule {rule} of AWS Config found {kind} {resource} non-compliant.",
                "AWS Config のルール {rule} が {kind} {resource} を非準拠と判定しました。"
            ))
        }
        Origin::AccessAnalyzer(access) => {
            let (kind, resource) = (quote(&access.resource_type), quote(&access.resource));
            if let Some(error) = access.error.as_deref().map(quote) {
                return Some(say!(
                    language,
                    "IAM Access Analyzer could not analyze {kind} {resource}: {error}. Who can reach it is not known.",
                    "IAM Access Analyzer が {kind} {resource} を分析できませんでした: {error}。誰がアクセスできるかは不明です。"
                ));
            }
            Some(say!(
                language,
                "IAM Access Analyzer found that somebody outside can reach {kind} {resource}.",
                "IAM Access Analyzer が、外部から {kind} {resource} にアクセスできることを検出しました。"
            ))
        }
    }
}

/// Puts a report into words.
pub fn render(report: &Report, event: &Event) -> Alert {
    let place = match (&event.account, &event.region) {
        (Some(account), Some(region)) => format!(" ({account}, {region})"),
        (Some(place), None) | (None, Some(place)) => format!(" ({place})"),
        (None, None) => String::new(),
    };
    let place = ascii(&place, LONGEST_PLACE);
    let words = match report.severity {
        Some(severity) => format!("{}: {}", report.outcome.words(), severity.word()),
        None => report.outcome.words().to_owned(),
    };
    let room = LONGEST_SUBJECT.saturating_sub(words.len() + 2 + place.len());
    let subject = format!("{words}: {}{place}", ascii(&report.headline, room));

    let language = report.language;
    let unknown = || say!(language, "not in the event", "イベントに記録なし");
    let or_unknown = |value: &Option<String>| value.as_deref().map_or_else(unknown, quote);
    let mut body = Body::new(language);
    if let Some(problem) = &report.problem {
        body.part(&say!(language, "A STEP FAILED", "【失敗した処理】"), [quote(problem.of(language))]);
    }
    body.part(&say!(language, "WHAT HAPPENED", "【発生した事象】"), report.happened.clone());
    let steps = report.steps.iter().enumerate();
    // Of many, the first and the last: where it began, and what came of it.
    let last = report.steps.len().saturating_sub(MOST_STEPS / 2);
    let cut = report.steps.len().checked_sub(MOST_STEPS).filter(|more| *more > 0);
    let cut = cut.map(|more| say!(language, "     … {more} more calls", "     … ほか {more} 件の呼び出し"));
    let steps = steps.filter(|(index, _)| *index < MOST_STEPS / 2 || *index >= last).map(|(index, step)| {
        let result = match &step.result {
            Ok(result) => result.clone(),
            // IAM's word for what is not there: an answer like others to a read, and what was wanted to a deletion.
            Err(error) if error.starts_with("NoSuchEntity") => {
                let error = quote(error);
                say!(language, "not there ({error})", "存在しません ({error})")
            }
            Err(error) => {
                let error = quote(error);
                say!(language, "FAILED: {error}", "失敗: {error}")
            }
        };
        let (number, call, millis) = (index + 1, step.call, step.millis);
        let target = if step.target.is_empty() { String::new() } else { format!(" {}", quote(&step.target)) };
        say!(
            language,
            "  {number}. {call}{target}: {result} ({millis} ms)",
            "  {number}. {call}{target}: {result} ({millis} ミリ秒)"
        )
    });
    body.part(&say!(language, "WHAT SNAPBACK DID", "【snapback の対応】"), report.done.clone());
    if !report.steps.is_empty() {
        body.part(&say!(language, "AWS CALLS", "【AWS API の呼び出し】"), steps.chain(cut));
    }
    let left = match report.left.as_slice() {
        [] => vec![say!(language, "Nothing.", "ありません。")],
        left => left.to_vec(),
    };
    body.part(&say!(language, "LEFT FOR YOU TO DO", "【残っている作業】"), left);
    body.part(&say!(language, "WHO", "【実行者】"), who(event, language));
    let time = match event.time {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
        None if event.time_text.is_empty() => unknown(),
        None => quote(&event.time_text),
    };
    let is_change =
        event.error.is_none() && event.read_only != Some(true) && !event.kind.eq_ignore_ascii_case("AwsConsoleSignIn");
    let mut when = vec![if event.origin != Origin::CloudTrail {
        say!(language, "Found:   {time}", "検出日時: {time}")
    } else if is_change {
        say!(language, "Changed: {time}", "変更日時: {time}")
    } else {
        say!(language, "Time: {time}", "日時: {time}")
    }];
    if let Some(closed) = report.closed_at {
        let seconds = event.time.map(|time| (closed - time).num_seconds().max(0));
        let closed = closed.to_rfc3339_opts(SecondsFormat::Secs, true);
        when.push(match seconds {
            Some(seconds) if event.origin != Origin::CloudTrail => say!(
                language,
                "Closed:  {closed}, {seconds} seconds after it was found",
                "解消日時: {closed} (検出の {seconds} 秒後)"
            ),
            Some(seconds) => say!(
                language,
                "Closed:  {closed}, {seconds} seconds after the change",
                "解消日時: {closed} (変更の {seconds} 秒後)"
            ),
            None => say!(language, "Closed:  {closed}", "解消日時: {closed}"),
        });
    }
    body.part(&say!(language, "WHEN", "【日時】"), when);
    let (account, region) = (or_unknown(&event.account), or_unknown(&event.region));
    body.part(
        &say!(language, "WHERE", "【場所】"),
        [
            say!(language, "Account: {account}", "アカウント: {account}"),
            say!(language, "Region:  {region}", "リージョン: {region}"),
        ],
    );
    let name = match event.name.as_str() {
        "" => say!(language, "without a name", "名前なし"),
        name => quote(name),
    };
    let id = or_unknown(&event.id);
    let (title, told) = told_by(event, language);
    let mut record = vec![
        say!(language, "Event:   {name}", "イベント: {name}"),
        say!(language, "Id:      {id}", "イベント ID: {id}"),
    ];
    let link = console_link(event);
    record.extend(told);
    record.extend(link.as_ref().map(|link| say!(language, "Console: {link}", "コンソール: {link}")));
    body.part(title, record);
    if !report.to_allow.is_empty() {
        let title = say!(language, "TO ALLOW THIS THE NEXT TIME", "【次回から許可するには】");
        body.part(&title, report.to_allow.clone());
    }
    Alert { subject, body: body.finish(), link }
}

/// The title of the part on who tells of an event, and what that tells besides its name and id.
fn told_by(event: &Event, language: Language) -> (&'static str, Vec<String>) {
    match &event.origin {
        Origin::CloudTrail => (say_title(language, "CLOUDTRAIL", "【CloudTrail】"), Vec::new()),
        Origin::Config(change) => {
            let name = quote(&change.rule_name);
            let mut lines = vec![say!(language, "Rule:    {name}", "ルール: {name}")];
            lines.extend(match &change.behind {
                Some(Behind::Managed { identifier, .. }) => {
                    let identifier = quote(identifier);
                    Some(say!(language, "Managed: {identifier}", "マネージドルール: {identifier}"))
                }
                Some(Behind::Custom) => {
                    Some(say!(language, "Managed: no, a custom rule", "マネージドルール: いいえ (カスタムルール)"))
                }
                Some(Behind::Gone) | None => None,
            });
            lines.extend(
                change.annotation.as_deref().map(quote).map(|says| say!(language, "It says: {says}", "注釈: {says}")),
            );
            (say_title(language, "AWS CONFIG", "【AWS Config】"), lines)
        }
        Origin::AccessAnalyzer(access) => {
            let id = quote(&access.finding_id);
            (
                say_title(language, "IAM ACCESS ANALYZER", "【IAM Access Analyzer】"),
                vec![say!(language, "Finding: {id}", "検出結果 ID: {id}")],
            )
        }
    }
}

fn say_title(language: Language, english: &'static str, japanese: &'static str) -> &'static str {
    match language {
        Language::English => english,
        Language::Japanese => japanese,
    }
}

/// The lines on who did it.
fn who(event: &Event, language: Language) -> Vec<String> {
    if event.origin != Origin::CloudTrail {
        return vec![say!(
            language,
            "Not known: the finding does not tell. CloudTrail's event history for the resource does.",
            "不明です。検出結果には実行者が記録されていません。CloudTrail のイベント履歴でこのリソースを検索すると確認できます。"
        )];
    }
    let unknown = || say!(language, "not in the event", "イベントに記録なし");
    let or_unknown = |value: &Option<String>| value.as_deref().map_or_else(unknown, quote);
    let kind = match event.actor.kind.as_str() {
        "" => String::new(),
        kind => format!(" ({})", quote(kind)),
    };
    let (arn, address) = (or_unknown(&event.actor.arn), or_unknown(&event.source_ip));
    let (agent, key) = (or_unknown(&event.user_agent), or_unknown(&event.actor.access_key_id));
    let mfa = match event.actor.mfa {
        Some(true) => say!(language, "yes", "あり"),
        Some(false) => say!(language, "no", "なし"),
        None => unknown(),
    };
    let mut who = vec![
        say!(language, "Actor:          {arn}{kind}", "プリンシパル: {arn}{kind}"),
        say!(language, "Source address: {address}", "送信元アドレス: {address}"),
        say!(language, "User agent:     {agent}", "ユーザーエージェント: {agent}"),
        say!(language, "MFA:            {mfa}", "MFA: {mfa}"),
        say!(language, "Access key id:  {key}", "アクセスキー ID: {key}"),
    ];
    if let Some(service) = event.actor.invoked_by.as_deref().map(quote) {
        who.push(say!(language, "Through:        {service}", "経由したサービス: {service}"));
    }
    who
}

/// The text of a mail as it grows.
struct Body {
    language: Language,
    text: String,
}

impl Body {
    fn new(language: Language) -> Self {
        Self { language, text: String::new() }
    }

    fn part(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(title);
        self.text.push('\n');
        let lines: Vec<String> = lines.into_iter().collect();
        for line in lines.iter().take(MOST_LINES) {
            self.text.extend(line.chars().take(LONGEST_LINE));
            if let Some(more) = line.chars().count().checked_sub(LONGEST_LINE).filter(|more| *more > 0) {
                let note = say!(self.language, "… and {more} more characters", "… (以下 {more} 文字を省略)");
                self.text.push_str(&note);
            }
            self.text.push('\n');
        }
        if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
            self.text.push_str(&say!(self.language, "… and {more} more lines\n", "… (ほか {more} 行を省略)\n"));
        }
    }

    fn finish(mut self) -> String {
        if self.text.len() > LONGEST_BODY {
            self.text.truncate(self.text.floor_char_boundary(LONGEST_BODY));
            self.text.push_str(&say!(
                self.language,
                "\n… cut: the whole would be longer than a mail may be\n",
                "\n… (省略: 全文はメールの上限を超えます)\n"
            ));
        }
        self.text
    }
}

/// The event in CloudTrail's event history. `None` unless id and region have the form that AWS gives them.
fn console_link(event: &Event) -> Option<String> {
    if event.origin != Origin::CloudTrail {
        return None;
    }
    let id = event.id.as_deref().filter(|id| {
        let groups: Vec<&str> = id.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        lengths == [8, 4, 4, 4, 12] && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
    })?;
    let region = event.region.as_deref().filter(|region| {
        region.len() <= 30
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })?;
    let console = match region.split('-').next() {
        Some("cn") => "console.amazonaws.cn".to_owned(),
        _ if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com".to_owned(),
        _ => format!("{region}.console.aws.amazon.com"),
    };
    Some(format!("https://{console}/cloudtrailv2/home?region={region}#/events/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use serde_json::json;

    fn event(id: &str, region: &str) -> Event {
        parse(&json!({"eventName": "X", "eventSource": "ec2.amazonaws.com", "eventID": id, "awsRegion": region}))
            .unwrap()
    }

    #[test]
    fn a_link_is_made_of_well_formed_parts_only() {
        let id = "9fd68588-ecbf-4528-a345-199fa6bb0821";
        assert_eq!(
            console_link(&event(id, "eu-west-1")).unwrap(),
            "https://eu-west-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-west-1#/events/9fd68588-ecbf-4528-a345-199fa6bb0821"
        );
        assert_eq!(console_link(&event("9fd68588", "eu-west-1")), None);
        assert_eq!(console_link(&event(&format!("{id}#"), "eu-west-1")), None);
        assert_eq!(console_link(&event(id, "evil.example/")), None);
        assert_eq!(console_link(&event(id, "...")), None);
    }

    #[test]
    fn attackers_text_stays_on_its_line() {
        let raw = json!({"eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com",
            "userAgent": "curl\n\nLEFT FOR YOU TO DO\nClick https://evil.example\u{202e}",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/\r\nREVERTED"}});
        let event = parse(&raw).unwrap();
        let lost =
            Unreadable { missing: Localized::verbatim("no `groupId`\nREVERTED"), event: Box::new(event.clone()) };
        for (language, heading) in
            [(Language::English, "LEFT FOR YOU TO DO"), (Language::Japanese, "【残っている作業】")]
        {
            let alert = render(&unreadable(&lost, language), &event);
            assert_eq!(alert.body.lines().filter(|line| *line == heading).count(), 1);
            assert!(!alert.body.lines().any(|line| line.starts_with("REVERTED") || line.starts_with("Click")));
            assert!(!alert.body.contains('\u{202e}'));
            assert!(alert.subject.is_ascii() && alert.subject.len() <= LONGEST_SUBJECT);
            assert!(alert.subject.starts_with("ALERT: "));
        }
    }

    #[test]
    fn whatever_happens_sns_takes_the_mail() {
        let event = event("e-1", "eu-west-1");
        let lines = || vec!["開".repeat(100_000); 1_000];
        for (language, is_cut) in [
            (Language::English, "cut: the whole would be longer"),
            (Language::Japanese, "全文はメールの上限を超えます"),
        ] {
            let report = Report {
                language,
                outcome: Outcome::Failed,
                severity: Some(Severity::Critical),
                headline: "開".repeat(1_000),
                problem: Some(Localized::verbatim("x".repeat(1_000_000))),
                happened: lines(),
                done: lines(),
                steps: Vec::new(),
                left: lines(),
                to_allow: lines(),
                actions: Vec::new(),
                closed_at: None,
            };
            let mail = render(&report, &event);
            assert!(mail.body.len() < 256 * 1024 - 1024, "{} bytes", mail.body.len());
            assert!(mail.body.contains(is_cut) && mail.subject.len() <= LONGEST_SUBJECT);
        }
    }

    /// The limit is in bytes, and what is over it ends between two characters, wherever they begin.
    #[test]
    fn a_text_of_wide_characters_is_cut_between_two() {
        for before in ["", "a", "ab"] {
            let mut body = Body::new(Language::Japanese);
            for _ in 0..=LONGEST_BODY / (3 * LONGEST_LINE) {
                body.part(before, ["開".repeat(LONGEST_LINE), "開".to_owned()]);
            }
            let body = body.finish();
            let kept = body.strip_suffix("\n… (省略: 全文はメールの上限を超えます)\n").unwrap();
            assert!((LONGEST_BODY - 2..=LONGEST_BODY).contains(&kept.len()), "{}", kept.len());
        }
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let mut body = Body::new(Language::English);
        body.part("T", (0..100).map(|line| line.to_string()));
        assert_eq!(body.text.lines().count(), MOST_LINES + 2);
        assert!(body.text.ends_with("… and 60 more lines\n"));
    }
}
