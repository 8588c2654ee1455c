//! The server's side of TLS: its certificate, given or made on the spot, and whose client certificates it takes, by name.
//!
//! Owns what is read, made and written for it before the first connection. Refuses the protocol (rustls's) and time-outs
//! (`accept`'s). Set up by `server`, asked by `accept` for each connection.
//!
//! A made certificate has an authority of its own, made anew at each start; its key never leaves the process, and its certificate
//! is written where the load side finds it; never over a file that holds anything else.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::aws_lc_rs;
use rustls::server::{Acceptor, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sluicegate_policy::model::Model;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::stamped::Stamped;

/// How a mock gateway speaks TLS. HTTP/2 and HTTP/1.1 are offered by ALPN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// What it shows to clients.
    pub certificate: Certificate,
    /// A bundle (PEM) of the authorities whose client certificates are asked for and required by whatever name a client comes,
    /// unless the name is a custom domain that has a trust store of its own. `None` asks for none.
    pub client_authorities: Option<PathBuf>,
}

/// A server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// From files.
    Given {
        /// The certificate and those between it and its authority (PEM).
        chain: PathBuf,
        /// Its private key (PEM).
        key: PathBuf,
    },
    /// Made on the spot for `localhost`, the loopback addresses, the address of the listener, the model's custom domains, and
    /// the hosts of its APIs.
    Made {
        /// Where the certificate (PEM) of the authority that signed it is written: a new file, or one that an earlier mock wrote.
        authority: PathBuf,
    },
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of its kind.
    #[error("cannot use {}: {source}; it should hold {wanted} in PEM", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// Certificate and key do not fit each other, or cannot be used.
    #[error("the certificate cannot be used: {0}; its key must be its own, and RSA, ECDSA or Ed25519")]
    Unfit(#[from] rustls::Error),
    /// The bundle of client authorities cannot be used.
    #[error("the client authorities in {} cannot be used: {source}", path.display())]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
    /// No certificate could be made.
    #[error("no certificate could be made: {0}; a custom domain's name must be a host name")]
    Make(#[from] rcgen::Error),
    /// The authority's certificate cannot be written.
    #[error("cannot write the authority's certificate to {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else stands where the authority's certificate would be written.
    #[error(
        "{} holds something other than the authority of a mock gateway, and is not written over; name another place, or remove it",
        path.display()
    )]
    Occupied {
        /// Which file.
        path: PathBuf,
    },
}

/// The name of every made authority, by which its file is known again.
const AUTHORITY: &str = "Sluicegate mock gateway, made for one run";

/// Far longer than the file of an authority.
const AUTHORITY_BYTES_MAX: u64 = 16 << 10;

/// TLS, set up.
pub(crate) struct Tls {
    /// For every name but these.
    others: Arc<ServerConfig>,
    /// Custom domains with a trust store of their own.
    trusting: Vec<(Trusting, String, Arc<ServerConfig>)>,
}

/// The custom domain by whose trust store a client's certificate was verified: its place in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trusting(pub(crate) usize);

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Tls {
    /// Reads or makes what these settings say, for a server of this model at this address; `now` is the wall clock.
    pub(crate) fn new(settings: &TlsSettings, model: &Model, address: IpAddr, now: Timestamp) -> Result<Self, TlsError> {
        let (chain, key) = match &settings.certificate {
            Certificate::Given { chain, key } => given(chain, key)?,
            Certificate::Made { authority } => made(authority, names(model, address), now)?,
        };
        let identity = (chain, key);
        let trusting = model.domains.iter().enumerate().filter_map(|(at, domain)| {
            let config = config(&identity, Some(domain.truststore.as_deref()?));
            Some(config.map(|config| (Trusting(at), domain.name.clone(), config)))
        });
        let trusting = trusting.collect::<Result<_, _>>()?;
        Ok(Self { others: config(&identity, settings.client_authorities.as_deref())?, trusting })
    }

    /// Shakes hands with a client, as the name asks for by which it comes. Each name that trusts authorities of its own has sessions
    /// of its own, too: none begun by another name is taken up there.
    pub(crate) async fn accept(&self, stream: Stamped) -> io::Result<(TlsStream<Stamped>, Option<Trusting>)> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let named = hello.server_name().and_then(|name| self.trusting.iter().find(|(_, own, _)| own.eq_ignore_ascii_case(name)));
        let (trusting, config) = named.map_or((None, &self.others), |(trusting, _, config)| (Some(*trusting), config));
        Ok((start.into_stream(Arc::clone(config)).await?, trusting))
    }
}

/// One that shows this certificate, and requires one of a client if there are authorities.
fn config((chain, key): &Identity, clients: Option<&Path>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities(path)?), provider).build();
            config.with_client_cert_verifier(verifier.map_err(|source| TlsError::Authorities { path: path.to_owned(), source })?)
        }
    };
    let mut config = config.with_single_cert(chain.clone(), key.clone_key())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn given(chain: &Path, key: &Path) -> Result<Identity, TlsError> {
    let read = |path: &Path, wanted| {
        let path = path.to_owned();
        move |source| TlsError::Read { path, wanted, source }
    };
    let certificates = certificates(chain, "a certificate")?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(read(key, "a private key"))?;
    Ok((certificates, key))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path, "certificates")? {
        store.add(certificate)?;
    }
    Ok(store)
}

/// All certificates in a file; at least one.
fn certificates(path: &Path, wanted: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |source| TlsError::Read { path: path.to_owned(), wanted, source };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(read)?.collect();
    let found = found.map_err(read)?;
    if found.is_empty() { Err(read(pem::Error::NoItemsFound)) } else { Ok(found) }
}

/// The names that clients use for a server of this model at this address.
fn names(model: &Model, address: IpAddr) -> Vec<String> {
    let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let listener = Some(address).filter(|address| !address.is_unspecified() && !address.is_loopback());
    let apis = format!("*.execute-api.{}.amazonaws.com", model.region);
    let domains = model.domains.iter().map(|domain| domain.name.clone());
    own.into_iter().chain(listener.map(|address| address.to_string())).chain([apis]).chain(domains).collect()
}

/// A certificate for these names, valid for a year; its authority's is written to `authority`.
fn made(authority: &Path, names: Vec<String>, now: Timestamp) -> Result<Identity, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, AUTHORITY);
    last_a_year(&mut params, now);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    last_a_year(&mut params, now);
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, &issuer)?;

    write(authority, &issuer.pem())?;
    Ok((vec![leaf.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// Writes the certificate of an authority where there is nothing yet, or that of an earlier one.
fn write(path: &Path, pem: &str) -> Result<(), TlsError> {
    let unwritable = |source| TlsError::Write { path: path.to_owned(), source };
    match File::create_new(path) {
        Ok(mut file) => file.write_all(pem.as_bytes()).map_err(unwritable),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if is_authority(path).map_err(unwritable)? {
                fs::write(path, pem).map_err(unwritable)
            } else {
                Err(TlsError::Occupied { path: path.to_owned() })
            }
        }
        Err(error) => Err(unwritable(error)),
    }
}

/// Whether a file holds what `write` writes, and nothing else: one certificate with the name of a made authority.
fn is_authority(path: &Path) -> io::Result<bool> {
    // What is no plain file (a pipe, a device) may have no end, or not even a beginning.
    if !fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(AUTHORITY_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let is_alone = text.trim().starts_with("-----BEGIN CERTIFICATE-----")
        && text.trim().ends_with("-----END CERTIFICATE-----")
        && text.matches("-----BEGIN").count() == 1;
    let certificate = CertificateDer::from_pem_slice(&bytes);
    let is_named = |der: CertificateDer<'_>| der.as_ref().windows(AUTHORITY.len()).any(|window| window == AUTHORITY.as_bytes());
    Ok(is_alone && certificate.is_ok_and(is_named))
}

/// From the day before, so that no clock is too slow for it; not longer than clients accept.
fn last_a_year(params: &mut CertificateParams, now: Timestamp) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = |days: i64| {
        let date = today.saturating_add(Span::new().days(days));
        rcgen::date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(-1);
    params.not_after = day(365);
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::model::{Api, ApiKind, Domain};

    #[test]
    fn a_made_certificate_has_every_name_of_the_server() {
        let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3d4e5"), &["prod"], Vec::new());
        model.domains.push(Domain { name: "api.example.com".to_owned(), base_paths: Vec::new(), truststore: None });
        let names = names(&model, IpAddr::from([192, 0, 2, 1]));
        let expected = ["localhost", "127.0.0.1", "::1", "192.0.2.1", "*.execute-api.us-east-1.amazonaws.com", "api.example.com"];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_authority_is_written_over_an_earlier_one_and_over_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let write = || made(&path, vec!["localhost".to_owned()], Timestamp::UNIX_EPOCH).map(drop);
        write().unwrap();
        let first = fs::read_to_string(&path).unwrap();
        write().unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), first);
        let foreign = CertifiedIssuer::self_signed(CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
        let foreign = foreign.unwrap().pem();
        let key = KeyPair::generate().unwrap().serialize_pem();
        for kept in
            ["", "a: b", foreign.as_str(), &format!("{first}{foreign}"), &format!("{first}{key}"), &format!("{first}# mine")]
        {
            fs::write(&path, kept).unwrap();
            let refused = write().unwrap_err();
            assert!(matches!(refused, TlsError::Occupied { .. }), "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        }
        assert!(matches!(made(folder.path(), Vec::new(), Timestamp::UNIX_EPOCH), Err(TlsError::Occupied { .. })));
        let nowhere = folder.path().join("none/ca.pem");
        assert!(matches!(made(&nowhere, Vec::new(), Timestamp::UNIX_EPOCH), Err(TlsError::Write { .. })));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let certificate = Certificate::Given { chain: "/nonexistent/chain".into(), key: "/nonexistent/key".into() };
        let settings = TlsSettings { certificate, client_authorities: None };
        let model = Model::of(Api::new(ApiKind::Rest, "a1b2c3d4e5"), &["prod"], Vec::new());
        let error = Tls::new(&settings, &model, IpAddr::from([127, 0, 0, 1]), Timestamp::UNIX_EPOCH).err().unwrap();
        assert!(error.to_string().starts_with("cannot use /nonexistent/chain: "), "{error}");
    }
}
