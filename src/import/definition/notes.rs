//! What an import has to say about itself: what was left out, what was assumed, what is still to be set.
//!
//! Owns [`Note`] and [`Notes`]. Refuses to decide what is left out. Filled by everything here; read by `command` and written
//! into the head of the profile.

use std::fmt;

use super::document::Node;

/// More notes than this are only counted.
const NOTES_MAX: usize = 2_000;

/// Why a note was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Something of the definition is not in the profile.
    LeftOut,
    /// Something in the profile is not in the definition.
    Assumed,
    /// The profile refers to something that has to be there when it is used.
    ToSet,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Why it was made.
    pub sort: Sort,
    /// The line of the file, if one can be named.
    pub line: Option<u32>,
    /// What it is about: a path of keys, or a route; empty for the whole.
    pub at: String,
    /// A sentence without its full stop.
    pub what: String,
}

/// All of them, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    list: Vec<Note>,
    more: usize,
}

impl Notes {
    /// Something at `node` is not carried over.
    pub(super) fn left_out(&mut self, node: &Node, at: &str, what: impl Into<String>) {
        self.add(Sort::LeftOut, node.line, at, what.into());
    }

    /// Something was made up because of `node`.
    pub(super) fn assumed(&mut self, node: &Node, at: &str, what: impl Into<String>) {
        self.add(Sort::Assumed, node.line, at, what.into());
    }

    /// The profile needs something, because of `node`, that stands outside it.
    pub(super) fn missing(&mut self, node: &Node, at: &str, what: impl Into<String>) {
        self.add(Sort::ToSet, node.line, at, what.into());
    }

    /// Drops what has to be set for the profile: whoever serves the definition itself has it.
    pub fn forget_to_set(&mut self) {
        self.list.retain(|note| note.sort != Sort::ToSet);
    }

    /// Takes over those of another.
    pub(super) fn extend(&mut self, other: Self) {
        self.more += other.more;
        for note in other.list {
            self.add(note.sort, note.line.unwrap_or(0), &note.at, note.what);
        }
    }

    fn add(&mut self, sort: Sort, line: u32, at: &str, what: String) {
        let note = Note { sort, line: (line > 0).then_some(line), at: at.to_owned(), what };
        if self.list.len() >= NOTES_MAX {
            self.more += 1;
        } else if !self.list.contains(&note) {
            self.list.push(note);
        }
    }

    /// One line for each thing that is said, with every place it is said of: what was left out comes first.
    pub fn lines(&self, file: &str) -> Vec<String> {
        let mut groups: Vec<(Sort, &str, Vec<&Note>)> = Vec::new();
        for note in &self.list {
            match groups.iter_mut().find(|(sort, what, _)| *sort == note.sort && *what == note.what) {
                Some((.., places)) => places.push(note),
                None => groups.push((note.sort, &note.what, vec![note])),
            }
        }
        groups.sort_by_key(|(sort, ..)| *sort);
        let more = (self.more > 0).then(|| format!("and {} more notes", self.more));
        groups.into_iter().map(|(sort, what, places)| line(file, sort, what, &places)).chain(more).collect()
    }

    /// The notes.
    pub fn list(&self) -> &[Note] {
        &self.list
    }
}

/// Places that one line names; the others are counted.
const PLACES_SHOWN: usize = 4;

fn line(file: &str, sort: Sort, what: &str, places: &[&Note]) -> String {
    let shown: Vec<String> = places.iter().filter_map(|note| place(note)).take(PLACES_SHOWN).collect();
    let more = if places.len() > PLACES_SHOWN { format!(" and {} more", places.len() - PLACES_SHOWN) } else { String::new() };
    let at = if shown.is_empty() { file.to_owned() } else { format!("{file}:{}{more}", shown.join(", ")) };
    format!("{sort}: {at}: {what}")
}

/// `12 GET /orders`: line and what stands there.
fn place(note: &Note) -> Option<String> {
    match (note.line, note.at.as_str()) {
        (None, "") => None,
        (Some(line), "") => Some(line.to_string()),
        (None, at) => Some(format!(" {at}")),
        (Some(line), at) => Some(format!("{line} {at}")),
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeftOut => "left out",
            Self::Assumed => "assumed",
            Self::ToSet => "to set",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_said_of_many_places_is_one_line() {
        let mut notes = Notes::default();
        let node = |line| Node::empty(line);
        notes.assumed(&node(0), "", "a stage named test");
        for line in 1..=6 {
            notes.left_out(&node(line), &format!("GET /{line}"), "no authorizer yet");
        }
        notes.left_out(&node(1), "GET /1", "no authorizer yet");
        assert_eq!(
            notes.lines("api.yaml"),
            [
                "left out: api.yaml:1 GET /1, 2 GET /2, 3 GET /3, 4 GET /4 and 2 more: no authorizer yet",
                "assumed: api.yaml: a stage named test"
            ]
        );
    }

    #[test]
    fn notes_are_bounded_and_counted() {
        let mut notes = Notes::default();
        for line in 1..=2_500 {
            notes.left_out(&Node::empty(line), "", "x");
        }
        assert_eq!((notes.list().len(), notes.lines("f").pop().unwrap()), (NOTES_MAX, "and 500 more notes".to_owned()));
    }
}
