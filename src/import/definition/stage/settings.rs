//! Settings of a stage's methods: `MethodSettings`, `DefaultRouteSettings` and `RouteSettings`.
//!
//! Owns which routes a setting covers. Refuses to know what is set. Called by `stage`.

use serde_json::{Map, Value};

use super::super::document::Node;
use super::super::notes::Notes;

/// What is set for all routes of a stage, and what for some.
pub(super) struct Settings<'n> {
    /// For all.
    pub(super) all: Vec<&'n Node>,
    some: Vec<Setting<'n>>,
    routes: &'n [String],
    /// The stage, for messages.
    pub(super) at: String,
}

/// Settings of some methods.
struct Setting<'n> {
    /// `None` is all.
    method: Option<String>,
    /// `None` is all.
    path: Option<String>,
    node: &'n Node,
}

impl<'n> Settings<'n> {
    /// The settings among a stage's properties; `routes` are the keys of the API's routes.
    pub(super) fn read(properties: &'n Node, routes: &'n [String], at: String) -> Self {
        let methods = properties.get("MethodSettings").map(Node::items).unwrap_or_default();
        let of_method = |node: &'n Node| {
            let word = |key| node.word(key).filter(|word| !matches!(word.as_str(), "*" | "/*"));
            Setting { method: word("HttpMethod"), path: word("ResourcePath").map(|path| resource_path(&path)), node }
        };
        let default = properties.get("DefaultRouteSettings").map(|node| Setting { method: None, path: None, node });
        let of_key = |(key, node): &'n (String, Node)| {
            let (method, path) =
                key.split_once(' ').map_or((None, key.as_str()), |(method, path)| (Some(method.to_owned()), path));
            Setting { method, path: Some(path.to_owned()), node }
        };
        let keys = properties.get("RouteSettings").map(Node::entries).unwrap_or_default().iter().map(of_key);
        let given = methods.iter().map(of_method).chain(default).chain(keys);
        let (all, some): (Vec<_>, Vec<_>) = given.partition(|setting| setting.method.is_none() && setting.path.is_none());
        Self { all: all.into_iter().map(|setting| setting.node).collect(), some, routes, at }
    }

    /// The first for all routes that says this.
    pub(super) fn first<T>(&self, value: impl FnMut(&'n Node) -> Option<T>) -> Option<T> {
        self.all.iter().copied().find_map(value)
    }

    /// Settings of some methods.
    pub(super) fn of_some(&self) -> impl Iterator<Item = &'n Node> {
        self.some.iter().map(|setting| setting.node)
    }

    /// Routes with this method.
    pub(super) fn routes_of(&self, method: &str) -> impl Iterator<Item = &'n String> {
        self.routes.iter().filter(move |route| route.split_once(' ').is_some_and(|(own, _)| own == method))
    }

    /// Values of single routes: of each setting for every route that it covers.
    pub(super) fn of_routes(&self, notes: &mut Notes, value: impl Fn(&Node, &mut Notes) -> Option<Value>) -> Map<String, Value> {
        let mut found = Map::new();
        for setting in &self.some {
            let covered: Vec<&String> = self.routes.iter().filter(|route| setting.covers(route)).collect();
            if covered.is_empty() {
                notes.left_out(setting.node, &self.at, "these settings cover no route");
            } else if let Some(value) = value(setting.node, notes) {
                found.extend(covered.into_iter().map(|route| (route.clone(), value.clone())));
            }
        }
        found
    }
}

impl Setting<'_> {
    fn covers(&self, route: &str) -> bool {
        let (method, path) = route.split_once(' ').unwrap_or(("", route));
        let is = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(given));
        is(&self.method, method) && self.path.as_deref().is_none_or(|wanted| wanted == path)
    }
}

/// Paths in method settings are escaped: `/~1orders~1{id}` is `/orders/{id}` (CloudFormation, "`MethodSetting`").
fn resource_path(path: &str) -> String {
    if !path.contains('~') {
        return path.to_owned();
    }
    path.strip_prefix('/').unwrap_or(path).replace("~1", "/").replace("~0", "~")
}
