//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::detect::{Finding, Provider, ProviderKind, Trust};
use super::judge::{Standing, Stranger};
use super::plan::{Action, Plan, Situation};
use crate::access_analyzer::ExternalAccess;
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, found, nothing_allows, tries_again};
use crate::command::{is_account_id, is_argument, is_iam_name};
use crate::event::{Event, Origin};
use crate::json::text;
use crate::language::{Language, Localized};
use crate::policy::is_the_same;
use crate::settings::{Mode, Settings};
use crate::text::quote;
use crate::{localized, say};

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// An identity provider, which is only told.
    Provider,
    /// The role could not be read, so it is not known whom it trusts.
    NotRead {
        /// Why.
        problem: Localized,
    },
    /// Left as it is: by mode or rollout, because of a `Deny`, or because none of it is certain.
    Left {
        /// What was to be done.
        plan: Plan,
        /// Why the account's organization is not known, if that mattered.
        not_told: Option<Localized>,
    },
    /// What the event wrote was no longer there.
    Gone(Plan),
    /// Taken out, and seen to be.
    Closed {
        /// The plan.
        plan: Plan,
        /// What our call wrote, if it succeeded. If not, its answer may have been lost, or somebody else was faster.
        carried_out: Option<Action>,
        /// When the call that closed it had returned.
        at: DateTime<Utc>,
        /// How the account was seen afterwards.
        now: Box<Plan>,
    },
    /// They may still be in it.
    Failed {
        /// The last plan.
        plan: Plan,
        /// What was carried out before.
        carried_out: Option<Action>,
        /// What went wrong.
        problem: Localized,
    },
}

/// Puts together what a person is told. `strangers` are those of the event's trust policy; of a finding, those of the role's as it was seen first.
pub fn report(
    event: &Event,
    finding: &Finding,
    strangers: &[Stranger],
    settings: &Settings,
    course: &Course,
    steps: Vec<Step>,
) -> Report {
    let mut report = match finding {
        Finding::Provider(provider) => of_provider(event, provider, settings.alert_language),
        Finding::Trust(trust) => of_trust(event, trust, strangers, settings, course),
    };
    report.steps = steps;
    report
}

// ---------------------------------------------------------------------------------------------------------
// Trust policies

fn of_trust(event: &Event, trust: &Trust, strangers: &[Stranger], settings: &Settings, course: &Course) -> Report {
    let name = &trust.role_name;
    let language = settings.alert_language;
    let trusts = format!("role {name} trusts {}", whom(strangers));
    let mut report = Report::new(language, Outcome::Alert, trusts.clone());
    report.happened = happened(event, trust, strangers, course, language);
    report.to_allow = to_allow(event, strangers, language);
    report.actions = planned(course);
    match course {
        Course::Provider => {}
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("role {name} could not be read");
            report.problem = Some(Localized::new(|language| {
                let problem = problem.of(language);
                say!(
                    language,
                    "The role could not be read, so nothing was changed: {problem}",
                    "ロールを読み取れなかったため、何も変更していません: {problem}"
                )
            }));
            report.done.push(say!(
                language,
                "Nothing: the role could not be read.",
                "ロールを読み取れなかったため、何もしていません。"
            ));
            how_to_close(&mut report, trust);
            report.left.push(tries_again(language));
        }
        Course::Left { plan, not_told } => left_as_it_is(&mut report, event, trust, settings, plan, not_told.as_ref()),
        Course::Gone(plan) => {
            report.headline = match plan.others.as_slice() {
                [] => format!("role {name} trusted {}, already gone", whom(strangers)),
                others => format!("role {name} trusts {} by another change", whom(others)),
            };
            report.severity = (!plan.others.is_empty()).then(|| severity(&plan.others));
            report.done.push(match plan.situation {
                Situation::NoRole => say!(
                    language,
                    "Nothing was changed: the role was deleted when snapback looked.",
                    "何も変更していません。snapback が確認した時点で、ロールは削除されていました。"
                ),
                Situation::AnotherRole => say!(
                    language,
                    "Nothing was changed: another role has that name now, which has its own event.",
                    "何も変更していません。現在この名前を持つのは別のロールで、そのロールには別のイベントがあります。"
                ),
                Situation::Open | Situation::Closed if plan.others.is_empty() => say!(
                    language,
                    "Nothing was changed: nobody from outside whom this event let in is in the trust policy now.",
                    "何も変更していません。このイベントで許可された外部のプリンシパルは、現在の信頼ポリシーにありません。"
                ),
                Situation::Open | Situation::Closed => say!(
                    language,
                    "Nothing was changed: what this event wrote is no longer in the trust policy. It was written again since.",
                    "何も変更していません。このイベントで書き込まれた内容は、すでに信頼ポリシーにありません。その後、書き換えられています。"
                ),
            });
            if plan.situation == Situation::Closed {
                say_others(&mut report, plan);
                what_it_may_have_done(&mut report, trust);
            } else {
                say_where_to_look(&mut report, trust);
            }
        }
        Course::Closed { plan, carried_out, at, now } => {
            report.closed_at = Some(*at);
            report.outcome = Outcome::Reverted;
            report.headline = format!("role {name} trusted {}", whom(&plan.outsiders));
            if carried_out.is_some() {
                report.done.push(say!(
                    language,
                    "Took out of the role's trust policy:",
                    "ロールの信頼ポリシーから次のプリンシパルを削除しました:"
                ));
            } else {
                report.outcome = Outcome::Alert;
                report.headline.push_str(", taken out");
                report.done.push(say!(
                    language,
                    "The call ended in an error, and what it was to take out is out all the same,",
                    "呼び出しはエラーで終わりましたが、削除するはずだった次のプリンシパルは信頼ポリシーにありません。"
                ));
                report.done.push(say!(
                    language,
                    "by that call or by somebody else:",
                    "この呼び出し、またはほかの誰かによって削除されました:"
                ));
            }
            report.done.extend(named(&plan.outsiders, language));
            say_deleted(&mut report, carried_out.as_ref());
            report.done.push(match now.situation {
                Situation::NoRole | Situation::AnotherRole => say!(
                    language,
                    "Looked again afterwards: the role is gone.",
                    "その後に再確認したところ、ロールはなくなっていました。"
                ),
                Situation::Open | Situation::Closed => {
                    let rest = rest_of_it(carried_out.as_ref(), now, language);
                    say!(
                        language,
                        "It was read again afterwards: they are no longer in the trust policy.{rest}",
                        "その後に再確認したところ、信頼ポリシーからなくなっていました。{rest}"
                    )
                }
            });
            say_kept(&mut report, now);
            if !now.others.is_empty() {
                report.outcome = Outcome::Alert;
                report.headline = format!("role {name} reverted, others let in since");
            }
            say_others(&mut report, now);
            what_it_may_have_done(&mut report, trust);
        }
        Course::Failed { plan, carried_out, problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("role {name} may still trust {}", whom(&still_in(plan, strangers)));
            report.problem = Some(problem.clone());
            if let Some(action) = carried_out {
                report.done.push(say!(language, "This was carried out:", "次の操作を行いました:"));
                report.done.extend(action.lines(language));
            }
            say_deleted(&mut report, carried_out.as_ref());
            report.done.push(if plan.outsiders.is_empty() && plan.in_it().next().is_some() {
                say!(
                    language,
                    "Left in it, because it could not be told whether they are of this account's own organization:",
                    "このアカウントと同じ組織に属しているか確認できなかったため、信頼ポリシーに残しました:"
                )
            } else {
                say!(
                    language,
                    "These were to be taken out, and are not, or were not seen to be:",
                    "次のプリンシパルは削除するはずでしたが、削除されていないか、削除を確認できていません:"
                )
            });
            report.done.extend(named(&still_in(plan, strangers), language));
            how_to_close(&mut report, trust);
            say_others(&mut report, plan);
            what_it_may_have_done(&mut report, trust);
            report.left.push(tries_again(language));
        }
    }
    report
}

/// Those who are in the role's trust policy by the last look; without one, those of the event.
fn still_in(plan: &Plan, strangers: &[Stranger]) -> Vec<Stranger> {
    let in_it: Vec<Stranger> = plan.in_it().cloned().collect();
    match (plan.outsiders.as_slice(), in_it.as_slice()) {
        ([], []) => strangers.to_vec(),
        ([], _) => in_it,
        (outsiders, _) => outsiders.to_vec(),
    }
}

/// Those who stay in the trust policy, and why.
fn say_kept(report: &mut Report, plan: &Plan) {
    let language = report.language;
    if !plan.unclear.is_empty() {
        report.left.push(say!(
            language,
            "Still in it, because it cannot be told who they are:",
            "誰なのか判断できないため、信頼ポリシーに残しています:"
        ));
        report.left.extend(named(&plan.unclear, language));
    }
    if !plan.denied.is_empty() {
        report.left.push(say!(
            language,
            "Still in it, because a Deny in the trust policy keeps them out. Judge whether it is to stay so:",
            "信頼ポリシーの Deny で拒否されているため、残しています。このままでよいか判断してください:"
        ));
        report.left.extend(named(&plan.denied, language));
    }
}

fn left_as_it_is(
    report: &mut Report,
    event: &Event,
    trust: &Trust,
    settings: &Settings,
    plan: &Plan,
    not_told: Option<&Localized>,
) {
    let language = report.language;
    let in_it: Vec<Stranger> = plan.in_it().cloned().collect();
    report.severity = Some(severity(&in_it));
    report.headline = format!("role {} trusts {}", trust.role_name, whom(&in_it));
    let may_be_own = in_it.iter().any(Stranger::depends_on_organization);
    let is_alert = settings.role_trust_mode == Mode::Alert;
    let is_found_only = event.origin != Origin::CloudTrail && settings.config_findings == Mode::Alert;
    match &plan.action {
        _ if is_alert && is_found_only => report.done.push(say!(
            language,
            "Nothing was changed, because ConfigFindings is `alert`.",
            "ConfigFindings が `alert` のため、何も変更していません。"
        )),
        _ if is_alert => report.done.push(say!(
            language,
            "Nothing was changed, because RoleTrustMode is `alert`.",
            "RoleTrustMode が `alert` のため、何も変更していません。"
        )),
        None if !plan.denied.is_empty() => {
            report.done.push(say!(language, "Nothing was changed.", "何も変更していません。"));
        }
        None if may_be_own => report.done.push(say!(
            language,
            "Nothing was changed, because they may be of this account's organization.",
            "このアカウントと同じ組織に属している可能性があるため、何も変更していません。"
        )),
        None => report.done.push(say!(
            language,
            "Nothing was changed, because it cannot be told who that is.",
            "誰なのか判断できないため、何も変更していません。"
        )),
        Some(_) => {
            report.headline = format!("would have reverted: {}", report.headline);
            report.done.push(say!(
                language,
                "Nothing was changed, because Rollout is `observe`. With `enforce` it would have:",
                "Rollout が `observe` のため、何も変更していません。`enforce` であれば次の操作を行っていました:"
            ));
        }
    }
    if let Some(action) = &plan.action {
        if is_alert && is_found_only {
            report.done.push(say!(
                language,
                "With `revert` there and in RoleTrustMode it would have:",
                "ConfigFindings と RoleTrustMode がともに `revert` であれば次の操作を行っていました:"
            ));
        } else if is_alert {
            report.done.push(say!(
                language,
                "With `revert` it would have:",
                "`revert` であれば次の操作を行っていました:"
            ));
        }
        report.done.extend(action.lines(language));
    } else if is_alert {
        report.done.push(say!(
            language,
            "Nor would `revert` have changed anything.",
            "`revert` であっても、何も変更していませんでした。"
        ));
    }
    if may_be_own && not_told.is_none() {
        report.done.push(say!(
            language,
            "Only the organization's management account, or one that it delegated to, is told which accounts are members.",
            "どのアカウントがメンバーかを確認できるのは、組織の管理アカウントと、委任されたアカウントだけです。"
        ));
    }
    if let Some(problem) = not_told {
        let problem = quote(problem.of(language));
        report.done.push(say!(
            language,
            "Whether it is this account's own organization could not be told: {problem}.",
            "このアカウント自身の組織かどうか確認できませんでした: {problem}"
        ));
    }
    if plan.unclear.len() < in_it.len() {
        say_kept(report, plan);
    }
    if may_be_own {
        report.left.push(say!(
            language,
            "If they are of this account's organization: add them to TrustedAccounts, or narrow the statement with aws:PrincipalOrgID.",
            "このアカウントと同じ組織に属している場合は、TrustedAccounts に追加するか、aws:PrincipalOrgID でステートメントを絞り込んでください。"
        ));
    }
    how_to_close(report, trust);
    say_others(report, plan);
    what_it_may_have_done(report, trust);
}

/// The changes that were planned, for the log.
fn planned(course: &Course) -> Vec<String> {
    match course {
        Course::Left { plan, .. } | Course::Closed { plan, .. } | Course::Failed { plan, .. } => {
            plan.action.iter().map(ToString::to_string).collect()
        }
        Course::Provider | Course::NotRead { .. } | Course::Gone(_) => Vec::new(),
    }
}

/// How bad it is that these are in it. One who may be outside counts as outside.
fn severity(strangers: &[Stranger]) -> Severity {
    if strangers.iter().any(Stranger::is_anybody) {
        Severity::High
    } else if strangers.iter().any(|stranger| stranger.standing != Standing::Unclear) {
        Severity::Medium
    } else {
        Severity::Low
    }
}

/// Which ids went too.
fn say_deleted(report: &mut Report, carried_out: Option<&Action>) {
    let Some(Action::WriteTrustPolicy { deleted, .. }) = carried_out else { return };
    if deleted.is_empty() {
        return;
    }
    report.done.push(say!(
        report.language,
        "IAM refuses to save the ids of deleted principals, so these went too. They let nobody in:",
        "IAM は削除済みプリンシパルの ID の保存を拒否するため、次の ID も削除しました。これらの ID では誰も許可されません:"
    ));
    report.done.extend(deleted.iter().map(|id| format!("  - {}", quote(id))));
}

/// What is known of the rest of a trust policy after it was written, as further sentences.
fn rest_of_it(carried_out: Option<&Action>, now: &Plan, language: Language) -> String {
    let (Some(Action::WriteTrustPolicy { document, .. }), Some(live)) = (carried_out, &now.live) else {
        return String::new();
    };
    match is_the_same(document, &live.document) {
        true => say!(language, " Nothing else in it was changed.", "それ以外の部分は変更されていません。"),
        false => say!(
            language,
            " But it is not what snapback wrote: somebody has changed it since.",
            "ただし、snapback が書き込んだ内容とは異なります。その後、誰かが変更しています。"
        ),
    }
}

/// Who they are, as a subject has room for.
fn whom(strangers: &[Stranger]) -> String {
    let mut all: Vec<String> = Vec::new();
    // Everyone first: that is the worst of it.
    let (anybody, others): (Vec<&Stranger>, Vec<&Stranger>) =
        strangers.iter().partition(|stranger| stranger.is_anybody());
    for whom in anybody.into_iter().chain(others).flat_map(Stranger::whom) {
        if !all.contains(&whom) {
            all.push(whom);
        }
    }
    match all.as_slice() {
        [] => "somebody".to_owned(),
        [one] => one.clone(),
        [one, more @ ..] => format!("{one} and {} more", more.len()),
    }
}

fn happened(event: &Event, trust: &Trust, strangers: &[Stranger], course: &Course, language: Language) -> Vec<String> {
    let live_arn = match course {
        Course::Left { plan, .. } | Course::Gone(plan) | Course::Closed { plan, .. } | Course::Failed { plan, .. } => {
            plan.live.as_ref().map(|live| live.arn.as_str())
        }
        Course::Provider | Course::NotRead { .. } => None,
    };
    if let Origin::AccessAnalyzer(access) = &event.origin {
        let mut lines: Vec<String> = found(event, language).into_iter().collect();
        lines.extend(told_by_finding(access, language));
        if !strangers.is_empty() {
            lines.push(say!(
                language,
                "When snapback looked, the role's trust policy let in:",
                "snapback が確認した時点で、ロールの信頼ポリシーは次のプリンシパルを許可していました:"
            ));
            lines.extend(who_is_let_in(strangers, language));
        }
        return lines;
    }
    let call = quote(&event.name);
    let role = quote(trust.role_arn.as_deref().or(live_arn).unwrap_or(&trust.role_name));
    let id = trust.role_id.as_deref().map_or_else(String::new, |id| format!(" ({})", quote(id)));
    let mut lines = vec![match event.name.as_str() {
        "CreateRole" => say!(
            language,
            "{call} made role {role}{id}. The trust policy lets in:",
            "{call} により、ロール {role}{id} が作成されました。信頼ポリシーは次のプリンシパルを許可しています:"
        ),
        _ => say!(
            language,
            "{call} changed the trust policy of role {role}{id}. The trust policy lets in:",
            "{call} により、ロール {role}{id} の信頼ポリシーが変更されました。信頼ポリシーは次のプリンシパルを許可しています:"
        ),
    }];
    lines.extend(who_is_let_in(strangers, language));
    lines
}

/// Who can do what since when, by a finding.
fn told_by_finding(access: &ExternalAccess, language: Language) -> Vec<String> {
    let all = |texts: &[String]| (!texts.is_empty()).then(|| quote(&texts.join(", ")));
    let who = all(&access.principals).map(|who| say!(language, "  Who:       {who}", "  プリンシパル: {who}"));
    let how = all(&access.actions).map(|how| say!(language, "  By:        {how}", "  アクション: {how}"));
    let on = all(&access.conditions).map(|on| say!(language, "  Condition: {on}", "  条件: {on}"));
    let since = access.since.as_deref().map(quote);
    let since = since.map(|since| say!(language, "  Since:     {since}", "  検出結果の作成日時: {since}"));
    [who, how, on, since].into_iter().flatten().collect()
}

/// Each stranger, why it is one, and on which conditions it is let in.
fn who_is_let_in(strangers: &[Stranger], language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    for stranger in strangers {
        let whom = quote(&stranger.principal.of(language));
        lines.push(format!("  - {whom}: {}", quote(stranger.reason.of(language))));
        lines.extend(stranger.conditions.iter().map(|condition| {
            let condition = quote(&condition.to_string());
            say!(language, "    if {condition}", "    条件: {condition}")
        }));
    }
    lines
}

fn named(strangers: &[Stranger], language: Language) -> Vec<String> {
    strangers.iter().map(|stranger| format!("  - {}", quote(&stranger.principal.of(language)))).collect()
}

fn say_others(report: &mut Report, plan: &Plan) {
    if plan.others.is_empty() {
        return;
    }
    let language = report.language;
    report.left.push(say!(
        language,
        "These are in the trust policy by another change, which has its own event:",
        "次のプリンシパルは別の変更で信頼ポリシーに追加されたもので、その変更には別のイベントがあります:"
    ));
    report.left.extend(named(&plan.others, language));
}

/// How a person takes them out.
fn how_to_close(report: &mut Report, trust: &Trust) {
    let language = report.language;
    report.left.push(say!(
        language,
        "Unless it is meant: take them out of the role's trust policy, or delete the role.",
        "意図した変更でない場合は、ロールの信頼ポリシーから削除するか、ロール自体を削除してください。"
    ));
    report.left.push(say!(
        language,
        "  Console: IAM, Roles, the role, Trust relationships, Edit trust policy.",
        "  コンソール: [IAM] > [ロール] > 該当のロール > [信頼関係] > [信頼ポリシーを編集]"
    ));
    if let Some(name) = Some(&trust.role_name).filter(|name| is_iam_name(name)) {
        report.left.push(say!(language, "  Or:", "  または:"));
        report.left.push(format!(
            "    aws iam get-role --role-name={name} --query Role.AssumeRolePolicyDocument --output json > trust.json"
        ));
        report.left.push(say!(language, "    (edit trust.json)", "    (trust.json を編集)"));
        report.left.push(format!(
            "    aws iam update-assume-role-policy --role-name={name} --policy-document file://trust.json"
        ));
    }
}

/// What a person has to look at, since the role may have been used.
fn what_it_may_have_done(report: &mut Report, trust: &Trust) {
    let language = report.language;
    let Some(name) = Some(&trust.role_name).filter(|name| is_iam_name(name)) else {
        report.left.push(say!(
            language,
            "See what the role may do: its policies, attached and inline.",
            "ロールに許可されている操作を、アタッチされたポリシーとインラインポリシーで確認してください。"
        ));
        say_where_to_look(report, trust);
        report.left.push(say!(
            language,
            "Sessions last for up to 12 hours, whatever the trust policy says by now. To end them: IAM console, the role, Revoke sessions.",
            "現在の信頼ポリシーの内容にかかわらず、セッションは最長 12 時間有効です。取り消すには: [IAM] > [ロール] > 該当のロール > [セッションの取り消し]"
        ));
        return;
    };
    report.left.push(say!(language, "See what the role may do:", "ロールに許可されている操作を確認してください:"));
    report.left.push(format!("    aws iam list-attached-role-policies --role-name={name}"));
    report.left.push(format!("    aws iam list-role-policies --role-name={name}"));
    say_where_to_look(report, trust);
    report.left.push(say!(
        language,
        "Sessions last for up to 12 hours, whatever the trust policy says by now. If there are any that are not right, end them once",
        "現在の信頼ポリシーの内容にかかわらず、セッションは最長 12 時間有効です。不審なセッションがあれば、信頼ポリシーを正してから取り消してください。"
    ));
    report.left.push(say!(
        language,
        "the trust policy is right. This ends all sessions of the role that have begun until then:",
        "次のコマンドは、実行時点までに開始されたこのロールのセッションをすべて取り消します:"
    ));
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    report.left.push(format!(
        "    aws iam put-role-policy --role-name={name} --policy-name AWSRevokeOlderSessions --policy-document \
         '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":\
         {{\"DateLessThan\":{{\"aws:TokenIssueTime\":\"'\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"'\"}}}}}}]}}'"
    ));
}

fn say_where_to_look(report: &mut Report, trust: &Trust) {
    let language = report.language;
    report.left.push(match trust.document {
        Some(_) => say!(
            language,
            "See in CloudTrail, in every region, whether the role was assumed since the change: AssumeRole,",
            "変更後にこのロールが引き受けられていないか、すべてのリージョンの CloudTrail で確認してください。"
        ),
        None => say!(
            language,
            "See in CloudTrail, in every region, whether the role was assumed from outside: AssumeRole,",
            "このロールが外部から引き受けられていないか、すべてのリージョンの CloudTrail で確認してください。"
        ),
    });
    report.left.push(say!(
        language,
        "AssumeRoleWithSAML and AssumeRoleWithWebIdentity with this role as roleArn. For example:",
        "roleArn がこのロールの AssumeRole、AssumeRoleWithSAML、AssumeRoleWithWebIdentity が対象です。例:"
    ));
    report.left.push(
        "    aws cloudtrail lookup-events --region us-east-1 --lookup-attributes AttributeKey=EventName,AttributeValue=AssumeRole"
            .to_owned(),
    );
}

fn to_allow(event: &Event, strangers: &[Stranger], language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    let mut accounts: Vec<String> = strangers.iter().flat_map(Stranger::accounts).collect();
    accounts.sort();
    accounts.dedup();
    if !accounts.is_empty() {
        let accounts = accounts.join(",");
        lines.push(say!(
            language,
            "For every role, add to the setting TrustedAccounts: {accounts}",
            "すべてのロールで許可するには、設定 TrustedAccounts に次のアカウントを追加してください: {accounts}"
        ));
    }
    if strangers.iter().any(Stranger::is_anybody) {
        lines.push(say!(
            language,
            "No setting allows everyone. Narrow the statement to accounts (aws:PrincipalAccount), to your organization \
             (aws:PrincipalOrgID), or an identity provider to its claims (such as …:sub).",
            "全員を許可する設定はありません。ステートメントを特定のアカウント (aws:PrincipalAccount) または自社の組織 (aws:PrincipalOrgID) \
             に絞り込んでください。ID プロバイダーの場合は、クレーム (…:sub など) で絞り込んでください。"
        ));
    }
    if strangers.iter().any(|stranger| stranger.is_of_shared_provider() && !stranger.is_anybody()) {
        lines.push(say!(
            language,
            "No setting says which users of a public identity provider are yours.",
            "公開の ID プロバイダーのどのユーザーが自社のものかを指定する設定はありません。"
        ));
    }
    lines.extend(allow_actor(event, language));
    lines
}

// ---------------------------------------------------------------------------------------------------------
// Identity providers

fn of_provider(event: &Event, provider: &Provider, language: Language) -> Report {
    let (kind, assume) = match provider.kind {
        ProviderKind::Saml => ("SAML", "AssumeRoleWithSAML"),
        ProviderKind::OpenIdConnect => ("OIDC", "AssumeRoleWithWebIdentity"),
    };
    let unnamed = localized!("(the event does not name it)", "(イベントに名前がありません)");
    let name = provider.name.as_deref();
    let short = name.unwrap_or(unnamed.of(Language::English));
    let short = short.split_once("-provider/").map_or(short, |(_, short)| short);
    let (call, name) = (quote(&event.name), quote(name.unwrap_or(unnamed.of(language))));
    let (done, happened, what) = match event.name.as_str() {
        "UpdateSAMLProvider" => (
            "changed",
            say!(
                language,
                "{call} changed the {kind} provider {name}.",
                "{call} により、{kind} プロバイダー {name} が変更されました。"
            ),
            say!(
                language,
                "Whoever holds the keys of the new metadata can pass for all its users.",
                "新しいメタデータの鍵を持つ者は、このプロバイダーのどのユーザーにもなりすますことができます。"
            ),
        ),
        "AddClientIDToOpenIDConnectProvider" => (
            "widened",
            say!(
                language,
                "{call} widened the {kind} provider {name}.",
                "{call} により、{kind} プロバイダー {name} の対象者 (audience) が追加されました。"
            ),
            say!(
                language,
                "Tokens that it makes for one more audience are taken now.",
                "追加された対象者 (audience) 向けに発行されたトークンも受け入れられるようになりました。"
            ),
        ),
        "UpdateOpenIDConnectProviderThumbprint" => (
            "changed",
            say!(
                language,
                "{call} changed the {kind} provider {name}.",
                "{call} により、{kind} プロバイダー {name} が変更されました。"
            ),
            say!(
                language,
                "The certificates that its issuer's server is known by are others now.",
                "発行者のサーバーを識別する証明書が変わりました。"
            ),
        ),
        _ => (
            "made",
            say!(
                language,
                "{call} made the {kind} provider {name}.",
                "{call} により、{kind} プロバイダー {name} が作成されました。"
            ),
            say!(
                language,
                "Whoever it vouches for can assume each role that trusts it.",
                "このプロバイダーが認証した者は、これを信頼するどのロールも引き受けることができます。"
            ),
        ),
    };
    let mut report = Report::new(language, Outcome::Alert, format!("{kind} provider {done}: {short}"));
    report.severity = Some(if event.name == "UpdateSAMLProvider" { Severity::High } else { Severity::Medium });
    report.happened.push(happened);
    let detail = |(name, value): &(Localized, String)| format!("  {}: {}", name.of(language), quote(value));
    report.happened.extend(provider.details.iter().map(detail));
    report.happened.push(what);
    report.done.push(say!(
        language,
        "Nothing was changed: snapback only tells of identity providers, in every mode.",
        "何も変更していません。ID プロバイダーについては、snapback はどのモードでも通知だけを行います。"
    ));
    report.left.push(say!(
        language,
        "If nobody meant this, take it back:",
        "意図した変更でない場合は、元に戻してください:"
    ));
    report.left.extend(take_back(event, provider, language));
    report.left.push(say!(
        language,
        "By itself it lets nobody in: a role has to trust it. See which do, by their trust policies:",
        "プロバイダーがあるだけでは誰も許可されず、それを信頼するロールが必要です。どのロールが信頼しているか、信頼ポリシーで確認してください:"
    ));
    report.left.push(
        "    aws iam list-roles --output json --query 'Roles[].[RoleName,[AssumeRolePolicyDocument.Statement][].Principal.Federated]'"
            .to_owned(),
    );
    report.left.push(say!(
        language,
        "See in CloudTrail, in every region, whether it was used since: {assume}. For example:",
        "その後に使われていないか、すべてのリージョンの CloudTrail で {assume} を確認してください。例:"
    ));
    report.left.push(format!(
        "    aws cloudtrail lookup-events --region us-east-1 --lookup-attributes AttributeKey=EventName,AttributeValue={assume}"
    ));
    report.to_allow.extend(allow_actor(event, language));
    if report.to_allow.is_empty() {
        report.to_allow.push(nothing_allows(language));
    }
    report
}

/// How a person takes back what was done to a provider.
fn take_back(event: &Event, provider: &Provider, language: Language) -> Vec<String> {
    let arn = provider.name.as_deref().and_then(safe_provider_arn);
    let by_console = || {
        say!(
            language,
            "  Console: IAM, Identity providers, the provider.",
            "  コンソール: [IAM] > [ID プロバイダー] > 該当のプロバイダー"
        )
    };
    let command = match (event.name.as_str(), arn) {
        ("UpdateSAMLProvider", _) => {
            return vec![
                say!(
                    language,
                    "  Upload the metadata document from before: the event does not hold it. Console: IAM, Identity providers,",
                    "  以前のメタデータドキュメントをアップロードしてください。イベントには含まれていないため、ID プロバイダーから取得し直してください。"
                ),
                say!(
                    language,
                    "  the provider, Replace metadata. Take it anew from your identity provider.",
                    "  コンソール: [IAM] > [ID プロバイダー] > 該当のプロバイダーで、メタデータを置き換えます。"
                ),
            ];
        }
        ("UpdateOpenIDConnectProviderThumbprint", _) => {
            return vec![
                say!(
                    language,
                    "  Put the thumbprints from before back: the event does not hold them. Console: IAM, Identity providers, the",
                    "  以前のサムプリントに戻してください。イベントには含まれていません。"
                ),
                say!(
                    language,
                    "  provider, Thumbprints.",
                    "  コンソール: [IAM] > [ID プロバイダー] > 該当のプロバイダー > [サムプリント]"
                ),
            ];
        }
        ("AddClientIDToOpenIDConnectProvider", Some(arn)) => {
            text(&event.request, "clientID").filter(|id| is_argument(id)).map(|id| {
                format!(
                    "    aws iam remove-client-id-from-open-id-connect-provider --open-id-connect-provider-arn={arn} --client-id={id}"
                )
            })
        }
        ("CreateSAMLProvider", Some(arn)) => Some(format!("    aws iam delete-saml-provider --saml-provider-arn={arn}")),
        ("CreateOpenIDConnectProvider", Some(arn)) => {
            Some(format!("    aws iam delete-open-id-connect-provider --open-id-connect-provider-arn={arn}"))
        }
        _ => None,
    };
    vec![command.unwrap_or_else(by_console)]
}

/// The provider's ARN, if it is of the form that IAM gives, so that it can be part of a command.
fn safe_provider_arn(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return None };
    let is_partition = partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let name = resource.strip_prefix("saml-provider/").or_else(|| resource.strip_prefix("oidc-provider/"));
    (is_partition && is_account_id(account) && name.is_some_and(is_argument)).then_some(arn)
}
