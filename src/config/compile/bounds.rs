//! Values with bounds.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::spec::{Size, Time};

/// Less than a timer can tell apart is a mistake in the unit.
const SHORTEST: Duration = Duration::from_millis(1);
/// Longer than a day is a mistake in the unit.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

pub fn time(written: Option<Time>, at: &At<'_>, findings: &mut Findings) -> Option<Duration> {
    let Time(time) = written?;
    if !(SHORTEST..=LONGEST).contains(&time) {
        findings.wrong(at, format!("is {}, want {} to {}", show_time(time), show_time(SHORTEST), show_time(LONGEST)));
        return None;
    }
    Some(time)
}

pub fn size(written: Option<Size>, bounds: RangeInclusive<u64>, at: &At<'_>, findings: &mut Findings) -> Option<u64> {
    let Size(size) = written?;
    if !bounds.contains(&size) {
        let (least, most) = (show_size(*bounds.start()), show_size(*bounds.end()));
        findings.wrong(at, format!("is {}, want {least} to {most}", show_size(size)));
        return None;
    }
    Some(size)
}

pub fn count(written: Option<u64>, bounds: RangeInclusive<u64>, at: &At<'_>, findings: &mut Findings) -> Option<usize> {
    let count = written?;
    if !bounds.contains(&count) {
        findings.wrong(at, format!("is {count}, want {} to {}", bounds.start(), bounds.end()));
        return None;
    }
    usize::try_from(count).ok()
}

/// In the largest unit that leaves no rest.
pub fn show_time(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

/// In the largest unit that leaves no rest.
pub fn show_size(size: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| size > 0 && size.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", size / unit),
        None => format!("{size}B"),
    }
}
