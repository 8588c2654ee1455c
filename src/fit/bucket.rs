//! The token bucket behind a step of overload: its rate and its size.
//!
//! Owns the estimate from single requests and from seconds (method 4.3, F3). While more is asked than the bucket refills, what is
//! admitted is the refill; what was admitted beyond it until the first refusal was in the bucket. Refuses to say whose bucket it
//! is: the client's counts cannot tell (method 4.1). Called by `client`.

use super::identified::Interval;

/// Fewest seconds of overload, as they are counted by the second.
pub const SECONDS_MIN: usize = 8;
/// How many times the admitted requests must have been asked for: below that the bucket is not always empty.
const OVERLOAD_MIN: f64 = 1.3;
/// The bucket still holds a fraction of a token, half of one in the mean, at the first refusal (method 4.3, F3).
const LEFT_OVER: f64 = 0.5;
/// The normal deviate of a 95 % interval.
const DEVIATE: f64 = 1.96;

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Tokens per second.
    pub rate_per_s: f64,
    /// 95 % interval of the rate.
    pub rate_interval: Interval,
    /// Tokens that it holds.
    pub burst: f64,
    /// 95 % interval of these.
    pub burst_interval: Interval,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// When it was asked, in seconds.
    pub at_s: f64,
    /// Whether it was let through.
    pub admitted: bool,
}

/// What was asked in one second, and what of it was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Asked.
    pub asked: u64,
    /// Refused.
    pub refused: u64,
}

/// From requests in the order of time, the first of which found the bucket full; `None` without a lasting overload.
pub fn from_requests(requests: &[Asked]) -> Option<Bucket> {
    let first = requests.iter().position(|request| !request.admitted)?;
    let before = first as f64;
    let (begin, refused) = (requests.first()?.at_s, requests[first].at_s);
    let admitted: Vec<f64> = requests[first..].iter().filter(|request| request.admitted).map(|request| request.at_s).collect();
    let (from, to) = (*admitted.first()?, *admitted.last()?);
    let tokens = admitted.len() as f64 - 1.0;
    let is_overload = (requests.len() - first) as f64 >= OVERLOAD_MIN * admitted.len() as f64;
    if !is_overload || tokens < 10.0 || to <= from {
        return None;
    }
    let rate_per_s = tokens / (to - from);
    // An admission comes somewhere between a token and the next; so do both ends.
    let rate_error = DEVIATE * (2.0_f64 / 12.0).sqrt() / (to - from);
    Some(bucket(rate_per_s, rate_error, before - rate_per_s * (refused - begin) + LEFT_OVER, refused - begin))
}

/// From seconds in the order of time; `None` without a lasting overload. What was asked before it must have left the bucket full.
pub fn from_seconds(seconds: &[Second]) -> Option<Bucket> {
    let (first, end) = longest(seconds, |second| second.refused > 0)?;
    // The first second is refused from somewhere within it on; the last may end before it is over.
    let full = seconds.get(first + 1..end - 1)?;
    let admitted: Vec<f64> = full.iter().map(|second| (second.asked - second.refused) as f64).collect();
    let n = admitted.len() as f64;
    let (asked, sum): (u64, f64) = (full.iter().map(|second| second.asked).sum(), admitted.iter().sum());
    if full.len() < SECONDS_MIN || (asked as f64) < OVERLOAD_MIN * sum || sum < 10.0 {
        return None;
    }
    let rate_per_s = sum / n;
    // Seconds of a bucket differ by a token where nothing is wrong, and what one has too much the next lacks: their sum is off by what the
    // two ends are off. Where they scatter more, the network moved requests between seconds.
    let scatter = (admitted.iter().map(|a| (a - rate_per_s).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let rate_error = DEVIATE * (2.0_f64 / 12.0).sqrt().max(scatter / 2.0_f64.sqrt()) / n;
    let begin = (0..=first).rev().take_while(|at| seconds[*at].asked as f64 > rate_per_s).last().unwrap_or(first);
    let before: u64 = seconds[begin..=first].iter().map(|second| second.asked - second.refused).sum();
    let elapsed = (first + 1 - begin) as f64;
    Some(bucket(rate_per_s, rate_error, before as f64 - rate_per_s * elapsed + LEFT_OVER, elapsed))
}

/// The burst may be off by a token's fraction, and by what the rate is off until the first refusal.
fn bucket(rate_per_s: f64, rate_error: f64, burst: f64, elapsed_s: f64) -> Bucket {
    let burst_error = DEVIATE * (1.0_f64 / 12.0).sqrt() + rate_error * elapsed_s;
    let burst = burst.max(1.0);
    Bucket {
        rate_per_s,
        rate_interval: Interval::around(rate_per_s, rate_error),
        burst,
        burst_interval: Interval::around(burst, burst_error),
    }
}

/// The longest run of seconds of which this is true: first, and one past the last.
fn longest(seconds: &[Second], is: impl Fn(&Second) -> bool) -> Option<(usize, usize)> {
    let mut best = (0, 0);
    let mut begin = 0;
    for (at, second) in seconds.iter().enumerate() {
        if !is(second) {
            begin = at + 1;
        } else if at + 1 - begin > best.1 - best.0 {
            best = (begin, at + 1);
        }
    }
    (best.1 > best.0 + 2).then_some(best)
}

/// What limits: so many a second, or so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A rate: what is admitted does not depend on how long a request lasts.
    Rate,
    /// A number at once: what is admitted falls as requests last longer.
    Concurrency,
}

/// What was admitted under overload, while requests lasted so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Admitted requests per second.
    pub admitted_per_s: f64,
    /// Mean time that a request lasted, in any unit that the two levels share.
    pub duration: f64,
}

/// Least factor between the durations of two levels, and how close to a rule's prediction what is admitted must be.
const APART: f64 = 2.0;
const CLOSE: f64 = 0.15;

/// Which of the two it is, from two steps with different durations, best D and 4 D; `None` if it is neither, or they are too close.
pub fn limit(one: Level, other: Level) -> Option<Limit> {
    let (short, long) = if one.duration <= other.duration { (one, other) } else { (other, one) };
    let (longer, fewer) = (long.duration / short.duration, short.admitted_per_s / long.admitted_per_s);
    let near = |expected: f64| (fewer / expected).ln().abs() <= CLOSE;
    match (near(1.0), near(longer)) {
        _ if !(longer >= APART && fewer.is_finite()) => None,
        (true, false) => Some(Limit::Rate),
        (false, true) => Some(Limit::Concurrency),
        (true, true) | (false, false) => None,
    }
}
