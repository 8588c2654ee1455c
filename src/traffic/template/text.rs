//! A text with fields, read once and written many times.
//!
//! Owns the brace syntax and the encoding of each place. Refuses to know where values come from (`field`).

use std::borrow::Cow;
use std::fmt::{self, Write};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::field::{Draw, Field};
use super::{Place, TemplateError};

/// All but RFC 3986's unreserved characters: right for a value in a path segment or in a query.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a path as a person writes it may not hold on the wire; `%` stays, so that it may be encoded already.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'|').add(b'\\').add(b'^');

/// How a text is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Values wholly, literals but for what structures a path.
    Path,
    /// Everything.
    Query,
    /// Not at all.
    #[default]
    None,
}

/// A piece of a text.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Encoded already.
    Literal(String),
    /// Index of a field.
    Field(u16),
}

/// A text with fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pieces: Vec<Piece>,
    encode_values: bool,
}

/// The text that, read as a template, is `text` itself: every brace twice. For values that come from outside.
pub fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// A literal as it stands in a query.
pub(super) fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, VALUE).into()
}

impl Text {
    /// Reads `written`, whose fields must be among `names`.
    pub(super) fn read(written: &str, names: &[&str], place: &Place, encoding: Encoding) -> Result<Self, TemplateError> {
        let mut text = Self { pieces: Vec::new(), encode_values: encoding != Encoding::None };
        let mut rest = written;
        while let Some(found) = rest.find(['{', '}']) {
            let (literal, braces) = rest.split_at(found);
            text.push_encoded(literal, encoding);
            let brace = &braces[..1];
            if braces[1..].starts_with(brace) {
                text.push_encoded(brace, encoding);
                rest = &braces[2..];
                continue;
            }
            let at = written.len() - braces.len();
            let name = field_name(braces).ok_or_else(|| TemplateError::Brace { place: place.clone(), at })?;
            let index = names
                .iter()
                .position(|known| *known == name)
                .ok_or_else(|| TemplateError::NoGenerator { field: name.to_owned(), place: place.clone() })?;
            text.pieces.push(Piece::Field(index as u16));
            rest = &braces[name.len() + 2..];
        }
        text.push_encoded(rest, encoding);
        Ok(text)
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Adds a literal that is encoded already.
    pub(super) fn push_literal(&mut self, literal: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(literal),
            Some(Piece::Field(_)) | None if literal.is_empty() => {}
            Some(Piece::Field(_)) | None => self.pieces.push(Piece::Literal(literal.to_owned())),
        }
    }

    /// Adds another text of the same encoding.
    pub(super) fn append(&mut self, other: Self) {
        self.encode_values |= other.encode_values;
        for piece in other.pieces {
            match piece {
                Piece::Literal(literal) => self.push_literal(&literal),
                Piece::Field(_) => self.pieces.push(piece),
            }
        }
    }

    /// Whether a field stands in it.
    pub(super) fn holds_fields(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Field(_)))
    }

    /// A length that it never exceeds.
    pub(super) fn longest(&self, fields: &[Field]) -> u64 {
        /// A byte as `%XX`.
        const ENCODED: u64 = 3;
        let of = |piece: &Piece| match piece {
            Piece::Literal(literal) => literal.len() as u64,
            Piece::Field(at) => fields[usize::from(*at)].longest() * if self.encode_values { ENCODED } else { 1 },
        };
        self.pieces.iter().map(of).sum()
    }

    /// Writes the text with the values of `draw`.
    pub(super) fn write(&self, draw: Draw<'_>, out: &mut impl Write) {
        let written = self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Literal(literal) => out.write_str(literal),
            Piece::Field(at) => {
                let field = &draw.fields[usize::from(*at)];
                if self.encode_values { field.write(draw, &mut Encoder(out)) } else { field.write(draw, out) }
            }
        });
        written.expect("a buffer in memory takes every text");
    }

    /// Of a path: what stands between its slashes; `None` where a field is part of it.
    pub(super) fn segments(&self) -> Vec<Option<String>> {
        let mut segments = vec![Some(String::new())];
        for piece in &self.pieces {
            match piece {
                Piece::Field(_) => *segments.last_mut().expect("a path has a segment") = None,
                Piece::Literal(literal) => {
                    for (at, part) in literal.split('/').enumerate() {
                        match segments.last_mut() {
                            _ if at > 0 => segments.push(Some(part.to_owned())),
                            Some(Some(segment)) => segment.push_str(part),
                            Some(None) | None => {}
                        }
                    }
                }
            }
        }
        // Before the first slash there is nothing.
        segments.remove(0);
        segments
    }

    /// Of a path: the fields that are the whole of a segment.
    pub(super) fn fields_filling_a_segment(&self) -> Vec<u16> {
        let slash = |piece: Option<&Piece>, at_end: bool| match piece {
            None => true,
            Some(Piece::Field(_)) => false,
            Some(Piece::Literal(literal)) => {
                if at_end {
                    literal.ends_with('/')
                } else {
                    literal.starts_with('/')
                }
            }
        };
        let alone = |at: usize| slash(self.pieces[..at].last(), true) && slash(self.pieces.get(at + 1), false);
        let fields = self.pieces.iter().enumerate();
        fields
            .filter_map(|(at, piece)| if let Piece::Field(field) = piece { alone(at).then_some(*field) } else { None })
            .collect()
    }

    fn push_encoded(&mut self, literal: &str, encoding: Encoding) {
        match encoding {
            Encoding::Path => self.push_literal(&Cow::from(utf8_percent_encode(literal, PATH))),
            Encoding::Query => self.push_literal(&encoded(literal)),
            Encoding::None => self.push_literal(literal),
        }
    }
}

/// The name in `{name}...`, if that is how `braces` begins.
fn field_name(braces: &str) -> Option<&str> {
    let (name, _) = braces.strip_prefix('{')?.split_once('}')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    (!name.is_empty() && name.chars().all(fits)).then_some(name)
}

/// Percent-encodes values on their way.
struct Encoder<'a, W>(&'a mut W);

impl<W: Write> Write for Encoder<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        utf8_percent_encode(text, VALUE).try_for_each(|part| self.0.write_str(part))
    }
}

/// Writes into bytes.
pub(super) struct Bytes<'a>(pub(super) &'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
