//! What a person is told of a finding.

use super::detect::{Finding, Other};
use crate::access_analyzer::ExternalAccess;
use crate::alert::{self, Outcome, Report, Severity, nothing_allows};
use crate::command::{is_argument, is_credential_id};
use crate::config::{Behind, ComplianceChange};
use crate::event::{Event, Origin};
use crate::json::text;
use crate::language::Language;
use crate::say;
use crate::text::quote;

/// Puts together what a person is told.
pub fn report(event: &Event, finding: Finding, language: Language) -> Report {
    let mut report = Report::new(language, Outcome::Alert, event.name.clone());
    report.happened.extend(alert::found(event, language));
    match &event.origin {
        Origin::Config(change) => tell_change(&mut report, event, change, finding),
        Origin::AccessAnalyzer(access) => tell_access(&mut report, event, access),
        Origin::CloudTrail => {}
    }
    report
}

/// What AWS Config found.
fn tell_change(report: &mut Report, event: &Event, change: &ComplianceChange, finding: Finding) {
    let language = report.language;
    let known = match finding {
        Finding::Known(rule) => KNOWN.iter().find(|known| known.identifier == rule.identifier),
        _ => None,
    };
    report.headline = known.map_or_else(
        || format!("rule {}: {} is non-compliant", change.rule_name, change.resource_type),
        |known| known.headline.replace("{}", &change.resource_id),
    );
    report.severity = Some(known.map_or(Severity::Medium, |known| known.severity));
    report.happened.extend(known.map(|known| (known.means)(language)));
    report.happened.extend(parameters(change, language));
    if let Finding::Unheard(rule) = finding {
        let (kind, function, identifier) = (quote(&change.resource_type), rule.function, rule.identifier);
        report.happened.push(say!(
            language,
            "`{function}` takes care of what {identifier} finds, but not of {kind}.",
            "{identifier} の検出結果は `{function}` が扱いますが、{kind} は対象外です。"
        ));
    }
    if let Finding::Other(other) = finding {
        report.happened.push(unknown(other, language));
    }
    report.done.push(match finding {
        Finding::Other(_) => say!(
            language,
            "Nothing was changed: snapback does not know what this rule looks for.",
            "何も変更していません。このルールが何を調べるのか、snapback にはわかりません。"
        ),
        _ => say!(
            language,
            "Nothing was changed: to put this right takes a person. snapback only tells.",
            "何も変更していません。これを直すには人の判断が必要なため、snapback は通知だけを行います。"
        ),
    });
    if finding.folds() {
        report.done.push(say!(
            language,
            "What else this rule finds is only counted and logged, as long as this copy of the function runs.",
            "この関数の実行環境が動いている間、このルールのほかの検出結果は、件数の集計とログへの記録だけを行います。"
        ));
    }
    report.left = match known {
        Some(known) => (known.steps)(change, language),
        None => {
            let mut steps = vec![say!(
                language,
                "Look at the resource, and put it right if the rule is right about it.",
                "リソースを確認し、ルールの判定が正しければ修正してください。"
            )];
            if change.behind != Some(Behind::Gone) {
                steps.extend(details(event, change, language));
            }
            steps
        }
    };
    report.to_allow = vec![
        nothing_allows(language),
        say!(
            language,
            "What the rule does not look at is not told: narrow its scope or its parameters, or delete it, in AWS Config.",
            "ルールが評価しないものは通知されません。AWS Config でルールの範囲やパラメータを絞るか、ルールを削除してください。"
        ),
    ];
}

fn unknown(other: Other, language: Language) -> String {
    match other {
        Other::Managed => say!(
            language,
            "It is one of AWS's managed rules, and none that snapback knows.",
            "AWS のマネージドルールですが、snapback が知っているルールではありません。"
        ),
        Other::Custom => say!(
            language,
            "It is a custom rule: only its author knows what it looks for.",
            "カスタムルールです。何を調べるのかは作成者だけが知っています。"
        ),
        Other::Gone => {
            say!(language, "There is no rule of that name any more.", "この名前のルールはすでに存在しません。")
        }
        Other::Unasked => say!(
            language,
            "What is behind the rule's name was not looked up.",
            "ルール名の背後にあるものは調べていません。"
        ),
    }
}

/// What the rule was given to go by, if anything.
fn parameters(change: &ComplianceChange, language: Language) -> Option<String> {
    let Some(Behind::Managed { parameters, .. }) = &change.behind else { return None };
    if parameters.as_object().is_none_or(serde_json::Map::is_empty) {
        return None;
    }
    let parameters = quote(&parameters.to_string());
    Some(say!(language, "The rule's parameters: {parameters}", "ルールのパラメータ: {parameters}"))
}

/// Where AWS Config shows more.
fn details(event: &Event, change: &ComplianceChange, language: Language) -> Vec<String> {
    let mut lines = vec![say!(
        language,
        "All that the rule finds: AWS Config, Rules, the rule's name.",
        "ルールのすべての検出結果: [AWS Config] > [ルール] > ルール名。"
    )];
    let (name, region) = (&change.rule_name, region(event));
    lines.extend(is_argument(name).then(|| {
        format!(
            "  aws configservice get-compliance-details-by-config-rule --region {region} --config-rule-name {name} --compliance-types NON_COMPLIANT"
        )
    }));
    lines
}

/// A managed rule of which more can be said.
struct Known {
    identifier: &'static str,
    /// Of the subject; `{}` is the resource's id.
    headline: &'static str,
    severity: Severity,
    /// What is wrong.
    means: fn(Language) -> String,
    /// What to do.
    steps: fn(&ComplianceChange, Language) -> Vec<String>,
}

/// Those that are [`super::NAME`]'s in [`crate::config::MANAGED_RULES`].
const KNOWN: &[Known] = &[
    Known {
        identifier: "IAM_ROOT_ACCESS_KEY_CHECK",
        headline: "root has an access key",
        severity: Severity::Critical,
        means: |language| {
            say!(
                language,
                "The root user has an access key. Whoever has the key may do everything, and nothing in the account limits it.",
                "ルートユーザーにアクセスキーがあります。このキーを持つ者はすべての操作ができ、アカウント内の何によっても制限できません。"
            )
        },
        steps: |_, language| {
            lines(
                language,
                [
                    (
                        "  1. CloudTrail, Event history, User name root: see what the key was used for, and by whom.",
                        "  1. CloudTrail の [イベント履歴] をユーザー名 root で検索し、キーが何のために誰に使われたかを確認します。",
                    ),
                    (
                        "  2. Sign in as root. The account's name at the top right, Security credentials, Access keys: deactivate it, then delete it.",
                        "  2. ルートユーザーとしてサインインし、右上のアカウント名 > [セキュリティ認証情報] > [アクセスキー] でキーを無効化し、削除します。",
                    ),
                    (
                        "     In an organization with central root access, the management account can do so without root's password: IAM, Root access management.",
                        "     ルートアクセスの一元管理を使う組織では、管理アカウントからルートユーザーのパスワードなしで削除できます: [IAM] > [ルートアクセス管理]。",
                    ),
                    (
                        "  3. What used the key gets a role instead.",
                        "  3. キーを使っていたものには、代わりにロールを使わせます。",
                    ),
                ],
            )
        },
    },
    Known {
        identifier: "ROOT_ACCOUNT_MFA_ENABLED",
        headline: "root has no MFA",
        severity: Severity::High,
        means: |language| {
            say!(
                language,
                "The root user can sign in with its password alone, or with what is sent to its mailbox.",
                "ルートユーザーは、パスワードだけ、またはメールボックスに届くリンクだけでサインインできます。"
            )
        },
        steps: |_, language| {
            lines(
                language,
                [
                    (
                        "  1. Sign in as root. The account's name at the top right, Security credentials, Multi-factor authentication: assign a device,",
                        "  1. ルートユーザーとしてサインインし、右上のアカウント名 > [セキュリティ認証情報] > [多要素認証 (MFA)] でデバイスを割り当てます。",
                    ),
                    (
                        "     better two: a passkey or a security key that is not kept with the password.",
                        "     2 つ以上を推奨します。パスキーやセキュリティキーは、パスワードと別の場所に保管します。",
                    ),
                    (
                        "  2. Or, in an organization, take root's password away altogether: in the management account IAM, Root access management.",
                        "  2. 組織のアカウントでは、ルートユーザーのパスワード自体をなくすこともできます: 管理アカウントで [IAM] > [ルートアクセス管理]。",
                    ),
                ],
            )
        },
    },
    Known {
        identifier: "CLOUD_TRAIL_ENABLED",
        headline: "no trail of CloudTrail as it should be",
        severity: Severity::High,
        means: |language| {
            say!(
                language,
                "No trail records this account's calls as the rule asks. snapback hears of calls only as long as a trail logs them.",
                "ルールが求める形でこのアカウントの呼び出しを記録する証跡がありません。snapback に呼び出しが届くのは、証跡が記録している間だけです。"
            )
        },
        steps: |_, language| {
            lines(
                language,
                [
                    (
                        "  1. See which trails there are, and whether they log:",
                        "  1. どの証跡があり、記録しているかどうかを確認します:",
                    ),
                    same("     aws cloudtrail describe-trails"),
                    same("     aws cloudtrail get-trail-status --name TRAIL_ARN"),
                    (
                        "  2. One that was stopped: find out in its event history who did it (StopLogging, UpdateTrail, DeleteTrail), and start it:",
                        "  2. 停止された証跡は、誰が停止したのかをイベント履歴 (StopLogging、UpdateTrail、DeleteTrail) で確認し、再開します:",
                    ),
                    same("     aws cloudtrail start-logging --name TRAIL_ARN"),
                    (
                        "  3. None: deploy snapback with CreateTrail=yes, or make one in CloudTrail, Trails.",
                        "  3. 証跡がなければ、CreateTrail=yes で snapback をデプロイするか、[CloudTrail] > [証跡] で作成します。",
                    ),
                ],
            )
        },
    },
    Known {
        identifier: "IAM_PASSWORD_POLICY",
        headline: "the password policy is weaker than it should be",
        severity: Severity::Low,
        means: |language| {
            say!(
                language,
                "The account has no policy for the passwords of IAM users, or a weaker one than the rule asks for.",
                "IAM ユーザーのパスワードポリシーがないか、ルールが求めるものより弱くなっています。"
            )
        },
        steps: |_, language| {
            lines(
                language,
                [
                    (
                        "  1. See what it is; NoSuchEntity means that there is none:",
                        "  1. 現在のポリシーを確認します (NoSuchEntity はポリシーがないという意味です):",
                    ),
                    same("     aws iam get-account-password-policy"),
                    (
                        "  2. Set it to what the rule asks for, such as its defaults. This replaces the whole policy:",
                        "  2. ルールが求める値に設定します。次の例はルールのデフォルト値で、ポリシー全体を置き換えます:",
                    ),
                    same(
                        "     aws iam update-account-password-policy --minimum-password-length 14 --require-symbols --require-numbers \\",
                    ),
                    same(
                        "       --require-uppercase-characters --require-lowercase-characters --password-reuse-prevention 24 --max-password-age 90",
                    ),
                ],
            )
        },
    },
    Known {
        identifier: "IAM_USER_UNUSED_CREDENTIALS_CHECK",
        headline: "IAM user {} has unused credentials",
        severity: Severity::Medium,
        means: |language| {
            say!(
                language,
                "The user has a password or an active access key that nobody has used for longer than the rule allows.",
                "このユーザーには、ルールが許す期間を超えて使われていないパスワードまたは有効なアクセスキーがあります。"
            )
        },
        steps: |change, language| {
            let mut steps = name_of_user(change, language);
            steps.extend(lines(
                language,
                [
                    (
                        "  2. See when its password (PasswordLastUsed) and its keys were used last:",
                        "  2. パスワード (PasswordLastUsed) とキーが最後に使われた日時を確認します:",
                    ),
                    same("     aws iam get-user --user-name NAME"),
                    same("     aws iam list-access-keys --user-name NAME"),
                    same("     aws iam get-access-key-last-used --access-key-id KEY_ID"),
                    (
                        "  3. Shut off what is not needed. A key can be activated again, a password has to be set anew:",
                        "  3. 不要なものを使えないようにします。キーは再び有効化できますが、パスワードは設定し直す必要があります:",
                    ),
                    same("     aws iam update-access-key --user-name NAME --access-key-id KEY_ID --status Inactive"),
                    same("     aws iam delete-login-profile --user-name NAME"),
                ],
            ));
            steps
        },
    },
    Known {
        identifier: "IAM_USER_MFA_ENABLED",
        headline: "IAM user {} has no MFA",
        severity: Severity::Medium,
        means: |language| {
            say!(
                language,
                "The user has no MFA device: whoever has its password or its key has the user.",
                "このユーザーには MFA デバイスがありません。パスワードまたはキーを持つ者は、このユーザーとして操作できます。"
            )
        },
        steps: |change, language| {
            let mut steps = name_of_user(change, language);
            steps.extend(lines(
                language,
                [
                    (
                        "  2. A user of a person: let the person add a device (IAM, Users, the user, Security credentials), or take the password away:",
                        "  2. 人が使うユーザーであれば、本人にデバイスを追加してもらうか ([IAM] > [ユーザー] > ユーザー名 > [セキュリティ認証情報])、パスワードを削除します:",
                    ),
                    same("     aws iam delete-login-profile --user-name NAME"),
                    (
                        "  3. A user of a program: give the program a role, and delete the user.",
                        "  3. プログラムが使うユーザーであれば、プログラムにロールを使わせ、ユーザーを削除します。",
                    ),
                ],
            ));
            steps
        },
    },
    Known {
        identifier: "IAM_USER_GROUP_MEMBERSHIP_CHECK",
        headline: "IAM user {} is not in its group",
        severity: Severity::Low,
        means: |language| {
            say!(
                language,
                "The user is a member of no group, or of none of those that the rule names.",
                "このユーザーは、どのグループにも、またはルールが指定するどのグループにも属していません。"
            )
        },
        steps: |change, language| {
            let mut steps = name_of_user(change, language);
            steps.extend(lines(
                language,
                [
                    (
                        "  2. See in which groups it is, and what else gives it rights:",
                        "  2. 所属グループと、ほかに権限を与えているものを確認します:",
                    ),
                    same("     aws iam list-groups-for-user --user-name NAME"),
                    same("     aws iam list-attached-user-policies --user-name NAME"),
                    (
                        "  3. Put it into the group that it should be in. Mind that it gets the group's rights, and snapback tells of it:",
                        "  3. 所属すべきグループに追加します。グループの権限を得ることに注意してください。追加は snapback からも通知されます:",
                    ),
                    same("     aws iam add-user-to-group --user-name NAME --group-name GROUP"),
                    (
                        "     A user that nobody needs is better deleted.",
                        "     誰も必要としないユーザーは削除してください。",
                    ),
                ],
            ));
            steps
        },
    },
    Known {
        identifier: "IAM_POLICY_IN_USE",
        headline: "a policy is not in use where it should be",
        severity: Severity::Low,
        means: |language| {
            say!(
                language,
                "The policy that the rule names is attached to nobody, or to nobody of the kind that the rule asks for.",
                "ルールが指定するポリシーが、誰にも、またはルールが求める種類のプリンシパルにアタッチされていません。"
            )
        },
        steps: |change, language| {
            let policy = policy_of(change);
            let policy = policy.as_deref().unwrap_or("POLICY_ARN");
            let mut steps = lines(
                language,
                [(
                    "  1. See to whom it is attached. Who took it off is in CloudTrail's event history (DetachRolePolicy and its like):",
                    "  1. アタッチ先を確認します。デタッチした実行者は CloudTrail のイベント履歴 (DetachRolePolicy など) で確認できます:",
                )],
            );
            steps.push(format!("     aws iam list-entities-for-policy --policy-arn {policy}"));
            steps.extend(lines(
                language,
                [(
                    "  2. Attach it to the role or group that should have it:",
                    "  2. 必要とするロールまたはグループにアタッチします:",
                )],
            ));
            steps.push(format!("     aws iam attach-role-policy --role-name ROLE --policy-arn {policy}"));
            steps
        },
    },
];

/// A line that is the same in both languages: a command.
const fn same(line: &str) -> (&str, &str) {
    (line, line)
}

fn lines<const N: usize>(language: Language, both: [(&str, &str); N]) -> Vec<String> {
    let one = |(english, japanese): (&str, &str)| match language {
        Language::English => english.to_owned(),
        Language::Japanese => japanese.to_owned(),
    };
    both.map(one).to_vec()
}

/// The first step with a user, of whom AWS Config tells the id only.
fn name_of_user(change: &ComplianceChange, language: Language) -> Vec<String> {
    let id = if is_credential_id(&change.resource_id) { &change.resource_id } else { "USER_ID" };
    vec![
        say!(
            language,
            "  1. Find the user's name, NAME below. AWS Config gives its id:",
            "  1. ユーザー名 (以下の NAME) を調べます。AWS Config は ID だけを示します:"
        ),
        format!("     aws iam list-users --output text --query \"Users[?UserId=='{id}'].UserName\""),
    ]
}

/// The policy that the rule names.
fn policy_of(change: &ComplianceChange) -> Option<String> {
    let Some(Behind::Managed { parameters, .. }) = &change.behind else { return None };
    text(parameters, "policyARN").filter(|arn| arn.starts_with("arn:") && is_argument(arn))
}

/// What IAM Access Analyzer found.
fn tell_access(report: &mut Report, event: &Event, access: &ExternalAccess) {
    let language = report.language;
    if access.error.is_some() {
        return tell_not_analyzed(report, event, access);
    }
    let who = if access.is_public { "everybody" } else { "somebody outside" };
    report.headline = format!("{who} can reach {}", short(&access.resource));
    report.severity = Some(if access.is_public { Severity::High } else { Severity::Medium });
    let not_told = || say!(language, "not in the finding", "検出結果に記録なし");
    let or_not_told = |list: &[String]| if list.is_empty() { not_told() } else { quote(&list.join(", ")) };
    let who = if access.is_public {
        say!(language, "everybody", "全員 (パブリック)")
    } else {
        or_not_told(&access.principals)
    };
    let (actions, sources) = (or_not_told(&access.actions), or_not_told(&access.sources));
    let conditions = match access.conditions.as_slice() {
        [] => say!(language, "none", "なし"),
        conditions => quote(&conditions.join(", ")),
    };
    let since = access.since.as_deref().map_or_else(not_told, quote);
    report.happened.extend([
        say!(language, "Who can reach it: {who}", "アクセスできる者: {who}"),
        say!(language, "What they may do: {actions}", "許可される操作: {actions}"),
        say!(language, "On condition:     {conditions}", "条件: {conditions}"),
        say!(language, "By its:           {sources}", "付与元: {sources}"),
        say!(language, "Found first:      {since}", "最初の検出日時: {since}"),
    ]);
    report.done.push(say!(
        language,
        "Nothing was changed: of such a resource snapback only tells.",
        "何も変更していません。この種類のリソースについては、snapback は通知だけを行います。"
    ));
    let region = region(event);
    let finding = if is_argument(&access.finding_id) { &access.finding_id } else { "FINDING_ID" };
    report.left = vec![
        say!(
            language,
            "  1. Look whether it is meant to be so: IAM, Access Analyzer, the finding, which leads to the resource's policy.",
            "  1. 意図したものかどうかを確認します: [IAM] > [Access Analyzer] > 検出結果。リソースのポリシーへのリンクもあります。"
        ),
        say!(
            language,
            "  2. If not: take the access out of the policy (grant, share) named above. The finding is resolved within about 30 minutes.",
            "  2. 意図したものでなければ、上記の付与元 (ポリシー、許可、共有) からこのアクセスを削除します。検出結果は約 30 分以内に解決済みになります。"
        ),
        say!(
            language,
            "  3. If so: archive the finding. The analyzer's ARN is in the first answer:",
            "  3. 意図したものであれば、検出結果をアーカイブします。アナライザーの ARN は最初のコマンドで確認できます:"
        ),
        format!("     aws accessanalyzer list-analyzers --region {region}"),
        format!(
            "     aws accessanalyzer update-findings --region {region} --analyzer-arn ANALYZER_ARN --status ARCHIVED --ids {finding}"
        ),
    ];
    report.to_allow.push(say!(
        language,
        "Make an archive rule in IAM Access Analyzer for what is meant to be so: what is archived is not told.",
        "意図したアクセスについては、IAM Access Analyzer でアーカイブルールを作成してください。アーカイブされた検出結果は通知されません。"
    ));
}

/// What IAM Access Analyzer could not look at. <https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-error-findings.html>
fn tell_not_analyzed(report: &mut Report, event: &Event, access: &ExternalAccess) {
    let language = report.language;
    report.headline = format!("not analyzed: {}", short(&access.resource));
    report.severity = Some(Severity::Medium);
    report.done.push(say!(
        language,
        "Nothing was changed: of such a resource snapback only tells.",
        "何も変更していません。この種類のリソースについては、snapback は通知だけを行います。"
    ));
    let region = region(event);
    let arn = if is_argument(&access.resource) { &access.resource } else { "RESOURCE_ARN" };
    report.left = vec![
        say!(
            language,
            "  1. Look at the resource's policy: whom does it let in?",
            "  1. リソースのポリシーを確認します。誰にアクセスを許可していますか。"
        ),
        say!(
            language,
            "  2. With ACCESS_DENIED it keeps IAM Access Analyzer's role (AWSServiceRoleForAccessAnalyzer) out. Let that read it, and have it analyzed anew:",
            "  2. ACCESS_DENIED の場合、IAM Access Analyzer のロール (AWSServiceRoleForAccessAnalyzer) が拒否されています。読み取りを許可し、再分析します:"
        ),
        format!("     aws accessanalyzer list-analyzers --region {region}"),
        format!(
            "     aws accessanalyzer start-resource-scan --region {region} --analyzer-arn ANALYZER_ARN --resource-arn {arn}"
        ),
    ];
    report.to_allow.push(nothing_allows(language));
}

/// The region for a command.
fn region(event: &Event) -> &str {
    event.region.as_deref().filter(|region| is_argument(region)).unwrap_or("REGION")
}

/// The service and the name of an ARN, for the subject.
fn short(arn: &str) -> String {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, service, _, _, name] => format!("{service} {name}"),
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MANAGED_RULES;
    use crate::findings::NAME;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_steps_for_each_rule_that_is_told_here() {
        let told: BTreeSet<&str> =
            MANAGED_RULES.iter().filter(|rule| rule.function == NAME).map(|rule| rule.identifier).collect();
        assert_eq!(KNOWN.iter().map(|known| known.identifier).collect::<BTreeSet<_>>(), told);
        for known in KNOWN {
            let is_grave = ["IAM_ROOT_ACCESS_KEY_CHECK", "ROOT_ACCOUNT_MFA_ENABLED", "CLOUD_TRAIL_ENABLED"]
                .contains(&known.identifier);
            assert_eq!(known.severity >= Severity::High, is_grave, "{}", known.identifier);
        }
    }

    #[test]
    fn only_what_aws_could_have_given_gets_into_a_command() {
        let change = |id: &str, policy: &str| ComplianceChange {
            rule_name: "r; reboot".to_owned(),
            resource_type: "AWS::IAM::User".to_owned(),
            resource_id: id.to_owned(),
            compliance: "NON_COMPLIANT".to_owned(),
            annotation: None,
            behind: Some(Behind::Managed {
                identifier: "IAM_POLICY_IN_USE".to_owned(),
                parameters: serde_json::json!({"policyARN": policy}),
            }),
        };
        let good = change("AIDAQ3C7TN4YKEXAMPLE", "arn:aws:iam::aws:policy/AWSSupportAccess");
        assert!(name_of_user(&good, Language::English).concat().contains("UserId=='AIDAQ3C7TN4YKEXAMPLE'"));
        assert_eq!(policy_of(&good).as_deref(), Some("arn:aws:iam::aws:policy/AWSSupportAccess"));
        let bad = change("AIDA'].UserName\"; reboot", "arn:aws:iam::aws:policy/$(reboot)");
        assert!(name_of_user(&bad, Language::English).concat().contains("UserId=='USER_ID'"));
        assert_eq!(policy_of(&bad), None);
        let raw = serde_json::json!({"eventName": "X", "eventSource": "y", "awsRegion": "eu; reboot"});
        let event = crate::event::parse(&raw).unwrap();
        assert_eq!((region(&event), details(&event, &bad, Language::English).len()), ("REGION", 1));
    }
}
