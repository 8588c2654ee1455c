//! The syntax tree of a template.
//!
//! Owns the shape, and the numbering of variables. Refuses meaning. Made by `parse` and `expression`, walked by `eval` and `reference`.

use std::collections::BTreeMap;

use super::jsonpath::Path;
use super::pattern::Pattern;

/// A place in the template; lines and columns from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

pub(super) type Block = Vec<Node>;

#[derive(Debug)]
pub(super) enum Node {
    Text(Box<str>),
    Reference(Box<Reference>),
    Set(Box<Set>),
    If(Box<If>),
    Foreach(Box<Foreach>),
    Define(Box<Define>),
    Break,
    Stop,
}

#[derive(Debug)]
pub(super) struct Set {
    pub(super) target: Reference,
    pub(super) value: Expression,
}

#[derive(Debug)]
pub(super) struct If {
    /// `#if` and `#elseif`, in their order.
    pub(super) branches: Vec<(Expression, Block)>,
    pub(super) otherwise: Block,
}

#[derive(Debug)]
pub(super) struct Foreach {
    pub(super) variable: Slot,
    pub(super) over: Expression,
    pub(super) body: Block,
    pub(super) place: Place,
}

/// `#define`: a block that runs where its variable is printed.
#[derive(Debug)]
pub(super) struct Define {
    pub(super) variable: Slot,
    pub(super) block: Block,
}

/// A reference as it stands in the text.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) root: Slot,
    pub(super) steps: Vec<Step>,
    /// `$!`: prints nothing where it would print its source.
    pub(super) quiet: bool,
    /// Its source, from `$`.
    pub(super) source: Box<str>,
    /// Backslashes before it.
    pub(super) slashes: usize,
    /// Of `$context`: the name by which the service knows it.
    pub(super) known_as: Option<KnownAs>,
    pub(super) place: Place,
}

/// The leading properties of a `$context` reference as one dotted name.
#[derive(Debug)]
pub(super) struct KnownAs {
    pub(super) dotted: Box<str>,
    /// How many steps the name covers.
    pub(super) steps: usize,
}

#[derive(Debug)]
pub(super) enum Step {
    Property(Box<str>),
    Index(Expression),
    Method(Box<Method>),
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: Box<str>,
    pub(super) arguments: Vec<Expression>,
    pub(super) prepared: Prepared,
}

/// What a literal first argument was made into when the template was parsed.
#[derive(Debug)]
pub(super) enum Prepared {
    Nothing,
    Path(Path),
    Pattern(Pattern),
}

#[derive(Debug)]
pub(super) enum Expression {
    True,
    False,
    Int(i128),
    Double(f64),
    Text(Box<str>),
    Interpolated(Block),
    Reference(Box<Reference>),
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
    Range(Box<(Expression, Expression)>),
    Not(Box<Expression>),
    /// Operators of one precedence in a row, from the left; a row, so that a long one is not a deep tree.
    Row(Box<(Expression, Vec<(Infix, Expression)>)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Infix {
    Or,
    And,
    Compare(Comparison),
    Calculate(Operator),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// The number of a variable.
pub(super) type Slot = usize;

pub(super) const INPUT: Slot = 0;
pub(super) const CONTEXT: Slot = 1;
pub(super) const STAGE_VARIABLES: Slot = 2;
pub(super) const UTIL: Slot = 3;
pub(super) const FOREACH: Slot = 4;
pub(super) const COUNT: Slot = 5;
pub(super) const HAS_NEXT: Slot = 6;
const FIXED: [&str; 7] = ["input", "context", "stageVariables", "util", "foreach", "velocityCount", "velocityHasNext"];

/// The slots of a template's variables: fixed ones first, then its own in the order of appearance.
#[derive(Debug, Default)]
pub(super) struct Names {
    own: BTreeMap<Box<str>, Slot>,
    mentioned: [bool; FIXED.len()],
}

impl Names {
    /// The slot of this name.
    pub(super) fn slot(&mut self, name: &str) -> Slot {
        if let Some(fixed) = FIXED.iter().position(|fixed| *fixed == name) {
            self.mentioned[fixed] = true;
            return fixed;
        }
        if let Some(slot) = self.own.get(name) {
            return *slot;
        }
        let slot = self.len();
        self.own.insert(name.into(), slot);
        slot
    }

    /// Whether the template mentions this fixed variable.
    pub(super) fn mentions(&self, fixed: Slot) -> bool {
        self.mentioned[fixed]
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        FIXED.len() + self.own.len()
    }
}
