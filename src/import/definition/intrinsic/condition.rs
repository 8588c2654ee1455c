//! Conditions: `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` and their names.

use super::{Kind, Node, Resolver, Truth, function};
use crate::import::definition::error::{Fault, quoted};

/// How many conditions may be open, each for the one before it: each takes its part of the stack.
const OPEN_MAX: usize = 100;

impl Resolver<'_> {
    /// What the condition of this name comes to.
    pub(super) fn named(&mut self, name: &str, node: &Node) -> Result<Truth, Fault> {
        match self.decided.get(name) {
            Some(Some(truth)) => return Ok(*truth),
            Some(None) => return Err(Fault::new(node, "Conditions", format!("{} depends on itself", quoted(name)))),
            None => {}
        }
        let Some(condition) = self.conditions.and_then(|conditions| conditions.get(name)) else {
            self.notes.assumed(node, "Conditions", format!("there is no condition {}; it is taken for unknown", quoted(name)));
            return Ok(Truth::Unknown);
        };
        if self.open == OPEN_MAX {
            let what = format!("more than {OPEN_MAX} conditions depend on one another, {} among them", quoted(name));
            return Err(Fault::new(node, "Conditions", what));
        }
        self.decided.insert(name.to_owned(), None);
        self.open += 1;
        let truth = self.truth(condition);
        self.open -= 1;
        let truth = truth?;
        self.decided.insert(name.to_owned(), Some(truth));
        Ok(truth)
    }

    /// What a condition comes to.
    pub(super) fn truth(&mut self, node: &Node) -> Result<Truth, Fault> {
        let Kind::Map(entries) = &node.kind else {
            return Ok(if node.is_true() { Truth::True } else { Truth::False });
        };
        let (name, argument) = match entries.as_slice() {
            [(name, argument)] if name == "Condition" => return self.named(&argument.scalar().unwrap_or_default(), node),
            _ => function(entries).ok_or_else(|| Fault::new(node, "Conditions", "this is no condition"))?,
        };
        match name {
            "Fn::Equals" => self.equals(argument),
            "Fn::And" => self.all(argument, Truth::False),
            "Fn::Or" => self.all(argument, Truth::True),
            "Fn::Not" => Ok(match self.all(argument, Truth::False)? {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            }),
            _ => {
                let before = self.unknown;
                let value = self.value(node)?;
                Ok(if self.unknown > before {
                    Truth::Unknown
                } else if value.is_true() {
                    Truth::True
                } else {
                    Truth::False
                })
            }
        }
    }

    fn equals(&mut self, argument: &Node) -> Result<Truth, Fault> {
        let before = self.unknown;
        let values = self.value(argument)?;
        if self.unknown > before {
            return Ok(Truth::Unknown);
        }
        let [one, other] = values.items() else { return Ok(Truth::Unknown) };
        Ok(if one.scalar() == other.scalar() { Truth::True } else { Truth::False })
    }

    /// And, decided by one that is false; or, decided by one that is true. What is not decided is unknown if one of them is.
    fn all(&mut self, argument: &Node, decided_by: Truth) -> Result<Truth, Fault> {
        let mut all = if decided_by == Truth::False { Truth::True } else { Truth::False };
        for item in argument.items() {
            match self.truth(item)? {
                truth if truth == decided_by => return Ok(decided_by),
                Truth::Unknown => all = Truth::Unknown,
                Truth::True | Truth::False => {}
            }
        }
        Ok(all)
    }
}
