//! Connections to a Temporal Service: address, TLS, headers, keep-alive.
//!
//! Takes final values. Environment variables, profiles and files are read by the command line.

use std::{collections::BTreeMap, error::Error, fmt, time::Duration};

use tonic::{
    Request, Status,
    codegen::InterceptedService,
    metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue, errors::InvalidMetadataValue},
    service::Interceptor,
    transport::{self, Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// Header `client-name` of every call: what the service takes for the name of this SDK.
pub const CLIENT_NAME: &str = "workflow-host";

/// Longest wait for a connection, and then for the first answer.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence after which the connection is probed, and how long the answer may take; what Temporal's
/// clients use.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(15);

/// How to reach a Temporal Service.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// `host:port`, or a URL with scheme `http` or `https`. Without a scheme, TLS is used if `tls`
    /// or `api_key` is given.
    pub address: String,
    /// Sent along as header `temporal-namespace`, by which Temporal Cloud routes.
    pub namespace: String,
    /// Sent along as bearer token.
    pub api_key: Option<String>,
    /// TLS other than with the system's roots and without a client certificate.
    pub tls: Option<Tls>,
    /// Further headers of every call. They take precedence over ours.
    pub headers: BTreeMap<String, String>,
    /// Field `identity` of requests, which histories keep. This crate does not set it; clients and workers
    /// read it from here.
    pub identity: String,
}

/// Certificates and keys, all PEM.
#[derive(Clone, Default)]
pub struct Tls {
    /// Authorities that may have signed the service's certificate, instead of the system's.
    pub ca: Option<Vec<u8>>,
    /// Our certificate and its private key, for mutual TLS.
    pub client_identity: Option<ClientIdentity>,
    /// The name that the service's certificate must have, if it is not that of the address.
    pub server_name: Option<String>,
}

/// A client certificate, PEM.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The certificate, or a chain of them.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be understood.
    #[error("`{address}` is not an address: use `host:port`, or a URL with http or https")]
    Address {
        /// The address as the options have it.
        address: String,
    },
    /// A header, the API key or the namespace has characters that HTTP does not allow.
    #[error("header `{name}` cannot be sent: names and values are visible ASCII")]
    Header {
        /// Name of the header, in lower case.
        name: String,
    },
    /// Certificates or keys cannot be used.
    #[error("unusable TLS certificates or keys")]
    Tls(#[source] transport::Error),
    /// The address accepts no connection, or the TLS handshake failed.
    #[error("cannot reach Temporal Service at {url}: {reason}")]
    Unreachable {
        /// The address as a URL.
        url: String,
        /// The innermost cause; the layers above it only repeat each other.
        reason: String,
    },
    /// The server at the address refuses the first call, or does not speak the protocol.
    #[error("{url} does not answer as a Temporal Service: {} ({:?})", with_cause(.status), .status.code())]
    Refused {
        /// The address as a URL.
        url: String,
        /// The status of `GetSystemInfo`.
        status: Box<Status>,
    },
}

impl ConnectOptions {
    /// A service at `host:port` or a URL, without TLS settings, API key or headers of one's own.
    pub fn to(address: impl Into<String>) -> Self {
        Self { address: address.into(), ..Self::default() }
    }

    /// The address as a URL.
    ///
    /// # Errors
    ///
    /// When it is neither `host:port` nor such a URL.
    pub fn url(&self) -> Result<String, ConnectError> {
        let address = self.address.trim();
        let (scheme, authority) = match address.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (scheme, rest.trim_end_matches('/')),
            None if self.tls.is_some() || self.api_key.is_some() => ("https", address),
            None => ("http", address),
            Some(_) => return Err(self.bad_address()),
        };
        let parsed: http::uri::Authority = authority.parse().map_err(|_| self.bad_address())?;
        if parsed.host().is_empty() || parsed.port_u16().is_none() {
            return Err(self.bad_address());
        }
        Ok(format!("{scheme}://{authority}"))
    }

    fn bad_address(&self) -> ConnectError {
        ConnectError::Address { address: self.address.clone() }
    }

    fn endpoint(&self, url: &str) -> Result<Endpoint, ConnectError> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|_| self.bad_address())?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .keep_alive_while_idle(true)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
        if url.starts_with("https:") {
            let tls = self.tls.clone().unwrap_or_default();
            endpoint.tls_config(tls.into_config()).map_err(ConnectError::Tls)
        } else {
            Ok(endpoint)
        }
    }

    fn call_headers(&self) -> Result<CallHeaders, ConnectError> {
        let mut headers = MetadataMap::new();
        let mut set = |name: &str, value: &str| {
            let bad = || ConnectError::Header { name: name.to_owned() };
            let key: MetadataKey<Ascii> = name.parse().map_err(|_| bad())?;
            let value: MetadataValue<Ascii> = value.parse().map_err(|_: InvalidMetadataValue| bad())?;
            headers.insert(key, value);
            Ok(())
        };
        set("client-name", CLIENT_NAME)?;
        set("client-version", env!("CARGO_PKG_VERSION"))?;
        if !self.namespace.is_empty() {
            set("temporal-namespace", &self.namespace)?;
        }
        if let Some(api_key) = &self.api_key {
            set("authorization", &format!("Bearer {api_key}"))?;
        }
        for (name, value) in &self.headers {
            set(&name.to_ascii_lowercase(), value)?;
        }
        Ok(CallHeaders { headers })
    }
}

impl Tls {
    fn into_config(self) -> ClientTlsConfig {
        let mut config = match self.ca {
            Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let Some(identity) = self.client_identity {
            config = config.identity(Identity::from_pem(identity.certificate, identity.key));
        }
        if let Some(server_name) = self.server_name {
            config = config.domain_name(server_name);
        }
        config
    }
}

/// A connection whose calls carry the headers of the options.
pub(crate) type Transport = InterceptedService<Channel, CallHeaders>;

/// Connects, and waits until the connection is there.
pub(crate) async fn connect(options: &ConnectOptions, url: &str) -> Result<Transport, ConnectError> {
    let headers = options.call_headers()?;
    let channel = options.endpoint(url)?.connect().await.map_err(|error| ConnectError::Unreachable {
        url: url.to_owned(),
        reason: innermost(&error).to_string(),
    })?;
    Ok(InterceptedService::new(channel, headers))
}

/// The message of a status, and what caused it: the words of the server, where the connection says less.
fn with_cause(status: &Status) -> String {
    let message = status.message();
    match status.source().map(|source| innermost(source).to_string()) {
        Some(cause) if !message.contains(&cause) => format!("{message}: {cause}"),
        _ => message.to_owned(),
    }
}

fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// Adds headers to calls that do not have them yet.
#[derive(Clone, Debug)]
pub(crate) struct CallHeaders {
    headers: MetadataMap,
}

impl Interceptor for CallHeaders {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        for header in self.headers.iter() {
            if let tonic::metadata::KeyAndValueRef::Ascii(name, value) = header
                && !metadata.contains_key(name)
            {
                metadata.insert(name, value.clone());
            }
        }
        Ok(request)
    }
}

/// Secrets stay out of logs.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("address", &self.address)
            .field("namespace", &self.namespace)
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .field("tls", &self.tls)
            .field("headers", &self.headers.keys())
            .field("identity", &self.identity)
            .finish()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca", &self.ca.is_some())
            .field("client_identity", &self.client_identity)
            .field("server_name", &self.server_name)
            .finish()
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, api_key: Option<&str>, expected: Option<&str>) {
        let options = ConnectOptions {
            address: address.to_owned(),
            api_key: api_key.map(str::to_owned),
            ..ConnectOptions::default()
        };
        assert_eq!(options.url().ok().as_deref(), expected, "{address}");
    }

    #[test]
    fn addresses_become_urls() {
        check("127.0.0.1:7233", None, Some("http://127.0.0.1:7233"));
        check("[::1]:7233", None, Some("http://[::1]:7233"));
        check(" localhost:7233 ", None, Some("http://localhost:7233"));
        check("a.tmprl.cloud:7233", Some("key"), Some("https://a.tmprl.cloud:7233"));
        check("http://localhost:7233/", Some("key"), Some("http://localhost:7233"));
        check("https://localhost:7233", None, Some("https://localhost:7233"));
        check("localhost", None, None);
        check("", None, None);
        check(":7233", None, None);
        check("ftp://localhost:7233", None, None);
        check("localhost:port", None, None);
        check("local host:7233", None, None);
        check("localhost:7233/path", None, None);
    }

    #[test]
    fn secrets_are_not_printed() {
        let options = ConnectOptions {
            api_key: Some("hush".to_owned()),
            headers: [("x-token".to_owned(), "hush".to_owned())].into(),
            tls: Some(Tls {
                client_identity: Some(ClientIdentity { certificate: vec![], key: b"hush".to_vec() }),
                ..Tls::default()
            }),
            ..ConnectOptions::default()
        };
        assert!(!format!("{options:?}").contains("hush"));
        assert!(!format!("{options:?}").contains("104"));
    }
}
