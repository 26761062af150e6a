#![allow(clippy::unwrap_used, clippy::panic)]
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use pingora::http::RequestHeader;

use super::{Mirror, MirrorJob, RouteRef};
use crate::config;
use crate::diff::{Observation, Request};
use crate::evidence::{Recorder, Unproven};
use crate::live::{Live, Meters};
use crate::routing::{Origin, RouteId};
use crate::upstream::{Announcement, Backends};

/// Longer than any of these copies takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A route at stage shadow whose copies go to an origin of the test's.
struct Scene {
    live: Live,
    recorder: Arc<Recorder>,
}

impl Scene {
    fn new(origin: SocketAddr, mirror: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("matapalo.yaml");
        let text = format!(
            "version: 1\nlisteners: [{{address: \"127.0.0.1:1\"}}]\nadmin: {{address: \"127.0.0.1:2\"}}\nbackends:\n  \
             legacy: {{endpoints: [\"http://127.0.0.1:3\"]}}\n  new: {{endpoints: [\"http://{origin}\"]}}\nroutes:\n  \
             - {{name: page, match: {{path: {{prefix: /}}}}, stage: shadow, mirror: {mirror}}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let settings = config::load(&file).unwrap();
        let recorder = Arc::new(Recorder::new(None));
        let meters = Arc::new(Meters::new().unwrap());
        let live = Live::start(settings, Arc::new(Backends::default()), meters, recorder.clone());
        Self { live, recorder }
    }

    fn mirror(&self, memory: usize) -> Mirror {
        Mirror::start(self.recorder.clone(), memory).unwrap()
    }

    fn job(&self, answer: &'static [u8]) -> MirrorJob {
        let mut head = RequestHeader::build("GET", b"/a?b=1", None).unwrap();
        head.append_header("host", "site.example").unwrap();
        MirrorJob {
            route: RouteRef { snapshot: self.live.snapshot(), route: RouteId(0) },
            to: Origin::New,
            request: Request {
                method: Method::GET,
                scheme: "http",
                host: "site.example".into(),
                target: "/a?b=1".into(),
                headers: HeaderMap::new(),
            },
            head: Box::new(head),
            target: None,
            body: Bytes::new(),
            answer: Observation { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from_static(answer) },
            answer_time: Duration::from_millis(1),
            session: 1,
            at: SystemTime::now(),
            done: Instant::now(),
            trace: None,
            announcement: Announcement::of_nobody(),
        }
    }

    /// (compared, dropped)
    fn counts(&self) -> (u64, u64) {
        let snapshot = self.live.snapshot();
        let meters = snapshot.meters(RouteId(0)).unwrap();
        (meters.total_compared(), meters.total_dropped())
    }

    fn dropped(&self, reason: Unproven) -> u64 {
        let text = String::from_utf8(self.live.metrics().unwrap()).unwrap();
        let label = format!("reason=\"{}\"", reason.name());
        let line = text.lines().find(|line| line.starts_with("matapalo_mirror_dropped_total") && line.contains(&label));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |count| count.parse::<f64>().unwrap() as u64)
    }
}

/// Answers every request with `answer`, and tells what it was asked. With `None` it takes requests and stays silent.
fn origin(answer: Option<&'static [u8]>) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, asked) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(answer) = answer else {
                held.push(stream);
                // Whoever waits for this knows that a copy is under way.
                let _ = tell.send(String::new());
                continue;
            };
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut seen = Vec::new();
                let mut piece = [0; 1024];
                while let Ok(read @ 1..) = stream.read(&mut piece) {
                    seen.extend_from_slice(&piece[..read]);
                    if seen.ends_with(b"\r\n\r\n") {
                        let _ = tell.send(String::from_utf8_lossy(&std::mem::take(&mut seen)).into_owned());
                        if stream.write_all(answer).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    (address, asked)
}

#[test]
fn a_copy_is_marked_sent_as_it_was_asked_and_compared() {
    let (address, asked) = origin(Some(ANSWER));
    let scene = Scene::new(address, "{percent: 100}");
    let mirror = scene.mirror(1 << 20);
    _ = mirror.offer(scene.job(b"ok"));
    mirror.stop(PATIENCE);
    let copy = asked.recv().unwrap().to_ascii_lowercase();
    assert!(copy.starts_with("get /a?b=1 http/1.1\r\n"), "{copy}");
    assert!(copy.contains("host: site.example\r\n") && copy.contains("x-matapalo-mirror: 1\r\n"), "{copy}");
    assert_eq!(scene.counts(), (1, 0));
}

#[test]
fn a_silent_backend_costs_its_own_copies_and_every_one_is_accounted_for() {
    let (address, _asked) = origin(None);
    let scene = Scene::new(address, "{timeout: 100ms, max_in_flight: 2}");
    let mirror = scene.mirror(1 << 20);
    (0..20).for_each(|_| _ = mirror.offer(scene.job(b"ok")));
    mirror.stop(PATIENCE);
    assert_eq!(scene.counts(), (0, 20));
    let (late, waited) = (scene.dropped(Unproven::Timeout), scene.dropped(Unproven::InFlight));
    assert_eq!(late + waited, 20);
    assert!(late >= 2 && waited >= 1, "{late} timed out, {waited} waited too long");
}

#[test]
fn nobody_home_is_counted_as_such() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let scene = Scene::new(address, "{percent: 100}");
    let mirror = scene.mirror(1 << 20);
    (0..3).for_each(|_| _ = mirror.offer(scene.job(b"ok")));
    mirror.stop(PATIENCE);
    assert_eq!((scene.counts(), scene.dropped(Unproven::ConnectError)), ((0, 3), 3));
}

#[test]
fn garbage_is_no_answer() {
    let (address, _asked) = origin(Some(b"SSH-2.0-OpenSSH_9\r\n"));
    let scene = Scene::new(address, "{timeout: 2s}");
    let mirror = scene.mirror(1 << 20);
    _ = mirror.offer(scene.job(b"ok"));
    mirror.stop(PATIENCE);
    assert_eq!((scene.counts(), scene.dropped(Unproven::BrokenResponse)), ((0, 1), 1));
}

#[test]
fn an_answer_over_max_body_proves_nothing() {
    let (address, _asked) = origin(Some(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n0123456789"));
    let scene = Scene::new(address, "{max_body: 4B, timeout: 2s}");
    let mirror = scene.mirror(1 << 20);
    _ = mirror.offer(scene.job(b"ok"));
    mirror.stop(PATIENCE);
    assert_eq!((scene.counts(), scene.dropped(Unproven::ResponseTooLarge)), ((0, 1), 1));
}

/// Not a byte of it is waited for.
#[test]
fn an_answer_that_announces_too_much_is_not_read() {
    let (address, _asked) = origin(Some(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"));
    let scene = Scene::new(address, "{max_body: 4B, timeout: 2s}");
    let mirror = scene.mirror(1 << 20);
    _ = mirror.offer(scene.job(b"ok"));
    mirror.stop(PATIENCE);
    assert_eq!((scene.counts(), scene.dropped(Unproven::ResponseTooLarge)), ((0, 1), 1));
}

#[test]
fn what_exceeds_the_budget_is_dropped_at_once() {
    let (address, _asked) = origin(Some(ANSWER));
    let scene = Scene::new(address, "{percent: 100}");
    let mirror = scene.mirror(scene.job(b"ok").size());
    _ = mirror.offer(scene.job(b"ok"));
    _ = mirror.offer(scene.job(b"ok and more"));
    mirror.stop(PATIENCE);
    assert_eq!((scene.counts(), scene.dropped(Unproven::QueueFull)), ((1, 1), 1));
}

/// Or a client could fill the memory with heads while copies wait.
#[test]
fn heads_count_as_bodies_do() {
    let (address, _asked) = origin(Some(ANSWER));
    let scene = Scene::new(address, "{percent: 100}");
    let (usual, mut large) = (scene.job(b"ok"), scene.job(b"ok"));
    for _ in 0..5_000 {
        large.head.append_header("a", "b").unwrap();
        large.request.headers.append("a", "b".parse().unwrap());
    }
    assert!(usual.size() < 2_048, "{}", usual.size());
    assert!(large.size() > 5_000 * 3 * 100, "{}", large.size());
    let mirror = scene.mirror(large.size() - 1);
    _ = mirror.offer(usual);
    _ = mirror.offer(large);
    mirror.stop(PATIENCE);
    assert_eq!((scene.counts(), scene.dropped(Unproven::QueueFull)), ((1, 1), 1));
}

#[test]
fn what_is_under_way_when_the_door_stops_is_counted_and_nothing_is_taken_in_after() {
    let (address, asked) = origin(None);
    let scene = Scene::new(address, "{timeout: 60s, max_in_flight: 1}");
    let mirror = scene.mirror(1 << 20);
    (0..3).for_each(|_| _ = mirror.offer(scene.job(b"ok")));
    asked.recv_timeout(PATIENCE).unwrap();
    mirror.stop(Duration::ZERO);
    assert_eq!((scene.counts(), scene.dropped(Unproven::Shutdown)), ((0, 3), 3));
}

/// A thread may wait for them at that moment.
#[test]
fn who_has_no_patience_counts_what_another_one_waits_for() {
    let (address, asked) = origin(None);
    let scene = Scene::new(address, "{timeout: 60s, max_in_flight: 1}");
    let mirror = scene.mirror(1 << 20);
    (0..3).for_each(|_| _ = mirror.offer(scene.job(b"ok")));
    asked.recv_timeout(PATIENCE).unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| mirror.stop(PATIENCE));
        while mirror.running.try_lock().is_some() {
            assert!(start.elapsed() < PATIENCE, "nobody waits");
            std::thread::yield_now();
        }
        mirror.stop_now(Duration::from_secs(2));
        assert_eq!((scene.counts(), scene.dropped(Unproven::Shutdown)), ((0, 3), 3));
    });
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
}

/// The thread that compares stands behind every other one: on a busy machine it may not come to count what it was given.
#[test]
fn what_waits_behind_a_comparison_that_takes_long_is_counted_when_the_door_stops() {
    const WAITING: u64 = 200;
    let (address, asked) = origin(Some(ANSWER));
    let scene = Scene::new(address, "{timeout: 60s}");
    let mirror = scene.mirror(64 << 20);
    std::thread::scope(|scope| {
        let (enter, entered) = channel();
        let scene = &scene;
        scope.spawn(move || {
            // Each comparison asks for the route's ledger before it is counted: so the first one takes until this lets go.
            scene.recorder.ledger(&"page".into(), |_, _| {
                enter.send(()).unwrap();
                let start = Instant::now();
                while scene.counts().1 < WAITING && start.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        });
        entered.recv_timeout(PATIENCE).unwrap();
        (0..=WAITING).for_each(|_| _ = mirror.offer(scene.job(b"ok")));
        (0..=WAITING).for_each(|_| _ = asked.recv_timeout(PATIENCE).unwrap());
        mirror.stop(Duration::ZERO);
        let (compared, dropped) = scene.counts();
        assert_eq!(compared + dropped, WAITING + 1, "{compared} compared, {dropped} dropped");
        assert!(dropped >= WAITING, "{compared} compared, {dropped} dropped");
    });
}
