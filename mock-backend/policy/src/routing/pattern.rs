//! Path patterns of routes: what is one, and which two mean the same.

use std::collections::BTreeSet;

use super::DEFAULT;
use crate::model::Route;

/// One segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'p> {
    /// As it stands.
    Named(&'p str),
    /// `{name}`: any one segment.
    Variable(&'p str),
    /// `{name+}`: all the rest.
    Greedy(&'p str),
}

/// Why a text is not a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{pattern}\" is not a path pattern: {why}; write e.g. \"/orders/{{id}}\", \"/files/{{proxy+}}\" or \"$default\"")]
pub struct PatternError {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    pub why: PatternFault,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// It does not begin with `/`.
    #[error("it does not begin with /")]
    NoSlash,
    /// Two slashes in a row, or one at the end.
    #[error("it has an empty segment")]
    EmptySegment,
    /// A character that no path holds.
    #[error("{0:?} cannot stand in a path (percent-encode it)")]
    Character(char),
    /// Braces around a part of a segment, or not in pairs.
    #[error("in \"{0}\" the braces do not enclose the whole segment")]
    Braces(String),
    /// A name with other than letters, digits and `. _ - :`.
    #[error("\"{0}\" is not a name of letters, digits and . _ - :")]
    Name(String),
    /// Something follows a greedy variable.
    #[error("{{{0}+}} takes all the rest of the path and must stand last")]
    GreedyInside(String),
    /// A name is used twice.
    #[error("{{{0}}} stands in it twice")]
    Repeated(String),
}

/// Checks a route's path pattern: `$default`, or `/` and segments, each a text, `{name}`, or last of all `{name+}`.
pub fn check_pattern(pattern: &str) -> Result<(), PatternError> {
    if pattern == DEFAULT {
        return Ok(());
    }
    fault(pattern).map_or(Ok(()), |why| Err(PatternError { pattern: pattern.to_owned(), why }))
}

/// Whether two routes catch the same requests: the same method and the same path but for the names of its variables.
pub fn conflicts(one: &Route, other: &Route) -> bool {
    if one.path == DEFAULT || other.path == DEFAULT {
        return one.path == other.path;
    }
    let shapes = segments(&one.path).map(shape).eq(segments(&other.path).map(shape));
    shapes && one.method == other.method
}

/// The segments of a proven pattern; none for `/`.
pub(super) fn segments(pattern: &str) -> impl Iterator<Item = Segment<'_>> {
    pattern.split('/').filter(|text| !text.is_empty()).map(|text| {
        let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return Segment::Named(text) };
        name.strip_suffix('+').map_or(Segment::Variable(name), Segment::Greedy)
    })
}

fn shape(segment: Segment<'_>) -> Segment<'_> {
    match segment {
        Segment::Named(_) => segment,
        Segment::Variable(_) => Segment::Variable(""),
        Segment::Greedy(_) => Segment::Greedy(""),
    }
}

fn fault(pattern: &str) -> Option<PatternFault> {
    let Some(path) = pattern.strip_prefix('/') else { return Some(PatternFault::NoSlash) };
    if let Some(odd) = path.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '|' | '\\')) {
        return Some(PatternFault::Character(odd));
    }
    if !path.is_empty() && path.split('/').any(str::is_empty) {
        return Some(PatternFault::EmptySegment);
    }
    let mut names = BTreeSet::new();
    let last = segments(path).count().saturating_sub(1);
    segments(path).enumerate().find_map(|(at, segment)| match segment {
        Segment::Named(text) => text.contains(['{', '}']).then(|| PatternFault::Braces(text.to_owned())),
        Segment::Greedy(name) if at < last => Some(PatternFault::GreedyInside(name.to_owned())),
        Segment::Variable(name) | Segment::Greedy(name) => name_fault(name, names.insert(name)),
    })
}

fn name_fault(name: &str, is_new: bool) -> Option<PatternFault> {
    let holds = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    if name.is_empty() || !name.chars().all(holds) {
        return Some(PatternFault::Name(name.to_owned()));
    }
    (!is_new).then(|| PatternFault::Repeated(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeploymentId, Integration};
    use proptest::prelude::*;

    fn route(method: Option<&str>, path: &str) -> Route {
        Route::new(DeploymentId(0), method, path, Integration::fixed(200, ""))
    }

    #[test]
    fn patterns_as_people_write_them_pass() {
        for pattern in
            ["/", "$default", "/orders", "/orders/{id}", "/a/{x}/b/{y-2}", "/{proxy+}", "/v1.0/~me/{p.q+}", "/a%20b", "/a:b"]
        {
            assert_eq!(check_pattern(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        for (pattern, why) in [
            ("", PatternFault::NoSlash),
            ("orders", PatternFault::NoSlash),
            ("/a//b", PatternFault::EmptySegment),
            ("/a/", PatternFault::EmptySegment),
            ("/a b", PatternFault::Character(' ')),
            ("/a?x=1", PatternFault::Character('?')),
            ("/a{x}", PatternFault::Braces("a{x}".to_owned())),
            ("/{x", PatternFault::Braces("{x".to_owned())),
            ("/{}", PatternFault::Name(String::new())),
            ("/{+}", PatternFault::Name(String::new())),
            ("/{a{b}}", PatternFault::Name("a{b}".to_owned())),
            ("/{p+}/b", PatternFault::GreedyInside("p".to_owned())),
            ("/{x}/{x}", PatternFault::Repeated("x".to_owned())),
        ] {
            assert_eq!(check_pattern(pattern).unwrap_err().why, why, "{pattern}");
        }
        assert_eq!(
            check_pattern("/{p+}/b").unwrap_err().to_string(),
            "\"/{p+}/b\" is not a path pattern: {p+} takes all the rest of the path and must stand last; \
             write e.g. \"/orders/{id}\", \"/files/{proxy+}\" or \"$default\""
        );
    }

    #[test]
    fn routes_conflict_if_only_the_names_of_variables_differ() {
        let get = Some("GET");
        assert!(conflicts(&route(get, "/a/{x}"), &route(get, "/a/{y}")));
        assert!(conflicts(&route(None, "/{x+}"), &route(None, "/{proxy+}")));
        assert!(conflicts(&route(None, "$default"), &route(get, "$default")));
        assert!(!conflicts(&route(get, "/a/{x}"), &route(None, "/a/{x}")));
        assert!(!conflicts(&route(get, "/a/{x}"), &route(get, "/a/{x+}")));
        assert!(!conflicts(&route(get, "/a/x"), &route(get, "/a/{x}")));
        assert!(!conflicts(&route(get, "/a"), &route(get, "/a/{x}")));
    }

    proptest! {
        #[test]
        fn no_pattern_panics(pattern in "[/{}+$a. ]{0,12}|\\PC{0,12}") {
            let _ = check_pattern(&pattern);
            prop_assert!(conflicts(&route(None, &pattern), &route(None, &pattern)));
        }
    }
}
