//! The Lambda function `s3-public`.

use s3_public::S3Public;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::lambda::run(S3Public::new).await
}
