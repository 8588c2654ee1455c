//! The dialect of these tests: `mock(ApiKind::Rest).lambda(..).serve(async |client| ..)`.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_mock::{Decided, Server, Settings, Summary, read_decisions, runtime};
use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Api, ApiId, ApiKind, Authorization, Authorizer, AuthorizerFormat, AuthorizerId, AuthorizerKind, BackEnd, Burst, Connection,
    DeploymentId, Function, FunctionId, HttpIntegration, IdentitySource, Integration, LambdaAuthorizer, LookUps, Mapping,
    MockIntegration, Model, PerSecond, Protocol, Response, ResponseRule, Route, Scaling, Throttle, Transfer,
};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A gateway under construction.
pub(crate) struct Mock {
    pub(crate) model: Model,
    pub(crate) seed: Seed,
}

/// A gateway of this kind with stage `prod` and no route, which answers at once.
pub(crate) fn mock(kind: ApiKind) -> Mock {
    Mock { model: Model::of(Api::new(kind, "a1b2c3d4e5"), &["prod"], Vec::new()), seed: Seed::new(1) }
}

/// A function that takes 200 us, always warm, and answers 200 with a JSON body.
pub(crate) fn function() -> Function {
    Function {
        name: "orders".to_owned(),
        memory_mb: 128,
        duration: Latency::constant(Span::from_us(200)),
        cold_start: Latency::constant(Span::ZERO),
        failures: 0.0,
        concurrency: None,
        keep_alive: Latency::constant(Span::from_secs(600)),
        scaling: Scaling::default(),
        response: Response { status: 200, body: r#"{"id":7}"#.to_owned() },
        echoes: false,
        uses: None,
        code: sluicegate_policy::model::Code::Modelled,
    }
}

/// Tokens per second with a bucket of `burst`.
pub(crate) fn throttle(tokens: u64, burst: u64) -> Throttle {
    Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(burst) }
}

/// A modelled function that lets everybody in who shows an `Authorization`, and takes so long.
pub(crate) fn lambda_authorizer(takes: Span) -> Authorizer {
    let kind = AuthorizerKind::Lambda(LambdaAuthorizer {
        function: None,
        format: AuthorizerFormat::default(),
        identity: vec![IdentitySource::Header("Authorization".to_owned())],
        validation: None,
        ttl: Span::ZERO,
        look_ups: LookUps::Each,
        denials: 0.0,
        principal: "ann".to_owned(),
        context: vec![("tenant".to_owned(), "blue".to_owned())],
        api_key: None,
    });
    Authorizer { name: "check".to_owned(), api: ApiId(0), kind, latency: Latency::constant(takes), failures: 0.0 }
}

impl Mock {
    /// All routes so far ask this authorizer.
    pub(crate) fn authorized(mut self, authorizer: Authorizer) -> Self {
        self.model.authorizers.push(authorizer);
        for route in &mut self.model.routes {
            route.authorization = Some(Authorization { authorizer: AuthorizerId(0), scopes: Vec::new() });
        }
        self
    }

    /// A route (`GET /x`) with a mock integration that answers 200 with this body.
    pub(crate) fn fixed(self, key: &str, body: &str) -> Self {
        self.route(key, Integration::fixed(200, body))
    }

    /// A route to a function, with a time-out of 20 ms.
    pub(crate) fn lambda(mut self, key: &str, function: Function) -> Self {
        let id = FunctionId(u16::try_from(self.model.functions.len()).unwrap());
        self.model.functions.push(function);
        self.route(key, Integration::lambda(id, Span::from_ms(20)))
    }

    /// A route to something real that cannot be reached.
    pub(crate) fn external(self, key: &str) -> Self {
        self.behind(key, "http://127.0.0.1:1/", Span::from_secs(5))
    }

    /// A route to an HTTP back end, as a proxy.
    pub(crate) fn behind(self, key: &str, url: &str, timeout: Span) -> Self {
        let protocol = Protocol::Proxy { parameters: Vec::new() };
        let (url, connection, back_end) = (url.to_owned(), Connection::Internet, BackEnd::Real(None));
        let transfer = Transfer::Buffered;
        self.route(
            key,
            Integration::Http(HttpIntegration { protocol, method: None, url, connection, back_end, transfer, timeout }),
        )
    }

    /// A route that the gateway answers by these templates for JSON: one that chooses the status, and the body.
    pub(crate) fn templated(self, key: &str, request: &str, body: &str) -> Self {
        let json = |text: &str| vec![("application/json".to_owned(), text.to_owned())];
        let rule = ResponseRule { pattern: None, status: 200, templates: json(body), ..ResponseRule::default() };
        let mapping = Mapping { requests: json(request), responses: vec![rule], ..Mapping::default() };
        self.route(key, Integration::Mock(MockIntegration::Mapped(mapping)))
    }

    /// A route to this.
    pub(crate) fn route(mut self, key: &str, integration: Integration) -> Self {
        let (method, path) = key.split_once(' ').unwrap();
        let method = Some(method.to_owned()).filter(|method| method != "ANY");
        self.model.routes.push(Route::new(DeploymentId(0), method.as_deref(), path, integration));
        self
    }

    /// The stage's throttle.
    pub(crate) fn throttled(mut self, throttle: Throttle) -> Self {
        self.model.stages[0].throttle = Some(throttle);
        self
    }

    /// The stage's access-log format.
    pub(crate) fn logging(mut self, format: &str) -> Self {
        self.model.stages[0].access_log = Some(format.to_owned());
        self
    }

    /// The time the gateway adds.
    pub(crate) fn overhead(mut self, span: Span) -> Self {
        self.model.apis[0].overhead = Latency::constant(span);
        self
    }

    /// Settings for this gateway, to be changed.
    pub(crate) fn settings(&self) -> Settings {
        Settings::new(Arc::new(self.model.clone()), self.seed)
    }

    /// Runs the gateway while `client` does what it does.
    pub(crate) fn serve<T>(self, client: impl AsyncFnOnce(Client) -> T) -> (T, Summary) {
        serve(self.settings(), client)
    }

    /// The answer to one `GET` of `path`.
    pub(crate) fn get(self, path: &str) -> Answer {
        self.serve(async |client| client.get(path).await).0
    }
}

/// Runs a gateway with these settings while `client` does what it does.
pub(crate) fn serve<T>(settings: Settings, client: impl AsyncFnOnce(Client) -> T) -> (T, Summary) {
    serve_all(settings, async |clients| client(clients[0]).await)
}

/// The same for a gateway of several stages: one client for each, in their order.
pub(crate) fn serve_all<T>(settings: Settings, client: impl AsyncFnOnce(&[Client]) -> T) -> (T, Summary) {
    runtime().unwrap().block_on(async {
        let server = Server::bind(settings).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let address = |url: &str| url.split('/').nth(2).unwrap().parse().unwrap();
        let admin = server.admin_address();
        let clients: Vec<_> = server.stage_urls().iter().map(|stage| Client { address: address(&stage.url), admin }).collect();
        let running = server.run(async { drop(stopped.await) });
        let done = async {
            let done = client(&clients).await;
            drop(stop);
            done
        };
        tokio::join!(done, running)
    })
}

/// What the record of decisions says of an answer: its status, what kind of error it is, and whose fault.
pub(crate) type Judged = (u16, Option<ErrorKind>, Blame);

/// The same, and what the record of decisions says of each call, in their order.
pub(crate) fn judged<T>(mut settings: Settings, client: impl AsyncFnOnce(Client) -> T) -> (T, Summary, Vec<Judged>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    settings.decisions = Some(path.clone());
    settings.function_log = Some(folder.path().join("functions.log"));
    let (done, summary) = serve(settings, client);
    let judged = |decided: Decided| {
        let Decided { reason, status, .. } = decided;
        (status, reason.kind(status), reason.blame(status))
    };
    let decisions = read_decisions(&path).unwrap();
    (done, summary, decisions.decisions().filter_map(|decision| decision.answer).map(judged).collect())
}

/// Someone who sends requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) admin: Option<std::net::SocketAddr>,
}

/// An HTTP/1.1 connection.
pub(crate) struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Client {
    /// One request (`PUT /stages/prod`) to the admin endpoint.
    pub(crate) async fn admin(self, line: &str, body: &str) -> Answer {
        let admin = Self { address: self.admin.expect("an admin endpoint"), ..self };
        admin.ask(&format!("{line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await
    }

    pub(crate) async fn connect(self) -> Wire {
        Wire { stream: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// The same from another address of this machine.
    pub(crate) async fn connect_from(self, source: std::net::IpAddr) -> Wire {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        Wire { stream: socket.connect(self.address).await.unwrap(), read: Vec::new() }
    }

    pub(crate) async fn get(self, path: &str) -> Answer {
        self.connect().await.get(path).await
    }

    pub(crate) async fn ask(self, request: &str) -> Answer {
        let mut wire = self.connect().await;
        wire.write(request.as_bytes()).await;
        wire.answer().await.expect("an answer")
    }
}

impl Wire {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: mock\r\n\r\n").as_bytes()).await;
        self.answer().await.expect("an answer")
    }

    /// The same of a connection that may be closed at any moment.
    pub(crate) async fn try_get(&mut self, path: &str) -> Option<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: mock\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.ok()?;
        self.answer().await
    }

    /// The next answer, with a body as long as `content-length` says; `None` if the connection ends before one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let (mut answer, head) = self.head().await?;
        let length = answer.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < head + length {
            self.more().await.then_some(())?;
        }
        answer.body = String::from_utf8(self.read[head..head + length].to_vec()).unwrap();
        self.read.drain(..head + length);
        Some(answer)
    }

    /// The next head without any body, as an answer to `HEAD` has it.
    pub(crate) async fn bare_answer(&mut self) -> Option<Answer> {
        let (answer, head) = self.head().await?;
        self.read.drain(..head);
        Some(answer)
    }

    /// Writes to a connection that may be closed at any moment.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends no more to a connection that may be closed at any moment.
    pub(crate) async fn try_half_close(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Goes away, and wants no answer any more.
    pub(crate) fn leave(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Sends no more.
    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// All that comes until this does, and it.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.read.windows(text.len()).position(|bytes| bytes == text.as_bytes()) {
                return String::from_utf8(self.read.drain(..at + text.len()).collect()).unwrap();
            }
            assert!(self.more().await, "{text:?} never came");
        }
    }

    /// All that comes until the other side closes.
    pub(crate) async fn read_to_end(&mut self) -> String {
        while self.more().await {}
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    /// Whether the other side closes, having sent nothing more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.read.is_empty() && !self.more().await
    }

    /// All that comes until the other side closes; for when the server's runtime is gone.
    pub(crate) fn rest(self) -> String {
        let mut stream = self.stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        std::io::read_to_string(&mut stream).unwrap()
    }

    async fn head(&mut self) -> Option<(Answer, usize)> {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None => self.more().await.then_some(())?,
            }
        };
        let head = String::from_utf8(self.read[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Some((Answer { status, headers: headers.collect(), body: String::new() }, end + 4))
    }

    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.read).await.is_ok_and(|bytes| bytes > 0)
    }
}

impl Answer {
    /// The value of a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}
