//! What parses, what is refused and in which words, and the order of specificity.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

fn shown<E: std::fmt::Display>(parsed: Result<impl std::fmt::Display, E>) -> String {
    match parsed {
        Ok(pattern) => pattern.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn hosts() {
    for (text, expected) in [
        ("example.org", "example.org"),
        ("Example.ORG.", "example.org"),
        ("*.Example.org", "*.example.org"),
        ("localhost", "localhost"),
        ("a_b.example", "a_b.example"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("", "error: want a host name, found nothing"),
        (".", "error: want a host name, found nothing"),
        ("*", "error: \"*\" matches every host: leave `hosts` out instead"),
        ("http://a.org", "error: want a host name without scheme or path, found \"http://a.org\""),
        ("a.org:80", "error: want a host name without port, found \"a.org:80\": routes do not tell ports apart"),
        ("[::1]:80", "error: want a host name without port, found \"[::1]:80\": routes do not tell ports apart"),
        ("::1", "error: want an IPv6 address as in [2001:db8::1], found \"::1\""),
        ("[::1", "error: want an IPv6 address as in [2001:db8::1], found \"[::1\""),
        ("a.*.org", "error: want the wildcard as the whole first label, as in *.example.org, found \"a.*.org\""),
        ("*a.org", "error: want the wildcard as the whole first label, as in *.example.org, found \"*a.org\""),
        ("*.*.org", "error: want the wildcard as the whole first label, as in *.example.org, found \"*.*.org\""),
        ("a..org", "error: an empty label in the host name \"a..org\": two dots in a row, or one in front"),
        (".a.org", "error: an empty label in the host name \".a.org\": two dots in a row, or one in front"),
        (
            "b\u{fc}cher.example",
            "error: '\u{fc}' in the host name \"b\u{fc}cher.example\": want ASCII letters, digits, `-`, `_` and `.` \
             (other scripts as xn--…)",
        ),
    ] {
        assert_eq!(shown(HostPattern::parse(text)), expected, "{text:?}");
    }
    let long = "a.".repeat(127);
    assert!(shown(HostPattern::parse(&format!("{long}org"))).contains("has 257 bytes, want at most 253"));
}

#[test]
fn a_wildcard_covers_hosts_below_it_and_not_itself() {
    let host = |text| HostPattern::parse(text).unwrap();
    let wildcard = host("*.example.org");
    assert!(wildcard.covers(&host("a.example.org")));
    assert!(wildcard.covers(&host("a.b.example.org")));
    assert!(wildcard.covers(&host("*.b.example.org")));
    assert!(wildcard.covers(&wildcard));
    assert!(!wildcard.covers(&host("example.org")));
    assert!(!wildcard.covers(&host("badexample.org")));
    assert!(!wildcard.covers(&host("*.org")));
    assert!(!host("a.example.org").covers(&wildcard));
}

#[test]
fn paths() {
    type Parse = fn(&str) -> Result<PathPattern, PathPatternError>;
    let (exact, prefix, template): (Parse, Parse, Parse) =
        (PathPattern::exact, PathPattern::prefix, PathPattern::template);
    for (parse, text, expected) in [
        (exact, "/account", "exact /account"),
        (exact, "/account/", "exact /account/"),
        (exact, "/", "exact /"),
        (prefix, "/", "prefix /"),
        (prefix, "/rpc/", "prefix /rpc"),
        (prefix, "/a/b", "prefix /a/b"),
        (prefix, "/.well-known/acme", "prefix /.well-known/acme"),
        (prefix, "/caf\u{e9} noir", "prefix /caf\u{e9} noir"),
        (exact, "/caf%e9", "exact /caf%e9"),
        (template, "/packages/{name}", "template /packages/{name}"),
        (template, "/packages/{name}/", "template /packages/{name}/"),
        (template, "/{a}/x/{b-c}", "template /{a}/x/{b-c}"),
        (template, "/", "template /"),
        (exact, "", "error: want a path that starts with `/`, found \"\""),
        (exact, "account", "error: want a path that starts with `/`, found \"account\""),
        (prefix, "*", "error: want a path that starts with `/`, found \"*\""),
        (exact, "/a?b=1", "error: want a path only, found '?' in \"/a?b=1\": conditions on the query go to `query:`"),
        (prefix, "/a#b", "error: want a path only, found '#' in \"/a#b\": conditions on the query go to `query:`"),
        (prefix, "/a\n", "error: '\\n' in the path \"/a\\n\": want no control character"),
        (exact, "/100%", "error: a `%` in \"/100%\" that is not followed by two hexadecimal digits"),
        (exact, "/%zz", "error: a `%` in \"/%zz\" that is not followed by two hexadecimal digits"),
        (exact, "/%\u{e9}", "error: a `%` in \"/%\u{e9}\" that is not followed by two hexadecimal digits"),
        (
            exact,
            "/a/{id}",
            "error: \"{id}\" in \"/a/{id}\": a parameter is written as {name} and is a whole segment; use `template` \
             for parameters, %7B and %7D for braces",
        ),
        (
            template,
            "/a/v{id}",
            "error: \"v{id}\" in \"/a/v{id}\": a parameter is written as {name} and is a whole segment; text around it \
             needs a `regex`, a brace is written %7B or %7D",
        ),
        (
            template,
            "/a/{}",
            "error: \"{}\" in \"/a/{}\": a parameter is written as {name} and is a whole segment; give it a name",
        ),
        (
            template,
            "/a/{*rest}",
            "error: \"{*rest}\" in \"/a/{*rest}\": a parameter is written as {name} and is a whole segment; for the \
             rest of a path use a `prefix`",
        ),
        (
            template,
            "/a/{b c}",
            "error: \"{b c}\" in \"/a/{b c}\": a parameter is written as {name} and is a whole segment; a name has \
             letters, digits, `_` and `-`",
        ),
        (template, "/{a}/{b}/{a}", "error: the parameter {a} stands twice in \"/{a}/{b}/{a}\""),
    ] {
        assert_eq!(shown(parse(text)), expected, "{text:?}");
    }
}

#[test]
fn a_pattern_is_not_deeper_than_a_walk_may_be() {
    let deep = "/a".repeat(129);
    let message = shown(PathPattern::template(&deep));
    assert!(message.ends_with("has 129 segments, want at most 128"), "{message}");
    assert!(PathPattern::prefix(&deep[2..]).is_ok());
}

/// Such a route would look alive in the config, and every request that it matches would be refused.
#[test]
fn paths_that_backends_read_in_different_ways_are_refused_where_they_are_written() {
    for (text, found) in [
        ("/a//b", "//"),
        ("//", "//"),
        ("/a;b", ";"),
        ("/a\\b", "\\\\"),
        ("/a/../b", ".."),
        ("/a/.", "."),
        ("/a/%2e%2E/b", "%2e%2E"),
        ("/a%2fb", "%2f"),
        ("/a%5Cb", "%5C"),
        ("/a%3Bb", "%3B"),
        ("/a%252Fb", "%25"),
        ("/a%00", "%00"),
    ] {
        let expected = format!(
            "error: no request can reach {text:?}: backends do not agree on how to read \"{found}\"; match the path \
             before it"
        );
        for parsed in [PathPattern::exact(text), PathPattern::prefix(text), PathPattern::template(text)] {
            assert_eq!(shown(parsed), expected);
        }
    }
}

#[test]
fn regexes_match_whole_paths_of_bytes() {
    let regex = |text: &str| match PathPattern::regex(text).unwrap() {
        PathPattern::Regex(regex) => regex,
        other => panic!("{other}"),
    };
    let numbered = regex("/p/[0-9]+|/q");
    assert!(numbered.matches(b"/p/17") && numbered.matches(b"/q"));
    assert!(!numbered.matches(b"/p/17/x") && !numbered.matches(b"x/q") && !numbered.matches(b"/q\n"));
    assert!(regex("/wiki/.+").matches(b"/wiki/\xff\xfe"));
    assert!(regex("(?x) /a  # the first letter").matches(b"/a"));
    assert!(!regex("(?m)^/a$").matches(b"/a\n/b"));
    assert_eq!(regex("^/api/(v[12])/x").start(), b"/api/v");
    assert_eq!(regex("/a|/b").start(), b"/");
    assert_eq!(regex("(?i)/a").start(), b"/");
    assert_eq!(regex("x?/a").start(), b"");
}

#[test]
fn broken_regexes_are_refused_with_the_place() {
    let message = |text: &str| shown(PathPattern::regex(text));
    assert_eq!(message("/a(b"), "error: the regex \"/a(b\" does not parse: unclosed group, at character 3");
    assert_eq!(message("a)|(b"), "error: the regex \"a)|(b\" does not parse: unopened group, at character 2");
    assert!(message("(?:a{1000}){1000}").starts_with("error: the regex \"(?:a{1000}){1000}\" cannot be used: "));
}

#[test]
fn a_pattern_is_found_under_every_spelling_of_the_same_bytes() {
    let spelled = |text: &str| {
        let all = spellings(text).into_iter().map(|bytes| String::from_utf8(bytes).unwrap());
        all.collect::<Vec<_>>()
    };
    assert_eq!(spelled("plain"), ["plain"]);
    assert_eq!(spelled("caf\u{e9}"), ["caf\u{e9}", "caf%C3%A9"]);
    assert_eq!(spelled("caf%c3%a9"), ["caf\u{e9}", "caf%C3%A9"]);
    assert_eq!(spelled("a%3ab"), ["a:b", "a%3Ab"]);
    assert_eq!(spelled("[x] y"), ["[x] y", "%5Bx%5D%20y"]);
    assert_eq!(spellings("%e9"), [b"\xe9".to_vec(), b"%E9".to_vec()]);
}

#[test]
fn specificity_orders_paths() {
    let rising = [
        PathPattern::regex("/a/b/c/d"),
        PathPattern::prefix("/"),
        PathPattern::template("/"),
        PathPattern::template("/{x}"),
        PathPattern::prefix("/a"),
        PathPattern::template("/a"),
        PathPattern::template("/{x}/{y}"),
        PathPattern::template("/{x}/b"),
        PathPattern::template("/a/{y}"),
        PathPattern::prefix("/a/b"),
        PathPattern::template("/a/b/"),
        PathPattern::template("/{x}/{y}/{z}"),
        PathPattern::exact("/"),
    ];
    let ranks: Vec<PathRank> = rising.into_iter().map(|pattern| pattern.unwrap().rank()).collect();
    assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:#?}");
}

#[test]
fn specificity_orders_what_stands_beside_the_path() {
    let step = |host, method, headers, query, cookies| Specificity {
        path: PathRank::Regex,
        host,
        demands: Demands { method, headers, query, cookies },
    };
    let (any, named) = (MethodRank::Any, MethodRank::Named);
    let rising = [
        step(HostRank::Any, any, 0, 0, 0),
        step(HostRank::Any, any, 0, 0, 9),
        step(HostRank::Any, any, 0, 1, 0),
        step(HostRank::Any, any, 1, 0, 0),
        step(HostRank::Any, named, 0, 0, 0),
        step(HostRank::Suffix(4), any, 0, 0, 0),
        step(HostRank::Suffix(5), any, 0, 0, 0),
        step(HostRank::Exact, any, 0, 0, 0),
    ];
    assert!(rising.is_sorted_by(|a, b| a < b), "{rising:#?}");
}

proptest! {
    #[test]
    fn no_text_panics_a_parser(text in "(?s).{0,40}", wild in "[/{}%a-f0-9.*;:\\\\\\[\\]()|?+ \u{e9}]{0,20}") {
        for text in [&text, &wild] {
            let _ = HostPattern::parse(text);
            let _ = PathPattern::exact(text);
            let _ = PathPattern::prefix(text);
            let _ = PathPattern::template(text);
            let _ = PathPattern::regex(text);
        }
    }

    #[test]
    fn a_pattern_reads_as_it_is_shown(text in "(/[a-c%{}.]{0,3}){1,4}") {
        for (parse, word) in [
            (PathPattern::exact as fn(&str) -> Result<PathPattern, PathPatternError>, "exact "),
            (PathPattern::prefix, "prefix "),
            (PathPattern::template, "template "),
        ] {
            let Ok(pattern) = parse(&text) else { continue };
            let shown = pattern.to_string();
            let again = parse(shown.strip_prefix(word).unwrap()).unwrap();
            prop_assert_eq!(again.to_string(), shown);
            prop_assert_eq!(again.rank(), pattern.rank());
        }
    }
}
