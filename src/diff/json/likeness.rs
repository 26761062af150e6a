//! What a value means, as a hash in which spelling and the order of members do not matter, and how alike two values are.

use xxhash_rust::xxh3::xxh3_64;

use super::parse::{Kind as Json, Tape};
use super::{number, string};

/// What of a value is looked at to find its like.
pub(super) type Face = (Json, Vec<(u64, u64, bool)>);

pub(super) fn face(tape: &Tape<'_>, at: usize) -> Face {
    match tape.kind(at) {
        Json::Object => (Json::Object, members(tape, at)),
        Json::False => (Json::True, Vec::new()),
        kind => (kind, Vec::new()),
    }
}

/// How alike two values are, from 0 to 1: of objects, the share of members that are equal.
pub(super) fn alike(x: &Face, y: &Face) -> f64 {
    match (x.0, y.0) {
        (Json::Object, Json::Object) => objects_alike(&x.1, &y.1),
        (Json::Array, Json::Array) => 0.5,
        (a, b) if a == b => 0.4,
        _ => 0.0,
    }
}

/// Members by hash of their names: `(name, value, names the object)`.
fn members(tape: &Tape<'_>, object: usize) -> Vec<(u64, u64, bool)> {
    let mut found: Vec<(u64, u64, bool)> = tape
        .members(object)
        .map(|(key, value)| {
            let name = string::decode(key);
            (xxh3_64(name.as_bytes()), meaning(tape, value), is_identity(&name))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Members that usually tell one record from another.
fn is_identity(name: &str) -> bool {
    ["id", "uuid", "guid", "key", "slug", "name", "code"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn objects_alike(xs: &[(u64, u64, bool)], ys: &[(u64, u64, bool)]) -> f64 {
    let (mut i, mut j) = (0, 0);
    let (mut common, mut equal) = (0_usize, 0_usize);
    let mut identity = None;
    while let (Some(x), Some(y)) = (xs.get(i), ys.get(j)) {
        match x.0.cmp(&y.0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                equal += usize::from(x.1 == y.1);
                if x.2 {
                    identity = Some(identity.unwrap_or(true) && x.1 == y.1);
                }
                i += 1;
                j += 1;
            }
        }
    }
    let share = |part: usize| part as f64 / xs.len().max(ys.len()).max(1) as f64;
    let alike = share(equal) * 0.9 + share(common) * 0.1;
    match identity {
        Some(true) => 0.5 + alike / 2.0,
        Some(false) => alike * 0.7,
        None => alike,
    }
}

/// The value of a member, hashed.
pub(super) fn member_hash(tape: &Tape<'_>, object: usize, key: &str) -> Option<u64> {
    if tape.kind(object) != Json::Object {
        return None;
    }
    tape.members(object).find(|(name, _)| string::decode(*name) == key).map(|(_, value)| meaning(tape, value))
}

/// A hash over what a value means: spelling, and the order of members, do not matter.
pub(super) fn meaning(tape: &Tape<'_>, at: usize) -> u64 {
    match tape.kind(at) {
        Json::Null => 1,
        Json::True => 2,
        Json::False => 3,
        Json::Odd | Json::End => xxh3_64(tape.slice(at).as_bytes()),
        Json::String => mix(4, xxh3_64(string::decode(tape.string(at)).as_bytes())),
        Json::Number => number_meaning(tape.slice(at)),
        Json::Array => tape.elements(at).fold(5, |sum, element| mix(sum, meaning(tape, element))),
        Json::Object => tape.members(at).fold(6, |sum, (key, value)| {
            let name = xxh3_64(string::decode(key).as_bytes());
            sum.wrapping_add(mix(name, meaning(tape, value)))
        }),
    }
}

/// Whole numbers exactly, others as doubles: spellings of one number meet, and where two numbers meet by chance, they are still compared.
fn number_meaning(text: &str) -> u64 {
    let exact = number::exact(text);
    if exact.power < 0 {
        return mix(7, number::double(text).to_bits());
    }
    let sign = u64::from(exact.negative && !exact.is_zero());
    mix(8 + sign, mix(exact.power.unsigned_abs(), xxh3_64(exact.digits.as_bytes())))
}

fn mix(a: u64, b: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    (a.rotate_left(23) ^ b).wrapping_mul(ODD).rotate_left(29).wrapping_add(a)
}
