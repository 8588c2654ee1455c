//! Where the value of a mapped parameter comes from, in a REST API: `'literal'`, `method.request.header.X`, `context.stage`.
//!
//! Owns the grammar and the look-up. Refuses to say where the value goes ([`mapping`](crate::mapping) and gateway responses do).
//! Compiled with the front door; asked while an answer is made. (Developer guide, "Request and response data mapping reference".)

use crate::front_error::{ExpressionFault, FrontFault};
use crate::parameters::Parameters;
use crate::vtl::{Limits, Lookup, Map, ParamKind, Params, Scope, Template, UnsetVariable};

/// A compiled expression.
#[derive(Debug)]
pub(crate) enum Expression {
    /// `'text'`.
    Literal(String),
    /// `method.request.{header,path,querystring}.name`: the last value.
    Parameter(ParamKind, String),
    /// `method.request.multivalue{header,querystring}.name`: all, joined by commas.
    EveryParameter(ParamKind, String),
    /// `method.request.body` and `method.request.body.path`.
    RequestBody(Option<BodyPath>),
    /// `context.name`.
    Context(String),
    /// `stageVariables.name`.
    StageVariable(String),
    /// `integration.response.header.name` and `integration.response.multivalueheader.name`.
    BackendHeader(String),
    /// `integration.response.body` and `integration.response.body.path`.
    BackendBody(Option<BodyPath>),
}

/// Where an expression stands: it decides what it can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In an integration request.
    Request,
    /// In an integration response.
    Response,
    /// In a gateway response.
    GatewayResponse,
}

/// What expressions speak of.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'s> {
    pub(crate) params: &'s Parameters<'s>,
    pub(crate) context: &'s dyn Lookup,
    pub(crate) stage_variables: &'s [(String, String)],
    /// The body of the request.
    pub(crate) body: &'s str,
    /// What the integration answered, once it did.
    pub(crate) backend: Option<Backend<'s>>,
}

/// What an integration answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backend<'s> {
    pub(crate) headers: &'s [(String, String)],
    pub(crate) body: &'s str,
}

/// A JSON path into a body.
#[derive(Debug)]
pub(crate) struct BodyPath {
    text: Template,
    json: Template,
}

/// A lookup that knows nothing: a JSON path needs no context.
struct Nothing;

impl Expression {
    /// Compiles `text`, which stands at `position`.
    pub(crate) fn parse(text: &str, position: Position) -> Result<Self, FrontFault> {
        let text = text.trim();
        let fault = || FrontFault::from(ExpressionFault { text: text.to_owned(), at: None, cure: position.cure() });
        if let Some(literal) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Ok(Self::Literal(literal.to_owned()));
        }
        let (head, name) = text.split_once('.').filter(|(_, name)| !name.is_empty()).ok_or_else(fault)?;
        match (head, position) {
            ("context", _) => Ok(Self::Context(name.to_owned())),
            ("stageVariables", _) => Ok(Self::StageVariable(name.to_owned())),
            ("method", Position::Request | Position::GatewayResponse) => {
                let name = name.strip_prefix("request.").ok_or_else(fault)?;
                Self::of_request(name)?.ok_or_else(fault)
            }
            ("integration", Position::Response) => {
                let name = name.strip_prefix("response.").ok_or_else(fault)?;
                Self::of_backend(name)?.ok_or_else(fault)
            }
            _ => Err(fault()),
        }
    }

    fn of_request(name: &str) -> Result<Option<Self>, FrontFault> {
        if name == "body" {
            return Ok(Some(Self::RequestBody(None)));
        }
        let Some((part, name)) = name.split_once('.').filter(|(_, name)| !name.is_empty()) else { return Ok(None) };
        let name = name.to_owned();
        Ok(match part {
            "header" => Some(Self::Parameter(ParamKind::Header, name)),
            "path" => Some(Self::Parameter(ParamKind::Path, name)),
            "querystring" => Some(Self::Parameter(ParamKind::Query, name)),
            "multivalueheader" => Some(Self::EveryParameter(ParamKind::Header, name)),
            "multivaluequerystring" => Some(Self::EveryParameter(ParamKind::Query, name)),
            "body" => Some(Self::RequestBody(Some(BodyPath::parse(&name)?))),
            _ => None,
        })
    }

    fn of_backend(name: &str) -> Result<Option<Self>, FrontFault> {
        if name == "body" {
            return Ok(Some(Self::BackendBody(None)));
        }
        let Some((part, name)) = name.split_once('.').filter(|(_, name)| !name.is_empty()) else { return Ok(None) };
        Ok(match part {
            "header" | "multivalueheader" => Some(Self::BackendHeader(name.to_owned())),
            "body" => Some(Self::BackendBody(Some(BodyPath::parse(name)?))),
            _ => None,
        })
    }

    /// Its value; `None` if there is none, and then the parameter is not set.
    pub(crate) fn value(&self, of: &Surroundings<'_>) -> Option<String> {
        match self {
            Self::Literal(text) => Some(text.clone()),
            Self::Parameter(kind, name) => of.params.get(*kind, name),
            Self::EveryParameter(kind, name) => Some(of.params.every(*kind, name).join(",")).filter(|text| !text.is_empty()),
            Self::RequestBody(None) => Some(of.body.to_owned()),
            Self::RequestBody(Some(path)) => path.value(of.body, of.params),
            Self::Context(name) => of.context.get(name).map(std::borrow::Cow::into_owned),
            Self::StageVariable(name) => stage_variable(of.stage_variables, name),
            Self::BackendHeader(name) => of.backend?.header(name),
            Self::BackendBody(None) => Some(of.backend?.body.to_owned()),
            Self::BackendBody(Some(path)) => path.value(of.backend?.body, of.params),
        }
    }
}

impl Position {
    const fn cure(self) -> &'static str {
        match self {
            Self::Request => {
                "'a text in single quotes', method.request.{header,path,querystring}.<name>, method.request.body, \
                 context.<name> or stageVariables.<name>"
            }
            Self::Response => {
                "'a text in single quotes', integration.response.header.<name>, integration.response.body, context.<name> or \
                 stageVariables.<name>"
            }
            Self::GatewayResponse => {
                "'a text in single quotes', method.request.{header,path,querystring}.<name>, context.<name> or \
                 stageVariables.<name>"
            }
        }
    }
}

impl Backend<'_> {
    /// All values of a header, joined by commas.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        Some(values.join(",")).filter(|_| !values.is_empty())
    }
}

impl BodyPath {
    /// A path such as `a.b[0]`, below the root.
    pub(crate) fn parse(path: &str) -> Result<Self, FrontFault> {
        let odd = path.contains(['\'', '\n', '\r']);
        let cure = "a JSON path such as body.order.id";
        if odd {
            return Err(ExpressionFault { text: path.to_owned(), at: None, cure }.into());
        }
        let path = path.strip_prefix("$.").unwrap_or(path);
        // A template says what a path finds, as text: the same engine reads both.
        let text = Template::parse(&format!("$input.path('$.{path}')"))?;
        let json = Template::parse(&format!("$input.json('$.{path}')"))?;
        Ok(Self { text, json })
    }

    /// What stands there; nothing if that is null, empty, or not to be found.
    pub(crate) fn value(&self, body: &str, params: &dyn Params) -> Option<String> {
        Self::found(&self.text, body, params)
    }

    /// The same for an HTTP API, which knows no Java: what is no text stands there as JSON.
    pub(crate) fn json(&self, body: &str, params: &dyn Params) -> Option<String> {
        match serde_json::from_str(&Self::found(&self.json, body, params)?) {
            Ok(serde_json::Value::String(text)) => Some(text).filter(|text| !text.is_empty()),
            Ok(serde_json::Value::Null) | Err(_) => None,
            Ok(other) => Some(other.to_string()),
        }
    }

    fn found(template: &Template, body: &str, params: &dyn Params) -> Option<String> {
        let (overrides, unset, limits) = (Map::default(), UnsetVariable::Nothing, Limits::default());
        let mut scope = Scope { body, params, context: &Nothing, stage_variables: &[], overrides, unset, limits };
        template.render(&mut scope).ok().filter(|text| !text.is_empty())
    }
}

impl Lookup for Nothing {
    fn get(&self, _: &str) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}

/// The stage variable of this name.
pub(crate) fn stage_variable(variables: &[(String, String)], name: &str) -> Option<String> {
    variables.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POSITIONS: [Position; 3] = [Position::Request, Position::Response, Position::GatewayResponse];
    const PIECES: [&str; 16] = [
        "method",
        "integration",
        ".request",
        ".response",
        ".header",
        ".querystring",
        ".path",
        ".body",
        ".multivalueheader",
        "context.",
        "stageVariables.",
        "a",
        ".",
        "'",
        "[0]",
        "\u{e9} ",
    ];

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_refused_with_the_text(
            pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..8),
        ) {
            let text = pieces.concat();
            for position in POSITIONS {
                if let Err(fault) = Expression::parse(&text, position) {
                    prop_assert!(!fault.to_string().is_empty());
                }
            }
        }

        #[test]
        fn whatever_is_quoted_is_a_literal_everywhere(text in "\\PC{0,20}") {
            for position in POSITIONS {
                let parsed = Expression::parse(&format!(" '{text}' "), position);
                prop_assert!(matches!(parsed, Ok(Expression::Literal(literal)) if literal == text));
            }
        }

        #[test]
        fn an_expression_speaks_only_of_what_is_known_where_it_stands(name in "[a-zA-Z][a-zA-Z0-9-]{0,12}") {
            let request = format!("method.request.header.{name}");
            let answer = format!("integration.response.header.{name}");
            for position in POSITIONS {
                let of_answer = position == Position::Response;
                prop_assert_eq!(Expression::parse(&request, position).is_ok(), !of_answer);
                prop_assert_eq!(Expression::parse(&answer, position).is_ok(), of_answer);
            }
        }
    }
}
