//! Whether two values mean the same: decided by going through both, without a word to anybody.

use super::likeness::meaning;
use super::number;
use super::string;
use super::tape::{Kind as Json, MOST_REMEMBERED, REMEMBERED_FROM};
use super::walk::Walk;

/// Steps for each value that is compared by meaning: of [`MAX_WORK`](crate::diff::sink::MAX_WORK).
const COMPARED: usize = 8;

/// Bytes of two values that are compared as they stand in one step: plain, and with escapes.
const BYTES_PER_STEP: usize = 256;
const ESCAPED_PER_STEP: usize = 8;

impl Walk<'_, '_, '_, '_> {
    /// Spends the work of what was compared.
    pub(super) fn afford_compared(&mut self) -> bool {
        let looked = self.old.looked() + self.new.looked();
        self.afford(looked * COMPARED)
    }

    /// Whether two values are the same but for spelling and the order of members. Says nothing to anybody.
    pub(super) fn means_the_same(&mut self, x: usize, y: usize) -> bool {
        let (old, new) = (self.old, self.new);
        let kind = old.kind(x);
        let length = old.length(x);
        old.look(1 + length / if old.is_escaped(x) { ESCAPED_PER_STEP } else { BYTES_PER_STEP });
        if kind != new.kind(y) {
            return false;
        }
        let is_kept = matches!(kind, Json::Array | Json::Object) && length >= REMEMBERED_FROM;
        if is_kept && let Some(known) = self.is_known(x, y) {
            return known;
        }
        let same = old.slice(x) == new.slice(y) || self.means_the_same_within(x, y);
        if is_kept && self.known.len() < MOST_REMEMBERED {
            self.known.insert(x as u32, (y as u32, same));
        }
        same
    }

    fn means_the_same_within(&mut self, x: usize, y: usize) -> bool {
        let (old, new) = (self.old, self.new);
        match old.kind(x) {
            Json::String => string::same(old.string(x), new.string(y)).is_some(),
            Json::Number => {
                number::exact(old.slice(x)).equals(&number::exact(new.slice(y)))
                    || number::same_double(old.slice(x), new.slice(y))
            }
            Json::Array => {
                let (mut left, mut right) = (old.elements(x), new.elements(y));
                loop {
                    match (left.next(), right.next()) {
                        (None, None) => return true,
                        (Some(x), Some(y)) if self.means_the_same(x, y) => {}
                        _ => return false,
                    }
                }
            }
            Json::Object => {
                let (mut left, mut right) = (old.members(x), new.members(y));
                loop {
                    match (left.next(), right.next()) {
                        (None, None) => return true,
                        (Some((key, x)), Some((other, y))) if key.text == other.text => {
                            if !self.means_the_same(x, y) {
                                return false;
                            }
                        }
                        (Some(_), Some(_)) => return meaning(old, x) == meaning(new, y),
                        _ => return false,
                    }
                }
            }
            _ => false,
        }
    }
}
