//! What a full store gives up last: names of their own. The seldom ones are counted together, and no count is lost.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::batch::CauseKey;
use super::triage::{Merge, OTHER_CAUSES, merge_causes};
use super::write::FIELD;
use crate::evidence::noise;
use crate::evidence::tally::{BOUNDED, OTHER};

/// Keeps so many names a window and family, and so many causes a route.
#[derive(Debug, Clone, Copy)]
pub struct Fold {
    pub names: usize,
    pub causes: usize,
}

pub fn fold(connection: &Connection, keep: Fold) -> rusqlite::Result<()> {
    let Fold { names, causes } = keep;
    let families = [FIELD, BOUNDED[0], BOUNDED[1], BOUNDED[2], BOUNDED[3]];
    for family in families {
        for statement in [FOLD_NAMES, DROP_FOLDED_NAMES] {
            connection.execute(statement, params![names as u64, family, OTHER])?;
        }
    }
    let field = noise::other();
    connection.execute(FOLD_FIELDS, params![names as u64, field.path, field.sort.name()])?;
    connection.execute(DROP_FOLDED_FIELDS, params![names as u64, field.path])?;
    connection.execute(DROP_PLACES, params![names as u64])?;
    fold_causes(connection, causes)
}

/// The weightiest stay, and of equals those that most pairs show.
fn fold_causes(connection: &Connection, keep: usize) -> rusqlite::Result<()> {
    let seldom: Vec<(String, String)> = connection
        .prepare_cached(
            "SELECT name, fingerprint FROM
                 (SELECT route, fingerprint, row_number() OVER (PARTITION BY route ORDER BY severity DESC, pairs DESC, id) AS place
                  FROM (SELECT id, route, fingerprint, severity,
                               (SELECT sum(count) FROM cause_count WHERE cause = cause.id) AS pairs
                        FROM cause WHERE fingerprint <> ?2))
             JOIN route ON route.id = route WHERE place > ?1",
        )?
        .query_map(params![keep as u64, OTHER_CAUSES], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut id = connection.prepare_cached("SELECT id FROM route WHERE name = ?")?;
    for (route, fingerprint) in seldom {
        let number = id.query_row([&route], |row| row.get(0))?;
        let from = CauseKey { route: route.into(), fingerprint: fingerprint.into() };
        let merge = Merge { from, to: Arc::from(OTHER_CAUSES), place: Arc::from(OTHER) };
        merge_causes(connection, number, &merge)?;
    }
    Ok(())
}

/// ?1 names kept, ?2 family, ?3 the name of the rest.
const FOLD_NAMES: &str = "
INSERT INTO named_count (route, stage, width, start, family, name, count, example, example_at)
SELECT route, stage, width, start, ?2, ?3, sum(count), '', 0
FROM (SELECT route, stage, width, start, count,
             row_number() OVER (PARTITION BY route, stage, width, start ORDER BY count DESC, name) AS place
      FROM named_count WHERE family = ?2 AND name <> ?3)
WHERE place > ?1 GROUP BY route, stage, width, start
ON CONFLICT DO UPDATE SET count = count + excluded.count";

const DROP_FOLDED_NAMES: &str = "
DELETE FROM named_count WHERE family = ?2 AND name <> ?3 AND (route, stage, width, start, name) IN
    (SELECT route, stage, width, start, name
     FROM (SELECT route, stage, width, start, name,
                  row_number() OVER (PARTITION BY route, stage, width, start ORDER BY count DESC, name) AS place
           FROM named_count WHERE family = ?2 AND name <> ?3)
     WHERE place > ?1)";

/// ?1 fields kept, ?2 path of the rest, ?3 its kind. The rows of the route itself have no kind.
const FOLD_FIELDS: &str = "
INSERT INTO field_count (route, width, start, path, kind, what, count)
SELECT route, width, start, ?2, ?3, what, sum(count)
FROM field_count JOIN
    (SELECT route, width, start, path, kind,
            row_number() OVER (PARTITION BY route, width, start ORDER BY sum(count) DESC, path, kind) AS place
     FROM field_count WHERE kind <> '' AND path <> ?2 GROUP BY route, width, start, path, kind)
USING (route, width, start, path, kind)
WHERE place > ?1 GROUP BY route, width, start, what
ON CONFLICT DO UPDATE SET count = count + excluded.count";

const DROP_FOLDED_FIELDS: &str = "
DELETE FROM field_count WHERE kind <> '' AND path <> ?2 AND (route, width, start, path, kind) IN
    (SELECT route, width, start, path, kind
     FROM (SELECT route, width, start, path, kind,
                  row_number() OVER (PARTITION BY route, width, start ORDER BY sum(count) DESC, path, kind) AS place
           FROM field_count WHERE kind <> '' AND path <> ?2 GROUP BY route, width, start, path, kind)
     WHERE place > ?1)";

/// Places that one of the operator's entries covered: they are examples, and counted nowhere else. ?1 places kept.
const DROP_PLACES: &str = "
DELETE FROM named_count WHERE family = 'rule_place' AND (route, stage, width, start, name) IN
    (SELECT route, stage, width, start, name
     FROM (SELECT route, stage, width, start, name,
                  row_number() OVER (PARTITION BY route, stage, width, start, substr(name, 1, instr(name, char(10)))
                                     ORDER BY count DESC, name) AS place
           FROM named_count WHERE family = 'rule_place')
     WHERE place > ?1)";
