//! Scans the runs of a namespace, in memory and in the archive.

use std::{cmp::Reverse, collections::HashSet, sync::Arc};

use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;
use prost::Message;
use tokio::task::yield_now;
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

/// Runs in memory that are looked at without letting go of the lock: some hundred microseconds.
const RUNS_AT_ONCE: usize = 100;

/// A sum over the runs that a filter matches.
#[derive(Debug)]
pub(crate) struct Scan<T> {
    pub(crate) namespace: String,
    /// Bound of run numbers, exclusive.
    pub(crate) before: RunNumber,
    pub(crate) filter: Filter,
    /// The scan ends after about so many matching runs. It starts with the latest, in memory and in the archive.
    pub(crate) most: usize,
    /// It also ends after so many bytes of those in the archive.
    pub(crate) most_bytes: usize,
    pub(crate) sum: T,
    pub(crate) add: fn(&mut T, RunNumber, WorkflowExecutionInfo),
}

/// What a scan found in memory.
#[derive(Debug, Default)]
struct InMemory {
    /// Runs that were looked at, other than those that left memory just before.
    seen: HashSet<RunNumber>,
    matching: usize,
    /// The position that this state is of.
    position: Position,
    /// Earlier runs do not count: there are enough later ones.
    from: RunNumber,
}

/// Adds up the runs in memory, some at a time, and then, outside the lock, those in the archive: among them is what left
/// memory meanwhile. Waits until what it read is on disk.
///
/// # Errors
///
/// When the namespace is not known, the file of runs cannot be read, or the service ends.
pub(crate) async fn scan<T: Send + 'static>(
    context: &Arc<ShardContext>,
    mut scan: Scan<T>,
) -> Result<T, Status> {
    context.wait_for_archive().await?;
    let numbers = panics::caught(|| scan.numbers(context))??;
    let mut in_memory = InMemory::default();
    for numbers in numbers.chunks(RUNS_AT_ONCE) {
        panics::caught(|| scan.memory(context, numbers, &mut in_memory))?;
        if in_memory.from > 0 {
            break;
        }
        yield_now().await;
    }
    let blocking = context.clone();
    let read = context.blocking(move || scan.archive(&blocking, &in_memory)).await?;
    let (sum, position) = read.map_err(|error| {
        tracing::error!(%error, "failed to read the list of runs");
        Status::unavailable(error.to_string())
    })?;
    context.on_disk(position).await?;
    Ok(sum)
}

impl<T> Scan<T> {
    /// The runs that memory knows, the latest first.
    fn numbers(&mut self, context: &ShardContext) -> Result<Vec<RunNumber>, Status> {
        let mut numbers: Vec<RunNumber> = {
            let shard = context.lock();
            shard.executions.check_namespace(&self.namespace)?;
            // Runs that start later are not in the answer.
            self.before = self.before.min(shard.executions.next_number());
            shard.executions.numbers().filter(|number| *number < self.before).collect()
        };
        numbers.sort_unstable_by_key(|number| Reverse(*number));
        Ok(numbers)
    }

    /// Adds up some of the runs in memory.
    fn memory(&mut self, context: &ShardContext, numbers: &[RunNumber], in_memory: &mut InMemory) {
        let shard = context.lock();
        in_memory.position = shard.position();
        for &number in numbers {
            let matches = if let Some(damage) = shard.executions.get_set_aside(number) {
                in_memory.seen.insert(number);
                damage.namespace == self.namespace && self.add_matching(number, damage.info())
            } else if let Some(run) = shard.executions.get(number) {
                in_memory.seen.insert(number);
                let matches =
                    run.identity().namespace == self.namespace && self.filter.matches(&Listed::from(run));
                if matches {
                    (self.add)(&mut self.sum, number, describe::info(run));
                }
                matches
            } else {
                false
            };
            in_memory.matching += usize::from(matches);
            if in_memory.matching >= self.most {
                in_memory.from = number;
                return;
            }
        }
    }

    fn archive(mut self, context: &ShardContext, in_memory: &InMemory) -> Result<(T, Position), Unreadable> {
        let mut position = in_memory.position;
        let (mut read, mut bytes) = (0, 0);
        let mut without_info = Vec::new();
        let (namespace, before) = (self.namespace.clone(), self.before);
        let (most, most_bytes) = (self.most, self.most_bytes);
        let mut each = |(number, info): Row| {
            if number < in_memory.from {
                return false;
            }
            match info {
                _ if in_memory.seen.contains(&number) => {}
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
