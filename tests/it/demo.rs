//! The demonstrations do what they show.

use crate::harness::matapalo;

#[test]
fn the_small_demo_runs_to_its_end_and_names_its_bugs() {
    let run = matapalo(&["demo"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("mismatched"), "{run}");
}
