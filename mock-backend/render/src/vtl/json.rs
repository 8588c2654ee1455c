//! JSON into values.
//!
//! Owns the parser (RFC 8259, of texts that are already UTF-8) and its bounds; whole numbers keep all their digits. Refuses
//! leniency. Called for the body, for `$util.parseJson` and by tests.

use super::error::Problem;
use super::heap::{DEPTH_MAX, Heap, ListKind};
use super::value::{Text, Value};

/// Parses a text that lives as long as the rendering: texts without escapes stay parts of it.
pub(super) fn parse<'v>(text: &'v str, heap: &mut Heap<'v>) -> Result<Value<'v>, Problem> {
    let mut parser = Parser { text, at: 0, depth: 0, keep: as_part, heap };
    parser.document()
}

/// Parses a text that does not live as long as the rendering.
pub(super) fn parse_copied<'v>(text: &str, heap: &mut Heap<'v>) -> Result<Value<'v>, Problem> {
    let mut parser = Parser { text, at: 0, depth: 0, keep: as_copy, heap };
    parser.document()
}

#[expect(clippy::unnecessary_wraps, reason = "one of two ways to keep a part; the other can run out of memory")]
fn as_part<'v>(part: &'v str, _: &mut Heap<'v>) -> Result<Text<'v>, Problem> {
    Ok(Text::Part(part))
}

fn as_copy<'v>(part: &str, heap: &mut Heap<'v>) -> Result<Text<'v>, Problem> {
    heap.made(part)
}

struct Parser<'t, 'h, 'v, Keep> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// Makes a text of the rendering out of a part of this one.
    keep: Keep,
    heap: &'h mut Heap<'v>,
}

impl<'t, 'v, Keep: Fn(&'t str, &mut Heap<'v>) -> Result<Text<'v>, Problem>> Parser<'t, '_, 'v, Keep> {
    fn document(&mut self) -> Result<Value<'v>, Problem> {
        let value = self.value()?;
        self.space();
        if self.at < self.text.len() { self.wrong("more after the value") } else { Ok(value) }
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, Problem> {
        Err(Problem::Json { at: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn value(&mut self) -> Result<Value<'v>, Problem> {
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => self.wrong("expected a value"),
            None => self.wrong("ends where a value should be"),
        }
    }

    fn word(&mut self, word: &str, value: Value<'v>) -> Result<Value<'v>, Problem> {
        if !self.text[self.at..].starts_with(word) {
            return self.wrong("expected true, false or null");
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<Value<'v>, Problem>) -> Result<Value<'v>, Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Problem::Depth { depth_max: DEPTH_MAX });
        }
        self.at += 1;
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value<'v>, Problem> {
        let list = self.heap.list_id(ListKind::Json, Vec::new())?;
        if self.take(b']') {
            return Ok(Value::List(list));
        }
        loop {
            let item = self.value()?;
            self.heap.push(list, item)?;
            if self.take(b']') {
                return Ok(Value::List(list));
            }
            if !self.take(b',') {
                return self.wrong("expected a comma or the end of the array");
            }
        }
    }

    fn object(&mut self) -> Result<Value<'v>, Problem> {
        let map = self.heap.map_id()?;
        if self.take(b'}') {
            return Ok(Value::Map(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.wrong("expected a name in quotes");
            }
            let key = self.string()?;
            if !self.take(b':') {
                return self.wrong("expected a colon after the name");
            }
            let value = self.value()?;
            self.heap.put(map, key, value)?;
            if self.take(b'}') {
                return Ok(Value::Map(map));
            }
            if !self.take(b',') {
                return self.wrong("expected a comma or the end of the object");
            }
        }
    }

    fn string(&mut self) -> Result<Text<'v>, Problem> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return (self.keep)(&self.text[start..self.at - 1], self.heap);
                }
                Some(b'\\') => return self.escaped(start),
                Some(0..=0x1f) => return self.wrong("a control character in a text"),
                Some(_) => self.at += 1,
                None => return self.wrong("a text that does not end"),
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Result<Text<'v>, Problem> {
        let mut made = self.text[start..self.at].to_owned();
        let mut plain = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    made.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    return self.heap.made(made);
                }
                Some(b'\\') => {
                    made.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    made.push(self.escape()?);
                    plain = self.at;
                }
                Some(0..=0x1f) => return self.wrong("a control character in a text"),
                Some(_) => self.at += 1,
                None => return self.wrong("a text that does not end"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let escape = self.peek();
        self.at += 1;
        Ok(match escape {
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'u') => {
                let first = self.hex()?;
                let second = (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u");
                if second {
                    self.at += 2;
                }
                let units = [first, if second { self.hex()? } else { 0 }];
                let taken = &units[..=usize::from(second)];
                char::decode_utf16(taken.iter().copied()).next().and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return self.wrong("not an escape"),
        })
    }

    fn hex(&mut self) -> Result<u16, Problem> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) else {
            return self.wrong("expected four hexadecimal digits");
        };
        self.at += 4;
        Ok(unit)
    }

    fn digits(&mut self) -> Result<(), Problem> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.wrong("expected a digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value<'v>, Problem> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading = self.at;
        self.digits()?;
        if self.at > leading + 1 && self.text.as_bytes()[leading] == b'0' {
            return self.wrong("a number that starts with 0");
        }
        let mut is_whole = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            is_whole = false;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            is_whole = false;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let spelled = &self.text[start..self.at];
        // Beyond 128 bits a number is a double, as a fraction is.
        match spelled.parse().ok().filter(|_| is_whole) {
            Some(whole) => Ok(Value::Int(whole)),
            None => spelled.parse().map(Value::Double).or_else(|_| self.wrong("not a number")),
        }
    }
}
