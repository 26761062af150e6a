//! Which blocks of two pages are equal but for spelling, so that no tree needs to be built of what stands in them.
//!
//! The blocks ([`skeleton`]) that both pages have in step and without a doubt ([`fast`]) are equal; those behind are aligned by a hash
//! of their words and proven equal token by token. What is left, the differing parts and what leads to them, is all that
//! [`tree`](super::tree) reads. A page that is not regular has no blocks, and its whole tree is compared.

use super::align;
use super::attribute::Surroundings;
use super::dom::LeftOut;
use super::fast::{self, Proof, Trace};
use super::skeleton::{Begun, Block, Whole};
use super::tree::Cut;
use super::view;
use crate::diff::rules::{Rule, Rules};

/// Blocks that are equal, in the order of the pages.
#[derive(Debug, Default)]
pub(super) struct Elision {
    pub old: Vec<Cut>,
    pub new: Vec<Cut>,
    /// What was hidden inside, by the block's number.
    pub hidden: Vec<(u32, Rule, u32)>,
    /// How much of both pages is left. Bytes.
    pub left: usize,
    /// The blocks that were taken last: their name, and where they end.
    last: Option<(u64, u32, u32)>,
}

/// What is equal in two pages; `None`: too little to be worth it, or nobody can tell.
pub(super) fn survey(
    pages: (&str, &str),
    (trace, begun): (&Trace, Begun<'_>),
    around: &Surroundings,
    rules: &Rules,
) -> Option<Elision> {
    let selectors = rules.listed_selectors().next().is_some() || is_picky(rules);
    if selectors || !is_plain(rules, Rule::HtmlComments) {
        return None;
    }
    let styled = begun.is_styled();
    let (old, new) = begun.finish()?;
    let size = pages.0.len() + pages.1.len();
    let mut survey = Survey {
        pages,
        old: &old,
        new: &new,
        blocks: fast::Blocks::new(around, styled),
        rules,
        found: Elision { left: size, ..Elision::default() },
        budget: size * MAX_READINGS,
    };
    survey.children((0, old.len()), (0, new.len()), trace);
    // What moved was found in the order of the control.
    survey.found.new.sort_unstable_by_key(|cut| cut.start);
    (survey.found.left <= size / 4 * 3).then_some(survey.found)
}

/// How often a page may be read in search of equal blocks.
const MAX_READINGS: usize = 2;

/// Selectors that look into elements cannot be asked about what is left out.
fn is_picky(rules: &Rules) -> bool {
    let accepted = rules.accepted_selectors().map(|(_, text)| text);
    rules.ignored_selectors().chain(rules.scoped_selectors()).chain(accepted).any(|text| text.contains(":empty"))
}

fn is_plain(rules: &Rules, rule: Rule) -> bool {
    rules.is_on(rule) && !rules.is_scoped(rule) && !rules.is_sided(rule)
}

struct Survey<'s> {
    pages: (&'s str, &'s str),
    old: &'s [Block],
    new: &'s [Block],
    blocks: fast::Blocks<'s, 's>,
    rules: &'s Rules,
    found: Elision,
    /// Bytes that may still be read.
    budget: usize,
}

type Range = (usize, usize);

impl Survey<'_> {
    /// The blocks of two ranges stand for each other; `trace` tells how far both are in step.
    fn children(&mut self, old: Range, new: Range, trace: &Trace) {
        let (a, b) = (tops(self.old, old), tops(self.new, new));
        let in_step = a.iter().zip(&b).take_while(|(i, j)| in_step(&self.old[**i], &self.new[**j], trace)).count();
        for at in 0..in_step {
            self.in_step(a[at], b[at], trace);
        }
        let (a, b) = (&a[in_step..], &b[in_step..]);
        if a.is_empty() || b.is_empty() {
            return;
        }
        let named = |blocks: &[Block], tops: &[usize]| {
            tops.iter().map(|at| (blocks[*at].guide, blocks[*at].name)).collect::<Vec<(u64, u64)>>()
        };
        let partners = partners(&named(self.old, a), &named(self.new, b));
        for (x, partner) in a.iter().zip(partners) {
            match partner {
                Some(Partner::ByWords(y)) => self.likely(*x, b[y], trace),
                Some(Partner::ByPlace(y)) => self.descend(*x, b[y], trace),
                None => {}
            }
        }
    }

    fn descend(&mut self, x: usize, y: usize, trace: &Trace) {
        let (old, new) = (&self.old[x], &self.new[y]);
        if old.name == new.name {
            self.children((x + 1, old.after as usize), (y + 1, new.after as usize), trace);
        }
    }

    /// Two blocks of the same words.
    fn likely(&mut self, x: usize, y: usize, trace: &Trace) {
        let (old, new) = (&self.old[x], &self.new[y]);
        let starts_proven = old.start < trace.reached.0 && new.start < trace.reached.1;
        if old.whole == Whole::No || new.whole == Whole::No || starts_proven {
            return self.descend(x, y, trace);
        }
        let size = (old.end - old.start + new.end - new.start) as usize;
        let Some(budget) = self.budget.checked_sub(size) else { return };
        self.budget = budget;
        match self.blocks.prove((self.pages.0, old), (self.pages.1, new)) {
            Proof::Equal(hidden) => {
                let hidden: Vec<(Rule, u32)> = hidden.iter().map(|hiding| (hiding.rule, hiding.count)).collect();
                if !self.take(x, y, &hidden) {
                    self.descend(x, y, &Trace::NOTHING);
                }
            }
            Proof::Unknown(further, _) => self.descend(x, y, &further),
        }
    }

    /// Two blocks of the same tags.
    fn in_step(&mut self, x: usize, y: usize, trace: &Trace) {
        let (old, new) = (&self.old[x], &self.new[y]);
        let is_whole = old.whole == Whole::Yes && new.whole == Whole::Yes;
        if !is_whole || trace.is_in_doubt(old.start, old.end) || !self.take(x, y, &trace.hidden(old.start, old.end)) {
            self.descend(x, y, trace);
        }
    }

    /// Do two blocks follow the last ones that were taken, alike in name? Then they are left out together.
    fn goes_on(&self, old: &Block, new: &Block) -> bool {
        self.found.last.is_some_and(|(name, a, b)| {
            name == old.name && is_blank(self.pages.0, a, old.start) && is_blank(self.pages.1, b, new.start)
        })
    }

    fn begin(&mut self, old: &Block, new: &Block) -> u32 {
        let pair = u32::try_from(self.found.old.len()).unwrap_or(u32::MAX);
        let mark = LeftOut { pair, tags: old.tags, run: 1 };
        self.found.old.push(Cut { start: old.start, close: old.close, mark });
        self.found.new.push(Cut { start: new.start, close: new.close, mark });
        self.found.last = Some((old.name, old.end, new.end));
        pair
    }

    fn lengthen(&mut self, old: &Block, new: &Block) -> u32 {
        let mut pair = 0;
        for (cuts, close) in [(&mut self.found.old, old.close), (&mut self.found.new, new.close)] {
            let Some(cut) = cuts.last_mut() else { continue };
            cut.close = close;
            // Its own two stand in the run, too.
            cut.mark.tags = cut.mark.tags.saturating_add(old.tags + 2);
            cut.mark.run += 1;
            pair = cut.mark.pair;
        }
        self.found.last = Some((old.name, old.end, new.end));
        pair
    }

    /// `false`: what differs inside is hidden by a rule that is not in force everywhere.
    fn take(&mut self, x: usize, y: usize, hidden: &[(Rule, u32)]) -> bool {
        if hidden.iter().any(|(rule, _)| !is_plain(self.rules, *rule)) {
            return false;
        }
        let (old, new) = (&self.old[x], &self.new[y]);
        let pair = if self.goes_on(old, new) { self.lengthen(old, new) } else { self.begin(old, new) };
        self.found.hidden.extend(hidden.iter().map(|(rule, count)| (pair, *rule, *count)));
        self.found.left -= (old.close - old.inner + new.close - new.inner) as usize;
        true
    }
}

/// Does nothing but blanks stand between these places?
fn is_blank(page: &str, from: u32, to: u32) -> bool {
    page.get(from as usize..to as usize).is_some_and(|between| between.bytes().all(|c| view::is_blank(char::from(c))))
}

/// What a block is held against.
#[derive(Debug, Clone, Copy)]
enum Partner {
    /// The block of the same words.
    ByWords(usize),
    /// The block that stands in the same place, between blocks of the same words.
    ByPlace(usize),
}

/// For each of the one side its partner on the other: of the same words in order, then of the same words elsewhere, then by place
/// where the same elements are left on both sides. Each block as the hash of its words and its name.
fn partners(a: &[(u64, u64)], b: &[(u64, u64)]) -> Vec<Option<Partner>> {
    let guides = |blocks: &[(u64, u64)]| blocks.iter().map(|block| block.0).collect::<Vec<u64>>();
    let (named_a, named_b) = (a, b);
    let (a, b) = (guides(a), guides(b));
    let mut partners = vec![None; a.len()];
    let mut taken = vec![false; b.len()];
    let in_order = align::equal_ones(&a, &b);
    for (i, j) in &in_order {
        (partners[*i], taken[*j]) = (Some(Partner::ByWords(*j)), true);
    }
    let mut left: Vec<(u64, usize)> = b.iter().copied().zip(0..).filter(|(_, j)| !taken[*j]).collect();
    left.sort_unstable();
    for (i, guide) in a.iter().enumerate() {
        if partners[i].is_some() {
            continue;
        }
        let first = left.partition_point(|left| left.0 < *guide);
        let mut alike = left[first..].iter().take_while(|left| left.0 == *guide);
        if let (Some((_, j)), None) = (alike.next(), alike.next())
            && !taken[*j]
        {
            (partners[i], taken[*j]) = (Some(Partner::ByWords(*j)), true);
        }
    }
    let (mut i, mut j) = (0, 0);
    for (x, y) in in_order.into_iter().chain([(a.len(), b.len())]) {
        let free_a: Vec<usize> = (i..x).filter(|i| partners[*i].is_none()).collect();
        let free_b: Vec<usize> = (j..y).filter(|j| !taken[*j]).collect();
        let names = |free: &[usize], named: &[(u64, u64)]| free.iter().map(|at| named[*at].1).collect::<Vec<u64>>();
        if names(&free_a, named_a) == names(&free_b, named_b) {
            free_a.into_iter().zip(free_b).for_each(|(i, j)| partners[i] = Some(Partner::ByPlace(j)));
        }
        (i, j) = (x + 1, y + 1);
    }
    partners
}

/// Do two blocks stand for each other in pages that are in step?
fn in_step(old: &Block, new: &Block, trace: &Trace) -> bool {
    let place = |block: &Block, base: u32| (block.first.checked_sub(base), block.tags, block.name);
    old.end <= trace.reached.0
        && new.end <= trace.reached.1
        && old.first >= trace.base.0
        && place(old, trace.base.0) == place(new, trace.base.1)
}

/// The blocks of a range that stand in no other of it.
fn tops(blocks: &[Block], (start, end): Range) -> Vec<usize> {
    std::iter::successors(Some(start), |at| Some(blocks.get(*at)?.after as usize)).take_while(|at| *at < end).collect()
}
