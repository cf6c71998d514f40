//! Whether an event ended as the settings require.
//!
//! This looks at the account and the mailbox, not at what the guardrails say that they did: nothing that the event opened may be
//! open, unless it may, nothing else may have changed, and whoever should be told must have been.

mod buckets;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use rules::access_analyzer::ACTIVE;
use rules::command::is_account_id;
use rules::config::{ComplianceChange, NON_COMPLIANT, reads_like};
use rules::findings;
use rules::json::{field, text};
use rules::policy::principal::{Principal, principals};
use rules::role_trust::judge::{Circle, Organization, strangers};
use rules::security_group::exposure::{Limits, Opening, newly_exposed, to_take_away};
use rules::security_group::plan::LiveRule;
use rules::settings::Mode;
use rules::{Alert, Event, Origin, Outcome, Settings, policy, security_group};
use runtime::{Handled, Verdict};
use sandbox::reenact::State;
use sandbox::reenact::ec2::State as Ec2;
use sandbox::reenact::iam::{Kind, Role, User};
use serde_json::Value;

/// A function's word on an event.
pub(crate) struct Decided {
    /// The function's name.
    pub(crate) function: &'static str,
    /// Its mode.
    pub(crate) mode: Mode,
    /// What it did.
    pub(crate) handled: Handled,
}

/// One event, from the change to what came of it.
pub(crate) struct Course<'a> {
    pub(crate) event: &'a Event,
    /// As they are for the event: [`Settings::on`].
    pub(crate) settings: &'a Settings,
    /// Whether the account is a stand-in of our own.
    pub(crate) is_stand_in: bool,
    /// Whether the scenario has gone on for longer than an access key may be old, so that all keys are.
    pub(crate) are_old: bool,
    /// The functions that got the event.
    pub(crate) decided: &'a [Decided],
    pub(crate) before: &'a State,
    pub(crate) after: &'a State,
    pub(crate) now: &'a State,
}

impl Course<'_> {
    /// `mails` are those that arrived; `None` in a dry run.
    pub(crate) fn judge(&self, mails: Option<&[Alert]>) -> Result<(), String> {
        for decided in self.decided {
            self.judge_handled(decided).map_err(|problem| format!("{}: {problem}", decided.function))?;
        }
        if let Some(received) = mails {
            // As their reader has them: subject and text.
            let read = |mail: &Alert| (mail.subject.clone(), mail.body.clone());
            let mut due: Vec<_> =
                self.decided.iter().filter_map(|decided| decided.handled.mail.as_ref().map(read)).collect();
            let mut received: Vec<_> = received.iter().map(read).collect();
            due.sort();
            received.sort();
            if due != received {
                return Err(format!("mails due: {}, received: {}, or they differ", due.len(), received.len()));
            }
        }
        self.judge_security_groups()?;
        self.judge_users()?;
        self.judge_roles()?;
        self.judge_buckets()?;
        self.judge_sign_ins_and_root()?;
        self.judge_findings()
    }

    fn acts(&self, mode: Mode) -> bool {
        self.settings.acts(mode) && !self.is_trusted()
    }

    fn is_trusted(&self) -> bool {
        self.event.actor.principal_arn().is_some_and(|arn| self.settings.trusts(arn))
    }

    fn by(&self, function: &str) -> Option<&Decided> {
        self.decided.iter().find(|decided| decided.function == function)
    }

    /// Expects that a function which wants to tell has told.
    fn told(&self, function: &str, what: &str) -> Result<(), String> {
        match self.by(function) {
            Some(decided) if decided.mode == Mode::Off || self.is_trusted() => Ok(()),
            Some(decided) if matches!(decided.handled.verdict, Verdict::Violation | Verdict::Unreadable) => Ok(()),
            _ => Err(format!("{what}, and nobody was told")),
        }
    }

    fn judge_handled(&self, decided: &Decided) -> Result<(), String> {
        let handled = &decided.handled;
        if let Some(error) = &handled.error {
            return Err(error.to_string());
        }
        let outcome = handled.report.as_ref().map(|report| report.outcome);
        let is_canary = decided.function == "security-group" && self.is_closed_canary();
        match handled.verdict {
            Verdict::HeldBack if !is_canary => return Err("no mail, though it is not the canary's doing".to_owned()),
            // What may be in a group that was there before, or in another account, is not known here.
            Verdict::Violation if is_canary && self.is_stand_in => {
                return Err("told, though it is the canary's doing".to_owned());
            }
            _ => {}
        }
        if handled.verdict == Verdict::Exempt && !self.is_trusted() {
            return Err("exempt, though the actor is none of TrustedActors".to_owned());
        }
        if matches!(handled.verdict, Verdict::Violation | Verdict::Unreadable)
            && handled.mail.is_none()
            && !handled.is_told_before
        {
            return Err("nobody was told".to_owned());
        }
        let fits = match handled.verdict {
            Verdict::Ignored | Verdict::Exempt | Verdict::Folded => outcome.is_none(),
            Verdict::Violation if self.acts(decided.mode) => outcome.is_some_and(|outcome| outcome != Outcome::Failed),
            Verdict::Violation | Verdict::Unreadable => outcome == Some(Outcome::Alert),
            Verdict::HeldBack => outcome == Some(Outcome::Reverted),
            Verdict::Resent => true,
        };
        if fits { Ok(()) } else { Err(format!("it ended as {}", outcome.map_or("nothing", Outcome::words))) }
    }

    /// Whether the canary's role added the one rule that the canary adds, and its group is closed now.
    fn is_closed_canary(&self) -> bool {
        let role = self.settings.canary_role_arn.as_deref();
        let is_new = |(id, _): &(&String, &(LiveRule, Option<String>))| !self.before.ec2.rules.contains_key(*id);
        let new: Vec<&LiveRule> = self.after.ec2.rules.iter().filter(is_new).map(|(_, (rule, _))| rule).collect();
        let [rule] = new.as_slice() else { return false };
        let limits = Limits { widest: self.settings.widest_public, allowed: &self.settings.allowed_public_ports };
        role.is_some()
            && self.event.actor.principal_arn() == role
            && self.event.name == "AuthorizeSecurityGroupIngress"
            && rule.to_string() == format!("{} (tcp/9 from 0.0.0.0/0)", rule.id)
            && to_take_away(&self.now.ec2.openings(), &[], limits).is_empty()
    }

    /// What a finding of AWS Config on a group requires: in mode `revert` nothing of the group is open that may not be, and all else is as it
    /// was; otherwise nothing is changed, and what is open is told.
    fn judge_found_group(&self, change: &ComplianceChange) -> Result<(), String> {
        let (after, now) = (&self.after.ec2, &self.now.ec2);
        let limits = Limits { widest: self.settings.widest_public, allowed: &self.settings.allowed_public_ports };
        let of_group = |state: &Ec2| -> Vec<Opening> {
            state.openings().into_iter().filter(|opening| opening.opens.contains_key(&change.resource_id)).collect()
        };
        let is_open = |state: &Ec2| !to_take_away(&of_group(state), &[], limits).is_empty();
        // Elsewhere what is behind the rule's name may be anything.
        let is_ours = reads_like(&change.rule_name).is_some_and(|known| known.function == security_group::NAME);
        let is_wanted = change.compliance == NON_COMPLIANT && is_ours && self.is_stand_in;
        let verdict = self.by(security_group::NAME).map(|decided| decided.handled.verdict);
        if is_wanted && is_open(after) && self.settings.security_group_mode != Mode::Off {
            self.told(security_group::NAME, "the group is open to the world")?;
        } else if self.is_stand_in && verdict.is_some_and(|verdict| verdict != Verdict::Ignored) {
            return Err("told, though nothing of the group is open, or the finding is for others".to_owned());
        }
        let acts = self.acts(self.settings.security_group_mode) && verdict == Some(Verdict::Violation);
        if !acts {
            let is_same = now == after;
            return if is_same { Ok(()) } else { Err("changed, though it should have been left alone".to_owned()) };
        }
        if is_open(now) {
            return Err(format!("{} is still open to the world", change.resource_id));
        }
        if now.prefix_lists != after.prefix_lists || now.rules.keys().any(|id| !after.rules.contains_key(id)) {
            return Err("a prefix list was changed, or a rule added".to_owned());
        }
        for (id, (rule, description)) in &after.rules {
            match now.rules.get(id) {
                Some((left, told)) if (left, told) == (rule, description) => {}
                Some(_) => return Err(format!("a rule was changed: {rule}")),
                None if rule.group_id == change.resource_id
                    && rule.source.may_be_public()
                    && !limits.allow(&rule.traffic) => {}
                None => return Err(format!("a rule was taken away that may stay: {rule}")),
            }
        }
        Ok(())
    }

    fn judge_security_groups(&self) -> Result<(), String> {
        if let Origin::Config(change) = &self.event.origin
            && change.resource_type == "AWS::EC2::SecurityGroup"
        {
            return self.judge_found_group(change);
        }
        let (before, after, now) = (&self.before.ec2, &self.after.ec2, &self.now.ec2);
        let decided = self.by("security-group");
        let verdict = decided.map(|decided| decided.handled.verdict);
        let mode = self.settings.security_group_mode;
        let acts = decided.is_some() && self.settings.acts(mode);
        let limits = Limits { widest: self.settings.widest_public, allowed: &self.settings.allowed_public_ports };
        let opened = newly_exposed(&before.openings(), &after.openings(), limits);
        let open = newly_exposed(&before.openings(), &now.openings(), limits);
        let is_violation = matches!(verdict, Some(Verdict::Violation | Verdict::HeldBack));
        let is_exempt = verdict == Some(Verdict::Exempt);
        let (after_lines, now_lines) = (after.lines(), now.lines());
        let added: Vec<String> = now_lines.difference(&after_lines).cloned().collect();
        if !added.is_empty() {
            return Err(format!("something was added: {}", added.join("; ")));
        }
        if now != after && (!acts || !is_violation) {
            return Err("the account was changed, though it should have been left alone".to_owned());
        }
        if acts && !is_exempt && !open.is_empty() {
            let open: Vec<String> = open.iter().map(|(group, traffic)| format!("{group} {traffic}")).collect();
            return Err(format!("still open to the world by this event: {}", open.join("; ")));
        }
        let tells = !acts && mode != Mode::Off;
        if tells && (verdict == Some(Verdict::Ignored) || verdict.is_none()) && !opened.is_empty() {
            let opened: Vec<String> = opened.iter().map(|(group, traffic)| format!("{group} {traffic}")).collect();
            return Err(format!("open to the world by this event, and nobody was told: {}", opened.join("; ")));
        }
        if acts && !is_exempt {
            // Also where an older rule keeps the port open, so that nothing is newly exposed by a second one.
            let is_old = |opening: &Opening| before.rules.get(&opening.id) == now.rules.get(&opening.id);
            let (old, new): (Vec<Opening>, Vec<Opening>) = now.openings().into_iter().partition(is_old);
            let left: Vec<&Opening> =
                to_take_away(&new, &old, limits).into_iter().filter_map(|index| new.get(index)).collect();
            if !left.is_empty() {
                return Err(format!("a rule of this event still lets the world in: {left:?}"));
            }
        }
        let outcome = decided.and_then(|decided| decided.handled.report.as_ref()).map(|report| report.outcome);
        for (id, (rule, _)) in after.rules.iter().filter(|(id, _)| !now.rules.contains_key(*id)) {
            if before.rules.get(id) == after.rules.get(id) && outcome != Some(Outcome::Contained) {
                return Err(format!("an older rule was taken away: {rule}"));
            }
            if !rule.source.may_be_public() {
                return Err(format!("a rule that lets in no public address was taken away: {rule}"));
            }
        }
        for (list, entries) in &after.prefix_lists {
            let is_gone = |entry: &&IpNet| !now.prefix_lists.get(list).is_some_and(|left| left.contains(*entry));
            let is_older = |entry: &&IpNet| before.prefix_lists.get(list).is_some_and(|old| old.contains(*entry));
            if let Some(entry) = entries.iter().filter(is_gone).find(is_older) {
                return Err(format!("an older entry was taken out of {list}: {entry}"));
            }
        }
        if acts && is_violation && opened.is_empty() && now == after {
            return Err("told as a violation, but nothing had been opened to the world".to_owned());
        }
        Ok(())
    }

    fn judge_users(&self) -> Result<(), String> {
        let (before, after, now) = (&self.before.iam.users, &self.after.iam.users, &self.now.iam.users);
        if let Some(name) = now.keys().find(|name| !after.contains_key(*name)) {
            return Err(format!("user `{name}` was added"));
        }
        for (name, user) in after {
            let old = before.get(name).filter(|old| old.id == user.id);
            let left = now.get(name).filter(|left| left.id == user.id);
            match (old, left) {
                (None, None) if self.acts(self.settings.iam_user_mode) => {}
                (None, Some(_)) if self.acts(self.settings.iam_user_mode) && self.is_known_by_id() => {
                    return Err(format!("the new user `{name}` is still there"));
                }
                (None, Some(_)) => self.told("iam-user", &format!("user `{name}` is new"))?,
                (_, None) => return Err(format!("user `{name}` was deleted, and should not have been")),
                (Some(old), Some(left)) => {
                    self.judge_user(old, user, left).map_err(|problem| format!("user `{name}`: {problem}"))?;
                }
            }
        }
        let iam = (&self.before.iam, &self.after.iam, &self.now.iam);
        if iam.0.password_policy == Some(true) && iam.1.password_policy == Some(false) {
            self.told("iam-user", "the account's password policy is gone")?;
        }
        if iam.0.unassigned_mfa_devices.difference(&iam.1.unassigned_mfa_devices).next().is_some() {
            let is_assigned =
                self.after.iam.users.values().any(|user| iam.0.unassigned_mfa_devices.is_subset(&user.mfa_devices));
            if !is_assigned {
                self.told("iam-user", "an MFA device is gone")?;
            }
        }
        if (iam.1.password_policy, &iam.1.unassigned_mfa_devices)
            != (iam.2.password_policy, &iam.2.unassigned_mfa_devices)
        {
            return Err("the password policy or an MFA device of nobody was changed".to_owned());
        }
        Ok(())
    }

    /// Whether the event says which user it made: without the id, nothing is deleted by name.
    fn is_known_by_id(&self) -> bool {
        text(field(&self.event.response, "user"), "userId").is_some()
    }

    /// A user that was there before the event.
    fn judge_user(&self, old: &User, after: &User, now: &User) -> Result<(), String> {
        let takes_back = self.acts(self.settings.iam_user_mode);
        let is_found = self.finds(after, "IAM_USER_NO_POLICIES_CHECK");
        let allows = |document: &Value| !policy::parse(document).is_ok_and(|document| policy::only_denies(&document));
        self.judge_part(
            "a password",
            !old.has_login_profile && after.has_login_profile,
            takes_back,
            "iam-user",
            || (after.has_login_profile, now.has_login_profile),
        )?;
        for (arn, document) in &after.attached {
            let is_new = (is_found || !old.attached.contains_key(arn)) && allows(document);
            let there = || (true, now.attached.contains_key(arn));
            self.judge_part(&format!("the attached policy `{arn}`"), is_new, takes_back, "iam-user", there)?;
        }
        for (name, document) in &after.inline {
            let is_new = (is_found || old.inline.get(name) != Some(document)) && allows(document);
            let there = || (true, now.inline.get(name) == Some(document));
            self.judge_part(&format!("the inline policy `{name}`"), is_new, takes_back, "iam-user", there)?;
        }
        let has_own = after.attached.values().chain(after.inline.values()).any(allows);
        let is_told = self.by("iam-user").is_some_and(|decided| decided.handled.verdict != Verdict::Ignored);
        if is_found && !has_own && is_told {
            return Err("told of policies of its own, and there is none that allows anything".to_owned());
        }
        let kept: BTreeSet<&String> = after.attached.keys().chain(after.inline.keys()).collect();
        for (name, document) in now.inline.iter().filter(|(name, _)| !kept.contains(name)) {
            // Containment adds policies that only deny.
            if allows(document) || self.by("access-key").is_none() || !self.acts(self.settings.access_key_mode) {
                return Err(format!("the inline policy `{name}` was added"));
            }
        }
        if let Some(arn) = now.attached.keys().find(|arn| !kept.contains(*arn)) {
            return Err(format!("the policy `{arn}` was attached"));
        }
        let shuts_off = self.acts(self.settings.access_key_mode);
        for ((kind, id), is_active) in &after.credentials {
            let was_active = old.credentials.get(&(*kind, id.clone())).copied();
            let is_new = *is_active && was_active != Some(true);
            let is_reset = self.event.name.starts_with("Reset") && *kind == Kind::ServiceSpecific && *is_active;
            let left = now.credentials.get(&(*kind, id.clone())).copied();
            let deletes = self.settings.access_key_mode == Mode::Revert && was_active.is_none();
            let is_old =
                *kind == Kind::AccessKey && *is_active && self.are_old && self.finds(after, "ACCESS_KEYS_ROTATED");
            let expected = match (is_new || is_reset || is_old, shuts_off) {
                (true, true) if deletes && !is_old => None,
                (true, true) => Some(false),
                _ => Some(*is_active),
            };
            if left != expected {
                return Err(format!("{kind:?} `{id}`: active {left:?}, expected {expected:?}"));
            }
            if is_new || is_reset || is_old {
                self.told("access-key", &format!("{kind:?} `{id}` is new, active again, reset or too old"))?;
            }
        }
        if now.credentials.keys().any(|credential| !after.credentials.contains_key(credential)) {
            return Err("a credential was added".to_owned());
        }
        if after.groups.difference(&old.groups).next().is_some() {
            self.told("iam-user", "it is in another group")?;
        }
        if old.mfa_devices.difference(&after.mfa_devices).next().is_some() {
            self.told("iam-user", "it has lost an MFA device")?;
        }
        if old.boundary.is_some() && after.boundary.is_none() {
            self.told("iam-user", "its permissions boundary is gone")?;
        }
        let rest = |user: &User| (user.groups.clone(), user.mfa_devices.clone(), user.boundary.clone());
        if rest(after) == rest(now) {
            Ok(())
        } else {
            Err("something of it was changed that should not have been".to_owned())
        }
    }

    /// Whether the event is what AWS Config found of a user by a managed rule. The rule was made by its name.
    fn finds(&self, user: &User, identifier: &str) -> bool {
        match &self.event.origin {
            Origin::Config(change) => {
                change.compliance == NON_COMPLIANT
                    && change.resource_id == user.id
                    && reads_like(&change.rule_name).is_some_and(|known| known.identifier == identifier)
            }
            Origin::CloudTrail | Origin::AccessAnalyzer(_) => false,
        }
    }

    /// One thing of a user: taken back if it is new and we take such things back, and left as it is otherwise.
    fn judge_part(
        &self,
        what: &str,
        is_new: bool,
        takes_back: bool,
        function: &str,
        there: impl Fn() -> (bool, bool),
    ) -> Result<(), String> {
        let (was_there, is_there) = there();
        if is_new {
            self.told(function, &format!("{what} is new"))?;
        }
        match (is_new && takes_back, is_there) {
            (true, true) => Err(format!("{what} is still there")),
            (false, is_there) if was_there != is_there => Err(format!("{what} was taken away or added")),
            _ => Ok(()),
        }
    }

    fn judge_roles(&self) -> Result<(), String> {
        let (before, after, now) = (&self.before.iam, &self.after.iam, &self.now.iam);
        if after.providers != now.providers {
            return Err("an identity provider was changed".to_owned());
        }
        // IAM Identity Center makes a provider of its own in every account that it gives people access to.
        let account = self.event.account.as_deref().unwrap_or_default();
        let own_role = format!("{account}:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO");
        let is_identity_center =
            self.event.actor.role_arn.as_deref().is_some_and(|arn| arn.splitn(5, ':').nth(4) == Some(&own_role));
        if before.providers != after.providers && !is_identity_center {
            self.told("role-trust", "an identity provider is new or changed")?;
        }
        let names = |roles: &BTreeMap<String, Role>| -> Vec<String> { roles.keys().cloned().collect() };
        if names(&after.roles) != names(&now.roles) {
            return Err("a role was deleted or added".to_owned());
        }
        let decided = self.by("role-trust");
        let is_violation = decided.is_some_and(|decided| decided.handled.verdict == Verdict::Violation);
        let acts = self.acts(self.settings.role_trust_mode);
        for (name, role) in &after.roles {
            let Some(left) = now.roles.get(name) else { continue };
            let is_found = self.is_found_role(name);
            let is_named = text(&self.event.request, "roleName").as_ref() == Some(name) || is_found;
            if left != role && !(is_violation && acts && is_named) {
                return Err(format!("the trust policy of role `{name}` was changed"));
            }
            let is_new = before.roles.get(name) != Some(role) || is_found;
            if is_new && self.is_open(&role.trust) {
                self.told("role-trust", &format!("role `{name}` trusts somebody outside"))?;
            }
            if is_new && acts && self.is_open(&left.trust) {
                return Err(format!("role `{name}` still trusts somebody outside"));
            }
            self.judge_trust(&role.trust, &left.trust).map_err(|problem| format!("role `{name}` {problem}"))?;
        }
        Ok(())
    }

    /// Whether this is the role that IAM Access Analyzer found open.
    fn is_found_role(&self, name: &str) -> bool {
        let Origin::AccessAnalyzer(access) = &self.event.origin else { return false };
        let is_this = access.resource.split_once(":role/").and_then(|(_, role)| role.rsplit('/').next()) == Some(name);
        is_this && access.resource_type == "AWS::IAM::Role" && access.status == ACTIVE
    }

    /// Whether a trust policy lets in everybody or another account, without a condition and without denying anything. There may be
    /// others that do, and this is none of the guardrail's own reasoning.
    fn is_open(&self, trust: &Value) -> bool {
        let own = self.event.account.as_deref().unwrap_or_default();
        let is_outside = |principal: &String| {
            let account = principal.split(':').nth(4).unwrap_or(principal);
            principal == "*"
                || (is_account_id(account) && account != own && !self.settings.trusted_accounts.contains(account))
        };
        let lets_in = |statement: &&Value| {
            let principal = field(statement, "Principal");
            let named = policy::texts(principal, "AWS").into_iter().chain(principal.as_str().map(str::to_owned));
            let assumes =
                |action: &String| action.starts_with("sts:AssumeRole") || ["*", "sts:*"].contains(&action.as_str());
            policy::texts(statement, "Action").iter().any(assumes)
                && field(statement, "Condition").is_null()
                && named.collect::<Vec<_>>().iter().any(is_outside)
        };
        let statements = policy::statements(trust);
        statements.iter().all(|statement| policy::allows(statement)) && statements.iter().any(lets_in)
    }

    /// Expects of what is left of a trust policy that only outsiders were taken out: each statement is there as it was but for
    /// principals, whoever is gone was outside, and nobody has come in.
    fn judge_trust(&self, was: &Value, is: &Value) -> Result<(), String> {
        if was == is {
            return Ok(());
        }
        let without_principals = |statement: &Value| {
            let mut rest = statement.clone();
            if let Some(rest) = rest.as_object_mut() {
                rest.retain(|name, _| !name.ends_with("Principal"));
            }
            rest
        };
        // A stand-in is in no organization. Elsewhere somebody whom only the organization tells may be outside or not.
        let organization = if self.is_stand_in { Organization::None } else { Organization::Unknown };
        let circle = Circle {
            account: self.event.account.as_deref().unwrap_or_default(),
            trusted: &self.settings.trusted_accounts,
            organization: &organization,
        };
        let strangers = strangers(was, &circle);
        let (was, is) = (policy::statements(was), policy::statements(is));
        // Where nobody is left to trust, one statement that denies stands for all.
        let is_shut = matches!(is.as_slice(), [only] if !policy::allows(only) && !was.contains(only));
        let mut rest = is.iter().filter(|_| !is_shut).peekable();
        for (index, statement) in was.iter().enumerate() {
            let had = principals(statement);
            let left = rest.next_if(|left| without_principals(left) == without_principals(statement));
            let has = left.map(|left| principals(left)).unwrap_or_default();
            let is_outside = |principal: &Principal| {
                strangers.iter().any(|stranger| stranger.statement == index && stranger.principal == *principal)
            };
            if let Some(lost) = had.iter().find(|known| !has.contains(known) && !is_outside(known)) {
                return Err(format!("no longer trusts {lost:?}, which is not outside"));
            }
            if let Some(new) = has.iter().find(|principal| !had.contains(principal)) {
                return Err(format!("trusts {new:?}, which it did not before"));
            }
            if left.is_none() && !policy::allows(statement) {
                return Err("no longer denies what it denied".to_owned());
            }
        }
        match rest.next() {
            Some(statement) => Err(format!("has a statement that it did not have: {statement}")),
            None => Ok(()),
        }
    }

    /// What is found and is nobody else's is told or counted, and nothing in the account changes by that.
    fn judge_findings(&self) -> Result<(), String> {
        let (what, is_ours) = match &self.event.origin {
            Origin::CloudTrail => return Ok(()),
            Origin::Config(change) => {
                // A rule of such a name was made, or there is none.
                let is_ours = reads_like(&change.rule_name).is_none_or(|known| known.function == findings::NAME);
                (&change.resource_id, is_ours && change.compliance == NON_COMPLIANT)
            }
            Origin::AccessAnalyzer(access) => {
                let is_ours = !["AWS::S3::Bucket", "AWS::IAM::Role"].contains(&access.resource_type.as_str());
                (&access.resource, is_ours && access.status == ACTIVE && !access.is_deleted)
            }
        };
        let decided = self.by(findings::NAME);
        let is_told =
            decided.is_some_and(|decided| matches!(decided.handled.verdict, Verdict::Violation | Verdict::Folded));
        match (is_ours, is_told) {
            (true, false) => Err(format!("{what} was found, and nobody was told")),
            (true, true) if self.before != self.now => Err("the account was changed".to_owned()),
            _ => Ok(()),
        }
    }

    /// Root, and sign-ins without MFA, are told or counted whatever else comes of the event.
    fn judge_sign_ins_and_root(&self) -> Result<(), String> {
        let event = self.event;
        let is_root = event.actor.kind == "Root"
            && event.actor.arn.is_some()
            && event.kind != "AwsServiceEvent"
            && event.actor.invoked_by.as_deref().is_none_or(|service| service == "signin.amazonaws.com");
        let signed_in = event.name == "ConsoleLogin"
            && event.actor.kind == "IAMUser"
            && event.error.is_none()
            && text(&event.additional, "MFAUsed").as_deref() != Some("Yes")
            // Its MFA is at the provider.
            && text(&event.additional, "SamlProviderArn").is_none();
        let decided = self.by("root-activity");
        let is_counted = decided.is_some_and(|decided| decided.handled.verdict == Verdict::Folded);
        if (is_root || signed_in) && self.settings.root_activity_mode != Mode::Off && !is_counted {
            let is_told = decided.is_some_and(|decided| decided.handled.verdict == Verdict::Violation);
            if !is_told {
                return Err("root was active, or somebody signed in without MFA, and nobody was told".to_owned());
            }
        }
        Ok(())
    }
}
