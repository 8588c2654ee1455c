//! The recorded conversions of bodies between text and bytes.
//!
//! Owns the family `binary`: its setups, its store of bytes, and what its names say. The recorded setup had an object store behind
//! an `AWS` integration; here an HTTP back end keeps the bytes, since what is converted does not depend on who gets it. Refuses the
//! store's own checksums. Called by `main`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cases::Request;
use crate::recorded::Scenario;
use crate::served::Mock;

/// Bodies by their path, with their content types.
type Objects = Arc<Mutex<BTreeMap<String, (String, Vec<u8>)>>>;

/// A mock for each pair of API and back end: without binary media types, and with `image/png`.
struct Setups {
    plain: Mock,
    binary: Mock,
    objects: Objects,
}

/// Runs the scenarios of the family, one after the other; of each its differences as expected and got.
pub(crate) fn run(all: &[Scenario]) -> Vec<(&str, Result<(), Vec<String>>)> {
    let setups = setups();
    let one = |scenario| setups.as_ref().map_err(Clone::clone).and_then(|setups| one(scenario, setups, all));
    all.iter().filter(|scenario| scenario.family() == "binary").map(|scenario| (scenario.id.as_str(), one(scenario))).collect()
}

fn one(scenario: &Scenario, setups: &Setups, all: &[Scenario]) -> Result<(), Vec<String>> {
    let (direction, case) =
        scenario.id.trim_start_matches("binary.").split_once('.').ok_or_else(|| vec!["no case".to_owned()])?;
    let bodies = Bodies::of(all);
    let recorded = &scenario.recorded_answer;
    let (expected, got) = match direction.strip_prefix("request") {
        Some(_) => (&recorded["Body"], request(setups, direction, case, &bodies)?),
        None => (&recorded["content"], response(setups, direction, case, &bodies)?),
    };
    let expected = bytes(expected.as_str().unwrap_or_default());
    if expected == got {
        return Ok(());
    }
    let shown = |bytes: &[u8]| format!("{} bytes, {}", bytes.len(), String::from_utf8_lossy(bytes).escape_debug());
    Err(vec![format!("body: expected {}\n      got {}", shown(&expected), shown(&got))])
}

/// What the store was given of a body that a client sent.
fn request(setups: &Setups, direction: &str, case: &str, bodies: &Bodies) -> Result<Vec<u8>, Vec<String>> {
    let handling = match direction {
        "request[CONVERT_TO_TEXT]" => "CONVERT_TO_TEXT",
        "request_convert_to_binary" => "CONVERT_TO_BINARY",
        _ => "NONE",
    };
    let case = case.trim_start_matches("get-obj-");
    let mock = if case.starts_with("no-binary-media") { &setups.plain } else { &setups.binary };
    let content_type = if case.starts_with("text-type") { "text/plain" } else { "image/png" };
    let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
    let target = format!("/put/{handling}/object");
    let answer = mock.ask(&Request { method: "PUT".to_owned(), target, headers, body: bodies.named(case) })?;
    if answer.status != 200 {
        return Err(vec![format!("status: expected 200, got {} {}", answer.status, answer.body)]);
    }
    let objects = setups.objects.lock().unwrap_or_else(PoisonError::into_inner);
    objects.get("/put/object").map(|(_, body)| body.clone()).ok_or_else(|| vec!["nothing was stored".to_owned()])
}

/// What a client got of a body that the store had.
fn response(setups: &Setups, direction: &str, case: &str, bodies: &Bodies) -> Result<Vec<u8>, Vec<String>> {
    let handling = match direction {
        "response_convert_to_text" => "CONVERT_TO_TEXT",
        "response_convert_to_binary" => "CONVERT_TO_BINARY",
        "response_convert_to_binary_with_request_template" => "TEMPLATE",
        _ => "NONE",
    };
    let mock = if case.ends_with("no-media") { &setups.plain } else { &setups.binary };
    let of_payload = case.contains("payload-text") || case.contains("text-payload-binary-accept") && handling == "TEMPLATE";
    let content_type = if of_payload { "text/plain" } else { "image/png" };
    let accept = if case.contains("accept-text") { "text/plain" } else { "image/png" };
    let object = (content_type.to_owned(), bodies.named(case));
    setups.objects.lock().unwrap_or_else(PoisonError::into_inner).insert("/get/object".to_owned(), object);
    let headers = vec![("Accept".to_owned(), accept.to_owned())];
    let target = format!("/get/{handling}/object");
    let answer = mock.ask(&Request { method: "GET".to_owned(), target, headers, body: Vec::new() })?;
    if answer.status == 200 { Ok(answer.bytes) } else { Err(vec![format!("status: expected 200, got {}", answer.status)]) }
}

/// The three bodies of the recordings.
struct Bodies {
    raw: Vec<u8>,
    encoded: Vec<u8>,
}

impl Bodies {
    fn of(all: &[Scenario]) -> Self {
        let of = |scenario: &&Scenario| scenario.id == "binary.request[None].get-obj-no-binary-media-binary-encoded";
        let encoded = all.iter().find(of).and_then(|scenario| scenario.recorded_answer["Body"].as_str()).unwrap_or_default();
        Self { raw: STANDARD.decode(encoded).unwrap_or_default(), encoded: encoded.into() }
    }

    fn named(&self, case: &str) -> Vec<u8> {
        match case {
            case if case.contains("encoded") => self.encoded.clone(),
            case if case.contains("raw") => self.raw.clone(),
            _ => b"this is a UTF8 text typed object".to_vec(),
        }
    }
}

/// A recorded text, or bytes as Python writes them.
fn bytes(recorded: &str) -> Vec<u8> {
    let Some(literal) = recorded.strip_prefix("b'").and_then(|rest| rest.strip_suffix('\'')) else { return recorded.into() };
    let (mut out, mut rest) = (Vec::new(), literal.chars());
    while let Some(c) = rest.next() {
        let Some(escape) = (c == '\\').then(|| rest.next()).flatten() else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        };
        match escape {
            'x' => {
                let digits: String = rest.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&digits, 16).unwrap_or_default());
            }
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            other => out.push(u8::try_from(other).unwrap_or_default()),
        }
    }
    out
}

fn setups() -> Result<Setups, Vec<String>> {
    let objects = Objects::default();
    let address = store(&objects).map_err(|error| vec![format!("the store does not start: {error}")])?;
    let mock = |media: &[&str]| {
        let folder = tempfile::tempdir().map_err(|error| vec![error.to_string()])?;
        let file = folder.path().join("binary.json");
        std::fs::write(&file, document(address, media).to_string()).map_err(|error| vec![error.to_string()])?;
        Mock::serve(&file)
    };
    Ok(Setups { plain: mock(&[])?, binary: mock(&["image/png"])?, objects: Arc::clone(&objects) })
}

/// One resource for each conversion of each direction.
fn document(store: SocketAddr, media: &[&str]) -> Value {
    let mut paths = serde_json::Map::new();
    for handling in ["NONE", "CONVERT_TO_TEXT", "CONVERT_TO_BINARY", "TEMPLATE"] {
        let conversion = match handling {
            "NONE" => None,
            "TEMPLATE" => Some("CONVERT_TO_BINARY"),
            other => Some(other),
        };
        for (method, path) in [("put", "put"), ("get", "get")] {
            let mut integration = json!({
                "type": "http", "httpMethod": method.to_uppercase(), "uri": format!("http://{store}/{path}/object"),
                "requestParameters": { "integration.request.header.Content-Type": "method.request.header.Content-Type" },
                "responses": { "default": { "statusCode": "200" } },
            });
            let converted = if method == "put" { &mut integration } else { &mut integration["responses"]["default"] };
            if let Some(conversion) = conversion {
                converted["contentHandling"] = json!(conversion);
            }
            if handling == "TEMPLATE" {
                integration["responses"]["default"]["responseTemplates"] =
                    json!({ "application/json": "{\"data\": \"$input.body\"}" });
            }
            let operation = json!({ "responses": { "200": {} }, "x-amazon-apigateway-integration": integration });
            paths.insert(format!("/{path}/{handling}/object"), json!({ method: operation }));
        }
    }
    json!({
        "openapi": "3.0.1", "info": { "title": "a store of bytes", "version": "1" }, "paths": paths,
        "x-amazon-apigateway-binary-media-types": media,
    })
}

/// Keeps what is put, and gives what is asked; its thread ends with the process.
fn store(objects: &Objects) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (address, objects) = (listener.local_addr()?, Arc::clone(objects));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let objects = Arc::clone(&objects);
            thread::spawn(move || keep(stream, &objects));
        }
    });
    Ok(address)
}

fn keep(stream: TcpStream, objects: &Objects) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let header = |name: &str| {
            let mut fields = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
            fields.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        let mut words = lines.first()?.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
        if method == "PUT" {
            objects.insert(path.clone(), (header("content-type").unwrap_or_default(), body));
        }
        let (content_type, body) = match method.as_str() {
            "GET" => objects.get(&path).cloned().unwrap_or_default(),
            _ => ("text/plain".to_owned(), Vec::new()),
        };
        drop(objects);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}
