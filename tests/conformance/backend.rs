//! The HTTP back end that the recorded setups had: it tells what it was asked.
//!
//! Owns the socket and what it says. Refuses to know a scenario: the path says which of the recorded back ends it stands for.
//! Started by `main` for each setup that has one.
//!
//! - `/status/N`: answers with that status;
//! - `/anything`: `{"json": BODY}`;
//! - `/remap`: the headers as they came, and the body, by a server that names itself;
//! - all else is a function behind a URL, which adds headers of its own to what it tells.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde_json::{Map, Value, json};

/// A running back end; its thread ends with the process.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
}

/// A request as it came.
struct Asked {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Backend {
    pub(crate) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream));
            }
        });
        Ok(Self { address })
    }

    /// The same over TLS; its certificate is written to `authority`.
    pub(crate) fn start_secure(authority: &Path) -> Result<Self, Box<dyn Error>> {
        let config = Arc::new(certified(authority)?);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || {
                    if let Ok(connection) = ServerConnection::new(config) {
                        serve(StreamOwned::new(connection, stream));
                    }
                });
            }
        });
        Ok(Self { address })
    }
}

fn serve(stream: impl Read + Write) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let told = reader.get_mut().write_all(answer(&asked).as_bytes()).and_then(|()| reader.get_mut().flush());
        if told.is_err() {
            return;
        }
    }
}

/// A certificate for `localhost` that signs itself; it is written to `authority`.
fn certified(authority: &Path) -> Result<ServerConfig, Box<dyn Error>> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    std::fs::write(authority, certificate.pem())?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    Ok(config.with_single_cert(vec![certificate.der().clone()], key)?)
}

fn read(reader: &mut BufReader<impl Read>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (method, rest) = line.trim_end().split_once(' ')?;
    let (method, target) = (method.to_owned(), rest.split(' ').next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn answer(asked: &Asked) -> String {
    let path = asked.target.split('?').next().unwrap_or("");
    let json = |text: &str| if text.is_empty() { json!("") } else { serde_json::from_str(text).unwrap_or_else(|_| json!(text)) };
    if let Some(status) = path.strip_prefix("/status/").and_then(|status| status.parse::<u16>().ok()) {
        return written(status, "", &json!({ "message": "", "status_code": status }));
    }
    match path {
        "/anything" => written(200, "", &json!({ "json": serde_json::from_str::<Value>(&asked.body).unwrap_or(Value::Null) })),
        "/remap" => {
            // That server keeps what proxies say of the way to itself.
            let told = asked.headers.iter().filter(|(name, _)| !name.to_ascii_lowercase().starts_with("x-forwarded-"));
            let headers: Map<_, _> = told.map(|(name, value)| (name.clone(), json!(value))).collect();
            let own = "Server: gunicorn/19.9.0\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n";
            written(200, own, &json!({ "headers": headers, "body": json(&asked.body) }))
        }
        _ => function(asked, path, &json(&asked.body)),
    }
}

/// What the function behind a URL told; the URL's own headers are part of what it saw and of its answer.
fn function(asked: &Asked, path: &str, data: &Value) -> String {
    let mut headers: Map<_, _> = asked.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), json!(value))).collect();
    for (name, value) in [
        ("x-amzn-tls-cipher-suite", "TLS_AES_128_GCM_SHA256"),
        ("x-amzn-tls-version", "TLSv1.3"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ] {
        headers.insert(name.to_owned(), json!(value));
    }
    let origin = "192.0.2.7";
    let before = headers.get("x-forwarded-for").and_then(Value::as_str).map(|before| format!("{before}, ")).unwrap_or_default();
    headers.insert("x-forwarded-for".to_owned(), json!(format!("{before}{origin}")));
    // The URL has a trace of its own, below the one that it was called with.
    if let Some(Value::String(trace)) = headers.get_mut("x-amzn-trace-id") {
        trace.push_str(";Parent=0123456789abcdef;Sampled=0");
    }
    let mut args: Map<String, Value> = Map::new();
    for pair in asked.target.split('?').nth(1).unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A function URL joins the values of one name.
        let before = args.get(name).and_then(Value::as_str).map(|before| format!("{before},")).unwrap_or_default();
        args.insert(name.to_owned(), json!(format!("{before}{value}")));
    }
    let domain = headers.get("host").cloned().unwrap_or(Value::Null);
    let told = json!({
        "args": args, "data": data, "domain": domain, "headers": headers, "method": asked.method, "origin": origin, "path": path,
    });
    let own =
        "x-amzn-RequestId: 01234567-89ab-4def-8123-456789abcdef\r\nX-Amzn-Trace-Id: Root=1-00000000-0123456789abcdef01234567\r\n";
    written(200, own, &told)
}

fn written(status: u16, headers: &str, body: &Value) -> String {
    let (body, date) = (body.to_string(), "Thu, 01 Jan 2026 00:00:00 GMT");
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nDate: {date}\r\nConnection: keep-alive\r\n{headers}\r\n{body}"
    )
}
