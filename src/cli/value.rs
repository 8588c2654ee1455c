//! Values of flags that clap has no reader for.
//!
//! Owns their reading and the message when they cannot be read. Refuses what needs the profile: rates and drifts are kept as
//! text here, and proven by `config` together with the profile they change.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use sluicegate_policy::time::Span;

use crate::load::overload::Overload;
use crate::traffic::endpoint::{Endpoint, ParseEndpointError};

/// Why the value of a flag cannot be read: what it is not, and what would work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}; write e.g. {example}")]
pub struct ParseError {
    why: String,
    example: &'static str,
}

/// A rate as it was written: `200/s`, `12000/min`. `config` proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateText(pub String);

/// A drift as it was written: `path op value`. `config` proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftText(pub String);

/// A unit of time as it was written: `ms`. `import` proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitText(pub String);

/// How many times faster than recorded; above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(pub f64);

/// A header of every request. Its value may be a secret, and is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Name as written.
    pub name: String,
    /// Value as written, perhaps with references such as `${env:TOKEN}`.
    pub value: String,
}

/// Where something is in a line of a log: the importer's word, and the key or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The importer's word: `method`, `path`, `time`, `latency`, ...
    pub role: String,
    /// Where the line has it.
    pub key: String,
}

/// The earlier run that a run is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The newest that passed, of those beside the run's own folder.
    LatestPassing,
    /// The one in this folder, or whose record this is.
    Run(PathBuf),
}

/// Where traffic goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The bundled mock gateway, whatever the profile says.
    Mock,
    /// A live gateway.
    Live(Endpoint),
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HttpVersion {
    /// What the target chooses by ALPN; HTTP/1.1 without TLS.
    #[default]
    Auto,
    /// HTTP/1.1.
    #[value(name = "1.1")]
    Http1,
    /// HTTP/2, without TLS with prior knowledge.
    #[value(name = "2")]
    Http2,
}

/// How the generator waits for the instant of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PacingMode {
    /// Awake all the time: the least lag, a whole core for each lane.
    Spin,
    /// Asleep until shortly before, then awake.
    Hybrid,
    /// Asleep: spares the CPU, late by what the kernel takes to wake it.
    Sleep,
}

impl ParseError {
    pub(super) fn new(why: impl Into<String>, example: &'static str) -> Self {
        Self { why: why.into(), example }
    }
}

impl FromStr for RateText {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let refuse = |why: &str| Err(ParseError::new(format!("\"{text}\" {why}"), "200/s or 12000/min"));
        match text.split_once('/') {
            None => refuse("has no unit"),
            Some((number, _)) if !number.starts_with(|c: char| c.is_ascii_digit()) => refuse("is not a rate"),
            Some(_) => Ok(Self(text.to_owned())),
        }
    }
}

impl FromStr for DriftText {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let has_operator = text.split_whitespace().skip(1).any(|word| matches!(word, "=" | "*" | "+"));
        if has_operator {
            return Ok(Self(text.trim().to_owned()));
        }
        let why = format!("\"{text}\" is not a path, an operator (= * +) and a value with spaces between them");
        Err(ParseError::new(why, "'functions.orders.duration * 1.5'"))
    }
}

impl FromStr for UnitText {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = format!("1{text}").parse::<Span>().is_ok();
        if known {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(format!("\"{text}\" is not a unit of time"), "us, ms or s"))
        }
    }
}

impl FromStr for Speed {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let number = text.trim().trim_end_matches('x');
        match number.parse::<f64>() {
            Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(Self(speed)),
            _ => Err(ParseError::new(format!("\"{text}\" is not a number above zero"), "60, 0.5 or 2x")),
        }
    }
}

impl FromStr for Header {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // The text is not repeated: it may hold a secret.
        let refuse = |why: &str| ParseError::new(why, "'accept: application/json' or 'x-api-key: ${env:API_KEY}'");
        let (name, value) = text.split_once(':').ok_or_else(|| refuse("the header has no colon"))?;
        let value = value.trim();
        http::HeaderName::try_from(name.trim())
            .map_err(|_| refuse("the header's name is empty or holds a character that none may"))?;
        http::HeaderValue::try_from(value).map_err(|_| refuse("the header's value holds a control character"))?;
        Ok(Self { name: name.trim().to_owned(), value: value.to_owned() })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({}: ...)", self.name)
    }
}

impl FromStr for Field {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.split_once('=') {
            Some((role, key)) if !role.is_empty() && !key.is_empty() => Ok(Self { role: role.to_owned(), key: key.to_owned() }),
            _ => Err(ParseError::new(format!("\"{text}\" is not a word, an equals sign and a key"), "latency=responseLatency")),
        }
    }
}

impl FromStr for Baseline {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "latest-passing" { Self::LatestPassing } else { Self::Run(PathBuf::from(text)) })
    }
}

impl FromStr for Target {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        if text == "mock" { Ok(Self::Mock) } else { text.parse().map(Self::Live) }
    }
}

/// Reads `queue`, `drop` or `deadline:500ms`.
pub(super) fn overload(text: &str) -> Result<Overload, ParseError> {
    let refuse = || ParseError::new(format!("\"{text}\" is not an overload policy"), "queue, drop or deadline:500ms");
    match text.split_once(':') {
        None if text == "queue" => Ok(Overload::Queue),
        None if text == "drop" => Ok(Overload::Drop),
        Some(("deadline", span)) => span.parse().map(Overload::Deadline).map_err(|_| refuse()),
        None | Some(_) => Err(refuse()),
    }
}

/// Reads `5%` as 0.05; 0.1 % to 100 %.
pub(super) fn precision(text: &str) -> Result<f64, ParseError> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    let share = number.map(|percent| percent / 100.0).filter(|share| (0.001..=1.0).contains(share));
    share.ok_or_else(|| ParseError::new(format!("\"{text}\" is not a precision from 0.1% to 100%"), "5%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_text_of_any_flag_is_read_or_refused_with_an_example(text in "[0-9]{0,22}[a-z/. :=*+]{0,12}|\\PC{0,24}") {
            let refusals = [
                text.parse::<RateText>().err(),
                text.parse::<DriftText>().err(),
                text.parse::<UnitText>().err(),
                text.parse::<Speed>().err(),
                text.parse::<Header>().err(),
                text.parse::<Field>().err(),
                overload(&text).err(),
                precision(&text).err(),
            ];
            for refused in refusals.into_iter().flatten() {
                proptest::prop_assert!(refused.to_string().contains("; write e.g. "), "{}", refused);
            }
            let _ = text.parse::<Target>();
        }
    }

    #[test]
    fn a_speed_is_read_with_and_without_its_x() {
        for (text, speed) in [("60", 60.0), ("0.5", 0.5), ("2x", 2.0), (" 1.5x ", 1.5)] {
            assert_eq!(text.parse(), Ok(Speed(speed)));
        }
        for bad in ["", "x", "0", "-1", "inf", "nan", "fast"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_overload_policy_is_one_of_three() {
        assert_eq!(overload("queue"), Ok(Overload::Queue));
        assert_eq!(overload("drop"), Ok(Overload::Drop));
        assert_eq!(overload("deadline:500ms"), Ok(Overload::Deadline(Span::from_ms(500))));
        for bad in ["", "deadline", "deadline:", "deadline:500", "wait", "drop:1s"] {
            assert!(overload(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_precision_is_a_share_above_zero() {
        for (text, share) in [("5%", 0.05), ("0.1 %", 0.001), ("100%", 1.0)] {
            assert!(precision(text).is_ok_and(|read| (read - share).abs() < 1e-12), "{text}");
        }
        for bad in ["", "5", "0%", "0.05%", "101%", "-5%", "inf%", "nan%"] {
            assert!(precision(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_not_repeated() {
        let header: Header = "x-api-key: secret".parse().unwrap();
        assert_eq!((header.name.as_str(), header.value.as_str()), ("x-api-key", "secret"));
        assert!(!format!("{header:?}").contains("secret"));
        for bad in ["secret", ": secret", "na me: secret", "name: sec\nret"] {
            assert!(!bad.parse::<Header>().unwrap_err().to_string().contains("sec"), "{bad}");
        }
    }

    #[test]
    fn a_target_is_the_mock_or_a_url() {
        assert_eq!("mock".parse(), Ok(Target::Mock));
        assert!(matches!("http://127.0.0.1:80/prod".parse(), Ok(Target::Live(_))));
        assert!("127.0.0.1:80".parse::<Target>().is_err());
    }

    #[test]
    fn what_is_left_to_the_profile_is_still_looked_at() {
        assert!("200/s".parse::<RateText>().is_ok());
        assert!("fast".parse::<RateText>().is_err());
        assert_eq!("200".parse::<RateText>().unwrap_err().to_string(), "\"200\" has no unit; write e.g. 200/s or 12000/min");
        assert!("functions.orders.duration * 1.5".parse::<DriftText>().is_ok());
        assert!("functions.orders.duration*1.5".parse::<DriftText>().is_err());
        assert!("ms".parse::<UnitText>().is_ok());
        assert!("fortnight".parse::<UnitText>().is_err());
        assert!("latency=responseLatency".parse::<Field>().is_ok());
        assert!("latency".parse::<Field>().is_err());
    }
}
