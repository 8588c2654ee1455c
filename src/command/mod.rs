//! What each subcommand does: the wiring of the rooms, one file per subcommand.
//!
//! Owns the order of things and the rim: files, processes, signals, standard output, exit codes. Refuses to compute: each step
//! is a call into the room that owns it. Called by `main`.

mod again;
mod attribution;
mod baseline;
mod by_seconds;
mod case;
mod checklist;
mod collectors;
mod compare;
mod cost;
mod definition;
mod design;
mod designs;
mod drive;
mod edge;
mod estimates;
mod exports;
mod failure;
mod find_rate;
mod fit;
mod fit_joined;
mod fit_known;
mod fit_loaded;
mod fit_observed;
mod flags;
mod forming;
mod handover;
mod history;
mod import;
mod import_sessions;
mod joining;
mod kept_run;
mod limits;
mod live;
mod machine;
mod metering;
mod mock;
mod mock_child;
mod model_of_run;
mod page;
mod plan_fit;
mod predict;
mod profile;
mod receiver;
mod rehearsal;
mod replay;
mod resimulated;
mod retries;
mod run;
mod run_cost;
mod run_folder;
mod same_load;
mod samples;
mod script;
mod session_tape;
mod settling;
mod shelf;
mod shown;
mod signals;
mod simulate;
mod so_far;
mod stoppable;
mod sweep;
mod target;
mod terminal;
mod ticker;
mod told;
mod traces;
mod tracing;
mod unfinished;
mod watchers;

use crate::cli::Action;
use crate::report::problem::problem;

pub use failure::Failure;

/// Does what was asked; the exit code. A failure has been told on standard error.
pub fn perform(action: &Action) -> u8 {
    let done = match action {
        Action::Run(asked) => run::run(asked),
        Action::Replay(asked) => replay::replay(asked),
        Action::Simulate(asked) => simulate::simulate(asked),
        Action::Mock(asked) => mock::mock(asked),
        Action::Import(asked) => import::import(asked),
        Action::Compare(asked) => compare::compare(asked),
        Action::Fit(asked) => fit::fit(asked),
        Action::PlanFit(asked) => plan_fit::plan_fit(asked),
        Action::Cost(asked) => cost::cost(asked),
        Action::Checklist(asked) => checklist::checklist(asked),
        Action::Design(asked) => design::design(asked),
        Action::Report(asked) => shown::report(asked),
        Action::History(asked) => history::history(asked),
        Action::Schema(asked) => shown::schema(asked),
        Action::Completions(asked) => shown::completions(asked),
        Action::Man(_) => shown::man(),
    };
    done.unwrap_or_else(|failure| {
        if !matches!(failure, Failure::OutputClosed) {
            terminal::tell(&problem(&failure, terminal::error_paint()));
        }
        failure.code()
    })
}
