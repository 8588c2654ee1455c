//! A profile changed and written again, for `fit` and `plan-fit`.
//!
//! Owns putting values at key paths and writing the tree as YAML in block style. Refuses to keep comments and anchors: what it writes
//! opens with a paragraph of the caller's. What is wrong with a new value, proving the text will tell. Called by `command`.

use super::load::parse;
use super::problem::{Place, Problems};
use super::tree::{Entry, Kind, Node, Scalar, Taken};

/// A change of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This value stands at these keys afterwards, whatever was there; in YAML.
    Set(Vec<String>, String),
    /// Nothing stands there.
    Remove(Vec<String>),
    /// Of the list there, only these entries are left.
    Keep(Vec<String>, Vec<usize>),
}

/// The profile `text` (messages call it `name`) after these changes, below `head`, each line of which becomes a comment.
pub fn rewritten(name: &str, text: &str, head: &str, changes: &[Change]) -> Result<String, Problems> {
    let mut tree = parse(name, text)?;
    for change in changes {
        match change {
            Change::Set(keys, yaml) => *at(&mut tree, keys) = parse(name, yaml)?,
            Change::Remove(keys) => remove(&mut tree, keys),
            Change::Keep(keys, kept) => {
                if let Kind::List(items) = &mut at(&mut tree, keys).kind {
                    let all = std::mem::take(items);
                    *items =
                        all.into_iter().enumerate().filter(|(place, _)| kept.contains(place)).map(|(_, item)| item).collect();
                }
            }
        }
    }
    let mut out: String =
        head.lines().map(|line| if line.is_empty() { "#\n".to_owned() } else { format!("# {line}\n") }).collect();
    block(&tree, 0, &mut out);
    Ok(out)
}

/// What stands at these keys; made, in the place of what has no keys.
fn at<'a>(tree: &'a mut Node, keys: &[String]) -> &'a mut Node {
    keys.iter().fold(tree, |node, key| {
        if matches!(node.kind, Kind::Scalar(_) | Kind::List(_)) {
            node.kind = Kind::Null;
        }
        node.at_key(key, &Place::Nowhere).expect("a node without keys was made an empty one just above")
    })
}

fn remove(tree: &mut Node, keys: &[String]) {
    let Some((last, parents)) = keys.split_last() else { return };
    let mut node = tree;
    for key in parents {
        if node.get(key).is_none() {
            return;
        }
        let Some(below) = node.at_key(key, &Place::Nowhere) else { return };
        node = below;
    }
    if let Kind::Map(entries) = &mut node.kind {
        entries.retain(|entry| entry.key != *last);
    }
}

/// Writes a node that begins on a line of its own.
fn block(node: &Node, indent: usize, out: &mut String) {
    match &node.kind {
        Kind::Map(entries) if !entries.is_empty() => entries.iter().for_each(|entry| member(entry, indent, indent, out)),
        Kind::List(items) if !items.is_empty() => {
            for item in items {
                pad(indent, out);
                out.push_str("- ");
                match &item.kind {
                    // The first key stands behind the dash, the others below it.
                    Kind::Map(entries) if !entries.is_empty() => {
                        for (place, entry) in entries.iter().enumerate() {
                            member(entry, if place == 0 { 0 } else { indent + 2 }, indent + 2, out);
                        }
                    }
                    Kind::List(items) if !items.is_empty() => {
                        out.push('\n');
                        block(item, indent + 2, out);
                    }
                    Kind::Map(_) | Kind::List(_) | Kind::Scalar(_) | Kind::Null => {
                        out.push_str(&inline(item));
                        out.push('\n');
                    }
                }
            }
        }
        Kind::Map(_) | Kind::List(_) | Kind::Scalar(_) | Kind::Null => {
            pad(indent, out);
            out.push_str(&inline(node));
            out.push('\n');
        }
    }
}

/// Writes a key after `begin` spaces, and what is below it further in than `indent`.
fn member(entry: &Entry, begin: usize, indent: usize, out: &mut String) {
    pad(begin, out);
    out.push_str(&text(&entry.key));
    out.push(':');
    let is_nested = match &entry.value.kind {
        Kind::Map(entries) => !entries.is_empty(),
        Kind::List(items) => !items.is_empty(),
        Kind::Scalar(_) | Kind::Null => false,
    };
    if is_nested {
        out.push('\n');
        block(&entry.value, indent + 2, out);
    } else {
        let value = inline(&entry.value);
        if !value.is_empty() {
            out.push(' ');
            out.push_str(&value);
        }
        out.push('\n');
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn inline(node: &Node) -> String {
    match &node.kind {
        Kind::Null => String::new(),
        Kind::Map(_) => "{}".to_owned(),
        Kind::List(_) => "[]".to_owned(),
        Kind::Scalar(Scalar { text, taken: Taken::Number | Taken::Bool }) => text.clone(),
        Kind::Scalar(Scalar { text: words, taken: Taken::Text }) => text(words),
    }
}

/// A text bare where nobody could read it otherwise, else in quotation marks as JSON has them, which YAML reads alike.
fn text(words: &str) -> String {
    let begins = words.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '$'));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.' | '/' | '-' | '{' | '}' | '$' | '+' | '%');
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&words.to_ascii_lowercase().as_str());
    let digits_with_unit =
        words.starts_with(|c: char| c.is_ascii_digit()) && words.ends_with(|c: char| c.is_ascii_alphabetic() || c == '%');
    let bare = (begins || (digits_with_unit && !words.contains(['x', 'e', 'E', 'o', '_'])))
        && words.chars().all(is_plain)
        && !words.ends_with(' ')
        && !is_word;
    if bare { words.to_owned() } else { serde_json::Value::from(words).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    /// The same tree without its places.
    fn bare(node: &Node) -> Node {
        let kind = match &node.kind {
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|entry| Entry { key: entry.key.clone(), place: Place::Nowhere, value: bare(&entry.value) })
                    .collect(),
            ),
            Kind::List(items) => Kind::List(items.iter().map(bare).collect()),
            other => other.clone(),
        };
        Node { place: Place::Nowhere, kind }
    }

    #[test]
    fn every_delivered_profile_is_written_as_it_was_read() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")).expect("profiles") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let read = std::fs::read_to_string(&path).expect("text");
            let written = rewritten("p.yaml", &read, "Head\n\nof it.", &[]).expect("a profile");
            assert!(written.starts_with("# Head\n#\n# of it.\n"));
            assert_eq!(
                bare(&Node::parse(&written).expect("YAML")),
                bare(&Node::parse(&read).expect("YAML")),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn values_are_set_removed_and_left_out() {
        let changes = [
            Change::Set(keys("gateway/functions/orders/duration"), "{ lognormal: { median: 24ms, sigma: 0.5 } }".to_owned()),
            Change::Set(keys("network/round_trip"), "2ms".to_owned()),
            Change::Remove(keys("expect")),
            Change::Remove(keys("not/there")),
            Change::Keep(keys("traffic/mix"), vec![1]),
        ];
        let text = "gateway: { functions: { orders: { duration: 5ms } } }\nnetwork: probed\nexpect: []\ntraffic: { mix: [{ request: GET /a }, { request: 'GET /b', with: { x: '1' } }] }\n";
        insta::assert_snapshot!(rewritten("p.yaml", text, "", &changes).expect("YAML"), @r#"
        gateway:
          functions:
            orders:
              duration:
                lognormal:
                  median: 24ms
                  sigma: 0.5
        network:
          round_trip: 2ms
        traffic:
          mix:
            - request: GET /b
              with:
                x: "1"
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_it_was_written(words in "\\PC{0,12}") {
            prop_assume!(!words.contains('\0'));
            let tree = Node::parse(&format!("{}: {}", text(&words), text(&words))).expect("YAML");
            prop_assert_eq!(tree.keys().collect::<Vec<_>>(), [words.as_str()]);
            let value = Kind::Scalar(Scalar { text: words.clone(), taken: Taken::Text });
            prop_assert_eq!(&tree.get(&words).expect("the key").kind, &value);
        }
    }
}
