//! What MiniStack 1.5.33 can't model, so that a sample ends otherwise there than in the replay.
//!
//! The rehearsal fails if a sample of this list ends as in the replay after all.

/// Why samples end otherwise, and which: their paths below `events`.
pub(super) const UNMODELLED: &[(&str, &[&str])] = &[
    (
        "MiniStack shows the function no access point: its GetAccessPoint answers as if there were none",
        &[
            "s3-public/violates-access-point-policy.json",
            "s3-public/violates-access-point-with-a-weak-block.json",
            "s3-public/violates-access-point-without-block.json",
        ],
    ),
    (
        "MiniStack has no SSH public keys, service-specific credentials and signing certificates",
        &[
            "access-key/passes-deactivated-service-specific-credential.json",
            "access-key/passes-deactivated-signing-certificate.json",
            "access-key/passes-deactivated-ssh-public-key.json",
            "access-key/violates-activated-service-specific-credential.json",
            "access-key/violates-activated-signing-certificate.json",
            "access-key/violates-activated-ssh-public-key.json",
            "access-key/violates-new-bedrock-api-key.json",
            "access-key/violates-new-own-signing-certificate.json",
            "access-key/violates-new-service-specific-credential.json",
            "access-key/violates-new-signing-certificate.json",
            "access-key/violates-new-ssh-public-key.json",
            "access-key/violates-reset-service-specific-credential.json",
            "access-key/violates-several-credentials-of-one-user.json",
        ],
    ),
    (
        "MiniStack lacks the calls that change an OIDC provider",
        &["role-trust/violates-oidc-audience-added.json", "role-trust/violates-oidc-thumbprints-changed.json"],
    ),
    ("MiniStack refuses trust policies that allow everybody but some", &["role-trust/violates-everyone-but-one.json"]),
    (
        "the functions have the machine's clock there, by which the keys are new; the replay's runs ahead",
        &[
            "access-key/findings/violates-config-access-keys-rotated.json",
            "access-key/violates-config-access-keys-rotated.json",
        ],
    ),
    ("MiniStack ignores the names in DescribeSecurityGroups", &["security-group/violates-group-by-name.json"]),
    (
        "MiniStack's security group rules have no prefix lists, and it checks their calls against no resource",
        &[
            "security-group/passes-prefix-list-nobody-names.json",
            "security-group/violates-prefix-list-restored.json",
            "security-group/violates-prefix-list-widened-before.json",
            "security-group/violates-prefix-list-widened-by-several-entries.json",
            "security-group/violates-prefix-list-widened-later.json",
        ],
    ),
];

/// The reason for a sample, if it is in the list.
pub(super) fn reason(sample: &str) -> Option<&'static str> {
    UNMODELLED.iter().find(|(_, samples)| samples.contains(&sample)).map(|(reason, _)| *reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_names_samples_that_there_are_and_each_once() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
        let mut seen = BTreeSet::new();
        for sample in UNMODELLED.iter().flat_map(|(_, samples)| *samples) {
            assert!(samples.join(sample).is_file(), "{sample}");
            assert!(seen.insert(sample), "{sample} is there twice");
        }
    }
}
