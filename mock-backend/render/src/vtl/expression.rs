//! Expressions and references.
//!
//! Owns the grammar inside parentheses, and of what follows a `$`. It takes a little more than Velocity 1.7 does: operators in
//! arguments, blanks in empty argument lists, a minus without a blank after it. Called by `parse`.

use super::cursor::Cursor;
use super::error::ParseError;
use super::jsonpath::Path;
use super::parse;
use super::pattern::Pattern;
use super::tree::{
    CONTEXT, Comparison, Expression, Infix, KnownAs, Method, Names, Operator, Place, Prepared, Reference, Slot, Step,
};

/// Reads the reference that the cursor's `$` starts; `None`, with the cursor where it was, if that `$` starts none.
pub(super) fn reference(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Option<Reference>, ParseError> {
    let start = cursor.offset();
    if cursor.peek() != Some(b'$') {
        return Ok(None);
    }
    let place = cursor.place();
    cursor.skip(1);
    let quiet = cursor.take("!");
    let braced = cursor.take("{");
    let Some(name) = cursor.identifier() else {
        cursor.back_to(start);
        return Ok(None);
    };
    cursor.enter()?;
    let root = names.slot(name);
    let steps = steps(cursor, names)?;
    if braced {
        cursor.expect("}", "at the end of a reference in braces")?;
    }
    cursor.leave();
    let source = cursor.since(start).into();
    let known_as = known_as(root, &steps);
    Ok(Some(Reference { root, steps, quiet, source, slashes: 0, known_as, place }))
}

fn known_as(root: Slot, steps: &[Step]) -> Option<KnownAs> {
    let mut names = Vec::new();
    for step in steps {
        match step {
            Step::Property(name) | Step::Index(Expression::Text(name)) => names.push(&**name),
            Step::Index(_) | Step::Method(_) => break,
        }
    }
    let known = root == CONTEXT && !names.is_empty();
    known.then(|| KnownAs { dotted: names.join(".").into(), steps: names.len() })
}

fn steps(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Vec<Step>, ParseError> {
    let mut steps = Vec::new();
    loop {
        let start = cursor.offset();
        if cursor.take("[") {
            let index = expression(cursor, names)?;
            cursor.skip_space();
            cursor.expect("]", "after an index")?;
            steps.push(Step::Index(index));
        } else if cursor.take(".") {
            let Some(name) = cursor.identifier() else {
                cursor.back_to(start);
                return Ok(steps);
            };
            if cursor.take("(") {
                let arguments = list(cursor, names, ")")?;
                let prepared = prepare(name, &arguments);
                steps.push(Step::Method(Box::new(Method { name: name.into(), arguments, prepared })));
            } else {
                steps.push(Step::Property(name.into()));
            }
        } else {
            return Ok(steps);
        }
    }
}

/// Regular expressions and paths that stand in the template are compiled once; those that fail do so when they are used.
fn prepare(method: &str, arguments: &[Expression]) -> Prepared {
    let Some(Expression::Text(text)) = arguments.first() else { return Prepared::Nothing };
    match method {
        "path" | "json" => Path::parse(text).map_or(Prepared::Nothing, Prepared::Path),
        "replaceAll" | "replaceFirst" | "split" | "matches" => Pattern::new(text).map_or(Prepared::Nothing, Prepared::Pattern),
        _ => Prepared::Nothing,
    }
}

/// Expressions between commas, up to what closes the list.
fn list(cursor: &mut Cursor<'_>, names: &mut Names, closes: &str) -> Result<Vec<Expression>, ParseError> {
    let mut items = Vec::new();
    cursor.skip_space();
    if cursor.take(closes) {
        return Ok(items);
    }
    loop {
        items.push(expression(cursor, names)?);
        cursor.skip_space();
        if !cursor.take(",") {
            cursor.expect(closes, "or a comma after a value")?;
            return Ok(items);
        }
    }
}

/// Reads an expression.
pub(super) fn expression(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Expression, ParseError> {
    cursor.enter()?;
    let expression = binary(cursor, names, 0)?;
    cursor.leave();
    Ok(expression)
}

/// Operators from the loosest to the tightest; of one level, the longer spelling first.
const LEVELS: [&[(&str, Infix)]; 6] = [
    &[("||", Infix::Or), ("or", Infix::Or)],
    &[("&&", Infix::And), ("and", Infix::And)],
    &[
        ("==", Infix::Compare(Comparison::Equal)),
        ("eq", Infix::Compare(Comparison::Equal)),
        ("!=", Infix::Compare(Comparison::NotEqual)),
        ("ne", Infix::Compare(Comparison::NotEqual)),
    ],
    &[
        ("<=", Infix::Compare(Comparison::LessOrEqual)),
        ("le", Infix::Compare(Comparison::LessOrEqual)),
        (">=", Infix::Compare(Comparison::GreaterOrEqual)),
        ("ge", Infix::Compare(Comparison::GreaterOrEqual)),
        ("<", Infix::Compare(Comparison::Less)),
        ("lt", Infix::Compare(Comparison::Less)),
        (">", Infix::Compare(Comparison::Greater)),
        ("gt", Infix::Compare(Comparison::Greater)),
    ],
    &[("+", Infix::Calculate(Operator::Add)), ("-", Infix::Calculate(Operator::Subtract))],
    &[
        ("*", Infix::Calculate(Operator::Multiply)),
        ("/", Infix::Calculate(Operator::Divide)),
        ("%", Infix::Calculate(Operator::Remainder)),
    ],
];

fn binary(cursor: &mut Cursor<'_>, names: &mut Names, level: usize) -> Result<Expression, ParseError> {
    let Some(operators) = LEVELS.get(level) else { return unary(cursor, names) };
    let first = binary(cursor, names, level + 1)?;
    let mut rest = Vec::new();
    loop {
        cursor.skip_space();
        let Some((spelled, infix)) = operators.iter().find(|(spelled, _)| stands(cursor.rest(), spelled)) else {
            return Ok(if rest.is_empty() { first } else { Expression::Row(Box::new((first, rest))) });
        };
        cursor.skip(spelled.len());
        rest.push((*infix, binary(cursor, names, level + 1)?));
    }
}

/// Whether this operator stands here; a word must end where the operator does.
fn stands(rest: &str, operator: &str) -> bool {
    let Some(after) = rest.strip_prefix(operator) else { return false };
    let is_word = operator.starts_with(|first: char| first.is_ascii_alphabetic());
    !(is_word && after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_'))
}

fn unary(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Expression, ParseError> {
    cursor.skip_space();
    let not = stands(cursor.rest(), "not");
    if not || cursor.rest().starts_with('!') {
        cursor.skip(if not { 3 } else { 1 });
        cursor.enter()?;
        let inner = unary(cursor, names)?;
        cursor.leave();
        return Ok(Expression::Not(Box::new(inner)));
    }
    primary(cursor, names)
}

fn primary(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Expression, ParseError> {
    match cursor.peek() {
        Some(b'$') => match reference(cursor, names)? {
            Some(reference) => Ok(Expression::Reference(Box::new(reference))),
            None => Err(cursor.error("a $ without a name")),
        },
        Some(b'(') => {
            cursor.skip(1);
            let inner = expression(cursor, names)?;
            cursor.skip_space();
            cursor.expect(")", "after an expression")?;
            Ok(inner)
        }
        Some(b'[') => list_or_range(cursor, names),
        Some(b'{') => map(cursor, names),
        Some(b'"') => quoted(cursor, names, '"'),
        Some(b'\'') => quoted(cursor, names, '\''),
        Some(b'0'..=b'9' | b'-' | b'.') => number(cursor),
        _ => word(cursor),
    }
}

fn word(cursor: &mut Cursor<'_>) -> Result<Expression, ParseError> {
    let start = cursor.offset();
    match cursor.identifier() {
        Some("true") => return Ok(Expression::True),
        Some("false") => return Ok(Expression::False),
        _ => cursor.back_to(start),
    }
    let found = cursor.rest().chars().next().map_or_else(|| "the end".to_owned(), |found| format!("{found:?}"));
    Err(cursor
        .error(format!("expected a value ($name, a text in quotes, a number, true, false, a list or a map), found {found}")))
}

fn list_or_range(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Expression, ParseError> {
    cursor.skip(1);
    cursor.skip_space();
    if cursor.take("]") {
        return Ok(Expression::List(Vec::new()));
    }
    let first = expression(cursor, names)?;
    cursor.skip_space();
    if cursor.take("..") {
        let last = expression(cursor, names)?;
        cursor.skip_space();
        cursor.expect("]", "after a range")?;
        return Ok(Expression::Range(Box::new((first, last))));
    }
    let mut items = vec![first];
    if cursor.take(",") {
        items.extend(items_until(cursor, names)?);
    } else {
        cursor.expect("]", "after a list")?;
    }
    Ok(Expression::List(items))
}

/// At least one more item, and the end of the list.
fn items_until(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Vec<Expression>, ParseError> {
    let items = list(cursor, names, "]")?;
    if items.is_empty() { Err(cursor.error("a comma without a value after it")) } else { Ok(items) }
}

fn map(cursor: &mut Cursor<'_>, names: &mut Names) -> Result<Expression, ParseError> {
    cursor.skip(1);
    let mut entries = Vec::new();
    cursor.skip_space();
    if cursor.take("}") {
        return Ok(Expression::Map(entries));
    }
    loop {
        let key = expression(cursor, names)?;
        cursor.skip_space();
        cursor.expect(":", "after the key of a map")?;
        entries.push((key, expression(cursor, names)?));
        cursor.skip_space();
        if !cursor.take(",") {
            cursor.expect("}", "or a comma after a value of a map")?;
            return Ok(Expression::Map(entries));
        }
    }
}

/// A text in quotes: in double ones references and directives count, in single ones nothing does. A doubled quote is one quote.
fn quoted(cursor: &mut Cursor<'_>, names: &mut Names, quote: char) -> Result<Expression, ParseError> {
    let place = cursor.place();
    let doubled = format!("{quote}{quote}");
    cursor.skip(1);
    let start = cursor.offset();
    loop {
        let Some(length) = cursor.rest().find(quote) else {
            return Err(ParseError::new(place, "a text in quotes that does not end"));
        };
        cursor.skip(length);
        if !cursor.take(&doubled) {
            break;
        }
    }
    let inside = cursor.since(start).replace(&doubled, &quote.to_string());
    cursor.skip(1);
    if quote == '\'' {
        return Ok(Expression::Text(inside.into()));
    }
    let inside = unescape(inside);
    if !inside.contains(['$', '#']) {
        return Ok(Expression::Text(inside.into()));
    }
    interpolated(&inside, cursor, place, names)
}

fn interpolated(inside: &str, cursor: &Cursor<'_>, place: Place, names: &mut Names) -> Result<Expression, ParseError> {
    let block = parse::interpolated(inside, cursor, place, names)?;
    Ok(match <[_; 1]>::try_from(block) {
        Ok([super::tree::Node::Text(text)]) => Expression::Text(text),
        Ok([node]) => Expression::Interpolated(vec![node]),
        Err(block) => Expression::Interpolated(block),
    })
}

/// `\u` and four hexadecimal digits make a character in double quotes; no other escape does.
fn unescape(text: String) -> String {
    if !text.contains("\\u") {
        return text;
    }
    let mut parts = text.split("\\u");
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            unescaped.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            unescaped.push_str(&part[4..]);
        } else {
            unescaped.push_str("\\u");
            unescaped.push_str(part);
        }
    }
    unescaped
}

fn number(cursor: &mut Cursor<'_>) -> Result<Expression, ParseError> {
    let start = cursor.offset();
    let digits = |cursor: &mut Cursor<'_>| cursor.take_while(|byte| byte.is_ascii_digit()).len();
    cursor.take("-");
    let mut found = digits(cursor);
    let mut is_float = false;
    if cursor.peek() == Some(b'.') && !cursor.rest().starts_with("..") {
        cursor.skip(1);
        is_float = true;
        found += digits(cursor);
    }
    if found > 0 && matches!(cursor.peek(), Some(b'e' | b'E')) {
        let before = cursor.offset();
        cursor.skip(1);
        let _ = cursor.take("-") || cursor.take("+");
        if digits(cursor) > 0 {
            is_float = true;
        } else {
            cursor.back_to(before);
        }
    }
    let text = cursor.since(start);
    // Beyond 128 bits a number is a double.
    let whole = text.parse().ok().filter(|_| !is_float).map(Expression::Int);
    let value = whole.or_else(|| text.parse().ok().map(Expression::Double));
    value.ok_or_else(|| cursor.error(format!("{text:?} is not a number")))
}
