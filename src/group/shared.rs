//! What a running group, its scope and its children share.
//!
//! A child removes itself from the list of open children when it ends, or when it is dropped before that. One of the
//! two happens to each task exactly once, whether it ended, panicked, was aborted before its first poll, or was
//! dropped with its runtime. So only failures are kept of a child that has ended, and the owner is woken only when the
//! group reaches another stage, and at the end.

#[path = "shared/heir.rs"]
mod heir;
#[path = "shared/nested.rs"]
mod nested;
#[cfg(all(tokio_unstable, feature = "guard"))]
#[path = "shared/seen.rs"]
mod seen;
#[path = "shared/stop.rs"]
mod stop;

use std::borrow::Cow;
use std::panic::Location;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use slab::Slab;
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::Instant;

use super::on_failure::OnFailure;
use super::policy::{Deadline, Policy};
use crate::error_group::{ErrorGroup, Failure, GroupId, Origin, TaskFailure};
use crate::registry::Registry;
use crate::sync::{AbortHandle, Mutex, lock};
use heir::Heir;
pub(super) use nested::Nested;
use stop::Stop;

pub(crate) struct Shared {
    id: GroupId,
    name: Cow<'static, str>,
    opened_at: &'static Location<'static>,
    policy: Policy,
    /// Permits to run, where there is a limit.
    pub(super) turns: Option<Arc<Semaphore>>,
    /// Those that wait for the group to stop. Not allocated before the first wait, as most groups have none.
    stop: OnceLock<Box<Stop>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    body_is_open: bool,
    /// The children, and groups that were left to this one, that have not ended.
    open: Slab<Open>,
    /// How many of those wait for the group to stop, and for nothing else.
    idle: usize,
    /// How many of those are services.
    services: usize,
    /// How many have been opened.
    opened: usize,
    /// The group that the scope began in.
    parent: Option<Weak<Shared>>,
    /// The groups whose scopes began in this one and have not been dropped.
    inner: Slab<Weak<Shared>>,
    /// The memory of a few children that have ended, to be freed by the next spawn: freed on the allocating thread, it
    /// causes no contention in most allocators.
    spent: Spent,
    failures: Vec<TaskFailure>,
    cancelled: usize,
    stage: Stage,
    /// None once it has passed.
    deadline: Option<Deadline>,
    is_past_deadline: bool,
    /// To be woken when the group reaches another stage, and at the end.
    owner: Option<Waker>,
    /// The task that waits for the children, once the body is done.
    waiter: Option<task::Id>,
    /// What waits for the children instead, once the scope is dropped.
    heir: Option<Heir>,
}

/// Something that the group waits for, besides its body: a child, or a group that was left to it.
struct Open {
    order: Order,
    name: Cow<'static, str>,
    spawned_at: &'static Location<'static>,
    role: Role,
    /// None while a child is being spawned, and for a group that was left to this one.
    handle: Option<AbortHandle>,
}

/// What a child is to its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The group waits for it.
    Task,
    /// It ends with the rest.
    Service,
}

/// The place of something open in its list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u32);

impl Key {
    /// The key of the body, which is not in the list: its owner polls it, and knows when it has ended.
    pub(super) const BODY: Self = Self(u32::MAX);

    fn of(place: usize) -> Self {
        Self(u32::try_from(place).expect("memory has no room for as many tasks"))
    }

    fn place(self) -> usize {
        self.0 as usize
    }
}

/// A child that may be spawned. Its key is used again once it has ended, its order is not.
pub(super) struct Admitted {
    pub(super) key: Key,
    order: Order,
}

/// How something that was open has ended.
pub(super) enum Ended {
    /// With a value, or with a failure that it has already reported.
    Well,
    Cancelled,
    /// In the task with that id.
    Failed(Option<task::Id>, Failure),
}

/// The stage of a group, and its deadline.
#[derive(Clone, Copy)]
pub(super) struct Progress {
    pub(super) stage: Stage,
    pub(super) deadline: Option<Instant>,
}

/// What is left of a group whose body has ended.
pub(super) enum Drain {
    /// Children have not ended.
    Waits(Progress),
    /// Nothing: the group is over.
    Over { has_failed: bool },
}

/// The number of something in the order of spawning. The body is 0.
type Order = usize;
const BODY: Order = 0;

/// Handles that keep the memory of tasks that have ended. Only a few: that has all of the gain, and little memory is
/// kept. Filled from the front.
#[derive(Default)]
struct Spent([Option<AbortHandle>; 4]);

impl Spent {
    /// Takes the handle, if there is room.
    fn put(&mut self, handle: &mut Option<AbortHandle>) {
        if let Some(room) = self.0.iter_mut().find(|spent| spent.is_none()) {
            *room = handle.take();
        }
    }

    /// All of them, if there are any.
    fn take(&mut self) -> Option<Self> {
        self.0[0].is_some().then(|| std::mem::take(self))
    }
}

/// The stage of a group. It never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It takes tasks.
    #[default]
    Open,
    /// It takes tasks, but nothing is left of it except tasks that wait for it to stop, and services.
    Finished,
    /// It takes tasks, but wants them to end: it was stopped, or its grace period has begun.
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
        name: Cow<'static, str>,
        opened_at: &'static Location<'static>,
        policy: Policy,
    ) -> Self {
        let turns = |limit: usize| Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Self {
            id: GroupId::next(),
            name,
            opened_at,
            policy,
            turns: policy.limit.map(turns),
            stop: OnceLock::new(),
            state: Mutex::new(State {
                body_is_open: true,
                open: Slab::with_capacity(4),
                opened: BODY + 1,
                deadline: policy.deadline,
                ..State::default()
            }),
        }
    }

    pub(super) fn id(&self) -> GroupId {
        self.id
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    /// How many children have not ended.
    pub(super) fn len(&self) -> usize {
        lock(&self.state).open.len()
    }

    pub(super) fn stage(&self) -> Stage {
        lock(&self.state).stage
    }

    /// `group/task`.
    pub(super) fn full_name(&self, key: Key) -> String {
        format!("{}/{}", self.name, lock(&self.state).open[key.place()].name)
    }

    /// Adds a child to the list. Returns the name instead if the group takes no more.
    pub(super) fn admit(
        &self,
        name: Cow<'static, str>,
        spawned_at: &'static Location<'static>,
        role: Role,
    ) -> Result<Admitted, Cow<'static, str>> {
        let mut state = lock(&self.state);
        if state.stage >= Stage::Cancelled {
            return Err(name);
        }
        let admitted = state.open(name, spawned_at, role);
        // All of them, so that there is room for those that end until the next spawn.
        let spent = state.spent.take();
        drop(state);
        drop(spent);
        Ok(admitted)
    }

    /// The child has been spawned, and may have ended since.
    pub(super) fn spawned(&self, Admitted { key, order }: Admitted, handle: AbortHandle) {
        let mut state = lock(&self.state);
        let too_late = (state.stage >= Stage::Cancelled).then(|| handle.clone());
        match state.open.get_mut(key.place()) {
            Some(open) if open.order == order => open.handle = Some(handle),
            // It has ended, and its place may have been taken by another child.
            _ => return,
        }
        drop(state);
        // It was not in the list when the group was cancelled.
        if let Some(handle) = too_late {
            handle.abort();
        }
    }

    /// What is open under `key` has failed, in the task with that id. It may fail again before it ends: its destructor
    /// may panic.
    pub(super) fn failed(&self, key: Key, id: Option<task::Id>, failure: Failure) {
        self.failed_by(self.origin(key, id), failure);
    }

    /// The origin of failures of what is open under `key`, for failures that are reported after its end.
    pub(super) fn origin(&self, key: Key, id: Option<task::Id>) -> Origin {
        if key == Key::BODY {
            self.itself("body")
        } else {
            lock(&self.state).open[key.place()].origin(id)
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
        let failed = TaskFailure { origin, failure };
        lock(&self.state).failures.push(failed);
        self.react();
    }

    /// Applies the policy, as something has failed.
    fn react(&self) {
        match self.policy.on_failure {
            OnFailure::WaitForAll => {}
            OnFailure::Cancel => self.end(),
        }
    }

    /// What was open under `key`, which is not the body, has ended.
    pub(super) fn ended(&self, key: Key, ended: Ended) {
        let mut heir = self.leave(key, ended);
        // Not recursive: the chain may be longer than the stack has room for.
        while let Some((Heir { group, key, .. }, ended)) = heir {
            heir = group.leave(key, ended);
        }
    }

    /// Like `ended`, for this group alone. If that ends the group and it was left to another, returns what ends there.
    fn leave(&self, key: Key, ended: Ended) -> Option<(Heir, Ended)> {
        if let Some(stop) = self.stop.get()
            && stop.leave(key)
        {
            lock(&self.state).idle -= 1;
        }
        let has_failed = matches!(ended, Ended::Failed(..));
        let mut state = lock(&self.state);
        // What is not moved out of it is dropped at the end of the function, after the lock.
        let mut open = state.open.remove(key.place());
        state.services -= usize::from(open.role == Role::Service);
        match ended {
            Ended::Well => {}
            Ended::Cancelled => state.cancelled += 1,
            Ended::Failed(id, failure) => state.failures.push(TaskFailure {
                origin: Origin {
                    order: open.order,
                    task: open.name,
                    id,
                    spawned_at: open.spawned_at,
                },
                failure,
            }),
        }
        state.spent.put(&mut open.handle);
        let last = state.is_empty().then(|| state.close());
        let has_services = state.services > 0;
        drop(state);
        if has_failed {
            self.react();
        }
        if has_services || self.stop.get().is_some() {
            self.finish();
        }
        let (owner, heir) = last?;
        if let Some(owner) = owner {
            owner.wake();
        }
        heir.map(|heir| heir.inherit(self.take_errors()))
    }

    /// Cancels the group if its deadline has passed by `now`. Returns its stage.
    pub(super) fn expire(&self, now: Instant) -> Stage {
        let mut state = lock(&self.state);
        let Some(deadline) = state.deadline.take_if(|deadline| deadline.at <= now) else {
            return state.stage;
        };
        state.is_past_deadline = true;
        drop(state);
        if deadline.is_failure {
            self.failed_by(self.itself("deadline"), Failure::Deadline);
        }
        self.end();
        self.stage()
    }

    /// Moves the deadline, unless it has passed. A group that had none fails at the new one.
    pub(super) fn set_deadline(&self, at: Option<Instant>) {
        let mut state = lock(&self.state);
        if state.is_past_deadline {
            return;
        }
        let is_failure = self
            .policy
            .deadline
            .is_none_or(|deadline| deadline.is_failure);
        state.deadline = at.map(|at| Deadline { at, is_failure });
        let owner = state.owner.take();
        drop(state);
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    /// Asks the children to end.
    pub(super) fn stop(&self) {
        self.advance(|_| Stage::Stopping);
    }

    /// Asks the children to end if there is a grace period, and aborts them otherwise.
    fn end(&self) {
        let has_grace = self.policy.grace.is_some();
        self.advance(|_| {
            if has_grace {
                Stage::Stopping
            } else {
                Stage::Cancelled
            }
        });
    }

    /// Like `end`, but children that have been asked before are aborted.
    pub(super) fn cancel(&self) {
        let has_grace = self.policy.grace.is_some();
        self.advance(|stage| match stage {
            Stage::Open | Stage::Finished if has_grace => Stage::Stopping,
            _ => Stage::Cancelled,
        });
    }

    /// Aborts every child. Spawns are refused from now on.
    pub(super) fn abort(&self) {
        self.advance(|_| Stage::Cancelled);
    }

    /// Moves on to the next stage, unless the group is there already. Groups inside one that stops are stopped, too.
    fn advance(&self, next: impl FnOnce(Stage) -> Stage) {
        let mut inner = self.advance_alone(next);
        // Not recursive: groups may be nested deeper than the stack has room for.
        while let Some(group) = inner.pop() {
            inner.extend(group.advance_alone(|_| Stage::Stopping));
        }
    }

    /// Returns the groups inside this one that are to be stopped. When it is cancelled, those are dropped with the
    /// tasks that run them.
    fn advance_alone(&self, next: impl FnOnce(Stage) -> Stage) -> Vec<Arc<Shared>> {
        let mut state = lock(&self.state);
        let to = next(state.stage);
        if state.stage >= to {
            return Vec::new();
        }
        state.stage = to;
        let owner = state.owner.take();
        let open = state.open.iter().filter(|_| to >= Stage::Cancelled);
        let aborted: Vec<_> = open.filter_map(|(_, open)| open.handle.clone()).collect();
        let inner = state.inner.iter().filter(|_| to == Stage::Stopping);
        let inner = inner.filter_map(|(_, group)| group.upgrade()).collect();
        drop(state);
        // Not under the lock: on a runtime that shuts down, aborting may run destructors right here.
        for handle in aborted {
            handle.abort();
        }
        // After the abort, so that a task that is aborted does not see it.
        self.want_stop();
        if let Some(owner) = owner {
            owner.wake();
        }
        inner
    }

    /// From now on `owner` is woken when the group reaches another stage, when its deadline is moved, and at the end.
    pub(super) fn watch(&self, owner: &Waker) -> Progress {
        let mut state = lock(&self.state);
        state.wake_later(owner);
        state.progress()
    }

    /// The body has ended, and `owner` waits for the children.
    pub(super) fn drain(&self, owner: &Waker) -> Drain {
        let mut state = lock(&self.state);
        state.body_is_open = false;
        if !state.is_empty() {
            state.waiter = task::try_id();
            state.wake_later(owner);
            let waits = Drain::Waits(state.progress());
            let has_services = state.services > 0;
            drop(state);
            if has_services || self.stop.get().is_some() {
                self.finish();
            }
            return waits;
        }
        state.stage = Stage::Over;
        state.waiter = None;
        let has_failed = !state.failures.is_empty();
        drop(state);
        // There may be waits outside the group.
        self.want_stop();
        Drain::Over { has_failed }
    }

    /// All that failed, in spawn order.
    pub(super) fn take_errors(&self) -> ErrorGroup {
        let mut state = lock(&self.state);
        let mut failures = std::mem::take(&mut state.failures);
        let cancelled = state.cancelled;
        drop(state);
        // Mostly they are in order, and sorting allocates a buffer as large as they are. A stable sort, so that the
        // failures of one task stay in order.
        if !failures.is_sorted_by_key(|failure| failure.origin.order) {
            failures.sort_by_key(|failure| failure.origin.order);
        }
        ErrorGroup::of(self.name.clone(), self.opened_at, failures, cancelled)
    }
}

impl State {
    fn open(
        &mut self,
        name: Cow<'static, str>,
        spawned_at: &'static Location<'static>,
        role: Role,
    ) -> Admitted {
        let order = self.opened;
        self.opened += 1;
        self.services += usize::from(role == Role::Service);
        let place = self.open.insert(Open {
            order,
            name,
            spawned_at,
            role,
            handle: None,
        });
        Admitted {
            key: Key::of(place),
            order,
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            stage: self.stage,
            deadline: self.deadline.map(|deadline| deadline.at),
        }
    }

    fn is_empty(&self) -> bool {
        !self.body_is_open && self.open.is_empty()
    }

    /// Whether nothing is left except tasks that wait for the group to stop, and services.
    fn is_finished(&self) -> bool {
        !self.body_is_open && self.idle > 0 && self.idle + self.services == self.open.len()
    }

    /// Whether nothing is left except services.
    fn has_only_services(&self) -> bool {
        !self.body_is_open && self.services > 0 && self.services == self.open.len()
    }

    /// The last of all has ended. Returns what is to be notified.
    fn close(&mut self) -> (Option<Waker>, Option<Heir>) {
        (self.owner.take(), self.heir.take())
    }

    fn wake_later(&mut self, owner: &Waker) {
        match &mut self.owner {
            Some(known) => known.clone_from(owner),
            none => *none = Some(owner.clone()),
        }
    }
}

impl Open {
    /// The origin of its failures, in the task with that id.
    fn origin(&self, id: Option<task::Id>) -> Origin {
        Origin {
            order: self.order,
            task: self.name.clone(),
            id,
            spawned_at: self.spawned_at,
        }
    }
}
