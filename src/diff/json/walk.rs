//! Two tapes side by side. Says what differs and where; what counts is the sink's affair.

use std::borrow::Cow;
use std::cmp::Ordering;

use smallvec::SmallVec;

use super::number::{self, Spelling};
use super::parse::{Kind as Json, Raw, Tape};
use super::string;
use crate::diff::clock;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::{Class, Rule};
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, Sink};
use crate::diff::volatile;

/// In larger objects nobody looks for a renamed key: each look costs the whole object.
const MANY_MEMBERS: usize = 64;

/// Objects up to this are matched by looking through them: cheaper than sorting. At most 64, the bits of a mask.
const FEW_MEMBERS: usize = 24;

/// Steps for each value that is looked at, each scalar that is not as it was, and each member that is sorted by name: of
/// [`MAX_WORK`](crate::diff::sink::MAX_WORK).
const VALUE: usize = 6;
const SCALAR: usize = 60;
const MEMBER: usize = 30;

/// Longer strings are neither tokens nor dates. Bytes.
const LONGEST_TOKEN: usize = 8 << 10;

/// One step of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Key(Raw<'a>),
    Index(usize),
}

pub(super) struct Walk<'w, 'a, 's, 'r> {
    pub(super) old: &'w Tape<'a>,
    pub(super) new: &'w Tape<'a>,
    pub(super) scope: &'w Scope<'s>,
    pub(super) sink: &'w mut Sink<'r>,
    path: Vec<Step<'a>>,
    /// What is compared is one scalar, and known not to mean the same.
    is_unlike: bool,
    gave_up: bool,
}

impl<'w, 'a, 's, 'r> Walk<'w, 'a, 's, 'r> {
    pub(super) fn new(old: &'w Tape<'a>, new: &'w Tape<'a>, scope: &'w Scope<'s>, sink: &'w mut Sink<'r>) -> Self {
        Self { old, new, scope, sink, path: Vec::new(), is_unlike: false, gave_up: false }
    }

    /// At a place below the roots of what is compared, of a scalar that is known not to mean the same.
    pub(super) fn unlike_at(self, path: Vec<Step<'a>>) -> Self {
        Self { path, is_unlike: true, ..self }
    }

    /// Compares two values.
    pub(super) fn value(&mut self, a: usize, b: usize) {
        if self.old.slice(a) == self.new.slice(b) && self.old.kind(a) == self.new.kind(b) {
            return;
        }
        if !self.afford(VALUE) {
            return;
        }
        match (self.old.kind(a), self.new.kind(b)) {
            (Json::Object, Json::Object) => self.objects(a, b),
            (Json::Array, Json::Array) => self.arrays(a, b),
            (Json::String, Json::String) => self.strings(a, b),
            (Json::Number, Json::Number) => self.numbers(a, b),
            _ => self.types(a, b),
        }
    }

    /// Spends work. When there is none left, says so once; from then on nothing is compared.
    pub(super) fn afford(&mut self, steps: usize) -> bool {
        if self.gave_up {
            return false;
        }
        if self.sink.spend(steps) {
            return true;
        }
        self.gave_up = true;
        self.sink.report(super::too_different(self.old.text, self.new.text));
        false
    }

    pub(super) fn at_step(&mut self, step: Step<'a>, a: usize, b: usize) {
        self.path.push(step);
        self.value(a, b);
        self.path.pop();
    }

    /// The path as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        pointer(&self.path)
    }

    pub(super) fn pointer_to(&self, step: Step<'a>) -> String {
        let mut path = self.pointer();
        push_step(&mut path, step);
        path
    }

    fn objects(&mut self, a: usize, b: usize) {
        if self.members_in_step(a, b) {
            return;
        }
        if self.members_by_search(a, b) {
            return;
        }
        let members = self.old.members(a).count() + self.new.members(b).count();
        if !self.afford(members * MEMBER) {
            return;
        }
        let (old, new) = (sorted(self.old, a), sorted(self.new, b));
        let (mut i, mut j) = (0, 0);
        let mut common = Vec::with_capacity(old.len().min(new.len()));
        loop {
            let order = match (old.get(i), new.get(j)) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(x), Some(y)) => x.name(self.old).cmp(&y.name(self.new)),
            };
            let (many, more) = (run(self.old, &old, i), run(self.new, &new, j));
            match order {
                Ordering::Less => {
                    self.lost_member(&old, i, &new);
                    i += many;
                }
                Ordering::Greater => {
                    self.extra_member(&new, j, &old);
                    j += more;
                }
                Ordering::Equal => {
                    common.push((i as u32, j as u32));
                    self.same_name(old.get(i..i + many).unwrap_or_default(), new.get(j..j + more).unwrap_or_default());
                    i += many;
                    j += more;
                }
            }
        }
        self.member_order(&old, &new, &mut common);
    }

    /// The usual case: the same keys in the same order. `false`: they are not, and nothing was compared.
    fn members_in_step(&mut self, a: usize, b: usize) -> bool {
        let (old, new) = (self.old, self.new);
        let (mut left, mut right) = (old.members(a), new.members(b));
        loop {
            match (left.next(), right.next()) {
                (None, None) => break,
                (Some((x, _)), Some((y, _))) if x.text == y.text => {}
                (Some((x, _)), Some((y, _))) if (x.escaped || y.escaped) && string::same(x, y).is_some() => {}
                _ => return false,
            }
        }
        for ((key, x), (other, y)) in old.members(a).zip(new.members(b)) {
            self.key_spelling(key, other);
            self.at_step(Step::Key(key), x, y);
        }
        true
    }

    /// Small objects with the same keys in another order. `false`: they are not that, and nothing was compared.
    fn members_by_search(&mut self, a: usize, b: usize) -> bool {
        let (old, new) = (self.old, self.new);
        let right: SmallVec<[(Raw<'a>, usize); FEW_MEMBERS]> = new.members(b).take(FEW_MEMBERS + 1).collect();
        if right.len() > FEW_MEMBERS || old.members(a).take(FEW_MEMBERS + 1).count() != right.len() {
            return false;
        }
        let mut pairs: SmallVec<[(Step<'a>, usize, usize); FEW_MEMBERS]> = SmallVec::new();
        let (mut taken, mut next) = (0_u64, 0);
        for (key, value) in old.members(a) {
            let ahead = (next..right.len()).chain(0..next);
            let found = ahead.into_iter().find(|at| {
                taken & (1 << at) == 0
                    && right.get(*at).is_some_and(|(other, _)| !other.escaped && !key.escaped && other.text == key.text)
            });
            let Some(at) = found else { return false };
            let Some((_, other)) = right.get(at) else { return false };
            pairs.push((Step::Key(key), value, *other));
            taken |= 1 << at;
            next = at + 1;
        }
        if has_twins(&right) || !self.sink.hides(Rule::JsonKeyOrder, || pointer(&self.path)) {
            return false;
        }
        for (step, x, y) in pairs {
            self.at_step(step, x, y);
        }
        true
    }

    fn key_spelling(&mut self, control: Raw<'a>, candidate: Raw<'a>) {
        if control.text == candidate.text {
            return;
        }
        if let Some(met) = string::same(control, candidate) {
            for rule in met.rules() {
                let at = || self_path(&self.path, control);
                if !self.sink.hides(rule, at) {
                    let finding = Finding::new(Kind::Value, self.pointer_to(Step::Key(control)));
                    self.sink.report(finding.values(quoted(control), quoted(candidate)).rule(rule));
                }
            }
        }
    }

    /// Members of one name; more than one on a side is a defect of that side, but not a difference if both have it.
    fn same_name(&mut self, old: &[Member], new: &[Member]) {
        let [first, ..] = old else { return };
        if old.len() != new.len() {
            let finding = Finding::new(Kind::Structure, self.pointer_to(Step::Key(first.raw(self.old))));
            let times = |members: &[Member]| format!("{} times", members.len());
            self.sink.report(finding.values(times(old), times(new)).cause("duplicate_key"));
            return;
        }
        for (x, y) in old.iter().zip(new) {
            let (key, other) = (x.raw(self.old), y.raw(self.new));
            self.key_spelling(key, other);
            self.at_step(Step::Key(key), x.value(), y.value());
        }
    }

    fn lost_member(&mut self, old: &[Member], at: usize, new: &[Member]) {
        let Some(member) = old.get(at) else { return };
        if self.old.kind(member.value()) != Json::Null && self.sink.only_counts() {
            return;
        }
        let shown = self.old.shown(member.value());
        let mut finding =
            Finding::new(Kind::Missing, self.pointer_to(Step::Key(member.raw(self.old)))).only_control(shown);
        if self.old.kind(member.value()) == Json::Null {
            finding = finding.rule(Rule::NullMissing);
        } else if let Some(cause) = self.renamed(self.old, member, self.new, new) {
            finding = finding.cause(cause);
        }
        self.sink.report(finding);
    }

    fn extra_member(&mut self, new: &[Member], at: usize, old: &[Member]) {
        let Some(member) = new.get(at) else { return };
        if self.new.kind(member.value()) != Json::Null && self.sink.only_counts() {
            return;
        }
        let shown = self.new.shown(member.value());
        let mut finding =
            Finding::new(Kind::Extra, self.pointer_to(Step::Key(member.raw(self.new)))).only_candidate(shown);
        finding = finding.severity(Severity::Medium);
        if self.new.kind(member.value()) == Json::Null {
            finding = finding.rule(Rule::NullMissing);
        } else if let Some(cause) = self.renamed(self.new, member, self.old, old) {
            finding = finding.cause(cause);
        }
        self.sink.report(finding);
    }

    /// Whether the other side has a member of the same letters, or of the same value under a name of its own.
    fn renamed(&self, here: &Tape<'a>, member: &Member, there: &Tape<'a>, others: &[Member]) -> Option<&'static str> {
        if others.len() > MANY_MEMBERS {
            return None;
        }
        if others.iter().any(|other| letters(&other.name(there)) == letters(&member.name(here))) {
            return Some("key_recased");
        }
        let value = here.shown(member.value());
        let telling = value.len() > 4;
        (telling && others.iter().any(|other| there.shown(other.value()) == value)).then_some("key_renamed")
    }

    /// Reports once per object that the members both sides have stand in another order.
    fn member_order(&mut self, old: &[Member], new: &[Member], common: &mut [(u32, u32)]) {
        common.sort_unstable_by_key(|(i, _)| old.get(*i as usize).map(|member| member.key));
        let place = |j: u32| new.get(j as usize).map(|member| member.key);
        if common.is_sorted_by_key(|(_, j)| place(*j)) {
            return;
        }
        if self.sink.hides(Rule::JsonKeyOrder, || pointer(&self.path)) {
            return;
        }
        let keys = |indexes: Vec<u32>, tape: &Tape<'a>, members: &[Member]| -> String {
            let names = indexes.iter().filter_map(|at| members.get(*at as usize)).map(|member| member.name(tape));
            names.collect::<Vec<_>>().join(", ")
        };
        let control = keys(common.iter().map(|(i, _)| *i).collect(), self.old, old);
        common.sort_unstable_by_key(|(_, j)| place(*j));
        let candidate = keys(common.iter().map(|(_, j)| *j).collect(), self.new, new);
        let finding = Finding::new(Kind::Order, self.pointer()).values(control, candidate);
        self.sink.report(finding.rule(Rule::JsonKeyOrder).cause("key_order"));
    }

    fn strings(&mut self, a: usize, b: usize) {
        if !self.afford(SCALAR) {
            return;
        }
        let (old, new) = (self.old.string(a), self.new.string(b));
        let same = if self.is_unlike { None } else { string::same(old, new) };
        if let Some(met) = same {
            for rule in met.rules() {
                if !self.sink.hides(rule, || pointer(&self.path)) {
                    let finding = Finding::new(Kind::Value, self.pointer()).values(quoted(old), quoted(new));
                    self.sink.report(finding.rule(rule));
                }
            }
            return;
        }
        let mut finding = Finding::new(Kind::Value, self.pointer()).values(quoted(old), quoted(new));
        if old.text.len().max(new.text.len()) > LONGEST_TOKEN {
            return self.sink.report(finding);
        }
        let (control, candidate) = (string::decode(old), string::decode(new));
        let volatile = volatile::strings(&self.name(), &control, &candidate, self.scope.now);
        if let Some(rule) = volatile.filter(|rule| self.may_be_volatile(*rule)) {
            finding = finding.rule(rule);
        } else if let (Some(x), Some(y)) = (clock::moment(&control), clock::moment(&candidate))
            && x == y
        {
            finding = finding.rule(Rule::DateFormats);
        }
        self.sink.report(finding);
    }

    /// An answer is made once and takes one while: ids, tokens and durations in a list are those of records. A clock may stand anywhere.
    fn may_be_volatile(&self, rule: Rule) -> bool {
        rule == Rule::VolatileTime || !self.path.iter().any(|step| matches!(step, Step::Index(_)))
    }

    /// The nearest key above: the name of the value.
    fn name(&self) -> Cow<'a, str> {
        let key = self.path.iter().rev().find_map(|step| match step {
            Step::Key(raw) => Some(*raw),
            Step::Index(_) => None,
        });
        key.map(string::decode).unwrap_or_default()
    }

    fn numbers(&mut self, a: usize, b: usize) {
        if !self.afford(SCALAR) {
            return;
        }
        let (old, new) = (self.old.slice(a), self.new.slice(b));
        let rule = self.number_rule(old, new);
        if let Some(rule) = rule
            && rule.class() == Class::Cosmetic
            && self.sink.hides(rule, || pointer(&self.path))
        {
            return;
        }
        if rule.is_none() && self.sink.only_counts() {
            return;
        }
        let finding = Finding::new(Kind::Value, self.pointer()).values(old, new);
        self.sink.report(match rule {
            Some(rule) => finding.rule(rule),
            None => finding,
        });
    }

    fn number_rule(&self, old: &str, new: &str) -> Option<Rule> {
        if number::is_beyond_use(old) || number::is_beyond_use(new) {
            return None;
        }
        if number::exact(old).equals(&number::exact(new)) {
            return Some(match number::spelling(old, new) {
                Spelling::MinusZero => Rule::JsonMinusZero,
                Spelling::Exponent => Rule::JsonExponent,
                Spelling::WholeFloat => Rule::JsonWholeFloat,
            });
        }
        if number::same_double(old, new) {
            return Some(Rule::JsonFloatDigits);
        }
        if number::is_bigint_as_float(old, new) {
            return Some(Rule::BigintFloat);
        }
        let volatile = volatile::numbers(&self.name(), number::double(old), number::double(new), self.scope.now);
        volatile
            .filter(|rule| self.may_be_volatile(*rule))
            .or_else(|| self.is_tolerated(old, new).then_some(Rule::FloatTolerance))
    }

    /// Floats within the tolerance; two whole numbers never are, nor two decimals with more digits than any double has.
    fn is_tolerated(&self, old: &str, new: &str) -> bool {
        let (x, y) = (number::double(old), number::double(new));
        let is_id = |text: &str, value: f64| number::is_whole_form(text) && value.abs() >= number::EXACT_UP_TO;
        if is_id(old, x)
            || is_id(new, y)
            || (number::is_whole_form(old) && number::is_whole_form(new))
            || (number::is_long(old) && number::is_long(new))
        {
            return false;
        }
        let bound = self.scope.rules.tolerance();
        let distance = (x - y).abs();
        // What no double holds is at no distance from anything.
        if !distance.is_finite() {
            return false;
        }
        distance <= bound.absolute || distance <= bound.relative * x.abs().max(y.abs())
    }

    fn types(&mut self, a: usize, b: usize) {
        let (old, new) = (self.old.kind(a), self.new.kind(b));
        let empty = |tape: &Tape<'a>, at: usize| tape.weight(at) == 2;
        let kind = match (old, new) {
            (Json::True | Json::False, Json::True | Json::False) => Kind::Value,
            _ => Kind::Type,
        };
        let mut finding = Finding::new(kind, self.pointer()).values(self.old.shown(a), self.new.shown(b));
        match (old, new) {
            (Json::Array, Json::Object) | (Json::Object, Json::Array) if empty(self.old, a) && empty(self.new, b) => {
                finding = finding.rule(Rule::EmptyArrayObject);
            }
            (Json::String, Json::Number) if numeric(self.old.string(a), self.new.slice(b)) => {
                finding = finding.rule(Rule::NumericStrings);
            }
            (Json::Number, Json::String) if numeric(self.new.string(b), self.old.slice(a)) => {
                finding = finding.rule(Rule::NumericStrings);
            }
            _ => {}
        }
        self.sink.report(finding);
    }
}

/// Whether a key stands twice.
fn has_twins(members: &[(Raw<'_>, usize)]) -> bool {
    members
        .iter()
        .enumerate()
        .any(|(at, (key, _))| members.iter().skip(at + 1).any(|(other, _)| other.text == key.text))
}

/// Whether a string is the number, written as JSON writes numbers.
fn numeric(text: Raw<'_>, value: &str) -> bool {
    !text.escaped && number::is_plain_number(text.text) && number::exact(text.text).equals(&number::exact(value))
}

fn quoted(raw: Raw<'_>) -> String {
    format!("\"{}\"", raw.text)
}

fn self_path<'a>(path: &[Step<'a>], key: Raw<'a>) -> String {
    let mut text = pointer(path);
    push_step(&mut text, Step::Key(key));
    text
}

pub(super) fn pointer(path: &[Step<'_>]) -> String {
    let mut text = String::with_capacity(path.len() * 12);
    for step in path {
        push_step(&mut text, *step);
    }
    text
}

fn push_step(path: &mut String, step: Step<'_>) {
    path.push('/');
    match step {
        Step::Index(index) => path.push_str(&index.to_string()),
        Step::Key(raw) => {
            for c in string::decode(raw).chars() {
                match c {
                    '~' => path.push_str("~0"),
                    '/' => path.push_str("~1"),
                    c => path.push(c),
                }
            }
        }
    }
}

/// A member of an object, for matching by name: the node of its key. Objects may have many, so it is small.
#[derive(Debug, Clone, Copy)]
struct Member {
    key: u32,
}

impl Member {
    fn raw<'a>(self, tape: &Tape<'a>) -> Raw<'a> {
        tape.string(self.key as usize)
    }

    fn name<'a>(self, tape: &Tape<'a>) -> Cow<'a, str> {
        string::decode(self.raw(tape))
    }

    fn value(self) -> usize {
        self.key as usize + 1
    }
}

/// The members by name; those of one name in the order of the text.
fn sorted(tape: &Tape<'_>, object: usize) -> Vec<Member> {
    let member = |(_, value): (Raw<'_>, usize)| Member { key: value as u32 - 1 };
    let mut members: Vec<Member> = tape.members(object).map(member).collect();
    if members.iter().any(|member| member.raw(tape).escaped) {
        members.sort_by_cached_key(|member| member.name(tape));
    } else {
        members.sort_by_key(|member| member.raw(tape).text);
    }
    members
}

/// How many members from `at` on have one name.
fn run(tape: &Tape<'_>, members: &[Member], at: usize) -> usize {
    let Some(first) = members.get(at) else { return 0 };
    let name = first.name(tape);
    members.iter().skip(at).take_while(|member| member.name(tape) == name).count()
}

/// A name without case, `_` and `-`: `last_update` and `lastUpdate` are the same letters.
fn letters(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}
