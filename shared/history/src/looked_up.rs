//! What `aws cloudtrail lookup-events` prints.

use serde_json::Value;

/// The record in one of the `Events` that `aws cloudtrail lookup-events` prints: it stands as text in the member `CloudTrailEvent`
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Event.html>). Where somebody asked for these texts only, the text is all there is.
/// `None` if the value is nothing of that kind, but a record itself, for example.
///
/// # Errors
/// Says why the text is no JSON.
pub fn looked_up(value: &Value) -> Option<Result<Value, String>> {
    let read = |text: &str| {
        serde_json::from_str(text).map_err(|error| format!("the record in `CloudTrailEvent` is not JSON: {error}"))
    };
    match value {
        Value::String(text) => read(text).ok().filter(Value::is_object).map(Ok),
        // What says by itself which call it is needs no other record.
        Value::Object(event) if !event.contains_key("eventName") && !event.contains_key("detail") => {
            event.get("CloudTrailEvent").and_then(Value::as_str).map(read)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_record_is_in_the_text() {
        let record = json!({"eventName": "CreateUser", "eventSource": "iam.amazonaws.com"});
        let event = json!({"EventId": "e-1", "EventName": "CreateUser", "EventSource": "iam.amazonaws.com", "ReadOnly": "false",
            "Username": "kim", "Resources": [], "CloudTrailEvent": record.to_string()});
        assert_eq!(looked_up(&event), Some(Ok(record.clone())));
        assert_eq!(looked_up(&json!(record.to_string())), Some(Ok(record.clone())));
        let mut call = record.clone();
        call["CloudTrailEvent"] = json!("{}");
        for other in
            [call, record, json!({"CloudTrailEvent": {}}), json!("CreateUser"), json!("3"), json!(null), json!([event])]
        {
            assert_eq!(looked_up(&other), None, "{other}");
        }
        let broken = looked_up(&json!({"CloudTrailEvent": "{\"eventName\":"})).unwrap().unwrap_err();
        assert!(broken.starts_with("the record in `CloudTrailEvent` is not JSON: EOF"), "{broken}");
    }
}
