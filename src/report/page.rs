//! A page: headings, labelled entries, paragraphs and tables, as text that is never wider than the look allows, or as the blocks that another
//! format lays out.
//!
//! Owns breaking, aligning and painting, and that no text from outside (a route's name out of a hostile log) brings control
//! characters to a terminal. Refuses to know what the text is about. Written by the parts of the reports, which say each thing once for all
//! formats.

use super::look::{Look, Tone};

/// Where the text of an entry begins, unless the page is narrow.
const LABEL: usize = 16;

/// Below this many columns labels stand on a line of their own.
const NARROW: usize = 56;

/// Units that stay on the line of their number.
const UNITS: [&str; 12] = ["ns", "us", "ms", "s", "min", "h", "%", "B", "kB", "MB", "GB", "TB"];

/// A page being written.
pub(super) struct Page {
    look: Look,
    out: Out,
}

/// What has been written.
enum Out {
    /// Laid out for the look.
    Text(String),
    /// As it was said.
    Blocks(Vec<Block>),
}

/// A piece of a page; text without control characters.
#[derive(Debug)]
pub(super) enum Block {
    /// A line of its own.
    Heading(String),
    /// Text.
    Paragraph {
        /// What it means.
        tone: Tone,
        /// The text.
        text: String,
    },
    /// A label and its text; without a label more of the entry before.
    Entry {
        /// The label.
        label: String,
        /// The text.
        text: String,
    },
    /// A word that says how it is, and text.
    Marked {
        /// How it is.
        tone: Tone,
        /// The word, or nothing.
        word: String,
        /// The text.
        text: String,
    },
    /// Rows under titles.
    Table(Table),
}

/// A piece of text with a meaning.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// Rows under titles. Columns whose title begins with `<` are aligned left, the others right.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) titles: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Page {
    /// One of text.
    pub(super) const fn new(look: Look) -> Self {
        Self { look, out: Out::Text(String::new()) }
    }

    /// One of blocks, with room for everything.
    pub(super) fn of_blocks() -> Self {
        Self { look: Look::default(), out: Out::Blocks(Vec::new()) }
    }

    /// The text; none of a page of blocks.
    pub(super) fn into_text(self) -> String {
        match self.out {
            Out::Text(text) => text,
            Out::Blocks(_) => String::new(),
        }
    }

    /// The blocks; none of a page of text.
    pub(super) fn into_blocks(self) -> Vec<Block> {
        match self.out {
            Out::Text(_) => Vec::new(),
            Out::Blocks(blocks) => blocks,
        }
    }

    pub(super) const fn look(&self) -> Look {
        self.look
    }

    /// How many rows of a long table are shown: `few` where they are read, all where they can be searched and sorted.
    pub(super) const fn rows_max(&self, few: usize) -> usize {
        match self.out {
            Out::Text(_) => few,
            Out::Blocks(_) => usize::MAX,
        }
    }

    /// A line of its own, with an empty line before it.
    pub(super) fn heading(&mut self, text: &str) {
        match &mut self.out {
            Out::Text(out) => {
                if !out.is_empty() {
                    out.push('\n');
                }
                self.paragraph(0, Tone::Strong, text);
            }
            Out::Blocks(blocks) => blocks.push(Block::Heading(clean(text))),
        }
    }

    /// Text broken into lines, each after `indent` spaces.
    pub(super) fn paragraph(&mut self, indent: usize, tone: Tone, text: &str) {
        match &mut self.out {
            Out::Text(out) => hanging(out, self.look, (&" ".repeat(indent), indent), (tone, text)),
            Out::Blocks(blocks) => blocks.push(Block::Paragraph { tone, text: clean(text) }),
        }
    }

    /// A label, and its text beside it (below it on a narrow page).
    pub(super) fn entry(&mut self, label: &str, text: &str) {
        match &mut self.out {
            Out::Text(_) if self.look.columns() < NARROW => {
                self.paragraph(2, Tone::Faint, label);
                self.paragraph(4, Tone::Plain, text);
            }
            Out::Text(out) => {
                let padded = format!("  {label:width$}", width = LABEL - 2);
                hanging(out, self.look, (&padded, LABEL), (Tone::Plain, text));
            }
            Out::Blocks(blocks) => blocks.push(Block::Entry { label: clean(label), text: clean(text) }),
        }
    }

    /// A mark, a word in its tone, and text beside them.
    pub(super) fn marked(&mut self, tone: Tone, word: &str, text: &str) {
        match &mut self.out {
            Out::Text(out) => {
                let mark = self.look.marks.of(tone);
                let lead = if word.is_empty() { format!("  {mark} ") } else { format!("  {mark} {word}  ") };
                let painted = self.look.paint.apply(tone, lead.trim_end());
                let start = out.len();
                hanging(out, self.look, (&lead, 4), (Tone::Plain, text));
                // The lead was laid out plain, so that its width counts; it is painted in place.
                out.replace_range(start..start + lead.trim_end().len(), &painted);
            }
            Out::Blocks(blocks) => blocks.push(Block::Marked { tone, word: clean(word), text: clean(text) }),
        }
    }

    /// The table in aligned columns; one block a row where they do not fit.
    pub(super) fn table(&mut self, table: &Table) {
        let fits = self.fits(table);
        match &mut self.out {
            Out::Text(out) if fits => columns(out, self.look, table),
            Out::Text(_) => self.rows(table),
            Out::Blocks(blocks) => blocks.push(Block::Table(table.clone())),
        }
    }

    /// Whether the table fits in aligned columns.
    pub(super) fn fits(&self, table: &Table) -> bool {
        match self.out {
            Out::Text(_) => {
                let widths = table.widths();
                2 + widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1) <= self.look.columns()
            }
            Out::Blocks(_) => true,
        }
    }

    /// Each row as lines of its own.
    fn rows(&mut self, table: &Table) {
        for row in &table.rows {
            let mut cells = row.iter().zip(&table.titles);
            if let Some((first, _)) = cells.next() {
                self.paragraph(2, first.tone, &first.text);
            }
            for (cell, title) in cells.filter(|(cell, _)| !cell.text.is_empty()) {
                self.paragraph(4, cell.tone, &format!("{}: {}", title.trim_start_matches('<'), cell.text));
            }
        }
    }
}

/// The table in aligned columns.
fn columns(out: &mut String, look: Look, table: &Table) {
    let widths = table.widths();
    let titles: Vec<Cell> = table.titles.iter().map(|title| Cell::toned(Tone::Faint, title.trim_start_matches('<'))).collect();
    for row in std::iter::once(&titles).chain(&table.rows) {
        let mut line = String::from(" ");
        for ((cell, width), title) in row.iter().zip(&widths).zip(&table.titles) {
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            let text = look.paint.apply(cell.tone, &cell.text);
            line.push_str(if line.len() > 1 { "  " } else { " " });
            let parts = if title.starts_with('<') { [&text, &gap] } else { [&gap, &text] };
            line.extend(parts.map(String::as_str));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// A lead, then text broken so that following lines begin at the indent.
fn hanging(out: &mut String, look: Look, (lead, indent): (&str, usize), (tone, text): (Tone, &str)) {
    let width = look.columns();
    let lead_width = lead.chars().count();
    let text = clean(text);
    let mut lines = broken(&text, width.saturating_sub(lead_width).max(1), width.saturating_sub(indent).max(1)).into_iter();
    let first = lines.next().unwrap_or_default();
    out.push_str(format!("{lead}{}", look.paint.apply(tone, &first)).trim_end());
    out.push('\n');
    for line in lines {
        out.push_str(&" ".repeat(indent));
        out.push_str(&look.paint.apply(tone, &line));
        out.push('\n');
    }
}

impl Cell {
    pub(super) fn toned(tone: Tone, text: &str) -> Self {
        Self { text: clean(text), tone }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(Tone::Plain, text.as_ref())
    }
}

impl Table {
    pub(super) const fn new(titles: Vec<&'static str>) -> Self {
        Self { titles, rows: Vec::new() }
    }

    /// Adds a row with a cell for each title.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.titles.len(), "a row has a cell for each title");
        self.rows.push(cells);
    }

    fn widths(&self) -> Vec<usize> {
        let titles = self.titles.iter().map(|title| title.trim_start_matches('<').chars().count());
        titles
            .enumerate()
            .map(|(at, title)| self.rows.iter().filter_map(|row| row.get(at)).map(Cell::width).fold(title, usize::max))
            .collect()
    }
}

/// Without control characters: they are written as escapes, line ends become spaces.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            // Bidirectional overrides can make a line read as what it is not (Unicode TR 36, 3.1).
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                out.extend(c.escape_default());
            }
            c => out.push(c),
        }
    }
    out
}

/// The words of a text; a number and its unit are one.
fn words(text: &str) -> Vec<&str> {
    let mut places: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    for part in text.split(' ') {
        let to = from + part.len();
        let is_unit = UNITS.contains(&part.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '%'));
        match places.last_mut() {
            Some(last) if is_unit && last.1 + 1 == from && text[..last.1].ends_with(|c: char| c.is_ascii_digit()) => last.1 = to,
            _ if part.is_empty() => {}
            _ => places.push((from, to)),
        }
        from = to + 1;
    }
    places.into_iter().map(|(from, to)| &text[from..to]).collect()
}

/// Lines of at most `first` and then `rest` characters, broken between words, or within one that is too long.
fn broken(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in words(text) {
        let mut left = word.chars().count();
        let mut word = word;
        loop {
            let width = if lines.is_empty() { first } else { rest };
            let gap = usize::from(used > 0);
            if used + gap + left <= width {
                line.push_str(&" ".repeat(gap));
                line.push_str(word);
                used += gap + left;
                break;
            }
            if used == 0 {
                let at = word.char_indices().nth(width).map_or(word.len(), |(at, _)| at);
                line.push_str(&word[..at]);
                word = &word[at..];
                left -= width;
            }
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::look::{Marks, Paint};
    use super::*;
    use proptest::prelude::*;

    fn look(width: usize) -> Look {
        Look { width, paint: Paint::Plain, marks: Marks::Ascii }
    }

    #[test]
    fn lines_break_between_words_and_hang_under_their_text() {
        let mut page = Page::new(look(60));
        page.entry("plan", "open model, 200/s for 20s, warm-up of 2s left out, up to 64 connections");
        insta::assert_snapshot!(page.into_text(), @r"
        plan          open model, 200/s for 20s, warm-up of 2s
                      left out, up to 64 connections
        ");
    }

    #[test]
    fn a_table_that_does_not_fit_becomes_blocks() {
        let mut table = Table::new(vec!["<series", "count", "p50"]);
        table.row(vec!["GET /orders/{id}".into(), "1,000".into(), "24.2 ms".into()]);
        let mut wide = Page::new(look(60));
        wide.table(&table);
        let mut narrow = Page::new(look(24));
        narrow.table(&table);
        insta::assert_snapshot!(wide.into_text() + &narrow.into_text(), @r"
          series            count      p50
          GET /orders/{id}  1,000  24.2 ms
          GET /orders/{id}
            count: 1,000
            p50: 24.2 ms
        ");
    }

    #[test]
    fn a_number_keeps_its_unit() {
        assert_eq!(words("observed 114 ms, 90 % of  2 s"), ["observed", "114 ms,", "90 %", "of", "2 s"]);
        assert_eq!(words("1  ms"), ["1", "ms"]);
    }

    #[test]
    fn text_from_outside_cannot_reach_the_terminal_as_a_command() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb c\\u{202e}d");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_look(text in "\\PC{0,200}", width in 0_usize..130) {
            let mut page = Page::new(look(width));
            page.heading(&text);
            page.entry("label", &text);
            page.marked(Tone::Good, "holds", &text);
            let columns = look(width).columns();
            prop_assert!(page.into_text().lines().all(|line| line.chars().count() <= columns));
        }
    }
}
