//! The Lambda function `canary`.

use canary::Canary;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::lambda::{start, time_left};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (settings, config) = start().await?;
    let canary = &Canary::new(&config, &settings)?;
    let invoke =
        |event: LambdaEvent<Value>| async move { canary.invoke(time_left(&event.context)).await.map_err(Error::from) };
    lambda_runtime::run(service_fn(invoke)).await
}
