//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::Scope;
use super::acl::{Grant, Grantee};
use super::block::Block;
use super::detect::{AccessPointChange, BucketChange, Finding, Opened, Told, opens};
use super::judge::{Circle, PublicStatement, outsiders, public_statements, public_statements_of_access_point};
use super::plan::{Action, Doubt, Plan};
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, tries_again};
use crate::command::{is_argument, is_bucket_name};
use crate::event::Event;
use crate::json::text;
use crate::language::{Language, Localized};
use crate::settings::{Mode, Settings};
use crate::text::quote;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// Only told: snapback takes nothing of the kind back.
    Told,
    /// It could not be read whether anything is open, and nothing was changed.
    NotRead {
        /// Why.
        problem: String,
    },
    /// Nothing was changed: by mode, by rollout, because the account's block would close PublicBuckets, because a block keeps everybody out,
    /// or because it is only told.
    Left {
        /// What is open, and what would have been done.
        plan: Box<Plan>,
    },
    /// Nothing of it was there any more; `None` if the bucket, the object or the access point is gone.
    Gone(Option<Box<Plan>>),
    /// Something was changed, or tried.
    Done {
        /// What was open.
        before: Box<Plan>,
        /// What was carried out, in order.
        carried_out: Vec<Action>,
        /// What went wrong.
        problems: Vec<String>,
        /// What is open now, as it was read at the end; `None` if the bucket or the access point is gone.
        now: Option<Box<Plan>>,
        /// When the door had been shut, if it was seen shut.
        shut_at: Option<DateTime<Utc>>,
    },
}

/// Puts together what a person is told.
pub fn report(event: &Event, finding: &Finding, settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let mut report = Report::new(settings.alert_language, Outcome::Alert, headline(finding, course.plan()));
    report.happened = happened(event, finding, settings);
    report.happened.extend(course.plan().map(of_others).unwrap_or_default());
    report.to_allow = to_allow(event, finding, course.plan(), report.language);
    report.actions = planned(course);
    match course {
        Course::Told => told(&mut report, finding),
        Course::NotRead { problem } => not_read(&mut report, event, finding, settings, problem),
        Course::Left { plan } => left_as_it_is(&mut report, event, finding, settings, plan),
        Course::Gone(plan) => gone(&mut report, finding, plan.as_deref()),
        Course::Done { before, carried_out, problems, now, shut_at } => {
            report.closed_at = *shut_at;
            done(&mut report, event, finding, settings, &Done { before, carried_out, problems, now: now.as_deref() });
        }
    }
    report.steps = steps;
    report
}

impl Course {
    /// What was open, as far as it was seen.
    fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Left { plan } | Self::Gone(Some(plan)) | Self::Done { before: plan, .. } => Some(plan),
            Self::Told | Self::NotRead { .. } | Self::Gone(None) => None,
        }
    }
}

/// What was changed, in a few words; of several, the worst.
fn headline(finding: &Finding, plan: Option<&Plan>) -> String {
    let is_doubtful = plan.is_some_and(|plan| plan.doubt == Some(Doubt::OnlySnapback) && plan.grants.is_empty());
    let is_public = !written_public(finding).is_empty() || plan.is_none_or(Plan::is_public);
    let of_others = plan.filter(|plan| !plan.is_public()).and_then(others);
    let set_or_deleted = |block: &Option<Block>| if block.is_some() { "weakened" } else { "deleted" };
    match &finding.opened {
        Opened::Account(block) => format!("S3 public access block of the account {}", set_or_deleted(block)),
        Opened::Bucket { bucket, change } => match change {
            BucketChange::Block(block) => format!("public access block of bucket {bucket} {}", set_or_deleted(block)),
            BucketChange::Policy(_) => match of_others {
                Some(others) => format!("bucket {bucket}: policy lets in {others}"),
                None if is_doubtful => format!("policy of bucket {bucket} may be public"),
                None if !is_public => format!("policy of bucket {bucket}"),
                None => format!("public policy on bucket {bucket}"),
            },
            BucketChange::Acl(_) | BucketChange::ObjectAcl { .. } => {
                let is_buckets = matches!(change, BucketChange::Acl(_));
                match of_others {
                    Some(others) if is_buckets => format!("bucket {bucket}: ACL lets in {others}"),
                    Some(others) => format!("bucket {bucket}: ACL of an object lets in {others}"),
                    None if is_buckets => format!("public ACL of bucket {bucket}"),
                    None => format!("public ACL of an object in bucket {bucket}"),
                }
            }
        },
        Opened::AccessPoint { name, change, .. } => match (change, of_others) {
            (AccessPointChange::Created(_), _) => format!("access point {name} made with a weak public access block"),
            (AccessPointChange::Policy(_), Some(others)) => format!("policy of access point {name} lets in {others}"),
            (AccessPointChange::Policy(_), None) if is_doubtful => {
                format!("policy of access point {name} may be public")
            }
            (AccessPointChange::Policy(_), None) if !is_public => format!("policy of access point {name}"),
            (AccessPointChange::Policy(_), None) => format!("public policy on access point {name}"),
        },
        Opened::Told(Told::MultiRegion { name, .. }) => {
            format!("multi-Region access point {} may be public", name.as_deref().unwrap_or("of unknown name"))
        }
        Opened::Told(Told::AclsEnabled { bucket, .. }) => format!("ACLs of bucket {bucket} count"),
    }
}

/// The public statements of the policy that the event wrote.
fn written_public(finding: &Finding) -> Vec<PublicStatement> {
    match (&finding.opened, finding.document().flatten()) {
        (Opened::AccessPoint { .. }, Some(document)) => public_statements_of_access_point(document),
        (_, Some(document)) => public_statements(document),
        (_, None) => Vec::new(),
    }
}

/// Whom of others a policy or a list lets in; `None` if nobody.
fn others(plan: &Plan) -> Option<String> {
    let mut accounts: Vec<&String> = plan.outsiders.iter().flat_map(|outsider| &outsider.accounts).collect();
    accounts.sort_unstable();
    accounts.dedup();
    match accounts.as_slice() {
        [] if plan.outsiders.is_empty() && plan.foreign_grants.is_empty() => None,
        [] => Some("somebody unknown".to_owned()),
        [one] => Some(format!("account {one}")),
        [one, more @ ..] => Some(format!("account {one} and {} more", more.len())),
    }
}

fn happened(event: &Event, finding: &Finding, settings: &Settings) -> Vec<String> {
    let call = quote(&event.name);
    // What may be public is no matter of this mail.
    let is_looked_for = Scope::of(settings, finding.bucket()).public;
    let public = if is_looked_for { written_public(finding) } else { Vec::new() };
    let not_in_it = |what: &str| format!("{what} is not in the event in a form that can be read.");
    let block = |of: &str, block: &Option<Block>| match block {
        Some(block) => format!("{call} set the public access block of {of}. Off: {}.", block.off().join(", ")),
        None => format!("{call} deleted the public access block of {of}: all four switches are off."),
    };
    match &finding.opened {
        Opened::Account(change) => vec![
            block("the account", change),
            "It holds for all buckets of the account. What it was before is not in the event.".to_owned(),
        ],
        Opened::Bucket { bucket, change } => {
            let bucket = format!("bucket {}", quote(bucket));
            match change {
                BucketChange::Block(change) => vec![block(&bucket, change)],
                BucketChange::Policy(document) => {
                    let mut lines = vec![format!("{call} wrote the policy of {bucket}.")];
                    match document {
                        Some(_) => lines.extend(named_statements(&public)),
                        None => lines.push(not_in_it("The policy")),
                    }
                    lines
                }
                BucketChange::Acl(grants) => {
                    let of =
                        if event.name == "CreateBucket" { "made" } else { "wrote the access control list (ACL) of" };
                    let mut lines = vec![format!("{call} {of} {bucket}.")];
                    lines.extend(named_grants(grants.as_deref(), &not_in_it("The list")));
                    lines
                }
                BucketChange::ObjectAcl { key, version_id, grants } => {
                    let version = version_id.as_deref();
                    let version = version.map_or_else(String::new, |version| format!(" (version {})", quote(version)));
                    let of = format!("object {}{version} in {bucket}", quote(key));
                    let mut lines = vec![format!("{call} wrote the access control list (ACL) of {of}.")];
                    lines.extend(named_grants(grants.as_deref(), &not_in_it("The list")));
                    lines
                }
            }
        }
        Opened::AccessPoint { name, bucket, change } => {
            let to = bucket.as_deref().map_or_else(String::new, |bucket| format!(" to bucket {}", quote(bucket)));
            let of = format!("access point {}{to}", quote(name));
            match change {
                AccessPointChange::Created(block) => vec![
                    format!("{call} made {of}. Its own public access block, which can't be changed later, is without"),
                    format!("{}.", block.off().join(", ")),
                ],
                AccessPointChange::Policy(document) => {
                    let mut lines = vec![format!("{call} wrote the policy of {of}.")];
                    match document {
                        Some(_) => lines.extend(named_statements(&public)),
                        None => lines.push(not_in_it("The policy")),
                    }
                    lines
                }
            }
        }
        Opened::Told(Told::MultiRegion { name, reasons }) => {
            let name = name.as_deref().map_or_else(String::new, |name| format!(" {}", quote(name)));
            let mut lines = vec![format!("{call} was called for a multi-Region access point{name}:")];
            lines.extend(reasons.iter().map(|reason| format!("  - {}", quote(reason))));
            lines
        }
        Opened::Told(Told::AclsEnabled { bucket, ownership }) => {
            let ownership = match ownership {
                Some(ownership) if event.name == "CreateBucket" => {
                    format!("made bucket {} with the object ownership {}", quote(bucket), quote(ownership))
                }
                Some(ownership) => {
                    format!("set the object ownership of bucket {} to {}", quote(bucket), quote(ownership))
                }
                None => format!("deleted the object ownership setting of bucket {}", quote(bucket)),
            };
            vec![
                format!("{call} {ownership}."),
                "With that, access control lists (ACLs) of the bucket and of its objects count.".to_owned(),
            ]
        }
    }
}

fn named_statements(statements: &[PublicStatement]) -> Vec<String> {
    let line = |statement: &PublicStatement| {
        let sid = text(&statement.statement, "Sid");
        let sid = sid.map_or_else(String::new, |sid| format!(" ({})", quote(&sid)));
        format!("  - statement {}{sid} is public: {}", statement.index + 1, quote(&statement.reason))
    };
    statements.iter().map(line).collect()
}

fn named_grants(grants: Option<&[Grant]>, otherwise: &str) -> Vec<String> {
    let Some(grants) = grants else { return vec![otherwise.to_owned()] };
    let public = grants.iter().filter(|grant| grant.grantee.is_public());
    public.map(|grant| format!("  - it gives {}", quote(&grant.to_string()))).collect()
}

fn told(report: &mut Report, finding: &Finding) {
    report.done.push("Nothing: snapback only tells of this.".to_owned());
    match &finding.opened {
        Opened::Told(Told::MultiRegion { .. }) => {
            report.severity = Some(Severity::High);
            report.left.push(
                "Judge the access point in the S3 console, and delete it or its policy if it is not meant to be public."
                    .to_owned(),
            );
            report.left.push("The blocks of its buckets and of the account hold for it too.".to_owned());
        }
        Opened::Told(Told::AclsEnabled { bucket, .. }) => {
            report.severity = Some(Severity::Low);
            report.left.push("If no ACL is needed, turn them off again:".to_owned());
            report.left.extend(command(
                &["s3api", "put-bucket-ownership-controls", "--bucket", bucket],
                " --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'",
                None,
            ));
        }
        Opened::Account(_) | Opened::Bucket { .. } | Opened::AccessPoint { .. } => {}
    }
}

/// It is bad only if the event itself says that it opened something, or does not say what it did.
fn not_read(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings, problem: &str) {
    let opens = opens(finding, settings, finding.bucket());
    report.headline = format!("{} could not be read", what(finding));
    report.done.push("Nothing was changed, because it could not be read:".to_owned());
    report.done.push(format!("  - {}", quote(problem)));
    if finding.is_told_in_full() && !opens.public && !opens.outsiders {
        report.severity = Some(Severity::Low);
        let circle = Circle { account: &finding.account, trusted: &settings.trusted_accounts, owner_id: None };
        let document = finding.document().flatten();
        let is_for_account = |grant: &Grant| !matches!(grant.grantee, Grantee::Group(_));
        let names_somebody = document.is_some_and(|document| !outsiders(document, &circle).is_empty())
            || finding.grants().flatten().is_some_and(|grants| grants.iter().any(is_for_account));
        report.done.push(
            match names_somebody {
                true => {
                    "By the event itself it is not for everybody. Whose those are whom it lets in could not be told."
                }
                false => "By the event itself it lets in nobody whom it should not.",
            }
            .to_owned(),
        );
        report.left.push("See that it is what you want, since AWS could not be asked whether it is public.".to_owned());
        return;
    }
    report.outcome = Outcome::Failed;
    report.problem = Some(Localized::verbatim(format!("It could not be read, so nothing was changed: {problem}")));
    if opens.outsiders && !opens.public {
        report.left.push("Take the other accounts out of the policy by hand.".to_owned());
    } else {
        how_to_close(report, event, finding, settings);
    }
    report.left.push("A bucket of another account is for that account to close.".to_owned());
    report.left.push(tries_again(report.language));
}

/// What was changed, without how.
fn what(finding: &Finding) -> String {
    match &finding.opened {
        Opened::Account(_) => "the account's S3 public access block".to_owned(),
        Opened::Bucket { bucket, .. } | Opened::Told(Told::AclsEnabled { bucket, .. }) => format!("bucket {bucket}"),
        Opened::AccessPoint { name, .. } => format!("access point {name}"),
        Opened::Told(Told::MultiRegion { name, .. }) => {
            format!("multi-Region access point {}", name.as_deref().unwrap_or("of unknown name"))
        }
    }
}

fn gone(report: &mut Report, finding: &Finding, plan: Option<&Plan>) {
    report.headline.push_str(", already gone");
    report.done.push(match (plan, &finding.opened) {
        (None, Opened::AccessPoint { .. }) => {
            "Nothing was changed: the access point was gone when snapback looked.".to_owned()
        }
        (None, _) => "Nothing was changed: the bucket or the object was gone when snapback looked.".to_owned(),
        (Some(_), Opened::Account(_) | Opened::Bucket { change: BucketChange::Block(_), .. }) => {
            "Nothing was changed: all four switches were on again when snapback looked.".to_owned()
        }
        (Some(_), _) if finding.document().is_some() && written_public(finding).is_empty() => {
            "Nothing was changed: nobody else was let in any more when snapback looked.".to_owned()
        }
        (Some(_), _) => "Nothing was changed: it was not public any more when snapback looked.".to_owned(),
    });
    if let Some(plan) = plan {
        let is_of_policy = finding.document().is_some();
        say_unseen(report, finding, plan, plan.hides_grants && !is_of_policy);
        could_not_be_read(report, plan);
    }
}

fn left_as_it_is(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings, plan: &Plan) {
    report.severity = Some(match (&finding.opened, plan.doubt) {
        (_, Some(Doubt::OnlySnapback)) if plan.grants.is_empty() && !plan.is_blocked => Severity::Medium,
        _ if plan.is_public() && !plan.is_blocked => Severity::High,
        (Opened::Account(_), _) if !plan.switches_off.is_empty() => Severity::High,
        _ if plan.is_open() => Severity::Medium,
        _ if plan.outsiders.iter().any(|outsider| !outsider.accounts.is_empty()) => Severity::Medium,
        _ => Severity::Low,
    });
    let would: Vec<String> = plan.actions().flat_map(Action::lines).collect();
    let concerns_public = plan.is_public() || plan.is_open() || !plan.switches_off.is_empty();
    match would.as_slice() {
        [] if concerns_public && settings.s3_public_mode == Mode::Alert => {
            report.done.push("Nothing was changed, because S3PublicMode is `alert`.".to_owned());
        }
        [] if matches!(finding.opened, Opened::Account(_)) && !settings.public_buckets.is_empty() => {
            report.done.push(
                "Nothing was changed: the account's block would also close the buckets in PublicBuckets.".to_owned(),
            );
        }
        [] => report.done.push("Nothing was changed.".to_owned()),
        _ => {
            report.headline = format!("would have reverted: {}", report.headline);
            report
                .done
                .push("Nothing was changed, because Rollout is `observe`. With `enforce` it would have:".to_owned());
            report.done.extend(would);
        }
    }
    say_doubt(report, plan.doubt, Some(plan));
    say_unseen(report, finding, plan, plan.hides_grants && finding.document().is_none());
    if let Some(account) = &plan.other_account {
        report
            .done
            .push(format!("The bucket is in account {}, whose block it is not snapback's to change.", quote(account)));
    }
    if concerns_public && plan.is_blocked {
        if plan.doubt != Some(Doubt::OnlySnapback) {
            report.done.push("The block is on, and keeps everybody out.".to_owned());
        }
        delete_weak_access_point(report, event, finding);
    } else if concerns_public && plan.other_account.is_none() {
        how_to_close(report, event, finding, settings);
    } else if concerns_public {
        delete_weak_access_point(report, event, finding);
    }
    judge_others(report, plan, settings);
    could_not_be_read(report, plan);
}

/// Those of other accounts who are let in.
fn of_others(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    if !plan.outsiders.is_empty() {
        lines.push("The policy lets in others than this account:".to_owned());
        lines.extend(plan.outsiders.iter().map(|outsider| {
            let principal = quote(&outsider.principal.to_string());
            format!("  - {principal} (statement {}): {}", outsider.index + 1, quote(&outsider.reason))
        }));
    }
    if !plan.foreign_grants.is_empty() {
        lines.push("The list gives others than this account:".to_owned());
        lines.extend(plan.foreign_grants.iter().map(|grant| format!("  - {}", quote(&grant.to_string()))));
    }
    lines
}

/// What is left to do about those of other accounts who still are in it.
fn judge_others(report: &mut Report, plan: &Plan, settings: &Settings) {
    if plan.outsiders.is_empty() && plan.foreign_grants.is_empty() {
        return;
    }
    let is_certain = plan.outsiders.iter().any(|outsider| outsider.is_certain);
    if is_certain && settings.s3_cross_account_mode == Mode::Alert {
        report.done.push("Other accounts in the policy are left, because S3CrossAccountMode is `alert`.".to_owned());
    } else if !is_certain && plan.outsiders.iter().any(|outsider| !outsider.accounts.is_empty()) {
        report.done.push("They are left: the same words let in this account or one of TrustedAccounts.".to_owned());
    } else if !is_certain {
        report.done.push("Whose they are could not be told, so they are left.".to_owned());
    }
    report.left.push("If those whom it lets in are not yours, take them out.".to_owned());
}

fn could_not_be_read(report: &mut Report, plan: &Plan) {
    if plan.not_read.is_empty() {
        return;
    }
    report.left.push("This could not be read, so look at it yourself:".to_owned());
    report.left.extend(plan.not_read.iter().map(|problem| format!("  - {}", quote(problem))));
}

/// What was done, and how it stands.
struct Done<'a> {
    before: &'a Plan,
    carried_out: &'a [Action],
    problems: &'a [String],
    now: Option<&'a Plan>,
}

impl Done<'_> {
    /// Whether AWS and snapback disagree on the policy, by the last look that could read it.
    fn doubt(&self) -> Option<Doubt> {
        let now = self.now?;
        now.doubt.or(self.before.doubt.filter(|_| now.is_policy_unread))
    }

    /// Whether nothing was public: only other accounts were let in.
    fn takes_only_others_out(&self) -> bool {
        let is_public = |plan: &Plan| plan.is_public() || !plan.switches_off.is_empty();
        let takes_others_out = self.before.repair.iter().any(Action::takes_others_out);
        let is_public = is_public(self.before) || self.now.is_some_and(is_public);
        takes_others_out && self.before.contain.is_none() && !is_public
    }

    fn wrote_list(&self) -> bool {
        self.carried_out.iter().any(|action| matches!(action, Action::WriteAcl { .. }))
    }

    /// Whether something that was to be done isn't, or was not seen to be.
    fn is_unfinished(&self) -> bool {
        self.now.is_some_and(|now| now.contain.is_some() || !now.repair.is_empty() || !now.not_read.is_empty())
    }

    fn outcome(&self, finding: &Finding, settings: &Settings) -> Outcome {
        let Some(now) = self.now else { return Outcome::Reverted };
        let takes_public = settings.s3_public_mode == Mode::Revert;
        let is_unseen = !now.is_blocked && !now.not_read.is_empty();
        let may_be_public = takes_public && !self.takes_only_others_out() && (now.is_open() || is_unseen);
        let was_to_take_others_out = self.before.repair.iter().any(Action::takes_others_out);
        let may_let_others_in =
            now.repair.iter().any(Action::takes_others_out) || was_to_take_others_out && now.is_policy_unread;
        let is_for_good = matches!(finding.opened, Opened::AccessPoint { change: AccessPointChange::Created(_), .. });
        match () {
            () if may_be_public || may_let_others_in => Outcome::Failed,
            // Left by its mode, beside what another mode took back.
            () if !takes_public && now.is_open() => Outcome::Alert,
            () if self.is_unfinished() || is_for_good || self.doubt().is_some() => Outcome::Contained,
            () if now.is_version_unknown => Outcome::Contained,
            // An organization's policy refuses changes of the account's block, which it sets itself.
            () if !self.problems.is_empty() && matches!(finding.opened, Opened::Account(_)) => Outcome::Contained,
            // By that call, or by somebody else.
            () if !self.problems.is_empty() => Outcome::Alert,
            () => Outcome::Reverted,
        }
    }
}

fn done(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings, done: &Done<'_>) {
    report.outcome = done.outcome(finding, settings);
    let to_repair = done.now.is_some_and(|now| !now.repair.is_empty());
    // Another try helps only if this one was not refused for good.
    let to_contain = done.now.is_some_and(|now| now.contain.is_some());
    let is_refused = done.problems.iter().any(|problem| problem.contains("AccessDenied"));
    if report.outcome == Outcome::Failed || to_repair || to_contain && !is_refused {
        report.problem = Some(Localized::verbatim(match done.problems {
            [] => "what was to be closed or taken out was still there when it was read again, or could not be read"
                .to_owned(),
            problems => problems.join("; "),
        }));
    }
    match done.carried_out {
        [] => report.done.push("Nothing could be carried out.".to_owned()),
        actions => {
            report.done.push("Carried out:".to_owned());
            report.done.extend(actions.iter().flat_map(Action::lines));
        }
    }
    if report.problem.is_none() {
        let what =
            if done.is_unfinished() { "This was refused" } else { "It is done, though a call ended in an error" };
        report.done.extend(done.problems.iter().map(|problem| format!("{what}: {}", quote(problem))));
    }
    for action in done.carried_out {
        if let Action::WritePolicy { document, public, .. } = action {
            let rest = document.is_some().then_some("The rest of the policy stays as it was.");
            let is_in_event = !public.is_empty() && finding.document().flatten().is_some();
            let text = is_in_event.then_some("The event in CloudTrail holds the policy in full, as it was written.");
            report.done.extend(rest.into_iter().chain(text).map(str::to_owned));
        }
    }
    if done.carried_out.iter().any(|action| puts_right_more(action, finding)) {
        report.done.push(
            "What was public in the bucket without this event went too: the bucket's block closes it in any case."
                .to_owned(),
        );
    }
    report.done.push(seen(finding, done, report.outcome));
    if report.outcome == Outcome::Alert && done.now.is_some_and(Plan::is_open) {
        report.severity = Some(Severity::High);
        report.done.push("What is public in it was left, because S3PublicMode is `alert`.".to_owned());
        how_to_close(report, event, finding, settings);
    }
    if let (Opened::Account(_), true) = (&finding.opened, done.now.is_some_and(|now| now.is_blocked)) {
        report.left.push(
            "All four switches are on now. What they were before is not in the event: what was public on purpose is closed."
                .to_owned(),
        );
    }
    if report.outcome == Outcome::Contained && to_contain {
        close_by_block(report, event, finding, settings);
    }
    if report.outcome == Outcome::Failed {
        if done.takes_only_others_out() {
            report.left.push("Take the other accounts out of the policy by hand.".to_owned());
        } else {
            how_to_close(report, event, finding, settings);
        }
    }
    say_doubt(report, done.doubt(), done.now);
    let hides_grants = done.before.hides_grants && finding.document().is_none() && !done.wrote_list();
    say_unseen(report, finding, done.now.unwrap_or(done.before), hides_grants);
    if report.outcome == Outcome::Contained {
        delete_weak_access_point(report, event, finding);
    }
    if let Some(now) = done.now {
        could_not_be_read(report, now);
    }
    if done.before.is_public() && !done.before.is_blocked {
        report.left.push(
            "If it held what must not be public, see who read it meanwhile: CloudTrail's data events or S3's server access logs, where they are on."
                .to_owned(),
        );
    }
    if let Some(now) = done.now {
        judge_others(report, now, settings);
    }
    if report.problem.is_some() {
        report.left.push(tries_again(report.language));
    }
}

/// What is left to do about an access point that was made weak.
fn delete_weak_access_point(report: &mut Report, event: &Event, finding: &Finding) {
    let Opened::AccessPoint { name, change: AccessPointChange::Created(_), .. } = &finding.opened else { return };
    report.left.push(
        "The access point's own block can't be changed; only the bucket's keeps everybody out. If the access point is not needed:"
            .to_owned(),
    );
    let arguments = ["s3control", "delete-access-point", "--account-id", &finding.account, "--name", name];
    report.left.extend(command(&arguments, "", region(event, finding)));
}

/// What S3 does not show.
fn say_unseen(report: &mut Report, finding: &Finding, plan: &Plan, hides_grants: bool) {
    if let (true, Opened::Bucket { bucket, change: BucketChange::ObjectAcl { key, .. } }) =
        (plan.is_version_unknown, &finding.opened)
    {
        report.left.push(
            match plan.hides_grants {
                true => "The event does not say which version of the object it made public: look at all of them.",
                false => "The event does not say which version of the object it made public, and the newest is not: look at the others.",
            }
            .to_owned(),
        );
        let arguments = ["s3api", "list-object-versions", "--bucket", bucket, "--prefix", key];
        report.left.extend(command(&arguments, "", finding.region.as_deref()));
    }
    if hides_grants {
        report.left.push(
            "IgnorePublicAcls was on already: S3 then hides what grants to everybody the access control lists (ACLs) hold. Look at them before the block is ever lifted."
                .to_owned(),
        );
    }
}

/// What a disagreement means, and what is left to do about it.
fn say_doubt(report: &mut Report, doubt: Option<Doubt>, now: Option<&Plan>) {
    let Some(doubt) = doubt else { return };
    report.left.push(
        match doubt {
            Doubt::OnlyAws => {
                "AWS calls the policy public (policy status), and snapback found no public statement in it, or could not read it."
            }
            Doubt::OnlySnapback => {
                "These statements are for everybody, and AWS does not call the policy public (policy status): a Deny in it may keep out all but a few."
            }
        }
        .to_owned(),
    );
    if let (Doubt::OnlySnapback, Some(now)) = (doubt, now) {
        report.left.extend(named_statements(&now.statements));
    }
    report.left.push(
        match (doubt, now.is_some_and(|now| now.is_blocked)) {
            (Doubt::OnlyAws, true) => {
                "The policy was left. The block stays on and keeps everybody out, other accounts in the policy too."
            }
            (Doubt::OnlySnapback, true) => {
                "The policy was left. The block stays on; where AWS calls a policy not public, it changes nothing."
            }
            (_, false) => "The policy was left, and no block is on.",
        }
        .to_owned(),
    );
    report.left.push("Judge the policy by hand.".to_owned());
}

/// Whether an action puts right what the event did not change.
fn puts_right_more(action: &Action, finding: &Finding) -> bool {
    let Opened::Bucket { change, .. } = &finding.opened else { return false };
    match action {
        Action::BlockAccount { .. } | Action::BlockBucket { .. } => false,
        Action::WritePolicy { .. } => !matches!(change, BucketChange::Policy(_)),
        Action::WriteAcl { object: None, .. } => !matches!(change, BucketChange::Acl(_)),
        Action::WriteAcl { object: Some(_), .. } => false,
    }
}

/// What the last look showed.
fn seen(finding: &Finding, done: &Done<'_>, outcome: Outcome) -> String {
    let Some(now) = done.now else { return "Looked again afterwards: it is gone.".to_owned() };
    let is_bucket = !matches!(finding.opened, Opened::Account(_));
    let is_hidden = done.before.hides_grants && !done.wrote_list() || now.is_version_unknown;
    match () {
        () if outcome == Outcome::Failed => "It was read again afterwards, and was not seen to be closed.",
        () if done.takes_only_others_out() || !now.is_blocked && now.is_open() => {
            "It was read again afterwards: they are no longer in the policy."
        }
        () if now.is_blocked && is_bucket && !now.is_public() && !done.is_unfinished() && !is_hidden => {
            "It was read again afterwards: all four switches of the block are on, and nothing under it is public."
        }
        () if now.is_blocked => "It was read again afterwards: all four switches of the block are on.",
        () if is_hidden || done.is_unfinished() => "It was read again afterwards.",
        () => "It was read again afterwards: nothing of it is public any more.",
    }
    .to_owned()
}

/// The changes that were planned, for the log.
fn planned(course: &Course) -> Vec<String> {
    match course {
        Course::Left { plan } | Course::Done { before: plan, .. } => plan.actions().map(ToString::to_string).collect(),
        Course::Told | Course::NotRead { .. } | Course::Gone(_) => Vec::new(),
    }
}

/// The switches of a block, as the AWS CLI takes them.
const ALL_ON: &str = "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true";

fn how_to_close(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings) {
    close_by_block(report, event, finding, settings);
    let account = finding.account.as_str();
    let region = region(event, finding);
    match &finding.opened {
        Opened::Bucket { bucket, change: BucketChange::Policy(_) } => {
            report.left.push("Then take the public statements out of the policy.".to_owned());
            let delete = command(&["s3api", "delete-bucket-policy", "--bucket", bucket], "", region);
            by_command(report, "If the policy denies that to you, root can delete it with all its statements:", delete);
        }
        Opened::Bucket { change: BucketChange::Acl(_) | BucketChange::ObjectAcl { .. }, .. } => {
            report.left.push("Then take the grants to everybody out of the access control list.".to_owned());
        }
        Opened::AccessPoint { name, change: AccessPointChange::Policy(_), .. } => {
            let arguments = ["s3control", "delete-access-point-policy", "--account-id", account, "--name", name];
            let delete = command(&arguments, "", region);
            let what = "Then take the public statements out of the access point's policy, or delete all of it:";
            by_command(report, what, delete);
        }
        _ => {}
    }
}

fn close_by_block(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings) {
    let account = finding.account.as_str();
    let region = region(event, finding);
    let options = format!(" --public-access-block-configuration {ALL_ON}");
    let bucket = match &finding.opened {
        Opened::Account(_) => {
            let close_all =
                command(&["s3control", "put-public-access-block", "--account-id", account], &options, region);
            let of = match settings.public_buckets.is_empty() {
                true => "Close it by hand, for all buckets of the account:",
                false => "Close it by hand, for all buckets of the account, those in PublicBuckets too:",
            };
            by_command(report, of, close_all);
            return;
        }
        Opened::Bucket { bucket, .. } => Some(bucket),
        Opened::AccessPoint { bucket, .. } => bucket.as_ref(),
        Opened::Told(_) => return,
    };
    match bucket {
        Some(bucket) => {
            let close = command(&["s3api", "put-public-access-block", "--bucket", bucket], &options, region);
            by_command(report, "Close it by hand:", close);
        }
        None => report.left.push("Turn on the public access block of the access point's bucket.".to_owned()),
    }
}

/// What to do, and the command for it, if there can be one.
fn by_command(report: &mut Report, what: &str, command: Option<String>) {
    report.left.push(what.to_owned());
    report.left.push(
        command.unwrap_or_else(|| "  (in the console: the name in the event can't be put into a command)".to_owned()),
    );
}

/// The region that a command has to name.
fn region<'a>(event: &'a Event, finding: &'a Finding) -> Option<&'a str> {
    finding.region.as_deref().or(event.region.as_deref()).filter(|region| is_argument(region))
}

/// A command of the AWS CLI; `None` if something in it could mean something else to a shell.
fn command(arguments: &[&str], options: &str, region: Option<&str>) -> Option<String> {
    let region = region.map_or_else(String::new, |region| format!(" --region {region}"));
    let (options_of_command, values): (Vec<&&str>, Vec<&&str>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let is_plain = values.iter().all(|value| is_argument(value)) && !options_of_command.is_empty();
    is_plain.then(|| format!("  aws {}{options}{region}", arguments.join(" ")))
}

fn to_allow(event: &Event, finding: &Finding, plan: Option<&Plan>, language: Language) -> Vec<String> {
    let bucket = match &finding.opened {
        Opened::Bucket { bucket, .. } | Opened::Told(Told::AclsEnabled { bucket, .. }) => Some(bucket),
        Opened::AccessPoint { bucket, .. } => bucket.as_ref(),
        Opened::Account(_) | Opened::Told(Told::MultiRegion { .. }) => None,
    };
    let mut lines = Vec::new();
    let is_public = plan.is_none_or(|plan| plan.is_public() || !plan.switches_off.is_empty() || plan.doubt.is_some());
    if let Some(bucket) = bucket.filter(|bucket| is_public && is_bucket_name(bucket)) {
        lines.push(format!("For this bucket to be public, add to the setting PublicBuckets: {bucket}"));
    }
    let mut accounts: Vec<&str> = plan
        .into_iter()
        .flat_map(|plan| &plan.outsiders)
        .flat_map(|outsider| &outsider.accounts)
        .map(String::as_str)
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    if !accounts.is_empty() {
        lines.push(format!("For these accounts, add to the setting TrustedAccounts: {}", quote(&accounts.join(","))));
    }
    lines.extend(allow_actor(event, language));
    lines
}
