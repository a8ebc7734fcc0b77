//! Runs that are not in memory: loading them, and what is done about damaged ones.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use host_wire::temporal::api::common::v1::WorkflowExecution;
use tokio::{sync::oneshot, time::sleep};
use tonic::Status;

use crate::{
    error::Error,
    execution::{
        archive::{Stored, Unreadable},
        damage::Damage,
        executions::Drops,
        loading::{self, Needed, NotReady},
        record::RunNumber,
    },
    shard::context::{ShardContext, shutting_down},
    storage::Mend,
};

/// How often the archive is looked at while a run that was dropped from memory is not in it.
const ARCHIVE_POLL: Duration = Duration::from_millis(20);

impl ShardContext {
    /// Loads a pinned run, on a thread that may wait for the disk.
    pub(super) async fn load(&self, needed: Needed, drops: Drops) -> Result<(), Status> {
        self.wait_for_archive().await?;
        let archive = self.archive.clone();
        let place = Arc::clone(&self.archive_threads).acquire_owned().await.map_err(|_| shutting_down())?;
        let read = move || {
            let _place = place;
            let archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
            let found = loading::load(&**archive, &needed);
            (needed, found)
        };
        let (needed, found) = self.blocking(read).await?;
        let found = found.map_err(unreadable)?;
        self.lock().loaded(&needed, found, drops);
        Ok(())
    }

    /// Waits until the archive has all runs that were dropped from memory: their last changes may only be in the log.
    ///
    /// # Errors
    ///
    /// When the service ends.
    pub(crate) async fn wait_for_archive(&self) -> Result<(), Status> {
        let position = self.lock().dropped_at();
        while self.storage().applied() < position {
            self.storage().hurry();
            if self.storage().synced().get().has_ended {
                return Err(shutting_down());
            }
            sleep(ARCHIVE_POLL).await;
        }
        Ok(())
    }

    /// The damage of the run that a request names, if it is damaged.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read, or the service ends.
    pub(crate) async fn damage_of(
        &self,
        namespace: &str,
        execution: Option<&WorkflowExecution>,
    ) -> Result<Option<Arc<Damage>>, Status> {
        self.read(|shard| match shard.executions.find(namespace, execution) {
            Err(NotReady::Refused(Error::Damaged(damage))) => Ok(Some(damage)),
            Err(needs @ NotReady::Needs(_)) => Err(needs),
            Ok(_) | Err(NotReady::Refused(_)) => Ok(None),
        })
        .await
    }

    /// Changes what is stored of a run, and waits until that is on disk.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the service ends.
    pub(crate) async fn mend(&self, mend: Mend) -> Result<(), Status> {
        self.check_room()?;
        let (done, is_done) = oneshot::channel();
        self.storage().mend(mend, done);
        is_done.await.map_err(|_| shutting_down())
    }

    /// Reads a run from the archive. Blocks its thread.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub(crate) fn archived_run(&self, number: RunNumber) -> Result<Stored, Unreadable> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner).load(number)
    }
}

fn unreadable(error: Unreadable) -> Status {
    tracing::error!(%error, "the archive cannot be read");
    Status::unavailable(error.to_string())
}
