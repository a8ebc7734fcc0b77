//! What all callers share: the shard behind its lock, the archive, storage. Transitions and reads go through here.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep_until},
};
use tonic::Status;

use crate::{
    batch::batches::Batches,
    deployment::deployments::Deployments,
    environment::Environment,
    error::{Error, ExhaustedCause},
    execution::{
        archive::Archive, effects, executions::Executions, loading::NotReady, record::RunNumber, restart,
        run::Run, transition::Transition,
    },
    namespace::namespaces::Namespaces,
    nexus::endpoints::Endpoints,
    options::Options,
    panics::{self, EndsProcess},
    schedule::schedules::Schedules,
    shard::{Shard, loads::Loads},
    storage::{Append, BACKLOG_BYTES, Mend, Opened, Position, Storage, Synced},
    time::Time,
    time_skipping::TimeSkipping,
    visibility::registry::Custom,
    watched::Watched,
};

/// Threads for the archive: while one reads, the next one is about to.
const MAX_ARCHIVE_THREADS: usize = 2;

/// What all callers share.
pub(crate) struct ShardContext {
    shard: Mutex<Shard>,
    pub(super) archive: Arc<Mutex<Box<dyn Archive>>>,
    /// Threads that read the archive or wait for it. One reads at a time: more would only be there, and stay.
    pub(super) archive_threads: Arc<Semaphore>,
    storage: Box<dyn Storage>,
    environment: Environment,
    /// Held by a call that changes the search attributes of a namespace, or the configuration of a task queue.
    pub(super) changing_settings: tokio::sync::Mutex<()>,
    /// Search attributes that every namespace has.
    pub(super) search_attributes: Custom,
    /// [`Options::drainage_interval`].
    pub(crate) drainage_interval: Duration,
    /// Notified whenever the first deadline may be earlier than before.
    deadlines: Arc<Notify>,
    /// Notified whenever a batch operation was started.
    batches_changed: Arc<Notify>,
    /// Notified whenever a version of a deployment may drain that did not before.
    deployments_changed: Arc<Notify>,
    /// Notified whenever a namespace is to be deleted.
    namespaces_changed: Arc<Notify>,
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
        let mut executions = Executions::new([], found.next_number);
        executions.namespaces =
            Namespaces::new(found.namespaces, options.namespaces.clone(), options.retention);
        let names: Vec<String> = executions.namespaces.iter().map(|it| it.info.name.clone()).collect();
        for namespace in names {
            let mut custom = found.search_attributes.get(&namespace).cloned().unwrap_or_default();
            custom.extend(options.search_attributes.clone());
            executions.search_attributes.set_custom(&namespace, custom);
        }
        for (number, run) in found.in_memory {
            executions.resume(number, *run);
        }
        executions.schedules = Schedules::new(found.schedules);
        executions.batches = Batches::new(found.batches);
        executions.deployments = Deployments::new(found.deployments);
        executions.endpoints = Endpoints::new(found.endpoints, options.nexus_urls);
        let mut shard = Shard::new(executions, found.last);
        shard.queues.load_configs(found.task_queues);
        let lost = shard.resume(found.deadlines, environment.clock.now());
        let context = Self {
            shard: Mutex::new(shard),
            archive: Arc::new(Mutex::new(found.archive)),
            archive_threads: Arc::new(Semaphore::new(MAX_ARCHIVE_THREADS)),
            storage,
            environment,
            changing_settings: tokio::sync::Mutex::default(),
            search_attributes: options.search_attributes,
            drainage_interval: options.drainage_interval,
            deadlines: Arc::default(),
            batches_changed: Arc::default(),
            deployments_changed: Arc::default(),
            namespaces_changed: Arc::default(),
            closing: Arc::default(),
        };
        for number in lost {
            let lose = |transition: &mut Transition<'_>| transition.change(number, restart::lose_workers);
            let mut shard = context.lock();
            // A run that panics already at the start is not tried again.
            shard.executions.note_panic(number);
            if let Err(status) = context.apply(shard, lose, |_, ()| {}) {
                tracing::error!(run = number, %status, "a run cannot go on");
            }
        }
        context
    }

    /// The shard. A panic that was not caught under this lock leaves it in a state that no one can trust.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(|_| {
            tracing::error!("a bug of the service: the process ends, to be started again");
            std::process::abort()
        })
    }

    pub(crate) fn now(&self) -> Time {
        self.environment.clock.now()
    }

    /// A new id.
    pub(crate) fn new_id(&self) -> String {
        self.environment.ids.next()
    }

    /// The search attributes of a namespace, other than what every namespace has.
    ///
    /// # Errors
    ///
    /// When there is no such namespace.
    pub(crate) fn search_attributes(&self, namespace: &str) -> Result<Custom, Error> {
        let shard = self.lock();
        shard.executions.check_namespace(namespace)?;
        Ok(shard.executions.search_attributes.custom(namespace))
    }

    /// Changes the search attributes of a namespace, and waits until that is on disk.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, `change` refuses, the disk is full, or the service ends.
    pub(crate) async fn change_search_attributes(
        &self,
        namespace: &str,
        change: impl FnOnce(&mut Custom) -> Result<(), Error>,
    ) -> Result<(), Status> {
        let _one_at_a_time = self.changing_settings.lock().await;
        let before = self.search_attributes(namespace)?;
        let mut custom = before.clone();
        change(&mut custom)?;
        if custom == before {
            return Ok(());
        }
        self.mend(Mend::SearchAttributes(namespace.to_owned(), custom.clone())).await?;
        self.lock().executions.search_attributes.set_custom(namespace, custom);
        Ok(())
    }

    pub(crate) fn deadlines(&self) -> &Arc<Notify> {
        &self.deadlines
    }

    pub(crate) fn batches_changed(&self) -> &Arc<Notify> {
        &self.batches_changed
    }

    pub(crate) fn deployments_changed(&self) -> &Arc<Notify> {
        &self.deployments_changed
    }

    pub(crate) fn namespaces_changed(&self) -> &Arc<Notify> {
        &self.namespaces_changed
    }

    pub(crate) fn closing(&self) -> &Arc<Watched<bool>> {
        &self.closing
    }

    /// The clock, if it skips time.
    pub(crate) fn time_skipping(&self) -> Option<&Arc<TimeSkipping>> {
        self.environment.time_skipping.as_ref()
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// Does a transition and waits until it is on disk. A refusal may have changed something too (a bad command fails
    /// its task) or may be due to something that is not on disk yet, so it waits as well.
    ///
    /// `prepare` checks the request and looks up all runs that the transition needs; it may be called again, see
    /// [`crate::execution::loading`]. `apply` gets what it found.
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
        let mut loads = Loads::new(self);
        loop {
            let (needed, drops) = {
                let mut shard = self.lock();
                match panics::caught(|| prepare(&shard.executions, &request))? {
                    Ok(prepared) => {
                        return self.apply(shard, |transition| apply(transition, request, prepared), after);
                    }
                    Err(NotReady::Refused(error)) => {
                        let refused = Err(error);
                        panics::caught(|| after(&mut shard, &refused))?;
                        return Ok((refused, shard.position()));
                    }
                    Err(NotReady::Needs(needed)) => loads.pin(&mut shard, needed),
                }
            };
            self.load(needed, drops).await?;
        }
    }

    /// Does a transition, all of it or nothing: one that panics is dropped, see [`Executions::drop_transition`].
    fn apply<R>(
        &self,
        mut shard: MutexGuard<'_, Shard>,
        change: impl FnOnce(&mut Transition<'_>) -> R,
        after: impl FnOnce(&mut Shard, &R),
    ) -> Result<(R, Position), Status> {
        let now = self.now();
        let mut ids = || self.environment.ids.next();
        let mut transition = Transition::new(&mut shard.executions, now, &mut ids);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = change(&mut transition);
            effects::settle(&mut transition);
            result
        }));
        let (changes, touched) = transition.end();
        let result = result.and_then(|result| {
            catch_unwind(AssertUnwindSafe(|| after(&mut shard, &result)))?;
            Ok(result)
        });
        let result = match result {
            Ok(result) => result,
            Err(panic) => {
                let message = panics::message(&*panic);
                shard.drop_transition(&touched, &message);
                return Err(panics::internal(&message));
            }
        };
        if changes.is_empty() {
            let position = shard.position();
            let sooner = shard.note_changes_in_memory(&changes, now);
            drop(shard);
            if sooner {
                self.deadlines.notify_one();
            }
            return Ok((result, position));
        }
        shard.executions.note_good(touched.changed);
        let ends_process = EndsProcess("a transition was done and not handed to the log");
        let noted = shard.note_changes(&changes, now);
        shard.count_ended(&changes);
        self.storage.append(Append {
            position: noted.position,
            records: changes.records,
            others: changes.others,
            archived: noted.archived,
            awaited: noted.awaited,
            lazy: noted.lazy,
        });
        drop(ends_process);
        drop(shard);
        // Whatever ends may leave nothing in progress.
        if noted.sooner || self.environment.time_skipping.is_some() {
            self.deadlines.notify_one();
        }
        Ok((result, noted.position))
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
        let mut loads = Loads::new(self);
        loop {
            let (needed, drops) = {
                let mut shard = self.lock();
                match panics::caught(|| work(&mut shard))? {
                    Ok(result) => return Ok(result),
                    Err(NotReady::Refused(error)) => return Err(error.into()),
                    Err(NotReady::Needs(needed)) => loads.pin(&mut shard, needed),
                }
            };
            self.load(needed, drops).await?;
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

    /// Refuses requests that change something while the disk is full, or far behind.
    ///
    /// # Errors
    ///
    /// RESOURCE_EXHAUSTED.
    pub(crate) fn check_room(&self) -> Result<(), Status> {
        if self.storage.synced().get().is_full() {
            return Err(no_room());
        }
        if self.storage.backlog_bytes() > BACKLOG_BYTES {
            let message = "the disk is slower than what it is given: try again";
            return Err(
                Error::Exhausted { message: message.to_owned(), cause: ExhaustedCause::Storage }.into()
            );
        }
        Ok(())
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
            self.storage.append(Append {
                position,
                records: Vec::new(),
                others: Vec::new(),
                archived,
                awaited: 0,
                lazy: true,
            });
        }
        drop(shard);
        drop(swept);
        more
    }
}

pub(crate) fn shutting_down() -> Status {
    Status::unavailable("the service is shutting down")
}

fn no_room() -> Status {
    Error::Exhausted { message: "the disk is full".to_owned(), cause: ExhaustedCause::Storage }.into()
}
