//! What can be decided before anything is built: profiles to begin with (`starter`), and what a design costs a month.
//!
//! Owns prices (`prices`), what is paid for (`meters`), the bill (`bill`), its share of each route (`routes`), growth (`growth`) and
//! break-evens (`break_even`). Refuses to simulate, to read a clock or a file, and to format: numbers come in, records go out. Called by
//! `command`, which simulates the profile and hands over what the gateway metered.
//!
//! The design of costs, in ten lines:
//!
//! 1. Volumes are simulated, not assumed: what is refused, cached, cold or handed on is decided by the gateway's own rules.
//! 2. The gateway meters what is billed ([`Metered`]), each call in its steps and each invocation in whole milliseconds.
//! 3. A month has 730 hours: the metered time stands for all of it, or `--calls` says how much a month has.
//! 4. A [`Meter`] is a quantity as a product of factors, so that every figure can show how it comes about.
//! 5. What grows with the calls is told apart from what costs the same in every hour.
//! 6. Prices are data with a source and a date; those that nothing confirms are marked, and said beside the total.
//! 7. A price that is missing is named together with what needs it; nothing is taken for free.
//! 8. Tiers are graduated and hold for everything of a price together; parts of a line share its amount by quantity.
//! 9. Growth multiplies volumes at the simulated shares, and says which limit such a volume would meet.
//! 10. Whether a cache pays is simulated for each size; whether HTTP or REST is cheaper follows from the metered steps.
//!
//! [`Metered`]: sluicegate_policy::metered::Metered
//! [`Meter`]: meters::Meter

pub mod bill;
pub mod break_even;
pub mod cached;
pub mod checklist;
pub mod growth;
pub mod meters;
pub mod prices;
pub mod routes;
pub mod starter;

mod behind;
mod item;
mod logs;

pub use item::{CACHE_GB, Item};

/// Hours of a month, as the provider's own calculator has them.
pub const HOURS: f64 = 730.0;
