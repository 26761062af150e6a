//! What a value means, as a hash in which spelling and the order of members do not matter, and how alike two values are.

use xxhash_rust::xxh3::xxh3_64;

use super::tape::{Kind as Json, REMEMBERED_FROM, Raw, Tape};
use super::{number, string};

/// What of a value is looked at to find its like: of an object its members by hash of their names, of a scalar its meaning.
pub(super) type Face = (Json, Vec<(u64, u64, Identity)>);

/// Whether a member tells one record from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    No,
    /// A name or code: two records may differ in nothing else, and one record may be renamed.
    Weak,
    Strong,
}

pub(super) fn face(tape: &Tape<'_>, at: usize) -> Face {
    match tape.kind(at) {
        Json::Object => (Json::Object, members(tape, at)),
        Json::Array => (Json::Array, Vec::new()),
        Json::False => (Json::True, vec![(0, meaning(tape, at), Identity::No)]),
        kind => (kind, vec![(0, loose_meaning(tape, at), Identity::No)]),
    }
}

/// Elements of different arrays less alike than this are not one element that changed, but one removed and one added.
pub(super) const ALIKE: f64 = 0.2;

/// How alike two values are, from 0 to 1: of objects, the share of members that are equal. What is of another type may still be the
/// same element, printed otherwise; what prints the same surely is.
pub(super) fn alike(x: &Face, y: &Face) -> f64 {
    alike_by(Identity::Weak, x, y)
}

/// As [`alike`], of two values at the same place: only another id says that they are not the same element.
pub(super) fn alike_in_place(x: &Face, y: &Face) -> f64 {
    alike_by(Identity::Strong, x, y)
}

fn alike_by(identity: Identity, x: &Face, y: &Face) -> f64 {
    match (x.0, y.0) {
        (Json::Object, Json::Object) => objects_alike(identity, &x.1, &y.1),
        (Json::Array, Json::Array) => 0.5,
        (a, b) if !x.1.is_empty() && x.1 == y.1 && a != Json::Object && b != Json::Object => 0.9,
        (a, b) if a == b => 0.4,
        _ => ANOTHER_TYPE,
    }
}

/// Just enough to be paired, where nothing fits better.
const ANOTHER_TYPE: f64 = 0.25;

/// Members by hash of their names: `(name, value, names the object)`.
fn members(tape: &Tape<'_>, object: usize) -> Vec<(u64, u64, Identity)> {
    let mut found: Vec<(u64, u64, Identity)> = tape
        .members(object)
        .map(|(key, value)| {
            let name = string::decode(key);
            (xxh3_64(name.as_bytes()), loose_meaning(tape, value), identity(&name))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Members that usually tell one record from another.
fn identity(name: &str) -> Identity {
    let is_one_of = |list: &[&str]| list.iter().any(|known| name.eq_ignore_ascii_case(known));
    match () {
        () if is_one_of(&["id", "uuid", "guid", "key", "slug"]) => Identity::Strong,
        () if is_one_of(&["name", "code"]) => Identity::Weak,
        () => Identity::No,
    }
}

/// Members of at least this `identity` tell records apart.
fn objects_alike(identity: Identity, xs: &[(u64, u64, Identity)], ys: &[(u64, u64, Identity)]) -> f64 {
    let (mut i, mut j) = (0, 0);
    let (mut common, mut equal) = (0_usize, 0_usize);
    let mut same_record = None;
    while let (Some(x), Some(y)) = (xs.get(i), ys.get(j)) {
        match x.0.cmp(&y.0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                equal += usize::from(x.1 == y.1);
                if x.2 >= identity {
                    same_record = Some(same_record.unwrap_or(true) && x.1 == y.1);
                }
                i += 1;
                j += 1;
            }
        }
    }
    let share = |part: usize| part as f64 / xs.len().max(ys.len()).max(1) as f64;
    let alike = share(equal) * 0.75 + share(common) * 0.25;
    match same_record {
        Some(true) => 0.5 + alike / 2.0,
        Some(false) => alike * 0.7,
        None => alike,
    }
}

/// The value of a member, hashed: `"42"` and `42` name the same element.
pub(super) fn member_hash(tape: &Tape<'_>, object: usize, key: &str) -> Option<u64> {
    if tape.kind(object) != Json::Object {
        return None;
    }
    tape.members(object).find(|(name, _)| string::decode(*name) == key).map(|(_, value)| loose_meaning(tape, value))
}

/// A hash over what a value means: spelling, and the order of members, do not matter.
pub(super) fn meaning(tape: &Tape<'_>, at: usize) -> u64 {
    let is_kept = matches!(tape.kind(at), Json::Array | Json::Object) && tape.length(at) >= REMEMBERED_FROM;
    if !is_kept {
        return meaning_of(tape, at);
    }
    tape.known(at).unwrap_or_else(|| {
        let found = meaning_of(tape, at);
        tape.remember(at, found);
        found
    })
}

fn meaning_of(tape: &Tape<'_>, at: usize) -> u64 {
    tape.look(1);
    match tape.kind(at) {
        Json::Null => 1,
        Json::True => 2,
        Json::False => 3,
        Json::Odd | Json::End => xxh3_64(tape.slice(at).as_bytes()),
        Json::String => mix(4, text_hash(tape, tape.string(at))),
        Json::Number => number_meaning(tape.slice(at)),
        Json::Array => tape.elements(at).fold(5, |sum, element| mix(sum, meaning(tape, element))),
        Json::Object => tape
            .members(at)
            .fold(6, |sum, (key, value)| sum.wrapping_add(mix(text_hash(tape, key), meaning(tape, value)))),
    }
}

/// A hash over the text that a string means.
pub(super) fn text_hash(tape: &Tape<'_>, raw: Raw<'_>) -> u64 {
    tape.look(raw.text.len() / if raw.escaped { ESCAPED_PER_STEP } else { PLAIN_PER_STEP });
    xxh3_64(string::decode(raw).as_bytes())
}

/// Bytes of a string that cost as much as a value to hash.
const PLAIN_PER_STEP: usize = 256;
const ESCAPED_PER_STEP: usize = 8;

/// As [`meaning`], but a string that is a number means that number: for finding an element again, not for calling it equal.
fn loose_meaning(tape: &Tape<'_>, at: usize) -> u64 {
    if tape.kind(at) == Json::String && number::is_plain_number(tape.slice(at)) {
        return number_meaning(tape.slice(at));
    }
    meaning(tape, at)
}

/// Whole numbers exactly, others as doubles: spellings of one number meet, and where two numbers meet by chance, they are still compared.
pub(super) fn number_meaning(text: &str) -> u64 {
    let exact = number::exact(text);
    if exact.power < 0 {
        return mix(7, number::double(text).to_bits());
    }
    let sign = u64::from(exact.negative && !exact.is_zero());
    mix(8 + sign, mix(exact.power.unsigned_abs(), xxh3_64(exact.digits.as_bytes())))
}

pub(super) fn mix(a: u64, b: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    (a.rotate_left(23) ^ b).wrapping_mul(ODD).rotate_left(29).wrapping_add(a)
}
