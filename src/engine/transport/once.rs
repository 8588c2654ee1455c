//! One request on a connection of its own: what is asked beside the lanes.
//!
//! Owns the connection, for as long as its answer is read. Refuses to time out, to try again and to judge the answer.

use std::fmt::Display;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sluicegate_timer::Clock;
use tokio::task::JoinSet;

use super::connect::{Connector, Route};
use super::stamp::{Meter, Stamped, Watch};
use crate::load::Share;

/// Sends `request`, and gives what `read` makes of its answer; where there is none, why.
pub(in crate::engine) async fn ask<B, T>(
    route: &Route,
    request: Request<B>,
    read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, String>,
) -> Result<T, String>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let said = |error: &dyn Display| error.to_string();
    let clock = Clock::starting_now();
    let connector = Connector::new(route.clone(), clock, Rc::new(Meter::default()), Share::ALL);
    let stream = connector.connect().await.map_err(|outcome| said(&outcome.as_str()))?;
    let stream = TokioIo::new(Stamped::new(stream, Watch::new(clock)));
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| said(&error))?;
    // Dropped with the answer, and the connection with it.
    let mut tasks = JoinSet::new();
    tasks.spawn_local(async move { drop(connection.await) });
    let answer = sender.send_request(request).await.map_err(|error| said(&error))?;
    read(answer).await
}
