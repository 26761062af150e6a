//! The counts of fields ([`noise`](crate::evidence::noise)) in the file: one count a row.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::write::TallyRow;
use crate::evidence::noise::{Counts, FieldCounts, FieldKey, Sort, What};

/// The row that is the route's own, not a field's.
const SAMPLES: &str = "samples";

/// ?1 before, ?2 width.
pub const WIDEN: &str = "
INSERT INTO field_count (route, width, start, path, kind, what, count)
SELECT route, ?2, start / ?2 * ?2 AS wide, path, kind, what, sum(count) FROM field_count WHERE width < ?2 AND start < ?1
GROUP BY route, wide, path, kind, what
ON CONFLICT DO UPDATE SET count = count + excluded.count";

pub fn add(connection: &Connection, row: &TallyRow<'_>, counts: &Counts) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO field_count (route, width, start, path, kind, what, count) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count",
    )?;
    let (route, window) = (row.route, row.window);
    if counts.samples > 0 {
        add.execute(params![route, window.width, window.start, "", "", SAMPLES, counts.samples])?;
    }
    for (field, counts) in &counts.fields {
        for (what, count) in counts.iter() {
            let (kind, what) = (field.sort.name(), what.name());
            add.execute(params![route, window.width, window.start, field.path, kind, what, count])?;
        }
    }
    Ok(())
}

/// Since when: seconds since 1970. Nothing, in a file of the first format.
pub fn read(connection: &Connection, route: i64, since: u64) -> rusqlite::Result<Counts> {
    if !has_table(connection)? {
        return Ok(Counts::default());
    }
    let mut counts = Counts::default();
    let mut stored = connection.prepare_cached(
        "SELECT path, kind, what, sum(count) FROM field_count WHERE route = ? AND start + width > ? GROUP BY path, kind, what",
    )?;
    let mut rows = stored.query(params![route, since])?;
    let mut fields: BTreeMap<FieldKey, FieldCounts> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (path, kind, what, count): (String, String, String, u64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        if kind.is_empty() {
            counts.samples += if what == SAMPLES { count } else { 0 };
        } else if let (Some(sort), Some(what)) = (Sort::named(&kind), What::named(&what)) {
            fields.entry(FieldKey { path, sort }).or_default().add(what, count);
        }
    }
    counts.fields = fields;
    Ok(counts)
}

fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'field_count')")?
        .query_row([], |row| row.get(0))
}
