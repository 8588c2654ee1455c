//! What nobody has confirmed of the real gateway, and is set.
//!
//! Owns which kind of API has which of these settings, and which statuses make sense. Refuses every behaviour (the policy's), and
//! the defaults, which are the model's. Called by `gateway`.

use sluicegate_policy::model::{ApiKind, SERVICE_RETRIES_MAX, Unconfirmed};

use super::only_rest;
use crate::config::problem::{Place, Spot, choices};
use crate::config::prove::filled;
use crate::config::raw::gateway::unconfirmed as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{
    CachedStatuses, Charge, Count, Duration, MalformedStatus, QuotaBegins, RefusalCors, Status, Text, ThrottledContentType,
    ToldFirst, TooLargeContentType, UnknownStage, UnsetVariable,
};

/// The settings; what a profile does not say is as the model has it.
pub(super) fn unconfirmed(
    slot: &mut Option<At<raw::Unconfirmed>>,
    gateway: &Spot,
    kind: ApiKind,
    reader: &mut Reader,
) -> Unconfirmed {
    let given = slot.get_or_insert_with(|| At::default_for(gateway, "unconfirmed", raw::Unconfirmed::default()));
    let spot = given.spot.clone();
    let given = &mut given.value;
    let common = of_both(given, &spot, reader);
    match kind {
        ApiKind::Http => of_http(given, &spot, common, reader),
        ApiKind::Rest => of_rest(given, &spot, common, reader),
        ApiKind::WebSocket => of_websocket(given, &spot, common, reader),
    }
}

/// What both kinds have.
fn of_both(given: &mut raw::Unconfirmed, spot: &Spot, reader: &mut Reader) -> Unconfirmed {
    let default = Unconfirmed::default();
    let head =
        filled(&mut given.headers_too_large_status, spot, "headers_too_large_status", || Status(default.headers_too_large));
    let url = filled(&mut given.url_too_long_status, spot, "url_too_long_status", || Status(default.url_too_long));
    let (headers_too_large, url_too_long) = (refusing(head, reader), refusing(url, reader));
    let misdirected = filled(&mut given.misdirected_status, spot, "misdirected_status", || Status(default.misdirected));
    let misdirected = one_of(misdirected, &[403, 421], reader);
    let malformed = filled(&mut given.malformed_requests, spot, "malformed_requests", || MalformedStatus::Rfc).value.into();
    let content_type = &mut given.payload_too_large_content_type;
    let content_type = filled(content_type, spot, "payload_too_large_content_type", || TooLargeContentType::AsBody).value;
    let too_large_content_type = content_type.into();
    let clock_skew = filled(&mut given.clock_skew, spot, "clock_skew", || Duration(default.clock_skew)).value.0;
    let retries = filled(&mut given.service_retries, spot, "service_retries", || Count(default.service_retries));
    let service_retries = retries.value.0;
    if service_retries > SERVICE_RETRIES_MAX {
        let what = format!("a service is asked again up to {SERVICE_RETRIES_MAX} times; write 0 to {SERVICE_RETRIES_MAX}");
        reader.report_at(&retries.spot, what);
    }
    Unconfirmed {
        service_retries,
        clock_skew,
        headers_too_large,
        url_too_long,
        misdirected,
        malformed,
        too_large_content_type,
        ..default
    }
}

/// What HTTP APIs alone have.
fn of_http(given: &mut raw::Unconfirmed, spot: &Spot, common: Unconfirmed, reader: &mut Reader) -> Unconfirmed {
    let stage = written(&mut given.unknown_stage, "choice here: the answer to an unknown stage is documented");
    let first = written(&mut given.told_first, "quotas");
    let requests = written(&mut given.throttled_requests, "quotas");
    let keys = written(&mut given.refused_keys, "API keys");
    let begins = written(&mut given.quota_begins, "quotas");
    let statuses = written(&mut given.cached_statuses, "response cache");
    let header = written(&mut given.cache_warning_header, "response cache");
    let failure = written(&mut given.customised_function_failure_status, "gateway responses");
    let unset = written(&mut given.unset_variable, "mapping templates");
    for (spot, what) in [stage, first, requests, keys, begins, statuses, header, failure, unset].into_iter().flatten() {
        only_rest(ApiKind::Http, spot, what, reader);
    }
    let body = filled(&mut given.payload_too_large_status, spot, "payload_too_large_status", || Status(common.payload_too_large));
    let payload_too_large = refusing(body, reader);
    let preflight = filled(&mut given.preflight_status, spot, "preflight_status", || Status(common.preflight));
    let preflight = one_of(preflight, &[204, 200], reader);
    let throttled =
        filled(&mut given.throttled_function_status, spot, "throttled_function_status", || Status(common.throttled_function));
    let throttled_function = one_of(throttled, &[503, 500], reader);
    let content_type = &mut given.throttled_content_type;
    let content_type = filled(content_type, spot, "throttled_content_type", || ThrottledContentType::Absent).value;
    let refusal_cors = filled(&mut given.refusal_cors, spot, "refusal_cors", || RefusalCors::Absent).value.into();
    let throttled_content_type = content_type.into();
    Unconfirmed { payload_too_large, preflight, throttled_function, throttled_content_type, refusal_cors, ..common }
}

/// What REST APIs alone have.
fn of_rest(given: &mut raw::Unconfirmed, spot: &Spot, common: Unconfirmed, reader: &mut Reader) -> Unconfirmed {
    let common = with_plans(given, spot, common, reader);
    let header = filled(&mut given.cache_warning_header, spot, "cache_warning_header", || Text(common.cache_warning.to_string()));
    if http::HeaderName::from_bytes(header.value.0.as_bytes()).is_err() {
        reader.report_at(&header.spot, "this is not the name of a header; write letters, digits and \"-\", e.g. Warning");
    }
    let cache_warning = header.value.0.clone().into();
    let failure = &mut given.customised_function_failure_status;
    let failure = filled(failure, spot, "customised_function_failure_status", || Status(common.customised_function_failure));
    let customised_function_failure = one_of(failure, &[502, 504], reader);
    let cached_statuses = filled(&mut given.cached_statuses, spot, "cached_statuses", || CachedStatuses::Success).value.into();
    Unconfirmed { cached_statuses, cache_warning, customised_function_failure, ..common }
}

/// What WebSocket APIs have: what REST APIs have, but for the cache and customised answers.
fn of_websocket(given: &mut raw::Unconfirmed, spot: &Spot, common: Unconfirmed, reader: &mut Reader) -> Unconfirmed {
    let statuses = written(&mut given.cached_statuses, "response cache");
    let header = written(&mut given.cache_warning_header, "response cache");
    let failure = written(&mut given.customised_function_failure_status, "gateway responses");
    for (spot, what) in [statuses, header, failure].into_iter().flatten() {
        only_rest(ApiKind::WebSocket, spot, what, reader);
    }
    with_plans(given, spot, common, reader)
}

/// What APIs have that have usage plans and templates.
fn with_plans(given: &mut raw::Unconfirmed, spot: &Spot, common: Unconfirmed, reader: &mut Reader) -> Unconfirmed {
    let body = written(&mut given.payload_too_large_status, "");
    let preflight = written(&mut given.preflight_status, "");
    let function = written(&mut given.throttled_function_status, "");
    let content_type = written(&mut given.throttled_content_type, "");
    let cors = written(&mut given.refusal_cors, "");
    for (spot, _) in [body, preflight, function, content_type, cors].into_iter().flatten() {
        reader.report_at(spot, "this is a setting of HTTP APIs alone; remove it, or write api: http");
    }
    Unconfirmed {
        unknown_stage: filled(&mut given.unknown_stage, spot, "unknown_stage", || UnknownStage::Forbidden).value.into(),
        told_first: filled(&mut given.told_first, spot, "told_first", || ToldFirst::Quota).value.into(),
        throttled_requests: filled(&mut given.throttled_requests, spot, "throttled_requests", || Charge::Free).value.into(),
        refused_keys: filled(&mut given.refused_keys, spot, "refused_keys", || Charge::Free).value.into(),
        quota_begins: filled(&mut given.quota_begins, spot, "quota_begins", || QuotaBegins::UtcMidnight).value.into(),
        unset_variable: filled(&mut given.unset_variable, spot, "unset_variable", || UnsetVariable::Nothing).value.into(),
        ..common
    }
}

/// Where somebody wrote a key that this kind of API does not have, and what it is about. The default of another kind, which a drift
/// of the kind leaves behind, was written by nobody: it goes.
fn written<'s, T>(slot: &'s mut Option<At<T>>, what: &'static str) -> Option<(&'s Spot, &'static str)> {
    slot.take_if(|at| at.spot.place == Place::Nowhere);
    slot.as_ref().map(|at| (&at.spot, what))
}

/// The status of a refusal.
fn refusing(given: &At<Status>, reader: &mut Reader) -> u16 {
    let status = given.value.0;
    if status < 400 {
        reader.report_at(&given.spot, format!("{status} is not the status of a refusal; write one from 400 to 599"));
    }
    status
}

/// One of the statuses that have been reported.
fn one_of(given: &At<Status>, known: &[u16], reader: &mut Reader) -> u16 {
    let status = given.value.0;
    if !known.contains(&status) {
        let words: Vec<String> = known.iter().map(u16::to_string).collect();
        let words = choices(words.iter().map(String::as_str));
        reader.report_at(&given.spot, format!("{status} was never reported of the real gateway; write {words}"));
    }
    status
}
