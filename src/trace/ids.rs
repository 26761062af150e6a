//! Ids that nobody can foresee and no other door draws.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::context::{SpanId, TraceId};

/// Lots, 128 bits each: consecutive numbers behind a key that nobody knows.
#[derive(Debug)]
pub struct Lots {
    key: [u64; 2],
    drawn: AtomicU64,
}

impl Lots {
    /// From the system's randomness, by way of the keys of the standard library's hash maps.
    pub fn random() -> Self {
        Self { key: [1_u8, 2].map(|half| RandomState::new().hash_one(half)), drawn: AtomicU64::new(0) }
    }

    /// Two halves.
    pub fn draw(&self) -> (u64, u64) {
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        hasher.write_u64(self.drawn.fetch_add(1, Ordering::Relaxed));
        let drawn = hasher.finish128();
        (drawn.h1, drawn.h2)
    }

    pub fn trace(&self) -> TraceId {
        let (high, low) = self.draw();
        TraceId((u128::from(high) << 64 | u128::from(low.max(1))).to_be_bytes())
    }

    pub fn span(&self) -> SpanId {
        SpanId(self.draw().0.max(1).to_be_bytes())
    }
}
