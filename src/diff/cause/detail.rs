//! What the name of a cause leaves out so that equal bugs stay together: by how many seconds, at which byte, by which factor.

use super::{core, json_string};
use crate::diff::clock;

/// The figure behind a cause: `+3600 s` of a time that is off, `at byte 255` of a text cut off (bytes of UTF-8), `× 100` of a number.
/// Of the two values as a [`Difference`](crate::diff::Difference) shows them.
pub fn detail(cause: &str, control: &str, candidate: &str) -> Option<String> {
    let figure: fn(&str, &str) -> Option<String> = match cause {
        "off_by_whole_hours" | "off_by_whole_days" | "another_time" => shift,
        "truncated" => cut,
        "scaled" => factor,
        _ => return None,
    };
    let (old, new) = match (json_string(control), json_string(candidate)) {
        (Some(old), Some(new)) => (old, new),
        _ => (control.into(), candidate.into()),
    };
    figure(&old, &new).or_else(|| core(&old, &new).and_then(|(old, new)| figure(old, new)))
}

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;

fn shift(old: &str, new: &str) -> Option<String> {
    let seconds = |text: &str| {
        let moment = clock::moment(text).map(|micros| micros / MICROS);
        moment.or_else(|| clock::day(text)).or_else(|| text.trim().parse().ok())
    };
    let distance = seconds(new)?.checked_sub(seconds(old)?)?;
    Some(if distance % DAY == 0 { format!("{:+} d", distance / DAY) } else { format!("{distance:+} s") })
}

fn cut(old: &str, new: &str) -> Option<String> {
    let kept = new.trim_end_matches(['…', '.', '\u{fffd}']);
    (!kept.is_empty() && old.starts_with(kept)).then(|| format!("at byte {}", kept.len()))
}

fn factor(old: &str, new: &str) -> Option<String> {
    let number = |text: &str| text.trim().replace(',', "").parse::<f64>().ok();
    let (old, new) = (number(old)?, number(new)?);
    let (sign, factor) = if new.abs() > old.abs() { ('×', new / old) } else { ('÷', old / new) };
    factor.is_finite().then(|| format!("{sign} {factor}"))
}
