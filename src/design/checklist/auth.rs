//! Questions about who may call, and about what is kept of the answer to that.
//!
//! Owns the rules. Refuses to look at tokens and at what a function says.

use sluicegate_policy::model::{
    ApiKind, Authorizer, AuthorizerAnswers, AuthorizerFormat, Cache, IdentitySource, Integration, LambdaAuthorizer, Requirement,
    Route, RouteId, Source,
};
use sluicegate_policy::time::Span;

use super::{Area, Check, Facts, Judged, Judgement, Static, counted, listed};
use crate::measure::checklist::Measure;

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "auth.routes",
            area: Area::Auth,
            asks: "Does every route with something behind it ask who calls?",
            cure: "give these routes an authorizer (JWT, Lambda, IAM, Cognito) or the API a resource policy; waive the check if they are meant to be public",
            source: None,
        },
        judge: routes,
    },
    Static {
        check: Check {
            id: "auth.keys",
            area: Area::Auth,
            asks: "Does no route take an API key for an authorization?",
            cure: "add an authorizer; a key tells customers apart for quotas and throttles, and says nothing of who calls",
            source: Some(
                "developer guide, \"Usage plans and API keys for REST APIs\": do not use API keys for authentication or authorization",
            ),
        },
        judge: keys,
    },
    Static {
        check: Check {
            id: "auth.identity",
            area: Area::Auth,
            asks: "Is a request without a token refused before a function is asked?",
            cure: "name the identity source (header Authorization): what lacks it is answered 401, and no function runs for it",
            source: Some("developer guide, \"Use API Gateway Lambda authorizers\""),
        },
        judge: identity,
    },
    Static {
        check: Check {
            id: "auth.cache",
            area: Area::Caching,
            asks: "Are answers of Lambda authorizers kept?",
            cure: "set a time to live (authorizerResultTtlInSeconds, 1 to 3600): with 0 every request waits for a function first",
            source: Some("API reference, Authorizer.authorizerResultTtlInSeconds; developer guide, \"Quotas\""),
        },
        judge: cache,
    },
    Static {
        check: Check {
            id: "auth.cache-scope",
            area: Area::Caching,
            asks: "Does a kept answer fit every route that it is used for?",
            cure: "let the policy name all routes of the API, or make the route a part of the identity ($context.routeKey)",
            source: Some(
                "developer guide, \"Use API Gateway Lambda authorizers\": a cached policy applies to all methods of the authorizer",
            ),
        },
        judge: scope,
    },
    Static {
        check: Check {
            id: "cache.identity",
            area: Area::Caching,
            asks: "Does the response cache tell users apart?",
            cure: "make the header of the identity a cache key of these routes, or do not cache them: one user's answer is given to the next",
            source: Some("developer guide, \"Cache settings for REST APIs\""),
        },
        judge: responses,
    },
];

/// Whether the gateway itself answers, so that there is nothing to protect.
fn is_own(route: &Route) -> bool {
    matches!(route.integration, Integration::Mock(_))
}

fn routes(facts: &Facts<'_>) -> Judged {
    let all = facts.routes();
    let is_websocket = facts.kind() == ApiKind::WebSocket;
    // A WebSocket connection is authorized once, when it is opened.
    let asked: Vec<&Route> =
        all.iter().map(|(_, route)| *route).filter(|route| !is_websocket || route.path == "$connect").collect();
    let asked: Vec<&Route> =
        asked.into_iter().filter(|route| route.method.as_deref() != Some("OPTIONS") && !is_own(route)).collect();
    let looked_at = format!("{} of {}", counted(asked.len(), "route"), facts.api_named());
    if is_websocket && asked.is_empty() {
        return Ok(Judgement::fail(looked_at, "there is no $connect route with an authorizer: anybody may open connections"));
    }
    if asked.is_empty() {
        return Err("the gateway answers every route by itself: nothing is behind it".to_owned());
    }
    if facts.api().resource_policy.is_some() {
        return Ok(Judgement::pass(looked_at, "a resource policy says who may reach the API"));
    }
    let is_open = |route: &&&Route| route.authorization.is_none() && route.api_key == Requirement::Optional;
    let open: Vec<String> = asked.iter().filter(is_open).map(|route| route.key()).collect();
    Ok(if open.is_empty() {
        Judgement::pass(looked_at, "each has an authorizer or asks for a key")
    } else {
        Judgement::fail(looked_at, format!("nobody is asked who calls {}", listed(&open))).with(
            "open routes",
            open.len() as f64,
            Measure::Count,
        )
    })
}

fn keys(facts: &Facts<'_>) -> Judged {
    let all = facts.routes();
    let asking: Vec<&Route> =
        all.iter().map(|(_, route)| *route).filter(|route| route.api_key == Requirement::Required).collect();
    if asking.is_empty() {
        return Err("no route asks for an API key".to_owned());
    }
    let looked_at = format!("{} with an API key", counted(asking.len(), "route"));
    let alone: Vec<String> = asking.iter().filter(|route| route.authorization.is_none()).map(|route| route.key()).collect();
    Ok(if alone.is_empty() {
        Judgement::pass(looked_at, "each has an authorizer besides")
    } else {
        Judgement::fail(looked_at, format!("a key is all that is asked for at {}", listed(&alone)))
    })
}

/// The functions that are asked, with the authorizers that they are.
fn functions<'a>(facts: &'a Facts<'_>) -> Result<Vec<(&'a Authorizer, &'a LambdaAuthorizer)>, String> {
    let asked: Vec<_> = facts.authorizers().into_iter().filter_map(|one| Some((one, one.lambda()?))).collect();
    if asked.is_empty() { Err("no route has a Lambda authorizer".to_owned()) } else { Ok(asked) }
}

fn identity(facts: &Facts<'_>) -> Judged {
    let asked = functions(facts)?;
    let looked_at = counted(asked.len(), "Lambda authorizer");
    let without: Vec<&str> =
        asked.iter().filter(|(_, lambda)| lambda.identity.is_empty()).map(|(one, _)| one.name.as_str()).collect();
    Ok(if without.is_empty() {
        Judgement::pass(looked_at, "each names what of a request identifies who asks")
    } else {
        Judgement::fail(looked_at, format!("no identity source: {}", listed(&without)))
    })
}

fn cache(facts: &Facts<'_>) -> Judged {
    let asked = functions(facts)?;
    if facts.kind() == ApiKind::WebSocket {
        return Err("a WebSocket connection is authorized once, and nothing of it is kept".to_owned());
    }
    let without: Vec<&str> =
        asked.iter().filter(|(_, lambda)| lambda.ttl == Span::ZERO).map(|(one, _)| one.name.as_str()).collect();
    let looked_at = counted(asked.len(), "Lambda authorizer");
    let judgement = if without.is_empty() {
        Judgement::pass(looked_at, "each keeps its answers for a time")
    } else {
        Judgement::fail(looked_at, format!("every request asks the function of {}", listed(&without)))
    };
    let told = asked.iter().fold(judgement, |judgement, (one, lambda)| {
        judgement.with(format!("time to live of {}", one.name), lambda.ttl.as_ns() as f64, Measure::Ns)
    });
    Ok(told)
}

fn scope(facts: &Facts<'_>) -> Judged {
    let asked = functions(facts)?;
    if facts.kind() == ApiKind::WebSocket {
        return Err("a WebSocket connection is authorized once, and nothing of it is kept".to_owned());
    }
    let kept: Vec<_> = asked.into_iter().filter(|(_, lambda)| lambda.ttl > Span::ZERO).collect();
    if kept.is_empty() {
        return Err("no answer is kept".to_owned());
    }
    let looked_at = format!("{} that keeps answers", counted(kept.len(), "Lambda authorizer"));
    let by_route = |lambda: &LambdaAuthorizer| {
        let names_route = |source: &IdentitySource| match source {
            IdentitySource::Context(name) => matches!(name.as_str(), "routeKey" | "resourcePath" | "resourceId" | "path"),
            IdentitySource::Header(_) | IdentitySource::Query(_) | IdentitySource::StageVariable(_) => false,
        };
        lambda.identity.iter().any(names_route)
    };
    let shared: Vec<_> = kept.into_iter().filter(|(one, lambda)| routes_of(facts, one) > 1 && !by_route(lambda)).collect();
    let names: Vec<&str> = shared.iter().map(|(one, _)| one.name.as_str()).collect();
    let simple = |lambda: &LambdaAuthorizer| lambda.format == AuthorizerFormat::V2(AuthorizerAnswers::Simple);
    Ok(if shared.is_empty() {
        Judgement::pass(looked_at, "each answer is used for one route, or the route is part of its identity")
    } else if shared.iter().all(|(_, lambda)| simple(lambda)) {
        Judgement::unknown(
            looked_at,
            format!("a simple answer of {} lets its caller in at every route", listed(&names)),
            "look at the function: if it decides by the route, make $context.routeKey an identity source",
        )
    } else {
        Judgement::unknown(
            looked_at,
            format!(
                "several routes share the kept answers of {}, and what its policy names is the function's doing",
                listed(&names)
            ),
            "look at the policy that the function returns: does it name all routes of the API?",
        )
    })
}

fn routes_of(facts: &Facts<'_>, authorizer: &Authorizer) -> usize {
    let asks = |id: RouteId| facts.model.authorization(id).is_some_and(|(_, asked)| asked == authorizer);
    facts.routes().iter().filter(|(id, _)| asks(*id)).count()
}

fn responses(facts: &Facts<'_>) -> Judged {
    let stage = facts.driven();
    let cache = stage.cache.as_ref().ok_or("the stage has no response cache")?;
    let routes = facts.routes();
    let is_kept = |id: RouteId, route: &Route| {
        let own = cache.routes.iter().find(|(known, _)| *known == id).map(|(_, own)| *own);
        let default = if route.method.as_deref() == Some("GET") { cache.default } else { Cache::Off };
        own.unwrap_or(default) != Cache::Off
    };
    let kept: Vec<&(RouteId, &Route)> =
        routes.iter().filter(|(id, route)| is_kept(*id, route) && route.authorization.is_some()).collect();
    if kept.is_empty() {
        return Err("no cached route asks who calls".to_owned());
    }
    let looked_at = format!("{} of stage {}, cached and authorized", counted(kept.len(), "route"), stage.name);
    let mixed: Vec<String> =
        kept.iter().filter(|(id, route)| !tells_apart(facts, *id, route)).map(|(_, route)| route.key()).collect();
    Ok(if mixed.is_empty() {
        Judgement::pass(looked_at, "the identity is one of the cache keys of each")
    } else {
        Judgement::fail(looked_at, format!("who calls is no cache key of {}", listed(&mixed)))
    })
}

/// Whether an identity of the caller is among a route's cache keys.
fn tells_apart(facts: &Facts<'_>, id: RouteId, route: &Route) -> bool {
    let lambda = facts.model.authorization(id).and_then(|(_, authorizer)| authorizer.lambda());
    let names: Vec<String> = lambda.map_or_else(Vec::new, |lambda| {
        let name = |source: &IdentitySource| match source {
            IdentitySource::Header(name) | IdentitySource::Query(name) => Some(name.to_ascii_lowercase()),
            IdentitySource::StageVariable(_) | IdentitySource::Context(_) => None,
        };
        lambda.identity.iter().filter_map(name).collect()
    });
    route.cache.parameters.iter().any(|rule| {
        let name = rule.name.to_ascii_lowercase();
        rule.source != Source::Path && (name == "authorization" || names.contains(&name))
    })
}
