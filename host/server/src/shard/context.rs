//! What all callers share: the shard behind its lock, the archive, storage, the environment. Every transition and
//! every read goes through here.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use host_wire::temporal::api::common::v1::WorkflowExecution;
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};
use tonic::Status;

use crate::{
    environment::Environment,
    error::{Error, ExhaustedCause},
    execution::{
        archive::{Archive, Stored, Unreadable},
        damage::Damage,
        effects,
        executions::Executions,
        loading::{self, Needed, NotReady},
        record::RunNumber,
        restart,
        run::Run,
        transition::Transition,
    },
    options::Options,
    shard::Shard,
    storage::{Append, Mend, Opened, Position, Storage, Synced},
    time::Time,
    watched::Watched,
};

/// What all callers share.
pub(crate) struct ShardContext {
    shard: Mutex<Shard>,
    archive: Arc<Mutex<Box<dyn Archive>>>,
    storage: Box<dyn Storage>,
    environment: Environment,
    retention: Duration,
    /// Notified whenever the first deadline may be earlier than before.
    deadlines: Arc<Notify>,
    /// Whether open polls should return.
    closing: Arc<Watched<bool>>,
}

impl fmt::Debug for ShardContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardContext").finish_non_exhaustive()
    }
}

impl ShardContext {
    /// Resumes the runs that storage has. Tasks of workers that ended with the last process count as failed.
    pub(crate) fn open(opened: Opened, options: Options, environment: Environment) -> Self {
        let Opened { storage, found } = opened;
        let mut executions = Executions::new(options.namespaces, found.next_number);
        for (number, run) in found.in_memory {
            executions.resume(number, *run);
        }
        let mut shard = Shard::new(executions, found.last);
        let lost = shard.resume(found.deadlines, environment.clock.now());
        let context = Self {
            shard: Mutex::new(shard),
            archive: Arc::new(Mutex::new(found.archive)),
            storage,
            environment,
            retention: options.retention,
            deadlines: Arc::default(),
            closing: Arc::default(),
        };
        for number in lost {
            let lose = |transition: &mut Transition<'_>| transition.change(number, restart::lose_workers);
            context.apply(context.lock(), lose, |_, ()| {});
        }
        context
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        self.environment.clock.now()
    }

    /// For how long closed runs are kept.
    pub(crate) fn retention(&self) -> Duration {
        self.retention
    }

    pub(crate) fn deadlines(&self) -> &Arc<Notify> {
        &self.deadlines
    }

    pub(crate) fn closing(&self) -> &Arc<Watched<bool>> {
        &self.closing
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// Does a transition and waits until it is on disk. A refusal may have changed something too (a bad command fails
    /// its task) or may be due to something that is not on disk yet, so it waits as well.
    ///
    /// `prepare` checks the request and looks up all runs that the transition needs; it may be called again, see
    /// [`loading`]. `apply` gets what it found.
    ///
    /// # Errors
    ///
    /// When `prepare` or `apply` refuse, the disk is full, or the service ends.
    pub(crate) async fn change<T, P, R>(
        &self,
        request: T,
        prepare: impl Fn(&Executions, &T) -> Result<P, NotReady>,
        apply: impl FnOnce(&mut Transition<'_>, T, P) -> Result<R, Error>,
    ) -> Result<R, Status> {
        self.change_with(request, prepare, apply, |_, _| {}).await
    }

    /// As [`Self::change`]; `after` is called under the same lock.
    ///
    /// # Errors
    ///
    /// As [`Self::change`].
    pub(crate) async fn change_with<T, P, R>(
        &self,
        request: T,
        prepare: impl Fn(&Executions, &T) -> Result<P, NotReady>,
        apply: impl FnOnce(&mut Transition<'_>, T, P) -> Result<R, Error>,
        after: impl FnOnce(&mut Shard, &Result<R, Error>),
    ) -> Result<R, Status> {
        self.check_room()?;
        let (result, position) = self.transition(request, prepare, apply, after).await?;
        self.on_disk(position).await?;
        result.map_err(Status::from)
    }

    /// Does a transition and hands what changed to the log; answers the position to wait for. When `prepare` refuses,
    /// `apply` is not called.
    ///
    /// # Errors
    ///
    /// When the service ends.
    pub(crate) async fn transition<T, P, R>(
        &self,
        request: T,
        prepare: impl Fn(&Executions, &T) -> Result<P, NotReady>,
        apply: impl FnOnce(&mut Transition<'_>, T, P) -> Result<R, Error>,
        after: impl FnOnce(&mut Shard, &Result<R, Error>),
    ) -> Result<(Result<R, Error>, Position), Status> {
        let mut loads = Loads { context: self, needed: Vec::new() };
        loop {
            let needed = {
                let mut shard = self.lock();
                match prepare(&shard.executions, &request) {
                    Ok(prepared) => {
                        return Ok(self.apply(
                            shard,
                            |transition| apply(transition, request, prepared),
                            after,
                        ));
                    }
                    Err(NotReady::Refused(error)) => {
                        let refused = Err(error);
                        after(&mut shard, &refused);
                        return Ok((refused, shard.position()));
                    }
                    Err(NotReady::Needs(needed)) => loads.pin(&mut shard, needed),
                }
            };
            self.load(needed).await?;
        }
    }

    fn apply<R>(
        &self,
        mut shard: MutexGuard<'_, Shard>,
        change: impl FnOnce(&mut Transition<'_>) -> R,
        after: impl FnOnce(&mut Shard, &R),
    ) -> (R, Position) {
        let now = self.now();
        let mut ids = || self.environment.ids.next();
        let mut transition = Transition::new(&mut shard.executions, now, &mut ids);
        let result = change(&mut transition);
        effects::settle(&mut transition);
        let changes = transition.into_changes();
        after(&mut shard, &result);
        if changes.records.is_empty() {
            return (result, shard.position());
        }
        let noted = shard.note_changes(&changes, now);
        self.storage.append(Append {
            position: noted.position,
            records: changes.records,
            archived: noted.archived,
            awaited: noted.awaited,
            lazy: noted.lazy,
        });
        drop(shard);
        if noted.sooner {
            self.deadlines.notify_one();
        }
        (result, noted.position)
    }

    /// Reads from memory; what is not there is loaded first, and `read` called again.
    ///
    /// # Errors
    ///
    /// When `read` refuses, or the service ends.
    pub(crate) async fn read<R>(&self, read: impl Fn(&Shard) -> Result<R, NotReady>) -> Result<R, Status> {
        self.with_shard(|shard| read(shard)).await
    }

    /// Works on what is in memory, but for the runs; those that are not there are loaded first, and `work` called
    /// again. It must look them up before it changes anything.
    ///
    /// # Errors
    ///
    /// When `work` refuses, or the service ends.
    pub(crate) async fn with_shard<R>(
        &self,
        work: impl Fn(&mut Shard) -> Result<R, NotReady>,
    ) -> Result<R, Status> {
        let mut loads = Loads { context: self, needed: Vec::new() };
        loop {
            let needed = {
                let mut shard = self.lock();
                match work(&mut shard) {
                    Ok(result) => return Ok(result),
                    Err(NotReady::Refused(error)) => return Err(error.into()),
                    Err(NotReady::Needs(needed)) => loads.pin(&mut shard, needed),
                }
            };
            self.load(needed).await?;
        }
    }

    /// Reads something about a run together with its position, and waits until that is on disk: no caller is shown what
    /// a crash would undo.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], or when the disk is full.
    pub(crate) async fn read_run<R>(
        &self,
        read: impl Fn(&Shard) -> Result<(RunNumber, R), NotReady>,
    ) -> Result<R, Status> {
        let (read, position) = self
            .read(|shard| {
                let (number, read) = read(shard)?;
                Ok((read, shard.position_of(number)))
            })
            .await?;
        self.on_disk(position).await?;
        Ok(read)
    }

    /// Loads a pinned run, on a thread that may wait for the disk.
    async fn load(&self, needed: Needed) -> Result<(), Status> {
        let archive = self.archive.clone();
        let read = move || {
            let archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
            let found = loading::load(&**archive, &needed);
            (needed, found)
        };
        let (needed, found) = self.environment.blocking.run(read).await.map_err(|_| shutting_down())?;
        let found = found.map_err(unreadable)?;
        self.lock().executions.loaded(&needed, found);
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
        self.storage.mend(mend, done);
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

    /// Does work that blocks its thread.
    ///
    /// # Errors
    ///
    /// When the service ends.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Status> {
        self.environment.blocking.run(work).await.map_err(|_| shutting_down())
    }

    /// Waits until something is true of a run, or until a time: false then. True for a run that was deleted.
    ///
    /// # Errors
    ///
    /// When the service ends.
    pub(crate) async fn wait_for(
        &self,
        number: RunNumber,
        until: Instant,
        reached: impl Fn(&Run) -> bool,
    ) -> Result<bool, Status> {
        let watcher = self.lock().watch(number);
        loop {
            let mut changed = std::pin::pin!(watcher.notified());
            changed.as_mut().enable();
            if self.read(|shard| Ok(shard.executions.run(number)?.is_none_or(&reached))).await? {
                return Ok(true);
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(until) => return Ok(false),
                () = self.closed() => return Err(shutting_down()),
            }
        }
    }

    /// Refuses requests that change something while the disk is full.
    ///
    /// # Errors
    ///
    /// RESOURCE_EXHAUSTED.
    pub(crate) fn check_room(&self) -> Result<(), Status> {
        if self.storage.synced().get().is_full() { Err(no_room()) } else { Ok(()) }
    }

    /// Waits until everything up to a position is on disk.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the service ends.
    pub(crate) async fn on_disk(&self, position: Position) -> Result<(), Status> {
        let synced = self.storage.synced();
        if synced.get().position < position {
            self.storage.hurry();
        }
        let over = |synced: Synced| synced.position >= position || synced.is_full() || synced.has_ended;
        let reached = synced.wait_for(over).await;
        if reached.position >= position {
            Ok(())
        } else if reached.has_ended {
            Err(shutting_down())
        } else {
            Err(no_room())
        }
    }

    /// Makes open polls return.
    pub(crate) fn close(&self) {
        self.closing.update(|closing| *closing = true);
    }

    /// Resolves when open polls should return.
    pub(crate) async fn closed(&self) {
        self.closing.wait_for(|closing| closing).await;
    }

    /// Evicts runs that wait or are closed, up to a bound; answers whether there are more.
    pub(crate) fn sweep(&self) -> bool {
        let now = self.now();
        let mut shard = self.lock();
        let mut swept = shard.sweep(self.storage.applied(), now);
        let more = swept.has_more();
        if !swept.archived.is_empty() {
            let archived = std::mem::take(&mut swept.archived);
            let position = swept.position;
            self.storage.append(Append { position, records: Vec::new(), archived, awaited: 0, lazy: true });
        }
        drop(shard);
        drop(swept);
        more
    }

    /// Deletes runs that closed longer ago than the retention.
    pub(crate) fn prune(&self) {
        self.storage.prune(self.now().before(self.retention));
    }
}

/// The runs that were loaded for one caller. They stay in memory until it is done.
struct Loads<'a> {
    context: &'a ShardContext,
    needed: Vec<Needed>,
}

impl Loads<'_> {
    fn pin(&mut self, shard: &mut Shard, needed: Needed) -> Needed {
        shard.executions.pin(&needed);
        self.needed.push(needed.clone());
        needed
    }
}

impl Drop for Loads<'_> {
    fn drop(&mut self) {
        if !self.needed.is_empty() {
            let mut shard = self.context.lock();
            for needed in &self.needed {
                shard.executions.unpin(needed);
            }
        }
    }
}

pub(crate) fn shutting_down() -> Status {
    Status::unavailable("the service is shutting down")
}

fn unreadable(error: Unreadable) -> Status {
    tracing::error!(%error, "the archive cannot be read");
    Status::unavailable(error.to_string())
}

fn no_room() -> Status {
    Error::Exhausted { message: "the disk is full".to_owned(), cause: ExhaustedCause::Storage }.into()
}
