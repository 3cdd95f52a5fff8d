//! Who is being polled: a child of a group, or the body of one.
//!
//! A scope that is dropped before its end can't wait for its children, nor return what they ended with.
//! If it was running in a child, or in the body, of another group, it leaves both to that group.

use std::cell::Cell;
use std::sync::Arc;

use super::shared::{Key, Shared};

/// A place in a group.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) shared: Arc<Shared>,
    pub(super) key: Key,
}

thread_local! {
    static POLLED: Cell<Option<Member>> = const { Cell::new(None) };
}

impl Member {
    /// Runs `f`, which must not unwind, as this member. Moves it there and back, which is cheaper than
    /// to count one more reference on each poll.
    pub(super) fn enter<R>(member: &mut Option<Member>, f: impl FnOnce() -> R) -> R {
        let swap = |member: &mut Option<Member>| {
            // Where the thread's locals are gone already, there is nobody left to ask for it either.
            let _ = POLLED.try_with(|polled| *member = polled.replace(member.take()));
        };
        let mut outer = member.take();
        swap(&mut outer);
        let result = f();
        swap(&mut outer);
        *member = outer;
        result
    }

    /// The member that is being polled, or dropped, on this thread.
    pub(super) fn current() -> Option<Member> {
        let read = |polled: &Cell<Option<Member>>| {
            let member = polled.take();
            polled.set(member.clone());
            member
        };
        POLLED.try_with(read).ok().flatten()
    }
}
