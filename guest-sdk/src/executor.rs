//! Polls the `#[run]` method and the handlers of a run in a deterministic order: handlers from the oldest to
//! the youngest, then the `#[run]` method, until no task is awake.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// A future that need not be `Send`.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// The futures of a run.
#[derive(Default)]
pub(crate) struct Executor {
    handlers: Vec<Task>,
    main: Option<Task>,
}

impl Executor {
    /// Sets the future of the `#[run]` method.
    pub(crate) fn set_main(&mut self, future: LocalFuture<()>) {
        self.main = Some(Task::new(future));
    }

    /// Adds the future of a handler, behind the others.
    pub(crate) fn add_handler(&mut self, future: LocalFuture<()>) {
        self.handlers.push(Task::new(future));
    }

    /// Polls until no task is awake. When the `#[run]` method ends, the run is closed, and the handlers that
    /// have not ended are dropped.
    pub(crate) fn run_until_stalled(&mut self) {
        while self.handlers.iter().chain(&self.main).any(Task::is_awake) {
            self.handlers.retain_mut(|task| !task.poll_if_awake());
            if self.main.as_mut().is_some_and(Task::poll_if_awake) {
                self.main = None;
                self.handlers.clear();
            }
        }
    }
}

struct Task {
    future: LocalFuture<()>,
    awake: Arc<Awake>,
    waker: Waker,
}

impl Task {
    fn new(future: LocalFuture<()>) -> Self {
        let awake = Arc::new(Awake(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&awake));
        Self { future, awake, waker }
    }

    fn is_awake(&self) -> bool {
        self.awake.0.load(Ordering::Relaxed)
    }

    /// Returns whether the task has ended.
    fn poll_if_awake(&mut self) -> bool {
        self.awake.0.swap(false, Ordering::Relaxed)
            && self.future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready()
    }
}

/// Whether a task must be polled. It is atomic because wakers are `Send`, although there is one thread only.
struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::task::Poll;

    type Log = Rc<RefCell<String>>;

    /// A future that writes its name each time it is polled, `times` times, and wakes itself.
    fn write(log: &Log, name: char, mut times: u8) -> LocalFuture<()> {
        let log = Rc::clone(log);
        Box::pin(std::future::poll_fn(move |context| {
            log.borrow_mut().push(name);
            times -= 1;
            context.waker().wake_by_ref();
            if times == 0 { Poll::Ready(()) } else { Poll::Pending }
        }))
    }

    fn check(main: u8, handlers: &[u8], expected: &str) {
        let log = Log::default();
        let mut executor = Executor::default();
        executor.set_main(write(&log, 'm', main));
        for (name, times) in ('a'..).zip(handlers) {
            executor.add_handler(write(&log, name, *times));
        }
        executor.run_until_stalled();
        assert_eq!(*log.borrow(), expected);
    }

    #[test]
    fn handlers_come_before_the_main_routine() {
        check(1, &[], "m");
        check(3, &[], "mmm");
        check(3, &[1, 2], "abmbmm");
        check(1, &[3], "am");
    }
}
