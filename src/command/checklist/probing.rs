//! A live endpoint, asked with a handful of harmless requests.
//!
//! Owns which requests these are, and that the safety rules allow the endpoint first. Refuses to judge the answers (`design::checklist::probes`) and
//! to send anything else: no body, no valid token, no method that changes something.

use sluicegate_policy::model::{ApiKind, Route};
use sluicegate_policy::time::Span;
use sluicegate_timer::clock::wall_epoch;

use super::document::Document;
use crate::cli::{Checklist, ProbeFlags};
use crate::command::failure::Failure;
use crate::config::{Plan, Safety};
use crate::design::checklist::Answers;
use crate::design::checklist::probes::{self, Answer, Handshake, ORIGIN, REQUESTS_MAX, Reply, Seen};
use crate::engine::{self, Inquiry, Settings, Tls, Told};
use crate::measure::checklist::ExchangeRecord;
use crate::traffic::endpoint::{Endpoint, Scheme};

/// How long each answer is waited for.
const PATIENCE: Span = Span::from_secs(10);
/// A token that looks like one and is none; nobody's.
const BROKEN: &str = "Bearer eyJhbGciOiJSUzI1NiJ9.c2x1aWNlZ2F0ZQ.broken";
/// A path that nobody has.
const NOWHERE: &str = "/sluicegate-checklist-no-such-path";

/// The endpoint that is asked, if the rules allow it: those of the profile, and the flags.
pub(super) fn permitted<'a>(asked: &'a Checklist, document: Option<&Document>) -> Result<Option<&'a Endpoint>, Failure> {
    let Some(endpoint) = &asked.probe.target else { return Ok(None) };
    let mut safety = document.map_or_else(Safety::default, |document| document.plan.safety.clone());
    safety.allow.extend(asked.probe.allow_host.iter().cloned());
    safety.permit(endpoint).map_err(|refusal| Failure::Refused(Box::new(refusal)))?;
    Ok(Some(endpoint))
}

/// Asks it; what was sent and what came back.
pub(super) fn probe(
    asked: &Checklist,
    endpoint: &Endpoint,
    document: Option<&Document>,
    answers: &mut Answers,
) -> Result<Vec<ExchangeRecord>, Failure> {
    let settings = settings(&asked.probe, endpoint);
    let (path, guarded) = path(&asked.probe, document.map(|document| &document.plan));
    let inquiries = inquiries(&path);
    debug_assert!(inquiries.len() < REQUESTS_MAX);
    let failed = |error| Failure::usage(error);
    let told = engine::inquire(&settings, &inquiries).map_err(failed)?;
    let tls = handshake(&settings).map_err(failed)?;
    let mut exchanges: Vec<ExchangeRecord> =
        inquiries.iter().zip(&told).map(|(inquiry, told)| exchange(endpoint, inquiry, told)).collect();
    exchanges.extend(tls.as_ref().map(|tls| of_handshake(endpoint, tls)));
    let mut replies = told.into_iter().map(reply);
    let mut next = || replies.next().unwrap_or_else(|| Err("it was not asked".to_owned()));
    let (preflight, no_token, broken_token, unknown_path) = (next(), next(), next(), next());
    let is_here = endpoint.is_loopback();
    let seen = Seen { path, guarded, preflight, no_token, broken_token, unknown_path, tls, is_here };
    for (check, judged) in probes::judged(&seen) {
        answers.add(check, judged);
    }
    Ok(exchanges)
}

fn settings(flags: &ProbeFlags, endpoint: &Endpoint) -> Settings {
    let tls = match (flags.insecure, &flags.ca) {
        (true, _) => Tls::Insecure,
        (false, Some(ca)) => Tls::Authority(ca.clone()),
        (false, None) => Tls::System,
    };
    Settings { tls, timeout: PATIENCE, ..Settings::for_target(endpoint.clone()) }
}

/// The path that is asked for, and whether the document says that it asks who calls.
fn path(flags: &ProbeFlags, plan: Option<&Plan>) -> (String, Option<bool>) {
    let routes: Vec<&Route> = plan.map_or_else(Vec::new, |plan| {
        let served = plan.model.stages[usize::from(plan.stage.0)].deployment;
        let is_rest_or_http = plan.model.api_of(plan.stage).kind != ApiKind::WebSocket;
        let gets = |route: &Route| route.method.as_deref() == Some("GET") && is_rest_or_http;
        plan.model.routes_of(served).map(|(_, route)| route).filter(|route| gets(route)).collect()
    });
    if let Some(path) = &flags.path {
        let path = if path.starts_with('/') { path.clone() } else { format!("/{path}") };
        let known = routes.iter().find(|route| fits(&route.path, &path));
        return (path, known.map(|route| route.authorization.is_some()));
    }
    let chosen = routes.iter().find(|route| route.authorization.is_some()).or_else(|| routes.first());
    chosen.map_or_else(|| ("/".to_owned(), None), |route| (filled(&route.path), Some(route.authorization.is_some())))
}

/// A path with something for each of its parameters.
fn filled(pattern: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "1".to_owned() } else { segment.to_owned() };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn fits(pattern: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(path).all(|(wanted, given)| wanted.starts_with('{') || *wanted == given)
}

fn inquiries(path: &str) -> Vec<Inquiry> {
    let of = |method: &str, target: &str, headers: &[(&str, &str)]| Inquiry {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let preflight =
        [("origin", ORIGIN), ("access-control-request-method", "GET"), ("access-control-request-headers", "authorization")];
    vec![
        of("OPTIONS", path, &preflight),
        of("GET", path, &[]),
        of("GET", path, &[("authorization", BROKEN)]),
        of("GET", NOWHERE, &[]),
    ]
}

/// What was agreed on. Where the certificate is not good, once more without looking at it, to see what it says.
fn handshake(settings: &Settings) -> Result<Option<Result<Handshake, String>>, engine::EngineError> {
    let Some(agreed) = engine::agreed(settings)? else { return Ok(None) };
    let (agreed, is_trusted) = match agreed {
        Ok(agreed) => (Ok(agreed), true),
        Err(why) => {
            let unchecked = engine::agreed(&Settings { tls: Tls::Insecure, ..settings.clone() })?;
            (unchecked.unwrap_or(Err(why)), false)
        }
    };
    let now_s = wall_epoch().as_secs_f64() as i64;
    let holds = |ends_s: i64| Span::from_secs(u64::try_from(ends_s - now_s).unwrap_or(0));
    Ok(Some(agreed.map(|agreed| Handshake { version: agreed.version, holds: agreed.ends_s.map(holds), is_trusted })))
}

fn reply(told: Result<Told, String>) -> Reply {
    told.map(|Told { status, headers, body, took: _ }| Answer { status, headers, body })
}

/// Headers of an answer that are shown: they hold no secret.
const SHOWN: [&str; 8] = [
    "content-type",
    "www-authenticate",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "x-amzn-errortype",
    "x-amzn-requestid",
    "apigw-requestid",
    "server",
];

fn exchange(endpoint: &Endpoint, inquiry: &Inquiry, told: &Result<Told, String>) -> ExchangeRecord {
    let headers: Vec<String> = inquiry
        .headers
        .iter()
        .map(
            |(name, value)| {
                if name == "authorization" { format!("{name}: (a broken token)") } else { format!("{name}: {value}") }
            },
        )
        .collect();
    let with = if headers.is_empty() { String::new() } else { format!(" with {}", headers.join(", ")) };
    let sent = format!("{} {endpoint}{}{with}", inquiry.method, inquiry.target);
    match told {
        Ok(told) => {
            let shown = told.headers.iter().filter(|(name, _)| SHOWN.contains(&name.as_str()));
            let shown: Vec<String> = shown.map(|(name, value)| format!("{name}: {value}")).collect();
            // What is answered where all went well is somebody's data.
            let body = if told.status >= 400 { beginning(&told.body) } else { String::new() };
            let parts = [told.status.to_string(), shown.join(", "), body];
            let answered = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
            ExchangeRecord { sent, answered, took_ns: told.took.as_ns() }
        }
        Err(why) => ExchangeRecord { sent, answered: format!("no answer: {why}"), took_ns: 0 },
    }
}

/// The beginning of a body, on one line.
fn beginning(body: &str) -> String {
    const CHARS: usize = 120;
    let line: String = body.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

fn of_handshake(endpoint: &Endpoint, tls: &Result<Handshake, String>) -> ExchangeRecord {
    debug_assert_eq!(endpoint.scheme, Scheme::Https);
    let answered = match tls {
        Ok(it) if it.is_trusted => it.version.clone(),
        Ok(it) => format!("{}, with a certificate that is not good", it.version),
        Err(why) => format!("nothing was agreed on: {why}"),
    };
    ExchangeRecord { sent: format!("a TLS handshake with {}", endpoint.authority()), answered, took_ns: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_path_are_filled_and_a_filled_path_fits_its_pattern() {
        assert_eq!(filled("/orders/{id}/files/{proxy+}"), "/orders/1/files/1");
        assert!(fits("/orders/{id}", "/orders/7?x=1") && !fits("/orders/{id}", "/orders") && !fits("/orders", "/carts"));
    }

    #[test]
    fn a_handful_is_sent_and_none_of_it_changes_anything() {
        let all = inquiries("/orders/1");
        assert!(all.len() < REQUESTS_MAX);
        assert!(all.iter().all(|one| matches!(one.method.as_str(), "GET" | "OPTIONS")));
    }

    #[test]
    fn what_is_shown_of_a_broken_token_is_that_it_is_one() {
        let endpoint = "https://api.example.com/prod".parse().unwrap();
        let shown = exchange(&endpoint, &inquiries("/a")[2], &Err("refused".to_owned()));
        assert_eq!(shown.sent, "GET https://api.example.com/prod/a with authorization: (a broken token)");
        assert!(!format!("{shown:?}").contains("eyJ"));
    }
}
