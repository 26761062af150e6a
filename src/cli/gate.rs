//! `matapalo gate`: the verdict as an exit code, for a pipeline that flips a route only when it is ready.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::evidence::StoreTarget;
use super::{Exit, Format, print};
use crate::evidence::readiness::{GateSpec, Verdict, parse_window};
use crate::evidence::report::{Filter, Report, RouteReport};
use crate::evidence::store::StoreReader;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The routes to judge
    #[arg(required = true, value_name = "ROUTE")]
    pub routes: Vec<String>,
    /// Compared requests a route must have at least
    #[arg(long, value_name = "N")]
    pub min_requests: Option<u64>,
    /// Per cent of mismatches that is borne
    #[arg(long, value_name = "PERCENT")]
    pub max_mismatch: Option<f64>,
    /// How sure the verdict must be, between 0 and 1
    #[arg(long, value_name = "C")]
    pub confidence: Option<f64>,
    /// Judge the last stretch of time, such as 1h [default: the window of the route's gate, 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_window)]
    pub since: Option<Duration>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub store: StoreTarget,
}

/// The verdict on one route.
#[derive(Debug, Serialize)]
struct Judged {
    route: String,
    stage: String,
    verdict: Verdict,
    reasons: Vec<String>,
    compared: u64,
    mismatched: u64,
    unproven: u64,
    mismatch_upper_percent: Option<f64>,
}

impl From<RouteReport> for Judged {
    fn from(report: RouteReport) -> Self {
        Self {
            route: report.route,
            stage: report.stage,
            verdict: report.verdict,
            reasons: report.reasons,
            compared: report.compared,
            mismatched: report.mismatched,
            unproven: report.unproven,
            mismatch_upper_percent: report.mismatch_upper_percent,
        }
    }
}

/// # Errors
/// The store or the config cannot be read.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let evidence = args.store.evidence(config)?;
    let reader = StoreReader::open(&evidence.store)?;
    let gate = GateSpec {
        min_requests: args.min_requests,
        max_mismatch: args.max_mismatch,
        confidence: args.confidence,
        ..GateSpec::default()
    };
    let mut filter = Filter { since: args.since, gate, ..evidence.filter() };
    let mut judged = Vec::new();
    for route in &args.routes {
        filter.route = Some(route.clone());
        // One unknown route is trouble, whatever the others are.
        judged.extend(Report::read(&reader, &filter)?.routes.into_iter().map(Judged::from));
    }
    match args.format {
        Format::Text => print::say(&told(&judged))?,
        Format::Json => print::json(&serde_json::json!({ "routes": judged }))?,
    }
    Ok(exit(judged.iter().map(|route| route.verdict)))
}

fn told(judged: &[Judged]) -> String {
    let lines = judged.iter().map(|route| {
        format!("{} ({}): {}. {}\n", route.route, route.stage, route.verdict.name(), route.reasons.join(" "))
    });
    lines.collect()
}

/// The worst verdict decides: not yet, then inconclusive, then ready.
fn exit(verdicts: impl Iterator<Item = Verdict> + Clone) -> Exit {
    let any = |wanted| verdicts.clone().any(|verdict| verdict == wanted);
    if any(Verdict::NotYet) {
        Exit::No
    } else if any(Verdict::Inconclusive) {
        Exit::Inconclusive
    } else {
        Exit::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_decides() {
        use Verdict::{Inconclusive, NotYet, Ready};
        for (verdicts, wanted) in [
            (vec![Ready, Ready], Exit::Good),
            (vec![Ready, Inconclusive], Exit::Inconclusive),
            (vec![Inconclusive, NotYet, Ready], Exit::No),
        ] {
            assert_eq!(exit(verdicts.into_iter()), wanted);
        }
    }
}
