//! What is counted of the provider's services, in the same text.
//!
//! Owns its own names: `CloudWatch` has none for what a gateway asks of others. Refuses to count.

use std::fmt::Write as _;

use sluicegate_policy::model::ServiceUse;

use super::exposition::Escaped;

/// A counter: its name here, what it counts, and its value.
type Counter = (&'static str, &'static str, fn(ServiceUse) -> u64);

const COUNTERS: [Counter; 2] = [
    ("requests", "Requests that the gateway had for a service.", |used| used.asked),
    ("retries", "How often it asked a service again that had not begun to answer.", |used| used.retried),
];

/// Lines for these services, by their names; none without any.
pub(crate) fn exposition(services: &[(String, ServiceUse)]) -> String {
    let mut out = String::new();
    for (name, means, of) in COUNTERS.into_iter().filter(|_| !services.is_empty()) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP sluicegate_service_{name}_total {means}");
        let _ = writeln!(out, "# TYPE sluicegate_service_{name}_total counter");
        for (service, used) in services {
            let _ = writeln!(out, "sluicegate_service_{name}_total{{service=\"{}\"}} {}", Escaped(service), of(*used));
        }
    }
    out
}
