//! The target and the way to it.
//!
//! Owns their defaults. Refuses to ask whether a host is allowed (`safety`), to connect and to probe (`engine`). Called by
//! `prove::plan`.

use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

use super::filled;
use crate::config::plan::{self, ClientIdentity, LiveTarget, Wire};
use crate::config::problem::{Place, Spot};
use crate::config::raw::target::{Endpoint, GivenNetwork, Network, ProbedWord, Target};
use crate::config::reader::{At, Reader};
use crate::config::value::{Certificates, Duration, Text};

/// The word for the bundled mock.
pub(in crate::config) const MOCK: &str = "mock";
/// Placeholder: a round trip through loopback and two processes of one machine; what the mock models is milliseconds.
const LOOPBACK: Span = Span::from_us(200);

fn section<T>(key: &str, value: T) -> At<T> {
    At { value, spot: Spot { place: Place::Nowhere, key: key.into() } }
}

/// The target; the mock if none is named.
pub(super) fn target(slot: &mut Option<At<Target>>, folder: &Path, reader: &mut Reader) -> Option<plan::Target> {
    let target = slot.get_or_insert_with(|| section("target", Target::Named(Text(MOCK.to_owned()))));
    let spot = target.spot.clone();
    match &mut target.value {
        Target::Named(text) if text.0 == MOCK => Some(plan::Target::Mock(Wire::Plain)),
        Target::Named(text) => {
            let url = At { value: text.clone(), spot };
            live(&url, None, Certificates::Checked, reader)
        }
        Target::Detailed(detailed) => {
            let certificates = filled(&mut detailed.certificates, &spot, "certificates", || Certificates::Checked).value;
            let ca = detailed.ca.as_ref().map(|ca| path(ca, folder));
            match (&detailed.url, &detailed.tls) {
                (url, tls) if url.value.0 == MOCK => {
                    let speaks_tls = tls.as_ref().is_some_and(|tls| tls.value.0);
                    Some(plan::Target::Mock(if speaks_tls { Wire::Tls } else { Wire::Plain }))
                }
                (url, tls) => {
                    if let Some(tls) = tls {
                        let what = "a URL says by itself whether TLS is spoken; write https://, and remove this";
                        reader.report_at(&tls.spot, what);
                    }
                    live(url, ca, certificates, reader)
                }
            }
        }
    }
}

/// Who we are in TLS, if the profile says.
pub(super) fn identity(slot: &mut Option<At<Target>>, folder: &Path, reader: &mut Reader) -> Option<ClientIdentity> {
    let Some(Target::Detailed(detailed)) = slot.as_ref().map(|target| &target.value) else { return None };
    match (&detailed.client_certificate, &detailed.client_key) {
        (None, None) => None,
        (Some(certificate), key) => {
            let key = path(key.as_ref().unwrap_or(certificate), folder);
            Some(ClientIdentity { certificate: path(certificate, folder), key })
        }
        (None, Some(key)) => {
            reader
                .report_at(&key.spot, "this is the key of no certificate; add client_certificate (on the command line: --cert)");
            None
        }
    }
}

/// Paths in a profile are taken from its folder, those of the command line from where it was typed.
fn path(text: &At<Text>, folder: &Path) -> PathBuf {
    match text.spot.place {
        Place::Flag(_) => PathBuf::from(&text.value.0),
        Place::Line { .. } | Place::Drift(_) | Place::Nowhere => folder.join(&text.value.0),
    }
}

fn live(url: &At<Text>, ca: Option<PathBuf>, certificates: Certificates, reader: &mut Reader) -> Option<plan::Target> {
    let endpoint = reader.accept(&url.spot, url.value.0.parse())?;
    Some(plan::Target::Live(LiveTarget { endpoint, ca, certificates }))
}

/// The target as a section with TLS settings, to put a flag into it.
pub(in crate::config) fn detailed(slot: &mut Option<At<Target>>) -> &mut Endpoint {
    let target = slot.get_or_insert_with(|| section("target", Target::Named(Text(MOCK.to_owned()))));
    if let Target::Named(text) = &target.value {
        let url = At { value: text.clone(), spot: target.spot.clone() };
        let (client_certificate, client_key) = (None, None);
        target.value =
            Target::Detailed(Box::new(Endpoint { url, ca: None, client_certificate, client_key, certificates: None, tls: None }));
    }
    match &mut target.value {
        Target::Detailed(detailed) => detailed,
        Target::Named(_) => unreachable!("a named target was made a detailed one just above"),
    }
}

/// The way: given, or probed. For the mock, which is on this machine, given unless the profile says otherwise; but what TLS takes
/// to be set up hangs on the machine, and is measured.
pub(super) fn network(slot: &mut Option<At<Network>>, target: &plan::Target, reader: &mut Reader) -> Option<plan::Network> {
    let network = slot.get_or_insert_with(|| {
        section(
            "network",
            match target {
                plan::Target::Mock(Wire::Plain) => {
                    let round_trip = section("network.round_trip", Duration(LOOPBACK));
                    Network::Given(GivenNetwork { round_trip, connect: None })
                }
                plan::Target::Mock(Wire::Tls) | plan::Target::Live(_) => Network::Probed(ProbedWord::Probed),
            },
        )
    });
    let spot = network.spot.clone();
    match &mut network.value {
        Network::Probed(_) => Some(plan::Network::Probed),
        Network::Given(given) => {
            let round_trip = given.round_trip.value.0;
            let connect = filled(&mut given.connect, &spot, "connect", || Duration(round_trip)).value.0;
            let far = Span::from_secs(60);
            if round_trip > far || connect > far {
                reader.report_at(&spot, format!("no way is that long; write times up to {far}"));
                return None;
            }
            Some(plan::Network::Given { round_trip, connect })
        }
    }
}
