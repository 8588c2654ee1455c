//! An environment: one process, its Runtime API, and one invocation at a time.
//!
//! Owns how long a start and an invocation may take, and what their ends mean. Refuses HTTP (`runtime_api`) and the system's part
//! (`process`). Made by [`functions`](super), which keeps those that are idle.
//!
//! A start may take ten seconds; a provisioned environment's 130 seconds, or the time-out of the function if that is longer (Lambda
//! developer guide, "Lambda execution environment lifecycle", 2026). After the ten seconds the provider starts the runtime once more,
//! within the time-out of the function; here the first start gets that time in addition.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use sluicegate_policy::call::Fate;
use sluicegate_policy::lambda::Environment;
use sluicegate_policy::model::Process;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, Timer};
use tokio::sync::Notify;

use super::guard::{Guard, kill};
use super::log::{FunctionLog, Report};
use super::process;
use super::runtime_api::{Answer, Exchange, Job, serve};
use super::{Outcome, Returned};
use crate::side_door::SideDoor;
use crate::tasks::Tasks;

const INIT_MAX: Span = Span::from_secs(10);
const PROVISIONED_INIT_MAX: Span = Span::from_secs(130);

/// Memory is looked up at every so-many-th invocation: it is a file to read each time.
const MEMORY_EVERY: u64 = 64;

/// What all environments of a function have in common.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) memory_mb: u32,
    pub(super) region: String,
    pub(super) arn: String,
    pub(super) process: Process,
}

/// When an environment starts: before anything asks for it, or for the invocation that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Provisioned,
    OnDemand,
}

impl Start {
    /// Of an environment that the policy means.
    pub(super) fn of(environment: Environment) -> Self {
        match environment {
            Environment::Provisioned => Self::Provisioned,
            Environment::OnDemand(_) => Self::OnDemand,
        }
    }

    /// What the function is told of it: `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned-concurrency",
            Self::OnDemand => "on-demand",
        }
    }

    /// How long it may take, for a function with this time-out.
    fn limit(self, timeout: Span) -> Span {
        match self {
            Self::Provisioned => PROVISIONED_INIT_MAX.max(timeout),
            Self::OnDemand => INIT_MAX,
        }
    }
}

/// An environment.
pub(super) struct Sandbox {
    subject: Rc<Subject>,
    exchange: Rc<Exchange>,
    log: Rc<FunctionLog>,
    stop: Rc<Notify>,
    timer: RefCell<Option<Timer>>,
    clock: Clock,
    group: i32,
    started: Instant,
    /// When its start must be over.
    start_by: Instant,
    uses: Cell<u64>,
    memory_mb: Cell<Option<u64>>,
}

impl Sandbox {
    /// Starts the process, and whatever listens to it. Ends by itself when the process does.
    pub(super) fn start(
        (subject, start): (&Rc<Subject>, Start),
        (guard, log): (&Rc<Guard>, &Rc<FunctionLog>),
        tasks: &Tasks,
        clock: Clock,
    ) -> io::Result<Self> {
        let timer = Timer::new(clock)?;
        let door = SideDoor::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), clock)?;
        let started = clock.now();
        let start_by = started + start.limit(subject.process.timeout);
        let (mut child, group) = process::start(subject, start, door.address())?;
        guard.add(group);
        let exchange = Rc::new(Exchange::new(subject.arn.clone(), subject.process.timeout, clock));
        let outputs = (child.stdout.take(), child.stderr.take());
        if let Some(out) = outputs.0 {
            tasks.spawn(process::read_lines(out, subject.name.clone(), Rc::clone(log), clock));
        }
        if let Some(out) = outputs.1 {
            tasks.spawn(process::read_lines(out, subject.name.clone(), Rc::clone(log), clock));
        }
        let stop = Rc::new(Notify::new());
        let (stopped, guard) = (Rc::clone(&stop), Rc::clone(guard));
        let ended = async move {
            let status = tokio::select! {
                status = child.wait() => status,
                () = stopped.notified() => {
                    kill(group);
                    child.wait().await
                }
            };
            guard.bury(group);
            status.map_or_else(|error| error.to_string(), |status| status.to_string())
        };
        tasks.spawn(serve(door, Rc::clone(&exchange), ended));
        let (subject, log, timer) = (Rc::clone(subject), Rc::clone(log), RefCell::new(Some(timer)));
        let (uses, memory_mb) = (Cell::new(0), Cell::new(None));
        Ok(Self { subject, exchange, log, stop, timer, clock, group, started, start_by, uses, memory_mb })
    }

    /// Whether its process runs, as far as is known.
    pub(super) fn lives(&self) -> bool {
        !self.exchange.is_over()
    }

    /// Whether it has ever been so far that it could serve.
    pub(super) fn was_ready(&self) -> bool {
        self.exchange.is_ready()
    }

    /// Kills what it runs.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Waits until it could serve; false if it cannot.
    pub(super) async fn ready(&self) -> bool {
        let Some(mut timer) = self.timer.take() else { return false };
        let ready = tokio::select! {
            biased;
            ready = self.exchange.ready() => ready,
            _ = timer.until(self.start_by) => false,
        };
        self.timer.replace(Some(timer));
        ready
    }

    /// One invocation. `wall_origin` is the wall clock when the monotonic one read zero.
    pub(super) async fn invoke(&self, mut job: Job, wall_origin: Span) -> Outcome {
        let Some(mut timer) = self.timer.take() else {
            return Outcome::failed("Sandbox.Busy", "the environment is busy", Fate::Lost);
        };
        let id = job.id.clone();
        self.log.start(&self.subject.name, &id);
        let was_ready = self.exchange.is_ready();
        if let Some(inlet) = job.inlet.as_mut().filter(|_| !was_ready) {
            inlet.started = Some(self.started);
        }
        let timeout = self.subject.process.timeout;
        let begun = self.clock.now();
        self.exchange.offer(job, wall_origin);
        let answer = self.answer(&mut timer, begun, timeout).await;
        if answer.is_none() {
            self.exchange.give_up();
        }
        self.timer.replace(Some(timer));
        let init = self.exchange.ready_at().filter(|_| !was_ready).map(|at| at.since(self.started));
        let begun = self.exchange.ready_at().map_or(begun, |at| at.max(begun));
        let took = self.clock.now().since(begun);
        let outcome = self.outcome(&id, answer, init);
        self.report(&id, took, init, &outcome);
        outcome
    }

    /// What it says, in time; `None` if the time is over.
    async fn answer(&self, timer: &mut Timer, begun: Instant, timeout: Span) -> Option<Answer> {
        let mut deadline = self.start_by.max(begun) + timeout;
        if self.exchange.is_ready() {
            deadline = begun + timeout;
        }
        loop {
            tokio::select! {
                biased;
                answer = self.exchange.answered() => return Some(answer),
                at = self.exchange.handed_over(), if !self.exchange.was_handed_over() => deadline = at + timeout,
                _ = timer.until(deadline) => return None,
            }
        }
    }

    fn outcome(&self, id: &str, answer: Option<Answer>, cold_start: Option<Span>) -> Outcome {
        let error = |kind: &str, what: String| {
            let error = serde_json::json!({ "errorType": kind, "errorMessage": format!("RequestId: {id} Error: {what}") });
            Returned::Error(error.to_string().into())
        };
        let (returned, fate) = match answer {
            Some(Answer::Response(bytes)) => (Returned::Value(bytes), Fate::Kept),
            Some(Answer::Streamed) => (Returned::Streamed, Fate::Kept),
            Some(Answer::Error(bytes)) => (Returned::Error(bytes), Fate::Kept),
            // Mostly its process is about to end; one that only closed a connection is in no state to go on with.
            Some(Answer::Truncated) => {
                (error("Runtime.TruncatedResponse", "the answer of the function broke off".to_owned()), Fate::Lost)
            }
            Some(Answer::InitError(bytes)) => (Returned::Error(bytes), Fate::Lost),
            Some(Answer::Exited(status)) => {
                let what = match status.as_str() {
                    "exit status: 0" => "Runtime exited without providing a reason".to_owned(),
                    status => format!("Runtime exited with error: {}", status.replacen("status: ", "status ", 1)),
                };
                (error("Runtime.ExitError", what), Fate::Lost)
            }
            None => {
                let seconds = self.subject.process.timeout.as_secs_f64();
                (error("Sandbox.Timedout", format!("Task timed out after {seconds:.2} seconds")), Fate::Lost)
            }
        };
        Outcome { returned, fate, cold_start }
    }

    fn report(&self, id: &str, duration: Span, init: Option<Span>, outcome: &Outcome) {
        let uses = self.uses.get();
        if uses.is_multiple_of(MEMORY_EVERY) && outcome.fate == Fate::Kept {
            self.memory_mb.set(process::memory_peak_mb(self.group));
        }
        self.uses.set(uses + 1);
        let kind = match &outcome.returned {
            Returned::Value(_) | Returned::Streamed | Returned::Throttled => None,
            Returned::Error(bytes) => Some(error_type(bytes)),
        };
        let status = kind.as_deref().filter(|_| outcome.fate == Fate::Lost).map(|kind| match kind {
            "Sandbox.Timedout" => ("timeout", ""),
            kind => ("error", kind),
        });
        let Subject { name, memory_mb, .. } = &*self.subject;
        let memory_used_mb = self.memory_mb.get();
        self.log.end(name, Report { id, duration, memory_mb: *memory_mb, memory_used_mb, init, status });
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `errorType` of an error.
fn error_type(error: &Bytes) -> String {
    let value = serde_json::from_slice::<serde_json::Value>(error).unwrap_or_default();
    value["errorType"].as_str().unwrap_or("Unknown").to_owned()
}
