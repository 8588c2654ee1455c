//! The tasks that serve connections and streams, and how they are told to leave.
//!
//! Owns every such task, so that none outlives the server. Refuses threads: all of them run where they were started.
//! Called by `accept` for connections and by hyper for the streams of HTTP/2.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::JoinSet;

/// A set of tasks on one thread; clones are the same set.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    set: RefCell<JoinSet<()>>,
    leaving: Cell<bool>,
    leave: Notify,
}

impl Tasks {
    /// Starts a task. Needs the runtime of [`crate::runtime`].
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let mut set = self.shared.set.borrow_mut();
        // Those that have ended are let go here, so that the set stays as small as what runs.
        while set.try_join_next().is_some() {}
        set.spawn_local(task);
    }

    /// How many run now.
    pub(crate) fn running(&self) -> usize {
        let mut set = self.shared.set.borrow_mut();
        while set.try_join_next().is_some() {}
        set.len()
    }

    /// Asks all to end when they have done what they do.
    pub(crate) fn leave(&self) {
        self.shared.leaving.set(true);
        self.shared.leave.notify_waiters();
    }

    /// Whether they were asked to.
    pub(crate) fn leaving(&self) -> bool {
        self.shared.leaving.get()
    }

    /// Resolves when they are asked to.
    pub(crate) async fn asked_to_leave(&self) {
        let asked = self.shared.leave.notified();
        if !self.leaving() {
            asked.await;
        }
    }

    /// Resolves when none runs any longer.
    pub(crate) async fn ended(&self) {
        // Borrowed for each poll only: a stream may start a task meanwhile.
        while poll_fn(|cx| self.shared.set.borrow_mut().poll_join_next(cx)).await.is_some() {}
    }

    /// Ends all at once.
    pub(crate) async fn cut(&self) {
        self.shared.set.borrow_mut().abort_all();
        self.ended().await;
    }
}

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, stream: F) {
        self.spawn(stream);
    }
}
