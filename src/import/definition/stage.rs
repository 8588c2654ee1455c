//! Stages: their variables, throttles, cache, canary and logs, as templates describe them.
//!
//! Owns the step from a stage's properties, REST or HTTP, to the profile's language. Refuses routes. Filled by `sam` and
//! `cloudformation`, written by `profile`.

use serde_json::{Map, Value, json};

use super::document::Node;
use super::error::quoted;
use super::notes::Notes;
use super::template::merged;

/// What of the account's default throttle fills in for a part that a throttle does not name (developer guide, "Quotas", 2023).
const ACCOUNT_RATE: f64 = 10_000.0;
const ACCOUNT_BURST: f64 = 5_000.0;

/// How long the response cache keeps an answer by default, in seconds (developer guide, "Enable API caching", 2023).
const CACHE_TTL: u64 = 300;

/// A stage.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Its name.
    pub(super) name: String,
    /// Its properties, as a template has them; empty for a stage that nothing is said of.
    pub(super) properties: Node,
    /// Stage variables.
    pub(super) variables: Vec<(String, String)>,
}

/// Settings of all methods, or of one.
struct Setting<'n> {
    /// `None` is all.
    method: Option<String>,
    /// `None` is all.
    path: Option<String>,
    node: &'n Node,
}

impl Stage {
    /// A stage that nothing is said of.
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), properties: Node::empty(0), variables: Vec::new() }
    }

    /// A stage with these properties: of `AWS::ApiGateway::Stage`, `AWS::ApiGatewayV2::Stage`, or of SAM's APIs.
    pub(super) fn read(name: String, properties: &Node) -> Self {
        let variables = properties.get("Variables").or_else(|| properties.get("StageVariables"));
        let variables = variables.map(Node::entries).unwrap_or_default();
        let variables = variables.iter().filter_map(|(name, value)| value.scalar().map(|value| (name.clone(), value))).collect();
        Self { name, properties: properties.clone(), variables }
    }

    /// Sets a stage variable.
    pub(super) fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The stage in the profile's language; `routes` are the keys of the API's routes.
    pub(super) fn profile(&self, routes: &[String], notes: &mut Notes) -> Value {
        let mut stage = Map::new();
        if !self.variables.is_empty() {
            stage.insert("variables".to_owned(), texts(&self.variables));
        }
        let settings = self.settings();
        let (all, some): (Vec<_>, Vec<_>) =
            settings.iter().partition(|setting| setting.method.is_none() && setting.path.is_none());
        if let Some(throttle) = all.iter().find_map(|setting| throttle(setting.node, &self.name, notes)) {
            stage.insert("throttle".to_owned(), throttle);
        }
        // What a route's throttle does not name is the stage's own, and else the account's.
        let default = all.iter().map(|setting| setting.node).find(|node| has_throttle(node));
        let throttles = self.of_routes(&some, routes, notes, |node, notes| {
            let whole = default.map_or_else(|| node.clone(), |default| merged(default, node));
            has_throttle(node).then(|| throttle(&whole, &self.name, notes)).flatten()
        });
        put(&mut stage, "route_throttles", throttles);
        self.cache(&mut stage, &all, &some, routes, notes);
        self.canary(&mut stage, notes);
        self.logs(&mut stage, &all, &some, notes);
        Value::Object(stage)
    }

    /// `MethodSettings`, and what HTTP APIs have instead.
    fn settings(&self) -> Vec<Setting<'_>> {
        let methods = self.properties.get("MethodSettings").map(Node::items).unwrap_or_default();
        let of_method = |node| {
            let word = |key| Node::word(node, key).filter(|word| !matches!(word.as_str(), "*" | "/*"));
            Setting { method: word("HttpMethod"), path: word("ResourcePath").map(|path| resource_path(&path)), node }
        };
        let default = self.properties.get("DefaultRouteSettings").map(|node| Setting { method: None, path: None, node });
        let routes = self.properties.get("RouteSettings").map(Node::entries).unwrap_or_default();
        let of_key = routes.iter().map(|(key, node)| {
            let (method, path) =
                key.split_once(' ').map_or((None, key.as_str()), |(method, path)| (Some(method.to_owned()), path));
            Setting { method, path: Some(path.to_owned()), node }
        });
        methods.iter().map(of_method).chain(default).chain(of_key).collect()
    }

    /// Values of single routes: of each setting for every route that it covers.
    fn of_routes(
        &self,
        settings: &[&Setting<'_>],
        routes: &[String],
        notes: &mut Notes,
        value: impl Fn(&Node, &mut Notes) -> Option<Value>,
    ) -> Map<String, Value> {
        let mut found = Map::new();
        for setting in settings {
            let covered: Vec<&String> = routes.iter().filter(|route| setting.covers(route)).collect();
            if covered.is_empty() {
                let what = "these settings cover no route";
                notes.left_out(setting.node, &format!("stage {}", self.name), what);
                continue;
            }
            if let Some(value) = value(setting.node, notes) {
                found.extend(covered.into_iter().map(|route| (route.clone(), value.clone())));
            }
        }
        found
    }

    fn cache(
        &self,
        stage: &mut Map<String, Value>,
        all: &[&Setting<'_>],
        some: &[&Setting<'_>],
        routes: &[String],
        notes: &mut Notes,
    ) {
        if !self.properties.get("CacheClusterEnabled").is_some_and(Node::is_true) {
            return;
        }
        let at = format!("stage {}", self.name);
        let ttl_of = |setting: &&Setting<'_>| ttl(setting.node);
        let default = all.iter().find_map(ttl_of);
        let of_routes = self.of_routes(some, routes, notes, |node, _| {
            ttl(node).map(|ttl| if ttl == 0 { "off".into() } else { json!({ "ttl": format!("{ttl}s") }) })
        });
        let any = default.is_some_and(|ttl| ttl > 0) || of_routes.values().any(Value::is_object);
        if !any {
            let what = "the cache: no method setting enables caching, so it stays empty";
            return notes.left_out(&self.properties, &at, what);
        }
        let size = self.properties.word("CacheClusterSize").filter(|size| size.parse::<f64>().is_ok_and(|size| size > 0.0));
        let size = size.unwrap_or_else(|| "0.5".to_owned());
        let mut route_caches = of_routes;
        if default.is_none_or(|ttl| ttl == 0) {
            // The stage's own time holds for every GET: where it is off, each says so.
            let gets = routes.iter().filter(|route| route.starts_with("GET "));
            for route in gets {
                route_caches.entry(route.clone()).or_insert_with(|| "off".into());
            }
        }
        let ttl = default.filter(|ttl| *ttl > 0).unwrap_or(CACHE_TTL);
        stage.insert("cache".to_owned(), json!({ "size": format!("{size} GB"), "ttl": format!("{ttl}s") }));
        put(stage, "route_caches", route_caches);
    }

    fn canary(&self, stage: &mut Map<String, Value>, notes: &mut Notes) {
        let Some(given) = self.properties.get("CanarySetting") else { return };
        let percent = given
            .word("PercentTraffic")
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|percent| (0.0..=100.0).contains(percent));
        let mut canary = Map::new();
        canary.insert("percent".to_owned(), format!("{}%", percent.unwrap_or(0.0)).into());
        canary.insert("deployment".to_owned(), "current".into());
        let variables = given.get("StageVariableOverrides").map(Node::entries).unwrap_or_default();
        let variables: Vec<_> = variables.iter().filter_map(|(name, value)| Some((name.clone(), value.scalar()?))).collect();
        if !variables.is_empty() {
            canary.insert("variables".to_owned(), texts(&variables));
        }
        canary.insert("shares_cache".to_owned(), given.get("UseStageCache").is_some_and(Node::is_true).into());
        stage.insert("canary".to_owned(), Value::Object(canary));
        notes.assumed(given, &format!("stage {}", self.name), "its canary serves the same deployment: a template holds only one");
    }

    fn logs(&self, stage: &mut Map<String, Value>, all: &[&Setting<'_>], some: &[&Setting<'_>], notes: &mut Notes) {
        let log = self.properties.get("AccessLogSetting").or_else(|| self.properties.get("AccessLogSettings"));
        if let Some(format) = log.and_then(|log| log.get("Format")) {
            let text = format.scalar().unwrap_or_else(|| format.json().to_string());
            stage.insert("access_log".to_owned(), text.trim().into());
        }
        let full = all.iter().any(|setting| setting.node.get("DataTraceEnabled").is_some_and(Node::is_true));
        let level = all.iter().find_map(|setting| setting.node.word("LoggingLevel")).unwrap_or_default().to_ascii_uppercase();
        let log = match level.as_str() {
            "INFO" if full => Some("full"),
            "INFO" => Some("info"),
            "ERROR" => Some("error"),
            _ => None,
        };
        if let Some(log) = log {
            stage.insert("execution_log".to_owned(), log.into());
        }
        let detailed = |setting: &&Setting<'_>| {
            ["MetricsEnabled", "DetailedMetricsEnabled"].iter().any(|key| setting.node.get(key).is_some_and(Node::is_true))
        };
        if all.iter().any(detailed) {
            stage.insert("detailed_metrics".to_owned(), true.into());
        }
        let own_log = |setting: &&&Setting<'_>| setting.node.get("LoggingLevel").is_some() || detailed(setting);
        if let Some(setting) = some.iter().find(own_log) {
            notes.left_out(
                setting.node,
                &format!("stage {}", self.name),
                "logs and metrics of single methods: the stage has one setting for all",
            );
        }
        for (key, what) in [("ClientCertificateId", "a client certificate for back ends"), ("WebAclArn", "a web ACL")] {
            if let Some(given) = self.properties.get(key) {
                notes.left_out(given, &format!("stage {}", self.name), format!("{what} is not modelled"));
            }
        }
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

/// Seconds that answers are kept; 0 where caching is off, `None` where nothing is said of it.
fn ttl(node: &Node) -> Option<u64> {
    let enabled = node.get("CachingEnabled")?.is_true();
    let ttl = node.word("CacheTtlInSeconds").and_then(|text| text.parse::<u64>().ok()).unwrap_or(CACHE_TTL);
    Some(if enabled { ttl.min(3_600) } else { 0 })
}

fn has_throttle(node: &Node) -> bool {
    ["ThrottlingRateLimit", "ThrottlingBurstLimit"].iter().any(|key| node.get(key).is_some())
}

/// A throttle in the profile's language, from the words of stages or those of usage plans.
pub(super) fn throttle(node: &Node, stage: &str, notes: &mut Notes) -> Option<Value> {
    let given = |keys: [&str; 2]| keys.into_iter().find_map(|key| node.get(key));
    let rate = given(["ThrottlingRateLimit", "RateLimit"]);
    let burst = given(["ThrottlingBurstLimit", "BurstLimit"]);
    if rate.is_none() && burst.is_none() {
        return None;
    }
    let at = format!("stage {stage}");
    let number = |node: Option<&Node>| {
        node.and_then(Node::scalar).and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite())
    };
    for (given, missing, default) in [(rate, "rate", ACCOUNT_RATE), (burst, "burst", ACCOUNT_BURST)] {
        match given {
            None => notes.assumed(node, &at, format!("a throttle without a {missing} has the account's, {default}")),
            Some(text) if number(given).is_none() => {
                let what = format!("{} is no number of a throttle; {default} holds", quoted(&text.scalar().unwrap_or_default()));
                notes.left_out(node, &at, what);
            }
            Some(_) => {}
        }
    }
    let rate = number(rate).unwrap_or(ACCOUNT_RATE);
    let burst = number(burst).unwrap_or(ACCOUNT_BURST).clamp(0.0, 1e9) as u64;
    // A rate of nothing lets nothing through, as an empty bucket does.
    Some(if rate <= 0.0 || burst == 0 {
        json!({ "rate": "1/s", "burst": 0 })
    } else {
        json!({ "rate": format!("{}/s", rate.clamp(0.001, 1e6)), "burst": burst })
    })
}

fn texts(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

fn put(into: &mut Map<String, Value>, key: &str, value: Map<String, Value>) {
    super::extension::insert_full(into, key, value);
}
