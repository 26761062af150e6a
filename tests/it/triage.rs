//! What the report puts first, and what it does not let anybody overlook: fifty intended differences must not drown the bugs.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::report::Line;
use crate::harness::site::unindented;
use crate::harness::{Door, Origin, Seen, Site, Wire, matapalo};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";

/// One shadowed route with this `diff:` block.
fn shadow(diff: &str) -> String {
    format!("- {{name: all, match: {{path: {{prefix: /}}}}, stage: shadow, mirror: {{percent: 100}}, diff: {diff}}}")
}

fn json(wire: &mut Wire, body: impl AsRef<[u8]>) {
    wire.answer("200 OK", &["Content-Type: application/json"], body);
}

/// The number at the end of a target.
fn number(seen: &Seen) -> u64 {
    seen.target().rsplit('/').next().unwrap_or_default().parse().unwrap_or(0)
}

fn saying(text: impl Fn(u64) -> String + Send + Sync + 'static) -> Origin {
    Origin::answering(move |seen, wire| json(wire, text(number(seen))))
}

fn visit(door: &Door, requests: u64) {
    let mut client = door.client();
    for at in 0..requests {
        client.get(&format!("/item/{at}"), &[]);
    }
}

fn visited(door: &Door, requests: u64) -> Line {
    visit(door, requests);
    door.await_accounted("all", requests)
}

fn text(door: &Door) -> String {
    let run = door.command(&["report"]);
    assert_eq!(run.code, 0, "{run}");
    run.stdout
}

fn difference<'a>(line: &'a Line, path: &str) -> &'a Value {
    let differences = line.0["differences"].as_array().unwrap();
    differences.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("no {path} in {}", line.0))
}

fn rule<'a>(line: &'a Line, name: &str) -> &'a Value {
    let rules = line.0["rules"].as_array().unwrap();
    rules.iter().find(|one| one["rule"] == name).unwrap_or_else(|| panic!("no rule {name} in {}", line.0["rules"]))
}

/// A day, so many days from now, as the config writes it.
fn day(from_now: i64) -> String {
    let shift = format!("{from_now} days");
    let run = Command::new("date").args(["-u", "-d", &shift, "+%F"]).output().unwrap();
    String::from_utf8(run.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_is_accepted_is_counted_shown_and_no_match() {
    let site = Site::of(
        saying(|at| format!("{{\"version\": \"5\", \"price\": {at}}}")),
        saying(|at| format!("{{\"version\": \"{}\", \"price\": {at}}}", if at == 7 { 9 } else { 6 })),
    );
    let door = site.open(&shadow(r#"{accept: [{at: /version, was: "5", is: "6", reason: the new API}]}"#));
    let line = visited(&door, 30);
    assert_eq!(
        (line.count("matched"), line.count("ignored"), line.count("mismatched")),
        (0, 29, 1),
        "what is accepted is not matched, and another value is not accepted: {}",
        line.0
    );
    assert_eq!(line.differences(), ["value /version"]);
    let rule = rule(&line, r#"accept: /version was "5" is "6""#);
    assert_eq!((&rule["count"], &rule["pairs"], &rule["reason"]), (&29.into(), &29.into(), &"the new API".into()));
    assert_eq!((&rule["example"]["path"], &rule["example"]["candidate"]), (&"/version".into(), &"\"6\"".into()));
    assert!(rule["last_seen"].is_string() && rule["warning"].is_null(), "{rule}");
    let text = text(&door);
    assert!(text.contains("Intended: 29 differences, 1 entry:"), "{text}");
    assert!(text.contains(r#"29 ×  /version was "5" is "6"  the new API  (last "5" -> "6")"#), "{text}");
}

#[test]
fn what_was_accepted_until_yesterday_counts_again_and_is_told_before_it_ends() {
    let site =
        Site::of(saying(|_| r#"{"old": 1, "soon": 1}"#.to_owned()), saying(|_| r#"{"old": 2, "soon": 2}"#.to_owned()));
    let (over, soon) = (day(-1), day(3));
    let door = site.open(&shadow(&format!(
        "{{accept: [{{at: /old, reason: was to be mended, until: {over}}}, {{at: /soon, reason: is to be, until: {soon}}}]}}"
    )));
    let line = visited(&door, 10);
    assert_eq!((line.count("mismatched"), line.differences()), (10, vec!["value /old".to_owned()]), "{}", line.0);
    assert_eq!(
        (&rule(&line, "accept: /old")["expired"], &rule(&line, "accept: /soon")["count"]),
        (&10.into(), &10.into())
    );
    let warnings = line.0["warnings"].to_string();
    let ended = format!("accept: /old: ended with {over}: its differences count again, in 10 pairs so far");
    let ending = format!("accept: /soon: ends in 3 days, with {soon}: then its differences count again");
    assert!(warnings.contains(&ended) && warnings.contains(&ending), "{warnings}");
    let text = text(&door);
    assert!(text.contains("Rules that need care:") && text.contains(&ended) && text.contains(&ending), "{text}");
    let check = door.command(&["check"]);
    assert_eq!(check.code, 0, "{check}");
    assert!(check.stdout.contains(&format!("diff.accept: /old: ended with {over}")), "{check}");
    assert!(check.stdout.contains(&format!("diff.accept: /soon: ends in 3 days, with {soon}")), "{check}");
}

#[test]
fn rules_that_do_nothing_and_rules_that_do_too_much_are_told() {
    let body = |stock: u64| format!("{{\"shop\": {{\"name\": \"x\", \"stock\": {stock}}}, \"list\": [1, 2]}}");
    let site = Site::of(saying(move |_| body(1)), saying(move |at| body(2 + at)));
    let door = site.open(&shadow(
        "{ignore: [/shop, /shopp, header:X-Old], unordered: [/list], accept: [{at: /shop/name, reason: x}]}",
    ));
    let line = visited(&door, 200);
    assert_eq!((line.count("matched"), line.count("ignored")), (0, 200), "{}", line.0);
    let warnings: Vec<&str> = line.0["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let met_nothing = "met nothing in 200 compared pairs: is it still needed, or its place misspelt?";
    for dead in ["ignore: /shopp", "ignore: header:X-Old", "unordered: /list", "accept: /shop/name"] {
        assert!(warnings.contains(&format!("{dead}: {met_nothing}").as_str()), "{dead}: {warnings:#?}");
    }
    assert!(
        warnings.contains(&"ignore: /shop: covers more than it hid: ignore: [/shop/stock] would do"),
        "{warnings:#?}"
    );
    assert_eq!(warnings.len(), 5, "{warnings:#?}");
    assert_eq!(rule(&line, "ignore: /shop")["count"], 200);
    assert!(text(&door).contains("Silenced by the route's other rules: 200 differences, 1 entry:"));
    let check = door.command(&["check"]);
    assert!(check.stdout.contains("diff.accept: /shop/name: never meets anything: ignore: /shop covers it"), "{check}");
    let mut client = door.client();
    client.get("/item/999", &[]);
    let line = door.await_accounted("all", 201);
    assert_eq!(rule(&line, "ignore: /shop")["example"]["candidate"], "1001", "the newest: {}", line.0["rules"]);
}

#[test]
fn an_entry_of_all_routes_is_dead_where_none_of_them_meets_it() {
    let site = Site::of(saying(|_| "{\"v\": 1}".to_owned()), saying(|at| format!("{{\"v\": {}}}", 1 + at % 2)));
    let route = |name: &str| {
        format!(
            "- {{name: {name}, match: {{path: {{prefix: /{name}}}}}, stage: shadow, mirror: {{percent: 100}},\n   diff: {{ignore: [/v, /w]}}}}\n"
        )
    };
    let door = site.open(&(route("one") + &route("two")));
    let mut client = door.client();
    for at in 0..200 {
        client.get(&format!("/one/{at}"), &[]);
        client.get("/two/0", &[]);
    }
    door.await_accounted("one", 200);
    door.await_accounted("two", 200);
    let report = door.report();
    let warnings: Vec<String> =
        report["routes"].as_array().unwrap().iter().map(|route| route["warnings"].to_string()).collect();
    assert!(!warnings.concat().contains("ignore: /v:"), "it is met on one of the two: {warnings:?}");
    assert_eq!(warnings.concat().matches("ignore: /w: met nothing").count(), 1, "{warnings:?}");
}

#[test]
fn a_header_on_every_response_is_one_line_a_route_with_the_entry_that_accepts_it() {
    let origin = |frame: &'static str| {
        Origin::answering(move |seen, wire| {
            let body = format!("{{\"at\": {}}}", number(seen));
            wire.answer("200 OK", &["Content-Type: application/json", frame], body);
        })
    };
    let site = Site::of(origin("X-Frame-Options: SAMEORIGIN"), origin("X-Frame-Options: DENY"));
    let door = site.open(SHADOW);
    let line = visited(&door, 40);
    let header = difference(&line, "header:X-Frame-Options");
    assert_eq!(
        (&header["count"], &header["on_every"], &header["share_percent"]),
        (&40.into(), &true.into(), &100.0.into())
    );
    let told = text(&door);
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("X-Frame-Options")).collect();
    assert_eq!(lines.len(), 3, "what to do, what it is, what would accept it: {lines:#?}");
    assert!(lines[0].contains("mend or accept on all, every response: header:X-Frame-Options"), "{lines:#?}");
    assert!(lines[1].contains("header:X-Frame-Options: SAMEORIGIN -> DENY  40 of 40"), "{lines:#?}");
    let entry = header["accept"].as_str().unwrap();
    assert_eq!(entry, r#"{at: header:X-Frame-Options, is: "DENY", reason: "WHY"}"#);
    door.edit_and_await("mirror: {percent: 100}", &format!("mirror: {{percent: 100}}, diff: {{accept: [{entry}]}}"));
    visit(&door, 10);
    let line = door.await_accounted("all", 50);
    assert_eq!((line.count("ignored"), line.count("mismatched")), (10, 40), "{}", line.0);
}

#[test]
fn what_became_public_and_what_was_lost_are_classes_of_their_own() {
    let origin = |found: &'static str| {
        Origin::answering(move |seen, wire| {
            let target = seen.target();
            let is_found = target.starts_with(found) || target.starts_with("/item");
            if is_found {
                json(wire, "{}")
            } else {
                wire.answer("404 Not Found", &["Content-Type: application/json"], "{}")
            }
        })
    };
    let site = Site::of(origin("/old.php"), origin("/metrics"));
    let door = site.open(SHADOW);
    let mut client = door.client();
    for target in ["/metrics", "/metrics?all=1", "/old.php?id=7", "/item/1", "/item/2"] {
        client.get(target, &[]);
    }
    let line = door.await_accounted("all", 5);
    let kinds = line.differences();
    assert!(kinds.contains(&"new_only status".to_owned()) && kinds.contains(&"lost status".to_owned()), "{kinds:?}");
    let shown = |list: &str| -> Vec<String> {
        let requests = line.0[list].as_array().unwrap();
        requests
            .iter()
            .map(|one| format!("{} {} {}", one["request"].as_str().unwrap(), one["legacy"], one["new"]))
            .collect()
    };
    let mut new_only = shown("new_only");
    new_only.sort();
    assert_eq!(new_only, ["GET /metrics 404 200"], "once, whatever the query is");
    assert_eq!(shown("lost"), ["GET /old.php 200 404"]);
    let text = text(&door);
    let after = |title: &str| text.split_once(title).unwrap_or_else(|| panic!("no {title} in {text}")).1.to_owned();
    assert!(
        after("Only new answers (was it ever public?):").contains("2 ×  GET /metrics  404 -> 200  sample"),
        "{text}"
    );
    assert!(after("Lost: only legacy answers:").contains("1 ×  GET /old.php  200 -> 404"), "{text}");
    assert!(text.contains("was it ever public? only new answers on all: GET /metrics  (2 ×)"), "{text}");
    assert!(text.contains("mend or drop, only legacy answers on all: GET /old.php  (1 ×)"), "{text}");
}

#[test]
fn errors_that_became_redirects_are_told_even_where_each_is_accepted() {
    let is_bad = |seen: &Seen| number(seen).is_multiple_of(5);
    let legacy = Origin::answering(move |seen, wire| {
        if is_bad(seen) {
            wire.answer("404 Not Found", &["Content-Type: application/json"], "{}")
        } else {
            json(wire, "{}")
        }
    });
    let new = Origin::answering(move |seen, wire| {
        if is_bad(seen) { wire.answer("302 Found", &["Location: /dashboard"], "") } else { json(wire, "{}") }
    });
    let site = Site::of(legacy, new);
    let door = site.open(&shadow(
        "{accept: [{at: status, reason: x}, {at: header:Location, reason: x}, {at: header:Content-Type, reason: x}, {at: body, reason: x}]}",
    ));
    let line = visited(&door, 100);
    assert_eq!((line.count("mismatched"), line.count("ignored")), (0, 20), "{}", line.0);
    let told = "What is 404 with legacy is 302 /dashboard with new: 20 of 100 requests (20.0 %).";
    assert_eq!(line.0["mix"]["shifts"][0], told, "{}", line.0["mix"]);
    assert_eq!(line.0["mix"]["turned"][0]["pairs"], 20);
    let text = text(&door);
    assert!(text.contains(&format!("look at all, accepted pair by pair: {told}")), "{text}");
    assert!(text.contains(&format!("! {told}")), "{text}");
}

#[test]
fn statuses_that_come_and_go_on_both_sides_are_no_shift() {
    let origin = |turn: u64| {
        Origin::answering(move |seen, wire| {
            if number(seen) % 10 == turn { wire.answer("429 Too Many Requests", &[], "") } else { json(wire, "{}") }
        })
    };
    let site = Site::of(origin(3), origin(6));
    let line = visited(&site.open(SHADOW), 200);
    assert_eq!(line.0["mix"]["turned"].as_array().map(Vec::len), Some(2), "{}", line.0["mix"]);
    assert_eq!(line.0["mix"]["shifts"].as_array().map(Vec::len), Some(0), "{}", line.0["mix"]);
}

#[test]
fn a_failure_of_few_users_is_told_from_a_failure_of_few_requests() {
    let who = |seen: &Seen| seen.header("cookie").unwrap_or_default();
    let legacy = Origin::answering(|seen, wire| json(wire, format!("{{\"at\": {}, \"mail\": \"on\"}}", number(seen))));
    let new = Origin::answering(move |seen, wire| {
        let at = number(seen);
        let mail = if who(seen).contains("user7") { "off" } else { "on" };
        json(wire, format!("{{\"at\": {}, \"mail\": \"{mail}\"}}", if at % 13 == 5 { at + 1 } else { at }));
    });
    let site = Site::of(legacy, new);
    let door = site.open_with(&site.config(SHADOW).and("session: {key: [{cookie: SID}]}"));
    let mut client = door.client();
    for at in 0..260 {
        client.get(&format!("/item/{at}"), &[&format!("Cookie: SID=user{}", at % 40)]);
    }
    let line = door.await_accounted("all", 260);
    let mail = &difference(&line, "/mail")["per_session"];
    assert_eq!(
        (&mail["per_user"], &mail["sessions"], &mail["of"]),
        (&true.into(), &1.into(), &40.into()),
        "{}",
        line.0
    );
    let at = &difference(&line, "/at")["per_session"];
    assert_eq!(at["per_user"], false, "{}", line.0);
    let text = text(&door);
    assert_eq!(
        text.matches("per user: 7 of 7 requests of 1 of 40 sessions; the others do not show it").count(),
        1,
        "{text}"
    );
    assert!(text.contains("only 1 of 40 sessions"), "{text}");
}

#[test]
fn each_cause_comes_with_its_figures_its_smallest_sample_and_two_lines_that_show_it() {
    let body = |at: u64, price: &str| {
        let filler = "x".repeat(usize::try_from(4_000 / (at + 1)).unwrap());
        format!("{{\"at\": {at}, \"price\": {price}, \"filler\": \"{filler}\"}}")
    };
    let site = Site::of(saying(move |at| body(at, "10.5")), saying(move |at| body(at, "10")));
    let door = site.open(SHADOW);
    let line = visited(&door, 12);
    let price = difference(&line, "/price");
    assert_eq!(
        (&price["count"], &price["share_percent"], &price["severity"]),
        (&12.into(), &100.0.into(), &"high".into())
    );
    assert!(price["first_seen"].as_str() <= price["last_seen"].as_str() && price["first_seen"].is_string());
    let smallest = crate::harness::get(door.admin, &format!("/api/v1/samples/{}", price["smallest"])).json();
    let least = |id: &Value| {
        crate::harness::get(door.admin, &format!("/api/v1/samples/{id}")).json()["control"]["body"]["bytes"].as_u64()
    };
    let sizes: Vec<Option<u64>> = price["samples"].as_array().unwrap().iter().map(least).collect();
    assert_eq!(smallest["control"]["body"]["bytes"].as_u64(), *sizes.iter().min().unwrap(), "{sizes:?}");
    for (side, origin, says) in [("legacy", &site.legacy, "10.5"), ("new", &site.new, "10,")] {
        let command = price["curl"][side].as_str().unwrap();
        assert!(command.contains(&origin.address.to_string()), "{command}");
        let run = Command::new("sh").args(["-c", command]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(said.contains(&format!("\"price\": {says}")), "{command}: {said}");
    }
    let text = text(&door);
    assert!(text.contains("12 × (100.00 % of the compared)") && text.contains("smallest sample "), "{text}");
}

#[test]
fn the_report_and_diff_call_a_cause_by_one_name() {
    let (old, new) = (
        "{\"prices\": [{\"net\": \"10.5\"}, {\"net\": \"7.25\"}]}",
        "{\"prices\": [{\"net\": 10.5}, {\"net\": 7.25}]}",
    );
    let site = Site::of(saying(|_| old.to_owned()), saying(|_| new.to_owned()));
    let door = site.open(SHADOW);
    visited(&door, 3);
    let text = text(&door);
    let title = text.lines().find_map(|line| line.strip_prefix("  1. ")?.split_once("  "));
    let (_, title) = title.unwrap_or_else(|| panic!("no cause: {text}"));
    fs::write(site.path("old.json"), old).unwrap();
    fs::write(site.path("new.json"), new).unwrap();
    let diff = matapalo(&["diff", site.path("old.json").to_str().unwrap(), site.path("new.json").to_str().unwrap()]);
    assert_eq!(diff.code, 1, "{diff}");
    assert!(diff.stdout.contains(title), "{title:?} is not in {diff}");
    assert!(diff.stdout.contains("and 1 more such places"), "{diff}");
}

/// Fifty intended differences: forty-two members and eight headers.
const MEMBERS: u64 = 42;
const HEADERS: u64 = 8;
const BUGS: u64 = 28;

/// Letters, for numbers in names are taken for ids.
fn bug(n: u64) -> String {
    let letter = |n: u64| char::from(b'A' + u8::try_from(n).unwrap());
    format!("{}{}", letter(n / 20), letter(n % 20))
}

#[test]
fn fifty_intended_differences_do_not_drown_twenty_eight_bugs() {
    let origin = |is_new: bool| {
        Origin::answering(move |seen, wire| {
            let at = number(seen);
            let intended = (0..MEMBERS).map(|n| format!("\"meant{n}\": \"{}{n}\"", if is_new { "new" } else { "old" }));
            // Bug n shows in one of n + 3 requests.
            let bugs = (0..BUGS).map(|n| {
                let shows = is_new && at.is_multiple_of(n + 3);
                format!("\"field{}\": {}", bug(n), if shows { at + 1000 } else { at })
            });
            let body: Vec<String> = intended.chain(bugs).collect();
            let headers: Vec<String> =
                (0..HEADERS).map(|n| format!("X-Meant-{n}: {}", if is_new { "b" } else { "a" })).collect();
            let mut lines: Vec<&str> = headers.iter().map(String::as_str).collect();
            lines.push("Content-Type: application/json");
            wire.answer("200 OK", &lines, format!("{{{}}}", body.join(", ")));
        })
    };
    let members = (0..MEMBERS).map(|n| format!("{{at: /meant{n}, is: new{n}, reason: meant {n}}}"));
    let headers = (0..HEADERS).map(|n| format!("{{at: \"header:X-Meant-{n}\", is: b, reason: meant}}"));
    let accept: Vec<String> = members.chain(headers).collect();
    let site = Site::of(origin(false), origin(true));
    let door = site.open(&shadow(&format!("{{accept: [{}]}}", accept.join(", "))));
    let line = visited(&door, 220);
    let paths: Vec<String> = line.differences();
    assert_eq!(paths.len() as u64, BUGS, "{paths:#?}");
    assert!(paths.iter().all(|path| path.contains("/field")), "{paths:#?}");
    assert_eq!(line.0["warnings"].as_array().map(Vec::len), Some(0), "{}", line.0["warnings"]);
    let entries =
        line.0["rules"].as_array().unwrap().iter().filter(|rule| rule["class"] == "accept" && rule["count"] == 220);
    assert_eq!(entries.count() as u64, MEMBERS + HEADERS, "{}", line.0["rules"]);
    let text = text(&door);
    let next: Vec<&str> = text.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    assert!(next[0].contains("/fieldAA") && next[1].contains("/fieldAB"), "the most frequent first: {next:#?}");
    assert!(next.iter().all(|line| !line.contains("meant") && !line.contains("Meant")), "{next:#?}");
    let (top, intended) = text.split_once("Intended: ").expect("the intended are told");
    assert!(!top.contains("eant"), "before the bugs: {top}");
    assert!(
        intended.starts_with(&format!("{} differences, {} entries", 220 * (MEMBERS + HEADERS), MEMBERS + HEADERS)),
        "{intended}"
    );
    assert!(unindented(intended).contains("… and 40 more: --format json tells them."), "{intended}");
    assert_eq!((0..BUGS).filter(|n| top.contains(&format!("at /field{}\n", bug(*n)))).count(), 28);
}
