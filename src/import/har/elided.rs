//! A JSON document whose long texts are cut, so that reading it needs no more memory than a text may be long.
//!
//! Owns the cut: a text ends after [`TEXT_BYTES_MAX`] bytes as they stand in the document, never within a character or an escape. Refuses
//! to read JSON beyond where its texts begin and end. What is cut is longer than any message that a gateway takes, so that whoever counts
//! the length of what is left sees it.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a text in the document, escapes as they are written. An escape of six bytes is a character of one at least: what is left of a text
/// that was cut has 170 KiB, and no message has more than 128.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

/// Cuts the texts of what it reads.
pub(super) struct Elided<R> {
    input: BufReader<R>,
    at: At,
}

/// A text of bytes that are no characters has no place to be cut at; it ends here, and whoever reads it says what it is.
const BROKEN_BYTES_MAX: usize = TEXT_BYTES_MAX + 64;

/// Where in the document the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In no text.
    Outside,
    /// In a text, after so many bytes of it.
    Text(usize),
    /// The same, behind the first half of a character that is written as two escapes.
    Half(usize),
    /// The same, behind a backslash.
    Escape(usize),
    /// The same, within the four digits of an escape: what they say so far, and how many are to come.
    Digits(usize, u16, u8),
    /// In a text whose rest is left out.
    Rest,
    /// The same, behind a backslash.
    RestEscape,
}

impl<R: Read> Elided<R> {
    pub(super) fn of(input: R) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), at: At::Outside }
    }
}

impl At {
    /// Behind this byte, and whether it is kept.
    const fn behind(self, byte: u8) -> (Self, bool) {
        // All but the second and later bytes of a character.
        let begins = byte & 0xC0 != 0x80;
        match (self, byte) {
            (Self::Outside, b'"') => (Self::Text(0), true),
            (Self::Outside, _) | (Self::Text(_) | Self::Half(_) | Self::Rest, b'"') => (Self::Outside, true),
            (Self::Text(length), b'\\') if length >= TEXT_BYTES_MAX => (Self::RestEscape, false),
            (Self::Text(length), _) if length >= TEXT_BYTES_MAX && (begins || length >= BROKEN_BYTES_MAX) => (Self::Rest, false),
            (Self::Text(length) | Self::Half(length), b'\\') => (Self::Escape(length + 1), true),
            (Self::Escape(length), b'u') => (Self::Digits(length + 1, 0, 4), true),
            (Self::Digits(length, code, left), _) => {
                let digit = match byte {
                    b'0'..=b'9' => byte - b'0',
                    b'a'..=b'f' => byte - b'a' + 10,
                    b'A'..=b'F' => byte - b'A' + 10,
                    _ => 0,
                };
                let code = code << 4 | digit as u16;
                let behind = match (left, code) {
                    (1, 0xD800..=0xDBFF) => Self::Half(length + 1),
                    (1, _) => Self::Text(length + 1),
                    (more, _) => Self::Digits(length + 1, code, more - 1),
                };
                (behind, true)
            }
            (Self::Text(length) | Self::Half(length) | Self::Escape(length), _) => (Self::Text(length + 1), true),
            (Self::Rest, b'\\') => (Self::RestEscape, false),
            (Self::Rest | Self::RestEscape, _) => (Self::Rest, false),
        }
    }
}

impl<R: Read> Read for Elided<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut given = 0;
        while given < out.len() {
            let there = self.input.fill_buf()?;
            if there.is_empty() {
                break;
            }
            let mut taken = 0;
            for &byte in there {
                if given == out.len() {
                    break;
                }
                taken += 1;
                let (at, is_kept) = self.at.behind(byte);
                self.at = at;
                if is_kept {
                    out[given] = byte;
                    given += 1;
                }
            }
            self.input.consume(taken);
            if given > 0 {
                break;
            }
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn elided(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Elided::of(text).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_and_what_follows_is_there() {
        let long = "x".repeat(3 * TEXT_BYTES_MAX);
        let cut: Vec<String> = serde_json::from_slice(&elided(format!("[\"{long}\", \"a\\\"b\", \"\"]").as_bytes())).unwrap();
        assert_eq!((cut[0].len(), cut[1].as_str(), cut[2].as_str()), (TEXT_BYTES_MAX, "a\"b", ""));
    }

    #[test]
    fn neither_a_character_nor_an_escape_is_parted() {
        for unit in ["\u{1F600}", "\\ud83d\\ude00", "\\u0041", "\\\\", "\\\"", "\\n\u{e4}"] {
            for shift in 0..13 {
                let long = format!("[\"{}{}w\", 7]", "y".repeat(shift), unit.repeat(TEXT_BYTES_MAX / unit.len() + 40));
                let less = elided(long.as_bytes());
                assert!(less.len() < TEXT_BYTES_MAX + 32, "{unit}: {}", less.len());
                let (cut, seven): (String, u32) = serde_json::from_slice(&less).unwrap();
                assert!(cut.len() > 128 << 10 && !cut.ends_with('w'), "{unit}");
                assert_eq!(seven, 7);
            }
        }
    }

    #[test]
    fn a_text_that_is_none_is_cut_too() {
        let less = elided(&[&b"[\""[..], &vec![0x80; 2 * TEXT_BYTES_MAX], b"\"]"].concat());
        assert!(less.len() < BROKEN_BYTES_MAX + 8, "{}", less.len());
    }

    proptest! {
        #[test]
        fn what_is_short_is_as_it_was(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(elided(&text), text);
        }
    }
}
