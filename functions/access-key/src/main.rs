//! The Lambda function `access-key`.

use access_key::AccessKey;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::lambda::run(AccessKey::new).await
}
