//! The oracle: every route is asked, those that match are sorted by the rules of precedence as they are written, and the
//! first one wins. It shares no code with the table but the patterns and their rank.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::routing::matcher::{Ending, HostRank, Segment, Specificity};
use crate::routing::readings::tests::{exhaustive, tricky_path};

pub fn wins(matchers: &[Matcher], path: &str, request: &Request) -> Option<RouteId> {
    let mut matching: Vec<(Specificity, RouteId)> = routes(matchers)
        .filter(|(_, matcher)| path_matches(&matcher.path, path))
        .filter(|(_, matcher)| conditions_hold(matcher, request))
        .filter_map(|(route, matcher)| Some((matcher.specificity(host_rank(matcher, request)?), route)))
        .collect();
    matching.sort_by(|(a, first), (b, second)| b.cmp(a).then(first.cmp(second)));
    matching.first().map(|(_, route)| *route)
}

fn path_matches(pattern: &PathPattern, path: &str) -> bool {
    let below = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}/"));
    match pattern {
        PathPattern::Exact(exact) => path == exact,
        PathPattern::Prefix(segments) if segments.is_empty() => true,
        PathPattern::Prefix(segments) => below(&format!("/{}", segments.join("/"))),
        PathPattern::Template { segments, ending } => {
            let slash = (*ending == Ending::Slash).then_some("");
            let parts: Vec<&str> = path.split('/').skip(1).collect();
            path.starts_with('/')
                && parts.len() == segments.len() + usize::from(slash.is_some())
                && parts.iter().zip(segments).all(|(part, segment)| segment_matches(segment, part))
                && slash.is_none_or(|slash| parts.last() == Some(&slash))
        }
        PathPattern::Regex(regex) => regex_matches(regex.source(), path),
    }
}

fn segment_matches(segment: &Segment, part: &str) -> bool {
    match segment {
        Segment::Literal(text) => part == text,
        Segment::Parameter(_) => !part.is_empty(),
    }
}

/// [`REGEXES`] in other words.
fn regex_matches(source: &str, path: &str) -> bool {
    match REGEXES.iter().position(|known| *known == source) {
        Some(0) => path.starts_with("/a"),
        Some(1) => {
            let last = path.strip_prefix("/a/").or_else(|| path.strip_prefix("/b/"));
            last.is_some_and(|last| !last.is_empty() && !last.contains('/'))
        }
        Some(2) => path.ends_with('b'),
        Some(3) => ["/a", "/a/", "/ab", "/ab/"].contains(&path),
        Some(4) => path == "/",
        Some(5) => {
            let inner = path.strip_prefix('/').and_then(|rest| rest.strip_suffix("/c")).unwrap_or_default();
            inner.match_indices('/').any(|(at, _)| at > 0 && at + 1 < inner.len())
        }
        _ => panic!("unknown regex {source}"),
    }
}

fn host_rank(matcher: &Matcher, request: &Request) -> Option<HostRank> {
    if matcher.hosts.is_empty() {
        return Some(HostRank::Any);
    }
    let host = request.host.to_lowercase();
    let host = host.split(':').next().unwrap().trim_end_matches('.');
    let matching = matcher.hosts.iter().filter(|pattern| match pattern {
        HostPattern::Exact(name) => name == host,
        HostPattern::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
    });
    matching.map(HostPattern::rank).max()
}

fn conditions_hold(matcher: &Matcher, request: &Request) -> bool {
    let header = |name: &HeaderName, value: &HeaderValue| {
        request.headers.iter().any(|(sent, content)| sent == name && content == value)
    };
    let cookie_lines = request.headers.get_all("cookie").iter().map(|line| line.to_str().unwrap());
    let cookies: Vec<&str> = cookie_lines.flat_map(|line| line.split("; ")).collect();
    let query: Vec<&str> = request.query.iter().flat_map(|query| query.split('&')).collect();
    let pair = |(name, value): &(String, String)| format!("{name}={value}");
    (matcher.methods.is_empty() || matcher.methods.iter().any(|method| *method == request.method))
        && matcher.headers.iter().all(|(name, value)| header(name, value))
        && matcher.query.iter().all(|wanted| query.contains(&pair(wanted).as_str()))
        && matcher.cookies.iter().all(|wanted| cookies.contains(&pair(wanted).as_str()))
}

// Alphabets so small that everything collides with everything.
// The last two lie inside and outside of an edge of the tree.
const SEGMENTS: [&str; 8] = ["a", "b", "ab", "c", "a", "b", "nineteen-bytes-long", "nineteen-bytes-longer"];
const HOSTS: [&str; 6] = ["x.org", "a.x.org", "b.a.x.org", "*.x.org", "*.a.x.org", "*.org"];
const REGEXES: [&str; 6] = ["/a.*", "/[ab]/[^/]+", ".*b", "/(a|ab)/?", "/", "/.+/.+/c"];
const PAIRS: [(&str, &str); 4] = [("k", "1"), ("k", "2"), ("l", "1"), ("m", "")];

fn path() -> impl Strategy<Value = String> {
    (vec(select(&SEGMENTS[..]), 0..4), any::<bool>()).prop_map(|(segments, slash)| {
        let path = format!("/{}", segments.join("/"));
        if slash && path != "/" { path + "/" } else { path }
    })
}

fn template_text() -> impl Strategy<Value = String> {
    let marked = path().prop_flat_map(|path| {
        let count = path.matches('/').count();
        (Just(path), vec(any::<bool>(), count))
    });
    marked.prop_map(|(path, marks)| {
        let segments = path[1..].split('/').zip(marks).enumerate();
        let segments = segments.map(|(n, (segment, parameter))| match segment {
            segment if segment.is_empty() || !parameter => segment.to_owned(),
            _ => format!("{{p{n}}}"),
        });
        format!("/{}", segments.collect::<Vec<_>>().join("/"))
    })
}

fn pattern() -> impl Strategy<Value = PathPattern> {
    prop_oneof![
        path().prop_map(|path| PathPattern::exact(&path).unwrap()),
        path().prop_map(|path| PathPattern::prefix(&path).unwrap()),
        template_text().prop_map(|text| PathPattern::template(&text).unwrap()),
        select(&REGEXES[..]).prop_map(|source| PathPattern::regex(source).unwrap()),
    ]
}

fn some_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let owned = |pairs: Vec<(&str, &str)>| {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    prop_oneof![3 => Just(Vec::new()), 1 => subsequence(PAIRS.to_vec(), 1..=2).prop_map(owned)]
}

pub fn matcher() -> impl Strategy<Value = Matcher> {
    let hosts = prop_oneof![2 => Just(Vec::new()), 1 => subsequence(HOSTS.to_vec(), 1..=3)];
    let methods = prop_oneof![2 => Just(Vec::new()), 1 => subsequence(vec![Method::GET, Method::POST], 1..=2)];
    (pattern(), hosts, methods, some_pairs(), some_pairs(), some_pairs()).prop_map(
        |(path, hosts, methods, headers, query, cookies)| Matcher {
            hosts: hosts.into_iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
            path,
            methods: methods.into_iter().collect(),
            headers: headers.into_iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect(),
            query,
            cookies,
        },
    )
}

pub fn request() -> impl Strategy<Value = Request> {
    let host = select(vec!["x.org", "A.x.org:80", "b.a.x.org.", "c.a.x.org", "y.org", "org", "", "*.x.org"]);
    let method = select(vec![Method::GET, Method::POST, Method::PUT]);
    (path(), host, method, some_pairs(), some_pairs(), some_pairs()).prop_map(
        |(path, host, method, headers, query, cookies)| {
            let mut request = Request { method, ..Request::get(path) }.on(host);
            for (name, value) in headers {
                request = request.header(&name, &value);
            }
            if !query.is_empty() {
                request = request.query(&joined(&query, "&"));
            }
            if !cookies.is_empty() {
                request = request.header("cookie", &joined(&cookies, "; "));
            }
            request
        },
    )
}

fn joined(pairs: &[(String, String)], by: &str) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(by)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// 400 tables × 25 requests: 10,000 random requests, each found, explained and asked of the oracle.
    #[test]
    fn find_and_explain_are_the_oracle(matchers in vec(matcher(), 0..24), requests in vec(request(), 25)) {
        let table = RouteTable::build(matchers.clone());
        for request in requests {
            let path = std::str::from_utf8(&request.path).unwrap();
            let expected = Ok(wins(&matchers, path, &request));
            prop_assert_eq!(table.find(&request.parts()), expected.clone(), "{:?}", &request);
            let explanation = table.explain(&request.parts());
            prop_assert_eq!(explanation.outcome(), expected, "{:?}", &request);
            check_losers(&matchers, path, &request, &explanation)?;
        }
    }

    /// A request that is let through has one route whatever its backend makes of the path; one that is refused as two
    /// routes has a reading that proves it.
    #[test]
    fn what_is_let_through_reads_one_way(matchers in vec(matcher(), 1..16), path in tricky_path()) {
        let request = Request::get(&path);
        let found = RouteTable::build(matchers.clone()).find(&request.parts());
        let routes: BTreeSet<Option<RouteId>> = exhaustive(&path)
            .into_iter()
            .map(|reading| wins(&matchers, &reading.into_iter().map(char::from).collect::<String>(), &request))
            .collect();
        match found {
            Ok(route) => prop_assert_eq!(routes, BTreeSet::from([route])),
            Err(Ambiguous::TwoRoutes { raw, other }) => {
                prop_assert!(raw != other && routes.is_superset(&BTreeSet::from([raw, other])));
            }
            Err(Ambiguous::TooManyReadings) => {}
        }
    }

    #[test]
    fn no_bytes_panic(
        matchers in vec(matcher(), 0..12),
        path in vec(prop_oneof![select(b"/.%;\\2eE5cfF0ab\0*".to_vec()), any::<u8>()], 0..60),
        host in "(?s)[\\[\\].:*a-z0-9\u{e9}]{0,12}",
        query in "(?s)[&=+%2k1\u{e9}]{0,20}",
        cookie in "[;= \"k1,]{0,20}",
    ) {
        let table = RouteTable::build(matchers);
        let request = Request::get(path).on(&host).query(&query).header("cookie", &cookie);
        prop_assert_eq!(table.explain(&request.parts()).outcome(), table.find(&request.parts()));
    }
}

/// Every route whose path matches is told, and each reason is true.
fn check_losers(
    matchers: &[Matcher],
    path: &str,
    request: &Request,
    explanation: &Explanation,
) -> Result<(), TestCaseError> {
    let near = matchers.iter().filter(|matcher| path_matches(&matcher.path, path)).count();
    prop_assert_eq!(explanation.losers.len() + usize::from(explanation.winner.is_some()), near);
    for Loser { route, lost, why } in &explanation.losers {
        let matcher = &matchers[route.index()];
        let matches = host_rank(matcher, request).is_some() && conditions_hold(matcher, request);
        prop_assert_eq!(matches, matches!(lost, Lost::Specificity | Lost::Order), "{:?}: {}", matcher, why);
        prop_assert_eq!(host_rank(matcher, request).is_none(), *lost == Lost::Host, "{:?}: {}", matcher, why);
        prop_assert!(!why.is_empty());
    }
    Ok(())
}
