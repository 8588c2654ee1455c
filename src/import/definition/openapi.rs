//! A definition: OpenAPI 3.0 and 3.1, Swagger 2.0, each with the `x-amazon-apigateway-*` extensions.
//!
//! Owns the walk over paths and methods, and which kind of API a definition describes. Refuses templates (`template` makes a
//! definition of each API first). Called by [`read`](super::read).

use serde_json::{Map, Value};

use super::Api;
use super::authorizer::Authorizers;
use super::document::{Kind, Node};
use super::error::{Fault, quoted};
use super::extension::Integrations;
use super::notes::Notes;
use super::operation::Operations;
use super::path::{Path, shape};
use super::reference::References;
use super::root;
use super::schema::{self, Models};
use super::service::BackEnds;

/// Methods of a path item that the service knows, as OpenAPI writes them.
const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("head", "HEAD"),
    ("patch", "PATCH"),
    ("x-amazon-apigateway-any-method", "ANY"),
];

/// Operations that a definition may have; the service takes 300 resources (developer guide, "Quotas", 2026).
const OPERATIONS_MAX: usize = 2_000;

/// What a definition comes to, in the profile's language.
#[derive(Default)]
pub(super) struct Contents {
    /// Route keys as the definition has them, those that were left out too.
    pub(super) found: Vec<String>,
    /// Routes.
    pub(super) routes: Map<String, Value>,
    /// Models.
    pub(super) models: Map<String, Value>,
    /// What stands at the definition's top: `name`, `endpoint`, `api_key_source`, `gateway_responses`, `cors`.
    pub(super) top: Map<String, Value>,
}

/// Reads a definition as an API of this kind.
pub(super) fn read(
    root: &Node,
    api: Api,
    variables: &[(String, String)],
    back_ends: &mut BackEnds,
    notes: &mut Notes,
) -> Result<Contents, Fault> {
    let references = References::new(root);
    let mut models = Models::new(references);
    let mut authorizers = Authorizers::default();
    let mut contents = Contents { top: root::read(root, api, notes), ..Contents::default() };
    let mut seen = Vec::new();
    for (path, method, item, operation) in operations(root, references, notes)? {
        let Some(path) = Path::read(&path, api, item, notes) else { continue };
        let key = path.key(method);
        contents.found.push(key.clone());
        if seen.contains(&shape(&key)) {
            notes.left_out(operation, &key, "another route catches the same requests; the service refuses one of them");
            continue;
        }
        let Some(extension) = extension(operation, references, &key, notes)? else { continue };
        let mut asked = Operations { root, references, api, authorizers: &mut authorizers, models: &mut models, notes };
        let mut route = asked.route(item, operation, &key)?;
        let cache_keys = asked.cache_keys(extension, &key);
        if !cache_keys.is_empty() {
            route.insert("cache_keys".to_owned(), cache_keys.into());
        }
        let mut integrations = Integrations { api, variables, back_ends, notes };
        if let Some(answered) = integrations.route(extension, &key) {
            route.extend(answered);
            seen.push(shape(&key));
            contents.routes.insert(key, Value::Object(route));
        }
    }
    tell_unused(root, &models, notes);
    super::extension::insert_full(&mut contents.top, "authorizers", authorizers.into_profile());
    contents.models = models.into_profile();
    Ok(contents)
}

/// The route keys of a definition, as far as they can be told without reading the operations.
pub(super) fn keys(root: &Node, api: Api) -> Result<Vec<String>, Fault> {
    let mut unheard = Notes::default();
    let operations = operations(root, References::new(root), &mut unheard)?;
    let key = |(path, method, item, _): (String, &str, &Node, &Node)| {
        Path::read(&path, api, item, &mut Notes::default()).map(|path| path.key(method))
    };
    Ok(operations.into_iter().filter_map(key).collect())
}

type Operation<'d> = (String, &'static str, &'d Node, &'d Node);

/// Path, method, path item and operation of all operations, in the order of the file.
fn operations<'d>(root: &'d Node, references: References<'d>, notes: &mut Notes) -> Result<Vec<Operation<'d>>, Fault> {
    let mut found = Vec::new();
    let paths = root.get("paths");
    if let Some(paths) = paths.filter(|paths| !matches!(paths.kind, Kind::Map(_))) {
        return Err(Fault::new(paths, "paths", format!("these are no paths but {}", paths.what())));
    }
    for (path, item) in paths.map(Node::entries).unwrap_or_default() {
        if path.starts_with("x-") {
            continue;
        }
        let item = references.follow(item, &format!("paths.{path}"))?;
        for (word, operation) in item.entries() {
            match METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
                Some((_, method)) => found.push((path.clone(), *method, item, operation)),
                None if word.eq_ignore_ascii_case("trace") => notes.left_out(operation, path, "the service has no method TRACE"),
                None => {}
            }
        }
    }
    if found.len() > OPERATIONS_MAX {
        let what =
            format!("these are {} operations; write at most {OPERATIONS_MAX}, the service takes 300 resources", found.len());
        return Err(Fault::new(paths.unwrap_or(root), "paths", what));
    }
    Ok(found)
}

/// The extension that says what answers; a note if there is none. The service refuses to deploy such a method ("No integration
/// defined for method").
fn extension<'d>(
    operation: &'d Node,
    references: References<'d>,
    key: &str,
    notes: &mut Notes,
) -> Result<Option<&'d Node>, Fault> {
    let Some(extension) = operation.get("x-amazon-apigateway-integration") else {
        let what =
            "no x-amazon-apigateway-integration says what answers; the service refuses to deploy that, so the route is left out";
        notes.left_out(operation, key, what);
        return Ok(None);
    };
    let extension = references.follow(extension, key)?;
    if matches!(extension.kind, Kind::Map(_)) {
        Ok(Some(extension))
    } else {
        Err(Fault::new(extension, key, format!("its integration is no map but {}", extension.what())))
    }
}

/// Models that nothing checks against are left out: an answer does not depend on them.
fn tell_unused(root: &Node, models: &Models<'_>, notes: &mut Notes) {
    let unused: Vec<String> = schema::names(root).into_iter().filter(|name| !models.has(name)).collect();
    if !unused.is_empty() {
        let shown = unused.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if unused.len() > 5 { format!(" and {} more", unused.len() - 5) } else { String::new() };
        notes.left_out(&Node::empty(0), "", format!("models that no request is checked against: {shown}{more}"));
    }
}

/// The kind of API that a definition describes, and what says so.
pub(super) fn kind_of(root: &Node) -> (Api, &'static str) {
    if root.get("swagger").is_some() {
        return (Api::Rest, "it is Swagger 2.0, which HTTP APIs do not take");
    }
    let mut signs = Signs::default();
    for (_, item) in root.get("paths").map(Node::entries).unwrap_or_default() {
        for (_, operation) in item.entries() {
            if let Some(extension) = operation.get("x-amazon-apigateway-integration") {
                signs.look(extension);
            }
        }
    }
    let shared = root.at(&["components", "x-amazon-apigateway-integrations"]);
    shared.map(Node::entries).unwrap_or_default().iter().for_each(|(_, extension)| signs.look(extension));
    let tops = ["x-amazon-apigateway-cors", "x-amazon-apigateway-importexport-version"];
    let top = tops.into_iter().find(|key| root.get(key).is_some());
    match (signs.rest, signs.http.or(top).or(shared.map(|_| "components.x-amazon-apigateway-integrations"))) {
        (Some(sign), _) => (Api::Rest, sign),
        (None, Some(sign)) => (Api::Http, sign),
        (None, None) => (Api::Rest, "nothing in it is an HTTP API's alone"),
    }
}

/// What the integrations say about the kind of API.
#[derive(Default)]
struct Signs {
    rest: Option<&'static str>,
    http: Option<&'static str>,
}

impl Signs {
    fn look(&mut self, extension: &Node) {
        let kind = extension.word("type").unwrap_or_default().to_ascii_lowercase();
        if matches!(kind.as_str(), "mock" | "http" | "aws") {
            self.rest = Some("only a REST API has an integration of type mock, http or aws");
        }
        if extension.word("payloadFormatVersion").is_some_and(|version| version.starts_with('2')) {
            self.http = Some("payloadFormatVersion 2.0");
        }
        if extension.get("integrationSubtype").is_some() {
            self.http = Some("integrationSubtype");
        }
    }
}

/// Why there is nothing to serve, if there is nothing.
pub(super) fn without_routes(contents: &Contents, root: &Node) -> Option<Fault> {
    if !contents.routes.is_empty() {
        return None;
    }
    let what = match contents.found.len() {
        0 => "it has no operation, so there is nothing to serve; write at least one below `paths`".to_owned(),
        found => format!(
            "none of its {found} operations can be served ({}); give them an x-amazon-apigateway-integration, e.g. of type mock",
            quoted(&contents.found[0])
        ),
    };
    Some(Fault::new(root.get("paths").unwrap_or(&Node::empty(0)), "paths", what))
}
