//! Requests as they go out in HTTP/1.1, without a connection: what a lane writes, for whoever measures or shows it.

use std::sync::Arc;

use http::HeaderValue;

use super::credentials::Bearing;
use super::transport::request::{Encoder, Form};
use crate::measure::tracing::Occasion;
use crate::traffic::{Catalog, Request};

/// Writes requests that bring no credentials.
pub struct Writer(Encoder);

impl Writer {
    /// For a target of that `host`, below that base path; `None` if the host cannot stand in a header.
    pub fn new(catalog: Arc<Catalog>, host: &str, base_path: &str) -> Option<Self> {
        let form = Form::Origin(HeaderValue::from_str(host).ok()?);
        Some(Self(Encoder::new(catalog, form, base_path.to_owned(), Bearing::Nothing)))
    }

    /// Head and body in bytes, good until the next call; `None` for what cannot be written as HTTP.
    pub fn write(&mut self, request: &Request) -> Option<&[u8]> {
        self.0.write((request, Occasion::FIRST), false).ok().map(|written| written.bytes)
    }
}
