//! The mix: each described request as a template of the catalog, counted under the route that it means.
//!
//! Owns the naming of series, the rule that credentials stand in no profile, and where a template's error is shown. Refuses to draw
//! (`traffic`). Called by `traffic` and `run`, and by `sessions` for what a handshake shares with a request.

use sluicegate_policy::model::{ApiKey, Model, StageId};
use sluicegate_policy::routing::Router;

use super::{Known, filled};
use crate::config::plan::{deployments_of, is_driven};
use crate::config::problem::{Place, Spot, quoted};
use crate::config::raw::traffic::Described;
use crate::config::reader::{At, Reader};
use crate::config::value::{BodyText, Count, FieldValue, Member, Named, Outside, Phrase, PhraseReader, Text};
use crate::load::traffic::Share;
use crate::traffic::catalog::TemplateId;
use crate::traffic::template::{Template, TemplateError, TemplateParts};
use crate::traffic::{Catalog, SeriesId};

/// Words in the name of a header whose value is a credential: it does not stand in a profile, and no output shows it.
const CREDENTIAL_WORDS: [&str; 9] =
    ["auth", "cookie", "token", "secret", "password", "api-key", "apikey", "session", "signature"];

/// Whether a header of that name carries a credential, as far as its name tells.
pub(in crate::config) fn is_credential(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    CREDENTIAL_WORDS.iter().any(|word| name.contains(word))
}

/// Fields, query parameters or headers of one request; they are looked up by name.
pub(super) const NAMES_MAX: usize = 1_000;
/// Ids are 16 bits.
const MIX_MAX: usize = 10_000;

/// Templates and series of the mix, and who is asked for how often.
pub(super) fn mix(mix: &mut At<Vec<At<Described>>>, known: Known<'_>, reader: &mut Reader) -> Option<(Catalog, Vec<Share>)> {
    if mix.value.is_empty() || mix.value.len() > MIX_MAX {
        let what = format!("these are {} requests; write 1 to {MIX_MAX}, e.g. \"- request: GET /health\"", mix.value.len());
        reader.report_at(&mix.spot, what);
        return None;
    }
    let routers: Vec<Router> =
        deployments_of(known.model, known.stage).into_iter().map(|id| Router::new(known.model, id)).collect();
    let mut catalog = Catalog::default();
    let mut shares = Vec::new();
    let mut fine = true;
    for described in &mut mix.value {
        let weight = weight(described, reader);
        let template = template(described, known, reader);
        let (Some(weight), Some(template)) = (weight, template) else {
            fine = false;
            continue;
        };
        let series = series(&mut catalog, series_name(&routers, known.model, &template, described));
        shares.push(Share { template: TemplateId(catalog.templates.len() as u16), series, weight });
        catalog.templates.push(template);
    }
    fine.then_some((catalog, shares))
}

fn weight(described: &mut At<Described>, reader: &mut Reader) -> Option<u32> {
    let spot = described.spot.clone();
    let weight = filled(&mut described.value.weight, &spot, "weight", || Count(1));
    if weight.value.0 == 0 {
        reader
            .report_at(&weight.spot.clone(), "a weight of 0 asks for nothing; write a number above zero, or remove the request");
        return None;
    }
    Some(weight.value.0)
}

/// The route that the request means, by its key, in the first deployment of the stage that has one for it; the request line as
/// it is written where it means none, or not always the same.
fn series_name(routers: &[Router], model: &Model, template: &Template, described: &At<Described>) -> String {
    let alike = |router: &Router| router.resolve_alike(template.method(), &template.path_segments()).flatten();
    match routers.iter().find_map(alike) {
        Some(route) => model.routes[usize::from(route.0)].key(),
        None => described.value.request.value.to_string(),
    }
}

/// Series are numbered as they are first seen.
pub(super) fn series(catalog: &mut Catalog, name: String) -> SeriesId {
    let at = catalog.series.iter().position(|known| *known == name).unwrap_or_else(|| {
        catalog.series.push(name);
        catalog.series.len() - 1
    });
    SeriesId(at as u16)
}

fn template(described: &At<Described>, known: Known<'_>, reader: &mut Reader) -> Option<Template> {
    let raw = &described.value;
    let names = [raw.with.as_ref().map(|with| with.0.len()), raw.query.as_ref().map(|query| query.0.len())];
    if let Some(many) = names.into_iter().flatten().find(|count| *count > NAMES_MAX) {
        reader.report_at(&described.spot, format!("{many} names are too many for one request; write at most {NAMES_MAX}"));
        return None;
    }
    let outside = known.outside;
    let query = texts(raw.query.as_ref(), reader, |member, reader| phrase(member, outside, reader));
    let keys = &known.model.keys;
    let headers =
        texts(raw.headers.as_ref(), reader, |member, reader| header(member, (outside, keys), PhraseReader::Template, reader));
    let body = match &raw.body {
        Some(body) => {
            let text = reader.accept(&body.spot, body.value.phrase().reveal(outside, PhraseReader::Template));
            Some(text?)
        }
        None => None,
    };
    let mut headers = headers?;
    let is_json = raw.body.as_ref().is_some_and(|body| matches!(body.value, BodyText::Json(_)));
    if is_json && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let fields = raw.with.iter().flat_map(|with| &with.0).map(|member| (member.name.0.clone(), member.value.value.0.clone()));
    let parts = TemplateParts {
        method: raw.request.value.method.clone(),
        path: raw.request.value.path.clone(),
        query: query?,
        headers,
        body,
        fields: fields.collect(),
    };
    let written = Written {
        whole: &described.spot,
        line: Some(&raw.request.spot),
        with: raw.with.as_ref(),
        query: raw.query.as_ref(),
        headers: raw.headers.as_ref(),
        body: raw.body.as_ref().map(|body| &body.spot),
    };
    Template::new(parts).map_err(|error| written.blame(&error, reader)).ok()
}

/// Where the parts of a template stand in the profile.
pub(super) struct Written<'a> {
    pub(super) whole: &'a Spot,
    pub(super) line: Option<&'a Spot>,
    pub(super) with: Option<&'a Named<Text, At<FieldValue>>>,
    pub(super) query: Option<&'a Named<Text, At<Phrase>>>,
    pub(super) headers: Option<&'a Named<Text, At<Phrase>>>,
    pub(super) body: Option<&'a Spot>,
}

impl Written<'_> {
    /// Reports the error of a template at the key that caused it.
    pub(super) fn blame(&self, error: &TemplateError, reader: &mut Reader) {
        use crate::traffic::template::Place as In;
        let of = |named: Option<&'_ Named<Text, At<Phrase>>>, name: &str| {
            named.and_then(|named| named.0.iter().find(|member| member.name.0 == name)).map(|member| member.value.spot.clone())
        };
        let within = |place: &In| match place {
            In::Path => self.line.cloned(),
            In::Query(name) => of(self.query, name),
            In::Header(name) => of(self.headers, name),
            In::Body => self.body.cloned(),
        };
        let spot = match error {
            TemplateError::Method(_) | TemplateError::Path(_) => self.line.cloned(),
            TemplateError::Brace { place, .. } | TemplateError::NoGenerator { place, .. } => within(place),
            TemplateError::NoField { field } | TemplateError::Twice { field } | TemplateError::Generator { field, .. } => {
                let with = self.with.iter().flat_map(|with| &with.0);
                with.into_iter().find(|member| member.name.0 == *field).map(|member| member.spot.clone())
            }
            TemplateError::HeaderName(name) | TemplateError::HeaderValue(name) => of(self.headers, name),
        };
        reader.report_at(&spot.unwrap_or_else(|| self.whole.clone()), error.to_string());
    }
}

type Pair = (String, String);
type RawText = Member<Text, At<Phrase>>;

pub(super) fn texts(
    named: Option<&Named<Text, At<Phrase>>>,
    reader: &mut Reader,
    mut read: impl FnMut(&RawText, &mut Reader) -> Option<Pair>,
) -> Option<Vec<Pair>> {
    let read: Vec<Option<Pair>> = named.iter().flat_map(|named| &named.0).map(|member| read(member, reader)).collect();
    read.into_iter().collect()
}

pub(super) fn phrase(member: &RawText, outside: Outside<'_>, reader: &mut Reader) -> Option<Pair> {
    let value = reader.accept(&member.value.spot, member.value.value.reveal(outside, PhraseReader::Template))?;
    Some((member.name.0.clone(), value))
}

/// Name and value of a header with its secrets in place; a credential that stands in the profile is refused, unless the profile
/// has it already as the value of an API key.
pub(super) fn header(
    member: &RawText,
    (outside, keys): (Outside<'_>, &[ApiKey]),
    read_by: PhraseReader,
    reader: &mut Reader,
) -> Option<Pair> {
    let name = &member.name.0;
    let given = &member.value;
    let in_profile = matches!(given.spot.place, Place::Line { .. });
    let text = given.value.to_string();
    let is_key = keys.iter().any(|key| key.value == text);
    if is_credential(name) && in_profile && !is_key && !given.value.has_secret() && !text.contains('{') {
        let what = "a credential does not stand in a profile; refer to it, e.g. \"${env:TOKEN}\" or \"${file:token.txt}\"";
        reader.report_at(&given.spot, what);
        return None;
    }
    let value = reader.accept(&given.spot, given.value.reveal(outside, read_by))?;
    if name.parse::<http::HeaderName>().is_err() {
        let what = format!("{} is not the name of a header; write letters, digits and \"-\"", quoted(name));
        reader.report_at(&member.spot, what);
        return None;
    }
    if read_by == PhraseReader::Plain && http::HeaderValue::from_str(&value).is_err() {
        reader.report_at(&given.spot, "the value holds a control character, which HTTP allows in no header; write one line");
        return None;
    }
    Some((name.clone(), value))
}

/// A catalog of the routes alone (those of the stage's API), for scripts that come from a log; routes of one key are one series, whatever deployments they
/// belong to.
pub(super) fn catalog_of_routes(model: &Model, stage: StageId) -> Catalog {
    let mut catalog = Catalog::default();
    for route in model.routes.iter().filter(|route| is_driven(model, stage, route)) {
        series(&mut catalog, route.key());
    }
    catalog
}
