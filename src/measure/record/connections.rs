//! What the record of a run tells of connections that are kept open.
//!
//! Owns the shape of this part of `run.json`. Refuses to count (`measure::connections` does). Counts include the warm-up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantiles;

/// Connections of WebSocket sessions, and what went over them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionsRecord {
    /// Connections that were asked for.
    pub asked: u64,
    /// Of those, opened.
    pub opened: u64,
    /// Of those, not opened, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedRecord>,
    /// Opened, and still open when the plan ended; all others that were opened stand in `closed`.
    pub open_at_end: u64,
    /// Most that were open at the end of any second.
    pub open_peak: u64,
    /// How long opening took, step by step; absent if none was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<OpeningRecord>,
    /// How they ended before the plan did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<ClosedRecord>,
    /// Messages that were written.
    pub messages_up: u64,
    /// Messages that were read.
    pub messages_down: u64,
    /// Bytes of the messages that were written, without frames.
    pub bytes_up: u64,
    /// Bytes of the messages that were read, without frames.
    pub bytes_down: u64,
    /// Messages that were read and that nobody waited for: no reply to an open question, no push of a stream that the session hears.
    pub unexpected: u64,
    /// Of those, errors of the gateway.
    pub unexpected_errors: u64,
    /// Questions that were not asked, as too many on the same connection were without a reply.
    pub crowded: u64,
    /// Posts that were not made, one for each connection that was open and heard the stream: it had not said yet what it is called.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub not_addressed: u64,
    /// What was delivered of each stream of pushed messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<DeliveriesRecord>,
    /// Sessions that lost their connection and asked for another; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returning: Option<ReturningRecord>,
    /// One row a second, by the instant of what happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seconds: Vec<ConnectionSecond>,
    /// What happened after the last second that there is room for.
    #[serde(default)]
    pub beyond_seconds: u64,
    /// What the generator needed for each connection; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ConnectionMemory>,
}

impl ConnectionsRecord {
    /// Adds the counts of another lane. Times and seconds are left out: they cannot be added up. The numbers may come from a file: no sum is
    /// too high.
    pub fn add(&mut self, other: &Self) {
        let counts = [
            (&mut self.asked, other.asked),
            (&mut self.opened, other.opened),
            (&mut self.open_at_end, other.open_at_end),
            (&mut self.open_peak, other.open_peak),
            (&mut self.messages_up, other.messages_up),
            (&mut self.messages_down, other.messages_down),
            (&mut self.bytes_up, other.bytes_up),
            (&mut self.bytes_down, other.bytes_down),
            (&mut self.unexpected, other.unexpected),
            (&mut self.unexpected_errors, other.unexpected_errors),
            (&mut self.crowded, other.crowded),
            (&mut self.not_addressed, other.not_addressed),
            (&mut self.beyond_seconds, other.beyond_seconds),
        ];
        add_all(counts);
        for theirs in &other.refused {
            match self.refused.iter_mut().find(|own| (&own.outcome, own.status) == (&theirs.outcome, theirs.status)) {
                Some(own) => add_all([(&mut own.count, theirs.count)]),
                None => self.refused.push(theirs.clone()),
            }
        }
        for theirs in &other.closed {
            match self.closed.iter_mut().find(|own| (&own.by, own.code) == (&theirs.by, theirs.code)) {
                Some(own) => add_all([(&mut own.count, theirs.count)]),
                None => self.closed.push(theirs.clone()),
            }
        }
        for theirs in &other.deliveries {
            match self.deliveries.iter_mut().find(|own| own.stream == theirs.stream) {
                Some(own) => own.add(theirs),
                None => self.deliveries.push(theirs.clone()),
            }
        }
    }
}

fn add_all<const N: usize>(counts: [(&mut u64, u64); N]) {
    for (own, theirs) in counts {
        *own = own.saturating_add(theirs);
    }
}

/// Connections that were not opened, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedRecord {
    /// How the attempt ended: `answered` with a status that is no 101, `refused`, `timed-out`, ...
    pub outcome: String,
    /// HTTP status, where there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How many.
    pub count: u64,
}

/// How long the steps of an opening took, of those that came to their end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpeningRecord {
    /// Name and TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Quantiles>,
    /// TLS, where it is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Quantiles>,
    /// From the request for an upgrade to its answer: authorizer and `$connect` integration are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Quantiles>,
}

/// Connections that ended in one way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedRecord {
    /// By whom: `client`, `client-protest` (what the other side sent was no WebSocket, or too much), `server`, `network`.
    pub by: String,
    /// Code of the close frame, 1005 of an empty one; absent where there was none, 0 for codes that there was no room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// How many.
    pub count: u64,
    /// How long they were open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Quantiles>,
}

/// What was delivered of one stream, to all who hear it. A receiver's first number after its connection opened is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveriesRecord {
    /// Name of the stream.
    pub stream: String,
    /// Published while a receiver was connected, added up over all receivers: `delivered` and `lost`.
    pub expected: u64,
    /// Of those, arrived.
    pub delivered: u64,
    /// Of those, not arrived when the connection or the run ended, or 64 later ones had come.
    pub lost: u64,
    /// Arrived again, or after they were given up for lost.
    pub duplicated: u64,
    /// Delivered after a later one.
    pub out_of_order: u64,
    /// Numbers that this run did not publish.
    pub unknown: u64,
    /// Delivered when their instant was no longer known: it is kept of the last ones only.
    pub untimed: u64,
    /// Connections that were to hear it and got nothing at all, though three numbers and more were published while they were open: what these
    /// missed is in no other count here.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub silent: u64,
    /// From the intended instant of publishing to the arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Quantiles>,
}

impl DeliveriesRecord {
    fn add(&mut self, other: &Self) {
        add_all([
            (&mut self.expected, other.expected),
            (&mut self.delivered, other.delivered),
            (&mut self.lost, other.lost),
            (&mut self.duplicated, other.duplicated),
            (&mut self.out_of_order, other.out_of_order),
            (&mut self.unknown, other.unknown),
            (&mut self.untimed, other.untimed),
            (&mut self.silent, other.silent),
        ]);
    }
}

/// Sessions that came back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReturningRecord {
    /// Attempts to come back.
    pub asked: u64,
    /// Of those, successful.
    pub returned: u64,
    /// Of those, refused in whatever way.
    pub refused: u64,
    /// From the loss of a connection to the next one that was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Quantiles>,
    /// The largest drop of many in one second, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<DropRecord>,
}

/// A second in which at least a tenth of all connections were lost, by sessions that came back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DropRecord {
    /// Which second.
    pub second: u64,
    /// How many were lost in it.
    pub lost: u64,
    /// How many were open before.
    pub open_before: u64,
    /// From the first of these losses until as many had returned as were lost since; absent if they had not at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_back_ns: Option<u64>,
}

/// What happened to connections in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionSecond {
    /// Which second, from zero.
    pub second: u64,
    /// Connections asked for.
    pub asked: u64,
    /// Connections opened.
    pub opened: u64,
    /// Connections refused.
    pub refused: u64,
    /// Connections that ended before the plan did.
    pub closed: u64,
    /// Connections opened by sessions that had lost one.
    pub returned: u64,
    /// Connections open at its end.
    pub open: u64,
    /// Messages written.
    pub up: u64,
    /// Messages read.
    pub down: u64,
}

/// Memory of the generator's process: that which is resident, everything included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionMemory {
    /// Before the first connection.
    pub before_bytes: u64,
    /// When most connections were open.
    pub highest_bytes: u64,
    /// How many these were.
    pub connections: u64,
}

impl ConnectionMemory {
    /// What one connection needed; `None` without any.
    pub fn per_connection(&self) -> Option<u64> {
        self.highest_bytes.saturating_sub(self.before_bytes).checked_div(self.connections)
    }
}
