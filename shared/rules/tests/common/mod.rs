//! What the tests of the mails share.

use serde_json::{Value, json};

/// Where and when the events of a rule's tests happen.
pub(crate) struct Scene {
    /// The account's id.
    pub(crate) account: &'static str,
    /// The region.
    pub(crate) region: &'static str,
    /// The time of the event.
    pub(crate) time: &'static str,
    /// The service, such as `iam`.
    pub(crate) service: &'static str,
}

impl Scene {
    /// The record of a call that somebody in the role Developer made.
    pub(crate) fn record(&self, name: &str, request: &Value, response: &Value) -> Value {
        let Self { account, region, time, service } = self;
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "arn": format!("arn:aws:sts::{account}:assumed-role/Developer/mika@example.com"),
                "accessKeyId": "ASIAQ3C7TN4YKEXAMPLE",
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "arn": format!("arn:aws:iam::{account}:role/Developer")},
                    "attributes": {"mfaAuthenticated": "true"},
                },
            },
            "eventTime": time,
            "eventSource": format!("{service}.amazonaws.com"),
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": "198.51.100.24",
            "userAgent": format!("aws-cli/2.33.4 md/command#{service}"),
            "requestParameters": request,
            "responseElements": response,
            "eventID": "5d0f2a51-8c3e-4b7a-9f6d-1e2c3b4a5968",
            "recipientAccountId": account,
        })
    }
}
