//! The templates before and after an integration that is not a proxy.
//!
//! Owns which template is taken and which integration response. Refuses to reach a back end, and to order the steps
//! ([`examined`](crate::examined) does). Compiled with the front door.
//!
//! Source: facts, section 13 (developer guide, "Integration passthrough behaviors" and "Data transformations"; recordings).

use regex::Regex;
use sluicegate_policy::model::{ContentHandling, Mapping, Passthrough, ResponseRule};

use crate::expression::{Expression, Position};
use crate::front_error::FrontFault;
use crate::vtl::Template;

/// The media type of a request that names none, and of an answer for which none is chosen.
pub(crate) const JSON: &str = "application/json";

/// A mapping, compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    requests: Templates,
    passthrough: Passthrough,
    pub(crate) content_handling: ContentHandling,
    responses: Vec<Response>,
}

/// Templates by media type, in their order.
#[derive(Debug)]
pub(crate) struct Templates(Vec<(String, Template)>);

/// An integration response, compiled.
#[derive(Debug)]
pub(crate) struct Response {
    /// `None` is the default.
    pattern: Option<Regex>,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Expression)>,
    pub(crate) templates: Templates,
    pub(crate) content_handling: ContentHandling,
}

/// What happens to the body of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'m> {
    /// This template is run.
    Template(&'m Template),
    /// It goes on as it is.
    Unchanged,
    /// 415.
    Unsupported,
}

/// A part that cannot be compiled, and its name.
pub(crate) type PartFault = (String, FrontFault);

/// The pattern for a whole text, which is what Java's `matches` asks.
pub(crate) fn whole(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// Whether every integration request parameter has an expression; whoever sends the request evaluates them.
fn prove_parameters(parameters: &[(String, String)]) -> Result<(), PartFault> {
    for (name, expression) in parameters {
        let proven = Expression::parse(expression, Position::Request);
        proven.map_err(|why| (format!("integration request parameter {name}"), why))?;
    }
    Ok(())
}

impl Compiled {
    /// Compiles templates, patterns and expressions. The fault names the part.
    pub(crate) fn new(mapping: &Mapping) -> Result<Self, PartFault> {
        prove_parameters(&mapping.parameters)?;
        Ok(Self {
            requests: Templates::new(&mapping.requests).map_err(|(media, why)| (format!("request template {media}"), why))?,
            passthrough: mapping.passthrough,
            content_handling: mapping.content_handling,
            responses: mapping.responses.iter().map(Response::new).collect::<Result<_, _>>()?,
        })
    }

    /// Whether anything here can see what tells two requests apart that have a request template. Without any, the body itself
    /// is what is read.
    pub(crate) fn reads_request(&self) -> bool {
        self.requests.0.is_empty() || self.requests.read_request() || self.responses.iter().any(Response::reads_request)
    }

    /// What happens to a body of this content type: the template of its media type, else `$default`, else as the passthrough
    /// behaviour says.
    pub(crate) fn request(&self, content_type: Option<&str>) -> Request<'_> {
        let media = content_type.map(media_type).filter(|media| !media.is_empty()).unwrap_or(JSON);
        if let Some(template) = self.requests.of(media).or_else(|| self.requests.of("$default")) {
            return Request::Template(template);
        }
        match self.passthrough {
            Passthrough::WhenNoMatch => Request::Unchanged,
            Passthrough::WhenNoTemplates if self.requests.0.is_empty() => Request::Unchanged,
            Passthrough::WhenNoTemplates | Passthrough::Never => Request::Unsupported,
        }
    }

    /// The integration response for this status or error message: the first whose whole pattern fits, else the default.
    pub(crate) fn response(&self, said: &str) -> Option<&Response> {
        let fits = |response: &&Response| response.pattern.as_ref().is_some_and(|pattern| pattern.is_match(said));
        let default = || self.responses.iter().find(|response| response.pattern.is_none());
        self.responses.iter().find(fits).or_else(default)
    }
}

impl Response {
    fn reads_request(&self) -> bool {
        // Of several templates `Accept` chooses one.
        self.templates.0.len() > 1 || self.templates.read_request()
    }

    fn new(rule: &ResponseRule) -> Result<Self, PartFault> {
        let name = rule.pattern.as_deref().filter(|pattern| !pattern.is_empty());
        let within = |part: &str| match name {
            Some(pattern) => format!("integration response \"{pattern}\"{part}"),
            None => format!("default integration response{part}"),
        };
        let pattern = name.map(|pattern| Regex::new(&whole(pattern))).transpose();
        let headers = rule.headers.iter().map(|(header, value)| {
            let expression = Expression::parse(value, Position::Response);
            expression.map(|value| (header.clone(), value)).map_err(|why| (within(&format!(", header {header}")), why))
        });
        Ok(Self {
            pattern: pattern.map_err(|why| (within(""), why.into()))?,
            status: rule.status,
            headers: headers.collect::<Result<_, _>>()?,
            content_handling: rule.content_handling,
            templates: Templates::new(&rule.templates).map_err(|(media, why)| (within(&format!(", template {media}")), why))?,
        })
    }
}

impl Templates {
    /// The fault names the media type.
    fn new(texts: &[(String, String)]) -> Result<Self, PartFault> {
        let compiled = texts.iter().map(|(media, text)| match Template::parse(text) {
            Ok(template) => Ok((media.clone(), template)),
            Err(why) => Err((media.clone(), why.into())),
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    fn read_request(&self) -> bool {
        self.0.iter().any(|(_, template)| template.reads_request())
    }

    fn of(&self, media: &str) -> Option<&Template> {
        self.0.iter().find(|(given, _)| given.eq_ignore_ascii_case(media)).map(|(_, template)| template)
    }

    /// The template for a client that accepts this.
    pub(crate) fn accepted(&self, accept: Option<&str>) -> Option<&Template> {
        choose(&self.0, accept).map(|(_, template)| template)
    }
}

/// Of several by media type: the first type that the client accepts, else JSON, else the first. Only the first type counts
/// (developer guide, "Known issues", 2026).
pub(crate) fn choose<'c, T>(by_media: &'c [(String, T)], accept: Option<&str>) -> Option<&'c (String, T)> {
    let of = |media: &str| by_media.iter().find(|(given, _)| given.eq_ignore_ascii_case(media));
    let accepted = accept.and_then(|accept| of(media_type(accept.split(',').next().unwrap_or(""))));
    accepted.or_else(|| of(JSON)).or_else(|| by_media.first())
}

/// A media type without its parameters.
fn media_type(header: &str) -> &str {
    header.split(';').next().unwrap_or("").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(media: &[&str]) -> Vec<(String, String)> {
        media.iter().map(|media| ((*media).to_owned(), String::new())).collect()
    }

    fn request(media: &[&str], passthrough: Passthrough, content_type: Option<&str>) -> &'static str {
        let mapping = Mapping { requests: templates(media), passthrough, ..Mapping::default() };
        match Compiled::new(&mapping).unwrap().request(content_type) {
            Request::Template(_) => "template",
            Request::Unchanged => "unchanged",
            Request::Unsupported => "unsupported",
        }
    }

    #[test]
    fn the_request_template_is_the_one_of_the_media_type() {
        let json = [JSON];
        let never = Passthrough::Never;
        assert_eq!(request(&json, never, None), "template");
        assert_eq!(request(&json, never, Some("application/json; charset=utf-8")), "template");
        assert_eq!(request(&json, never, Some("text/plain")), "unsupported");
        assert_eq!(request(&["$default"], never, Some("text/plain")), "template");
    }

    #[test]
    fn without_a_template_the_passthrough_behaviour_decides() {
        let text = Some("text/plain");
        assert_eq!(request(&[JSON], Passthrough::WhenNoMatch, text), "unchanged");
        assert_eq!(request(&[JSON], Passthrough::WhenNoTemplates, text), "unsupported");
        assert_eq!(request(&[], Passthrough::WhenNoTemplates, text), "unchanged");
        assert_eq!(request(&[], Passthrough::Never, text), "unsupported");
    }

    fn responses(patterns: &[Option<&str>]) -> Compiled {
        let rule = |(at, pattern): (usize, Option<&str>)| ResponseRule {
            pattern: pattern.map(str::to_owned),
            status: 200 + at as u16,
            ..ResponseRule::default()
        };
        let responses = patterns.iter().copied().enumerate().map(rule).collect();
        Compiled::new(&Mapping { responses, ..Mapping::default() }).unwrap()
    }

    #[test]
    fn the_first_pattern_that_fits_the_whole_wins_and_the_default_is_last() {
        let compiled = responses(&[None, Some("4\\d{2}"), Some("40|404"), Some(".*5")]);
        let chosen = |said: &str| compiled.response(said).map(|response| response.status);
        assert_eq!(chosen("404"), Some(201));
        assert_eq!(chosen("40"), Some(202));
        assert_eq!(chosen("4041"), Some(200));
        assert_eq!(chosen("x5"), Some(203));
        assert!(responses(&[Some("4..")]).response("500").is_none());
        assert_eq!(responses(&[Some("")]).response("500").map(|response| response.status), Some(200));
    }

    #[test]
    fn a_template_is_chosen_by_the_first_accepted_type_else_json_else_the_first() {
        let both: Vec<(String, ())> = vec![("text/xml".to_owned(), ()), (JSON.to_owned(), ())];
        let media = |accept| choose(&both, accept).map(|(media, ())| media.as_str());
        assert_eq!(media(Some("text/xml;q=1, application/json")), Some("text/xml"));
        assert_eq!(media(Some("*/*")), Some(JSON));
        assert_eq!(media(None), Some(JSON));
        assert_eq!(choose(&both[..1], Some("image/png")).map(|(media, ())| media.as_str()), Some("text/xml"));
        assert_eq!(choose::<()>(&[], None), None);
    }

    #[test]
    fn a_fault_names_its_part() {
        let rule = ResponseRule { pattern: Some("(".to_owned()), ..ResponseRule::default() };
        let (part, _) = Compiled::new(&Mapping { responses: vec![rule], ..Mapping::default() }).unwrap_err();
        assert_eq!(part, "integration response \"(\"");
        let header = ("X".to_owned(), "method.request.header.Y".to_owned());
        let rule = ResponseRule { headers: vec![header], ..ResponseRule::default() };
        let (part, why) = Compiled::new(&Mapping { responses: vec![rule], ..Mapping::default() }).unwrap_err();
        assert_eq!(part, "default integration response, header X");
        assert!(why.to_string().contains("integration.response.header.<name>"), "{why}");
    }
}
