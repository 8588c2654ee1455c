//! Which format a file looks like, by its first lines.
//!
//! Owns the contest: every format that needs nothing said reads the sample, and the one that reads most lines wins, if it
//! reads most of those that it does not skip. The order breaks ties from the particular to the general.

use super::super::options::Options;
use super::super::parsed::{LineFormat, Rejected, StampIs};
use super::clf::Clf;
use super::console::Console;
use super::json::Json;
use super::nova::Nova;
use super::{Format, overrides, rules};

/// The format of `sample`, and in words why; `None` if none fits.
pub(in crate::import) fn detect(sample: &[&[u8]], options: &Options) -> Option<(Format, String)> {
    let json = Json::new(&options.fields, rules(options, StampIs::End));
    let (xml, csv) = (Console::xml(&overrides(options)).ok()?, Console::csv(&overrides(options)).ok()?);
    let (combined, common) = (Clf::combined(), Clf::common());
    let contest: [(Format, &dyn LineFormat); 6] = [
        (Format::Nova, &Nova),
        (Format::Json, &json),
        (Format::GatewayXml, &xml),
        (Format::GatewayCsv, &csv),
        (Format::Combined, &combined),
        (Format::Common, &common),
    ];
    let scores = contest.map(|(format, reader)| (format, Score::of(sample, reader)));
    let best = scores.iter().map(|(_, score)| score.accepted).max().filter(|accepted| *accepted > 0)?;
    let (format, score) = scores.into_iter().find(|(_, score)| score.accepted == best)?;
    if score.rejected > score.accepted {
        return None;
    }
    let gateway = format == Format::Json && sample.iter().any(|line| Json::looks_like_gateway(line));
    let format = if gateway { Format::ApiGateway } else { format };
    let (word, accepted, all) = (format.as_str(), score.accepted, sample.len());
    Some((format, format!("format {word} was detected: it reads {accepted} of the first {all} lines{}", score.skipped())))
}

/// How a format fared with the sample.
struct Score {
    accepted: usize,
    rejected: usize,
    skipped: usize,
}

impl Score {
    fn of(sample: &[&[u8]], reader: &dyn LineFormat) -> Self {
        let mut score = Self { accepted: 0, rejected: 0, skipped: 0 };
        for line in sample {
            match reader.parse(line) {
                Ok(_) => score.accepted += 1,
                Err(Rejected::NotACall) => score.skipped += 1,
                Err(_) => score.rejected += 1,
            }
        }
        score
    }

    fn skipped(&self) -> String {
        if self.skipped == 0 { String::new() } else { format!(" and skips {} that are not about a call", self.skipped) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(lines: &[&str]) -> Option<Format> {
        let sample: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        detect(&sample, &Options::default()).map(|(format, _)| format)
    }

    const COMMON: &str = r#"192.0.2.1 - - [16/May/2017:00:00:00 +0000] "GET / HTTP/1.1" 200 1"#;

    #[test]
    fn each_format_is_told_by_its_lines() {
        let combined = format!(r#"{COMMON} "-" "a""#);
        let nova = r#"2017-05-16 00:00:00.008 1 INFO n [r] 192.0.2.1 "GET / HTTP/1.1" status: 200 len: 1 time: 0.2"#;
        let json = r#"{"time":"2017-05-16T00:00:00Z","method":"GET","path":"/"}"#;
        let gateway = r#"{"requestTime":"16/May/2017:00:00:00 +0000","httpMethod":"GET","path":"/"}"#;
        assert_eq!(detected(&[COMMON]), Some(Format::Common));
        assert_eq!(detected(&[&combined, &combined, COMMON]), Some(Format::Combined));
        assert_eq!(detected(&["other words", nova, "more words"]), Some(Format::Nova));
        assert_eq!(detected(&[json]), Some(Format::Json));
        assert_eq!(detected(&[gateway]), Some(Format::ApiGateway));
        let csv = "192.0.2.1,16/May/2017:00:00:00 +0000,GET,GET /a,HTTP/1.1,200,17,r=";
        assert_eq!(detected(&[csv]), Some(Format::GatewayCsv));
        let xml = "<request id=\"r\"> <ip>192.0.2.1</ip> <requestTime>16/May/2017:00:00:00 +0000</requestTime> <httpMethod>GET</httpMethod> <routeKey>GET /a</routeKey> <status>200</status> <protocol>HTTP/1.1</protocol> <responseLength>17</responseLength> </request>";
        assert_eq!(detected(&[xml]), Some(Format::GatewayXml));
    }

    #[test]
    fn what_fits_no_format_is_not_guessed() {
        assert_eq!(detected(&["a", "b"]), None);
        assert_eq!(detected(&[COMMON, "a", "b"]), None);
        assert_eq!(detected(&[]), None);
    }
}
