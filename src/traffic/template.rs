//! Request templates: what a described request says, with fields drawn from a key.
//!
//! Owns the syntax of fields (`{name}`, `{{` and `}}` for braces), their generators, and the encoding that each place needs.
//! Refuses to choose keys (`load::script` does), to know routes or sockets, and to show its texts in `Debug`: secrets may be
//! inside. Proven by `config`, filled by the engine through the [`Catalog`](super::Catalog), asked for its path by `sim`.

mod field;
mod text;

use std::fmt;

pub use field::Generator;
use field::{Draw, Field};
pub use text::escaped;
use text::{Encoding, Piece, Text};

use super::catalog::Outgoing;
use super::conversation::Call;

/// What a template is made of, before it is proven. Path, query values, header values and body may hold fields.
#[derive(Clone, Default, PartialEq)]
pub struct TemplateParts {
    /// Method, in capitals.
    pub method: String,
    /// Path, starting with `/`, without a query.
    pub path: String,
    /// Names and values of the query, in order; both are percent-encoded, only values hold fields.
    pub query: Vec<(String, String)>,
    /// Names and values of headers, in order; only values hold fields.
    pub headers: Vec<(String, String)>,
    /// Body; a field's value is inserted as it is.
    pub body: Option<String>,
    /// A generator for every field, and for nothing else; but those of a message's own call and number may be left unused.
    pub fields: Vec<(String, Generator)>,
}

/// A described request: the same key and identity give the same bytes, and a field has one value wherever it stands.
#[derive(Clone)]
pub struct Template {
    method: String,
    path: Text,
    segments: Vec<Option<String>>,
    query: Text,
    headers: Vec<(String, Text)>,
    body: Text,
    fields: Vec<Field>,
}

/// Lengths that no request of a template exceeds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Longest {
    /// Path and query.
    pub target: u64,
    /// The template's own headers, as HTTP/1.1 sends them.
    pub headers: u64,
    /// Body.
    pub body: u64,
}

/// Where in a template something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the value of the query parameter of this name.
    Query(String),
    /// In the value of the header of this name.
    Header(String),
    /// In the body.
    Body,
}

/// Why parts are not a template. No message repeats a header's value or the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The method is not an HTTP token.
    #[error("\"{0}\" is not a method; write e.g. GET or POST")]
    Method(String),
    /// The path does not start with a slash, or holds a query or a fragment.
    #[error("\"{0}\" is not a path; it starts with \"/\" and holds neither \"?\" nor \"#\" (a query has a place of its own)")]
    Path(String),
    /// A brace that opens or closes no field.
    #[error(
        "the {place} holds a brace that belongs to no field (byte {at}); write a field as {{name}}, and a brace itself twice"
    )]
    Brace {
        /// Where.
        place: Place,
        /// Byte offset of the brace in the text as it was written.
        at: usize,
    },
    /// A field without a generator.
    #[error("the field {{{field}}} in the {place} has no generator; say what it holds, e.g. \"{field}: 1..1000\"")]
    NoGenerator {
        /// The field.
        field: String,
        /// Where it stands.
        place: Place,
    },
    /// A generator without a field.
    #[error("nothing holds the field {{{field}}}; write it into path, query, headers or body, or remove its generator")]
    NoField {
        /// The field.
        field: String,
    },
    /// Two generators for one field.
    #[error("the field {{{field}}} has two generators; keep one")]
    Twice {
        /// The field.
        field: String,
    },
    /// A generator that can give nothing.
    #[error("the generator of {{{field}}} {why}")]
    Generator {
        /// The field.
        field: String,
        /// What is wrong with it, and what would work.
        why: &'static str,
    },
    /// A header name that is not an HTTP token.
    #[error("\"{0}\" is not a header name; use letters, digits and hyphens")]
    HeaderName(String),
    /// A header value with a character that HTTP does not allow there.
    #[error("the value of the header \"{0}\" may hold a control character (a line break, perhaps); HTTP allows none there")]
    HeaderValue(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::Query(name) => write!(f, "query parameter \"{name}\""),
            Self::Header(name) => write!(f, "header \"{name}\""),
            Self::Body => f.write_str("body"),
        }
    }
}

impl Template {
    /// Proves the parts: every text well-formed, every field with a generator and every generator with a field.
    pub fn new(parts: TemplateParts) -> Result<Self, TemplateError> {
        if parts.method.parse::<http::Method>().is_err() {
            return Err(TemplateError::Method(parts.method));
        }
        if !parts.path.starts_with('/') || parts.path.contains(['?', '#']) {
            return Err(TemplateError::Path(parts.path));
        }
        let mut fields = Fields::new(parts.fields)?;
        let path = fields.text(&parts.path, &Place::Path, Encoding::Path)?;
        let query = fields.query(parts.query)?;
        let headers = parts.headers.into_iter().map(|header| fields.header(header)).collect::<Result<_, _>>()?;
        let body = fields.text(parts.body.as_deref().unwrap_or_default(), &Place::Body, Encoding::None)?;
        let segments = path.segments();
        fields.refuse_empty_segments(&path)?;
        let fields = fields.all_used()?;
        Ok(Self { method: parts.method, path, segments, query, headers, body, fields })
    }

    /// Writes the request that `key` and `identity` name into `out`, using its buffers again.
    pub fn fill(&self, key: u64, identity: u32, out: &mut Outgoing) {
        let headers = self.write(key, identity, out);
        out.headers.truncate(headers);
    }

    /// As [`Self::fill`], but headers after its own stay as they were; gives the number of its own.
    pub(super) fn write(&self, key: u64, identity: u32, out: &mut Outgoing) -> usize {
        let draw = self.draw(key, identity);
        out.method.clone_from(&self.method);
        out.target.clear();
        self.path.write(draw, &mut out.target);
        self.query.write(draw, &mut out.target);
        for (at, (name, value)) in self.headers.iter().enumerate() {
            let slot = out.header_slot(at);
            slot.0.clone_from(name);
            slot.1.clear();
            value.write(draw, &mut slot.1);
        }
        out.body.clear();
        self.body.write(draw, &mut text::Bytes(&mut out.body));
        self.headers.len()
    }

    /// Adds the text of a message, which is the body of its template, to `out`.
    pub(super) fn write_message(&self, (key, identity): (u64, u32), call: Call, number: u64, out: &mut Vec<u8>) {
        let draw = Draw { call, number, ..self.draw(key, identity) };
        self.body.write(draw, &mut text::Bytes(out));
    }

    /// Whether a message of it says its place in a stream.
    pub fn is_numbered(&self) -> bool {
        self.fields.iter().any(|field| *field.generator() == Generator::Number)
    }

    /// The method, in capitals.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Writes the path alone, as it is on the wire, into `out`.
    pub fn fill_path(&self, key: u64, identity: u32, out: &mut String) {
        out.clear();
        self.path.write(self.draw(key, identity), out);
    }

    /// The segments of the path between its slashes, as they are on the wire; `None` where a generated value stands in one
    /// (never an empty one, and never with a slash inside).
    pub fn path_segments(&self) -> Vec<Option<&str>> {
        self.segments.iter().map(Option::as_deref).collect()
    }

    /// Whether a value that is drawn stands there: whether the same template can differ in this place from request to request.
    pub fn varies(&self, place: &Place) -> bool {
        match place {
            Place::Path => self.path.holds_fields(),
            // The query is one text; which of its parameters vary is not kept.
            Place::Query(_) => self.query.holds_fields(),
            Place::Header(name) => {
                self.headers.iter().any(|(given, value)| given.eq_ignore_ascii_case(name) && value.holds_fields())
            }
            Place::Body => self.body.holds_fields(),
        }
    }

    /// Whether it has a header of this name.
    pub fn sends(&self, header: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }

    /// Whether every key and identity give the same bytes.
    pub const fn is_constant(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether some value that is drawn may be an empty text.
    pub fn may_hold_empty_values(&self) -> bool {
        self.fields.iter().any(Field::may_be_empty)
    }

    /// The lengths that no request of this template exceeds, in bytes: path with query, headers as HTTP/1.1 sends them, and body.
    pub fn longest(&self) -> Longest {
        let of = |text: &Text| text.longest(&self.fields);
        let header = |(name, value): &(String, Text)| name.len() as u64 + of(value) + ": \r\n".len() as u64;
        Longest { target: of(&self.path) + of(&self.query), headers: self.headers.iter().map(header).sum(), body: of(&self.body) }
    }

    fn draw(&self, key: u64, identity: u32) -> Draw<'_> {
        Draw { fields: &self.fields, key, identity, call: Call::default(), number: 0 }
    }
}

/// Names only: texts may hold secrets.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let fields: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let mut out = f.debug_struct("Template");
        out.field("method", &self.method).field("headers", &headers).field("fields", &fields).finish_non_exhaustive()
    }
}

/// Names only: texts may hold secrets.
impl fmt::Debug for TemplateParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let fields: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        let mut out = f.debug_struct("TemplateParts");
        out.field("method", &self.method).field("headers", &headers).field("fields", &fields).finish_non_exhaustive()
    }
}

/// The fields of a template while its texts are read, and which of them some text held.
struct Fields {
    fields: Vec<Field>,
    used: Vec<bool>,
}

impl Fields {
    fn new(given: Vec<(String, Generator)>) -> Result<Self, TemplateError> {
        let mut fields: Vec<Field> = Vec::with_capacity(given.len());
        for (name, generator) in given {
            if fields.iter().any(|field| field.name == name) {
                return Err(TemplateError::Twice { field: name });
            }
            fields.push(Field::new(name, generator)?);
        }
        let used = vec![false; fields.len()];
        Ok(Self { fields, used })
    }

    /// Reads a text, binds its fields, and marks them as used.
    fn text(&mut self, written: &str, place: &Place, encoding: Encoding) -> Result<Text, TemplateError> {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let text = Text::read(written, &names, place, encoding)?;
        for piece in text.pieces() {
            if let Piece::Field(at) = piece {
                self.used[usize::from(*at)] = true;
            }
        }
        Ok(text)
    }

    fn query(&mut self, pairs: Vec<(String, String)>) -> Result<Text, TemplateError> {
        let mut whole = Text::default();
        for (at, (name, value)) in pairs.into_iter().enumerate() {
            whole.push_literal(if at == 0 { "?" } else { "&" });
            whole.push_literal(&text::encoded(&name));
            whole.push_literal("=");
            whole.append(self.text(&value, &Place::Query(name), Encoding::Query)?);
        }
        Ok(whole)
    }

    fn header(&mut self, (name, value): (String, String)) -> Result<(String, Text), TemplateError> {
        if name.parse::<http::HeaderName>().is_err() {
            return Err(TemplateError::HeaderName(name));
        }
        let text = self.text(&value, &Place::Header(name.clone()), Encoding::None)?;
        let allowed = |part: &str| http::HeaderValue::from_str(part).is_ok();
        let all_allowed = text.pieces().iter().all(|piece| match piece {
            Piece::Literal(literal) => allowed(literal),
            Piece::Field(at) => self.fields[usize::from(*at)].values().all(allowed),
        });
        if all_allowed { Ok((name, text)) } else { Err(TemplateError::HeaderValue(name)) }
    }

    /// An empty value that is all of a path segment would change which route the path means.
    fn refuse_empty_segments(&self, path: &Text) -> Result<(), TemplateError> {
        let lonely = path.fields_filling_a_segment();
        match lonely.into_iter().map(|at| &self.fields[usize::from(at)]).find(|field| field.may_be_empty()) {
            None => Ok(()),
            Some(field) => Err(TemplateError::Generator {
                field: field.name.clone(),
                why: "may give an empty text, and its value is a whole path segment; give it at least one character",
            }),
        }
    }

    fn all_used(mut self) -> Result<Vec<Field>, TemplateError> {
        // What is there for every message is no fault where a message does without.
        while self.used.last() == Some(&false) && self.fields.last().is_some_and(Field::is_offered) {
            self.used.pop();
            self.fields.pop();
        }
        match self.fields.iter().zip(&self.used).find(|(field, used)| !**used && !field.is_offered()) {
            None => Ok(self.fields),
            Some((field, _)) => Err(TemplateError::NoField { field: field.name.clone() }),
        }
    }
}

#[cfg(test)]
mod tests;
