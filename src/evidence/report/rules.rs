//! What each rule did, and which of the operator's entries need care: never met, wider than what they hid, ended or about to end.

use std::collections::HashSet;

use serde::Serialize;

use crate::diff::OwnRule;
use crate::evidence::tally::{RuleCount, RuleExample, Tally};
use crate::evidence::time::rfc3339;

/// Compared pairs before a rule that did nothing, or covered more than it hid, is worth a word.
const ENOUGH: u64 = 200;
/// Days ahead that the end of an entry is told.
const SOON: i64 = 7;
const DAY: i64 = 86_400;

/// One rule that hid something, or that the operator wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleReport {
    pub rule: String,
    /// `cosmetic`, or of the operator's own: `ignore`, `accept`, `unordered`, `match_by`, `option`.
    pub class: String,
    /// Differences it hid. Never among the matched, but for cosmetic rules.
    pub count: u64,
    /// Pairs in which it met what it names; cosmetic rules are not counted by pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Pairs that it would have covered, had it not ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub expired: u64,
    /// When it last did something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// It met nothing in enough compared pairs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Where a rule last did something, and what stood there; redacted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    #[serde(flatten)]
    pub what: RuleExample,
    pub at: String,
}

/// Every rule of a route, those that need care first, then by what they hid. `now` in seconds since 1970.
pub fn rules(tally: &Tally, own: &[OwnRule], now: u64) -> Vec<RuleReport> {
    let mut told: Vec<RuleReport> = own.iter().map(|rule| own_rule(rule, tally, now)).collect();
    // What an older config had, and the window still shows.
    let gone =
        tally.triage.rules.iter().filter(|(name, count)| count.pairs > 0 && !own.iter().any(|own| own.name == **name));
    told.extend(gone.map(|(name, count)| RuleReport { class: class_of(name).to_owned(), ..counted(name, count) }));
    told.extend(tally.hidden.iter().map(|(name, hidden)| cosmetic(name, hidden, tally)));
    told.sort_by(|one, other| {
        let rank =
            |rule: &RuleReport| (rule.warning.is_none(), rule.class == "cosmetic", std::cmp::Reverse(rule.count));
        rank(one).cmp(&rank(other)).then_with(|| one.rule.cmp(&other.rule))
    });
    told
}

fn own_rule(rule: &OwnRule, tally: &Tally, now: u64) -> RuleReport {
    let none = RuleCount::default();
    let count = tally.triage.rules.get(&rule.name).unwrap_or(&none);
    RuleReport {
        dead: count.pairs == 0 && tally.compared() >= ENOUGH,
        class: rule.class.clone(),
        reason: rule.reason.clone(),
        until: rule.until.clone(),
        warning: warning(rule, count, tally.compared(), now),
        ..counted(&rule.name, count)
    }
}

fn counted(name: &str, count: &RuleCount) -> RuleReport {
    RuleReport {
        rule: name.to_owned(),
        class: String::new(),
        count: count.count,
        pairs: Some(count.pairs),
        reason: None,
        until: None,
        expired: count.expired,
        last_seen: (count.example_at > 0).then(|| rfc3339(count.example_at)),
        example: example(count),
        warning: None,
        dead: false,
    }
}

fn cosmetic(name: &str, hidden: &crate::evidence::tally::HiddenCount, tally: &Tally) -> RuleReport {
    let shown = tally.triage.rules.get(name).and_then(example);
    let at = rfc3339(hidden.example_at);
    let bare = RuleExample { path: hidden.example.clone(), ..RuleExample::default() };
    RuleReport {
        rule: name.to_owned(),
        class: "cosmetic".to_owned(),
        count: hidden.count,
        pairs: None,
        reason: None,
        until: None,
        expired: 0,
        last_seen: Some(at.clone()),
        example: Some(shown.unwrap_or(Example { what: bare, at })),
        warning: None,
        dead: false,
    }
}

fn example(count: &RuleCount) -> Option<Example> {
    let what = serde_json::from_str(&count.example).ok()?;
    Some(Example { what, at: rfc3339(count.example_at) })
}

/// From the name, for entries that the config has no more.
fn class_of(name: &str) -> &'static str {
    match name.split_once(": ") {
        Some(("ignore", _)) => "ignore",
        Some(("accept", _)) => "accept",
        Some(("unordered", _)) => "unordered",
        Some(("match_by", _)) => "match_by",
        _ => "option",
    }
}

fn warning(rule: &OwnRule, count: &RuleCount, compared: u64, now: u64) -> Option<String> {
    if let Some(ends) = ending(rule, now) {
        return Some(match ends {
            Ending::Over if count.expired > 0 => {
                let until = rule.until.as_deref().unwrap_or_default();
                format!("ended with {until}: its differences count again, in {} pairs so far", count.expired)
            }
            ends => ends.told(rule),
        });
    }
    if compared < ENOUGH {
        return None;
    }
    if count.pairs == 0 {
        return Some(format!("met nothing in {compared} compared pairs: is it still needed, or its place misspelt?"));
    }
    narrower(rule, count).map(|narrower| format!("covers more than it hid: {narrower} would do"))
}

/// Whether an entry has ended, or will soon. `now` in seconds since 1970.
pub fn ending(rule: &OwnRule, now: u64) -> Option<Ending> {
    let left = rule.expires?.saturating_sub(i64::try_from(now).ok()?);
    match left {
        ..=0 => Some(Ending::Over),
        left if left <= SOON * DAY => Some(Ending::Soon { days: (left - 1) / DAY }),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Over,
    /// Whole days left after today.
    Soon {
        days: i64,
    },
}

impl Ending {
    pub fn told(self, rule: &OwnRule) -> String {
        let until = rule.until.as_deref().unwrap_or_default();
        match self {
            Self::Over => format!("ended with {until}: its differences count again"),
            Self::Soon { days: 0 } => format!("ends with today, {until}: then its differences count again"),
            Self::Soon { days: 1 } => format!("ends tomorrow, {until}: then its differences count again"),
            Self::Soon { days } => format!("ends in {days} days, with {until}: then its differences count again"),
        }
    }
}

/// The entry that would have hidden the same, if everything that was hidden lies below fewer places.
fn narrower(rule: &OwnRule, count: &RuleCount) -> Option<String> {
    /// More entries than this are no easier to care for than the one.
    const MOST: usize = 3;
    if !matches!(rule.class.as_str(), "ignore" | "accept") {
        return None;
    }
    let at = rule.at.as_deref()?;
    let written = |place: &str| match place.strip_prefix("header:").or_else(|| place.strip_prefix("cookie:")) {
        Some(_) => place.to_owned(),
        None if place.starts_with('/') => place.to_owned(),
        None => format!("css:{place}"),
    };
    // Below a list all indexes are one place; the entry may name them by `*` too.
    let is_below = |place: &str| match at {
        "body" => place.starts_with('/'),
        _ if at.starts_with('/') => depth(place) > depth(at),
        _ => at.ends_with('*') && place.starts_with("header:"),
    };
    let places: Vec<&str> = count.places.keys().map(String::as_str).collect();
    if places.is_empty() || !places.iter().all(|place| is_below(place)) {
        return None;
    }
    let common = common(&places);
    let told: Vec<String> = match common {
        Some(common) if is_below(&common) => vec![written(&common)],
        _ if places.len() <= MOST => places.iter().map(|place| written(place)).collect(),
        _ => return None,
    };
    Some(format!("{}: [{}]", rule.class, told.join(", ")))
}

fn depth(pointer: &str) -> usize {
    pointer.matches('/').count()
}

/// The deepest pointer that all of these lie at or below.
fn common(places: &[&str]) -> Option<String> {
    let (first, rest) = places.split_first()?;
    let mut shared: Vec<&str> = first.split('/').collect();
    for place in rest {
        let alike = shared.iter().zip(place.split('/')).take_while(|(one, other)| *one == other).count();
        shared.truncate(alike);
    }
    // What ends with a star covers each member alike: that is no narrower than the list itself.
    while shared.len() > 1 && shared.last() == Some(&"*") {
        shared.pop();
    }
    (shared.len() > 1 || places.len() == 1).then(|| shared.join("/"))
}

/// An entry that several routes have, of `defaults`, is dead where all of them say so, and is told once.
///
/// `routes`: how many have an entry of this name; `met`: whether any of them met something with it.
pub fn settle_shared(reports: &mut [&mut Vec<RuleReport>], routes: impl Fn(&str) -> usize, met: impl Fn(&str) -> bool) {
    let mut told: HashSet<String> = HashSet::new();
    for rules in reports {
        for rule in rules.iter_mut().filter(|rule| rule.dead) {
            let others = routes(&rule.rule).saturating_sub(1);
            if others == 0 || is_ending(rule) {
                continue;
            }
            if met(&rule.rule) || !told.insert(rule.rule.clone()) {
                rule.warning = None;
            } else if let Some(warning) = &mut rule.warning {
                warning.push_str(&format!(" ({others} more routes have it, and it met nothing there)"));
            }
        }
    }
}

fn is_ending(rule: &RuleReport) -> bool {
    rule.warning.as_ref().is_some_and(|warning| warning.starts_with("end"))
}

/// The warnings of a route as sentences, each with the rule's name.
pub fn warnings(rules: &[RuleReport]) -> Vec<String> {
    rules.iter().filter_map(|rule| Some(format!("{}: {}", rule.rule, rule.warning.as_ref()?))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::diff::{Applied, Rules, RulesSpec};

    /// 2026-11-21T00:00:00Z.
    const TODAY: u64 = 1_795_219_200;

    fn own(spec: &str) -> Vec<OwnRule> {
        Rules::compile(&serde_json::from_str::<RulesSpec>(spec).unwrap()).unwrap().own()
    }

    fn tally(compared: u64, applied: &[(&str, &[&str])]) -> Tally {
        let mut tally = Tally { matched: compared, ..Tally::default() };
        for (rule, places) in applied {
            let places = places.iter().map(|place| (*place).to_owned()).collect();
            tally.triage.add_rule(
                &Applied { rule: (*rule).to_owned(), count: 1, places, ..Applied::default() },
                None,
                1,
            );
        }
        tally
    }

    fn told(spec: &str, compared: u64, applied: &[(&str, &[&str])]) -> Vec<String> {
        warnings(&rules(&tally(compared, applied), &own(spec), TODAY))
    }

    #[test]
    fn a_rule_that_met_nothing_is_told_when_enough_was_compared() {
        let spec = r#"{"ignore": ["/typo"], "unordered": ["/r"], "nbsp": true}"#;
        assert_eq!(told(spec, 199, &[]), Vec::<String>::new());
        let words = told(spec, 200, &[("unordered: /r", &["/r"])]);
        assert_eq!(words.len(), 2, "{words:?}");
        assert!(words[0].starts_with("ignore: /typo: met nothing in 200 compared pairs"), "{words:?}");
    }

    #[test]
    fn a_rule_that_covers_more_than_it_hides_is_told_the_narrower_one() {
        let spec = r#"{"ignore": ["/results"]}"#;
        let hid = |places: &[&str]| told(spec, 200, &[("ignore: /results", places)]);
        assert_eq!(
            hid(&["/results/*/Votes"]),
            ["ignore: /results: covers more than it hid: ignore: [/results/*/Votes] would do"]
        );
        assert_eq!(hid(&["/results"]), Vec::<String>::new(), "the whole list");
        assert_eq!(
            hid(&["/results/*/a", "/results/*/b"]),
            ["ignore: /results: covers more than it hid: ignore: [/results/*/a, /results/*/b] would do"]
        );
        assert_eq!(
            hid(&["/results/*/a/x", "/results/*/a/y", "/results/*/a/z", "/results/*/a/w"]),
            ["ignore: /results: covers more than it hid: ignore: [/results/*/a] would do"]
        );
        assert_eq!(hid(&["/results/*/a", "/results/*/b", "/results/*/c", "/results/*/d"]), Vec::<String>::new());
        let header = told(r#"{"ignore": ["header:x-*"]}"#, 200, &[("ignore: header:x-*", &["header:X-Foo"])]);
        assert_eq!(header, ["ignore: header:x-*: covers more than it hid: ignore: [header:X-Foo] would do"]);
        let exact =
            told(r#"{"ignore": ["/results/*/Votes"]}"#, 200, &[("ignore: /results/*/Votes", &["/results/*/Votes"])]);
        assert_eq!(exact, Vec::<String>::new());
    }

    #[test]
    fn an_entry_is_told_before_it_ends_and_after() {
        let ends = |until: &str| {
            let spec = format!(r#"{{"accept": [{{"at": "/v", "reason": "new API", "until": "{until}"}}]}}"#);
            let words = told(&spec, 0, &[]);
            words.first().map(|word| word.replace("accept: /v: ", ""))
        };
        assert_eq!(ends("2026-12-31"), None);
        assert_eq!(ends("2026-11-27").unwrap(), "ends in 6 days, with 2026-11-27: then its differences count again");
        assert_eq!(ends("2026-11-21").unwrap(), "ends with today, 2026-11-21: then its differences count again");
        assert_eq!(ends("2026-11-20").unwrap(), "ended with 2026-11-20: its differences count again");
    }

    #[test]
    fn an_entry_of_all_routes_is_dead_once_or_not_at_all() {
        let spec = r#"{"ignore": ["/typo", "/own"]}"#;
        let of_two = |met: bool| {
            let route = || rules(&tally(200, &[]), &own(spec), TODAY);
            let (mut one, mut other) = (route(), route());
            settle_shared(&mut [&mut one, &mut other], |name| if name == "ignore: /own" { 1 } else { 2 }, |_| met);
            [warnings(&one), warnings(&other)]
        };
        let [one, other] = of_two(false);
        assert_eq!((one.len(), other.len()), (2, 1), "{one:?} {other:?}");
        assert!(one.iter().any(|word| word.ends_with("(1 more routes have it, and it met nothing there)")), "{one:?}");
        let [one, other] = of_two(true);
        assert_eq!((one.len(), other.len()), (1, 1), "{one:?} {other:?}");
    }

    #[test]
    fn what_no_config_has_any_more_is_still_told() {
        let found = rules(&tally(10, &[("accept: /old", &["/old"])]), &[], TODAY);
        assert_eq!((found[0].rule.as_str(), found[0].class.as_str(), found[0].count), ("accept: /old", "accept", 1));
    }
}
