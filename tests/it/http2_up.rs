//! HTTP/2 to backends: what gRPC needs, and nothing lost for clients of either version.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use h2::Reason;

use crate::harness::frames::{Frames, GOAWAY, HEADERS};

use crate::harness::client::request;
use crate::harness::http2::{Http2, story};
use crate::harness::origin2::{Origin2, Reply};
use crate::harness::site::await_that;
use crate::harness::tls::Made;
use crate::harness::{Config, Load, Origin, Site};

const NEW: &str = "- {name: all, match: {path: {prefix: /}}, stage: new}";

fn before(site: &Site, origin: &Origin2, keys: &str) -> Config {
    let mut config = site.config(NEW);
    config.listener = ", h2c: true".to_owned();
    config.new = format!("endpoints: [\"http://{}\"], http2: true{keys}", origin.address);
    config
}

fn legacy() -> Site {
    Site::of(Origin::saying("legacy"), Origin::dead())
}

fn echo() -> Origin2 {
    Origin2::answering(|asked| Reply::Whole(format!("{} {} {}", asked.method, asked.uri, asked.body.len()).into(), &[]))
}

/// It knows no chunks (RFC 9112, section 7.1): an answer without a length ends with the connection.
#[test]
fn a_client_of_http_10_understands_the_answer() {
    let origin = Origin2::answering(|asked| match asked.uri.path() {
        "/measured" => Reply::Measured(b"of known length".to_vec()),
        "/cut" => Reply::Cut(b"half".to_vec()),
        _ => Reply::Whole(vec![b'x'; 100_000], &[("x-trailer", "1")]),
    });
    let site = legacy();
    let door = site.open_with(&before(&site, &origin, ""));
    for wish in ["", "Connection: keep-alive\r\n"] {
        let mut client = door.client();
        client.send(format!("GET /streamed HTTP/1.0\r\nHost: site.test\r\n{wish}\r\n"));
        let answer = client.answer("GET");
        assert_eq!((answer.status(), answer.body.len()), (200, 100_000));
        assert!(answer.body.iter().all(|byte| *byte == b'x'), "no chunk's size is in it");
        assert_eq!((answer.header("transfer-encoding"), answer.header("connection").as_deref()), (None, Some("close")));
        assert!(client.is_closed());
    }
    let mut client = door.client();
    for _ in 0..2 {
        client.send("GET /measured HTTP/1.0\r\nHost: site.test\r\nConnection: keep-alive\r\n\r\n");
        let answer = client.answer("GET");
        assert_eq!((answer.header("content-length").as_deref(), answer.body.len()), (Some("15"), 15));
    }
    let mut client = door.client();
    client.send("GET /cut HTTP/1.0\r\nHost: site.test\r\n\r\n");
    let answer = client.try_answer("GET").expect_err("a cut answer does not end as a whole one does");
    assert!(b"half".starts_with(&answer.got), "{answer:?}");
    let mut newer = door.client();
    newer.send(request("GET", "/streamed", &[], b""));
    assert_eq!(newer.answer("GET").header("transfer-encoding").as_deref(), Some("chunked"));
}

#[test]
fn users_of_both_versions_copies_and_health_checks_arrive() {
    let (site, origin) = (legacy(), echo());
    let door = site.open_with(&before(&site, &origin, ", health_check: {path: /up, interval: 100ms}"));
    let text = door.ask("GET", "/a%2Fb?q=%20+", &["Host: site.test:8080"], b"").text();
    assert_eq!(text, "GET http://site.test:8080/a%2Fb?q=%20+ 0");
    for length in [0, 1, 70_000] {
        let text = door.ask("POST", "/p", &["Host: site.test"], &vec![b'x'; length]).text();
        assert_eq!(text, format!("POST http://site.test/p {length}"));
    }
    story(async {
        let client = Http2::connect(door.address).await;
        assert_eq!(client.get("/x").await.text(), "GET http://site.test/x 0");
        let posted = client.ask("POST", "/y", &[], &[7; 70_000]).await.unwrap();
        assert_eq!(posted.text(), "POST http://site.test/y 70000");
    });
    let chunked = "POST /c HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\nTE: gzip, trailers\r\n\r\n\
                   3\r\nabc\r\n0\r\n\r\n";
    let mut client = door.client();
    client.send(chunked);
    assert_eq!(client.answer("POST").text(), "POST http://site.test/c 3");
    let head = door.ask("HEAD", "/h", &["Host: site.test"], b"");
    assert_eq!((head.status(), head.body.len()), (200, 0));
    let users = || origin.seen().into_iter().filter(|asked| asked.uri.path() != "/up");
    for asked in users() {
        assert_eq!(asked.header("x-forwarded-for"), Some("127.0.0.1"), "{asked:?}");
        assert_eq!(asked.header("host"), None, "it is the authority now");
        assert!(asked.header("transfer-encoding").is_none() && asked.header("connection").is_none());
    }
    let chunked = users().find(|asked| asked.uri.path() == "/c").unwrap();
    assert_eq!(chunked.header("te"), Some("trailers"));
    await_that("a health check", || match origin.seen().iter().find(|asked| asked.uri.path() == "/up") {
        Some(asked) if asked.header("user-agent") == Some("matapalo-health-check") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    door.edit_and_await("stage: new", "stage: shadow, mirror: {methods: [GET, POST]}");
    assert_eq!(door.ask("POST", "/copied?a=1", &["Host: site.test"], b"body").text(), "legacy");
    await_that("a copy", || match origin.seen().iter().find(|asked| asked.is_copy()) {
        Some(copy) if copy.uri == "http://site.test/copied?a=1" && copy.body == b"body" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert!(!door.log().contains("cannot connect"), "{}", door.log());
}

/// HTTP/2 wants a path that is text, and the library one that a URI may have. The other backend gets what came.
#[test]
fn a_target_that_no_uri_has_is_spelled_out() {
    let (site, origin) = (legacy(), echo());
    let door = site.open_with(&before(&site, &origin, ""));
    let asked = b"GET /caf\xe9<?\xc3\xa9\" HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let mut client = door.client();
    client.send(asked);
    let spelled = "/caf%E9%3C?%C3%A9%22";
    assert_eq!(client.answer("GET").text(), format!("GET http://site.test{spelled} 0"));
    door.edit_and_await("stage: new", "stage: shadow");
    client.send(asked);
    assert_eq!(client.answer("GET").text(), "legacy");
    assert_eq!(site.legacy.only().target(), "/caf\u{e9}<?\u{c3}\u{a9}\"", "byte for byte");
    await_that("a copy", || match origin.seen().iter().find(|asked| asked.is_copy()) {
        Some(copy) if copy.uri.path_and_query().is_some_and(|target| target == spelled) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn many_requests_share_a_connection() {
    const WAVES: usize = 6;
    const WAVE: usize = 60;
    let (site, origin) = (legacy(), echo());
    let door = site.open_with(&before(&site, &origin, ""));
    story(async {
        let client = Http2::connect(door.address).await;
        client.get("/first").await;
        for wave in 0..WAVES {
            let asked: Vec<_> = (0..WAVE)
                .map(|index| {
                    let (client, path) = (client.clone(), format!("/{wave}-{index}"));
                    tokio::spawn(async move { client.ask("POST", &path, &[], b"x").await.unwrap().text() })
                })
                .collect();
            for (index, answer) in asked.into_iter().enumerate() {
                assert_eq!(answer.await.unwrap(), format!("POST http://site.test/{wave}-{index} 1"));
            }
        }
    });
    // A connection that one request is just taking out of the pool is not there for the next one, so a first wave opens some.
    assert!(origin.connections() < WAVES * WAVE / 3, "{} connections", origin.connections());
}

#[test]
fn trailers_reach_clients_of_http2_and_cost_others_nothing() {
    let site = legacy();
    let origin = Origin2::answering(|_| Reply::Whole(b"body".to_vec(), &[("grpc-status", "0"), ("x-sum", "1")]));
    let door = site.open_with(&before(&site, &origin, ""));
    story(async {
        let client = Http2::connect(door.address).await;
        let (answer, trailers) = client.with_trailers("/").await;
        assert_eq!(answer.text(), "body");
        assert_eq!(trailers.get("grpc-status").unwrap(), "0");
        assert_eq!(trailers.get("x-sum").unwrap(), "1");
    });
    let mut client = door.client();
    for _ in 0..2 {
        assert_eq!(client.get("/", &[]).text(), "body");
    }
}

#[test]
fn how_a_call_ended_is_compared() {
    let fail = Origin2::answering(|_| Reply::Whole(b"same".to_vec(), &[("grpc-status", "5")]));
    let fine = Origin2::answering(|_| Reply::Whole(b"same".to_vec(), &[("grpc-status", "0")]));
    let site = legacy();
    let mut config = before(&site, &fail, "").routed("- {name: all, match: {path: {prefix: /}}, stage: shadow}");
    config.legacy = format!("endpoints: [\"http://{}\"], http2: true", fine.address);
    let door = site.open_with(&config);
    story(async {
        let client = Http2::connect(door.address).await;
        assert_eq!(client.with_trailers("/").await.1.get("grpc-status").unwrap(), "0");
    });
    door.await_metric("comparisons_total", &[("route", "all"), ("outcome", "mismatched")], 1.0);
}

#[test]
fn large_bodies_go_both_ways_in_little_memory() {
    const LARGE: usize = 48 << 20;
    let site = legacy();
    let origin = Origin2::answering(|asked| match asked.method.as_str() {
        "POST" => {
            let right = asked.body.iter().all(|byte| *byte == 7);
            Reply::Measured(format!("{} {right}", asked.body.len()).into())
        }
        _ => Reply::Whole(vec![b'x'; LARGE], &[]),
    });
    let door = site.open_with(&before(&site, &origin, ""));
    door.get("/warm");
    let before = door.memory();
    story(async {
        let client = Http2::connect(door.address).await;
        let posted = client.ask("POST", "/", &[], &vec![7; LARGE]).await.unwrap();
        assert_eq!(posted.text(), format!("{LARGE} true"));
        let got = client.get("/").await;
        assert!(got.body.len() == LARGE && got.body.iter().all(|byte| *byte == b'x'));
    });
    assert_eq!(door.ask("POST", "/", &["Host: site.test"], &vec![7; LARGE]).text(), format!("{LARGE} true"));
    assert_eq!(door.get("/").body.len(), LARGE);
    let grown = door.memory().saturating_sub(before) >> 20;
    println!("{grown} MiB more");
    assert!(grown < 32, "{grown} MiB more");
}

#[test]
fn a_cut_answer_is_never_a_whole_one() {
    let site = legacy();
    let origin = Origin2::answering(|_| Reply::Cut(b"half".to_vec()));
    let door = site.open_with(&before(&site, &origin, ""));
    story(async {
        let client = Http2::connect(door.address).await;
        let broken = client.ask("GET", "/", &[], b"").await.expect_err("a reset");
        assert!(broken.is_reset(), "{broken}");
    });
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    let all = String::from_utf8(client.reader.rest().unwrap_or_default()).unwrap();
    assert!(!all.contains("0\r\n\r\n"), "no end of a chunked body: {all:?}");
}

#[test]
fn what_the_backend_left_alone_is_sent_again_and_nothing_else() {
    let site = legacy();
    let times = AtomicUsize::new(0);
    let origin = Origin2::answering(move |asked| {
        let first = times.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        match asked.uri.path() {
            "/refused" if first => Reply::Reset(Reason::REFUSED_STREAM),
            "/failed" => Reply::Reset(Reason::INTERNAL_ERROR),
            _ => Reply::Whole(format!("took {}", asked.body.len()).into(), &[]),
        }
    });
    let door = site.open_with(&before(&site, &origin, ""));
    let answer = door.ask("POST", "/refused", &["Host: site.test"], b"body");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "took 4"));
    assert_eq!(origin.seen().len(), 2);
    assert_eq!(door.ask("POST", "/failed", &["Host: site.test"], b"body").status(), 502);
    assert_eq!(origin.seen().len(), 3, "it may have been done: not again");
}

#[test]
fn a_client_that_waits_for_leave_gets_it() {
    let (site, origin) = (legacy(), echo());
    let door = site.open_with(&before(&site, &origin, ""));
    let mut client = door.client();
    for _ in 0..2 {
        client.send("POST /e HTTP/1.1\r\nHost: site.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        let leave = client.reader.head().unwrap().expect("an interim answer");
        assert!(leave.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&leave));
        client.send("body");
        assert_eq!(client.answer("POST").text(), "POST http://site.test/e 4");
    }
    assert!(origin.seen().iter().all(|asked| asked.header("expect").is_none()));
}

#[test]
fn over_tls_it_is_agreed_on() {
    let inner = legacy();
    let pair = Made::new(inner.folder.path(), "site", "DNS:site.test,IP:127.0.0.1", 90);
    let mut config = inner.config("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    config.listener = format!(", tls: {{certificates: [{}]}}", pair.entry());
    let backend = inner.open_with(&config.and("access_log: {path: access.log}"));
    let outer = legacy();
    let mut config = outer.config(NEW);
    config.new = format!("endpoints: [\"https://{}\"], http2: true, tls: {{verify: false}}", backend.address);
    let door = outer.open_with(&config);
    assert_eq!(door.get("/through").text(), "legacy");
    await_that("the inner door's log", || {
        let log = std::fs::read_to_string(inner.path("access.log")).unwrap_or_default();
        (log.contains("/through") && log.contains("HTTP/2.0")).then_some(()).ok_or(log)
    });
}

fn copied(origin: &Origin2, path: &str) -> usize {
    origin.seen().iter().filter(|asked| asked.is_copy() && asked.uri.path() == path).count()
}

/// A copy that fails on a sound connection is not asked again on it: the backend would be flooded by one request.
#[test]
fn a_copy_is_asked_again_once_at_most_and_only_if_it_was_left_alone() {
    let origin = Origin2::answering(|asked| match asked.uri.path() {
        "/failed" => Reply::Reset(Reason::INTERNAL_ERROR),
        "/cancelled" => Reply::Reset(Reason::CANCEL),
        "/calm" => Reply::Reset(Reason::ENHANCE_YOUR_CALM),
        "/refused" => Reply::Reset(Reason::REFUSED_STREAM),
        "/cut" => Reply::Cut(b"half".to_vec()),
        _ => Reply::Whole(b"legacy".to_vec(), &[]),
    });
    let site = legacy();
    let config = before(&site, &origin, "").routed("- {name: all, match: {path: {prefix: /}}, stage: shadow}");
    let door = site.open_with(&config);
    let done = |count: usize| {
        await_that("copies to be done", || {
            let done = door.metric("mirror_total", &[("route", "all")]);
            if done >= count as f64 { Ok(()) } else { Err(format!("{done} of {count}")) }
        });
    };
    for warm in 1..=3 {
        door.get("/warm");
        done(warm);
    }
    let wanted = [("/failed", 1), ("/cancelled", 1), ("/calm", 1), ("/refused", 2), ("/cut", 1)];
    for (index, (path, times)) in wanted.into_iter().enumerate() {
        assert_eq!(door.get(path).text(), "legacy");
        done(4 + index);
        assert_eq!(copied(&origin, path), times, "{path}");
    }
    assert_eq!(door.metric("mirror_total", &[("result", "failed")]), 5.0);
    door.get("/after");
    done(9);
    assert_eq!(copied(&origin, "/after"), 1);
}

/// HTTP/1.0 need not name a host, an empty Host names none, and `h%41` is one that HTTP/2 cannot write.
#[test]
fn who_names_no_host_is_served_all_the_same() {
    let (site, origin) = (legacy(), echo());
    let door = site.open_with(&before(&site, &origin, ""));
    let own = format!("GET http://{}/ 0", origin.address);
    let ask = |head: &str| {
        let mut client = door.client();
        client.send(head);
        client.answer("GET")
    };
    let nobody = ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n"];
    let unwritable = ["GET / HTTP/1.1\r\nHost: h%41\r\n\r\n", "GET / HTTP/1.1\r\nHost: %zz\r\n\r\n"];
    for head in nobody {
        assert_eq!(ask(head).text(), own, "{head:?}");
    }
    for head in unwritable {
        assert_eq!(ask(head).status(), 400, "{head:?}");
    }
    assert_eq!(origin.seen().len(), 2);
    door.edit_and_await("stage: new", "stage: shadow");
    for head in nobody.into_iter().chain(unwritable) {
        assert_eq!(ask(head).text(), "legacy", "{head:?}");
    }
    door.await_metric("mirror_total", &[("result", "answered")], 2.0);
    door.await_metric("mirror_total", &[("result", "failed")], 2.0);
    let copies: Vec<String> =
        origin.seen().iter().filter(|asked| asked.is_copy()).map(|asked| asked.uri.to_string()).collect();
    assert_eq!(copies, [(); 2].map(|()| format!("http://{}/", origin.address)));
    assert_eq!(site.legacy.seen()[0].header("host"), None, "it goes to a backend of HTTP/1 as it came");
    assert_eq!(door.get("/after").text(), "legacy");
    door.await_metric("mirror_total", &[("result", "answered")], 3.0);
}

/// Legacy was told a name that is its own: the copy is not.
#[test]
fn a_copy_of_who_names_no_host_names_none_either() {
    let (origin, site) = (echo(), Site::named());
    let mut config = site.config("- {name: all, match: {path: {prefix: /}}, stage: shadow}");
    config.legacy = format!("endpoints: [\"http://{}\"], http2: true", origin.address);
    let door = site.open_with(&config);
    let mut client = door.client();
    client.send("GET /old HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer("GET").text(), format!("GET http://{}/old 0", origin.address));
    let copy = site.new.only();
    assert_eq!(copy.header("host"), None);
    assert!(copy.head.starts_with(b"GET /old HTTP/1.0\r\n"), "{}", String::from_utf8_lossy(&copy.head));
}

/// Who refuses has too much to do.
#[test]
fn a_request_that_is_refused_again_and_again_is_given_up_soon() {
    let origin = Origin2::answering(|_| Reply::Reset(Reason::REFUSED_STREAM));
    let site = legacy();
    let door = site.open_with(&before(&site, &origin, ""));
    for (asked, method) in ["GET", "POST"].into_iter().enumerate() {
        assert_eq!(door.ask(method, "/", &["Host: site.test"], b"").status(), 502);
        assert_eq!(origin.seen().len(), 3 * (asked + 1), "{method}: once, and two times more");
    }
}

/// Takes connections, and leaves each of them: before it has read a request, or having read that it leaves alone. Counts them.
fn leaving(before_requests: bool) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut frames = Frames::accept(stream.unwrap());
            let mut asked = || frames.read().map_or(true, |frame| frame.kind == HEADERS);
            while !before_requests && !asked() {}
            // The last stream that it looked at: none. The reason: none.
            frames.send(GOAWAY, 0, 0, &[0; 8]);
            // Closed by the door, so that nothing of it is lost in a reset.
            frames.until_closed();
        }
    });
    (address, connections)
}

/// Who leaves again and again is not there for this request.
#[test]
fn a_backend_that_leaves_again_and_again_is_given_up_soon() {
    for before_requests in [false, true] {
        let (address, connections) = leaving(before_requests);
        let site = legacy();
        let mut config = site.config(NEW);
        config.new = format!("endpoints: [\"http://{address}\"], http2: true");
        let door = site.open_with(&config);
        for (asked, method) in ["GET", "POST"].into_iter().enumerate() {
            assert_eq!(door.ask(method, "/", &["Host: site.test"], b"").status(), 502);
            let connections = connections.load(Ordering::Relaxed);
            assert!(connections <= 4 * (asked + 1), "{method}, {before_requests}: {connections} connections");
        }
    }
}

/// Nor does it cost a reader his answer where there is another endpoint, and a writer neither, if it says that it did nothing.
#[test]
fn an_endpoint_that_is_left_or_lost_has_another_one_answer() {
    let lost = Origin::answering(|_, wire| wire.close());
    let resetting = Origin2::answering(|_| Reply::Reset(Reason::INTERNAL_ERROR));
    for (ill, methods) in [
        (leaving(false).0, &["GET", "POST"][..]),
        (leaving(true).0, &["GET"][..]),
        (lost.address, &["GET"][..]),
        (resetting.address, &["GET"][..]),
    ] {
        let (site, well) = (legacy(), echo());
        let mut config = site.config(NEW);
        let endpoints = format!("\"http://{ill}\", \"http://{}\"", well.address);
        config.new = format!("endpoints: [{endpoints}], http2: true, outliers: {{failures: 0}}");
        let door = site.open_with(&config);
        for method in methods.iter().cycle().take(12) {
            assert_eq!(door.ask(method, "/", &["Host: site.test"], b"").status(), 200, "{method}");
        }
        assert_eq!(well.seen().len(), 12);
    }
}

/// Answers so many requests on each connection, says that it looked at no more, and goes.
fn serving(each: usize) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut frames = Frames::accept(stream.unwrap());
                let mut answered = 0;
                while answered < each {
                    let Ok(frame) = frames.read() else { return };
                    if frame.kind != HEADERS {
                        continue;
                    }
                    answered += 1;
                    frames.head(frame.stream, &[(":status", "200")], true);
                    if answered == each {
                        let last = frame.stream.to_be_bytes();
                        frames.send(GOAWAY, 0, 0, &[&last[..], &[0; 4]].concat());
                    }
                }
                frames.until_closed();
            });
        }
    });
    address
}

/// What a GOAWAY says was left alone is sent again, however often the backend leaves.
#[test]
fn a_backend_that_leaves_after_a_few_requests_fails_nobody() {
    for each in [1, 5, 20] {
        let site = legacy();
        let mut config = site.config(NEW);
        config.new = format!("endpoints: [\"http://{}\"], http2: true", serving(each));
        let door = site.open_with(&config);
        let load = Load::on(door.address, 12, "/page", |answer| answer.status() == 200);
        load.let_run(1_500);
        load.stop().assert_clean();
    }
}

/// RFC 9113, section 8.1.1: what does not have the length that it says is malformed, and none is a length.
#[test]
fn an_answer_that_is_not_as_empty_as_it_says_is_nobodys_whole_one() {
    let origin = Origin2::answering(|asked| match asked.uri.path() {
        "/empty" => Reply::Said(0, Vec::new()),
        "/empty-at-once" => Reply::SaidAtOnce,
        _ => Reply::Said(0, vec![b'x'; 4000]),
    });
    let site = legacy();
    let door = site.open_with(&before(&site, &origin, ""));
    for _ in 0..5 {
        let mut client = door.client();
        let honest = client.get("/empty", &[]);
        assert_eq!((honest.status(), honest.body.len()), (200, 0));
        let honest = client.get("/empty-at-once", &[]);
        assert_eq!((honest.header("content-length").as_deref(), honest.body.len()), (Some("0"), 0));
        client.send(request("HEAD", "/empty", &[], b""));
        assert_eq!(client.answer("HEAD").header("content-length").as_deref(), Some("0"));
        client.send(request("GET", "/lies", &[], b""));
        match client.try_answer("GET") {
            Ok(answer) => assert_eq!(answer.status(), 502, "{}", String::from_utf8_lossy(&answer.head)),
            Err(broken) => assert!(broken.got.is_empty(), "{broken:?}"),
        }
    }
    story(async {
        let client = Http2::connect(door.address).await;
        assert!(client.ask("GET", "/lies", &[], b"").await.is_err_and(|error| error.is_reset()));
        assert_eq!(client.get("/empty").await.header("content-length"), Some("0"));
    });
}
