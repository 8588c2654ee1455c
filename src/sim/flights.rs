//! The client's actions that are on their way, by call and by age.
//!
//! Owns the slots. All have the same time-out, so the oldest is the next to time out: a list through the slots replaces a queue
//! of time-outs, and memory is bounded by the connections.

use sluicegate_policy::call::CallId;
use sluicegate_policy::time::Instant;

use super::client::Pending;
use super::seats::Over;

/// One action on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) action: Pending,
    pub(super) started: Instant,
    pub(super) sent: Instant,
    /// The connection it goes over.
    pub(super) over: Over,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Flights {
    slots: Vec<Slot>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
}

#[derive(Debug)]
struct Slot {
    /// Counts the flights that had this slot, so that a late answer does not find another's.
    generation: u32,
    older: u32,
    newer: u32,
    flight: Option<Flight>,
}

/// No slot.
const NONE: u32 = u32::MAX;

impl Flights {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), oldest: NONE, newest: NONE }
    }

    /// Adds a flight, which started no earlier than those before it.
    pub(super) fn begin(&mut self, flight: Flight) -> CallId {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, older: NONE, newer: NONE, flight: None });
            (self.slots.len() - 1) as u32
        });
        let older = self.newest;
        let slot = &mut self.slots[at as usize];
        (slot.older, slot.newer, slot.flight) = (older, NONE, Some(flight));
        let id = CallId((u64::from(slot.generation) << 32) | u64::from(at));
        *self.newer_of(older) = at;
        self.newest = at;
        id
    }

    /// Takes a flight out; `None` if it has ended already.
    pub(super) fn end(&mut self, id: CallId) -> Option<Flight> {
        let (at, generation) = (id.0 as u32, (id.0 >> 32) as u32);
        let slot = self.slots.get_mut(at as usize).filter(|slot| slot.generation == generation)?;
        let flight = slot.flight.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        let (older, newer) = (slot.older, slot.newer);
        *self.newer_of(older) = newer;
        *self.older_of(newer) = older;
        self.free.push(at);
        Some(flight)
    }

    /// A flight that is on its way.
    pub(super) fn get(&self, id: CallId) -> Option<&Flight> {
        let slot = self.slots.get(id.0 as u32 as usize).filter(|slot| u64::from(slot.generation) == id.0 >> 32)?;
        slot.flight.as_ref()
    }

    /// The flight that started first, and when.
    pub(super) fn oldest(&self) -> Option<(CallId, Instant)> {
        let slot = self.slots.get(self.oldest as usize)?;
        let flight = slot.flight.as_ref()?;
        Some((CallId((u64::from(slot.generation) << 32) | u64::from(self.oldest)), flight.started))
    }

    fn newer_of(&mut self, at: u32) -> &mut u32 {
        if at == NONE { &mut self.oldest } else { &mut self.slots[at as usize].newer }
    }

    fn older_of(&mut self, at: u32) -> &mut u32 {
        if at == NONE { &mut self.newest } else { &mut self.slots[at as usize].older }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::catalog::TemplateId;
    use crate::traffic::{Request, SeriesId, What};
    use proptest::prelude::*;

    fn flight(started: u64) -> Flight {
        let started = Instant::from_ns(started);
        let what = What::Described { template: TemplateId(0), key: 0 };
        let request = Request { series: SeriesId(0), identity: 0, what };
        let action = Pending { session: 0, seq: 0, attempt: 0, since: started, intended: started, request };
        Flight { action, started, sent: started, over: Over::default() }
    }

    proptest! {
        #[test]
        fn the_oldest_is_the_one_that_started_first_of_those_on_their_way(ends in prop::collection::vec(any::<prop::sample::Index>(), 1..100)) {
            let mut flights = Flights::new();
            let mut alive: Vec<(CallId, Instant)> = Vec::new();
            for (n, end) in ends.iter().enumerate() {
                for more in 0..2 {
                    let started = (2 * n + more) as u64;
                    alive.push((flights.begin(flight(started)), Instant::from_ns(started)));
                }
                let (gone, _) = alive.remove(end.index(alive.len()));
                prop_assert!(flights.end(gone).is_some());
                prop_assert!(flights.end(gone).is_none(), "it has ended already");
                prop_assert!(flights.get(gone).is_none());
                prop_assert_eq!(flights.oldest(), alive.first().copied());
            }
            prop_assert!(flights.slots.len() <= ends.len() + 1);
        }
    }
}
