//! What a function says that was asked as an authorizer.
//!
//! Owns the forms of such an answer, what is none, and the answers that are needed now, by their names. Refuses to decide which are
//! needed (the policy crate says when one can go, and bounds them by what it was told that they take) and to invoke. Filled by the mock
//! when a function has ended; read by [`Examined`](crate::examined::Examined).
//!
//! Source: developer guide, "Output from an API Gateway Lambda authorizer" and "Control access to HTTP APIs with AWS Lambda authorizers",
//! 2026: `context` is flat in the answers of a REST API's function and of format 1.0; in format 2.0 the guide's own examples have lists and
//! objects in it. Unconfirmed: that format 2.0 needs a `principalId` beside a policy, as its examples have; that a function which was to
//! answer simply and answers with a policy has answered nothing; that `Unauthorized` raised before an HTTP API is any other error.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use sluicegate_policy::call::{AnswerId, Credential, Denied, FunctionResult, Permission, Reason, Verdict};
use sluicegate_policy::model::{AuthorizerAnswers, AuthorizerFormat, Condition, Patterns, ResourcePolicy, Statement, Test};
use sluicegate_policy::time::Span;

use super::document::{DocumentFault, Whose, policy};
use super::permission::Asks;
use crate::function_answer::{Returned, error_message};

/// What a REST API's function raises to have 401 answered, to the letter.
const UNAUTHORIZED: &str = "Unauthorized";
/// What a value costs beside its bytes, about.
const VALUE_BYTES: usize = 64;
/// What a text costs beside its bytes, about.
const TEXT_BYTES: usize = 48;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuthorizerAnswer {
    grant: Grant,
    pub(crate) principal: Option<String>,
    pub(crate) context: Map<String, Value>,
    /// The value of an API key.
    key: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Grant {
    Simple(bool),
    Policy(ResourcePolicy),
}

/// An answer that holds for a request.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) answer: Arc<AuthorizerAnswer>,
    /// The API key that it names.
    pub(crate) key: Credential,
    /// How long the request waited for it.
    pub(crate) took: Span,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// It is no object.
    #[error("it is no JSON object")]
    Shape,
    /// It does not say whether.
    #[error("its isAuthorized is neither true nor false")]
    Simple,
    /// It does not say who.
    #[error("it has no principalId")]
    Principal,
    /// It has no policy.
    #[error("it has no policyDocument")]
    NoPolicy,
    /// Its policy is none.
    #[error("its policyDocument: {0}")]
    Policy(#[from] DocumentFault),
    /// What it hands on cannot be handed on.
    #[error("its context is no object of texts, numbers and booleans")]
    Context,
    /// Its key is none.
    #[error("its usageIdentifierKey is no text")]
    Key,
}

/// The answers that are needed now. One thread owns them, as it owns the gateway.
#[derive(Debug, Default)]
pub(crate) struct Answers(RefCell<BTreeMap<AnswerId, Arc<AuthorizerAnswer>>>);

impl Answers {
    /// A function has ended so, which was asked in this format: what the gateway is to be told. An answer is kept under its name.
    pub(crate) fn on_returned(
        &self,
        id: AnswerId,
        format: AuthorizerFormat,
        returned: Returned<'_>,
    ) -> Result<FunctionResult, AnswerFault> {
        let answer = match returned {
            Returned::Value(bytes) | Returned::Head(bytes) => AuthorizerAnswer::parse(format, bytes)?,
            Returned::Error(_) => {
                let is_rest = matches!(format, AuthorizerFormat::Token | AuthorizerFormat::Request);
                let refuses = is_rest && error_message(returned) == UNAUTHORIZED;
                return Ok(if refuses { FunctionResult::Unauthorized } else { FunctionResult::Failed });
            }
        };
        let bytes = answer.bytes() as u64;
        self.0.borrow_mut().insert(id, Arc::new(answer));
        Ok(FunctionResult::Authorized { bytes })
    }

    pub(crate) fn get(&self, id: AnswerId) -> Option<Arc<AuthorizerAnswer>> {
        self.0.borrow().get(&id).cloned()
    }

    pub(crate) fn let_go(&self, id: AnswerId) {
        self.0.borrow_mut().remove(&id);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

impl AuthorizerAnswer {
    fn parse(format: AuthorizerFormat, bytes: &[u8]) -> Result<Self, AnswerFault> {
        let Ok(Value::Object(mut given)) = serde_json::from_slice(bytes) else { return Err(AnswerFault::Shape) };
        let context = match given.remove("context") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(context)) => context,
            Some(_) => return Err(AnswerFault::Context),
        };
        let is_flat = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        let may_be_deep = matches!(format, AuthorizerFormat::V2(_));
        if !may_be_deep && !context.values().all(is_flat) {
            return Err(AnswerFault::Context);
        }
        if format == AuthorizerFormat::V2(AuthorizerAnswers::Simple) {
            let Some(Value::Bool(says)) = given.get("isAuthorized") else { return Err(AnswerFault::Simple) };
            return Ok(Self { grant: Grant::Simple(*says), principal: None, context, key: None });
        }
        let Some(Value::String(principal)) = given.remove("principalId") else { return Err(AnswerFault::Principal) };
        let document = given.get("policyDocument").filter(|document| document.is_object()).ok_or(AnswerFault::NoPolicy)?;
        let grant = Grant::Policy(policy(document, Whose::Function)?);
        let key = match given.remove("usageIdentifierKey") {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key),
            Some(_) => return Err(AnswerFault::Key),
        };
        Ok(Self { grant, principal: Some(principal), context, key })
    }

    /// What it says of a request.
    pub(super) fn verdict(&self, asks: &Asks<'_>) -> Verdict {
        let permission = match &self.grant {
            Grant::Simple(true) => Permission::Allowed,
            Grant::Simple(false) => Permission::Denied,
            Grant::Policy(policy) => asks.held_against(policy),
        };
        match permission {
            Permission::Allowed => Ok(()),
            Permission::Denied => Err(Reason::AccessDenied(Denied::Explicit)),
            Permission::Silent => Err(Reason::AccessDenied(Denied::Implicit)),
        }
    }

    /// The value of the API key that it names.
    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let policy = match &self.grant {
            Grant::Simple(_) => 0,
            Grant::Policy(policy) => policy.statements.iter().map(statement_weight).sum(),
        };
        let texts = [&self.principal, &self.key].into_iter().flatten().map(String::len).sum::<usize>();
        let context: usize = self.context.iter().map(|(name, value)| name.len() + VALUE_BYTES + weight(value)).sum();
        size_of::<Self>() + policy + texts + context
    }
}

fn statement_weight(statement: &Statement) -> usize {
    let of = |texts: &[String]| texts.iter().map(|text| text.len() + TEXT_BYTES).sum::<usize>();
    let condition = |condition: &Condition| match &condition.is {
        Test::In(networks) => size_of::<Condition>() + size_of_val(&networks[..]),
        Test::Equals(texts) | Test::Like(texts) => size_of::<Condition>() + of(texts),
    };
    let (Patterns::Of(resources) | Patterns::AllBut(resources)) = &statement.resources;
    size_of::<Statement>() + of(resources) + statement.conditions.iter().map(condition).sum::<usize>()
}

fn weight(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(weight).sum(),
            Value::Object(map) => map.iter().map(|(name, value)| name.len() + VALUE_BYTES + weight(value)).sum(),
        }
}

/// A value of `context` as templates, logs and a REST API's events show it: always text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_policy::model::Endpoint;

    use super::*;

    const POLICY: AuthorizerFormat = AuthorizerFormat::V2(AuthorizerAnswers::Policy);
    const SIMPLE: AuthorizerFormat = AuthorizerFormat::V2(AuthorizerAnswers::Simple);
    const WITH_POLICY: [AuthorizerFormat; 4] = [AuthorizerFormat::Token, AuthorizerFormat::Request, AuthorizerFormat::V1, POLICY];
    const ID: AnswerId = AnswerId(7);

    fn yes() -> Value {
        let statement = json!({ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*/GET/*" });
        let context = json!({ "stringKey": "value", "numberKey": 1.5, "booleanKey": true });
        json!({
            "principalId": "ann",
            "policyDocument": { "Version": "2012-10-17", "Statement": [statement] },
            "context": context,
            "usageIdentifierKey": "gold",
        })
    }

    fn asks(resource: &str) -> Asks<'_> {
        let (source, endpoint) = (std::net::Ipv4Addr::LOCALHOST.into(), Endpoint::Regional);
        Asks { resource, who: None, source, endpoint, user_agent: None }
    }

    fn returned(format: AuthorizerFormat, value: &Value) -> Result<FunctionResult, AnswerFault> {
        let answers = Answers::default();
        let result = answers.on_returned(ID, format, Returned::Value(value.to_string().as_bytes()));
        assert_eq!(answers.len(), usize::from(result.is_ok()));
        result
    }

    #[test]
    fn an_answer_is_held_against_each_method_and_hands_on_what_it_says() {
        for format in WITH_POLICY {
            let answers = Answers::default();
            let result = answers.on_returned(ID, format, Returned::Value(yes().to_string().as_bytes())).unwrap();
            let answer = answers.get(ID).unwrap();
            let FunctionResult::Authorized { bytes } = result else { panic!("{result:?}") };
            assert!((100..1_000).contains(&bytes), "{bytes}");
            let verdict = |resource| answer.verdict(&asks(resource));
            assert_eq!(verdict("arn:aws:execute-api:r:1:a/prod/GET/x"), Ok(()));
            assert_eq!(verdict("arn:aws:execute-api:r:1:a/prod/POST/x"), Err(Reason::AccessDenied(Denied::Implicit)));
            assert_eq!((answer.principal.as_deref(), answer.key()), (Some("ann"), Some("gold")));
            let texts: Vec<String> = answer.context.values().map(text).collect();
            assert_eq!(texts.len(), 3);
            assert!(texts.contains(&"1.5".to_owned()) && texts.contains(&"true".to_owned()), "{texts:?}");
            answers.let_go(ID);
            assert_eq!((answers.get(ID), answers.len()), (None, 0));
        }
    }

    #[test]
    fn a_simple_answer_says_yes_or_no_to_everything() {
        for (says, verdict) in [(true, Ok(())), (false, Err(Reason::AccessDenied(Denied::Explicit)))] {
            let value = json!({ "isAuthorized": says, "context": { "list": ["a"], "map": { "a": null } } });
            let answer = AuthorizerAnswer::parse(SIMPLE, value.to_string().as_bytes()).unwrap();
            assert_eq!((answer.verdict(&asks("anything")), answer.context.len()), (verdict, 2));
        }
    }

    #[test]
    fn what_is_no_answer_is_told_from_one() {
        let with = |key: &str, value: Value| {
            let mut answer = yes();
            answer[key] = value;
            answer
        };
        for (value, fault) in [
            (json!("Unauthorized"), AnswerFault::Shape),
            (json!(null), AnswerFault::Shape),
            (json!([]), AnswerFault::Shape),
            (json!({ "statusCode": 200, "body": "{}" }), AnswerFault::Principal),
            (with("principalId", json!(7)), AnswerFault::Principal),
            (with("policyDocument", json!("{}")), AnswerFault::NoPolicy),
            (with("policyDocument", json!({})), AnswerFault::Policy(policy(&json!({}), Whose::Function).unwrap_err())),
            (with("usageIdentifierKey", json!(7)), AnswerFault::Key),
            (with("context", json!("text")), AnswerFault::Context),
        ] {
            for format in WITH_POLICY {
                assert_eq!(returned(format, &value), Err(fault.clone()), "{value} {format:?}");
            }
        }
        let deep = [json!({ "a": [] }), json!({ "a": {} }), json!({ "a": null })];
        for context in deep {
            let answer = with("context", context);
            for format in [AuthorizerFormat::Token, AuthorizerFormat::Request, AuthorizerFormat::V1] {
                assert_eq!(returned(format, &answer), Err(AnswerFault::Context));
            }
            assert!(returned(POLICY, &answer).is_ok());
        }
        for value in [json!({}), json!({ "isAuthorized": "true" }), yes()] {
            assert_eq!(returned(SIMPLE, &value), Err(AnswerFault::Simple));
        }
        let garbage = Answers::default().on_returned(ID, AuthorizerFormat::Token, Returned::Value(b"\x00\xff no JSON"));
        assert_eq!(garbage, Err(AnswerFault::Shape));
        let nested = "[".repeat(100_000);
        let nested = format!(r#"{{"principalId":{nested}"#);
        assert_eq!(AuthorizerAnswer::parse(POLICY, nested.as_bytes()), Err(AnswerFault::Shape));
    }

    #[test]
    fn one_that_raises_refuses_a_rest_api_s_client_by_one_word_alone() {
        let raised = |format, message: &str| {
            let error = json!({ "errorMessage": message, "errorType": "Exception" }).to_string();
            Answers::default().on_returned(ID, format, Returned::Error(error.as_bytes()))
        };
        for format in [AuthorizerFormat::Token, AuthorizerFormat::Request] {
            assert_eq!(raised(format, "Unauthorized"), Ok(FunctionResult::Unauthorized));
            assert_eq!(raised(format, "unauthorized"), Ok(FunctionResult::Failed));
            assert_eq!(raised(format, "Unauthorized: no such user"), Ok(FunctionResult::Failed));
        }
        for format in [AuthorizerFormat::V1, POLICY, SIMPLE] {
            assert_eq!(raised(format, "Unauthorized"), Ok(FunctionResult::Failed));
        }
    }
}
