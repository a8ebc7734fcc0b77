//! `/metrics`, `/healthz` and `/readyz` on an address of their own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use clap::Args;
use host_service::serve_http;
use tokio::net::TcpListener;
use tower_service::Service as _;

use super::Exporter;

/// What Prometheus calls its text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where metrics are scraped.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Observability")]
pub(crate) struct MetricsArgs {
    /// Serve Prometheus metrics (/metrics) and the state of the process (/healthz, /readyz) over HTTP on this address, which
    /// tells names of workflows, activities and namespaces to all who reach it; port 0 takes any that is free.
    #[arg(long, value_name = "HOST:PORT", env = "HOST_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
}

/// How far the process is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<AtomicU8>);

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

impl Health {
    /// It takes work from here on.
    pub(crate) fn ready(&self) {
        self.0.store(READY, Ordering::Relaxed);
    }

    /// It takes no work any more.
    pub(crate) fn stopping(&self) {
        self.0.store(STOPPING, Ordering::Relaxed);
    }

    fn answer(&self) -> (StatusCode, &'static str) {
        match self.0.load(Ordering::Relaxed) {
            STARTING => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            READY => (StatusCode::OK, "ready\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        }
    }
}

impl MetricsArgs {
    /// Begins to record and to serve, if an address was given.
    ///
    /// # Errors
    ///
    /// When the address cannot be used.
    pub(crate) async fn start(&self) -> anyhow::Result<Health> {
        let health = Health::default();
        let Some(address) = self.metrics_listen else { return Ok(health) };
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("failed to serve metrics on {address} (--metrics-listen)"))?;
        let exporter = Exporter::install()?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!(%address, "serving metrics");
        let router = Router::new()
            .route(
                "/metrics",
                get(|State((exporter, _)): State<(Exporter, Health)>| async move {
                    ([(header::CONTENT_TYPE, TEXT)], exporter.render())
                }),
            )
            .route("/healthz", get(|| async { "alive\n" }))
            .route(
                "/readyz",
                get(|State((_, health)): State<(Exporter, Health)>| async move {
                    health.answer().into_response()
                }),
            )
            .with_state((exporter, health.clone()));
        let answer = move |request| {
            let mut router = router.clone();
            async move {
                let Ok(response) = router.call(request).await;
                response
            }
        };
        tokio::spawn(serve_http(listener, answer, std::future::pending()));
        Ok(health)
    }
}
