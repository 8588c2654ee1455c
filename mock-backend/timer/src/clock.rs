//! The only place that asks the operating system for the time.
//!
//! All processes of a host share `CLOCK_MONOTONIC`, so an instant that the mock stamped can be compared with one that the
//! generator stamped, once both count from the same origin.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use sluicegate_policy::time::{Instant, Span};

/// The monotonic clock, counted from an origin (usually the start of the run).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    origin_ns: u64,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn starting_now() -> Self {
        Self { origin_ns: monotonic_ns() }
    }

    /// A clock that reads zero at `origin_ns` of `CLOCK_MONOTONIC`, perhaps one that another process of this host chose.
    pub const fn with_origin(origin_ns: u64) -> Self {
        Self { origin_ns }
    }

    /// The origin in nanoseconds of `CLOCK_MONOTONIC`, to hand to another process of this host.
    pub const fn origin_ns(self) -> u64 {
        self.origin_ns
    }

    /// Now; zero before the origin.
    pub fn now(self) -> Instant {
        Instant::from_ns(monotonic_ns().saturating_sub(self.origin_ns))
    }
}

/// The wall clock: time since 1970-01-01T00:00:00Z. Read once for a run; all else is monotonic.
#[allow(clippy::disallowed_methods, reason = "this is the clock file")]
pub fn wall_epoch() -> Span {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Span::from_ns(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// CPU time that the calling thread has used.
pub fn thread_cpu() -> Span {
    span_of(ClockId::ThreadCPUTime)
}

/// CPU time that this process has used, all threads together.
pub fn process_cpu() -> Span {
    span_of(ClockId::ProcessCPUTime)
}

fn monotonic_ns() -> u64 {
    span_of(ClockId::Monotonic).as_ns()
}

fn span_of(clock: ClockId) -> Span {
    let time = clock_gettime(clock);
    Span::from_ns(time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned())
}
