//! Which of many futures have been woken, in the order in which they were.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::{Mutex, lock};

/// A queue of the places of futures that have been woken.
#[derive(Default)]
pub(super) struct Ready(Mutex<State>);

#[derive(Default)]
struct State {
    woken: VecDeque<usize>,
    waiter: Option<Waker>,
}

impl Ready {
    /// The waker for the future in that place.
    pub(super) fn waker(self: &Arc<Self>, place: usize) -> Waker {
        let ready = Arc::clone(self);
        Waker::from(Arc::new(Entry { ready, place }))
    }

    /// The place of the next one.
    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<usize> {
        let mut state = lock(&self.0);
        if let Some(place) = state.woken.pop_front() {
            return Poll::Ready(place);
        }
        state.waiter = Some(cx.waker().clone());
        Poll::Pending
    }
}

struct Entry {
    ready: Arc<Ready>,
    place: usize,
}

impl Wake for Entry {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = lock(&self.ready.0);
        state.woken.push_back(self.place);
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}
