//! The sections of a route's report beside its bugs: what stands on every response, what became public or was lost, the mix of
//! statuses, the operator's own rules.

use std::fmt::Write;

use super::words::{both, place, plain};
use super::{Colour, Paint};
use crate::evidence::report::mix::MixReport;
use crate::evidence::report::rules::RuleReport;
use crate::evidence::report::triage::{RouteTriage, Shown};
use crate::evidence::report::{DifferenceReport, HiddenReport};

/// Lines of one section; the JSON form has more.
const MAX_LINES: usize = 10;
/// Columns of a value that shares its line with others.
const NARROW: usize = 40;

/// What to do next, at the top.
pub fn next(out: &mut String, steps: &[String], paint: Paint) {
    if steps.is_empty() {
        return;
    }
    line!(out, "{}", paint.on(Colour::Bold, "Next"));
    for (number, step) in (1..).zip(steps) {
        line!(out, "  {number:>2}. {}", plain(step));
    }
    out.push('\n');
}

/// One line for each header, and the block that would accept them: they are decisions, no page's bug.
pub fn on_every(out: &mut String, every: &[&DifferenceReport], compared: u64) {
    if every.is_empty() {
        return;
    }
    line!(out, "\n  On every response:");
    let mut told: Vec<&str> = Vec::new();
    for one in every {
        if told.contains(&one.path.as_str()) {
            continue;
        }
        told.push(&one.path);
        let count: u64 = every.iter().filter(|other| other.path == one.path).map(|other| other.count).sum();
        let (old, new) = both(one.control.as_deref(), one.candidate.as_deref(), NARROW);
        let severity = one.severity;
        line!(out, "     {severity}  {}: {old} -> {new}  {count} of {compared}  {}", place(&one.path), one.fingerprint);
    }
    let mut entries: Vec<&str> = every.iter().filter_map(|one| one.told.accept.as_deref()).collect();
    entries.dedup();
    if !entries.is_empty() {
        line!(out, "     what of it is intended, say so in the route's diff block, below accept:");
    }
    for entry in entries {
        line!(out, "       - {}", plain(entry));
    }
}

pub fn exposed(out: &mut String, triage: &RouteTriage) {
    let tell = |out: &mut String, title: &str, shown: &[Shown]| {
        if shown.is_empty() {
            return;
        }
        line!(out, "\n  {title}:");
        for one in shown.iter().take(MAX_LINES) {
            let sample = one.sample.map_or_else(String::new, |sample| format!("  sample {sample}"));
            line!(out, "     {:>6} ×  {}  {} -> {}{sample}", one.pairs, plain(&one.request), one.legacy, one.new);
        }
        beyond(out, shown.len());
    };
    tell(out, "Only new answers (was it ever public?)", &triage.new_only);
    tell(out, "Lost: only legacy answers", &triage.lost);
}

/// Told where the two answered the same requests otherwise.
pub fn mix(out: &mut String, mix: &MixReport) {
    if mix.turned.is_empty() {
        return;
    }
    line!(out, "\n  Statuses and redirect targets:");
    line!(out, "     {:>9} {:>9}", "legacy", "new");
    for one in mix.statuses.iter().chain(&mix.redirects).take(MAX_LINES) {
        line!(out, "     {:>9} {:>9}  {}", one.legacy, one.new, plain(&one.what));
    }
    for shift in &mix.shifts {
        line!(out, "     ! {}", plain(shift));
    }
}

/// What the operator accepts and ignores, and which of these entries need care.
pub fn own_rules(out: &mut String, triage: &RouteTriage) {
    let own = triage.rules.iter().filter(|rule| rule.class != "cosmetic");
    let (accepted, others): (Vec<&RuleReport>, Vec<_>) = own.partition(|rule| rule.class == "accept");
    some(out, "Intended", accepted);
    some(out, "Silenced by the route's other rules", others.into_iter().filter(|rule| rule.count > 0).collect());
    if !triage.warnings.is_empty() {
        line!(out, "\n  Rules that need care:");
    }
    for warning in triage.warnings.iter().take(MAX_LINES) {
        line!(out, "     {}", plain(warning));
    }
    beyond(out, triage.warnings.len());
}

/// Rules, those that hide most first: a line each.
fn some(out: &mut String, title: &str, mut rules: Vec<&RuleReport>) {
    if rules.is_empty() {
        return;
    }
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.count));
    let total: u64 = rules.iter().map(|rule| rule.count).sum();
    let entries = if rules.len() == 1 { "entry" } else { "entries" };
    line!(out, "\n  {title}: {total} differences, {} {entries}:", rules.len());
    for rule in rules.iter().take(MAX_LINES) {
        let place = rule.rule.strip_prefix("accept: ").unwrap_or(&rule.rule);
        let until = rule.until.as_ref().map_or_else(String::new, |until| format!(", until {until}"));
        let reason = match (&rule.reason, rule.class.as_str()) {
            (Some(reason), _) => format!("  {}{until}", plain(reason)),
            (None, "accept") => "  no longer in the config".to_owned(),
            (None, _) => String::new(),
        };
        line!(out, "     {:>6} ×  {}{reason}{}", rule.count, plain(place), example(rule));
    }
    beyond(out, rules.len());
}

fn beyond(out: &mut String, told: usize) {
    if told > MAX_LINES {
        line!(out, "     … and {} more: --format json tells them.", told - MAX_LINES);
    }
}

fn example(rule: &RuleReport) -> String {
    let Some(example) = &rule.example else { return String::new() };
    let what = &example.what;
    if what.control.is_none() && what.candidate.is_none() {
        return String::new();
    }
    let (old, new) = both(what.control.as_deref(), what.candidate.as_deref(), NARROW);
    format!("  (last {old} -> {new})")
}

/// What cosmetic rules hid, on a line or two: it is no work for anybody. The JSON form has an example of each.
pub fn hidden(out: &mut String, hidden: &[HiddenReport]) {
    if hidden.is_empty() {
        return;
    }
    let told = hidden.iter().take(MAX_LINES).map(|one| format!("{} {}", plain(&one.rule), one.count));
    let told: Vec<String> = told.collect();
    let more = hidden.len().saturating_sub(MAX_LINES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    line!(out, "\n  Hidden by cosmetic rules: {}{more}.", told.join(", "));
}
