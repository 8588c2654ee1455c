//! The tasks that serve connections and streams.
//!
//! Owns every such task, so that none outlives the server. Refuses threads: all of them run where they were started; and to
//! tell them that it is time to leave (`patience` does). Called by `accept` for connections and by hyper for the streams of HTTP/2.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use tokio::task::JoinSet;

/// A set of tasks on one thread; clones are the same set.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    set: RefCell<JoinSet<()>>,
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
