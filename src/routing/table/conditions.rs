//! What a route asks for beside path and host: method, headers, query keys, cookies.
//!
//! The query and the cookies of a request are read at most once, and only if a route in question asks for them: every
//! condition of the whole table has a number, reading turns the request into the set of numbers that hold, and asking a
//! route is then looking up bits. So neither many routes nor a long query multiply.

use std::borrow::Cow;
use std::cell::OnceCell;

use http::header::COOKIE;
use percent_encoding::percent_decode;
use smallvec::{SmallVec, smallvec};

use super::fast_hash::FastMap;
use super::group::normal_host;
use super::{Matcher, Parts, RouteId};

/// Why a route whose path matches is not the one. The number is the place in the matcher's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    Host,
    Method,
    Header(usize),
    Query(usize),
    Cookie(usize),
}

/// The numbered conditions on query keys and cookies of all routes.
#[derive(Debug, Default)]
pub struct Conditions {
    query: Lexicon,
    cookies: Lexicon,
    /// By [`RouteId`].
    terms: Vec<Terms>,
    /// By [`RouteId`], apart from all else because it is looked at for every request.
    asking: Vec<AsksFor>,
}

/// Whether a route asks for anything beside path and host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AsksFor {
    Nothing,
    Conditions,
}

impl AsksFor {
    fn of(matcher: &Matcher) -> Self {
        let Matcher { hosts: _, path: _, methods, headers, query, cookies } = matcher;
        if methods.is_empty() && headers.is_empty() && query.is_empty() && cookies.is_empty() {
            return Self::Nothing;
        }
        Self::Conditions
    }
}

/// The numbers of one route's conditions, in the order of its matcher's lists.
#[derive(Debug, Default)]
struct Terms {
    query: Vec<Term>,
    cookies: Vec<Term>,
}

/// The number of a name and value.
#[derive(Debug, Clone, Copy)]
struct Term(usize);

impl Conditions {
    pub fn of(matchers: &[Matcher]) -> Self {
        let mut conditions = Self::default();
        for matcher in matchers {
            let query = conditions.query.number(&matcher.query);
            let cookies = conditions.cookies.number(&matcher.cookies);
            conditions.terms.push(Terms { query, cookies });
            conditions.asking.push(AsksFor::of(matcher));
        }
        conditions
    }

    /// Whether the route asks for nothing beside path and host.
    pub fn are_none(&self, route: RouteId) -> bool {
        self.asking[route.index()] == AsksFor::Nothing
    }
}

/// The numbers of one name's values.
type Values = FastMap<Box<[u8]>, Term>;

/// Names with values, each pair numbered.
#[derive(Debug, Default)]
struct Lexicon {
    names: FastMap<Box<[u8]>, Values>,
    count: usize,
}

impl Lexicon {
    fn number(&mut self, pairs: &[(String, String)]) -> Vec<Term> {
        pairs.iter().map(|(name, value)| self.term(name.as_bytes(), value.as_bytes())).collect()
    }

    fn term(&mut self, name: &[u8], value: &[u8]) -> Term {
        let values = self.names.entry(name.into()).or_default();
        *values.entry(value.into()).or_insert_with(|| {
            self.count += 1;
            Term(self.count - 1)
        })
    }

    fn get(&self, name: &[u8], value: &[u8]) -> Option<Term> {
        self.names.get(name)?.get(value).copied()
    }
}

const BITS: usize = u64::BITS as usize;

/// The conditions that hold, as bits.
#[derive(Debug)]
struct Held(SmallVec<[u64; 4]>);

impl Held {
    fn none_of(lexicon: &Lexicon) -> Self {
        Self(smallvec![0; lexicon.count.div_ceil(BITS)])
    }

    fn add(&mut self, Term(number): Term) {
        self.0[number / BITS] |= 1 << (number % BITS);
    }

    fn has(&self, Term(number): Term) -> bool {
        self.0[number / BITS] & (1 << (number % BITS)) != 0
    }
}

/// A request, read as far as the routes ask.
#[derive(Debug)]
pub struct Asking<'a> {
    conditions: &'a Conditions,
    parts: &'a Parts<'a>,
    host: OnceCell<Option<Cow<'a, str>>>,
    query: OnceCell<Held>,
    cookies: OnceCell<Held>,
}

impl<'a> Asking<'a> {
    pub fn new(conditions: &'a Conditions, parts: &'a Parts<'a>) -> Self {
        Self { conditions, parts, host: OnceCell::new(), query: OnceCell::new(), cookies: OnceCell::new() }
    }

    pub fn host(&self) -> Option<&str> {
        self.host.get_or_init(|| normal_host(self.parts.host)).as_deref()
    }

    /// Whether the route's conditions beside path and host hold; otherwise the first that does not.
    pub fn meets(&self, matchers: &[Matcher], route: RouteId) -> Result<(), Mismatch> {
        if self.conditions.are_none(route) {
            return Ok(());
        }
        let matcher = &matchers[route.index()];
        if !matcher.methods.is_empty() && !matcher.methods.contains(self.parts.method) {
            return Err(Mismatch::Method);
        }
        let unmet = matcher.headers.iter().position(|(name, value)| {
            let mut sent = self.parts.headers.get_all(name).iter();
            !sent.any(|sent| sent == value)
        });
        if let Some(at) = unmet {
            return Err(Mismatch::Header(at));
        }
        if matcher.query.is_empty() && matcher.cookies.is_empty() {
            return Ok(());
        }
        let terms = &self.conditions.terms[route.index()];
        if let Some(at) = terms.query.iter().position(|term| !self.query().has(*term)) {
            return Err(Mismatch::Query(at));
        }
        match terms.cookies.iter().position(|term| !self.cookies().has(*term)) {
            Some(at) => Err(Mismatch::Cookie(at)),
            None => Ok(()),
        }
    }

    fn query(&self) -> &Held {
        self.query.get_or_init(|| held(&self.conditions.query, query_pairs(self.parts.query.unwrap_or_default())))
    }

    fn cookies(&self) -> &Held {
        self.cookies.get_or_init(|| {
            let sent = self.parts.headers.get_all(COOKIE).iter();
            held(&self.conditions.cookies, sent.flat_map(|header| cookie_pairs(header.as_bytes())))
        })
    }
}

fn held<'a>(lexicon: &Lexicon, pairs: impl Iterator<Item = (Cow<'a, [u8]>, Cow<'a, [u8]>)>) -> Held {
    let mut held = Held::none_of(lexicon);
    for (name, value) in pairs {
        if let Some(term) = lexicon.get(&name, &value) {
            held.add(term);
        }
    }
    held
}

/// Keys and values between `&`, decoded as forms are: percent-encoding, and `+` for a space. A key alone has an empty
/// value.
fn query_pairs(query: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = halves(part);
        (form_decoded(name), form_decoded(value))
    })
}

fn form_decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return percent_decode(text).into();
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

/// RFC 6265, section 5.4, read leniently: spaces around names and values and quotes around values are of no meaning.
fn cookie_pairs(header: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    header.split(|byte| *byte == b';').filter(|part| part.contains(&b'=')).map(|part| {
        let (name, value) = halves(part);
        (Cow::Borrowed(name.trim_ascii()), Cow::Borrowed(unquoted(value.trim_ascii())))
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// What stands before and after the first `=`.
fn halves(part: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'=', part) {
        Some(at) => (&part[..at], &part[at + 1..]),
        None => (part, b""),
    }
}
