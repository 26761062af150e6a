//! What the rules in force leave of a value, as a hash: what they hide or silence is left out, or written in one way. Records that differ
//! in nothing else find each other by it, however many there are.
//!
//! It says which element is which, and nothing more: whether two are equal is told by comparing them.

use smallvec::SmallVec;

use super::likeness::{mix, number_meaning, text_hash};
use super::number;
use super::string;
use super::tape::{Kind as Json, REMEMBERED_FROM, Raw, Tape};
use super::walk::Step;
use crate::diff::clock;
use crate::diff::rules::{Rule, Rules, Segment, Tolerance};
use crate::diff::scope::Scope;
use crate::diff::volatile;

/// What the operator says of a place within the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// What differs there does not count.
    Nothing,
    /// The array there has no order.
    NoOrder,
}

/// Entries that lead into a value, by the rest of their way.
type Entries<'r> = SmallVec<[(&'r [Segment], Said); 4]>;

/// How values of one array are read.
pub(super) struct Essence<'r, 'a> {
    rules: &'r Rules,
    now: Option<i64>,
    tolerance: Option<Tolerance>,
    /// Those that lead into the array, and the key that it stands under.
    entries: Entries<'r>,
    name: Raw<'a>,
}

/// Rules that write what they are about in one way.
const LOOSENING: [Rule; 7] = [
    Rule::NumericStrings,
    Rule::DateFormats,
    Rule::NullMissing,
    Rule::FloatTolerance,
    Rule::BigintFloat,
    Rule::EmptyArrayObject,
    Rule::Unordered,
];

/// Marks the place of a container whose essence is kept: no tape has as many nodes. It is the same for each array around it.
const ESSENCE: usize = 1 << 31;

const NOTHING: u64 = 11;
const CLOCK: u64 = 12;
const EMPTY: u64 = 13;
const MOMENT: u64 = 14;
const CELL: u64 = 15;

impl<'r, 'a> Essence<'r, 'a> {
    /// Of the elements of the array at a path. `None`: the rules in force there leave all that values mean.
    pub fn below(path: &[Step<'a>], scope: &Scope<'r>) -> Option<Self> {
        let rules = scope.rules;
        let left_out = rules.left_out().map(|segments| (segments, Said::Nothing));
        let entries: Entries<'r> =
            left_out.chain(rules.any_order().map(|segments| (segments, Said::NoOrder))).collect();
        let entries = path.iter().fold(entries, |entries, step| into(&entries, *step));
        let shows_clocks = scope.now.is_some() && rules.is_on(Rule::VolatileTime);
        if entries.is_empty() && !shows_clocks && !LOOSENING.iter().any(|rule| rules.is_on(*rule)) {
            return None;
        }
        let name = path.iter().rev().find_map(|step| match step {
            Step::Key(raw) => Some(*raw),
            Step::Index(_) => None,
        });
        Some(Self {
            rules,
            now: scope.now.filter(|_| shows_clocks),
            tolerance: rules.is_on(Rule::FloatTolerance).then(|| rules.tolerance()),
            entries,
            name: name.unwrap_or(Raw { text: "", escaped: false }),
        })
    }

    /// Of one element, that stands at this index.
    pub fn of(&self, tape: &Tape<'a>, index: usize, node: usize) -> u64 {
        self.value(tape, node, self.name, &into(&self.entries, Step::Index(index)))
    }

    fn value(&self, tape: &Tape<'a>, at: usize, name: Raw<'a>, entries: &Entries<'r>) -> u64 {
        tape.look(1 + entries.len());
        if says(entries, Said::Nothing) {
            return NOTHING;
        }
        let is_kept = matches!(tape.kind(at), Json::Array | Json::Object) && tape.length(at) >= REMEMBERED_FROM;
        if !is_kept {
            return self.value_of(tape, at, name, entries);
        }
        tape.known(at | ESSENCE).unwrap_or_else(|| {
            let found = self.value_of(tape, at, name, entries);
            tape.remember(at | ESSENCE, found);
            found
        })
    }

    fn value_of(&self, tape: &Tape<'a>, at: usize, name: Raw<'a>, entries: &Entries<'r>) -> u64 {
        let kind = tape.kind(at);
        match kind {
            Json::Array | Json::Object if tape.weight(at) == 2 && self.rules.is_on(Rule::EmptyArrayObject) => EMPTY,
            Json::Array => {
                let has_order = !says(entries, Said::NoOrder) && !self.rules.is_on(Rule::Unordered);
                tape.elements(at).enumerate().fold(5, |sum, (index, element)| {
                    let found = self.value(tape, element, name, &into(entries, Step::Index(index)));
                    if has_order { mix(sum, found) } else { sum.wrapping_add(mix(5, found)) }
                })
            }
            Json::Object => tape.members(at).fold(6, |sum, (key, value)| {
                if tape.kind(value) == Json::Null && self.rules.is_on(Rule::NullMissing) {
                    return sum;
                }
                let found = self.value(tape, value, key, &into(entries, Step::Key(key)));
                if found == NOTHING { sum } else { sum.wrapping_add(mix(text_hash(tape, key), found)) }
            }),
            Json::String => self.text(tape, tape.string(at), name),
            Json::Number => self.number(tape.slice(at), name),
            _ => kind as u64 + 1,
        }
    }

    fn text(&self, tape: &Tape<'a>, raw: Raw<'a>, name: Raw<'a>) -> u64 {
        if self.rules.is_on(Rule::NumericStrings) && !raw.escaped && number::is_plain_number(raw.text) {
            return self.number(raw.text, name);
        }
        if (self.now.is_some() || self.rules.is_on(Rule::DateFormats)) && may_be_moment(raw) {
            tape.look(READ);
            let text = string::decode(raw);
            let Some(moment) = clock::moment(&text) else { return mix(4, text_hash(tape, raw)) };
            let clock = volatile::strings(&string::decode(name), &text, &text, self.now);
            if clock == Some(Rule::VolatileTime) {
                return CLOCK;
            }
            if self.rules.is_on(Rule::DateFormats) {
                return mix(MOMENT, moment as u64);
            }
        }
        mix(4, text_hash(tape, raw))
    }

    fn number(&self, text: &str, name: Raw<'a>) -> u64 {
        const SHORTEST_CLOCK: usize = 10;
        let value = number::double(text);
        if self.now.is_some()
            && text.len() >= SHORTEST_CLOCK
            && volatile::numbers(&string::decode(name), value, value, self.now) == Some(Rule::VolatileTime)
        {
            return CLOCK;
        }
        if self.rules.is_on(Rule::BigintFloat) && value.is_finite() && value.abs() >= number::EXACT_UP_TO {
            return mix(7, value.to_bits());
        }
        match self.tolerance {
            Some(tolerance) if !number::is_whole_form(text) && value.abs() < number::EXACT_UP_TO => {
                near(value, tolerance).unwrap_or_else(|| number_meaning(text))
            }
            _ => number_meaning(text),
        }
    }
}

/// What reading a date costs, in values that are hashed.
const READ: usize = 6;

/// Numbers as near to each other as the tolerance allows are mostly one: the whole number that it reaches, else a cell much wider than it.
/// Two at a border are not; then likeness has to do.
fn near(value: f64, tolerance: Tolerance) -> Option<u64> {
    const WIDER: f64 = 64.0;
    let bound = tolerance.absolute.max(tolerance.relative * value.abs());
    let whole = value.round();
    if (value - whole).abs() <= bound {
        return Some(number_meaning(&format!("{whole:.0}")));
    }
    let width = (bound * WIDER).log2().ceil().exp2();
    let cell = (value / width).floor();
    (width.is_normal() && cell.is_finite()).then(|| mix(CELL, mix(cell.to_bits(), width.to_bits())))
}

/// Those of the entries that lead on by this step.
fn into<'r>(entries: &Entries<'r>, step: Step<'_>) -> Entries<'r> {
    let leads = |wanted: &Segment| match (wanted, step) {
        (Segment::Any, _) => true,
        (Segment::Named(name), Step::Key(key)) => string::decode(key) == *name,
        (Segment::Named(name), Step::Index(index)) => name.parse() == Ok(index),
    };
    let on = |(segments, said): &(&'r [Segment], Said)| match segments.split_first() {
        Some((first, rest)) => leads(first).then_some((rest, *said)),
        // All that is below a place of no account is of none.
        None => (*said == Said::Nothing).then_some((*segments, *said)),
    };
    entries.iter().filter_map(on).collect()
}

fn says(entries: &Entries<'_>, wanted: Said) -> bool {
    entries.iter().any(|(segments, said)| segments.is_empty() && *said == wanted)
}

/// No date is shorter or longer; each has a time of day, and a number or a space before it.
fn may_be_moment(raw: Raw<'_>) -> bool {
    const SHORTEST: usize = 16;
    const LONGEST: usize = 48;
    let text = raw.text.as_bytes();
    let has = |wanted: u8| memchr::memchr(wanted, text).is_some();
    (SHORTEST..=LONGEST).contains(&text.len())
        && has(b':')
        && (text.first().is_some_and(u8::is_ascii_digit) || has(b' '))
}
