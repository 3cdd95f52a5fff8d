//! What a running group, its scope and its children share.
//!
//! A child takes itself off the list at its end, or when it is dropped before that: one of them happens to each
//! task, and once, whether it ended, panicked, was aborted before its first poll, or went down with the runtime.
//! So nothing that a child ended with is kept but failures, and the owner is woken only when the group has come
//! further, and at the end.

#[path = "shared/heir.rs"]
mod heir;
#[path = "shared/nested.rs"]
mod nested;
#[cfg(all(tokio_unstable, feature = "observe"))]
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
    /// Who waits for the group to stop. None before somebody does: most groups end without.
    stop: OnceLock<Box<Stop>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    body_is_open: bool,
    /// What else has not ended.
    open: Slab<Open>,
    /// How many of those wait for the group to stop, and for nothing else.
    idle: usize,
    /// How many of those are services.
    services: usize,
    /// How many have been opened.
    opened: usize,
    /// The group that the scope has begun in.
    parent: Option<Weak<Shared>>,
    /// The groups whose scopes have begun in this one.
    inner: Slab<Weak<Shared>>,
    /// What is left of a few children that have ended, for whoever spawns the next ones to free. Memory is
    /// freed without a fight, with the allocator of most systems, on the thread that got it.
    spent: Spent,
    failures: Vec<TaskFailure>,
    cancelled: usize,
    stage: Stage,
    /// None once it has passed.
    deadline: Option<Deadline>,
    is_past_deadline: bool,
    /// Whom to wake when the group has come further, and at the end.
    owner: Option<Waker>,
    /// The task that waits for the children, once the body is done.
    waiter: Option<task::Id>,
    /// Who waits for the children instead, once the scope is gone.
    heir: Option<Heir>,
}

/// Something that the group waits for, besides its body: a child, or a group that was left to it.
struct Open {
    order: Order,
    name: Cow<'static, str>,
    spawned_at: &'static Location<'static>,
    role: Role,
    /// None while a child is just being spawned, and for what is no child.
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

/// Where something that is open stands on the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u32);

impl Key {
    /// The body's, which is on no list: its owner polls it, and knows when it has ended.
    pub(super) const BODY: Self = Self(u32::MAX);

    fn of(place: usize) -> Self {
        Self(u32::try_from(place).expect("memory has no room for as many tasks"))
    }

    fn place(self) -> usize {
        self.0 as usize
    }
}

/// A child that may be spawned. Others get its key once it has ended, but not its order.
pub(super) struct Admitted {
    pub(super) key: Key,
    order: Order,
}

/// How something that was open has ended.
pub(super) enum Ended {
    /// With a value; or it has told of how it failed.
    Well,
    Cancelled,
    /// In the task of that id.
    Failed(Option<task::Id>, Failure),
}

/// How far a group has come, and when it is to be cancelled.
#[derive(Clone, Copy)]
pub(super) struct Progress {
    pub(super) stage: Stage,
    pub(super) deadline: Option<Instant>,
}

/// What is left of a group whose body has ended.
pub(super) enum Drain {
    /// Children, in a group that has come so far.
    Waits(Progress),
    /// Nothing: the group is over.
    Over { has_failed: bool },
}

/// When something was opened, counted from 0, which is the body.
type Order = usize;
const BODY: Order = 0;

/// What may be left of children that have ended: so many, as they hold the memory of their tasks, and for all of the
/// gain a few are enough. The first place is the first to be taken.
#[derive(Default)]
struct Spent([Option<AbortHandle>; 4]);

impl Spent {
    /// Takes it, if there is room.
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

/// How far a group has come. It never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It takes tasks.
    #[default]
    Open,
    /// It still does. But nothing is left of it except tasks that wait for it to stop, and services.
    Finished,
    /// It still does. But it wants its tasks to end: it was stopped, or its grace period has begun.
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

    /// A place for one more child: none if the group takes no more, and then the name is given back.
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
        // All at once, so that there is room for those that end until the next spawn.
        let spent = state.spent.take();
        drop(state);
        drop(spent);
        Ok(admitted)
    }

    /// The child in that place has been spawned, and may have ended since.
    pub(super) fn spawned(&self, Admitted { key, order }: Admitted, handle: AbortHandle) {
        let mut state = lock(&self.state);
        let too_late = (state.stage >= Stage::Cancelled).then(|| handle.clone());
        match state.open.get_mut(key.place()) {
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

    /// Does to the others what is to be done once anything has failed.
    fn react(&self) {
        match self.policy.on_failure {
            OnFailure::WaitForAll => {}
            OnFailure::Cancel => self.end(),
        }
    }

    /// What was open under `key`, which is not the body, has ended.
    pub(super) fn ended(&self, key: Key, ended: Ended) {
        let mut heir = self.leave(key, ended);
        // Not one within the other: they may be more than the stack has room for.
        while let Some((Heir { group, key, .. }, ended)) = heir {
            heir = group.leave(key, ended);
        }
    }

    /// The same, but for who inherits from the group: that is the next to end, and how.
    fn leave(&self, key: Key, ended: Ended) -> Option<(Heir, Ended)> {
        if let Some(stop) = self.stop.get()
            && stop.leave(key)
        {
            lock(&self.state).idle -= 1;
        }
        let has_failed = matches!(ended, Ended::Failed(..));
        let mut state = lock(&self.state);
        // Dropped at the end of the function, without the lock. `drop(open)` would move it first.
        let mut open = state.open.remove(key.place());
        state.services -= usize::from(open.role == Role::Service);
        match ended {
            Ended::Well => {}
            Ended::Cancelled => state.cancelled += 1,
            Ended::Failed(id, failure) => state.failures.push(TaskFailure {
                origin: open.origin(id),
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

    /// Cancels the group if its deadline has passed by `now`. Returns how far it has come.
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

    /// Asks the children to end where they have a grace period, and else aborts them.
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

    /// The same; but children that have been asked before are aborted.
    pub(super) fn cancel(&self) {
        let has_grace = self.policy.grace.is_some();
        self.advance(|stage| match stage {
            Stage::Open | Stage::Finished if has_grace => Stage::Stopping,
            _ => Stage::Cancelled,
        });
    }

    /// Aborts every child; whoever is spawned from now on is refused.
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

    /// From now on `owner` is woken when the group has come further, when its deadline is moved, and at the end.
    /// Returns how far it has come.
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
        // Somebody outside the group may have waited for that.
        self.want_stop();
        Drain::Over { has_failed }
    }

    /// All that failed, in spawn order.
    pub(super) fn take_errors(&self) -> ErrorGroup {
        let mut state = lock(&self.state);
        let mut failures = std::mem::take(&mut state.failures);
        let cancelled = state.cancelled;
        drop(state);
        // Stable, so that what one task failed with stays in its order.
        failures.sort_by_key(|failure| failure.origin.order);
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

    /// The last of all has ended: who is to hear of it.
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
    /// Who it is, in the task of that id.
    fn origin(&self, id: Option<task::Id>) -> Origin {
        Origin {
            order: self.order,
            task: self.name.clone(),
            id,
            spawned_at: self.spawned_at,
        }
    }
}
