//! How many tasks of a queue go to workers in a second, and of each fairness key.
//!
//! The algorithm is the generic cell rate algorithm, as in `service/matching/matcher_data.go` of Temporal's server: a
//! limiter has the time from which on the next task may go, at most a burst in the past.

use std::{collections::HashMap, sync::Arc, time::Duration};

use host_wire::temporal::api::{enums::v1::RateLimitSource as Source, taskqueue::v1::TaskQueueConfig};

use crate::{matching::rank::Rank, time::Time};

/// Tasks for a second that are as good as no limit. `defaultTaskDispatchRPS` of Temporal's server.
pub(crate) const UNLIMITED: f64 = 100_000.0;
/// What may go at once after a pause: the tasks of this time. `defaultBurstDuration`.
const BURST: Duration = Duration::from_secs(1);
/// Fairness keys whose times are kept. `matching.fairnessKeyRateLimitCacheSize`.
const KEYS: usize = 2_000;

/// The limits of a queue.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// Tasks for a second by UpdateTaskQueueConfig.
    of_queue: Option<f64>,
    /// The same by the last poll, where the configuration says nothing.
    of_worker: Option<f64>,
    whole: Option<Limiter>,
    of_keys: Option<OfKeys>,
}

/// The limit of each key.
#[derive(Debug)]
struct OfKeys {
    rate: f64,
    /// Of tasks without a key: that of the empty one.
    limiters: HashMap<Arc<str>, Limiter>,
}

impl Limits {
    /// Takes over a configuration.
    pub(crate) fn configure(&mut self, config: Option<&TaskQueueConfig>, now: Time) {
        let of_queue = config.and_then(|config| config.queue_rate_limit.as_ref()?.rate_limit);
        self.of_queue = of_queue.map(|limit| limit.requests_per_second.into());
        let of_keys = config.and_then(|config| config.fairness_keys_rate_limit_default.as_ref()?.rate_limit);
        self.of_keys = of_keys.map(|limit| {
            let rate = limit.requests_per_second.into();
            let mut limiters = self.of_keys.take().map(|of_keys| of_keys.limiters).unwrap_or_default();
            limiters.retain(|_, limiter| limiter.ready(now).is_none_or(|ready| ready > now.before(BURST)));
            #[expect(clippy::iter_over_hash_type, reason = "each key alone")]
            for limiter in limiters.values_mut() {
                limiter.set_rate(rate, now);
            }
            OfKeys { rate, limiters }
        });
        self.apply(now);
    }

    /// A worker polls, and says how many tasks it wants in a second.
    pub(crate) fn polled(&mut self, rate: Option<f64>, now: Time) {
        if self.of_worker != rate {
            self.of_worker = rate;
            self.apply(now);
        }
    }

    fn apply(&mut self, now: Time) {
        let (rate, source) = self.effective();
        match &mut self.whole {
            _ if source == Source::System => self.whole = None,
            Some(limiter) => limiter.set_rate(rate, now),
            None => self.whole = Some(Limiter::new(rate)),
        }
    }

    /// Tasks for a second, and who says so.
    pub(crate) fn effective(&self) -> (f64, Source) {
        match (self.of_queue, self.of_worker) {
            (Some(rate), _) if rate < UNLIMITED => (rate, Source::Api),
            (None, Some(rate)) if rate < UNLIMITED => (rate, Source::Worker),
            _ => (UNLIMITED, Source::System),
        }
    }

    /// Whether there is no limit.
    pub(crate) fn are_none(&self) -> bool {
        self.whole.is_none() && self.of_keys.is_none()
    }

    /// Whether no task may go, whatever its rank; from when on one may, or never.
    pub(crate) fn hold_back_all(&self, now: Time) -> Option<Option<Time>> {
        let ready = self.whole.as_ref()?.ready(now);
        (ready != Some(now)).then_some(ready)
    }

    /// From when on a task of this rank may go, as things are; never if nothing.
    pub(crate) fn ready(&self, rank: &Rank, now: Time) -> Option<Time> {
        let whole = self.whole.as_ref().map_or(Some(now), |limiter| limiter.ready(now))?;
        let Some(of_keys) = &self.of_keys else { return Some(whole) };
        let key = rank.fairness_key.as_deref().unwrap_or_default();
        let of_key = match of_keys.limiters.get(key) {
            Some(limiter) => limiter.ready(now)?,
            None => Limiter::new(of_keys.rate).ready(now)?,
        };
        Some(whole.max(of_key))
    }

    /// A task of this rank goes.
    pub(crate) fn take(&mut self, rank: &Rank, now: Time) {
        if let Some(whole) = &mut self.whole {
            whole.take(now, 1.0);
        }
        let Some(of_keys) = &mut self.of_keys else { return };
        if of_keys.limiters.len() >= KEYS {
            of_keys.limiters.retain(|_, limiter| limiter.ready(now).is_none_or(|ready| ready > now));
        }
        let key = rank.fairness_key.clone().unwrap_or_default();
        if of_keys.limiters.len() < KEYS || of_keys.limiters.contains_key(&key) {
            let rate = of_keys.rate;
            of_keys.limiters.entry(key).or_insert_with(|| Limiter::new(rate)).take(now, rank.weight);
        }
    }

    /// A task that was taken was no use.
    pub(crate) fn give_back(&mut self, rank: &Rank) {
        if let Some(whole) = &mut self.whole {
            whole.give_back(1.0);
        }
        let key = rank.fairness_key.as_deref().unwrap_or_default();
        let of_key = self.of_keys.as_mut().and_then(|of_keys| of_keys.limiters.get_mut(key));
        if let Some(of_key) = of_key {
            of_key.give_back(rank.weight);
        }
    }
}

/// A number of events for a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter {
    /// Nanoseconds between two; nothing if there are none at all.
    interval: Option<i64>,
    ready: Time,
}

impl Limiter {
    /// A limiter that lets go what a second has, at once.
    pub(crate) fn new(rate: f64) -> Self {
        Self { interval: interval(rate), ready: Time(i64::MIN / 2) }
    }

    /// From when on the next event may happen; never if nothing.
    pub(crate) fn ready(&self, now: Time) -> Option<Time> {
        self.interval.map(|_| self.ready.max(now))
    }

    /// An event happens, for which the interval is as much shorter as its weight is above 1.
    pub(crate) fn take(&mut self, now: Time, weight: f32) {
        if let Some(interval) = self.interval {
            let from = now.before(BURST).max(self.ready);
            self.ready = Time(from.0.saturating_add(weighted(interval, weight)));
        }
    }

    fn give_back(&mut self, weight: f32) {
        if let Some(interval) = self.interval {
            self.ready = Time(self.ready.0.saturating_sub(weighted(interval, weight)));
        }
    }

    /// Changes the rate. What was far in the future at a lower one comes nearer.
    fn set_rate(&mut self, rate: f64, now: Time) {
        self.interval = interval(rate);
        if let Some(interval) = self.interval {
            self.ready = self.ready.min(Time(now.after(BURST).0.saturating_add(interval)));
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn interval(rate: f64) -> Option<i64> {
    (rate > 0.0).then(|| (1e9 / rate) as i64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "saturates; to a nanosecond in years"
)]
fn weighted(interval: i64, weight: f32) -> i64 {
    (interval as f64 / f64::from(weight)) as i64
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::taskqueue::v1::{RateLimit, RateLimitConfig};

    use super::*;

    fn at(milliseconds: u64) -> Time {
        Time::default().after(Duration::from_secs(1_000_000)).after(Duration::from_millis(milliseconds))
    }

    fn config(queue: Option<f32>, keys: Option<f32>) -> TaskQueueConfig {
        let limit = |rate: Option<f32>| {
            let rate_limit = rate.map(|requests_per_second| RateLimit { requests_per_second });
            Some(RateLimitConfig { rate_limit, metadata: None })
        };
        TaskQueueConfig {
            queue_rate_limit: limit(queue),
            fairness_keys_rate_limit_default: limit(keys),
            ..TaskQueueConfig::default()
        }
    }

    fn rank(key: &str, weight: f32) -> Rank {
        Rank { fairness_key: Some(Arc::from(key)), weight, ..Rank::default() }
    }

    /// How many of a second's tries, one a millisecond, may go.
    fn goes(limits: &mut Limits, rank: &Rank, second: u64) -> usize {
        let tries = (0..1_000).map(|millisecond| at(1_000 * second + millisecond));
        tries
            .filter(|now| {
                let goes = limits.ready(rank, *now) == Some(*now);
                if goes {
                    limits.take(rank, *now);
                }
                goes
            })
            .count()
    }

    #[test]
    fn a_queue_has_its_rate_after_a_burst() {
        let mut limits = Limits::default();
        let any = Rank::default();
        limits.configure(Some(&config(Some(50.0), None)), at(0));
        assert_eq!(limits.effective(), (50.0, Source::Api));
        assert_eq!(goes(&mut limits, &any, 0), 100);
        assert_eq!(goes(&mut limits, &any, 1), 50);
        assert_eq!(goes(&mut limits, &any, 2), 50);
        // Paused, and released again.
        limits.configure(Some(&config(Some(0.0), None)), at(3_000));
        assert_eq!((goes(&mut limits, &any, 3), limits.ready(&any, at(3_000))), (0, None));
        limits.configure(Some(&config(Some(10.0), None)), at(4_000));
        assert!((10..=20).contains(&goes(&mut limits, &any, 4)));
        limits.configure(None, at(5_000));
        assert!(limits.are_none());
    }

    #[test]
    fn workers_ask_for_a_rate_where_the_configuration_has_none() {
        let mut limits = Limits::default();
        limits.polled(Some(5.0), at(0));
        assert_eq!(limits.effective(), (5.0, Source::Worker));
        limits.configure(Some(&config(Some(200_000.0), None)), at(0));
        assert_eq!(limits.effective(), (UNLIMITED, Source::System));
        limits.configure(Some(&config(Some(7.0), None)), at(0));
        assert_eq!(limits.effective(), (7.0, Source::Api));
        limits.configure(Some(&config(None, None)), at(0));
        assert_eq!(limits.effective(), (5.0, Source::Worker));
        limits.polled(None, at(0));
        assert!(limits.are_none());
    }

    #[test]
    fn each_key_has_its_rate_by_its_weight() {
        let mut limits = Limits::default();
        limits.configure(Some(&config(None, Some(10.0))), at(0));
        let (light, heavy) = (rank("light", 1.0), rank("heavy", 3.0));
        assert_eq!(goes(&mut limits, &light, 0), 20);
        assert_eq!(goes(&mut limits, &heavy, 0), 60);
        assert_eq!((goes(&mut limits, &light, 1), goes(&mut limits, &heavy, 1)), (10, 30));
        let before = limits.ready(&light, at(2_000));
        limits.take(&light, at(2_000));
        limits.give_back(&light);
        assert_eq!(limits.ready(&light, at(2_000)), before);
        for key in 0..10_000 {
            limits.take(&rank(&key.to_string(), 1.0), at(2_000));
        }
        assert!(limits.of_keys.unwrap().limiters.len() <= KEYS);
    }
}
