//! A case: a system of stations and limiters that is described by itself, and what comes to it.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `load`.

use super::gateway::Throttle;
use super::traffic::{Arrivals, Closed};
use crate::config::reader::{At, section};
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
        /// Open: so many requests come at once, at each of these instants.
        batches: Option<At<Vec<At<Batch>>>>,
        /// Closed: so many users think, ask, wait until they have left the system, and think again.
        closed: Option<At<Closed>>,
        /// Whether those that are refused, or leave unserved, try again. Default: they do not.
        retries: Option<At<Retries>>,
        /// How long, and what is counted.
        run: Option<At<CaseRun>>,
        /// Instants at which the number of requests in the system is looked at, in ascending order; with `--replications` as often.
        observe: Option<At<Vec<At<Duration>>>>,
        /// Of each of these looks, in which share of the replications more than so many were there.
        above: Option<At<Count>>,
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
        /// Whether what happened is told second by second, too, for the first 1,000,000 of them. Default: false.
        seconds: Option<At<Flag>>,
    }
}

section! {
    /// Requests that come all at once.
    Batch {
        /// When.
        at: At<Duration>,
        /// How many.
        requests: At<Count>,
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
        /// The share of those who come that is refused.
        share: At<Percent>,
    }
}

section! {
    /// A part of the system: exactly one of the keys below, and its name.
    Part {
        /// What it is called in the result. Default: its kind and its place.
        name: Option<At<Text>>,
        /// Servers with a queue before them.
        station: Option<At<Station>>,
        /// A bucket that refills continuously; who finds no token is refused.
        bucket: Option<At<Bucket>>,
        /// Several of them: a token of each is taken, or none.
        buckets: Option<At<Vec<At<Bucket>>>>,
        /// A meter that leaks (nginx's `limit_req`).
        meter: Option<At<Meter>>,
        /// A bucket that is refilled all at once from time to time.
        refill: Option<At<Refill>>,
        /// A limit on those that passed in any stretch of time (sliding window).
        window: Option<At<Window>>,
        /// A cache before something slow.
        cache: Option<At<Cache>>,
        /// Environments of a function.
        pool: Option<At<Pool>>,
        /// Something that refuses by chance.
        fails: Option<At<Fails>>,
    }
}

section! {
    /// Servers with a queue before them.
    Station {
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
        /// How fast it refills.
        rate: At<Rate>,
        /// How many tokens it holds.
        burst: At<Count>,
    }
}

section! {
    /// A meter that leaks at a rate.
    Meter {
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
        /// How many.
        limit: At<Count>,
        /// The length of the stretch.
        length: At<Duration>,
    }
}

section! {
    /// A cache before something slow: who finds an answer passes at once, the others when it has been fetched.
    Cache {
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
