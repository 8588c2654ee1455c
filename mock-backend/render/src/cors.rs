//! Cross-origin sharing as an HTTP API does it by itself.
//!
//! Owns what a preflight is, which origins are welcome, and the headers that say so. Refuses to decide (a preflight is answered by
//! the policy's word) and REST APIs, which leave it to their integrations.
//!
//! Source: developer guide, "Configuring CORS for an HTTP API", 2023: the gateway answers preflight requests even without a route,
//! and its headers replace the integration's. Lists are told in alphabetical order and header names in small letters, however they
//! were written (answers of the service in the Serverless Framework's integration tests and in public transcripts). The preflight's
//! status, and whether the gateway's own errors have these headers, are settings (the policy's). Unconfirmed, and chosen here: that
//! an origin that is not welcome gets none.

use std::borrow::Cow;

use sluicegate_policy::model::Cors;

use crate::answer::Answer;
use crate::request::Head;

/// What every header of this kind begins with.
const PREFIX: &str = "access-control-";

/// The sharing of one deployment, its lists written out.
#[derive(Debug)]
pub(crate) struct Sharing {
    origins: Vec<Origin>,
    credentials: bool,
    preflight: Vec<(&'static str, String)>,
    expose: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Origin {
    Any,
    /// Begins with this.
    Scheme(String),
    Exact(String),
}

/// Whether a request asks for leave to ask.
pub(crate) fn is_preflight(head: &Head) -> bool {
    head.method() == "OPTIONS" && head.header("origin").is_some() && head.header("access-control-request-method").is_some()
}

impl Sharing {
    /// What a deployment shares.
    pub(crate) fn new(cors: &Cors) -> Self {
        let origin = |text: &String| match text.strip_suffix('*') {
            Some("") => Origin::Any,
            Some(scheme) => Origin::Scheme(scheme.to_ascii_lowercase()),
            None => Origin::Exact(text.to_ascii_lowercase()),
        };
        let list = |name, values: Vec<String>| (!values.is_empty()).then(|| (name, values.join(",")));
        let max_age = cors.max_age.map(|age| ("access-control-max-age", (age.as_ns() / 1_000_000_000).to_string()));
        let lists = [
            list("access-control-allow-methods", sorted(cors.allow_methods.clone())),
            list("access-control-allow-headers", sorted(lower(&cors.allow_headers))),
            max_age,
        ];
        Self {
            origins: cors.allow_origins.iter().map(origin).collect(),
            credentials: cors.allow_credentials,
            preflight: lists.into_iter().flatten().collect(),
            expose: list("", sorted(lower(&cors.expose_headers))).map(|(_, values)| values),
        }
    }

    /// The headers of the answer to a preflight.
    pub(crate) fn permit(&self, head: &Head, answer: &mut Answer) {
        if self.welcome(head, answer) {
            for (name, value) in &self.preflight {
                answer.push(*name, value.clone());
            }
        }
    }

    /// The headers of an integration's answer, in the place of the integration's own.
    pub(crate) fn share(&self, head: &Head, answer: &mut Answer) {
        answer.headers.retain(|(name, _)| !begins_with(name, PREFIX));
        if self.welcome(head, answer)
            && let Some(expose) = &self.expose
        {
            answer.push("access-control-expose-headers", expose.clone());
        }
    }

    fn welcome(&self, head: &Head, answer: &mut Answer) -> bool {
        let Some(origin) = head.header("origin").and_then(|origin| str::from_utf8(origin).ok()) else { return false };
        let Some(found) = self.origins.iter().find(|known| known.is(origin)) else { return false };
        let said = if *found == Origin::Any { Cow::Borrowed("*") } else { Cow::Owned(origin.to_owned()) };
        answer.push("access-control-allow-origin", said);
        if self.credentials {
            answer.push("access-control-allow-credentials", "true");
        }
        true
    }
}

impl Origin {
    fn is(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Scheme(start) => begins_with(origin, start),
            Self::Exact(known) => known.eq_ignore_ascii_case(origin),
        }
    }
}

fn lower(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

/// In alphabetical order, each once.
fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

fn begins_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::time::Span;

    fn sharing(origins: &[&str]) -> Sharing {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Sharing::new(&Cors {
            allow_origins: words(origins),
            allow_methods: words(&["POST", "GET", "GET"]),
            allow_headers: words(&["X-Two", "content-type"]),
            expose_headers: words(&["Date", "Age"]),
            max_age: Some(Span::from_secs(300)),
            allow_credentials: false,
        })
    }

    fn from(origin: &str) -> Head {
        Head::new("GET", "/", [("Origin", origin.as_bytes())])
    }

    #[test]
    fn a_preflight_hears_what_it_may_do() {
        let mut answer = Answer::new(204, "");
        sharing(&["https://a.example"]).permit(&from("https://a.example"), &mut answer);
        let expected = [
            ("access-control-allow-origin", "https://a.example"),
            ("access-control-allow-methods", "GET,POST"),
            ("access-control-allow-headers", "content-type,x-two"),
            ("access-control-max-age", "300"),
        ];
        assert!(answer.headers.iter().map(|(name, value)| (&**name, &**value)).eq(expected), "{answer:?}");
    }

    #[test]
    fn the_gateways_headers_replace_the_integrations() {
        let mut answer = Answer::new(200, "");
        answer.push("Access-Control-Allow-Origin", "https://backend.example");
        answer.push("X-Other", "kept");
        sharing(&["*"]).share(&from("https://a.example"), &mut answer);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-expose-headers"), Some("age,date"));
        assert_eq!(answer.headers.len(), 3);
    }

    #[test]
    fn without_an_origin_or_from_an_unwelcome_one_nothing_is_said() {
        for head in [Head::new("GET", "/", []), from("https://b.example"), from("http://a.example")] {
            let mut answer = Answer::new(200, "");
            sharing(&["https://a.example"]).share(&head, &mut answer);
            sharing(&["https://a.example"]).permit(&head, &mut answer);
            assert_eq!(answer.headers, []);
        }
    }

    #[test]
    fn a_scheme_stands_for_all_its_origins() {
        let mut answer = Answer::new(200, "");
        sharing(&["https://*"]).share(&from("https://any.example"), &mut answer);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://any.example"));
    }

    #[test]
    fn a_preflight_has_three_marks() {
        let head = |method, headers: &[(&'static str, &'static str)]| {
            Head::new(method, "/", headers.iter().map(|(name, value)| (*name, value.as_bytes())))
        };
        let (origin, method) = (("Origin", "o"), ("access-control-request-method", "GET"));
        assert!(is_preflight(&head("OPTIONS", &[origin, method])));
        assert!(!is_preflight(&head("GET", &[origin, method])));
        assert!(!is_preflight(&head("OPTIONS", &[origin])));
        assert!(!is_preflight(&head("OPTIONS", &[method])));
    }
}
