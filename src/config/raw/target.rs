//! Where the traffic goes, and the way there.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`.

use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::{Kind, Node};
use crate::config::value::{Certificates, Duration, Flag, Text};

/// `mock`, a URL, or a URL with its TLS settings.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum Target {
    /// The word `mock`, or a URL such as `http://127.0.0.1:8080/prod`.
    Named(Text),
    /// A URL, or the mock, with its TLS settings.
    Detailed(Box<Endpoint>),
}

section! {
    /// A URL, or the mock, with its TLS settings.
    Endpoint {
        /// The base URL; every path is appended to it. The word `mock` for the bundled mock.
        url: At<Text>,
        /// A PEM file with the authorities to trust instead of the system's.
        ca: Option<At<Text>>,
        /// A PEM file with the certificate that we show to a target which asks for one (mutual TLS).
        client_certificate: Option<At<Text>>,
        /// A PEM file with its private key. Default: the file of the certificate.
        client_key: Option<At<Text>>,
        /// Whether the certificate must be good. Default: checked.
        certificates: Option<At<Certificates>>,
        /// Whether the bundled mock speaks TLS, with a certificate made for the run; a URL says so by its scheme. Default: false.
        tls: Option<At<Flag>>,
    }
}

impl Read for Target {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => Endpoint::read(node, reader).map(|endpoint| Self::Detailed(Box::new(endpoint))),
            Kind::Null | Kind::Scalar(_) | Kind::List(_) => reader
                .text(node, "a target", "write mock, or a URL such as \"http://127.0.0.1:8080/prod\"")
                .map(|text| Self::Named(Text(text.to_owned()))),
        }
    }
}

/// The way to the gateway: the word `probed`, or its times.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum Network {
    /// Measured on a static route before the run, then frozen.
    Probed(ProbedWord),
    /// Given.
    Given(GivenNetwork),
}

/// The word `probed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ProbedWord {
    /// Measured before the run.
    Probed,
}

section! {
    /// The times of the way to the gateway.
    GivenNetwork {
        /// Round trip of a request, without what the gateway does.
        round_trip: At<Duration>,
        /// Setting up a connection, TLS included. Default: the round trip.
        connect: Option<At<Duration>>,
    }
}

impl Read for Network {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let cure = "write probed, or { round_trip: 12ms, connect: 30ms }";
        match &node.kind {
            Kind::Map(_) => GivenNetwork::read(node, reader).map(Self::Given),
            Kind::Null | Kind::Scalar(_) | Kind::List(_) => match reader.text(node, "the way to the gateway", cure)? {
                "probed" => Some(Self::Probed(ProbedWord::Probed)),
                other => {
                    let other = crate::config::problem::quoted(other);
                    reader.report(&node.place, format!("{other} is not the way to the gateway; {cure}"));
                    None
                }
            },
        }
    }
}
