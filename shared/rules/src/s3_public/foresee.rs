//! What would be done about a finding, going by the record alone.

use serde_json::Value;

use super::acl::Grantee;
use super::detect::{AccessPointChange, AccountChange, BucketChange, Finding, Ground, Opened, Opens, Told, opens};
use super::judge::{Circle, Outsider, outsiders};
use super::{NAME, Scope};
use crate::event::{Event, Origin};
use crate::foresee::{Foreseen, Word};
use crate::language::Language;
use crate::settings::Settings;
use crate::text::quote;

/// The function's second rule.
pub const CROSS_ACCOUNT: &str = "s3-cross-account";

/// What the function would do about a finding.
pub fn foresee(finding: &Finding, event: &Event, settings: &Settings) -> Foreseen {
    let account = finding.account.clone();
    match &finding.opened {
        Opened::Account(AccountChange::Found) => {
            let what = match is_rule_known(event) {
                true => "the account's public access block was found not to be on",
                false => "the account was found non-compliant",
            };
            Foreseen::new(NAME, account, what, found(event))
        }
        Opened::Account(change) => {
            let what = match change {
                AccountChange::Set(block) => format!("the account's public access block was weakened ({block})"),
                _ => "the account's public access block was deleted".to_owned(),
            };
            let word = match settings.public_buckets.is_empty() {
                true => public(settings),
                false => Word::told("only told: the account's block would close the buckets in PublicBuckets, too"),
            };
            Foreseen::new(NAME, account, what, word)
        }
        Opened::Told(Told::MultiRegion { name, reasons }) => {
            let reasons: Vec<&str> = reasons.iter().map(|reason| reason.of(Language::English)).collect();
            let what = format!("multi-Region access point: {}", reasons.join("; "));
            let word = Word::told("multi-Region access points are only told");
            Foreseen::new(NAME, name.clone().unwrap_or_default(), what, word)
        }
        Opened::Told(Told::AclsEnabled { bucket, .. }) => {
            let what = format!("access control lists of bucket {bucket} count from now on");
            of_bucket(Foreseen::new(NAME, bucket, what, Word::told("object ownership is only told")), bucket)
        }
        Opened::Bucket { bucket, change } => match change {
            BucketChange::Block(block) => {
                let what = match block {
                    Some(block) => format!("the public access block of bucket {bucket} was weakened ({block})"),
                    None => format!("the public access block of bucket {bucket} was deleted"),
                };
                of_bucket(Foreseen::new(NAME, bucket, what, public(settings)), bucket)
            }
            BucketChange::Policy(document) => {
                policy(finding, bucket, &format!("policy of bucket {bucket}"), document.as_ref(), settings)
            }
            BucketChange::Found(ground) => {
                let what = match ground {
                    _ if !is_rule_known(event) => format!("bucket {bucket} was found non-compliant"),
                    Ground::Block => format!("the public access block of bucket {bucket} was found not to be on"),
                    Ground::Public => format!("bucket {bucket} was found to be public"),
                    Ground::Outside { .. } => format!("bucket {bucket} was found to be reachable from outside"),
                };
                Foreseen::new(NAME, bucket, what, found(event))
            }
            BucketChange::Acl(_) => list(finding, bucket, bucket, &format!("bucket {bucket}"), settings),
            BucketChange::ObjectAcl { key, .. } => {
                list(finding, bucket, &format!("{bucket}/{key}"), &format!("object {key} in bucket {bucket}"), settings)
            }
        },
        Opened::AccessPoint { name, change: AccessPointChange::Created(block), .. } => {
            let what = format!("access point {name} without a full public access block ({block})");
            let word = Word::depends("the block of its bucket: where that is on, it is only told");
            let word = if public(settings).acts() { word } else { public(settings) };
            Foreseen::new(NAME, name, what, word)
        }
        Opened::AccessPoint { name, change: AccessPointChange::Policy(document), .. } => {
            policy(finding, name, &format!("policy of access point {name}"), document.as_ref(), settings)
        }
    }
}

fn public(settings: &Settings) -> Word {
    Word::by_mode("S3PublicMode", settings.s3_public_mode, settings)
}

/// Whether it is known what a rule of AWS Config looks for, if one found it.
fn is_rule_known(event: &Event) -> bool {
    !matches!(&event.origin, Origin::Config(change) if change.behind.is_none())
}

/// A finding says that something was open; what is, only the account can tell.
fn found(event: &Event) -> Word {
    match &event.origin {
        Origin::Config(change) if !is_rule_known(event) => {
            let rule = quote(&change.rule_name);
            Word::depends(format!("which managed rule is behind `{rule}`, and on what the account shows"))
        }
        _ => Word::depends("what the account shows"),
    }
}

fn cross_account(settings: &Settings) -> Word {
    Word::by_mode("S3CrossAccountMode", settings.s3_cross_account_mode, settings)
}

fn of_bucket(foreseen: Foreseen, bucket: &str) -> Foreseen {
    foreseen.exempted_by("PublicBuckets", &[bucket.to_owned()])
}

/// A policy was written. Everybody in it is for `s3-public`, other accounts are for the second rule.
fn policy(finding: &Finding, name: &str, of: &str, document: Option<&Value>, settings: &Settings) -> Foreseen {
    let Some(document) = document else {
        return Foreseen::new(
            NAME,
            name,
            format!("the {of} was written"),
            Word::depends("what it says: the record does not hold it"),
        );
    };
    let scope = Scope::of(settings, finding.bucket());
    let circle = Circle { account: &finding.account, trusted: &settings.trusted_accounts, owner_id: None };
    let others: Vec<Outsider> = if scope.cross_account { outsiders(document, &circle) } else { Vec::new() };
    let opened = opens(finding, settings, finding.bucket());
    let is_access_point = matches!(finding.opened, Opened::AccessPoint { .. });
    // The strongest word counts: what is public, then other accounts, then what only AWS or the account can tell.
    let found = |rule, what: String, word| Foreseen::new(rule, name, what, word);
    let public_word = match is_access_point {
        true => Word::depends("whether it can be reached from the internet, and on the block of its bucket"),
        false => public(settings),
    };
    let mut accounts: Vec<String> = others.iter().flat_map(|outsider| outsider.accounts.clone()).collect();
    accounts.sort();
    accounts.dedup();
    let lets_in = format!("lets in account {}", accounts.join(", "));
    if opened.public && (public_word.acts() || !(opened.outsiders && cross_account(settings).acts())) {
        let what = match opened.outsiders && !accounts.is_empty() {
            true => format!("the {of} is public and {lets_in}"),
            false => format!("the {of} is public"),
        };
        let foreseen = found(NAME, what, public_word);
        return match opened {
            // Other accounts would still be told.
            Opens { outsiders: false, .. } if !is_access_point && others.is_empty() => of_bucket(foreseen, name),
            _ => foreseen,
        };
    }
    if opened.outsiders {
        return found(CROSS_ACCOUNT, format!("the {of} {lets_in}"), cross_account(settings));
    }
    match (scope.public, others.is_empty()) {
        (true, _) => {
            let word = Word::depends("whether AWS calls it public (GetBucketPolicyStatus): by its text it is not");
            found(NAME, format!("the {of} was written"), word)
        }
        (false, false) => {
            let word = Word::depends("whose the principals are that it names");
            found(CROSS_ACCOUNT, format!("the {of} lets in somebody unknown"), word)
        }
        (false, true) => {
            found(CROSS_ACCOUNT, format!("the {of} was written"), Word::nothing("it lets in no other account"))
        }
    }
}

/// An access control list was written.
fn list(finding: &Finding, bucket: &str, resource: &str, of: &str, settings: &Settings) -> Foreseen {
    let found = |rule, what: String, word| Foreseen::new(rule, resource, what, word);
    let Some(grants) = finding.grants().flatten() else {
        let word = Word::depends("what it says: the record does not hold it");
        return found(NAME, format!("the access control list of {of} was written"), word);
    };
    if opens(finding, settings, Some(bucket)).public {
        let what = format!("the access control list of {of} grants something to everybody");
        let foreseen = found(NAME, what, public(settings));
        let is_only_public = grants.iter().all(|grant| matches!(grant.grantee, Grantee::Group(_)));
        return if is_only_public { of_bucket(foreseen, bucket) } else { foreseen };
    }
    let is_known = grants.iter().all(|grant| !matches!(grant.grantee, Grantee::Other(_)));
    let word = match is_known {
        true => Word::depends("whether the canonical user ids in it are the account's own; others are only told"),
        false => Word::depends("whom it grants something, in a form that the record alone does not explain"),
    };
    let rule = if is_known { CROSS_ACCOUNT } else { NAME };
    found(rule, format!("the access control list of {of} grants something to somebody"), word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Decision;
    use crate::event::parse;
    use crate::foresee::Verdict;
    use crate::s3_public::detect::detect;
    use serde_json::json;

    fn foreseen(name: &str, request: Value, variables: &[(&str, &str)]) -> Option<Foreseen> {
        let raw = json!({"eventName": name, "eventSource": "s3.amazonaws.com", "recipientAccountId": "123456789012",
            "awsRegion": "eu-west-1", "requestParameters": request});
        let event = parse(&raw).unwrap();
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let settings = Settings::from_variables(variable).unwrap();
        match detect(&event, &settings) {
            Decision::Violation(finding) | Decision::Candidate(finding) => Some(foresee(&finding, &event, &settings)),
            Decision::Ignore(_) => None,
            other => panic!("{name} {request}: {other:?}"),
        }
    }

    #[test]
    fn the_record_and_the_modes_decide() {
        let policy = |principal: &str| {
            let statement =
                json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "s3:*", "Resource": "*"});
            json!({"bucketName": "web", "bucketPolicy": {"Version": "2012-10-17", "Statement": [statement]}})
        };
        let (everyone, other) = (policy("*"), policy("arn:aws:iam::111122223333:root"));
        let (own, unknown) = (policy("arn:aws:iam::123456789012:root"), policy("AIDAEXAMPLEEXAMPLEEXA"));
        let acl = |acl: &str| json!({"bucketName": "web", "x-amz-acl": [acl]});
        let granted = json!({"bucketName": "web", "x-amz-grant-read": "id=0123"});
        let bucket = json!({"bucketName": "web"});
        let host = json!({"host": ["123456789012.s3-control.eu-west-1.amazonaws.com"]});
        let point = json!({"name": "ap", "bucket": "web", "CreateAccessPointRequest":
            {"PublicAccessBlockConfiguration": {"BlockPublicAcls": false}, "Bucket": "web"}});
        let (cross, allowed) = (("S3_CROSS_ACCOUNT_MODE", "revert"), ("PUBLIC_BUCKETS", "web"));
        let (observe, alert, off) = (("ROLLOUT", "observe"), ("S3_PUBLIC_MODE", "alert"), ("S3_PUBLIC_MODE", "off"));
        use Verdict::{Alert, Depends, Ignore, Revert};
        for (name, request, variables, expected) in [
            ("PutBucketPolicy", &everyone, &[][..], Some((Revert, NAME))),
            ("PutBucketPolicy", &everyone, &[alert], Some((Alert, NAME))),
            ("PutBucketPolicy", &everyone, &[observe], Some((Alert, NAME))),
            ("PutBucketPolicy", &everyone, &[allowed], Some((Ignore, CROSS_ACCOUNT))),
            ("PutBucketPolicy", &other, &[], Some((Alert, CROSS_ACCOUNT))),
            ("PutBucketPolicy", &other, &[cross], Some((Revert, CROSS_ACCOUNT))),
            ("PutBucketPolicy", &other, &[cross, observe], Some((Alert, CROSS_ACCOUNT))),
            ("PutBucketPolicy", &own, &[], Some((Depends, NAME))),
            ("PutBucketPolicy", &unknown, &[off], Some((Depends, CROSS_ACCOUNT))),
            ("PutBucketPolicy", &bucket, &[], Some((Depends, NAME))),
            ("PutBucketAcl", &acl("public-read"), &[], Some((Revert, NAME))),
            ("PutBucketAcl", &acl("public-read"), &[alert], Some((Alert, NAME))),
            ("PutBucketAcl", &acl("public-read"), &[allowed], None),
            ("PutBucketAcl", &acl("private"), &[], None),
            ("PutBucketAcl", &granted, &[cross], Some((Depends, CROSS_ACCOUNT))),
            ("PutBucketAcl", &bucket, &[], Some((Depends, NAME))),
            ("DeleteBucketPublicAccessBlock", &bucket, &[], Some((Revert, NAME))),
            ("DeleteAccountPublicAccessBlock", &host, &[], Some((Revert, NAME))),
            ("DeleteAccountPublicAccessBlock", &host, &[allowed], Some((Alert, NAME))),
            ("CreateAccessPoint", &point, &[], Some((Depends, NAME))),
            ("CreateAccessPoint", &point, &[alert], Some((Alert, NAME))),
            ("DeleteBucketOwnershipControls", &bucket, &[], Some((Alert, NAME))),
        ] {
            let found = foreseen(name, request.clone(), variables).map(|foreseen| (foreseen.verdict, foreseen.rule));
            assert_eq!(found, expected, "{name} {request} {variables:?}");
        }
    }

    #[test]
    fn what_is_public_and_lets_in_an_account_says_both() {
        let statement = |principal: &str| json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "s3:*", "Resource": "*"});
        let reason = |principals: &[&str], variables: &[(&str, &str)]| {
            let statements: Vec<Value> = principals.iter().map(|principal| statement(principal)).collect();
            let policy = json!({"Version": "2012-10-17", "Statement": statements});
            foreseen("PutBucketPolicy", json!({"bucketName": "web", "bucketPolicy": policy}), variables)
                .unwrap()
                .reason()
        };
        let other = "arn:aws:iam::111122223333:root";
        assert_eq!(reason(&["*", other], &[]), "the policy of bucket web is public and lets in account 111122223333");
        assert_eq!(reason(&["*"], &[]), "the policy of bucket web is public");
        assert_eq!(reason(&["*", other], &[("S3_CROSS_ACCOUNT_MODE", "off")]), "the policy of bucket web is public");
    }
}
