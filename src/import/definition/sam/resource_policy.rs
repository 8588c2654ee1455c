//! `ResourcePolicy` of SAM's `Auth`: the statements that SAM writes for it into the definition.
//!
//! Owns them, and whose routes they name. Refuses to say whether such a policy can be taken (`root` does, whole or not at all). Called by
//! `sam` for events and by `auth` for the API.
//!
//! The same statements as in SAM's own documents (a test holds them against each other), but for the stage: SAM names it, here it is
//! any. The API has one, and an import may call it otherwise.

use super::super::document::{Kind, Node};
use super::auth::{OWN, operations};
use super::event::ANY;

const POLICY: &str = "x-amazon-apigateway-policy";

/// Lists of addresses, by the condition under which SAM denies.
const ADDRESSES: [(&str, &str); 2] = [("IpRangeWhitelist", "NotIpAddress"), ("IpRangeBlacklist", "IpAddress")];

/// Lists of accounts, by what is said to them.
const ACCOUNTS: [(&str, &str); 2] = [("AwsAccountWhitelist", "Allow"), ("AwsAccountBlacklist", "Deny")];

/// Lists of private networks and of endpoints in them, by the condition under which SAM denies: those by their ids, then those that
/// are known only once they are there.
const NETWORKS: [(&str, [&str; 3]); 2] = [
    ("StringEquals", ["SourceVpcBlacklist", "IntrinsicVpcBlacklist", "IntrinsicVpceBlacklist"]),
    ("StringNotEquals", ["SourceVpcWhitelist", "IntrinsicVpcWhitelist", "IntrinsicVpceWhitelist"]),
];

/// What events say of their paths. SAM reads them before it adds methods for preflight requests.
pub(super) fn of_events(document: &mut Node) {
    let mut said: Vec<(String, Node)> = Vec::new();
    for (path, item) in document.get("paths").map(Node::entries).unwrap_or_default() {
        let own = item.entries().iter().filter_map(|(_, operation)| operation.at(&[OWN, "ResourcePolicy"]));
        said.extend(own.map(|given| (path.clone(), given.clone())));
    }
    for (path, given) in said {
        restrict(document, &path, &given);
        custom(document, &given);
    }
}

/// What the API says of all its paths.
pub(super) fn of_api(document: &mut Node, given: &Node) {
    let paths: Vec<String> =
        document.get("paths").map(Node::entries).unwrap_or_default().iter().map(|(path, _)| path.clone()).collect();
    for path in paths {
        restrict(document, &path, given);
    }
    custom(document, given);
}

/// The statements of the short forms, for one path.
fn restrict(document: &mut Node, path: &str, given: &Node) {
    let line = given.line;
    let resources = Node::new(line, Kind::List(resources(document, path, line)));
    let statement = |effect: &str, principal: Node| {
        let mut statement = Node::empty(line);
        for (key, value) in [("Effect", effect), ("Action", "execute-api:Invoke")] {
            statement.set(key, Node::text(line, value));
        }
        statement.set("Resource", resources.clone());
        statement.set("Principal", principal);
        statement
    };
    let everybody = || Node::text(line, "*");
    let but = |operator: &str, keys: Node| {
        let (mut denial, mut condition) = (statement("Deny", everybody()), Node::empty(line));
        condition.set(operator, keys);
        denial.set("Condition", condition);
        vec![statement("Allow", everybody()), denial]
    };
    for (key, effect) in ACCOUNTS {
        if let Some(accounts) = list(given, key) {
            let mut principal = Node::empty(line);
            principal.set("AWS", accounts);
            add(document, vec![statement(effect, principal)]);
        }
    }
    for (key, operator) in ADDRESSES {
        if let Some(networks) = list(given, key) {
            let mut keys = Node::empty(line);
            keys.set("aws:SourceIp", networks);
            add(document, but(operator, keys));
        }
    }
    for (operator, lists) in NETWORKS {
        let keys = networks(given, lists);
        if !keys.entries().is_empty() {
            add(document, but(operator, keys));
        }
    }
}

/// A list that is there and not empty; one value is a list of one.
fn list(given: &Node, key: &str) -> Option<Node> {
    let node = given.get(key)?;
    match &node.kind {
        Kind::List(items) if items.is_empty() => None,
        Kind::Null => None,
        Kind::List(_) => Some(node.clone()),
        Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => {
            Some(Node::new(node.line, Kind::List(vec![node.clone()])))
        }
    }
}

/// Networks and endpoints as the keys of a condition. An id says itself what it is of.
fn networks(given: &Node, [by_id, networks, endpoints]: [&str; 3]) -> Node {
    let items = |key| list(given, key).map(|list| list.items().to_vec()).unwrap_or_default();
    let mut keys = Node::empty(given.line);
    for (key, prefix, more) in [("aws:SourceVpc", "vpc-", networks), ("aws:SourceVpce", "vpce-", endpoints)] {
        let mut all: Vec<Node> = items(by_id);
        all.retain(|id| id.scalar().is_some_and(|id| id.starts_with(prefix)));
        all.extend(items(more));
        if !all.is_empty() {
            keys.set(key, Node::new(given.line, Kind::List(all)));
        }
    }
    keys
}

/// The routes of a path as resources.
fn resources(document: &mut Node, path: &str, line: u32) -> Vec<Node> {
    let below: String =
        path.split('/').map(|segment| if segment.starts_with('{') { "*" } else { segment }).collect::<Vec<_>>().join("/");
    let Some(item) = document.entry("paths").and_then(|paths| paths.entry(path)) else { return Vec::new() };
    let method = |name: &str| if name == ANY { "*".to_owned() } else { name.to_ascii_uppercase() };
    operations(item).map(|(name, _)| Node::text(line, format!("execute-api:/*/{}{below}", method(name)))).collect()
}

/// `CustomStatements`: one or a list.
fn custom(document: &mut Node, given: &Node) {
    if let Some(statements) = list(given, "CustomStatements") {
        add(document, statements.items().to_vec());
    }
}

/// Adds statements to those that the definition has, each once.
fn add(document: &mut Node, statements: Vec<Node>) {
    let Some(policy) = document.entry(POLICY) else { return };
    let line = policy.line;
    let mut all: Vec<Node> = match policy.get("Statement") {
        Some(Node { kind: Kind::List(several), .. }) => several.clone(),
        Some(Node { kind: Kind::Null, .. }) | None => Vec::new(),
        Some(one) => vec![one.clone()],
    };
    for statement in statements {
        if all.iter().all(|known| known.json() != statement.json()) {
            all.push(statement);
        }
    }
    policy.set("Statement", Node::new(line, Kind::List(all)));
}
