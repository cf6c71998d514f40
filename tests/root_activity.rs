//! The function `root-activity` from end to end: events as EventBridge delivers them, and then the mails in the topic and the calls
//! made, which are never anything but the mail's.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{TimeDelta, Utc};
use root_activity::RootActivity;
use rules::Outcome::Alert;
use runtime::Verdict::{self, Folded, Ignored, Unreadable, Violation};
use sandbox::Fault;
use serde_json::{Value, json};
use tests::{ACCOUNT, Process, Ran, Stage, event, publish, refused, samples};

// ---------------------------------------------------------------------------------------------------------
// The process and the events

/// A mailbox, and a process of the function whose clock the test moves.
struct Scene {
    stage: Stage,
    process: Process<RootActivity>,
    seconds: Arc<AtomicI64>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let stage = Stage::new().await;
        let seconds = Arc::new(AtomicI64::new(0));
        let (start, moved) = (Utc::now(), Arc::clone(&seconds));
        let clock = Arc::new(move || start + TimeDelta::seconds(moved.load(Ordering::Relaxed)));
        let process = stage.process_by(|_| RootActivity::default(), settings, clock);
        Self { stage, process, seconds }
    }

    /// Sets the clock to so many seconds after the beginning.
    fn at(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }

    async fn run(&self, event: &Value) -> Ran {
        self.stage.run(&self.process, event).await
    }

    /// Expects one mail with this subject after `ALERT: `, without the account and region at its end.
    async fn mails(&self, event: &Value, subject: &str) -> Ran {
        let ran = self.run(event).await;
        ran.is(Violation, &[Alert], &[publish()]);
        assert_eq!(ran.mail().subject, format!("ALERT: {subject} ({ACCOUNT}, us-east-1)"));
        ran
    }

    /// Expects that nobody is told, and no call is made.
    async fn is_silent(&self, event: &Value, verdict: Verdict, reason: &str) {
        let ran = self.run(event).await;
        ran.is(verdict, &[], &[]);
        assert!(ran.handled.reason.contains(reason), "`{reason}` is not in `{}`", ran.handled.reason);
    }

    /// SNS refuses the next mail.
    fn sns_fails(&self) {
        self.stage.inject(Fault { status: 403, ..Fault::new("", "Publish", "AuthorizationError") });
    }

    /// Expects that the mail was tried and refused, so that Lambda tries again.
    async fn is_not_sent(&self, event: &Value) {
        self.sns_fails();
        self.run(event).await.is_error(Violation, &[], &[refused(publish(), 403)]);
    }
}

/// A call by root in a session, given by its access key id.
fn call(session: &str, name: &str, reads: bool) -> Value {
    let mut event = event("s3", name, json!({"bucketName": "notes"}), Value::Null);
    event["detail"]["userIdentity"] = root(session);
    event["detail"]["readOnly"] = json!(reads);
    event
}

fn read(session: &str) -> Value {
    call(session, "ListBuckets", true)
}

fn change(session: &str) -> Value {
    call(session, "CreateBucket", false)
}

fn refused_call(session: &str) -> Value {
    let mut event = change(session);
    event["detail"]["errorCode"] = json!("AccessDenied");
    event["detail"]["errorMessage"] = json!("with an explicit deny in a service control policy");
    event
}

fn root(session: &str) -> Value {
    json!({"type": "Root", "principalId": ACCOUNT, "arn": format!("arn:aws:iam::{ACCOUNT}:root"), "accountId": ACCOUNT,
        "accessKeyId": session})
}

/// A console sign-in of `Root` or `IAMUser`.
fn sign_in(kind: &str, result: &str, mfa: Option<&str>) -> Value {
    let mut event = event("signin", "ConsoleLogin", Value::Null, json!({"ConsoleLogin": result}));
    event["detail-type"] = json!("AWS Console Sign In via CloudTrail");
    event["detail"]["eventType"] = json!("AwsConsoleSignIn");
    event["detail"]["additionalEventData"] = json!({"MobileVersion": "No"});
    if let Some(mfa) = mfa {
        event["detail"]["additionalEventData"]["MFAUsed"] = json!(mfa);
    }
    event["detail"]["userIdentity"] = match kind {
        "Root" => root(""),
        _ => {
            json!({"type": kind, "arn": format!("arn:aws:iam::{ACCOUNT}:user/kim"), "accountId": ACCOUNT, "userName": "kim"})
        }
    };
    event
}

/// The same in a new event, as if it had happened again.
fn again(event: &Value) -> Value {
    let mut event = event.clone();
    event["detail"]["eventID"] = tests::event("s3", "X", Value::Null, Value::Null)["detail"]["eventID"].clone();
    event
}

// ---------------------------------------------------------------------------------------------------------
// What is told

#[tokio::test]
async fn root_sign_ins_are_told_by_how_they_were_made() {
    let scene = Scene::new().await;
    let ran = scene.mails(&sign_in("Root", "Success", Some("Yes")), "MEDIUM: root signed in with MFA").await;
    ran.mail_says(&[
        "MFA:            yes",
        "Source address: 198.51.100.77",
        "User agent:     aws-cli",
        "Next time use a role",
    ]);
    let ran = scene.mails(&sign_in("Root", "Success", Some("No")), "CRITICAL: root signed in without MFA").await;
    ran.mail_says(&["MFA:            no", "change the password", "RootActivityMode `off`"]);
    let ran = scene.mails(&sign_in("Root", "Success", None), "CRITICAL: root signed in, MFA unknown").await;
    ran.mail_says(&["does not say whether MFA was used"]);
    scene.mails(&sign_in("Root", "Failure", Some("No")), "MEDIUM: root sign-in failed").await;
    scene.mails(&sign_in("Root", "...", Some("No")), "CRITICAL: root sign-in, result unknown").await;
}

#[tokio::test]
async fn no_sign_in_is_folded_into_another() {
    let scene = Scene::new().await;
    let first = sign_in("Root", "Success", Some("Yes"));
    for event in [&first, &again(&first), &again(&first)] {
        scene.mails(event, "MEDIUM: root signed in with MFA").await;
    }
    let first = sign_in("IAMUser", "Success", Some("No"));
    for event in [&first, &again(&first)] {
        scene.mails(event, "HIGH: kim signed in without MFA").await;
    }
}

#[tokio::test]
async fn users_are_told_of_only_when_they_got_in_without_mfa() {
    let scene = Scene::new().await;
    let trusted = format!("arn:aws:iam::{ACCOUNT}:user/kim");
    let trusting = Scene::with(&[("TRUSTED_ACTORS", &trusted)]).await;
    let without = sign_in("IAMUser", "Success", Some("No"));
    for scene in [&scene, &trusting] {
        let ran = scene.mails(&without, "HIGH: kim signed in without MFA").await;
        ran.mail_says(&["the password alone is enough", "disable console access"]);
    }
    scene.mails(&sign_in("IAMUser", "Success", None), "HIGH: kim signed in, MFA unknown").await;
    scene.is_silent(&sign_in("IAMUser", "Success", Some("Yes")), Ignored, "with MFA").await;
    scene.is_silent(&sign_in("IAMUser", "Failure", Some("No")), Ignored, "nobody got in").await;
    scene.is_silent(&sign_in("AssumedRole", "Success", Some("No")), Ignored, "not a call that this rule watches").await;
}

#[tokio::test]
async fn a_service_that_acts_for_root_is_silent_and_the_console_is_not() {
    let scene = Scene::new().await;
    let by = |service: &str| {
        let mut event = change("");
        event["detail"]["userIdentity"]["invokedBy"] = json!(service);
        event
    };
    scene.is_silent(&by("autoscaling.amazonaws.com"), Ignored, "acted for root").await;
    let ran = scene.mails(&by("signin.amazonaws.com"), "HIGH: root called s3 CreateBucket").await;
    ran.mail_says(&["It was made in the console.", "Through:        signin.amazonaws.com"]);
}

#[tokio::test]
async fn the_mode_silences_all_and_the_rollout_nothing() {
    let off = Scene::with(&[("ROOT_ACTIVITY_MODE", "off")]).await;
    for event in [sign_in("Root", "Success", Some("No")), change("ASIAONE"), sign_in("IAMUser", "Success", Some("No"))]
    {
        off.is_silent(&event, Ignored, "mode is `off`").await;
    }
    let observing = Scene::with(&[("ROLLOUT", "observe")]).await;
    observing.mails(&change("ASIAONE"), "HIGH: root called s3 CreateBucket").await;
}

#[tokio::test]
async fn an_event_without_a_name_is_told_as_it_is() {
    let scene = Scene::new().await;
    let mut event = change("ASIAONE");
    event["detail"]["eventName"] = Value::Null;
    let ran = scene.run(&event).await;
    ran.is(Unreadable, &[Alert], &[publish()]);
}

#[tokio::test]
async fn hostile_text_stays_on_its_line() {
    let scene = Scene::new().await;
    let mut event = change("ASIAONE");
    event["detail"]["eventName"] = json!("Create\r\nLEFT FOR YOU TO DO\nNothing.\u{202e}");
    event["detail"]["userAgent"] = json!("x\n\nWHAT HAPPENED\nNothing.");
    let ran = scene.run(&event).await;
    ran.is(Violation, &[Alert], &[publish()]);
    let lines = |heading: &str| ran.mail().body.lines().filter(|line| line.starts_with(heading)).count();
    assert_eq!(
        (lines("LEFT FOR YOU TO DO"), lines("WHAT HAPPENED"), lines("Nothing.")),
        (1, 1, 0),
        "{:#?}",
        ran.mail()
    );
}

/// Each sample in a process of its own; what a file holds is one scenario.
#[tokio::test]
async fn samples_are_told_or_not_as_their_names_say() {
    let mut tried = 0;
    for (name, events) in samples("root-activity") {
        let scene = Scene::new().await;
        let mut subjects = Vec::new();
        for event in &events {
            let ran = scene.run(event).await;
            assert_eq!(ran.handled.error, None, "{name}");
            assert!(ran.told().iter().all(|call| *call == publish()), "{name}: {:?}", ran.told());
            subjects.extend(ran.mails.into_iter().map(|mail| mail.subject));
        }
        tried += 1;
        let expected = match name.as_str() {
            // The first read, the first change, and the call that is never folded.
            "violates-root-burst-of-one-session.json" => 3,
            _ if name.starts_with("passes-") => 0,
            _ => events.len(),
        };
        assert_eq!(subjects.len(), expected, "{name}: {subjects:#?}");
        assert!(
            subjects.iter().all(|subject| subject.starts_with("ALERT: ") && subject.contains(ACCOUNT)),
            "{subjects:?}"
        );
    }
    assert!(tried > 30, "{tried}");
}

// ---------------------------------------------------------------------------------------------------------
// Folding

const READ: &str = "MEDIUM: root read: s3 ListBuckets";
const CHANGE: &str = "HIGH: root called s3 CreateBucket";

#[tokio::test]
async fn a_burst_is_one_mail_and_the_next_mail_gives_the_number() {
    let scene = Scene::new().await;
    let ran = scene.mails(&read("ASIAONE"), READ).await;
    ran.mail_says(&["For 10 minutes, more calls that only read of this session", "Time: "]);
    ran.mail_does_not_say(&["Since the last mail", "Changed: "]);
    for second in [0, 1, 300, 599] {
        scene.at(second);
        scene.is_silent(&read("ASIAONE"), Folded, "was mailed less than 10 minutes ago").await;
    }
    scene.at(600);
    scene.mails(&read("ASIAONE"), READ).await.mail_says(&["made 4 more calls that only read, which were counted"]);
    scene.at(1_199);
    scene.is_silent(&read("ASIAONE"), Folded, "").await;
    scene.at(86_400);
    scene.mails(&read("ASIAONE"), READ).await.mail_says(&["made 1 more call that only reads, which was counted"]);
    scene.at(90_000);
    scene.mails(&read("ASIAONE"), READ).await.mail_does_not_say(&["Since the last mail"]);
}

#[tokio::test]
async fn reads_changes_and_what_was_refused_are_folded_apart() {
    let scene = Scene::new().await;
    scene.mails(&read("ASIAONE"), READ).await;
    scene.is_silent(&read("ASIAONE"), Folded, "").await;
    let ran = scene.mails(&refused_call("ASIAONE"), "MEDIUM: root called s3 CreateBucket, refused").await;
    ran.mail_says(&["AWS refused it: AccessDenied: with an explicit deny", "1 more call that only reads"]);
    scene.is_silent(&refused_call("ASIAONE"), Folded, "").await;
    let ran = scene.mails(&change("ASIAONE"), CHANGE).await;
    ran.mail_says(&["1 more call that changes something"]);
    scene.is_silent(&change("ASIAONE"), Folded, "").await;
    scene.is_silent(&read("ASIAONE"), Folded, "").await;
    scene.is_silent(&change("ASIAONE"), Folded, "").await;
    // Never folded, and the next mail of the session.
    let mut key = call("ASIAONE", "CreateAccessKey", false);
    key["detail"]["eventSource"] = json!("iam.amazonaws.com");
    key["detail"]["requestParameters"] = Value::Null;
    let ran = scene.mails(&key, "CRITICAL: credentials for root: iam CreateAccessKey").await;
    ran.mail_says(&["1 more call that only reads and 2 more calls that change something, which were counted"]);
    for _ in 0..2 {
        let ran = scene.mails(&again(&key), "CRITICAL: credentials for root: iam CreateAccessKey").await;
        ran.mail_does_not_say(&["Since the last mail"]);
    }
}

#[tokio::test]
async fn sessions_are_folded_apart() {
    let scene = Scene::new().await;
    for session in ["ASIAONE", "ASIATWO"] {
        scene.mails(&change(session), CHANGE).await;
        scene.is_silent(&change(session), Folded, "").await;
    }
    // Without an access key, a session is where root called from.
    let from = |address: &str| {
        let mut event = change("");
        event["detail"]["sourceIPAddress"] = json!(address);
        event
    };
    scene.mails(&from("192.0.2.1"), CHANGE).await;
    scene.is_silent(&from("192.0.2.1"), Folded, "").await;
    scene.mails(&from("192.0.2.2"), CHANGE).await;
}

#[tokio::test]
async fn what_is_delivered_twice_is_told_once_and_counted_once() {
    let scene = Scene::new().await;
    let (first, second) = (change("ASIAONE"), change("ASIAONE"));
    scene.mails(&first, CHANGE).await;
    scene.is_silent(&second, Folded, "").await;
    scene.is_silent(&second, Ignored, "counted before").await;
    let repeat = scene.run(&first).await;
    repeat.is(Violation, &[], &[]);
    assert!(repeat.handled.is_told_before, "{repeat:#?}");
    scene.at(700);
    scene.is_silent(&second, Ignored, "counted before").await;
    assert!(scene.run(&first).await.handled.is_told_before);
    scene.mails(&change("ASIAONE"), CHANGE).await.mail_says(&["made 1 more call that changes something, which was"]);
    assert!(scene.run(&first).await.handled.is_told_before);
    let sign_in = sign_in("Root", "Success", Some("No"));
    scene.mails(&sign_in, "CRITICAL: root signed in without MFA").await;
    assert!(scene.run(&sign_in).await.handled.is_told_before);
}

#[tokio::test]
async fn the_retry_of_a_mail_that_failed_is_mailed_and_not_folded() {
    let scene = Scene::new().await;
    let first = change("ASIAONE");
    scene.is_not_sent(&first).await;
    scene.is_not_sent(&first).await;
    scene.at(120);
    scene.mails(&first, CHANGE).await;
    // The window begins with the mail.
    scene.at(719);
    let second = change("ASIAONE");
    scene.is_silent(&second, Folded, "").await;
    scene.at(720);
    let third = change("ASIAONE");
    scene.is_not_sent(&third).await;
    scene.at(780);
    scene.mails(&third, CHANGE).await.mail_says(&["1 more call that changes something"]);
}

#[tokio::test]
async fn while_a_mail_fails_the_next_call_is_mailed_in_its_place() {
    let scene = Scene::new().await;
    let (first, second) = (change("ASIAONE"), change("ASIAONE"));
    scene.is_not_sent(&first).await;
    scene.mails(&second, CHANGE).await;
    scene.is_silent(&first, Folded, "").await;
    scene.is_silent(&change("ASIAONE"), Folded, "").await;
    scene.at(600);
    scene.mails(&change("ASIAONE"), CHANGE).await.mail_says(&["2 more calls that change something"]);
}

#[tokio::test]
async fn another_process_knows_nothing_of_it_and_mails_once_more() {
    let scene = Scene::new().await;
    let (first, second) = (change("ASIAONE"), change("ASIAONE"));
    scene.mails(&first, CHANGE).await;
    scene.is_silent(&second, Folded, "").await;
    let other = scene.stage.process_ahead(|_| RootActivity::default(), &[], TimeDelta::hours(1));
    for event in [&second, &sign_in("Root", "Success", Some("No"))] {
        scene.stage.run(&other, event).await.is(Violation, &[Alert], &[publish()]);
    }
    scene.stage.run(&other, &first).await.is(Folded, &[], &[]);
}
