//! The causes of a route, each with what both said and how to ask again.

use std::fmt::Write;

use super::words::{place, plain, values};
use super::{Colour, Paint};
use crate::evidence::report::{DifferenceReport, Flip};

/// Causes told in full.
const MAX_CAUSES: usize = 30;
/// Causes told in a line each, after those; the JSON form has them all.
const MAX_LINES: usize = 30;

pub fn causes(out: &mut String, causes: &[&DifferenceReport], route: &str, flips: &[Flip], paint: Paint) {
    for (number, difference) in (1..).zip(causes.iter().take(MAX_CAUSES)) {
        told(out, number, difference, paint);
        if let Some(flip) = flip_before(difference, route, flips) {
            line!(out, "     began after {} -> {} ({})", flip.from, flip.to, flip.at);
        }
        per_user(out, difference);
        asking_again(out, difference, paint);
    }
    let rest = causes.get(MAX_CAUSES..).unwrap_or_default();
    if rest.is_empty() {
        return;
    }
    line!(out, "\n  … and {} more causes; --format json tells them in full:", rest.len());
    for difference in rest.iter().take(MAX_LINES) {
        line!(out, "     {} ×  {}  {}", difference.count, title(difference, Paint::Plain), difference.fingerprint);
    }
}

/// `value: truncated, at byte 255  at /results/*/Votes`: as `matapalo diff` calls it.
fn title(difference: &DifferenceReport, paint: Paint) -> String {
    let cause = difference.cause.as_ref().map_or_else(String::new, |cause| format!(": {}", plain(cause)));
    let detail = difference.detail.as_ref().map_or_else(String::new, |detail| format!(", {detail}"));
    format!("{}{cause}{detail}  at {}", difference.kind, paint.on(Colour::Bold, &place(&difference.path)))
}

fn told(out: &mut String, number: usize, difference: &DifferenceReport, paint: Paint) {
    let colour = match difference.severity {
        "critical" | "high" => Colour::Red,
        "medium" => Colour::Yellow,
        _ => Colour::Faint,
    };
    let severity = paint.on(colour, difference.severity);
    line!(out, "\n  {number}. {severity}  {}", title(difference, paint));
    line!(
        out,
        "     {} × ({} of the compared)  first {}, last {}  fingerprint {}",
        difference.count,
        share(difference.told.share_percent),
        difference.first_seen,
        difference.last_seen,
        difference.fingerprint
    );
    let (old, new) = values(difference.control.as_deref(), difference.candidate.as_deref());
    line!(out, "     legacy says  {old}");
    line!(out, "     new says     {new}");
}

fn share(percent: f64) -> String {
    if percent < 0.01 { "under 0.01 %".to_owned() } else { format!("{percent:.2} %") }
}

/// The change of stage in force when a difference was first seen. RFC 3339 in UTC sorts as time does.
fn flip_before<'a>(difference: &DifferenceReport, route: &str, flips: &'a [Flip]) -> Option<&'a Flip> {
    flips.iter().rev().find(|flip| flip.route == route && flip.at <= difference.first_seen)
}

/// Whether it is a matter of few users.
fn per_user(out: &mut String, difference: &DifferenceReport) {
    let Some(seen) = difference.told.per_session.as_ref().filter(|seen| seen.per_user) else { return };
    line!(
        out,
        "     per user: {} of {} requests of {} of {} sessions; the others do not show it",
        seen.mismatched,
        seen.compared,
        seen.sessions,
        seen.of
    );
}

fn asking_again(out: &mut String, difference: &DifferenceReport, paint: Paint) {
    if let Some(sample) = difference.told.smallest {
        let others = difference.samples.len().saturating_sub(1);
        let others = if others == 0 { String::new() } else { format!(" (and {others} more)") };
        line!(out, "     smallest sample {sample}{others}");
    }
    if let Some(curl) = &difference.curl {
        line!(out, "     {}", paint.on(Colour::Faint, &plain(&curl.legacy)));
        line!(out, "     {}", paint.on(Colour::Faint, &plain(&curl.new)));
    }
}
