//! What a running group, its scope and its children share.
//!
//! A child takes itself off the list when it is dropped, which is the one thing that happens to each
//! task exactly once: whether it ended, panicked, was aborted before its first poll, or went down with
//! the runtime. So nothing that a child ended with is kept but failures, and the owner is woken only when
//! the group has come further, and at the end.

#[cfg(all(tokio_unstable, feature = "observe"))]
#[path = "shared/seen.rs"]
mod seen;

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;
use tokio::sync::{Notify, Semaphore};
use tokio::task;

use super::member::Member;
use super::on_failure::OnFailure;
use crate::error_group::{ErrorGroup, Failure, TaskFailure};
use crate::registry::Registry;
use crate::sync::{AbortHandle, Mutex, lock};

pub(crate) struct Shared {
    name: String,
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
    /// How many have been opened.
    opened: usize,
    failures: Vec<(Order, TaskFailure)>,
    cancelled: usize,
    stage: Stage,
    /// Whom to wake when the group has come further, and at the end.
    owner: Option<Waker>,
    /// The task that waits for the children, once the body is done.
    waiter: Option<task::Id>,
    /// Who waits for the children instead, once the scope is gone.
    heir: Option<Heir>,
}

/// Something that the group waits for: its body, a child, or a group that was left to it.
struct Open {
    order: Order,
    name: Cow<'static, str>,
    spawned_at: &'static Location<'static>,
    /// None while a child is just being spawned, and for what is no child.
    handle: Option<AbortHandle>,
}

/// Where something that is open stands on the list.
#[derive(Clone, Copy)]
pub(super) struct Key(usize);

/// A child that may be spawned. Others get its key once it has ended, but not its order.
pub(super) struct Admitted {
    pub(super) key: Key,
    order: Order,
}

/// Who failed.
pub(super) struct Origin {
    order: Order,
    task: Cow<'static, str>,
    id: Option<task::Id>,
    spawned_at: &'static Location<'static>,
}

/// When something was opened, counted from 0, which is the body.
type Order = usize;
const BODY: Order = 0;

/// Whoever waits for the children of a scope that is gone: a member of another group.
struct Heir {
    group: Arc<Shared>,
    /// What keeps that group open until then.
    key: Key,
    id: Option<task::Id>,
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

impl Shared {
    /// A group in which its body is open.
    pub(super) fn new(
        name: String,
        opened_at: &'static Location<'static>,
        on_failure: OnFailure,
        limit: Option<usize>,
    ) -> (Arc<Self>, Key) {
        let mut state = State::default();
        let body = state.open("body".into(), opened_at).key;
        let shared = Arc::new(Self {
            name,
            opened_at,
            on_failure,
            turns: limit.map(|limit| Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))),
            stop: Notify::new(),
            state: Mutex::new(state),
        });
        GROUPS.enter(&shared);
        (shared, body)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    pub(super) fn stage(&self) -> Stage {
        lock(&self.state).stage
    }

    /// `group/task`.
    pub(super) fn full_name(&self, key: Key) -> String {
        format!("{}/{}", self.name, lock(&self.state).open[key.0].name)
    }

    /// A place for one more child: none if the group takes no more, and then the name is given back.
    pub(super) fn admit(
        &self,
        name: Cow<'static, str>,
        spawned_at: &'static Location<'static>,
    ) -> Result<Admitted, Cow<'static, str>> {
        let mut state = lock(&self.state);
        if state.stage >= Stage::Cancelled {
            return Err(name);
        }
        Ok(state.open(name, spawned_at))
    }

    /// The child in that place has been spawned, and may have ended since.
    pub(super) fn spawned(&self, Admitted { key, order }: Admitted, handle: AbortHandle) {
        let mut state = lock(&self.state);
        let too_late = (state.stage >= Stage::Cancelled).then(|| handle.clone());
        match state.open.get_mut(key.0) {
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

    /// What is open under `key` has failed, in the task of that id. It may do so again before it ends:
    /// its destructor may panic.
    pub(super) fn failed(&self, key: Key, id: Option<task::Id>, failure: Failure) {
        self.failed_by(self.origin(key, id), failure);
    }

    /// Who is open under `key`: with that, a failure can be told of after its end, too.
    pub(super) fn origin(&self, key: Key, id: Option<task::Id>) -> Origin {
        let state = lock(&self.state);
        let open = &state.open[key.0];
        Origin {
            order: open.order,
            task: open.name.clone(),
            id,
            spawned_at: open.spawned_at,
        }
    }

    /// The body has failed after its end: its value could not be dropped.
    pub(super) fn body_failed(&self, failure: Failure) {
        self.failed_by(self.itself("body"), failure);
    }

    fn itself(&self, name: &'static str) -> Origin {
        Origin {
            order: BODY,
            task: name.into(),
            id: None,
            spawned_at: self.opened_at,
        }
    }

    pub(super) fn failed_by(&self, origin: Origin, failure: Failure) {
        let Origin {
            order,
            task,
            id,
            spawned_at,
        } = origin;
        let failure = TaskFailure {
            task,
            id,
            spawned_at,
            failure,
        };
        lock(&self.state).failures.push((order, failure));
        match self.on_failure {
            OnFailure::WaitForAll => {}
            OnFailure::Cancel => self.cancel(),
            OnFailure::CancelAfter(_) => self.advance(Stage::Stopping),
        }
    }

    /// What was open under `key` has ended.
    pub(super) fn ended(&self, key: Key, cancelled: bool) {
        let mut heir = self.leave(key, cancelled);
        // Not one within the other: they may be more than the stack has room for.
        while let Some(Heir { group, key, .. }) = heir {
            heir = group.leave(key, false);
        }
    }

    /// The same, but for who inherits from the group, and is the next to end.
    fn leave(&self, key: Key, cancelled: bool) -> Option<Heir> {
        let mut state = lock(&self.state);
        let open = state.open.remove(key.0);
        state.cancelled += usize::from(cancelled);
        let is_last = state.open.is_empty();
        let owner = is_last.then(|| state.owner.take()).flatten();
        let heir = is_last.then(|| state.heir.take()).flatten();
        drop(state);
        drop(open);
        if let Some(owner) = owner {
            owner.wake();
        }
        heir.inspect(|heir| heir.inherit(self.take_errors()))
    }

    /// The group itself has failed: it has run out of time.
    pub(super) fn expired(&self) {
        self.failed_by(self.itself("deadline"), Failure::Deadline);
        self.cancel();
    }

    /// The scope is gone before its end, with nobody to wait for the children. If it ran in another
    /// group, that one waits for them, and gets what they ended with.
    pub(super) fn abandon(self: &Arc<Self>, heir: Option<Member>) {
        self.cancel();
        let heir = heir.filter(|heir| !self.waits_for(&heir.shared));
        let heir = heir.map(Heir::new);
        let mut state = lock(&self.state);
        state.waiter = None;
        if !state.open.is_empty() {
            state.heir = heir;
            return;
        }
        drop(state);
        if let Some(heir) = heir {
            heir.inherit(self.take_errors());
            heir.group.ended(heir.key, false);
        }
    }

    /// Whether it is that group, or inherits from it: were it left to that one, neither would ever end.
    fn waits_for(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut heir = Some(Arc::clone(other));
        while let Some(group) = heir {
            if Arc::ptr_eq(self, &group) {
                return true;
            }
            let state = lock(&group.state);
            heir = state.heir.as_ref().map(|heir| Arc::clone(&heir.group));
        }
        false
    }

    /// Whether anything in it has failed so far.
    pub(super) fn has_failed(&self) -> bool {
        !lock(&self.state).failures.is_empty()
    }

    /// Aborts every child; whoever is spawned from now on is refused.
    pub(super) fn cancel(&self) {
        self.advance(Stage::Cancelled);
    }

    /// Goes on to that stage, unless the group has come so far already.
    fn advance(&self, to: Stage) {
        let mut state = lock(&self.state);
        if state.stage >= to {
            return;
        }
        state.stage = to;
        let owner = state.owner.take();
        let open = state.open.iter().filter(|_| to >= Stage::Cancelled);
        let aborted: Vec<_> = open.filter_map(|(_, open)| open.handle.clone()).collect();
        drop(state);
        self.stop.notify_waiters();
        // Not under the lock: on a runtime that shuts down, aborting may run destructors right here.
        for handle in aborted {
            handle.abort();
        }
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    /// From now on `owner` is woken when the group has come further, and at the end. Returns how far it
    /// has come.
    pub(super) fn watch(&self, owner: &Waker) -> Stage {
        let mut state = lock(&self.state);
        state.wake_later(owner);
        state.stage
    }

    /// The body has ended, and `owner` waits for the children. Whether there are none left; then the
    /// group is over.
    pub(super) fn drain(&self, owner: &Waker) -> bool {
        let mut state = lock(&self.state);
        if !state.open.is_empty() {
            state.waiter = task::try_id();
            state.wake_later(owner);
            return false;
        }
        state.stage = Stage::Over;
        state.waiter = None;
        drop(state);
        // Somebody outside the group may have waited for that.
        self.stop.notify_waiters();
        true
    }

    /// All that failed, in spawn order.
    pub(super) fn take_errors(&self) -> ErrorGroup {
        let mut state = lock(&self.state);
        let mut failures = std::mem::take(&mut state.failures);
        let cancelled = state.cancelled;
        drop(state);
        // Stable, so that what one task failed with stays in its order.
        failures.sort_by_key(|(order, _)| *order);
        ErrorGroup {
            name: self.name.clone(),
            opened_at: self.opened_at,
            failures: failures.into_iter().map(|(_, failure)| failure).collect(),
            cancelled,
        }
    }
}

impl State {
    fn open(
        &mut self,
        name: Cow<'static, str>,
        spawned_at: &'static Location<'static>,
    ) -> Admitted {
        let order = self.opened;
        self.opened += 1;
        let key = Key(self.open.insert(Open {
            order,
            name,
            spawned_at,
            handle: None,
        }));
        Admitted { key, order }
    }

    fn wake_later(&mut self, owner: &Waker) {
        match &mut self.owner {
            Some(known) => known.clone_from(owner),
            none => *none = Some(owner.clone()),
        }
    }
}

impl Heir {
    /// Keeps that member's group open.
    fn new(Member { shared, key }: Member) -> Self {
        let mut state = lock(&shared.state);
        let member = &state.open[key.0];
        let is_body = member.order == BODY;
        let held = Open {
            name: member.name.clone(),
            handle: None,
            ..*member
        };
        let key = Key(state.open.insert(held));
        drop(state);
        Self {
            group: shared,
            key,
            id: if is_body { None } else { task::try_id() },
        }
    }

    /// To be followed by the end of what is held open.
    fn inherit(&self, errors: ErrorGroup) {
        if !errors.failures.is_empty() {
            let failure = Failure::Group(Box::new(errors));
            self.group.failed(self.key, self.id, failure);
        }
    }
}
