//! The parameter mapping of an HTTP API's requests: headers and query parameters appended, overwritten and removed, the path
//! replaced.
//!
//! Owns its keys and values, and what they change in a request to a back end. Refuses answers
//! ([`parameter_mapping`](crate::parameter_mapping)) and REST APIs ([`expression`](crate::expression)). Compiled with the front door.
//!
//! Source: developer guide, "Transform API requests and responses for HTTP APIs", 2023.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answer::is_token;
use crate::backend::BackendRequest;
use crate::expression::{BodyPath, Surroundings, stage_variable};
use crate::front_error::{FrontFault, KeyFault};
use crate::mapping::PartFault;
use crate::parameter_mapping::{fault, header};
use crate::substitution::{Named, Text};
use crate::vtl::{ParamKind, Params as _};

/// What happens to requests, in the order in which it is written.
#[derive(Debug, Default)]
pub(crate) struct RequestMapping(Vec<Change>);

#[derive(Debug)]
struct Change {
    verb: Verb,
    target: Target,
    value: RequestValue,
}

/// A text that is made from a request: `$request.body.order`, `order-$request.path.id`.
#[derive(Debug)]
pub(crate) struct RequestValue(Text<Variable>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Append,
    Overwrite,
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Header(String),
    Query(String),
    Path,
}

/// What a value may speak of.
#[derive(Debug)]
enum Variable {
    Parameter(ParamKind, String),
    Path,
    Body(Option<BodyPath>),
    Context(String),
    Stage(String),
}

const KEYS: &str = "append, overwrite or remove, then :header.<name> or :querystring.<name>; or overwrite:path";
const VALUES: &str =
    "$request.{header,querystring,path,body}.<name>, $request.path, $request.body, $context.<name> or $stageVariables.<name>";

impl RequestMapping {
    /// Compiles what a route says of its requests.
    pub(crate) fn new(written: &[(String, String)]) -> Result<Self, PartFault> {
        let compiled = written
            .iter()
            .map(|(key, value)| Change::new(key, value).map_err(|why| (format!("request parameter mapping {key}"), why)));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// Changes a request; `path` is its own below the stage.
    pub(crate) fn apply(&self, request: &mut BackendRequest, path: &str, of: &Surroundings<'_>) {
        for Change { verb, target, value } in &self.0 {
            let value = value.0.filled(|variable| variable.value(path, of));
            match target {
                Target::Header(name) => change_header(&mut request.headers, *verb, name, &value),
                Target::Query(name) => request.url = with_query(&request.url, *verb, name, &value),
                Target::Path => request.url = with_path(&request.url, &value),
            }
        }
    }
}

impl Change {
    fn new(key: &str, value: &str) -> Result<Self, FrontFault> {
        let unknown = || KeyFault::Unknown { key: key.to_owned(), cure: KEYS };
        let (verb, target) = key.split_once(':').ok_or_else(unknown)?;
        let verb = match verb {
            "append" => Verb::Append,
            "overwrite" => Verb::Overwrite,
            "remove" => Verb::Remove,
            _ => return Err(unknown().into()),
        };
        let target = match target.strip_prefix("querystring.").filter(|name| !name.is_empty()) {
            Some(name) => Target::Query(name.to_owned()),
            None if target == "path" && verb == Verb::Overwrite => Target::Path,
            None => Target::Header(header(target)?.ok_or_else(unknown)?),
        };
        Ok(Self { verb, target, value: RequestValue::parse(value)? })
    }
}

impl RequestValue {
    /// Compiles a text.
    pub(crate) fn parse(value: &str) -> Result<Self, FrontFault> {
        Text::parse(value, variable).map(Self).map_err(|wrong| fault(wrong.why, wrong.at, VALUES))
    }

    /// Its value; `None` if that is empty. `path` is the request's own below the stage.
    pub(crate) fn value(&self, path: &str, of: &Surroundings<'_>) -> Option<String> {
        Some(self.0.filled(|variable| variable.value(path, of))).filter(|value| !value.is_empty())
    }
}

impl Variable {
    fn value(&self, path: &str, of: &Surroundings<'_>) -> Option<String> {
        match self {
            Self::Parameter(kind, name) => of.params.get(*kind, name),
            Self::Path => Some(path.to_owned()),
            Self::Body(None) => Some(of.body.to_owned()),
            Self::Body(Some(body)) => body.json(of.body, of.params),
            Self::Context(name) => of.context.get(name).map(std::borrow::Cow::into_owned),
            Self::Stage(name) => stage_variable(of.stage_variables, name),
        }
    }
}

fn change_header(headers: &mut Vec<(String, String)>, verb: Verb, name: &str, value: &str) {
    if verb != Verb::Append {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }
    if verb != Verb::Remove && is_token(name) {
        headers.push((name.to_owned(), value.chars().filter(|c| !c.is_control()).collect()));
    }
}

fn with_query(url: &str, verb: Verb, name: &str, value: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let is_other = |pair: &&str| pair.split('=').next() != Some(name) && pair.split('=').next() != Some(&encoded(name));
    let mut pairs: Vec<String> =
        query.split('&').filter(|pair| !pair.is_empty() && (verb == Verb::Append || is_other(pair))).map(str::to_owned).collect();
    if verb != Verb::Remove {
        pairs.push(format!("{}={}", encoded(name), encoded(value)));
    }
    if pairs.is_empty() { base.to_owned() } else { format!("{base}?{}", pairs.join("&")) }
}

/// The URL with another path, its query kept.
fn with_path(url: &str, path: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let authority = base.find("://").map_or(0, |at| at + 3);
    let end = base[authority..].find('/').map_or(base.len(), |at| authority + at);
    let path = format!("/{}", path.trim_start_matches('/')).replace(' ', "%20");
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{path}{query}", &base[..end])
}

fn variable(name: &str) -> Named<Variable, String> {
    let wrong = || Named::Wrong(format!("${name}"));
    match name.split_once('.') {
        Some(("request", "path")) => Named::Variable(Variable::Path),
        Some(("request", "body")) => Named::Variable(Variable::Body(None)),
        Some(("request", rest)) => match rest.split_once('.') {
            Some(("header", name)) => Named::Variable(Variable::Parameter(ParamKind::Header, name.to_owned())),
            Some(("querystring", name)) => Named::Variable(Variable::Parameter(ParamKind::Query, name.to_owned())),
            Some(("path", name)) => Named::Variable(Variable::Parameter(ParamKind::Path, name.to_owned())),
            Some(("body", path)) => {
                BodyPath::parse(path).map_or_else(|_| wrong(), |path| Named::Variable(Variable::Body(Some(path))))
            }
            _ => wrong(),
        },
        Some(("context", name)) => Named::Variable(Variable::Context(name.to_owned())),
        Some(("stageVariables", name)) => Named::Variable(Variable::Stage(name.to_owned())),
        _ => Named::Literal,
    }
}

/// Whether a key and its value change a request.
pub(crate) fn prove_request(key: &str, value: &str) -> Result<(), FrontFault> {
    Change::new(key, value).map(drop)
}

/// Whether a value can be taken from a request.
pub(crate) fn prove_request_value(value: &str) -> Result<(), FrontFault> {
    RequestValue::parse(value).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_are_appended_overwritten_and_removed() {
        let url = "http://h/p?a=1&b=2&a=3";
        assert_eq!(with_query(url, Verb::Append, "a", "4 5"), "http://h/p?a=1&b=2&a=3&a=4%205");
        assert_eq!(with_query(url, Verb::Overwrite, "a", "4"), "http://h/p?b=2&a=4");
        assert_eq!(with_query(url, Verb::Remove, "a", ""), "http://h/p?b=2");
        assert_eq!(with_query("http://h/p?a=1", Verb::Remove, "a", ""), "http://h/p");
    }

    #[test]
    fn the_path_is_replaced_and_the_query_stays() {
        assert_eq!(with_path("http://h:1/a/b?q=/x", "c/d e"), "http://h:1/c/d%20e?q=/x");
        assert_eq!(with_path("http://h", "/c"), "http://h/c");
    }

    #[test]
    fn headers_are_appended_overwritten_and_removed() {
        let mut headers = vec![("X-A".to_owned(), "1".to_owned())];
        change_header(&mut headers, Verb::Append, "x-a", "2");
        assert_eq!(headers.len(), 2);
        change_header(&mut headers, Verb::Overwrite, "x-a", "3\r\n");
        assert_eq!(headers, [("x-a".to_owned(), "3".to_owned())]);
        change_header(&mut headers, Verb::Remove, "X-A", "");
        assert!(headers.is_empty());
    }
}
