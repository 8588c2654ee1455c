//! Who may call: security schemes with their authorizers, and what an operation asks of them.
//!
//! Owns the step from a scheme to one of the profile's `authorizers`, and the placeholder for what no definition says: how long an
//! authorizer's function takes. Refuses API keys (`operation`) and to prove anything (`config`). Called by `operation`; SAM's `Auth`
//! and CloudFormation's resources come here as the schemes that the service makes of them.
//!
//! Source: developer guide, "x-amazon-apigateway-authorizer object" and "x-amazon-apigateway-authtype property", 2026.

use serde_json::{Map, Value, json};

use super::Api;
use super::document::Node;
use super::error::quoted;
use super::function;
use super::notes::Notes;

/// The scheme that IAM authorization has where it is no scheme of the definition's own.
pub(super) const IAM: &str = "AWS_IAM";

/// What SAM writes where nobody is to be asked, though its API has a default; no scheme has this name.
pub(super) const NOBODY: &str = "NONE";

const EXTENSION: &str = "x-amazon-apigateway-authorizer";

/// A kind of authorizer cannot be had, and why not.
const OPEN: &str = "until then the route is open";

/// The authorizers that operations ask for, in the profile's language.
#[derive(Default)]
pub(super) struct Authorizers(Map<String, Value>);

impl Authorizers {
    /// The keys of a route that asks for this scheme, with these scopes; none, with a note, if there is no such authorizer here.
    pub(super) fn route(
        &mut self,
        (root, api): (&Node, Api),
        (name, scopes): (&str, &[Node]),
        at: &str,
        notes: &mut Notes,
    ) -> Map<String, Value> {
        let mut route = Map::new();
        if !self.0.contains_key(name) {
            let scheme = scheme(root, name);
            let nowhere = Node::empty(0);
            let read = Scheme { api, name, node: scheme.unwrap_or(&nowhere) }.read(notes);
            match read {
                Ok(authorizer) => _ = self.0.insert(name.to_owned(), authorizer),
                Err(why) => {
                    notes.left_out(scheme.unwrap_or(root), at, format!("authorizer {}: {why}, {OPEN}", quoted(name)));
                    return route;
                }
            }
        }
        route.insert("authorizer".to_owned(), name.into());
        let asks_for_scopes = ["jwt", "cognito"].iter().any(|kind| self.0[name].get(kind).is_some());
        let scopes: Vec<Value> = scopes.iter().filter_map(Node::scalar).map(Value::from).collect();
        if asks_for_scopes && !scopes.is_empty() {
            route.insert("scopes".to_owned(), scopes.into());
        }
        route
    }

    /// All that were asked for.
    pub(super) fn into_profile(self) -> Map<String, Value> {
        self.0
    }
}

/// The security scheme of this name.
pub(super) fn scheme<'d>(root: &'d Node, name: &str) -> Option<&'d Node> {
    let schemes = [root.get("securityDefinitions"), root.at(&["components", "securitySchemes"])];
    schemes.into_iter().flatten().find_map(|schemes| schemes.get(name))
}

/// A security scheme.
struct Scheme<'d> {
    api: Api,
    name: &'d str,
    node: &'d Node,
}

impl Scheme<'_> {
    /// The authorizer; else why there is none.
    fn read(&self, notes: &mut Notes) -> Result<Value, String> {
        let authtype = self.node.word("x-amazon-apigateway-authtype").unwrap_or_default();
        // The name alone says it only where no authorizer has it: SAM lets one be called so, and means that one.
        let Some(given) = self.node.get(EXTENSION) else {
            let is_iam = self.name == IAM || authtype.eq_ignore_ascii_case("awsSigv4");
            return if is_iam { Ok(json!({ "iam": {} })) } else { Err(format!("no {EXTENSION} says what it is")) };
        };
        let kind = given.word("type").unwrap_or_default().to_ascii_lowercase();
        match (kind.as_str(), self.api) {
            ("token", Api::Rest | Api::Http) | ("request", _) => Ok(self.lambda(given, &kind, notes)),
            ("cognito_user_pools", Api::Rest) => Ok(self.cognito(given, notes)),
            ("jwt", Api::Http) => self.jwt(given),
            (kind, api) => Err(format!("{} has none of type {}", api.named(), quoted(kind))),
        }
    }

    /// A function, as a model: whether it is there and what it would say, no definition tells.
    fn lambda(&self, given: &Node, kind: &str, notes: &mut Notes) -> Value {
        let mut lambda = Map::new();
        let function = given.word("authorizerUri").as_deref().and_then(function::of_uri);
        let name = function.map(|name| format!(" {}", function::filled(&name, &[]).0)).unwrap_or_default();
        let what = format!(
            "authorizer {} is a model of its function{name}: whoever shows an identity is let in, and how long it takes is a placeholder",
            quoted(self.name)
        );
        notes.assumed(given, "", what);
        let sources = self.sources(given, notes);
        let seconds = given.word("authorizerResultTtlInSeconds").and_then(|text| text.parse::<u64>().ok());
        let default = match self.api {
            Api::Rest => 300,
            Api::Http | Api::WebSocket => 0,
        };
        let ttl = if self.api == Api::WebSocket { default } else { seconds.unwrap_or(default).min(3_600) };
        // Without kept answers a request need show nothing, unless sources are named.
        let identity = match (sources.is_empty(), kind, ttl) {
            (false, ..) => Some(sources),
            (true, "request", 0) => Some(Vec::new()),
            (true, ..) => self.header().map(|header| vec![header]),
        };
        if let Some(identity) = identity {
            lambda.insert("identity".to_owned(), identity.into());
        }
        self.spoken_to(given, kind, &mut lambda, notes);
        if let Some(validation) = self.validation(given, notes).filter(|_| self.api == Api::Rest && kind == "token") {
            lambda.insert("validation".to_owned(), validation.into());
        }
        // What a WebSocket API asks of each handshake it keeps nothing of, whatever the resource says.
        if let Some(ttl) = seconds.map(|_| ttl).filter(|_| self.api != Api::WebSocket) {
            lambda.insert("ttl".to_owned(), format!("{ttl}s").into());
        }
        // Placeholder, no source: a guess, as for every function.
        lambda.insert("latency".to_owned(), json!({ "p50": "20ms", "p99": "80ms" }));
        json!({ "lambda": lambda })
    }

    /// What the function is told, and how it answers, where that is not what a profile takes without a word.
    fn spoken_to(&self, given: &Node, kind: &str, lambda: &mut Map<String, Value>, notes: &mut Notes) {
        match self.api {
            Api::Rest if kind == "request" => _ = lambda.insert("type".to_owned(), kind.into()),
            Api::Rest | Api::WebSocket => {}
            Api::Http => {
                let version = given.word("authorizerPayloadFormatVersion");
                let is_simple = given.get("enableSimpleResponses").is_some_and(Node::is_true);
                match version.as_deref() {
                    None | Some("2.0" | "2") if is_simple => _ = lambda.insert("simple_responses".to_owned(), true.into()),
                    None | Some("2.0" | "2") => {}
                    Some("1.0" | "1") => _ = lambda.insert("payload_format".to_owned(), "1.0".into()),
                    Some(other) => {
                        let what = format!("authorizer {}: {} is no payload format; 2.0 holds", quoted(self.name), quoted(other));
                        notes.left_out(given, "", what);
                    }
                }
            }
        }
    }

    fn cognito(&self, given: &Node, notes: &mut Notes) -> Value {
        let mut cognito = Map::new();
        let pools = given.get("providerARNs").map(Node::items).unwrap_or_default();
        let issuers: Vec<Value> = pools.iter().map(|pool| pool.scalar().as_deref().and_then(issuer_of).into()).collect();
        let issuers = if issuers.is_empty() || issuers.contains(&Value::Null) {
            let placeholder = format!("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_{}", letters(self.name));
            let what = format!("the issuer of authorizer {}: its user pool is known only once it is deployed", quoted(self.name));
            notes.assumed(given, "", what);
            vec![placeholder.into()]
        } else {
            issuers
        };
        cognito.insert("issuers".to_owned(), issuers.into());
        if let Some(header) = self.sources(given, notes).into_iter().next().or_else(|| self.header()) {
            cognito.insert("identity".to_owned(), header);
        }
        if let Some(validation) = self.validation(given, notes) {
            cognito.insert("validation".to_owned(), validation.into());
        }
        json!({ "cognito": cognito })
    }

    fn jwt(&self, given: &Node) -> Result<Value, String> {
        let configuration = given.get("jwtConfiguration").ok_or("it has no jwtConfiguration")?;
        let issuer = configuration.word("issuer").filter(|issuer| !issuer.is_empty()).ok_or("it has no issuer")?;
        let audiences = configuration.get("audience").map(|node| match node.scalar() {
            Some(one) => vec![Value::from(one)],
            None => node.items().iter().filter_map(Node::scalar).map(Value::from).collect(),
        });
        let audiences = audiences.filter(|all| !all.is_empty()).ok_or("it has no audience")?;
        let mut jwt = Map::from_iter([("issuer".to_owned(), issuer.into()), ("audiences".to_owned(), audiences.into())]);
        if let Some(source) = self.sources(given, &mut Notes::default()).into_iter().next() {
            jwt.insert("identity".to_owned(), source);
        }
        Ok(json!({ "jwt": jwt }))
    }

    /// The pattern of a token, if it is one that is known here too.
    fn validation(&self, given: &Node, notes: &mut Notes) -> Option<String> {
        let text = given.word("identityValidationExpression").filter(|text| !text.is_empty())?;
        match sluicegate_render::proof::pattern(&text) {
            Ok(()) => Some(text),
            Err(why) => {
                notes.left_out(given, "", format!("authorizer {}: its identity validation: {why}", quoted(self.name)));
                None
            }
        }
    }

    /// The header that the scheme itself names.
    fn header(&self) -> Option<Value> {
        let is_header = self.node.word("in").is_some_and(|place| place.eq_ignore_ascii_case("header"));
        self.node
            .word("name")
            .filter(|name| is_header && !name.is_empty() && name != "Unused")
            .map(|name| format!("header.{name}").into())
    }

    /// Identity sources: `method.request.header.X`, `$request.querystring.q`, `context.x`, `stageVariables.x`; several by commas or as
    /// a list.
    fn sources(&self, given: &Node, notes: &mut Notes) -> Vec<Value> {
        let Some(node) = given.get("identitySource") else { return Vec::new() };
        let words = match node.scalar() {
            Some(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
            None => node.items().iter().filter_map(Node::scalar).collect::<Vec<_>>(),
        };
        let mut sources = Vec::new();
        for word in words.iter().filter(|word| !word.is_empty()) {
            match source(word) {
                Some(source) => sources.push(source.into()),
                None => notes.left_out(node, "", format!("authorizer {}: {} identifies nobody", quoted(self.name), quoted(word))),
            }
        }
        sources
    }
}

/// A source in the profile's words.
fn source(word: &str) -> Option<String> {
    let bare = word.strip_prefix('$').unwrap_or(word);
    let bare = bare.strip_prefix("method.").or_else(|| bare.strip_prefix("route.")).unwrap_or(bare);
    let (place, name) = match bare.strip_prefix("request.") {
        Some(rest) => rest.split_once('.').filter(|(place, _)| matches!(*place, "header" | "querystring"))?,
        None => match bare.split_once('.')? {
            ("context", name) => ("context", name),
            ("stageVariables", name) => ("stage", name),
            _ => return None,
        },
    };
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
    is_name.then(|| format!("{place}.{name}"))
}

/// `arn:aws:cognito-idp:eu-west-1:1:userpool/eu-west-1_a` has the issuer `https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a`.
fn issuer_of(arn: &str) -> Option<String> {
    match arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "cognito-idp", region, _, pool] if !region.is_empty() && !arn.contains("${") => {
            let pool = pool.strip_prefix("userpool/")?;
            Some(format!("https://cognito-idp.{region}.amazonaws.com/{pool}"))
        }
        _ => None,
    }
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_issuers_are_written_as_a_profile_has_them() {
        for (word, ours) in [
            ("method.request.header.Authorization", Some("header.Authorization")),
            ("$request.querystring.token", Some("querystring.token")),
            ("$request.header.X-A", Some("header.X-A")),
            ("route.request.header.token", Some("header.token")),
            ("stageVariables.key", Some("stage.key")),
            ("$context.identity.sourceIp", Some("context.identity.sourceIp")),
            ("method.request.path.id", None),
            ("cookie", None),
        ] {
            assert_eq!(source(word).as_deref(), ours, "{word}");
        }
        let issuer = issuer_of("arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_a");
        assert_eq!(issuer.as_deref(), Some("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a"));
        assert_eq!(issuer_of("${Pool.Arn}"), None);
    }
}
