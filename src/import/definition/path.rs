//! Paths of a definition as the routes of a profile.
//!
//! Owns which paths can be routes, and which two catch the same requests. Refuses to match a request (the policy does). Called
//! by `openapi`.

use std::collections::BTreeSet;

use super::Api;
use super::document::Node;
use super::error::quoted;
use super::notes::Notes;

/// Longest path that becomes a route; longer ones exceed every limit on URLs.
const BYTES_MAX: usize = 4_096;

/// A path that can be a route.
pub(super) struct Path(String);

impl Path {
    /// Reads a path; a note says why one can be no route.
    pub(super) fn read(text: &str, api: Api, item: &Node, notes: &mut Notes) -> Option<Self> {
        if text == "$default" || text == "/$default" {
            if api == Api::Rest {
                notes.left_out(item, text, "a REST API has no route $default");
            }
            return (api == Api::Http).then(|| Self("$default".to_owned()));
        }
        let path = match text.strip_suffix('/') {
            Some(shorter) if !shorter.is_empty() => {
                notes.assumed(item, text, "the path without the slash at its end: the service knows no empty segment");
                shorter
            }
            _ => text,
        };
        match fault(path) {
            Some(fault) => {
                notes.left_out(item, text, format!("this path can be no route: {fault}"));
                None
            }
            None => Some(Self(path.to_owned())),
        }
    }

    /// The key of the route with this method.
    pub(super) fn key(&self, method: &str) -> String {
        if self.0 == "$default" { self.0.clone() } else { format!("{method} {}", self.0) }
    }
}

/// A route key without the names of its variables: two routes of one shape catch the same requests.
pub(super) fn shape(key: &str) -> String {
    let segment = |text: &str| match (text.starts_with('{'), text.ends_with("+}")) {
        (true, true) => "{+}".to_owned(),
        (true, false) => "{}".to_owned(),
        (false, _) => text.to_owned(),
    };
    key.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Why a path is none; as the policy has it for the patterns of routes.
fn fault(path: &str) -> Option<String> {
    let Some(below) = path.strip_prefix('/') else { return Some("it does not begin with /".to_owned()) };
    if path.len() > BYTES_MAX {
        return Some(format!("it is longer than {BYTES_MAX} bytes"));
    }
    if let Some(odd) = below.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '|' | '\\')) {
        return Some(format!("{odd:?} cannot stand in it"));
    }
    let segments: Vec<&str> = below.split('/').filter(|_| !below.is_empty()).collect();
    let mut names = BTreeSet::new();
    segments.iter().enumerate().find_map(|(at, segment)| segment_fault(segment, at + 1 == segments.len(), &mut names))
}

fn segment_fault<'p>(segment: &'p str, is_last: bool, names: &mut BTreeSet<&'p str>) -> Option<String> {
    if segment.is_empty() {
        return Some("it has an empty segment".to_owned());
    }
    let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return segment
            .contains(['{', '}'])
            .then(|| format!("in {} the braces do not enclose the whole segment", quoted(segment)));
    };
    let (name, greedy) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':'));
    if !is_name {
        return Some(format!("{} is no name of a variable", quoted(name)));
    }
    if greedy && !is_last {
        return Some(format!("{{{name}+}} takes all the rest and must stand last"));
    }
    (!names.insert(name)).then(|| format!("{{{name}}} stands in it twice"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, api: Api) -> Option<String> {
        Path::read(text, api, &Node::empty(0), &mut Notes::default()).map(|path| path.key("GET"))
    }

    #[test]
    fn paths_become_routes() {
        for (text, key) in [("/", "GET /"), ("/a/{b}/", "GET /a/{b}"), ("/{proxy+}", "GET /{proxy+}"), ("/a.b:c", "GET /a.b:c")] {
            assert_eq!(read(text, Api::Rest).as_deref(), Some(key));
        }
        assert_eq!(read("/$default", Api::Http).as_deref(), Some("$default"));
    }

    #[test]
    fn what_can_be_no_route_is_left_out() {
        for text in ["", "a", "/a//b", "/a b", "/a{b}", "/{a+}/b", "/{a}/{a}", "/{}", "/x?y", "$default"] {
            assert_eq!(read(text, Api::Rest), None, "{text}");
        }
    }

    #[test]
    fn the_names_of_variables_make_no_difference() {
        assert_eq!(shape("GET /a/{x}/b"), shape("GET /a/{y}/b"));
        assert_ne!(shape("GET /a/{x+}"), shape("GET /a/{x}"));
    }
}
