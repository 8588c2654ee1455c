//! Rendering: blocks, directives, expressions.
//!
//! Owns the walk over the tree, variables and loops. Refuses references (`reference`), methods (`methods`) and how values print
//! (`print`). Called by `Template::render`.

use super::error::{Problem, RenderError};
use super::heap::{Heap, ListKind};
use super::number;
use super::overrides::Map;
use super::reference::Input;
use super::tree::{
    CONTEXT, COUNT, Comparison, Expression, FOREACH, Foreach, HAS_NEXT, INPUT, If, Infix, Node, STAGE_VARIABLES, UTIL,
};
use super::value::{ListId, Text, Value};
use super::{Dialect, Scope, Template, UnsetVariable};

/// Renders, and leaves in the scope's overrides what the template assigned.
pub(super) fn render(template: &Template, scope: &mut Scope<'_>) -> Result<String, RenderError> {
    let before = std::mem::take(&mut scope.overrides);
    let rendered = Machine::new(template, scope, &before).run(template);
    match rendered {
        Ok((text, assigned)) => {
            scope.overrides = assigned.unwrap_or(before);
            Ok(text)
        }
        Err(error) => {
            scope.overrides = before;
            Err(error)
        }
    }
}

/// What follows a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Stop,
}

/// Where a loop is.
pub(super) struct Round {
    pub(super) index: usize,
    pub(super) has_next: bool,
}

/// One rendering.
pub(super) struct Machine<'v> {
    pub(super) heap: Heap<'v>,
    pub(super) variables: Vec<Option<Value<'v>>>,
    pub(super) loops: Vec<Round>,
    pub(super) input: Input<'v>,
    unset: UnsetVariable,
    /// How many blocks run inside each other, and how many of them are of a `#define`.
    blocks: usize,
    defined: usize,
    result_bytes: usize,
}

/// Deeper than this no block of a `#define` runs: one that prints itself ends here. Velocity stops at 20 (`Define.maxDepth`).
const DEFINED_MAX: usize = 20;
/// Nor does one so deep inside other blocks, which the parser bounds only within one `#define`.
const BLOCKS_MAX: usize = 120;

impl<'v> Machine<'v> {
    fn new(template: &'v Template, scope: &Scope<'v>, before: &'v Map) -> Self {
        let mut variables = vec![None; template.names.len()];
        variables[INPUT] = Some(Value::Input);
        variables[CONTEXT] = Some(Value::Context("".into()));
        variables[STAGE_VARIABLES] = Some(Value::StageVariables);
        variables[UTIL] = Some(Value::Util);
        let heap = Heap::new(scope.limits, template.dialect);
        let (input, result_bytes) = (Input::new(scope, before), template.text_bytes);
        Self { heap, variables, loops: Vec::new(), input, unset: scope.unset, blocks: 0, defined: 0, result_bytes }
    }

    /// The result, and the overrides if they may have changed.
    fn run(mut self, template: &'v Template) -> Result<(String, Option<Map>), RenderError> {
        let mut out = String::with_capacity(self.result_bytes);
        self.block(&template.block, &mut out)?;
        let assigned = self.export_overrides()?;
        Ok((out, assigned))
    }

    fn block(&mut self, block: &'v [Node], out: &mut String) -> Result<Flow, RenderError> {
        self.blocks += 1;
        let flow = self.nodes(block, out);
        self.blocks -= 1;
        flow
    }

    fn nodes(&mut self, nodes: &'v [Node], out: &mut String) -> Result<Flow, RenderError> {
        for node in nodes {
            self.heap.step(1)?;
            let flow = match node {
                Node::Text(text) => {
                    out.push_str(text);
                    Flow::Next
                }
                Node::Reference(reference) => {
                    self.print_reference(reference, out).map_err(|error| error.at(reference.place))?;
                    Flow::Next
                }
                Node::Set(set) => {
                    let value = self.value(&set.value).map_err(|error| error.at(set.target.place))?;
                    self.assign(&set.target, value).map_err(|error| error.at(set.target.place))?;
                    Flow::Next
                }
                Node::If(branches) => self.branch(branches, out)?,
                Node::Foreach(foreach) => self.foreach(foreach, out).map_err(|error| error.at(foreach.place))?,
                Node::Define(define) => {
                    self.variables[define.variable] = Some(Value::Defined(&define.block));
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Stop => Flow::Stop,
            };
            self.hold(out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// Runs what a `#define` holds, with the variables as they are now.
    pub(super) fn print_defined(&mut self, block: &'v [Node], out: &mut String) -> Result<(), RenderError> {
        if self.defined == DEFINED_MAX || self.blocks > BLOCKS_MAX {
            return Ok(());
        }
        self.defined += 1;
        let ran = self.block(block, out);
        self.defined -= 1;
        ran.map(drop)
    }

    fn hold(&self, out: &str) -> Result<(), Problem> {
        let bytes_max = self.heap.limits.output_bytes_max;
        if out.len() > bytes_max { Err(Problem::Output { bytes_max }) } else { Ok(()) }
    }

    fn branch(&mut self, choice: &'v If, out: &mut String) -> Result<Flow, RenderError> {
        for (condition, block) in &choice.branches {
            if self.truth(condition)? {
                return self.block(block, out);
            }
        }
        self.block(&choice.otherwise, out)
    }

    fn foreach(&mut self, foreach: &'v Foreach, out: &mut String) -> Result<Flow, RenderError> {
        let over = self.value(&foreach.over)?;
        let Some(over) = self.iterable(&over)? else { return Ok(Flow::Next) };
        let touched = [foreach.variable, FOREACH, COUNT, HAS_NEXT];
        let kept = touched.map(|slot| self.variables[slot].clone());
        self.loops.push(Round { index: 0, has_next: false });
        let flow = self.rounds(foreach, over, out);
        self.loops.pop();
        for (slot, value) in touched.into_iter().zip(kept) {
            self.variables[slot] = value;
        }
        flow
    }

    /// The list to go through; `None` for what cannot be iterated.
    fn iterable(&mut self, over: &Value<'v>) -> Result<Option<ListId>, Problem> {
        let values = match over {
            Value::List(id) => return Ok(Some(*id)),
            Value::Map(id) => self.heap.each(*id, |(_, value)| value.clone())?,
            Value::StageVariables => self.input.stage_variables.iter().map(|(_, value)| Value::from(&**value)).collect(),
            _ => return Ok(None),
        };
        self.heap.list_id(ListKind::Java, values).map(Some)
    }

    fn rounds(&mut self, foreach: &'v Foreach, over: ListId, out: &mut String) -> Result<Flow, RenderError> {
        let level = self.loops.len() - 1;
        for index in 0..self.heap.limits.rounds_max as usize {
            let length = self.heap.items(over).len();
            let Some(item) = self.heap.items(over).get(index).cloned() else { break };
            self.heap.step(1)?;
            let has_next = index + 1 < length;
            self.loops[level] = Round { index, has_next };
            self.variables[foreach.variable] = self.assignable(item);
            self.variables[FOREACH] = Some(Value::Loop(level));
            self.variables[COUNT] = Some(Value::from_length(index + 1));
            self.variables[HAS_NEXT] = Some(Value::Bool(has_next));
            match self.block(&foreach.body, out)? {
                Flow::Next => {}
                Flow::Break => break,
                Flow::Stop => return Ok(Flow::Stop),
            }
        }
        Ok(Flow::Next)
    }

    /// What a variable becomes: null is a value in the service, and none in Velocity.
    pub(super) fn assignable(&self, value: Value<'v>) -> Option<Value<'v>> {
        let is_none = self.heap.dialect == Dialect::Velocity && value.is_null();
        (!is_none).then_some(value)
    }

    /// Whether a condition holds. A reference does unless it is null or false; a literal never does (Velocity 1.7).
    fn truth(&mut self, condition: &'v Expression) -> Result<bool, RenderError> {
        self.heap.step(1)?;
        match condition {
            Expression::True | Expression::Reference(_) | Expression::Not(_) | Expression::Row(_) => {
                let is_sum = matches!(condition, Expression::Row(row) if matches!(row.1[0].0, Infix::Calculate(_)));
                if is_sum {
                    return Ok(false);
                }
                Ok(match self.value(condition)? {
                    Value::Bool(bool) => bool,
                    value => !value.is_null(),
                })
            }
            _ => Ok(false),
        }
    }

    pub(super) fn value(&mut self, expression: &'v Expression) -> Result<Value<'v>, RenderError> {
        self.heap.step(1)?;
        Ok(match expression {
            Expression::True => Value::Bool(true),
            Expression::False => Value::Bool(false),
            Expression::Int(whole) => Value::Int(*whole),
            Expression::Double(double) => Value::Double(*double),
            Expression::Text(text) => Value::from(&**text),
            Expression::Interpolated(block) => {
                let mut text = String::new();
                self.block(block, &mut text)?;
                self.heap.text(text)?
            }
            Expression::Reference(reference) => self.value_of(reference).map_err(|error| error.at(reference.place))?,
            Expression::List(items) => {
                let items = self.values(items)?;
                self.heap.list(ListKind::Java, items)?
            }
            Expression::Map(entries) => self.map(entries)?,
            Expression::Range(ends) => self.range(&ends.0, &ends.1)?,
            Expression::Not(inner) => Value::Bool(!self.truth(inner)?),
            Expression::Row(row) => self.row(&row.0, &row.1)?,
        })
    }

    pub(super) fn values(&mut self, expressions: &'v [Expression]) -> Result<Vec<Value<'v>>, RenderError> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    fn map(&mut self, entries: &'v [(Expression, Expression)]) -> Result<Value<'v>, RenderError> {
        let map = self.heap.map_id()?;
        for (key, value) in entries {
            let key = self.value(key)?;
            let key = self.key(key)?;
            let value = self.value(value)?;
            self.heap.put(map, key, value)?;
        }
        Ok(Value::Map(map))
    }

    /// A value as the key of a map.
    pub(super) fn key(&mut self, value: Value<'v>) -> Result<Text<'v>, Problem> {
        if let Value::Text(text) = value {
            return Ok(text);
        }
        let shown = self.heap.shown(&value)?.into_owned();
        self.heap.made(shown)
    }

    fn range(&mut self, first: &'v Expression, last: &'v Expression) -> Result<Value<'v>, RenderError> {
        let (Value::Int(first), Value::Int(last)) = (self.value(first)?, self.value(last)?) else { return Ok(Value::Null) };
        let length = first.abs_diff(last).saturating_add(1);
        self.heap.pass(usize::try_from(length).unwrap_or(usize::MAX))?;
        let values: Vec<_> =
            if first <= last { (first..=last).map(Value::Int).collect() } else { (last..=first).rev().map(Value::Int).collect() };
        Ok(self.heap.list(ListKind::Java, values)?)
    }

    /// Operators of one precedence.
    fn row(&mut self, first: &'v Expression, rest: &'v [(Infix, Expression)]) -> Result<Value<'v>, RenderError> {
        match rest[0].0 {
            Infix::Or => self.any(first, rest, true),
            Infix::And => self.any(first, rest, false),
            Infix::Compare(_) | Infix::Calculate(_) => {
                let mut left = self.value(first)?;
                let mut source = first;
                for (infix, right) in rest {
                    let value = self.value(right)?;
                    left = match infix {
                        Infix::Compare(comparison) => Value::Bool(self.compare(*comparison, &left, &value)?),
                        Infix::Calculate(super::tree::Operator::Add) if is_text(&left) || is_text(&value) => {
                            self.concat((source, &left), (right, &value))?
                        }
                        Infix::Calculate(operator) => number::calculate(*operator, &left, &value),
                        Infix::Or | Infix::And => Value::Null,
                    };
                    source = right;
                }
                Ok(left)
            }
        }
    }

    /// Whether any of the operands is `sought`; the value of an `||` of trues, and of an `&&` of falses.
    fn any(&mut self, first: &'v Expression, rest: &'v [(Infix, Expression)], sought: bool) -> Result<Value<'v>, RenderError> {
        for operand in std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand)) {
            if self.truth(operand)? == sought {
                return Ok(Value::Bool(sought));
            }
        }
        Ok(Value::Bool(!sought))
    }

    fn compare(&mut self, comparison: Comparison, left: &Value<'v>, right: &Value<'v>) -> Result<bool, Problem> {
        let ordering = number::compare(left, right);
        Ok(match comparison {
            Comparison::Equal => self.same(left, right)?,
            Comparison::NotEqual => !self.same(left, right)?,
            Comparison::Less => ordering.is_some_and(std::cmp::Ordering::is_lt),
            Comparison::LessOrEqual => ordering.is_some_and(std::cmp::Ordering::is_le),
            Comparison::Greater => ordering.is_some_and(std::cmp::Ordering::is_gt),
            Comparison::GreaterOrEqual => ordering.is_some_and(std::cmp::Ordering::is_ge),
        })
    }

    /// Equality; to the service null equals the empty text (recorded: `vtl.path.empty-body`).
    fn same(&mut self, left: &Value<'v>, right: &Value<'v>) -> Result<bool, Problem> {
        if self.heap.dialect == Dialect::Gateway {
            match (left, right) {
                (Value::Text(text), other) | (other, Value::Text(text)) if other.is_null() => return Ok(text.is_empty()),
                _ => {}
            }
        }
        self.heap.equal(left, right, 0)
    }

    /// A sum with a text in it. Velocity writes the source where an operand is null; the service is taken to write what it prints.
    fn concat(&mut self, left: Operand<'_, 'v>, right: Operand<'_, 'v>) -> Result<Value<'v>, RenderError> {
        let mut text = String::new();
        for (source, value) in [left, right] {
            match source {
                Expression::Reference(reference) if value.is_null() => {
                    text.push_str(if self.is_unknown(reference.root) { &reference.source } else { "" });
                }
                _ => text.push_str(&self.heap.shown(value)?),
            }
            self.hold(&text)?;
        }
        Ok(self.heap.text(text)?)
    }

    /// Whether a null below this variable prints its source.
    pub(super) fn is_unknown(&self, root: super::tree::Slot) -> bool {
        self.heap.dialect == Dialect::Velocity || self.unset == UnsetVariable::Source && self.variables[root].is_none()
    }
}

/// An operand with the expression it comes from.
type Operand<'e, 'v> = (&'e Expression, &'e Value<'v>);

fn is_text(value: &Value<'_>) -> bool {
    matches!(value, Value::Text(_))
}
