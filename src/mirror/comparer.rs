//! Compares what has arrived, on a thread of its own: a comparison may take tens of milliseconds, and the thread that sends the
//! copies must not be late to see their answers, or it would blame the backend for it. Where processors are short, users come first.
//!
//! A mismatch that is worth it is asked again before it is counted, so that what is counted is settled; [`super::settler`] asks.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use http::Method;
use pingora::http::RequestHeader;

use super::job::{MirrorJob, RouteRef};
use super::queue::Queue;
use super::settler::{Settler, Settling, Why};
use super::ways::{Came, WaysIn, WaysOut, ways};
use crate::config::settings::NoiseSettings;
use crate::diff::{Comparison, Observation, Outcome};
use crate::evidence::noise::{self, Asking, Control, Order, Pattern, Seen, Settlement};
use crate::evidence::{Pair, Recorder, Unproven};
use crate::live::SettledAs;
use crate::routing::{Bucket, Origin};

/// Between a pair and asking each origin what it says by now: the next second has begun then, for those who print it.
const A_GOOD_WHILE: Duration = Duration::from_millis(1_200);

/// How much nicer than the threads that serve users: where both want a processor, Linux gives it a tenth of what it gives those
/// (1.25 to the power of this; `sched(7)`).
const NICER: i32 = 10;

/// After that long a pair is asked no further: it is counted by what is known.
const LONGEST: Duration = Duration::from_secs(10);

/// A job whose copy was answered.
#[derive(Debug)]
pub struct Arrived {
    pub job: MirrorJob,
    pub copy: Observation,
    pub copy_time: Duration,
}

/// What is to be done next. What was asked again goes before what arrived: it holds one of few places of its field, and a thread that
/// comes late to what arrives would else meet a thousand pairs of which it could have nearly none asked.
type Work = Came<Box<Settling>, Box<Arrived>>;

/// Where a pair goes that was asked again. Unbounded by itself: the queue's budget covers a job until it is compared.
pub type Way = WaysIn<Box<Settling>, Box<Arrived>>;

/// The thread ends when this is dropped and nothing is asked any more.
#[derive(Debug)]
pub struct Comparer {
    way: Arc<Way>,
    bench: Arc<Bench>,
    out: WaysOut<Box<Settling>, Box<Arrived>>,
}

impl Comparer {
    /// # Errors
    /// The system gives no thread.
    pub fn start(queue: Arc<Queue>, recorder: Arc<Recorder>, settler: Arc<Settler>) -> io::Result<Self> {
        let (way, out) = ways(recorder.backlog());
        let way = Arc::new(way);
        let bench =
            Arc::new(Bench { queue, recorder, settler, back: Arc::downgrade(&way), compared: AtomicU64::new(0) });
        let (at_it, its) = (bench.clone(), out.clone());
        std::thread::Builder::new().name("compare".into()).spawn(move || {
            step_back();
            std::iter::from_fn(|| its.next()).for_each(|(work, _uncounted)| at_it.take(work));
        })?;
        Ok(Self { way, bench, out })
    }

    pub fn compare(&self, arrived: Arrived) {
        self.way.send_second(Box::new(arrived));
    }

    /// Counts what waits on the calling thread. When all else has been given up, nothing of it is compared any more, and who
    /// ends the door need not wait for a thread that stands behind everybody else's.
    pub fn count_what_waits(&self) {
        std::iter::from_fn(|| self.out.waiting()).for_each(|(work, _uncounted)| self.bench.take(work));
    }
}

/// Puts the calling thread behind those that serve users. A system that refuses it runs the thread as any other.
fn step_back() {
    // Elsewhere it would be the whole process that steps back.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::debug!("pairs are compared at the priority of users' requests: {error}");
    }
}

/// Where pairs are compared, one after the other.
#[derive(Debug)]
struct Bench {
    queue: Arc<Queue>,
    recorder: Arc<Recorder>,
    settler: Arc<Settler>,
    /// For what is asked: not a way in that would keep this thread alive.
    back: Weak<Way>,
    compared: AtomicU64,
}

impl Bench {
    fn take(&self, work: Work) {
        match work {
            Came::Second(arrived) => self.arrived(*arrived),
            Came::First(settling) => self.asked(settling),
        }
    }

    fn arrived(&self, mut arrived: Arrived) {
        let (size, route) = (arrived.job.size(), arrived.job.route.clone());
        if self.queue.is_given_up() {
            self.queue.note_drop(&route, Unproven::Shutdown);
            return self.queue.release(size);
        }
        let (trace, target) = (arrived.job.trace.take(), arrived.job.target.take());
        let announcement = arrived.job.announcement.clone();
        let Some((head, pair)) = pair_of(arrived) else { return self.queue.release(size) };
        let Some(comparison) = self.recorder.compare(&pair) else {
            note(&route, Outcome::Inconclusive, Unproven::ComparerFailed);
            return self.queue.release(size);
        };
        let noise = noise_of(&route).filter(|noise| !noise.is_off() && may_be_asked_again(&pair));
        let Some(noise) = noise else {
            self.count(&route, &pair, &comparison, None);
            return self.queue.release(size);
        };
        let share = noise.budget.percent() / 100.0;
        self.recorder.ledger(&pair.route, |ledger, now| ledger.copied(share, now));
        let fields = match comparison.outcome {
            Outcome::Mismatched => noise::fields(&comparison),
            _ => Vec::new(),
        };
        let turn = self.compared.fetch_add(1, Ordering::Relaxed);
        // By lot, whatever it shows: only then do the samples say how often an origin differs from itself.
        let sampled = noise.control.holds_low(Bucket::of("noise", &turn.to_le_bytes()));
        let (why, begun) = (Why::Control, Instant::now());
        let settling = Settling {
            route,
            head,
            target,
            trace,
            announcement,
            pair,
            comparison,
            fields,
            why,
            sampled,
            begun,
            answers: None,
            size,
            borrowed: 0,
        };
        self.choose(Box::new(settling), noise);
    }

    /// Counts a compared pair at once, or has it asked again first.
    fn choose(&self, mut settling: Box<Settling>, noise: NoiseSettings) {
        if !settling.fields.is_empty() && noise.settle && self.has_room_for(&settling.route) {
            let asking = self.recorder.ledger(&settling.pair.route, |ledger, now| ledger.plan(&settling.fields, now));
            if asking != Asking::Not {
                if self.borrow(&mut settling) {
                    settling.why = Why::Mismatch { asking, settlement: None };
                    return self.ask(settling, Duration::ZERO);
                }
                self.ended(&settling);
            }
        }
        self.count(&settling.route, &settling.pair, &settling.comparison, None);
        self.queue.release(settling.size);
        let may_sample = settling.sampled
            && self.has_room_for(&settling.route)
            && !self.recorder.ledger(&settling.pair.route, |ledger, now| ledger.is_paused(now));
        if may_sample && self.borrow(&mut settling) {
            self.ask(settling, A_GOOD_WHILE);
        }
    }

    /// Whether nothing more urgent waits.
    fn has_room_for(&self, route: &RouteRef) -> bool {
        self.settler.has_room_for(route) && !self.queue.is_closed()
    }

    fn ask(&self, settling: Box<Settling>, after: Duration) {
        match self.back.upgrade() {
            Some(back) => self.settler.ask(settling, after, back),
            // Nobody is there to bring the answers back.
            None => self.done(&settling),
        }
    }

    /// Room for two answers as large as the first ones.
    fn borrow(&self, settling: &mut Settling) -> bool {
        let bytes = settling.pair.control.body.len() + settling.pair.candidate.body.len();
        let lent = self.queue.borrow(bytes);
        settling.borrowed = if lent { bytes } else { 0 };
        lent
    }

    fn asked(&self, mut settling: Box<Settling>) {
        let answers = settling.answers.take();
        match settling.why {
            Why::Control => self.control(&settling, answers),
            Why::Mismatch { asking, ref mut settlement } => {
                let before = settlement.take();
                self.settled(settling, answers, asking, before);
            }
        }
    }

    fn control(&self, settling: &Settling, answers: Option<(Observation, Observation)>) {
        let pair = &settling.pair;
        self.note_answered(pair, answers.is_some());
        if let Some((legacy, new)) = answers
            && let Some(legacy) = self.recorder.differ(pair, &pair.control, &legacy)
            && let Some(new) = self.recorder.differ(pair, &pair.candidate, &new)
        {
            let (mismatched, sampled) = (&settling.fields[..], settling.sampled);
            self.recorder.control(pair, &Control { legacy: &legacy, new: &new, mismatched, sampled });
            settled_as(&settling.route, SettledAs::Control);
        }
        self.queue.give_back(settling.borrowed);
    }

    fn note_answered(&self, pair: &Pair, both: bool) {
        self.recorder.ledger(&pair.route, |ledger, now| if both { ledger.answered() } else { ledger.unanswered(now) });
    }

    fn settled(
        &self,
        mut settling: Box<Settling>,
        answers: Option<(Observation, Observation)>,
        asking: Asking,
        before: Option<Settlement>,
    ) {
        let answered = answers.is_some();
        self.note_answered(&settling.pair, answered);
        let settlement = match answers {
            Some(again) => Some(self.settle(&settling, before, &again)),
            None => before,
        };
        let Some(mut settlement) = settlement else { return self.done(&settling) };
        let may_go_on =
            answered && asking == Asking::Deep && !self.queue.is_closed() && settling.begun.elapsed() < LONGEST;
        if may_go_on && self.recorder.ledger(&settling.pair.route, |ledger, _| ledger.goes_on(&settlement)) {
            settling.why = Why::Mismatch { asking, settlement: Some(settlement) };
            return self.ask(settling, Duration::ZERO);
        }
        settlement.deep = asking == Asking::Deep;
        self.finish(settling, &settlement);
    }

    fn settle(
        &self,
        settling: &Settling,
        before: Option<Settlement>,
        again: &(Observation, Observation),
    ) -> Settlement {
        let pair = &settling.pair;
        let first = (pair.control.clone(), pair.candidate.clone());
        // What cannot be compared is as good as equal: it speaks for nobody.
        let compare = |control: &Observation, candidate: &Observation| {
            self.recorder.differ(pair, control, candidate).map(|comparison| Seen::of(&comparison)).unwrap_or_default()
        };
        match before {
            Some(mut settlement) => {
                settlement.again(&first, again, compare);
                settlement
            }
            None => Settlement::of(&settling.fields, order(pair), &first, again, compare),
        }
    }

    /// Counts a settled pair. What stayed may be a clock: it is asked once more, a good while later.
    fn finish(&self, mut settling: Box<Settling>, settlement: &Settlement) {
        self.count(&settling.route, &settling.pair, &settling.comparison, Some(settlement));
        self.ended(&settling);
        settled_as(&settling.route, told(settlement));
        self.queue.release(settling.size);
        let is_late = |ledger: &mut noise::Ledger| ledger.wants_late(settlement);
        let wanted = settlement.rounds == noise::settle::ROUNDS
            && self.recorder.ledger(&settling.pair.route, |ledger, _| is_late(ledger));
        if (wanted || settling.sampled) && !self.queue.is_closed() {
            settling.why = Why::Control;
            return self.ask(settling, A_GOOD_WHILE);
        }
        self.queue.give_back(settling.borrowed);
    }

    /// Counts a pair that could not be asked again as it stands.
    fn done(&self, settling: &Settling) {
        self.queue.give_back(settling.borrowed);
        if matches!(settling.why, Why::Mismatch { .. }) {
            self.count(&settling.route, &settling.pair, &settling.comparison, None);
            self.ended(settling);
            settled_as(&settling.route, SettledAs::Unanswered);
            self.queue.release(settling.size);
        }
    }

    fn ended(&self, settling: &Settling) {
        self.recorder.ledger(&settling.pair.route, |ledger, _| ledger.ended(&settling.fields));
    }

    fn count(&self, route: &RouteRef, pair: &Pair, comparison: &Comparison, settlement: Option<&Settlement>) {
        note(route, self.recorder.count(pair, comparison, settlement), Unproven::BothFailed);
    }
}

/// `why`: should the outcome prove nothing. The recorder has counted that already.
fn note(route: &RouteRef, outcome: Outcome, why: Unproven) {
    let Some(meters) = route.meters() else { return };
    meters.mirrored();
    meters.compared(outcome);
    if outcome == Outcome::Inconclusive {
        meters.mirror_dropped(why);
    }
}

fn settled_as(route: &RouteRef, how: SettledAs) {
    if let Some(meters) = route.meters() {
        meters.settled(how);
    }
}

fn told(settlement: &Settlement) -> SettledAs {
    let any = |is: fn(&Pattern) -> bool| settlement.patterns.values().any(is);
    match (settlement.stays(), any(|pattern| pattern.is_noise())) {
        (true, _) => SettledAs::Stays,
        (_, true) => SettledAs::Noise,
        _ => SettledAs::Gone,
    }
}

fn noise_of(route: &RouteRef) -> Option<NoiseSettings> {
    Some(route.proxied()?.noise)
}

/// Only what changes nothing, whatever methods are copied.
fn may_be_asked_again(pair: &Pair) -> bool {
    matches!(pair.request.method, Method::GET | Method::HEAD) && pair.request_body.is_empty()
}

fn order(pair: &Pair) -> Order {
    match pair.authoritative {
        Origin::Legacy => Order::LegacyFirst,
        Origin::New => Order::NewFirst,
    }
}

fn pair_of(Arrived { job, copy, copy_time }: Arrived) -> Option<(Box<RequestHeader>, Pair)> {
    let authoritative = job.to.other();
    let (control, candidate, control_time, candidate_time) = match authoritative {
        Origin::Legacy => (job.answer, copy, job.answer_time, copy_time),
        Origin::New => (copy, job.answer, copy_time, job.answer_time),
    };
    let pair = Pair {
        route: job.route.name()?.clone(),
        stage: job.route.stage(),
        rules: job.route.proxied()?.rules.clone(),
        request: job.request,
        request_body: job.body,
        authoritative,
        control,
        candidate,
        control_time,
        candidate_time,
        at: job.at,
        session: job.session,
    };
    Some((job.head, pair))
}
