//! Who is shown the candidates of a walk. The walk is written once; what is done with what it meets is not its business.

use std::ops::ControlFlow;

use super::RouteId;
use super::conditions::Mismatch;
use super::group::{Candidate, Strangers};

/// Is shown the routes whose path matches, in order of precedence.
pub trait Witness {
    /// Whether it also wants those whose host does not match.
    const STRANGERS: Strangers;

    /// Is shown a candidate and whether its conditions hold; says whether the walk goes on.
    fn sees(&mut self, candidate: Candidate, outcome: Result<(), Mismatch>) -> ControlFlow<()>;
}

/// Wants the winner and nothing else.
#[derive(Debug, Default)]
pub struct First {
    pub winner: Option<RouteId>,
}

impl Witness for First {
    const STRANGERS: Strangers = Strangers::Hidden;

    fn sees(&mut self, candidate: Candidate, outcome: Result<(), Mismatch>) -> ControlFlow<()> {
        if outcome.is_err() {
            return ControlFlow::Continue(());
        }
        self.winner = Some(candidate.route);
        ControlFlow::Break(())
    }
}
