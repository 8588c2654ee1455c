//! A back end that is modelled, real, or a real one of which the model says something.
//!
//! Owns the shape, and how one call to a modelled one goes. Refuses to know what kind it is (a service, an HTTP back end): whoever
//! describes one has this within. Read by the gateway, which waits for a modelled one by itself and leaves a real one to its driver.

use super::Response;
use crate::latency::Latency;
use crate::time::Span;

/// What is behind an integration that goes over the network.
#[derive(Clone, Debug, PartialEq)]
pub enum BackEnd {
    /// Nothing real: it takes its modelled time, and gives its response.
    Modelled(ModelledBackEnd),
    /// Something that the driver reaches ([`Effect::Integrate`](crate::call::Effect::Integrate)), and what the model claims of it; `None`
    /// claims nothing, and nothing is predicted.
    Real(Option<ModelledBackEnd>),
}

/// A back end that takes its modelled time.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelledBackEnd {
    /// How long it works on a request.
    pub duration: Latency,
    /// Share of requests on which it breaks off the connection instead of answering, 0 to 1.
    pub failures: f64,
    /// What it answers otherwise.
    pub response: Response,
}

/// How a call to a modelled back end ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With its response.
    Answered,
    /// With nothing: the connection breaks off.
    BrokenOff,
}

impl BackEnd {
    /// What answers in the place of something real, if nothing real does.
    pub const fn modelled(&self) -> Option<&ModelledBackEnd> {
        match self {
            Self::Modelled(modelled) => Some(modelled),
            Self::Real(_) => None,
        }
    }

    /// The same for whoever only simulates: a real one of which the model claims something is a modelled one.
    #[must_use]
    pub fn simulated(self) -> Self {
        match self {
            Self::Real(Some(claimed)) => Self::Modelled(claimed),
            other @ (Self::Modelled(_) | Self::Real(None)) => other,
        }
    }
}

impl ModelledBackEnd {
    /// One that always takes so long, and answers 200 with the body `{}`.
    pub fn new(duration: Latency) -> Self {
        Self { duration, failures: 0.0, response: Response { status: 200, body: "{}".to_owned() } }
    }

    /// How a call goes for these draws between 0 and 1, of its duration and of its failure.
    pub fn call(&self, [duration, failure]: [f64; 2]) -> (Span, Ends) {
        (self.duration.at(duration), if failure < self.failures { Ends::BrokenOff } else { Ends::Answered })
    }
}
