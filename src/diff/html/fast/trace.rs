//! How far two pages go in step, and where in them equality is in doubt.

use crate::diff::rules::Rule;

/// How far a proof went that failed.
#[derive(Debug)]
pub(in super::super) struct Trace {
    /// Which tags of the pages it began with.
    pub base: (u32, u32),
    /// Up to these places both pages have the same tags. Bytes.
    pub reached: (u32, u32),
    /// What was hidden up to there, each with its place in the control.
    log: Vec<(u32, Rule)>,
    /// Texts and tags up to there that nothing proves equal, each by its place in the control.
    doubts: Vec<u32>,
    /// How much may be in doubt before the pages are no longer taken to be in step, and where it was last undisturbed.
    credit: u32,
    calm: (u32, u32),
}

impl Trace {
    /// Nothing is known.
    pub const NOTHING: Self =
        Self { base: (0, 0), reached: (0, 0), log: Vec::new(), doubts: Vec::new(), credit: CREDIT, calm: (0, 0) };

    pub fn new() -> Self {
        Self::NOTHING
    }

    /// Begins anew, where so many tags have been.
    pub fn begin(&mut self, base: (u32, u32)) {
        let (mut log, mut doubts) = (std::mem::take(&mut self.log), std::mem::take(&mut self.doubts));
        log.clear();
        doubts.clear();
        *self = Self { base, log, doubts, ..Self::NOTHING };
    }

    /// Both pages are in step up to these places.
    pub fn reach(&mut self, old: u32, new: u32) {
        if self.log.len() >= MAX_LOG {
            return;
        }
        self.reached = (old, new);
        if self.is_calm() {
            self.calm = self.reached;
        } else {
            self.credit += 1;
        }
    }

    pub fn hides(&mut self, at: u32, rule: Rule) {
        if self.log.len() < MAX_LOG {
            self.log.push((at, rule));
        }
    }

    /// What stands here is not known to be equal. `None`: so much is not that something else must be held against it.
    pub fn doubt(&mut self, at: u32) -> Option<()> {
        self.credit = self.credit.checked_sub(PRICE)?;
        self.doubts.push(at);
        Some(())
    }

    /// Was nothing in doubt lately?
    pub fn is_calm(&self) -> bool {
        self.credit == CREDIT
    }

    pub fn is_certain(&self) -> bool {
        self.doubts.is_empty()
    }

    /// The pages are not in step any more: what was in doubt right before may not have been, either.
    pub fn part(&mut self) {
        if self.credit < CREDIT {
            self.reached = self.calm;
        }
    }

    /// Is something in doubt between these places of the control?
    pub fn is_in_doubt(&self, start: u32, end: u32) -> bool {
        let first = self.doubts.partition_point(|at| *at < start);
        self.doubts.get(first).is_some_and(|at| *at < end)
    }

    /// What was hidden between these places of the control: how often by each rule.
    pub fn hidden(&self, start: u32, end: u32) -> Vec<(Rule, u32)> {
        let mut hidden: Vec<(Rule, u32)> = Vec::new();
        let from = self.log.partition_point(|(at, _)| *at < start);
        for (_, rule) in self.log[from..].iter().take_while(|(at, _)| *at < end) {
            match hidden.iter_mut().find(|known| known.0 == *rule) {
                Some(known) => known.1 += 1,
                None => hidden.push((*rule, 1)),
            }
        }
        hidden
    }
}

/// What was hidden is told place by place up to here; behind it, nothing is known to be equal until all is.
const MAX_LOG: usize = 1 << 15;
/// A list that goes on one entry later is in doubt at nearly each text: so it is not taken for one that was changed throughout. A
/// doubt costs as much as a dozen tags in step bring.
const CREDIT: u32 = 64;
const PRICE: u32 = 12;
