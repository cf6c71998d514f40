//! A topic whose messages can be read back, in place of an email subscription.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

/// The longest single wait for a message. Shorter than what a client's timeouts may allow for one call.
const POLL: Duration = Duration::from_secs(1);
/// The pause between two looks where less than a second, the unit of SQS, is left to wait.
const PAUSE: Duration = Duration::from_millis(50);

/// Why the mailbox could not be used. Each message finishes the sentence "failed to …".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// A call to SNS or SQS failed.
    #[error("{what} for the mailbox")]
    Call {
        /// What was being done.
        what: &'static str,
        /// The SDK's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A message in the queue is none of the topic's notifications, or an answer lacks a field.
    #[error("understand `{what}` in the mailbox")]
    Malformed {
        /// What it is.
        what: String,
    },
}

/// A message as a reader of the mail sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mail {
    /// The subject; empty if there is none.
    #[serde(rename = "Subject", default)]
    pub subject: String,
    /// The text.
    #[serde(rename = "Message")]
    pub body: String,
}

/// An SNS topic, and an SQS queue that is subscribed to it.
#[derive(Debug)]
pub struct Mailbox {
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    topic_arn: String,
    queue_url: String,
    subscription_arn: String,
}

impl Mailbox {
    /// Creates topic and queue, both called `name`, and the subscription.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn create(config: &SdkConfig, name: &str) -> Result<Self, MailboxError> {
        let sns = aws_sdk_sns::Client::new(config);
        let topic = sns.create_topic().name(name).send().await.map_err(failed("create the topic"))?;
        let topic_arn = present(topic.topic_arn, "CreateTopic")?;
        Self::subscribe(config, &topic_arn, name).await
    }

    /// Subscribes a new queue called `name` to an existing topic.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn subscribe(config: &SdkConfig, topic_arn: &str, name: &str) -> Result<Self, MailboxError> {
        let sns = aws_sdk_sns::Client::new(config);
        let sqs = aws_sdk_sqs::Client::new(config);
        let queue = sqs.create_queue().queue_name(name).send().await.map_err(failed("create the queue"))?;
        let queue_url = present(queue.queue_url, "CreateQueue")?;
        let queue_arn = sqs
            .get_queue_attributes()
            .queue_url(&queue_url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .map_err(failed("read the queue's ARN"))?
            .attributes
            .and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn));
        let queue_arn = present(queue_arn, "GetQueueAttributes")?;

        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": &queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
            }],
        });
        sqs.set_queue_attributes()
            .queue_url(&queue_url)
            .attributes(QueueAttributeName::Policy, policy.to_string())
            .send()
            .await
            .map_err(failed("set the queue's policy"))?;
        // Not raw: a raw message would come without its subject.
        let subscription = sns
            .subscribe()
            .topic_arn(topic_arn)
            .protocol("sqs")
            .endpoint(queue_arn)
            .return_subscription_arn(true)
            .send()
            .await
            .map_err(failed("subscribe the queue"))?;
        let subscription_arn = present(subscription.subscription_arn, "Subscribe")?;
        Ok(Self { sns, sqs, topic_arn: topic_arn.to_owned(), queue_url, subscription_arn })
    }

    /// The topic to publish to.
    #[must_use]
    pub fn topic_arn(&self) -> &str {
        &self.topic_arn
    }

    /// Takes out all that is there, and waits up to `wait` for the first message.
    ///
    /// # Errors
    /// When a call fails, or a message does not come from a topic.
    pub async fn receive(&self, wait: Duration) -> Result<Vec<Mail>, MailboxError> {
        let deadline = Instant::now() + wait;
        let mut mails = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let poll = if mails.is_empty() { left.min(POLL) } else { Duration::ZERO };
            let messages = self.poll(poll).await?;
            if messages.is_empty() {
                if left.is_zero() || !mails.is_empty() {
                    return Ok(mails);
                }
                tokio::time::sleep(left.min(PAUSE)).await;
            }
            for message in messages {
                mails.push(self.take(message).await?);
            }
        }
    }

    async fn poll(&self, wait: Duration) -> Result<Vec<Message>, MailboxError> {
        let seconds = i32::try_from(wait.as_secs()).unwrap_or_default();
        let output = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(seconds)
            .send()
            .await
            .map_err(failed("receive messages"))?;
        Ok(output.messages.unwrap_or_default())
    }

    async fn take(&self, message: Message) -> Result<Mail, MailboxError> {
        let handle = present(message.receipt_handle, "ReceiveMessage")?;
        self.sqs
            .delete_message()
            .queue_url(&self.queue_url)
            .receipt_handle(handle)
            .send()
            .await
            .map_err(failed("delete a message"))?;
        let body = message.body.unwrap_or_default();
        serde_json::from_str(&body).map_err(|_| MailboxError::Malformed { what: body })
    }

    /// Deletes subscription, queue and topic.
    ///
    /// # Errors
    /// When a call fails; what comes after it in that order is then still there.
    pub async fn remove(self) -> Result<(), MailboxError> {
        self.sns
            .unsubscribe()
            .subscription_arn(&self.subscription_arn)
            .send()
            .await
            .map_err(failed("remove the subscription"))?;
        self.sqs.delete_queue().queue_url(&self.queue_url).send().await.map_err(failed("delete the queue"))?;
        self.sns.delete_topic().topic_arn(&self.topic_arn).send().await.map_err(failed("delete the topic"))?;
        Ok(())
    }
}

fn failed<E: StdError + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> MailboxError {
    move |error| MailboxError::Call { what, source: Box::new(error) }
}

fn present(value: Option<String>, call: &str) -> Result<String, MailboxError> {
    value.ok_or_else(|| MailboxError::Malformed { what: format!("{call}'s answer") })
}
