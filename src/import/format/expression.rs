//! A regular expression of the user, with named groups: `method`, `path`, `query`, `status`, `time`, `latency`, `bytes`, ...
//!
//! Owns the check that its groups suffice. The crate `regex` runs in time linear in the line, so no expression can hang.

use std::borrow::Cow;

use regex::bytes::{Regex, RegexBuilder};

use super::super::fields::{Binding, Field, ParseFieldError, Raw, Rules};
use super::super::parsed::{LineFormat, Parsed, Rejected};
use super::super::stamp::Unit;
use super::variables;

/// A compiled expression.
#[derive(Debug)]
pub(in crate::import) struct Expression {
    regex: Regex,
    groups: Vec<(usize, Binding)>,
    rules: Rules,
}

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExpressionError {
    /// Not a regular expression.
    #[error("the regular expression cannot be compiled")]
    Syntax(#[source] regex::Error),
    /// A named group is no field.
    #[error("the regular expression has a named group that means nothing")]
    Group(#[source] ParseFieldError),
    /// A group is missing.
    #[error(
        "the regular expression has no named group for {0}; write e.g. (?<time>...), (?<method>...), (?<path>...) or (?<request>...)"
    )]
    Lacks(&'static str),
}

impl Expression {
    /// Compiles the expression. Latencies without a unit from the user are in seconds.
    pub(in crate::import) fn compile(text: &str, rules: Rules) -> Result<Self, ExpressionError> {
        let regex = RegexBuilder::new(text).unicode(false).size_limit(4 << 20).build().map_err(ExpressionError::Syntax)?;
        let mut groups = Vec::new();
        for (at, name) in regex.capture_names().enumerate() {
            if let Some(name) = name {
                let field: Field = name.parse().map_err(ExpressionError::Group)?;
                groups.push((at, Binding { field, rank: 0, unit: Unit::Seconds }));
            }
        }
        match variables::lacks(groups.iter().map(|(_, binding)| binding.field)) {
            Some(part) => Err(ExpressionError::Lacks(part)),
            None => Ok(Self { regex, groups, rules }),
        }
    }
}

impl LineFormat for Expression {
    fn parse<'a>(&self, line: &'a [u8]) -> Result<Parsed<'a>, Rejected> {
        let found = self.regex.captures(line).ok_or(Rejected::NoMatch)?;
        let mut raw = Raw::default();
        for (at, binding) in &self.groups {
            if let Some(value) = found.get(*at) {
                raw.put(*binding, Cow::Borrowed(value.as_bytes()));
            }
        }
        raw.assemble(&self.rules)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parsed::StampIs;
    use super::super::super::stamp::TimeFormat;
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::time::Span;

    fn rules() -> Rules {
        Rules { stamp_is: StampIs::End, time: TimeFormat::Auto, latency_unit: None }
    }

    const TEXT: &str = r"^(?<time>\S+ \S+) (?<method>\w+) (?<path>[^ ?]+)(?:\?(?<query>\S*))? (?<status>\d+) (?<latency>\S+)";

    #[test]
    fn named_groups_make_a_call() {
        let format = Expression::compile(TEXT, rules()).unwrap();
        let parsed = format.parse(b"2017-05-16 00:00:00.008 GET /a?b=1 200 0.25").unwrap();
        assert_eq!((&*parsed.method, &*parsed.target, parsed.status), ("GET", "/a?b=1", Some(200)));
        assert_eq!((parsed.latency, parsed.stamp_is), (Some(Span::from_ms(250)), StampIs::End));
        assert_eq!(format.parse(b"else"), Err(Rejected::NoMatch));
    }

    #[test]
    fn an_expression_that_cannot_work_is_refused() {
        let refuse = |text: &str| Expression::compile(text, rules()).unwrap_err();
        assert!(matches!(refuse("("), ExpressionError::Syntax(_)));
        assert!(matches!(refuse("(?<verb>x)"), ExpressionError::Group(_)));
        assert_eq!(refuse("(?<path>x)"), ExpressionError::Lacks("the time"));
        assert_eq!(refuse("(?<time>x)(?<path>x)"), ExpressionError::Lacks("the method"));
        assert!(matches!(refuse(r"(?<time>\w{9999}){9999}(?<request>x)"), ExpressionError::Syntax(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Expression::compile(TEXT, rules()).unwrap().parse(&line);
        }
    }
}
