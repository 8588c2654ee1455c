//! Filters of paths: `[?(@.a == 'x' && @.b > 3)]`.
//!
//! Owns their grammar and whether a value passes. Refuses scripts. Called by the parser and the walk of paths.

use super::super::error::Problem;
use super::super::heap::Heap;
use super::super::number;
use super::super::pattern::Pattern;
use super::super::value::Value;
use super::{DEPTH_MAX, Path, Reader, Step};

#[derive(Debug)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare(Box<(Operand, Operator, Operand)>),
    Matches(Operand, Box<Pattern>),
}

#[derive(Debug)]
pub(super) enum Operand {
    /// `@`: below the value at hand.
    Here(Path),
    /// `$`: below the whole document.
    Root(Path),
    Null,
    Bool(bool),
    Int(i128),
    Double(f64),
    Text(Box<str>),
    List(Vec<Operand>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
}

const OPERATORS: [(&str, Operator); 12] = [
    ("===", Operator::Equal),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in ", Operator::In),
    ("nin ", Operator::NotIn),
    ("contains ", Operator::Contains),
    ("size ", Operator::Size),
    ("empty ", Operator::Empty),
];

impl Reader<'_> {
    pub(super) fn filter(&mut self) -> Result<Step, &'static str> {
        self.at += 1;
        self.skip_space();
        if !self.take("(") {
            return Err("expected ( after ?");
        }
        let filter = self.any()?;
        self.skip_space();
        if self.take(")") { Ok(Step::Filter(filter)) } else { Err("a ( of a filter is not closed") }
    }

    fn any(&mut self) -> Result<Filter, &'static str> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("filters nest too deeply");
        }
        let mut any = vec![self.all()?];
        self.skip_space();
        while self.take("||") {
            any.push(self.all()?);
            self.skip_space();
        }
        self.depth -= 1;
        Ok(Filter::Any(any))
    }

    fn all(&mut self) -> Result<Filter, &'static str> {
        let mut all = vec![self.one()?];
        self.skip_space();
        while self.take("&&") {
            all.push(self.one()?);
            self.skip_space();
        }
        Ok(Filter::All(all))
    }

    fn one(&mut self) -> Result<Filter, &'static str> {
        self.skip_space();
        let negated = self.rest().starts_with('!');
        self.at += usize::from(negated);
        self.skip_space();
        let filter = if self.take("(") {
            let inner = self.any()?;
            self.skip_space();
            if !self.take(")") {
                return Err("a ( of a filter is not closed");
            }
            inner
        } else {
            self.comparison()?
        };
        Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
    }

    fn comparison(&mut self) -> Result<Filter, &'static str> {
        let left = self.operand()?;
        self.skip_space();
        if self.take("=~") {
            return Ok(Filter::Matches(left, Box::new(self.regex()?)));
        }
        let Some((spelled, operator)) = OPERATORS.iter().find(|(spelled, _)| self.rest().starts_with(spelled)) else {
            return Ok(Filter::Exists(left));
        };
        self.at += spelled.len();
        let right = self.operand()?;
        Ok(Filter::Compare(Box::new((left, *operator, right))))
    }

    fn regex(&mut self) -> Result<Pattern, &'static str> {
        self.skip_space();
        if !self.take("/") {
            return Err("expected /a regular expression/ after =~");
        }
        let length = self.rest().find('/').ok_or("a regular expression is not closed by /")?;
        let text = &self.rest()[..length];
        self.at += length + 1;
        let ignores_case = self.take("i");
        let text = if ignores_case { format!("(?i){text}") } else { text.to_owned() };
        Pattern::new(&text).map_err(|_| "a regular expression that cannot be used")
    }

    fn operand(&mut self) -> Result<Operand, &'static str> {
        self.skip_space();
        match self.peek() {
            Some(b'@') => {
                self.at += 1;
                self.path(true).map(Operand::Here)
            }
            Some(b'$') => {
                self.at += 1;
                self.path(true).map(Operand::Root)
            }
            Some(b'\'' | b'"') => self.quoted().map(Operand::Text),
            Some(b'[') => self.operands(),
            _ => self.word(),
        }
    }

    fn operands(&mut self) -> Result<Operand, &'static str> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("filters nest too deeply");
        }
        let mut items = Vec::new();
        self.skip_space();
        if !self.rest().starts_with(']') {
            items.push(self.operand()?);
            while self.comma() {
                items.push(self.operand()?);
            }
        }
        self.skip_space();
        self.depth -= 1;
        if self.take("]") { Ok(Operand::List(items)) } else { Err("a [ of a filter is not closed") }
    }

    fn word(&mut self) -> Result<Operand, &'static str> {
        let word = self.take_while(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | '+'));
        match word {
            "true" => Ok(Operand::Bool(true)),
            "false" => Ok(Operand::Bool(false)),
            "null" => Ok(Operand::Null),
            _ => {
                let whole = word.parse().map(Operand::Int);
                whole
                    .or_else(|_| word.parse().map(Operand::Double))
                    .map_err(|_| "expected @, $, a text in quotes, a number or true, false, null")
            }
        }
    }
}

impl Filter {
    /// Whether `here`, in the document `root`, passes.
    pub(super) fn passes<'v>(&self, here: &Value<'v>, root: &Value<'v>, heap: &mut Heap<'v>) -> Result<bool, Problem> {
        heap.step(1)?;
        match self {
            Filter::Any(any) => {
                for one in any {
                    if one.passes(here, root, heap)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::All(all) => {
                for one in all {
                    if !one.passes(here, root, heap)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(inner) => Ok(!inner.passes(here, root, heap)?),
            Filter::Exists(operand) => Ok(match operand.value(here, root, heap)? {
                Some(Value::Bool(bool)) if !matches!(operand, Operand::Here(_) | Operand::Root(_)) => bool,
                found => found.is_some(),
            }),
            Filter::Compare(parts) => {
                let (left, right) = (parts.0.value(here, root, heap)?, parts.2.value(here, root, heap)?);
                compare(parts.1, left, right, heap)
            }
            Filter::Matches(operand, pattern) => match operand.value(here, root, heap)? {
                Some(Value::Text(text)) => pattern.matches(&text, heap),
                _ => Ok(false),
            },
        }
    }
}

impl Operand {
    fn value<'v>(&self, here: &Value<'v>, root: &Value<'v>, heap: &mut Heap<'v>) -> Result<Option<Value<'v>>, Problem> {
        Ok(Some(match self {
            Operand::Here(path) => return path.find_below(here, root, heap),
            Operand::Root(path) => return path.find_below(root, root, heap),
            Operand::Null => Value::Null,
            Operand::Bool(bool) => Value::Bool(*bool),
            Operand::Int(whole) => Value::Int(*whole),
            Operand::Double(double) => Value::Double(*double),
            Operand::Text(text) => heap.text(text)?,
            Operand::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(item.value(here, root, heap)?.unwrap_or(Value::Null));
                }
                heap.list(super::super::heap::ListKind::Json, values)?
            }
        }))
    }
}

fn compare<'v>(
    operator: Operator,
    left: Option<Value<'v>>,
    right: Option<Value<'v>>,
    heap: &mut Heap<'v>,
) -> Result<bool, Problem> {
    let (Some(left), Some(right)) = (left, right) else {
        // What is not there differs from everything.
        return Ok(matches!(operator, Operator::NotEqual | Operator::NotIn));
    };
    Ok(match operator {
        Operator::Equal => equal(&left, &right, heap)?,
        Operator::NotEqual => !equal(&left, &right, heap)?,
        Operator::Less => ordering(&left, &right).is_some_and(std::cmp::Ordering::is_lt),
        Operator::LessOrEqual => ordering(&left, &right).is_some_and(std::cmp::Ordering::is_le),
        Operator::Greater => ordering(&left, &right).is_some_and(std::cmp::Ordering::is_gt),
        Operator::GreaterOrEqual => ordering(&left, &right).is_some_and(std::cmp::Ordering::is_ge),
        Operator::In => is_in(&left, &right, heap)?,
        Operator::NotIn => !is_in(&left, &right, heap)?,
        Operator::Contains => match (&left, &right) {
            (Value::Text(text), Value::Text(part)) => text.contains(&**part),
            _ => is_in(&right, &left, heap)?,
        },
        Operator::Size => matches!(right, Value::Int(size) if length(&left, heap).is_some_and(|length| length as i128 == size)),
        Operator::Empty => {
            matches!(right, Value::Bool(empty) if length(&left, heap).is_some_and(|length| (length == 0) == empty))
        }
    })
}

fn length(value: &Value<'_>, heap: &Heap<'_>) -> Option<usize> {
    match value {
        Value::Text(text) => Some(text.chars().count()),
        Value::List(list) => Some(heap.items(*list).len()),
        Value::Map(map) => Some(heap.entries(*map).len()),
        _ => None,
    }
}

/// Jayway's equality: a number equals the text that spells it, the rest must be of one kind.
fn equal<'v>(left: &Value<'v>, right: &Value<'v>, heap: &mut Heap<'v>) -> Result<bool, Problem> {
    match (left, right) {
        (Value::Text(text), number @ (Value::Int(_) | Value::Double(_)))
        | (number @ (Value::Int(_) | Value::Double(_)), Value::Text(text)) => Ok(*heap.shown(number)? == **text),
        _ if number::as_double(left).is_some() => Ok(number::compare(left, right).is_some_and(std::cmp::Ordering::is_eq)),
        _ => heap.equal(left, right, 1),
    }
}

fn ordering(left: &Value<'_>, right: &Value<'_>) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some((**left).cmp(right)),
        _ => number::compare(left, right),
    }
}

fn is_in<'v>(item: &Value<'v>, list: &Value<'v>, heap: &mut Heap<'v>) -> Result<bool, Problem> {
    let Value::List(list) = list else { return Ok(false) };
    for at in 0..heap.items(*list).len() {
        let other = heap.items(*list)[at].clone();
        if equal(item, &other, heap)? {
            return Ok(true);
        }
    }
    Ok(false)
}
