//! The way to the target, measured before the run: a few connections, and no request.
//!
//! The median TCP handshake is one round trip; what TLS adds comes on top. A model without the way would find every live latency
//! violated by its distance.

use std::rc::Rc;
use std::time::Duration;

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::error::EngineError;
use super::prepare::{Engine, alone};
use super::transport::connect::Connector;
use super::transport::stamp::Meter;
use crate::load::Share;
use crate::measure::Outcome;

/// More connections than this would be load.
const CONNECTS_MAX: u32 = 20;

/// The way to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Median time of a TCP handshake.
    pub round_trip: Span,
    /// Median time until a connection can be used: TCP, and TLS where it is spoken.
    pub connect: Span,
}

impl Engine {
    /// Opens and closes `count` connections (1 to 20), one after the other.
    ///
    /// Blocks, each time no longer than the connect time-out; not to be called from within an async runtime.
    pub fn probe(&self, count: u32) -> Result<Probe, EngineError> {
        let clock = Clock::starting_now();
        let connector = Connector::new(self.route.clone(), clock, Rc::new(Meter::default()), Share::ALL);
        let limit = Duration::from_nanos(self.settings.connect_timeout.as_ns());
        let timed = async {
            let mut times = Vec::new();
            for _ in 0..count.clamp(1, CONNECTS_MAX) {
                let time = tokio::time::timeout(limit, time_one(&connector, clock)).await;
                times.push(time.unwrap_or(Err(Outcome::Unreachable))?);
            }
            Ok(times)
        };
        let times = alone(timed)?.map_err(|outcome: Outcome| EngineError::Probe {
            target: self.settings.endpoint.to_string(),
            outcome: outcome.as_str(),
        })?;
        let median = |of: fn(&(Span, Span)) -> Span| {
            let mut spans: Vec<Span> = times.iter().map(of).collect();
            spans.sort_unstable();
            spans[spans.len() / 2]
        };
        Ok(Probe { round_trip: median(|(round_trip, _)| *round_trip), connect: median(|(_, connect)| *connect) })
    }
}

async fn time_one(connector: &Connector, clock: Clock) -> Result<(Span, Span), Outcome> {
    // The name is not part of the way.
    connector.look_up().await?;
    let begun = clock.now();
    let stream = connector.dial().await?;
    let round_trip = clock.now().since(begun);
    drop(connector.secure(stream).await?);
    Ok((round_trip, clock.now().since(begun)))
}
