//! What the recorder counts for looking at the right things first: rules with their examples, statuses and redirect targets, sessions.

use std::borrow::Cow;
use std::hash::Hasher;
use std::sync::Arc;

use http::header::LOCATION;
use siphasher::sip::SipHasher13;
use url::Url;

use super::Recorder;
use crate::diff::rules::Rule;
use crate::diff::{Comparison, Difference, Kind, Observation, Severity, Shown, cause};
use crate::evidence::pair::Pair;
use crate::evidence::store::batch::CauseKey;
use crate::evidence::store::triage::SessionCount;
use crate::evidence::tally::{Exposed, RuleExample, Triage, Window};

/// Bytes of a path; what is longer is told by its beginning.
const LONGEST: usize = 120;

impl Recorder {
    /// Everything of a pair that was compared, whatever came of it.
    pub(super) fn record_triage(&self, pair: &Pair, comparison: &Comparison, at: u64) {
        // `/login;jsessionid=…`: a session in a path.
        let targets = [&pair.control, &pair.candidate]
            .map(|answer| redirect_target(pair, answer).map(|target| self.redactor(pair).text(&target)));
        let exposed = self.exposed(pair, comparison);
        let wanted = self.wanted_examples(pair, comparison, at);
        let examples = if wanted.is_empty() { Vec::new() } else { self.examples(pair, comparison, &wanted) };
        let mut pending = self.shared.pending.lock();
        let triage = &mut pending.tally(&pair.route, pair.stage, at).triage;
        let [legacy, new] = &targets;
        triage.add_answers(
            (pair.control.status.as_u16(), legacy.as_deref()),
            (pair.candidate.status.as_u16(), new.as_deref()),
        );
        exposed.iter().for_each(|exposed| triage.add_exposed(exposed));
        for applied in &comparison.applied {
            triage.add_rule(applied, None, at);
        }
        for (rule, example) in examples {
            triage.add_example(&rule, Some(example), at);
        }
    }

    /// The request, if only one of the two answers it.
    fn exposed(&self, pair: &Pair, comparison: &Comparison) -> Option<Exposed> {
        let difference = comparison.differences.iter().find(|one| matches!(one.kind, Kind::NewOnly | Kind::Lost))?;
        let path = pair.request.target.split(['?', '#']).next().unwrap_or_default();
        let mut path = self.redactor(pair).text(&cause::collapse(path));
        path.truncate(path.floor_char_boundary(LONGEST));
        Some(Exposed {
            kind: difference.kind.name().to_owned(),
            legacy: pair.control.status.as_u16(),
            new: pair.candidate.status.as_u16(),
            request: format!("{} {path}", pair.request.method),
        })
    }

    /// The rules of which the pending counts have no example yet: the newest is at most one write old.
    fn wanted_examples(&self, pair: &Pair, comparison: &Comparison, at: u64) -> Vec<String> {
        let own = comparison.applied.iter().filter(|applied| applied.count > 0).map(|applied| applied.rule.as_str());
        let shown = |hidden: &&crate::diff::Hidden| hidden.control.is_some() || hidden.candidate.is_some();
        let cosmetic = comparison.hidden.iter().filter(shown).map(|hidden| &*hidden.rule);
        let mut rules = own.chain(cosmetic).peekable();
        if rules.peek().is_none() {
            return Vec::new();
        }
        let mut pending = self.shared.pending.lock();
        let triage: &Triage = &pending.tally(&pair.route, pair.stage, at).triage;
        rules.filter(|rule| !triage.has_example(rule)).map(str::to_owned).collect()
    }

    fn examples(&self, pair: &Pair, comparison: &Comparison, wanted: &[String]) -> Vec<(String, String)> {
        let redactor = self.well_read_redactor(pair);
        let own = comparison.applied.iter().map(|one| {
            let values = [&one.control, &one.candidate].map(|value| value.as_deref().map(Cow::Borrowed));
            (one.rule.as_str(), one.path.as_str(), values)
        });
        let cosmetic = comparison.hidden.iter().map(|one| {
            let values = [&one.control, &one.candidate].map(|value| value.as_ref().map(Shown::text));
            (&*one.rule, &*one.example_path, values)
        });
        let examples = own.chain(cosmetic).filter(|(rule, ..)| wanted.iter().any(|wanted| wanted == rule));
        let told = examples.filter_map(|(rule, path, values)| {
            // What a rule about tokens silences are tokens, wherever they stand.
            let is_token = rule == Rule::Csrf.name();
            let [control, candidate] =
                values.map(|value| value.map(|text| if is_token { redactor.mark(&text) } else { text.into_owned() }));
            let cleaned = redactor.difference(&standing_at(path.to_owned(), control, candidate));
            let Difference { path, control, candidate, .. } = cleaned;
            Some((rule.to_owned(), serde_json::to_string(&RuleExample { path, control, candidate }).ok()?))
        });
        told.collect()
    }

    /// Counts the session of a compared pair, and what it means for the causes that it has shown.
    pub(super) fn record_session(&self, pair: &Pair, shown: &[Arc<str>], at: u64) {
        let session = self.session_hash(pair.session);
        let seen = self.shared.sessions.lock().note(&pair.route, session, shown);
        let mut pending = self.shared.pending.lock();
        let hour = Window::minute_of(at).widened(Window::HOUR);
        pending.triage.route_sessions.entry((Arc::clone(&pair.route), hour)).or_default().add(session);
        for seen in seen {
            let key = CauseKey { route: Arc::clone(&pair.route), fingerprint: seen.fingerprint };
            let count = SessionCount { mismatched: u64::from(seen.mismatched), compared: 1, last_seen: at };
            pending.triage.sessions.entry((key, session)).or_default().add(count);
        }
    }

    /// Under this run's key: nobody can try addresses or cookies against what is stored. 63 bits, as the store's numbers have.
    fn session_hash(&self, session: u64) -> u64 {
        let mut hash = SipHasher13::new_with_key(&self.key.0);
        hash.write_u64(session);
        hash.finish() >> 1
    }

    /// Tells the pending counts and the sessions what was learned about places.
    pub(super) fn spread_learned(&self) {
        let (learned, merges) = self.shared.admission.lock().take_learned();
        if learned.is_empty() && merges.is_empty() {
            return;
        }
        let mut sessions = self.shared.sessions.lock();
        for merge in &merges {
            sessions.rename(&merge.from, &merge.to);
        }
        drop(sessions);
        let mut pending = self.shared.pending.lock();
        pending.triage.learned.extend(learned);
        merges.into_iter().for_each(|merge| pending.merge_causes(merge));
    }
}

fn standing_at(path: String, control: Option<String>, candidate: Option<String>) -> Difference {
    Difference { kind: Kind::Value, path, control, candidate, severity: Severity::Low, rule: None, cause: None }
}

/// Where a redirect leads: ids collapsed, no query; with the host if it is not the one that was asked.
fn redirect_target(pair: &Pair, answer: &Observation) -> Option<String> {
    if !answer.status.is_redirection() {
        return None;
    }
    let location = String::from_utf8_lossy(answer.headers.get(LOCATION)?.as_bytes()).into_owned();
    let request = &pair.request;
    let base = Url::parse(&format!("{}://{}{}", request.scheme, request.host, request.target)).ok();
    let Some(target) = base.as_ref().and_then(|base| base.join(location.trim()).ok()) else {
        return Some("(unreadable)".to_owned());
    };
    let path = cause::collapse(target.path());
    let is_own = base.as_ref().is_some_and(|base| base.host_str() == target.host_str());
    let mut told = if is_own { path } else { format!("{}{path}", target.host_str().unwrap_or("(no host)")) };
    told.truncate(told.floor_char_boundary(LONGEST));
    Some(told)
}
