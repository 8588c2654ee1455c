//! A text that a back end posts to connections, and how these are known by their names.
//!
//! Owns the bounds of a step that posts, and that somebody can hear it: a post to nobody who says what its connection is called would
//! measure nothing. Refuses the rules of its text (`message`). Called by `script` and `sessions`.

use super::{Desk, message};
use crate::config::problem::{Spot, quoted};
use crate::config::prove::filled;
use crate::config::prove::mix::series;
use crate::config::raw::session::StepKeys;
use crate::config::reader::{At, Reader};
use crate::config::value::{Count, JsonPath};
use crate::load::dialogue::{Posting, Role};
use crate::traffic::Catalog;
use crate::traffic::conversation::{NameId, StreamId};

/// Where single posts are counted.
const EACH: &str = "POST @connections";
/// Each is a connection of the lane while it lasts.
const AT_ONCE_MAX: u32 = 256;
const AT_ONCE: u32 = 10;
/// Names have an index of eight bits.
const NAMES_MAX: usize = 256;

/// A step that posts, and whose stream nobody may be able to hear: known when all sessions are.
pub(super) struct Unheard {
    to: StreamId,
    spot: Spot,
}

/// `post`: every connection that hears it gets a request.
pub(super) fn post(keys: &mut StepKeys, section: &Spot, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Posting> {
    let text = keys.post.clone()?;
    let at_once = filled(&mut keys.at_once, section, "at_once", || Count(AT_ONCE)).clone();
    let numbered = message::numbered(keys, (section, "post"), &text, desk, reader);
    if !(1..=AT_ONCE_MAX).contains(&at_once.value.0) {
        let what = format!("{} is not a number of posts at a time; write 1 to {AT_ONCE_MAX}, e.g. {AT_ONCE}", at_once.value.0);
        reader.report_at(&at_once.spot, what);
        return None;
    }
    let (to, template) = numbered?;
    if let Some(given) = &keys.to {
        desk.posts.push(Unheard { to, spot: given.spot.clone() });
    }
    let name = format!("post {}", desk.catalog.streams[usize::from(to.0)].name);
    let (step, each) = (series(&mut desk.catalog, name), series(&mut desk.catalog, EACH.to_owned()));
    Some(Posting { series: step, each, template: desk.template(template), to, at_once: at_once.value.0 })
}

/// Reports the posts that no session can get.
pub(super) fn refuse_unheard(posts: &[Unheard], roles: &[Role], catalog: &Catalog, reader: &mut Reader) -> Option<()> {
    let mut fine = true;
    for Unheard { to, spot } in posts {
        if !roles.iter().any(|role| role.named.is_some() && role.hears.has(*to)) {
            let stream = &catalog.streams[usize::from(to.0)].name;
            let what = format!(
                "no session gets what is posted to {}: none that hears it says what its connection is called; write beside its hears \
                 where its messages do, e.g. \"connection_id: connectionId\"",
                quoted(stream)
            );
            reader.report_at(spot, what);
            fine = false;
        }
    }
    fine.then_some(())
}

/// Where messages say what their connection is called.
pub(super) fn named(given: &At<JsonPath>, catalog: &mut Catalog, reader: &mut Reader) -> Option<NameId> {
    let path = &given.value.0;
    let known = catalog.names.iter().position(|known| known == path);
    if known.is_none() && catalog.names.len() == NAMES_MAX {
        reader.report_at(&given.spot, format!("more than {NAMES_MAX} places for names of connections; use some of them twice"));
        return None;
    }
    let at = known.unwrap_or_else(|| {
        catalog.names.push(path.clone());
        catalog.names.len() - 1
    });
    Some(NameId(at as u8))
}
