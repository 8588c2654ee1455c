//! JSON lines: one object each, its keys mapped to fields; access logs of API Gateway among them.
//!
//! Takes numbers as texts, `-` as absent, nested objects by dotted keys (`request.path`), what a collector puts before the
//! object (`aws logs tail`, S3 exports), and the invalid `"integrationLatency": -` that API Gateway prints for an unset
//! variable without quotes (facts 10.2). Objects that wrap a line in `message` (`aws logs filter-log-events`, one event a
//! line) are opened.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::fields::{Binding, Field, Raw, Rules};
use super::super::parsed::{LineFormat, Parsed, Rejected};
use super::super::stamp::Unit;

/// Keys that are known without being told, in the order in which they are preferred: API Gateway's samples and `$context`
/// names first (facts 10.2, 10.3), then what nginx and common loggers write.
const KNOWN: &[(&str, Field, Unit)] = &[
    ("requestTimeEpoch", Field::Epoch, Unit::Millis),
    ("requestTime", Field::Time, Unit::Millis),
    ("httpMethod", Field::Method, Unit::Millis),
    ("path", Field::Path, Unit::Millis),
    ("resourcePath", Field::Resource, Unit::Millis),
    ("routeKey", Field::RouteKey, Unit::Millis),
    ("stage", Field::Stage, Unit::Millis),
    ("status", Field::Status, Unit::Millis),
    ("responseLatency", Field::Latency, Unit::Millis),
    ("responseLength", Field::Bytes, Unit::Millis),
    ("ip", Field::Client, Unit::Millis),
    ("sourceIp", Field::Client, Unit::Millis),
    ("identity.sourceIp", Field::Client, Unit::Millis),
    ("responseTime", Field::Latency, Unit::Millis),
    ("time", Field::Time, Unit::Millis),
    ("timestamp", Field::Time, Unit::Millis),
    ("@timestamp", Field::Time, Unit::Millis),
    ("time_iso8601", Field::Time, Unit::Millis),
    ("time_local", Field::Time, Unit::Millis),
    ("ts", Field::Time, Unit::Millis),
    ("msec", Field::Epoch, Unit::Millis),
    ("method", Field::Method, Unit::Millis),
    ("request_method", Field::Method, Unit::Millis),
    ("request_uri", Field::Target, Unit::Millis),
    ("uri", Field::Path, Unit::Millis),
    ("url", Field::Target, Unit::Millis),
    ("query", Field::Query, Unit::Millis),
    ("query_string", Field::Query, Unit::Millis),
    ("args", Field::Query, Unit::Millis),
    ("request", Field::Request, Unit::Millis),
    ("status_code", Field::Status, Unit::Millis),
    ("statusCode", Field::Status, Unit::Millis),
    ("request_time", Field::Latency, Unit::Seconds),
    ("latency_ms", Field::Latency, Unit::Millis),
    ("duration_ms", Field::Latency, Unit::Millis),
    ("latency", Field::Latency, Unit::Millis),
    ("bytes", Field::Bytes, Unit::Millis),
    ("body_bytes_sent", Field::Bytes, Unit::Millis),
    ("remote_addr", Field::Client, Unit::Millis),
    ("client", Field::Client, Unit::Millis),
    ("clientIp", Field::Client, Unit::Millis),
    ("client_ip", Field::Client, Unit::Millis),
    // A part of the time only; better than none.
    ("integrationLatency", Field::Latency, Unit::Millis),
    ("integration.latency", Field::Latency, Unit::Millis),
];

/// Keys that only API Gateway writes: a log that has one of them has its time at the start of the call.
const GATEWAY_KEYS: [&[u8]; 5] =
    [b"\"requestTimeEpoch\"", b"\"httpMethod\"", b"\"routeKey\"", b"\"resourcePath\"", b"\"responseLatency\""];

/// Deeper objects than this are not looked into.
const DEPTH_MAX: usize = 8;

/// JSON lines with a field map.
#[derive(Clone, Debug)]
pub(in crate::import) struct Json {
    /// Sorted by key.
    keys: Vec<(String, Binding)>,
    rules: Rules,
}

impl Json {
    /// The known keys, and before them what the user names (`method=verb`).
    pub(in crate::import) fn new(named: &[(Field, String)], rules: Rules) -> Self {
        let told = named.iter().map(|(field, key)| (key.as_str(), *field, Unit::Millis));
        let known = KNOWN.iter().copied();
        let mut keys: Vec<_> = told
            .chain(known)
            .enumerate()
            .map(|(rank, (key, field, unit))| (key.to_owned(), Binding { field, rank: rank.min(255) as u8, unit }))
            .collect();
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        // What was named first wins over a known key of the same name: the sort is stable.
        keys.dedup_by(|later, first| later.0 == first.0);
        Self { keys, rules }
    }

    /// Whether a line looks like an access log of API Gateway.
    pub(super) fn looks_like_gateway(line: &[u8]) -> bool {
        GATEWAY_KEYS.iter().any(|key| memchr::memmem::find(line, key).is_some())
    }

    fn binding(&self, key: &str) -> Option<Binding> {
        let at = self.keys.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
        Some(self.keys[at].1)
    }

    fn read<'a>(&self, text: &'a [u8]) -> Option<(Raw<'a>, Option<Cow<'a, str>>)> {
        let mut raw = Raw::default();
        let mut message = None;
        let mut json = serde_json::Deserializer::from_slice(text);
        let object = Object { format: self, raw: &mut raw, message: &mut message, prefix: "", depth: 0 };
        object.deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some((raw, message))
    }

    fn parse_object(&self, text: &[u8]) -> Result<Parsed<'static>, Rejected> {
        let repaired;
        let (raw, message) = if let Some(read) = self.read(text) {
            read
        } else {
            repaired = unset_as_null(text);
            self.read(&repaired).ok_or(Rejected::NotJson)?
        };
        match message {
            Some(line) if line.trim_start().starts_with('{') => {
                let inner = self.read(line.as_bytes()).map(|(raw, _)| raw.assemble(&self.rules).map(owned));
                let repaired = || self.read(&unset_as_null(line.as_bytes())).map(|(raw, _)| raw.assemble(&self.rules).map(owned));
                inner.or_else(repaired).ok_or(Rejected::NotJson)?
            }
            _ => raw.assemble(&self.rules).map(owned),
        }
    }
}

impl LineFormat for Json {
    fn parse<'a>(&self, line: &'a [u8]) -> Result<Parsed<'a>, Rejected> {
        let open = memchr::memchr(b'{', line).ok_or(Rejected::NotJson)?;
        let text = line[open..].trim_ascii_end();
        match self.read(text) {
            Some((raw, None)) => raw.assemble(&self.rules),
            _ => self.parse_object(text),
        }
    }
}

fn owned(parsed: Parsed<'_>) -> Parsed<'static> {
    Parsed {
        when: parsed.when,
        stamp_is: parsed.stamp_is,
        method: Cow::Owned(parsed.method.into_owned()),
        target: Cow::Owned(parsed.target.into_owned()),
        status: parsed.status,
        latency: parsed.latency,
        bytes: parsed.bytes,
        client: parsed.client.map(|client| Cow::Owned(client.into_owned())),
    }
}

/// The text with every `-` that stands where a value should be replaced by `null`.
pub(in crate::import) fn unset_as_null(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut quoted = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if quoted => {
                out.extend(text.get(at..at + 2).unwrap_or(&text[at..]));
                at += 2;
                continue;
            }
            b'"' => quoted = !quoted,
            b'-' if !quoted
                && text[at + 1..].trim_ascii_start().first().is_none_or(|next| matches!(next, b',' | b'}' | b']')) =>
            {
                out.extend(b"null");
                at += 1;
                continue;
            }
            _ => {}
        }
        out.push(byte);
        at += 1;
    }
    out
}

/// Reads an object into `raw`.
struct Object<'o, 'a> {
    format: &'o Json,
    raw: &'o mut Raw<'a>,
    message: &'o mut Option<Cow<'a, str>>,
    /// Keys of the objects around this one, each with its dot.
    prefix: &'o str,
    depth: usize,
}

impl<'a> DeserializeSeed<'a> for Object<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            let path = if self.prefix.is_empty() { key } else { Cow::Owned(format!("{}{key}", self.prefix)) };
            map.next_value_seed(Value {
                binding: self.format.binding(&path),
                format: self.format,
                raw: self.raw,
                message: self.message,
                path: &path,
                depth: self.depth,
            })?;
        }
        Ok(())
    }
}

/// A key or a text, borrowed where the line allows it.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads one value into `raw`.
struct Value<'o, 'a> {
    format: &'o Json,
    raw: &'o mut Raw<'a>,
    message: &'o mut Option<Cow<'a, str>>,
    binding: Option<Binding>,
    path: &'o str,
    depth: usize,
}

impl<'a> Value<'_, 'a> {
    fn put(self, text: Cow<'a, str>) {
        if let Some(binding) = self.binding {
            self.raw.put(binding, bytes_of(text));
        } else if matches!(self.path, "message" | "@message") {
            *self.message = Some(text);
        }
    }
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl<'a> DeserializeSeed<'a> for Value<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Value<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.put(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_u64<E>(self, n: u64) -> Result<(), E> {
        self.put(Cow::Owned(n.to_string()));
        Ok(())
    }

    fn visit_i64<E>(self, n: i64) -> Result<(), E> {
        self.put(Cow::Owned(n.to_string()));
        Ok(())
    }

    fn visit_f64<E>(self, n: f64) -> Result<(), E> {
        self.put(Cow::Owned(n.to_string()));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        if self.depth >= DEPTH_MAX {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let prefix = format!("{}.", self.path);
        let (format, raw, message) = (self.format, self.raw, self.message);
        Object { format, raw, message, prefix: &prefix, depth: self.depth + 1 }.visit_map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parsed::{Part, StampIs};
    use super::super::super::stamp::TimeFormat;
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::time::Span;

    fn json(named: &[(Field, &str)]) -> Json {
        let named: Vec<_> = named.iter().map(|(field, key)| (*field, (*key).to_owned())).collect();
        Json::new(&named, Rules { stamp_is: StampIs::Start, time: TimeFormat::Auto, latency_unit: None })
    }

    const GATEWAY: &str = r#"{"requestId":"r","requestTime":"16/May/2017:00:00:00 +0000","requestTimeEpoch":1494892800008,"httpMethod":"GET","path":"/prod/pets/7","resourcePath":"/pets/{id}","stage":"prod","status":"200","responseLatency":"31","integrationLatency":-,"responseLength":"-","identity":{"sourceIp":"192.0.2.1"}}"#;

    #[test]
    fn an_api_gateway_line_is_read_with_its_invalid_dash() {
        let parsed = json(&[]).parse(GATEWAY.as_bytes()).unwrap();
        assert_eq!((&*parsed.method, &*parsed.target, parsed.status), ("GET", "/pets/7", Some(200)));
        assert_eq!((parsed.latency, parsed.bytes), (Some(Span::from_ms(31)), None));
        assert_eq!((parsed.when.ns, parsed.when.resolution), (1_494_892_800_008_000_000, Span::from_ms(1)));
        assert_eq!(parsed.client.as_deref(), Some(&b"192.0.2.1"[..]));
        assert!(Json::looks_like_gateway(GATEWAY.as_bytes()));
    }

    #[test]
    fn envelopes_and_prefixes_are_taken_off() {
        let escaped = serde_json::to_string(GATEWAY).unwrap();
        for line in [
            format!("2017-05-16T00:00:00.008Z stream {GATEWAY}"),
            format!(r#"{{"timestamp":1494892800999,"message":{escaped},"eventId":"1"}}"#),
        ] {
            let parsed = json(&[]).parse(line.as_bytes()).unwrap();
            assert_eq!((&*parsed.target, parsed.when.ns), ("/pets/7", 1_494_892_800_008_000_000), "{line}");
        }
    }

    #[test]
    fn named_keys_win_and_may_be_nested() {
        let line = br#"{"verb":"PUT","method":"GET","req":{"path":"/a\u00e4"},"path":"/b","at":1494892800.5,"took":2}"#;
        let format = json(&[(Field::Method, "verb"), (Field::Path, "req.path"), (Field::Time, "at"), (Field::Latency, "took")]);
        let parsed = format.parse(line).unwrap();
        assert_eq!((&*parsed.method, &*parsed.target), ("PUT", "/a%C3%A4"));
        assert_eq!((parsed.when.ns, parsed.latency), (1_494_892_800_500_000_000, Some(Span::from_ms(2))));
    }

    #[test]
    fn what_is_no_call_is_rejected_with_the_reason() {
        for (line, why) in [
            ("", Rejected::NotJson),
            ("[1]", Rejected::NotJson),
            ("{\"a\":1", Rejected::NotJson),
            ("{} trailing", Rejected::NotJson),
            ("{\"a\":1}", Rejected::Missing(Part::Time)),
            (r#"{"time":"now","method":"GET","path":"/"}"#, Rejected::Bad(Part::Time)),
            (r#"{"time":1494892800,"method":"GET","path":"/","latency":-3}"#, Rejected::NegativeLatency),
        ] {
            assert_eq!(json(&[]).parse(line.as_bytes()), Err(why), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..120), at in any::<usize>(), with in any::<u8>()) {
            let format = json(&[]);
            let mut close = GATEWAY.as_bytes().to_vec();
            let at = at % close.len();
            close[at] = with;
            let _ = (format.parse(&line), format.parse(&close), format.parse(&close[..at]), unset_as_null(&line));
        }
    }
}
