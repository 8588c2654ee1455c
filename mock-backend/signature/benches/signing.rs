//! What a signature costs: time each, and how many one core makes in a second. `cargo bench -p sluicegate-signature`.
//!
//! The goal is 20,000 signed requests per second and core together with the load path, so signing alone must leave most of 50 us.

use std::hint::black_box;

use sluicegate_signature::{Credentials, Scope, Signer, Unsigned};
use sluicegate_timer::Clock;

const TIMES: u32 = 200_000;

fn main() {
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: Some("t".repeat(400)),
    };
    let scope = Scope { region: "us-east-1".to_owned(), service: "execute-api".to_owned() };
    let headers = [("host", "abcdef1234.execute-api.us-east-1.amazonaws.com"), ("content-type", "application/json")];
    for bytes in [0_usize, 256, 4_096] {
        let mut signer = Signer::new(credentials.clone(), scope.clone());
        let body = vec![b'x'; bytes];
        let path = "/prod/orders/1234567";
        let request = Unsigned { method: "POST", path, query: "page=2&size=50", headers: &headers, body: &body };
        let clock = Clock::starting_now();
        for n in 0..TIMES {
            // A new second for each thousand: the date is written anew as often as in a run.
            black_box(signer.sign(black_box(&request), 1_440_938_160 + u64::from(n / 1_000)));
        }
        let each = clock.now().as_ns() as f64 / 1e9 / f64::from(TIMES);
        println_figure(bytes, each);
    }
}

#[allow(clippy::print_stdout, reason = "a bench says what it measured")]
fn println_figure(bytes: usize, each: f64) {
    println!("body of {bytes} B: {:.2} us each, {:.0} signatures/s on one core", each * 1e6, 1.0 / each);
}
