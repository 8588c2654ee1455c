//! The blocks of a page as HTML: sections, definition lists, marked lines and tables that sort.
//!
//! Owns the elements, and that no text from outside is anything but text. Refuses styles (`page.css`) and to know what the blocks are about.

use super::put;
use crate::report::look::{Marks, Tone};
use crate::report::page::{Block, Table};

/// What follows each other in one element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Section,
    List,
}

/// Writes the blocks, each heading with what follows it as a section.
pub(super) fn write(out: &mut String, blocks: &[Block]) {
    let mut open = Open::Nothing;
    for block in blocks {
        if open == Open::List && !matches!(block, Block::Entry { .. }) {
            out.push_str("</dl>\n");
            open = Open::Section;
        }
        match block {
            Block::Heading(text) => {
                close(out, open);
                open = Open::Section;
                put(out, format_args!("<section>\n<h2>{}</h2>\n", escaped(text)));
            }
            Block::Paragraph { tone, text } => put(out, format_args!("<p class=\"{}\">{}</p>\n", class(*tone), escaped(text))),
            Block::Entry { label, text } => {
                if open != Open::List {
                    out.push_str("<dl>\n");
                    open = Open::List;
                }
                if !label.is_empty() {
                    put(out, format_args!("<dt>{}</dt>", escaped(label)));
                }
                put(out, format_args!("<dd>{}</dd>\n", escaped(text)));
            }
            Block::Marked { tone, word, text } => marked(out, *tone, word, text),
            Block::Table(rows) => table(out, rows),
        }
    }
    close(out, open);
}

fn close(out: &mut String, open: Open) {
    out.push_str(match open {
        Open::Nothing => "",
        Open::Section => "</section>\n",
        Open::List => "</dl>\n</section>\n",
    });
}

fn marked(out: &mut String, tone: Tone, word: &str, text: &str) {
    let (class, mark) = (class(tone), Marks::Unicode.of(tone));
    let word = if word.is_empty() { String::new() } else { format!("<b class=\"{class}\">{}</b> ", escaped(word)) };
    put(out, format_args!("<p class=\"marked\"><span class=\"mark {class}\">{mark}</span> {word}{}</p>\n", escaped(text)));
}

fn table(out: &mut String, table: &Table) {
    out.push_str("<div class=\"wide\"><table class=\"sorts\">\n<thead><tr>");
    for title in &table.titles {
        let (side, title) = title.strip_prefix('<').map_or(("", *title), |title| (" class=\"left\"", title));
        put(out, format_args!("<th{side} scope=\"col\">{}</th>", escaped(title)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (cell, title) in row.iter().zip(&table.titles) {
            let side = if title.starts_with('<') { "left " } else { "" };
            let bar = share(&cell.text).map(|percent| format!(" style=\"--share:{percent}%\"")).unwrap_or_default();
            put(out, format_args!("<td class=\"{side}{}\"{bar}>{}</td>", class(cell.tone), escaped(&cell.text)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

/// The number of a cell that is a share of a hundred and nothing else: it gets a bar.
fn share(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix(" %")?.trim_start_matches(['<', '>']).parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Strong => "strong",
        Tone::Faint => "faint",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Unsure => "unsure",
    }
}

/// Text as text, also within an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No document may contain it, even as a reference.
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::{Cell, Page};

    #[test]
    fn a_page_becomes_sections_lists_and_tables() {
        let mut page = Page::of_blocks();
        page.heading("Load <1>");
        page.entry("sent", "3 actions");
        page.entry("", "and 1 post");
        page.marked(Tone::Bad, "INVALID", "it was \"late\"");
        let mut table = Table::new(vec!["<series", "ok"]);
        table.row(vec![Cell::from("GET /<script>"), Cell::from("12.5 %")]);
        page.table(&table);
        page.heading("Outcomes");
        page.paragraph(2, Tone::Faint, "none");
        let mut out = String::new();
        write(&mut out, &page.into_blocks());
        insta::assert_snapshot!(out);
    }

    #[test]
    fn a_share_has_a_bar_and_nothing_else_has() {
        assert_eq!([share("12.5 %"), share("<0.0001 %"), share("100 %")], [Some(12.5), Some(0.0001), Some(100.0)]);
        assert_eq!([share("0..1 %"), share("12 ms"), share("n/a"), share("250 %")], [None; 4]);
    }
}
