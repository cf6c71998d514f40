//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::Scope;
use super::acl::{Grant, Grantee};
use super::block::Block;
use super::detect::{AccessPointChange, AccountChange, BucketChange, Finding, Ground, Opened, Told, opens};
use super::judge::{Circle, PublicStatement, outsiders, public_statements, public_statements_of_access_point};
use super::plan::{Action, Doubt, Plan};
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, found, nothing_allows, tries_again};
use crate::command::{is_argument, is_bucket_name};
use crate::event::{Event, Origin};
use crate::json::text;
use crate::language::{Language, Localized};
use crate::settings::{Mode, Settings};
use crate::text::quote;
use crate::{localized, say};

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// Only told: snapback takes nothing of the kind back.
    Told,
    /// It could not be read whether anything is open, and nothing was changed.
    NotRead {
        /// Why.
        problem: Localized,
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
        problems: Vec<Localized>,
        /// What is open now, as it was read at the end; `None` if the bucket or the access point is gone.
        now: Option<Box<Plan>>,
        /// When the door had been shut, if it was seen shut.
        shut_at: Option<DateTime<Utc>>,
    },
}

/// Puts together what a person is told.
pub fn report(event: &Event, finding: &Finding, settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let mut report = Report::new(settings.alert_language, Outcome::Alert, headline(finding, course.plan()));
    report.happened = found(event, report.language).into_iter().collect();
    report.happened.extend(match finding.is_found() {
        true => course.plan().map(|plan| shown(finding, plan, report.language)).unwrap_or_default(),
        false => happened(event, finding, settings),
    });
    report.happened.extend(course.plan().map(|plan| of_others(plan, report.language)).unwrap_or_default());
    report.to_allow = to_allow(event, finding, course.plan(), report.language);
    report.actions = planned(course);
    match course {
        Course::Told => told(&mut report, event, finding),
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
        Opened::Account(AccountChange::Set(_)) => "S3 public access block of the account weakened".to_owned(),
        Opened::Account(AccountChange::Deleted) => "S3 public access block of the account deleted".to_owned(),
        Opened::Account(AccountChange::Found) => "S3 public access block of the account is not on".to_owned(),
        Opened::Bucket { bucket, change } => match change {
            BucketChange::Block(block) => format!("public access block of bucket {bucket} {}", set_or_deleted(block)),
            BucketChange::Policy(_) => match of_others {
                Some(others) => format!("bucket {bucket}: policy lets in {others}"),
                None if is_doubtful => format!("policy of bucket {bucket} may be public"),
                None if !is_public => format!("policy of bucket {bucket}"),
                None => format!("public policy on bucket {bucket}"),
            },
            BucketChange::Found(ground) => match (of_others, ground) {
                _ if is_doubtful => format!("bucket {bucket} may be public"),
                _ if plan.is_some_and(Plan::is_public) => format!("public bucket {bucket}"),
                (Some(others), _) => format!("bucket {bucket} lets in {others}"),
                (None, Ground::Block) => format!("public access block of bucket {bucket} is not on"),
                (None, Ground::Public) => format!("bucket {bucket} may be public"),
                (None, Ground::Outside { .. }) => format!("bucket {bucket} can be reached from outside"),
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
    let language = settings.alert_language;
    let call = quote(&event.name);
    // What may be public is no matter of this mail.
    let is_looked_for = Scope::of(settings, finding.bucket()).public;
    let public = if is_looked_for { written_public(finding) } else { Vec::new() };
    let public = || named_statements(&public, language);
    match &finding.opened {
        Opened::Account(change) => vec![
            match change {
                AccountChange::Set(block) => {
                    let off = block.off().join(", ");
                    say!(
                        language,
                        "{call} set the public access block of the account. Off: {off}.",
                        "{call} により、アカウントのブロックパブリックアクセスが設定されました。無効: {off}"
                    )
                }
                AccountChange::Deleted | AccountChange::Found => say!(
                    language,
                    "{call} deleted the public access block of the account: all four switches are off.",
                    "{call} により、アカウントのブロックパブリックアクセスが削除されました。4 つの設定はすべて無効です。"
                ),
            },
            say!(
                language,
                "It holds for all buckets of the account. What it was before is not in the event.",
                "この設定はアカウントのすべてのバケットに適用されます。変更前の設定はイベントに含まれていません。"
            ),
        ],
        Opened::Bucket { bucket, change } => of_bucket(event, &quote(bucket), change, public, language),
        Opened::AccessPoint { name, bucket, change } => {
            let name = quote(name);
            let of = match bucket.as_deref().map(quote) {
                Some(bucket) => say!(
                    language,
                    "access point {name} to bucket {bucket}",
                    "バケット {bucket} のアクセスポイント {name}"
                ),
                None => say!(language, "access point {name}", "アクセスポイント {name}"),
            };
            match change {
                AccessPointChange::Created(block) => {
                    let off = block.off().join(", ");
                    vec![
                        say!(
                            language,
                            "{call} made {of}. Its own public access block, which can't be changed later, is without",
                            "{call} により、{of} が作成されました。アクセスポイント自体のブロックパブリックアクセスは一部が無効で、後から変更できません。"
                        ),
                        say!(language, "{off}.", "無効: {off}"),
                    ]
                }
                AccessPointChange::Policy(document) => {
                    let wrote = say!(
                        language,
                        "{call} wrote the policy of {of}.",
                        "{call} により、{of} のポリシーが設定されました。"
                    );
                    let rest = if document.is_some() { public() } else { vec![policy_not_in_it(language)] };
                    std::iter::once(wrote).chain(rest).collect()
                }
            }
        }
        Opened::Told(Told::MultiRegion { name, reasons }) => {
            let mut lines = vec![match name.as_deref().map(quote) {
                Some(name) => say!(
                    language,
                    "{call} was called for a multi-Region access point {name}:",
                    "マルチリージョンアクセスポイント {name} に対して {call} が呼び出されました:"
                ),
                None => say!(
                    language,
                    "{call} was called for a multi-Region access point:",
                    "マルチリージョンアクセスポイントに対して {call} が呼び出されました:"
                ),
            }];
            lines.extend(reasons.iter().map(|reason| format!("  - {}", quote(reason.of(language)))));
            lines
        }
        Opened::Told(Told::AclsEnabled { bucket, ownership }) => {
            let bucket = quote(bucket);
            vec![
                match ownership.as_deref().map(quote) {
                    Some(ownership) if event.name == "CreateBucket" => say!(
                        language,
                        "{call} made bucket {bucket} with the object ownership {ownership}.",
                        "{call} により、バケット {bucket} がオブジェクト所有権の設定 {ownership} で作成されました。"
                    ),
                    Some(ownership) => say!(
                        language,
                        "{call} set the object ownership of bucket {bucket} to {ownership}.",
                        "{call} により、バケット {bucket} のオブジェクト所有権が {ownership} に設定されました。"
                    ),
                    None => say!(
                        language,
                        "{call} deleted the object ownership setting of bucket {bucket}.",
                        "{call} により、バケット {bucket} のオブジェクト所有権の設定が削除されました。"
                    ),
                },
                say!(
                    language,
                    "With that, access control lists (ACLs) of the bucket and of its objects count.",
                    "これにより、バケットとそのオブジェクトのアクセスコントロールリスト (ACL) が有効になります。"
                ),
            ]
        }
    }
}

/// What the account shows of what was found.
fn shown(finding: &Finding, plan: &Plan, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    let off = plan.switches_off.join(", ");
    match &finding.opened {
        _ if off.is_empty() => {}
        Opened::Account(_) => lines.push(say!(
            language,
            "Of the public access block of the account, which holds for all of its buckets, this is off: {off}.",
            "アカウントのすべてのバケットに適用されるブロックパブリックアクセスのうち、次の設定が無効です: {off}"
        )),
        _ => lines.push(say!(
            language,
            "Of the bucket's public access block, this is off: {off}.",
            "バケットのブロックパブリックアクセスのうち、次の設定が無効です: {off}"
        )),
    }
    if !plan.statements.is_empty() {
        lines.push(say!(language, "The policy of the bucket:", "バケットポリシー:"));
        lines.extend(named_statements(&plan.statements, language));
    }
    if !plan.grants.is_empty() {
        lines.push(say!(
            language,
            "The access control list (ACL) of the bucket:",
            "バケットのアクセスコントロールリスト (ACL):"
        ));
        lines.extend(named_grants(Some(&plan.grants), language));
    }
    lines
}

fn of_bucket(
    event: &Event,
    bucket: &str,
    change: &BucketChange,
    public: impl FnOnce() -> Vec<String>,
    language: Language,
) -> Vec<String> {
    let call = quote(&event.name);
    let mut lines = Vec::new();
    match change {
        BucketChange::Block(change) => lines.push(match change.map(|block| block.off().join(", ")) {
            Some(off) => say!(
                language,
                "{call} set the public access block of bucket {bucket}. Off: {off}.",
                "{call} により、バケット {bucket} のブロックパブリックアクセスが設定されました。無効: {off}"
            ),
            None => say!(
                language,
                "{call} deleted the public access block of bucket {bucket}: all four switches are off.",
                "{call} により、バケット {bucket} のブロックパブリックアクセスが削除されました。4 つの設定はすべて無効です。"
            ),
        }),
        BucketChange::Policy(document) => {
            lines.push(say!(
                language,
                "{call} wrote the policy of bucket {bucket}.",
                "{call} により、バケット {bucket} のバケットポリシーが設定されました。"
            ));
            match document {
                Some(_) => lines.extend(public()),
                None => lines.push(policy_not_in_it(language)),
            }
        }
        BucketChange::Acl(grants) => {
            lines.push(match event.name.as_str() {
                "CreateBucket" => {
                    say!(language, "{call} made bucket {bucket}.", "{call} により、バケット {bucket} が作成されました。")
                }
                _ => say!(
                    language,
                    "{call} wrote the access control list (ACL) of bucket {bucket}.",
                    "{call} により、バケット {bucket} のアクセスコントロールリスト (ACL) が設定されました。"
                ),
            });
            lines.extend(named_grants(grants.as_deref(), language));
        }
        // Told by the account.
        BucketChange::Found(_) => {}
        BucketChange::ObjectAcl { key, version_id, grants } => {
            let key = quote(key);
            let version = version_id
                .as_deref()
                .map(quote)
                .map_or_else(String::new, |version| say!(language, " (version {version})", " (バージョン {version})"));
            lines.push(say!(
                language,
                "{call} wrote the access control list (ACL) of object {key}{version} in bucket {bucket}.",
                "{call} により、バケット {bucket} のオブジェクト {key}{version} のアクセスコントロールリスト (ACL) が設定されました。"
            ));
            lines.extend(named_grants(grants.as_deref(), language));
        }
    }
    lines
}

fn policy_not_in_it(language: Language) -> String {
    say!(
        language,
        "The policy is not in the event in a form that can be read.",
        "ポリシーは、読み取れる形式ではイベントに含まれていません。"
    )
}

fn named_statements(statements: &[PublicStatement], language: Language) -> Vec<String> {
    let line = |statement: &PublicStatement| {
        let sid = text(&statement.statement, "Sid");
        let sid = sid.map_or_else(String::new, |sid| format!(" ({})", quote(&sid)));
        let (number, reason) = (statement.index + 1, quote(statement.reason.of(language)));
        say!(
            language,
            "  - statement {number}{sid} is public: {reason}",
            "  - ステートメント {number}{sid} はパブリックです: {reason}"
        )
    };
    statements.iter().map(line).collect()
}

fn named_grants(grants: Option<&[Grant]>, language: Language) -> Vec<String> {
    let Some(grants) = grants else {
        return vec![say!(
            language,
            "The list is not in the event in a form that can be read.",
            "ACL は、読み取れる形式ではイベントに含まれていません。"
        )];
    };
    let public = grants.iter().filter(|grant| grant.grantee.is_public());
    let line = |grant: &Grant| {
        let grant = quote(&grant.of(language));
        say!(language, "  - it gives {grant}", "  - {grant} を許可しています")
    };
    public.map(line).collect()
}

fn told(report: &mut Report, event: &Event, finding: &Finding) {
    let language = report.language;
    if let Opened::Bucket { bucket, change: BucketChange::Found(ground) } = &finding.opened {
        let is_public = matches!(ground, Ground::Outside { is_public: true, .. });
        report.severity = Some(if is_public { Severity::High } else { Severity::Medium });
        let mut is_told = false;
        if let Origin::AccessAnalyzer(access) = &event.origin {
            is_told = !access.sources.is_empty();
            if !access.principals.is_empty() {
                let who = quote(&access.principals.join(", "));
                report.happened.push(say!(language, "Who can: {who}.", "アクセスできる相手: {who}"));
            }
        }
        report.done.push(if is_told {
            say!(
                language,
                "Nothing: the policy and the list of the bucket let in nobody whom they should not. It is through an access point.",
                "何も変更していません。バケットのポリシーと ACL には問題がなく、外部からのアクセスはアクセスポイントを経由するものです。"
            )
        } else {
            say!(
                language,
                "Nothing: the policy and the list of the bucket let in nobody whom they should not. It was closed since, or it is through an \
                 access point.",
                "何も変更していません。バケットのポリシーと ACL には問題がありません。すでに解消されたか、アクセスポイントを経由するものです。"
            )
        });
        report.left.push(say!(
            language,
            "Look at the policies of the bucket's access points, multi-Region ones too:",
            "マルチリージョンアクセスポイントも含め、バケットのアクセスポイントのポリシーを確認してください:"
        ));
        let arguments =
            ["s3control", "list-access-points", "--account-id", &finding.account, "--bucket", bucket.as_str()];
        report.left.extend(command(&arguments, "", region(event, finding)));
        return;
    }
    report.done.push(say!(
        language,
        "Nothing: snapback only tells of this.",
        "何も変更していません。この変更については、snapback は通知だけを行います。"
    ));
    match &finding.opened {
        Opened::Told(Told::MultiRegion { .. }) => {
            report.severity = Some(Severity::High);
            report.left.push(say!(
                language,
                "Judge the access point in the S3 console, and delete it or its policy if it is not meant to be public.",
                "S3 コンソールでアクセスポイントを確認し、公開する意図がなければ、アクセスポイントまたはそのポリシーを削除してください。"
            ));
            report.left.push(say!(
                language,
                "The blocks of its buckets and of the account hold for it too.",
                "バケットとアカウントのブロックパブリックアクセスは、このアクセスポイントにも適用されます。"
            ));
        }
        Opened::Told(Told::AclsEnabled { bucket, .. }) => {
            report.severity = Some(Severity::Low);
            report.left.push(say!(
                language,
                "If no ACL is needed, turn them off again:",
                "ACL が不要であれば、再び無効にしてください:"
            ));
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
fn not_read(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings, problem: &Localized) {
    let language = report.language;
    let opens = opens(finding, settings, finding.bucket());
    report.headline = format!("{} could not be read", what(finding));
    report.done.push(say!(
        language,
        "Nothing was changed, because it could not be read:",
        "次の理由で読み取れなかったため、何も変更していません:"
    ));
    report.done.push(format!("  - {}", quote(problem.of(language))));
    if finding.is_told_in_full() && !opens.public && !opens.outsiders {
        report.severity = Some(Severity::Low);
        let circle = Circle { account: &finding.account, trusted: &settings.trusted_accounts, owner_id: None };
        let document = finding.document().flatten();
        let is_for_account = |grant: &Grant| !matches!(grant.grantee, Grantee::Group(_));
        let names_somebody = document.is_some_and(|document| !outsiders(document, &circle).is_empty())
            || finding.grants().flatten().is_some_and(|grants| grants.iter().any(is_for_account));
        report.done.push(match names_somebody {
            true => say!(
                language,
                "By the event itself it is not for everybody. Whose those are whom it lets in could not be told.",
                "イベントの内容では、全員を対象としたものではありません。許可された相手が誰なのかは判断できませんでした。"
            ),
            false => say!(
                language,
                "By the event itself it lets in nobody whom it should not.",
                "イベントの内容では、許可すべきでない相手は許可されていません。"
            ),
        });
        report.left.push(say!(
            language,
            "See that it is what you want, since AWS could not be asked whether it is public.",
            "パブリックかどうかを AWS に問い合わせられなかったため、意図どおりか確認してください。"
        ));
        return;
    }
    report.outcome = Outcome::Failed;
    report.problem = Some(Localized::new(|language| {
        let problem = problem.of(language);
        say!(
            language,
            "It could not be read, so nothing was changed: {problem}",
            "読み取れなかったため、何も変更していません: {problem}"
        )
    }));
    let may_be_public = !Scope::of(settings, finding.bucket()).public && finding.bucket().is_some();
    if opens.outsiders && !opens.public || finding.is_found() && may_be_public {
        report.left.push(take_others_out(language));
    } else {
        how_to_close(report, event, finding, settings);
    }
    report.left.push(say!(
        language,
        "A bucket of another account is for that account to close.",
        "別のアカウントのバケットについては、そのアカウントで対応する必要があります。"
    ));
    report.left.push(tries_again(language));
}

fn take_others_out(language: Language) -> String {
    say!(
        language,
        "Take the other accounts out of the policy by hand.",
        "ほかのアカウントへの許可を、ポリシーから手動で削除してください。"
    )
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
    let language = report.language;
    report.headline.push_str(", already gone");
    report.done.push(match (plan, &finding.opened) {
        (None, Opened::AccessPoint { .. }) => say!(
            language,
            "Nothing was changed: the access point was gone when snapback looked.",
            "何も変更していません。snapback が確認した時点で、アクセスポイントはすでにありませんでした。"
        ),
        (None, _) => say!(
            language,
            "Nothing was changed: the bucket or the object was gone when snapback looked.",
            "何も変更していません。snapback が確認した時点で、バケットまたはオブジェクトはすでにありませんでした。"
        ),
        (Some(_), Opened::Account(_) | Opened::Bucket { change: BucketChange::Block(_), .. }) => say!(
            language,
            "Nothing was changed: all four switches were on again when snapback looked.",
            "何も変更していません。snapback が確認した時点で、4 つの設定はすべて有効に戻っていました。"
        ),
        (Some(_), _) if finding.document().is_some() && written_public(finding).is_empty() => say!(
            language,
            "Nothing was changed: nobody else was let in any more when snapback looked.",
            "何も変更していません。snapback が確認した時点で、ほかの相手への許可はすでになくなっていました。"
        ),
        (Some(_), _) => say!(
            language,
            "Nothing was changed: it was not public any more when snapback looked.",
            "何も変更していません。snapback が確認した時点で、すでにパブリックではありませんでした。"
        ),
    });
    if let Some(plan) = plan {
        let is_of_policy = finding.document().is_some();
        say_unseen(report, finding, plan, plan.hides_grants && !is_of_policy);
        could_not_be_read(report, plan);
    }
}

fn left_as_it_is(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings, plan: &Plan) {
    let language = report.language;
    report.severity = Some(match (&finding.opened, plan.doubt) {
        (_, Some(Doubt::OnlySnapback)) if plan.grants.is_empty() && !plan.is_blocked => Severity::Medium,
        _ if plan.is_public() && !plan.is_blocked => Severity::High,
        (Opened::Account(_), _) if !plan.switches_off.is_empty() => Severity::High,
        _ if plan.is_open() => Severity::Medium,
        _ if plan.outsiders.iter().any(|outsider| !outsider.accounts.is_empty()) => Severity::Medium,
        _ => Severity::Low,
    });
    let would: Vec<String> = plan.actions().flat_map(|action| action.lines(language)).collect();
    let concerns_public = plan.is_public() || plan.is_open() || !plan.switches_off.is_empty();
    match would.as_slice() {
        [] if concerns_public && settings.s3_public_mode == Mode::Alert && !only_finds(event, settings) => {
            report.done.push(say!(
                language,
                "Nothing was changed, because S3PublicMode is `alert`.",
                "S3PublicMode が `alert` のため、何も変更していません。"
            ))
        }
        [] if matches!(finding.opened, Opened::Account(_)) && !settings.public_buckets.is_empty() => {
            report.done.push(say!(
                language,
                "Nothing was changed: the account's block would also close the buckets in PublicBuckets.",
                "何も変更していません。アカウントのブロックパブリックアクセスを有効にすると、PublicBuckets のバケットも非公開になるためです。"
            ));
        }
        [] => report.done.push(say!(language, "Nothing was changed.", "何も変更していません。")),
        _ => {
            let takes_others_out = plan.repair.iter().any(Action::takes_others_out);
            let modes: Vec<&str> = [("S3PublicMode", concerns_public), ("S3CrossAccountMode", takes_others_out)]
                .into_iter()
                .filter_map(|(mode, concerns)| concerns.then_some(mode))
                .collect();
            report.say_withheld(event, settings, &modes.join(", "));
            report.done.extend(would);
        }
    }
    say_doubt(report, plan.doubt, Some(plan));
    say_unseen(report, finding, plan, plan.hides_grants && finding.document().is_none());
    if let Some(account) = plan.other_account.as_deref().map(quote) {
        report.done.push(say!(
            language,
            "The bucket is in account {account}, whose block it is not snapback's to change.",
            "バケットはアカウント {account} にあり、そのブロックパブリックアクセスは snapback が変更するものではありません。"
        ));
    }
    if concerns_public && plan.is_blocked {
        if plan.doubt != Some(Doubt::OnlySnapback) {
            report.done.push(say!(
                language,
                "The block is on, and keeps everybody out.",
                "ブロックパブリックアクセスが有効なため、パブリックアクセスはブロックされています。"
            ));
        }
        delete_weak_access_point(report, event, finding);
    } else if concerns_public && plan.other_account.is_none() {
        how_to_close(report, event, finding, settings);
    } else if concerns_public {
        delete_weak_access_point(report, event, finding);
    }
    judge_others(report, event, plan, settings);
    could_not_be_read(report, plan);
}

/// Whether what was found is only told, whatever the modes.
fn only_finds(event: &Event, settings: &Settings) -> bool {
    event.origin != Origin::CloudTrail && settings.config_findings == Mode::Alert
}

/// Those of other accounts who are let in.
fn of_others(plan: &Plan, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    if !plan.outsiders.is_empty() {
        lines.push(say!(
            language,
            "The policy lets in others than this account:",
            "ポリシーは、このアカウント以外の次の相手を許可しています:"
        ));
        lines.extend(plan.outsiders.iter().map(|outsider| {
            let (principal, number) = (quote(&outsider.principal.of(language)), outsider.index + 1);
            let reason = quote(outsider.reason.of(language));
            say!(
                language,
                "  - {principal} (statement {number}): {reason}",
                "  - {principal} (ステートメント {number}): {reason}"
            )
        }));
    }
    if !plan.foreign_grants.is_empty() {
        lines.push(say!(
            language,
            "The list gives others than this account:",
            "ACL により、このアカウント以外に次の許可が与えられています:"
        ));
        lines.extend(plan.foreign_grants.iter().map(|grant| format!("  - {}", quote(&grant.of(language)))));
    }
    lines
}

/// What is left to do about those of other accounts who still are in it.
fn judge_others(report: &mut Report, event: &Event, plan: &Plan, settings: &Settings) {
    if plan.outsiders.is_empty() && plan.foreign_grants.is_empty() {
        return;
    }
    let language = report.language;
    let is_certain = plan.outsiders.iter().any(|outsider| outsider.is_certain);
    if is_certain && only_finds(event, settings) {
        // Said already.
    } else if is_certain && settings.s3_cross_account_mode == Mode::Alert {
        report.done.push(say!(
            language,
            "Other accounts in the policy are left, because S3CrossAccountMode is `alert`.",
            "S3CrossAccountMode が `alert` のため、ポリシーにあるほかのアカウントへの許可は残しました。"
        ));
    } else if !is_certain && plan.outsiders.iter().any(|outsider| !outsider.accounts.is_empty()) {
        report.done.push(say!(
            language,
            "They are left: the same words let in this account or one of TrustedAccounts.",
            "同じ記述でこのアカウントまたは TrustedAccounts のアカウントも許可されているため、残しました。"
        ));
    } else if !is_certain {
        report.done.push(say!(
            language,
            "Whose they are could not be told, so they are left.",
            "誰のものか判断できなかったため、残しました。"
        ));
    }
    report.left.push(say!(
        language,
        "If those whom it lets in are not yours, take them out.",
        "許可されている相手が自社のものでなければ、その許可を削除してください。"
    ));
}

fn could_not_be_read(report: &mut Report, plan: &Plan) {
    if plan.not_read.is_empty() {
        return;
    }
    let language = report.language;
    report.left.push(say!(
        language,
        "This could not be read, so look at it yourself:",
        "次の項目は読み取れなかったため、直接確認してください:"
    ));
    report.left.extend(plan.not_read.iter().map(|problem| format!("  - {}", quote(problem.of(language)))));
}

/// What was done, and how it stands.
struct Done<'a> {
    before: &'a Plan,
    carried_out: &'a [Action],
    problems: &'a [Localized],
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
    let language = report.language;
    report.outcome = done.outcome(finding, settings);
    let to_repair = done.now.is_some_and(|now| !now.repair.is_empty());
    // Another try helps only if this one was not refused for good.
    let to_contain = done.now.is_some_and(|now| now.contain.is_some());
    let is_refused = done.problems.iter().any(|problem| problem.to_string().contains("AccessDenied"));
    if report.outcome == Outcome::Failed || to_repair || to_contain && !is_refused {
        report.problem = Some(match done.problems {
            [] => localized!(
                "what was to be closed or taken out was still there when it was read again, or could not be read",
                "解消または削除するはずのものが、再確認した時点でも残っていたか、読み取れませんでした"
            ),
            problems => Localized::join(problems),
        });
    }
    match done.carried_out {
        [] => report.done.push(say!(language, "Nothing could be carried out.", "何も実行できませんでした。")),
        actions => {
            report.done.push(say!(language, "Carried out:", "次の操作を行いました:"));
            report.done.extend(actions.iter().flat_map(|action| action.lines(language)));
        }
    }
    if report.problem.is_none() {
        let is_unfinished = done.is_unfinished();
        report.done.extend(done.problems.iter().map(|problem| {
            let problem = quote(problem.of(language));
            match is_unfinished {
                true => say!(language, "This was refused: {problem}", "次の呼び出しは拒否されました: {problem}"),
                false => say!(
                    language,
                    "It is done, though a call ended in an error: {problem}",
                    "呼び出しはエラーで終わりましたが、変更は完了しています: {problem}"
                ),
            }
        }));
    }
    for action in done.carried_out {
        if let Action::WritePolicy { document, public, .. } = action {
            if document.is_some() {
                report.done.push(say!(
                    language,
                    "The rest of the policy stays as it was.",
                    "ポリシーのほかの部分は元のままです。"
                ));
            }
            if !public.is_empty() && finding.document().flatten().is_some() {
                report.done.push(say!(
                    language,
                    "The event in CloudTrail holds the policy in full, as it was written.",
                    "設定されたポリシーの全文は、CloudTrail のイベントに含まれています。"
                ));
            }
        }
    }
    if done.carried_out.iter().any(|action| puts_right_more(action, finding)) {
        report.done.push(say!(
            language,
            "What was public in the bucket without this event went too: the bucket's block closes it in any case.",
            "このイベントとは別にバケットをパブリックにしていたステートメントや ACL の許可も削除しました。いずれにしても、バケットのブロックパブリックアクセスにより効力がなくなるためです。"
        ));
    }
    report.done.push(seen(finding, done, report.outcome, language));
    if report.outcome == Outcome::Alert && done.now.is_some_and(Plan::is_open) {
        report.severity = Some(Severity::High);
        report.done.push(say!(
            language,
            "What is public in it was left, because S3PublicMode is `alert`.",
            "S3PublicMode が `alert` のため、パブリックにしている設定は残しました。"
        ));
        how_to_close(report, event, finding, settings);
    }
    let is_blocked = done.now.is_some_and(|now| now.is_blocked);
    if let (Opened::Account(AccountChange::Found), true) = (&finding.opened, is_blocked) {
        report.left.push(say!(
            language,
            "All four switches are on now: what was public on purpose is closed, too.",
            "現在は 4 つの設定がすべて有効です。意図して公開していたものも非公開になっています。"
        ));
    } else if let (Opened::Account(_), true) = (&finding.opened, is_blocked) {
        report.left.push(say!(
            language,
            "All four switches are on now. What they were before is not in the event: what was public on purpose is closed.",
            "現在は 4 つの設定がすべて有効です。変更前の設定はイベントに含まれていないため、意図して公開していたものも非公開になっています。"
        ));
    }
    if report.outcome == Outcome::Contained && to_contain {
        close_by_block(report, event, finding, settings);
    }
    if report.outcome == Outcome::Failed {
        if done.takes_only_others_out() {
            report.left.push(take_others_out(language));
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
        report.left.push(say!(
            language,
            "If it held what must not be public, see who read it meanwhile: CloudTrail's data events or S3's server access logs, where they are on.",
            "公開してはならないものが含まれていた場合は、その間に誰が読み取ったかを確認してください。CloudTrail のデータイベントまたは S3 のサーバーアクセスログが有効であれば、それらで確認できます。"
        ));
    }
    if let Some(now) = done.now {
        judge_others(report, event, now, settings);
    }
    if report.problem.is_some() {
        report.left.push(tries_again(language));
    }
}

/// What is left to do about an access point that was made weak.
fn delete_weak_access_point(report: &mut Report, event: &Event, finding: &Finding) {
    let Opened::AccessPoint { name, change: AccessPointChange::Created(_), .. } = &finding.opened else { return };
    report.left.push(say!(
        report.language,
        "The access point's own block can't be changed; only the bucket's keeps everybody out. If the access point is not needed:",
        "アクセスポイント自体のブロックパブリックアクセスは変更できず、パブリックアクセスを防いでいるのはバケットのブロックパブリックアクセスだけです。アクセスポイントが不要であれば削除してください:"
    ));
    let arguments = ["s3control", "delete-access-point", "--account-id", &finding.account, "--name", name];
    report.left.extend(command(&arguments, "", region(event, finding)));
}

/// What S3 does not show.
fn say_unseen(report: &mut Report, finding: &Finding, plan: &Plan, hides_grants: bool) {
    let language = report.language;
    if let (true, Opened::Bucket { bucket, change: BucketChange::ObjectAcl { key, .. } }) =
        (plan.is_version_unknown, &finding.opened)
    {
        report.left.push(match plan.hides_grants {
            true => say!(
                language,
                "The event does not say which version of the object it made public: look at all of them.",
                "オブジェクトのどのバージョンがパブリックになったのか、イベントからはわかりません。すべてのバージョンを確認してください。"
            ),
            false => say!(
                language,
                "The event does not say which version of the object it made public, and the newest is not: look at the others.",
                "オブジェクトのどのバージョンがパブリックになったのか、イベントからはわかりません。最新のバージョンはパブリックではないため、ほかのバージョンを確認してください。"
            ),
        });
        let arguments = ["s3api", "list-object-versions", "--bucket", bucket, "--prefix", key];
        report.left.extend(command(&arguments, "", finding.region.as_deref()));
    }
    if hides_grants {
        report.left.push(say!(
            language,
            "IgnorePublicAcls was on already: S3 then hides what grants to everybody the access control lists (ACLs) hold. Look at them before the block is ever lifted.",
            "IgnorePublicAcls はすでに有効でした。有効な間、S3 はアクセスコントロールリスト (ACL) にある全員への許可を表示しません。ブロックパブリックアクセスを解除する前に、必ず ACL を確認してください。"
        ));
    }
}

/// What a disagreement means, and what is left to do about it.
fn say_doubt(report: &mut Report, doubt: Option<Doubt>, now: Option<&Plan>) {
    let Some(doubt) = doubt else { return };
    let language = report.language;
    report.left.push(match doubt {
        Doubt::OnlyAws => say!(
            language,
            "AWS calls the policy public (policy status), and snapback found no public statement in it, or could not read it.",
            "AWS はこのポリシーをパブリックと判定していますが (ポリシーステータス)、snapback はパブリックなステートメントを見つけられなかったか、ポリシーを読み取れませんでした。"
        ),
        Doubt::OnlySnapback => say!(
            language,
            "These statements are for everybody, and AWS does not call the policy public (policy status): a Deny in it may keep out all but a few.",
            "全員を対象とするステートメントがありますが、AWS はこのポリシーをパブリックと判定していません (ポリシーステータス)。ポリシー内の Deny で、一部を除いて拒否されている可能性があります。"
        ),
    });
    if let (Doubt::OnlySnapback, Some(now)) = (doubt, now) {
        report.left.extend(named_statements(&now.statements, language));
    }
    report.left.push(match (doubt, now.is_some_and(|now| now.is_blocked)) {
        (Doubt::OnlyAws, true) => say!(
            language,
            "The policy was left. The block stays on and keeps everybody out, other accounts in the policy too.",
            "ポリシーは変更していません。ブロックパブリックアクセスは有効なままで、ポリシーにあるほかのアカウントも含め、外部からは誰もアクセスできません。"
        ),
        (Doubt::OnlySnapback, true) => say!(
            language,
            "The policy was left. The block stays on; where AWS calls a policy not public, it changes nothing.",
            "ポリシーは変更していません。ブロックパブリックアクセスは有効なままですが、AWS がパブリックでないと判定するポリシーには作用しません。"
        ),
        (_, false) => say!(
            language,
            "The policy was left, and no block is on.",
            "ポリシーは変更していません。有効なブロックパブリックアクセスはありません。"
        ),
    });
    report.left.push(say!(language, "Judge the policy by hand.", "ポリシーを確認し、手動で判断してください。"));
}

/// Whether an action puts right what the event did not change.
fn puts_right_more(action: &Action, finding: &Finding) -> bool {
    let Opened::Bucket { change, .. } = &finding.opened else { return false };
    if finding.is_found() {
        return false;
    }
    match action {
        Action::BlockAccount { .. } | Action::BlockBucket { .. } => false,
        Action::WritePolicy { .. } => !matches!(change, BucketChange::Policy(_)),
        Action::WriteAcl { object: None, .. } => !matches!(change, BucketChange::Acl(_)),
        Action::WriteAcl { object: Some(_), .. } => false,
    }
}

/// What the last look showed.
fn seen(finding: &Finding, done: &Done<'_>, outcome: Outcome, language: Language) -> String {
    let Some(now) = done.now else {
        return say!(
            language,
            "Looked again afterwards: it is gone.",
            "その後に再確認したところ、なくなっていました。"
        );
    };
    let is_bucket = !matches!(finding.opened, Opened::Account(_));
    let is_hidden = done.before.hides_grants && !done.wrote_list() || now.is_version_unknown;
    match () {
        () if outcome == Outcome::Failed => say!(
            language,
            "It was read again afterwards, and was not seen to be closed.",
            "その後に再確認しましたが、解消されたことは確認できませんでした。"
        ),
        () if done.takes_only_others_out() || !now.is_blocked && now.is_open() => say!(
            language,
            "It was read again afterwards: they are no longer in the policy.",
            "その後に再確認したところ、ポリシーからなくなっていました。"
        ),
        () if now.is_blocked && is_bucket && !now.is_public() && !done.is_unfinished() && !is_hidden => say!(
            language,
            "It was read again afterwards: all four switches of the block are on, and nothing under it is public.",
            "その後に再確認したところ、ブロックパブリックアクセスの 4 つの設定はすべて有効で、その適用範囲にパブリックなものはありませんでした。"
        ),
        () if now.is_blocked => say!(
            language,
            "It was read again afterwards: all four switches of the block are on.",
            "その後に再確認したところ、ブロックパブリックアクセスの 4 つの設定はすべて有効でした。"
        ),
        () if is_hidden || done.is_unfinished() => {
            say!(language, "It was read again afterwards.", "その後に再度読み取りました。")
        }
        () => say!(
            language,
            "It was read again afterwards: nothing of it is public any more.",
            "その後に再確認したところ、パブリックなものはなくなっていました。"
        ),
    }
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
    let language = report.language;
    let account = finding.account.as_str();
    let region = region(event, finding);
    match &finding.opened {
        Opened::Bucket { bucket, change: BucketChange::Policy(_) } => {
            report.left.push(say!(
                language,
                "Then take the public statements out of the policy.",
                "その後、パブリックなステートメントをポリシーから削除してください。"
            ));
            let delete = command(&["s3api", "delete-bucket-policy", "--bucket", bucket], "", region);
            let what = say!(
                language,
                "If the policy denies that to you, root can delete it with all its statements:",
                "ポリシーによってその操作が拒否される場合、ルートユーザーはポリシーをすべてのステートメントごと削除できます:"
            );
            by_command(report, what, delete);
        }
        Opened::Bucket { change: BucketChange::Found(_), .. } => {
            report.left.push(say!(
                language,
                "Then take what is public out of its policy and its access control list (ACL).",
                "その後、パブリックなものがあればバケットポリシーとアクセスコントロールリスト (ACL) から削除してください。"
            ));
        }
        Opened::Bucket { change: BucketChange::Acl(_) | BucketChange::ObjectAcl { .. }, .. } => {
            report.left.push(say!(
                language,
                "Then take the grants to everybody out of the access control list.",
                "その後、全員への許可をアクセスコントロールリスト (ACL) から削除してください。"
            ));
        }
        Opened::AccessPoint { name, change: AccessPointChange::Policy(_), .. } => {
            let arguments = ["s3control", "delete-access-point-policy", "--account-id", account, "--name", name];
            let delete = command(&arguments, "", region);
            let what = say!(
                language,
                "Then take the public statements out of the access point's policy, or delete all of it:",
                "その後、パブリックなステートメントをアクセスポイントのポリシーから削除するか、ポリシー全体を削除してください:"
            );
            by_command(report, what, delete);
        }
        _ => {}
    }
}

fn close_by_block(report: &mut Report, event: &Event, finding: &Finding, settings: &Settings) {
    let language = report.language;
    let account = finding.account.as_str();
    let region = region(event, finding);
    let options = format!(" --public-access-block-configuration {ALL_ON}");
    let bucket = match &finding.opened {
        Opened::Account(_) => {
            let close_all =
                command(&["s3control", "put-public-access-block", "--account-id", account], &options, region);
            let of = match settings.public_buckets.is_empty() {
                true => say!(
                    language,
                    "Close it by hand, for all buckets of the account:",
                    "アカウントのすべてのバケットについて、手動でパブリックアクセスをブロックしてください:"
                ),
                false => say!(
                    language,
                    "Close it by hand, for all buckets of the account, those in PublicBuckets too:",
                    "PublicBuckets のバケットも含め、アカウントのすべてのバケットについて、手動でパブリックアクセスをブロックしてください:"
                ),
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
            by_command(
                report,
                say!(language, "Close it by hand:", "手動でパブリックアクセスをブロックしてください:"),
                close,
            );
        }
        None => report.left.push(say!(
            language,
            "Turn on the public access block of the access point's bucket.",
            "アクセスポイントのバケットのブロックパブリックアクセスを有効にしてください。"
        )),
    }
}

/// What to do, and the command for it, if there can be one.
fn by_command(report: &mut Report, what: String, command: Option<String>) {
    report.left.push(what);
    report.left.push(command.unwrap_or_else(|| {
        say!(
            report.language,
            "  (in the console: the name in the event can't be put into a command)",
            "  (コンソールで操作してください。イベント内の名前はコマンドに使えません)"
        )
    }));
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
        lines.push(say!(
            language,
            "For this bucket to be public, add to the setting PublicBuckets: {bucket}",
            "このバケットの公開を許可するには、設定 PublicBuckets に次のバケットを追加してください: {bucket}"
        ));
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
        let accounts = quote(&accounts.join(","));
        lines.push(say!(
            language,
            "For these accounts, add to the setting TrustedAccounts: {accounts}",
            "これらのアカウントを許可するには、設定 TrustedAccounts に次のアカウントを追加してください: {accounts}"
        ));
    }
    lines.extend(allow_actor(event, language));
    if lines.is_empty() && finding.is_found() {
        lines.push(nothing_allows(language));
    }
    lines
}
