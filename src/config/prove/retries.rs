//! The client's retries: a policy that ends, waits, and can be met.
//!
//! Owns its defaults, which are those of clients in the field (sources stand in `load::retry`). Refuses to decide about a retry (`load`
//! does). Called by `prove::run`.

use sluicegate_policy::time::Span;

use super::filled;
use crate::config::problem::Spot;
use crate::config::raw::retries::Retries;
use crate::config::reader::{At, Reader};
use crate::config::value::{Count, Duration, Jitter, RetryBudget, RetryOn};
use crate::load::retry::Policy;

/// More are not a client that tries again, but a loop.
const ATTEMPTS_MAX: u32 = 10;
/// A client that waits longer is another client's first attempt.
const BACKOFF_MAX: Span = Span::from_secs(3_600);
const BACKOFF: Span = Span::from_ms(100);
const LONGEST: Span = Span::from_secs(20);

/// The policy; `None` means that problems were reported.
pub(super) fn policy(retries: &mut At<Retries>, reader: &mut Reader) -> Option<Policy> {
    let At { value: raw, spot } = retries;
    let attempts = filled(&mut raw.attempts, spot, "attempts", || Count(3)).clone();
    let enough = (2..=ATTEMPTS_MAX).contains(&attempts.value.0);
    if !enough {
        let what = format!(
            "{} is not a number of attempts; write 2 to {ATTEMPTS_MAX} (the first is one of them), or leave retries out",
            attempts.value
        );
        reader.report_at(&attempts.spot, what);
    }
    let on = retried(raw, spot, reader);
    let pauses = pauses(raw, spot, reader);
    let jitter = filled(&mut raw.jitter, spot, "jitter", || Jitter::Full).value.into();
    let share = "20%".parse().unwrap_or(RetryBudget(None));
    let budget = filled(&mut raw.budget, spot, "budget", || share).value.0;
    let budget = budget.map(|share| (share.share() * 1e6).round() as u32);
    let ((statuses, network), (backoff, max_backoff)) = (on?, pauses?);
    let attempts = u8::try_from(attempts.value.0).ok().filter(|_| enough)?;
    Some(Policy { attempts, statuses, network, backoff, max_backoff, jitter, budget })
}

/// Statuses, and whether the network's failures are among it.
fn retried(raw: &mut Retries, spot: &Spot, reader: &mut Reader) -> Option<(Vec<u16>, bool)> {
    let usual = [RetryOn::Status(429), RetryOn::Status(502), RetryOn::Status(503), RetryOn::Status(504), RetryOn::Network];
    let entry = |value| At { value, spot: Spot::default() };
    let on = filled(&mut raw.on, spot, "on", || usual.map(entry).to_vec());
    if on.value.is_empty() {
        reader.report_at(&on.spot, "nothing is tried again after nothing; write e.g. [429, 503, network], or leave retries out");
        return None;
    }
    let mut fine = true;
    for (at, one) in on.value.iter().enumerate() {
        if on.value[..at].iter().any(|other| other.value == one.value) {
            reader.report_at(&one.spot, format!("{} stands here twice; keep one of them", one.value));
            fine = false;
        }
    }
    let status = |on: &At<RetryOn>| match on.value {
        RetryOn::Status(status) => Some(status),
        RetryOn::Network => None,
    };
    let network = on.value.iter().any(|on| on.value == RetryOn::Network);
    fine.then(|| (on.value.iter().filter_map(status).collect(), network))
}

/// The first pause and the longest.
fn pauses(raw: &mut Retries, spot: &Spot, reader: &mut Reader) -> Option<(Span, Span)> {
    let backoff = filled(&mut raw.backoff, spot, "backoff", || Duration(BACKOFF)).clone();
    let first = backoff.value.0;
    let longest = filled(&mut raw.max_backoff, spot, "max_backoff", || Duration(first.max(LONGEST))).clone();
    if first == Span::ZERO || first > BACKOFF_MAX {
        let what = format!("{first} is not a backoff; write a time above 0s, at most {BACKOFF_MAX}, e.g. \"100ms\"");
        reader.report_at(&backoff.spot, what);
        return None;
    }
    if longest.value.0 < first || longest.value.0 > BACKOFF_MAX {
        let what = format!(
            "{} is not the longest backoff; write a time from {first} (the first one) to {BACKOFF_MAX}, e.g. \"20s\"",
            longest.value
        );
        reader.report_at(&longest.spot, what);
        return None;
    }
    Some((first, longest.value.0))
}
