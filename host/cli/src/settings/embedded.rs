//! The embedded service in this process: its data folder, its address and its retention.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use host_server::{DEFAULT_DRAINAGE_INTERVAL, Listener, Options, ServeError, Server, TlsFiles};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    duration,
    http::{Bound, HttpArgs},
    nexus,
    search_attribute::{self, SearchAttribute},
};
use crate::exit::Usage;

/// Folder of the service in the data folder.
pub(crate) const FOLDER: &str = "service";

/// Where the service listens, unless told otherwise: the port of Temporal's own.
pub(crate) const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7233);
/// How long closed workflows are kept, unless told otherwise.
const DEFAULT_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How the service in this process is reached by others.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Embedded service")]
pub(crate) struct EmbeddedArgs {
    /// Address on which other processes reach the service; port 0 takes any that is free [default: 127.0.0.1:7233].
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<SocketAddr>,
    /// Certificate of the service, PEM, then those between it and its authority: --listen speaks TLS, and nothing else.
    /// Read again when it changes.
    #[arg(long, value_name = "PATH", env = "HOST_LISTEN_TLS_CERT_PATH", requires = "listen_tls_key_path")]
    listen_tls_cert_path: Option<PathBuf>,
    /// Private key of that certificate, PEM. Others may not read it.
    #[arg(long, value_name = "PATH", env = "HOST_LISTEN_TLS_KEY_PATH", requires = "listen_tls_cert_path")]
    listen_tls_key_path: Option<PathBuf>,
    /// Authorities of clients, PEM: a client needs a certificate by one of them (mutual TLS).
    #[arg(
        long,
        value_name = "PATH",
        env = "HOST_LISTEN_TLS_CLIENT_CA_PATH",
        requires = "listen_tls_cert_path"
    )]
    listen_tls_client_ca_path: Option<PathBuf>,
    #[command(flatten)]
    http: HttpArgs,
    /// Let --listen and --http-listen without TLS name an address that is not of this machine alone. The service then neither
    /// encrypts nor authenticates: all who reach it can start, read and end all workflows.
    #[arg(long)]
    insecure: bool,
    /// How long closed workflows are kept (units: ms, s, m, h, d) [default: 30d].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    retention: Option<Duration>,
    /// Search attribute that every namespace has, beside those that `host operator search-attribute create` registers
    /// (types: Text, Keyword, Int, Double, Bool, Datetime, KeywordList). May be repeated.
    #[arg(long, value_name = "NAME=TYPE", value_parser = search_attribute::parse)]
    search_attribute: Vec<SearchAttribute>,
    /// Skip time in which nothing is in progress, as test clients of Temporal's SDKs allow by TestService. For tests:
    /// timers fire when nothing else is left to do.
    #[arg(long)]
    time_skipping: bool,
    /// How long after a version of a worker deployment got no new workflows any more it is looked for the first time
    /// whether open ones are pinned to it, and how often afterwards (units: s, m, h, d; at least 1s) [default: 3m].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    drainage_interval: Option<Duration>,
}

/// What `--listen` or `--http-listen` on another address exposes.
const EXPOSED: &str = "is reachable from other machines, without encryption and without authentication: all who \
reach it can start, read and end all workflows. Add --listen-tls-cert-path, --listen-tls-key-path and \
--listen-tls-client-ca-path, listen on 127.0.0.1 behind a proxy that has both, or add --insecure";
/// What a listener with TLS exposes that asks clients for no certificate.
const UNAUTHENTICATED: &str = "other machines reach the service, and it asks clients for no certificate: all who reach it \
can start, read and end all workflows";

/// The service in this process, listening.
pub(crate) struct Embedded {
    pub(crate) server: Server,
    listener: JoinHandle<Result<(), ServeError>>,
    http: Option<JoinHandle<()>>,
    end: CancellationToken,
}

impl EmbeddedArgs {
    /// The first of these settings that was given; each of them asks for the service in this process.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let Self {
            listen,
            listen_tls_cert_path,
            listen_tls_key_path,
            listen_tls_client_ca_path,
            http,
            insecure,
            retention,
            search_attribute,
            time_skipping,
            drainage_interval,
        } = self;
        let given = [
            ("--listen", listen.is_some()),
            ("--listen-tls-cert-path", listen_tls_cert_path.is_some()),
            ("--listen-tls-key-path", listen_tls_key_path.is_some()),
            ("--listen-tls-client-ca-path", listen_tls_client_ca_path.is_some()),
            ("--insecure", *insecure),
            ("--retention", retention.is_some()),
            ("--search-attribute", !search_attribute.is_empty()),
            ("--time-skipping", *time_skipping),
            ("--drainage-interval", drainage_interval.is_some()),
        ];
        given.into_iter().find_map(|(name, is_given)| is_given.then_some(name)).or_else(|| http.given())
    }

    fn address(&self) -> SocketAddr {
        self.listen.unwrap_or(DEFAULT_LISTEN)
    }

    fn check_exposure(&self) -> Result<(), Usage> {
        if self.insecure || self.listen_tls_cert_path.is_some() {
            return Ok(());
        }
        let http = self.http.address(self.listen.is_some()).map(|address| ("--http-listen", address));
        for (name, address) in [Some(("--listen", self.address())), http].into_iter().flatten() {
            if !address.ip().is_loopback() {
                return Err(Usage(format!("{name} {address} {EXPOSED}")));
            }
        }
        Ok(())
    }

    fn tls(&self) -> Option<TlsFiles> {
        // clap lets neither be there alone.
        let (certificate, key) = (self.listen_tls_cert_path.clone()?, self.listen_tls_key_path.clone()?);
        Some(TlsFiles { certificate, key, client_ca: self.listen_tls_client_ca_path.clone() })
    }

    async fn listener(&self) -> Result<Listener, ServeError> {
        let listener = Listener::bind(self.address()).await?;
        let Some(tls) = self.tls() else { return Ok(listener) };
        if tls.client_ca.is_none() && !self.address().ip().is_loopback() {
            tracing::warn!(address = %listener.address(), "{UNAUTHENTICATED}");
        }
        listener.with_tls(tls)
    }

    /// Opens the service in a data folder, and listens.
    pub(crate) async fn start(&self, data_folder: &Path, namespace: &str) -> anyhow::Result<Embedded> {
        self.check_exposure()?;
        // First the ports: a service that cannot be reached need not be opened.
        let listener = self.listener().await.context("failed to start the service")?;
        let http = self.http.bind(self.listen.is_some(), self.tls()).await?;
        let attributes = self.search_attribute.iter().map(|it| (it.name.clone(), it.kind));
        let mut options = Options {
            retention: self.retention.unwrap_or(DEFAULT_RETENTION),
            time_skipping: self.time_skipping,
            search_attributes: attributes.collect(),
            drainage_interval: self.drainage_interval.unwrap_or(DEFAULT_DRAINAGE_INTERVAL),
            nexus_urls: true,
            ..Options::default()
        };
        if !options.namespaces.iter().any(|name| name == namespace) {
            options.namespaces.push(namespace.to_owned());
        }
        let folder = data_folder.join(FOLDER);
        let server = Server::open(&folder, options).context("failed to open the service")?;
        let end = CancellationToken::new();
        nexus::call_handlers(server.nexus_calls(), http.as_ref().map(Bound::url))?;
        let http = http.map(|http| http.serve(&server, end.clone())).transpose()?;
        tracing::info!(address = %listener.address(), folder = %folder.display(), "serving");
        let serving = server.serve(listener, end.clone().cancelled_owned());
        Ok(Embedded { listener: tokio::spawn(serving), http, server, end })
    }
}

impl Embedded {
    /// Answers what was asked, and ends.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.end.cancel();
        self.server.close();
        let served = self.listener.await?;
        if let Some(http) = self.http {
            http.await?;
        }
        Ok(served?)
    }

    /// Serves until `end`, or until the listener fails.
    pub(crate) async fn serve_until(mut self, end: CancellationToken) -> anyhow::Result<()> {
        tokio::select! {
            served = &mut self.listener => Ok(served??),
            () = end.cancelled() => self.stop().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        embedded: EmbeddedArgs,
    }

    #[test]
    fn other_machines_reach_the_service_only_if_asked_for() {
        let check = |arguments: &[&str], allowed: bool| {
            let program = Program::try_parse_from([&["host"], arguments].concat()).unwrap();
            let checked = program.embedded.check_exposure();
            assert_eq!(checked.is_ok(), allowed, "{arguments:?}");
        };
        check(&[], true);
        check(&["--listen", "127.0.0.9:0"], true);
        check(&["--listen", "[::1]:7233"], true);
        check(&["--listen", "0.0.0.0:7233"], false);
        check(&["--listen", "[::]:7233"], false);
        check(&["--listen", "192.168.1.4:7233"], false);
        check(&["--listen", "0.0.0.0:7233", "--insecure"], true);
        check(&["--http-listen", "0.0.0.0:7243"], false);
        check(&["--http-listen", "127.0.0.1:0"], true);
        let tls = ["--listen-tls-cert-path", "c.pem", "--listen-tls-key-path", "k.pem"];
        check(&[&["--listen", "0.0.0.0:7233", "--http-listen", "[::]:0"], &tls[..]].concat(), true);
        for alone in ["--listen-tls-cert-path", "--listen-tls-key-path", "--listen-tls-client-ca-path"] {
            assert!(Program::try_parse_from(["host", alone, "x.pem"]).is_err(), "{alone}");
        }
    }
}
