//! TLS settings: whom to trust, and which protocols to offer.
//!
//! Owns the client configuration of rustls. Refuses connections (`connect`).

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::engine::error::EngineError;
use crate::engine::settings::{Identity, Protocol, Tls};

/// The configuration for all connections of a drive.
pub(in crate::engine) fn config(tls: &Tls, identity: Option<&Identity>, protocol: Protocol) -> Result<ClientConfig, EngineError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match tls {
        Tls::System => trusting(system_roots()?, &provider)?,
        Tls::Authority(path) => trusting(roots_of(path)?, &provider)?,
        Tls::Insecure => Arc::new(Anybody(Arc::clone(&provider))),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(EngineError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = shown(identity)?;
            let refuse = |error: rustls::Error| unreadable(&identity.key, "a key of the client's certificate", error.to_string());
            builder.with_client_auth_cert(chain, key).map_err(refuse)?
        }
    };
    offer(&mut config, protocol);
    Ok(config)
}

/// Sets what is offered by ALPN.
pub(in crate::engine) fn offer(config: &mut ClientConfig, protocol: Protocol) {
    let offered: &[&[u8]] = match protocol {
        Protocol::Auto => &[b"h2", b"http/1.1"],
        Protocol::Http1 => &[b"http/1.1"],
        Protocol::Http2 => &[b"h2"],
    };
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
}

/// What we show of ourselves: certificate chain and key.
fn shown(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), EngineError> {
    let Identity { certificate, key } = identity;
    let refuse = |why: String| unreadable(certificate, "the client's certificate", why);
    let found = CertificateDer::pem_file_iter(certificate).map_err(|error| refuse(error.to_string()))?;
    let chain = found.collect::<Result<Vec<_>, _>>().map_err(|error| refuse(error.to_string()))?;
    if chain.is_empty() {
        return Err(refuse("it holds none".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key);
    Ok((chain, private.map_err(|error| unreadable(key, "the key of the client's certificate", error.to_string()))?))
}

fn unreadable(path: &Path, what: &'static str, why: String) -> EngineError {
    EngineError::Identity { path: path.to_owned(), what, why }
}

fn trusting(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, EngineError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| EngineError::NoRoots { why: error.to_string() })
}

fn system_roots() -> Result<RootCertStore, EngineError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Machines carry roots that rustls cannot read; the others are still good.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
        return Err(EngineError::NoRoots { why });
    }
    Ok(roots)
}

fn roots_of(path: &Path) -> Result<RootCertStore, EngineError> {
    let refuse = |why: String| EngineError::Authority { path: path.to_owned(), why };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    if roots.is_empty() { Err(refuse("it holds none".to_owned())) } else { Ok(roots) }
}

/// Trusts whoever answers, but still checks that they hold the key of what they show.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path(), Path::new("/nowhere/ca.pem")] {
            let error = config(&Tls::Authority(path.to_owned()), None, Protocol::Auto).unwrap_err().to_string();
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
    }
}
