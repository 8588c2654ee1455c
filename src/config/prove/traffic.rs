//! The traffic section: mix or sessions, pace and identities together.
//!
//! Owns that traffic is of requests or of sessions, and either open or closed. Refuses the parts' own rules (`mix`, `sessions`, `arrivals`).
//! Called by `prove::plan`.

use super::{Known, arrivals, filled, mix, run, sessions};
use crate::config::raw::traffic::Traffic as Raw;
use crate::config::reader::{At, Reader};
use crate::config::value::Count;
use crate::load::dialogue::Dialogue;
use crate::load::traffic::{Arrivals, Pace, Traffic};
use crate::traffic::Catalog;

/// What the section is proven into; without described traffic only the catalog of routes.
pub(super) struct Proven {
    pub(super) planned: Planned,
    pub(super) catalog: Catalog,
}

/// What is described.
pub(super) enum Planned {
    /// No traffic.
    Nothing,
    /// Requests.
    Requests(Traffic),
    /// Sessions of WebSocket clients.
    Sessions(Dialogue),
}

impl Planned {
    /// As a plan has them.
    pub(super) fn into_parts(self) -> (Option<Traffic>, Option<Dialogue>) {
        match self {
            Self::Nothing => (None, None),
            Self::Requests(traffic) => (Some(traffic), None),
            Self::Sessions(sessions) => (None, Some(sessions)),
        }
    }

    /// How many synthetic identities there are.
    pub(super) const fn identities(&self) -> u32 {
        match self {
            Self::Nothing => 1,
            Self::Requests(traffic) => traffic.identities,
            Self::Sessions(sessions) => sessions.identities,
        }
    }
}

const IDENTITIES_MAX: u32 = 10_000_000;

/// The traffic. Without a proven run everything but the pace is still checked.
pub(super) fn traffic(traffic: &mut At<Raw>, run: Option<&run::Proven>, known: Known<'_>, reader: &mut Reader) -> Option<Proven> {
    match (&traffic.value.mix, &traffic.value.sessions) {
        (Some(_), None) => {
            sessions::refuse_without(&traffic.value, reader);
            requests(traffic, run, known, reader)
        }
        (None, Some(_)) => of_sessions(traffic, run, known, reader),
        (Some(_), Some(sessions)) => {
            reader.report_at(&sessions.spot, "traffic is of requests or of sessions; keep mix or sessions");
            None
        }
        (None, None) => {
            let what = "nothing says what is sent; write requests, e.g. \"mix: [{ request: GET /health }]\", or sessions of WebSocket clients, \
                        e.g. \"sessions: [{ session: reader }]\"";
            reader.report_at(&traffic.spot, what);
            None
        }
    }
}

fn requests(traffic: &mut At<Raw>, run: Option<&run::Proven>, known: Known<'_>, reader: &mut Reader) -> Option<Proven> {
    let mix = traffic.value.mix.as_mut().and_then(|mix| mix::mix(mix, known, reader));
    let identities = identities(traffic, reader);
    let pace = pace(traffic, run, reader);
    let ((catalog, mix), pace, run, identities) = (mix?, pace?, run?, identities?);
    let traffic = Traffic { seed: run.run.seed.child("traffic"), duration: run.run.duration, identities, mix, pace };
    Some(Proven { planned: Planned::Requests(traffic), catalog })
}

fn of_sessions(traffic: &mut At<Raw>, run: Option<&run::Proven>, known: Known<'_>, reader: &mut Reader) -> Option<Proven> {
    let proven = sessions::sessions(traffic, run, known, reader);
    let identities = identities(traffic, reader);
    let arrivals = comings(traffic, run, reader);
    let (proven, arrivals, run, identities) = (proven?, arrivals?, run?, identities?);
    let dialogue = Dialogue {
        seed: run.run.seed.child("traffic"),
        duration: run.run.duration,
        identities,
        arrivals,
        connections: proven.connections,
        reconnect: proven.reconnect,
        roles: proven.roles,
    };
    Some(Proven { planned: Planned::Sessions(dialogue), catalog: proven.catalog })
}

fn identities(traffic: &mut At<Raw>, reader: &mut Reader) -> Option<u32> {
    let spot = traffic.spot.clone();
    let identities = filled(&mut traffic.value.identities, &spot, "identities", || Count(1)).clone();
    let enough = (1..=IDENTITIES_MAX).contains(&identities.value.0);
    if !enough {
        let what = format!("{} is not a number of identities; write 1 to {IDENTITIES_MAX}", identities.value.0);
        reader.report_at(&identities.spot, what);
    }
    enough.then_some(identities.value.0)
}

/// When sessions come.
fn comings(traffic: &mut At<Raw>, run: Option<&run::Proven>, reader: &mut Reader) -> Option<Arrivals> {
    if let Some(closed) = &traffic.value.closed {
        let what = "users who ask again are of a mix; how often a session does something is said by its script: write arrivals in place of closed";
        reader.report_at(&closed.spot, what);
        return None;
    }
    let Some(arrivals) = &mut traffic.value.arrivals else {
        reader.report_at(&traffic.spot, "nothing says when sessions come; write e.g. \"arrivals: { constant: 50/s }\"");
        return None;
    };
    match arrivals::open(arrivals, run?.run.duration, reader)? {
        Pace::Open(arrivals) => Some(arrivals),
        // What `open` makes is open.
        Pace::Closed { .. } => None,
    }
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
