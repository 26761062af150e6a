//! An id for each request, the same in what origin and copy are sent, in the access log and in the samples.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};

use super::client::Client;
use super::client_side::ClientSide;
use crate::config::settings::RequestIds as Settings;
use crate::trace::Lots;

/// Of an id that a proxy has given: more is no id.
const LONGEST: usize = 128;

/// A UUID as it is written, and where its hyphens are.
const LENGTH: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
type Text = [u8; LENGTH];

/// What an unread request is called.
#[derive(Debug, Clone)]
pub struct Unread {
    pub id: HeaderValue,
    /// The header that tells the client; `None`: none does.
    pub told_in: Option<HeaderName>,
}

impl Unread {
    pub fn told(&self) -> Option<(&HeaderName, &HeaderValue)> {
        self.told_in.as_ref().map(|name| (name, &self.id))
    }
}

/// The ids of one door.
#[derive(Debug)]
pub struct RequestIds(Lots);

impl RequestIds {
    pub fn new() -> Self {
        Self(Lots::random())
    }

    /// The id that a trusted proxy gave the request, or else a new one: whoever is not trusted cannot choose what the log says.
    pub fn of(&self, name: &HeaderName, client: &Client, headers: &HeaderMap) -> Option<HeaderValue> {
        let given = if client.by_proxy { given(name, headers) } else { None };
        given.or_else(|| self.fresh())
    }

    /// Of a request whose head cannot be read: nothing that it says of itself can be believed.
    pub fn of_unread(&self, settings: &Settings) -> Option<Unread> {
        let id = self.fresh()?;
        Some(Unread { id, told_in: settings.answer.then(|| settings.header.clone()) })
    }

    fn fresh(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.make(SystemTime::now())).ok()
    }

    /// A UUID of version 7: RFC 9562, section 5.7.
    fn make(&self, now: SystemTime) -> Text {
        let millis = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let (high, low) = self.0.draw();
        let first = (millis << 16) | 0x7000 | (high & 0xfff);
        let second = (0b10 << 62) | ((high >> 12) & 0x3fff) << 48 | low >> 16;
        text([first, second])
    }
}

/// Hexadecimal digits in groups of 8, 4, 4, 4 and 12: RFC 9562, section 4. By hand, for every request gets one: formatting took
/// a fiftieth of what a small request costs.
fn text(halves: [u64; 2]) -> Text {
    let mut text = [b'-'; LENGTH];
    let digits =
        halves.into_iter().flat_map(|half| (0..16).rev().map(move |place| (half >> (4 * place)) as usize & 0xf));
    let places = text.iter_mut().enumerate().filter(|(at, _)| !HYPHENS.contains(at));
    for ((_, place), digit) in places.zip(digits) {
        *place = b"0123456789abcdef"[digit];
    }
    text
}

/// One value that can stand in any log as it is.
fn given(name: &HeaderName, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let (value, second) = (values.next()?, values.next());
    let sound = (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    (sound && second.is_none()).then(|| value.clone())
}

/// Tells a backend.
///
/// # Errors
/// None in practice: name and value were legal when they came.
pub fn send(request: &mut RequestHeader, settings: &Settings, id: Option<&HeaderValue>) -> pingora::Result<()> {
    match id {
        Some(id) if settings.send => request.insert_header(settings.header.clone(), id.clone()),
        _ => Ok(()),
    }
}

/// Tells the client, where the config wants it.
///
/// # Errors
/// None in practice: name and value were legal when they came.
pub fn answer(answer: &mut ResponseHeader) -> pingora::Result<()> {
    match ClientSide::with(ClientSide::request_id).flatten() {
        Some((name, id)) => answer.insert_header(name, id),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;
    use std::time::Duration;

    use super::super::client_side::Scheme;
    use super::*;

    #[test]
    fn ids_are_uuids_in_the_order_of_time_and_each_is_another() {
        let ids = RequestIds::new();
        let at = UNIX_EPOCH + Duration::from_millis(0x0192_3456_789a);
        let make = |ids: &RequestIds, at| String::from_utf8(ids.make(at).to_vec()).unwrap();
        let made: HashSet<String> = (0..100_000).map(|_| make(&ids, at)).collect();
        assert_eq!(made.len(), 100_000);
        for id in made.iter().take(1000) {
            assert_eq!((id.len(), &id[..15]), (36, "01923456-789a-7"), "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            assert!(id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()), "{id}");
        }
        assert_eq!(&text([0x0123_4567_89ab_7def, 0x8123_4567_89ab_cdef]), b"01234567-89ab-7def-8123-456789abcdef");
        assert!(ids.make(at) < ids.make(at + Duration::from_millis(1)));
        assert_ne!(RequestIds::new().make(at), RequestIds::new().make(at), "another door, another key");
    }

    #[test]
    fn only_a_trusted_proxys_sound_id_is_taken() {
        let name = HeaderName::from_static("x-request-id");
        let taken = |trusted: &str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(&name, value.parse().unwrap());
            }
            let client = Client::of("10.0.0.1".parse().unwrap(), Scheme::Http, &headers, &[trusted.parse().unwrap()]);
            let id = RequestIds::new().of(&name, &client, &headers).unwrap();
            values.iter().any(|value| id == *value)
        };
        assert!(taken("10.0.0.0/8", &["abc-123"]));
        assert!(!taken("192.0.2.0/24", &["abc-123"]));
        let long = "x".repeat(129);
        for unsound in [&["a", "b"][..], &["a b"], &[""], &[&long], &["a\tb"]] {
            assert!(!taken("10.0.0.0/8", unsound), "{unsound:?}");
        }
    }
}
