//! The waiting lines whose distributions are known: Erlang's and Pollaczek's.

use sluicegate_policy::capacity::{Capacities, GivenUp, Turn};
use sluicegate_policy::model::{Api, Capacity, CapacityId};

use super::*;

const POOL: CapacityId = CapacityId(0);

/// Waits of those that were let in, in seconds, and how many were not.
struct Waits {
    waits: Vec<f64>,
    refused: usize,
}

fn run(case: &Case, service: Latency, queue: Option<u32>, (dropped, n): (usize, usize)) -> Waits {
    let size = case.whole("servers") as u32;
    let mut model = Model::of(Api::new(ApiKind::Http, "a"), &["prod"], Vec::new());
    model.capacities = vec![Capacity { name: "pool".to_owned(), size, queue, service, timeout: Span::MAX }];
    let mut pools = Capacities::new(&model, Seed::new(20_260_102));
    let mut seen = Waits { waits: Vec::with_capacity(n), refused: 0 };
    for (at, now) in poisson(case.parameter("lambda_")).take(dropped + n).enumerate() {
        match pools.ask(now, POOL) {
            _ if at < dropped => {}
            Ok(Turn { from, .. }) => seen.waits.push(from.since(now).as_secs_f64()),
            Err(GivenUp { .. }) => seen.refused += 1,
        }
    }
    seen
}

impl Waits {
    fn mean(&self) -> f64 {
        self.waits.iter().sum::<f64>() / self.waits.len() as f64
    }

    fn waited(&self) -> f64 {
        self.waits.iter().filter(|wait| **wait > 0.0).count() as f64 / self.waits.len() as f64
    }
}

fn exponential(mean: f64) -> Latency {
    Latency::exponential(Span::from_secs_f64(mean)).expect("a mean above zero")
}

#[test]
#[ignore = "needs ../shared"]
fn q01_one_server_keeps_its_users_waiting_as_the_formula_says() {
    let case = case("Q01");
    let seen = run(&case, exponential(1.0), None, (100_000, 1_000_000));
    case.expect_of_run("p_wait", seen.waited(), 0.2);
    case.expect_of_run("mean_wait", seen.mean(), 0.2);
}

#[test]
#[ignore = "needs ../shared"]
fn q02_ten_servers_keep_theirs_waiting_as_erlang_says() {
    let case = case("Q02");
    let seen = run(&case, exponential(1.0), None, (50_000, 1_000_000));
    case.expect_of_run("p_wait", seen.waited(), 0.2);
    case.expect_of_run("mean_wait", seen.mean(), 0.2);
}

#[test]
#[ignore = "needs ../shared"]
fn q04_a_line_with_an_end_turns_the_rest_away() {
    let case = case("Q04");
    let room = (case.whole("system_capacity") - case.whole("servers")) as u32;
    let seen = run(&case, exponential(1.0), Some(room), (20_000, 1_000_000));
    case.expect("block", seen.refused as f64 / 1e6);
    case.expect("mean_wait", seen.mean());
}

#[test]
#[ignore = "needs ../shared"]
fn q07_constant_times_keep_half_as_many_waiting() {
    let case = case("Q07");
    let seen = run(&case, Latency::constant(Span::from_secs(1)), None, (100_000, 1_000_000));
    case.expect_of_run("mean_wait", seen.mean(), 0.5);
}
