//! What the gateway was told and what it decided, call by call: enough to let the policy decide again, and compare.
//!
//! Owns the bounded list and its file. Refuses to judge, and to keep anything that a client wrote: lengths, places and ids alone.
//! Filled by `http`, written at the end of a run, read by whoever replays it through a gateway of the same model and seed.
//!
//! The file: eight bytes `slcgdec` and the version (1); the clock's origin in nanoseconds of `CLOCK_MONOTONIC`, the wall time then
//! in nanoseconds since 1970, and the number of rows (`u64` each); then rows of 64 bytes in the order in which the gateway was
//! asked. A row: arrival and call in nanoseconds since the origin, the arrival's number, the body's length (`u64` each); lengths of URL, request line and headers (`u32` each); stage, deployment, route, API key,
//! status, the reason's function (`u16` each, all ones for none); reason; a byte of flags (canary 1, preflight 2, key 4 if
//! unknown, 8 if known); and the API (`u16`). All numbers are little-endian.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sluicegate_policy::call::{Arrival, Call, CallId, Credential, Invalid, Purpose, Reason, Release, Reply, Scope, Size};
use sluicegate_policy::model::{ApiId, DeploymentId, FunctionId, KeyId, RouteId, StageId};
use sluicegate_policy::time::{Instant, Span};

const MAGIC: [u8; 8] = *b"slcgdec\x01";
const HEADER_BYTES: usize = 32;
const ROW_BYTES: usize = 64;
const ABSENT: u16 = u16::MAX;
/// In the place of a reason: the client left before the answer.
const UNANSWERED: u8 = u8::MAX;
const CANARY: u8 = 1;
const PREFLIGHT: u8 = 2;
const KEY_UNKNOWN: u8 = 4;
const KEY_KNOWN: u8 = 8;

/// One call and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When [`Gateway::arrive`](sluicegate_policy::gateway::Gateway::arrive) was told.
    pub arrived: Instant,
    /// When [`Gateway::on_call`](sluicegate_policy::gateway::Gateway::on_call) was told.
    pub called: Instant,
    /// What it was told; the id is the row's number.
    pub call: Call,
    /// Reason and status; `None` if the client left before the answer.
    pub answer: Option<(Reason, u16)>,
}

/// All that a mock gateway decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// The origin of its clock in nanoseconds of `CLOCK_MONOTONIC`: what its instants count from.
    pub origin_ns: u64,
    /// The wall time then, since 1970: what its quotas count from.
    pub wall: Span,
    /// The decisions, in the order in which it made them.
    pub decisions: Vec<Decision>,
}

/// The calls so far, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    rows: Vec<Decision>,
    rows_max: usize,
    unrecorded: u64,
}

/// Which row a call has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowId(Option<usize>);

impl Decisions {
    /// Keeps at most `rows_max` rows.
    pub(crate) const fn up_to(rows_max: usize) -> Self {
        Self { rows: Vec::new(), rows_max, unrecorded: 0 }
    }

    /// The gateway was told of a call.
    pub(crate) fn on_call(&mut self, arrived: Instant, called: Instant, call: Call) -> RowId {
        let at = self.rows.len();
        if at >= self.rows_max {
            self.unrecorded += 1;
            return RowId(None);
        }
        let call = Call { id: CallId(at as u64), ..call };
        self.rows.push(Decision { arrived, called, call, answer: None });
        RowId(Some(at))
    }

    /// It answered.
    pub(crate) fn on_reply(&mut self, row: RowId, reply: &Reply) {
        if let Some(row) = row.0.and_then(|at| self.rows.get_mut(at)) {
            row.answer = Some((reply.reason, reply.status));
        }
    }

    /// How many calls found the list full.
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
    #[error("{} is not a whole record of decisions of version 1; was the mock stopped while writing it?", path.display())]
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
    let decisions = (0..).zip(rows).map(|(id, row)| decoded(id, row)).collect::<Option<Vec<_>>>();
    let record = || {
        let (origin_ns, wall) = (u64_at(header, 8)?, Span::from_ns(u64_at(header, 16)?));
        Some(DecisionRecord { origin_ns, wall, decisions: decisions? })
    };
    record().ok_or_else(unknown)
}

fn encoded(row: &Decision) -> [u8; ROW_BYTES] {
    let Call { arrival, route, purpose, key, size, id: _ } = row.call;
    let (reason, function) = row.answer.map_or((UNANSWERED, ABSENT), |(reason, _)| code_of(reason));
    let (key_flag, key) = match key {
        Credential::Absent => (0, ABSENT),
        Credential::Unknown => (KEY_UNKNOWN, ABSENT),
        Credential::Key(KeyId(key)) => (KEY_KNOWN, key),
    };
    let canary = if arrival.release == Release::Canary { CANARY } else { 0 };
    let preflight = if purpose == Purpose::Preflight { PREFLIGHT } else { 0 };
    let mut out = Vec::with_capacity(ROW_BYTES);
    for number in [row.arrived.as_ns(), row.called.as_ns(), arrival.number, size.body] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for length in [size.url, size.line, size.headers] {
        out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
    let stage = arrival.stage.map_or(ABSENT, |id| id.0);
    let deployment = arrival.deployment.map_or(ABSENT, |id| id.0);
    let status = row.answer.map_or(0, |(_, status)| status);
    for id in [stage, deployment, route.map_or(ABSENT, |id| id.0), key, status, function] {
        out.extend_from_slice(&id.to_le_bytes());
    }
    out.extend_from_slice(&[reason, canary | preflight | key_flag]);
    out.extend_from_slice(&arrival.api.0.to_le_bytes());
    let mut row = [0; ROW_BYTES];
    row[..out.len()].copy_from_slice(&out);
    row
}

fn decoded(id: u64, row: &[u8; ROW_BYTES]) -> Option<Decision> {
    let u64_at = |at: usize| u64_at(row, at);
    let u32_at = |at: usize| row[at..].first_chunk().copied().map(u32::from_le_bytes).map(u64::from);
    let u16_at = |at: usize| row[at..].first_chunk().copied().map(u16::from_le_bytes);
    let id_at = |at: usize| u16_at(at).map(|id| Some(id).filter(|id| *id != ABSENT));
    let (reason, flags) = (row[56], row[57]);
    let answer = if reason == UNANSWERED { None } else { Some((reason_of(reason, u16_at(54)?)?, u16_at(52)?)) };
    let key = match (flags & KEY_UNKNOWN, flags & KEY_KNOWN) {
        (0, 0) => Credential::Absent,
        (0, _) => Credential::Key(KeyId(u16_at(50)?)),
        _ => Credential::Unknown,
    };
    let call = Call {
        id: CallId(id),
        arrival: Arrival {
            number: u64_at(16)?,
            api: ApiId(u16_at(58)?),
            stage: id_at(44)?.map(StageId),
            deployment: id_at(46)?.map(DeploymentId),
            release: if flags & CANARY == 0 { Release::Base } else { Release::Canary },
        },
        route: id_at(48)?.map(RouteId),
        purpose: if flags & PREFLIGHT == 0 { Purpose::Answer } else { Purpose::Preflight },
        key,
        size: Size { body: u64_at(24)?, url: u32_at(32)?, line: u32_at(36)?, headers: u32_at(40)? },
    };
    let (arrived, called) = (Instant::from_ns(u64_at(0)?), Instant::from_ns(u64_at(8)?));
    Some(Decision { arrived, called, call, answer })
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// What a reason is in the file, and its function if it has one. A new reason gets a new number: the old ones keep theirs.
const fn code_of(reason: Reason) -> (u8, u16) {
    let code = match reason {
        Reason::Served => 0,
        Reason::Preflight => 1,
        Reason::NoStage => 2,
        Reason::NoRoute => 3,
        Reason::UrlTooLong => 4,
        Reason::HeadersTooLarge => 5,
        Reason::PayloadTooLarge => 6,
        Reason::KeyRefused => 7,
        Reason::QuotaExceeded => 8,
        Reason::Throttled(Scope::KeyRoute) => 9,
        Reason::Throttled(Scope::Key) => 10,
        Reason::Throttled(Scope::Route) => 11,
        Reason::Throttled(Scope::Stage) => 12,
        Reason::Throttled(Scope::Account) => 13,
        Reason::Invalid(Invalid::Parameters) => 14,
        Reason::Invalid(Invalid::Body) => 15,
        Reason::InvalidationRefused => 16,
        Reason::UnsupportedMediaType => 17,
        Reason::Misconfigured => 18,
        Reason::IntegrationTimeout => 19,
        Reason::IntegrationUnreachable => 20,
        Reason::FunctionThrottled(FunctionId(function)) => return (21, function),
        Reason::FunctionFailed(FunctionId(function)) => return (22, function),
    };
    (code, ABSENT)
}

fn reason_of(code: u8, function: u16) -> Option<Reason> {
    let function = FunctionId(function);
    Some(match code {
        0 => Reason::Served,
        1 => Reason::Preflight,
        2 => Reason::NoStage,
        3 => Reason::NoRoute,
        4 => Reason::UrlTooLong,
        5 => Reason::HeadersTooLarge,
        6 => Reason::PayloadTooLarge,
        7 => Reason::KeyRefused,
        8 => Reason::QuotaExceeded,
        9 => Reason::Throttled(Scope::KeyRoute),
        10 => Reason::Throttled(Scope::Key),
        11 => Reason::Throttled(Scope::Route),
        12 => Reason::Throttled(Scope::Stage),
        13 => Reason::Throttled(Scope::Account),
        14 => Reason::Invalid(Invalid::Parameters),
        15 => Reason::Invalid(Invalid::Body),
        16 => Reason::InvalidationRefused,
        17 => Reason::UnsupportedMediaType,
        18 => Reason::Misconfigured,
        19 => Reason::IntegrationTimeout,
        20 => Reason::IntegrationUnreachable,
        21 => Reason::FunctionThrottled(function),
        22 => Reason::FunctionFailed(function),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids() -> impl Strategy<Value = Option<u16>> {
        proptest::option::of(0..ABSENT)
    }

    fn calls() -> impl Strategy<Value = Call> {
        let size = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u32>());
        let key = prop_oneof![
            Just(Credential::Absent),
            Just(Credential::Unknown),
            (0..ABSENT).prop_map(|id| Credential::Key(KeyId(id)))
        ];
        (any::<(u64, u16)>(), ids(), ids(), ids(), key, size, any::<bool>(), any::<bool>()).prop_map(
            |((number, api), stage, deployment, route, key, (body, url, line, headers), canary, preflight)| Call {
                id: CallId(0),
                arrival: Arrival {
                    number,
                    api: ApiId(api),
                    stage: stage.map(StageId),
                    deployment: deployment.map(DeploymentId),
                    release: if canary { Release::Canary } else { Release::Base },
                },
                route: route.map(RouteId),
                purpose: if preflight { Purpose::Preflight } else { Purpose::Answer },
                key,
                size: Size { url: url.into(), line: line.into(), headers: headers.into(), body },
            },
        )
    }

    #[test]
    fn every_reason_survives_the_file() {
        for code in 0..=22 {
            let reason = reason_of(code, 7).unwrap();
            assert_eq!(code_of(reason).0, code);
        }
        assert_eq!(reason_of(23, 7), None);
    }

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
            decisions.on_call(Instant::from_ns(at), Instant::from_ns(at + 1), call);
        }
        assert_eq!(decisions.unrecorded(), 1);
        decisions.write(File::create(&path).unwrap(), 5, Span::from_ns(6)).unwrap();
        let read = read_decisions(&path).unwrap();
        let rows: Vec<_> = read.decisions.iter().map(|row| (row.arrived.as_ns(), row.called.as_ns(), row.call.id.0)).collect();
        assert_eq!((read.origin_ns, read.wall, rows), (5, Span::from_ns(6), vec![(0, 1, 0), (1, 2, 1)]));
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read_decisions(&path), Err(ReadDecisionsError::Unknown { .. })), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn a_row_survives_the_file(call in calls(), times in any::<(u64, u64)>(), code in 0_u8..23, status in 100_u16..600, left: bool) {
            let answer = if left { None } else { reason_of(code, 3).map(|reason| (reason, status)) };
            let (arrived, called) = (Instant::from_ns(times.0), Instant::from_ns(times.1));
            let row = Decision { arrived, called, call, answer };
            prop_assert_eq!(decoded(0, &encoded(&row)), Some(row));
        }

        #[test]
        fn no_row_is_a_panic(bytes: [[u8; 32]; 2]) {
            let mut row = [0; ROW_BYTES];
            row[..32].copy_from_slice(&bytes[0]);
            row[32..].copy_from_slice(&bytes[1]);
            let _ = decoded(0, &row);
        }
    }
}
