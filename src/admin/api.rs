//! What the window answers: one `match` over the resources, each a few lines.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes};
use serde::{Deserialize, Serialize};

use super::answer::{self, Answer};
use super::guard::{Guard, Peer, Wish};
use super::status::Status;
use super::{Shown, dashboard, evidence, readiness};
use crate::evidence::report::ReportError;
use crate::evidence::store::StoreError;
use crate::live::{NotKept, RollbackError, RolledBack, Target};

/// A rollback names one route; nothing that is sent here is longer.
const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub struct Api {
    guard: Guard,
    shown: Shown,
    verdicts: evidence::LastVerdicts,
}

/// The resources, each with the methods it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource<'a> {
    Dashboard,
    Alive,
    Ready,
    Metrics,
    Status,
    Report(Option<&'a str>),
    Sample(&'a str),
    Reload,
    Rollback,
    Resume,
}

impl<'a> Resource<'a> {
    fn at(path: &'a str) -> Option<Self> {
        Some(match path {
            "/" => Self::Dashboard,
            "/healthz" => Self::Alive,
            "/readyz" => Self::Ready,
            "/metrics" => Self::Metrics,
            "/api/v1/status" => Self::Status,
            "/api/v1/report" => Self::Report(None),
            "/api/v1/reload" => Self::Reload,
            "/api/v1/rollback" => Self::Rollback,
            "/api/v1/resume" => Self::Resume,
            _ => {
                let named = |prefix| path.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
                match (named("/api/v1/report/"), named("/api/v1/samples/")) {
                    (Some(route), _) => Self::Report(Some(route)),
                    (_, Some(id)) => Self::Sample(id),
                    _ => return None,
                }
            }
        })
    }

    fn wish(self) -> Wish {
        match self {
            Self::Alive | Self::Ready => Wish::Health,
            Self::Reload | Self::Rollback | Self::Resume => Wish::Change,
            _ => Wish::Read,
        }
    }

    fn allow(self) -> &'static str {
        if self.wish() == Wish::Change { "POST" } else { "GET, HEAD" }
    }

    fn answers(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// The body of a rollback and of a resume. A key that is not known is refused: a misspelt `route` would mean all of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    route: Option<String>,
}

impl From<Which> for Target {
    fn from(which: Which) -> Self {
        which.route.map_or(Self::All, Self::Route)
    }
}

/// The answer to a rollback and to a resume.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rolled {
    pub rollbacks: RolledBack,
    /// Whether a restart of the door will know of it.
    pub kept: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The answer to a reload that took effect.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reloaded {
    pub generation: u64,
    pub hash: String,
    pub restart_needed: Vec<String>,
    /// Why certificates of the config before are still in force, where they could not be read anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
}

/// The answer to a reload that was refused.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refused {
    pub error: String,
    pub detail: String,
    pub errors: Vec<String>,
    /// Still in force.
    pub generation: u64,
    pub hash: String,
}

impl Api {
    pub fn new(guard: Guard, shown: Shown) -> Self {
        Self { guard, shown, verdicts: evidence::LastVerdicts::default() }
    }

    pub async fn answer<B>(&self, peer: Peer, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        // Who may not read is not told what there is.
        let wish = Resource::at(&path).map_or(Wish::Read, Resource::wish);
        if let Err(refused) = self.guard.admit(peer, &parts, wish) {
            return *refused;
        }
        let Some(resource) = Resource::at(&path) else {
            return answer::not_found(format_args!("there is no {path}; see /api/v1/status, /api/v1/report, /metrics"));
        };
        if !resource.answers(&parts.method) {
            return answer::method_not_allowed(resource.allow());
        }
        if wish != Wish::Change {
            return self.read(resource).await;
        }
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            // Passed over, a route that is named there would be all of them.
            let detail = "what is to be done is said in the body, `{\"route\": \"NAME\"}`, and nothing behind a `?`";
            return answer::problem(StatusCode::BAD_REQUEST, "bad_request", detail);
        }
        match sent(body).await {
            Ok(body) => self.change(resource, &body).await,
            Err(refused) => *refused,
        }
    }

    async fn read(&self, resource: Resource<'_>) -> Answer {
        match resource {
            Resource::Alive => answer::text(StatusCode::OK, "ok\n"),
            Resource::Ready => self.ready(),
            Resource::Metrics => self.metrics().await,
            Resource::Status => answer::json(StatusCode::OK, &self.status().await),
            Resource::Dashboard => answer::page(dashboard::page(&self.status().await)),
            Resource::Report(route) => self.report(route).await,
            Resource::Sample(id) => self.sample(id).await,
            Resource::Reload | Resource::Rollback | Resource::Resume => answer::method_not_allowed("POST"),
        }
    }

    async fn change(&self, resource: Resource<'_>, body: &[u8]) -> Answer {
        if resource == Resource::Reload {
            return self.reload().await;
        }
        let target = match which(body) {
            Ok(which) => Target::from(which),
            Err(error) => {
                let detail = format!("want `{{\"route\": \"NAME\"}}`, or no body for every route: {error}");
                return answer::problem(StatusCode::BAD_REQUEST, "bad_request", detail);
            }
        };
        self.roll(resource, target).await
    }

    fn ready(&self) -> Answer {
        let readiness = &self.shown.readiness;
        let status = if readiness.is_open() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        answer::text(status, format!("{}\n", readiness.word()))
    }

    async fn metrics(&self) -> Answer {
        // First: it may find that the store is damaged, which the others are to tell.
        let verdicts = self.verdicts.of(&self.shown.live).await;
        match self.shown.live.metrics() {
            Ok(mut text) => {
                text.extend(readiness::exposition(&verdicts).into_bytes());
                answer::metrics(text)
            }
            Err(error) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", error),
        }
    }

    async fn status(&self) -> Status {
        Status::of(&self.shown, &self.verdicts.of(&self.shown.live).await)
    }

    async fn report(&self, route: Option<&str>) -> Answer {
        match evidence::report(&self.shown.live, route).await {
            Ok(report) => answer::json(StatusCode::OK, &report),
            Err(error) => unread(&error),
        }
    }

    async fn sample(&self, id: &str) -> Answer {
        let missing = || answer::not_found(format_args!("there is no sample {id}; a full store drops the oldest"));
        let Ok(number) = id.parse() else { return missing() };
        match evidence::sample(&self.shown.live, number).await {
            Ok(Some(sample)) => answer::json(StatusCode::OK, &sample),
            Ok(None) => missing(),
            Err(error) => unread(&error),
        }
    }

    async fn reload(&self) -> Answer {
        let result = self.shown.reloader.reload_now().await;
        let snapshot = self.shown.live.snapshot();
        let hash = snapshot.settings.hash.clone();
        match result {
            Ok(generation) => {
                let restart_needed = self.shown.live.last_reload().restart_needed;
                let kept = snapshot.settings.kept.clone();
                answer::json(StatusCode::OK, &Reloaded { generation, hash, restart_needed, kept })
            }
            Err(errors) => {
                let detail = format!(
                    "{} in the config; generation {} stays in force",
                    mistakes(errors.len()),
                    snapshot.generation
                );
                let error = "config_refused".to_owned();
                let refused = Refused { error, detail, errors, generation: snapshot.generation, hash };
                answer::json(StatusCode::UNPROCESSABLE_ENTITY, &refused)
            }
        }
    }

    /// On a thread that may wait for the disk; in force before that.
    async fn roll(&self, resource: Resource<'_>, target: Target) -> Answer {
        let live = self.shown.live.clone();
        let back = resource == Resource::Rollback;
        let rolled = tokio::task::spawn_blocking(move || {
            let result = if back { live.roll_back(&target) } else { live.resume(&target) };
            tell(back, &target, &result);
            result.map(|not_kept| (not_kept, live.snapshot().rollbacks().clone()))
        });
        match rolled.await {
            Ok(Ok((not_kept, rollbacks))) => {
                let kept = not_kept.is_none();
                let detail = not_kept.map(|problem| problem.to_string());
                answer::json(StatusCode::OK, &Rolled { rollbacks, kept, detail })
            }
            Ok(Err(error @ RollbackError::UnknownRoute { .. })) => answer::not_found(error),
            Ok(Err(error @ RollbackError::NotRolledBack { .. })) => {
                answer::problem(StatusCode::CONFLICT, "not_rolled_back", error)
            }
            Err(error) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", error),
        }
    }
}

/// Evidence that cannot be had: the route is not known, there is no store yet, or it is broken.
fn unread(error: &ReportError) -> Answer {
    match error {
        ReportError::UnknownRoute { .. } | ReportError::Store(StoreError::Missing { .. }) => answer::not_found(error),
        ReportError::Store(_) | ReportError::Gate(_) => {
            answer::problem(StatusCode::SERVICE_UNAVAILABLE, "store_unreadable", error)
        }
    }
}

fn mistakes(count: usize) -> String {
    if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") }
}

fn tell(back: bool, target: &Target, result: &Result<Option<NotKept>, RollbackError>) {
    let what = if back { "rolled back" } else { "resumed" };
    match (target, result) {
        (_, Err(_)) => return,
        (Target::All, Ok(_)) => tracing::warn!("every route {what}"),
        (Target::Route(name), Ok(_)) => tracing::warn!("route {name:?} {what}"),
    }
    if let Ok(Some(not_kept)) = result {
        tracing::error!("{not_kept}");
    }
}

fn which(body: &[u8]) -> Result<Which, serde_json::Error> {
    if body.trim_ascii().is_empty() { Ok(Which::default()) } else { serde_json::from_slice(body) }
}

/// The request's body, if it is short enough.
async fn sent<B>(body: B) -> Result<Bytes, Box<Answer>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("the body is longer than {MAX_BODY_BYTES} bytes");
            return Err(Box::new(answer::problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)));
        }
        Err(error) => {
            let detail = format!("the body broke off: {error}");
            return Err(Box::new(answer::problem(StatusCode::BAD_REQUEST, "bad_request", detail)));
        }
    };
    Ok(body)
}
