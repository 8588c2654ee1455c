//! How the mock meets its clients: from flags to settings.
//!
//! Owns which of the flags for TLS belong together. Refuses to read files (the mock does, and says what is wrong with them).
//! Called by `mock`.

use std::path::PathBuf;

use sluicegate_mock::{Certificate, Patience, TlsSettings};

use super::failure::Failure;
use crate::cli::EdgeFlags;

/// Where the certificate of a made authority goes if nobody says.
const AUTHORITY: &str = "sluicegate-ca.pem";

/// TLS, if any of its flags is there.
pub(super) fn tls(asked: &EdgeFlags) -> Result<Option<TlsSettings>, Failure> {
    let certificate = match (&asked.cert, &asked.key) {
        (Some(chain), Some(key)) => Some(Certificate::Given { chain: chain.clone(), key: key.clone() }),
        _ => authority(asked).map(|authority| Certificate::Made { authority }),
    };
    let client_authorities = asked.client_ca.clone();
    match certificate {
        Some(certificate) => Ok(Some(TlsSettings { certificate, client_authorities })),
        None if client_authorities.is_some() => {
            Err(Failure::usage("--client-ca: without TLS no client shows a certificate; add --tls, or --cert and --key"))
        }
        None => Ok(None),
    }
}

/// Where the certificate of the authority is that clients must trust, if it is made.
pub(super) fn authority(asked: &EdgeFlags) -> Option<PathBuf> {
    let made = asked.cert.is_none() && (asked.tls || asked.ca_out.is_some());
    made.then(|| asked.ca_out.clone().unwrap_or_else(|| AUTHORITY.into()))
}

/// How long clients may take.
pub(super) fn patience(asked: &EdgeFlags) -> Patience {
    let patience = Patience::default();
    Patience { slow: asked.head_timeout.unwrap_or(patience.slow), ..patience }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::time::Span;

    #[test]
    fn a_certificate_is_made_unless_one_is_given() {
        let made = EdgeFlags { tls: true, ..EdgeFlags::default() };
        assert_eq!(authority(&made), Some(AUTHORITY.into()));
        let elsewhere =
            EdgeFlags { ca_out: Some("ca.pem".into()), client_ca: Some("clients.pem".into()), ..EdgeFlags::default() };
        let settings = tls(&elsewhere).unwrap().unwrap();
        assert_eq!(settings.certificate, Certificate::Made { authority: "ca.pem".into() });
        assert_eq!(settings.client_authorities, Some("clients.pem".into()));
        let given = EdgeFlags { tls: true, cert: Some("c".into()), key: Some("k".into()), ..EdgeFlags::default() };
        assert_eq!(tls(&given).unwrap().unwrap().certificate, Certificate::Given { chain: "c".into(), key: "k".into() });
        assert_eq!(authority(&given), None);
    }

    #[test]
    fn without_its_flags_there_is_no_tls() {
        assert_eq!(tls(&EdgeFlags::default()).unwrap(), None);
        assert!(tls(&EdgeFlags { client_ca: Some("clients.pem".into()), ..EdgeFlags::default() }).is_err());
    }

    #[test]
    fn a_head_may_take_as_long_as_is_said() {
        let told = EdgeFlags { head_timeout: Some(Span::from_ms(300)), ..EdgeFlags::default() };
        assert_eq!(patience(&told).slow, Span::from_ms(300));
        assert_eq!(patience(&EdgeFlags::default()), Patience::default());
    }
}
