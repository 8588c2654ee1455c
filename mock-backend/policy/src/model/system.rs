//! The parts of a system that is described by itself, without a gateway: stations, limiters, caches and pools.
//!
//! Owns the shapes. Refuses their behaviour ([`station`](crate::station), [`limiter`](crate::limiter), [`lookup`](crate::lookup),
//! [`lambda`](crate::lambda)).

use super::{PerSecond, Scaling, Throttle};
use crate::latency::Latency;
use crate::time::Span;

/// What requests pass, one part after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// They are served there.
    Station {
        /// By whom.
        station: Station,
        /// How long a server that serves one alone takes.
        work: Latency,
        /// How long each waits before it leaves unserved; `None` is for ever.
        patience: Option<Latency>,
    },
    /// They pass, or are refused.
    Limiter(Limiter),
    /// This share of them is refused, each by chance: 0 to 1.
    Fails(f64),
    /// They pass at once, or when what they ask for has been fetched.
    Lookup {
        /// What is kept.
        lookup: Lookup,
        /// What each asks for.
        keys: Keys,
        /// How long a fetch takes.
        fetch: Latency,
    },
    /// Each is served by an environment, which may have to start.
    Pool(Box<Pool>),
}

/// Environments of a function, each with one request at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// How long a warm one serves.
    pub duration: Latency,
    /// What the first service of an environment takes in addition.
    pub cold_start: Latency,
    /// How long an idle one is kept.
    pub keep_alive: Latency,
    /// How many may be busy at a time; who comes then is refused. `None` is no bound.
    pub limit: Option<u32>,
    /// How they come about, and which of them serves.
    pub scaling: Scaling,
    /// What is billed is the time that an environment is busy, rounded up to a multiple of this; zero does not round.
    pub billed_per: Span,
}

/// Servers and the room before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// How many are served at a time; `None` is all of them.
    pub servers: Option<u32>,
    /// How many may be there at a time, in service and waiting; `None` is as many as come. One who finds no room is refused.
    pub room: Option<u32>,
    /// Who is served.
    pub discipline: Discipline,
}

/// Who is served by the servers of a station.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discipline {
    /// Each server serves one to its end; the others wait in the order in which they came.
    #[default]
    FirstCome,
    /// All at once, with equal shares of the servers and none with more than one of them.
    Shared,
}

/// A cache before something slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// How long an answer is kept; zero keeps none.
    pub ttl: Span,
    /// Whether it is kept so long from its last use; else from the end of its fetch.
    pub refreshes: bool,
    /// How many are kept at most: the least recently used goes. `None` is no bound.
    pub entries: Option<u32>,
    /// Whether those who ask for what is being fetched wait for that; else each fetches it.
    pub shares: bool,
}

/// What is asked for: key `k` of `1..=count` with a probability in proportion to `k` to the power of `-skew` (Zipf's law).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keys {
    /// How many there are; above zero.
    pub count: u32,
    /// Zero asks for all of them equally often.
    pub skew: f64,
}

/// What lets some arrivals pass and refuses the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// Buckets that refill continuously, a token of each; of all of them or of none. Not empty.
    Buckets(Vec<Throttle>),
    /// A meter that leaks at this rate: at most `burst` more than the rate allows are admitted (a bucket of one more), and wait until it
    /// has leaked what came before them, if it `delays`. nginx's `limit_req`, without `nodelay` and with it.
    Meter {
        /// How fast it leaks.
        rate: PerSecond,
        /// How many may be ahead.
        burst: u32,
        /// Whether the admitted wait.
        delays: bool,
    },
    /// A bucket that gets `tokens` at once at the end of each period, and starts full; with as much room as tokens it is a count that
    /// starts anew with each period (fixed window).
    Refill {
        /// Tokens of each period.
        tokens: u32,
        /// The period; above zero.
        every: Span,
        /// Tokens that it holds at most.
        room: u32,
    },
    /// So many admitted in any stretch of this length (sliding window, exact: it remembers each).
    Window {
        /// How many.
        limit: u32,
        /// The length.
        length: Span,
    },
}
