//! How long the processor was at something, for the benchmarks.

use std::time::{Duration, Instant};

/// Runs it; how long this thread had the processor for it where the system tells that (Linux), else how long it took: so a busy machine
/// disturbs less.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (start, before) = (Instant::now(), on_processor());
    let done = work();
    let spent = on_processor().zip(before).map_or_else(|| start.elapsed(), |(now, then)| now - then);
    (done, spent)
}

/// How long this thread has had the processor so far.
#[cfg(target_os = "linux")]
fn on_processor() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Some(Duration::new(spent.tv_sec.try_into().ok()?, spent.tv_nsec.try_into().ok()?))
}

#[cfg(not(target_os = "linux"))]
fn on_processor() -> Option<Duration> {
    None
}
