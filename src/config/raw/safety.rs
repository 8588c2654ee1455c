//! What a run must never exceed or touch.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`.

use crate::config::reader::{At, section};
use crate::config::value::{Decimal, Named, Rate, Text};

section! {
    /// What a run must never exceed or touch.
    Safety {
        /// A plan whose rate is above this is refused; a closed model, and a client that tries again, is held below it. Default: no bound.
        max_rate: Option<At<Rate>>,
        /// A run that costs more than this at the provider, in US dollars at the prices that come along, is refused: one at a target that is
        /// not this machine. Default: no bound.
        max_cost: Option<At<Decimal>>,
        /// Hosts, beside this machine, that traffic may go to. Default: none.
        allow: Option<Vec<At<Text>>>,
        /// Rates above which requests are held back, and counted as shaped.
        ceilings: Option<Ceilings>,
    }
}

section! {
    /// Hard ceilings of what is sent.
    Ceilings {
        /// Of everything together.
        target: Option<At<Rate>>,
        /// Of single series, by their name (`GET /orders/{id}`).
        series: Option<Named<Text, At<Rate>>>,
        /// Of each identity (API key).
        identity: Option<At<Rate>>,
    }
}
