//! Why a drive cannot begin, or broke down. What the target does is never one of these: that is a result.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

/// Why a drive cannot begin, or broke down.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No connection was allowed.
    #[error("0 connections cannot send anything; allow at least 1")]
    NoConnections,
    /// Every connection is a descriptor, and the process may not have so many.
    #[error(
        "{connections} connections need {needed} file descriptors and this process may open {limit}; \
         use at most {possible} connections, or raise the limit (ulimit -n {needed})"
    )]
    Descriptors {
        /// Connections asked for.
        connections: u32,
        /// Descriptors that they need.
        needed: u64,
        /// Hard limit of the process.
        limit: u64,
        /// Connections that would fit.
        possible: u64,
    },
    /// Every connection that stays open is a descriptor, beside those that the process has open already.
    #[error(
        "{connections} connections at a time need {needed} file descriptors with the {open} that are open already, and this process \
         may open {limit}; use at most {possible} connections, raise the limit (ulimit -n {needed}), or share the connections out over \
         several processes, each with `--source` addresses of its own"
    )]
    OpenDescriptors {
        /// Connections asked for.
        connections: u32,
        /// Descriptors that are open already.
        open: u64,
        /// Descriptors needed in all.
        needed: u64,
        /// Hard limit of the process.
        limit: u64,
        /// Connections that would fit.
        possible: u64,
    },
    /// Every connection to one target is a port.
    #[error(
        "{connections} connections at a time to one address need as many ports, and {sources} address(es) of this machine have {ports} each; \
         use at most {possible} connections, or name more addresses that they come from (`--source 127.0.0.2 --source 127.0.0.3`)"
    )]
    Ports {
        /// Connections asked for.
        connections: u32,
        /// Ports of one address.
        ports: u16,
        /// Addresses.
        sources: usize,
        /// Connections that would fit.
        possible: u64,
    },
    /// Connections cannot come from an address.
    #[error(
        "connections cannot come from {address} ({why}); name an address of this machine: `ip address` shows them, and of 127.0.0.0/8 all are"
    )]
    Source {
        /// The address.
        address: IpAddr,
        /// What the system says.
        why: io::Error,
    },
    /// The target's address is of one family, and all addresses that connections are to come from are of the other.
    #[error("connections are to come from {}, and {target} is of the other family (IPv4, IPv6); name addresses of its family", .sources[0])]
    NoSource {
        /// Where they are to come from; not empty.
        sources: Vec<IpAddr>,
        /// The target.
        target: IpAddr,
    },
    /// The certificates to trust cannot be read.
    #[error("{}: cannot read certificates: {why}; name a PEM file that holds at least one certificate", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// This machine has no trusted roots.
    #[error("no trusted root certificates on this machine ({why}); name a PEM file with --ca")]
    NoRoots {
        /// What the search for them said.
        why: String,
    },
    /// The TLS library refuses its settings.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The host is neither a name nor an address that TLS can check.
    #[error("\"{host}\" is not a host name that a certificate can be checked against; use a DNS name or an IP address")]
    ServerName {
        /// The host.
        host: String,
    },
    /// The value for the host header cannot be sent.
    #[error("\"{value}\" cannot be sent as a Host header; use a host name, with a port if it is needed")]
    Host {
        /// The value.
        value: String,
    },
    /// The key that tokens are to be minted with is none.
    #[error("bearer tokens cannot be minted: {why}; give an RSA private key as PEM, e.g. `key: ${{file:issuer-key.pem}}`")]
    MintKey {
        /// What is wrong with it.
        why: String,
    },
    /// A token server gave no token.
    #[error("no bearer token: {why}; check the token URL, the client and its secret")]
    Token {
        /// What it did instead.
        why: String,
    },
    /// Tokens are to come from the mock's issuer, and there is none.
    #[error("no bearer token: the target has no issuer of its own; run against the mock, with a JWT authorizer in the profile")]
    NoIssuer,
    /// The client certificate or its key cannot be read.
    #[error("{}: cannot read {what}: {why}; name a PEM file", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A lane got no runtime, timer or thread.
    #[error("lane {lane}: cannot start; lower the number of lanes or raise the limits of this process")]
    Start {
        /// Which lane.
        lane: usize,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A lane cannot run on its core.
    #[error("lane {lane}: cannot run on core {core}; name cores that this process may use")]
    Pin {
        /// Which lane.
        lane: usize,
        /// Which core.
        core: u32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A health check of the profile fails before anything was sent.
    #[error("{url} is not healthy before the run: {why}; see that it answers, correct the URL, or leave the condition out")]
    Health {
        /// Which URL.
        url: String,
        /// What it did instead of answering well.
        why: String,
    },
    /// Nobody watches over the abort conditions.
    #[error("the abort conditions cannot be checked; raise the limits of this process")]
    Abort {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A lane broke down; this is a defect.
    #[error("lane {lane} broke down; this is a defect of the generator")]
    Broken {
        /// Which lane.
        lane: usize,
    },
    /// The probe got no connection.
    #[error("no connection to {target}: {outcome}; check that it is up, or give the network's round trip in the profile")]
    Probe {
        /// The target.
        target: String,
        /// How the attempts ended.
        outcome: &'static str,
    },
}
