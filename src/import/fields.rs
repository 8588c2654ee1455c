//! From named values of a line to a call: one place for what the names mean, whatever the format.
//!
//! Owns [`Field`], the values found for each (`Raw`) and the `Rules` by which they are read. Refuses to find values in a
//! line (each format does). Called by the formats `json`, `pattern` and `expression`.

use std::borrow::Cow;
use std::str::FromStr;

use super::parsed::{Parsed, Part, Rejected, StampIs};
use super::request_line;
use super::stamp::{self, TimeFormat, Unit};

/// What a named value of a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Method.
    Method,
    /// Path and query together.
    Target,
    /// Path.
    Path,
    /// Query, with or without `?`.
    Query,
    /// The request line: method, target, version.
    Request,
    /// Route key of an HTTP API: `GET /pets/{id}`; used where there is no path.
    RouteKey,
    /// Path pattern of a REST API: `/pets/{id}`; used where there is no path.
    Resource,
    /// Status of the answer.
    Status,
    /// Time of the line.
    Time,
    /// Time of the line as a number since 1970; preferred, because it is finer.
    Epoch,
    /// Time that the server took.
    Latency,
    /// Length of the answer.
    Bytes,
    /// Who asked.
    Client,
    /// Stage of the API: taken off the path, because a target's base URL names it.
    Stage,
}

/// How many fields there are.
const FIELDS: usize = 14;

impl Field {
    /// The names that options and named groups use.
    pub const NAMES: [(&'static str, Self); FIELDS] = [
        ("method", Self::Method),
        ("target", Self::Target),
        ("path", Self::Path),
        ("query", Self::Query),
        ("request", Self::Request),
        ("route", Self::RouteKey),
        ("resource", Self::Resource),
        ("status", Self::Status),
        ("time", Self::Time),
        ("epoch", Self::Epoch),
        ("latency", Self::Latency),
        ("bytes", Self::Bytes),
        ("client", Self::Client),
        ("stage", Self::Stage),
    ];
}

/// Why a word is not a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a field; fields are method, target, path, query, request, route, resource, status, time, epoch, latency, bytes, client and stage"
)]
pub struct ParseFieldError(pub String);

impl FromStr for Field {
    type Err = ParseFieldError;

    fn from_str(text: &str) -> Result<Self, ParseFieldError> {
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, field)| field).ok_or_else(|| ParseFieldError(text.to_owned()))
    }
}

/// Where a value is kept when a line holds several for one field: the lower rank wins, then the later value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) field: Field,
    pub(super) rank: u8,
    /// Unit of a latency.
    pub(super) unit: Unit,
}

/// The values that a line gave. Absent are also `-` and the empty text.
#[derive(Debug, Default)]
pub(super) struct Raw<'a> {
    values: [Option<(Cow<'a, [u8]>, u8)>; FIELDS],
    latency_unit: Option<Unit>,
}

/// How values are read.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) stamp_is: StampIs,
    pub(super) time: TimeFormat,
    /// Overrides the unit that a latency's name implies.
    pub(super) latency_unit: Option<Unit>,
}

impl<'a> Raw<'a> {
    pub(super) fn put(&mut self, binding: Binding, value: Cow<'a, [u8]>) {
        if value.is_empty() || *value == *b"-" {
            return;
        }
        let slot = &mut self.values[binding.field as usize];
        if slot.as_ref().is_some_and(|(_, rank)| *rank < binding.rank) {
            return;
        }
        *slot = Some((value, binding.rank));
        if binding.field == Field::Latency {
            self.latency_unit = Some(binding.unit);
        }
    }

    fn get(&self, field: Field) -> Option<&[u8]> {
        self.values[field as usize].as_ref().map(|(value, _)| &**value)
    }

    fn take(&mut self, field: Field) -> Option<Cow<'a, [u8]>> {
        self.values[field as usize].take().map(|(value, _)| value)
    }

    /// The call that these values tell of.
    pub(super) fn assemble(mut self, rules: &Rules) -> Result<Parsed<'a>, Rejected> {
        let when = match (self.get(Field::Epoch), self.get(Field::Time)) {
            (Some(epoch), _) => TimeFormat::Auto.read(epoch)?,
            (None, Some(time)) => rules.time.read(time)?,
            (None, None) => return Err(Rejected::Missing(Part::Time)),
        };
        let unit = rules.latency_unit.or(self.latency_unit).unwrap_or(Unit::Millis);
        let latency = self.get(Field::Latency).map_or(Ok(None), |text| stamp::latency(text, unit))?;
        let status = self.get(Field::Status).map(status).transpose()?;
        let bytes = self.get(Field::Bytes).map(bytes).transpose()?;
        let client = self.take(Field::Client);
        let (method, target) = self.request()?;
        Ok(Parsed { when, stamp_is: rules.stamp_is, method, target, status, latency, bytes, client })
    }

    fn request(&mut self) -> Result<(Cow<'a, str>, Cow<'a, str>), Rejected> {
        if let Some(line) = self.take(Field::Request) {
            return request(line);
        }
        let stage = self.take(Field::Stage);
        let target = match (self.take(Field::Target), self.take(Field::Path)) {
            (Some(target), _) => clean(target)?,
            (None, Some(path)) => with_query(clean(path)?, self.take(Field::Query))?,
            (None, None) => match self.take(Field::Resource) {
                Some(resource) => clean(resource)?,
                None => return self.route_key(),
            },
        };
        let method = match self.take(Field::Method) {
            Some(method) => method_of(method)?,
            None => return Err(Rejected::Missing(Part::Method)),
        };
        let target = match stage {
            Some(stage) => without_prefix(target, &stage),
            None => target,
        };
        Ok((method, target))
    }

    /// Where nothing but a route key is logged: `GET /pets/{id}`. `$default` and the keys of WebSocket APIs name no path.
    fn route_key(&mut self) -> Result<(Cow<'a, str>, Cow<'a, str>), Rejected> {
        let key = self.take(Field::RouteKey).ok_or(Rejected::Missing(Part::Path))?;
        let Some(space) = memchr::memchr(b' ', &key) else { return Err(Rejected::Missing(Part::Path)) };
        let target = request_line::target(key[space..].trim_ascii())?.into_owned();
        let method = match (&key[..space], self.take(Field::Method)) {
            (b"ANY", Some(method)) => method_of(method)?.into_owned(),
            (method, _) => request_line::method(method)?.to_owned(),
        };
        Ok((Cow::Owned(method), Cow::Owned(target)))
    }
}

/// Method and target of a request line; what is borrowed stays borrowed.
pub(super) fn request(line: Cow<'_, [u8]>) -> Result<(Cow<'_, str>, Cow<'_, str>), Rejected> {
    match line {
        Cow::Borrowed(line) => request_line::split(line).map(|(method, target)| (Cow::Borrowed(method), target)),
        Cow::Owned(line) => {
            let (method, target) = request_line::split(&line)?;
            Ok((Cow::Owned(method.to_owned()), Cow::Owned(target.into_owned())))
        }
    }
}

/// Three digits.
pub(super) fn status(text: &[u8]) -> Result<u16, Rejected> {
    match text {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Ok(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => Err(Rejected::Bad(Part::Status)),
    }
}

/// A count of bytes.
pub(super) fn bytes(text: &[u8]) -> Result<u64, Rejected> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return Err(Rejected::Bad(Part::Bytes));
    }
    Ok(text.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
}

/// The target without a leading `/prefix`, if that is a whole segment of it.
pub(super) fn without_prefix<'a>(target: Cow<'a, str>, prefix: &[u8]) -> Cow<'a, str> {
    let prefix = prefix.trim_ascii().strip_prefix(b"/").unwrap_or(prefix);
    let rest = target.as_bytes().strip_prefix(b"/").and_then(|rest| rest.strip_prefix(prefix));
    match rest.and_then(|rest| rest.first()) {
        _ if prefix.is_empty() => target,
        None if rest.is_none() => target,
        None => Cow::Borrowed("/"),
        Some(b'/') => Cow::Owned(target[prefix.len() + 1..].to_owned()),
        Some(b'?') => Cow::Owned(format!("/{}", &target[prefix.len() + 1..])),
        Some(_) => target,
    }
}

fn clean(text: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Rejected> {
    match text {
        Cow::Borrowed(text) => request_line::target(text),
        Cow::Owned(text) => Ok(Cow::Owned(request_line::target(&text)?.into_owned())),
    }
}

fn with_query<'a>(path: Cow<'a, str>, query: Option<Cow<'a, [u8]>>) -> Result<Cow<'a, str>, Rejected> {
    let Some(query) = query else { return Ok(path) };
    let query = query.strip_prefix(b"?").unwrap_or(&query);
    let whole = [path.as_bytes(), b"?", query].concat();
    Ok(Cow::Owned(request_line::target(&whole)?.into_owned()))
}

fn method_of(text: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Rejected> {
    match text {
        Cow::Borrowed(text) => request_line::method(text).map(Cow::Borrowed),
        Cow::Owned(text) => request_line::method(&text).map(|method| Cow::Owned(method.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(values: &[(&str, &str)]) -> Result<(String, String), Rejected> {
        let text: Vec<_> = values.iter().map(|(name, value)| (name.parse::<Field>().unwrap(), value.as_bytes())).collect();
        let mut raw = Raw::default();
        for (field, value) in text {
            raw.put(Binding { field, rank: 0, unit: Unit::Millis }, Cow::Borrowed(value));
        }
        let rules = Rules { stamp_is: StampIs::Start, time: TimeFormat::Auto, latency_unit: None };
        raw.assemble(&rules).map(|parsed| (parsed.method.into_owned(), parsed.target.into_owned()))
    }

    #[test]
    fn a_request_is_found_in_whatever_names_it() {
        let time = ("time", "2017-05-16 00:00:00");
        for (values, method, target) in [
            (&[time, ("request", "GET /a HTTP/1.1")][..], "GET", "/a"),
            (&[time, ("method", "PUT"), ("path", "/a"), ("query", "?b=1")], "PUT", "/a?b=1"),
            (&[time, ("method", "PUT"), ("target", "/a?c"), ("path", "/a")], "PUT", "/a?c"),
            (&[time, ("method", "GET"), ("path", "/prod/a"), ("stage", "prod")], "GET", "/a"),
            (&[time, ("method", "GET"), ("path", "/prod"), ("stage", "prod")], "GET", "/"),
            (&[time, ("method", "GET"), ("path", "/product"), ("stage", "prod")], "GET", "/product"),
            (&[time, ("method", "GET"), ("path", "/a"), ("stage", "$default")], "GET", "/a"),
            (&[time, ("method", "GET"), ("resource", "/pets/{id}")], "GET", "/pets/%7Bid%7D"),
            (&[time, ("route", "POST /pets")], "POST", "/pets"),
            (&[time, ("route", "ANY /pets"), ("method", "GET")], "GET", "/pets"),
        ] {
            assert_eq!(call(values), Ok((method.to_owned(), target.to_owned())), "{values:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let time = ("time", "1494892800");
        assert_eq!(call(&[]), Err(Rejected::Missing(Part::Time)));
        assert_eq!(call(&[time, ("method", "GET")]), Err(Rejected::Missing(Part::Path)));
        assert_eq!(call(&[time, ("path", "/")]), Err(Rejected::Missing(Part::Method)));
        assert_eq!(call(&[time, ("route", "$default")]), Err(Rejected::Missing(Part::Path)));
        assert_eq!(call(&[time, ("status", "2x0")]), Err(Rejected::Bad(Part::Status)));
    }
}
