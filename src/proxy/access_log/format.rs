//! How a line is written: as JSON, or in the combined format that log readers know.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use super::Line;

/// Characters of any one field that are kept.
const LONGEST_FIELD: usize = 2048;

pub fn json(out: &mut String, line: &Line<'_>) -> std::fmt::Result {
    let since = line.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    write!(
        out,
        "{{\"time\":{}.{:03},\"client\":\"{}\",\"method\":",
        since.as_secs(),
        since.subsec_millis(),
        line.client
    )?;
    for (key, value) in [
        ("", line.method.as_bytes()),
        (",\"host\":", line.host),
        (",\"path\":", line.path),
        (",\"protocol\":", line.protocol.as_bytes()),
        (",\"route\":", line.route.as_bytes()),
        (",\"stage\":", line.stage.as_bytes()),
        (",\"origin\":", line.answered_by.as_bytes()),
        (",\"referer\":", without_query(line.referer)),
        (",\"user_agent\":", line.user_agent),
        (",\"request_id\":", line.request_id),
    ] {
        out.push_str(key);
        quoted(out, value)?;
    }
    if let Some(trace) = line.trace {
        write!(out, ",\"trace_id\":\"{trace}\"")?;
    }
    if line.limited {
        out.push_str(",\"limited\":\"rate\"");
    }
    if let Some(error) = line.error {
        write!(out, ",\"error\":\"{error}\"")?;
    }
    writeln!(
        out,
        ",\"status\":{},\"bytes\":{},\"duration_ms\":{:.3}}}",
        line.status,
        line.bytes,
        line.took.as_secs_f64() * 1e3
    )
}

/// Apache's combined format, then route, stage, origin, seconds and the request's id. What is absent is a dash.
pub fn combined(out: &mut String, line: &Line<'_>) -> std::fmt::Result {
    let since = line.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = civil_date(since / 86_400);
    let clock = since % 86_400;
    let name = MONTHS.get(month as usize - 1).unwrap_or(&"???");
    write!(
        out,
        "{} - - [{day:02}/{name}/{year}:{:02}:{:02}:{:02} +0000] ",
        line.client,
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )?;
    let mut request = Vec::with_capacity(line.path.len() + 16);
    request.extend_from_slice(line.method.as_bytes());
    request.push(b' ');
    request.extend_from_slice(line.path);
    request.push(b' ');
    request.extend_from_slice(line.protocol.as_bytes());
    quoted(out, &request)?;
    write!(out, " {} {} ", line.status, line.bytes)?;
    quoted(out, or_dash(without_query(line.referer)))?;
    out.push(' ');
    quoted(out, or_dash(line.user_agent))?;
    let id = String::from_utf8_lossy(line.request_id);
    writeln!(out, " {} {} {} {:.3} {id}", line.route, line.stage, line.answered_by, line.took.as_secs_f64())
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Year, month and day of a day since 1970, in the proleptic Gregorian calendar.
fn civil_date(days: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the leap day is the last one; eras have 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn or_dash(text: &[u8]) -> &[u8] {
    if text.is_empty() { b"-" } else { text }
}

fn without_query(url: &[u8]) -> &[u8] {
    url.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// In double quotes; what would end them, or the line, is escaped as JSON has it.
fn quoted(out: &mut String, text: &[u8]) -> std::fmt::Result {
    let text = String::from_utf8_lossy(text);
    out.push('"');
    for character in text.chars().take(LONGEST_FIELD) {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => write!(out, "\\u{:04x}", control as u32)?,
            plain => out.push(plain),
        }
    }
    out.push('"');
    Ok(())
}
