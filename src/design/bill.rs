//! A bill: what is paid for, at its prices.
//!
//! Owns the lines (one for each price), how a line's amount is shared by its parts, and the list of prices that are missing. Refuses to
//! know where quantities come from ([`meters`](super::meters)). Called by the scenarios beside it and by `command`.

use super::Item;
use super::meters::Meter;
use super::prices::{Missing, Prices, amount};
use crate::measure::cost::{BillRecord, LineRecord, PartCostRecord};

/// Whether the free tier is taken off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FreeTier {
    /// It is not.
    #[default]
    Ignored,
    /// It is: all of it, as if the account had nothing else.
    Taken,
}

/// A bill with the amount of each meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    /// As it is shown.
    pub record: BillRecord,
    /// What each meter comes to, in their order.
    pub amounts: Vec<f64>,
}

/// The bill for what these meters count, or every price that it would need and that is missing.
pub fn bill(meters: &[Meter], prices: &Prices, free_tier: FreeTier) -> Result<Bill, Vec<Missing>> {
    let mut missing = Vec::new();
    let mut amounts = vec![0.0; meters.len()];
    let mut record = BillRecord::default();
    for item in Item::all() {
        let own: Vec<usize> = (0..meters.len()).filter(|at| meters[*at].item == item && meters[*at].quantity() > 0.0).collect();
        if own.is_empty() {
            continue;
        }
        let Some(price) = prices.of(item) else {
            let needed_for = own.iter().map(|at| needs(&meters[*at])).collect::<Vec<_>>().join(", ");
            missing.push(Missing { item, needed_for });
            continue;
        };
        let quantity: f64 = own.iter().map(|at| meters[*at].quantity()).sum();
        let free = match free_tier {
            FreeTier::Ignored => 0.0,
            FreeTier::Taken => price.free.min(quantity),
        };
        let tiers = price.tiers(quantity, free);
        let total = amount(&tiers);
        let mut parts = Vec::new();
        for at in own {
            let meter = &meters[at];
            amounts[at] = total * meter.quantity() / quantity;
            let (of, factors) = (meter.of.clone(), meter.factors.clone());
            parts.push(PartCostRecord { of, factors, quantity: meter.quantity(), amount: amounts[at] });
        }
        let (what, unit) = item.words();
        record.total += total;
        record.unconfirmed += if price.confirmed { 0.0 } else { total };
        record.lines.push(LineRecord {
            price: item.key().to_owned(),
            what: what.to_owned(),
            unit: unit.to_owned(),
            parts,
            quantity,
            free,
            tiers,
            amount: total,
            confirmed: price.confirmed,
            source: format!("{}, {}", price.source, price.dated),
        });
    }
    if missing.is_empty() { Ok(Bill { record, amounts }) } else { Err(missing) }
}

/// What a meter needs its price for.
fn needs(meter: &Meter) -> String {
    match &meter.of {
        Some(of) => of.clone(),
        None => meter.item.words().0.to_owned(),
    }
}
