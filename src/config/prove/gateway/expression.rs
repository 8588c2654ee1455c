//! Mappings: where the values of parameters and headers come from.
//!
//! Owns the names that can be mapped to, and where a fault stands in the profile. Refuses to know the languages of the texts:
//! `render` proves each with the code that will run it. Called by `integration`, `routes` and `snapshot`.

use sluicegate_render::front::FrontFault;
use sluicegate_render::proof::{self, Position};

use crate::config::problem::{Spot, quoted};
use crate::config::raw::gateway::Texts;
use crate::config::reader::{At, Reader};

/// Reports what is wrong with a text at the place where it stands.
pub(super) fn proven(result: Result<(), FrontFault>, spot: &Spot, reader: &mut Reader) {
    match result {
        Ok(()) => {}
        // The parser draws a picture of several lines; its last says what is wrong.
        Err(FrontFault::Pattern(error)) => {
            let text = error.to_string();
            let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let cure = "write e.g. \"4\\d{2}\" (look-around and back references are not understood here)";
            reader.report_at(spot, format!("this is no regular expression: {what}; {cure}"));
        }
        Err(fault @ FrontFault::Template(_)) => reader.report_at(spot, format!("in the template, {fault}")),
        Err(fault @ (FrontFault::Schema(_) | FrontFault::Expression(_) | FrontFault::Key(_) | FrontFault::Keys(_))) => {
            reader.report_at(spot, fault.to_string());
        }
    }
}

/// Parameters of an integration request, by `header.X`, `querystring.q` or `path.p`.
pub(super) fn parameters(given: Option<&At<Texts>>, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        let name = &member.name.0;
        let named = |place: &str| name.strip_prefix(place).is_some_and(|rest| !rest.is_empty());
        if !["header.", "querystring.", "path."].into_iter().any(named) {
            let what = format!(
                "{} is not a parameter of an integration request; write header.NAME, querystring.NAME or path.NAME",
                quoted(name)
            );
            reader.report_at(&member.spot, what);
        }
        proven(proof::expression(&member.value.value.0, Position::Request), &member.value.spot, reader);
    }
}

/// What an HTTP API hands to a service, by the names that the service has.
pub(super) fn service_parameters(given: Option<&At<Texts>>, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        proven(proof::request_value(&member.value.value.0), &member.value.spot, reader);
    }
}

/// Headers of an answer.
pub(super) fn headers(given: Option<&At<Texts>>, position: Position, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        if member.name.0.parse::<http::HeaderName>().is_err() {
            let given = quoted(&member.name.0);
            reader.report_at(&member.spot, format!("{given} is not the name of a header; write letters, digits and \"-\""));
        }
        proven(proof::expression(&member.value.value.0, position), &member.value.spot, reader);
    }
}

/// Texts by media type, each proven.
pub(super) fn by_media_type(given: Option<&At<Texts>>, prove: impl Fn(&str) -> Result<(), FrontFault>, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        media_type(&member.name.0, &member.spot, reader);
        proven(prove(&member.value.value.0), &member.value.spot, reader);
    }
}

/// A media type, or `$default` for the rest.
pub(super) fn media_type(name: &str, spot: &Spot, reader: &mut Reader) {
    let is_one = name.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    if name != "$default" && (!is_one || name.contains(char::is_whitespace)) {
        let what = format!("{} is not a media type; write e.g. application/json, or $default for the rest", quoted(name));
        reader.report_at(spot, what);
    }
}

/// The parameter mapping of an HTTP API, as `prove` has it for its direction.
pub(super) fn mapping(given: Option<&At<Texts>>, prove: impl Fn(&str, &str) -> Result<(), FrontFault>, reader: &mut Reader) {
    for member in given.iter().flat_map(|given| &given.value.0) {
        let result = prove(&member.name.0, &member.value.value.0);
        let spot = if matches!(result, Err(FrontFault::Key(_))) { &member.spot } else { &member.value.spot };
        proven(result, spot, reader);
    }
}
