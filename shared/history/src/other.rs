//! What CloudTrail puts beside its history.

use serde_json::Value;

/// `eventType` of an Insights event.
pub(crate) const INSIGHT: &str = "AwsCloudTrailInsight";

/// Something of CloudTrail's that is no record of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Other {
    /// A digest file, which vouches for log files
    /// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>).
    Digest,
    /// An Insights event, which tells of an unusual number of calls
    /// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html>).
    Insight,
}

impl Other {
    /// Which one a value is, if any. An Insights event may stand in EventBridge's envelope. What says that it is a call is one, whatever else it
    /// holds.
    pub fn of(value: &Value) -> Option<Self> {
        let has = |name| value.get(name).is_some();
        if !has("eventName") && !has("detail") && has("digestStartTime") && has("digestS3Object") && has("logFiles") {
            return Some(Self::Digest);
        }
        let record = value.get("detail").filter(|detail| detail.is_object()).unwrap_or(value);
        let is = |name: &str, text: &str| record.get(name).and_then(Value::as_str) == Some(text);
        let is_untyped = record.get("eventType").is_none();
        (is("eventType", INSIGHT) || is_untyped && is("eventCategory", "Insight")).then_some(Self::Insight)
    }

    /// In a few words, of several.
    pub fn words(self) -> &'static str {
        match self {
            Self::Digest => "digests",
            Self::Insight => "Insights events",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_cloudtrails_own_are_others() {
        let digest = json!({"awsAccountId": "111122223333", "digestStartTime": "2015-08-17T14:01:31Z", "digestS3Object": "x", "logFiles": []});
        let insight = json!({"eventVersion": "1.07", "eventType": "AwsCloudTrailInsight", "eventCategory": "Insight"});
        assert_eq!(Other::of(&digest), Some(Other::Digest));
        assert_eq!(Other::of(&insight), Some(Other::Insight));
        assert_eq!(
            Other::of(&json!({"detail-type": "AWS Insight via CloudTrail", "detail": insight})),
            Some(Other::Insight)
        );
        for record in [
            json!({"eventName": "CreateUser", "eventCategory": "Management", "requestParameters": digest}),
            json!({"eventName": "CreateUser", "requestParameters": {"eventCategory": "Insight"}}),
            json!({"eventName": "CreateUser", "eventType": "AwsApiCall", "eventCategory": "Insight"}),
            json!({"eventName": "CreateUser", "digestStartTime": "x", "digestS3Object": "y", "logFiles": []}),
            json!({"digestStartTime": "x"}),
            json!([digest]),
            json!(null),
        ] {
            assert_eq!(Other::of(&record), None, "{record}");
        }
    }
}
