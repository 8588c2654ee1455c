//! A row of an ended invocation.
//!
//! Owns where each of its numbers stands: when it was told at the second number, the effect at the third; at byte 60 what it came to, what
//! became of the environment and whether that had to start (a byte each); status (`u16`) and length (`u64`) of the answer at bytes 76 and
//! 80, how long the start took (`u64`) at 88. Refuses every other row. Part of [`row`](super).

use sluicegate_policy::call::{Content, EffectId, Fate, FunctionResult, Invoked};
use sluicegate_policy::time::{Instant, Span};

use super::super::Row;
use super::{CALL_AT, ENTRY_AT, EVIDENT_AT, FLAGS_AT, INVOKED, ROW_BYTES, u64_at};

const STATUS_AT: usize = 76;
const BYTES_AT: usize = 80;

pub(super) fn encoded(at: Instant, effect: EffectId, ended: &Invoked) -> [u8; ROW_BYTES] {
    let (result, status, bytes) = match ended.result {
        FunctionResult::Answered(Content { status, bytes }) => (0, status, bytes),
        FunctionResult::Authorized { bytes } => (1, 0, bytes),
        FunctionResult::Unauthorized => (2, 0, 0),
        FunctionResult::Failed => (3, 0, 0),
        FunctionResult::Misconfigured => (4, 0, 0),
        FunctionResult::Throttled => (5, 0, 0),
        FunctionResult::Malformed => (6, 0, 0),
    };
    let fate = match ended.fate {
        Fate::Kept => 0,
        Fate::Lost => 1,
    };
    let mut row = [0; ROW_BYTES];
    row[8..CALL_AT].copy_from_slice(&at.as_ns().to_le_bytes());
    row[CALL_AT..CALL_AT + 8].copy_from_slice(&effect.0.to_le_bytes());
    row[FLAGS_AT] = INVOKED;
    row[EVIDENT_AT..EVIDENT_AT + 3].copy_from_slice(&[result, fate, u8::from(ended.cold_start.is_some())]);
    row[STATUS_AT..STATUS_AT + 2].copy_from_slice(&u16::to_le_bytes(status));
    row[BYTES_AT..ENTRY_AT].copy_from_slice(&u64::to_le_bytes(bytes));
    row[ENTRY_AT..ENTRY_AT + 8].copy_from_slice(&ended.cold_start.unwrap_or_default().as_ns().to_le_bytes());
    row
}

pub(super) fn decoded(row: &[u8; ROW_BYTES]) -> Option<Row> {
    let [result, fate, started] = *row[EVIDENT_AT..].first_chunk()?;
    let status = row[STATUS_AT..].first_chunk().copied().map(u16::from_le_bytes)?;
    let bytes = u64_at(row, BYTES_AT)?;
    let result = match result {
        0 => FunctionResult::Answered(Content { status, bytes }),
        1 => FunctionResult::Authorized { bytes },
        2 => FunctionResult::Unauthorized,
        3 => FunctionResult::Failed,
        4 => FunctionResult::Misconfigured,
        5 => FunctionResult::Throttled,
        6 => FunctionResult::Malformed,
        _ => return None,
    };
    let fate = match fate {
        0 => Fate::Kept,
        1 => Fate::Lost,
        _ => return None,
    };
    let cold_start = match started {
        0 => None,
        1 => Some(Span::from_ns(u64_at(row, ENTRY_AT)?)),
        _ => return None,
    };
    let (at, effect) = (Instant::from_ns(u64_at(row, 8)?), EffectId(u64_at(row, CALL_AT)?));
    Some(Row::Invoked { at, effect, ended: Invoked { result, fate, cold_start } })
}
