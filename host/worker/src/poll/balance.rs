//! Which of its two queues a workflow poller asks next.

use crate::task_queues::QueueKind;

/// Polls under way, and how many tasks the service says wait on the sticky queue.
#[derive(Debug)]
pub(crate) struct PollerBalance {
    sticky_queue: bool,
    normal_polls: usize,
    sticky_polls: usize,
    sticky_backlog: i64,
}

impl PollerBalance {
    /// `sticky_queue`: whether there is a sticky queue at all; without a cache there is none.
    pub(crate) fn new(sticky_queue: bool) -> Self {
        Self { sticky_queue, normal_polls: 0, sticky_polls: 0, sticky_backlog: 0 }
    }

    /// A poller has a slot: where it is to poll. At least one poll goes to each queue while two or
    /// more pollers run; beyond that the sticky queue is drained first, because its tasks are cheap
    /// here and wait for this worker alone.
    pub(crate) fn begin(&mut self) -> QueueKind {
        let kind = if !self.sticky_queue {
            QueueKind::Normal
        } else if self.sticky_polls == 0 {
            QueueKind::Sticky
        } else if self.normal_polls == 0 {
            QueueKind::Normal
        } else if self.sticky_backlog > 0 || self.sticky_polls <= self.normal_polls {
            QueueKind::Sticky
        } else {
            QueueKind::Normal
        };
        *self.polls(kind) += 1;
        kind
    }

    /// A poll has come back, with the service's hint at the queue's backlog.
    pub(crate) fn end(&mut self, kind: QueueKind, backlog: i64) {
        *self.polls(kind) -= 1;
        if kind == QueueKind::Sticky {
            self.sticky_backlog = backlog;
        }
    }

    fn polls(&mut self, kind: QueueKind) -> &mut usize {
        match kind {
            QueueKind::Normal => &mut self.normal_polls,
            QueueKind::Sticky => &mut self.sticky_polls,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` begins a poll; `n` and `s` end one on the normal and the sticky queue, `S` ends one that
    /// reported a backlog. Compares the queues of the begun polls.
    fn check(sticky_queue: bool, script: &str, expected: &str) {
        let mut balance = PollerBalance::new(sticky_queue);
        let mut begun = String::new();
        for step in script.chars() {
            match step {
                'n' => balance.end(QueueKind::Normal, 9),
                's' => balance.end(QueueKind::Sticky, 0),
                'S' => balance.end(QueueKind::Sticky, 3),
                _ => begun.push(match balance.begin() {
                    QueueKind::Normal => 'n',
                    QueueKind::Sticky => 's',
                }),
            }
        }
        assert_eq!(begun, expected, "{script}");
    }

    #[test]
    fn both_queues_are_polled() {
        check(true, "++", "sn");
        check(true, "+++++", "snsns");
        check(true, "++n+", "snn");
        check(true, "++s+", "sns");
    }

    #[test]
    fn a_backlog_draws_pollers_but_not_the_last_one() {
        check(true, "++++S+++", "snsnsss");
        check(true, "++++Sn+n+", "snsnsn");
    }

    #[test]
    fn without_a_cache_there_is_no_sticky_queue() {
        check(false, "+++", "nnn");
    }
}
