//! Thousands of routes, each with its noise and its bug, asked twenty thousand times: is the bug called, and nothing else?
//!
//! Answers are lists of numbers here and are compared by them: what is proven is the settling, the budget, the control sample and
//! the statistics. `SIMULATED_RUNS=N` makes N runs of each mix, and `--nocapture` prints the shares.
#![allow(clippy::unwrap_used)]

use std::thread;

use super::super::settle::Round;
use super::super::*;
use crate::diff::{Outcome, Severity};

const REQUESTS: u64 = 20_000;
/// What the config's defaults are.
const BUDGET: f64 = 0.1;
const SAMPLED: f64 = 0.01;
const WRONG: u64 = u64::MAX;

/// How a field behaves, on both stacks alike but where it says otherwise.
#[derive(Clone, Copy)]
enum Noise {
    /// In this share of the answers it is some number, else what it should be.
    Sometimes(f64),
    /// So, from the middle of the run on.
    SometimesLater(f64),
    /// One of so many values at random, in each answer.
    OneOf(u64),
    /// The number of the answer.
    Counter,
    /// In this share of the answers one other value, in the others what it should be.
    Flips(f64),
    /// Set order of new: another one in each of so many processes, and legacy's own.
    OrderOfNew(u64),
    /// Another number in each answer of new.
    NonceOfNew,
}

/// How new is wrong: in the field after the noisy ones, or in the first noisy one.
#[derive(Clone, Copy, Debug)]
enum Bug {
    None,
    /// The same requests always, in this share.
    Of(f64),
    /// Any answer, in this share.
    At(f64),
    /// The same requests always, in this share, since the deploy in the middle of the run.
    Deployed(f64),
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

/// Two stacks behind one route, and whose answers are asked first.
#[derive(Clone)]
struct Mix {
    noise: Vec<Noise>,
    bug: Bug,
    order: Order,
}

impl Mix {
    fn of(noise: Vec<Noise>, bug: Bug) -> Self {
        Self { noise, bug, order: Order::LegacyFirst }
    }
}

struct Site<'a> {
    mix: &'a Mix,
    chance: Chance,
    answers: u64,
    /// The run is past its middle.
    late: bool,
}

impl Site<'_> {
    fn round(&mut self, is_bugs: bool) -> Round<Vec<u64>> {
        (self.answer(false, is_bugs), self.answer(true, is_bugs))
    }

    fn answer(&mut self, is_new: bool, is_bugs: bool) -> Vec<u64> {
        self.answers += 1;
        let mut answer = Vec::with_capacity(self.mix.noise.len() + 1);
        for noise in &self.mix.noise {
            let said = self.noisy(*noise, is_new);
            answer.push(said);
        }
        let wrong = is_new
            && match self.mix.bug {
                Bug::At(share) => self.chance.is(share),
                _ => is_bugs,
            };
        match (wrong, self.mix.bug) {
            (true, Bug::InNoise(_)) => answer[0] = WRONG,
            (true, _) => answer.push(WRONG),
            (false, _) => answer.push(0),
        }
        answer.resize(self.mix.noise.len() + 1, 0);
        answer
    }

    fn noisy(&mut self, noise: Noise, is_new: bool) -> u64 {
        let odd = |chance: &mut Chance, share| if chance.is(share) { chance.next() } else { 0 };
        match noise {
            Noise::Sometimes(share) => odd(&mut self.chance, share),
            Noise::SometimesLater(share) => odd(&mut self.chance, if self.late { share } else { 0.0 }),
            Noise::OneOf(values) => self.chance.next() % values,
            Noise::Counter => self.answers,
            Noise::Flips(share) => u64::from(self.chance.is(share)),
            Noise::OrderOfNew(processes) if is_new => 1 + self.chance.next() % processes,
            Noise::NonceOfNew if is_new => self.chance.next(),
            Noise::OrderOfNew(_) | Noise::NonceOfNew => 0,
        }
    }

    fn is_bugs(&mut self) -> bool {
        match self.mix.bug {
            Bug::Of(share) | Bug::InNoise(share) => self.chance.is(share),
            Bug::Deployed(share) => self.late && self.chance.is(share),
            Bug::None | Bug::At(_) => false,
        }
    }
}

fn key(at: usize) -> FieldKey {
    FieldKey { path: format!("/{at}x"), sort: Sort::Value(Kind::Value) }
}

fn differing(keys: &[FieldKey], one: &[u64], other: &[u64]) -> Vec<FieldKey> {
    keys.iter().zip(one.iter().zip(other)).filter(|(_, (a, b))| a != b).map(|(key, _)| key.clone()).collect()
}

fn comparison(fields: &[FieldKey]) -> Comparison {
    let differences = fields.iter().map(|field| Difference {
        kind: Kind::Value,
        path: field.path.clone(),
        control: Some("1".to_owned()),
        candidate: Some("2".to_owned()),
        severity: Severity::High,
        rule: None,
        cause: None,
    });
    Comparison { outcome: Outcome::Mismatched, differences: differences.collect(), ..Comparison::default() }
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
        self.mismatched > self.noise_pairs || self.calls.values().any(Called::is_unsure)
    }
}

/// One route from its first request to its last, as the mirror goes about it.
struct Run<'a> {
    site: Site<'a>,
    keys: Vec<FieldKey>,
    ledger: Ledger,
    counts: Counts,
    mismatched: u64,
    asked: u64,
}

impl Run<'_> {
    fn request(&mut self) {
        let is_bugs = self.site.is_bugs();
        let first = self.site.round(is_bugs);
        self.ledger.copied(BUDGET, 0.0);
        let fields = if first.0 == first.1 { Vec::new() } else { differing(&self.keys, &first.0, &first.1) };
        if !fields.is_empty() {
            self.mismatch(&first, &fields, is_bugs);
        }
        if self.site.chance.is(SAMPLED) {
            self.sample(&first, &fields, is_bugs);
        }
    }

    fn mismatch(&mut self, first: &Round<Vec<u64>>, fields: &[FieldKey], is_bugs: bool) {
        self.mismatched += 1;
        let settlement = match self.ledger.plan(fields, 0.0) {
            Asking::Not => None,
            asking => Some(self.settle(first, fields, asking, is_bugs)),
        };
        let weighted: Vec<(FieldKey, u8)> = fields.iter().map(|field| (field.clone(), 1)).collect();
        let lead = self.ledger.lead(&weighted, settlement.as_ref());
        self.counts.add_pair(fields, lead, settlement.as_ref());
        if let Some(settlement) = &settlement {
            self.ledger.settled(settlement);
            self.ledger.ended(fields);
        }
    }

    fn settle(&mut self, first: &Round<Vec<u64>>, fields: &[FieldKey], asking: Asking, is_bugs: bool) -> Settlement {
        let again = self.site.round(is_bugs);
        let seen = |one: &Vec<u64>, other: &Vec<u64>| Seen::at(differing(&self.keys, one, other));
        let mut settled = Settlement::of(fields, self.site.mix.order, first, &again, seen);
        while asking == Asking::Deep && self.ledger.goes_on(&settled) {
            settled.again(first, &self.site.round(is_bugs), seen);
        }
        settled.deep = asking == Asking::Deep;
        self.asked += u64::from(settled.rounds);
        settled
    }

    fn sample(&mut self, first: &Round<Vec<u64>>, mismatched: &[FieldKey], is_bugs: bool) {
        let later = self.site.round(is_bugs);
        let legacy = comparison(&differing(&self.keys, &first.0, &later.0));
        let new = comparison(&differing(&self.keys, &first.1, &later.1));
        self.counts.add_control(&Control { legacy: &legacy, new: &new, mismatched, sampled: true });
        self.asked += 1;
    }
}

fn run(mix: &Mix, requests: u64, seed: u64) -> End {
    let mut run = Run {
        site: Site { mix, chance: Chance(seed), answers: 0, late: false },
        keys: (0..=mix.noise.len()).map(key).collect(),
        ledger: Ledger::new(0.0),
        counts: Counts::default(),
        mismatched: 0,
        asked: 0,
    };
    for at in 0..requests {
        run.site.late = at * 2 >= requests;
        run.request();
    }
    let calls = calls(&run.counts);
    End { mismatched: run.mismatched, noise_pairs: noise_pairs(&calls, run.mismatched), calls, asked: run.asked }
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

/// In each full run, whose build is slow; more of them prove more.
fn runs(usually: u64) -> u64 {
    std::env::var("SIMULATED_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(usually)
}

/// So many fields, each of which differs in this share of the pairs.
fn fields_differ(fields: usize, share: f64) -> Vec<Noise> {
    vec![Noise::Sometimes(1.0 - (1.0 - share).sqrt()); fields]
}

fn is_called(end: &End, mix: &Mix) -> bool {
    let at = if matches!(mix.bug, Bug::InNoise(_)) { 0 } else { mix.noise.len() };
    end.blocked() && end.calls.get(&key(at)).is_some_and(|called| called.call == Call::Real)
}

/// Runs whose bug was called, or that were blocked without one; what came out is printed.
fn told(name: &str, mix: &Mix, requests: u64, runs: u64) -> f64 {
    let is_told = |end: &End| if matches!(mix.bug, Bug::None) { end.blocked() } else { is_called(end, mix) };
    let share = share(runs, |seed| is_told(&run(mix, requests, seed)));
    let what = if matches!(mix.bug, Bug::None) { "blocked" } else { "called" };
    println!("{name}, {:?}, {requests} requests: {what} in {share:.1} % of {runs} runs", mix.bug);
    share
}

/// The share that runs may be off it by chance: three times what such shares usually are.
fn slack(wanted: f64, runs: u64) -> f64 {
    3.0 * (wanted * (100.0 - wanted) / runs as f64).sqrt()
}

fn is_mostly_called(name: &str, mix: &Mix, runs: u64) {
    let share = told(name, mix, REQUESTS, runs);
    assert!(share >= 95.0 - slack(95.0, runs), "{name}, {:?}: {share} % are called", mix.bug);
}

fn is_hardly_ever_blocked(name: &str, mix: &Mix, runs: u64) {
    let share = told(name, mix, REQUESTS, runs);
    assert!(share <= 1.0 + slack(1.0, runs), "{name}: {share} % of the runs are blocked");
}

/// Ten per cent of noise, in each way that can be meant.
fn ten_per_cent() -> Vec<(&'static str, Vec<Noise>)> {
    vec![
        ("a field differs in 10 % of the pairs", fields_differ(1, 0.1)),
        ("one of ten fields is always random", vec![Noise::OneOf(u64::MAX)]),
        ("10 fields differ in 1 % of the pairs each", fields_differ(10, 0.01)),
    ]
}

/// Hundreds of runs of what is promised.
#[test]
fn a_bug_in_a_thousandth_of_the_requests_is_called_beside_ten_per_cent_of_noise_and_else_nothing_is() {
    for (name, noise) in ten_per_cent() {
        let mix = |bug| Mix::of(noise.clone(), bug);
        is_hardly_ever_blocked(name, &mix(Bug::None), runs(40));
        is_mostly_called(name, &mix(Bug::Of(0.001)), runs(15));
        is_mostly_called(name, &mix(Bug::At(0.001)), runs(30));
    }
}

fn other_noise() -> Vec<(&'static str, Vec<Noise>)> {
    use Noise::*;
    vec![
        ("no noise", vec![]),
        ("1 % of the pairs", fields_differ(1, 0.01)),
        ("30 % of the pairs", fields_differ(1, 0.3)),
        ("60 % of the pairs", fields_differ(1, 0.6)),
        ("10 fields, 10 % each", fields_differ(10, 0.1)),
        ("40 fields, 0.1 % each", fields_differ(40, 0.001)),
        ("everything, 60 % each", fields_differ(6, 0.6)),
        ("two values", vec![OneOf(2); 3]),
        ("a rare other value", vec![Flips(0.05); 5]),
        ("always random", vec![OneOf(u64::MAX); 3]),
        ("counters", vec![Counter; 2]),
        ("a nonce of new", vec![NonceOfNew; 2]),
        ("order of a set in four processes", vec![OrderOfNew(4)]),
        ("order of a set in two processes", vec![OrderOfNew(2)]),
        ("noise that begins halfway", vec![SometimesLater(0.05); 3]),
        ("of everything a little", vec![Sometimes(0.05), OneOf(2), Counter, Flips(0.1), OrderOfNew(4), NonceOfNew]),
    ]
}

#[test]
fn stacks_that_are_noisy_alike_are_not_blocked() {
    for (name, noise) in other_noise() {
        let mix = Mix::of(noise, Bug::None);
        is_hardly_ever_blocked(name, &mix, runs(2));
        is_hardly_ever_blocked(name, &Mix { order: Order::NewFirst, ..mix.clone() }, runs(1));
        // The first two hundred are few to know noise by.
        let early = told(name, &mix, 200, runs(20));
        assert!(early <= 10.0 + slack(10.0, runs(20)), "{name}: {early} % are blocked early");
    }
}

#[test]
fn a_bug_in_a_thousandth_of_the_requests_is_called_beside_any_noise() {
    for (name, noise) in other_noise() {
        for bug in [Bug::Of(0.001), Bug::At(0.001), Bug::Deployed(0.001)] {
            is_mostly_called(name, &Mix::of(noise.clone(), bug), runs(1));
        }
    }
}

#[test]
fn a_bug_in_a_noisy_field_is_called() {
    for (name, noise, bug) in [
        ("10 % noise", fields_differ(1, 0.1), 0.001),
        ("30 % noise", fields_differ(1, 0.3), 0.005),
        ("60 % noise", fields_differ(1, 0.6), 0.02),
        ("two values", vec![Noise::OneOf(2)], 0.3),
        ("a rare other value", vec![Noise::Flips(0.05); 2], 0.005),
    ] {
        is_mostly_called(name, &Mix::of(noise, Bug::InNoise(bug)), runs(2));
    }
}

#[test]
fn new_that_answers_users_and_is_wrong_by_chance_is_called_by_the_control_sample() {
    let mix = Mix { order: Order::NewFirst, ..Mix::of(fields_differ(1, 0.1), Bug::At(0.1)) };
    is_mostly_called("new first", &mix, runs(3));
}

#[test]
fn the_other_backend_is_asked_little_more() {
    let noise = vec![Noise::Counter, Noise::OneOf(2)];
    for bug in [Bug::None, Bug::Of(0.001), Bug::Of(0.5), Bug::Of(1.0), Bug::At(0.5)] {
        let end = run(&Mix::of(noise.clone(), bug), REQUESTS, 1);
        let sampled = REQUESTS / 80;
        assert!(end.asked <= 200 + REQUESTS / 10 + sampled, "{bug:?}: {} more requests", end.asked);
    }
    let end = run(&Mix::of(noise, Bug::Of(0.001)), REQUESTS, 1);
    assert!(end.noise_pairs < end.mismatched && end.noise_pairs >= end.mismatched - REQUESTS / 100);
}
