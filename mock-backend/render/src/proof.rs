//! The texts of a model one by one, so that whoever reads a profile can name the line of each that is wrong.
//!
//! Owns nothing but the way in: each text is proven by the code that compiles it for [`Front`](crate::front::Front). Refuses to keep
//! what it compiled. Called by the product's `config`.

use regex::Regex;

use crate::expression::Expression;
pub use crate::expression::Position;
use crate::front_error::FrontFault;
use crate::service::protocol::Protocol;
use crate::vtl::Template;
use crate::{customised, mapping, parameter_mapping, request_mapping};

/// A mapping expression of a REST API: `method.request.header.X`, `'text'`.
pub fn expression(text: &str, position: Position) -> Result<(), FrontFault> {
    Expression::parse(text, position).map(drop)
}

/// A mapping template.
pub fn template(text: &str) -> Result<(), FrontFault> {
    Ok(Template::parse(text).map(drop)?)
}

/// The body of a customised gateway response.
pub fn response_body(text: &str) -> Result<(), FrontFault> {
    customised::prove_body(text)
}

/// The pattern of an integration response.
pub fn pattern(text: &str) -> Result<(), FrontFault> {
    Ok(Regex::new(&mapping::whole(text)).map(drop)?)
}

/// A key and its value in an HTTP API's mapping of requests.
pub fn request_mapping(key: &str, value: &str) -> Result<(), FrontFault> {
    request_mapping::prove_request(key, value)
}

/// A value that an HTTP API hands to a service: `$request.body.id`.
pub fn request_value(text: &str) -> Result<(), FrontFault> {
    request_mapping::prove_request_value(text)
}

/// How an action of a service can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actions {
    /// By its name.
    ByName,
    /// By its name, and `X-Amz-Target` mapped beside it.
    ByTarget,
    /// Not at all: nothing is known of how the service takes one.
    Unknown,
}

/// How the actions of a service are asked for.
pub fn actions(service: &str) -> Actions {
    match Protocol::of(service) {
        Some(Protocol::Json { prefix: "", .. }) => Actions::ByTarget,
        Some(Protocol::Query { .. } | Protocol::Json { .. }) => Actions::ByName,
        None => Actions::Unknown,
    }
}

/// A key and its value in an HTTP API's mapping of responses.
pub fn response_mapping(key: &str, value: &str) -> Result<(), FrontFault> {
    parameter_mapping::prove_response(key, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// All that a profile says of the front door comes through here first.
        #[test]
        fn any_text_is_proven_or_refused_with_words(
            text in "\\PC{0,40}|[$#{}\\[\\]()|*+?\\\\.'\"a-z0-9:]{0,40}|(\\$context\\.|\\$request\\.|\\$response\\.|header\\.|body|[.${}a]){0,8}",
            key in "(append|overwrite|remove)?:?(header|querystring|path|statuscode)?[.a-z]{0,8}|\\PC{0,12}",
        ) {
            let positions = [Position::Request, Position::GatewayResponse].map(|position| expression(&text, position));
            let others = [
                template(&text),
                response_body(&text),
                pattern(&text),
                request_mapping(&key, &text),
                request_value(&text),
                response_mapping(&key, &text),
            ];
            for fault in positions.into_iter().chain(others).filter_map(Result::err) {
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_text_is_proven_as_the_front_door_takes_it() {
        assert!(expression("'text'", Position::Request).is_ok() && expression("text", Position::Request).is_err());
        assert!(expression("integration.response.header.X", Position::GatewayResponse).is_err());
        assert!(response_body("{\"message\":$context.error.messageString}").is_ok());
        assert!(pattern("4\\d{2}").is_ok() && pattern("4\\d{").is_err());
        assert!(request_mapping("append:header.x", "$request.path").is_ok());
        assert!(request_mapping("append:header.via", "x").is_err());
        assert!(response_mapping("overwrite:statuscode", "204").is_ok() && response_mapping("overwrite:path", "/").is_err());
    }
}
