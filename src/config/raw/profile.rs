//! The whole profile: its sections.
//!
//! Owns which sections there are. Refuses to relate them (`prove`). Read by `load`, changed by `overrides`.

use super::abort::Abort;
use super::expect::Expected;
use super::fitted::Fitted;
use super::gateway::{Apis, Gateway};
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
        /// Further APIs of the same account, by name; the name is the id unless `id` says otherwise. They share the account, its
        /// region, `functions`, `api_keys`, `usage_plans`, `domains` and `moves`, which stand in `gateway` alone and name a stage
        /// of a further API as `name/stage`. The traffic goes to the API of `gateway`.
        apis: Option<At<Apis>>,
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
        /// When the run ends itself (exit code 3): nothing new is sent, and what is in flight may still be answered. Checked every second.
        abort: Option<Vec<At<Abort>>>,
        /// What is expected to hold; each is judged on its own. A claim may be one sentence: `GET /orders/{id} p99 < 300ms`, `errors < 0.1 %`.
        expect: Option<Vec<At<Expected>>>,
        /// Where its parameters come from, if they were fitted to runs.
        fitted: Option<At<Fitted>>,
    }
}
