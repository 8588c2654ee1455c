//! What is kept of an answer: of one that is an error what tells the error, until all of it is there; and its request id, where somebody wants it.
//!
//! Owns which headers are looked at. Refuses to read them (`measure::shown`). Nothing is kept, and no header looked at, of an answer
//! below 400 unless request ids are kept: most are, and they must cost nothing.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use hyper::body::Frame;
use sluicegate_policy::call::ErrorKind;

use crate::engine::settings::{Answers, RequestIds};
use crate::measure::shown::{self, BODY_BYTES_MAX, Ids, Shown};

const ERROR_TYPE: &str = "x-amzn-errortype";
const REST_ID: &str = "x-amz-apigw-id";
const HTTP_ID: &str = "apigw-requestid";
const REST_REQUEST_ID: &str = "x-amzn-requestid";
/// A request id is shorter than this; what is longer is somebody else's header.
const ID_BYTES_MAX: usize = 128;

/// What is looked for in the head of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Heed {
    /// Who answers.
    pub(in crate::engine) answers: Answers,
    /// Whether request ids are kept.
    pub(in crate::engine) request_ids: RequestIds,
}

/// An answer that is an error, as far as it has been read.
#[derive(Debug)]
pub(super) enum Clue {
    /// The bundled mock says what it is.
    Told(ErrorKind),
    /// Somebody else's: it has to be read.
    Seen(Box<Seen>),
}

/// What is read of it.
#[derive(Debug)]
pub(super) struct Seen {
    error_type: Option<String>,
    ids: Ids,
    body: Body,
}

/// Its body, as far as it is worth reading.
#[derive(Debug)]
enum Body {
    Read(Vec<u8>),
    /// It says nothing, or is longer than anything that a gateway says.
    Ignored,
}

impl Heed {
    /// What the gateway calls the request, as the head of its answer has it: `$context.requestId` in HTTP APIs (`apigw-requestid`) and in REST
    /// APIs (`x-amzn-requestid`; where that is missing, the extended id). `None` where nobody wants it, or none is there.
    pub(super) fn id<'a>(self, header: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Box<str>> {
        if self.request_ids == RequestIds::Ignored {
            return None;
        }
        let id = [HTTP_ID, REST_REQUEST_ID, REST_ID].into_iter().find_map(header)?;
        let id = std::str::from_utf8(id).ok()?;
        (!id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic())).then(|| id.into())
    }

    /// The same of a head that hyper has read.
    pub(super) fn id_in_head(self, headers: &HeaderMap) -> Option<Box<str>> {
        self.id(|name| headers.get(name).map(HeaderValue::as_bytes))
    }
}

impl Clue {
    /// What the head of an answer tells, whose headers are looked up by their names in small letters; `None` of one that is no error.
    pub(super) fn of<'a>(status: u16, header: impl Fn(&str) -> Option<&'a [u8]>, answers: Answers) -> Option<Self> {
        if status < 400 {
            return None;
        }
        if answers == Answers::OfMock
            && let Some(kind) = header(ErrorKind::TOLD_IN).and_then(|told| ErrorKind::named(std::str::from_utf8(told).ok()?))
        {
            return Some(Self::Told(kind));
        }
        let ids = match (header(REST_ID).is_some(), header(HTTP_ID).is_some()) {
            (true, _) => Ids::Rest,
            (false, true) => Ids::Http,
            (false, false) => Ids::Unknown,
        };
        let body = if shown::body_tells(status) { Body::Read(Vec::new()) } else { Body::Ignored };
        let error_type = header(ERROR_TYPE).map(|name| String::from_utf8_lossy(name).into_owned());
        Some(Self::Seen(Box::new(Seen { error_type, ids, body })))
    }

    /// What the head of an answer tells that hyper has read.
    pub(super) fn in_head(status: u16, headers: &HeaderMap, answers: Answers) -> Option<Self> {
        Self::of(status, |name| headers.get(name).map(HeaderValue::as_bytes), answers)
    }

    /// More of its body.
    pub(super) fn read(&mut self, part: &[u8]) {
        let Self::Seen(seen) = self else { return };
        if let Body::Read(body) = &mut seen.body {
            if body.len() + part.len() > BODY_BYTES_MAX {
                seen.body = Body::Ignored;
            } else {
                body.extend_from_slice(part);
            }
        }
    }

    /// What it was, now that all of it is there.
    pub(super) fn kind(&self, status: u16) -> Option<ErrorKind> {
        match self {
            Self::Told(kind) => Some(*kind),
            Self::Seen(seen) => {
                let body = match &seen.body {
                    Body::Read(body) => body.as_slice(),
                    Body::Ignored => b"",
                };
                shown::kind_of(status, &Shown { error_type: seen.error_type.as_deref(), ids: seen.ids, body })
            }
        }
    }
}

/// A part of a body, for whoever wants to know what it says.
pub(super) fn read(clue: Option<&mut Clue>, frame: &Frame<Bytes>) {
    if let (Some(clue), Some(part)) = (clue, frame.data_ref()) {
        clue.read(part);
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn kind(status: u16, pairs: &[(&'static str, &'static str)], parts: &[&[u8]], answers: Answers) -> Option<ErrorKind> {
        let mut clue = Clue::in_head(status, &headers(pairs), answers)?;
        for part in parts {
            clue.read(part);
        }
        clue.kind(status)
    }

    #[test]
    fn a_request_id_is_kept_where_somebody_wants_it_and_it_looks_like_one() {
        let id = |request_ids, pairs: &[(&'static str, &'static str)]| {
            Heed { answers: Answers::OfAnybody, request_ids }.id_in_head(&headers(pairs)).map(String::from)
        };
        let rest = [("x-amz-apigw-id", "XDmENcnwIE0CFEQ="), ("x-amzn-requestid", "6a1b")];
        assert_eq!(id(RequestIds::Kept, &rest).as_deref(), Some("6a1b"));
        assert_eq!(id(RequestIds::Kept, &rest[..1]).as_deref(), Some("XDmENcnwIE0CFEQ="));
        assert_eq!(id(RequestIds::Kept, &[("apigw-requestid", "abc=")]).as_deref(), Some("abc="));
        assert_eq!(id(RequestIds::Ignored, &rest), None);
        for none in [&[][..], &[("apigw-requestid", "")], &[("apigw-requestid", "a b")]] {
            assert_eq!(id(RequestIds::Kept, none), None, "{none:?}");
        }
    }

    #[test]
    fn of_a_success_nothing_is_kept() {
        assert!(Clue::in_head(204, &headers(&[("x-amzn-errortype", "ForbiddenException")]), Answers::OfAnybody).is_none());
    }

    #[test]
    fn a_body_that_comes_in_parts_is_read_as_one_and_a_long_one_not_at_all() {
        let ids = [("x-amz-apigw-id", "a"), ("x-amzn-errortype", "InternalServerErrorException")];
        let parts: [&[u8]; 2] = [br#"{"message": "Endpoint "#, br#"request timed out"}"#];
        assert_eq!(kind(504, &ids, &parts, Answers::OfAnybody), Some(ErrorKind::IntegrationTimeout));
        let long = [b' '; BODY_BYTES_MAX];
        let parts = [&long[..], br#"{"message": "Endpoint request timed out"}"#];
        assert_eq!(kind(504, &ids, &parts, Answers::OfAnybody), Some(ErrorKind::IntegrationUnavailable));
    }

    #[test]
    fn only_the_bundled_mock_is_believed_what_it_says_of_itself() {
        let told = [(ErrorKind::TOLD_IN, "configuration"), ("apigw-requestid", "a")];
        assert_eq!(kind(500, &told, &[b"no"], Answers::OfMock), Some(ErrorKind::Configuration));
        assert_eq!(kind(500, &told, &[b"no"], Answers::OfAnybody), Some(ErrorKind::BackEndError));
        let strange = [(ErrorKind::TOLD_IN, "of another version")];
        assert_eq!(kind(500, &strange, &[], Answers::OfMock), Some(ErrorKind::ServerError));
    }
}
