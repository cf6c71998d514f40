//! Metrics, as CloudWatch reads them from a function's log.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "snapback";

/// The metric that counts the events which were folded into an earlier mail.
pub const FOLDED: &str = "FoldedEvents";

/// The metric that counts the alerts which a topic did not take.
pub const UNSENT: &str = "UnsentAlerts";

/// The log line that counts one occurrence of a metric with one dimension, in the embedded metric format
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
pub fn one((dimension, value): (&str, &str), metric: &str, now: DateTime<Utc>) -> Value {
    json!({
        "_aws": {
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [[dimension]],
                "Metrics": [{"Name": metric, "Unit": "Count"}],
            }],
        },
        dimension: value,
        metric: 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_and_its_dimension_are_members_of_the_line() {
        let line = one(("function", "root-activity"), FOLDED, DateTime::UNIX_EPOCH);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        for name in [&metrics["Metrics"][0]["Name"], &metrics["Dimensions"][0][0]] {
            assert!(!line[name.as_str().unwrap()].is_null(), "{name}");
        }
        assert_eq!(line["_aws"]["Timestamp"], 0);
    }
}
