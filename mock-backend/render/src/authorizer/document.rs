//! Policy documents: the JSON that says who may invoke what, read into what the policy knows.
//!
//! Owns which parts of the policy language there are here, and what to say of those that are not: guessing what they mean could open a
//! door. Refuses to hold a request against a policy (`permission`). Called by the product's `config`, which proves a profile's documents
//! with it, by its `import`, which leaves out a document that it cannot take whole, and for what functions answer by `answer`.
//!
//! Source: IAM user guide, "JSON policy element reference" and "Grammar of the IAM JSON policy language", developer guide, "Resource policy
//! examples for API Gateway" and "Output from an API Gateway Lambda authorizer" (2026): a statement or a list of them, a text or a list of
//! texts; names of actions and of conditions' keys in any case. Unconfirmed: that a `*` goes on beyond a colon.

use serde_json::{Map, Value};
use sluicegate_policy::model::{
    Attribute, Condition, Named, Network, Patterns, PolicyEffect, ResourcePolicy, Statement, Test, Wanted,
};

use super::permission::covers;

/// What a client asks for.
const INVOKE: &str = "execute-api:invoke";

/// Longest document (developer guide, "Quotas", 2026).
pub const DOCUMENT_BYTES_MAX: usize = 8_192;
/// Longest resource in what a function answers, in characters (facts, section 9.2).
const RESOURCE_MAX: usize = 512;

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The API's: every statement says of whom it speaks.
    Api,
    /// An identity's: it speaks of its owner.
    Identity,
    /// A function's, which was asked as an authorizer: it speaks of whoever made it ask, and of the ARNs of methods. What else
    /// stands in it is passed over.
    Function,
}

/// Why a document cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct DocumentFault {
    /// Where in the document: `Statement[1].Condition`.
    pub place: String,
    /// What is wrong there, and what would work.
    pub what: String,
}

/// The policy that a document says.
pub fn policy(document: &Value, whose: Whose) -> Result<ResourcePolicy, DocumentFault> {
    let document = object(document, "the document")?;
    if whose != Whose::Function {
        let length = Value::Object(document.clone()).to_string().len();
        if length > DOCUMENT_BYTES_MAX {
            return Err(fault("the document", format!("it has {length} bytes; write at most {DOCUMENT_BYTES_MAX}")));
        }
        only(document, &["Version", "Id", "Statement"], "the document")?;
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(several)) if !several.is_empty() => several.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err(fault("Statement", "there is no statement; write a list of them")),
    };
    let statements = statements.into_iter().enumerate().map(|(at, it)| statement(it, &format!("Statement[{at}]"), whose));
    Ok(ResourcePolicy { statements: statements.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect() })
}

/// A statement; `None` if it speaks of other actions than invoking.
fn statement(value: &Value, place: &str, whose: Whose) -> Result<Option<Statement>, DocumentFault> {
    const KNOWN: [&str; 8] = ["Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let given = object(value, place)?;
    if whose != Whose::Function {
        only(given, &KNOWN, place)?;
    }
    let effect = match given.get("Effect").and_then(Value::as_str) {
        Some("Allow") => PolicyEffect::Allow,
        Some("Deny") => PolicyEffect::Deny,
        _ => return Err(fault(&format!("{place}.Effect"), "write Allow or Deny")),
    };
    let principals = match (given.get("Principal"), whose) {
        (Some(principal), Whose::Api) => principals(principal, &format!("{place}.Principal"))?,
        (None, Whose::Api) => {
            return Err(fault(place, "a statement of an API's policy names a Principal; write \"*\" for everybody"));
        }
        (Some(_), Whose::Identity) => {
            return Err(fault(&format!("{place}.Principal"), "an identity's policy speaks of its owner; remove this"));
        }
        (None, Whose::Identity) | (_, Whose::Function) => None,
    };
    let lowered = |texts: Vec<String>, _: &str| Ok(texts.into_iter().map(|text| text.to_ascii_lowercase()).collect());
    let actions = patterns(given, place, ["Action", "NotAction"], "execute-api:Invoke", lowered)?;
    let resources = patterns(given, place, ["Resource", "NotResource"], "execute-api:/*", |texts, place| match whose {
        Whose::Api | Whose::Identity => texts.iter().map(|text| below(text, place)).collect(),
        Whose::Function if texts.iter().any(|text| text.chars().count() > RESOURCE_MAX) => {
            Err(fault(place, format!("it is longer than {RESOURCE_MAX} characters")))
        }
        Whose::Function => Ok(texts),
    })?;
    let conditions = conditions(given.get("Condition"), &format!("{place}.Condition"))?;
    Ok(covers(&actions, INVOKE).then_some(Statement { effect, principals, resources, conditions }))
}

/// What is named by one of two keys: one of these, or all but these; each as `read` has it.
fn patterns(
    given: &Map<String, Value>,
    place: &str,
    [of, all_but]: [&str; 2],
    example: &str,
    read: impl FnOnce(Vec<String>, &str) -> Result<Vec<String>, DocumentFault>,
) -> Result<Patterns, DocumentFault> {
    let (key, value) = match (given.get(of), given.get(all_but)) {
        (Some(value), None) => (of, value),
        (None, Some(value)) => (all_but, value),
        (Some(_), Some(_)) => return Err(fault(place, format!("{of} and {all_but} exclude each other; keep one of them"))),
        (None, None) => return Err(fault(&format!("{place}.{of}"), format!("nothing is named; write e.g. \"{example}\""))),
    };
    let place = format!("{place}.{key}");
    let named = texts(value, &place)?;
    if named.is_empty() {
        return Err(fault(&place, format!("nothing is named; write e.g. \"{example}\"")));
    }
    let named = read(named, &place)?;
    Ok(if key == of { Patterns::Of(named) } else { Patterns::AllBut(named) })
}

/// `None` is everybody.
fn principals(value: &Value, place: &str) -> Result<Option<Vec<Named>>, DocumentFault> {
    if value == "*" {
        return Ok(None);
    }
    let given = object(value, place)?;
    only(given, &["AWS"], place)?;
    let place = format!("{place}.AWS");
    let names = given.get("AWS").map_or_else(|| Ok(Vec::new()), |names| texts(names, &place))?;
    if names.iter().any(|name| name == "*") {
        return Ok(None);
    }
    let named = names.iter().map(|name| {
        if is_account(name) {
            return Ok(Named::Account(name.clone()));
        }
        match name.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "iam", "", account, "root"] if is_account(account) => Ok(Named::Account((*account).to_owned())),
            ["arn", _, "iam" | "sts", "", account, rest] if is_account(account) && rest.contains('/') => {
                Ok(Named::Arn(name.clone()))
            }
            _ => Err(fault(
                &place,
                format!("\"{name}\" names nobody; write \"*\", an account's twelve digits, or the ARN of a user or role"),
            )),
        }
    });
    named.collect::<Result<_, _>>().map(Some)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `stage/METHOD/path` of an ARN, whichever API of whichever region it names.
fn below(resource: &str, place: &str) -> Result<String, DocumentFault> {
    match resource.split(':').collect::<Vec<_>>().as_slice() {
        ["*"] => Ok("*".to_owned()),
        ["execute-api", path] if path.starts_with('/') => Ok(path[1..].to_owned()),
        ["arn", _, "execute-api", _, _, rest @ ..] if !rest.is_empty() => {
            let rest = rest.join(":");
            // Without a slash behind the API's id the pattern must be one that covers stages, too.
            Ok(rest.split_once('/').map_or_else(|| "*".to_owned(), |(_, below)| below.to_owned()))
        }
        _ => {
            let what = "is no resource of an API; write \"execute-api:/stage/METHOD/path\", an ARN of execute-api, or \"*\"";
            Err(fault(place, format!("\"{resource}\" {what}")))
        }
    }
}

fn conditions(value: Option<&Value>, place: &str) -> Result<Vec<Condition>, DocumentFault> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut conditions = Vec::new();
    for (operator, keys) in object(value, place)? {
        let place = format!("{place}.{operator}");
        for (key, values) in object(keys, &place)? {
            let of = match key.to_ascii_lowercase().as_str() {
                "aws:sourceip" => Attribute::Source,
                "aws:vpcsourceip" => Attribute::VpcSource,
                "aws:useragent" => Attribute::UserAgent,
                _ => return Err(unknown(&place, key)),
            };
            let values = texts(values, &format!("{place}.{key}"))?;
            let networks = || values.iter().map(|text| network(text, &format!("{place}.{key}"))).collect::<Result<_, _>>();
            let (is, wanted) = match (operator.as_str(), of) {
                ("IpAddress", Attribute::Source | Attribute::VpcSource) => (Test::In(networks()?), Wanted::So),
                ("NotIpAddress", Attribute::Source | Attribute::VpcSource) => (Test::In(networks()?), Wanted::NotSo),
                ("StringEquals", _) => (Test::Equals(values), Wanted::So),
                ("StringNotEquals", _) => (Test::Equals(values), Wanted::NotSo),
                ("StringLike", _) => (Test::Like(values), Wanted::So),
                ("StringNotLike", _) => (Test::Like(values), Wanted::NotSo),
                _ => return Err(unknown(&place, key)),
            };
            conditions.push(Condition { of, is, wanted });
        }
    }
    Ok(conditions)
}

fn unknown(place: &str, key: &str) -> DocumentFault {
    let known = "known are IpAddress and NotIpAddress of aws:SourceIp and aws:VpcSourceIp, and StringEquals, StringNotEquals, StringLike \
                 and StringNotLike of these and of aws:UserAgent; remove it, or the statement";
    fault(place, format!("the condition on {key} is none that is looked at; {known}"))
}

/// `192.0.2.0/24`, or one address.
fn network(text: &str, place: &str) -> Result<Network, DocumentFault> {
    let wrong = || fault(place, format!("\"{text}\" is no network; write e.g. \"192.0.2.0/24\""));
    super::permission::network(text).ok_or_else(wrong)
}

/// A text or a list of texts.
fn texts(value: &Value, place: &str) -> Result<Vec<String>, DocumentFault> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| fault(place, "write a text, or a list of texts"));
    match value {
        Value::Array(several) => several.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

fn object<'v>(value: &'v Value, place: &str) -> Result<&'v Map<String, Value>, DocumentFault> {
    value.as_object().ok_or_else(|| fault(place, "this is no object; write keys and values"))
}

fn only(given: &Map<String, Value>, known: &[&str], place: &str) -> Result<(), DocumentFault> {
    match given.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(fault(place, format!("{key} is nothing that is looked at here; known are {}", known.join(", ")))),
        None => Ok(()),
    }
}

fn fault(place: &str, what: impl Into<String>) -> DocumentFault {
    DocumentFault { place: place.to_owned(), what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(statement: &Value) -> Result<ResourcePolicy, String> {
        policy(&json!({ "Version": "2012-10-17", "Statement": [statement] }), Whose::Api).map_err(|fault| fault.to_string())
    }

    fn statement(change: impl FnOnce(&mut Value)) -> Value {
        let mut statement = json!({
            "Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/prod/GET/a*",
        });
        change(&mut statement);
        statement
    }

    #[test]
    fn a_document_says_what_the_policy_knows() {
        let read = of(&statement(|it| {
            it["Principal"] =
                json!({ "AWS": ["123456789012", "arn:aws:iam::210987654321:root", "arn:aws:iam::123456789012:role/r"] });
            it["Resource"] = json!(["arn:aws:execute-api:us-east-1:123456789012:abc/prod/GET/a", "arn:aws:execute-api:*:*:*"]);
            it["Condition"] = json!({
                "IpAddress": { "aws:SourceIp": ["192.0.2.0/24", "2001:db8::1"] },
                "NotIpAddress": { "aws:VpcSourceIp": "10.0.0.0/8" },
            });
        }));
        let [read] = &read.unwrap().statements[..] else { panic!("one statement") };
        let accounts = [Named::Account("123456789012".to_owned()), Named::Account("210987654321".to_owned())];
        assert_eq!(read.principals.as_ref().unwrap()[..2], accounts);
        assert_eq!(read.principals.as_ref().unwrap()[2], Named::Arn("arn:aws:iam::123456789012:role/r".to_owned()));
        assert_eq!(read.resources, Patterns::Of(vec!["prod/GET/a".to_owned(), "*".to_owned()]));
        let networks = |test: &Test| if let Test::In(networks) = test { networks.len() } else { 0 };
        let conditions: Vec<_> = read.conditions.iter().map(|it| (it.of, it.wanted, networks(&it.is))).collect();
        assert_eq!(conditions, [(Attribute::Source, Wanted::So, 2), (Attribute::VpcSource, Wanted::NotSo, 1)]);
        assert_eq!(of(&statement(|it| it["Action"] = "execute-api:ManageConnections".into())).unwrap().statements, []);
        for action in ["*", "execute-api:*", "execute-api:Inv*"] {
            assert_eq!(of(&statement(|it| it["Action"] = action.into())).unwrap().statements.len(), 1, "{action}");
        }
        for (not_action, count) in [("execute-api:Manage*", 1), ("EXECUTE-API:INVOKE", 0), ("*", 0)] {
            let other = json!({ "Effect": "Deny", "Principal": "*", "NotAction": not_action, "NotResource": "execute-api:/a/*" });
            let read = of(&other).unwrap().statements;
            assert_eq!(read.len(), count, "{not_action}");
            assert!(read.iter().all(|it| it.resources == Patterns::AllBut(vec!["a/*".to_owned()])));
        }
    }

    #[test]
    fn what_is_not_known_is_named_with_its_place() {
        for (broken, said) in [
            (statement(|it| it["Effect"] = "Perhaps".into()), "Statement[0].Effect: write Allow or Deny"),
            (statement(|it| it["Principal"] = json!({ "Service": "a" })), "Statement[0].Principal: Service is nothing"),
            (statement(|it| it["Principal"] = json!({ "AWS": "ann" })), "\"ann\" names nobody"),
            (statement(|it| it["NotPrincipal"] = "*".into()), "NotPrincipal is nothing that is looked at here"),
            (statement(|it| it["NotAction"] = "*".into()), "Statement[0]: Action and NotAction exclude each other"),
            (
                statement(|it| it["Action"] = json!([])),
                "Statement[0].Action: nothing is named; write e.g. \"execute-api:Invoke\"",
            ),
            (statement(|it| it["Resource"] = "arn:aws:s3:::a".into()), "is no resource of an API"),
            (
                statement(|it| it["Condition"] = json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } })),
                "Statement[0].Condition.StringEquals: the condition on aws:SourceVpce is none that is looked at",
            ),
            (
                statement(|it| it["Condition"] = json!({ "IpAddress": { "aws:PrincipalIp": "10.0.0.0/8" } })),
                "Statement[0].Condition.IpAddress: the condition on aws:PrincipalIp",
            ),
            (
                statement(|it| it["Condition"] = json!({ "IpAddress": { "aws:UserAgent": "10.0.0.0/8" } })),
                "Statement[0].Condition.IpAddress: the condition on aws:UserAgent is none",
            ),
            (
                statement(|it| it["Condition"] = json!({ "Bool": { "aws:SourceIp": "true" } })),
                "Statement[0].Condition.Bool: the condition on aws:SourceIp is none",
            ),
            (
                statement(|it| it["Condition"] = json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/40" } })),
                "\"10.0.0.0/40\" is no network",
            ),
            (json!(7), "Statement[0]: this is no object"),
        ] {
            assert!(of(&broken).unwrap_err().contains(said), "{broken}: {:?}", of(&broken));
        }
        assert!(policy(&json!({}), Whose::Api).unwrap_err().to_string().contains("there is no statement"));
        assert!(policy(&json!({ "Statement": [] }), Whose::Api).is_err());
        let long = json!({ "Statement": [], "Id": "x".repeat(9_000) });
        assert!(policy(&long, Whose::Api).unwrap_err().to_string().contains("write at most 8192"));
    }

    #[test]
    fn what_a_function_answers_is_taken_as_it_is_and_what_is_none_is_told() {
        let answered = |document: &Value| policy(document, Whose::Function).map_err(|fault| fault.to_string());
        let with = |change: &dyn Fn(&mut Value)| {
            let mut statement = json!({ "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*/GET/*" });
            change(&mut statement);
            json!({ "Version": "2012-10-17", "Statement": [statement] })
        };
        // Its patterns are held against whole ARNs, and whom else it names does not matter.
        let read =
            answered(&with(&|it| (it["Sid"], it["Principal"], it["Remark"]) = ("a".into(), 7.into(), Value::Null))).unwrap();
        assert_eq!(read.statements[0].principals, None);
        assert_eq!(read.statements[0].resources, Patterns::Of(vec!["*/GET/*".to_owned()]));
        for (document, said) in [
            (json!({}), "Statement: there is no statement"),
            (json!({ "Statement": [] }), "Statement: there is no statement"),
            (json!({ "Statement": "Allow" }), "Statement: there is no statement"),
            (json!({ "Statement": [7] }), "Statement[0]: this is no object"),
            (with(&|it| it["Effect"] = "allow".into()), "Statement[0].Effect: write Allow or Deny"),
            (with(&|it| it["Action"] = 7.into()), "Statement[0].Action: write a text"),
            (with(&|it| it["Action"] = json!([])), "Statement[0].Action: nothing is named"),
            (with(&|it| it["NotAction"] = "*".into()), "Statement[0]: Action and NotAction exclude each other"),
            (with(&|it| it["Resource"] = json!(["a", null])), "Statement[0].Resource: write a text"),
            (with(&|it| it["Resource"] = "a".repeat(513).into()), "Statement[0].Resource: it is longer than 512 characters"),
            (with(&|it| it["Condition"] = json!([])), "Statement[0].Condition: this is no object"),
            (
                with(&|it| it["Condition"] = json!({ "Bool": { "aws:SecureTransport": "true" } })),
                "Statement[0].Condition.Bool: the condition on aws:SecureTransport is none",
            ),
        ] {
            let told = answered(&document).expect_err("a fault");
            assert!(told.starts_with(said), "{document}: {told}");
        }
    }
}
