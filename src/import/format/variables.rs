//! What the variables of log format strings mean, in three dialects.
//!
//! Owns the tables: nginx (`ngx_http_log_module`, `ngx_http_core_module`), Apache (`mod_log_config`) and API Gateway's
//! `$context` (facts 10.2). Variables that a replay does not need are known as "something", and their values skipped.

use super::super::fields::{Binding, Field};
use super::super::parsed::StampIs;
use super::super::stamp::{TimeFormat, Unit};
use super::pattern::PatternError;

/// Whose format string it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `$remote_addr`; its time is that of writing, after the answer.
    Nginx,
    /// `%h`; its `%t` is the time at which the request was received.
    Apache,
    /// `$context.status`; `requestTime` is the time at which the request was received.
    Gateway,
}

impl Dialect {
    pub(super) fn of(format: &str) -> Self {
        if format.contains("$context.") {
            return Self::Gateway;
        }
        if variable_name(format.split_once('$').map_or("", |(_, rest)| rest)).is_some() { Self::Nginx } else { Self::Apache }
    }

    pub(super) const fn stamp_is(self) -> StampIs {
        match self {
            Self::Nginx => StampIs::End,
            Self::Apache | Self::Gateway => StampIs::Start,
        }
    }
}

/// What becomes of a variable's value.
#[derive(Clone, Debug, Default)]
pub(super) struct Meaning {
    /// `None`: it is skipped.
    pub(super) binding: Option<Binding>,
    /// How a time is written, where the variable says so.
    pub(super) time: Option<TimeFormat>,
}

/// A part of a format string.
pub(super) enum Token {
    /// Stands in every line as it is.
    Text(Vec<u8>),
    /// A variable, and its name as written.
    Variable(Meaning, String),
}

/// Takes a format string apart.
pub(super) fn tokens(format: &str, dialect: Dialect) -> Result<Vec<Token>, PatternError> {
    match dialect {
        Dialect::Nginx | Dialect::Gateway => Ok(dollar_tokens(format)),
        Dialect::Apache => percent_tokens(format),
    }
}

/// What no line becomes a call without, if these fields do not hold it.
pub(super) fn lacks(fields: impl Iterator<Item = Field>) -> Option<&'static str> {
    let fields: Vec<_> = fields.collect();
    let any = |wanted: &[Field]| wanted.iter().any(|field| fields.contains(field));
    if !any(&[Field::Time, Field::Epoch]) {
        return Some("the time");
    }
    if any(&[Field::Request, Field::RouteKey]) {
        return None;
    }
    if !any(&[Field::Target, Field::Path, Field::Resource]) {
        return Some("the path");
    }
    if any(&[Field::Method]) { None } else { Some("the method") }
}

/// Name of a variable after `$`: letters, digits, `_` and `.`, or the same in braces; and how long it is with them.
fn variable_name(rest: &str) -> Option<(&str, usize)> {
    if let Some(braced) = rest.strip_prefix('{') {
        let close = braced.find('}')?;
        return Some((&braced[..close], close + 2));
    }
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
    // A dot at the end is a text: `$status.`
    let name = rest[..end].trim_end_matches('.');
    (!name.is_empty()).then_some((name, name.len()))
}

fn dollar_tokens(format: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('$') {
        let (text, after) = (&rest[..at], &rest[at + 1..]);
        tokens.push(Token::Text(text.as_bytes().to_vec()));
        let Some((name, length)) = variable_name(after) else {
            tokens.push(Token::Text(b"$".to_vec()));
            rest = after;
            continue;
        };
        rest = &after[length..];
        // The one usual pair without a separator is a target.
        let whole = ["$is_args$args", "$is_args$query_string"].into_iter().find(|tail| rest.starts_with(tail));
        if let (Some(tail), "uri" | "document_uri") = (whole, name) {
            rest = &rest[tail.len()..];
            tokens.push(Token::Variable(bound(Field::Target, 0), format!("${name}{tail}")));
        } else {
            tokens.push(Token::Variable(dollar_meaning(name), format!("${name}")));
        }
    }
    tokens.push(Token::Text(rest.as_bytes().to_vec()));
    tokens.retain(|token| !matches!(token, Token::Text(text) if text.is_empty()));
    tokens
}

fn bound(field: Field, rank: u8) -> Meaning {
    latency(field, rank, Unit::Millis)
}

fn latency(field: Field, rank: u8, unit: Unit) -> Meaning {
    Meaning { binding: Some(Binding { field, rank, unit }), time: None }
}

fn dollar_meaning(name: &str) -> Meaning {
    match name.strip_prefix("context.").unwrap_or(name) {
        "requestTime" | "time_local" | "time_iso8601" => bound(Field::Time, 0),
        "requestTimeEpoch" | "msec" => bound(Field::Epoch, 0),
        "request" => bound(Field::Request, 0),
        "httpMethod" | "request_method" => bound(Field::Method, 0),
        "request_uri" => bound(Field::Target, 0),
        "path" | "uri" | "document_uri" => bound(Field::Path, 0),
        "args" | "query_string" => bound(Field::Query, 0),
        "resourcePath" => bound(Field::Resource, 0),
        "routeKey" => bound(Field::RouteKey, 0),
        "stage" => bound(Field::Stage, 0),
        "status" => bound(Field::Status, 0),
        "request_time" => latency(Field::Latency, 0, Unit::Seconds),
        "responseLatency" => latency(Field::Latency, 0, Unit::Millis),
        // A part of the time only; better than none.
        "integrationLatency" | "integration.latency" => latency(Field::Latency, 9, Unit::Millis),
        "responseLength" | "body_bytes_sent" => bound(Field::Bytes, 0),
        "bytes_sent" => bound(Field::Bytes, 1),
        "identity.sourceIp" | "remote_addr" => bound(Field::Client, 0),
        _ => Meaning::default(),
    }
}

fn percent_tokens(format: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        tokens.push(Token::Text(rest.as_bytes()[..at].to_vec()));
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            tokens.push(Token::Text(b"%".to_vec()));
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("%U%q") {
            tokens.push(Token::Variable(bound(Field::Target, 0), "%U%q".to_owned()));
            rest = after;
            continue;
        }
        let directive = Directive::read(rest).ok_or_else(|| PatternError::Unknown {
            format: format.to_owned(),
            directive: rest.split([' ', '"']).next().unwrap_or(rest).to_owned(),
        })?;
        let (name, after) = rest.split_at(directive.length);
        directive.push(name, &mut tokens);
        rest = after;
    }
    tokens.push(Token::Text(rest.as_bytes().to_vec()));
    tokens.retain(|token| !matches!(token, Token::Text(text) if text.is_empty()));
    Ok(tokens)
}

/// One of Apache's: `%`, conditions and `<` or `>`, an argument in braces, a letter.
struct Directive<'a> {
    argument: &'a str,
    letter: char,
    length: usize,
}

impl<'a> Directive<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let modifiers = |c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>');
        let mut rest = text[1..].trim_start_matches(modifiers);
        let mut argument = "";
        if let Some(braced) = rest.strip_prefix('{') {
            (argument, rest) = braced.split_once('}')?;
            rest = rest.trim_start_matches(modifiers);
        }
        if let Some(trailer) = rest.strip_prefix("^t") {
            rest = trailer;
        }
        let letter = rest.chars().next().filter(|letter| "aABbCDefhHiIklLmnoOpPqrRsSTtUuvVX".contains(*letter))?;
        Some(Self { argument, letter, length: text.len() - rest.len() + 1 })
    }

    fn push(&self, name: &str, tokens: &mut Vec<Token>) {
        let plain_time = self.letter == 't' && self.argument.is_empty();
        if plain_time {
            tokens.push(Token::Text(b"[".to_vec()));
        }
        tokens.push(Token::Variable(self.meaning(), name.to_owned()));
        if plain_time {
            tokens.push(Token::Text(b"]".to_vec()));
        }
    }

    fn meaning(&self) -> Meaning {
        match self.letter {
            't' => self.time(),
            'r' => bound(Field::Request, 0),
            'm' => bound(Field::Method, 0),
            'U' => bound(Field::Path, 0),
            'q' => bound(Field::Query, 0),
            's' => bound(Field::Status, 0),
            'b' | 'B' => bound(Field::Bytes, 0),
            'O' => bound(Field::Bytes, 1),
            'h' | 'a' => bound(Field::Client, 0),
            'D' => latency(Field::Latency, 0, Unit::Micros),
            'T' => latency(Field::Latency, 1, Unit::from_word(self.argument).unwrap_or(Unit::Seconds)),
            _ => Meaning::default(),
        }
    }

    fn time(&self) -> Meaning {
        let argument = self.argument.strip_prefix("begin:").or_else(|| self.argument.strip_prefix("end:"));
        let time = match argument.unwrap_or(self.argument) {
            "" => None,
            "sec" => Some(TimeFormat::Epoch(Unit::Seconds)),
            "msec" => Some(TimeFormat::Epoch(Unit::Millis)),
            "usec" => Some(TimeFormat::Epoch(Unit::Micros)),
            // Only the fraction of a second; another directive holds the rest.
            "msec_frac" | "usec_frac" => return Meaning::default(),
            pattern => Some(TimeFormat::Pattern(pattern.to_owned())),
        };
        Meaning { time, ..bound(Field::Time, 0) }
    }
}
