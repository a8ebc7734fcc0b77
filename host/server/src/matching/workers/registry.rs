//! The last heartbeat of each worker. They live in memory only: workers repeat them every minute.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    time::Duration,
};

use host_wire::temporal::api::worker::v1::WorkerHeartbeat;
use prost::Message;

use crate::{error::Error, matching::workers::query::Query, time::Time};

/// How long a worker is known after its last heartbeat. `defaultEntryTTL` of Temporal's server.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Workers that are known, of all namespaces. Those with the oldest heartbeats are forgotten first. Temporal's server
/// has room for 1,000,000.
const WORKERS: usize = 100_000;
/// Bytes of all heartbeats; a usual one has 700.
const ALL_BYTES: usize = 128 * 1024 * 1024;

/// Names a worker: its namespace, and `worker_instance_key`.
type Key = (String, String);

/// Workers, as of their last heartbeats.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    namespaces: HashMap<String, BTreeMap<String, Known>>,
    /// The oldest heartbeat first.
    by_age: BTreeSet<(Time, Key)>,
    bytes: usize,
}

#[derive(Debug)]
struct Known {
    heartbeat: WorkerHeartbeat,
    bytes: usize,
    seen: Time,
}

impl Workers {
    /// Keeps heartbeats of workers of a namespace in place of their earlier ones.
    pub(crate) fn record(
        &mut self,
        namespace: &str,
        heartbeats: impl IntoIterator<Item = WorkerHeartbeat>,
        now: Time,
    ) {
        for heartbeat in heartbeats {
            let key = (namespace.to_owned(), heartbeat.worker_instance_key.clone());
            self.forget(&key);
            let bytes = heartbeat.encoded_len();
            self.bytes += bytes;
            self.by_age.insert((now, key.clone()));
            let (namespace, instance) = key;
            let known = Known { heartbeat, bytes, seen: now };
            self.namespaces.entry(namespace).or_default().insert(instance, known);
            while self.by_age.len() > WORKERS || self.bytes > ALL_BYTES {
                let Some((_, oldest)) = self.by_age.pop_first() else { break };
                self.forget(&oldest);
            }
        }
    }

    /// Forgets workers that ended long ago.
    pub(crate) fn sweep(&mut self, now: Time) {
        while let Some((seen, _)) = self.by_age.first()
            && now.since(*seen) >= KNOWN_FOR
        {
            let Some((_, oldest)) = self.by_age.pop_first() else { return };
            self.forget(&oldest);
        }
    }

    /// Forgets the workers of a namespace.
    pub(crate) fn forget_namespace(&mut self, namespace: &str) {
        let instances = self.namespaces.get(namespace).into_iter().flat_map(BTreeMap::keys);
        let keys: Vec<Key> = instances.map(|instance| (namespace.to_owned(), instance.clone())).collect();
        keys.iter().for_each(|key| self.forget(key));
    }

    fn forget(&mut self, key: &Key) {
        let (namespace, instance) = key;
        let Some(of_namespace) = self.namespaces.get_mut(namespace) else { return };
        let Some(known) = of_namespace.remove(instance) else { return };
        if of_namespace.is_empty() {
            self.namespaces.remove(namespace);
        }
        self.bytes -= known.bytes;
        self.by_age.remove(&(known.seen, key.clone()));
    }

    /// The last heartbeat of a worker.
    ///
    /// # Errors
    ///
    /// NOT_FOUND.
    pub(crate) fn get(&self, namespace: &str, instance: &str) -> Result<&WorkerHeartbeat, Error> {
        let known = self.namespaces.get(namespace).and_then(|of_namespace| of_namespace.get(instance));
        known
            .map(|known| &known.heartbeat)
            .ok_or_else(|| Error::NotFound(format!("Worker {instance} not found")))
    }

    /// The workers of a namespace that a query finds, in the order of their keys, from the one after `after` on.
    pub(crate) fn matching<'a>(
        &'a self,
        namespace: &str,
        after: &str,
        query: &'a Query,
    ) -> impl Iterator<Item = &'a WorkerHeartbeat> {
        let of_namespace = self.namespaces.get(namespace);
        let rest = (Bound::Excluded(after.to_owned()), Bound::Unbounded);
        // A worker without a key comes first.
        let rest = if after.is_empty() { (Bound::Unbounded, Bound::Unbounded) } else { rest };
        let rest = of_namespace.into_iter().flat_map(move |all| all.range(rest.clone()));
        rest.map(|(_, known)| &known.heartbeat).filter(|heartbeat| query.finds(heartbeat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(key: &str, host_bytes: usize) -> WorkerHeartbeat {
        WorkerHeartbeat {
            worker_instance_key: key.to_owned(),
            sdk_name: "x".repeat(host_bytes),
            ..WorkerHeartbeat::default()
        }
    }

    fn at(seconds: u64) -> Time {
        Time::default().after(Duration::from_secs(seconds))
    }

    fn keys(workers: &Workers, namespace: &str) -> Vec<String> {
        let query = Query::parse("").unwrap();
        let all = workers.matching(namespace, "", &query);
        all.map(|heartbeat| heartbeat.worker_instance_key.clone()).collect()
    }

    fn check(workers: &Workers) {
        let all = workers.namespaces.values().flat_map(BTreeMap::values);
        let (count, bytes) = all.fold((0, 0), |(count, bytes), known| (count + 1, bytes + known.bytes));
        assert_eq!((workers.by_age.len(), workers.bytes), (count, bytes));
    }

    #[test]
    fn a_worker_is_known_for_a_day_after_its_last_heartbeat() {
        let mut workers = Workers::default();
        workers.record("n", vec![heartbeat("a", 10), heartbeat("b", 10)], at(0));
        workers.record("other", vec![heartbeat("a", 10)], at(1));
        workers.record("n", vec![heartbeat("a", 20)], at(3_600));
        for (seconds, expected) in
            [(86_399, &["a", "b"][..]), (86_400, &["a"]), (3_600 + 86_399, &["a"]), (3_600 + 86_400, &[])]
        {
            workers.sweep(at(seconds));
            check(&workers);
            assert_eq!(keys(&workers, "n"), expected, "after {seconds} s");
        }
        assert!(workers.namespaces.is_empty());
        assert_eq!(workers.get("n", "a").unwrap_err().to_string(), "Worker a not found");
    }

    #[test]
    fn the_oldest_make_room() {
        let mut workers = Workers::default();
        let large = ALL_BYTES / 10;
        for number in 0..20 {
            workers.record("n", vec![heartbeat(&number.to_string(), large)], at(number));
            check(&workers);
        }
        assert!(workers.bytes <= ALL_BYTES);
        assert_eq!(keys(&workers, "n").len(), 9);
        assert!(workers.get("n", "19").is_ok());
        assert!(workers.get("n", "10").is_err());
    }

    #[test]
    fn a_page_goes_on_after_the_last_one() {
        let mut workers = Workers::default();
        let all = ["", "a", "b", "c"].map(|key| heartbeat(key, 0));
        workers.record("n", all.to_vec(), at(0));
        let query = Query::parse("WorkerInstanceKey != 'b'").unwrap();
        let after = |after| {
            let found = workers.matching("n", after, &query);
            found.map(|heartbeat| heartbeat.worker_instance_key.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(after(""), ["", "a", "c"]);
        assert_eq!(after("a"), ["c"]);
        assert_eq!(after("c"), [""; 0]);
    }
}
