//! What is on disk. The rest of the service knows the trait [`Storage`] only.
//!
//! [`SqliteStorage`] keeps two SQLite files in the data folder:
//!
//! - `log.sqlite` takes every transition first. One thread writes it: all that is waiting in one
//!   transaction, one sync, and only then it says so ([`Storage::synced`]); meanwhile the next group
//!   gathers.
//! - `runs.sqlite` takes the same transitions behind it, sorted by run, in large portions. Another
//!   thread writes it; nothing waits for that. The log is cut up to where this file is.
//!
//! Runs that are not in memory, lists and a start are read from `runs.sqlite`. At start it first
//! takes what the log has more.

mod applier;
mod archive;
#[cfg(test)]
mod batch_tests;
mod changes;
mod damages;
mod entry;
mod error;
mod expiry;
mod fail_point;
mod folder;
mod heartbeats;
mod inspect;
mod lock;
mod log_file;
mod maintenance;
mod mend;
mod migrate;
mod private;
mod reader;
mod run_row;
mod runs_file;
#[cfg(test)]
mod schedule_tests;
mod search_attributes;
mod sqlite;
mod stored_record;
mod synced;
mod task_queues;
#[cfg(test)]
mod tests;
mod wal;
mod writer;

use std::{collections::BTreeMap, fmt, sync::Arc};

use host_wire::temporal::api::taskqueue::v1::TaskQueueConfig;
use tokio::sync::oneshot;

#[cfg(test)]
pub(crate) use self::entry::{check_record, read_again, run_of_body};
pub(crate) use self::maintenance::repair_folder;
pub(crate) use self::{
    entry::Position,
    expiry::Expiry,
    folder::SqliteStorage,
    mend::Mend,
    reader::Row,
    synced::Synced,
    writer::{Append, BACKLOG_BYTES},
};
pub use self::{
    error::StorageError,
    maintenance::{Problem, check_folder},
    stored_record::RecordError,
};
use crate::{
    batch::{batches::StoredBatch, record::BatchNumber},
    deployment::{deployments::StoredDeployment, state::DeploymentNumber},
    execution::{archive::Archive, record::RunNumber, run::Run},
    matching::queue_key::QueueKey,
    namespace::{namespaces::Namespace, record::NamespaceNumber},
    nexus::endpoint::{Endpoint, EndpointNumber},
    schedule::{record::ScheduleNumber, schedules::StoredSchedule},
    time::Time,
    visibility::registry::Custom,
    watched::Watched,
};

/// Takes what happens, makes it durable in that order, and says how far it is.
pub(crate) trait Storage: fmt::Debug + Send + Sync {
    /// Hands over what happened. It is on disk once [`Self::synced`] says so.
    fn append(&self, append: Append);

    /// A call waits for what was handed over.
    fn hurry(&self);

    /// Deletes runs of namespaces that closed before these times, in the background.
    fn prune(&self, closed_before: Vec<Expiry>);

    /// Changes what is stored of one run, behind everything that was appended before. `done` hears of it once it is on
    /// disk; it is dropped when storage ends before that.
    fn mend(&self, mend: Mend, done: oneshot::Sender<()>);

    /// How far the log is on disk.
    fn synced(&self) -> Arc<Watched<Synced>>;

    /// Bytes of what was handed over and is not in the runs' file yet.
    fn backlog_bytes(&self) -> usize;

    /// The last position at which runs that are not in memory can be read.
    fn applied(&self) -> Position;

    /// Reads runs of a namespace with numbers below `before`, the latest first, until `each` answers
    /// false. Blocks its thread.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    fn list(
        &self,
        namespace: &str,
        before: RunNumber,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), StorageError>;
}

/// Storage that was just opened, and what is in it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) found: Found,
}

/// What a start finds.
#[derive(Debug)]
pub(crate) struct Found {
    /// The last position of the log.
    pub(crate) last: Position,
    /// Reads runs that are not in memory.
    pub(crate) archive: Box<dyn Archive>,
    /// The number that the next run gets.
    pub(crate) next_number: RunNumber,
    /// Runs that were in memory when the process ended.
    pub(crate) in_memory: Vec<(RunNumber, Box<Run>)>,
    /// The search attributes of namespaces.
    pub(crate) search_attributes: BTreeMap<String, Custom>,
    /// The configurations of task queues.
    pub(crate) task_queues: Vec<(QueueKey, TaskQueueConfig)>,
    /// When time does something to the others.
    pub(crate) deadlines: Vec<(RunNumber, Time)>,
    pub(crate) schedules: Vec<(ScheduleNumber, StoredSchedule)>,
    pub(crate) batches: Vec<(BatchNumber, StoredBatch)>,
    pub(crate) deployments: Vec<(DeploymentNumber, StoredDeployment)>,
    /// Nexus endpoints.
    pub(crate) endpoints: Vec<(EndpointNumber, Endpoint)>,
    /// Namespaces of which something was set.
    pub(crate) namespaces: Vec<(NamespaceNumber, Namespace)>,
}
