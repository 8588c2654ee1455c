//! What waits to be written to a client.
//!
//! Owns the bound: a client that does not read is sent no more, and whoever would send hears so. Refuses to write (`connection`
//! does). One for each connection, used from the one thread of the mock.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Waker};

use bytes::Bytes;
use sluicegate_policy::call::Closing;

/// Something for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Down {
    /// A message.
    Message(Bytes),
    /// That its connection is closed; nothing comes after it.
    Close(Closing),
}

/// Too much waits for this client already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// Most bytes that wait, unless it is one message alone.
    most: u64,
    waiting: RefCell<VecDeque<Down>>,
    unread: Cell<u64>,
    closed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// The bytes that a message counts for. Also an empty one takes room: else any number of them could wait.
pub(crate) fn weight(message: &Bytes) -> u64 {
    (message.len() as u64).max(1)
}

impl Mailbox {
    /// An empty one.
    pub(crate) const fn of_at_most(most: u64) -> Self {
        Self {
            most,
            waiting: RefCell::new(VecDeque::new()),
            unread: Cell::new(0),
            closed: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    /// A message for the client. Once the connection is to be closed there is nobody to get it, which is no matter.
    pub(crate) fn put(&self, message: Bytes) -> Result<(), Full> {
        if self.closed.get() {
            return Ok(());
        }
        let (unread, more) = (self.unread.get(), weight(&message));
        if unread > 0 && unread.saturating_add(more) > self.most {
            return Err(Full);
        }
        self.unread.set(unread + more);
        self.waiting.borrow_mut().push_back(Down::Message(message));
        self.wake();
        Ok(())
    }

    /// The connection is to be closed once all that waits is written.
    pub(crate) fn close(&self, why: Closing) {
        if !self.closed.replace(true) {
            self.waiting.borrow_mut().push_back(Down::Close(why));
            self.wake();
        }
    }

    /// What is to be written next. Its bytes count as unread until [`Self::written`].
    pub(crate) fn take(&self) -> Option<Down> {
        let mut waiting = self.waiting.borrow_mut();
        let next = waiting.pop_front();
        if waiting.is_empty() {
            // One that waits holds nothing.
            *waiting = VecDeque::new();
        }
        next
    }

    /// So many bytes were written.
    pub(crate) fn written(&self, bytes: u64) {
        self.unread.set(self.unread.get().saturating_sub(bytes));
    }

    /// Bytes that are not written yet.
    pub(crate) fn unread(&self) -> u64 {
        self.unread.get()
    }

    /// Whether the connection is to be closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Whoever empties it is woken when something is there.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Wakes whoever empties it.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_comes_out_in_order_and_counts_until_it_is_written() {
        let mailbox = Mailbox::of_at_most(10);
        mailbox.put(Bytes::from_static(b"one")).unwrap();
        mailbox.put(Bytes::from_static(b"three")).unwrap();
        mailbox.close(Closing::Idle);
        assert_eq!(mailbox.take(), Some(Down::Message(Bytes::from_static(b"one"))));
        assert_eq!(mailbox.unread(), 8);
        mailbox.written(3);
        assert_eq!((mailbox.unread(), mailbox.take()), (5, Some(Down::Message(Bytes::from_static(b"three")))));
        assert_eq!((mailbox.take(), mailbox.take()), (Some(Down::Close(Closing::Idle)), None));
    }

    #[test]
    fn beyond_its_bound_it_takes_nothing_but_a_first_message_of_any_length() {
        let mailbox = Mailbox::of_at_most(4);
        mailbox.put(Bytes::from_static(b"longer than four")).unwrap();
        assert_eq!(mailbox.put(Bytes::from_static(b"x")), Err(Full));
        mailbox.take();
        mailbox.written(16);
        mailbox.put(Bytes::from_static(b"1234")).unwrap();
        assert_eq!(mailbox.put(Bytes::from_static(b"5")), Err(Full));
    }

    #[test]
    fn empty_messages_have_a_bound_too() {
        let mailbox = Mailbox::of_at_most(4);
        assert_eq!((0..9).filter(|_| mailbox.put(Bytes::new()).is_ok()).count(), 4);
    }

    #[test]
    fn a_closed_one_takes_nothing_more_and_closes_once() {
        let mailbox = Mailbox::of_at_most(4);
        mailbox.close(Closing::Cut);
        mailbox.close(Closing::Idle);
        mailbox.put(Bytes::from_static(b"late")).unwrap();
        assert_eq!((mailbox.take(), mailbox.take(), mailbox.unread()), (Some(Down::Close(Closing::Cut)), None, 0));
    }
}
