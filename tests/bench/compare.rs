//! Tools beside each other under the same closed model: requests per second and CPU time for each request, whole process.
//!
//! Owns the interleaving of rounds, so that a drift of the machine meets everybody, and the three closed models of the table.
//! Refuses to know how a tool is called (`tools`).

use crate::figures::{Figure, folder, median};
use crate::nginx;
use crate::tools::{self, Measured, Speech, Tool};

/// HTTP/2 in the clear.
pub(crate) fn http2(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    let what = format!("HTTP/2 in the clear, {} connections x {} streams", tools::SHARED, tools::STREAMS);
    spoken(Speech::Http2, &what, rounds, problems)
}

/// TLS 1.3.
pub(crate) fn tls(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    spoken(Speech::Tls, &format!("TLS 1.3, {} connections", tools::CONNECTIONS), rounds, problems)
}

/// HTTP/1.1 in the clear.
pub(crate) fn closed(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    spoken(Speech::Http1, &format!("closed model, {} connections, one core", tools::CONNECTIONS), rounds, problems)
}

fn spoken(speech: Speech, what: &str, rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    let prepared = || -> Result<_, String> {
        let (server, folder) = (nginx::start_speaking("1", speech)?, folder()?);
        let tools = tools::present(speech, folder.path())?;
        Ok((server, folder, tools))
    };
    match prepared() {
        Ok((server, _folder, tools)) => beside(&tools, &server.url(), what, rounds, problems),
        Err(why) => {
            problems.push(format!("{what}: {why}"));
            Vec::new()
        }
    }
}

/// Medians of all tools, of the rounds that went well; the others are problems.
fn beside(tools: &[Tool], url: &str, what: &str, rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    let mut results: Vec<Vec<Measured>> = tools.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        println!("{what}, round {round} of {rounds}");
        for (tool, results) in tools.iter().zip(&mut results) {
            match tool.measure(url) {
                Ok(measured) => results.push(measured),
                Err(why) => problems.push(format!("{what}: {why}")),
            }
        }
    }
    let of = |value: fn(&Measured) -> f64| {
        let measured = tools.iter().zip(&results).filter(|(_, results)| !results.is_empty());
        measured.map(|(tool, results)| (tool.name.to_owned(), median(results.iter().map(value)))).collect()
    };
    vec![
        Figure::beside_peers(&format!("{what}: rate"), "requests/s", of(Measured::rate)),
        Figure::beside_peers(&format!("{what}: CPU"), "us/request", of(Measured::cpu_us)),
    ]
}
