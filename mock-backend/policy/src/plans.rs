//! Which usage plan a key has on a stage.
//!
//! Owns the *seats*: one for each key of each plan, to which the plan's throttles and quota belong. Refuses to count
//! ([`throttle`](crate::throttle), [`quota`](crate::quota)) and to look for the key in a request. Called by the gateway for each
//! request to a route that needs a key.
//!
//! A plan holds for each of its keys by itself, summed over all stages of the plan; a key may have several plans, but one for
//! each stage (developer guide, "Usage plans and API keys", 2023). Should it have two for one stage, the first counts.

use crate::model::{KeyId, Model, PlanId, StageId, UsagePlan};

/// Names the seat of one key in one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatId(pub u32);

/// All the seats.
#[derive(Clone, Debug)]
pub struct Plans {
    seats: Vec<(PlanId, KeyId)>,
    /// By key: the stages that it opens, and in which seat. Empty for a key that is switched off.
    opened: Vec<Vec<(StageId, SeatId)>>,
}

impl Plans {
    /// The seats of a model's plans.
    pub fn new(model: &Model) -> Self {
        let mut opened = vec![Vec::new(); model.keys.len()];
        for seat in seats(model) {
            let at = usize::from(seat.holder.1.0);
            if model.keys.get(at).is_some_and(|key| key.enabled) {
                opened[at].extend(seat.plan.stages.iter().map(|stage| (*stage, seat.id)));
            }
        }
        Self { seats: seats(model).map(|seat| seat.holder).collect(), opened }
    }

    /// The seat in which a key opens a stage; `None` if it is switched off, unknown, or in no plan of the stage.
    pub fn seat(&self, stage: StageId, key: KeyId) -> Option<SeatId> {
        let opened = self.opened.get(usize::from(key.0))?;
        opened.iter().find(|(open, _)| *open == stage).map(|(_, seat)| *seat)
    }

    /// Whose seat it is, and in which plan.
    pub fn holder(&self, seat: SeatId) -> Option<(PlanId, KeyId)> {
        self.seats.get(seat.0 as usize).copied()
    }

    /// The seat of a key in a plan, whether or not the key is switched on.
    pub fn seat_in(&self, plan: PlanId, key: KeyId) -> Option<SeatId> {
        self.seats.iter().position(|seat| *seat == (plan, key)).map(|at| SeatId(at as u32))
    }
}

/// The seat of one key in one plan.
pub(crate) struct Seat<'m> {
    pub(crate) id: SeatId,
    pub(crate) holder: (PlanId, KeyId),
    pub(crate) plan: &'m UsagePlan,
}

/// All seats in the order of their ids: plan by plan, within it key by key.
pub(crate) fn seats(model: &Model) -> impl Iterator<Item = Seat<'_>> {
    let plans = model.plans.iter().enumerate().map(|(at, plan)| (PlanId(at as u16), plan));
    let holders = plans.flat_map(|(id, plan)| plan.keys.iter().map(move |key| ((id, *key), plan)));
    holders.enumerate().map(|(at, (holder, plan))| Seat { id: SeatId(at as u32), holder, plan })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Api, ApiKey, ApiKind};

    fn plan(stages: &[u16], keys: &[u16]) -> UsagePlan {
        UsagePlan {
            name: String::new(),
            stages: stages.iter().map(|id| StageId(*id)).collect(),
            keys: keys.iter().map(|id| KeyId(*id)).collect(),
            throttle: None,
            route_throttles: Vec::new(),
            quota: None,
        }
    }

    fn plans(plans: Vec<UsagePlan>) -> Plans {
        let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["dev", "prod"], Vec::new());
        let key = |enabled| ApiKey { name: String::new(), value: String::new(), enabled };
        (model.plans, model.keys) = (plans, vec![key(true), key(true), key(false)]);
        Plans::new(&model)
    }

    #[test]
    fn a_key_opens_the_stages_of_its_plans_and_no_other() {
        let plans = plans(vec![plan(&[0], &[0, 1]), plan(&[1], &[0])]);
        let found = |stage, key| plans.seat(StageId(stage), KeyId(key)).and_then(|seat| plans.holder(seat));
        assert_eq!(found(0, 0), Some((PlanId(0), KeyId(0))));
        assert_eq!(found(1, 0), Some((PlanId(1), KeyId(0))));
        assert_eq!(found(0, 1), Some((PlanId(0), KeyId(1))));
        assert_eq!(found(1, 1), None);
        assert_eq!(found(0, 9), None);
    }

    #[test]
    fn a_key_that_is_switched_off_opens_nothing_but_keeps_its_seat() {
        let plans = plans(vec![plan(&[0], &[2])]);
        assert_eq!(plans.seat(StageId(0), KeyId(2)), None);
        assert_eq!(plans.seat_in(PlanId(0), KeyId(2)), Some(SeatId(0)));
    }

    #[test]
    fn of_two_plans_for_one_stage_the_first_counts() {
        let plans = plans(vec![plan(&[0, 1], &[0]), plan(&[0], &[0])]);
        assert_eq!(plans.seat(StageId(0), KeyId(0)), Some(SeatId(0)));
    }
}
