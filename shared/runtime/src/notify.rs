//! Mails through SNS, and the same to a chat.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use rules::{Alert, chat};

use crate::calls::CallError;
use crate::clients::{BadRegion, in_region};

/// How long a chat is waited for. With the longest wait for the mail it is within what a remedy leaves of the invocation's time.
const CHAT_TIME: Duration = Duration::from_secs(3);

/// Publishes alerts to one topic, and to a second one for a chat.
#[derive(Clone, Debug)]
pub struct Notifier {
    mail: Topic,
    chat: Option<Topic>,
}

#[derive(Clone, Debug)]
struct Topic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl Notifier {
    /// For a topic that may be in another region or account than the function.
    ///
    /// # Errors
    /// [`BadRegion`] if the ARN has no region to speak of.
    pub fn new(config: &SdkConfig, topic_arn: &str) -> Result<Self, BadRegion> {
        Ok(Self { mail: Topic::new(&of(config, topic_arn)?, topic_arn), chat: None })
    }

    /// With a second topic, which AWS's chat integration is subscribed to.
    ///
    /// # Errors
    /// As of [`Notifier::new`].
    pub fn and_chat(self, config: &SdkConfig, topic_arn: &str) -> Result<Self, BadRegion> {
        let timeouts = TimeoutConfig::builder().operation_timeout(CHAT_TIME).build();
        let config = of(config, topic_arn)?.into_builder().timeout_config(timeouts).build();
        Ok(Self { chat: Some(Topic::new(&config, topic_arn)), ..self })
    }

    /// Publishes an alert; once this returns, SNS has accepted it.
    ///
    /// # Errors
    /// [`CallError`] if SNS did not take it.
    pub async fn publish(&self, alert: &Alert) -> Result<(), CallError> {
        let request = self.mail.publish().subject(&alert.subject).message(&alert.body);
        request.send().await.map(drop).map_err(|error| CallError::new("Publish", &error))
    }

    /// Publishes an alert to the chat's topic, if there is one. That SNS has accepted it does not mean that the chat shows it.
    ///
    /// # Errors
    /// [`CallError`] if SNS did not take it within a few seconds.
    pub async fn chat(&self, alert: &Alert) -> Result<(), CallError> {
        let Some(topic) = &self.chat else { return Ok(()) };
        let request = topic.publish().message(chat::render(alert));
        request.send().await.map(drop).map_err(|error| CallError::new("Publish", &error))
    }
}

impl Topic {
    fn new(config: &SdkConfig, arn: &str) -> Self {
        Self { client: aws_sdk_sns::Client::new(config), arn: arn.to_owned() }
    }

    fn publish(&self) -> aws_sdk_sns::operation::publish::builders::PublishFluentBuilder {
        self.client.publish().topic_arn(&self.arn)
    }
}

/// The configuration for the region of a topic.
fn of(config: &SdkConfig, topic_arn: &str) -> Result<SdkConfig, BadRegion> {
    in_region(config, topic_arn.split(':').nth(3).unwrap_or_default())
}
