//! Places a session on a line of 10,000 buckets: sticky, stateless, the same on every door.
//!
//! `new` cuts its share from the low end and the mirror from the high end, so that a small canary and a small mirror do
//! not pick the same sessions.

use serde::Serialize;

/// A session's place on the line: 0 to 9,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Bucket(u16);

impl Bucket {
    pub const COUNT: u16 = 10_000;

    /// `hash64(salt, key) mod 10,000`, the hash being XXH3 with 64 bits.
    pub fn of(salt: &str, key: &[u8]) -> Self {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(salt.as_bytes());
        hash.update(&[0]);
        hash.update(key);
        Self((hash.digest() % u64::from(Self::COUNT)) as u16)
    }

    pub fn index(self) -> u16 {
        self.0
    }
}

/// A share of the sessions in hundredths of a percent: 0 (none) to 10,000 (all).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Share(u16);

impl Share {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(Bucket::COUNT);

    /// From a percentage of 0 to 100; `None` outside of it.
    pub fn from_percent(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then(|| Self((percent * 100.0).round() as u16))
    }

    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Whether the bucket lies in the share cut from the low end.
    pub fn holds_low(self, bucket: Bucket) -> bool {
        bucket.0 < self.0
    }

    /// Whether the bucket lies in the share cut from the high end.
    pub fn holds_high(self, bucket: Bucket) -> bool {
        bucket.0 >= Bucket::COUNT - self.0
    }
}
