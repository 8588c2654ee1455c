//! A case: a system of stations and limiters that is described by itself, and what comes to it.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `load`.

use super::gateway::Throttle;
use super::traffic::{Arrivals, Closed};
use crate::config::problem::choices;
use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::Node;
use crate::config::value::{Count, Decimal, Discipline, Dispatch, Duration, Flag, Level, Percent, Rate, Seed, Shape, Text};

section! {
    /// A system without a gateway: parts, one after the other, and what comes to them. `simulate` plays it.
    Case {
        /// What each request passes, in this order.
        system: At<Vec<At<Part>>>,
        /// Open: requests come as planned, whatever becomes of them.
        arrivals: Option<At<Arrivals>>,
        /// Open: requests come after gaps that are drawn from this distribution, each for itself.
        gaps: Option<At<Shape>>,
        /// Open: a Poisson process whose rate goes from one of these states to the next, around, after exponential times (MMPP).
        bursts: Option<At<Vec<At<Burst>>>>,
        /// Closed: so many users think, ask, wait until they have left the system, and think again.
        closed: Option<At<Closed>>,
        /// Whether those that are refused, or leave unserved, try again. Default: they do not.
        retries: Option<At<Retries>>,
        /// How long, and what is counted.
        run: Option<At<CaseRun>>,
        /// Instants at which the number of requests in the system is looked at, in ascending order; with `--replications` as often.
        observe: Option<At<Vec<At<Duration>>>>,
    }
}

section! {
    /// How long a case is played, and what of it is counted.
    CaseRun {
        /// No more requests come after so many. Default: no bound.
        requests: Option<At<Count>>,
        /// No more requests come after this. Default: no bound if `requests` has one, else 30s.
        duration: Option<At<Duration>>,
        /// So many of the first requests are not counted. Default: 0.
        skip: Option<At<Count>>,
        /// Requests that come before this are not counted. Default: 0s.
        warmup: Option<At<Duration>>,
        /// From which everything random is drawn. Default: 1.
        seed: Option<At<Seed>>,
    }
}

section! {
    /// A state of arrivals whose rate changes by chance.
    Burst {
        /// The rate; may be `0/s`.
        rate: At<Level>,
        /// How long it lasts on average.
        lasts: At<Duration>,
    }
}

section! {
    /// Who is refused by a part, or leaves it unserved, begins anew with the first part.
    Retries {
        /// Attempts of each request, the first included.
        attempts: At<Count>,
        /// How long each waits before it tries again. Default: 0s.
        backoff: Option<At<Shape>>,
    }
}

section! {
    /// Something that refuses by chance, as what is broken now and then.
    Fails {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// The share of those who come that is refused.
        share: At<Percent>,
    }
}

/// A part; exactly one of `station`, `bucket`, `buckets`, `meter`, `refill`, `window`, `cache`, `pool` and `fails`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Part {
    /// Servers with a queue before them.
    Station(At<Station>),
    /// A bucket that refills continuously; who finds no token is refused.
    Bucket(At<Bucket>),
    /// Several of them: a token of each is taken, or none.
    Buckets(At<Vec<At<Bucket>>>),
    /// A meter that leaks (nginx's `limit_req`).
    Meter(At<Meter>),
    /// A bucket that is refilled all at once from time to time.
    Refill(At<Refill>),
    /// A limit on those that passed in any stretch of time (sliding window).
    Window(At<Window>),
    /// A cache before something slow.
    Cache(At<Cache>),
    /// Environments of a function.
    Pool(Box<At<Pool>>),
    /// Something that refuses by chance.
    Fails(At<Fails>),
}

const KINDS: [&str; 9] = ["station", "bucket", "buckets", "meter", "refill", "window", "cache", "pool", "fails"];

impl Read for Part {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let keys = reader.keys(node, &KINDS)?;
        let named: Vec<&str> = KINDS.into_iter().filter(|kind| node.get(kind).is_some()).collect();
        match named.as_slice() {
            ["station"] => keys.read("station", reader).map(Self::Station),
            ["bucket"] => keys.read("bucket", reader).map(Self::Bucket),
            ["buckets"] => keys.read("buckets", reader).map(Self::Buckets),
            ["meter"] => keys.read("meter", reader).map(Self::Meter),
            ["refill"] => keys.read("refill", reader).map(Self::Refill),
            ["window"] => keys.read("window", reader).map(Self::Window),
            ["cache"] => keys.read("cache", reader).map(Self::Cache),
            ["pool"] => keys.read("pool", reader).map(Self::Pool),
            ["fails"] => keys.read("fails", reader).map(Self::Fails),
            [] => {
                reader
                    .report(&node.place, "no part is named; write e.g. { station: { servers: 4, work: { exponential: 20ms } } }");
                None
            }
            several => {
                let several = choices(several.iter().copied());
                reader
                    .report(&node.place, format!("an entry is one part; write {several} one after the other, each after \"- \""));
                None
            }
        }
    }
}

section! {
    /// Servers with a queue before them.
    Station {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// How many are served at a time. Default: all of them.
        servers: Option<At<Count>>,
        /// How long a server that serves one alone takes.
        work: At<Shape>,
        /// How many may be there at a time, those that are served included; who finds no room is refused. Default: as many as come.
        room: Option<At<Count>>,
        /// How long each waits before it leaves unserved. Default: for ever.
        patience: Option<At<Shape>>,
        /// fcfs (in the order in which they came) or ps (all at once, sharing the servers). Default: fcfs.
        discipline: Option<At<Discipline>>,
    }
}

section! {
    /// A bucket that refills continuously, and starts full.
    Bucket {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// How fast it refills.
        rate: At<Rate>,
        /// How many tokens it holds.
        burst: At<Count>,
    }
}

section! {
    /// A meter that leaks at a rate.
    Meter {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// How fast it leaks.
        rate: At<Rate>,
        /// How many may be ahead of one who is admitted.
        burst: At<Count>,
        /// Whether the admitted wait until what is ahead of them has leaked. Default: false.
        delay: Option<At<Flag>>,
    }
}

section! {
    /// A bucket that is refilled all at once, and starts full; with as much room as tokens, a count that starts anew with each period.
    Refill {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// Tokens of each period.
        tokens: At<Count>,
        /// The period.
        every: At<Duration>,
        /// Tokens that it holds at most. Default: the tokens of one period.
        room: Option<At<Count>>,
    }
}

section! {
    /// A limit on those that passed in any stretch of time; each of them is remembered.
    Window {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// How many.
        limit: At<Count>,
        /// The length of the stretch.
        length: At<Duration>,
    }
}

section! {
    /// A cache before something slow: who finds an answer passes at once, the others when it has been fetched.
    Cache {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// How long an answer is kept: at the end of it, it is gone. Default: for ever.
        ttl: Option<At<Duration>>,
        /// Whether it is kept so long from its last use, not from the end of its fetch. Default: false.
        refresh: Option<At<Flag>>,
        /// How many are kept at most; the least recently used goes. Default: all of them.
        entries: Option<At<Count>>,
        /// How many different things are asked for. Default: 1.
        keys: Option<At<Count>>,
        /// The k-th of them is asked for in proportion to k to the power of minus this (Zipf's law). Default: 0, all equally often.
        zipf: Option<At<Decimal>>,
        /// How long a fetch takes. Default: 0s.
        fetch: Option<At<Shape>>,
        /// Whether those who ask for what is being fetched wait for that fetch; else each fetches it. Default: false.
        coalesce: Option<At<Flag>>,
    }
}

section! {
    /// Environments of a function, each with one request at a time; who finds none idle starts one, cold.
    Pool {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// How long a warm environment serves.
        duration: At<Shape>,
        /// What the first service of an environment takes in addition. Default: 0s.
        cold_start: Option<At<Shape>>,
        /// How long an idle environment is kept. Default: for ever.
        keep_alive: Option<At<Shape>>,
        /// How many may be busy at a time; who comes then is refused. Default: no bound.
        limit: Option<At<Count>>,
        /// Environments that are there from the start, are never cold and are asked first. Default: 0.
        provisioned: Option<At<Count>>,
        /// How fast environments may be added: a bucket with a token for each that starts cold; without a token who comes is refused.
        /// Default: as fast as they are needed.
        scale_out: Option<Throttle>,
        /// Which idle environment is next. Default: `most_recently_used`.
        dispatch: Option<At<Dispatch>>,
        /// What is billed of each is its time, the start included, rounded up to a multiple of this. Default: 1ms, as the provider's.
        billed_per: Option<At<Duration>>,
    }
}
