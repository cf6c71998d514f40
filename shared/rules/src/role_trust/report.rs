//! What came of a finding, for the mail.

use chrono::{DateTime, Utc};

use super::detect::{Finding, Provider, ProviderKind, Trust};
use super::judge::{Standing, Stranger};
use super::plan::{Action, Plan, Situation};
use crate::alert::{Outcome, Report, Severity, Step, allow_actor, tries_again};
use crate::command::{is_account_id, is_argument, is_iam_name};
use crate::event::Event;
use crate::json::text;
use crate::language::{Language, Localized};
use crate::policy::is_the_same;
use crate::settings::{Mode, Settings};
use crate::text::quote;

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// An identity provider, which is only told.
    Provider,
    /// The role could not be read, so it is not known whom it trusts.
    NotRead {
        /// Why.
        problem: String,
    },
    /// Left as it is: by mode or rollout, because of a `Deny`, or because none of it is certain.
    Left {
        /// What was to be done.
        plan: Plan,
        /// Why the account's organization is not known, if that mattered.
        not_told: Option<String>,
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
        problem: String,
    },
}

/// Puts together what a person is told. `strangers` are those of the event's trust policy.
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
    let trusts = format!("role {name} trusts {}", whom(strangers));
    let mut report = Report::new(settings.alert_language, Outcome::Alert, trusts.clone());
    report.happened = happened(event, trust, strangers, course);
    report.to_allow = to_allow(event, strangers, report.language);
    report.actions = planned(course);
    match course {
        Course::Provider => {}
        Course::NotRead { problem } => {
            report.outcome = Outcome::Failed;
            report.headline = format!("role {name} could not be read");
            report.problem =
                Some(Localized::verbatim(format!("The role could not be read, so nothing was changed: {problem}")));
            report.done.push("Nothing: the role could not be read.".to_owned());
            how_to_close(&mut report, trust);
            report.left.push(tries_again(report.language));
        }
        Course::Left { plan, not_told } => left_as_it_is(&mut report, trust, settings, plan, not_told.as_deref()),
        Course::Gone(plan) => {
            report.headline = match plan.others.as_slice() {
                [] => format!("role {name} trusted {}, already gone", whom(strangers)),
                others => format!("role {name} trusts {} by another change", whom(others)),
            };
            report.severity = (!plan.others.is_empty()).then(|| severity(&plan.others));
            report.done.push(match plan.situation {
                Situation::NoRole => "Nothing was changed: the role was deleted when snapback looked.".to_owned(),
                Situation::AnotherRole => {
                    "Nothing was changed: another role has that name now, which has its own event.".to_owned()
                }
                Situation::Open | Situation::Closed if plan.others.is_empty() => {
                    "Nothing was changed: nobody from outside whom this event let in is in the trust policy now."
                        .to_owned()
                }
                Situation::Open | Situation::Closed => {
                    "Nothing was changed: what this event wrote is no longer in the trust policy. It was written again since."
                        .to_owned()
                }
            });
            if plan.situation == Situation::Closed {
                say_others(&mut report, plan);
                what_it_may_have_done(&mut report, trust);
            } else {
                say_where_to_look(&mut report);
            }
        }
        Course::Closed { plan, carried_out, at, now } => {
            report.closed_at = Some(*at);
            report.outcome = Outcome::Reverted;
            report.headline = format!("role {name} trusted {}", whom(&plan.outsiders));
            if carried_out.is_some() {
                report.done.push("Took out of the role's trust policy:".to_owned());
            } else {
                report.outcome = Outcome::Alert;
                report.headline.push_str(", taken out");
                report
                    .done
                    .push("The call ended in an error, and what it was to take out is out all the same,".to_owned());
                report.done.push("by that call or by somebody else:".to_owned());
            }
            report.done.extend(named(&plan.outsiders));
            say_deleted(&mut report, carried_out.as_ref());
            report.done.push(match now.situation {
                Situation::NoRole | Situation::AnotherRole => "Looked again afterwards: the role is gone.".to_owned(),
                Situation::Open | Situation::Closed => {
                    format!(
                        "It was read again afterwards: they are no longer in the trust policy.{}",
                        rest_of_it(carried_out.as_ref(), now)
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
            report.problem = Some(Localized::verbatim(problem));
            if let Some(action) = carried_out {
                report.done.push("This was carried out:".to_owned());
                report.done.extend(action.lines());
            }
            say_deleted(&mut report, carried_out.as_ref());
            report.done.push(
                if plan.outsiders.is_empty() && plan.in_it().next().is_some() {
                    "Left in it, because it could not be told whether they are of this account's own organization:"
                } else {
                    "These were to be taken out, and are not, or were not seen to be:"
                }
                .to_owned(),
            );
            report.done.extend(named(&still_in(plan, strangers)));
            how_to_close(&mut report, trust);
            say_others(&mut report, plan);
            what_it_may_have_done(&mut report, trust);
            report.left.push(tries_again(report.language));
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
    if !plan.unclear.is_empty() {
        report.left.push("Still in it, because it cannot be told who they are:".to_owned());
        report.left.extend(named(&plan.unclear));
    }
    if !plan.denied.is_empty() {
        report.left.push(
            "Still in it, because a Deny in the trust policy keeps them out. Judge whether it is to stay so:"
                .to_owned(),
        );
        report.left.extend(named(&plan.denied));
    }
}

fn left_as_it_is(report: &mut Report, trust: &Trust, settings: &Settings, plan: &Plan, not_told: Option<&str>) {
    let in_it: Vec<Stranger> = plan.in_it().cloned().collect();
    report.severity = Some(severity(&in_it));
    report.headline = format!("role {} trusts {}", trust.role_name, whom(&in_it));
    let may_be_own = in_it.iter().any(Stranger::depends_on_organization);
    let is_alert = settings.role_trust_mode == Mode::Alert;
    match &plan.action {
        _ if is_alert => report.done.push("Nothing was changed, because RoleTrustMode is `alert`.".to_owned()),
        None if !plan.denied.is_empty() => report.done.push("Nothing was changed.".to_owned()),
        None if may_be_own => {
            report.done.push("Nothing was changed, because they may be of this account's organization.".to_owned())
        }
        None => report.done.push("Nothing was changed, because it cannot be told who that is.".to_owned()),
        Some(_) => {
            report.headline = format!("would have reverted: {}", report.headline);
            report
                .done
                .push("Nothing was changed, because Rollout is `observe`. With `enforce` it would have:".to_owned());
        }
    }
    if let Some(action) = &plan.action {
        if is_alert {
            report.done.push("With `revert` it would have:".to_owned());
        }
        report.done.extend(action.lines());
    } else if is_alert {
        report.done.push("Nor would `revert` have changed anything.".to_owned());
    }
    if may_be_own && not_told.is_none() {
        report.done.push(
            "Only the organization's management account, or one that it delegated to, is told which accounts are members.".to_owned(),
        );
    }
    if let Some(problem) = not_told {
        report
            .done
            .push(format!("Whether it is this account's own organization could not be told: {}.", quote(problem)));
    }
    if plan.unclear.len() < in_it.len() {
        say_kept(report, plan);
    }
    if may_be_own {
        report.left.push(
            "If they are of this account's organization: add them to TrustedAccounts, or narrow the statement with aws:PrincipalOrgID."
                .to_owned(),
        );
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
    report
        .done
        .push("IAM refuses to save the ids of deleted principals, so these went too. They let nobody in:".to_owned());
    report.done.extend(deleted.iter().map(|id| format!("  - {}", quote(id))));
}

/// What is known of the rest of a trust policy after it was written, as further sentences.
fn rest_of_it(carried_out: Option<&Action>, now: &Plan) -> &'static str {
    let (Some(Action::WriteTrustPolicy { document, .. }), Some(live)) = (carried_out, &now.live) else { return "" };
    match is_the_same(document, &live.document) {
        true => " Nothing else in it was changed.",
        false => " But it is not what snapback wrote: somebody has changed it since.",
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

fn happened(event: &Event, trust: &Trust, strangers: &[Stranger], course: &Course) -> Vec<String> {
    let verb = if event.name == "CreateRole" { "made" } else { "changed the trust policy of" };
    let live_arn = match course {
        Course::Left { plan, .. } | Course::Gone(plan) | Course::Closed { plan, .. } | Course::Failed { plan, .. } => {
            plan.live.as_ref().map(|live| live.arn.as_str())
        }
        Course::Provider | Course::NotRead { .. } => None,
    };
    let role = trust.role_arn.as_deref().or(live_arn).unwrap_or(&trust.role_name);
    let id = trust.role_id.as_deref().map_or_else(String::new, |id| format!(" ({})", quote(id)));
    let mut lines = vec![format!("{} {verb} role {}{id}. The trust policy lets in:", quote(&event.name), quote(role))];
    for stranger in strangers {
        lines.push(format!("  - {}: {}", quote(&stranger.principal.to_string()), quote(&stranger.reason)));
        lines.extend(stranger.conditions.iter().map(|condition| format!("    if {}", quote(&condition.to_string()))));
    }
    lines
}

fn named(strangers: &[Stranger]) -> Vec<String> {
    strangers.iter().map(|stranger| format!("  - {}", quote(&stranger.principal.to_string()))).collect()
}

fn say_others(report: &mut Report, plan: &Plan) {
    if plan.others.is_empty() {
        return;
    }
    report.left.push("These are in the trust policy by another change, which has its own event:".to_owned());
    report.left.extend(named(&plan.others));
}

/// How a person takes them out.
fn how_to_close(report: &mut Report, trust: &Trust) {
    report.left.push("Unless it is meant: take them out of the role's trust policy, or delete the role.".to_owned());
    report.left.push("  Console: IAM, Roles, the role, Trust relationships, Edit trust policy.".to_owned());
    if let Some(name) = Some(&trust.role_name).filter(|name| is_iam_name(name)) {
        report.left.push("  Or:".to_owned());
        report.left.push(format!(
            "    aws iam get-role --role-name={name} --query Role.AssumeRolePolicyDocument --output json > trust.json"
        ));
        report.left.push("    (edit trust.json)".to_owned());
        report.left.push(format!(
            "    aws iam update-assume-role-policy --role-name={name} --policy-document file://trust.json"
        ));
    }
}

/// What a person has to look at, since the role may have been used.
fn what_it_may_have_done(report: &mut Report, trust: &Trust) {
    let Some(name) = Some(&trust.role_name).filter(|name| is_iam_name(name)) else {
        report.left.push("See what the role may do: its policies, attached and inline.".to_owned());
        say_where_to_look(report);
        report.left.push(
            "Sessions last for up to 12 hours, whatever the trust policy says by now. To end them: IAM console, the role, Revoke sessions."
                .to_owned(),
        );
        return;
    };
    report.left.push("See what the role may do:".to_owned());
    report.left.push(format!("    aws iam list-attached-role-policies --role-name={name}"));
    report.left.push(format!("    aws iam list-role-policies --role-name={name}"));
    say_where_to_look(report);
    report.left.push(
        "Sessions last for up to 12 hours, whatever the trust policy says by now. If there are any that are not right, end them once"
            .to_owned(),
    );
    report
        .left
        .push("the trust policy is right. This ends all sessions of the role that have begun until then:".to_owned());
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    report.left.push(format!(
        "    aws iam put-role-policy --role-name={name} --policy-name AWSRevokeOlderSessions --policy-document \
         '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":\
         {{\"DateLessThan\":{{\"aws:TokenIssueTime\":\"'\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"'\"}}}}}}]}}'"
    ));
}

fn say_where_to_look(report: &mut Report) {
    report.left.push(
        "See in CloudTrail, in every region, whether the role was assumed since the change: AssumeRole,".to_owned(),
    );
    report
        .left
        .push("AssumeRoleWithSAML and AssumeRoleWithWebIdentity with this role as roleArn. For example:".to_owned());
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
        lines.push(format!("For every role, add to the setting TrustedAccounts: {}", accounts.join(",")));
    }
    if strangers.iter().any(Stranger::is_anybody) {
        lines.push(
            "No setting allows everyone. Narrow the statement to accounts (aws:PrincipalAccount), to your organization \
             (aws:PrincipalOrgID), or an identity provider to its claims (such as …:sub)."
                .to_owned(),
        );
    }
    if strangers.iter().any(|stranger| stranger.is_of_shared_provider() && !stranger.is_anybody()) {
        lines.push("No setting says which users of a public identity provider are yours.".to_owned());
    }
    lines.extend(allow_actor(event, language));
    lines
}

// ---------------------------------------------------------------------------------------------------------
// Identity providers

fn of_provider(event: &Event, provider: &Provider, language: Language) -> Report {
    let (kind, assume) = match provider.kind {
        ProviderKind::Saml => ("SAML provider", "AssumeRoleWithSAML"),
        ProviderKind::OpenIdConnect => ("OIDC provider", "AssumeRoleWithWebIdentity"),
    };
    let (done, what) = match event.name.as_str() {
        "UpdateSAMLProvider" => ("changed", "Whoever holds the keys of the new metadata can pass for all its users."),
        "AddClientIDToOpenIDConnectProvider" => {
            ("widened", "Tokens that it makes for one more audience are taken now.")
        }
        "UpdateOpenIDConnectProviderThumbprint" => {
            ("changed", "The certificates that its issuer's server is known by are others now.")
        }
        _ => ("made", "Whoever it vouches for can assume each role that trusts it."),
    };
    let name = provider.name.as_deref().unwrap_or("(the event does not name it)");
    let short = name.split_once("-provider/").map_or(name, |(_, short)| short);
    let mut report = Report::new(language, Outcome::Alert, format!("{kind} {done}: {short}"));
    report.severity = Some(if event.name == "UpdateSAMLProvider" { Severity::High } else { Severity::Medium });
    report.happened.push(format!("{} {done} the {kind} {}.", quote(&event.name), quote(name)));
    report.happened.extend(provider.details.iter().map(|(name, value)| format!("  {name}: {}", quote(value))));
    report.happened.push(what.to_owned());
    report.done.push("Nothing was changed: snapback only tells of identity providers, in every mode.".to_owned());
    report.left.push("If nobody meant this, take it back:".to_owned());
    report.left.extend(take_back(event, provider));
    report
        .left
        .push("By itself it lets nobody in: a role has to trust it. See which do, by their trust policies:".to_owned());
    report.left.push(
        "    aws iam list-roles --output json --query 'Roles[].[RoleName,[AssumeRolePolicyDocument.Statement][].Principal.Federated]'"
            .to_owned(),
    );
    report.left.push(format!("See in CloudTrail, in every region, whether it was used since: {assume}. For example:"));
    report.left.push(format!(
        "    aws cloudtrail lookup-events --region us-east-1 --lookup-attributes AttributeKey=EventName,AttributeValue={assume}"
    ));
    report.to_allow.extend(allow_actor(event, report.language));
    if report.to_allow.is_empty() {
        report.to_allow.push("No setting allows just this.".to_owned());
    }
    report
}

/// How a person takes back what was done to a provider.
fn take_back(event: &Event, provider: &Provider) -> Vec<String> {
    let arn = provider.name.as_deref().and_then(safe_provider_arn);
    let by_console = || "  Console: IAM, Identity providers, the provider.".to_owned();
    let command = match (event.name.as_str(), arn) {
        ("UpdateSAMLProvider", _) => {
            return vec![
                "  Upload the metadata document from before: the event does not hold it. Console: IAM, Identity providers,"
                    .to_owned(),
                "  the provider, Replace metadata. Take it anew from your identity provider.".to_owned(),
            ];
        }
        ("UpdateOpenIDConnectProviderThumbprint", _) => {
            return vec![
                "  Put the thumbprints from before back: the event does not hold them. Console: IAM, Identity providers, the"
                    .to_owned(),
                "  provider, Thumbprints.".to_owned(),
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
