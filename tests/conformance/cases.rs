//! Each scenario that is run: its setup, its request, and which part of the answer was recorded.
//!
//! Owns what the recorded words mean. Refuses to send anything. Called by `main`.

use std::path::{Path, PathBuf};

use crate::{behind, recorded};

/// What the mock is told to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setup {
    /// A document of our own, under `specs/`.
    Ours(&'static str),
    /// The document that the recorded setup imported.
    Imported(&'static str),
    /// A document made for a back end that tells what it was asked, by integrations of this type.
    Behind(&'static str),
    /// The document that the recorded setup imported, its stage variables leading to such a back end over TLS.
    Variables(&'static str),
    /// Nothing: the control plane was asked, whose answer is a table of ours.
    Table,
}

/// A request, its path below the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What of the answer was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// The body.
    Body,
    /// `content` is the body, and `headers` are all headers where they are there.
    ContentAndSomeHeaders,
    /// `content` is the body, `errorType` a header.
    ContentAndErrorType,
    /// `body` and `status_code`; an empty body is written as Python does, and these headers as the note says.
    BodyAndStatus(&'static [(&'static str, &'static str)]),
    /// The headers, all of them.
    Headers,
    /// `content` is the body, in which a back end tells what it saw; `headers` are all headers; and `status_code`.
    ContentAndHeaders(Saw),
    /// The body, in which a back end tells what it saw; some of it was left out.
    Told,
    /// What the back end saw of this request by each of three methods.
    ForEachMethod,
    /// `body` and `headers` are what the back end saw, `response-headers` are all headers; of an error `body` is the body.
    BodyHeadersAndAnswer,
}

/// Which of the headers that a back end saw were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saw {
    /// All.
    All,
    /// Those that are there; others were left out.
    Some,
}

/// How a scenario is run.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) setup: Setup,
    pub(crate) request: Request,
    pub(crate) recorded: Recorded,
}

impl Setup {
    /// The document that is served, if it is a file.
    pub(crate) fn document(self) -> Option<PathBuf> {
        match self {
            Self::Ours(name) => Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/specs").join(name)),
            Self::Imported(name) => Some(recorded::file(name)),
            Self::Behind(_) | Self::Variables(_) | Self::Table => None,
        }
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PARAMETER: (&str, &str) = ("x-header-param", "test");
const INVALID: &str = r#"{"test":"test"}"#;

pub(crate) fn get(target: &str) -> Request {
    Request { method: "GET".to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
}

pub(crate) fn post(target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { method: "POST".to_owned(), target: target.to_owned(), headers, body: body.into() }
}

/// The case of a scenario; `None` while it waits for something that cannot be set up.
pub(crate) fn of(id: &str) -> Option<Case> {
    let (family, scenario) = id.split_once('.')?;
    let (setup, request, recorded) = match family {
        "route" => route(scenario)?,
        "validator" => validator(scenario)?,
        "mock" => mock(scenario)?,
        _ => behind::of(family, scenario).or_else(|| front_door(id))?,
    };
    Some(Case { setup, request, recorded })
}

pub(crate) type Parts = (Setup, Request, Recorded);

fn route(scenario: &str) -> Option<Parts> {
    let (request, recorded) = match scenario {
        "unknown-path" => (get("/random-non-existing"), Recorded::ContentAndErrorType),
        "wrong-method" => (post("/existing", &[], ""), Recorded::ContentAndErrorType),
        "ok" => (get("/existing"), Recorded::Body),
        _ => return None,
    };
    Some((Setup::Ours("route.yaml"), request, recorded))
}

fn validator(scenario: &str) -> Option<Parts> {
    let (spec, request) = match scenario {
        "missing-all" => ("validator-patched.yaml", post("/nested/value", &[JSON], INVALID)),
        "missing-header" => ("validator.yaml", get("/nested/value?qs1=test")),
        "missing-query" => (
            "validator.yaml",
            Request { headers: vec![(PARAMETER.0.to_owned(), PARAMETER.1.to_owned())], ..get("/nested/value") },
        ),
        "bad-body" => ("validator.yaml", post("/nested/value?qs1=test", &[JSON, PARAMETER], INVALID)),
        "ref.successful" => ("validator-ref.yaml", post("/path", &[JSON], r#"[{"a":1,"b":2}]"#)),
        "ref.failed-validation" => ("validator-ref.yaml", post("/path", &[JSON], r#"[{"a":1,"b":2},{"a":1}]"#)),
        _ => return None,
    };
    Some((Setup::Ours(spec), request, Recorded::Body))
}

fn mock(scenario: &str) -> Option<Parts> {
    let header = &[("foo", "bar")];
    Some(match scenario {
        "echo" => (Setup::Imported("openapi-mock.json"), get("/echo/foobar"), Recorded::Body),
        "responseOverride.with-template" => (Setup::Ours("override.yaml"), get("/"), Recorded::BodyAndStatus(header)),
        "responseOverride.no-template" => {
            (Setup::Ours("override-without-template.yaml"), get("/"), Recorded::BodyAndStatus(header))
        }
        "map-assign" => (Setup::Ours("map-assign.yaml"), get("/"), Recorded::BodyAndStatus(&[])),
        _ => return None,
    })
}

fn front_door(id: &str) -> Option<Parts> {
    Some(match id {
        "canary.response-deployment-1" => (Setup::Ours("canary.profile.yaml"), get("/"), Recorded::Body),
        "trace.normal-req-headers-MOCK" => (Setup::Ours("edge.profile.yaml"), get("/"), Recorded::Headers),
        "stagevar.get-resp-from-http" => (Setup::Variables("openapi.spec.stage-variables.json"), get("/path1"), Recorded::Told),
        "gateway-responses.default-list" => (Setup::Table, get("/"), Recorded::Body),
        _ => return None,
    })
}
