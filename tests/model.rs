//! What the threads of a task group share, played in every order in which they could meet.
//!
//! It is the source itself that is played, with loom's mutex in place of the standard library's, and
//! tasks that are no more than a thread each.

#![allow(dead_code, reason = "not all of the source is played")]

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use error_group::{ErrorGroup, Failure};
use member::Member;
use policy::{Deadline, Policy};
use ready::Ready;
use shared::{Admitted, Drain, Ended, Key, Nested, Role, Shared, Stage};
use stop_waits::StopWait;
use sync::AbortHandle;
use tokio::time::Instant;
use unstuck::OnFailure;

#[path = "../src/group/member.rs"]
mod member;
#[path = "../src/group/stop_waits.rs"]
mod stop_waits;
mod on_failure {
    pub(crate) use unstuck::OnFailure;
}
#[path = "../src/group/policy.rs"]
mod policy;
#[path = "../src/group/ready.rs"]
mod ready;
#[path = "../src/group/shared.rs"]
mod shared;

mod error_group {
    use std::borrow::Cow;
    use std::panic::Location;

    use tokio::task;

    pub(crate) struct ErrorGroup {
        pub(crate) failures: Vec<TaskFailure>,
    }

    impl ErrorGroup {
        pub(crate) fn of(
            _name: Cow<'static, str>,
            _opened_at: &'static Location<'static>,
            failures: Vec<TaskFailure>,
            _cancelled: usize,
        ) -> Self {
            Self { failures }
        }

        pub(crate) fn is_cancelled(&self) -> bool {
            self.failures.is_empty()
        }
    }

    #[derive(Clone, Copy, PartialEq)]
    pub(crate) struct GroupId;

    impl GroupId {
        pub(crate) fn next() -> Self {
            Self
        }
    }

    pub(crate) struct TaskFailure {
        pub(crate) origin: Origin,
        pub(crate) failure: Failure,
    }

    pub(crate) struct Origin {
        pub(crate) order: usize,
        pub(crate) task: Cow<'static, str>,
        pub(crate) id: Option<task::Id>,
        pub(crate) spawned_at: &'static Location<'static>,
    }

    pub(crate) enum Failure {
        Error(&'static str),
        Group(Box<ErrorGroup>),
        Deadline,
    }
}

mod registry {
    use std::marker::PhantomData;

    /// Nobody looks for groups here.
    pub(crate) struct Registry<T>(PhantomData<fn(T)>);

    impl<T> Registry<T> {
        pub(crate) const fn new() -> Self {
            Self(PhantomData)
        }
    }
}

mod sync {
    use std::sync::PoisonError;

    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::sync::{Arc, MutexGuard};
    use tokio::task;

    pub(crate) use loom::sync::Mutex;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts how often its task was aborted.
    #[derive(Clone)]
    pub(crate) struct AbortHandle(Arc<AtomicUsize>);

    impl AbortHandle {
        pub(crate) fn new() -> Self {
            Self(Arc::new(AtomicUsize::new(0)))
        }

        pub(crate) fn abort(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        pub(crate) fn times(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }

        #[expect(
            clippy::unused_self,
            reason = "it stands for one that has a use for it"
        )]
        pub(crate) fn id(&self) -> task::Id {
            task::id()
        }
    }
}

/// In every order in which no more than three turns are taken from a thread, which are those in which
/// mistakes are found; all of them would take hours.
fn in_every_order(play: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(play);
}

fn open(name: &'static str, on_failure: OnFailure) -> Arc<Shared> {
    open_with(
        name,
        Policy {
            on_failure,
            ..Policy::default()
        },
    )
}

fn open_with(name: &'static str, policy: Policy) -> Arc<Shared> {
    Arc::new(Shared::new(name.into(), Location::caller(), policy))
}

fn admit(group: &Shared, name: &'static str) -> Result<Admitted, Cow<'static, str>> {
    group.admit(name.into(), Location::caller(), Role::Task)
}

fn fail(group: &Shared, key: Key, text: &'static str) {
    group.ended(key, Ended::Failed(None, Failure::Error(text)));
}

/// Spawns a child, which fails with its name.
fn spawn_failing(group: &Arc<Shared>, name: &'static str) -> JoinHandle<()> {
    let admitted = admit(group, name).expect("the group is open");
    let (key, child) = (admitted.key, Arc::clone(group));
    let thread = thread::spawn(move || fail(&child, key, name));
    group.spawned(admitted, AbortHandle::new());
    thread
}

/// Waits for the children as the owner does. Where it is not woken loom finds that nobody can go on.
fn drain(group: &Shared) -> ErrorGroup {
    let has_failed = block_on(poll_fn(|cx| match group.drain(cx.waker()) {
        Drain::Over { has_failed } => Poll::Ready(has_failed),
        Drain::Waits(_) => Poll::Pending,
    }));
    let errors = group.take_errors();
    assert_eq!(has_failed, !errors.failures.is_empty());
    errors
}

/// `[a, [b]]`.
fn shape(errors: &ErrorGroup) -> String {
    let failures = errors.failures.iter();
    let shapes = failures.map(|failure| match &failure.failure {
        Failure::Error(text) => (*text).to_owned(),
        Failure::Group(inner) => shape(inner),
        Failure::Deadline => "deadline".to_owned(),
    });
    format!("[{}]", shapes.collect::<Vec<_>>().join(", "))
}

#[test]
fn an_owner_that_waits_is_woken_by_the_last_child_and_has_every_error() {
    in_every_order(|| {
        let group = open("g", OnFailure::WaitForAll);
        let children = ["a", "b"].map(|name| spawn_failing(&group, name));
        assert_eq!(shape(&drain(&group)), "[a, b]");
        for child in children {
            child.join().unwrap();
        }
    });
}

#[test]
fn a_body_that_waits_is_woken_by_a_failure() {
    in_every_order(|| {
        let group = open("g", OnFailure::Cancel);
        let child = spawn_failing(&group, "a");
        block_on(poll_fn(|cx| match group.watch(cx.waker()).stage {
            Stage::Cancelled => Poll::Ready(()),
            _ => Poll::Pending,
        }));
        group.failed(Key::BODY, None, Failure::Error("body"));
        assert_eq!(shape(&drain(&group)), "[body, a]");
        child.join().unwrap();
    });
}

#[test]
fn whoever_waits_for_the_group_to_stop_hears_of_it_whenever_they_began() {
    in_every_order(|| {
        let group = open("g", OnFailure::Cancel);
        let other = Arc::clone(&group);
        let cancels = thread::spawn(move || other.cancel());
        let mut stop = pin!(group.stop_wanted().notified());
        block_on(poll_fn(|cx| match group.stage() {
            Stage::Open => stop.as_mut().poll(cx),
            _ => Poll::Ready(()),
        }));
        cancels.join().unwrap();
    });
}

/// Whether it begins before the outer one is stopped, meanwhile or after that.
#[test]
fn a_group_that_begins_in_one_that_is_stopped_hears_of_it_and_so_does_one_inside_it() {
    in_every_order(|| {
        let outer = open("outer", OnFailure::Cancel);
        let middle = open("middle", OnFailure::Cancel);
        let inner = open("inner", OnFailure::Cancel);
        let other = Arc::clone(&outer);
        let stops = thread::spawn(move || other.stop());
        let nested: [Nested; 2] = [middle.begin_within(&outer), inner.begin_within(&middle)];
        let mut stop = pin!(inner.stop_wanted().notified());
        block_on(poll_fn(|cx| match inner.stage() {
            Stage::Open => stop.as_mut().poll(cx),
            _ => Poll::Ready(()),
        }));
        stops.join().unwrap();
        assert!(middle.stage() == Stage::Stopping && inner.stage() == Stage::Stopping);
        drop(nested);
    });
}

#[test]
fn a_scope_may_be_dropped_while_the_group_around_it_is_stopped() {
    in_every_order(|| {
        let outer = open("outer", OnFailure::Cancel);
        let ended = open("ended", OnFailure::Cancel);
        let nested = ended.begin_within(&outer);
        let other = Arc::clone(&outer);
        let stops = thread::spawn(move || other.stop());
        drop((nested, ended));
        // In the place that was left.
        let next = open("next", OnFailure::Cancel);
        let _nested = next.begin_within(&outer);
        stops.join().unwrap();
        assert!(next.stage() == Stage::Stopping);
    });
}

/// However the calls meet, the first asks and the second aborts.
#[test]
fn a_group_that_is_stopped_and_cancelled_asks_its_children_before_it_aborts_them() {
    in_every_order(|| {
        let policy = Policy {
            grace: Some(Duration::MAX),
            ..Policy::default()
        };
        let group = open_with("g", policy);
        let admitted = admit(&group, "a").expect("the group is open");
        let (key, handle) = (admitted.key, AbortHandle::new());
        group.spawned(admitted, handle.clone());
        let calls: [fn(&Shared); 2] = [Shared::stop, Shared::cancel];
        let threads = calls.map(|call| {
            let group = Arc::clone(&group);
            thread::spawn(move || call(&group))
        });
        let mut stop = pin!(group.stop_wanted().notified());
        block_on(poll_fn(|cx| match group.stage() {
            Stage::Open => stop.as_mut().poll(cx),
            _ => Poll::Ready(()),
        }));
        for thread in threads {
            thread.join().unwrap();
        }
        // Stopped after it was cancelled, it is left its grace period.
        let is_aborted = handle.times() == 1;
        assert_eq!(group.stage() == Stage::Cancelled, is_aborted);
        assert!(group.stage() >= Stage::Stopping);
        group.cancel();
        assert_eq!(handle.times(), 1);
        group.ended(key, Ended::Cancelled);
        assert_eq!(shape(&drain(&group)), "[]");
    });
}

/// Whichever ends last, the body or the task.
#[test]
fn a_service_is_aborted_once_the_body_and_every_task_have_ended() {
    in_every_order(|| {
        let group = open("g", OnFailure::Cancel);
        let service = group.admit("service".into(), Location::caller(), Role::Service);
        let service = service.unwrap_or_else(|_| panic!("the group is open"));
        let (key, handle) = (service.key, AbortHandle::new());
        group.spawned(service, handle.clone());
        let task = admit(&group, "task").expect("the group is open");
        let (task, other) = (task.key, Arc::clone(&group));
        let ends = thread::spawn(move || other.ended(task, Ended::Well));
        let is_waiting = matches!(group.drain(Waker::noop()), Drain::Waits(_));
        assert!(is_waiting, "the service is left");
        ends.join().unwrap();
        assert_eq!(handle.times(), 1);
        group.ended(key, Ended::Cancelled);
        assert_eq!(shape(&drain(&group)), "[]");
    });
}

/// It passes at the old time or is moved, and the owner hears of either.
#[test]
fn a_deadline_that_is_moved_while_it_passes_is_a_failure_once() {
    in_every_order(|| {
        let now = Instant::now();
        let deadline = Deadline {
            at: now,
            is_failure: true,
        };
        let group = open_with("g", Policy::default().with_deadline(deadline));
        let other = Arc::clone(&group);
        let later = now + Duration::from_secs(1);
        let moves = thread::spawn(move || other.set_deadline(Some(later)));
        // As the owner does it.
        block_on(poll_fn(|cx| {
            let progress = group.watch(cx.waker());
            match progress.deadline {
                Some(at) if at > now => Poll::Ready(()),
                Some(_) if group.expire(now) == Stage::Cancelled => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        moves.join().unwrap();
        group.expire(later);
        group.expire(later);
        assert_eq!(shape(&drain(&group)), "[deadline]");
    });
}

/// Whichever comes last, the end of the body or the wait of the child, is followed by the stop.
#[test]
fn a_child_that_waits_only_for_the_group_to_stop_hears_of_it_once_the_body_has_ended() {
    in_every_order(|| {
        let group = open("g", OnFailure::Cancel);
        let admitted = admit(&group, "a").expect("the group is open");
        let (key, other) = (admitted.key, Arc::clone(&group));
        group.spawned(admitted, AbortHandle::new());
        let child = thread::spawn(move || {
            let mut stop = pin!(other.stop_wanted().notified());
            let waker = other.resume(key, Waker::noop());
            let wait = StopWait::new(&other.stop_waits(key), &waker);
            assert!(wait.is_some(), "it is its own waker");
            // Held by the wait, in a program.
            other.rest(key);
            block_on(poll_fn(|cx| match other.stage() {
                Stage::Open => stop.as_mut().poll(cx),
                _ => Poll::Ready(()),
            }));
            drop((wait, waker));
            other.ended(key, Ended::Well);
        });
        assert_eq!(shape(&drain(&group)), "[]");
        child.join().unwrap();
    });
}

#[test]
fn a_child_that_is_spawned_while_the_group_is_cancelled_is_aborted_or_refused() {
    in_every_order(|| {
        let group = open("g", OnFailure::Cancel);
        let other = Arc::clone(&group);
        let cancels = thread::spawn(move || other.cancel());
        let aborted = admit(&group, "a").map(|admitted| {
            let handle = AbortHandle::new();
            group.spawned(admitted, handle.clone());
            handle
        });
        cancels.join().unwrap();
        if let Ok(handle) = aborted {
            assert_eq!(handle.times(), 1);
        }
    });
}

#[test]
fn a_child_that_takes_the_place_of_one_that_ended_at_once_is_aborted_in_its_own_name() {
    in_every_order(|| {
        let group = open("g", OnFailure::Cancel);
        let early = admit(&group, "early").expect("the group is open");
        let (key, other) = (early.key, Arc::clone(&group));
        let next = thread::spawn(move || {
            other.ended(key, Ended::Well);
            let handle = AbortHandle::new();
            let next = admit(&other, "next").expect("the group is open");
            other.spawned(next, handle.clone());
            handle
        });
        let gone = AbortHandle::new();
        group.spawned(early, gone.clone());
        let next = next.join().unwrap();
        group.cancel();
        assert_eq!((gone.times(), next.times()), (0, 1));
    });
}

#[test]
fn a_scope_that_is_dropped_leaves_its_children_and_their_errors_to_the_group_around_it() {
    in_every_order(|| {
        let outer = open("outer", OnFailure::WaitForAll);
        let around = admit(&outer, "around").expect("the group is open");
        let inner = open("inner", OnFailure::WaitForAll);
        let child = spawn_failing(&inner, "a");
        let other = Arc::clone(&outer);
        let dropped = thread::spawn(move || {
            inner.abandon(Some(Member::new(Arc::clone(&other), around.key)));
            other.ended(around.key, Ended::Cancelled);
        });
        assert_eq!(shape(&drain(&outer)), "[[a]]");
        dropped.join().unwrap();
        child.join().unwrap();
    });
}

/// Whoever reads values as they complete misses none, and has those of one thread in their order.
#[test]
fn tasks_that_are_woken_are_read_once_each_and_in_order() {
    in_every_order(|| {
        let ready = Arc::new(Ready::default());
        let wakers = [0, 1, 2].map(|place| ready.waker(place));
        let [first, second, third] = wakers;
        let one = thread::spawn(move || {
            first.wake();
            second.wake();
        });
        let other = thread::spawn(move || third.wake());
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(block_on(poll_fn(|cx| ready.poll_next(cx))));
        }
        let of_one: Vec<_> = places.iter().filter(|place| **place < 2).collect();
        assert_eq!(of_one, [&0, &1]);
        assert!(places.contains(&2));
        one.join().unwrap();
        other.join().unwrap();
    });
}
