//! Moments in texts: whether two answers differ only in when each was made.

use crate::diff::clock;

/// Times shown by both answers within this of each other are the same moment. Seconds: the copy is sent after the user's answer
/// is done, and slow answers take up to a minute.
pub(super) const WINDOW: i64 = 120;

/// Two texts that differ only in the moment at which they were made. Without a Date header nobody can say when that was, so the
/// text or its name must say that it is the moment of the answer.
pub(super) fn same_but_clock(name: &str, old: &str, new: &str, now: Option<i64>) -> bool {
    let (old_times, new_times) = (times(old), times(new));
    if old_times.is_empty() || old_times.len() != new_times.len() {
        return false;
    }
    let close = old_times.iter().zip(&new_times).all(|(a, b)| {
        let (before, after) = (&old[a.start..a.end], &new[b.start..b.end]);
        let written_alike = a.kind == b.kind && skeleton(before) == skeleton(after);
        let near = (a.seconds - b.seconds).abs() <= WINDOW && is_now(a, now) && is_now(b, now);
        before == after
            || (written_alike && near && a.seconds != b.seconds)
            || (written_alike && near && fraction_differs(before, after))
    });
    let rest = |text: &str, times: &[Time]| {
        let mut rest = String::new();
        let mut at = 0;
        for time in times {
            rest.push_str(&text[at..time.start]);
            rest.push('\0');
            at = time.end;
        }
        rest.push_str(&text[at..]);
        rest
    };
    close
        && (now.is_some() || tells_of_now(name) || tells_of_now(old))
        && rest(old, &old_times) == rest(new, &new_times)
}

/// A moment without its digits and letters: how it is written. Fractions of a second may be of any length.
fn skeleton(moment: &str) -> String {
    let cut = moment.find('.').map_or(moment.to_owned(), |at| {
        let digits = moment[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        format!("{}{}", &moment[..at], &moment[at + 1 + digits..])
    });
    let sort = |c: char| {
        if c.is_ascii_digit() {
            '0'
        } else if c.is_alphabetic() && c != 'T' && c != 'Z' {
            'a'
        } else {
            c
        }
    };
    cut.chars().map(sort).collect()
}

fn fraction_differs(old: &str, new: &str) -> bool {
    let whole = |text: &str| text.split('.').next().map(str::to_owned);
    old.contains('.') && new.contains('.') && whole(old) == whole(new)
}

/// Words that stand by the moment of the answer.
fn tells_of_now(text: &str) -> bool {
    const WORDS: [&str; 10] = [
        "now",
        "generated",
        "rendered",
        "served",
        "as of",
        "current",
        "server time",
        "builddate",
        "retrieved",
        "printed",
    ];
    let lower = text.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Is it about now, in some time zone? Zones are whole quarters of an hour. Without a Date header nobody can say.
fn is_now(time: &Time, now: Option<i64>) -> bool {
    const QUARTER: i64 = 900;
    const SLACK: i64 = 2 * WINDOW;
    let Some(now) = now else { return true };
    let apart = time.seconds - now;
    let off = apart.rem_euclid(QUARTER).min((-apart).rem_euclid(QUARTER));
    off <= SLACK && (time.kind == TimeKind::Clock || apart.abs() <= 15 * 3600)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeKind {
    Moment,
    /// A time of day alone.
    Clock,
}

#[derive(Debug)]
struct Time {
    start: usize,
    end: usize,
    seconds: i64,
    kind: TimeKind,
}

/// Dates with a time, and times of day with seconds, wherever they stand in the text.
fn times(text: &str) -> Vec<Time> {
    let bytes = text.as_bytes();
    let mut found: Vec<Time> = Vec::new();
    let mut at = 0;
    // Each moment has a `:` in its time of day: look around each.
    while let Some(colon) = memchr::memchr(b':', &bytes[at..]).map(|offset| at + offset) {
        let floor = found.last().map_or(0, |time| time.end);
        match moment_around(text, colon, floor) {
            Some(time) => {
                at = time.end.max(colon + 1);
                found.push(time);
            }
            None => at = colon + 1,
        }
    }
    found
}

fn moment_around(text: &str, colon: usize, floor: usize) -> Option<Time> {
    let bytes = text.as_bytes();
    let hour = colon.checked_sub(2).filter(|start| *start >= floor)?;
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    if !digits(hour, colon) || !digits(colon + 1, colon + 3) {
        return None;
    }
    let clock_end = time_end(bytes, colon + 3);
    let zone_end = zone_end(text, clock_end);
    // `2024-01-02T`, `2024-01-02 `, `Tue, 02 Jan 2024 `
    for length in [11, 17] {
        let Some(start) = hour.checked_sub(length).filter(|start| *start >= floor) else { continue };
        for end in [zone_end, clock_end] {
            if let Some(micros) = text.get(start..end).and_then(clock::moment) {
                return Some(Time { start, end, seconds: micros.div_euclid(1_000_000), kind: TimeKind::Moment });
            }
        }
    }
    let free = hour == 0 || !bytes[hour - 1].is_ascii_alphanumeric() && bytes[hour - 1] != b':';
    let part = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<i64>().ok());
    if !free || clock_end < colon + 6 {
        return None;
    }
    let seconds = part(hour)? * 3600 + part(colon + 1)? * 60 + part(colon + 4)?;
    Some(Time { start: hour, end: clock_end, seconds, kind: TimeKind::Clock })
}

/// After `:mm`: seconds and their fraction.
fn time_end(bytes: &[u8], from: usize) -> usize {
    let mut end = from;
    if bytes.get(end) == Some(&b':')
        && bytes.get(end + 1..end + 3).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    {
        end += 3;
        if bytes.get(end) == Some(&b'.') {
            let digits = bytes[end + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
            end += if digits > 0 { 1 + digits } else { 0 };
        }
    }
    end
}

fn zone_end(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let spaced = rest.strip_prefix(' ').unwrap_or(rest);
    let space = rest.len() - spaced.len();
    if ["UTC", "GMT"].iter().any(|zone| spaced.starts_with(zone)) {
        return from + space + 3;
    }
    if rest.starts_with('Z') {
        return from + 1;
    }
    let Some(offset) = spaced.strip_prefix(['+', '-']) else { return from };
    let digits = offset.bytes().take_while(|c| c.is_ascii_digit() || *c == b':').count();
    if digits == 4 || digits == 5 { from + space + 1 + digits } else { from }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock() {
        assert!(same_but_clock("p", "Now 2024-01-02 03:04:05.", "Now 2024-01-02 03:05:01.", None));
        assert!(same_but_clock(
            "lastBuildDate",
            "Tue, 02 Jan 2024 03:04:05 GMT",
            "Tue, 02 Jan 2024 03:04:09 GMT",
            None
        ));
        assert!(same_but_clock(
            "lastBuildDate",
            "Tue, 02 Jan 2024 03:04:05 +0000",
            "Tue, 02 Jan 2024 03:04:09 +0000",
            None
        ));
        assert!(same_but_clock("p", "now 23:10:02 h", "now 23:10:09 h", None));
        assert!(!same_but_clock("p", "Now 2024-01-02 03:04:05.", "Now 2024-01-02 04:04:05.", None));
        assert!(!same_but_clock("p", "Now 2024-01-02 03:04:05.", "Then 2024-01-02 03:04:06.", None));
        assert!(!same_but_clock("p", "2024-01-02", "2024-01-03", None));
        // Long ago, so not the moment of the answer.
        assert!(!same_but_clock("p", "2014-01-02 03:04:05", "2014-01-02 03:04:06", Some(1_704_164_645)));
        assert!(same_but_clock("p", "2024-01-02 05:04:05", "2024-01-02 05:04:06", Some(1_704_164_645)));
    }
}
