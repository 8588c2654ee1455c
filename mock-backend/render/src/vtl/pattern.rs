//! Java's regular expressions, as far as the `regex` crate goes.
//!
//! Owns the translation, the bound on their size, and `replaceAll`, `replaceFirst`, `split` and `matches`. Refuses look-around,
//! back-references, possessive quantifiers and Unicode categories. Compiled by `expression` where the pattern stands in the
//! template, else by the methods of texts.

use regex::{Captures, Regex, RegexBuilder};

use super::error::Problem;
use super::heap::Heap;

/// Bytes of an expression as it is written: more than any is written by hand, few enough to translate at once.
const WRITTEN_MAX: usize = 10 * 1024;
/// Memory of a compiled expression.
const SIZE_MAX: usize = 256 * 1024;
/// Memory of the tables that its matching may build.
const TABLES_MAX: usize = 1024 * 1024;
/// Characters of a faulty expression that are told.
const SHOWN_MAX: usize = 200;
/// What compiling costs in steps: milliseconds at the worst.
pub(super) const COMPILING_STEPS: usize = 5_000;
/// An expression without a longest match can read on to the end of the text for each match; so many bytes are a step then.
const READ_ON_A_STEP: usize = 1_024;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    regex: Regex,
    whole: Regex,
    is_bounded: bool,
}

impl Pattern {
    pub(super) fn new(java: &str) -> Result<Self, Problem> {
        let shown: String = java.chars().take(SHOWN_MAX).collect();
        let wrong = |what: String| Problem::Pattern { pattern: shown.clone(), what };
        if java.len() > WRITTEN_MAX {
            return Err(wrong(format!("it has {} bytes, and {WRITTEN_MAX} are the most", java.len())));
        }
        let rust = translate(java).map_err(|what| wrong(what.to_owned()))?;
        let compile = |rust: &str| {
            let compiled = RegexBuilder::new(rust).size_limit(SIZE_MAX).dfa_size_limit(TABLES_MAX).nest_limit(50).build();
            // The crate draws the place in several lines; its last says what is wrong.
            compiled.map_err(|error| wrong(error.to_string().lines().last().unwrap_or_default().trim().to_owned()))
        };
        // What ends in its only repetition, as `\s+` does, reads one character more than it matches.
        let is_bounded = !java.strip_suffix(['*', '+']).unwrap_or(java).contains(['*', '+', '{']);
        Ok(Self { regex: compile(&rust)?, whole: compile(&format!(r"\A(?:{rust})\z"))?, is_bounded })
    }

    /// Whether all of the text matches.
    pub(super) fn matches(&self, text: &str, heap: &mut Heap<'_>) -> Result<bool, Problem> {
        heap.read(text.len())?;
        Ok(self.whole.is_match(text))
    }

    /// What one more match may cost.
    fn pay(&self, rest_bytes: usize, heap: &mut Heap<'_>) -> Result<(), Problem> {
        heap.step(1 + if self.is_bounded { 0 } else { rest_bytes / READ_ON_A_STEP })
    }

    /// The text with its first `count` matches replaced.
    pub(super) fn replace(&self, text: &str, by: &str, count: usize, heap: &mut Heap<'_>) -> Result<String, Problem> {
        heap.read(text.len())?;
        let mut made = String::new();
        let mut copied = 0;
        for found in self.regex.captures_iter(text).take(count) {
            let Some(whole) = found.get(0) else { break };
            self.pay(text.len() - whole.end(), heap)?;
            made.push_str(&text[copied..whole.start()]);
            expand(by, &found, &mut made)?;
            copied = whole.end();
            let bytes_max = heap.left();
            if made.len() > bytes_max {
                return Err(Problem::Memory { bytes_max: heap.limits.memory_bytes_max });
            }
        }
        made.push_str(&text[copied..]);
        Ok(made)
    }

    /// The parts between matches, as `String.split` gives them: without empty ones at the end, unless `limit` says otherwise.
    pub(super) fn split<'t>(&self, text: &'t str, limit: i128, heap: &mut Heap<'_>) -> Result<Vec<&'t str>, Problem> {
        heap.read(text.len())?;
        let parts_max = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let mut parts = Vec::new();
        let mut start = 0;
        for found in self.regex.find_iter(text) {
            self.pay(text.len() - found.end(), heap)?;
            if parts.len() + 1 >= parts_max {
                break;
            }
            // Nothing stands before a match of no length at the start, nor between the last character and the end.
            if found.is_empty() && (found.end() == 0 || found.start() == text.len()) {
                continue;
            }
            parts.push(&text[start..found.start()]);
            start = found.end();
        }
        if parts.is_empty() {
            return Ok(vec![text]);
        }
        parts.push(&text[start..]);
        while limit == 0 && parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        Ok(parts)
    }
}

/// Adds a replacement: `$1` and `${name}` are groups, a backslash takes the next character as it is.
fn expand(by: &str, found: &Captures<'_>, into: &mut String) -> Result<(), Problem> {
    let wrong = |what: &str| Problem::Method { method: "replaceAll", what: format!("in {by:?}, {what}") };
    let mut rest = by.chars();
    while let Some(next) = rest.next() {
        match next {
            '\\' => into.push(rest.next().ok_or_else(|| wrong("nothing stands after the last \\"))?),
            '$' => {
                let group = match rest.as_str().strip_prefix('{') {
                    Some(named) => {
                        let (name, after) = named.split_once('}').ok_or_else(|| wrong("${ is not closed"))?;
                        rest = after.chars();
                        let is_known = found.name(name);
                        is_known.map_or("", |group| group.as_str())
                    }
                    None => numbered(&mut rest, found).ok_or_else(|| wrong("$ is not followed by a group"))?,
                };
                into.push_str(group);
            }
            _ => into.push(next),
        }
    }
    Ok(())
}

/// The group of this number: as many digits as still name one.
fn numbered<'t>(rest: &mut std::str::Chars<'_>, found: &Captures<'t>) -> Option<&'t str> {
    let mut number = rest.next()?.to_digit(10)? as usize;
    if number >= found.len() {
        return None;
    }
    while let Some(digit) = rest.as_str().chars().next().and_then(|next| next.to_digit(10)) {
        let longer = number * 10 + digit as usize;
        if longer >= found.len() {
            break;
        }
        number = longer;
        rest.next();
    }
    Some(found.get(number).map_or("", |group| group.as_str()))
}

/// Java's syntax into that of the `regex` crate, where they differ and both have the thing.
fn translate(java: &str) -> Result<String, &'static str> {
    let mut rust = String::with_capacity(java.len());
    let mut characters = java.chars().peekable();
    let mut classes = 0_usize;
    while let Some(next) = characters.next() {
        match next {
            '\\' => escape(&mut characters, classes > 0, &mut rust)?,
            '[' => {
                classes += 1;
                rust.push('[');
            }
            ']' => {
                classes = classes.saturating_sub(1);
                rust.push(']');
            }
            // Two operators of the crate's classes that are characters to Java.
            '~' | '-' if classes > 0 && characters.peek() == Some(&next) => rust.extend(['\\', next]),
            '*' | '+' | '?' | '}' if classes == 0 => {
                rust.push(next);
                if characters.peek() == Some(&'+') {
                    return Err("possessive quantifiers are not supported");
                }
            }
            _ => rust.push(next),
        }
    }
    Ok(rust)
}

type Characters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

fn escape(characters: &mut Characters<'_>, in_class: bool, rust: &mut String) -> Result<(), &'static str> {
    let escaped = characters.next().ok_or("a pattern ends in a single backslash")?;
    let (opens, closes) = if in_class { ("", "") } else { ("[", "]") };
    match escaped {
        // Java's classes are ASCII; the crate's are not.
        'd' => rust.extend([opens, "0-9", closes]),
        'w' => rust.extend([opens, "0-9A-Za-z_", closes]),
        's' => rust.extend([opens, r" \t\n\x0B\f\r", closes]),
        'D' => rust.push_str("[^0-9]"),
        'W' => rust.push_str("[^0-9A-Za-z_]"),
        'S' => rust.push_str(r"[^ \t\n\x0B\f\r]"),
        'b' if !in_class => rust.push_str(r"(?-u:\b)"),
        'e' => rust.push_str(r"\x1B"),
        'u' => {
            let digits: String = characters.by_ref().take(4).collect();
            rust.extend([r"\u{", &digits, "}"]);
        }
        'p' => rust.push_str(posix(characters, opens, closes)?.as_str()),
        'Q' => {
            rust.push_str(&regex::escape(&quoted(characters)));
        }
        '1'..='9' | 'k' => return Err("back-references are not supported"),
        'h' | 'H' | 'v' | 'V' | 'R' | 'X' | 'G' | 'Z' | 'N' | 'P' | 'B' | 'c' | '0' => {
            return Err("this escape is not supported");
        }
        '<' | '>' => rust.push(escaped),
        _ => rust.extend(['\\', escaped]),
    }
    Ok(())
}

/// What stands between `\Q` and `\E`; without an `\E`, the rest.
fn quoted(characters: &mut Characters<'_>) -> String {
    let mut literal = String::new();
    while let Some(next) = characters.next() {
        if next == '\\' && characters.next_if_eq(&'E').is_some() {
            break;
        }
        literal.push(next);
    }
    literal
}

/// `\p{Alpha}` and its like, the ASCII classes of POSIX.
fn posix(characters: &mut Characters<'_>, opens: &str, closes: &str) -> Result<String, &'static str> {
    let name: String = characters.by_ref().take_while(|next| *next != '}').collect();
    let known =
        ["Lower", "Upper", "ASCII", "Alpha", "Digit", "Alnum", "Punct", "Graph", "Print", "Blank", "Cntrl", "XDigit", "Space"];
    let name = name.strip_prefix('{').filter(|name| known.contains(name)).ok_or("Unicode categories are not supported")?;
    Ok(format!("{opens}[:{}:]{closes}", name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    fn translated(java: &str) -> String {
        translate(java).unwrap()
    }

    #[test]
    fn a_quotation_ends_where_it_says_and_the_rest_is_a_pattern_again() {
        assert_eq!(translated(r"\Q.\E\d\Q*\E"), r"\.[0-9]\*");
        assert_eq!(translated(r"\Qa.b"), r"a\.b");
        assert_eq!(translated(r"\Q\d\E"), r"\\d");
        assert_eq!(translated(r"[\Q]\E\d]"), r"[\]0-9]");
    }

    #[test]
    fn any_number_of_quotations_is_one_pass() {
        assert_eq!(translated(&r"\Q\E".repeat(75_000)), "");
    }

    #[test]
    fn too_long_an_expression_is_refused_and_not_repeated() {
        for java in [r"\Q\E".repeat(75_000), "a".repeat(WRITTEN_MAX + 1)] {
            let mut told = String::new();
            write!(told, "{}", Pattern::new(&java).unwrap_err()).unwrap();
            assert!(told.len() < 1_000 && told.contains("are the most"), "{told}");
        }
        assert!(Pattern::new(&"a".repeat(1_000)).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_expression_is_too_much(
            parts in prop::collection::vec(
                prop::sample::select(vec![r"\Q", r"\E", "(", ")", "[", "]", "|", "*", "{9}", "a", r"\p{", r"\u", "&&", "~"]),
                0..400,
            ),
            times in 1_usize..40,
        ) {
            let _ = Pattern::new(&parts.concat().repeat(times));
        }

        #[test]
        fn what_is_quoted_matches_itself(text in "[^\\\\]{0,40}") {
            let pattern = Pattern::new(&format!(r"\Q{text}\E")).unwrap();
            prop_assert!(pattern.whole.is_match(&text));
        }
    }
}
