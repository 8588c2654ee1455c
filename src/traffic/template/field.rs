//! A field of a template: its generator, and the value that a key draws from it.
//!
//! Owns the generators. Refuses encoding (`text` does that) and state: a value is computed anew wherever it stands.

use std::fmt::{self, Write};

use sluicegate_policy::seed::Seed;

use super::TemplateError;
use crate::traffic::conversation::Call;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generator {
    /// A whole number, every one as likely.
    Range {
        /// The smallest.
        low: i64,
        /// The largest (inclusive).
        high: i64,
    },
    /// One of these texts, in proportion to their weights.
    OneOf(Vec<(String, u32)>),
    /// A random UUID (version 4), in small letters.
    Uuid,
    /// Letters and digits.
    Text {
        /// How many.
        length: u32,
    },
    /// The number of the identity that sends the request.
    Identity,
    /// Of a message: the turn that it belongs to, unique within the script.
    Call,
    /// Of a message: its place in the stream that it publishes to.
    Number,
}

/// A named, proven generator.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: String,
    generator: Generator,
    /// Of a `OneOf`: sums of the weights so far.
    sums: Vec<u64>,
    /// Fields draw by name, so that adding one does not change the others.
    salt: u64,
}

/// All that a value depends on.
#[derive(Clone, Copy)]
pub(super) struct Draw<'a> {
    pub(super) fields: &'a [Field],
    pub(super) key: u64,
    pub(super) identity: u32,
    pub(super) call: Call,
    pub(super) number: u64,
}

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Field {
    pub(super) fn new(name: String, generator: Generator) -> Result<Self, TemplateError> {
        let mut sums = Vec::new();
        let refusal = match &generator {
            Generator::Range { low, high } if low > high => Some("has a range that ends before it begins; write e.g. 1..100"),
            Generator::OneOf(values) => {
                sums.extend(values.iter().scan(0_u64, |sum, (_, weight)| {
                    *sum += u64::from(*weight);
                    Some(*sum)
                }));
                (sums.last().copied().unwrap_or(0) == 0).then_some("has no value of a weight above zero; give it one")
            }
            Generator::Range { .. }
            | Generator::Uuid
            | Generator::Text { .. }
            | Generator::Identity
            | Generator::Call
            | Generator::Number => None,
        };
        if let Some(why) = refusal {
            return Err(TemplateError::Generator { field: name, why });
        }
        let salt = Seed::new(0).child(&name).root();
        Ok(Self { name, generator, sums, salt })
    }

    pub(super) const fn generator(&self) -> &Generator {
        &self.generator
    }

    /// Whether it is there for every message, and need not be used.
    pub(super) const fn is_offered(&self) -> bool {
        matches!(self.generator, Generator::Call | Generator::Number)
    }

    /// The texts that were given for it; generated ones are letters, digits and hyphens.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        let given: &[(String, u32)] = if let Generator::OneOf(values) = &self.generator { values } else { &[] };
        given.iter().map(|(value, _)| value.as_str())
    }

    pub(super) fn may_be_empty(&self) -> bool {
        self.values().any(str::is_empty) || self.generator == Generator::Text { length: 0 }
    }

    /// A length that its text never exceeds, in bytes.
    pub(super) fn longest(&self) -> u64 {
        let digits = |number: i64| number.to_string().len() as u64;
        match &self.generator {
            Generator::Range { low, high } => digits(*low).max(digits(*high)),
            Generator::OneOf(values) => values.iter().map(|(value, _)| value.len() as u64).max().unwrap_or(0),
            Generator::Uuid => 36,
            Generator::Text { length } => u64::from(*length),
            Generator::Identity => digits(i64::from(u32::MAX)),
            Generator::Call => 2 * digits(i64::from(u32::MAX)) + 1,
            Generator::Number => u64::MAX.to_string().len() as u64,
        }
    }

    /// The text of this field that is drawn, given in one piece or several.
    pub(super) fn write(&self, draw: Draw<'_>, out: &mut impl Write) -> fmt::Result {
        let mut stream = Seed::new(draw.key).nth(self.salt).stream();
        match &self.generator {
            Generator::Range { low, high } => {
                let width = (i128::from(*high) - i128::from(*low) + 1).cast_unsigned();
                let step = (u128::from(stream.next_u64()) * width) >> 64;
                write!(out, "{}", i128::from(*low) + step.cast_signed())
            }
            Generator::OneOf(values) => {
                let total = self.sums.last().copied().expect("a `OneOf` has a weight, or Field::new refused it");
                let ticket = stream.below(total);
                out.write_str(&values[self.sums.partition_point(|sum| *sum <= ticket)].0)
            }
            Generator::Uuid => write_uuid(stream.next_u64(), stream.next_u64(), out),
            Generator::Text { length } => {
                (0..*length).try_for_each(|_| out.write_char(char::from(ALPHABET[stream.below(62) as usize])))
            }
            Generator::Identity => write!(out, "{}", draw.identity),
            Generator::Call => write!(out, "{}", draw.call),
            Generator::Number => write!(out, "{}", draw.number),
        }
    }
}

/// RFC 9562, 5.4: version 4 in the high nibble of octet 6, variant 10 in the high bits of octet 8.
fn write_uuid(high: u64, low: u64, out: &mut impl Write) -> fmt::Result {
    let high = (high & !0xF000) | 0x4000;
    let low = (low & (u64::MAX >> 2)) | (1 << 63);
    let (first, second, third) = (high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF);
    write!(out, "{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", low >> 48, low & 0xFFFF_FFFF_FFFF)
}
