//! TLS at the listener: the right certificate for each name, renewed without a connection lost, and nobody let in by mistake.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::site::await_that;
use crate::harness::tls::{Hello, Made, Secure};
use crate::harness::{Config, Door, Origin, Site, matapalo};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

fn site() -> Site {
    Site::of(Origin::saying("legacy"), Origin::dead())
}

fn with_tls(site: &Site, pairs: &[&Made], more: &str) -> Config {
    let entries: Vec<String> = pairs.iter().map(|pair| pair.entry()).collect();
    let mut config = site.config(LEGACY);
    config.listener = format!(", tls: {{certificates: [{}]{more}}}", entries.join(", "));
    config
}

fn made(site: &Site, file: &str, names: &str) -> Made {
    Made::new(site.folder.path(), file, names, 90)
}

fn shown(door: &Door, name: &str) -> Vec<u8> {
    Secure::connect(door.address, &Hello::to(name)).shown()
}

#[test]
fn each_name_is_shown_its_certificate_and_strangers_the_first() {
    let site = site();
    let [first, wild, www] = [("a", "DNS:first.test"), ("b", "DNS:*.site.test"), ("c", "DNS:www.site.test")]
        .map(|(file, names)| made(&site, file, names));
    let door = site.open_with(&with_tls(&site, &[&first, &wild, &www], ""));
    assert_eq!(shown(&door, "first.test"), first.der());
    assert_eq!(shown(&door, "any.site.test"), wild.der());
    assert_eq!(shown(&door, "www.site.test"), www.der());
    assert_eq!(shown(&door, "stranger.test"), first.der());
    assert_eq!(Secure::connect(door.address, &Hello::default()).shown(), first.der(), "a client that names nobody");
}

#[test]
fn requests_over_tls_are_answered_and_the_backend_is_told() {
    let site = site();
    let pair = made(&site, "site", "DNS:site.test");
    let door = site.open_with(&with_tls(&site, &[&pair], ""));
    for only in [None, Some(&rustls::version::TLS12)] {
        let mut client = Secure::connect(door.address, &Hello { only, ..Hello::to("site.test") });
        for _ in 0..2 {
            assert_eq!(client.get("/a", &["X-Forwarded-Proto: http"]).text(), "legacy");
        }
    }
    let seen = site.legacy.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|seen| seen.headers("x-forwarded-proto") == ["https"]));
    let old = Hello::to("site.test").speaking(&["http/1.1"]);
    assert_eq!(Secure::connect(door.address, &old).protocol().as_deref(), Some("http/1.1"));
}

#[test]
fn the_oldest_version_can_be_raised() {
    let site = site();
    let pair = made(&site, "site", "DNS:site.test");
    let door = site.open_with(&with_tls(&site, &[&pair], ", min_version: 1.3"));
    let old = Hello { only: Some(&rustls::version::TLS12), ..Hello::to("site.test") };
    assert!(Secure::try_connect(door.address, Some("site.test"), old.config()).is_err());
    assert_eq!(Secure::connect(door.address, &Hello::to("site.test")).get("/", &[]).text(), "legacy");
}

#[test]
fn a_renewed_certificate_is_shown_and_open_connections_go_on() {
    let site = site();
    let (old, new) = (made(&site, "site", "DNS:site.test"), made(&site, "renewed", "DNS:site.test"));
    let door = site.open_with(&with_tls(&site, &[&old], ""));
    let was = old.der();
    let mut open = Secure::connect(door.address, &Hello::to("site.test"));
    assert_eq!((open.get("/", &[]).text(), open.shown()), ("legacy".to_owned(), was));
    let start = Instant::now();
    new.replace(&old);
    await_that("the new certificate", || {
        (shown(&door, "site.test") == new.der()).then_some(()).ok_or_else(|| "still the other one".to_owned())
    });
    println!("in force after {:?}", start.elapsed());
    assert_eq!(open.get("/", &[]).text(), "legacy", "the old connection still serves");
    assert!(door.metric("certificate_not_after_seconds", &[("name", "site.test")]) > 1e9);
}

#[test]
fn a_broken_renewal_keeps_the_old_certificate_and_is_told() {
    let site = site();
    let (old, other) = (made(&site, "site", "DNS:site.test"), made(&site, "other", "DNS:site.test"));
    let door = site.open_with(&with_tls(&site, &[&old], ""));
    let (was, key) = (old.der(), std::fs::read(&old.key).unwrap());
    std::fs::copy(&other.key, &old.key).unwrap();
    door.await_log("does not belong to the certificate beside it");
    door.await_metric("config_last_reload_successful", &[], 0.0);
    assert_eq!(shown(&door, "site.test"), was);
    std::fs::write(&old.key, &key[..key.len() / 2]).unwrap();
    door.await_log("holds no private key");
    assert!(!door.log().contains(&String::from_utf8_lossy(&key[40..60]).into_owned()), "no piece of a key is logged");
    std::fs::write(&old.key, &key).unwrap();
    door.await_metric("config_last_reload_successful", &[], 1.0);
    assert_eq!(shown(&door, "site.test"), was);
    let answer = door.post("/api/v1/reload", "{}");
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

/// While one certificate is broken, everything else can be edited; who starts or checks is told.
#[test]
fn a_broken_renewal_does_not_hold_up_other_edits() {
    let site = Site::named();
    let [broken, other] = ["broken", "other"].map(|file| made(&site, file, &format!("DNS:{file}.test")));
    let door = site.open_with(&with_tls(&site, &[&broken, &other], ""));
    let was = broken.der();
    let ask = || Secure::connect(door.address, &Hello::to("other.test")).get("/", &[]).text();
    assert_eq!(ask(), "legacy");

    std::fs::write(&broken.certificate, "no certificate").unwrap();
    door.await_metric("config_last_reload_successful", &[], 0.0);
    let before = door.generation();
    door.edit_and_await("stage: legacy", "stage: new");
    assert_eq!(ask(), "new", "another edit is in force");
    assert_eq!(shown(&door, "broken.test"), was, "and the good pair still is");
    let renewed = made(&site, "renewed", "DNS:other.test");
    renewed.replace(&other);
    await_that("another certificate is renewed", || {
        (shown(&door, "other.test") == renewed.der()).then_some(()).ok_or_else(|| door.log())
    });

    let told = door.status()["last_reload"].clone();
    assert_eq!((&told["ok"], &told["refused"]), (&false.into(), &false.into()));
    let status = door.command(&["status"]).stdout;
    assert!(status.contains("config in force but for certificates") && !status.contains("refused"), "{status}");
    let report = door.command(&["report"]);
    assert_eq!(report.code, 0, "who asks for evidence needs no certificate: {report}");
    for told in [told["errors"][0].as_str().unwrap(), &door.log()] {
        assert!(told.contains("broken.pem") && told.contains("holds no certificate"), "{told}");
        assert!(told.contains("stays in force") && told.contains("matapalo.yaml:"), "{told}");
    }
    assert_eq!(door.metric("config_last_reload_successful", &[]), 0.0);
    let answer = door.post("/api/v1/reload", "{}");
    assert_eq!(answer.status(), 200);
    assert!(answer.text().contains("broken.pem"), "{}", answer.text());
    assert_eq!(door.status()["last_reload"]["ok"], false, "asking again mends nothing");
    assert_eq!(door.command(&["check"]).code, 2);

    let asked = door.command(&["explain", "GET", "/"]);
    assert!(
        asked.code == 0 && asked.stdout.contains("route all"),
        "who asks about routes needs no certificate: {asked}"
    );
    let moved = door.command(&["stage", "all", "legacy"]);
    assert_eq!(moved.code, 0, "nor who moves one: {moved}");
    await_that("the move", || if ask() == "legacy" { Ok(()) } else { Err(door.log()) });

    door.edit("broken.pem", "absent.pem");
    door.await_log("config refused");
    assert_eq!(shown(&door, "broken.test"), was, "other files are not what is in force");
    door.edit("absent.pem", "broken.pem");

    let mended = made(&site, "mended", "DNS:broken.test");
    mended.replace(&broken);
    door.await_metric("config_last_reload_successful", &[], 1.0);
    assert_eq!(shown(&door, "broken.test"), mended.der());
    assert!(door.generation() > before);
    std::fs::remove_file(&broken.key).unwrap();
    door.await_metric("config_last_reload_successful", &[], 0.0);
    assert_eq!(shown(&door, "broken.test"), mended.der(), "a file that is gone is one that is broken");
}

#[test]
fn a_door_does_not_start_on_a_broken_certificate() {
    let site = site();
    let pair = made(&site, "site", "DNS:site.test");
    let config = with_tls(&site, &[&pair], "");
    let file = site.path("matapalo.yaml");
    std::fs::write(&file, config.text(1, 2, site.folder.path())).unwrap();
    std::fs::write(&pair.certificate, "no certificate").unwrap();
    let run = matapalo(&["run", "-c", file.to_str().unwrap()]);
    assert!(run.code == 2 && run.stderr.contains("site.pem"), "{run}");
}

/// What the door shows of itself to a backend, and whom it believes there: as a listener's certificate, without an edit.
#[test]
fn files_of_backends_are_renewed_too() {
    let (site, inner) = (self::site(), self::site());
    let folder = site.folder.path();
    let [authority, stranger] = ["authority", "stranger"].map(|file| made(&site, file, "DNS:authority.test"));
    let (good, wrong) = (Made::signed_by(&authority, folder, "good"), Made::signed_by(&stranger, folder, "wrong"));
    let ca = format!(", client_ca: {:?}", authority.certificate);
    let backend = inner.open_with(&with_tls(&inner, &[&made(&inner, "backend", "DNS:backend.test")], &ca));
    let own = Made { certificate: site.path("own.pem"), key: site.path("own.key") };
    let believed = Made { certificate: site.path("ca.pem"), key: site.path("ca.key") };
    wrong.replace(&own);
    authority.replace(&believed);
    let mut config = site.config(LEGACY);
    config.legacy = format!(
        "endpoints: [\"https://{}\"], tls: {{verify: false, ca: ca.pem, client_certificate: own.pem, client_key: own.key}}",
        backend.address
    );
    let door = site.open_with(&config);
    assert_eq!(door.get("/").status(), 502, "a certificate that the backend does not know");
    door.await_log("a backend failed a request: ReadError: TLS alert ");
    good.replace(&own);
    await_that("the renewed certificate to be shown", || match door.get("/").status() {
        200 => Ok(()),
        status => Err(format!("{status}")),
    });
    let before = door.generation();
    stranger.replace(&believed);
    door.await_generation_after(before);
    std::fs::write(&own.key, "no key").unwrap();
    door.await_metric("config_last_reload_successful", &[], 0.0);
    door.await_log("own.key holds no PEM section");
    assert_eq!(door.get("/").status(), 200, "the one before goes on");
    let before = door.generation();
    door.edit("threads: 2", "threads: 2 # two");
    door.await_generation_after(before);
    assert_eq!(door.get("/").status(), 200, "beside an edit too");
    std::fs::copy(&good.key, &own.key).unwrap();
    assert_eq!(door.post("/api/v1/reload", "{}").status(), 200);
    door.await_metric("config_last_reload_successful", &[], 1.0);
}

/// One certificate for two listeners, as YAML lets it be written.
#[test]
fn a_certificate_behind_an_alias_is_renewed() {
    let site = site();
    let (old, new) = (made(&site, "site", "DNS:site.test"), made(&site, "renewed", "DNS:site.test"));
    let mut config = with_tls(&site, &[&old], "");
    config.listener = format!(
        "{}}}\n  # TLS & HSTS for *.site.test\n  - {{address: \"127.0.0.1:0\", tls: *site",
        config.listener.replace("tls: ", "tls: &site ")
    );
    let door = site.open_with(&config);
    new.replace(&old);
    await_that("the renewed certificate", || {
        if shown(&door, "site.test") == new.der() { Ok(()) } else { Err("the old one is shown".to_owned()) }
    });
}

#[test]
fn a_session_is_resumed_also_after_a_reload() {
    let site = site();
    let pair = made(&site, "site", "DNS:site.test");
    let door = site.open_with(&with_tls(&site, &[&pair], ""));
    for only in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let config = Hello { only: Some(only), ..Hello::to("site.test") }.config();
        let kind = || {
            let mut client = Secure::try_connect(door.address, Some("site.test"), config.clone()).unwrap();
            // Tickets come after the handshake.
            assert_eq!(client.get("/", &[]).text(), "legacy");
            client.stream.conn.handshake_kind().unwrap()
        };
        assert_eq!(kind(), rustls::HandshakeKind::Full);
        assert_eq!(kind(), rustls::HandshakeKind::Resumed);
        let text = door.config_text();
        door.edit_and_await(&text, &format!("{text}# another generation\n"));
        assert_eq!(kind(), rustls::HandshakeKind::Resumed, "{only:?}");
    }
}

#[test]
fn client_certificates_are_asked_for_and_judged() {
    let site = site();
    let folder = site.folder.path();
    let pair = made(&site, "site", "DNS:site.test");
    let authority = Made::new(folder, "authority", "DNS:authority.test", 90);
    let good = Made::signed_by(&authority, folder, "good");
    let wrong = Made::signed_by(&Made::new(folder, "stranger", "DNS:stranger.test", 90), folder, "wrong");
    let welcome = |door: &Door, own: Option<&Made>| {
        let hello = Hello { own: own.cloned(), ..Hello::to("site.test") };
        // In TLS 1.3 a client learns of its refusal only after the handshake.
        Secure::try_connect(door.address, Some("site.test"), hello.config())
            .and_then(|mut client| client.try_get("/", &[]))
            .is_ok()
    };
    let ca = format!(", client_ca: {:?}", authority.certificate);
    let required = site.open_with(&with_tls(&site, &[&pair], &ca));
    assert_eq!([Some(&good), Some(&wrong), None].map(|own| welcome(&required, own)), [true, false, false]);
    drop(required);
    let optional = site.open_with(&with_tls(&site, &[&pair], &format!("{ca}, client_auth: optional")));
    assert_eq!([Some(&good), Some(&wrong), None].map(|own| welcome(&optional, own)), [true, false, true]);
}

#[test]
fn who_is_slow_or_speaks_no_tls_is_let_go() {
    let site = site();
    let pair = made(&site, "site", "DNS:site.test");
    let config = with_tls(&site, &[&pair], "").and("limits: {header_timeout: 400ms, max_connections: 2}");
    let door = site.open_with(&config);
    let (mut silent, start) = (door.client(), Instant::now());
    assert!(silent.is_closed(), "a client that never begins its handshake");
    assert!(start.elapsed() >= Duration::from_millis(350) && start.elapsed() < Duration::from_secs(8));
    let mut plain = door.client();
    plain.send("GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert!(plain.reader.rest().is_ok_and(|bytes| !bytes.starts_with(b"HTTP/")), "an alert at most");
    let held = [door.client(), door.client()];
    await_that("the places to be taken", || match door.metric("connections", &[]) {
        2.0 => Ok(()),
        other => Err(format!("{other} connections")),
    });
    assert!(door.client().is_closed(), "connections that shake hands count as well");
    drop(held);
    await_that("a free place", || {
        Secure::try_connect(door.address, Some("site.test"), Hello::to("site.test").config())
            .and_then(|mut client| client.try_get("/", &[]))
            .map(drop)
            .map_err(|error| error.to_string())
    });
}

#[test]
fn plain_requests_are_sent_to_tls_byte_for_byte() {
    let site = site();
    let mut config = site.config(LEGACY);
    config.listener = ", redirect_https: 8443".to_owned();
    let door = site.open_with(&config.and("trusted_proxies: [127.0.0.1]"));
    let ask = |target: &str, lines: &[&str]| door.ask("POST", target, lines, b"body");
    let answer = ask("/a%2Fb;x?q=%20+&q[]=1", &["Host: site.test:8080"]);
    assert_eq!(answer.status(), 308);
    assert_eq!(answer.header("location").unwrap(), "https://site.test:8443/a%2Fb;x?q=%20+&q[]=1");
    assert_eq!(ask("/", &["Host: evil.test/x"]).status(), 400);
    assert_eq!(site.legacy.seen().len(), 0);
    assert_eq!(ask("/", &["X-Forwarded-Proto: https"]).text(), "legacy", "it came over TLS to the proxy in front");
    door.edit_and_await("redirect_https: 8443", "redirect_https: true");
    assert_eq!(ask("/x", &["Host: site.test"]).header("location").unwrap(), "https://site.test/x");
}

#[test]
fn strict_transport_security_is_added_where_the_origin_said_nothing() {
    let origin = Origin::answering(|asked, wire| match asked.target().as_str() {
        "/own" => wire.answer("200 OK", &["Strict-Transport-Security: max-age=1"], "own"),
        _ => wire.ok("none"),
    });
    let site = Site::of(origin, Origin::dead());
    let pair = made(&site, "site", "DNS:site.test");
    let mut config = with_tls(&site, &[&pair], "");
    config.listener.push_str(", hsts: {max_age: 365d, include_subdomains: true, preload: true}");
    let door = site.open_with(&config);
    let mut client = Secure::connect(door.address, &Hello::to("site.test"));
    let mut told = |target: &str| client.get(target, &[]).header("strict-transport-security");
    assert_eq!(told("/").unwrap(), "max-age=31536000; includeSubDomains; preload");
    assert_eq!(told("/own").unwrap(), "max-age=1");
    assert!(told("/a/%2e%2e/b%2f..").is_some(), "the door's own answers too");
    assert!(told("/ no target").is_some(), "also to what it cannot read");
}

#[test]
fn what_is_wrong_with_certificates_is_found_by_check() {
    let site = site();
    let folder = site.folder.path();
    let (good, other) = (made(&site, "good", "DNS:a.test"), made(&site, "other", "DNS:a.test"));
    let (old, soon) = (Made::expired(folder, "old"), Made::new(folder, "soon", "DNS:a.test", 5));
    // What an authority signs for clients names no server.
    Made::signed_by(&good, folder, "nobody");
    let second = "-----BEGIN CERTIFICATE-----\nAAECAwQFBgc=\n-----END CERTIFICATE-----\n";
    std::fs::write(site.path("chain.pem"), std::fs::read_to_string(&good.certificate).unwrap() + second).unwrap();
    let says = |tls: String| {
        let mut config = site.config(LEGACY);
        config.listener = format!(", tls: {{{tls}}}");
        let file = site.path("checked.yaml");
        std::fs::write(&file, config.text(1, 2, folder)).unwrap();
        let run = matapalo(&["check", "-c", file.to_str().unwrap()]);
        (run.code, format!("{}{}", run.stdout, run.stderr))
    };
    let pair = |certificate: &str, key: &str| format!("certificates: [{{certificate: {certificate}, key: {key}}}]");
    let refused = [
        (pair("none.pem", "good.key"), "certificate is \"none.pem\", which cannot be read"),
        (pair("good.pem", "other.key"), "key is \"other.key\", which does not belong to the certificate beside it"),
        (pair("good.key", "good.key"), "certificate is \"good.key\", which holds no certificate"),
        (format!("{}, client_auth: optional", pair("good.pem", "good.key")), "client_auth wants client_ca beside it"),
        (
            format!("{}, client_ca: good.key", pair("good.pem", "good.key")),
            "client_ca is \"good.key\", which holds no certificate",
        ),
        (
            pair("chain.pem", "good.key"),
            "certificate is \"chain.pem\", which holds a certificate that cannot be read, number 2",
        ),
    ];
    for (tls, wanted) in refused {
        let (code, text) = says(tls);
        assert!(code == 2 && text.contains(wanted) && text.contains("checked.yaml:3:"), "wanted {wanted:?} in {text}");
    }
    assert!(good.key != other.key && old.key != soon.key);
    for (file, wanted) in [
        ("old", "expired 0 days ago"),
        ("soon", "expires in 4 days"),
        ("nobody", "it is for nobody"),
        ("good", "0 warnings"),
    ] {
        let (code, text) = says(pair(&format!("{file}.pem"), &format!("{file}.key")));
        let found = text.contains(wanted) || (file == "good" && !text.contains("certificate"));
        assert!(code == 0 && found, "wanted {wanted:?} in {text}");
    }
}

#[test]
fn certificates_change_under_load_without_a_failed_request() {
    let site = site();
    let pairs = ["a", "b"].map(|file| made(&site, file, "DNS:site.test"));
    let live = made(&site, "site", "DNS:site.test");
    let door = site.open_with(&with_tls(&site, &[&live], ""));
    let over = std::sync::atomic::AtomicBool::new(false);
    let address = door.address;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut served = 0;
                    while !over.load(std::sync::atomic::Ordering::Relaxed) {
                        let mut client = Secure::connect(address, &Hello::to("site.test"));
                        for _ in 0..3 {
                            assert_eq!(client.get("/", &[]).text(), "legacy");
                            served += 1;
                        }
                    }
                    served
                })
            })
            .collect();
        for pair in pairs.iter().cycle().take(4) {
            pair.replace(&live);
            door.signal("HUP");
            await_that("the new certificate", || {
                (shown(&door, "site.test") == pair.der()).then_some(()).ok_or_else(|| "still the other one".to_owned())
            });
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        let served: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
        println!("{served} requests over 4 renewals");
    });
}

/// A close that is announced, so that a client can tell an end from a cut.
#[test]
fn the_end_of_an_answer_is_announced_in_tls() {
    let origin = Origin::answering(|asked, wire| {
        match asked.target().as_str() {
            "/torn" => wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntorn\r\n"),
            "/none" => {}
            _ => wire.send("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
        }
        wire.close();
    });
    let site = Site::of(origin, Origin::dead());
    let pair = made(&site, "site", "DNS:site.test");
    let door = site.open_with(&with_tls(&site, &[&pair], ""));
    let all_of = |target: &str| {
        let mut client = Secure::connect(door.address, &Hello::to("site.test"));
        client.stream.write_all(format!("GET {target} HTTP/1.0\r\nHost: site.test\r\n\r\n").as_bytes()).unwrap();
        let mut all = Vec::new();
        // An end without close_notify is an error to rustls.
        let end = client.stream.read_to_end(&mut all).map_err(|error| error.kind());
        (String::from_utf8(all).unwrap(), end.map(|_| ()))
    };
    for (target, last) in [("/", "until the end"), ("/none", "502 Bad Gateway\n"), ("/ two", "(RFC 9112)\n")] {
        let (all, end) = all_of(target);
        assert!(all.ends_with(last) && end.is_ok(), "{target}: {end:?} after {all}");
    }
    let (all, end) = all_of("/torn");
    assert_eq!(end, Err(std::io::ErrorKind::UnexpectedEof), "after {all}");
}

/// What a program says, whatever its exit code.
fn said(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program);
    format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr))
}

#[test]
fn curl_openssl_and_python_are_served_in_what_is_sound_today() {
    let site = site();
    let pair = made(&site, "site", "DNS:site.test");
    let door = site.open_with(&with_tls(&site, &[&pair], ""));
    let (port, file) = (door.address.port(), pair.certificate.to_str().unwrap());
    let (url, resolve) = (format!("https://site.test:{port}/"), format!("site.test:{port}:127.0.0.1"));
    let usual = ["-sS", "--cacert", file, "--resolve", &resolve, "-w", " %{http_version} %{response_code}", &url];
    let curl = |how: &[&str]| said("curl", &[how, &usual[..]].concat());
    assert_eq!(curl(&["--http2"]), "legacy 2 200");
    assert_eq!(curl(&["--http1.1"]), "legacy 1.1 200");
    assert_eq!(curl(&["--tls-max", "1.2", "--http2"]), "legacy 2 200");
    assert_eq!(curl(&["--tlsv1.3"]), "legacy 2 200");
    let (other, elsewhere) = (format!("https://other.test:{port}/"), format!("other.test:{port}:127.0.0.1"));
    let refused = said("curl", &["-sS", "--cacert", file, "--resolve", &elsewhere, &other]);
    assert!(refused.contains("curl: (60)"), "the name is not in the certificate: {refused}");

    let at = format!("127.0.0.1:{port}");
    let s_client = ["s_client", "-connect", &at, "-servername", "site.test"];
    let hello = |more: &[&str]| said("openssl", &[&s_client[..], more].concat());
    let modern = hello(&["-alpn", "h2,http/1.1", "-CAfile", file]);
    for wanted in ["New, TLSv1.3", "ALPN protocol: h2", "Verify return code: 0 (ok)"] {
        assert!(modern.contains(wanted), "wanted {wanted} in {modern}");
    }
    for old in ["-tls1", "-tls1_1"] {
        let refused = hello(&[old, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!refused.contains("New, TLSv1"), "{old}: {refused}");
    }
    for weak in ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "aNULL"] {
        let refused = hello(&["-tls1_2", "-cipher", &format!("{weak}:@SECLEVEL=0")]);
        assert!(!refused.contains("New, TLSv1"), "{weak}: {refused}");
    }
    assert!(hello(&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"]).contains("New, TLSv1.2"));
    let foreign = hello(&["-alpn", "spdy/1"]);
    assert!(foreign.contains("no application protocol") || foreign.contains("No ALPN negotiated"), "{foreign}");

    let python = format!(
        "import socket, ssl\n\
         context = ssl.create_default_context(cafile={file:?})\n\
         with context.wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname='site.test') as s:\n\
         \x20   s.sendall(b'GET / HTTP/1.1\\r\\nHost: site.test\\r\\nConnection: close\\r\\n\\r\\n')\n\
         \x20   print(s.version(), s.makefile('rb').read().decode())\n"
    );
    let told = said("/usr/bin/python3", &["-c", &python]);
    assert!(told.starts_with("TLSv1.3 HTTP/1.1 200 OK") && told.trim_end().ends_with("legacy"), "{told}");
}

#[test]
fn curl_shows_its_own_certificate() {
    let site = site();
    let folder = site.folder.path();
    let pair = made(&site, "site", "DNS:site.test");
    let authority = Made::new(folder, "authority", "DNS:authority.test", 90);
    let own = Made::signed_by(&authority, folder, "own");
    let door = site.open_with(&with_tls(&site, &[&pair], &format!(", client_ca: {:?}", authority.certificate)));
    let (url, port) = (format!("https://site.test:{}/", door.address.port()), door.address.port());
    let resolve = format!("site.test:{port}:127.0.0.1");
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (ca, certificate, key) = (text(&pair.certificate), text(&own.certificate), text(&own.key));
    let usual = ["-sS", "--cacert", &ca, "--resolve", &resolve, &url];
    assert_eq!(said("curl", &[&usual[..], &["--cert", &certificate, "--key", &key]].concat()), "legacy");
    let refused = said("curl", &usual);
    assert!(refused.contains("curl: (") && !refused.contains("legacy"), "{refused}");
}
