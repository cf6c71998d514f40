//! Identity providers that many unrelated people share.
//!
//! A trust policy that names such a provider and nothing else lets in whoever has an account there.

use super::condition::Condition;

/// A provider, and the claims that tell whom a token was made for.
struct SharedProvider {
    /// Its issuer's URL without `https://`.
    issuer: &'static str,
    /// Claims, of which one has to be demanded; or whole keys, where a colon is in them.
    claims: &'static [&'static str],
}

/// Those that AWS knows by their names, without a provider in IAM
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html>, keys:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif>).
const KNOWN_TO_AWS: &[SharedProvider] = &[
    SharedProvider { issuer: "accounts.google.com", claims: &["aud", "oaud", "sub"] },
    SharedProvider { issuer: "graph.facebook.com", claims: &["app_id", "id"] },
    SharedProvider { issuer: "www.amazon.com", claims: &["app_id", "user_id"] },
    SharedProvider { issuer: "cognito-identity.amazonaws.com", claims: &["aud", "sub"] },
];

/// Everybody can leave the repository out of their own repositories' subjects
/// (<https://docs.github.com/en/actions/reference/security/oidc#customizing-the-token-claims>).
const GITHUB_SUB: &str = "token.actions.githubusercontent.com:sub";

/// Those that need a provider in IAM, but whose issuer is the same for all their customers. Since 2025 AWS refuses new trust policies
/// that do not demand their claim, older ones stay
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html>).
const SHARED_ISSUERS: &[SharedProvider] = &[
    SharedProvider {
        issuer: "token.actions.githubusercontent.com",
        claims: &["sub", "repository", "repository_id", "enterprise_id"],
    },
    SharedProvider { issuer: "vstoken.actions.githubusercontent.com", claims: &["sub"] },
    SharedProvider { issuer: "oidc-configuration.audit-log.githubusercontent.com", claims: &["sub"] },
    SharedProvider { issuer: "gitlab.com", claims: &["sub"] },
    SharedProvider { issuer: "app.terraform.io", claims: &["sub"] },
    SharedProvider { issuer: "agent.buildkite.com", claims: &["sub"] },
    SharedProvider { issuer: "oidc.codefresh.io", claims: &["sub"] },
    SharedProvider { issuer: "studio.datachain.ai/api", claims: &["sub"] },
    SharedProvider { issuer: "scalr.io", claims: &["sub"] },
    SharedProvider { issuer: "tokens.cloud.shisho.dev", claims: &["sub"] },
    SharedProvider { issuer: "proidc.upbound.io", claims: &["sub"] },
    SharedProvider { issuer: "oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb", claims: &["sub"] },
    SharedProvider { issuer: "oidc.vercel.com", claims: &["aud", "sub"] },
    SharedProvider { issuer: "api.pulumi.com/oidc", claims: &["aud", "sub"] },
    SharedProvider { issuer: "sandboxes.cloud", claims: &["aud", "sub"] },
    SharedProvider { issuer: "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", claims: &["sts:RoleSessionName"] },
    // With a provider of its own in IAM, which some have made, it is as open as without.
    SharedProvider { issuer: "cognito-identity.amazonaws.com", claims: &["aud", "sub"] },
];

/// Whether this is the name of a provider that AWS knows without one in IAM.
pub fn is_known_to_aws(name: &str) -> bool {
    find(KNOWN_TO_AWS, name).is_some()
}

/// The keys of which a trust policy that names this provider of AWS's has to demand one; none for others.
pub fn keys_of_known(name: &str) -> Vec<String> {
    find(KNOWN_TO_AWS, name).map(SharedProvider::keys).unwrap_or_default()
}

/// The keys of which a trust policy that names a provider in IAM for this issuer has to demand one; none for an issuer that is not
/// shared.
pub fn keys_of_issuer(issuer: &str) -> Vec<String> {
    find(SHARED_ISSUERS, issuer).map(SharedProvider::keys).unwrap_or_default()
}

/// Whether one of the keys has to name somebody, whoever that is.
pub fn demand_one(conditions: &[Condition], keys: &[String]) -> bool {
    conditions.iter().any(|condition| {
        let is_key = keys.iter().any(|key| key.eq_ignore_ascii_case(&condition.key));
        is_key
            && if condition.key.eq_ignore_ascii_case(GITHUB_SUB) {
                condition.names_after("repo:")
            } else {
                condition.names_somebody()
            }
    })
}

fn find(providers: &'static [SharedProvider], issuer: &str) -> Option<&'static SharedProvider> {
    let issuer = issuer.trim_end_matches('/');
    providers.iter().find(|provider| provider.issuer.eq_ignore_ascii_case(issuer))
}

impl SharedProvider {
    fn keys(&self) -> Vec<String> {
        let key = |claim: &&str| match claim.contains(':') {
            true => (*claim).to_owned(),
            false => format!("{}:{claim}", self.issuer),
        };
        self.claims.iter().map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_bear_the_issuers_name() {
        assert_eq!(keys_of_known("graph.facebook.com"), ["graph.facebook.com:app_id", "graph.facebook.com:id"]);
        assert_eq!(keys_of_issuer("GitLab.com/"), ["gitlab.com:sub"]);
        let sentinel = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d";
        assert_eq!(keys_of_issuer(sentinel), ["sts:RoleSessionName"]);
        assert!(keys_of_issuer("accounts.google.com").is_empty(), "with a provider in IAM, it has the client ids");
        assert!(is_known_to_aws("www.amazon.com") && !is_known_to_aws("login.example.com"));
    }
}
