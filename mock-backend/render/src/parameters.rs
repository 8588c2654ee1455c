//! The parameters of a request: of its path, its query and its headers.
//!
//! Owns how each is found and decoded. Refuses to say which must be there ([`validate`](crate::validate)). Asked by templates,
//! validators, parameter mappings and the cache key; nothing is taken apart before somebody asks.
//!
//! As recorded of REST APIs: names are compared with their spelling, the last value of several counts, names and values of the
//! query are percent-decoded, the path is not; a semicolon separates like `&` (developer guide, "Known issues", 2026). An HTTP
//! API's header names are lower case, and several values are joined by commas (facts, section 5.3).

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use sluicegate_policy::model::{ApiKind, ParameterRule, Source};
use sluicegate_policy::routing;

use crate::request::Head;
use crate::vtl::{ParamKind, Params};

/// The parameters of one request to one route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a> {
    pub(crate) kind: ApiKind,
    pub(crate) head: &'a Head,
    /// The route's path pattern; empty without a route.
    pub(crate) pattern: &'a str,
    /// The path below the stage.
    pub(crate) path: &'a str,
}

impl Parameters<'_> {
    /// The value of the parameter that a rule names.
    pub(crate) fn by_rule(&self, rule: &ParameterRule) -> Option<Cow<'_, str>> {
        let kind = match rule.source {
            Source::Header => ParamKind::Header,
            Source::Path => ParamKind::Path,
            Source::Query => ParamKind::Query,
        };
        self.value(kind, &rule.name)
    }

    /// All values of a parameter, in their order.
    pub(crate) fn every(&self, kind: ParamKind, name: &str) -> Vec<Cow<'_, str>> {
        let mut every = Vec::new();
        self.each(kind, name, |value| every.push(value));
        every
    }

    /// What counts of the values of a parameter.
    fn value(&self, kind: ParamKind, name: &str) -> Option<Cow<'_, str>> {
        match self.kind {
            ApiKind::Rest | ApiKind::WebSocket => {
                let mut last = None;
                self.each(kind, name, |value| last = Some(value));
                last
            }
            ApiKind::Http => {
                let values = self.every(kind, name);
                if values.len() > 1 { Some(values.join(",").into()) } else { values.into_iter().next() }
            }
        }
    }

    fn each<'s>(&'s self, kind: ParamKind, name: &str, mut visit: impl FnMut(Cow<'s, str>)) {
        match kind {
            ParamKind::Path => {
                self.path_parameters().filter(|(given, _)| *given == name).for_each(|(_, value)| visit(value.into()));
            }
            ParamKind::Query => self.query().filter(|(given, _)| given == name).for_each(|(_, value)| visit(value)),
            ParamKind::Header => {
                let named = self.headers().filter(|(given, _)| self.same_header(given, name));
                named.for_each(|(_, value)| visit(String::from_utf8_lossy(value)));
            }
        }
    }

    fn same_header(&self, given: &str, name: &str) -> bool {
        match self.kind {
            ApiKind::Rest | ApiKind::WebSocket => given == name,
            ApiKind::Http => given.eq_ignore_ascii_case(name),
        }
    }

    /// The headers that are parameters. A REST API's gateway takes some for itself, so that nobody behind the door sees them.
    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.head.headers().filter(|(name, _)| self.kind == ApiKind::Http || !is_taken(name))
    }

    /// The parameters of the path, not decoded.
    pub(crate) fn path_parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        routing::parameters(self.kind, self.pattern, self.path).into_iter()
    }

    /// The parameters of the query in their order, decoded.
    pub(crate) fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let splits = |c: char| c == '&' || (c == ';' && self.kind == ApiKind::Rest);
        let pairs = self.head.query().unwrap_or("").split(splits).filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
    }
}

impl Params for Parameters<'_> {
    fn get(&self, kind: ParamKind, name: &str) -> Option<String> {
        self.value(kind, name).map(Cow::into_owned)
    }

    fn all(&self, kind: ParamKind) -> Vec<(String, String)> {
        let mut all = Gathered { of: self.kind, places: BTreeMap::new(), all: Vec::new() };
        match kind {
            ParamKind::Path => self.path_parameters().for_each(|(name, value)| all.add(name.into(), value.into())),
            ParamKind::Query => self.query().for_each(|(name, value)| all.add(name, value)),
            ParamKind::Header => {
                self.headers().for_each(|(name, value)| all.add(self.header_name(name).into(), String::from_utf8_lossy(value)));
            }
        }
        all.all
    }
}

/// Parameters by name, each where its name came first.
struct Gathered<'t> {
    of: ApiKind,
    places: BTreeMap<Cow<'t, str>, usize>,
    all: Vec<(String, String)>,
}

impl<'t> Gathered<'t> {
    fn add(&mut self, name: Cow<'t, str>, value: Cow<'t, str>) {
        let Some(place) = self.places.get(&name) else {
            self.all.push((name.clone().into_owned(), value.into_owned()));
            self.places.insert(name, self.all.len() - 1);
            return;
        };
        let (_, given) = &mut self.all[*place];
        match self.of {
            ApiKind::Rest | ApiKind::WebSocket => *given = value.into_owned(),
            ApiKind::Http => {
                given.push(',');
                given.push_str(&value);
            }
        }
    }
}

impl Parameters<'_> {
    fn header_name(&self, name: &str) -> String {
        match self.kind {
            ApiKind::Rest | ApiKind::WebSocket => name.to_owned(),
            ApiKind::Http => name.to_ascii_lowercase(),
        }
    }
}

/// Whether a REST API keeps a header of this name for itself, so that no template, function or back end sees it (facts, section 1.2:
/// developer guide, "Known issues", 2026). Recorded: `header-remap.HTTP.full-integration`, where `$input.params` has none of them.
pub(crate) fn is_taken(name: &str) -> bool {
    const TAKEN: [&str; 12] = [
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    ];
    TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken))
}

/// A name or value of a query, as a form encodes it.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADERS: [(&str, &[u8]); 3] = [("X-A", b"1"), ("x-a", b"2"), ("X-A", b"3")];

    fn of(kind: ApiKind, target: &str, ask: impl FnOnce(&Parameters<'_>)) {
        let head = Head::new("GET", target, HEADERS);
        ask(&Parameters { kind, head: &head, pattern: "/pets/{id}", path: "/pets/a%20b" });
    }

    #[test]
    fn of_several_values_a_rest_api_takes_the_last_and_an_http_api_all() {
        of(ApiKind::Rest, "/?q=1&q=2", |params| {
            assert_eq!(params.get(ParamKind::Query, "q").as_deref(), Some("2"));
            assert_eq!(params.get(ParamKind::Header, "X-A").as_deref(), Some("3"));
            assert_eq!(params.all(ParamKind::Header), [("X-A".into(), "3".into()), ("x-a".into(), "2".into())]);
        });
        of(ApiKind::Http, "/?q=1&q=2", |params| {
            assert_eq!(params.get(ParamKind::Query, "q").as_deref(), Some("1,2"));
            assert_eq!(params.all(ParamKind::Header), [("x-a".into(), "1,2,3".into())]);
        });
    }

    #[test]
    fn the_query_is_decoded_and_the_path_is_not() {
        of(ApiKind::Rest, "/?a%5B%5D=x+y%26&b", |params| {
            assert_eq!(params.get(ParamKind::Query, "a[]").as_deref(), Some("x y&"));
            assert_eq!(params.get(ParamKind::Query, "b").as_deref(), Some(""));
            assert_eq!(params.get(ParamKind::Query, "c"), None);
            assert_eq!(params.get(ParamKind::Path, "id").as_deref(), Some("a%20b"));
        });
    }

    #[test]
    fn a_semicolon_separates_in_a_rest_api_alone() {
        of(ApiKind::Rest, "/?a=1;b=2", |params| assert_eq!(params.get(ParamKind::Query, "b").as_deref(), Some("2")));
        of(ApiKind::Http, "/?a=1;b=2", |params| assert_eq!(params.get(ParamKind::Query, "a").as_deref(), Some("1;b=2")));
    }

    proptest! {
        #[test]
        fn all_and_get_agree(
            query in "\\PC{0,40}|([abA](=[xy%+]{0,2})?[&;]){0,12}",
            names in prop::collection::vec("[aAb]{1,2}", 0..8),
            rest in any::<bool>(),
        ) {
            let headers = names.iter().zip([b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8"]);
            let head = Head::new("GET", &format!("/?{query}"), headers.map(|(name, value)| (name.as_str(), value.as_slice())));
            let kind = if rest { ApiKind::Rest } else { ApiKind::Http };
            let params = Parameters { kind, head: &head, pattern: "/{a}/{b+}", path: "/x/y/z" };
            for kind in [ParamKind::Path, ParamKind::Query, ParamKind::Header] {
                let all = params.all(kind);
                for (name, value) in &all {
                    let got = params.get(kind, name);
                    prop_assert_eq!(got.as_ref(), Some(value));
                    prop_assert_eq!(all.iter().filter(|(given, _)| given == name).count(), 1);
                }
            }
            prop_assert!(names.iter().all(|name| params.get(ParamKind::Header, name).is_some()));
            let known: std::collections::BTreeSet<String> = names.iter().map(|name| params.header_name(name)).collect();
            prop_assert_eq!(params.all(ParamKind::Header).len(), known.len());
        }
    }

    #[test]
    fn ten_thousand_parameters_are_gathered_in_one_pass() {
        let query: Vec<String> = (0..10_000).map(|at| format!("p{at}")).collect();
        of(ApiKind::Http, &format!("/?{}", query.join("&")), |params| {
            assert_eq!(params.all(ParamKind::Query).len(), 10_000);
        });
    }
}
