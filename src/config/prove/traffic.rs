//! The traffic section: mix, pace and identities together.
//!
//! Owns that traffic is either open or closed. Refuses the parts' own rules (`mix`, `arrivals`). Called by `prove::plan`.

use super::{Known, arrivals, filled, mix, run};
use crate::config::raw::traffic::Traffic as Raw;
use crate::config::reader::{At, Reader};
use crate::config::value::Count;
use crate::load::traffic::{Pace, Traffic};
use crate::traffic::Catalog;

/// What the section is proven into; without described traffic only the catalog of routes.
pub(super) struct Proven {
    pub(super) traffic: Option<Traffic>,
    pub(super) catalog: Catalog,
}

const IDENTITIES_MAX: u32 = 10_000_000;

/// The traffic. Without a proven run everything but the pace is still checked.
pub(super) fn traffic(traffic: &mut At<Raw>, run: Option<&run::Proven>, known: Known<'_>, reader: &mut Reader) -> Option<Proven> {
    let spot = traffic.spot.clone();
    let raw = &mut traffic.value;
    let mix = mix::mix(&mut raw.mix, known, reader);
    let identities = filled(&mut raw.identities, &spot, "identities", || Count(1)).clone();
    let enough = (1..=IDENTITIES_MAX).contains(&identities.value.0);
    if !enough {
        let what = format!("{} is not a number of identities; write 1 to {IDENTITIES_MAX}", identities.value.0);
        reader.report_at(&identities.spot, what);
    }
    let pace = pace(traffic, run, reader);
    let ((catalog, mix), pace, run) = (mix?, pace?, run?);
    let traffic =
        Traffic { seed: run.run.seed.child("traffic"), duration: run.run.duration, identities: identities.value.0, mix, pace };
    enough.then_some(Proven { traffic: Some(traffic), catalog })
}

fn pace(traffic: &mut At<Raw>, run: Option<&run::Proven>, reader: &mut Reader) -> Option<Pace> {
    let raw = &mut traffic.value;
    match (&mut raw.arrivals, &mut raw.closed) {
        (Some(arrivals), None) => run.and_then(|run| arrivals::open(arrivals, run.run.duration, reader)),
        (None, Some(closed)) => arrivals::closed(closed, reader),
        (Some(_), Some(closed)) => {
            reader.report_at(&closed.spot, "traffic is either open or closed; keep arrivals or closed");
            None
        }
        (None, None) => {
            let what =
                "nothing says when requests come; write e.g. \"arrivals: { poisson: 200/s }\" or \"closed: { users: 50 }\"";
            reader.report_at(&traffic.spot, what);
            None
        }
    }
}
