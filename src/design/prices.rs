//! Prices: a dated file with sources, read and proven.
//!
//! Owns the file's language, the prices that come along (`us-east-1`), what a quantity comes to over tiers, and what is said of a file
//! with holes. Refuses files (text comes in) and to know what is bought. Called by `command`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Item;
use crate::measure::cost::TierRecord;

/// The file that comes along.
const BUILT_IN: &str = include_str!("prices/us-east-1.yaml");
/// Its region, which another file may lie over.
pub const BUILT_IN_REGION: &str = "us-east-1";
/// A key that differs in more letters is not meant.
const LETTERS_MAX: usize = 4;

/// Prices of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// The provider's name of the region.
    pub region: String,
    /// The currency of all amounts.
    pub currency: String,
    /// In what steps lengths are metered.
    pub steps: Steps,
    each: BTreeMap<Item, Price>,
}

/// In what steps lengths are metered, in bytes; each above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Of a request to an HTTP API.
    pub http_request: u64,
    /// Of a WebSocket message.
    pub websocket_message: u64,
    /// Of an answer that a REST API streams.
    pub rest_stream: u64,
}

/// What something costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    per: f64,
    /// Where each tier ends, and its price for `per` units; the last has no end.
    tiers: Vec<(f64, f64)>,
    /// Units a month that the free tier covers.
    pub free: f64,
    /// Whether a dated source confirms it.
    pub confirmed: bool,
    /// Where it is from.
    pub source: String,
    /// When it was read there.
    pub dated: String,
}

/// A price that is needed and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub item: Item,
    /// What needs it.
    pub needed_for: String,
}

/// Why there are no prices.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// It is no file of prices.
    #[error("{file}: this is no file of prices: {why}")]
    Unreadable {
        /// Which file.
        file: String,
        /// Why not, with the place.
        why: String,
    },
    /// Something in it is wrong.
    #[error("{file}: {key}: {why}")]
    Wrong {
        /// Which file.
        file: String,
        /// Which key.
        key: String,
        /// What is wrong, and what would work.
        why: String,
    },
    /// It has holes.
    #[error("{file}: {} missing\n{}\nadd what is missing below `prices`, or lay the file over the prices that come along: over: us-east-1",
        counted(missing.len()), listed(missing))]
    Holes {
        /// Which file.
        file: String,
        /// Every price that is needed and is not there.
        missing: Vec<Missing>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrices {
    over: Option<String>,
    region: String,
    currency: Option<String>,
    metering: Option<Steps>,
    #[serde(default)]
    prices: BTreeMap<String, RawPrice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    per: f64,
    tiers: Vec<RawTier>,
    #[serde(default)]
    free: f64,
    /// How long the provider grants it: for readers.
    #[serde(default)]
    #[allow(dead_code, reason = "it stands in the file for whoever reads that")]
    free_for: Option<String>,
    source: String,
    dated: String,
    #[serde(default)]
    confirmed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier {
    up_to: Option<f64>,
    price: f64,
}

impl Prices {
    /// The prices that come along.
    ///
    /// Panics if that file is none: a test reads it.
    pub fn built_in() -> Self {
        let raw: RawPrices = serde_saphyr::from_str(BUILT_IN).expect("the file that comes along is read by a test");
        let steps = raw.metering.expect("the file that comes along has the steps");
        let none = Self { region: String::new(), currency: "USD".to_owned(), steps, each: BTreeMap::new() };
        none.with(raw, BUILT_IN_REGION).expect("the file that comes along is proven by a test")
    }

    /// The prices of a user's file, which `file` names in errors.
    pub fn read(text: &str, file: &str) -> Result<Self, PricesError> {
        let raw: RawPrices = serde_saphyr::from_str(text)
            .map_err(|error| PricesError::Unreadable { file: file.to_owned(), why: error.to_string() })?;
        let built_in = Self::built_in();
        let under = match raw.over.as_deref() {
            Some(BUILT_IN_REGION) => built_in,
            Some(other) => {
                let why = format!("no prices of {other:?} come along; write {BUILT_IN_REGION}, or leave it out");
                return Err(PricesError::Wrong { file: file.to_owned(), key: "over".to_owned(), why });
            }
            // How lengths are metered is the provider's and not the region's.
            None => Self { each: BTreeMap::new(), ..built_in },
        };
        under.with(raw, file)
    }

    fn with(mut self, raw: RawPrices, file: &str) -> Result<Self, PricesError> {
        let wrong = |key: &str, why: String| PricesError::Wrong { file: file.to_owned(), key: key.to_owned(), why };
        if let Some(steps) = raw.metering {
            if [steps.http_request, steps.websocket_message, steps.rest_stream].contains(&0) {
                return Err(wrong("metering", "a step has at least one byte".to_owned()));
            }
            self.steps = steps;
        }
        self.region = raw.region;
        self.currency = raw.currency.unwrap_or(self.currency);
        for (key, price) in raw.prices {
            let item = Item::named(&key).ok_or_else(|| wrong(&format!("prices.{key}"), unknown(&key)))?;
            let price = Price::proven(price).map_err(|why| wrong(&format!("prices.{key}"), why))?;
            self.each.insert(item, price);
        }
        Ok(self)
    }

    /// The price of an item, if there is one.
    pub fn of(&self, item: Item) -> Option<&Price> {
        self.each.get(&item)
    }

    /// The earliest day on which a confirmed price of the file was read; empty if none is confirmed.
    pub fn dated(&self) -> String {
        let confirmed = self.each.values().filter(|price| price.confirmed);
        confirmed.map(|price| price.dated.as_str()).min().unwrap_or_default().to_owned()
    }
}

impl Price {
    fn proven(raw: RawPrice) -> Result<Self, String> {
        let RawPrice { per, tiers, free, source, dated, confirmed, free_for: _ } = raw;
        if !(per.is_finite() && per > 0.0) {
            return Err(format!("per: {per} units have no price; write a number above zero, e.g. 1000000"));
        }
        if !(free.is_finite() && free >= 0.0) {
            return Err(format!("free: {free} is no quantity; write a number from zero on"));
        }
        let mut proven: Vec<(f64, f64)> = Vec::new();
        for (at, RawTier { up_to, price }) in tiers.iter().enumerate() {
            if !(price.is_finite() && *price >= 0.0) {
                return Err(format!("tiers: {price} is no price; write a number from zero on"));
            }
            let is_last = at + 1 == tiers.len();
            let end = match up_to {
                None if is_last => f64::INFINITY,
                Some(end) if !is_last && end.is_finite() && *end > proven.last().map_or(0.0, |(end, _)| *end) => *end,
                None | Some(_) => {
                    return Err("tiers: each but the last has an `up_to` above the one before, and the last has none".to_owned());
                }
            };
            proven.push((end, *price));
        }
        if proven.is_empty() {
            return Err("tiers: there is none; write e.g. [{ price: 1.00 }]".to_owned());
        }
        Ok(Self { per, tiers: proven, free, confirmed, source, dated })
    }

    /// What of a quantity falls into which tier, when the first `free` of it cost nothing. The amount is the sum of quantity times price
    /// over `per`.
    pub fn tiers(&self, quantity: f64, free: f64) -> Vec<TierRecord> {
        let mut from = 0.0;
        let mut found = Vec::new();
        for (end, price) in &self.tiers {
            let within = quantity.min(*end) - free.max(from);
            if within > 0.0 {
                found.push(TierRecord { quantity: within, price: *price, per: self.per });
            }
            from = *end;
        }
        found
    }

    /// The amount of a quantity, in the currency of the file.
    pub fn amount(&self, quantity: f64, free: f64) -> f64 {
        amount(&self.tiers(quantity, free))
    }
}

/// The amount of a quantity that falls into these tiers.
pub fn amount(tiers: &[TierRecord]) -> f64 {
    tiers.iter().map(|tier| tier.quantity * tier.price / tier.per).sum()
}

fn unknown(key: &str) -> String {
    let near = Item::all().map(|item| (strsim::damerau_levenshtein(key, item.key()), item.key())).min();
    match near {
        Some((letters, meant)) if letters <= LETTERS_MAX => format!("there is no price of this name; did you mean `{meant}`?"),
        Some(_) | None => {
            let all: Vec<&str> = Item::all().map(Item::key).collect();
            format!("there is no price of this name; there are {}", all.join(", "))
        }
    }
}

fn counted(missing: usize) -> String {
    if missing == 1 { "a price is".to_owned() } else { format!("{missing} prices are") }
}

fn listed(missing: &[Missing]) -> String {
    let line = |one: &Missing| {
        let (what, unit) = one.item.words();
        format!("  {}: {what}, in {unit}; needed for {}", one.item.key(), one.needed_for)
    };
    missing.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
