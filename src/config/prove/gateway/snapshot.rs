//! What a deployment freezes beside its routes: CORS, gateway responses and models.
//!
//! Owns what makes each of them right, and that a route's models exist. Refuses to answer with them (`render`). Called by
//! `deployments`.

use std::collections::BTreeSet;

use sluicegate_policy::model::{ApiKind, Cors, GatewayResponse, Route, Schema};
use sluicegate_policy::time::Span;
use sluicegate_render::proof::{self, Position};

use super::expression;
use super::{only_rest, texts};
use crate::config::problem::{Spot, listed, quoted, suggestion};
use crate::config::raw::gateway::deployment as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Json, Member, Text};

/// CORS, which only HTTP APIs have.
pub(super) fn cors(given: &At<raw::Cors>, kind: ApiKind, reader: &mut Reader) -> Cors {
    if kind == ApiKind::Rest {
        let what =
            "a REST API does CORS by hand: write a route OPTIONS with a mock integration that sets the headers, or api: http";
        reader.report_at(&given.spot, what);
    }
    let cors = &given.value;
    for method in cors.allow_methods.iter().flatten() {
        let text = &method.value.0;
        if text != "*" && (text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_uppercase())) {
            reader.report_at(&method.spot, format!("{} is not a method; write it in capitals, or \"*\"", quoted(text)));
        }
    }
    for header in cors.allow_headers.iter().chain(&cors.expose_headers).flatten() {
        let text = &header.value.0;
        if text != "*" && text.parse::<http::HeaderName>().is_err() {
            let what = format!("{} is not the name of a header; write letters, digits and \"-\", or \"*\"", quoted(text));
            reader.report_at(&header.spot, what);
        }
    }
    let max_age = cors.max_age.as_ref().map(|age| {
        // API reference, `Cors.MaxAge`: at most 86,400 s, whole seconds.
        let span = age.value.0;
        if span > Span::from_secs(86_400) || span.as_ns() % Span::from_secs(1).as_ns() != 0 {
            reader.report_at(&age.spot, format!("{span} is not how long a preflight is kept; write whole seconds, at most 1d"));
        }
        span
    });
    let words = |list: &Option<Vec<At<Text>>>| list.iter().flatten().map(|word| word.value.0.clone()).collect();
    Cors {
        allow_origins: words(&cors.allow_origins),
        allow_methods: words(&cors.allow_methods),
        allow_headers: words(&cors.allow_headers),
        expose_headers: words(&cors.expose_headers),
        max_age,
        allow_credentials: cors.allow_credentials.as_ref().is_some_and(|given| given.value.0),
    }
}

/// Customised gateway responses.
pub(super) fn responses(given: &At<raw::GatewayResponses>, kind: ApiKind, reader: &mut Reader) -> Vec<GatewayResponse> {
    only_rest(kind, &given.spot, "gateway responses", reader);
    let prove = |member: &Member<_, At<raw::GatewayResponse>>| {
        let response = &member.value.value;
        expression::headers(response.headers.as_ref(), Position::GatewayResponse, reader);
        expression::by_media_type(response.templates.as_ref(), proof::response_body, reader);
        let crate::config::value::ResponseKind(kind) = member.name;
        GatewayResponse {
            kind,
            status: response.status.as_ref().map(|status| status.value.0),
            headers: texts(response.headers.as_ref()),
            templates: texts(response.templates.as_ref()),
        }
    };
    given.value.0.iter().map(prove).collect()
}

/// Models, each a JSON schema.
pub(super) fn schemas(given: &At<raw::Models>, kind: ApiKind, reader: &mut Reader) -> Vec<Schema> {
    only_rest(kind, &given.spot, "models", reader);
    let prove = |member: &Member<Text, At<Json>>| {
        let text = member.value.value.0.to_string();
        let name = &member.name.0;
        // The provider wants letters and digits (API reference, `Model.Name`); definitions that are imported have more.
        let holds = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || !name.chars().all(holds) {
            reader.report_at(&member.spot, format!("{} is not the name of a model; write letters and digits", quoted(name)));
        }
        Schema { name: name.clone(), text }
    };
    let schemas: Vec<Schema> = given.value.0.iter().map(prove).collect();
    // A model that others refer to is wrong in each of them; one place is enough to mend it.
    let mut told = BTreeSet::new();
    for member in &given.value.0 {
        let result = proof::model(&member.name.0, &schemas);
        if result.as_ref().err().is_none_or(|fault| told.insert(fault.to_string())) {
            expression::proven(result, &member.value.spot, reader);
        }
    }
    schemas
}

/// That the models of a route's bodies exist; `spot` is where they are named, or what lacks them.
pub(super) fn knows_models(route: &Route, schemas: &[Schema], spot: &Spot, reader: &mut Reader) {
    let named = route.validation.body.iter().flatten().map(|(_, model)| model);
    let is_known = |model: &str| {
        let own = schemas.iter().any(|schema| schema.name == model);
        // Some models every API has.
        own || proof::model(model, &[]).is_ok()
    };
    for model in named.filter(|model| !is_known(model)) {
        let names = || schemas.iter().map(|schema| schema.name.as_str());
        let near = suggestion(model, names());
        let route = quoted(&route.key());
        let what =
            format!("{route} asks for the model {}, which does not exist{near} there is: {}", quoted(model), listed(names()));
        reader.report_at(spot, what);
    }
}
