//! The admin window's `/metrics`, as numbers.

use super::{Door, get, site::await_that};

impl Door {
    /// The text of `/metrics`.
    pub fn metrics(&self) -> String {
        let answer = get(self.admin, "/metrics");
        assert_eq!(answer.status(), 200, "/metrics: {}", answer.text());
        answer.text()
    }

    /// The sum over all series of `name` (without its `matapalo_`) that carry these labels.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        sum(&self.metrics(), name, labels)
    }

    /// Waits until the sum is what is wanted.
    pub fn await_metric(&self, name: &str, labels: &[(&str, &str)], wanted: f64) {
        await_that(&format!("{name}{labels:?} = {wanted}"), || {
            let found = self.metric(name, labels);
            if found == wanted { Ok(()) } else { Err(format!("it is {found}")) }
        });
    }
}

/// Sums the series of an exposition text.
pub fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let full = format!("matapalo_{name}");
    text.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(&full)?;
            let (carried, value) = match rest.strip_prefix('{') {
                Some(rest) => rest.rsplit_once('}')?,
                None => ("", rest.strip_prefix(' ').map(|_| rest)?),
            };
            let all =
                labels.iter().all(|(key, value)| carried.split(',').any(|label| label == format!("{key}=\"{value}\"")));
            all.then(|| value.trim().parse::<f64>().ok())?
        })
        .sum()
}

#[test]
fn sums_only_what_carries_the_name_and_the_labels() {
    let text = "# HELP matapalo_a x\nmatapalo_a{route=\"x\",code=\"200\"} 2\nmatapalo_a{route=\"x\",code=\"404\"} 1\n\
                matapalo_a{route=\"y\",code=\"200\"} 5\nmatapalo_ab 9\nmatapalo_c 3\n";
    assert_eq!(sum(text, "a", &[("route", "x")]), 3.0);
    assert_eq!(sum(text, "a", &[("route", "x"), ("code", "404")]), 1.0);
    assert_eq!(sum(text, "a", &[]), 8.0);
    assert_eq!(sum(text, "c", &[]), 3.0);
}
