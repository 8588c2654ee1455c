//! What a design costs: a month's bill with the way to each figure, scenarios, and break-evens.
//!
//! Owns the shape of the record. Refuses to compute (`design` does) and to format. Filled by `design` and `command`, read by `report`.
//!
//! Every amount can be followed: the quantity of a part is the product of its factors, that of a line the sum of its parts, and its
//! amount the sum over its tiers of quantity times price.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the format of a cost record.
pub const VERSION: u32 = 1;

/// What a design costs in a month of 730 hours.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CostRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// Path of the profile, as given.
    pub profile: String,
    /// The region of the profile.
    pub region: String,
    /// From where the prices are.
    pub prices: PricesRecord,
    /// How the simulated run became a month.
    pub scaled: ScaledRecord,
    /// The bill, with every part of it.
    pub bill: BillRecord,
    /// What of the bill belongs to which route; the rest is shared by all.
    pub routes: Vec<RouteCostRecord>,
    /// The same with other volumes, regions, and with and without a cache.
    pub growth: Vec<GrowthRecord>,
    /// HTTP API or REST API; absent of a WebSocket API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_or_rest: Option<HttpOrRestRecord>,
    /// What a response cache of each size comes to, of a REST API; beyond the first size that keeps everything none is tried.
    pub caches: Vec<CacheCostRecord>,
    /// What was assumed, and what changes it.
    pub assumed: Vec<AssumedRecord>,
    /// What costs money too, and is not in the bill.
    pub left_out: Vec<String>,
}

/// A file of prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PricesRecord {
    /// Its region.
    pub region: String,
    /// Its currency.
    pub currency: String,
    /// The day on which its oldest confirmed price was read.
    pub dated: String,
    /// The user's own file, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether the free tier is taken off.
    pub free_tier: bool,
}

/// How a simulated run became a month.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ScaledRecord {
    /// The seed.
    pub seed: u64,
    /// How often the run was simulated; counts below are means of these.
    pub replications: u32,
    /// The simulated time that was metered, without the warm-up, in seconds.
    pub metered_s: f64,
    /// Calls (over WebSocket handshakes and messages of clients) in that time, billed or not.
    pub calls: f64,
    /// Calls a month.
    pub calls_per_month: f64,
    /// How many times as much a month has as the metered time.
    pub times: f64,
    /// Whether the volume was said rather than taken from the profile's arrivals.
    pub said: bool,
}

/// What a run costs at its target, as the model has it: only what it would not cost without the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunCostRecord {
    /// What is paid for.
    pub bill: BillRecord,
    /// The day of the prices.
    pub dated: String,
}

/// A bill.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BillRecord {
    /// Its lines: one for each price that is needed.
    pub lines: Vec<LineRecord>,
    /// Their sum.
    pub total: f64,
    /// Of it, what rests on prices that no dated source confirms.
    pub unconfirmed: f64,
}

/// A line of a bill: everything that one price is paid for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineRecord {
    /// The key of the price.
    pub price: String,
    /// What is paid for.
    pub what: String,
    /// The unit of the quantities.
    pub unit: String,
    /// Where the quantity comes from.
    pub parts: Vec<PartCostRecord>,
    /// The sum of the parts.
    pub quantity: f64,
    /// Of it, what the free tier covers.
    pub free: f64,
    /// The rest, by the tiers that it falls into.
    pub tiers: Vec<TierRecord>,
    /// Amount a month.
    pub amount: f64,
    /// Whether a dated source confirms the price.
    pub confirmed: bool,
    /// Where the price is from, with its date.
    pub source: String,
}

/// Part of a line: a quantity and how it comes about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartCostRecord {
    /// Of what: a function, a cache, a log; absent if the line has but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The quantity is their product.
    pub factors: Vec<FactorRecord>,
    /// The quantity.
    pub quantity: f64,
    /// Its share of the line's amount.
    pub amount: f64,
}

/// A factor of a quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactorRecord {
    /// Its value.
    pub value: f64,
    /// What it is, with its unit.
    pub what: String,
}

/// What of a line falls into one tier.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TierRecord {
    /// So much of the quantity.
    pub quantity: f64,
    /// The price of `per` units.
    pub price: f64,
    /// For so many units.
    pub per: f64,
}

/// What of a bill belongs to a route.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RouteCostRecord {
    /// Its key; absent of what belongs to no route, or to all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Calls a month.
    pub calls: f64,
    /// Of these, the share that is refused without being billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_share: Option<f64>,
    /// Of these, the share that the response cache answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit_share: Option<f64>,
    /// What the gateway asks for them.
    pub gateway: f64,
    /// What functions cost for them.
    pub functions: f64,
    /// Everything else: transfer, logs, load balancers.
    pub others: f64,
    /// All of it.
    pub total: f64,
}

/// One scenario of growth.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct GrowthRecord {
    /// How many times the volume.
    pub volume: f64,
    /// In so many regions, which share it evenly.
    pub regions: u32,
    /// The cache that it has.
    pub caching: String,
    /// Calls a month, of all regions together.
    pub calls: f64,
    /// Amount a month, of all regions together.
    pub total: f64,
    /// Amount for a million calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_million: Option<f64>,
    /// The first limit of the gateway that this volume would go beyond; with it, the amount is that of a limit that was raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
}

/// HTTP API against REST API, for the same calls.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HttpOrRestRecord {
    /// Billed calls a month.
    pub calls: f64,
    /// Steps in which an HTTP API meters a call, in the mean.
    pub steps_per_call: f64,
    /// What an HTTP API asks for them.
    pub http: f64,
    /// What a REST API asks for them.
    pub rest: f64,
    /// An HTTP API is the cheaper one as long as a call has at most so many steps.
    pub http_up_to_steps: u64,
    /// Bytes of a step.
    pub step_bytes: u64,
}

/// A response cache of one size.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CacheCostRecord {
    /// Its size, in the provider's GB.
    pub gb: f64,
    /// What its hours cost.
    pub hours: f64,
    /// Share of all calls that it answers.
    pub hit_share: f64,
    /// What it saves behind the gateway; below zero if it costs more there.
    pub saved: f64,
    /// The whole bill with it.
    pub total: f64,
    /// From so many calls a month it pays, at this share; absent if at no volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pays_from_calls: Option<f64>,
}

/// Something that was assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AssumedRecord {
    /// What.
    pub what: String,
    /// The flag that says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
}
