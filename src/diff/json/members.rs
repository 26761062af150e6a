//! The members of two objects: which are the same ones, which are lost, added, renamed, twice there, in another order.

use std::borrow::Cow;
use std::cmp::Ordering;

use smallvec::SmallVec;

use super::string;
use super::tape::{Kind as Json, Raw, Tape};
use super::walk::{Step, Walk, pointer, push_step, quoted};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::{Rule, Side};
use crate::diff::sink::Finding;

/// In larger objects nobody looks for a renamed key: each look costs the whole object.
const MANY_MEMBERS: usize = 64;

/// Objects up to this are matched by looking through them: cheaper than sorting. At most 64, the bits of a mask.
const FEW_MEMBERS: usize = 24;

/// Steps for each member that is sorted by name: of [`MAX_WORK`](crate::diff::sink::MAX_WORK).
const MEMBER: usize = 30;

/// Bytes for each of them: itself, its sort key, and its place among those that both have.
const SORTED: usize = 16;

/// Steps for each other member that is looked at for a renamed one.
const RENAMED: usize = 80;

impl<'a> Walk<'_, 'a, '_, '_> {
    pub(super) fn objects(&mut self, a: usize, b: usize) {
        if self.members_in_step(a, b) {
            return;
        }
        if self.members_by_search(a, b) {
            return;
        }
        let members = self.old.members(a).count() + self.new.members(b).count();
        let held = members * SORTED;
        if !self.afford(members * MEMBER) || !self.hold(held) {
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
                (Some(x), Some(y)) => string::order(x.raw(self.old), y.raw(self.new)),
            };
            let (many, more) = (run(self.old, &old, i), run(self.new, &new, j));
            match order {
                Ordering::Less => {
                    self.alone(Side::Legacy, &old, i, &new);
                    i += many;
                }
                Ordering::Greater => {
                    self.alone(Side::New, &new, j, &old);
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
        self.sink.let_go(held);
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
        if has_twins(&right) || !self.sink.hides(Rule::JsonKeyOrder, || pointer(self.path.iter().copied())) {
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

    /// A member that the other side has not.
    fn alone(&mut self, side: Side, here: &[Member], at: usize, there: &[Member]) {
        let Some(member) = here.get(at) else { return };
        let (own, other) = match side {
            Side::Legacy => (self.old, self.new),
            Side::New => (self.new, self.old),
        };
        let is_null = own.kind(member.value()) == Json::Null;
        if (!is_null && self.sink.only_counts()) || !self.afford(RENAMED * there.len().min(MANY_MEMBERS)) {
            return;
        }
        let path = self.pointer_to(Step::Key(member.raw(own)));
        let shown = own.shown(member.value());
        let mut finding = match side {
            Side::Legacy => Finding::new(Kind::Missing, path).only_control(shown),
            Side::New => Finding::new(Kind::Extra, path).only_candidate(shown).severity(Severity::Medium),
        };
        if is_null {
            finding = finding.rule(Rule::NullMissing);
        } else if let Some(cause) = renamed(own, member, other, there) {
            finding = finding.cause(cause);
        }
        self.sink.report(finding);
    }

    /// Reports once per object that the members both sides have stand in another order.
    fn member_order(&mut self, old: &[Member], new: &[Member], common: &mut [(u32, u32)]) {
        common.sort_unstable_by_key(|(i, _)| old.get(*i as usize).map(|member| member.key));
        let place = |j: u32| new.get(j as usize).map(|member| member.key);
        if common.is_sorted_by_key(|(_, j)| place(*j)) {
            return;
        }
        if self.sink.hides(Rule::JsonKeyOrder, || pointer(self.path.iter().copied())) {
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
}

/// Whether the other side has a member of the same letters, or of the same value under a name of its own.
fn renamed(here: &Tape<'_>, member: &Member, there: &Tape<'_>, others: &[Member]) -> Option<&'static str> {
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

fn self_path<'a>(path: &[Step<'a>], key: Raw<'a>) -> String {
    let mut text = pointer(path.iter().copied());
    push_step(&mut text, Step::Key(key));
    text
}

/// Whether a key stands twice.
fn has_twins(members: &[(Raw<'_>, usize)]) -> bool {
    members
        .iter()
        .enumerate()
        .any(|(at, (key, _))| members.iter().skip(at + 1).any(|(other, _)| other.text == key.text))
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
///
/// What is sorted are the first bytes that not all names share, with the place behind them: numbers, in one piece of memory. No tape has
/// as many nodes as a place has room for.
fn sorted(tape: &Tape<'_>, object: usize) -> Vec<Member> {
    const PLACE_BITS: u32 = 24;
    const PLACE: u64 = (1 << PLACE_BITS) - 1;
    let members = || tape.members(object).map(|(_, value)| Member { key: value as u32 - 1 });
    let shared = shared_start(tape, object);
    let start_of = |raw: Raw<'_>| {
        let name = string::decode(raw);
        let mut start = [0; 8];
        start.iter_mut().zip(name.bytes().skip(shared).take(size_of::<u64>() - 3)).for_each(|(to, byte)| *to = byte);
        u64::from_be_bytes(start) & !PLACE
    };
    let mut list: Vec<Member> = Vec::with_capacity(members().count());
    list.extend(members());
    let mut keys: Vec<u64> =
        (0..).zip(&list).map(|(place, member): (u64, _)| start_of(member.raw(tape)) | place & PLACE).collect();
    keys.sort_unstable();
    let raw = |key: &u64| list.get((key & PLACE) as usize).map(|member| member.raw(tape));
    for run in keys.chunk_by_mut(|a, b| a & !PLACE == b & !PLACE).filter(|run| run.len() > 1) {
        run.sort_by(|a, b| match (raw(a), raw(b)) {
            (Some(a), Some(b)) => string::order(a, b),
            _ => Ordering::Equal,
        });
    }
    let mut ordered = Vec::with_capacity(list.len());
    ordered.extend(keys.iter().filter_map(|key| list.get((key & PLACE) as usize)));
    ordered
}

/// How many bytes all names of an object have in common at their start.
fn shared_start(tape: &Tape<'_>, object: usize) -> usize {
    let mut keys = tape.members(object).map(|(key, _)| key);
    let Some(first) = keys.next().filter(|key| !key.escaped) else { return 0 };
    let first = first.text.as_bytes();
    keys.fold(first.len(), |shared, key| {
        if key.escaped {
            return 0;
        }
        first.iter().zip(key.text.as_bytes()).take(shared).take_while(|(a, b)| a == b).count()
    })
}

/// How many members from `at` on have one name.
fn run(tape: &Tape<'_>, members: &[Member], at: usize) -> usize {
    let Some(first) = members.get(at) else { return 0 };
    let name = first.raw(tape);
    members.iter().skip(at).take_while(|member| string::order(member.raw(tape), name).is_eq()).count()
}

/// A name without case, `_` and `-`: `last_update` and `lastUpdate` are the same letters.
fn letters(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}
