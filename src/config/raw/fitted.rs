//! Where the parameters of a fitted profile come from.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`, written by `sluicegate fit`.

use crate::config::reader::{At, section};
use crate::config::value::{FittedTier, Known, Named, Text};

section! {
    /// Where the parameters of a fitted profile come from; `sluicegate fit` writes it. No model hangs on it, but a model is never
    /// validated on the runs that it names.
    Fitted {
        /// Ids of the runs that it was fitted on, as their `run.json` has them.
        runs: At<Vec<At<Text>>>,
        /// Each parameter by its path, as a drift writes it; below a route what is seen of its answers as a whole.
        parameters: Option<At<Named<Text, At<FittedParameter>>>>,
    }
}

section! {
    /// One parameter, and how it was found.
    FittedParameter {
        /// Its value; absent unless `identifiable` is yes.
        value: Option<At<Text>>,
        /// Its 95 % interval: lower and upper end.
        interval: Option<At<Vec<At<Text>>>>,
        /// What the data were: client, joined (with access logs) or backend (with the functions' logs, too).
        tier: Option<At<FittedTier>>,
        /// Id of the run that it comes from.
        run: Option<At<Text>>,
        /// How it was found; `documented` if it was not: the profile's own value is left.
        method: At<Text>,
        /// Whether it can be known from these data: yes, set (only the interval) or no.
        identifiable: Option<At<Known>>,
        /// What else must be known of it.
        note: Option<At<Text>>,
    }
}
