//! What a finished handshake tells: version, cipher suite, and the certificate that the client showed.
//!
//! Owns how each is spelled in `$context`. Refuses to verify a certificate (rustls did) and to choose between them (`tls`). Called
//! by `accept` once for each connection.
//!
//! The spelling of versions and cipher suites is that of the guide's lists ("Supported security policies", 2025); that of names,
//! serial numbers and times is that of the guide's example of a Lambda event ("Integration payload format", 2023) and of the
//! announcement of mutual TLS (AWS Compute Blog, 17 September 2020), which shows names in the order of the certificate, with a
//! comma and no space between their parts. How a comma within a part is told from one between them is UNCONFIRMED: here by a
//! backslash, as in RFC 4514. So is whether the first byte of a serial number keeps a leading zero: here it does not, as the
//! announcement's `1`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::strtime;
use rustls::{CipherSuite, ProtocolVersion, ServerConnection};
use rustls_pki_types::CertificateDer;
use sluicegate_render::secured::{ClientCertificate, Secured};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The facts of a connection whose handshake is over.
pub(crate) fn secured(connection: &ServerConnection) -> Secured {
    let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
    Secured {
        version: connection.protocol_version().map_or("", version),
        cipher_suite: suite.map_or("", cipher_suite),
        client: connection.peer_certificates().and_then(|chain| chain.first()).map(client),
    }
}

/// What no server here agrees to has no name.
const fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "",
    }
}

/// The name in the provider's lists: IANA's for TLS 1.3, OpenSSL's for TLS 1.2.
const fn cipher_suite(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        _ => "",
    }
}

/// A certificate in the words of `$context`; of one that the verifier takes and this parser does not, the PEM alone.
fn client(certificate: &CertificateDer<'_>) -> ClientCertificate {
    let pem = pem(certificate);
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        let none = String::new;
        return ClientCertificate { pem, subject: none(), issuer: none(), serial: none(), not_before: none(), not_after: none() };
    };
    ClientCertificate {
        pem,
        subject: name(parsed.subject()),
        issuer: name(parsed.issuer()),
        serial: serial(parsed.raw_serial()),
        not_before: time(parsed.validity().not_before),
        not_after: time(parsed.validity().not_after),
    }
}

fn pem(certificate: &[u8]) -> String {
    const LINE_CHARS: usize = 64;
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let encoded = STANDARD.encode(certificate);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_CHARS));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + "-----END CERTIFICATE-----\n"
}

/// `C=US,O=Shop,CN=client`.
fn name(name: &X509Name<'_>) -> String {
    let part = |attribute: &AttributeTypeAndValue<'_>| {
        let kind = oid2abbrev(attribute.attr_type(), oid_registry());
        let kind = kind.map_or_else(|_| attribute.attr_type().to_id_string(), str::to_owned);
        format!("{kind}={}", escaped(&String::from_utf8_lossy(attribute.as_slice())))
    };
    let parts = name.iter_rdn().map(|rdn| rdn.iter().map(part).collect::<Vec<_>>().join("+"));
    parts.collect::<Vec<_>>().join(",")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `a1:b2:c3`, without leading zeros.
fn serial(bytes: &[u8]) -> String {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    match bytes[first..].split_first() {
        None => "0".to_owned(),
        Some((first, rest)) => rest.iter().fold(format!("{first:x}"), |text, byte| format!("{text}:{byte:02x}")),
    }
}

/// `Aug  5 09:36:04 2021 GMT`.
fn time(time: ASN1Time) -> String {
    let time = Timestamp::from_second(time.timestamp()).ok();
    time.and_then(|time| strtime::format("%b %e %H:%M:%S %Y GMT", time).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};

    /// A certificate of this serial number whose subject, which is its issuer, has these parts.
    fn certificate(serial: &[u8], parts: &[(DnType, &str)]) -> ClientCertificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.not_before = rcgen::date_time_ymd(2020, 8, 5);
        params.not_after = rcgen::date_time_ymd(2120, 12, 31);
        client(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    #[test]
    fn a_certificate_is_told_as_the_provider_tells_it() {
        let parts = [(DnType::CountryName, "US"), (DnType::OrganizationName, "Shop, Inc"), (DnType::CommonName, "client")];
        let told = certificate(&[0x01, 0x0a, 0xff], &parts);
        assert_eq!(told.subject, "C=US,O=Shop\\, Inc,CN=client");
        assert_eq!(told.issuer, told.subject);
        assert_eq!(told.serial, "1:0a:ff");
        assert_eq!((&*told.not_before, &*told.not_after), ("Aug  5 00:00:00 2020 GMT", "Dec 31 00:00:00 2120 GMT"));
    }

    #[test]
    fn its_pem_can_be_read_again() {
        use rustls_pki_types::pem::PemObject;
        let told = certificate(&[7], &[(DnType::CommonName, "client")]);
        let read = CertificateDer::from_pem_slice(told.pem.as_bytes()).unwrap();
        assert_eq!(client(&read), told);
        assert!(told.pem.lines().all(|line| line.len() <= 64), "{}", told.pem);
    }

    #[test]
    fn what_is_no_certificate_is_no_panic() {
        let told = client(&CertificateDer::from(vec![1, 2, 3]));
        assert_eq!((&*told.subject, told.pem.lines().nth(1)), ("", Some("AQID")));
        assert_eq!((serial(&[]), serial(&[0, 0]), serial(&[0, 0x8a])), ("0".to_owned(), "0".to_owned(), "8a".to_owned()));
    }
}
