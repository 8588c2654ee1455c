//! From the times of lines to arrivals: exact ones as they are, coarse ones spread over their second.
//!
//! A stamp to the second says only in which second a call came. The n calls of a second get n sorted uniform positions in it,
//! drawn from the seed, in the order of the log: as if a Poisson process had been cut into seconds. That needs no count of a
//! second in advance: each coarse call contributes one position (its second plus a draw) to a second sort, and as both sorts
//! hold equally many of each second, the k-th position belongs to the k-th call.
//!
//! Owns both sorts, and a third where arrivals differ in order from stamps. Refuses to parse. Called by `pass`.

use std::io;
use std::path::{Path, PathBuf};

use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use super::draft::{Draft, Known};
use crate::traffic::sort::{Sorted, Sorter};

const SECOND: u64 = 1_000_000_000;

/// Takes calls in the order of the log.
#[derive(Debug)]
pub(super) struct Arrivals {
    calls: Sorter,
    positions: Sorter,
    seed: Seed,
    folder: PathBuf,
    bytes_max: usize,
    exact: u64,
    coarse: u64,
    /// Coarse ends with a latency.
    coarse_ends: u64,
}

/// Gives calls in the order of their arrival.
#[derive(Debug)]
pub(super) enum Ordered {
    /// As sorted by stamp; the positions are filled in.
    ByStamp {
        /// The calls.
        calls: Sorted,
        /// Where coarse ones go.
        positions: Sorted,
    },
    /// Sorted once more, by arrival.
    ByArrival(Sorted),
}

impl Arrivals {
    /// Shares `bytes_max` of memory between the sorts.
    pub(super) fn new(folder: &Path, bytes_max: usize, seed: Seed) -> Self {
        let sorter = |share| Sorter::new(folder, bytes_max / share);
        let (calls, positions, seed) = (sorter(2), sorter(8), seed.child("arrivals"));
        let folder = folder.to_owned();
        Self { calls, positions, seed, folder, bytes_max, exact: 0, coarse: 0, coarse_ends: 0 }
    }

    /// Takes a call whose key (arrival, or second) is `ns` since 1970.
    pub(super) fn push(&mut self, ns: i64, draft: &Draft<'_>) -> io::Result<()> {
        match draft.known {
            Known::Exactly => self.exact += 1,
            Known::ToTheSecond | Known::EndToTheSecond => {
                let within = self.seed.nth(self.coarse).stream().below(SECOND);
                self.positions.push(ns.saturating_add_unsigned(within), |_| {})?;
                self.coarse += 1;
                self.coarse_ends += u64::from(draft.known == Known::EndToTheSecond);
            }
        }
        self.calls.push(ns, |out| draft.put(out))
    }

    /// Whether some calls were spread over their second.
    pub(super) fn coarse(&self) -> u64 {
        self.coarse
    }

    /// All calls, in order of arrival.
    pub(super) fn finish(self) -> io::Result<Ordered> {
        let resort = self.coarse_ends > 0 || (self.coarse > 0 && self.exact > 0);
        let mut by_stamp = Ordered::ByStamp { calls: self.calls.finish()?, positions: self.positions.finish()? };
        if !resort {
            return Ok(by_stamp);
        }
        let mut again = Sorter::new(&self.folder, self.bytes_max / 4);
        while let Some((at, draft)) = by_stamp.next()? {
            again.push(at, |out| draft.put(out))?;
        }
        again.finish().map(Ordered::ByArrival)
    }
}

impl Ordered {
    /// The next call and its arrival, in nanoseconds since 1970.
    pub(super) fn next(&mut self) -> io::Result<Option<(i64, Draft<'_>)>> {
        match self {
            Self::ByStamp { calls, positions } => {
                let Some((key, bytes)) = calls.next()? else { return Ok(None) };
                let draft = Draft::read(bytes).ok_or_else(broken)?;
                let at = match draft.known {
                    Known::Exactly => key,
                    Known::ToTheSecond => positions.next()?.ok_or_else(broken)?.0,
                    Known::EndToTheSecond => {
                        let end = positions.next()?.ok_or_else(broken)?.0;
                        end.saturating_sub_unsigned(draft.latency.map_or(0, Span::as_ns))
                    }
                };
                Ok(Some((at, draft)))
            }
            Self::ByArrival(sorted) => {
                let Some((at, bytes)) = sorted.next()? else { return Ok(None) };
                Ok(Some((at, Draft::read(bytes).ok_or_else(broken)?)))
            }
        }
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the temporary file was changed while it was sorted")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: i64 = 1_000_000_000;

    fn draft(known: Known, identity: u32, latency_ms: u64) -> Draft<'static> {
        let latency = Some(Span::from_ms(latency_ms));
        Draft { known, method: "GET", target: b"/", status: None, latency, bytes: None, identity }
    }

    fn arrivals(calls: &[(i64, Draft<'_>)], seed: u64) -> Vec<(i64, u32)> {
        let mut arrivals = Arrivals::new(&std::env::temp_dir(), 1 << 20, Seed::new(seed));
        for (ns, draft) in calls {
            arrivals.push(*ns, draft).unwrap();
        }
        let mut ordered = arrivals.finish().unwrap();
        let mut out = Vec::new();
        while let Some((at, draft)) = ordered.next().unwrap() {
            out.push((at, draft.identity));
        }
        out
    }

    #[test]
    fn coarse_calls_stay_in_their_second_and_in_order_and_follow_the_seed() {
        let calls: Vec<_> = (0..1_000).map(|n| (i64::from(n % 10) * SECOND_NS, draft(Known::ToTheSecond, n, 0))).collect();
        let spread = arrivals(&calls, 1);
        assert!(spread.is_sorted_by_key(|(at, _)| *at));
        for (at, n) in &spread {
            assert_eq!(at / SECOND_NS, i64::from(n % 10));
        }
        let order: Vec<_> = spread.iter().filter(|(at, _)| *at < SECOND_NS).map(|(_, n)| *n).collect();
        assert_eq!(order, (0..1_000).step_by(10).collect::<Vec<_>>());
        let mean = spread.iter().map(|(at, _)| at % SECOND_NS).sum::<i64>() / 1_000;
        assert!((mean - 500_000_000).abs() < 40_000_000, "{mean}");
        assert_eq!(spread, arrivals(&calls, 1));
        assert_ne!(spread, arrivals(&calls, 2));
    }

    #[test]
    fn a_coarse_end_arrived_its_latency_earlier() {
        let calls = [(0, draft(Known::EndToTheSecond, 0, 0)), (0, draft(Known::EndToTheSecond, 1, 5_000))];
        let found = arrivals(&calls, 1);
        assert_eq!(found.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 0]);
        assert!(found[0].0 < -4_000_000_000);
    }

    #[test]
    fn exact_and_coarse_calls_come_in_one_order() {
        let calls: Vec<_> = (0..200_u32)
            .map(|n| {
                if n % 2 == 0 {
                    (0, draft(Known::ToTheSecond, n, 0))
                } else {
                    (i64::from(n) * 1_000_000, draft(Known::Exactly, n, 0))
                }
            })
            .collect();
        let found = arrivals(&calls, 1);
        assert!(found.is_sorted_by_key(|(at, _)| *at));
        assert!(found.iter().all(|(at, n)| n % 2 == 0 || *at == i64::from(*n) * 1_000_000));
    }
}
