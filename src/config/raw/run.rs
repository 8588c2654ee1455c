//! How the traffic is driven.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`.

use super::auth::Auth;
use super::retries::Retries;
use crate::config::reader::{At, section};
use crate::config::value::{
    Address, Count, Duration, Moment, Named, OverloadPolicy, Pacing, Percent, Phrase, Protocol, Rate, Seed, Text,
};

section! {
    /// How the traffic is driven.
    Run {
        /// Length of the traffic, at most 30 days. Default: 30s.
        duration: Option<At<Duration>>,
        /// How much of the beginning no statistics count. Default: a tenth of the duration, at most 5s.
        warmup: Option<At<Duration>>,
        /// Connections to the target, of all lanes together. Default: 64.
        connections: Option<At<Count>>,
        /// How long an answer is waited for, from the first byte sent. Default: 35s, longer than any gateway waits for an integration.
        timeout: Option<At<Duration>>,
        /// What happens to requests that are due and cannot start: queue, drop, or `deadline 200ms`. Default: queue.
        overload: Option<At<OverloadPolicy>>,
        /// Which requests are tried again, after which pause, and how many at most. Default: none.
        retries: Option<At<Retries>>,
        /// From which everything random is drawn. Default: 1.
        seed: Option<At<Seed>>,
        /// Threads that send. Default: the cores, less those of a local target.
        lanes: Option<At<Count>>,
        /// The protocol: auto (by TLS; HTTP/1.1 without), http1, http2. Default: auto.
        protocol: Option<At<Protocol>>,
        /// How long the client keeps its connections. Default: until the target closes them.
        keep_alive: Option<At<KeepAlive>>,
        /// After how long the target's name is asked for again, when a connection is opened. Default: 1s.
        dns_refresh: Option<At<Duration>>,
        /// Requests at a time on one connection of HTTP/2. Default: 32.
        streams: Option<At<Count>>,
        /// Addresses of this machine that connections come from in turn, e.g. [127.0.0.2, 127.0.0.3]: each has ports of its own. Those that
        /// are not of the target's family (IPv4, IPv6) are left out. Default: the system chooses.
        sources: Option<Vec<At<Address>>>,
        /// How the generator waits for the instant of a request: spin (always awake, a core for each lane), hybrid (awake shortly
        /// before), sleep (late by what the kernel takes to wake it). Default: hybrid.
        pacing: Option<At<Pacing>>,
        /// The stage that is driven. Default: the first.
        stage: Option<At<Text>>,
        /// Headers of every request, recorded ones too; values may hold `${env:NAME}` and `${file:path}`.
        headers: Option<Named<Text, At<Phrase>>>,
        /// The wall time at which the run is taken to start, e.g. "2026-11-30T23:59:00Z": it tells where the periods of quotas end.
        /// Default: a simulation alone starts on 1 January 2026, a run when it starts.
        starts_at: Option<At<Moment>>,
        /// How late the generator, and the bundled mock, may be at p99 before the run is invalid. Default: 1ms, or a tenth of the smallest
        /// margin of a latency that is expected, whichever is longer.
        lag_limit: Option<At<Duration>>,
        /// Names of `gateway.api_keys` that identities send in turn as `x-api-key`: identity 0 the first, identity 1 the second,
        /// and so on. A request that has such a header of its own keeps it. Default: none.
        api_keys: Option<Vec<At<Text>>>,
        /// Credentials of every request: bearer tokens or signatures. A request that has an `authorization` of its own keeps it.
        /// Default: none.
        auth: Option<At<Auth>>,
    }
}

section! {
    /// How long the client keeps its connections: real clients do not for ever.
    KeepAlive {
        /// Requests after which their connection is kept; the others say `connection: close`, as clients without keep-alive do.
        /// Default: 100%.
        share: Option<At<Percent>>,
        /// Requests that one connection carries at most. Default: any number.
        requests: Option<At<Count>>,
        /// A connection older than this begins no other request: a new one asks for the name again. Default: none is too old.
        lifetime: Option<At<Duration>>,
        /// A connection that is idle for this long is closed. Default: none is.
        idle: Option<At<Duration>>,
        /// New connections, e.g. 50/s: so often the connection of the next request is closed after it, whatever else is said here.
        /// Default: none.
        renewed: Option<At<Rate>>,
    }
}
