//! `matapalo explain`: which route a request takes and why, and what would be done with it. It asks the very functions that
//! the door asks, on the config file and what is rolled back; an open breaker of a running door is not seen from here.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pingora::http::RequestHeader;
use serde::Serialize;

use super::evidence::rolled_back;
use super::{Exit, Format, print};
use crate::config::consult;
use crate::config::session::{Asker, Decision, Placed, SessionKey};
use crate::config::settings::{Answer, Proxied, Settings};
use crate::live::RolledBack;
use crate::proxy::{Refusal, hear, inspect};
use crate::routing::{Ambiguous, Bucket, Explanation, Origin, Parts, RouteId, Stage};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request's method
    pub method: String,
    /// The request's URL, or its path and query
    pub url: String,
    /// A request header; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The address that connects; if it is a trusted proxy's, its X-Forwarded-For or Forwarded tells the client
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub client: IpAddr,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// The config does not compile, or the request cannot be understood.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let settings = consult(config)?;
    let request = Request::of(args)?;
    let rolled_back = rolled_back(&settings);
    let story = Story::of(&settings, &rolled_back, request)?;
    match args.format {
        Format::Json => print::json(&story)?,
        Format::Text => print::say(&story.text(args))?,
    }
    Ok(Exit::Good)
}

/// The request that is asked about.
#[derive(Debug)]
struct Request {
    method: Method,
    host: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    /// Who connects, and once the door has heard it: whose request it is.
    asker: Asker,
}

impl Request {
    fn of(args: &Args) -> anyhow::Result<Self> {
        let method = Method::from_bytes(args.method.as_bytes())
            .with_context(|| format!("{:?} is no HTTP method", args.method))?;
        let headers = headers(&args.headers)?;
        let (url_host, target) = split_url(&args.url)?;
        let header_host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = header_host.or(url_host).unwrap_or_default().to_owned();
        // A client does not send the fragment.
        let target = target.split('#').next().unwrap_or_default();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Ok(Self { method, host, path: path.to_owned(), query, headers, asker: Asker::Known(args.client) })
    }

    fn parts(&self) -> Parts<'_> {
        Parts {
            method: &self.method,
            host: &self.host,
            path: self.path.as_bytes(),
            query: self.query.as_deref().map(str::as_bytes),
            headers: &self.headers,
        }
    }

    fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Its head, as the door is given it.
    fn head(&self) -> anyhow::Result<RequestHeader> {
        // The door keeps some targets beside what the library can hold; of those nothing is judged here.
        let mut head = RequestHeader::build(self.method.clone(), self.target().as_bytes(), None)
            .or_else(|_| RequestHeader::build(self.method.clone(), b"/", None))?;
        for (name, value) in &self.headers {
            head.append_header(name.clone(), value.clone())?;
        }
        if !self.headers.contains_key(HOST) {
            head.insert_header(HOST, &self.host)?;
        }
        Ok(head)
    }

    /// What the door answers whatever the routes say.
    fn refusal(&self, head: &RequestHeader, settings: &Settings) -> Option<Refusal> {
        let lines = head.headers.iter().map(|(name, value)| name.as_str().len() + ": \r\n".len() + value.len());
        let first = self.method.as_str().len() + self.target().len() + "  HTTP/1.1\r\n\r\n".len();
        inspect(head, first + lines.sum::<usize>(), settings.limits.head).err()
    }

    /// More than the route takes is announced.
    fn is_too_large(&self, proxied: &Proxied) -> bool {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        length.zip(proxied.max_body).is_some_and(|(length, most)| length > most)
    }

    /// RFC 9110, section 7.8.
    fn asks_for_upgrade(&self) -> bool {
        self.headers.contains_key(http::header::UPGRADE)
    }
}

/// Host and target. The target is taken as it is: what a URL library would mend may be what is asked about.
fn split_url(url: &str) -> anyhow::Result<(Option<&str>, &str)> {
    ensure!(
        !url.contains(|found: char| found.is_ascii_control() || found == ' '),
        "{url:?} has a blank in it, want %20"
    );
    // The asterisk asks about the site as a whole (RFC 9110, section 9.3.7).
    if url.starts_with('/') || url == "*" {
        return Ok((None, url));
    }
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        bail!("{url:?} is no request URL: want http://host/path, or a path that begins with /");
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    ensure!(!host.is_empty(), "{url:?} names no host: want http://host/path");
    ensure!(!host.contains('@'), "{url:?} has a user in it, want only the host");
    match target {
        "" => Ok((Some(host), "/")),
        target if target.starts_with('/') => Ok((Some(host), target)),
        _ => bail!("{url:?} has no path before its query: want http://host/?…"),
    }
}

fn headers(written: &[String]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in written {
        let (name, value) =
            line.split_once(':').with_context(|| format!("{line:?} is no header: want \"Name: value\""))?;
        let name: HeaderName = name.trim().parse().with_context(|| format!("{name:?} is no name of a header"))?;
        let value: HeaderValue = value.trim().parse().with_context(|| format!("{value:?} is no value of a header"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// What is told of a request; `--format json` prints it.
#[derive(Debug, Default, Serialize)]
struct Story<'a> {
    /// `None`: the request is refused before one is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    /// The request is refused with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
    /// The door answers itself with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    respond: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxied: Option<Answering<'a>>,
    readings: Vec<ReadingStory<'a>>,
    losers: Vec<LoserStory<'a>>,
}

#[derive(Debug, Serialize)]
struct Refused {
    status: u16,
    why: String,
}

#[derive(Debug, Serialize)]
struct Answering<'a> {
    stage: Stage,
    /// Whatever the stage says.
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back: Option<Rollback>,
    /// Per cent of the sessions that new answers at stage canary.
    weight: f64,
    group: &'a str,
    /// Where the session's key was found.
    key: String,
    bucket: Bucket,
    #[serde(rename = "override")]
    override_to: Option<Origin>,
    authoritative: Part<'a>,
    mirror: Option<Part<'a>>,
    /// What is asked beside the copy, to tell noise from bugs.
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<String>,
    fallback: Option<Part<'a>>,
}

#[derive(Debug, Serialize)]
struct Rollback {
    since: String,
    /// The command.
    ended_by: String,
}

#[derive(Debug, Serialize)]
struct Part<'a> {
    origin: Origin,
    backend: &'a str,
}

#[derive(Debug, Serialize)]
struct ReadingStory<'a> {
    path: String,
    route: &'a str,
}

#[derive(Debug, Serialize)]
struct LoserStory<'a> {
    route: &'a str,
    why: String,
}

/// Names routes; what matches none is the default's.
fn named(settings: &Settings, id: Option<RouteId>) -> &str {
    let id = id.unwrap_or_else(|| settings.default_route());
    settings.route(id).map(|route| &*route.name).unwrap_or_default()
}

impl<'a> Story<'a> {
    fn of(settings: &'a Settings, rolled_back: &RolledBack, mut request: Request) -> anyhow::Result<Self> {
        let mut head = request.head()?;
        if let Some(refusal) = request.refusal(&head, settings) {
            let refused = Refused { status: refusal.status().as_u16(), why: refusal.text().to_owned() };
            return Ok(Self { refused: Some(refused), ..Self::default() });
        }
        request.asker = hear(&mut head, request.asker.address(), settings);
        request.headers.clone_from(&head.headers);
        let parts = request.parts();
        let Explanation { readings, losers, .. } = settings.table.explain(&parts);
        let readings = readings.into_iter();
        let losers = losers.into_iter();
        let mut story = Self {
            readings: readings
                .map(|reading| ReadingStory { path: reading.path, route: named(settings, reading.route) })
                .collect(),
            losers: losers
                .map(|loser| LoserStory { route: named(settings, Some(loser.route)), why: loser.why })
                .collect(),
            ..Self::default()
        };
        let holds = |route| rolled_back.holds(named(settings, Some(route)));
        match settings.decide(&parts, request.asker, request.asks_for_upgrade(), holds) {
            Err(ambiguous) => story.refused = Some(Refused { status: 400, why: refusal(settings, &ambiguous) }),
            Ok(decision) => story.decided(settings, rolled_back, &request, &decision),
        }
        Ok(story)
    }

    fn decided(&mut self, settings: &'a Settings, rolled_back: &RolledBack, request: &Request, decision: &Decision) {
        let Some(route) = settings.route(decision.route) else { return };
        self.route = Some(&*route.name);
        match (&route.answer, &decision.proxied) {
            (Answer::Respond(status), _) => self.respond = Some(status.as_u16()),
            (Answer::Proxy(proxied), Some(_)) if request.is_too_large(proxied) => {
                let refusal = Refusal::BodyTooLarge;
                self.refused = Some(Refused { status: refusal.status().as_u16(), why: refusal.text().to_owned() });
            }
            (Answer::Proxy(proxied), Some(placed)) => {
                let key = settings.session.key(&request.headers, request.asker.address());
                let rollback = rolled_back
                    .since(&route.name)
                    .map(|since| Rollback { since: since.to_owned(), ended_by: rolled_back.ended_by(&route.name) });
                self.proxied = Some(Answering { rolled_back: rollback, ..answering(settings, proxied, placed, &key) });
            }
            (Answer::Proxy(_), None) => {}
        }
    }

    fn text(&self, args: &Args) -> String {
        let mut text = String::new();
        let _ = match (self.route, &self.refused) {
            (Some(route), None) => writeln!(text, "{} {} takes the route {route}", args.method, args.url),
            (route, Some(Refused { status, why })) => {
                let by = route.map(|route| format!(" by the route {route}")).unwrap_or_default();
                writeln!(text, "{} {} is refused{by} with {status}: {why}", args.method, args.url)
            }
            (None, None) => Ok(()),
        };
        if let Some(status) = self.respond {
            let _ = writeln!(text, "  answer    the door itself, with {status}");
        }
        if let Some(proxied) = &self.proxied {
            proxied.text(&mut text);
        }
        // One reading leads where the request goes: that is the plain case, and nothing to tell.
        if self.refused.is_some() || self.readings.len() > 1 {
            for reading in &self.readings {
                let _ = writeln!(text, "  read as   {} → {}", reading.path, reading.route);
            }
        }
        for loser in &self.losers {
            let _ = writeln!(text, "  not       {}: {}", loser.route, loser.why);
        }
        text
    }
}

fn refusal(settings: &Settings, ambiguous: &Ambiguous) -> String {
    match ambiguous {
        Ambiguous::TwoRoutes { raw, other } => {
            let (raw, other) = (named(settings, *raw), named(settings, *other));
            format!("as it stands its path is {raw}'s, but a backend may read it as {other}'s")
        }
        other => other.to_string(),
    }
}

fn answering<'a>(settings: &'a Settings, proxied: &'a Proxied, placed: &Placed, key: &SessionKey<'_>) -> Answering<'a> {
    let part = |origin: Origin| {
        let backend = settings.backends.get(proxied.backend(origin).0);
        Part { origin, backend: backend.map(|backend| &*backend.name).unwrap_or_default() }
    };
    Answering {
        stage: proxied.policy.stage,
        rolled_back: None,
        weight: proxied.policy.weight.percent(),
        group: &proxied.salt,
        key: found_in(settings, key),
        bucket: placed.bucket,
        override_to: placed.override_to,
        authoritative: part(placed.plan.authoritative),
        mirror: placed.plan.mirror.map(part),
        noise: placed.plan.mirror.map(|_| noise_told(proxied)),
        fallback: placed.plan.fallback.map(part),
    }
}

/// What is asked of both origins beside the copy; GET and HEAD only, whatever is copied.
fn noise_told(proxied: &Proxied) -> String {
    let noise = &proxied.noise;
    match (noise.settle, noise.is_off()) {
        (_, true) => "nothing is asked again".to_owned(),
        (true, _) => format!(
            "a mismatched GET is asked again (within {} % of the copies), {} % of all are",
            noise.budget.percent(),
            noise.control.percent()
        ),
        (false, _) => format!("{} % of GET are asked again", noise.control.percent()),
    }
}

/// Where the key is from; the key itself is a secret.
fn found_in(settings: &Settings, key: &SessionKey<'_>) -> String {
    match key {
        SessionKey::Pinned(_) => format!("cookie {}", settings.session.cookie.as_deref().unwrap_or_default()),
        SessionKey::Named(_, source) => source.to_string(),
        SessionKey::Fallback(_) | SessionKey::Pin(_) => "client address".to_owned(),
        SessionKey::Nobody => "none".to_owned(),
    }
}

impl Answering<'_> {
    fn text(&self, text: &mut String) {
        let part = |part: &Option<Part<'_>>| match part {
            Some(part) => part.to_string(),
            None => "nobody".to_owned(),
        };
        let _ = writeln!(text, "  {:<9} {}", "stage", self.stage_told());
        if let Some(Rollback { since, ended_by }) = &self.rolled_back {
            let _ = writeln!(text, "  rollback  in force since {since}, whatever the stage, until `{ended_by}`");
        }
        let lines = [
            (
                "session",
                format!("by {}, bucket {} of {} (salt {})", self.key, self.bucket.index(), Bucket::COUNT, self.group),
            ),
            ("answer", self.authoritative.to_string()),
            ("copy", part(&self.mirror)),
            ("noise", self.noise.clone().unwrap_or_else(|| "nothing is asked again".to_owned())),
            ("fallback", part(&self.fallback)),
        ];
        for (label, told) in lines {
            let _ = writeln!(text, "  {label:<9} {told}");
        }
        if let Some(origin) = self.override_to {
            let _ = writeln!(text, "  override  a tester asks for {origin}");
        }
    }

    fn stage_told(&self) -> String {
        if self.weight == 0.0 {
            self.stage.to_string()
        } else {
            format!("{} (canary.weight {} %)", self.stage, self.weight)
        }
    }
}

impl std::fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.origin)?;
        if self.backend == self.origin.as_str() { Ok(()) } else { write!(f, " (backend {})", self.backend) }
    }
}
