//! What an event may leave of buckets and access points.
//!
//! None of the guardrail's own reasoning: what is public is what AWS says of a policy, what a list grants to the two groups of
//! everybody, and what can be read without signing in.

use std::collections::BTreeSet;

use rules::access_analyzer::ACTIVE;
use rules::command::is_account_id;
use rules::config::{NON_COMPLIANT, reads_like};
use rules::json::{field, text};
use rules::policy::{allows, statements, texts};
use rules::s3_public::acl::{Grant, Grantee};
use rules::s3_public::block::Block;
use rules::settings::Mode;
use rules::{Origin, Outcome};
use runtime::Verdict;
use sandbox::reenact::s3::{AccessPoint, Bucket, State};
use serde_json::Value;

use super::Course;

/// Condition keys that narrow, for the judge's own look at what was taken away
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status>).
const NARROWING: &[&str] = &[
    "aws:PrincipalAccount",
    "aws:PrincipalOrgID",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpce",
];

/// The account of AWS's own that writes CloudFront's logs
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html>).
const LOG_DELIVERY: &str = "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0";

impl Course<'_> {
    pub(super) fn judge_buckets(&self) -> Result<(), String> {
        let (before, after, now) = (&self.before.s3, &self.after.s3, &self.now.s3);
        if !after.buckets.keys().eq(now.buckets.keys()) || !after.access_points.keys().eq(now.access_points.keys()) {
            return Err("a bucket or an access point was deleted or added".to_owned());
        }
        let is_violation = self.by("s3-public").is_some_and(|decided| decided.handled.verdict == Verdict::Violation);
        let acts = self.acts(self.settings.s3_public_mode) || self.acts(self.settings.s3_cross_account_mode);
        if after != now && !(is_violation && acts) {
            return Err("S3 was changed, though it should have been left alone".to_owned());
        }
        self.judge_account_block()?;
        let own = self.own_bucket();
        for (name, left) in &now.buckets {
            let Some(was) = after.buckets.get(name) else { continue };
            let in_words = |problem| format!("bucket `{name}`: {problem}");
            if Some(name) == own.as_ref() || self.is_of_account_block() {
                self.judge_only_taken(name, was, left).map_err(in_words)?;
            } else {
                let is_same = Bucket { read_by_anybody: left.read_by_anybody.clone(), ..was.clone() } == *left;
                if !is_same || was.read_by_anybody != left.read_by_anybody {
                    return Err(in_words("it was changed, and the event is about another one".to_owned()));
                }
            }
            let found = self.found().filter(|found| found.bucket == Some(name));
            let opened = match &found {
                // Nothing became of the bucket by that: all that is open counts, and what is off of its block if that was found.
                Some(found) => {
                    open(after, name).into_iter().filter(|what| found.is_on_block || !what.ends_with(IS_OFF)).collect()
                }
                None => added(&open(before, name), &open(after, name)),
            };
            let let_in = match &found {
                Some(found) if found.is_on_others => self.foreign(was),
                Some(_) => BTreeSet::new(),
                None => {
                    let had = before.buckets.get(name).map(|bucket| self.foreign(bucket)).unwrap_or_default();
                    added(&had, &self.foreign(was))
                }
            };
            self.judge_opened(name, &opened, &open(now, name), &lying(left)).map_err(in_words)?;
            self.judge_block(name, &opened).map_err(in_words)?;
            self.judge_let_in(&let_in, &self.foreign_in_policy(left.policy.as_ref())).map_err(in_words)?;
            let is_needless = was != left && opened.is_empty() && lying(was).is_empty() && self.foreign(was).is_empty();
            if is_needless && self.points_of(name).next().is_none() && !self.is_of_account_block() {
                return Err(in_words("it was changed, but nothing of it had been open to anybody".to_owned()));
            }
            self.judge_ownership(name, before.buckets.get(name), was).map_err(in_words)?;
        }
        for (name, left) in &now.access_points {
            let Some(was) = after.access_points.get(name) else { continue };
            let in_words = |problem| format!("access point `{name}`: {problem}");
            if (&was.bucket, was.block) != (&left.bucket, left.block) {
                return Err(in_words("more than its policy was changed".to_owned()));
            }
            if was != left && self.access_point_name().as_ref() != Some(name) {
                return Err(in_words("it was changed, and the event is about another one".to_owned()));
            }
            let takes = self.takes_public(&was.bucket);
            self.judge_policy(takes, was.policy.as_ref(), left.policy.as_ref()).map_err(in_words)?;
            let opened = added(&open_point(before, name), &open_point(after, name));
            let lying = match left.is_policy_public {
                Some(true) => policy_word(left.policy.as_ref()).into_iter().collect(),
                _ => BTreeSet::new(),
            };
            self.judge_opened(&was.bucket, &opened, &open_point(now, name), &lying).map_err(in_words)?;
            self.judge_block(&was.bucket, &opened).map_err(in_words)?;
            let is_made_weak =
                !is_at_least(left.block, Block::ON) && opened.iter().any(|what| what.ends_with(" is off"));
            if is_made_weak && self.outcome() == Some(Outcome::Reverted) {
                return Err(in_words("told as reverted, but its own block is as weak as it was made".to_owned()));
            }
            let had = before.access_points.get(name).and_then(|point| point.policy.as_ref());
            let let_in = added(&self.foreign_in_policy(had), &self.foreign_in_policy(was.policy.as_ref()));
            self.judge_let_in(&let_in, &self.foreign_in_policy(left.policy.as_ref())).map_err(in_words)?;
        }
        self.judge_multi_region()
    }

    /// The account's block: every switch that the event turned off is on again, unless it would close PublicBuckets.
    fn judge_account_block(&self) -> Result<(), String> {
        let block = |state: &State| state.account_block;
        let (Some(before), Some(after), Some(now)) =
            (block(&self.before.s3), block(&self.after.s3), block(&self.now.s3))
        else {
            return Ok(());
        };
        if !is_at_least(now, after) {
            return Err("a switch of the account's public access block was turned off".to_owned());
        }
        if !self.is_of_account_block() {
            return if now == after { Ok(()) } else { Err("the account's block was changed".to_owned()) };
        }
        let is_found = self.found().is_some_and(|found| found.bucket.is_none());
        let is_weaker = !is_at_least(after, if is_found { Block::ON } else { before });
        if is_weaker && self.settings.s3_public_mode != Mode::Off {
            self.told("s3-public", "the account's public access block is weaker")?;
        }
        let takes = self.acts(self.settings.s3_public_mode) && self.settings.public_buckets.is_empty();
        match (is_weaker && takes, now == after) {
            (true, _) if now != Block::ON => Err("the account's public access block is still weaker".to_owned()),
            (false, false) => Err("the account's block was changed".to_owned()),
            _ => Ok(()),
        }
    }

    /// Expects that what the event opened is closed, and told.
    fn judge_opened(
        &self,
        bucket: &str,
        opened: &BTreeSet<String>,
        open: &BTreeSet<String>,
        lying: &BTreeSet<String>,
    ) -> Result<(), String> {
        let Some(first) = opened.first() else { return Ok(()) };
        if self.settings.s3_public_mode == Mode::Off || self.settings.public_buckets.contains(bucket) {
            return Ok(());
        }
        self.told("s3-public", &format!("opened to everybody: {first}"))?;
        if !self.takes_public(bucket) {
            return Ok(());
        }
        if let Some(left) = opened.intersection(open).next() {
            return Err(format!("still open to everybody by this event: {left}"));
        }
        // Of a policy that only AWS calls public, no statement may be what makes it so.
        let is_doubtful = |document: Option<&Value>| {
            let statements = document.map(statements).unwrap_or_default();
            let is_plain = |statement: &&Value| may_be_public(statement) && field(statement, "Condition").is_null();
            self.outcome() == Some(Outcome::Contained) && !statements.iter().any(is_plain)
        };
        let mut left = opened.intersection(lying);
        match left.find(|left| {
            !left.strip_prefix(POLICY).is_some_and(|text| is_doubtful(serde_json::from_str(text).ok().as_ref()))
        }) {
            Some(left) => Err(format!("waits for the day that the block is lifted: {left}")),
            None => Ok(()),
        }
    }

    /// Expects that the block of a bucket is on after something of it was opened to everybody and closed: it is what holds off the next.
    fn judge_block(&self, bucket: &str, opened: &BTreeSet<String>) -> Result<(), String> {
        let Some(left) = self.now.s3.buckets.get(bucket) else { return Ok(()) };
        let is_due = !opened.is_empty() && self.takes_public(bucket) && !self.is_of_account_block();
        match left.block.off().first() {
            Some(switch) if is_due => Err(format!("closed, but {switch} of the bucket's public access block is off")),
            _ => Ok(()),
        }
    }

    /// What the function says of how it ended.
    fn outcome(&self) -> Option<Outcome> {
        Some(self.by("s3-public")?.handled.report.as_ref()?.outcome)
    }

    /// Expects that accounts which the event let in were told, and are out again if they are to be.
    fn judge_let_in(&self, let_in: &BTreeSet<String>, left: &BTreeSet<String>) -> Result<(), String> {
        let Some(first) = let_in.first() else { return Ok(()) };
        if self.settings.s3_cross_account_mode == Mode::Off {
            return Ok(());
        }
        self.told("s3-public", &format!("{first} was let in"))?;
        match let_in.intersection(left).next() {
            Some(left) if self.acts(self.settings.s3_cross_account_mode) => Err(format!("still let in: {left}")),
            _ => Ok(()),
        }
    }

    /// Access control lists that count from now on are told.
    fn judge_ownership(&self, name: &str, before: Option<&Bucket>, after: &Bucket) -> Result<(), String> {
        let counts = |bucket: &Bucket| bucket.ownership.as_deref() != Some("BucketOwnerEnforced");
        let is_exempt = self.settings.s3_public_mode == Mode::Off || self.settings.public_buckets.contains(name);
        match !before.is_some_and(counts) && counts(after) && !is_exempt {
            true => self.told("s3-public", "its access control lists count now"),
            false => Ok(()),
        }
    }

    /// What of multi-Region access points is in the event; the account doesn't show it.
    fn judge_multi_region(&self) -> Result<(), String> {
        let event = self.event;
        if self.settings.s3_public_mode == Mode::Off || event.error.is_some() || event.source != "s3.amazonaws.com" {
            return Ok(());
        }
        let details = field(field(&event.request, &format!("{}Request", event.name)), "Details");
        let is_open = match event.name.as_str() {
            "CreateMultiRegionAccessPoint" => field(details, "PublicAccessBlock").to_string().contains("false"),
            "PutMultiRegionAccessPointPolicy" => {
                let document = rules::policy::parse(field(details, "Policy")).unwrap_or_default();
                statements(&document).into_iter().any(may_be_public)
            }
            _ => false,
        };
        if is_open { self.told("s3-public", "a multi-Region access point may be public") } else { Ok(()) }
    }

    /// Expects that of a bucket only what is public, or another account's, was taken away, and that its block is no weaker.
    fn judge_only_taken(&self, name: &str, was: &Bucket, left: &Bucket) -> Result<(), String> {
        let takes = self.takes_public(name);
        if !is_at_least(left.block, was.block) {
            return Err("a switch of its public access block was turned off".to_owned());
        }
        if left.block != was.block && !(takes && left.block == Block::ON) {
            return Err("its public access block was changed".to_owned());
        }
        if (&was.owner, &was.ownership) != (&left.owner, &left.ownership) {
            return Err("its owner or its object ownership was changed".to_owned());
        }
        if !left.read_by_anybody.is_subset(&was.read_by_anybody) {
            return Err("anybody reads more than before".to_owned());
        }
        if self.settings.public_buckets.contains(name) && left.read_by_anybody != was.read_by_anybody {
            return Err("it is one of PublicBuckets, and can't be read any more".to_owned());
        }
        judge_grants(takes, &was.grants, &left.grants)?;
        if !was.objects.keys().eq(left.objects.keys()) {
            return Err("an object was deleted or added".to_owned());
        }
        for (key, grants) in &was.objects {
            let left = left.objects.get(key).cloned().unwrap_or_default();
            judge_grants(takes, grants, &left).map_err(|problem| format!("object `{key}`: {problem}"))?;
        }
        self.judge_policy(takes, was.policy.as_ref(), left.policy.as_ref())
    }

    /// Expects of what is left of a policy that only statements for everybody were taken out, and other accounts.
    fn judge_policy(&self, takes_public: bool, was: Option<&Value>, left: Option<&Value>) -> Result<(), String> {
        let Some(was) = was else {
            return if left.is_none() { Ok(()) } else { Err("a policy was added".to_owned()) };
        };
        let rest = |document: &Value| {
            let mut rest = document.clone();
            if let Some(rest) = rest.as_object_mut() {
                rest.retain(|name, _| !name.eq_ignore_ascii_case("Statement"));
            }
            rest
        };
        if left.is_some_and(|left| rest(left) != rest(was)) {
            return Err("more than the statements of its policy was changed".to_owned());
        }
        let takes_foreign = self.acts(self.settings.s3_cross_account_mode);
        let mut now = left.map(statements).unwrap_or_default().into_iter().peekable();
        for statement in statements(was) {
            if now.next_if(|left| *left == statement).is_some() {
                continue;
            }
            let had = named(statement);
            let is_shorter =
                |left: &&Value| without_principal(left) == without_principal(statement) && named(left).is_subset(&had);
            let left = now.next_if(|left| takes_foreign && is_shorter(left));
            let has = left.map(named).unwrap_or_default();
            let is_foreign = |name: &&String| takes_foreign && self.is_foreign(name);
            let kept = had.difference(&has).find(|name| !is_foreign(name));
            let is_public = left.is_none() && takes_public && may_be_public(statement);
            if !is_public && (kept.is_some() || had.is_empty() || !allows(statement)) {
                return Err(format!("a statement that is neither public nor for others was taken away: {statement}"));
            }
        }
        match now.next() {
            Some(new) => Err(format!("its policy has a statement that it did not have: {new}")),
            None => Ok(()),
        }
    }

    fn takes_public(&self, bucket: &str) -> bool {
        self.acts(self.settings.s3_public_mode) && !self.settings.public_buckets.contains(bucket)
    }

    /// Whether the event is about the account's block.
    fn is_of_account_block(&self) -> bool {
        if let Some(found) = self.found() {
            return found.bucket.is_none();
        }
        self.event.name.ends_with("PublicAccessBlock") && text(&self.event.request, "bucketName").is_none()
    }

    fn access_point_name(&self) -> Option<String> {
        let is_of_one = self.event.name.ends_with("AccessPoint") || self.event.name.ends_with("AccessPointPolicy");
        text(&self.event.request, "name").filter(|_| is_of_one)
    }

    /// The bucket that the event is about, or that is behind the access point that it is about.
    fn own_bucket(&self) -> Option<String> {
        let point = || self.after.s3.access_points.get(&self.access_point_name()?);
        let found = || self.found()?.bucket.cloned();
        text(&self.event.request, "bucketName").or_else(|| point().map(|point| point.bucket.clone())).or_else(found)
    }

    /// What a finding is about, if it is one on buckets or on the account's block: a rule of AWS Config is the one that its name reads like, since such
    /// a one was made.
    fn found(&self) -> Option<Found<'_>> {
        match &self.event.origin {
            Origin::CloudTrail => None,
            Origin::Config(change) if change.compliance != NON_COMPLIANT => None,
            Origin::Config(change) => {
                let known = reads_like(&change.rule_name).filter(|known| known.function == "s3-public")?;
                let is_of_bucket = change.resource_type == "AWS::S3::Bucket";
                let bucket = is_of_bucket.then(|| self.after.s3.buckets.get_key_value(&change.resource_id)).flatten();
                let is_on_block = known.identifier == "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED";
                let found = Found { bucket: bucket.map(|(name, _)| name), is_on_block, is_on_others: false };
                (!is_of_bucket || found.bucket.is_some()).then_some(found)
            }
            Origin::AccessAnalyzer(access) if access.status != ACTIVE => None,
            Origin::AccessAnalyzer(access) => {
                let name = access.resource.strip_prefix("arn:aws:s3:::")?;
                let (name, _) = self.after.s3.buckets.get_key_value(name)?;
                Some(Found { bucket: Some(name), is_on_block: false, is_on_others: true })
            }
        }
    }

    fn points_of(&self, bucket: &str) -> impl Iterator<Item = &AccessPoint> {
        self.after.s3.access_points.values().filter(move |point| point.bucket == bucket)
    }

    /// Whether a principal is of an account that is neither the own one nor trusted.
    fn is_foreign(&self, principal: &str) -> bool {
        let account = principal.split(':').nth(4).unwrap_or(principal);
        let own = self.event.account.as_deref().unwrap_or_default();
        is_account_id(account) && account != own && !self.settings.trusted_accounts.contains(account)
    }

    /// Accounts that a policy lets in without a condition. There may be others, by conditions.
    fn foreign_in_policy(&self, document: Option<&Value>) -> BTreeSet<String> {
        let statements = document.map(statements).unwrap_or_default().into_iter();
        let plain = statements.filter(|statement| allows(statement) && field(statement, "Condition").is_null());
        plain.flat_map(named).filter(|name| self.is_foreign(name)).collect()
    }

    /// Accounts that a bucket lets in.
    fn foreign(&self, bucket: &Bucket) -> BTreeSet<String> {
        let mut found = self.foreign_in_policy(bucket.policy.as_ref());
        for grant in bucket.objects.values().flatten().chain(&bucket.grants) {
            match &grant.grantee {
                Grantee::User(id) if *id != bucket.owner && id != LOG_DELIVERY => drop(found.insert(grant.to_string())),
                _ => {}
            }
        }
        found
    }
}

/// What a finding is about.
struct Found<'a> {
    /// The bucket; `None` for the account's block.
    bucket: Option<&'a String>,
    /// Whether it is the bucket's block that was found off.
    is_on_block: bool,
    /// Whether it may be other accounts that are let in.
    is_on_others: bool,
}

/// What ends the word for a switch among what is open.
const IS_OFF: &str = " is off";

/// Whether all switches that are on in `old` are on in `new`.
fn is_at_least(new: Block, old: Block) -> bool {
    new.off().iter().all(|switch| old.off().contains(switch))
}

fn is_for_everybody(grant: &Grant) -> bool {
    match &grant.grantee {
        Grantee::Group(uri) => uri.ends_with("/AllUsers") || uri.ends_with("/AuthenticatedUsers"),
        Grantee::User(_) | Grantee::Other(_) => false,
    }
}

fn judge_grants(takes: bool, was: &BTreeSet<Grant>, left: &BTreeSet<Grant>) -> Result<(), String> {
    if let Some(new) = left.difference(was).next() {
        return Err(format!("a grant was added: {new}"));
    }
    match was.difference(left).find(|grant| !takes || !is_for_everybody(grant)) {
        Some(lost) => Err(format!("a grant was taken away that should have stayed: {lost}")),
        None => Ok(()),
    }
}

/// What is public in a bucket, whether or not a block hides it.
fn lying(bucket: &Bucket) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if bucket.is_policy_public == Some(true) {
        found.extend(policy_word(bucket.policy.as_ref()));
    }
    found.extend(bucket.grants.iter().filter(|grant| is_for_everybody(grant)).map(grant_word));
    for (key, grants) in &bucket.objects {
        let public = grants.iter().filter(|grant| is_for_everybody(grant));
        found.extend(public.map(|grant| format!("object `{key}`: {}", grant_word(grant))));
    }
    found
}

/// What a policy begins with among what is open.
const POLICY: &str = "the policy ";

fn policy_word(document: Option<&Value>) -> Option<String> {
    document.map(|document| format!("{POLICY}{document}"))
}

fn grant_word(grant: &Grant) -> String {
    format!("the grant of {grant}")
}

/// What is open in a bucket with the blocks as they are: what is public and not hidden, what anybody reads, and each switch that is off.
fn open(state: &State, name: &str) -> BTreeSet<String> {
    let Some(bucket) = state.buckets.get(name) else { return BTreeSet::new() };
    let blocks = [Some(bucket.block), state.account_block];
    let is_hidden = |word: &String| {
        let is_policy = word.starts_with(POLICY);
        let hides = |block: &Block| if is_policy { block.restrict_public_buckets } else { block.ignore_public_acls };
        let acls_count = bucket.ownership.as_deref() != Some("BucketOwnerEnforced");
        blocks.iter().flatten().any(hides) || !(is_policy || acls_count)
    };
    let mut found: BTreeSet<String> = lying(bucket).into_iter().filter(|word| !is_hidden(word)).collect();
    found.extend(bucket.read_by_anybody.iter().map(|what| format!("anybody reads `{what}`")));
    found.extend(bucket.block.off().into_iter().map(|switch| format!("{switch} is off")));
    found
}

/// What is open in an access point: its own switches, unless the bucket's are all on, and its policy.
fn open_point(state: &State, name: &str) -> BTreeSet<String> {
    let Some(point) = state.access_points.get(name) else { return BTreeSet::new() };
    let of_bucket = state.buckets.get(&point.bucket).map(|bucket| bucket.block);
    let blocks = [Some(point.block), of_bucket, state.account_block];
    let mut found = BTreeSet::new();
    if point.is_policy_public == Some(true) && !blocks.iter().flatten().any(|block| block.restrict_public_buckets) {
        found.extend(policy_word(point.policy.as_ref()));
    }
    if of_bucket != Some(Block::ON) && !point.is_in_vpc {
        found.extend(point.block.off().into_iter().map(|switch| format!("{switch} is off")));
    }
    found
}

/// What is there after the event and was not before.
fn added(before: &BTreeSet<String>, after: &BTreeSet<String>) -> BTreeSet<String> {
    after.difference(before).cloned().collect()
}

/// Whom a statement names: its AWS principals.
fn named(statement: &Value) -> BTreeSet<String> {
    let principal = field(statement, "Principal");
    texts(principal, "AWS").into_iter().chain(principal.as_str().map(str::to_owned)).collect()
}

fn without_principal(statement: &Value) -> Value {
    let mut rest = statement.clone();
    if let Some(rest) = rest.as_object_mut() {
        rest.retain(|name, _| name != "Principal");
    }
    rest
}

/// Whether a statement may be for everybody: it has a wildcard for a principal, and no condition that plainly narrows it.
fn may_be_public(statement: &Value) -> bool {
    let is_for_all =
        field(statement, "Principal").to_string().contains('*') || !field(statement, "NotPrincipal").is_null();
    let is_fixed = |values: &[String]| !values.is_empty() && !values.iter().any(|text| text.contains(['*', '?', '$']));
    let conditions = field(statement, "Condition").as_object().into_iter().flatten();
    let is_narrowed = conditions
        .filter(|(operator, _)| ["StringEquals", "ArnEquals"].contains(&operator.as_str()))
        .any(|(_, keys)| NARROWING.iter().any(|key| is_fixed(&texts(keys, key))));
    allows(statement) && is_for_all && !is_narrowed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rules::Language;
    use rules::alert::Report;
    use rules::{Alert, Settings, event};
    use runtime::Handled;
    use sandbox::reenact;
    use serde_json::json;

    use super::super::Decided;
    use super::*;

    const ALL: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

    fn grant(grantee: Grantee) -> Grant {
        Grant { grantee, permission: "READ".to_owned() }
    }

    fn everybody() -> Grant {
        grant(Grantee::Group(ALL.to_owned()))
    }

    fn friend() -> Grant {
        grant(Grantee::User("friend".to_owned()))
    }

    fn public() -> Value {
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*"})
    }

    fn private() -> Value {
        json!({"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*"})
    }

    fn narrowed() -> Value {
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*",
            "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}})
    }

    fn foreign() -> Value {
        json!({"Effect": "Allow", "Principal": {"AWS": "999988887777"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*"})
    }

    fn document(statements: &[Value]) -> Option<Value> {
        Some(json!({"Version": "2012-10-17", "Statement": statements}))
    }

    fn bucket() -> Bucket {
        Bucket {
            block: Block::OFF,
            policy: None,
            is_policy_public: None,
            owner: "owner".to_owned(),
            grants: BTreeSet::from([grant(Grantee::User("owner".to_owned()))]),
            ownership: Some("ObjectWriter".to_owned()),
            objects: BTreeMap::new(),
            read_by_anybody: BTreeSet::new(),
        }
    }

    fn with_policy(block: Block, statements: &[Value], is_public: bool) -> Bucket {
        Bucket { block, policy: document(statements), is_policy_public: Some(is_public), ..bucket() }
    }

    fn with_grants(block: Block, grants: &[Grant]) -> Bucket {
        Bucket { block, grants: grants.iter().cloned().collect(), ..bucket() }
    }

    /// Before and after an event of `mine`, and what is left of it, with a neighbour that is left alone.
    struct Case {
        before: Bucket,
        after: Bucket,
        now: Bucket,
        neighbour: Bucket,
        account: [Block; 3],
        /// One that the event made.
        access_point: Option<AccessPoint>,
        name: &'static str,
        /// Of a finding, its event.
        found: Option<Value>,
        outcome: Option<Outcome>,
        settings: Settings,
    }

    impl Case {
        fn new(before: Bucket, after: Bucket, now: Bucket) -> Self {
            Self {
                before,
                after,
                now,
                neighbour: bucket(),
                account: [Block::OFF; 3],
                access_point: None,
                name: "PutBucketPolicy",
                found: None,
                outcome: Some(Outcome::Reverted),
                settings: Settings::from_given(&BTreeMap::new()).unwrap(),
            }
        }

        fn judge(&self) -> Result<(), String> {
            let points = self.access_point.iter().map(|point| ("point".to_owned(), point.clone()));
            let points: BTreeMap<String, AccessPoint> = points.collect();
            let state = |block: Block, mine: &Bucket, neighbour: Bucket, points| reenact::State {
                s3: State {
                    account_block: Some(block),
                    buckets: BTreeMap::from([("mine".to_owned(), mine.clone()), ("other".to_owned(), neighbour)]),
                    access_points: points,
                },
                ..reenact::State::default()
            };
            let request = match self.name {
                "CreateAccessPoint" => json!({"name": "point"}),
                name if name.contains("Account") => json!({}),
                _ => json!({"bucketName": "mine"}),
            };
            let event = event::parse(&json!({"eventName": self.name, "eventSource": "s3.amazonaws.com",
                "awsRegion": "us-east-1", "eventTime": "2026-11-22T10:00:00Z", "recipientAccountId": "123456789012",
                "eventID": "e", "requestParameters": request, "responseElements": null,
                "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/me"}}))
            .unwrap();
            let event = self.found.as_ref().map_or(event, |found| event::parse(found).unwrap());
            let mail = self.outcome.map(|_| Alert::default());
            let handled = Handled {
                verdict: if self.outcome.is_some() { Verdict::Violation } else { Verdict::Ignored },
                reason: String::new(),
                report: self.outcome.map(|outcome| Report::new(Language::English, outcome, "S3")),
                mail,
                is_told_before: false,
                chat_error: None,
                steps: Vec::new(),
                error: None,
            };
            let decided = [Decided { function: "s3-public", mode: rules::s3_public::mode(&self.settings), handled }];
            let (before, after, now) = (
                state(self.account[0], &self.before, bucket(), BTreeMap::new()),
                state(self.account[1], &self.after, bucket(), points.clone()),
                state(self.account[2], &self.now, self.neighbour.clone(), points),
            );
            let course = Course {
                event: &event,
                settings: &self.settings,
                is_stand_in: true,
                are_old: false,
                decided: &decided,
                before: &before,
                after: &after,
                now: &now,
            };
            course.judge_buckets()
        }

        #[track_caller]
        fn fails(&self, problem: &str) {
            let judged = self.judge();
            assert!(judged.as_ref().is_err_and(|found| found.contains(problem)), "{judged:?} does not say `{problem}`");
        }
    }

    fn policy_case(statements: &[Value], left: &[Value]) -> Case {
        let now = match left {
            [] => Bucket { block: Block::ON, ..bucket() },
            left => with_policy(Block::ON, left, false),
        };
        Case::new(bucket(), with_policy(Block::OFF, statements, true), now)
    }

    #[test]
    fn only_the_public_statement_goes() {
        assert_eq!(policy_case(&[private(), public(), narrowed()], &[private(), narrowed()]).judge(), Ok(()));
        assert_eq!(policy_case(&[public()], &[]).judge(), Ok(()));
        let neither = "neither public nor for others was taken away";
        policy_case(&[private(), public()], &[]).fails(neither);
        policy_case(&[public(), narrowed()], &[]).fails(neither);
        policy_case(&[public(), private(), narrowed()], &[narrowed(), private()]).fails(neither);
        policy_case(&[public(), private()], &[private(), foreign()]).fails("that it did not have");
        let mut other = policy_case(&[public(), private()], &[private()]);
        other.now.policy = Some(json!({"Version": "2008-10-17", "Statement": [private()]}));
        other.fails("more than the statements");
    }

    #[test]
    fn what_the_event_opened_is_closed_and_told() {
        let after = || with_policy(Block::OFF, &[public()], true);
        Case::new(bucket(), after(), after()).fails("still open to everybody");
        let contained = with_policy(Block::ON, &[public()], true);
        let mut case = Case::new(bucket(), after(), contained);
        case.fails("waits for the day that the block is lifted");
        case.outcome = Some(Outcome::Contained);
        case.fails("waits for the day that the block is lifted");
        let doubtful = |block: Block| with_policy(block, &[private(), narrowed()], true);
        let mut case = Case::new(bucket(), doubtful(Block::OFF), doubtful(Block::ON));
        case.fails("waits for the day that the block is lifted");
        case.outcome = Some(Outcome::Contained);
        assert_eq!(case.judge(), Ok(()));
        let untold = Case { outcome: None, ..Case::new(bucket(), after(), after()) };
        untold.fails("nobody was told");
        let mut read = policy_case(&[public()], &[]);
        read.after.read_by_anybody.insert("key".to_owned());
        assert_eq!(read.judge(), Ok(()));
        read.now.read_by_anybody.insert("key".to_owned());
        read.fails("still open to everybody by this event: anybody reads `key`");
    }

    #[test]
    fn the_block_is_on_after_what_was_public() {
        let is_off = "of the bucket's public access block is off";
        let mut case = policy_case(&[public(), private()], &[private()]);
        case.now.block = Block::OFF;
        case.fails(is_off);
        let mut case = policy_case(&[public(), private()], &[private()]);
        case.now.block = Block { block_public_acls: false, ..Block::ON };
        case.fails("its public access block was changed");
        let mut case = Case {
            name: "PutBucketAcl",
            ..Case::new(
                bucket(),
                with_grants(Block::OFF, &[everybody(), friend()]),
                with_grants(Block::OFF, &[friend()]),
            )
        };
        case.fails(is_off);
        case.settings.s3_public_mode = Mode::Alert;
        case.now = case.after.clone();
        case.outcome = Some(Outcome::Alert);
        assert_eq!(case.judge(), Ok(()));
    }

    #[test]
    fn an_access_point_that_was_made_weak_is_not_called_reverted() {
        let weak = AccessPoint {
            bucket: "mine".to_owned(),
            block: Block::OFF,
            is_in_vpc: false,
            policy: None,
            is_policy_public: None,
        };
        let on = Bucket { block: Block::ON, ..bucket() };
        let mut case = Case { name: "CreateAccessPoint", ..Case::new(bucket(), bucket(), on) };
        case.access_point = Some(weak);
        case.fails("as weak as it was made");
        case.outcome = Some(Outcome::Contained);
        assert_eq!(case.judge(), Ok(()));
        case.now = bucket();
        case.fails("still open to everybody");
    }

    #[test]
    fn grants_to_everybody_go_and_others_stay() {
        let after = || with_grants(Block::OFF, &[everybody(), friend()]);
        let case = |left: &[Grant]| Case {
            name: "PutBucketAcl",
            ..Case::new(with_grants(Block::OFF, &[friend()]), after(), with_grants(Block::ON, left))
        };
        assert_eq!(case(&[friend()]).judge(), Ok(()));
        case(&[]).fails("should have stayed");
        case(&[everybody(), friend()]).fails("waits for the day");
        Case { outcome: Some(Outcome::Contained), ..case(&[everybody(), friend()]) }.fails("waits for the day");
        let stranger = grant(Grantee::User("stranger".to_owned()));
        case(&[friend(), stranger]).fails("a grant was added");
        let of_object = |grants: &[Grant]| {
            BTreeMap::from([("key".to_owned(), grants.iter().cloned().collect::<BTreeSet<Grant>>())])
        };
        let mut object = Case { name: "PutObjectAcl", ..Case::new(bucket(), bucket(), bucket()) };
        object.after.objects = of_object(&[everybody(), friend()]);
        object.before.objects = of_object(&[friend()]);
        (object.now.block, object.now.objects) = (Block::ON, of_object(&[friend()]));
        assert_eq!(object.judge(), Ok(()));
        object.now.objects = of_object(&[]);
        object.fails("should have stayed");
        object.now.objects = BTreeMap::new();
        object.fails("an object was deleted");
    }

    #[test]
    fn no_switch_is_turned_off_and_no_neighbour_touched() {
        let on = Bucket { block: Block::ON, ..bucket() };
        let mut lifted = Case { name: "DeleteBucketPublicAccessBlock", ..Case::new(on.clone(), bucket(), on.clone()) };
        assert_eq!(lifted.judge(), Ok(()));
        lifted.neighbour.block = Block::ON;
        lifted.fails("the event is about another one");
        lifted.neighbour = bucket();
        lifted.now.block = Block { restrict_public_buckets: false, ..Block::ON };
        lifted.fails("its public access block was changed");
        Case::new(bucket(), on.clone(), bucket()).fails("was turned off");
        Case::new(bucket(), bucket(), on).fails("nothing of it had been open");
    }

    #[test]
    fn the_account_block_is_on_again_unless_buckets_may_be_public() {
        let mut case = Case {
            name: "DeleteAccountPublicAccessBlock",
            account: [Block::ON, Block::OFF, Block::ON],
            ..Case::new(bucket(), bucket(), bucket())
        };
        assert_eq!(case.judge(), Ok(()));
        case.settings.public_buckets.insert("press-kit".to_owned());
        case.fails("the account's block was changed");
        case.account[2] = Block::OFF;
        assert_eq!(case.judge(), Ok(()));
        case.settings.public_buckets.clear();
        case.fails("still weaker");
        case.outcome = None;
        case.fails("nobody was told");
    }

    #[test]
    fn a_public_bucket_and_a_mode_that_only_tells_change_nothing() {
        let open = with_policy(Block::OFF, &[public()], true);
        let mut case = Case { outcome: None, ..Case::new(bucket(), open.clone(), open) };
        case.settings.public_buckets.insert("mine".to_owned());
        assert_eq!(case.judge(), Ok(()));
        let mut case = policy_case(&[public()], &[]);
        case.settings.public_buckets.insert("mine".to_owned());
        case.fails("was changed");
        let mut case = policy_case(&[public()], &[]);
        case.settings.s3_public_mode = Mode::Alert;
        case.fails("should have been left alone");
    }

    fn by_config(rule: &str, kind: &str, id: &str) -> Option<Value> {
        Some(
            json!({"id": "f", "detail-type": "Config Rules Compliance Change", "source": "aws.config", "account": "123456789012",
            "region": "us-east-1", "detail": {"configRuleName": rule, "resourceType": kind, "resourceId": id,
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}}),
        )
    }

    #[test]
    fn all_that_is_public_in_what_was_found_is_closed() {
        let open = || with_policy(Block::OFF, &[private(), public()], true);
        let shut = || with_policy(Block::ON, &[private()], false);
        let of_bucket = |rule| by_config(rule, "AWS::S3::Bucket", "mine");
        let found = || of_bucket("s3-bucket-public-read-prohibited");
        let case = |now| Case { found: found(), ..Case::new(open(), open(), now) };
        assert_eq!(case(shut()).judge(), Ok(()));
        case(open()).fails("still open to everybody");
        case(with_policy(Block::OFF, &[private()], false)).fails("of the bucket's public access block is off");
        Case { outcome: None, ..case(open()) }.fails("nobody was told");
        let mut told = Case { outcome: Some(Outcome::Alert), ..case(open()) };
        told.settings.s3_public_mode = Mode::Alert;
        assert_eq!(told.judge(), Ok(()));
        told.now = shut();
        told.fails("should have been left alone");
        // Closed by then.
        let closed = || Case { found: found(), outcome: None, ..Case::new(bucket(), bucket(), bucket()) };
        assert_eq!(closed().judge(), Ok(()));
        let without_block = Case { found: of_bucket("s3-bucket-level-public-access-prohibited"), ..closed() };
        without_block.fails("nobody was told");
        // Another one's.
        let other = by_config("s3-bucket-public-read-prohibited", "AWS::S3::Bucket", "other");
        Case { found: other, ..case(shut()) }.fails("the event is about another one");
    }

    #[test]
    fn the_account_block_that_was_found_off_is_on() {
        let found = by_config("s3-account-level-public-access-blocks-periodic", "AWS::::Account", "123456789012");
        let mut case =
            Case { found, account: [Block::OFF, Block::OFF, Block::ON], ..Case::new(bucket(), bucket(), bucket()) };
        assert_eq!(case.judge(), Ok(()));
        case.account[2] = Block::OFF;
        case.fails("still weaker");
        case.outcome = None;
        case.fails("nobody was told");
    }

    #[test]
    fn another_account_that_was_found_is_told() {
        let after = with_policy(Block::ON, &[foreign(), private()], false);
        let found = json!({"id": "f", "detail-type": "Access Analyzer Finding", "source": "aws.access-analyzer", "account": "123456789012",
            "region": "us-east-1", "detail": {"id": "a", "status": "ACTIVE", "resourceType": "AWS::S3::Bucket",
            "resource": "arn:aws:s3:::mine"}});
        let mut case = Case { found: Some(found), ..Case::new(after.clone(), after.clone(), after) };
        case.outcome = Some(Outcome::Alert);
        assert_eq!(case.judge(), Ok(()));
        case.settings.s3_cross_account_mode = Mode::Revert;
        case.fails("still let in: 999988887777");
        case.outcome = None;
        case.fails("nobody was told");
    }

    #[test]
    fn another_account_is_told_and_taken_out_by_choice() {
        let after = with_policy(Block::OFF, &[foreign(), private()], false);
        let mut case = Case::new(bucket(), after.clone(), after);
        case.outcome = Some(Outcome::Alert);
        assert_eq!(case.judge(), Ok(()));
        case.settings.s3_cross_account_mode = Mode::Revert;
        case.fails("still let in: 999988887777");
        case.now = with_policy(Block::OFF, &[private()], false);
        assert_eq!(case.judge(), Ok(()));
        case.settings.s3_cross_account_mode = Mode::Alert;
        case.fails("neither public nor for others");
        case.now = case.after.clone();
        case.outcome = None;
        case.fails("nobody was told");
    }
}
