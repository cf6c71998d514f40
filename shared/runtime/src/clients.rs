//! Configuration of the AWS clients.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use rules::{Localized, say};

/// A region's name that no host name can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a region")]
pub struct BadRegion(String);

impl From<&BadRegion> for Localized {
    fn from(BadRegion(name): &BadRegion) -> Self {
        Self::new(|language| {
            say!(language, "`{name}` is not the name of a region", "`{name}` はリージョン名ではありません")
        })
    }
}

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
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_with_resolver(Resolver);
    let http = Http { client: http, loaded: OnceLock::new() };
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).retry_config(retries)
}

/// The HTTP client that all clients share. It reads the system's certificates for the first of them, and not again for each further one:
/// there is one for every service and region.
#[derive(Debug)]
struct Http {
    client: SharedHttpClient,
    loaded: OnceLock<()>,
}

impl HttpClient for Http {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.client.http_connector(settings, components)
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        if self.loaded.set(()).is_err() {
            return Ok(());
        }
        self.client.validate_base_client_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

/// The system's resolver, with the names that a client makes of an endpoint on this machine: S3 puts the bucket in front of the
/// endpoint's host name, and S3 control the account's number, also where that is an address.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html#API_control_GetPublicAccessBlock_RequestSyntax>
#[derive(Clone, Copy, Debug)]
struct Resolver;

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        if let Some(addresses) = addresses_in_name(name) {
            return DnsFuture::ready(Ok(addresses));
        }
        let name = name.to_owned();
        DnsFuture::new(async move {
            let found = tokio::task::spawn_blocking(move || (name, 0).to_socket_addrs()).await;
            let found = found.map_err(io::Error::other).flatten().map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The addresses of a name that says them itself: `localhost` and the names under it are this machine, and a name that ends in an
/// IPv4 address, which no name in the DNS does, is that.
/// <https://www.rfc-editor.org/rfc/rfc6761#section-6.3>, <https://www.rfc-editor.org/rfc/rfc3696#section-2>
fn addresses_in_name(name: &str) -> Option<Vec<IpAddr>> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let start = name.rmatch_indices('.').nth(3)?.0 + 1;
    let address: Ipv4Addr = name.get(start..)?.parse().ok()?;
    Some(vec![address.into()])
}

/// The clients for each region that was asked for, made when it is first.
pub struct PerRegion<C> {
    config: SdkConfig,
    make: fn(&SdkConfig) -> C,
    made: Mutex<Vec<(String, C)>>,
}

impl<C: Clone> PerRegion<C> {
    /// `make` makes the clients from `config` in the region.
    pub fn new(config: SdkConfig, make: fn(&SdkConfig) -> C) -> Self {
        Self { config, make, made: Mutex::default() }
    }

    /// The clients for a region.
    ///
    /// # Errors
    /// [`BadRegion`] if the name, which comes from an event, could not be part of a host name.
    pub fn get(&self, region: &str) -> Result<C, BadRegion> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = made.iter().find(|(known, _)| known == region) {
            return Ok(known.clone());
        }
        let new = (self.make)(&in_region(&self.config, region)?);
        made.push((region.to_owned(), new.clone()));
        Ok(new)
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it is told to get ready.
    #[derive(Debug)]
    struct Counting(SharedHttpClient, Arc<AtomicUsize>);

    impl HttpClient for Counting {
        fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
            self.0.http_connector(settings, parts)
        }

        fn validate_base_client_config(&self, _: &RuntimeComponentsBuilder, _: &ConfigBag) -> Result<(), BoxError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    #[test]
    fn certificates_are_read_for_the_first_client_alone() {
        let count = Arc::new(AtomicUsize::new(0));
        let inner = aws_smithy_http_client::Builder::new().build_http();
        let client = SharedHttpClient::new(Counting(inner, Arc::clone(&count)));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(Http { client, loaded: OnceLock::new() })
            .build();
        for region in ["us-east-1", "eu-west-1", "eu-west-1"] {
            let _client = aws_sdk_sns::Client::new(&in_region(&config, region).unwrap());
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn names_that_say_their_address() {
        let this_machine = Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        for name in ["localhost", "LocalHost.", "123456789012.localhost", "a.bucket.localhost"] {
            assert_eq!(addresses_in_name(name), this_machine, "{name}");
        }
        for (name, address) in [("123456789012.127.0.0.1", [127, 0, 0, 1]), ("a.b.192.0.2.7", [192, 0, 2, 7])] {
            assert_eq!(addresses_in_name(name), Some(vec![address.into()]), "{name}");
        }
        let others =
            ["123456789012.s3-control.eu-west-1.amazonaws.com", "localhost.example", "notlocalhost", "1.2.3.256", ""];
        for name in others {
            assert_eq!(addresses_in_name(name), None, "{name}");
        }
    }
}
