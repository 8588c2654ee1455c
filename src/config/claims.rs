//! What is claimed of a run that was kept: the claims of its resolved profile, or others in their place.
//!
//! Owns reading them without the profile around them, against the names that the run's record has. Refuses to judge (`verdict`). Called by
//! `command` for comparisons.

use serde_json::Value;

use super::problem::{Place, Problems};
use super::prove::expect::{Known, expectations};
use super::raw::expect::Expected;
use super::reader::{At, Read, Reader};
use super::tree::{Kind, Node, Scalar, Taken};
use crate::measure::assumption::{Assumption, Ratio, Told};

/// What claims of a kept run may be about.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The run's series, in its order.
    pub series: &'a [String],
    /// The parts of the gateway that were told of, in its order: the metric, and the part's name.
    pub told: &'a [(String, String)],
}

/// The flag that puts other claims in the place of a profile's.
const FLAG: &str = "--expect";

/// The claims in a list as a profile has it under `expect`; messages call the profile `name`.
pub fn claims(name: &str, list: &Value, names: Names<'_>) -> Result<Vec<Assumption>, Problems> {
    proven(name, &Node::from_json(list, &Place::Nowhere), names)
}

/// Claims that were said on the command line, each in one sentence.
pub fn claims_said(sentences: &[String], names: Names<'_>) -> Result<Vec<Assumption>, Problems> {
    proven(FLAG, &said(sentences), names)
}

/// The list of sentences that the command line gave.
pub(super) fn said(sentences: &[String]) -> Node {
    let place = Place::Flag(FLAG);
    let scalar = |text: &String| Kind::Scalar(Scalar { text: text.clone(), taken: Taken::Text });
    let items = sentences.iter().map(|text| Node { place: place.clone(), kind: scalar(text) });
    Node { place: place.clone(), kind: Kind::List(items.collect()) }
}

fn proven(name: &str, list: &Node, names: Names<'_>) -> Result<Vec<Assumption>, Problems> {
    let mut reader = Reader::new(name);
    let parts = |told: Told| {
        let metric = Ratio::Told(told, None).as_str();
        names.told.iter().filter(|(of, _)| of == metric).map(|(_, name)| (name.clone(), true)).collect()
    };
    let known = Known { parts: &parts, series: Some(names.series) };
    let read = reader.under("expect", |reader| Vec::<At<Expected>>::read(list, reader));
    let claims = read.and_then(|read| expectations(&mut Some(read), known, &mut reader));
    match claims {
        Some(claims) if !reader.has_problems() => Ok(claims),
        _ => Err(reader.into_problems()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::measure::assumption::{Allowed, Metric, PartAt};
    use crate::traffic::SeriesId;

    fn names() -> ([String; 2], [(String, String); 1]) {
        (["GET /a".to_owned(), "GET /b/{id}".to_owned()], [("authorizer hits".to_owned(), "lasting".to_owned())])
    }

    fn sentences(said: &[&str]) -> Result<Vec<Assumption>, String> {
        let (series, told) = names();
        let said: Vec<String> = said.iter().map(|text| (*text).to_owned()).collect();
        claims_said(&said, Names { series: &series, told: &told }).map_err(|problems| problems.to_string())
    }

    #[test]
    fn sentences_are_claims_about_the_series_of_the_run() {
        let said =
            sentences(&["GET /b/{id} p99 < 300ms", "errors < 0.1 %", "latency p95 within 5%", "lasting authorizer hits > 70 %"]);
        let claims = said.unwrap();
        assert_eq!((claims[0].series, claims[0].metric), (Some(SeriesId(1)), Metric::Latency(0.99)));
        assert_eq!((claims[0].allowed, claims[0].name.as_str()), (Allowed::AtMost(3e8), "GET /b/{id} latency p99 at most 300ms"));
        assert_eq!((claims[1].series, claims[1].allowed), (None, Allowed::AtMost(0.001)));
        assert!(matches!(claims[2].allowed, Allowed::Within(margin) if (margin.relative - 0.05).abs() < 1e-12));
        assert_eq!(claims[3].metric, Metric::Ratio(Ratio::Told(Told::AuthorizerHits, Some(PartAt(0)))));
        assert_eq!((claims[3].allowed, claims[3].name.as_str()), (Allowed::AtLeast(0.7), "lasting authorizer hits at least 70%"));
    }

    #[test]
    fn what_is_wrong_with_one_is_said_with_its_flag_and_cure() {
        for (text, said) in [
            ("GET /c p99 < 300ms", "--expect: expect[0]: "),
            ("GET /b/{od} p99 < 300ms", "did you mean \"GET /b/{id}\""),
            ("p99 < 1%", "is no latency; write e.g. \"200ms\""),
            ("p99 > 1ms", "is no floor of a latency"),
            ("errors > 0%", "there can be no less"),
            ("errors > 100%", "can never be proven"),
            ("other authorizer hits > 1%", "there is no authorizer \"other\""),
        ] {
            let refused = sentences(&[text]).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
        assert!(sentences(&["errors < 1%", "error ratio < 1 %"]).unwrap_err().contains("is expected twice"));
    }

    #[test]
    fn the_list_of_a_resolved_profile_is_read_as_it_was_written_out() {
        let (series, told) = names();
        let names = Names { series: &series, told: &told };
        let list =
            json!([{ "of": "GET /a", "metric": "latency p50", "within": "15% or 2ms" }, { "metric": "errors", "at_most": "1%" }]);
        let claims = claims("run.json", &list, names).unwrap();
        assert_eq!(
            claims.iter().map(|claim| claim.name.as_str()).collect::<Vec<_>>(),
            ["GET /a latency p50", "errors at most 1%"]
        );
    }
}
