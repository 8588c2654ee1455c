//! Stages: their variables, throttles, cache, canary and logs, as templates describe them.
//!
//! Owns the step from a stage's properties, REST or HTTP, to the profile's language. Refuses routes. Filled by `sam` and
//! `cloudformation`, written by `profile`.

use serde_json::{Map, Value, json};

use super::document::Node;
use super::error::quoted;
use super::extension::insert_full;
use super::notes::Notes;
use super::template::merged;

mod settings;

use settings::Settings;

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
        let settings = Settings::read(&self.properties, routes, format!("stage {}", self.name));
        if let Some(throttle) = settings.first(|node| throttle(node, &settings.at, notes)) {
            stage.insert("throttle".to_owned(), throttle);
        }
        // What a route's throttle does not name is the stage's own, and else the account's.
        let default = settings.first(|node| has_throttle(node).then_some(node));
        let throttles = settings.of_routes(notes, |node, notes| {
            let whole = default.map_or_else(|| node.clone(), |default| merged(default, node));
            has_throttle(node).then(|| throttle(&whole, &settings.at, notes)).flatten()
        });
        insert_full(&mut stage, "route_throttles", throttles);
        self.cache(&mut stage, &settings, notes);
        self.canary(&mut stage, notes);
        self.logs(&mut stage, &settings, notes);
        Value::Object(stage)
    }

    fn cache(&self, stage: &mut Map<String, Value>, settings: &Settings<'_>, notes: &mut Notes) {
        if !self.properties.get("CacheClusterEnabled").is_some_and(Node::is_true) {
            return;
        }
        let default = settings.first(ttl).filter(|ttl| *ttl > 0);
        let mut of_routes = settings.of_routes(notes, |node, _| {
            ttl(node).map(|ttl| if ttl == 0 { "off".into() } else { json!({ "ttl": format!("{ttl}s") }) })
        });
        if default.is_none() && !of_routes.values().any(Value::is_object) {
            let what = "the cache: no method setting enables caching, so it stays empty";
            return notes.left_out(&self.properties, &settings.at, what);
        }
        if default.is_none() {
            // The stage's own time holds for every GET: where it is off, each says so.
            for route in settings.routes_of("GET") {
                of_routes.entry(route.clone()).or_insert_with(|| "off".into());
            }
        }
        let size = self.properties.word("CacheClusterSize").filter(|size| size.parse::<f64>().is_ok_and(|size| size > 0.0));
        let size = size.unwrap_or_else(|| "0.5".to_owned());
        let ttl = default.unwrap_or(CACHE_TTL);
        stage.insert("cache".to_owned(), json!({ "size": format!("{size} GB"), "ttl": format!("{ttl}s") }));
        insert_full(stage, "route_caches", of_routes);
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

    fn logs(&self, stage: &mut Map<String, Value>, settings: &Settings<'_>, notes: &mut Notes) {
        let log = self.properties.get("AccessLogSetting").or_else(|| self.properties.get("AccessLogSettings"));
        if let Some(format) = log.and_then(|log| log.get("Format")) {
            let text = format.scalar().unwrap_or_else(|| format.json().to_string());
            stage.insert("access_log".to_owned(), text.trim().into());
        }
        if let Some(log) = settings.first(execution_log) {
            stage.insert("execution_log".to_owned(), log.into());
        }
        if settings.all.iter().any(|node| is_detailed(node)) {
            stage.insert("detailed_metrics".to_owned(), true.into());
        }
        if let Some(node) = settings.of_some().find(|node| node.get("LoggingLevel").is_some() || is_detailed(node)) {
            notes.left_out(node, &settings.at, "logs and metrics of single methods: the stage has one setting for all");
        }
        for (key, what) in [("ClientCertificateId", "a client certificate for back ends"), ("WebAclArn", "a web ACL")] {
            if let Some(given) = self.properties.get(key) {
                notes.left_out(given, &settings.at, format!("{what} is not modelled"));
            }
        }
    }
}

/// How much the execution log tells; nothing where it is off.
fn execution_log(node: &Node) -> Option<&'static str> {
    let full = node.get("DataTraceEnabled").is_some_and(Node::is_true);
    match node.word("LoggingLevel")?.to_ascii_uppercase().as_str() {
        "INFO" if full => Some("full"),
        "INFO" => Some("info"),
        "ERROR" => Some("error"),
        _ => None,
    }
}

fn is_detailed(node: &Node) -> bool {
    ["MetricsEnabled", "DetailedMetricsEnabled"].iter().any(|key| node.get(key).is_some_and(Node::is_true))
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
pub(super) fn throttle(node: &Node, at: &str, notes: &mut Notes) -> Option<Value> {
    let given = |keys: [&str; 2]| keys.into_iter().find_map(|key| node.get(key));
    let rate = given(["ThrottlingRateLimit", "RateLimit"]);
    let burst = given(["ThrottlingBurstLimit", "BurstLimit"]);
    if rate.is_none() && burst.is_none() {
        return None;
    }
    let number = |node: Option<&Node>| {
        node.and_then(Node::scalar).and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite())
    };
    for (given, missing, default) in [(rate, "rate", ACCOUNT_RATE), (burst, "burst", ACCOUNT_BURST)] {
        match given {
            None => notes.assumed(node, at, format!("a throttle without a {missing} has the account's, {default}")),
            Some(text) if number(given).is_none() => {
                let what = format!("{} is no number of a throttle; {default} holds", quoted(&text.scalar().unwrap_or_default()));
                notes.left_out(node, at, what);
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
