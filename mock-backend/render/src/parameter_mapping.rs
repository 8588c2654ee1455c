//! The parameter mapping of an HTTP API's answers: headers appended, overwritten and removed, the status replaced.
//!
//! Owns its keys and values. Refuses REST APIs, whose expressions are others ([`expression`](crate::expression)). Compiled with the
//! front door; requests have a mapping of their own ([`request_mapping`](crate::request_mapping)).
//!
//! Source: developer guide, "Transform API requests and responses for HTTP APIs", 2023. The reserved headers are facts, section 1.2.

use sluicegate_policy::model::Route;

use crate::answer::Answer;
use crate::expression::{Backend, BodyPath, stage_variable};
use crate::front_error::{ExpressionFault, FrontFault, KeyFault};
use crate::mapping::PartFault;
use crate::parameters::Parameters;
use crate::substitution::{Named, Text};
use crate::vtl::Lookup;

/// What happens to answers, by the integration's status.
#[derive(Debug, Default)]
pub(crate) struct ResponseMapping(Vec<(u16, Vec<Change>)>);

/// One change.
#[derive(Debug)]
struct Change {
    what: What,
    value: Text<Variable>,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    AppendHeader(String),
    OverwriteHeader(String),
    RemoveHeader(String),
    OverwriteStatus,
}

/// What a value may speak of.
#[derive(Debug)]
enum Variable {
    Header(String),
    Body(BodyPath),
    Context(String),
    Stage(String),
}

/// What values are taken from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'s> {
    pub(crate) params: &'s Parameters<'s>,
    pub(crate) context: &'s dyn Lookup,
    pub(crate) stage_variables: &'s [(String, String)],
    pub(crate) backend: Backend<'s>,
}

const RESERVED: [&str; 18] = [
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
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "via",
];
const RESERVED_BEGINNINGS: [&str; 4] = ["access-control-", "apigw-", "x-amz-", "x-amzn-"];
const RESPONSE_KEYS: &str = "append:header.<name>, overwrite:header.<name>, remove:header.<name> or overwrite:statuscode";
const RESPONSE_VALUES: &str = "$response.header.<name>, $response.body.<path>, $context.<name> or $stageVariables.<name>";
impl ResponseMapping {
    /// Compiles what a route says of its answers.
    pub(crate) fn new(route: &Route) -> Result<Self, PartFault> {
        let by_status = route.response_mapping.iter().map(|(status, changes)| {
            let compiled = changes.iter().map(|(key, value)| {
                Change::new(key, value).map_err(|why| (format!("response parameter mapping {status} {key}"), why))
            });
            Ok((*status, compiled.collect::<Result<_, _>>()?))
        });
        by_status.collect::<Result<_, _>>().map(Self)
    }

    /// Whether anything changes for this status.
    pub(crate) fn concerns(&self, status: u16) -> bool {
        self.0.iter().any(|(given, _)| *given == status)
    }

    /// Whether a value speaks of `$context`: all else is the same for every request.
    pub(crate) fn reads_request(&self) -> bool {
        let speaks = |change: &Change| change.value.variables().any(|variable| matches!(variable, Variable::Context(_)));
        self.0.iter().flat_map(|(_, changes)| changes).any(speaks)
    }

    /// Changes an integration's answer.
    pub(crate) fn apply(&self, answer: &mut Answer, of: &Sources<'_>) {
        let Some((_, changes)) = self.0.iter().find(|(status, _)| *status == answer.status) else { return };
        for change in changes {
            change.apply(answer, of);
        }
    }
}

impl Change {
    fn new(key: &str, value: &str) -> Result<Self, FrontFault> {
        let unknown = || KeyFault::Unknown { key: key.to_owned(), cure: RESPONSE_KEYS };
        let what = match key.split_once(':').ok_or_else(unknown)? {
            ("overwrite", "statuscode") => What::OverwriteStatus,
            (verb, target) => {
                let name = header(target)?.ok_or_else(unknown)?;
                match verb {
                    "append" => What::AppendHeader(name),
                    "overwrite" => What::OverwriteHeader(name),
                    "remove" => What::RemoveHeader(name),
                    _ => return Err(unknown().into()),
                }
            }
        };
        let value = Text::parse(value, response_variable).map_err(|wrong| fault(wrong.why, wrong.at, RESPONSE_VALUES))?;
        Ok(Self { what, value })
    }

    fn apply(&self, answer: &mut Answer, of: &Sources<'_>) {
        let value = || self.value.filled(|variable| variable.value(of));
        match &self.what {
            What::AppendHeader(name) => answer.push_made(name, &value()),
            What::OverwriteHeader(name) => answer.set_made(name, &value()),
            What::RemoveHeader(name) => answer.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name)),
            What::OverwriteStatus => {
                if let Some(status) = value().trim().parse().ok().filter(|status| (200..600).contains(status)) {
                    answer.status = status;
                }
            }
        }
    }
}

impl Variable {
    fn value(&self, of: &Sources<'_>) -> Option<String> {
        match self {
            Self::Header(name) => of.backend.header(name),
            Self::Body(path) => path.value(of.backend.body, of.params),
            Self::Context(name) => of.context.get(name).map(std::borrow::Cow::into_owned),
            Self::Stage(name) => stage_variable(of.stage_variables, name),
        }
    }
}

/// The name in `header.<name>`, unless the gateway keeps it for itself.
pub(crate) fn header(target: &str) -> Result<Option<String>, KeyFault> {
    let Some(name) = target.strip_prefix("header.").filter(|name| !name.is_empty()) else { return Ok(None) };
    let lower = name.to_ascii_lowercase();
    let reserved = RESERVED.contains(&&*lower) || RESERVED_BEGINNINGS.iter().any(|start| lower.starts_with(start));
    if reserved { Err(KeyFault::Reserved { header: name.to_owned() }) } else { Ok(Some(name.to_owned())) }
}

pub(crate) fn fault(text: String, at: usize, cure: &'static str) -> FrontFault {
    ExpressionFault { text, at: Some(at), cure }.into()
}

fn response_variable(name: &str) -> Named<Variable, String> {
    match name.split_once('.') {
        Some(("response", rest)) => match rest.split_once('.') {
            Some(("header", name)) => Named::Variable(Variable::Header(name.to_owned())),
            Some(("body", path)) => BodyPath::parse(path)
                .map_or_else(|_| Named::Wrong(format!("${name}")), |path| Named::Variable(Variable::Body(path))),
            _ => Named::Wrong(format!("${name}")),
        },
        Some(("request", _)) => Named::Wrong(format!("${name}")),
        _ => shared_variable(name),
    }
}

fn shared_variable(name: &str) -> Named<Variable, String> {
    match name.split_once('.') {
        Some(("context", name)) => Named::Variable(Variable::Context(name.to_owned())),
        Some(("stageVariables", name)) => Named::Variable(Variable::Stage(name.to_owned())),
        _ => Named::Literal,
    }
}

/// Whether a key and its value change an answer.
pub(crate) fn prove_response(key: &str, value: &str) -> Result<(), FrontFault> {
    Change::new(key, value).map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request_mapping::prove_request;

    const PIECES: [&str; 15] = [
        "append",
        "overwrite",
        "remove",
        ":",
        "header.",
        "querystring.",
        "path",
        "statuscode",
        "$request.",
        "$response.",
        "body.",
        "$context.a",
        "${",
        "}",
        "a",
    ];

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..7).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_key_and_value_are_compiled_or_refused_with_words(key in text(), value in text()) {
            for proven in [prove_request(&key, &value), prove_response(&key, &value)] {
                if let Err(fault) = proven {
                    prop_assert!(!fault.to_string().is_empty());
                }
            }
        }

        #[test]
        fn no_verb_touches_a_reserved_header(
            verb in prop::sample::select(vec!["append", "overwrite", "remove"]),
            name in prop::sample::select(RESERVED.to_vec()),
            upper in any::<bool>(),
        ) {
            let name = if upper { name.to_uppercase() } else { name.to_owned() };
            let key = format!("{verb}:header.{name}");
            prop_assert!(prove_request(&key, "x").is_err() && prove_response(&key, "x").is_err());
        }

        #[test]
        fn any_other_header_can_be_changed(name in "q[a-zA-Z0-9-]{0,12}", value in "[a-z ]{0,12}") {
            for verb in ["append", "overwrite", "remove"] {
                let key = format!("{verb}:header.{name}");
                prop_assert!(prove_request(&key, &value).is_ok() && prove_response(&key, &value).is_ok());
            }
        }
    }
}
