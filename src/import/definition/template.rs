//! A template: its resources with all functions evaluated, and the APIs that they make.
//!
//! Owns which resources count and which APIs there are. Refuses what an API consists of (`sam`, `cloudformation`). Called by
//! [`read`](super::read).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::document::{Kind, Node};
use super::error::Fault;
use super::function::Size;
use super::intrinsic::Resolver;
use super::notes::Notes;
use super::plan::Plans;
use super::stage::Stage;
use super::{cloudformation, sam};

/// Resources that a template may have (CloudFormation, "Quotas", 2026).
const RESOURCES_MAX: usize = 500;

/// A resource with its functions evaluated.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// Its logical id.
    pub(super) id: String,
    /// Its type: `AWS::Serverless::Api`.
    pub(super) kind: String,
    /// Its properties.
    pub(super) properties: Node,
}

/// The part of a template that makes APIs.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// Resources of the types that count, in the order of the file.
    pub(super) resources: Vec<Resource>,
    /// `Globals`.
    pub(super) globals: Node,
}

/// What a template makes an API of.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Its logical id.
    pub(super) id: String,
    /// What it is.
    pub(super) protocol: Protocol,
    /// Its definition, as it stands in the template or as its resources make it.
    pub(super) document: Node,
    /// Its stages.
    pub(super) stages: Vec<Stage>,
    /// What of the profile's `gateway` its own properties decide.
    pub(super) top: Map<String, Value>,
    /// Its keys and plans.
    pub(super) plans: Plans,
    /// Domain, base path and stage.
    pub(super) domains: Vec<(String, String, String)>,
}

/// What an API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A REST API.
    Rest,
    /// An HTTP API.
    Http,
    /// A WebSocket API.
    WebSocket,
}

impl Source {
    /// An API of which nothing is known but its name.
    pub(super) fn new(id: &str, protocol: Protocol, document: Node) -> Self {
        Self {
            id: id.to_owned(),
            protocol,
            document,
            stages: Vec::new(),
            top: Map::new(),
            plans: Plans::default(),
            domains: Vec::new(),
        }
    }
}

impl Template {
    /// Evaluates a template.
    pub(super) fn read(root: &Node, parameters: &[(String, String)], notes: &mut Notes) -> Result<Self, Fault> {
        let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
        if resources.len() > RESOURCES_MAX {
            let what = format!("the template has {} resources; CloudFormation takes {RESOURCES_MAX}", resources.len());
            return Err(Fault::new(root, "Resources", what));
        }
        let mut resolver = Resolver::new(root, parameters);
        let globals = root.get("Globals").map(|globals| resolver.value(globals)).transpose()?.unwrap_or_else(|| Node::empty(0));
        let mut found = Vec::new();
        for (id, resource) in resources {
            let kind = resource.word("Type").unwrap_or_default();
            let Some(keys) = keys_of(&kind) else { continue };
            if !resolver.is_there(resource, id)? {
                continue;
            }
            let empty = Node::empty(resource.line);
            let given = resource.get("Properties").unwrap_or(&empty);
            let kept =
                Node::new(given.line, Kind::Map(given.entries().iter().filter(|(key, _)| keys.keep(key)).cloned().collect()));
            let mut properties = resolver.value(&kept)?;
            properties.line = resource.line;
            found.push(Resource { id: id.clone(), kind, properties });
        }
        notes.extend(resolver.notes);
        Ok(Self { resources: found, globals })
    }

    /// The APIs, in the order of the file; those that SAM makes by itself come last.
    pub(super) fn apis(&self, notes: &mut Notes) -> Vec<Source> {
        let mut apis = Vec::new();
        for resource in &self.resources {
            match resource.kind.as_str() {
                "AWS::Serverless::Api" | "AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi" => {
                    apis.push(sam::api(self, resource, notes));
                }
                "AWS::ApiGateway::RestApi" => apis.push(cloudformation::rest_api(self, resource, notes)),
                "AWS::ApiGatewayV2::Api" => apis.push(cloudformation::http_api(self, resource, notes)),
                _ => {}
            }
        }
        apis.extend(sam::implicit(self, notes));
        for api in &mut apis {
            cloudformation::attach(self, api, notes);
        }
        apis
    }

    /// The resource of this logical id.
    pub(super) fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// Resources of a type.
    pub(super) fn of<'t>(&'t self, kind: &'t str) -> impl Iterator<Item = &'t Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// What the template says of its functions.
    pub(super) fn functions(&self) -> BTreeMap<String, Size> {
        let mut sizes = BTreeMap::new();
        for resource in &self.resources {
            if !matches!(resource.kind.as_str(), "AWS::Serverless::Function" | "AWS::Lambda::Function") {
                continue;
            }
            let global = self.globals.get("Function").filter(|_| resource.kind.starts_with("AWS::Serverless"));
            let number = |key| {
                let given = resource.properties.word(key).or_else(|| global.and_then(|global| global.word(key)));
                given.and_then(|text| text.parse::<u32>().ok())
            };
            let size = Size {
                memory_mb: number("MemorySize"),
                concurrency: number("ReservedConcurrentExecutions").filter(|count| *count > 0),
                timeout_s: number("Timeout").filter(|seconds| (1..=900).contains(seconds)),
                handler: resource.properties.word("Handler").or_else(|| global.and_then(|global| global.word("Handler"))),
            };
            if let Some(name) = resource.properties.word("FunctionName") {
                sizes.insert(name, size.clone());
            }
            sizes.insert(resource.id.clone(), size);
        }
        sizes
    }
}

/// Which properties of a resource count.
enum Kept {
    All,
    Only(&'static [&'static str]),
}

impl Kept {
    fn keep(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(keys) => keys.contains(&key),
        }
    }
}

/// The properties that count of a resource of this type; `None` if it makes nothing of an API. The others are not evaluated, so
/// that nothing is said of what has nothing to do with APIs.
fn keys_of(kind: &str) -> Option<Kept> {
    match kind {
        "AWS::Serverless::Function" => {
            Some(Kept::Only(&["Events", "FunctionName", "MemorySize", "ReservedConcurrentExecutions"]))
        }
        "AWS::Lambda::Function" => Some(Kept::Only(&["FunctionName", "MemorySize", "ReservedConcurrentExecutions"])),
        "AWS::Serverless::StateMachine" => Some(Kept::Only(&["Events"])),
        "AWS::Serverless::Api" | "AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi" => Some(Kept::All),
        "AWS::ApiGateway::Account" | "AWS::ApiGateway::ClientCertificate" | "AWS::ApiGateway::DocumentationPart" => None,
        _ if kind.starts_with("AWS::ApiGateway::") || kind.starts_with("AWS::ApiGatewayV2::") => Some(Kept::All),
        _ => None,
    }
}

/// A name as a stage may have it; `None` for one that holds what is known only once the template is deployed.
pub(super) fn stage_name(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_name = !name.is_empty() && name.len() <= 128 && (name == "$default" || name.chars().all(allowed));
    is_name.then(|| name.to_owned())
}

/// Merges `over` into `under`: maps key by key, lists one after the other, as SAM does with `Globals`.
pub(super) fn merged(under: &Node, over: &Node) -> Node {
    match (&under.kind, &over.kind) {
        (Kind::Map(below), Kind::Map(above)) => {
            let mut entries: Vec<(String, Node)> = below.clone();
            for (key, value) in above {
                match entries.iter_mut().find(|(known, _)| known == key) {
                    Some((_, slot)) => *slot = merged(slot, value),
                    None => entries.push((key.clone(), value.clone())),
                }
            }
            Node::new(over.line, Kind::Map(entries))
        }
        (Kind::List(below), Kind::List(above)) => Node::new(over.line, Kind::List(below.iter().chain(above).cloned().collect())),
        (_, Kind::Null) => under.clone(),
        _ => over.clone(),
    }
}
