//! What a running group, its scope and its children share.
//!
//! A child takes itself off the list when it is dropped, which is the one thing that happens to each
//! task exactly once: whether it ended, panicked, was aborted before its first poll, or went down with
//! the runtime. So nothing that a child ended with is kept but failures, and the owner is woken only for
//! those, and at the end.

use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use slab::Slab;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{self, AbortHandle};

use super::OnFailure;
use super::member::Member;
use crate::error_group::{ErrorGroup, Failure, TaskFailure};
#[cfg(all(tokio_unstable, feature = "observe"))]
use crate::place::Place;
use crate::registry::{Registry, lock};

pub(crate) struct Shared {
    pub(super) name: String,
    opened_at: &'static Location<'static>,
    on_failure: OnFailure,
    /// Permits to run, where there is a limit.
    pub(super) turns: Option<Arc<Semaphore>>,
    /// Tells tasks that the group wants to end.
    pub(super) stop: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What has not ended.
    open: Slab<Open>,
    spawned: usize,
    /// With the order of their tasks: the body comes first, then the children as they were spawned.
    failures: Vec<(usize, TaskFailure)>,
    cancelled: usize,
    stage: Stage,
    /// The body is done.
    draining: bool,
    /// Whom to wake for a failure, and at the end.
    owner: Option<Waker>,
    /// The task that waits for the children, once the body is done.
    waiter: Option<task::Id>,
    /// Who waits for the children instead, once the scope is gone, and under which key.
    heir: Option<(Member, usize)>,
}

/// Something that the group waits for.
struct Open {
    order: usize,
    /// None while a child is just being spawned, and for what is no child.
    handle: Option<AbortHandle>,
}

/// How far a group has come. It never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It takes tasks.
    #[default]
    Open,
    /// It still does, but would rather have them end.
    Stopping,
    /// It has cancelled its tasks.
    Cancelled,
    /// It has ended.
    Over,
}

pub(crate) static GROUPS: Registry<Shared> = Registry::new();

/// The body's place among the failures.
pub(super) const BODY: usize = 0;

impl Shared {
    pub(super) fn new(
        name: String,
        opened_at: &'static Location<'static>,
        on_failure: OnFailure,
        limit: Option<usize>,
    ) -> Arc<Self> {
        let shared = Arc::new(Self {
            name,
            opened_at,
            on_failure,
            turns: limit.map(|limit| Arc::new(Semaphore::new(limit))),
            stop: Notify::new(),
            state: Mutex::default(),
        });
        GROUPS.enter(&shared);
        shared
    }

    pub(super) fn opened_at(&self) -> &'static Location<'static> {
        self.opened_at
    }

    pub(super) fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    pub(super) fn stage(&self) -> Stage {
        lock(&self.state).stage
    }

    /// A place for one more child, and its order: none if the group takes no more.
    pub(super) fn admit(&self) -> Option<(usize, usize)> {
        let mut state = lock(&self.state);
        if state.stage >= Stage::Cancelled {
            return None;
        }
        state.spawned += 1;
        let order = BODY + state.spawned;
        let handle = None;
        let key = state.open.insert(Open { order, handle });
        Some((key, order))
    }

    /// The child in that place has been spawned, and may have ended since.
    pub(super) fn spawned(&self, key: usize, order: usize, handle: AbortHandle) {
        let mut state = lock(&self.state);
        let too_late = (state.stage >= Stage::Cancelled).then(|| handle.clone());
        match state.open.get_mut(key) {
            Some(open) if open.order == order => open.handle = Some(handle),
            // It has ended, and its place may be another's by now.
            _ => return,
        }
        drop(state);
        // The others were cancelled before.
        if let Some(handle) = too_late {
            handle.abort();
        }
    }

    /// Whatever was open under `key` has ended, with these failures: more than one if its destructor
    /// panicked too.
    pub(super) fn ended(
        &self,
        key: usize,
        order: usize,
        failures: Vec<TaskFailure>,
        cancelled: bool,
    ) {
        let failed = !failures.is_empty();
        let mut state = lock(&self.state);
        let open = state.open.remove(key);
        state.cancelled += usize::from(cancelled && !failed);
        for failure in failures {
            state.failures.push((order, failure));
        }
        let bequest = state.open.is_empty().then(|| state.heir.take()).flatten();
        let concerns_owner = failed || (state.draining && state.open.is_empty());
        let owner = concerns_owner.then(|| state.owner.take()).flatten();
        drop(state);
        drop(open);
        if failed {
            self.react();
        }
        if let Some(owner) = owner {
            owner.wake();
        }
        if let Some((heir, key)) = bequest {
            self.bequeath(&heir, key);
        }
    }

    /// The body or the group itself failed.
    pub(super) fn failed(&self, failure: TaskFailure) {
        lock(&self.state).failures.push((BODY, failure));
        self.react();
    }

    /// The scope is gone before its end, with nobody to wait for the children. If it ran in another
    /// group, that one waits for them, and gets what they ended with.
    pub(super) fn abandon(&self, heir: Option<Member>) {
        self.cancel();
        let mut state = lock(&self.state);
        state.waiter = None;
        let Some(heir) = heir else { return };
        let key = heir.shared.hold();
        if state.open.is_empty() {
            drop(state);
            self.bequeath(&heir, key);
        } else {
            state.heir = Some((heir, key));
        }
    }

    fn bequeath(&self, heir: &Member, key: usize) {
        let errors = self.take_errors();
        let failures = (!errors.failures.is_empty()).then(|| heir.failure(Failure::Group(errors)));
        let failures = failures.into_iter().collect();
        heir.shared.ended(key, heir.order, failures, false);
    }

    /// Keeps the group from ending until that key has [`ended`](Shared::ended).
    fn hold(&self) -> usize {
        let mut state = lock(&self.state);
        state.spawned += 1;
        let order = BODY + state.spawned;
        let handle = None;
        state.open.insert(Open { order, handle })
    }

    fn react(&self) {
        match self.on_failure {
            OnFailure::WaitForAll => {}
            OnFailure::Cancel => self.cancel(),
            OnFailure::CancelAfter(_) => {
                self.advance(Stage::Stopping);
            }
        }
    }

    /// Goes on to that stage. False if the group had come so far already.
    fn advance(&self, to: Stage) -> bool {
        let mut state = lock(&self.state);
        if state.stage >= to {
            return false;
        }
        state.stage = to;
        drop(state);
        self.stop.notify_waiters();
        true
    }

    /// Aborts every child; whoever is spawned from now on is refused.
    pub(super) fn cancel(&self) {
        if !self.advance(Stage::Cancelled) {
            return;
        }
        let mut state = lock(&self.state);
        let open = state.open.iter().map(|(_, open)| open);
        let handles: Vec<_> = open.filter_map(|open| open.handle.clone()).collect();
        let owner = state.owner.take();
        drop(state);
        // Not under the lock: on a runtime that shuts down, aborting may run destructors right here.
        for handle in handles {
            handle.abort();
        }
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    /// From now on `owner` is woken for a failure and for the end. Returns how far the group has come.
    pub(super) fn watch(&self, owner: &Waker) -> Stage {
        let mut state = lock(&self.state);
        state.owner = Some(owner.clone());
        state.stage
    }

    /// The body is done, and `owner` waits for the children. Whether there are none left; then the group
    /// is over.
    pub(super) fn drain(&self, owner: &Waker) -> bool {
        let mut state = lock(&self.state);
        state.draining = true;
        state.waiter = task::try_id();
        if state.open.is_empty() {
            state.stage = Stage::Over;
            state.waiter = None;
            return true;
        }
        state.owner = Some(owner.clone());
        false
    }

    /// All that failed, in spawn order.
    pub(super) fn take_errors(&self) -> ErrorGroup {
        let mut state = lock(&self.state);
        let mut failures = std::mem::take(&mut state.failures);
        // Stable, so that what one task failed with stays in its order.
        failures.sort_by_key(|(order, _)| *order);
        ErrorGroup {
            name: self.name.clone(),
            opened_at: self.opened_at.into(),
            failures: failures.into_iter().map(|(_, failure)| failure).collect(),
            cancelled: state.cancelled,
        }
    }
}

/// What a group knows about itself at one moment.
#[cfg(all(tokio_unstable, feature = "observe"))]
#[derive(Clone, Debug)]
pub(crate) struct GroupState {
    pub(crate) name: String,
    pub(crate) opened_at: Place,
    /// The task that waits for the children, once the body is done.
    pub(crate) waiter: Option<task::Id>,
    /// The children that have not ended, in spawn order.
    pub(crate) open: Vec<task::Id>,
}

#[cfg(all(tokio_unstable, feature = "observe"))]
impl Shared {
    pub(crate) fn state(&self) -> GroupState {
        let state = lock(&self.state);
        let mut open: Vec<_> = state
            .open
            .iter()
            .filter_map(|(_, open)| Some((open.order, open.handle.as_ref()?.id())))
            .collect();
        open.sort_unstable();
        GroupState {
            name: self.name.clone(),
            opened_at: self.opened_at.into(),
            waiter: state.waiter,
            open: open.into_iter().map(|(_, id)| id).collect(),
        }
    }
}
