//! What the gateway was told and what it decided, call by call: enough to let the policy decide again, and compare.
//!
//! Owns the bounded list and its file. Refuses to judge, and to keep anything that a client wrote: lengths, places and ids alone.
//! Filled by `driver` as it tells the gateway, completed by `http`, written at the end of a run, read by whoever replays it
//! through a gateway of the same model and seed.
//!
//! The file: eight bytes `slcgdec` and the version (4); the clock's origin in nanoseconds of `CLOCK_MONOTONIC`, the wall time then
//! in nanoseconds since 1970, and the number of rows (`u64` each); then rows of 116 bytes, as `row` has them, in the order in which
//! the gateway was told. How the invocations of real functions ended is recorded, also of those that authorizers asked. What an
//! administrator tells it (moves, flushes) is not, nor what HTTP back ends answered: a gateway that has any cannot be replayed from it
//! alone. Nor is an arrival whose request never was whole: all that remains of it is that its number is missing.

mod row;
mod witness;

use std::fs::{self, File};
use std::hash::RandomState;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sluicegate_policy::call::{CacheUse, Call, CallId, EffectId, EntryId, Evidence, Invoked, Purpose, Reason, Reply};
use sluicegate_policy::time::{Instant, Span};

use self::row::{ROW_BYTES, decoded, encoded, u64_at};
use self::witness::Witness;
pub use self::witness::{CacheQuestion, Evident, IdentityQuestion};

const MAGIC: [u8; 8] = *b"slcgdec\x04";
const HEADER_BYTES: usize = 32;

/// One thing that the gateway was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A call.
    Called(Decision),
    /// That it go on with a call whose authorizer has answered.
    Resumed {
        /// When it was told.
        at: Instant,
        /// The row of the call.
        call: u64,
        /// What it found out of the request's bytes from then on.
        evident: Evident,
    },
    /// That nobody is left to go on with a call, because its client left
    /// ([`Gateway::abandon`](sluicegate_policy::gateway::Gateway::abandon)).
    Left {
        /// When it was told.
        at: Instant,
        /// The row of the call.
        call: u64,
    },
    /// How the invocation of a real function ended
    /// ([`Gateway::on_invoked`](sluicegate_policy::gateway::Gateway::on_invoked)).
    Invoked {
        /// When it was told.
        at: Instant,
        /// Which invocation.
        effect: EffectId,
        /// How it ended.
        ended: Invoked,
    },
    /// That nobody makes the answer for this entry of the response cache, because its client left
    /// ([`Gateway::drop_entry`](sluicegate_policy::gateway::Gateway::drop_entry)).
    Dropped {
        /// When it was told.
        at: Instant,
        /// Which entry.
        entry: EntryId,
    },
}

/// One call and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When [`Gateway::arrive`](sluicegate_policy::gateway::Gateway::arrive) was told.
    pub arrived: Instant,
    /// When [`Gateway::on_call`](sluicegate_policy::gateway::Gateway::on_call) was told.
    pub called: Instant,
    /// What it was told; the id is the row's number.
    pub call: Call,
    /// What it found out of the request's bytes.
    pub evident: Evident,
    /// What it decided; `None` if the client left before the answer.
    pub answer: Option<Decided>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Why this answer.
    pub reason: Reason,
    /// Its HTTP status.
    pub status: u16,
    /// What the response cache had to do with it.
    pub cache: CacheUse,
}

impl From<&Reply> for Decided {
    fn from(reply: &Reply) -> Self {
        Self { reason: reply.reason, status: reply.status, cache: reply.cache }
    }
}

/// All that a mock gateway decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// The origin of its clock in nanoseconds of `CLOCK_MONOTONIC`: what its instants count from.
    pub origin_ns: u64,
    /// The wall time then, since 1970: what its quotas count from.
    pub wall: Span,
    /// What it was told, in that order.
    pub rows: Vec<Row>,
}

impl DecisionRecord {
    /// The calls alone.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.rows.iter().filter_map(|row| match row {
            Row::Called(decision) => Some(decision),
            Row::Resumed { .. } | Row::Left { .. } | Row::Invoked { .. } | Row::Dropped { .. } => None,
        })
    }
}

/// What was told so far, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    rows: Vec<Row>,
    rows_max: usize,
    unrecorded: u64,
    /// Cache keys are told apart by a hash that nobody can repeat to guess what a client wrote: its salt is never written.
    salt: RandomState,
}

/// Which row a call has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowId(Option<usize>);

impl Decisions {
    /// Keeps at most `rows_max` rows.
    pub(crate) fn up_to(rows_max: usize) -> Self {
        Self { rows_max, ..Self::default() }
    }

    /// The gateway is told of a call by `tell`, with this evidence.
    pub(crate) fn on_call(
        &mut self,
        (arrived, called): (Instant, Instant),
        call: Call,
        evidence: &mut dyn Evidence,
        tell: impl FnOnce(&mut dyn Evidence),
    ) -> RowId {
        let at = self.rows.len();
        // A record of connections would have to say what each was told before: those of WebSocket APIs are counted, not recorded.
        let is_recordable = matches!(call.purpose, Purpose::Answer | Purpose::Preflight);
        if at >= self.rows_max || !is_recordable {
            self.unrecorded += 1;
            tell(evidence);
            return RowId(None);
        }
        let mut witness = Witness::of(evidence, &self.salt);
        tell(&mut witness);
        let (call, evident) = (Call { id: CallId(at as u64), ..call }, witness.evident());
        self.rows.push(Row::Called(Decision { arrived, called, call, evident, answer: None }));
        RowId(Some(at))
    }

    /// The gateway goes on with the call of this row by `tell`, with this evidence.
    pub(crate) fn on_resume(
        &mut self,
        at: Instant,
        row: RowId,
        evidence: &mut dyn Evidence,
        tell: impl FnOnce(&mut dyn Evidence),
    ) {
        let Some(call) = row.0.filter(|_| self.rows.len() < self.rows_max) else {
            self.unrecorded += 1;
            return tell(evidence);
        };
        let mut witness = Witness::of(evidence, &self.salt);
        tell(&mut witness);
        self.rows.push(Row::Resumed { at, call: call as u64, evident: witness.evident() });
    }

    /// Nobody is left to go on with the call of this row.
    pub(crate) fn on_left(&mut self, at: Instant, row: RowId) {
        match row.0.filter(|_| self.rows.len() < self.rows_max) {
            Some(call) => self.rows.push(Row::Left { at, call: call as u64 }),
            None => self.unrecorded += 1,
        }
    }

    /// It answered.
    pub(crate) fn on_reply(&mut self, row: RowId, reply: &Reply) {
        match row.0.and_then(|at| self.rows.get_mut(at)) {
            Some(Row::Called(decision)) => decision.answer = Some(reply.into()),
            Some(Row::Resumed { .. } | Row::Left { .. } | Row::Invoked { .. } | Row::Dropped { .. }) | None => {}
        }
    }

    /// The gateway is told that nobody makes the answer for this entry.
    pub(crate) fn on_drop(&mut self, at: Instant, entry: EntryId) {
        self.push(Row::Dropped { at, entry });
    }

    /// The gateway is told how an invocation ended.
    pub(crate) fn on_invoked(&mut self, at: Instant, effect: EffectId, ended: Invoked) {
        self.push(Row::Invoked { at, effect, ended });
    }

    fn push(&mut self, row: Row) {
        if self.rows.len() < self.rows_max {
            self.rows.push(row);
        } else {
            self.unrecorded += 1;
        }
    }

    /// How much of what it was told found the list full.
    pub(crate) const fn unrecorded(&self) -> u64 {
        self.unrecorded
    }

    /// Writes the rows, timed by a clock with this origin that stood at `wall`.
    pub(crate) fn write(&self, file: File, origin_ns: u64, wall: Span) -> io::Result<()> {
        let mut out = BufWriter::new(file);
        out.write_all(&MAGIC)?;
        for number in [origin_ns, wall.as_ns(), self.rows.len() as u64] {
            out.write_all(&number.to_le_bytes())?;
        }
        for row in &self.rows {
            out.write_all(&encoded(row))?;
        }
        out.flush()
    }
}

/// Why a record of decisions could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadDecisionsError {
    /// The file could not be read.
    #[error("cannot read the decisions in {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else, of another version, or cut.
    #[error("{} is not a whole record of decisions of version 4; was the mock stopped while writing it?", path.display())]
    Unknown {
        /// Which file.
        path: PathBuf,
    },
}

/// The decisions that a mock gateway wrote to `path`.
pub fn read_decisions(path: &Path) -> Result<DecisionRecord, ReadDecisionsError> {
    let bytes = fs::read(path).map_err(|source| ReadDecisionsError::Read { path: path.to_owned(), source })?;
    let unknown = || ReadDecisionsError::Unknown { path: path.to_owned() };
    let (header, rows) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(unknown)?;
    let (rows, rest) = rows.as_chunks::<ROW_BYTES>();
    let whole = header[..8] == MAGIC && u64_at(header, 24) == Some(rows.len() as u64) && rest.is_empty();
    let rows = Some(rows).filter(|_| whole).ok_or_else(unknown)?;
    let rows = (0..).zip(rows).map(|(id, row)| decoded(id, row)).collect::<Option<Vec<_>>>();
    let record = || {
        let (origin_ns, wall) = (u64_at(header, 8)?, Span::from_ns(u64_at(header, 16)?));
        Some(DecisionRecord { origin_ns, wall, rows: rows? })
    };
    record().ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::call::{Arrival, Credential, Purpose, Release, Size};
    use sluicegate_policy::model::ApiId;

    #[test]
    fn a_cut_file_is_told_from_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions");
        let mut decisions = Decisions::up_to(2);
        let call = Call {
            id: CallId(9),
            arrival: Arrival { number: 0, api: ApiId(0), stage: None, deployment: None, release: Release::Base },
            route: None,
            purpose: Purpose::Answer,
            key: Credential::Absent,
            size: Size::default(),
        };
        for at in 0..3 {
            let times = (Instant::from_ns(at), Instant::from_ns(at + 1));
            decisions.on_call(times, call, &mut Evident::default(), |_| {});
        }
        assert_eq!(decisions.unrecorded(), 1);
        decisions.write(File::create(&path).unwrap(), 5, Span::from_ns(6)).unwrap();
        let read = read_decisions(&path).unwrap();
        let rows: Vec<_> = read.decisions().map(|row| (row.arrived.as_ns(), row.called.as_ns(), row.call.id.0)).collect();
        assert_eq!((read.origin_ns, read.wall, rows), (5, Span::from_ns(6), vec![(0, 1, 0), (1, 2, 1)]));
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read_decisions(&path), Err(ReadDecisionsError::Unknown { .. })), "{length} bytes");
        }
    }
}
