//! The Lambda function `iam-user`.

use iam_user::IamUser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::lambda::run(IamUser::new).await
}
