//! What of an event may stand in a command that a mail shows.
//!
//! Names and ids come from whoever made the call. They get into a command only if they have the form that AWS gives them, so that nobody
//! can choose a name that does something in the reader's shell.

/// The longest text that is put into a command.
const LONGEST_ARGUMENT: usize = 300;

/// Whether this is an account's id.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this has the form of a credential's id, such as an access key's.
pub fn is_credential_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether this has the form of a security group's id.
pub fn is_group_id(text: &str) -> bool {
    let id = text.strip_prefix("sg-").unwrap_or_default();
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether this has the form of an IAM user's id
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>).
pub fn is_user_id(text: &str) -> bool {
    text.starts_with("AIDA") && is_credential_id(text)
}

/// Whether this is a name that IAM takes for a user or role, and no option
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub fn is_iam_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
}

/// Whether this is a name that S3 has given a bucket at any time: until 2018, us-east-1 took capitals, underscores and up to 255 characters
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
pub fn is_bucket_name(text: &str) -> bool {
    (3..=255).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Whether this can stand in a command as it is: nothing that a shell reads as anything else, no option, and nothing like
/// `file://…`, from where the AWS CLI would read
/// (<https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html>).
pub fn is_argument(text: &str) -> bool {
    (1..=LONGEST_ARGUMENT).contains(&text.len())
        && !text.starts_with('-')
        && !text.contains("://")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_:/-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_could_have_given_gets_into_a_command() {
        assert!(is_account_id("123456789012") && is_credential_id("AKIAIOSFODNN7EXAMPLE"));
        assert!(is_iam_name("a.b+c=d,e@f_g-h") && is_argument("arn:aws:iam::123456789012:policy/team/a.b+c=d,e@f_g-h"));
        for id in ["12345678901", "12345678901x", "1234567890123", "", "12345678901;", "１２３４"] {
            assert!(!is_account_id(id), "{id}");
        }
        for id in ["AKIA", "AKIAIOSFODNN7EXAMPL'", "AKIAIOSFODNN7 EXAMPLE"] {
            assert!(!is_credential_id(id), "{id}");
        }
        assert!(is_user_id("AIDAQRSTUVWXYZEXAMPLE"));
        for id in ["", "AIDA", "eve", "AKIAIOSFODNN7EXAMPLE", "AIDAQRSTUVWXYZEXAMPL\n", &"AIDA".repeat(2_500)] {
            assert!(!is_user_id(id), "{id}");
        }
        for text in ["", "-rf", "--profile", "a b", "a'b", "$(x)", "a;b", "a\nb", "ü", "a*", &"x".repeat(301)] {
            assert!(!is_iam_name(text) && !is_argument(text), "{text}");
        }
        for text in ["file:///etc/passwd", "fileb://x", "https://evil.example/x"] {
            assert!(!is_argument(text), "{text}");
        }
        assert!(is_group_id("sg-1a2b3c4d") && is_group_id("sg-0a1b2c3d4e5f60718"));
        for id in
            ["", "sg-", "sg", "sgr-1", "SG-1", "sg-1 ", "sg-ü", "sg-1,sg-2", "*", &format!("sg-{}", "0".repeat(33))]
        {
            assert!(!is_group_id(id), "{id}");
        }
        assert!(!is_iam_name(&"x".repeat(65)));
        assert!(is_bucket_name("my.bucket-1") && is_bucket_name("Old_Bucket") && is_bucket_name(&"x".repeat(255)));
        for name in ["ab", "-rf", "a b", "a/b", "arn:aws:s3:::b", "büc", "a$b", &"x".repeat(256)] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }
}
