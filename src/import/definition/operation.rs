//! What an operation asks of its requests: an API key, parameters, a body that satisfies a model.
//!
//! Owns request validators and security requirements, in the words of Swagger 2.0 and of OpenAPI 3. Refuses what answers
//! (`extension`) and to check a request (`render`). Called by `openapi`.

use serde_json::{Map, Value};

use super::Api;
use super::authorizer::{Authorizers, IAM, NOBODY, scheme};
use super::document::Node;
use super::error::{Fault, quoted};
use super::extension::insert_full;
use super::notes::Notes;
use super::reference::References;
use super::schema::Models;

/// Reads operations of one definition.
pub(super) struct Operations<'a, 'd> {
    /// The definition.
    pub(super) root: &'d Node,
    /// Its references.
    pub(super) references: References<'d>,
    /// The kind of API.
    pub(super) api: Api,
    /// Authorizers that operations ask for.
    pub(super) authorizers: &'a mut Authorizers,
    /// Models that validation needs.
    pub(super) models: &'a mut Models<'d>,
    /// What is to be told.
    pub(super) notes: &'a mut Notes,
}

/// What a request validator checks.
#[derive(Clone, Copy, Default)]
struct Checks {
    parameters: bool,
    body: bool,
}

impl<'d> Operations<'_, 'd> {
    /// The keys of the route that ask something of a request. `item` is the path's.
    pub(super) fn route(&mut self, item: &'d Node, operation: &'d Node, at: &str) -> Result<Map<String, Value>, Fault> {
        let mut route = self.security(operation, at);
        if let Some(name) = operation.word("operationId").filter(|name| self.api == Api::Rest && !name.is_empty()) {
            route.insert("operation_name".to_owned(), name.into());
        }
        let checks = self.checks(operation, at);
        if checks.parameters {
            let required = self.required(item, operation, at)?;
            if !required.is_empty() {
                route.insert("parameters".to_owned(), required.into());
            }
        }
        if checks.body {
            insert_full(&mut route, "body", self.body(item, operation, at)?);
        }
        Ok(route)
    }

    /// Parameters that enter the key of the response cache: `method.request.path.id` is `path.id`.
    pub(super) fn cache_keys(&mut self, extension: &Node, at: &str) -> Vec<Value> {
        let mut keys = Vec::new();
        for given in extension.get("cacheKeyParameters").map(Node::items).unwrap_or_default() {
            let name = given.scalar().unwrap_or_default();
            match name.strip_prefix("method.request.").filter(|name| is_parameter(name)) {
                Some(key) => keys.push(key.into()),
                None => self.notes.left_out(given, at, format!("cache key {} is no parameter of the method", quoted(&name))),
            }
        }
        keys
    }

    /// What a scheme of its security asks: an API key, an authorizer. Of several authorizers the first one counts. A REST API takes the
    /// security at the top of the file for operations that have none of their own: the guide denies it ("Important notes", 2026), an
    /// import recorded by `LocalStack` shows it (`test_import_with_global_api_key_authorizer`).
    fn security(&mut self, operation: &Node, at: &str) -> Map<String, Value> {
        let mut route = Map::new();
        let at_top = || self.root.get("security").filter(|_| self.api == Api::Rest);
        let mut asked: Vec<(String, &[Node], &Node)> = Vec::new();
        for alternative in operation.get("security").or_else(at_top).map(Node::items).unwrap_or_default() {
            for (name, scopes) in alternative.entries() {
                if name == NOBODY && scheme(self.root, name).is_none() {
                    continue;
                }
                if !self.is_api_key(name) {
                    asked.push((name.clone(), scopes.items(), alternative));
                } else if self.api == Api::Http {
                    self.notes.left_out(operation, at, "an HTTP API has no API keys: the service ignores this one");
                } else {
                    route.insert("api_key".to_owned(), "required".into());
                }
            }
        }
        let auth = operation.get("x-amazon-apigateway-auth");
        let kind = auth.and_then(|auth| auth.word("type")).unwrap_or_default();
        match (auth, kind.as_str()) {
            (Some(_), "NONE") => asked.clear(),
            (Some(auth), "AWS_IAM") => asked = vec![(IAM.to_owned(), &[], auth)],
            _ => {}
        }
        for (name, scopes, alternative) in asked {
            if route.contains_key("authorizer") {
                let what = format!("authorizer {}: a route has one, and another was named before", quoted(&name));
                self.notes.left_out(alternative, at, what);
                continue;
            }
            route.extend(self.authorizers.route((self.root, self.api), (&name, scopes), at, self.notes));
        }
        route
    }

    fn is_api_key(&self, name: &str) -> bool {
        let Some(scheme) = scheme(self.root, name) else { return false };
        let is = |key, value: &str| scheme.word(key).is_some_and(|text| text.eq_ignore_ascii_case(value));
        is("type", "apiKey")
            && is("in", "header")
            && is("name", "x-api-key")
            && scheme.get("x-amazon-apigateway-authorizer").is_none()
    }

    fn checks(&mut self, operation: &Node, at: &str) -> Checks {
        const KEY: &str = "x-amazon-apigateway-request-validator";
        let Some(chosen) = operation.get(KEY).or_else(|| self.root.get(KEY)) else { return Checks::default() };
        if self.api == Api::Http {
            self.notes.left_out(chosen, at, "an HTTP API has no request validators: the service ignores this one");
            return Checks::default();
        }
        let name = chosen.scalar().unwrap_or_default();
        let Some(validator) = self.root.at(&["x-amazon-apigateway-request-validators", &name]) else {
            self.notes.left_out(chosen, at, format!("there is no request validator {}", quoted(&name)));
            return Checks::default();
        };
        let says = |key| validator.get(key).is_some_and(Node::is_true);
        Checks { parameters: says("validateRequestParameters"), body: says("validateRequestBody") }
    }

    /// Its parameters and those of its path, which it may override.
    fn parameters(&self, item: &'d Node, operation: &'d Node, at: &str) -> Result<Vec<&'d Node>, Fault> {
        let mut found: Vec<&'d Node> = Vec::new();
        for parameter in [operation, item].into_iter().filter_map(|node| node.get("parameters")).flat_map(Node::items) {
            let parameter = self.references.follow(parameter, at)?;
            let same = |other: &&Node| other.word("name") == parameter.word("name") && other.word("in") == parameter.word("in");
            if !found.iter().any(same) {
                found.push(parameter);
            }
        }
        Ok(found)
    }

    fn required(&mut self, item: &'d Node, operation: &'d Node, at: &str) -> Result<Vec<Value>, Fault> {
        let mut required = Vec::new();
        for parameter in self.parameters(item, operation, at)? {
            if !parameter.get("required").is_some_and(Node::is_true) {
                continue;
            }
            let place = match parameter.word("in").unwrap_or_default().as_str() {
                "header" => "header",
                "path" => "path",
                "query" => "querystring",
                "body" => continue,
                other => {
                    let what =
                        format!("a required parameter in {}: the service checks header, path and query only", quoted(other));
                    self.notes.left_out(parameter, at, what);
                    continue;
                }
            };
            if let Some(key) = parameter.word("name").map(|name| format!("{place}.{name}")).filter(|key| is_parameter(key)) {
                required.push(key.into());
            }
        }
        Ok(required)
    }

    /// Models by media type.
    fn body(&mut self, item: &'d Node, operation: &'d Node, at: &str) -> Result<Map<String, Value>, Fault> {
        let own = format!("{}Body", operation.word("operationId").unwrap_or_else(|| title(at)));
        let mut body = Map::new();
        if let Some(request) = operation.get("requestBody") {
            let request = self.references.follow(request, at)?;
            for (media, content) in request.get("content").map(Node::entries).unwrap_or_default() {
                if let Some(schema) = content.get("schema") {
                    body.insert(media.clone(), self.models.take(schema, &own, at)?.into());
                }
            }
        }
        let parameters = self.parameters(item, operation, at)?;
        let in_body = parameters.iter().find(|parameter| parameter.word("in").as_deref() == Some("body"));
        if let Some(schema) = in_body.and_then(|parameter| parameter.get("schema")) {
            let model = self.models.take(schema, &own, at)?;
            for media in self.consumes(operation) {
                body.insert(media, model.clone().into());
            }
        }
        Ok(body)
    }

    /// Media types of a body in Swagger 2.0; the service takes JSON if none is named.
    fn consumes(&self, operation: &Node) -> Vec<String> {
        let named = operation.get("consumes").or_else(|| self.root.get("consumes")).map(Node::items).unwrap_or_default();
        let named: Vec<String> = named.iter().filter_map(Node::scalar).collect();
        if named.is_empty() { vec!["application/json".to_owned()] } else { named }
    }
}

/// `header.X`, `path.p`, `querystring.q`.
fn is_parameter(key: &str) -> bool {
    let name = ["header.", "path.", "querystring."].iter().find_map(|place| key.strip_prefix(place));
    name.is_some_and(|name| !name.is_empty() && !name.contains(|c: char| c.is_control() || c.is_whitespace()))
}

/// `POST /orders/{id}` is `PostOrdersId`.
fn title(at: &str) -> String {
    let words = at.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        first.to_uppercase() + &rest.to_lowercase()
    };
    words.map(capital).collect()
}
