//! Collects what the comparers find, lets the rules decide on each, and turns it into a [`Comparison`].
//!
//! A comparer calls [`Sink::hides`] for what a cosmetic rule may hide and [`Sink::report`] for all else; it decides nothing itself.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::comparison::{Applied, Comparison, Difference, Hidden, Kind, Outcome, Severity};
use super::rules::{Accept, Class, Rule, Rules};

/// Differences kept per pair; further ones are counted in [`Comparison::more`].
pub const MAX_KEPT: usize = 100;

/// Distinct places told of one of the operator's rules per pair.
pub const MAX_PLACES: usize = 16;

/// Bytes of a value kept in a difference: enough to recognise it.
const MAX_SHOWN: usize = 320;

/// Rules that hide something in an ordinary pair.
const FEW: usize = 8;

/// Steps of work per pair: about 50 ms on one core. A step is one comparison of something small.
pub const MAX_WORK: u64 = 20_000_000;

/// Steps for each difference that is told.
const TOLD: u64 = 200;

/// Bytes that comparing may take for each four bytes of the pair, so that all it takes stays below three times the pair; and what any
/// pair may take, however small.
const ROOM_PER_FOUR: usize = 11;
const ROOM_FLOOR: usize = 5 << 19;

/// Bytes of values in which a transform is looked for, per pair: it costs some fifty steps for each.
const MAX_INFERRED: usize = 256 << 10;

/// What a comparer found at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    pub path: String,
    pub control: Option<String>,
    pub candidate: Option<String>,
    pub severity: Severity,
    /// The rule that this is about: hidden if it is in force, named in the report otherwise.
    pub rule: Option<Rule>,
    /// How the one value became the other; without it, it is inferred from the values.
    pub cause: Option<&'static str>,
}

impl Finding {
    pub fn new(kind: Kind, path: impl Into<String>) -> Self {
        Self {
            kind,
            path: path.into(),
            control: None,
            candidate: None,
            severity: Severity::High,
            rule: None,
            cause: None,
        }
    }

    #[must_use]
    pub fn values(mut self, control: impl Into<String>, candidate: impl Into<String>) -> Self {
        self.control = Some(control.into());
        self.candidate = Some(candidate.into());
        self
    }

    /// Only legacy has it.
    #[must_use]
    pub fn only_control(mut self, control: impl Into<String>) -> Self {
        self.control = Some(control.into());
        self
    }

    /// Only new has it.
    #[must_use]
    pub fn only_candidate(mut self, candidate: impl Into<String>) -> Self {
        self.candidate = Some(candidate.into());
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// A rule that would hide it; the severity becomes low.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rule = Some(rule);
        self.severity = Severity::Low;
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: &'static str) -> Self {
        self.cause = Some(cause);
        self
    }
}

/// Where findings of one pair go.
#[derive(Debug, Clone)]
pub struct Sink<'r> {
    rules: &'r Rules,
    /// The host that users know.
    host: &'r str,
    /// Unix time: `accept … until` ends by it.
    now: Option<i64>,
    found: Comparison,
    counts: [u32; Rule::COUNT],
    /// One per rule that hid something, and which rule that is.
    examples: Vec<Hidden>,
    hid: SmallVec<[Rule; FEW]>,
    /// Which `accept: css:` entries cover the element at a path; told by the HTML comparer, which has the elements.
    under: HashMap<String, Vec<usize>>,
    /// Which selectors that rules are limited to cover the element at a path; told likewise.
    scopes: HashMap<String, Vec<String>>,
    work: u64,
    /// Bytes that comparing may still take.
    room: usize,
    /// The least that was left of it.
    least_room: usize,
    /// Bytes of values in which a transform was looked for.
    inferred: usize,
    both_failed: bool,
}

impl<'r> Sink<'r> {
    pub fn new(rules: &'r Rules, now: Option<i64>) -> Self {
        Self {
            rules,
            host: "",
            now,
            found: Comparison::default(),
            counts: [0; Rule::COUNT],
            examples: Vec::with_capacity(FEW),
            hid: SmallVec::new(),
            under: HashMap::new(),
            scopes: HashMap::new(),
            work: 0,
            room: usize::MAX,
            least_room: usize::MAX,
            inferred: 0,
            both_failed: false,
        }
    }

    /// What is found tells when new shows another host where this one stood.
    #[must_use]
    pub fn for_host(self, host: &'r str) -> Self {
        Self { host, ..self }
    }

    pub fn rules(&self) -> &'r Rules {
        self.rules
    }

    /// Asks a cosmetic rule to hide what differs at `path`. If it is in force there, that is counted and the answer is yes;
    /// if not, the caller reports the difference with `.rule(rule)`: a rule of one side is asked again there, with both values.
    #[must_use]
    pub fn hides(&mut self, rule: Rule, path: impl FnOnce() -> String) -> bool {
        let slot = self.counts.get(rule as usize).copied().unwrap_or(0);
        if !self.rules.is_on(rule) || self.rules.is_sided(rule) {
            return false;
        }
        if slot > 0 && !self.rules.is_scoped(rule) {
            self.count(rule);
            return true;
        }
        let path = path();
        if !self.reaches(rule, &path) {
            return false;
        }
        if slot == 0 {
            self.show(rule, example(rule, path));
        }
        self.count(rule);
        true
    }

    /// As [`Sink::hides`], so many times at once, of a rule in force everywhere.
    pub fn hides_times(&mut self, rule: Rule, count: u32, path: impl FnOnce() -> String) {
        if self.counts.get(rule as usize).is_some_and(|slot| *slot == 0) {
            self.hides_many(rule, count, path());
        } else {
            self.hides_many(rule, count, String::new());
        }
    }

    /// Counts once more what a rule hides that is in force everywhere and has its example. `false`: it is not, or has none.
    pub fn hides_again(&mut self, rule: Rule) -> bool {
        let met = self.counts.get(rule as usize).is_some_and(|count| *count > 0);
        let everywhere = self.rules.is_on(rule) && !self.rules.is_sided(rule) && !self.rules.is_scoped(rule);
        if met && everywhere {
            self.count(rule);
        }
        met && everywhere
    }

    /// Counts what was hidden by a rule that was asked before, and is in force everywhere.
    pub fn hides_many(&mut self, rule: Rule, count: u32, first: String) {
        if let Some(slot) = self.counts.get_mut(rule as usize) {
            if *slot == 0 {
                self.examples.push(example(rule, first));
                self.hid.push(rule);
            }
            *slot = slot.saturating_add(count);
        }
    }

    /// What a rule hid first.
    fn show(&mut self, rule: Rule, example: Hidden) {
        self.examples.push(example);
        self.hid.push(rule);
    }

    /// Whether a rule is in force for a finding: there, and for what that side did.
    fn covers(&self, rule: Rule, finding: &Finding) -> bool {
        self.reaches(rule, &finding.path) && self.is_of_side(rule, finding)
    }

    /// Counts a finding that a rule hides; the first of a rule is its example.
    fn hide(&mut self, rule: Rule, finding: Finding) {
        let first = self.counts.get(rule as usize) == Some(&0);
        self.count(rule);
        let Finding { path, control, candidate, .. } = finding;
        if first {
            let values =
                Hidden { control: control.map(shorten), candidate: candidate.map(shorten), ..Hidden::default() };
            self.show(rule, Hidden { rule: rule.name().to_owned(), example_path: path, ..values });
            return;
        }
        let example = self.hid.iter().position(|known| *known == rule).and_then(|at| self.examples.get_mut(at));
        if let Some(shown) = example
            && shown.example_path == path
            && shown.control.is_none()
            && shown.candidate.is_none()
        {
            (shown.control, shown.candidate) = (control.map(shorten), candidate.map(shorten));
        }
    }

    /// Is the rule in force at a path, or in the element that stands there?
    fn reaches(&self, rule: Rule, path: &str) -> bool {
        self.rules.is_on_at(rule, path)
            || self.scopes.get(path).is_some_and(|selectors| self.rules.is_on_under(rule, selectors))
    }

    /// The selectors of [`Rules::scoped_selectors`] that cover the element at a path.
    pub fn is_within(&mut self, path: &str, selectors: Vec<String>) {
        if !selectors.is_empty() {
            self.scopes.insert(path.to_owned(), selectors);
        }
    }

    fn is_of_side(&self, rule: Rule, finding: &Finding) -> bool {
        self.rules.is_on_for(rule, finding.control.as_deref(), finding.candidate.as_deref())
    }

    fn count(&mut self, rule: Rule) {
        if let Some(count) = self.counts.get_mut(rule as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// Takes a finding: hidden, ignored, or a difference, as the rules say.
    pub fn report(&mut self, finding: Finding) {
        if let Some(rule) = finding.rule {
            match rule.class() {
                Class::Cosmetic if self.covers(rule, &finding) => {
                    self.hide(rule, finding);
                    return;
                }
                Class::Cosmetic => {}
                Class::Optional if self.covers(rule, &finding) => {
                    self.ignore(finding, rule.name().to_owned());
                    return;
                }
                Class::Optional => {}
            }
        }
        let rules = self.rules;
        if let Some(written) = rules.ignoring(&finding.path) {
            self.ignore(finding, format!("ignore: {written}"));
            return;
        }
        let wanted: Vec<&Accept> = rules.accepts().iter().filter(|accept| self.accepts(accept, &finding)).collect();
        if let Some(accept) = wanted.iter().find(|accept| !accept.is_over(self.now)) {
            self.silence(finding, format!("accept: {}", accept.reason), &accept.label);
            return;
        }
        for accept in wanted {
            self.apply(&accept.label, &finding, 1).expired = true;
        }
        self.keep(finding);
    }

    /// Takes a finding that the operator's own rule silences, for comparers that match `css:` places themselves.
    pub fn ignore(&mut self, finding: Finding, by: String) {
        let label = by.clone();
        self.silence(finding, by, &label);
    }

    /// As [`Sink::ignore`], counted under the name of the operator's entry.
    pub fn silence(&mut self, finding: Finding, by: String, entry: &str) {
        self.work = self.work.saturating_add(TOLD);
        self.apply(entry, &finding, 1);
        if self.found.ignored.len() >= MAX_KEPT {
            return;
        }
        let mut difference = self.settle(finding);
        difference.rule = Some(by);
        self.found.ignored.push(difference);
    }

    /// An array that the operator's entry names differs, whether or not there is anything to silence.
    pub fn met(&mut self, entry: &str, path: String) {
        self.apply(entry, &Finding::new(Kind::Order, path), 0);
    }

    fn apply(&mut self, entry: &str, finding: &Finding, count: u32) -> &mut Applied {
        let known = self.found.applied.iter().position(|applied| applied.rule == entry);
        let at = known.unwrap_or_else(|| {
            self.found.applied.push(Applied { rule: entry.to_owned(), ..Applied::default() });
            self.found.applied.len() - 1
        });
        let applied = &mut self.found.applied[at];
        if applied.count == 0 {
            applied.path.clone_from(&finding.path);
            applied.control = finding.control.clone().map(shorten);
            applied.candidate = finding.candidate.clone().map(shorten);
        }
        applied.count = applied.count.saturating_add(count);
        if applied.places.len() < MAX_PLACES {
            let place = super::cause::collapse(&finding.path);
            if !applied.places.contains(&place) {
                applied.places.push(place);
            }
        }
        applied
    }

    /// The `accept: css:` entries (their places in [`Rules::accepts`]) that cover the element at a path.
    pub fn is_under(&mut self, path: &str, accepts: Vec<usize>) {
        if !accepts.is_empty() {
            self.under.insert(path.to_owned(), accepts);
        }
    }

    /// A difference counts only until its kind of place is silenced; a marker for the outcome.
    fn keep(&mut self, finding: Finding) {
        if self.found.differences.len() >= MAX_KEPT {
            self.found.more = self.found.more.saturating_add(1);
            return;
        }
        self.work = self.work.saturating_add(TOLD);
        let leaks = finding.rule.is_none() && super::cause::is_leak(&finding, self.host);
        let finding = if leaks { finding.severity(Severity::High).cause("host_leaked") } else { finding };
        let difference = self.settle(finding);
        self.found.differences.push(difference);
    }

    /// A finding as it is kept: the cause told, the values shortened.
    fn settle(&mut self, finding: Finding) -> Difference {
        let length = |value: &Option<String>| value.as_ref().map_or(0, String::len);
        let bytes = length(&finding.control) + length(&finding.candidate);
        let cause = finding.cause.or_else(|| {
            self.inferred = self.inferred.saturating_add(bytes);
            if self.inferred <= MAX_INFERRED { super::cause::infer(&finding) } else { None }
        });
        Difference {
            kind: finding.kind,
            path: finding.path,
            control: finding.control.map(shorten),
            candidate: finding.candidate.map(shorten),
            severity: finding.severity,
            rule: finding.rule.map(|rule| rule.name().to_owned()),
            cause: cause.map(str::to_owned),
        }
    }

    fn accepts(&self, accept: &Accept, finding: &Finding) -> bool {
        (accept.at.covers(&finding.path) || self.stands_under(accept, &finding.path))
            && says(accept.was.as_deref(), finding.control.as_deref())
            && says(accept.is.as_deref(), finding.candidate.as_deref())
    }

    fn stands_under(&self, accept: &Accept, path: &str) -> bool {
        let Some(under) = self.under.get(path) else { return false };
        under.iter().any(|at| self.rules.accepts().get(*at) == Some(accept))
    }

    /// Whether a difference that no rule is about needs no words any more; then it is counted. As many as a report keeps are kept, and
    /// nothing of the operator's own can silence it.
    pub fn only_counts(&mut self) -> bool {
        let full = self.found.differences.len() >= MAX_KEPT && !self.rules.has_own();
        if full {
            self.found.more = self.found.more.saturating_add(1);
        }
        full
    }

    /// Spends work; `false`: the pair has used up its budget, stop and report [`Kind::TooDifferent`].
    #[must_use]
    pub fn spend(&mut self, steps: usize) -> bool {
        self.work = self.work.saturating_add(steps as u64);
        self.work <= MAX_WORK
    }

    /// Says what the decoded bodies weigh, and how much of that had to be made for it: the rest of the room is for comparing them.
    pub fn weigh(&mut self, pair: usize, made: usize) {
        self.room = (pair / 4).saturating_mul(ROOM_PER_FOUR).saturating_sub(made).max(ROOM_FLOOR);
        self.least_room = self.room;
    }

    /// Bytes that comparing may still take; without [`Sink::weigh`], as many as there are.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Takes room; `false`: there is not as much, stop and report [`Kind::TooDifferent`].
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(self.room);
        self.least_room = self.least_room.min(self.room);
        left.is_some()
    }

    /// Gives room back.
    pub fn let_go(&mut self, bytes: usize) {
        self.room = self.room.saturating_add(bytes);
    }

    /// The least that was left of the room.
    #[cfg(test)]
    pub fn least_room(&self) -> usize {
        self.least_room
    }

    /// Steps of work so far.
    #[cfg(test)]
    pub fn work(&self) -> u64 {
        self.work
    }

    /// Both origins failed alike: without differences that count, the pair proves nothing.
    pub fn both_failed(&mut self) {
        self.both_failed = true;
    }

    /// How many differences count so far.
    pub fn len(&self) -> usize {
        self.found.differences.len() + self.found.more as usize
    }

    /// Whether nothing that counts was found so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn finish(mut self) -> Comparison {
        self.found.outcome = match (self.found.differences.is_empty(), self.found.ignored.is_empty()) {
            (false, _) => Outcome::Mismatched,
            (true, false) => Outcome::Ignored,
            (true, true) if self.both_failed => Outcome::Inconclusive,
            (true, true) => Outcome::Matched,
        };
        for (rule, hidden) in self.hid.iter().zip(&mut self.examples) {
            hidden.count = self.counts.get(*rule as usize).copied().unwrap_or(0);
        }
        self.found.hidden = self.examples;
        self.found
    }

    /// As [`Sink::finish`], but what was found cannot be held against new: both origins failed.
    pub fn finish_inconclusive(self) -> Comparison {
        let mut found = self.finish();
        found.outcome = Outcome::Inconclusive;
        found
    }
}

fn example(rule: Rule, example_path: String) -> Hidden {
    Hidden { rule: rule.name().to_owned(), example_path, ..Hidden::default() }
}

/// Whether a value is what `was` or `is` says: as printed, or the text of a JSON string.
fn says(wanted: Option<&str>, found: Option<&str>) -> bool {
    let Some(wanted) = wanted else { return true };
    let found = found.unwrap_or_default();
    found == wanted || serde_json::from_str::<String>(found).is_ok_and(|text| text == wanted)
}

/// At most [`MAX_SHOWN`] bytes, cut between characters.
fn shorten(mut value: String) -> String {
    if value.len() <= MAX_SHOWN {
        return value;
    }
    let whole = value.len();
    let cut = (0..=MAX_SHOWN).rev().find(|&at| value.is_char_boundary(at)).unwrap_or(0);
    value.truncate(cut);
    value.push_str(&format!("… ({whole} bytes)"));
    value
}
