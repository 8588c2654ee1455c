//! Name servers that change their mind, fail, lie or say nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use sluicegate_policy::time::Span;

use super::drive::{Drives, to};
use super::server::{answering_once, nobody, proper};
use crate::engine::transport::resolver::Resolver;
use crate::load::keeping::Keeping;
use crate::measure::Outcome;

const NAME: &str = "http://api.example:80";

/// Every request has a connection of its own, and every connection asks for the name.
fn asking(resolver: Resolver) -> Drives {
    let drives = to(NAME).with(|settings| {
        settings.keeping = Keeping { requests: 1, ..Keeping::FOR_EVER };
        settings.dns_refresh = Span::ZERO;
    });
    Drives { resolver, ..drives }
}

/// Says these one after the other.
fn saying(answers: Vec<io::Result<Vec<SocketAddr>>>) -> Resolver {
    let answers = Mutex::new(answers.into_iter());
    Resolver::new(move |host, port| {
        assert_eq!((host, port), ("api.example", 80));
        answers.lock().unwrap().next().expect("no more questions than answers")
    })
}

fn failure() -> io::Result<Vec<SocketAddr>> {
    Err(io::Error::other("server failure"))
}

#[test]
fn a_name_that_fails_lies_and_comes_back_is_told_by_what_it_led_to() {
    let (good, garbage) = (proper(None), answering_once(b"220 smtp.example ESMTP\r\n"));
    let resolver = saying(vec![
        Ok(vec![good.address]),
        failure(),
        Ok(vec![]),
        Ok(vec![nobody()]),
        Ok(vec![garbage.address]),
        Ok(vec![nobody(), good.address]),
    ]);
    let ran = asking(resolver).times(6).run().expect([
        (Outcome::Answered, 2),
        (Outcome::Unresolved, 2),
        (Outcome::Refused, 1),
        (Outcome::Malformed, 1),
    ]);
    assert_eq!((ran.driven.counts.connections_opened, ran.driven.counts.connects_failed), (3, 3));
}

#[test]
fn a_name_is_not_asked_for_again_before_its_time() {
    let good = proper(None);
    let drives = asking(saying(vec![Ok(vec![good.address])])).with(|settings| settings.dns_refresh = Span::from_secs(60));
    drives.times(5).run().expect([(Outcome::Answered, 5)]);
}

#[test]
fn nobody_waits_for_a_name_server_that_is_silent() {
    let (answer, silence) = channel::<()>();
    let silence = Mutex::new(silence);
    let resolver = Resolver::new(move |_, _| {
        let _ = silence.lock().unwrap().recv();
        failure()
    });
    let drives = asking(resolver).with(|settings| settings.connect_timeout = Span::from_ms(20));
    // The run is over before the name server has said anything.
    drives.times(4).run().expect([(Outcome::Unresolved, 4)]);
    drop(answer);
}
