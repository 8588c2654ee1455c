//! A message of a script: its template, where it is counted, and how its reply is known.
//!
//! Owns the fields that every message has, and that what is asked and published can be recognised. Refuses the order of steps (`script`).
//! Called by `script`, and for
//! the text of a post by `post`.

use sluicegate_policy::model::{Integration, LambdaIntegration, Protocol, RouteResponse};
use sluicegate_policy::time::Span;

use super::counted::series_name;
use super::sketch::{Found, Sketch};
use super::{Desk, streams};
use crate::config::plan::is_driven;
use crate::config::problem::{Spot, quoted};
use crate::config::prove::mix::{NAMES_MAX, Written, series};
use crate::config::prove::{Known, filled};
use crate::config::raw::session::StepKeys;
use crate::config::reader::{At, Reader};
use crate::config::value::{BodyText, Duration, PhraseReader, ReplyBy};
use crate::load::dialogue::Sending;
use crate::traffic::conversation::{Awaits, StreamId};
use crate::traffic::template::{Generator, Template, TemplateError, TemplateParts};

/// What the fields are called that every message has.
const CALL: &str = "call";
const NUMBER: &str = "number";
/// Correlations have an index of eight bits.
const CORRELATIONS_MAX: usize = 256;

/// `say`: nothing comes back.
pub(super) fn say(keys: &StepKeys, text: &At<BodyText>, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Sending> {
    let template = template(keys, text, false, (desk, reader))?;
    Some(sending(template, &Sketch::of(&text.value), Awaits::Nothing, desk))
}

/// `ask`: a reply is waited for.
pub(super) fn ask(keys: &mut StepKeys, section: &Spot, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Sending> {
    let text = keys.ask.clone()?;
    let sketch = Sketch::of(&text.value);
    let awaits = awaits(keys, section, &sketch, (desk, reader));
    let template = template(keys, &text, false, (desk, reader))?;
    Some(sending(template, &sketch, awaits?, desk))
}

/// `publish`: others are to receive it.
pub(super) fn publish(
    keys: &StepKeys,
    section: &Spot,
    text: &At<BodyText>,
    desk: &mut Desk<'_>,
    reader: &mut Reader,
) -> Option<Sending> {
    let (publishes, template) = numbered(keys, (section, "publish"), text, desk, reader)?;
    Some(Sending { publishes: Some(publishes), ..sending(template, &Sketch::of(&text.value), Awaits::Nothing, desk) })
}

/// The stream of a text that others are to receive, and its template; `which` is the key of the step.
pub(super) fn numbered(
    keys: &StepKeys,
    (section, which): (&Spot, &str),
    text: &At<BodyText>,
    desk: &Desk<'_>,
    reader: &mut Reader,
) -> Option<(StreamId, Template)> {
    let to = keys.to.as_ref().and_then(|to| streams::stream(to, &desk.catalog, reader));
    if keys.to.is_none() {
        let what = format!("to which stream this is published is not said; write it beside {which}, e.g. \"to: prices\"");
        reader.report_at(section, what);
    }
    let template = template(keys, text, true, (desk, reader))?;
    if !template.is_numbered() {
        let what = "nothing in this message says its place in the stream, by which receivers find what they miss; write {number} where \
                    they are to find it, e.g. { action: broadcast, n: \"{number}\" }, without a generator of its own";
        reader.report_at(&text.spot, what);
        return None;
    }
    Some((to?, template))
}

fn sending(template: Template, sketch: &Sketch, awaits: Awaits, desk: &mut Desk<'_>) -> Sending {
    let name = series_name(&desk.selection, &desk.routes, sketch);
    Sending { series: series(&mut desk.catalog, name), template: desk.template(template), awaits, publishes: None }
}

/// The template of the text, with the fields that are there by themselves unless `with` has them.
fn template(
    keys: &StepKeys,
    text: &At<BodyText>,
    is_published: bool,
    (desk, reader): (&Desk<'_>, &mut Reader),
) -> Option<Template> {
    let with = keys.with.as_ref().map(|with| with.0.as_slice()).unwrap_or_default();
    if with.len() > NAMES_MAX {
        let what = format!("{} names are too many for one message; write at most {NAMES_MAX}", with.len());
        reader.report_at(&text.spot, what);
        return None;
    }
    let mut fields: Vec<(String, Generator)> =
        with.iter().map(|member| (member.name.0.clone(), member.value.value.0.clone())).collect();
    let offered = [(CALL, Generator::Call, true), (NUMBER, Generator::Number, is_published)];
    for (name, generator, _) in offered.into_iter().filter(|(.., is_there)| *is_there) {
        if !fields.iter().any(|(given, _)| given == name) {
            fields.push((name.to_owned(), generator));
        }
    }
    let body = reader.accept(&text.spot, text.value.phrase().reveal(desk.known.outside, PhraseReader::Template))?;
    let parts =
        TemplateParts { method: "GET".to_owned(), path: "/".to_owned(), body: Some(body), fields, ..TemplateParts::default() };
    let written =
        Written { whole: &text.spot, line: None, with: keys.with.as_ref(), query: None, headers: None, body: Some(&text.spot) };
    let blame = |error: TemplateError| match error {
        TemplateError::NoGenerator { field, .. } if field == NUMBER => {
            let what = "{number} is the place in a stream, and this is published to none; write publish and to, or give the field a \
                        generator of its own";
            reader.report_at(&text.spot, what);
        }
        error => written.blame(&error, reader),
    };
    Template::new(parts).map_err(blame).ok()
}

/// How the reply of a question is known, and how long it is waited for.
fn awaits(keys: &mut StepKeys, section: &Spot, sketch: &Sketch, (desk, reader): (&mut Desk<'_>, &mut Reader)) -> Option<Awaits> {
    let reply = filled(&mut keys.reply, section, "reply", || ReplyBy::Order).clone();
    // Without a proven run, its time is not needed any more: there will be no plan.
    let usual = desk.timeout.unwrap_or(Span::from_secs(35));
    let timeout = filled(&mut keys.timeout, section, "timeout", || Duration(usual)).clone();
    let path = match reply.value {
        ReplyBy::Order => None,
        ReplyBy::Same(path) => Some(path.0),
    };
    if timeout.value.0 == Span::ZERO {
        reader.report_at(&timeout.spot, "0s is no time to wait for a reply; write a time above zero, e.g. 5s");
        return None;
    }
    let timeout = timeout.value.0;
    let Some(path) = path else { return Some(Awaits::Next { timeout }) };
    match sketch.at(&path) {
        Found::Constant(_) | Found::Varying => {}
        Found::Other | Found::Nothing => {
            let what = format!(
                "the message holds no text and no number at {}, which its reply is to repeat; write it into the message, e.g. \
                 {{ id: \"{{call}}\" }} for id, or reply: order",
                quoted(&path.join("."))
            );
            reader.report_at(&reply.spot, what);
            return None;
        }
    }
    if let Some(function) = answers_the_same(desk, sketch) {
        let what = format!(
            "{} is modelled and answers the same to all, so that nothing repeats {}; write no body in its response (it answers each message with \
             that message then), or reply: order",
            quoted(function),
            quoted(&path.join("."))
        );
        reader.report_at(&reply.spot, what);
        return None;
    }
    let correlations = &mut desk.catalog.correlations;
    let known = correlations.iter().position(|known| *known == path);
    if known.is_none() && correlations.len() == CORRELATIONS_MAX {
        let what = format!("more than {CORRELATIONS_MAX} places by which replies are known; use some of them twice");
        reader.report_at(&reply.spot, what);
        return None;
    }
    let at = known.unwrap_or_else(|| {
        correlations.push(path);
        correlations.len() - 1
    });
    Some(Awaits::Same { correlation: at as u8, timeout })
}

/// The modelled function that this message comes to, if its answer does not depend on the message.
fn answers_the_same<'a>(desk: &Desk<'a>, sketch: &Sketch) -> Option<&'a str> {
    let Known { model, stage, .. } = desk.known;
    let name = series_name(&desk.selection, &desk.routes, sketch);
    let route = model.routes.iter().find(|route| is_driven(model, stage, route) && route.key() == name)?;
    let Integration::Lambda(LambdaIntegration { function, protocol: Protocol::Proxy { .. }, .. }) = &route.integration else {
        return None;
    };
    let function = &model.functions[usize::from(function.0)];
    (function.code.is_modelled() && !function.echoes && route.response == RouteResponse::Present)
        .then_some(function.name.as_str())
}
