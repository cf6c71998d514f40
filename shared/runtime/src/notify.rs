//! Mails through SNS.

use aws_config::SdkConfig;
use rules::Alert;

use crate::calls::CallError;
use crate::clients::{BadRegion, in_region};

/// Publishes alerts to one topic.
#[derive(Clone, Debug)]
pub struct Notifier {
    client: aws_sdk_sns::Client,
    topic_arn: String,
}

impl Notifier {
    /// For a topic that may be in another region or account than the function.
    ///
    /// # Errors
    /// [`BadRegion`] if the ARN has no region to speak of.
    pub fn new(config: &SdkConfig, topic_arn: &str) -> Result<Self, BadRegion> {
        let region = topic_arn.split(':').nth(3).unwrap_or_default();
        let client = aws_sdk_sns::Client::new(&in_region(config, region)?);
        Ok(Self { client, topic_arn: topic_arn.to_owned() })
    }

    /// Publishes an alert; once this returns, SNS has accepted it.
    ///
    /// # Errors
    /// [`CallError`] if SNS did not take it.
    pub async fn publish(&self, alert: &Alert) -> Result<(), CallError> {
        let request = self.client.publish().topic_arn(&self.topic_arn).subject(&alert.subject).message(&alert.body);
        request.send().await.map(drop).map_err(|error| CallError::new("Publish", &error))
    }
}
