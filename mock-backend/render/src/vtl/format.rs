//! `String.format`, as far as templates go: `%s %d %f %x %X %c %b %n %%` with flags, width and precision.
//!
//! Owns these. Refuses dates and argument numbers, as an error. Called by the methods of texts.

use super::error::Problem;
use super::heap::Heap;
use super::value::Value;

/// No field is wider.
const WIDTH_MAX: usize = 10_000;

/// One `%` directive.
struct Directive {
    flags: String,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

pub(super) fn format<'v>(format: &str, values: &[Value<'v>], heap: &mut Heap<'v>) -> Result<String, Problem> {
    let mut values = values.iter();
    let mut made = String::new();
    let mut rest = format;
    while let Some((plain, after)) = rest.split_once('%') {
        made.push_str(plain);
        let (directive, after) = directive(after).ok_or_else(|| wrong(format!("{after:?} is no directive after %")))?;
        rest = after;
        match directive.conversion {
            '%' => made.push('%'),
            'n' => made.push('\n'),
            conversion => {
                let value = values.next().ok_or_else(|| wrong(format!("no value for %{conversion}")))?;
                let shown = directive.show(value, heap)?;
                heap.charge(shown.len() + directive.width)?;
                directive.pad(&shown, &mut made);
            }
        }
    }
    made.push_str(rest);
    Ok(made)
}

fn wrong(what: String) -> Problem {
    Problem::Method { method: "format", what }
}

fn directive(text: &str) -> Option<(Directive, &str)> {
    let flags_end = text.find(|next| !"-+ 0,#(".contains(next))?;
    let (flags, text) = text.split_at(flags_end);
    let (width, text) = number_at(text)?;
    let (precision, text) = match text.strip_prefix('.') {
        Some(text) => number_at(text).map(|(precision, text)| (Some(precision), text))?,
        None => (None, text),
    };
    let conversion = text.chars().next().filter(|next| "sSdfxXcbn%".contains(*next))?;
    Some((Directive { flags: flags.to_owned(), width, precision, conversion }, &text[1..]))
}

fn number_at(text: &str) -> Option<(usize, &str)> {
    let (digits, rest) = text.split_at(text.find(|next: char| !next.is_ascii_digit())?);
    let number = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    (number <= WIDTH_MAX).then_some((number, rest))
}

impl Directive {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn show<'v>(&self, value: &Value<'v>, heap: &mut Heap<'v>) -> Result<String, Problem> {
        let unfit = |heap: &mut Heap<'v>| {
            let shown = heap.shown(value)?.into_owned();
            Err(wrong(format!("%{} cannot show {shown:?}", self.conversion)))
        };
        Ok(match (self.conversion, value) {
            ('d', Value::Int(whole)) => self.signed(&self.grouped(whole.unsigned_abs().to_string()), *whole < 0),
            ('x', Value::Int(whole)) => hexadecimal(*whole),
            ('X', Value::Int(whole)) => hexadecimal(*whole).to_uppercase(),
            ('f', Value::Double(double)) => {
                let spelled = format!("{:.*}", self.precision.unwrap_or(6), double.abs());
                self.signed(&self.grouped(spelled), double.is_sign_negative())
            }
            ('d' | 'x' | 'X' | 'f', value) if !value.is_null() => return unfit(heap),
            ('b', Value::Bool(bool)) => bool.to_string(),
            ('b', value) => (!value.is_null()).to_string(),
            ('S', value) => self.cut(&heap.shown(value)?.to_uppercase()),
            (_, value) => self.cut(&heap.shown(value)?),
        })
    }

    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }

    /// Commas between thousands, if they are wanted.
    fn grouped(&self, spelled: String) -> String {
        if !self.has(',') {
            return spelled;
        }
        let (whole, fraction) = spelled.split_at(spelled.find('.').unwrap_or(spelled.len()));
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped + fraction
    }

    fn signed(&self, digits: &str, is_negative: bool) -> String {
        let sign = match (is_negative, self.has('+'), self.has(' ')) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let zeros = if self.has('0') { self.width.saturating_sub(sign.len() + digits.len()) } else { 0 };
        format!("{sign}{}{digits}", "0".repeat(zeros))
    }

    fn pad(&self, shown: &str, into: &mut String) {
        let spaces = self.width.saturating_sub(shown.chars().count());
        if self.has('-') {
            into.push_str(shown);
        }
        into.extend(std::iter::repeat_n(' ', spaces));
        if !self.has('-') {
            into.push_str(shown);
        }
    }
}

/// As Java: of an `Integer` or a `Long`, in two's complement.
fn hexadecimal(whole: i128) -> String {
    match (i32::try_from(whole), i64::try_from(whole)) {
        (Ok(whole), _) => format!("{whole:x}"),
        (_, Ok(whole)) => format!("{whole:x}"),
        _ => format!("{whole:x}"),
    }
}
