//! A bounded pool of threads for activities that block.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What a thread does next. It must not panic: whoever submits it catches.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Threads that start when they are needed and stay.
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
    /// At most `size` threads.
    pub(crate) fn new(size: usize) -> Self {
        Self { shared: Arc::default(), size }
    }

    /// Runs a job as soon as a thread is free. Callers hold permits, so that jobs do not pile up.
    pub(crate) fn submit(&self, job: Job) -> std::io::Result<()> {
        let mut state = self.shared.lock();
        if state.jobs.len() >= state.idle && state.threads < self.size {
            let number = state.threads;
            let shared = Arc::clone(&self.shared);
            let spawned =
                std::thread::Builder::new().name(format!("activity-{number}")).spawn(move || shared.work());
            match spawned {
                Ok(_) => state.threads += 1,
                // The threads that there are will come to it.
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
    /// Lets idle threads end. One that runs ends after its job, or with the process.
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

    /// No job runs under the lock, so that the state is whole whatever happened.
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
