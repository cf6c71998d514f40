//! Access control lists of buckets and objects
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>).

use std::fmt;

use serde_json::Value;

use crate::json::{at, field, items, text};
use crate::language::Language;
use crate::say;

/// Who a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grantee {
    /// A predefined group, by its URI.
    Group(String),
    /// An account, by its canonical user id.
    User(String),
    /// Somebody in a form that only requests have, such as `emailAddress=…`, or in one that is not known.
    Other(String),
}

/// What a grantee may do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    /// Who.
    pub grantee: Grantee,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

/// An access control list, as the account shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// The owner's canonical user id.
    pub owner_id: String,
    /// The grants, in order.
    pub grants: Vec<Grant>,
}

/// Accounts of AWS's own: CloudFront writes its standard logs by this grant
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html>).
const AWS_IDS: &[&str] = &["c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0"];

/// The start of the URIs of the predefined groups.
const GROUPS: &str = "http://acs.amazonaws.com/groups/";

impl Grantee {
    /// Whether that is everybody, or everybody with an AWS account: S3 calls both public.
    pub fn is_public(&self) -> bool {
        self.group().is_some_and(|group| group.ends_with("/AllUsers") || group.ends_with("/AuthenticatedUsers"))
    }

    fn group(&self) -> Option<&str> {
        match self {
            Self::Group(uri) => Some(uri),
            Self::User(_) | Self::Other(_) => None,
        }
    }
}

impl Grantee {
    /// Who that is, in a mail's language. It is not harmless yet.
    pub fn of(&self, language: Language) -> String {
        match self {
            Self::Group(uri) if uri.ends_with("/AllUsers") => {
                say!(language, "everybody (AllUsers)", "全員 (AllUsers)")
            }
            Self::Group(uri) if uri.ends_with("/AuthenticatedUsers") => say!(
                language,
                "everybody with an AWS account (AuthenticatedUsers)",
                "AWS アカウントを持つ全員 (AuthenticatedUsers)"
            ),
            Self::Group(text) | Self::User(text) | Self::Other(text) => text.clone(),
        }
    }
}

impl Grant {
    /// What is given to whom, in a mail's language. It is not harmless yet.
    pub fn of(&self, language: Language) -> String {
        let (permission, grantee) = (&self.permission, self.grantee.of(language));
        say!(language, "{permission} for {grantee}", "{grantee} への {permission}")
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(Language::English))
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(Language::English))
    }
}

impl Acl {
    /// The grants to everybody.
    pub fn public(&self) -> Vec<Grant> {
        self.grants.iter().filter(|grant| grant.grantee.is_public()).cloned().collect()
    }

    /// The grants to accounts other than that of this canonical user id, and other than AWS's own.
    pub fn foreign(&self, owner_id: Option<&str>) -> Vec<Grant> {
        let is_foreign = |grant: &&Grant| match &grant.grantee {
            Grantee::Group(_) => false,
            Grantee::User(id) => Some(id.as_str()) != owner_id && !AWS_IDS.contains(&id.as_str()),
            Grantee::Other(_) => true,
        };
        self.grants.iter().filter(is_foreign).cloned().collect()
    }

    /// The same without the grants to everybody. The owner and all other grants stay.
    pub fn without_public(&self) -> Self {
        let grants = self.grants.iter().filter(|grant| !grant.grantee.is_public()).cloned().collect();
        Self { owner_id: self.owner_id.clone(), grants }
    }
}

/// The headers by which a request gives grants, and the permission that each is for
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#specifying-grantee>).
const HEADERS: &[(&str, &str)] = &[
    ("x-amz-grant-read", "READ"),
    ("x-amz-grant-write", "WRITE"),
    ("x-amz-grant-read-acp", "READ_ACP"),
    ("x-amz-grant-write-acp", "WRITE_ACP"),
    ("x-amz-grant-full-control", "FULL_CONTROL"),
];

/// The grants that a request writes, in whichever of its forms: a list, a canned ACL, headers. `None` if it has none of them, and for a
/// list without grants, of which it can't be told whether it gives nobody anything or is in a form that is not known.
pub fn requested(request: &Value) -> Option<Vec<Grant>> {
    let mut grants = Vec::new();
    let mut is_there = false;
    let policy = field(request, "AccessControlPolicy");
    if policy.is_object() {
        grants.extend(items(at(policy, &["AccessControlList"]), "Grant").into_iter().map(grant));
        is_there = !grants.is_empty();
    }
    // Data events have the headers in an object of their own, with underscores.
    for headers in [request, field(request, "AccessControlList")] {
        let canned = values(headers, "x-amz-acl");
        is_there |= !canned.is_empty();
        grants.extend(canned.iter().flat_map(|name| canned_grants(name)));
        for (header, permission) in HEADERS {
            let written = values(headers, header);
            is_there |= !written.is_empty();
            let grantees = written.iter().flat_map(|written| written.split(',')).filter_map(grantee_of_header);
            grants.extend(grantees.map(|grantee| Grant { grantee, permission: (*permission).to_owned() }));
        }
    }
    is_there.then_some(grants)
}

/// The values of a header, whose name may be written with underscores.
fn values(headers: &Value, name: &str) -> Vec<String> {
    let with_underscores = name.replace('-', "_");
    [name, &with_underscores].into_iter().flat_map(|name| crate::policy::texts(headers, name)).collect()
}

fn grant(written: &Value) -> Grant {
    let grantee = field(written, "Grantee");
    let grantee = match (text(grantee, "URI"), text(grantee, "ID")) {
        (Some(uri), _) => group(uri),
        (None, Some(id)) => Grantee::User(id),
        (None, None) => Grantee::Other(text(grantee, "EmailAddress").unwrap_or_else(|| grantee.to_string())),
    };
    Grant { grantee, permission: text(written, "Permission").unwrap_or_default() }
}

/// A URI that is none of S3's groups is not understood.
fn group(uri: String) -> Grantee {
    if uri.starts_with(GROUPS) { Grantee::Group(uri) } else { Grantee::Other(uri) }
}

/// `uri="…"`, `id="…"` or `emailAddress="…"`; the quotes may be missing.
fn grantee_of_header(written: &str) -> Option<Grantee> {
    let written = written.trim();
    if written.is_empty() {
        return None;
    }
    let (kind, value) = written.split_once('=').unwrap_or(("", written));
    let value = value.trim().trim_matches('"').to_owned();
    Some(match kind.trim().to_ascii_lowercase().as_str() {
        "uri" => group(value),
        "id" => Grantee::User(value),
        _ => Grantee::Other(value),
    })
}

/// What a canned ACL gives to groups; one that is not known gives something to somebody
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl>).
fn canned_grants(name: &str) -> Vec<Grant> {
    let (group, permissions): (_, &[&str]) = match name.to_ascii_lowercase().as_str() {
        "public-read" => ("global/AllUsers", &["READ"]),
        "public-read-write" => ("global/AllUsers", &["READ", "WRITE"]),
        "authenticated-read" => ("global/AuthenticatedUsers", &["READ"]),
        "log-delivery-write" => ("s3/LogDelivery", &["WRITE", "READ_ACP"]),
        "private" | "bucket-owner-read" | "bucket-owner-full-control" | "aws-exec-read" => return Vec::new(),
        _ => {
            let grantee = Grantee::Other(format!("whomever the canned ACL {name} is for"));
            return vec![Grant { grantee, permission: String::new() }];
        }
    };
    let grant = |permission: &&str| Grant {
        grantee: Grantee::Group(format!("{GROUPS}{group}")),
        permission: (*permission).to_owned(),
    };
    permissions.iter().map(grant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALL: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

    fn everybody(permission: &str) -> Grant {
        Grant { grantee: Grantee::Group(ALL.to_owned()), permission: permission.to_owned() }
    }

    #[test]
    fn a_request_writes_grants_in_many_forms() {
        let list = |grants: Value| json!({"AccessControlPolicy": {"AccessControlList": {"Grant": grants}, "Owner": {"ID": "o"}}});
        for request in [
            list(json!({"Grantee": {"URI": ALL, "xsi:type": "Group"}, "Permission": "READ"})),
            list(json!([{"Grantee": {"URI": ALL}, "permission": "READ"}])),
            json!({"acl": [""], "x-amz-acl": ["public-read"]}),
            json!({"x-amz-acl": "public-read"}),
            json!({"AccessControlList": {"x_amz_acl": "public-read"}}),
            json!({"AccessControlList": {"x_amz_grant_read": format!("uri={ALL}")}}),
            json!({"x-amz-grant-read": [format!("uri=\"{ALL}\"")]}),
        ] {
            assert_eq!(requested(&request), Some(vec![everybody("READ")]), "{request}");
        }
        let both = json!({"x-amz-grant-full-control": format!("id=\"abc\", uri=\"{ALL}\"")});
        let user = Grant { grantee: Grantee::User("abc".to_owned()), permission: "FULL_CONTROL".to_owned() };
        assert_eq!(requested(&both), Some(vec![user, everybody("FULL_CONTROL")]));
    }

    #[test]
    fn what_gives_nobody_anything_is_told_from_what_says_nothing() {
        assert_eq!(requested(&json!({"x-amz-acl": ["private"]})), Some(Vec::new()));
        assert_eq!(requested(&json!({"x-amz-acl": "bucket-owner-full-control"})), Some(Vec::new()));
        assert_eq!(requested(&json!({"AccessControlPolicy": {"AccessControlList": {}}})), None);
        assert_eq!(requested(&json!({"acl": [""], "bucketName": "b"})), None);
        assert_eq!(requested(&json!(null)), None);
    }

    #[test]
    fn what_is_not_understood_is_for_somebody() {
        let grantees = |request: Value| requested(&request).unwrap_or_default().into_iter().map(|grant| grant.grantee);
        let in_list =
            |uri: &str| json!({"AccessControlPolicy": {"AccessControlList": {"Grant": {"Grantee": {"URI": uri}}}}});
        for request in
            [json!({"x-amz-acl": "public"}), in_list("AllUsers"), json!({"x-amz-grant-read": "uri=AllUsers"})]
        {
            let found: Vec<Grantee> = grantees(request.clone()).collect();
            assert!(matches!(found.as_slice(), [Grantee::Other(_)]), "{request}: {found:?}");
        }
    }

    #[test]
    fn only_the_two_groups_are_public() {
        let is_public = |uri: &str| Grantee::Group(uri.to_owned()).is_public();
        assert!(is_public(ALL) && is_public("http://acs.amazonaws.com/groups/global/AuthenticatedUsers"));
        assert!(!is_public("http://acs.amazonaws.com/groups/s3/LogDelivery"));
        assert!(!Grantee::User(ALL.to_owned()).is_public() && !Grantee::Other("x".to_owned()).is_public());
    }

    #[test]
    fn all_grants_but_the_public_ones_stay() {
        let other = Grant { grantee: Grantee::User("abc".to_owned()), permission: "READ".to_owned() };
        let acl = Acl { owner_id: "o".to_owned(), grants: vec![everybody("READ"), other.clone(), everybody("WRITE")] };
        assert_eq!(acl.without_public(), Acl { owner_id: "o".to_owned(), grants: vec![other] });
        assert_eq!(acl.public(), [everybody("READ"), everybody("WRITE")]);
        assert_eq!(acl.without_public().foreign(Some("o")).len(), 1);
        assert!(acl.foreign(Some("abc")).is_empty());
    }
}
