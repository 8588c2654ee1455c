//! The provider's services behind an API: how integrations name them, and where the user says that they answer.
//!
//! Owns their names. Refuses to judge a URI (`config` does) and to know how long one takes: that is a placeholder, which the profile
//! says. Filled by `extension`; read by `profile`.

use serde_json::{Map, Value, json};

use super::function::Functions;

/// What stands behind an API.
#[derive(Clone, Debug, Default)]
pub(super) struct BackEnds {
    pub(super) functions: Functions,
    pub(super) services: Services,
}

/// Services by name, in the order in which routes name them.
#[derive(Clone, Debug, Default)]
pub(super) struct Services {
    named: Vec<String>,
    /// Where the user says that they answer.
    given: Vec<(String, String)>,
}

impl Services {
    /// The user says where these answer.
    pub(super) fn give(&mut self, given: &[(String, String)]) {
        self.given = given.to_vec();
    }

    /// What the user named and no route does.
    pub(super) fn unused(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|(name, _)| name.as_str()).filter(|name| !self.named.iter().any(|named| named == name))
    }

    /// A route asks this service.
    pub(super) fn add(&mut self, name: &str) {
        if !self.named.iter().any(|known| known == name) {
            self.named.push(name.to_owned());
        }
    }

    /// Those that routes name, in the profile's language.
    pub(super) fn profile(&self) -> Map<String, Value> {
        let one = |name: &String| {
            let given = self.given.iter().find(|(given, _)| given == name);
            given.map_or_else(
                // Placeholder, no source: a guess.
                || json!({ "duration": { "p50": "8ms", "p99": "40ms" } }),
                |(_, url)| json!({ "endpoint": url.trim() }),
            )
        };
        self.named.iter().map(|name| (name.clone(), one(name))).collect()
    }
}

/// The service that a URI or a subtype names: `s3` in `arn:aws:apigateway:us-east-1:bucket.s3:path/{key}`, `sqs` in `SQS-SendMessage`.
pub(super) fn of_uri(uri: &str) -> Option<&str> {
    match uri.split_once('-').map(|(service, _)| service) {
        Some("AppConfig") => return Some("appconfig"),
        Some("EventBridge") => return Some("events"),
        Some("Kinesis") => return Some("kinesis"),
        Some("SQS") => return Some("sqs"),
        Some("StepFunctions") => return Some("states"),
        Some(_) | None => {}
    }
    let host = uri.split(':').nth(4).filter(|_| uri.contains(":apigateway:"))?;
    let name = host.rsplit_once('.').map_or(host, |(_, name)| name);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_found_in_a_uri_and_in_a_subtype() {
        for (uri, name) in [
            ("arn:aws:apigateway:us-east-1:dynamodb:action/PutItem", Some("dynamodb")),
            ("arn:aws:apigateway:us-east-1:bucket.s3:path/{key}", Some("s3")),
            ("arn:aws:apigateway:us-east-1:a1.appsync-api:path/graphql", Some("appsync-api")),
            ("SQS-SendMessage", Some("sqs")),
            ("StepFunctions-StopExecution", Some("states")),
            ("arn:aws:apigateway:us-east-1:${stageVariables.s}:path/x", None),
            ("https://example.com/a:b:c:d:e", None),
            ("", None),
        ] {
            assert_eq!(of_uri(uri), name, "{uri}");
        }
    }
}
