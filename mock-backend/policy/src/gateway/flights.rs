//! The calls in flight, in slots that are used again.

use crate::cache::Fill;
use crate::call::{Content, EffectId, Reply, Size};
use crate::model::TargetId;
use crate::time::{Instant, Span};

/// A call between its arrival and its reply.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// The reply, as far as it is known.
    pub(super) reply: Reply,
    /// How long its request is.
    pub(super) size: Size,
    /// What the integration answers if all goes well, where that is known before.
    pub(super) content: Content,
    /// What the response cache is to keep, should the answer be worth it.
    pub(super) fill: Option<Fill>,
    /// What the gateway still needs after the integration.
    pub(super) after: Span,
    /// How far it has come.
    pub(super) phase: Phase,
    /// The real target of a private link that works on it.
    pub(super) target: Option<TargetId>,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The gateway is at work before the integration.
    Arrived,
    /// External work was started at this instant and has not ended.
    Waiting(Instant),
    /// The answer is known; only time passes until the reply.
    Decided,
}

/// Names a flight; once the flight is over it names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlightId {
    slot: u32,
    generation: u32,
}

/// All calls in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    slots: Vec<(u32, Option<Flight>)>,
    free: Vec<u32>,
}

impl FlightId {
    /// The name under which the driver knows this flight's real work.
    pub(super) fn effect(self) -> EffectId {
        EffectId(u64::from(self.generation) << 32 | u64::from(self.slot))
    }

    /// The flight that has this effect.
    pub(super) const fn of_effect(effect: EffectId) -> Self {
        Self { slot: effect.0 as u32, generation: (effect.0 >> 32) as u32 }
    }
}

impl Flights {
    pub(super) fn begin(&mut self, flight: Flight) -> FlightId {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        if slot as usize == self.slots.len() {
            self.slots.push((0, None));
        }
        let entry = &mut self.slots[slot as usize];
        entry.1 = Some(flight);
        FlightId { slot, generation: entry.0 }
    }

    pub(super) fn get_mut(&mut self, id: FlightId) -> Option<&mut Flight> {
        let (generation, flight) = self.slots.get_mut(id.slot as usize)?;
        flight.as_mut().filter(|_| *generation == id.generation)
    }

    /// When the external work began that this flight waits for; `None` if it waits for none.
    pub(super) fn waiting_since(&self, id: FlightId) -> Option<Instant> {
        let (generation, flight) = self.slots.get(id.slot as usize)?;
        match flight.as_ref().filter(|_| *generation == id.generation)?.phase {
            Phase::Waiting(since) => Some(since),
            Phase::Arrived | Phase::Decided => None,
        }
    }

    /// Those that wait for this target, in the order of their slots, and since when.
    pub(super) fn waiting_for(&self, target: TargetId) -> Vec<(FlightId, Instant)> {
        let flights = self.slots.iter().enumerate().filter_map(|(slot, (generation, flight))| {
            let flight = flight.as_ref().filter(|flight| flight.target == Some(target))?;
            let id = FlightId { slot: slot as u32, generation: *generation };
            match flight.phase {
                Phase::Waiting(since) => Some((id, since)),
                Phase::Arrived | Phase::Decided => None,
            }
        });
        flights.collect()
    }

    pub(super) fn end(&mut self, id: FlightId) -> Option<Flight> {
        let (generation, flight) = self.slots.get_mut(id.slot as usize)?;
        if *generation != id.generation {
            return None;
        }
        let ended = flight.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(id.slot);
        Some(ended)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
