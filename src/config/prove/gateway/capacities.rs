//! The pools of connections that functions share.
//!
//! Owns what makes one possible, and its defaults. Refuses its behaviour (the policy's `capacity`). Called by `gateway`.

use sluicegate_policy::model::Capacity;
use sluicegate_policy::time::Span;

use super::at_most;
use crate::config::prove::{filled, latency};
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Duration, Member, Named, Text};

/// `connectionTimeout` of `HikariCP` and `pool_timeout` of `SQLAlchemy`.
const TIMEOUT: Span = Span::from_secs(30);

/// The pools, in the order of the profile.
pub(super) fn capacities(slot: &mut Option<At<Named<Text, At<raw::Capacity>>>>, reader: &mut Reader) -> Option<Vec<Capacity>> {
    let Some(given) = slot else { return Some(Vec::new()) };
    if !at_most(given.value.0.len(), "capacities", &given.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Capacity>> = given.value.0.iter_mut().map(|member| capacity(member, reader)).collect();
    proven.into_iter().collect()
}

fn capacity(member: &mut Member<Text, At<raw::Capacity>>, reader: &mut Reader) -> Option<Capacity> {
    if member.name.0.trim().is_empty() {
        reader.report_at(&member.spot, "this is not the name of a capacity; write e.g. orders-db");
    }
    let spot = member.value.spot.clone();
    let capacity = &mut member.value.value;
    if capacity.size.value.0 == 0 {
        reader.report_at(&capacity.size.spot, "a pool without a connection serves nobody; write a number above zero");
    }
    let timeout = filled(&mut capacity.timeout, &spot, "timeout", || Duration(TIMEOUT)).value.0;
    let queue = capacity.queue.as_ref().map(|queue| queue.value.0);
    let service = latency(&capacity.service, reader);
    Some(Capacity { name: member.name.0.clone(), size: capacity.size.value.0, queue, service: service?, timeout })
}
