//! How much the counts speak against "new behaves as legacy does". Exact, and to be looked at as often as anybody likes.
//!
//! Each figure is an *e-value*: what a fair bet against that claim would have made of a stake of 1. If the claim is true, the
//! chance that it ever exceeds 1/α is at most α, however often one looks (Ville's inequality), so a gate that is asked every minute
//! needs no correction. A weighted mean of such bets is one again.

/// Which shares of the decided cases are bet on, and with which part of the stake: a clear bug is found soon, a faint one at all.
const SHARES: [(f64, f64); 5] = [(0.55, 0.1), (0.65, 0.1), (0.75, 0.1), (0.9, 0.2), (1.0, 0.5)];
/// How much of what is there is put on "it stays each time", and with which part of the stake.
const STAKES: [(f64, f64); 3] = [(0.02, 0.2), (0.1, 0.3), (0.5, 0.5)];

/// Of two equally likely outcomes the one came `against` times, the other `for_it` times.
pub fn sign(against: u64, for_it: u64) -> f64 {
    let bet = |share: f64| power(2.0 * share, against) * power(2.0 * (1.0 - share), for_it);
    SHARES.iter().map(|(share, stake)| stake * bet(*share)).sum()
}

/// Something that happens with a probability of `chance` at most happened `cases` times `among` so many.
pub fn rare(cases: u64, among: u64, chance: f64) -> f64 {
    let others = among.saturating_sub(cases);
    let bet = |stake: f64| power(1.0 - stake + stake / chance, cases) * power(1.0 - stake, others);
    STAKES.iter().map(|(stake, part)| part * bet(*stake)).sum()
}

/// Bounded, so that products and sums of them are numbers.
fn power(base: f64, exponent: u64) -> f64 {
    const HIGHEST: f64 = 1e100;
    if exponent == 0 {
        return 1.0;
    }
    (base.ln() * exponent as f64).exp().min(HIGHEST)
}

/// The probability of so many cases or more, each being one with probability `share`: exact.
pub fn at_least(cases: u64, among: u64, share: f64) -> f64 {
    if cases == 0 {
        return 1.0;
    }
    if cases > among {
        return 0.0;
    }
    // From the term of `cases` upwards, each by the ratio to the one before.
    let mut term = ln_choose(among, cases) + cases as f64 * share.ln() + (among - cases) as f64 * (1.0 - share).ln();
    let mut sum = term.exp();
    for k in cases..among {
        term += ((among - k) as f64 / (k + 1) as f64).ln() + (share / (1.0 - share)).ln();
        sum += term.exp();
    }
    sum.min(1.0)
}

fn ln_choose(n: u64, k: u64) -> f64 {
    let k = k.min(n - k);
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}
