//! All batch operations.

use std::collections::{BTreeMap, HashMap};

use crate::{
    batch::{
        record::{BatchIdentity, BatchNumber},
        state::Batch,
    },
    error::Error,
    time::Time,
};

/// All batch operations: those that run, and those that ended, until the retention of the namespace has passed.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    by_number: BTreeMap<BatchNumber, Batch>,
    by_id: HashMap<(String, String), BatchNumber>,
    /// Those that cannot be read, by namespace and job id, with the reason.
    damaged: BTreeMap<(String, String), (BatchNumber, String)>,
    next_number: BatchNumber,
}

/// A batch operation as storage has it.
#[derive(Clone, Debug)]
pub(crate) enum StoredBatch {
    Sound(Box<Batch>),
    /// It cannot be read, with the reason.
    Damaged(BatchIdentity, String),
}

impl Batches {
    /// The batch operations that a start finds.
    pub(crate) fn new(found: Vec<(BatchNumber, StoredBatch)>) -> Self {
        let mut all = Self::default();
        for (number, stored) in found {
            all.next_number = all.next_number.max(number + 1);
            match stored {
                StoredBatch::Sound(batch) => all.set(number, *batch),
                StoredBatch::Damaged(names, reason) => {
                    all.damaged.insert((names.namespace, names.job_id), (number, reason));
                }
            }
        }
        all
    }

    pub(crate) fn get(&self, number: BatchNumber) -> Option<&Batch> {
        self.by_number.get(&number)
    }

    /// The batch operation with this id; none if there is none.
    ///
    /// # Errors
    ///
    /// When it is damaged.
    pub(crate) fn find(&self, namespace: &str, job_id: &str) -> Result<Option<(BatchNumber, &Batch)>, Error> {
        let key = (namespace.to_owned(), job_id.to_owned());
        if let Some((_, reason)) = self.damaged.get(&key) {
            return Err(Error::DamagedBatch { id: key.1, reason: reason.clone() });
        }
        let number = self.by_id.get(&key).copied();
        Ok(number.and_then(|number| Some((number, self.by_number.get(&number)?))))
    }

    /// Those of a namespace before a number, the latest first.
    pub(crate) fn before(
        &self,
        namespace: &str,
        number: BatchNumber,
    ) -> impl Iterator<Item = (BatchNumber, &Batch)> {
        let earlier = self.by_number.range(..number).rev();
        earlier
            .filter(move |(_, batch)| batch.identity.namespace == namespace)
            .map(|(number, batch)| (*number, batch))
    }

    /// Those that have something to do, the earliest first.
    pub(crate) fn with_work(&self) -> impl Iterator<Item = BatchNumber> {
        self.by_number.iter().filter(|(_, batch)| batch.has_work()).map(|(number, _)| *number)
    }

    /// The first that ended before a time, which `expiry` says of each namespace.
    pub(crate) fn expired(&self, expiry: impl Fn(&str) -> Time) -> Option<BatchNumber> {
        let is_old = |batch: &Batch| {
            let closed = batch.progress.close_time.map(Time::from);
            !batch.has_work() && closed.is_some_and(|closed| closed < expiry(&batch.identity.namespace))
        };
        self.by_number.iter().find(|(_, batch)| is_old(batch)).map(|(number, _)| *number)
    }

    /// The numbers of those of a namespace, damaged ones too.
    pub(crate) fn numbers(&self, namespace: &str) -> Vec<BatchNumber> {
        let damaged = self.damaged.iter().filter(|((of, _), _)| of == namespace);
        let damaged = damaged.map(|(_, (number, _))| *number);
        self.before(namespace, BatchNumber::MAX).map(|(number, _)| number).chain(damaged).collect()
    }

    /// The number that the next one gets.
    pub(crate) fn next_number(&self) -> BatchNumber {
        self.next_number
    }

    /// One was started or got on.
    pub(crate) fn set(&mut self, number: BatchNumber, batch: Batch) {
        self.next_number = self.next_number.max(number + 1);
        let BatchIdentity { namespace, job_id, uid: _ } = batch.identity.clone();
        self.by_id.insert((namespace, job_id), number);
        self.by_number.insert(number, batch);
    }

    /// One is forgotten.
    pub(crate) fn remove(&mut self, number: BatchNumber) -> Option<Batch> {
        self.damaged.retain(|_, (damaged, _)| *damaged != number);
        let batch = self.by_number.remove(&number)?;
        let BatchIdentity { namespace, job_id, uid: _ } = batch.identity.clone();
        self.by_id.remove(&(namespace, job_id));
        Some(batch)
    }
}
