//! The Lambda function `findings`.

use findings::Findings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::lambda::run(Findings::new).await
}
