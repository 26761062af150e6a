//! Pair → comparison → tally and sample.
//!
//! Comparing is done on the caller's thread; what comes of it is merged in memory, and a thread of its own writes it to the
//! store by the clock ([`writer`]). Nothing here waits for the disk but [`Recorder::flush`], and nothing wakes another thread.

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::fact::RouteFact;
use super::noise::{self, Control, FieldKey, Settlement};
use super::pair::{Pair, Unproven};
use super::redact::{Emails, Key, Redactor};
use super::sample::Sample;
use super::store::batch::{Batch, CauseKey, CauseSeen, NewSample, Reload};
use super::store::{Room, Store, StoreError, Waiting};
use super::tally::Compared;
use super::time::millis;
use crate::diff::{self, Comparison, Difference, Observation, Outcome};

mod admission;
mod backlog;
mod damage;
mod health;
mod keyed;
mod ledgers;
mod placed;
mod sessions;
mod takeover;
#[cfg(test)]
mod tests;
mod triage;
mod writer;

use admission::{Admission, Placed};
pub use backlog::{Backlog, Uncounted};
use damage::{Damage, Finder};
pub use health::{StoreHealth, StoreState};
use ledgers::Ledgers;
use sessions::Sessions;
use takeover::Awaited;

/// Reloads that wait for the store; each holds every route. Only a failing store lets them grow.
const MAX_RELOADS: usize = 32;
/// How long [`Recorder::flush`] waits for a writer that does not answer.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);
/// How long [`Recorder::close`] waits for it, and between two looks.
const CLOSE_PATIENCE: Duration = Duration::from_secs(15);
const CLOSE_LOOK: Duration = Duration::from_millis(5);

/// How a pair is compared: [`diff::compare`], but for tests.
type Compare = fn(&Pair) -> Comparison;

fn compare(pair: &Pair) -> Comparison {
    of_pair(pair, &pair.control, &pair.candidate)
}

/// Compares two answers to the request of a pair, by its rules and at its time.
fn of_pair(pair: &Pair, control: &Observation, candidate: &Observation) -> Comparison {
    let at = i64::try_from(millis(pair.at) / 1000).ok();
    diff::compare_at(at, &pair.request, control, candidate, &pair.rules)
}

/// Where the mirror's workers put what they saw. Never waits for the disk.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    /// Of this run of the door alone; never written.
    key: Key,
    compare: Compare,
    ledgers: Ledgers,
}

/// What the callers and the writer share. Every lock is held for a few map operations.
#[derive(Debug)]
struct Shared {
    pending: Mutex<Batch>,
    /// The newest one, for a store that begins anew.
    last_reload: Mutex<Option<Reload>>,
    admission: Mutex<Admission>,
    sessions: Mutex<Sessions>,
    health: Mutex<StoreHealth>,
    /// While something waits for a store that this door has not got, or has only just got.
    waiting: Mutex<Option<Waiting>>,
    damage: Damage,
    backlog: Arc<Backlog>,
    signal: Mutex<Signal>,
    changed: Condvar,
    room: Room,
    /// How long the store of the door before this one is waited for after the end.
    hand_over: Duration,
}

/// Flushes are numbered: a caller waits until the one that it asked for is done.
#[derive(Debug, Default)]
struct Signal {
    asked: u64,
    done: u64,
    stop: bool,
}

impl Shared {
    /// All that was counted is in the store.
    fn waits_no_more(&self) {
        if let Some(waiting) = self.waiting.lock().take() {
            waiting.end();
        }
    }

    /// A store that begins anew should know what is in force, whenever that was loaded.
    fn tell_routes_again(&self) {
        let mut pending = self.pending.lock();
        if pending.reloads.is_empty() {
            pending.reloads.extend(self.last_reload.lock().clone());
        }
    }
}

/// A cause that a pair shows, with the weightiest difference of it.
#[derive(Debug)]
struct Shown<'a> {
    key: CauseKey,
    place: Arc<str>,
    difference: &'a Difference,
}

impl Recorder {
    /// Without a store (it could not be opened) everything is still compared and counted in memory.
    pub fn new(store: Option<Store>) -> Self {
        Self::comparing(store, compare)
    }

    fn comparing(store: Option<Store>, compare: Compare) -> Self {
        let room = store.as_ref().map_or(Room::within(u64::MAX), Store::room);
        let admission = store.as_ref().and_then(|store| match store.known() {
            Ok((known, learned)) => Some(Admission::of(room.causes, known, learned)),
            Err(error) => {
                tracing::warn!("{error}; the causes it knows are sampled anew");
                None
            }
        });
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            last_reload: Mutex::default(),
            admission: Mutex::new(admission.unwrap_or_else(|| Admission::of_at_most(room.causes))),
            sessions: Mutex::default(),
            health: Mutex::new(StoreHealth::new(store.as_ref().map(Store::path))),
            waiting: Mutex::default(),
            damage: Damage::default(),
            backlog: Arc::default(),
            signal: Mutex::default(),
            changed: Condvar::new(),
            room,
            hand_over: Duration::ZERO,
        });
        let writer = store.and_then(|store| spawn_writer(&shared, store));
        Self { shared, writer, key: random_key(), compare, ledgers: Ledgers::default() }
    }

    /// With the store of the door before this one, which hangs up on `predecessor` when it ends: until then everything is counted in
    /// memory. Told to stop before that, it waits so long for it.
    pub fn taking_over(path: &Path, max_size: u64, predecessor: OwnedFd, patience: Duration) -> Self {
        let held = StoreError::Other { path: path.to_owned(), why: "the door before this one has it still".to_owned() };
        Self::waiting_for(path, max_size, &held, Awaited::Predecessor(predecessor), patience)
    }

    /// With a store that could not be opened, which the log says already: it is tried again, and counted in memory until then.
    pub fn trying_again(path: &Path, max_size: u64, error: &StoreError) -> Self {
        Self::waiting_for(path, max_size, error, Awaited::Remedy(error.to_string()), Duration::ZERO)
    }

    fn waiting_for(path: &Path, max_size: u64, error: &StoreError, awaited: Awaited, hand_over: Duration) -> Self {
        let mut health = StoreHealth::new(Some(path));
        health.fail(error, SystemTime::now());
        let room = Room::within(max_size);
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            last_reload: Mutex::default(),
            admission: Mutex::new(Admission::of_at_most(room.causes)),
            sessions: Mutex::default(),
            health: Mutex::new(health),
            waiting: Mutex::default(),
            damage: Damage::default(),
            backlog: Arc::default(),
            signal: Mutex::default(),
            changed: Condvar::new(),
            room,
            hand_over,
        });
        let path = path.to_owned();
        let writer = spawn(&shared, path.clone(), move |shared| takeover::run(shared, &path, max_size, awaited));
        Self { shared, writer, key: random_key(), compare, ledgers: Ledgers::default() }
    }

    /// Compares a pair on the caller's thread and counts the outcome.
    pub fn record(&self, pair: Pair) -> Outcome {
        let Some(comparison) = self.compare(&pair) else { return Outcome::Inconclusive };
        self.count(&pair, &comparison, None)
    }

    /// Compares a pair on the caller's thread, and counts nothing; `None`: the comparer failed, and that is counted.
    pub fn compare(&self, pair: &Pair) -> Option<Comparison> {
        // A comparer that panics is our bug and may cost knowledge, never the door.
        let mut compared = catch_unwind(AssertUnwindSafe(|| self.placed(pair, (self.compare)(pair)))).ok();
        match &mut compared {
            None => self.unproven(&pair.route, pair.stage, Unproven::ComparerFailed, pair.at),
            // That it was silenced what two failures say makes no answers of them.
            Some(found) if found.outcome == Outcome::Ignored && pair.both_failed() => {
                found.outcome = Outcome::Inconclusive;
            }
            Some(_) => {}
        }
        compared
    }

    /// Counts the outcome of a pair, with what asking again said if it was asked.
    pub fn count(&self, pair: &Pair, comparison: &Comparison, settlement: Option<&Settlement>) -> Outcome {
        let at = millis(pair.at);
        let compared = Compared { comparison, legacy: pair.control_time, new: pair.candidate_time, at };
        // The cause first: should the door be killed in between, no counted mismatch is without one.
        let mut shown = Vec::new();
        if comparison.outcome == Outcome::Mismatched {
            shown = self.record_causes(pair, comparison, at);
        }
        self.record_triage(pair, comparison, at);
        if comparison.outcome != Outcome::Inconclusive {
            self.record_session(pair, &shown, at);
        }
        let mismatched = (comparison.outcome == Outcome::Mismatched).then(|| self.led(pair, comparison, settlement));
        let mut pending = self.shared.pending.lock();
        let tally = pending.tally(&pair.route, pair.stage, at);
        tally.add(&compared);
        if let Some((fields, lead)) = mismatched {
            tally.noise.add_pair(&fields, lead.as_ref(), settlement);
        }
        comparison.outcome
    }

    /// The fields of a mismatched pair, and the one that it counts under.
    fn led(
        &self,
        pair: &Pair,
        comparison: &Comparison,
        settlement: Option<&Settlement>,
    ) -> (Vec<FieldKey>, Option<FieldKey>) {
        let weighted = noise::weighted_fields(comparison);
        let lead = self.ledgers.with(&pair.route, |ledger, _| {
            let lead = ledger.lead(&weighted, settlement).cloned();
            settlement.inspect(|settlement| ledger.settled(settlement));
            lead
        });
        (weighted.into_iter().map(|(field, _)| field).collect(), lead)
    }

    /// Counts what comparing each origin with itself said, some time after the pair.
    pub fn control(&self, pair: &Pair, control: &Control<'_>) {
        let mut pending = self.shared.pending.lock();
        pending.tally(&pair.route, pair.stage, millis(pair.at)).noise.add_control(control);
    }

    /// Where two answers to the pair's request differ; `None`: the comparer failed.
    pub fn differ(&self, pair: &Pair, control: &Observation, candidate: &Observation) -> Option<Comparison> {
        catch_unwind(AssertUnwindSafe(|| self.placed(pair, of_pair(pair, control, candidate)))).ok()
    }

    /// What may be asked again on a route, and what is known of its fields.
    pub fn ledger<T>(&self, route: &Arc<str>, look: impl FnOnce(&mut noise::Ledger, f64) -> T) -> T {
        self.ledgers.with(route, look)
    }

    /// Counts a sampled request that proves nothing.
    pub fn unproven(&self, route: &Arc<str>, stage: &'static str, reason: Unproven, at: SystemTime) {
        self.shared.pending.lock().tally(route, stage, millis(at)).add_unproven(reason);
    }

    /// Keeps what the config says of the routes, at start and at each reload: reports need no config then, and changes of stage
    /// become a history.
    pub fn routes(&self, facts: Vec<RouteFact>, generation: u64, at: SystemTime) {
        let reload = Reload { facts, generation, at: millis(at) };
        let mut pending = self.shared.pending.lock();
        *self.shared.last_reload.lock() = Some(reload.clone());
        if pending.reloads.len() >= MAX_RELOADS {
            pending.reloads.remove(0);
        }
        pending.reloads.push(reload);
    }

    /// Where a pair is noted that waits to be compared.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.shared.backlog
    }

    /// How the store is.
    pub fn health(&self) -> StoreHealth {
        let health = self.shared.health.lock().clone();
        self.shared.damage.spoils(health)
    }

    /// Somebody could not read what this writes; returns what that means. Of a store that takes nothing all is said already.
    pub fn unreadable(&self, error: StoreError) -> StoreError {
        let is_written = self.shared.health.lock().state == StoreState::Sound;
        if !is_written {
            return error;
        }
        let error = match error {
            // What was begun in it is gone.
            StoreError::Missing { path } if path.exists() => {
                StoreError::Damaged { path, why: "it is empty".to_owned() }
            }
            error => error,
        };
        self.shared.damage.note(&error, Finder::Reader);
        error
    }

    /// Somebody could, on every route.
    pub fn was_read(&self) {
        self.shared.damage.was_read();
    }

    /// Writes out what is pending; waits until it is on disk or the store has failed.
    pub fn flush(&self) {
        if self.writer.as_ref().is_none_or(JoinHandle::is_finished) {
            return;
        }
        let mut signal = self.shared.signal.lock();
        signal.asked += 1;
        let mine = signal.asked;
        self.shared.changed.notify_all();
        let not_done = |signal: &mut Signal| signal.done < mine;
        self.shared.changed.wait_while_for(&mut signal, not_done, FLUSH_PATIENCE);
    }

    /// Writes out what is pending, for the last time. Waits for a store that is about to be handed over, too.
    pub fn close(&self) {
        self.close_within(CLOSE_PATIENCE + self.shared.hand_over);
    }

    /// As [`Recorder::close`], for who has less patience.
    pub fn close_within(&self, patience: Duration) {
        let Some(writer) = &self.writer else { return };
        self.shared.signal.lock().stop = true;
        self.shared.changed.notify_all();
        let end = Instant::now() + patience;
        while !writer.is_finished() && Instant::now() < end {
            thread::sleep(CLOSE_LOOK);
        }
    }

    /// Returns the fingerprints that the pair shows.
    fn record_causes(&self, pair: &Pair, comparison: &Comparison, at: u64) -> Vec<Arc<str>> {
        let causes = self.causes(pair, comparison);
        self.spread_learned();
        let shown = causes.iter().map(|shown| Arc::clone(&shown.key.fingerprint)).collect();
        let new = self.count_known(&causes, at);
        let wants_sample = self.wants_sample(pair, &causes, at);
        if new.is_empty() && !wants_sample {
            return shown;
        }
        let redactor = self.well_read_redactor(pair);
        self.count_new(&causes, &new, &redactor, at);
        if wants_sample {
            self.keep_sample(pair, comparison, &causes, &redactor);
        }
        shown
    }

    /// The causes a pair shows, each with its weightiest difference; the weightiest cause first.
    fn causes<'a>(&self, pair: &Pair, comparison: &'a Comparison) -> Vec<Shown<'a>> {
        let mut admission = self.shared.admission.lock();
        let mut causes: Vec<Shown<'a>> = Vec::new();
        for difference in &comparison.differences {
            let Placed { fingerprint, place } = admission.place(&pair.route, difference);
            match causes.iter_mut().find(|shown| shown.key.fingerprint == fingerprint) {
                Some(shown) if difference.severity > shown.difference.severity => shown.difference = difference,
                Some(_) => {}
                None => {
                    let key = CauseKey { route: Arc::clone(&pair.route), fingerprint };
                    causes.push(Shown { key, place, difference });
                }
            }
        }
        causes.sort_by_key(|shown| std::cmp::Reverse(shown.difference.severity));
        causes
    }

    /// Counts the causes that the pending batch has an example of; returns the places of those it has not.
    fn count_known(&self, causes: &[Shown<'_>], at: u64) -> Vec<usize> {
        let mut pending = self.shared.pending.lock();
        let mut new = Vec::new();
        for (place, shown) in causes.iter().enumerate() {
            match pending.causes.get_mut(&shown.key) {
                Some(seen) => seen.again(shown.difference.severity, at),
                None => new.push(place),
            }
        }
        new
    }

    /// Cleans and counts the others. The cleaning is done without the lock; another thread may have been faster.
    fn count_new(&self, causes: &[Shown<'_>], new: &[usize], redactor: &Redactor, at: u64) {
        for shown in new.iter().filter_map(|place| causes.get(*place)) {
            let cleaned = redactor.difference(shown.difference);
            // A place that names a secret is told as cleaned; what was learned of it is lost on the page, not in the count.
            let place = if cleaned.path == shown.difference.path {
                shown.place.to_string()
            } else {
                diff::cause::collapse(&cleaned.path)
            };
            let seen = CauseSeen::once(&cleaned, place, at);
            self.shared.pending.lock().add_cause(&shown.key, seen);
        }
    }

    /// Knows the secrets of a pair; e-mail addresses are none.
    fn redactor(&self, pair: &Pair) -> Redactor {
        let answers = [&pair.control.headers, &pair.candidate.headers];
        Redactor::of_exchange(self.key, Emails::Keep, &pair.request, answers)
    }

    /// Knows what the bodies of a pair give away, too: for the values of differences, which tell nothing but themselves.
    fn well_read_redactor(&self, pair: &Pair) -> Redactor {
        let answers = [&pair.control, &pair.candidate].map(|answer| (&answer.headers, &*answer.body));
        self.redactor(pair).having_read([(&pair.request.headers, &*pair.request_body)].into_iter().chain(answers))
    }

    fn wants_sample(&self, pair: &Pair, causes: &[Shown<'_>], at: u64) -> bool {
        if self.writer.is_none() {
            return false;
        }
        let bytes = pair.control.body.len() + pair.candidate.body.len();
        let mut admission = self.shared.admission.lock();
        // Every cause is asked, for each notes that a sample of it has been taken.
        causes.iter().filter(|shown| admission.wants(&shown.key, at, bytes)).count() > 0
    }

    fn keep_sample(&self, pair: &Pair, comparison: &Comparison, causes: &[Shown<'_>], redactor: &Redactor) {
        let fingerprints: Vec<Arc<str>> = causes.iter().map(|shown| Arc::clone(&shown.key.fingerprint)).collect();
        let sample = Sample::of(pair, comparison, &fingerprints, redactor);
        let Ok(content) = serde_json::to_string(&sample) else { return };
        let sample = NewSample { route: Arc::clone(&pair.route), fingerprints, at: millis(pair.at), content };
        self.shared.pending.lock().add_sample(sample, self.shared.room.samples);
    }
}

impl Drop for Recorder {
    /// Writes out what is pending, and ends the writer.
    fn drop(&mut self) {
        self.shared.signal.lock().stop = true;
        self.shared.changed.notify_all();
        if let Some(writer) = self.writer.take() {
            // It has logged what it could not write.
            let _ = writer.join();
        }
    }
}

fn spawn_writer(shared: &Arc<Shared>, store: Store) -> Option<JoinHandle<()>> {
    let path = store.path().to_owned();
    spawn(shared, path, move |shared| takeover::write(shared, store))
}

fn spawn(shared: &Arc<Shared>, path: PathBuf, run: impl FnOnce(&Shared) + Send + 'static) -> Option<JoinHandle<()>> {
    let theirs = Arc::clone(shared);
    match thread::Builder::new().name("store".to_owned()).spawn(move || run(&theirs)) {
        Ok(writer) => Some(writer),
        Err(error) => {
            let error = StoreError::Other { path, why: format!("its writer cannot be started: {error}") };
            tracing::error!("{error}; evidence is counted in memory only");
            shared.health.lock().fail(&error, SystemTime::now());
            None
        }
    }
}

/// From the system's randomness, by way of the keys of the standard library's hash maps.
fn random_key() -> Key {
    use std::hash::{BuildHasher, RandomState};
    let mut key = [0; 16];
    for half in key.chunks_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(0u8).to_le_bytes());
    }
    Key(key)
}
