//! Words of which one is chosen: `http`, `poisson`, `deadline 200ms`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to relate it to other values (`prove`). Read by the types in `raw`
//! and by `cli`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::time::Span;

use super::text_scalar;
use crate::config::problem::{choices, quoted, suggestion};
use crate::load::overload::Overload;

/// Why a text is none of the words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no choice here{near} write {}", quoted(.given), choices(.words.iter().copied()))]
pub struct NotAChoice {
    given: String,
    near: String,
    words: &'static [&'static str],
}

impl NotAChoice {
    pub(super) fn new(given: &str, words: &'static [&'static str]) -> Self {
        let near = suggestion(given, words.iter().copied());
        Self { given: given.to_owned(), near, words }
    }
}

/// Makes an enum of words: reading, writing, and a schema that lists them. `Name as Other` also says that each word means the
/// variant of that name of the policy's `Other`.
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis $name:ident as $meaning:ty, $kind:literal, $cure:literal { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)* }) => {
        words! { $(#[$meta])* $vis $name, $kind, $cure { $($(#[$variant_meta])* $variant = $word,)* } }

        impl From<$name> for $meaning {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Self::$variant,)*
                }
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis $name:ident, $kind:literal, $cure:literal { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl std::str::FromStr for $name {
            type Err = crate::config::value::choice::NotAChoice;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text.trim() {
                    $($word => Ok(Self::$variant),)*
                    other => Err(crate::config::value::choice::NotAChoice::new(other, &[$($word),*])),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $word,)*
                })
            }
        }

        crate::config::value::text_scalar!($name, $kind, $cure, { "type": "string", "enum": [$($word),*] });
    };
}
pub(super) use words;

words! {
    /// The kind of API.
    pub ApiKind, "the kind of API", "write http, rest or websocket" {
        /// HTTP API (v2).
        Http = "http",
        /// REST API (v1).
        Rest = "rest",
        /// WebSocket API (v2).
        WebSocket = "websocket",
    }
}

words! {
    /// What a parameter was fitted to.
    pub(in crate::config) FittedTier, "what a parameter was fitted to", "write client, joined or backend" {
        /// What the client saw.
        Client = "client",
        /// That, joined with access logs.
        Joined = "joined",
        /// That, with the functions' logs.
        Backend = "backend",
    }
}

words! {
    /// Whether a parameter can be known.
    pub(in crate::config) Known, "whether it can be known", "write yes, set or no" {
        /// As a point.
        Yes = "yes",
        /// As an interval.
        Set = "set",
        /// Not.
        No = "no",
    }
}

words! {
    /// How arrivals are spaced at their rate.
    pub SpacingKind, "a spacing", "write poisson or even" {
        /// As a Poisson process.
        Poisson = "poisson",
        /// Evenly.
        Even = "even",
    }
}

words! {
    /// The protocol that is spoken to the target.
    pub Protocol, "a protocol", "write auto, http1 or http2" {
        /// What TLS negotiates (ALPN); HTTP/1.1 without TLS.
        Auto = "auto",
        /// HTTP/1.1.
        Http1 = "http1",
        /// HTTP/2; without TLS by prior knowledge.
        Http2 = "http2",
    }
}

words! {
    /// How the pause before a retry is spread.
    pub(in crate::config) Jitter as crate::load::retry::Jitter, "a jitter", "write full, equal or none" {
        /// From nothing to all of it.
        Full = "full",
        /// From half of it to all of it.
        Equal = "equal",
        /// Not at all.
        None = "none",
    }
}

words! {
    /// Who is served by the servers of a station.
    pub(in crate::config) Discipline as sluicegate_policy::model::Discipline, "a discipline", "write fcfs or ps" {
        /// In the order in which they came, each to its end.
        FirstCome = "fcfs",
        /// All at once, sharing the servers.
        Shared = "ps",
    }
}

words! {
    /// How the generator waits for the instant of a request.
    pub Pacing, "a pacing", "write spin, hybrid or sleep" {
        /// Awake all the time: the least lag, a whole core for each lane.
        Spin = "spin",
        /// Asleep until shortly before, then awake.
        Hybrid = "hybrid",
        /// Asleep: spares the CPU, late by what the kernel takes to wake it.
        Sleep = "sleep",
    }
}

words! {
    /// Whether the target's certificate must be good.
    pub Certificates, "a choice", "write checked or unchecked" {
        /// It must be valid for the host, and signed by a known authority.
        Checked = "checked",
        /// Anything is taken (`-k`): the run proves nothing about who answered.
        Unchecked = "unchecked",
    }
}

/// What happens to requests that are due and cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadPolicy(pub Overload);

text_scalar!(
    OverloadPolicy,
    "an overload policy",
    "write queue, drop, or a deadline such as \"deadline 200ms\"",
    r"^\s*(queue|drop|deadline\s+\S.*)\s*$"
);

impl FromStr for OverloadPolicy {
    type Err = super::Unreadable;

    fn from_str(text: &str) -> Result<Self, super::Unreadable> {
        let deadline = |text: &str| text.strip_prefix("deadline ")?.parse::<Span>().ok().map(Overload::Deadline);
        let policy = match text.trim() {
            "queue" => Some(Overload::Queue),
            "drop" => Some(Overload::Drop),
            other => deadline(other),
        };
        policy.map(Self).ok_or_else(|| super::Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for OverloadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Overload::Queue => f.pad("queue"),
            Overload::Drop => f.pad("drop"),
            Overload::Deadline(limit) => write!(f, "deadline {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_word_reads_back_as_it_was_written() {
        for word in ["http", "rest", "websocket"] {
            assert_eq!(word.parse::<ApiKind>().unwrap().to_string(), word);
        }
        for word in ["auto", "http1", "http2"] {
            assert_eq!(word.parse::<Protocol>().unwrap().to_string(), word);
        }
        for word in ["spin", "hybrid", "sleep"] {
            assert_eq!(word.parse::<Pacing>().unwrap().to_string(), word);
        }
        for word in ["poisson", "even"] {
            assert_eq!(word.parse::<SpacingKind>().unwrap().to_string(), word);
        }
        for word in ["checked", "unchecked"] {
            assert_eq!(word.parse::<Certificates>().unwrap().to_string(), word);
        }
        for word in ["queue", "drop", "deadline 200ms"] {
            assert_eq!(word.parse::<OverloadPolicy>().unwrap().to_string(), word);
        }
    }

    proptest! {
        #[test]
        fn a_deadline_reads_back_as_it_was_written(ns in 0_u64..1 << 52) {
            let policy = OverloadPolicy(Overload::Deadline(Span::from_ns(ns)));
            prop_assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }

    #[test]
    fn a_misspelt_word_gets_a_suggestion() {
        assert_eq!(
            "htp".parse::<ApiKind>().unwrap_err().to_string(),
            "\"htp\" is no choice here, did you mean \"http\"? write http, rest or websocket"
        );
        assert!("deadline".parse::<OverloadPolicy>().is_err());
    }
}
