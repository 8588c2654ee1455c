//! A text that is itself a secret, or refers to one: the value of an API key.
//!
//! Owns that neither `Debug` nor a message shows it; what is shown of a profile hides it (`prove::resolved`). Refuses to resolve
//! references (`phrase` does). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use super::phrase::ReferenceError;
use super::{Outside, Phrase, PhraseReader, text_scalar};

/// A secret. Unlike a [`Phrase`], its plain text is none that may be shown.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::config) struct Secret(Phrase);

/// Why a text is no secret. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this holds a \"${{\" that begins no reference; write \"${{env:NAME}}\" or \"${{file:path}}\", and \"$${{\" for the characters themselves"
)]
pub(in crate::config) struct NotASecret;

text_scalar!(Secret, "a secret", "write \"${env:NAME}\", \"${file:path}\", or the text itself");

impl Secret {
    /// The secret itself.
    pub(in crate::config) fn reveal(&self, outside: Outside<'_>) -> Result<String, ReferenceError> {
        self.0.reveal(outside, PhraseReader::Plain)
    }
}

impl FromStr for Secret {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        text.parse().map(Self).map_err(|_| NotASecret)
    }
}

/// As it was written, so that it can be read again: only for the profile's tree.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}
