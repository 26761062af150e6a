//! Keeps the file within its bound: old windows are merged into wider ones, samples of well-documented causes go first.
//!
//! Counts are never dropped, only told in coarser stretches of time.

use std::collections::HashMap;

use rusqlite::{Connection, TransactionBehavior, params};

use super::batch::Batch;
use super::fold::{self, Fold};
use super::write::{FIELD, TallyRow, Written, add_tally, sketch};
use super::{Budget, Store, StoreError, fields, schema, triage};
use crate::evidence::tally::{BOUNDED, MAX_NAMES, OTHER, Tally, Window};

/// Samples kept of one cause: the first ones show it as well as a thousand.
pub const SAMPLES_PER_CAUSE: usize = 8;

/// What is older than so many seconds is told in windows of so many seconds.
const AGES: [(u64, u64); 3] =
    [(2 * Window::HOUR, Window::TEN_MINUTES), (Window::DAY, Window::HOUR), (30 * Window::DAY, Window::DAY)];
/// What a full file gives up, step by step, until what comes has room.
const THRIFT: [Thrift; 4] = [
    Thrift { samples: 2, recent: Window::HOUR, fold: None },
    Thrift { samples: 1, recent: Window::HOUR, fold: Some(Fold { names: MAX_NAMES, causes: MAX_NAMES }) },
    Thrift { samples: 1, recent: 0, fold: Some(Fold { names: 16, causes: 32 }) },
    Thrift { samples: 1, recent: 0, fold: Some(Fold { names: 2, causes: 4 }) },
];

/// One step of it.
#[derive(Debug, Clone, Copy)]
struct Thrift {
    /// One of so many bytes of samples goes.
    samples: u64,
    /// Seconds. Windows that are older are told in hours.
    recent: u64,
    /// Names and causes that are kept apart.
    fold: Option<Fold>,
}

/// Percent of the file's bound that samples may fill it to; the rest is for counts.
const SAMPLES_UP_TO: u64 = 85;
/// Percent of it that may still be taken after something was given up.
const ENOUGH_ROOM: u64 = 90;

impl Store {
    /// Merges windows that have grown old. `now` in seconds since 1970.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn compact(&mut self, now: u64) -> Result<(), StoreError> {
        self.reserve.renew();
        compact(&mut self.connection, now, &AGES).map_err(|error| self.error(&error))
    }

    /// Writes a batch, at the cost of detail where the file is full: samples first, then the precision of time, then the names of
    /// what is seldom. `now` in seconds since 1970.
    ///
    /// # Errors
    /// As [`Store::write`]; the batch may be told in less detail then, but no count of it is lost.
    pub fn squeeze_in(&mut self, batch: &mut Batch, now: u64) -> Result<Written, StoreError> {
        let mut result = self.write(batch);
        for thrift in THRIFT {
            // Where it is the disk that is full, names cost no less than numbers.
            if !matches!(result, Err(StoreError::Full { .. })) || thrift.fold.is_some() && !self.holds_more_than(50) {
                break;
            }
            self.make_space(&thrift, now)?;
            if let Some(keep) = thrift.fold {
                batch.fold(keep);
            }
            // Room for one batch alone would have all of this done again for the next one.
            if !self.holds_more_than(ENOUGH_ROOM) {
                result = self.write(batch);
            }
        }
        if matches!(result, Err(StoreError::Full { .. })) { self.write(batch) } else { result }
    }

    fn holds_more_than(&self, percent: u64) -> bool {
        used(&self.connection).is_ok_and(|bytes| bytes > self.budget.file / 100 * percent)
    }

    /// Writes what a door has counted and could not write, before it ends: told shortly, with the room that was set aside for it.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_last(&mut self, batch: &mut Batch) -> Result<Written, StoreError> {
        self.reserve.release();
        let Budget { file, reserve, .. } = self.budget;
        bounded(&self.connection, file + reserve).map_err(|error| self.error(&error))?;
        let mut result = Err(StoreError::Full { path: self.path.clone() });
        for keep in THRIFT.iter().filter_map(|thrift| thrift.fold) {
            batch.fold(keep);
            result = self.write(batch);
            if !matches!(result, Err(StoreError::Full { .. })) {
                break;
            }
        }
        result
    }

    fn make_space(&mut self, thrift: &Thrift, now: u64) -> Result<(), StoreError> {
        let ages = [(thrift.recent, Window::HOUR), (Window::DAY, Window::DAY)];
        let Budget { file, reserve, .. } = self.budget;
        let connection = &mut self.connection;
        // What is told together is written before what it replaces goes.
        let made = bounded(connection, file + reserve).and_then(|()| {
            give_up(connection, thrift)?;
            compact(connection, now, &ages)
        });
        let bounded = vacuum(connection).and_then(|()| bounded(connection, file));
        made.and(bounded).map_err(|error| self.error(&error))?;
        self.checkpoint();
        Ok(())
    }

    /// Brings a file that is larger than its bound (the bound was lowered) back within it, as far as samples can.
    pub(super) fn fit(&mut self) -> Result<(), StoreError> {
        fit(&mut self.connection, self.budget.file).map_err(|error| self.error(&error))?;
        self.checkpoint();
        Ok(())
    }
}

fn give_up(connection: &mut Connection, thrift: &Thrift) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    evict(&transaction, sample_bytes(&transaction)? / thrift.samples)?;
    if let Some(keep) = thrift.fold {
        fold::fold(&transaction, keep)?;
    }
    transaction.commit()
}

fn fit(connection: &mut Connection, budget: u64) -> rusqlite::Result<()> {
    let page = schema::page_size(connection)?;
    let pages = u64::try_from(schema::number(connection, "page_count")?).unwrap_or_default();
    if pages * page <= budget {
        return Ok(());
    }
    // The bound on pages must let the eviction itself through.
    connection.pragma_update(None, "max_page_count", pages + pages / 8)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    make_room(&transaction, budget, 0)?;
    transaction.commit()?;
    vacuum(connection)?;
    bounded(connection, budget)
}

/// Gives free pages back.
fn vacuum(connection: &Connection) -> rusqlite::Result<()> {
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    // It frees one page per step.
    let mut steps = vacuum.query([])?;
    while steps.next()?.is_some() {}
    Ok(())
}

/// From now on the file does not grow beyond so many bytes.
fn bounded(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "max_page_count", bytes / schema::page_size(connection)?)
}

/// Evicts samples until `incoming` bytes of new ones fit; returns the bytes that do fit.
pub fn make_room(connection: &Connection, budget: u64, incoming: u64) -> rusqlite::Result<u64> {
    let ceiling = budget / 100 * SAMPLES_UP_TO;
    let used = used(connection)?;
    if used + incoming <= ceiling {
        return Ok(incoming);
    }
    // A twentieth more than needed, so that not every transaction evicts.
    evict(connection, used + incoming - ceiling + budget / 20)?;
    // Pages are counted, not bytes: what is said to fit is less than what is free.
    Ok(ceiling.saturating_sub(self::used(connection)?) / 5 * 4)
}

/// Bytes in pages that hold something.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let pages = schema::number(connection, "page_count")? - schema::number(connection, "freelist_count")?;
    Ok(u64::try_from(pages).unwrap_or_default() * schema::page_size(connection)?)
}

fn sample_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(sum(bytes), 0) FROM sample", [], |row| row.get(0))
}

/// Evicts at least so many bytes of samples, if there are so many: the oldest of the best documented causes first.
fn evict(connection: &Connection, wanted: u64) -> rusqlite::Result<()> {
    // The rank of a sample among those of its cause, the newest being 1. The highest rank goes first, and a sample that is
    // the only one of any cause goes last.
    let mut dispensable = connection.prepare_cached(
        "SELECT sample.id, sample.bytes FROM sample LEFT JOIN
             (SELECT sample, min(rank) AS rank FROM
                 (SELECT sample, row_number() OVER (PARTITION BY cause ORDER BY sample DESC) AS rank FROM sample_cause)
              GROUP BY sample) AS ranked ON ranked.sample = sample.id
         ORDER BY ranked.rank IS NOT NULL, ranked.rank DESC, sample.id",
    )?;
    let mut rows = dispensable.query([])?;
    let mut going = Vec::new();
    let mut freed = 0;
    while let Some(row) = rows.next()? {
        if freed >= wanted {
            break;
        }
        going.push(row.get::<_, i64>(0)?);
        freed += row.get::<_, u64>(1)?;
    }
    drop(rows);
    for sample in going {
        connection.prepare_cached("DELETE FROM sample_cause WHERE sample = ?")?.execute([sample])?;
        connection.prepare_cached("DELETE FROM sample WHERE id = ?")?.execute([sample])?;
    }
    Ok(())
}

/// Drops the oldest samples of a cause beyond [`SAMPLES_PER_CAUSE`], unless they also show another one or are its smallest: that
/// one shows it best.
pub fn keep_newest(connection: &Connection, cause: i64) -> rusqlite::Result<()> {
    let superfluous: Vec<i64> = connection
        .prepare_cached(
            "SELECT sample_cause.sample FROM sample_cause JOIN sample ON sample.id = sample_cause.sample WHERE cause = ?
             ORDER BY row_number() OVER (ORDER BY bytes, sample DESC) = 1 DESC, sample_cause.sample DESC LIMIT -1 OFFSET ?",
        )?
        .query_map(params![cause, SAMPLES_PER_CAUSE as u64], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for sample in superfluous {
        connection
            .prepare_cached("DELETE FROM sample_cause WHERE cause = ? AND sample = ?")?
            .execute(params![cause, sample])?;
        connection
            .prepare_cached(
                "DELETE FROM sample WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM sample_cause WHERE sample = ?1)",
            )?
            .execute([sample])?;
    }
    Ok(())
}

fn compact(connection: &mut Connection, now: u64, ages: &[(u64, u64)]) -> rusqlite::Result<()> {
    for (age, width) in ages {
        let before = now.saturating_sub(*age) / width * width;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        widen_tallies(&transaction, before, *width)?;
        transaction.execute(
            WIDEN_NAMED_COUNTS,
            params![before, width, MAX_NAMES as u64, FIELD, OTHER, BOUNDED[0], BOUNDED[1], BOUNDED[2], BOUNDED[3]],
        )?;
        transaction.execute("DELETE FROM named_count WHERE width < ?2 AND start < ?1", params![before, width])?;
        transaction.execute(fields::WIDEN, params![before, width])?;
        transaction.execute("DELETE FROM field_count WHERE width < ?2 AND start < ?1", params![before, width])?;
        transaction.execute(WIDEN_CAUSE_COUNTS, params![before, width])?;
        transaction.execute("DELETE FROM cause_count WHERE width < ?2 AND start < ?1", params![before, width])?;
        triage::widen(&transaction, before, *width)?;
        transaction.commit()?;
    }
    Ok(())
}

fn widen_tallies(connection: &Connection, before: u64, width: u64) -> rusqlite::Result<()> {
    let mut wide: HashMap<(i64, String, Window), Tally> = HashMap::new();
    let mut narrow = connection.prepare_cached(
        "SELECT route, stage, width, start, matched, ignored, mismatched, legacy, new FROM tally WHERE width < ? AND start < ?",
    )?;
    let mut rows = narrow.query(params![width, before])?;
    while let Some(row) = rows.next()? {
        let window = Window { width: row.get(2)?, start: row.get(3)? }.widened(width);
        let tally = Tally {
            matched: row.get(4)?,
            ignored: row.get(5)?,
            mismatched: row.get(6)?,
            legacy: sketch(row.get_ref(7)?.as_blob()?),
            new: sketch(row.get_ref(8)?.as_blob()?),
            ..Tally::default()
        };
        wide.entry((row.get(0)?, row.get(1)?, window)).or_default().merge(&tally);
    }
    drop(rows);
    connection.execute("DELETE FROM tally WHERE width < ? AND start < ?", params![width, before])?;
    for ((route, stage, window), tally) in &wide {
        add_tally(connection, &TallyRow { route: *route, stage, window: *window }, tally)?;
    }
    Ok(())
}

/// ?1 before, ?2 width, ?3 names kept apart, ?4, ?6 to ?9 the families that are bounded, ?5 the name of the rest.
const WIDEN_NAMED_COUNTS: &str = "
INSERT INTO named_count (route, stage, width, start, family, name, count, example, example_at)
SELECT route, stage, ?2, wide, family, iif(family IN (?4, ?6, ?7, ?8, ?9) AND place > ?3, ?5, name) AS kept,
       sum(total), example, max(newest)
FROM (SELECT route, stage, start / ?2 * ?2 AS wide, family, name, sum(count) AS total, example, max(example_at) AS newest,
             row_number() OVER (PARTITION BY route, stage, start / ?2 * ?2, family ORDER BY sum(count) DESC) AS place
      FROM named_count WHERE width < ?2 AND start < ?1
      GROUP BY route, stage, wide, family, name)
GROUP BY route, stage, wide, family, kept
ON CONFLICT DO UPDATE SET count = count + excluded.count,
    example = iif(excluded.example_at >= example_at, excluded.example, example),
    example_at = max(example_at, excluded.example_at)";

const WIDEN_CAUSE_COUNTS: &str = "
INSERT INTO cause_count (cause, width, start, count)
SELECT cause, ?2, start / ?2 * ?2 AS wide, sum(count) FROM cause_count WHERE width < ?2 AND start < ?1
GROUP BY cause, wide
ON CONFLICT DO UPDATE SET count = count + excluded.count";
