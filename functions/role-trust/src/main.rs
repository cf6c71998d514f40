//! The Lambda function `role-trust`.

use role_trust::RoleTrust;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::lambda::run(RoleTrust::new).await
}
