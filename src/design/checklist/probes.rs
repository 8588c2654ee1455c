//! Questions that a live endpoint answers to a handful of harmless requests.
//!
//! Owns what is asked for, and what an answer means. Refuses sockets: `command` sends, and hands over what came back. At most
//! [`REQUESTS_MAX`] requests; none has a body, a valid token or a method that changes anything.

use sluicegate_policy::time::Span;

use super::{Area, Check, Judged, Judgement};
use crate::measure::checklist::Measure;

/// More requests than this are none but load.
pub const REQUESTS_MAX: usize = 10;

/// A page that no browser has: whoever lets it in lets anybody in.
pub const ORIGIN: &str = "https://sluicegate.invalid";

/// The questions.
pub(super) const CHECKS: [Check; 7] = [PREFLIGHT, NO_TOKEN, BROKEN_TOKEN, ERRORS, REQUEST_ID, HANDSHAKE, CERTIFICATE];

const PREFLIGHT: Check = Check {
    id: "live.preflight",
    area: Area::Live,
    asks: "Is a preflight answered, and a strange origin kept from credentials?",
    cure: "answer OPTIONS without a token; never echo an origin, or answer *, together with Access-Control-Allow-Credentials: true",
    source: Some("Fetch Standard, \"CORS protocol and credentials\""),
};
const NO_TOKEN: Check = Check {
    id: "live.no-token",
    area: Area::Live,
    asks: "Is a request without a token refused?",
    cure: "give the route an authorizer, and deploy the stage: a change of a REST API holds only once it is deployed",
    source: None,
};
const BROKEN_TOKEN: Check = Check {
    id: "live.broken-token",
    area: Area::Live,
    asks: "Is a broken token refused, and not a reason to fail?",
    cure: "answer 401 or 403; a 5xx says that the authorizer breaks on what anybody may send",
    source: Some("developer guide, \"Use API Gateway Lambda authorizers\": an error that is not Unauthorized is a 500"),
};
const ERRORS: Check = Check {
    id: "live.errors",
    area: Area::Live,
    asks: "Does an error say no more than it must?",
    cure: "answer errors as JSON with a message, without pages, stack traces and versions",
    source: None,
};
const REQUEST_ID: Check = Check {
    id: "live.request-id",
    area: Area::Live,
    asks: "Does an answer name its request?",
    cure: "let x-amzn-RequestId or apigw-requestid through (a proxy in front may drop it): without, no client's complaint can be found in the log",
    source: Some("developer guide, \"Variables for access logging\""),
};
const HANDSHAKE: Check = Check {
    id: "live.tls",
    area: Area::Live,
    asks: "Is the endpoint asked over TLS of today?",
    cure: "serve https alone, with TLS 1.2 or newer",
    source: None,
};
const CERTIFICATE: Check = Check {
    id: "live.certificate",
    area: Area::Live,
    asks: "Does the certificate hold for some time yet?",
    cure: "renew it (ACM renews by itself while the validation record stays in the DNS)",
    source: None,
};

/// What came back for one request; why nothing did, otherwise.
pub type Reply = Result<Answer, String>;

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: String,
}

/// What was agreed on, if TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// `TLSv1_3`.
    pub version: String,
    /// How long the certificate holds yet; `None` if it could not be read, zero if it has expired.
    pub holds: Option<Span>,
    /// Whether the certificate is good, as far as was asked for.
    pub is_trusted: bool,
}

/// Everything that was found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The path that was asked for.
    pub path: String,
    /// Whether the document says that this path asks who calls; `None` without a document.
    pub guarded: Option<bool>,
    /// `OPTIONS` with a strange origin.
    pub preflight: Reply,
    /// `GET` without a token.
    pub no_token: Reply,
    /// `GET` with a broken token.
    pub broken_token: Reply,
    /// `GET` of a path that there is not.
    pub unknown_path: Reply,
    /// Whether TLS is spoken, and how; `None` in the clear.
    pub tls: Option<Result<Handshake, String>>,
    /// Whether the endpoint is this machine.
    pub is_here: bool,
}

/// Whatever was found out about the questions.
pub fn judged(seen: &Seen) -> Vec<(Check, Judged)> {
    vec![
        (PREFLIGHT, preflight(seen)),
        (NO_TOKEN, no_token(seen)),
        (BROKEN_TOKEN, broken_token(seen)),
        (ERRORS, errors(seen)),
        (REQUEST_ID, request_id(seen)),
        (HANDSHAKE, handshake(seen)),
        (CERTIFICATE, certificate(seen)),
    ]
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The answer, or what is to be said without one.
fn answer<'a>(reply: &'a Reply, looked_at: &str) -> Result<&'a Answer, Judgement> {
    let tells = "let the endpoint be reached from here, and ask again";
    reply.as_ref().map_err(|why| Judgement::unknown(looked_at, format!("there was no answer: {why}"), tells))
}

fn preflight(seen: &Seen) -> Judged {
    let looked_at = format!("OPTIONS {} from {ORIGIN}", seen.path);
    let answer = match answer(&seen.preflight, &looked_at) {
        Ok(answer) => answer,
        Err(unanswered) => return Ok(unanswered),
    };
    let status = answer.status;
    let origin = answer.header("access-control-allow-origin");
    let credentials = answer.header("access-control-allow-credentials").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    Ok(match (origin, credentials) {
        (Some(origin), true) if origin == "*" || origin.eq_ignore_ascii_case(ORIGIN) => {
            Judgement::fail(looked_at, format!("{status}: origin {origin} may send credentials"))
        }
        (Some(origin), _) => Judgement::pass(looked_at, format!("{status}: origin {origin}, without credentials")),
        (None, _) if matches!(status, 401 | 403) => Judgement::unknown(
            looked_at,
            format!("{status}, and no origin: a preflight is refused, which is right only if no page of another origin calls"),
            "say which origins call, and answer OPTIONS without a token for them",
        ),
        (None, _) => Judgement::unknown(
            looked_at,
            format!("{status}, and no origin is let in: this one should not be"),
            "ask from a page that is to be let in",
        ),
    })
}

fn no_token(seen: &Seen) -> Judged {
    let looked_at = format!("GET {} without a token", seen.path);
    let answer = match answer(&seen.no_token, &looked_at) {
        Ok(answer) => answer,
        Err(unanswered) => return Ok(unanswered),
    };
    let status = answer.status;
    Ok(match (status, seen.guarded) {
        (401 | 403, _) => Judgement::pass(looked_at, format!("answered {status}")),
        (_, Some(false)) => return Err(format!("by the document {} asks nobody who calls", seen.path)),
        (200..=399, Some(true)) => {
            Judgement::fail(looked_at, format!("answered {status}, and by the document the route asks who calls"))
        }
        (200..=399, None) => Judgement::unknown(
            looked_at,
            format!("answered {status}; whether the path is meant to be public is not known here"),
            "give the profile or the API definition beside --target",
        ),
        (_, _) => Judgement::unknown(
            looked_at,
            format!("answered {status}, before or after anybody was asked who calls"),
            "look at what answers this status, or name a path that exists (--path)",
        ),
    })
}

fn broken_token(seen: &Seen) -> Judged {
    let looked_at = format!("GET {} with a broken token", seen.path);
    let answer = match answer(&seen.broken_token, &looked_at) {
        Ok(answer) => answer,
        Err(unanswered) => return Ok(unanswered),
    };
    let status = answer.status;
    let open = seen.no_token.as_ref().is_ok_and(|answer| (200..400).contains(&answer.status));
    Ok(match (status, seen.guarded) {
        (401 | 403, _) => Judgement::pass(looked_at, format!("answered {status}")),
        (_, Some(false)) => return Err(format!("by the document {} asks nobody who calls", seen.path)),
        (500.., _) | (200..=399, Some(true)) => Judgement::fail(looked_at, format!("answered {status}")),
        (200..=399, None) if !open => {
            Judgement::fail(looked_at, format!("answered {status}, though nothing is answered without a token"))
        }
        (_, _) => Judgement::unknown(
            looked_at,
            format!("answered {status}, as without a token"),
            "give the profile or the API definition beside --target",
        ),
    })
}

/// What no answer to a stranger should hold.
const TELLING: [&str; 7] =
    ["Traceback (most recent", "\tat ", "at java.", "at Object.", "Exception in thread", "stack trace", "node_modules"];

fn errors(seen: &Seen) -> Judged {
    let looked_at = "GET of a path that there is not";
    let answer = match answer(&seen.unknown_path, looked_at) {
        Ok(answer) => answer,
        Err(unanswered) => return Ok(unanswered),
    };
    let status = answer.status;
    if status < 400 {
        let tells = "look at what the route that takes everything answers to errors";
        return Ok(Judgement::unknown(looked_at, format!("answered {status}: some route takes every path"), tells));
    }
    let body = answer.body.trim();
    let of = |word: &&&str| body.contains(**word);
    let versions = ["server", "x-powered-by", "x-aspnet-version"]
        .into_iter()
        .filter_map(|name| answer.header(name).map(|value| (name, value)))
        .find(|(_, value)| value.contains(|c: char| c.is_ascii_digit()));
    let says_message =
        serde_json::from_str::<serde_json::Value>(body).is_ok_and(|it| it.get("message").or_else(|| it.get("Message")).is_some());
    Ok(if let Some(word) = TELLING.iter().find(of) {
        Judgement::fail(looked_at, format!("{status} with a stack trace ({:?})", word.trim()))
    } else if body.starts_with('<') {
        Judgement::fail(looked_at, format!("{status} with a page"))
    } else if let Some((name, _)) = versions {
        Judgement::fail(looked_at, format!("{status}, and the header {name} tells a version"))
    } else if says_message {
        Judgement::pass(looked_at, format!("{status} with a message in JSON"))
    } else {
        let because = format!("{status} with a body that is no JSON object with a message");
        Judgement::unknown(looked_at, because, "look at the body: clients that read `message` find none")
    })
}

fn request_id(seen: &Seen) -> Judged {
    let looked_at = "headers of the answers";
    let replies = [&seen.no_token, &seen.broken_token, &seen.unknown_path];
    let answers: Vec<&Answer> = replies.into_iter().filter_map(|reply| reply.as_ref().ok()).collect();
    if answers.is_empty() {
        return Ok(Judgement::unknown(looked_at, "there was no answer", "let the endpoint be reached from here, and ask again"));
    }
    let names = ["x-amzn-requestid", "apigw-requestid", "x-amz-apigw-id", "x-request-id"];
    let found = names.into_iter().find(|name| answers.iter().all(|answer| answer.header(name).is_some()));
    Ok(match found {
        Some(name) => Judgement::pass(looked_at, format!("each has {name}")),
        None => Judgement::fail(looked_at, "an answer has no id of its request"),
    })
}

fn handshake(seen: &Seen) -> Judged {
    let looked_at = "the connection";
    Ok(match &seen.tls {
        None if seen.is_here => return Err("this machine is asked in the clear".to_owned()),
        None => Judgement::fail(looked_at, "the endpoint is asked in the clear"),
        Some(Err(why)) => Judgement::fail(looked_at, format!("TLS did not come about: {why}")),
        Some(Ok(handshake)) if !handshake.is_trusted => Judgement::fail(
            looked_at,
            "the certificate is not good: of another name, of nobody who is trusted, or out of its time",
        ),
        Some(Ok(handshake)) if matches!(handshake.version.as_str(), "TLSv1_2" | "TLSv1_3") => Judgement::pass(
            looked_at,
            format!("{} was agreed on; older ones are not offered here, so that nothing is known of them", handshake.version),
        ),
        Some(Ok(handshake)) => Judgement::fail(looked_at, format!("{} was agreed on", handshake.version)),
    })
}

/// Less than this is short for a renewal by hand.
const SOON: Span = Span::from_secs(14 * 86_400);

fn certificate(seen: &Seen) -> Judged {
    let looked_at = "the certificate";
    let handshake = match &seen.tls {
        None => return Err("there is none: the endpoint is asked in the clear".to_owned()),
        Some(Err(_)) => return Err("TLS did not come about".to_owned()),
        Some(Ok(handshake)) => handshake,
    };
    let Some(holds) = handshake.holds else {
        return Ok(Judgement::unknown(looked_at, "it cannot be read", "look at it: openssl s_client -connect HOST:443"));
    };
    let judgement = match holds {
        Span::ZERO => Judgement::fail(looked_at, "it has expired"),
        soon if soon < SOON => Judgement::fail(looked_at, "it expires within two weeks"),
        _ => Judgement::pass(looked_at, "it holds for more than two weeks"),
    };
    Ok(judgement.with("it holds for", holds.as_ns() as f64, Measure::Ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::checklist::Answered;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(Answer { status, headers, body: body.to_owned() })
    }

    fn good() -> Seen {
        let refused = |status| answer(status, &[("Apigw-Requestid", "a=")], "{\"message\":\"Unauthorized\"}");
        Seen {
            path: "/orders/1".to_owned(),
            guarded: Some(true),
            preflight: answer(204, &[("access-control-allow-origin", "https://shop.example")], ""),
            no_token: refused(401),
            broken_token: refused(403),
            unknown_path: refused(404),
            tls: Some(Ok(Handshake {
                version: "TLSv1_3".to_owned(),
                holds: Some(Span::from_secs(90 * 86_400)),
                is_trusted: true,
            })),
            is_here: false,
        }
    }

    fn answers(seen: &Seen) -> Vec<(&'static str, Option<Answered>)> {
        judged(seen).into_iter().map(|(check, judged)| (check.id, judged.ok().map(|it| it.answer))).collect()
    }

    #[test]
    fn an_endpoint_as_it_should_be_passes_every_question() {
        let all = answers(&good());
        assert_eq!(all.len(), CHECKS.len());
        assert!(all.iter().all(|(_, answer)| *answer == Some(Answered::Pass)), "{all:?}");
    }

    #[test]
    fn each_question_fails_for_its_own_fault_alone() {
        let echoed = [("access-control-allow-origin", ORIGIN), ("access-control-allow-credentials", "true")];
        let id = [("apigw-requestid", "a=")];
        let soon =
            |secs| Some(Ok(Handshake { version: "TLSv1_2".to_owned(), holds: Some(Span::from_secs(secs)), is_trusted: true }));
        let holds = Some(Span::from_secs(90 * 86_400));
        let untrusted = Some(Ok(Handshake { version: "TLSv1_3".to_owned(), holds, is_trusted: false }));
        let told = [("apigw-requestid", "a="), ("server", "nginx/1.18.0")];
        let wrong = [
            ("live.preflight", Seen { preflight: answer(200, &echoed, ""), ..good() }),
            ("live.no-token", Seen { no_token: answer(200, &id, "{}"), ..good() }),
            ("live.broken-token", Seen { broken_token: answer(500, &id, "{\"message\":null}"), ..good() }),
            ("live.broken-token", Seen { broken_token: answer(200, &id, "{}"), ..good() }),
            ("live.errors", Seen { unknown_path: answer(404, &id, "<html>"), ..good() }),
            ("live.errors", Seen { unknown_path: answer(500, &id, "Traceback (most recent call last)"), ..good() }),
            ("live.errors", Seen { unknown_path: answer(404, &told, "{\"message\":\"Not Found\"}"), ..good() }),
            ("live.request-id", Seen { no_token: answer(401, &[], "{\"message\":\"Unauthorized\"}"), ..good() }),
            ("live.tls", Seen { tls: Some(Err("tls-failed".to_owned())), ..good() }),
            ("live.tls", Seen { tls: None, ..good() }),
            ("live.tls", Seen { tls: untrusted, ..good() }),
            ("live.certificate", Seen { tls: soon(13 * 86_400), ..good() }),
            ("live.certificate", Seen { tls: soon(0), ..good() }),
        ];
        for (id, seen) in wrong {
            let failed: Vec<_> = answers(&seen).into_iter().filter(|(_, answer)| *answer == Some(Answered::Fail)).collect();
            assert_eq!(failed, [(id, Some(Answered::Fail))]);
        }
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        let silent = || Err("refused".to_owned());
        let (preflight, no_token, broken_token, unknown_path) = (silent(), silent(), silent(), silent());
        let dead = Seen { preflight, no_token, broken_token, unknown_path, ..good() };
        let unknown = answers(&dead).into_iter().filter(|(_, answer)| *answer == Some(Answered::Unknown)).count();
        assert_eq!(unknown, 5);
        let public = Seen { guarded: None, no_token: answer(200, &[("x-request-id", "1")], "{}"), ..good() };
        assert_eq!(answers(&public)[1], ("live.no-token", Some(Answered::Unknown)));
        let open = Seen { guarded: Some(false), no_token: answer(200, &[], "{}"), tls: None, is_here: true, ..good() };
        let not_asked: Vec<_> = answers(&open).into_iter().filter(|(_, answer)| answer.is_none()).map(|(id, _)| id).collect();
        assert_eq!(not_asked, ["live.no-token", "live.tls", "live.certificate"]);
    }
}
