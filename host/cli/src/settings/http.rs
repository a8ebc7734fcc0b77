//! `--http-listen` and `--no-http`: the HTTP API of the embedded service.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use clap::Args;
use host_http::{Guard, HttpApi};
use host_server::{Listener, ServeError, Server, TlsFiles};
use host_service::serve_http_on;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::nexus;

/// Where the HTTP API is, unless told otherwise: the port of Temporal's own.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7243);

/// Where the HTTP API of the embedded service is.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Embedded service")]
pub(crate) struct HttpArgs {
    /// Address of the service's HTTP API: the calls of Temporal's API as JSON, under /api/v1. With the same TLS as --listen, and
    /// no more authentication; port 0 takes any that is free [default: 127.0.0.1:7243, none with --listen].
    #[arg(long, value_name = "HOST:PORT", env = "HOST_HTTP_LISTEN")]
    http_listen: Option<SocketAddr>,
    /// Serve no HTTP API.
    #[arg(long, conflicts_with = "http_listen")]
    no_http: bool,
}

/// The HTTP API on its address, before it answers.
pub(crate) struct Bound {
    listener: Listener,
    guard: Guard,
    scheme: &'static str,
}

impl HttpArgs {
    /// The first of these settings that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let Self { http_listen, no_http } = self;
        let given = [("--http-listen", http_listen.is_some()), ("--no-http", *no_http)];
        given.into_iter().find_map(|(name, is_given)| is_given.then_some(name))
    }

    /// Where it is to be, if anywhere. The default goes with that of the service: who moves the service says where the HTTP
    /// API goes.
    pub(crate) fn address(&self, service_is_moved: bool) -> Option<SocketAddr> {
        let default = (!self.no_http && !service_is_moved).then_some(DEFAULT_ADDRESS);
        self.http_listen.or(default)
    }

    /// Takes the address. The host goes on without the API when another process has the default.
    ///
    /// # Errors
    ///
    /// When the address that was asked for cannot be used, or TLS cannot.
    pub(crate) async fn bind(
        &self,
        service_is_moved: bool,
        tls: Option<TlsFiles>,
    ) -> anyhow::Result<Option<Bound>> {
        let Some(address) = self.address(service_is_moved) else { return Ok(None) };
        let listener = match Listener::bind(address).await {
            Ok(listener) => listener,
            Err(error @ (ServeError::Taken { .. } | ServeError::Listen { .. }))
                if self.http_listen.is_none() =>
            {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    %address,
                    error,
                    "there is no HTTP API: take another address with --http-listen, or none with --no-http"
                );
                return Ok(None);
            }
            Err(error) => return Err(error).context("failed to serve the HTTP API (--http-listen)"),
        };
        // A certificate says who it is, and other machines have names of their own.
        let guard =
            if tls.is_none() && address.ip().is_loopback() { Guard::ThisMachine } else { Guard::AnyName };
        let (listener, scheme) = match tls {
            Some(tls) => (listener.with_https(tls).context("failed to serve the HTTP API")?, "https"),
            None => (listener, "http"),
        };
        Ok(Some(Bound { listener, guard, scheme }))
    }
}

impl Bound {
    /// The URL under which others on this machine reach it.
    pub(crate) fn url(&self) -> String {
        let mut address = self.listener.address();
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("{}://{address}", self.scheme)
    }

    /// Answers until `end`, in the background.
    ///
    /// # Errors
    ///
    /// When the annotations of the protocol cannot be followed.
    pub(crate) fn serve(self, server: &Server, end: CancellationToken) -> anyhow::Result<JoinHandle<()>> {
        let api = HttpApi::new(server.grpc_calls(), self.guard)?;
        let api = api.with_completions(nexus::completions(server.nexus_calls()));
        tracing::info!(address = %self.listener.address(), "the HTTP API is there");
        let answer = move |request| {
            let api = api.clone();
            async move { api.answer(request).await }
        };
        let (connections, at_most) = self.listener.into_http();
        Ok(tokio::spawn(serve_http_on(connections, at_most, answer, end.cancelled_owned())))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        http: HttpArgs,
    }

    #[test]
    fn the_default_goes_with_that_of_the_service() {
        let check = |arguments: &[&str], is_moved: bool, expected: Option<&str>| {
            let program = Program::try_parse_from([&["host"], arguments].concat()).unwrap();
            let address = program.http.address(is_moved).map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{arguments:?}");
        };
        check(&[], false, Some("127.0.0.1:7243"));
        check(&[], true, None);
        check(&["--no-http"], false, None);
        check(&["--http-listen", "127.0.0.1:1"], true, Some("127.0.0.1:1"));
        assert!(Program::try_parse_from(["host", "--http-listen", "127.0.0.1:1", "--no-http"]).is_err());
    }
}
