//! With which code a connection is closed: `1012`, or `cut` without a word.
//!
//! Owns its text form (`FromStr`, `Display`), and which codes may stand in a close frame. Refuses to close anything (the policy does).
//! Read by `raw::gateway::websocket`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::call::Closing;

use super::{Unreadable, text_scalar};

/// How a connection ends that somebody drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum CloseCode {
    /// A close frame with this code.
    Code(u16),
    /// No close frame.
    Cut,
}

text_scalar!(
    CloseCode,
    "a close code",
    "write a code that a close frame may have (1000 to 1003, 1007 to 1014, 3000 to 4999), e.g. 1012, or cut for none"
);

impl FromStr for CloseCode {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let text = text.trim();
        if text == "cut" {
            return Ok(Self::Cut);
        }
        // RFC 6455, 7.4: 1004 is reserved, and 1005, 1006 and 1015 never stand in a frame.
        let may_be_sent = |code: &u16| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let code = text.parse().ok().filter(may_be_sent);
        code.map(Self::Code).ok_or_else(|| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.fmt(f),
            Self::Cut => f.pad("cut"),
        }
    }
}

impl From<CloseCode> for Closing {
    fn from(code: CloseCode) -> Self {
        match code {
            CloseCode::Code(code) => Self::Fault(code),
            CloseCode::Cut => Self::Cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_as_it_was_written_and_what_no_frame_has_is_refused() {
        for text in ["1000", "1012", "4999", "cut"] {
            assert_eq!(text.parse::<CloseCode>().unwrap().to_string(), text);
        }
        for text in ["", "0", "1005", "1006", "1015", "2000", "5000", "99999", "-1", "Cut"] {
            assert!(text.parse::<CloseCode>().is_err(), "{text}");
        }
    }
}
