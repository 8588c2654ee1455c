//! The provider's services behind the gateway: modelled, real, or both.
//!
//! Owns what makes one possible, whom the mock signs as, and the defaults. Refuses to reach one (the mock does), and what routes ask of
//! one (`service`). Called by `gateway`.

use std::net::IpAddr;

use sluicegate_policy::model::{AccessKey, BackEnd, ModelledBackEnd, Response, Service, ServiceAccess};

use super::functions::filled_answer;
use super::{at_most, filled, latency};
use crate::config::problem::{Spot, quoted};
use crate::config::prove::auth::{KeyGiven, access_key};
use crate::config::prove::aws::{self, Found, NoKey};
use crate::config::raw::gateway as raw;
use crate::config::raw::gateway::service::ProviderService;
use crate::config::reader::{At, Reader};
use crate::config::value::{Member, Named, Outside, Percent, Shape, Text};
use crate::traffic::auth::Secret;

/// What signs for an emulator on this machine, where nobody has an access key.
const STAND_IN: &str = "sluicegate-stand-in";

/// The services, in the order of the profile.
pub(super) fn services(
    given: Option<&mut At<Named<Text, At<ProviderService>>>>,
    outside: Outside<'_>,
    reader: &mut Reader,
) -> Option<Vec<Service>> {
    let Some(given) = given else { return Some(Vec::new()) };
    if !at_most(given.value.0.len(), "services", &given.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Service>> = given.value.0.iter_mut().map(|member| service(member, outside, reader)).collect();
    proven.into_iter().collect()
}

fn service(member: &mut Member<Text, At<ProviderService>>, outside: Outside<'_>, reader: &mut Reader) -> Option<Service> {
    let name = member.name.0.clone();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_name {
        let what = format!("{} is not the name of a service as URIs have it; write e.g. dynamodb, sqs or states", quoted(&name));
        reader.report_at(&member.spot, what);
    }
    let spot = member.value.spot.clone();
    let given = &mut member.value.value;
    if given.endpoint.is_none() && given.duration.is_none() {
        let what = "a service is modelled, real, or both; write duration, endpoint, or both of them";
        reader.report_at(&spot, what);
        return None;
    }
    let ProviderService { duration, failures, response, .. } = given;
    let modelled = modelled(Claims { duration: duration.as_ref(), failures, response }, &spot, reader);
    let access = if let Some(endpoint) = &given.endpoint {
        Some(access(&name, endpoint, given, (outside, &spot), reader)?)
    } else {
        let of_real = given.credentials.as_ref().map(|it| &it.spot).or(given.signing_name.as_ref().map(|it| &it.spot));
        if let Some(spot) = of_real {
            reader.report_at(spot, "nothing is signed for a modelled service; add its endpoint, or remove this");
        }
        None
    };
    let back_end = match (&access, modelled?) {
        (Some(_), claimed) => BackEnd::Real(claimed),
        (None, modelled) => BackEnd::Modelled(modelled?),
    };
    is_name.then_some(Service { name, back_end, access })
}

/// What is said of a back end that may be real.
pub(super) struct Claims<'a> {
    pub(super) duration: Option<&'a At<Shape>>,
    pub(super) failures: &'a mut Option<At<Percent>>,
    pub(super) response: &'a mut Option<raw::Answer>,
}

/// What the model says of a back end; nothing without a duration. The outer `None` means that problems were reported.
#[allow(clippy::option_option, reason = "that nothing is said is no problem")]
pub(super) fn modelled(given: Claims<'_>, spot: &Spot, reader: &mut Reader) -> Option<Option<ModelledBackEnd>> {
    let Claims { duration, failures, response } = given;
    let Some(duration) = duration else {
        if let Some(failures) = failures {
            reader.report_at(&failures.spot, "without its duration the model says nothing of it; add duration, or remove this");
        }
        let answer = response.as_ref();
        let answer = answer.and_then(|it| it.status.as_ref().map(|it| &it.spot).or(it.body.as_ref().map(|it| &it.spot)));
        if let Some(spot) = answer {
            reader.report_at(spot, "what is real answers by itself; add duration to model it, or remove this");
        }
        return Some(None);
    };
    let duration = latency(duration, reader);
    let failures = filled(failures, spot, "failures", || Percent::nearest(0.0)).value.share();
    let answer = response.get_or_insert(raw::Answer { status: None, body: None });
    let (status, body) = filled_answer(answer, spot, "{}");
    Some(Some(ModelledBackEnd { duration: duration?, failures, response: Response { status, body } }))
}

fn access(
    name: &str,
    endpoint: &At<Text>,
    given: &ProviderService,
    (outside, spot): (Outside<'_>, &Spot),
    reader: &mut Reader,
) -> Option<ServiceAccess> {
    let text = endpoint.value.0.trim_end_matches('/');
    let uri = text.parse::<http::Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let authority = uri.as_ref().and_then(http::Uri::authority).filter(|authority| !authority.as_str().contains('@'));
    let Some(authority) = authority.filter(|_| !text.contains(['?', '#', '{', '}'])) else {
        let what = format!("{} is not the base URL of a service; write e.g. http://127.0.0.1:8000", quoted(&endpoint.value.0));
        reader.report_at(&endpoint.spot, what);
        return None;
    };
    let signing_name = given.signing_name.as_ref().map_or_else(|| signing_name(name), |name| &name.value.0).to_owned();
    if signing_name.is_empty() || !signing_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        let at = given.signing_name.as_ref().map_or(spot, |given| &given.spot);
        reader.report_at(at, format!("{} is not a name that signatures are for; write e.g. dynamodb", quoted(&signing_name)));
    }
    let found = match &given.credentials {
        Some(At { value, spot }) => {
            let given = KeyGiven {
                profile: value.profile.as_ref(),
                access_key_id: value.access_key_id.as_ref(),
                secret_access_key: value.secret_access_key.as_ref(),
                session_token: value.session_token.as_ref(),
            };
            access_key(spot, &given, outside, reader)
        }
        None => match aws::of_environment(outside.env) {
            Err(NoKey::NoProfile { .. }) if is_this_machine(authority.host()) => Some(stand_in()),
            found => reader.accept(&endpoint.spot, found),
        },
    };
    let Found { access_key_id, secret_access_key, session_token, .. } = found?;
    let token = session_token.map(|token| token.reveal().to_owned());
    let key = AccessKey { id: access_key_id, secret: secret_access_key.reveal().to_owned(), token };
    Some(ServiceAccess { endpoint: text.to_owned(), signing_name, key })
}

fn stand_in() -> Found {
    Found {
        access_key_id: STAND_IN.to_owned(),
        secret_access_key: Secret::new(STAND_IN.to_owned()),
        session_token: None,
        source: "a stand-in".to_owned(),
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The name that signatures for a service are for: its own, but for those whose service model has a `signingName` beside the prefix of
/// their hosts (botocore, 7 August 2026).
fn signing_name(service: &str) -> &str {
    match service {
        "appsync-api" => "appsync",
        "email" => "ses",
        "iot" => "iotdata",
        other => other,
    }
}
