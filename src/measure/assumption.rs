//! What is claimed about a run before it starts: a quantity, what the model predicts for it, and a margin; or a ceiling or a floor.
//!
//! Owns the shape of an assumption and of the band it allows (method: one band declared in the profile, never chosen after
//! seeing data). Refuses to judge (that is `verdict`). Proven by `config`, predicted by `command` from simulated runs, counted
//! by the recorder at the band's edges.

use std::fmt;

use sluicegate_policy::call::Blame;
use sluicegate_policy::time::Span;

use crate::traffic::SeriesId;

use super::parts::Part;
use super::record::Unit;

/// One claim of the profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumption {
    /// Which series it is about; `None` for all of them together.
    pub series: Option<SeriesId>,
    /// Which quantity.
    pub metric: Metric,
    /// Where the observed may lie.
    pub allowed: Allowed,
    /// As the report names it: `GET /orders/{id} latency p95`.
    pub name: String,
}

/// A quantity that can be simulated and measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// The quantile of the response time (from the intended instant) of admitted actions, 0 < p < 1.
    ///
    /// What failed (5xx, timed out, or no complete answer for any other reason) counts as infinite; any other answer counts by
    /// its time, 4xx included. Answers with 429 are left out: they were not admitted, and are [`Ratio::Throttled`]'s business.
    Latency(f64),
    /// A share of the actions.
    Ratio(Ratio),
    /// The quantile of a part of the service time of answered attempts that have this part, whatever their status but for 429, which were not
    /// admitted. No client sees it: the gateway's access log tells it, and the simulator.
    Part(Part, f64),
}

/// A share of the actions, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ratio {
    /// Answers with status 429, among the attempts that reached the gateway.
    Throttled,
    /// 5xx answers and network failures, among admitted requests (429 excluded).
    Errors,
    /// What is the fault of one party, among the same requests: what an error budget is spent on.
    ErrorsOf(Party),
    /// What no client sees: the gateway tells it, if it is modelled or the bundled mock; of all series together, and of one part of the
    /// gateway or of all that there are.
    Told(Told, Option<PartAt>),
}

/// A share that only the gateway can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Requests for which an authorizer's answer was kept, among those that asked one which is a function.
    AuthorizerHits,
    /// Invocations that started an environment, among those of the functions that are integrations.
    ColdStarts,
    /// Requests that a stage's cache answered, among those that looked there.
    CacheHits,
}

/// An authorizer, a function or a stage, by its place in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartAt(pub u16);

/// Who can be blamed for an error, and has an error budget of its own.
///
/// Of the client's errors 429 is no part: it is throttled, which is [`Ratio::Throttled`]'s business (method 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Whoever asks: 4xx.
    Client,
    /// The gateway itself.
    Gateway,
    /// What is behind it.
    Integration,
    /// The way to it.
    Network,
}

/// Where the observed may lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// So near to what the model predicts.
    Within(Margin),
    /// At most here, in the metric's own unit, whatever the model predicts.
    AtMost(f64),
    /// At least here, a share, whatever the model predicts.
    AtLeast(f64),
}

/// How far the observed may lie from the predicted: the larger of the two parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Share of the predicted value, 0.15 for 15 %.
    pub relative: f64,
    /// In the metric's own unit: nanoseconds for latencies, share for ratios.
    pub absolute: f64,
}

/// The predicted value of an assumption and the band that its margin allows, in the metric's own unit (nanoseconds, or share).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The model's value.
    pub value: f64,
    /// Standard error of the model's value, from its replications.
    pub standard_error: f64,
    /// Lower end of the band.
    pub low: f64,
    /// Upper end of the band.
    pub high: f64,
    /// Design effect of this quantity in the simulated run: how many times fewer independent requests it is worth; at least 1.
    pub design_effect: f64,
}

/// A line in the measured world at which a recorder counts exactly, in each second of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Which series; `None` for all.
    pub series: Option<SeriesId>,
    /// What is counted.
    pub event: Event,
}

/// What a recorder counts at an edge: events among trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Response time above this, or failed; trials are all actions that were to be sent, but for those answered 429.
    SlowerThan(Span),
    /// The event of this ratio; trials are its denominator.
    Ratio(Ratio),
    /// An error of this party, or one of which nobody can say whether it is; trials are the same.
    PerhapsOf(Party),
    /// A part that surely took longer than this; trials are all admitted attempts that have this part.
    PartAbove(Part, Span),
    /// A part that may have taken longer than this, as far as its log tells; trials are the same.
    PartPerhapsAbove(Part, Span),
}

impl Allowed {
    /// The band that is allowed where the model predicts `predicted`.
    pub fn band(self, metric: Metric, predicted: f64) -> (f64, f64) {
        match self {
            Self::Within(margin) => margin.band(metric, predicted),
            Self::AtMost(ceiling) => (0.0, ceiling),
            Self::AtLeast(floor) => (floor, 1.0),
        }
    }
}

impl Metric {
    /// The unit of its values.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Latency(_) | Self::Part(..) => Unit::Ns,
            Self::Ratio(_) => Unit::Share,
        }
    }
}

impl Margin {
    /// The band around `predicted` that this margin allows.
    ///
    /// A latency's band does not fall below zero; a ratio's stays within 0 and 1; predicted zero gives `[0, absolute]`.
    pub fn band(self, metric: Metric, predicted: f64) -> (f64, f64) {
        let half = (self.relative * predicted).max(self.absolute);
        let top = match metric {
            Metric::Latency(_) | Metric::Part(..) => f64::INFINITY,
            Metric::Ratio(_) => 1.0,
        };
        ((predicted - half).max(0.0), (predicted + half).min(top))
    }
}

impl Ratio {
    /// The word for it in profiles and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Errors => "errors",
            Self::ErrorsOf(Party::Client) => "client errors",
            Self::ErrorsOf(Party::Gateway) => "gateway errors",
            Self::ErrorsOf(Party::Integration) => "integration errors",
            Self::ErrorsOf(Party::Network) => "network errors",
            Self::Told(told, _) => told.as_str(),
        }
    }
}

impl Told {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AuthorizerHits, Self::ColdStarts, Self::CacheHits];

    /// The word for it in profiles and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizerHits => "authorizer hits",
            Self::ColdStarts => "cold starts",
            Self::CacheHits => "cache hits",
        }
    }
}

impl Party {
    /// Everyone.
    pub const ALL: [Self; 4] = [Self::Client, Self::Gateway, Self::Integration, Self::Network];

    /// Whether this blame is its own; `None` if nobody can say.
    pub const fn is_blamed(self, blame: Blame) -> Option<bool> {
        match (self, blame) {
            (Self::Client, Blame::Client)
            | (Self::Gateway, Blame::Gateway)
            | (Self::Integration, Blame::Integration)
            | (Self::Network, Blame::Network) => Some(true),
            (Self::Gateway | Self::Integration, Blame::GatewayOrIntegration) => None,
            _ => Some(false),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // p50, p99.9: at most six digits, without trailing zeros.
            Self::Latency(p) => write!(f, "latency p{}", (p * 1e8).round() / 1e6),
            Self::Part(part, p) => write!(f, "{} latency p{}", part.as_str(), (p * 1e8).round() / 1e6),
            Self::Ratio(ratio) => f.write_str(ratio.as_str()),
        }
    }
}
