//! Counters and histograms for the request path: one or two relaxed atomic adds each, no lock, no look-up by label.
//!
//! What they are called and how they are printed is [`super::exposition`]'s business. Numbers are read while others add:
//! a reading is exact per number, not across numbers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters under keys that are met as requests come (status codes, reasons): a list that only grows at its end.
///
/// A route answers with a handful of keys, so the walk ends after a step or two; its length is bounded by the number of
/// possible keys.
#[derive(Debug)]
pub struct Counters<K> {
    first: OnceLock<Box<Node<K>>>,
}

#[derive(Debug)]
struct Node<K> {
    key: K,
    count: AtomicU64,
    next: OnceLock<Box<Node<K>>>,
}

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self { first: OnceLock::new() }
    }
}

impl<K: Copy + Eq> Counters<K> {
    pub fn add(&self, key: K) {
        let mut place = &self.first;
        loop {
            let node = place.get_or_init(|| Box::new(Node { key, count: AtomicU64::new(0), next: OnceLock::new() }));
            if node.key == key {
                node.count.fetch_add(1, Ordering::Relaxed);
                return;
            }
            place = &node.next;
        }
    }

    /// Every key met so far, in the order they were first met.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        std::iter::successors(self.first.get(), |node| node.next.get())
            .map(|node| (node.key, node.count.load(Ordering::Relaxed)))
    }

    /// The sum over the keys that `wanted` accepts.
    pub fn sum(&self, wanted: impl Fn(K) -> bool) -> u64 {
        self.iter().filter(|(key, _)| wanted(*key)).map(|(_, count)| count).sum()
    }
}

/// Upper bounds of request durations: from a cached page on loopback to the longest check known (a minute).
pub const DURATION_BOUNDS: &[Duration] = &[
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// Upper bounds of the time spent in the door itself: some tens of microseconds when all is well.
pub const OVERHEAD_BOUNDS: &[Duration] = &[
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_secs(1),
];

/// Durations by upper bound. The number of observations is the sum of the buckets, so an observation is two adds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// One per bound, and one for what is above the last.
    buckets: Box<[AtomicU64]>,
    total_nanos: AtomicU64,
}

/// What a [`Histogram`] held at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Upper bound and number of observations at or below it.
    pub cumulative: Vec<(Duration, u64)>,
    pub count: u64,
    pub total: Duration,
}

impl Histogram {
    pub fn new(bounds: &'static [Duration]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, total_nanos: AtomicU64::new(0) }
    }

    pub fn observe(&self, took: Duration) {
        let at = self.bounds.partition_point(|bound| *bound < took);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        // 584 years of summed time fit.
        self.total_nanos.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.load(Ordering::Relaxed) == 0)
    }

    pub fn observed(&self) -> Observed {
        let mut count = 0;
        let mut cumulative = Vec::with_capacity(self.bounds.len());
        for (index, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(bound) = self.bounds.get(index) {
                cumulative.push((*bound, count));
            }
        }
        Observed { cumulative, count, total: Duration::from_nanos(self.total_nanos.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_counted_apart_and_in_the_order_they_were_met() {
        let counters = Counters::default();
        for key in [200_u16, 404, 200, 500, 200, 404] {
            counters.add(key);
        }
        assert_eq!(counters.iter().collect::<Vec<_>>(), [(200, 3), (404, 2), (500, 1)]);
        assert_eq!(counters.sum(|code| code >= 400), 3);
    }

    #[test]
    fn nothing_is_lost_when_threads_meet_the_same_new_keys() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..40_000_u32).for_each(|turn| counters.add(turn % 7)));
            }
        });
        assert_eq!(counters.iter().count(), 7);
        assert_eq!(counters.sum(|_| true), 160_000);
    }

    #[test]
    fn an_observation_falls_under_the_first_bound_that_holds_it() {
        let histogram = Histogram::new(DURATION_BOUNDS);
        for took in [Duration::ZERO, Duration::from_micros(100), Duration::from_micros(101), Duration::from_secs(61)] {
            histogram.observe(took);
        }
        let observed = histogram.observed();
        assert_eq!(observed.cumulative[0], (Duration::from_micros(100), 2));
        assert_eq!(observed.cumulative[1], (Duration::from_micros(250), 3));
        assert_eq!(observed.cumulative.last().unwrap().1, 3);
        assert_eq!(observed.count, 4);
        assert_eq!(observed.total, Duration::from_secs(61) + Duration::from_micros(201));
    }

    #[test]
    fn bounds_rise() {
        assert!(DURATION_BOUNDS.is_sorted() && OVERHEAD_BOUNDS.is_sorted());
    }
}
