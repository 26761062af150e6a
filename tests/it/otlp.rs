//! Traces once more, as `opentelemetry-proto` from PyPI reads them: made from OpenTelemetry's own files by its own people, with
//! Google's library for protocol buffers, it shares nothing with what writes them here. `tests/run.sh` installs it.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::site::await_that;
use crate::harness::{Origin, Site};

const PARENT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "tracestate: vendor=opaque,other=1";

/// Where the package is, beside what is built. Where the build server runs it has to be there.
fn package() -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("python");
    let is_there = folder.join("opentelemetry").is_dir();
    let missing = "opentelemetry-proto is missing; tests/run.sh installs it";
    assert!(is_there || std::env::var_os("CI").is_none(), "{missing}");
    if !is_there {
        println!("not told here: {missing}");
    }
    is_there.then(|| folder.to_str().unwrap().to_owned())
}

/// What the collector was sent, read by the package.
fn read(package: &str, site: &Site, collector: &Origin) -> Vec<Value> {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/otlp_read.py")).env("PYTHONPATH", package);
    for (at, seen) in collector.seen().iter().enumerate() {
        let file = site.path(&format!("batch-{at}"));
        std::fs::write(&file, &seen.body).unwrap();
        command.arg(file);
    }
    let run = command.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn opentelemetrys_own_package_reads_what_the_door_exports() {
    let Some(package) = package() else { return };
    let legacy = Origin::answering(|seen, wire| match seen.target().starts_with("/broken") {
        true => wire.answer("500 Internal Server Error", &[], "no"),
        false => wire.ok("legacy"),
    });
    let site = Site::of(legacy, Origin::saying("new"));
    let collector = Origin::answering(|_, wire| wire.answer("200 OK", &["Content-Type: application/x-protobuf"], ""));
    let routes = "- {name: page, match: {path: {template: \"/packages/{name}\"}}, stage: shadow}\n\
                  - {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let more = "service_name: door-1, attributes: {deployment.environment.name: test}";
    let door = site.open_with(
        &site.config(routes).and(&format!("tracing: {{endpoint: \"http://{}\", {more}}}", collector.address)),
    );
    let before = now();
    door.ask("GET", "/packages/caf%C3%A9?token=secret", &[PARENT, STATE, "User-Agent: test/1"], b"");
    door.ask("POST", "/broken", &[], b"body");
    let mut batches = Vec::new();
    let spans = |batches: &[Value]| -> Vec<Value> {
        batches.iter().flat_map(|batch| batch["spans"].as_array().unwrap()).cloned().collect()
    };
    await_that("five spans", || {
        batches = read(&package, &site, &collector);
        let count = spans(&batches).len();
        if count == 5 { Ok(()) } else { Err(count.to_string()) }
    });
    let after = now();

    for batch in &batches {
        assert_eq!((&batch["unknown"], &batch["same"]), (&json!(0), &json!(true)), "{batch}");
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(batch["scope"], json!(["matapalo", version]));
        let said = json!({"service.name": "door-1", "service.version": version, "deployment.environment.name": "test"});
        assert_eq!(batch["resource"], said);
    }
    let spans = spans(&batches);
    let named = |name: &str| {
        let found = spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
        assert_eq!(found.len(), 1, "{name} in {spans:?}");
        found[0]
    };
    let (own, asked, copied) = (named("GET page"), named("GET legacy"), named("GET new (mirror)"));
    let (broken, failed) = (named("POST all"), named("POST legacy"));

    // Each id is one, and there but once.
    let mut ids: Vec<&str> = spans.iter().map(|span| span["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| id.len() == 16 && !id.bytes().all(|digit| digit == b'0')), "{ids:?}");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for span in [own, asked, copied] {
        assert_eq!((&span["trace"], &span["state"]), (&json!(trace), &json!("vendor=opaque,other=1")));
    }
    assert!(broken["trace"] != trace && broken["trace"] == failed["trace"] && broken["state"] == "", "{broken}");
    assert_eq!(broken["trace"].as_str().unwrap().len(), 32);

    // Who asked whom, as the headers said it.
    assert_eq!(own["parent"], "00f067aa0ba902b7");
    assert_eq!((&asked["parent"], &copied["parent"]), (&own["id"], &own["id"]));
    assert_eq!((&broken["parent"], &failed["parent"]), (&json!(""), &broken["id"]));
    let sent = |origin: &Origin, at: usize| origin.await_seen(at + 1)[at].headers("traceparent");
    let header = |span: &Value| format!("00-{}-{}-01", span["trace"].as_str().unwrap(), span["id"].as_str().unwrap());
    assert_eq!(sent(&site.legacy, 0), [header(asked)]);
    assert_eq!(sent(&site.legacy, 1), [header(failed)]);
    assert_eq!(sent(&site.new, 0), [header(copied)]);
    for span in &spans {
        assert_eq!(span["trace_flags"], 1, "{span}");
        let is_own = span["kind"] == "SPAN_KIND_SERVER";
        assert!(is_own || span["kind"] == "SPAN_KIND_CLIENT", "{span}");
        assert!(span["flags"].as_array().unwrap().contains(&json!("SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK")));
        let remote = span["flags"].as_array().unwrap().contains(&json!("SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK"));
        assert_eq!(remote, span == own, "only the user's parent is elsewhere: {span}");
        let failed_ones = [broken, failed];
        let status = if failed_ones.contains(&span) { "STATUS_CODE_ERROR" } else { "STATUS_CODE_UNSET" };
        assert_eq!(span["status"], status, "{span}");
    }

    // In nanoseconds, of now, one within the other; the copy is sent when the user has his answer.
    let time = |span: &Value, what: &str| span[what].as_u64().unwrap();
    for span in &spans {
        let (began, ended) = (time(span, "began"), time(span, "ended"));
        assert!(before <= began && began < ended && ended <= after, "{before} {span} {after}");
    }
    for (outer, inner) in [(own, asked), (broken, failed)] {
        assert!(time(outer, "began") <= time(inner, "began") && time(inner, "ended") <= time(outer, "ended"));
    }
    assert!(time(asked, "ended") <= time(copied, "began"), "{asked} {copied}");

    let about = |span: &Value, key: &str| span["attributes"][key].clone();
    assert_eq!(about(own, "url.path"), "/packages/caf%C3%A9");
    assert_eq!(about(own, "http.route"), "/packages/{name}");
    assert_eq!(about(own, "http.response.status_code"), 200);
    assert_eq!((about(own, "matapalo.route"), about(own, "matapalo.stage")), (json!("page"), json!("shadow")));
    assert_eq!((about(broken, "http.response.status_code"), about(failed, "error.type")), (json!(500), json!("500")));
    assert_eq!(about(copied, "http.request.method"), "GET");
    assert!(!json!(batches).to_string().contains("secret"));
}
