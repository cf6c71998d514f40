//! Metrics, as CloudWatch reads them from a function's log.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "snapback";

/// The metric that counts the events which were folded into an earlier mail.
pub const FOLDED: &str = "FoldedEvents";

/// The metric that counts the reverted openings of the canary, of which no mail was sent.
pub const HELD_BACK: &str = "HeldBackMails";

/// The metric with the seconds from the canary's call to the revert.
pub const SECONDS_TO_REVERT: &str = "SecondsToRevert";

/// The metric that counts the alerts which a topic did not take.
pub const UNSENT: &str = "UnsentAlerts";

/// The log line that counts one occurrence of a metric with one dimension.
pub fn one(dimension: (&str, &str), metric: &str, now: DateTime<Utc>) -> Value {
    line(dimension, metric, "Count", json!(1), now)
}

/// The log line with a number of seconds.
pub fn seconds(function: &str, metric: &str, seconds: f64, now: DateTime<Utc>) -> Value {
    line(("function", function), metric, "Seconds", json!(seconds), now)
}

/// A log line in the embedded metric format
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
fn line((dimension, named): (&str, &str), metric: &str, unit: &str, value: Value, now: DateTime<Utc>) -> Value {
    json!({
        "_aws": {
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [[dimension]],
                "Metrics": [{"Name": metric, "Unit": unit}],
            }],
        },
        dimension: named,
        metric: value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_and_its_dimension_are_members_of_the_line() {
        let now = DateTime::UNIX_EPOCH;
        let lines = [
            (one(("function", "root-activity"), FOLDED, now), "Count", json!(1)),
            (seconds("canary", SECONDS_TO_REVERT, 7.25, now), "Seconds", json!(7.25)),
        ];
        for (line, unit, value) in lines {
            let metrics = &line["_aws"]["CloudWatchMetrics"][0];
            assert!(!line[metrics["Dimensions"][0][0].as_str().unwrap()].is_null(), "{line}");
            assert_eq!(line[metrics["Metrics"][0]["Name"].as_str().unwrap()], value);
            assert_eq!(metrics["Metrics"][0]["Unit"], unit);
            assert_eq!(line["_aws"]["Timestamp"], 0);
        }
    }
}
