//! How a value is written within a line.
//!
//! Owns the escapes: those of a JSON string, whatever the format around it, so that a line stays a line and a quoted value stays
//! quoted whatever a client sends. Refuses layout (`format`). How the real gateway escapes is not documented.

use std::io::Write;

/// Appends `text`; nothing is `-` (developer guide, "Variables for access logging").
pub(super) fn value(text: Option<&str>, out: &mut Vec<u8>) {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => escaped(text, out),
        None => out.push(b'-'),
    }
}

/// Appends `text` in quotes, which belong to the variable and are not escaped.
pub(super) fn quoted(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => {
            out.push(b'"');
            escaped(text, out);
            out.push(b'"');
        }
        None => out.push(b'-'),
    }
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return out.extend_from_slice(text.as_bytes());
    }
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            // Writing to a Vec cannot fail.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_stays_on_its_line_and_within_its_quotes(text in any::<String>()) {
            let mut line = Vec::new();
            quoted(Some(&text), &mut line);
            prop_assert!(!line.iter().any(u8::is_ascii_control));
            prop_assert_eq!(serde_json::from_slice::<String>(&line).expect("a JSON string"), text);
        }
    }

    #[test]
    fn nothing_is_a_dash() {
        let mut out = Vec::new();
        value(None, &mut out);
        value(Some(""), &mut out);
        quoted(None, &mut out);
        assert_eq!(out, b"---");
    }
}
