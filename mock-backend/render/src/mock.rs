//! What the request template of a mock integration says: an object with a `statusCode`.
//!
//! Owns how leniently that is read. Refuses to choose the integration response ([`mapping`](crate::mapping)). Called once for each
//! request to a mock integration with templates.
//!
//! The real gateway accepts what no JSON parser does: names and texts without quotes or in single ones, any number of commas, and
//! whatever follows the object (examples that were tried on the service stand in `LocalStack`'s `test_mock_integration.py`). They are
//! those of json-smart, the parser that comes with Jayway's `JsonPath`, in its permissive mode; so the rest is taken from there: a
//! name without quotes goes on until its colon, a text without quotes until the next comma or closing bracket. The status is any
//! integer, also one that no answer can carry.

/// How deep objects may stand in each other.
const DEPTH_MAX: usize = 64;

/// The status that `text` says; `None` if it is no object with an integer `statusCode`.
pub(crate) fn status_code(text: &str) -> Option<i64> {
    match (Lenient { rest: text }).object(0)? {
        Said::Integer(status) => Some(status),
        Said::Other => None,
    }
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
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// The next character that is no space.
    fn next(&mut self) -> Option<char> {
        self.skip_space();
        self.rest.chars().next()
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
        loop {
            let name = match self.next()? {
                '}' => break,
                ',' => {
                    self.take(',');
                    continue;
                }
                ':' | ']' | '[' | '{' => return None,
                '"' | '\'' => self.quoted()?,
                _ => self.bare(&[':']),
            };
            if !self.take(':') {
                return None;
            }
            let said = self.value(&[',', '}'], depth)?;
            if name == "statusCode" {
                status = said;
            }
            if !matches!(self.next()?, ',' | '}') {
                return None;
            }
        }
        self.take('}');
        Some(status)
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX || !self.take('[') {
            return None;
        }
        loop {
            match self.next()? {
                ']' => break,
                ',' => _ = self.take(','),
                _ => {
                    self.value(&[',', ']'], depth)?;
                    if !matches!(self.next()?, ',' | ']') {
                        return None;
                    }
                }
            }
        }
        self.take(']');
        Some(())
    }

    /// A value; one without quotes ends before one of `stops`.
    fn value(&mut self, stops: &[char], depth: usize) -> Option<Said> {
        match self.next()? {
            ':' | '}' | ']' => None,
            '{' => self.object(depth + 1).map(|_| Said::Other),
            '[' => self.array(depth + 1).map(|()| Said::Other),
            '"' | '\'' => self.quoted().map(|_| Said::Other),
            // A plus sign makes a text, as JSON has none.
            '+' => Some(self.bare(stops)).map(|_| Said::Other),
            _ => Some(self.bare(stops).parse().map_or(Said::Other, Said::Integer)),
        }
    }

    /// A text in quotes of either kind, escapes left as they are.
    fn quoted(&mut self) -> Option<&'t str> {
        let quote = self.next()?;
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

    /// A text without quotes, up to one of `stops`.
    fn bare(&mut self, stops: &[char]) -> &'t str {
        let end = self.rest.find(stops).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text.trim()
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
            "{,, statusCode: 200,, }",
            "{statusCode: 200, an{ odd} name: [one two, 3,,]}",
            "{statusCode: 200, it's: nothing}",
            "{statusCode: 200} and more",
            "{statusCode: 404, statusCode: 200, nothing: null}",
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
            "{statusCode}",
            "{'statusCode\": 200}",
            "{statusCode: 200, {}: 1}",
            "{statusCode: 200, a: {} b: 1}",
            "{statusCode: +200}",
            "{statusCode: '200'}",
            r#"{"statusCode": "200"}"#,
            "{statusCode: 200.5}",
            "{statusCode: 200 body: 1}",
            "{body: {statusCode: 200}}",
        ] {
            assert_eq!(status_code(text), None, "{text}");
        }
    }

    #[test]
    fn any_integer_is_a_status_to_choose_by() {
        for status in [0, -1000, 99, 70_000, i64::MAX] {
            assert_eq!(status_code(&format!("{{statusCode: {status} }}")), Some(status));
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
            prop_assert_eq!(status_code(&object.to_string()), Some(i64::from(status)));
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(status_code(&"{a:".repeat(100_000)), None);
        assert_eq!(status_code(&format!("{{a:{}", "[".repeat(100_000))), None);
    }
}
