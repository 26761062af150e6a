//! What the report says is true, survives `kill -9`, and never costs a user's request.

use std::fs;
use std::os::unix::fs::FileExt;

use crate::harness::client::{get, request};
use crate::harness::report::{line, report_of};
use crate::harness::{Door, Origin, Site, await_that};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";

/// Equal on even pages, different in one JSON number on odd ones.
fn page(odd: &'static str) -> Origin {
    Origin::answering(move |seen, wire| {
        let page: usize = seen.target().trim_start_matches("/page/").parse().unwrap_or(0);
        let price = if page.is_multiple_of(2) { "1.00" } else { odd };
        wire.answer("200 OK", &["Content-Type: application/json"], format!("{{\"page\": {page}, \"price\": {price}}}"));
    })
}

#[test]
fn the_report_counts_what_was_compared_and_names_the_difference() {
    let site = Site::of(page("2.00"), page("2.01"));
    let door = site.open(SHADOW);
    let mut client = door.client();
    for at in 0..20 {
        client.get(&format!("/page/{at}"), &[]);
    }
    let line = door.await_accounted("all", 20);
    assert_eq!((line.count("matched"), line.count("mismatched"), line.count("ignored")), (10, 10, 0), "{}", line.0);
    assert_eq!(line.differences().len(), 1, "ten times one cause: {}", line.0);
    assert!(line.differences()[0].ends_with("/price"), "{:?}", line.differences());
    assert_eq!(line.0["differences"][0]["count"], 10);
    assert_ne!(line.verdict(), "ready");
    let text = door.command(&["report"]);
    assert_eq!(text.code, 0);
    assert!(text.stdout.contains("all") && text.stdout.contains("/price"), "{text}");
}

#[test]
fn a_rule_of_the_operators_silences_what_it_names_and_is_counted_as_ignored() {
    let site = Site::of(page("2.00"), page("2.01"));
    let door = site.open(
        "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}, diff: {ignore: [/price]}}",
    );
    let mut client = door.client();
    for at in 0..10 {
        client.get(&format!("/page/{at}"), &[]);
    }
    let line = door.await_accounted("all", 10);
    assert_eq!((line.count("matched"), line.count("ignored"), line.count("mismatched")), (5, 5, 0), "{}", line.0);
}

#[test]
fn what_is_reported_survives_kill_9_again_and_again() {
    const ROUNDS: u64 = 6;
    let site = Site::of(page("2.00"), page("2.01"));
    let mut door = site.open(SHADOW);
    for round in 1..=ROUNDS {
        let mut client = door.client();
        for at in 0..20 {
            client.get(&format!("/page/{at}"), &[]);
        }
        let before = door.await_accounted("all", round * 20);
        // Users are asking while the door dies.
        for _ in 0..5 {
            client.try_send(request("GET", "/page/1", &[], b"")).ok();
        }
        door.kill();
        let after = line(&report_of(&door.config), "all").expect("the report works with the door closed");
        for count in ["compared", "matched", "mismatched"] {
            assert!(after.count(count) >= before.count(count), "{count}: {} → {}", before.0, after.0);
        }
        assert_eq!(
            after.count("compared"),
            after.count("matched") + after.count("ignored") + after.count("mismatched")
        );
        let check = door.command(&["store", "check"]);
        assert_eq!(check.code, 0, "{check}");
        door = door.restarted();
        // What was under way when it died may be lost or stored; from here on the count is exact again.
        let now = door.report_on("all").expect("still known");
        let rest = round * 20 - (now.count("compared") + now.unproven()).min(round * 20);
        let mut client = door.client();
        for _ in 0..rest {
            client.get("/page/0", &[]);
        }
    }
}

/// The door opens and serves over this store, and says in its log that something is wrong with it.
fn serves_over(site: &Site, words: &[&str]) {
    let door = site.open(SHADOW);
    for _ in 0..5 {
        assert_eq!(door.get("/page/1").status(), 200);
    }
    await_that("the log to say so", || {
        let log = door.log().to_lowercase();
        if words.iter().all(|word| log.contains(word)) { Ok(()) } else { Err(format!("no {words:?} in\n{log}")) }
    });
    door.await_metric("requests_total", &[("route", "all")], 5.0);
}

#[test]
fn a_store_that_is_not_one_keeps_no_door_closed() {
    let site = Site::of(page("2.00"), page("2.01"));
    fs::write(site.path("matapalo.db"), "this is not a store, but a letter. ".repeat(500)).unwrap();
    serves_over(&site, &["matapalo.db"]);
    let letter = fs::read_to_string(site.path("matapalo.db"));
    assert!(letter.is_ok_and(|text| text.starts_with("this is not a store")), "somebody's file was overwritten");
}

#[test]
fn a_store_from_a_newer_version_is_left_alone() {
    let site = Site::of(page("2.00"), page("2.01"));
    drop(site.open(SHADOW));
    let store = rusqlite::Connection::open(site.path("matapalo.db")).unwrap();
    store.pragma_update(None, "user_version", 9_999).unwrap();
    drop(store);
    serves_over(&site, &["matapalo.db", "newer"]);
    let run = crate::harness::matapalo(&["store", "check", "-c", site.path("matapalo.yaml").to_str().unwrap()]);
    assert_ne!(run.code, 0, "{run}");
    assert!(run.stderr.contains("newer") || run.stdout.contains("newer"), "{run}");
}

#[test]
fn a_locked_store_keeps_no_door_closed() {
    let site = Site::of(page("2.00"), page("2.01"));
    drop(site.open(SHADOW));
    let holder = rusqlite::Connection::open(site.path("matapalo.db")).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;").unwrap();
    serves_over(&site, &["matapalo.db"]);
}

/// Such as one that drains still.
#[test]
fn a_store_that_another_door_has_is_taken_when_that_one_has_gone() {
    let site = Site::of(page("2.00"), page("2.01"));
    let mut first = site.open(SHADOW);
    first.get("/page/0");
    first.await_accounted("all", 1);
    let second = Door::open(&site.path("second.yaml"), &site.config(SHADOW));
    assert!(second.log().contains("another door writes it"), "{}", second.log());
    assert_eq!(second.metric("store_ok", &[]), 0.0);
    (0..5).for_each(|at| assert_eq!(second.get(&format!("/page/{at}")).status(), 200));
    second.await_metric("comparisons_total", &[("route", "all")], 5.0);
    assert_eq!(second.status()["store"]["ok"], false);
    first.signal("TERM");
    first.await_exit();
    second.await_metric("store_ok", &[], 1.0);
    // What both have counted: the one before it went, the other while it waited.
    let line = second.await_accounted("all", 6);
    assert_eq!((line.count("matched"), line.count("mismatched")), (4, 2), "{}", line.0);
    assert!(!line.differences().is_empty(), "samples were kept too");
    second.await_log("the store is open now");
}

/// Nothing of it is touched; put right, it is taken without a restart.
#[test]
fn a_store_that_was_none_is_taken_once_it_is_moved_away() {
    let site = Site::of(page("2.00"), page("2.01"));
    fs::write(site.path("matapalo.db"), "a letter. ".repeat(1000)).unwrap();
    let door = site.open(SHADOW);
    door.get("/page/0");
    door.await_metric("comparisons_total", &[("route", "all")], 1.0);
    fs::rename(site.path("matapalo.db"), site.path("letter")).unwrap();
    door.await_metric("store_ok", &[], 1.0);
    door.await_accounted("all", 1);
    assert_eq!(fs::read_to_string(site.path("letter")).unwrap(), "a letter. ".repeat(1000));
    door.await_log("is not a store");
    assert_eq!(door.log().matches("is not a store").count(), 1, "told once: {}", door.log());
}

#[test]
fn a_store_that_takes_nothing_for_a_while_is_told_and_loses_nothing() {
    let site = Site::of(page("2.00"), page("2.01"));
    let door = site.open(SHADOW);
    door.get("/page/0");
    door.await_accounted("all", 1);
    door.await_metric("store_ok", &[], 1.0);
    let holder = rusqlite::Connection::open(site.path("matapalo.db")).unwrap();
    holder.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(door.get("/page/0").status(), 200);
    door.await_metric("store_ok", &[], 0.0);
    holder.execute_batch("ROLLBACK").unwrap();
    door.await_metric("store_ok", &[], 1.0);
    door.await_accounted("all", 2);
}

/// SQLite looks at the pages that it touches, so writes may go on well. Who reads finds it, and the door tells.
#[test]
fn a_store_that_is_damaged_under_the_door_is_told_and_nothing_is_ready() {
    fn spoil(file: &fs::File, size: u64) {
        (4096..size).step_by(4096).for_each(|at| file.write_all_at(&[0xee; 64], at).unwrap());
    }
    fn cut(file: &fs::File, size: u64) {
        file.set_len(size / 2).unwrap();
    }
    fn empty(file: &fs::File, _: u64) {
        file.set_len(0).unwrap();
    }
    for harm in [spoil, cut, empty] {
        let site = Site::of(page("2.00"), page("2.01"));
        let door = site.open(SHADOW);
        (0..20).for_each(|_| assert_eq!(door.get("/page/0").status(), 200));
        door.await_accounted("all", 20);
        let store = rusqlite::Connection::open(site.path("matapalo.db")).unwrap();
        store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        drop(store);
        let file = fs::File::options().write(true).open(site.path("matapalo.db")).unwrap();
        harm(&file, file.metadata().unwrap().len());
        door.await_metric("store_ok", &[], 0.0);
        let told = |door: &Door| {
            let (status, metrics) = (door.status(), door.metrics());
            assert!(status["store"]["error"].as_str().is_some_and(|error| error.contains("is damaged")), "{status}");
            assert_eq!((&status["store"]["ok"], &status["routes"][0]["verdict"]), (&false.into(), &"not yet".into()));
            assert!(metrics.contains("matapalo_readiness{route=\"all\"} 0\n"), "{metrics}");
            assert_eq!(door.command(&["gate", "all"]).code, 2);
        };
        told(&door);
        assert_eq!(door.log().matches("is damaged").count(), 1, "told once: {}", door.log());
        (0..20).for_each(|_| assert_eq!(door.get("/page/1").status(), 200));

        if file.metadata().unwrap().len() == 0 {
            // The next door may begin a new store in it.
            continue;
        }
        let door = door.restarted();
        door.get("/page/0");
        door.await_metric("store_ok", &[], 0.0);
        told(&door);
        assert!(!door.log().contains("no count was lost"), "{}", door.log());

        fs::rename(site.path("matapalo.db"), site.path("damaged.db")).unwrap();
        door.await_metric("store_ok", &[], 1.0);
    }
}

#[test]
fn a_folder_that_cannot_hold_a_store_keeps_no_door_closed() {
    let site = Site::of(page("2.00"), page("2.01"));
    fs::create_dir(site.path("matapalo.db")).unwrap();
    serves_over(&site, &["matapalo.db"]);
}

#[test]
fn two_doors_on_one_store_do_not_spoil_it() {
    let site = Site::of(page("2.00"), page("2.01"));
    let first = site.open(SHADOW);
    let second = crate::harness::Door::open(&site.path("second.yaml"), &site.config(SHADOW));
    for _ in 0..5 {
        assert_eq!(first.get("/page/0").status(), 200);
        assert_eq!(second.get("/page/0").status(), 200);
    }
    let line = first.await_accounted("all", first.report_on("all").map_or(5, |line| line.count("compared").max(5)));
    assert!(line.count("compared") >= 5);
    assert_eq!(first.command(&["store", "check"]).code, 0);
}

#[test]
fn no_secret_reaches_the_disk() {
    const SECRETS: [&str; 5] =
        ["sess10n-s3cret", "p4ssw0rd-s3cret", "b3arer-s3cret", "s3t-cookie-s3cret", "qu3ry-s3cret"];
    let legacy = Origin::answering(|_, wire| {
        wire.answer(
            "200 OK",
            &["Content-Type: application/json", "Set-Cookie: AURSID=s3t-cookie-s3cret; path=/"],
            "{\"a\": 1}",
        );
    });
    let new = Origin::answering(|_, wire| {
        wire.answer(
            "200 OK",
            &["Content-Type: application/json", "Set-Cookie: AURSID=s3t-cookie-s3cret; path=/"],
            "{\"a\": 2}",
        );
    });
    let site = Site::of(legacy, new);
    let door = site
        .open("- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, methods: [GET, POST]}}");
    let lines = [
        "Cookie: AURSID=sess10n-s3cret",
        "Authorization: Bearer b3arer-s3cret",
        "Content-Type: application/x-www-form-urlencoded",
    ];
    door.ask("POST", "/login?token=qu3ry-s3cret", &lines, b"user=ada&password=p4ssw0rd-s3cret");
    let line = door.await_accounted("all", 1);
    assert_eq!(line.count("mismatched"), 1, "{}", line.0);
    let mut log = door.log();
    drop(door);
    for entry in fs::read_dir(site.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.extension().is_none_or(|extension| extension != "yaml") {
            log.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
        }
    }
    for secret in SECRETS {
        assert!(!log.contains(secret), "{secret} was written to the store or the log");
    }
}

/// What a page with a form has of secrets, each with `side` in it.
fn secrets_of(side: &str) -> Vec<String> {
    let names = [
        "MetaCsrf00112233",
        "HiddenCsrf445566",
        "Hunter2Password",
        "DataCsrf556677",
        "Area Pass phrase",
        "Option9Token",
        "ButtonCsrf334455",
        "ScriptCsrf778899",
        "QuotedCsrf887766",
        "JsonCsrf112299",
        "NonceAbCd3456",
        "LinkToken998877",
        "InnerCsrf665544",
        "Fragment77Token",
        "Next55Nonce",
        "Digest44Nonce",
        "Set66Cookie",
        "Path33Session",
        "lowerpassword",
        "Coded77Token",
        "Paired88Csrf",
        "Label99Key",
    ];
    names.map(|name| format!("{side}{name}")).to_vec()
}

fn login(side: &str) -> String {
    format!(
        r#"<!doctype html><html><head><title>Log in</title><meta name="csrf-token" content="{side}MetaCsrf00112233">
<script nonce="{side}NonceAbCd3456">var csrfToken="{side}ScriptCsrf778899"; app['auth_token'] = '{side}QuotedCsrf887766';</script>
<script type="application/json">{{"page": 1, "csrfToken": "{side}JsonCsrf112299"}}</script></head>
<body data-csrf-token="{side}DataCsrf556677"><h1>Welcome to {side}</h1><form action="/login" method="post">
<input type="hidden" name="csrf_token" value="{side}HiddenCsrf445566"><input type="password" name="p" value="{side}Hunter2Password">
<input type="password" name="q" value="{side}lowerpassword"><textarea name="password">{side}Area Pass phrase</textarea>
<select name="api_token"><option value="{side}Option9Token">one</option></select>
<button name="csrf" value="{side}ButtonCsrf334455">go</button></form><a href="/x?token={side}LinkToken998877&amp;a=1">again</a>
<div data-page="{{&quot;csrf&quot;:&quot;{side}InnerCsrf665544&quot;}}">x</div><p>printed again: {side}HiddenCsrf445566</p>
<script>start(JSON.parse("{{\u0022token\u0022: \u0022{side}Coded77Token\u0022}}"), [["csrf_token", "{side}Paired88Csrf"]]);</script>
<dl><dt>API key</dt><dd>{side}Label99Key</dd></dl>
</body></html>"#
    )
}

fn with_a_login(side: &'static str) -> Origin {
    Origin::answering(move |seen, wire| {
        let session = format!("Set-Cookie: SID={side}Set66Cookie; Path=/");
        if seen.target().starts_with("/s/go") {
            let location =
                format!("Location: /{side};jsessionid={side}Path33Session?a=1#id_token={side}Fragment77Token");
            return wire.answer("302 Found", &[&location, &session], "");
        }
        let next = format!("Authentication-Info: nextnonce=\"{side}Next55Nonce\"");
        let digest = format!("WWW-Authenticate: Digest realm=\"{side}\", nonce=\"{side}Digest44Nonce\"");
        wire.answer("200 OK", &["Content-Type: text/html", &next, &digest, &session], login(side));
    })
}

/// With the config as it comes: legacy's and new's tokens always differ, so the page has as many differences.
#[test]
fn no_secret_of_a_page_reaches_the_disk_the_report_or_the_samples() {
    let site = Site::of(with_a_login("leg"), with_a_login("new"));
    let door = site.open_with(&crate::harness::Config {
        noise: String::new(),
        ..site.config("- {name: s, match: {path: {prefix: /s}}, stage: shadow}")
    });
    for at in 0..3 {
        assert_eq!(door.get("/s/login").status(), 200);
        assert_eq!(door.get(&format!("/s/go/{at}")).status(), 302);
    }
    let line = door.await_accounted("s", 6);
    assert_eq!(line.count("mismatched"), 6, "{}", line.0);
    let mut told = vec![("report", door.command(&["report"]).stdout), ("report as JSON", door.report().to_string())];
    told.push(("/api/v1/report", get(door.admin, "/api/v1/report").text()));
    let samples: Vec<String> = (1..=50)
        .map(|id| get(door.admin, &format!("/api/v1/samples/{id}")))
        .filter(|answer| answer.status() == 200)
        .map(|answer| answer.text())
        .collect();
    assert!(samples.iter().any(|sample| sample.contains("Welcome to leg")), "no sample of the page");
    // What is no secret is told.
    assert!(told[0].1.contains("Welcome to leg"), "{}", told[0].1);
    told.push(("/api/v1/samples", samples.concat()));
    told.push(("metrics", get(door.admin, "/metrics").text()));
    let files = |name: &str| String::from_utf8_lossy(&fs::read(site.path(name)).unwrap_or_default()).into_owned();
    told.extend(["matapalo.db", "matapalo.db-wal"].map(|name| (name, files(name))));
    told.push(("log", door.log()));
    drop(door);
    told.extend(["matapalo.db", "matapalo.db-wal"].map(|name| (name, files(name))));
    assert!(told.iter().any(|(name, text)| name.starts_with("matapalo.db") && text.contains("REDACTED-")));
    for (place, text) in &told {
        for secret in ["leg", "new"].into_iter().flat_map(secrets_of) {
            let at = text.find(&secret).map(|at| {
                text[text.floor_char_boundary(at.saturating_sub(200))..].chars().take(400).collect::<String>()
            });
            assert!(at.is_none(), "{secret} is told in {place}: {at:?}");
        }
    }
}
