//! Real functions: one environment for each that the policy wants, and what they return.
//!
//! Owns the environments that run, and which invocation each of them has. Refuses to decide which environment serves, how many
//! there may be and when one is no longer kept (the policy does), and to make an event or an answer of it (`render` does). Called by
//! `http` for each invocation, and by `driver` when an environment is no longer kept.
//!
//! - a process that speaks the Runtime API: `sandbox`, with `runtime_api` and `process`; that none stays behind: `guard`
//! - anything that speaks the Invoke API: `remote`
//! - what is written of it: `log`

mod guard;
mod log;
mod process;
mod remote;
mod runtime_api;
mod sandbox;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use sluicegate_policy::call::{EffectId, Fate, FunctionResult, Invoked};
use sluicegate_policy::lambda::Environment;
use sluicegate_policy::model::{AuthorizerId, Code, FunctionId, Model, Process, Real, Runs, Transfer};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;
use sluicegate_render::function_answer;
use sluicegate_timer::{Clock, Timer};
use tokio::sync::{mpsc, oneshot};

use self::guard::Guard;
pub(crate) use self::log::FunctionLog;
use self::runtime_api::{Inlet, Job};
use self::sandbox::{Sandbox, Start, Subject};
use crate::backends::Backends;
use crate::driver::Driver;
use crate::streamed::Working;
use crate::tasks::Tasks;

/// All real functions of a server.
pub(crate) struct Functions {
    subjects: Vec<Option<Kind>>,
    /// The names of the model's authorizers.
    authorizers: Vec<String>,
    driver: Rc<Driver>,
    clock: Clock,
    /// The wall clock when the monotonic one read zero.
    wall_origin: Span,
    /// Ids of invocations come from here.
    ids: Seed,
    invoked: Cell<u64>,
    sandboxes: RefCell<Idle>,
    guard: Option<Rc<Guard>>,
    log: Rc<FunctionLog>,
    backends: Option<Backends>,
    tasks: Tasks,
    problems: RefCell<Vec<String>>,
    /// Whether it has come to its end, when nothing starts any more.
    stopping: Cell<bool>,
}

/// How long processes may take to end by themselves once they are asked to.
const GRACE: Span = Span::from_ms(300);

/// Environments that nobody uses now; of the provisioned ones there are several.
type Idle = BTreeMap<(FunctionId, Environment), Vec<Rc<Sandbox>>>;

/// How a function is reached.
enum Kind {
    Process(Rc<Subject>),
    Remote { url: String, name: String },
}

/// What an invocation came to, before anything is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    Value(Bytes),
    /// All of it has been passed on as it came.
    Streamed,
    /// As JSON: `errorMessage`, `errorType`.
    Error(Bytes),
    /// Whoever runs the function let it not run now.
    Throttled,
}

/// How an invocation ended. Whoever gets it says what it came to; dropped without, it came to nothing.
pub(crate) struct Ended {
    pub(crate) returned: Returned,
    fate: Fate,
    cold_start: Option<Span>,
    /// `None` once it was told.
    report: Option<(Rc<Driver>, Clock, EffectId)>,
}

/// What a function is invoked with.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) input: Bytes,
    pub(crate) trace: String,
    pub(crate) transfer: Transfer,
}

/// What `sandbox` and `remote` say of an invocation.
#[derive(Debug)]
pub(crate) struct Outcome {
    returned: Returned,
    fate: Fate,
    cold_start: Option<Span>,
}

/// What all of them need.
pub(crate) struct Surroundings {
    pub(crate) driver: Rc<Driver>,
    pub(crate) clock: Clock,
    pub(crate) wall_origin: Span,
    pub(crate) seed: Seed,
    pub(crate) allow_hosts: Vec<String>,
}

impl Functions {
    /// The real functions of a model; `None` if it has none.
    pub(crate) fn new(model: &Model, log: FunctionLog, around: Surroundings) -> io::Result<Option<Self>> {
        let kind = |(at, function): (usize, &sluicegate_policy::model::Function)| match &function.code {
            Code::Modelled => None,
            Code::Real(Real { runs: Runs::Process(process), .. }) => {
                Some(Kind::Process(Rc::new(subject(model, FunctionId(at as u16), process))))
            }
            Code::Real(Real { runs: Runs::Remote(url), .. }) => {
                Some(Kind::Remote { url: url.clone(), name: function.name.clone() })
            }
        };
        let subjects: Vec<Option<Kind>> = model.functions.iter().enumerate().map(kind).collect();
        if subjects.iter().all(Option::is_none) {
            return Ok(None);
        }
        let runs_processes = subjects.iter().flatten().any(|kind| matches!(kind, Kind::Process(_)));
        let is_remote = subjects.iter().flatten().any(|kind| matches!(kind, Kind::Remote { .. }));
        Ok(Some(Self {
            subjects,
            authorizers: model.authorizers.iter().map(|authorizer| authorizer.name.clone()).collect(),
            driver: around.driver,
            clock: around.clock,
            wall_origin: around.wall_origin,
            ids: around.seed.child("invocations"),
            invoked: Cell::new(0),
            sandboxes: RefCell::default(),
            guard: runs_processes.then(Guard::start).transpose()?.map(Rc::new),
            log: Rc::new(log),
            backends: is_remote.then(|| Backends::new(around.allow_hosts)),
            tasks: Tasks::default(),
            problems: RefCell::default(),
            stopping: Cell::new(false),
        }))
    }

    /// Starts the provisioned environments, and waits until each is ready or has failed.
    pub(crate) async fn provision(&self, model: &Model) {
        for (at, function) in model.functions.iter().enumerate() {
            let Some(Some(Kind::Process(subject))) = self.subjects.get(at) else { continue };
            let id = FunctionId(at as u16);
            let mut started = Vec::new();
            for _ in 0..function.scaling.provisioned {
                match self.start(subject, Start::Provisioned) {
                    Ok(sandbox) => started.push(sandbox),
                    Err(error) => self.problem(&format!("function {} does not start: {error}", subject.name)),
                }
            }
            for sandbox in &started {
                if !sandbox.ready().await {
                    self.problem(&format!("a provisioned environment of function {} is not ready", subject.name));
                }
            }
            self.sandboxes.borrow_mut().entry((id, Environment::Provisioned)).or_default().extend(started);
        }
    }

    /// Invokes a function in this environment, with this input. It goes on to its end, whether or not somebody still waits for it.
    pub(crate) fn invoke(
        self: &Rc<Self>,
        effect: EffectId,
        (function, environment): (FunctionId, Environment),
        Asked { input, trace, transfer }: Asked,
    ) -> Working {
        let (tell, told) = oneshot::channel();
        let (inlet, parts) = match transfer {
            Transfer::Buffered => (None, None),
            Transfer::Stream => {
                let (sender, parts) = mpsc::channel(1);
                (Some(Inlet { parts: sender, started: None }), Some(parts))
            }
        };
        let functions = Rc::clone(self);
        self.tasks.spawn(async move {
            let job = Job { id: functions.next_id(), event: input, trace, inlet };
            let outcome = functions.perform((function, environment), job).await;
            let Outcome { returned, fate, cold_start } = outcome;
            let report = Some((Rc::clone(&functions.driver), functions.clock, effect));
            // Nobody waits: it is dropped, and so told.
            drop(tell.send(Ended { returned, fate, cold_start, report }));
        });
        Working::new(told, parts)
    }

    /// Invokes a function as an authorizer, with this event. What it comes to is told to the gateway, whoever still waits.
    pub(crate) fn authorize(
        self: &Rc<Self>,
        (effect, authorizer): (EffectId, AuthorizerId),
        which: (FunctionId, Environment),
        event: Bytes,
        trace: String,
    ) {
        let functions = Rc::clone(self);
        self.tasks.spawn(async move {
            let job = Job { id: functions.next_id(), event, trace, inlet: None };
            let Outcome { returned, fate, cold_start } = functions.perform(which, job).await;
            let (now, asked) = (functions.clock.now(), (effect, authorizer));
            let told = functions.driver.on_authorized(now, asked, returned.as_given(), (fate, cold_start));
            if let Err(fault) = told {
                let name = functions.authorizers.get(usize::from(authorizer.0)).map_or("", String::as_str);
                functions.problem(&format!("what the function of authorizer {name} answered is no answer: {fault}"));
            }
        });
    }

    async fn perform(&self, (function, environment): (FunctionId, Environment), job: Job) -> Outcome {
        match self.subjects.get(usize::from(function.0)).and_then(Option::as_ref) {
            None => Outcome::failed("Runtime.Unknown", "there is no such function", Fate::Lost),
            Some(Kind::Remote { url, name }) => match &self.backends {
                Some(backends) => remote::invoke(backends, (url, name), (job.event, job.trace), self.clock).await,
                None => Outcome::failed("Runtime.Unknown", "there is no way to it", Fate::Kept),
            },
            Some(Kind::Process(subject)) => {
                let sandbox = match self.take((function, environment), subject) {
                    Ok(sandbox) => sandbox,
                    Err(error) => {
                        self.problem(&format!("function {} does not start: {error}", subject.name));
                        let what = format!("RequestId: {} Error: {error}", job.id);
                        return Outcome::failed("Runtime.InvalidEntrypoint", &what, Fate::Lost);
                    }
                };
                let outcome = sandbox.invoke(job, self.wall_origin).await;
                if outcome.fate == Fate::Kept {
                    self.sandboxes.borrow_mut().entry((function, environment)).or_default().push(sandbox);
                } else {
                    if !sandbox.was_ready() && !self.stopping.get() {
                        self.problem(&format!("an environment of function {} never came to be ready", subject.name));
                    }
                    sandbox.stop();
                    self.replace((function, environment), subject);
                }
                outcome
            }
        }
    }

    /// The environment that the policy means, which is nobody else's until it is put back. One that is not there starts.
    fn take(&self, which: (FunctionId, Environment), subject: &Rc<Subject>) -> io::Result<Rc<Sandbox>> {
        let kept = self.sandboxes.borrow_mut().get_mut(&which).and_then(Vec::pop);
        if let (_, Environment::OnDemand(_)) = which {
            self.sandboxes.borrow_mut().remove(&which);
        }
        // A process may have ended by itself since.
        match kept.filter(|sandbox| sandbox.lives()) {
            Some(sandbox) => Ok(sandbox),
            None => self.start(subject, Start::of(which.1)),
        }
    }

    fn start(&self, subject: &Rc<Subject>, start: Start) -> io::Result<Rc<Sandbox>> {
        let guard = self.guard.as_ref().filter(|_| !self.stopping.get());
        let guard = guard.ok_or_else(|| io::Error::other("nobody would stop it"))?;
        Sandbox::start((subject, start), (guard, &self.log), &self.tasks, self.clock).map(Rc::new)
    }

    /// What is provisioned is there again as soon as it can be.
    fn replace(&self, which: (FunctionId, Environment), subject: &Rc<Subject>) {
        if which.1 == Environment::Provisioned
            && let Ok(sandbox) = self.start(subject, Start::Provisioned)
        {
            self.sandboxes.borrow_mut().entry(which).or_default().push(sandbox);
        }
    }

    /// An environment is no longer kept.
    pub(crate) fn reap(&self, function: FunctionId, environment: Environment) {
        for sandbox in self.sandboxes.borrow_mut().remove(&(function, environment)).into_iter().flatten() {
            sandbox.stop();
        }
    }

    /// Stops every process, and waits until they have ended: first they are asked to, then killed.
    pub(crate) async fn stop(&self) {
        self.stopping.set(true);
        if let (Some(guard), Ok(mut timer)) = (&self.guard, Timer::new(self.clock)) {
            guard.ask_all();
            tokio::select! {
                () = self.tasks.ended() => {}
                _ = timer.until(self.clock.now() + GRACE) => {}
            }
        }
        for sandbox in std::mem::take(&mut *self.sandboxes.borrow_mut()).into_values().flatten() {
            sandbox.stop();
        }
        if let Some(guard) = &self.guard {
            guard.kill_all();
        }
        // What is killed ends at once; whatever does not is left to the helper.
        if let Ok(mut timer) = Timer::new(self.clock) {
            tokio::select! {
                () = self.tasks.ended() => {}
                _ = timer.until(self.clock.now() + Span::from_secs(2)) => {}
            }
        }
        self.tasks.cut().await;
        if let Some(guard) = &self.guard {
            guard.end();
        }
    }

    /// What went wrong with them, in words; and what became of the log.
    pub(crate) fn close(&self) -> (Vec<String>, crate::summary::LogSummary) {
        let mut problems = self.problems.take();
        problems.extend(self.backends.iter().flat_map(Backends::problems));
        (problems, self.log.close())
    }

    fn problem(&self, what: &str) {
        /// The first ones tell what is wrong.
        const MAX: usize = 16;
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MAX && !problems.iter().any(|problem| problem == what) {
            problems.push(what.to_owned());
        }
    }

    fn next_id(&self) -> String {
        let number = self.invoked.get();
        self.invoked.set(number + 1);
        sluicegate_render::ids::uuid_of(self.ids.nth(number))
    }
}

impl Returned {
    /// As the renderer takes it; `None` if the function was not let run.
    fn as_given(&self) -> Option<function_answer::Returned<'_>> {
        match self {
            Self::Value(bytes) => Some(function_answer::Returned::Value(bytes)),
            // Whoever sees the end of it and nothing before has seen no head.
            Self::Streamed => Some(function_answer::Returned::Head(&[])),
            Self::Error(bytes) => Some(function_answer::Returned::Error(bytes)),
            Self::Throttled => None,
        }
    }
}

impl Ended {
    /// What was returned, as the renderer takes it; `None` if the function was not let run.
    pub(crate) fn returned(&self) -> Option<function_answer::Returned<'_>> {
        self.returned.as_given()
    }

    /// It came to this.
    pub(crate) fn came_to(mut self, result: FunctionResult) {
        self.tell(result);
    }

    /// Its call was decided on when it began; whether it went well to the end.
    pub(crate) fn is_whole(&self) -> bool {
        self.returned == Returned::Streamed
    }

    fn tell(&mut self, result: FunctionResult) {
        if let Some((driver, clock, effect)) = self.report.take() {
            driver.on_invoked(clock.now(), effect, Invoked { result, fate: self.fate, cold_start: self.cold_start });
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.tell(FunctionResult::Failed);
    }
}

impl Outcome {
    fn failed(kind: &str, message: &str, fate: Fate) -> Self {
        let error = serde_json::json!({ "errorMessage": message, "errorType": kind });
        Self { returned: Returned::Error(error.to_string().into()), fate, cold_start: None }
    }
}

fn subject(model: &Model, id: FunctionId, process: &Process) -> Subject {
    let function = &model.functions[usize::from(id.0)];
    Subject {
        name: function.name.clone(),
        memory_mb: function.memory_mb,
        region: model.region.clone(),
        arn: sluicegate_render::ids::function_arn(&model.region, &function.name),
        process: process.clone(),
    }
}
