//! What makes batch operations go on: a task for each, which takes one run after the other at the pace of the
//! operation. It holds the lock for one transition at a time.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    time::Duration,
};

use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{StartBatchOperationRequest, start_batch_operation_request::Operation},
};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tonic::Status;

use crate::{
    batch::{
        operation::{self, Deletion},
        pace::Pace,
        record::{BatchNumber, Definition, Progress},
        select,
        state::{Batch, End},
    },
    error::Error,
    execution::{executions::Executions, loading::NotReady, record::RunNumber, transition::Transition},
    limits,
    shard::context::ShardContext,
    storage::Mend,
};

/// How long an operation waits that was refused for the moment.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
/// How often operations that ended long ago are looked for.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until the service is gone, and does not keep it alive.
pub(crate) async fn run_batches(context: Weak<ShardContext>) {
    let Some((changed, closing)) =
        context.upgrade().map(|context| (context.batches_changed().clone(), context.closing().clone()))
    else {
        return;
    };
    let mut tasks = JoinSet::new();
    let mut handles: HashMap<BatchNumber, AbortHandle> = HashMap::new();
    let mut next_prune = Instant::now();
    loop {
        {
            let Some(context) = context.upgrade() else { return };
            let with_work: Vec<_> = context.lock().executions.batches.with_work().collect();
            handles.retain(|_, handle| !handle.is_finished());
            for number in with_work {
                let begin = || tasks.spawn(run(Arc::downgrade(&context), number));
                handles.entry(number).or_insert_with(begin);
            }
            if Instant::now() >= next_prune {
                prune(&context).await;
                next_prune = Instant::now() + PRUNE_INTERVAL;
            }
        }
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| closing) => return,
            () = changed.notified() => {}
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a batch operation is begun again");
                    sleep(REFUSED_PAUSE).await;
                }
            }
            () = sleep_until(next_prune) => {}
        }
    }
}

/// Forgets operations that ended longer ago than the retention.
async fn prune(context: &ShardContext) {
    // Time that was skipped is no reason to forget what a test looks at.
    if context.time_skipping().is_some() || context.check_room().is_err() {
        return;
    }
    loop {
        let now = context.now();
        let pruned = context.transition(
            (),
            |executions, ()| {
                let expiry = |namespace: &str| executions.namespaces.expiry(namespace, now);
                Ok(executions.batches.expired(expiry))
            },
            |transition, (), expired| {
                if let Some(number) = expired {
                    transition.delete_batch(number);
                }
                Ok(expired.is_some())
            },
            |_, _| {},
        );
        if !matches!(pruned.await, Ok((Ok(true), _))) {
            return;
        }
    }
}

/// Makes one operation go on until it ends.
async fn run(context: Weak<ShardContext>, number: BatchNumber) {
    let definition = {
        let Some(context) = context.upgrade() else { return };
        let shard = context.lock();
        shard.executions.batches.get(number).map(|batch| batch.definition.clone())
    };
    let Some(definition) = definition else { return };
    let rate = definition.request.as_ref().map_or(0.0, |request| request.max_operations_per_second);
    let mut work = Work { number, definition, pace: Pace::new(rate), page: VecDeque::new(), tries: 0 };
    loop {
        // The service may end meanwhile.
        work.pace.wait().await;
        let Some(context) = context.upgrade() else { return };
        match work.step(&context).await {
            Ok(Step::Went) => {}
            Ok(Step::Ended) => return,
            Err(status) => {
                tracing::debug!(batch = number, %status, "a batch operation waits");
                drop(context);
                sleep(REFUSED_PAUSE).await;
            }
        }
    }
}

/// How an operation went on.
enum Step {
    Went,
    Ended,
}

/// One operation, as its task knows it.
struct Work {
    number: BatchNumber,
    definition: Arc<Definition>,
    pace: Pace,
    /// Runs that were read from the list.
    page: VecDeque<(RunNumber, WorkflowExecution)>,
    /// How often the first of them was refused for the moment.
    tries: u32,
}

/// What a step begins with.
struct Now {
    progress: Progress,
    is_running: bool,
}

/// A run that comes next.
#[derive(Clone, Debug)]
struct Next {
    /// Of a run that the filter found.
    number: Option<RunNumber>,
    execution: WorkflowExecution,
}

impl Work {
    fn request(&self) -> &StartBatchOperationRequest {
        static NONE: std::sync::LazyLock<StartBatchOperationRequest> =
            std::sync::LazyLock::new(StartBatchOperationRequest::default);
        self.definition.request.as_ref().unwrap_or(&NONE)
    }

    async fn step(&mut self, context: &Arc<ShardContext>) -> Result<Step, Status> {
        let now = {
            let shard = context.lock();
            shard
                .executions
                .batches
                .get(self.number)
                .map(|batch| Now { progress: batch.progress.clone(), is_running: batch.is_running() })
        };
        let Some(Now { progress, is_running }) = now else { return Ok(Step::Ended) };
        context.check_room()?;
        if !progress.deleting.is_empty() {
            self.finish_deletions(context, progress.deleting).await?;
            return Ok(Step::Went);
        }
        if !is_running {
            return Ok(Step::Ended);
        }
        if progress.total.is_none() {
            return self.count(context, progress.before).await;
        }
        let next = match self.next(context, &progress).await {
            Err(status) if status.code() == tonic::Code::InvalidArgument => {
                // A search attribute of the filter was removed.
                tracing::warn!(job_id = self.request().job_id, %status, "a batch operation cannot go on");
                self.change(context, |batch, now| batch.close(true, now)).await?;
                return Ok(Step::Ended);
            }
            next => next?,
        };
        let Some(next) = next else {
            self.change(context, |batch, now| batch.close(false, now)).await?;
            return Ok(Step::Ended);
        };
        if matches!(self.request().operation, Some(Operation::DeletionOperation(_))) {
            self.begin_deletions(context, progress.done).await?;
        } else {
            self.pace.take(1);
            self.operate(context, next).await?;
        }
        Ok(Step::Went)
    }

    async fn count(&mut self, context: &Arc<ShardContext>, before: RunNumber) -> Result<Step, Status> {
        match select::count(context, self.request(), before).await {
            Err(status) if status.code() == tonic::Code::InvalidArgument => {
                self.change(context, |batch, now| batch.close(true, now)).await?;
                Ok(Step::Ended)
            }
            count => {
                let total = count?;
                self.change(context, |batch, _| batch.progress.total = Some(total)).await?;
                Ok(Step::Went)
            }
        }
    }

    /// The run that comes next, without taking it.
    async fn next(
        &mut self,
        context: &Arc<ShardContext>,
        progress: &Progress,
    ) -> Result<Option<Next>, Status> {
        if self.request().visibility_query.is_empty() {
            let done = usize::try_from(progress.done).unwrap_or(usize::MAX);
            let execution = self.request().executions.get(done).cloned();
            return Ok(execution.map(|execution| Next { number: None, execution }));
        }
        if self.page.is_empty() {
            self.page = select::page(context, self.request(), progress.before).await?.into();
        }
        let next = self.page.front().cloned();
        Ok(next.map(|(number, execution)| Next { number: Some(number), execution }))
    }

    /// Does the operation to a run and counts it, in one transition.
    async fn operate(&mut self, context: &ShardContext, next: Next) -> Result<(), Status> {
        let (request, number) = (self.request(), self.number);
        let gives_up = self.tries >= limits::BATCH_TRIES;
        let operated = context.transition(
            (),
            |executions, ()| {
                // It may have been stopped meanwhile.
                let Some(batch) = running(executions, number) else { return Ok(None) };
                let prepared =
                    match operation::prepare(executions, request, &next.execution, &id_of(batch, &next)) {
                        Err(NotReady::Refused(error)) if gives_up => operation::Prepared::Refused(error),
                        prepared => prepared?,
                    };
                Ok(Some((batch.clone(), prepared)))
            },
            |transition, (), prepared| {
                let Some((mut batch, prepared)) = prepared else { return Ok(()) };
                let end = match operation::apply(transition, request, prepared) {
                    Err(_) if gives_up => End::Failed,
                    end => end?,
                };
                batch.count(end);
                note_done(&mut batch, next.number);
                transition.put_batch(number, batch);
                Ok(())
            },
            |_, _| {},
        );
        match operated.await? {
            (Ok(()), _) => {
                self.tries = 0;
                self.page.pop_front();
                Ok(())
            }
            (Err(error), _) => {
                self.tries += 1;
                Err(error.into())
            }
        }
    }

    /// Ends the next runs, and notes that they are to be deleted.
    async fn begin_deletions(&mut self, context: &ShardContext, done: u64) -> Result<(), Status> {
        let most = self.pace.possible().min(limits::BATCH_DELETIONS);
        let next: Vec<Next> = if self.page.is_empty() {
            let done = usize::try_from(done).unwrap_or(usize::MAX);
            let left = self.request().executions.iter().skip(done).take(most);
            left.map(|execution| Next { number: None, execution: execution.clone() }).collect()
        } else {
            let taken = self.page.len().min(most);
            let taken = self.page.drain(..taken);
            taken.map(|(number, execution)| Next { number: Some(number), execution }).collect()
        };
        self.pace.take(next.len());
        let numbers: Vec<Option<RunNumber>> = next.iter().map(|next| next.number).collect();
        let batch_number = self.number;
        let namespace = self.request().namespace.clone();
        let begun = context.transition(
            (),
            |executions, ()| {
                let Some(batch) = running(executions, batch_number) else { return Ok(None) };
                let deletions: Result<Vec<Option<Deletion>>, NotReady> = next
                    .iter()
                    .map(|next| operation::prepare_deletion(executions, &namespace, &next.execution))
                    .collect();
                Ok(Some((batch.clone(), deletions?)))
            },
            |transition, (), prepared: Option<(Batch, Vec<Option<Deletion>>)>| {
                let Some((mut batch, deletions)) = prepared else { return Ok(()) };
                for (number, deletion) in numbers.into_iter().zip(deletions) {
                    note_done(&mut batch, number);
                    match deletion {
                        Some(deletion) if !batch.progress.deleting.contains(&deletion.run) => {
                            operation::terminate_for_deletion(transition, deletion);
                            batch.progress.deleting.push(deletion.run);
                        }
                        _ => batch.count(End::Completed),
                    }
                }
                transition.put_batch(batch_number, batch);
                Ok(())
            },
            |_, _| {},
        );
        let (result, position) = begun.await?;
        // What is deleted is not in the log any more: the log has to say before that it is to be.
        context.on_disk(position).await?;
        result.map_err(Status::from)
    }

    /// Deletes runs that were ended for it, and counts them. After a crash some may be gone already.
    async fn finish_deletions(
        &mut self,
        context: &Arc<ShardContext>,
        deleting: Vec<RunNumber>,
    ) -> Result<(), Status> {
        // They were noted in memory before they were on disk.
        let position = context.lock().position();
        context.on_disk(position).await?;
        let mut deletions = JoinSet::new();
        for run in deleting {
            let context = context.clone();
            deletions.spawn(async move {
                context.mend(Mend::Delete(run)).await?;
                context.lock().forget(run);
                Ok::<_, Status>(run)
            });
        }
        while let Some(deleted) = deletions.join_next().await {
            deleted.map_err(|_| Status::internal("a deletion panicked"))??;
        }
        self.change(context, |batch, _| {
            batch.progress.completed += i64::try_from(batch.progress.deleting.len()).unwrap_or(i64::MAX);
            batch.progress.deleting.clear();
        })
        .await
    }

    /// Changes the operation itself, if it has something to do still.
    async fn change(
        &mut self,
        context: &ShardContext,
        change: impl FnOnce(&mut Batch, crate::time::Time),
    ) -> Result<(), Status> {
        let number = self.number;
        let changed = context.transition(
            (),
            |executions, ()| Ok(executions.batches.get(number).filter(|batch| batch.has_work()).cloned()),
            |transition: &mut Transition<'_>, (), batch| {
                if let Some(mut batch) = batch {
                    change(&mut batch, transition.now());
                    transition.put_batch(number, batch);
                }
                Ok::<(), Error>(())
            },
            |_, _| {},
        );
        changed.await?.0.map_err(Status::from)
    }
}

fn running(executions: &Executions, number: BatchNumber) -> Option<&Batch> {
    executions.batches.get(number).filter(|batch| batch.is_running())
}

/// The id of the request for one run.
fn id_of(batch: &Batch, next: &Next) -> String {
    format!("{}-{}", batch.identity.uid, next.number.unwrap_or(batch.progress.done))
}

/// A run is done: the next is the one after it.
fn note_done(batch: &mut Batch, number: Option<RunNumber>) {
    match number {
        Some(number) => batch.progress.before = number,
        None => batch.progress.done += 1,
    }
}
