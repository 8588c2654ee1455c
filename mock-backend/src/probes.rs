//! Looks at the real targets of private links, one task for each.
//!
//! Owns when it looks, and what counts as good. Refuses what follows from it (the policy's thresholds), and other hosts than calls
//! may go to. Started by `server`; ends with it, or with an error of its timers.

use std::io;
use std::rc::Rc;

use bytes::Bytes;
use sluicegate_policy::model::{HealthCheck, LinkId, Model, Probe, Serves, TargetId};
use sluicegate_policy::vpc_link::Look;
use sluicegate_render::backend::BackendRequest;
use sluicegate_timer::{Clock, Timer};
use tokio::net::TcpStream;

use crate::backends::Backends;
use crate::http::Desk;

/// A target that is looked at, and the timers for it: taken before connections can take the last descriptors.
pub(crate) struct Probing {
    pub(crate) target: TargetId,
    pub(crate) timers: Timers,
}

/// One for the next look, one for the end of this one.
pub(crate) struct Timers {
    next: Timer,
    over: Timer,
}

/// All real targets of a model.
pub(crate) fn all(model: &Model, clock: Clock) -> io::Result<Vec<Probing>> {
    let mut probes = Vec::new();
    for (at, link) in model.links.iter().enumerate() {
        for (place, _) in link.targets.iter().enumerate().filter(|(_, target)| matches!(target.serves, Serves::Real(_))) {
            let target = TargetId { link: LinkId(at as u16), place: place as u16 };
            probes.push(Probing { target, timers: Timers { next: Timer::new(clock)?, over: Timer::new(clock)? } });
        }
    }
    Ok(probes)
}

/// Looks at a target for as long as the server runs.
pub(crate) async fn probe(desk: Rc<Desk>, target: TargetId, Timers { mut next, mut over }: Timers) -> io::Error {
    let model = desk.front.model().clone();
    let check = &model.links[usize::from(target.link.0)].check;
    let (Some(address), Some(backends)) = (model.address(target), &desk.backends) else { return std::future::pending().await };
    let mut due = next.clock().now();
    loop {
        due += check.interval;
        if let Err(error) = next.until(due).await {
            return error;
        }
        let began = next.clock().now();
        let good = tokio::select! {
            biased;
            good = look(backends, address, check) => good,
            waited = over.until(began + check.timeout) => match waited {
                Ok(()) => false,
                Err(error) => return error,
            },
        };
        let now = next.clock().now();
        desk.driver.tell(now, |gateway, now| gateway.on_look(now, target, if good { Look::Good } else { Look::Bad }));
        // A look that took longer than the interval is not made up for.
        due = due.max(now - check.interval);
    }
}

/// Whether a target shows what a healthy one does.
async fn look(backends: &Backends, address: &str, check: &HealthCheck) -> bool {
    match &check.probe {
        Probe::Tcp => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            backends.may_ask(host) && TcpStream::connect(address).await.is_ok()
        }
        Probe::Http { path, lowest, highest } => {
            let url = format!("http://{address}{path}");
            let headers = vec![("User-Agent".to_owned(), "ELB-HealthChecker/2.0".to_owned())];
            let asked = BackendRequest { method: "GET".to_owned(), url, headers, body: Bytes::new() };
            backends.call(asked).await.is_ok_and(|response| (*lowest..=*highest).contains(&response.status))
        }
    }
}
