//! Hash maps whose keys are the operator's: looked up by requests, never filled by them.
//!
//! The standard hash is slow because it resists keys that somebody chose to collide. Here nobody can: a request can miss,
//! but what it could collide with is fixed by the config.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A key of bytes that nearly always lies in the map itself: one block of memory less to wait for.
pub type Bytes = SmallVec<[u8; 36]>;

pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

#[derive(Debug, Default, Clone, Copy)]
pub struct FastHasher(u64);

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// Lengths, which slices put before their bytes: XXH3 sees them anyway.
    fn write_usize(&mut self, length: usize) {
        self.0 ^= length as u64;
    }

    /// The number of a node.
    fn write_u32(&mut self, number: u32) {
        self.write(&number.to_ne_bytes());
    }

    /// The end mark of a `str`: no key is the beginning of another here, keys are hashed alone.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
