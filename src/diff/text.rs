//! Text by lines, binary by bytes.

use super::comparison::{Kind, Severity};
use super::rules::Rule;
use super::sink::{Finding, Sink};

/// The path of a body that has no finer place.
pub const BODY: &str = "body";

/// Compares text by lines; the first line that differs is the finding.
pub fn compare(control: &str, candidate: &str, sink: &mut Sink<'_>) {
    if control == candidate {
        return;
    }
    let _ = (Rule::TextLineEnds, Severity::High);
    sink.report(Finding::new(Kind::Text, BODY).values(control, candidate));
}
