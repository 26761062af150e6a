//! What the store keeps for looking at the right things first: places that were learned to be one, the sessions that show a cause,
//! how many sessions a route has. Part of the one transaction that [`super::write`] makes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::batch::{Batch, CauseKey};
use super::read::Moment;
use super::{Store, StoreError, shrink};
use crate::evidence::tally::{Distinct, Triage, Window};

/// The fingerprint of the causes of a route that found no room under their own.
pub const OTHER_CAUSES: &str = "other";

/// Where the members of an object are one place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The path of the parent.
    pub before: String,
    /// How deep below the member the difference is, the last name on the way, kind and transform.
    pub after: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    pub route: Arc<str>,
    pub pattern: Pattern,
}

/// A cause that goes into another one of its route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub from: CauseKey,
    pub to: Arc<str>,
    /// The other one's place.
    pub place: Arc<str>,
}

/// What a session that showed a cause has asked since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCount {
    pub mismatched: u64,
    pub compared: u64,
    /// Milliseconds since 1970.
    pub last_seen: u64,
}

impl SessionCount {
    pub fn add(&mut self, other: Self) {
        self.mismatched += other.mismatched;
        self.compared += other.compared;
        self.last_seen = self.last_seen.max(other.last_seen);
    }
}

/// What waits for the next transaction.
#[derive(Debug, Default)]
pub struct TriageBatch {
    pub learned: Vec<Learned>,
    pub merges: Vec<Merge>,
    pub sessions: HashMap<(CauseKey, u64), SessionCount>,
    pub route_sessions: HashMap<(Arc<str>, Window), Distinct>,
}

impl TriageBatch {
    pub fn is_empty(&self) -> bool {
        self.learned.is_empty() && self.merges.is_empty() && self.sessions.is_empty() && self.route_sessions.is_empty()
    }

    /// Puts one that could not be written under what was counted since.
    pub fn put_back(&mut self, older: Self) {
        self.learned.splice(0..0, older.learned);
        self.merges.splice(0..0, older.merges);
        for (key, count) in older.sessions {
            self.sessions.entry(key).or_default().add(count);
        }
        for (key, seen) in older.route_sessions {
            self.route_sessions.entry(key).or_default().merge(&seen);
        }
    }

    pub fn coarsen(&mut self, wider: fn(Window) -> Window) {
        for ((route, window), seen) in std::mem::take(&mut self.route_sessions) {
            self.route_sessions.entry((route, wider(window))).or_default().merge(&seen);
        }
    }
}

impl Batch {
    /// A cause has gone into another: what waits of it goes with it.
    pub fn merge_causes(&mut self, merge: Merge) {
        let to = CauseKey { route: Arc::clone(&merge.from.route), fingerprint: Arc::clone(&merge.to) };
        if let Some(mut seen) = self.causes.remove(&merge.from) {
            seen.path = merge.place.to_string();
            self.add_cause(&to, seen);
        }
        for sample in self.samples.iter_mut().filter(|sample| sample.route == merge.from.route) {
            for fingerprint in sample.fingerprints.iter_mut().filter(|known| **known == merge.from.fingerprint) {
                *fingerprint = Arc::clone(&merge.to);
            }
        }
        let moved: Vec<u64> =
            self.triage.sessions.keys().filter(|(key, _)| *key == merge.from).map(|(_, session)| *session).collect();
        for session in moved {
            if let Some(count) = self.triage.sessions.remove(&(merge.from.clone(), session)) {
                self.triage.sessions.entry((to.clone(), session)).or_default().add(count);
            }
        }
        self.triage.merges.push(merge);
    }
}

/// Writes what concerns causes; their own rows are there already.
pub fn write(
    connection: &Connection,
    batch: &TriageBatch,
    mut route_id: impl FnMut(&Arc<str>) -> rusqlite::Result<i64>,
) -> rusqlite::Result<()> {
    for Learned { route, pattern } in &batch.learned {
        connection
            .prepare_cached("INSERT OR IGNORE INTO keyed (route, before, after) VALUES (?, ?, ?)")?
            .execute(params![route_id(route)?, pattern.before, pattern.after])?;
    }
    for merge in &batch.merges {
        let route = route_id(&merge.from.route)?;
        merge_causes(connection, route, merge)?;
    }
    for ((key, session), count) in &batch.sessions {
        let Some(cause) = cause_id(connection, route_id(&key.route)?, &key.fingerprint)? else { continue };
        connection
            .prepare_cached(
                "INSERT INTO cause_session (cause, session, mismatched, compared, last_seen) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET mismatched = mismatched + excluded.mismatched,
                     compared = compared + excluded.compared, last_seen = max(last_seen, excluded.last_seen)",
            )?
            .execute(params![cause, session, count.mismatched, count.compared, count.last_seen])?;
    }
    for ((route, window), seen) in &batch.route_sessions {
        add_route_sessions(connection, route_id(route)?, *window, seen)?;
    }
    Ok(())
}

pub fn cause_id(connection: &Connection, route: i64, fingerprint: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM cause WHERE route = ? AND fingerprint = ?")?
        .query_row(params![route, fingerprint], |row| row.get(0))
        .optional()
}

pub fn merge_causes(connection: &Connection, route: i64, merge: &Merge) -> rusqlite::Result<()> {
    let Some(from) = cause_id(connection, route, &merge.from.fingerprint)? else { return Ok(()) };
    let Some(to) = cause_id(connection, route, &merge.to)? else {
        // It has not been counted itself yet: this one becomes it.
        connection.prepare_cached("UPDATE cause SET fingerprint = ?, path = ? WHERE id = ?")?.execute(params![
            &*merge.to,
            &*merge.place,
            from
        ])?;
        return Ok(());
    };
    for statement in [
        "INSERT INTO cause_count (cause, width, start, count)
         SELECT ?2, width, start, count FROM cause_count WHERE cause = ?1
         ON CONFLICT DO UPDATE SET count = count + excluded.count",
        "INSERT OR IGNORE INTO sample_cause (cause, sample) SELECT ?2, sample FROM sample_cause WHERE cause = ?1",
        "INSERT INTO cause_session (cause, session, mismatched, compared, last_seen)
         SELECT ?2, session, mismatched, compared, last_seen FROM cause_session WHERE cause = ?1
         ON CONFLICT DO UPDATE SET mismatched = mismatched + excluded.mismatched,
             compared = max(compared, excluded.compared), last_seen = max(last_seen, excluded.last_seen)",
        "UPDATE cause SET severity = max(cause.severity, old.severity), first_seen = min(cause.first_seen, old.first_seen),
             last_seen = max(cause.last_seen, old.last_seen)
         FROM (SELECT severity, first_seen, last_seen FROM cause WHERE id = ?1) AS old WHERE id = ?2",
    ] {
        connection.prepare_cached(statement)?.execute(params![from, to])?;
    }
    for statement in [
        "DELETE FROM cause_count WHERE cause = ?",
        "DELETE FROM sample_cause WHERE cause = ?",
        "DELETE FROM cause_session WHERE cause = ?",
        "DELETE FROM cause WHERE id = ?",
    ] {
        connection.prepare_cached(statement)?.execute([from])?;
    }
    shrink::keep_newest(connection, to)
}

fn add_route_sessions(connection: &Connection, route: i64, window: Window, seen: &Distinct) -> rusqlite::Result<()> {
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT sketch FROM route_sessions WHERE route = ? AND width = ? AND start = ?")?
        .query_row(params![route, window.width, window.start], |row| row.get(0))
        .optional()?;
    let mut all = stored.map(|bytes| Distinct::decode(&bytes)).unwrap_or_default();
    all.merge(seen);
    connection
        .prepare_cached(
            "INSERT INTO route_sessions (route, width, start, sketch) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET sketch = excluded.sketch",
        )?
        .execute(params![route, window.width, window.start, all.encode()])?;
    Ok(())
}

/// Merges old sketches into wider windows.
pub fn widen(connection: &Connection, before: u64, width: u64) -> rusqlite::Result<()> {
    let narrow: Vec<(i64, Window, Vec<u8>)> = connection
        .prepare_cached("SELECT route, width, start, sketch FROM route_sessions WHERE width < ? AND start < ?")?
        .query_map(params![width, before], |row| {
            Ok((row.get(0)?, Window { width: row.get(1)?, start: row.get(2)? }, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    connection.execute("DELETE FROM route_sessions WHERE width < ? AND start < ?", params![width, before])?;
    for (route, window, sketch) in narrow {
        add_route_sessions(connection, route, window.widened(width), &Distinct::decode(&sketch))?;
    }
    Ok(())
}

/// A cause that an earlier door has counted.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownCause {
    pub route: Arc<str>,
    pub fingerprint: String,
    pub place: String,
    pub kind: String,
    pub cause: Option<String>,
    /// Samples kept of it.
    pub samples: u64,
}

impl Store {
    /// What a new door needs to go on where the last one ended.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn known(&self) -> Result<(Vec<KnownCause>, Vec<Learned>), StoreError> {
        known(&self.connection).map_err(|error| self.error(&error))
    }
}

fn known(connection: &Connection) -> rusqlite::Result<(Vec<KnownCause>, Vec<Learned>)> {
    let causes = connection
        .prepare_cached(
            "SELECT name, fingerprint, path, kind, cause.cause,
                    (SELECT count(*) FROM sample_cause WHERE sample_cause.cause = cause.id)
             FROM cause JOIN route ON route.id = cause.route",
        )?
        .query_map([], |row| {
            Ok(KnownCause {
                route: row.get::<_, String>(0)?.into(),
                fingerprint: row.get(1)?,
                place: row.get(2)?,
                kind: row.get(3)?,
                cause: row.get(4)?,
                samples: row.get(5)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let learned = connection
        .prepare_cached("SELECT name, before, after FROM keyed JOIN route ON route.id = keyed.route")?
        .query_map([], |row| {
            let route = row.get::<_, String>(0)?.into();
            Ok(Learned { route, pattern: Pattern { before: row.get(1)?, after: row.get(2)? } })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok((causes, learned))
}

impl Moment<'_> {
    /// The sessions of each cause of a route that were seen since (milliseconds since 1970), by fingerprint.
    pub fn cause_sessions(&self, route: i64, since: u64) -> rusqlite::Result<HashMap<String, Vec<SessionCount>>> {
        let mut found: HashMap<String, Vec<SessionCount>> = HashMap::new();
        if !self.has_table("cause_session")? {
            return Ok(found);
        }
        let mut sessions = self.connection.prepare_cached(
            "SELECT fingerprint, mismatched, compared, cause_session.last_seen
             FROM cause_session JOIN cause ON cause.id = cause_session.cause
             WHERE route = ? AND cause_session.last_seen >= ? AND mismatched > 0",
        )?;
        let mut rows = sessions.query(params![route, since])?;
        while let Some(row) = rows.next()? {
            let count = SessionCount { mismatched: row.get(1)?, compared: row.get(2)?, last_seen: row.get(3)? };
            found.entry(row.get(0)?).or_default().push(count);
        }
        Ok(found)
    }

    /// Compared pairs of a route since (seconds since 1970).
    pub fn compared_since(&self, route: i64, since: u64) -> rusqlite::Result<u64> {
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(matched + ignored + mismatched), 0) FROM tally WHERE route = ? AND start + width > ?",
            )?
            .query_row(params![route, since], |row| row.get(0))
    }

    /// How many sessions a route had since (seconds since 1970).
    pub fn sessions(&self, route: i64, since: u64) -> rusqlite::Result<Distinct> {
        let mut all = Distinct::default();
        if !self.has_table("route_sessions")? {
            return Ok(all);
        }
        let mut sketches = self
            .connection
            .prepare_cached("SELECT sketch FROM route_sessions WHERE route = ? AND start + width > ?")?;
        let mut rows = sketches.query(params![route, since])?;
        while let Some(row) = rows.next()? {
            all.merge(&Distinct::decode(row.get_ref(0)?.as_blob()?));
        }
        Ok(all)
    }

    /// What legacy answered, and what turned into something else with new, in the windows of a route since one moment that begin
    /// before another one, and in those that begin after it (seconds since 1970).
    pub fn turned(&self, route: i64, since: u64, at: u64) -> rusqlite::Result<[Triage; 2]> {
        let mut halves = [Triage::default(), Triage::default()];
        let mut named = self.connection.prepare_cached(
            "SELECT start >= ? AS late, family, name, sum(count) FROM named_count
             WHERE route = ? AND start + width > ? AND family IN ('status_legacy', 'turned')
             GROUP BY late, family, name",
        )?;
        let mut rows = named.query(params![at, route, since])?;
        while let Some(row) = rows.next()? {
            let (half, count): (usize, u64) = (row.get(0)?, row.get(3)?);
            if let Some(half) = halves.get_mut(half) {
                half.add_row(row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?, count, ("", 0));
            }
        }
        Ok(halves)
    }

    /// The operator's entries that ever met something, on any route.
    pub fn rules_met(&self) -> rusqlite::Result<HashSet<String>> {
        self.connection
            .prepare_cached("SELECT DISTINCT name FROM named_count WHERE family = 'rule_pairs' AND count > 0")?
            .query_map([], |row| row.get(0))?
            .collect()
    }

    /// Bytes of samples, to find the smallest one.
    pub fn smallest(&self, samples: &[i64]) -> rusqlite::Result<Option<i64>> {
        let mut bytes = self.connection.prepare_cached("SELECT bytes FROM sample WHERE id = ?")?;
        let mut smallest: Option<(u64, i64)> = None;
        // The newest first: of two of a size it is the likelier to be there still.
        for id in samples.iter().rev() {
            let Some(bytes) = bytes.query_row([id], |row| row.get::<_, u64>(0)).optional()? else { continue };
            if smallest.is_none_or(|(least, _)| bytes < least) {
                smallest = Some((bytes, *id));
            }
        }
        Ok(smallest.map(|(_, id)| id))
    }

    /// A store of an older version has not all of them, until a door opens it.
    fn has_table(&self, name: &str) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?")?
            .query_row([name], |row| row.get::<_, i64>(0))
            .map(|tables| tables > 0)
    }
}
