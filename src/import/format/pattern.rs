//! Any `$variable` format string: nginx's `$remote_addr ...`, API Gateway's `$context.x`, Apache's `%h %l %u %t "%r" %>s %b %D`.
//!
//! Owns the compiling of such a string into texts and the variables between them, and the scan of a line for those texts.
//! Two variables without a text between them cannot be told apart and are an error when compiling. What each variable means
//! is in [`variables`](super::variables).

use std::borrow::Cow;

use memchr::memmem::Finder;

use super::super::fields::{Raw, Rules};
use super::super::parsed::{LineFormat, Parsed, Rejected};
use super::super::request_line::{closing_quote, unescape};
use super::super::stamp::{TimeFormat, Unit};
use super::variables::{self, Dialect, Meaning, Token};

/// A compiled format string.
#[derive(Debug)]
pub(in crate::import) struct Pattern {
    /// What a line begins with.
    head: Vec<u8>,
    pieces: Vec<Piece>,
    dialect: Dialect,
    rules: Rules,
}

/// A variable and the text after it.
#[derive(Debug)]
struct Piece {
    meaning: Meaning,
    /// Ends the value; empty: the value goes to the end of the line.
    after: Finder<'static>,
}

/// Why a format string cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing varies.
    #[error(
        "format \"{format}\" holds no variable; write e.g. '$remote_addr [$time_local] \"$request\" $status' or '%h %l %u %t \"%r\" %>s %b'"
    )]
    NoVariable {
        /// The string.
        format: String,
    },
    /// No telling where one value ends and the next begins.
    #[error(
        "format \"{format}\": nothing stands between {first} and {second}, so their values cannot be told apart; log a separator"
    )]
    Adjacent {
        /// The string.
        format: String,
        /// The variable before.
        first: String,
        /// The variable after it.
        second: String,
    },
    /// A directive of Apache that does not exist.
    #[error("format \"{format}\": {directive} is not a directive of Apache's LogFormat; a percent sign is written %%")]
    Unknown {
        /// The string.
        format: String,
        /// The directive.
        directive: String,
    },
}

impl Pattern {
    /// Compiles `format`; `rules` override what its variables imply.
    pub(in crate::import) fn compile(format: &str, overrides: &Overrides) -> Result<Self, PatternError> {
        let dialect = Dialect::of(format);
        let tokens = variables::tokens(format, dialect)?;
        let mut head = Vec::new();
        let mut pieces: Vec<(Meaning, Vec<u8>, String)> = Vec::new();
        for token in tokens {
            match (token, pieces.last_mut()) {
                (Token::Text(text), None) => head.extend(text),
                (Token::Text(text), Some((_, after, _))) => after.extend(text),
                (Token::Variable(_, second), Some((_, after, first))) if after.is_empty() => {
                    return Err(PatternError::Adjacent { format: format.to_owned(), first: first.clone(), second });
                }
                (Token::Variable(meaning, name), _) => pieces.push((meaning, Vec::new(), name)),
            }
        }
        if pieces.is_empty() {
            return Err(PatternError::NoVariable { format: format.to_owned() });
        }
        let time = pieces.iter().find_map(|(meaning, ..)| meaning.time.clone());
        let rules = Rules {
            stamp_is: dialect.stamp_is(),
            time: overrides.time.clone().or(time).unwrap_or_default(),
            latency_unit: overrides.latency_unit,
        };
        let pieces = pieces.into_iter().map(|(meaning, after, _)| Piece { meaning, after: Finder::new(&after).into_owned() });
        Ok(Self { head, pieces: pieces.collect(), dialect, rules })
    }

    /// Which of the parts without which no line becomes a call the string does not log.
    pub(in crate::import) fn lacks(&self) -> Option<&'static str> {
        variables::lacks(self.pieces.iter().filter_map(|piece| piece.meaning.binding.map(|binding| binding.field)))
    }
}

/// What the user says against what a format implies.
#[derive(Clone, Debug, Default)]
pub(in crate::import) struct Overrides {
    pub(in crate::import) time: Option<TimeFormat>,
    pub(in crate::import) latency_unit: Option<Unit>,
}

impl LineFormat for Pattern {
    fn parse<'a>(&self, line: &'a [u8]) -> Result<Parsed<'a>, Rejected> {
        let mut rest = line.strip_prefix(&self.head[..]).ok_or(Rejected::NoMatch)?;
        let mut raw = Raw::default();
        for piece in &self.pieces {
            let end = piece.end(rest).ok_or(Rejected::NoMatch)?;
            let (value, after) = rest.split_at(end);
            rest = &after[piece.after.needle().len()..];
            if let Some(binding) = piece.meaning.binding {
                // API Gateway escapes whatever stands around the variable; Apache and nginx only what is in quotes.
                let escaped = piece.is_quoted() || self.dialect == Dialect::Gateway;
                let value = if escaped { unescape(value) } else { Cow::Borrowed(value) };
                raw.put(binding, value);
            }
        }
        if !rest.trim_ascii().is_empty() {
            return Err(Rejected::MoreFollows);
        }
        raw.assemble(&self.rules)
    }
}

impl Piece {
    fn is_quoted(&self) -> bool {
        self.after.needle().first() == Some(&b'"')
    }

    /// Where the value at the beginning of `text` ends.
    fn end(&self, text: &[u8]) -> Option<usize> {
        if self.after.needle().is_empty() {
            return Some(text.len());
        }
        if !self.is_quoted() {
            return self.after.find(text);
        }
        // In quotes an escaped quote does not end the value; a quote that the rest of the text does not follow does not either.
        let mut from = 0;
        loop {
            let at = from + closing_quote(text.get(from..)?)?;
            if text[at..].starts_with(self.after.needle()) {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parsed::{Part, StampIs};
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::time::Span;

    fn compile(format: &str) -> Pattern {
        Pattern::compile(format, &Overrides::default()).unwrap()
    }

    #[test]
    fn an_nginx_format_is_read_with_its_latency_at_the_end() {
        let format = compile(
            r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt=$request_time"#,
        );
        let line = br#"192.0.2.1 - - [16/May/2017:00:00:00 +0000] "POST /a?b HTTP/2.0" 201 17 "-" "say \"hi\"" rt=0.120"#;
        let parsed = format.parse(line).unwrap();
        assert_eq!((&*parsed.method, &*parsed.target, parsed.status), ("POST", "/a?b", Some(201)));
        assert_eq!((parsed.stamp_is, parsed.latency), (StampIs::End, Some(Span::from_ms(120))));
        assert_eq!(format.parse(&line[..90]), Err(Rejected::NoMatch));
    }

    #[test]
    fn an_apache_format_is_read_with_its_microseconds() {
        let format = compile(r#"%h %l %u %t "%r" %>s %b %D"#);
        let line = br#"192.0.2.1 - - [16/May/2017:00:00:00 +0000] "GET /a\"b HTTP/1.1" 200 - 4021"#;
        let parsed = format.parse(line).unwrap();
        assert_eq!((&*parsed.target, parsed.bytes), ("/a%22b", None));
        assert_eq!((parsed.stamp_is, parsed.latency), (StampIs::Start, Some(Span::from_us(4_021))));
        let split = compile("%{%Y-%m-%d %H:%M:%S}t|%m|%U%q|%{ms}T");
        let parsed = split.parse(b"2017-05-16 00:00:01|GET|/a?x=1|7").unwrap();
        assert_eq!((&*parsed.target, parsed.latency), ("/a?x=1", Some(Span::from_ms(7))));
        assert_eq!(parsed.when.ns, 1_494_892_801_000_000_000);
    }

    #[test]
    fn an_api_gateway_format_is_read_and_its_time_is_the_start() {
        let format = compile(
            r#"{"t":"$context.requestTime","k":"$context.routeKey","s":$context.status,"l":$context.integrationLatency,"ip":"$context.identity.sourceIp"}"#,
        );
        let parsed =
            format.parse(br#"{"t":"16/May/2017:00:00:00 +0000","k":"GET /pets","s":200,"l":-,"ip":"192.0.2.1"}"#).unwrap();
        assert_eq!((&*parsed.method, &*parsed.target, parsed.latency), ("GET", "/pets", None));
        assert_eq!(parsed.stamp_is, StampIs::Start);
    }

    #[test]
    fn formats_that_cannot_work_are_refused_when_compiled() {
        let refuse = |format: &str| Pattern::compile(format, &Overrides::default()).unwrap_err();
        assert!(matches!(refuse("$status$body_bytes_sent"), PatternError::Adjacent { .. }));
        assert!(matches!(refuse("plain text"), PatternError::NoVariable { .. }));
        assert!(matches!(refuse("%h %y"), PatternError::Unknown { .. }));
        assert!(matches!(refuse("%h %{a"), PatternError::Unknown { .. }));
        assert_eq!(compile("$context.requestId").lacks(), Some("the time"));
        assert_eq!(compile("%h %l %u %t \"%r\"").lacks(), None);
        assert_eq!(compile("$context.requestId").parse(b"abc"), Err(Rejected::Missing(Part::Time)));
    }

    proptest! {
        #[test]
        fn no_format_and_no_line_panics(format in "[$%a-z{}>\" .:]{0,30}", line in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(pattern) = Pattern::compile(&format, &Overrides::default()) {
                let _ = pattern.parse(&line);
            }
        }
    }
}
