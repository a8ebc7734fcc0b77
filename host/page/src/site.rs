//! What all pages share.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use host_client::Client;
use host_sandbox::Config;
use host_worker::modules::signed::Signers;
use tokio::sync::Semaphore;

use crate::{process::Samples, token::Token, travel::Travel};

/// Pages that follow something live at one time; each asks the service once a second. Further ones are not live.
pub(crate) const MAX_LIVE: usize = 24;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct PageOptions {
    /// The client of the service, which also decodes what codecs encoded.
    pub client: Client,
    /// The data folder, with the modules and the control socket of the host.
    pub data_folder: PathBuf,
    /// The limits of guests in time travel, and the folder of compiled modules. How many guests there may be is the page's
    /// own.
    pub sandbox: Config,
    /// Who must have signed a module that is loaded for time travel or to show its definitions; nothing: all are loaded.
    pub signers: Option<Signers>,
}

/// What all pages share. Clones are the same site.
#[derive(Clone, Debug)]
pub(crate) struct Site(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: PageOptions,
    port: u16,
    token: Token,
    travel: Travel,
    live: Arc<Semaphore>,
    samples: Samples,
}

impl Site {
    pub(crate) fn new(options: PageOptions, port: u16, token: Token) -> Self {
        let travel =
            Travel::new(options.data_folder.clone(), options.sandbox.clone(), options.signers.clone());
        let live = Arc::new(Semaphore::new(MAX_LIVE));
        Self(Arc::new(Shared { options, port, token, travel, live, samples: Samples::default() }))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.options.client
    }

    pub(crate) fn data_folder(&self) -> &Path {
        &self.0.options.data_folder
    }

    /// The port of the listener.
    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn token(&self) -> &Token {
        &self.0.token
    }

    pub(crate) fn travel(&self) -> &Travel {
        &self.0.travel
    }

    /// What the process takes of its machine.
    pub(crate) fn samples(&self) -> &Samples {
        &self.0.samples
    }

    /// The places of pages that follow something.
    pub(crate) fn live(&self) -> &Arc<Semaphore> {
        &self.0.live
    }
}
