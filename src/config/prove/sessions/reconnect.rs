//! How sessions come back: a pause that grows, ends, and is spread.
//!
//! Owns its defaults and bounds. Refuses to draw a pause (`load::dialogue` does). Called by `sessions`.

use sluicegate_policy::time::Span;

use crate::config::prove::filled;
use crate::config::raw::session::Reconnect as Raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Decimal, Duration, Flag, Spread};
use crate::load::dialogue::{Reconnect, Resume};

/// Who waits longer does not come back.
const PAUSE_MAX: Span = Span::from_secs(86_400);
const FACTOR_MAX: f64 = 100.0;

/// The rule; `None` means that problems were reported.
pub(super) fn reconnect(raw: &mut At<Raw>, reader: &mut Reader) -> Option<Reconnect> {
    let At { value: raw, spot } = raw;
    let first = filled(&mut raw.first, spot, "first", || Duration(Span::from_secs(1))).clone();
    let longest = first.value.0.max(Span::from_secs(60));
    let most = filled(&mut raw.most, spot, "most", || Duration(longest)).clone();
    let factor = filled(&mut raw.factor, spot, "factor", || Decimal(2.0)).clone();
    let jitter = filled(&mut raw.jitter, spot, "jitter", Spread::full).value.share();
    let resumes = filled(&mut raw.resume, spot, "resume", || Flag(true)).value.0;
    let mut fine = true;
    let mut refuse = |spot, what: String| {
        reader.report_at(spot, what);
        fine = false;
    };
    if first.value.0 == Span::ZERO || first.value.0 > PAUSE_MAX {
        let what = format!("{} is not a pause; write a time above 0s, at most {PAUSE_MAX}, e.g. 1s", first.value);
        refuse(&first.spot, what);
    } else if most.value.0 < first.value.0 || most.value.0 > PAUSE_MAX {
        let what = format!(
            "{} is not the longest pause; write a time from {} (the first one) to {PAUSE_MAX}, e.g. 60s",
            most.value, first.value
        );
        refuse(&most.spot, what);
    }
    if !(1.0..=FACTOR_MAX).contains(&factor.value.0) {
        refuse(&factor.spot, format!("{} is not what a pause grows by; write 1 to {FACTOR_MAX}, e.g. 2", factor.value));
    }
    if let Some(none) = raw.attempts.as_ref().filter(|attempts| attempts.value.0 == 0) {
        refuse(&none.spot, "who has no attempt does not come back; write a number above zero, or remove reconnect".to_owned());
    }
    let resume = if resumes { Resume::WhereItWas } else { Resume::FromTheBeginning };
    let attempts = raw.attempts.as_ref().map(|attempts| attempts.value.0);
    fine.then_some(Reconnect { first: first.value.0, factor: factor.value.0, most: most.value.0, jitter, attempts, resume })
}
