//! Points in time out of text: HTTP dates, ISO 8601, SQL dates. Only what servers print; no calendar beyond that.

/// Times within this of each other are the same moment of one request answered twice. Seconds.
/// A copy is sent when the user's answer is done, and slow answers end up to 20 s apart.
pub const WINDOW: i64 = 60;

/// 2001-09-09: an expiry before it is meant to be in the past, whatever the clock. Unix seconds.
pub const LONG_AGO: i64 = 1_000_000_000;

const DAY: i64 = 86_400;

/// The start of a day, `2026-12-31`, as Unix time.
pub fn day(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let year = number(bytes.get(0..4)?)?;
    let month = number(bytes.get(5..7)?)?;
    let day = number(bytes.get(8..10)?)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    Some(days_since_epoch(year, month, day) * DAY)
}

/// A moment in microseconds since 1970, UTC: an HTTP date, or a day with a time of day as SQL, ISO 8601 and RFC 3339 write it.
/// A time without a zone is taken as UTC.
pub fn moment(text: &str) -> Option<i64> {
    if text.len() > 40 || text.len() < 16 || text.trim() != text {
        return None;
    }
    if text.as_bytes().first()?.is_ascii_alphabetic() {
        let (date, zone) = zone_behind(text);
        return Some((http_date(date)? - offset(zone)?) * 1_000_000);
    }
    let start = day(text.get(0..10)?)?;
    let rest = text.get(10..)?;
    let rest = rest.strip_prefix('T').or_else(|| rest.strip_prefix('t')).or_else(|| rest.strip_prefix(' '))?;
    let (micros, zone) = time_of_day(rest)?;
    Some(start * 1_000_000 + micros - offset(zone)? * 1_000_000)
}

/// A date that begins with a weekday, and its zone: `+0200`, or none before a year or behind a time.
fn zone_behind(text: &str) -> (&str, &str) {
    match text.rsplit_once(' ') {
        Some((date, zone)) if !zone.starts_with(|c: char| c.is_ascii_digit()) => (date, zone),
        _ => (text, ""),
    }
}

/// A date as HTTP, mail and cookies write it (RFC 9110, RFC 6265 section 5.1.1), in Unix seconds. The weekday is not looked at: browsers
/// do not either.
pub fn http_date(text: &str) -> Option<i64> {
    if let Some(seconds) = fixed_date(text.as_bytes()) {
        return Some(seconds);
    }
    let (mut clock, mut date, mut month, mut year) = (None, None, None, None);
    for word in text.split([' ', ',', '-', '\t']).filter(|word| !word.is_empty()) {
        if clock.is_none() && word.contains(':') {
            clock = Some(time_of_day(word)?.0 / 1_000_000);
        } else if month.is_none()
            && let Some(found) = month_of(word.as_bytes())
        {
            month = Some(found);
        } else if let Some(value) = number(word.as_bytes()) {
            match (date, year) {
                (None, _) if word.len() <= 2 => date = Some(value),
                (_, None) => year = Some(full_year(value, word.len())?),
                _ => {}
            }
        }
    }
    let (date, month, year) = (date?, month?, year?);
    if date < 1 || date > days_in(year, month) {
        return None;
    }
    Some(days_since_epoch(year, month, date) * DAY + clock?)
}

/// The one form that servers of today write, `Tue, 02 Jan 2024 03:04:05 GMT`; anything else is read word by word.
fn fixed_date(text: &[u8]) -> Option<i64> {
    const LENGTH: usize = 29;
    let text: &[u8; LENGTH] = text.try_into().ok()?;
    let [
        _,
        _,
        _,
        b',',
        b' ',
        _,
        _,
        b' ',
        _,
        _,
        _,
        b' ',
        _,
        _,
        _,
        _,
        b' ',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
        b' ',
        b'G',
        b'M',
        b'T',
    ] = text
    else {
        return None;
    };
    let weekday = text.get(..3)?;
    let date = number(text.get(5..7)?)?;
    let month = month_of(text.get(8..11)?)?;
    let year = number(text.get(12..16)?)?;
    let clock = |from: usize| number(text.get(from..from + 2)?);
    let (hour, minute, second) = (clock(17)?, clock(20)?, clock(23)?);
    let is_real = date >= 1 && date <= days_in(year, month) && hour <= 23 && minute <= 59 && second <= 60;
    // A weekday that is a month's name would be read as one.
    let is_weekday = weekday.iter().all(u8::is_ascii_alphabetic) && month_of(weekday).is_none();
    (is_real && is_weekday).then(|| days_since_epoch(year, month, date) * DAY + hour * 3600 + minute * 60 + second)
}

fn full_year(value: i64, digits: usize) -> Option<i64> {
    match (digits, value) {
        (2, 70..) => Some(1900 + value),
        (2, _) => Some(2000 + value),
        (4, _) => Some(value),
        _ => None,
    }
}

fn month_of(word: &[u8]) -> Option<i64> {
    Some(match &word.first_chunk::<3>()?.map(|byte| byte.to_ascii_lowercase()) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

/// `03:04`, `03:04:05`, `03:04:05.678` and what follows.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let bytes = text.as_bytes();
    if bytes.get(2) != Some(&b':') {
        return None;
    }
    let hour = number(bytes.get(0..2)?)?;
    let minute = number(bytes.get(3..5)?)?;
    let mut at = 5;
    let mut second = 0;
    if bytes.get(5) == Some(&b':') {
        second = number(bytes.get(6..8)?)?;
        at = 8;
    }
    let mut micros = 0;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        let digits = bytes.get(at + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let kept = bytes.get(at + 1..at + 1 + digits.min(6))?;
        micros = number(kept)? * 10_i64.pow(6 - kept.len() as u32);
        at += 1 + digits;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, text.get(at..)?))
}

/// Seconds east of UTC: ``, `Z`, ` UTC`, `+02:00`, `+0200`, `+02`, `EST` (RFC 5322, section 4.3).
fn offset(zone: &str) -> Option<i64> {
    let zone = zone.trim();
    match zone {
        "" | "Z" | "z" | "UTC" | "UT" | "GMT" => return Some(0),
        "EDT" => return Some(-4 * 3600),
        "EST" | "CDT" => return Some(-5 * 3600),
        "CST" | "MDT" => return Some(-6 * 3600),
        "MST" | "PDT" => return Some(-7 * 3600),
        "PST" => return Some(-8 * 3600),
        _ => {}
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: Vec<u8> = rest.bytes().filter(|byte| *byte != b':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(digits.get(0..2)?)?, number(digits.get(2..4)?)?),
        _ => return None,
    };
    (hours <= 15 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// `None`: something else is among the digits, or there are more of them than in any date.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| {
        let value = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(value)
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01, proleptic Gregorian: years are counted from March, so that the leap day is a year's last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{day, http_date, moment};

    #[test]
    fn days() {
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("2000-02-29"), Some(951_782_400));
        assert_eq!(day("2023-02-29"), None);
        assert_eq!(day("2026-1-1"), None);
    }

    #[test]
    fn one_moment_in_many_spellings() {
        let wanted = Some(1_704_164_645_000_000);
        for text in [
            "2024-01-02 03:04:05",
            "2024-01-02T03:04:05Z",
            "2024-01-02T03:04:05+00:00",
            "2024-01-02T05:04:05+0200",
            "2024-01-02 03:04:05.000000",
            "2024-01-01T22:04:05-05",
            "Tue, 02 Jan 2024 03:04:05 GMT",
            "Tue, 02 Jan 2024 03:04:05 +0000",
            "Tue, 02 Jan 2024 05:04:05 +0200",
            "Mon, 01 Jan 2024 22:04:05 EST",
            "Tue Jan  2 03:04:05 2024",
        ] {
            assert_eq!(moment(text), wanted, "{text}");
        }
        assert_eq!(moment("2024-01-02 25:00:00"), None);
        assert_eq!(moment("2024-01-02"), None);
        assert_eq!(moment("Tue, 02 Jan 2024 03:04:05 somewhere"), None);
        for text in [
            "Tue, 02-Jan-2024 03:04:05 GMT",
            "Mon, 02 Jan 2024 03:04:05 GMT",
            "Tuesday, 02-Jan-24 03:04:05 GMT",
            "Tue Jan  2 03:04:05 2024",
        ] {
            assert_eq!(http_date(text), Some(1_704_164_645), "{text}");
        }
        assert_eq!(http_date("0"), None);
    }

    #[test]
    fn more_digits_than_a_date_has_are_no_date() {
        assert_eq!(http_date("Tue, 833333333333333333333333333333 Jan 2024 03:04:05 GMT"), None);
        assert_eq!(moment("833333333333333333333333333333"), None);
    }
}
