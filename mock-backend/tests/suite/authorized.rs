//! Who may ask, over a real socket: what refused clients read, what is waited for, and what is handed on.

use sluicegate_mock::{Server, runtime};
use sluicegate_policy::call::Reason;
use sluicegate_policy::model::{ApiKind, Authorization, Authorizer, AuthorizerId, AuthorizerKind, IdentitySource, Jwt};
use sluicegate_policy::time::Span;

use crate::mock::{Answer, Client, Mock, lambda_authorizer, mock};

fn with(token: &str) -> String {
    format!("GET /prod/x HTTP/1.1\r\nhost: mock\r\nauthorization: {token}\r\n\r\n")
}

fn answer(mock: Mock, request: &str) -> Answer {
    mock.serve(async |client| client.ask(request).await).0
}

fn guarded(kind: ApiKind, change: impl FnOnce(&mut Authorizer)) -> Mock {
    let mut authorizer = lambda_authorizer(Span::from_ms(1));
    change(&mut authorizer);
    mock(kind).fixed("GET /x", "ok").authorized(authorizer)
}

fn denying(authorizer: &mut Authorizer) {
    if let AuthorizerKind::Lambda(lambda) = &mut authorizer.kind {
        lambda.denials = 1.0;
    }
}

#[test]
fn whoever_shows_an_identity_waits_for_the_authorizer_and_is_served() {
    for kind in [ApiKind::Http, ApiKind::Rest] {
        let format = "$context.requestId $context.authorizer.principalId $context.authorizer.tenant \
                      $context.authorizer.latency $context.authorizer.status";
        let folder = tempfile::tempdir().unwrap();
        let mut settings = guarded(kind, |_| {}).logging(format).settings();
        settings.access_log = Some(folder.path().join("access.log"));
        let (answer, _) = crate::mock::serve(settings, async |client| client.ask(&with("t")).await);
        assert_eq!((answer.status, &*answer.body), (200, "ok"), "{kind:?}");
        let line = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        assert!(line.ends_with(" ann blue 1 200\n"), "{line}");
    }
}

#[test]
fn refused_clients_read_what_each_kind_of_api_says() {
    let missing = "GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n";
    let http = answer(guarded(ApiKind::Http, |_| {}), missing);
    assert_eq!((http.status, &*http.body), (401, r#"{"message":"Unauthorized"}"#));
    let rest = answer(guarded(ApiKind::Rest, |_| {}), missing);
    assert_eq!((rest.status, &*rest.body), (401, r#"{"message":"Unauthorized"}"#));
    assert_eq!(rest.header("x-amzn-errortype"), Some("UnauthorizedException"));
    let http = answer(guarded(ApiKind::Http, denying), &with("t"));
    assert_eq!((http.status, &*http.body), (403, r#"{"message":"Forbidden"}"#));
    let rest = answer(guarded(ApiKind::Rest, denying), &with("t"));
    let said =
        r#"{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}"#;
    assert_eq!((rest.status, &*rest.body), (403, said));
    assert_eq!(rest.header("x-amzn-errortype"), Some("AccessDeniedException"));
    let http = answer(guarded(ApiKind::Http, |it| it.failures = 1.0), &with("t"));
    assert_eq!((http.status, &*http.body), (500, r#"{"message":"Internal Server Error"}"#));
    let rest = answer(guarded(ApiKind::Rest, |it| it.failures = 1.0), &with("t"));
    assert_eq!((rest.status, rest.header("x-amzn-errortype")), (500, Some("AuthorizerFailureException")));
    assert_eq!(sluicegate_policy::call::Blame::Gateway, Reason::AuthorizerFailed.blame(500));
}

#[test]
fn clients_that_leave_while_they_wait_leave_nothing_behind() {
    let slow = guarded(ApiKind::Rest, |it| *it = lambda_authorizer(Span::from_ms(30)));
    let mut settings = slow.settings();
    settings.admin = Some("127.0.0.1:0".parse().unwrap());
    let (health, summary) = crate::mock::serve(settings, async |client| {
        for _ in 0..20 {
            let mut wire = client.connect().await;
            wire.write(with("t").as_bytes()).await;
            wire.leave();
        }
        // Whoever asks last is answered last.
        assert_eq!(client.ask(&with("t")).await.status, 200);
        client.admin("GET /health", "").await.body
    });
    assert!(health.contains("\"in_flight\":0"), "{health}");
    assert_eq!(summary.replies.values().sum::<u64>(), 1);
}

/// An HTTP API that takes tokens of the issuer that the mock plays.
fn with_tokens(scopes: &[&str]) -> Mock {
    let jwt = Jwt {
        issuer: "https://issuer.example".to_owned(),
        audiences: vec!["shop".to_owned()],
        identity: IdentitySource::Header("Authorization".to_owned()),
        keys: None,
    };
    let authorizer = Authorizer { kind: AuthorizerKind::Jwt(jwt), ..lambda_authorizer(Span::ZERO) };
    let mut mock = mock(ApiKind::Http).fixed("GET /x", "ok").authorized(authorizer);
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    mock.model.routes[0].authorization = Some(Authorization { authorizer: AuthorizerId(0), scopes });
    mock
}

/// Runs it while a client asks, who is told where the issuer is.
fn issuing<T>(mock: &Mock, client: impl AsyncFnOnce(Client, Client) -> T) -> T {
    let mut settings = mock.settings();
    settings.admin = Some("127.0.0.1:0".parse().unwrap());
    runtime().unwrap().block_on(async {
        let server = Server::bind(settings).await.unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let admin = server.admin_address();
        let issuer = Client { address: server.issuer_url().unwrap()[7..].parse().unwrap(), admin };
        let gateway = Client { address: server.address(), admin };
        let running = server.run(async { drop(stopped.await) });
        let asking = async {
            let done = client(gateway, issuer).await;
            drop(stop);
            done
        };
        tokio::join!(asking, running).0
    })
}

async fn token(issuer: Client, form: &str) -> String {
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded";
    let answer = issuer.ask(&format!("{head}\r\ncontent-length: {}\r\n\r\n{form}", form.len())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&said["token_type"], &said["expires_in"]), (&"Bearer".into(), &3_600.into()));
    said["access_token"].as_str().unwrap().to_owned()
}

const GRANT: &str = "grant_type=client_credentials&client_id=ann";

#[test]
fn a_token_of_the_issuer_is_taken_and_its_key_may_change() {
    issuing(&with_tokens(&[]), async |gateway, issuer| {
        let first = token(issuer, GRANT).await;
        assert_eq!(gateway.ask(&with(&format!("Bearer {first}"))).await.status, 200);
        assert_eq!(gateway.ask(&with(&first)).await.status, 200);
        assert_eq!(gateway.admin("POST /issuer/rotate", "").await.status, 200);
        let second = token(issuer, GRANT).await;
        for token in [&first, &second] {
            assert_eq!(gateway.ask(&with(token)).await.status, 200);
        }
        gateway.admin("POST /issuer/rotate", "").await;
        let refused = gateway.ask(&with(&first)).await;
        assert_eq!((refused.status, gateway.ask(&with(&second)).await.status), (401, 200));
        assert!(refused.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    });
}

#[test]
fn a_token_of_the_issuer_for_somebody_else_is_refused_in_the_documented_words() {
    issuing(&with_tokens(&[]), async |gateway, issuer| {
        let token = token(issuer, &format!("{GRANT}&audience=bank")).await;
        let refused = gateway.ask(&with(&format!("Bearer {token}"))).await;
        let documented = "Bearer scope=\"\" error=\"invalid_token\" \
                          error_description=\"the token does not have a valid audience\"";
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some(documented)));
    });
}

#[test]
fn a_token_needs_one_of_the_scopes() {
    issuing(&with_tokens(&["read", "write"]), async |gateway, issuer| {
        let reading = token(issuer, &format!("{GRANT}&scope=list+read")).await;
        assert_eq!(gateway.ask(&with(&reading)).await.status, 200);
        for scope in ["&scope=list", ""] {
            let token = token(issuer, &format!("{GRANT}{scope}")).await;
            let refused = gateway.ask(&with(&token)).await;
            assert_eq!((refused.status, &*refused.body), (403, r#"{"message":"Forbidden"}"#));
            assert!(refused.header("www-authenticate").unwrap().contains("scope=\"read write\" error=\"insufficient_scope\""));
        }
    });
}

#[test]
fn who_asks_the_issuer_wrongly_is_told() {
    issuing(&with_tokens(&[]), async |_, issuer| {
        for (form, status) in [("", 400), ("grant_type=client_credentials", 401), (&format!("{GRANT}&authorizer=none"), 400)] {
            let request = format!("POST /oauth2/token HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{form}", form.len());
            assert_eq!(issuer.ask(&request).await.status, status, "{form}");
        }
        let keys = issuer.get("/.well-known/jwks.json").await;
        assert!(keys.body.contains("\"kid\":\"mock-0\"") && !keys.body.contains("\"d\""), "{}", keys.body);
        assert!(issuer.get("/.well-known/openid-configuration").await.body.contains("https://issuer.example"));
    });
}
