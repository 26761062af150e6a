//! The tables, and what makes a file a store of ours.
//!
//! Times are milliseconds since 1970 (`*_seen`, `at`), windows are seconds (`start`, `width`).

use std::path::Path;

use rusqlite::Connection;

use super::{BUSY_TIMEOUT, Budget, StoreError};

/// "mtpl": tells our files from other SQLite files.
const APPLICATION_ID: i64 = 0x6d74_706c;
/// Raised with every change of the tables that an older matapalo could not read.
pub const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE route (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- What the door said of it last, as JSON; NULL: the config has no such route any more.
    fact TEXT
);
CREATE TABLE tally (
    route INTEGER NOT NULL, stage TEXT NOT NULL, width INTEGER NOT NULL, start INTEGER NOT NULL,
    matched INTEGER NOT NULL, ignored INTEGER NOT NULL, mismatched INTEGER NOT NULL,
    -- Latency sketches.
    legacy BLOB NOT NULL, new BLOB NOT NULL,
    PRIMARY KEY (route, stage, width, start)
) WITHOUT ROWID;
-- Unproven by reason, hidden by rule, mismatched by field path.
CREATE TABLE named_count (
    route INTEGER NOT NULL, stage TEXT NOT NULL, width INTEGER NOT NULL, start INTEGER NOT NULL,
    family TEXT NOT NULL, name TEXT NOT NULL,
    count INTEGER NOT NULL, example TEXT NOT NULL, example_at INTEGER NOT NULL,
    PRIMARY KEY (route, stage, width, start, family, name)
) WITHOUT ROWID;
CREATE TABLE cause (
    id INTEGER PRIMARY KEY,
    route INTEGER NOT NULL, fingerprint TEXT NOT NULL,
    kind TEXT NOT NULL, path TEXT NOT NULL, cause TEXT, severity INTEGER NOT NULL,
    control TEXT, candidate TEXT,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    UNIQUE (route, fingerprint)
);
CREATE TABLE cause_count (
    cause INTEGER NOT NULL, width INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (cause, width, start)
) WITHOUT ROWID;
CREATE TABLE sample (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL, bytes INTEGER NOT NULL, content TEXT NOT NULL
);
CREATE TABLE sample_cause (
    cause INTEGER NOT NULL, sample INTEGER NOT NULL,
    PRIMARY KEY (cause, sample)
) WITHOUT ROWID;
CREATE INDEX cause_of_sample ON sample_cause (sample);
CREATE TABLE flip (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    route TEXT NOT NULL, from_stage TEXT, to_stage TEXT NOT NULL, generation INTEGER NOT NULL
);
-- What was lost, by reason: samples that found no room.
CREATE TABLE loss (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
";

/// What later versions added, each for itself: run when a store is made and when an older one is opened, so each says IF NOT EXISTS.
const ADDED: &str = "
-- Since 2: what asking again said of each field, one count a row; a field is a path and a kind. Empty both: the route's own.
CREATE TABLE IF NOT EXISTS field_count (
    route INTEGER NOT NULL, width INTEGER NOT NULL, start INTEGER NOT NULL,
    path TEXT NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (route, width, start, path, kind, what)
) WITHOUT ROWID;
-- Since 2: which sessions showed a cause, as hashes under a key that is gone with the door; what they asked since they first did.
CREATE TABLE IF NOT EXISTS cause_session (
    cause INTEGER NOT NULL, session INTEGER NOT NULL,
    mismatched INTEGER NOT NULL, compared INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    PRIMARY KEY (cause, session)
) WITHOUT ROWID;
-- Since 2: how many sessions a route had, as a sketch.
CREATE TABLE IF NOT EXISTS route_sessions (
    route INTEGER NOT NULL, width INTEGER NOT NULL, start INTEGER NOT NULL, sketch BLOB NOT NULL,
    PRIMARY KEY (route, width, start)
) WITHOUT ROWID;
-- Since 2: places whose members are keyed by names of things: they are one place.
CREATE TABLE IF NOT EXISTS keyed (
    route INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
    PRIMARY KEY (route, before, after)
) WITHOUT ROWID;
";

/// Makes the connection ready for the writer: checks whose file it is, and creates the tables in a new one.
pub fn prepare(connection: &Connection, path: &Path, budget: &Budget) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // SQLite opens a file that may not be written for reading, and never looks again. Before it makes its own files beside it.
    if connection.is_readonly("main").map_err(failed)? {
        let why = "the file is read-only for this user".to_owned();
        return Err(StoreError::Unwritable { path: path.to_owned(), why });
    }
    let is_new = check(connection, path)? == Contents::Nothing;
    if is_new {
        // Both can only be chosen before there is a table.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
    let page = page_size(connection).map_err(failed)?;
    connection.pragma_update(None, "wal_autocheckpoint", budget.wal / 2 / page).map_err(failed)?;
    connection.pragma_update(None, "journal_size_limit", budget.wal).map_err(failed)?;
    connection.pragma_update(None, "max_page_count", budget.file / page).map_err(failed)?;
    if is_new {
        create(connection).map_err(failed)?;
    } else if number(connection, "user_version").map_err(failed)? < VERSION {
        upgrade(connection).map_err(failed)?;
    }
    // What else keeps writers out is told only now.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(failed)
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} {ADDED} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
    ))
}

/// All or nothing: a store that cannot be upgraded stays what it was.
fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {ADDED} PRAGMA user_version = {VERSION}; COMMIT"))
}

pub fn page_size(connection: &Connection) -> rusqlite::Result<u64> {
    number(connection, "page_size").map(|size| u64::try_from(size).unwrap_or(1).max(1))
}

pub fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// An empty file: a store yet to be made.
    Nothing,
    Store,
}

/// Whose file it is.
pub fn check(connection: &Connection, path: &Path) -> Result<Contents, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of(path, &error);
    let application = number(connection, "application_id").map_err(failed)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if application == 0 && tables == 0 {
        return Ok(Contents::Nothing);
    }
    if application != APPLICATION_ID {
        let found = "an SQLite file of another program".to_owned();
        return Err(StoreError::NotAStore { path: path.to_owned(), found });
    }
    let version = number(connection, "user_version").map_err(failed)?;
    if version > VERSION {
        return Err(StoreError::NewerVersion { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(Contents::Store)
}
