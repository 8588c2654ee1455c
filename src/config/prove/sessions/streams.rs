//! Streams: which there are, and which a session is to receive.
//!
//! Owns that their messages can be told apart, and that names are known. Refuses to look at messages. Called by `sessions` and `script`.

use crate::config::problem::{listed, quoted, suggestion};
use crate::config::prove::mix::series;
use crate::config::raw::session::Stream as Raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Named, Text};
use crate::traffic::Catalog;
use crate::traffic::conversation::{Hears, Stream, StreamId};

/// A set of them is 64 bits.
const STREAMS_MAX: usize = 64;

/// Adds the streams to the catalog; `None` means that problems were reported.
pub(super) fn streams(raw: Option<&At<Named<Text, At<Raw>>>>, catalog: &mut Catalog, reader: &mut Reader) -> Option<()> {
    let Some(raw) = raw else { return Some(()) };
    let members = &raw.value.0;
    if members.len() > STREAMS_MAX {
        reader.report_at(&raw.spot, format!("these are {} streams; write at most {STREAMS_MAX}", members.len()));
        return None;
    }
    let mut fine = true;
    for (at, member) in members.iter().enumerate() {
        let stream = &member.value.value;
        let is_alike =
            |other: &Raw| other.number.value == stream.number.value && (other.named.is_none() || stream.named.is_none());
        if let Some(other) = members[..at].iter().find(|other| is_alike(&other.value.value)) {
            let what = format!(
                "nothing tells its messages from those of {}, whose number stands in the same place; write for both where they name \
                 their stream, e.g. named: stream",
                quoted(&other.name.0)
            );
            reader.report_at(&member.spot, what);
            fine = false;
        }
        let name = member.name.0.clone();
        let counted = series(catalog, format!("push {name}"));
        let number = stream.number.value.0.clone();
        let named = stream.named.as_ref().map(|path| path.value.0.clone());
        catalog.streams.push(Stream { name, series: counted, number, named });
    }
    fine.then_some(())
}

/// The stream of that name.
pub(super) fn stream(name: &At<Text>, catalog: &Catalog, reader: &mut Reader) -> Option<StreamId> {
    let found = catalog.streams.iter().position(|stream| stream.name == name.value.0);
    if found.is_none() {
        let names = || catalog.streams.iter().map(|stream| stream.name.as_str());
        let given = quoted(&name.value.0);
        let what = if names().next().is_none() {
            format!(
                "there is no stream {given}; add it to traffic.streams, e.g. \"streams: {{ {}: {{ number: n }} }}\"",
                name.value.0
            )
        } else {
            let near = suggestion(&name.value.0, names());
            format!("there is no stream {given}{near} traffic.streams has: {}", listed(names()))
        };
        reader.report_at(&name.spot, what);
    }
    found.map(|at| StreamId(at as u8))
}

/// The set of streams of these names.
pub(super) fn heard(names: Option<&At<Vec<At<Text>>>>, catalog: &Catalog, reader: &mut Reader) -> Option<Hears> {
    let mut hears = Some(Hears(0));
    for name in names.iter().flat_map(|names| &names.value) {
        let Some(StreamId(id)) = stream(name, catalog, reader) else {
            hears = None;
            continue;
        };
        let bit = 1_u64 << id;
        if hears.is_some_and(|hears| hears.0 & bit != 0) {
            reader.report_at(&name.spot, format!("{} stands here twice; keep one of them", quoted(&name.value.0)));
            hears = None;
        }
        hears = hears.map(|hears| Hears(hears.0 | bit));
    }
    hears
}
