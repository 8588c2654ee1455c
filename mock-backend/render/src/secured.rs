//! What a TLS connection tells of itself and of its client.
//!
//! Owns the facts that `$context` shows, as texts. Refuses to negotiate and to parse certificates (the mock does both). Made once
//! for each connection, shared by all of its requests.

/// A TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// `$context.tlsVersion`: `TLSv1.3`.
    pub version: &'static str,
    /// `$context.cipherSuite`: `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: &'static str,
    /// The certificate that the client showed; `None` without mutual TLS.
    pub client: Option<ClientCertificate>,
}

/// A client's certificate, as `$context.identity.clientCert.*` tells it (developer guide, "Variables for access logging", 2026).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate in PEM, with its line breaks.
    pub pem: String,
    /// Distinguished name of the subject: `C=US,O=Shop,CN=client`.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// Serial number: `a1:b2:c3`.
    pub serial: String,
    /// The first instant of its validity: `May 28 12:30:02 2019 GMT`.
    pub not_before: String,
    /// The last one.
    pub not_after: String,
}

impl ClientCertificate {
    /// The variable of this name below `$context.identity.clientCert`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match name {
            "clientCertPem" => Some(&self.pem),
            "subjectDN" => Some(&self.subject),
            "issuerDN" => Some(&self.issuer),
            "serialNumber" => Some(&self.serial),
            "validity.notBefore" => Some(&self.not_before),
            "validity.notAfter" => Some(&self.not_after),
            _ => None,
        }
    }
}
