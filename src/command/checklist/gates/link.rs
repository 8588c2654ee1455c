//! A private link that loses its first target in the middle of the run, just after a look of the health check.
//!
//! Owns when the target is lost, how long the run must be for it, and counting by stretches of it. Refuses to judge.

use std::sync::Arc;

use hdrhistogram::Histogram;
use sluicegate_policy::model::{Down, LinkId, Model as Gateway, Serves, VpcLink};
use sluicegate_policy::time::{Instant, Span};

use super::super::variants::{Variants, times};
use super::series_of;
use crate::command::predict::Model;
use crate::command::script::Script;
use crate::command::simulate::network;
use crate::config::{Plan, Run};
use crate::design::checklist::Judged;
use crate::design::checklist::gates::{Held, LinkLost, Stretch};
use crate::load::traffic::Traffic;
use crate::measure::assumption::{Allowed, Assumption, Metric};
use crate::measure::channel::{HIGHEST_NS, growing};
use crate::measure::checklist::Measure;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::SeriesId;

/// At least so much of the run lies before the loss, and after it was noticed.
const QUIET: Span = Span::from_secs(10);
/// The target is lost so long after a look: as late as it can be noticed.
const AFTER_LOOK: Span = Span::from_ms(1);
/// Runs that would have to be longer are not simulated.
const LENGTH_MAX: Span = Span::from_secs(3_600);
/// Nor are those of more requests.
const REQUESTS_MAX: f64 = 2_000_000.0;

/// When what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Course {
    warmup: Span,
    lost: Span,
    noticed: Span,
    end: Span,
}

impl Course {
    /// Of a link whose run begins to count after the warm-up. Looks come after each interval, from the start of the run on.
    fn of(link: &VpcLink, warmup: Span) -> Option<Self> {
        let interval = link.check.interval.as_ns().max(1);
        let looks = (warmup.as_ns().checked_add(QUIET.as_ns())?).div_ceil(interval).max(1);
        let look = looks.checked_mul(interval)?;
        let noticed = look.checked_add(interval.checked_mul(u64::from(link.check.unhealthy_threshold))?)?;
        let lost = Span::from_ns(look) + AFTER_LOOK.min(Span::from_ns(interval / 2));
        let noticed = Span::from_ns(noticed);
        let end = noticed + QUIET.max(link.check.interval);
        (end <= LENGTH_MAX).then_some(Self { warmup, lost, noticed, end })
    }
}

/// What a loss comes to; of several links the first that is driven.
pub(super) fn judged(variants: &Variants<'_>, period: Span, budget: f64) -> Judged {
    let plan = variants.plan;
    let links = (0..plan.model.links.len()).map(|at| LinkId(at as u16));
    let mut driven = links.filter_map(|id| Some((id, driven(plan, id)?)));
    let Some((id, series)) = driven.next() else { return Err("no driven route goes through a private link".to_owned()) };
    let link = &plan.model.links[usize::from(id.0)];
    if link.targets.iter().any(|target| matches!(target.serves, Serves::Real(_))) {
        return Err(format!("a target of link {} is real: nothing is known of its times", link.name));
    }
    let Some(traffic) = &plan.traffic else { return Err("the traffic is not of requests".to_owned()) };
    let Some(course) = Course::of(link, plan.run.warmup) else {
        return Err(format!("link {} notices a lost target so late that an hour does not show it", link.name));
    };
    let script = Script::described(plan);
    let per_s = script.as_ref().and_then(Script::peak_per_s).unwrap_or(0.0);
    if per_s * course.end.as_secs_f64() * f64::from(variants.replications) > REQUESTS_MAX {
        return Err("the run would have too many requests: give a lower -R, or fewer --replications".to_owned());
    }
    let longer = Plan {
        run: Run { duration: course.end, ..plan.run.clone() },
        traffic: Some(Traffic { duration: course.end, ..traffic.clone() }),
        ..plan.clone()
    };
    simulated(variants, (&longer, course), (id, &series), (period, budget))
}

/// The series of a link's routes that are driven.
fn driven(plan: &Plan, id: LinkId) -> Option<Vec<SeriesId>> {
    let mix = &plan.traffic.as_ref()?.mix;
    let all = series_of(plan, |route| plan.model.link_of(route) == Some(id));
    let driven: Vec<SeriesId> = all.into_iter().filter(|series| mix.iter().any(|share| share.series == *series)).collect();
    (!driven.is_empty()).then_some(driven)
}

fn simulated(
    variants: &Variants<'_>,
    (plan, course): (&Plan, Course),
    (id, series): (LinkId, &[SeriesId]),
    (period, budget): (Span, f64),
) -> Judged {
    let Some(script) = Script::described(plan) else { return Err("the profile describes no traffic to simulate".to_owned()) };
    let play = |gateway: Gateway, ends: &[Span]| {
        let mut model = Model::of(plan, &script, network(plan));
        model.world.model = Arc::new(gateway.simulated());
        let replicas = model.simulated(0..variants.replications as usize, &|| Counted::of(series, course.warmup, ends));
        let intended: u64 = replicas.iter().map(|replica| replica.summary.intended).sum();
        variants.requests.set(variants.requests.get() + intended);
        let mut counted = replicas.into_iter().map(|replica| replica.recorded);
        let first = counted.next().unwrap_or_else(|| Counted::of(series, course.warmup, ends));
        counted.fold(first, Counted::with)
    };
    let gateway = plan.model.as_ref();
    let lost = play(with_loss(gateway, id, course.lost), &[course.lost, course.noticed, course.end]);
    let mut stretches = lost.stretches(["before the loss", "until it is noticed", "afterwards"], course.warmup);
    if gateway.links[usize::from(id.0)].cold_path.is_some() {
        let whole = |name, gateway| play(gateway, &[course.end]).stretches([name], course.warmup);
        stretches.extend(whole("whole run, nothing lost", without_loss(gateway, id)));
        stretches.extend(whole("the same without the cold path", warm(gateway, id)));
    }
    let link = &gateway.links[usize::from(id.0)];
    let before_s = course.lost.saturating_sub(course.warmup).as_secs_f64() * f64::from(variants.replications);
    let per_s = stretches.first().map_or(0.0, |it| it.requests as f64 / before_s.max(f64::MIN_POSITIVE));
    LinkLost {
        name: link.name.clone(),
        targets: link.targets.len(),
        noticed_after: Span::from_ns(link.check.interval.as_ns().saturating_mul(u64::from(link.check.unhealthy_threshold))),
        // Of one run, so that one loss is held against the budget.
        stretches: stretches.into_iter().map(|it| of_one(it, variants.replications)).collect(),
        budget,
        in_period: per_s * period.as_secs_f64(),
        held: lost.held(plan, series),
    }
    .judged()
}

fn of_one(stretch: Stretch, replications: u32) -> Stretch {
    let mean = |count: u64| (count as f64 / f64::from(replications)).round() as u64;
    Stretch { requests: mean(stretch.requests), failed: mean(stretch.failed), ..stretch }
}

/// Without any outage that the profile has itself.
fn without_loss(gateway: &Gateway, id: LinkId) -> Gateway {
    let mut changed = gateway.clone();
    for target in &mut changed.links[usize::from(id.0)].targets {
        if let Serves::Modelled(modelled) = &mut target.serves {
            modelled.down.clear();
        }
    }
    changed
}

/// The first target goes down for good.
fn with_loss(gateway: &Gateway, id: LinkId, lost: Span) -> Gateway {
    let mut changed = without_loss(gateway, id);
    if let Some(Serves::Modelled(first)) = changed.links[usize::from(id.0)].targets.first_mut().map(|target| &mut target.serves) {
        first.down = vec![Down { from: Instant::ZERO + lost, until: Instant::MAX }];
    }
    changed
}

fn warm(gateway: &Gateway, id: LinkId) -> Gateway {
    let mut changed = without_loss(gateway, id);
    changed.links[usize::from(id.0)].cold_path = None;
    changed
}

/// Counts the requests of a link by stretches of the run.
struct Counted {
    series: Vec<SeriesId>,
    from: Instant,
    stretches: Vec<Stretched>,
}

/// A stretch, and what was intended in it.
struct Stretched {
    end: Instant,
    requests: u64,
    failed: u64,
    times: Histogram<u64>,
}

impl Counted {
    fn of(series: &[SeriesId], from: Span, ends: &[Span]) -> Self {
        let stretch = |end: &Span| Stretched { end: Instant::ZERO + *end, requests: 0, failed: 0, times: growing() };
        Self { series: series.to_vec(), from: Instant::ZERO + from, stretches: ends.iter().map(stretch).collect() }
    }

    fn with(mut self, other: Self) -> Self {
        for (mine, theirs) in self.stretches.iter_mut().zip(other.stretches) {
            mine.requests += theirs.requests;
            mine.failed += theirs.failed;
            mine.times.add(&theirs.times).expect("histograms of one range that grow can be added");
        }
        self
    }

    fn stretches<const N: usize>(&self, names: [&str; N], from: Span) -> Vec<Stretch> {
        let mut from = from;
        let mut all = Vec::new();
        for (name, it) in names.into_iter().zip(&self.stretches) {
            let end = it.end.since(Instant::ZERO);
            let lasts = end.saturating_sub(from);
            let (requests, failed) = (it.requests, it.failed);
            all.push(Stretch { name: name.to_owned(), from, lasts, requests, failed, response: times(&it.times, 0) });
            from = end;
        }
        all
    }

    /// The profile's ceilings of these requests' latencies, as they are after the loss was noticed.
    fn held(&self, plan: &Plan, series: &[SeriesId]) -> Vec<Held> {
        let Some(after) = self.stretches.last() else { return Vec::new() };
        let held = |one: &Assumption| {
            let (Metric::Latency(quantile), Allowed::AtMost(limit)) = (one.metric, one.allowed) else { return None };
            one.series.filter(|of| series.contains(of))?;
            Some(Held { name: one.name.clone(), is_floor: false, limit, value: after.quantile(quantile), unit: Measure::Ns })
        };
        plan.expectations.iter().filter_map(held).collect()
    }
}

impl Stretched {
    /// What fails takes for ever.
    fn quantile(&self, quantile: f64) -> Option<f64> {
        let answered = self.times.len();
        let all = answered + self.failed;
        let rank = (quantile * all as f64).ceil().max(1.0);
        (all > 0 && rank <= answered as f64).then(|| self.times.value_at_quantile((rank - 0.5) / answered as f64) as f64)
    }
}

impl Record for Counted {
    fn on_sample(&mut self, sample: &Sample) {
        if sample.intended < self.from || !self.series.contains(&sample.series) {
            return;
        }
        let Some(stretch) = self.stretches.iter_mut().find(|stretch| sample.intended < stretch.end) else { return };
        if sample.status == 429 || sample.outcome == Outcome::Abandoned {
            return;
        }
        stretch.requests += 1;
        match sample.response_time().filter(|_| sample.outcome == Outcome::Answered && sample.status < 500) {
            Some(time) => {
                let ns = time.as_ns().min(HIGHEST_NS);
                stretch.times.record(ns).expect("a value up to 24 h fits into a histogram that grows");
            }
            None => stretch.failed += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_lost_just_after_a_look_and_noticed_after_as_many_as_the_threshold() {
        let link = VpcLink::new("stock", Vec::new());
        let secs = Span::from_secs;
        let course = Course::of(&link, secs(5)).unwrap();
        assert_eq!((course.lost, course.noticed), (secs(30) + Span::from_ms(1), secs(90)));
        let mut quick = link;
        quick.check.interval = secs(1);
        let course = Course::of(&quick, secs(2)).unwrap();
        assert_eq!((course.lost, course.noticed, course.end), (secs(12) + Span::from_ms(1), secs(14), secs(24)));
        quick.check.interval = secs(3_600);
        assert_eq!(Course::of(&quick, secs(2)), None);
    }
}
