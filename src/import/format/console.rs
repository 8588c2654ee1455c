//! API Gateway's access logs in the formats that its console offers as XML and as comma-separated values.
//!
//! Owns the readers of both, each for REST and for HTTP APIs. Refuses other XML and CSV: such a format is told with `--pattern`.
//! The console's JSON and CLF have readers that read more than those (`json`, `clf`).

use super::super::parsed::{LineFormat, Parsed, Rejected};
use super::pattern::{Overrides, Pattern, PatternError};

/// As the console writes it for REST APIs, without what follows the request id: an extended one, or nothing (older).
const CSV_REST: &str = "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,HTTP/$context.protocol,$context.status,$context.responseLength,$context.requestId";

/// As the console writes it for HTTP APIs. The protocol is known to be HTTP, and ends a path that may hold commas.
const CSV_HTTP: &str = "$context.identity.sourceIp,$context.requestTime,$context.httpMethod,$context.routeKey,HTTP/$context.protocol,$context.status,$context.responseLength,$context.requestId";

/// From the address on; an extended request id may stand before it.
const XML_REST: &str = "<ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>";

/// From the address on.
const XML_HTTP: &str = "<ip>$context.identity.sourceIp</ip> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <routeKey>$context.routeKey</routeKey> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>";

/// Reads lines of one of the console's formats.
#[derive(Debug)]
pub(in crate::import) struct Console {
    begins: &'static [u8],
    /// Of a REST API and of an HTTP API.
    patterns: [Pattern; 2],
}

impl Console {
    /// `<request id="..."> <ip>...`.
    pub(in crate::import) fn xml(overrides: &Overrides) -> Result<Self, PatternError> {
        let patterns = [Pattern::compile(XML_REST, overrides)?, Pattern::compile(XML_HTTP, overrides)?];
        Ok(Self { begins: b"<request id=\"", patterns })
    }

    /// `192.0.2.1,-,-,16/May/2017:00:00:00 +0000,GET,...`.
    pub(in crate::import) fn csv(overrides: &Overrides) -> Result<Self, PatternError> {
        let patterns = [Pattern::compile(CSV_REST, overrides)?, Pattern::compile(CSV_HTTP, overrides)?];
        Ok(Self { begins: b"", patterns })
    }
}

impl LineFormat for Console {
    fn parse<'a>(&self, line: &'a [u8]) -> Result<Parsed<'a>, Rejected> {
        let line = if self.begins.is_empty() {
            line
        } else {
            // What a collector puts before the line, and the ids, are of no use here.
            let open = memchr::memmem::find(line, self.begins).ok_or(Rejected::NoMatch)?;
            let ip = memchr::memmem::find(&line[open..], b"<ip>").ok_or(Rejected::NoMatch)?;
            line[open + ip..].trim_ascii_end()
        };
        let [rest, http] = &self.patterns;
        // The one that gets further has more to say about what is wrong.
        match (rest.parse(line), http.parse(line)) {
            (Ok(parsed), _) | (Err(_), Ok(parsed)) => Ok(parsed),
            (Err(Rejected::NoMatch), Err(why)) | (Err(why), Err(_)) => Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parsed::{Part, StampIs};
    use super::*;
    use proptest::prelude::*;

    fn csv() -> Console {
        Console::csv(&Overrides::default()).unwrap()
    }

    fn xml() -> Console {
        Console::xml(&Overrides::default()).unwrap()
    }

    const CSV: &str = "192.0.2.1,-,-,16/May/2017:00:00:00 +0000,GET,/pets/{id},HTTP/1.1,200,17,c6af9ac6-7b61,Xyz=";
    const XML: &str = r#"<request id="r"> <extendedRequestId>x=</extendedRequestId> <ip>192.0.2.1</ip> <caller>-</caller> <user>-</user> <requestTime>16/May/2017:00:00:00 +0000</requestTime> <httpMethod>GET</httpMethod> <resourcePath>/pets</resourcePath> <status>200</status> <protocol>HTTP/1.1</protocol> <responseLength>17</responseLength> </request>"#;
    const XML_OF_HTTP: &str = r#"<request id="r="> <ip>192.0.2.1</ip> <requestTime>16/May/2017:00:00:00 +0000</requestTime> <httpMethod>GET</httpMethod> <routeKey>ANY /pets</routeKey> <status>200</status> <protocol>HTTP/1.1</protocol> <responseLength>17</responseLength> </request>"#;

    #[test]
    fn lines_of_both_kinds_of_api_are_read() {
        let csv_of_http = "192.0.2.1,16/May/2017:00:00:00 +0000,GET,GET /a,b,HTTP/1.1,200,17,r=";
        let without_extended = &CSV[..CSV.len() - ",Xyz=".len()];
        for (reader, line, target) in [
            (csv(), CSV, "/pets/%7Bid%7D"),
            (csv(), without_extended, "/pets/%7Bid%7D"),
            (csv(), csv_of_http, "/a,b"),
            (xml(), XML, "/pets"),
            (xml(), XML_OF_HTTP, "/pets"),
        ] {
            let parsed = reader.parse(line.as_bytes()).unwrap_or_else(|why| panic!("{line}: {why}"));
            assert_eq!((&*parsed.method, &*parsed.target, parsed.status), ("GET", target, Some(200)), "{line}");
            assert_eq!((parsed.bytes, parsed.stamp_is), (Some(17), StampIs::Start));
            assert_eq!(parsed.client.as_deref(), Some(&b"192.0.2.1"[..]));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let no_route = CSV.replace("/pets/{id}", "-");
        assert_eq!(csv().parse(no_route.as_bytes()), Err(Rejected::Missing(Part::Path)));
        let no_route = XML_OF_HTTP.replace("ANY /pets", "-");
        assert_eq!(xml().parse(no_route.as_bytes()), Err(Rejected::Missing(Part::Path)));
        assert_eq!(csv().parse(b"a,b,c"), Err(Rejected::NoMatch));
        assert_eq!(xml().parse(b"<request/>"), Err(Rejected::NoMatch));
        assert_eq!(xml().parse(&XML.as_bytes()[..300]), Err(Rejected::NoMatch));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..80), cut in 0_usize..100) {
            let _ = (csv().parse(&line), xml().parse(&line), csv().parse(&CSV.as_bytes()[..cut.min(CSV.len())]), xml().parse(&XML.as_bytes()[..cut]));
        }
    }
}
