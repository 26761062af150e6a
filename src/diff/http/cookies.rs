//! Set-Cookie, parsed (RFC 6265): the same cookies, readable by the other stack, as protected and as long-lived.

use super::Answers;
use super::values::{time_of, values};
use crate::diff::clock;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::decode;
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, Sink};
use crate::diff::volatile;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Cookie {
    written: String,
    name: String,
    value: String,
    path: Option<String>,
    /// Without a leading dot, in lower case.
    domain: Option<String>,
    max_age: Option<i64>,
    /// Unix seconds.
    expires: Option<i64>,
    secure: bool,
    http_only: bool,
    /// In lower case.
    same_site: Option<String>,
    /// Attributes this program does not know, in lower case.
    others: Vec<String>,
}

/// How long a cookie lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Until the browser is closed.
    Session,
    /// It is being deleted.
    Over,
    Seconds(i64),
    /// Until a moment, where the answer's own time is not known.
    Until(i64),
}

pub fn compare(answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let (old_written, new_written) = (values(answers.control, "set-cookie"), values(answers.candidate, "set-cookie"));
    if old_written == new_written {
        return;
    }
    let old: Vec<Cookie> = old_written.iter().filter_map(|text| parse(text)).collect();
    let mut new: Vec<Cookie> = new_written.iter().filter_map(|text| parse(text)).collect();
    let times = (time_of(answers.control, scope.now), time_of(answers.candidate, scope.now));
    // Of two of one name, each with a path of its own, the one that is left is none that changed its path.
    let exactly =
        |one: &Cookie, other: &Cookie| (&one.name, &one.path, &one.domain) == (&other.name, &other.path, &other.domain);
    let mut found: Vec<Option<Cookie>> =
        old.iter().map(|cookie| take(&mut new, |other| exactly(cookie, other))).collect();
    for (cookie, found) in old.iter().zip(&mut found) {
        match found.take().or_else(|| take(&mut new, |other| other.name == cookie.name)) {
            Some(other) => pair(cookie, &other, times, scope, sink),
            None => {
                let finding = Finding::new(Kind::Cookie, path(cookie)).only_control(cookie.shown());
                sink.report(finding.cause("cookie_missing"));
            }
        }
    }
    for cookie in &new {
        let finding = Finding::new(Kind::Cookie, path(cookie)).only_candidate(cookie.shown());
        sink.report(finding.severity(Severity::Medium).cause("cookie_added"));
    }
}

fn path(cookie: &Cookie) -> String {
    format!("cookie:{}", cookie.name)
}

fn take(from: &mut Vec<Cookie>, wanted: impl Fn(&Cookie) -> bool) -> Option<Cookie> {
    from.iter().position(wanted).map(|at| from.remove(at))
}

fn parse(text: &str) -> Option<Cookie> {
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie = Cookie {
        written: text.to_owned(),
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        ..Cookie::default()
    };
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "path" => cookie.path = Some(value.to_owned()).filter(|path| path.starts_with('/')),
            "domain" => {
                cookie.domain =
                    Some(value.trim_start_matches('.').to_ascii_lowercase()).filter(|domain| !domain.is_empty())
            }
            "max-age" => cookie.max_age = value.parse().ok(),
            "expires" => cookie.expires = clock::http_date(value),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => cookie.same_site = Some(value.to_ascii_lowercase()),
            _ => cookie.others.push(part.to_ascii_lowercase()),
        }
    }
    cookie.others.sort();
    Some(cookie)
}

impl Cookie {
    /// The cookie without its value, which may be somebody's session.
    fn shown(&self) -> String {
        let attributes = self.written.split_once(';').map(|(_, rest)| rest).unwrap_or_default();
        if attributes.is_empty() { format!("{}=…", self.name) } else { format!("{}=…;{attributes}", self.name) }
    }

    fn life(&self, now: Option<i64>) -> Life {
        match (self.max_age, self.expires, now) {
            (Some(seconds), _, _) if seconds <= 0 => Life::Over,
            (Some(seconds), _, _) => Life::Seconds(seconds),
            (None, None, _) => Life::Session,
            (None, Some(until), Some(now)) if until <= now => Life::Over,
            (None, Some(until), Some(now)) => Life::Seconds(until - now),
            (None, Some(until), None) if until < clock::LONG_AGO => Life::Over,
            (None, Some(until), None) => Life::Until(until),
        }
    }
}

fn pair(old: &Cookie, new: &Cookie, times: (Option<i64>, Option<i64>), scope: &Scope<'_>, sink: &mut Sink<'_>) {
    if old.written == new.written {
        return;
    }
    let finding = || Finding::new(Kind::Cookie, path(old)).values(old.shown(), new.shown());
    let lives = lives(old, new, times);
    match (lives.0 == Life::Over, lives.1 == Life::Over) {
        (true, true) if reach(old, scope) == reach(new, scope) && old.domain == new.domain => {
            sink.report(finding().rule(Rule::CookieDeletion));
            return;
        }
        (true, true) => {}
        (true, false) => {
            sink.report(finding().cause("cookie_not_deleted"));
            return;
        }
        (false, true) => {
            sink.report(finding().cause("cookie_deleted"));
            return;
        }
        (false, false) => value(old, new, sink),
    }
    let before = sink.len();
    protections(old, new, sink);
    lifetime(lives, old, new, sink);
    let same_but_spelling = sink.len() == before && old.value == new.value && lives.0 == lives.1;
    if same_but_spelling && reduced(old) == reduced(new) {
        sink.report(finding().rule(Rule::CookieSpelling));
    }
}

/// The path a cookie is for: as said, or else the folder of the request (RFC 6265, section 5.1.4).
fn reach(cookie: &Cookie, scope: &Scope<'_>) -> String {
    if let Some(path) = &cookie.path {
        return path.clone();
    }
    let asked = scope.request.target.split('?').next().unwrap_or_default();
    match asked.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => asked.get(..end).unwrap_or_default().to_owned(),
    }
}

/// What remains of a cookie when spelling, value and lifetime are set aside.
fn reduced(cookie: &Cookie) -> Cookie {
    Cookie { written: String::new(), value: String::new(), max_age: None, expires: None, ..cookie.clone() }
}

/// Both lifetimes in comparable terms: when neither answer says its time, two expiry dates are compared as such.
fn lives(old: &Cookie, new: &Cookie, times: (Option<i64>, Option<i64>)) -> (Life, Life) {
    let without_age = |cookie: &Cookie| Cookie { max_age: None, ..cookie.clone() };
    let both_expire = old.expires.is_some() && new.expires.is_some();
    let one_age = old.max_age.is_some() != new.max_age.is_some();
    let unknown_time = times.0.is_none() || times.1.is_none();
    if both_expire && one_age && unknown_time && says_the_same(old) && says_the_same(new) {
        return (without_age(old).life(None), without_age(new).life(None));
    }
    (old.life(times.0), new.life(times.1))
}

/// Whether Max-Age can mean what Expires says: the moment from which both count is one at which a server may have answered.
fn says_the_same(cookie: &Cookie) -> bool {
    const YEAR_2050: i64 = 2_524_608_000;
    match (cookie.expires, cookie.max_age) {
        (Some(until), Some(seconds)) => (clock::LONG_AGO..YEAR_2050).contains(&until.saturating_sub(seconds)),
        _ => true,
    }
}

fn value(old: &Cookie, new: &Cookie, sink: &mut Sink<'_>) {
    if old.value == new.value {
        return;
    }
    let finding = Finding::new(Kind::Cookie, path(old));
    if meant(&old.value) == meant(&new.value) {
        sink.report(finding.values(outline(&old.value), outline(&new.value)).cause("cookie_encoding"));
        return;
    }
    let finding = finding.values(old.shown(), new.shown());
    let rule = is_generated(&old.name, &old.value, &new.value).then_some(Rule::CookieToken);
    sink.report(match rule {
        Some(rule) => finding.rule(rule),
        None => finding.cause("cookie_value"),
    });
}

/// How a value is written, without what it says: `xxx%2Fxx`.
fn outline(value: &str) -> String {
    let mut shown = String::with_capacity(value.len());
    let mut coded = 0;
    for c in value.chars() {
        coded = if c == '%' { 3_usize } else { coded.saturating_sub(1) };
        shown.push(if coded == 0 && c.is_alphanumeric() { 'x' } else { c });
    }
    shown
}

/// The text that a value stands for, whichever stack reads it: percent-decoded, or unquoted (RFC 2109, as Python writes it).
fn meant(value: &str) -> String {
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(inside) => unquote(inside),
        None => decode::unescaped(&value.replace('+', " ")),
    }
}

/// `\"` and `\054` (octal) as Python's `http.cookies` writes them.
fn unquote(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let octal = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        if let Some(digits) = octal {
            bytes.push(digits.iter().fold(0_u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
            rest = after.get(3..).unwrap_or_default();
        } else if let Some((escaped, after)) = after.split_first() {
            bytes.push(*escaped);
            rest = after;
        }
    }
    decode::apart(&bytes).into_owned()
}

/// Values that a server draws anew: of a cookie with a session's or token's name, or long and random by themselves.
fn is_generated(name: &str, control: &str, candidate: &str) -> bool {
    if !volatile::are_drawn_apart(control, candidate) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    if name.contains("sess") || name.ends_with("sid") {
        return is_session_id(control) && is_session_id(candidate);
    }
    let says_so =
        ["token", "csrf", "xsrf", "auth", "remember", "nonce", "login"].iter().any(|part| name.contains(part));
    if says_so {
        return volatile::shape(control).is_some() && volatile::shape(candidate).is_some();
    }
    const LONG: usize = 20;
    let is_random = |value: &str| {
        value.len() >= LONG
            && value.bytes().any(|byte| byte.is_ascii_digit())
            && value.bytes().any(|byte| byte.is_ascii_alphabetic())
            && value.bytes().filter(|byte| b"-_.%".contains(byte)).count() * 8 <= value.len()
    };
    is_random(control) && is_random(candidate) && volatile::same_shape(control, candidate)
}

/// What a session cookie may hold: any token but a plain word, which is data or a word for nothing.
fn is_session_id(value: &str) -> bool {
    const SHORTEST: usize = 4;
    const LONG: usize = 16;
    let is_word = value.len() < LONG && !value.bytes().any(|byte| byte.is_ascii_digit());
    value.len() >= SHORTEST
        && !is_word
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"{}[]<>".contains(&byte))
}

fn protections(old: &Cookie, new: &Cookie, sink: &mut Sink<'_>) {
    let mut told = |differs: bool, severity: Severity, cause: &'static str| {
        if differs {
            let finding = Finding::new(Kind::Cookie, path(old)).values(old.shown(), new.shown());
            sink.report(finding.severity(severity).cause(cause));
        }
    };
    told(old.secure && !new.secure, Severity::High, "lost_secure");
    told(!old.secure && new.secure, Severity::Low, "added_secure");
    told(old.http_only && !new.http_only, Severity::High, "lost_httponly");
    told(!old.http_only && new.http_only, Severity::Low, "added_httponly");
    told(old.same_site != new.same_site, Severity::Medium, "samesite_changed");
    told(old.path != new.path, Severity::Medium, "cookie_path");
    told(old.domain != new.domain, Severity::Medium, "cookie_domain");
    told(old.others != new.others, Severity::Low, "cookie_attribute");
}

/// Within a moment two backends are asked the same. Seconds.
const MOMENT: u64 = 3;

fn lifetime(lives: (Life, Life), old: &Cookie, new: &Cookie, sink: &mut Sink<'_>) {
    if lives.0 == lives.1 {
        return;
    }
    let finding = Finding::new(Kind::Cookie, path(old)).values(old.shown(), new.shown());
    let finding = match lives {
        (Life::Seconds(a), Life::Seconds(b)) | (Life::Until(a), Life::Until(b)) => {
            let both_written = old.max_age.is_some() && new.max_age.is_some();
            // A number that is counted from the clock runs down to the same end.
            let same_end = || old.expires.zip(new.expires).is_some_and(|(a, b)| a.abs_diff(b) <= MOMENT);
            match a.abs_diff(b) {
                apart if !both_written && apart <= clock::WINDOW as u64 => finding.rule(Rule::CookieClock),
                apart if apart <= MOMENT && same_end() => finding.rule(Rule::CookieClock),
                _ if b > a => finding.cause("longer_life"),
                _ => finding.severity(Severity::Medium).cause("shorter_life"),
            }
        }
        (Life::Session, _) => finding.cause("longer_life"),
        (Life::Seconds(_), Life::Session) if old.max_age.is_some() => {
            finding.severity(Severity::Medium).cause("max_age_lost")
        }
        (_, Life::Session) => finding.severity(Severity::Medium).cause("shorter_life"),
        _ => finding.severity(Severity::Low).cause("lifetime_changed"),
    };
    sink.report(finding);
}
