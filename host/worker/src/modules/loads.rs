//! Which modules are loaded, are being loaded, or failed to load just now.
//!
//! A module is loaded once, however many tasks need it, and not again at once after it failed: a module that takes the
//! compiler to its limit would otherwise cost that with every task of its runs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use host_sandbox::{Digest, LoadError};
use tokio::sync::watch;

use super::LoadedModule;

/// How long a module that failed to load is not tried again. A new file has another digest, and does not wait.
const RETRY_FAILED_AFTER: Duration = Duration::from_secs(60);

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
    Failed { error: Arc<LoadError>, since: Instant },
}

/// What is to be done for a module.
#[derive(Debug)]
pub(crate) enum Begin {
    Loaded(Arc<LoadedModule>),
    Failed(Arc<LoadError>),
    /// Another caller loads it: wait until this changes or closes, and begin again.
    Wait(watch::Receiver<()>),
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
            Some(State::Failed { error, since }) if now.duration_since(*since) < RETRY_FAILED_AFTER => {
                return Begin::Failed(Arc::clone(error));
            }
            Some(State::Failed { .. }) | None => {}
        }
        let (waiting, ended) = watch::channel(());
        states.insert(*digest, State::Loading(ended));
        Begin::Load(Ticket { loads: Arc::clone(self), digest: *digest, _waiting: waiting, outcome: None })
    }

    /// As [`Loads::begin`], but waits on this thread while another caller loads the module.
    pub(crate) fn begin_blocking(self: &Arc<Self>, digest: &Digest) -> Begin {
        loop {
            let begun = self.begin(digest, Instant::now());
            if !matches!(begun, Begin::Wait(_)) {
                return begun;
            }
            let states = self.states();
            let loading = |states: &mut BTreeMap<_, _>| matches!(states.get(digest), Some(State::Loading(_)));
            drop(self.ended.wait_while(states, loading).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Forgets modules that are not in use any more, and failures that are old.
    pub(crate) fn forget(&self, now: Instant) {
        self.states().retain(|_, state| match state {
            State::Loading(_) => true,
            State::Loaded(module) => module.strong_count() > 0,
            State::Failed { since, .. } => now.duration_since(*since) < RETRY_FAILED_AFTER,
        });
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
    pub(crate) fn failed(mut self, error: LoadError) -> Arc<LoadError> {
        let error = Arc::new(error);
        self.outcome = Some(State::Failed { error: Arc::clone(&error), since: Instant::now() });
        error
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
        first.failed(LoadError::NativeCode);
        for waiting in waiting {
            assert!(matches!(waiting.join().unwrap(), Begin::Failed(_)));
        }
        let later = Instant::now() + RETRY_FAILED_AFTER;
        assert!(matches!(loads.begin(&DIGEST, later), Begin::Load(_)));
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
