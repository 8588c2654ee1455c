//! The policy that a function answers with, held against one request.
//!
//! Owns the parts of the policy language that such policies have: effect, actions, resources, and conditions on the source and the user
//! agent. Refuses what follows from it (the policy crate does), and conditions that it does not know: guessing what they say could open a
//! door. Used by [`answer`](super::answer).
//!
//! Source: developer guide, "Output from an API Gateway Lambda authorizer", 2026; IAM user guide, "Grammar of the IAM JSON policy
//! language", 2026: a statement or a list of them, a text or a list of texts; names of actions in any case; one denial outweighs all that
//! allow. A resource has at most 512 characters (facts, section 9.2). Unconfirmed: that a `*` goes on beyond a colon.

use std::net::IpAddr;

use serde_json::{Map, Value};
use sluicegate_policy::call::Permission;
use sluicegate_policy::model::{Network, PolicyEffect};

use super::permission::{matches, network, together};

/// What a client asks for.
const INVOKE: &str = "execute-api:invoke";
/// Longest resource of a statement, in characters.
const RESOURCE_MAX: usize = 512;
/// What a text costs beside its bytes, about.
const TEXT_BYTES: usize = 48;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PolicyDocument(Vec<Statement>);

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks<'r> {
    /// The ARN of the method.
    pub(crate) resource: &'r str,
    pub(crate) source: IpAddr,
    pub(crate) user_agent: &'r str,
}

/// Why a text is no policy, or none that can be looked at here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// It has no statements.
    #[error("its policyDocument has no Statement")]
    NoStatement,
    /// A statement says neither yes nor no.
    #[error("a statement's Effect is neither Allow nor Deny")]
    Effect,
    /// A statement speaks of nothing.
    #[error("a statement's {0} is neither a text nor a list of texts")]
    Names(&'static str),
    /// A resource is too long.
    #[error("a statement's resource is longer than {RESOURCE_MAX} characters")]
    Resource,
    /// A condition that is not known here.
    #[error(
        "a statement's condition is not known to this mock, which knows IpAddress, NotIpAddress, StringEquals, StringNotEquals, \
         StringLike and StringNotLike of aws:SourceIp and aws:UserAgent"
    )]
    Condition,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    effect: PolicyEffect,
    actions: Names,
    resources: Names,
    conditions: Vec<Condition>,
}

/// Patterns, of which one must match; or none may.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    Of(Vec<String>),
    AllBut(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    of: Key,
    is: Test,
    /// Whether it must not be so.
    not: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Source,
    UserAgent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<Network>),
    Equals(Vec<String>),
    Like(Vec<String>),
}

impl PolicyDocument {
    pub(super) fn parse(document: &Map<String, Value>) -> Result<Self, PolicyFault> {
        let statements = match document.get("Statement") {
            Some(Value::Array(several)) => several.iter().map(Statement::parse).collect::<Result<Vec<_>, _>>()?,
            Some(one @ Value::Object(_)) => vec![Statement::parse(one)?],
            _ => return Err(PolicyFault::NoStatement),
        };
        if statements.is_empty() { Err(PolicyFault::NoStatement) } else { Ok(Self(statements)) }
    }

    /// What it says of a request.
    pub(super) fn permission(&self, asks: &Asks<'_>) -> Permission {
        together(self.0.iter().filter(|statement| statement.speaks_of(asks)).map(|statement| statement.effect))
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let of = |texts: &[String]| texts.iter().map(|text| text.len() + TEXT_BYTES).sum::<usize>();
        let names = |names: &Names| match names {
            Names::Of(texts) | Names::AllBut(texts) => of(texts),
        };
        let condition = |condition: &Condition| match &condition.is {
            Test::In(networks) => size_of::<Condition>() + size_of_val(&networks[..]),
            Test::Equals(texts) | Test::Like(texts) => size_of::<Condition>() + of(texts),
        };
        let statement = |it: &Statement| {
            let conditions: usize = it.conditions.iter().map(condition).sum();
            size_of::<Statement>() + names(&it.actions) + names(&it.resources) + conditions
        };
        self.0.iter().map(statement).sum()
    }
}

impl Statement {
    fn parse(value: &Value) -> Result<Self, PolicyFault> {
        let effect = match value.get("Effect").and_then(Value::as_str) {
            Some("Allow") => PolicyEffect::Allow,
            Some("Deny") => PolicyEffect::Deny,
            _ => return Err(PolicyFault::Effect),
        };
        let mut actions = Names::parse(value, ["Action", "NotAction"])?;
        let (Names::Of(patterns) | Names::AllBut(patterns)) = &mut actions;
        for pattern in patterns {
            pattern.make_ascii_lowercase();
        }
        let resources = Names::parse(value, ["Resource", "NotResource"])?;
        let (Names::Of(patterns) | Names::AllBut(patterns)) = &resources;
        if patterns.iter().any(|pattern| pattern.chars().count() > RESOURCE_MAX) {
            return Err(PolicyFault::Resource);
        }
        let conditions = match value.get("Condition") {
            None => Vec::new(),
            Some(Value::Object(given)) => conditions(given)?,
            Some(_) => return Err(PolicyFault::Condition),
        };
        Ok(Self { effect, actions, resources, conditions })
    }

    fn speaks_of(&self, asks: &Asks<'_>) -> bool {
        self.actions.hold(INVOKE) && self.resources.hold(asks.resource) && self.conditions.iter().all(|it| it.holds(asks))
    }
}

impl Names {
    fn parse(statement: &Value, [of, all_but]: [&'static str; 2]) -> Result<Self, PolicyFault> {
        match (statement.get(of), statement.get(all_but)) {
            (Some(given), None) => texts(given).map(Self::Of).ok_or(PolicyFault::Names(of)),
            (None, Some(given)) => texts(given).map(Self::AllBut).ok_or(PolicyFault::Names(all_but)),
            (None, None) | (Some(_), Some(_)) => Err(PolicyFault::Names(of)),
        }
    }

    fn hold(&self, text: &str) -> bool {
        match self {
            Self::Of(patterns) => patterns.iter().any(|pattern| matches(pattern, text)),
            Self::AllBut(patterns) => !patterns.iter().any(|pattern| matches(pattern, text)),
        }
    }
}

/// A text, or a list of them that is not empty.
fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Array(several) if !several.is_empty() => several.iter().map(text).collect(),
        one => Some(vec![text(one)?]),
    }
}

fn conditions(given: &Map<String, Value>) -> Result<Vec<Condition>, PolicyFault> {
    let mut conditions = Vec::new();
    for (operator, keys) in given {
        let Value::Object(keys) = keys else { return Err(PolicyFault::Condition) };
        for (key, values) in keys {
            let values = texts(values).ok_or(PolicyFault::Condition)?;
            conditions.push(condition(operator, key, values).ok_or(PolicyFault::Condition)?);
        }
    }
    Ok(conditions)
}

fn condition(operator: &str, key: &str, values: Vec<String>) -> Option<Condition> {
    // Names of keys are written in any case.
    let of = match key.to_ascii_lowercase().as_str() {
        "aws:sourceip" => Key::Source,
        "aws:useragent" => Key::UserAgent,
        _ => return None,
    };
    let networks = |values: &[String]| values.iter().map(|value| network(value)).collect::<Option<Vec<_>>>();
    let (is, not) = match (operator, of) {
        ("IpAddress", Key::Source) => (Test::In(networks(&values)?), false),
        ("NotIpAddress", Key::Source) => (Test::In(networks(&values)?), true),
        ("StringEquals", _) => (Test::Equals(values), false),
        ("StringNotEquals", _) => (Test::Equals(values), true),
        ("StringLike", _) => (Test::Like(values), false),
        ("StringNotLike", _) => (Test::Like(values), true),
        _ => return None,
    };
    Some(Condition { of, is, not })
}

impl Condition {
    fn holds(&self, asks: &Asks<'_>) -> bool {
        let source = || asks.source.to_canonical().to_string();
        let text = match self.of {
            Key::Source => source(),
            Key::UserAgent => asks.user_agent.to_owned(),
        };
        let is_so = match &self.is {
            Test::In(networks) => networks.iter().any(|network| network.holds(asks.source)),
            Test::Equals(values) => values.contains(&text),
            Test::Like(patterns) => patterns.iter().any(|pattern| matches(pattern, &text)),
        };
        is_so != self.not
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/orders/7";

    fn parsed(document: &Value) -> Result<PolicyDocument, PolicyFault> {
        PolicyDocument::parse(document.as_object().unwrap())
    }

    fn says(statements: &Value) -> Permission {
        let asks = Asks { resource: ARN, source: "203.0.113.9".parse().unwrap(), user_agent: "curl/8" };
        parsed(&json!({ "Version": "2012-10-17", "Statement": statements })).unwrap().permission(&asks)
    }

    fn of(effect: &str, action: &str, resource: &str) -> Value {
        json!({ "Effect": effect, "Action": action, "Resource": resource })
    }

    #[test]
    fn a_statement_speaks_of_what_its_patterns_match() {
        for (action, resource, speaks) in [
            ("execute-api:Invoke", ARN, true),
            ("execute-api:*", "*", true),
            ("*", "arn:aws:execute-api:*:*:a1b2c3/*", true),
            ("EXECUTE-API:invoke", "arn:aws:execute-api:*:*:*", true),
            ("execute-api:Inv?ke", "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/orders/?", true),
            ("execute-api:ManageConnections", "*", false),
            ("execute-api:Invoke", "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/POST/*", false),
            ("execute-api:Invoke", "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/orders", false),
            ("execute-api:Invoke", "arn:aws:execute-api:us-east-1:123456789012:A1B2C3/*", false),
        ] {
            let expected = if speaks { Permission::Allowed } else { Permission::Silent };
            assert_eq!(says(&of("Allow", action, resource)), expected, "{action} {resource}");
        }
        let all_but =
            |resource: &str| json!({ "Effect": "Allow", "NotAction": "execute-api:Manage*", "NotResource": [resource] });
        assert_eq!([says(&all_but("*/POST/*")), says(&all_but("*/GET/*"))], [Permission::Allowed, Permission::Silent]);
    }

    #[test]
    fn one_denial_outweighs_all_that_allow_in_any_order() {
        let (yes, no, other) = (of("Allow", "*", "*"), of("Deny", "*", "*/orders/*"), of("Deny", "*", "*/admin/*"));
        assert_eq!(says(&json!([yes, no])), Permission::Denied);
        assert_eq!(says(&json!([no, yes])), Permission::Denied);
        assert_eq!(says(&json!([other, yes])), Permission::Allowed);
        assert_eq!(says(&json!([other])), Permission::Silent);
        let lists = json!([{ "Effect": "Allow", "Action": ["a:b", "execute-api:Invoke"], "Resource": ["x", ARN] }]);
        assert_eq!(says(&lists), Permission::Allowed);
    }

    #[test]
    fn a_condition_on_the_source_or_the_user_agent_is_held_against_the_request() {
        for (condition, holds) in [
            (json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }), true),
            (json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.9"] } }), true),
            (json!({ "NotIpAddress": { "aws:sourceip": "203.0.113.0/24" } }), false),
            (json!({ "StringEquals": { "aws:SourceIp": ["xxx"] } }), false),
            (json!({ "StringNotEquals": { "aws:UserAgent": "wget" } }), true),
            (json!({ "StringLike": { "aws:UserAgent": "curl/*" }, "IpAddress": { "aws:SourceIp": "::1" } }), false),
            (json!({ "StringNotLike": { "aws:UserAgent": "curl/*" } }), false),
        ] {
            let mut statement = of("Allow", "*", "*");
            statement["Condition"] = condition.clone();
            let expected = if holds { Permission::Allowed } else { Permission::Silent };
            assert_eq!(says(&statement), expected, "{condition}");
        }
    }

    #[test]
    fn what_is_no_policy_is_told_from_one() {
        let with = |key: &str, value: Value| {
            let mut statement = of("Allow", "execute-api:Invoke", ARN);
            statement[key] = value;
            json!({ "Statement": [statement] })
        };
        for (document, fault) in [
            (json!({}), PolicyFault::NoStatement),
            (json!({ "Statement": [] }), PolicyFault::NoStatement),
            (json!({ "Statement": "Allow" }), PolicyFault::NoStatement),
            (json!({ "Statement": [7] }), PolicyFault::Effect),
            (with("Effect", json!("allow")), PolicyFault::Effect),
            (with("Action", json!(7)), PolicyFault::Names("Action")),
            (with("Action", json!([])), PolicyFault::Names("Action")),
            (with("NotAction", json!("*")), PolicyFault::Names("Action")),
            (with("Resource", json!([ARN, null])), PolicyFault::Names("Resource")),
            (with("Resource", json!("a".repeat(513))), PolicyFault::Resource),
            (with("Condition", json!({ "Bool": { "aws:SecureTransport": "true" } })), PolicyFault::Condition),
            (with("Condition", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/33" } })), PolicyFault::Condition),
            (with("Condition", json!({ "IpAddress": { "aws:UserAgent": "10.0.0.0/8" } })), PolicyFault::Condition),
            (with("Condition", json!([])), PolicyFault::Condition),
        ] {
            assert_eq!(parsed(&document), Err(fault), "{document}");
        }
    }
}
