//! Servers on free ports of the loopback: one thread for each connection, and a behaviour in a few lines.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, Timer};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A listening server; it takes no more connections when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// Serves every connection with `behave`, which also learns the connection's number.
pub(super) fn serve(behave: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let (behave, until) = (Arc::new(behave), Arc::clone(&over));
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            if until.load(Ordering::Relaxed) {
                return;
            }
            let behave = Arc::clone(&behave);
            std::thread::spawn(move || behave(stream, number));
        }
    });
    Server { address, over }
}

/// Answers every request with these bytes.
pub(super) fn answering(answer: &'static str) -> Server {
    serve(move |mut stream, _| while read_head(&mut stream) && stream.write_all(answer.as_bytes()).is_ok() {})
}

/// Answers each connection's first request with these bytes, and closes.
pub(super) fn answering_once(answer: &'static [u8]) -> Server {
    serve(move |mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(answer);
        close(&stream);
    })
}

/// Reads for ever.
pub(super) fn silent() -> Server {
    serve(|mut stream, _| while read_head(&mut stream) {})
}

/// Says goodbye in an orderly way: with unread bytes in its buffer a socket would reset instead.
pub(super) fn close(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = std::io::copy(&mut &*stream, &mut std::io::sink());
}

/// Reads to the end of a head; false when there is none.
pub(super) fn read_head(stream: &mut TcpStream) -> bool {
    let mut last = [0; 4];
    let mut byte = [0];
    while last != *b"\r\n\r\n" {
        match stream.read(&mut byte) {
            Ok(1) => {
                last.rotate_left(1);
                last[3] = byte[0];
            }
            _ => return false,
        }
    }
    true
}

/// Waits as a pacer does: for a server that takes its time.
pub(super) fn wait(time: Span) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::starting_now();
        Timer::new(clock).unwrap().until(Instant::ZERO + time).await.unwrap();
    });
}

/// A port at which nobody listens.
pub(super) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A proper HTTP/1.1 and HTTP/2 server that echoes bodies.
pub(super) fn proper(tls: Option<rustls::ServerConfig>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                if until.load(Ordering::Relaxed) {
                    return;
                }
                connections.spawn(connection(stream, acceptor.clone()));
            }
        });
    });
    Server { address, over }
}

async fn connection(stream: tokio::net::TcpStream, acceptor: Option<TlsAcceptor>) {
    let server = auto::Builder::new(TokioExecutor::new());
    let _ = match acceptor {
        None => server.serve_connection(TokioIo::new(stream), service_fn(echo)).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => server.serve_connection(TokioIo::new(stream), service_fn(echo)).await,
            Err(_) => return,
        },
    };
}

async fn echo(request: http::Request<Incoming>) -> hyper::Result<http::Response<Full<Bytes>>> {
    let version = request.version();
    let body = request.into_body().collect().await?.to_bytes();
    let mut answer = http::Response::new(Full::new(body));
    if version == http::Version::HTTP_2 {
        *answer.status_mut() = http::StatusCode::ACCEPTED;
    }
    Ok(answer)
}

/// A server's TLS, offering these protocols; the certificate of its authority is written to `authority`.
pub(super) fn tls(authority: &Path, offered: &[&str]) -> rustls::ServerConfig {
    let (chain, key) = of_own_authority(authority, "localhost");
    let mut config = tls_builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// The same of a server that lets in only whoever shows a certificate of another authority; one with its key stands in `client`.
pub(super) fn mutual_tls(authority: &Path, client: &Path, offered: &[&str]) -> rustls::ServerConfig {
    let (chain, key) = of_own_authority(client, "client");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(client).unwrap()).unwrap();
    let shown = pem(&chain[0], "CERTIFICATE") + &pem(key.secret_der(), "PRIVATE KEY");
    std::fs::write(client, shown).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let (chain, key) = of_own_authority(authority, "localhost");
    let mut config = tls_builder().with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap();
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn pem(der: &[u8], what: &str) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
}

fn tls_builder() -> rustls::ConfigBuilder<rustls::ServerConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap()
}

/// A certificate with its key, of an authority of its own, whose certificate is written to `authority`.
fn of_own_authority(authority: &Path, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(authority, issuer.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (vec![certificate.der().clone()], key)
}
