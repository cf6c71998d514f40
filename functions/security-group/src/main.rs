//! The Lambda function `security-group`.

use security_group::SecurityGroup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::lambda::run(SecurityGroup::new).await
}
