//! The content of the script's requests: names of series, templates, and how a request becomes an [`Outgoing`].
//!
//! Owns what is said; when is `load`'s. Refuses sockets and encodings of a protocol (`engine::transport`). Immutable once
//! built; every lane and the simulator share one.

use super::step::{Request, What};
use super::template::Template;

/// Index of a series: the name under which actions are measured, usually a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Series names, templates and the headers that every request gets.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Series names in the order of their ids.
    pub series: Vec<String>,
    /// Templates in the order of their ids.
    pub templates: Vec<Template>,
    /// Headers of every request (`-H`), after the request's own.
    pub headers: Vec<(String, String)>,
}

impl Catalog {
    /// Writes the content of `request` into `out`, using its buffers again.
    pub fn fill(&self, request: &Request, out: &mut Outgoing) {
        match &request.what {
            What::Described { template, key } => self.templates[usize::from(template.0)].fill(*key, request.identity, out),
            What::Recorded(recorded) => {
                out.method.clone_from(&recorded.method);
                out.target.clone_from(&recorded.target);
                out.headers.clone_from(&recorded.headers);
                out.body.clone_from(&recorded.body);
            }
        }
        out.headers.extend(self.headers.iter().cloned());
    }

    /// The name of a series.
    pub fn name(&self, series: SeriesId) -> &str {
        &self.series[usize::from(series.0)]
    }
}
