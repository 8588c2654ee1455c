//! The functions behind an API: how integrations name them, and what a template says of them.
//!
//! Owns their names and sizes. Refuses to know how long they take: that is a placeholder, which the profile says. Filled by
//! `extension`; read by `profile`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Functions by name, in the order in which routes name them.
#[derive(Clone, Debug, Default)]
pub(super) struct Functions {
    known: BTreeMap<String, Size>,
    named: Vec<String>,
    /// What the user says that they are.
    given: Vec<(String, String)>,
}

/// What a template says of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// `MemorySize`, in megabytes.
    pub(super) memory_mb: Option<u32>,
    /// `ReservedConcurrentExecutions`.
    pub(super) concurrency: Option<u32>,
    /// `Timeout`, in seconds.
    pub(super) timeout_s: Option<u32>,
    /// `Handler`.
    pub(super) handler: Option<String>,
}

impl Functions {
    /// Functions of which a template says something.
    pub(super) fn new(known: BTreeMap<String, Size>) -> Self {
        Self { known, ..Self::default() }
    }

    /// The user says what these are: a command, or a URL.
    pub(super) fn give(&mut self, given: &[(String, String)]) {
        self.given = given.to_vec();
    }

    /// What the user named and no route does.
    pub(super) fn unused(&self) -> impl Iterator<Item = &str> {
        let given = self.given.iter().map(|(name, _)| name.as_str());
        given.filter(|name| !self.named.iter().any(|named| named == name))
    }

    /// A route names this function.
    pub(super) fn add(&mut self, name: &str) {
        if !self.named.iter().any(|known| known == name) {
            self.named.push(name.to_owned());
        }
    }

    /// Those that routes name, in the profile's language.
    pub(super) fn profile(&self) -> Map<String, Value> {
        self.named.iter().map(|name| (name.clone(), self.one(name))).collect()
    }

    fn one(&self, name: &str) -> Value {
        let mut function = Map::new();
        let size = self.known.get(name).cloned().unwrap_or_default();
        if let Some(memory) = size.memory_mb.filter(|memory| (128..=10_240).contains(memory)) {
            function.insert("memory".to_owned(), format!("{memory} MB").into());
        }
        match self.given.iter().find(|(given, _)| given == name).map(|(_, what)| what.trim()) {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                function.insert("invoke".to_owned(), url.into());
            }
            Some(command) => {
                let words: Vec<Value> = command.split_whitespace().map(Value::from).collect();
                function.insert("command".to_owned(), words.into());
                function.insert("timeout".to_owned(), format!("{}s", size.timeout_s.unwrap_or(3)).into());
                if let Some(handler) = &size.handler {
                    function.insert("handler".to_owned(), handler.as_str().into());
                }
            }
            // Placeholder, no source: a guess. Neither definitions nor templates know how long a function takes.
            None => _ = function.insert("duration".to_owned(), json!({ "p50": "20ms", "p99": "80ms" })),
        }
        if let Some(concurrency) = size.concurrency {
            function.insert("concurrency".to_owned(), concurrency.into());
        }
        Value::Object(function)
    }
}

/// The function that an integration's URI names, if it is one: as it stands between `functions/` and `/invocations`, without
/// account and qualifier. It may still hold `${stageVariables.x}`.
pub(super) fn of_uri(uri: &str) -> Option<String> {
    let arn = match uri.split_once("/functions/") {
        Some((_, rest)) => rest.rsplit_once('/').map_or(rest, |(arn, _)| arn),
        None if uri.contains(":function:") => uri,
        None => whole_name(uri)?,
    };
    let name = arn.rsplit_once(":function:").map_or(arn, |(_, name)| name);
    let name = without_qualifier(name);
    let name = whole_name(name).unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// `${Name.Arn}` and `${Name}` are Name; what names a stage variable is not.
fn whole_name(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("${")?.strip_suffix('}')?;
    let name = inside.split('.').next()?;
    (!inside.contains(['{', '}', ' ']) && name != "stageVariables").then_some(name)
}

/// `name:alias` is name; a colon within `${...}` is part of it.
fn without_qualifier(name: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in name.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return &name[..at],
            _ => {}
        }
    }
    name
}

/// The name with stage variables filled in: with their values where these are known, else with their names. The second tells
/// whether there were any.
pub(super) fn filled(name: &str, variables: &[(String, String)]) -> (String, bool) {
    let mut filled = String::new();
    let mut rest = name;
    let mut any = false;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        let variable = inside.strip_prefix("stageVariables.");
        any |= variable.is_some();
        let known = variable.and_then(|variable| variables.iter().find(|(name, _)| name == variable));
        filled.push_str(known.map_or(variable.unwrap_or(inside), |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    (without_qualifier(&filled).chars().take(128).collect(), any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_in_every_form_of_an_integration() {
        let path = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions";
        for (uri, name) in [
            (format!("{path}/arn:aws:lambda:us-east-1:123456789012:function:orders/invocations"), Some("orders")),
            (format!("{path}/arn:aws:lambda:us-east-1:123456789012:function:orders:live/invocations"), Some("orders")),
            (format!("{path}/${{OrdersFunction.Arn}}/invocations"), Some("OrdersFunction")),
            (format!("{path}/${{OrdersFunction.Arn}}:live/invocations"), Some("OrdersFunction")),
            (format!("{path}/Orders/invocations"), Some("Orders")),
            (
                format!("{path}/arn:aws:lambda:us-east-1:1:function:${{stageVariables.fn}}/invocations"),
                Some("${stageVariables.fn}"),
            ),
            (
                "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/${F.Arn}/response-streaming-invocations".into(),
                Some("F"),
            ),
            ("arn:aws:lambda:us-east-1:1:function:orders".into(), Some("orders")),
            ("${OrdersFunction.Arn}".into(), Some("OrdersFunction")),
            ("https://example.com/functions".into(), None),
            ("arn:aws:apigateway:us-east-1:sqs:path/1/q".into(), None),
            ("${stageVariables.url}".into(), None),
        ] {
            assert_eq!(of_uri(&uri).as_deref(), name, "{uri}");
        }
    }

    #[test]
    fn stage_variables_in_a_name_are_filled_in() {
        let variables = [("fn".to_owned(), "orders".to_owned())];
        assert_eq!(filled("${stageVariables.fn}", &variables), ("orders".to_owned(), true));
        assert_eq!(filled("x-${stageVariables.other}:live", &variables), ("x-other".to_owned(), true));
        assert_eq!(filled("orders", &variables), ("orders".to_owned(), false));
    }
}
