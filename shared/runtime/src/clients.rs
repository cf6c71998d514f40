//! Configuration of the AWS clients.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// A region's name that no host name can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a region")]
pub struct BadRegion(String);

/// The configuration that all clients share: one HTTP client, and bounds on every wait, since the SDK sets none on a whole call.
/// Credentials, region and endpoint come from the environment unless the caller sets them on the loader.
pub fn loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .read_timeout(Duration::from_secs(4))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(11))
        .build();
    let retries = aws_config::retry::RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(200));
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).retry_config(retries)
}

/// The same configuration for another region.
///
/// # Errors
/// [`BadRegion`] if the name, which comes from an event, could not be part of a host name.
pub fn in_region(config: &SdkConfig, region: &str) -> Result<SdkConfig, BadRegion> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if region.is_empty() || region.len() > 40 || !region.bytes().all(is_plain) {
        return Err(BadRegion(region.to_owned()));
    }
    Ok(config.to_builder().region(Region::new(region.to_owned())).build())
}
