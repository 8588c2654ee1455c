//! What of a message is known before it is sent: its JSON, but for what its fields and secrets hold.
//!
//! Owns reading a text with fields as JSON. Refuses to say what is wrong with a text (`traffic::template` does). Called by `message`.

use serde_json::Value;

use crate::config::value::BodyText;

/// A message with two values in the place of every field and secret: what is the same in both is constant.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    one: Option<Value>,
    other: Option<Value>,
}

/// What stands at a place of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This text or number, in every message.
    Constant(String),
    /// A text or number that differs from message to message.
    Varying,
    /// An object, a list, true, false or null.
    Other,
    /// Nothing: the message is no JSON object, or has no such key.
    Nothing,
}

impl Sketch {
    pub(super) fn of(message: &BodyText) -> Self {
        let phrase = message.phrase();
        // Digits may stand where a text or a number is expected.
        let read = |stand_in: &str| serde_json::from_str(&without_fields(&phrase.covered(stand_in), stand_in)?).ok();
        Self { one: read("1"), other: read("2") }
    }

    /// What stands at the end of these keys.
    pub(super) fn at(&self, path: &[String]) -> Found {
        let (Some(one), Some(other)) = (found(self.one.as_ref(), path), found(self.other.as_ref(), path)) else {
            return Found::Nothing;
        };
        match (one, other) {
            (Value::String(one), Value::String(other)) if one == other => Found::Constant(one.clone()),
            (Value::Number(one), Value::Number(other)) if one == other => Found::Constant(one.to_string()),
            (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) => Found::Varying,
            _ => Found::Other,
        }
    }
}

fn found<'v>(value: Option<&'v Value>, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value?, |value, key| value.as_object()?.get(key))
}

/// The text of a template with something in the place of its fields, and single braces; `None` if a brace belongs to no field.
fn without_fields(text: &str, stand_in: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (literal, braces) = rest.split_at(at);
        out.push_str(literal);
        let brace = &braces[..1];
        if braces[1..].starts_with(brace) {
            out.push_str(brace);
            rest = &braces[2..];
        } else {
            rest = braces.strip_prefix('{')?.split_once('}')?.1;
            out.push_str(stand_in);
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, path: &[&str]) -> Found {
        let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        Sketch::of(&BodyText::Written(text.parse().unwrap())).at(&path)
    }

    #[test]
    fn what_does_not_vary_is_known() {
        let text = r#"{{"action":"say","n":5,"of":{{"who":"{who}","n":{n}}},"key":"${env:KEY}","all":[1],"no":false}}"#;
        assert_eq!(at(text, &["action"]), Found::Constant("say".into()));
        assert_eq!(at(text, &["n"]), Found::Constant("5".into()));
        assert_eq!(at(text, &["of", "who"]), Found::Varying);
        assert_eq!(at(text, &["of", "n"]), Found::Varying);
        assert_eq!(at(text, &["key"]), Found::Varying, "a secret is no name");
        assert_eq!(at(text, &["of"]), Found::Other);
        assert_eq!(at(text, &["no"]), Found::Other);
        assert_eq!(at(text, &["action", "deeper"]), Found::Nothing);
        assert_eq!(at(text, &["none"]), Found::Nothing);
    }

    #[test]
    fn what_is_no_json_holds_nothing() {
        for text in ["", "hello", "{who}", "[1]", r#"{{"action":"#, "}{", "{", "$${"] {
            assert_eq!(at(text, &["action"]), Found::Nothing, "{text}");
        }
    }

    #[test]
    fn keys_and_values_are_what_they_will_be() {
        let json = BodyText::Json(serde_json::json!({ "a{": "{who}", "b": ["x"], "c": { "d": "e" } }));
        let sketch = Sketch::of(&json);
        assert_eq!(sketch.at(&["a{".to_owned()]), Found::Varying);
        assert_eq!(sketch.at(&["c".to_owned(), "d".to_owned()]), Found::Constant("e".into()));
    }
}
