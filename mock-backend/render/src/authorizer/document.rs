//! Policy documents: the JSON that says who may invoke what, read into what the policy knows.
//!
//! Owns which parts of the policy language there are here, and what to say of those that are not. Refuses to hold a request against a
//! policy (`permission`). Called by the product's `config`, which proves a profile's documents with it, and by its
//! `import`, which leaves out a document that it cannot take whole: half a policy would let in whom the whole one does not.
//!
//! Source: IAM user guide, "JSON policy element reference", and developer guide, "Resource policy examples for API Gateway" (2026).

use serde_json::{Map, Value};
use sluicegate_policy::model::{Address, Condition, Named, Network, PolicyEffect, ResourcePolicy, Statement, Wanted};

/// Longest document (developer guide, "Quotas", 2026).
pub const DOCUMENT_BYTES_MAX: usize = 8_192;

/// Whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The API's: every statement says of whom it speaks.
    Api,
    /// An identity's: it speaks of its owner.
    Identity,
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
    let length = document.to_string().len();
    if length > DOCUMENT_BYTES_MAX {
        return Err(fault("the document", format!("it has {length} bytes; write at most {DOCUMENT_BYTES_MAX}")));
    }
    let document = object(document, "the document")?;
    only(document, &["Version", "Id", "Statement"], "the document")?;
    let statements = match document.get("Statement") {
        Some(Value::Array(several)) => several.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err(fault("Statement", "there is no statement; write a list of them")),
    };
    let statements = statements.into_iter().enumerate().map(|(at, it)| statement(it, &format!("Statement[{at}]"), whose));
    Ok(ResourcePolicy { statements: statements.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect() })
}

/// A statement; `None` if it speaks of other actions than invoking.
fn statement(value: &Value, place: &str, whose: Whose) -> Result<Option<Statement>, DocumentFault> {
    let given = object(value, place)?;
    only(given, &["Sid", "Effect", "Principal", "Action", "Resource", "Condition"], place)?;
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
        (None, Whose::Identity) => None,
        (Some(_), Whose::Identity) => {
            return Err(fault(&format!("{place}.Principal"), "an identity's policy speaks of its owner; remove this"));
        }
    };
    let actions = texts(given.get("Action"), &format!("{place}.Action"))?;
    if actions.is_empty() {
        return Err(fault(&format!("{place}.Action"), "no action is named; write execute-api:Invoke"));
    }
    let resources = resources(given.get("Resource"), &format!("{place}.Resource"))?;
    let conditions = conditions(given.get("Condition"), &format!("{place}.Condition"))?;
    let is_invoke = |action: &String| super::permission::matches(&action.to_ascii_lowercase(), "execute-api:invoke");
    Ok(actions.iter().any(is_invoke).then_some(Statement { effect, principals, resources, conditions }))
}

/// `None` is everybody.
fn principals(value: &Value, place: &str) -> Result<Option<Vec<Named>>, DocumentFault> {
    if value == "*" {
        return Ok(None);
    }
    let given = object(value, place)?;
    only(given, &["AWS"], place)?;
    let names = texts(given.get("AWS"), &format!("{place}.AWS"))?;
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
                &format!("{place}.AWS"),
                format!("\"{name}\" names nobody; write \"*\", an account's twelve digits, or the ARN of a user or role"),
            )),
        }
    });
    named.collect::<Result<_, _>>().map(Some)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `stage/METHOD/path` of each ARN, whichever API of whichever region it names; empty for everything.
fn resources(value: Option<&Value>, place: &str) -> Result<Vec<String>, DocumentFault> {
    let given = texts(value, place)?;
    if given.is_empty() {
        return Err(fault(place, "no resource is named; write e.g. \"execute-api:/*\""));
    }
    let below = given.iter().map(|resource| match resource.split(':').collect::<Vec<_>>().as_slice() {
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
    });
    below.collect()
}

fn conditions(value: Option<&Value>, place: &str) -> Result<Vec<Condition>, DocumentFault> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut conditions = Vec::new();
    for (operator, keys) in object(value, place)? {
        let wanted = match operator.as_str() {
            "IpAddress" => Wanted::Inside,
            "NotIpAddress" => Wanted::Outside,
            _ => return Err(unknown(place, operator)),
        };
        let place = format!("{place}.{operator}");
        for (key, networks) in object(keys, &place)? {
            let address = match key.to_ascii_lowercase().as_str() {
                "aws:sourceip" => Address::Source,
                "aws:vpcsourceip" => Address::VpcSource,
                _ => return Err(unknown(&place, key)),
            };
            let place = format!("{place}.{key}");
            let networks = texts(Some(networks), &place)?.iter().map(|text| network(text, &place)).collect::<Result<_, _>>()?;
            conditions.push(Condition { address, networks, wanted });
        }
    }
    Ok(conditions)
}

fn unknown(place: &str, what: &str) -> DocumentFault {
    let known = "known are IpAddress and NotIpAddress of aws:SourceIp and aws:VpcSourceIp; remove it, or the statement";
    fault(place, format!("the condition {what} is none that is looked at; {known}"))
}

/// `192.0.2.0/24`, or one address.
fn network(text: &str, place: &str) -> Result<Network, DocumentFault> {
    let wrong = || fault(place, format!("\"{text}\" is no network; write e.g. \"192.0.2.0/24\""));
    super::permission::network(text).ok_or_else(wrong)
}

/// A text or a list of texts.
fn texts(value: Option<&Value>, place: &str) -> Result<Vec<String>, DocumentFault> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| fault(place, "write a text, or a list of texts"));
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(several)) => several.iter().map(text).collect(),
        Some(one) => Ok(vec![text(one)?]),
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
        assert_eq!(read.resources, ["prod/GET/a", "*"]);
        let conditions: Vec<_> = read.conditions.iter().map(|it| (it.address, it.wanted, it.networks.len())).collect();
        assert_eq!(conditions, [(Address::Source, Wanted::Inside, 2), (Address::VpcSource, Wanted::Outside, 1)]);
        assert_eq!(of(&statement(|it| it["Action"] = "execute-api:ManageConnections".into())).unwrap().statements, []);
        for action in ["*", "execute-api:*", "execute-api:Inv*"] {
            assert_eq!(of(&statement(|it| it["Action"] = action.into())).unwrap().statements.len(), 1, "{action}");
        }
    }

    #[test]
    fn what_is_not_known_is_named_with_its_place() {
        for (broken, said) in [
            (statement(|it| it["Effect"] = "Perhaps".into()), "Statement[0].Effect: write Allow or Deny"),
            (statement(|it| it["Principal"] = json!({ "Service": "a" })), "Statement[0].Principal: Service is nothing"),
            (statement(|it| it["Principal"] = json!({ "AWS": "ann" })), "\"ann\" names nobody"),
            (statement(|it| it["NotAction"] = "*".into()), "NotAction is nothing that is looked at here"),
            (statement(|it| it["Resource"] = "arn:aws:s3:::a".into()), "is no resource of an API"),
            (
                statement(|it| it["Condition"] = json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } })),
                "Statement[0].Condition: the condition StringEquals is none that is looked at",
            ),
            (
                statement(|it| it["Condition"] = json!({ "IpAddress": { "aws:PrincipalIp": "10.0.0.0/8" } })),
                "Statement[0].Condition.IpAddress: the condition aws:PrincipalIp",
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
        let long = json!({ "Statement": [], "Id": "x".repeat(9_000) });
        assert!(policy(&long, Whose::Api).unwrap_err().to_string().contains("write at most 8192"));
    }
}
