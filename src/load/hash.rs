//! A fingerprint of a script: two runs with the same hash intended the same actions at the same nanoseconds.
//!
//! Owns the mixing. Refuses order: the hash of a union is the merge of the hashes of its parts, however they were dealt to
//! lanes. Filled by `sim` and by the lanes of `engine`, printed by `report`. Not cryptographic.
//!
//! It covers every step of the plan (of sessions: the turn with which each begins, which streams it hears,
//! and of recorded ones all that they say): session, step, intended instant, series, identity and content. In a closed plan only the
//! users' first steps have an intended instant; what follows is fixed by the seed but timed by the answers. Their content is
//! drawn from the seed, so two seeds differ in the first steps already.

use std::fmt;

use sluicegate_policy::seed::mix;

use crate::traffic::catalog::Recorded;
use crate::traffic::conversation::{Act, Turn};
use crate::traffic::{Action, Due, Step, What};

/// The hash of a set of planned steps: a wrapping sum of two independent hashes of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptHash(u64, u64);

impl ScriptHash {
    /// Takes in a step of the plan; a step that is timed by an answer has no part in it.
    pub fn add(&mut self, step: &Step) {
        let Due::At(at) = step.due else {
            return;
        };
        let Action::Request(request) = &step.action;
        let name = (u64::from(step.session) << 32) | u64::from(step.seq);
        let who = (u64::from(request.series.0) << 32) | u64::from(request.identity);
        let (kind, content) = match &request.what {
            What::Described { template, key } => (1 + u64::from(template.0), *key),
            What::Recorded(recorded) => (0, hash_of(recorded)),
        };
        self.take_in(&[name, at.as_ns(), who, kind, content]);
    }

    /// Takes in the turn with which a session begins; one that is timed by what has happened has no part in it.
    pub fn add_turn(&mut self, turn: &Turn) {
        let (Due::At(at), Act::Connect(connect)) = (turn.due, &turn.act) else {
            return;
        };
        let name = (u64::from(turn.session) << 32) | u64::from(turn.seq);
        let who = (u64::from(connect.series.0) << 32) | u64::from(connect.identity);
        match &connect.what {
            What::Described { template, key } => {
                self.take_in(&[name, at.as_ns(), who, 1 + u64::from(template.0), *key, connect.hears.0]);
            }
            What::Recorded(recorded) => self.take_in(&[name, at.as_ns(), who, 0, hash_of(recorded), connect.course]),
        }
    }

    fn take_in(&mut self, parts: &[u64]) {
        let all = parts.iter().fold(0, |hash, part| mix(hash ^ mix(*part)).wrapping_mul(3));
        self.0 = self.0.wrapping_add(mix(all));
        self.1 = self.1.wrapping_add(mix(all ^ 0x5DEE_CE66_D1CE_4E5B));
    }

    /// Takes in the steps of another part of the script.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
        self.1 = self.1.wrapping_add(other.1);
    }
}

impl<'a> FromIterator<&'a Step> for ScriptHash {
    fn from_iter<I: IntoIterator<Item = &'a Step>>(steps: I) -> Self {
        let mut hash = Self::default();
        steps.into_iter().for_each(|step| hash.add(step));
        hash
    }
}

impl<'a> FromIterator<&'a Turn> for ScriptHash {
    fn from_iter<I: IntoIterator<Item = &'a Turn>>(turns: I) -> Self {
        let mut hash = Self::default();
        turns.into_iter().for_each(|turn| hash.add_turn(turn));
        hash
    }
}

impl fmt::Display for ScriptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

/// FNV-1a over all parts, each ended by a byte that no text holds.
fn hash_of(recorded: &Recorded) -> u64 {
    let headers = recorded.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let texts = [recorded.method.as_bytes(), recorded.target.as_bytes()].into_iter().chain(headers);
    let bytes = texts.flat_map(|text| text.iter().copied().chain([0xFF])).chain(recorded.body.iter().copied());
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::traffic::{Request, SeriesId};
    use sluicegate_policy::time::{Instant, Span};

    fn step(session: u32, at: u64, target: &str) -> Step {
        let recorded = Recorded { method: "GET".into(), target: target.into(), ..Recorded::default() };
        let request = Request { series: SeriesId(0), identity: 0, what: What::Recorded(Arc::new(recorded)) };
        Step { session, seq: 0, attempt: 0, due: Due::At(Instant::from_ns(at)), action: Action::Request(request) }
    }

    fn hash(steps: &[Step]) -> ScriptHash {
        steps.iter().collect()
    }

    #[test]
    fn it_does_not_depend_on_order_or_on_the_parts() {
        let steps = [step(0, 1, "/a"), step(1, 2, "/b"), step(2, 3, "/c")];
        let backwards: Vec<Step> = steps.iter().rev().cloned().collect();
        assert_eq!(hash(&steps), hash(&backwards));
        let mut parts = hash(&steps[..1]);
        parts.merge(hash(&steps[1..]));
        assert_eq!(parts, hash(&steps));
    }

    #[test]
    fn one_nanosecond_or_one_byte_makes_another_hash() {
        let one = hash(&[step(0, 1, "/a")]);
        for other in [step(0, 2, "/a"), step(1, 1, "/a"), step(0, 1, "/b")] {
            assert_ne!(hash(&[other]), one);
        }
        // What one step loses, another must not give back.
        assert_ne!(hash(&[step(0, 1, "/a"), step(1, 2, "/a")]), hash(&[step(0, 2, "/a"), step(1, 1, "/a")]));
    }

    #[test]
    fn what_is_timed_by_an_answer_has_no_part() {
        let mut after = step(0, 1, "/a");
        after.due = Due::After(Span::from_ms(1));
        assert_eq!(hash(&[after]), ScriptHash::default());
    }

    #[test]
    fn it_is_shown_as_32_hexadecimal_digits() {
        let shown = hash(&[step(0, 1, "/a")]).to_string();
        assert_eq!(shown.len(), 32);
        assert!(shown.bytes().all(|digit| digit.is_ascii_hexdigit()), "{shown}");
    }
}
