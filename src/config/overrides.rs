//! What the command line changes in a profile, before it is proven.
//!
//! Owns [`Overrides`] and where each flag goes; a flag is proven like the profile's own values, and a problem names the flag.
//! Refuses to parse arguments (`cli`). Called by [`load`](super::load).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;

use super::plan::Wire;
use super::problem::{Place, Spot, quoted};
use super::prove::{MOCK, Script, detailed_target, empty_run, rescale};
use super::raw::Profile;
use super::raw::run::{KeepAlive, Run};
use super::raw::safety::Safety;
use super::reader::{At, Reader};
use super::value::{
    Address, BodyText, Certificates, Count, Duration, Flag, Member, Named, OverloadPolicy, Pacing, Percent, Phrase, Protocol,
    Rate, RequestLine, Seed, Text,
};
use crate::load::overload::Overload;

/// The flags that change a plan. What is `None` or empty leaves the profile as it is.
#[derive(Clone, Default, PartialEq)]
pub struct Overrides {
    /// Where the script comes from.
    pub script: Script,
    /// Where relative paths of the profile start from; `None` is the folder of its file.
    pub folder: Option<PathBuf>,
    /// Values of variables that come before the environment's: those that an imported definition has itself.
    pub variables: BTreeMap<String, String>,
    /// `--connections`.
    pub connections: Option<u32>,
    /// `--duration`.
    pub duration: Option<Span>,
    /// `--warmup`.
    pub warmup: Option<Span>,
    /// `--rate`: the total intended rate; ramps, steps and spikes are scaled so that their peak is this. A recorded script
    /// ignores it (its rate is the replay's).
    pub rate: Option<PerSecond>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--stage`.
    pub stage: Option<String>,
    /// `--target`: a URL, or `mock`.
    pub target: Option<String>,
    /// `--header`, each as `Name: value`.
    pub headers: Vec<String>,
    /// `--method`, for a mix of one request.
    pub method: Option<String>,
    /// `--body`, for a mix of one request.
    pub body: Option<String>,
    /// `--insecure`.
    pub certificates: Option<Certificates>,
    /// `--ca`.
    pub ca: Option<PathBuf>,
    /// `--cert`.
    pub client_certificate: Option<PathBuf>,
    /// `--key`.
    pub client_key: Option<PathBuf>,
    /// `--tls`: what the mock speaks.
    pub tls: Option<Wire>,
    /// `--allow-host`.
    pub allow_hosts: Vec<String>,
    /// `--timeout`.
    pub timeout: Option<Span>,
    /// `--overload`.
    pub overload: Option<Overload>,
    /// `--lanes`.
    pub lanes: Option<u32>,
    /// `--http`.
    pub protocol: Option<Protocol>,
    /// `--disable-keepalive`.
    pub disable_keepalive: bool,
    /// `--streams`.
    pub streams: Option<u32>,
    /// `--source`.
    pub sources: Vec<IpAddr>,
    /// `--lag-limit`.
    pub lag_limit: Option<Span>,
    /// `--pacing`.
    pub pacing: Option<Pacing>,
}

/// Headers, bodies and variables may be credentials, and are left out.
impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides")
            .field("script", &self.script)
            .field("duration", &self.duration)
            .field("rate", &self.rate)
            .field("seed", &self.seed)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

fn by_flag<T>(flag: &'static str, key: &str, value: T) -> At<T> {
    At { value, spot: Spot { place: Place::Flag(flag), key: key.into() } }
}

fn set<T, V>(slot: &mut Option<At<T>>, given: Option<V>, flag: &'static str, key: &str, make: impl FnOnce(V) -> T) {
    if let Some(value) = given {
        *slot = Some(by_flag(flag, key, make(value)));
    }
}

impl Overrides {
    /// What a reference to a variable finds.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    /// Puts the flags into the profile.
    pub(super) fn apply(&self, profile: &mut Profile, reader: &mut Reader) {
        let run = &mut profile.run.get_or_insert_with(empty_run).value;
        self.drive(run);
        self.add_headers(run, reader);
        self.connect(profile);
        self.aim(profile);
        if !self.allow_hosts.is_empty() {
            self.allow(profile);
        }
        if self.script == Script::Described {
            self.set_rate(profile, reader);
            self.change_only_request(profile, reader);
        }
    }

    /// Connections of requests are shared, those of sessions have one each.
    fn connect(&self, profile: &mut Profile) {
        let run = &mut profile.run.get_or_insert_with(empty_run).value;
        let sessions = profile.traffic.as_mut().map(|traffic| &mut traffic.value).filter(|traffic| traffic.sessions.is_some());
        let (slot, key) = match sessions.filter(|_| self.script == Script::Described) {
            Some(traffic) => (&mut traffic.connections, "traffic.connections"),
            None => (&mut run.connections, "run.connections"),
        };
        set(slot, self.connections, "--connections", key, Count);
    }

    fn drive(&self, run: &mut Run) {
        set(&mut run.duration, self.duration, "--duration", "run.duration", Duration);
        set(&mut run.warmup, self.warmup, "--warmup", "run.warmup", Duration);
        set(&mut run.timeout, self.timeout, "--timeout", "run.timeout", Duration);
        set(&mut run.overload, self.overload, "--overload", "run.overload", OverloadPolicy);
        set(&mut run.seed, self.seed, "--seed", "run.seed", Seed);
        set(&mut run.lanes, self.lanes, "--lanes", "run.lanes", Count);
        set(&mut run.protocol, self.protocol, "--http", "run.protocol", |protocol| protocol);
        if self.disable_keepalive {
            let by_flag = |value| by_flag("--disable-keepalive", "run.keep_alive.share", value);
            let keep_alive = KeepAlive {
                share: Some(by_flag(Percent::nearest(0.0))),
                requests: None,
                lifetime: None,
                idle: None,
                renewed: None,
            };
            run.keep_alive = Some(self::by_flag("--disable-keepalive", "run.keep_alive", keep_alive));
        }
        set(&mut run.streams, self.streams, "--streams", "run.streams", Count);
        set(&mut run.lag_limit, self.lag_limit, "--lag-limit", "run.lag_limit", Duration);
        if !self.sources.is_empty() {
            let sources = self.sources.iter().map(|address| by_flag("--source", "run.sources", Address(*address)));
            run.sources = Some(sources.collect());
        }
        set(&mut run.pacing, self.pacing, "--pacing", "run.pacing", |pacing| pacing);
        set(&mut run.stage, self.stage.clone(), "--stage", "run.stage", Text);
    }

    /// A header of the command line takes the place of the profile's of the same name.
    fn add_headers(&self, run: &mut Run, reader: &mut Reader) {
        for header in &self.headers {
            let spot = Spot { place: Place::Flag("--header"), key: "".into() };
            let Some((name, value)) = header.split_once(':') else {
                // The text may be a credential, so it is not repeated.
                reader.report_at(&spot, "this is not a header; write \"Name: value\"");
                continue;
            };
            let Some(value) = reader.accept(&spot, value.trim().parse::<Phrase>()) else { continue };
            let headers = &mut run.headers.get_or_insert_with(Named::default).0;
            headers.retain(|member| !member.name.0.eq_ignore_ascii_case(name.trim()));
            let value = At { value, spot: spot.clone() };
            headers.push(Member { name: Text(name.trim().to_owned()), spot, value });
        }
    }

    fn aim(&self, profile: &mut Profile) {
        if let Some(target) = &self.target {
            let detailed = detailed_target(&mut profile.target);
            detailed.url = by_flag("--target", "", Text(target.clone()));
            // What the profile says of its mock holds for no URL.
            detailed.tls = detailed.tls.take().filter(|_| target == MOCK);
        }
        if let Some(wire) = self.tls {
            detailed_target(&mut profile.target).tls = Some(by_flag("--tls", "", Flag(wire == Wire::Tls)));
        }
        if let Some(ca) = &self.ca {
            let ca = Text(ca.to_string_lossy().into_owned());
            detailed_target(&mut profile.target).ca = Some(by_flag("--ca", "", ca));
        }
        for (flag, given) in [("--cert", &self.client_certificate), ("--key", &self.client_key)] {
            let Some(file) = given else { continue };
            let detailed = detailed_target(&mut profile.target);
            let slot = if flag == "--cert" { &mut detailed.client_certificate } else { &mut detailed.client_key };
            *slot = Some(by_flag(flag, "", Text(file.to_string_lossy().into_owned())));
        }
        if let Some(certificates) = self.certificates {
            detailed_target(&mut profile.target).certificates = Some(by_flag("--insecure", "", certificates));
        }
    }

    fn allow(&self, profile: &mut Profile) {
        let empty = Safety { max_rate: None, max_cost: None, allow: None, ceilings: None };
        let safety = profile.safety.get_or_insert_with(|| At { value: empty, spot: Spot::default() });
        let hosts = self.allow_hosts.iter().map(|host| by_flag("--allow-host", "", Text(host.clone())));
        safety.value.allow.get_or_insert_default().extend(hosts);
    }

    fn set_rate(&self, profile: &mut Profile, reader: &mut Reader) {
        let Some(rate) = self.rate else { return };
        let spot = Spot { place: Place::Flag("--rate"), key: "".into() };
        let Some(traffic) = &mut profile.traffic else {
            reader.report_at(&spot, "the profile describes no traffic that could have a rate; add a traffic section");
            return;
        };
        let Some(arrivals) = &mut traffic.value.arrivals else {
            let why = "the traffic is a closed model, whose rate follows from the answers; change traffic.closed.users";
            reader.report_at(&spot, format!("{} cannot be set: {why}", Rate(rate)));
            return;
        };
        rescale(&mut arrivals.value, rate, &spot);
    }

    fn change_only_request(&self, profile: &mut Profile, reader: &mut Reader) {
        for (flag, given) in [("--method", &self.method), ("--body", &self.body)] {
            let Some(given) = given else { continue };
            let spot = Spot { place: Place::Flag(flag), key: "".into() };
            let mix = profile.traffic.as_mut().and_then(|traffic| traffic.value.mix.as_mut()).map(|mix| mix.value.as_mut_slice());
            let Some([only]) = mix else {
                reader.report_at(&spot, "only a mix of exactly one request can be changed by this flag; change the profile");
                continue;
            };
            if flag == "--body" {
                let phrase = reader.accept(&spot, given.parse::<Phrase>());
                only.value.body = phrase.map(|phrase| At { value: BodyText::Written(phrase), spot });
            } else {
                let line = format!("{given} {}", only.value.request.value.path);
                match line.parse::<RequestLine>() {
                    Ok(value) => only.value.request = At { value, spot },
                    Err(_) => reader.report_at(&spot, format!("{} is not a method; write e.g. GET or POST", quoted(given))),
                }
            }
        }
    }
}
