//! Mapping expressions: where the values of parameters and headers come from.
//!
//! Owns which expressions there are, as the real service accepts them. Refuses to evaluate them (`render` does). Called by
//! `integration`, `routes` and `snapshot`.

use crate::config::problem::quoted;
use crate::config::raw::gateway::Texts;
use crate::config::reader::{At, Reader};

/// Who maps, which decides what can be named (developer guide, "Parameter mappings" for REST and for HTTP APIs, 2026).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mapper {
    /// A REST API's request, to the integration.
    Request,
    /// A REST API's answer, from the integration.
    Response,
    /// A gateway response.
    GatewayResponse,
}

impl Mapper {
    /// What an expression begins with, beside a literal, `context.` and `stageVariables.`.
    const fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Request => &[
                "method.request.header.",
                "method.request.querystring.",
                "method.request.path.",
                "method.request.multivalueheader.",
                "method.request.multivaluequerystring.",
                "method.request.body.",
            ],
            Self::Response => {
                &["integration.response.header.", "integration.response.multivalueheader.", "integration.response.body."]
            }
            Self::GatewayResponse => &[
                "method.request.header.",
                "method.request.querystring.",
                "method.request.path.",
                "method.request.multivalueheader.",
                "method.request.multivaluequerystring.",
            ],
        }
    }

    /// Expressions that stand for a whole body.
    const fn wholes(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["method.request.body"],
            Self::Response => &["integration.response.body"],
            Self::GatewayResponse => &[],
        }
    }

    const fn cure(self) -> &'static str {
        match self {
            Self::Request => "write e.g. \"method.request.header.X\", \"'text'\", \"context.requestId\" or \"stageVariables.x\"",
            Self::Response => {
                "write e.g. \"integration.response.header.X\", \"'text'\", \"context.requestId\" or \"stageVariables.x\""
            }
            Self::GatewayResponse => {
                "write e.g. \"'text'\", \"context.requestId\", \"method.request.header.X\" or \"stageVariables.x\""
            }
        }
    }

    fn knows(self, expression: &str) -> bool {
        let literal = expression.len() >= 2 && expression.starts_with('\'') && expression.ends_with('\'');
        let named = |prefix: &&str| expression.strip_prefix(*prefix).is_some_and(|name| !name.is_empty());
        let everywhere = ["context.", "stageVariables."];
        literal
            || self.wholes().contains(&expression)
            || self.sources().iter().any(|prefix| named(prefix))
            || everywhere.iter().any(|prefix| named(prefix))
    }
}

/// Parameters of an integration request, by `header.X`, `querystring.q` or `path.p`.
pub(super) fn parameters(given: Option<&At<Texts>>, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        let name = &member.name.0;
        let named = |place: &str| name.strip_prefix(place).is_some_and(|rest| !rest.is_empty());
        if !["header.", "querystring.", "path."].into_iter().any(named) {
            let what = format!(
                "{} is not a parameter of an integration request; write header.NAME, querystring.NAME or path.NAME",
                quoted(name)
            );
            reader.report_at(&member.spot, what);
        }
        expression(&member.value, Mapper::Request, reader);
    }
}

/// Headers of an answer.
pub(super) fn headers(given: Option<&At<Texts>>, mapper: Mapper, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        if member.name.0.parse::<http::HeaderName>().is_err() {
            let given = quoted(&member.name.0);
            reader.report_at(&member.spot, format!("{given} is not the name of a header; write letters, digits and \"-\""));
        }
        expression(&member.value, mapper, reader);
    }
}

fn expression(given: &At<crate::config::value::Text>, mapper: Mapper, reader: &mut Reader) {
    if !mapper.knows(&given.value.0) {
        let what = format!("{} is no mapping expression here; {}", quoted(&given.value.0), mapper.cure());
        reader.report_at(&given.spot, what);
    }
}

/// Which way an HTTP API's parameter mapping goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the integration.
    Request,
    /// To the client.
    Response,
}

/// Headers that an HTTP API does not let anybody map (developer guide, "Transform API requests and responses", "Reserved
/// headers", 2023); those that end in `-` are prefixes.
const RESERVED: [&str; 22] = [
    "access-control-",
    "apigw-",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "x-amz-",
    "x-amzn-",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "via",
];

/// The parameter mapping of an HTTP API.
pub(super) fn mapping(given: Option<&At<Texts>>, direction: Direction, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        let (operation, target) = member.name.0.split_once(':').unwrap_or(("", &member.name.0));
        if let Err(what) = target_of(operation, target, direction) {
            reader.report_at(&member.spot, format!("{} {what}", quoted(&member.name.0)));
        }
        let value = &member.value.value.0;
        if operation != "remove" && !is_mapped_value(value, direction) {
            let cure = match direction {
                Direction::Request => "\"$request.header.x\", \"$request.path.id\", \"$context.requestId\"",
                Direction::Response => "\"$response.header.x\", \"$response.body.id\", \"$context.requestId\"",
            };
            let what = format!("{} is no value to map; write e.g. {cure}, \"$stageVariables.x\" or plain text", quoted(value));
            reader.report_at(&member.value.spot, what);
        }
    }
}

fn target_of(operation: &str, target: &str, direction: Direction) -> Result<(), &'static str> {
    let (place, name) = target.split_once('.').unwrap_or((target, ""));
    let is_change = ["append", "overwrite", "remove"].contains(&operation);
    let fits = match (direction, place) {
        (_, "header") | (Direction::Request, "querystring") => is_change && !name.is_empty(),
        (Direction::Request, "path") | (Direction::Response, "statuscode") => operation == "overwrite" && name.is_empty(),
        _ => false,
    };
    if !fits {
        return Err(match direction {
            Direction::Request => {
                "is not a parameter that can be mapped; write append, overwrite or remove and header.NAME or querystring.NAME, e.g. \"append:header.x\", or \"overwrite:path\""
            }
            Direction::Response => {
                "is not a parameter that can be mapped; write append, overwrite or remove and header.NAME, e.g. \"append:header.x\", or \"overwrite:statuscode\""
            }
        });
    }
    let name = name.to_ascii_lowercase();
    let is_reserved = |reserved: &&str| if reserved.ends_with('-') { name.starts_with(*reserved) } else { name == *reserved };
    if place == "header" && RESERVED.iter().any(is_reserved) {
        return Err("is a header that an HTTP API keeps for itself; map another one");
    }
    Ok(())
}

/// Text may hold variables as `${...}`; a value that begins with `$` is one.
fn is_mapped_value(value: &str, direction: Direction) -> bool {
    let Some(variable) = value.strip_prefix('$').filter(|rest| !rest.starts_with('{')) else { return !value.is_empty() };
    let sources: &[&str] = match direction {
        Direction::Request => {
            &["request.header.", "request.querystring.", "request.body.", "request.path.", "context.", "stageVariables."]
        }
        Direction::Response => &["response.header.", "response.body.", "context.", "stageVariables."],
    };
    let wholes: &[&str] = match direction {
        Direction::Request => &["request.body", "request.path"],
        Direction::Response => &["response.body"],
    };
    wholes.contains(&variable) || sources.iter().any(|prefix| variable.strip_prefix(prefix).is_some_and(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_those_that_the_real_service_accepts() {
        for known in ["'text'", "''", "context.requestId", "stageVariables.x", "method.request.header.X", "method.request.body"] {
            assert!(Mapper::Request.knows(known), "{known}");
        }
        assert!(Mapper::Response.knows("integration.response.body.a[0].b"));
        for unknown in ["", "'", "text", "method.request.header.", "integration.response.header.X", "$context.requestId"] {
            assert!(!Mapper::Request.knows(unknown), "{unknown}");
        }
        assert!(!Mapper::GatewayResponse.knows("method.request.body"));
    }

    #[test]
    fn an_http_api_maps_some_parameters_and_keeps_others_for_itself() {
        for (operation, target) in [("append", "header.x"), ("remove", "querystring.q"), ("overwrite", "path")] {
            assert!(target_of(operation, target, Direction::Request).is_ok(), "{operation}:{target}");
        }
        for (operation, target) in [
            ("append", "path"),
            ("set", "header.x"),
            ("append", "header."),
            ("append", "header.Via"),
            ("append", "header.X-Amz-Date"),
        ] {
            assert!(target_of(operation, target, Direction::Request).is_err(), "{operation}:{target}");
        }
        assert!(target_of("overwrite", "statuscode", Direction::Response).is_ok());
        assert!(target_of("append", "querystring.q", Direction::Response).is_err());
        assert!(
            is_mapped_value("$request.path", Direction::Request) && is_mapped_value("a-${context.requestId}", Direction::Request)
        );
        assert!(!is_mapped_value("$request.cookie.x", Direction::Request) && !is_mapped_value("", Direction::Response));
    }
}
