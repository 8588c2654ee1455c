//! What a user may say about an import.

use sluicegate_policy::seed::Seed;

use super::fields::Field;
use super::format::Format;
use super::parsed::StampIs;
use super::stamp::{TimeFormat, Unit};

/// Everything that may be said about an import; the default detects what it can.
#[derive(Clone, Debug)]
pub struct Options {
    /// The format of the lines.
    pub format: Format,
    /// Whether the time of a line is the start or the end of its call; `None`: what the format implies.
    pub stamp_is: Option<StampIs>,
    /// How times are written, for `json`, `format` and `regex`; `None`: what the format implies, else by their look.
    pub time: Option<TimeFormat>,
    /// Unit of the latencies, for `json`, `format` and `regex`; `None`: what their names imply.
    pub latency_unit: Option<Unit>,
    /// Keys of JSON lines: `(Method, "verb")` for `--field method=verb`.
    pub fields: Vec<(Field, String)>,
    /// Of recorded sessions: where a message and its reply have the same, as keys from the outermost on.
    pub reply: Option<Vec<String>>,
    /// Taken off the beginning of every path, if it is there: `/prod`.
    pub strip_prefix: Option<String>,
    /// Spreads arrivals within a stamp that is known to the second only.
    pub seed: Seed,
    /// Memory for sorting; what does not fit goes to temporary files beside the trace.
    pub sort_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::Detect,
            stamp_is: None,
            time: None,
            latency_unit: None,
            fields: Vec::new(),
            reply: None,
            strip_prefix: None,
            seed: Seed::new(1),
            sort_bytes: 64 << 20,
        }
    }
}
