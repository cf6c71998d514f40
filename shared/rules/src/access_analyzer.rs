//! What IAM Access Analyzer tells: that somebody outside can reach a resource.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html>

use serde_json::Value;

use crate::json::{field, items, scalar, text};
use crate::language::Localized;
use crate::localized;

/// The `detail-type` of its events on access from outside.
pub const ACCESS_FINDING: &str = "Access Analyzer Finding";

/// The `status` that there is something to do about.
pub const ACTIVE: &str = "ACTIVE";

/// A finding on access from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalAccess {
    /// `id` of the finding.
    pub finding_id: String,
    /// `status`: [`ACTIVE`], `ARCHIVED` or `RESOLVED`.
    pub status: String,
    /// `resourceType`, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// `resource`: its ARN.
    pub resource: String,
    /// `principal`: who can reach it, each as `AWS: 111122223333`. None if it is not told.
    pub principals: Vec<String>,
    /// `action`: what they may do.
    pub actions: Vec<String>,
    /// `condition`: under what conditions, each as `aws:SourceIp: 0.0.0.0/0`.
    pub conditions: Vec<String>,
    /// `sources`: by what, such as `POLICY` or `BUCKET_ACL`, if it is told.
    pub sources: Vec<String>,
    /// `error`: why the resource could not be analyzed, such as `ACCESS_DENIED`. Then nothing was found, and nobody knows who can reach it.
    pub error: Option<String>,
    /// `isPublic`: whether it is everybody.
    pub is_public: bool,
    /// `isDeleted`: whether the event tells that the finding was deleted, such as with its analyzer. It keeps its status then.
    pub is_deleted: bool,
    /// `createdAt`: since when the finding is there, as it was written.
    pub since: Option<String>,
}

impl ExternalAccess {
    /// Reads `detail` of an event.
    ///
    /// # Errors
    /// Says what was missing.
    pub(crate) fn read(detail: &Value) -> Result<Self, Localized> {
        let told = |name: &str| {
            text(detail, name).ok_or_else(|| localized!("no `{name}` in `detail`", "`detail` に `{name}` がありません"))
        };
        let pairs = |name: &str| {
            let object = field(detail, name).as_object().into_iter().flatten();
            object
                .map(|(key, value)| format!("{key}: {}", scalar(value).unwrap_or_else(|| value.to_string())))
                .collect()
        };
        let texts = |name: &str| items(detail, name).into_iter().filter_map(scalar).collect();
        let is = |name: &str| text(detail, name).is_some_and(|is| is.eq_ignore_ascii_case("true"));
        let sources = items(detail, "sources").into_iter();
        Ok(Self {
            finding_id: told("id")?,
            status: told("status")?,
            resource_type: told("resourceType")?,
            resource: told("resource")?,
            principals: pairs("principal"),
            actions: texts("action"),
            conditions: pairs("condition"),
            sources: sources.filter_map(|source| scalar(source).or_else(|| text(source, "type"))).collect(),
            error: text(detail, "error"),
            is_public: is("isPublic"),
            is_deleted: is("isDeleted"),
            since: text(detail, "createdAt"),
        })
    }
}
