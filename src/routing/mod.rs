//! Who answers? Pure: no IO, no clock, no chance.
//!
//! [`table`] finds the route of a request, [`bucket`] places its session on a line of 10,000, and [`stage`] turns both
//! into a [`Plan`]. `find` and `explain` are one function told twice.

pub mod bucket;
pub mod matcher;
pub mod readings;
pub mod stage;
pub mod table;

pub use bucket::{Bucket, Share};
pub use matcher::{HostPattern, HostPatternError, Matcher, PathPattern, PathPatternError};
pub use stage::{Asked, MethodSet, Origin, Plan, Policy, Stage, UnknownOrigin, UnknownStage};
pub use table::{Ambiguous, Explanation, Loser, Lost, Parts, Reading, RouteId, RouteTable};
