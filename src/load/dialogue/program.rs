//! A script as a flat list, and a place in it: what a session walks from one turn to the next.
//!
//! Owns rounds and beats: steady senders count from intended instants, so that a beat that was missed stays late, and none is left out.
//! Refuses to draw, to know connections and to make turns (`session` does). Called by `session`.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::time::{Instant, Span};

use super::plan::{Posting, Rounds, Sending, Step};
use crate::traffic::SeriesId;

/// A script, flattened; sessions of one role share it.
#[derive(Clone, Debug)]
pub(super) struct Program {
    ops: Vec<Op>,
    /// How many repeats stand within each other at most.
    depth: usize,
}

#[derive(Clone, Debug)]
enum Op {
    Wait(Latency),
    Do(Deed),
    Enter { beats: bool },
    Again { start: u16, rounds: Rounds, every: Option<Span> },
}

/// What is done at a place of a script.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Send(Sending),
    Post(Posting),
    Ping(SeriesId),
}

/// Where a session is in its script.
#[derive(Clone, Debug)]
pub(super) struct Place {
    at: u16,
    depth: u8,
    /// Of each repeat that it is in, from the outermost on; made once, as deep as the program.
    levels: Box<[Level]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// When the round was to begin.
    beat: Instant,
    /// Rounds that are over.
    done: u32,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// What is done.
    pub(super) deed: Deed,
    /// When.
    pub(super) due: Instant,
    /// Whether that instant counts from a beat, and not from what has happened.
    pub(super) on_beat: bool,
}

impl Program {
    pub(super) fn new(steps: &[Step]) -> Self {
        let mut program = Self { ops: Vec::new(), depth: 0 };
        program.add(steps, 0);
        program
    }

    fn add(&mut self, steps: &[Step], depth: usize) {
        self.depth = self.depth.max(depth);
        for step in steps {
            match step {
                Step::Wait(time) => self.ops.push(Op::Wait(time.clone())),
                Step::Send(sending) => self.ops.push(Op::Do(Deed::Send(*sending))),
                Step::Post(posting) => self.ops.push(Op::Do(Deed::Post(*posting))),
                Step::Ping(series) => self.ops.push(Op::Do(Deed::Ping(*series))),
                Step::Repeat { rounds, every, steps } => {
                    self.ops.push(Op::Enter { beats: every.is_some() });
                    let start = self.ops.len() as u16;
                    self.add(steps, depth + 1);
                    self.ops.push(Op::Again { start, rounds: *rounds, every: *every });
                }
            }
        }
    }

    /// The beginning of the script.
    pub(super) fn beginning(&self) -> Place {
        Place { at: 0, depth: 0, levels: vec![Level::default(); self.depth].into_boxed_slice() }
    }
}

impl Place {
    /// Goes to the beginning.
    pub(super) fn rewind(&mut self) {
        self.at = 0;
        self.depth = 0;
    }

    /// What is done here; `None` where nothing is.
    pub(super) fn deed(&self, program: &Program) -> Option<Deed> {
        match program.ops.get(usize::from(self.at))? {
            Op::Do(deed) => Some(*deed),
            Op::Wait(_) | Op::Enter { .. } | Op::Again { .. } => None,
        }
    }

    /// Leaves what was done here behind.
    pub(super) fn pass(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Goes on, at `now`, to where something is done; `None` if the script is over. `unit` gives draw number n of this walk. In every round
    /// of a repeat something is sent, so a walk is no longer than the program.
    pub(super) fn walk(&mut self, program: &Program, now: Instant, unit: impl Fn(u64) -> f64) -> Option<Ahead> {
        let (mut due, mut on_beat, mut waits) = (now, false, 0);
        loop {
            match program.ops.get(usize::from(self.at))? {
                Op::Do(deed) => return Some(Ahead { deed: *deed, due, on_beat }),
                Op::Wait(time) => {
                    due += time.at(unit(waits));
                    waits += 1;
                    self.at += 1;
                }
                Op::Enter { beats } => {
                    self.levels[usize::from(self.depth)] = Level { beat: due, done: 0 };
                    self.depth += 1;
                    self.at += 1;
                    on_beat |= *beats;
                }
                Op::Again { start, rounds, every } => {
                    let level = &mut self.levels[usize::from(self.depth) - 1];
                    level.done = level.done.saturating_add(1);
                    if *rounds == Rounds::Times(level.done) {
                        self.depth -= 1;
                        self.at += 1;
                    } else {
                        self.at = *start;
                        if let Some(every) = every {
                            level.beat += *every;
                            due = level.beat;
                            on_beat = true;
                        }
                    }
                }
            }
        }
    }
}
