//! What reached the stand-in, and errors on demand: a client for the launcher's paths under `/_sandbox/`. And what anybody can read.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use thiserror::Error;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A call that reached the stand-in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The service's name in the signature, such as `ec2`; `s3control` for that part of S3.
    pub service: String,
    /// The API's action, such as `DescribeSecurityGroups`; for REST APIs other than S3, method and path.
    pub action: String,
    /// The region in the signature.
    pub region: String,
    /// Whose call it was.
    pub access_key_id: String,
    /// What the client says of itself.
    pub user_agent: String,
    /// The request's parameters, spelled as in the wire format, such as `GroupId.1`; for S3, as in the API, such as `Bucket`. A
    /// value that is no string is in JSON.
    #[serde(deserialize_with = "texts")]
    pub parameters: BTreeMap<String, String>,
    /// The HTTP status of the answer; 0 while there is none.
    pub status: u16,
}

/// An error, a delay or both, for the next calls of one action by one caller.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Whose calls.
    pub access_key_id: String,
    /// Which action's calls, such as `Publish`.
    pub action: String,
    /// How many calls. The SDK tries a call again after an error with status 500: it makes three by default.
    pub times: u32,
    /// The error's code, such as `InternalError`; `None` only delays.
    pub code: Option<String>,
    /// The error's message.
    pub message: String,
    /// The HTTP status of the error.
    pub status: u16,
    /// Whether the call is carried out all the same, so that only its answer is lost.
    pub after: bool,
    /// How long the call waits before anything happens, in seconds.
    pub delay_seconds: f64,
}

impl Fault {
    /// The next call of `action` fails with `code` and status 500, and is not carried out.
    #[must_use]
    pub fn new(access_key_id: &str, action: &str, code: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            action: action.to_owned(),
            times: 1,
            code: Some(code.to_owned()),
            message: "injected by the sandbox".to_owned(),
            status: 500,
            after: false,
            delay_seconds: 0.0,
        }
    }
}

/// Why the stand-in's recorder could not be used. Each message finishes the sentence "failed to …".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// It could not be reached, or hung up.
    #[error("reach the stand-in at `{endpoint}`")]
    Io {
        /// The stand-in's endpoint.
        endpoint: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// What answered is no stand-in of ours.
    #[error("understand the answer of `{endpoint}`: `{answer}`")]
    Answer {
        /// The endpoint that was asked.
        endpoint: String,
        /// The first line of its answer.
        answer: String,
    },
}

/// The calls with that access key id, in the order of their arrival, among the last 10,000 of all.
///
/// # Errors
/// When there is no stand-in at `endpoint`.
pub fn calls(endpoint: &str, access_key_id: &str) -> Result<Vec<Call>, RecorderError> {
    let body = request(endpoint, &format!("GET /_sandbox/calls?access_key_id={access_key_id}"), "")?;
    serde_json::from_str(&body).map_err(|_| unexpected(endpoint, &body))
}

/// Makes calls fail, or wait, from now on.
///
/// # Errors
/// When there is no stand-in at `endpoint`.
pub fn inject(endpoint: &str, fault: &Fault) -> Result<(), RecorderError> {
    let body = serde_json::to_string(fault)
        .map_err(|error| RecorderError::Io { endpoint: endpoint.to_owned(), source: error.into() })?;
    request(endpoint, "POST /_sandbox/faults", &body)?;
    Ok(())
}

/// The HTTP status of a GET of an object that nobody has signed; of the list of the bucket's objects if `key` is empty.
///
/// # Errors
/// When there is no stand-in at `endpoint`.
pub fn anonymous_get(endpoint: &str, bucket: &str, key: &str) -> Result<u16, RecorderError> {
    let answer = exchange(endpoint, &format!("GET /{bucket}/{key}"), "")?;
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| unexpected(endpoint, &answer))
}

fn request(endpoint: &str, method_and_path: &str, body: &str) -> Result<String, RecorderError> {
    let answer = exchange(endpoint, method_and_path, body)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(unexpected(endpoint, &answer)),
    }
}

/// HTTP/1.0, so that the answer is neither chunked nor followed by another one.
fn exchange(endpoint: &str, method_and_path: &str, body: &str) -> Result<String, RecorderError> {
    let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let talk = || -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let head = format!(
            "{method_and_path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    talk().map_err(|source| RecorderError::Io { endpoint: endpoint.to_owned(), source })
}

fn unexpected(endpoint: &str, answer: &str) -> RecorderError {
    let answer = answer.lines().next().unwrap_or_default().to_owned();
    RecorderError::Answer { endpoint: endpoint.to_owned(), answer }
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(values.into_iter().map(|(name, value)| (name, text(value))).collect())
}
