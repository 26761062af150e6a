//! The report as a person reads it: the verdict first, then the causes by weight, then what was hidden and what was lost.

use std::fmt::Write;

use super::{Flip, Latencies, Report, RouteReport};
use crate::evidence::readiness::Verdict;

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

mod causes;
mod noise;
mod sections;
mod words;

use words::plain;
pub use words::{both, narrow};

/// The whole report.
pub fn text(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    if let Some(why) = &report.unwritten {
        line!(out, "{}\n", paint.on(Colour::Yellow, &plain(&format!("! {why}"))));
    }
    if report.routes.is_empty() {
        out.push_str(
            "Nothing was sampled yet, and no route has a mirror. A route is proven at stage shadow, with a mirror.\n",
        );
    }
    let is_silent = |route: &&RouteReport| report.routes.len() > 1 && is_silent(route);
    let told: Vec<&RouteReport> = report.routes.iter().filter(|route| !is_silent(route)).collect();
    sections::next(&mut out, &report.next, paint);
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
    let (every, bugs): (Vec<_>, Vec<_>) = route.differences.iter().partition(|difference| difference.told.on_every);
    causes::causes(out, &bugs, &route.route, flips, paint);
    sections::on_every(out, &every, route.compared);
    sections::exposed(out, &route.triage);
    sections::mix(out, &route.triage.mix);
    rest_text(out, route);
}

fn latency_text(out: &mut String, latency: &Latencies) {
    let (Some(legacy), Some(legacy_p99)) = (latency.legacy.p50_ms, latency.legacy.p99_ms) else { return };
    let (Some(new), Some(new_p99)) = (latency.new.p50_ms, latency.new.p99_ms) else { return };
    line!(out, "  Latency p50 / p99: legacy {legacy} / {legacy_p99} ms, new {new} / {new_p99} ms.");
}

fn rest_text(out: &mut String, route: &RouteReport) {
    noise::noise(out, &route.noise);
    sections::own_rules(out, &route.triage);
    sections::hidden(out, &route.hidden);
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
