//! `JSONPath` as Jayway reads it.
//!
//! Owns the grammar of paths. Refuses evaluation (`find`) and the grammar of filters (`filter`). Called by `expression` for paths
//! that stand in a template, by `input` for others.

mod filter;
mod find;

use super::error::Problem;
use filter::Filter;

/// How deep filters may nest.
const DEPTH_MAX: usize = 30;

/// A parsed path.
#[derive(Debug)]
pub(super) struct Path {
    steps: Vec<Step>,
    function: Option<Function>,
}

#[derive(Debug)]
enum Step {
    Name(Box<str>),
    Names(Vec<Box<str>>),
    Index(i64),
    Indices(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    All,
    Filter(Filter),
    /// `..`: what follows is sought in the value and in all that is below it.
    Descend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Length,
    Min,
    Max,
    Sum,
    Average,
    Keys,
    First,
    Last,
}

const FUNCTIONS: [(&str, Function); 9] = [
    ("length", Function::Length),
    ("size", Function::Length),
    ("min", Function::Min),
    ("max", Function::Max),
    ("sum", Function::Sum),
    ("avg", Function::Average),
    ("keys", Function::Keys),
    ("first", Function::First),
    ("last", Function::Last),
];

impl Path {
    /// Parses a path; one that does not start with `$` is taken as if it stood below it, as Jayway does.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = |what| Problem::Path { path: text.to_owned(), what };
        let mut reader = Reader { text: text.trim(), at: 0, depth: 0 };
        let path = if reader.take("$") { reader.path(true) } else { reader.below_root() };
        let path = path.map_err(wrong)?;
        if reader.rest().is_empty() { Ok(path) } else { Err(wrong("more after the path")) }
    }

    /// Whether it leads to one value at most.
    fn is_definite(&self) -> bool {
        let last = self.steps.len().saturating_sub(1);
        self.steps.iter().enumerate().all(|(at, step)| match step {
            Step::Name(_) | Step::Index(_) => true,
            // Several names at the end make one map.
            Step::Names(_) => at == last,
            Step::Indices(_) | Step::Slice(..) | Step::All | Step::Filter(_) | Step::Descend => false,
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, text: &str) -> bool {
        let here = self.rest().starts_with(text);
        self.at += if here { text.len() } else { 0 };
        here
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_ascii_start().len();
    }

    /// What a step may be read from: as long as `wanted`.
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|next| !wanted(next)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn below_root(&mut self) -> Result<Path, &'static str> {
        let mut steps = Vec::new();
        if !self.rest().starts_with('[') {
            self.name(&mut steps)?;
        }
        let mut path = self.path(true)?;
        steps.append(&mut path.steps);
        Ok(Path { steps, function: path.function })
    }

    /// Steps, up to what cannot be one. Functions stand at the end of a path.
    fn path(&mut self, may_call: bool) -> Result<Path, &'static str> {
        let mut steps = Vec::new();
        loop {
            if self.take("..") {
                steps.push(Step::Descend);
                if self.rest().starts_with('[') {
                    steps.push(self.bracket()?);
                } else {
                    self.name(&mut steps)?;
                }
            } else if self.take(".") {
                if self.rest().starts_with('[') {
                    steps.push(self.bracket()?);
                    continue;
                }
                self.name(&mut steps)?;
            } else if self.rest().starts_with('[') {
                steps.push(self.bracket()?);
            } else {
                return Ok(Path { steps, function: None });
            }
            if may_call && self.take("()") {
                let Some(Step::Name(name)) = steps.pop() else { return Err("() without the name of a function before it") };
                let known = FUNCTIONS.iter().find(|(known, _)| *known == &*name);
                let function = known.ok_or("no function of this name (length, min, max, sum, avg, keys, first, last)")?.1;
                return Ok(Path { steps, function: Some(function) });
            }
        }
    }

    fn name(&mut self, steps: &mut Vec<Step>) -> Result<(), &'static str> {
        if self.take("*") {
            steps.push(Step::All);
            return Ok(());
        }
        let in_filter = self.depth > 0;
        let name = self.take_while(|next| match next {
            '.' | '[' | ']' | '(' | ')' => false,
            '=' | '!' | '<' | '>' | '&' | '|' | ',' | '~' => !in_filter,
            _ => !next.is_whitespace(),
        });
        if name.is_empty() {
            return Err("a name is missing after a point");
        }
        steps.push(Step::Name(name.into()));
        Ok(())
    }

    fn bracket(&mut self) -> Result<Step, &'static str> {
        self.at += 1;
        self.skip_space();
        let step = match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Step::All
            }
            Some(b'\'' | b'"') => self.names()?,
            Some(b'?') => self.filter()?,
            _ => self.numbers()?,
        };
        self.skip_space();
        if self.take("]") { Ok(step) } else { Err("a [ is not closed") }
    }

    fn names(&mut self) -> Result<Step, &'static str> {
        let mut names = vec![self.quoted()?];
        while self.comma() {
            names.push(self.quoted()?);
        }
        match <[_; 1]>::try_from(names) {
            Ok([name]) => Ok(Step::Name(name)),
            Err(names) => Ok(Step::Names(names)),
        }
    }

    fn comma(&mut self) -> bool {
        self.skip_space();
        let comma = self.take(",");
        self.skip_space();
        comma
    }

    /// A text in either quotes, in which a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<Box<str>, &'static str> {
        let Some(quote @ ('\'' | '"')) = self.rest().chars().next() else { return Err("expected a text in quotes") };
        self.at += 1;
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((at, next)) = characters.next() {
            if next == quote {
                self.at += at + 1;
                return Ok(text.into());
            }
            text.push(if next == '\\' { characters.next().map_or('\\', |(_, escaped)| escaped) } else { next });
        }
        Err("a text in quotes does not end")
    }

    fn numbers(&mut self) -> Result<Step, &'static str> {
        let first = self.number()?;
        if self.take(":") {
            let last = self.number()?;
            return Ok(Step::Slice(first, last));
        }
        let mut numbers = vec![first.ok_or("expected a number, a name in quotes, * or ?( after [")?];
        while self.comma() {
            numbers.push(self.number()?.ok_or("expected a number after a comma")?);
        }
        Ok(match numbers[..] {
            [index] => Step::Index(index),
            _ => Step::Indices(numbers),
        })
    }

    fn number(&mut self) -> Result<Option<i64>, &'static str> {
        self.skip_space();
        let digits = self.take_while(|next| next.is_ascii_digit() || next == '-');
        self.skip_space();
        if digits.is_empty() { Ok(None) } else { digits.parse().map(Some).map_err(|_| "not a whole number") }
    }
}
