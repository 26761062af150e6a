//! Places a session on a line of 10,000 buckets: sticky, stateless, the same on every door.
//!
//! `new` cuts its share from the low end and the mirror from the high end, so that a small canary and a small mirror do
//! not pick the same sessions. Because a share is an interval that starts at an end, raising it only adds sessions and
//! lowering it only removes them. What a share means for a route is [`super::stage`]'s business.

use serde::{Serialize, Serializer};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

/// A session's place on the line: 0 to 9,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Bucket(u16);

/// Salt and key of nearly every session fit on the stack: a name and a cookie's value.
const INLINE_BYTES: usize = 256;

impl Bucket {
    pub const COUNT: u16 = 10_000;

    /// `hash64(salt, 0, key) mod 10,000`, the hash being XXH3 with 64 bits and no seed.
    ///
    /// This function is a promise to every session that was ever placed: another hash would move them all at once. The
    /// known answers in the tests hold it.
    pub fn of(salt: &str, key: &[u8]) -> Self {
        let mut line = SmallVec::<[u8; INLINE_BYTES]>::new();
        line.extend_from_slice(salt.as_bytes());
        line.push(0);
        line.extend_from_slice(key);
        Self((xxh3_64(&line) % u64::from(Self::COUNT)) as u16)
    }

    /// The bucket with this index; `None` from 10,000 on.
    pub fn from_index(index: u16) -> Option<Self> {
        (index < Self::COUNT).then_some(Self(index))
    }

    pub fn index(self) -> u16 {
        self.0
    }
}

/// A share of the sessions in hundredths of a percent: 0 (none) to 10,000 (all). Serialized as a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u16);

impl Share {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(Bucket::COUNT);

    /// From a percentage of 0 to 100, rounded to hundredths; `None` outside of it, or if it is not a number.
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

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.percent())
    }
}

#[cfg(test)]
mod tests;
