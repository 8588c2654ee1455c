//! Where the time of an answered attempt went: the way there and back, the gateway, its authorizer, the integration.
//!
//! Owns the four parts, and what is known of each: in the simulator the nanosecond, from an access log whole milliseconds. Refuses to join
//! ([`super::join`]) and to judge (`verdict`). Made by `sim` and `join`, counted by the recorder.
//!
//! total = network + gateway + authorizer + integration (method 3.5), where the total is the client's service time, network is what of it the
//! gateway did not see, and gateway what the gateway did not spend on waiting for its authorizer or its integration.

use sluicegate_policy::time::Span;

use super::sample::Sample;

/// A part of the time of an answered attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The way to the gateway and back, its clients' queues included: the service time without the gateway's own response latency.
    Network,
    /// The gateway itself: its response latency without authorizer and integration.
    Gateway,
    /// The authorizer, of requests that waited for one.
    Authorizer,
    /// The integration, of requests that were handed to one that takes time.
    Integration,
}

impl Part {
    /// All parts, from the client inwards.
    pub const ALL: [Self; 4] = [Self::Network, Self::Gateway, Self::Authorizer, Self::Integration];

    /// The word for it in profiles, files and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Gateway => "gateway",
            Self::Authorizer => "authorizer",
            Self::Integration => "integration",
        }
    }

    /// The part of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == name)
    }
}

/// A time, as exactly as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The value that is shown and counted in histograms.
    pub value: Span,
    /// It took at least so long.
    pub least: Span,
    /// It took at most so long.
    pub most: Span,
}

impl Known {
    /// A time that is known to the nanosecond.
    pub const fn exactly(value: Span) -> Self {
        Self { value, least: value, most: value }
    }

    /// Whether it took longer than `limit`; `None` if it is not known so exactly.
    pub fn is_above(self, limit: Span) -> Option<bool> {
        match (self.least > limit, self.most > limit) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }
}

/// The parts of one attempt; absent is what it did not have, or what its log does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// From the first byte written to the end, by the client's clock: the sum of the parts.
    pub total: Span,
    /// See [`Part::Network`].
    pub network: Option<Known>,
    /// See [`Part::Gateway`].
    pub gateway: Option<Known>,
    /// See [`Part::Authorizer`].
    pub authorizer: Option<Known>,
    /// See [`Part::Integration`].
    pub integration: Option<Known>,
}

impl Parts {
    /// Of an attempt that took `total`, of which the gateway had it for `response`, and waited for its authorizer and its integration for so
    /// long: all by exact clocks, as in the simulator.
    pub fn exact(total: Span, response: Span, authorizer: Option<Span>, integration: Option<Span>) -> Self {
        let waited = authorizer.unwrap_or(Span::ZERO) + integration.unwrap_or(Span::ZERO);
        Self {
            total,
            network: Some(Known::exactly(total.saturating_sub(response))),
            gateway: Some(Known::exactly(response.saturating_sub(waited))),
            authorizer: authorizer.map(Known::exactly),
            integration: integration.map(Known::exactly),
        }
    }

    /// One of them.
    pub const fn of(&self, part: Part) -> Option<Known> {
        match part {
            Part::Network => self.network,
            Part::Gateway => self.gateway,
            Part::Authorizer => self.authorizer,
            Part::Integration => self.integration,
        }
    }

    /// What the parts leave of the total, in nanoseconds; below zero if they are longer than it, which time cannot be (method 3.5).
    pub fn residual_ns(&self) -> i64 {
        let parts = Part::ALL.into_iter().filter_map(|part| self.of(part)).map(|known| known.value.as_ns());
        let sum = parts.fold(0_u64, u64::saturating_add);
        i64::try_from(i128::from(self.total.as_ns()) - i128::from(sum)).unwrap_or(i64::MIN)
    }
}

/// An attempt together with its line of the gateway's access log: a row of joined data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The attempt, as the client saw it: series, instants, status.
    pub sample: Sample,
    /// Where its time went.
    pub parts: Parts,
    /// What the code behind the gateway answered, if the log tells.
    pub integration_status: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Span = Span::from_ms(1);

    #[test]
    fn exact_parts_add_up_to_the_total() {
        let parts = Parts::exact(MS * 40, MS * 38, Some(MS * 10), Some(MS * 25));
        let value = |part| parts.of(part).map(|known| known.value);
        assert_eq!(Part::ALL.map(value), [Some(MS * 2), Some(MS * 3), Some(MS * 10), Some(MS * 25)]);
        assert_eq!(parts.residual_ns(), 0);
        assert_eq!(
            Parts::exact(MS, MS * 3, None, None).residual_ns(),
            -2_000_000,
            "a gateway cannot take longer than its client waits"
        );
    }

    #[test]
    fn what_is_known_in_milliseconds_is_above_a_limit_surely_perhaps_or_not() {
        let known = Known { value: MS * 10, least: MS * 9, most: MS * 11 };
        let above = [8, 9, 10, 11].map(|ms| known.is_above(MS * ms));
        assert_eq!(above, [Some(true), None, None, Some(false)]);
        assert_eq!(Known::exactly(MS).is_above(MS), Some(false));
    }

    #[test]
    fn every_part_has_a_name_of_its_own() {
        assert_eq!(Part::ALL.map(|part| Part::named(part.as_str())), Part::ALL.map(Some));
        assert_eq!(Part::named("disk"), None);
    }
}
