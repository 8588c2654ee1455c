//! Why a definition becomes no profile.
//!
//! Owns [`DefinitionError`], what a user reads, and [`Fault`], what is found on the way before the file's name is known. Refuses
//! to print. Made by everything here.

use super::document::{Node, Unreadable};

/// Why a definition becomes no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// It cannot be read, or something in it is wrong.
    #[error("{file}{}: {}{what}", line.map(|line| format!(":{line}")).unwrap_or_default(), at_colon(at))]
    Wrong {
        /// The file, as it was named.
        file: String,
        /// The line, counted from one.
        line: Option<u32>,
        /// The path of keys, or the route; empty for the whole.
        at: String,
        /// What is wrong, and what would work.
        what: String,
    },
    /// It is something else.
    #[error(
        "{file}: this is no API definition: it has {has}; a definition has `openapi` or `swagger` at its top, a template `Resources`"
    )]
    Unknown {
        /// The file, as it was named.
        file: String,
        /// What it has at its top.
        has: String,
    },
    /// It is of the other kind.
    #[error("{file}: this is {is}, not {asked}; import it with `sluicegate import {kind} {file}`")]
    OtherKind {
        /// The file, as it was named.
        file: String,
        /// What it is.
        is: &'static str,
        /// What it was called.
        asked: &'static str,
        /// The right kind.
        kind: &'static str,
    },
    /// A template with several APIs, or without the one that was asked for.
    #[error("{file}: {what}; it has {}", names.join(", "))]
    Choice {
        /// The file, as it was named.
        file: String,
        /// What the difficulty is.
        what: String,
        /// The APIs with their kinds and the number of their routes.
        names: Vec<String>,
    },
}

fn at_colon(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("{at}: ") }
}

/// Something wrong, before the file's name is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    line: Option<u32>,
    at: String,
    what: String,
}

impl Fault {
    /// Something at `node`, which is at `at`, is wrong.
    pub(super) fn new(node: &Node, at: &str, what: impl Into<String>) -> Self {
        Self { line: (node.line > 0).then_some(node.line), at: at.to_owned(), what: what.into() }
    }

    /// The same with the file's name.
    pub(super) fn of(self, file: &str) -> DefinitionError {
        DefinitionError::Wrong { file: file.to_owned(), line: self.line, at: self.at, what: self.what }
    }
}

impl From<Unreadable> for Fault {
    fn from(unreadable: Unreadable) -> Self {
        Self { line: unreadable.line, at: String::new(), what: unreadable.what }
    }
}

/// A text as a message may show it: in quotes, without control characters, and not longer than a line.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}
