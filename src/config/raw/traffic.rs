//! The traffic: who asks for what, and when.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`.

use super::session::{Reconnect, Session, Stream};
use crate::config::reader::{At, section};
use crate::config::value::{
    BodyText, Count, Duration, FieldValue, Level, Named, Phrase, Rate, RequestLine, Shape, SpacingKind, Text,
};

section! {
    /// Described traffic: requests (`mix`), or sessions of WebSocket clients (`sessions`).
    Traffic {
        /// Which requests, in which proportion.
        mix: Option<At<Vec<At<Described>>>>,
        /// Which WebSocket clients, in which proportion.
        sessions: Option<At<Vec<At<Session>>>>,
        /// Of sessions: messages that are pushed to many, by the names of the streams.
        streams: Option<At<Named<Text, At<Stream>>>>,
        /// Of sessions: how many there are at most, each with one connection at a time. Arrivals beyond are none.
        connections: Option<At<Count>>,
        /// Of sessions: how they come back whose connection is gone. Default: they do not.
        reconnect: Option<At<Reconnect>>,
        /// Open model: requests, or sessions, come as planned, whatever the answers do.
        arrivals: Option<At<Arrivals>>,
        /// Closed model: so many users ask, wait for the answer, think, and ask again.
        closed: Option<At<Closed>>,
        /// How many synthetic identities there are. Default: 1.
        identities: Option<At<Count>>,
    }
}

section! {
    /// One entry of the mix.
    Described {
        /// Method and path; `{name}` is a field.
        request: At<RequestLine>,
        /// What its fields hold.
        with: Option<Named<Text, At<FieldValue>>>,
        /// Its weight against the others. Default: 1.
        weight: Option<At<Count>>,
        /// Its query; values may hold fields and secrets' references.
        query: Option<Named<Text, At<Phrase>>>,
        /// Its headers; values may hold fields and secrets' references.
        headers: Option<Named<Text, At<Phrase>>>,
        /// Its body: text with fields (`{{` for a brace), or keys and values that are sent as JSON.
        body: Option<At<BodyText>>,
    }
}

section! {
    /// An open arrival process; exactly one of constant, poisson, ramp, steps and spike.
    Arrivals {
        /// Evenly spaced at this rate.
        constant: Option<At<Rate>>,
        /// A Poisson process of this rate.
        poisson: Option<At<Rate>>,
        /// From one rate to another; the last is held.
        ramp: Option<At<Ramp>>,
        /// Rates one after the other; the last is held.
        steps: Option<At<Vec<At<RateStep>>>>,
        /// A base rate with one peak.
        spike: Option<At<Spike>>,
        /// How the arrivals of ramp, steps and spike are spaced. Default: poisson.
        spacing: Option<At<SpacingKind>>,
    }
}

section! {
    /// A linear change of the rate.
    Ramp {
        /// Rate at the beginning; may be `0/s`.
        from: At<Level>,
        /// Rate at the end.
        to: At<Level>,
        /// How long it takes. Default: the whole run.
        over: Option<At<Duration>>,
    }
}

section! {
    /// A rate that is held for a while.
    RateStep {
        /// The rate; may be `0/s`.
        rate: At<Level>,
        /// How long; the last step may leave it out.
        r#for: Option<At<Duration>>,
    }
}

section! {
    /// A base rate with one peak.
    Spike {
        /// Rate before and after; may be `0/s`.
        base: At<Level>,
        /// Rate of the peak.
        peak: At<Rate>,
        /// When the peak begins.
        at: At<Duration>,
        /// How long it lasts.
        r#for: At<Duration>,
    }
}

section! {
    /// A closed model: users who wait for answers. Coordinated omission is possible, and reports say so.
    Closed {
        /// How many users.
        users: At<Count>,
        /// Time between an answer and the user's next request. Default: 0s.
        think: Option<At<Shape>>,
        /// The users start evenly spread over this time. Default: 0s.
        ramp_up: Option<At<Duration>>,
    }
}
