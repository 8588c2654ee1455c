//! Functions that make texts: `Fn::Sub` and `Fn::Join`.

use super::{Node, Resolver};
use crate::import::definition::error::Fault;

impl Resolver<'_> {
    /// A text with `${Name}`; names of attributes and of stage variables stay as they are, `${!Name}` is `${Name}`.
    pub(super) fn substitute(&mut self, argument: &Node, node: &Node) -> Result<Option<String>, Fault> {
        let (text, own) = match argument.items() {
            [text, own] => (text.scalar(), self.value(own)?),
            _ => (argument.scalar(), Node::empty(0)),
        };
        let Some(text) = text else { return Ok(None) };
        let mut made = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else { break };
            made.push_str(before);
            match name.strip_prefix('!') {
                Some(literal) => made.extend(["${", literal, "}"]),
                None => made.push_str(&self.filled(name.trim(), &own, node)),
            }
            self.made += 16;
            within_text(&made, node)?;
            rest = after;
        }
        made.push_str(rest);
        Ok(Some(made))
    }

    fn filled(&mut self, name: &str, own: &Node, node: &Node) -> String {
        if let Some(value) = own.word(name) {
            return value;
        }
        let is_attribute = name.contains('.') && !self.parameters.contains_key(name);
        let value = if is_attribute { None } else { self.named_value(name, node) };
        value
            .and_then(|value| value.scalar().or_else(|| Some(super::words(&value).join(","))))
            .unwrap_or_else(|| format!("${{{name}}}"))
    }

    /// Texts with a separator between them.
    pub(super) fn join(&mut self, argument: &Node, node: &Node) -> Result<Option<String>, Fault> {
        let given = self.value(argument)?;
        let [separator, items] = given.items() else { return Ok(None) };
        let separator = separator.scalar().unwrap_or_default();
        self.made += separator.len() * items.items().len();
        self.within(node)?;
        Ok(Some(super::words(items).join(&separator)))
    }
}

fn within_text(text: &str, node: &Node) -> Result<(), Fault> {
    if text.len() > super::MADE_MAX {
        return Err(Fault::new(node, "Fn::Sub", "it makes too long a text; write less"));
    }
    Ok(())
}
