//! Stretches of time that are counted apart, so that "the last hour" can be asked for.

/// A stretch of time on the grid of its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Seconds since 1970, a multiple of the width.
    pub start: u64,
    /// Seconds.
    pub width: u64,
}

impl Window {
    /// Seconds. Recent windows: fine enough to see what a deployment changed.
    pub const MINUTE: u64 = 60;
    /// Seconds. Windows older than two hours: a day of many routes is read in an instant, and still tells the morning from noon.
    pub const TEN_MINUTES: u64 = 10 * Self::MINUTE;
    /// Seconds. Windows older than a day.
    pub const HOUR: u64 = 60 * Self::MINUTE;
    /// Seconds. Windows older than a month.
    pub const DAY: u64 = 24 * Self::HOUR;

    /// The minute in which `at` (milliseconds since 1970) lies.
    pub fn minute_of(at: u64) -> Self {
        Self { start: at / 1000, width: 1 }.widened(Self::MINUTE)
    }

    /// The wider window in which this one lies.
    pub fn widened(self, width: u64) -> Self {
        let width = width.max(self.width).max(1);
        Self { start: self.start / width * width, width }
    }

    /// The hour in which it lies; a day stays a day.
    pub fn hourly(self) -> Self {
        self.widened(Self::HOUR)
    }

    /// The next coarser grid; a day stays a day.
    pub fn coarser(self) -> Self {
        self.widened(if self.width < Self::HOUR { Self::HOUR } else { Self::DAY })
    }
}
