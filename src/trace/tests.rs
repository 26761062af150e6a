#![allow(clippy::unwrap_used, clippy::panic)]
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::context::{SAMPLED, incoming, state};
use super::*;
use crate::config;
use crate::config::settings::TracingSettings;
use crate::evidence::Recorder;
use crate::live::Meters;
use crate::routing::Share;
use crate::upstream::Backends;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_parent_is_read_and_written_as_the_w3c_has_it() {
    let context = Context::parse(PARENT.as_bytes()).unwrap();
    assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(context.span.to_string(), "00f067aa0ba902b7");
    assert!(context.is_sampled());
    assert_eq!(context.header().unwrap(), PARENT);
    let unsampled = Context::parse(PARENT.replace("-01", "-00").as_bytes()).unwrap();
    assert!(!unsampled.is_sampled());
    // Flags that this version does not know are not passed on; that the id was drawn by lot is.
    let flags = Context::parse(PARENT.replace("-01", "-ff").as_bytes()).unwrap();
    assert_eq!(flags.header().unwrap(), PARENT.replace("-01", "-03"));
}

#[test]
fn versions_to_come_are_read_as_far_as_they_are_known() {
    for known in ["01", "cc", "fe"] {
        let later = PARENT.replacen("00", known, 1);
        for rest in ["", "-", "-what.comes.then"] {
            let read = Context::parse(format!("{later}{rest}").as_bytes());
            assert_eq!(read, Context::parse(PARENT.as_bytes()), "{later}{rest}");
        }
        assert_eq!(Context::parse(format!("{later}.more").as_bytes()), None);
    }
}

#[test]
fn what_is_no_parent_begins_a_new_trace() {
    for bad in [
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-0f067aa0ba902b7-01",
    ] {
        assert_eq!(Context::parse(bad.as_bytes()), None, "{bad}");
    }
    let mut two = HeaderMap::new();
    two.append(TRACEPARENT, HeaderValue::from_static(PARENT));
    assert_ne!(incoming(&two), Incoming::New);
    two.append(TRACEPARENT, HeaderValue::from_static(PARENT));
    assert_eq!(incoming(&two), Incoming::New, "two of them: none can be believed");
}

proptest! {
    #[test]
    fn no_bytes_are_read_as_what_they_are_not(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Some(read) = Context::parse(&bytes) {
            prop_assert_eq!(Context::parse(read.header().unwrap().as_bytes()), Some(read));
        }
    }

    #[test]
    fn nearly_a_parent_is_read_right_or_not_at_all(at in 0..55_usize, byte in any::<u8>()) {
        let mut bytes = PARENT.as_bytes().to_vec();
        bytes[at] = byte;
        let good = if [2, 35, 52].contains(&at) { byte == b'-' } else { matches!(byte, b'0'..=b'9' | b'a'..=b'f') };
        // A version to come may be as long as this one; `f` in the first place is one as well.
        prop_assert_eq!(Context::parse(&bytes).is_some(), good, "{:?}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn every_context_is_read_as_it_was_written(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), flags in 0..4_u8) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let context = Context { trace: TraceId(trace), span: SpanId(span), flags };
        prop_assert_eq!(Context::parse(context.header().unwrap().as_bytes()), Some(context));
    }
}

#[test]
fn what_others_keep_is_one_line_and_not_a_long_one() {
    let mut headers = HeaderMap::new();
    headers.append(TRACESTATE, HeaderValue::from_static("a=1,b=2"));
    headers.append(TRACESTATE, HeaderValue::from_static("c=3"));
    assert_eq!(state(&headers), "a=1,b=2,c=3");
    headers.append(TRACESTATE, HeaderValue::try_from("x".repeat(513)).unwrap());
    assert_eq!(state(&headers), "");
}

/// A tracer whose collector is not there.
fn tracer(tracing: &str) -> (Tracer, Arc<TracingSettings>) {
    let live = live(&format!("tracing: {{endpoint: \"http://127.0.0.1:5\"{tracing}}}\n"));
    let settings = live.snapshot().settings.tracing.clone().unwrap();
    (Tracer::start(live).unwrap(), settings)
}

/// With these blocks in the config.
fn live(further: &str) -> Arc<Live> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matapalo.yaml");
    let text = format!(
        "version: 1\nlisteners: [{{address: \"127.0.0.1:1\"}}]\nadmin: {{address: \"127.0.0.1:2\"}}\nbackends:\n  \
         legacy: {{endpoints: [\"http://127.0.0.1:3\"]}}\n  new: {{endpoints: [\"http://127.0.0.1:4\"]}}\n{further}"
    );
    std::fs::write(&file, text).unwrap();
    let (settings, meters) = (config::load(&file).unwrap(), Arc::new(Meters::new().unwrap()));
    Arc::new(Live::start(settings, Arc::new(Backends::default()), meters, Arc::new(Recorder::new(None))))
}

/// Spans that were counted as lost for this reason.
fn lost(live: &Live, reason: &str) -> usize {
    let metrics = String::from_utf8(live.metrics().unwrap()).unwrap();
    let name = format!("matapalo_tracing_dropped_total{{reason=\"{reason}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

fn headers(parent: &str) -> HeaderMap {
    [(TRACEPARENT, HeaderValue::try_from(parent).unwrap())].into_iter().collect()
}

#[test]
fn a_share_of_those_without_a_parent_is_kept_and_of_the_others_what_the_parent_says() {
    let (tracer, settings) = tracer(", percent: 12.5");
    assert_eq!(settings.percent, Share::from_percent(12.5).unwrap());
    let kept = |headers: &HeaderMap, believed| {
        (0..20_000).filter(|_| tracer.begin(&settings, headers, believed).is_some()).count()
    };
    // Five standard deviations.
    let share = |kept: usize| (2_500 - 235..=2_500 + 235).contains(&kept);
    assert!(share(kept(&HeaderMap::new(), Believed::Yes)));
    assert_eq!(kept(&headers(PARENT), Believed::Yes), 20_000);
    assert_eq!(kept(&headers(&PARENT.replace("-01", "-00")), Believed::Yes), 0);
    assert!(share(kept(&headers(PARENT), Believed::No)), "whoever is not believed is one without a parent");
    assert!(share(kept(&headers("no parent"), Believed::Yes)));
}

#[test]
fn a_child_has_its_parents_trace_and_a_span_of_its_own() {
    let (tracer, settings) = tracer("");
    let beginning = tracer.begin(&settings, &headers(PARENT), Believed::Yes).unwrap();
    let parent = beginning.parent.unwrap();
    assert_eq!(parent.header().unwrap(), PARENT);
    let child = tracer.child(beginning.context);
    assert!(child.trace == parent.trace && beginning.context.trace == parent.trace);
    assert!(child.span != beginning.context.span && child.span != parent.span && beginning.context.span != parent.span);
    let alone = tracer.begin(&settings, &headers("no parent"), Believed::Yes).unwrap();
    assert!(alone.parent.is_none() && alone.context.trace != parent.trace && alone.context.flags == SAMPLED);
}

fn span(text: usize) -> Span {
    let mut attributes = Attributes::default();
    attributes.text("url.path", "x".repeat(text).as_bytes());
    Span {
        context: Context::parse(PARENT.as_bytes()).unwrap(),
        parent: None,
        parent_is_remote: false,
        state: "".into(),
        name: "GET page".into(),
        kind: Kind::Server,
        began: SystemTime::now(),
        ended: SystemTime::now(),
        attributes,
        failed: false,
    }
}

#[test]
fn a_text_is_cut_where_a_character_ends() {
    assert!(span(10_000).size() < 4_000);
    let mut attributes = Attributes::default();
    attributes.text("a", "é".repeat(3_000).as_bytes());
    attributes.text("b", b"");
    attributes.text("c", b"\xff\xfe");
    let texts: Vec<String> = attributes.0.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    assert_eq!(texts[0], format!("a=Text({:?})", "é".repeat(2_048)));
    assert_eq!(texts[1..], ["c=Text(\"\u{fffd}\u{fffd}\")"]);
}

#[test]
fn what_waits_is_bounded_and_what_does_not_fit_is_counted() {
    let live = live("");
    let queue = Queue::new(live.meters().clone());
    let size = span(2_000).size();
    for _ in 0..20_000 {
        queue.push(vec![span(2_000), span(2_000)]);
    }
    let kept = queue.len();
    assert!((kept * size) <= 16 << 20 && (kept + 2) * size > 16 << 20, "{kept} spans of {size} bytes");
    assert_eq!(lost(&live, "queue_full"), 40_000 - kept);
    assert_eq!(queue.take(10).len(), 10);
    queue.push(vec![span(2_000)]);
    assert_eq!(queue.len(), kept - 9);
    assert_eq!(queue.abandon(), kept - 9);
    assert_eq!(lost(&live, "shutdown"), kept - 9);
    queue.push(vec![span(2_000)]);
    assert_eq!(queue.len(), 1, "what was taken has given its room back");
}

#[test]
fn stopping_waits_for_no_collector() {
    let (tracer, _) = tracer("");
    tracer.push(vec![span(1)]);
    let began = Instant::now();
    tracer.stop(Duration::from_secs(20));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn what_nobody_says_where_to_send_is_counted_as_lost() {
    let live = live("");
    let tracer = Tracer::start(live.clone()).unwrap();
    tracer.push(vec![span(1), span(1)]);
    tracer.stop(Duration::from_secs(20));
    assert_eq!(lost(&live, "shutdown"), 2);
}
