//! The bucket and its policies that the tests of `s3-public` share.

use rules::s3_public::acl::{Acl, Grant, Grantee};
use rules::s3_public::plan::LiveBucket;
use serde_json::{Value, json};

/// The bucket's name.
pub(crate) const BUCKET: &str = "team-reports";

/// The group that is everybody.
pub(crate) const EVERYBODY: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

const OWNER: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

pub(crate) fn acl(more: &[(&str, &str)]) -> Acl {
    let grant = |grantee: &str, permission: &str| {
        let is_group = grantee.starts_with("http");
        let grantee = if is_group { Grantee::Group(grantee.to_owned()) } else { Grantee::User(grantee.to_owned()) };
        Grant { grantee, permission: permission.to_owned() }
    };
    let grants = std::iter::once(&(OWNER, "FULL_CONTROL")).chain(more);
    Acl { owner_id: OWNER.to_owned(), grants: grants.map(|(grantee, permission)| grant(grantee, permission)).collect() }
}

pub(crate) fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Id": "reports", "Statement": statements})
}

pub(crate) fn everybody_reads() -> Value {
    json!({"Sid": "PublicRead", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::team-reports/*"})
}

pub(crate) fn role_writes() -> Value {
    json!({"Sid": "Writer", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/Reports"}, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::team-reports/*"})
}

pub(crate) fn foreign_reads() -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::team-reports/*"})
}

pub(crate) fn tls_only() -> Value {
    json!({"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::team-reports/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
}

pub(crate) fn website() -> Value {
    document(&[everybody_reads()])
}

pub(crate) fn narrow() -> Value {
    document(&[role_writes(), tls_only()])
}

pub(crate) fn foreign() -> Value {
    document(&[foreign_reads()])
}

/// A bucket that lets in nobody else, and has no block that would keep anybody out.
pub(crate) fn private() -> LiveBucket {
    LiveBucket {
        block: Ok(None),
        policy: Ok(None),
        is_public: Ok(None),
        acl: Ok(acl(&[])),
        object_acl: None,
        is_versioned: None,
    }
}
