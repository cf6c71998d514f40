//! The Lambda function `root-activity`.

use root_activity::RootActivity;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::lambda::run(|_| RootActivity::default()).await
}
