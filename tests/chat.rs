//! The second topic: what is mailed goes to a chat as well, in the format of AWS's chat integration.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use std::time::Duration;

use access_key::AccessKey;
use aws_config::SdkConfig;
use findings::Findings;
use iam_user::IamUser;
use role_trust::RoleTrust;
use root_activity::RootActivity;
use rules::Outcome::Alert;
use runtime::Guardrail;
use runtime::Verdict::{Unreadable, Violation};
use s3_public::S3Public;
use sandbox::{Fault, Mailbox};
use security_group::SecurityGroup;
use serde_json::{Value, json};
use tests::{ACCOUNT, Stage, event, publish, refused, unique};

/// The mails of a process whose alerts go to a chat, too.
struct Scene {
    stage: Stage,
    chat: Mailbox,
}

impl Scene {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let chat = Mailbox::create(&stage.admin, &format!("chat-{}", unique())).await.unwrap();
        Self { stage, chat }
    }

    fn settings(&self) -> [(&str, &str); 1] {
        [("CHAT_TOPIC_ARN", self.chat.topic_arn())]
    }

    async fn messages(&self) -> Vec<Value> {
        let messages = self.chat.receive(Duration::ZERO).await.unwrap();
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }
}

/// Root stops a trail, with a user agent that would call a whole channel.
fn stop_logging() -> Value {
    let mut event = event("cloudtrail", "StopLogging", json!({"name": "trail"}), Value::Null);
    event["detail"]["userIdentity"] = json!({"type": "Root", "principalId": ACCOUNT, "accountId": ACCOUNT,
        "arn": format!("arn:aws:iam::{ACCOUNT}:root"), "accessKeyId": "ASIAQRSTUVWXYZEXAMPL"});
    event["detail"]["userAgent"] = json!("<!channel> `<https://evil.example|AWS>`");
    event
}

#[tokio::test]
async fn a_chat_gets_what_is_mailed() {
    let scene = Scene::new().await;
    let process = scene.stage.process(|_| RootActivity::default(), &scene.settings());
    let ran = scene.stage.run(&process, &stop_logging()).await;
    ran.is(Violation, &[Alert], &[publish(), publish()]);
    assert_eq!(ran.handled.chat_error, None);
    let messages = scene.messages().await;
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((&message["version"], &message["source"]), (&json!("1.0"), &json!("custom")));
    let content = &message["content"];
    assert_eq!(content["textType"], "client-markdown");
    assert_eq!(content["title"].as_str().unwrap(), ran.mail().subject);
    let description = content["description"].as_str().unwrap();
    assert!(description.contains("WHAT HAPPENED") && description.contains("LEFT FOR YOU TO DO"), "{description}");
    assert!(ran.mail().body.contains("<!channel> `<https://evil.example|AWS>`"));
    assert!(description.contains("‹!channel› '‹https[:]//evil.example|AWS›'"), "{description}");
    // The only link is ours.
    let text = message.to_string();
    let links: Vec<&str> = text.match_indices("https://").map(|(start, _)| &text[start..start + 30]).collect();
    assert_eq!(links, ["https://us-east-1.console.aws."]);
}

/// Every function's role lets it tell the chat, whether it acts or not: what it can't read is told by each of them.
#[tokio::test]
async fn every_function_tells_the_chat() {
    let scene = Scene::new().await;
    told_by(&scene, AccessKey::new, "iam", "UpdateAccessKey").await;
    told_by(&scene, IamUser::new, "iam", "CreateUser").await;
    told_by(&scene, RoleTrust::new, "iam", "UpdateAssumeRolePolicy").await;
    told_by(&scene, S3Public::new, "s3", "PutBucketPolicy").await;
    told_by(&scene, SecurityGroup::new, "ec2", "AuthorizeSecurityGroupIngress").await;
    let without_a_rule =
        json!({"id": "x", "detail-type": "Config Rules Compliance Change", "source": "aws.config", "detail": {}});
    told_of(&scene, Findings::new, &without_a_rule).await;
}

async fn told_by<G: Guardrail>(scene: &Scene, new: fn(SdkConfig) -> G, service: &str, call: &str) {
    told_of(scene, new, &event(service, call, Value::Null, Value::Null)).await;
}

async fn told_of<G: Guardrail>(scene: &Scene, new: fn(SdkConfig) -> G, event: &Value) {
    for rollout in ["enforce", "observe"] {
        let process = scene.stage.process(new, &[scene.settings()[0], ("ROLLOUT", rollout)]);
        let ran = scene.stage.run(&process, event).await;
        ran.is(Unreadable, &[Alert], &[publish(), publish()]);
        assert_eq!(scene.messages().await.len(), 1, "{ran:#?}");
    }
}

#[tokio::test]
async fn without_a_second_topic_only_a_mail_goes_out() {
    let scene = Scene::new().await;
    let process = scene.stage.process(|_| RootActivity::default(), &[]);
    scene.stage.run(&process, &stop_logging()).await.is(Violation, &[Alert], &[publish()]);
    assert_eq!(scene.messages().await, [Value::Null; 0]);
}

/// Lambda would try again, and the mail would come twice. The error is in the log, and in a metric with an alarm.
#[tokio::test]
async fn a_chat_that_fails_costs_no_second_mail() {
    let scene = Scene::new().await;
    let process = scene
        .stage
        .process(|_| RootActivity::default(), &[("CHAT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:none")]);
    let event = stop_logging();
    let ran = scene.stage.run(&process, &event).await;
    ran.is(Violation, &[Alert], &[publish(), refused(publish(), 404)]);
    assert!(ran.handled.chat_error.as_ref().unwrap().to_string().contains("NotFound"), "{ran:#?}");
    let again = scene.stage.run(&process, &event).await;
    again.is(Violation, &[], &[]);
    assert!(again.handled.is_told_before);
}

/// A chat that hangs must not cost the time in which Lambda takes note that the event was dealt with.
#[tokio::test]
async fn a_chat_is_not_waited_for_long() {
    let scene = Scene::new().await;
    let process = scene.stage.process(|_| RootActivity::default(), &scene.settings());
    // The chat's call is the second one.
    let first = scene.stage.run(&process, &stop_logging()).await;
    assert_eq!(first.handled.chat_error, None);
    scene.stage.inject(Fault { code: None, times: 2, delay_seconds: 3.5, ..Fault::new("", "Publish", "") });
    let ran = scene.stage.run(&process, &stop_logging()).await;
    assert_eq!(ran.handled.error, None, "a mail is waited for");
    assert!(ran.handled.chat_error.is_some(), "{ran:#?}");
    assert!(ran.took < Duration::from_secs(10), "{ran:#?}");
}

/// What was not mailed was not told, and is not in the chat alone.
#[tokio::test]
async fn a_chat_gets_nothing_that_was_not_mailed() {
    let scene = Scene::new().await;
    let process = scene.stage.process(|_| RootActivity::default(), &scene.settings());
    let event = stop_logging();
    scene.stage.inject(Fault { status: 403, ..Fault::new("", "Publish", "AuthorizationError") });
    scene.stage.run(&process, &event).await.is_error(Violation, &[], &[refused(publish(), 403)]);
    assert_eq!(scene.messages().await, [Value::Null; 0]);
    scene.stage.run(&process, &event).await.is(Violation, &[Alert], &[publish(), publish()]);
    assert_eq!(scene.messages().await.len(), 1);
}
