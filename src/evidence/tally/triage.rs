//! What helps to look at the right things first: what each rule did, which statuses and redirect targets either origin gave, and
//! where the two gave another one to the same request.
//! Mergeable like the [`super::Tally`] that holds it. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MAX_NAMES, OTHER, fold, slot};
use crate::diff::Applied;

/// Places of one rule that are counted apart.
const MAX_PLACES: usize = 32;

/// The counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Triage {
    pub rules: BTreeMap<String, RuleCount>,
    pub legacy: Mix,
    pub new: Mix,
    /// Pairs of which the two answers have other statuses or redirect targets, by [`turned`].
    pub turned: BTreeMap<String, u64>,
    /// Pairs of which only one side says that there is nothing, by [`Exposed::name`].
    pub exposed: BTreeMap<String, u64>,
}

/// What became public, or was lost: a request that only one of the two answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// As a difference calls it, `new_only` or `lost`.
    pub kind: String,
    pub legacy: u16,
    pub new: u16,
    /// `GET /openapi.json`: ids collapsed, no query.
    pub request: String,
}

impl Exposed {
    /// As it is counted and kept.
    pub fn name(&self) -> String {
        format!("{}\n{}\n{}\n{}", self.kind, self.legacy, self.new, self.request)
    }

    pub fn named(name: &str) -> Option<Self> {
        let mut parts = name.splitn(4, '\n');
        let kind = parts.next()?.to_owned();
        let (legacy, new) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { kind, legacy, new, request: parts.next()?.to_owned() })
    }
}

/// Status and redirect target as one word: `404`, `302 /login`.
pub fn outcome(status: u16, redirect: Option<&str>) -> String {
    redirect.map_or_else(|| status.to_string(), |target| format!("{status} {target}"))
}

/// What legacy's outcome is to new: `404 -> 302 /login`.
pub fn turned(legacy: &str, new: &str) -> String {
    format!("{legacy}{TURNED}{new}")
}

/// Legacy's and new's outcome.
pub fn untangled(turned: &str) -> Option<(&str, &str)> {
    turned.split_once(TURNED)
}

const TURNED: &str = " -> ";

/// What one rule did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// Differences it silenced.
    pub count: u64,
    /// Pairs in which it met what it names.
    pub pairs: u64,
    /// Pairs in which it would have silenced something, had it not expired.
    pub expired: u64,
    /// A [`RuleExample`] as JSON, redacted; empty: none.
    pub example: String,
    /// Milliseconds since 1970.
    pub example_at: u64,
    /// Collapsed paths that it covered, with the pairs that showed them.
    pub places: BTreeMap<String, u64>,
}

/// Where a rule last did something, and what stood there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleExample {
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
}

impl RuleCount {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.pairs += other.pairs;
        self.expired += other.expired;
        if (other.example_at, &other.example) > (self.example_at, &self.example) {
            self.example.clone_from(&other.example);
            self.example_at = other.example_at;
        }
        for (place, count) in &other.places {
            *self.places.entry(place.clone()).or_default() += count;
        }
    }
}

/// What one origin answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mix {
    pub statuses: BTreeMap<u16, u64>,
    /// By target: the path with ids collapsed, without query; the host if it is another.
    pub redirects: BTreeMap<String, u64>,
}

impl Mix {
    pub fn merge(&mut self, other: &Self) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (target, count) in &other.redirects {
            *self.redirects.entry(target.clone()).or_default() += count;
        }
    }

    pub fn total(&self) -> u64 {
        self.statuses.values().sum()
    }
}

/// One counted name, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRow<'a> {
    pub family: &'static str,
    pub name: String,
    pub count: u64,
    pub example: &'a str,
    pub example_at: u64,
}

const RULE: &str = "rule";
const RULE_PAIRS: &str = "rule_pairs";
const RULE_EXPIRED: &str = "rule_expired";
/// The rule, a line end, the place.
const RULE_PLACE: &str = "rule_place";
const TURNED_FAMILY: &str = "turned";
const EXPOSED: &str = "exposed";
/// The families of the mix, legacy's and new's.
const STATUS: [&str; 2] = ["status_legacy", "status_new"];
const REDIRECT: [&str; 2] = ["redirect_legacy", "redirect_new"];

impl Triage {
    /// What one of the operator's rules did in one pair.
    pub fn add_rule(&mut self, applied: &Applied, example: Option<String>, at: u64) {
        let rule = slot(&mut self.rules, &applied.rule);
        rule.pairs += 1;
        if applied.expired {
            rule.expired += 1;
        } else {
            rule.count += u64::from(applied.count);
        }
        for place in applied.places.iter().filter(|_| applied.count > 0 && !applied.expired) {
            if rule.places.len() < MAX_PLACES || rule.places.contains_key(place) {
                *rule.places.entry(place.clone()).or_default() += 1;
            }
        }
        self.add_example(&applied.rule, example, at);
    }

    /// An example of a rule, cosmetic ones included; their counts are in [`super::Tally::hidden`].
    pub fn add_example(&mut self, rule: &str, example: Option<String>, at: u64) {
        let Some(example) = example else { return };
        let rule = slot(&mut self.rules, rule);
        if at >= rule.example_at {
            (rule.example, rule.example_at) = (example, at);
        }
    }

    /// Whether an example of the rule is at hand already.
    pub fn has_example(&self, rule: &str) -> bool {
        self.rules.get(rule).is_some_and(|rule| !rule.example.is_empty())
    }

    /// Statuses and redirect targets of the two answers to one request.
    pub fn add_answers(&mut self, legacy: (u16, Option<&str>), new: (u16, Option<&str>)) {
        for (mix, (status, redirect)) in [(&mut self.legacy, legacy), (&mut self.new, new)] {
            *mix.statuses.entry(status).or_default() += 1;
            if let Some(target) = redirect {
                *slot(&mut mix.redirects, target) += 1;
            }
        }
        if legacy != new {
            let turned = turned(&outcome(legacy.0, legacy.1), &outcome(new.0, new.1));
            *slot(&mut self.turned, &turned) += 1;
        }
    }

    pub fn add_exposed(&mut self, exposed: &Exposed) {
        *slot(&mut self.exposed, &exposed.name()) += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (name, rule) in &other.rules {
            self.rules.entry(name.clone()).or_default().merge(rule);
        }
        self.legacy.merge(&other.legacy);
        self.new.merge(&other.new);
        for (ours, theirs) in [(&mut self.turned, &other.turned), (&mut self.exposed, &other.exposed)] {
            for (name, count) in theirs {
                *ours.entry(name.clone()).or_default() += count;
            }
        }
    }

    /// As [`super::Tally::fold`]. Places of rules are examples: the seldom ones are given up.
    pub fn fold(&mut self, keep: usize) {
        let names = [&mut self.legacy.redirects, &mut self.new.redirects, &mut self.turned, &mut self.exposed];
        names.into_iter().for_each(|names| fold(names, keep));
        for rule in self.rules.values_mut() {
            fold(&mut rule.places, keep);
            rule.places.remove(OTHER);
        }
    }

    /// Everything as rows.
    pub fn rows(&self) -> Vec<NamedRow<'_>> {
        let plain = |family, name: String, count| NamedRow { family, name, count, example: "", example_at: 0 };
        let mut rows = Vec::new();
        for (name, rule) in &self.rules {
            let (example, example_at) = (rule.example.as_str(), rule.example_at);
            rows.push(NamedRow { family: RULE, name: name.clone(), count: rule.count, example, example_at });
            rows.push(plain(RULE_PAIRS, name.clone(), rule.pairs));
            if rule.expired > 0 {
                rows.push(plain(RULE_EXPIRED, name.clone(), rule.expired));
            }
            let places = rule.places.iter();
            rows.extend(places.map(|(place, count)| plain(RULE_PLACE, format!("{name}\n{place}"), *count)));
        }
        for (mix, side) in [(&self.legacy, 0), (&self.new, 1)] {
            let statuses = mix.statuses.iter();
            rows.extend(statuses.map(|(status, count)| plain(STATUS[side], status.to_string(), *count)));
            let redirects = mix.redirects.iter();
            rows.extend(redirects.map(|(target, count)| plain(REDIRECT[side], target.clone(), *count)));
        }
        for (family, names) in [(TURNED_FAMILY, &self.turned), (EXPOSED, &self.exposed)] {
            rows.extend(names.iter().map(|(name, count)| plain(family, name.clone(), *count)));
        }
        rows
    }

    /// Takes a row back; `false`: it is none of these.
    pub fn add_row(&mut self, family: &str, name: &str, count: u64, example: (&str, u64)) -> bool {
        let side = |families: [&str; 2]| families.iter().position(|known| *known == family);
        if let Some(side) = side(STATUS) {
            if let Ok(status) = name.parse() {
                *self.mix(side).statuses.entry(status).or_default() += count;
            }
            return true;
        }
        if let Some(side) = side(REDIRECT) {
            *self.mix(side).redirects.entry(name.to_owned()).or_default() += count;
            return true;
        }
        if matches!(family, TURNED_FAMILY | EXPOSED) {
            let names = if family == EXPOSED { &mut self.exposed } else { &mut self.turned };
            *names.entry(name.to_owned()).or_default() += count;
            return true;
        }
        if !matches!(family, RULE | RULE_PAIRS | RULE_EXPIRED | RULE_PLACE) {
            return false;
        }
        let (rule, place) = name.split_once('\n').unwrap_or((name, ""));
        let mut row = RuleCount::default();
        match family {
            RULE => (row.count, row.example, row.example_at) = (count, example.0.to_owned(), example.1),
            RULE_PAIRS => row.pairs = count,
            RULE_EXPIRED => row.expired = count,
            _ => drop(row.places.insert(place.to_owned(), count)),
        }
        self.rules.entry(rule.to_owned()).or_default().merge(&row);
        true
    }

    fn mix(&mut self, side: usize) -> &mut Mix {
        if side == 0 { &mut self.legacy } else { &mut self.new }
    }
}

/// Names kept apart over a wide window, for those that a site can make without end.
pub const BOUNDED: [&str; 4] = [REDIRECT[0], REDIRECT[1], TURNED_FAMILY, EXPOSED];

const _: () = assert!(MAX_PLACES < MAX_NAMES);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn applied(rule: &str, count: u32, places: &[&str]) -> Applied {
        let places = places.iter().map(|place| (*place).to_owned()).collect();
        Applied { rule: rule.to_owned(), count, places, ..Applied::default() }
    }

    #[test]
    fn rows_are_read_back_as_they_were() {
        let mut triage = Triage::default();
        triage.add_rule(&applied("ignore: /a", 3, &["/a/*/b", "/a/*/c"]), Some("{\"path\":\"/a\"}".to_owned()), 7);
        triage.add_rule(&applied("unordered: /r", 0, &["/r"]), None, 8);
        triage.add_rule(&Applied { expired: true, ..applied("accept: /x", 1, &["/x"]) }, None, 8);
        triage.add_answers((200, None), (302, Some("/login")));
        triage.add_answers((404, None), (404, None));
        let exposed = Exposed { kind: "new_only".to_owned(), legacy: 404, new: 200, request: "GET /docs".to_owned() };
        triage.add_exposed(&exposed);
        assert_eq!(triage.exposed.keys().map(|name| Exposed::named(name)).collect::<Vec<_>>(), [Some(exposed)]);
        let mut read = Triage::default();
        for row in triage.rows() {
            assert!(read.add_row(row.family, &row.name, row.count, (row.example, row.example_at)));
        }
        assert_eq!(read, triage);
        assert_eq!((triage.rules["accept: /x"].count, triage.rules["accept: /x"].expired), (0, 1));
        assert!(triage.rules["unordered: /r"].places.is_empty());
        assert!(!read.add_row("field", "/a", 1, ("", 0)));
        let mut twice = triage.clone();
        twice.merge(&triage);
        assert_eq!(twice.rules["ignore: /a"].places["/a/*/b"], 2);
        assert_eq!(twice.new.redirects["/login"], 2);
        assert_eq!(twice.turned, BTreeMap::from([("200 -> 302 /login".to_owned(), 2)]));
        assert_eq!(untangled("200 -> 302 /login"), Some(("200", "302 /login")));
    }
}
