//! The whole profile: its sections.

use super::expect::Expectation;
use super::gateway::Gateway;
use super::run::Run;
use super::safety::Safety;
use super::target::{Network, Target};
use super::traffic::Traffic;
use crate::config::reader::{At, section};

section! {
    /// What a gateway is believed to be, and the traffic it will get.
    Profile {
        /// The gateway as it is believed to be.
        gateway: At<Gateway>,
        /// The traffic; a profile for `mock` or `replay` needs none.
        traffic: Option<At<Traffic>>,
        /// How the traffic is driven.
        run: Option<At<Run>>,
        /// Where the traffic goes: `mock` (the default), a URL, or a URL with TLS settings.
        target: Option<At<Target>>,
        /// The way to the gateway: given, or `probed` before the run. Default: probed, but given for the mock.
        network: Option<At<Network>>,
        /// What a run must never exceed or touch.
        safety: Option<At<Safety>>,
        /// What is expected to hold; each is judged on its own.
        expect: Option<Vec<At<Expectation>>>,
    }
}
