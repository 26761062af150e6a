//! What the store says, read on a thread that may wait for the disk. The door's own connection is the writer's alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;

use super::status::Verdicts;
use crate::evidence::Verdict;
use crate::evidence::report::{self, Filter, Report, ReportError, SampleReport};
use crate::evidence::store::{StoreError, StoreReader};
use crate::live::{Live, ProxiedRoute, Snapshot, facts};

/// How old a verdict of the status and the metric may be. Evidence is written once in so long anyway.
const VERDICTS_HOLD: Duration = Duration::from_secs(1);

/// The one that this door writes. Another one in the config waits for a restart.
fn store_of(live: &Live) -> PathBuf {
    live.recorder().health().path.unwrap_or_else(|| live.snapshot().settings.store.path.clone())
}

/// The report on one route or all, with the stages and gates that are in force.
///
/// # Errors
/// There is no store, it cannot be read, or it knows no such route.
pub async fn report(live: &Live, route: Option<&str>) -> Result<Report, ReportError> {
    let snapshot = live.snapshot();
    let store = store_of(live);
    let health = live.recorder().health();
    let filter = Filter {
        route: route.map(str::to_owned),
        facts: Some(facts(&snapshot.settings, snapshot.rollbacks())),
        unwritten: report::unwritten(health.error().as_deref(), health.behind.as_deref()),
        ..Filter::at(SystemTime::now())
    };
    let asked = store.clone();
    let read = off_the_loop(store, move || Report::read(&StoreReader::open(&asked)?, &filter)).await;
    if read.is_ok() && route.is_none() {
        live.recorder().was_read();
    }
    read.map_err(|error| match error {
        ReportError::Store(error) => live.recorder().unreadable(error).into(),
        other => other,
    })
}

/// A stored pair; `None`: there is none of this number, or it had to make room.
///
/// # Errors
/// There is no store, or it cannot be read.
pub async fn sample(live: &Live, id: i64) -> Result<Option<SampleReport>, ReportError> {
    let store = store_of(live);
    let asked = store.clone();
    off_the_loop(store, move || Ok(report::sample(&StoreReader::open(&asked)?, id)?)).await
}

/// The verdicts as they were last read: who asks ten times a second costs the store no more than who asks once. One reads at a
/// time, and those who ask meanwhile get what it brings.
#[derive(Debug, Default)]
pub struct LastVerdicts(Mutex<Option<Reading>>);

#[derive(Debug)]
struct Reading {
    at: Instant,
    /// What was in force: a change of stage or gate asks for another reading.
    under: Arc<Snapshot>,
    verdicts: Verdicts,
}

impl LastVerdicts {
    /// The verdict on every route that the store knows, not older than [`VERDICTS_HOLD`]; none if there is no store yet. While it
    /// cannot be read no route is ready.
    pub async fn of(&self, live: &Live) -> Verdicts {
        let mut last = self.0.lock().await;
        let snapshot = live.snapshot();
        let holds = |reading: &&Reading| Arc::ptr_eq(&reading.under, &snapshot) && reading.at.elapsed() < VERDICTS_HOLD;
        if let Some(reading) = last.as_ref().filter(holds) {
            return reading.verdicts.clone();
        }
        let at = Instant::now();
        let verdicts = verdicts(live).await;
        *last = Some(Reading { at, under: snapshot, verdicts: verdicts.clone() });
        verdicts
    }
}

async fn verdicts(live: &Live) -> Verdicts {
    match report(live, None).await {
        Ok(report) => report.routes.into_iter().map(|route| (route.route, route.verdict.name().to_owned())).collect(),
        Err(ReportError::Store(StoreError::Missing { .. })) => Verdicts::default(),
        Err(_) => {
            let snapshot = live.snapshot();
            let proxied = snapshot.routes().filter(|(_, route)| route.proxied().is_some());
            proxied.map(|(_, route)| (route.name.to_string(), Verdict::NotYet.name().to_owned())).collect()
        }
    }
}

async fn off_the_loop<T: Send + 'static>(
    store: PathBuf,
    read: impl FnOnce() -> Result<T, ReportError> + Send + 'static,
) -> Result<T, ReportError> {
    let done = tokio::task::spawn_blocking(read).await;
    done.unwrap_or_else(|error| Err(StoreError::Other { path: store, why: error.to_string() }.into()))
}
