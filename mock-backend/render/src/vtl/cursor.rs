//! A cursor over the text of a template.
//!
//! Owns reading characters and words, and saying in which line something stands. Refuses grammar. Used by `parse` and `expression`.

use super::error::ParseError;
use super::tree::Place;

/// How deep blocks, parentheses, arguments and texts in texts may nest; keeps the parser and the renderer off the stack's end.
const DEPTH_MAX: usize = 60;

/// A text and a place in it.
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// Where the text itself stands, if it is part of another.
    within: Option<Place>,
    /// The last place that was asked for, and its offset: the next is counted from there.
    counted: (usize, Place),
}

const START: (usize, Place) = (0, Place { line: 1, column: 1 });

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0, within: None, counted: START }
    }

    /// A cursor over a text that was found at `place`, as deep as this one.
    pub(super) fn within<'s>(&self, text: &'s str, place: Place) -> Cursor<'s> {
        Cursor { within: Some(place), depth: self.depth, ..Cursor::new(text) }
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// What stands between an earlier offset and here.
    pub(super) fn since(&self, start: usize) -> &'t str {
        &self.text[start..self.at]
    }

    /// Goes on by this many bytes, which end a character.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Goes back to an earlier offset.
    pub(super) fn back_to(&mut self, offset: usize) {
        self.at = offset;
    }

    /// Takes this text if it stands here.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let here = self.rest().starts_with(text);
        if here {
            self.at += text.len();
        }
        here
    }

    /// Takes bytes as long as they are of this kind (ASCII).
    pub(super) fn take_while(&mut self, kind: impl Fn(u8) -> bool) -> &'t str {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii() && kind(byte)) {
            self.at += 1;
        }
        self.since(start)
    }

    /// Takes white space, lines included.
    pub(super) fn skip_space(&mut self) {
        self.take_while(|byte| byte.is_ascii_whitespace());
    }

    /// Takes blanks and the end of the line, if nothing else stands before it.
    pub(super) fn skip_line_end(&mut self) {
        let start = self.at;
        self.take_while(|byte| byte == b' ' || byte == b'\t');
        if !(self.take("\r\n") || self.take("\n") || self.take("\r")) {
            self.at = start;
        }
    }

    /// Takes a name, if one starts here.
    pub(super) fn identifier(&mut self) -> Option<&'t str> {
        let starts = self.peek().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        starts.then(|| self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'))
    }

    /// Where the cursor is.
    pub(super) fn place(&mut self) -> Place {
        if let Some(place) = self.within {
            return place;
        }
        if self.at < self.counted.0 {
            self.counted = START;
        }
        let (from, mut place) = self.counted;
        for character in self.text[from..self.at].chars() {
            if character == '\n' {
                place = Place { line: place.line + 1, column: 1 };
            } else {
                place.column += 1;
            }
        }
        self.counted = (self.at, place);
        place
    }

    pub(super) fn error(&mut self, what: impl Into<String>) -> ParseError {
        ParseError::new(self.place(), what)
    }

    /// Takes this text, or fails.
    pub(super) fn expect(&mut self, text: &str, after: &str) -> Result<(), ParseError> {
        if self.take(text) {
            return Ok(());
        }
        let found = self.rest().chars().next().map_or_else(|| "the end".to_owned(), |found| format!("{found:?}"));
        Err(self.error(format!("expected {text:?} {after}, found {found}")))
    }

    /// Notes one more level, which `leave` ends.
    pub(super) fn enter(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.error(format!("nested more than {DEPTH_MAX} deep"))) } else { Ok(()) }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}
