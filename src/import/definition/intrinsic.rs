//! The functions of templates: `Ref`, `Fn::Sub`, `Fn::If` and the others, evaluated as far as the template itself tells.
//!
//! Owns what a template's parameters, conditions and mappings come to. What exists only once it is deployed stays a name: `Ref`
//! of a resource is its logical id, `Fn::GetAtt` is `${Resource.Attribute}`. Refuses to look anything up elsewhere. Called by
//! `template`, and by `openapi` for definitions that are made to be included in a template.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Kind, Node};
use super::error::{Fault, quoted};
use super::notes::Notes;

mod condition;
mod text;

/// Bytes of text that all functions of a template may make together: they nest, so a short template can make a long text.
const MADE_MAX: usize = 32 << 20;

/// Evaluates functions.
pub(super) struct Resolver<'t> {
    parameters: BTreeMap<String, Option<Node>>,
    conditions: Option<&'t Node>,
    mappings: Option<&'t Node>,
    resources: BTreeSet<String>,
    /// Conditions that were decided; `None` while one is being decided.
    decided: BTreeMap<String, Option<Truth>>,
    /// How many conditions are being decided, each for the one before it.
    open: usize,
    /// How often something could not be known: what was made of it is not known either.
    unknown: usize,
    made: usize,
    pub(super) notes: Notes,
}

/// What a condition comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// That depends on something that the template does not tell.
    Unknown,
}

impl<'t> Resolver<'t> {
    /// For a template whose parameters are given, or have their defaults.
    pub(super) fn new(template: &'t Node, given: &[(String, String)]) -> Self {
        let section = |name: &str| template.get(name).map(Node::entries).unwrap_or_default();
        let mut parameters: BTreeMap<String, Option<Node>> =
            section("Parameters").iter().map(|(name, parameter)| (name.clone(), default(parameter))).collect();
        for (name, value) in given {
            parameters.insert(name.clone(), Some(Node::text(0, value)));
        }
        Self {
            parameters,
            conditions: template.get("Conditions"),
            mappings: template.get("Mappings"),
            resources: section("Resources").iter().map(|(name, _)| name.clone()).collect(),
            decided: BTreeMap::new(),
            open: 0,
            unknown: 0,
            made: 0,
            notes: Notes::default(),
        }
    }

    /// The value with its functions evaluated; `None` for `AWS::NoValue`.
    pub(super) fn resolve(&mut self, node: &Node) -> Result<Option<Node>, Fault> {
        self.made += 16;
        let kind = match &node.kind {
            Kind::Map(entries) => match function(entries) {
                Some((name, argument)) => return self.call(name, argument, node),
                None => Kind::Map(self.resolve_entries(entries)?),
            },
            Kind::List(items) => Kind::List(self.resolve_items(items)?),
            Kind::Text(text) => Kind::Text(self.count(text.clone(), node)?),
            scalar => scalar.clone(),
        };
        Ok(Some(Node { line: node.line, kind }))
    }

    /// The same, with nothing for `AWS::NoValue`.
    pub(super) fn value(&mut self, node: &Node) -> Result<Node, Fault> {
        Ok(self.resolve(node)?.unwrap_or_else(|| Node::new(node.line, Kind::Null)))
    }

    /// Whether a part of the template with this `Condition` is there. What cannot be known is taken to be there.
    pub(super) fn is_there(&mut self, part: &Node, name: &str) -> Result<bool, Fault> {
        let Some(condition) = part.get("Condition").filter(|condition| matches!(condition.kind, Kind::Text(_))) else {
            return Ok(true);
        };
        let truth = self.named(&condition.scalar().unwrap_or_default(), condition)?;
        if truth == Truth::Unknown {
            self.notes.assumed(condition, name, "it is there: what its condition comes to is not known");
        }
        Ok(truth != Truth::False)
    }

    fn resolve_entries(&mut self, entries: &[(String, Node)]) -> Result<Vec<(String, Node)>, Fault> {
        let mut resolved = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Some(value) = self.resolve(value)? {
                resolved.push((self.count(key.clone(), &value)?, value));
            }
        }
        Ok(resolved)
    }

    fn resolve_items(&mut self, items: &[Node]) -> Result<Vec<Node>, Fault> {
        let mut resolved = Vec::with_capacity(items.len());
        for item in items {
            resolved.extend(self.resolve(item)?);
        }
        Ok(resolved)
    }

    fn call(&mut self, name: &str, argument: &Node, node: &Node) -> Result<Option<Node>, Fault> {
        match name {
            "Ref" => return self.reference(argument, node),
            "Fn::If" => return self.choose(argument, node),
            "Fn::FindInMap" => return self.find_in_map(argument, node).map(Some),
            "Fn::Select" => return self.select(argument, node),
            "Fn::Split" => return self.split(argument, node).map(Some),
            _ => {}
        }
        let text = match name {
            "Fn::Sub" => self.substitute(argument, node)?,
            "Fn::Join" => self.join(argument, node)?,
            "Fn::GetAtt" => Some(format!("${{{}}}", words(&self.value(argument)?).join("."))),
            "Fn::Base64" => self.value(argument)?.scalar(),
            "Fn::ToJsonString" => Some(self.value(argument)?.json().to_string()),
            _ => None,
        };
        let text = match text {
            Some(text) => text,
            None => self.unknowable(name, argument, node),
        };
        Ok(Some(Node::text(node.line, self.count(text, node)?)))
    }

    /// What only a deployed stack can tell.
    fn unknowable(&mut self, name: &str, argument: &Node, node: &Node) -> String {
        self.unknown += 1;
        let of = argument.scalar().map(|of| format!(" {of}")).unwrap_or_default();
        let what = match name {
            "Fn::Transform" => "it includes another file, which is not opened; import that file by itself",
            _ => "what this function comes to is known only once the template is deployed",
        };
        self.notes.left_out(node, &format!("{name}{of}"), what);
        format!("${{{name}{of}}}")
    }

    fn reference(&mut self, argument: &Node, node: &Node) -> Result<Option<Node>, Fault> {
        let name = argument.scalar().unwrap_or_default();
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        let value = self.named_value(&name, node).unwrap_or_else(|| Node::text(node.line, format!("${{{name}}}")));
        self.made += value.scalar().map_or(64, |text| text.len());
        self.within(node)?;
        Ok(Some(Node { line: node.line, ..value }))
    }

    /// The value of a parameter, a pseudo parameter, or a resource (its logical id).
    fn named_value(&mut self, name: &str, node: &Node) -> Option<Node> {
        if let Some(value) = pseudo(name) {
            return Some(Node::text(node.line, value));
        }
        match self.parameters.get(name) {
            Some(Some(value)) => return Some(value.clone()),
            Some(None) => {
                let what = format!("parameter {name} has no value here; give it one with --parameter {name}=VALUE");
                self.notes.assumed(&Node::empty(0), "", what);
            }
            // SAM's own: `Ref: MyApi.Stage`.
            None if self.resources.contains(name.split('.').next().unwrap_or_default()) => {
                return Some(Node::text(node.line, name));
            }
            None => {
                let what = format!("{} is neither a parameter nor a resource here; it stays a name", quoted(name));
                self.notes.assumed(&Node::empty(0), "", what);
            }
        }
        self.unknown += 1;
        None
    }

    fn choose(&mut self, argument: &Node, node: &Node) -> Result<Option<Node>, Fault> {
        let [condition, then, otherwise] = argument.items() else {
            return Err(Fault::new(node, "Fn::If", "it has no list of a condition and two values"));
        };
        let truth = match &condition.kind {
            Kind::Text(name) => self.named(name, condition)?,
            _ => self.truth(condition)?,
        };
        if truth == Truth::Unknown {
            let name = condition.scalar().unwrap_or_default();
            self.notes.assumed(
                node,
                "Fn::If",
                format!("the first value: what condition {} comes to is not known", quoted(&name)),
            );
        }
        self.resolve(if truth == Truth::False { otherwise } else { then })
    }

    fn find_in_map(&mut self, argument: &Node, node: &Node) -> Result<Node, Fault> {
        let given = self.value(argument)?;
        let (keys, default) = match given.items() {
            [map, first, second, rest @ ..] => {
                let keys: Vec<String> = [map, first, second].into_iter().filter_map(Node::scalar).collect();
                (keys, rest.first().and_then(|rest| rest.get("DefaultValue")).cloned())
            }
            _ => (Vec::new(), None),
        };
        let path: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = self.mappings.filter(|_| path.len() == 3).and_then(|mappings| mappings.at(&path)).cloned().or(default);
        let Some(found) = found else { return Ok(Node::text(node.line, self.unknowable("Fn::FindInMap", argument, node))) };
        // Mappings hold no functions (template reference, "Mappings"): what is found is not evaluated.
        self.made += size(&found);
        self.within(node).map(|()| found)
    }

    fn select(&mut self, argument: &Node, node: &Node) -> Result<Option<Node>, Fault> {
        let given = self.value(argument)?;
        let chosen = match given.items() {
            [at, list] => at.scalar().and_then(|at| at.parse::<usize>().ok()).and_then(|at| list.items().get(at).cloned()),
            _ => None,
        };
        Ok(Some(match chosen {
            Some(chosen) => chosen,
            None => Node::text(node.line, self.unknowable("Fn::Select", argument, node)),
        }))
    }

    fn split(&mut self, argument: &Node, node: &Node) -> Result<Node, Fault> {
        let given = self.value(argument)?;
        let parts = match given.items() {
            [separator, text] => separator.scalar().filter(|separator| !separator.is_empty()).zip(text.scalar()),
            _ => None,
        };
        let Some((separator, text)) = parts else {
            return Ok(Node::text(node.line, self.unknowable("Fn::Split", argument, node)));
        };
        let items: Vec<Node> = text.split(&separator).map(|part| Node::text(node.line, part)).collect();
        self.made += 32 * items.len();
        self.within(node)?;
        Ok(Node::new(node.line, Kind::List(items)))
    }

    fn count(&mut self, text: String, node: &Node) -> Result<String, Fault> {
        self.made += text.len();
        self.within(node).map(|()| text)
    }

    fn within(&self, node: &Node) -> Result<(), Fault> {
        if self.made <= MADE_MAX {
            return Ok(());
        }
        let what = format!("the functions of this template make more than {} MB of text; write less", MADE_MAX >> 20);
        Err(Fault::new(node, "", what))
    }
}

/// Bytes of a value, as `made` counts them.
fn size(node: &Node) -> usize {
    let inside: usize = match &node.kind {
        Kind::Map(entries) => entries.iter().map(|(key, value)| key.len() + size(value)).sum(),
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Text(text) => text.len(),
        _ => 0,
    };
    16 + inside
}

/// A parameter's default; nothing for those that are kept elsewhere, whose default only names them.
fn default(parameter: &Node) -> Option<Node> {
    let kind = parameter.word("Type").unwrap_or_default();
    if kind.starts_with("AWS::SSM::Parameter::Value") {
        return None;
    }
    let default = parameter.get("Default")?;
    match default.scalar() {
        Some(text) if kind == "CommaDelimitedList" || kind.starts_with("List<") => {
            let items = text.split(',').map(|item| Node::text(default.line, item.trim())).collect();
            Some(Node::new(default.line, Kind::List(items)))
        }
        _ => Some(default.clone()),
    }
}

/// A map that is a function: one key, which names it.
fn function(entries: &[(String, Node)]) -> Option<(&str, &Node)> {
    match entries {
        [(name, argument)] if name.starts_with("Fn::") => Some((name, argument)),
        // A property of a schema may be called so; its value is no text.
        [(name, argument)] if name == "Ref" => matches!(argument.kind, Kind::Text(_)).then_some((name, argument)),
        _ => None,
    }
}

/// Texts of a list, or the one text.
fn words(node: &Node) -> Vec<String> {
    match node.scalar() {
        Some(text) => vec![text],
        None => node.items().iter().filter_map(Node::scalar).collect(),
    }
}

/// A text of a document that its template fills in when it is deployed: what the service itself provides has the same defaults.
pub(super) fn deployed(text: &str) -> String {
    let names = ["AWS::Region", "AWS::Partition", "AWS::AccountId", "AWS::URLSuffix"];
    let filled = |text: String, name: &str| text.replace(&format!("${{{name}}}"), pseudo(name).unwrap_or_default());
    names.into_iter().fold(text.to_owned(), filled)
}

/// What the service fills in by itself: a default for what depends on where the template is deployed.
fn pseudo(name: &str) -> Option<&'static str> {
    Some(match name {
        "AWS::Region" => "us-east-1",
        "AWS::Partition" => "aws",
        "AWS::AccountId" => "123456789012",
        "AWS::URLSuffix" => "amazonaws.com",
        "AWS::StackName" => "stack",
        "AWS::StackId" => "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/0",
        "AWS::NotificationARNs" => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
