//! `--ui` and `--no-ui`: the page of the host in a browser.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;
use host_page::{Page, PageError, PageOptions, Token};

use crate::exit::Usage;

/// Where the page is, unless told otherwise: the port of Temporal's own.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8233);

/// Where the page of the host is.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Page")]
pub(crate) struct PageArgs {
    /// Address of this machine on which browsers find the page of the host: workflows, modules, task queues, schedules. It
    /// only reads, unless it is opened with the token that is in the address which the host prints; port 0 takes any that is
    /// free [default: 127.0.0.1:8233].
    #[arg(long, value_name = "HOST:PORT", env = "HOST_UI")]
    ui: Option<SocketAddr>,
    /// Serve no page.
    #[arg(long, conflicts_with = "ui")]
    no_ui: bool,
}

impl PageArgs {
    fn address(&self) -> SocketAddr {
        self.ui.unwrap_or(DEFAULT_ADDRESS)
    }

    /// Where the page is to be, if there is to be one.
    pub(crate) fn address_of_page(&self) -> Option<SocketAddr> {
        (!self.no_ui).then(|| self.address())
    }

    /// Whether the page may be where it is to be.
    ///
    /// # Errors
    ///
    /// [`Usage`] when other machines would reach it.
    pub(crate) fn check(&self) -> Result<(), Usage> {
        if self.no_ui {
            return Ok(());
        }
        Page::check(self.address()).map_err(|error| Usage(format!("--ui {error}")))
    }

    /// Serves the page in the background, and prints its address. The host goes on without it when another process has the
    /// address.
    ///
    /// # Errors
    ///
    /// When the token cannot be kept in the data folder.
    pub(crate) async fn start(&self, options: PageOptions) -> anyhow::Result<()> {
        if self.no_ui {
            return Ok(());
        }
        let token = Token::of_folder(&options.data_folder)?;
        let page = match Page::bind(self.address(), token).await {
            Ok(page) => page,
            Err(PageError::Listen { address, source }) => {
                tracing::warn!(
                    %address,
                    error = &source as &dyn std::error::Error,
                    "there is no page: take another address with --ui, or none with --no-ui"
                );
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(address = %page.address(), "the page is there for browsers");
        tokio::spawn(page.serve(options));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        page: PageArgs,
    }

    #[test]
    fn other_machines_do_not_reach_the_page() {
        let check = |arguments: &[&str], allowed: bool| {
            let program = Program::try_parse_from([&["host"], arguments].concat()).unwrap();
            assert_eq!(program.page.check().is_ok(), allowed, "{arguments:?}");
        };
        check(&[], true);
        check(&["--no-ui"], true);
        check(&["--ui", "[::1]:0"], true);
        check(&["--ui", "0.0.0.0:8233"], false);
        check(&["--ui", "192.168.1.4:8233"], false);
        assert!(Program::try_parse_from(["host", "--ui", "127.0.0.1:1", "--no-ui"]).is_err());
    }
}
