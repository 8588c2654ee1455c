//! A client that tries again: which steps are repeated, after which backoff, and within which budget.
//!
//! Owns the decision and the instant of every retry, in both worlds alike. Refuses clocks and sockets, and to repeat what the generator
//! itself never sent. Called by `sim` and by every lane of `engine`, around the source of their script; without a policy nothing is
//! wrapped.
//!
//! Modelled on what clients of gateways do. Number of attempts, doubled backoff and its longest time: the "standard" mode of the AWS SDKs
//! (AWS SDKs and Tools Reference Guide, "Retry behavior": 3 attempts, factor 2, at most 20 s). Full jitter: M. Brooker, "Exponential
//! Backoff And Jitter", AWS Architecture Blog, 2015. The budget: see `budget`.
//!
//! The response time of a retry runs from the end of its backoff, which is its intended instant. A retry is no part of the plan: it
//! has no part in the script's hash, and what is counted as intended counts first attempts.

mod budget;

use sluicegate_policy::call::Blame;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

pub use self::budget::{MINIMUM, WINDOW};

use self::budget::Window;
use super::{Ended, Feedback, Share, Source};
use crate::traffic::{Action, Due, Step};

/// When, how often and after which pause a request is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Attempts at one request, the first included; at least two.
    pub attempts: u8,
    /// After which statuses of complete answers.
    pub statuses: Vec<u16>,
    /// Whether what the network failed is tried again: no connection, no complete answer, or none in time.
    pub network: bool,
    /// Backoff before the first retry; doubled before each further one. Above zero.
    pub backoff: Span,
    /// Longest backoff.
    pub max_backoff: Span,
    /// How the backoff is spread.
    pub jitter: Jitter,
    /// Retries there may be in proportion to first attempts, in millionths; `None` is as many as there are failures.
    pub budget: Option<u32>,
}

/// How a backoff is spread, so that clients that failed together do not come back together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// Uniformly from zero to the whole backoff.
    #[default]
    Full,
    /// Uniformly from half of the backoff to the whole.
    Equal,
    /// Not at all.
    None,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Retries that were decided on; each is sent when its backoff ends, if the run has not ended by then.
    pub granted: u64,
    /// Retries that the budget did not allow, or that found [`WAITING_MAX`] others under way.
    pub refused: u64,
    /// Requests whose last allowed attempt failed, too.
    pub exhausted: u64,
    /// Requests that failed first, and were answered with a status below 400 by a retry.
    pub recovered: u64,
}

impl Tally {
    /// What two lanes decided together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            granted: self.granted + other.granted,
            refused: self.refused + other.refused,
            exhausted: self.exhausted + other.exhausted,
            recovered: self.recovered + other.recovered,
        }
    }
}

/// Retries of one lane that may wait or be under way at once; the next is refused, and counted.
pub const WAITING_MAX: u64 = 1 << 20;

/// The steps of `source`, and the retries that `policy` adds to them. `seed` is the traffic's, `share` the part that is played: the
/// backoffs do not depend on it, and of the budget's minimum each share has its part.
pub fn retrying(source: Box<dyn Source>, policy: Policy, seed: Seed, share: Share) -> Box<dyn Source> {
    let window = policy.budget.map(|millionths| Window::new(millionths, share.of));
    Box::new(Retrying { source, policy, backoffs: seed.child("retries"), window, waiting: 0, tally: Tally::default() })
}

struct Retrying {
    source: Box<dyn Source>,
    policy: Policy,
    backoffs: Seed,
    window: Option<Window>,
    /// Granted, and not ended yet.
    waiting: u64,
    tally: Tally,
}

impl Source for Retrying {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        if let Feedback::Ended(ended) = feedback
            && let Some(retry) = self.retry(&ended)
        {
            return Some(retry);
        }
        self.source.next(feedback)
    }

    fn retries(&self) -> Option<Tally> {
        Some(self.tally)
    }
}

impl Retrying {
    /// The same step once more, unless it did not fail, was tried often enough, or the budget is used up.
    fn retry(&mut self, ended: &Ended<'_>) -> Option<Step> {
        if ended.attempt > 0 {
            self.waiting = self.waiting.saturating_sub(1);
        } else if let Some(window) = self.window.as_mut().filter(|_| ended.fault != Blame::Generator) {
            window.on_first_attempt(ended.at);
        }
        if !self.policy.is_retried(ended.fault, ended.status) {
            let recovered = ended.attempt > 0 && ended.fault == Blame::Nobody && ended.status < 400;
            self.tally.recovered += u64::from(recovered);
            return None;
        }
        let attempt = ended.attempt.saturating_add(1);
        if attempt >= self.policy.attempts {
            self.tally.exhausted += 1;
            return None;
        }
        let fits = self.waiting < WAITING_MAX;
        if !fits || !self.window.as_mut().is_none_or(|window| window.try_take(ended.at)) {
            self.tally.refused += 1;
            return None;
        }
        self.tally.granted += 1;
        self.waiting += 1;
        let Ended { session, seq, request, .. } = *ended;
        let draw = self.backoffs.nth(u64::from(session)).nth(u64::from(seq)).unit(u64::from(attempt));
        let due = Due::At(ended.at + self.policy.wait(attempt, draw));
        Some(Step { session, seq, attempt, due, action: Action::Request(request.clone()) })
    }
}

impl Policy {
    /// Whether what ended so is tried again. What the generator did not send (queue full, stale, no socket) is its own fault, and no
    /// client would know of it.
    fn is_retried(&self, fault: Blame, status: u16) -> bool {
        match fault {
            Blame::Nobody => self.statuses.contains(&status),
            Blame::Network => self.network,
            Blame::Client | Blame::Gateway | Blame::Integration | Blame::GatewayOrIntegration | Blame::Generator => false,
        }
    }

    /// The backoff before retry number `attempt` (from one), spread by a draw from (0, 1).
    fn wait(&self, attempt: u8, draw: f64) -> Span {
        let doublings = u32::from(attempt.saturating_sub(1)).min(63);
        let doubled = u128::from(self.backoff.as_ns()) << doublings;
        let whole = u64::try_from(doubled).unwrap_or(u64::MAX).min(self.max_backoff.as_ns());
        let part = |share: f64| (whole as f64 * share) as u64;
        Span::from_ns(match self.jitter {
            Jitter::Full => part(draw),
            Jitter::Equal => part(f64::midpoint(1.0, draw)),
            Jitter::None => whole,
        })
    }
}

#[cfg(test)]
mod tests;
