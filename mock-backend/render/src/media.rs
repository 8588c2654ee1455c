//! Media types of bodies: which of them a gateway takes for bytes, and which for text.
//!
//! Owns the match of a header against an API's binary media types, and the list of what an HTTP API passes as text. Refuses to
//! look into a body. Called for the events of functions and for their answers.

/// The media types that a REST API is told to take for bytes (`binaryMediaTypes`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinaryMedia(Vec<String>);

impl BinaryMedia {
    /// These types: `image/png`, `image/*`, `*/*`.
    pub fn new(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(types.into_iter().map(Into::into).collect())
    }

    /// Whether a body with this `Content-Type` is taken for bytes. One that names none is taken for JSON, as by the templates.
    pub fn holds(&self, content_type: Option<&str>) -> bool {
        self.matches(content_type.map_or("application/json", essence))
    }

    /// Whether a client with this `Accept` gets bytes: its first type alone counts (developer guide, "Known issues", 2026). Without
    /// the header only `*/*` says so.
    pub fn accepts(&self, accept: Option<&str>) -> bool {
        self.matches(accept.map_or("", |accept| essence(accept.split(',').next().unwrap_or(""))))
    }

    /// `*/*` is every type (facts, section 5.2). That `image/*` is every image is unconfirmed.
    fn matches(&self, media: &str) -> bool {
        self.0.iter().any(|given| match given.strip_suffix("/*") {
            Some("*") => true,
            Some(family) => media.split_once('/').is_some_and(|(of, _)| of.eq_ignore_ascii_case(family)),
            None => given.eq_ignore_ascii_case(media),
        })
    }
}

/// Whether an HTTP API passes a body with this `Content-Type` as text: only these types, as tried against the live service; also a
/// form, and a body without a type, is bytes (ministackorg/ministack, pull request 766, 2026; the developer guide has no list).
pub(crate) fn is_text(content_type: Option<&str>) -> bool {
    const TEXT: [&str; 3] = ["application/json", "application/javascript", "application/xml"];
    let media = content_type.map_or("", essence).to_ascii_lowercase();
    media.starts_with("text/") || TEXT.contains(&media.as_str())
}

/// A media type without its parameters.
fn essence(header: &str) -> &str {
    header.split(';').next().unwrap_or("").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_bytes_if_its_type_is_one_of_the_binary_ones() {
        let images = BinaryMedia::new(["image/png", "audio/*"]);
        let held = |media| images.holds(Some(media));
        assert_eq!(
            ["image/png", "IMAGE/PNG; q=1", "audio/ogg", "image/gif", "audio"].map(held),
            [true, true, true, false, false]
        );
        assert!(!images.holds(None) && !BinaryMedia::default().holds(Some("image/png")));
        assert!(BinaryMedia::new(["application/json"]).holds(None));
    }

    #[test]
    fn everything_is_bytes_where_all_types_are_binary() {
        let all = BinaryMedia::new(["*/*"]);
        assert!(all.holds(None) && all.holds(Some("text/plain")) && all.accepts(None) && all.accepts(Some("text/html")));
    }

    #[test]
    fn only_the_first_accepted_type_counts() {
        let images = BinaryMedia::new(["image/png"]);
        assert!(images.accepts(Some("image/png;q=0.5, text/html")));
        assert!(!images.accepts(Some("text/html, image/png")) && !images.accepts(Some("*/*")) && !images.accepts(None));
    }

    #[test]
    fn an_http_api_knows_text_by_its_type() {
        let text = ["text/html; charset=utf-8", "application/JSON", "application/xml", "application/javascript"];
        assert!(text.iter().all(|media| is_text(Some(media))) && !is_text(None));
        let bytes = ["image/png", "application/x-www-form-urlencoded", "application/problem+json", "multipart/form-data", ""];
        assert!(bytes.iter().all(|media| !is_text(Some(media))));
    }
}
