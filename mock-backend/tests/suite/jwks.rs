//! Keys of issuers that stand at a URL: fetched once, again for a key that is new, and never for ever.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use sluicegate_mock::Summary;
use sluicegate_policy::model::{ApiKind, Authorizer, AuthorizerKind, IdentitySource, IssuerKeys, Jwt};
use sluicegate_policy::time::Span;
use sluicegate_timer::clock::wall_epoch;

use crate::mock::{Answer, Client, Mock, lambda_authorizer, mock};

/// A key of an issuer.
pub(crate) struct Key {
    name: &'static str,
    pub(crate) pair: rcgen::KeyPair,
    pub(crate) signs: EncodingKey,
}

impl Key {
    pub(crate) fn new(name: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let signs = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { name, pair, signs }
    }

    /// What an issuer says that has this key alone.
    pub(crate) fn set(&self) -> String {
        let mut public = Jwk::from_encoding_key(&self.signs, Algorithm::RS256).unwrap();
        public.common.key_id = Some(self.name.to_owned());
        json!({ "keys": [public] }).to_string()
    }

    fn request(&self) -> String {
        let head = Header { kid: Some(self.name.to_owned()), ..Header::new(Algorithm::RS256) };
        let end = wall_epoch().as_ns() / 1_000_000_000 + 600;
        let claims = json!({ "iss": "https://issuer.example", "aud": "shop", "exp": end });
        let token = jsonwebtoken::encode(&head, &claims, &self.signs).unwrap();
        format!("GET /prod/x HTTP/1.1\r\nhost: mock\r\nauthorization: Bearer {token}\r\n\r\n")
    }
}

/// A server of key sets: what it says now, and how often it was asked.
struct Issuer {
    address: SocketAddr,
    says: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    /// Answers every request with what it says, by `how`.
    fn serving(says: String, how: impl Fn(&mut TcpStream, &str, &str) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::new(AtomicUsize::new(0)));
        let (told, counted) = (Arc::clone(&says), Arc::clone(&asked));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let line = lines.next().and_then(Result::ok).unwrap_or_default();
                while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
                counted.fetch_add(1, Ordering::SeqCst);
                let says = told.lock().unwrap().clone();
                how(&mut stream, &line, &says);
            }
        });
        Self { address, says, asked }
    }

    fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn whole(stream: &mut TcpStream, _: &str, body: &str) {
    let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
}

/// An HTTP API whose tokens are verified with the keys at a URL.
fn with_keys(keys: IssuerKeys, issuer: &str) -> Mock {
    let jwt = Jwt {
        issuer: issuer.to_owned(),
        audiences: vec!["shop".to_owned()],
        identity: IdentitySource::Header("Authorization".to_owned()),
        keys: Some(keys),
    };
    let authorizer = Authorizer { kind: AuthorizerKind::Jwt(jwt), ..lambda_authorizer(Span::ZERO) };
    mock(ApiKind::Http).fixed("GET /x", "ok").authorized(authorizer)
}

fn serve<T>(keys: IssuerKeys, client: impl AsyncFnOnce(Client) -> T) -> (T, Summary) {
    with_keys(keys, "https://issuer.example").serve(client)
}

#[test]
fn keys_are_fetched_once_by_all_who_need_them_and_again_for_a_new_key() {
    let (first, second, made_up) = (Key::new("first"), Key::new("second"), Key::new("made-up"));
    let issuer = Issuer::serving(first.set(), whole);
    serve(IssuerKeys::At(issuer.url()), async |client| {
        let request = first.request();
        let (a, b, c) = tokio::join!(client.ask(&request), client.ask(&request), client.ask(&request));
        assert_eq!(([a.status, b.status, c.status], issuer.asked()), ([200; 3], 1), "those who wait share the fetch");
        *issuer.says.lock().unwrap() = second.set();
        assert_eq!((client.ask(&second.request()).await.status, issuer.asked()), (200, 2), "the issuer has another key now");
        assert_eq!(client.ask(&first.request()).await.status, 401, "and no longer the one before");
        for _ in 0..5 {
            assert_eq!(client.ask(&made_up.request()).await.status, 401);
        }
        assert_eq!(issuer.asked(), 2, "a key that nobody has is not asked for again and again");
        assert_eq!(client.ask(&second.request()).await.status, 200);
    });
}

#[test]
fn an_issuer_says_itself_where_its_keys_are() {
    let key = Key::new("first");
    let issuer = Issuer::serving(key.set(), |stream, line, keys| {
        let host = stream.local_addr().unwrap();
        match line.split(' ').nth(1) {
            Some("/.well-known/openid-configuration") => whole(stream, "", &format!("{{\"jwks_uri\":\"http://{host}/own\"}}")),
            Some("/own") => whole(stream, "", keys),
            _ => drop(write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")),
        }
    });
    let (answer, _) = with_keys(IssuerKeys::Discovered, &format!("http://{}", issuer.address))
        .serve(async |client| client.ask(&key.request()).await);
    // The key is found; what is left to say is that the token names another issuer.
    let said = answer.header("www-authenticate").unwrap();
    assert!(said.contains("the token does not have a valid issuer"), "{said}");
    assert_eq!(issuer.asked(), 2);
}

/// What a client is told while its issuer does this.
fn told(how: impl Fn(&mut TcpStream, &str, &str) + Send + 'static) -> (Answer, Summary) {
    let key = Key::new("first");
    let issuer = Issuer::serving(key.set(), how);
    serve(IssuerKeys::At(issuer.url()), async |client| client.ask(&key.request()).await)
}

#[test]
fn an_issuer_that_stalls_lies_or_says_too_much_makes_a_refusal_and_no_more() {
    let answers = [
        told(|_, _, _| thread::park()),
        told(|stream, _, _| whole(stream, "", "{\"keys\": 7")),
        told(|stream, _, _| whole(stream, "", "{\"keys\": []}")),
        told(|stream, _, _| drop(write!(stream, "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))),
        told(|stream, _, _| drop(write!(stream, "no HTTP at all"))),
        told(|stream, _, _| {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n");
            let megabyte = vec![b' '; 1 << 20];
            for _ in 0..100 {
                if stream.write_all(&megabyte).is_err() {
                    return;
                }
            }
        }),
    ];
    for (answer, summary) in &answers {
        assert_eq!((answer.status, &*answer.body), (401, r#"{"message":"Unauthorized"}"#));
        assert!(answer.header("www-authenticate").unwrap().contains("unable to find a signing key"));
        let problems = summary.problems.join(" ");
        assert!(problems.contains("the keys of the authorizer check could not be fetched 1 times"), "{problems}");
    }
}

#[test]
fn keys_elsewhere_are_not_fetched_unless_somebody_allows_it() {
    let key = Key::new("first");
    let url = "https://keys.example.com/jwks.json".to_owned();
    let (answer, summary) = serve(IssuerKeys::At(url), async |client| client.ask(&key.request()).await);
    assert_eq!(answer.status, 401);
    let problems = summary.problems.join(" ");
    assert!(problems.contains("keys.example.com") && problems.contains("--allow-host"), "{problems}");
}
