//! Which modules are loaded, are being loaded, or failed to load just now.
//!
//! A module is loaded once, however many tasks need it, and not again at once after it failed: a module that takes the
//! compiler to its limit, or a registry that does not answer, would otherwise cost that with every task of its runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use host_sandbox::{Digest, LoadError};
use tokio::sync::watch;

use super::{LoadedModule, catalog::ResolveError};

/// How long a module that failed to load is not tried again. A new file has another digest, and does not wait.
const RETRY_FAILED_AFTER: Duration = Duration::from_secs(60);
/// How long a module that could not be fetched is not tried again.
const RETRY_FETCH_AFTER: Duration = Duration::from_secs(10);

/// The states of modules, by digest.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    states: Mutex<BTreeMap<Digest, State>>,
    /// Notified whenever a load has ended.
    ended: Condvar,
}

#[derive(Debug)]
enum State {
    Loading(watch::Receiver<()>),
    Loaded(Weak<LoadedModule>),
    Failed { failure: LoadFailure, since: Instant },
}

/// Why a module was not loaded. It holds for a while.
#[derive(Clone, Debug)]
pub(crate) enum LoadFailure {
    /// The sandbox refuses it.
    Refused(Arc<LoadError>),
    /// The place where modules are fetched from cannot be asked.
    Fetch { place: String, source: Arc<dyn Error + Send + Sync> },
    /// That place does not have it.
    NotThere,
}

impl LoadFailure {
    /// What a task is told that needs the module.
    pub(crate) fn of(self, digest: Digest) -> ResolveError {
        match self {
            Self::Refused(source) => ResolveError::Load { digest, source },
            Self::Fetch { place, source } => ResolveError::Fetch { digest, place, source },
            Self::NotThere => ResolveError::Unknown { digest },
        }
    }

    fn holds_for(&self) -> Duration {
        match self {
            Self::Refused(_) => RETRY_FAILED_AFTER,
            Self::Fetch { .. } | Self::NotThere => RETRY_FETCH_AFTER,
        }
    }
}

/// What is to be done for a module.
#[derive(Debug)]
pub(crate) enum Begin {
    Loaded(Arc<LoadedModule>),
    Failed(LoadFailure),
    /// Another caller loads it: wait until this changes or closes, and begin again.
    Wait(watch::Receiver<()>),
    /// The caller loads it.
    Load(Ticket),
}

/// What is to be done for a module whose bytes are here.
#[derive(Debug)]
pub(crate) enum BeginHere {
    Loaded(Arc<LoadedModule>),
    Refused(Arc<LoadError>),
    /// The caller loads it.
    Load(Ticket),
}

/// The right to load a module. Dropping it says that the load came to nothing, and the next caller tries.
#[derive(Debug)]
pub(crate) struct Ticket {
    loads: Arc<Loads>,
    digest: Digest,
    /// Its end wakes those who wait.
    _waiting: watch::Sender<()>,
    outcome: Option<State>,
}

impl Loads {
    pub(crate) fn begin(self: &Arc<Self>, digest: &Digest, now: Instant) -> Begin {
        let mut states = self.states();
        match states.get(digest) {
            Some(State::Loading(ended)) => return Begin::Wait(ended.clone()),
            Some(State::Loaded(module)) => {
                if let Some(module) = module.upgrade() {
                    return Begin::Loaded(module);
                }
            }
            Some(State::Failed { failure, since }) if now.duration_since(*since) < failure.holds_for() => {
                return Begin::Failed(failure.clone());
            }
            Some(State::Failed { .. }) | None => {}
        }
        let (waiting, ended) = watch::channel(());
        states.insert(*digest, State::Loading(ended));
        Begin::Load(Ticket { loads: Arc::clone(self), digest: *digest, _waiting: waiting, outcome: None })
    }

    /// As [`Loads::begin`], but for a module that need not be fetched, and waits on this thread while another caller loads it.
    pub(crate) fn begin_blocking(self: &Arc<Self>, digest: &Digest) -> BeginHere {
        loop {
            match self.begin(digest, Instant::now()) {
                Begin::Loaded(module) => return BeginHere::Loaded(module),
                Begin::Load(ticket) => return BeginHere::Load(ticket),
                Begin::Failed(LoadFailure::Refused(error)) => return BeginHere::Refused(error),
                Begin::Failed(LoadFailure::Fetch { .. } | LoadFailure::NotThere) => self.forget_fetch(digest),
                Begin::Wait(_) => {
                    let states = self.states();
                    let loading =
                        |states: &mut BTreeMap<_, _>| matches!(states.get(digest), Some(State::Loading(_)));
                    drop(self.ended.wait_while(states, loading).unwrap_or_else(PoisonError::into_inner));
                }
            }
        }
    }

    /// Forgets that a module could not be fetched.
    fn forget_fetch(&self, digest: &Digest) {
        let mut states = self.states();
        if let Some(State::Failed { failure: LoadFailure::Fetch { .. } | LoadFailure::NotThere, .. }) =
            states.get(digest)
        {
            states.remove(digest);
        }
    }

    /// Forgets modules that are not in use any more, and failures that are old.
    pub(crate) fn forget(&self, now: Instant) {
        self.states().retain(|_, state| match state {
            State::Loading(_) => true,
            State::Loaded(module) => module.strong_count() > 0,
            State::Failed { failure, since } => now.duration_since(*since) < failure.holds_for(),
        });
    }

    /// The modules that are in use, in the order of their digests.
    pub(crate) fn loaded(&self) -> Vec<Digest> {
        let states = self.states();
        let is_loaded = |state: &State| matches!(state, State::Loaded(module) if module.strong_count() > 0);
        states.iter().filter(|(_, state)| is_loaded(state)).map(|(digest, _)| *digest).collect()
    }

    /// Forgets the loaded modules that are none of these: they were removed, and no run finds them here any more.
    pub(crate) fn forget_others(&self, known: &BTreeSet<Digest>) {
        self.states().retain(|digest, state| !matches!(state, State::Loaded(_)) || known.contains(digest));
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<Digest, State>> {
        // Nothing is left half done where this is locked.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Ends the load with a module.
    pub(crate) fn loaded(mut self, module: LoadedModule) -> Arc<LoadedModule> {
        let module = Arc::new(module);
        self.outcome = Some(State::Loaded(Arc::downgrade(&module)));
        module
    }

    /// Ends the load with the sandbox's refusal, which holds for a while.
    pub(crate) fn refused(self, error: LoadError) -> Arc<LoadError> {
        let error = Arc::new(error);
        self.failed(LoadFailure::Refused(Arc::clone(&error)));
        error
    }

    /// Ends the load with a failure, which holds for a while.
    pub(crate) fn failed(mut self, failure: LoadFailure) -> LoadFailure {
        self.outcome = Some(State::Failed { failure: failure.clone(), since: Instant::now() });
        failure
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut states = self.loads.states();
        match self.outcome.take() {
            Some(outcome) => states.insert(self.digest, outcome),
            None => states.remove(&self.digest),
        };
        drop(states);
        self.loads.ended.notify_all();
        self.loads.forget(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const DIGEST: Digest = Digest([1; 32]);

    fn ticket(loads: &Arc<Loads>) -> Ticket {
        match loads.begin(&DIGEST, Instant::now()) {
            Begin::Load(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_module_is_loaded_by_one_caller_and_not_again_at_once_after_it_failed() {
        let loads = Arc::new(Loads::default());
        let first = ticket(&loads);
        assert!(matches!(loads.begin(&DIGEST, Instant::now()), Begin::Wait(_)));
        assert!(
            matches!(loads.begin(&Digest([2; 32]), Instant::now()), Begin::Load(_)),
            "others are not held up"
        );
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let loads = Arc::clone(&loads);
                thread::spawn(move || loads.begin_blocking(&DIGEST))
            })
            .collect();
        first.refused(LoadError::NativeCode);
        for waiting in waiting {
            assert!(matches!(waiting.join().unwrap(), BeginHere::Refused(_)));
        }
        let later = Instant::now() + RETRY_FAILED_AFTER;
        assert!(matches!(loads.begin(&DIGEST, later), Begin::Load(_)));
    }

    #[test]
    fn what_could_not_be_fetched_is_loaded_once_it_is_here() {
        let loads = Arc::new(Loads::default());
        ticket(&loads).failed(LoadFailure::NotThere);
        let begun = Instant::now();
        assert!(matches!(loads.begin(&DIGEST, begun), Begin::Failed(LoadFailure::NotThere)));
        assert!(matches!(loads.begin(&DIGEST, begun + RETRY_FETCH_AFTER), Begin::Load(_)));
        ticket(&loads).failed(LoadFailure::NotThere);
        assert!(matches!(loads.begin_blocking(&DIGEST), BeginHere::Load(_)));
    }

    #[tokio::test]
    async fn a_load_that_comes_to_nothing_is_tried_by_the_next() {
        let loads = Arc::new(Loads::default());
        let first = ticket(&loads);
        let Begin::Wait(mut ended) = loads.begin(&DIGEST, Instant::now()) else {
            panic!("it is being loaded")
        };
        drop(first);
        assert!(ended.changed().await.is_err(), "the sender is gone");
        drop(ticket(&loads));
    }
}
