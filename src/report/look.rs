//! How text may look where it is shown: width, colour and marks, as values.
//!
//! Owns [`Look`]. Refuses to find out: whoever holds the terminal (`command`) asks it, looks at `NO_COLOR`, and decides.

/// The widest that any report becomes.
pub const WIDTH_MAX: usize = 100;

/// The narrowest for which lines are still broken; below, lines are as wide as this.
pub const WIDTH_MIN: usize = 24;

/// How text may look where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns that may be used.
    pub width: usize,
    /// Colour, or none.
    pub paint: Paint,
    /// Which characters marks are made of.
    pub marks: Marks,
}

/// Colour, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// No escape sequences at all.
    #[default]
    Plain,
    /// ANSI escape sequences.
    Ansi,
}

/// Which characters marks are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// `✓ ✗ ? !`
    #[default]
    Unicode,
    /// `+ x ? !`
    Ascii,
}

/// What a piece of text means; its colour follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Unsure,
}

impl Default for Look {
    /// For files and pipes: as wide as it gets, without colour.
    fn default() -> Self {
        Self { width: WIDTH_MAX, paint: Paint::Plain, marks: Marks::Unicode }
    }
}

impl Look {
    /// The columns that are used of those there are.
    pub(super) fn columns(self) -> usize {
        self.width.clamp(WIDTH_MIN, WIDTH_MAX)
    }
}

impl Paint {
    /// `text` in the colour of `tone`.
    pub(super) fn apply(self, tone: Tone, text: &str) -> String {
        match (self, tone.code()) {
            (Self::Ansi, Some(code)) if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

impl Marks {
    /// The mark for a tone; one character.
    pub(super) const fn of(self, tone: Tone) -> &'static str {
        match (tone, self) {
            (Tone::Good, Self::Unicode) => "✓",
            (Tone::Good, Self::Ascii) => "+",
            (Tone::Bad, Self::Unicode) => "✗",
            (Tone::Bad, Self::Ascii) => "x",
            (Tone::Unsure, _) => "?",
            (Tone::Strong, _) => "!",
            (Tone::Plain | Tone::Faint, _) => "-",
        }
    }
}

impl Tone {
    /// The colours that terminals show alike on dark and light ground.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Bad => Some("1;31"),
            Self::Unsure => Some("33"),
        }
    }
}
