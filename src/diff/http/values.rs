//! What an answer says in a header, line by line.

use http::header::DATE;

use crate::diff::clock;
use crate::diff::decode;
use crate::diff::observation::Observation;

/// All values of a header, as text.
pub fn values(answer: &Observation, name: &str) -> Vec<String> {
    answer.headers.get_all(name).iter().map(|value| decode::apart(value.as_bytes()).trim().to_owned()).collect()
}

/// The answer's own time, Unix seconds, which its lifetimes count from; or else `now`.
pub fn time_of(answer: &Observation, now: Option<i64>) -> Option<i64> {
    values(answer, DATE.as_str()).first().and_then(|date| clock::http_date(date)).or(now)
}
