//! A log format, compiled once: literal text and `$context` variables.
//!
//! Owns the rules of the real gateway (facts, sections 10.2 and 10.3): only `$context` variables, one line of at most 3 KB, at
//! least one of the two request ids, entries of at most 1 MB. Refuses to know what the variables hold; whoever has a
//! [`Lookup`] does.

use crate::vtl::Lookup;

use super::escape;

/// Longest format that the real gateway accepts: 3 KB (developer guide, "Quotas").
pub const FORMAT_BYTES_MAX: usize = 3 * 1024;

/// Longest entry of the real gateway: 1 MB (developer guide, "Quotas"). That a longer one is cut is taken for granted here.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// A proven access-log format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Written as `$context.` and this name.
    Value(String),
    /// Like `error.messageString`: the variable of this name, in quotes.
    Quoted(String),
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
        let is_id = |piece: &Piece| matches!(piece, Piece::Value(name) if name == "requestId" || name == "extendedRequestId");
        if !pieces.iter().any(is_id) {
            return Err(FormatError::NoRequestId);
        }
        Ok(Self { pieces })
    }

    /// Appends the line for the answer that `context` tells of, with its line break.
    pub fn write(&self, context: &dyn Lookup, out: &mut Vec<u8>) {
        let start = out.len();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value(name) => escape::value(context.get(name).as_deref(), out),
                Piece::Quoted(name) => escape::quoted(context.get(name).as_deref(), out),
            }
            if out.len() - start > ENTRY_BYTES_MAX {
                cut(out, start + ENTRY_BYTES_MAX);
                break;
            }
        }
        out.push(b'\n');
    }
}

/// Shortens `out` to `length`, or to where the character begins that stands there.
fn cut(out: &mut Vec<u8>, length: usize) {
    let begins = |at: &usize| out[*at] & 0xC0 != 0x80;
    let at = (0..=length).rev().find(begins).unwrap_or(length);
    out.truncate(at);
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
        pieces.push(match name {
            // "The quoted value of $context.error.message" (developer guide, "Variables for access logging").
            "error.messageString" => Piece::Quoted("error.message".to_owned()),
            name => Piece::Value(name.to_owned()),
        });
        rest = &variable["$context.".len() + name.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// The variable's name; a dot that ends a sentence is not part of it.
fn name_at_start(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    /// Each variable holds its own name, but for those named so.
    struct Names;

    impl Lookup for Names {
        fn get(&self, name: &str) -> Option<Cow<'_, str>> {
            match name {
                "unset" => None,
                "empty" => Some(Cow::Borrowed("")),
                "error.message" => Some(Cow::Borrowed("say \"hi\"")),
                "long" => Some(Cow::Owned("\u{e4}".repeat(ENTRY_BYTES_MAX))),
                name => Some(Cow::Owned(name.to_owned())),
            }
        }
    }

    fn line(format: &str) -> String {
        let mut out = Vec::new();
        Format::parse(format).unwrap().write(&Names, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_each_value_in_its_place_and_a_dash_for_what_is_unset() {
        let format = r#"{"id":"$context.requestId","a":$context.unset,"b":"$context.empty","c":"$context.authorizer.my_key1"}"#;
        assert_eq!(line(format), "{\"id\":\"requestId\",\"a\":-,\"b\":\"-\",\"c\":\"authorizer.my_key1\"}\n");
    }

    #[test]
    fn the_message_string_brings_its_own_quotes() {
        let text = line("$context.requestId $context.error.messageString $context.error.message");
        assert_eq!(text, "requestId \"say \\\"hi\\\"\" say \\\"hi\\\"\n");
    }

    #[test]
    fn an_entry_is_cut_at_one_megabyte_between_characters() {
        let text = line("x$context.long $context.requestId");
        assert_eq!((text.len(), text.ends_with("\u{e4}\n")), (ENTRY_BYTES_MAX, true));
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
        assert_eq!(format.pieces, [Piece::Value("requestId".to_owned()), Piece::Text(".".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\$context\\.[a-zA-Z.]{0,12}|\\$|\\PC){0,20}") {
            if let Ok(format) = Format::parse(&text) {
                format.write(&Names, &mut Vec::new());
            }
        }
    }
}
