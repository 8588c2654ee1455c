//! Questions about cross-origin sharing.
//!
//! Owns what browsers would find. Refuses to say whether browsers call at all: only the owner knows.

use sluicegate_policy::model::{
    ApiKind, HttpIntegration, Integration, LambdaIntegration, MockIntegration, Protocol, Requirement, ResponseRule, ResponseType,
    Route,
};

use super::{Area, Check, Facts, Judged, Judgement, Static, counted, listed};

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "cors.credentials",
            area: Area::Cors,
            asks: "Are credentials kept from pages of any origin?",
            cure: "name the origins that may send credentials; a wildcard with credentials is refused by browsers, and where origins are echoed every page may act for the user",
            source: Some("Fetch Standard, \"CORS protocol and credentials\"; developer guide, \"Configure CORS for HTTP APIs\""),
        },
        judge: credentials,
    },
    Static {
        check: Check {
            id: "cors.preflight",
            area: Area::Cors,
            asks: "Is a preflight answered without credentials?",
            cure: "answer OPTIONS without authorizer and API key (HTTP API with a $default route: add OPTIONS /{proxy+} without an authorizer); browsers send neither with a preflight",
            source: Some("developer guide, \"Configure CORS for HTTP APIs\" and \"CORS for REST APIs\""),
        },
        judge: preflight,
    },
    Static {
        check: Check {
            id: "cors.errors",
            area: Area::Cors,
            asks: "Can a page read the gateway's own errors?",
            cure: "set Access-Control-Allow-Origin in the gateway responses DEFAULT_4XX and DEFAULT_5XX; without it a browser shows a 401, 429 or 504 as a network error",
            source: Some("developer guide, \"Gateway responses in API Gateway\""),
        },
        judge: errors,
    },
];

const ORIGIN: &str = "access-control-allow-origin";
const CREDENTIALS: &str = "access-control-allow-credentials";
const NONE: &str = "no cross-origin sharing is set up";
const WEBSOCKET: &str = "a WebSocket connection asks no preflight";

fn credentials(facts: &Facts<'_>) -> Judged {
    let looked_at = facts.api_named();
    match facts.kind() {
        ApiKind::WebSocket => Err(WEBSOCKET.to_owned()),
        ApiKind::Http => {
            let cors = facts.deployment().cors.as_ref().ok_or(NONE)?;
            let origins = listed(&cors.allow_origins);
            Ok(match (cors.allow_credentials, cors.allow_origins.iter().any(|origin| is_any(origin))) {
                (true, true) => Judgement::fail(looked_at, format!("credentials are allowed to origins {origins}")),
                (true, false) => Judgement::pass(looked_at, format!("credentials are allowed to {origins} alone")),
                (false, _) => Judgement::pass(looked_at, format!("no credentials are allowed; origins are {origins}")),
            })
        }
        ApiKind::Rest => {
            let shared = shared(facts);
            if shared.is_empty() {
                return Err(NONE.to_owned());
            }
            let open: Vec<&str> =
                shared.iter().filter(|one| one.credentials && is_any(&one.origin)).map(|one| one.at.as_str()).collect();
            let count = counted(shared.len(), "place");
            Ok(if open.is_empty() {
                Judgement::pass(looked_at, format!("none of {count} that set an origin allows credentials to any"))
            } else {
                Judgement::fail(looked_at, format!("credentials and any origin at {}", listed(&open)))
            })
        }
    }
}

/// `*`, and what comes to the same: any host of a scheme.
fn is_any(origin: &str) -> bool {
    matches!(origin, "*" | "https://*" | "http://*")
}

fn preflight(facts: &Facts<'_>) -> Judged {
    let looked_at = facts.api_named();
    let routes = facts.routes();
    let is_options = |route: &Route| route.method.as_deref() == Some("OPTIONS");
    let closed = |route: &Route| route.authorization.is_some() || route.api_key == Requirement::Required;
    let asked: Vec<String> =
        routes.iter().filter(|(_, route)| is_options(route) && closed(route)).map(|(_, route)| route.key()).collect();
    match facts.kind() {
        ApiKind::WebSocket => return Err(WEBSOCKET.to_owned()),
        ApiKind::Http => {
            if facts.deployment().cors.is_none() {
                return Err(NONE.to_owned());
            }
            let swallows = routes.iter().any(|(_, route)| route.path == "$default" && closed(route));
            let answered = routes.iter().any(|(_, route)| is_options(route) && !closed(route));
            if swallows && !answered {
                return Ok(Judgement::fail(looked_at, "the $default route takes OPTIONS, too, and asks for a token"));
            }
        }
        ApiKind::Rest => {
            if !routes.iter().any(|(_, route)| is_options(route)) {
                return Err(NONE.to_owned());
            }
            let answers =
                |path: &str| routes.iter().any(|(_, route)| route.path == path && (is_options(route) || route.method.is_none()));
            let mut without: Vec<&str> =
                routes.iter().map(|(_, route)| route.path.as_str()).filter(|path| !answers(path)).collect();
            without.dedup();
            if !without.is_empty() {
                return Ok(Judgement::fail(looked_at, format!("other paths have OPTIONS, and not {}", listed(&without))));
            }
        }
    }
    Ok(if asked.is_empty() {
        Judgement::pass(looked_at, "no route that takes OPTIONS asks for a token or a key")
    } else {
        Judgement::fail(looked_at, format!("a token or a key is asked for at {}", listed(&asked)))
    })
}

fn errors(facts: &Facts<'_>) -> Judged {
    match facts.kind() {
        ApiKind::WebSocket => return Err(WEBSOCKET.to_owned()),
        ApiKind::Http => return Err("an HTTP API sets the headers on its own errors, too".to_owned()),
        ApiKind::Rest => {}
    }
    if !facts.routes().iter().any(|(_, route)| route.method.as_deref() == Some("OPTIONS")) {
        return Err(NONE.to_owned());
    }
    let sets = |kind: ResponseType| {
        let response = facts.deployment().responses.iter().find(|response| response.kind == kind);
        response.is_some_and(|response| header(&response.headers, ORIGIN).is_some())
    };
    let wanted = [ResponseType::Default4xx, ResponseType::Default5xx];
    let missing: Vec<&str> = wanted.into_iter().filter(|kind| !sets(*kind)).map(ResponseType::as_str).collect();
    let looked_at = "gateway responses";
    Ok(if missing.is_empty() {
        Judgement::pass(looked_at, "both defaults set Access-Control-Allow-Origin")
    } else {
        Judgement::fail(looked_at, format!("no Access-Control-Allow-Origin in {}", listed(&missing)))
    })
}

/// A place of a REST API that sets an origin.
struct Shared {
    at: String,
    origin: String,
    credentials: bool,
}

fn shared(facts: &Facts<'_>) -> Vec<Shared> {
    let of = |at: String, headers: &[(String, String)]| {
        let origin = header(headers, ORIGIN)?.trim_matches('\'').to_owned();
        let credentials = header(headers, CREDENTIALS).is_some_and(|value| value.trim_matches('\'').eq_ignore_ascii_case("true"));
        Some(Shared { at, origin, credentials })
    };
    let routes = facts.routes();
    let of_routes = routes.iter().flat_map(|(_, route)| {
        rules(&route.integration).iter().filter_map(|rule| of(route.key(), &rule.headers)).collect::<Vec<_>>()
    });
    let of_errors = facts.deployment().responses.iter().filter_map(|response| of(response.kind.to_string(), &response.headers));
    of_routes.chain(of_errors).collect()
}

fn rules(integration: &Integration) -> &[ResponseRule] {
    let of = match integration {
        Integration::Mock(MockIntegration::Mapped(mapping))
        | Integration::Lambda(LambdaIntegration { protocol: Protocol::Mapped(mapping), .. })
        | Integration::Http(HttpIntegration { protocol: Protocol::Mapped(mapping), .. }) => Some(mapping),
        Integration::Mock(_) | Integration::Lambda(_) | Integration::Http(_) | Integration::Service(_) => None,
    };
    of.map_or(&[], |mapping| &mapping.responses)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
