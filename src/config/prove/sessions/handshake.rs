//! The request for a connection: query, headers, subprotocols.
//!
//! Owns which headers are not the profile's, and how subprotocols are sent. Refuses the rules of credentials (`mix`). Called by `sessions`.

use crate::config::problem::quoted;
use crate::config::prove::Known;
use crate::config::prove::mix::{NAMES_MAX, Written, header, phrase, texts};
use crate::config::raw::session::Session;
use crate::config::reader::{At, Reader};
use crate::config::value::{PhraseReader, Text};
use crate::traffic::template::{Template, TemplateParts};

/// Of RFC 6455, 4.1: what makes a request one for a WebSocket connection is the client's own.
const OWN: [&str; 3] = ["connection", "upgrade", "host"];
const PROTOCOL: &str = "sec-websocket-protocol";
const OWN_PREFIX: &str = "sec-websocket-";
const PROTOCOLS_MAX: usize = 32;

/// The template of the request; its path is that of the stage.
pub(super) fn template(session: &At<Session>, known: Known<'_>, reader: &mut Reader) -> Option<Template> {
    let raw = &session.value;
    let names = [raw.with.as_ref().map(|with| with.0.len()), raw.query.as_ref().map(|query| query.0.len())];
    if let Some(many) = names.into_iter().flatten().find(|count| *count > NAMES_MAX) {
        reader.report_at(&session.spot, format!("{many} names are too many for one request; write at most {NAMES_MAX}"));
        return None;
    }
    let (outside, keys) = (known.outside, &known.model.keys);
    let query = texts(raw.query.as_ref(), reader, |member, reader| phrase(member, outside, reader));
    let headers = texts(raw.headers.as_ref(), reader, |member, reader| {
        let name = member.name.0.to_ascii_lowercase();
        if OWN.contains(&name.as_str()) || name.starts_with(OWN_PREFIX) {
            let what = format!(
                "{} is sent by the client itself; remove it (subprotocols have a key of their own: subprotocols: [chat.v1])",
                quoted(&member.name.0)
            );
            reader.report_at(&member.spot, what);
            return None;
        }
        header(member, (outside, keys), PhraseReader::Template, reader)
    });
    let protocols = subprotocols(raw.subprotocols.as_ref(), reader);
    let mut headers = headers?;
    let protocols = protocols?;
    if !protocols.is_empty() {
        headers.push((PROTOCOL.to_owned(), protocols.join(", ")));
    }
    let fields = raw.with.iter().flat_map(|with| &with.0).map(|member| (member.name.0.clone(), member.value.value.0.clone()));
    let fields = fields.collect();
    let parts = TemplateParts { method: "GET".to_owned(), path: "/".to_owned(), query: query?, headers, body: None, fields };
    let written = Written {
        whole: &session.spot,
        line: None,
        with: raw.with.as_ref(),
        query: raw.query.as_ref(),
        headers: raw.headers.as_ref(),
        body: None,
    };
    Template::new(parts).map_err(|error| written.blame(&error, reader)).ok()
}

/// What is offered.
fn subprotocols<'a>(given: Option<&'a At<Vec<At<Text>>>>, reader: &mut Reader) -> Option<Vec<&'a str>> {
    let Some(given) = given else { return Some(Vec::new()) };
    let count = given.value.len();
    if !(1..=PROTOCOLS_MAX).contains(&count) {
        reader.report_at(&given.spot, format!("these are {count} subprotocols; write 1 to {PROTOCOLS_MAX}, e.g. [chat.v1]"));
        return None;
    }
    let mut fine = true;
    for (at, one) in given.value.iter().enumerate() {
        let name = &one.value.0;
        // A subprotocol is a token of HTTP, as the name of a header is.
        let what = if name.parse::<http::Method>().is_err() {
            format!("{} is not the name of a subprotocol; write letters, digits, \".\" and \"-\", e.g. chat.v1", quoted(name))
        } else if given.value[..at].iter().any(|other| other.value == one.value) {
            format!("{} stands here twice; keep one of them", quoted(name))
        } else {
            continue;
        };
        reader.report_at(&one.spot, what);
        fine = false;
    }
    fine.then(|| given.value.iter().map(|one| one.value.0.as_str()).collect())
}
