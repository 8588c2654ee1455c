//! Which API of a template is meant.
//!
//! Owns [`Described`], an API with its routes, and the choice among several. Refuses to read an API. Called by
//! [`read`](super::read).

use std::fmt;

use super::document::Node;
use super::error::{DefinitionError, Fault, quoted};
use super::notes::Notes;
use super::template::{Protocol, Source};
use super::{Api, openapi, websocket};

/// An API that a file describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its logical id in a template; empty for a definition.
    pub id: String,
    /// What it is.
    pub protocol: Protocol,
    /// Its route keys.
    pub routes: Vec<String>,
}

/// The API that is meant: the one that was asked for, or the only one that can be served.
pub(super) fn choose(
    file: &str,
    mut apis: Vec<Source>,
    api_id: Option<&str>,
    notes: &mut Notes,
) -> Result<Source, DefinitionError> {
    let wrong = |fault: Fault| fault.of(file);
    let described: Vec<Described> = apis.iter().map(describe).collect::<Result<_, _>>().map_err(wrong)?;
    let names = || described.iter().map(ToString::to_string).collect();
    if apis.is_empty() {
        let what = "the template makes no API: it has no AWS::Serverless::Api, HttpApi or event, and no AWS::ApiGateway resource whose condition holds";
        return Err(Fault::new(&Node::empty(0), "Resources", what).of(file));
    }
    let chosen: Vec<usize> = match api_id {
        Some(id) => (0..apis.len()).filter(|at| apis[*at].id == *id).collect(),
        None if apis.len() == 1 => vec![0],
        None => (0..apis.len()).filter(|at| !described[*at].routes.is_empty()).collect(),
    };
    match (chosen.as_slice(), api_id) {
        ([only], _) => {
            for (at, other) in described.iter().enumerate().filter(|(at, _)| at != only) {
                notes.left_out(&apis[at].document, &other.id, format!("another API of the template, {other}; see --api-id"));
            }
            Ok(apis.swap_remove(*only))
        }
        ([], Some(id)) => {
            let what = format!("the template has no API {}", quoted(id));
            Err(DefinitionError::Choice { file: file.to_owned(), what, names: names() })
        }
        ([], None) => {
            let what = "none of the template's APIs has a route that can be served".to_owned();
            Err(DefinitionError::Choice { file: file.to_owned(), what, names: names() })
        }
        _ => {
            let what = "the template has several APIs; name one with --api-id".to_owned();
            Err(DefinitionError::Choice { file: file.to_owned(), what, names: names() })
        }
    }
}

pub(super) fn describe(source: &Source) -> Result<Described, Fault> {
    let routes = match source.protocol {
        Protocol::Rest => openapi::keys(&source.document, Api::Rest)?,
        Protocol::Http => openapi::keys(&source.document, Api::Http)?,
        Protocol::WebSocket => websocket::keys(&source.document),
    };
    Ok(Described { id: source.id.clone(), protocol: source.protocol, routes })
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Rest => "REST",
            Protocol::Http => "HTTP",
            Protocol::WebSocket => "WebSocket",
        };
        let id = if self.id.is_empty() { "API" } else { &self.id };
        let routes = self.routes.len();
        write!(f, "{id} ({protocol}, {routes} route{})", if routes == 1 { "" } else { "s" })
    }
}
