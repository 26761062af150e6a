//! What is told in step, without tapes, is what is told with them.

use serde_json::{Value, json};

use super::super::{documents, lockstep, taped};
use super::{request, told};
use crate::diff::json::tape::Tape;
use crate::diff::{Comparison, Kind, Rules, Scope, Sink};

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

fn scalar(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => json!(dice.below(3) == 0),
        1 => Value::Null,
        2 => json!(format!("package-{}", dice.below(4))),
        3 => json!(["2024-01-02 03:04:05", "a/b", "Noël", ""][dice.below(4)]),
        4 => json!(dice.below(1000) as f64 / 4.0),
        _ => json!(dice.below(5)),
    }
}

fn row(dice: &mut Dice, id: usize) -> Value {
    let fields = ["name", "version", "votes", "owner", "popularity"];
    let mut row = json!({ "id": id });
    for field in &fields[..1 + dice.below(fields.len())] {
        row[*field] = scalar(dice);
    }
    if dice.below(3) == 0 {
        row["tags"] = (0..dice.below(5)).map(|_| scalar(dice)).collect();
    }
    row
}

fn document(dice: &mut Dice) -> Value {
    let rows: Vec<Value> = (0..dice.below(7)).map(|id| row(dice, id)).collect();
    let matrix: Vec<Value> = (0..dice.below(4)).map(|_| json!([scalar(dice), scalar(dice)])).collect();
    json!({ "count": rows.len(), "rows": rows, "matrix": matrix, "page": scalar(dice) })
}

/// Changes some scalars, turns two elements of a list round, puts some in or takes some out.
fn change(dice: &mut Dice, value: &mut Value, one_in: usize) {
    match value {
        Value::Array(list) => {
            if list.len() > 1 && dice.below(8) == 0 {
                let (one, other) = (dice.below(list.len()), dice.below(list.len()));
                list.swap(one, other);
            }
            if dice.below(10) == 0 {
                let (at, count) = (dice.below(list.len() + 1), 1 + dice.below(3));
                let id = dice.below(9);
                list.splice(at..at, (0..count).map(|_| if id < 4 { scalar(dice) } else { row(dice, id) }));
            }
            if !list.is_empty() && dice.below(10) == 0 {
                let (at, count) = (dice.below(list.len()), 1 + dice.below(3));
                list.drain(at..(at + count).min(list.len()));
            }
            list.iter_mut().for_each(|element| change(dice, element, one_in));
        }
        Value::Object(members) => members.values_mut().for_each(|member| change(dice, member, one_in)),
        other if dice.below(one_in) == 0 => *other = scalar(dice),
        _ => {}
    }
}

/// The one way and the other; `None`: not told in step.
fn both_ways(old: &str, new: &str, rules: &Rules) -> Option<(Comparison, Comparison)> {
    let request = request();
    let scope = Scope { request: &request, rules, now: None };
    lockstep::prove(old, new, rules)?;
    let mut quick = Sink::new(rules, None);
    super::super::compare(old, new, &scope, &mut quick);
    let mut slow = Sink::new(rules, None);
    let (Ok(a), Ok(b)) = taped((old, new), &slow, Tape::parse_within) else { panic!("{old} {new}") };
    documents(&a, &b, &scope, &mut slow);
    Some((quick.finish(), slow.finish()))
}

#[test]
fn what_is_told_in_step_is_what_is_told_with_tapes() {
    let rules = Rules::default();
    let (mut dice, mut met, mut several, mut one_sided) = (Dice(1859), 0, 0, 0);
    for _ in 0..20_000 {
        let old = document(&mut dice);
        let mut new = old.clone();
        let one_in = [4, 12, 40, 1_000][dice.below(4)];
        change(&mut dice, &mut new, one_in);
        let (old, new) = (old.to_string().replace('/', "\\/"), serde_json::to_string_pretty(&new).unwrap());
        let Some((quick, slow)) = both_ways(&old, &new, &rules) else { continue };
        assert_eq!((told(&quick), &quick.hidden), (told(&slow), &slow.hidden), "{old}\n{new}");
        assert_eq!(quick.differences, slow.differences, "{old}\n{new}");
        let is_one_sided = quick.differences.iter().any(|one| matches!(one.kind, Kind::Extra | Kind::Missing));
        (met, several) = (met + 1, several + usize::from(quick.differences.len() > 1));
        one_sided += usize::from(is_one_sided);
    }
    assert!(met > 10_000 && several > 4_000 && one_sided > 1_000, "{met} {several} {one_sided}");
}

/// The elements behind those that one side has more are alike, so that it may be guessed which they are; the guess is proven.
#[test]
fn what_stands_behind_a_gap_may_stand_elsewhere() {
    let rules = Rules::default();
    for (old, new) in [
        ("[1,2,3]", "[1,9,2,3]"),
        ("[1,2,3,4]", "[1,9,8,7,2,3,4]"),
        ("[1,9,2,3]", "[1,2,3]"),
        ("[[1,2],[3,4]]", "[[1,2],[9,3,4]]"),
        ("[{\"a\":[1,2]},5]", "[{\"a\":[7,1,2]},5]"),
    ] {
        let (quick, slow) = both_ways(old, new, &rules).unwrap();
        assert_eq!((told(&quick), &quick.differences), (told(&slow), &slow.differences), "{old} {new}");
        assert_eq!(quick.differences.len(), new.len().abs_diff(old.len()) / 2, "{old} {new}");
    }
    // As many on both sides, or more than the guess says.
    for (old, new) in [("[1,2,3]", "[9,1,3]"), ("[1,2,3]", "[9,1,8,2,7,3]"), ("[1,2,1,2]", "[2,1,2,1]")] {
        let told_alike = both_ways(old, new, &rules).is_none_or(|(quick, slow)| quick.differences == slow.differences);
        assert!(told_alike, "{old} {new}");
    }
}

/// What is left out in step is read nevertheless.
#[test]
fn elements_that_are_no_json_are_not_left_out() {
    let rules = Rules::default();
    for new in
        ["[1,2,nul]", "[1,2,{\"a\"}]", "[1,2,[3}]", "[01,1,2]", "[,1,2]", "[1,2,]", "[1,2,\"\u{1}\"]", "[1,2,3", "[]]"]
    {
        assert!(lockstep::prove("[1,2]", new, &rules).is_none(), "{new}");
        assert!(lockstep::prove(new, "[1,2]", &rules).is_none(), "{new}");
    }
    for new in ["[1,2,3]", "[0,1,2]", "[]", "[ 1 , 2 , [ ] ]", "[{\"a\":1},1,2]"] {
        assert!(lockstep::prove("[1,2]", new, &rules).is_some(), "{new}");
        assert!(lockstep::prove(new, "[1,2]", &rules).is_some(), "{new}");
    }
}
