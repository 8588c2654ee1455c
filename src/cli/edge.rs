//! How the mock meets its clients: TLS and patience.
//!
//! Owns the names and the help of these flags. Refuses to read the files that they name (the mock does). Called by `mock`.

use std::path::PathBuf;

use clap::Args;
use sluicegate_policy::time::Span;

/// TLS, and how long clients may take.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Edge")]
pub struct EdgeFlags {
    /// Speak TLS, with HTTP/2 by ALPN; the certificate is made on the spot unless --cert gives one
    #[arg(long)]
    pub tls: bool,

    /// Certificate and those between it and its authority, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Where the certificate of the authority is written that signed a made one; only that of an earlier mock is written over
    /// [default: a temporary file that goes with the mock; the ready line says where]
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub ca_out: Option<PathBuf>,

    /// Ask clients for a certificate that one of the authorities in this PEM file signed (mutual TLS), by whatever name they come;
    /// a custom domain of the profile may have a truststore of its own
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,

    /// Longest time that a client may take for a head, and for each further part: 500ms, 60s [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub head_timeout: Option<Span>,
}
