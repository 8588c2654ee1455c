//! The content of the script's requests: names of series, templates, and how a request becomes an [`Outgoing`].
//!
//! Owns what is said; when is `load`'s. Refuses sockets and encodings of a protocol (`engine::transport`). Immutable once
//! built; every lane and the simulator share one.

use std::fmt;

use super::auth::{AUTHORIZATION, Presence};
use super::conversation::{Call, Connect, Message, Post, Stream, Text};
use super::step::{Request, What};
use super::template::Template;

/// Index of a series: the name under which actions are measured, usually a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u16);

/// Index into the catalog's templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub u16);

/// A request as it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Method, in capitals.
    pub method: String,
    /// Path and query, as they were on the wire.
    pub target: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A request ready to be encoded; one per connection, its buffers are used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Method, in capitals.
    pub method: String,
    /// Path and query, starting with `/`; without the target's base path.
    pub target: String,
    /// Headers that the traffic asks for; host and length are the transport's.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
}

impl Recorded {
    /// Writes it into `out`, where headers after its own stay as they were; gives the number of its own.
    fn write(&self, out: &mut Outgoing) -> usize {
        out.method.clone_from(&self.method);
        out.target.clone_from(&self.target);
        self.headers.iter().enumerate().for_each(|(at, header)| out.header_slot(at).clone_from(header));
        out.body.clone_from(&self.body);
        self.headers.len()
    }
}

impl Outgoing {
    /// Header number `at`, to be overwritten; at most one is added, and its strings keep their buffers.
    pub(super) fn header_slot(&mut self, at: usize) -> &mut (String, String) {
        if at == self.headers.len() {
            self.headers.push(<(String, String)>::default());
        }
        &mut self.headers[at]
    }
}

/// Series names, templates and the headers that every request gets.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Series names in the order of their ids.
    pub series: Vec<String>,
    /// Templates in the order of their ids.
    pub templates: Vec<Template>,
    /// Headers of every request (`-H`), after the request's own.
    pub headers: Vec<(String, String)>,
    /// API keys, sent last by those requests that have none of their own.
    pub api_keys: ApiKeys,
    /// What requests bring that have no `authorization` of their own. The engine puts the credentials themselves in.
    pub credentials: Presence,
    /// Messages that are pushed to many, in the order of their ids; at most 64.
    pub streams: Vec<Stream>,
    /// Where the closing of connections by their clients is counted; without it, where their opening is.
    pub closes: Option<SeriesId>,
    /// Paths at which a message and its reply have the same, as keys from the outermost on.
    pub correlations: Vec<Vec<String>>,
    /// Paths at which a message says what its connection is called, as keys from the outermost on.
    pub names: Vec<Vec<String>>,
}

/// API keys that identities send in turn.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<String>);

/// The header that carries an API key.
pub const API_KEY: &str = "x-api-key";

impl ApiKeys {
    /// Keys by their values; none sends none.
    pub const fn new(values: Vec<String>) -> Self {
        Self(values)
    }

    /// How many there are; identities that differ by this send the same.
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// The key that this identity sends.
    pub fn of(&self, identity: u32) -> Option<&str> {
        // An empty list has no remainder.
        let turn = (identity as usize).checked_rem(self.0.len())?;
        self.0.get(turn).map(String::as_str)
    }
}

/// The values are secrets.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("count", &self.0.len()).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Writes the content of `request` into `out`, using its buffers again.
    pub fn fill(&self, request: &Request, out: &mut Outgoing) {
        self.fill_with(&request.what, request.identity, out);
    }

    fn fill_with(&self, what: &What, identity: u32, out: &mut Outgoing) {
        let own = match what {
            What::Described { template, key } => self.templates[usize::from(template.0)].write(*key, identity, out),
            What::Recorded(recorded) => recorded.write(out),
        };
        let after = self.headers.iter().enumerate().map(|(at, header)| (own + at, header));
        after.for_each(|(at, header)| out.header_slot(at).clone_from(header));
        let mut length = own + self.headers.len();
        if let Some(key) = self.api_keys.of(identity)
            && !out.headers[..length].iter().any(|(name, _)| name.eq_ignore_ascii_case(API_KEY))
        {
            let slot = out.header_slot(length);
            slot.0.clear();
            slot.0.push_str(API_KEY);
            slot.1.clear();
            slot.1.push_str(key);
            length += 1;
        }
        out.headers.truncate(length);
    }

    /// Writes the request that asks for a WebSocket connection into `out`; what makes it an upgrade is the transport's.
    pub fn handshake(&self, connect: &Connect, out: &mut Outgoing) {
        self.fill_with(&connect.what, connect.identity, out);
    }

    /// Writes the text of a message into `out.body`, using its buffer again; `call` is the turn that it belongs to, `number` its place
    /// in the stream that it publishes to.
    pub fn message(&self, message: &Message, call: Call, number: u64, out: &mut Outgoing) {
        out.body.clear();
        match &message.text {
            Text::Described { template, key } => {
                self.templates[usize::from(template.0)].write_message((*key, message.identity), call, number, &mut out.body);
            }
            Text::Recorded(text) => out.body.extend_from_slice(text.as_bytes()),
        }
    }

    /// The text of what is posted, which is number `number` of its stream.
    pub fn posted(&self, post: &Post, call: Call, number: u64) -> Vec<u8> {
        let mut text = Vec::new();
        self.templates[usize::from(post.template.0)].write_message((post.key, post.identity), call, number, &mut text);
        text
    }

    /// Adds to what [`fill`](Self::fill) has written what stands for the credentials, where a simulated gateway must see that
    /// they are there, and whose they are.
    pub fn add_presence(&self, request: &Request, out: &mut Outgoing) {
        self.add_presence_of(request.identity, out);
    }

    /// The same for a handshake of this identity.
    pub fn add_presence_of(&self, identity: u32, out: &mut Outgoing) {
        if out.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION)) {
            return;
        }
        let value = match self.credentials {
            Presence::Absent => return,
            Presence::Bearer(tokens) => format!("Bearer identity-{}", identity % tokens.max(1)),
            Presence::Signature => "AWS4-HMAC-SHA256 Credential=modelled".to_owned(),
        };
        out.headers.push((AUTHORIZATION.to_owned(), value));
    }

    /// The name of a series.
    pub fn name(&self, series: SeriesId) -> &str {
        &self.series[usize::from(series.0)]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn identities_send_api_keys_in_turn_unless_a_request_has_its_own() {
        let keys = ApiKeys::new(vec!["a-secret".into(), "b-secret".into()]);
        assert!(!format!("{keys:?}").contains("secret"));
        let catalog = Catalog { api_keys: keys, ..Catalog::default() };
        let mut out = Outgoing::default();
        let mut sent = |identity, headers| {
            let recorded = Recorded { method: "GET".into(), target: "/".into(), headers, body: vec![] };
            catalog.fill(&Request { series: SeriesId(0), identity, what: What::Recorded(Arc::new(recorded)) }, &mut out);
            out.headers.clone()
        };
        for (identity, key) in [(0, "a-secret"), (1, "b-secret"), (2, "a-secret")] {
            assert_eq!(sent(identity, vec![]), [(API_KEY.to_owned(), key.to_owned())]);
        }
        let own = vec![("X-Api-Key".to_owned(), "own".to_owned())];
        assert_eq!(sent(0, own.clone()), own);
        assert_eq!(Catalog::default().api_keys.of(3), None);
    }

    #[test]
    fn what_stands_for_credentials_tells_identities_apart_and_gives_way_to_a_requests_own() {
        let catalog = Catalog { credentials: Presence::Bearer(2), ..Catalog::default() };
        let mut out = Outgoing::default();
        let mut sent = |catalog: &Catalog, identity, headers| {
            let recorded = Recorded { method: "GET".into(), target: "/".into(), headers, body: vec![] };
            let request = Request { series: SeriesId(0), identity, what: What::Recorded(Arc::new(recorded)) };
            catalog.fill(&request, &mut out);
            catalog.add_presence(&request, &mut out);
            out.headers.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        assert_eq!(sent(&catalog, 0, vec![]), ["Bearer identity-0"]);
        assert_eq!(sent(&catalog, 3, vec![]), ["Bearer identity-1"]);
        assert_eq!(sent(&catalog, 3, vec![("Authorization".into(), "own".into())]), ["own"]);
        assert!(sent(&Catalog::default(), 3, vec![]).is_empty());
    }

    #[test]
    fn the_headers_of_every_request_come_after_its_own_and_buffers_leave_nothing_behind() {
        let header = |name: &str| (name.to_owned(), "1".to_owned());
        let catalog = Catalog { headers: vec![header("all")], ..Catalog::default() };
        let mut out = Outgoing { headers: vec![header("a"), header("b"), header("c"), header("d")], ..Outgoing::default() };
        for own in [vec![header("x"), header("y")], vec![]] {
            let recorded = Recorded { method: "GET".into(), target: "/".into(), headers: own.clone(), body: vec![] };
            let what = What::Recorded(Arc::new(recorded));
            catalog.fill(&Request { series: SeriesId(0), identity: 0, what }, &mut out);
            assert_eq!(out.headers, [own, vec![header("all")]].concat());
        }
    }
}
