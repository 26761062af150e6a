//! The places of differences, before anything is counted by them.

use std::cell::LazyCell;

use super::Recorder;
use crate::diff::Comparison;
use crate::evidence::pair::Pair;
use crate::evidence::redact::may_name_secret;

impl Recorder {
    /// A comparison that names no secret where it tells the places of differences: all that is counted is counted by place.
    pub(super) fn placed(&self, pair: &Pair, mut comparison: Comparison) -> Comparison {
        let redactor = LazyCell::new(|| self.redactor(pair));
        let cleaned = |path: &str| match may_name_secret(path) {
            true => redactor.path(path).into_owned(),
            false => path.to_owned(),
        };
        comparison.differences.iter_mut().for_each(|one| one.path = cleaned(&one.path));
        for applied in &mut comparison.applied {
            applied.path = cleaned(&applied.path);
            applied.places.iter_mut().for_each(|place| *place = cleaned(place));
        }
        // Headers are named by themselves, and most pairs hide some.
        let hidden = comparison.hidden.iter_mut().filter(|one| !one.example_path.starts_with("header:"));
        hidden.for_each(|one| one.example_path = cleaned(&one.example_path).into());
        comparison
    }
}
