//! Customised gateway responses of a deployment (REST).
//!
//! Owns which one answers and what it says: bodies in which variables are replaced and nothing else, headers from expressions.
//! Refuses the status (the policy did it) and what nobody customised ([`refusal`](crate::refusal)). Compiled with the front door.
//!
//! Source: developer guide, "Gateway responses in API Gateway", 2023: the type's own, else the default of its class, else the one
//! built in. A 413 cannot be customised ("Known issues", 2026). Variables that have no value are left empty: unconfirmed.

use sluicegate_policy::model::{Deployment, GatewayResponse, ResponseType};

use crate::expression::{Expression, Position, Surroundings, stage_variable};
use crate::front_error::{ExpressionFault, FrontError, FrontFault};
use crate::mapping::choose;
use crate::substitution::{Named, Text};
use crate::vtl::{ParamKind, Params};

/// The customised gateway responses of one deployment.
#[derive(Debug)]
pub(crate) struct Customised(Vec<(ResponseType, Response)>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Response {
    headers: Vec<(String, Expression)>,
    templates: Vec<(String, Text<Variable>)>,
}

/// A variable in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Variable {
    Context(String),
    Stage(String),
    Parameter(ParamKind, String),
}

const CURE: &str = "$context.<name>, $stageVariables.<name> or $method.request.{header,path,querystring}.<name>";

impl Customised {
    /// Compiles what a deployment customises.
    pub(crate) fn new(deployment: &Deployment) -> Result<Self, FrontError> {
        let compiled = deployment.responses.iter().map(|response| {
            let fault = |(part, why)| FrontError { place: response.kind.to_string(), part, why };
            Ok((response.kind, Response::new(response).map_err(fault)?))
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// The one that answers for a type whose built-in status is this.
    pub(crate) fn of(&self, kind: ResponseType, status: u16) -> Option<&Response> {
        let of = |wanted: ResponseType| self.0.iter().find(|(given, _)| *given == wanted).map(|(_, response)| response);
        let class = if status < 500 { ResponseType::Default4xx } else { ResponseType::Default5xx };
        Some(kind).filter(|kind| *kind != ResponseType::RequestTooLarge).and_then(|kind| of(kind).or_else(|| of(class)))
    }
}

impl Response {
    fn new(response: &GatewayResponse) -> Result<Self, (String, FrontFault)> {
        let headers = response.headers.iter().map(|(name, value)| {
            let expression = Expression::parse(value, Position::GatewayResponse);
            expression.map(|value| (name.clone(), value)).map_err(|why| (format!("header {name}"), why))
        });
        let templates = response.templates.iter().map(|(media, text)| {
            let parsed = body(text).map_err(|why| (format!("template {media}"), why));
            parsed.map(|text| (media.clone(), text))
        });
        Ok(Self { headers: headers.collect::<Result<_, _>>()?, templates: templates.collect::<Result<_, _>>()? })
    }

    /// Media type and body for a client that accepts this; `None` without a template.
    pub(crate) fn body(&self, accept: Option<&str>, of: &Surroundings<'_>) -> Option<(&str, String)> {
        let (media, text) = choose(&self.templates, accept)?;
        Some((media, text.filled(|variable| variable.value(of))))
    }

    /// Its headers that have a value.
    pub(crate) fn headers<'s>(&'s self, of: &'s Surroundings<'_>) -> impl Iterator<Item = (&'s str, String)> {
        self.headers.iter().filter_map(|(name, value)| value.value(of).map(|value| (name.as_str(), value)))
    }
}

/// A body, taken apart.
fn body(text: &str) -> Result<Text<Variable>, FrontFault> {
    let fault = |text, at| ExpressionFault { text, at: Some(at), cure: CURE };
    Ok(Text::parse(text, variable).map_err(|wrong| fault(wrong.why, wrong.at))?)
}

/// Whether a text can be a body.
pub(crate) fn prove_body(text: &str) -> Result<(), FrontFault> {
    body(text).map(drop)
}

impl Variable {
    fn value(&self, of: &Surroundings<'_>) -> Option<String> {
        match self {
            Self::Context(name) => of.context.get(name).map(std::borrow::Cow::into_owned),
            Self::Stage(name) => stage_variable(of.stage_variables, name),
            Self::Parameter(kind, name) => of.params.get(*kind, name),
        }
    }
}

fn variable(name: &str) -> Named<Variable, String> {
    let (head, rest) = name.split_once('.').unwrap_or((name, ""));
    match (head, rest) {
        ("context" | "stageVariables" | "method", "") => Named::Literal,
        ("context", name) => Named::Variable(Variable::Context(name.to_owned())),
        ("stageVariables", name) => Named::Variable(Variable::Stage(name.to_owned())),
        ("method", rest) => parameter(rest).map_or_else(|| Named::Wrong(format!("$method.{rest}")), Named::Variable),
        _ => Named::Literal,
    }
}

fn parameter(name: &str) -> Option<Variable> {
    let (part, name) = name.strip_prefix("request.")?.split_once('.')?;
    let kind = match part {
        "header" => ParamKind::Header,
        "path" => ParamKind::Path,
        "querystring" => ParamKind::Query,
        _ => return None,
    };
    Some(Variable::Parameter(kind, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::model::ApiId;

    fn deployment(kinds: &[ResponseType]) -> Deployment {
        let response = |kind: &ResponseType| GatewayResponse {
            kind: *kind,
            status: None,
            headers: Vec::new(),
            templates: vec![("application/json".to_owned(), kind.to_string())],
        };
        Deployment { responses: kinds.iter().map(response).collect(), ..Deployment::new(ApiId(0), "v1") }
    }

    fn which(customised: &Customised, kind: ResponseType, status: u16) -> Option<String> {
        customised.of(kind, status).map(|response| response.templates[0].1.filled(|_| None))
    }

    #[test]
    fn the_types_own_goes_before_the_default_of_its_class() {
        let customised = Customised::new(&deployment(&[ResponseType::Default4xx, ResponseType::Throttled])).unwrap();
        assert_eq!(which(&customised, ResponseType::Throttled, 429).as_deref(), Some("THROTTLED"));
        assert_eq!(which(&customised, ResponseType::InvalidApiKey, 403).as_deref(), Some("DEFAULT_4XX"));
        assert_eq!(which(&customised, ResponseType::IntegrationTimeout, 504), None);
    }

    #[test]
    fn too_large_a_request_cannot_be_customised() {
        let both = [ResponseType::Default4xx, ResponseType::RequestTooLarge];
        let customised = Customised::new(&deployment(&both)).unwrap();
        assert_eq!(which(&customised, ResponseType::RequestTooLarge, 413), None);
    }

    #[test]
    fn a_fault_names_type_part_and_place() {
        let mut wrong = deployment(&[ResponseType::Throttled]);
        wrong.responses[0].templates[0].1 = r#"{"a": "$method.request.cookie.x"}"#.to_owned();
        let error = Customised::new(&wrong).unwrap_err().to_string();
        assert!(
            error.starts_with("THROTTLED: template application/json: \"$method.request.cookie.x\" at character 7"),
            "{error}"
        );
        wrong.responses[0].templates.clear();
        wrong.responses[0].headers = vec![("X-A".to_owned(), "literal".to_owned())];
        let error = Customised::new(&wrong).unwrap_err().to_string();
        assert!(error.starts_with("THROTTLED: header X-A: \"literal\" is nothing"), "{error}");
    }
}
