//! Reads a store, from this process or another, while a door writes it or after it has gone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::write::{COUNTS_LOST_UNTIL, HIDDEN, SAMPLES_DROPPED, UNPROVEN, sketch};
use super::{BUSY_TIMEOUT, StoreError, fields, lock, schema, waiting};
use crate::evidence::fact::RouteFact;
use crate::evidence::pair::Unproven;
use crate::evidence::tally::{HiddenCount, Tally};

/// A store, open for reading.
#[derive(Debug)]
pub struct StoreReader {
    path: PathBuf,
    connection: Connection,
}

/// A route that the store knows.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRoute {
    pub id: i64,
    pub name: String,
    /// What the door said of it last; `None`: the config has it no more, or nothing was said yet.
    pub fact: Option<RouteFact>,
    /// The stage it was last counted at; `None`: nothing was ever counted.
    pub counted_at: Option<String>,
}

/// One cause, its counts within the stretch of time that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCause {
    pub fingerprint: String,
    pub kind: String,
    pub path: String,
    pub cause: Option<String>,
    /// Rank of the severity.
    pub severity: i64,
    pub control: Option<String>,
    pub candidate: Option<String>,
    pub first_seen: u64,
    pub last_seen: u64,
    pub count: u64,
    /// The oldest first.
    pub samples: Vec<i64>,
}

/// A change of a route's stage or weight.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFlip {
    pub at: u64,
    pub route: String,
    pub from: String,
    pub to: String,
    pub generation: u64,
}

/// What `store check` found.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Soundness {
    /// Version of the tables.
    pub version: i64,
    /// What is wrong; empty: nothing.
    pub faults: Vec<String>,
    pub routes: u64,
    pub comparisons: u64,
    pub unproven: u64,
    pub causes: u64,
    pub samples: u64,
    /// Samples that found no room, ever.
    pub samples_dropped: u64,
    /// Bytes of the file, without its log.
    pub bytes: u64,
}

impl StoreReader {
    /// # Errors
    /// There is none, it is not a store or from a newer version, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if path.is_dir() {
            return Err(StoreError::Directory { path: path.to_owned() });
        }
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let connection = open(path)?;
        match schema::check(&connection, path)? {
            schema::Contents::Store => Ok(Self { path: path.to_owned(), connection }),
            schema::Contents::Nothing => Err(StoreError::Missing { path: path.to_owned() }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Since when (milliseconds since 1970) what a door has seen, or had when it died, is not in the file; `None`: all of it is.
    pub fn unwritten(&self) -> Option<u64> {
        let marked = lock::Said::beside(&self.path).and_then(|said| said.unwritten);
        marked.into_iter().chain(waiting::since(&self.path)).min()
    }

    /// Reads several things as of one moment.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn at_one_moment<T>(&self, read: impl FnOnce(&Moment<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let failed = |error: rusqlite::Error| StoreError::of(&self.path, &error);
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        let result = read(&Moment { connection: &transaction }).map_err(failed)?;
        transaction.finish().map_err(failed)?;
        Ok(result)
    }

    /// Goes through the whole file.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub fn check(&self) -> Result<Soundness, StoreError> {
        self.at_one_moment(|moment| moment.soundness())
    }

    /// The content of a sample as JSON; `None`: there is none of this number, or it had to make room.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn sample(&self, id: i64) -> Result<Option<String>, StoreError> {
        self.at_one_moment(|moment| moment.sample(id))
    }
}

/// Read-only. Readers of a log need to write beside the file (its index); where they may not and there is no log, the file is
/// read as one that nobody changes.
fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let failed = |error: rusqlite::Error| match StoreError::of(path, &error) {
        StoreError::Unwritable { path, why } => StoreError::Unreadable { path, why },
        error => error,
    };
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    let first = schema::number(&connection, "schema_version");
    let Err(error) = first else { return Ok(connection) };
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    let cannot_open =
        matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly));
    if !cannot_open || Path::new(&log).exists() {
        return Err(failed(error));
    }
    let uri = format!(
        "file:{}?immutable=1",
        percent_encoding::percent_encode(path.as_os_str().as_encoded_bytes(), IN_A_FILE_URI)
    );
    Connection::open_with_flags(uri, flags).map_err(failed)
}

const IN_A_FILE_URI: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// The store as of one moment.
#[derive(Debug)]
pub struct Moment<'a> {
    pub(super) connection: &'a Connection,
}

impl Moment<'_> {
    /// Every route, by name.
    pub fn routes(&self) -> rusqlite::Result<Vec<StoredRoute>> {
        self.connection
            .prepare_cached(
                "SELECT id, name, fact,
                        (SELECT stage FROM tally WHERE tally.route = route.id ORDER BY start + width DESC LIMIT 1)
                 FROM route ORDER BY name",
            )?
            .query_map([], |row| {
                let fact: Option<String> = row.get(2)?;
                Ok(StoredRoute {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    // A fact that an older or newer door wrote otherwise is as good as none: the defaults hold.
                    fact: fact.and_then(|json| serde_json::from_str(&json).ok()),
                    counted_at: row.get(3)?,
                })
            })?
            .collect()
    }

    /// What a route showed since (seconds since 1970), to the precision of the windows, over all stages.
    pub fn tally(&self, route: i64, since: u64) -> rusqlite::Result<Tally> {
        let mut tally = Tally::default();
        let mut counts = self.connection.prepare_cached(
            "SELECT matched, ignored, mismatched, legacy, new FROM tally WHERE route = ? AND start + width > ?",
        )?;
        let mut rows = counts.query(params![route, since])?;
        while let Some(row) = rows.next()? {
            tally.matched += row.get::<_, u64>(0)?;
            tally.ignored += row.get::<_, u64>(1)?;
            tally.mismatched += row.get::<_, u64>(2)?;
            tally.legacy.merge(&sketch(row.get_ref(3)?.as_blob()?));
            tally.new.merge(&sketch(row.get_ref(4)?.as_blob()?));
        }
        for (key, sum) in self.named(route, since)? {
            let (family, name) = key.split_once(FAMILY_END).unwrap_or((&key, ""));
            add_named(&mut tally, family, name, sum);
        }
        tally.noise = fields::read(self.connection, route, since)?;
        Ok(tally)
    }

    /// What the windows of a route hold under each name, by family and name. Added up here: SQLite would have to sort all rows first.
    fn named(&self, route: i64, since: u64) -> rusqlite::Result<HashMap<String, NamedSum>> {
        let mut sums: HashMap<String, NamedSum> = HashMap::new();
        let mut key = String::new();
        let mut named = self.connection.prepare_cached(
            "SELECT family, name, count, example, example_at FROM named_count WHERE route = ? AND start + width > ?",
        )?;
        let mut rows = named.query(params![route, since])?;
        while let Some(row) = rows.next()? {
            key.clear();
            key.push_str(row.get_ref(0)?.as_str()?);
            key.push(FAMILY_END);
            key.push_str(row.get_ref(1)?.as_str()?);
            if !sums.contains_key(&key) {
                sums.insert(key.clone(), NamedSum::default());
            }
            let Some(sum) = sums.get_mut(&key) else { continue };
            sum.count += row.get::<_, u64>(2)?;
            let at: u64 = row.get(4)?;
            if at >= sum.example_at {
                sum.example_at = at;
                sum.example.clear();
                sum.example.push_str(row.get_ref(3)?.as_str()?);
            }
        }
        Ok(sums)
    }

    /// When the oldest window of a route begins that has something of the time since, seconds since 1970.
    pub fn oldest(&self, route: i64, since: u64) -> rusqlite::Result<Option<u64>> {
        self.connection
            .prepare_cached("SELECT min(start) FROM tally WHERE route = ? AND start + width > ?")?
            .query_row(params![route, since], |row| row.get(0))
    }

    /// When the newest window of a route ends, seconds since 1970.
    pub fn newest(&self, route: i64) -> rusqlite::Result<Option<u64>> {
        self.connection
            .prepare_cached("SELECT max(start + width) FROM tally WHERE route = ?")?
            .query_row([route], |row| row.get(0))
    }

    /// The causes of a route seen since (seconds since 1970).
    pub fn causes(&self, route: i64, since: u64) -> rusqlite::Result<Vec<StoredCause>> {
        let mut samples =
            self.connection.prepare_cached("SELECT sample FROM sample_cause WHERE cause = ? ORDER BY sample")?;
        self.connection
            .prepare_cached(
                "SELECT cause.id, fingerprint, kind, path, cause.cause, severity, control, candidate, first_seen, last_seen,
                        sum(count)
                 FROM cause JOIN cause_count ON cause_count.cause = cause.id
                 WHERE route = ? AND start + width > ? GROUP BY cause.id ORDER BY severity DESC, sum(count) DESC, fingerprint",
            )?
            .query_map(params![route, since], |row| {
                let id: i64 = row.get(0)?;
                Ok(StoredCause {
                    fingerprint: row.get(1)?,
                    kind: row.get(2)?,
                    path: row.get(3)?,
                    cause: row.get(4)?,
                    severity: row.get(5)?,
                    control: row.get(6)?,
                    candidate: row.get(7)?,
                    first_seen: row.get(8)?,
                    last_seen: row.get(9)?,
                    count: row.get(10)?,
                    samples: samples.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?,
                })
            })?
            .collect()
    }

    /// Changes of stage since (milliseconds since 1970), the oldest first.
    pub fn flips(&self, since: u64) -> rusqlite::Result<Vec<StoredFlip>> {
        self.connection
            .prepare_cached(
                "SELECT at, route, coalesce(from_stage, ''), to_stage, generation FROM flip WHERE at >= ? ORDER BY at, id",
            )?
            .query_map([since], |row| {
                Ok(StoredFlip {
                    at: row.get(0)?,
                    route: row.get(1)?,
                    from: row.get(2)?,
                    to: row.get(3)?,
                    generation: row.get(4)?,
                })
            })?
            .collect()
    }

    /// When counts were lost last, milliseconds since 1970: a door ended while the store could not be written.
    pub fn counts_lost_until(&self) -> rusqlite::Result<Option<u64>> {
        self.loss(COUNTS_LOST_UNTIL)
    }

    fn loss(&self, name: &str) -> rusqlite::Result<Option<u64>> {
        self.connection.query_row("SELECT count FROM loss WHERE name = ?", [name], |row| row.get(0)).optional()
    }

    pub fn sample(&self, id: i64) -> rusqlite::Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT content FROM sample WHERE id = ?")?
            .query_row([id], |row| row.get(0))
            .optional()
    }

    fn soundness(&self) -> rusqlite::Result<Soundness> {
        let count = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, u64>(0));
        let faults: Vec<String> = self
            .connection
            .prepare("PRAGMA integrity_check(20)")?
            .query_map([], |row| row.get::<_, String>(0))?
            .filter(|line| line.as_ref().map_or(true, |line| line != "ok"))
            .collect::<rusqlite::Result<_>>()?;
        let pages = count("SELECT page_count FROM pragma_page_count")?;
        Ok(Soundness {
            version: schema::number(self.connection, "user_version")?,
            faults,
            routes: count("SELECT count(*) FROM route")?,
            comparisons: count("SELECT coalesce(sum(matched + ignored + mismatched), 0) FROM tally")?,
            unproven: count("SELECT coalesce(sum(count), 0) FROM named_count WHERE family = 'unproven'")?,
            causes: count("SELECT count(*) FROM cause")?,
            samples: count("SELECT count(*) FROM sample")?,
            samples_dropped: self.loss(SAMPLES_DROPPED)?.unwrap_or_default(),
            bytes: pages * schema::page_size(self.connection)?,
        })
    }
}

/// Between a family, which is a word, and a name.
const FAMILY_END: char = '\n';

/// The rows of one name, added up, with the newest example.
#[derive(Default)]
struct NamedSum {
    count: u64,
    example: String,
    example_at: u64,
}

fn add_named(tally: &mut Tally, family: &str, name: &str, sum: NamedSum) {
    let NamedSum { count, example, example_at } = sum;
    match family {
        UNPROVEN => {
            if let Some(reason) = Unproven::named(name) {
                tally.unproven.insert(reason, count);
            }
        }
        HIDDEN => {
            tally.hidden.insert(name.to_owned(), HiddenCount { count, example, example_at });
        }
        family => {
            if !tally.triage.add_row(family, name, count, (&example, example_at)) {
                tally.fields.insert(name.to_owned(), count);
            }
        }
    }
}
