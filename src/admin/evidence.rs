//! What the store says, read on a thread that may wait for the disk. The door's own connection is the writer's alone.

use std::path::PathBuf;
use std::time::SystemTime;

use super::status::Verdicts;
use crate::evidence::report::{self, Filter, Report, ReportError, SampleReport};
use crate::evidence::store::{StoreError, StoreReader};
use crate::live::{Live, facts};

/// The report on one route or all, with the stages and gates that are in force.
///
/// # Errors
/// There is no store, it cannot be read, or it knows no such route.
pub async fn report(live: &Live, route: Option<&str>) -> Result<Report, ReportError> {
    let snapshot = live.snapshot();
    let store = snapshot.settings.store.path.clone();
    let filter = Filter {
        route: route.map(str::to_owned),
        facts: Some(facts(&snapshot.settings, snapshot.rollbacks())),
        ..Filter::at(SystemTime::now())
    };
    let asked = store.clone();
    off_the_loop(store, move || Report::read(&StoreReader::open(&asked)?, &filter)).await
}

/// A stored pair; `None`: there is none of this number, or it had to make room.
///
/// # Errors
/// There is no store, or it cannot be read.
pub async fn sample(live: &Live, id: i64) -> Result<Option<SampleReport>, ReportError> {
    let store = live.snapshot().settings.store.path.clone();
    let asked = store.clone();
    off_the_loop(store, move || Ok(report::sample(&StoreReader::open(&asked)?, id)?)).await
}

/// The verdict on every route that the store knows; none if it cannot be read, which the status says elsewhere.
pub async fn verdicts(live: &Live) -> Verdicts {
    let Ok(report) = report(live, None).await else { return Verdicts::default() };
    report.routes.into_iter().map(|route| (route.route, route.verdict.name().to_owned())).collect()
}

async fn off_the_loop<T: Send + 'static>(
    store: PathBuf,
    read: impl FnOnce() -> Result<T, ReportError> + Send + 'static,
) -> Result<T, ReportError> {
    let done = tokio::task::spawn_blocking(read).await;
    done.unwrap_or_else(|error| Err(StoreError::Other { path: store, why: error.to_string() }.into()))
}
