//! What `matapalo report --format json` and `/api/v1/status` say.

use serde_json::Value;

use super::{Door, get, matapalo, site::await_that};

/// One route of a report.
#[derive(Debug, Clone)]
pub struct Line(pub Value);

impl Line {
    pub fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_else(|| panic!("no number {name:?} in {}", self.0))
    }

    /// All that proves nothing, whatever the reason.
    pub fn unproven(&self) -> u64 {
        match &self.0["unproven"] {
            Value::Object(reasons) => reasons.values().filter_map(Value::as_u64).sum(),
            other => other.as_u64().unwrap_or_else(|| panic!("no unproven in {}", self.0)),
        }
    }

    pub fn unproven_by(&self, reason: &str) -> u64 {
        self.0["unproven_by_reason"][reason].as_u64().unwrap_or(0)
    }

    /// `kind path` of every difference.
    pub fn differences(&self) -> Vec<String> {
        self.0["differences"].as_array().map_or(Vec::new(), |list| {
            list.iter()
                .map(|one| format!("{} {}", one["kind"].as_str().unwrap_or("?"), one["path"].as_str().unwrap_or("?")))
                .collect()
        })
    }

    /// Whether each mismatch is told by a cause: counts are written a moment before the causes that belong to them.
    fn tells_its_causes(&self) -> bool {
        let causes = self.0["differences"]
            .as_array()
            .map_or(0, |list| list.iter().filter_map(|one| one["count"].as_u64()).sum());
        causes >= self.count("mismatched")
    }

    pub fn verdict(&self) -> &str {
        self.0["verdict"].as_str().unwrap_or_default()
    }
}

impl Door {
    /// The whole report.
    pub fn report(&self) -> Value {
        report_of(&self.config)
    }

    /// One route's line; all zero while the store knows nothing of it.
    pub fn report_on(&self, route: &str) -> Option<Line> {
        line(&self.report(), route)
    }

    /// Waits until everything sampled of a route is accounted for: compared, or unproven.
    pub fn await_accounted(&self, route: &str, sampled: u64) -> Line {
        let mut last = None;
        await_that(&format!("{sampled} requests of {route} accounted for"), || {
            last = self.report_on(route);
            let Some(line) = &last else { return Err("the report does not know the route".to_owned()) };
            let found = line.count("compared") + line.unproven();
            if found == sampled && line.tells_its_causes() { Ok(()) } else { Err(format!("{found} are: {}", line.0)) }
        });
        last.unwrap()
    }

    /// `/api/v1/status`.
    pub fn status(&self) -> Value {
        let answer = get(self.admin, "/api/v1/status");
        assert_eq!(answer.status(), 200, "status: {}", answer.text());
        answer.json()
    }
}

/// The report of a config's store, with the door open or closed.
pub fn report_of(config: &std::path::Path) -> Value {
    let run = matapalo(&["report", "--format", "json", "-c", config.to_str().unwrap()]);
    assert_eq!(run.code, 0, "report: {run}");
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("report is not JSON ({error}): {run}"))
}

pub fn line(report: &Value, route: &str) -> Option<Line> {
    let routes = report["routes"].as_array().unwrap_or_else(|| panic!("no routes in {report}"));
    routes.iter().find(|line| line["route"] == route).cloned().map(Line)
}
