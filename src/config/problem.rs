//! What is wrong with a profile: place, key path, and a sentence that says what would work.
//!
//! Owns [`Place`], [`Spot`], [`Problem`] and the list of all of them. Refuses to find them (`reader`, `prove`) and to print
//! (the rim does). Called by everything in `config`; `command` shows the list and exits with 2.

use std::fmt;
use std::sync::Arc;

/// Where a value was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the profile, both counted from one, the column in characters.
    Line {
        /// Line.
        line: u32,
        /// Column.
        column: u32,
    },
    /// On the command line, by this flag.
    Flag(&'static str),
    /// By this `--drift`.
    Drift(Arc<str>),
    /// Nowhere: a default, or the file as a whole.
    #[default]
    Nowhere,
}

/// A place and the key path of what stands there: `traffic.mix[0].weight`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Where it was given.
    pub place: Place,
    /// Which key, as a path from the top of the profile; empty for the whole.
    pub key: Arc<str>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the profile, as it was given.
    pub file: Arc<str>,
    /// Where, and which key.
    pub spot: Spot,
    /// The value given and what would work.
    pub what: String,
}

/// Everything that is wrong with a profile; at least one problem, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spot.place {
            Place::Line { line, column } => write!(f, "{}:{line}:{column}: ", self.file)?,
            Place::Flag(flag) => write!(f, "{flag}: ")?,
            Place::Drift(drift) => write!(f, "--drift '{drift}': ")?,
            Place::Nowhere => write!(f, "{}: ", self.file)?,
        }
        if !self.spot.key.is_empty() {
            write!(f, "{}: ", self.spot.key)?;
        }
        f.write_str(&self.what)
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Place {
    /// For sorting: the file from its top, then what the command line said.
    pub(super) fn rank(&self) -> (u8, u32, u32) {
        match self {
            Self::Nowhere => (0, 0, 0),
            Self::Line { line, column } => (1, *line, *column),
            Self::Flag(_) => (2, 0, 0),
            Self::Drift(_) => (3, 0, 0),
        }
    }
}

/// A text as a message may show it: in quotes, without control characters, and not longer than a line.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).flat_map(escaped).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}

/// Control characters could move the reader's cursor; quotation marks would end the quotation.
fn escaped(c: char) -> Box<dyn Iterator<Item = char>> {
    if c.is_control() || c == '"' { Box::new(c.escape_default()) } else { Box::new(std::iter::once(c)) }
}

/// One step of a key path as it is written: bare if it is a word, else in quotation marks.
pub fn written(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
    if bare { key.to_owned() } else { quoted(key) }
}

/// So many names are looked at for a suggestion, and so many are listed: a message has an end, whatever the profile holds.
const CANDIDATES_MAX: usize = 200;
const LISTED_MAX: usize = 12;

/// `, did you mean "x"?` if one of the candidates is close to what was written, else `;`: what follows says what there is.
pub(super) fn suggestion<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let closeness = |candidate: &&str| strsim::damerau_levenshtein(&given.to_lowercase(), &candidate.to_lowercase());
    // A third of the letters may be wrong: more would suggest what was not meant.
    let near = given.chars().count().div_ceil(3).max(1);
    // Distance is quadratic in the length of what was given; a longer text is no misspelt key.
    if given.len() > 100 {
        return ";".to_owned();
    }
    match candidates.into_iter().take(CANDIDATES_MAX).min_by_key(closeness).filter(|best| closeness(best) <= near) {
        Some(best) => format!(", did you mean {}?", quoted(best)),
        None => ";".to_owned(),
    }
}

/// `a, b, c`, for what there is.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words = words.into_iter().map(written);
    let mut shown: Vec<String> = words.by_ref().take(LISTED_MAX).collect();
    let more = words.count();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
}

/// `a, b or c`, for what can be written.
pub(super) fn choices<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(written).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_made_only_for_what_is_close() {
        assert_eq!(suggestion("reginn", ["region", "stages"]), ", did you mean \"region\"?");
        assert_eq!(suggestion("colour", ["region", "stages"]), ";");
    }

    #[test]
    fn what_is_quoted_is_one_short_printable_line() {
        assert_eq!(quoted("a\u{1b}[2Jb\"c\n"), "\"a\\u{1b}[2Jb\\\"c\\n\"");
        assert!(quoted(&"x".repeat(1_000)).len() < 70);
    }

    #[test]
    fn keys_that_are_no_words_are_quoted_in_paths_and_lists() {
        assert_eq!(choices(["a", "GET /b", "c"]), "a, \"GET /b\" or c");
        assert_eq!(listed(["a", "b"]), "a, b");
    }
}
