//! First-class integrations of HTTP APIs: the request that an action makes of its parameters.
//!
//! Owns the form of each action's request, in its service's protocol. Refuses to know which parameters an action has (the model does)
//! and what becomes of the answer, which passes like a proxy's. Compiled by [`service`](super).
//!
//! Source: developer guide, "Create AWS service integrations for HTTP APIs" and "Integration subtype reference", 2026, for what goes
//! in; the API references of the services for what goes out. How the real gateway speaks to a service nobody sees. Two things show in
//! the answer or at the service, and are chosen here: SQS is asked by its query protocol, as its answers are XML; and `Data` of Kinesis
//! goes on as it came, so that the client encodes it as base64, as Kinesis has it. A parameter without a value is left out.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Number, Value, json};
use sluicegate_policy::model::Subtype;

use crate::backend::BackendRequest;
use crate::expression::Surroundings;
use crate::mapping::PartFault;
use crate::request_mapping::RequestValue;

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const SQS_VERSION: &str = "2012-11-05";

/// An action with its parameters, compiled.
#[derive(Debug)]
pub(crate) struct FirstClass {
    subtype: Subtype,
    parameters: Vec<(String, RequestValue)>,
    base: String,
}

/// The parameters of one call.
struct Given(Vec<(String, String)>);

impl FirstClass {
    pub(super) fn new(subtype: Subtype, parameters: &[(String, String)], base: String) -> Result<Self, PartFault> {
        let parameters = parameters.iter().map(|(name, value)| {
            let parsed = RequestValue::parse(value).map_err(|why| (format!("service parameter {name}"), why))?;
            Ok((name.clone(), parsed))
        });
        Ok(Self { subtype, parameters: parameters.collect::<Result<_, _>>()?, base })
    }

    /// The region that it is called in, where the integration says so.
    pub(crate) fn region(&self, path: &str, of: &Surroundings<'_>) -> Option<String> {
        let region = self.parameters.iter().find(|(name, _)| name == "Region").map(|(_, value)| value)?;
        // It becomes a part of what is signed for.
        let is_name = |text: &String| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        region.value(path, of).filter(is_name)
    }

    /// The request, but for what the gateway says of itself; `path` is the request's own below the stage.
    pub(crate) fn request(&self, path: &str, of: &Surroundings<'_>) -> BackendRequest {
        let values = self.parameters.iter().filter_map(|(name, value)| Some((name.clone(), value.value(path, of)?)));
        let given = Given(values.collect());
        match self.subtype {
            Subtype::SendMessage | Subtype::ReceiveMessage | Subtype::DeleteMessage | Subtype::PurgeQueue => {
                self.form(&given.query(self.subtype.action()))
            }
            Subtype::PutEvents => self.json("AWSEvents", "1.1", &json!({ "Entries": [given.event()] })),
            Subtype::PutRecord => self.json("Kinesis_20131202", "1.1", &Value::Object(given.object(str::to_owned))),
            Subtype::StartExecution | Subtype::StartSyncExecution | Subtype::StopExecution => {
                self.json("AWSStepFunctions", "1.0", &Value::Object(given.object(lower_first)))
            }
            Subtype::GetConfiguration => self.configuration(&given),
        }
    }

    fn form(&self, form: &str) -> BackendRequest {
        self.post("application/x-www-form-urlencoded; charset=utf-8", form.to_owned())
    }

    fn json(&self, prefix: &str, version: &str, body: &Value) -> BackendRequest {
        let mut request = self.post(&format!("application/x-amz-json-{version}"), body.to_string());
        request.headers.push(("X-Amz-Target".to_owned(), format!("{prefix}.{}", self.subtype.action())));
        request
    }

    fn post(&self, content_type: &str, body: String) -> BackendRequest {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        BackendRequest { method: "POST".to_owned(), url: format!("{}/", self.base), headers, body: body.into() }
    }

    fn configuration(&self, given: &Given) -> BackendRequest {
        let part = |name| encoded(given.get(name).unwrap_or_default());
        let version = given.get("ClientConfigurationVersion");
        let version = version.map(|it| format!("&client_configuration_version={}", encoded(it))).unwrap_or_default();
        let url = format!(
            "{}/applications/{}/environments/{}/configurations/{}?client_id={}{version}",
            self.base,
            part("Application"),
            part("Environment"),
            part("Configuration"),
            part("ClientId"),
        );
        BackendRequest { method: "GET".to_owned(), url, headers: Vec::new(), body: bytes::Bytes::new() }
    }
}

impl Given {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What goes to the service: `Region` says where the service is, and is none of its own.
    fn own(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| *name != "Region")
    }

    fn object(&self, name: impl Fn(&str) -> String) -> Map<String, Value> {
        self.own().map(|(key, value)| (name(key), value.into())).collect()
    }

    /// The one entry of an event.
    fn event(&self) -> Value {
        let mut entry = self.object(str::to_owned);
        if let Some(resources) = self.get("Resources") {
            entry.insert("Resources".to_owned(), list(resources).into());
        }
        // A time goes as seconds since 1970; what is none is left for the service to refuse.
        if let Some(seconds) = self.get("Time").and_then(seconds) {
            entry.insert("Time".to_owned(), seconds);
        }
        Value::Object(entry)
    }

    /// The form of the query protocol, lists and maps taken apart (SQS API reference, "Making query API requests").
    fn query(&self, action: &str) -> String {
        let mut form = vec![("Action".to_owned(), action.to_owned()), ("Version".to_owned(), SQS_VERSION.to_owned())];
        for (name, value) in self.own() {
            match name {
                "AttributeNames" | "MessageAttributeNames" => {
                    let singular = &name[..name.len() - 1];
                    form.extend(list(value).into_iter().zip(1..).map(|(item, at)| (format!("{singular}.{at}"), item)));
                }
                "MessageAttributes" | "MessageSystemAttributes" => attributes(&name[..name.len() - 1], value, &mut form),
                name => form.push((name.to_owned(), value.to_owned())),
            }
        }
        let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        pairs.join("&")
    }
}

/// `{"kind":{"DataType":"String","StringValue":"a"}}` as `MessageAttribute.1.Name=kind` and so on.
fn attributes(name: &str, value: &str, form: &mut Vec<(String, String)>) {
    let Ok(Value::Object(attributes)) = serde_json::from_str(value) else {
        // What is no map stays as it is: the service says what it thinks of it.
        form.push((format!("{name}.1.Name"), value.to_owned()));
        return;
    };
    for ((key, attribute), at) in attributes.iter().zip(1..) {
        form.push((format!("{name}.{at}.Name"), key.clone()));
        for (part, value) in attribute.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form.push((format!("{name}.{at}.Value.{part}"), text));
        }
    }
}

/// A JSON list of texts, or one text that is no list.
fn list(text: &str) -> Vec<String> {
    serde_json::from_str::<Vec<String>>(text).unwrap_or_else(|_| vec![text.to_owned()])
}

fn seconds(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse::<f64>() {
        return Number::from_f64(number).map(Value::Number);
    }
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_second().into())
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Given {
        Given(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_message_is_a_form_with_its_attributes_taken_apart() {
        let attributes = r#"{"kind":{"DataType":"String","StringValue":"a b"}}"#;
        let form = given(&[
            ("QueueUrl", "http://h/q"),
            ("MessageBody", "x&y"),
            ("MessageAttributes", attributes),
            ("Region", "eu-west-1"),
        ])
        .query("SendMessage");
        assert_eq!(
            form,
            "Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Fh%2Fq&MessageBody=x%26y&MessageAttribute.1.Name=kind\
             &MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=a%20b"
        );
        let form =
            given(&[("AttributeNames", r#"["All","SenderId"]"#), ("MessageAttributeNames", "kind")]).query("ReceiveMessage");
        assert!(form.ends_with("&AttributeName.1=All&AttributeName.2=SenderId&MessageAttributeName.1=kind"), "{form}");
    }

    #[test]
    fn an_event_has_a_list_and_a_time() {
        let event = given(&[("Detail", "{}"), ("Resources", r#"["a","b"]"#), ("Time", "2026-01-01T00:00:00Z")]).event();
        assert_eq!(event, json!({ "Detail": "{}", "Resources": ["a", "b"], "Time": 1_767_225_600 }));
        assert_eq!(given(&[("Time", "soon")]).event(), json!({ "Time": "soon" }));
    }

    #[test]
    fn step_functions_spell_parameters_with_a_small_letter() {
        let body = given(&[("StateMachineArn", "arn:a"), ("Input", "{}")]).object(lower_first);
        assert_eq!(Value::Object(body), json!({ "stateMachineArn": "arn:a", "input": "{}" }));
    }
}
