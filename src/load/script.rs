//! The script of described traffic: from a seed, every action with the nanosecond at which it is intended.
//!
//! Owns which session does what. Refuses to wait, to send, and to make bytes. Called by `sim` and by every lane of `engine`;
//! each plays the sessions of its [`Share`], and the union does not depend on how many shares there are.
//!
//! An open plan has one session for each arrival, numbered in order (the number wraps after 2^32; draws are keyed by the whole
//! number). A closed plan has one session for each user. Nothing is stored but the state of the arrival process.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use super::arrivals::ArrivalStream;
use super::traffic::{Pace, Traffic};
use super::{Ended, Feedback, Share, Source};
use crate::traffic::catalog::TemplateId;
use crate::traffic::{Action, Due, Request, SeriesId, Step, What};

/// The steps of `traffic` that `share` plays.
pub fn script(traffic: &Traffic, share: Share) -> Box<dyn Source> {
    let requests = Requests::new(traffic);
    match &traffic.pace {
        Pace::Open(arrivals) => {
            let arrivals = ArrivalStream::new(arrivals, traffic.duration, traffic.seed.child("arrivals"));
            Box::new(Open { arrivals, share, requests, arrived: 0 })
        }
        Pace::Closed { users, think, ramp_up } => Box::new(Closed {
            users: *users,
            think: think.clone(),
            thinking: traffic.seed.child("think"),
            ramp_up: *ramp_up,
            end: Instant::ZERO + traffic.duration,
            share,
            requests,
            started: 0,
        }),
    }
}

/// Arrivals come as planned.
struct Open {
    arrivals: ArrivalStream,
    share: Share,
    requests: Requests,
    arrived: u64,
}

impl Source for Open {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        match feedback {
            Feedback::Ended(_) => None,
            Feedback::Idle => loop {
                let at = self.arrivals.next()?;
                let number = self.arrived;
                self.arrived += 1;
                let session = number as u32;
                if self.share.plays(session) {
                    let request = self.requests.of_arrival(number);
                    return Some(Step { session, seq: 0, attempt: 0, due: Due::At(at), action: Action::Request(request) });
                }
            },
        }
    }
}

/// Users ask, wait, think, and ask again.
struct Closed {
    users: u32,
    think: Latency,
    thinking: Seed,
    ramp_up: Span,
    end: Instant,
    share: Share,
    requests: Requests,
    started: u32,
}

impl Source for Closed {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        match feedback {
            Feedback::Idle => self.next_user(),
            Feedback::Ended(Ended { session, seq, at, .. }) => {
                let seq = seq.checked_add(1)?;
                let think = self.think.at(self.thinking.nth(u64::from(session)).unit(u64::from(seq)));
                (at + think < self.end).then(|| self.step(session, seq, Due::After(think)))
            }
        }
    }
}

impl Closed {
    fn next_user(&mut self) -> Option<Step> {
        let user = (self.started..self.users).find(|user| self.share.plays(*user))?;
        self.started = user + 1;
        let after = u128::from(self.ramp_up.as_ns()) * u128::from(user) / u128::from(self.users);
        let at = Instant::from_ns(after as u64);
        (at < self.end).then(|| self.step(user, 0, Due::At(at)))
    }

    fn step(&self, user: u32, seq: u32, due: Due) -> Step {
        Step { session: user, seq, attempt: 0, due, action: Action::Request(self.requests.of_user(user, seq)) }
    }
}

/// What is asked, drawn by session and step.
struct Requests {
    mix: Vec<Choice>,
    total: u64,
    choices: Seed,
    identities: u32,
    identity: Seed,
    keys: Seed,
}

/// An entry of the mix, with the sum of the weights up to it.
struct Choice {
    below: u64,
    template: TemplateId,
    series: SeriesId,
}

impl Requests {
    fn new(traffic: &Traffic) -> Self {
        let mut total = 0;
        let mix = traffic.mix.iter().map(|share| {
            total += u64::from(share.weight);
            Choice { below: total, template: share.template, series: share.series }
        });
        let mix = mix.collect();
        let seed = traffic.seed;
        let (choices, identity, keys) = (seed.child("mix"), seed.child("identity"), seed.child("content"));
        Self { mix, total, choices, identities: traffic.identities, identity, keys }
    }

    fn of_arrival(&self, number: u64) -> Request {
        self.request(self.choices.draw(number), self.identity.draw(number), self.keys.draw(number))
    }

    /// A user keeps the identity.
    fn of_user(&self, user: u32, seq: u32) -> Request {
        let (user, seq) = (u64::from(user), u64::from(seq));
        self.request(self.choices.nth(user).draw(seq), self.identity.draw(user), self.keys.nth(user).draw(seq))
    }

    fn request(&self, choice: u64, identity: u64, key: u64) -> Request {
        let ticket = share_of(choice, self.total);
        let chosen = self.mix.iter().find(|entry| ticket < entry.below).expect("a proven mix is not empty and has weights");
        let what = What::Described { template: chosen.template, key };
        Request { series: chosen.series, identity: share_of(identity, u64::from(self.identities)) as u32, what }
    }
}

/// 64 uniform bits as a number below `n`.
pub(super) fn share_of(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::super::traffic::{Arrivals, Piece, Share as MixShare, Spacing};
    use super::*;
    use crate::load::hash::ScriptHash;
    use proptest::prelude::*;
    use sluicegate_policy::call::Blame;
    use sluicegate_policy::model::PerSecond;

    fn traffic(pace: Pace, secs: u64, seed: u64) -> Traffic {
        let mix = [(0, 9), (1, 1)].map(|(id, weight)| MixShare { template: TemplateId(id), series: SeriesId(id), weight });
        Traffic { seed: Seed::new(seed), duration: Span::from_secs(secs), identities: 50, mix: mix.to_vec(), pace }
    }

    fn open(tokens: u64, spacing: Spacing) -> Pace {
        let rate = PerSecond { tokens, per: Span::from_secs(1) };
        Pace::Open(Arrivals { pieces: vec![Piece { from: rate, to: rate, length: Span::from_secs(1) }], spacing })
    }

    fn closed(users: u32, think: Span, ramp_up: Span) -> Pace {
        Pace::Closed { users, think: Latency::constant(think), ramp_up }
    }

    fn planned(traffic: &Traffic, share: Share) -> Vec<Step> {
        let mut source = script(traffic, share);
        std::iter::from_fn(|| source.next(Feedback::Idle)).collect()
    }

    /// The first step of a session has its answer.
    fn answered(session: u32, at: Instant, request: &Request) -> Ended<'_> {
        Ended { session, seq: 0, attempt: 0, at, status: 200, fault: Blame::Nobody, request }
    }

    fn due(step: &Step) -> Due {
        step.due
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_union_of_all_shares_is_the_script_whatever_their_number(seed in any::<u64>(), poisson in any::<bool>()) {
            let spacing = if poisson { Spacing::Poisson } else { Spacing::Even };
            let paces = [open(300, spacing), closed(200, Span::from_ms(5), Span::from_secs(1))];
            for plan in paces.map(|pace| traffic(pace, 2, seed)) {
                let whole = planned(&plan, Share::ALL);
                let hash: ScriptHash = whole.iter().collect();
                for of in [1, 2, 3, 7] {
                    let mut lanes: Vec<Vec<Step>> = (0..of).map(|index| planned(&plan, Share { index, of })).collect();
                    let mut union = ScriptHash::default();
                    for lane in &lanes {
                        union.merge(lane.iter().collect());
                    }
                    prop_assert_eq!(union, hash);
                    let mut all: Vec<Step> = lanes.drain(..).flatten().collect();
                    all.sort_by_key(|step| step.session);
                    prop_assert_eq!(format!("{all:?}"), format!("{whole:?}"));
                }
            }
        }
    }

    #[test]
    fn the_mix_and_the_identities_are_drawn_as_weighted() {
        let steps = planned(&traffic(open(10_000, Spacing::Even), 2, 5), Share::ALL);
        let request = |step: &Step| {
            let Action::Request(request) = &step.action;
            (request.series, request.identity)
        };
        let rare = steps.iter().filter(|step| request(step).0 == SeriesId(1)).count();
        assert!((1_850..2_150).contains(&rare), "{rare}");
        let mut seen: Vec<u32> = steps.iter().map(|step| request(step).1).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn another_seed_is_another_script() {
        let hash = |seed| planned(&traffic(open(100, Spacing::Even), 1, seed), Share::ALL).iter().collect::<ScriptHash>();
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn users_start_evenly_over_the_ramp_and_think_between_steps() {
        let plan = traffic(closed(4, Span::from_ms(30), Span::from_secs(1)), 10, 1);
        let steps = planned(&plan, Share::ALL);
        let starts: Vec<Due> = steps.iter().map(due).collect();
        assert_eq!(starts, [0, 250, 500, 750].map(|ms| Due::At(Instant::ZERO + Span::from_ms(ms))));
        let mut source = script(&plan, Share::ALL);
        let Action::Request(request) = &steps[2].action;
        let ended = |at| Feedback::Ended(answered(2, Instant::ZERO + at, request));
        let next = source.next(ended(Span::from_secs(1))).unwrap();
        assert_eq!((next.session, next.seq, next.due), (2, 1, Due::After(Span::from_ms(30))));
        assert!(source.next(ended(Span::from_ms(9_970))).is_none(), "it would come at the end of the plan");
    }

    #[test]
    fn an_open_session_has_one_step() {
        let mut source = script(&traffic(open(10, Spacing::Even), 1, 1), Share::ALL);
        let first = source.next(Feedback::Idle).unwrap();
        let Action::Request(request) = &first.action;
        assert!(source.next(Feedback::Ended(answered(0, Instant::ZERO, request))).is_none());
        assert_eq!(source.next(Feedback::Idle).map(|step| step.session), Some(1), "feedback takes nothing from the plan");
    }
}
