//! Thousands of routes, each with its noise and its bug, asked twenty thousand times: is the bug called, and nothing else?
//!
//! Answers are lists of numbers here and are compared by them: what is proven is the settling, the budget and the statistics.
#![allow(clippy::unwrap_used)]

use std::thread;

use super::settle::Round;
use super::*;

/// How a field behaves, on both stacks alike.
#[derive(Clone, Copy)]
enum Noise {
    /// In this share of the answers it is some number, else what it should be.
    Sometimes(f64),
    /// One of so many values at random, in each answer.
    OneOf(u64),
    /// The number of the answer.
    Counter,
    /// In this share of the answers one other value, in the others what it should be.
    Flips(f64),
    /// Set order of new: another one in each of so many processes, and legacy's own.
    OrderOfNew(u64),
}

/// How new is wrong in the field after the noisy ones, or in the first noisy one.
#[derive(Clone, Copy)]
enum Bug {
    None,
    /// The same requests always, in this share.
    Of(f64),
    /// Any answer, in this share.
    At(f64),
    /// The same requests always, in a field that is noise.
    InNoise(f64),
}

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn is(&mut self, share: f64) -> bool {
        ((self.next() >> 11) as f64) < share * (1_u64 << 53) as f64
    }
}

struct Site {
    noise: Vec<Noise>,
    bug: Bug,
    chance: Chance,
    counter: u64,
}

const WRONG: u64 = u64::MAX;

impl Site {
    fn answer(&mut self, is_new: bool, is_bugs: bool) -> Vec<u64> {
        self.counter += 1;
        let mut answer = Vec::with_capacity(self.noise.len() + 1);
        for noise in &self.noise {
            let random = self.chance.next();
            answer.push(match *noise {
                Noise::Sometimes(share) => {
                    if self.chance.is(share) {
                        random
                    } else {
                        0
                    }
                }
                Noise::OneOf(values) => random % values,
                Noise::Counter => self.counter,
                Noise::Flips(share) => u64::from(self.chance.is(share)),
                Noise::OrderOfNew(processes) => {
                    if is_new {
                        1 + random % processes
                    } else {
                        0
                    }
                }
            });
        }
        let wrong = match self.bug {
            Bug::At(share) => is_new && self.chance.is(share),
            _ => is_new && is_bugs,
        };
        if wrong && matches!(self.bug, Bug::InNoise(_)) {
            answer[0] = WRONG;
        }
        answer.push(if wrong && !matches!(self.bug, Bug::InNoise(_)) { WRONG } else { 0 });
        answer
    }
}

fn key(at: usize) -> FieldKey {
    FieldKey { path: format!("/{at}x"), sort: Sort::Value(Kind::Value) }
}

fn differing(one: &[u64], other: &[u64]) -> Vec<FieldKey> {
    one.iter().zip(other).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| key(at)).collect()
}

/// What a run of so many requests ended with.
struct End {
    mismatched: u64,
    noise_pairs: u64,
    calls: BTreeMap<FieldKey, Called>,
    asked: u64,
}

impl End {
    fn blocked(&self) -> bool {
        self.mismatched > self.noise_pairs
    }
}

fn run(noise: &[Noise], bug: Bug, requests: u64, seed: u64) -> End {
    let seen = |one: &Vec<u64>, other: &Vec<u64>| Seen::at(differing(one, other));
    let mut site = Site { noise: noise.to_vec(), bug, chance: Chance(seed), counter: 0 };
    let mut ledger = Ledger::new(0.0);
    let mut counts = Counts::default();
    let (mut mismatched, mut asked) = (0, 0);
    for _ in 0..requests {
        let is_bugs = match bug {
            Bug::Of(share) | Bug::InNoise(share) => site.chance.is(share),
            _ => false,
        };
        let first: Round<Vec<u64>> = (site.answer(false, is_bugs), site.answer(true, is_bugs));
        ledger.copied(0.1, 0.0);
        let fields = differing(&first.0, &first.1);
        if fields.is_empty() {
            continue;
        }
        mismatched += 1;
        let asking = ledger.plan(&fields, 0.0);
        let settlement = (asking != Asking::Not).then(|| {
            let again = (site.answer(false, is_bugs), site.answer(true, is_bugs));
            let mut settled = Settlement::of(&fields, Order::LegacyFirst, &first, &again, seen);
            while asking == Asking::Deep && settled.is_open() && ledger.pay() {
                let again = (site.answer(false, is_bugs), site.answer(true, is_bugs));
                settled.again(&first, &again, seen);
            }
            settled.deep = asking == Asking::Deep && !settled.is_open();
            asked += u64::from(settled.rounds);
            settled
        });
        let weighted: Vec<(FieldKey, u8)> = fields.iter().map(|field| (field.clone(), 1)).collect();
        let lead = ledger.lead(&weighted, settlement.as_ref());
        counts.add_pair(&fields, lead, settlement.as_ref());
        if let Some(settlement) = &settlement {
            ledger.settled(settlement);
        }
    }
    let calls = calls(&counts.fields);
    End { mismatched, noise_pairs: call::noise_pairs(&calls, mismatched), calls, asked }
}

/// Per cent of the seeded runs of which this is true.
fn share(runs: u64, is: impl Fn(u64) -> bool + Sync) -> f64 {
    let threads = thread::available_parallelism().map_or(2, usize::from) as u64;
    let count = |from: u64| (from..runs).step_by(threads as usize).filter(|seed| is(seed * 7919 + 1)).count();
    let hits: usize = thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|from| scope.spawn(move || count(from))).collect();
        parts.into_iter().map(|part| part.join().unwrap()).sum()
    });
    100.0 * hits as f64 / runs as f64
}

/// Noise that makes about ten per cent of the pairs, or of the fields, differ.
fn kinds_of_noise() -> Vec<(&'static str, Vec<Noise>)> {
    use Noise::*;
    vec![
        ("none", vec![]),
        ("a field in 10 % of the pairs", vec![Sometimes(0.05)]),
        ("10 fields in 1 % of the pairs each", vec![Sometimes(0.005); 10]),
        ("10 fields in 10 % of the pairs each", vec![Sometimes(0.05); 10]),
        ("half of the pairs", vec![Sometimes(0.3)]),
        ("two values", vec![OneOf(2); 3]),
        ("a rare other value", vec![Flips(0.05); 5]),
        ("always random", vec![OneOf(u64::MAX); 3]),
        ("counters", vec![Counter; 2]),
        ("order of a set in four processes", vec![OrderOfNew(4)]),
        ("order of a set in two processes", vec![OrderOfNew(2)]),
        (
            "of everything a little",
            vec![Sometimes(0.05), OneOf(2), Counter, OneOf(u64::MAX), Flips(0.1), OrderOfNew(4)],
        ),
    ]
}

const REQUESTS: u64 = 20_000;
/// In each full run, whose build is slow; `SIMULATED_RUNS=200` is what proves the shares, and takes minutes.
const RUNS: u64 = 3;

fn runs() -> u64 {
    std::env::var("SIMULATED_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

fn bugs_field(end: &End, noise: &[Noise]) -> bool {
    end.calls.get(&key(noise.len())).is_some_and(|called| called.call == Call::Real)
}

#[test]
fn stacks_that_are_noisy_alike_are_not_blocked() {
    for (name, noise) in kinds_of_noise() {
        for requests in [200, REQUESTS] {
            let blocked = share(runs(), |seed| run(&noise, Bug::None, requests, seed).blocked());
            println!("{name}, {requests} requests: {blocked} % blocked");
            // One unlucky run in few is no proof of more than a hundredth.
            let tolerated = if requests < REQUESTS { 15.0 } else { 1.0 + 100.0 / runs() as f64 };
            assert!(blocked <= tolerated, "{name}: {blocked} % of the runs are blocked");
        }
    }
}

#[test]
fn a_bug_in_a_thousandth_of_the_requests_is_called_beside_any_noise() {
    for (name, noise) in kinds_of_noise() {
        for (how, bug) in [("of", Bug::Of(0.001)), ("at", Bug::At(0.001))] {
            let called = share(runs(), |seed| {
                let end = run(&noise, bug, REQUESTS, seed);
                end.blocked() && bugs_field(&end, &noise)
            });
            println!("{name}, a bug {how} a thousandth: {called} % called");
            assert!(called >= 95.0 - 100.0 / runs() as f64, "{name}: {called} % are called");
        }
    }
}

#[test]
fn a_bug_in_a_noisy_field_is_called() {
    for (noise, share_of_bug) in [
        (vec![Noise::Sometimes(0.05)], 0.001),
        (vec![Noise::Sometimes(0.3)], 0.3),
        (vec![Noise::OneOf(2)], 0.3),
        (vec![Noise::Flips(0.05); 2], 0.01),
    ] {
        let called = share(runs(), |seed| {
            let end = run(&noise, Bug::InNoise(share_of_bug), REQUESTS, seed);
            end.blocked() && end.calls[&key(0)].call == Call::Real
        });
        println!("{called} % called");
        assert!(called >= 95.0 - 100.0 / runs() as f64, "{called} % are called");
    }
}

#[test]
fn the_other_backend_is_asked_little_more() {
    let end = run(&[Noise::Counter, Noise::OneOf(2)], Bug::Of(0.001), REQUESTS, 1);
    assert!(end.asked <= 200 + REQUESTS / 10, "{} more requests", end.asked);
    assert!(end.noise_pairs < end.mismatched && end.noise_pairs >= end.mismatched - REQUESTS / 100);
}
