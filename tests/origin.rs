//! A live endpoint that is not our mock: a hyper server on a thread, plain or with TLS, which remembers what it was asked.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) version: Version,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    headers: HeaderMap,
}

impl Asked {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A server that answers everything with 200; it takes no more connections when it is dropped.
pub(crate) struct Origin {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl Origin {
    /// Plain HTTP on the loopback.
    pub(crate) fn plain() -> Self {
        Self::on("127.0.0.1:0", None).expect("the loopback has a free port")
    }

    /// TLS on the loopback, offering these protocols; the certificate of its authority is written to `authority`.
    pub(crate) fn tls(authority: &Path, offered: &[&str]) -> Self {
        let config = certified(authority, offered);
        Self::on("127.0.0.1:0", Some(TlsAcceptor::from(Arc::new(config)))).expect("the loopback has a free port")
    }

    /// Plain HTTP on the IPv6 loopback, where this machine has one.
    pub(crate) fn plain_v6() -> Option<Self> {
        Self::on("[::1]:0", None).ok()
    }

    fn on(address: &str, acceptor: Option<TlsAcceptor>) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let origin = Self { address: listener.local_addr()?, asked: Arc::default(), over: Arc::default() };
        let (asked, over) = (Arc::clone(&origin.asked), Arc::clone(&origin.over));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    connections.spawn(serve(stream, acceptor.clone(), Arc::clone(&asked)));
                }
            });
        });
        Ok(origin)
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL; certificates are made out to `localhost`.
    pub(crate) fn url(&self, scheme: &str, base: &str) -> String {
        match scheme {
            "https" => format!("https://localhost:{}{base}", self.address.port()),
            _ => format!("{scheme}://{}{base}", self.address),
        }
    }

    /// What it was asked until now, in order.
    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.asked.lock().expect("no request panics").clone()
    }
}

async fn serve(stream: tokio::net::TcpStream, acceptor: Option<TlsAcceptor>, asked: Arc<Mutex<Vec<Asked>>>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&asked)));
    let server = auto::Builder::new(TokioExecutor::new());
    let _ = match acceptor {
        None => server.serve_connection(TokioIo::new(stream), service).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
            Err(_) => return,
        },
    };
}

async fn answer(request: Request<Incoming>, asked: Arc<Mutex<Vec<Asked>>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Nothing of the body is needed, but it must be read.
    let _ = body.collect().await;
    let target = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let one = Asked { version: head.version, method: head.method.to_string(), target, headers: head.headers };
    asked.lock().expect("no request panics").push(one);
    Ok(Response::new(Full::new(Bytes::from_static(b"ok"))))
}

/// A certificate for `localhost`, from an authority made for it alone.
fn certified(authority: &Path, offered: &[&str]) -> rustls::ServerConfig {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    std::fs::write(authority, issuer.pem()).expect("the folder is writable");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("key and certificate belong together");
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}
