//! Private links: the load balancer behind each, its targets and their health checks.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use super::Answer;
use crate::config::reader::{At, section};
use crate::config::value::{AfterIdle, Balancer, Count, Duration, Named, Percent, ProbeKind, Shape, Text};

section! {
    /// A private link to a load balancer. Routes name it: `http: { url: "http://orders.internal/", vpc_link: name }`.
    VpcLink {
        /// What it leads to: `nlb` (a hash of the flow chooses the target; each request is taken for a flow of its own) or `alb` (targets
        /// in turn). Default: nlb.
        kind: Option<At<Balancer>>,
        /// What answers, by name. Without any target every request fails, as in the real gateway.
        targets: At<Named<Text, At<LinkTarget>>>,
        /// What modelled targets answer. Default: 200 with the body `{}`.
        response: Option<Answer>,
        /// How it is found out which targets can be asked. Default: the provider's.
        health_check: Option<At<HealthCheck>>,
        /// After so long without traffic its connections are gone. Default: 350s (nlb), 60s (alb), as the provider's.
        idle_timeout: Option<At<Duration>>,
        /// What the gateway makes of a connection that is gone, which is unconfirmed: `retried` or `failed`. It holds for modelled targets;
        /// over real ones the mock asks again. Default: retried.
        after_idle: Option<At<AfterIdle>>,
        /// What the way to modelled targets takes in addition when it was not used for a while. Default: nothing.
        cold_path: Option<At<ColdPath>>,
    }
}

section! {
    /// A target of a private link: modelled by its `duration`, or real at its `address`.
    LinkTarget {
        /// How long it works on a request.
        duration: Option<At<Shape>>,
        /// Share of requests on which it breaks off the connection instead of answering. Default: 0%.
        failures: Option<At<Percent>>,
        /// The shared capacity (`gateway.capacities`) of which it takes a connection for each request, before it works for its own
        /// duration; without one in time it answers 500. It stands in place of a capacity of its own.
        uses: Option<At<Text>>,
        /// Requests that it works on at once. Default: any number.
        capacity: Option<At<Count>>,
        /// Requests that may wait for their turn; further ones are refused. Default: 1000, where there is a capacity.
        queue: Option<At<Count>>,
        /// When it is down, in their order: it then refuses connections, and breaks off what it worked on.
        down: Option<Vec<At<Down>>>,
        /// `host:port` of a real one, on this machine or on a host that `safety.allow` names. The mock looks at it and asks it; the
        /// model predicts nothing of it.
        address: Option<At<Text>>,
    }
}

section! {
    /// A time in which a target is down.
    Down {
        /// From when on, since the start of the run.
        from: At<Duration>,
        /// For how long.
        r#for: At<Duration>,
    }
}

section! {
    /// How a load balancer finds out which targets can be asked.
    HealthCheck {
        /// From one look to the next. Default: 30s.
        interval: Option<At<Duration>>,
        /// Good looks in a row that make a target healthy. Default: 5.
        healthy_threshold: Option<At<Count>>,
        /// Bad looks in a row that make it unhealthy. Default: 2.
        unhealthy_threshold: Option<At<Count>>,
        /// How long a real target may take to answer. Default: 10s (tcp over nlb), 6s (http over nlb), 5s (alb).
        timeout: Option<At<Duration>>,
        /// `tcp` takes a connection for an answer, `http` asks for `path`. Default: tcp (nlb), http (alb).
        protocol: Option<At<ProbeKind>>,
        /// What is asked for by http. Default: /.
        path: Option<At<Text>>,
        /// Good statuses by http, one or a range. Default: 200-399 (nlb), 200 (alb).
        matcher: Option<At<Text>>,
    }
}

section! {
    /// The way to targets that was not used for a while.
    ColdPath {
        /// So long without traffic makes it cold.
        after: At<Duration>,
        /// What the first request then takes in addition.
        adds: At<Shape>,
    }
}
