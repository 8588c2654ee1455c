//! One line of comma-separated values, as RFC 4180 writes it.
//!
//! Owns quotes. Refuses values that span lines: whoever reads knows lines. Used by the file of samples, and by readers of exported logs.

use std::borrow::Cow;

/// The values of a line; `None` if its quotes do not match.
pub fn split(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut values = Vec::new();
    let mut rest = line;
    loop {
        let (value, after) = if let Some(inside) = rest.strip_prefix('"') { quoted(inside)? } else { plain(rest) };
        values.push(value);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(values),
            None => return None,
        }
    }
}

/// Appends a value, in quotes where it needs them.
pub fn push(value: &str, out: &mut Vec<u8>) {
    if !value.contains([',', '"', '\n', '\r']) {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

fn plain(rest: &str) -> (Cow<'_, str>, &str) {
    let end = rest.find(',').unwrap_or(rest.len());
    (Cow::Borrowed(&rest[..end]), &rest[end..])
}

/// A value whose first quote has been read, and what follows its last.
fn quoted(inside: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let end = from + inside[from..].find('"')?;
        if !inside[end + 1..].starts_with('"') {
            let value = &inside[..end];
            let value = if value.contains('"') { Cow::Owned(value.replace("\"\"", "\"")) } else { Cow::Borrowed(value) };
            return Some((value, &inside[end + 1..]));
        }
        from = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in proptest::collection::vec("[a,\"b ]{0,6}", 1..5)) {
            let mut line = Vec::new();
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    line.push(b',');
                }
                push(value, &mut line);
            }
            let line = String::from_utf8(line).unwrap();
            prop_assert_eq!(split(&line), Some(values.into_iter().map(Cow::Owned).collect()));
        }

        #[test]
        fn no_text_panics(text in "[a,\"\u{e4}]{0,12}") {
            let _ = split(&text);
        }
    }

    #[test]
    fn quotes_that_do_not_match_are_no_line() {
        assert_eq!(split("a,\"b"), None);
        assert_eq!(split("\"a\"b,c"), None);
        assert_eq!(split(""), Some(vec![Cow::Borrowed("")]));
    }
}
