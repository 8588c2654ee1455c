//! TLS, several listeners, and the names by which an API is reached.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use sluicegate_mock::{Certificate, MockError, Patience, Server, Settings, TlsError, TlsSettings, runtime};
use sluicegate_policy::model::{
    Api, ApiId, ApiKind, Burst, Deployment, DeploymentId, Domain, GatewayResponse, Integration, PerSecond, ResponseType, Route,
    Stage, StageId, Throttle,
};
use sluicegate_policy::time::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::mock::{mock, serve, serve_all};

fn secure(authority: &Path) -> Settings {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").settings();
    let certificate = Certificate::Made { authority: authority.to_owned() };
    settings.tls = Some(TlsSettings { certificate, client_authorities: None });
    settings
}

type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A client that trusts this authority, speaks these protocols, and shows a certificate if it has one.
fn connector(authority: &Path, protocols: &[&[u8]], shown: Option<Shown>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let mut config = match shown {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(tls: &TlsConnector, to: SocketAddr, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await.unwrap();
    tls.connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

/// All that comes back until the connection is closed.
async fn asked(stream: &mut TlsStream<TcpStream>, request: &str) -> std::io::Result<String> {
    let mut text = String::new();
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

const LAST: &str = "GET /prod/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn a_certificate_made_on_the_spot_satisfies_whoever_trusts_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    serve(secure(&authority), async |client| {
        let tls = connector(&authority, &[b"http/1.1"], None);
        for name in ["localhost", "127.0.0.1", "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"] {
            let mut stream = connect(&tls, client.address, name).await.unwrap();
            let text = asked(&mut stream, LAST).await.unwrap();
            assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("ok"), "{text}");
        }
        assert!(connect(&tls, client.address, "elsewhere.example").await.is_err());
    });
}

#[test]
fn http2_is_agreed_on_in_the_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    serve(secure(&authority), async |client| {
        let tls = connector(&authority, &[b"h2", b"http/1.1"], None);
        let stream = connect(&tls, client.address, "localhost").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let mut tasks = JoinSet::new();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tasks.spawn(async move { connection.await.unwrap() });
        let request = Request::get("https://localhost/prod/x").body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.headers()["x-amzn-requestid"].len(), 36);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
    });
}

/// A client's certificate; that of the authority that signed it is written to `clients`.
fn client_certificate(clients: &Path) -> Shown {
    let named = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Shop");
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut params = named("authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(clients, issuer.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = named("client").signed_by(&key, &issuer).unwrap();
    (vec![own.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// The same, for more than one connector.
fn again((chain, key): &Shown) -> Shown {
    (chain.clone(), key.clone_key())
}

/// The status and the body of a request over HTTP/2.
async fn asked_http2(stream: TlsStream<TcpStream>, uri: &str) -> (u16, String) {
    let mut tasks = JoinSet::new();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tasks.spawn(connection);
    let answer = sender.send_request(Request::get(uri).body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn what_the_handshake_told_stands_in_templates_gateway_responses_and_the_access_log() {
    const SAID: &str = "TLSv1.3 TLS_AES_256_GCM_SHA384 O=Shop,CN=client O=Shop,CN=authority";
    const VARIABLES: &str = "$context.tlsVersion $context.cipherSuite $context.identity.clientCert.subjectDN \
        $context.identity.clientCert.issuerDN";
    let folder = tempfile::tempdir().unwrap();
    let (authority, clients, log) =
        (folder.path().join("ca.pem"), folder.path().join("clients.pem"), folder.path().join("access.log"));
    let shown = client_certificate(&clients);
    let mut mock = mock(ApiKind::Rest).templated("GET /t", r#"{"statusCode": 200}"#, VARIABLES);
    mock = mock.logging(&format!("$context.requestId {VARIABLES} $context.identity.clientCert.validity.notAfter"));
    mock.model.deployments[0].responses.push(GatewayResponse {
        kind: ResponseType::MissingAuthenticationToken,
        status: None,
        headers: Vec::new(),
        templates: vec![("text/plain".to_owned(), "no $context.identity.clientCert.subjectDN".to_owned())],
    });
    let mut settings = mock.settings();
    settings.access_log = Some(log.clone());
    let certificate = Certificate::Made { authority: authority.clone() };
    settings.tls = Some(TlsSettings { certificate, client_authorities: Some(clients) });
    serve(settings, async |client| {
        let tls = connector(&authority, &[], Some(again(&shown)));
        let mut stream = connect(&tls, client.address, "localhost").await.unwrap();
        let text = asked(&mut stream, &LAST.replace("/x", "/t")).await.unwrap();
        assert!(text.trim_end().ends_with(SAID), "{text}");
        let tls = connector(&authority, &[b"h2"], Some(shown));
        let stream = connect(&tls, client.address, "localhost").await.unwrap();
        assert_eq!(asked_http2(stream, "https://localhost/prod/t").await, (200, SAID.to_owned()));
        let stream = connect(&tls, client.address, "localhost").await.unwrap();
        assert_eq!(asked_http2(stream, "https://localhost/prod/no").await.1, "no O=Shop,CN=client");
    });
    let lines = std::fs::read_to_string(&log).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains(SAID) && line.ends_with(" 4096 GMT")).count(), 3, "{lines}");
}

#[test]
fn a_client_has_to_show_a_certificate_where_mutual_tls_asks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, clients) = (folder.path().join("ca.pem"), folder.path().join("clients.pem"));
    let shown = client_certificate(&clients);
    let mut settings = secure(&authority);
    settings.tls.as_mut().unwrap().client_authorities = Some(clients);
    let ((), summary) = serve(settings, async |client| {
        let known = connector(&authority, &[], Some(shown));
        let mut stream = connect(&known, client.address, "localhost").await.unwrap();
        assert!(asked(&mut stream, LAST).await.unwrap().ends_with("ok"));
        let unknown = connector(&authority, &[], None);
        // With TLS 1.3 the client learns of it only when it reads.
        let mut stream = connect(&unknown, client.address, "localhost").await.unwrap();
        assert!(asked(&mut stream, LAST).await.is_err());
    });
    assert_eq!((summary.arrived, summary.connections.failed), (1, 1));
}

#[test]
fn a_custom_domain_asks_for_certificates_of_its_own_and_no_other_name_does() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, clients) = (folder.path().join("ca.pem"), folder.path().join("clients.pem"));
    let shown = client_certificate(&clients);
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "ok");
    let base_paths = vec![(String::new(), StageId(0))];
    mock.model.domains = vec![
        Domain { name: "mutual.example.com".to_owned(), base_paths: base_paths.clone(), truststore: Some(clients) },
        Domain { name: "plain.example.com".to_owned(), base_paths, truststore: None },
    ];
    let mut settings = mock.settings();
    let certificate = Certificate::Made { authority: authority.clone() };
    settings.tls = Some(TlsSettings { certificate, client_authorities: None });
    serve(settings, async |client| {
        let get = |host: &str| format!("GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let (known, unknown) = (connector(&authority, &[], Some(again(&shown))), connector(&authority, &[], None));
        for (tls, sni, host, expected) in [
            (&known, "mutual.example.com", "mutual.example.com", Some("200")),
            (&unknown, "mutual.example.com", "mutual.example.com", None),
            (&unknown, "plain.example.com", "plain.example.com", Some("200")),
            (&unknown, "localhost", "localhost", Some("403")),
            (&unknown, "plain.example.com", "Mutual.Example.com:443", Some("403")),
            (&known, "localhost", "mutual.example.com", Some("403")),
            (&known, "mutual.example.com", "plain.example.com", Some("200")),
        ] {
            let mut stream = connect(tls, client.address, sni).await.unwrap();
            let text = asked(&mut stream, &get(host)).await.ok();
            let status = text.as_deref().and_then(|text| text.split(' ').nth(1));
            assert_eq!(status, expected, "{host} by {sni}: {text:?}");
        }
        let mut stream = connect(&unknown, client.address, "localhost").await.unwrap();
        let text = asked(&mut stream, &get("mutual.example.com")).await.unwrap();
        assert!(text.contains("ForbiddenException") && text.ends_with(r#"{"message":"Forbidden"}"#), "{text}");
        let stream = connect(&connector(&authority, &[b"h2"], None), client.address, "localhost").await.unwrap();
        assert_eq!(asked_http2(stream, "https://mutual.example.com/x").await.0, 403);
        let stream = connect(&connector(&authority, &[b"h2"], Some(shown)), client.address, "mutual.example.com").await.unwrap();
        assert_eq!(asked_http2(stream, "https://mutual.example.com/x").await, (200, "ok".to_owned()));
    });
}

#[test]
fn a_request_by_the_connection_of_another_name_is_403_or_421() {
    for (misdirected, message) in [(403, "Forbidden"), (421, "Misdirected Request")] {
        let folder = tempfile::tempdir().unwrap();
        let (authority, clients) = (folder.path().join("ca.pem"), folder.path().join("clients.pem"));
        client_certificate(&clients);
        let mut settings = secure(&authority);
        let model = Arc::make_mut(&mut settings.model);
        model.apis[0].unconfirmed.misdirected = misdirected;
        let base_paths = vec![(String::new(), StageId(0))];
        model.domains.push(Domain { name: "mutual.example.com".to_owned(), base_paths, truststore: Some(clients) });
        serve(settings, async |client| {
            let mut stream = connect(&connector(&authority, &[], None), client.address, "localhost").await.unwrap();
            let text = asked(&mut stream, &LAST.replace("localhost", "mutual.example.com")).await.unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {misdirected} ")) && text.contains(message), "{text}");
        });
    }
}

#[test]
fn a_given_certificate_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name| folder.path().join(name);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["api.example.com".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(file("chain.pem"), own.pem()).unwrap();
    std::fs::write(file("key.pem"), key.serialize_pem()).unwrap();
    let mut settings = mock(ApiKind::Http).fixed("GET /x", "ok").settings();
    let certificate = Certificate::Given { chain: file("chain.pem"), key: file("key.pem") };
    settings.tls = Some(TlsSettings { certificate, client_authorities: None });
    serve(settings, async |client| {
        let tls = connector(&file("chain.pem"), &[], None);
        let mut stream = connect(&tls, client.address, "api.example.com").await.unwrap();
        assert!(asked(&mut stream, LAST).await.unwrap().ends_with("ok"));
    });
}

#[test]
fn whoever_speaks_no_tls_or_too_slowly_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = secure(&folder.path().join("ca.pem"));
    settings.patience = Patience { slow: Span::from_ms(24), ..Patience::default() };
    let ((), summary) = serve(settings, async |client| {
        let mut plain = client.connect().await;
        plain.write(LAST.as_bytes()).await;
        plain.read_to_end().await;
        assert!(client.connect().await.is_closed().await);
    });
    assert_eq!((summary.arrived, summary.connections.failed, summary.connections.expired), (0, 1, 1));
}

#[test]
fn a_certificate_that_cannot_be_read_is_named() {
    runtime().unwrap().block_on(async {
        let mut settings = mock(ApiKind::Rest).settings();
        let certificate = Certificate::Given { chain: "/nonexistent".into(), key: "/nonexistent".into() };
        settings.tls = Some(TlsSettings { certificate, client_authorities: None });
        let error = Server::bind(settings).await.err().unwrap();
        assert!(matches!(error, MockError::Tls(TlsError::Read { .. })), "{error}");
    });
}

#[test]
fn each_api_has_a_listener_of_its_own_and_a_host_goes_before_it() {
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "rest");
    let model = &mut mock.model;
    model.apis.push(Api::new(ApiKind::Http, "b2c3d4e5f6"));
    model.deployments.push(Deployment::new(ApiId(1), "current"));
    model.stages.push(Stage::new(ApiId(1), "$default", DeploymentId(1)));
    model.routes.push(Route::new(DeploymentId(1), Some("GET"), "/x", Integration::fixed(200, "http")));
    let base_paths = vec![("v1".to_owned(), StageId(0))];
    model.domains.push(Domain { name: "api.example.com".to_owned(), base_paths, truststore: None });
    serve_all(mock.settings(), async |clients| {
        let [first, second] = clients else { panic!("{clients:?}") };
        assert_eq!(first.get("/prod/x").await.body, "rest");
        assert_eq!(second.get("/x").await.body, "http");
        let host = |host: &str, path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for (request, body) in [
            (host("a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "/prod/x"), "rest"),
            (host("API.example.com:443", "/v1/x"), "rest"),
            (host("b2c3d4e5f6.execute-api.us-east-1.amazonaws.com", "/x"), "http"),
        ] {
            assert_eq!(first.ask(&request).await.body, body, "{request}");
            assert_eq!(second.ask(&request).await.body, body, "{request}");
        }
        assert_eq!(first.ask(&host("api.example.com", "/prod/x")).await.status, 403);
    });
}

#[test]
fn one_api_uses_up_the_tokens_of_the_account_that_another_would_have_had() {
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "rest");
    let model = &mut mock.model;
    let rate = PerSecond { tokens: 1, per: Span::from_secs(86_400) };
    model.account.throttle = Throttle { rate, burst: Burst(3) };
    model.apis.push(Api::new(ApiKind::Http, "b2c3d4e5f6"));
    model.deployments.push(Deployment::new(ApiId(1), "current"));
    model.stages.push(Stage::new(ApiId(1), "$default", DeploymentId(1)));
    model.routes.push(Route::new(DeploymentId(1), Some("GET"), "/x", Integration::fixed(200, "http")));
    serve_all(mock.settings(), async |clients| {
        let [rest, http] = clients else { panic!("{clients:?}") };
        let mut statuses = Vec::new();
        for (client, path) in [(rest, "/prod/x"), (rest, "/prod/x"), (http, "/x"), (http, "/x"), (rest, "/prod/x")] {
            statuses.push(client.get(path).await.status);
        }
        assert_eq!(statuses, [200, 200, 200, 429, 429]);
    });
}
