//! What a command's exit code says.

use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, sound, equal, ready.
    Good,
    /// 1: the question was answered, and the answer is no (not sound, different, not yet).
    No,
    /// 2: the question could not be answered: bad arguments, bad config, nothing there.
    Trouble,
    /// 3: there is too little evidence for an answer.
    Inconclusive,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Good => 0,
            Exit::No => 1,
            Exit::Trouble => 2,
            Exit::Inconclusive => 3,
        })
    }
}
