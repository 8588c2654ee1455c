//! A function as its users write it, on the unmodified `lambda_http`. The tests start it behind the mock.
//!
//! `_HANDLER` says which of its handlers serves, `GATE` where one waits in the midst of its answer.

use lambda_http::lambda_runtime::{self, LambdaEvent, streaming};
use lambda_http::request::RequestContext;
use lambda_http::{Error, Request, RequestExt as _, Response, run, run_with_streaming_response, service_fn};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match variable("_HANDLER")?.as_str() {
        "http" => run(service_fn(answer)).await,
        "streamed" => run_with_streaming_response(service_fn(stream)).await,
        "raw" => lambda_runtime::run(service_fn(raw)).await,
        other => Err(format!("there is no handler {other}").into()),
    }
}

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Says what it got, as JSON, with two cookies; or does what `do` asks for.
async fn answer(request: Request) -> Result<Response<String>, Error> {
    let parameters = request.query_string_parameters();
    match parameters.first("do") {
        Some("fail") => return Err("boom".into()),
        Some("panic") => panic!("it panics"),
        Some("exit") => std::process::abort(),
        Some("wait") => wait().await?,
        _ => {}
    }
    let api = match request.request_context() {
        RequestContext::ApiGatewayV1(_) => "REST",
        RequestContext::ApiGatewayV2(_) => "HTTP",
        _ => "none",
    };
    let said = json!({
        "pid": std::process::id(),
        "api": api,
        "method": request.method().as_str(),
        "path": request.raw_http_path(),
        "a": parameters.all("a"),
        "id": request.lambda_context().request_id,
        "start": variable("AWS_LAMBDA_INITIALIZATION_TYPE")?,
    });
    let answer = Response::builder().header("content-type", "application/json");
    Ok(answer.header("set-cookie", "b=1").header("set-cookie", "c=2").body(said.to_string())?)
}

/// Says one part, waits at the gate until it is let through, and says the other.
#[expect(clippy::disallowed_methods, reason = "what makes the parts outlives the handler, in every program that streams")]
async fn stream(_: Request) -> Result<Response<streaming::Body>, Error> {
    let (mut parts, body) = streaming::channel();
    tokio::spawn(async move {
        parts.send_data("part1-".into()).await?;
        wait().await?;
        parts.send_data("part2".into()).await?;
        Ok::<(), Error>(())
    });
    Ok(Response::builder().status(201).header("x-a", "b").body(body)?)
}

/// Waits until the gate is opened.
async fn wait() -> Result<(), Error> {
    TcpStream::connect(variable("GATE")?).await?.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// Without `lambda_http`: an answer that is any JSON.
async fn raw(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(json!({ "statusCode": 200, "body": event.payload["path"] }))
}
