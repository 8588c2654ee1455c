//! What the request template of a mock integration says: an object with a `statusCode`.
//!
//! Owns how leniently that is read. Refuses to choose the integration response ([`mapping`](crate::mapping)). Called once for each
//! request to a mock integration with templates.
//!
//! The real gateway accepts what no JSON parser does: names without quotes and texts in single ones, as in `{statusCode: 200}`
//! (recorded; facts, section 13). What else it accepts is unknown; here also a comma before the closing bracket.

use serde_json::Value;

/// How deep objects may stand in each other.
const DEPTH_MAX: usize = 64;

/// The status that `text` says; `None` if it is no object with an integer `statusCode`.
pub(crate) fn status_code(text: &str) -> Option<u16> {
    let said = match serde_json::from_str::<Value>(text) {
        Ok(value) => value.get("statusCode")?.as_i64(),
        Err(_) => Lenient { rest: text }.whole_object(),
    };
    said.and_then(|status| u16::try_from(status).ok())
}

/// A reader of JSON that is not quite.
struct Lenient<'t> {
    rest: &'t str,
}

/// A value, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Integer(i64),
    Other,
}

impl<'t> Lenient<'t> {
    /// The status code of an object after which nothing follows.
    fn whole_object(mut self) -> Option<i64> {
        let status = self.object(0)?;
        self.skip_space();
        match status {
            Said::Integer(number) if self.rest.is_empty() => Some(number),
            Said::Integer(_) | Said::Other => None,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        self.rest.strip_prefix(wanted).map(|rest| self.rest = rest).is_some()
    }

    /// What the object that stands here says as its `statusCode`; `None` if no object stands here.
    fn object(&mut self, depth: usize) -> Option<Said> {
        if depth > DEPTH_MAX || !self.take('{') {
            return None;
        }
        let mut status = Said::Other;
        while !self.take('}') {
            let name = self.text().or_else(|| self.bare())?;
            if !self.take(':') {
                return None;
            }
            let said = self.value(depth)?;
            if name == "statusCode" {
                status = said;
            }
            self.between('}')?;
        }
        Some(status)
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX || !self.take('[') {
            return None;
        }
        while !self.take(']') {
            self.value(depth)?;
            self.between(']')?;
        }
        Some(())
    }

    /// A comma, or what closes the whole.
    fn between(&mut self, close: char) -> Option<()> {
        let more = self.take(',');
        (more || self.rest.starts_with(close)).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<Said> {
        self.skip_space();
        match self.rest.chars().next()? {
            '{' => self.object(depth + 1).map(|_| Said::Other),
            '[' => self.array(depth + 1).map(|()| Said::Other),
            '"' | '\'' => self.text().map(|_| Said::Other),
            _ => self.bare().map(|word| word.parse().map_or(Said::Other, Said::Integer)),
        }
    }

    /// A text in quotes of either kind, escapes left as they are.
    fn text(&mut self) -> Option<&'t str> {
        self.skip_space();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let inside = &self.rest[1..];
        let mut escaped = false;
        let end = inside.find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        self.rest = &inside[end + 1..];
        Some(&inside[..end])
    }

    /// A word, a number or a name without quotes.
    fn bare(&mut self) -> Option<&'t str> {
        self.skip_space();
        let holds = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | '$');
        let end = self.rest.find(|c| !holds(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word).filter(|word| !word.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_object_with_an_integer_status_code_is_understood_as_people_write_it() {
        for text in [
            r#"{"statusCode": 200}"#,
            "{statusCode: 200}",
            "{'statusCode': 200}",
            " {\n 'a': [1, {b: 'it\\'s'}], \"statusCode\" : 200,\n}\n",
            r#"{"statusCode": 200, body: {statusCode: 404}}"#,
        ] {
            assert_eq!(status_code(text), Some(200), "{text}");
        }
    }

    #[test]
    fn anything_else_is_a_misconfiguration() {
        for text in [
            "",
            "200",
            "{}",
            "[200]",
            "statusCode: 200",
            "{statusCode: 200",
            "{statusCode: 200} x",
            "{statusCode}",
            "{statusCode: '200'}",
            r#"{"statusCode": "200"}"#,
            "{statusCode: 200.5}",
            "{statusCode: 70000}",
            "{statusCode: 200 body: 1}",
            "{body: {statusCode: 200}}",
        ] {
            assert_eq!(status_code(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}:,'\"a1\\\\ \u{e4}]{0,40}|\\PC{0,30}") {
            let _ = status_code(&text);
        }

        #[test]
        fn what_json_says_is_said_leniently_too(status in 0_u16.., text in "[a-z ]{0,5}") {
            let object = serde_json::json!({ "a": [text, null, true], "statusCode": status });
            prop_assert_eq!(Lenient { rest: &object.to_string() }.whole_object(), Some(i64::from(status)));
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(status_code(&"{a:".repeat(100_000)), None);
        assert_eq!(status_code(&format!("{{a:{}", "[".repeat(100_000))), None);
    }
}
