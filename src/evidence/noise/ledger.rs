//! What is worth asking again: a budget in requests, and what is known of the fields of one route since the door started.
//!
//! A field of which little is known may use the last of the budget, one that is judged long since only what is left over.

use std::collections::HashMap;

use super::{FieldCounts, FieldKey, Settlement, What, call, settle};

/// Requests to each origin that need no copies before them: a quiet route's first mismatches are settled too.
const FREE: f64 = 200.0;
/// Per second, on top of the share of the copies.
const PER_SECOND: f64 = 1.0;
/// Pairs to be settled, after which a field stands back: enough is known of it, or on its way.
const WELL_KNOWN: u64 = 24;
/// Pairs of a field that are settled at one time: what comes of them decides whether more are worth it.
const AT_ONE_TIME: u64 = 4;
/// Pairs in which it has stayed each time, after which a field that legacy never varied in is a bug for certain.
const SURELY_STAYS: u64 = 3;
/// What a field that is judged long since leaves for the others.
const RESERVE: f64 = 100.0;
/// Of pairs that show nothing but long known bugs, one in so many is still asked again: bugs get mended.
const KNOWN_BUGS: u64 = 16;
/// Late answers wanted of a field that stays.
const LATE_WANTED: u64 = 3;
/// Seconds without asking after one of the two did not answer, doubled each time until both do: it has enough to do.
const PAUSE: f64 = 0.5;
const LONGEST_PAUSE: f64 = 60.0;
/// Fields kept in mind.
const MAX_FIELDS: usize = 1024;

/// How a mismatched pair is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    Not,
    Once,
    /// As long as it stays, [`settle::ROUNDS`] times.
    Deep,
}

#[derive(Debug, Clone)]
pub struct Ledger {
    fields: HashMap<FieldKey, Known>,
    /// Requests to each origin that may be sent now.
    left: f64,
    /// Seconds on the caller's clock.
    filled_at: f64,
    known_bugs: u64,
    /// Times in a row that one of the two did not answer.
    unanswered: i32,
    paused_until: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    counts: FieldCounts,
    /// Pairs that were to be settled, and those of them that still are.
    planned: u64,
    under_way: u64,
}

impl Ledger {
    /// `now`: seconds on any clock that does not go back.
    pub fn new(now: f64) -> Self {
        Self { fields: HashMap::new(), left: FREE, filled_at: now, known_bugs: 0, unanswered: 0, paused_until: now }
    }

    /// A copy was compared: the budget grows by its share (0 to 1).
    pub fn copied(&mut self, share: f64, now: f64) {
        let seconds = (now - self.filled_at).max(0.0);
        self.filled_at = now;
        self.left = (self.left + share + seconds * PER_SECOND).min(FREE);
    }

    /// One of the two did not answer when it was asked again.
    pub fn unanswered(&mut self, now: f64) {
        let pause = (PAUSE * 2_f64.powi(self.unanswered)).min(LONGEST_PAUSE);
        self.unanswered = (self.unanswered + 1).min(i32::from(u8::MAX));
        self.paused_until = self.paused_until.max(now + pause);
    }

    /// Both answered.
    pub fn answered(&mut self) {
        self.unanswered = 0;
    }

    /// Whether who was asked last left it at that.
    pub fn is_paused(&self, now: f64) -> bool {
        now < self.paused_until
    }

    /// How a pair that differs in these fields is to be asked again. The first round is paid for.
    pub fn plan(&mut self, fields: &[FieldKey], now: f64) -> Asking {
        if self.is_paused(now) {
            return Asking::Not;
        }
        let known = |field: &FieldKey| self.fields.get(field).copied().unwrap_or_default();
        if !fields.is_empty() && fields.iter().all(|field| known(field).under_way >= AT_ONE_TIME) {
            return Asking::Not;
        }
        let is_new = fields.iter().any(|field| known(field).planned < WELL_KNOWN);
        let only_bugs = fields.iter().all(|field| is_known_bug(&known(field).counts));
        let deep = fields.iter().any(|field| known(field).counts.get(What::Confirmed) < SURELY_STAYS);
        if only_bugs && !fields.is_empty() {
            self.known_bugs += 1;
            if !self.known_bugs.is_multiple_of(KNOWN_BUGS) {
                return Asking::Not;
            }
        }
        let reserve = if is_new { 0.0 } else { RESERVE };
        if self.left <= reserve || !self.pay() {
            return Asking::Not;
        }
        for field in fields {
            if let Some(known) = self.known(field) {
                known.planned += 1;
                known.under_way += 1;
            }
        }
        if deep { Asking::Deep } else { Asking::Once }
    }

    /// A pair that was to be asked again is counted, whether it was settled or not.
    pub fn ended(&mut self, fields: &[FieldKey]) {
        for field in fields {
            if let Some(known) = self.fields.get_mut(field) {
                known.under_way = known.under_way.saturating_sub(1);
            }
        }
    }

    /// Whether another round is worth it, for something stays of which it is not known that it does. It is paid for.
    pub fn goes_on(&mut self, settlement: &Settlement) -> bool {
        let sure = |field: &FieldKey| {
            self.fields.get(field).is_some_and(|known| known.counts.get(What::Confirmed) >= SURELY_STAYS)
        };
        let stays = |pattern: &settle::Pattern| *pattern == settle::Pattern::Stays;
        let unsure = settlement.patterns.iter().any(|(field, pattern)| stays(pattern) && !sure(field));
        settlement.is_open() && unsure && self.pay()
    }

    fn known(&mut self, field: &FieldKey) -> Option<&mut Known> {
        if self.fields.len() >= MAX_FIELDS && !self.fields.contains_key(field) {
            return None;
        }
        Some(self.fields.entry(field.clone()).or_default())
    }

    /// Pays for one more request to each origin, if it can be paid.
    pub fn pay(&mut self) -> bool {
        let can = self.left >= 1.0;
        self.left -= f64::from(u8::from(can));
        can
    }

    pub fn settled(&mut self, settlement: &Settlement) {
        for (field, pattern) in &settlement.patterns {
            if let Some(known) = self.known(field) {
                known.counts.add_pattern(field, *pattern, settlement);
            }
        }
    }

    /// Whether a pair in which something stayed each time is worth asking once more, a good while later. It is noted as asked.
    pub fn wants_late(&mut self, settlement: &Settlement) -> bool {
        if !settlement.stays() {
            return false;
        }
        let stayed = settlement.patterns.iter().filter(|(_, pattern)| **pattern == settle::Pattern::Stays);
        let mut wanted = false;
        for (field, _) in stayed {
            if let Some(known) = self.fields.get_mut(field)
                && known.counts.get(What::Late) < LATE_WANTED
            {
                known.counts.add(What::Late, 1);
                wanted = true;
            }
        }
        wanted && self.pay()
    }

    /// The field that a mismatched pair is counted under: one that speaks against new, before one of which nothing is known,
    /// before one that is known as noise; `fields` come with their weight.
    pub fn lead<'a>(&self, fields: &'a [(FieldKey, u8)], settlement: Option<&Settlement>) -> Option<&'a FieldKey> {
        let rank = |(field, weight): &&'a (FieldKey, u8)| {
            let pattern = settlement.and_then(|settlement| settlement.patterns.get(field));
            let known_noise = self.fields.get(field).is_some_and(|known| call::has_noise(&known.counts));
            let said = match pattern {
                Some(settle::Pattern::Stays) => 0,
                Some(settle::Pattern::NewVaries | settle::Pattern::OddNew) => 1,
                None => 2,
                Some(_) => 3,
            };
            (known_noise, said, u8::MAX - weight)
        };
        fields.iter().min_by_key(rank).map(|(field, _)| field)
    }
}

fn is_known_bug(counts: &FieldCounts) -> bool {
    !call::has_noise(counts) && counts.get(What::Confirmed) >= SURELY_STAYS
}
