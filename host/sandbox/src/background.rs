//! Places for work that keeps a processor busy for long: compiling, and calls of slow workflow types.
//!
//! Its priority is low, but that is not enough. A thread that wakes up waits up to a time slice (some milliseconds)
//! for one that runs with a low priority, and each step of a workflow wakes up several. And a thread with a low
//! priority that holds a lock of the system, as for the memory map, holds up all others until it gets a processor
//! again. So such work never takes all processors: the half of them, or one where there is only one.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Places for work in the background; who came first gets one first.
#[derive(Debug)]
pub struct Background {
    places: NonZeroUsize,
    queue: Mutex<Queue>,
    returned: Condvar,
}

/// Both only grow. The difference is the number of those that have a place or wait for one.
#[derive(Debug, Default)]
struct Queue {
    /// How often a place was asked for.
    asked: usize,
    /// How often one was given back.
    returned: usize,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub struct BackgroundPlace<'b>(&'b Background);

impl Background {
    /// So many places.
    #[must_use]
    pub fn new(places: NonZeroUsize) -> Self {
        Self { places, queue: Mutex::default(), returned: Condvar::new() }
    }

    /// How many places there are.
    #[must_use]
    pub fn places(&self) -> NonZeroUsize {
        self.places
    }

    /// Takes a place. Blocks this thread until there is one.
    #[must_use]
    pub fn take(&self) -> BackgroundPlace<'_> {
        let mut queue = self.queue();
        let before = queue.asked;
        queue.asked += 1;
        let waits = |queue: &mut Queue| before >= queue.returned + self.places.get();
        drop(self.returned.wait_while(queue, waits).unwrap_or_else(PoisonError::into_inner));
        BackgroundPlace(self)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No change can panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Background {
    /// Places for half of the processors that this process may use.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::new(NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN))
    }
}

impl Drop for BackgroundPlace<'_> {
    fn drop(&mut self) {
        self.0.queue().returned += 1;
        self.0.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn who_came_first_gets_a_place_first() {
        let background = Background::new(NonZeroUsize::new(2).unwrap());
        let (done, order) = mpsc::channel();
        let (one, other) = (background.take(), background.take());
        thread::scope(|scope| {
            for number in 0..5 {
                let (background, done) = (&background, done.clone());
                scope.spawn(move || {
                    let _place = background.take();
                    done.send(number).unwrap();
                });
                // It has asked before the next one does.
                while background.queue().asked < 3 + number {
                    thread::yield_now();
                }
            }
            assert!(order.try_recv().is_err());
            drop(one);
            assert_eq!(order.iter().take(5).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        });
        drop(other);
        drop(background.take());
    }
}
