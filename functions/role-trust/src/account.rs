//! The reads and writes of the account.

use std::collections::BTreeMap;

use aws_sdk_iam::error::SdkError;
use aws_sdk_iam::operation::get_role::GetRoleError;
use aws_sdk_organizations::operation::describe_account::DescribeAccountError;
use aws_sdk_organizations::operation::describe_organization::DescribeOrganizationError;
use rules::policy;
use rules::role_trust::judge::Organization;
use rules::role_trust::plan::{Action, LiveRole};
use rules::{Localized, localized, say};
use runtime::{CallError, Calls, ObserveError};
use serde_json::Value;

/// The account, with a record of the calls made to it.
pub struct Account<'a> {
    /// The client for IAM.
    pub iam: &'a aws_sdk_iam::Client,
    /// The client for Organizations.
    pub organizations: &'a aws_sdk_organizations::Client,
    /// Where the calls are recorded.
    pub calls: &'a Calls,
}

impl Account<'_> {
    /// The role of that name; `None` if there is none.
    ///
    /// # Errors
    /// [`ObserveError`] if the role or its trust policy could not be read.
    pub async fn role(&self, name: &str) -> Result<Option<LiveRole>, ObserveError> {
        let call = "GetRole";
        let request = async {
            match self.iam.get_role().role_name(name).send().await {
                Err(error) if error.as_service_error().is_some_and(GetRoleError::is_no_such_entity_exception) => {
                    Ok(None)
                }
                answer => answer.map(Some),
            }
        };
        let language = self.calls.language();
        let told = |answer: &Option<_>| match answer {
            Some(_) => say!(language, "ok", "成功"),
            None => say!(language, "no such role", "ロールなし"),
        };
        let Some(answer) = self.calls.make(call, name, request, told).await? else { return Ok(None) };
        let problem = |problem: Localized| ObserveError::Answer { call, problem };
        let role = answer.role.ok_or_else(|| problem(localized!("no `Role`", "`Role` がありません")))?;
        let written = Value::from(role.assume_role_policy_document.unwrap_or_default());
        let document = policy::parse(&written).map_err(|what| {
            problem(Localized::new(|language| {
                let what = what.of(language);
                say!(language, "the trust policy {what}", "信頼ポリシー{what}")
            }))
        })?;
        Ok(Some(LiveRole { id: role.role_id, arn: role.arn, document }))
    }

    /// The organization that the account is in. Every account of an organization may ask.
    ///
    /// # Errors
    /// [`ObserveError`] if AWS did not say.
    pub async fn organization(&self) -> Result<Organization, ObserveError> {
        let call = "DescribeOrganization";
        let is_in_none = DescribeOrganizationError::is_aws_organizations_not_in_use_exception;
        let request = async {
            match self.organizations.describe_organization().send().await {
                Err(error) if error.as_service_error().is_some_and(is_in_none) => Ok(None),
                answer => answer.map(Some),
            }
        };
        let language = self.calls.language();
        let told = |answer: &Option<_>| match answer {
            Some(_) => say!(language, "ok", "成功"),
            None => say!(language, "it is in none", "組織に属していない"),
        };
        let Some(answer) = self.calls.make(call, "", request, told).await? else {
            return Ok(Organization::None);
        };
        let organization = answer.organization.and_then(|organization| {
            let management_account = organization.master_account_id;
            organization.id.map(|id| Organization::Own { id, management_account, accounts: BTreeMap::new() })
        });
        organization
            .ok_or_else(|| ObserveError::Answer { call, problem: localized!("no `Id`", "`Id` がありません") })
    }

    /// Whether an account is of this one's organization; `None` if this account is not told, as all but the organization's management account
    /// and those that it delegated to are not (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html>).
    ///
    /// # Errors
    /// [`CallError`] if AWS refused for another reason or did not answer.
    pub async fn is_member(&self, account: &str) -> Result<Option<bool>, CallError> {
        let request = async {
            let answer = self.organizations.describe_account().account_id(account).send().await;
            match answer.as_ref().err().and_then(SdkError::as_service_error) {
                Some(DescribeAccountError::AccountNotFoundException(_)) => Ok(Some(false)),
                Some(DescribeAccountError::AccessDeniedException(_)) => Ok(None),
                _ => answer.map(|_| Some(true)),
            }
        };
        let language = self.calls.language();
        let told = |answer: &Option<bool>| match answer {
            Some(true) => say!(language, "it is of the organization", "組織に属している"),
            Some(false) => say!(language, "it is not of the organization", "組織に属していない"),
            None => say!(language, "this account is not told", "このアカウントでは確認不可"),
        };
        self.calls.make("DescribeAccount", account, request, told).await
    }

    /// Carries out one action.
    ///
    /// # Errors
    /// [`CallError`] if AWS refused or did not answer; in the second case it may have been done.
    pub async fn apply(&self, action: &Action) -> Result<(), CallError> {
        match action {
            Action::WriteTrustPolicy { role_name, document, .. } => {
                let request = self.iam.update_assume_role_policy().role_name(role_name);
                let request = request.policy_document(document.to_string()).send();
                self.calls.make("UpdateAssumeRolePolicy", role_name, request, self.calls.ok()).await?;
            }
        }
        Ok(())
    }
}
