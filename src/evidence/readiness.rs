//! The verdict: is a route safe to flip? Pure.
//!
//! It judges counts ([`Tally`]); which stretch of time they cover is the reader's choice, by default the gate's window.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tally::Tally;

mod bound;
#[cfg(test)]
mod tests;

pub use bound::upper_bound;

/// The `readiness:` block as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateSpec {
    /// Compared pairs wanted before anything is called ready.
    pub min_requests: Option<u64>,
    /// Percent of the compared pairs.
    pub max_mismatch: Option<f64>,
    /// Percent of the sampled requests.
    pub max_unproven: Option<f64>,
    /// 0.5 to 0.9999: how sure the upper bound of the mismatch rate is.
    pub confidence: Option<f64>,
    /// The stretch of time that counts, back from now: `24h`.
    pub window: Option<String>,
}

/// What a route must show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Compared pairs wanted before anything is called ready.
    pub min_requests: u64,
    /// Percent of the compared pairs.
    pub max_mismatch: f64,
    /// Percent of the sampled requests.
    pub max_unproven: f64,
    /// 0.5 to 0.9999: how sure the upper bound of the mismatch rate is.
    pub confidence: f64,
    /// The stretch of time that counts, back from now.
    pub window: Duration,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            // 200 equal pairs bound the mismatch rate to 1.5 %: enough to look at, cheap to reach on a quiet route.
            min_requests: 200,
            max_mismatch: 0.0,
            // Some copies are always lost to a restart or a slow minute; one in twenty could hide a pattern.
            max_unproven: 5.0,
            confidence: 0.95,
            // A whole day: nightly jobs and every time zone's users are in it, and yesterday's mended bug is not.
            window: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The shortest window: evidence is counted by the minute.
const SHORTEST_WINDOW: Duration = Duration::from_secs(60);
/// The longest: ten years.
const LONGEST_WINDOW: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// One mistake in a `readiness:` block: the key below it, and what.
pub type GateError = (&'static str, String);

impl Gate {
    /// The block laid over the defaults.
    ///
    /// # Errors
    /// Every mistake at once, with the key it is at.
    pub fn compile(spec: &GateSpec, defaults: &Self) -> Result<Self, Vec<GateError>> {
        let mut errors = Vec::new();
        let gate = Self {
            min_requests: spec.min_requests.unwrap_or(defaults.min_requests),
            max_mismatch: percent("max_mismatch", spec.max_mismatch, defaults.max_mismatch, &mut errors),
            max_unproven: percent("max_unproven", spec.max_unproven, defaults.max_unproven, &mut errors),
            confidence: confidence(spec.confidence, defaults.confidence, &mut errors),
            window: window(spec.window.as_deref(), defaults.window, &mut errors),
        };
        if gate.min_requests == 0 {
            errors.push(("min_requests", "is 0, want 1 or more: nothing compared proves nothing".to_owned()));
        }
        if errors.is_empty() { Ok(gate) } else { Err(errors) }
    }
}

fn percent(key: &'static str, written: Option<f64>, default: f64, errors: &mut Vec<GateError>) -> f64 {
    let value = written.unwrap_or(default);
    if !(0.0..=100.0).contains(&value) {
        errors.push((key, format!("is {value}, want a percentage of 0 to 100")));
    }
    value
}

fn confidence(written: Option<f64>, default: f64, errors: &mut Vec<GateError>) -> f64 {
    let value = written.unwrap_or(default);
    if !(0.5..=0.9999).contains(&value) {
        errors.push(("confidence", format!("is {value}, want a share of 0.5 to 0.9999, such as 0.95")));
    }
    value
}

fn window(written: Option<&str>, default: Duration, errors: &mut Vec<GateError>) -> Duration {
    let Some(written) = written else { return default };
    match parse_window(written) {
        Ok(window) => window,
        Err(message) => {
            errors.push(("window", message));
            default
        }
    }
}

/// A stretch of time with its unit: `30m`, `24h`, `7d`.
///
/// # Errors
/// What was found and what is wanted.
pub fn parse_window(written: &str) -> Result<Duration, String> {
    let Ok(window) = humantime::parse_duration(written.trim()) else {
        return Err(format!("is {written:?}, want a duration with a unit, such as 30m, 24h or 7d"));
    };
    if !(SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&window) {
        return Err(format!("is {written:?}, want 1m (evidence is counted by the minute) to 10y"));
    }
    Ok(window)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "not yet")]
    NotYet,
    #[serde(rename = "inconclusive")]
    Inconclusive,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotYet => "not yet",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Readiness {
    pub verdict: Verdict,
    /// Sentences with numbers, the weightiest first.
    pub reasons: Vec<String>,
    /// Mismatched pairs in percent of the compared; `None`: nothing was compared.
    pub mismatch_percent: Option<f64>,
    /// The true rate is below this many percent, as sure as the gate's confidence.
    pub mismatch_upper_percent: Option<f64>,
}

impl Readiness {
    /// There is something that was not judged: it may be safe to flip, but that is not known.
    pub fn doubt(&mut self, why: String) {
        if self.verdict == Verdict::Ready {
            self.verdict = Verdict::Inconclusive;
            self.reasons.insert(0, why);
        }
    }
}

/// Judges what a route showed. `unsure`: why it cannot be told whether what differs counts.
pub fn judge(tally: &Tally, gate: &Gate, unsure: Option<String>) -> Readiness {
    let compared = tally.compared();
    let mismatch = share_percent(tally.mismatched, compared);
    let upper = (compared > 0).then(|| 100.0 * upper_bound(tally.mismatched, compared, gate.confidence));
    let differs = mismatch.is_some_and(|percent| percent > gate.max_mismatch);
    let missing = [too_little(compared, gate), too_much_unproven(tally, gate), unsure];

    let mut reasons = Vec::new();
    if differs {
        reasons.push(mismatch_reason(tally, gate));
    }
    reasons.extend(missing.iter().flatten().cloned());
    let verdict = match (differs, reasons.is_empty()) {
        (true, _) => Verdict::NotYet,
        (false, false) => Verdict::Inconclusive,
        (false, true) => Verdict::Ready,
    };
    if verdict == Verdict::Ready {
        reasons.push(ready_reason(tally, gate));
    }
    // Where everything differs there is no bound worth a sentence.
    if let Some(upper) = upper.filter(|upper| *upper < 100.0) {
        let confidence = gate.confidence * 100.0;
        reasons.push(format!(
            "With {confidence} % confidence fewer than {} % of such requests differ.",
            rounded_up(upper)
        ));
    }
    Readiness { verdict, reasons, mismatch_percent: mismatch, mismatch_upper_percent: upper }
}

fn share_percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

fn mismatch_reason(tally: &Tally, gate: &Gate) -> String {
    let compared = tally.compared();
    let percent = share_percent(tally.mismatched, compared).unwrap_or_default();
    let differ = if tally.mismatched == 1 { "differs" } else { "differ" };
    format!(
        "{} of {compared} compared {differ} ({} %); at most {} % may.",
        tally.mismatched,
        rounded_up(percent),
        gate.max_mismatch
    )
}

fn too_little(compared: u64, gate: &Gate) -> Option<String> {
    let wanted = gate.min_requests;
    (compared < wanted).then(|| format!("{compared} compared, {wanted} are wanted."))
}

fn too_much_unproven(tally: &Tally, gate: &Gate) -> Option<String> {
    let unproven = tally.unproven_total();
    let percent = share_percent(unproven, tally.sampled())?;
    let (worst, count) = tally.unproven.iter().max_by_key(|(_, count)| **count)?;
    (percent > gate.max_unproven).then(|| {
        format!(
            "{unproven} of {} sampled are unproven ({} %), most of them {} ({count}); at most {} % may be.",
            tally.sampled(),
            rounded_up(percent),
            worst.name(),
            gate.max_unproven
        )
    })
}

fn ready_reason(tally: &Tally, gate: &Gate) -> String {
    let equal = tally.matched + tally.ignored;
    let compared = tally.compared();
    let accepted = if tally.ignored == 0 {
        String::new()
    } else {
        format!(", {} of them but for what the rules of the route ignore", tally.ignored)
    };
    format!("{equal} of {compared} compared are equal{accepted}; {} were wanted.", gate.min_requests)
}

/// Three digits that count, never rounded down to a better figure than was seen.
fn rounded_up(percent: f64) -> f64 {
    if percent <= 0.0 {
        return 0.0;
    }
    let scale = 10f64.powf(2.0 - percent.log10().floor());
    // Taken back by a hair: 2.5 must not become 2.51 for a last bit.
    ((percent * scale - 1e-6).ceil() / scale).min(100.0)
}
