//! Scans the runs of a namespace, in memory and in the archive.

use std::collections::HashSet;

use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;
use prost::Message;
use tonic::Status;

use crate::{
    execution::{
        archive::{Stored, Unreadable},
        describe,
        record::RunNumber,
    },
    panics,
    shard::context::ShardContext,
    storage::{Position, Row},
    visibility::filter::{Filter, Listed},
};

use std::sync::Arc;

/// A sum over the runs that a filter matches.
#[derive(Debug)]
pub(crate) struct Scan<T> {
    pub(crate) namespace: String,
    /// Bound of run numbers, exclusive.
    pub(crate) before: RunNumber,
    pub(crate) filter: Filter,
    /// The scan ends after so many matching runs of the archive; it starts with the latest.
    pub(crate) most: usize,
    /// It also ends after so many bytes of them.
    pub(crate) most_bytes: usize,
    pub(crate) sum: T,
    pub(crate) add: fn(&mut T, RunNumber, WorkflowExecutionInfo),
}

/// Adds up the runs in memory, and then, outside the lock, those in the archive. Waits until what it read is on disk.
///
/// # Errors
///
/// When the namespace is not known, the file of runs cannot be read, or the service ends.
pub(crate) async fn scan<T: Send + 'static>(
    context: &Arc<ShardContext>,
    mut scan: Scan<T>,
) -> Result<T, Status> {
    context.wait_for_archive().await?;
    let (in_memory, position) = panics::caught(|| scan.memory(context))??;
    let blocking = context.clone();
    let read = context.blocking(move || scan.archive(&blocking, &in_memory, position)).await?;
    let (sum, position) = read.map_err(|error| {
        tracing::error!(%error, "failed to read the list of runs");
        Status::unavailable(error.to_string())
    })?;
    context.on_disk(position).await?;
    Ok(sum)
}

impl<T> Scan<T> {
    /// Adds up the runs in memory; answers their numbers, and the position that this state is of.
    fn memory(&mut self, context: &ShardContext) -> Result<(HashSet<RunNumber>, Position), Status> {
        let shard = context.lock();
        shard.executions.check_namespace(&self.namespace)?;
        // Runs that start later are not in the answer.
        self.before = self.before.min(shard.executions.next_number());
        let mut in_memory = HashSet::new();
        for (number, run) in shard.executions.iter().filter(|(number, _)| *number < self.before) {
            in_memory.insert(number);
            if run.identity().namespace == self.namespace && self.filter.matches(&Listed::from(run)) {
                (self.add)(&mut self.sum, number, describe::info(run));
            }
        }
        for damage in shard.executions.all_set_aside() {
            if damage.run >= self.before {
                continue;
            }
            in_memory.insert(damage.run);
            if damage.namespace == self.namespace {
                self.add_matching(damage.run, damage.info());
            }
        }
        Ok((in_memory, shard.position()))
    }

    fn archive(
        mut self,
        context: &ShardContext,
        in_memory: &HashSet<RunNumber>,
        mut position: Position,
    ) -> Result<(T, Position), Unreadable> {
        let (mut read, mut bytes) = (0, 0);
        let mut without_info = Vec::new();
        let (namespace, before) = (self.namespace.clone(), self.before);
        let (most, most_bytes) = (self.most, self.most_bytes);
        let mut each = |(number, info): Row| {
            match info {
                _ if in_memory.contains(&number) => {}
                Some(info) => {
                    let length = info.encoded_len();
                    if self.add_matching(number, info) {
                        read += 1;
                        bytes += length;
                    }
                }
                None => without_info.push(number),
            }
            read < most && bytes <= most_bytes
        };
        context
            .storage()
            .list(&namespace, before, &mut each)
            .map_err(|error| Unreadable(error.to_string()))?;
        // Rows without information are of runs that came back into memory meanwhile, and may have left it again.
        for number in without_info {
            let in_memory = {
                let shard = context.lock();
                let run = shard.executions.get(number);
                run.map(|run| (describe::info(run), shard.position_of(number)))
            };
            let found = match in_memory {
                Some(found) => Some(found),
                None => match context.archived_run(number) {
                    Ok(Stored::Run(run)) => Some((describe::info(&run), 0)),
                    Ok(Stored::Damaged(damage)) => Some((damage.info(), 0)),
                    Ok(Stored::Nothing) => None,
                    Err(error) => return Err(error),
                },
            };
            if let Some((info, changed)) = found {
                position = position.max(changed);
                self.add_matching(number, info);
            }
        }
        Ok((self.sum, position))
    }

    fn add_matching(&mut self, number: RunNumber, info: WorkflowExecutionInfo) -> bool {
        let matches = self.filter.matches(&Listed::from(&info));
        if matches {
            (self.add)(&mut self.sum, number, info);
        }
        matches
    }
}
