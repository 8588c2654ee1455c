//! What a deployment freezes beside its routes: CORS, gateway responses and models.
//!
//! Owns what makes each of them right, that a route's models exist, and that they fit. Refuses to answer with them (`render`). Called by
//! `deployments`.

use std::collections::BTreeSet;

use sluicegate_policy::model::{ApiKind, Cors, GatewayResponse, Route, Schema};
use sluicegate_policy::time::Span;
use sluicegate_render::proof::{self, Position};
use sluicegate_render::validate::Library;

use super::expression;
use super::{not_of_http, only_rest, texts};
use crate::config::problem::{Spot, listed, quoted, suggestion};
use crate::config::raw::gateway::deployment as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Json, Member, Text};

/// CORS, which only HTTP APIs have.
pub(super) fn cors(given: &At<raw::Cors>, kind: ApiKind, reader: &mut Reader) -> Cors {
    match kind {
        ApiKind::Http => {}
        ApiKind::Rest => {
            let what =
                "a REST API does CORS by hand: write a route OPTIONS with a mock integration that sets the headers, or api: http";
            reader.report_at(&given.spot, what);
        }
        ApiKind::WebSocket => only_rest(kind, &given.spot, "cross-origin sharing", reader),
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
    not_of_http(kind, &given.spot, "models", reader);
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
    for (at, fault) in Library::new(&schemas).faults() {
        reader.report_at(&given.value.0[at].value.spot, fault.to_string());
    }
    schemas
}

/// The models of a deployment, for routes that name them.
pub(super) struct Models<'s> {
    schemas: &'s [Schema],
    library: Library<'s>,
    /// Those that were looked at for a route: what is wrong with one is told once.
    seen: BTreeSet<String>,
}

impl<'s> Models<'s> {
    pub(super) fn of(schemas: &'s [Schema]) -> Self {
        Self { schemas, library: Library::new(schemas), seen: BTreeSet::new() }
    }

    /// That the models of a route's bodies exist, and what they refer to is not too much for a body; `spot` is where they are
    /// named, or what lacks them.
    pub(super) fn prove(&mut self, route: &Route, spot: &Spot, reader: &mut Reader) {
        for (_, model) in route.validation.body.iter().flatten() {
            if !self.library.has(model) {
                let names = || self.schemas.iter().map(|schema| schema.name.as_str());
                let (near, route, model) = (suggestion(model, names()), quoted(&route.key()), quoted(model));
                let what =
                    format!("{route} asks for the model {model}, which does not exist{near} there is: {}", listed(names()));
                reader.report_at(spot, what);
            } else if self.seen.insert(model.clone())
                && let Err(fault) = self.library.fits(model)
            {
                reader.report_at(spot, fault.to_string());
            }
        }
    }
}
