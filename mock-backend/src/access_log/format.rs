//! A log format, compiled once: literal text and `$context` variables.
//!
//! Owns the rules of the real gateway (facts, sections 10.2 and 10.3): only `$context` variables, one line, and at least one
//! of the two request ids. Refuses to know what the variables hold; that is `entry`.

use sluicegate_policy::model::ApiKind;

use super::entry::{Entry, Naming, Variable};

/// Longest format that the real gateway accepts: 3 KB (developer guide, "Quotas").
const FORMAT_BYTES_MAX: usize = 3 * 1024;

/// The console's Common Log Format for HTTP APIs.
pub const CLF_HTTP: &str = r#"$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod $context.routeKey $context.protocol" $context.status $context.responseLength $context.requestId"#;

/// The console's Common Log Format for REST APIs.
pub const CLF_REST: &str = r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId $context.extendedRequestId"#;

/// The console's JSON format for HTTP APIs.
pub const JSON_HTTP: &str = r#"{ "requestId":"$context.requestId", "ip": "$context.identity.sourceIp", "requestTime":"$context.requestTime", "httpMethod":"$context.httpMethod","routeKey":"$context.routeKey", "status":"$context.status","protocol":"$context.protocol", "responseLength":"$context.responseLength" }"#;

/// The console's JSON format for REST APIs.
pub const JSON_REST: &str = r#"{ "requestId":"$context.requestId", "extendedRequestId":"$context.extendedRequestId", "ip": "$context.identity.sourceIp", "caller":"$context.identity.caller", "user":"$context.identity.user", "requestTime":"$context.requestTime", "httpMethod":"$context.httpMethod", "resourcePath":"$context.resourcePath", "status":"$context.status", "protocol":"$context.protocol", "responseLength":"$context.responseLength" }"#;

/// A console format by its name in a profile, `clf` or `json`, for this kind of API.
pub fn named(name: &str, api: ApiKind) -> Option<&'static str> {
    match (name, api) {
        ("clf", ApiKind::Http) => Some(CLF_HTTP),
        ("clf", ApiKind::Rest) => Some(CLF_REST),
        ("json", ApiKind::Http) => Some(JSON_HTTP),
        ("json", ApiKind::Rest) => Some(JSON_REST),
        _ => None,
    }
}

/// A proven access-log format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Variable),
}

/// Why a text is not an access-log format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A variable that is not of `$context`.
    #[error(
        "\"{found}\" at character {at} is not a $context variable; an access-log format knows only those, e.g. \"$context.status\""
    )]
    NotContext {
        /// What stands there.
        found: String,
        /// Where, counted from 1.
        at: usize,
    },
    /// Without an id, a line cannot be joined with its request.
    #[error("the format has neither $context.requestId nor $context.extendedRequestId; add one of them")]
    NoRequestId,
    /// The format has a line break.
    #[error("the format has a line break at character {at}; it must be a single line")]
    ManyLines {
        /// Where, counted from 1.
        at: usize,
    },
    /// The format is too long.
    #[error("the format has {bytes} bytes; the gateway accepts at most {FORMAT_BYTES_MAX}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

impl Format {
    /// Proves a format. A `$context` variable that nobody knows is accepted, as by the real gateway, and logs `-`.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.len() > FORMAT_BYTES_MAX {
            return Err(FormatError::TooLong { bytes: text.len() });
        }
        if let Some(at) = text.chars().position(|c| c == '\n' || c == '\r') {
            return Err(FormatError::ManyLines { at: at + 1 });
        }
        let pieces = pieces(text)?;
        let named = |variable| pieces.contains(&Piece::Value(variable));
        if !named(Variable::RequestId) && !named(Variable::ExtendedRequestId) {
            return Err(FormatError::NoRequestId);
        }
        Ok(Self { pieces })
    }

    /// Appends the line for one answer, with its line break.
    pub(crate) fn write(&self, naming: &Naming, entry: &Entry<'_>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value(variable) => entry.write(*variable, naming, out),
            }
        }
        out.push(b'\n');
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        if dollar > 0 {
            pieces.push(Piece::Text(rest[..dollar].to_owned()));
        }
        let variable = &rest[dollar..];
        let Some(name) = variable.strip_prefix("$context.").map(name_at_start).filter(|name| !name.is_empty()) else {
            let found = variable.split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or(variable);
            let at = text[..text.len() - variable.len()].chars().count() + 1;
            return Err(FormatError::NotContext { found: found.to_owned(), at });
        };
        pieces.push(Piece::Value(Variable::named(name)));
        rest = &variable["$context.".len() + name.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// The variable's name; a dot that ends a sentence is not part of it.
fn name_at_start(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_console_formats_are_formats() {
        for name in ["clf", "json"] {
            for api in [ApiKind::Http, ApiKind::Rest] {
                assert!(Format::parse(named(name, api).unwrap()).is_ok(), "{name} {api:?}");
            }
        }
        assert_eq!(named("xml", ApiKind::Http), None);
    }

    #[test]
    fn a_format_needs_a_request_id() {
        assert_eq!(Format::parse("$context.status"), Err(FormatError::NoRequestId));
        assert!(Format::parse("$context.extendedRequestId").is_ok());
    }

    #[test]
    fn only_context_variables_are_known() {
        let error = Format::parse(r#"é "$input.body" $context.requestId"#).unwrap_err();
        assert_eq!(error, FormatError::NotContext { found: "$input.body".to_owned(), at: 4 });
        assert!(Format::parse("$context.requestId costs $ 5").is_err());
        assert!(Format::parse("$context. $context.requestId").is_err());
    }

    #[test]
    fn a_format_is_one_line_of_bounded_length() {
        assert_eq!(Format::parse("$context.requestId\nx"), Err(FormatError::ManyLines { at: 19 }));
        assert!(Format::parse("$context.requestId\n").is_ok());
        assert!(matches!(Format::parse(&"x".repeat(4_000)), Err(FormatError::TooLong { bytes: 4_000 })));
    }

    #[test]
    fn a_full_stop_is_not_part_of_a_name() {
        let format = Format::parse("$context.requestId.").unwrap();
        assert_eq!(format.pieces, [Piece::Value(Variable::RequestId), Piece::Text(".".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\$context\\.[a-zA-Z.]{0,12}|\\$|\\PC){0,20}") {
            let _ = Format::parse(&text);
        }
    }
}
