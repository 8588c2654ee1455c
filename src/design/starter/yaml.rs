//! Profile text: keys, values, and the comments above them.
//!
//! Owns indentation, and the width of comments. Refuses to know what a key means, and to quote: values come as YAML. Used by the sections
//! beside it.

/// Columns of a comment.
const WIDTH: usize = 118;
const INDENT: usize = 2;

/// A key with its value, and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    said: Option<String>,
    key: String,
    value: Value,
    apart: bool,
}

#[derive(Clone, Debug)]
enum Value {
    /// One line.
    Line(String),
    /// Keys below.
    Map(Vec<Entry>),
    /// A list of maps.
    List(Vec<Vec<Entry>>),
}

/// A key with a value of one line, which is YAML already.
pub(super) fn line(key: &str, value: impl Into<String>) -> Entry {
    entry(key, Value::Line(value.into()))
}

/// A key with keys below.
pub(super) fn map(key: &str, entries: impl Into<Vec<Entry>>) -> Entry {
    entry(key, Value::Map(entries.into()))
}

/// A key with a list of maps below.
pub(super) fn list(key: &str, items: Vec<Vec<Entry>>) -> Entry {
    entry(key, Value::List(items))
}

fn entry(key: &str, value: Value) -> Entry {
    Entry { said: None, key: key.to_owned(), value, apart: false }
}

impl Entry {
    /// The same, with a comment above it.
    pub(super) fn said(self, what: impl Into<String>) -> Self {
        Self { said: Some(what.into()), ..self }
    }

    /// The same, with an empty line before it.
    pub(super) fn apart(self) -> Self {
        Self { apart: true, ..self }
    }

    fn write(&self, indent: usize, out: &mut String) {
        if self.apart {
            out.push('\n');
        }
        if let Some(said) = &self.said {
            out.push_str(&comment(said, indent));
        }
        let pad = " ".repeat(indent);
        match &self.value {
            Value::Line(value) => out.extend([pad.as_str(), &self.key, ": ", value, "\n"]),
            Value::Map(entries) => {
                out.extend([pad.as_str(), &self.key, ":\n"]);
                for entry in entries {
                    entry.write(indent + INDENT, out);
                }
            }
            Value::List(items) => {
                out.extend([pad.as_str(), &self.key, ":\n"]);
                for item in items {
                    write_item(item, indent + INDENT, out);
                }
            }
        }
    }
}

/// An item of a list: its first key stands behind the dash, and what is said of it above the dash.
fn write_item(item: &[Entry], indent: usize, out: &mut String) {
    let mut text = String::new();
    for entry in item {
        entry.write(indent + INDENT, &mut text);
    }
    let pad = " ".repeat(indent);
    let mut dash = "- ";
    for line in text.lines() {
        if dash.is_empty() {
            out.push_str(line);
        } else if line.trim_start().starts_with('#') {
            out.extend([pad.as_str(), line.trim_start()]);
        } else {
            out.extend([pad.as_str(), dash, line.trim_start()]);
            dash = "";
        }
        out.push('\n');
    }
}

/// The entries as text, with an empty line before each.
pub(super) fn written(entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        entry.clone().apart().write(0, &mut out);
    }
    out.trim_start_matches('\n').to_owned()
}

/// A text as comment lines.
pub(super) fn comment(text: &str, indent: usize) -> String {
    let begin = format!("{}#", " ".repeat(indent));
    let mut out = String::new();
    let mut line = begin.clone();
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH && line != begin {
            out.push_str(&line);
            out.push('\n');
            line.clone_from(&begin);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stand_above_their_keys_and_the_first_key_of_an_item_behind_its_dash() {
        let item = vec![line("request", "GET /a").said("Who is asked."), map("with", [line("id", "1..9")])];
        let text = written(&[line("a", "1"), map("traffic", [list("mix", vec![item, vec![line("request", "GET /b")]])])]);
        let expected = "\
a: 1

traffic:
  mix:
    # Who is asked.
    - request: GET /a
      with:
        id: 1..9
    - request: GET /b
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_comment_is_wrapped_and_a_word_that_is_too_long_has_a_line_of_its_own() {
        let long = "x".repeat(200);
        let text = comment(&format!("{} {long} end", "word ".repeat(40)), 4);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| line.starts_with("    # ")), "{text}");
        assert!(lines.iter().all(|line| line.len() <= WIDTH || line.contains(&long)), "{text}");
        assert_eq!(text.split_whitespace().filter(|word| *word == "word").count(), 40);
    }
}
