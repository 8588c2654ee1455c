//! Secrets that are written out in a document, by what they are called and by what they look like.
//!
//! Owns which names and which values make a secret likely. Refuses to hand on a value: a place is a line and a path of keys.

use super::super::document::{Kind, Node};

/// Places beyond these are counted by nobody: the first say what to do.
const PLACES_MAX: usize = 100;

/// What secrets are called, without regard to case, dashes and underscores.
const CALLED: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "authtoken",
    "accesstoken",
    "credential",
    "connectionstring",
];

/// What such a name is only about, if it ends so.
const ABOUT: [&str; 22] = [
    "name",
    "arn",
    "id",
    "url",
    "uri",
    "path",
    "endpoint",
    "type",
    "days",
    "ttl",
    "source",
    "header",
    "length",
    "required",
    "policy",
    "selectionexpression",
    "key_id",
    "units",
    "validity",
    "description",
    "version",
    "enabled",
];

/// Shorter values are words, not secrets.
const CHARS_MIN: usize = 8;

/// Every place of a secret that is written out.
pub(super) fn literals(root: &Node) -> Vec<String> {
    let mut found = Vec::new();
    walk(root, &mut Vec::new(), &mut found);
    found
}

/// The parameters of a template that are called like secrets, and whether they are shown or have a default.
pub(super) fn parameters(root: &Node) -> Vec<(String, bool)> {
    let all = root.get("Parameters").map(Node::entries).unwrap_or_default();
    let is_open = |parameter: &Node| {
        let is_hidden = parameter.get("NoEcho").is_some_and(Node::is_true);
        // The value of such a parameter is fetched, and this is its name.
        let is_name = parameter.word("Type").is_some_and(|kind| kind.starts_with("AWS::SSM::"));
        !is_name && (!is_hidden || parameter.word("Default").is_some_and(|text| !text.is_empty()))
    };
    all.iter().filter(|(name, _)| is_called_secret(name)).map(|(name, parameter)| (name.clone(), is_open(parameter))).collect()
}

fn walk(node: &Node, path: &mut Vec<String>, found: &mut Vec<String>) {
    if found.len() >= PLACES_MAX {
        return;
    }
    match &node.kind {
        Kind::Map(entries) => {
            for (key, value) in entries {
                path.push(key.clone());
                walk(value, path, found);
                path.pop();
            }
        }
        Kind::List(items) => items.iter().for_each(|item| walk(item, path, found)),
        Kind::Text(text) if is_secret(path, text) => found.push(format!("line {}: {}", node.line, shown(path))),
        Kind::Text(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
    }
}

/// The last keys of a path.
fn shown(path: &[String]) -> String {
    const KEYS: usize = 3;
    path[path.len().saturating_sub(KEYS)..].join(".")
}

fn is_secret(path: &[String], text: &str) -> bool {
    let text = text.trim();
    looks_secret(text) || (is_place_of_secret(path) && is_written_out(text))
}

/// By its own looks: a private key, an access key's id, or the value of an authorization header in a mapping.
fn looks_secret(text: &str) -> bool {
    let is_key_id = |word: &str| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            // The provider's own example.
            && !word.ends_with("EXAMPLE")
    };
    let of_header = ["'Bearer ", "'Basic ", "Bearer ey"].iter().any(|lead| text.starts_with(lead)) && !text.contains("${");
    (text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----"))
        || of_header
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_key_id)
}

/// By the key that it stands behind.
fn is_place_of_secret(path: &[String]) -> bool {
    let Some(last) = path.last() else { return false };
    // The value of an API key, in a profile (`api_keys.NAME.value`).
    let of_key = path.len() >= 3 && last == "value" && path[path.len() - 3] == "api_keys";
    // What is said of a value is none: a schema's properties, a parameter's description.
    let of_schema =
        path.iter().any(|key| matches!(key.as_str(), "properties" | "schemas" | "models" | "definitions" | "Parameters"));
    of_key || (!of_schema && is_called_secret(last))
}

fn is_called_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let is_called = CALLED.iter().any(|word| plain.contains(word)) || plain == "token" || plain.ends_with("token");
    is_called && !ABOUT.iter().any(|end| plain.ends_with(end)) && plain != "nexttoken" && plain != "identitytoken"
}

/// Whether a text is itself what it names: no reference, no name, no expression.
fn is_written_out(text: &str) -> bool {
    let is_reference = text.contains("${") || text.contains("{{") || text.contains("{identity}");
    let is_expression =
        ["$", "method.", "integration.", "context.", "stageVariables.", "arn:", "http://", "https://", "/", "placeholder"]
            .iter()
            .any(|lead| text.starts_with(lead));
    let is_words = text.chars().any(char::is_whitespace) || matches!(text, "required" | "optional");
    text.chars().count() >= CHARS_MIN && !is_reference && !is_expression && !is_words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        literals(&Node::parse(text).unwrap())
    }

    #[test]
    fn what_is_called_or_looks_like_a_secret_is_found_with_its_line() {
        let text = "Environment:\n  Variables:\n    DB_PASSWORD: hunter2hunter2\n    KEY: AKIAIOSFODNN7ABCDEFG\n\
                    api_keys:\n  gold:\n    value: 0123456789abcdef0123\nrequestParameters:\n  h: \"'Bearer abc.def'\"\n";
        assert_eq!(
            places(text),
            [
                "line 3: Environment.Variables.DB_PASSWORD",
                "line 4: Environment.Variables.KEY",
                "line 7: api_keys.gold.value",
                "line 9: requestParameters.h"
            ]
        );
    }

    #[test]
    fn references_names_schemas_and_switches_are_no_secrets() {
        let text = "A_PASSWORD: ${env:PASSWORD}\nB_SECRET: !Ref Secret\nC_TOKEN: '{{resolve:secretsmanager:x}}'\nSECRET_NAME: orders-database\n\
                    SecretArn: arn:aws:secretsmanager:x\napi_key_source: authorizer\nApiKeyRequired: true\ntokenUrl: https://a.example\n\
                    properties: { password: a-long-text-here }\npassword: { type: string }\ntoken: short\nkeyid: AKIAIOSFODNN7EXAMPLE\n\
                    Authorization: method.request.header.Authorization\nsecret: two words are no secret\napi_key: required\n";
        assert_eq!(places(text), Vec::<String>::new());
    }
}
