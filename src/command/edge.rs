//! How the mock meets its clients: from flags to settings.
//!
//! Owns which of the flags for TLS belong together, and the place of an authority that nobody gave one. Refuses to read files (the
//! mock does, and says what is wrong with them). Called by `mock`.

use std::path::{Path, PathBuf};

use sluicegate_mock::{Certificate, Patience, TlsSettings};
use tempfile::TempDir;

use super::failure::Failure;
use crate::cli::EdgeFlags;

/// What the certificate of a made authority is called in a folder of its own.
const AUTHORITY: &str = "ca.pem";

/// TLS as it was asked for.
#[derive(Debug)]
pub(super) struct Edge {
    /// What the mock is told; nothing if no flag is there.
    pub(super) tls: Option<TlsSettings>,
    /// Holds the certificate of a made authority for as long as the mock runs, if it was given no place.
    _folder: Option<TempDir>,
}

impl Edge {
    /// TLS, if any of its flags is there.
    pub(super) fn new(asked: &EdgeFlags) -> Result<Self, Failure> {
        let client_authorities = asked.client_ca.clone();
        let (certificate, folder) = match (&asked.cert, &asked.key, &asked.ca_out) {
            (Some(chain), Some(key), _) => (Certificate::Given { chain: chain.clone(), key: key.clone() }, None),
            (_, _, Some(place)) => (Certificate::Made { authority: place.clone() }, None),
            _ if asked.tls => {
                let (authority, folder) = fresh_place()?;
                (Certificate::Made { authority }, Some(folder))
            }
            _ if client_authorities.is_some() => {
                let what = "--client-ca: without TLS no client shows a certificate; add --tls, or --cert and --key";
                return Err(Failure::usage(what));
            }
            _ => return Ok(Self { tls: None, _folder: None }),
        };
        Ok(Self { tls: Some(TlsSettings { certificate, client_authorities }), _folder: folder })
    }

    /// Where the certificate of the authority is that clients must trust, if it is made.
    pub(super) fn authority(&self) -> Option<&Path> {
        match &self.tls.as_ref()?.certificate {
            Certificate::Made { authority } => Some(authority),
            Certificate::Given { .. } => None,
        }
    }
}

/// A place where nothing of anybody's is.
fn fresh_place() -> Result<(PathBuf, TempDir), Failure> {
    let folder = tempfile::Builder::new().prefix("sluicegate-mock-").tempdir().map_err(|error| {
        Failure::usage(format!("there is no place for the authority's certificate ({error}); name one with --ca-out"))
    })?;
    Ok((folder.path().join(AUTHORITY), folder))
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
        let elsewhere =
            EdgeFlags { ca_out: Some("ca.pem".into()), client_ca: Some("clients.pem".into()), ..EdgeFlags::default() };
        let settings = Edge::new(&elsewhere).unwrap().tls.unwrap();
        assert_eq!(settings.certificate, Certificate::Made { authority: "ca.pem".into() });
        assert_eq!(settings.client_authorities, Some("clients.pem".into()));
        let given = EdgeFlags { tls: true, cert: Some("c".into()), key: Some("k".into()), ..EdgeFlags::default() };
        let given = Edge::new(&given).unwrap();
        assert_eq!(given.authority(), None);
        assert_eq!(given.tls.unwrap().certificate, Certificate::Given { chain: "c".into(), key: "k".into() });
    }

    #[test]
    fn an_authority_without_a_place_gets_one_of_its_own_that_goes_with_the_mock() {
        let asked = EdgeFlags { tls: true, ..EdgeFlags::default() };
        let (one, other) = (Edge::new(&asked).unwrap(), Edge::new(&asked).unwrap());
        let place = one.authority().unwrap().to_owned();
        assert!(place.is_absolute() && place.ends_with(AUTHORITY) && Some(place.as_path()) != other.authority());
        assert!(place.parent().unwrap().is_dir());
        drop(one);
        assert!(!place.parent().unwrap().exists());
    }

    #[test]
    fn without_its_flags_there_is_no_tls() {
        assert_eq!(Edge::new(&EdgeFlags::default()).unwrap().tls, None);
        assert!(Edge::new(&EdgeFlags { client_ca: Some("clients.pem".into()), ..EdgeFlags::default() }).is_err());
    }

    #[test]
    fn a_head_may_take_as_long_as_is_said() {
        let told = EdgeFlags { head_timeout: Some(Span::from_ms(300)), ..EdgeFlags::default() };
        assert_eq!(patience(&told).slow, Span::from_ms(300));
        assert_eq!(patience(&EdgeFlags::default()), Patience::default());
    }
}
