//! Ten bugs of different sorts in answers that vary in everything else: ids, lengths, positions, names, paths.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::*;
use crate::evidence::report::{Filter, Report};

/// At most so many fingerprints for the ten.
const MOST: usize = 15;
const BUGS: usize = 10;

/// Chance with a seed, so that a failure comes again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn name(&mut self) -> String {
        const PARTS: [&str; 16] = [
            "vim", "lib", "python", "gtk", "git", "tools", "core", "perl", "qt", "font", "data", "mail", "web", "ruby",
            "xorg", "net",
        ];
        let mut part = || PARTS[usize::try_from(self.below(16)).unwrap()];
        let (one, two, three) = (part(), part(), part());
        format!("{one}-{two}-{three}")
    }

    fn words(&mut self, count: u64) -> String {
        (0..count).map(|_| self.name()).collect::<Vec<_>>().join(" ")
    }
}

/// What one origin is asked and says.
struct Case {
    route: &'static str,
    target: String,
    control: Observation,
    candidate: Observation,
}

fn said(status: u16, headers: &[(&str, &str)], body: &str) -> Observation {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(http::HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Observation {
        status: StatusCode::from_u16(status).unwrap(),
        headers: map,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

/// A list of packages; `spoil` says what new makes of each item.
fn list(chance: &mut Chance, spoil: impl Fn(&mut Chance, &mut BTreeMap<&'static str, String>) -> bool) -> [String; 2] {
    let items = 2 + chance.below(7);
    let spoiled_first = chance.below(items);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for at in 0..items {
        let mut item: BTreeMap<&'static str, String> = BTreeMap::from([
            ("ID", (1000 + chance.below(900_000)).to_string()),
            ("Name", format!("\"{}\"", chance.name())),
            ("NumVotes", chance.below(4000).to_string()),
            ("Popularity", format!("{}.{:03}", 1 + chance.below(90), chance.below(1000))),
            ("LastModified", (1_600_000_000 + chance.below(100_000_000)).to_string()),
            (
                "Description",
                format!("\"{}\"", {
                    let count = 4 + chance.below(9);
                    chance.words(count)
                }),
            ),
            ("License", format!("[\"{}\"]", chance.name())),
        ]);
        old.push(object(&item));
        if at == spoiled_first || chance.below(3) == 0 {
            spoil(chance, &mut item);
        }
        new.push(object(&item));
    }
    [old, new].map(|items| format!("{{\"resultcount\":{},\"results\":[{}]}}", items.len(), items.join(",")))
}

fn object(item: &BTreeMap<&'static str, String>) -> String {
    let members: Vec<String> = item.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn page(rows: &[[String; 3]], intro: u64) -> String {
    let mut page = String::from("<!DOCTYPE html><html><head><title>Packages</title></head><body><div id=\"content\">");
    for _ in 0..intro {
        page.push_str("<p>Welcome.</p>");
    }
    page.push_str("<table class=\"results\"><thead><tr><th>Name</th><th>Text</th><th>Owner</th></tr></thead><tbody>");
    for [name, text, owner] in rows {
        let _ = write!(page, "<tr><td><a href=\"/p/{name}\">{name}</a></td><td>{text}</td><td>{owner}</td></tr>");
    }
    page.push_str("</tbody></table></div></body></html>");
    page
}

fn rows(chance: &mut Chance) -> Vec<[String; 3]> {
    let count = 1 + chance.below(6);
    (0..count).map(|_| [chance.name(), format!("{} for {}", chance.name(), chance.words(3)), chance.name()]).collect()
}

fn case(bug: usize, chance: &mut Chance) -> Case {
    let json = |target: String, [old, new]: [String; 2]| Case {
        route: "rpc",
        target,
        control: said(200, &[JSON], &old),
        candidate: said(200, &[JSON], &new),
    };
    let id = chance.below(1_000_000);
    match bug {
        // A number as a string.
        0 => json(
            format!("/rpc?id={id}"),
            list(chance, |_, item| {
                let votes = item["NumVotes"].clone();
                item.insert("NumVotes", format!("\"{votes}\"")).is_some()
            }),
        ),
        // A time zone.
        1 => json(
            format!("/rpc?id={id}"),
            list(chance, |_, item| {
                let at: u64 = item["LastModified"].parse().unwrap();
                item.insert("LastModified", (at + 3600).to_string()).is_some()
            }),
        ),
        // Some items lack a key.
        2 => json(format!("/rpc?id={id}"), list(chance, |_, item| item.remove("License").is_some())),
        // Half away from zero, half to even: the last place is one less.
        3 => json(
            format!("/rpc?id={id}"),
            list(chance, |_, item| {
                let thousandths: u64 = item["Popularity"].replace('.', "").parse().unwrap();
                let less = thousandths - 1;
                item.insert("Popularity", format!("{}.{:03}", less / 1000, less % 1000)).is_some()
            }),
        ),
        // A text cut.
        4 => json(
            format!("/rpc?id={id}"),
            list(chance, |chance, item| {
                let text = item["Description"].trim_matches('"').to_owned();
                let kept = text.len() / 2 + usize::try_from(chance.below(4)).unwrap();
                item.insert("Description", format!("\"{}\"", text[..kept].trim_end())).is_some()
            }),
        ),
        // Escaped twice in the cells of a table.
        5 => {
            let intro = chance.below(3);
            let mut rows = rows(chance);
            let spoiled = usize::try_from(chance.below(rows.len() as u64)).unwrap();
            let mut old = rows.clone();
            for at in 0..rows.len() {
                if at == spoiled || chance.below(2) == 0 {
                    old[at][1] = format!("{} &amp; {}", rows[at][0], rows[at][1]);
                    rows[at][1] = format!("{} &amp;amp; {}", rows[at][0], rows[at][1]);
                }
            }
            let (control, candidate) = (page(&old, intro), page(&rows, intro));
            Case {
                route: "page",
                target: format!("/packages?O={id}"),
                control: said(200, &[HTML], &control),
                candidate: said(200, &[HTML], &candidate),
            }
        }
        // Some ids fail.
        6 => Case {
            route: "page",
            target: format!("/packages/{id}"),
            control: said(200, &[HTML], &page(&rows(chance), 1)),
            candidate: said(500, &[("content-type", "text/plain")], "Internal Server Error"),
        },
        // Another target of a redirect.
        7 => {
            let to = format!("https://aur.example/account/{id}/{}", chance.name());
            let elsewhere = format!("https://aur.example/accounts/{id}");
            Case {
                route: "login",
                target: "/login".to_owned(),
                control: said(302, &[("location", &to)], ""),
                candidate: said(302, &[("location", &elsewhere)], ""),
            }
        }
        // A cookie that scripts can read.
        8 => {
            let cookie = format!("AURSID={:016x}{id:08x}; Path=/; HttpOnly; Secure", chance.below(u64::MAX >> 34));
            let bare = cookie.replace(" HttpOnly;", "");
            Case {
                route: "login",
                target: "/login".to_owned(),
                control: said(302, &[("location", "/"), ("set-cookie", &cookie)], ""),
                candidate: said(302, &[("location", "/"), ("set-cookie", &bare)], ""),
            }
        }
        // An object keyed by names: one member of each is turned.
        _ => {
            let (mut old, mut new) = (Vec::new(), Vec::new());
            for _ in 0..2 + chance.below(5) {
                let (name, maintainer) = (chance.name(), chance.name());
                old.push(format!("\"{name}\":{{\"maintainer\":\"{maintainer}\",\"flags\":[\"a\",\"b\",\"c\"]}}"));
                new.push(format!("\"{name}\":{{\"maintainer\":\"{maintainer}\",\"flags\":[\"c\",\"a\",\"b\"]}}"));
            }
            Case {
                route: "map",
                target: format!("/map/{id}.json"),
                control: said(200, &[JSON], &format!("{{\"packages\":{{{}}}}}", old.join(","))),
                candidate: said(200, &[JSON], &format!("{{\"packages\":{{{}}}}}", new.join(","))),
            }
        }
    }
}

fn pair_of(case: Case, session: u64) -> Pair {
    Pair {
        route: case.route.into(),
        request: Request { target: case.target, ..pair(StatusCode::OK).request },
        control: case.control,
        candidate: case.candidate,
        session,
        ..pair(StatusCode::OK)
    }
}

/// The ten bugs of the bench, other ones than these.
#[path = "../../../../tests/bench/seeded.rs"]
mod seeded;

/// Which bugs each fingerprint was seen with, and how often.
fn sorted(pairs: usize, mut next: impl FnMut(usize) -> (usize, Pair)) -> HashMap<Arc<str>, BTreeMap<usize, u64>> {
    let mut admission = Admission::of_at_most(20_000);
    let mut found: HashMap<Arc<str>, BTreeMap<usize, u64>> = HashMap::new();
    for at in 0..pairs {
        let (bug, pair) = next(at);
        let comparison = compare(&pair);
        assert_eq!(comparison.outcome, Outcome::Mismatched, "bug {bug}: {:?}", pair.request.target);
        for difference in &comparison.differences {
            let placed = admission.place(&pair.route, difference);
            for merge in admission.take_learned().1 {
                let gone = found.remove(&merge.from.fingerprint).unwrap_or_default();
                let into = found.entry(merge.to).or_default();
                gone.into_iter().for_each(|(bug, count)| *into.entry(bug).or_default() += count);
            }
            *found.entry(placed.fingerprint).or_default().entry(bug).or_default() += 1;
        }
    }
    found
}

fn judge(pairs: usize, next: impl FnMut(usize) -> (usize, Pair)) {
    let found = sorted(pairs, next);
    let mut told: Vec<String> = found.iter().map(|(print, bugs)| format!("{print} {bugs:?}")).collect();
    told.sort();
    println!("{pairs} mismatches, {} fingerprints:\n{}", found.len(), told.join("\n"));
    assert!(found.len() <= MOST, "{} fingerprints: {told:#?}", found.len());
    assert!(found.values().all(|bugs| bugs.len() == 1), "two bugs in one fingerprint: {told:#?}");
    let seen: std::collections::BTreeSet<usize> = found.values().flat_map(BTreeMap::keys).copied().collect();
    assert_eq!(seen.len(), BUGS);
}

#[test]
fn ten_bugs_make_few_fingerprints_and_none_holds_two() {
    let mut chance = Chance(7);
    judge(10_000, |at| (at % BUGS, pair_of(case(at % BUGS, &mut chance), 1)));
}

/// A million of them: `cargo bench --bench causes`.
#[test]
fn ten_other_bugs_of_which_some_share_route_field_and_kind() {
    let (mut chance, rules) = (seeded::Chance(3), Arc::default());
    judge(10_000, |at| {
        let bug = seeded::bug_of(at as u64);
        (bug, seeded::pair(bug, &mut chance, &rules))
    });
}

#[test]
fn the_report_tells_ten_bugs_as_ten_causes() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let mut chance = Chance(11);
    // Two doors, one after the other: the second knows what the first has learned.
    for door in 0..2 {
        let recorder = Recorder::new(Some(Store::open(&path, 64 * MIB).unwrap()));
        for at in 0..600 {
            recorder.record(pair_of(case(at % BUGS, &mut chance), 1 + at as u64 % 97));
            if at % 100 == 0 {
                recorder.flush();
            }
        }
        recorder.flush();
        assert_eq!(recorder.health().why, None);
        drop(recorder);
        let report = Report::read(&StoreReader::open(&path).unwrap(), &Filter::at(SystemTime::now())).unwrap();
        let causes: Vec<(&str, u64)> = report
            .routes
            .iter()
            .flat_map(|route| &route.differences)
            .map(|one| (one.path.as_str(), one.count))
            .collect();
        assert!(causes.len() <= MOST, "{causes:?}");
        let map = report.routes.iter().find(|route| route.route == "map").unwrap();
        assert_eq!(map.differences.len(), 1, "{causes:?}");
        assert_eq!(map.differences[0].path, "/packages/*/flags");
        assert!(map.differences[0].count >= 60 * (door + 1));
    }
}
