//! One change that a user would notice, in a document or in what stands above it.

use ::http::HeaderValue;

use super::document::{Dice, Value, write};
use super::{Answer, Observation, spelled, written};

/// Where a change must be told.
#[derive(Debug)]
pub enum Place {
    At(String),
    /// In a list: which of equal neighbours it was cannot be told.
    In(String),
    Anywhere,
}

impl Place {
    pub fn is(&self, path: &str) -> bool {
        match self {
            Self::At(at) => path == at,
            Self::In(list) => {
                path.strip_prefix(list.as_str()).is_some_and(|rest| !rest.get(1..).unwrap_or("").contains('/'))
            }
            Self::Anywhere => true,
        }
    }
}

/// Both texts, and where they differ.
pub fn of_document(value: &Value, dice: &mut Dice) -> (String, String, Place) {
    let old = written(value, dice);
    match dice.roll(24) {
        0 => {
            return (old.clone(), format!("<b>Warning</b>: x in y.php on line 3\n{old}"), Place::At("body".to_owned()));
        }
        1 => {
            let cut = old.trim_end().len() - 1;
            return (old.clone(), old.get(..cut).unwrap_or_default().to_owned(), Place::At("body".to_owned()));
        }
        2 => return (old.clone(), String::new(), Place::At("body".to_owned())),
        3 => return (old.clone(), format!("{old}{{}}"), Place::At("body".to_owned())),
        4 => return (old.clone(), format!("[{old}]"), Place::Anywhere),
        _ => {}
    }
    let mut other = value.clone();
    let place = change(&mut other, String::new(), dice);
    let mut new = String::new();
    write(&other, dice, &mut new);
    (old, new, place)
}

/// Goes down by chance and changes something there; never to what means the same.
fn change(value: &mut Value, at: String, dice: &mut Dice) -> Place {
    let down = dice.roll(4) > 0;
    match value {
        Value::List(elements) if !elements.is_empty() && down => {
            let index = dice.roll(elements.len());
            change(&mut elements[index], format!("{at}/{index}"), dice)
        }
        Value::Object(members) if !members.is_empty() && down => {
            let index = dice.roll(members.len());
            let (name, member) = &mut members[index];
            change(member, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), dice)
        }
        Value::List(elements) => change_list(elements, at, dice),
        Value::Object(members) => change_object(members, at, dice),
        scalar => {
            *scalar = other(scalar, dice);
            Place::At(at)
        }
    }
}

fn change_list(elements: &mut Vec<Value>, at: String, dice: &mut Dice) -> Place {
    match dice.roll(3) {
        0 if !elements.is_empty() => {
            elements.remove(dice.roll(elements.len()));
            Place::In(at)
        }
        1 if elements.len() > 1 && means(&elements[0]) != means(&elements[1]) => {
            elements.swap(0, 1);
            Place::In(at)
        }
        _ => {
            let index = dice.roll(elements.len() + 1);
            elements.insert(index, Value::Text("an element that was not there".to_owned()));
            Place::In(at)
        }
    }
}

/// In one spelling, members by name.
fn means(value: &Value) -> String {
    match value {
        Value::List(elements) => format!("{:?}", elements.iter().map(means).collect::<Vec<_>>()),
        Value::Object(members) => {
            let mut members: Vec<(&String, String)> =
                members.iter().map(|(name, value)| (name, means(value))).collect();
            members.sort();
            format!("{members:?}")
        }
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e30 => {
            format!("{:?}", Value::Int(*number as i128))
        }
        scalar => format!("{scalar:?}"),
    }
}

fn change_object(members: &mut Vec<(String, Value)>, at: String, dice: &mut Dice) -> Place {
    let below = |name: &str| Place::At(format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")));
    let index = dice.roll(members.len().max(1));
    match dice.roll(5) {
        0 if !members.is_empty() => below(&members.remove(index).0),
        1 if !members.is_empty() => {
            let old = std::mem::replace(&mut members[index].0, "another".to_owned());
            below(&old)
        }
        2 if !members.is_empty() => {
            let (name, _) = &mut members[index];
            let old = name.clone();
            *name = name.replacen('k', "K", 1);
            below(&old)
        }
        3 if !members.is_empty() => {
            let twin = members[index].clone();
            let place = below(&twin.0);
            members.push(twin);
            place
        }
        _ => {
            members.push(("added".to_owned(), Value::Int(1)));
            below("added")
        }
    }
}

/// Another value than this scalar.
fn other(scalar: &Value, dice: &mut Dice) -> Value {
    match scalar {
        Value::Null => {
            [Value::Int(0), Value::Text(String::new()), Value::Bool(false), Value::List(vec![])][dice.roll(4)].clone()
        }
        Value::Bool(truth) => match dice.roll(3) {
            0 => Value::Bool(!truth),
            1 => Value::Int((*truth).into()),
            _ => Value::Text(if *truth { "True" } else { "" }.to_owned()),
        },
        Value::Int(number) => match dice.roll(4) {
            0 => Value::Int(number + 1),
            1 => Value::Text(number.to_string()),
            2 => Value::Null,
            _ => Value::Int(-number - 1),
        },
        Value::Float(number) => match dice.roll(3) {
            0 => Value::Float(number * 1.5 + 1.0),
            1 => Value::Float(f64::from_bits(number.to_bits() + 1)),
            _ => Value::Text(format!("{number:?}")),
        },
        Value::Text(text) => other_text(text, dice),
        container => container.clone(),
    }
}

fn other_text(text: &str, dice: &mut Dice) -> Value {
    let changed = match dice.roll(10) {
        0 => format!("{text} "),
        1 => format!("x{text}"),
        2 => text.chars().skip(1).collect(),
        3 => text.to_uppercase(),
        4 => text.replace('&', "&amp;").replace('<', "&lt;"),
        5 => text.replace('ë', "e\u{308}"),
        6 => text.replace('/', "\\/"),
        7 => format!("{text}\0"),
        8 => text.replace('ö', "Ã¶"),
        _ => return Value::Null,
    };
    Value::Text(if changed == text { format!("{text}!") } else { changed })
}

/// One change above the body. The bodies are equal.
pub fn of_headers(answer: &Answer, dice: &mut Dice) -> (Observation, Observation, Place) {
    const CHANGES: [(&str, &str, &str, &str); 19] = [
        ("content-security-policy", "default-src 'self'", "", "header:Content-Security-Policy"),
        ("content-security-policy", "default-src 'self'", "default-src *", "header:Content-Security-Policy"),
        ("strict-transport-security", "max-age=31536000", "max-age=0", "header:Strict-Transport-Security"),
        ("x-frame-options", "DENY", "", "header:X-Frame-Options"),
        ("x-content-type-options", "nosniff", "", "header:X-Content-Type-Options"),
        ("access-control-allow-origin", "*", "", "header:Access-Control-Allow-Origin"),
        ("vary", "Accept-Encoding", "", "header:Vary"),
        ("vary", "Accept-Encoding, Cookie", "Accept-Encoding", "header:Vary"),
        ("etag", "\"x\"", "", "header:ETag"),
        ("cache-control", "no-store", "", "header:Cache-Control"),
        ("cache-control", "private, max-age=60", "public, max-age=60", "header:Cache-Control"),
        ("link", "</n>; rel=next", "</m>; rel=next", "header:Link"),
        ("content-language", "en", "de", "header:Content-Language"),
        ("x-total-count", "41", "42", "header:X-Total-Count"),
        ("set-cookie", "lang=en; path=/; HttpOnly", "lang=en; path=/", "cookie:lang"),
        ("set-cookie", "lang=en; path=/; Secure", "lang=en; path=/", "cookie:lang"),
        ("set-cookie", "lang=en; path=/", "lang=de; path=/", "cookie:lang"),
        ("set-cookie", "PHPSESSID=9l2fk7m3q8r1v5x0b4n6; path=/", "", "cookie:PHPSESSID"),
        ("set-cookie", "v=a%2Fb; path=/", "v=\"a/b\"; path=/", "cookie:v"),
    ];
    let mut answer = answer.clone();
    let (name, old, new, place) = CHANGES[dice.roll(CHANGES.len())];
    answer.headers.retain(|(known, _)| *known != name);
    let (mut control, mut candidate) = (spelled(&answer, dice), spelled(&answer, dice));
    match dice.roll(8) {
        0 => {
            candidate.status = [201, 204, 302, 307, 404, 405, 422, 500][dice.roll(8)].try_into().unwrap();
            return (control, candidate, Place::At("status".to_owned()));
        }
        1 => {
            let other =
                ["text/html; charset=utf-8", "application/json", "application/json; charset=iso-8859-1"][dice.roll(3)];
            candidate.headers.insert("content-type", HeaderValue::from_static(other));
            return (control, candidate, Place::At("header:Content-Type".to_owned()));
        }
        2 => {
            (control.status, candidate.status) = (302.try_into().unwrap(), 302.try_into().unwrap());
            control.headers.insert("location", HeaderValue::from_static("/a"));
            let targets = ["/b", "/a/", "http://127.0.0.1:8000/a", "/a?x=1", "http://site.example/a"];
            candidate.headers.insert("location", HeaderValue::from_static(targets[dice.roll(targets.len())]));
            return (control, candidate, Place::At("header:Location".to_owned()));
        }
        _ => {}
    }
    let set = |side: &mut Observation, value: &'static str| {
        if !value.is_empty() {
            side.headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(&mut control, old);
    set(&mut candidate, new);
    (control, candidate, Place::At(place.to_owned()))
}
