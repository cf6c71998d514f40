//! One attack, told by several events, that several functions take back at the same time or one after the other, in any order.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, also in its helpers")]

use access_key::AccessKey;
use aws_sdk_iam::Client;
use chrono::TimeDelta;
use iam_user::IamUser;
use runtime::Handled;
use serde_json::{Value, json};
use tests::{Process, Stage, event, unique};

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// What an attacker does: a user, a key, and all rights.
struct Attack {
    stage: Stage,
    iam: Client,
    name: String,
    /// `CreateUser`, `CreateAccessKey`, `AttachUserPolicy`.
    events: [Value; 3],
}

/// The functions that take it back, each with a process of its own.
struct Functions {
    iam_user: Process<IamUser>,
    access_key: Process<AccessKey>,
}

impl Attack {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let iam = Client::new(&stage.admin);
        let name = format!("mallory-{}", unique());
        let user = iam.create_user().user_name(&name).send().await.unwrap().user.unwrap();
        let key = iam.create_access_key().user_name(&name).send().await.unwrap().access_key.unwrap();
        iam.attach_user_policy().user_name(&name).policy_arn(ADMINISTRATOR).send().await.unwrap();
        let events = [
            event(
                "iam",
                "CreateUser",
                json!({"userName": name}),
                json!({"user": {"userName": name, "userId": user.user_id(), "arn": user.arn(), "path": "/"}}),
            ),
            event(
                "iam",
                "CreateAccessKey",
                json!({"userName": name}),
                json!({"accessKey": {"userName": name, "accessKeyId": key.access_key_id(), "status": "Active"}}),
            ),
            event("iam", "AttachUserPolicy", json!({"userName": name, "policyArn": ADMINISTRATOR}), Value::Null),
        ];
        Self { stage, iam, name, events }
    }

    /// New processes to which the events are `age` old.
    fn functions(&self, age: TimeDelta) -> Functions {
        Functions {
            iam_user: self.stage.process_ahead(IamUser::new, &[], age),
            access_key: self.stage.process_ahead(AccessKey::new, &[], age),
        }
    }

    async fn is_gone(&self) -> bool {
        let found = self.iam.get_user().user_name(&self.name).send().await;
        found.is_err_and(|error| error.into_service_error().is_no_such_entity_exception())
    }

    /// Expects that nothing ended as failed, by what was handled and by what was mailed.
    async fn expect_no_failure(&self, handled: &[Handled]) {
        for handled in handled {
            assert_eq!(handled.error, None, "{handled:#?}");
        }
        for mail in self.stage.mails().await {
            assert!(!mail.subject.starts_with("FAILED"), "{}\n{}", mail.subject, mail.body);
        }
    }
}

impl Functions {
    /// Hands an event to the function that EventBridge would hand it to.
    async fn handle(&self, event: &Value) -> Handled {
        match event["detail"]["eventName"].as_str() {
            Some("CreateAccessKey") => self.access_key.handle(event).await,
            _ => self.iam_user.handle(event).await,
        }
    }
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

#[tokio::test]
async fn in_every_order_and_twice_the_user_is_gone_and_nothing_fails() {
    for order in ORDERS {
        let attack = Attack::new().await;
        let functions = attack.functions(TimeDelta::minutes(5));
        let mut handled = Vec::new();
        for index in order.iter().chain(&order) {
            handled.push(functions.handle(&attack.events[*index]).await);
        }
        // And once more in other processes.
        let others = attack.functions(TimeDelta::minutes(10));
        for index in order {
            handled.push(others.handle(&attack.events[index]).await);
        }
        attack.expect_no_failure(&handled).await;
        assert!(attack.is_gone().await, "{order:?}");
    }
}

/// As it really is: young events, each with a process of its own, all at once.
#[tokio::test]
async fn all_at_once_the_user_is_gone_and_nothing_fails() {
    let attack = Attack::new().await;
    let functions: Vec<Functions> = attack.events.iter().map(|_| attack.functions(TimeDelta::zero())).collect();
    let (user, key, policy) = tokio::join!(
        Box::pin(functions[0].handle(&attack.events[0])),
        Box::pin(functions[1].handle(&attack.events[1])),
        Box::pin(functions[2].handle(&attack.events[2])),
    );
    attack.expect_no_failure(&[user, key, policy]).await;
    assert!(attack.is_gone().await);
}
