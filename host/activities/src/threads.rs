//! The thread pool, for activities that block.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A function for a thread. It must not panic: the caller catches panics in it.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Threads that start when they are needed and are reused.
#[derive(Debug)]
pub(crate) struct ThreadPool {
    shared: Arc<Shared>,
    size: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl ThreadPool {
    /// A pool of at most `size` threads.
    pub(crate) fn new(size: usize) -> Self {
        Self { shared: Arc::default(), size }
    }

    /// Runs a job as soon as a thread is free. The callers hold permits, which limit the number of waiting
    /// jobs.
    pub(crate) fn submit(&self, job: Job) -> std::io::Result<()> {
        let mut state = self.shared.lock();
        if state.jobs.len() >= state.idle && state.threads < self.size {
            let number = state.threads;
            let shared = Arc::clone(&self.shared);
            let spawned =
                std::thread::Builder::new().name(format!("activity-{number}")).spawn(move || shared.work());
            match spawned {
                Ok(_) => state.threads += 1,
                // The other threads run the job later.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(error),
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }
}

impl Drop for ThreadPool {
    /// Ends the idle threads. A thread with a job ends after it, or with the process.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The state stays valid if a thread panics, as no job runs while the lock is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("threads", &self.lock().threads).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Barrier, mpsc};

    use super::*;

    #[test]
    fn threads_are_few_and_reused() {
        let pool = ThreadPool::new(2);
        let (names, used) = mpsc::channel();
        let both = Arc::new(Barrier::new(2));
        for _ in 0..10 {
            let (names, both) = (names.clone(), Arc::clone(&both));
            pool.submit(Box::new(move || {
                // Passes only if two jobs run at once.
                both.wait();
                names.send(std::thread::current().name().unwrap().to_owned()).unwrap();
            }))
            .unwrap();
        }
        drop(names);
        let used: BTreeSet<_> = used.iter().collect();
        assert_eq!(used, BTreeSet::from(["activity-0".to_owned(), "activity-1".to_owned()]));
    }
}
