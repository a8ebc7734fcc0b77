//! `host codec-server`.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::Args;
use host_codec::server::{self, Options};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{exit::Usage, settings::codec::CodecArgs, stop};

/// Serves codecs over HTTP: the user interface of Temporal and the `temporal` CLI decode payloads with it.
///
/// Who reaches it reads what the codecs protect. It listens on this machine unless --listen says otherwise; for others put
/// something before it that asks who they are.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host codec-server --codec aes-gcm --codec-key 2026=file:/etc/keys/2026
  temporal workflow show --workflow-id order-17 --codec-endpoint http://127.0.0.1:8081")]
pub(crate) struct CodecServer {
    /// Address to listen on.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Origin of the user interface whose pages may call it, such as http://localhost:8233.
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Option<String>,
    #[command(flatten)]
    codec: CodecArgs,
}

impl CodecServer {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let chain = self.codec.chain()?;
        if chain.is_empty() {
            return Err(Usage("a codec server needs a codec: --codec".to_owned()).into());
        }
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| format!("failed to listen on {}", self.listen))?;
        tracing::info!(address = %listener.local_addr()?, "serving codecs");
        let end = CancellationToken::new();
        stop::on_signal(end.clone(), Duration::ZERO)?;
        let options = Options { chain, cors_origin: self.cors_origin };
        server::serve(listener, options, end.cancelled_owned()).await;
        Ok(())
    }
}
