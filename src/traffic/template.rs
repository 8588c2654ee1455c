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
    /// A generator for every field, and for nothing else.
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

    /// Length of the body that `key` and `identity` name, without writing it.
    pub fn body_bytes(&self, key: u64, identity: u32) -> u64 {
        self.body.constant_len().unwrap_or_else(|| {
            let mut length = text::Length(0);
            self.body.write(self.draw(key, identity), &mut length);
            length.0
        })
    }

    fn draw(&self, key: u64, identity: u32) -> Draw<'_> {
        Draw { fields: &self.fields, key, identity }
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

    fn all_used(self) -> Result<Vec<Field>, TemplateError> {
        match self.used.iter().position(|used| !used) {
            None => Ok(self.fields),
            Some(at) => Err(TemplateError::NoField { field: self.fields[at].name.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn get(path: &str) -> TemplateParts {
        TemplateParts { method: "GET".into(), path: path.into(), ..TemplateParts::default() }
    }

    fn with(mut parts: TemplateParts, name: &str, generator: Generator) -> TemplateParts {
        parts.fields.push((name.into(), generator));
        parts
    }

    fn filled(template: &Template, key: u64, identity: u32) -> Outgoing {
        let mut out = Outgoing::default();
        template.fill(key, identity, &mut out);
        out
    }

    fn order() -> Template {
        let mut parts = with(get("/orders/{id}/items"), "id", Generator::Range { low: 1, high: 1_000_000_000 });
        parts.method = "POST".into();
        parts.query = vec![("for".into(), "a b/{id}".into()), ("x&y".into(), String::new())];
        parts.headers = vec![("x-order".into(), "no {id}".into())];
        parts.body = Some("{{\"order\":{id}}}".into());
        Template::new(parts).unwrap()
    }

    #[test]
    fn a_field_has_one_value_in_path_query_headers_and_body() {
        let out = filled(&order(), 7, 0);
        let id = out.target.strip_prefix("/orders/").unwrap().split('/').next().unwrap();
        assert_eq!(out.target, format!("/orders/{id}/items?for=a%20b%2F{id}&x%26y="));
        assert_eq!(out.headers, [("x-order".to_owned(), format!("no {id}"))]);
        assert_eq!(String::from_utf8(out.body).unwrap(), format!("{{\"order\":{id}}}"));
    }

    #[test]
    fn the_same_key_gives_the_same_bytes_and_used_buffers_leave_nothing_behind() {
        let template = order();
        let headers = vec![("old".into(), "old".into()), ("older".into(), "older".into())];
        let mut out = Outgoing { headers, body: vec![1; 100], ..Outgoing::default() };
        template.fill(3, 0, &mut out);
        assert_eq!(out, filled(&template, 3, 0));
        assert_ne!(out, filled(&template, 4, 0));
    }

    #[test]
    fn the_length_of_a_body_is_known_without_writing_it() {
        for key in 0..50 {
            assert_eq!(order().body_bytes(key, 0), filled(&order(), key, 0).body.len() as u64);
        }
    }

    #[test]
    fn values_are_percent_encoded_where_they_stand() {
        let one_of = Generator::OneOf(vec![("ä/b c?&=%+".into(), 1)]);
        let mut parts = with(get("/files/{f}"), "f", one_of);
        parts.query = vec![("q".into(), "{f}".into())];
        parts.body = Some("{f}".into());
        let out = filled(&Template::new(parts).unwrap(), 1, 0);
        let encoded = "%C3%A4%2Fb%20c%3F%26%3D%25%2B";
        assert_eq!(out.target, format!("/files/{encoded}?q={encoded}"));
        assert_eq!(out.body, "ä/b c?&=%+".as_bytes());
    }

    #[test]
    fn a_path_is_sent_as_written_but_for_what_a_path_may_not_hold() {
        let out = filled(&Template::new(get("/a%20b/ü x/{{y}}:@!$&'()*+,;=~")).unwrap(), 1, 0);
        assert_eq!(out.target, "/a%20b/%C3%BC%20x/%7By%7D:@!$&'()*+,;=~");
    }

    #[test]
    fn a_generated_value_makes_its_segment_unknown() {
        let parts = with(get("/orders/{id}/v{id}/items"), "id", Generator::Uuid);
        assert_eq!(Template::new(parts).unwrap().path_segments(), [Some("orders"), None, None, Some("items")]);
        assert_eq!(Template::new(get("/")).unwrap().path_segments(), [Some("")]);
    }

    #[test]
    fn a_uuid_has_the_form_of_version_four() {
        let template = Template::new(with(get("/{u}"), "u", Generator::Uuid)).unwrap();
        let (one, other) = (filled(&template, 1, 0).target, filled(&template, 2, 0).target);
        assert_eq!(one.len(), 37);
        assert_ne!(one, other);
        let groups: Vec<&str> = one[1..].split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(groups[2].starts_with('4') && groups[3].starts_with(['8', '9', 'a', 'b']), "{one}");
    }

    #[test]
    fn an_identity_stands_as_its_number_and_a_text_has_its_length() {
        let mut parts = with(get("/{who}/{note}"), "who", Generator::Identity);
        parts.fields.push(("note".into(), Generator::Text { length: 40 }));
        let target = filled(&Template::new(parts).unwrap(), 1, 17).target;
        assert!(target.starts_with("/17/"));
        assert_eq!(target.len(), 44);
        assert!(target[4..].bytes().all(|b| b.is_ascii_alphanumeric()), "{target}");
    }

    #[test]
    fn weights_are_kept() {
        let parts = with(get("/{c}"), "c", Generator::OneOf(vec![("a".into(), 1), ("b".into(), 9), ("c".into(), 0)]));
        let template = Template::new(parts).unwrap();
        let a = (0..10_000).filter(|key| filled(&template, *key, 0).target == "/a").count();
        let c = (0..10_000).filter(|key| filled(&template, *key, 0).target == "/c").count();
        assert!((850..1_150).contains(&a), "{a}");
        assert_eq!(c, 0);
    }

    #[test]
    fn what_is_no_template_is_refused_by_name() {
        let field = |name: &str| name.to_owned();
        let range = Generator::Range { low: 1, high: 2 };
        let one_of = |values: &[(&str, u32)]| Generator::OneOf(values.iter().map(|(v, w)| ((*v).to_owned(), *w)).collect());
        let refusal = |parts| Template::new(parts).unwrap_err();
        assert_eq!(
            refusal(get("/{id}")),
            TemplateError::NoGenerator { field: field("id"), place: Place::Path },
            "a field without a generator"
        );
        assert_eq!(refusal(with(get("/"), "id", range.clone())), TemplateError::NoField { field: field("id") });
        let twice = with(with(get("/{id}"), "id", range.clone()), "id", range);
        assert_eq!(refusal(twice), TemplateError::Twice { field: field("id") });
        for path in ["/{id", "/id}", "/{}", "/{a b}", "/{{id}", "/}"] {
            assert!(matches!(refusal(get(path)), TemplateError::Brace { .. }), "{path}");
        }
        for path in ["", "orders", "/orders?x=1", "/a#b"] {
            assert!(matches!(refusal(get(path)), TemplateError::Path(_)), "{path}");
        }
        for generator in [Generator::Range { low: 2, high: 1 }, one_of(&[]), one_of(&[("a", 0)]), Generator::Text { length: 0 }] {
            assert!(
                matches!(refusal(with(get("/{id}"), "id", generator.clone())), TemplateError::Generator { .. }),
                "{generator:?}"
            );
        }
        let mut bad = get("/");
        bad.method = "GE T".into();
        assert!(matches!(refusal(bad), TemplateError::Method(_)));
    }

    #[test]
    fn no_line_break_gets_into_a_header() {
        let mut parts = get("/");
        parts.headers = vec![("x-a".into(), "secret\r\nx-b: 1".into())];
        let refusal = Template::new(parts.clone()).unwrap_err();
        assert_eq!(refusal, TemplateError::HeaderValue("x-a".into()));
        assert!(!refusal.to_string().contains("secret"));
        parts.headers = vec![("x-a".into(), "{v}".into())];
        let parts = with(parts, "v", Generator::OneOf(vec![("ok".into(), 1), ("a\nb".into(), 1)]));
        assert_eq!(Template::new(parts).unwrap_err(), TemplateError::HeaderValue("x-a".into()));
    }

    #[test]
    fn debug_shows_neither_header_values_nor_bodies() {
        let mut parts = get("/");
        parts.headers = vec![("authorization".into(), "Bearer hunter2".into())];
        parts.body = Some("hunter2".into());
        for shown in [format!("{parts:?}"), format!("{:?}", Template::new(parts).unwrap())] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn a_range_reaches_both_ends_even_the_widest() {
        let template = Template::new(with(get("/{n}"), "n", Generator::Range { low: -1, high: 1 })).unwrap();
        for wanted in ["/-1", "/0", "/1"] {
            assert!((0..100).any(|key| filled(&template, key, 0).target == wanted), "{wanted}");
        }
        let widest = Generator::Range { low: i64::MIN, high: i64::MAX };
        filled(&Template::new(with(get("/{n}"), "n", widest)).unwrap(), 9, 0).target[1..].parse::<i64>().unwrap();
    }

    proptest! {
        #[test]
        fn no_text_panics_and_an_escaped_one_reads_back(text in "\\PC*") {
            let mut parts = get("/");
            parts.body = Some(text.clone());
            let _ = Template::new(parts.clone());
            parts.body = Some(escaped(&text));
            let template = Template::new(parts).unwrap();
            prop_assert_eq!(filled(&template, 0, 0).body, text.into_bytes());
        }
    }
}
