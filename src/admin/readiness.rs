//! The verdicts as a metric, read from the store when somebody asks for `/metrics`: a route that the store does not know has none.

use super::status::Verdicts;
use crate::evidence::Verdict;

const NAME: &str = "matapalo_readiness";

/// In Prometheus' text format; nothing while there is no verdict.
pub fn exposition(verdicts: &Verdicts) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let mut lines: Vec<String> = verdicts
        .iter()
        .map(|(route, verdict)| format!("{NAME}{{route=\"{}\"}} {}\n", escaped(route), value(verdict)))
        .collect();
    lines.sort();
    format!(
        "# HELP {NAME} The verdict on a route: 1 ready, 0 not yet, -1 inconclusive.\n# TYPE {NAME} gauge\n{}",
        lines.concat()
    )
}

fn value(verdict: &str) -> i8 {
    match verdict {
        word if word == Verdict::Ready.name() => 1,
        word if word == Verdict::NotYet.name() => 0,
        _ => -1,
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_its_number() {
        let verdicts = [("a", "ready"), ("b", "not yet"), ("c\"", "inconclusive")];
        let verdicts: Verdicts =
            verdicts.iter().map(|(route, word)| ((*route).to_owned(), (*word).to_owned())).collect();
        let text = exposition(&verdicts);
        assert!(
            text.ends_with(
                "{route=\"a\"} 1\nmatapalo_readiness{route=\"b\"} 0\nmatapalo_readiness{route=\"c\\\"\"} -1\n"
            ),
            "{text}"
        );
        assert_eq!(exposition(&Verdicts::default()), "");
    }
}
