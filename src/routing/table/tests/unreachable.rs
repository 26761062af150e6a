//! Dead routes: found where they should be, and never a living one.

use proptest::collection::vec;
use proptest::prelude::*;

use super::oracle::{matcher, request, wins};
use super::*;

fn dead(matchers: Vec<Matcher>) -> Vec<(u32, u32)> {
    let found = RouteTable::build(matchers).unreachable();
    found.into_iter().map(|(loser, winner)| (loser.0, winner.0)).collect()
}

fn asking(matcher: Matcher, headers: &[(&'static str, &'static str)]) -> Matcher {
    let pair =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    Matcher { headers: headers.iter().map(pair).collect(), ..matcher }
}

#[test]
fn the_same_path_declared_twice() {
    assert_eq!(dead(vec![prefix("/a"), prefix("/a/")]), [(1, 0)]);
    assert_eq!(dead(vec![template("/p/{name}"), template("/p/{other}")]), [(1, 0)]);
    assert_eq!(dead(vec![regex("/a.*"), regex("/a.*")]), [(1, 0)]);
    assert_eq!(dead(vec![exact("/caf%C3%A9"), exact("/café")]), [(1, 0)]);
    assert_eq!(dead(vec![prefix("/a"), prefix("/a"), prefix("/a")]), [(1, 0), (2, 0)]);
    assert_eq!(dead(vec![exact("/a"), exact("/a/"), prefix("/a"), template("/a/"), template("/{x}")]), [(3, 1)]);
}

#[test]
fn methods_and_hosts_keep_a_route_alive() {
    let both = [Method::GET, Method::POST];
    let by = |methods: &[Method]| by(prefix("/a"), methods);
    assert_eq!(dead(vec![by(&both), by(&[Method::GET])]), [(1, 0)]);
    assert_eq!(dead(vec![by(&[Method::GET]), by(&both)]), []);
    assert_eq!(dead(vec![prefix("/a"), by(&[Method::GET])]), [], "a named method wins");
    assert_eq!(dead(vec![by(&[Method::GET]), by(&[Method::POST])]), []);

    let at = |hosts: &[&str]| at(prefix("/a"), hosts);
    assert_eq!(dead(vec![at(&["a.org", "b.org"]), at(&["b.org"])]), [(1, 0)]);
    assert_eq!(dead(vec![at(&["b.org"]), at(&["a.org", "b.org"])]), []);
    assert_eq!(dead(vec![prefix("/a"), at(&["b.org"])]), [], "a named host wins");
    assert_eq!(dead(vec![at(&["*.org"]), at(&["b.org"])]), [], "an exact host wins");
    assert_eq!(dead(vec![at(&["*.org"]), at(&["*.org"])]), [(1, 0)]);
    let apart = vec![at(&["a.org"]), at(&["b.org"]), at(&["a.org", "b.org"])];
    assert_eq!(dead(apart), [], "neither of them always wins");
}

#[test]
fn conditions_keep_a_route_alive_unless_they_are_the_same() {
    let one = asking(prefix("/a"), &[("x-a", "1")]);
    let two = asking(prefix("/a"), &[("x-a", "1"), ("x-b", "1")]);
    let two_again = asking(prefix("/a"), &[("x-b", "1"), ("x-a", "1")]);
    assert_eq!(dead(vec![two.clone(), two_again]), [(1, 0)]);
    assert_eq!(dead(vec![one.clone(), two.clone(), prefix("/a")]), [], "more headers win");
    assert_eq!(dead(vec![two, one]), []);
}

#[test]
fn a_catch_all_is_the_death_of_regexes() {
    assert_eq!(dead(vec![regex("/a.*"), prefix("/")]), [(0, 1)]);
    assert_eq!(
        dead(vec![at(regex("/a.*"), &["a.org"]), asking(regex("/b"), &[("x-a", "1")]), prefix("/")]),
        [(0, 2), (1, 2)]
    );
    assert_eq!(dead(vec![regex("/api/v[0-9]"), prefix("/api")]), [(0, 1)]);
    assert_eq!(dead(vec![regex("/api.*"), prefix("/api")]), [], "/apis");
    assert_eq!(dead(vec![regex("/(api|old)/x"), prefix("/api")]), []);
    assert_eq!(dead(vec![regex("/a.*"), by(prefix("/"), &[Method::GET])]), []);
    assert_eq!(dead(vec![regex("/a.*"), at(prefix("/"), &["a.org"])]), []);
    assert_eq!(dead(vec![at(regex("/a.*"), &["x.a.org"]), at(prefix("/"), &["*.a.org"])]), [(0, 1)]);
    assert_eq!(dead(vec![regex("/a.*"), asking(prefix("/"), &[("x-a", "1")])]), []);
    assert_eq!(
        dead(vec![asking(regex("/a.*"), &[("x-b", "2"), ("x-a", "1")]), asking(prefix("/"), &[("x-a", "1")])]),
        [(0, 1)]
    );
}

#[test]
fn a_template_without_parameters_behind_the_exact_path() {
    assert_eq!(dead(vec![template("/a/b"), exact("/a/b")]), [(0, 1)]);
    assert_eq!(dead(vec![template("/"), exact("/")]), [(0, 1)]);
    assert_eq!(dead(vec![template("/a/b/"), exact("/a/b")]), []);
    assert_eq!(dead(vec![template("/a/{b}"), exact("/a/b")]), []);
}

#[test]
fn ten_thousand_routes_are_checked_at_once() {
    let hosts = |n: u32| at(prefix("/"), &["shared.org", &format!("h{n}.org")]);
    let methods = |n: u32| by(prefix("/m"), &[Method::GET, format!("M{n}").parse().unwrap()]);
    let mut matchers: Vec<Matcher> = (0..5_000).map(hosts).chain((0..5_000).map(methods)).collect();
    matchers.push(hosts(4_999));
    let start = std::time::Instant::now();
    assert_eq!(dead(matchers), [(10_000, 4_999)]);
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_living_route_is_called_dead(matchers in vec(matcher(), 2..40), requests in vec(request(), 60)) {
        let table = RouteTable::build(matchers.clone());
        let dead = table.unreachable();
        for request in &requests {
            let path = std::str::from_utf8(&request.path).unwrap();
            for (loser, shadow) in &dead {
                prop_assert_ne!(wins(&matchers, path, request), Some(*loser), "behind {:?}: {:?}", shadow, request);
                let mut two = [*loser, *shadow];
                two.sort();
                let [first, second] = two.map(|route| matchers[route.index()].clone());
                if wins(&[matchers[loser.index()].clone()], path, request).is_some() {
                    let winner = wins(&[first, second], path, request).map(|at| two[at.index()]);
                    prop_assert_eq!(winner, Some(*shadow), "before {:?}: {:?}", loser, request);
                }
            }
        }
    }
}
