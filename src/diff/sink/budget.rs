//! What comparing one pair may cost, in steps and in bytes: both are counted, so that the same pair ends the same way on any machine.

use super::Sink;

/// Steps of work per pair: about 50 ms on one core. A step is one comparison of something small.
pub const MAX_WORK: u64 = 20_000_000;

/// Steps for each difference that is told.
const TOLD: u64 = 200;

/// Bytes that comparing may take for each four bytes of the pair, so that all it takes stays below three times the pair; and what any
/// pair may take, however small.
const ROOM_PER_FOUR: usize = 11;
const ROOM_FLOOR: usize = 5 << 19;

/// What a pair has used up, and what is left.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    /// Steps so far.
    work: u64,
    /// Bytes that comparing may still take.
    room: usize,
    /// The least that was left of it.
    least_room: usize,
}

impl Default for Budget {
    /// Without a bound on bytes: [`Sink::weigh`] sets it, once the bodies are decoded.
    fn default() -> Self {
        Self { work: 0, room: usize::MAX, least_room: usize::MAX }
    }
}

impl Sink<'_> {
    /// Spends work; `false`: the pair has used up its budget, stop and report [`Kind::TooDifferent`](crate::diff::Kind::TooDifferent).
    #[must_use]
    #[inline]
    pub fn spend(&mut self, steps: usize) -> bool {
        self.budget.work = self.budget.work.saturating_add(steps as u64);
        self.budget.work <= MAX_WORK
    }

    /// Whether so much work is left, and as much again for what is found by it.
    pub fn has_left(&self, steps: usize) -> bool {
        self.budget.work.saturating_add(steps as u64 * 2) <= MAX_WORK
    }

    /// Spends what a difference costs that is told, whatever is left.
    pub(super) fn tells(&mut self) {
        self.budget.work = self.budget.work.saturating_add(TOLD);
    }

    /// Says what the decoded bodies weigh, and how much of that had to be made for it: the rest of the room is for comparing them.
    pub fn weigh(&mut self, pair: usize, made: usize) {
        self.budget.room = (pair / 4).saturating_mul(ROOM_PER_FOUR).saturating_sub(made).max(ROOM_FLOOR);
        self.budget.least_room = self.budget.room;
    }

    /// Bytes that comparing may still take; without [`Sink::weigh`], as many as there are.
    pub fn room(&self) -> usize {
        self.budget.room
    }

    /// Takes room; `false`: there is not as much, stop and report [`Kind::TooDifferent`](crate::diff::Kind::TooDifferent).
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        let left = self.budget.room.checked_sub(bytes);
        self.budget.room = left.unwrap_or(self.budget.room);
        self.budget.least_room = self.budget.least_room.min(self.budget.room);
        left.is_some()
    }

    /// Gives room back.
    pub fn let_go(&mut self, bytes: usize) {
        self.budget.room = self.budget.room.saturating_add(bytes);
    }

    /// The least that was left of the room.
    #[cfg(test)]
    pub fn least_room(&self) -> usize {
        self.budget.least_room
    }

    /// Steps of work so far.
    #[cfg(test)]
    pub fn work(&self) -> u64 {
        self.budget.work
    }
}
