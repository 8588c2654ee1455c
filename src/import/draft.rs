//! A call between the two passes: what is kept of a line while the log is sorted.

use sluicegate_policy::time::Span;

use crate::traffic::trace::wire::{Rest, put_method, put_number, put_text};

/// What of a line is needed after it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft<'a> {
    pub(super) known: Known,
    pub(super) method: &'a str,
    pub(super) target: &'a [u8],
    pub(super) status: Option<u16>,
    pub(super) latency: Option<Span>,
    pub(super) bytes: Option<u64>,
    pub(super) identity: u32,
}

/// What the key of a draft says about its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is the arrival.
    Exactly,
    /// It arrived within the second that begins with the key.
    ToTheSecond,
    /// It was answered within the second that begins with the key, and arrived its latency earlier.
    EndToTheSecond,
}

const STATUS: u8 = 1;
const LATENCY: u8 = 2;
const BYTES: u8 = 4;

impl<'a> Draft<'a> {
    /// Appends it to `out`.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let known = match self.known {
            Known::Exactly => 0,
            Known::ToTheSecond => 8,
            Known::EndToTheSecond => 16,
        };
        let flag = |present: bool, bit: u8| if present { bit } else { 0 };
        out.push(
            known
                | flag(self.status.is_some(), STATUS)
                | flag(self.latency.is_some(), LATENCY)
                | flag(self.bytes.is_some(), BYTES),
        );
        for number in [self.status.map(u64::from), self.latency.map(Span::as_ns), self.bytes].into_iter().flatten() {
            put_number(out, number);
        }
        put_number(out, u64::from(self.identity));
        put_method(out, self.method);
        put_text(out, self.target);
    }

    /// Reads back what [`put`](Self::put) wrote.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        let flags = rest.byte()?;
        let known = match flags >> 3 {
            0 => Known::Exactly,
            1 => Known::ToTheSecond,
            _ => Known::EndToTheSecond,
        };
        let mut number = |bit| if flags & bit == 0 { Some(None) } else { rest.number().map(Some) };
        let (status, latency, bytes) = (number(STATUS)?, number(LATENCY)?, number(BYTES)?);
        Some(Self {
            known,
            status: status.and_then(|status| u16::try_from(status).ok()),
            latency: latency.map(Span::from_ns),
            bytes,
            identity: rest.small()?,
            method: rest.method()?,
            target: rest.text()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_reads_back_as_it_was_written() {
        let (status, latency, bytes) = (Some(404), Some(Span::from_ms(3)), Some(1 << 40));
        let full = Draft { known: Known::EndToTheSecond, method: "GET", target: b"/a?b", status, latency, bytes, identity: 9 };
        let bare = Draft { known: Known::ToTheSecond, status: None, latency: None, bytes: None, identity: 0, ..full.clone() };
        for draft in [full, bare] {
            let mut out = Vec::new();
            draft.put(&mut out);
            assert_eq!(Draft::read(&out), Some(draft));
        }
    }
}
