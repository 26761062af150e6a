//! A latency histogram of fixed, logarithmic buckets: small, mergeable, good to 5 %.

use std::collections::BTreeMap;
use std::time::Duration;

/// Buckets per doubling: a bucket is 2^(1/8) ≈ 9 % wide, its middle at most 4.5 % off.
const PER_DOUBLING: f64 = 8.0;
/// Everything below is one bucket: 16 µs says "at once" for an HTTP answer.
const FLOOR_MICROS: f64 = 16.0;
/// 16 µs × 2^(200/8) ≈ 9 minutes; longer is counted here.
const LAST_BUCKET: u8 = 200;

/// How often which latency was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    counts: BTreeMap<u8, u64>,
}

impl Sketch {
    pub fn add(&mut self, latency: Duration) {
        *self.counts.entry(bucket(latency)).or_default() += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The latency below which `share` (0 to 1) of the answers lie, in milliseconds; `None`: nothing was seen.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut passed = 0;
        for (bucket, count) in &self.counts {
            passed += count;
            if passed >= wanted {
                return Some(middle_ms(*bucket));
            }
        }
        None
    }

    /// Bucket and count in turns, counts as LEB128: some tens of bytes for a minute of a route.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.counts.len() * 3);
        for (bucket, count) in &self.counts {
            bytes.push(*bucket);
            let mut left = *count;
            while left >= 0x80 {
                bytes.push((left as u8) | 0x80);
                left >>= 7;
            }
            bytes.push(left as u8);
        }
        bytes
    }

    /// `None`: these bytes are not a sketch.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut counts = BTreeMap::new();
        let mut bytes = bytes.iter();
        while let Some(bucket) = bytes.next() {
            let mut count: u64 = 0;
            let mut shift = 0;
            loop {
                let byte = *bytes.next()?;
                count |= u64::from(byte & 0x7f).checked_shl(shift)?;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            counts.insert(*bucket, count);
        }
        Some(Self { counts })
    }
}

fn bucket(latency: Duration) -> u8 {
    let doublings = (latency.as_secs_f64() * 1e6 / FLOOR_MICROS).max(1.0).log2();
    (doublings * PER_DOUBLING).min(f64::from(LAST_BUCKET)) as u8
}

fn middle_ms(bucket: u8) -> f64 {
    FLOOR_MICROS / 1e3 * ((f64::from(bucket) + 0.5) / PER_DOUBLING).exp2()
}
