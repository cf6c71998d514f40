//! What would be done about a finding, going by the record alone: nobody can be asked for the account's organization.

use super::NAME;
use super::detect::{Finding, Provider, ProviderKind, Trust};
use super::judge::{Circle, Organization, Standing, Stranger, strangers};
use crate::event::Event;
use crate::foresee::{Foreseen, Word};
use crate::settings::Settings;

/// What the function would do about a finding.
pub fn foresee(finding: &Finding, _event: &Event, settings: &Settings) -> Foreseen {
    match finding {
        Finding::Trust(trust) => self::trust(trust, settings),
        Finding::Provider(Provider { kind, name, .. }) => {
            let kind = match kind {
                ProviderKind::Saml => "SAML",
                ProviderKind::OpenIdConnect => "OpenID Connect",
            };
            let name = name.as_deref().unwrap_or_default();
            let what = format!("{kind} provider made or changed: {name}");
            Foreseen::new(NAME, name, what, Word::told("identity providers are only told"))
        }
    }
}

fn trust(trust: &Trust, settings: &Settings) -> Foreseen {
    let name = &trust.role_name;
    let resource = trust.role_arn.as_ref().unwrap_or(name);
    let Some(document) = &trust.document else {
        let what = format!("IAM Access Analyzer found that role {name} trusts somebody outside");
        return Foreseen::new(NAME, resource, what, Word::depends("what the account shows"));
    };
    let organization = &Organization::Unknown;
    let circle = Circle { account: &trust.account, trusted: &settings.trusted_accounts, organization };
    let strangers = strangers(document, &circle);
    let by_mode = Word::by_mode("RoleTrustMode", settings.role_trust_mode, settings);
    let on_organization = || Word::depends("whether they are of the account's organization");
    let word = if strangers.iter().all(|stranger| stranger.standing == Standing::OfOrganization) {
        on_organization()
    } else if !by_mode.acts() || strangers.iter().any(Stranger::has_to_go) {
        by_mode
    } else if strangers.iter().any(Stranger::depends_on_organization) {
        on_organization()
    } else {
        Word::told("only told: it can't be told whose they are, or a Deny keeps them out")
    };
    let mut whom: Vec<String> = strangers.iter().flat_map(Stranger::whom).collect();
    whom.sort();
    whom.dedup();
    let accounts: Option<Vec<Vec<String>>> =
        strangers.iter().map(|stranger| Some(stranger.accounts()).filter(|accounts| !accounts.is_empty())).collect();
    let mut accounts = accounts.unwrap_or_default().concat();
    accounts.sort();
    accounts.dedup();
    let what = format!("role {name} trusts {}", whom.join(", "));
    Foreseen::new(NAME, resource, what, word).exempted_by("TrustedAccounts", &accounts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse;
    use crate::foresee::{Exemption, Verdict};
    use serde_json::{Value, json};

    fn foreseen(mode: &str, statements: Value) -> Foreseen {
        let event = parse(&json!({"eventName": "x", "eventSource": "iam.amazonaws.com"})).unwrap();
        let settings = Settings::from_variables(|name| (name == "ROLE_TRUST_MODE").then(|| mode.to_owned())).unwrap();
        let trust = Trust {
            role_name: "r".to_owned(),
            role_id: None,
            role_arn: None,
            account: "123456789012".to_owned(),
            document: Some(json!({"Version": "2012-10-17", "Statement": statements})),
        };
        foresee(&Finding::Trust(trust), &event, &settings)
    }

    #[test]
    fn an_account_depends_on_the_organization_and_everyone_does_not() {
        let allow = |principal: Value| json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal});
        let account = allow(json!({"AWS": "arn:aws:iam::111122223333:root"}));
        let everyone = allow(json!("*"));
        let id = allow(json!({"AWS": "AIDAEXAMPLEEXAMPLEEXA"}));
        let deny = json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"});
        use Verdict::{Alert, Depends, Revert};
        for (statements, in_revert, in_alert) in [
            (json!([account]), Depends, Depends),
            (json!([everyone]), Revert, Alert),
            (json!([everyone, account]), Revert, Alert),
            (json!([id]), Alert, Alert),
            (json!([id, account]), Depends, Alert),
            (json!([everyone, deny]), Alert, Alert),
        ] {
            let verdict = |mode: &str| foreseen(mode, statements.clone()).verdict;
            assert_eq!((verdict("revert"), verdict("alert")), (in_revert, in_alert), "{statements}");
        }
        let trusted = Exemption { setting: "TrustedAccounts", value: "111122223333".to_owned() };
        assert_eq!(foreseen("revert", json!([account])).exempted_by, [trusted]);
        assert!(foreseen("revert", json!([account, everyone])).exempted_by.is_empty());
        assert_eq!(foreseen("revert", json!([everyone])).reason(), "role r trusts everyone");
    }

    #[test]
    fn providers_are_only_told() {
        let event = parse(&json!({"eventName": "x", "eventSource": "iam.amazonaws.com"})).unwrap();
        let provider = Provider { kind: ProviderKind::Saml, name: None, details: Vec::new() };
        assert_eq!(foresee(&Finding::Provider(provider), &event, &Settings::default()).verdict, Verdict::Alert);
    }
}
