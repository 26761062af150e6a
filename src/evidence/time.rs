//! Points in time as the store keeps them (milliseconds since 1970) and as people read them (RFC 3339, UTC).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const LAST_SECOND: u64 = 253_402_300_799;

/// Milliseconds since 1970; before it: 0.
pub fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `2026-11-21T03:24:30Z`.
pub fn rfc3339(millis: u64) -> String {
    let since = Duration::from_secs((millis / 1000).min(LAST_SECOND));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// `2h`, `90s`, `1day`: as a person would type it back.
pub fn spelled(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
        if seconds >= unit && seconds.is_multiple_of(unit) && !(unit == 86_400 && seconds == unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}
