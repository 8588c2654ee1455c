//! What stands behind each route of a starter profile: the back end, the way to it, and the route's own integration.
//!
//! Owns one example of each kind of integration, with placeholders, and what is said of its keys. Refuses who may call (`authorizer`) and
//! what is sent (`traffic`, `websocket`). Called by `gateway`, and by the others for the names of routes.

use super::yaml::{Entry, line, map};
use super::{Api, Integration};

/// Sections of `gateway` that describe what is behind routes, in the order in which a profile has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Functions,
    Services,
    Links,
}

/// What one integration brings to a profile.
pub(super) struct Place {
    pub(super) kind: Integration,
    /// The key of its route.
    pub(super) route: &'static str,
    /// What is said of the route.
    pub(super) about: &'static str,
    /// What it has in a section of its own.
    pub(super) described: Option<(Table, Entry)>,
    /// The value of the route's `integration`.
    pub(super) integration: Vec<Entry>,
}

impl Table {
    pub(super) const ALL: [Self; 3] = [Self::Functions, Self::Services, Self::Links];

    /// The section with its members.
    pub(super) fn section(self, members: Vec<Entry>) -> Entry {
        let (key, said) = match self {
            Self::Functions => (
                "functions",
                "Functions: each is a pool of environments, every one with one request at a time. Measure them by the REPORT lines of \
                 their logs, which have Duration and Init Duration, or run the real code: `command: [python3, -m, awslambdaric, \
                 app.handler]` in place of duration.",
            ),
            Self::Services => (
                "services",
                "Services of the provider that routes ask without a function between. Modelled; with `endpoint: http://127.0.0.1:8000` \
                 the mock asks an emulator, each request signed.",
            ),
            Self::Links => (
                "vpc_links",
                "Private links: the load balancer at the end of each, and its targets. A target that is down is asked until health \
                 checks have taken it out: write `down: [{ from: 8s, for: 6s }]` beside its duration to see what that costs.",
            ),
        };
        map(key, members).said(said).apart()
    }
}

/// What an integration of that kind is, in an API of that kind.
pub(super) fn place(kind: Integration, api: Api) -> Place {
    match kind {
        Integration::Lambda => function(api),
        Integration::Vpc => link(api),
        Integration::Http => back_end(api),
        Integration::Aws => queue(api),
        Integration::Mock => own(api),
    }
}

/// A path, or what the messages of that route say.
const fn key(api: Api, path: &'static str, action: &'static str) -> &'static str {
    match api {
        Api::Rest | Api::Http => path,
        Api::Websocket => action,
    }
}

fn function(api: Api) -> Place {
    Place {
        kind: Integration::Lambda,
        route: key(api, "GET /orders/{id}", "order"),
        about: "A function answers. The gateway waits for it 29 s at most (REST and WebSocket APIs) or 30 s (HTTP APIs), the provider's \
                defaults; `timeout: 5s` beside the integration gives up earlier.",
        described: Some((Table::Functions, orders())),
        integration: vec![line("lambda", "orders")],
    }
}

fn orders() -> Entry {
    map(
        "orders",
        [
            line("memory", "512 MB").said("The provider's default is 128 MB; it decides CPU and price."),
            line("duration", "{ p50: 24ms, p99: 77ms }").said("Placeholder. A warm invocation, without the way to it."),
            line("cold_start", "{ p50: 320ms, p99: 900ms }")
                .said("Placeholder. What the first invocation of an environment takes in addition."),
        ],
    )
    .said(
        "No limit of its own: it shares the account's 1000 environments, the provider's default. `concurrency: 50` reserves and caps, \
         `provisioned: 10` keeps so many warm.",
    )
}

fn link(api: Api) -> Place {
    let (kind, said) = match api {
        Api::Http => (
            "alb",
            "alb asks its targets in turn; nlb chooses by a hash of the flow. An HTTP API may have either behind its link.",
        ),
        Api::Rest | Api::Websocket => (
            "nlb",
            "nlb chooses a target by a hash of the flow; alb, which newer links of REST APIs lead to as well, asks them in turn. A \
             WebSocket API has nlb alone.",
        ),
    };
    let target = || "{ duration: { lognormal: { median: 20ms, sigma: 0.3 } } }";
    let described = map(
        "stock",
        [
            line("kind", kind).said(said),
            map("targets", [line("first", target()), line("second", target())])
                .said("Placeholders. How long each works on a request; `capacity: 50` bounds how many at once."),
            line("response", r#"{ status: 200, body: '{"stock":12}' }"#)
                .said("What they answer, of which the model needs the status."),
        ],
    );
    let url = line("url", "http://stock.internal/levels").said("Behind a link that is described here the host is but a header.");
    let mut http = vec![url, line("vpc_link", "stock")];
    http.extend(of_websocket(api));
    Place {
        kind: Integration::Vpc,
        route: key(api, "GET /stock/{id}", "stock"),
        about: "A service in a private network answers, by a private link.",
        described: Some((Table::Links, described)),
        integration: vec![map("http", http)],
    }
}

fn back_end(api: Api) -> Place {
    let mut http = vec![
        line("url", "https://prices.example.com/latest").said("Your back end."),
        line("duration", "{ p50: 35ms, p99: 110ms }").said("Placeholder. From the gateway's question to the end of the answer."),
        line("response", r#"{ status: 200, body: '{"price":1200}' }"#),
        line("modelled", "true").said(
            "The mock answers in its place. Remove this, and the mock asks the back end itself, whose host must then be named: safety: { \
             allow: [prices.example.com] }.",
        ),
    ];
    http.extend(of_websocket(api));
    Place {
        kind: Integration::Http,
        route: key(api, "GET /prices/{id}", "price"),
        about: "An HTTP back end at a public address answers.",
        described: None,
        integration: vec![map("http", http)],
    }
}

/// A message has no method that the back end could be asked with.
fn of_websocket(api: Api) -> Option<Entry> {
    match api {
        Api::Rest | Api::Http => None,
        Api::Websocket => Some(line("method", "POST")),
    }
}

fn queue(api: Api) -> Place {
    let described = map(
        "sqs",
        [line("duration", "{ lognormal: { median: 12ms, sigma: 0.4 } }")
            .said("Placeholder. Measure it by integrationLatency in the access log of such a route.")],
    );
    let service = match api {
        Api::Http => vec![
            line("uri", "SQS-SendMessage")
                .said("A first-class integration: the gateway has a list of them, and makes the request."),
            line("parameters", "{ QueueUrl: https://sqs.us-east-1.amazonaws.com/123456789012/jobs, MessageBody: $request.body }"),
        ],
        Api::Rest | Api::Websocket => vec![
            line("uri", r#""arn:aws:apigateway:us-east-1:sqs:path/123456789012/jobs""#),
            line("method", "POST"),
            line("parameters", r#"{ header.Content-Type: "'application/x-www-form-urlencoded'" }"#),
            line("requests", r#"{ application/json: "Action=SendMessage&MessageBody=$util.urlEncode($input.body)" }"#)
                .said("A template makes the service's request of the client's body."),
            line("responses", r#"[{ status: 202, templates: { application/json: '{"queued":true}' } }]"#)
                .said("What the client gets. Without a pattern it is for every answer; `pattern: '5\\d{2}'` is for some."),
        ],
    };
    Place {
        kind: Integration::Aws,
        route: key(api, "POST /jobs", "job"),
        about: "A queue takes the body: no function runs, and none is paid for.",
        described: Some((Table::Services, described)),
        integration: vec![map("service", service)],
    }
}

fn own(api: Api) -> Place {
    let answer = match api {
        Api::Rest | Api::Http => "{ status: 200, body: ok }",
        Api::Websocket => r#"{ status: 200, body: '{"pong":true}' }"#,
    };
    Place {
        kind: Integration::Mock,
        route: key(api, "GET /health", "ping"),
        about: "The gateway answers by itself. How long that takes is the gateway's own time, and the way to it: measure such a route first.",
        described: None,
        integration: vec![line("mock", answer)],
    }
}
