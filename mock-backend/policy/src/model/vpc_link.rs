//! A private link: the load balancer behind it, its targets, and how it looks after them.
//!
//! Owns the shapes and the provider's defaults. Refuses behaviour ([`vpc_link`](crate::vpc_link)).

use super::{CapacityId, Response};
use crate::latency::Latency;
use crate::time::{Instant, Span};

/// A private link (`AWS::ApiGateway::VpcLink`, `AWS::ApiGatewayV2::VpcLink`) to a load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct VpcLink {
    /// Its name in the profile.
    pub name: String,
    /// What stands before the targets.
    pub balancer: Balancer,
    /// What answers; without any, every request fails.
    pub targets: Vec<Target>,
    /// What a modelled target answers: all do the same work.
    pub response: Response,
    /// How it is found out which targets can be asked.
    pub check: HealthCheck,
    /// After so long without traffic its connections are gone, and the next request over one is reset.
    pub idle_timeout: Span,
    /// What the gateway makes of that.
    pub after_idle: AfterIdle,
    /// What the way to modelled targets takes in addition when it was not used for a while; `None` adds nothing.
    pub cold_path: Option<ColdPath>,
}

/// The load balancer of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balancer {
    /// A network load balancer: a hash of the flow chooses the target ("What is a Network Load Balancer?", 2026). How many requests
    /// the gateway sends over one flow is not documented: here each is a flow of its own.
    #[default]
    Network,
    /// An application load balancer: targets in turn (`load_balancing.algorithm.type`, default `round_robin`, 2026).
    Application,
}

/// What the gateway does when a connection that it kept turns out to be gone. The provider does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterIdle {
    /// It asks again over a new one, and the client sees nothing.
    #[default]
    Retried,
    /// It answers that the network failed.
    Failed,
}

/// The way to a target that was not used for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct ColdPath {
    /// So long without traffic makes it cold.
    pub after: Span,
    /// What the first request then takes in addition.
    pub adds: Latency,
}

/// One target of a load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name in the profile.
    pub name: String,
    /// What it is.
    pub serves: Serves,
}

/// What a target is.
#[derive(Clone, Debug, PartialEq)]
pub enum Serves {
    /// Nothing real: it takes its modelled time, and answers the link's response.
    Modelled(ModelledTarget),
    /// Something that listens at this `host:port`, which the driver probes and asks.
    Real(String),
}

/// A target that takes its modelled time.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelledTarget {
    /// How long it works on a request.
    pub duration: Latency,
    /// Share of requests on which it breaks off the connection instead of answering, 0 to 1.
    pub failures: f64,
    /// The pool of which it needs a connection for each request, before it begins its own work; it has no limit of its own beside it.
    pub uses: Option<CapacityId>,
    /// Requests that it works on at once; `None` has no such limit.
    pub at_once: Option<u32>,
    /// Requests that may wait for their turn; further ones are refused.
    pub queue: u32,
    /// When it is down, in their order, apart from each other: it then refuses connections, and breaks off what it worked on.
    pub down: Vec<Down>,
}

/// A time in which a target is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// From when on, since the start of the run.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

/// How the load balancer finds out which targets can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// From one look to the next.
    pub interval: Span,
    /// So many good looks one after the other make a target healthy.
    pub healthy_threshold: u32,
    /// So many bad ones make it unhealthy.
    pub unhealthy_threshold: u32,
    /// How long a real target may take to answer.
    pub timeout: Span,
    /// What is looked at.
    pub probe: Probe,
}

/// What a health check looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether it takes a connection.
    Tcp,
    /// Whether it answers `GET` of this path with a status between these.
    Http {
        /// Path.
        path: String,
        /// Lowest good status.
        lowest: u16,
        /// Highest good status.
        highest: u16,
    },
}

impl Balancer {
    /// The health check unless the profile has another one: every 30 s; a network load balancer makes a TCP connection and waits
    /// 10 s for it (6 s for an answer by HTTP), an application load balancer asks for `/`, waits 5 s and takes 200; 5 good looks make a
    /// target healthy, 2 bad ones unhealthy (Elastic Load Balancing, "Health checks for Network Load Balancer target groups" and
    /// "Health checks for Application Load Balancer target groups", 2026).
    pub fn health_check(self) -> HealthCheck {
        let (timeout, probe) = match self {
            Self::Network => (Span::from_secs(10), Probe::Tcp),
            Self::Application => (Span::from_secs(5), Probe::Http { path: "/".to_owned(), lowest: 200, highest: 200 }),
        };
        HealthCheck { interval: Span::from_secs(30), healthy_threshold: 5, unhealthy_threshold: 2, timeout, probe }
    }

    /// How long connections last without traffic: 350 s over a network load balancer, 60 s over an application load balancer
    /// (Elastic Load Balancing, "Connection idle timeout", 2026).
    pub const fn idle_timeout(self) -> Span {
        match self {
            Self::Network => Span::from_secs(350),
            Self::Application => Span::from_secs(60),
        }
    }
}

impl VpcLink {
    /// A link over a network load balancer with the provider's defaults, whose targets answer 200.
    pub fn new(name: impl Into<String>, targets: Vec<Target>) -> Self {
        let balancer = Balancer::Network;
        Self {
            name: name.into(),
            balancer,
            targets,
            response: Response { status: 200, body: "{}".to_owned() },
            check: balancer.health_check(),
            idle_timeout: balancer.idle_timeout(),
            after_idle: AfterIdle::default(),
            cold_path: None,
        }
    }
}

impl ModelledTarget {
    /// One that always takes so long, for any number of requests, and is never down.
    pub const fn new(duration: Latency) -> Self {
        Self { duration, failures: 0.0, uses: None, at_once: None, queue: 0, down: Vec::new() }
    }

    /// The time around `now` in which it is down, or the next one.
    pub fn down_at_or_after(&self, now: Instant) -> Option<Down> {
        let at = self.down.partition_point(|down| down.until <= now);
        self.down.get(at).copied()
    }

    /// Whether it is down.
    pub fn is_down(&self, now: Instant) -> bool {
        self.down_at_or_after(now).is_some_and(|down| down.from <= now)
    }
}
