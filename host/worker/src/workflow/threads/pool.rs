//! Threads that do pieces of work from a queue.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use tokio::sync::Semaphore;

use super::WorkError;

/// Stack of a thread in bytes: the guest's stack and the host calls made from it.
const STACK_SIZE_BYTES: usize = 8 * 1024 * 1024;

pub(super) type Work = Box<dyn FnOnce() + Send>;

/// Threads with a queue.
#[derive(Debug)]
pub(super) struct Pool {
    /// `None` while this is dropped: the threads end with the queue.
    queue: Option<mpsc::Sender<Work>>,
    /// Bounds the pieces of work in the queue and on the threads.
    pub(super) places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts threads, each of which calls `prepare` first.
    pub(super) fn start(name: &str, count: usize, places: usize, prepare: fn()) -> io::Result<Self> {
        let (queue, work) = mpsc::channel::<Work>();
        let work = Arc::new(Mutex::new(work));
        let threads = (0..count)
            .map(|index| {
                let work = Arc::clone(&work);
                let thread =
                    thread::Builder::new().name(format!("{name}-{index}")).stack_size(STACK_SIZE_BYTES);
                thread.spawn(move || {
                    prepare();
                    serve(&work);
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { queue: Some(queue), threads, places: Arc::new(Semaphore::new(places)) })
    }

    /// How many threads there are.
    pub(super) fn count(&self) -> usize {
        self.threads.len()
    }

    /// Puts a piece of work at the end of the queue.
    pub(super) fn hand_in(&self, work: Work) -> Result<(), WorkError> {
        let queue = self.queue.as_ref().ok_or(WorkError::Closed)?;
        queue.send(work).map_err(|_| WorkError::Closed)
    }
}

impl Drop for Pool {
    /// Waits until what has been handed in is done.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // Panics of work are caught; there is nothing left that could have ended the thread.
            let _ = thread.join();
        }
    }
}

fn serve(work: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        // A thread holds the lock only to wait for work, so a poisoned lock protects nothing broken.
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(mpsc::RecvError) => return,
        }
    }
}
