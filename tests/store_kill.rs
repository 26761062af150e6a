//! What a report has said survives `kill -9`: a writer is killed in the middle of its work, again and again, on one store.
//!
//! The writer is this very program, started with [`WRITE_TO`]: it prints how many pairs are acknowledged (recorded and flushed)
//! and goes on at once. After each kill the report must have every one of them, and at most the batch that was under way more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use matapalo::diff::{Observation, Request, Rules};
use matapalo::evidence::report::{Filter, Report};
use matapalo::evidence::store::{Store, StoreReader};
use matapalo::evidence::{Pair, Recorder};
use matapalo::routing::Origin;

/// Set: write to this store until killed.
const WRITE_TO: &str = "STORE_KILL_WRITE_TO";
const KILLS: u64 = 50;
/// Pairs per flush.
const BATCH: u64 = 40;
const MAX_SIZE: u64 = 8 << 20;

fn main() -> ExitCode {
    if let Some(path) = std::env::var_os(WRITE_TO) {
        write_until_killed(Path::new(&path));
    }
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("m.db");
    let mut before = 0;
    for round in 0..KILLS {
        let acknowledged = killed_after(&store, 1 + round % 7, Duration::from_micros(round * 730 % 9000));
        let stored = compared(&store);
        let wanted = before + acknowledged..=before + acknowledged + BATCH;
        assert!(
            wanted.contains(&stored),
            "round {round}: {stored} stored, {before} before, {acknowledged} acknowledged"
        );
        let sound = StoreReader::open(&store).unwrap().check().unwrap();
        assert!(sound.faults.is_empty(), "round {round}: {:?}", sound.faults);
        before = stored;
    }
    println!("{KILLS} kills, {before} comparisons, none lost");
    ExitCode::SUCCESS
}

/// Starts a writer, waits for so many acknowledgements and a moment more, kills it, and returns what it acknowledged.
fn killed_after(store: &Path, acknowledgements: u64, moment: Duration) -> u64 {
    let program = std::env::current_exe().unwrap();
    let mut writer = Command::new(program).env(WRITE_TO, store).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    for _ in 0..acknowledgements {
        acknowledged = lines.next().expect("the writer goes on until it is killed").unwrap().parse().unwrap();
    }
    // Not a wait for something: the kill is to hit any moment of the next batch.
    std::thread::sleep(moment);
    writer.kill().unwrap();
    writer.wait().unwrap();
    // What it had printed before it died is acknowledged too.
    lines.map_while(Result::ok).filter_map(|line| line.parse().ok()).last().unwrap_or(acknowledged)
}

fn compared(store: &Path) -> u64 {
    let report = Report::read(&StoreReader::open(store).unwrap(), &Filter::at(SystemTime::now())).unwrap();
    report.routes.iter().map(|route| route.compared).sum()
}

fn write_until_killed(store: &Path) -> ! {
    let recorder = Recorder::new(Some(Store::open(store, MAX_SIZE).unwrap()));
    let rules = Arc::new(Rules::default());
    let mut acknowledged = 0;
    loop {
        for n in 0..BATCH {
            recorder.record(pair(n, &rules));
        }
        recorder.flush();
        acknowledged += BATCH;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{acknowledged}").unwrap();
        stdout.flush().unwrap();
    }
}

fn pair(n: u64, rules: &Arc<Rules>) -> Pair {
    let answer = |status| Observation { status, headers: HeaderMap::new(), body: Bytes::from_static(b"{\"n\":1}") };
    let differs = n.is_multiple_of(8);
    Pair {
        route: "rpc".into(),
        stage: "shadow",
        request: Request {
            method: Method::GET,
            scheme: "https",
            host: "aur.example".to_owned(),
            target: format!("/rpc?n={n}"),
            headers: HeaderMap::new(),
        },
        request_body: Bytes::new(),
        authoritative: Origin::Legacy,
        control: answer(StatusCode::OK),
        candidate: answer(if differs { StatusCode::NOT_FOUND } else { StatusCode::OK }),
        control_time: Duration::from_millis(10),
        candidate_time: Duration::from_millis(12),
        at: SystemTime::now(),
        rules: Arc::clone(rules),
        session: n,
    }
}
