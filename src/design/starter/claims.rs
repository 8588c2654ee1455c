//! `expect` of a starter profile: what its own run can prove or refute.
//!
//! Owns which claims there are, and margins that so many requests decide (`sizes`). Refuses to judge. Called by `starter`.

use super::yaml::{Entry, line, list};
use super::{Api, Auth, Integration, Starter};

pub(super) fn section(starter: &Starter) -> Entry {
    let mut claims: Vec<Vec<Entry>> = Vec::new();
    for (at, place) in starter.places().enumerate() {
        let mut first = vec![line("of", place.route), line("metric", "latency p50"), line("within", margin(place.kind))];
        if at == 0 {
            let said = "The observed lies so near to what the model predicts. At the mock it does, unless the mock is told to differ \
                        (--drift 'functions.orders.duration * 1.5'); at a live gateway this is how you find which placeholder is wrong.";
            first[0] = first[0].clone().said(said);
        }
        claims.push(first);
    }
    if let Some(place) = starter.places().next() {
        let tail = line("of", place.route).said("The tail needs more requests than the middle.");
        claims.push(vec![tail, line("metric", "latency p95"), line("within", "25%")]);
    }
    claims.push(vec![line("metric", "throttled").said("Of all together: 429, of whichever bucket."), line("within", "1 point")]);
    claims.push(vec![line("metric", "errors").said("5xx answers and network failures."), line("within", "1 point")]);
    claims.extend(kept_answers(starter));
    list("expect", claims).said(
        "What the run shall prove or refute, each claim by itself: holds, violated, or inconclusive. A limit in place of the model is one \
         sentence: - GET /orders/{id} p95 < 300ms.",
    )
}

/// What the gateway answers by itself is quick, so that a share of it is little.
const fn margin(kind: Integration) -> &'static str {
    match kind {
        Integration::Lambda | Integration::Vpc | Integration::Http | Integration::Aws => "15%",
        Integration::Mock => "25%",
    }
}

/// For how many requests the authorizer's answer was kept.
fn kept_answers(starter: &Starter) -> Option<Vec<Entry>> {
    match (starter.choice.auth, starter.choice.api) {
        (Auth::Lambda, Api::Rest | Api::Http) => Some(vec![
            line("metric", "authorizer hits").said(
                "Of the requests that asked the authorizer, those whose answer was kept: the others waited for its function.",
            ),
            line("within", "5 points"),
        ]),
        (Auth::None | Auth::Jwt | Auth::Iam | Auth::Cognito, _) | (Auth::Lambda, Api::Websocket) => None,
    }
}
