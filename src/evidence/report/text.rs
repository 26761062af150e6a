//! The report as a person reads it: the verdict first, then the causes by weight, then what was hidden and what was lost.

use std::fmt::Write;

use super::{DifferenceReport, Flip, Latencies, NoiseField, NoiseReport, Report, RouteReport};
use crate::evidence::noise::Call;
use crate::evidence::readiness::Verdict;

/// Columns that a value of a difference may take.
const VALUE_WIDTH: usize = 100;
/// Causes told in full; the JSON form has them all.
const MAX_CAUSES: usize = 20;
/// Places of noise told.
const MAX_NOISE: usize = 10;
/// Changes of stage told; the newest.
const MAX_FLIPS: usize = 20;

/// Whether the text is for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Coloured,
}

#[derive(Debug, Clone, Copy)]
enum Colour {
    Bold,
    Faint,
    Green,
    Yellow,
    Red,
}

impl Paint {
    fn on(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Bold => "1",
            Colour::Faint => "2",
            Colour::Green => "1;32",
            Colour::Yellow => "1;33",
            Colour::Red => "1;31",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// Writing to a string cannot fail.
macro_rules! line {
    ($out:expr, $($format:tt)*) => {{
        let _ = writeln!($out, $($format)*);
    }};
}

/// The whole report.
pub fn text(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    if report.routes.is_empty() {
        out.push_str(
            "Nothing was sampled yet, and no route has a mirror. A route is proven at stage shadow, with a mirror.\n",
        );
    }
    let is_silent = |route: &&RouteReport| report.routes.len() > 1 && is_silent(route);
    let told: Vec<&RouteReport> = report.routes.iter().filter(|route| !is_silent(route)).collect();
    summary_text(&mut out, &told, paint);
    for route in told {
        route_text(&mut out, route, &report.flips, paint);
        out.push('\n');
    }
    let silent: Vec<String> = report.routes.iter().filter(is_silent).map(|route| plain(&route.route)).collect();
    if !silent.is_empty() {
        line!(out, "Nothing was sampled of: {}\n", silent.join(", "));
    }
    flips_text(&mut out, &report.flips, paint);
    out
}

/// Nothing to tell but that there is nothing: a site has many routes that nobody asks for.
fn is_silent(route: &RouteReport) -> bool {
    route.compared == 0 && route.unproven == 0 && route.reasons.len() == 1
}

/// One line a route, where there are several: which to look at first.
fn summary_text(out: &mut String, routes: &[&RouteReport], paint: Paint) {
    if routes.len() < 2 {
        return;
    }
    let width = routes.iter().map(|route| plain(&route.route).chars().count()).max().unwrap_or(0).max("route".len());
    let head = format!(
        "{:width$}  {:8} {:>9} {:>10} {:>9} {:>7}  verdict",
        "route", "stage", "compared", "mismatched", "unproven", "causes"
    );
    line!(out, "{}", paint.on(Colour::Faint, &head));
    for route in routes {
        line!(
            out,
            "{:width$}  {:8} {:>9} {:>10} {:>9} {:>7}  {}",
            plain(&route.route),
            route.stage,
            route.compared,
            route.mismatched,
            route.unproven,
            route.differences.len(),
            verdict_text(route.verdict, paint)
        );
    }
    out.push('\n');
}

fn verdict_text(verdict: Verdict, paint: Paint) -> String {
    match verdict {
        Verdict::Ready => paint.on(Colour::Green, "READY"),
        Verdict::NotYet => paint.on(Colour::Red, "NOT YET"),
        Verdict::Inconclusive => paint.on(Colour::Yellow, "INCONCLUSIVE"),
    }
}

fn route_text(out: &mut String, route: &RouteReport, flips: &[Flip], paint: Paint) {
    let stage = match route.weight {
        Some(weight) => format!("{} {weight} %", route.stage),
        None => route.stage.clone(),
    };
    let verdict = verdict_text(route.verdict, paint);
    line!(out, "{}  ({stage})  {verdict}", paint.on(Colour::Bold, &plain(&route.route)));
    for reason in &route.reasons {
        line!(out, "  {reason}");
    }
    line!(
        out,
        "  {} compared: {} matched, {} ignored, {} mismatched; {} unproven. Since {}.",
        route.compared,
        route.matched,
        route.ignored,
        route.mismatched,
        route.unproven,
        route.since
    );
    latency_text(out, &route.latency);
    for (number, difference) in (1..).zip(route.differences.iter().take(MAX_CAUSES)) {
        difference_text(out, number, difference, route.compared, paint);
        if let Some(flip) = flip_before(difference, &route.route, flips) {
            line!(out, "     began after {} -> {} ({})", flip.from, flip.to, flip.at);
        }
        asking_again(out, difference, paint);
    }
    let beyond = route.differences.len().saturating_sub(MAX_CAUSES);
    if beyond > 0 {
        line!(out, "\n  … and {beyond} more causes: --format json tells them all.");
    }
    rest_text(out, route);
}

fn latency_text(out: &mut String, latency: &Latencies) {
    let (Some(legacy), Some(legacy_p99)) = (latency.legacy.p50_ms, latency.legacy.p99_ms) else { return };
    let (Some(new), Some(new_p99)) = (latency.new.p50_ms, latency.new.p99_ms) else { return };
    line!(out, "  Latency p50 / p99: legacy {legacy} / {legacy_p99} ms, new {new} / {new_p99} ms.");
}

fn difference_text(out: &mut String, number: usize, difference: &DifferenceReport, compared: u64, paint: Paint) {
    let colour = match difference.severity {
        "critical" | "high" => Colour::Red,
        "medium" => Colour::Yellow,
        _ => Colour::Faint,
    };
    let severity = paint.on(colour, difference.severity);
    let path = place(&difference.path);
    let cause = difference.cause.as_ref().map_or_else(String::new, |cause| format!(": {}", plain(cause)));
    let share = share(difference.count, compared);
    line!(out, "\n  {number}. {severity}  {}{cause}  at {}", difference.kind, paint.on(Colour::Bold, &path));
    line!(
        out,
        "     {} ×{share}  first {}, last {}  fingerprint {}",
        difference.count,
        difference.first_seen,
        difference.last_seen,
        difference.fingerprint
    );
    line!(out, "     legacy says  {}", value(difference.control.as_deref()));
    line!(out, "     new says     {}", value(difference.candidate.as_deref()));
}

/// The change of stage in force when a difference was first seen. RFC 3339 in UTC sorts as time does.
fn flip_before<'a>(difference: &DifferenceReport, route: &str, flips: &'a [Flip]) -> Option<&'a Flip> {
    flips.iter().rev().find(|flip| flip.route == route && flip.at <= difference.first_seen)
}

fn asking_again(out: &mut String, difference: &DifferenceReport, paint: Paint) {
    if let Some(sample) = difference.samples.last() {
        let others = difference.samples.len() - 1;
        let others = if others == 0 { String::new() } else { format!(" (and {others} more)") };
        line!(out, "     sample {sample}{others}");
    }
    if let Some(curl) = &difference.curl {
        line!(out, "     {}", paint.on(Colour::Faint, &plain(&curl.legacy)));
        line!(out, "     {}", paint.on(Colour::Faint, &plain(&curl.new)));
    }
}

/// A field path; the empty one is the document itself.
fn place(path: &str) -> String {
    if path.is_empty() { "(root)".to_owned() } else { plain(path) }
}

fn share(count: u64, compared: u64) -> String {
    if compared == 0 {
        return String::new();
    }
    let percent = 100.0 * count as f64 / compared as f64;
    if percent < 0.01 {
        " (under 0.01 % of the compared)".to_owned()
    } else {
        format!(" ({percent:.2} % of the compared)")
    }
}

fn noise_text(out: &mut String, noise: &NoiseReport) {
    let fields: Vec<&NoiseField> = noise.fields.iter().filter(|field| !field.call.counts()).collect();
    if noise.pairs == 0 || fields.is_empty() {
        return;
    }
    line!(out, "\n  Noise, told by asking both again ({} pairs differ in nothing else):", noise.pairs);
    for field in fields.iter().take(MAX_NOISE) {
        let (path, why) = (place(&field.path), called(field.call));
        line!(out, "     {path}  {} ×, {} asked again: {why}", field.mismatches, field.settled);
    }
    if fields.len() > MAX_NOISE {
        line!(out, "     … and {} more places: --format json tells them.", fields.len() - MAX_NOISE);
    }
}

fn called(call: Call) -> &'static str {
    match call {
        Call::Real => "a difference",
        Call::Race => "gone then",
        Call::Noise => "legacy differs from itself as well",
        Call::NoiseOfNew => "new says something else each time, legacy does not",
    }
}

fn rest_text(out: &mut String, route: &RouteReport) {
    noise_text(out, &route.noise);
    if !route.hidden.is_empty() {
        line!(out, "\n  Hidden by cosmetic rules:");
    }
    for hidden in &route.hidden {
        line!(out, "     {}  {} ×, last at {}", plain(&hidden.rule), hidden.count, place(&hidden.example));
    }
    if !route.unproven_by_reason.is_empty() {
        line!(out, "\n  Unproven:");
    }
    for (reason, count) in &route.unproven_by_reason {
        line!(out, "     {reason}  {count} ×");
    }
}

fn flips_text(out: &mut String, flips: &[Flip], paint: Paint) {
    if flips.is_empty() {
        return;
    }
    line!(out, "{}", paint.on(Colour::Bold, "Changes of stage"));
    for flip in flips.iter().skip(flips.len().saturating_sub(MAX_FLIPS)) {
        line!(out, "  {}  {}: {} -> {}", flip.at, plain(&flip.route), flip.from, flip.to);
    }
}

/// What an origin said, on one line.
fn value(value: Option<&str>) -> String {
    let Some(value) = value else { return "(nothing)".to_owned() };
    let value = plain(value);
    if value.is_empty() {
        return "(empty)".to_owned();
    }
    match value.char_indices().nth(VALUE_WIDTH) {
        Some((cut, _)) => format!("{}…", &value[..cut]),
        None => value,
    }
}

/// What came from outside, without anything a terminal would act on.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}
