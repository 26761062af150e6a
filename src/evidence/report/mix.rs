//! The mix of statuses and redirect targets: what legacy and new answered to the same requests, and whether that has changed.
//!
//! Frameworks turn errors into a redirect to the front page or into a page with status 200: an error rate does not see it, the mix
//! does. It is counted for every compared pair, so that it tells even where each single one was accepted or ignored. Two tests, both
//! of pairs: whether one outcome turns into another more often than the other way round (an exact sign test), and whether that
//! happens more often than before (a G-test). What legacy does as well is traffic, and in neither of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::evidence::tally::{Mix, Triage, untangled};

/// The chance of a false alarm below which an outcome is said to turn into another; shared by all that a route shows.
const ALPHA: f64 = 1e-3;
/// Pairs wanted before anything is said, on either side of a comparison over time.
const ENOUGH: u64 = 30;
/// Names told.
const MAX_TOLD: usize = 12;

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MixReport {
    /// The most frequent first.
    pub statuses: Vec<MixLine>,
    pub redirects: Vec<MixLine>,
    /// What legacy's outcome is with new, where it is another one; the most frequent first.
    pub turned: Vec<Turned>,
    /// Sentences with numbers; empty: none that chance does not explain.
    pub shifts: Vec<String>,
}

/// One status or redirect target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MixLine {
    /// `200`, or `/account/*`.
    pub what: String,
    pub legacy: u64,
    pub new: u64,
}

/// Pairs of which the two answers have different statuses or redirect targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turned {
    /// `404`, `302 /login`.
    pub legacy: String,
    pub new: String,
    pub pairs: u64,
    /// Whether chance does not explain it: the other way round it is rarer than a fair coin would have it.
    pub one_way: bool,
}

/// Counts of the stretch of time that is reported, cut at some moment.
#[derive(Debug, Clone, Default)]
pub struct Cut {
    pub before: Triage,
    pub after: Triage,
    /// When it was cut, as it is told.
    pub at: String,
}

impl Cut {
    /// Whether there is enough on both sides to compare them.
    pub fn tells(&self) -> bool {
        pairs(&self.before).min(pairs(&self.after)) >= ENOUGH
    }
}

/// What both answered within the stretch of time that is reported.
pub fn mix(now: &Triage, cut: &Cut) -> MixReport {
    let statuses = lines([&now.legacy, &now.new], |mix| {
        mix.statuses.iter().map(|(status, count)| (status.to_string(), *count)).collect()
    });
    let redirects = lines([&now.legacy, &now.new], |mix| mix.redirects.clone());
    let turned = turned(now);
    let mut shifts: Vec<String> = turned.iter().filter(|one| one.one_way).map(|one| told(one, pairs(now))).collect();
    shifts.extend(since(cut));
    MixReport { statuses, redirects, turned, shifts }
}

/// Compared pairs: each has a status of legacy's.
fn pairs(triage: &Triage) -> u64 {
    triage.legacy.total()
}

fn turned(now: &Triage) -> Vec<Turned> {
    let count = |one: &str, other: &str| {
        let same = now.turned.iter().filter(|(name, _)| untangled(name) == Some((one, other)));
        same.map(|(_, count)| *count).sum::<u64>()
    };
    let tests = now.turned.len().max(1) as f64;
    let is_enough = pairs(now) >= ENOUGH;
    let mut all: Vec<Turned> = Vec::new();
    for (name, pairs) in &now.turned {
        let Some((legacy, new)) = untangled(name) else { continue };
        let one_way = is_enough && sign_test(*pairs, count(new, legacy)) < ALPHA / tests;
        all.push(Turned { legacy: legacy.to_owned(), new: new.to_owned(), pairs: *pairs, one_way });
    }
    all.sort_by(|one, other| other.pairs.cmp(&one.pairs).then_with(|| one.legacy.cmp(&other.legacy)));
    all.truncate(MAX_TOLD);
    all
}

fn told(turned: &Turned, of: u64) -> String {
    let Turned { legacy, new, pairs, .. } = turned;
    format!("What is {legacy} with legacy is {new} with new: {pairs} of {of} requests ({}).", percent(*pairs, of))
}

/// What turns more often than before.
fn since(cut: &Cut) -> Vec<String> {
    if !cut.tells() {
        return Vec::new();
    }
    let totals = (pairs(&cut.before), pairs(&cut.after));
    let mut told: Vec<(u64, String)> = Vec::new();
    for (name, after) in &cut.after.turned {
        let before = cut.before.turned.get(name).copied().unwrap_or(0);
        let (Some((legacy, new)), true) = (untangled(name), more_often((before, *after), totals)) else { continue };
        let (old, now) = (percent(before, totals.0), percent(*after, totals.1));
        told.push((*after, format!("{legacy} to {new}: {old} of the requests before {}, {now} since.", cut.at)));
    }
    told.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    told.into_iter().take(MAX_TOLD).map(|(_, told)| told).collect()
}

fn lines(mixes: [&Mix; 2], names: impl Fn(&Mix) -> BTreeMap<String, u64>) -> Vec<MixLine> {
    let [legacy, new] = mixes.map(names);
    let all: BTreeSet<&String> = legacy.keys().chain(new.keys()).collect();
    let count = |of: &BTreeMap<String, u64>, what: &str| of.get(what).copied().unwrap_or(0);
    let line = |what: &String| MixLine { what: what.clone(), legacy: count(&legacy, what), new: count(&new, what) };
    let mut lines: Vec<MixLine> = all.into_iter().map(line).collect();
    lines.sort_by(|one, other| {
        let weight = |line: &MixLine| line.legacy + line.new;
        weight(other).cmp(&weight(one)).then_with(|| one.what.cmp(&other.what))
    });
    lines.truncate(MAX_TOLD);
    lines
}

fn percent(part: u64, whole: u64) -> String {
    let percent = if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
    if percent > 0.0 && percent < 0.1 { "under 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// The chance that a fair coin falls so often on one side, and so rarely on the other: Σ C(n, k) / 2ⁿ over k of `more` to n.
fn sign_test(more: u64, less: u64) -> f64 {
    if more <= less {
        return 1.0;
    }
    let all = more + less;
    // From C(n, n) = 1 downwards, each term of the sum from the one before it, as logarithms: 2⁻ⁿ is soon too small.
    let mut term = -(all as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for k in (more..=all).rev() {
        sum += term.exp();
        term += (k as f64 / (all - k + 1) as f64).ln();
    }
    sum.min(1.0)
}

/// Whether `counts.1` of `totals.1` is a larger share than `counts.0` of `totals.0`, beyond chance: a G-test of one degree of freedom.
fn more_often(counts: (u64, u64), totals: (u64, u64)) -> bool {
    let share = |count: u64, total: u64| count as f64 / total as f64;
    if share(counts.1, totals.1) <= share(counts.0, totals.0) {
        return false;
    }
    let all = (totals.0 + totals.1) as f64;
    let term = |observed: u64, column: u64, total: u64| {
        if observed == 0 {
            return 0.0;
        }
        observed as f64 * (observed as f64 * all / (column as f64 * total as f64)).ln()
    };
    let (there, elsewhere) = (counts.0 + counts.1, totals.0 + totals.1 - counts.0 - counts.1);
    let rest = (totals.0 - counts.0.min(totals.0), totals.1 - counts.1.min(totals.1));
    let g = 2.0
        * (term(counts.0, there, totals.0)
            + term(counts.1, there, totals.1)
            + term(rest.0, elsewhere, totals.0)
            + term(rest.1, elsewhere, totals.1));
    erfc((g / 2.0).max(0.0).sqrt()) < ALPHA
}

/// The complementary error function of what is not negative, to 1.2e-7 of its value: the Chebyshev fit of Numerical Recipes in C, section
/// 6.2.
fn erfc(x: f64) -> f64 {
    const TERMS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x);
    let polynomial = TERMS.iter().rev().fold(0.0, |sum, term| sum * t + term);
    t * (-x * x + polynomial).exp()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    type Answer = (u16, Option<&'static str>);

    fn answered(pairs: &[(Answer, Answer, u64)]) -> Triage {
        let mut triage = Triage::default();
        for (legacy, new, times) in pairs {
            (0..*times).for_each(|_| triage.add_answers(*legacy, *new));
        }
        triage
    }

    const OK: Answer = (200, None);
    const GONE: Answer = (404, None);
    const HOME: Answer = (302, Some("/"));

    fn shifts(pairs: &[(Answer, Answer, u64)]) -> Vec<String> {
        mix(&answered(pairs), &Cut::default()).shifts
    }

    #[test]
    fn the_tables_of_both_tests() {
        for (more, less, chance) in [(10, 0, 9.765_625e-4), (14, 6, 0.057_659), (60, 40, 0.028_444), (3, 3, 1.0)] {
            let found = sign_test(more, less);
            assert!((found / chance - 1.0).abs() < 1e-3, "{more} {less}: {found}");
        }
        assert!(sign_test(50_000, 0) == 0.0 && sign_test(5_000, 4_990) > 0.4);
        for (x, chance) in [(3.841_459, 0.05), (10.827_566, 0.001)] {
            assert!((erfc((x / 2.0_f64).sqrt()) / chance - 1.0).abs() < 1e-4, "{x}");
        }
    }

    #[test]
    fn errors_that_became_redirects_are_told() {
        let found = mix(&answered(&[(OK, OK, 85), (GONE, HOME, 15)]), &Cut::default());
        assert_eq!(found.shifts, ["What is 404 with legacy is 302 / with new: 15 of 100 requests (15.0 %)."]);
        let line = |what: &str, legacy, new| MixLine { what: what.to_owned(), legacy, new };
        assert_eq!(found.statuses, [line("200", 85, 85), line("302", 0, 15), line("404", 15, 0)]);
        assert_eq!(found.redirects, [line("/", 0, 15)]);
        assert_eq!(shifts(&[(OK, OK, 99_950), (GONE, HOME, 50)]).len(), 1, "rare and always the same way");
    }

    #[test]
    fn what_chance_explains_is_not() {
        let busy: Answer = (503, None);
        assert_eq!(
            shifts(&[(OK, OK, 900), (OK, busy, 24), (busy, OK, 19)]),
            Vec::<String>::new(),
            "either fails at times"
        );
        assert_eq!(shifts(&[(OK, OK, 900), (OK, busy, 5)]), Vec::<String>::new(), "five are too few");
        assert_eq!(shifts(&[(OK, OK, 10), (OK, busy, 15)]), Vec::<String>::new(), "of too few");
        assert_eq!(shifts(&[(OK, OK, 500), (GONE, GONE, 500)]), Vec::<String>::new(), "both alike");
    }

    #[test]
    fn what_began_is_told_and_traffic_is_not() {
        let at = "2026-11-21T12:00:00Z".to_owned();
        let (before, after) = (
            answered(&[(OK, OK, 990), (GONE, HOME, 1)]),
            answered(&[(OK, OK, 450), (GONE, HOME, 50), (GONE, GONE, 500)]),
        );
        let cut = Cut { before, after: after.clone(), at };
        let mut all = cut.before.clone();
        all.merge(&after);
        let found = mix(&all, &cut).shifts;
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1], "404 to 302 /: 0.1 % of the requests before 2026-11-21T12:00:00Z, 5.0 % since.");
        let calm = Cut { before: after, ..cut };
        assert_eq!(since(&calm), Vec::<String>::new(), "it has not become more");
    }
}
