//! `$ref`s of a definition, within the file.
//!
//! Owns following them. Refuses other files and hosts: nothing is ever fetched. Called by everything that reads a definition.

use super::document::{Kind, Node};
use super::error::{Fault, quoted};

/// References in a row that are followed.
const CHAIN_MAX: usize = 32;

/// The definition that references point into.
#[derive(Clone, Copy)]
pub(super) struct References<'d> {
    root: &'d Node,
}

impl<'d> References<'d> {
    /// References into this definition.
    pub(super) fn new(root: &'d Node) -> Self {
        Self { root }
    }

    /// The value itself, or what it refers to in the end. `at` names the value in messages.
    pub(super) fn follow(self, node: &'d Node, at: &str) -> Result<&'d Node, Fault> {
        let mut found = node;
        for _ in 0..CHAIN_MAX {
            match reference(found) {
                Some(pointer) => found = self.target(pointer, found, at)?,
                None => return Ok(found),
            }
        }
        Err(Fault::new(node, at, "its $ref leads to itself; write out what it stands for"))
    }

    /// What a reference points to.
    pub(super) fn target(self, pointer: &str, node: &Node, at: &str) -> Result<&'d Node, Fault> {
        let Some(path) = pointer.strip_prefix('#') else {
            let what = format!(
                "$ref {} leads out of this file, and nothing is fetched; put what it stands for into this file",
                quoted(pointer)
            );
            return Err(Fault::new(node, at, what));
        };
        let mut found = self.root;
        for part in path.split('/').skip(1) {
            let next = match &found.kind {
                Kind::List(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => found.get(&unescaped(part)),
            };
            found = next.ok_or_else(|| Fault::new(node, at, format!("there is nothing at $ref {}", quoted(pointer))))?;
        }
        Ok(found)
    }
}

/// The pointer of a map with a `$ref`. A property of a schema may be called so too; its value is no text.
pub(super) fn reference(node: &Node) -> Option<&str> {
    match node.get("$ref").map(|pointer| &pointer.kind) {
        Some(Kind::Text(pointer)) => Some(pointer),
        _ => None,
    }
}

/// The last part of a pointer: `#/definitions/House` names `House`.
pub(super) fn last(pointer: &str) -> String {
    unescaped(pointer.rsplit('/').next().unwrap_or_default())
}

/// JSON pointers escape `/` and `~` (RFC 6901), and in a URI fragment the characters that URIs do.
fn unescaped(part: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
    decoded.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(text: &str) -> Result<serde_json::Value, String> {
        let root = Node::parse(text).unwrap();
        let at = root.get("at").unwrap();
        References::new(&root).follow(at, "at").map(Node::json).map_err(|fault| fault.of("f").to_string())
    }

    #[test]
    fn references_are_followed_within_the_file() {
        assert_eq!(followed("at: { $ref: '#/x/a~1b' }\nx: { a/b: { $ref: '#/y/1' } }\ny: [0, { c: 5 }]").unwrap()["c"], 5);
        assert_eq!(followed("at: { $ref: '#/x/%7Bid%7D' }\nx: { '{id}': 7 }").unwrap(), 7);
        assert_eq!(followed("at: { $ref: { type: string } }").unwrap()["$ref"]["type"], "string");
    }

    #[test]
    fn circles_gaps_and_other_files_are_refused_with_their_line() {
        for (text, part) in [
            ("at:\n  $ref: '#/at'", "leads to itself"),
            ("at:\n  $ref: '#/b/c'\nb: {}", "there is nothing at $ref \"#/b/c\""),
            ("at:\n  $ref: other.yaml#/a", "leads out of this file"),
            ("at:\n  $ref: https://example.com/x", "leads out of this file"),
        ] {
            let message = followed(text).unwrap_err();
            assert!(message.starts_with("f:2: at: ") && message.contains(part), "{message}");
        }
    }
}
