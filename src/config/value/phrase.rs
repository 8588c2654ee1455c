//! Text that may refer to secrets: `Bearer ${env:TOKEN}`, `${file:key.pem}`; `$${` stands for `${` itself.
//!
//! A [`Phrase`] never holds a secret, only the reference, so that whatever prints it prints no secret. Its value is made when
//! the traffic is built, and goes from there into the request and nowhere else.
//!
//! Owns references and their resolution. Refuses to print a value. Read by the types in `raw`, revealed by `prove::mix`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::text_scalar;
use crate::config::problem::quoted;
use crate::traffic::template::escaped;

/// A text with references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct Phrase {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Env(String),
    File(String),
}

/// Where references lead: the process's environment, and the folder of the profile.
#[derive(Clone, Copy)]
pub(in crate::config) struct Outside<'a> {
    /// The value of an environment variable.
    pub(in crate::config) env: &'a dyn Fn(&str) -> Option<String>,
    /// What relative paths start from.
    pub(in crate::config) folder: &'a Path,
}

/// Who reads the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum PhraseReader {
    /// A template: braces of a secret are doubled, those of the text are fields.
    Template,
    /// Somebody who takes it as it is.
    Plain,
}

/// Why a text with references cannot be read, or a reference leads nowhere. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::config) enum ReferenceError {
    /// Something in `${...}` that is no reference.
    #[error("{} is not a reference; write \"${{env:NAME}}\" or \"${{file:path}}\", and \"$${{\" for the characters themselves", quoted(.0))]
    Unknown(String),
    /// The variable is not set, or is not text.
    #[error("the environment variable {} is not set; export it before the run", quoted(.0))]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the file {} cannot be read ({why}); a path is taken from the folder of the profile", quoted(&.path.to_string_lossy()))]
    NoFile {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// Why a text of the command line cannot be read, or a reference in it leads nowhere. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Unrevealed(ReferenceError);

/// A text of the command line with its secrets in place; relative paths start from `folder`. What this gives is never shown.
pub fn revealed(text: &str, folder: &Path) -> Result<String, Unrevealed> {
    let env = |name: &str| std::env::var(name).ok();
    let phrase: Phrase = text.parse().map_err(Unrevealed)?;
    phrase.reveal(Outside { env: &env, folder }, PhraseReader::Plain).map_err(Unrevealed)
}

text_scalar!(Phrase, "a text", "write text; \"${env:NAME}\" and \"${file:path}\" stand for secrets");

/// A secret is a key or a token, not a film.
const SECRET_BYTES_MAX: u64 = 64 << 10;

impl Phrase {
    /// The text with its secrets in place.
    pub(in crate::config) fn reveal(&self, outside: Outside<'_>, reader: PhraseReader) -> Result<String, ReferenceError> {
        let mut text = String::new();
        for piece in &self.pieces {
            let secret = match piece {
                Piece::Plain(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Piece::Env(name) => (outside.env)(name).ok_or_else(|| ReferenceError::NoVariable(name.clone()))?,
                Piece::File(path) => read(&outside.folder.join(path))?,
            };
            match reader {
                PhraseReader::Template => text.push_str(&escaped(&secret)),
                PhraseReader::Plain => text.push_str(&secret),
            }
        }
        Ok(text)
    }

    /// The text with something else in the place of each secret.
    pub(in crate::config) fn covered(&self, stand_in: &str) -> String {
        let piece = |piece: &'_ Piece| match piece {
            Piece::Plain(plain) => plain.clone(),
            Piece::Env(_) | Piece::File(_) => stand_in.to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Whether nothing of it stands in the profile itself.
    pub(in crate::config) fn is_only_references(&self) -> bool {
        !self.pieces.is_empty() && self.pieces.iter().all(|piece| !matches!(piece, Piece::Plain(_)))
    }

    /// Whether it refers to a secret.
    pub(in crate::config) fn has_secret(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Plain(_)))
    }
}

fn read(path: &Path) -> Result<String, ReferenceError> {
    let refuse = |why: String| ReferenceError::NoFile { path: path.to_owned(), why };
    let size = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if size > SECRET_BYTES_MAX {
        return Err(refuse(format!("it has more than {SECRET_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    // Editors end files with a line break, which no header may hold.
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

impl FromStr for Phrase {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                plain.push_str(&rest[..at - 1]);
                plain.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let unknown = |what: &str| ReferenceError::Unknown(what.to_owned());
            let end = rest[at..].find('}').ok_or_else(|| unknown(&rest[at..]))? + at;
            let (kind, name) = rest[at + 2..end].split_once(':').ok_or_else(|| unknown(&rest[at..=end]))?;
            let piece = match kind {
                "env" if !name.is_empty() && !name.contains(['=', '\0']) => Piece::Env(name.to_owned()),
                "file" if !name.is_empty() && !name.contains('\0') => Piece::File(name.to_owned()),
                _ => return Err(unknown(&rest[at..=end])),
            };
            if !plain.is_empty() {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Self { pieces })
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Plain(plain) => f.write_str(&plain.replace("${", "$${"))?,
                Piece::Env(name) => write!(f, "${{env:{name}}}")?,
                Piece::File(path) => write!(f, "${{file:{path}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reveal(text: &str, reader: PhraseReader) -> Result<String, ReferenceError> {
        let env = |name: &str| (name == "TOKEN").then(|| "s3{cr}et".to_owned());
        text.parse::<Phrase>()?.reveal(Outside { env: &env, folder: Path::new("/nonexistent") }, reader)
    }

    proptest! {
        #[test]
        fn a_text_reads_back_as_it_was_written(text in "[a-z$ {}:]{0,12}(\\$\\{env:[A-Z]{1,5}\\})?[a-z ]{0,5}") {
            if let Ok(phrase) = text.parse::<Phrase>() {
                prop_assert_eq!(phrase.to_string().parse(), Ok(phrase));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = text.parse::<Phrase>();
        }
    }

    #[test]
    fn a_secret_is_inserted_and_its_braces_are_no_fields() {
        assert_eq!(reveal("Bearer ${env:TOKEN}, {id}", PhraseReader::Template).unwrap(), "Bearer s3{{cr}}et, {id}");
        assert_eq!(reveal("Bearer ${env:TOKEN}", PhraseReader::Plain).unwrap(), "Bearer s3{cr}et");
        assert_eq!(reveal("costs $${env:TOKEN}", PhraseReader::Plain).unwrap(), "costs ${env:TOKEN}");
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        assert_eq!(
            reveal("${env:NOBODY}", PhraseReader::Plain).unwrap_err().to_string(),
            "the environment variable \"NOBODY\" is not set; export it before the run"
        );
        for text in ["${file:none}", "${vault:x}", "${env:}", "${env", "${}"] {
            assert!(reveal(text, PhraseReader::Plain).is_err(), "{text}");
        }
    }

    #[test]
    fn whatever_prints_a_phrase_prints_the_reference() {
        let phrase: Phrase = "Bearer ${env:TOKEN}".parse().unwrap();
        assert!(!format!("{phrase:?} {phrase}").contains("s3{cr}et"));
        assert!(phrase.has_secret());
    }
}
