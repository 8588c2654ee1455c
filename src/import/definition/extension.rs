//! `x-amazon-apigateway-integration`: what answers on a route.
//!
//! Owns the step from the extension to the profile's `integration`. Refuses routes and requests (`operation`). Called by
//! `openapi`.
//!
//! Source: API Gateway developer guide, "x-amazon-apigateway-integration object", 2026, and "OpenAPI definitions for HTTP APIs".

use serde_json::{Map, Value, json};

use super::Api;
use super::document::{Kind, Node};
use super::error::quoted;
use super::function::{filled, of_uri};
use super::intrinsic::deployed;
use super::mapping;
use super::notes::Notes;
use super::service::{self, BackEnds};

/// Keys of the extension that have their place here; others are told.
const KNOWN: &[&str] = &[
    "type",
    "uri",
    "httpMethod",
    "connectionType",
    "connectionId",
    "timeoutInMillis",
    "payloadFormatVersion",
    "passthroughBehavior",
    "contentHandling",
    "requestParameters",
    "requestTemplates",
    "responses",
    "responseParameters",
    "cacheKeyParameters",
    "integrationSubtype",
    "$ref",
];

/// Why a key of the extension is not carried over.
const LEFT_OUT: &[(&str, &str)] = &[
    ("credentials", "the role for calling the back end is not modelled: the back end is always allowed to be called"),
    ("cacheNamespace", "a cache namespace is not modelled: each route has its own entries"),
    ("tlsConfig", "how the back end's certificate is checked is not modelled"),
    ("integrationTarget", "the listener behind a VPC link is not modelled"),
    (
        "responseTransferMode",
        "only what proxies of a REST API answer is streamed, functions and HTTP back ends: this one comes as a whole",
    ),
];

/// Reads extensions for one API.
pub(super) struct Integrations<'a> {
    /// The kind of API.
    pub(super) api: Api,
    /// Stage variables that name functions.
    pub(super) variables: &'a [(String, String)],
    /// Functions and services that were named.
    pub(super) back_ends: &'a mut BackEnds,
    /// What is to be told.
    pub(super) notes: &'a mut Notes,
}

impl Integrations<'_> {
    /// The keys of the route that the extension decides; `None`, with a note, if no such integration is possible.
    pub(super) fn route(&mut self, extension: &Node, at: &str) -> Option<Map<String, Value>> {
        self.tell_unknown(extension, at);
        let kind = extension.word("type").unwrap_or_default().to_ascii_lowercase();
        let mut route = Map::new();
        let integration = match (self.api, kind.as_str()) {
            (Api::Rest | Api::WebSocket, "mock") => json!({ "mock": mapping::mapped(extension, self.notes, at) }),
            (_, "aws_proxy" | "aws") => self.provider(extension, kind == "aws_proxy", at)?,
            (Api::Rest | Api::WebSocket, "http") | (_, "http_proxy") => self.http(extension, kind == "http_proxy", at)?,
            _ => {
                let what =
                    format!("{} is no type of integration that {} has; the route is left out", quoted(&kind), self.api.named());
                self.notes.left_out(extension, at, what);
                return None;
            }
        };
        if let Some(given) = extension.get("contentHandling").filter(|_| kind.ends_with("_proxy")) {
            self.notes.left_out(given, at, "a proxy's bodies are converted by their media type alone");
        }
        if self.api == Api::Http {
            mapping::of_http_api(&mut route, extension, self.notes, at);
        }
        if integration.get("mock").is_none() {
            self.timeout(&mut route, extension, at);
        }
        route.insert("integration".to_owned(), integration);
        Some(route)
    }

    fn tell_unknown(&mut self, extension: &Node, at: &str) {
        for (key, value) in extension.entries() {
            let reason = LEFT_OUT.iter().find(|(name, _)| name == key).map(|(_, reason)| (*reason).to_owned());
            let is_read = KNOWN.contains(&key.as_str())
                || (key == "responseTransferMode" && (!streams(extension) || self.may_stream(extension)));
            if !is_read && value.kind != Kind::Null {
                self.notes.left_out(value, at, reason.unwrap_or_else(|| format!("integration key {} is not known", quoted(key))));
            }
        }
    }

    /// Whether what answers is a function, or an HTTP back end, as a proxy of a REST API.
    fn may_stream(&self, extension: &Node) -> bool {
        let is = |named: &str| extension.word("type").is_some_and(|kind| kind.eq_ignore_ascii_case(named));
        let is_function = || extension.word("uri").is_some_and(|uri| of_uri(&uri).is_some());
        self.api == Api::Rest && (is("http_proxy") || is("aws_proxy") && is_function())
    }

    /// A function, or a service of the provider.
    fn provider(&mut self, extension: &Node, proxy: bool, at: &str) -> Option<Value> {
        let subtype = extension.word("integrationSubtype").filter(|_| proxy);
        let Some(uri) = subtype.clone().or_else(|| extension.word("uri")) else {
            self.notes.left_out(extension, at, "its integration has no uri; the route is left out");
            return None;
        };
        if let Some(name) = of_uri(&uri).filter(|_| proxy && subtype.is_none()) {
            return Some(self.lambda(&name, extension, at));
        }
        if let Some(name) = of_uri(&uri).filter(|_| !proxy && self.api != Api::Http) {
            let mut lambda = Map::new();
            lambda.insert("function".to_owned(), self.function(&name, extension, at).into());
            insert_method(&mut lambda, extension);
            lambda.insert("proxy".to_owned(), false.into());
            lambda.extend(mapping::mapped(extension, self.notes, at));
            return Some(json!({ "lambda": lambda }));
        }
        if proxy && subtype.is_none() {
            let what = "a proxy leads to a function, and its uri names none; the route is left out";
            self.notes.left_out(extension, at, what);
            return None;
        }
        let uri = deployed(&uri);
        if let Some(name) = service::of_uri(&uri) {
            self.back_ends.services.add(name);
        }
        let mut service = Map::new();
        service.insert("uri".to_owned(), uri.into());
        if let Some(method) = method(extension) {
            service.insert("method".to_owned(), method.into());
        }
        service.insert("proxy".to_owned(), proxy.into());
        if proxy {
            let parameters = if self.api == Api::Http {
                mapping::service_parameters(extension)
            } else {
                mapping::parameters(extension, self.notes, at)
            };
            insert_full(&mut service, "parameters", parameters);
        } else {
            service.extend(mapping::mapped(extension, self.notes, at));
        }
        Some(json!({ "service": service }))
    }

    /// A function as a proxy, by its name alone if nothing else is to be said.
    fn lambda(&mut self, name: &str, extension: &Node, at: &str) -> Value {
        let mut lambda = Map::new();
        lambda.insert("function".to_owned(), self.function(name, extension, at).into());
        match self.api {
            Api::Rest | Api::WebSocket => {
                insert_method(&mut lambda, extension);
                if streams(extension) && self.api == Api::Rest {
                    lambda.insert("stream".to_owned(), true.into());
                }
                insert_full(&mut lambda, "parameters", mapping::parameters(extension, self.notes, at));
            }
            Api::Http => match extension.word("payloadFormatVersion").as_deref() {
                None | Some("2.0" | "2") => {}
                Some("1.0" | "1") => _ = lambda.insert("payload_format".to_owned(), "1.0".into()),
                Some(other) => {
                    self.notes.left_out(extension, at, format!("{} is no payload format; 2.0 holds", quoted(other)));
                }
            },
        }
        match lambda.get("function") {
            Some(name) if lambda.len() == 1 => json!({ "lambda": name }),
            _ => json!({ "lambda": lambda }),
        }
    }

    fn function(&mut self, name: &str, extension: &Node, at: &str) -> String {
        let (name, by_variable) = filled(name, self.variables);
        if by_variable {
            let what = format!("function {name}, whatever the stage: a stage variable chooses it");
            self.notes.assumed(extension, at, what);
        }
        self.back_ends.functions.add(&name);
        name
    }

    fn http(&mut self, extension: &Node, proxy: bool, at: &str) -> Option<Value> {
        let Some(url) = extension.word("uri").filter(|uri| !uri.trim().is_empty()) else {
            self.notes.left_out(extension, at, "its integration has no uri; the route is left out");
            return None;
        };
        let mut http = Map::new();
        http.insert("url".to_owned(), self.address(url, extension, at).into());
        if let Some(method) = method(extension) {
            http.insert("method".to_owned(), method.into());
        }
        http.insert("proxy".to_owned(), proxy.into());
        if proxy && self.api != Api::Http {
            if streams(extension) && self.api == Api::Rest {
                http.insert("stream".to_owned(), true.into());
            }
            insert_full(&mut http, "parameters", mapping::parameters(extension, self.notes, at));
        } else if !proxy {
            http.extend(mapping::mapped(extension, self.notes, at));
        }
        if extension.word("connectionType").is_some_and(|kind| kind.eq_ignore_ascii_case("VPC_LINK")) {
            let link = extension.word("connectionId").unwrap_or_else(|| "vpc-link".to_owned());
            http.insert("vpc_link".to_owned(), filled(&link, self.variables).0.into());
        }
        Some(json!({ "http": http }))
    }

    /// The URL; one whose beginning only a deployed stack knows gets a host that does not exist (RFC 2606, `.invalid`).
    fn address(&mut self, url: String, extension: &Node, at: &str) -> String {
        let unknown =
            url.strip_prefix("${").filter(|rest| !rest.starts_with("stageVariables.")).and_then(|rest| rest.split_once('}'));
        let Some((name, rest)) = unknown else { return url };
        let host: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).take(63).collect();
        let url = format!("https://{}.invalid{rest}", host.trim_matches('-'));
        self.notes.assumed(extension, at, format!("{url}: where the back end is, is known only once it is deployed"));
        url
    }

    /// `timeoutInMillis`, within what the kind of API allows (developer guide, "Quotas", 2026).
    fn timeout(&mut self, route: &mut Map<String, Value>, extension: &Node, at: &str) {
        let Some(given) = extension.get("timeoutInMillis") else { return };
        let longest = match self.api {
            Api::Rest => 900_000,
            Api::Http => 30_000,
            Api::WebSocket => 29_000,
        };
        let millis = given.scalar().and_then(|text| text.parse::<u64>().ok()).filter(|millis| (50..=longest).contains(millis));
        match millis {
            Some(millis) => {
                let text = if millis % 1_000 == 0 { format!("{}s", millis / 1_000) } else { format!("{millis}ms") };
                route.insert("timeout".to_owned(), text.into());
            }
            None => self.notes.left_out(given, at, format!("the time-out is no number from 50 to {longest}; the default holds")),
        }
    }
}

/// Method of the integration request; `ANY` is the request's own.
fn method(extension: &Node) -> Option<String> {
    let method = extension.word("httpMethod")?.to_ascii_uppercase();
    (method != "ANY" && !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(method)
}

/// Whether its answer is to be streamed: `STREAM`, which SAM writes `RESPONSE_STREAM`, too.
fn streams(extension: &Node) -> bool {
    let mode = extension.word("responseTransferMode").unwrap_or_default();
    ["STREAM", "RESPONSE_STREAM"].iter().any(|streams| mode.eq_ignore_ascii_case(streams))
}

/// A function is invoked by POST, which need not be said.
fn insert_method(into: &mut Map<String, Value>, extension: &Node) {
    if let Some(method) = method(extension).filter(|method| method != "POST") {
        into.insert("method".to_owned(), method.into());
    }
}

/// Writes a map that holds something.
pub(super) fn insert_full(into: &mut Map<String, Value>, key: &str, value: Map<String, Value>) {
    if !value.is_empty() {
        into.insert(key.to_owned(), Value::Object(value));
    }
}
