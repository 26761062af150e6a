#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use expect_test::expect;

use super::batch::{CauseKey, CauseSeen, NewSample, Reload};
use super::triage::OTHER_CAUSES;
use super::*;
use crate::diff::{Difference, Kind, Severity};
use crate::evidence::fact::RouteFact;
use crate::evidence::noise::{Counts, FieldKey, Sort, What};
use crate::evidence::pair::Unproven;
use crate::evidence::readiness::Gate;
use crate::evidence::tally::{Exposed, Tally};

/// 2023-11-14T22:13:20Z, in milliseconds.
const NOW: u64 = 1_700_000_000_000;
const MIB: u64 = 1 << 20;

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// An error as it is told, without the temporary path.
fn told<T: std::fmt::Debug>(result: Result<T, StoreError>, home: &tempfile::TempDir) -> String {
    result.unwrap_err().to_string().replace(&*home.path().to_string_lossy(), "…")
}

fn counted(matched: u64, at: u64) -> Batch {
    let mut batch = Batch::default();
    batch.tally(&"r".into(), "shadow", at).matched = matched;
    batch
}

fn difference() -> Difference {
    Difference {
        kind: Kind::Value,
        path: "/n".to_owned(),
        control: Some("1".to_owned()),
        candidate: Some("2".to_owned()),
        severity: Severity::High,
        rule: None,
        cause: None,
    }
}

fn seen(batch: &mut Batch, fingerprint: &str, at: u64) {
    let key = CauseKey { route: "r".into(), fingerprint: fingerprint.into() };
    batch.add_cause(&key, CauseSeen::once(&difference(), "/n".to_owned(), at));
}

fn sample(fingerprint: &str, at: u64, bytes: usize) -> NewSample {
    NewSample { route: "r".into(), fingerprints: vec![fingerprint.into()], at, content: "x".repeat(bytes) }
}

fn tally(path: &Path, since: u64) -> Tally {
    let reader = StoreReader::open(path).unwrap();
    reader.at_one_moment(|moment| moment.tally(moment.routes()?[0].id, since)).unwrap()
}

/// Bytes of everything that the store has on disk.
fn on_disk(home: &tempfile::TempDir) -> u64 {
    fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn what_is_written_is_read_by_others_while_the_door_is_open_and_after() {
    let home = home();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, MIB).unwrap();
    store.write(&counted(3, NOW)).unwrap();
    assert_eq!(tally(&path, 0).matched, 3);
    store.write(&counted(4, NOW + 60_000)).unwrap();
    assert_eq!(tally(&path, 0).matched, 7);
    assert_eq!(tally(&path, NOW / 1000 + 60).matched, 4);
    drop(store);
    assert_eq!(tally(&path, 0).matched, 7);
    let mut store = Store::open(&path, MIB).unwrap();
    store.write(&counted(1, NOW)).unwrap();
    assert_eq!(tally(&path, 0).matched, 8);
    assert_eq!(StoreReader::open(&path).unwrap().check().unwrap().faults, Vec::<String>::new());
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let home = home();
    let path = home.path().join("m.db");
    for garbage in [vec![b'x'; 10], vec![0xff; 5000], b"SQLite format 3\0 and then nothing of it".repeat(200)] {
        fs::write(&path, &garbage).unwrap();
        assert!(matches!(Store::open(&path, MIB), Err(StoreError::NotAStore { .. } | StoreError::Damaged { .. })));
        assert!(matches!(StoreReader::open(&path), Err(StoreError::NotAStore { .. } | StoreError::Damaged { .. })));
        assert_eq!(fs::read(&path).unwrap(), garbage);
    }
    fs::write(&path, "no store").unwrap();
    expect!["store …/m.db: is not a store of matapalo (not an SQLite file); name another file in `store.path`, or move this one away"]
        .assert_eq(&told(Store::open(&path, MIB), &home));
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    let before = fs::read(&path).unwrap();
    expect!["store …/m.db: is not a store of matapalo (an SQLite file of another program); name another file in `store.path`, or move this one away"]
        .assert_eq(&told(Store::open(&path, MIB), &home));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn each_obstacle_is_told_by_name() {
    let home = home();
    expect!["store …: is a directory, want a file: name one in `store.path`"]
        .assert_eq(&told(Store::open(home.path(), MIB), &home));
    expect!["store …/none.db: there is none; the door creates it, or name another with --store"]
        .assert_eq(&told(StoreReader::open(&home.path().join("none.db")), &home));
    expect!["store …/no/such/m.db: cannot be written: No such file or directory (os error 2); give the door's user the right to write the file and its directory"]
        .assert_eq(&told(Store::open(&home.path().join("no/such/m.db"), MIB), &home));

    let path = home.path().join("m.db");
    let store = Store::open(&path, MIB).unwrap();
    let locked = told(Store::open(&path, MIB), &home);
    assert!(locked.contains(&format!("another door writes it (process {})", std::process::id())), "{locked}");
    drop(store);

    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let wanted = expect![
        "store …/m.db: has format 99, this matapalo knows up to 2; use the newer matapalo, or another file in `store.path`"
    ];
    wanted.assert_eq(&told(Store::open(&path, MIB), &home));
    wanted.assert_eq(&told(StoreReader::open(&path), &home));
}

#[test]
fn a_store_of_the_first_format_is_read_as_it_is_and_upgraded_when_it_is_written() {
    let home = home();
    let path = home.path().join("m.db");
    Store::open(&path, MIB).unwrap().write(&counted(3, NOW)).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch("DROP TABLE field_count; PRAGMA user_version = 1").unwrap();
    drop(old);
    assert_eq!(tally(&path, 0).matched, 3);
    assert_eq!(StoreReader::open(&path).unwrap().check().unwrap().version, 1);
    let mut store = Store::open(&path, MIB).unwrap();
    store.write(&counted(4, NOW)).unwrap();
    assert_eq!(tally(&path, 0).matched, 7);
    let check = StoreReader::open(&path).unwrap().check().unwrap();
    assert_eq!((check.version, check.faults), (schema::VERSION, Vec::new()));
    store.connection.execute_batch("SELECT * FROM field_count").unwrap();
}

#[test]
fn a_torn_log_costs_no_more_than_its_tail() {
    let home = home();
    let (path, copy) = (home.path().join("m.db"), home.path().join("copy.db"));
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let mut store = Store::open(&path, 64 * MIB).unwrap();
    store.write(&counted(5, NOW)).unwrap();
    let whole_until = store.wal_size();
    store.write(&counted(7, NOW)).unwrap();
    // What a machine that lost its power leaves: the file and a log of which the last transaction is not whole.
    let written = fs::read(log(&path)).unwrap();
    for torn in [whole_until + 1, whole_until + 2000, written.len() as u64 - 1] {
        fs::copy(&path, &copy).unwrap();
        fs::write(log(&copy), &written[..usize::try_from(torn).unwrap()]).unwrap();
        let _ = fs::remove_file(format!("{}-shm", copy.display()));
        assert_eq!(tally(&copy, 0).matched, 5, "torn at {torn}");
        let mut again = Store::open(&copy, 64 * MIB).unwrap();
        again.write(&counted(1, NOW)).unwrap();
        assert_eq!(tally(&copy, 0).matched, 6);
    }
}

#[test]
fn a_small_store_stays_small_and_every_count_is_kept() {
    let home = home();
    let path = home.path().join("m.db");
    let max_size = 2 * MIB;
    let mut store = Store::open(&path, max_size).unwrap();
    let (mut dropped, mut largest) = (0, 0);
    for round in 0..200u64 {
        let at = NOW + round * 1000;
        let mut batch = counted(10, at);
        for one in 0..5u64 {
            // A cause that is seen all the time, and many that are seen once.
            let fingerprint = if one < 3 { "often".to_owned() } else { format!("once-{round}-{one}") };
            seen(&mut batch, &fingerprint, at);
            batch.add_sample(sample(&fingerprint, at, 20_000), store.room().samples);
        }
        dropped += batch.samples_dropped + store.write(&batch).unwrap().samples_dropped;
        largest = largest.max(on_disk(&home));
    }
    assert!(largest <= max_size + 64 * 1024, "{largest} bytes on disk");
    assert!(largest >= max_size / 2, "only {largest} bytes of {max_size} are used");
    assert_eq!(tally(&path, 0).matched, 2000);
    let sound = StoreReader::open(&path).unwrap().check().unwrap();
    assert_eq!(sound.faults, Vec::<String>::new());
    assert_eq!((sound.comparisons, sound.causes, sound.samples_dropped), (2000, 401, dropped));
    let reader = StoreReader::open(&path).unwrap();
    let causes = reader.at_one_moment(|moment| moment.causes(1, 0)).unwrap();
    let often = causes.iter().find(|cause| cause.fingerprint == "often").unwrap();
    assert_eq!(often.count, 600);
    // The over-represented one made room: causes with a sample are far more than it has samples.
    let with_sample = causes.iter().filter(|cause| !cause.samples.is_empty()).count();
    assert!(often.samples.len() <= 4 && with_sample > 30, "{} and {with_sample}", often.samples.len());
}

#[test]
fn a_store_full_of_counts_is_told_in_coarser_windows() {
    let home = home();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, SMALLEST_SIZE).unwrap();
    let mut fulls = 0;
    let (mut written, minutes) = (0, 12_000u64);
    for chunk in 0..minutes / 100 {
        let mut batch = Batch::default();
        for minute in 0..100 {
            let at = NOW + (chunk * 100 + minute) * 60_000;
            batch.tally(&"r".into(), "shadow", at).matched = 1;
            batch.tally(&"r".into(), "shadow", at).add_unproven(Unproven::Timeout);
        }
        let now = NOW / 1000 + chunk * 6000;
        if let Err(error) = store.write(&batch) {
            assert!(matches!(error, StoreError::Full { .. }), "{error}");
            fulls += 1;
            store.squeeze_in(&mut batch, now).unwrap();
        }
        written += 100;
    }
    assert!(fulls > 0, "the store was never full: the test is too small");
    let tally = tally(&path, 0);
    assert_eq!((tally.matched, tally.unproven_total()), (written, written));
    assert!(on_disk(&home) <= SMALLEST_SIZE + 64 * 1024);
}

/// Names that are others each time, on many routes: what is seldom is counted together, and every sum is kept.
#[test]
fn a_small_store_does_not_fill_for_good_with_names() {
    let home = home();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, SMALLEST_SIZE).unwrap();
    let (routes, rounds) = (30u64, 60u64);
    for round in 0..rounds {
        let at = NOW + round * 20_000;
        let mut batch = Batch::default();
        for route in 0..routes {
            let name: Arc<str> = format!("r{route}").into();
            let tally = batch.tally(&name, "shadow", at);
            tally.mismatched = 10;
            tally.fields = (0..10).map(|n| (format!("header:x-{round}-{n}"), 1)).collect();
            *tally.fields.entry("header:often".to_owned()).or_default() = 10;
            tally.triage.add_exposed(&Exposed {
                kind: "lost".to_owned(),
                legacy: 200,
                new: 404,
                request: format!("GET /{round}"),
            });
            for n in 0..10 {
                let field = FieldKey { path: format!("header:x-{round}-{n}"), sort: Sort::Presence };
                tally.noise.fields.entry(field).or_default().add(What::Pairs, 1);
            }
            for n in 0..10 {
                let key = CauseKey { route: Arc::clone(&name), fingerprint: format!("{route}-{round}-{n}").into() };
                batch.add_cause(&key, CauseSeen::once(&difference(), format!("header:x-{round}-{n}"), at));
            }
            let key = CauseKey { route: name, fingerprint: "often".into() };
            let worst = Difference { severity: Severity::Critical, ..difference() };
            batch.add_cause(&key, CauseSeen::once(&worst, "header:often".to_owned(), at));
        }
        store.squeeze_in(&mut batch, at / 1000).unwrap();
        assert!(on_disk(&home) <= SMALLEST_SIZE + 64 * 1024, "{} bytes on disk", on_disk(&home));
    }
    drop(store);
    let reader = StoreReader::open(&path).unwrap();
    assert_eq!(reader.check().unwrap().faults, Vec::<String>::new());
    reader
        .at_one_moment(|moment| {
            for route in moment.routes()? {
                let tally = moment.tally(route.id, 0)?;
                assert_eq!(tally.mismatched, 10 * rounds);
                assert_eq!(tally.fields["header:often"], 10 * rounds);
                assert_eq!(tally.fields.values().sum::<u64>(), 20 * rounds);
                assert_eq!(tally.triage.exposed.values().sum::<u64>(), rounds);
                let pairs = tally.noise.fields.values().map(|counts| counts.get(What::Pairs));
                assert_eq!(pairs.sum::<u64>(), 10 * rounds);
                let causes = moment.causes(route.id, 0)?;
                assert_eq!(causes.iter().map(|cause| cause.count).sum::<u64>(), 11 * rounds);
                assert_eq!((causes[0].fingerprint.as_str(), causes[0].count), ("often", rounds));
                assert!(causes.iter().any(|cause| cause.fingerprint == OTHER_CAUSES), "nothing was folded");
            }
            Ok(())
        })
        .unwrap();
}

fn asked(what: &[(What, u64)]) -> Counts {
    let mut counts = Counts { samples: 2, ..Counts::default() };
    let sorts = [Sort::Status, Sort::Presence, Sort::Shape, Sort::Value(Kind::Text)];
    for sort in sorts {
        let counts = counts.fields.entry(FieldKey { path: "/*/v".to_owned(), sort }).or_default();
        what.iter().for_each(|(what, count)| counts.add(*what, *count));
    }
    counts
}

fn times(counts: &Counts, times: u64) -> Counts {
    let mut sum = Counts::default();
    (0..times).for_each(|_| sum.merge(counts));
    sum
}

#[test]
fn merging_old_windows_changes_no_sum() {
    let home = home();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, 64 * MIB).unwrap();
    let mut batch = Batch::default();
    let days = 40;
    for quarter in 0..days * 96 {
        let at = NOW - quarter * 15 * 60_000;
        let tally = batch.tally(&"r".into(), "shadow", at);
        tally.matched = 2;
        tally.add_unproven(Unproven::Timeout);
        tally.legacy.add(Duration::from_millis(10));
        tally.fields.insert(format!("/{}", quarter % 100), 1);
        tally.noise = asked(&[(What::Pairs, 3), (What::OddLegacy, 1)]);
        seen(&mut batch, "f", at);
    }
    store.write(&batch).unwrap();
    let rows = |store: &Store| -> u64 {
        store.connection.query_row("SELECT count(*) FROM tally", [], |row| row.get(0)).unwrap()
    };
    let (before, rows_before) = (tally(&path, 0), rows(&store));
    store.compact(NOW / 1000).unwrap();
    store.compact(NOW / 1000).unwrap();
    let (after, rows_after) = (tally(&path, 0), rows(&store));
    assert!(rows_after * 4 < rows_before, "{rows_before} rows became {rows_after}");
    assert_eq!((after.matched, &after.unproven, &after.legacy), (before.matched, &before.unproven, &before.legacy));
    assert_eq!(after.fields.values().sum::<u64>(), before.fields.values().sum::<u64>());
    assert_eq!(after.noise, before.noise);
    assert_eq!(after.noise, times(&asked(&[(What::Pairs, 3), (What::OddLegacy, 1)]), days * 96));
    let causes = StoreReader::open(&path).unwrap().at_one_moment(|moment| moment.causes(1, 0)).unwrap();
    assert_eq!(causes[0].count, days * 96);
    assert_eq!(tally(&path, NOW / 1000 - 3600).matched, 2 * 5, "the last hour is still told by the minute");
}

#[test]
fn a_lowered_bound_is_kept_at_the_next_start() {
    let home = home();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, 16 * MIB).unwrap();
    let mut batch = counted(1, NOW);
    for one in 0..100u64 {
        let fingerprint = format!("f{one}");
        seen(&mut batch, &fingerprint, NOW);
        batch.add_sample(sample(&fingerprint, NOW, 60_000), usize::MAX);
    }
    store.write(&batch).unwrap();
    drop(store);
    assert!(fs::metadata(&path).unwrap().len() > 5 * MIB);
    let store = Store::open(&path, 2 * MIB).unwrap();
    drop(store);
    assert!(fs::metadata(&path).unwrap().len() <= 2 * MIB);
    let sound = StoreReader::open(&path).unwrap().check().unwrap();
    assert_eq!((sound.faults.len(), sound.comparisons), (0, 1));
    assert!(sound.samples > 10, "{} samples are left", sound.samples);
}

fn fact(name: &str, stage: &str, weight: Option<f64>) -> RouteFact {
    RouteFact {
        name: name.to_owned(),
        stage: stage.to_owned(),
        weight,
        mirrored: true,
        gate: Gate::default(),
        rules: Vec::new(),
        legacy_url: None,
        new_url: None,
    }
}

#[test]
fn changes_of_stage_become_a_history() {
    let home = home();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, MIB).unwrap();
    let steps = [
        vec![fact("a", "shadow", None), fact("b", "legacy", None)],
        vec![fact("a", "canary", Some(10.0)), fact("b", "legacy", None)],
        vec![fact("a", "canary", Some(50.0))],
        vec![fact("a", "new", None), fact("b", "shadow", None)],
    ];
    for (generation, facts) in (1..).zip(steps) {
        let reloads = vec![Reload { facts, generation, at: NOW + generation * 1000 }];
        let mut batch = Batch::default();
        batch.reloads = reloads;
        store.write(&batch).unwrap();
    }
    let reader = StoreReader::open(&path).unwrap();
    let flips = reader.at_one_moment(|moment| moment.flips(0)).unwrap();
    let lines: Vec<String> =
        flips.iter().map(|f| format!("{} {}: {} -> {}", f.generation, f.route, f.from, f.to)).collect();
    expect![[r#"
        2 a: shadow -> canary 10 %
        3 a: canary 10 % -> canary 50 %
        4 a: canary 50 % -> new"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_batch_that_comes_back_loses_no_count() {
    let route: Arc<str> = "r".into();
    let mut older = counted(5, NOW);
    seen(&mut older, "f", NOW);
    older.add_sample(sample("f", NOW, 600), 1000);
    let mut newer = counted(7, NOW);
    seen(&mut newer, "f", NOW + 1000);
    newer.add_sample(sample("f", NOW + 1000, 600), 1000);
    newer.put_back(older, 1000);
    assert_eq!(newer.tally(&route, "shadow", NOW).matched, 12);
    let cause = newer.causes.values().next().unwrap();
    assert_eq!((cause.first_seen, cause.last_seen, cause.counts.values().sum::<u64>()), (NOW, NOW + 1000, 2));
    // Only one of the two samples fits: the newer.
    assert_eq!((newer.samples.len(), newer.samples[0].at, newer.samples_dropped), (1, NOW + 1000, 1));
}

#[test]
fn a_batch_that_waits_for_weeks_stays_small() {
    let mut batch = Batch::default();
    let minutes = 60 * 24 * 60;
    for minute in 0..minutes {
        batch.tally(&"r".into(), "shadow", NOW + minute * 60_000).matched += 1;
    }
    assert!(batch.tallies.len() <= 10_000, "{} windows", batch.tallies.len());
    assert_eq!(batch.tallies.values().map(|tally| tally.matched).sum::<u64>(), minutes);
}

#[test]
fn damage_in_the_middle_is_found_and_does_not_end_the_door() {
    let home = home();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, 64 * MIB).unwrap();
    let mut batch = counted(1, NOW);
    for one in 0..50u64 {
        let fingerprint = format!("f{one}");
        seen(&mut batch, &fingerprint, NOW);
        batch.add_sample(sample(&fingerprint, NOW, 20_000), usize::MAX);
    }
    for minute in 0..2000 {
        batch.tally(&"r".into(), "shadow", NOW + minute * 60_000).matched = 1;
    }
    store.write(&batch).unwrap();
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len();
    bytes[4096..last].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    match StoreReader::open(&path).and_then(|reader| reader.check()) {
        Ok(sound) => assert!(!sound.faults.is_empty(), "the damage was not seen"),
        Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error}"),
    }
    // Whether it opens or not: an answer, never a panic.
    if let Ok(mut store) = Store::open(&path, 64 * MIB) {
        assert!(store.write(&counted(1, NOW)).is_err());
    }
}
