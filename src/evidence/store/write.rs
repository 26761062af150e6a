//! Puts a batch into the file: one transaction, all of it or nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, named_params, params};

use super::batch::{Batch, CauseKey, CauseSeen, NewSample, Reload, TallyKey};
use super::{Store, StoreError, fields, shrink, triage};
use crate::evidence::fact::RouteFact;
use crate::evidence::tally::{Sketch, Tally, Window};
use crate::evidence::time::millis;

/// The families of `named_count`.
pub const UNPROVEN: &str = "unproven";
pub const HIDDEN: &str = "hidden";
pub const FIELD: &str = "field";

/// Under which name `loss` counts samples without room.
pub const SAMPLES_DROPPED: &str = "samples_dropped";
/// Under which name it says when counts were lost last, milliseconds since 1970.
pub const COUNTS_LOST_UNTIL: &str = "counts_lost_until";

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Samples that found no room in the file.
    pub samples_dropped: u64,
}

impl Store {
    /// Writes a batch. When it returns, the counts outlive the process.
    ///
    /// # Errors
    /// Full, or held by another program; the file is then as it was before.
    pub fn write(&mut self, batch: &Batch) -> Result<Written, StoreError> {
        let written = write(&mut self.connection, batch, self.budget.file).map_err(|error| self.error(&error))?;
        if self.wal_size() > self.budget.wal {
            self.checkpoint();
        }
        self.note_loss();
        Ok(written)
    }

    /// What a door before this one could not write is lost: the verdicts of its time are to know that.
    pub(super) fn note_loss(&mut self) {
        if self.loss && add_latest(&self.connection, COUNTS_LOST_UNTIL, millis(SystemTime::now())).is_ok() {
            self.loss = false;
            self.lock.mark(None);
        }
    }

    /// Brings the log into the file and empties it. A reader may be in the way; then the next one does it.
    pub(super) fn checkpoint(&self) {
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

fn write(connection: &mut Connection, batch: &Batch, file_budget: u64) -> rusqlite::Result<Written> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut routes = Routes { connection: &transaction, known: HashMap::new() };
    for reload in &batch.reloads {
        write_reload(&mut routes, reload)?;
    }
    for (TallyKey { route, stage, window }, tally) in &batch.tallies {
        let route = routes.id(route)?;
        add_tally(&transaction, &TallyRow { route, stage, window: *window }, tally)?;
    }
    let mut causes = HashMap::new();
    for (key, seen) in &batch.causes {
        let route = routes.id(&key.route)?;
        causes.insert(key.clone(), add_cause(&transaction, route, key, seen)?);
    }
    triage::write(&transaction, &batch.triage, |route| routes.id(route))?;
    let mut written = Written::default();
    let incoming = batch.sample_bytes as u64;
    let room = shrink::make_room(&transaction, file_budget, incoming)?;
    // The newest first: if there is no room for all, the old ones go.
    let mut left = room;
    for sample in batch.samples.iter().rev() {
        let bytes = sample.content.len() as u64;
        if bytes > left {
            written.samples_dropped += 1;
            continue;
        }
        left -= bytes;
        add_sample(&mut routes, sample, &causes)?;
    }
    add_loss(&transaction, SAMPLES_DROPPED, batch.samples_dropped + written.samples_dropped)?;
    transaction.commit()?;
    Ok(written)
}

/// Which row of `tally` and `named_count`.
pub struct TallyRow<'a> {
    pub route: i64,
    pub stage: &'a str,
    pub window: Window,
}

pub fn add_tally(connection: &Connection, row: &TallyRow<'_>, tally: &Tally) -> rusqlite::Result<()> {
    let TallyRow { route, stage, window } = *row;
    let stored = connection
        .prepare_cached("SELECT legacy, new FROM tally WHERE route = ? AND stage = ? AND width = ? AND start = ?")?
        .query_row(params![route, stage, window.width, window.start], |row| {
            Ok((sketch(row.get_ref(0)?.as_blob()?), sketch(row.get_ref(1)?.as_blob()?)))
        })
        .optional()?;
    let (mut legacy, mut new) = stored.unwrap_or_default();
    legacy.merge(&tally.legacy);
    new.merge(&tally.new);
    connection
        .prepare_cached(
            "INSERT INTO tally (route, stage, width, start, matched, ignored, mismatched, legacy, new)
             VALUES (:route, :stage, :width, :start, :matched, :ignored, :mismatched, :legacy, :new)
             ON CONFLICT DO UPDATE SET matched = matched + excluded.matched, ignored = ignored + excluded.ignored,
                 mismatched = mismatched + excluded.mismatched, legacy = excluded.legacy, new = excluded.new",
        )?
        .execute(named_params! {
            ":route": route, ":stage": stage, ":width": window.width, ":start": window.start,
            ":matched": tally.matched, ":ignored": tally.ignored, ":mismatched": tally.mismatched,
            ":legacy": legacy.encode(), ":new": new.encode(),
        })?;
    for (reason, count) in &tally.unproven {
        add_named(
            connection,
            row,
            &Named { family: UNPROVEN, name: reason.name(), count: *count, ..Named::default() },
        )?;
    }
    for (path, count) in &tally.fields {
        add_named(connection, row, &Named { family: FIELD, name: path, count: *count, ..Named::default() })?;
    }
    for (rule, hidden) in &tally.hidden {
        let (example, example_at) = (hidden.example.as_str(), hidden.example_at);
        add_named(connection, row, &Named { family: HIDDEN, name: rule, count: hidden.count, example, example_at })?;
    }
    for named in tally.triage.rows() {
        let (family, name, example) = (named.family, named.name.as_str(), named.example);
        add_named(connection, row, &Named { family, name, count: named.count, example, example_at: named.example_at })?;
    }
    fields::add(connection, row, &tally.noise)
}

/// Bytes that are no sketch any more (a damaged row) count as none: the counts beside it still hold.
pub fn sketch(bytes: &[u8]) -> Sketch {
    Sketch::decode(bytes).unwrap_or_default()
}

#[derive(Default)]
struct Named<'a> {
    family: &'a str,
    name: &'a str,
    count: u64,
    example: &'a str,
    example_at: u64,
}

fn add_named(connection: &Connection, row: &TallyRow<'_>, named: &Named<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO named_count (route, stage, width, start, family, name, count, example, example_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET count = count + excluded.count,
                 example = iif(excluded.example_at >= example_at, excluded.example, example),
                 example_at = max(example_at, excluded.example_at)",
        )?
        .execute(params![
            row.route,
            row.stage,
            row.window.width,
            row.window.start,
            named.family,
            named.name,
            named.count,
            named.example,
            named.example_at
        ])?;
    Ok(())
}

fn add_cause(connection: &Connection, route: i64, key: &CauseKey, seen: &CauseSeen) -> rusqlite::Result<i64> {
    let id: i64 = connection
        .prepare_cached(
            "INSERT INTO cause (route, fingerprint, kind, path, cause, severity, control, candidate, first_seen, last_seen)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (route, fingerprint) DO UPDATE SET severity = max(severity, excluded.severity),
                 control = iif(excluded.last_seen >= last_seen, excluded.control, control),
                 candidate = iif(excluded.last_seen >= last_seen, excluded.candidate, candidate),
                 first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)
             RETURNING id",
        )?
        .query_row(
            params![
                route,
                &*key.fingerprint,
                seen.kind,
                seen.path,
                seen.cause,
                seen.severity as i64,
                seen.control,
                seen.candidate,
                seen.first_seen,
                seen.last_seen
            ],
            |row| row.get(0),
        )?;
    let mut count_pairs = connection.prepare_cached(
        "INSERT INTO cause_count (cause, width, start, count) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count",
    )?;
    for (window, count) in &seen.counts {
        count_pairs.execute(params![id, window.width, window.start, count])?;
    }
    Ok(id)
}

fn add_sample(routes: &mut Routes<'_>, sample: &NewSample, causes: &HashMap<CauseKey, i64>) -> rusqlite::Result<()> {
    let connection = routes.connection;
    let bytes = sample.content.len();
    connection.prepare_cached("INSERT INTO sample (at, bytes, content) VALUES (?, ?, ?)")?.execute(params![
        sample.at,
        bytes as u64,
        sample.content
    ])?;
    let id = connection.last_insert_rowid();
    for fingerprint in &sample.fingerprints {
        let key = CauseKey { route: Arc::clone(&sample.route), fingerprint: Arc::clone(fingerprint) };
        let cause = match causes.get(&key) {
            Some(cause) => *cause,
            // Its counts were written with an earlier batch.
            None => match routes.cause(&key)? {
                Some(cause) => cause,
                None => continue,
            },
        };
        connection
            .prepare_cached("INSERT OR IGNORE INTO sample_cause (cause, sample) VALUES (?, ?)")?
            .execute(params![cause, id])?;
        shrink::keep_newest(connection, cause)?;
    }
    Ok(())
}

fn add_loss(connection: &Connection, name: &str, count: u64) -> rusqlite::Result<()> {
    if count == 0 {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT INTO loss VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count")?
        .execute(params![name, count])?;
    Ok(())
}

fn add_latest(connection: &Connection, name: &str, at: u64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("INSERT INTO loss VALUES (?, ?) ON CONFLICT DO UPDATE SET count = max(count, excluded.count)")?
        .execute(params![name, at])
}

/// Route names and their numbers in the file.
struct Routes<'a> {
    connection: &'a Connection,
    known: HashMap<Arc<str>, i64>,
}

impl Routes<'_> {
    fn id(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        self.connection.prepare_cached("INSERT OR IGNORE INTO route (name) VALUES (?)")?.execute([&**name])?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM route WHERE name = ?")?
            .query_row([&**name], |row| row.get(0))?;
        self.known.insert(Arc::clone(name), id);
        Ok(id)
    }

    fn cause(&mut self, key: &CauseKey) -> rusqlite::Result<Option<i64>> {
        triage::cause_id(self.connection, self.id(&key.route)?, &key.fingerprint)
    }
}

/// Keeps what the door says of its routes, and notes each change of stage or weight.
fn write_reload(routes: &mut Routes<'_>, reload: &Reload) -> rusqlite::Result<()> {
    let connection = routes.connection;
    let mut before: HashMap<String, String> = HashMap::new();
    let mut stored = connection.prepare_cached("SELECT name, fact FROM route WHERE fact IS NOT NULL")?;
    let mut rows = stored.query([])?;
    while let Some(row) = rows.next()? {
        before.insert(row.get(0)?, row.get(1)?);
    }
    for fact in &reload.facts {
        let json =
            serde_json::to_string(fact).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let old = before.remove(&fact.name);
        if old.as_deref() == Some(&json) {
            continue;
        }
        connection
            .prepare_cached(
                "INSERT INTO route (name, fact) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET fact = excluded.fact",
            )?
            .execute(params![fact.name, json])?;
        let old = old.and_then(|json| serde_json::from_str::<RouteFact>(&json).ok());
        note_flip(connection, old.as_ref(), fact, reload)?;
    }
    for gone in before.keys() {
        connection.prepare_cached("UPDATE route SET fact = NULL WHERE name = ?")?.execute([gone])?;
    }
    Ok(())
}

fn note_flip(
    connection: &Connection,
    old: Option<&RouteFact>,
    new: &RouteFact,
    reload: &Reload,
) -> rusqlite::Result<()> {
    let (from, to) = (old.map(RouteFact::stage_and_weight), new.stage_and_weight());
    // A route seen for the first time has not been flipped.
    if from.is_none() || from.as_ref() == Some(&to) {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT INTO flip (at, route, from_stage, to_stage, generation) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![reload.at, new.name, from, to, reload.generation])?;
    Ok(())
}
