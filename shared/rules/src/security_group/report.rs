//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::detect::{Added, AddedEntries, Finding, GroupRef, OpenedRules};
use super::plan::{Action, LiveRule, Plan};
use super::traffic::Traffic;
use crate::alert::{Outcome, Report, Step, allow_actor, found, nothing_allows, tries_again};
use crate::event::Event;
use crate::language::{Language, Localized};
use crate::say;
use crate::settings::Settings;
use crate::text::quote;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// The account could not be read, so it is not known whether the group is open.
    NotRead {
        /// Why.
        problem: Localized,
    },
    /// Open, and left so: the mode is `alert`, or the rollout `observe`.
    Withheld(Plan),
    /// What the event opened was closed already.
    Gone(Plan),
    /// A prefix list is wide by the event, and no group names it any more, or yet.
    Unnamed,
    /// Closed, and seen to be.
    Closed {
        /// The first plan.
        plan: Plan,
        /// The actions that succeeded, of this plan and of others that followed. None if a call ended in an error and what it was
        /// to close is closed all the same.
        carried_out: Vec<Action>,
        /// When the call that closed it had returned.
        at: DateTime<Utc>,
        /// Rules that aren't the event's and still let the world in.
        older: Vec<LiveRule>,
        /// Why a prefix list still holds the entries, where rules were revoked instead.
        entries_left: Option<Localized>,
    },
    /// It may still be open.
    Failed {
        /// The first plan.
        plan: Plan,
        /// The actions that succeeded.
        carried_out: Vec<Action>,
        /// What was left to do when the account was read last; `None` if it wasn't read again.
        remaining: Option<Vec<Action>>,
        /// What went wrong.
        problem: Localized,
    },
}

/// Puts together what a person is told.
pub fn report(event: &Event, finding: &Finding, settings: &Settings, course: &Course, steps: Vec<Step>) -> Report {
    let language = settings.alert_language;
    let object = object(finding, language);
    let short = short(finding);
    let (open, was_open) = match finding {
        Finding::Rules(_) | Finding::Group(_) => {
            (format!("{short} open to the world"), format!("{short} was open to the world"))
        }
        Finding::Entries(_) => {
            (format!("{short} opens groups to the world"), format!("{short} opened groups to the world"))
        }
    };
    let mut report = Report::new(language, Outcome::Alert, open.clone());
    report.happened = happened(event, finding, course, language);
    report.steps = steps;
    report.to_allow = to_allow(event, finding, course, language);
    report.actions = planned(course);
    let lines = |actions: &[Action]| actions.iter().flat_map(|action| action.lines(language)).collect::<Vec<_>>();
    match course {
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("{short} could not be read");
            report.say_not_read(problem);
            report.left.push(say!(
                language,
                "Look at {object} now and take out what is open to everyone.",
                "{object} を今すぐ確認し、インターネット全体に開放しているルールまたはエントリを削除してください。"
            ));
            report.left.push(tries_again(language));
        }
        Course::Withheld(plan) => {
            say_naming(&mut report, plan);
            report.headline.clone_from(&open);
            report.say_withheld(event, settings, "SecurityGroupMode");
            report.done.extend(lines(&plan.actions));
            report.left.push(say!(
                language,
                "It is still open. Close it, or allow it:",
                "まだ開放されたままです。閉じるか、許可してください:"
            ));
            report.left.extend(lines(&plan.actions));
            say_older(&mut report, short, &plan.older);
        }
        Course::Gone(plan) => {
            say_naming(&mut report, plan);
            report.headline = format!("{was_open}, already gone");
            report.done.push(say!(
                language,
                "Nothing was changed: what the event opened was closed already when snapback looked.",
                "何も変更していません。snapback が確認した時点で、このイベントで開放されたものはすでに閉じられていました。"
            ));
            report.left.push(say!(
                language,
                "See whether the time that it was open was used: it was open from the change until it was taken back.",
                "変更されてから元に戻されるまでの間は開放されていました。その間に利用されていないか確認してください。"
            ));
            say_older(&mut report, short, &plan.older);
        }
        Course::Unnamed => {
            report.headline = format!("{short} is wide, no group names it");
            report.done.push(say!(
                language,
                "Nothing was changed: no security group names the list, so that it opens nothing now.",
                "何も変更していません。このリストを参照するセキュリティグループがないため、現在は何も開放されていません。"
            ));
            report.left.push(say!(
                language,
                "See whether groups named it since the change, and take the entries out if they aren't needed.",
                "変更後にこのリストを参照していたセキュリティグループがないか確認し、不要なエントリは削除してください。"
            ));
        }
        Course::Closed { plan, carried_out, at, older, entries_left } => {
            say_naming(&mut report, plan);
            report.closed_at = Some(*at);
            report.outcome = Outcome::Reverted;
            report.headline = was_open;
            if carried_out.is_empty() {
                report.outcome = Outcome::Alert;
                report.headline.push_str(", closed");
                report.done.push(say!(
                    language,
                    "The call ended in an error, and what it was to close is closed all the same,",
                    "呼び出しはエラーで終わりましたが、閉じるはずだったものはすでに閉じられています。"
                ));
                report.done.push(say!(
                    language,
                    "by that call or by somebody else:",
                    "この呼び出し、またはほかの誰かによって、次の変更が行われました:"
                ));
                report.done.extend(lines(&plan.actions));
            }
            report.done.extend(carried_out.iter().map(|action| action.past(language)));
            report.done.push(match finding {
                Finding::Group(_) => say!(
                    language,
                    "It was read again afterwards: the group no longer lets the world in.",
                    "その後に再確認したところ、このセキュリティグループはインターネット全体には開放されていませんでした。"
                ),
                Finding::Rules(_) | Finding::Entries(_) => say!(
                    language,
                    "It was read again afterwards: what the event opened no longer lets the world in.",
                    "その後に再確認したところ、このイベントで開放されたものは、インターネット全体には開放されていませんでした。"
                ),
            });
            if let Finding::Group(_) = finding {
                report.left.push(say!(
                    language,
                    "Since when it was open, the finding does not tell. See whether it was used, and by whom it was opened.",
                    "いつから開放されていたかは、検出結果には含まれていません。その間に利用されていないか、誰が開放したかを確認してください。"
                ));
            }
            if let Finding::Rules(OpenedRules { changed: true, .. }) = finding {
                report.done.push(say!(
                    language,
                    "The rule was removed, not set back: the event does not hold what it was before.",
                    "ルールは変更前に戻したのではなく、削除しました。変更前の内容はイベントに含まれていません。"
                ));
                report.left.push(say!(
                    language,
                    "If the rule was needed as it was before, add it again.",
                    "変更前のルールが必要であれば、追加し直してください。"
                ));
            }
            if let Some(problem) = entries_left {
                report.problem = Some(Localized::new(|language| {
                    let problem = problem.of(language);
                    say!(
                        language,
                        "The entries could not be taken out of the list: {problem}",
                        "リストからエントリを削除できませんでした: {problem}"
                    )
                }));
            }
            let revokes_rules = |action: &Action| matches!(action, Action::RevokeRules { .. });
            if matches!(finding, Finding::Entries(_)) && carried_out.iter().any(revokes_rules) {
                report.outcome = Outcome::Contained;
                report.done.push(say!(
                    language,
                    "The rules that name the list were revoked instead of taking its entries out.",
                    "リストのエントリを削除する代わりに、リストを参照するルールを削除しました。"
                ));
                report.left.push(say!(
                    language,
                    "Take the entries out of the prefix list, then add the rules again where they are needed.",
                    "プレフィックスリストからエントリを削除した後、必要なルールを追加し直してください。"
                ));
            }
            say_older(&mut report, short, older);
        }
        Course::Failed { plan, carried_out, remaining, problem } => {
            say_naming(&mut report, plan);
            report.headline = format!("{short} may still be open");
            report.outcome = Outcome::Failed;
            report.problem = Some(problem.clone());
            report.done.extend(carried_out.iter().map(|action| action.past(language)));
            let remaining = remaining.as_ref().unwrap_or(&plan.actions);
            if remaining.is_empty() {
                report.done.push(match finding {
                    Finding::Group(_) => say!(
                        language,
                        "As far as the account could be read, the group is closed.",
                        "アカウントを読み取れた範囲では、このセキュリティグループは閉じられています。"
                    ),
                    Finding::Rules(_) | Finding::Entries(_) => say!(
                        language,
                        "As far as the account could be read, what the event opened is closed.",
                        "アカウントを読み取れた範囲では、このイベントで開放されたものは閉じられています。"
                    ),
                });
                report.left.push(say!(
                    language,
                    "Look at {object} now: what could not be read may be open.",
                    "{object} を今すぐ確認してください。読み取れなかったものが開放されている可能性があります。"
                ));
            } else {
                report.done.push(say!(
                    language,
                    "This was to be done, and is not, or was not seen to be:",
                    "次の操作を行うはずでしたが、完了していないか、完了を確認できていません:"
                ));
                report.done.extend(lines(remaining));
                report.left.push(say!(
                    language,
                    "Look at {object} now, and close by hand what is still open:",
                    "{object} を今すぐ確認し、まだ開放されているものを手動で閉じてください:"
                ));
                report.left.extend(lines(remaining));
            }
            report.left.push(tries_again(language));
            say_older(&mut report, short, &plan.older);
        }
    }
    report
}

/// The changes that were planned, for the log.
fn planned(course: &Course) -> Vec<String> {
    plan_of(course).into_iter().flat_map(|plan| &plan.actions).map(ToString::to_string).collect()
}

/// What the finding is about, as a subject has room for.
fn short(finding: &Finding) -> &str {
    match finding {
        Finding::Rules(OpenedRules { group: GroupRef::Id(name) | GroupRef::Name(name), .. }) => name,
        Finding::Entries(AddedEntries { prefix_list_id, .. }) => prefix_list_id,
        Finding::Group(id) => id,
    }
}

/// The same in full, harmless.
fn object(finding: &Finding, language: Language) -> String {
    let short = quote(short(finding));
    match finding {
        Finding::Rules(OpenedRules { group: GroupRef::Id(_), .. }) | Finding::Group(_) => {
            say!(language, "security group {short}", "セキュリティグループ {short}")
        }
        Finding::Rules(OpenedRules { group: GroupRef::Name(_), .. }) => {
            say!(language, "the security group named {short}", "セキュリティグループ (名前: {short})")
        }
        Finding::Entries(_) => say!(language, "prefix list {short}", "プレフィックスリスト {short}"),
    }
}

fn happened(event: &Event, finding: &Finding, course: &Course, language: Language) -> Vec<String> {
    let object = object(finding, language);
    let call = quote(&event.name);
    match finding {
        Finding::Rules(opened) => {
            let mut lines = vec![match opened.changed {
                true => say!(
                    language,
                    "{call} changed inbound rules of {object}:",
                    "{call} により、{object} のインバウンドルールが変更されました:"
                ),
                false => say!(
                    language,
                    "{call} added inbound rules of {object}:",
                    "{call} により、{object} にインバウンドルールが追加されました:"
                ),
            }];
            lines.extend(opened.rules.iter().map(|rule| {
                let (traffic, source) = (quote(&rule.traffic.of(language)), quote(&rule.source.of(language)));
                match rule.id.as_deref().map(quote) {
                    Some(id) => say!(
                        language,
                        "  - {traffic} from {source} (rule {id})",
                        "  - {traffic}、ソース: {source} (ルール {id})"
                    ),
                    None => say!(language, "  - {traffic} from {source}", "  - {traffic}、ソース: {source}"),
                }
            }));
            lines
        }
        Finding::Entries(AddedEntries { added: Added::Ranges(ranges), .. }) => {
            let mut lines = vec![say!(
                language,
                "{call} added entries to {object}:",
                "{call} により、{object} にエントリが追加されました:"
            )];
            lines.extend(ranges.iter().map(|range| format!("  - {range}")));
            lines
        }
        Finding::Entries(AddedEntries { added: Added::Restored(_), .. }) => vec![say!(
            language,
            "{call} brought entries back into {object}.",
            "{call} により、{object} に以前のエントリが復元されました。"
        )],
        Finding::Group(_) => {
            let mut lines: Vec<String> = found(event, language).into_iter().collect();
            let rules: Vec<&LiveRule> = to_revoke(course).collect();
            if !rules.is_empty() {
                lines.push(say!(
                    language,
                    "When snapback looked, these inbound rules let the world in:",
                    "snapback が確認した時点で、次のインバウンドルールがインターネット全体に開放されていました:"
                ));
                lines.extend(rules.iter().map(|rule| format!("  - {}", rule.of(language))));
            }
            lines
        }
    }
}

/// The groups that a prefix list's entries reach.
fn say_naming(report: &mut Report, plan: &Plan) {
    let language = report.language;
    report.happened.extend(plan.naming.iter().map(|rule| {
        let (group, rule) = (&rule.group_id, rule.of(language));
        say!(language, "  named by {group}: {rule}", "  参照元 {group}: {rule}")
    }));
}

fn say_older(report: &mut Report, name: &str, older: &[LiveRule]) {
    if older.is_empty() {
        return;
    }
    if report.outcome == Outcome::Reverted {
        report.outcome = Outcome::Alert;
        report.headline = format!("{name} reverted, older rules still open");
    }
    let language = report.language;
    report.left.push(say!(
        language,
        "Still open to the world by rules that are not this event's, which snapback left as they are:",
        "次のルールによって、まだインターネット全体に開放されています。このイベントのルールではないため、snapback は変更していません:"
    ));
    report.left.extend(older.iter().map(|rule| format!("  - {}: {}", rule.group_id, rule.of(language))));
}

fn to_allow(event: &Event, finding: &Finding, course: &Course, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    let mut ports: Vec<String> = offending(finding, course).into_iter().filter_map(allowed_port).collect();
    ports.sort();
    ports.dedup();
    if !ports.is_empty() {
        let ports = ports.join(",");
        lines.push(say!(
            language,
            "For everyone, add to the setting AllowedPublicPorts: {ports}",
            "どの実行者にも許可するには、設定 AllowedPublicPorts に次のポートを追加してください: {ports}"
        ));
    }
    lines.extend(allow_actor(event, language));
    if lines.is_empty() {
        lines.push(nothing_allows(language));
    }
    lines
}

/// The traffic that would have to be allowed: that of the rules to revoke, or, without a plan, of the event's rules from public sources.
fn offending<'a>(finding: &'a Finding, course: &'a Course) -> Vec<&'a Traffic> {
    match (finding, plan_of(course)) {
        (_, Some(_)) => to_revoke(course).map(|rule| &rule.traffic).collect(),
        (Finding::Rules(opened), None) => {
            let from_public = opened.rules.iter().filter(|rule| rule.source.may_be_public());
            from_public.map(|rule| &rule.traffic).collect()
        }
        (Finding::Entries(_) | Finding::Group(_), None) => Vec::new(),
    }
}

/// The plan, where there was something to do.
fn plan_of(course: &Course) -> Option<&Plan> {
    match course {
        Course::Withheld(plan) | Course::Closed { plan, .. } | Course::Failed { plan, .. } => Some(plan),
        Course::NotRead { .. } | Course::Gone(_) | Course::Unnamed => None,
    }
}

/// The rules that were to be revoked.
fn to_revoke(course: &Course) -> impl Iterator<Item = &LiveRule> {
    plan_of(course).into_iter().flat_map(|plan| &plan.actions).flat_map(|action| match action {
        Action::RevokeRules { rules, .. } => rules.as_slice(),
        Action::RemoveEntries { .. } => &[],
    })
}

/// How AllowedPublicPorts writes it; nothing for what it can't hold.
fn allowed_port(traffic: &Traffic) -> Option<String> {
    use super::traffic::Protocol;
    let protocol = match traffic.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp | Protocol::Icmpv6 => return Some("icmp".to_owned()),
        Protocol::All | Protocol::Other(_) => return None,
    };
    Some(if traffic.from == traffic.to {
        format!("{protocol}/{}", traffic.from)
    } else {
        format!("{protocol}/{}-{}", traffic.from, traffic.to)
    })
}
