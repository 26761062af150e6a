//! Two tapes side by side. Says what differs and where; what counts is the sink's affair.

use std::borrow::Cow;
use std::collections::HashMap;

use super::number;
use super::string;
use super::tape::{Kind as Json, Raw, Tape};
use crate::diff::clock;
use crate::diff::comparison::Kind;
use crate::diff::rules::{Class, Rule};
use crate::diff::scope::Scope;
use crate::diff::shown::Shown;
use crate::diff::sink::{Finding, Sink};
use crate::diff::volatile;

/// Steps for each value that is looked at and each scalar that is not as it was: of [`MAX_WORK`](crate::diff::sink::MAX_WORK).
const VALUE: usize = 6;
const SCALAR: usize = 60;
const HASHED: usize = 10;

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
    pub(super) path: Vec<Step<'a>>,
    /// What is compared is one scalar, and known not to mean the same.
    pub(super) is_unlike: bool,
    pub(super) gave_up: bool,
    /// Large containers of which is known whether they mean the same, each with its counterpart.
    pub(super) known: HashMap<u32, (u32, bool)>,
}

impl<'w, 'a, 's, 'r> Walk<'w, 'a, 's, 'r> {
    pub(super) fn new(old: &'w Tape<'a>, new: &'w Tape<'a>, scope: &'w Scope<'s>, sink: &'w mut Sink<'r>) -> Self {
        Self { old, new, scope, sink, path: Vec::new(), is_unlike: false, gave_up: false, known: HashMap::new() }
    }

    /// At a place below the roots of what is compared, of a scalar that is known not to mean the same.
    pub(super) fn unlike_at(self, path: Vec<Step<'a>>) -> Self {
        Self { path, is_unlike: true, ..self }
    }

    /// Compares two values.
    pub(super) fn value(&mut self, a: usize, b: usize) {
        let is_same_kind = self.old.kind(a) == self.new.kind(b);
        if is_same_kind && self.is_known(a, b) != Some(false) && self.old.slice(a) == self.new.slice(b) {
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
        !self.gave_up && (self.sink.spend(steps) || self.give_up())
    }

    /// Spends the work of what was looked at for its meaning.
    pub(super) fn afford_looks(&mut self) -> bool {
        let looked = self.old.looked() + self.new.looked();
        self.afford(looked * HASHED)
    }

    /// Takes room for lists and tables; without, the two are too different.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        !self.gave_up && (self.sink.hold(bytes) || self.give_up())
    }

    /// `false`, for those who could not afford something.
    #[cold]
    fn give_up(&mut self) -> bool {
        self.gave_up = true;
        self.sink.report(super::too_different(self.old.text, self.new.text));
        false
    }

    /// Whether it is known of two values that they mean the same, or do not.
    pub(super) fn is_known(&self, a: usize, b: usize) -> Option<bool> {
        if self.known.is_empty() {
            return None;
        }
        self.known.get(&(a as u32)).filter(|(other, _)| *other as usize == b).map(|(_, same)| *same)
    }

    pub(super) fn at_step(&mut self, step: Step<'a>, a: usize, b: usize) {
        self.path.push(step);
        self.value(a, b);
        self.path.pop();
    }

    /// The path as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        pointer(self.path.iter().copied())
    }

    pub(super) fn pointer_to(&self, step: Step<'a>) -> String {
        let mut path = self.pointer();
        push_step(&mut path, step);
        path
    }

    fn strings(&mut self, a: usize, b: usize) {
        if !self.afford(SCALAR) {
            return;
        }
        let (old, new) = (self.old.string(a), self.new.string(b));
        let same = if self.is_unlike { None } else { string::same(old, new) };
        if let Some(met) = same {
            for rule in met.rules() {
                if !self.sink.hides(rule, || pointer(self.path.iter().copied())) {
                    let finding = Finding::new(Kind::Value, self.pointer()).values(quoted(old), quoted(new));
                    self.sink.report(finding.rule(rule));
                }
            }
            return;
        }
        let rule = self.string_rule(old, new);
        if rule.is_none() && self.sink.only_counts() {
            return;
        }
        self.value_differs(rule, quoted(old), quoted(new));
    }

    fn value_differs(&mut self, rule: Option<Rule>, control: impl Into<Shown>, candidate: impl Into<Shown>) {
        let finding = Finding::new(Kind::Value, self.pointer()).values(control, candidate);
        self.sink.report(match rule {
            Some(rule) => finding.rule(rule),
            None => finding,
        });
    }

    /// The rule that two strings of other meanings are about.
    fn string_rule(&self, old: Raw<'a>, new: Raw<'a>) -> Option<Rule> {
        if old.text.len().max(new.text.len()) > LONGEST_TOKEN {
            return None;
        }
        let (control, candidate) = (string::decode(old), string::decode(new));
        let volatile = volatile::strings(&self.name(), &control, &candidate, self.scope.now);
        volatile.filter(|rule| self.may_be_volatile(*rule)).or_else(|| {
            let (x, y) = (clock::moment(&control)?, clock::moment(&candidate)?);
            (x == y).then_some(Rule::DateFormats)
        })
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
            && self.sink.hides(rule, || pointer(self.path.iter().copied()))
        {
            return;
        }
        if rule.is_none() && self.sink.only_counts() {
            return;
        }
        self.value_differs(rule, old, new);
    }

    fn number_rule(&self, old: &str, new: &str) -> Option<Rule> {
        if number::is_beyond_use(old) || number::is_beyond_use(new) {
            return None;
        }
        if number::are_small_and_whole(old, new) {
            return self.volatile_number(old, new);
        }
        if let Some(spelling) = number::respelled(old, new) {
            return Some(spelling.rule());
        }
        if number::same_double(old, new) {
            return Some(Rule::JsonFloatDigits);
        }
        if number::is_bigint_as_float(old, new) {
            return Some(Rule::BigintFloat);
        }
        self.volatile_number(old, new).or_else(|| self.is_tolerated(old, new).then_some(Rule::FloatTolerance))
    }

    fn volatile_number(&self, old: &str, new: &str) -> Option<Rule> {
        let found = volatile::numbers(&self.name(), number::double(old), number::double(new), self.scope.now);
        found.filter(|rule| self.may_be_volatile(*rule))
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

/// Whether a string is the number, written as JSON writes numbers.
fn numeric(text: Raw<'_>, value: &str) -> bool {
    !text.escaped && number::is_plain_number(text.text) && number::exact(text.text).equals(&number::exact(value))
}

pub(super) fn quoted(raw: Raw<'_>) -> String {
    let mut text = String::with_capacity(raw.text.len() + 2);
    text.push('"');
    text.push_str(raw.text);
    text.push('"');
    text
}

/// A path as a JSON pointer.
#[inline]
pub(super) fn pointer<'a>(path: impl IntoIterator<Item = Step<'a>>) -> String {
    const USUAL: usize = 48;
    let mut text = String::with_capacity(USUAL);
    for step in path {
        push_step(&mut text, step);
    }
    text
}

pub(super) fn push_step(path: &mut String, step: Step<'_>) {
    path.push('/');
    match step {
        Step::Index(index) => push_index(path, index),
        // One look for all that is not written as it stands.
        Step::Key(raw) if !raw.text.bytes().any(|byte| matches!(byte, b'~' | b'/' | b'\\')) => path.push_str(raw.text),
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

fn push_index(path: &mut String, index: usize) {
    match u8::try_from(index) {
        Ok(digit @ 0..10) => path.push(char::from(b'0' + digit)),
        _ => path.push_str(&index.to_string()),
    }
}
