//! Traces, as a collector gets them: read by OpenTelemetry's own schema, which the door does not have.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::harness::front::{Front, Pair};
use crate::harness::http2::{Http2, story};
use crate::harness::{Config, Door, Origin, Seen, Site, await_that};
use crate::http2::h2c;
use crate::request_id::logged;

const SHADOW: &str = "- {name: page, match: {path: {template: \"/packages/{name}\"}}, stage: shadow}";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNKEPT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const STATE: &str = "tracestate: vendor=opaque,other=1";
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const ERROR: i32 = 2;

/// What a collector says that has taken everything: an empty message.
fn collector() -> Origin {
    Origin::answering(|_, wire| wire.answer("200 OK", &["Content-Type: application/x-protobuf"], ""))
}

fn traced(site: &Site, routes: &str, collector: &Origin, more: &str) -> Config {
    site.config(routes).and(&format!("tracing: {{endpoint: \"http://{}\"{more}}}", collector.address))
}

fn batches(collector: &Origin) -> Vec<ExportTraceServiceRequest> {
    let read = |seen: &Seen| ExportTraceServiceRequest::decode(&seen.body[..]).unwrap();
    collector.seen().iter().map(|seen| read(seen)).collect()
}

fn spans(collector: &Origin) -> Vec<Span> {
    let of_batch = |batch: ExportTraceServiceRequest| {
        batch.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans)
    };
    batches(collector).into_iter().flat_map(of_batch).collect()
}

fn await_spans(collector: &Origin, count: usize) -> Vec<Span> {
    let mut found = Vec::new();
    await_that(&format!("{count} spans"), || {
        found = spans(collector);
        let names: Vec<&String> = found.iter().map(|span| &span.name).collect();
        if found.len() >= count { Ok(()) } else { Err(format!("{names:?}")) }
    });
    assert_eq!(found.len(), count, "{:?}", found.iter().map(|span| &span.name).collect::<Vec<_>>());
    found
}

/// By key, as text.
fn told(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |value: &KeyValue| match value.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names: Vec<&String> = spans.iter().map(|span| &span.name).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

/// The header by which a span is told to whom it asks.
fn header_of(span: &Span) -> String {
    format!("00-{}-{}-{:02x}", hex(&span.trace_id), hex(&span.span_id), span.flags & 0xff)
}

fn is_failed(span: &Span) -> bool {
    span.status.as_ref().unwrap().code == ERROR
}

#[test]
fn a_request_leaves_a_span_of_the_door_of_its_backend_and_of_its_copy() {
    let (site, collector) = (Site::named(), collector());
    let more = ", service_name: door-1, headers: {X-Tenant: aur}, attributes: {deployment.environment.name: test}";
    let config = traced(&site, SHADOW, &collector, more).and("access_log: {path: access.log}");
    let door = site.open_with(&config);
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let asked = [PARENT, STATE, "User-Agent: test/1", "X-Request-Id: own"];
    let target = "/packages/six?token=secret&v=5";
    let answer = door.ask("GET", target, &asked, b"");
    assert_eq!((answer.status(), answer.header("traceparent")), (200, None));
    let spans = await_spans(&collector, 3);
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let (own, legacy, copy) =
        (named(&spans, "GET page"), named(&spans, "GET legacy"), named(&spans, "GET new (mirror)"));

    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE && span.trace_state == STATE[12..]));
    assert_eq!((hex(&own.parent_span_id).as_str(), own.kind, own.flags), ("00f067aa0ba902b7", SERVER, 0x301));
    for asked in [legacy, copy] {
        assert_eq!((&asked.parent_span_id, asked.kind, asked.flags), (&own.span_id, CLIENT, 0x101));
    }
    assert!(legacy.span_id != copy.span_id && legacy.span_id != own.span_id);
    assert!(spans.iter().all(|span| !is_failed(span)));
    assert!(before <= own.start_time_unix_nano && own.end_time_unix_nano <= after);
    assert!(own.start_time_unix_nano <= legacy.start_time_unix_nano);
    assert!(
        legacy.end_time_unix_nano <= own.end_time_unix_nano && legacy.start_time_unix_nano < legacy.end_time_unix_nano
    );
    assert!(
        copy.start_time_unix_nano >= legacy.end_time_unix_nano && copy.end_time_unix_nano > copy.start_time_unix_nano
    );

    let (seen, seen_copy) = (site.legacy.only(), site.new.only());
    assert_eq!(seen.headers("traceparent"), [header_of(legacy)]);
    assert_eq!(seen_copy.headers("traceparent"), [header_of(copy)]);
    for seen in [&seen, &seen_copy] {
        assert_eq!((seen.headers("tracestate"), seen.target()), (vec![STATE[12..].to_owned()], target.to_owned()));
    }

    let mut about = told(&own.attributes);
    let line = logged(&site, 1).remove(0);
    assert_eq!(
        (&line["trace_id"], &line["request_id"]),
        (&TRACE.into(), &about.remove("matapalo.request_id").unwrap().into())
    );
    let port = door.address.port().to_string();
    let wanted = [
        ("http.request.method", "GET"),
        ("url.path", "/packages/six"),
        ("url.scheme", "http"),
        ("http.route", "/packages/{name}"),
        ("http.response.status_code", "200"),
        ("server.address", "127.0.0.1"),
        ("server.port", port.as_str()),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "test/1"),
        ("matapalo.route", "page"),
        ("matapalo.stage", "shadow"),
        ("matapalo.origin", "legacy"),
        ("matapalo.backend", "legacy"),
        ("matapalo.mirror", "offered"),
    ];
    let wanted: HashMap<String, String> = wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(about, wanted);
    let about = told(&copy.attributes);
    assert_eq!(about["url.full"], format!("http://{}/packages/six", site.new.address));
    assert_eq!((about["matapalo.backend"].as_str(), about["matapalo.purpose"].as_str()), ("new", "mirror"));
    assert_eq!(about["http.response.status_code"], "200");

    let posted = collector.seen()[0].clone();
    assert_eq!((posted.method(), posted.target()), ("POST".to_owned(), "/v1/traces".to_owned()));
    assert_eq!(posted.header("content-type").unwrap(), "application/x-protobuf");
    assert_eq!(posted.header("x-tenant").unwrap(), "aur");
    assert!(!collector.seen().iter().any(|seen| String::from_utf8_lossy(&seen.body).contains("secret")));
    let batch = &batches(&collector)[0];
    let resource = told(&batch.resource_spans[0].resource.as_ref().unwrap().attributes);
    assert_eq!(
        (resource["service.name"].as_str(), resource["deployment.environment.name"].as_str()),
        ("door-1", "test")
    );
    door.await_metric("tracing_exported_total", &[], 3.0);
    assert_eq!(door.metric("tracing_dropped_total", &[]), 0.0);
}

#[test]
fn without_a_parent_percent_decides_and_with_one_its_flag() {
    let (site, collector) = (Site::named(), collector());
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let door = site.open_with(&traced(&site, routes, &collector, ", percent: 0"));
    let headers = |at: usize, name: &str| site.legacy.await_seen(at + 1)[at].headers(name);
    door.ask("GET", "/none", &[STATE], b"");
    assert_eq!((headers(0, "traceparent"), headers(0, "tracestate")), (vec![], vec![STATE[12..].to_owned()]));
    door.ask("GET", "/unkept", &[UNKEPT], b"");
    assert_eq!(headers(1, "traceparent"), [UNKEPT[13..].to_owned()]);
    door.ask("GET", "/kept", &[PARENT], b"");
    assert_eq!(await_spans(&collector, 2).len(), 2);
    door.edit_and_await("percent: 0", "percent: 100");
    door.ask("GET", "/unkept", &[UNKEPT], b"");
    door.ask("GET", "/new", &[STATE], b"");
    let spans = await_spans(&collector, 4);
    let own =
        spans.iter().find(|span| told(&span.attributes).get("url.path").is_some_and(|path| path == "/new")).unwrap();
    assert_eq!((own.kind, own.parent_span_id.len(), own.flags, own.trace_state.as_str()), (SERVER, 0, 0x101, ""));
    assert_eq!(headers(3, "traceparent"), [UNKEPT[13..].to_owned()]);
    // What others keep belongs to a trace that this is not.
    assert_eq!((headers(4, "traceparent").len(), headers(4, "tracestate").len()), (1, 0));
}

#[test]
fn what_is_no_parent_begins_a_new_trace() {
    let (site, collector) = (Site::named(), collector());
    let door = site.open_with(&traced(&site, SHADOW, &collector, ""));
    let bad: [&[&str]; 5] = [
        &["traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", STATE],
        &["traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01", STATE],
        &["traceparent: ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", STATE],
        &["traceparent: \u{e9}", STATE],
        &[PARENT, PARENT, STATE],
    ];
    for (at, lines) in bad.iter().enumerate() {
        door.ask("GET", "/packages/six", lines, b"");
        let seen = site.legacy.await_seen(at + 1)[at].clone();
        let sent = seen.headers("traceparent");
        assert!(sent.len() == 1 && !sent[0].contains(TRACE) && sent[0].len() == 55, "{lines:?} became {sent:?}");
        assert_eq!(seen.headers("tracestate"), [""; 0], "{lines:?}");
    }
    let spans = await_spans(&collector, 15);
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    let traces: std::collections::HashSet<&Vec<u8>> = spans.iter().map(|span| &span.trace_id).collect();
    assert_eq!((roots.len(), traces.len()), (5, 5));
}

#[test]
fn tracing_follows_the_config_and_touches_nothing_while_it_is_off() {
    let (site, collector) = (Site::named(), collector());
    let door = site.open_with(&site.config(SHADOW).and("# here"));
    let ask = || door.ask("GET", "/packages/six", &[PARENT, STATE], b"");
    ask();
    door.edit_and_await("# here", &format!("tracing: {{endpoint: \"http://{}/custom\"}}", collector.address));
    ask();
    await_spans(&collector, 3);
    assert_eq!(collector.seen()[0].target(), "/custom");
    door.edit_and_await(&format!("tracing: {{endpoint: \"http://{}/custom\"}}", collector.address), "# here");
    ask();
    let sent: Vec<String> = site.legacy.await_seen(3).iter().flat_map(|seen| seen.headers("traceparent")).collect();
    assert!(sent[0] == PARENT[13..] && sent[1] != PARENT[13..] && sent[2] == PARENT[13..], "{sent:?}");
    let copies: Vec<String> = site.new.await_seen(3).iter().flat_map(|seen| seen.headers("traceparent")).collect();
    assert!(copies[0] == PARENT[13..] && copies[1] != sent[1] && copies[2] == PARENT[13..], "{copies:?}");
    assert_eq!(spans(&collector).len(), 3);
}

#[test]
fn only_trusted_proxies_say_what_is_kept_where_the_config_wants_it() {
    let (site, collector) = (Site::named(), collector());
    let config = traced(&site, SHADOW, &collector, ", parent: trusted, percent: 0");
    let door = site.open_with(&config);
    door.ask("GET", "/packages/six", &[PARENT], b"");
    assert_eq!(site.legacy.only().headers("traceparent"), [PARENT[13..].to_owned()]);
    door.edit_and_await("tracing:", "trusted_proxies: [127.0.0.1]\ntracing:");
    door.ask("GET", "/packages/six", &[PARENT], b"");
    await_spans(&collector, 3);
}

#[test]
fn each_way_to_a_backend_is_told_and_how_it_ended() {
    let new = Origin::answering(|_, wire| wire.answer("404 Not Found", &[], "unknown"));
    let legacy = Origin::answering(|seen, wire| match seen.target().as_str() {
        "/bad" => wire.answer("500 Internal Server Error", &[], "bad"),
        "/cut" => {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
            wire.close();
        }
        _ => wire.ok("legacy"),
    });
    let (site, collector) = (Site::of(legacy, new), collector());
    let routes = "- {name: fallen, match: {path: {exact: /fallen}}, stage: new, fallback: {on: {status: [404]}}}\n\
                  - {name: closed, match: {path: {exact: /closed}}, respond: {status: 404}}\n\
                  - {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let door = site.open_with(&traced(&site, routes, &collector, ""));
    for (target, status) in [("/fallen", 200), ("/bad", 500), ("/closed", 404)] {
        assert_eq!(door.ask("GET", target, &[], b"").status(), status, "{target}");
    }
    let mut client = door.client();
    client.send("GET /cut HTTP/1.1\r\nHost: site.example\r\n\r\n");
    assert!(client.try_answer("GET").is_err(), "half an answer is no answer");
    let spans = await_spans(&collector, 3 + 2 + 1 + 2);
    let of = |path: &str, kind: i32| -> Vec<(&Span, HashMap<String, String>)> {
        let of_kind = spans.iter().filter(|span| span.kind == kind).map(|span| (span, told(&span.attributes)));
        of_kind.filter(|(_, about)| about.get("url.path").or(about.get("url.full")).unwrap().ends_with(path)).collect()
    };
    let (own, fallen) = &of("/fallen", SERVER)[0];
    assert_eq!((fallen["matapalo.fallback"].as_str(), fallen["matapalo.origin"].as_str()), ("status", "legacy"));
    assert!(!is_failed(own));
    let ways = of("/fallen", CLIENT);
    assert_eq!((ways[0].0.name.as_str(), ways[1].0.name.as_str()), ("GET new", "GET legacy"));
    assert!(is_failed(ways[0].0) && ways[0].1["error.type"] == "404" && ways[1].1["http.request.resend_count"] == "1");
    assert!(ways[0].0.end_time_unix_nano <= ways[1].0.start_time_unix_nano + 1_000_000);
    let (own, bad) = &of("/bad", SERVER)[0];
    assert!(is_failed(own) && bad["error.type"] == "500" && bad["http.response.status_code"] == "500");
    let (own, closed) = &of("/closed", SERVER)[0];
    assert!(!is_failed(own) && closed["matapalo.origin"] == "door" && closed["matapalo.stage"] == "respond");
    let (own, cut) = &of("/cut", SERVER)[0];
    assert!(is_failed(own) && cut["error.type"] == "broken_response", "{cut:?}");
    assert!(is_failed(of("/cut", CLIENT)[0].0));
}

/// Asks for a while; every answer is legacy's, and none is late.
fn users_do_not_notice(door: &Door) {
    let mut client = door.client();
    for _ in 0..50 {
        let began = Instant::now();
        let answer = client.get("/packages/six", &[PARENT]);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "legacy"));
        assert!(began.elapsed() < Duration::from_secs(2), "an answer took {:?}", began.elapsed());
    }
}

#[test]
fn no_collector_slows_a_user_and_what_it_does_not_take_is_counted() {
    let refusing = || Origin::answering(|_, wire| wire.answer("500 Internal Server Error", &[], "no"));
    let busy = || Origin::answering(|_, wire| wire.answer("503 Service Unavailable", &["Retry-After: 1"], "later"));
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too old".into() };
    let partial = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let choosy = Origin::answering(move |_, wire| wire.answer("200 OK", &[], &partial));
    let garbling = Origin::at_head(|_, wire| {
        wire.send("what?\r\n\r\n");
        wire.close();
    });
    let cases = [
        (Origin::dead(), "connect_error"),
        (Origin::hanging(), "timeout"),
        (refusing(), "refused"),
        (busy(), "refused"),
        (choosy, "rejected"),
        (garbling, "connect_error"),
    ];
    std::thread::scope(|scope| {
        for (collector, reason) in &cases {
            scope.spawn(move || {
                let site = Site::named();
                let door = site.open_with(&traced(&site, SHADOW, collector, ", timeout: 200ms"));
                users_do_not_notice(&door);
                await_that(&format!("spans dropped as {reason}"), || {
                    let dropped = door.metric("tracing_dropped_total", &[("reason", reason)]);
                    if dropped > 0.0 { Ok(()) } else { Err(format!("{dropped}")) }
                });
                users_do_not_notice(&door);
                assert_eq!(site.legacy.seen().len(), 100);
            });
        }
    });
}

#[test]
fn a_collector_that_comes_back_gets_what_waited() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let back = std::sync::Arc::new(AtomicBool::new(false));
    let is_back = back.clone();
    let collector = Origin::answering(move |_, wire| match is_back.load(Ordering::Relaxed) {
        true => wire.answer("200 OK", &[], ""),
        false => wire.answer("503 Service Unavailable", &[], ""),
    });
    let site = Site::named();
    let door = site.open_with(&traced(&site, SHADOW, &collector, ""));
    door.get("/packages/six");
    collector.await_seen(2);
    back.store(true, Ordering::Relaxed);
    door.await_metric("tracing_exported_total", &[], 3.0);
    assert_eq!(door.metric("tracing_dropped_total", &[]), 0.0);
}

#[test]
fn what_is_left_is_sent_when_the_door_is_told_to_stop() {
    let (site, collector) = (Site::named(), collector());
    let mut door = site.open_with(&traced(&site, SHADOW, &collector, ""));
    for _ in 0..20 {
        door.get("/packages/six");
    }
    door.signal("TERM");
    assert!(door.await_exit().success());
    assert_eq!(spans(&collector).len(), 60);
}

#[test]
fn a_door_that_stops_does_not_wait_for_a_collector_that_hangs() {
    let (site, collector) = (Site::named(), Origin::hanging());
    let mut door = site.open_with(&traced(&site, SHADOW, &collector, ", timeout: 1h"));
    door.get("/packages/six");
    collector.await_seen(1);
    door.get("/packages/six");
    let began = Instant::now();
    door.signal("TERM");
    assert!(door.await_exit().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    door.await_log("did not take the last spans");
}

#[test]
fn a_request_in_http2_is_told_as_such() {
    let (site, collector) = (Site::named(), collector());
    let tracing = format!("tracing: {{endpoint: \"http://{}\"}}", collector.address);
    let door = site.open_with(&h2c(&site, SHADOW).and(&tracing));
    story(async {
        assert_eq!(Http2::connect(door.address).await.get("/packages/six").await.status, 200);
    });
    let spans = await_spans(&collector, 3);
    let about = told(&named(&spans, "GET page").attributes);
    assert_eq!((about["network.protocol.version"].as_str(), about["http.response.status_code"].as_str()), ("2", "200"));
    assert!(about.contains_key("server.address"), "{about:?}");
    assert_eq!(site.legacy.only().headers("traceparent"), [header_of(named(&spans, "GET legacy"))]);
}

#[test]
fn what_is_asked_again_is_told_as_such() {
    let collector = collector();
    let site = Site::of(Origin::saying("the one"), Origin::saying("another"));
    let door = site.open_with(&traced(&site, SHADOW, &collector, "").noise("settle: true, percent: 0"));
    door.ask("GET", "/packages/six", &[PARENT], b"");
    door.await_metric("settled_total", &[("result", "stays")], 1.0);
    let mut told_of = Vec::new();
    await_that("as many spans as requests", || {
        told_of = spans(&collector).iter().filter(|span| span.kind == CLIENT).map(header_of).collect();
        let sent = site.legacy.seen().len() + site.new.seen().len();
        if told_of.len() == sent { Ok(()) } else { Err(format!("{} of {sent}", told_of.len())) }
    });
    assert!(told_of.len() >= 4, "{told_of:?}");
    let mut sent: Vec<String> =
        site.legacy.seen().iter().chain(&site.new.seen()).flat_map(|seen| seen.headers("traceparent")).collect();
    sent.sort();
    told_of.sort();
    assert_eq!(sent, told_of);
}

#[test]
fn a_collector_behind_tls_is_believed_by_its_certificate_and_no_other_gets_a_span() {
    let (site, collector) = (Site::named(), collector());
    let folder = site.folder.path();
    let authority = Pair::authority(folder, "authority");
    let front = Front::tls(&authority.signs(folder, "collector", "DNS:localhost"), None, collector.address);
    let to = |host: &str, tls: &str| {
        let endpoint = format!("https://{host}:{}/v1/traces", front.address.port());
        site.config(SHADOW).and(&format!("tracing: {{endpoint: \"{endpoint}\"{tls}}}"))
    };
    let trusted = ", tls: {ca: authority.pem}";
    // Signed by whom the system does not know; and for another name than the one that is asked for.
    for (host, tls) in [("localhost", ""), ("127.0.0.1", trusted)] {
        let door = site.open_with(&to(host, tls));
        assert_eq!(door.get("/packages/a").text(), "legacy");
        door.await_log("it cannot be reached");
        assert_eq!(door.metric("tracing_exported_total", &[]), 0.0);
    }
    assert_eq!(collector.seen().len(), 0, "a span was given to who is not the collector");
    let door = site.open_with(&to("localhost", trusted));
    assert_eq!(door.get("/packages/a").text(), "legacy");
    let spans = await_spans(&collector, 3);
    assert_eq!(named(&spans, "GET page").kind, SERVER);
    let host = format!("localhost:{}", front.address.port());
    assert_eq!(collector.seen()[0].header("host").as_deref(), Some(host.as_str()));
}
