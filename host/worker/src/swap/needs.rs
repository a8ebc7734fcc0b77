//! Why each module of the data folder is still there, and the removal of those that nothing needs.

use std::{collections::BTreeMap, sync::Arc};

use host_sandbox::Digest;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::swapper::{Swapper, blocking};
use crate::{
    gate::{count_runs, quoted},
    modules::{
        audit::{AuditAction, AuditEntry},
        build_id,
        catalog::CatalogError,
    },
};

/// Why a module is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "need", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Need {
    /// It serves new runs of these types.
    Serves {
        /// Workflow types.
        workflow_types: Vec<String>,
    },
    /// It is the canary.
    Canary,
    /// It is the shadow.
    Shadow,
    /// It is polled for as a version of the host's worker deployment.
    Version,
    /// Runs were moved to it by hand, or may move to it by `host modules adopt`.
    MovedTo,
    /// Another host on the data folder has it loaded: it serves there, or executes runs.
    LoadedElsewhere {
        /// Id of the host's process.
        process: u32,
    },
    /// Open runs have tasks that it executed.
    OpenRuns {
        /// How many.
        count: u64,
    },
    /// Closed runs within the retention have tasks that it executed: their queries and resets need it.
    ClosedRuns {
        /// How many.
        count: u64,
    },
    /// The service does not say which runs were on it, or another host not what it has loaded.
    Unknown {
        /// Why not.
        message: String,
    },
}

/// A module, and why it is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NeededModule {
    /// The SHA-256 of its bytes.
    pub digest: String,
    /// Why it is there; nothing: it may go.
    pub needs: Vec<Need>,
    /// The same for people.
    pub needed: Vec<String>,
}

impl Need {
    /// Whether the module goes when that is forced.
    #[must_use]
    pub fn gives_way(&self) -> bool {
        match self {
            Self::ClosedRuns { .. } => true,
            Self::Serves { .. }
            | Self::Canary
            | Self::Shadow
            | Self::Version
            | Self::MovedTo
            | Self::LoadedElsewhere { .. }
            | Self::OpenRuns { .. }
            | Self::Unknown { .. } => false,
        }
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serves { workflow_types } => {
                let named =
                    |name: &String| if name.is_empty() { "(dynamic)".to_owned() } else { name.clone() };
                let types: Vec<String> = workflow_types.iter().map(named).collect();
                write!(f, "serves {}", types.join(", "))
            }
            Self::Canary => f.write_str("is the canary"),
            Self::Shadow => f.write_str("is the shadow"),
            Self::Version => f.write_str("is polled for as a version of the worker deployment"),
            Self::MovedTo => f.write_str("runs move to it by hand"),
            Self::LoadedElsewhere { process } => write!(f, "another host, process {process}, has it loaded"),
            Self::OpenRuns { count } => write!(f, "{count} open runs"),
            Self::ClosedRuns { count } => write!(f, "{count} closed runs within the retention"),
            Self::Unknown { message } => write!(f, "cannot be told: {message}"),
        }
    }
}

impl Swapper {
    /// Every module of the data folder, and why it is still there. Those that were never admitted, as a canary that went back,
    /// come last.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn needs(&self) -> Result<Vec<NeededModule>, CatalogError> {
        let catalog = Arc::clone(self.catalog());
        let (stored, elsewhere) = blocking(move || Ok((catalog.kept()?, catalog.loaded_elsewhere()))).await?;
        if let Err(error) = &elsewhere {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "what another host has loaded is not known"
            );
        }
        let mut modules = Vec::new();
        // One that does not answer is not asked again for each module.
        let mut unanswered = None;
        for digest in stored {
            let mut needs = self.needs_here(&digest);
            match &elsewhere {
                Ok(processes) => {
                    let processes = processes.get(&digest).into_iter().flatten();
                    needs.extend(processes.map(|process| Need::LoadedElsewhere { process: *process }));
                }
                Err(error) => needs.push(Need::Unknown { message: error.to_string() }),
            }
            if unanswered.is_none() {
                match self.needs_of_runs(&digest).await {
                    Ok(of_runs) => needs.extend(of_runs),
                    Err(status) => unanswered = Some(status.message().to_owned()),
                }
            }
            needs.extend(unanswered.clone().map(|message| Need::Unknown { message }));
            let needed = needs.iter().map(ToString::to_string).collect();
            modules.push(NeededModule { digest: digest.to_string(), needs, needed });
        }
        Ok(modules)
    }

    /// Who signed each module of the data folder, by digest; see [`Signers`](crate::modules::signed::Signers).
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn signers(&self) -> Result<BTreeMap<String, String>, CatalogError> {
        let catalog = Arc::clone(self.catalog());
        blocking(move || Ok(catalog.signed_by()?)).await
    }

    /// Removes modules that nothing needs, or that give way when that is forced. Gives those that went, and those that stay.
    ///
    /// # Errors
    ///
    /// When the store cannot be used.
    pub async fn prune(
        &self,
        chosen: impl Fn(&str) -> bool,
        force: bool,
        who: &str,
    ) -> Result<(Vec<String>, Vec<NeededModule>), CatalogError> {
        let (mut removed, mut kept) = (Vec::new(), Vec::new());
        for module in self.needs().await?.into_iter().filter(|module| chosen(&module.digest)) {
            let may_go = module.needs.iter().all(|need| force && need.gives_way());
            let digest = build_id::parse_digest(&module.digest).filter(|_| may_go);
            let Some(digest) = digest else {
                kept.push(module);
                continue;
            };
            let note = if module.needed.is_empty() {
                String::new()
            } else {
                format!("forced: {}", module.needed.join("; "))
            };
            let entry = AuditEntry {
                note,
                ..AuditEntry::now(who, AuditAction::Pruned, Vec::new(), module.digest.clone())
            };
            let catalog = Arc::clone(self.catalog());
            blocking(move || catalog.remove(&digest, &entry)).await?;
            tracing::info!(digest = module.digest, who, "a module was removed");
            removed.push(module.digest);
        }
        Ok((removed, kept))
    }

    fn needs_here(&self, digest: &Digest) -> Vec<Need> {
        let mut needs = Vec::new();
        let workflow_types = self.catalog().serves(digest);
        if !workflow_types.is_empty() {
            needs.push(Need::Serves { workflow_types });
        }
        if self.catalog().is_canary(digest) {
            needs.push(Need::Canary);
        }
        if self.shadow().is_some_and(|shadow| shadow.digest == digest.to_string()) {
            needs.push(Need::Shadow);
        }
        if self.catalog().is_polled(digest) {
            needs.push(Need::Version);
        }
        if self.catalog().is_moved_to(digest) {
            needs.push(Need::MovedTo);
        }
        needs
    }

    async fn needs_of_runs(&self, digest: &Digest) -> Result<Vec<Need>, Status> {
        let open = self.count_runs(digest, "ExecutionStatus = \"Running\"").await?;
        let closed = self.count_runs(digest, "ExecutionStatus != \"Running\"").await?;
        let open = (open > 0).then_some(Need::OpenRuns { count: open });
        let closed = (closed > 0).then_some(Need::ClosedRuns { count: closed });
        Ok(open.into_iter().chain(closed).collect())
    }

    /// Runs of which a module executed a task, and that match a list filter.
    pub(super) async fn count_runs(&self, digest: &Digest, filter: &str) -> Result<u64, Status> {
        // As the service lists builds of workers without versioning.
        let build = format!("unversioned:{}", build_id::of(digest));
        let query = format!("{filter} AND BuildIds = {}", quoted(&[build]));
        count_runs(&**self.service(), self.namespace(), query).await
    }
}
