//! What can be said of a program that goes on while its locks are looked at.

use std::future::poll_fn;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{spawn, yield_now};
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, Span};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use super::super::{RESOURCES, asleep, resource_layer, seen_since};
use super::{LONG, holders, id, lock_std, of, play, rest, waiters};
use crate::diagnosis::stuck_part;
use crate::observe::{Observer, ResourceSeen, TaskId};

#[test]
fn a_future_that_took_a_lock_may_go_on_in_a_task_that_is_spawned_later() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let other = lock.clone();
        let task = spawn(async move {
            let inner = other.clone();
            let mut slow = Box::pin(async move {
                let _held = inner.lock().await;
                sleep(LONG).await;
            });
            tokio::select! {
                biased;
                () = &mut slow => {}
                () = yield_now() => {}
            }
            spawn(slow);
            drop(other.lock().await);
        });
        rest().await;
        let seen = of(&[id(&task)]).unwrap();
        assert_eq!(holders(&seen), [(id(&task), 1, false)]);
        assert_eq!(waiters(&seen), [(id(&task), 0, 1, true)]);
    });
}

#[test]
fn a_request_may_be_met_in_a_task_that_is_spawned_later() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let task = spawn(async move {
            let other = lock.clone();
            let mut request = Box::pin(async move { drop(other.lock().await) });
            tokio::select! {
                biased;
                () = &mut request => {}
                () = yield_now() => {}
            }
            // It is polled much later.
            spawn(async move {
                sleep(LONG).await;
                request.await;
            });
            drop(lock.lock().await);
        });
        rest().await;
        drop(held);
        rest().await;
        let seen = of(&[id(&task)]).unwrap();
        let expected = [(id(&task), 1, 1, false), (id(&task), 0, 1, false)];
        assert_eq!(waiters(&seen), expected);
    });
}

#[test]
fn a_task_that_is_being_polled_when_the_look_begins_may_still_give_back_what_it_has() {
    play(async {
        let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (a, b) = (x.clone(), y.clone());
        let held = y.clone().lock_owned().await;
        let (asking, asked) = mpsc::channel();
        let task = spawn(async move {
            let held = a.lock().await;
            let mut request = std::pin::pin!(b.lock());
            tokio::select! {
                biased;
                _ = &mut request => {}
                () = yield_now() => {}
            }
            let resources = RESOURCES.alive();
            let asleep = asleep(&resources);
            asking.send((resources, asleep)).unwrap();
            drop(held);
            drop(request.await);
        });
        let id = id(&task);
        rest().await;
        let (resources, asleep) = asked.recv().unwrap();
        assert!(!asleep.contains_key(&id));
        let doubtful = seen_since(&resources, &asleep);
        let queues = |seen: &&ResourceSeen| seen.waiters.iter().any(|it| it.task == Some(id));
        let only = doubtful.iter().filter(queues).map(waiters);
        assert_eq!(only.collect::<Vec<_>>(), [[(id, 0, 1, false)]]);
        assert_eq!(waiters(&of(&[id]).unwrap()), [(id, 0, 1, true)]);
        drop((held, x, y));
    });
}

/// A task that shares the span of another one is polled, and ends, while that one is on its way to be.
#[test]
fn a_task_that_enters_the_span_of_another_one_does_not_poll_it() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let task = spawn(async move {
            spawn(async { yield_now().await }.in_current_span());
            let (a, b) = (lock.lock(), lock.lock());
            tokio::join!(async { drop(a.await) }, async { drop(b.await) });
        });
        let id = id(&task);
        rest().await;
        assert_eq!(
            waiters(&of(&[id]).unwrap()),
            [(id, 0, 1, true), (id, 0, 1, true)]
        );
        let resources = RESOURCES.alive().into_iter();
        let mut wakers = resources.flat_map(|it| lock_std(&it.ledger).wakers());
        let wakers = wakers.find(|it| it.task == id).unwrap();
        assert_eq!(wakers.asleep_with(2), Some(1));
        drop(held);
        task.await.unwrap();
    });
}

/// Span numbers wrap round after some thousands.
#[test]
fn a_waker_that_is_left_of_a_task_that_ended_is_not_taken_for_one_of_a_later_task() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let number = || Span::current().id();
        let gone = spawn(poll_fn(move |context| {
            Poll::Ready((context.waker().clone(), number()))
        }));
        let (waker, of_the_first) = gone.await.unwrap();
        let namesake = loop {
            let (lock, first) = (lock.clone(), of_the_first.clone());
            let (is_it, told) = oneshot::channel();
            let task = spawn(async move {
                let same = number() == first;
                is_it.send(same).unwrap();
                if same {
                    let _ = timeout(LONG, lock.lock()).await;
                }
            });
            if told.await.unwrap() {
                break task;
            }
            task.await.unwrap();
        };
        rest().await;
        drop(waker);
        let id = id(&namesake);
        assert_eq!(waiters(&of(&[id]).unwrap()), [(id, 0, 1, false)]);
        drop(held);
    });
}

/// Plays `program` beside a task that never rests, and says which of its tasks are stuck for good.
fn stuck_beside_a_busy_one(program: impl FnOnce() -> Vec<TaskId>) -> Vec<TaskId> {
    let records = Registry::default().with(resource_layer());
    tracing::subscriber::with_default(records, || {
        let observer = Observer::new();
        observer.adopt_thread();
        let mut builder = Builder::new_current_thread();
        observer.attach(builder.enable_all());
        let runtime = builder.build().unwrap();
        runtime.block_on(async {
            spawn(async {
                loop {
                    yield_now().await;
                }
            });
            let tasks = program();
            rest().await;
            let part = stuck_part(&observer.glance(), tasks[0]);
            part.map_or_else(Vec::new, |part| part.tasks)
        })
    })
}

fn in_a_ring(patience: Duration) -> Vec<TaskId> {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let (a, b) = ((x.clone(), y.clone()), (y, x));
    let a = spawn(async move {
        let _held = a.0.lock().await;
        yield_now().await;
        let _second = a.1.lock().await;
    });
    let b = spawn(async move {
        let _held = b.0.lock().await;
        yield_now().await;
        if patience.is_zero() {
            drop(b.1.lock().await);
        } else {
            let _ = timeout(patience, b.1.lock()).await;
        }
    });
    vec![id(&a), id(&b)]
}

#[test]
fn a_ring_is_found_in_a_program_that_goes_on() {
    let ring = stuck_beside_a_busy_one(|| in_a_ring(Duration::ZERO));
    assert_eq!(ring.len(), 2);
    let patient = stuck_beside_a_busy_one(|| in_a_ring(LONG));
    assert_eq!(patient, []);
}
