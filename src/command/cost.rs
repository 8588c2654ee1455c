//! `sluicegate cost`: what a design costs a month.
//!
//! Owns what is simulated for it: the profile as it is, and a REST API's stage with and without its cache. Refuses to compute (`design`) and
//! to format (`report`). All designs have the same traffic and the same chances of the gateway, so that their differences are their own.

use std::fs;
use std::path::Path;

use sluicegate_policy::model::{ApiKind, Cache, Model as Gateway};
use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::failure::Failure;
use super::metering::{Bought, Month, Simulated, simulated};
use super::script::Script;
use super::{flags, profile, terminal};
use crate::cli::{Cost, OutputFormat, Processor};
use crate::config::{self, Plan};
use crate::design::bill::FreeTier;
use crate::design::break_even::{self, Billed};
use crate::design::growth::{Design, growth};
use crate::design::meters::{Architecture, Assumptions, Basis};
use crate::design::prices::{Missing, Prices, PricesError};
use crate::design::{cached, routes};
use crate::measure::cost::{AssumedRecord, CacheCostRecord, CostRecord, PricesRecord, ScaledRecord, VERSION};
use crate::report::{self, quantity};

/// Sizes of a response cache.
const CACHE_SIZES: u8 = crate::design::CACHE_GB.len() as u8;
/// A larger cache that answers no larger a share than this keeps nothing more.
const SHARE_MIN: f64 = 1e-4;

/// What is asked, with everything that does not change from design to design.
struct Question<'a> {
    asked: &'a Cost,
    plan: &'a Plan,
    script: &'a Script,
    prices: Prices,
    free_tier: FreeTier,
    assumptions: Assumptions,
}

/// A design with its bill.
struct Costed {
    simulated: Simulated,
    month: Month,
}

/// What a response cache comes to.
#[derive(Default)]
struct Caches {
    /// By size.
    records: Vec<CacheCostRecord>,
    /// What stands beside the profile's own design, by the name of its cache.
    beside: Option<(&'static str, Costed)>,
    /// Requests that were simulated for all of them.
    requests: u64,
    /// What is not known for want of a price.
    unpriced: Option<String>,
}

/// Shows what a design costs; the exit code. Standard output is the same to the byte for the same seed.
pub(super) fn cost(asked: &Cost) -> Result<u8, Failure> {
    let prices = prices(asked.prices.as_deref())?;
    let overrides = flags::of_load(&asked.load, config::Script::Described)?;
    let plan = config::load(&asked.profile, &overrides, &[]).map_err(profile::failure)?;
    let name = asked.profile.display();
    let script =
        Script::described(&plan).ok_or_else(|| Failure::usage(format!("{name}: it describes no traffic; add `traffic`")))?;
    if plan.run.warmup >= plan.run.duration {
        return Err(Failure::usage(format!("{name}: nothing is left of the run after its warm-up; give -d or --warmup")));
    }
    let free_tier = if asked.free_tier { FreeTier::Taken } else { FreeTier::Ignored };
    let question = Question { asked, plan: &plan, script: &script, prices, free_tier, assumptions: assumptions(asked) };
    let clock = Clock::starting_now();
    let (record, requests) = question.answered()?;
    if !asked.quiet {
        let took = quantity::duration_ns(clock.now().as_ns());
        terminal::tell(&format!("simulated {} in {took}\n", quantity::counted(requests, "request")));
    }
    match asked.format {
        OutputFormat::Text => terminal::print(report::cost::text(&record, terminal::look(), asked.explain))?,
        OutputFormat::Json => {
            terminal::print(report::cost::json(&record).map_err(|error| Failure::broken("writing the record", error))?)?;
        }
    }
    Ok(0)
}

/// The user's own prices, or those that come along.
pub(super) fn prices(file: Option<&Path>) -> Result<Prices, Failure> {
    let Some(file) = file else { return Ok(Prices::built_in()) };
    let name = file.display().to_string();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{name}: the prices cannot be read ({error}); name a YAML file")))?;
    Prices::read(&text, &name).map_err(Failure::usage)
}

const fn assumptions(asked: &Cost) -> Assumptions {
    Assumptions {
        architecture: match asked.architecture {
            Processor::X86 => Architecture::X86,
            Processor::Arm64 => Architecture::Arm,
        },
        answer_bytes: asked.answer_size,
        head_bytes: asked.head_size,
        function_log_bytes: asked.function_log_size,
        execution_log_bytes: asked.execution_log_size,
        authorizer_mb: asked.authorizer_memory,
    }
}

impl Question<'_> {
    /// The record, and how many requests were simulated for it.
    fn answered(&self) -> Result<(CostRecord, u64), Failure> {
        let base = self.costed(self.plan.model.as_ref().clone()).map_err(|missing| self.holes(missing))?;
        let Caches { records: caches, beside, mut requests, unpriced } = self.caches();
        let basis = base.basis(self);
        if basis.calls() <= 0.0 {
            let why = "in the simulated time no call reaches the gateway: nothing can be scaled to a month; give a longer -d or a higher -R";
            return Err(Failure::usage(format!("{}: {why}", self.asked.profile.display())));
        }
        let mut designs = vec![self.design(&base, self.caching())];
        designs.extend(beside.as_ref().map(|(caching, costed)| self.design(costed, caching)));
        let (asked, prices) = (self.asked, (&self.prices, self.free_tier));
        let growth = growth(&designs, &asked.volumes, &asked.regions, prices).map_err(|missing| self.holes(missing))?;
        requests += base.simulated.requests;
        let http_or_rest = break_even::http_or_rest(&basis, &self.prices);
        let open = self.plan.model.api_of(self.plan.stage).kind != ApiKind::WebSocket && http_or_rest.is_none();
        let open = open.then(|| "whether an HTTP or a REST API is the cheaper one: the prices have not both".to_owned());
        let record = CostRecord {
            version: VERSION,
            sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
            profile: asked.profile.display().to_string(),
            region: self.plan.model.region.clone(),
            prices: priced(&self.prices, asked.prices.as_deref(), self.free_tier),
            scaled: self.scaled(&base),
            bill: base.month.bill.record.clone(),
            routes: routes::of_routes(&basis, &base.month.counted.meters, &base.month.bill),
            growth,
            http_or_rest,
            caches,
            assumed: [self.doubts(&base), base.month.counted.assumed.clone()].concat(),
            left_out: base.month.counted.left_out.iter().cloned().chain(unpriced).chain(open).collect(),
        };
        Ok((record, requests))
    }

    fn costed(&self, gateway: Gateway) -> Result<Costed, Vec<Missing>> {
        let replications = self.asked.replications;
        let (from, steps) = (self.plan.run.warmup, self.prices.steps);
        let simulated = simulated(self.plan, self.script, gateway, (from, steps), replications);
        let calls = self.asked.calls;
        let bought = Bought { prices: &self.prices, free_tier: self.free_tier, assumptions: &self.assumptions, calls };
        let month = simulated.month(self.plan.stage, replications, &bought)?;
        Ok(Costed { simulated, month })
    }

    /// What caches of each size come to; and the design to set beside the profile's own: without its cache, or with the smallest if it has
    /// none. Of what has no cache at all there is nothing.
    fn caches(&self) -> Caches {
        let (own, stage) = (self.plan.model.as_ref(), self.plan.stage);
        if !cached::may_cache(own, stage) {
            return Caches::default();
        }
        // It needs no price that the profile's own design does not need.
        let Ok(without) = self.costed(cached::without_cache(own, stage)) else { return Caches::default() };
        let mut requests = without.simulated.requests;
        let basis = without.basis(self);
        let bare = Billed { basis: &basis, meters: &without.month.counted.meters, bill: &without.month.bill };
        let mut records: Vec<CacheCostRecord> = Vec::new();
        let (mut smallest, mut unpriced) = (None, None);
        for size in 0..CACHE_SIZES {
            let with = match self.costed(cached::with_cache(own, stage, size)) {
                Ok(with) => with,
                Err(missing) => {
                    let keys = missing.iter().map(|one| one.item.key()).collect::<Vec<_>>().join(", ");
                    unpriced = Some(format!("what a larger response cache comes to: there is no price {keys}"));
                    break;
                }
            };
            requests += with.simulated.requests;
            let basis = with.basis(self);
            let record = break_even::cache(
                size,
                Billed { basis: &basis, meters: &with.month.counted.meters, bill: &with.month.bill },
                bare,
            );
            let keeps_no_more = records.last().is_some_and(|last| record.hit_share <= last.hit_share + SHARE_MIN);
            records.push(record);
            smallest.get_or_insert(with);
            if keeps_no_more {
                break;
            }
        }
        let has_one = own.stages[usize::from(stage.0)].cache.is_some();
        let beside = if has_one { Some(("no cache", without)) } else { smallest.map(|it| ("0.5 GB", it)) };
        Caches { records, beside, requests, unpriced }
    }

    /// What cache the profile has.
    fn caching(&self) -> &'static str {
        let cache = self.plan.model.stages[usize::from(self.plan.stage.0)].cache.as_ref();
        cache.map_or("no cache", |_| "as it is")
    }

    fn design(&self, costed: &Costed, caching: &str) -> Design {
        let basis = costed.basis(self);
        Design {
            caching: caching.to_owned(),
            counted: costed.month.counted.clone(),
            calls: basis.calls() * basis.times,
            limits: costed.simulated.limits.clone(),
        }
    }

    fn holes(&self, missing: Vec<Missing>) -> Failure {
        let file =
            self.asked.prices.as_ref().map_or_else(|| "the prices that come along".to_owned(), |file| file.display().to_string());
        Failure::usage(PricesError::Holes { file, missing })
    }

    fn scaled(&self, base: &Costed) -> ScaledRecord {
        let basis = base.basis(self);
        ScaledRecord {
            seed: self.plan.run.seed.root(),
            replications: self.asked.replications,
            metered_s: base.simulated.metered.stretch().as_secs_f64(),
            calls: basis.calls(),
            calls_per_month: basis.calls() * basis.times,
            times: basis.times,
            said: self.asked.calls.is_some(),
        }
    }

    /// Where the simulated run says less than a month would.
    fn doubts(&self, base: &Costed) -> Vec<AssumedRecord> {
        let mut doubts = Vec::new();
        let mut doubt = |what: String, flag: Option<&str>| doubts.push(AssumedRecord { what, flag: flag.map(str::to_owned) });
        let model = &base.simulated.gateway;
        if self.prices.region != model.region {
            doubt(format!("the prices of {} hold in {}, too", self.prices.region, model.region), Some("--prices"));
        }
        let stretch = base.simulated.metered.stretch();
        if longest_kept(model).is_some_and(|kept| kept > stretch) {
            doubt("answers are kept for longer than the metered time, so that a month has more of them from the cache than is counted here".to_owned(), Some("--duration"));
        }
        if self.asked.calls.is_some() {
            doubt(
                "what is refused, cached or cold of the calls that were said is as much as at the profile's own rate".to_owned(),
                Some("--rate"),
            );
        }
        if !(model.drops.is_empty() && model.moves.is_empty()) {
            doubt("what the profile lets happen once in a run (drops of connections, moves of stages) happens as often in all of the month".to_owned(), None);
        }
        let kind = model.api_of(self.plan.stage).kind;
        if kind == ApiKind::Rest && model.stages[usize::from(self.plan.stage.0)].cache.is_none() {
            doubt("a cache that the profile does not have would keep answers to GET for 300 s, and take requests that differ in their query alone for the same".to_owned(), None);
        }
        if base.simulated.unpredicted > 0 {
            doubt("what the model does not predict (real functions, services and back ends without a `duration`) answers at once, and nobody knows what".to_owned(), Some("--answer-size"));
        }
        doubts
    }
}

impl Costed {
    fn basis(&self, question: &Question<'_>) -> Basis<'_> {
        self.simulated.basis(question.plan.stage, question.asked.replications, self.month.times)
    }
}

/// Prices as a record has them.
pub(super) fn priced(prices: &Prices, file: Option<&Path>, free_tier: FreeTier) -> PricesRecord {
    PricesRecord {
        region: prices.region.clone(),
        currency: prices.currency.clone(),
        dated: prices.dated(),
        file: file.map(|file| file.display().to_string()),
        free_tier: free_tier == FreeTier::Taken,
    }
}

/// How long the answers of any cache are kept at most.
fn longest_kept(model: &Gateway) -> Option<Span> {
    let kept = |cache: &Cache| match cache {
        Cache::Off => None,
        Cache::For(ttl) => Some(*ttl),
    };
    let caches = model.stages.iter().filter_map(|stage| stage.cache.as_ref());
    caches.flat_map(|cache| std::iter::once(&cache.default).chain(cache.routes.iter().map(|(_, own)| own))).filter_map(kept).max()
}
